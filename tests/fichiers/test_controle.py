"""Le contrôle du contenu : un bon fichier passe, un mauvais est refusé et la phrase dit comment réparer."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.files.controle import ACCEPTE, GENRES, LONGUEUR_NOM, TAILLE_MAX, controler, nettoyer_nom
from app.infra.files.refus import FichierRefuse
from tests.fichiers.aide_fichiers import (
    pieces_ooxml,
    un_docx,
    un_odf,
    un_pdf,
    un_pdf_actif,
    un_pptx,
    un_xlsx,
    une_archive,
    une_image,
    une_relation,
)

BONS = {
    "statuts.pdf": un_pdf(),
    "page-un.pdf": un_pdf_actif("destination"),
    "photo.jpg": une_image("JPEG"),
    "PHOTO.JPEG": une_image("JPEG"),
    "logo.png": une_image(),
    "rapport.docx": un_docx(liens=(une_relation("hyperlink", "https://exemple.invalid/", externe=True),)),
    "salariés.xlsx": un_xlsx(),
    "bilan.pptx": un_pptx(),
    "statuts.odt": un_odf(corps='<text:a xlink:href="https://exemple.invalid/">lien</text:a>'),
    "budget.ods": un_odf("spreadsheet"),
    "projet.odp": un_odf("presentation", corps='<presentation:event-listener presentation:action="next-page"/>'),
}


@pytest.mark.parametrize("nom", BONS)
def test_un_vrai_fichier_passe(nom: str) -> None:
    lu = controler(BONS[nom], nom)
    assert (lu.nom, lu.taille) == (nom, len(BONS[nom]))
    assert any(nom.lower().endswith(e) for e in lu.genre.extensions)


def test_chaque_genre_admis_a_son_vrai_fichier() -> None:
    assert {controler(octets, nom).genre.code for nom, octets in BONS.items()} == {g.code for g in GENRES}
    assert ".docx" in ACCEPTE
    assert ".docm" not in ACCEPTE


def _refus(octets: bytes, nom: str) -> FichierRefuse:
    with pytest.raises(FichierRefuse) as leve:
        controler(octets, nom)
    return leve.value


def _une_bombe() -> bytes:
    return un_docx({"word/media/vide.xml": b"0" * (80 * 1024 * 1024)})


def _une_bombe_qui_ment() -> bytes:
    """La taille annoncée est petite, le contenu ne l'est pas."""
    vrai = bytearray(un_docx({"word/gros.xml": b"0" * 3_000_000}))
    ou = vrai.rfind(b"word/gros.xml") - 46
    vrai[ou + 24 : ou + 28] = struct.pack("<I", 10)
    return bytes(vrai)


def _png_de(largeur: int, hauteur: int) -> bytes:
    """Un PNG qui annonce ces dimensions, sommes justes : le décoder demanderait des gigaoctets."""

    def morceau(genre: bytes, corps: bytes) -> bytes:
        return struct.pack(">I", len(corps)) + genre + corps + struct.pack(">I", zlib.crc32(corps, zlib.crc32(genre)))

    entete = struct.pack(">IIBBBBB", largeur, hauteur, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + morceau(b"IHDR", entete) + morceau(b"IDAT", zlib.compress(b"\0")) + morceau(b"IEND", b"")
    )


def _jpeg_geant() -> bytes:
    octets = bytearray(une_image("JPEG"))
    ou = octets.find(b"\xff\xc0")
    octets[ou + 5 : ou + 9] = struct.pack(">HH", 60_000, 60_000)
    return bytes(octets)


def _docx_a_lien(genre: str, cible: str) -> bytes:
    return un_docx(liens=(une_relation(genre, cible, externe=True),))


