"""Un appel en deux phases : chacune a son arrêté, et la première n'entame jamais la part de la seconde."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.espaces.accueil.repository import lignes_suivies
from app.etapes.appel.models import Enveloppe, Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.commission.rules import Sens
from app.etapes.commission.service import votes
from app.etapes.convention import repository
from app.etapes.convention.models import ArreteLigne
from app.etapes.convention.rules import Votee, phase_a_arreter
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.convention.service.decision import decider
from app.etapes.dossier.models import DemandeComplement, Dossier
from app.etapes.dossier.repository.phases import get_reserve, reste_une_phase
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra import migrations
from app.infra.db import creer_moteur
from app.infra.journal import ecriture as journal
from app.noyau.erreurs import ActeImpossible, SaisieInvalide
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import (
    EN_SEANCE,
    Campagne,
    la_demande,
    proposer,
    une_campagne,
    une_seance_ouverte,
)
from tests.etapes.convention.aide_decision import (
    APRES,
    accorde,
    compte_de_ligne,
    de_la_ligne,
    refuse,
    voter_tout,
)
from tests.etapes.programmation.donnees import texte
from tests.factories import connecter, un_dossier_complet, un_porteur, une_organisation

EN_PHASE_2 = datetime(2027, 5, 3, 9, 0, tzinfo=UTC)
CLOTURE_2 = APRES + timedelta(days=30)
ENSUITE = CLOTURE_2 + timedelta(days=20)


def en_deux_phases(session: Session, *, enveloppe: int = 8_000, part: int = 0, dossiers: int = 1) -> Campagne:
    """La phase 1 est votée (4 000 € par dossier sur M2A) ; le dépôt de la phase 2 est ouvert à APRES."""
    campagne = une_campagne(session, dossiers=dossiers, enveloppe=Euros.de(enveloppe))
    fetes = Phase(
        contrat_id=campagne.appel.contrat_id, appel_id=campagne.appel.id, rang=2, intitule="Fêtes",
        part_reservee_milliemes=part, ouverture_le=EN_PHASE_2 - timedelta(days=2), cloture_le=CLOTURE_2,
    )  # fmt: skip
    session.add(fetes)
    session.flush()
    return campagne


def deposer_en_phase_2(session: Session, campagne: Campagne, euros: int | None = 3_000) -> Dossier:
    """Un dossier déposé pendant que la phase 1 s'instruit ; proposé sur M2A si un montant est dit."""
    organisation = une_organisation(session, rang=40 + len(campagne.dossiers))
    porteur = un_porteur(session, organisation)
    dossier = un_dossier_complet(session, campagne.appel, organisation, porteur, maintenant=EN_PHASE_2, titre="Fêtes")
    phase = session.get_one(Phase, dossier.phase_id)
    assert phase.rang == 2
    if euros is not None:
        proposer(session, la_demande(session, dossier, "M2A"), euros, campagne.charge)
    return dossier


def arreter(session: Session, campagne: Campagne, ligne: str = "M2A", le: datetime = APRES) -> ArreteLigne:
    return arreter_ligne(
        session, campagne.appel.code, ligne, acteur=de_la_ligne(session, campagne, ligne), maintenant=le
    )


def code_du_refus(session: Session, campagne: Campagne, ligne: str = "M2A", le: datetime = APRES) -> str:
    with pytest.raises(ActeImpossible) as leve:
        arreter(session, campagne, ligne, le)
    return leve.value.code


def engage(session: Session, campagne: Campagne) -> Euros:
    requete = select(Enveloppe).where(Enveloppe.ligne_id == campagne.contrat.lignes["M2A"].id)
    return session.scalars(requete.execution_options(populate_existing=True)).one().engage


@pytest.mark.parametrize("euros", [None, 3_000])
def test_un_depot_en_phase_2_n_empeche_pas_l_arrete_de_la_phase_1(session: Session, euros: int | None) -> None:
    campagne = en_deux_phases(session)
    voter_tout(session, campagne)
    deposer_en_phase_2(session, campagne, euros)
    arrete = arreter(session, campagne)
    assert (arrete.montant, arrete.nombre) == (Euros.de(4_000), 1)
    assert session.get_one(Phase, arrete.phase_id).rang == 1
    assert engage(session, campagne) == Euros.de(4_000)


def test_un_complement_attendu_en_phase_2_n_empeche_pas_l_arrete_de_la_phase_1(session: Session) -> None:
    campagne = en_deux_phases(session)
    tard = deposer_en_phase_2(session, campagne)
    voter_tout(session, campagne)
    session.add(
        DemandeComplement(
            contrat_id=tard.contrat_id, dossier_id=tard.id, ligne_id=None, objet="RIB", pourquoi="Illisible",
            echeance_le=APRES + timedelta(days=10), demandee_le=APRES, demandee_par="essai", recue_le=None,
        )
    )  # fmt: skip
    session.flush()
    assert la_demande(session, tard, "M2A").etat is EtatDemande.VALIDEE
    assert arreter(session, campagne).montant == Euros.de(4_000)
    assert code_du_refus(session, campagne) == "depot_ouvert"


