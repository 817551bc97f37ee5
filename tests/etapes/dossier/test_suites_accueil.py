"""Les actions suivantes du chargé de mission, d'après l'état de son appel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.espaces.accueil.suites import Depot, SeanceEnVue, Situation, depot_a_dire, suites
from app.etapes.appel.rules import EtatAppel

OUVERTURE = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
CLOTURE = datetime(2026, 12, 11, 17, 0, tzinfo=UTC)
PHASE = Depot("Phase 1", OUVERTURE, CLOTURE)
SUITE = Depot("Phase 2", CLOTURE + timedelta(days=90), CLOTURE + timedelta(days=120))
CALME = Situation(
    appel="ess-2027", etat=EtatAppel.OUVERT, depots=[PHASE], maintenant=OUVERTURE, sans_enveloppe=(), votables=0,
    seance=None, a_arreter=(), reste_a_voir=True,
)  # fmt: skip


def titres(situation: Situation) -> list[str]:
    return [s.titre for s in suites(situation)]


def test_un_appel_ouvert_ou_l_on_depose_n_attend_rien() -> None:
    assert titres(CALME) == []


def test_un_appel_prepare_attend_ses_enveloppes_puis_son_ouverture() -> None:
    prepare = replace(CALME, etat=EtatAppel.PREPARE, sans_enveloppe=("m2A", "État"))
    assert titres(prepare) == ["Donner les enveloppes qui manquent", "Ouvrir l’appel"]
    assert "m2A, État" in suites(prepare)[0].detail


def test_un_appel_se_clot_des_l_instant_ou_sa_derniere_phase_finit() -> None:
    avant, apres = CLOTURE - timedelta(seconds=1), CLOTURE
    assert titres(replace(CALME, maintenant=avant)) == []
    (clore,) = suites(replace(CALME, maintenant=apres))
    assert (clore.titre, clore.urgent, clore.url) == ("Clore l’appel", True, "/campagne/ess-2027")
    assert titres(replace(CALME, maintenant=apres, depots=[PHASE, SUITE])) == [], "une phase vient encore"
    assert titres(replace(CALME, maintenant=apres, etat=EtatAppel.CLOS)) == []


def test_des_montants_proposes_attendent_une_seance_convoquee() -> None:
    proposes = replace(CALME, votables=1)
    assert suites(proposes)[0].detail == "1 dossier proposé ou arbitré attend un vote."
    assert "2 dossiers proposés ou arbitrés attendent" in suites(replace(proposes, votables=2))[0].detail
    a_convoquer = replace(proposes, seance=SeanceEnVue("ess-2027-s1", CLOTURE, est_convoquee=False))
    assert [(s.titre, s.url) for s in suites(a_convoquer)] == [("Convoquer la commission", "/seances/ess-2027-s1")]
    assert titres(replace(proposes, seance=SeanceEnVue("ess-2027-s1", CLOTURE, est_convoquee=True))) == []


def test_les_lignes_votees_s_arretent_puis_l_appel() -> None:
    clos = replace(CALME, etat=EtatAppel.CLOS, maintenant=CLOTURE)
    assert titres(replace(clos, a_arreter=("État",))) == ["Faire arrêter les lignes votées"]
    assert titres(replace(clos, reste_a_voir=False)) == ["Arrêter la programmation de l’appel"]
    assert titres(clos) == []
    assert titres(replace(CALME, reste_a_voir=False)) == [], "un appel encore ouvert ne s'arrête pas"


def test_la_date_dite_est_celle_qui_vient() -> None:
    assert depot_a_dire([SUITE, PHASE], OUVERTURE) == PHASE
    assert depot_a_dire([SUITE, PHASE], CLOTURE) == SUITE
    assert depot_a_dire([SUITE, PHASE], CLOTURE + timedelta(days=200)) == SUITE
    assert depot_a_dire([], OUVERTURE) is None
