"""Préparer, convoquer, ouvrir, noter les présences, clore, dresser le procès-verbal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, ResultatPoint, StatutPresence
from app.etapes.commission.rules import COMMISSION_DES_ELUS, DROIT_LOCAL, Decoupage, Sens
from app.etapes.commission.service import preparation, presences, proces_verbal, votes
from app.etapes.commission.service.presences import PresenceDite
from app.infra.identite import Habilitation, Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Portee, Role
from tests.etapes.commission.aide_seance import (
    AVANT,
    EN_SEANCE,
    JOUR_J,
    Campagne,
    la_demande,
    tous_presents,
    une_campagne,
    une_seance,
    une_seance_ouverte,
)
from tests.factories import identite, un_appel, un_compte, un_contrat

POUR, CONTRE, ABSTENTION = Sens.POUR, Sens.CONTRE, Sens.ABSTENTION
PRESENT = PresenceDite(StatutPresence.PRESENT)


@pytest.fixture
def campagne(session: Session) -> Campagne:
    return une_campagne(session)


def rang_de(session: Session, code: str, campagne: Campagne, dossier: int, ligne: str) -> int:
    seance = repository.get_seance(session, code, campagne.charge)
    points = repository.list_points(session, seance.id)
    numero = campagne.dossiers[dossier].numero
    return next(p.point.rang for p in points if p.dossier.numero == numero and p.ligne.code == ligne)


def actes(session: Session) -> list[str]:
    return [a.acte for a in en_attente(session)]


# -- préparer


def test_l_ordre_du_jour_reprend_les_demandes_proposees_ligne_apres_ligne(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    points = repository.list_points(session, seance.id)
    assert seance.code == f"{campagne.appel.code}-s1"
    assert [(p.point.rang, p.ligne.code, p.point.montant_soumis) for p in points] == [
        (1, "BOP147", Euros.de(2_500)),
        (2, "BOP147", Euros.de(2_500)),
        (3, "M2A", Euros.de(4_000)),
        (4, "M2A", Euros.de(4_000)),
    ]
    assert {p.point.bloc for p in points} == {"BOP147 · E1.2 Des rencontres", "M2A · E1.2 Des rencontres"}
    assert actes(session)[-1] == "seance.preparee"


def test_une_demande_a_l_ordre_du_jour_n_entre_pas_dans_une_seconde_seance(
    session: Session, campagne: Campagne
) -> None:
    une_seance(session, campagne)
    seconde = une_seance(session, campagne)
    assert seconde.code.endswith("-s2")
    assert repository.list_points(session, seconde.id) == []


def test_actualiser_prend_le_dernier_montant_et_garde_les_deports(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    presences.deporter(
        session, seance.code, 1, motif="Je préside l’association", acteur=campagne.membre(session, 2), maintenant=AVANT
    )
    demande = la_demande(session, campagne.dossiers[0], "M2A")
    session.execute(
        text(
            "INSERT INTO proposition (contrat_id, demande_id, rang, nature, montant_centimes, motif, acteur, a) "
            "VALUES (:c, :d, 2, 'arbitre', 350000, 'Arbitrage', 'x', now())"
        ),
        {"c": demande.contrat_id, "d": demande.id},
    )
    preparation.actualiser(session, seance.code, acteur=campagne.charge, maintenant=AVANT, decoupage=Decoupage.LIGNE)
    points = repository.list_points(session, seance.id)
    assert [p.point.bloc for p in points] == ["BOP147", "BOP147", "M2A", "M2A"]
    assert points[2].point.montant_soumis == Euros.de(3_500)
    assert {(d.membre, d.point) for d in repository.deports_de(session, seance.id)} == {("2", "1"), ("2", "3")}
    preparation.actualiser(session, seance.code, acteur=campagne.charge, maintenant=AVANT)
    assert repository.list_points(session, seance.id)[0].point.bloc == "BOP147"


@pytest.mark.parametrize(("prevue_le", "lieu", "champ"), [(AVANT, "Salle", "prevue_le"), (JOUR_J, " ", "lieu")])
def test_une_seance_a_une_date_a_venir_et_un_lieu(
    session: Session, campagne: Campagne, prevue_le: object, lieu: str, champ: str
) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        preparation.creer(
            session, appel_code=campagne.appel.code, prevue_le=prevue_le, lieu=lieu, acteur=campagne.charge,  # type: ignore[arg-type]
            maintenant=AVANT,
        )  # fmt: skip
    assert [f.champ for f in refus.value.fautes] == [champ]


def test_seul_le_charge_de_mission_tient_le_secretariat(session: Session, campagne: Campagne) -> None:
    elu = campagne.membre(session, 2)
    with pytest.raises(ActeInterdit):
        preparation.creer(
            session, appel_code=campagne.appel.code, prevue_le=JOUR_J, lieu="Salle", acteur=elu, maintenant=AVANT
        )
    seance = une_seance(session, campagne)
    with pytest.raises(ActeInterdit):
        preparation.ouvrir(session, seance.code, acteur=elu, maintenant=JOUR_J)
    with pytest.raises(Introuvable):
        preparation.creer(session, appel_code="inconnu", prevue_le=JOUR_J, lieu="Salle", acteur=elu, maintenant=AVANT)


def test_une_seance_d_un_autre_contrat_n_existe_pas(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    autre = un_contrat(session, code="autre-2024-2030", prefixe="AUT")
    voisin = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=autre))
    with pytest.raises(Introuvable):
        repository.get_seance(session, seance.code, voisin)
    assert repository.list_seances(session, voisin) == []
    assert [s.code for s in repository.list_seances(session, campagne.charge, campagne.appel.id)] == [seance.code]


def test_un_role_tenu_dans_une_instance_n_ouvre_que_ses_seances(session: Session, campagne: Campagne) -> None:
    """Architecture, décision 14 : la portée « instance »."""
    seance = une_seance(session, campagne)

    def membre(instance: str) -> Identite:
        tenue = Habilitation(Role.MEMBRE_COMMISSION, Portee.INSTANCE, campagne.contrat.id, instance)
        return replace(campagne.charge, habilitations=(tenue,))

    dedans, dehors = membre(campagne.instance.code), membre("comite-technique")
    assert repository.get_seance(session, seance.code, dedans).id == seance.id
    assert repository.list_seances(session, dehors) == []
    with pytest.raises(Introuvable):
        repository.get_seance(session, seance.code, dehors)


def test_sans_siege_de_president_il_n_y_a_pas_de_commission(session: Session) -> None:
    contrat = un_contrat(session)
    appel = un_appel(session, contrat)
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    with pytest.raises(ActeImpossible) as refus:
        preparation.creer(
            session, appel_code=appel.code, prevue_le=JOUR_J, lieu="Salle", acteur=charge, maintenant=AVANT
        )
    assert refus.value.code == "commission_absente"


def test_un_ordre_du_jour_vide_ne_se_convoque_ni_ne_s_ouvre(session: Session) -> None:
    campagne = une_campagne(session, dossiers=0)
    seance = une_seance(session, campagne)
    for acte, instant in ((preparation.convoquer, AVANT), (preparation.ouvrir, JOUR_J)):
        with pytest.raises(ActeImpossible) as refus:
            acte(session, seance.code, acteur=campagne.charge, maintenant=instant)
        assert refus.value.code == "ordre_du_jour_vide"


def test_convoquer_met_les_courriels_en_file(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    preparation.convoquer(session, seance.code, acteur=campagne.charge, maintenant=AVANT)
    assert seance.convoquee_le == AVANT
    requete = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'commission.convoquer'")
    assert session.scalar(requete) == 1
    assert len(repository.list_comptes_des_membres(session, seance)) == 6


def test_une_seance_ouverte_ne_se_deplace_plus(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    with pytest.raises(ActeImpossible) as refus:
        preparation.deplacer(
            session, seance.code, prevue_le=JOUR_J + timedelta(days=7), lieu="Mairie", acteur=campagne.charge,
            maintenant=JOUR_J,
        )  # fmt: skip
    assert refus.value.code == "etat_contraire"
    assert seance.prevue_le == JOUR_J


def test_ouvrir_fige_les_regles_choisies(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    assert repository.lire_regles(seance.regles) == COMMISSION_DES_ELUS
    with pytest.raises(SaisieInvalide):
        preparation.ouvrir(session, seance.code, acteur=campagne.charge, maintenant=JOUR_J, jeu="maison")
    preparation.ouvrir(session, seance.code, acteur=campagne.charge, maintenant=JOUR_J, jeu="droit_local")
    assert seance.etat is EtatSeance.OUVERTE
    session.flush()
    session.refresh(seance)
    assert repository.lire_regles(seance.regles) == DROIT_LOCAL
    with pytest.raises(ActeImpossible) as refus:
        preparation.ouvrir(session, seance.code, acteur=campagne.charge, maintenant=JOUR_J)
    assert refus.value.code == "etat_contraire"


# -- présences, pouvoirs


@pytest.mark.parametrize(
    ("dites", "code"),
    [
        ({1: PresenceDite(StatutPresence.REPRESENTE, 1)}, "mandataire_absent"),
        ({1: PresenceDite(StatutPresence.REPRESENTE)}, "mandataire_absent"),
        ({1: PresenceDite(StatutPresence.REPRESENTE, 2)}, "mandataire_non_present"),
        ({1: PresenceDite(StatutPresence.REPRESENTE, 6), 6: PRESENT}, "pouvoir_sans_voix"),
        (
            {
                1: PresenceDite(StatutPresence.REPRESENTE, 3),
                2: PresenceDite(StatutPresence.REPRESENTE, 3),
                3: PRESENT,
            },
            "pouvoir_deja_porte",
        ),
        ({99: PRESENT}, "siege_inconnu"),
    ],
)
def test_un_pouvoir_mal_donne_est_refuse(
    session: Session, campagne: Campagne, dites: dict[int, PresenceDite], code: str
) -> None:
    seance = une_seance(session, campagne)
    with pytest.raises(SaisieInvalide) as refus:
        presences.noter(session, seance.code, dites, acteur=campagne.charge, maintenant=JOUR_J)
    assert [f.code for f in refus.value.fautes] == [code]


def test_un_pouvoir_change_de_porteur(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    dites = tous_presents() | {1: PresenceDite(StatutPresence.REPRESENTE, 2)}
    presences.noter(session, seance.code, dites, acteur=campagne.charge, maintenant=JOUR_J)
    dites = tous_presents() | {3: PresenceDite(StatutPresence.REPRESENTE, 2)}
    presences.noter(session, seance.code, dites, acteur=campagne.charge, maintenant=JOUR_J)
    salle = repository.lire_salle(session, seance)
    assert [(p.mandant, p.mandataire) for p in salle.procurations] == [("3", "2")]
    assert salle.votants(JOUR_J) == {"1": None, "2": None, "3": "2", "4": None, "5": None}


# -- clore, procès-verbal


def test_clore_reporte_les_points_non_proclames_et_scelle_le_proces_verbal(
    session: Session, campagne: Campagne
) -> None:
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    votes.mettre_en_reserve(
        session, seance.code, 3, bulletins=POUR, motif="À financer en premier", acteur=campagne.charge,
        maintenant=EN_SEANCE,
    )  # fmt: skip
    presences.deporter(session, seance.code, 2, motif="Bénévole", siege=2, acteur=campagne.charge, maintenant=EN_SEANCE)
    fin = EN_SEANCE + timedelta(hours=2)
    assert proces_verbal.sceller(session, seance.id, maintenant=fin) is None
    preparation.clore(session, seance.code, acteur=campagne.charge, maintenant=fin)
    empreinte = proces_verbal.sceller(session, seance.id, maintenant=fin)
    document = repository.document_du_pv(session, seance)
    assert document is not None
    assert document.sha256 == empreinte
    assert document.contenu.startswith(b"%PDF-")
    assert proces_verbal.sceller(session, seance.id, maintenant=fin) is None
    with pytest.raises(ActeImpossible):
        votes.voter(session, seance.code, 2, POUR, acteur=campagne.charge, maintenant=fin)
    suivante = preparation.creer(
        session, appel_code=campagne.appel.code, prevue_le=fin + timedelta(days=30), lieu="Salle", maintenant=fin,
        acteur=campagne.charge,
    )  # fmt: skip
    restantes = [p.demande.id for p in repository.list_points(session, suivante.id)]
    assert restantes == [
        la_demande(session, campagne.dossiers[1], "BOP147").id,
        la_demande(session, campagne.dossiers[1], "M2A").id,
    ]


def test_le_proces_verbal_dit_les_votes_les_deports_et_les_totaux(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne, presents=tous_presents() | {6: PRESENT})
    presences.deporter(session, seance.code, 1, motif="Bénévole", siege=2, acteur=campagne.charge, maintenant=EN_SEANCE)
    for rang in (1, 2, 3):
        votes.proclamer(session, seance.code, rang, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    dit = proces_verbal.donnees(session, preparation.clore(
        session, seance.code, acteur=campagne.charge, maintenant=EN_SEANCE
    ))  # fmt: skip
    assert dit["deports"] == [["point 1", "Élu 2", "Bénévole"], ["point 3", "Élu 2", "Bénévole"]]
    assert dit["assistent"] == ["Service de m2A"]
    assert [b["nature"] for b in dit["blocs"]] == [
        "La commission donne un avis.",
        "La commission valide la programmation.",
    ]
    assert dit["blocs"][0]["points"][0]["vote"].startswith("4 pour")
    assert dit["totaux"][0] == ["État", "2", str(Euros.de(5_000)), str(Euros.de(5_000))]
    assert len(dit["reportes"]) == 1


def test_les_resultats_gardent_le_reglement_meme_si_la_salle_change(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    presences.noter(session, seance.code, {1: PRESENT}, acteur=campagne.charge, maintenant=EN_SEANCE)
    resultat = session.scalars(select(ResultatPoint)).one()
    assert resultat.decompte["presents"] == [1, 2, 3, 4, 5]
