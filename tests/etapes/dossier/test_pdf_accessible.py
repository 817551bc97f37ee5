"""La demande scellée, lue par un contrôleur indépendant : aucun défaut PDF/UA-1 ni WCAG 2.2 qu'une machine voie."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.etapes.dossier.rules.formulaire_unique import CERFA, cerfa
from app.etapes.dossier.service.demande_ecrite import imprimer
from app.infra import pdf
from tests.etapes.dossier.test_rules_formulaire_unique import demande


def controler(chemin: Path) -> tuple[int, list[str]]:
    """(code, constats) du contrôleur ; le rapport est un JSON."""
    rapport = chemin.with_suffix(".json")
    executable = Path(sys.executable).with_name("outloud")
    lance = subprocess.run(
        [str(executable), "--json", str(rapport), str(chemin)], capture_output=True, text=True, check=False, timeout=120
    )
    return lance.returncode, [json.dumps(json.loads(rapport.read_text()))[:2000], lance.stdout, lance.stderr]


@pytest.mark.parametrize("plein", [True, False], ids=["demande remplie", "fiche vide"])
def test_la_demande_scellee_se_lit_a_voix_haute(tmp_path: Path, plein: bool) -> None:
    ecrite = demande() if plein else demande(organisation={}, contenu={"titre": "Sans rien", "demandes": []})
    octets = pdf.compiler(
        "demande",
        {
            "titre": "Demande de subvention", "surtitre": CERFA, "reference": "Dossier n° M2A-2027-0093",
            "mention": "Essai", "instant": datetime(2026, 11, 6, tzinfo=UTC), "action": "Café des parents",
            "organisation": "Association 017 (fictif)", "fige_le": "vendredi 6 novembre 2026",
            "empreinte": "ab" * 32, "rubriques": imprimer(cerfa(ecrite)),
            "signature": "Signé le vendredi 6 novembre 2026.",
            "pieces": [("RIB", "rib.pdf", "ab" * 8)] if plein else [],
        },
    )  # fmt: skip
    chemin = tmp_path / "demande.pdf"
    chemin.write_bytes(octets)
    code, dits = controler(chemin)
    assert code == 0, dits


def test_le_controleur_sait_refuser(tmp_path: Path) -> None:
    chemin = tmp_path / "nu.pdf"
    chemin.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Size 4/Root 1 0 R>>\n%%EOF\n"
    )
    code, _ = controler(chemin)
    assert code != 0
