"""Les codes du contrat qu'une grille cite : un code inconnu est refusé, avec l'endroit et la raison."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.referentiels.grilles.rules.codes import codes_connus, fautes_des_codes
from seeds.contrat import lire_contrat
from seeds.grilles import GRILLES
from seeds.lecture import ErreurDeDonnees
from tests.referentiels.grilles.decor import Changer, la_grille, rang_de, une_grille

CONTRAT = GRILLES.parent
OBJECTIFS = ["E1.1", "E1.2", "E1.3", "E1.4", "E2.1", "E2.2", "E2.3", "E2.4", "T.1", "T.2", "C.1", "C.2"]
FINS = ["E1.1.2.1", "E1.1.5", "E1.1.6", "E2.1.1", "E2.1.3", "E2.1.4", "E2.1.6", "E2.4.4"]
FICHES = ["JONQUILLES", "BOURTZWILLER", "BRUSTLEIN", "COTEAUX", "DROUOT", "FONDERIE", "BRIAND", "D8", "MARKSTEIN"]
CONNUS = codes_connus(
    objectifs=OBJECTIFS, operationnels=[*FINS, *(f"{code}.1" for code in OBJECTIFS)], pistes=["T.1.P1", "T.2.P1"],
    actions=["ILLZACH", "ILLZACH.ILLZACH-A1.1", "WITTENHEIM"], fiches=FICHES,
    priorites=[f"{fiche}.1" for fiche in FICHES], communes=["68224"],
)  # fmt: skip


def le_si(critere: str, condition: dict[str, Any]) -> Changer:
    return lambda d: d["criteres"][rang_de(critere)]["baremes"][0]["paliers"][0].update(si=condition)


def parmi(de: str, *codes: str) -> dict[str, Any]:
    return {"parmi": {"de": de, "codes": list(codes)}}


def test_la_grille_de_depart_ne_cite_que_des_codes_du_contrat() -> None:
    assert fautes_des_codes(la_grille(), CONNUS) == []


@pytest.mark.parametrize(
    ("changer", "chemin", "message"),
    [
        (
            lambda d: d["ensembles"]["M2A_RANG_1"].update(codes=["E2.9"]), "ensembles.M2A_RANG_1",
            "code inconnu : « E2.9 » n’est pas un objectif du contrat",
        ),
        (lambda d: d["ensembles"]["FICHES"]["codes"].append("DOLLER"), "ensembles.FICHES", "n’est pas une fiche"),
        (
            lambda d: d["ensembles"].update(NEUF={"codes": ["E9"], "source": {"texte": "choix du projet"}}),
            "ensembles.NEUF", "« E9 » n’est pas un code du contrat",
        ),
        (
            lambda d: d["definitions"]["objectif_precise"]["si"]["tous"][1]["un_de"][1]["tous"][1]["parmi"].update(
                codes=["T.3"]
            ),
            "definitions.objectif_precise.si.tous.1.un_de.1.tous.1", "« T.3 » n’est pas une piste",
        ),
        (
            le_si("INT", parmi("communes_touchees", "75056")), "criteres.11.baremes.0.paliers.0.si",
            "« 75056 » n’est pas une commune",
        ),
        (
            le_si("OBJ", parmi("objectifs_operationnels", "E2.2.1.9")), "criteres.0.baremes.0.paliers.0.si",
            "« E2.2.1.9 » n’est pas un objectif opérationnel",
        ),
        (
            lambda d: d["lignes"][2]["champ"].update(si=parmi("priorites_fiche", "BRIAND.9")), "lignes.2.champ.si",
            "« BRIAND.9 » n’est pas une priorité de fiche",
        ),
        (
            lambda d: d["sans_objet"][2].update(si=parmi("actions_feuille_de_route", "COLMAR.1")), "sans_objet.2.si",
            "« COLMAR.1 » n’est pas une action",
        ),
    ],
)  # fmt: skip
def test_un_code_inconnu_est_refuse_avec_l_endroit(changer: Changer, chemin: str, message: str) -> None:
    trouvees = fautes_des_codes(une_grille(changer), CONNUS)
    assert [faute.champ for faute in trouvees] == [chemin]
    assert message in trouvees[0].message
    assert trouvees[0].code == "code_inconnu"


@pytest.mark.parametrize(
    "condition",
    [
        parmi("actions_feuille_de_route", "ILLZACH.1", "WITTENHEIM", "ILLZACH.ILLZACH-A1"),
        parmi("pistes_transversales", "T.1.P1", "T.2"),
        parmi("priorites_fiche", "BRIAND", "BRIAND.1"),
        parmi("type_action", "ce que la grille veut"),
    ],
)
def test_la_descendance_compte_et_ce_qui_n_est_pas_du_contrat_n_est_pas_juge(condition: dict[str, Any]) -> None:
    assert fautes_des_codes(une_grille(le_si("OBJ", condition)), CONNUS) == []


@pytest.mark.parametrize("nom", ["m2a-2024-2030", "colmar-exemple"])
def test_les_contrats_livres_passent(nom: str) -> None:
    assert lire_contrat(CONTRAT.parent / nom).grilles


def test_un_fichier_qui_cite_un_code_inconnu_est_refuse_au_chargement(tmp_path: Path) -> None:
    dossier = tmp_path / "m2a"
    shutil.copytree(CONTRAT, dossier)
    fichier = dossier / "grilles" / "grille-2027.yaml"
    texte = fichier.read_text(encoding="utf-8")
    fichier.write_text(texte.replace("codes: [E2.2]", "codes: [E2.9]", 1), encoding="utf-8")
    with pytest.raises(ErreurDeDonnees) as refus:
        lire_contrat(dossier)
    assert refus.value.fichier == "grilles/grille-2027.yaml"
    assert "M2A_RANG_1" in refus.value.raison
    assert "« E2.9 » n’est pas un objectif du contrat" in refus.value.raison
    assert texte.splitlines()[refus.value.ligne - 1].strip().startswith(("M2A_RANG_1", "codes: [E2.2]"))
