"""L'enregistrement au fil de la saisie, l'étape tenue, ce qui est tapé et pas encore enregistré."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service import brouillon
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import Formulaire, formulaire
from tests.etapes.dossier.conftest import Decor


@pytest.fixture
def dossier(decor: Decor) -> Dossier:
    cree = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027))
    decor.session.commit()
    return cree


@pytest.fixture
def collegue(decor: Decor) -> TestClient:
    return decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation))


def adresse(dossier: Dossier, section: str = "projet") -> str:
    return f"/dossiers/{dossier.reference}/etapes/{section}"


def ouverte(client: TestClient, dossier: Dossier, section: str = "projet") -> Formulaire:
    page = client.get(adresse(dossier, section))
    assert page.status_code == 200, page.text
    return formulaire(page, f"/etapes/{section}")


def au_fil(client: TestClient, page: Formulaire, *codes: str, **valeurs: str | list[str]) -> Response:
    """Ce que la page envoie d'elle-même : le jeton, et les champs touchés avec leur version."""
    page.remplir(**valeurs)
    garde = [(n, v) for n, v in page.champs if n == "_csrf" or n.removeprefix("v.").split(".")[0] in codes]
    return client.post(page.action + "/champs", data=_multiple(garde))


def _multiple(paires: list[tuple[str, str]]) -> dict[str, list[str]]:
    rendu: dict[str, list[str]] = {}
    for nom, valeur in paires:
        rendu.setdefault(nom, []).append(valeur)
    return rendu


def contenu(decor: Decor, dossier: Dossier) -> dict[str, Any]:
    decor.session.expire_all()
    return repository.contenu(decor.session, dossier.id)


def test_un_champ_s_enregistre_au_fil_de_la_saisie(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier)
    reponse = au_fil(decor.client, page, "titre", titre="Café des voisins")
    assert reponse.status_code == 200, reponse.text
    recu = reponse.json()
    assert recu["versions"] == {"titre": 2}
    assert (recu["fautes"], recu["conflits"], recu["tenue_par"]) == ([], {}, None)
    assert contenu(decor, dossier)["titre"] == "Café des voisins"


def test_le_bouton_enregistrer_suit_sans_conflit_un_enregistrement_au_fil(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier)
    versions = au_fil(decor.client, page, "titre", titre="Café du matin").json()["versions"]
    page.remplir(v__titre=str(versions["titre"]), titre="Café du soir")
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    assert contenu(decor, dossier)["titre"] == "Café du soir"


def test_une_saisie_refusee_est_gardee_et_revient_a_son_auteur_seul(
    decor: Decor, dossier: Dossier, collegue: TestClient
) -> None:
    page = ouverte(decor.client, dossier, "public")
    recu = au_fil(
        decor.client, page, "beneficiaires", "beneficiaires_qpv", beneficiaires="douze", beneficiaires_qpv="30"
    ).json()
    assert recu["fautes"][0]["champ"] == "beneficiaires"
    assert recu["versions"] == {"beneficiaires_qpv": 2}, "ce qui est juste s'enregistre quand même"
    assert (contenu(decor, dossier)["beneficiaires"], contenu(decor, dossier)["beneficiaires_qpv"]) == (60, 30)
    revenue = decor.client.get(adresse(dossier, "public"))
    assert formulaire(revenue, "/etapes/public").valeur("beneficiaires") == "douze"
    assert "pas enregistrées" in revenue.text
    assert "nombre entier" in revenue.text
    formulaire(collegue.get(adresse(dossier, "public")), "/tenue").envoyer(collegue)
    assert ouverte(collegue, dossier, "public").valeur("beneficiaires") == "60"


def test_ce_qui_attend_disparait_une_fois_enregistre(decor: Decor, dossier: Dossier) -> None:
    au_fil(decor.client, ouverte(decor.client, dossier, "public"), "beneficiaires", beneficiaires="douze")
    page = ouverte(decor.client, dossier, "public").remplir(beneficiaires="70")
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    suite = decor.client.get(adresse(dossier, "public"))
    assert formulaire(suite, "/etapes/public").valeur("beneficiaires") == "70"
    assert "pas enregistrées" not in suite.text


