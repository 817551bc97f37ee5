"""Un document de bureautique reçu (Office Open XML, OpenDocument) : sans macro, ni bombe, ni lien vers l'extérieur."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import NoReturn
from xml.parsers import expat  # un flux, sans rien charger ; la moindre déclaration de type est refusée

from app.infra.files.refus import PDF_ET_RECOMMENCEZ, FichierRefuse, Octets, ouvrir

PIECES_MAX = 5000
DECOMPRESSE_MAX = 150 * 1024 * 1024
TAUX_MAX = 200  # décompressé / compressé, au-delà d'un mégaoctet
TAUX_DES = 1024 * 1024
MORCEAU = 256 * 1024
FIN_ZIP = struct.Struct("<4s4H2LH")
TYPES = "[Content_Types].xml"
RELATIONS = "_rels/.rels"
MIMETYPE = "mimetype"
MANIFESTE = "META-INF/manifest.xml"
PRINCIPAUX = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml": "pptx",
}
ODF = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
}
_ACTIFS = re.compile(
    r"(?:^|/)(?:vbaProject[^/]*|vbaData\.xml|activeX/.*|macrosheets/.*|oleObject[^/]*|Basic/.*|Scripts/.*"
    r"|[^/]+\.(?:exe|dll|com|bat|cmd|scr|ps1|vbs|js|jse|wsf|hta|jar|msi|lnk|docm|xlsm|xlsb|pptm|doc|xls|ppt))$",
    re.IGNORECASE,
)
_TYPES_ACTIFS = re.compile(r"macroEnabled|vbaProject|activeX|oleObject|macrosheet|intlmacrosheet", re.IGNORECASE)
_LIENS_ADMIS = re.compile(r"(?:https?://|mailto:|tel:|#)", re.IGNORECASE)
_EXTERNE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//|\\\\|\.\./\.\./)", re.IGNORECASE)
_SURS = frozenset({"a", "meta", "hyperlink-behaviour"})  # un lien que la personne suit elle-même
Element = Callable[[str, Mapping[str, str]], None]


def reconnaitre(contenu: Octets) -> str:
    """Le code du genre (« docx », « ods »…). Lève FichierRefuse si l'archive n'est pas un document de bureautique."""
    with _ouvrir(contenu) as archive:
        noms = archive.namelist()
        if noms and noms[0] == MIMETYPE:
            return _genre_odf(archive)
        if TYPES in noms:
            return _genre_ooxml(archive)
    raise FichierRefuse(
        "archive_refusee", "Une archive (zip) n’est pas acceptée : envoyez les documents qu’elle contient, un par un."
    )


def verifier(contenu: Octets, code: str) -> None:
    """Lève FichierRefuse. Laisse passer les erreurs de lecture : l'appelant dit « illisible »."""
    _verifier_les_bords(contenu)
    with _ouvrir(contenu) as archive:
        _verifier_les_pieces(archive, len(contenu))
        if code in ODF.values():
            _verifier_odf(archive)
        else:
            _verifier_ooxml(archive)


def _ouvrir(contenu: Octets) -> zipfile.ZipFile:
    return zipfile.ZipFile(ouvrir(contenu))


def _verifier_les_bords(contenu: Octets) -> None:
    """L'archive commence à l'octet 0 et finit au dernier : rien devant, rien derrière, rien entre."""
    fin = len(contenu) - FIN_ZIP.size
    signature, *_, taille, debut, commentaire = (
        FIN_ZIP.unpack(contenu[fin:]) if fin >= 0 else (b"", 0, 0, 0, 0, 0, 0, 1)
    )
    contigu = signature == b"PK\x05\x06" and commentaire == 0 and debut + taille == fin
    if not contigu or b"%PDF-" in contenu[:1024]:
        raise FichierRefuse(
            "polyglotte",
            f"Ce document contient autre chose que lui-même. Ouvrez-le, {PDF_ET_RECOMMENCEZ}",
        )


def _verifier_les_pieces(archive: zipfile.ZipFile, taille: int) -> None:
    pieces = archive.infolist()
    noms = [p.filename for p in pieces]
    if len(pieces) > PIECES_MAX or len(set(noms)) != len(noms) or not all(_nom_admis(p) for p in pieces):
        _abime()
    if any(p.flag_bits & 1 for p in pieces):
        _protege()
    actif = next((nom for nom in noms if _ACTIFS.search(nom)), None)
    if actif is not None:
        _macro()
    annonce = sum(p.file_size for p in pieces)
    gonfle = any(p.file_size > TAUX_DES and p.file_size > TAUX_MAX * max(1, p.compress_size) for p in pieces)
    if annonce > DECOMPRESSE_MAX or gonfle or sum(p.compress_size for p in pieces) > taille:
        _bombe()
    reste = DECOMPRESSE_MAX
    for piece in pieces:
        with archive.open(piece) as flux:  # lue en entier : la taille annoncée peut mentir, la somme non
            while morceau := flux.read(MORCEAU):
                reste -= len(morceau)
                if reste < 0:
                    _bombe()


def _nom_admis(piece: zipfile.ZipInfo) -> bool:
    nom = piece.orig_filename
    chemin = PurePosixPath(nom)
    return (
        nom == piece.filename
        and not chemin.is_absolute()
        and ".." not in chemin.parts
        and not re.search(r"[\x00-\x1f\\:]", nom)
        and piece.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    )


