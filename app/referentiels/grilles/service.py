"""Enregistrer une grille : une version écrite ne change plus."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.referentiels.grilles import repository
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules import Grille, empreinte, grille_vers_donnees

ACTEUR = "ligne-de-commande"


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
