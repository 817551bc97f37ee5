"""Enregistrer une organisation depuis son SIRET ; en rejoindre une ; nommer un administrateur s'il n'y en a plus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.infra.heure import heure_machine
from app.infra.sirene import FICTIFS, AnnuaireCache, AnnuaireIndisponible, AnnuaireLocal, Etablissement
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, DemandeAcces, HabilitationCompte, Organisation
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.comptes import SuiteDemande
from tests.etapes.dossier.aide_pages import formulaire, formulaires
from tests.factories import siret_fictif, un_compte, un_contrat
from tests.referentiels.acteurs.decor import Decor
from tests.referentiels.aide_acteurs import actes
from tests.requetes import requetes

NOUVELLE = "/organisations/nouvelle"
JARDINS, RADIO, _, FERMEE = FICTIFS


@dataclass
class Panne:
    """Un annuaire qui ne répond jamais."""

    appels: int = 0

    def chercher(self, siret: str) -> Etablissement | None:
        """Rien."""
        self.appels += 1
        raise AnnuaireIndisponible(siret)


@pytest.fixture
def nouvelle_venue(decor: Decor) -> Compte:
    """Une personne connectée, sans organisation."""
    compte = un_compte(decor.session, nom="Nouvelle venue")
    decor.session.commit()
    decor.entrer(compte)
    return compte


def identite(siret: str) -> str:
    return f"{NOUVELLE}/identite?siret={siret}"


def test_du_siret_a_la_fiche_en_deux_etapes(decor: Decor, nouvelle_venue: Compte) -> None:
    premiere = decor.client.get(NOUVELLE)
    assert [nom for nom, _ in formulaire(premiere, "/identite").champs] == ["siret"], "le SIRET, seul"
    seconde = decor.client.get(identite("970 000 014 00013"))
    page = formulaire(seconde, NOUVELLE)
    lu = {nom: page.valeur(nom) for nom in ("siret", "nom", "forme", "adresse", "code_postal", "commune", "rna")}
    assert lu == {
        "siret": JARDINS.siret, "nom": JARDINS.nom, "forme": "association", "adresse": "4 RUE INVENTEE",
        "code_postal": "68200", "commune": "MULHOUSE", "rna": "",
    }  # fmt: skip
    assert seconde.text.index("registre_tribunal") < seconde.text.index('name="rna"'), "le registre local d’abord"
    sans = page.envoyer(decor.client)
    assert (sans.status_code, "rna_ou_registre" in sans.text, "registre des associations" in sans.text) == (
        422, False, True,
    )  # fmt: skip
    cree = page.remplir(
        nom="Les jardins (fictif)", registre_tribunal="Mulhouse", registre_volume="12", registre_folio="3",
        registre_inscrit_le="1998-05-04",
    ).envoyer(decor.client)  # fmt: skip
    assert cree.status_code == 303
    decor.relire()
    organisation = decor.session.scalars(select(Organisation).where(Organisation.siret == JARDINS.siret)).one()
    assert (organisation.sigle, organisation.forme) == ("JPC", FormeOrganisation.ASSOCIATION)
    fiche = decor.client.get(cree.headers["location"])
    assert "Votre organisation est enregistrée" in fiche.text
    assert f"/organisations/{organisation.code}/pieces" in fiche.text
    liste = decor.client.get("/organisations").text
    for suite in ("", "/membres", "/pieces"):
        assert f'href="/organisations/{organisation.code}{suite}"' in liste


def test_ailleurs_qu_en_alsace_moselle_le_rna_vient_d_abord(decor: Decor, nouvelle_venue: Compte) -> None:
    page = decor.client.get(identite(RADIO.siret))
    assert formulaire(page, NOUVELLE).valeur("rna") == "W681999999"
    assert page.text.index('name="rna"') < page.text.index("registre_tribunal")


@pytest.mark.parametrize("siret", ["", "123", "123 456 789 00012", "é" * 14])
def test_un_siret_faux_revient_a_la_premiere_etape(decor: Decor, nouvelle_venue: Compte, siret: str) -> None:
    refus = decor.client.get(identite(siret))
    assert (refus.status_code, "Ce SIRET n’existe pas" in refus.text) == (422, True)
    assert formulaire(refus, "/identite").valeur("siret") == siret


def test_un_etablissement_ferme_se_dit(decor: Decor, nouvelle_venue: Compte) -> None:
    assert "Cet établissement est fermé" in decor.client.get(identite(FERMEE.siret)).text


def test_un_siret_inconnu_se_saisit_a_la_main(decor: Decor, nouvelle_venue: Compte) -> None:
    page = decor.client.get(identite(siret_fictif(50)))
    assert "ne connaît pas ce SIRET" in page.text
    assert formulaire(page, NOUVELLE).valeur("siret") == siret_fictif(50)


def test_sans_annuaire_on_saisit_a_la_main_et_l_ancienne_reponse_sert(decor: Decor, nouvelle_venue: Compte) -> None:
    panne = Panne()
    decor.service.state.annuaire = panne
    assert "ne répond pas" in decor.client.get(identite(JARDINS.siret)).text
    decor.service.state.annuaire = AnnuaireLocal()
    assert JARDINS.nom in decor.client.get(identite(JARDINS.siret)).text
    decor.service.state.annuaire = panne
    assert JARDINS.nom in decor.client.get(identite(JARDINS.siret)).text
    assert panne.appels == 1, "la réponse du jour sert sans rappeler"
    decor.relire()
    decor.session.scalars(select(AnnuaireCache)).one().lue_at = heure_machine() - timedelta(days=2)
    decor.session.commit()
    perimee = decor.client.get(identite(JARDINS.siret)).text
    assert "voici ce qu’il disait" in perimee
    assert JARDINS.nom in perimee


def test_on_n_interroge_pas_l_annuaire_sans_fin(decor: Decor, nouvelle_venue: Compte) -> None:
    statuts = [decor.client.get(identite(siret_fictif(100 + rang))).status_code for rang in range(31)]
    assert (statuts[:30], statuts[30]) == ([200] * 30, 409)


def test_une_organisation_connue_se_rejoint_sans_nommer_personne(decor: Decor, nouvelle_venue: Compte) -> None:
    page = decor.client.get(identite(decor.organisation.siret))
    assert "Demandez à un administrateur de votre organisation de vous inviter" in page.text
    for membre in decor.membres.values():
        assert membre.nom_affiche not in page.text
        assert membre.courriel not in page.text
    assert decor.organisation.nom not in page.text
    demande = formulaire(page, "/organisations/acces")
    for _ in range(2):
        assert demande.envoyer(decor.client).status_code == 303
    admin = decor.membres[Role.ADMINISTRATEUR_PORTEUR]
    assert [d for d, objet in decor.courriels() if "demande l’accès" in objet] == [admin.courriel], "une seule fois"
    decor.entrer(Role.REDACTEUR)
    assert nouvelle_venue.courriel not in decor.client.get(f"{decor.adresse}/membres").text
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    membres = decor.client.get(f"{decor.adresse}/membres")
    assert nouvelle_venue.courriel in membres.text
    accepte = next(f for f in formulaires(membres) if f.valeur("role") == "redacteur")
    assert accepte.envoyer(decor.client).status_code == 303
    assert accepte.envoyer(decor.client).status_code == 409
    decor.entrer(nouvelle_venue)
    assert decor.client.get(decor.adresse).status_code == 200
    assert "Vous en êtes membre" in decor.client.get(identite(decor.organisation.siret)).text
    assert demande.remplir(_csrf=jeton(decor)).envoyer(decor.client).status_code == 409


def jeton(decor: Decor) -> str:
    valeur = formulaire(decor.client.get("/organisations"), "/deconnexion").valeur("_csrf")
    assert valeur is not None
    return valeur


def test_une_demande_ecartee_n_ouvre_rien(decor: Decor, nouvelle_venue: Compte) -> None:
    formulaire(decor.client.get(identite(decor.organisation.siret)), "/acces").envoyer(decor.client)
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    membres = decor.client.get(f"{decor.adresse}/membres")
    ecarter = next(f for f in formulaires(membres) if f.action.endswith("/suite") and f.valeur("role") is None)
    assert ecarter.envoyer(decor.client).status_code == 303
    decor.relire()
    assert decor.session.scalars(select(DemandeAcces.suite)).all() == [SuiteDemande.REFUSEE]
    assert "acces.refuse" in actes(decor.session)
    decor.entrer(nouvelle_venue)
    assert decor.client.get(decor.adresse).status_code == 403


def test_on_ne_demande_pas_l_acces_a_tout(decor: Decor, nouvelle_venue: Compte) -> None:
    inconnu = decor.client.post("/organisations/acces", data={"_csrf": jeton(decor), "siret": siret_fictif(60)})
    assert inconnu.status_code == 404
    decor.session.execute(
        text(
            "INSERT INTO demande_acces (code, nature, organisation_id, compte_id, motif, cree_at, suite, suite_motif, "
            "suite_at, suite_par) SELECT 'd' || n, 'acces', :o, :c, '', now(), 'refusee', '', now(), 'c-x' "
            "FROM generate_series(1, 5) n"
        ),
        {"o": decor.organisation.id, "c": nouvelle_venue.id},
    )
    decor.session.commit()
    decor.client.headers["X-Horloge"] = heure_machine().isoformat()
    envoi = formulaire(decor.client.get(identite(decor.organisation.siret)), "/acces").envoyer(decor.client)
    assert (envoi.status_code, "Trop de demandes" in envoi.text) == (409, True)


@pytest.fixture
def orpheline(decor: Decor, nouvelle_venue: Compte) -> Compte:
    """Plus personne n'administre : la présidence est partie. Rend un chargé de mission."""
    contrat = un_contrat(decor.session)
    charge = un_compte(decor.session, Role.CHARGE_MISSION, contrat=contrat)
    tenues = select(HabilitationCompte).where(HabilitationCompte.role == Role.ADMINISTRATEUR_PORTEUR)
    for tenue in decor.session.scalars(tenues):
        tenue.fin = tenue.debut + timedelta(days=1)
    decor.session.commit()
    return charge


