"""Les écrans d'une ligne : classement filtré et exporté, répartition, poids, deux dossiers, coût, source."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.service.acces import fermer_au_compte
from app.etapes.notation import repository
from app.etapes.notation import service as notation
from app.etapes.notation.models import NoteEnregistree, SecondeLecture
from app.etapes.notation.rules.medianes import Mediane, medianes_vers_donnees
from app.infra.db import creer_fabrique
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, declarer_recevable, un_dossier, une_scene
from tests.factories import connecter, un_compte, un_contrat, une_organisation
from tests.requetes import requetes

REQUETES_MAX = 8
LIGNE = "/appels/ess-2027/classement/M2A"
POIDS = "/appels/ess-2027/poids/M2A"
CODES = ("OBJ", "QUA", "QPV", "EGA", "LAN", "HAB", "COO", "DRC", "FAI", "COU", "PLU", "INT")
TOUS_NULS = POIDS + "?" + "&".join(f"{code}=0" for code in CODES)


@dataclass
class Ecrans:
    """Trois dossiers notés sur m2A : « fort », « faible » et « cpo », d'un autre porteur."""

    client: TestClient
    session: Session
    scene: Scene
    dossiers: dict[str, Dossier] = field(default_factory=dict)

    def numero(self, nom: str) -> str:
        return str(self.dossiers[nom].numero)

    def entrer(self, compte: Compte) -> Ecrans:
        connecter(self.client, self.session, compte, maintenant=PLUS_TARD)
        return self

    def lire(self, chemin: str, statut: int = 200) -> str:
        reponse = self.client.get(chemin)
        assert reponse.status_code == statut, (chemin, reponse.status_code, reponse.text[:2000])
        return reponse.text

    def demande(self, nom: str) -> Demande:
        requete = select(Demande).where(Demande.dossier_id == self.dossiers[nom].id).order_by(Demande.id)
        return next(d for d in self.session.scalars(requete) if d.ligne_id == self.scene.contrat.lignes["M2A"].id)

    def comparer(self, a: str, b: str, ligne: str = "M2A") -> str:
        return f"/appels/ess-2027/comparer?ligne={ligne}&a={a}&b={b}"

    def renoter(self, **medianes: Mediane) -> None:
        """Clôt la recevabilité sur ces médianes, et renote tout."""
        self.scene.appel.medianes = medianes_vers_donnees(medianes)
        self.scene.appel.recevabilite_close_le = PLUS_TARD
        for dossier in self.dossiers.values():
            notation.noter_dossier(self.session, dossier.id, acteur="service", maintenant=PLUS_TARD)
        self.session.commit()


@pytest.fixture
def ecrans(moteur_propre: Engine, client: TestClient) -> Iterator[Ecrans]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        vus = Ecrans(client, session, scene)
        vus.dossiers["fort"] = un_dossier(session, scene, titre="=Rallye <emploi>")
        vus.dossiers["faible"] = un_dossier(
            session, scene, titre="Jardin partagé", fiches=["MARKSTEIN"], quartiers_beneficiaires=["QN06808M"],
            communes=["68376"], beneficiaires_qpv=10, objectif_principal="E1.1", objectifs_operationnels=[],
        )  # fmt: skip
        vus.dossiers["cpo"] = un_dossier(session, scene, titre="Atelier vélo")
        vus.dossiers["cpo"].duree_annees = 3
        for dossier in vus.dossiers.values():
            declarer_recevable(session, scene, dossier)
            notation.noter_dossier(session, dossier.id, acteur="service", maintenant=PLUS_TARD)
        session.commit()
        yield vus


def chemins(ecrans: Ecrans) -> list[str]:
    fort, faible = ecrans.numero("fort"), ecrans.numero("faible")
    return [
        LIGNE,
        f"{LIGNE}?quartier=QN06804M&objectif=E1.2&commune=68224&duree=cpo&etat=incomplete&porteur=association",
        "/appels/ess-2027/distribution/M2A",
        POIDS,
        f"{POIDS}?OBJ=30&plus=QPV",
        "/appels/ess-2027/comparer",
        ecrans.comparer(fort, faible),
        f"/dossiers/{fort}/cout",
        f"/dossiers/{fort}/notes/M2A",
    ]


# --- qui lit, à quel coût ---------------------------------------------------------------------------------------------


