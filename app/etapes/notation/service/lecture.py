"""Lire les notes d'un dossier et les règles d'un appel : qui le peut, et ce que chaque ligne a à dire."""

from __future__ import annotations

import itertools
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
from app.etapes.notation.repository import SORTIES, NoteLue
from app.etapes.notation.rules import Note, comparer, dire_la_premiere
from app.etapes.notation.rules.saisie import FIGES
from app.etapes.notation.service.notes import relire
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION
from app.referentiels.grilles.rules import CATALOGUE
from app.referentiels.lignes.models import LigneFinancement

LIT_LES_NOTES = ROLES_AGENT | ROLES_COMMISSION
RESERVE = "La note se lit par les personnes qui instruisent ou qui siègent. Le porteur reçoit sa notice explicative."


@dataclass(frozen=True, slots=True)
class LigneVue:
    """Une ligne de financement d'un dossier : sa note, gardée (`lue`) et rejouée, ou pourquoi il n'y en a pas."""

    code: str
    libelle: str
    demande: Demande
    lue: NoteLue | None
    note: Note | None
    motif: str

    @property
    def a_demander(self) -> tuple[str, ...]:
        """Les faits à demander, par leur nom."""
        manquants = self.note.faits_a_demander if self.note is not None else ()
        return tuple(CATALOGUE[code].libelle for code in manquants if code not in FIGES)

    @property
    def attend_cloture(self) -> bool:
        """Vrai si le coût médian manque : il se fige à la clôture de la recevabilité."""
        return self.note is not None and any(code in FIGES for code in self.note.faits_a_demander)

    @property
    def declares(self) -> int:
        """Combien de faits utilisés ne sont que déclarés."""
        return len(self.note.faits_declares) if self.note is not None else 0

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
    """Une vue par ligne demandée, dans l'ordre des lignes. Quatre requêtes. Lève NoteIrrejouable."""
    demandes = dossiers.list_demandes(session, [dossier.id])
    notes = repository.notes_courantes(session, [demande.id for demande, _ in demandes])
    return lignes_vues(session, demandes, notes, dossiers.list_passages(session, dossier.id))


def lignes_vues(
    session: Session,
    demandes: Sequence[tuple[Demande, LigneFinancement]],
    notes: Mapping[int, NoteLue],
    passages: Iterable[Passage],
) -> tuple[LigneVue, ...]:
    """Une vue par ligne : la demande notée, sinon celle de la première année."""
    motifs = {passage.demande_id: passage.motif for passage in passages if passage.vers in SORTIES}
    retenues: dict[str, LigneVue] = {}
    for demande, ligne in demandes:
        lue = notes.get(demande.id)
        if ligne.code in retenues and lue is None:
            continue
        note = relire(session, lue) if lue is not None and demande.etat not in SORTIES else None
        retenues[ligne.code] = LigneVue(
            code=ligne.code,
            libelle=note.libelle if note is not None else ligne.financeur,
            demande=demande,
            lue=lue if note is not None else None,
            note=note,
            motif=motifs.get(demande.id, ""),
        )
    return tuple(retenues.values())


@dataclass(frozen=True, slots=True)
class Changement:
    """Une note de l'histoire d'une demande, et la phrase de ce qui l'a changée."""

    lue: NoteLue
    note: Note
    phrase: str


def list_changements(session: Session, demande_id: int) -> list[Changement]:
    """L'histoire d'une note, de la plus récente à la première : chacune rejouée et comparée à celle d'avant."""
    lues = repository.list_notes(session, demande_id)
    notes = [relire(session, lue) for lue in lues]
    phrases = [comparer(avant, apres) for apres, avant in itertools.pairwise(notes)]
    if notes:
        phrases.append(dire_la_premiere(notes[-1]))
    return [Changement(*trois) for trois in zip(lues, notes, phrases, strict=True)]