def test_le_charge_de_mission_nomme_un_administrateur_et_les_membres_le_savent(
    decor: Decor, nouvelle_venue: Compte, orpheline: Compte
) -> None:
    decor.entrer(Role.LECTEUR_PORTEUR)
    assert "Plus personne n’administre" in decor.client.get(decor.adresse).text
    decor.entrer(nouvelle_venue)
    page = formulaire(decor.client.get(identite(decor.organisation.siret)), "/administration")
    vide = page.envoyer(decor.client)
    assert (vide.status_code, '<a href="#champ-motif">' in vide.text) == (422, True)
    assert page.remplir(motif="La présidente est partie.").envoyer(decor.client).status_code == 303
    assert [d for d, o in decor.courriels() if "plus personne" in o] == [orpheline.courriel]
    decor.entrer(orpheline)
    adresse = "/comptes/essai-2024-2030/organisations"
    with requetes(decor.service) as vues:
        liste = decor.client.get(adresse)
    assert len(vues) <= 8
    assert "La présidente est partie." in liste.text
    reponse = formulaire(liste, "/suite")
    sans_motif = reponse.remplir(suite="acceptee").envoyer(decor.client)
    assert (sans_motif.status_code, "Écrivez ce qui fonde" in sans_motif.text) == (422, True)
    assert reponse.remplir(suite="acceptee", motif="PV d’assemblée vu.").envoyer(decor.client).status_code == 303
    assert reponse.envoyer(decor.client).status_code == 409, "une seule réponse"
    courriels = decor.courriels()
    assert (nouvelle_venue.courriel, f"{decor.organisation.nom} : réponse à votre demande") in courriels
    membres = {decor.membres[r].courriel for r in (Role.REDACTEUR, Role.SIGNATAIRE, Role.LECTEUR_PORTEUR)}
    assert {d for d, o in courriels if "administrateur est nommé" in o} == membres
    assert "administration.acceptee" in actes(decor.session)
    decor.entrer(nouvelle_venue)
    assert "Inviter quelqu’un" in decor.client.get(f"{decor.adresse}/membres").text


