"""Les pages de la programmation : ce qu'elles montrent, à qui, en combien de requêtes ; ce qu'un refus rend."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.dossier.models import DemandeComplement
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.programmation.models import Proposition
from app.infra.heure import heure_machine
from app.noyau.euros import Euros
from app.noyau.roles import Role
from tests.etapes.programmation.donnees import (
    REQUETES_AU_PLUS,
    Decor,
    des_dossiers_deposes,
    texte,
    un_decor,
    un_dossier_depose,
)
from tests.factories import connecter, un_appel, un_compte, un_contrat, une_organisation
from tests.requetes import requetes

LIGNE = "/appels/ess-2027/programmation/M2A"
PROPOSITION = "/dossiers/ESS-2027-0001/lignes/M2A/2027/proposition"
ARBITRAGE = "/dossiers/ESS-2027-0001/lignes/M2A/2027/arbitrage"


@pytest.fixture
def decor(ecriture: Session) -> Decor:
    decor = un_decor(ecriture)
    ecriture.commit()
    return decor


def le_montant(ecriture: Session) -> list[tuple[int, Euros, str]]:
    ecriture.rollback()
    return [(p.rang, p.montant, p.motif) for p in ecriture.query(Proposition).order_by(Proposition.id)]


# --- qui voit quoi --------------------------------------------------------------------------------------------------


def test_sans_connexion_on_est_envoye_se_connecter(client: TestClient) -> None:
    for chemin in ("/programmation", "/appels/ess-2027/programmation", LIGNE, "/appels/ess-2027/programmation.csv"):
        reponse = client.get(chemin)
        assert (reponse.status_code, reponse.headers["location"].split("?")[0]) == (303, "/connexion")


def test_un_porteur_n_entre_pas(client: TestClient, ecriture: Session, decor: Decor) -> None:
    connecter(client, ecriture, un_compte(ecriture, Role.REDACTEUR, organisation=decor.organisation))
    for chemin in ("/programmation", "/appels/ess-2027/programmation", LIGNE, "/appels/ess-2027/programmation.xlsx"):
        assert client.get(chemin).status_code == 403


def test_un_autre_contrat_ne_voit_rien(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    ailleurs = un_contrat(ecriture, code="autre-2024-2030", prefixe="AUT")
    compte = un_compte(ecriture, Role.INSTRUCTEUR, contrat=ailleurs, ligne="M2A")
    jeton = connecter(client, ecriture, compte)
    for chemin in ("/appels/ess-2027/programmation", LIGNE, "/appels/ess-2027/programmation.csv"):
        assert client.get(chemin).status_code == 404
    reponse = client.post(PROPOSITION, data={"_csrf": jeton, "montant": "10", "motif": "x", "rang": "0"})
    assert reponse.status_code == 404
    assert le_montant(ecriture) == []


def test_un_seul_appel_s_ouvre_plusieurs_se_choisissent(client: TestClient, ecriture: Session, decor: Decor) -> None:
    connecter(client, ecriture, decor.comptes["equipe"])
    assert client.get("/programmation").headers["location"] == "/appels/ess-2027/programmation"
    un_appel(ecriture, decor.contrat, annee=2026)
    ecriture.commit()
    page = client.get("/programmation")
    assert page.status_code == 200
    assert page.text.index("Appel 2027") < page.text.index("Appel 2026")


def test_sans_appel_la_page_dit_quoi_attendre(client: TestClient, ecriture: Session) -> None:
    connecter(client, ecriture, un_compte(ecriture, Role.EQUIPE_PROJET, contrat=un_contrat(ecriture)))
    page = client.get("/programmation")
    assert page.status_code == 200
    assert "Aucun appel pour l’instant" in page.text


# --- vue d'ensemble -------------------------------------------------------------------------------------------------


def test_la_vue_d_ensemble_croise_les_lignes_et_dit_ce_qui_deborde(
    client: TestClient, service: FastAPI, ecriture: Session, decor: Decor
) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 130_000, "BOP147": 8_000}, titre="Café des parents")
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    donnees = {"_csrf": jeton, "montant": "120 000", "motif": "Quartier prioritaire.", "rang": "0"}
    assert client.post(PROPOSITION, data=donnees).status_code == 303
    connecter(client, ecriture, decor.comptes["equipe"])
    with requetes(service) as vues:
        page = client.get("/appels/ess-2027/programmation")
    assert page.status_code == 200
    assert len(vues) <= REQUETES_AU_PLUS, vues
    dit = texte(page.text)
    assert "m2A (M2A) : il manque 20 000 €" in dit.replace("\u202f", " ").replace("\xa0", " ")
    assert "Café des parents" in dit
    assert "Dépassé de" in dit
    assert "Simulations" in dit


def test_le_binome_lit_ses_quartiers_sans_reste_trompeur(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000}, titre="Ici")
    un_dossier_depose(ecriture, decor, 2, {"M2A": 5_000}, titre="Ailleurs", quartiers=["QN06808M"])
    connecter(client, ecriture, decor.comptes["binome"])
    page = client.get("/appels/ess-2027/programmation")
    assert "Vous lisez les dossiers de vos quartiers" in page.text
    assert "Ici" in page.text
    assert "Ailleurs" not in page.text
    assert "Proposé ou arbitré</th>" not in page.text


def test_une_liste_vide_dit_pourquoi(client: TestClient, ecriture: Session, decor: Decor) -> None:
    connecter(client, ecriture, decor.comptes["equipe"])
    assert "Rien à programmer pour l’instant" in client.get("/appels/ess-2027/programmation").text
    assert "Aucune demande sur cette ligne pour 2027" in client.get(LIGNE).text
    filtree = client.get(f"{LIGNE}?q=introuvable")
    assert "Aucune demande ne répond à ce filtre" in filtree.text
    assert f'href="{LIGNE}"' in filtree.text


# --- tableau d'une ligne --------------------------------------------------------------------------------------------


def test_le_tableau_d_une_ligne_tient_en_peu_de_requetes(
    client: TestClient, service: FastAPI, ecriture: Session, decor: Decor
) -> None:
    des_dossiers_deposes(ecriture, decor, 60, {"M2A": 5_000, "BOP147": 8_000})
    connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    with requetes(service) as vues:
        page = client.get(f"{LIGNE}?tri=-demande")
    assert len(vues) <= REQUETES_AU_PLUS, vues
    assert page.text.count("<tr id=") == 50
    assert "50 sur 60\xa0demandes" in page.text
    suite = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert suite is not None
    suivante = client.get(suite[1].replace("&amp;", "&"))
    assert suivante.text.count("<tr id=") == 10
    assert 'rel="prev"' in suivante.text
    dit = texte(page.text).replace("\u202f", " ").replace("\xa0", " ")
    assert "Total de la liste : 60 demandes" in dit
    assert "300 000 €" in dit


def test_chacun_ne_trouve_que_ses_boutons(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000, "BOP147": 4_000}, etat=EtatDemande.PROPOSEE)
    for qui, boutons in {
        "instructeur_m2a": {"Proposer"}, "elu_m2a": {"Arbitrer"}, "sous_prefecture": set(), "equipe": set(),
        "charge": set(),
    }.items():  # fmt: skip
        connecter(client, ecriture, decor.comptes[qui])
        page = client.get(LIGNE).text
        assert set(re.findall(r"<span>(Proposer|Arbitrer)</span>", page)) == boutons, qui
        assert ("Votre montant" in page) == bool(boutons), qui


def test_proposer_enregistre_et_revient_sur_la_rangee(client: TestClient, ecriture: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000}, etat_dossier=EtatDossier.A_COMPLETER)
    ecriture.add(
        DemandeComplement(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, ligne_id=None, objet="RIB", pourquoi="Illisible.",
            echeance_le=heure_machine() + timedelta(days=1), demandee_le=heure_machine(), demandee_par="essai",
        )
    )  # fmt: skip
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    retour = f"{LIGNE}?tri=-note&annee=2027"
    donnees = {"_csrf": jeton, "montant": "1 250,50", "motif": "Utile.", "rang": "0", "retour": retour}
    reponse = client.post(PROPOSITION, data=donnees)
    assert reponse.status_code == 303
    assert reponse.headers["location"] == f"{retour}&fait=montant-propose#d-ESS-2027-0001"
    assert le_montant(ecriture) == [(1, Euros(125_050), "Utile.")]
    page = client.get(reponse.headers["location"])
    assert "Le montant proposé est enregistré." in page.text
    assert 'value="1\u202f250,50"' in page.text
    assert "complément attendu" in page.text
    connecter(client, ecriture, decor.comptes["elu_m2a"])


def test_l_elu_arbitre_ce_qui_est_propose(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000}, etat=EtatDemande.PROPOSEE)
    jeton = connecter(client, ecriture, decor.comptes["elu_m2a"])
    reponse = client.post(ARBITRAGE, data={"_csrf": jeton, "montant": "900", "motif": "Priorité.", "rang": "0"})
    assert reponse.headers["location"] == f"{LIGNE}?fait=montant-arbitre#d-ESS-2027-0001"
    assert le_montant(ecriture) == [(1, Euros.de(900), "Priorité.")]


SAISIES_REFUSEES = (
    ("6 000", "Trop.", ["Le montant dépasse les 5"]),
    ("-3", "Moins.", ["Un montant ne peut pas être négatif."]),
    ("beaucoup", "", ["Écrivez un montant en euros", "Dites pourquoi, en une phrase."]),
    ("", "Sans montant.", ["Remplissez ce champ."]),
    ("9 999", " ", ["Le montant dépasse les 5", "Dites pourquoi, en une phrase."]),
)


def test_une_saisie_refusee_revient_entiere_avec_sa_faute(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    un_dossier_depose(ecriture, decor, 2, {"M2A": 7_000})
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    for montant, motif, phrases in SAISIES_REFUSEES:
        donnees = {"_csrf": jeton, "montant": montant, "motif": motif, "rang": "0", "retour": f"{LIGNE}?tri=-numero"}
        reponse = client.post(PROPOSITION, data=donnees)
        assert reponse.status_code == 422
        rangs = [reponse.text.index(f'id="d-ESS-2027-000{n}"') for n in (2, 1)]
        assert rangs == sorted(rangs), "le tri est gardé"
        for phrase in phrases:
            assert reponse.text.count(phrase) == 2, "dans le résumé et près du champ"
        assert f'value="{montant}"' in reponse.text
        assert f'value="{motif}"' in reponse.text
        assert 'id="champ-montant-ESS-2027-0001"' in reponse.text
        assert "En instruction" in reponse.text, "l’état n’a pas bougé"
    assert le_montant(ecriture) == []


def test_la_rangee_refusee_se_montre_meme_hors_de_la_page(client: TestClient, ecriture: Session, decor: Decor) -> None:
    des_dossiers_deposes(ecriture, decor, 55, {"M2A": 5_000})
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    chemin = PROPOSITION.replace("0001", "0055")
    reponse = client.post(chemin, data={"_csrf": jeton, "montant": "6000", "motif": "x", "rang": "0"})
    assert reponse.status_code == 422
    assert reponse.text.count("<tr id=") == 51
    assert reponse.text.index('id="d-ESS-2027-0055"') < reponse.text.index('id="d-ESS-2027-0001"')


def test_quelqu_un_a_propose_entre_temps(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    donnees = {"_csrf": jeton, "montant": "100", "motif": "Un.", "rang": "0"}
    assert client.post(PROPOSITION, data=donnees).status_code == 303
    reponse = client.post(PROPOSITION, data=donnees | {"montant": "200"})
    assert reponse.status_code == 412
    assert "Quelqu’un a enregistré entre-temps" in reponse.text
    assert 'value="200"' in reponse.text
    assert [m for _, m, _ in le_montant(ecriture)] == [Euros.de(100)]


def test_le_mauvais_role_la_mauvaise_ligne_et_le_jeton_absent_sont_refuses(
    client: TestClient, ecriture: Session, decor: Decor
) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    donnees = {"montant": "100", "motif": "Un.", "rang": "0"}
    jeton = connecter(client, ecriture, decor.comptes["sous_prefecture"])
    assert client.post(PROPOSITION, data=donnees | {"_csrf": jeton}).status_code == 403
    assert client.post(ARBITRAGE, data=donnees | {"_csrf": jeton}).status_code == 403
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    assert client.post(PROPOSITION, data=donnees).status_code == 403
    assert client.post(ARBITRAGE, data=donnees | {"_csrf": jeton}).status_code == 403
    assert client.post(PROPOSITION.replace("2027/p", "99999/p"), data=donnees | {"_csrf": jeton}).status_code == 404
    assert le_montant(ecriture) == []


@pytest.mark.parametrize("retour", ["//ailleurs.example/x", "https://ailleurs.example", "/\\ailleurs", "javascript:x"])
def test_on_ne_renvoie_jamais_ailleurs(client: TestClient, ecriture: Session, decor: Decor, retour: str) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    donnees = {"_csrf": jeton, "montant": "100", "motif": "Un.", "rang": "0", "retour": retour}
    assert client.post(PROPOSITION, data=donnees).headers["location"].startswith(LIGNE)


def test_une_adresse_bricolee_ne_casse_rien(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    connecter(client, ecriture, decor.comptes["equipe"])
    for suite in ("?tri=drop&etat=x&avancement=y&annee=abc", "?q=%00", "?annee=99999999999999", "?annee=2029"):
        assert client.get(LIGNE + suite).status_code == 200
    assert client.get(f"{LIGNE}?apres=zzz").status_code == 422
    assert client.get("/appels/ess-2027/programmation/INCONNUE").status_code == 404


def test_un_texte_hostile_reste_du_texte(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000}, titre="<script>alert(1)</script>")
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    donnees = {"_csrf": jeton, "montant": "100", "motif": '"><img src=x onerror=alert(1)>', "rang": "0"}
    client.post(PROPOSITION, data=donnees)
    page = client.get(LIGNE).text
    assert "<script>alert" not in page
    assert "<img" not in page


# --- exports --------------------------------------------------------------------------------------------------------


def lire_csv(contenu: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(contenu.decode("utf-8-sig")), delimiter=";"))


def lire_xlsx(contenu: bytes) -> tuple[int, str]:
    feuille = zipfile.ZipFile(BytesIO(contenu)).read("xl/worksheets/sheet1.xml").decode()
    return feuille.count("<row "), feuille


def test_les_exports_ont_toutes_les_rangees(client: TestClient, ecriture: Session, decor: Decor) -> None:
    """Plus de rangées qu'un lot : un flux qui se servirait de la session de la requête sortirait tronqué, code 200."""
    des_dossiers_deposes(ecriture, decor, 900, {"M2A": 5_000, "BOP147": 8_000})
    connecter(client, ecriture, decor.comptes["equipe"])
    fichier = client.get("/appels/ess-2027/programmation.csv")
    assert fichier.status_code == 200
    assert fichier.headers["content-disposition"] == 'attachment; filename="programmation-ess-2027.csv"'
    rangees = lire_csv(fichier.content)
    assert len(rangees) == 1_800
    assert [r["Numéro"] for r in rangees[::2]] == [f"ESS-2027-{rang:04d}" for rang in range(1, 901)]
    classeur = client.get("/appels/ess-2027/programmation.xlsx")
    assert lire_xlsx(classeur.content)[0] == 1_801