def test_un_depot_en_phase_2_ne_rend_pas_la_part_reservee(session: Session) -> None:
    campagne = en_deux_phases(session, part=501)
    voter_tout(session, campagne)
    deposer_en_phase_2(session, campagne)
    reserve = get_reserve(session, campagne.appel)
    assert (reserve.rang, reserve.suivantes, reserve.sur(Euros.de(1_000))) == (1, ("Fêtes",), Euros.de(501))
    assert reste_une_phase(session, campagne.appel, APRES)
    assert code_du_refus(session, campagne) == "part_reservee"


def test_la_phase_2_a_son_arrete_et_engage_le_reste(session: Session) -> None:
    campagne = en_deux_phases(session, part=375)
    voter_tout(session, campagne)
    tard = deposer_en_phase_2(session, campagne)
    arreter(session, campagne)
    with pytest.raises(ActeImpossible) as refus:
        decider(
            session, str(tard.numero), "M2A", refuse(), acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES
        )
    assert refus.value.code == "sans_vote"
    voter_tout(session, campagne)
    with pytest.raises(ActeImpossible) as refus:
        decider(
            session, str(tard.numero), "M2A", refuse(), acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES
        )
    assert refus.value.code == "ligne_non_arretee"
    assert code_du_refus(session, campagne) == "depot_ouvert"
    second = arreter(session, campagne, le=ENSUITE)
    assert (second.montant, second.nombre) == (Euros.de(3_000), 1)
    assert session.get_one(Phase, second.phase_id).rang == 2
    assert engage(session, campagne) == Euros.de(7_000)
    assert code_du_refus(session, campagne, le=ENSUITE) == "ligne_arretee"
    rangs = [a.rang for a in repository.list_arretes(session, [campagne.appel.id])]
    assert rangs == [1, 2]
    m2a = de_la_ligne(session, campagne, "M2A")
    decider(session, str(tard.numero), "M2A", accorde(3_000), acteur=m2a, maintenant=ENSUITE)
    assert get_reserve(session, campagne.appel).au_rang(2).sur(Euros.de(8_000)) == Euros(0)


def test_une_ligne_a_un_arrete_par_phase(session: Session) -> None:
    campagne = en_deux_phases(session)
    voter_tout(session, campagne)
    arrete = arreter(session, campagne)
    doublon = text(
        "INSERT INTO arrete_ligne (contrat_id, appel_id, ligne_id, phase_id, montant_centimes, nombre, acteur, a) "
        "SELECT contrat_id, appel_id, ligne_id, phase_id, 0, 0, acteur, a FROM arrete_ligne WHERE id = :id"
    )
    with pytest.raises(IntegrityError, match="uq_arrete_ligne"), session.begin_nested():
        session.execute(doublon, {"id": arrete.id})


def test_l_appel_attend_l_arrete_de_chaque_phase(session: Session) -> None:
    campagne = en_deux_phases(session)
    voter_tout(session, campagne)
    deposer_en_phase_2(session, campagne)
    arreter(session, campagne)
    arreter(session, campagne, "BOP147")
    avancement = {ligne.financeur: ligne for ligne in repository.avancement_de_l_appel(session, campagne.appel)}
    m2a = avancement[campagne.contrat.lignes["M2A"].financeur]
    assert (m2a.est_arretee, m2a.a_arreter) == (True, 1)
    campagne.appel.etat, campagne.appel.recevabilite_close_le = EtatAppel.CLOS, ENSUITE
    session.flush()
    with pytest.raises(ActeImpossible) as refus:
        arreter_appel(session, campagne.appel.code, acteur=campagne.charge, maintenant=ENSUITE)
    assert refus.value.code == "lignes_a_arreter"


def test_l_accueil_dit_la_ligne_a_arreter_de_nouveau(session: Session) -> None:
    campagne = en_deux_phases(session)
    voter_tout(session, campagne)
    arreter(session, campagne)
    (avant,) = [li for li in lignes_suivies(session, campagne.charge, campagne.appel) if li.code == "M2A"]
    assert (avant.est_a_arreter, avant.arretee_le, avant.votees) == (False, APRES, 1)
    deposer_en_phase_2(session, campagne)
    voter_tout(session, campagne)
    (apres,) = [li for li in lignes_suivies(session, campagne.charge, campagne.appel) if li.code == "M2A"]
    assert (apres.est_a_arreter, apres.arretee_le, apres.votees) == (True, APRES, 2)
    arreter(session, campagne, le=ENSUITE)
    (fini,) = [li for li in lignes_suivies(session, campagne.charge, campagne.appel) if li.code == "M2A"]
    assert (fini.est_a_arreter, fini.arretee_le, fini.votees) == (False, ENSUITE, 2)


