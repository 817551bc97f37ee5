"""Lire les grilles d'un contrat ; en adopter une : essayée d'abord, et sans retirer un critère qui sert."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.notation.repository import grilles as usages
from app.etapes.notation.repository import travaux
from app.etapes.notation.service.lecture import LIT_LES_NOTES
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable
from app.noyau.roles import Role
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleBrouillon, GrilleEnregistree
from app.referentiels.grilles.rules import Grille, GrilleInvalide
from app.referentiels.grilles.rules.brouillon import raison_de_ne_pas_adopter
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
    session: Session, contrat_id: int, version: str, *, acteur: Identite, maintenant: datetime
) -> GrilleEnregistree:
    """Fige un brouillon essayé. Lève Introuvable, ActeInterdit, ActeImpossible (`essai_attendu`) ou GrilleInvalide."""
    brouillon = grilles.brouillon_a_changer(session, contrat_id, version, acteur)
    grille = grilles.grille_du_brouillon(brouillon)
    origine = grilles.grille_de(versions.get_grille(session, brouillon.origine_id))
    if raison := raison_d_attendre(session, brouillon, origine, grille):
        raise ActeImpossible(raison, code="essai_attendu")
    if fautes := fautes_des_usages(session, brouillon, origine, grille):
        raise GrilleInvalide(fautes)
    return grilles.adopter(session, contrat_id, version, acteur=acteur, maintenant=maintenant)
