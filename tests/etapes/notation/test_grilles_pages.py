"""Pages des grilles : qui les lit, préparer, changer, essayer, adopter, épingler ; refus et saisie gardée ; coût."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.notation import service, tasks
from app.etapes.notation.models import TravailNotation
from app.etapes.notation.rules.travaux import EtatTravail
from app.infra.config import Config
from app.infra.db import creer_fabrique
from app.infra.jobs import Atelier
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import schemas
from app.referentiels.grilles.rules import grille_depuis_donnees, grille_vers_donnees
from app.referentiels.grilles.rules.brouillon import EtatBrouillon
from app.referentiels.territoires.models import Fiche
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, completer_le_contrat, un_dossier, une_scene
from tests.factories import connecter, un_appel, un_compte, un_contrat
from tests.referentiels.grilles.decor import trois_lignes
from tests.requetes import requetes

REQUETES_MAX = 8
GRILLES = "/contrats/essai-2024-2030/grilles"
BROUILLON = f"{GRILLES}/brouillons/2028.0"
ORIGINE = f"{GRILLES}/versions/2027.0"


@dataclass
class Visite:
    """Un service, une base, un appel de trois dossiers notés, le chargé de mission connecté."""

    client: TestClient
    session: Session
    scene: Scene
    atelier: Atelier
    jeton: str = ""

    def entrer(self, compte: Compte) -> Visite:
        self.jeton = connecter(self.client, self.session, compte, maintenant=PLUS_TARD)
        return self

    def lire(self, chemin: str) -> str:
        reponse = self.client.get(chemin)
        assert reponse.status_code == 200, (chemin, reponse.text)
        return reponse.text

    def poster(self, chemin: str, **champs: str | list[str]) -> tuple[int, str]:
        reponse = self.client.post(chemin, data={"_csrf": self.jeton, **champs}, follow_redirects=False)
        return reponse.status_code, reponse.headers.get("location", "") or reponse.text

    def preparer(self) -> None:
        assert self.poster(GRILLES, origine="2027.0", version="2028.0")[0] == 303

    def changer(self) -> None:
        """QPV de m2A passe de 12 à 10, LAN de 5 à 7."""
        statut, _ = self.poster(f"{BROUILLON}/poids", **{"revision": "1", "poids.M2A.QPV": "0", "poids.M2A.LAN": "17"})
        assert statut == 303

    def essayer(self) -> None:
        statut, lieu = self.poster(f"{BROUILLON}/essais", appel=self.scene.appel.code)
        assert (statut, lieu.partition("?")[0]) == (303, f"{BROUILLON}/essais/{self.scene.appel.code}")

    def travailler(self) -> None:
        """Le worker passe."""
        self.session.expire_all()
        for travail in self.session.scalars(select(TravailNotation).where(TravailNotation.etat != EtatTravail.FINI)):
            if travail.brouillon_id is None:
                tasks.noter_appel(self.atelier, maintenant=PLUS_TARD, appel_id=travail.appel_id)
            else:
                tasks.essayer_grille(self.atelier, maintenant=PLUS_TARD, travail_id=travail.id)
        self.session.rollback()


@pytest.fixture
def visite(moteur_propre: Engine, client: TestClient, config_essai: Config) -> Iterator[Visite]:
    fabrique = creer_fabrique(moteur_propre)
    with fabrique() as session:
        scene = une_scene(session, grille=trois_lignes())
        completer_le_contrat(session, scene.contrat)
        for beneficiaires in (48, 10, 30):
            un_dossier(session, scene, beneficiaires_qpv=beneficiaires)
        service.noter_appel(session, scene.appel, acteur="service", maintenant=PLUS_TARD)
        session.commit()
        yield Visite(client, session, scene, Atelier(config_essai, fabrique)).entrer(scene.charge)


def cases(page: str) -> dict[str, str]:
    """Champ → valeur du tableau des poids."""
    return dict(re.findall(r'name="(poids\.[^"]+)" value="([^"]*)"', page))


# --- qui lit quoi ---------------------------------------------------------------------------------------------------


def test_les_versions_se_lisent_par_les_agents_la_preparation_par_le_charge_de_mission(visite: Visite) -> None:
    visite.preparer()
    lues = (GRILLES, ORIGINE, f"{GRILLES}/comparaison")
    reservees = (BROUILLON, f"{BROUILLON}/criteres/QPV", f"{BROUILLON}/texte", f"{BROUILLON}/abandon",
                 f"{BROUILLON}/adoption", f"/appels/{visite.scene.appel.code}/renotation")  # fmt: skip
    assert [visite.client.get(c).status_code for c in (*lues, *reservees)] == [200] * 9
    visite.entrer(visite.scene.instructeur)
    assert [visite.client.get(c).status_code for c in lues] == [200] * 3
    assert [visite.client.get(c).status_code for c in reservees] == [403] * 6
    page = visite.lire(GRILLES)
    assert "En préparation" not in page
    assert "Préparer une nouvelle grille" not in page
    assert visite.poster(GRILLES, origine="2027.0", version="2029")[0] == 403
    visite.entrer(un_compte(visite.session, Role.REDACTEUR, organisation=visite.scene.organisation))
    assert [visite.client.get(c).status_code for c in (*lues, *reservees)] == [403] * 9


def test_un_charge_de_mission_d_un_autre_contrat_ne_trouve_rien(visite: Visite) -> None:
    visite.preparer()
    voisin = un_contrat(visite.session, code="voisin-2024-2030", prefixe="VOI")
    visite.entrer(un_compte(visite.session, Role.CHARGE_MISSION, contrat=voisin))
    for chemin in (GRILLES, ORIGINE, f"{GRILLES}/comparaison", BROUILLON, f"{BROUILLON}/texte", f"{BROUILLON}/adoption",
                   f"/appels/{visite.scene.appel.code}/renotation"):  # fmt: skip
        assert visite.client.get(chemin).status_code == 404, chemin
    for chemin, champs in (
        (GRILLES, {"origine": "2027.0", "version": "2029"}), (f"{BROUILLON}/poids", {}), (f"{BROUILLON}/texte", {}),
        (f"{BROUILLON}/essais", {}), (f"{BROUILLON}/adoption", {}), (f"{ORIGINE}/epinglage", {}),
        (f"/appels/{visite.scene.appel.code}/renotation", {}),
    ):  # fmt: skip
        assert visite.poster(chemin, **champs)[0] == 404, chemin


def test_ce_qui_n_existe_pas_ne_se_trouve_pas(visite: Visite) -> None:
    visite.preparer()
    for chemin in (
        f"{GRILLES}/versions/1999", f"{GRILLES}/brouillons/1999", f"{BROUILLON}/criteres/XXX",
        f"{BROUILLON}/essais/{visite.scene.appel.code}", f"{GRILLES}/comparaison?avant=1999", "/contrats/x/grilles",
    ):  # fmt: skip
        assert visite.client.get(chemin).status_code == 404, chemin


def test_chaque_page_coute_au_plus_huit_requetes(visite: Visite, service: FastAPI) -> None:
    visite.preparer()
    visite.changer()
    visite.essayer()
    visite.travailler()
    code = visite.scene.appel.code
    for chemin in (
        GRILLES, ORIGINE, f"{ORIGINE}?sans=COU&sans=PLU", f"{GRILLES}/comparaison", BROUILLON,
        f"{BROUILLON}/criteres/QPV", f"{BROUILLON}/texte", f"{BROUILLON}/abandon", f"{BROUILLON}/adoption",
        f"{BROUILLON}/essais/{code}", f"{BROUILLON}/essais/{code}?ligne=M2A", f"/appels/{code}/renotation",
    ):  # fmt: skip
        with requetes(service) as vues:
            visite.lire(chemin)
        assert len(vues) <= REQUETES_MAX, (chemin, len(vues), vues)


# --- lire et comparer -----------------------------------------------------------------------------------------------


def test_une_grille_montre_ses_poids_et_ce_qu_ils_deviennent_quand_un_critere_sort(visite: Visite) -> None:
    assert "sans objet" not in re.sub(r"(?s)<fieldset.*?</fieldset>", "", visite.lire(ORIGINE).split("Critère par")[0])
    page = visite.lire(f"{ORIGINE}?sans=COU&sans=PLU&sans=OBJ").split("Critère par")[0]
    assert "sans objet" in page
    assert "21,1" in page, "20 sur 95 pour l'État"
    assert "écrit 20" in page
    assert "Appel" in visite.lire(ORIGINE)


def test_deux_versions_se_comparent(visite: Visite) -> None:
    assert "Choisissez deux versions différentes" in visite.lire(f"{GRILLES}/comparaison")
    visite.preparer()
    visite.changer()
    visite.essayer()
    visite.travailler()
    assert visite.poster(f"{BROUILLON}/adoption", revision="2")[0] == 303
    page = visite.lire(f"{GRILLES}/comparaison")
    assert "De 2027.0 à 2028.0, 2\u00a0changements" in page
    assert "était 12" in page
    assert "Grille 2028.0" in visite.lire(GRILLES)


# --- préparer, changer les poids ------------------------------------------------------------------------------------


def test_preparer_propose_un_numero_libre_et_refuse_un_numero_pris(visite: Visite) -> None:
    assert 'value="2027.1"' in visite.lire(GRILLES)
    statut, page = visite.poster(GRILLES, origine="2027.0", version="2027.0")
    assert statut == 422
    assert "porte déjà le numéro 2027.0" in page
    assert 'value="2027.0"' in page
    assert visite.poster(GRILLES, origine="1999", version="2028.0")[0] == 422
    visite.preparer()
    page = visite.lire(BROUILLON)
    assert "Identique à 2027.0" in page
    assert cases(page)["poids.M2A.QPV"] == "12"
    assert "ne change rien à celle dont elle part" in page


def test_une_ligne_qui_ne_fait_pas_cent_est_refusee_pres_d_elle_et_la_saisie_revient(visite: Visite) -> None:
    visite.preparer()
    statut, page = visite.poster(f"{BROUILLON}/poids", **{"revision": "1", "poids.M2A.QPV": "10"})
    assert statut == 422
    assert cases(page)["poids.M2A.QPV"] == "10"
    assert 'id="erreur-poids.M2A"' in page
    assert "La somme des poids de M2A est 98, pas 100." in page
    assert "était 12" in page
    assert re.search(r'data-somme="M2A"[^>]*>98, il manque 2<', page)
    assert "Identique à 2027.0" in visite.lire(BROUILLON)
    statut, page = visite.poster(f"{BROUILLON}/poids", **{"revision": "1", "poids.M2A.QPV": "dix"})
    assert statut == 422
    assert 'id="erreur-poids.M2A.QPV"' in page
    assert cases(page)["poids.M2A.QPV"] == "dix"


def test_des_poids_changes_s_enregistrent_et_se_comparent_a_l_origine(visite: Visite) -> None:
    visite.preparer()
    visite.changer()
    page = visite.lire(BROUILLON)
    assert (cases(page)["poids.M2A.QPV"], cases(page)["poids.M2A.LAN"]) == ("0", "17")
    assert "2\u00a0changements" in page
    assert "Les poids qui changent depuis 2027.0" in page
    assert "Essayez d’abord cette grille" in page
    statut, page = visite.poster(f"{BROUILLON}/poids", **{"revision": "1", "poids.M2A.QPV": "1", "poids.M2A.LAN": "16"})
    assert statut == 412
    assert "entre-temps" in page


def test_l_abandon_se_confirme_et_ferme_le_brouillon(visite: Visite) -> None:
    visite.preparer()
    assert "Ce qui a été changé est perdu" in visite.lire(f"{BROUILLON}/abandon")
    statut, lieu = visite.poster(f"{BROUILLON}/abandon")
    assert (statut, lieu.partition("?")[0]) == (303, GRILLES)
    assert "Abandonnée" in visite.lire(GRILLES)
    for acte in ("abandon", "adoption", "texte", "poids", "criteres/QPV", "essais"):
        champs = {
            "revision": "1", "poids.M2A.QPV": "0", "poids.M2A.LAN": "17", "libelle": "Autre", "texte": "version: x",
            "appel": visite.scene.appel.code,
        }  # fmt: skip
        statut, page = visite.poster(f"{BROUILLON}/{acte}", **champs)
        assert statut == (422 if acte == "texte" else 409), (acte, statut)
        assert acte == "texte" or "abandonnée" in page


# --- un critère, le texte entier ------------------------------------------------------------------------------------


def test_un_critere_se_change_et_un_seuil_faux_se_dit_a_son_champ(visite: Visite) -> None:
    visite.preparer()
    page = visite.lire(f"{BROUILLON}/criteres/QPV")
    assert "Part de bénéficiaires habitant un QPV, au moins" in page
    assert 'name="b0.p0.s0" value="60"' in page
    statut, page = visite.poster(f"{BROUILLON}/criteres/QPV", **{"revision": "1", "b0.p0.s0": "20", "b0.p0.taux": "x"})
    assert statut == 422
    assert 'id="erreur-b0.p0.taux"' in page
    assert 'name="b0.p0.s0" value="20"' in page
    statut, page = visite.poster(f"{BROUILLON}/criteres/QPV", **{"revision": "1", "b0.p0.s0": "20"})
    assert statut == 422
    assert "Les seuils se chevauchent" in page
    statut, _ = visite.poster(
        f"{BROUILLON}/criteres/QPV", **{"revision": "1", "b0.p0.s0": "70", "libelle": "Habitants des quartiers"}
    )
    assert statut == 303
    page = visite.lire(BROUILLON)
    assert "Habitants des quartiers" in page
    assert "au moins 70\u00a0%" in page


def test_un_critere_rendu_transversal_alors_qu_il_peut_etre_sans_objet_est_refuse(visite: Visite) -> None:
    visite.preparer()
    statut, page = visite.poster(f"{BROUILLON}/criteres/PLU", revision="1", est_transversal="oui")
    assert statut == 422
    assert "il n’est jamais sans objet" in page
    assert 'id="erreur-est_transversal"' in page


def test_la_grille_entiere_se_change_en_texte_et_chaque_faute_dit_sa_ligne(visite: Visite) -> None:
    visite.preparer()
    page = visite.lire(f"{BROUILLON}/texte")
    texte = _texte(page)
    faux = texte.replace("QPV: 12", "QPV: 13", 1).replace("{vrai: premiere_demande}", "{vrai: humeur}")
    statut, page = visite.poster(f"{BROUILLON}/texte", revision="1", texte=faux)
    assert statut == 422
    trouvee = re.search(
        r"Ligne \d+, «\u00a0poids: [^»]*\u00a0»\u00a0: ligne «\u00a0m2A\u00a0», poids\u00a0: la somme", page
    )
    assert trouvee is not None
    assert "fait inconnu" in page
    assert _texte(page) == faux
    assert visite.poster(f"{BROUILLON}/texte", revision="1", texte="a: [")[0] == 422
    renumerotee = texte.replace("2028.0", "2030", 1)
    statut, page = visite.poster(f"{BROUILLON}/texte", revision="1", texte=renumerotee)
    assert statut == 422
    assert "porte le numéro 2028.0" in page
    assert visite.poster(f"{BROUILLON}/texte", revision="1", texte=texte)[0] == 303
    assert "Identique à 2027.0" in visite.lire(BROUILLON)
    assert visite.poster(f"{BROUILLON}/texte", revision="1", texte=sans_continuite(texte))[0] == 303
    assert "Critère PLU" in visite.lire(BROUILLON)


def _texte(page: str) -> str:
    trouve = re.search(r"(?s)<textarea[^>]*>\n?(.*?)</textarea>", page)
    assert trouve is not None
    return unescape(trouve[1])


def sans_continuite(texte: str) -> str:
    """Le critère PLU retiré, son poids donné à FAI."""
    texte = re.sub(r"(?ms)^- code: PLU\n.*?(?=^- code: )", "", texte)
    texte = re.sub(r"(?ms)^- critere: PLU\n.*?(?=^- critere: |\Z)", "", texte)
    for ligne in re.findall(r"\{OBJ: [^}]*\}", texte):
        poids = {code: int(valeur) for code, valeur in re.findall(r"(\w+): (\d+)", ligne)}
        poids["FAI"] += poids.pop("PLU")
        texte = texte.replace(ligne, "{" + ", ".join(f"{code}: {valeur}" for code, valeur in poids.items()) + "}")
    return texte


# --- essayer, adopter, épingler -------------------------------------------------------------------------------------


def test_un_essai_montre_son_avancee_puis_qui_bouge(visite: Visite) -> None:
    visite.preparer()
    visite.changer()
    statut, page = visite.poster(f"{BROUILLON}/essais", appel="nulle-part")
    assert statut == 422
    assert "Choisissez un appel de ce contrat" in page
    visite.essayer()
    adresse = f"{BROUILLON}/essais/{visite.scene.appel.code}"
    page = visite.lire(adresse)
    assert "En file" in page
    assert "Actualiser" in page
    assert 'hx-trigger="every 2s"' in page
    visite.travailler()
    page = visite.lire(adresse)
    assert "3\u00a0dossiers comparés" in page
    assert "every 2s" not in page
    assert "ESS-2027-0001" in page
    assert "Adopter cette grille" in page
    assert "Il n’y a plus rien à cette page" in visite.lire(f"{adresse}?ligne=M2A&debut=50")
    assert "Aucune note et aucun rang ne changent" in visite.lire(f"{adresse}?ligne=BOP147")
    statut, _ = visite.poster(f"{BROUILLON}/poids", **{"revision": "2", "poids.M2A.QPV": "12", "poids.M2A.LAN": "5"})
    assert statut == 303
    assert "La grille a changé depuis cet essai" in visite.lire(adresse)


def test_une_grille_s_adopte_apres_son_essai_puis_s_epingle_a_un_appel_en_preparation(visite: Visite) -> None:
    visite.preparer()
    visite.changer()
    assert "Essayez d’abord" in visite.lire(f"{BROUILLON}/adoption")
    statut, page = visite.poster(f"{BROUILLON}/adoption", revision="2")
    assert statut == 409
    assert "Essayez d’abord" in page
    visite.essayer()
    visite.travailler()
    assert "Une grille adoptée ne change plus" in visite.lire(f"{BROUILLON}/adoption")
    statut, lieu = visite.poster(f"{BROUILLON}/adoption", revision="2")
    assert (statut, lieu.partition("?")[0]) == (303, f"{GRILLES}/versions/2028.0")
    prochain = un_appel(visite.session, visite.scene.contrat, code="ess-2028", annee=2028, etat=EtatAppel.PREPARE)
    visite.session.commit()
    epinglage = f"{GRILLES}/versions/2028.0/epinglage"
    statut, page = visite.poster(epinglage, appel=visite.scene.appel.code)
    assert statut == 409
    assert "sa grille ne change plus" in page
    assert visite.poster(epinglage, appel="nulle-part")[0] == 422
    assert visite.poster(epinglage, appel=prochain.code)[0] == 303
    visite.session.expire_all()
    adoptee = versions.get_grille_par_version(visite.session, visite.scene.contrat.id, "2028.0")
    assert adoptee is not None
    assert visite.session.get_one(Appel, prochain.id).grille_id == adoptee.id
    assert prochain.intitule in visite.lire(f"{GRILLES}/versions/2028.0")
    assert visite.poster(f"{GRILLES}/versions/1999/epinglage", appel=prochain.code)[0] == 404
    brouillon = versions.get_brouillon(visite.session, visite.scene.contrat.id, "2028.0")
    assert brouillon is not None
    assert brouillon.etat is EtatBrouillon.ADOPTE
    assert "n’est plus en préparation" in visite.lire(BROUILLON)


def test_une_grille_changee_entre_la_relecture_et_la_confirmation_ne_s_adopte_pas(visite: Visite) -> None:
    visite.preparer()
    visite.changer()
    visite.essayer()
    visite.travailler()
    lue = re.search(r'name="revision" value="(\d+)"', visite.lire(f"{BROUILLON}/adoption"))
    assert lue is not None
    visite.entrer(un_compte(visite.session, Role.CHARGE_MISSION, contrat=visite.scene.contrat))
    statut, _ = visite.poster(f"{BROUILLON}/poids", **{"revision": "2", "poids.M2A.QPV": "1", "poids.M2A.LAN": "16"})
    assert statut == 303
    visite.essayer()
    visite.travailler()
    visite.entrer(visite.scene.charge)
    statut, page = visite.poster(f"{BROUILLON}/adoption", revision=lue[1])
    assert statut == 412
    assert "Cette grille a changé depuis" in page
    assert 'name="revision" value="3"' in page
    assert visite.poster(f"{BROUILLON}/adoption")[0] == 412
    assert visite.poster(f"{BROUILLON}/adoption", revision="3")[0] == 303


def test_un_code_que_le_contrat_n_a_pas_est_refuse_a_l_enregistrement_et_a_l_epinglage(visite: Visite) -> None:
    visite.preparer()
    texte = _texte(visite.lire(f"{BROUILLON}/texte"))
    statut, page = visite.poster(f"{BROUILLON}/texte", revision="1", texte=texte.replace("[E2.2]", "[E2.9]", 1))
    assert statut == 422
    assert "ensemble «\u00a0M2A_RANG_1\u00a0»" in page
    assert "code inconnu\u00a0: «\u00a0E2.9\u00a0» n’est pas un objectif du contrat" in page
    visite.session.execute(delete(Fiche).where(Fiche.code == "BRIAND"))
    prochain = un_appel(visite.session, visite.scene.contrat, code="ess-2028", annee=2028, etat=EtatAppel.PREPARE)
    visite.session.commit()
    statut, page = visite.poster(f"{BROUILLON}/poids", **{"revision": "1", "poids.M2A.QPV": "0", "poids.M2A.LAN": "17"})
    assert statut == 422
    assert "«\u00a0BRIAND\u00a0» n’est pas une fiche du contrat" in page
    statut, page = visite.poster(f"{ORIGINE}/epinglage", appel=prochain.code)
    assert statut == 422
    assert "Ensemble «\u00a0FICHES\u00a0»" in page


def test_un_essai_dit_la_ligne_que_la_grille_n_a_plus(visite: Visite) -> None:
    visite.preparer()
    texte = _texte(visite.lire(f"{BROUILLON}/texte"))
    statut, page = visite.poster(f"{BROUILLON}/texte", revision="1", texte=sans_mulhouse(texte))
    assert statut == 303, page
    visite.essayer()
    visite.travailler()
    page = visite.lire(f"{BROUILLON}/essais/{visite.scene.appel.code}")
    assert "Ville de Mulhouse\u00a0: cette grille n’a pas cette ligne" in page
    lu = visite.client.get(f"/api/v1{BROUILLON}/essais/{visite.scene.appel.code}").json()
    assert (lu["lignes_absentes"], lu["lignes_ajoutees"]) == (["MULHOUSE"], [])


def sans_mulhouse(texte: str) -> str:
    """La ligne MULHOUSE retirée, ses barèmes aussi."""
    donnees = grille_vers_donnees(schemas.lire_grille(texte))
    donnees["lignes"] = [ligne for ligne in donnees["lignes"] if ligne["code"] != "MULHOUSE"]
    for critere in donnees["criteres"]:
        for bareme in critere["baremes"]:
            bareme["lignes"] = [ligne for ligne in bareme["lignes"] if ligne != "MULHOUSE"]
        critere["baremes"] = [bareme for bareme in critere["baremes"] if bareme["lignes"]]
    return schemas.ecrire_grille(grille_depuis_donnees(donnees))


# --- renoter --------------------------------------------------------------------------------------------------------


def test_renoter_un_appel_montre_son_avancee_et_refuse_un_second(visite: Visite) -> None:
    adresse = f"/appels/{visite.scene.appel.code}/renotation"
    page = visite.lire(adresse)
    assert "n’a encore jamais été renoté" in page
    statut, lieu = visite.poster(adresse)
    assert (statut, lieu.partition("?")[0]) == (303, adresse)
    assert "L’appel se renote" in visite.lire(adresse)
    statut, page = visite.poster(adresse)
    assert statut == 409
    assert "déjà en train" in page
    visite.travailler()
    assert "3\u00a0dossiers relus" in visite.lire(adresse)


# --- API ------------------------------------------------------------------------------------------------------------


def test_l_api_donne_les_versions_leurs_differences_et_l_effet_d_un_essai(visite: Visite) -> None:
    visite.preparer()
    visite.changer()
    api = f"/api/v1{GRILLES}"
    (seule,) = visite.client.get(api).json()["elements"]
    assert (seule["version"], seule["appels"]) == ("2027.0", [visite.scene.appel.code])
    essais = f"/api/v1{BROUILLON}/essais"
    code = visite.scene.appel.code
    assert visite.client.get(f"{essais}/{code}").status_code == 404
    entetes = {"X-CSRF-Token": visite.jeton}
    demande = visite.client.post(essais, json={"appel": code}, headers=entetes)
    assert (demande.status_code, demande.json()["etat"]) == (202, "en_attente")
    assert visite.client.post(essais, json={"appel": "x"}, headers=entetes).status_code == 422
    assert visite.client.get(f"{essais}/{code}").json()["resume"] == []
    visite.travailler()
    essai = visite.client.get(f"{essais}/{code}?ligne=M2A&taille=1").json()
    assert (essai["etat"], essai["contre"], len(essai["elements"]), essai["suivant"]) == ("fini", "2027.0", 1, 1)
    assert essai["elements"][0]["ecart"] < 0
    assert visite.client.get(f"{essais}/{code}?ligne=M2A&debut=50").json()["suivant"] is None
    assert visite.poster(f"{BROUILLON}/adoption", revision="2")[0] == 303
    lues = visite.client.get(f"{api}/comparaison?avant=2027.0&apres=2028.0").json()["differences"]
    assert {d["phrase"] for d in lues} == {
        "Public des quartiers prioritaires, poids m2A : 12 devient 0",
        "Maîtrise de la langue, poids m2A : 5 devient 17",
    }
    assert visite.client.get(f"{api}/comparaison?avant=2027.0&apres=1999").status_code == 404
