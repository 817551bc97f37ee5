"""Les PDF : mêmes octets pour mêmes données, normes déclarées, caractères absents remplacés au rendu seulement."""

from __future__ import annotations

import io
import struct
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pypdf import PdfReader

from app.infra import pdf
from app.noyau.euros import Euros

INSTANT = datetime(2026, 11, 6, 13, 12, tzinfo=UTC)


def donnees(**change: object) -> dict[str, object]:
    """Les données d'un accusé."""
    return {
        "titre": "Accusé de réception",
        "surtitre": "Contrat d’essai (fictif)",
        "reference": "Dossier n° ESS-2027-0001",
        "mention": "Journal : entrée 12, empreinte " + "ab" * 32,
        "instant": INSTANT,
        "numero": "ESS-2027-0001",
        "action": "Café des parents",
        "appel": "Appel 2027",
        "organisation": "Association porteuse 001 (fictif)",
        "siret": "99000001000019",
        "depose_le": "vendredi 6 novembre 2026 à 14 h 12",
        "commission_le": "",
        "porteur_prive": True,
        "empreinte": "cd" * 32,
        "autorites": [
            {"financeur": "m2A", "service": ["m2A"], "montant": Euros.de(5000), "est_saisie": True,
             "acte_decision": "délibération", "rejet_le": "6 janvier 2027", "recours_jusqu_au": "6 mars 2027"},
            {"financeur": "Ville", "service": [], "montant": Euros.de(1), "est_saisie": False, "acte_decision": "",
             "rejet_le": "", "recours_jusqu_au": ""},
        ],
        "voies": ["Un recours gracieux."],
    } | change  # fmt: skip


def texte(octets: bytes) -> str:
    """Le texte du PDF."""
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(octets)).pages)


def test_le_meme_document_donne_les_memes_octets() -> None:
    premier = pdf.compiler("accuse", donnees())
    assert pdf.compiler("accuse", donnees()) == premier
    assert pdf.compiler("accuse", donnees(action="Autre")) != premier


def test_le_document_est_date_titre_balise_et_declare_ses_normes() -> None:
    octets = pdf.compiler("accuse", donnees())
    lecteur = PdfReader(io.BytesIO(octets))
    assert lecteur.metadata is not None
    assert lecteur.metadata.title == "Accusé de réception"
    assert lecteur.metadata.creation_date == INSTANT
    racine: Any = lecteur.root_object
    assert racine["/Lang"] == "fr-FR"
    assert racine["/MarkInfo"]["/Marked"]
    xmp = racine["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    premiere: Any = lecteur.pages[0]
    polices = {str(p.get_object()["/BaseFont"]).split("+")[1] for p in premiere["/Resources"]["/Font"].values()}
    assert {nom.split("-")[0] for nom in polices} == {"Inter"}


def test_l_accuse_dit_le_silence_et_les_lignes_non_concernees() -> None:
    rendu = texte(pdf.compiler("accuse", donnees()))
    for morceau in ("ESS-2027-0001", "6 janvier 2027", "6 mars 2027", "Non concernés", "entrée 12", "5\u202f000"):
        assert morceau in rendu, morceau
    public = texte(pdf.compiler("accuse", donnees(porteur_prive=False, commission_le="mardi 9 mars 2027")))
    assert "ne s’applique pas entre administrations" in public
    assert "mardi 9 mars 2027" in public


def test_un_caractere_absent_de_la_police_devient_un_carre_sans_faire_echouer_le_document() -> None:
    titre = "Café 中 \U0001f600 \ue000 œuvre \u202f1\u00a0000\u00a0€ #let *x* $a$ \\n"
    assert pdf.imprimable(titre) == "Café □ □ □ œuvre \u202f1\u00a0000\u00a0€ #let *x* $a$ \\n"
    assert pdf.imprimable("a\tb\nc\x07d") == "a\tb\nc□d"
    rendu = texte(pdf.compiler("accuse", donnees(action=titre)))
    assert "#let *x* $a$" in rendu
    assert "□" in rendu


def test_ce_qui_ne_s_imprime_pas_se_refuse() -> None:
    with pytest.raises(TypeError, match="float"):
        pdf.compiler("accuse", donnees(action=1.5))
    rendu = texte(pdf.compiler("accuse", donnees(action=date(2027, 3, 9), instant=None, mention=None or "")))
    assert "2027-03-09" in rendu


def _police(cmap: bytes, nom: bytes = b"cmap") -> bytes:
    return struct.pack(">IHHHH", 0x00010000, 1, 0, 0, 0) + struct.pack(">4sIII", nom, 0, 28, len(cmap)) + cmap


def test_la_couverture_se_lit_dans_la_police() -> None:
    assert {ord("é"), ord("€"), ord("œ"), 0x202F, 0x00A0, ord("□")} <= pdf.couverture()
    entete = struct.pack(">HHHHI", 0, 1, 3, 10, 12)
    douze = struct.pack(">HHIII", 12, 0, 28, 0, 1) + struct.pack(">III", 65, 67, 1)
    assert pdf.couverture_de(_police(entete + douze)) == {65, 66, 67}
    quatre = struct.pack(">HHHHHHH", 4, 0, 0, 4, 0, 0, 0) + struct.pack(">HHHHH", 97, 0xFFFF, 0, 97, 0xFFFF)
    assert pdf.couverture_de(_police(entete + quatre)) == {97}
    with pytest.raises(pdf.PoliceIllisible, match="format 4 ou 12"):
        pdf.couverture_de(_police(entete + struct.pack(">HHHH", 6, 0, 0, 0)))
    with pytest.raises(pdf.PoliceIllisible, match="cmap"):
        pdf.couverture_de(_police(b"", nom=b"glyf"))
