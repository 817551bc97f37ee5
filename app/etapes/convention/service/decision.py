"""Enregistrer ce que l'autorité a décidé, une demande ou un lot à la fois ; renoncer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from app.etapes.appel.rules import NatureEngagement
from app.etapes.convention import repository
from app.etapes.convention.models import Decision
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.rules import (
    DecisionDite,
    LigneDeLot,
    SensDecision,
    a_liberer,
    empechements_de_la_decision,
    fautes_de_la_decision,
    lire_lot,
)
from app.etapes.convention.service import tranches
from app.etapes.convention.service.gardes import exiger_la_ligne
from app.etapes.convention.service.guichet import Guichet, ouvrir
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE, EtatDemande
from app.etapes.dossier.service import reprise
from app.etapes.dossier.service.vie import passer_demande
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris

ACTES = {SensDecision.ATTRIBUEE: "attribuer", SensDecision.REFUSEE: "refuser"}
PAS_VOTEES = frozenset(
    {
        EtatDemande.OUVERTE,
        EtatDemande.EN_INSTRUCTION,
        EtatDemande.PROPOSEE,
        EtatDemande.ARBITREE,
        EtatDemande.AJOURNEE,
    }
)


def _controler(guichet: Guichet, lue: DemandeLue, dite: DecisionDite) -> None:
    """Lève ActeImpossible (pas votée, complément, ligne non arrêtée) ou SaisieInvalide."""
    etat = lue.demande.etat
    if etat in PAS_VOTEES:
        raise ActeImpossible("La commission n’a pas voté cette demande : rien à décider.", code="sans_vote")
    if etat not in repository.A_DECIDER:
        phrase = f"La demande est « {LIBELLES_DEMANDE[etat].agent} » : la décision est prise ou n’a plus lieu d’être."
        raise ActeImpossible(phrase, code="etat_contraire")
    reste = guichet.reste(lue.demande.annee) or Euros(0)
    faits = repository.faits_de_la_decision(
        lue, ligne_arretee=lue.phase <= guichet.rang_arrete, reste=reste, reserve=guichet.reserve(),
        maintenant=guichet.maintenant,
    )  # fmt: skip
    empechements = empechements_de_la_decision(faits)
    if empechements:
        raise ActeImpossible(" ".join(e.message for e in empechements), code=empechements[0].code)
    fautes = fautes_de_la_decision(faits, dite, a_paris(guichet.maintenant).date())
    if fautes:
        raise SaisieInvalide(list(fautes))


def _enregistrer(guichet: Guichet, demande_id: int, dite: DecisionDite) -> Decision:
    session, acteur, maintenant = guichet.session, guichet.acteur, guichet.maintenant
    lue = repository.get_demande_lue(session, demande_id)
    _controler(guichet, lue, dite)
    decision = Decision(
        contrat_id=guichet.appel.contrat_id, demande_id=demande_id, sens=dite.sens, montant=dite.montant,
        reference_acte=dite.reference_acte.strip(), acte_le=dite.acte_le, motif=dite.motif.strip(),
        acteur=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(decision)
    _ajuster_l_enveloppe(guichet, lue, dite)
    passer_demande(
        session, lue.dossier, lue.demande, ACTES[dite.sens], ligne=guichet.ligne.code, acteur=acteur,
        maintenant=maintenant, motif=dite.motif,
    )  # fmt: skip
    session.flush()
    consigner(
        session, contrat_id=guichet.appel.contrat_id, acte="decision.enregistree",
        objet=f"{lue.dossier.numero}/{guichet.ligne.code}/{lue.demande.annee}", acteur=acteur.acteur,
        maintenant=maintenant,
        apres={
            "sens": dite.sens.value, "montant_centimes": dite.montant.centimes, "acte": dite.reference_acte.strip(),
            "acte_le": dite.acte_le.isoformat(),
        },
    )  # fmt: skip
    tranches.decider(guichet, lue, dite.montant)
    return decision


def _ajuster_l_enveloppe(guichet: Guichet, lue: DemandeLue, dite: DecisionDite) -> None:
    """Rend ce qui n'est pas accordé ; engage ce que l'autorité accorde sans que l'arrêté l'ait engagé."""
    rendu = a_liberer(lue.engage, dite)
    if rendu:
        guichet.liberer(lue, rendu, f"Décision {dite.reference_acte.strip()} : {dite.montant} accordés")
    elif dite.montant and not lue.engage:
        guichet.engager(lue, dite.montant, NatureEngagement.DECISION)


def decider(
    session: Session, numero: str, ligne_code: str, dite: DecisionDite, *, acteur: Identite, maintenant: datetime
) -> Decision:
    """Enregistre l'attribution ou le refus d'une demande par l'autorité de sa ligne. Une fois, pour toujours.

    Lève Introuvable, ActeInterdit, ActeImpossible (sans_vote, ligne_non_arretee, complement_attendu, etat_contraire)
    ou SaisieInvalide. Les années suivantes d'une CPO sont réservées. Verrous : enveloppes, dossier, journal.
    """
    appel, lue = repository.get_en_vue(session, numero, ligne_code, acteur)
    exiger_la_ligne(acteur, appel.contrat_id, lue.ligne.code)
    guichet = ouvrir(session, appel, lue.ligne, [lue.demande.id], acteur, maintenant)
    return _enregistrer(guichet, lue.demande.id, dite)


class _Annule(Exception):
    """Sort du point de sauvegarde d'un lot en défaisant ce qu'il a écrit."""


@dataclass(frozen=True, slots=True)
class LotControle:
    """Ce qu'un collage ferait : ses lignes, leurs totaux, ses fautes (une par ligne fautive)."""

    lignes: tuple[LigneDeLot, ...]
    fautes: tuple[Faute, ...]

    @property
    def total(self) -> Euros:
        """Le total accordé."""
        return Euros.somme(ligne.montant for ligne in self.lignes)