def avec_une_reserve(session: Session) -> tuple[Campagne, str]:
    """8 000 € dont la moitié pour la phase 2 ; 4 000 € votés, arrêtés, et un second dossier en liste de réserve."""
    campagne = en_deux_phases(session, part=500, dossiers=2)
    seance = une_seance_ouverte(session, campagne)
    scrutin = {"bulletins": Sens.POUR, "acteur": campagne.charge, "maintenant": EN_SEANCE}
    votes.mettre_en_reserve(session, seance.code, 4, **scrutin)  # type: ignore[arg-type]
    votes.proclamer(session, seance.code, 3, **scrutin)  # type: ignore[arg-type]
    assert arreter(session, campagne).montant == Euros.de(4_000)
    return campagne, str(campagne.dossiers[1].numero)


def test_une_decision_prise_de_la_liste_de_reserve_n_entame_pas_la_part_reservee(session: Session) -> None:
    campagne, numero = avec_une_reserve(session)
    m2a = de_la_ligne(session, campagne, "M2A")
    with pytest.raises(SaisieInvalide) as refus:
        decider(session, numero, "M2A", accorde(4_000, "Repris"), acteur=m2a, maintenant=APRES)
    assert [f.code for f in refus.value.fautes] == ["montant_au_dela_du_reste"]
    assert "réservés à la phase suivante" in refus.value.fautes[0].message
    assert engage(session, campagne) == Euros.de(4_000)


@pytest.mark.parametrize("depose", [True, False])
def test_une_phase_close_ou_rien_n_attend_rend_sa_part(session: Session, depose: bool) -> None:
    campagne, numero = avec_une_reserve(session)
    if depose:
        deposer_en_phase_2(session, campagne, None)
    m2a, dite = de_la_ligne(session, campagne, "M2A"), accorde(4_000, "Repris")
    if depose:
        with pytest.raises(SaisieInvalide):
            decider(session, numero, "M2A", dite, acteur=m2a, maintenant=ENSUITE)
    else:
        decider(session, numero, "M2A", dite, acteur=m2a, maintenant=ENSUITE)
        assert engage(session, campagne) == Euros.de(8_000)


def test_une_demande_de_la_phase_1_votee_apres_son_arrete_part_avec_le_suivant() -> None:
    assert phase_a_arreter([1, 2, 2], 0) == 1
    assert phase_a_arreter([1, 2, 2], 1) == 2
    assert phase_a_arreter([1], 1) is None
    rien, vote = Euros(0), Euros.de(4_000)
    assert Votee(1, vote, rien).attend(2, 1)
    assert not Votee(1, vote, vote).attend(2, 1)
    assert not Votee(1, None, rien).attend(2, 1)
    assert Votee(2, None, rien).attend(2, 1)
    assert not Votee(2, vote, rien).attend(1, 0)


def test_les_pages_disent_la_phase_quand_il_y_en_a_plusieurs(ecriture: Session, client: TestClient) -> None:
    campagne = en_deux_phases(ecriture)
    voter_tout(ecriture, campagne)
    deposer_en_phase_2(ecriture, campagne)
    ecriture.commit()
    connecter(client, ecriture, compte_de_ligne(ecriture, campagne, "M2A"), maintenant=APRES)
    adresse = f"/appels/{campagne.appel.code}/decisions/M2A"
    assert "Arrêter la programmation : Phase 1" in texte(client.get(adresse).text)
    arreter(ecriture, campagne)
    ecriture.commit()
    apres = texte(client.get(adresse).text)
    assert "Phase 1 : " in apres
    assert "Arrêter la programmation : Fêtes" in apres
    assert "engagés à l’arrêté · Phase 1" in texte(client.get("/decisions").text)


def test_les_arretes_d_avant_sont_ceux_de_la_premiere_phase(base_jetable: Base) -> None:
    journal.installer()
    moteur, proprietaire = creer_moteur(base_jetable.url), creer_moteur(base_jetable.url_proprietaire)
    with Session(moteur, expire_on_commit=False) as session:
        campagne = en_deux_phases(session)
        voter_tout(session, campagne)
        phase = arreter(session, campagne).phase_id
        session.commit()
    moteur.dispose()
    migrations.descendre(base_jetable.url_proprietaire, "0017")
    migrations.migrer(base_jetable.url_proprietaire)
    migrations.verifier(base_jetable.url_proprietaire)
    with Session(proprietaire) as session:
        assert session.scalars(select(ArreteLigne.phase_id)).all() == [phase]
        with pytest.raises(IntegrityError, match="ne se réécrit pas"):
            session.execute(text("UPDATE arrete_ligne SET nombre = 9"))
    proprietaire.dispose()
