"""Les membres d'une organisation : inviter un co-auteur connu ou inconnu, annuler, retirer ; un SIRET déjà pris."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.infra.heure import heure_machine
from app.infra.journal.models import JournalContenu
from app.infra.mail import Courriel
from app.noyau.roles import Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, LienAcces, Organisation
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import siret_fictif, un_compte, une_organisation
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes, entrer, poster_les_liens
from tests.requetes import requetes

INVITE = "co-auteur@exemple.fr"
NOUVELLE = f"/organisations/nouvelle/identite?siret={siret_fictif(77)}"


@dataclass
class Decor:
    """Une organisation, son administrateur connecté, un rédacteur."""

    session: Session
    client: TestClient
    service: FastAPI
    organisation: Organisation
    administrateur: Compte
    redacteur: Compte

    @property
    def adresse(self) -> str:
        """La page des membres."""
        return f"/organisations/{self.organisation.code}/membres"

    def roles(self, courriel: str) -> set[Role]:
        """Ce que cette adresse tient dans l'organisation."""
        self.session.rollback()
        membres = repository.list_membres(self.session, self.organisation.id, heure_machine())
        return {tenue.role for tenue, compte in membres if compte.courriel == courriel}

    def inviter(self, courriel: str, role: str = "redacteur") -> object:
        """Remplit et envoie le formulaire d'invitation."""
        page = formulaire(self.client.get(self.adresse), self.adresse)
        return page.remplir(courriel=courriel, role=role).envoyer(self.client)


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    with service.state.fabrique() as session:
        organisation = une_organisation(session)
        administrateur = un_compte(session, Role.ADMINISTRATEUR_PORTEUR, organisation=organisation)
        redacteur = un_compte(session, Role.REDACTEUR, organisation=organisation)
        entrer(client, session, administrateur)
        yield Decor(session, client, service, organisation, administrateur, redacteur)


def test_un_inconnu_recoit_un_lien_qui_cree_son_compte(decor: Decor) -> None:
    assert decor.inviter(INVITE).headers["location"] == f"{decor.adresse}?fait=membre-invite"
    assert "En cours d’envoi" in decor.client.get(decor.adresse).text
    adresse = f"/acces/{poster_les_liens(decor.service)[INVITE]}"
    assert "Envoyée" in decor.client.get(decor.adresse).text
    assert decor.session.scalar(select(Compte).where(Compte.courriel == INVITE)) is None, "rien avant qu’il accepte"
    decor.client.cookies.clear()
    page = formulaire(decor.client.get(adresse), adresse)
    sans_nom = page.remplir(nom_affiche="", mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE).envoyer(decor.client)
    assert (sans_nom.status_code, "Écrivez votre nom" in sans_nom.text) == (422, True)
    entree = page.remplir(nom_affiche="Co-auteur (fictif)").envoyer(decor.client)
    assert (entree.status_code, entree.headers["location"]) == (303, "/accueil")
    assert decor.roles(INVITE) == {Role.REDACTEUR}
    assert decor.organisation.nom in decor.client.get("/organisations").text
    assert decor.client.get(adresse).status_code == 404
    assert {"membre.invite", "compte.cree", "habilitation.donnee"} <= set(actes(decor.session))


def test_inviter_ne_dit_pas_qui_a_un_compte_et_la_personne_accepte_par_son_lien(decor: Decor) -> None:
    """Deux adresses, l'une a un compte et l'autre non : la page répond pareil, et montre pareil."""
    connu = un_compte(decor.session, nom="Connu")
    decor.session.commit()
    reponses = [decor.inviter(adresse, "signataire") for adresse in (connu.courriel.upper(), INVITE)]
    assert {(r.status_code, r.headers["location"]) for r in reponses} == {(303, f"{decor.adresse}?fait=membre-invite")}
    page = decor.client.get(decor.adresse).text
    assert (connu.courriel in page, INVITE in page, connu.nom_affiche in page) == (True, True, False)
    assert decor.roles(connu.courriel) == set(), "rien sans son accord"
    adresse = f"/acces/{poster_les_liens(decor.service)[connu.courriel]}"
    decor.client.cookies.clear()
    assert formulaire(decor.client.get(adresse), adresse).envoyer(decor.client).status_code == 303
    assert decor.roles(connu.courriel) == {Role.SIGNATAIRE}


def test_un_membre_recoit_un_role_de_plus_sur_le_champ_et_le_sait(decor: Decor) -> None:
    reponse = decor.inviter(decor.redacteur.courriel.upper(), "signataire")
    assert reponse.headers["location"] == f"{decor.adresse}?fait=membre-habilite"
    assert decor.roles(decor.redacteur.courriel) == {Role.REDACTEUR, Role.SIGNATAIRE}
    courriel = decor.session.scalars(select(Courriel)).one()
    assert (courriel.destinataire, decor.organisation.nom in courriel.corps) == (decor.redacteur.courriel, True)
    encore = decor.inviter(decor.redacteur.courriel, "signataire")
    assert (encore.status_code, "tient déjà ce rôle" in encore.text) == (422, True)


