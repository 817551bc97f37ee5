"""Passer d'un état à l'autre : la garde (table des transitions), la trace, le journal. Tout acte passe par ici."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Enveloppe
from app.etapes.appel.service import liberer
from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.repository import complement as complements
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens
from app.etapes.dossier.rules.etats import (
    AVANT_DECISION,
    DECIDEES,
    FINALES,
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    EtatDemande,
    EtatDossier,
    Public,
    Transition,
    TransitionDemande,
    acte_de_retrait,
    transition,
    transition_demande,
)
from app.etapes.dossier.rules.suivi import jusqu_au
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement


def roles_sur_dossier(acteur: Identite, dossier: Dossier) -> frozenset[Role]:
    """Les rôles que l'acteur tient sur ce dossier : dans son organisation, ou dans son contrat."""
    return frozenset(
        h.role
        for h in acteur.habilitations
        if h.organisation_id == dossier.organisation_id or h.contrat_id == dossier.contrat_id
    )


def _exiger_motif(motif: str) -> None:
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige")])


def verifier_passage(dossier: Dossier, acte: str, *, acteur: Identite, motif: str = "") -> Transition:
    """La garde d'un acte, sans rien changer. Lève ActeInterdit, ActeImpossible ou SaisieInvalide."""
    t = transition(acte)
    if not roles_sur_dossier(acteur, dossier) & t.roles:
        raise ActeInterdit(f"« {t.libelle} » ne vous est pas ouvert sur ce dossier.")
    if dossier.etat not in t.depuis:
        etat = LIBELLES_DOSSIER[dossier.etat].pour(Public.AGENT)
        raise ActeImpossible(f"« {t.libelle} » n’est pas possible : le dossier est « {etat} ».", code="etat_contraire")
    if t.motif:
        _exiger_motif(motif)
    return t


def passer_dossier(
    session: Session, dossier: Dossier, acte: str, *, acteur: Identite, maintenant: datetime, motif: str = ""
) -> None:
    """Fait passer un dossier verrouillé d'un état à l'autre. Mêmes refus que `verifier_passage`.

    Un complément, même tardif, se reçoit tant que rien n'est décidé sur les lignes qu'il concerne (choix du projet).
    """
    t = verifier_passage(dossier, acte, acteur=acteur, motif=motif)
    if acte == "completer" and not complements.attend_encore(session, dossier.id):
        phrase = "La décision est prise sur les lignes qui attendaient ce complément : il n’y changerait rien."
        raise ActeImpossible(phrase, code="deja_decide")
    _tracer(session, dossier, None, acte, dossier.etat, t.vers, acteur, maintenant, motif)
    dossier.etat = t.vers
    dossier.modifie_at = maintenant


def passer_demande(
    session: Session,
    dossier: Dossier,
    demande: Demande,
    acte: str,
    *,
    ligne: str,
    acteur: Identite,
    maintenant: datetime,
    motif: str = "",
) -> None:
    """Fait passer une demande verrouillée d'un état à l'autre. `ligne` : code de sa ligne. Mêmes refus.

    Une irrecevabilité attend l'échéance du complément demandé au porteur, comme toute décision.
    """
    t = verifier_passage_demande(dossier, demande, acte, ligne=ligne, acteur=acteur)
    if t.motif:
        _exiger_motif(motif)
    if acte == "declarer_irrecevable":
        _exiger_le_delai(session, demande, maintenant)
    _tracer(session, dossier, demande, acte, demande.etat, t.vers, acteur, maintenant, motif, ligne=ligne)
    demande.etat = t.vers
    demande.modifiee_at = maintenant


def _exiger_le_delai(session: Session, demande: Demande, maintenant: datetime) -> None:
    echeance = complements.echeance_attendue(session, demande)
    if echeance is not None and complement_en_suspens(echeance, maintenant) is EtatComplement.ATTENDU:
        phrase = f"Un complément est attendu {jusqu_au(echeance)} : l’irrecevabilité attend sa réception ou ce terme."
        raise ActeImpossible(phrase, code="complement_attendu")


def verifier_passage_demande(
    dossier: Dossier, demande: Demande, acte: str, *, ligne: str, acteur: Identite
) -> TransitionDemande:
    """La transition, si cette personne peut l'accomplir maintenant. Lève ActeInterdit ou ActeImpossible."""
    t = transition_demande(acte)
    roles = acteur.roles_sur_ligne(dossier.contrat_id, ligne) | frozenset(
        h.role for h in acteur.habilitations if h.organisation_id == dossier.organisation_id
    )
    if not roles & t.roles:
        raise ActeInterdit(f"« {t.libelle} » revient aux personnes habilitées sur la ligne {ligne}.")
    if demande.etat not in t.depuis:
        etat = LIBELLES_DEMANDE[demande.etat].agent
        raise ActeImpossible(f"« {t.libelle} » n’est pas possible : la demande est « {etat} ».", code="etat_contraire")
    return t


def _tracer(
    session: Session,
    dossier: Dossier,
    demande: Demande | None,
    acte: str,
    de: EtatDossier | EtatDemande,
    vers: EtatDossier | EtatDemande,
    acteur: Identite,
    maintenant: datetime,
    motif: str,
    ligne: str = "",
) -> None:
    session.add(
        Passage(
            contrat_id=dossier.contrat_id,
            dossier_id=dossier.id,
            demande_id=demande.id if demande is not None else None,
            acte=acte,
            de=de.value,
            vers=vers.value,
            motif=motif.strip(),
            acteur=acteur.acteur,
            a=maintenant,
        )
    )
    objet = dossier.numero or dossier.reference
    if demande is not None:
        objet = f"{objet}/{ligne}/{demande.annee}"
    consigner(
        session, contrat_id=dossier.contrat_id, acte=f"{'demande' if demande else 'dossier'}.{acte}", objet=objet,
        acteur=acteur.acteur, maintenant=maintenant, avant={"etat": de.value},
        apres={"etat": vers.value, "motif": motif.strip()},
    )  # fmt: skip


