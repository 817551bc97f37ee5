"""L'issue d'un dossier, ligne par ligne : ce qui est notifié, ce qui l'explique, ce qui renforcerait la suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.espaces.issue import repository
from app.espaces.issue.repository import DemandeNotifiee
from app.etapes.appel.models import Appel
from app.etapes.consultation.rules import Degre
from app.etapes.convention.models import Decision
from app.etapes.convention.rules import SensDecision
from app.etapes.convention.rules.issue import Explication, FaitsIssue, expliquer_l_issue
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import FINALES, EtatDemande
from app.etapes.notation import repository as notes
from app.etapes.notation.rules import Note
from app.etapes.notation.rules.noms import SANS_NOM, Noms
from app.etapes.notation.rules.notice import LigneExpliquee, expliquer
from app.etapes.notation.rules.place import Place
from app.etapes.notation.rules.progres import Progres, progres
from app.etapes.notation.rules.transparence import adresse_des_regles
from app.etapes.notation.service.lecture import LIT_LES_NOTES, LigneVue, lignes_vues
from app.etapes.notation.service.noms import cite_des_textes, noms_des_codes
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.euros import Euros
from app.referentiels.grilles import service as grilles

RESERVE = "Cette page se lit par l’association, et par les personnes qui instruisent ou qui siègent."


@dataclass(frozen=True, slots=True)
class LigneIssue:
    """Une ligne notifiée. `note` et ce qui en vient : None ou vide si aucune note n'a servi."""

    code: str
    libelle: str
    demande: Euros
    decision: Decision
    notifiee_le: datetime
    est_renoncee: bool
    explications: tuple[Explication, ...]
    note: LigneExpliquee | None
    place: Place | None
    progres: tuple[Progres, ...]

    @property
    def est_accordee(self) -> bool:
        """Vrai si l'autorité a attribué une subvention."""
        return self.decision.sens is SensDecision.ATTRIBUEE


@dataclass(frozen=True, slots=True)
class Issue:
    """L'issue d'un dossier. `regles` : le chemin de celles de son appel.

    `avis` : None tant qu'une décision reste à prendre (ils la préparent encore).
    """

    dossier: Dossier
    regles: str
    est_du_porteur: bool
    lignes: tuple[LigneIssue, ...]
    en_attente: tuple[str, ...]
    avis: tuple[tuple[Degre, int], ...] | None


def ouvrir(session: Session, numero: str, acteur: Identite) -> Issue:
    """L'issue d'un dossier, lignes notifiées seulement, pour l'association comme pour un agent.

    Lève Introuvable, ActeInterdit, NoteIrrejouable. Huit requêtes au plus.
    """
    dossier = dossiers.get_dossier(session, numero, acteur)
    est_du_porteur = dossier.organisation_id in acteur.organisations()
    if not est_du_porteur and not acteur.tient(*LIT_LES_NOTES, contrat_id=dossier.contrat_id):
        raise ActeInterdit(RESERVE)
    if dossier.numero is None:
        raise Introuvable("Ce dossier n’est pas déposé : rien n’est décidé.")
    lues = repository.list_demandes_notifiees(session, dossier)
    notifiees = [lue for lue in lues if lue.notification is not None and lue.decision is not None]
    finies = all(lue.demande.etat in FINALES for lue in lues)
    return Issue(
        dossier=dossier,
        regles=adresse_des_regles(session.get_one(Appel, dossier.appel_id).code),
        est_du_porteur=est_du_porteur,
        lignes=_lignes(session, dossier, notifiees),
        en_attente=tuple(lue.ligne.financeur for lue in lues if lue.demande.etat not in FINALES),
        avis=repository.synthese_des_avis(session, dossier.id) if notifiees and finies else None,
    )


def _lignes(session: Session, dossier: Dossier, notifiees: Sequence[DemandeNotifiee]) -> tuple[LigneIssue, ...]:
    if not notifiees:
        return ()
    gardees = notes.notes_courantes(session, [lue.demande.id for lue in notifiees])
    vues = {
        vue.demande.id: vue
        for vue in lignes_vues(session, [(lue.demande, lue.ligne) for lue in notifiees], gardees, ())
    }
    rejouees = [vue.note for vue in vues.values() if vue.note is not None]
    noms = SANS_NOM
    if rejouees:
        noms = noms_des_codes(session, dossier, textes=any(cite_des_textes(note.faits) for note in rejouees))
    places = repository.places(session, dossier.appel_id, [lue.demande for lue in notifiees]) if rejouees else {}
    return tuple(_ligne(session, lue, vues[lue.demande.id], places, noms) for lue in notifiees)


def _ligne(
    session: Session, lue: DemandeNotifiee, vue: LigneVue, places: Mapping[int, Place], noms: Noms
) -> LigneIssue:
    assert lue.decision is not None  # noqa: S101 -- filtré par l'appelant
    assert lue.notification is not None  # noqa: S101
    note, place = vue.note, places.get(lue.demande.id)
    faits = FaitsIssue(
        demande=lue.demande.montant_demande,
        accorde=lue.decision.montant,
        reste=lue.reste,
        est_sous_le_seuil=_sous_le_seuil(note, place),
    )
    expliquee: LigneExpliquee | None = None
    conseils: tuple[Progres, ...] = ()
    if note is not None and vue.lue is not None:
        grille = grilles.lire(session, vue.lue.note.grille_id, vue.lue.empreinte_grille)
        expliquee = expliquer(note, grille, libelle=vue.libelle, calculee_le=vue.lue.note.a, noms=noms)
        conseils = progres(grille, note, noms)
    return LigneIssue(
        code=lue.ligne.code,
        libelle=lue.ligne.financeur,
        demande=lue.demande.montant_demande,
        decision=lue.decision,
        notifiee_le=lue.notification.a,
        est_renoncee=lue.demande.etat is EtatDemande.RENONCEE,
        explications=expliquer_l_issue(faits),
        note=expliquee,
        place=place,
        progres=conseils,
    )


def _sous_le_seuil(note: Note | None, place: Place | None) -> bool | None:
    """Vrai si la note, au plus haut, est sous celle de tous les retenus ; None si trop peu de dossiers pour le dire."""
    if note is None or place is None or place.seuil_dit is None or place.seuil is None:
        return None
    haut: Decimal = note.intervalle[1]
    return haut < place.seuil
