"""Une ligne communale n'est ouverte qu'aux fiches de sa commune : au dépôt, à l'examen, après un complément."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import ControleRecevabilite, Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.rules.recevabilite import CODES, tous_verifies, verifier_champ
from app.etapes.dossier.service import brouillon, depot, recevabilite
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.factories import MAINTENANT

PHRASE = "Aucun projet de quartier de cette commune n’est visé : Ville de Mulhouse n’est pas concernée."
DEMANDES = [
    {"ligne": "M2A", "annee": 2027, "montant": 500_000},
    {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
]
DEUX_ANS = [*DEMANDES, {"ligne": "MULHOUSE", "annee": 2028, "montant": 300_000}]


@dataclass
class Cas:
    session: Session
    contrat: f.UnContrat
    porteur: Identite
    agent: Identite
    dossier: Dossier

    def examiner(self, conclusion: str = "recevable", points: dict[str, bool] | None = None) -> Demande:
        return recevabilite.examiner(
            self.session, str(self.dossier.numero), ligne="MULHOUSE", annee=2027, conclusion=conclusion,
            points=tous_verifies() if points is None else points, motif="Vu", acteur=self.agent, maintenant=MAINTENANT,
        )  # fmt: skip

    def completer(self, **valeurs: Any) -> None:
        recevabilite.demander_complement(
            self.session, str(self.dossier.numero), objet="Les fiches", pourquoi="À préciser.",
            echeance_le=MAINTENANT + timedelta(days=10), acteur=self.agent, maintenant=MAINTENANT,
        )  # fmt: skip
        if valeurs:
            brouillon.enregistrer(
                self.session, str(self.dossier.numero), valeurs, acteur=self.porteur, maintenant=MAINTENANT,
                version_lue=self.dossier.version,
            )  # fmt: skip
        depot.completer(
            self.session, str(self.dossier.numero), reponse="Voici.", acteur=self.porteur, maintenant=MAINTENANT
        )
        self.session.flush()

    def etats(self) -> dict[tuple[str, int], str]:
        self.session.flush()
        return {
            (ligne.code, d.annee): d.etat.value
            for d, ligne in repository.list_demandes(self.session, [self.dossier.id])
        }


def un_cas(session: Session, fiche: str, demandes: Sequence[dict[str, Any]] = DEMANDES, **change: Any) -> Cas:
    contrat = f.un_contrat(session)
    appel = f.un_appel(session, contrat)
    organisation = f.une_organisation(session)
    porteur = f.un_porteur(session, organisation)
    dossier = f.un_dossier_complet(
        session, appel, organisation, porteur, fiches=[fiche], priorites=[], demandes=list(demandes), **change
    )
    compte = f.un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="MULHOUSE")
    return Cas(session, contrat, porteur, f.identite(session, compte), dossier)


def test_une_demande_hors_champ_rouverte_ne_se_declare_pas_recevable(session: Session) -> None:
    cas = un_cas(session, "MARKSTEIN")
    assert cas.etats()["MULHOUSE", 2027] == "hors_champ"
    recevabilite.REPRISES["rouvrir"](
        session, str(cas.dossier.numero), ligne="MULHOUSE", annee=2027, motif="À revoir", acteur=cas.agent,
        maintenant=MAINTENANT,
    )  # fmt: skip
    with pytest.raises(SaisieInvalide) as refus:
        cas.examiner(points={})
    assert [(x.champ, x.code) for x in refus.value.fautes] == [
        ("points", "points_a_verifier"),
        ("conclusion", "ligne_hors_champ"),
    ], "dans l'ordre de la page"
    assert refus.value.fautes[1].message.startswith(PHRASE)
    assert cas.etats()["MULHOUSE", 2027] == "ouverte"
    assert session.scalars(select(ControleRecevabilite)).all() == []
    cas.examiner("hors_champ")
    assert cas.etats()["MULHOUSE", 2027] == "hors_champ"


def test_une_fiche_de_la_commune_suffit_a_la_recevabilite(session: Session) -> None:
    cas = un_cas(session, "COTEAUX")
    assert cas.examiner().etat is EtatDemande.EN_INSTRUCTION
    assert verifier_champ(PHRASE, recevable=False) == ()


def test_la_recevabilite_juge_le_contenu_fige_pas_le_brouillon(session: Session) -> None:
    cas = un_cas(session, "COTEAUX")
    recevabilite.demander_complement(
        session, str(cas.dossier.numero), objet="Les fiches", pourquoi="À préciser.",
        echeance_le=MAINTENANT + timedelta(days=10), acteur=cas.agent, maintenant=MAINTENANT,
    )  # fmt: skip
    brouillon.enregistrer(
        session, str(cas.dossier.numero), {"fiches": ["MARKSTEIN"]}, acteur=cas.porteur, maintenant=MAINTENANT,
        version_lue=cas.dossier.version,
    )  # fmt: skip
    assert cas.examiner().etat is EtatDemande.EN_INSTRUCTION


@pytest.mark.parametrize("examinee", [False, True])
def test_un_complement_qui_change_les_fiches_ferme_la_ligne_de_la_commune_quittee(
    session: Session, examinee: bool
) -> None:
    cas = un_cas(session, "COTEAUX", DEUX_ANS, duree="2", fin="2028-12-15")
    if examinee:
        cas.examiner()
    cas.completer(fiches=["MARKSTEIN"])
    assert cas.etats() == {
        ("M2A", 2027): "ouverte",
        ("MULHOUSE", 2027): "hors_champ",
        ("MULHOUSE", 2028): "hors_champ",
    }
    d_office = [p for p in repository.list_passages(session, cas.dossier.id) if p.acte == "constater_hors_champ"]
    assert [(p.de, p.vers, p.motif) for p in d_office] == [
        ("en_instruction" if examinee else "ouverte", "hors_champ", PHRASE),
        ("ouverte", "hors_champ", PHRASE),
    ]
    consignes = [a for a in en_attente(session) if a.acte == "demande.constater_hors_champ"]
    assert [a.objet for a in consignes] == [f"{cas.dossier.numero}/MULHOUSE/{annee}" for annee in (2027, 2028)]


def test_un_complement_qui_garde_une_fiche_de_la_commune_ne_ferme_rien(session: Session) -> None:
    cas = un_cas(session, "COTEAUX")
    cas.completer(fiches=["COTEAUX", "MARKSTEIN"])
    assert set(cas.etats().values()) == {"ouverte"}


def test_une_demande_deja_proposee_n_est_pas_rejugee(session: Session) -> None:
    cas = un_cas(session, "COTEAUX")
    demande = cas.examiner()
    demande.etat = EtatDemande.PROPOSEE
    cas.completer(fiches=["MARKSTEIN"])
    assert cas.etats()["MULHOUSE", 2027] == "proposee"


def test_la_page_dit_le_refus_pres_de_la_conclusion_et_nomme_l_acte_d_office(decor: Decor) -> None:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, fiches=["MARKSTEIN"], priorites=[],
        demandes=DEMANDES,
    )  # fmt: skip
    compte = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="MULHOUSE")
    agent = decor.nouveau_client(compte)
    adresse = f"/instruction/{dossier.numero}?ligne=MULHOUSE&annee=2027&acte="
    page = agent.get(adresse + "rouvrir")
    assert "Constater hors champ" in page.text
    formulaire(page, "/actes/rouvrir").remplir(motif="À revoir.").envoyer(agent)
    examen = formulaire(agent.get(adresse + "examen"), "/examen")
    refus = examen.remplir(points=sorted(CODES), conclusion="recevable").envoyer(agent)
    assert refus.status_code == 422
    assert "Ville de Mulhouse n’est pas concernée" in refus.text
    assert 'href="#champ-conclusion"' in refus.text
    assert formulaire(refus, "/examen").valeur("conclusion") == "recevable"
