"""Lire les grilles d'un contrat ; en adopter une : essayée d'abord, et sans retirer un critère qui sert."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import service as appels
from app.etapes.appel.models import Appel
from app.etapes.contrat import repository as contenus
from app.etapes.notation.repository import grilles as usages
from app.etapes.notation.repository import travaux
from app.etapes.notation.service.lecture import LIT_LES_NOTES
from app.etapes.notation.service.noms import actions_des_feuilles
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, VersionPerimee
from app.noyau.periodes import a_paris
from app.noyau.roles import Role
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleBrouillon, GrilleEnregistree
from app.referentiels.grilles.rules import Grille, GrilleInvalide
from app.referentiels.grilles.rules.brouillon import raison_de_ne_pas_adopter
from app.referentiels.grilles.rules.codes import CodesConnus, codes_connus, fautes_des_codes
from app.referentiels.grilles.rules.differences import criteres_retires, differences
from app.referentiels.grilles.rules.usages import fautes_des_retraits


def contrat_en_vue(session: Session, code: str, acteur: Identite, *roles: Role) -> Contrat:
    """Le contrat, si cette personne y lit les notes, ou y tient un de ces rôles. Lève Introuvable."""
    contrat = contrats.get_contrat_par_code(session, code)
    if contrat is None or not acteur.tient(*(roles or LIT_LES_NOTES), contrat_id=contrat.id):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’y avez pas accès.")
    return contrat


def brouillon_en_vue(session: Session, code: str, version: str, acteur: Identite) -> tuple[Contrat, GrilleBrouillon]:
    """Le contrat et ce brouillon, pour le chargé de mission. Lève Introuvable."""
    contrat = contrat_en_vue(session, code, acteur, Role.CHARGE_MISSION)
    brouillon = versions.get_brouillon(session, contrat.id, version)
    if brouillon is None:
        raise Introuvable("Ce brouillon de grille n’existe pas.")
    return contrat, brouillon


def grille_en_vue(session: Session, contrat: Contrat, version: str) -> Grille:
    """Une version adoptée de ce contrat. Lève Introuvable, GrilleIllisible."""
    enregistree = versions.get_grille_par_version(session, contrat.id, version)
    if enregistree is None:
        raise Introuvable(f"La grille {version} n’existe pas dans ce contrat.")
    return grilles.grille_de(enregistree)


def raison_d_attendre(session: Session, brouillon: GrilleBrouillon, origine: Grille, grille: Grille) -> str | None:
    """Pourquoi ce brouillon ne s'adopte pas encore, ou None. Deux requêtes au plus."""
    return raison_de_ne_pas_adopter(
        est_essayee=travaux.a_un_essai(session, brouillon.id, brouillon.empreinte),
        a_des_notes=usages.a_des_notes(session, brouillon.contrat_id),
        change=bool(differences(origine, grille)),
    )


def fautes_des_usages(session: Session, brouillon: GrilleBrouillon, origine: Grille, grille: Grille) -> list[Faute]:
    """Les critères retirés dont des personnes se servent, dans les appels en cours qui épinglent l'origine."""
    retires = [critere.code for critere in criteres_retires(origine, grille)]
    return fautes_des_retraits(origine, grille, usages.usages_des_criteres(session, brouillon.origine_id, retires))


def adopter(
    session: Session, contrat_id: int, version: str, *, revision: int, acteur: Identite, maintenant: datetime
) -> GrilleEnregistree:
    """Fige un brouillon essayé, tel que la personne l'a relu (`revision`).

    Lève Introuvable, ActeInterdit, ActeImpossible (`essai_attendu`), VersionPerimee (changé depuis `revision`) ou
    GrilleInvalide.
    """
    brouillon = grilles.brouillon_a_changer(session, contrat_id, version, acteur)
    if brouillon.revision != revision:
        raise VersionPerimee("Cette grille a changé depuis que vous l’avez relue. Relisez-la avant de l’adopter.")
    grille = grilles.grille_du_brouillon(brouillon)
    origine = grilles.grille_de(versions.get_grille(session, brouillon.origine_id))
    if raison := raison_d_attendre(session, brouillon, origine, grille):
        raise ActeImpossible(raison, code="essai_attendu")
    if fautes := fautes_des_usages(session, brouillon, origine, grille):
        raise GrilleInvalide(fautes)
    codes = codes_du_contrat(session, contrat_id, maintenant)
    return grilles.adopter(session, contrat_id, version, acteur=acteur, maintenant=maintenant, codes=codes)


# --- les codes du contrat -------------------------------------------------------------------------------------------


def codes_du_contrat(session: Session, contrat_id: int, maintenant: datetime) -> CodesConnus | None:
    """Les codes de la version en vigueur qu'une grille peut citer ; None si le contrat n'en a pas encore."""
    version = contrats.version_en_vigueur(session, contrat_id, a_paris(maintenant).date())
    return None if version is None else codes_de_la_version(session, contrat_id, version.id)


def codes_de_la_version(session: Session, contrat_id: int, version_id: int) -> CodesConnus:
    """Fait → les codes de cette version du contrat. Six requêtes."""
    objectifs = contenus.list_objectifs(session, version_id)
    _, fins = contenus.codes_d_objectifs(session, version_id)
    return codes_connus(
        objectifs=[objectif.code for objectif in objectifs],
        operationnels=fins,
        pistes=[piste["code"] for objectif in objectifs for piste in objectif.contenu.get("pistes") or ()],
        actions=_actions(session, version_id),
        fiches=contenus.fiches_par_code(session, version_id),
        priorites=[code.replace(" n° ", ".") for code in contenus.priorites_par_code(session, version_id)],
        communes=contenus.communes_par_code(session, contrat_id),
    )


def _actions(session: Session, version_id: int) -> list[str]:
    actions = [code for code, _ in actions_des_feuilles(session, version_id)]
    return [*dict.fromkeys(code.partition(".")[0] for code in actions), *actions]


def modifier(
    session: Session,
    contrat_id: int,
    version: str,
    grille: Grille,
    *,
    revision: int,
    acteur: Identite,
    maintenant: datetime,
) -> GrilleBrouillon:
    """Change un brouillon, ses codes jugés contre le contrat en vigueur. Lève ce que lève `grilles.modifier`."""
    codes = codes_du_contrat(session, contrat_id, maintenant)
    return grilles.modifier(
        session, contrat_id, version, grille, revision=revision, acteur=acteur, maintenant=maintenant, codes=codes
    )


def epingler(
    session: Session, appel: Appel, enregistree: GrilleEnregistree, *, acteur: Identite, maintenant: datetime
) -> Appel:
    """Épingle une version à un appel en préparation, si tous ses codes sont dans le contrat de cet appel.

    Lève ActeInterdit, ActeImpossible, SaisieInvalide, GrilleIllisible ou GrilleInvalide.
    """
    epingle = appels.epingler(session, appel.code, enregistree, acteur=acteur, maintenant=maintenant)
    codes = codes_de_la_version(session, appel.contrat_id, appel.version_id)
    if fautes := fautes_des_codes(grilles.grille_de(enregistree), codes):
        raise GrilleInvalide(fautes)
    return epingle
