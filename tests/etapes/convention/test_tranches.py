"""Les années suivantes d'une CPO : réservées à la décision, dites à la notification, libérées par une renonciation."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Engagement, Enveloppe
from app.etapes.appel.rules import NatureEngagement, NatureEnveloppe
from app.etapes.convention.service import decision, lettre, notification
from app.etapes.dossier.api.representation import montrer_demande
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.repository import list_champs
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE, EtatDemande, Public
from app.etapes.dossier.service import recevabilite, vie
from app.etapes.dossier.service.brouillon import creer_brouillon, enregistrer
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from tests import factories as f
from tests.etapes.commission.aide_seance import Campagne, proposer, une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, refuse, voter_tout

DEMANDES = [
    {"ligne": "M2A", "annee": 2027, "montant": 500_000},
    {"ligne": "BOP147", "annee": 2027, "montant": 300_000},
    {"ligne": "M2A", "annee": 2028, "montant": 400_001},
    {"ligne": "M2A", "annee": 2029, "montant": 800_000},
]


@dataclass
class Cas:
    session: Session
    campagne: Campagne
    dossier: Dossier
    organisation: Organisation
    porteur: Identite
    m2a: Identite

    def demande(self, annee: int, ligne: str = "M2A") -> Demande:
        ligne_id = self.campagne.contrat.lignes[ligne].id
        trouvee = self.session.scalars(
            select(Demande).where(
                Demande.dossier_id == self.dossier.id, Demande.annee == annee, Demande.ligne_id == ligne_id
            )
        ).one()
        self.session.refresh(trouvee)
        return trouvee

    def ouvrir(self, annee: int, euros: int) -> None:
        contrat = self.campagne.contrat
        self.session.add(
            Enveloppe(
                contrat_id=contrat.id, ligne_id=contrat.lignes["M2A"].id, annee=annee,
                nature=NatureEnveloppe.PREVISIONNELLE, montant=Euros.de(euros), engage=Euros(0), est_fictive=True,
            )
        )  # fmt: skip
        self.session.flush()

    def engage(self, annee: int) -> Euros:
        requete = select(Enveloppe).where(
            Enveloppe.ligne_id == self.campagne.contrat.lignes["M2A"].id, Enveloppe.annee == annee
        )
        return self.session.scalars(requete.execution_options(populate_existing=True)).one().engage

    def decider(self, dite: decision.DecisionDite) -> None:
        assert self.dossier.numero
        decision.decider(self.session, self.dossier.numero, "M2A", dite, acteur=self.m2a, maintenant=APRES)

    def motif(self, annee: int) -> str:
        requete = select(Passage.motif).where(Passage.demande_id == self.demande(annee).id).order_by(Passage.id.desc())
        return self.session.scalars(requete.limit(1)).one()


@pytest.fixture
def cas(session: Session) -> Cas:
    """Une CPO de trois ans, votée et arrêtée à 4 000 € sur 5 000 € demandés à m2A en 2027."""
    campagne = une_campagne(session, dossiers=1)
    organisation = f.une_organisation(session, rang=7)
    porteur = f.un_porteur(session, organisation)
    dossier = f.un_dossier_complet(
        session, campagne.appel, organisation, porteur, duree="3", demandes=DEMANDES, fin="2029-12-15"
    )
    trouve = Cas(session, campagne, dossier, organisation, porteur, de_la_ligne(session, campagne, "M2A"))
    proposer(session, trouve.demande(2027), 4_000, campagne.charge)
    voter_tout(session, campagne)
    arreter(session, campagne, "M2A")
    return trouve


def test_decider_la_premiere_annee_reserve_les_suivantes_au_taux_accorde(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    cas.ouvrir(2029, 100_000)
    cas.decider(accorde(4_000))
    reservations = cas.session.scalars(
        select(Engagement).where(Engagement.nature == NatureEngagement.RESERVATION_CPO).order_by(Engagement.annee)
    ).all()
    assert [(e.annee, e.montant) for e in reservations] == [(2028, Euros.de(3_200)), (2029, Euros.de(6_400))]
    assert (cas.engage(2028), cas.engage(2029)) == (Euros.de(3_200), Euros.de(6_400))
    assert cas.demande(2028).etat is EtatDemande.TRANCHE_DECIDEE
    montre = montrer_demande(cas.demande(2028), cas.campagne.contrat.lignes["M2A"], Public.PORTEUR)
    assert (montre.etat, montre.libelle) == ("decision_a_venir", "Décision à venir"), "rien avant la notification"


def test_notifier_dit_la_tranche_et_laisse_clore_le_dossier(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    cas.decider(accorde(4_000))
    envoyee = notification.notifier_ligne(cas.session, cas.campagne.appel.code, "M2A", acteur=cas.m2a, maintenant=APRES)
    assert envoyee == 1
    assert cas.demande(2028).etat is EtatDemande.TRANCHE_RESERVEE
    phrase = LIBELLES_DEMANDE[EtatDemande.TRANCHE_RESERVEE].porteur
    assert phrase == "Réservé, sous condition du bilan et du vote des crédits"
    assert cas.demande(2029).etat is EtatDemande.CADUQUE
    assert "pas encore ouverte" in cas.motif(2029)
    assert cas.dossier.numero
    partie, lues = notification.ouvrir(cas.session, cas.dossier.numero, "M2A", acteur=cas.porteur, maintenant=APRES)
    suites = lettre.donnees(cas.session, partie, lues)["suites"]
    assert [s[:5] for s in suites] == ["3\u202f200", "Rien "]
    _ecarter_l_etat(cas)
    vie.clore(cas.session, cas.dossier.numero, acteur=cas.campagne.charge, maintenant=APRES)


def _ecarter_l_etat(cas: Cas) -> None:
    assert cas.dossier.numero
    recevabilite.examiner(
        cas.session, cas.dossier.numero, ligne="BOP147", annee=2027, conclusion="irrecevable", points={},
        motif="Hors sujet", acteur=de_la_ligne(cas.session, cas.campagne, "BOP147"), maintenant=APRES,
    )  # fmt: skip


def test_avant_la_notification_le_dossier_ne_se_clot_pas(cas: Cas) -> None:
    cas.decider(accorde(4_000))
    _ecarter_l_etat(cas)
    assert cas.dossier.numero
    with pytest.raises(ActeImpossible) as refus:
        vie.clore(cas.session, cas.dossier.numero, acteur=cas.campagne.charge, maintenant=APRES)
    assert refus.value.code == "demandes_en_cours"


@pytest.mark.parametrize(("reste", "reserve"), [(3_199, 0), (3_200, 3_200)])
def test_l_enveloppe_de_2028_n_est_jamais_depassee_et_ne_bloque_pas_2027(cas: Cas, reste: int, reserve: int) -> None:
    cas.ouvrir(2028, reste)
    cas.decider(accorde(4_000))
    assert cas.engage(2028) == Euros.de(reserve)
    assert cas.demande(2027).etat is EtatDemande.DECIDEE
    assert ("ne suffit pas" in cas.motif(2028)) is (reserve == 0)


def test_un_montant_arbitre_pour_2028_l_emporte_sur_le_taux(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    proposer(cas.session, cas.demande(2028), 1_500, cas.campagne.charge)
    cas.decider(accorde(4_000))
    assert cas.engage(2028) == Euros.de(1_500)


def test_un_refus_ne_reserve_rien_et_met_fin_aux_annees_suivantes(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    cas.decider(refuse())
    assert cas.engage(2028) == Euros(0)
    assert cas.dossier.numero
    notification.notifier(cas.session, cas.dossier.numero, "M2A", acteur=cas.m2a, maintenant=APRES)
    assert {cas.demande(a).etat for a in (2028, 2029)} == {EtatDemande.CADUQUE}
    assert "la première année n’est pas financée" in cas.motif(2028)


def test_renoncer_libere_aussi_les_annees_reservees(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    cas.decider(accorde(4_000))
    assert cas.dossier.numero
    notification.notifier(cas.session, cas.dossier.numero, "M2A", acteur=cas.m2a, maintenant=APRES)
    rendu = decision.renoncer(
        cas.session, cas.dossier.numero, "M2A", motif="Le partenaire se retire", acteur=cas.porteur, maintenant=APRES
    )
    assert rendu == Euros.de(4_000)
    assert (cas.engage(2027), cas.engage(2028)) == (Euros.de(4_000), Euros(0)), "2027 tient encore l’autre dossier"
    assert {cas.demande(a).etat for a in (2027, 2028)} == {EtatDemande.RENONCEE}


def test_une_annee_suivante_irrecevable_n_est_pas_reservee(cas: Cas) -> None:
    cas.ouvrir(2028, 100_000)
    cas.demande(2028).etat = EtatDemande.IRRECEVABLE
    cas.session.flush()
    cas.decider(accorde(4_000))
    assert cas.engage(2028) == Euros(0)
    assert cas.demande(2028).etat is EtatDemande.IRRECEVABLE


# -- l'accordé remonte au dossier et préremplit celui qui le renouvelle


def _renouveler(cas: Cas) -> Dossier:
    suivant = f.un_appel(cas.session, cas.campagne.contrat, annee=2028)
    return creer_brouillon(
        cas.session, acteur=cas.porteur, appel=suivant, organisation=cas.organisation, maintenant=f.MAINTENANT,
        renouvelle=cas.dossier,
    )  # fmt: skip


def _precedents(cas: Cas, dossier: Dossier) -> dict[str, dict[str, int]]:
    valeur = list_champs(cas.session, dossier.id)["precedents"].valeur
    return {r["ligne"]: {c: v for c, v in r.items() if c != "ligne"} for r in valeur}


def _saisir(cas: Cas, dossier: Dossier, *rangees: dict[str, object]) -> None:
    enregistrer(
        cas.session, dossier.reference, {"precedents": [dict(r) for r in rangees]},  # type: ignore[dict-item]
        version_lue=dossier.version, acteur=cas.porteur, maintenant=f.MAINTENANT,
    )  # fmt: skip


def test_l_accorde_notifie_se_prerremplit_l_inconnu_reste_au_porteur(cas: Cas) -> None:
    cas.decider(accorde(4_000))
    assert cas.dossier.numero
    assert "accorde" not in _precedents(cas, _renouveler(cas))["M2A"], "décidé n'est pas notifié"


def test_un_montant_connu_ne_se_contredit_pas_et_ne_se_perd_pas(cas: Cas) -> None:
    cas.decider(accorde(4_000))
    assert cas.dossier.numero
    notification.notifier(cas.session, cas.dossier.numero, "M2A", acteur=cas.m2a, maintenant=APRES)
    neuf = _renouveler(cas)
    connu = {"demande": 500_000, "accorde": 400_000}
    assert _precedents(cas, neuf) == {"M2A": connu, "BOP147": {"demande": 300_000}}
    with pytest.raises(SaisieInvalide) as refus:
        _saisir(cas, neuf, {"ligne": "BOP147"}, {"ligne": "M2A", "accorde": 450_000})
    assert [(x.champ, x.code) for x in refus.value.fautes] == [("precedents.1.accorde", "montant_connu")]
    _saisir(cas, neuf, {"ligne": "BOP147", "accorde": 100_000}, {"ligne": "M2A", "depense": 390_000})
    assert _precedents(cas, neuf) == {
        "BOP147": {"demande": 300_000, "accorde": 100_000}, "M2A": connu | {"depense": 390_000},
    }  # fmt: skip
    _saisir(cas, neuf)
    assert _precedents(cas, neuf)["M2A"] == connu


def test_une_renonciation_met_l_accorde_a_zero(cas: Cas) -> None:
    cas.decider(accorde(4_000))
    assert cas.dossier.numero
    notification.notifier(cas.session, cas.dossier.numero, "M2A", acteur=cas.m2a, maintenant=APRES)
    decision.renoncer(cas.session, cas.dossier.numero, "M2A", motif="x", acteur=cas.porteur, maintenant=APRES)
    assert _precedents(cas, _renouveler(cas))["M2A"]["accorde"] == 0
