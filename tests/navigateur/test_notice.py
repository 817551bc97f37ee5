"""La notice et l'issue dans un navigateur : la demander d'un bouton, au clavier, sans scripts ; noter une remise."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.etapes.convention.models import Notification
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service import recevabilite
from app.etapes.notation import service as notation
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.commission.aide_seance import AVANT
from tests.etapes.notation.aide_notice import ENSUITE, notifier
from tests.factories import identite, un_compte, un_dossier_complet, une_organisation
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, aux_coins, lu
from tests.navigateur.aide_scene import RECEVABILITE, Scene
from tests.navigateur.conftest import Ouvrir, Site
from tests.navigateur.test_clavier import avancer_jusqu_a

pytestmark = pytest.mark.navigateur
VOISINS = 8


@dataclass(frozen=True, slots=True)
class Decide:
    """Un dossier noté, ajusté, accordé par m2A et refusé par l'État, et qui le porte."""

    numero: str
    porteur: Compte
    lettre: Notification


def un_note(scene: Scene, titre: str, beneficiaires_qpv: int = 45) -> tuple[Dossier, Compte]:
    with scene.fabrique.begin() as session:
        organisation = une_organisation(session, rang=next(scene.rangs))
        roles = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE)
        porteur = un_compte(session, *roles, organisation=organisation)
        dossier = un_dossier_complet(
            session, scene.appel, organisation, identite(session, porteur), titre=titre,
            beneficiaires_qpv=beneficiaires_qpv,
        )  # fmt: skip
        for ligne in ("BOP147", "M2A"):
            recevabilite.examiner(
                session, str(dossier.numero), ligne=ligne, annee=2027, conclusion="recevable", points=tous_verifies(),
                motif="", acteur=identite(session, scene.comptes[ligne]), maintenant=RECEVABILITE,
            )  # fmt: skip
        notation.noter_dossier(session, dossier.id, acteur=notation.SERVICE, maintenant=RECEVABILITE)
        return dossier, porteur


def un_decide(scene: Scene, titre: str) -> Decide:
    dossier, porteur = un_note(scene, titre)
    with scene.fabrique.begin() as session:
        notation.ajuster(
            session, str(dossier.numero), "M2A", critere="LAN", taux_pour_cent=60,
            motif="Un interprète vient à chaque atelier (fictif).",
            acteur=identite(session, scene.comptes["M2A"]), maintenant=AVANT,
        )  # fmt: skip
        dossier = session.get_one(Dossier, dossier.id)
        lettre = notifier(session, dossier, "M2A", 2_000, "Budget réduit (fictif)")
        notifier(session, dossier, "BOP147", 0, "Crédits épuisés (fictif)")
    return Decide(str(dossier.numero), porteur, lettre)


@pytest.fixture(scope="module")
def voisins(site: Site) -> None:
    """De quoi dire une tranche."""
    for rang in range(VOISINS):
        un_note(site.scene, f"Action voisine {rang}", beneficiaires_qpv=10)


@aux_coins((TELEPHONE, False), (BUREAU, True))
def test_une_benevole_demande_sa_notice_et_comprend_la_decision(
    site: Site, ouvrir: Ouvrir, voisins: None, taille: tuple[int, int], scripts: bool
) -> None:
    decide = un_decide(site.scene, "Atelier de français au pied des tours")
    with ouvrir(taille, ENSUITE, temoin=site.scene.temoin(decide.porteur), scripts=scripts) as f:
        f.aller(f"/dossiers/{decide.numero}")
        f.suivre(f.page.get_by_role("link", name="Comprendre les décisions"))
        f.capturer("issue")
        dit = lu(f.page.locator("main"))
        assert "Ce qui renforcerait la prochaine demande" in dit
        assert "dossiers étudiés pour ce financeur" in dit
        f.suivre(f.lien("Votre notice explicative"))
        f.capturer("notice-a-demander")
        f.suivre(f.bouton("Demander ma notice"))
        dit = lu(f.page.locator("main"))
        assert "24 points possibles ×" in dit
        assert "une personne de l’instruction" in dit
        f.page.locator("main summary", has_text="données lues").first.click()
        f.juger()
        f.capturer("notice")
        site.scene.faire_les_taches()
        f.aller(f"/dossiers/{decide.numero}/notice")
        assert f.lien("La notice en PDF").is_visible()


def test_la_notice_se_demande_au_clavier_seul(site: Site, ouvrir: Ouvrir) -> None:
    decide = un_decide(site.scene, "Jardin des voisins")
    with ouvrir(BUREAU, ENSUITE, temoin=site.scene.temoin(decide.porteur)) as f:
        f.aller(f"/dossiers/{decide.numero}/notice")
        assert avancer_jusqu_a(f, "Demander ma notice")
        with f.page.expect_navigation():
            f.page.keyboard.press("Enter")
        f.juger()
        assert "points obtenus" in lu(f.page.locator("main"))


@aux_coins((TELEPHONE, True), (BUREAU, False))
def test_un_agent_note_une_demande_recue_puis_sa_remise(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    decide = un_decide(site.scene, "Permanence au centre social")
    with ouvrir(taille, ENSUITE, temoin=site.scene.temoin(site.scene.comptes["charge"]), scripts=scripts) as f:
        f.aller(f"/dossiers/{decide.numero}/notice")
        f.capturer("notice-apercu")
        f.page.locator("summary", has_text="Noter une demande reçue").click()
        f.ecrire_date("recue_le", 2027, 5, 24)
        f.suivre(f.bouton("Enregistrer la demande"))
        f.aller("/appels/m2a-2027/notices")
        f.capturer("notices")
        f.suivre(f.lien("Permanence au centre social"))
        f.suivre(f.bouton("Enregistrer la remise"), refus=422)
        f.resume()
        f.ecrire_date("remise_le", 2027, 5, 27)
        f.suivre(f.bouton("Enregistrer la remise"))
        assert "remise le" in lu(f.page.locator("main"))
