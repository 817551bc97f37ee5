"""Lire une saisie (texte tapé ou JSON natif) → valeur du champ, ou une faute en français. Vide : le champ s'efface."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.etapes.dossier.rules.formes import Champ, Colonne, Forme, FormeColonne, Section
from app.noyau.erreurs import Faute
from app.noyau.euros import ZERO, Euros, MontantIllisible

MONTANT_MAX, MONTANT_MAX_ORGANISATION = Euros.de(10_000_000), Euros.de(1_000_000_000)
_EN_LETTRES = {MONTANT_MAX: "dix millions", MONTANT_MAX_ORGANISATION: "un milliard"}
RANGEES_MAX = 60
CENTIEMES_MAX = 1_000_000
LONGUEUR_NOMBRE = 40
_COUPE = re.compile(r"[0-9]\s+[0-9]")
_MILLIERS = re.compile(r"[-−]?\s*[0-9]+(?:\s+[0-9]{3})*\s*(?:[.,]\s*[0-9]{1,2})?")
_NOMBRE = re.compile(r"(?P<entier>\d{1,6})(?:[.,](?P<reste>\d{1,2}))?", re.ASCII)
Valeur = str | int | bool | list[str] | list[dict[str, str | int | bool]] | None


@dataclass(frozen=True, slots=True)
class Domaines:
    """Les listes de codes admis, par nom de domaine (objectifs, operationnels, fiches, priorites, quartiers…)."""

    codes: Mapping[str, frozenset[str]]

    def admet(self, domaine: str, code: str) -> bool:
        """Vrai si le code est de ce domaine.

        Choix du projet : un dossier ne cite que les codes de la version du contrat où il est né.
        """
        return code in self.codes.get(domaine, frozenset())


def plafond(champ: Champ) -> Euros:
    """Le plus grand montant qu'une case de cette table admet : le budget de l'organisation dépasse celui d'une action.

    Choix du projet : bornes de vraisemblance (la plus grosse action réelle reçoit 269 000 €, domaine.md § 2.2 ; une
    fondation peut payer plus de dix millions de salaires).
    """
    return MONTANT_MAX_ORGANISATION if champ.section is Section.ORGANISATION else MONTANT_MAX


def lire_montant(texte: str, maximum: Euros = MONTANT_MAX) -> Euros:
    """Un montant positif ou nul, au plus `maximum`. Lève ValueError avec une phrase française.

    Choix du projet : un espace sépare des milliers ; « 12 50 », qui se lirait 1 250 ou 12,50, est refusé.
    """
    if sum(map(str.isdigit, texte)) > LONGUEUR_NOMBRE:
        raise _trop_grand(maximum)
    try:
        montant = Euros.lire(texte)
    except MontantIllisible:
        raise ValueError("Écrivez un montant en euros, par exemple 1 250 ou 1 250,50.") from None
    nu = texte.replace("€", " ").strip()
    if _COUPE.search(nu) and _MILLIERS.fullmatch(nu) is None:
        raise ValueError("Un espace sépare des groupes de trois chiffres : écrivez 1 250, ou 12,50 pour des centimes.")
    return _borner_montant(montant, maximum)


def _trop_grand(maximum: Euros) -> ValueError:
    return ValueError(f"Ce montant dépasse {_EN_LETTRES[maximum]} d’euros : vérifiez-le.")


def _borner_montant(montant: Euros, maximum: Euros) -> Euros:
    if montant < ZERO:
        raise ValueError("Un montant ne peut pas être négatif.")
    if montant > maximum:
        raise _trop_grand(maximum)
    return montant


def _entier(texte: str, maximum: int = 0) -> int:
    epure = texte.replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    if not (epure.isascii() and epure.isdigit()):
        raise ValueError("Écrivez un nombre entier, en chiffres, sans décimale ni signe.")
    if len(epure) > LONGUEUR_NOMBRE:
        raise ValueError("Ce nombre paraît trop grand : vérifiez-le.")
    return _borner_entier(int(epure), maximum)


def _borner_entier(nombre: int, maximum: int = 0) -> int:
    if nombre < 0:
        raise ValueError("Ce nombre ne peut pas être négatif.")
    if maximum and nombre > maximum:
        raise ValueError(f"Ce nombre paraît trop grand : {maximum} au plus.")
    return nombre


def _centiemes(texte: str) -> int:
    """Un nombre à deux décimales au plus, en centièmes entiers : « 1,5 » → 150."""
    trouve = _NOMBRE.fullmatch(texte.replace("\u202f", "").replace("\u00a0", "").replace(" ", ""))
    if trouve is None:
        raise ValueError("Écrivez un nombre, par exemple 0,5 ou 1,25.")
    return _borner_entier(int(trouve["entier"]) * 100 + int((trouve["reste"] or "").ljust(2, "0")), CENTIEMES_MAX)


def _oui(texte: str) -> bool:
    if texte in {"oui", "true", "on", "1"}:
        return True
    if texte in {"non", "false", "off", "0"}:
        return False
    raise ValueError("Répondez par oui ou par non.")


def _texte(texte: str, maximum: int) -> str:
    if maximum and len(texte) > maximum:
        raise ValueError(f"Écrivez au plus {maximum} caractères ({len(texte)} pour l’instant).")
    return texte


def _date(texte: str) -> str:
    try:
        return date.fromisoformat(texte).isoformat()
    except ValueError:
        raise ValueError("Écrivez une date, par exemple 2027-03-15.") from None


def _code(champ: Champ, code: str, domaines: Domaines) -> str:
    admis = code in {c for c, _ in champ.options} if champ.options else domaines.admet(champ.domaine, code)
    if not admis:
        raise ValueError("Cette réponse n’est pas dans la liste.")
    return code


def _codes(champ: Champ, codes: Sequence[str], domaines: Domaines) -> list[str]:
    uniques = list(dict.fromkeys(codes))
    if champ.maximum and len(uniques) > champ.maximum:
        raise ValueError(f"Choisissez-en {champ.maximum} au plus.")
    return [_code(champ, code, domaines) for code in uniques]


def lire_simple(champ: Champ, textes: Sequence[str], domaines: Domaines) -> tuple[Valeur, tuple[Faute, ...]]:
    """Valeur d'un champ simple d'après les textes reçus ; None si rien n'est saisi.

    Choix du projet : une réponse refusée ne s'enregistre pas, elle revient à l'écran telle que saisie.
    """
    remplis = [t.strip() for t in textes if t.strip()]
    if not remplis:
        return None, ()
    try:
        return _lire(champ, remplis, domaines), ()
    except ValueError as erreur:
        return None, (Faute(champ.code, str(erreur), "valeur_refusee"),)


def _lire(champ: Champ, remplis: list[str], domaines: Domaines) -> Valeur:
    dernier = remplis[-1]
    match champ.forme:
        case Forme.TEXTE | Forme.LONG:
            return _texte(dernier, champ.maximum)
        case Forme.ENTIER | Forme.CENTIEMES:
            return _entier(dernier, champ.maximum) if champ.forme is Forme.ENTIER else _centiemes(dernier)
        case Forme.DATE:
            return _date(dernier)
        case Forme.OUI:
            return _oui(dernier)
        case Forme.CODE:
            return _code(champ, dernier, domaines)
        case Forme.CODES:
            return list(_codes(champ, remplis, domaines))
        case _:
            raise ValueError("Ce champ est un tableau.")


def lire_table(
    champ: Champ, rangees: Sequence[Mapping[str, str]], domaines: Domaines
) -> tuple[list[dict[str, str | int | bool]] | None, tuple[Faute, ...]]:
    """Valeur d'un champ-table ; les rangées vides tombent, chaque faute désigne sa cellule « champ.rang.colonne ».

    Choix du projet : montants gardés en centimes entiers (architecture, décision 7).
    """
    rendu: list[dict[str, str | int | bool]] = []
    fautes: list[Faute] = []
    if len(rangees) > RANGEES_MAX:
        return None, (Faute(champ.code, f"Au plus {RANGEES_MAX} lignes.", "trop_de_lignes"),)
    for rang, rangee in enumerate(rangees):
        if not any(rangee.get(c.code, "").strip() for c in champ.colonnes if _compte(champ, c)):
            continue
        lue: dict[str, str | int | bool] = {}
        for colonne in champ.colonnes:
            brut = rangee.get(colonne.code, "").strip()
            try:
                valeur = _cellule(colonne, brut, domaines, plafond(champ))
            except ValueError as erreur:
                fautes.append(Faute(f"{champ.code}.{rang}.{colonne.code}", str(erreur), "valeur_refusee"))
                continue
            if valeur is not None:
                lue[colonne.code] = valeur
        rendu.append(lue)
    return (rendu or None), tuple(fautes)


def _compte(champ: Champ, colonne: Colonne) -> bool:
    """Une rangée dont seules des listes à choix, ou la colonne fixe, sont remplies est vide."""
    est_fixe = colonne.code in {champ.fixe, "annee"}
    return not est_fixe and colonne.forme not in {FormeColonne.CODE, FormeColonne.OUI}


def _cellule(colonne: Colonne, brut: str, domaines: Domaines, maximum: Euros) -> str | int | bool | None:
    if not brut:
        _exiger_remplie(colonne)
        return None
    match colonne.forme:
        case FormeColonne.TEXTE:
            return _texte(brut, 500)
        case FormeColonne.ENTIER | FormeColonne.CENTIEMES:
            return _entier(brut, 1_000_000) if colonne.forme is FormeColonne.ENTIER else _centiemes(brut)
        case FormeColonne.MONTANT:
            return _centimes(colonne, lire_montant(brut, maximum))
        case FormeColonne.OUI:
            return _oui(brut)
        case _:
            return _code_de_colonne(colonne, brut, domaines)


def _exiger_remplie(colonne: Colonne) -> None:
    if colonne.cle:
        raise ValueError("Remplissez cette case, ou videz la ligne.")


def _centimes(colonne: Colonne, montant: Euros) -> int:
    if colonne.positif and montant == ZERO:
        raise ValueError("Le montant doit dépasser zéro ; laissez la case vide si vous ne demandez rien.")
    return montant.centimes


def _code_de_colonne(colonne: Colonne, recu: str, domaines: Domaines) -> str:
    code = colonne.actuel(recu)
    admis = code in {c for c, _ in colonne.options} if colonne.options else domaines.admet(colonne.domaine, code)
    if not admis:
        raise ValueError("Cette réponse n’est pas dans la liste.")
    return code


def lire_json(champ: Champ, brut: object, domaines: Domaines) -> tuple[Valeur, tuple[Faute, ...]]:
    """Valeur d'un champ d'après du JSON natif (montants en centimes entiers) ; null, "" et [] l'effacent.

    Choix du projet : l'API et les formulaires jugent par les mêmes règles (conception/interface.md).
    """
    if brut is None or brut in ("", []):
        return None, ()
    try:
        if champ.forme is Forme.TABLE:
            return _table_json(champ, brut, domaines)
        return _simple_json(champ, brut, domaines), ()
    except ValueError as erreur:
        return None, (Faute(champ.code, str(erreur), "valeur_refusee"),)


def _attendre(brut: object, genre: type, phrase: str) -> Any:
    if not isinstance(brut, genre) or (genre is int and isinstance(brut, bool)):
        raise ValueError(phrase)
    return brut


def _texte_json(brut: object) -> str:
    return str(_attendre(brut, str, "Donnez un texte.")).strip()


def _entier_json(brut: object, maximum: int) -> int:
    return _borner_entier(_attendre(brut, int, "Donnez un nombre entier."), maximum)


def _simple_json(champ: Champ, brut: object, domaines: Domaines) -> Valeur:
    match champ.forme:
        case Forme.TEXTE | Forme.LONG:
            return _texte(_texte_json(brut), champ.maximum) or None
        case Forme.ENTIER | Forme.CENTIEMES:
            return _entier_json(brut, champ.maximum if champ.forme is Forme.ENTIER else CENTIEMES_MAX)
        case Forme.DATE:
            return _date(_texte_json(brut))
        case Forme.OUI:
            return bool(_attendre(brut, bool, "Répondez par true ou false."))
        case Forme.CODE:
            return _code(champ, _texte_json(brut), domaines)
        case _:
            codes = [_texte_json(code) for code in _attendre(brut, list, "Donnez une liste de codes.")]
            return _codes(champ, codes, domaines)


def _table_json(
    champ: Champ, brut: object, domaines: Domaines
) -> tuple[list[dict[str, str | int | bool]] | None, tuple[Faute, ...]]:
    rangees = _attendre(brut, list, "Donnez une liste d’objets.")
    if len(rangees) > RANGEES_MAX:
        return None, (Faute(champ.code, f"Au plus {RANGEES_MAX} lignes.", "trop_de_lignes"),)
    rendu: list[dict[str, str | int | bool]] = []
    fautes: list[Faute] = []
    for rang, rangee in enumerate(rangees):
        objet: dict[str, Any] = _attendre(rangee, dict, "Donnez une liste d’objets.")
        inconnues = sorted(objet.keys() - {c.code for c in champ.colonnes})
        fautes += [Faute(f"{champ.code}.{rang}.{c}", "Cette colonne n’existe pas.", "champ_inconnu") for c in inconnues]
        lue: dict[str, str | int | bool] = {}
        for colonne in champ.colonnes:
            try:
                valeur = _cellule_json(colonne, objet.get(colonne.code), domaines, plafond(champ))
            except ValueError as erreur:
                fautes.append(Faute(f"{champ.code}.{rang}.{colonne.code}", str(erreur), "valeur_refusee"))
                continue
            if valeur is not None:
                lue[colonne.code] = valeur
        rendu.append(lue)
    return (rendu or None), tuple(fautes)


def _cellule_json(colonne: Colonne, brut: object, domaines: Domaines, maximum: Euros) -> str | int | bool | None:
    if brut is None or (isinstance(brut, str) and not brut.strip()):
        _exiger_remplie(colonne)
        return None
    match colonne.forme:
        case FormeColonne.TEXTE:
            return _texte(_texte_json(brut), 500)
        case FormeColonne.ENTIER | FormeColonne.CENTIEMES:
            return _entier_json(brut, 1_000_000)
        case FormeColonne.MONTANT:
            centimes = _attendre(brut, int, "Donnez un montant en centimes entiers.")
            return _centimes(colonne, _borner_montant(Euros(centimes), maximum))
        case FormeColonne.OUI:
            return bool(_attendre(brut, bool, "Répondez par true ou false."))
        case _:
            return _code_de_colonne(colonne, _texte_json(brut), domaines)
