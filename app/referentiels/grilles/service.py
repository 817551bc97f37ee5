"""Enregistrer une grille, la relire (une version écrite ne change plus) ; préparer, changer, adopter un brouillon."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from threading import Lock

from sqlalchemy.orm import Session

from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.grilles import repository
from app.referentiels.grilles.models import GrilleBrouillon, GrilleEnregistree
from app.referentiels.grilles.rules import (
    Grille,
    GrilleInvalide,
    empreinte,
    grille_depuis_donnees,
    grille_vers_donnees,
    valider,
)
from app.referentiels.grilles.rules.brouillon import EtatBrouillon, fautes_de_la_version
from app.referentiels.grilles.rules.codes import CodesConnus, fautes_des_codes
from app.referentiels.grilles.rules.usages import fautes_des_lignes
from app.referentiels.lignes import repository as lignes

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
    return _ecrire(session, contrat_id, grille, maintenant, acteur)[1]


def _ecrire(
    session: Session, contrat_id: int, grille: Grille, maintenant: datetime, acteur: str
) -> tuple[GrilleEnregistree, bool]:
    """La version enregistrée, et vrai si elle vient de l'être."""
    voulue = empreinte(grille)
    existante = repository.get_grille_par_version(session, contrat_id, grille.version)
    if existante is not None:
        if existante.empreinte != voulue:
            raison = f"La grille {grille.version} est déjà enregistrée et ne change plus : donnez un autre numéro."
            raise ActeImpossible(raison, code="grille_figee")
        return existante, False
    ajoutee = GrilleEnregistree(
        contrat_id=contrat_id,
        version=grille.version,
        contenu=grille_vers_donnees(grille),
        empreinte=voulue,
        cree_at=maintenant,
    )
    session.add(ajoutee)
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.enregistree", objet=grille.version, acteur=acteur,
        maintenant=maintenant, apres={"empreinte": voulue},
    )  # fmt: skip
    return ajoutee, True


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


# --- brouillons -----------------------------------------------------------------------------------------------------


def peut_preparer(acteur: Identite, contrat_id: int) -> bool:
    """Vrai pour le chargé de mission du contrat."""
    return acteur.tient(Role.CHARGE_MISSION, contrat_id=contrat_id)


def _exiger_charge(acteur: Identite, contrat_id: int) -> None:
    if not peut_preparer(acteur, contrat_id):
        raise ActeInterdit("Seul le chargé de mission du contrat prépare et adopte une grille.")


def preparer(
    session: Session,
    origine: GrilleEnregistree,
    *,
    version: str,
    acteur: Identite,
    maintenant: datetime,
) -> GrilleBrouillon:
    """Un brouillon, copie d'une grille sous un numéro nouveau. Lève ActeInterdit, SaisieInvalide, GrilleIllisible."""
    contrat_id = origine.contrat_id
    _exiger_charge(acteur, contrat_id)
    repository.verrouiller_les_versions(session, contrat_id)
    if fautes := fautes_de_la_version(version, repository.versions_prises(session, contrat_id)):
        raise SaisieInvalide(fautes)
    grille = replace(grille_de(origine), version=version)
    brouillon = GrilleBrouillon(
        contrat_id=contrat_id, origine_id=origine.id, version=version, contenu=grille_vers_donnees(grille),
        empreinte=empreinte(grille), revision=1, etat=EtatBrouillon.EN_PREPARATION, grille_id=None,
        acteur=acteur.acteur, cree_at=maintenant, modifie_at=maintenant,
    )  # fmt: skip
    session.add(brouillon)
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.brouillon_prepare", objet=version, acteur=acteur.acteur,
        maintenant=maintenant, apres={"origine": origine.version, "empreinte": brouillon.empreinte},
    )  # fmt: skip
    return brouillon


def grille_du_brouillon(brouillon: GrilleBrouillon) -> Grille:
    """La grille d'un brouillon. Lève GrilleInvalide si elle a été altérée en base."""
    return grille_depuis_donnees(brouillon.contenu)


def fautes_de(session: Session, contrat_id: int, grille: Grille, codes: CodesConnus | None = None) -> list[Faute]:
    """Tout ce que cette grille a de faux dans ce contrat, chaque faute à son chemin.

    `codes` : ceux du contrat, lus par etapes/notation ; sans eux, les codes cités ne sont pas jugés.
    """
    if fautes := valider(grille):
        return fautes
    connues = {ligne.code for ligne in lignes.list_lignes(session, contrat_id)}
    return fautes_des_lignes(grille, connues) + (fautes_des_codes(grille, codes) if codes is not None else [])