def test_les_ecrans_se_lisent_par_les_agents_et_la_commission_pas_par_le_porteur(ecrans: Ecrans) -> None:
    adresses = [*chemins(ecrans), *(f"{LIGNE}/export.{forme}" for forme in ("csv", "xlsx", "ods"))]
    assert {ecrans.client.get(a).status_code for a in adresses} == {303}
    for role in (Role.MEMBRE_COMMISSION, Role.EQUIPE_PROJET):
        ecrans.entrer(un_compte(ecrans.session, role, contrat=ecrans.scene.contrat))
        for adresse in adresses:
            ecrans.lire(adresse)
    ecrans.entrer(un_compte(ecrans.session, Role.REDACTEUR, organisation=ecrans.scene.organisation))
    assert {ecrans.client.get(a).status_code for a in adresses} == {403}


def test_un_agent_d_un_autre_contrat_ne_trouve_rien(ecrans: Ecrans) -> None:
    voisin = un_contrat(ecrans.session, code="voisin-2024-2030", prefixe="VOI")
    ecrans.entrer(un_compte(ecrans.session, Role.INSTRUCTEUR, contrat=voisin, ligne="M2A"))
    adresses = [*chemins(ecrans), f"{LIGNE}/export.csv", f"/dossiers/{ecrans.numero('fort')}/passage?lignes=1"]
    assert {ecrans.client.get(a).status_code for a in adresses} == {404}


def test_chaque_ecran_coute_au_plus_huit_requetes(ecrans: Ecrans, service: FastAPI) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    for chemin in chemins(ecrans):
        ecrans.lire(chemin)
        with requetes(service) as vues:
            ecrans.lire(chemin)
        assert len(vues) <= REQUETES_MAX, (chemin, vues)


def test_une_ligne_ou_un_format_inconnus_n_existent_pas(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    for vue in ("classement", "distribution", "poids"):
        ecrans.lire(f"/appels/ess-2027/{vue}/ILLZACH", 404)
    ecrans.lire(f"{LIGNE}/export.pdf", 404)


# --- classement -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filtre", "attendus"),
    [
        ("commune=68376", {"faible"}),
        ("commune=68224", {"fort", "cpo"}),
        ("duree=cpo", {"cpo"}),
        ("duree=un_an", {"fort", "faible"}),
        ("quartier=QN06808M&duree=cpo", set()),
        ("etat=provisoire", {"fort", "faible", "cpo"}),
        ("etat=incomplete", {"fort", "faible", "cpo"}),
        ("etat=sure", set()),
        ("etat=inconnu", {"fort", "faible", "cpo"}),
        ("porteur=ASSOCIATION", {"fort", "faible", "cpo"}),
        ("porteur=rallye", set()),  # le titre n'est pas le porteur
        ("porteur=%27%27%3A%2A", {"fort", "faible", "cpo"}),
    ],
)
def test_le_classement_se_filtre_et_garde_ses_rangs(ecrans: Ecrans, filtre: str, attendus: set[str]) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"{LIGNE}?{filtre}")
    assert {nom for nom in ecrans.dossiers if f'value="{ecrans.numero(nom)}"' in page} == attendus
    if not attendus:
        assert "Aucun dossier noté ne répond à ces filtres" in page
    if attendus == {"faible"}:
        assert re.search(r'data-libelle="Rang">3</td>', page)


def test_les_filtres_restent_dans_les_listes_les_pages_et_les_exports(
    ecrans: Ecrans, monkeypatch: pytest.MonkeyPatch
) -> None:
    par_un = functools.partial(repository.page_classement, taille=1)
    monkeypatch.setattr(repository, "page_classement", par_un)
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"{LIGNE}?commune=68224&porteur=association")
    assert '<option value="68224" selected>' in page
    assert 'name="porteur" value="association"' in page
    assert f'href="{LIGNE}/export.csv?commune=68224&amp;porteur=association"' in page
    suivante = re.search(r'rel="next" href="(\?[^"]+)"', page)
    assert suivante is not None
    adresse = suivante[1].replace("&amp;", "&")
    assert adresse.startswith("?commune=68224&porteur=association&apres=")
    seconde = ecrans.lire(LIGNE + adresse)
    assert 'rel="prev"' in seconde
    assert {nom for nom in ecrans.dossiers if f'value="{ecrans.numero(nom)}"' in page + seconde} == {"fort", "cpo"}


def _classeur(contenu: bytes) -> list[list[Any]]:
    feuille = CalamineWorkbook.from_filelike(io.BytesIO(contenu)).get_sheet_by_index(0)
    return [list(rangee) for rangee in feuille.to_python()]


