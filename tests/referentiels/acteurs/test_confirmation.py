"""L'organisation enregistrée par une personne se confirme et se conteste : rien n'est fermé, tout a un recours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.infra.heure import heure_machine
from app.infra.journal.models import JournalContenu
from app.infra.mail import Courriel
from app.infra.sirene import FICTIFS
from app.noyau.roles import Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, CompteBancaire, DemandeAcces, LienAcces, Organisation
from app.referentiels.acteurs.repository.fiche import list_comptes_bancaires
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.annuaire import est_public
from app.referentiels.acteurs.rules.comptes import SuiteDemande
from app.referentiels.acteurs.rules.fiche import Compte as CompteALire
from app.referentiels.acteurs.service import fiche, liens
from tests.etapes.dossier.aide_pages import formulaire, formulaires
from tests.factories import MAINTENANT, siret_fictif, un_appel, un_compte, un_contrat, un_dossier_complet
from tests.referentiels.acteurs.decor import IBAN, Decor
from tests.referentiels.aide_acteurs import actes
from tests.requetes import requetes

LISTE = "/comptes/essai-2024-2030/organisations"
JARDINS = FICTIFS[0]
AUTRE_IBAN = "FR1420041010050500013M02606"


@pytest.fixture
def charge(decor: Decor) -> Compte:
    """Le chargé de mission du seul contrat, son appel ouvert."""
    contrat = un_contrat(decor.session)
    un_appel(decor.session, contrat)
    compte = un_compte(decor.session, Role.CHARGE_MISSION, contrat=contrat, nom="Chargée")
    decor.session.commit()
    return compte


@pytest.fixture
def venue(decor: Decor, charge: Compte) -> Compte:
    """Une personne sans organisation, connectée."""
    compte = un_compte(decor.session, nom="Nouvelle venue")
    decor.session.commit()
    decor.entrer(compte)
    return compte


def enregistrer(decor: Decor, siret: str, **saisie: str) -> Organisation:
    page = formulaire(decor.client.get(f"/organisations/nouvelle/identite?siret={siret}"), "/organisations/nouvelle")
    reponse = page.remplir(**{"nom": "COMMUNE FICTIVE", "forme": "collectivite", **saisie}).envoyer(decor.client)
    assert reponse.status_code == 303, reponse.text
    decor.relire()
    return decor.session.scalars(select(Organisation).where(Organisation.siret == siret)).one()


def roles(decor: Decor, organisation: Organisation) -> dict[str, set[Role]]:
    """Courriel → ce qu'il tient maintenant dans l'organisation."""
    decor.relire()
    rendu: dict[str, set[Role]] = {}
    for tenue, compte in repository.list_membres(decor.session, organisation.id, MAINTENANT):
        rendu.setdefault(compte.courriel, set()).add(tenue.role)
    return rendu


def contester(decor: Decor, motif: str = "Je préside cette association.") -> int:
    page = decor.client.get(f"/organisations/nouvelle/identite?siret={decor.organisation.siret}")
    return formulaire(page, "/contestation").remplir(motif=motif).envoyer(decor.client).status_code


def trancher(decor: Decor, suite: str, motif: str = "Procès-verbal lu.") -> int:
    page = formulaire(decor.client.get(LISTE), "/suite")
    return page.remplir(suite=suite, motif=motif).envoyer(decor.client).status_code


def test_enregistree_par_une_personne_elle_est_a_confirmer_et_n_empeche_rien(decor: Decor, venue: Compte) -> None:
    organisation = enregistrer(decor, siret_fictif(50))
    assert organisation.est_a_confirmer
    fiche = decor.client.get(f"/organisations/{organisation.code}").text
    assert "Le chargé de mission vérifie que vous représentez bien COMMUNE FICTIVE" in fiche
    assert "vous pouvez écrire et déposer vos dossiers dès maintenant" in fiche
    assert "À confirmer par le chargé de mission" in decor.client.get("/organisations").text
    assert roles(decor, organisation) == {venue.courriel: {Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE}}


def test_le_charge_de_mission_la_voit_et_la_confirme_une_fois(decor: Decor, charge: Compte, venue: Compte) -> None:
    organisation = enregistrer(decor, siret_fictif(50))
    decor.entrer(charge)
    accueil = decor.client.get("/accueil").text
    assert "Confirmer les organisations enregistrées" in accueil
    assert f'href="{LISTE}#a-confirmer"' in accueil
    with requetes(decor.service) as vues:
        liste = decor.client.get(LISTE)
    assert len(vues) <= 8
    for dit in (organisation.nom, organisation.siret, venue.courriel, "Organisme public"):
        assert dit in liste.text
    confirmer = formulaire(liste, "/confirmation")
    assert confirmer.envoyer(decor.client).status_code == 303
    assert confirmer.envoyer(decor.client).status_code == 409, "une seule fois"
    decor.relire()
    assert (organisation.confirmee_at, organisation.confirmee_par) == (MAINTENANT, charge.acteur)
    assert actes(decor.session).count("organisation.confirmee") == 1
    assert [d for d, o in decor.courriels() if "organisation confirmée" in o] == [venue.courriel]
    assert "Aucune organisation n’attend" in decor.client.get(LISTE).text
    assert "Confirmer les organisations" not in decor.client.get("/accueil").text
    decor.entrer(venue)
    assert "vérifie que vous représentez" not in decor.client.get(f"/organisations/{organisation.code}").text


def test_ce_que_dit_l_annuaire_se_compare(decor: Decor, charge: Compte, venue: Compte) -> None:
    enregistrer(decor, JARDINS.siret, nom="Tout autre nom")
    decor.entrer(charge)
    assert JARDINS.nom in decor.client.get(LISTE).text


def test_un_organisme_public_se_reconnait_meme_declare_association() -> None:
    assert est_public(FormeOrganisation.ASSOCIATION, "7210")
    assert est_public(FormeOrganisation.COLLECTIVITE)
    assert not est_public(FormeOrganisation.ASSOCIATION, "9260")


def test_on_ne_confirme_ni_la_sienne_ni_sans_en_avoir_la_charge(decor: Decor, charge: Compte, venue: Compte) -> None:
    organisation = enregistrer(decor, siret_fictif(50))
    chemin = f"{LISTE}/{organisation.code}/confirmation"
    jeton = formulaire(decor.client.get("/organisations"), "/deconnexion").valeur("_csrf")
    assert decor.client.post(chemin, data={"_csrf": jeton}).status_code == 403
    decor.entrer(charge)
    page = formulaire(decor.client.get(LISTE), "/confirmation")
    tenue = next(t for t, _ in repository.list_membres(decor.session, organisation.id, MAINTENANT))
    tenue.compte_id = charge.id
    decor.session.commit()
    assert page.envoyer(decor.client).status_code == 403
    decor.relire()
    assert organisation.est_a_confirmer


def test_un_siret_pris_se_conteste_une_fois_meme_administre(decor: Decor, venue: Compte, charge: Compte) -> None:
    page = decor.client.get(f"/organisations/nouvelle/identite?siret={decor.organisation.siret}")
    for membre in decor.membres.values():
        assert membre.courriel not in page.text, "qui la tient ne se dit qu’au chargé de mission"
    vide = formulaire(page, "/contestation").envoyer(decor.client)
    assert (vide.status_code, '<a href="#champ-motif">' in vide.text, "<details" in vide.text) == (422, True, True)
    assert [contester(decor), contester(decor)] == [303, 303]
    assert [d for d, o in decor.courriels() if "une personne la réclame" in o] == [charge.courriel]
    decor.entrer(charge)
    assert "Dire qui administre une organisation" in decor.client.get("/accueil").text
    liste = decor.client.get(LISTE).text
    assert "confirmée le" in liste
    assert "Je préside cette association." in liste
    for membre in decor.membres.values():
        assert membre.courriel in liste, "qui la tient, et depuis quand"


def test_accorder_en_fermant_ecarte_les_autres_et_leurs_invites(decor: Decor, venue: Compte, charge: Compte) -> None:
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    membres = formulaire(decor.client.get(f"{decor.adresse}/membres"), "/membres")
    assert membres.remplir(courriel="complice@exemple.fr", role="administrateur_porteur").envoyer(decor.client)
    decor.entrer(venue)
    assert contester(decor) == 303
    decor.organisation.confirmee_at = decor.organisation.confirmee_par = None
    decor.session.commit()
    decor.entrer(charge)
    assert trancher(decor, "clore", motif=" ") == 422
    assert trancher(decor, "clore") == 303
    assert roles(decor, decor.organisation) == {venue.courriel: {Role.ADMINISTRATEUR_PORTEUR}}
    lien = decor.session.scalars(select(LienAcces)).one()
    assert lien.annule_at is not None, "l’invitation d’un complice ne sert plus"
    assert decor.organisation.confirmee_par == charge.acteur, "trancher vaut confirmation"
    assert {"contestation.demande", "contestation.acceptee", "membre.desinvite"} <= set(actes(decor.session))
    courriels = decor.courriels()
    assert [d for d, o in courriels if "réponse à votre demande" in o] == [venue.courriel]
    assert {d for d, o in courriels if "qui la représente" in o} == {c.courriel for c in decor.membres.values()}
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    assert decor.client.get(decor.adresse).status_code == 403
    ecrits = str([(c.avant, c.apres) for c in decor.session.scalars(select(JournalContenu))])
    assert "@" not in ecrits


def ajouter_un_compte(decor: Decor, role: Role, iban: str) -> None:
    compte = CompteALire("Titulaire (fictif)", "Banque (fictif)", iban, "CEPAFRPP751")
    fiche.ajouter_compte(
        decor.session, decor.organisation, compte, acteur=decor.qui(role), url_publique="http://x",
        maintenant=MAINTENANT,
    )  # fmt: skip
    decor.session.commit()


def ibans(decor: Decor) -> list[str]:
    decor.relire()
    return [c.iban for c in list_comptes_bancaires(decor.session, decor.organisation.id)]


def corps(decor: Decor, objet: str) -> str:
    decor.relire()
    ecrits = [c for c in decor.session.scalars(select(Courriel)) if objet in c.objet.replace("\u00a0", " ")]
    return ecrits[0].corps.replace("\u00a0", " ")


@pytest.mark.parametrize("en_reste", [True, False])
def test_clore_retire_les_comptes_bancaires_des_ecartes(
    decor: Decor, charge: Compte, venue: Compte, en_reste: bool
) -> None:
    """Le compte ajouté par qui tenait l'organisation à tort ne sert plus : celui d'avant revient, ou il manque."""
    if en_reste:
        ajouter_un_compte(decor, Role.SIGNATAIRE, IBAN)
        decor.session.execute(update(CompteBancaire).values(cree_par="c-ancien-membre"))
    ajouter_un_compte(decor, Role.ADMINISTRATEUR_PORTEUR, AUTRE_IBAN)
    assert contester(decor) == 303
    decor.entrer(charge)
    assert "comptes bancaires qu’ils ont ajoutés" in decor.client.get(LISTE).text
    page = formulaire(decor.client.get(LISTE), "/suite").remplir(suite="clore", motif="Procès-verbal lu.")
    tranchee = page.envoyer(decor.client)
    assert (
        "comptes bancaires qu’ils avaient ajoutés ne servent plus"
        in decor.client.get(tranchee.headers["location"]).text
    )
    assert ibans(decor) == ([IBAN] if en_reste else [])
    assert actes(decor.session).count("organisation.fiche_modifiee") == (3 if en_reste else 2), "ajouts, puis retrait"
    gagnante = corps(decor, "réponse à votre demande")
    assert "Les comptes bancaires qu’elles avaient ajoutés ne servent plus." in gagnante
    assert ("Aucun compte bancaire n’est enregistré" in gagnante) is not en_reste
    assert "à signer à nouveau" in gagnante
    assert "comptes bancaires ajoutés par les personnes qui la tenaient" in corps(decor, "qui la représente")
    decor.entrer(venue)
    lue = decor.client.get(decor.adresse).text
    assert ("Donnez le compte bancaire où verser la subvention." in lue) is not en_reste


def test_ajouter_ne_touche_pas_aux_comptes_bancaires(decor: Decor, charge: Compte, venue: Compte) -> None:
    ajouter_un_compte(decor, Role.ADMINISTRATEUR_PORTEUR, AUTRE_IBAN)
    contester(decor)
    decor.entrer(charge)
    assert trancher(decor, "ajouter") == 303
    assert ibans(decor) == [AUTRE_IBAN]
    assert "comptes bancaires" not in corps(decor, "réponse à votre demande")


def test_on_ne_confirme_que_ceux_que_la_page_montrait(decor: Decor, charge: Compte, venue: Compte) -> None:
    organisation = enregistrer(decor, siret_fictif(50))
    decor.entrer(charge)
    lue = formulaire(decor.client.get(LISTE), "/confirmation")
    un_compte(decor.session, Role.SIGNATAIRE, organisation=organisation, nom="Venu entre-temps")
    decor.session.commit()
    refus = lue.envoyer(decor.client)
    assert refus.status_code == 412
    assert "ont changé depuis que vous avez lu cette page" in refus.text
    assert "Venu entre-temps" in refus.text, "la page revient avec ceux qui la tiennent maintenant"
    decor.relire()
    assert organisation.est_a_confirmer
    assert formulaire(refus, "/confirmation").envoyer(decor.client).status_code == 303


def test_qui_suit_une_invitation_pendant_qu_on_tranche_est_ecarte_aussi(
    decor: Decor, charge: Compte, venue: Compte
) -> None:
    complice = un_compte(decor.session, nom="Complice")
    decor.session.commit()
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    membres = formulaire(decor.client.get(f"{decor.adresse}/membres"), "/membres")
    membres.remplir(courriel=complice.courriel, role="administrateur_porteur").envoyer(decor.client)
    decor.entrer(venue)
    contester(decor)
    decor.entrer(charge)
    page = formulaire(decor.client.get(LISTE), "/suite").remplir(suite="clore", motif="Procès-verbal lu.")
    with ThreadPoolExecutor(1) as fil, decor.service.state.fabrique() as suit:
        lien = repository.get_lien(suit, suit.scalars(select(LienAcces.code)).one(), verrou=True)
        assert lien is not None
        liens.accepter(suit, lien, suit.get_one(Compte, complice.id), machine=heure_machine(), maintenant=MAINTENANT)
        suit.flush()
        tranche = fil.submit(page.envoyer, decor.client)
        with pytest.raises(TimeoutError):
            tranche.result(1)
        suit.commit()
        assert tranche.result(20).status_code == 303
    assert roles(decor, decor.organisation) == {venue.courriel: {Role.ADMINISTRATEUR_PORTEUR}}


def test_accorder_sans_fermer_ajoute_un_administrateur(decor: Decor, venue: Compte, charge: Compte) -> None:
    avant = roles(decor, decor.organisation)
    contester(decor)
    decor.entrer(charge)
    page = formulaire(decor.client.get(LISTE), "/suite").remplir(suite="ajouter", motif="Les deux ont raison.")
    assert page.envoyer(decor.client).status_code == 303
    assert page.envoyer(decor.client).status_code == 409, "une seule réponse"
    assert roles(decor, decor.organisation) == {**avant, venue.courriel: {Role.ADMINISTRATEUR_PORTEUR}}


def test_refuser_ne_change_rien_et_se_dit_aux_deux_cotes(decor: Decor, venue: Compte, charge: Compte) -> None:
    avant = roles(decor, decor.organisation)
    contester(decor)
    decor.entrer(charge)
    assert trancher(decor, "refusee", motif="Sans titre.") == 303
    assert roles(decor, decor.organisation) == avant
    assert decor.session.scalars(select(DemandeAcces.suite)).all() == [SuiteDemande.REFUSEE]
    dits = [d for d, o in decor.courriels() if "réponse à votre demande" in o or "qui la représente" in o]
    assert len(dits) == 1 + len(decor.membres)
    assert "Aucune demande" in decor.client.get(LISTE).text


def test_un_membre_qui_n_administre_pas_peut_contester_un_administrateur_non(decor: Decor, charge: Compte) -> None:
    decor.entrer(Role.LECTEUR_PORTEUR)
    assert contester(decor) == 303
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    page = decor.client.get(f"/organisations/nouvelle/identite?siret={decor.organisation.siret}")
    assert not [f for f in formulaires(page) if f.action.endswith("/contestation")]
    jeton = formulaire(page, "/deconnexion").valeur("_csrf")
    saisie = {"_csrf": jeton, "siret": decor.organisation.siret, "contrat": "essai-2024-2030", "motif": "X"}
    assert decor.client.post("/organisations/contestation", data=saisie).status_code == 409


def test_un_charge_de_mission_d_ailleurs_ne_tranche_pas(decor: Decor, venue: Compte, charge: Compte) -> None:
    contester(decor)
    autre = un_contrat(decor.session, code="ailleurs-2024-2030", prefixe="AIL")
    etranger = un_compte(decor.session, Role.CHARGE_MISSION, contrat=autre)
    decor.session.commit()
    code = decor.session.scalars(select(DemandeAcces.code)).one()
    decor.entrer(etranger)
    assert "Aucune demande" in decor.client.get("/comptes/ailleurs-2024-2030/organisations").text
    jeton = formulaire(decor.client.get("/organisations"), "/deconnexion").valeur("_csrf")
    for contrat in ("essai-2024-2030", "ailleurs-2024-2030"):
        envoi = decor.client.post(
            f"/comptes/{contrat}/contestations/{code}/suite", data={"_csrf": jeton, "suite": "clore", "motif": "Volé"}
        )
        assert envoi.status_code == 404


def test_qui_reclame_ne_tranche_pas_pour_soi(decor: Decor, charge: Compte) -> None:
    decor.entrer(charge)
    assert contester(decor) == 303
    assert trancher(decor, "clore") == 403
    assert charge.courriel not in roles(decor, decor.organisation)


def test_l_agent_qui_instruit_lit_qu_elle_n_est_pas_confirmee(decor: Decor) -> None:
    contrat = un_contrat(decor.session)
    dossier = un_dossier_complet(
        decor.session, un_appel(decor.session, contrat), decor.organisation, decor.qui(Role.SIGNATAIRE)
    )
    agent = un_compte(decor.session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A")
    decor.session.commit()
    decor.entrer(agent)
    assert "pas encore confirmée" not in decor.client.get(f"/instruction/{dossier.numero}").text
    decor.organisation.confirmee_at = decor.organisation.confirmee_par = None
    decor.session.commit()
    assert "Organisation pas encore confirmée" in decor.client.get(f"/instruction/{dossier.numero}").text


def test_une_association_sans_rna_admet_un_recepisse(decor: Decor, venue: Compte, client: TestClient) -> None:
    """Une association déclarée en préfecture, hors Alsace-Moselle, sans numéro RNA."""
    organisation = enregistrer(
        decor, siret_fictif(51), nom="Association d’ailleurs", forme="association",
        recepisse="Préfecture fictive, n° 123, 4 mai 1998",
    )  # fmt: skip
    assert organisation.recepisse == "Préfecture fictive, n° 123, 4 mai 1998"
    fiche = client.get(f"/organisations/{organisation.code}").text
    assert "123, 4 mai 1998" in fiche
    assert "Donnez l’inscription au registre des associations" not in fiche
