"""Les pages de la séance : qui voit quoi, les actes par formulaire, le nombre de requêtes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.commission.rules import Sens
from app.etapes.commission.service import presences, proces_verbal, votes
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.commission.aide_seance import (
    EN_SEANCE,
    JOUR_J,
    Campagne,
    une_campagne,
    une_seance,
    une_seance_ouverte,
)
from tests.factories import connecter, un_compte

BLOC_M2A = "M2A · E1.2 Des rencontres"


@dataclass
class Poste:
    """Un navigateur connecté."""

    client: TestClient
    jeton: str

    def poster(self, chemin: str, **champs: object) -> Response:
        donnees = {nom.replace("__", "-"): valeur for nom, valeur in champs.items()}
        return self.client.post(chemin, data={"_csrf": self.jeton, **donnees})


Connexion = Callable[[Compte], Poste]


@pytest.fixture
def entrer(client: TestClient, ecriture: Session) -> Connexion:
    def ouvrir(compte: Compte) -> Poste:
        client.cookies.clear()
        return Poste(client, connecter(client, ecriture, compte, maintenant=EN_SEANCE))

    return ouvrir


@contextmanager
def compter_les_requetes(service: FastAPI) -> Iterator[list[str]]:
    moteur: Engine = service.state.moteur
    vues: list[str] = []

    def noter(_c: object, _k: object, instruction: str, *_: object) -> None:
        vues.append(instruction)

    event.listen(moteur, "before_cursor_execute", noter)
    try:
        yield vues
    finally:
        event.remove(moteur, "before_cursor_execute", noter)


def ouverte(ecriture: Session, campagne: Campagne) -> Seance:
    seance = une_seance_ouverte(ecriture, campagne)
    ecriture.commit()
    return seance


def relue(ecriture: Session, campagne: Campagne, code: str) -> list[repository.PointLu]:
    ecriture.rollback()
    ecriture.expire_all()
    return list(repository.list_points(ecriture, repository.get_seance(ecriture, code, campagne.charge).id))


def test_une_seance_se_cree_se_prepare_et_s_ouvre_par_les_pages(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    poste = entrer(campagne.compte_charge)
    poste.client.headers["X-Horloge"] = "2027-02-20T09:00:00+00:00"
    assert "Aucune séance pour l’instant" in poste.client.get("/seances").text
    refus = poste.poster("/seances", appel=campagne.appel.code, prevue_le="2027-03-09T09:00", lieu="")
    assert refus.status_code == 422
    assert 'value="2027-03-09T09:00"' in refus.text
    refus = poste.poster("/seances", appel=campagne.appel.code, prevue_le="", lieu="")
    for champ, phrase in (("prevue_le", "Donnez la date et l’heure"), ("lieu", "Dites où se tient la séance")):
        assert f'<a href="#champ-{champ}">{phrase}' in refus.text
    cree = poste.poster(
        "/seances", appel=campagne.appel.code, prevue_le="2027-03-09T09:00", lieu="Salle", decoupage="objectif"
    )
    assert cree.status_code == 303
    code = f"{campagne.appel.code}-s1"
    page = poste.client.get(f"/seances/{code}")
    assert "mardi 9 mars 2027 à 9" in page.text
    assert "mercredi 3 mars 2027" in page.text
    assert page.text.count("Action 1") == 2
    for acte in ("ordre-du-jour", "convocation"):
        assert poste.poster(f"/seances/{code}/{acte}").status_code == 303
    refus = poste.poster(f"/seances/{code}/ouverture", regles="maison")
    assert refus.status_code == 422
    page = poste.client.get(f"/seances/{code}")
    assert f'action="/seances/{code}/ouverture"' not in page.text
    assert "La séance s’ouvrira ici le" in page.text
    assert "Séance pas encore ouverte" in poste.client.get(f"/seances/{code}/presences").text
    trop_tot = poste.poster(f"/seances/{code}/ouverture", regles="droit_local")
    assert trop_tot.status_code == 409
    assert "elle s’ouvre ce jour-là, pas avant" in trop_tot.text
    poste.client.headers["X-Horloge"] = EN_SEANCE.isoformat()
    assert poste.poster(f"/seances/{code}/ouverture", regles="droit_local").status_code == 303
    assert "Ouverte" in poste.client.get("/seances").text


def test_une_seance_convoquee_se_deplace_et_se_reconvoque(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    poste = entrer(campagne.compte_charge)
    poste.client.headers["X-Horloge"] = "2027-02-20T09:00:00+00:00"
    seance = une_seance(ecriture, campagne)
    ecriture.commit()
    base = f"/seances/{seance.code}"
    assert poste.poster(f"{base}/convocation").status_code == 303
    assert 'value="2027-03-09T09:00"' in poste.client.get(base).text
    refus = poste.poster(f"{base}/date", prevue_le="2027-02-19T18:00", lieu="")
    assert refus.status_code == 422
    assert "Choisissez pour la séance une date à venir." in refus.text
    assert "Dites où se tient la séance" in refus.text
    assert "Convoquée" in refus.text
    assert poste.poster(f"{base}/date", prevue_le="2027-03-16T18:30", lieu="Mairie").status_code == 303
    page = poste.client.get(base).text
    assert "mardi 16 mars 2027 à 18" in page
    assert "Mairie" in page
    assert "Convoquer les membres" in page
    ecriture.expire_all()
    assert seance.convoquee_le is None


def test_les_presences_se_notent_et_reviennent_telles_que_saisies(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = une_seance(ecriture, campagne)
    poste = entrer(campagne.compte_charge)
    chemin = f"/seances/{seance.code}/presences"
    refus = poste.poster(chemin, siege__1="present", siege__2="pouvoir-3", siege__6="present")
    assert refus.status_code == 422
    assert "Le porteur du pouvoir doit être présent." in refus.text
    assert '<option value="pouvoir-3" selected>' in refus.text
    fait = poste.poster(chemin, siege__1="present", siege__2="pouvoir-3", siege__3="present", siege__4="present")
    assert fait.status_code == 303
    page = poste.client.get(chemin).text
    assert "Quorum atteint" in page
    assert "Élu 2 à Élu 3" in page
    assert poste.poster(chemin, siege__x="present", siege__1="pouvoir-x").status_code == 422


def test_le_point_se_vote_en_un_clic_et_montre_son_resultat(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.compte_charge)
    page = poste.client.get(f"/seances/{seance.code}/points/3")
    assert 'class="projection"' in page.text
    assert re.search(r"<h1>Action 1", page.text)
    assert "Adopter à l’unanimité" in page.text
    assert poste.poster(f"/seances/{seance.code}/points/3/vote", unanimite="pour").status_code == 303
    page = poste.client.get(f"/seances/{seance.code}/points/3").text
    assert "Résultat proclamé" in page
    assert "5 pour" in page
    assert "96\u202f000\u00a0€" in page
    encore = poste.poster(f"/seances/{seance.code}/points/3/vote", unanimite="pour")
    assert encore.status_code == 409


def test_les_voix_se_saisissent_une_a_une(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.compte_charge)
    chemin = f"/seances/{seance.code}/points/1"
    garde = poste.poster(f"{chemin}/vote", acte="enregistrer", voix__1="pour", voix__2="contre", voix__3="pour")
    assert garde.headers["location"].endswith("fait=voix-enregistrees")
    assert page_coche(poste.client.get(chemin).text, "voix-2", "contre")
    refus = poste.poster(f"{chemin}/vote", acte="proclamer", voix__6="pour", voix__1="contre")
    assert refus.status_code == 422
    assert "Ce membre assiste sans voix." in refus.text
    assert page_coche(refus.text, "voix-1", "contre")
    incomplet = poste.poster(f"{chemin}/vote", acte="proclamer")
    assert incomplet.status_code == 422
    assert 'href="#champ-partiel"' in incomplet.text
    assert poste.poster(f"{chemin}/vote", acte="proclamer", partiel="oui").status_code == 303
    assert "N’ont pas pris part au vote" in poste.client.get(chemin).text
    assert relue(ecriture, campagne, seance.code)[0].resultat is not None


def page_coche(page: str, nom: str, valeur: str) -> bool:
    return re.search(rf'name="{nom}" value="{valeur}"[^>]* checked', page) is not None


def test_amender_ajourner_reserver_par_les_pages(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.compte_charge)
    base = f"/seances/{seance.code}/points"
    for champs in ({"montant": "beaucoup", "motif_amendement": "x"}, {"montant": "3 000", "motif_amendement": ""}):
        refus = poste.poster(f"{base}/3/amendement", unanimite="pour", **champs)
        assert refus.status_code == 422
        assert "resume-erreurs" in refus.text
    rejete = poste.poster(f"{base}/3/amendement", unanimite="contre", montant="3 000", motif_amendement="Trop")
    assert rejete.headers["location"].endswith("fait=amendement-rejete")
    assert poste.poster(f"{base}/3/amendement", unanimite="pour", montant="3 000", motif_amendement="Trop")
    assert poste.poster(f"{base}/4/ajournement", unanimite="pour", motif_ajournement="").status_code == 422
    assert poste.poster(f"{base}/4/ajournement", unanimite="pour", motif_ajournement="À chiffrer").status_code == 303
    assert poste.poster(f"{base}/1/reserve", unanimite="pour", rang_reserve="zéro").status_code == 422
    assert poste.poster(f"{base}/1/reserve", unanimite="pour", rang_reserve="").status_code == 303
    issues = [p.resultat.issue for p in relue(ecriture, campagne, seance.code) if p.resultat is not None]
    assert issues == ["reserve", "amende", "ajourne"]


def test_le_bloc_se_vote_et_le_dit_quand_un_point_reste(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    seance = une_seance_ouverte(ecriture, campagne)
    presences.deporter(ecriture, seance.code, 3, motif="Bureau", siege=2, acteur=campagne.charge, maintenant=EN_SEANCE)
    poste = entrer(campagne.compte_charge)
    chemin = f"/seances/{seance.code}/votes"
    assert "À voter à part, un membre s’étant déporté" in poste.client.get(chemin).text
    assert poste.poster(chemin, bloc=BLOC_M2A).status_code == 422
    fait = poste.poster(chemin, bloc=BLOC_M2A, unanimite="pour")
    assert fait.headers["location"].endswith("fait=bloc-vote-en-partie")
    assert poste.poster(chemin, bloc=BLOC_M2A, unanimite="pour").status_code == 409
    fait = poste.poster(chemin, bloc="BOP147 · E1.2 Des rencontres", unanimite="pour")
    assert fait.headers["location"].endswith("fait=bloc-vote-en-partie")
    assert [p.point.rang for p in relue(ecriture, campagne, seance.code) if p.resultat is None] == [1, 3]


def test_un_elu_se_deporte_lui_meme_et_n_y_a_plus_acces(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.comptes[3])
    assert "Me déporter" in poste.client.get(f"/seances/{seance.code}").text
    chemin = f"/seances/{seance.code}/points/3"
    assert poste.client.get(chemin).status_code == 200
    assert poste.poster(f"{chemin}/deport", motif="").status_code == 422
    assert poste.poster(f"{chemin}/deport", motif="Membre du bureau").status_code == 303
    assert poste.client.get(chemin).status_code == 403
    ordre = poste.client.get(f"/seances/{seance.code}").text
    assert "Vous vous êtes déporté de ce dossier." in ordre
    assert "Action 1" not in ordre
    assert "Action 1" not in poste.client.get(f"/seances/{seance.code}/votes").text
    secretariat = entrer(campagne.compte_charge)
    assert "Déport\u00a0: Élu 3" in secretariat.client.get(chemin).text
    assert "Membre" in secretariat.client.get(f"{chemin}/deport").text
    assert secretariat.client.get(f"/seances/{seance.code}/points/99/deport").status_code == 404
    assert secretariat.client.get(f"/seances/{seance.code}/points/99").status_code == 404


def test_un_elu_lit_tout_et_ne_tient_rien(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.comptes[2])
    for page in ("", "/presences", "/votes", "/points/1", "/proces-verbal"):
        reponse = poste.client.get(f"/seances/{seance.code}{page}")
        assert reponse.status_code == 200, page
        assert "Adopter à l’unanimité" not in reponse.text
        assert "Noter les présences" not in reponse.text
    for acte in ("votes", "presences", "cloture", "points/1/vote"):
        assert poste.poster(f"/seances/{seance.code}/{acte}", unanimite="pour").status_code == 403


def test_un_porteur_n_entre_pas_en_seance(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = ouverte(ecriture, campagne)
    porteur = ecriture.get_one(Compte, campagne.porteurs[0].compte_id)
    poste = entrer(porteur)
    assert poste.client.get("/seances").status_code == 403
    assert poste.client.get(f"/seances/{seance.code}").status_code == 403
    instructeur = un_compte(ecriture, Role.INSTRUCTEUR, contrat=campagne.contrat, ligne="M2A")
    poste = entrer(instructeur)
    assert poste.client.get(f"/seances/{seance.code}").status_code == 200
    assert poste.client.get("/seances/inconnue").status_code == 404


def test_sans_quorum_l_ecran_le_dit_et_propose_d_ajourner(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = une_seance_ouverte(ecriture, campagne, presents={})
    poste = entrer(campagne.compte_charge)
    page = poste.client.get(f"/seances/{seance.code}/points/1").text
    assert "Le quorum n’est pas atteint" in page
    assert "Adopter à l’unanimité" not in page
    assert poste.poster(f"/seances/{seance.code}/points/1/vote", acte="proclamer").status_code == 303
    assert "Ajourné" in poste.client.get(f"/seances/{seance.code}").text


def test_le_proces_verbal_se_telecharge_une_fois_scelle(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = une_seance_ouverte(ecriture, campagne)
    votes.proclamer(ecriture, seance.code, 1, bulletins=Sens.POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    poste = entrer(campagne.compte_charge)
    chemin = f"/seances/{seance.code}/proces-verbal"
    assert "Projet de procès-verbal" in poste.client.get(chemin).text
    assert poste.client.get(f"{chemin}.pdf").status_code == 409
    assert poste.poster(f"/seances/{seance.code}/cloture").status_code == 303
    assert "en préparation" in poste.client.get(chemin).text
    assert relue(ecriture, campagne, seance.code)
    close = repository.get_seance(ecriture, seance.code, campagne.charge)
    assert close.etat is EtatSeance.CLOSE
    proces_verbal.sceller(ecriture, close.id, maintenant=JOUR_J)
    ecriture.commit()
    pdf = poste.client.get(f"{chemin}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert "Empreinte SHA-256" in poste.client.get(chemin).text


@pytest.mark.parametrize(
    ("page", "maximum"),
    [("/seances", 4), ("", 7), ("/presences", 4), ("/votes", 7), ("/points/3", 11), ("/proces-verbal", 8)],
)
def test_le_nombre_de_requetes_d_une_page_ne_depend_pas_des_points(
    ecriture: Session, entrer: Connexion, service: FastAPI, page: str, maximum: int
) -> None:
    campagne = une_campagne(ecriture, dossiers=4)
    seance = ouverte(ecriture, campagne)
    poste = entrer(campagne.comptes[2])
    adresse = page if page == "/seances" else f"/seances/{seance.code}{page}"
    poste.client.get(adresse)
    with compter_les_requetes(service) as vues:
        assert poste.client.get(adresse).status_code == 200
    assert len(vues) <= maximum, "\n---\n".join(vues)
