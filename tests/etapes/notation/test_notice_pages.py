"""La notice au comptoir : qui la lit, quand, ce qu'elle ne dit jamais ; la demander, la remettre, la compter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import list_documents
from app.etapes.notation.models import DemandeNotice
from app.etapes.notation.rules.transparence import CONTRIBUTIONS, DEGRE, FINALITE, OPERATIONS
from app.etapes.notation.rules.travaux import Voie
from app.etapes.notation.service import notice as service
from app.etapes.notation.service.lectures import demander_lecture
from app.infra import documents
from app.infra.db import creer_fabrique
from app.noyau.erreurs import ActeImpossible, ActeInterdit, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.notation.aide_dossier import Scene, une_scene
from tests.etapes.notation.aide_notice import (
    ENSUITE,
    NOM_D_AGENT,
    NOTIFIEE_LE,
    RAISON,
    ajuster,
    notifier,
    un_dossier_note,
)
from tests.etapes.notation.recalcul import verifier
from tests.etapes.notation.test_notice import CLES, cles_vues
from tests.factories import MAINTENANT, connecter, identite, un_brouillon, un_compte
from tests.requetes import requetes

REQUETES_MAX = 8
JOUR = ENSUITE.date()


@dataclass
class Comptoir:
    """Un dossier noté sur le BOP 147 et m2A, ajusté par m2A, sans décision ; quelqu'un de l'association."""

    client: TestClient
    session: Session
    scene: Scene
    dossier: Dossier
    porteur: Compte
    jeton: str = ""

    @property
    def numero(self) -> str:
        return str(self.dossier.numero)

    @property
    def page(self) -> str:
        return f"/dossiers/{self.numero}/notice"

    def entrer(self, compte: Compte) -> Comptoir:
        self.jeton = connecter(self.client, self.session, compte, maintenant=ENSUITE)
        return self

    def en_porteur(self) -> Comptoir:
        return self.entrer(self.porteur)

    def lire(self, chemin: str) -> str:
        reponse = self.client.get(chemin)
        assert reponse.status_code == 200, (chemin, reponse.text[:500])
        return reponse.text.replace("\u00a0", " ").replace("\u202f", " ")

    def json(self, chemin: str) -> dict[str, Any]:
        reponse = self.client.get(f"/api/v1{chemin}")
        assert reponse.status_code == 200, reponse.text
        return reponse.json()  # type: ignore[no-any-return]

    def poster(self, chemin: str, **champs: str) -> tuple[int, str]:
        reponse = self.client.post(chemin, data={"_csrf": self.jeton, **champs})
        return reponse.status_code, reponse.text

    def api(self, chemin: str, corps: object = None) -> tuple[int, Any]:
        reponse = self.client.post(f"/api/v1{chemin}", json=corps, headers={"X-CSRF-Token": self.jeton})
        return reponse.status_code, reponse.json()

    def demandes(self) -> list[DemandeNotice]:
        self.session.expire_all()
        return list(self.session.scalars(select(DemandeNotice).order_by(DemandeNotice.id)))


@pytest.fixture
def comptoir(moteur_propre: Engine, client: TestClient) -> Iterator[Comptoir]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        dossier = un_dossier_note(session, scene)
        ajuster(session, scene, dossier)
        porteur = un_compte(session, Role.REDACTEUR, organisation=scene.organisation)
        session.commit()
        yield Comptoir(client, session, scene, dossier, porteur)


@pytest.fixture
def notifiee(comptoir: Comptoir) -> Comptoir:
    notifier(comptoir.session, comptoir.dossier, "M2A", 2_000)
    comptoir.session.commit()
    return comptoir


# --- avant la décision ----------------------------------------------------------------------------------------------


def test_avant_la_decision_la_page_dit_pourquoi_et_quand_et_rien_ne_se_lit(comptoir: Comptoir) -> None:
    comptoir.en_porteur()
    texte = comptoir.lire(comptoir.page)
    assert "Votre notice n’est pas encore là" in texte
    assert "document préparatoire" in texte
    assert "dès que chaque financeur vous aura écrit" in texte
    assert "points possibles ×" not in texte
    assert "Demander ma notice" not in texte
    for chemin in (f"{comptoir.page}.pdf", f"/api/v1{comptoir.page}"):
        assert comptoir.client.get(chemin).status_code == 409
    statut, texte = comptoir.poster(comptoir.page)
    assert statut == 409
    assert "Aucun financeur ne vous a encore notifié" in texte
    statut, refus = comptoir.api(comptoir.page)
    assert (statut, refus["code"]) == (409, "decision_a_notifier")
    assert comptoir.demandes() == []


# --- la demander ----------------------------------------------------------------------------------------------------


def test_l_association_la_demande_d_un_bouton_et_elle_lui_reste(notifiee: Comptoir) -> None:
    notifiee.en_porteur()
    avant = notifiee.lire(notifiee.page)
    assert "Demander ma notice" in avant
    assert "points possibles ×" not in avant
    for chemin in (f"{notifiee.page}.pdf", f"/api/v1{notifiee.page}"):
        refus = notifiee.client.get(chemin, headers={"Accept": "application/json"})
        assert refus.status_code == 409
    assert notifiee.poster(notifiee.page)[0] == 303
    (demande,) = notifiee.demandes()
    assert (demande.voie, demande.demandee_le, demande.remise_le) == (Voie.EN_LIGNE, ENSUITE, ENSUITE)
    texte = notifiee.lire(notifiee.page)
    for dit in (
        "La part de ce calcul dans la décision", "Les opérations, dans l’ordre", "données lues",
        "24 points possibles ×", "points obtenus", "D’où elle vient", "votre demande", "Ce que demandait chaque palier",
        'href="/appels/ess-2027/regles"', "« Objectif ",
    ):  # fmt: skip
        assert dit.casefold() in texte.casefold(), dit
    assert "Demandée en ligne le" in texte
    assert notifiee.poster(notifiee.page)[0] == 303
    assert len(notifiee.demandes()) == 1, "redemander ne compte pas deux fois"


def test_seule_la_ligne_notifiee_s_ouvre(notifiee: Comptoir) -> None:
    notifiee.en_porteur().poster(notifiee.page)
    rendu = notifiee.json(notifiee.page)
    assert [ligne["ligne"] for ligne in rendu["lignes"]] == ["M2A"]
    assert [(ligne["ligne"], ligne["raison"]) for ligne in rendu["en_attente"]] == [("BOP147", "decision_a_notifier")]
    assert "apercu" not in rendu
    verifier(rendu)
    notifier(notifiee.session, notifiee.dossier, "BOP147")
    notifiee.session.commit()
    assert [ligne["ligne"] for ligne in notifiee.json(notifiee.page)["lignes"]] == ["BOP147", "M2A"]


def test_par_l_api_la_demande_rend_la_notice(notifiee: Comptoir) -> None:
    statut, rendu = notifiee.en_porteur().api(notifiee.page)
    assert statut == 200
    assert verifier(rendu) == 1
    assert rendu == notifiee.json(notifiee.page)


# --- rien ne fuit ---------------------------------------------------------------------------------------------------


def test_rien_de_reserve_aux_agents_ne_fuit_vers_l_association(notifiee: Comptoir) -> None:
    notifiee.en_porteur().poster(notifiee.page)
    rendu = notifiee.json(notifiee.page)
    assert all(vues <= CLES[sorte] for sorte, vues in cles_vues(rendu).items())
    service.sceller(notifiee.session, notifiee.dossier.id, maintenant=ENSUITE)
    notifiee.session.commit()
    secrets = [
        NOM_D_AGENT, notifiee.scene.instructeur.acteur, notifiee.scene.instructeur.courriel,
        notifiee.scene.charge.acteur, notifiee.scene.charge.nom_affiche, "seconde lecture", "proposé par",
    ]  # fmt: skip
    page = notifiee.lire(notifiee.page)
    contenu = page[page.index('<main id="contenu"') : page.index("</main>")]
    for texte in (str(rendu), contenu):
        assert RAISON in texte, "la raison d'un ajustement est une raison de la note : elle se communique"
        assert "une personne de l’instruction" in texte
        for secret in secrets:
            assert secret not in texte, secret


def test_un_agent_a_l_apercu_de_toutes_les_lignes_et_l_association_jamais(comptoir: Comptoir) -> None:
    comptoir.entrer(comptoir.scene.instructeur)
    rendu = comptoir.json(comptoir.page)
    assert rendu["apercu"] is True
    assert [ligne["ligne"] for ligne in rendu["lignes"]] == ["BOP147", "M2A"]
    assert verifier(rendu) == 2
    assert all(vues <= CLES[sorte] for sorte, vues in cles_vues(rendu).items())
    assert "Aperçu réservé aux agents" in comptoir.lire(comptoir.page)
    double = un_compte(
        comptoir.session, Role.INSTRUCTEUR, Role.REDACTEUR, contrat=comptoir.scene.contrat, ligne="M2A",
        organisation=comptoir.scene.organisation,
    )  # fmt: skip
    comptoir.entrer(double)
    assert comptoir.client.get(f"/api/v1{comptoir.page}").status_code == 409
    assert "Aperçu" not in comptoir.lire(comptoir.page)


def test_qui_lit_le_dossier_sans_lire_les_notes_ne_lit_pas_la_notice(comptoir: Comptoir) -> None:
    comptoir.entrer(
        un_compte(comptoir.session, Role.CONSEIL_HABITANTS, contrat=comptoir.scene.contrat, quartier="QN06804M")
    )
    refus = comptoir.client.get(comptoir.page)
    assert refus.status_code == 403
    assert "se lit par l’association" in refus.text
    assert comptoir.client.get("/dossiers/ESS-2027-9999/notice").status_code == 404


# --- par courrier, au guichet ---------------------------------------------------------------------------------------


def test_un_agent_note_une_demande_recue_puis_sa_remise(notifiee: Comptoir) -> None:
    notifiee.entrer(notifiee.scene.charge)
    assert notifiee.poster(f"{notifiee.page}/demandes", voie="courrier", recue_le="2027-05-24")[0] == 303
    assert notifiee.poster(f"{notifiee.page}/demandes", voie="courrier", recue_le="2027-05-24")[0] == 303
    (demande,) = notifiee.demandes()
    assert (demande.voie, demande.remise_le) == (Voie.COURRIER, None)
    assert "en attente de remise" in notifiee.lire(notifiee.page)
    attente = notifiee.lire("/appels/ess-2027/notices")
    assert "En attente de remise" in attente
    assert "3 jours" in attente
    assert notifiee.poster(f"{notifiee.page}/remise", remise_le="2027-05-27")[0] == 303
    (demande,) = notifiee.demandes()
    assert demande.remise_le is not None
    assert demande.remise_le - demande.demandee_le == timedelta(days=3)
    assert demande.remise_par == notifiee.scene.charge.acteur
    assert "Rien n’attend" in notifiee.lire("/appels/ess-2027/notices")
    statut, texte = notifiee.poster(f"{notifiee.page}/remise", remise_le="2027-05-27")
    assert statut == 409
    assert "Aucune demande de notice n’attend" in texte


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"voie": "courrier"}, "Remplissez « Reçue le »."),
        ({"voie": "courrier", "recue_le": "2027-06-30"}, "Cette date est dans l’avenir."),
        ({"voie": "courrier", "recue_le": "2020-01-01"}, "Pas avant le"),
        ({"voie": "en_ligne", "recue_le": "2027-05-24"}, "Choisissez courrier ou guichet."),
    ],
)
def test_une_demande_mal_notee_revient_avec_sa_saisie(notifiee: Comptoir, champs: dict[str, str], phrase: str) -> None:
    notifiee.entrer(notifiee.scene.charge)
    statut, texte = notifiee.poster(f"{notifiee.page}/demandes", **champs)
    assert statut == 422
    assert phrase in texte.replace("\u00a0", " ")
    assert notifiee.demandes() == []


def test_une_remise_ne_precede_pas_sa_demande_ni_la_decision(comptoir: Comptoir) -> None:
    comptoir.entrer(comptoir.scene.charge)
    assert comptoir.poster(f"{comptoir.page}/demandes", voie="guichet", recue_le="2027-05-24")[0] == 303
    statut, texte = comptoir.poster(f"{comptoir.page}/remise", remise_le="2027-05-27")
    assert statut == 409
    assert "ne se communique pas avant" in texte
    notifier(comptoir.session, comptoir.dossier)
    comptoir.session.commit()
    statut, texte = comptoir.poster(f"{comptoir.page}/remise", remise_le="2027-05-20")
    assert statut == 422
    assert "Pas avant le lundi 24 mai 2027" in texte.replace("\u00a0", " ")


def test_par_l_api_un_agent_note_et_remet(notifiee: Comptoir) -> None:
    notifiee.entrer(notifiee.scene.charge)
    statut, rendu = notifiee.api(f"{notifiee.page}/demandes", {"voie": "guichet", "recue_le": JOUR.isoformat()})
    assert (statut, rendu["voie"], rendu["remise_le"]) == (201, "guichet", None)
    statut, rendu = notifiee.api(f"{notifiee.page}/remettre", {"remise_le": JOUR.isoformat()})
    assert statut == 200
    assert [demande["voie"] for demande in rendu["remises"]] == ["guichet"]
    assert notifiee.api(f"{notifiee.page}/remettre", {"remise_le": JOUR.isoformat()})[1]["code"] == "rien_a_remettre"


def test_seul_qui_instruit_ou_conduit_note_une_demande(notifiee: Comptoir) -> None:
    session, numero = notifiee.session, notifiee.numero
    porteur = identite(session, notifiee.porteur)
    with pytest.raises(ActeInterdit):
        service.enregistrer(session, numero, voie=Voie.COURRIER, recue_le=JOUR, acteur=porteur, maintenant=ENSUITE)
    agent = identite(session, notifiee.scene.instructeur)
    with pytest.raises(ActeInterdit):
        service.demander(session, numero, acteur=agent, maintenant=ENSUITE)
    with pytest.raises(SaisieInvalide):
        service.enregistrer(session, numero, voie=Voie.COURRIER, recue_le=None, acteur=agent, maintenant=ENSUITE)
    with pytest.raises(ActeImpossible):
        service.remettre(session, numero, remise_le=None, acteur=agent, maintenant=ENSUITE)


# --- compter --------------------------------------------------------------------------------------------------------


def test_le_compteur_est_public_et_ne_dit_que_des_nombres(notifiee: Comptoir) -> None:
    notifiee.en_porteur().poster(notifiee.page)
    notifiee.entrer(notifiee.scene.charge)
    notifiee.poster(f"{notifiee.page}/demandes", voie="courrier", recue_le="2027-05-24")
    notifiee.client.cookies.clear()
    assert notifiee.json("/appels/ess-2027/notices") == {
        "appel": "ess-2027", "demandees": 2, "remises": 1, "en_attente": 1,
        "plus_ancienne_en_attente": "2027-05-24T10:00:00+00:00", "delai_median_jours": 0,
    }  # fmt: skip
    regles = notifiee.lire("/appels/ess-2027/regles")
    assert "2 notices demandées" in regles
    assert notifiee.numero not in regles


def test_sans_demande_le_compteur_est_a_zero(comptoir: Comptoir) -> None:
    rendu = comptoir.json("/appels/ess-2027/notices")
    assert (rendu["demandees"], rendu["delai_median_jours"], rendu["plus_ancienne_en_attente"]) == (0, None, None)


# --- sceller --------------------------------------------------------------------------------------------------------


def test_la_notice_se_scelle_une_fois_et_se_refait_quand_une_decision_s_ajoute(notifiee: Comptoir) -> None:
    session, dossier = notifiee.session, notifiee.dossier
    notifiee.en_porteur().poster(notifiee.page)
    assert "Le PDF se prépare" in notifiee.lire(notifiee.page)
    assert notifiee.client.get(f"{notifiee.page}.pdf").status_code == 409
    assert service.sceller(session, dossier.id, maintenant=ENSUITE) is True
    assert service.sceller(session, dossier.id, maintenant=ENSUITE) is False
    session.commit()
    reponse = notifiee.client.get(f"{notifiee.page}.pdf")
    assert (reponse.status_code, reponse.headers["content-type"]) == (200, "application/pdf")
    assert reponse.content.startswith(b"%PDF")
    assert "La notice en PDF" in notifiee.lire(notifiee.page)
    notifier(session, dossier, "BOP147")
    assert service.sceller(session, dossier.id, maintenant=ENSUITE + timedelta(days=1)) is True
    session.commit()
    scelles = [document for document in list_documents(session, dossier.id) if document.nature.startswith("notice:")]
    assert len(scelles) == 2
    dernier = documents.lire(session, scelles[-1].sha256)
    assert dernier is not None
    assert notifiee.client.get(f"{notifiee.page}.pdf").content == dernier.contenu


def test_rien_ne_se_scelle_avant_une_decision(comptoir: Comptoir) -> None:
    assert service.sceller(comptoir.session, comptoir.dossier.id, maintenant=ENSUITE) is False


def test_une_decision_de_plus_refait_la_notice_si_elle_a_ete_demandee(
    notifiee: Comptoir, monkeypatch: pytest.MonkeyPatch
) -> None:
    mises_en_file: list[str] = []
    monkeypatch.setattr(service, "differer", lambda _session, nom, **_: mises_en_file.append(nom))
    service.completer(notifiee.session, notifiee.dossier.id, maintenant=NOTIFIEE_LE)
    assert mises_en_file == []
    service.demander(
        notifiee.session, notifiee.numero, acteur=identite(notifiee.session, notifiee.porteur), maintenant=ENSUITE
    )
    service.completer(notifiee.session, notifiee.dossier.id, maintenant=ENSUITE)
    assert mises_en_file == ["notation.sceller_notice"] * 2


# --- ce qu'il en coûte ----------------------------------------------------------------------------------------------


def test_chaque_page_coute_au_plus_huit_requetes(notifiee: Comptoir, service: FastAPI) -> None:
    notifiee.en_porteur().poster(notifiee.page)
    for compte in (notifiee.porteur, notifiee.scene.charge):
        notifiee.entrer(compte)
        chemins = [
            notifiee.page,
            f"/api/v1{notifiee.page}",
            "/api/v1/appels/ess-2027/notices",
            "/appels/ess-2027/regles",
        ]
        chemins += ["/appels/ess-2027/notices"] if compte is notifiee.scene.charge else []
        for chemin in chemins:
            with requetes(service) as vues:
                reponse = notifiee.client.get(chemin)
            assert reponse.status_code == 200, (chemin, reponse.text)
            assert len(vues) <= REQUETES_MAX, (chemin, len(vues), vues)


def test_un_brouillon_n_a_pas_de_notice(comptoir: Comptoir) -> None:
    brouillon = un_brouillon(
        comptoir.session,
        comptoir.scene.appel,
        comptoir.scene.organisation,
        comptoir.scene.porteur,
        maintenant=MAINTENANT,
    )
    comptoir.session.commit()
    comptoir.en_porteur()
    assert comptoir.client.get(f"/dossiers/{brouillon.reference}/notice").status_code == 404


def test_qui_doit_une_seconde_lecture_n_a_pas_l_apercu_de_cette_ligne(comptoir: Comptoir) -> None:
    session, scene = comptoir.session, comptoir.scene
    second = un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A")
    demander_lecture(
        session, comptoir.numero, "M2A", lecteur=second.acteur, acteur=scene.agent(session), maintenant=MAINTENANT
    )
    session.commit()
    comptoir.entrer(second)
    rendu = comptoir.json(comptoir.page)
    assert [ligne["ligne"] for ligne in rendu["lignes"]] == ["BOP147"]
    assert [(ligne["ligne"], ligne["raison"]) for ligne in rendu["en_attente"]] == [("M2A", "seconde_lecture_due")]
    comptoir.entrer(scene.instructeur)
    assert len(comptoir.json(comptoir.page)["lignes"]) == 2


# --- les règles publiques -------------------------------------------------------------------------------------------


def test_les_regles_disent_finalite_part_operations_et_poids_effectifs(comptoir: Comptoir) -> None:
    texte = comptoir.lire("/appels/ess-2027/regles")
    for dit in (*CONTRIBUTIONS, *OPERATIONS, FINALITE, DEGRE):
        assert dit.replace("\u00a0", " ").split(" :")[0] in texte, dit
    assert "Poids effectifs sans « Coût raisonnable »" in texte
    assert "Poids effectifs sans « Coût raisonnable » et « Continuité »" in texte
    assert '<td class="nombre">25,5</td>' in texte, "24 sur 94 : le poids de OBJ pour m2A sans COU ni PLU"
    assert "Les données lues, et d’où elles viennent" in texte
    assert "Votre demande : « Projets de quartier visés »" in texte
    assert "CADA" in texte


def test_chaque_source_du_contrat_mene_a_son_passage(comptoir: Comptoir) -> None:
    assert 'href="/appels/ess-2027/regles/passage?lignes=1485-1492"' in comptoir.lire("/appels/ess-2027/regles")
    for lignes in ("1485-1492", "", "n-importe-quoi"):
        reponse = comptoir.client.get("/appels/ess-2027/regles/passage", params={"lignes": lignes})
        assert reponse.status_code == 303
        assert reponse.headers["location"].startswith("/contrats/essai-2024-2030?version=2024")
    assert comptoir.client.get("/appels/inconnu/regles/passage").status_code == 404
