"""Enregistrer une grille, la relire : une version écrite ne change plus."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from sqlalchemy.orm import Session

from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.referentiels.grilles import repository
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules import (
    Grille,
    GrilleInvalide,
    empreinte,
    grille_depuis_donnees,
    grille_vers_donnees,
)

ACTEUR = "ligne-de-commande"
GRILLES_GARDEES = 32
_grilles: OrderedDict[str, Grille] = OrderedDict()
_verrou = Lock()


class GrilleIllisible(ActeImpossible):
    """Le contenu gardé n'est pas une grille, ou n'a pas son empreinte : on ne note pas avec."""

    code = "grille_illisible"


def enregistrer(
    session: Session, contrat_id: int, grille: Grille, maintenant: datetime, *, acteur: str = ACTEUR
) -> bool:
    """Ajoute cette version de grille au contrat ; faux si elle y est déjà, à l'identique.

    Lève ActeImpossible (`grille_figee`) si une autre grille porte déjà ce numéro de version.
    """
    voulue = empreinte(grille)
    existante = repository.get_grille_par_version(session, contrat_id, grille.version)
    if existante is not None:
        if existante.empreinte != voulue:
            raison = f"La grille {grille.version} est déjà enregistrée et ne change plus : donnez un autre numéro."
            raise ActeImpossible(raison, code="grille_figee")
        return False
    session.add(
        GrilleEnregistree(
            contrat_id=contrat_id,
            version=grille.version,
            contenu=grille_vers_donnees(grille),
            empreinte=voulue,
            cree_at=maintenant,
        )
    )
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.enregistree", objet=grille.version, acteur=acteur,
        maintenant=maintenant, apres={"empreinte": voulue},
    )  # fmt: skip
    return True


def lire(session: Session, grille_id: int, marque: str = "") -> Grille:
    """La grille de cette clé, prête à noter. Avec son empreinte (`marque`), celle déjà en mémoire sert, sans requête.

    Lève GrilleIllisible si elle n'est plus celle qui a été enregistrée.
    """
    return _gardee(marque) or grille_de(repository.get_grille(session, grille_id))


def _gardee(marque: str) -> Grille | None:
    with _verrou:
        if marque in _grilles:
            _grilles.move_to_end(marque)
            return _grilles[marque]
    return None


def grille_de(enregistree: GrilleEnregistree) -> Grille:
    """La grille d'un contenu enregistré, gardée en mémoire sous son empreinte. Lève GrilleIllisible."""
    cle = enregistree.empreinte
    gardee = _gardee(cle)
    if gardee is not None:
        return gardee
    try:
        grille = grille_depuis_donnees(enregistree.contenu)
    except GrilleInvalide as erreur:
        raise GrilleIllisible(f"La grille {enregistree.version} ne se lit pas : rien n’est noté avec elle.") from erreur
    if empreinte(grille) != cle:
        raise GrilleIllisible(f"La grille {enregistree.version} a été altérée : rien n’est noté avec elle.")
    with _verrou:
        _grilles[cle] = grille
        while len(_grilles) > GRILLES_GARDEES:
            _grilles.popitem(last=False)
    return grille
