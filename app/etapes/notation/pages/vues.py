"""Ce que les pages montrent d'une note rejouée : des textes et des nombres prêts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.notation.repository import AjustementCourant
from app.etapes.notation.rules import (
    Lecture,
    LigneNote,
    Note,
    Regard,
    Reponse,
    ecrire_arrondi,
    ecrire_decimal,
    regards,
    total_selon,
)
from app.etapes.notation.rules.noms import SANS_NOM, Noms, dire
from app.etapes.notation.rules.passages import Renvoi, renvois
from app.etapes.notation.rules.saisie import FIGES
from app.etapes.notation.service.lecture import LigneVue
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut

__all__ = [
    "SANS_NOM",
    "CritereVu",
    "FaitLu",
    "Noms",
    "capitale",
    "criteres_vus",
    "dire",
    "fourchette",
    "plage",
    "ton_du_statut",
    "total_ecrit",
]


@dataclass(frozen=True, slots=True)
class FaitLu:
    """Un fait lu par un critère, comme on l'écrit."""

    libelle: str
    valeur: str
    statut: str


@dataclass(frozen=True, slots=True)
class CritereVu:
    """Un critère de la fiche. `bas` et `haut` : points, pour la barre ; égaux quand le critère est noté."""

    code: str
    libelle: str
    points: str
    maximum: int
    bas: Fraction
    haut: Fraction
    compte: bool
    poids_effectif: str
    motif: str
    renvois: tuple[Renvoi, ...]
    compare_le_cout: bool
    calcules: str
    ajustement: AjustementCourant | None
    faits: tuple[FaitLu, ...]


def capitale(texte: str) -> str:
    """La première lettre en majuscule, le reste tel quel (QPV reste QPV)."""
    return texte[:1].upper() + texte[1:]


def fourchette(note: Note) -> str:
    """« 78,5 », ou « entre 60,2 et 71,4 »."""
    bas, haut = map(ecrire_arrondi, note.intervalle)
    return bas if bas == haut else f"entre {bas} et {haut}"


def plage(note: Note) -> str:
    """« 78,5 », ou « 60,2 à 71,4 », pour une carte."""
    bas, haut = map(ecrire_arrondi, note.intervalle)
    return bas if bas == haut else f"{bas} à {haut}"


def criteres_vus(note: Note, ajustements: Iterable[AjustementCourant], noms: Noms = SANS_NOM) -> tuple[CritereVu, ...]:
    """Les critères d'une note, dans l'ordre de la grille."""
    par_critere = {ajustement.critere: ajustement for ajustement in ajustements if ajustement.taux is not None}
    return tuple(_critere(ligne, par_critere.get(ligne.code), noms) for ligne in note.lignes)


def _critere(ligne: LigneNote, ajustement: AjustementCourant | None, noms: Noms) -> CritereVu:
    bas, haut = ligne.points_minimum, ligne.points_maximum
    ecrits = " à ".join(dict.fromkeys((ecrire_decimal(bas), ecrire_decimal(haut))))
    return CritereVu(
        code=ligne.code,
        libelle=ligne.libelle,
        points=ecrits if ligne.compte else "—",
        maximum=ligne.maximum,
        bas=bas,
        haut=haut,
        compte=ligne.compte,
        poids_effectif=ecrire_decimal(ligne.poids_effectif, 1),
        motif=ligne.motif_avec(noms),
        renvois=renvois(ligne.source),
        compare_le_cout=any(code in FIGES for code, _ in ligne.faits_utilises),
        calcules="indécis" if ligne.points_calcules is None else ecrire_decimal(ligne.points_calcules),
        ajustement=ajustement if ligne.ajustement is not None else None,
        faits=tuple(fait_lu(code, fait, noms) for code, fait in ligne.faits_utilises),
    )


def fait_lu(code: str, fait: Fait | None, noms: Noms) -> FaitLu:
    """Un fait, comme on l'écrit."""
    return FaitLu(
        CATALOGUE[code].libelle, dire(code, fait, noms), fait.statut.libelle if fait is not None else "manquant"
    )


def total_ecrit(note: Note) -> tuple[str, int]:
    """Points obtenus (« 76,1 », « 60 à 71 ») et points possibles, avant de ramener sur 100."""
    return " à ".join(dict.fromkeys(map(ecrire_decimal, note.points_obtenus))), note.points_possibles


@dataclass(frozen=True, slots=True)
class RegardVu:
    """Un critère sous plusieurs regards, en parts du poids écrites. `lectures` : (part ou « — », motif) par lecture."""

    libelle: str
    calcule: str
    retenu: str
    lectures: tuple[tuple[str, str], ...]
    diverge: bool


def regards_portes(vue: LigneVue) -> dict[str, Any]:
    """Ce que la fiche montre des secondes lectures : rendues et attendues, critère par critère, total de chacune."""
    rendues = [v for v in vue.lectures if v.lecture.criteres is not None]
    lectures = [
        Lecture(v.par, {code: Reponse(r["taux"], r["motif"]) for code, r in (v.lecture.criteres or {}).items()})
        for v in rendues
    ]
    portes = regards(vue.note, lectures) if vue.note is not None and lectures else ()
    return {
        "lectures": rendues,
        "lectures_attendues": [v for v in vue.lectures if v.lecture.criteres is None],
        "totaux_lus": [_total_lu(vue.note, lecture) for lecture in lectures],
        "regards": [_regard(regard) for regard in portes],
        "desaccords": sum(regard.diverge for regard in portes),
    }


def _total_lu(note: Note | None, lecture: Lecture) -> str:
    total = total_selon(note, lecture) if note is not None else None
    return "—" if total is None else ecrire_decimal(total, 1)


def _regard(regard: Regard) -> RegardVu:
    return RegardVu(
        regard.libelle,
        _part(*regard.calcule),
        _part(*regard.retenu),
        tuple(("—", "") if r is None else (_part(Fraction(r.taux)), r.motif) for _, r in regard.reponses),
        regard.diverge,
    )


def _part(*taux: Fraction) -> str:
    return " à ".join(dict.fromkeys(f"{ecrire_decimal(un, 0)}\u00a0%" for un in taux))


def ton_du_statut(statut: Statut | None) -> str:
    """La forme de l'étiquette d'un fait."""
    return {None: "attente", Statut.DECLARE: "neutre", Statut.VERIFIE: "oui", Statut.CORRIGE: "info"}[statut]
