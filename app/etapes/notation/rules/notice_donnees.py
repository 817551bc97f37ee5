"""La notice en données JSON : de quoi refaire chaque total à la main, sans rien d'autre. Une liste fermée de clés."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.notice import (
    Bornes,
    Calcul,
    CritereExplique,
    Donnee,
    LigneEnAttente,
    LigneExpliquee,
    Notice,
)
from app.etapes.notation.rules.notice_baremes import PalierExplique, Terme
from app.etapes.notation.rules.transparence import CONTRIBUTIONS, DEGRE, FINALITE, OPERATIONS
from app.referentiels.grilles.rules import ModeArrondi

PAR_QUI = "une personne de l’instruction"


def notice_vers_donnees(notice: Notice) -> dict[str, Any]:
    """La notice en JSON : ni flottant, ni nom d'agent. Un nombre s'écrit « 8.4 », ou « 7610/97 » s'il ne finit pas.

    Refaire une part : lire le barème de haut en bas, avec la valeur `exacte` des données et les `termes` ; le premier
    palier rempli la donne.
    Refaire une note : pour chaque critère qui n'est pas « sans_objet », points = points_possibles × part ÷ 100 ; leur
    somme ÷ la somme des points possibles × 100, arrondie une fois. Un critère qui peut être sans objet compte dans un
    cas et pas dans l'autre : la note va du plus bas au plus haut de ces cas.
    Source : CRPA, art. L.311-3-1 et R.311-3-1-2.
    """
    return {
        "dossier": notice.numero,
        "titre": notice.titre,
        "regles": notice.regles,
        **({"apercu": True} if notice.est_apercu else {}),
        "finalite": FINALITE,
        "contribution": {"degre": DEGRE, "mode": list(CONTRIBUTIONS)},
        "operations": list(OPERATIONS),
        "lignes": [_ligne(ligne) for ligne in notice.lignes],
        "en_attente": [_en_attente(ligne) for ligne in notice.en_attente],
    }


def _ligne(ligne: LigneExpliquee) -> dict[str, Any]:
    bas, haut = ligne.note
    return {
        "ligne": ligne.code,
        "libelle": ligne.libelle,
        "calculee_le": ligne.calculee_le.isoformat(),
        "grille": {"version": ligne.version_grille, "empreinte": ligne.empreinte_grille},
        **({"priorites": [list(codes) for codes in ligne.priorites]} if ligne.priorites else {}),
        "arrondi": {"decimales": ligne.decimales, "mode": ModeArrondi.DEMI_VERS_LE_HAUT.value},
        "note": str(bas) if bas == haut else None,
        "intervalle": [str(bas), str(haut)],
        "note_ecrite": ligne.note_ecrite,
        "criteres": [_critere(critere) for critere in ligne.criteres],
        "donnees": [_donnee(donnee) for donnee in ligne.donnees],
        "termes": [_terme(terme) for terme in ligne.termes],
        "calculs": [_calcul(calcul) for calcul in ligne.calculs],
    }


def _critere(critere: CritereExplique) -> dict[str, Any]:
    donnees: dict[str, Any] = {
        "code": critere.code,
        "libelle": critere.libelle,
        "etat": critere.etat,
        "points_possibles": critere.possibles,
        "poids_effectif": _nombre(critere.poids_effectif),
        "part_pour_cent": _bornes(critere.part),
        "points": _bornes(critere.points),
        "calcul": critere.calcul,
        "explication": critere.explication,
        "source": critere.source,
        "donnees": list(critere.donnees),
        "bareme": [_palier(palier) for palier in critere.paliers],
    }
    if critere.peut_sortir:
        donnees["peut_etre_sans_objet"] = True
    if critere.part_de_la_grille is not None:
        donnees["ajustement"] = {
            "part_de_la_grille_pour_cent": _bornes(critere.part_de_la_grille),
            "raison": critere.ajustement,
            "par": PAR_QUI,
        }
    return donnees


def _donnee(donnee: Donnee) -> dict[str, Any]:
    return {
        "code": donnee.code,
        "libelle": donnee.libelle,
        "valeur": donnee.valeur,
        "etat": donnee.etat,
        "source": donnee.source,
        **({} if donnee.exacte is None else {"exacte": donnee.exacte}),
        **({"correction": donnee.correction} if donnee.correction else {}),
    }


def _palier(palier: PalierExplique) -> dict[str, Any]:
    part = {"sans_objet": True} if palier.part is None else {"part_pour_cent": palier.part}
    return {**part, "condition": palier.condition, "etat": palier.etat.value}


def _terme(terme: Terme) -> dict[str, Any]:
    return {"nom": terme.nom, "sens": terme.sens, **({"codes": list(terme.codes)} if terme.codes else {})}


def _calcul(calcul: Calcul) -> dict[str, Any]:
    return {
        **({"sans": list(calcul.sans)} if calcul.sans else {}),
        "points": _bornes(calcul.points),
        "points_possibles": calcul.possibles,
        "exact": _bornes(calcul.total),
        "note": [str(borne) for borne in calcul.arrondi],
        "phrases": list(calcul.phrases),
    }


def _en_attente(ligne: LigneEnAttente) -> dict[str, Any]:
    return {"ligne": ligne.code, "libelle": ligne.libelle, "raison": ligne.raison.value, "phrase": ligne.phrase}


def _bornes(bornes: Bornes) -> list[str]:
    return [_nombre(bornes.bas), _nombre(bornes.haut)]


def _nombre(nombre: Fraction) -> str:
    """« 8.4 » si l'écriture décimale finit au centième, sinon « 7610/97 »."""
    centiemes = nombre * 100
    if centiemes.denominator != 1:
        return str(nombre)
    entier, reste = divmod(centiemes.numerator, 100)
    return f"{entier}.{reste:02d}".rstrip("0").rstrip(".") if reste else str(entier)