def _lire_xml(archive: zipfile.ZipFile, nom: str, sur_element: Element) -> None:
    """Lit une pièce XML en flux. Sans déclaration de type : ni entité, ni bombe, ni fichier extérieur."""

    def declarer(*_: object) -> NoReturn:
        _abime()

    def commencer(element: str, attributs: Mapping[str, str]) -> None:
        espace, _, nu = element.rpartition(" ")
        sur_element(
            f"script:{nu}" if ":script:" in espace else nu, {c.rpartition(" ")[2]: v for c, v in attributs.items()}
        )

    analyseur = expat.ParserCreate(namespace_separator=" ")
    analyseur.StartDoctypeDeclHandler = declarer
    analyseur.StartElementHandler = commencer
    with archive.open(nom) as flux:
        while morceau := flux.read(MORCEAU):
            analyseur.Parse(morceau, False)
    analyseur.Parse(b"", True)


def _genre_ooxml(archive: zipfile.ZipFile) -> str:
    """Le genre de la pièce principale, d'après les types déclarés. Lève FichierRefuse."""
    declares: dict[str, str] = {}
    extensions: dict[str, str] = {}

    def lire(element: str, attributs: Mapping[str, str]) -> None:
        genre = attributs.get("ContentType", "")
        if element == "Override":
            declares[attributs.get("PartName", "").lstrip("/")] = genre
        elif element == "Default":
            extensions[attributs.get("Extension", "").lower()] = genre

    _lire_xml(archive, TYPES, lire)
    if any(_TYPES_ACTIFS.search(genre) for genre in (*declares.values(), *extensions.values())):
        _macro()
    principale = _piece_principale(archive)
    genre = declares.get(principale) or extensions.get(principale.rpartition(".")[2].lower(), "")
    if genre not in PRINCIPAUX:
        _abime()
    return PRINCIPAUX[genre]


def _piece_principale(archive: zipfile.ZipFile) -> str:
    trouvees: list[str] = []

    def lire(element: str, attributs: Mapping[str, str]) -> None:
        if element == "Relationship" and attributs.get("Type", "").endswith("/officeDocument"):
            trouvees.append(attributs.get("Target", "").lstrip("/"))

    _lire_xml(archive, RELATIONS, lire)
    if len(trouvees) != 1 or trouvees[0] not in archive.namelist():
        _abime()
    return trouvees[0]


def _verifier_ooxml(archive: zipfile.ZipFile) -> None:
    def lire(element: str, attributs: Mapping[str, str]) -> None:
        if element != "Relationship":
            return
        genre, cible = attributs.get("Type", ""), attributs.get("Target", "")
        if genre.endswith(("/oleObject", "/vbaProject", "/control", "/attachedTemplate", "/frame", "/subDocument")):
            _macro() if genre.endswith(("/vbaProject", "/control", "/oleObject")) else _lien()
        if attributs.get("TargetMode") == "External" and not (
            genre.endswith("/hyperlink") and _LIENS_ADMIS.match(cible)
        ):
            _lien()

    for nom in archive.namelist():
        if nom.endswith(".rels"):
            _lire_xml(archive, nom, lire)
    _lire_xml(archive, _piece_principale(archive), lambda *_: None)


def _genre_odf(archive: zipfile.ZipFile) -> str:
    """Le genre que dit la pièce « mimetype », première et non compressée. Lève FichierRefuse."""
    piece = archive.getinfo(MIMETYPE)
    if piece.compress_type != zipfile.ZIP_STORED or piece.file_size > 100:
        _abime()
    code = ODF.get(archive.read(piece))
    if code is None:
        _abime()
    return code


def _verifier_odf(archive: zipfile.ZipFile) -> None:
    def manifeste(element: str, attributs: Mapping[str, str]) -> None:
        if element == "encryption-data":
            _protege()
        if "oleobject" in attributs.get("media-type", "").lower():
            _macro()

    def corps(element: str, attributs: Mapping[str, str]) -> None:
        if element in {"script:event-listener", "dde-source", "plugin", "applet", "object-ole"}:
            _macro()
        cible = attributs.get("href", "")
        if element in _SURS or not cible:
            if cible and _EXTERNE.match(cible) and not _LIENS_ADMIS.match(cible):
                _lien()
        elif _EXTERNE.match(cible):
            _lien()

    noms = set(archive.namelist())
    if not {MANIFESTE, "content.xml"} <= noms:
        _abime()
    _lire_xml(archive, MANIFESTE, manifeste)
    for nom in sorted(noms):
        if PurePosixPath(nom).name in {"content.xml", "styles.xml"}:
            _lire_xml(archive, nom, corps)


def _macro() -> NoReturn:
    raise FichierRefuse("macro", f"Ce document contient une macro ou un programme : {PDF_ET_RECOMMENCEZ}")


def _lien() -> NoReturn:
    raise FichierRefuse(
        "lien_externe",
        "Ce document va chercher une partie de son contenu dans un autre fichier ou en ligne. Rompez cette liaison, "
        f"ou {PDF_ET_RECOMMENCEZ}",
    )


def _bombe() -> NoReturn:
    raise FichierRefuse(
        "archive_demesuree",
        f"Ce document devient démesuré une fois ouvert. Ouvrez-le, {PDF_ET_RECOMMENCEZ}",
    )


def _protege() -> NoReturn:
    raise FichierRefuse(
        "document_protege",
        "Ce document est protégé par un mot de passe. Enregistrez-le sans mot de passe, puis recommencez.",
    )


def _abime() -> NoReturn:
    raise FichierRefuse(
        "document_abime", f"Ce document est abîmé ou n’est pas complet : ouvrez-le, {PDF_ET_RECOMMENCEZ}"
    )
