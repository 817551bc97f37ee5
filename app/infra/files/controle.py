"""Ce qu'un fichier reçu est vraiment : liste blanche, par ses octets et par sa structure. Pur : ni base ni disque.

Les bibliothèques (pypdf, Pillow) ne sont lues qu'au moment de contrôler.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from app.infra.files import bureautique, images, pdf
from app.infra.files.refus import PDF_ET_RECOMMENCEZ, FichierRefuse, Octets

TAILLE_MAX = 10 * 1024 * 1024
LONGUEUR_NOM = 150


@dataclass(frozen=True, slots=True)
class Genre:
    """Un genre de fichier admis."""

    code: str
    libelle: str
    extensions: tuple[str, ...]
    media: str


_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
PDF = Genre("pdf", "PDF", (".pdf",), "application/pdf")
JPEG = Genre("jpeg", "image JPEG", (".jpg", ".jpeg"), "image/jpeg")
PNG = Genre("png", "image PNG", (".png",), "image/png")
DOCX = Genre("docx", "document Word", (".docx",), _OFFICE + "wordprocessingml.document")
XLSX = Genre("xlsx", "classeur Excel", (".xlsx",), _OFFICE + "spreadsheetml.sheet")
PPTX = Genre("pptx", "présentation PowerPoint", (".pptx",), _OFFICE + "presentationml.presentation")
ODT = Genre("odt", "document LibreOffice", (".odt",), _ODF + "text")
ODS = Genre("ods", "classeur LibreOffice", (".ods",), _ODF + "spreadsheet")
ODP = Genre("odp", "présentation LibreOffice", (".odp",), _ODF + "presentation")
GENRES = (PDF, JPEG, PNG, DOCX, XLSX, PPTX, ODT, ODS, ODP)
ACCEPTE = ",".join(e for genre in GENRES for e in genre.extensions)
LISTE = "PDF, image (JPEG, PNG), document Word, Excel, PowerPoint ou LibreOffice"
_ILLISIBLES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PAR_EXTENSION = {extension: genre for genre in GENRES for extension in genre.extensions}
_MACROS = frozenset({".docm", ".xlsm", ".pptm", ".xlsb", ".dotm", ".xltm", ".potm", ".ppsm", ".xlam"})
_ANCIENS = frozenset({".doc", ".xls", ".ppt", ".rtf", ".wps"})
_PHOTOS = frozenset({".heic", ".heif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".svg"})


@dataclass(frozen=True, slots=True)
class Controle:
    """Un fichier admis : son nom à montrer, son genre, sa taille en octets."""

    nom: str
    genre: Genre
    taille: int


def controler(contenu: Octets, nom: str) -> Controle:
    """Ce que ce fichier est. Lève FichierRefuse (et rien d'autre), la phrase dit comment réparer."""
    affiche = nettoyer_nom(nom)
    verifier_taille(len(contenu))
    attendu = _genre_du_nom(affiche)
    try:
        trouve = _reconnaitre(contenu)
        if trouve is not attendu:
            _refuser_l_extension(attendu, trouve)
        _verifier_la_structure(contenu, trouve)
    except FichierRefuse:
        raise
    except Exception as erreur:
        # Un fichier hostile fait lever aux bibliothèques tout ce qu'elles savent lever (RecursionError comprise).
        raise FichierRefuse(
            "fichier_illisible",
            f"Ce fichier ne se lit pas : il est abîmé, ou l’envoi a été coupé. Ouvrez-le sur votre appareil, "
            f"{PDF_ET_RECOMMENCEZ}",
        ) from erreur
    return Controle(affiche, trouve, len(contenu))


def verifier_taille(taille: int) -> None:
    """Lève FichierRefuse pour 0 octet ou plus de 10 Mo (10 × 1024 × 1024)."""
    if taille == 0:
        raise FichierRefuse(
            "fichier_vide",
            "Ce fichier est vide (0 octet). Enregistrez-le à nouveau, puis recommencez.",
        )
    if taille > TAILLE_MAX:
        megas = f"{taille / (1024 * 1024):.1f}".replace(".", ",")
        raise FichierRefuse(
            "fichier_trop_lourd",
            f"Ce fichier pèse {megas} Mo : 10 Mo au plus. Enregistrez-le en PDF de taille réduite, ou numérisez-le en "
            "noir et blanc, puis recommencez.",
        )


def nettoyer_nom(nom: str) -> str:
    """Le nom à montrer : sans chemin, sans caractère de commande ni de sens d'écriture. Jamais un chemin du disque.

    Lève FichierRefuse s'il n'en reste rien ou s'il est trop long.
    """
    dernier = nom.replace("\\", "/").rpartition("/")[2]
    lisible = "".join(" " if unicodedata.category(c) in _ILLISIBLES else c for c in dernier)
    affiche = " ".join(unicodedata.normalize("NFC", lisible).split())
    if not affiche.strip("."):
        raise FichierRefuse("fichier_sans_nom", "Choisissez un fichier sur votre appareil, puis recommencez.")
    if len(affiche) > LONGUEUR_NOM:
        raise FichierRefuse(
            "nom_trop_long",
            f"Le nom du fichier est trop long ({len(affiche)} caractères, {LONGUEUR_NOM} au plus). Renommez-le, puis "
            "recommencez.",
        )
    return affiche


def _extension(nom: str) -> str:
    tete, point, fin = nom.rpartition(".")
    return f".{fin.lower()}" if point and tete else ""


def _genre_du_nom(nom: str) -> Genre:
    extension = _extension(nom)
    genre = _PAR_EXTENSION.get(extension)
    if genre is not None:
        return genre
    if extension in _MACROS:
        raise FichierRefuse("macro", f"Ce fichier peut contenir des macros : {PDF_ET_RECOMMENCEZ}")
    dit = f"« {extension[:12]} »" if extension else "Un nom sans extension"
    if extension in _ANCIENS:
        raise FichierRefuse("format_ancien", f"{dit} est un ancien format : {PDF_ET_RECOMMENCEZ}")
    if extension in _PHOTOS:
        raise FichierRefuse(
            "format_image",
            f"Cette image n’est ni JPEG ni PNG ({dit}). Enregistrez-la en PDF, puis recommencez.",
        )
    raise FichierRefuse("format_refuse", f"{dit} n’est pas accepté ({LISTE}) : {PDF_ET_RECOMMENCEZ}")


def _reconnaitre(contenu: Octets) -> Genre:
    """Le genre que disent les octets. Lève FichierRefuse si aucun."""
    debut = contenu[:16]
    if debut.startswith(b"%PDF-"):
        return PDF
    if debut.startswith(b"\xff\xd8\xff"):
        return JPEG
    if debut.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if debut.startswith(b"PK\x03\x04"):
        code = bureautique.reconnaitre(contenu)
        return next(genre for genre in GENRES if genre.code == code)
    if debut.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise FichierRefuse(
            "format_ancien", f"Ce fichier est d’un ancien format, ou protégé par un mot de passe : {PDF_ET_RECOMMENCEZ}"
        )
    if b"%PDF-" in contenu[:1024]:
        raise FichierRefuse(
            "polyglotte", f"Ce PDF commence par autre chose que son en-tête : ouvrez-le, {PDF_ET_RECOMMENCEZ}"
        )
    raise FichierRefuse("format_refuse", f"Le contenu de ce fichier n’est pas celui d’un format accepté ({LISTE}) : "
                        f"{PDF_ET_RECOMMENCEZ}")  # fmt: skip


def _refuser_l_extension(attendu: Genre, trouve: Genre) -> NoReturn:
    raise FichierRefuse(
        "extension_trompeuse",
        f"Le nom dit « {attendu.extensions[0]} », mais le contenu est : {trouve.libelle}. Renommez-le avec la fin "
        f"« {trouve.extensions[0]} », puis recommencez.",
    )


def _verifier_la_structure(contenu: Octets, genre: Genre) -> None:
    if genre is PDF:
        pdf.verifier(contenu)
    elif genre in {JPEG, PNG}:
        images.verifier(contenu, genre.code)
    else:
        bureautique.verifier(contenu, genre.code)
