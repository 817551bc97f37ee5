"""Changer une grille par formulaire : les poids, ou un critère. Des textes tapés entrent, des données ou des fautes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules.description import decrire, nommer, unite_de
from app.referentiels.grilles.rules.lecture import lexique
from app.referentiels.grilles.rules.modele import Grille, Unite
from app.referentiels.grilles.rules.noeud import Donnees
from app.referentiels.grilles.rules.nombres import ecrire_nombre, lire_nombre

ENTIER = "Écrivez un nombre entier de 0 à 100."
_SEUILS = ("au_moins", "au_plus", "moins_de")
_GROUPES = ("tous", "un_de")
_BORNES = {"au_moins": "au moins", "au_plus": "au plus", "moins_de": "moins de"}
_SUFFIXES = {Unite.PART: "%", Unite.CENTIMES: "€", Unite.FOIS: "fois", Unite.NOMBRE: ""}
_DECIMALES = 10_000


@dataclass(frozen=True, slots=True)
class SeuilEdite:
    """Un seuil à taper : le nom de son champ, ce qu'il borne, sa valeur écrite, son unité.

    Choix du projet : issue 4, « editable in the service ».
    """

    nom: str
    libelle: str
    valeur: str
    unite: str


@dataclass(frozen=True, slots=True)
class PalierEdite:
    """Un palier à taper ; sa condition, hors des seuils, ne change qu'en mode texte.

    Choix du projet : issue 4, « editable in the service ».
    """

    prefixe: str
    taux: str
    motif: str
    condition: str
    seuils: tuple[SeuilEdite, ...]


@dataclass(frozen=True, slots=True)
class BaremeEdite:
    """Un barème à taper.

    Choix du projet : issue 4, « editable in the service ».
    """

    prefixe: str
    lignes: tuple[str, ...]
    paliers: tuple[PalierEdite, ...]


# --- poids ----------------------------------------------------------------------------------------------------------


def champ_du_poids(ligne: str, critere: str) -> str:
    """Le nom du champ d'un poids.

    Choix du projet : issue 4, « editable in the service ».
    """
    return f"poids.{ligne}.{critere}"


def poids_saisis(donnees: Donnees) -> dict[str, str]:
    """Champ → poids écrit, pour le formulaire.

    Choix du projet : issue 4, « editable in the service ».
    """
    codes = [critere["code"] for critere in donnees["criteres"]]
    return {
        champ_du_poids(ligne["code"], code): str(ligne["poids"].get(code, 0))
        for ligne in donnees["lignes"]
        for code in codes
    }


def lire_poids(donnees: Donnees, saisie: Mapping[str, str]) -> tuple[dict[str, Any], list[Faute]]:
    """Les données avec les poids tapés, et ce qui ne se lit pas. Un champ vide vaut zéro (absent : inchangé).

    Choix du projet : issue 4, « editable in the service ».
    """
    neuves, fautes = deepcopy(dict(donnees)), []
    for ligne in neuves["lignes"]:
        for code in [critere["code"] for critere in neuves["criteres"]]:
            champ = champ_du_poids(ligne["code"], code)
            valeur = _entier(saisie[champ]) if champ in saisie else ligne["poids"].get(code, 0)
            if valeur is None:
                fautes.append(Faute(champ, ENTIER, "poids_illisible"))
            else:
                ligne["poids"][code] = valeur
    return neuves, fautes


def somme_saisie(ligne: str, saisie: Mapping[str, str]) -> int | None:
    """La somme des poids tapés pour une ligne, ou None si l'un ne se lit pas.

    Choix du projet : issue 4, « grid with weights not summing ».
    """
    lus = [_entier(texte) for champ, texte in saisie.items() if champ.startswith(f"poids.{ligne}.")]
    return None if any(valeur is None for valeur in lus) else sum(valeur or 0 for valeur in lus)


def champ_de_la_faute_de_poids(faute: Faute, donnees: Donnees) -> str:
    """Où montrer une faute de la grille dans le formulaire des poids : la case, la ligne, ou nulle part (vide).

    Choix du projet : issue 4, « refused at load with place and reason ».
    """
    match faute.champ.split("."):
        case ["lignes", rang, "poids", *critere]:
            return ".".join(("poids", donnees["lignes"][int(rang)]["code"], *critere))
        case _:
            return ""


# --- critère --------------------------------------------------------------------------------------------------------


def baremes_edites(grille: Grille, donnees: Donnees, rang: int) -> tuple[BaremeEdite, ...]:
    """Ce qui se tape pour le critère de ce rang. `donnees` : celles de `grille`, dans la même forme.

    Choix du projet : issue 4, « editable in the service ».
    """
    noms, critere = lexique(grille), donnees["criteres"][rang]
    libelles = {ligne.code: ligne.libelle for ligne in grille.lignes}
    rendus = []
    for i, (bareme, lu) in enumerate(zip(critere["baremes"], grille.criteres[rang].baremes, strict=True)):
        paliers = tuple(
            PalierEdite(
                prefixe=f"b{i}.p{j}",
                taux=str(palier["taux"]),
                motif=palier["motif"],
                condition=decrire(lu.paliers[j].si, noms),
                seuils=tuple(
                    SeuilEdite(
                        nom=f"b{i}.p{j}.s{k}",
                        libelle=f"{nommer(seuil['de'], noms)}, {_BORNES[borne]}",
                        valeur=_montrer(lire_nombre(seuil["valeur"]), unite_de(seuil["de"], noms)),
                        unite=_SUFFIXES[unite_de(seuil["de"], noms)],
                    )
                    for k, (_, borne, seuil) in enumerate(_seuils(palier["si"], "si"))
                ),
            )
            for j, palier in enumerate(bareme["paliers"])
        )
        rendus.append(BaremeEdite(f"b{i}", tuple(libelles[ligne] for ligne in bareme["lignes"]), paliers))
    return tuple(rendus)


def critere_saisi(grille: Grille, donnees: Donnees, rang: int) -> dict[str, str]:
    """Champ → valeur écrite, pour le formulaire d'un critère.

    Choix du projet : issue 4, « editable in the service ».
    """
    critere = donnees["criteres"][rang]
    saisie = {"libelle": critere["libelle"], "est_transversal": "oui" if critere.get("est_transversal") else ""}
    saisie |= _source_saisie("", critere)
    for bareme, donnees_bareme in zip(baremes_edites(grille, donnees, rang), critere["baremes"], strict=True):
        saisie |= _source_saisie(f"{bareme.prefixe}.", donnees_bareme)
        for palier in bareme.paliers:
            saisie |= {f"{palier.prefixe}.taux": palier.taux, f"{palier.prefixe}.motif": palier.motif}
            saisie |= {seuil.nom: seuil.valeur for seuil in palier.seuils}
    return saisie


def lire_critere(
    grille: Grille, donnees: Donnees, rang: int, saisie: Mapping[str, str]
) -> tuple[dict[str, Any], list[Faute]]:
    """Les données avec le critère tapé, et ce qui ne se lit pas. Un champ absent ne change rien.

    Choix du projet : issue 4, « editable in the service ».
    """
    noms, neuves = lexique(grille), deepcopy(dict(donnees))
    fautes: list[Faute] = []
    critere = neuves["criteres"][rang]
    _ecrire_texte(critere, "libelle", saisie, "libelle", fautes)
    critere.pop("est_transversal", None)
    if saisie.get("est_transversal") == "oui":
        critere["est_transversal"] = True
    _ecrire_source(critere, "", saisie, fautes)
    for i, bareme in enumerate(critere["baremes"]):
        _ecrire_source(bareme, f"b{i}.", saisie, fautes)
        for j, palier in enumerate(bareme["paliers"]):
            prefixe = f"b{i}.p{j}"
            _ecrire_taux(palier, f"{prefixe}.taux", saisie, fautes)
            _ecrire_texte(palier, "motif", saisie, f"{prefixe}.motif", fautes)
            for k, (_, _, seuil) in enumerate(_seuils(palier["si"], "si")):
                _ecrire_seuil(seuil, f"{prefixe}.s{k}", saisie, unite_de(seuil["de"], noms), fautes)
    return neuves, fautes


def champ_de_la_faute_du_critere(faute: Faute, donnees: Donnees, rang: int) -> str:
    """Où montrer une faute de la grille dans le formulaire de ce critère ; vide : ailleurs que dans ce formulaire.

    Choix du projet : issue 4, « refused at load with place and reason ».
    """
    match faute.champ.split("."):
        case ["criteres", lu, "baremes", bareme, "paliers", palier, "si", *_] if lu == str(rang):
            si = donnees["criteres"][rang]["baremes"][int(bareme)]["paliers"][int(palier)]["si"]
            places = [place for place, _, _ in _seuils(si, "si")]
            lieu = faute.champ.split(".paliers.", 1)[1].partition(".")[2]
            trouve = next((k for k, place in enumerate(places) if place.startswith(lieu)), None)
            return f"b{bareme}.p{palier}.taux" if trouve is None else f"b{bareme}.p{palier}.s{trouve}"
        case ["criteres", lu, "baremes", bareme, "paliers", palier, "motif"] if lu == str(rang):
            return f"b{bareme}.p{palier}.motif"
        case ["criteres", lu, "baremes", bareme, "paliers", palier, *_] if lu == str(rang):
            return f"b{bareme}.p{palier}.taux"
        case ["criteres", lu, "baremes", bareme, *_] if lu == str(rang) and bareme.isdigit():
            return f"b{bareme}.source_texte"
        case ["sans_objet", lu, "critere"] if donnees["sans_objet"][int(lu)]["critere"] == _code(donnees, rang):
            return "est_transversal"
        case _:
            return ""


def _code(donnees: Donnees, rang: int) -> str:
    code: str = donnees["criteres"][rang]["code"]
    return code


def _entier(texte: str) -> int | None:
    nettoye = texte.strip()
    if not nettoye:
        return 0
    return int(nettoye) if nettoye.isdecimal() and len(nettoye) <= 3 and int(nettoye) <= 100 else None


def _seuils(condition: Donnees, chemin: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Les seuils d'une condition, en lecture : chemin, borne, données (à changer sur place)."""
    nom, corps = next(iter(condition.items()))
    if nom in _SEUILS:
        yield chemin, nom, corps
    elif nom in _GROUPES:
        for rang, sous_condition in enumerate(corps):
            yield from _seuils(sous_condition, f"{chemin}.{nom}.{rang}")


