"""Ce que les pages montrent d'une note gardée : des textes et des nombres prêts, rien n'est recalculé."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import AjustementCourant
from app.etapes.notation.rules import FaitsDossier, ecrire_decimal, ecrire_fait, faits_depuis_donnees, valeurs_admises
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut

SANS_OBJET = "sans_objet"
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
    source: str
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


def fourchette(note: NoteEnregistree) -> str:
    """« 78,5 », ou « entre 60,2 et 71,4 »."""
    bas, haut = ecrire_decimal(Fraction(note.minimum), 1), ecrire_decimal(Fraction(note.maximum), 1)
    return bas if bas == haut else f"entre {bas} et {haut}"


def plage(note: NoteEnregistree) -> str:
    """« 78,5 », ou « 60,2 à 71,4 », pour une carte."""
    bas, haut = ecrire_decimal(Fraction(note.minimum), 1), ecrire_decimal(Fraction(note.maximum), 1)
    return bas if bas == haut else f"{bas} à {haut}"


def criteres_vus(
    note: NoteEnregistree, ajustements: Iterable[AjustementCourant], noms: Noms = SANS_NOM
) -> tuple[CritereVu, ...]:
    """Les critères d'une note gardée, dans l'ordre de la grille."""
    par_critere = {ajustement.critere: ajustement for ajustement in ajustements if ajustement.taux is not None}
    lus = faits_depuis_donnees(note.faits)
    return tuple(_critere(ligne, lus, par_critere.get(ligne["code"]), noms) for ligne in note.resultat["lignes"])


def _critere(
    ligne: Mapping[str, Any], lus: FaitsDossier, ajustement: AjustementCourant | None, noms: Noms
) -> CritereVu:
    maximum = int(ligne["maximum"])
    if ligne["points"] is not None:
        bas = haut = Fraction(ligne["points"])
    else:
        bas, haut = (Fraction(taux * maximum, 100) for taux in ligne["taux"])
    compte = ligne["etat"] != SANS_OBJET
    ecrits = " à ".join(dict.fromkeys((ecrire_decimal(bas), ecrire_decimal(haut))))
    calcules = ligne.get("ajustement", {}).get("points_calcules")
    return CritereVu(
        code=ligne["code"],
        libelle=ligne["libelle"],
        points=ecrits if compte else "—",
        maximum=maximum,
        bas=bas,
        haut=haut,
        compte=compte,
        poids_effectif=ecrire_decimal(Fraction(ligne["poids_effectif"]), 1),
        motif=ligne["motif"],
        source=ligne["source"],
        calcules="indécis" if calcules is None else ecrire_decimal(Fraction(calcules)),
        ajustement=ajustement if "ajustement" in ligne else None,
        faits=tuple(_fait_lu(code, lus.fait(code), noms) for code in ligne["faits"]),
    )


def _fait_lu(code: str, fait: Fait | None, noms: Noms) -> FaitLu:
    return FaitLu(
        CATALOGUE[code].libelle, dire(code, fait, noms), fait.statut.libelle if fait is not None else "manquant"
    )


def total_ecrit(note: NoteEnregistree) -> tuple[str, int]:
    """Points obtenus (« 76,1 », « 60 à 71 ») et points possibles, avant de ramener sur 100."""
    obtenus = " à ".join(dict.fromkeys(ecrire_decimal(Fraction(points)) for points in note.resultat["points"]))
    return obtenus, int(note.resultat["points_possibles"])


def ton_du_statut(statut: Statut | None) -> str:
    """La forme de l'étiquette d'un fait."""
    return {None: "attente", Statut.DECLARE: "neutre", Statut.VERIFIE: "oui", Statut.CORRIGE: "info"}[statut]
