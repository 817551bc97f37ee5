"""Les règles d'une grille, dites en français : ce qui est lu, ce que chaque palier demande, ce qu'il rapporte."""

from __future__ import annotations

from dataclasses import dataclass

from app.noyau.sources import Source
from app.referentiels.grilles.rules import (
    CATALOGUE,
    Bareme,
    Critere,
    Grille,
    Lexique,
    decrire,
    faits_lus,
    lexique,
    phrase_publique,
)


@dataclass(frozen=True, slots=True)
class PalierPublic:
    """Un palier : la part du poids obtenue (en %), ce qui l'obtient, et la phrase écrite à côté des points.

    Source : CRPA, art. R.311-3-1-2 (paramètres de traitement et leur pondération).
    """

    taux: int
    condition: str
    phrase: str


@dataclass(frozen=True, slots=True)
class BaremePublic:
    """Les paliers d'un critère pour ces lignes de financement.

    Source : CRPA, art. R.311-3-1-2 (paramètres de traitement et leur pondération).
    """

    lignes: tuple[str, ...]
    source: Source
    paliers: tuple[PalierPublic, ...]


@dataclass(frozen=True, slots=True)
class CriterePublic:
    """Un critère : son poids par ligne (code de ligne, poids), ce qu'il lit, ses barèmes, quand il ne compte pas.

    Source : CRPA, art. R.311-3-1-2 (données traitées et leurs sources, paramètres et pondération).
    """

    code: str
    libelle: str
    source: Source
    poids: tuple[tuple[str, int], ...]
    donnees: tuple[str, ...]
    baremes: tuple[BaremePublic, ...]
    sans_objet: tuple[str, ...]
    est_transversal: bool


def regles_publiques(grille: Grille) -> tuple[CriterePublic, ...]:
    """Les critères de la grille, dans son ordre, comme on les publie.

    Source : CRPA, art. L.311-3-1 et R.311-3-1-2 ; art. L.312-1-3 (publication des règles).
    """
    noms = lexique(grille)
    libelles = {ligne.code: ligne.libelle for ligne in grille.lignes}
    return tuple(
        CriterePublic(
            code=critere.code,
            libelle=critere.libelle,
            source=critere.source,
            poids=tuple((ligne.code, dict(ligne.poids)[critere.code]) for ligne in grille.lignes),
            donnees=_donnees(critere, noms),
            baremes=tuple(_bareme(bareme, noms, libelles) for bareme in critere.baremes),
            sans_objet=tuple(decrire(cas.si, noms) for cas in grille.sans_objet if cas.critere == critere.code),
            est_transversal=critere.est_transversal,
        )
        for critere in grille.criteres
    )


def _bareme(bareme: Bareme, noms: Lexique, libelles: dict[str, str]) -> BaremePublic:
    paliers = tuple(
        PalierPublic(palier.taux, decrire(palier.si, noms), phrase_publique(palier.motif, noms))
        for palier in bareme.paliers
    )
    return BaremePublic(tuple(libelles[ligne] for ligne in bareme.lignes), bareme.source, paliers)


def _donnees(critere: Critere, noms: Lexique) -> tuple[str, ...]:
    conditions = [palier.si for bareme in critere.baremes for palier in bareme.paliers]
    codes = dict.fromkeys(code for condition in conditions for code in faits_lus(condition, noms))
    return tuple(CATALOGUE[code].libelle for code in codes)