def retrait_de(session: Session, dossier: Dossier, demandes: Iterable[Demande], acteur: Identite) -> Transition | None:
    """L'acte par lequel l'acteur peut sortir ce dossier maintenant (retirer, abandonner), ou None."""
    return acte_de_retrait(
        dossier.etat,
        roles_sur_dossier(acteur, dossier),
        [d.etat for d in demandes],
        est_auteur=dossier.cree_par == acteur.acteur,
        a_ete_signe=dossier.etat is EtatDossier.BROUILLON and repository.a_ete_signe(session, dossier.id),
    )


def exiger_retrait(session: Session, dossier: Dossier, demandes: Sequence[Demande], acteur: Identite) -> Transition:
    """L'acte de `retrait_de`. Lève ActeInterdit (pas à cette personne) ou ActeImpossible (pas maintenant)."""
    acte = retrait_de(session, dossier, demandes, acteur)
    if acte is not None:
        return acte
    roles = roles_sur_dossier(acteur, dossier)
    if dossier.etat is EtatDossier.BROUILLON and Role.REDACTEUR in roles:
        phrase = "On abandonne un brouillon qu’on a ouvert soi-même et que personne n’a signé."
        raise ActeInterdit(f"{phrase} Sinon, la personne qui administre l’organisation ou qui signe le retire.")
    verifier_passage(dossier, "retirer", acteur=acteur, motif="-")
    if DECIDEES.intersection(d.etat for d in demandes):
        phrase = "Une décision est prise : le dossier ne se retire plus. On peut renoncer à une subvention notifiée."
        raise ActeImpossible(phrase, code="deja_decide")
    raise ActeImpossible("Plus aucune demande de ce dossier n’est en cours.", code="rien_en_cours")


def retirer(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime, motif: str) -> Dossier:
    """Le porteur retire son dossier tant que rien n'est décidé ; ses demandes en cours sont retirées avec lui.

    Ce que l'arrêté d'une ligne leur avait engagé revient à son enveloppe, toutes années (ADR 0004). Une rédactrice
    abandonne ainsi le brouillon qu'elle a ouvert, s'il n'a jamais été signé. Verrous : enveloppes, dossier, journal.
    """
    vu = repository.get_dossier(session, identifiant, acteur)
    cles = repository.list_enveloppes_visees(session, vu.id)
    enveloppes = appels.verrouiller_enveloppes(session, vu.contrat_id, cles) if cles else ()
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    demandes = repository.list_demandes(session, [dossier.id], verrou=True)
    acte = exiger_retrait(session, dossier, [d for d, _ in demandes], acteur)
    passer_dossier(session, dossier, acte.acte, acteur=acteur, maintenant=maintenant, motif=motif)
    retirees = [(d, ligne) for d, ligne in demandes if d.etat in AVANT_DECISION]
    for demande, ligne in retirees:
        _tracer(
            session, dossier, demande, "retirer", demande.etat, EtatDemande.RETIREE, acteur, maintenant, motif,
            ligne=ligne.code,
        )  # fmt: skip
        demande.etat = EtatDemande.RETIREE
        demande.modifiee_at = maintenant
    _rendre_aux_enveloppes(session, dossier, retirees, enveloppes, acteur, maintenant, motif.strip())
    return dossier


def _rendre_aux_enveloppes(
    session: Session,
    dossier: Dossier,
    retirees: Sequence[tuple[Demande, LigneFinancement]],
    enveloppes: Iterable[Enveloppe],
    acteur: Identite,
    maintenant: datetime,
    motif: str,
) -> None:
    """Libère, sur ces enveloppes verrouillées, tout ce qui reste engagé pour les demandes retirées ; le consigne."""
    nets = appels.engages_nets(session, [d.id for d, _ in retirees])
    par_cle = {(e.ligne_id, e.annee): e for e in enveloppes}
    for demande, ligne in retirees:
        rendu = nets.get(demande.id)
        if rendu is None:
            continue
        liberer(
            session, par_cle[ligne.id, demande.annee], demande.id, rendu, motif=f"Retrait par le porteur : {motif}",
            acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
        consigner(
            session, contrat_id=dossier.contrat_id, acte="engagement.libere",
            objet=f"{dossier.numero}/{ligne.code}/{demande.annee}", acteur=acteur.acteur, maintenant=maintenant,
            apres={"montant_centimes": rendu.centimes, "motif": motif},
        )  # fmt: skip


def clore(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime) -> Dossier:
    """Clôt un dossier dont chaque demande est arrivée à son terme. Lève ActeImpossible (`demandes_en_cours`)."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    passer_dossier(session, dossier, "clore", acteur=acteur, maintenant=maintenant)
    en_cours = [ligne.code for d, ligne in repository.list_demandes(session, [dossier.id]) if d.etat not in FINALES]
    if en_cours:
        phrase = f"Des demandes ne sont pas arrivées à leur terme : {', '.join(dict.fromkeys(en_cours))}."
        raise ActeImpossible(phrase, code="demandes_en_cours")
    return dossier