def _montrer(valeur: Fraction, unite: Unite) -> str:
    """Le seuil sans son unité, exact : un quotient quand l'écriture décimale ne l'est pas."""
    facteur = {Unite.PART: Fraction(100), Unite.CENTIMES: Fraction(1, 100)}.get(unite, Fraction(1))
    dix_milliemes = valeur * facteur * _DECIMALES
    if dix_milliemes.denominator != 1:
        return ecrire_nombre(valeur)
    entier, reste = divmod(dix_milliemes.numerator, _DECIMALES)
    decimales = f"{reste:04d}".rstrip("0")
    return f"{entier},{decimales}" if decimales else str(entier)


def ecrire_seuil(valeur: Fraction, unite: Unite) -> str:
    """Un seuil et son unité, relu exactement par `lire_nombre` : « 60 % », « 10000 € », « 1,5 », « 1/3 ».

    Choix du projet : issue 4, « editable in the service ».
    """
    montre = _montrer(valeur, unite)
    return f"{montre} {_SUFFIXES[unite]}" if unite in (Unite.PART, Unite.CENTIMES) and "/" not in montre else montre


def _lire(texte: str, unite: Unite) -> Fraction:
    """L'inverse de _montrer : un nombre nu est dans l'unité du champ. Lève ValueError."""
    nettoye = texte.strip().removesuffix("fois").strip()
    suffixe = _SUFFIXES[unite] if unite in (Unite.PART, Unite.CENTIMES) else ""
    if "/" in nettoye or not suffixe or nettoye.endswith(suffixe):
        return lire_nombre(nettoye)
    return lire_nombre(nettoye + suffixe)


