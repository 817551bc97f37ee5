"""Des fichiers d'essai, vrais et faux : un PDF, une image, un document de chaque genre, et de quoi les abîmer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import xlsxwriter
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, FloatObject, NameObject, TextStringObject

from app.infra.antivirus import EICAR

Pieces = Mapping[str, bytes]
_OOXML = "http://schemas.openxmlformats.org/"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."


def un_pdf(*, page: bytes = b"BT ET", ecrire: PdfWriter | None = None, mot_de_passe: str = "") -> bytes:
    """Un PDF d'une page."""
    auteur = ecrire or PdfWriter()
    feuille = auteur.add_blank_page(width=200, height=200)
    flux = DecodedStreamObject()
    flux.set_data(page)
    feuille[NameObject("/Contents")] = auteur._add_object(flux)
    if mot_de_passe:
        auteur.encrypt(mot_de_passe, algorithm="RC4-128")
    sortie = io.BytesIO()
    auteur.write(sortie)
    return sortie.getvalue()


def un_pdf_actif(quoi: str) -> bytes:
    """Un PDF qui porte un script, un fichier joint, une action d'ouverture, ou seulement une destination."""
    auteur = PdfWriter()
    racine = auteur._root_object
    if quoi == "script":
        racine[NameObject("/OpenAction")] = DictionaryObject(
            {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        )
    elif quoi == "clic":  # dans une annotation, loin de la racine
        page = auteur.add_blank_page(width=200, height=200)
        action = DictionaryObject({NameObject("/S"): NameObject("/Rendition")})
        note = DictionaryObject({NameObject("/Subtype"): NameObject("/Link"), NameObject("/A"): action})
        page[NameObject("/Annots")] = ArrayObject([auteur._add_object(note)])
    elif quoi == "caché":  # aucun objet n'y mène, mais un lecteur qui répare le fichier le trouverait
        script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        auteur._add_object(DictionaryObject(script))
    elif quoi == "joint":
        auteur.add_attachment("note.txt", b"bonjour")
    elif quoi == "lancement":
        racine[NameObject("/OpenAction")] = DictionaryObject(
            {NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("calc.exe")}
        )
    elif quoi == "ouverture":
        racine[NameObject("/OpenAction")] = DictionaryObject(
            {NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject("https://exemple.invalid/")}
        )
    elif quoi == "renvoi":  # ni l'action ni son nom ne sont écrits sur place
        nom = auteur._add_object(NameObject("/Launch"))
        racine[NameObject("/OpenAction")] = auteur._add_object(DictionaryObject({NameObject("/S"): nom}))
    elif quoi == "ouverture renvoyée":
        action = DictionaryObject(
            {NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject("http://e")}
        )
        racine[NameObject("/OpenAction")] = auteur._add_object(action)
    elif quoi == "destination":
        page = auteur.add_blank_page(width=200, height=200)
        racine[NameObject("/OpenAction")] = ArrayObject([page.indirect_reference, NameObject("/Fit"), FloatObject(0)])
    return un_pdf(ecrire=auteur)


def une_image(genre: str = "PNG", taille: tuple[int, int] = (40, 30), texte: str = "") -> bytes:
    """Une image unie ; `texte` : un commentaire (PNG)."""
    sortie, image = io.BytesIO(), Image.new("RGB", taille, "white")
    if genre == "PNG":
        notes = PngInfo()
        if texte:
            notes.add_text("Comment", texte)
        image.save(sortie, "PNG", pnginfo=notes)
    else:
        image.save(sortie, genre)
    return sortie.getvalue()


def une_image_infectee() -> bytes:
    """Une image que rien ne distingue d'une autre, sinon la signature d'essai des antivirus dans son commentaire."""
    return une_image(texte=EICAR.decode("ascii"))


def une_archive(pieces: Pieces, *, stocker: frozenset[str] = frozenset()) -> bytes:
    """Un zip de ces pièces, dans l'ordre."""
    sortie = io.BytesIO()
    with zipfile.ZipFile(sortie, "w", zipfile.ZIP_DEFLATED) as archive:
        for nom, contenu in pieces.items():
            genre = zipfile.ZIP_STORED if nom in stocker else zipfile.ZIP_DEFLATED
            archive.writestr(nom, contenu, compress_type=genre)
    return sortie.getvalue()


def _relations(*liens: str) -> bytes:
    return f'<Relationships xmlns="{_OOXML}package/2006/relationships">{"".join(liens)}</Relationships>'.encode()


def une_relation(genre: str, cible: str, *, externe: bool = False) -> str:
    """Un élément Relationship."""
    plus = ' TargetMode="External"' if externe else ""
    cle = f"r{abs(hash((genre, cible)))}"
    genre = f"{_OOXML}officeDocument/2006/relationships/{genre}"
    return f'<Relationship Id="{cle}" Type="{genre}" Target="{cible}"{plus}/>'


def pieces_ooxml(
    genre: str = "wordprocessingml.document", principale: str = "word/document.xml", liens: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Les pièces d'un document Word (ou d'un autre genre) ; `liens` : relations de sa pièce principale."""
    dossier, _, nom = principale.rpartition("/")
    types = (
        f'<Types xmlns="{_OOXML}package/2006/content-types"><Default Extension="rels" ContentType="application/xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{principale}" ContentType="{_OFFICE}{genre}.main+xml"/></Types>'
    )
    return {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": _relations(une_relation("officeDocument", principale)),
        principale: b'<?xml version="1.0"?><w:document xmlns:w="urn:w"><w:t>Bonjour</w:t></w:document>',
        f"{dossier}/_rels/{nom}.rels": _relations(*liens),
    }


def un_docx(plus: Pieces | None = None, liens: tuple[str, ...] = ()) -> bytes:
    """Un document Word ; `plus` : pièces ajoutées ou remplacées."""
    return une_archive(pieces_ooxml(liens=liens) | dict(plus or {}))


def un_pptx() -> bytes:
    """Une présentation."""
    return une_archive(pieces_ooxml("presentationml.presentation", "ppt/presentation.xml"))


def un_xlsx() -> bytes:
    """Un vrai classeur, écrit par xlsxwriter, avec un lien qu'on suit soi-même."""
    sortie = io.BytesIO()
    with xlsxwriter.Workbook(sortie, {"in_memory": True}) as classeur:
        feuille = classeur.add_worksheet("Salariés")
        feuille.write_row(0, 0, ["Fonction", "ETPT"])
        feuille.write_row(1, 0, ["Animation", 0.5])
        feuille.write_url(2, 0, "https://exemple.invalid/")
    return sortie.getvalue()


def pieces_odf(genre: str = "text", corps: str = "", manifeste: str = "") -> dict[str, bytes]:
    """Les pièces d'un document LibreOffice."""
    espaces = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0" '
        'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" '
        'xmlns:xlink="http://www.w3.org/1999/xlink"'
    )
    corps = f"<office:scripts/><office:body>{corps}</office:body>"
    contenu = f"<office:document-content {espaces}>{corps}</office:document-content>"
    liste = f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{manifeste}</m:manifest>'
    return {
        "mimetype": f"{_ODF}{genre}".encode(),
        "content.xml": contenu.encode(),
        "META-INF/manifest.xml": liste.encode(),
    }


def un_odf(genre: str = "text", corps: str = "", manifeste: str = "", plus: Pieces | None = None) -> bytes:
    """Un document LibreOffice (`text`, `spreadsheet`, `presentation`)."""
    pieces = pieces_odf(genre, corps, manifeste) | dict(plus or {})
    return une_archive(pieces, stocker=frozenset({"mimetype"}))
