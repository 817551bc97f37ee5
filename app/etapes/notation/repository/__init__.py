"""Lectures de la notation : les faits des dossiers, ce qu'il y a à noter, les notes, le classement d'une ligne."""

from app.etapes.notation.repository.classement import Classe, compter_a_noter, page_classement
from app.etapes.notation.repository.faits import ConstatAgent, Releve, faits_du_dossier, releves
from app.etapes.notation.repository.lot import (
    SORTIES,
    ANoter,
    EnVigueur,
    NoteNeuve,
    ReleveNeuf,
    compter_deposes,
    ecrire,
    list_a_noter,
    list_lot,
    notes_en_vigueur,
    numeros,
    releves_en_vigueur,
    reserver_releves,
    verrouiller,
)
from app.etapes.notation.repository.notes import (
    AjustementCourant,
    NoteLue,
    ajustements_courants,
    list_notes,
    notes_courantes,
    page_notes,
)

__all__ = [
    "SORTIES",
    "ANoter",
    "AjustementCourant",
    "Classe",
    "ConstatAgent",
    "EnVigueur",
    "NoteLue",
    "NoteNeuve",
    "Releve",
    "ReleveNeuf",
    "ajustements_courants",
    "compter_a_noter",
    "compter_deposes",
    "ecrire",
    "faits_du_dossier",
    "list_a_noter",
    "list_lot",
    "list_notes",
    "notes_courantes",
    "notes_en_vigueur",
    "numeros",
    "page_classement",
    "page_notes",
    "releves",
    "releves_en_vigueur",
    "reserver_releves",
    "verrouiller",
]
