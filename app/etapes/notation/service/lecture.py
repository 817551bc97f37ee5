"""Lire les notes d'un dossier et les règles d'un appel : qui le peut, et ce que chaque ligne a à dire."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.rules.etats import AVANT_DECISION, LIBELLES_DEMANDE
from app.etapes.notation import repository
from app.etapes.notation.repository import SORTIES, LectureVue, NoteLue
from app.etapes.notation.rules import Note, comparer, dire_la_premiere
from app.etapes.notation.service.notes import relire
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION
from app.referentiels.grilles.rules import CATALOGUE
from app.referentiels.lignes.models import LigneFinancement

LIT_LES_NOTES = ROLES_AGENT | ROLES_COMMISSION
AUCUNE_LECTURE: Mapping[int, Sequence[LectureVue]] = MappingProxyType({})
RESERVE = "La note se lit par les personnes qui instruisent ou qui siègent. Le porteur reçoit sa notice explicative."


@dataclass(frozen=True, slots=True)
class LigneVue:
    """Une ligne de financement d'un dossier : sa note, gardée (`lue`) et rejouée, ou pourquoi il n'y en a pas.

    `histoire` : ses notes gardées, de la plus récente à la première. `a_lire` : la note
    existe, mais cette personne en doit une seconde lecture, donc ne la voit pas encore.
    """

    code: str
    libelle: str
    demande: Demande
    lue: NoteLue | None
    note: Note | None
    motif: str
    lectures: tuple[LectureVue, ...] = ()
    a_lire: bool = False
    histoire: tuple[NoteLue, ...] = ()

    @property
    def a_demander(self) -> tuple[str, ...]:
        """Les faits à demander, par leur nom."""
        manquants = self.note.faits_a_demander if self.note is not None else ()
        return tuple(CATALOGUE[code].libelle for code in manquants)

    @property
    def attend_cloture(self) -> bool:
        """Vrai si le coût médian manque : il se fige à la clôture de la recevabilité."""
        return self.note is not None and self.note.attend_la_cloture

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


def list_lignes_vues(session: Session, dossier: Dossier, lecteur: str = "") -> tuple[LigneVue, ...]:
    """Une vue par ligne demandée, dans l'ordre des lignes. Cinq requêtes. Lève NoteIrrejouable.

    `lecteur` : l'identifiant de qui lit ; la note dont cette personne doit une seconde lecture ne lui est pas montrée.
    """
    demandes = dossiers.list_demandes(session, [dossier.id])
    cles = [demande.id for demande, _ in demandes]
    histoires, lectures = repository.list_notes(session, cles), repository.list_lectures(session, cles)
    notes = {cle: lues[0] for cle, lues in histoires.items()}
    vues = lignes_vues(session, demandes, notes, dossiers.list_passages(session, dossier.id), lectures, lecteur)
    return tuple(replace(vue, histoire=tuple(histoires[vue.demande.id])) if vue.note else vue for vue in vues)


def ligne_vue(session: Session, dossier: Dossier, ligne: str, lecteur: str = "") -> LigneVue:
    """La vue d'une ligne demandée. Lève Introuvable."""
    vue = next((v for v in list_lignes_vues(session, dossier, lecteur) if v.code == ligne), None)
    if vue is None:
        raise Introuvable("Ce dossier ne demande rien à cette ligne.")
    return vue


def lignes_vues(
    session: Session,
    demandes: Sequence[tuple[Demande, LigneFinancement]],
    notes: Mapping[int, NoteLue],
    passages: Iterable[Passage],
    lectures: Mapping[int, Sequence[LectureVue]] = AUCUNE_LECTURE,
    lecteur: str = "",
) -> tuple[LigneVue, ...]:
    """Une vue par ligne : la demande notée, sinon celle de la première année."""
    motifs = {passage.demande_id: passage.motif for passage in passages if passage.vers in SORTIES}
    retenues: dict[str, LigneVue] = {}
    for demande, ligne in demandes:
        lue = notes.get(demande.id)
        if ligne.code in retenues and lue is None:
            continue
        siennes = tuple(lectures.get(demande.id, ()))
        vue = LigneVue(ligne.code, ligne.financeur, demande, None, None, motifs.get(demande.id, ""), siennes)
        if lue is not None and demande.etat not in SORTIES:
            note = relire(session, lue)
            du = any(v.lecture.acteur == lecteur and v.lecture.rendue_le is None for v in siennes)
            if du and demande.etat in AVANT_DECISION:
                vue = replace(vue, libelle=note.libelle, a_lire=True)
            else:
                vue = replace(vue, libelle=note.libelle, lue=lue, note=note)
        retenues[ligne.code] = vue
    return tuple(retenues.values())


@dataclass(frozen=True, slots=True)
class Changement:
    """Une note de l'histoire d'une demande, et la phrase de ce qui l'a changée."""

    lue: NoteLue
    note: Note
    phrase: str


def list_changements(session: Session, demande_id: int) -> list[Changement]:
    """L'histoire de la note d'une demande."""
    return dire_les_changements(session, repository.list_notes(session, [demande_id])[demande_id])


def dire_les_changements(session: Session, lues: Sequence[NoteLue]) -> list[Changement]:
    """Des notes de la plus récente à la première : chacune rejouée et comparée à celle d'avant."""
    notes = [relire(session, lue) for lue in lues]
    phrases = [comparer(avant, apres) for apres, avant in itertools.pairwise(notes)]
    if notes:
        phrases.append(dire_la_premiere(notes[-1]))
    return [Changement(*trois) for trois in zip(lues, notes, phrases, strict=True)]
