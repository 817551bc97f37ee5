"""Ce que les pages montrent d'une note rejouée : des textes et des nombres prêts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from app.etapes.notation.repository import AjustementCourant
from app.etapes.notation.rules import LigneNote, Note, ecrire_arrondi, ecrire_decimal, ecrire_fait, valeurs_admises
from app.noyau.sources import Source
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut

Noms = Mapping[str, Mapping[str, str]]  # fait → code → nom
SANS_NOM: Noms = MappingProxyType({})


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
    source: Source
    calcules: str
    ajustement: AjustementCourant | None
    faits: tuple[FaitLu, ...]


def capitale(texte: str) -> str:
    """La première lettre en majuscule, le reste tel quel (QPV reste QPV)."""
    return texte[:1].upper() + texte[1:]


def dire(code: str, fait: Fait | None, noms: Noms = SANS_NOM) -> str:
    """La valeur d'un fait : le nom d'un code du contrat, le libellé d'une liste fermée, sinon sa forme écrite."""
    connus = noms.get(code) or dict(valeurs_admises(CATALOGUE[code]))
    match fait.valeur if fait is not None else None:
        case str(valeur) if valeur in connus:
            return connus[valeur]
        case frozenset(valeurs) if valeurs and connus:
            return " ; ".join(connus.get(v, v) for v in sorted(valeurs))
    return ecrire_fait(code, fait)


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
        motif=ligne.motif,
        source=ligne.source,
        calcules="indécis" if ligne.points_calcules is None else ecrire_decimal(ligne.points_calcules),
        ajustement=ajustement if ligne.ajustement is not None else None,
        faits=tuple(_fait_lu(code, fait, noms) for code, fait in ligne.faits_utilises),
    )


def _fait_lu(code: str, fait: Fait | None, noms: Noms) -> FaitLu:
    return FaitLu(
        CATALOGUE[code].libelle, dire(code, fait, noms), fait.statut.libelle if fait is not None else "manquant"
    )


def total_ecrit(note: Note) -> tuple[str, int]:
    """Points obtenus (« 76,1 », « 60 à 71 ») et points possibles, avant de ramener sur 100."""
    return " à ".join(dict.fromkeys(map(ecrire_decimal, note.points_obtenus))), note.points_possibles


def ton_du_statut(statut: Statut | None) -> str:
    """La forme de l'étiquette d'un fait."""
    return {None: "attente", Statut.DECLARE: "neutre", Statut.VERIFIE: "oui", Statut.CORRIGE: "info"}[statut]