def decider_lot(
    session: Session,
    appel_code: str,
    ligne_code: str,
    *,
    texte: str,
    reference_acte: str,
    acte_le: date,
    acteur: Identite,
    maintenant: datetime,
    pour_de_vrai: bool,
) -> LotControle:
    """Contrôle un collage (puis l'enregistre si `pour_de_vrai` et sans faute). Tout ou rien : lève SaisieInvalide.

    Le contrôle joue l'enregistrement sur un point de sauvegarde, puis l'annule : il dit exactement ce qui se passera.
    """
    appel, ligne = repository.get_appel_et_ligne(session, appel_code, ligne_code, acteur)
    exiger_la_ligne(acteur, appel.contrat_id, ligne.code)
    lignes, fautes = lire_lot(texte)
    connues = {
        lue.dossier.numero: lue.demande.id for lue in repository.list_demandes_de_la_ligne(session, appel, ligne.id)
    }
    demandes = [connues[une.numero] for une in lignes if une.numero in connues]
    guichet = ouvrir(session, appel, ligne, demandes, acteur, maintenant)
    trouvees = list(fautes)
    with suppress(_Annule), session.begin_nested():
        for une in lignes:
            dite = DecisionDite(une.sens, une.montant, reference_acte, acte_le, une.motif)
            trouvees.extend(_fautes_d_une_ligne(guichet, une, connues.get(une.numero), dite))
        if trouvees or not pour_de_vrai:
            raise _Annule
    lot = LotControle(lignes, tuple(trouvees))
    if pour_de_vrai and lot.fautes:
        raise SaisieInvalide(list(lot.fautes))
    return lot


def _fautes_d_une_ligne(guichet: Guichet, une: LigneDeLot, demande_id: int | None, dite: DecisionDite) -> list[Faute]:
    """Enregistre une ligne du lot sur le point de sauvegarde ; rend ses fautes, à côté du champ « lot »."""
    ou = f"Ligne {une.rang} ({une.numero})"
    try:
        if demande_id is None:
            raise Introuvable("ce dossier ne demande rien à cette ligne.")
        _enregistrer(guichet, demande_id, dite)
    except SaisieInvalide as refus:
        return [replace(f, champ="lot", message=f"{ou} : {f.message}") for f in refus.fautes]
    except (ActeImpossible, Introuvable) as refus:
        return [Faute("lot", f"{ou} : {refus.message}", refus.code)]
    return []


def renoncer(
    session: Session, numero: str, ligne_code: str, *, motif: str, acteur: Identite, maintenant: datetime
) -> Euros:
    """Le porteur renonce à ce qui lui est accordé sur une ligne ; rend le montant revenu à l'enveloppe de l'année.

    Les années suivantes réservées reviennent aussi à leurs enveloppes.

    Lève Introuvable, ActeInterdit, ActeImpossible ou SaisieInvalide (motif).
    """
    appel, vue = repository.get_en_vue(session, numero, ligne_code, acteur)
    guichet = ouvrir(session, appel, vue.ligne, [vue.demande.id], acteur, maintenant)
    lue = repository.get_demande_lue(session, vue.demande.id)
    passer_demande(
        session, lue.dossier, lue.demande, "renoncer", ligne=ligne_code, acteur=acteur, maintenant=maintenant,
        motif=motif,
    )  # fmt: skip
    if lue.engage:
        guichet.liberer(lue, lue.engage, f"Renonciation du porteur : {motif.strip()}")
    tranches.renoncer(guichet, lue, motif)
    reprise.constater_accorde(
        session, lue.dossier, ligne=ligne_code, annee=lue.demande.annee, montant=Euros(0),
        source="renonciation du porteur", le=a_paris(maintenant).date(),
    )  # fmt: skip
    return lue.engage
