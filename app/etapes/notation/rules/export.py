"""La note en JSON : de quoi refaire le total à la main, sans un flottant, toujours les mêmes octets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.faits import faits_vers_donnees
from app.etapes.notation.rules.note import HorsChamp, LigneNote, Resultat
from app.noyau.sources import Source
from app.referentiels.grilles.rules import texte_canonique


def note_vers_json(resultat: Resultat) -> str:
    """Forme canonique de la note ou du hors champ ; deux notes égales ont les mêmes octets.

    Choix du projet : issue 4, « same score, bit for bit, forever ».
    """
    return texte_canonique(note_vers_donnees(resultat))


def note_vers_donnees(resultat: Resultat) -> dict[str, Any]:
    """La même forme, en données JSON ; une fraction s'écrit « 7610/97 », un total « 78.5 ».

    `priorites` n'y est que si l'appel en donnait à la ligne : une note d'avant se relit à l'identique.
    Les faits sont donnés une fois ; chaque ligne cite les codes de ceux qu'elle lit ou montre (absent : manquant).

    Choix du projet : architecture, décision 7.
    """
    commun = {
        "ligne": resultat.ligne,
        "libelle": resultat.libelle,
        "grille": {"version": resultat.version_grille, "empreinte": resultat.empreinte_grille},
        "faits": faits_vers_donnees(resultat.faits),
    }
    if isinstance(resultat, HorsChamp):
        return {**commun, "etat": "hors_champ", "motif": resultat.motif, "source": _source(resultat.source)}
    obtenus = resultat.points_obtenus
    priorites = {"priorites": [list(codes) for codes in resultat.priorites]} if resultat.priorites else {}
    return {
        **commun,
        **priorites,
        "etat": "note" if resultat.total is not None else "intervalle",
        "total": None if resultat.total is None else str(resultat.total),
        "intervalle": [str(borne) for borne in resultat.intervalle],
        "exact": [str(resultat.minimum), str(resultat.maximum)],
        "points": [str(obtenus[0]), str(obtenus[1])],
        "points_possibles": resultat.points_possibles,
        "rang_provisoire": resultat.est_provisoire,
        "faits_a_demander": list(resultat.faits_manquants),
        "faits_declares": list(resultat.faits_declares),
        "lignes": [_ligne(ligne) for ligne in resultat.lignes],
    }


def _ligne(ligne: LigneNote) -> dict[str, Any]:
    donnees: dict[str, Any] = {
        "code": ligne.code,
        "libelle": ligne.libelle,
        "etat": ligne.etat.value,
        "maximum": ligne.maximum,
        "poids_effectif": str(ligne.poids_effectif),
        "taux": [ligne.taux_minimum, ligne.taux_maximum],
        "points": _points(ligne.points),
        "motif": ligne.motif,
        "source": _source(ligne.source),
        "faits": [code for code, _ in ligne.faits_utilises],
    }
    if ligne.ajustement is not None:
        donnees["ajustement"] = {
            "points_calcules": _points(ligne.points_calcules),
            "motif": ligne.ajustement.motif,
            "auteur": ligne.ajustement.auteur,
        }
    return donnees


def _points(points: Fraction | None) -> str | None:
    return None if points is None else str(points)


def _source(source: Source) -> str:
    return str(source)
