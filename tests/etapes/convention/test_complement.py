"""Un complément sans réponse fait attendre l'arrêté et la décision jusqu'à son échéance, pas au-delà."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.convention.repository import get_demande_lue
from app.etapes.convention.rules import DecisionDite
from app.etapes.convention.service import decision
from app.etapes.convention.service.arret import arreter_ligne
from app.etapes.dossier.models import DemandeComplement
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens, etat_du_complement
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.service import depot, recevabilite, vie
from app.noyau.erreurs import ActeImpossible
from app.noyau.roles import Role
from tests.etapes.commission.aide_seance import Campagne, la_demande, une_campagne
from tests.etapes.convention.aide_decision import (
    APRES,
    accorde,
    arreter,
    compte_de_ligne,
    de_la_ligne,
    refuse,
    voter_tout,
)
from tests.factories import connecter, identite, un_compte

ECHEANCE = APRES + timedelta(days=10)
JUSTE_AVANT = ECHEANCE - timedelta(microseconds=1)
NON_RECU = "complément non reçu dans le délai"


@pytest.fixture
def votee(session: Session) -> Campagne:
    campagne = une_campagne(session)
    voter_tout(session, campagne)
    return campagne


def demander(session: Session, campagne: Campagne, ligne: str = "", rang: int = 0) -> DemandeComplement:
    """Un complément que la ligne M2A demande au porteur."""
    return recevabilite.demander_complement(
        session, numero(campagne, rang), objet="RIB", pourquoi="Illisible.", echeance_le=ECHEANCE, ligne=ligne,
        acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES,
    )  # fmt: skip


def numero(campagne: Campagne, rang: int = 0) -> str:
    return str(campagne.dossiers[rang].numero)


# -- la règle


@pytest.mark.parametrize(
    ("recue", "maintenant", "attendu"),
    [
        (None, JUSTE_AVANT, EtatComplement.ATTENDU),
        (None, ECHEANCE, EtatComplement.NON_RECU),
        (JUSTE_AVANT, ECHEANCE, EtatComplement.RECU),
        (ECHEANCE, ECHEANCE, EtatComplement.RECU_TARD),
    ],
)
def test_l_echeance_est_un_intervalle_ouvert_a_droite(recue: object, maintenant: object, attendu: object) -> None:
    assert etat_du_complement(ECHEANCE, recue, maintenant) is attendu  # type: ignore[arg-type]


def test_sans_complement_rien_n_est_en_suspens() -> None:
    assert complement_en_suspens(None, APRES) is None
    assert complement_en_suspens(ECHEANCE, APRES) is EtatComplement.ATTENDU
    assert [e.libelle for e in EtatComplement] == [
        "complément attendu", NON_RECU, "complément reçu", "complément reçu après l’échéance",
    ]  # fmt: skip


# -- les actes


def test_l_arrete_attend_l_echeance_et_se_prend_a_l_echeance_pile(session: Session, votee: Campagne) -> None:
    demander(session, votee)
    for instant in (ECHEANCE - timedelta(days=1), JUSTE_AVANT):
        with pytest.raises(ActeImpossible) as refus:
            arreter_ligne(
                session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=instant
            )
        assert refus.value.code == "complement_attendu"
    arrete = arreter_ligne(
        session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=ECHEANCE
    )
    assert arrete.nombre == 2


@pytest.mark.parametrize(
    ("dite", "etat"), [(accorde(4_000), EtatDemande.DECIDEE), (refuse("Pièces absentes"), EtatDemande.REFUSEE)]
)
def test_la_decision_attend_l_echeance_puis_se_prend_dans_les_deux_sens(
    session: Session, votee: Campagne, dite: DecisionDite, etat: EtatDemande
) -> None:
    arreter(session, votee, "M2A")
    demander(session, votee)
    m2a = de_la_ligne(session, votee, "M2A")
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(votee), "M2A", dite, acteur=m2a, maintenant=JUSTE_AVANT)
    assert refus.value.code == "complement_attendu"
    decision.decider(session, numero(votee), "M2A", dite, acteur=m2a, maintenant=ECHEANCE)
    assert la_demande(session, votee.dossiers[0], "M2A").etat is etat


def test_deux_complements_la_plus_tardive_des_echeances_compte(session: Session, votee: Campagne) -> None:
    premier = demander(session, votee)
    second = demander(session, votee, "M2A")
    second.echeance_le = ECHEANCE + timedelta(days=5)
    session.flush()
    lue = get_demande_lue(session, la_demande(session, votee.dossiers[0], "M2A").id)
    assert lue.complement(ECHEANCE) is EtatComplement.ATTENDU
    autre = get_demande_lue(session, la_demande(session, votee.dossiers[0], "BOP147").id)
    assert autre.complement(ECHEANCE) is EtatComplement.NON_RECU, "le second ne concerne que m2A"
    assert premier.echeance_le == ECHEANCE


def test_une_irrecevabilite_attend_aussi_l_echeance(session: Session, votee: Campagne) -> None:
    demande = la_demande(session, votee.dossiers[0], "M2A")
    demande.etat = EtatDemande.EN_INSTRUCTION
    session.flush()
    demander(session, votee)
    commun = {
        "ligne": "M2A", "annee": 2027, "conclusion": "irrecevable", "points": {}, "motif": "Pièces absentes.",
        "acteur": de_la_ligne(session, votee, "M2A"),
    }  # fmt: skip
    with pytest.raises(ActeImpossible) as refus:
        recevabilite.examiner(session, numero(votee), maintenant=JUSTE_AVANT, **commun)  # type: ignore[arg-type]
    assert refus.value.code == "complement_attendu"
    recevabilite.examiner(session, numero(votee), maintenant=ECHEANCE, **commun)  # type: ignore[arg-type]
    assert la_demande(session, votee.dossiers[0], "M2A").etat is EtatDemande.IRRECEVABLE


def repondre(session: Session, campagne: Campagne) -> None:
    depot.completer(
        session, numero(campagne), reponse="Voici.", acteur=campagne.porteurs[0],
        maintenant=ECHEANCE + timedelta(hours=1),
    )  # fmt: skip


def test_une_reponse_tardive_se_recoit_tant_que_rien_n_est_decide(session: Session, votee: Campagne) -> None:
    complement = demander(session, votee, "M2A")
    arreter_ligne(session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=ECHEANCE)
    repondre(session, votee)
    assert etat_du_complement(complement.echeance_le, complement.recue_le, APRES) is EtatComplement.RECU_TARD


def test_une_reponse_ne_se_recoit_plus_une_fois_la_ligne_decidee(session: Session, votee: Campagne) -> None:
    demander(session, votee, "M2A")
    arreter_ligne(session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=ECHEANCE)
    m2a = de_la_ligne(session, votee, "M2A")
    decision.decider(session, numero(votee), "M2A", accorde(4_000), acteur=m2a, maintenant=ECHEANCE)
    with pytest.raises(ActeImpossible) as refus:
        repondre(session, votee)
    assert refus.value.code == "deja_decide"


def test_un_dossier_reste_sans_reponse_se_clot_une_fois_tout_fini(session: Session, votee: Campagne) -> None:
    demander(session, votee)
    dossier = votee.dossiers[0]
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=votee.contrat))
    with pytest.raises(ActeImpossible) as refus:
        vie.clore(session, numero(votee), acteur=charge, maintenant=ECHEANCE)
    assert refus.value.code == "demandes_en_cours"
    dossier.etat = EtatDossier.A_COMPLETER
    for ligne in ("M2A", "BOP147"):
        la_demande(session, dossier, ligne).etat = EtatDemande.NOTIFIEE
    session.flush()
    vie.clore(session, numero(votee), acteur=charge, maintenant=ECHEANCE)
    assert dossier.etat is EtatDossier.CLOS


# -- ce que disent les écrans et l'API

Lire = Callable[[str], str]


@pytest.fixture
def lire(client: TestClient, ecriture: Session) -> tuple[Campagne, Lire, Lire]:
    """La campagne, une page lue avant l'échéance, la même lue à l'échéance, par la personne de la ligne m2A."""
    campagne = une_campagne(ecriture)
    voter_tout(ecriture, campagne)
    arreter(ecriture, campagne, "BOP147")
    demander(ecriture, campagne)
    compte = compte_de_ligne(ecriture, campagne, "M2A")

    def a(instant: object) -> Lire:
        def page(chemin: str) -> str:
            client.cookies.clear()
            connecter(client, ecriture, compte, maintenant=instant)  # type: ignore[arg-type]
            reponse = client.get(chemin)
            assert reponse.status_code == 200, reponse.text
            return reponse.text

        return page

    return campagne, a(JUSTE_AVANT), a(ECHEANCE)


def test_la_page_de_l_instructeur_dit_si_le_delai_court_encore(lire: tuple[Campagne, Lire, Lire]) -> None:
    campagne, avant, apres = lire
    chemin = f"/instruction/{numero(campagne)}"
    assert "la décision attend" in avant(chemin)
    assert "Non reçu dans le délai" not in avant(chemin)
    assert "Non reçu dans le délai" in apres(chemin)
    assert "la décision peut être prise" in apres(chemin)


def test_la_ligne_et_la_programmation_le_disent_a_chaque_demande(lire: tuple[Campagne, Lire, Lire]) -> None:
    campagne, avant, apres = lire
    etats = "?etat=validee"
    for chemin in (
        f"/appels/{campagne.appel.code}/decisions/M2A", f"/appels/{campagne.appel.code}/programmation/M2A{etats}",
    ):  # fmt: skip
        assert "complément attendu" in avant(chemin)
        assert "complément attendu" not in apres(chemin)
        assert NON_RECU in apres(chemin)
    ligne = f"/appels/{campagne.appel.code}/decisions/M2A"
    assert f"Complément attendu\u00a0: {numero(campagne)}" in avant(ligne)
    assert f"sans effet sur l’arrêté\u00a0: {numero(campagne)}" in apres(ligne)


def test_la_page_de_la_decision_rend_son_formulaire_a_l_echeance(
    lire: tuple[Campagne, Lire, Lire], ecriture: Session
) -> None:
    campagne, avant, apres = lire
    arreter_ligne(
        ecriture, campagne.appel.code, "M2A", acteur=de_la_ligne(ecriture, campagne, "M2A"), maintenant=ECHEANCE
    )
    ecriture.commit()
    chemin = f"/dossiers/{numero(campagne)}/lignes/M2A/decision"
    assert "Enregistrer la décision" not in avant(chemin)
    assert "la fin de son délai" in avant(chemin)
    assert "Enregistrer la décision" in apres(chemin)
    assert "Complément non reçu dans le délai" in apres(chemin)


def test_l_api_le_dit_pareil(lire: tuple[Campagne, Lire, Lire]) -> None:
    campagne, avant, apres = lire
    dossier = f"/api/v1/dossiers/{numero(campagne)}"
    assert '"etat":"attendu"' in avant(dossier)
    assert '"etat":"non_recu"' in apres(dossier)
    for chemin in (
        f"/api/v1/appels/{campagne.appel.code}/lignes/M2A/decisions",
        f"/api/v1/appels/{campagne.appel.code}/programmation?ligne=M2A&etat=validee",
    ):
        assert '"complement_attendu":true,"complement":"attendu"' in avant(chemin)
        assert '"complement_attendu":false,"complement":"non_recu"' in apres(chemin)
