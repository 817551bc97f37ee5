"""Actes de l'appel : préparer, ouvrir, clore ; doter une enveloppe ; engager et libérer (les seules écritures)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository
from app.etapes.appel.models import Appel, Engagement, Enveloppe, Liberation, MouvementEnveloppe, Phase, PieceExigee
from app.etapes.appel.rules import (
    TRANSITIONS_APPEL,
    EtatAppel,
    NatureEngagement,
    NatureEnveloppe,
    Orientations,
    PhaseAnnoncee,
    PieceAnnoncee,
    SilenceAvis,
    TransitionAppel,
    dates_changees,
    fautes_de_l_annee,
    fautes_des_dates,
    fautes_des_orientations,
    fautes_des_phases,
    peut_engager,
    verifier_dotation,
)
from app.etapes.contrat import repository as contenus
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.contrats import repository as contrats
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


def verifier_preparation(
    session: Session,
    contrat: Contrat,
    version_id: int,
    *,
    phases: Sequence[PhaseAnnoncee],
    pieces: Sequence[PieceAnnoncee],
    orientations: Orientations,
    code: str = "",
    annee: int | None = None,
) -> list[Faute]:
    """Tout ce qu'un appel à préparer ou à refaire a de faux. `code`, `annee` : ceux d'un appel neuf."""
    fautes = fautes_des_phases(phases)
    if len({(piece.code, piece.forme) for piece in pieces}) != len(pieces):
        fautes.append(Faute("pieces", "Une pièce est demandée deux fois à la même forme de porteur.", "piece_repetee"))
    if orientations.priorites:
        codes = [ligne.code for ligne in lignes.list_lignes(session, contrat.id)]
        objectifs = [objectif.code for objectif in contenus.list_objectifs(session, version_id)]
        fautes += fautes_des_orientations(orientations, codes, objectifs)
    if annee is not None:
        fautes += fautes_de_l_annee(annee, contrat.debut.year, contrat.fin.year)
    if code and repository.get_appel_par_code(session, code) is not None:
        fautes.append(Faute("code", "Un appel porte déjà ce code.", "code_pris"))
    return fautes


def _ranger(session: Session, appel: Appel, phases: Sequence[PhaseAnnoncee], pieces: Sequence[PieceAnnoncee]) -> None:
    for rang, phase in enumerate(phases, start=1):
        valeurs = {champ: getattr(phase, champ) for champ in PhaseAnnoncee.__slots__}
        session.add(Phase(contrat_id=appel.contrat_id, appel_id=appel.id, rang=rang, **valeurs))
    for piece in pieces:
        valeurs = {champ: getattr(piece, champ) for champ in PieceAnnoncee.__slots__}
        session.add(PieceExigee(contrat_id=appel.contrat_id, appel_id=appel.id, **valeurs))
    session.flush()


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
    orientations: Orientations = Orientations(),  # noqa: B008 -- figées
) -> Appel:
    """Prépare un appel avec sa grille épinglée, ses phases, ses pièces. Lève SaisieInvalide ou ActeInterdit."""
    _exiger_charge(acteur, contrat.id)
    if fautes := verifier_preparation(
        session, contrat, version.id, phases=phases, pieces=pieces, orientations=orientations, code=code, annee=annee
    ):
        raise SaisieInvalide(fautes)
    appel = Appel(
        contrat_id=contrat.id, version_id=version.id, grille_id=grille.id, code=code, annee=annee, intitule=intitule,
        etat=EtatAppel.PREPARE, seuil_court=seuil_court, silence_avis=silence_avis,
        orientations=orientations.en_donnees(), cree_at=maintenant,
    )  # fmt: skip
    session.add(appel)
    session.flush()
    _ranger(session, appel, phases, pieces)
    consigner(
        session, contrat_id=contrat.id, acte="appel.prepare", objet=code, acteur=acteur.acteur, maintenant=maintenant,
        apres={
            "grille": grille.empreinte, "version": version.code, "phases": len(phases),
            "orientations": appel.orientations,
        },
    )  # fmt: skip
    return appel


def modifier(
    session: Session,
    code: str,
    *,
    intitule: str,
    phases: Sequence[PhaseAnnoncee],
    pieces: Sequence[PieceAnnoncee],
    seuil_court: Euros,
    silence_avis: SilenceAvis,
    orientations: Orientations,
    acteur: Identite,
    maintenant: datetime,
) -> Appel:
    """Refait un appel en préparation. Lève ActeInterdit, ActeImpossible (déjà ouvert) ou SaisieInvalide."""
    appel = _verrouiller(session, code, acteur)
    if appel.etat is not EtatAppel.PREPARE:
        raise ActeImpossible("L’appel est ouvert : seules ses dates à venir changent encore.", code="etat_contraire")
    contrat = contrats.get_contrat(session, appel.contrat_id)
    if fautes := verifier_preparation(
        session, contrat, appel.version_id, phases=phases, pieces=pieces, orientations=orientations
    ):
        raise SaisieInvalide(fautes)
    avant = {"orientations": appel.orientations, "phases": len(repository.list_phases(session, appel.id))}
    appel.intitule, appel.seuil_court, appel.silence_avis = intitule, seuil_court, silence_avis
    appel.orientations = orientations.en_donnees()
    repository.vider(session, appel.id)
    _ranger(session, appel, phases, pieces)
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.modifie", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant=avant, apres={"orientations": appel.orientations, "phases": len(phases)},
    )  # fmt: skip
    return appel


def deplacer_dates(
    session: Session,
    code: str,
    phases: Sequence[PhaseAnnoncee],
    *,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
) -> Appel:
    """Déplace des dates à venir d'un appel ouvert, avec motif. Le reste des phases ne change pas.

    Lève ActeInterdit, ActeImpossible (pas ouvert) ou SaisieInvalide.
    """
    appel = _verrouiller(session, code, acteur)
    if appel.etat is not EtatAppel.OUVERT:
        phrase = f"Les dates ne se déplacent que sur un appel ouvert : il est « {appel.etat.libelle} »."
        raise ActeImpossible(phrase, code="etat_contraire")
    gardees = repository.list_phases(session, appel.id)
    if len(gardees) != len(phases):
        raise SaisieInvalide([Faute("phases", "Un appel ouvert garde ses phases.", "phase_absente")])
    changees = dates_changees([repository.annonce(phase) for phase in gardees], phases)
    fautes = fautes_des_dates(changees, maintenant) or fautes_des_phases(phases)
    if not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige"))
    if fautes:
        raise SaisieInvalide(fautes)
    for champ, (_, neuve) in changees.items():
        _, rang, date = champ.split(".")
        setattr(gardees[int(rang)], date, neuve)
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.dates_deplacees", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant={champ: _iso(ancienne) for champ, (ancienne, _) in changees.items()},
        apres={champ: _iso(neuve) for champ, (_, neuve) in changees.items()} | {"motif": motif.strip()},
    )  # fmt: skip
    return appel


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None


def _verrouiller(session: Session, code: str, acteur: Identite) -> Appel:
    appel = repository.get_appel_par_code(session, code, verrou=True)
    if appel is None:
        raise ActeImpossible("Cet appel n’existe pas.", code="appel_inconnu")
    _exiger_charge(acteur, appel.contrat_id)
    return appel


def passer(session: Session, code: str, acte: str, *, acteur: Identite, maintenant: datetime) -> Appel:
    """Ouvre, clôt, rouvre ou arrête un appel. Lève ActeInterdit, ActeImpossible, KeyError si l'acte n'existe pas.

    « arreter » passe par `convention.service.arreter_appel`, qui voit les lignes.
    """
    appel = _verrouiller(session, code, acteur)
    transition = exiger_passage(appel, acte, acteur)
    avant, appel.etat = appel.etat, transition.vers
    consigner(
        session, contrat_id=appel.contrat_id, acte=f"appel.{acte}", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant={"etat": avant.value}, apres={"etat": appel.etat.value},
    )  # fmt: skip
    return appel


def exiger_passage(appel: Appel, acte: str, acteur: Identite) -> TransitionAppel:
    """La transition de cet acte, si l'appel le permet maintenant. Lève ActeInterdit, ActeImpossible, KeyError."""
    _exiger_charge(acteur, appel.contrat_id)
    transition = {t.acte: t for t in TRANSITIONS_APPEL}[acte]
    if appel.etat not in transition.depuis:
        phrase = f"« {transition.libelle} » n’est pas possible : l’appel est « {appel.etat.libelle} »."
        raise ActeImpossible(phrase, code="etat_contraire")
    if transition.vers is EtatAppel.ARRETE and appel.recevabilite_close_le is None:
        phrase = "La recevabilité n’est pas close : la programmation ne peut pas être arrêtée."
        raise ActeImpossible(phrase, code="recevabilite_ouverte")
    return transition


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
    contrat = contrats.get_contrat(session, contrat_id)
    fautes = verifier_dotation(montant, motif) + fautes_de_l_annee(annee, contrat.debut.year, contrat.fin.year)
    if fautes:
        raise SaisieInvalide(fautes)
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


def liberer(
    session: Session,
    enveloppe: Enveloppe,
    demande_id: int,
    montant: Euros,
    *,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    """Rend à une enveloppe, déjà verrouillée, ce qu'une demande y avait engagé ; la base refuse de rendre plus.

    Une écriture ajoutée, avec son motif (ADR 0004). L'appelant consigne son acte.
    """
    session.add(
        Liberation(
            contrat_id=enveloppe.contrat_id, enveloppe_id=enveloppe.id, demande_id=demande_id, annee=enveloppe.annee,
            montant=montant, motif=motif, acteur=acteur.acteur, a=maintenant,
        )
    )  # fmt: skip
    session.flush()
    session.expire(enveloppe, ["engage"])


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