def test_l_export_rend_ce_que_les_filtres_retiennent_a_l_abri_des_formules(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    tout = ecrans.client.get(f"{LIGNE}/export.csv")
    assert 'filename="classement-ess-2027-M2A.csv"' in tout.headers["Content-Disposition"]
    rangees = list(csv.reader(io.StringIO(tout.content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rangees[0][:3] == ["Rang", "Numéro", "Titre de l’action"]
    assert "OBJ : Réponse aux objectifs, points" in rangees[0]
    assert len(rangees) == 4
    assert "'=Rallye <emploi>" in {rangee[2] for rangee in rangees}
    for forme in ("xlsx", "ods"):
        classeur = _classeur(ecrans.client.get(f"{LIGNE}/export.{forme}").content)
        assert [str(c) for c in classeur[0]] == rangees[0]
        assert [r[1] for r in classeur] == [r[1] for r in rangees]
        assert isinstance(classeur[1][10], float)
    filtre = ecrans.client.get(f"{LIGNE}/export.csv?commune=68376").text
    assert ecrans.numero("faible") in filtre
    assert ecrans.numero("fort") not in filtre


def test_l_export_donne_les_points_de_chaque_critere(ecrans: Ecrans) -> None:
    notation.ajuster(
        ecrans.session, ecrans.numero("fort"), "M2A", critere="LAN", taux_pour_cent=60, motif="Interprète.",
        acteur=ecrans.scene.agent(ecrans.session), maintenant=PLUS_TARD,
    )  # fmt: skip
    ecrans.session.commit()
    ecrans.entrer(ecrans.scene.instructeur)
    brut = ecrans.client.get(f"{LIGNE}/export.csv").content.decode("utf-8-sig")
    entete, *rangees = csv.reader(io.StringIO(brut, newline=""), delimiter=";")
    fort = next(dict(zip(entete, rangee, strict=True)) for rangee in rangees if rangee[1] == ecrans.numero("fort"))
    assert fort["LAN : Maîtrise de la langue, points"] == "3,00"
    assert fort["PLU : Continuité, points"] == ""  # sans objet
    assert fort["Incomplète (fait manquant)"] == "oui"


def test_un_second_lecteur_ne_voit_pas_la_note_qu_il_doit_lire(ecrans: Ecrans) -> None:
    lecteur = un_compte(ecrans.session, Role.EQUIPE_PROJET, contrat=ecrans.scene.contrat)
    demande = ecrans.demande("fort")
    ecrans.session.add(
        SecondeLecture(
            contrat_id=demande.contrat_id, demande_id=demande.id, acteur=lecteur.acteur, demandee_par="c-x",
            demandee_le=PLUS_TARD, criteres=None, rendue_le=None,
        )
    )  # fmt: skip
    ecrans.session.commit()
    ecrans.entrer(lecteur)
    numero = ecrans.numero("fort")
    page = ecrans.lire(LIGNE)
    assert f'value="{numero}"' not in page
    assert "attend</strong>" in page or "votre seconde lecture" in page
    for adresse in (f"{LIGNE}/export.csv", POIDS):
        assert numero not in ecrans.lire(adresse)
    deux = ecrans.lire(ecrans.comparer(numero, ecrans.numero("faible")))
    assert "Vous en devez une seconde lecture" in deux
    assert "Il n’y a pas deux notes à comparer" in deux
    assert "2\u00a0notes parmi les dossiers" in ecrans.lire("/appels/ess-2027/distribution/M2A")


# --- répartition ------------------------------------------------------------------------------------------------------


def test_la_repartition_dit_les_notes_et_ce_que_chaque_critere_departage(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire("/appels/ess-2027/distribution/M2A")
    assert "3\u00a0notes parmi les dossiers" in page
    assert "la moitié des dossiers est entre" in page
    assert "Sature" in page
    assert "Départage" in page
    assert page.count("<title id=") == 2
    assert "sans objet\u00a0: <b>3\u00a0dossiers</b>" in page
    vide = ecrans.lire("/appels/ess-2027/distribution/MULHOUSE")
    assert "Aucune note sur cette ligne" in vide


# --- poids ------------------------------------------------------------------------------------------------------------


def test_les_poids_de_la_grille_redonnent_le_classement(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(POIDS)
    assert "Ce simulateur n’écrit rien" in page
    assert "Ce sont les poids de la grille" in page
    assert "Somme\u00a0: <b>100</b>" in page
    notes = ecrans.session.scalars(select(NoteEnregistree).order_by(NoteEnregistree.id)).all()
    for note in notes:
        if note.demande_id in {ecrans.demande(nom).id for nom in ecrans.dossiers}:
            ecrites = " à ".join(str(b).replace(".", ",").removesuffix(",0") for b in (note.minimum, note.maximum))
            assert f">{ecrites}</td>" in page


def test_un_poids_qui_bouge_dit_qui_change_de_rang_et_n_ecrit_rien(ecrans: Ecrans) -> None:
    avant = ecrans.session.scalar(select(func.count()).select_from(NoteEnregistree))
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"{POIDS}?OBJ=24&QPV=12&moins=QPV")
    assert 'name="QPV" value="11"' in page
    assert "Somme\u00a0: <b>99</b>, pas 100" in page
    assert "ramenées sur 100" in page
    assert "Ceux qui bougent le plus" in page
    assert ecrans.session.scalar(select(func.count()).select_from(NoteEnregistree)) == avant


@pytest.mark.parametrize(
    ("adresse", "phrase"),
    [
        (f"{POIDS}?OBJ=beaucoup", "Écrivez un nombre entier de points, de 0 à 100."),
        (f"{POIDS}?OBJ=101", "Écrivez un nombre entier de points, de 0 à 100."),
        (TOUS_NULS, "Donnez un poids à un critère au moins."),
    ],
)  # fmt: skip
def test_un_poids_refuse_revient_tel_que_tape(ecrans: Ecrans, adresse: str, phrase: str) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(adresse, 422)
    assert phrase in page
    assert f'name="OBJ" value="{adresse.partition("OBJ=")[2].partition("&")[0]}"' in page
    assert "Ce que cela change" not in page


def test_au_dela_de_la_borne_on_le_dit(ecrans: Ecrans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.etapes.notation.pages.poids.NOTES_MAX", 2)
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(POIDS)
    assert "Plus de 2 dossiers notés" in page
    assert "en tâche de fond" in page


def test_seul_qui_prepare_les_grilles_a_le_lien_vers_elles(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    assert "/grilles" not in ecrans.lire(POIDS)
    ecrans.entrer(ecrans.scene.charge)
    assert "/contrats/essai-2024-2030/grilles" in ecrans.lire(POIDS)


def test_un_dossier_hors_de_vue_compte_dans_les_rangs_mais_ne_se_nomme_pas(ecrans: Ecrans) -> None:
    membre = un_compte(ecrans.session, Role.MEMBRE_COMMISSION, contrat=ecrans.scene.contrat)
    fermer_au_compte(
        ecrans.session, ecrans.dossiers["fort"], membre.id, motif="Déport", maintenant=PLUS_TARD - timedelta(days=1)
    )
    ecrans.session.commit()
    ecrans.entrer(membre)
    for adresse in (POIDS, LIGNE, f"{LIGNE}/export.csv"):
        assert ecrans.numero("fort") not in ecrans.lire(adresse)
    ecrans.lire(ecrans.comparer(ecrans.numero("fort"), ecrans.numero("cpo")), 404)
    ecrans.lire(f"/dossiers/{ecrans.numero('fort')}/cout", 404)


# --- deux dossiers ----------------------------------------------------------------------------------------------------


def test_deux_cases_cochees_menent_a_la_comparaison(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    a, b = ecrans.numero("fort"), ecrans.numero("faible")
    reponse = ecrans.client.get(f"/appels/ess-2027/comparer?ligne=M2A&d={a}&d={b}")
    assert reponse.status_code == 303
    page = ecrans.lire(reponse.headers["location"])
    assert "Deux dossiers côte à côte" in page
    assert "=Rallye &lt;emploi&gt;" in page
    assert "<mark>A\u00a0: " in page
    assert "A devant, " in page
    assert "Les mêmes faits des deux côtés." in page


def test_un_fait_manquant_ne_donne_pas_d_ecart_sur(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(ecrans.comparer(ecrans.numero("cpo"), ecrans.numero("fort").lower()))
    assert "l’écart n’est pas encore sûr" in page
    _typer(ecrans, "fort", "cpo")
    ecrans.renoter()
    for nom in ("fort", "cpo"):
        vues = notation.list_lignes_vues(ecrans.session, ecrans.dossiers[nom])
        for code in next(v.note.faits_a_demander for v in vues if v.code == "M2A" and v.note is not None):
            _etablir(ecrans, nom, code, True)
    ecrans.renoter()
    assert "Les deux notes sont égales" in ecrans.lire(ecrans.comparer(ecrans.numero("cpo"), ecrans.numero("fort")))


@pytest.mark.parametrize(
    ("suite", "phrase"),
    [
        ("ligne=M2A&d=ESS-2027-0001", "Cochez deux dossiers, ni plus ni moins"),
        ("ligne=M2A&a=ESS-2027-0001&b=ess-2027-0001 ", "C’est deux fois le même dossier"),
        ("ligne=M2A&a=ESS-2027-0001", "Donnez le numéro de ce dossier."),
        ("ligne=&a=ESS-2027-0001&b=ESS-2027-0002", "Choisissez la ligne de financement."),
        ("ligne=MULHOUSE&a=ESS-2027-0001&b=ESS-2027-0002", "ne demandent rien à cette ligne."),
    ],
)
def test_un_mauvais_choix_se_dit_a_cote_du_champ(ecrans: Ecrans, suite: str, phrase: str) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"/appels/ess-2027/comparer?{suite}", 422)
    assert phrase in page
    if "MULHOUSE" in suite:
        assert "Comparer pour m2A" in page


def test_un_dossier_inconnu_ou_d_un_autre_appel_n_existe_pas(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    ecrans.lire(ecrans.comparer(ecrans.numero("fort"), "ESS-2027-9999"), 404)
    ecrans.lire(ecrans.comparer(ecrans.numero("fort"), ecrans.numero("cpo"), "INCONNUE"), 404)


# --- coût -------------------------------------------------------------------------------------------------------------


def _etablir(ecrans: Ecrans, nom: str, code: str, valeur: str | bool) -> None:
    notation.etablir_fait(
        ecrans.session, ecrans.numero(nom), code, valeur, motif="", acteur=ecrans.scene.agent(ecrans.session),
        maintenant=PLUS_TARD,
    )  # fmt: skip
    ecrans.session.commit()


def _typer(ecrans: Ecrans, *noms: str) -> None:
    for nom in noms:
        _etablir(ecrans, nom, "type_action", "lien_social")


def test_le_cout_dit_pourquoi_il_n_y_a_rien_a_comparer(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    adresse = f"/dossiers/{ecrans.numero('fort')}/cout"
    assert "Le type d’action n’est pas établi" in ecrans.lire(adresse)
    _typer(ecrans, "fort")
    notation.noter_dossier(ecrans.session, ecrans.dossiers["fort"].id, acteur="service", maintenant=PLUS_TARD)
    ecrans.session.commit()
    assert "La recevabilité n’est pas close" in ecrans.lire(adresse)
    ecrans.renoter(lien_social=Mediane(Fraction(10_000), 3))
    page = ecrans.lire(adresse)
    assert "Trop peu de dossiers comparables" in page
    assert "Il y en a 3\u202f; il en faut 8." in page


def test_le_cout_place_le_dossier_parmi_ses_comparables(ecrans: Ecrans) -> None:
    _typer(ecrans, "fort", "faible")
    ecrans.renoter(lien_social=Mediane(Fraction(10_000), 9))
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"/dossiers/{ecrans.numero('fort')}/cout")
    assert "fois la médiane</strong>" in page
    assert "1,5 ×" in page
    assert "1\u00a0autre dossier du même type" in page
    assert "Jardin partagé" in page
    assert "Atelier vélo" not in page  # son type n'est pas établi


def test_un_dossier_jamais_note_n_a_pas_de_cout(ecrans: Ecrans) -> None:
    neuf = un_dossier(ecrans.session, ecrans.scene)
    ecrans.session.commit()
    ecrans.entrer(ecrans.scene.instructeur)
    assert "n’a pas encore été noté" in ecrans.lire(f"/dossiers/{neuf.numero}/cout")


# --- du motif au contrat ----------------------------------------------------------------------------------------------


def test_la_source_d_un_critere_mene_au_contrat(ecrans: Ecrans) -> None:
    ecrans.entrer(ecrans.scene.instructeur)
    numero = ecrans.numero("fort")
    assert f'href="/dossiers/{numero}/passage?lignes=191"' in ecrans.lire(f"/dossiers/{numero}/notes/M2A")
    for lignes in ("191", "", "9-1", "n'importe"):
        reponse = ecrans.client.get(f"/dossiers/{numero}/passage", params={"lignes": lignes})
        assert reponse.status_code == 303
        assert reponse.headers["location"].startswith("/contrats/essai-2024-2030")


def test_une_autre_organisation_se_retrouve_par_son_nom_accentue(ecrans: Ecrans) -> None:
    autre = une_organisation(ecrans.session, rang=2)
    autre.nom = "Les Écoliers réunis"
    dossier = ecrans.dossiers["cpo"]
    dossier.organisation_id = autre.id
    dossier.recherche += " les ecoliers reunis"
    ecrans.session.commit()
    ecrans.entrer(ecrans.scene.instructeur)
    page = ecrans.lire(f"{LIGNE}?porteur=écol")
    assert ecrans.numero("cpo") in page
    assert ecrans.numero("fort") not in page
