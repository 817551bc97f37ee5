"""Les deux automates : ce qu'ils permettent, à qui, et ce que chacun en lit."""

from __future__ import annotations

import pytest

from app.etapes.dossier.rules.etats import (
    AVANT_DECISION,
    FINALES,
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    TRANSITIONS,
    TRANSITIONS_DEMANDE,
    EtatDemande,
    EtatDossier,
    Public,
    actes_possibles,
    actes_possibles_demande,
    avancement,
    transition,
    transition_demande,
)
from app.noyau.roles import Role


def test_chaque_etat_a_un_libelle_par_public() -> None:
    assert set(LIBELLES_DOSSIER) == set(EtatDossier)
    assert set(LIBELLES_DEMANDE) == set(EtatDemande)
    for libelle in (*LIBELLES_DOSSIER.values(), *LIBELLES_DEMANDE.values()):
        assert libelle.pour(Public.PORTEUR)
        assert libelle.pour(Public.AGENT)


def test_le_porteur_ne_lit_pas_l_arbitrage_en_cours() -> None:
    cachees = {LIBELLES_DEMANDE[e].porteur for e in (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)}
    assert cachees == {LIBELLES_DEMANDE[EtatDemande.EN_INSTRUCTION].porteur}


def test_le_porteur_ne_lit_pas_le_vote_avant_la_notification() -> None:
    avant = {EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU, EtatDemande.DECIDEE, EtatDemande.REFUSEE}
    assert {LIBELLES_DEMANDE[e].porteur for e in avant} == {"Décision à venir"}


def test_les_actes_ont_des_noms_uniques() -> None:
    for table in (TRANSITIONS, TRANSITIONS_DEMANDE):
        noms = [t.acte for t in table]
        assert len(noms) == len(set(noms))


def test_tout_etat_de_demande_se_quitte_ou_est_final() -> None:
    quittes = {etat for t in TRANSITIONS_DEMANDE for etat in t.depuis}
    retirables = AVANT_DECISION  # le retrait du dossier emporte ses demandes en cours
    assert set(EtatDemande) == quittes | FINALES | retirables
    atteints = {t.vers for t in TRANSITIONS_DEMANDE} | {EtatDemande.OUVERTE, EtatDemande.RETIREE}
    assert atteints == set(EtatDemande)


def test_tout_etat_de_dossier_est_atteint() -> None:
    assert {t.vers for t in TRANSITIONS} | {EtatDossier.BROUILLON} == set(EtatDossier)


def test_une_decision_ne_se_defait_pas_par_un_retrait() -> None:
    assert not {EtatDemande.DECIDEE, EtatDemande.NOTIFIEE} & AVANT_DECISION


def test_les_actes_se_retrouvent_par_leur_nom() -> None:
    assert transition("deposer").vers is EtatDossier.DEPOSE
    assert transition_demande("proposer").vers is EtatDemande.PROPOSEE
    with pytest.raises(KeyError):
        transition("voler")
    with pytest.raises(KeyError):
        transition_demande("voler")


def test_seul_le_signataire_signe() -> None:
    signataire = actes_possibles(EtatDossier.A_SIGNER, frozenset({Role.SIGNATAIRE}))
    redacteur = actes_possibles(EtatDossier.A_SIGNER, frozenset({Role.REDACTEUR}))
    assert "signer" in {t.acte for t in signataire}
    assert "signer" not in {t.acte for t in redacteur}
    assert actes_possibles(EtatDossier.CLOS, frozenset(Role)) == ()


def test_l_instructeur_propose_et_l_autorite_arbitre() -> None:
    instructeur = {t.acte for t in actes_possibles_demande(EtatDemande.PROPOSEE, frozenset({Role.INSTRUCTEUR}))}
    elu = {t.acte for t in actes_possibles_demande(EtatDemande.PROPOSEE, frozenset({Role.ELU_LIGNE}))}
    assert "proposer" in instructeur
    assert "arbitrer" not in instructeur
    assert elu == {"arbitrer"}


@pytest.mark.parametrize(
    ("etats", "phrase"),
    [
        ([EtatDemande.OUVERTE], "À vérifier"),
        ([EtatDemande.OUVERTE, EtatDemande.OUVERTE], "À vérifier"),
        ([EtatDemande.HORS_CHAMP, EtatDemande.OUVERTE, EtatDemande.OUVERTE], "À vérifier ×2 · Hors champ"),
        ([], ""),
    ],
)
def test_l_avancement_se_deduit_des_demandes(etats: list[EtatDemande], phrase: str) -> None:
    assert avancement(etats, Public.AGENT) == phrase


def test_l_avancement_du_porteur_parle_sa_langue() -> None:
    etats = [EtatDemande.PROPOSEE, EtatDemande.EN_INSTRUCTION]
    assert avancement(etats, Public.PORTEUR) == "En cours d’étude"
