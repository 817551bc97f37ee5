"""Passer d'un état à l'autre : la garde (table des transitions), la trace, le journal. Tout acte passe par ici."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.rules.etats import (
    AVANT_DECISION,
    FINALES,
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    EtatDemande,
    EtatDossier,
    Public,
    Transition,
    transition,
    transition_demande,
)
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.roles import Role


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
    """Fait passer un dossier verrouillé d'un état à l'autre. Mêmes refus que `verifier_passage`."""
    t = verifier_passage(dossier, acte, acteur=acteur, motif=motif)
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
    """Fait passer une demande verrouillée d'un état à l'autre. `ligne` : code de sa ligne. Mêmes refus."""
    t = transition_demande(acte)
    roles = acteur.roles_sur_ligne(dossier.contrat_id, ligne) | frozenset(
        h.role for h in acteur.habilitations if h.organisation_id == dossier.organisation_id
    )
    if not roles & t.roles:
        raise ActeInterdit(f"« {t.libelle} » revient aux personnes habilitées sur la ligne {ligne}.")
    if demande.etat not in t.depuis:
        etat = LIBELLES_DEMANDE[demande.etat].agent
        raise ActeImpossible(f"« {t.libelle} » n’est pas possible : la demande est « {etat} ».", code="etat_contraire")
    if t.motif:
        _exiger_motif(motif)
    _tracer(session, dossier, demande, acte, demande.etat, t.vers, acteur, maintenant, motif, ligne=ligne)
    demande.etat = t.vers
    demande.modifiee_at = maintenant


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


def retirer(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime, motif: str) -> Dossier:
    """Le porteur retire son dossier tant que rien n'est décidé ; ses demandes en cours sont retirées avec lui."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    demandes = repository.list_demandes(session, [dossier.id])
    if any(d.etat in {EtatDemande.DECIDEE, EtatDemande.NOTIFIEE} for d, _ in demandes):
        raise ActeImpossible("Une subvention est déjà accordée : renoncez-y plutôt que de retirer le dossier.")
    passer_dossier(session, dossier, "retirer", acteur=acteur, maintenant=maintenant, motif=motif)
    for demande, ligne in demandes:
        if demande.etat in AVANT_DECISION:
            _tracer(
                session, dossier, demande, "retirer", demande.etat, EtatDemande.RETIREE, acteur, maintenant, motif,
                ligne=ligne.code,
            )  # fmt: skip
            demande.etat = EtatDemande.RETIREE
            demande.modifiee_at = maintenant
    return dossier


def clore(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime) -> Dossier:
    """Clôt un dossier dont chaque demande est arrivée à son terme. Lève ActeImpossible (`demandes_en_cours`)."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    passer_dossier(session, dossier, "clore", acteur=acteur, maintenant=maintenant)
    en_cours = [ligne.code for d, ligne in repository.list_demandes(session, [dossier.id]) if d.etat not in FINALES]
    if en_cours:
        phrase = f"Des demandes ne sont pas arrivées à leur terme : {', '.join(dict.fromkeys(en_cours))}."
        raise ActeImpossible(phrase, code="demandes_en_cours")
    return dossier