def modifier(
    session: Session,
    contrat_id: int,
    version: str,
    grille: Grille,
    *,
    revision: int,
    acteur: Identite,
    maintenant: datetime,
    codes: CodesConnus | None = None,
) -> GrilleBrouillon:
    """Change un brouillon ; le même contenu ne change rien. Une grille invalide n'est jamais enregistrée.

    Lève Introuvable, ActeInterdit, ActeImpossible (déjà adopté ou abandonné), VersionPerimee (quelqu'un a enregistré
    depuis `revision`) ou GrilleInvalide.
    """
    brouillon = brouillon_a_changer(session, contrat_id, version, acteur)
    neuve = empreinte(grille)
    if neuve == brouillon.empreinte:
        return brouillon
    if brouillon.revision != revision:
        raise VersionPerimee(
            "Quelqu’un a enregistré cette grille entre-temps. Relisez-la, puis refaites votre changement."
        )
    fautes = fautes_de(session, contrat_id, grille, codes)
    if grille.version != version:
        raison = f"Ce brouillon porte le numéro {version} : gardez-le, ou préparez une autre grille."
        fautes.append(Faute("version", raison, "version_changee"))
    if fautes:
        raise GrilleInvalide(fautes)
    avant = brouillon.empreinte
    brouillon.contenu, brouillon.empreinte = grille_vers_donnees(grille), neuve
    brouillon.revision, brouillon.modifie_at = revision + 1, maintenant
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.brouillon_modifie", objet=version, acteur=acteur.acteur,
        maintenant=maintenant, avant={"empreinte": avant}, apres={"empreinte": neuve, "revision": revision + 1},
    )  # fmt: skip
    return brouillon


def abandonner(
    session: Session, contrat_id: int, version: str, *, acteur: Identite, maintenant: datetime
) -> GrilleBrouillon:
    """Abandonne un brouillon : son numéro redevient libre. Lève Introuvable, ActeInterdit, ActeImpossible."""
    brouillon = brouillon_a_changer(session, contrat_id, version, acteur)
    brouillon.etat, brouillon.modifie_at = EtatBrouillon.ABANDONNE, maintenant
    consigner(
        session, contrat_id=contrat_id, acte="grille.brouillon_abandonne", objet=version, acteur=acteur.acteur,
        maintenant=maintenant, avant={"empreinte": brouillon.empreinte},
    )  # fmt: skip
    return brouillon


def adopter(
    session: Session,
    contrat_id: int,
    version: str,
    *,
    acteur: Identite,
    maintenant: datetime,
    codes: CodesConnus | None = None,
) -> GrilleEnregistree:
    """Fige un brouillon : il devient une version de la grille, que rien ne change plus.

    Ce qui est propre aux notes (essai, critères encore utilisés) se juge avant, dans etapes/notation.
    Lève Introuvable, ActeInterdit, ActeImpossible ou GrilleInvalide.
    """
    brouillon = brouillon_a_changer(session, contrat_id, version, acteur)
    grille = grille_du_brouillon(brouillon)
    if fautes := fautes_de(session, contrat_id, grille, codes):
        raise GrilleInvalide(fautes)
    adoptee, _ = _ecrire(session, contrat_id, grille, maintenant, acteur.acteur)
    brouillon.etat, brouillon.grille_id, brouillon.modifie_at = EtatBrouillon.ADOPTE, adoptee.id, maintenant
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.adoptee", objet=version, acteur=acteur.acteur,
        maintenant=maintenant, apres={"empreinte": adoptee.empreinte},
    )  # fmt: skip
    return adoptee


def brouillon_a_changer(session: Session, contrat_id: int, version: str, acteur: Identite) -> GrilleBrouillon:
    """Le brouillon, verrouillé, que cette personne peut changer. Lève Introuvable, ActeInterdit, ActeImpossible."""
    brouillon = repository.get_brouillon(session, contrat_id, version, verrou=True)
    if brouillon is None:
        raise Introuvable("Ce brouillon de grille n’existe pas.")
    _exiger_charge(acteur, contrat_id)
    if brouillon.etat is not EtatBrouillon.EN_PREPARATION:
        raise ActeImpossible(
            f"La grille {version} est « {brouillon.etat.libelle.lower()} » : elle ne change plus.",
            code="etat_contraire",
        )
    return brouillon
