"""Voter, se déporter, amender, ajourner, réserver, proclamer : les actes de la séance, sur PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import StatutPresence, VoteMembre
from app.etapes.commission.rules import Sens
from app.etapes.commission.service import presences, votes
from app.etapes.commission.service.presences import PresenceDite
from app.etapes.dossier.models import AccesDossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import (
    AVANT,
    EN_SEANCE,
    Campagne,
    la_demande,
    tous_presents,
    une_campagne,
    une_seance,
    une_seance_ouverte,
)

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


# -- voter


def test_l_unanimite_retient_le_montant_soumis_et_valide_la_ligne_de_m2a(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    rang = rang_de(session, seance.code, campagne, 0, "M2A")
    proclame = votes.proclamer(session, seance.code, rang, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert (proclame.issue, proclame.montant) == ("retenu", Euros.de(4_000))
    assert proclame.decompte["pour"] == 5
    assert proclame.decompte["preside"] == "Élu 1"
    assert la_demande(session, campagne.dossiers[0], "M2A").etat is EtatDemande.VALIDEE
    assert session.scalar(select(VoteMembre.sens).where(VoteMembre.point_id == proclame.point_id).limit(1)) == "pour"


def test_sur_une_ligne_de_l_etat_la_commission_rend_un_avis(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    rang = rang_de(session, seance.code, campagne, 0, "BOP147")
    votes.proclamer(session, seance.code, rang, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert la_demande(session, campagne.dossiers[0], "BOP147").etat is EtatDemande.AVIS_RENDU


def test_un_vote_contraire_ne_retient_pas_et_ne_valide_rien(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    rang = rang_de(session, seance.code, campagne, 0, "M2A")
    proclame = votes.proclamer(
        session, seance.code, rang, acteur=campagne.charge, maintenant=EN_SEANCE,
        bulletins={1: CONTRE, 2: CONTRE, 3: CONTRE, 4: POUR, 5: ABSTENTION},
    )  # fmt: skip
    assert (proclame.issue, proclame.montant) == ("refuse", Euros(0))
    assert "rejeté" in proclame.motif
    assert la_demande(session, campagne.dossiers[0], "M2A").etat is EtatDemande.AVIS_RENDU


def test_un_montant_nul_soumis_propose_de_ne_pas_financer(session: Session) -> None:
    campagne = une_campagne(session, dossiers=1, propose=[{"M2A": 0}])
    seance = une_seance_ouverte(session, campagne)
    with pytest.raises(ActeImpossible) as refus:
        votes.proclamer(session, seance.code, 1, bulletins=CONTRE, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "point_reste_ouvert"
    proclame = votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert proclame.issue == "refuse"


def test_la_voix_du_president_departage(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    partage = {2: CONTRE, 3: CONTRE, 4: POUR, 5: ABSTENTION}
    premier = votes.proclamer(
        session, seance.code, 1, bulletins={1: POUR, **partage}, acteur=campagne.charge, maintenant=EN_SEANCE
    )
    second = votes.proclamer(
        session, seance.code, 2, bulletins={1: CONTRE, 2: POUR, 3: POUR, 4: CONTRE, 5: ABSTENTION},
        acteur=campagne.charge, maintenant=EN_SEANCE,
    )  # fmt: skip
    assert premier.issue == "retenu"
    assert "voix prépondérante" in premier.decompte["phrase"]
    assert second.issue == "refuse"


def test_voter_puis_proclamer_compte_les_voix_enregistrees(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    premier = votes.voter(session, seance.code, 1, {1: POUR, 2: CONTRE}, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert (premier.pour, premier.contre) == (1, 1)
    repris = votes.voter(
        session, seance.code, 1, {1: POUR, 2: POUR, 3: ABSTENTION}, acteur=campagne.charge, maintenant=EN_SEANCE
    )
    assert repris.adopte
    with pytest.raises(SaisieInvalide) as refus:
        votes.proclamer(session, seance.code, 1, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert [(f.champ, f.code) for f in refus.value.fautes] == [("partiel", "voix_manquantes")]
    assert refus.value.fautes[0].message.startswith("2 voix manquent : ")
    proclame = votes.proclamer(session, seance.code, 1, partiel=True, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert len(proclame.decompte["sans_part"]) == 2
    assert proclame.decompte["voix"] == {"1": "pour", "2": "pour", "3": "abstention"}
    assert actes(session).count("point.vote") == 2


def test_personne_n_a_vote(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    with pytest.raises(SaisieInvalide):
        votes.proclamer(session, seance.code, 1, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(SaisieInvalide):
        votes.voter(session, seance.code, 1, {1: Sens.BLANC}, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(Introuvable):
        votes.voter(session, seance.code, 99, POUR, acteur=campagne.charge, maintenant=EN_SEANCE)


def test_un_absent_un_sans_voix_et_un_inconnu_ne_votent_pas(session: Session, campagne: Campagne) -> None:
    presents = tous_presents() | {5: PresenceDite(StatutPresence.ABSENT), 6: PRESENT}
    seance = une_seance_ouverte(session, campagne, presents=presents)
    with pytest.raises(SaisieInvalide) as refus:
        votes.voter(session, seance.code, 1, {5: POUR, 6: POUR, 99: POUR}, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert [f.champ for f in refus.value.fautes] == ["voix-5", "voix-6", "voix-99"]
    assert "absent" in refus.value.fautes[0].message


# -- quorum


def test_sans_quorum_on_ne_vote_pas_et_le_point_est_ajourne(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne, presents={1: PRESENT, 2: PRESENT})
    with pytest.raises(ActeImpossible) as refus:
        votes.voter(session, seance.code, 1, POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "quorum_non_atteint"
    proclame = votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert proclame.issue == "ajourne"
    assert "Quorum non atteint" in proclame.motif
    assert proclame.decompte["voix"] == {}
    assert la_demande(session, campagne.dossiers[0], "BOP147").etat is EtatDemande.AJOURNEE


def test_les_pouvoirs_ne_font_pas_le_quorum(session: Session, campagne: Campagne) -> None:
    presents = {
        1: PRESENT,
        2: PRESENT,
        3: PresenceDite(StatutPresence.REPRESENTE, 1),
        4: PresenceDite(StatutPresence.REPRESENTE, 2),
    }
    seance = une_seance_ouverte(session, campagne, presents=presents)
    assert not repository.lire_salle(session, seance).quorum(EN_SEANCE).atteint


# -- déports


def test_un_membre_se_deporte_de_tout_le_dossier_et_ne_le_lit_plus(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    elu = campagne.membre(session, 3)
    rang = rang_de(session, seance.code, campagne, 0, "BOP147")
    rangs = presences.deporter(session, seance.code, rang, motif="Ma sœur y est salariée", acteur=elu, maintenant=AVANT)
    assert rangs == (rang, rang_de(session, seance.code, campagne, 0, "M2A"))
    acces = session.scalars(select(AccesDossier)).one()
    assert (acces.sens, acces.compte_id, acces.dossier_id) == ("ferme", elu.compte_id, campagne.dossiers[0].id)
    dossier = type(campagne.dossiers[0])
    vus = session.scalars(select(dossier.numero).where(visibles(elu))).all()
    assert vus == [campagne.dossiers[1].numero]
    with pytest.raises(ActeImpossible) as refus:
        presences.deporter(session, seance.code, rang, motif="Encore", acteur=elu, maintenant=AVANT)
    assert refus.value.code == "deport_deja_enregistre"


def test_un_deport_se_dit_soi_meme_ou_par_le_secretariat_avec_un_motif(session: Session, campagne: Campagne) -> None:
    seance = une_seance(session, campagne)
    elu = campagne.membre(session, 3)
    with pytest.raises(SaisieInvalide):
        presences.deporter(session, seance.code, 1, motif=" ", acteur=elu, maintenant=AVANT)
    with pytest.raises(ActeInterdit):
        presences.deporter(session, seance.code, 1, motif="Lui", siege=2, acteur=elu, maintenant=AVANT)
    with pytest.raises(ActeInterdit):
        presences.deporter(session, seance.code, 1, motif="Moi", acteur=campagne.charge, maintenant=AVANT)
    with pytest.raises(SaisieInvalide):
        presences.deporter(session, seance.code, 1, motif="?", siege=42, acteur=campagne.charge, maintenant=AVANT)
    assert presences.deporter(
        session, seance.code, 1, motif="Dit en séance", siege=2, acteur=campagne.charge, maintenant=AVANT
    )


def test_un_deporte_ne_vote_pas_et_ne_porte_pas_de_pouvoir(session: Session, campagne: Campagne) -> None:
    presents = tous_presents() | {5: PresenceDite(StatutPresence.REPRESENTE, 3)}
    seance = une_seance_ouverte(session, campagne, presents=presents)
    elu = campagne.membre(session, 3)
    presences.deporter(session, seance.code, 1, motif="Membre du bureau", acteur=elu, maintenant=EN_SEANCE)
    for siege, motif in ((3, "s’est déporté"), (5, "ne porte pas de pouvoir")):
        with pytest.raises(SaisieInvalide) as refus:
            votes.voter(session, seance.code, 1, {1: POUR, siege: POUR}, acteur=campagne.charge, maintenant=EN_SEANCE)
        assert [f.champ for f in refus.value.fautes] == [f"voix-{siege}"]
        assert motif in refus.value.fautes[0].message
    proclame = votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert set(proclame.decompte["voix"]) == {"1", "2", "4"}
    assert proclame.decompte["deports"] == [3]
    assert "4 en exercice" in proclame.decompte["quorum"]


def test_sur_un_autre_point_le_pouvoir_sert(session: Session, campagne: Campagne) -> None:
    presents = tous_presents() | {5: PresenceDite(StatutPresence.REPRESENTE, 3)}
    seance = une_seance_ouverte(session, campagne, presents=presents)
    elu = campagne.membre(session, 3)
    presences.deporter(session, seance.code, 1, motif="Membre du bureau", acteur=elu, maintenant=EN_SEANCE)
    proclame = votes.proclamer(session, seance.code, 2, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert proclame.decompte["pour"] == 5
    assert proclame.decompte["pouvoirs"] == [[5, 3]]


def test_on_ne_se_deporte_plus_d_un_point_proclame(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(ActeImpossible) as refus:
        presences.deporter(
            session, seance.code, 1, motif="Trop tard", acteur=campagne.membre(session, 2), maintenant=EN_SEANCE
        )
    assert refus.value.code == "point_proclame"


# -- en bloc


def test_le_vote_en_bloc_laisse_a_part_le_point_d_un_deporte(session: Session) -> None:
    campagne = une_campagne(session, dossiers=3)
    seance = une_seance_ouverte(session, campagne)
    rang = rang_de(session, seance.code, campagne, 1, "M2A")
    elu = campagne.membre(session, 4)
    presences.deporter(session, seance.code, rang, motif="Trésorier", acteur=elu, maintenant=EN_SEANCE)
    bloc = "M2A · E1.2 Des rencontres"
    fait = votes.voter_bloc(session, seance.code, bloc, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert fait.proclames == (4, 6)
    assert [r for r, _ in fait.disjoints] == [rang] == [5]
    etats = [la_demande(session, d, "M2A").etat for d in campagne.dossiers]
    assert etats == [EtatDemande.VALIDEE, EtatDemande.PROPOSEE, EtatDemande.VALIDEE]
    with pytest.raises(ActeImpossible) as refus:
        votes.voter_bloc(session, seance.code, bloc, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "bloc_vide"


def test_un_membre_demande_un_vote_separe(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    fait = votes.voter_bloc(
        session, seance.code, "M2A · E1.2 Des rencontres", bulletins={1: POUR, 2: POUR, 3: CONTRE}, sauf=[4],
        partiel=True, acteur=campagne.charge, maintenant=EN_SEANCE,
    )  # fmt: skip
    assert fait.proclames == (3,)
    assert fait.disjoints == ((4, "Un membre demande un vote séparé."),)


def test_un_bloc_rejete_laisse_ouverts_les_refus_proposes(session: Session) -> None:
    campagne = une_campagne(session, dossiers=2, propose=[{"M2A": 1_000}, {"M2A": 0}])
    seance = une_seance_ouverte(session, campagne)
    fait = votes.voter_bloc(
        session, seance.code, "M2A · E1.2 Des rencontres", bulletins=CONTRE, acteur=campagne.charge,
        maintenant=EN_SEANCE,
    )  # fmt: skip
    assert (fait.proclames, fait.ouverts) == ((1,), (2,))
    assert session.scalars(select(VoteMembre.point_id).distinct()).all() == [
        repository.list_points(session, seance.id, rangs=[1])[0].point.id
    ]


# -- amender, ajourner, réserver


def test_un_amendement_adopte_change_le_montant(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    proclame = votes.amender(
        session, seance.code, 3, montant=Euros.de(4_500), motif="Le public a doublé", bulletins=POUR,
        acteur=campagne.charge, maintenant=EN_SEANCE,
    )  # fmt: skip
    assert proclame is not None
    assert (proclame.issue, proclame.montant) == ("amende", Euros.de(4_500))
    assert proclame.motif.startswith("Le public a doublé")
    assert la_demande(session, campagne.dossiers[0], "M2A").etat is EtatDemande.VALIDEE


def test_un_amendement_rejete_laisse_le_point_ouvert(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    rejete = votes.amender(
        session, seance.code, 3, montant=Euros.de(1_000), motif="Trop cher", bulletins=CONTRE, acteur=campagne.charge,
        maintenant=EN_SEANCE,
    )  # fmt: skip
    assert rejete is None
    assert actes(session)[-1] == "point.amendement_rejete"
    assert la_demande(session, campagne.dossiers[0], "M2A").etat is EtatDemande.PROPOSEE
    assert session.scalars(select(VoteMembre)).all() == []


@pytest.mark.parametrize(
    ("euros", "motif", "champs"),
    [(0, "x", ["montant"]), (5_001, "x", ["montant"]), (4_000, "x", ["montant"]), (3_000, " ", ["motif"])],
)
def test_un_amendement_tient_dans_ce_qui_est_demande(
    session: Session, campagne: Campagne, euros: int, motif: str, champs: list[str]
) -> None:
    seance = une_seance_ouverte(session, campagne)
    with pytest.raises(SaisieInvalide) as refus:
        votes.amender(
            session, seance.code, 3, montant=Euros.de(euros), motif=motif, bulletins=POUR, acteur=campagne.charge,
            maintenant=EN_SEANCE,
        )  # fmt: skip
    assert [f.champ for f in refus.value.fautes] == champs


def test_un_point_ajourne_revient_a_l_examen(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    with pytest.raises(SaisieInvalide):
        votes.ajourner(session, seance.code, 1, motif="", bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    proclame = votes.ajourner(
        session, seance.code, 1, motif="Budget à préciser", bulletins=POUR, acteur=campagne.charge,
        maintenant=EN_SEANCE,
    )  # fmt: skip
    assert (proclame.issue, proclame.motif) == ("ajourne", "Budget à préciser")
    assert la_demande(session, campagne.dossiers[0], "BOP147").etat is EtatDemande.AJOURNEE


def test_la_reserve_range_les_demandes_et_refuse_un_rang_pris(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    commun = {"bulletins": POUR, "acteur": campagne.charge, "maintenant": EN_SEANCE}
    premier = votes.mettre_en_reserve(session, seance.code, 3, **commun)  # type: ignore[arg-type]
    assert (premier.issue, premier.rang_reserve, premier.montant) == ("reserve", 1, Euros(0))
    for rang_reserve in (1, 0):
        with pytest.raises(SaisieInvalide):
            votes.mettre_en_reserve(session, seance.code, 4, rang_reserve=rang_reserve, **commun)  # type: ignore[arg-type]
    assert votes.mettre_en_reserve(session, seance.code, 4, **commun).rang_reserve == 2  # type: ignore[arg-type]
    autre_ligne = votes.mettre_en_reserve(session, seance.code, 1, **commun)  # type: ignore[arg-type]
    assert autre_ligne.rang_reserve == 1
    assert la_demande(session, campagne.dossiers[0], "M2A").etat is EtatDemande.RESERVE


# -- proclamer, c'est définitif


def test_un_point_proclame_ne_se_reprend_pas(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(ActeImpossible) as refus:
        votes.proclamer(session, seance.code, 1, bulletins=CONTRE, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "point_proclame"


@pytest.mark.parametrize(
    "ordre",
    [
        "UPDATE resultat_point SET montant_centimes = 1",
        "DELETE FROM resultat_point",
        "UPDATE vote SET sens = 'contre'",
        "DELETE FROM vote",
    ],
)
def test_la_base_refuse_de_changer_un_resultat_ou_une_voix_proclames(
    session: Session, campagne: Campagne, ordre: str
) -> None:
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(DBAPIError, match=r"réécrit|proclamé|permission denied"), session.begin_nested():
        session.execute(text(ordre))


def test_une_demande_retiree_ne_se_vote_plus(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    demande = la_demande(session, campagne.dossiers[0], "BOP147")
    session.execute(update(type(demande)).where(type(demande).id == demande.id).values(etat=EtatDemande.RETIREE))
    with pytest.raises(ActeImpossible) as refus:
        votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "demande_plus_votable"


def test_le_vote_n_est_pas_annonce_au_porteur(session: Session, campagne: Campagne) -> None:
    seance = une_seance_ouverte(session, campagne)
    avant = session.scalar(text("SELECT count(*) FROM courriel"))
    votes.proclamer(session, seance.code, 1, bulletins=POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert session.scalar(text("SELECT count(*) FROM courriel")) == avant
    with pytest.raises(Introuvable):
        repository.get_seance(session, seance.code, campagne.porteurs[0])
