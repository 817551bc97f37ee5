"""Arrêter l'appel après ses lignes ; une ligne n'entame pas ce qu'une phase suivante garde."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.etapes.appel.models import Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.dossier.repository.phases import get_reserve
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import Campagne, une_campagne
from tests.etapes.convention.aide_decision import arreter, de_la_ligne, voter_tout
from tests.factories import CLOTURE, MAINTENANT


@pytest.fixture
def votee(session: Session) -> Campagne:
    campagne = une_campagne(session)
    voter_tout(session, campagne)
    return campagne


def refus(session: Session, campagne: Campagne) -> str:
    with pytest.raises(ActeImpossible) as leve:
        arreter_appel(session, campagne.appel.code, acteur=campagne.charge, maintenant=MAINTENANT)
    return leve.value.code


def test_un_appel_s_arrete_apres_sa_recevabilite_et_toutes_ses_lignes(session: Session, votee: Campagne) -> None:
    votee.appel.etat, votee.appel.recevabilite_close_le = EtatAppel.OUVERT, None
    assert refus(session, votee) == "etat_contraire"
    votee.appel.etat = EtatAppel.CLOS
    assert refus(session, votee) == "recevabilite_ouverte"
    votee.appel.recevabilite_close_le = MAINTENANT
    assert refus(session, votee) == "aucune_ligne_arretee"
    arreter(session, votee, "M2A")
    assert refus(session, votee) == "lignes_a_arreter"
    arreter(session, votee, "BOP147")
    with pytest.raises(ActeInterdit):
        arreter_appel(session, votee.appel.code, acteur=de_la_ligne(session, votee, "M2A"), maintenant=MAINTENANT)
    with pytest.raises(Introuvable):
        arreter_appel(session, "inconnu", acteur=votee.charge, maintenant=MAINTENANT)
    arrete = arreter_appel(session, votee.appel.code, acteur=votee.charge, maintenant=MAINTENANT)
    assert arrete.etat is EtatAppel.ARRETE


def test_une_ligne_de_la_premiere_phase_n_entame_pas_la_part_de_la_seconde(session: Session, votee: Campagne) -> None:
    session.add(
        Phase(
            contrat_id=votee.appel.contrat_id, appel_id=votee.appel.id, rang=2, intitule="Fêtes",
            part_reservee_milliemes=950, ouverture_le=CLOTURE + timedelta(days=90),
            cloture_le=CLOTURE + timedelta(days=180),
        )
    )  # fmt: skip
    session.flush()
    reserve = get_reserve(session, votee.appel)
    assert (reserve.rang, reserve.suivantes, reserve.sur(Euros.de(1_000))) == (1, ("Fêtes",), Euros.de(950))
    assert replace(reserve, rang=2).sur(Euros.de(1_000)) == Euros(0)
    for instant, code in ((MAINTENANT, "depot_ouvert"), (CLOTURE, "part_reservee")):
        with pytest.raises(ActeImpossible) as leve:
            arreter_ligne(
                session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=instant
            )
        assert leve.value.code == code