def test_un_refus_ne_donne_rien(decor: Decor, nouvelle_venue: Compte, orpheline: Compte) -> None:
    formulaire(decor.client.get(identite(decor.organisation.siret)), "/administration").remplir(
        motif="Je passais par là."
    ).envoyer(decor.client)
    decor.entrer(orpheline)
    liste = decor.client.get("/comptes/essai-2024-2030/organisations")
    formulaire(liste, "/suite").remplir(suite="refusee", motif="Sans titre.").envoyer(decor.client)
    decor.entrer(nouvelle_venue)
    assert decor.client.get(decor.adresse).status_code == 403
    decor.relire()
    assert decor.session.scalars(select(DemandeAcces.suite)).all() == [SuiteDemande.REFUSEE]


def test_un_charge_de_mission_d_ailleurs_ne_voit_pas_la_demande(
    decor: Decor, nouvelle_venue: Compte, orpheline: Compte
) -> None:
    formulaire(decor.client.get(identite(decor.organisation.siret)), "/administration").remplir(motif="X").envoyer(
        decor.client
    )
    autre = un_contrat(decor.session, code="ailleurs-2024-2030", prefixe="AIL")
    etranger = un_compte(decor.session, Role.CHARGE_MISSION, contrat=autre)
    decor.session.commit()
    code = decor.session.scalars(select(DemandeAcces.code)).one()
    decor.entrer(etranger)
    assert "Aucune demande" in decor.client.get("/comptes/ailleurs-2024-2030/organisations").text
    assert decor.client.get("/comptes/essai-2024-2030/organisations").status_code == 404
    for contrat in ("essai-2024-2030", "ailleurs-2024-2030"):
        envoi = decor.client.post(
            f"/comptes/{contrat}/organisations/{code}/suite",
            data={"_csrf": jeton(decor), "suite": "acceptee", "motif": "Volé"},
        )
        assert envoi.status_code == 404


def test_on_ne_prend_pas_l_administration_d_une_organisation_administree(decor: Decor, nouvelle_venue: Compte) -> None:
    un_contrat(decor.session)
    decor.session.commit()
    saisie = {"siret": decor.organisation.siret, "contrat": "essai-2024-2030", "motif": "Donnez-la-moi"}
    envoi = decor.client.post("/organisations/administration", data={"_csrf": jeton(decor), **saisie})
    assert (envoi.status_code, "Quelqu’un administre" in envoi.text) == (409, True)
    faux = decor.client.post("/organisations/administration", data={"_csrf": jeton(decor), **saisie, "contrat": "x"})
    assert (faux.status_code, bool(re.search("Choisissez votre contrat", faux.text))) == (422, True)
