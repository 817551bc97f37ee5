"""La notice en PDF : un contrôleur indépendant n'y voit aucun défaut PDF/UA-1, et tout le calcul s'y lit."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from pypdf import PdfReader

from app.etapes.notation.rules import Ajustement, Note, appliquer_ajustements
from app.etapes.notation.rules.notice import LigneEnAttente, Raison
from app.infra import pdf
from app.referentiels.grilles.rules import Fait, Statut
from tests.etapes.convention.test_mention import serre
from tests.etapes.dossier.test_pdf_accessible import controler
from tests.etapes.notation.lecture_cas import des_faits
from tests.etapes.notation.test_notice import donnees, une_note

LE = datetime(2027, 5, 28, 9, 0, tzinfo=UTC)
ATTENTE = LigneEnAttente("MULHOUSE", "Mulhouse", Raison.A_NOTIFIER, "Sa notice s’ouvrira plus tard.")


def une_notice_complete() -> Note:
    """Ajustée, corrigée, en intervalle, avec les priorités de l'appel."""
    faits = (
        des_faits().sans("premiere_demande").avec(part_qpv=Fait(Fraction(1, 2), Statut.CORRIGE, "D’après la liste."))
    )
    note = une_note(faits, priorites={"M2A": (("E1.2",),)})
    return appliquer_ajustements(note, [Ajustement("LAN", Fraction(3), "Un interprète vient \uf0b7 ici.", "c-x")])


@pytest.mark.parametrize("pleine", [True, False], ids=["tout ce qui peut arriver", "une ligne simple"])
def test_la_notice_se_lit_a_voix_haute_et_deroule_le_calcul(tmp_path: Path, pleine: bool) -> None:
    rendu = donnees(une_notice_complete(), attente=(ATTENTE,)) if pleine else donnees(une_note())
    octets = pdf.compiler(
        "notice",
        {
            **rendu, "titre": "Notice explicative", "surtitre": "Contrat de ville d’essai (fictif)",
            "reference": "Dossier n° ESS-2027-0001", "action": "Café des parents", "le": "vendredi 28 mai 2027",
            "instant": LE, "mention": "Essai",
        },
    )  # fmt: skip
    chemin = tmp_path / "notice.pdf"
    chemin.write_bytes(octets)
    code, dits = controler(chemin)
    assert code == 0, dits
    texte = serre("".join(page.extract_text() for page in PdfReader(io.BytesIO(octets)).pages))
    for ligne in rendu["lignes"]:
        for critere in ligne["criteres"]:
            assert serre(critere["calcul"]) in texte, critere["code"]
            for palier in critere["bareme"]:
                assert serre(palier["condition"]) in texte, critere["code"]
        for terme in ligne["termes"]:
            assert serre(terme["sens"]) in texte, terme["nom"]
        for phrase in (phrase for calcul in ligne["calculs"] for phrase in calcul["phrases"]):
            assert serre(phrase) in texte
        for donnee in ligne["donnees"]:
            assert serre(donnee["source"]) in texte, donnee["code"]
    for operation in rendu["operations"]:
        assert serre(operation) in texte
    assert serre(rendu["contribution"]["degre"]) in texte
