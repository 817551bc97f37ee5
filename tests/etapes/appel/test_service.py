"""L'appel : préparé, ouvert, clos ; ses enveloppes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.etapes.appel import repository, service
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import (
    EtatAppel,
    NatureEnveloppe,
    PhaseAnnoncee,
    PieceAnnoncee,
    depot_possible,
    peut_engager,
)
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.periodes import Intervalle
from app.noyau.roles import Role
from tests.factories import MAINTENANT, UnContrat, identite, un_appel, un_compte, un_contrat

OUVRE, CLOT = datetime(2026, 10, 1, 6, tzinfo=UTC), datetime(2026, 12, 11, 17, tzinfo=UTC)
PHASE = PhaseAnnoncee("Phase 1", OUVRE, CLOT)


def un_charge(session: Session, contrat: UnContrat) -> Identite:
    return identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))


def preparer(session: Session, contrat: UnContrat, acteur: Identite, **change: object) -> Appel:
    valeurs: dict[str, object] = {"code": "ess-2028", "annee": 2028, "intitule": "Appel 2028", "phases": [PHASE]}
    return service.preparer(
        session, contrat=contrat.contrat, version=contrat.version, grille=contrat.grille, acteur=acteur,
        maintenant=MAINTENANT, **(valeurs | change),  # type: ignore[arg-type]
    )  # fmt: skip


def test_un_appel_se_prepare_avec_ses_phases_et_ses_pieces(session: Session) -> None:
    contrat = un_contrat(session)
    piece = PieceAnnoncee("statuts", "association", "Statuts", True, "décret n° 2016-1971")
    appel = preparer(session, contrat, un_charge(session, contrat), pieces=[piece])
    assert appel.etat is EtatAppel.PREPARE
    assert [p.intitule for p in repository.list_phases(session, appel.id)] == ["Phase 1"]
    assert [p.code for p in repository.list_pieces(session, appel.id)] == ["statuts"]
    assert "appel.prepare" in {a.acte for a in en_attente(session)}


@pytest.mark.parametrize(
    ("change", "champ"),
    [
        ({"phases": []}, "phases"),
        ({"phases": [PhaseAnnoncee("P", CLOT, OUVRE)]}, "phases.0.cloture_le"),
        ({"phases": [PhaseAnnoncee("P", OUVRE, CLOT, part_reservee_milliemes=1001)]}, "phases.0.part_reservee"),
        ({"annee": 2031}, "annee"),
    ],
)
def test_un_appel_mal_rempli_est_refuse(session: Session, change: dict[str, object], champ: str) -> None:
    contrat = un_contrat(session)
    with pytest.raises(SaisieInvalide) as refus:
        preparer(session, contrat, un_charge(session, contrat), **change)
    assert [f.champ for f in refus.value.fautes] == [champ]


def test_un_code_d_appel_ne_sert_qu_une_fois(session: Session) -> None:
    contrat = un_contrat(session)
    acteur = un_charge(session, contrat)
    preparer(session, contrat, acteur)
    with pytest.raises(SaisieInvalide):
        preparer(session, contrat, acteur)


def test_seul_le_charge_de_mission_conduit_l_appel(session: Session) -> None:
    contrat = un_contrat(session)
    instructeur = identite(session, un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"))
    with pytest.raises(ActeInterdit):
        preparer(session, contrat, instructeur)


def test_un_appel_s_ouvre_se_clot_se_rouvre(session: Session) -> None:
    contrat = un_contrat(session)
    acteur = un_charge(session, contrat)
    preparer(session, contrat, acteur)
    for acte, etat in (("ouvrir", EtatAppel.OUVERT), ("clore", EtatAppel.CLOS), ("rouvrir", EtatAppel.OUVERT)):
        assert service.passer(session, "ess-2028", acte, acteur=acteur, maintenant=MAINTENANT).etat is etat
    with pytest.raises(ActeImpossible):
        service.passer(session, "ess-2028", "ouvrir", acteur=acteur, maintenant=MAINTENANT)
    with pytest.raises(ActeImpossible):
        service.passer(session, "inconnu", "ouvrir", acteur=acteur, maintenant=MAINTENANT)


def test_une_enveloppe_ne_descend_pas_sous_ce_qui_est_engage(session: Session) -> None:
    contrat = un_contrat(session)
    un_appel(session, contrat)
    acteur = un_charge(session, contrat)
    doter = {
        "contrat_id": contrat.id, "ligne": "M2A", "annee": 2027, "nature": NatureEnveloppe.NOTIFIEE,
        "motif": "Notification", "acteur": acteur, "maintenant": MAINTENANT,
    }  # fmt: skip
    enveloppe = service.doter(session, montant=Euros.de(90_000), **doter)  # type: ignore[arg-type]
    assert enveloppe.montant == Euros.de(90_000)
    assert [m.montant for m in repository.list_mouvements(session, enveloppe.id)] == [Euros.de(90_000)]
    with pytest.raises(SaisieInvalide):
        service.doter(session, montant=Euros(-1), **doter)  # type: ignore[arg-type]
    with pytest.raises(SaisieInvalide):
        service.doter(session, montant=Euros(1), **doter | {"ligne": "INCONNUE"})  # type: ignore[arg-type]
    with pytest.raises(SaisieInvalide):
        service.doter(session, montant=Euros(1), **doter | {"motif": " "})  # type: ignore[arg-type]
    neuve = service.doter(session, montant=Euros.de(5), **doter | {"annee": 2028})  # type: ignore[arg-type]
    assert neuve.annee == 2028


@pytest.mark.parametrize(
    ("etat", "instant", "code"),
    [
        (EtatAppel.OUVERT, OUVRE, ""),
        (EtatAppel.OUVERT, CLOT - timedelta(microseconds=1), ""),
        (EtatAppel.OUVERT, CLOT, "appel_clos"),
        (EtatAppel.OUVERT, OUVRE - timedelta(seconds=1), "appel_pas_encore_ouvert"),
        (EtatAppel.PREPARE, OUVRE, "appel_pas_encore_ouvert"),
        (EtatAppel.CLOS, OUVRE, "appel_clos"),
        (EtatAppel.ARRETE, OUVRE, "appel_clos"),
    ],
)
def test_le_depot_est_admis_de_l_ouverture_a_la_cloture_exclue(etat: EtatAppel, instant: datetime, code: str) -> None:
    verdict = depot_possible(etat, Intervalle(OUVRE, CLOT), instant)
    assert (verdict.possible, verdict.code) == (code == "", code)
    assert depot_possible(EtatAppel.OUVERT, Intervalle(OUVRE, None), CLOT).possible


def test_on_n_engage_que_ce_qui_reste() -> None:
    assert peut_engager(Euros(10), Euros(4), Euros(6))
    assert not peut_engager(Euros(10), Euros(4), Euros(7))
    assert not peut_engager(Euros(10), Euros(4), Euros(0))
    assert all(e.libelle for e in EtatAppel)