def test_ce_qui_attend_s_abandonne(decor: Decor, dossier: Dossier) -> None:
    au_fil(decor.client, ouverte(decor.client, dossier, "public"), "beneficiaires", beneficiaires="douze")
    page = decor.client.get(adresse(dossier, "public"))
    assert formulaire(page, "/tenue").envoyer(decor.client).status_code == 303
    assert ouverte(decor.client, dossier, "public").valeur("beneficiaires") == "60"


def test_sans_javascript_une_saisie_refusee_survit_a_la_page_fermee(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier, "public").remplir(beneficiaires="douze")
    assert page.envoyer(decor.client, "enregistrer").status_code == 422
    assert contenu(decor, dossier)["beneficiaires"] == 60
    assert ouverte(decor.client, dossier, "public").valeur("beneficiaires") == "douze"


def test_deux_auteurs_sur_deux_champs_ne_se_genent_pas(decor: Decor, dossier: Dossier, collegue: TestClient) -> None:
    page = ouverte(decor.client, dossier)
    formulaire(collegue.get(adresse(dossier)), "/tenue").envoyer(collegue)
    autre = ouverte(collegue, dossier)
    assert au_fil(collegue, autre, "besoin", besoin="Son besoin").json()["conflits"] == {}
    recu = au_fil(decor.client, page, "titre", titre="Mon titre").json()
    assert recu["conflits"] == {}
    assert recu["tenue_par"] is not None, "on dit qui a pris la main"
    lu = contenu(decor, dossier)
    assert (lu["titre"], lu["besoin"]) == ("Mon titre", "Son besoin")


def test_deux_auteurs_sur_le_meme_champ_voient_les_deux_textes(
    decor: Decor, dossier: Dossier, collegue: TestClient
) -> None:
    page = ouverte(decor.client, dossier)
    formulaire(collegue.get(adresse(dossier)), "/tenue").envoyer(collegue)
    au_fil(collegue, ouverte(collegue, dossier), "titre", titre="Le sien")
    recu = au_fil(decor.client, page, "titre", titre="Le mien").json()
    assert recu["conflits"] == {"titre": ["Le sien"]}
    assert contenu(decor, dossier)["titre"] == "Le sien", "rien n'est écrasé"
    formulaire(decor.client.get(adresse(dossier)), "/tenue").envoyer(decor.client)
    revenue = decor.client.get(adresse(dossier))
    assert formulaire(revenue, "/etapes/projet").valeur("titre") == "Le mien", "rien n'est perdu"
    assert "comparer les deux textes" in revenue.text.replace("\u00a0", " ")
    conflit = formulaire(revenue, "/etapes/projet").envoyer(decor.client, "enregistrer")
    assert conflit.status_code == 412
    assert "Le sien" in conflit.text
    assert "Le mien" in conflit.text


def test_une_etape_quittee_se_libere(decor: Decor, dossier: Dossier, collegue: TestClient) -> None:
    page = ouverte(decor.client, dossier)
    assert "remplit cette étape depuis" in collegue.get(adresse(dossier)).text
    assert ouverte(collegue, dossier, "territoire"), "les autres étapes sont libres"
    jeton = page.valeur("_csrf")
    depart = decor.client.post(page.action + "/tenue", data={"_csrf": jeton, "acte": "lacher"})
    assert depart.status_code == 204
    assert ouverte(collegue, dossier)
    vie = decor.client.post(page.action + "/tenue", data={"_csrf": jeton, "acte": "garder"})
    assert vie.json()["tenue_par"] is not None


def test_les_totaux_et_l_equilibre_suivent_la_saisie(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier, "budget")
    recu = au_fil(decor.client, page, "budget_charges", budget_charges__0__montant="3 000").json()
    assert recu["totaux"] == {"budget_charges": "13\u202f000\u00a0€"}
    assert "Il manque" in recu["equilibre"]


def test_retirer_une_ligne_la_retire_sans_rien_enregistrer(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier, "budget")
    reponse = page.envoyer(decor.client, "retirer:budget_charges:0")
    assert reponse.status_code == 200
    suite = formulaire(reponse, "/etapes/budget")
    assert suite.valeur("budget_charges.0.libelle") == "Animatrice"
    assert len(contenu(decor, dossier)["budget_charges"]) == 2
    assert suite.envoyer(decor.client, "enregistrer").status_code == 303
    assert len(contenu(decor, dossier)["budget_charges"]) == 1


