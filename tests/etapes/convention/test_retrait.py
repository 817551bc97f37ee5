"""Un porteur retire son dossier après l'arrêté d'une ligne : ce qui lui était engagé revient aux enveloppes."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.campagne import bilan, controle
from app.etapes.appel.models import Engagement, Enveloppe, Liberation
from app.etapes.appel.rules import NatureEngagement, NatureEnveloppe
from app.etapes.appel.service import AEngager, engager
from app.etapes.convention.service import decision
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.service import vie
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import Campagne, la_demande, une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, voter_tout


@pytest.fixture
def arretee(session: Session) -> Campagne:
    campagne = une_campagne(session)
    voter_tout(session, campagne)
    arreter(session, campagne, "M2A", "BOP147")
    return campagne


def tenu(session: Session, campagne: Campagne, ligne: str, annee: int = 2027) -> Euros:
    requete = select(Enveloppe.engage).where(
        Enveloppe.ligne_id == campagne.contrat.lignes[ligne].id, Enveloppe.annee == annee
    )
    return session.scalars(requete).one()


def retirer(session: Session, campagne: Campagne) -> None:
    numero = str(campagne.dossiers[0].numero)
    vie.retirer(session, numero, acteur=campagne.porteurs[0], maintenant=APRES, motif="Action abandonnée.")


def test_un_retrait_apres_l_arrete_rend_ce_qui_etait_engage(session: Session, arretee: Campagne) -> None:
    assert tenu(session, arretee, "M2A") == Euros.de(8_000)
    retirer(session, arretee)
    assert tenu(session, arretee, "M2A") == Euros.de(4_000)
    assert tenu(session, arretee, "BOP147") == Euros.de(2_500)
    rendus = session.execute(select(Liberation.montant, Liberation.motif).order_by(Liberation.montant)).all()
    assert [tuple(r) for r in rendus] == [
        (Euros.de(2_500), "Retrait par le porteur : Action abandonnée."),
        (Euros.de(4_000), "Retrait par le porteur : Action abandonnée."),
    ]
    numero = arretee.dossiers[0].numero
    liberes = {a.objet for a in en_attente(session) if a.acte == "engagement.libere"}
    assert liberes == {f"{numero}/M2A/2027", f"{numero}/BOP147/2027"}


def test_un_retrait_rend_toutes_les_annees_engagees(session: Session, arretee: Campagne) -> None:
    dossier, ligne = arretee.dossiers[0], arretee.contrat.lignes["M2A"]
    session.add(
        Enveloppe(
            contrat_id=arretee.contrat.id, ligne_id=ligne.id, annee=2028, nature=NatureEnveloppe.PREVISIONNELLE,
            montant=Euros.de(9_000), est_fictive=True,
        )
    )  # fmt: skip
    suivante = Demande(
        contrat_id=arretee.contrat.id, dossier_id=dossier.id, ligne_id=ligne.id, annee=2028,
        etat=EtatDemande.EN_INSTRUCTION, montant_demande=Euros.de(3_000), modifiee_at=APRES,
    )  # fmt: skip
    session.add(suivante)
    session.flush()
    engager(
        session, contrat_id=arretee.contrat.id, actes=[AEngager(suivante.id, ligne.id, 2028, Euros.de(3_000))],
        nature=NatureEngagement.RESERVATION_CPO, acteur=arretee.charge, maintenant=APRES,
    )  # fmt: skip
    assert tenu(session, arretee, "M2A", 2028) == Euros.de(3_000)
    retirer(session, arretee)
    assert tenu(session, arretee, "M2A", 2028) == Euros(0)
    assert tenu(session, arretee, "M2A") == Euros.de(4_000)


def test_un_retrait_lit_ce_que_la_base_dit_pas_ce_que_la_page_avait_lu(session: Session, arretee: Campagne) -> None:
    """Les enveloppes sont verrouillées d'abord : une décision prise entre la lecture et le verrou l'emporte."""
    dossier = arretee.dossiers[0]
    lues = dossiers.list_demandes(session, [dossier.id])
    decision.decider(
        session, str(dossier.numero), "M2A", accorde(4_000), acteur=de_la_ligne(session, arretee, "M2A"),
        maintenant=APRES,
    )  # fmt: skip
    session.flush()
    for demande, _ in lues:  # la page croit encore que rien n'est décidé
        demande.__dict__["etat"] = EtatDemande.VALIDEE
    with pytest.raises(ActeImpossible) as refus:
        retirer(session, arretee)
    assert refus.value.code == "deja_decide"
    assert tenu(session, arretee, "M2A") == Euros.de(8_000)


def test_un_retrait_avant_l_arrete_ne_libere_rien(session: Session) -> None:
    campagne = une_campagne(session)
    voter_tout(session, campagne)
    retirer(session, campagne)
    assert campagne.dossiers[0].etat is EtatDossier.RETIRE
    assert session.scalars(select(Liberation)).all() == []
    arreter(session, campagne, "M2A")
    assert tenu(session, campagne, "M2A") == Euros.de(4_000)


def test_le_controle_de_campagne_voit_des_credits_gardes_par_une_demande_retiree(
    session: Session, arretee: Campagne
) -> None:
    dresse = bilan.dresser(session, arretee.appel.code)
    assert controle.rien_d_engage_sans_objet(session, dresse) == []
    demande = la_demande(session, arretee.dossiers[0], "M2A")
    demande.etat = EtatDemande.RETIREE
    session.flush()
    (phrase,) = controle.rien_d_engage_sans_objet(session, dresse)
    assert phrase.startswith(f"{arretee.dossiers[0].numero}/M2A/2027 : une demande « retiree »")
    assert session.scalars(select(Engagement)).all()
