"""Ce que partagent les pages d'une ligne : l'appel en vue, la ligne, sa grille, les onglets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.notation import service
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Role
from app.referentiels.grilles.rules import Grille
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.models import LigneFinancement

E = TypeVar("E", bound=StrEnum)
ONGLETS = (
    ("classement", "Classement"),
    ("distribution", "Répartition des notes"),
    ("poids", "Explorer les poids"),
)
EDITE_LES_GRILLES = frozenset({Role.CHARGE_MISSION})


@dataclass(frozen=True, slots=True)
class CritereDeLigne:
    """Un critère qui pèse sur une ligne."""

    code: str
    libelle: str
    poids: int


def parmi(enumeration: type[E], texte: str) -> E | None:
    """La valeur que ce texte nomme ; None s'il n'en nomme aucune."""
    return next((membre for membre in enumeration if membre.value == texte), None)


def appel_en_vue(session: SessionDep, code: str, acteur: Identite) -> Appel:
    """L'appel, si cette personne lit les notes de son contrat. Lève Introuvable."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(*service.LIT_LES_NOTES, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def ligne_choisie(session: SessionDep, appel: Appel, code: str) -> tuple[LigneFinancement, Sequence[LigneFinancement]]:
    """La ligne de ce code et toutes celles du contrat. Lève Introuvable."""
    toutes = lignes.list_lignes(session, appel.contrat_id)
    choisie = next((candidate for candidate in toutes if candidate.code == code), None)
    if choisie is None:
        raise Introuvable("Cette ligne n’existe pas dans ce contrat.")
    return choisie, toutes


def criteres_de_la_ligne(grille: Grille, ligne: str) -> tuple[CritereDeLigne, ...]:
    """Les critères qui pèsent sur cette ligne, dans l'ordre de la grille ; aucun si elle n'y est pas."""
    poids = next((dict(candidate.poids) for candidate in grille.lignes if candidate.code == ligne), {})
    return tuple(
        CritereDeLigne(critere.code, critere.libelle, poids[critere.code])
        for critere in grille.criteres
        if poids.get(critere.code)
    )