def test_le_journal_ne_garde_aucune_adresse(decor: Decor) -> None:
    """Ce qui s'y écrit y reste : une adresse n'y entre pas, un code de lien y suffit."""
    decor.inviter(INVITE)
    formulaire(decor.client.get(decor.adresse), "/annulation").envoyer(decor.client)
    decor.session.rollback()
    lien = decor.session.scalars(select(LienAcces)).one()
    gardes = [
        (c.avant, c.apres)
        for c in decor.session.scalars(select(JournalContenu).order_by(JournalContenu.chaine, JournalContenu.rang))
        if lien.code in f"{c.avant}{c.apres}"
    ]
    assert gardes == [
        (None, {"lien": lien.code, "role": "redacteur"}), ({"lien": lien.code, "role": "redacteur"}, None),
    ]  # fmt: skip
    assert "@" not in str([(c.avant, c.apres) for c in decor.session.scalars(select(JournalContenu))])


def test_un_invite_devenu_connu_entre_temps_rejoint_sans_changer_de_mot_de_passe(decor: Decor) -> None:
    decor.inviter(INVITE)
    adresse = f"/acces/{poster_les_liens(decor.service)[INVITE]}"
    connu = un_compte(decor.session, nom="Connu")
    connu.courriel, avant = INVITE, connu.mot_de_passe
    decor.session.commit()
    decor.client.cookies.clear()
    page = decor.client.get(adresse)
    assert "a déjà un compte" in page.text
    reponse = formulaire(page, adresse).envoyer(decor.client)
    assert reponse.headers["location"].startswith("/connexion")
    assert not decor.client.cookies, "aucune session ouverte sans mot de passe"
    assert decor.roles(INVITE) == {Role.REDACTEUR}
    assert decor.session.scalars(select(Compte.mot_de_passe).where(Compte.courriel == INVITE)).one() == avant


@pytest.mark.parametrize(
    ("courriel", "role", "phrase"),
    [
        ("pas une adresse", "redacteur", "nom@exemple.fr"),
        ("é@exemple.fr", "redacteur", "nom@exemple.fr"),
        (INVITE, "", "Ce que cette personne fera\xa0»."),
        (INVITE, "charge_mission", "Choisissez une réponse"),
    ],
)
def test_une_invitation_fausse_revient_remplie(decor: Decor, courriel: str, role: str, phrase: str) -> None:
    refus = decor.inviter(courriel, role)
    assert (refus.status_code, phrase in refus.text) == (422, True)
    assert formulaire(refus, decor.adresse).valeur("courriel") == courriel
    decor.session.rollback()
    assert decor.session.scalars(select(LienAcces)).all() == []


def test_une_invitation_annulee_ne_sert_plus(decor: Decor) -> None:
    decor.inviter(INVITE)
    adresse = f"/acces/{poster_les_liens(decor.service)[INVITE]}"
    annulation = formulaire(decor.client.get(decor.adresse), "/annulation")
    assert annulation.envoyer(decor.client).status_code == 303
    assert decor.client.get(adresse).status_code == 404
    assert annulation.envoyer(decor.client).status_code == 404
    assert INVITE not in decor.client.get(decor.adresse).text


def test_vingt_invitations_en_attente_suffisent(decor: Decor) -> None:
    for rang in range(20):
        assert decor.inviter(f"invite{rang}@exemple.fr").status_code == 303
    trop = decor.inviter("encore@exemple.fr")
    assert (trop.status_code, "20 invitations attendent" in trop.text) == (422, True)


def test_retirer_un_membre_ferme_son_acces_et_l_administrateur_reste(decor: Decor) -> None:
    cles = {c.id: t.id for t, c in repository.list_membres(decor.session, decor.organisation.id, heure_machine())}
    page = decor.client.get(decor.adresse)
    soi, autre = (f"/membres/{cles[compte.id]}/retrait" for compte in (decor.administrateur, decor.redacteur))
    assert (soi in page.text, autre in page.text) == (True, True)
    refus = formulaire(decor.client.get(f"/organisations/{decor.organisation.code}{soi}"), soi).envoyer(decor.client)
    assert (refus.status_code, "Il faut toujours un administrateur" in refus.text) == (403, True)
    confirmer = decor.client.get(f"/organisations/{decor.organisation.code}{autre}")
    assert f"{decor.redacteur.nom_affiche} ({decor.redacteur.courriel}) ne sera plus rédacteur" in confirmer.text
    assert formulaire(confirmer, autre).envoyer(decor.client).status_code == 303
    assert decor.roles(decor.redacteur.courriel) == set()
    assert decor.roles(decor.administrateur.courriel) == {Role.ADMINISTRATEUR_PORTEUR}


