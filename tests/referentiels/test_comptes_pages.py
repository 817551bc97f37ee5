"""Les comptes d'un contrat : ouvrir, première connexion, habiliter, clore, attribuer un siège, page par page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.infra.heure import heure_machine
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, HabilitationCompte, LienAcces, SessionWeb
from app.referentiels.instances.models import MembreInstance
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import UnContrat, un_compte, un_contrat
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes, des_sieges, entrer, poster_les_liens
from tests.requetes import requetes

COMPTES = "/comptes/essai-2024-2030"
INVITE = "instruction@exemple.fr"


@dataclass
class Decor:
    """Un contrat, son chargé de mission connecté, un administrateur, deux sièges."""

    session: Session
    client: TestClient
    service: FastAPI
    contrat: UnContrat
    charge: Compte
    administrateur: Compte
    sieges: tuple[MembreInstance, MembreInstance]

    def compte(self, courriel: str) -> Compte:
        """Le compte de cette adresse, relu."""
        self.session.rollback()
        return self.session.scalars(select(Compte).where(Compte.courriel == courriel)).one()

    def roles(self, compte: Compte) -> list[tuple[Role, Portee, str]]:
        """Ce que tient ce compte maintenant."""
        self.session.rollback()
        identite = repository.identite_de_compte(self.session, compte.id, heure_machine())
        return [(h.role, h.portee, h.cible) for h in identite.habilitations] if identite else []


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    with service.state.fabrique() as session:
        contrat = un_contrat(session)
        charge = un_compte(session, Role.CHARGE_MISSION, contrat=contrat)
        administrateur = un_compte(session, Role.ADMINISTRATEUR, contrat=contrat)
        sieges = des_sieges(session, contrat)
        entrer(client, session, charge)
        yield Decor(session, client, service, contrat, charge, administrateur, sieges)


def ouvrir(decor: Decor, **saisie: str) -> object:
    page = formulaire(decor.client.get(f"{COMPTES}/nouveau"), f"{COMPTES}/nouveau")
    valeurs = {"courriel": INVITE, "nom_affiche": "Instruction (fictif)", "role": "instructeur", "portee": "ligne:M2A"}
    return page.remplir(**(valeurs | saisie)).envoyer(decor.client)


def personne(compte: Compte) -> str:
    return f"{COMPTES}/personnes/{compte.acteur}"


def test_une_personne_recoit_un_lien_choisit_son_mot_de_passe_et_entre(decor: Decor) -> None:
    assert ouvrir(decor).headers["location"] == f"{personne(decor.compte(INVITE))}?fait=compte-cree"
    secret = poster_les_liens(decor.service)[INVITE]
    decor.client.cookies.clear()
    adresse = f"/acces/{secret}"
    assert decor.client.get(adresse).status_code == 200
    assert decor.client.get(adresse).status_code == 200, "lire un lien ne l’use pas"
    page = formulaire(decor.client.get(adresse), adresse)
    entree = page.remplir(mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE).envoyer(decor.client)
    assert (entree.status_code, entree.headers["location"]) == (303, "/accueil")
    assert "Instruction (fictif)" in decor.client.get("/instruction").text
    assert decor.client.get(adresse).status_code == 404, "il ne sert qu’une fois"
    decor.client.cookies.clear()
    connexion = decor.client.post("/connexion", data={"courriel": INVITE, "mot_de_passe": MOT_DE_PASSE})
    assert connexion.status_code == 303
    assert decor.roles(decor.compte(INVITE)) == [(Role.INSTRUCTEUR, Portee.LIGNE, "M2A")]
    assert {"compte.cree", "habilitation.donnee", "compte.mot_de_passe_choisi"} <= set(actes(decor.session))


def test_la_base_ne_garde_jamais_le_secret(decor: Decor) -> None:
    ouvrir(decor)
    secret = poster_les_liens(decor.service)[INVITE].partition(".")[2]
    assert len(secret) >= 43, "trente-deux octets"
    decor.session.rollback()
    tables = ("lien_acces", "courriel", "procrastinate_jobs", "journal_contenu", "compte")
    for table in tables:
        lignes = decor.session.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t")).scalars()  # noqa: S608
        assert not any(secret in ligne for ligne in lignes), table


def test_sans_le_lien_le_compte_ne_s_ouvre_pas(decor: Decor) -> None:
    ouvrir(decor)
    decor.client.cookies.clear()
    for essai in ("", "!", MOT_DE_PASSE):
        reponse = decor.client.post("/connexion", data={"courriel": INVITE, "mot_de_passe": essai})
        assert reponse.status_code == 422


@pytest.mark.parametrize(
    ("mot_de_passe", "confirmation", "phrase"),
    [
        ("court", "court", "au moins 12 caractères"),
        (MOT_DE_PASSE, "une autre phrase", "diffèrent"),
        (INVITE, INVITE, "autre chose que votre adresse"),
    ],
)
def test_un_mot_de_passe_refuse_laisse_le_lien_servir(
    decor: Decor, mot_de_passe: str, confirmation: str, phrase: str
) -> None:
    ouvrir(decor)
    adresse = f"/acces/{poster_les_liens(decor.service)[INVITE]}"
    decor.client.cookies.clear()
    page = formulaire(decor.client.get(adresse), adresse)
    refus = page.remplir(mot_de_passe=mot_de_passe, confirmation=confirmation).envoyer(decor.client)
    assert refus.status_code == 422
    assert phrase in refus.text
    assert decor.client.get(adresse).status_code == 200


def test_un_lien_expire_annule_ou_faux_ne_montre_rien(decor: Decor) -> None:
    ouvrir(decor)
    premier = poster_les_liens(decor.service)[INVITE]
    compte = decor.compte(INVITE)
    formulaire(decor.client.get(personne(compte)), "/lien").envoyer(decor.client)
    second = poster_les_liens(decor.service)[INVITE]
    assert decor.client.get(f"/acces/{premier}").status_code == 404, "un lien renvoyé annule le précédent"
    assert decor.client.get(f"/acces/{second}").status_code == 200
    decor.session.rollback()
    decor.session.execute(text("UPDATE lien_acces SET cree_at = cree_at - interval '8 days', expire_at = now()"))
    decor.session.commit()
    assert decor.client.get(f"/acces/{second}").status_code == 404
    assert decor.client.get("/acces/n’importe.quoi").status_code == 404


def test_huit_mauvais_secrets_ferment_le_lien_un_quart_d_heure(decor: Decor) -> None:
    ouvrir(decor)
    bon = poster_les_liens(decor.service)[INVITE]
    code = bon.partition(".")[0]
    statuts = [decor.client.get(f"/acces/{code}.faux").status_code for _ in range(9)]
    assert statuts == [404] * 8 + [409]
    assert decor.client.get(f"/acces/{bon}").status_code == 409
    decor.session.rollback()
    decor.session.execute(text("UPDATE echec_connexion SET a = a - interval '16 minutes'"))
    decor.session.commit()
    assert decor.client.get(f"/acces/{bon}").status_code == 200


def test_un_nouveau_mot_de_passe_ferme_les_sessions_ouvertes(decor: Decor) -> None:
    instructeur = un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    entrer(decor.client, decor.session, instructeur)
    entrer(decor.client, decor.session, decor.charge)
    formulaire(decor.client.get(personne(instructeur)), "/lien").envoyer(decor.client)
    adresse = f"/acces/{poster_les_liens(decor.service)[instructeur.courriel]}"
    decor.client.cookies.clear()
    page = formulaire(decor.client.get(adresse), adresse)
    page.remplir(mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE).envoyer(decor.client)
    decor.session.rollback()
    vives = select(SessionWeb).where(SessionWeb.compte_id == instructeur.id, SessionWeb.expire_at > heure_machine())
    restantes = decor.session.scalars(vives).all()
    assert len(restantes) == 1, "celle que le lien vient d’ouvrir"


@pytest.mark.parametrize(
    ("saisie", "phrase"),
    [
        ({"courriel": "pas une adresse"}, "nom@exemple.fr"),
        ({"nom_affiche": ""}, "nom de la personne"),
        ({"role": "administrateur", "portee": "contrat"}, "ne pouvez pas donner ce rôle"),
        ({"role": "redacteur", "portee": "contrat"}, "ne pouvez pas donner ce rôle"),
        ({"role": "roi"}, "Rôle\xa0»\xa0: choisissez une réponse de la liste"),
        ({"portee": "contrat"}, "une ligne de financement"),
        ({"portee": "ligne:AILLEURS"}, "Choisissez une réponse"),
        ({"portee": "planete:M2A"}, "Choisissez sur quoi porte le rôle"),
        ({"fin": "2020-01-01"}, "Le dernier jour"),
        ({"debut": "hier"}, "Premier jour\xa0»\xa0: écrivez une date"),
    ],
)
def test_une_saisie_fausse_revient_remplie_et_n_ecrit_rien(decor: Decor, saisie: dict[str, str], phrase: str) -> None:
    refus = ouvrir(decor, **saisie)
    assert refus.status_code == 422
    assert phrase in refus.text
    rendu = formulaire(refus, "/nouveau")
    libres = {"courriel", "nom_affiche", "debut", "fin"} & saisie.keys()
    assert {nom: rendu.valeur(nom) for nom in libres} == {nom: saisie[nom] for nom in libres}
    decor.session.rollback()
    assert decor.session.scalars(select(LienAcces)).all() == []
    assert decor.session.scalar(select(Compte).where(Compte.courriel == INVITE)) is None


def test_une_adresse_connue_est_habilitee_sans_nouveau_compte(decor: Decor) -> None:
    connu = un_compte(decor.session, Role.REFERENT_SERVICE, contrat=decor.contrat, service="DDETSPP")
    decor.session.commit()
    reponse = ouvrir(
        decor, courriel=connu.courriel.upper(), nom_affiche="", role="delegue_prefet", portee="commune:68224"
    )
    assert reponse.headers["location"].endswith("?fait=habilitation-donnee")
    assert (Role.DELEGUE_PREFET, Portee.COMMUNE, "68224") in decor.roles(connu)
    encore = ouvrir(decor, courriel=connu.courriel, nom_affiche="", role="delegue_prefet", portee="commune:68224")
    assert encore.status_code == 422
    assert "tient déjà ce rôle" in encore.text


def test_une_habilitation_commence_et_finit_aux_jours_dits(decor: Decor) -> None:
    instructeur = un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    decor.session.commit()
    demain = (heure_machine() + timedelta(days=2)).date()
    page = formulaire(decor.client.get(personne(instructeur)), "/habilitations")
    reponse = page.remplir(
        role="elu_ligne", portee="ligne:MULHOUSE", debut=demain.isoformat(), fin=demain.isoformat()
    ).envoyer(decor.client)
    assert reponse.status_code == 303
    assert decor.roles(instructeur) == [(Role.INSTRUCTEUR, Portee.LIGNE, "M2A")]
    tenue = decor.session.scalars(
        select(HabilitationCompte).where(
            HabilitationCompte.compte_id == instructeur.id, HabilitationCompte.fin.is_not(None)
        )
    ).one()
    assert tenue.fin is not None
    assert (tenue.debut.date(), tenue.fin - tenue.debut) == (demain - timedelta(days=1), timedelta(days=1))


def test_clore_ferme_l_acces_tout_de_suite(decor: Decor) -> None:
    instructeur = un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    decor.session.commit()
    page = decor.client.get(personne(instructeur))
    assert formulaire(page, "/cloture").envoyer(decor.client).status_code == 303
    assert decor.roles(instructeur) == []
    encore = formulaire(page, "/cloture").envoyer(decor.client)
    assert encore.status_code == 409
    assert "habilitation.close" in actes(decor.session)
    assert "Close" in decor.client.get(personne(instructeur)).text


def test_personne_ne_se_retire_son_dernier_role_d_administrateur(decor: Decor) -> None:
    autre = un_compte(decor.session, Role.ADMINISTRATEUR, contrat=decor.contrat)
    entrer(decor.client, decor.session, decor.administrateur)
    soi = formulaire(decor.client.get(personne(decor.administrateur)), "/cloture").envoyer(decor.client)
    assert soi.status_code == 403
    assert "Il faut toujours un administrateur" in soi.text
    assert formulaire(decor.client.get(personne(autre)), "/cloture").envoyer(decor.client).status_code == 303
    assert decor.roles(autre) == []
    assert decor.roles(decor.administrateur) == [(Role.ADMINISTRATEUR, Portee.CONTRAT, "")]


def test_un_charge_de_mission_ne_touche_pas_a_un_administrateur(decor: Decor) -> None:
    page = decor.client.get(personne(decor.administrateur))
    assert "/cloture" not in page.text
    cle = decor.session.scalar(
        select(HabilitationCompte.id).where(HabilitationCompte.compte_id == decor.administrateur.id)
    )
    jeton = formulaire(page, "/habilitations").valeur("_csrf")
    adresse = f"{personne(decor.administrateur)}/habilitations/{cle}/cloture"
    assert decor.client.post(adresse, data={"_csrf": jeton}).status_code == 403
    assert decor.roles(decor.administrateur) == [(Role.ADMINISTRATEUR, Portee.CONTRAT, "")]


def test_un_autre_contrat_n_existe_pas(decor: Decor) -> None:
    ailleurs = un_contrat(decor.session, code="autre-2024-2030", prefixe="AUT")
    la_bas = un_compte(decor.session, Role.INSTRUCTEUR, contrat=ailleurs, ligne="M2A")
    decor.session.commit()
    cle = decor.session.scalar(select(HabilitationCompte.id).where(HabilitationCompte.compte_id == la_bas.id))
    jeton = {"_csrf": formulaire(decor.client.get(f"{COMPTES}/nouveau"), "/nouveau").valeur("_csrf")}
    for suite in ("", "/nouveau", "/sieges", f"/personnes/{la_bas.acteur}"):
        assert decor.client.get(f"/comptes/autre-2024-2030{suite}").status_code == 404, suite
    assert decor.client.get(personne(la_bas)).status_code == 404
    for suite in (f"personnes/{la_bas.acteur}", f"personnes/{decor.charge.acteur}"):
        adresse = f"{COMPTES}/{suite}/habilitations/{cle}/cloture"
        assert decor.client.post(adresse, data=jeton).status_code == 404
    assert decor.roles(la_bas) == [(Role.INSTRUCTEUR, Portee.LIGNE, "M2A")]


def test_un_siege_s_attribue_se_libere_et_ne_se_cumule_pas(decor: Decor) -> None:
    presidence, membre = decor.sieges
    elu = un_compte(decor.session, Role.PRESIDENT_COMMISSION, contrat=decor.contrat)
    decor.session.commit()

    def poser(siege: MembreInstance, courriel: str) -> object:
        page = formulaire(decor.client.get(f"{COMPTES}/sieges"), "/sieges")
        return page.remplir(siege=str(siege.id), courriel=courriel).envoyer(decor.client)

    def occupants() -> list[int | None]:
        decor.session.rollback()
        return list(decor.session.scalars(select(MembreInstance.compte_id).order_by(MembreInstance.rang)))

    assert poser(presidence, elu.courriel).status_code == 303
    assert occupants() == [elu.id, None]
    cumul = poser(membre, elu.courriel)
    assert (cumul.status_code, "occupe déjà un siège" in cumul.text) == (422, True)
    assert formulaire(cumul, "/sieges").valeur("courriel") == elu.courriel
    assert "Aucun compte à cette adresse" in poser(membre, "inconnu@exemple.fr").text
    sans_role = un_compte(decor.session, nom="Sans rôle")
    decor.session.commit()
    assert "aucun rôle dans ce contrat" in poser(membre, sans_role.courriel).text
    assert poser(presidence, "").status_code == 303
    assert occupants() == [None, None]
    assert [a for a in actes(decor.session) if a.startswith("siege")] == ["siege.attribue", "siege.libere"]


def test_la_liste_se_cherche_et_tient_en_huit_requetes(decor: Decor) -> None:
    for _ in range(12):
        un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    cherche = un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="MULHOUSE", nom="Zoé")
    decor.session.commit()
    assert decor.client.get("/comptes").headers["location"] == COMPTES
    for adresse in (COMPTES, f"{COMPTES}/nouveau", personne(cherche), f"{COMPTES}/sieges"):
        with requetes(decor.service) as vues:
            assert decor.client.get(adresse).status_code == 200
        assert len(vues) <= 8, (adresse, len(vues))
    trouvee = decor.client.get(COMPTES, params={"q": "zoé"}).text
    assert cherche.courriel in trouvee
    assert decor.charge.courriel not in trouvee
    assert "Personne" in decor.client.get(COMPTES, params={"q": "introuvable"}).text


def test_toutes_les_fautes_d_un_compte_se_disent_d_un_coup(decor: Decor) -> None:
    vide = {"courriel": "", "nom_affiche": "", "role": "", "portee": "", "fin": "2020-01-01"}
    page = ouvrir(decor, **vide).text
    for champ in ("courriel", "nom_affiche", "role", "portee", "fin"):
        assert f'href="#champ-{champ}"' in page, champ
        assert f'id="erreur-{champ}"' in page, champ
