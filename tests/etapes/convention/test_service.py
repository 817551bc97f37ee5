"""Arrêter, décider, notifier, renoncer : les actes de la décision, sur PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.etapes.appel.models import Engagement, Enveloppe, Liberation
from app.etapes.appel.rules import EtatAppel
from app.etapes.commission.rules import Sens
from app.etapes.commission.service import votes
from app.etapes.convention import repository
from app.etapes.convention.models import Decision
from app.etapes.convention.rules import SensDecision
from app.etapes.convention.service import decision, lettre, notification
from app.etapes.convention.service.arret import arreter_ligne
from app.etapes.dossier.models import Demande, DemandeComplement
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra import documents
from app.infra.mail import Courriel
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ActeCommission, NatureAutorite
from tests.etapes.commission.aide_seance import (
    EN_SEANCE,
    Campagne,
    la_demande,
    une_campagne,
    une_seance,
    une_seance_ouverte,
)
from tests.etapes.convention.aide_decision import ACTE_LE, APRES, accorde, arreter, de_la_ligne, refuse, voter_tout
from tests.factories import CLOTURE, identite, un_compte

CHAMPS_N1 = (
    "montant_demande_n1", "montant_accorde_n1", "montant_depense_n1", "theme_p147", "numero_dauphin",
    "engagement_juridique",
)  # fmt: skip


@pytest.fixture
def votee(session: Session) -> Campagne:
    campagne = une_campagne(session)
    voter_tout(session, campagne)
    return campagne


@pytest.fixture
def arretee(session: Session, votee: Campagne) -> Campagne:
    arreter(session, votee, "M2A", "BOP147")
    return votee


def engage(session: Session, campagne: Campagne, ligne: str) -> Euros:
    enveloppe = session.scalars(
        select(Enveloppe)
        .where(Enveloppe.ligne_id == campagne.contrat.lignes[ligne].id)
        .execution_options(populate_existing=True)
    ).one()
    return enveloppe.engage


def numero(campagne: Campagne, rang: int = 0) -> str:
    trouve = campagne.dossiers[rang].numero
    assert trouve is not None
    return trouve


def attendre_un_complement(session: Session, campagne: Campagne, rang: int, ligne: str | None = None) -> None:
    dossier = campagne.dossiers[rang]
    session.add(
        DemandeComplement(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id,
            ligne_id=campagne.contrat.lignes[ligne].id if ligne else None, objet="RIB", pourquoi="Illisible",
            echeance_le=APRES + timedelta(days=10), demandee_le=APRES, demandee_par="essai", recue_le=None,
        )
    )  # fmt: skip
    session.flush()


# -- arrêter une ligne


def test_arreter_engage_tout_ce_qui_est_vote(session: Session, votee: Campagne) -> None:
    arrete = arreter_ligne(
        session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=APRES
    )
    assert (arrete.montant, arrete.nombre) == (Euros.de(8_000), 2)
    assert engage(session, votee, "M2A") == Euros.de(8_000)
    assert engage(session, votee, "BOP147") == Euros(0)
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=APRES)
    assert refus.value.code == "ligne_arretee"


def test_une_enveloppe_depassee_n_engage_rien(session: Session) -> None:
    campagne = une_campagne(session, enveloppe=Euros.de(7_999))
    voter_tout(session, campagne)
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(
            session, campagne.appel.code, "M2A", acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES
        )
    assert refus.value.code == "enveloppe_depassee"
    assert session.scalars(select(Engagement)).all() == []
    assert engage(session, campagne, "M2A") == Euros(0)
    arreter(session, campagne, "BOP147")
    assert engage(session, campagne, "BOP147") == Euros.de(5_000)


def test_on_n_arrete_pas_une_ligne_encore_a_voter(session: Session) -> None:
    campagne = une_campagne(session)
    seance = une_seance_ouverte(session, campagne)
    votes.proclamer(session, seance.code, 3, bulletins=Sens.POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(
            session, campagne.appel.code, "M2A", acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES
        )
    assert refus.value.code == "demandes_a_voter"
    assert numero(campagne, 1) in refus.value.message


def test_une_ligne_sans_vote_n_a_rien_a_arreter(session: Session, votee: Campagne) -> None:
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(
            session, votee.appel.code, "MULHOUSE", acteur=de_la_ligne(session, votee, "MULHOUSE"), maintenant=APRES
        )
    assert refus.value.code == "rien_a_arreter"


@pytest.mark.parametrize(("ligne", "bloque"), [(None, True), ("M2A", True), ("BOP147", False)])
def test_un_complement_attendu_bloque_l_arrete_de_sa_ligne(
    session: Session, votee: Campagne, ligne: str | None, bloque: bool
) -> None:
    attendre_un_complement(session, votee, 0, ligne)
    if not bloque:
        arreter(session, votee, "M2A")
        return
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(session, votee.appel.code, "M2A", acteur=de_la_ligne(session, votee, "M2A"), maintenant=APRES)
    assert refus.value.code == "complement_attendu"


def test_une_ligne_s_arrete_par_ses_gens_et_eux_seuls(session: Session, votee: Campagne) -> None:
    etat = de_la_ligne(session, votee, "BOP147")
    for acteur in (etat, votee.charge):
        with pytest.raises(ActeInterdit):
            arreter_ligne(session, votee.appel.code, "M2A", acteur=acteur, maintenant=APRES)
    arreter_ligne(session, votee.appel.code, "BOP147", acteur=etat, maintenant=APRES)
    for appel, ligne in (("inconnu", "M2A"), (votee.appel.code, "INCONNUE")):
        with pytest.raises(Introuvable):
            arreter_ligne(session, appel, ligne, acteur=de_la_ligne(session, votee, ligne), maintenant=APRES)
    with pytest.raises(Introuvable):
        arreter_ligne(session, votee.appel.code, "M2A", acteur=votee.porteurs[0], maintenant=APRES)


def test_une_cloture_anticipee_permet_d_arreter_la_ligne(session: Session, votee: Campagne) -> None:
    votee.appel.etat = EtatAppel.OUVERT
    session.flush()
    avant_la_cloture = CLOTURE - timedelta(days=1)
    m2a = de_la_ligne(session, votee, "M2A")
    with pytest.raises(ActeImpossible) as refus:
        arreter_ligne(session, votee.appel.code, "M2A", acteur=m2a, maintenant=avant_la_cloture)
    assert refus.value.code == "depot_ouvert"
    votee.appel.etat = EtatAppel.CLOS
    session.flush()
    assert arreter_ligne(session, votee.appel.code, "M2A", acteur=m2a, maintenant=avant_la_cloture).nombre == 2


# -- décider


def test_une_attribution_conforme_au_vote_ne_libere_rien(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    assert la_demande(session, arretee.dossiers[0], "M2A").etat is EtatDemande.DECIDEE
    assert la_demande(session, arretee.dossiers[0], "BOP147").etat is EtatDemande.AVIS_RENDU
    assert session.scalars(select(Liberation)).all() == []
    assert engage(session, arretee, "M2A") == Euros.de(8_000)


def test_un_montant_different_du_vote_se_motive_et_libere_la_difference(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    with pytest.raises(SaisieInvalide) as refus:
        decision.decider(session, numero(arretee), "M2A", accorde(3_000), acteur=m2a, maintenant=APRES)
    assert [f.code for f in refus.value.fautes] == ["motif_exige"]
    decision.decider(
        session, numero(arretee), "M2A", accorde(3_000, "Crédits réduits par le conseil"), acteur=m2a, maintenant=APRES
    )
    assert session.scalars(select(Liberation.montant)).all() == [Euros.de(1_000)]
    assert engage(session, arretee, "M2A") == Euros.de(7_000)


def test_un_refus_libere_tout(session: Session, arretee: Campagne) -> None:
    etat = de_la_ligne(session, arretee, "BOP147")
    decision.decider(session, numero(arretee), "BOP147", refuse(), acteur=etat, maintenant=APRES)
    assert la_demande(session, arretee.dossiers[0], "BOP147").etat is EtatDemande.REFUSEE
    assert engage(session, arretee, "BOP147") == Euros.de(2_500)


def test_on_ne_decide_pas_plus_que_l_engage(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    with pytest.raises(SaisieInvalide) as refus:
        decision.decider(session, numero(arretee), "M2A", accorde(4_001, "Plus"), acteur=m2a, maintenant=APRES)
    assert [f.code for f in refus.value.fautes] == ["montant_au_dela_de_l_engage"]


def test_on_ne_decide_pas_sans_vote(session: Session) -> None:
    campagne = une_campagne(session)
    une_seance(session, campagne)
    m2a = de_la_ligne(session, campagne, "M2A")
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(campagne), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    assert refus.value.code == "sans_vote"


def test_on_ne_decide_pas_avant_l_arrete_ni_pendant_un_complement(session: Session, votee: Campagne) -> None:
    m2a = de_la_ligne(session, votee, "M2A")
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(votee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    assert refus.value.code == "ligne_non_arretee"
    arreter(session, votee, "M2A")
    attendre_un_complement(session, votee, 0)
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(votee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    assert refus.value.code == "complement_attendu"
    decision.decider(session, numero(votee, 1), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)


def test_une_decision_ne_se_reprend_pas(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(arretee), "M2A", refuse(), acteur=m2a, maintenant=APRES)
    assert refus.value.code == "etat_contraire"
    with pytest.raises(DBAPIError, match=r"réécrit|permission denied"), session.begin_nested():
        session.execute(text("UPDATE decision SET montant_centimes = 1"))


def test_seuls_les_gens_de_la_ligne_decident(session: Session, arretee: Campagne) -> None:
    for intrus in (de_la_ligne(session, arretee, "BOP147"), arretee.charge):
        with pytest.raises(ActeInterdit):
            decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=intrus, maintenant=APRES)
    with pytest.raises(Introuvable):
        decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=arretee.porteurs[1], maintenant=APRES)


def test_une_reserve_activee_s_engage_a_la_decision(session: Session) -> None:
    campagne = une_campagne(session, enveloppe=Euros.de(6_000))
    seance = une_seance_ouverte(session, campagne)
    commun = {"bulletins": Sens.POUR, "acteur": campagne.charge, "maintenant": EN_SEANCE}
    votes.proclamer(session, seance.code, 3, **commun)  # type: ignore[arg-type]
    votes.mettre_en_reserve(session, seance.code, 4, **commun)  # type: ignore[arg-type]
    arreter(session, campagne, "M2A")
    m2a = de_la_ligne(session, campagne, "M2A")
    with pytest.raises(SaisieInvalide) as refus:
        decision.decider(session, numero(campagne, 1), "M2A", accorde(2_001, "Réserve"), acteur=m2a, maintenant=APRES)
    assert [f.code for f in refus.value.fautes] == ["montant_au_dela_du_reste"]
    decision.decider(session, numero(campagne, 1), "M2A", accorde(2_000, "Réserve"), acteur=m2a, maintenant=APRES)
    assert engage(session, campagne, "M2A") == Euros.de(6_000)
    natures = session.scalars(select(Engagement.nature).order_by(Engagement.id)).all()
    assert [n.value for n in natures] == ["arrete", "decision"]


def test_l_etat_peut_refuser_ce_que_la_commission_a_retenu_et_l_inverse(session: Session) -> None:
    campagne = une_campagne(session, dossiers=1)
    voter_tout(session, campagne, Sens.CONTRE)
    arreter(session, campagne, "BOP147")
    assert engage(session, campagne, "BOP147") == Euros(0)
    etat = de_la_ligne(session, campagne, "BOP147")
    decision.decider(
        session, numero(campagne), "BOP147", accorde(2_000, "Priorité du préfet"), acteur=etat, maintenant=APRES
    )
    assert engage(session, campagne, "BOP147") == Euros.de(2_000)


def test_sans_enveloppe_rien_ne_se_decide(session: Session, votee: Campagne) -> None:
    neuve = LigneFinancement(
        contrat_id=votee.contrat.id, code="NEUVE", rang=9, financeur="Neuve", intitule="Neuve", attribuant_nom="Neuve",
        nature_autorite=NatureAutorite.EPCI, acte_commission=ActeCommission.AVIS, acte_decision="délibération",
        attribuant_siret=None, commune_id=None, contenu={},
    )  # fmt: skip
    session.add(neuve)
    session.flush()
    votee.contrat.lignes["NEUVE"] = neuve
    modele = la_demande(session, votee.dossiers[0], "M2A")
    session.add(
        Demande(
            contrat_id=modele.contrat_id, dossier_id=modele.dossier_id, ligne_id=neuve.id, annee=modele.annee,
            etat=EtatDemande.AVIS_RENDU, montant_demande=Euros.de(100), modifiee_at=APRES,
            **dict.fromkeys(CHAMPS_N1),
        )
    )  # fmt: skip
    session.flush()
    gens = de_la_ligne(session, votee, "NEUVE")
    with pytest.raises(ActeImpossible) as refus:
        decision.decider(session, numero(votee), "NEUVE", accorde(100), acteur=gens, maintenant=APRES)
    assert refus.value.code == "enveloppe_absente"


# -- décider en lot


def lot(session: Session, campagne: Campagne, texte: str, *, pour_de_vrai: bool) -> decision.LotControle:
    return decision.decider_lot(
        session, campagne.appel.code, "M2A", texte=texte, reference_acte="2027-CA-40", acte_le=ACTE_LE,
        acteur=de_la_ligne(session, campagne, "M2A"), maintenant=APRES, pour_de_vrai=pour_de_vrai,
    )  # fmt: skip


def test_un_lot_se_controle_puis_s_enregistre(session: Session, arretee: Campagne) -> None:
    texte = f"numéro;montant;sens;motif\n{numero(arretee)};4000;;\n{numero(arretee, 1)};;refusée;Hors priorité"
    essai = lot(session, arretee, texte, pour_de_vrai=False)
    assert (essai.fautes, essai.total) == ((), Euros.de(4_000))
    assert session.scalars(select(Decision)).all() == []
    assert la_demande(session, arretee.dossiers[0], "M2A").etat is EtatDemande.VALIDEE
    assert engage(session, arretee, "M2A") == Euros.de(8_000)
    lot(session, arretee, texte, pour_de_vrai=True)
    sens = session.scalars(select(Decision.sens).order_by(Decision.id)).all()
    assert sens == [SensDecision.ATTRIBUEE, SensDecision.REFUSEE]
    assert engage(session, arretee, "M2A") == Euros.de(4_000)


def test_un_lot_fautif_n_enregistre_rien_et_dit_chaque_ligne(session: Session, arretee: Campagne) -> None:
    texte = f"{numero(arretee)};4000\nESS-2027-9999;100\n{numero(arretee, 1)};3000"
    controle = lot(session, arretee, texte, pour_de_vrai=False)
    assert [f.code for f in controle.fautes] == ["introuvable", "motif_exige"]
    assert controle.fautes[0].message.startswith("Ligne 2 (ESS-2027-9999) :")
    with pytest.raises(SaisieInvalide) as refus:
        lot(session, arretee, texte, pour_de_vrai=True)
    assert len(refus.value.fautes) == 2
    assert session.scalars(select(Decision)).all() == []


# -- notifier


def test_notifier_attend_la_decision_et_ne_se_fait_qu_une_fois(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    with pytest.raises(ActeImpossible) as refus:
        notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    assert refus.value.code == "sans_decision"
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    with pytest.raises(ActeInterdit):
        notification.notifier(session, numero(arretee), "M2A", acteur=arretee.charge, maintenant=APRES)
    notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    assert la_demande(session, arretee.dossiers[0], "M2A").etat is EtatDemande.NOTIFIEE
    with pytest.raises(ActeImpossible) as refus:
        notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    assert refus.value.code == "deja_notifie"


def test_chaque_autorite_notifie_de_son_cote(session: Session, arretee: Campagne) -> None:
    m2a, etat = de_la_ligne(session, arretee, "M2A"), de_la_ligne(session, arretee, "BOP147")
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    decision.decider(session, numero(arretee), "BOP147", refuse(), acteur=etat, maintenant=APRES)
    assert notification.notifier_ligne(session, arretee.appel.code, "M2A", acteur=m2a, maintenant=APRES) == 1
    assert la_demande(session, arretee.dossiers[0], "BOP147").etat is EtatDemande.REFUSEE
    notification.notifier(session, numero(arretee), "BOP147", acteur=etat, maintenant=APRES)
    assert la_demande(session, arretee.dossiers[0], "BOP147").etat is EtatDemande.REFUS_NOTIFIE
    with pytest.raises(ActeImpossible) as refus:
        notification.notifier_ligne(session, arretee.appel.code, "M2A", acteur=m2a, maintenant=APRES)
    assert refus.value.code == "sans_decision"


def test_la_lettre_se_scelle_une_fois_et_le_porteur_est_prevenu(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(3_000, "Budget réduit"), acteur=m2a, maintenant=APRES)
    partie = notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    assert lettre.sceller_et_envoyer(session, partie.id, url_publique="https://iq.example", maintenant=APRES)
    assert not lettre.sceller_et_envoyer(session, partie.id, url_publique="https://iq.example", maintenant=APRES)
    assert partie.document_sha256 is not None
    document = documents.lire(session, partie.document_sha256)
    assert document is not None
    assert document.contenu.startswith(b"%PDF-")
    courriels = session.scalars(select(Courriel).where(Courriel.cle.like("notification:%"))).all()
    assert [c.destinataire for c in courriels] == [arretee.porteurs[0].courriel]
    assert f"https://iq.example/dossiers/{numero(arretee)}/notifications/M2A" in courriels[0].corps
    assert "voté" not in courriels[0].corps


def test_la_lettre_dit_l_acte_le_motif_les_delais_et_le_recours(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(3_000, "Budget réduit"), acteur=m2a, maintenant=APRES)
    partie = notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    lues = repository.list_demandes_du_dossier(session, partie.dossier_id, partie.ligne_id)
    dit = lettre.donnees(session, partie, lues)
    assert (dit["titre"], dit["montant"]) == ("Notification d’attribution", str(Euros.de(3_000)))
    assert dit["versement_jours"] == 60
    assert dit["recours_mois"] == 2
    assert dit["tribunal"] == "tribunal administratif de Strasbourg"
    assert dit["algorithme"] == ""
    assert dit["decisions"] == [
        {
            "annee": 2027,
            "sens": "attribuée",
            "montant": str(Euros.de(3_000)),
            "acte": "2027-05-CA-12, délibération du mardi 18 mai 2027",
            "motif": "Budget réduit",
        }
    ]


def test_un_refus_n_annonce_aucun_versement(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", refuse(), acteur=m2a, maintenant=APRES)
    partie = notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    dit = lettre.donnees(
        session, partie, repository.list_demandes_du_dossier(session, partie.dossier_id, partie.ligne_id)
    )
    assert (dit["titre"], dit["versement_jours"]) == ("Notification de refus", None)


@pytest.mark.parametrize(
    "ordre",
    [
        "UPDATE notification SET lue_at = now() WHERE lue_at IS NOT NULL",
        "UPDATE notification SET lue_at = NULL",
        "UPDATE notification SET acteur = 'c-autre'",
        "DELETE FROM notification",
        "TRUNCATE notification CASCADE",
    ],
)
def test_la_base_ne_reprend_pas_une_notification(session: Session, arretee: Campagne, ordre: str) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    notification.ouvrir(session, numero(arretee), "M2A", acteur=arretee.porteurs[0], maintenant=APRES)
    session.flush()
    session.execute(text("UPDATE notification SET envoyee_at = now()"))
    refus = "permission denied" if ordre.startswith("TRUNCATE") else "Une notification ne se reprend pas"
    with pytest.raises(DBAPIError, match=refus), session.begin_nested():
        session.execute(text(ordre))


def test_la_premiere_lecture_du_porteur_est_datee(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    with pytest.raises(Introuvable):
        notification.ouvrir(session, numero(arretee), "M2A", acteur=arretee.porteurs[0], maintenant=APRES)
    decision.decider(session, numero(arretee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    notification.notifier(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    vue, _ = notification.ouvrir(session, numero(arretee), "M2A", acteur=m2a, maintenant=APRES)
    assert vue.lue_at is None
    lundi, mardi = APRES + timedelta(days=1), APRES + timedelta(days=2)
    notification.ouvrir(session, numero(arretee), "M2A", acteur=arretee.porteurs[0], maintenant=lundi)
    vue, lues = notification.ouvrir(session, numero(arretee), "M2A", acteur=arretee.porteurs[0], maintenant=mardi)
    assert vue.lue_at == lundi
    assert [lue.vote for lue in lues] == [Euros.de(4_000)]
    with pytest.raises(Introuvable):
        notification.ouvrir(session, numero(arretee), "M2A", acteur=arretee.porteurs[1], maintenant=mardi)
    habitants = identite(
        session, un_compte(session, Role.CONSEIL_HABITANTS, contrat=arretee.contrat, quartier="QN06804M"), APRES
    )
    with pytest.raises(Introuvable):
        notification.ouvrir(session, numero(arretee), "M2A", acteur=habitants, maintenant=mardi)


# -- renoncer


def test_renoncer_rend_tout_a_l_enveloppe(session: Session, arretee: Campagne) -> None:
    m2a, porteur = de_la_ligne(session, arretee, "M2A"), arretee.porteurs[0]
    decision.decider(session, numero(arretee), "M2A", accorde(3_000, "Réduit"), acteur=m2a, maintenant=APRES)
    with pytest.raises(SaisieInvalide):
        decision.renoncer(session, numero(arretee), "M2A", motif="", acteur=porteur, maintenant=APRES)
    with pytest.raises(ActeInterdit):
        decision.renoncer(session, numero(arretee), "M2A", motif="x", acteur=m2a, maintenant=APRES)
    rendu = decision.renoncer(
        session, numero(arretee), "M2A", motif="L’action n’aura pas lieu", acteur=porteur, maintenant=APRES
    )
    assert rendu == Euros.de(3_000)
    assert engage(session, arretee, "M2A") == Euros.de(4_000)
    assert la_demande(session, arretee.dossiers[0], "M2A").etat is EtatDemande.RENONCEE


# -- lire


def test_les_comptes_d_une_ligne_suivent_les_actes(session: Session, arretee: Campagne) -> None:
    m2a = de_la_ligne(session, arretee, "M2A")
    decision.decider(session, numero(arretee), "M2A", accorde(3_000, "Réduit"), acteur=m2a, maintenant=APRES)
    comptes = repository.compter(session, [arretee.appel.id], m2a)
    ligne = arretee.contrat.lignes["M2A"].id
    assert {c.etat: (c.nombre, c.vote, c.decide) for c in comptes if c.ligne_id == ligne} == {
        EtatDemande.DECIDEE: (1, Euros.de(4_000), Euros.de(3_000)),
        EtatDemande.VALIDEE: (1, Euros.de(4_000), Euros(0)),
    }
    assert [a.acte.ligne_id for a in repository.list_arretes(session, [arretee.appel.id])] == [
        ligne,
        arretee.contrat.lignes["BOP147"].id,
    ]
    parcourue = list(repository.parcourir(session, arretee.appel.id, arretee.appel.annee, m2a))
    assert len(parcourue) == 4
    assert repository.departement(session, arretee.contrat.id) == "68"
