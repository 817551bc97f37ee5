"""Un tableau reçu (classeur xlsx ou ods, texte csv) : contrôlé, puis lu en textes et en nombres."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import NoReturn

from app.infra.files import classeur
from app.infra.files.classeur import CELLULES_MAX, COLONNES_MAX, LIGNES_MAX
from app.infra.files.controle import ODS, XLSX, controler, nettoyer_nom, verifier_taille
from app.infra.files.refus import PDF_ET_RECOMMENCEZ, FichierRefuse

Cellule = str | Decimal
Rangees = Sequence[Sequence[Cellule]]
ACCEPTE = ".xlsx,.ods,.csv"
EN_TABLEUR = "enregistrez-le en xlsx sans macro, puis recommencez."
_SEPARATEURS = (";", "\t", ",")
_LIGNES_D_ESSAI = 20
_INVISIBLES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]+")


def lire_tableau(contenu: bytes, nom: str) -> list[Rangees]:
    """Les rangées de chaque feuille, depuis la première case. Lève FichierRefuse, et rien d'autre."""
    affiche = nettoyer_nom(nom)
    if affiche.lower().endswith(".csv"):
        return [_lire_csv(contenu)]
    try:
        genre = controler(contenu, nom).genre
    except FichierRefuse as refus:
        raise FichierRefuse(refus.code, refus.message.replace(PDF_ET_RECOMMENCEZ, EN_TABLEUR)) from refus
    if genre not in {XLSX, ODS}:
        raise FichierRefuse(
            "pas_un_tableau",
            f"Ce fichier est : {genre.libelle}. Exportez le tableau du portail en xlsx, en ods ou en csv.",
        )
    return _lire_classeur(contenu)


def _lire_classeur(contenu: bytes) -> list[Rangees]:
    """Dans un processus à part : un classeur hostile n'emporte que lui."""
    try:
        fini = subprocess.run(
            [sys.executable, "-I", classeur.__file__], input=contenu, capture_output=True, check=False,
            timeout=2 * classeur.SECONDES_MAX, env={},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _demesure()
    if fini.returncode < 0 or fini.returncode == classeur.DEMESURE:
        _demesure()
    if fini.returncode:
        raise FichierRefuse(
            "tableau_illisible",
            "Ce classeur ne se lit pas : ouvrez-le dans votre tableur, enregistrez-le à nouveau, puis recommencez.",
        )
    return [[[_cellule(valeur) for valeur in rangee] for rangee in feuille] for feuille in json.loads(fini.stdout)]


def _cellule(valeur: str | list[str]) -> Cellule:
    return _texte(valeur) if isinstance(valeur, str) else Decimal(valeur[0])


def _texte(texte: str) -> str:
    """Une ligne de texte que la base sait garder : ni NUL, ni surrogat, ni caractère de commande."""
    return unicodedata.normalize("NFC", _INVISIBLES.sub(" ", texte)).strip()


def _lire_csv(contenu: bytes) -> Rangees:
    verifier_taille(len(contenu))
    if contenu.startswith((b"PK\x03\x04", b"%PDF-")) or b"\x00" in contenu:
        raise FichierRefuse(
            "extension_trompeuse",
            "Le nom dit « .csv », mais ce n’est pas un texte. Dans votre tableur, enregistrez-le « CSV UTF-8 », puis "
            "recommencez.",
        )
    texte = _decoder(contenu)
    rangees: list[list[Cellule]] = []
    largeur = 0
    try:
        for rangee in csv.reader(io.StringIO(texte, newline=""), delimiter=_separateur(texte)):
            rangees.append([_texte(valeur) for valeur in rangee])
            largeur = max(largeur, len(rangee))
            if len(rangees) > LIGNES_MAX or largeur > COLONNES_MAX or len(rangees) * largeur > CELLULES_MAX:
                _demesure()
    except csv.Error as erreur:
        raise FichierRefuse(
            "tableau_illisible",
            "Ce fichier csv ne se lit pas : ouvrez-le dans votre tableur, enregistrez-le en xlsx, puis recommencez.",
        ) from erreur
    return rangees


def _decoder(contenu: bytes) -> str:
    for codage in ("utf-8-sig", "cp1252"):
        try:
            return contenu.decode(codage)
        except UnicodeDecodeError:
            continue
    raise FichierRefuse(
        "tableau_illisible",
        "Les accents de ce fichier ne se lisent pas : dans votre tableur, enregistrez-le « CSV UTF-8 », puis "
        "recommencez.",
    )


def _separateur(texte: str) -> str:
    """Celui qui fait le plus de colonnes dans les premières lignes ; le point-virgule à égalité."""
    debut = texte.splitlines()[:_LIGNES_D_ESSAI]
    return max(_SEPARATEURS, key=lambda s: max((ligne.count(s) for ligne in debut), default=0))


def _demesure() -> NoReturn:
    raise FichierRefuse(
        "tableau_demesure",
        f"Ce tableau est trop grand ({LIGNES_MAX} lignes et {COLONNES_MAX} colonnes au plus). Gardez les lignes de cet "
        "appel, puis recommencez.",
    )