def test_un_dossier_depose_ne_s_enregistre_plus_au_fil(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier)
    depose = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    page.action = f"/dossiers/{depose.numero}/etapes/projet"
    assert au_fil(decor.client, page, "titre", titre="Trop tard").status_code == 409


def test_un_champ_qu_on_n_a_pas_touche_ne_fait_pas_de_conflit(
    decor: Decor, dossier: Dossier, collegue: TestClient
) -> None:
    page, autre = ouverte(decor.client, dossier), ouverte_de_force(collegue, dossier)
    au_fil(
        collegue, autre, "titre", "besoin_identifie_par", titre="Café des voisins", besoin_identifie_par=["habitants"]
    )
    page.remplir(description="Un café le mardi (fictif).")
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    lu = contenu(decor, dossier)
    assert (lu["titre"], lu["description"]) == ("Café des voisins", "Un café le mardi (fictif).")
    assert lu["besoin_identifie_par"] == ["habitants"]


def test_un_champ_touche_des_deux_cotes_en_fait_un(decor: Decor, dossier: Dossier, collegue: TestClient) -> None:
    page, autre = ouverte(decor.client, dossier), ouverte_de_force(collegue, dossier)
    au_fil(collegue, autre, "titre", "but", titre="Café des voisins", but="Autre but (fictif).")
    page.remplir(titre="Café du soir")
    reponse = page.envoyer(decor.client, "enregistrer")
    assert reponse.status_code == 412
    assert "Café des voisins" in reponse.text
    assert "Autre but" not in reponse.text


def ouverte_de_force(client: TestClient, dossier: Dossier) -> Formulaire:
    formulaire(client.get(adresse(dossier)), "/tenue").envoyer(client)
    return ouverte(client, dossier)


def envoyer_a_la_signature(decor: Decor, dossier: Dossier) -> None:
    """Un collègue juge le dossier fini pendant qu'on y écrit encore."""
    brouillon.envoyer_en_signature(decor.session, dossier.reference, acteur=decor.acteur, maintenant=f.MAINTENANT)
    decor.session.commit()


def reprendre(decor: Decor, dossier: Dossier) -> None:
    brouillon.reprendre(decor.session, dossier.reference, acteur=decor.acteur, maintenant=f.MAINTENANT)
    decor.session.commit()


def test_ce_qu_on_tapait_pendant_l_envoi_a_la_signature_est_garde(decor: Decor, dossier: Dossier) -> None:
    page = ouverte(decor.client, dossier)
    envoyer_a_la_signature(decor, dossier)
    refus = au_fil(decor.client, page, "besoin", besoin="Un besoin tapé trop tard (fictif).")
    assert (refus.status_code, refus.json()["garde"]) == (409, True)
    page.remplir(description="Un café le samedi (fictif).")
    refuse = page.envoyer(decor.client, "enregistrer")
    assert refuse.status_code == 409
    assert "Ce que vous avez tapé est gardé" in refuse.text
    reprendre(decor, dossier)
    retrouvee = ouverte(decor.client, dossier)
    assert retrouvee.valeur("besoin") == "Un besoin tapé trop tard (fictif)."
    assert retrouvee.valeur("description") == "Un café le samedi (fictif)."


def test_la_page_des_deux_textes_se_quitte_sans_rien_perdre(
    decor: Decor, dossier: Dossier, collegue: TestClient
) -> None:
    page, autre = ouverte(decor.client, dossier), ouverte_de_force(collegue, dossier)
    au_fil(collegue, autre, "titre", titre="Café des voisins")
    page.remplir(titre="Café du soir")
    assert page.envoyer(decor.client, "enregistrer").status_code == 412
    formulaire(decor.client.get(adresse(dossier)), "/tenue").envoyer(decor.client)
    retrouvee = decor.client.get(adresse(dossier))
    assert formulaire(retrouvee, "/etapes/projet").valeur("titre") == "Café du soir"
    assert "Quelqu’un a changé cette réponse" in retrouvee.text
