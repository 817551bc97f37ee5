"""Toutes les pages, au téléphone et au bureau : axe, aucun débordement ; une image de chacune avec IQ_CAPTURES=1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import select

from app.etapes.dossier.models import Dossier
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.acteurs.rules.fiche import Section
from tests.etapes.commission.aide_seance import AVANT
from tests.etapes.convention.aide_decision import APRES
from tests.factories import MAINTENANT
from tests.navigateur.aide_dossier import JOURS_PLUS_TARD, un_dossier_qui_a_vecu, une_porteuse
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
APPEL = "/appels/m2a-2027"
CONTRAT = "/contrats/m2a-2024-2030"
CAMPAGNE = "/campagne/m2a-2027"
COMPTES = "/comptes/m2a-2024-2030"
GRILLES = f"{CONTRAT}/grilles"
GRILLE = GRILLES + "/brouillons/{grille}"
PAGES: dict[str, tuple[datetime, tuple[str, ...]]] = {
    "": (
        MAINTENANT,
        (
            "/", "/connexion", "/compte/nouveau", "/mot-de-passe-oublie", "/appel", APPEL, "/contrat", CONTRAT,
            f"{CONTRAT}/objectifs/E1.2", f"{CONTRAT}/fiches/COTEAUX", f"{CONTRAT}/quartiers/QN06804M",
            f"{CONTRAT}/gouvernance", f"{CONTRAT}/partenaires", f"{CONTRAT}/anomalies", "/regles", f"{APPEL}/regles",
            "/donnees", "/accessibilite", "/donnees-personnelles", "/composants", f"{APPEL}/eligibilite",
            f"{APPEL}/eligibilite?statut=association&fiches=COTEAUX&fiches=MARKSTEIN&montant=1500",
        ),
    ),
    "porteur": (
        AVANT,
        (
            "/accueil", "/dossiers", "/dossiers/{numero}", "/dossiers/{numero}/accuse", "/dossiers/{numero}/retrait",
            "/dossiers/{numero}/notice", "/dossiers/{numero}/issue",
            "/organisations", "/organisations/nouvelle", "/organisations/nouvelle/identite?siret=97000001400013",
            "/organisations/nouvelle/identite?siret={siret}", "/organisations/{organisation}",
            *(f"/organisations/{{organisation}}/fiche/{section.value}" for section in Section),
            "/organisations/{organisation}/membres", "/organisations/{organisation}/membres/{habilitation}/retrait",
            "/organisations/{organisation}/relais", "/compte",
        ),
    ),
    "brouillon": (MAINTENANT, ("/dossiers/nouveau", "/dossiers/{brouillon}", "/dossiers/{brouillon}/signature")),
    "auteur": (
        JOURS_PLUS_TARD,
        (
            "/dossiers", "/dossiers/{vecu}", "/dossiers/{vecu}/messages", "/dossiers/{vecu}/pieces",
            "/dossiers/{vecu}/portail", "/dossiers/{vecu}/versions/2", "/organisations/{porteuse}/priorites/m2a-2027",
        ),
    ),
    "M2A": (
        AVANT,
        (
            "/accueil", "/instruction", "/instruction/{numero}", "/dossiers/{numero}/notes",
            "/dossiers/{numero}/notice",
            "/dossiers/{numero}/notes/M2A", "/dossiers/{numero}/faits", "/dossiers/{numero}/faits/beneficiaires",
            f"{APPEL}/classement", f"{APPEL}/classement/M2A", f"{APPEL}/distribution/M2A", f"{APPEL}/poids/M2A",
            f"{APPEL}/poids/M2A?OBJ=6&QUA=30", APPEL + "/comparer?ligne=M2A&a={numero}&b={autre}",
            f"{APPEL}/comparer?ligne=M2A", "/dossiers/{numero}/cout", "/programmation", f"{APPEL}/programmation",
            f"{APPEL}/programmation/M2A", "/compte/jetons", "/dossiers/{numero}/notes/M2A/lectures",
        ),
    ),
    "relecture_due": (
        AVANT,
        ("/accueil", *(f"/dossiers/{{numero}}/notes{suite}" for suite in ("", "/M2A", "/M2A/lecture"))),
    ),
    "charge": (
        AVANT,
        (
            "/accueil", f"{COMPTES}/organisations", "/campagne", CAMPAGNE, f"{CAMPAGNE}/preparation",
            f"{APPEL}/notices", f"{APPEL}/cloture-recevabilite",
            f"{CAMPAGNE}/autorites",
            "/campagne/contrats/m2a-2024-2030/appels/nouveau", "/rencontres", "/decisions", "/seances",
            "/seances/{seance}", "/seances/{seance}/presences", "/seances/{seance}/votes", "/seances/{seance}/points/1",
            "/seances/{seance}/proces-verbal",
        ),
    ),
    "grilles": (
        AVANT,
        (
            GRILLES, f"{GRILLES}/versions/2027.0", f"{GRILLES}/versions/2027.0?sans=COU&sans=PLU",
            f"{GRILLES}/comparaison", GRILLE, f"{GRILLE}/criteres/QPV", f"{GRILLE}/texte", f"{GRILLE}/abandon",
            f"{GRILLE}/adoption", f"{GRILLE}/essais/m2a-2027", f"{GRILLE}/essais/m2a-2027?ligne=BOP147",
            f"{APPEL}/renotation",
        ),
    ),
    "equipe": (AVANT, ("/accueil", f"{APPEL}/scenarios", "/scenarios/{scenario}")),
    "administrateur": (
        AVANT,
        (
            "/accueil", "/comptes", COMPTES, f"{COMPTES}/nouveau", f"{COMPTES}/sieges",
            COMPTES + "/personnes/{personne}", "/fichiers-en-attente",
        ),
    ),
    "BOP147": (AVANT, ("/accueil", f"{APPEL}/rencontres/nouvelle", "/rencontres/{rencontre}")),
    "referent": (AVANT, ("/accueil", "/rencontres", "/rencontres/{rencontre}/dossiers/{numero}")),
    "elu": (AVANT, ("/accueil",)),
    "membre": (AVANT, ("/accueil", "/seances/{seance}/points/3/deport")),
}  # fmt: skip
DECISIONS = (
    "/appels/{appel}/decisions/M2A", "/dossiers/{decide}/lignes/M2A/decision", "/dossiers/{decide}/notifications/M2A",
)  # fmt: skip
AILLEURS = {
    "/compte/confirmation/{secret}": "test_compte_pages, et le lien ne sert qu'une fois",
    "/acces/{secret}": "test_comptes_pages, et le lien ne sert qu'une fois",
    "/dossiers/{numero}/passage": "test_ecrans : elle mène à une page du contrat",
    "/dossiers/{identifiant}/etapes/{section}": "test_depot : chacune des étapes",
    "/appels/{code}/regles/passage": "redirige vers une page du contrat : test_notice_pages",
    "/fichiers/{fichier}": "un fichier à enregistrer : test_televersement",
    "/organisations/{organisation}/pieces": "test_televersement",
    "/portail-etat": "test_portail_etat, redirigée vers l'appel de travail",
    "/portail-etat/{code}": "test_portail_etat : chaque liste",
    "/portail-etat/{code}/lignes/{reference}": "test_portail_etat",
}


def test_aucune_page_n_est_oubliee(service: FastAPI) -> None:
    """Toute route qui rend une page est regardée ici, ou dit où elle l'est."""
    vues = [c.format_map(defaultdict(lambda: "x")) for _, chemins in PAGES.values() for c in chemins]
    vues += [c.format_map(defaultdict(lambda: "x")) for c in DECISIONS]
    oubliees = {
        route.path
        for route in service.routes
        if isinstance(route, APIRoute)
        and "GET" in route.methods
        and not route.path.startswith(("/api/", "/sante"))
        and not route.path.endswith((".csv", ".xlsx", ".pdf", ".zip", ".{format}"))
        and not any(route.path_regex.match(c.partition("?")[0]) for c in vues)
    }
    assert oubliees == set(AILLEURS)