MACRO = {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"}
DTD = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
MAUVAIS = {
    "0 octet": (b"", "vide.pdf", "fichier_vide"),
    "11 Mo": (un_pdf(page=b"% " + b"a" * (11 * 1024 * 1024)), "gros.pdf", "fichier_trop_lourd"),
    "un octet de trop": (b"%PDF-" + b"a" * (TAILLE_MAX - 4), "gros.pdf", "fichier_trop_lourd"),
    "sans nom": (un_pdf(), "../..", "fichier_sans_nom"),
    "nom trop long": (un_pdf(), "a" * LONGUEUR_NOM + ".pdf", "nom_trop_long"),
    "sans extension": (un_pdf(), "statuts", "format_refuse"),
    "texte": (b"bonjour", "notes.txt", "format_refuse"),
    "exécutable nommé pdf": (b"MZ\x90\x00" + b"\0" * 200, "statuts.pdf", "format_refuse"),
    "double extension": (un_pdf(), "statuts.pdf.exe", "format_refuse"),
    "ancien Word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "statuts.doc", "format_ancien"),
    "Word protégé": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "statuts.docx", "format_ancien"),
    "photo d’iPhone": (b"\0\0\0\x18ftypheic" + b"\0" * 100, "photo.heic", "format_image"),
    "PNG nommé pdf": (une_image(), "photo.pdf", "extension_trompeuse"),
    "docx nommé xlsx": (un_docx(), "tableau.xlsx", "extension_trompeuse"),
    "ods nommé odt": (un_odf("spreadsheet"), "statuts.odt", "extension_trompeuse"),
    "pdf précédé d’autre chose": (b"GIF89a\n" + un_pdf(), "a.pdf", "polyglotte"),
    "pdf suivi d’un zip": (un_pdf() + une_archive({"a.txt": b"a"}), "a.pdf", "polyglotte"),
    "pdf suivi d’autre chose": (un_pdf() + b"<script>alert(1)</script>", "a.pdf", "polyglotte"),
    "pdf tronqué": (un_pdf()[:-12], "a.pdf", "pdf_tronque"),
    "pdf sans structure": (b"%PDF-1.7\nbonjour\n%%EOF\n", "a.pdf", "fichier_illisible"),
    "pdf chiffré": (un_pdf(mot_de_passe="secret"), "a.pdf", "pdf_protege"),
    "pdf à script": (un_pdf_actif("script"), "a.pdf", "pdf_actif"),
    "pdf qui lance par renvoi": (un_pdf_actif("renvoi"), "a.pdf", "pdf_actif"),
    "pdf qui s’ouvre par renvoi": (un_pdf_actif("ouverture renvoyée"), "a.pdf", "pdf_actif"),
    "pdf à script au nom déguisé": (
        un_pdf_actif("script").replace(b"/JavaScript", b"/Java#53cript").replace(b"/JS ", b"/#4aS "),
        "a.pdf", "pdf_actif",
    ),
    "pdf à script caché": (un_pdf_actif("caché"), "a.pdf", "pdf_actif"),
    "pdf qui finit deux fois autour d’un zip": (
        un_pdf() + une_archive({"a.txt": b"a"}) + b"\n%%EOF\n", "a.pdf", "polyglotte",
    ),
    "pdf à contenu animé": (un_pdf_actif("clic"), "a.pdf", "pdf_actif"),
    "pdf à fichier joint": (un_pdf_actif("joint"), "a.pdf", "pdf_actif"),
    "pdf qui lance": (un_pdf_actif("lancement"), "a.pdf", "pdf_actif"),
    "pdf à action d’ouverture": (un_pdf_actif("ouverture"), "a.pdf", "pdf_actif"),
    "zip suivi d’un pdf": (un_docx() + un_pdf(), "a.docx", "polyglotte"),
    "zip précédé d’un pdf": (un_pdf() + un_docx(), "a.docx", "extension_trompeuse"),
    "png suivi d’un zip": (une_image() + une_archive({"a.txt": b"a"}), "a.png", "polyglotte"),
    "jpeg suivi d’un zip": (une_image("JPEG") + une_archive({"a.txt": b"a" * 300}), "a.jpg", "polyglotte"),
    "jpeg suivi d’un script": (une_image("JPEG") + b"<?php system($_GET[0]); ?>" * 20, "a.jpg", "polyglotte"),
    "png tronqué": (une_image()[:-6], "a.png", "image_tronquee"),
    "png abîmé": (une_image()[:-20] + b"\0" * 20, "a.png", "image_tronquee"),
    "jpeg tronqué": (une_image("JPEG")[:-40], "a.jpg", "image_tronquee"),
    "zip précédé d’autre chose": (b"PK\x03\x04" + b"x" * 100 + un_docx(), "a.docx", "polyglotte"),
    "png trop grand sans être démesuré": (_png_de(10_000, 10_000), "a.png", "image_geante"),
    "png géant": (_png_de(50_000, 50_000), "a.png", "image_geante"),
    "jpeg géant": (_jpeg_geant(), "a.jpg", "image_geante"),
    "png sans surface": (_png_de(0, 10), "a.png", "image_tronquee"),
    "bombe zip": (_une_bombe(), "a.docx", "archive_demesuree"),
    "bombe zip qui ment": (_une_bombe_qui_ment(), "a.docx", "fichier_illisible"),
    "zip ordinaire": (une_archive({"a.pdf": un_pdf()}), "a.docx", "archive_refusee"),
    "chemin dans l’archive": (un_docx({"../../etc/passwd": b"x"}), "a.docx", "document_abime"),
    "macro Word": (un_docx(MACRO), "a.docx", "macro"),
    "macro nommée docm": (un_docx(MACRO), "a.docm", "macro"),
    "type à macro": (
        une_archive(pieces_ooxml("wordprocessingml.document.macroEnabled")), "a.docx", "macro",
    ),
    "objet OLE": (un_docx({"word/embeddings/oleObject1.bin": b"x"}), "a.docx", "macro"),
    "programme dans le document": (un_docx({"word/media/jeu.exe": b"MZ"}), "a.docx", "macro"),
    "modèle distant": (_docx_a_lien("attachedTemplate", "https://exemple.invalid/m.dotm"), "a.docx", "lien_externe"),
    "image distante": (_docx_a_lien("image", "https://exemple.invalid/a.png"), "a.docx", "lien_externe"),
    "lien vers un partage": (_docx_a_lien("hyperlink", "file:///\\\\serveur\\a"), "a.docx", "lien_externe"),
    "entité XML": (un_docx({"word/document.xml": DTD}), "a.docx", "document_abime"),
    "pièce principale absente": (
        une_archive({c: v for c, v in pieces_ooxml().items() if c != "word/document.xml"}), "a.docx", "document_abime",
    ),
    "XML mal formé": (un_docx({"word/document.xml": b"<a>"}), "a.docx", "fichier_illisible"),
    "macro LibreOffice": (un_odf(plus={"Basic/Standard/Module1.xml": b"<x/>"}), "a.odt", "macro"),
    "script LibreOffice": (un_odf(corps='<script:event-listener xlink:href="x:a"/>'), "a.odt", "macro"),
    "image LibreOffice distante": (un_odf(corps='<draw:image xlink:href="http://e/a"/>'), "a.odt", "lien_externe"),
    "LibreOffice protégé": (un_odf(manifeste="<m:encryption-data/>"), "a.odt", "document_protege"),
    "LibreOffice sans contenu": (
        une_archive({"mimetype": b"application/vnd.oasis.opendocument.text"}, stocker=frozenset({"mimetype"})),
        "a.odt", "document_abime",
    ),
}  # fmt: skip


