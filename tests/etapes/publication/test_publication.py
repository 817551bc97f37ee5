"""Les données essentielles : règles, fichier valide au schéma officiel, page."""

from __future__ import annotations

import csv
import io
import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.convention.service import decision, notification
from app.etapes.publication.rules import COLONNES, Subvention, est_publiable, ligne_scdl
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import Campagne, une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, refuse, voter_tout
from tests.factories import siret_fictif

SCHEMA = Path(__file__).parents[2] / "donnees" / "scdl-subventions-2.1.1-schema.json"
MULHOUSE = "21680224900013"
EXEMPLE = Subvention(
    attribuant="Ville de Mulhouse", attribuant_siret=MULHOUSE, decidee_le=date(2027, 5, 18), reference="2027-CM-12",
    beneficiaire="Association\n des  Coteaux", beneficiaire_siret=siret_fictif(1), beneficiaire_rna="W682000123",
    objet="x" * 300, montant=Euros(400_050), notifiee_le=date(2027, 5, 20), versement_jours=60,
)  # fmt: skip


def test_une_ligne_suit_le_schema() -> None:
    ligne = dict(zip(COLONNES, ligne_scdl(EXEMPLE), strict=True))
    assert ligne["montant"] == "4000.50"
    assert ligne["datesPeriodeVersement"] == "2027-05-20/2027-07-19"
    assert ligne["nomBeneficiaire"] == "Association des Coteaux"
    assert len(ligne["objet"]) == 256
    assert (ligne["notificationUE"], ligne["pourcentageSubvention"]) == ("non", "1.00")
    assert ligne["rnaBeneficiaire"] == "W682000123"


@pytest.mark.parametrize("rna", [None, "W2A0000123", ""])
def test_un_rna_hors_du_motif_du_schema_est_tu(rna: str | None) -> None:
    assert ligne_scdl(replace(EXEMPLE, beneficiaire_rna=rna))[6] == ""


@pytest.mark.parametrize(
    ("changement", "publiable"),
    [
        ({}, True),
        ({"attribuant_siret": None}, False),
        ({"attribuant_siret": "20006600900012"}, False),
        ({"beneficiaire_siret": "00000000000001"}, False),
    ],
)
def test_une_ligne_sans_siret_juste_n_est_pas_publiee(changement: dict[str, str | None], publiable: bool) -> None:
    assert est_publiable(replace(EXEMPLE, **changement)) is publiable  # type: ignore[arg-type]


@pytest.fixture
def notifiee(ecriture: Session) -> Campagne:
    """Trois dossiers : le premier attribué et notifié deux fois, le deuxième refusé, le troisième à notifier."""
    campagne = une_campagne(ecriture, dossiers=3)
    campagne.contrat.lignes["M2A"].attribuant_siret = MULHOUSE
    voter_tout(ecriture, campagne)
    arreter(ecriture, campagne, "M2A", "BOP147")
    m2a, etat = de_la_ligne(ecriture, campagne, "M2A"), de_la_ligne(ecriture, campagne, "BOP147")
    numeros = [d.numero or "" for d in campagne.dossiers]
    for gens, ligne, montant in ((m2a, "M2A", 4_000), (etat, "BOP147", 2_500)):
        decision.decider(ecriture, numeros[0], ligne, accorde(montant), acteur=gens, maintenant=APRES)
        notification.notifier(ecriture, numeros[0], ligne, acteur=gens, maintenant=APRES)
    decision.decider(ecriture, numeros[1], "M2A", refuse(), acteur=m2a, maintenant=APRES)
    notification.notifier(ecriture, numeros[1], "M2A", acteur=m2a, maintenant=APRES)
    decision.decider(ecriture, numeros[2], "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    ecriture.commit()
    return campagne


def lire(client: TestClient) -> list[dict[str, str]]:
    reponse = client.get("/donnees/subventions.csv")
    assert reponse.status_code == 200
    assert reponse.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(reponse.content.decode("utf-8"))))


def test_le_fichier_public_ne_dit_que_l_attribue_notifie_et_publiable(client: TestClient, notifiee: Campagne) -> None:
    lignes = lire(client)
    assert [(r["idAttribuant"], r["montant"], r["objet"]) for r in lignes] == [(MULHOUSE, "4000.00", "Action 1")]
    assert lignes[0]["referenceDecision"] == "2027-05-CA-12"
    page = client.get("/donnees").text
    assert "En attente du SIRET" in page
    assert "Publié" in page


def test_une_renonciation_retire_la_ligne(client: TestClient, ecriture: Session, notifiee: Campagne) -> None:
    numero = notifiee.dossiers[0].numero or ""
    decision.renoncer(
        ecriture, numero, "M2A", motif="Annulée", acteur=notifiee.porteurs[0], maintenant=APRES
    )  # fmt: skip
    ecriture.commit()
    assert lire(client) == []


def test_le_fichier_est_valide_au_schema_officiel(
    client: TestClient, ecriture: Session, notifiee: Campagne, tmp_path: Path
) -> None:
    notifiee.contrat.lignes["BOP147"].attribuant_siret = siret_fictif(77)
    ecriture.commit()
    fichier = tmp_path / "subventions.csv"
    fichier.write_bytes(client.get("/donnees/subventions.csv").content)
    assert len(fichier.read_text(encoding="utf-8").splitlines()) == 3
    assert valide(fichier)
    faux = tmp_path / "faux.csv"
    faux.write_text(fichier.read_text(encoding="utf-8").replace("4000.00", "quatre mille"), encoding="utf-8")
    assert not valide(faux)


def valide(fichier: Path) -> bool:
    """Vrai si frictionless accepte le fichier contre le schéma SCDL 2.1.1.

    Il lève pour tout le processus la borne du lecteur csv : on la remet, d'autres essais la voient refuser.
    """
    borne = csv.field_size_limit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import frictionless  # noqa: PLC0415 -- ses dépendances avertissent à l'import

        with frictionless.system.use_context(trusted=True):
            rapport = frictionless.validate(str(fichier), schema=str(SCHEMA), encoding="utf-8")
    csv.field_size_limit(borne)
    return bool(rapport.valid)


def test_la_page_vide_dit_quand_elle_se_remplira(client: TestClient) -> None:
    page = client.get("/donnees")
    assert page.status_code == 200
    assert "Aucune subvention publiée pour l’instant" in page.text
    assert lire(client) == []
