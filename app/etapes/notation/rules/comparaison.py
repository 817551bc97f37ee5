"""Ce qui a changé entre deux notes d'un même dossier et d'une même ligne, en une phrase."""

from __future__ import annotations

from fractions import Fraction

from app.etapes.notation.rules.note import HorsChamp, LigneNote, Note, Resultat
from app.referentiels.grilles.rules import ecrire_arrondi, ecrire_decimal


def comparer(avant: Resultat, apres: Resultat) -> str:
    """Une phrase : le total d'avant et d'après, puis les critères qui changent, le plus gros écart d'abord.

    Lève ValueError si les deux notes ne sont pas de la même ligne.
    Choix du projet : issue 4, « with the difference explained in one sentence ».
    """
    if avant.ligne != apres.ligne:
        raise ValueError("Deux notes se comparent sur la même ligne de financement.")
    grille = ""
    if avant.empreinte_grille != apres.empreinte_grille:
        grille = f", avec la grille {apres.version_grille} au lieu de {avant.version_grille}"
    elif isinstance(avant, Note) and isinstance(apres, Note) and avant.priorites != apres.priorites:
        grille = ", avec d’autres priorités de l’appel"
    if isinstance(apres, HorsChamp):
        etait = "reste" if isinstance(avant, HorsChamp) else "devient"
        return f"La ligne {apres.libelle} {etait} hors champ{grille} : {_minuscule(apres.motif)}"
    if isinstance(avant, HorsChamp):
        return f"La ligne {apres.libelle} n’est plus hors champ{grille} : elle est notée {_total(apres)} sur 100."
    return f"La note {apres.libelle} {_passage(avant, apres)} sur 100{grille} : {_causes(avant, apres)}."


def dire_la_premiere(note: Note) -> str:
    """La phrase d'une première note : rien à quoi la comparer.

    Choix du projet : issue 4, « with the difference explained in one sentence ».
    """
    bas, haut = note.intervalle
    plage = ecrire_arrondi(bas) if bas == haut else f"entre {ecrire_arrondi(bas)} et {ecrire_arrondi(haut)}"
    return f"Première note {note.libelle} : {plage} sur 100."


def _passage(avant: Note, apres: Note) -> str:
    if _total(avant) == _total(apres):
        return f"reste à {_total(apres)}"
    return f"passe de {_total(avant)} à {_total(apres)}"


def _total(note: Note) -> str:
    bas, haut = note.intervalle
    if note.total is not None or bas == haut:
        return ecrire_arrondi(bas)
    return f"{ecrire_arrondi(bas)}–{ecrire_arrondi(haut)}"


def _causes(avant: Note, apres: Note) -> str:
    anciennes = {ligne.code: ligne for ligne in avant.lignes}
    nouvelles = {ligne.code: ligne for ligne in apres.lignes}
    ecarts = [
        (abs(_milieu(nouvelles.get(code)) - _milieu(anciennes.get(code))), rang, phrase)
        for rang, code in enumerate(dict.fromkeys((*nouvelles, *anciennes)))
        if (phrase := _cause(anciennes.get(code), nouvelles.get(code)))
    ]
    if not ecarts:
        return "aucun critère ne change"
    return ", ".join(phrase for _, _, phrase in sorted(ecarts, key=lambda ecart: (-ecart[0], ecart[1])))


def _cause(ancienne: LigneNote | None, nouvelle: LigneNote | None) -> str | None:
    if nouvelle is None or ancienne is None:
        ligne, verbe = (nouvelle, "est ajouté") if ancienne is None else (ancienne, "est retiré")
        return f"{ligne.libelle} {verbe}" if ligne is not None else None
    avant, apres = _points(ancienne), _points(nouvelle)
    if avant == apres:
        return None
    return f"{nouvelle.libelle} passe de {avant} à {apres}"


def _points(ligne: LigneNote) -> str:
    if not ligne.compte:
        return "sans objet"
    bas, haut = ecrire_decimal(ligne.points_minimum), ecrire_decimal(ligne.points_maximum)
    nombre = bas if bas == haut else f"{bas}–{haut}"
    reserve = " ou sans objet" if ligne.est_incertaine else ""
    ajuste = " (ajusté)" if ligne.ajustement is not None else ""
    return f"{nombre} sur {ligne.maximum}{reserve}{ajuste}"


def _milieu(ligne: LigneNote | None) -> Fraction:
    return Fraction(0) if ligne is None else (ligne.points_minimum + ligne.points_maximum) / 2


def _minuscule(phrase: str) -> str:
    return phrase[:1].lower() + phrase[1:]
