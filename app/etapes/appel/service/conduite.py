"""Conduire un appel : préparer, refaire, choisir sa grille, déplacer ses dates, ouvrir, clore."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository
from app.etapes.appel.models import Appel, Phase, PieceExigee
from app.etapes.appel.rules import (
    TRANSITIONS_APPEL,
    EtatAppel,
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
)
from app.etapes.contrat import repository as contenus
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.grilles import repository as versions_grilles
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules.usages import CRITERE_DES_OBJECTIFS, criteres_du_contenu
from app.referentiels.lignes import repository as lignes


def exiger_charge(acteur: Identite, contrat_id: int) -> None:
    """Lève ActeInterdit si cette personne ne conduit pas les appels du contrat."""
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
    grille: GrilleEnregistree | None = None,
    code: str = "",
    annee: int | None = None,
) -> list[Faute]:
    """Tout ce qu'un appel à préparer ou à refaire a de faux. `code`, `annee` : ceux d'un appel neuf.

    `grille` : celle qu'il épinglera, si elle est connue.
    """
    fautes = fautes_des_phases(phases)
    if len({(piece.code, piece.forme) for piece in pieces}) != len(pieces):
        fautes.append(Faute("pieces", "Une pièce est demandée deux fois à la même forme de porteur.", "piece_repetee"))
    if orientations.priorites:
        codes = [ligne.code for ligne in lignes.list_lignes(session, contrat.id)]
        objectifs = [objectif.code for objectif in contenus.list_objectifs(session, version_id)]
        fautes += fautes_des_orientations(orientations, codes, objectifs)
        fautes += _fautes_de_la_grille(orientations, grille)
    if annee is not None:
        fautes += fautes_de_l_annee(annee, contrat.debut.year, contrat.fin.year)
    if code and repository.get_appel_par_code(session, code) is not None:
        fautes.append(Faute("code", "Un appel porte déjà ce code.", "code_pris"))
    return fautes


def _fautes_de_la_grille(orientations: Orientations, grille: GrilleEnregistree | None) -> list[Faute]:
    """Les priorités d'un appel remplacent les rangs d'un critère : la grille doit l'avoir."""
    codes = criteres_du_contenu(grille.contenu) if grille is not None else frozenset()
    if not orientations.priorites or not codes or CRITERE_DES_OBJECTIFS in codes:
        return []
    raison = f"Cette grille n’a pas le critère {CRITERE_DES_OBJECTIFS}, que les priorités de l’appel remplacent."
    return [Faute("grille", raison, "critere_utilise")]


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
    exiger_charge(acteur, contrat.id)
    if fautes := verifier_preparation(
        session, contrat, version.id, phases=phases, pieces=pieces, orientations=orientations, grille=grille, code=code,
        annee=annee,
    ):  # fmt: skip
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
    grille: GrilleEnregistree | None = None,
) -> Appel:
    """Refait un appel en préparation ; sans `grille`, il garde la sienne.

    Lève ActeInterdit, ActeImpossible (déjà ouvert) ou SaisieInvalide.
    """
    appel = _verrouiller(session, code, acteur)
    if appel.etat is not EtatAppel.PREPARE:
        raise ActeImpossible("L’appel est ouvert : seules ses dates à venir changent encore.", code="etat_contraire")
    contrat = contrats.get_contrat(session, appel.contrat_id)
    if fautes := verifier_preparation(
        session, contrat, appel.version_id, phases=phases, pieces=pieces, orientations=orientations, grille=grille
    ):
        raise SaisieInvalide(fautes)
    if grille is not None:
        _epingler(session, appel, grille, acteur, maintenant)
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


def epingler(
    session: Session, code: str, grille: GrilleEnregistree, *, acteur: Identite, maintenant: datetime
) -> Appel:
    """Choisit la grille d'un appel en préparation. La base refuse aussi dès qu'il est ouvert.

    Lève ActeInterdit, ActeImpossible (déjà ouvert, autre contrat) ou SaisieInvalide.
    """
    appel = _verrouiller(session, code, acteur)
    if appel.etat is not EtatAppel.PREPARE:
        raise ActeImpossible("L’appel est ouvert : sa grille ne change plus.", code="etat_contraire")
    if appel.contrat_id != grille.contrat_id:
        raise ActeImpossible("Cette grille est celle d’un autre contrat.", code="autre_contrat")
    if fautes := _fautes_de_la_grille(Orientations.depuis(appel.orientations), grille):
        raise SaisieInvalide(fautes)
    _epingler(session, appel, grille, acteur, maintenant)
    return appel


def _epingler(
    session: Session, appel: Appel, grille: GrilleEnregistree, acteur: Identite, maintenant: datetime
) -> None:
    if appel.grille_id == grille.id:
        return
    avant, appel.grille_id = appel.grille_id, grille.id
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.grille_epinglee", objet=appel.code, acteur=acteur.acteur,
        maintenant=maintenant, avant={"grille": versions_grilles.get_grille(session, avant).version},
        apres={"grille": grille.version, "empreinte": grille.empreinte},
    )  # fmt: skip


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
    exiger_charge(acteur, appel.contrat_id)
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
    exiger_charge(acteur, appel.contrat_id)
    transition = {t.acte: t for t in TRANSITIONS_APPEL}[acte]
    if appel.etat not in transition.depuis:
        phrase = f"« {transition.libelle} » n’est pas possible : l’appel est « {appel.etat.libelle} »."
        raise ActeImpossible(phrase, code="etat_contraire")
    if transition.vers is EtatAppel.ARRETE and appel.recevabilite_close_le is None:
        phrase = "La recevabilité n’est pas close : la programmation ne peut pas être arrêtée."
        raise ActeImpossible(phrase, code="recevabilite_ouverte")
    return transition


def clore_recevabilite(
    session: Session, code: str, *, medianes: dict[str, Any], acteur: Identite, maintenant: datetime
) -> Appel:
    """Fige la clôture de la recevabilité et les médianes de coût par type d'action. Une seule fois.

    Lève ActeImpossible tant qu'aucune phase de dépôt n'est finie : il n'y aurait rien à figer.
    """
    appel = _verrouiller(session, code, acteur)
    finies = [phase for phase in repository.list_phases(session, appel.id) if phase.cloture_le <= maintenant]
    if appel.etat is EtatAppel.PREPARE or (appel.etat is EtatAppel.OUVERT and not finies):
        raise ActeImpossible(
            "Aucune phase de dépôt n’est finie : la recevabilité ne se clôt pas encore.", code="trop_tot"
        )
    if appel.recevabilite_close_le is not None:
        raise ActeImpossible("La recevabilité de cet appel est déjà close.", code="etat_contraire")
    appel.recevabilite_close_le, appel.medianes = maintenant, medianes
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.recevabilite_close", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"medianes": medianes},
    )  # fmt: skip
    return appel