@pytest.fixture(scope="module")
def noms(site: Site) -> dict[str, str]:
    """De quoi remplir les adresses : un objet de chaque sorte."""
    scene = site.scene
    scene.comptes["brouillon"], brouillon = scene.un_brouillon()
    with scene.fabrique() as session:
        organisation = session.get_one(Organisation, scene.dossier.organisation_id)
        tenue, _ = acteurs.list_membres(session, organisation.id, AVANT)[0]
        notes = select(Dossier.numero).where(Dossier.appel_id == scene.appel.id, Dossier.numero.is_not(None))
        autre = session.scalars(notes.where(Dossier.id != scene.dossier.id).order_by(Dossier.id)).first()
    scene.comptes["grilles"] = scene.comptes["charge"]
    scene.une_lecture_rendue_une_due()
    porteuse = une_porteuse(scene)
    scene.comptes["auteur"], vecu = porteuse.tete, un_dossier_qui_a_vecu(scene, porteuse)
    return {
        "vecu": vecu, "porteuse": porteuse.organisation.code,
        "numero": str(scene.dossier.numero), "seance": scene.seance.code, "brouillon": brouillon,
        "rencontre": scene.une_rencontre_convoquee(), "scenario": scene.un_scenario(),
        "personne": scene.comptes["membre"].acteur, "organisation": organisation.code, "siret": organisation.siret,
        "habilitation": str(tenue.id), "grille": scene.une_grille_essayee(),
        "autre": str(autre),
    }  # fmt: skip