def test_un_export_donne_des_nombres_et_neutralise_les_formules(
    client: TestClient, ecriture: Session, decor: Decor
) -> None:
    porteur = une_organisation(ecriture, rang=7, nom="@SOMME(A1)")
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000, "BOP147": 2_000}, titre="=1+1", organisation=porteur, n1=3_000)
    jeton = connecter(client, ecriture, decor.comptes["instructeur_m2a"])
    donnees = {"_csrf": jeton, "montant": "1250,5", "motif": "+33 de plus ; « ; »", "rang": "0"}
    assert client.post(PROPOSITION, data=donnees).status_code == 303
    etat, m2a = lire_csv(client.get("/appels/ess-2027/programmation.csv").content)
    assert (m2a["Titre de l’action"], m2a["Porteur"]) == ("'=1+1", "'@SOMME(A1)")
    assert (m2a["Demandé"], m2a["Proposé"], m2a["Arbitré"]) == ("5000,00", "1250,50", "")
    assert m2a["Motif du dernier montant"] == "'+33 de plus ; « ; »"
    assert (m2a["Demandé aux autres lignes"], m2a["Proposé ou arbitré par les autres lignes"]) == ("2000,00", "")
    assert etat["Proposé ou arbitré par les autres lignes"] == "1250,50"
    feuille = lire_xlsx(client.get("/appels/ess-2027/programmation.xlsx").content)[1]
    assert "<v>1250.50</v>" in feuille
    assert "<f>" not in feuille
    assert "'=1+1" in feuille.replace("&apos;", "'")


def test_un_export_ne_sort_que_ce_qu_on_voit(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    un_dossier_depose(ecriture, decor, 2, {"M2A": 5_000}, quartiers=["QN06808M"])
    un_dossier_depose(ecriture, decor, 3, {"M2A": 5_000}, etat=EtatDemande.IRRECEVABLE)
    connecter(client, ecriture, decor.comptes["binome"])
    rangees = lire_csv(client.get("/appels/ess-2027/programmation.csv").content)
    assert [r["Numéro"] for r in rangees] == ["ESS-2027-0001"]