def _source_saisie(prefixe: str, objet: Donnees) -> dict[str, str]:
    source = objet["source"]
    return {f"{prefixe}source_texte": source["texte"], f"{prefixe}source_endroit": source.get("endroit", "")}


def _ecrire_texte(objet: dict[str, Any], cle: str, saisie: Mapping[str, str], champ: str, fautes: list[Faute]) -> None:
    if champ not in saisie:
        return
    if texte := saisie[champ].strip():
        objet[cle] = texte
    else:
        fautes.append(Faute(champ, "Écrivez quelque chose.", "texte_absent"))


def _ecrire_source(objet: dict[str, Any], prefixe: str, saisie: Mapping[str, str], fautes: list[Faute]) -> None:
    source = dict(objet["source"])
    _ecrire_texte(source, "texte", saisie, f"{prefixe}source_texte", fautes)
    if (champ := f"{prefixe}source_endroit") in saisie:
        source.pop("endroit", None)
        source |= {"endroit": endroit} if (endroit := saisie[champ].strip()) else {}
    objet["source"] = source


def _ecrire_taux(palier: dict[str, Any], champ: str, saisie: Mapping[str, str], fautes: list[Faute]) -> None:
    if champ not in saisie:
        return
    taux = _entier(saisie[champ])
    if taux is None or not saisie[champ].strip():
        fautes.append(Faute(champ, ENTIER, "taux_illisible"))
    else:
        palier["taux"] = taux


def _ecrire_seuil(
    seuil: dict[str, Any], champ: str, saisie: Mapping[str, str], unite: Unite, fautes: list[Faute]
) -> None:
    if champ not in saisie:
        return
    try:
        seuil["valeur"] = ecrire_nombre(_lire(saisie[champ], unite))
    except ValueError:
        fautes.append(Faute(champ, "Écrivez un nombre, par exemple 60, 1,5 ou 2/3.", "seuil_illisible"))
