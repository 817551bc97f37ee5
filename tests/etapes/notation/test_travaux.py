"""Les travaux de fond : renoter un appel, essayer une grille ; l'avancée, la reprise, un seul à la fois."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Demande
from app.etapes.notation import service, tasks
from app.etapes.notation.models import Ajustement, NoteEnregistree, SecondeLecture, TravailNotation
from app.etapes.notation.repository import travaux
from app.etapes.notation.rules.travaux import EtatTravail, NatureTravail
from app.etapes.notation.service import travaux as service_travaux
from app.infra.config import Config
from app.infra.jobs import Atelier
from app.infra.journal.models import JournalEntree
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleBrouillon
from app.referentiels.grilles.rules import GrilleInvalide, grille_depuis_donnees
from app.referentiels.grilles.rules.brouillon import EtatBrouillon
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, completer_le_contrat, un_dossier, une_scene
from tests.factories import identite, un_appel, un_compte, un_contrat
from tests.referentiels.grilles.decor import des_donnees, ne_garder_que_trois_lignes, poids, trois_lignes

DEMAIN = PLUS_TARD + timedelta(days=1)


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[sessionmaker[Session]]:
    with fabrique_de(base_propre) as fabrique:
        yield fabrique


@pytest.fixture
def scene(fabrique: sessionmaker[Session]) -> Scene:
    with fabrique.begin() as session:
        scene = une_scene(session, grille=trois_lignes())
        completer_le_contrat(session, scene.contrat)
        for beneficiaires in (48, 10, 30):
            un_dossier(session, scene, beneficiaires_qpv=beneficiaires)
    return scene


@pytest.fixture
def atelier(fabrique: sessionmaker[Session], config_essai: Config) -> Atelier:
    return Atelier(config_essai, fabrique)


def trois() -> Any:
    """Les données de la grille de la scène."""
    donnees = des_donnees()
    ne_garder_que_trois_lignes(donnees)
    return donnees


def charge(session: Session, scene: Scene) -> Any:
    return identite(session, session.merge(scene.charge))


def un_brouillon(session: Session, scene: Scene, version: str = "2028.0", **ligne: int) -> GrilleBrouillon:
    """Un brouillon de la grille de la scène ; `ligne` : des poids de m2A changés."""
    qui = {"acteur": charge(session, scene), "maintenant": PLUS_TARD}
    origine = session.merge(scene.contrat.grille)
    brouillon = grilles.preparer(session, origine, version=version, **qui)
    if ligne:
        donnees = trois() | {"version": version}
        poids(donnees, 1, **ligne)
        grilles.modifier(session, scene.contrat.id, version, grille_depuis_donnees(donnees), revision=1, **qui)
    return brouillon


def compter(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(NoteEnregistree)) or 0


def actes(session: Session) -> list[str]:
    return list(session.scalars(select(JournalEntree.acte).order_by(JournalEntree.rang)))


# --- renoter --------------------------------------------------------------------------------------------------------


def test_renoter_avance_par_lots_puis_finit(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_travaux, "noter_appel", petits_lots(service_travaux.noter_appel))
    with fabrique.begin() as session:
        travail = service.demander_renotation(
            session, scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD
        )
        assert (travail.etat, travail.total, travail.faits) == (EtatTravail.EN_ATTENTE, 0, 0)
        cle = travail.appel_id
    suivi = []
    apres: int | None = 0
    while apres is not None:
        with fabrique.begin() as session:
            apres = service.avancer_renotation(session, cle, apres=apres, maintenant=DEMAIN)
        with fabrique() as session:
            vu = travaux.get_derniere_renotation(session, cle)
            assert vu is not None
            suivi.append((vu.etat.value, vu.faits, vu.total))
    assert suivi == [("en_cours", 1, 3), ("en_cours", 2, 3), ("en_cours", 3, 3), ("fini", 3, 3)]
    with fabrique() as session:
        assert compter(session) == 6
        assert "appel.renotation_demandee" in actes(session)
        assert service.avancer_renotation(session, cle, apres=0, maintenant=DEMAIN) is None


def petits_lots(noter: Any) -> Any:
    return lambda *args, **options: noter(*args, **options, taille=1)


def test_une_renotation_interrompue_repart_du_debut_sans_noter_deux_fois(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fabrique.begin() as session:
        service.demander_renotation(session, scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD)
    with monkeypatch.context() as remplace:
        remplace.setattr(service_travaux, "noter_appel", petits_lots(service_travaux.noter_appel))
        with fabrique.begin() as session:
            assert service.avancer_renotation(session, scene.appel.id, apres=0, maintenant=DEMAIN)
    tasks.noter_appel(atelier, maintenant=DEMAIN, appel_id=scene.appel.id)  # le worker d'avant est mort ici
    tasks.noter_appel(atelier, maintenant=DEMAIN, appel_id=scene.appel.id)  # rejouée une fois finie
    with fabrique() as session:
        vu = travaux.get_derniere_renotation(session, scene.appel.id)
        assert vu is not None
        assert (vu.etat, vu.faits, vu.total, vu.fini_le) == (EtatTravail.FINI, 3, 3, DEMAIN)
        assert compter(session) == 6
        assert session.scalar(select(func.max(NoteEnregistree.rang))) == 1


def test_un_seul_travail_de_renotation_par_appel_relance_apres_une_heure(
    fabrique: sessionmaker[Session], scene: Scene
) -> None:
    with fabrique.begin() as session:
        qui = charge(session, scene)
        premier = service.demander_renotation(session, scene.appel.code, acteur=qui, maintenant=PLUS_TARD)
        with pytest.raises(ActeImpossible, match="déjà en train"):
            service.demander_renotation(session, scene.appel.code, acteur=qui, maintenant=PLUS_TARD)
        relance = service.demander_renotation(session, scene.appel.code, acteur=qui, maintenant=DEMAIN)
        assert relance.id == premier.id
        assert relance.demande_le == DEMAIN


def test_une_demande_pendant_une_renotation_la_fait_repartir_du_debut(
    fabrique: sessionmaker[Session], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """La clôture fige les médianes pendant qu'un appel se renote : les dossiers déjà notés le sont de nouveau."""
    monkeypatch.setattr(service_travaux, "noter_appel", petits_lots(service_travaux.noter_appel))
    with fabrique.begin() as session:
        service.demander_renotation(session, scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD)
        apres = service.avancer_renotation(session, scene.appel.id, apres=0, maintenant=PLUS_TARD)
        service.clore_recevabilite(session, scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD)
        travail = travaux.get_ouvert(session, scene.appel.id, NatureTravail.RENOTER)
        assert travail is not None
        assert (travail.etat, travail.faits) == (EtatTravail.EN_ATTENTE, 0)
        assert service.avancer_renotation(session, scene.appel.id, apres=apres or 0, maintenant=PLUS_TARD) == apres
        assert session.scalar(select(func.count()).select_from(TravailNotation)) == 1