@pytest.mark.parametrize("cas", MAUVAIS)
def test_un_mauvais_fichier_est_refuse_et_la_phrase_dit_quoi_faire(cas: str) -> None:
    octets, nom, code = MAUVAIS[cas]
    refus = _refus(octets, nom)
    assert refus.code == code, refus.message
    assert refus.message.endswith(("recommencez.", "un par un."))


def test_une_archive_chiffree_est_dite_protegee() -> None:
    octets = bytearray(un_docx())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        ou = octets.find(b"word/document.xml")
        ou = octets.rfind(signature, 0, octets.rfind(b"word/document.xml") if place == 8 else ou)
        octets[ou + place] |= 1
    assert _refus(bytes(octets), "a.docx").code == "document_protege"


def test_une_photo_de_telephone_garde_ce_que_l_appareil_y_colle() -> None:
    photo = une_image("JPEG")
    for suite in (une_image("JPEG"), b"\0\0\0\x18ftypmp42" + b"\0" * 500, b"x" * 300 + b"SEFT", b"\0" * 40):
        assert controler(photo + suite, "photo.jpg").genre.code == "jpeg"


@pytest.mark.parametrize(
    ("recu", "montre"),
    [
        ("../../etc/statuts.pdf", "statuts.pdf"),
        ("C:\\Documents\\statuts.pdf", "statuts.pdf"),
        ("sta\x00tuts\r\n.pdf", "sta tuts .pdf"),
        ("statuts\u202efdp.exe.pdf", "statuts fdp.exe.pdf"),
        ("  Procès-verbal  .pdf", "Procès-verbal .pdf"),
        ("e\u0301cole.pdf", "école.pdf"),
    ],
)
def test_un_nom_se_nettoie_pour_l_ecran_et_n_est_jamais_un_chemin(recu: str, montre: str) -> None:
    assert nettoyer_nom(recu) == montre


@given(st.binary(max_size=400), st.sampled_from([e for g in GENRES for e in g.extensions]))
def test_des_octets_quelconques_ne_passent_jamais_et_ne_font_rien_tomber(octets: bytes, extension: str) -> None:
    with pytest.raises(FichierRefuse):
        controler(octets, f"a{extension}")


ENTETES = (b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04")


@given(st.sampled_from(ENTETES), st.binary(max_size=400), st.sampled_from([b"", b"\n%%EOF", b"\xff\xd9"]))
def test_un_en_tete_juste_ne_suffit_pas(entete: bytes, octets: bytes, fin: bytes) -> None:
    for extension in (".pdf", ".jpg", ".png", ".docx", ".odt"):
        with pytest.raises(FichierRefuse):
            controler(entete + octets + fin, f"a{extension}")


@given(st.sampled_from(sorted(BONS)), st.data())
def test_un_bon_fichier_abime_passe_ou_est_refuse_jamais_autre_chose(nom: str, tirage: st.DataObject) -> None:
    octets = bytearray(BONS[nom])
    for _ in range(tirage.draw(st.integers(1, 6))):
        octets[tirage.draw(st.integers(0, len(octets) - 1))] = tirage.draw(st.integers(0, 255))
    coupe = tirage.draw(st.integers(0, len(octets)))
    for essai in (bytes(octets), bytes(octets[:coupe])):
        try:
            lu = controler(essai, nom)
        except FichierRefuse:
            continue
        assert len(essai) == len(octets), "un fichier coupé ne passe pas"
        assert nom.lower().endswith(lu.genre.extensions)


def test_les_archives_d_essai_sont_de_vraies_archives() -> None:
    assert zipfile.ZipFile(io.BytesIO(un_docx())).testzip() is None
