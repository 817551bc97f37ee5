"""Les années suivantes d'une CPO suivent la première : écartée, rouverte ou caduque, elle les emmène (ADR 0008)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service import recevabilite, vie
from app.infra.identite import Identite
from app.noyau.roles import Role
from tests import factories as f

DEMANDES = [
    {"ligne": "M2A", "annee": 2027, "montant": 500_000},
    {"ligne": "BOP147", "annee": 2027, "montant": 300_000},
    {"ligne": "M2A", "annee": 2028, "montant": 400_000},
    {"ligne": "M2A", "annee": 2029, "montant": 400_000},
]


class Cas:
    def __init__(self, session: Session) -> None:
        self.session = session
        contrat = f.un_contrat(session)
        appel = f.un_appel(session, contrat)
        organisation = f.une_organisation(session)
        self.dossier: Dossier = f.un_dossier_complet(
            session, appel, organisation, f.un_porteur(session, organisation), duree="3", demandes=DEMANDES,
            fin="2029-12-15",
        )  # fmt: skip
        self.m2a = contrat.lignes["M2A"].id
        self.prefecture = self._qui(f.un_compte(session, Role.SOUS_PREFECTURE, contrat=contrat, ligne="BOP147"))
        self.agent = self._qui(f.un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"))
        self.charge = self._qui(f.un_compte(session, Role.CHARGE_MISSION, contrat=contrat))

    def _qui(self, compte: object) -> Identite:
        return f.identite(self.session, compte)  # type: ignore[arg-type]

    def demandes(self) -> list[Demande]:
        requete = select(Demande).where(Demande.ligne_id == self.m2a, Demande.dossier_id == self.dossier.id)
        requete = requete.order_by(Demande.annee)
        return list(self.session.scalars(requete.execution_options(populate_existing=True)))

    def etats(self) -> list[str]:
        return [d.etat.value for d in self.demandes()]

    def examiner(self, annee: int, conclusion: str, ligne: str = "M2A") -> None:
        recevabilite.examiner(
            self.session, str(self.dossier.numero), ligne=ligne, annee=annee, conclusion=conclusion,
            points=tous_verifies(), motif="Hors du territoire", maintenant=f.MAINTENANT,
            acteur=self.agent if ligne == "M2A" else self.prefecture,
        )  # fmt: skip

    def reprendre(self, acte: str, qui: Identite) -> None:
        recevabilite.REPRISES[acte](
            self.session, str(self.dossier.numero), ligne="M2A", annee=2027, motif="Erreur", acteur=qui,
            maintenant=f.MAINTENANT,
        )  # fmt: skip


@pytest.fixture
def cas(session: Session) -> Cas:
    return Cas(session)


def test_une_premiere_annee_ecartee_emmene_les_suivantes_et_le_dossier_peut_se_clore(cas: Cas) -> None:
    cas.examiner(2027, "hors_champ")
    assert cas.etats() == ["hors_champ"] * 3
    requete = select(Passage.motif).where(Passage.acte == "declarer_hors_champ").order_by(Passage.id)
    motifs = list(cas.session.scalars(requete))
    assert motifs == ["Hors du territoire", "Comme 2027 : Hors du territoire", "Comme 2027 : Hors du territoire"]
    cas.examiner(2027, "hors_champ", "BOP147")
    vie.clore(cas.session, str(cas.dossier.numero), acteur=cas.charge, maintenant=f.MAINTENANT)


def test_la_premiere_rouverte_rouvre_les_suivantes(cas: Cas) -> None:
    cas.examiner(2027, "hors_champ")
    cas.reprendre("rouvrir", cas.agent)
    assert cas.etats() == ["ouverte"] * 3


def test_une_annee_suivante_ecartee_seule_n_emmene_rien(cas: Cas) -> None:
    cas.examiner(2028, "hors_champ")
    assert cas.etats() == ["ouverte", "hors_champ", "ouverte"]


def test_une_premiere_annee_recevable_laisse_les_suivantes_a_leur_place(cas: Cas) -> None:
    cas.examiner(2027, "recevable")
    assert cas.etats() == ["en_instruction", "ouverte", "ouverte"]


@pytest.mark.parametrize("depuis", [EtatDemande.RESERVE, EtatDemande.AJOURNEE])
def test_une_premiere_annee_caduque_rend_les_suivantes_caduques(cas: Cas, depuis: EtatDemande) -> None:
    premiere, seconde, _ = cas.demandes()
    premiere.etat, seconde.etat = depuis, EtatDemande.PROPOSEE
    cas.session.flush()
    cas.reprendre("declarer_caduque", cas.charge)
    assert cas.etats() == ["caduque"] * 3