def test_qui_fait_renoter_et_quand(fabrique: sessionmaker[Session], scene: Scene) -> None:
    with fabrique.begin() as session:
        with pytest.raises(ActeInterdit):
            service.demander_renotation(session, scene.appel.code, acteur=scene.agent(session), maintenant=PLUS_TARD)
        with pytest.raises(Introuvable):
            service.demander_renotation(session, "nulle-part", acteur=charge(session, scene), maintenant=PLUS_TARD)
        appel = session.merge(scene.appel)
        appel.etat = EtatAppel.PREPARE
        with pytest.raises(ActeImpossible, match="aucun dossier"):
            service.demander_renotation(session, appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD)


def test_une_renotation_impossible_se_clot_avec_sa_raison(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuser(*_: Any, **__: Any) -> None:
        raise grilles.GrilleIllisible("La grille 2027.0 a été altérée : rien n’est noté avec elle.")

    with fabrique.begin() as session:
        service.demander_renotation(session, scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD)
    monkeypatch.setattr(service_travaux, "noter_appel", refuser)
    with pytest.raises(grilles.GrilleIllisible):
        tasks.noter_appel(atelier, maintenant=DEMAIN, appel_id=scene.appel.id)
    with fabrique.begin() as session:
        vu = travaux.get_derniere_renotation(session, scene.appel.id)
        assert vu is not None
        assert vu.etat is EtatTravail.FINI
        assert "altérée" in str(vu.resultat)
        service.interrompre_renotation(session, scene.appel.id, "rien d’ouvert", maintenant=DEMAIN)
        assert "altérée" in str(vu.resultat)


# --- essayer --------------------------------------------------------------------------------------------------------


def test_un_essai_garde_son_effet_sans_ecrire_de_note(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier
) -> None:
    with fabrique.begin() as session:
        brouillon = un_brouillon(session, scene, QPV=0, LAN=17)
        essai = service.demander_essai(
            session, scene.contrat.id, "2028.0", scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD
        )
        cle, brouillon_id, empreinte = essai.id, brouillon.id, brouillon.empreinte
        encore = service.demander_essai(
            session, scene.contrat.id, "2028.0", scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD
        )
        assert encore.id == cle, "un double clic n'en lance qu'un"
        assert not travaux.a_un_essai(session, brouillon_id, empreinte)
    tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    with fabrique() as session:
        (vu,) = travaux.list_essais(session, brouillon_id)
        assert (vu.etat, vu.faits, vu.total, vu.contre, vu.est_fini) == (
            EtatTravail.FINI,
            3,
            3,
            scene.contrat.grille.version,
            True,
        )
        m2a = next(ligne for ligne in vu.resume if ligne["ligne"] == "M2A")
        assert (m2a["dossiers"], m2a["descendent"]) == (3, m2a["bougent"])
        assert m2a["bougent"] > 0
        assert sum(m2a["avant"]) == sum(m2a["apres"]) == 3
        tous = travaux.page_effet(session, cle, "M2A", debut=0, taille=50)
        assert len(tous) == m2a["touches"]
        assert travaux.page_effet(session, cle, "M2A", debut=1, taille=1) == tous[1:2]
        assert travaux.page_effet(session, cle, "M2A", debut=9, taille=5) == []
        assert travaux.a_un_essai(session, brouillon_id, empreinte)
        assert travaux.list_essais(session, brouillon_id, "autre-appel") == []
        assert compter(session) == 0
        assert "grille.essai_demande" in actes(session)


def test_un_essai_interrompu_recommence_et_garde_le_meme_effet(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparer = service_travaux.comparer_lot
    with fabrique.begin() as session:
        brouillon_id = un_brouillon(session, scene, QPV=0, LAN=17).id
        cle = service.demander_essai(
            session, scene.contrat.id, "2028.0", scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD
        ).id
    monkeypatch.setattr(service_travaux, "comparer_lot", lambda *a, **o: comparer(*a, **o, taille=2))
    with fabrique.begin() as session:
        grille = service.commencer_essai(session, cle, maintenant=DEMAIN)
        assert grille is not None
        service.avancer_essai(session, cle, grille, apres=0)  # le worker meurt ici
        (vu,) = travaux.list_essais(session, brouillon_id)
        assert (vu.etat, vu.faits, vu.total) == (EtatTravail.EN_COURS, 2, 3)
    tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    with fabrique() as session:
        (vu,) = travaux.list_essais(session, brouillon_id)
        assert (vu.etat, vu.faits, vu.total) == (EtatTravail.FINI, 3, 3)
        assert {ligne["dossiers"] for ligne in vu.resume} == {3}


def test_un_essai_d_une_grille_changee_entre_temps_ne_compare_rien(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier
) -> None:
    with fabrique.begin() as session:
        brouillon = un_brouillon(session, scene, QPV=0, LAN=17)
        qui = {"acteur": charge(session, scene), "maintenant": PLUS_TARD}
        essai = service.demander_essai(session, scene.contrat.id, "2028.0", scene.appel.code, **qui)
        donnees = trois() | {"version": "2028.0"}
        grilles.modifier(
            session, scene.contrat.id, "2028.0", grille_depuis_donnees(donnees), revision=brouillon.revision, **qui
        )
        cle, brouillon_id = essai.id, brouillon.id
    tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    with fabrique() as session:
        (vu,) = travaux.list_essais(session, brouillon_id, scene.appel.code)
        assert not vu.est_fini
        assert vu.raison == service_travaux.PERIMEE


def test_un_essai_impossible_se_clot_avec_sa_raison(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuser(*_: Any, **__: Any) -> None:
        raise grilles.GrilleIllisible("La grille de l’appel a été altérée.")

    with fabrique.begin() as session:
        brouillon_id = un_brouillon(session, scene, QPV=0, LAN=17).id
        cle = service.demander_essai(
            session, scene.contrat.id, "2028.0", scene.appel.code, acteur=charge(session, scene), maintenant=PLUS_TARD
        ).id
    monkeypatch.setattr(service_travaux, "comparer_lot", refuser)
    with pytest.raises(grilles.GrilleIllisible):
        tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    with fabrique.begin() as session:
        service.ranger_essai(session, cle, trois_lignes(), [], maintenant=DEMAIN)
        service.interrompre_essai(session, cle, "autre raison", maintenant=DEMAIN)
        (vu,) = travaux.list_essais(session, brouillon_id)
        assert vu.raison == "La grille de l’appel a été altérée."


def test_un_essai_se_fait_sur_un_appel_du_contrat_qui_a_des_dossiers(
    fabrique: sessionmaker[Session], scene: Scene
) -> None:
    with fabrique.begin() as session:
        un_brouillon(session, scene)
        qui = {"acteur": charge(session, scene), "maintenant": PLUS_TARD}
        with pytest.raises(SaisieInvalide) as refus:
            service.demander_essai(session, scene.contrat.id, "2028.0", "autre", **qui)
        assert refus.value.fautes[0].champ == "appel"
        vide = un_appel(session, scene.contrat, code="ess-2028", annee=2028)
        with pytest.raises(SaisieInvalide) as refus:
            service.demander_essai(session, scene.contrat.id, "2028.0", vide.code, **qui)
        assert refus.value.fautes[0].code == "appel_vide"


# --- adopter --------------------------------------------------------------------------------------------------------


def test_une_grille_ne_s_adopte_qu_essayee_telle_quelle_s_il_y_a_des_notes(
    fabrique: sessionmaker[Session], scene: Scene, atelier: Atelier
) -> None:
    with fabrique.begin() as session:
        qui = {"acteur": charge(session, scene), "maintenant": PLUS_TARD}
        service.noter_appel(session, scene.appel, acteur="x", maintenant=PLUS_TARD)
        un_brouillon(session, scene)
        with pytest.raises(ActeImpossible, match="ne change rien"):
            service.adopter(session, scene.contrat.id, "2028.0", revision=1, **qui)
        un_brouillon(session, scene, "2028.1", QPV=0, LAN=17)
        with pytest.raises(ActeImpossible, match="Essayez d’abord") as refus:
            service.adopter(session, scene.contrat.id, "2028.1", revision=2, **qui)
        assert refus.value.code == "essai_attendu"
        cle = service.demander_essai(session, scene.contrat.id, "2028.1", scene.appel.code, **qui).id
    tasks.essayer_grille(atelier, maintenant=DEMAIN, travail_id=cle)
    with fabrique.begin() as session:
        adoptee = service.adopter(session, scene.contrat.id, "2028.1", revision=2, **qui)
        assert dict(grilles.lire(session, adoptee.id).lignes[1].poids)["QPV"] == 0
        with pytest.raises(ActeImpossible, match="adoptée"):
            service.adopter(session, scene.contrat.id, "2028.1", revision=2, **qui)


def test_sans_aucune_note_une_grille_changee_s_adopte_sans_essai(fabrique: sessionmaker[Session], scene: Scene) -> None:
    with fabrique.begin() as session:
        brouillon = un_brouillon(session, scene, QPV=0, LAN=17)
        adoptee = service.adopter(
            session, scene.contrat.id, "2028.0", revision=2, acteur=charge(session, scene), maintenant=PLUS_TARD
        )
        assert (brouillon.etat, brouillon.grille_id) == (EtatBrouillon.ADOPTE, adoptee.id)
    with fabrique() as session:
        assert {"grille.brouillon_prepare", "grille.brouillon_modifie", "grille.adoptee"} <= set(actes(session))


def sans_continuite(version: str) -> Any:
    donnees = trois() | {"version": version}
    donnees["criteres"] = [c for c in donnees["criteres"] if c["code"] != "PLU"]
    donnees["sans_objet"] = [s for s in donnees["sans_objet"] if s["critere"] != "PLU"]
    for ligne in donnees["lignes"]:
        ligne["poids"]["OBJ"] += ligne["poids"].pop("PLU")
    return grille_depuis_donnees(donnees)


def test_un_critere_retire_dont_des_personnes_se_servent_bloque_l_adoption(
    fabrique: sessionmaker[Session], scene: Scene
) -> None:
    with fabrique.begin() as session:
        qui = {"acteur": charge(session, scene), "maintenant": PLUS_TARD}
        un_brouillon(session, scene)
        grilles.modifier(session, scene.contrat.id, "2028.0", sans_continuite("2028.0"), revision=1, **qui)
        demandes = [d for d, _ in _demandes(session)]
        commun = {"contrat_id": scene.contrat.id, "acteur": "c-x", "a": PLUS_TARD}
        for demande, taux in ((demandes[0], 50), (demandes[0], None), (demandes[1], 50)):
            session.add(Ajustement(demande_id=demande, critere="PLU", taux_pour_cent=taux, motif="vu", **commun))
            session.flush()
        session.add(
            SecondeLecture(
                contrat_id=scene.contrat.id, demande_id=demandes[2], acteur="c-y", demandee_par="c-x",
                demandee_le=PLUS_TARD, criteres={"PLU": {"taux": 50, "motif": "x"}}, rendue_le=PLUS_TARD,
            )
        )  # fmt: skip
        session.flush()
        with pytest.raises(GrilleInvalide) as refus:
            service.adopter(session, scene.contrat.id, "2028.0", revision=2, **qui)
        assert [f.champ for f in refus.value.fautes] == ["criteres.PLU", "criteres.PLU"]
        assert "1 ajustement dans «" in refus.value.fautes[0].message
        assert "1 seconde lecture dans «" in refus.value.fautes[1].message
        session.merge(scene.appel).etat = EtatAppel.ARRETE
        session.flush()
        assert service.adopter(session, scene.contrat.id, "2028.0", revision=2, **qui).version == "2028.0"


def _demandes(session: Session) -> Any:
    return session.execute(select(Demande.id, Demande.dossier_id).order_by(Demande.id)).all()


# --- brouillons -----------------------------------------------------------------------------------------------------


def test_un_brouillon_se_change_par_compare_et_echange(session: Session) -> None:
    scene = une_scene(session, grille=trois_lignes())
    qui = {"acteur": identite(session, scene.charge), "maintenant": PLUS_TARD}
    brouillon = un_brouillon(session, scene, QPV=0, LAN=17)
    assert brouillon.revision == 2
    avant = grilles.grille_du_brouillon(brouillon)
    assert grilles.modifier(session, scene.contrat.id, "2028.0", avant, revision=1, **qui).revision == 2
    autre = replace(avant, intitule="Autre")
    with pytest.raises(VersionPerimee, match="entre-temps"):
        grilles.modifier(session, scene.contrat.id, "2028.0", autre, revision=1, **qui)
    assert grilles.modifier(session, scene.contrat.id, "2028.0", autre, revision=2, **qui).revision == 3


def test_une_grille_invalide_n_est_jamais_enregistree(session: Session) -> None:
    scene = une_scene(session, grille=trois_lignes())
    qui = {"acteur": identite(session, scene.charge), "maintenant": PLUS_TARD}
    un_brouillon(session, scene)
    for changer, champ in (
        (lambda d: poids(d, 1, QPV=13), "lignes.1.poids"),
        (lambda d: d.update(version="2029"), "version"),
    ):
        donnees = trois() | {"version": "2028.0"}
        changer(donnees)
        with pytest.raises(GrilleInvalide) as refus:
            grilles.modifier(session, scene.contrat.id, "2028.0", grille_depuis_donnees(donnees), revision=1, **qui)
        assert refus.value.fautes[0].champ == champ


def test_une_ligne_que_le_contrat_n_a_pas_est_refusee(session: Session) -> None:
    scene = une_scene(session, grille=trois_lignes())
    un_brouillon(session, scene)
    entiere = grille_depuis_donnees(des_donnees() | {"version": "2028.0"})
    with pytest.raises(GrilleInvalide) as refus:
        grilles.modifier(
            session, scene.contrat.id, "2028.0", entiere, revision=1, acteur=identite(session, scene.charge),
            maintenant=PLUS_TARD,
        )  # fmt: skip
    assert [f.champ for f in refus.value.fautes] == ["lignes.3.code", "lignes.4.code"]


def test_seul_le_charge_de_mission_prepare_abandonne_et_adopte(session: Session) -> None:
    scene = une_scene(session, grille=trois_lignes())
    charge_, agent = identite(session, scene.charge), scene.agent(session)
    with pytest.raises(ActeInterdit):
        grilles.preparer(session, scene.contrat.grille, version="2028.0", acteur=agent, maintenant=PLUS_TARD)
    un_brouillon(session, scene)
    voisin = un_contrat(session, code="voisin-2024-2030", prefixe="VOI")
    etranger = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=voisin))
    for acteur in (agent, etranger):
        with pytest.raises(ActeInterdit):
            grilles.abandonner(session, scene.contrat.id, "2028.0", acteur=acteur, maintenant=PLUS_TARD)
        with pytest.raises(ActeInterdit):
            service.adopter(session, scene.contrat.id, "2028.0", revision=1, acteur=acteur, maintenant=PLUS_TARD)
    with pytest.raises(Introuvable):
        grilles.abandonner(session, scene.contrat.id, "2030", acteur=charge_, maintenant=PLUS_TARD)


def test_un_numero_ne_sert_qu_une_fois_puis_se_libere_si_on_abandonne(session: Session) -> None:
    scene = une_scene(session, grille=trois_lignes())
    qui = {"acteur": identite(session, scene.charge), "maintenant": PLUS_TARD}
    un_brouillon(session, scene)
    for pris in ("2028.0", scene.contrat.grille.version):
        with pytest.raises(SaisieInvalide, match="erreurs") as refus:
            grilles.preparer(session, scene.contrat.grille, version=pris, **qui)
        assert refus.value.fautes[0].code == "version_prise"
    abandonne = grilles.abandonner(session, scene.contrat.id, "2028.0", **qui)
    assert abandonne.etat is EtatBrouillon.ABANDONNE
    with pytest.raises(ActeImpossible, match="abandonnée"):
        grilles.abandonner(session, scene.contrat.id, "2028.0", **qui)
    neuf = un_brouillon(session, scene)
    assert neuf.id != abandonne.id