def test_un_redacteur_voit_les_membres_et_n_invite_pas(decor: Decor) -> None:
    entrer(decor.client, decor.session, decor.redacteur)
    page = decor.client.get(decor.adresse)
    assert page.status_code == 200
    assert decor.administrateur.nom_affiche in page.text
    assert "Inviter quelqu’un" not in page.text
    jeton = formulaire(page, "/deconnexion").valeur("_csrf")
    envoi = decor.client.post(decor.adresse, data={"_csrf": jeton, "courriel": INVITE, "role": "redacteur"})
    assert envoi.status_code == 403


def test_l_administrateur_d_une_autre_organisation_ne_voit_ni_n_ecrit(decor: Decor) -> None:
    jeton = formulaire(decor.client.get(decor.adresse), decor.adresse)
    ailleurs = une_organisation(decor.session, rang=2)
    etranger = un_compte(decor.session, Role.ADMINISTRATEUR_PORTEUR, organisation=ailleurs)
    sien = un_compte(decor.session, Role.REDACTEUR, organisation=ailleurs)
    un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    entrer(decor.client, decor.session, etranger)
    chez_soi = formulaire(decor.client.get(f"/organisations/{ailleurs.code}/membres"), "/membres")
    assert decor.client.get(decor.adresse).status_code == 404
    jeton.remplir(_csrf=chez_soi.valeur("_csrf") or "", courriel=INVITE, role="administrateur_porteur")
    assert jeton.envoyer(decor.client).status_code == 404
    cle = repository.list_membres(decor.session, decor.organisation.id, heure_machine())[0][0].id
    corps = {"_csrf": chez_soi.valeur("_csrf")}
    for organisation in (decor.organisation.code, ailleurs.code):
        reponse = decor.client.post(f"/organisations/{organisation}/membres/{cle}/retrait", data=corps)
        assert reponse.status_code == 404
    assert sien.id
    assert decor.roles(decor.administrateur.courriel) == {Role.ADMINISTRATEUR_PORTEUR}


def test_un_lecteur_ici_administrateur_ailleurs_n_invite_pas_ici(decor: Decor) -> None:
    ailleurs = une_organisation(decor.session, rang=2)
    double = un_compte(decor.session, Role.ADMINISTRATEUR_PORTEUR, organisation=ailleurs)
    lecteur = un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    tenue = repository.list_membres(decor.session, decor.organisation.id, heure_machine())
    next(t for t, c in tenue if c.id == lecteur.id).compte_id = double.id
    entrer(decor.client, decor.session, double)
    page = decor.client.get(decor.adresse)
    assert page.status_code == 200
    jeton = formulaire(page, "/deconnexion").valeur("_csrf")
    envoi = decor.client.post(decor.adresse, data={"_csrf": jeton, "courriel": INVITE, "role": "redacteur"})
    assert (envoi.status_code, "Seul un administrateur" in envoi.text) == (403, True)


def test_un_siret_deja_pris_dit_a_qui_demander_sans_nommer_personne(decor: Decor) -> None:
    nouveau = un_compte(decor.session, nom="Nouveau")
    entrer(decor.client, decor.session, nouveau)
    page = formulaire(decor.client.get(NOUVELLE), "/organisations/nouvelle")
    saisie = {"nom": "Doublon", "forme": "collectivite", "siret": decor.organisation.siret}
    refus = page.remplir(**saisie).envoyer(decor.client)
    assert refus.status_code == 422
    assert "Demandez une invitation à la personne qui l’administre" in refus.text
    for prive in (decor.administrateur.courriel, decor.administrateur.nom_affiche, decor.redacteur.courriel):
        assert prive not in refus.text
    for tenue, _ in repository.list_membres(decor.session, decor.organisation.id, heure_machine()):
        if tenue.role is Role.ADMINISTRATEUR_PORTEUR:
            tenue.fin = heure_machine()
    decor.session.commit()
    assert "plus personne ne l’administre" in page.remplir(**saisie).envoyer(decor.client).text


def test_toutes_les_fautes_d_une_organisation_se_disent_d_un_coup(decor: Decor) -> None:
    entrer(decor.client, decor.session, un_compte(decor.session, nom="Nouveau"))
    page = formulaire(decor.client.get(NOUVELLE), "/organisations/nouvelle")
    saisie = {"nom": "", "siret": "123", "rna": "X1", "code_postal": "68", "courriel": "a@", "telephone": "12"}
    refus = page.remplir(**saisie).envoyer(decor.client)
    assert refus.status_code == 422
    for champ in ("nom", "siret", "rna", "code_postal", "courriel", "telephone"):
        assert f'<a href="#champ-{champ}">' in refus.text, champ


def test_la_page_des_membres_tient_en_huit_requetes(decor: Decor) -> None:
    for _ in range(10):
        un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    decor.session.commit()
    with requetes(decor.service) as vues:
        assert decor.client.get(decor.adresse).status_code == 200
    assert len(vues) <= 8
    assert decor.adresse in decor.client.get("/organisations").text
