"""Rejouer toutes les notes d'un appel, courantes ou non : chacune redonne ses points et son empreinte, ou on le dit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.etapes.notation import repository
from app.etapes.notation.repository import NoteLue
from app.etapes.notation.rules import (
    NoteIrrejouable,
    bornes_vers_texte,
    criteres_vers_json,
    empreinte_de_note,
    empreinte_des_faits,
    faits_vers_json,
    priorites_vers_json,
)
from app.etapes.notation.service.notes import relire

TAILLE_LOT = 500


@dataclass(frozen=True, slots=True)
class Rejeu:
    """Une note rejouée. `faute` : ce qui ne se retrouve pas ; vide si tout est identique."""

    lue: NoteLue
    faute: str


def rejouer_appel(session: Session, appel_id: int) -> Iterator[Rejeu]:
    """Rejoue toutes les notes d'un appel, par lots : la mémoire reste bornée. N'écrit rien."""
    apres = 0
    while lot := repository.page_notes(session, appel_id, apres=apres, taille=TAILLE_LOT):
        for lue in lot:
            yield Rejeu(lue, _faute(session, lue))
            session.expunge(lue.note)
        apres = lot[-1].note.id


def _faute(session: Session, lue: NoteLue) -> str:
    try:
        note = relire(session, lue)
    except NoteIrrejouable as erreur:
        return erreur.message
    if bornes_vers_texte(note) != (str(lue.note.minimum), str(lue.note.maximum)):
        return f"Le total rejoué est {' à '.join(bornes_vers_texte(note))}."
    refaite = empreinte_de_note(
        criteres_vers_json(note),
        empreinte_des_faits(faits_vers_json(note.faits)),
        note.empreinte_grille,
        priorites_vers_json(note.priorites),
    )
    return "" if refaite == lue.note.empreinte else "L’empreinte de la note n’est plus la sienne."
