"""Les règles autour d'un dossier : ce qui attend à l'arrêt, le champ d'une ligne, ce que le service sait déjà."""

from __future__ import annotations

import pytest

from app.etapes.dossier.rules.attente import RIEN, EnAttente, verifier_arrete
from app.etapes.dossier.rules.recevabilite import verifier_champ
from app.etapes.dossier.rules.reprise import DemandePassee, avec_le_connu, code_accorde, montants_connus
from app.etapes.dossier.rules.suivi import code_lettre_lue
from app.noyau.euros import Euros


def test_arreter_sans_attendre_se_confirme() -> None:
    attente = EnAttente.de(["M2A-2027-0001", "M2A-2027-0004"])
    (faute,) = verifier_arrete(attente, confirme=False)
    assert (faute.champ, faute.code) == ("confirme", "demandes_non_examinees")
    assert faute.message.startswith(attente.phrase)
    assert verifier_arrete(attente, confirme=True) == ()
    assert verifier_arrete(RIEN, confirme=False) == ()


@pytest.mark.parametrize(
    ("hors_champ", "recevable", "codes"),
    [
        (None, True, []),
        ("Aucune fiche d’Illzach.", False, []),
        ("Aucune fiche d’Illzach.", True, ["ligne_hors_champ"]),
    ],
)
def test_une_demande_hors_du_champ_ne_se_declare_pas_recevable(
    hors_champ: str | None, recevable: bool, codes: list[str]
) -> None:
    fautes = verifier_champ(hors_champ, recevable=recevable)
    assert [f.code for f in fautes] == codes
    assert all(f.message.startswith(str(hors_champ)) for f in fautes)


def test_les_faits_ecrits_par_une_autre_etape_ont_un_code_stable() -> None:
    assert code_accorde("M2A", 2026) == "accorde:M2A:2026"
    assert code_lettre_lue("M2A") == "lettre_lue:M2A"


PASSEES = (
    DemandePassee("M2A", 2026, Euros(500_000), Euros(300_000)),
    DemandePassee("BOP147", 2026, Euros(200_000)),
    DemandePassee("M2A", 2025, Euros(1), Euros(1)),
)
CONNUS = {"M2A": {"demande": 500_000, "accorde": 300_000}, "BOP147": {"demande": 200_000}}


def test_seule_l_annee_d_avant_est_connue_et_l_accorde_attend_sa_notification() -> None:
    assert montants_connus(PASSEES, 2027) == CONNUS


def test_le_porteur_ne_remplit_que_ce_que_le_service_ne_sait_pas() -> None:
    saisis = [{"ligne": "M2A", "depense": 280_000, "accorde": None}, {"ligne": "CAF", "accorde": 100_000}]
    rangees, fautes = avec_le_connu(saisis, CONNUS)
    assert fautes == ()
    assert rangees == [
        {"ligne": "M2A", "depense": 280_000, "demande": 500_000, "accorde": 300_000},
        {"ligne": "CAF", "accorde": 100_000},
        {"ligne": "BOP147", "demande": 200_000},
    ]


def test_un_montant_que_le_service_connait_ne_se_contredit_pas() -> None:
    rangees, (faute,) = avec_le_connu([{"ligne": "M2A", "accorde": 1}], {"M2A": CONNUS["M2A"]})
    assert (faute.champ, faute.code) == ("precedents.0.accorde", "montant_connu")
    assert rangees[0]["accorde"] == 300_000
