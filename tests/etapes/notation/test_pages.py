"""Pages et API : les notes, la fiche, les faits, le classement, les règles publiques ; qui lit quoi, à quel coût."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Dossier, FaitConstate
from app.etapes.notation import service as notation
from app.etapes.notation.models import Ajustement, NoteEnregistree
from app.etapes.notation.pages.faits import GROUPES, groupes_de_faits
from app.infra.db import creer_fabrique
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles.rules import CATALOGUE
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, declarer_recevable, un_dossier, une_scene
from tests.factories import connecter, un_compte, un_contrat
from tests.requetes import requetes

REQUETES_MAX = 8


@dataclass
class Visite:
    """Un service, une base, un dossier noté sur m2A et le BOP 147, hors champ à Mulhouse."""

    client: TestClient
    session: Session
    scene: Scene
    dossier: Dossier
    jeton: str = ""

    @property
    def numero(self) -> str:
        return str(self.dossier.numero)

    def entrer(self, compte: Compte) -> Visite:
        self.jeton = connecter(self.client, self.session, compte, maintenant=PLUS_TARD)
        return self

    def poster(self, chemin: str, **champs: str | list[str]) -> tuple[int, str]:
        reponse = self.client.post(chemin, data={"_csrf": self.jeton, **champs})
        return reponse.status_code, reponse.text


@pytest.fixture
def visite(moteur_propre: Engine, client: TestClient) -> Iterator[Visite]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        demandes = [{"ligne": ligne, "annee": 2027, "montant": 266_000} for ligne in ("BOP147", "M2A", "MULHOUSE")]
        dossier = un_dossier(
            session, scene, titre="Rallye pour l’emploi", fiches=["MARKSTEIN"], quartiers_beneficiaires=["QN06808M"],
            communes=["68376"], demandes=[*demandes[:1], {**demandes[1], "montant": 268_000}, demandes[2]],
        )  # fmt: skip
        declarer_recevable(session, scene, dossier)
        notation.noter_dossier(session, dossier.id, acteur="service", maintenant=PLUS_TARD)
        session.commit()
        yield Visite(client, session, scene, dossier)


# --- qui lit quoi ---------------------------------------------------------------------------------------------------


def chemins(numero: str) -> tuple[str, ...]:
    """Ce qui se lit avec une note dedans."""
    return (
        f"/dossiers/{numero}/notes",
        f"/dossiers/{numero}/notes/M2A",
        "/appels/ess-2027/classement/M2A",
        f"/api/v1/dossiers/{numero}/notes",
    )


def test_les_notes_se_lisent_par_les_agents_et_la_commission_pas_par_le_porteur(visite: Visite) -> None:
    adresses = chemins(visite.numero)
    assert [visite.client.get(a).status_code for a in adresses] == [303, 303, 303, 401]
    for role in (Role.MEMBRE_COMMISSION, Role.EQUIPE_PROJET):
        visite.entrer(un_compte(visite.session, role, contrat=visite.scene.contrat))
        assert [visite.client.get(a).status_code for a in adresses] == [200] * 4, role
    visite.entrer(un_compte(visite.session, Role.REDACTEUR, organisation=visite.scene.organisation))
    for adresse in adresses:
        refus = visite.client.get(adresse)
        assert refus.status_code == 403, adresse
        assert "réservée à" in refus.text


def test_un_agent_d_un_autre_contrat_ne_trouve_rien(visite: Visite) -> None:
    voisin = un_contrat(visite.session, code="voisin-2024-2030", prefixe="VOI")
    visite.entrer(un_compte(visite.session, Role.INSTRUCTEUR, contrat=voisin, ligne="M2A"))
    assert [visite.client.get(a).status_code for a in chemins(visite.numero)] == [404] * 4


def test_un_agent_ailleurs_porteur_ici_ne_lit_pas_les_notes_de_son_propre_dossier(visite: Visite) -> None:
    voisin = un_contrat(visite.session, code="voisin-2024-2030", prefixe="VOI")
    compte = un_compte(
        visite.session, Role.EQUIPE_PROJET, Role.REDACTEUR, contrat=voisin, organisation=visite.scene.organisation
    )
    visite.entrer(compte)
    refus = visite.client.get(f"/dossiers/{visite.numero}/notes")
    assert refus.status_code == 403
    assert "notice explicative" in refus.text


def test_les_faits_sont_reserves_aux_personnes_qui_instruisent(visite: Visite) -> None:
    pages = [f"/dossiers/{visite.numero}/faits", f"/dossiers/{visite.numero}/faits/beneficiaires"]
    visite.entrer(un_compte(visite.session, Role.EQUIPE_PROJET, contrat=visite.scene.contrat))
    assert [visite.client.get(c).status_code for c in pages] == [403, 403]
    visite.entrer(visite.scene.instructeur)
    assert [visite.client.get(c).status_code for c in pages] == [200, 200]


# --- coût -----------------------------------------------------------------------------------------------------------


def test_chaque_page_coute_au_plus_huit_requetes(visite: Visite, service: FastAPI) -> None:
    visite.entrer(visite.scene.instructeur)
    faits = f"/dossiers/{visite.numero}/faits"
    pages = [
        *chemins(visite.numero),
        *(faits, f"{faits}/beneficiaires", f"{faits}/objectif_principal", f"{faits}/priorites_fiche"),
        *("/regles", "/appels/ess-2027/regles", "/api/v1/appels/ess-2027/grille"),
        "/appels/ess-2027/classement/M2A?quartier=QN06808M&objectif=E1.2",
    ]
    for chemin in pages:
        with requetes(service) as vues:
            reponse = visite.client.get(chemin)
        assert reponse.status_code == 200, (chemin, reponse.text)
        assert len(vues) <= REQUETES_MAX, (chemin, vues)


# --- notes et fiche -------------------------------------------------------------------------------------------------


def test_une_carte_par_ligne_note_intervalle_et_hors_champ(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    page = visite.client.get(f"/dossiers/{visite.numero}/notes").text
    assert "Hors champ" in page
    assert "Aucun projet de quartier de cette commune n’est visé" in page
    assert page.count("sur 100, selon ce qui manque encore") == 2
    assert "Provisoire" in page
    assert "À demander\u00a0: " in page
    assert "Ce calcul aide, il ne décide pas." in page


def test_la_fiche_dit_pourquoi_critere_par_critere(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    page = visite.client.get(f"/dossiers/{visite.numero}/notes/M2A").text
    assert "<h1>Pourquoi entre " in page
    assert "75\u00a0% des 60 bénéficiaires prévus habitent un QPV (déclaré)" in page
    assert "Contrat de ville m2A 2024-2030, </span>introduction, l. 191</a>" in page
    assert "sans objet" in page
    assert "première demande de l’action" in page
    assert "À demander pour fixer la note" in page
    assert "Ramené sur 100" in page
    assert "Première note m2A\u00a0: entre " in page
    assert "calcul du service" in page
    assert "Ajuster un critère, avec motif" in page


def test_la_fiche_d_une_ligne_hors_champ_n_a_pas_de_note(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    page = visite.client.get(f"/dossiers/{visite.numero}/notes/MULHOUSE").text
    assert "Pas de note pour" in page
    assert "Ne pas avoir de note n’est pas avoir zéro" in page
    assert visite.client.get(f"/dossiers/{visite.numero}/notes/ILLZACH").status_code == 404


def test_ajuster_par_la_page_ajoute_une_note_montree_a_cote_du_calcul(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    adresse = f"/dossiers/{visite.numero}/notes/M2A/ajustements"
    statut, _ = visite.poster(adresse, critere="LAN", taux_pour_cent="60", motif="Interprète prévu.")
    assert statut == 303
    page = visite.client.get(f"/dossiers/{visite.numero}/notes/M2A?fait=note-ajustee").text
    assert "L’ajustement est enregistré" in page
    assert "de 0 à 3 par Instructeur (fictif)" in page
    assert "Maîtrise de la langue passe de 0 sur 5 à 3 sur 5 (ajusté)" in page


def test_un_ajustement_refuse_revient_tel_que_saisi(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    for champs, phrase in (
        ({"critere": "LAN", "taux_pour_cent": "60"}, "Dites pourquoi, en une phrase."),
        ({"critere": "LAN", "taux_pour_cent": "beaucoup", "motif": "Parce que."}, "Écrivez un nombre entier."),
        ({"critere": "PLU", "taux_pour_cent": "60", "motif": "Parce que."}, "Choisissez un critère qui compte"),
    ):
        statut, page = visite.poster(f"/dossiers/{visite.numero}/notes/M2A/ajustements", **champs)
        assert statut == 422
        assert phrase in page
        assert f'value="{champs["taux_pour_cent"]}"' in page
    assert visite.session.scalars(select(Ajustement)).all() == []


def test_l_instructeur_d_une_autre_ligne_lit_mais_n_ajuste_pas(visite: Visite) -> None:
    visite.entrer(un_compte(visite.session, Role.INSTRUCTEUR, contrat=visite.scene.contrat, ligne="MULHOUSE"))
    page = visite.client.get(f"/dossiers/{visite.numero}/notes/M2A").text
    assert "Ajuster un critère" not in page
    statut, texte = visite.poster(
        f"/dossiers/{visite.numero}/notes/M2A/ajustements", critere="LAN", taux_pour_cent="60", motif="x"
    )
    assert statut == 403
    assert "instruisent la ligne M2A" in texte


def test_un_ajustement_sans_jeton_est_refuse(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    visite.jeton = ""
    statut, _ = visite.poster(f"/dossiers/{visite.numero}/notes/M2A/ajustements", critere="LAN", motif="x")
    assert statut == 403


def test_recalculer_met_une_notation_en_file(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    visite.session.execute(text("DELETE FROM procrastinate_jobs"))
    visite.session.commit()
    assert visite.poster(f"/dossiers/{visite.numero}/notes")[0] == 303
    noms = visite.session.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars().all()
    assert noms == ["notation.noter_dossier"]


# --- faits ----------------------------------------------------------------------------------------------------------


def test_chaque_fait_du_catalogue_est_dans_un_groupe_et_un_seul() -> None:
    groupes = groupes_de_faits()
    assert [titre for titre, _ in groupes] == [titre for titre, _ in GROUPES]
    assert [d.code for _, definitions in groupes for d in definitions] == list(CATALOGUE)


def test_la_page_des_faits_montre_valeur_statut_et_ce_qui_manque(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    page = visite.client.get(f"/dossiers/{visite.numero}/faits").text
    assert "Part de bénéficiaires habitant un QPV" in page
    assert "75\u00a0%" in page
    assert "Le type d’action n’est pas établi" in page
    assert f"/dossiers/{visite.numero}/faits/type_action" in page
    assert "/faits/mediane_cout" not in page


@pytest.mark.parametrize(
    "champs", [{"codes": ["beneficiaires", "part_qpv"]}, {"groupe": "Quartiers et public"}], ids=["cochés", "groupe"]
)
def test_verifier_des_faits_les_montre_verifies(visite: Visite, champs: dict[str, list[str]]) -> None:
    visite.entrer(visite.scene.instructeur)
    assert visite.poster(f"/dossiers/{visite.numero}/faits", **champs)[0] == 303
    codes = set(visite.session.scalars(select(FaitConstate.code)))
    assert {"beneficiaires", "part_qpv"} <= codes
    page = visite.client.get(f"/dossiers/{visite.numero}/faits").text
    assert "Vérifié" in page
    assert "Instructeur (fictif)" in page


def test_ne_rien_cocher_dit_quoi_faire(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    statut, page = visite.poster(f"/dossiers/{visite.numero}/faits")
    assert statut == 422
    assert "Cochez au moins un fait déclaré." in page
    assert 'href="#champ-codes"' in page
    assert 'id="champ-codes"' in page


ETABLIS = (
    ("type_action", "emploi", "Emploi, insertion, création d’activité"),
    ("beneficiaires", "50", "50"),
    ("part_qpv", "62,5 %", "62,5\u00a0%"),
    ("charges_total", "11 000,50", "11\u202f000,50\u00a0€"),
    ("diagnostic_sexue", "oui", "oui"),
    ("communes_touchees", "68224", "Mulhouse"),
    ("priorites_fiche", "MARKSTEIN.1", "Markstein, priorité 1"),
    ("participation_phases", "suivi", "suivi et évaluation"),
)
REFUSES: tuple[tuple[str, dict[str, str | list[str]], str], ...] = (
    ("beneficiaires", {"valeur": "douze", "motif": "x"}, "Écrivez un nombre entier."),
    ("beneficiaires", {"valeur": "50", "motif": ""}, "Dites pourquoi ce fait est corrigé."),
    ("type_action", {"valeur": "jonglage", "motif": ""}, "Cette réponse n’est pas dans la liste."),
    ("fiches_visees", {"valeur": ["COTEAUX"], "motif": ""}, "Dites pourquoi ce fait est corrigé."),
)


def test_etablir_ou_corriger_un_fait_puis_le_revoir(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    for code, valeur, montre in ETABLIS:
        adresse = f"/dossiers/{visite.numero}/faits/{code}"
        assert visite.poster(adresse, valeur=valeur, motif="Vu avec le porteur.")[0] == 303, code
        assert montre in visite.client.get(f"/dossiers/{visite.numero}/faits").text, code
        assert visite.client.get(adresse).status_code == 200, code


def test_un_fait_refuse_revient_tel_que_saisi(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    for code, champs, phrase in REFUSES:
        statut, page = visite.poster(f"/dossiers/{visite.numero}/faits/{code}", **champs)
        assert statut == 422, code
        assert phrase in page
        assert champs["valeur"] != "douze" or 'value="douze"' in page
    assert visite.session.scalars(select(FaitConstate)).all() == []


def test_chaque_fait_qui_s_etablit_a_une_page_qui_s_affiche(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    fermes = {"comparables", "mediane_cout", "appel_sans_orientation_nationale", "fantaisie"}
    for code in (*CATALOGUE, "fantaisie"):
        statut = visite.client.get(f"/dossiers/{visite.numero}/faits/{code}").status_code
        assert statut == (404 if code in fermes else 200), code


# --- classement -----------------------------------------------------------------------------------------------------


def test_le_classement_montre_rang_intervalle_et_provisoire(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    assert visite.client.get("/appels/ess-2027/classement").headers["location"] == "/appels/ess-2027/classement/M2A"
    page = visite.client.get("/appels/ess-2027/classement/M2A").text
    assert "Rallye pour l’emploi" in page
    assert "provisoire" in page
    assert "1\u00a0demande étudiée sur cette ligne, dont 0 sans note." in page
    assert "Clore la recevabilité" not in page
    vide = visite.client.get("/appels/ess-2027/classement/MULHOUSE").text
    assert "Aucun dossier noté sur cette ligne" in vide
    filtre = visite.client.get("/appels/ess-2027/classement/M2A?quartier=QN06804M").text
    assert "Aucun dossier noté ne répond à ces filtres" in filtre


def test_un_jeton_de_page_illisible_ou_une_ligne_inconnue_se_refuse(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    assert visite.client.get("/appels/ess-2027/classement/M2A?apres=zzz").status_code == 422
    assert visite.client.get("/appels/ess-2027/classement/NIMPORTE").status_code == 404
    assert visite.client.get("/appels/nulle-part/classement/M2A").status_code == 404


def test_le_charge_de_mission_clot_la_recevabilite_depuis_le_classement(visite: Visite) -> None:
    visite.entrer(visite.scene.charge)
    assert "Clore la recevabilité" in visite.client.get("/appels/ess-2027/classement/M2A").text
    assert visite.poster("/appels/ess-2027/cloture-recevabilite")[0] == 303
    page = visite.client.get("/appels/ess-2027/classement/M2A").text
    assert "Recevabilité close le" in page
    assert visite.poster("/appels/ess-2027/cloture-recevabilite")[0] == 409


# --- règles publiques -----------------------------------------------------------------------------------------------


def test_les_regles_sont_publiques_et_disent_poids_paliers_et_droits(visite: Visite) -> None:
    for chemin in ("/regles", "/appels/ess-2027/regles"):
        page = visite.client.get(chemin).text
        assert "Comment les dossiers sont notés" in page
        assert "art. L. 311-3-1" in page
        assert "Part de bénéficiaires habitant un QPV : au moins 60\u00a0%" in page
        assert "Aucun projet de quartier de Mulhouse n’est visé." in page
        assert "Premier objectif de E2.2" not in page
        assert "L’emploi" in page


def test_sans_appel_publie_la_page_des_regles_dit_quoi_faire(visite: Visite) -> None:
    visite.scene.appel.etat = EtatAppel.PREPARE
    visite.session.commit()
    assert "Aucun appel n’est publié" in visite.client.get("/regles").text
    assert visite.client.get("/appels/ess-2027/regles").status_code == 404
    assert visite.client.get("/api/v1/appels/ess-2027/grille").status_code == 404
    visite.entrer(visite.scene.instructeur)
    assert visite.client.get("/appels/ess-2027/regles").status_code == 200


# --- API ------------------------------------------------------------------------------------------------------------


def test_l_api_des_notes_suffit_a_refaire_le_total_a_la_main(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    corps = visite.client.get(f"/api/v1/dossiers/{visite.numero}/notes").json()
    par_ligne = {e["ligne"]: e for e in corps["elements"]}
    assert par_ligne["MULHOUSE"]["etat"] == "hors_champ"
    assert "note" not in par_ligne["MULHOUSE"]
    note = par_ligne["M2A"]["note"]
    assert (note["rang"], note["ligne"], note["rang_provisoire"]) == (1, "M2A", True)
    comptent = [ligne for ligne in note["lignes"] if ligne["etat"] != "sans_objet"]
    bas = sum(Fraction(ligne["taux"][0] * ligne["maximum"], 100) for ligne in comptent)
    assert Fraction(note["points"][0]) == bas
    assert note["points_possibles"] == sum(ligne["maximum"] for ligne in comptent)
    assert note["faits"]["part_qpv"] == {"statut": "declare", "valeur": {"fraction": "3/4"}}


def test_l_api_etablit_verifie_ajuste_et_clot(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    entetes = {"X-CSRF-Token": visite.jeton}
    racine = f"/api/v1/dossiers/{visite.numero}"
    entree = {"faits": [{"code": "type_action", "valeur": "emploi"}, {"code": "beneficiaires", "valeur": 60}]}
    reponse = visite.client.post(f"{racine}/faits", json=entree, headers=entetes)
    assert reponse.status_code == 200, reponse.text
    assert reponse.json()["faits"] == {"type_action": "verifie", "beneficiaires": "verifie"}
    assert visite.client.post(f"{racine}/faits/verifier", json={}, headers=entetes).json()["verifies"] > 10
    faits = visite.client.get(f"{racine}/faits").json()["faits"]
    assert {f["statut"] for f in faits.values()} == {"verifie"}
    ajuste = {"critere": "LAN", "taux_pour_cent": 60, "motif": "Interprète prévu."}
    note = visite.client.post(f"{racine}/notes/M2A/ajuster", json=ajuste, headers=entetes)
    assert note.status_code == 201, note.text
    assert note.json()["note"]["rang"] == 2
    faux = {"faits": [{"code": "beneficiaires", "valeur": 50, "motif": "x"}, {"code": "part_qpv", "valeur": "cent"}]}
    refus = visite.client.post(f"{racine}/faits", json=faux, headers=entetes)
    assert refus.status_code == 422
    assert refus.json()["erreurs"][0]["champ"] == "faits.1"
    assert visite.client.get(f"{racine}/faits").json()["faits"]["beneficiaires"]["valeur"] == 60
    visite.entrer(visite.scene.charge)
    entetes = {"X-CSRF-Token": visite.jeton}
    close = visite.client.post("/api/v1/appels/ess-2027/clore_recevabilite", headers=entetes)
    assert close.status_code == 200, close.text
    assert close.json()["medianes"] == {"emploi": {"effectif": 1, "valeur": "20000"}}


def test_la_grille_de_l_appel_est_publique_avec_son_empreinte(visite: Visite) -> None:
    corps = visite.client.get("/api/v1/appels/ess-2027/grille").json()
    assert corps["version"] == "2027.0"
    assert corps["empreinte"] == visite.scene.contrat.grille.empreinte
    assert sum(corps["grille"]["lignes"][1]["poids"].values()) == 100
    assert visite.session.scalars(select(NoteEnregistree.rang)).all() == [1, 1]


def test_les_faits_disent_les_noms_et_non_les_codes(visite: Visite) -> None:
    visite.entrer(visite.scene.instructeur)
    faits = visite.client.get(f"/dossiers/{visite.numero}/faits").text
    valeurs = set(re.findall(r'data-libelle="Valeur">([^<]*)', faits))
    assert {"Objectif E1.2 Des rencontres", "Markstein (Wittenheim)", "Wittenheim"} <= valeurs
    assert "<b>Objectif E1.2 Des rencontres</b>" in visite.client.get(f"/dossiers/{visite.numero}/notes/M2A").text