def regarder(f: Fenetre, chemins: Iterable[str], nom: str) -> None:
    """Chaque page au bureau puis au téléphone : axe, largeur, et son image."""
    for rang, chemin in enumerate(chemins):
        image = f"{nom}-{rang:02d}"
        f.redimensionner(BUREAU)
        f.aller(chemin)
        f.capturer(image)
        f.redimensionner(TELEPHONE)
        f.juger()
        f.capturer(image)


@pytest.mark.parametrize("public", PAGES, ids=lambda p: p or "visiteur")
def test_les_pages_d_un_public_se_lisent_partout(site: Site, ouvrir: Ouvrir, noms: dict[str, str], public: str) -> None:
    horloge, chemins = PAGES[public]
    temoin = site.scene.temoin(site.scene.comptes[public]) if public else None
    with ouvrir(BUREAU, horloge, temoin=temoin) as f:
        regarder(f, [chemin.format(**noms) for chemin in chemins], public or "visiteur")


def test_les_pages_d_apres_le_vote_se_lisent_partout(site: Site, ouvrir: Ouvrir) -> None:
    """La décision, la notification, la lettre chez le porteur."""
    campagne = site.scene.une_campagne_decidee()
    noms = {"appel": campagne.appel.code, "decide": str(campagne.dossiers[0].numero)}
    with ouvrir(BUREAU, APRES, temoin=site.scene.temoin(campagne.compte_charge)) as f:
        regarder(f, [chemin.format(**noms) for chemin in DECISIONS], "decision")
    with site.scene.fabrique() as session:
        porteur = session.get_one(Compte, campagne.porteurs[0].compte_id)
    with ouvrir(BUREAU, APRES, temoin=site.scene.temoin(porteur)) as f:
        regarder(
            f, ["/dossiers", f"/dossiers/{noms['decide']}", f"/dossiers/{noms['decide']}/notifications/M2A"], "lettre"
        )


@pytest.mark.parametrize("taille", [TELEPHONE, BUREAU], ids=["375", "1280"])
def test_une_adresse_inconnue_reste_une_page(ouvrir: Ouvrir, taille: tuple[int, int]) -> None:
    with ouvrir(taille, MAINTENANT) as f:
        f.refus_attendus.append(404)
        f.aller("/n-existe-pas")
        f.suivre(f.page.get_by_role("link", name="Initiatives Quartiers"))
        assert f.page.url == f.adresse + "/"
