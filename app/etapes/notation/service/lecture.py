"""Lire les notes d'un dossier et les règles d'un appel : qui le peut, et ce que chaque ligne a à dire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.etapes.notation import repository
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import SORTIES
from app.etapes.notation.rules.saisie import FIGES
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION
from app.referentiels.grilles.rules import CATALOGUE
from app.referentiels.lignes.models import LigneFinancement

LIT_LES_NOTES = ROLES_AGENT | ROLES_COMMISSION
RESERVE = "La note se lit par les personnes qui instruisent ou qui siègent. Le porteur reçoit sa notice explicative."


@dataclass(frozen=True, slots=True)
class LigneVue:
    """Une ligne de financement d'un dossier : sa note courante, ou pourquoi il n'y en a pas.

    `a_demander` : ce qui peut s'établir ; `attend_cloture` : le coût médian manque, il se fige à la clôture.
    """

    code: str
    libelle: str
    demande: Demande
    note: NoteEnregistree | None
    motif: str
    a_demander: tuple[str, ...]
    attend_cloture: bool
    declares: int

    @property
    def est_hors_jeu(self) -> bool:
        """Vrai si la demande n'est pas ou plus étudiée sur cette ligne."""
        return self.demande.etat in SORTIES

    @property
    def etat(self) -> str:
        """Le mot montré à l'agent."""
        return LIBELLES_DEMANDE[self.demande.etat].agent

    @property
    def ton(self) -> str:
        """La forme de l'étiquette d'état."""
        return LIBELLES_DEMANDE[self.demande.etat].ton.value


def lire_dossier(session: Session, numero: str, acteur: Identite) -> Dossier:
    """Le dossier, s'il est en vue et si cette personne lit les notes de son contrat. Lève Introuvable, ActeInterdit."""
    dossier = dossiers.get_dossier(session, numero, acteur)
    if not acteur.tient(*LIT_LES_NOTES, contrat_id=dossier.contrat_id):
        raise ActeInterdit(RESERVE)
    return dossier


def get_appel_publie(session: Session, code: str, visiteur: Identite | None) -> Appel:
    """L'appel, s'il est publié ; en préparation, seuls les agents de son contrat le lisent. Lève Introuvable."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None or (
        appel.etat is EtatAppel.PREPARE
        and (visiteur is None or not visiteur.tient(*ROLES_AGENT, contrat_id=appel.contrat_id))
    ):
        raise Introuvable("Cet appel n’existe pas, ou n’est pas encore publié.")
    return appel


def list_lignes_vues(session: Session, dossier: Dossier) -> tuple[LigneVue, ...]:
    """Une vue par ligne demandée, dans l'ordre des lignes. Trois requêtes."""
    demandes = dossiers.list_demandes(session, [dossier.id])
    notes = repository.notes_courantes(session, [demande.id for demande, _ in demandes])
    return lignes_vues(demandes, notes, dossiers.list_passages(session, dossier.id))


def lignes_vues(
    demandes: Sequence[tuple[Demande, LigneFinancement]],
    notes: Mapping[int, NoteEnregistree],
    passages: Iterable[Passage],
) -> tuple[LigneVue, ...]:
    """Une vue par ligne : la demande notée, sinon celle de la première année."""
    motifs = {passage.demande_id: passage.motif for passage in passages if passage.vers in SORTIES}
    retenues: dict[str, LigneVue] = {}
    for demande, ligne in demandes:
        note = notes.get(demande.id)
        if ligne.code in retenues and note is None:
            continue
        resultat = note.resultat if note is not None else {}
        manquants = resultat.get("faits_a_demander", ())
        retenues[ligne.code] = LigneVue(
            code=ligne.code,
            libelle=resultat.get("libelle", ligne.financeur),
            demande=demande,
            note=note if demande.etat not in SORTIES else None,
            motif=motifs.get(demande.id, ""),
            a_demander=tuple(CATALOGUE[code].libelle for code in manquants if code not in FIGES),
            attend_cloture=any(code in FIGES for code in manquants),
            declares=len(resultat.get("faits_declares", ())),
        )
    return tuple(retenues.values())
