"""Actes de l'appel : préparer, ouvrir, clore ; doter une enveloppe ; engager (la seule écriture qui engage)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository
from app.etapes.appel.models import Appel, Engagement, Enveloppe, MouvementEnveloppe, Phase, PieceExigee
from app.etapes.appel.rules import (
    TRANSITIONS_APPEL,
    EtatAppel,
    NatureEngagement,
    NatureEnveloppe,
    PhaseAnnoncee,
    PieceAnnoncee,
    SilenceAvis,
    peut_engager,
)
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.lignes import repository as lignes


class EnveloppeDepassee(ActeImpossible):
    """L'enveloppe ne suffit pas : rien n'est engagé."""

    code = "enveloppe_depassee"


@dataclass(frozen=True, slots=True)
class AEngager:
    """Un engagement à écrire : la demande, sa ligne, son année, son montant."""

    demande_id: int
    ligne_id: int
    annee: int
    montant: Euros


def _exiger_charge(acteur: Identite, contrat_id: int) -> None:
    if not acteur.tient(Role.CHARGE_MISSION, contrat_id=contrat_id):
        raise ActeInterdit("Seul le chargé de mission du contrat conduit l’appel.")


def _verifier_phases(phases: Sequence[PhaseAnnoncee]) -> list[Faute]:
    fautes = []
    if not phases:
        fautes.append(Faute("phases", "Un appel a au moins une phase.", "phase_absente"))
    for rang, phase in enumerate(phases):
        if phase.cloture_le <= phase.ouverture_le:
            fautes.append(Faute(f"phases.{rang}.cloture_le", "La clôture vient après l’ouverture.", "dates_inversees"))
        if not 0 <= phase.part_reservee_milliemes <= 1000:
            faute = Faute(f"phases.{rang}.part_reservee", "La part réservée va de 0 à 100 %.", "part_hors_bornes")
            fautes.append(faute)
    return fautes


def preparer(
    session: Session,
    *,
    contrat: Contrat,
    version: VersionContrat,
    grille: GrilleEnregistree,
    code: str,
    annee: int,
    intitule: str,
    phases: Sequence[PhaseAnnoncee],
    acteur: Identite,
    maintenant: datetime,
    pieces: Sequence[PieceAnnoncee] = (),
    seuil_court: Euros = Euros(0),  # noqa: B008 -- Euros est figé
    silence_avis: SilenceAvis = SilenceAvis.SANS_REPONSE,
    orientations: dict[str, Any] | None = None,
) -> Appel:
    """Prépare un appel avec sa grille épinglée, ses phases, ses pièces. Lève SaisieInvalide ou ActeInterdit."""
    _exiger_charge(acteur, contrat.id)
    fautes = _verifier_phases(phases)
    if not contrat.debut.year <= annee <= contrat.fin.year:
        fautes.append(
            Faute("annee", f"Le contrat va de {contrat.debut.year} à {contrat.fin.year}.", "annee_hors_contrat")
        )
    if repository.get_appel_par_code(session, code) is not None:
        fautes.append(Faute("code", "Un appel porte déjà ce code.", "code_pris"))
    if fautes:
        raise SaisieInvalide(fautes)
    appel = Appel(
        contrat_id=contrat.id, version_id=version.id, grille_id=grille.id, code=code, annee=annee, intitule=intitule,
        etat=EtatAppel.PREPARE, seuil_court=seuil_court, silence_avis=silence_avis, orientations=orientations or {},
        cree_at=maintenant,
    )  # fmt: skip
    session.add(appel)
    session.flush()
    for rang, phase in enumerate(phases, start=1):
        valeurs = {champ: getattr(phase, champ) for champ in PhaseAnnoncee.__slots__}
        session.add(Phase(contrat_id=contrat.id, appel_id=appel.id, rang=rang, **valeurs))
    for piece in pieces:
        valeurs = {champ: getattr(piece, champ) for champ in PieceAnnoncee.__slots__}
        session.add(PieceExigee(contrat_id=contrat.id, appel_id=appel.id, **valeurs))
    session.flush()
    consigner(
        session, contrat_id=contrat.id, acte="appel.prepare", objet=code, acteur=acteur.acteur, maintenant=maintenant,
        apres={"grille": grille.empreinte, "version": version.code, "phases": len(phases)},
    )  # fmt: skip
    return appel


def passer(session: Session, code: str, acte: str, *, acteur: Identite, maintenant: datetime) -> Appel:
    """Ouvre, clôt, rouvre ou arrête un appel. Lève ActeInterdit, ActeImpossible, KeyError si l'acte n'existe pas."""
    appel = repository.get_appel_par_code(session, code, verrou=True)
    if appel is None:
        raise ActeImpossible("Cet appel n’existe pas.", code="appel_inconnu")
    _exiger_charge(acteur, appel.contrat_id)
    transition = next(t for t in TRANSITIONS_APPEL if t.acte == acte)
    if appel.etat not in transition.depuis:
        phrase = f"« {transition.libelle} » n’est pas possible : l’appel est « {appel.etat.libelle} »."
        raise ActeImpossible(phrase, code="etat_contraire")
    avant, appel.etat = appel.etat, transition.vers
    consigner(
        session, contrat_id=appel.contrat_id, acte=f"appel.{acte}", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant={"etat": avant.value}, apres={"etat": appel.etat.value},
    )  # fmt: skip
    return appel


def doter(
    session: Session,
    *,
    contrat_id: int,
    ligne: str,
    annee: int,
    montant: Euros,
    nature: NatureEnveloppe,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    est_fictive: bool = False,
) -> Enveloppe:
    """Fixe le montant d'une enveloppe (prévisionnelle, puis notifiée). Jamais sous ce qui est déjà engagé.

    Lève ActeInterdit, SaisieInvalide ou EnveloppeDepassee.
    """
    _exiger_charge(acteur, contrat_id)
    trouvee = lignes.get_ligne(session, contrat_id, ligne)
    if trouvee is None:
        raise SaisieInvalide([Faute("ligne", "Cette ligne n’existe pas.", "ligne_inconnue")])
    if montant.centimes < 0 or not motif.strip():
        champ = "montant" if montant.centimes < 0 else "motif"
        raise SaisieInvalide([Faute(champ, "Donnez un montant positif et un motif.", "enveloppe_incomplete")])
    existantes = repository.verrouiller_enveloppes(session, contrat_id, [(trouvee.id, annee)])
    avant = existantes[0].montant.centimes if existantes else None
    if existantes:
        enveloppe = existantes[0]
        if montant < enveloppe.engage:
            phrase = f"{enveloppe.engage} sont déjà engagés : l’enveloppe ne peut pas descendre sous ce montant."
            raise EnveloppeDepassee(phrase)
        enveloppe.montant, enveloppe.nature = montant, nature
    else:
        enveloppe = Enveloppe(
            contrat_id=contrat_id, ligne_id=trouvee.id, annee=annee, nature=nature, montant=montant,
            est_fictive=est_fictive,
        )  # fmt: skip
        session.add(enveloppe)
    session.flush()
    session.add(
        MouvementEnveloppe(
            contrat_id=contrat_id, enveloppe_id=enveloppe.id, nature=nature, montant=montant, motif=motif.strip(),
            acteur=acteur.acteur, a=maintenant,
        )
    )  # fmt: skip
    consigner(
        session, contrat_id=contrat_id, acte="enveloppe.dotee", objet=f"{ligne}/{annee}", acteur=acteur.acteur,
        maintenant=maintenant, avant=avant,
        apres={"montant_centimes": montant.centimes, "nature": nature.value, "motif": motif.strip()},
    )  # fmt: skip
    return enveloppe


def engager(
    session: Session,
    *,
    contrat_id: int,
    actes: Sequence[AEngager],
    nature: NatureEngagement,
    acteur: Identite,
    maintenant: datetime,
) -> Euros:
    """Engage des montants, tous ou aucun. Verrouille d'abord les enveloppes, triées ; la base juge en dernier.

    Rend le total engagé. Lève EnveloppeDepassee, qui dit ce qui manque. L'appelant consigne son acte.
    Ordre des verrous : enveloppes, puis dossiers, séance, journal (architecture, décision 11) : appeler ceci avant
    de verrouiller un dossier.
    """
    enveloppes = {
        (e.ligne_id, e.annee): e
        for e in repository.verrouiller_enveloppes(session, contrat_id, [(a.ligne_id, a.annee) for a in actes])
    }
    par_enveloppe: dict[tuple[int, int], Euros] = {}
    for acte in actes:
        cle = (acte.ligne_id, acte.annee)
        par_enveloppe[cle] = par_enveloppe.get(cle, Euros(0)) + acte.montant
    for cle, total in par_enveloppe.items():
        enveloppe = enveloppes.get(cle)
        if enveloppe is None:
            raise EnveloppeDepassee(f"Aucune enveloppe n’est ouverte pour {cle[1]} sur cette ligne.")
        if not peut_engager(enveloppe.montant, enveloppe.engage, total):
            reste = enveloppe.montant - enveloppe.engage
            phrase = f"Il reste {reste} sur l’enveloppe {cle[1]} ; {total} sont à engager. Rien n’a été engagé."
            raise EnveloppeDepassee(phrase)
    for acte in actes:
        session.add(
            Engagement(
                contrat_id=contrat_id, enveloppe_id=enveloppes[acte.ligne_id, acte.annee].id,
                demande_id=acte.demande_id, annee=acte.annee, nature=nature, montant=acte.montant,
                acteur=acteur.acteur, a=maintenant,
            )
        )  # fmt: skip
    session.flush()
    for enveloppe in enveloppes.values():
        session.expire(enveloppe, ["engage"])
    return Euros.somme(par_enveloppe.values())


def clore_recevabilite(
    session: Session, code: str, *, medianes: dict[str, Any], acteur: Identite, maintenant: datetime
) -> Appel:
    """Fige la clôture de la recevabilité et les médianes de coût par type d'action. Une seule fois."""
    appel = repository.get_appel_par_code(session, code, verrou=True)
    if appel is None:
        raise ActeImpossible("Cet appel n’existe pas.", code="appel_inconnu")
    _exiger_charge(acteur, appel.contrat_id)
    if appel.recevabilite_close_le is not None:
        raise ActeImpossible("La recevabilité de cet appel est déjà close.", code="etat_contraire")
    appel.recevabilite_close_le, appel.medianes = maintenant, medianes
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.recevabilite_close", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"medianes": medianes},
    )  # fmt: skip
    return appel
