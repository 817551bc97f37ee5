"""Messages, rappels, étapes rouvertes par un complément, et ce qu'il a changé."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.etapes.dossier.rules.champs import CHAMPS
from app.etapes.dossier.rules.clair import Noms, textes_en_clair
from app.etapes.dossier.rules.formes import Section
from app.noyau.erreurs import Faute

LONGUEUR_MESSAGE = 4000
RAPPELS_DEPOT = (timedelta(days=7), timedelta(days=2))
RAPPELS_COMPLEMENT = (timedelta(days=5), timedelta(days=1))


class Cote(StrEnum):
    """De quel côté vient un message."""

    PORTEUR = "porteur"
    AGENT = "agent"


def verifier_message(texte: str, *, avec_fichier: bool) -> tuple[Faute, ...]:
    """Un message dit quelque chose, en quatre mille caractères au plus ; un fichier seul s'annonce d'un mot.

    Choix du projet : un message long est un dossier ; un fichier sans mot ne se comprend pas des mois après.
    """
    if not texte.strip():
        phrase = "Dites ce que c’est, en un mot." if avec_fichier else "Écrivez votre message."
        return (Faute("texte", phrase, "message_vide"),)
    if len(texte) > LONGUEUR_MESSAGE:
        phrase = f"Écrivez au plus {LONGUEUR_MESSAGE} caractères ({len(texte)} pour l’instant)."
        return (Faute("texte", phrase, "message_trop_long"),)
    return ()


def rappel_du(echeance: datetime, maintenant: datetime, avances: Iterable[timedelta]) -> int | None:
    """Le nombre de jours d'avance du rappel qui est dû (le plus proche de l'échéance) ; None s'il n'y en a pas.

    Choix du projet : deux rappels, jamais après l'échéance ; un service arrêté une semaine n'en envoie qu'un.
    """
    if maintenant >= echeance:
        return None
    dus = [a.days for a in avances if maintenant >= echeance - a]
    return min(dus, default=None)


def sections_rouvertes(demandees: Iterable[Collection[str] | None]) -> frozenset[Section]:
    """Les étapes que rouvrent ces compléments attendus : leur réunion ; None en rouvre toutes.

    Choix du projet : un complément ne rouvre que ce qu'il vise ; le reste du dossier reste celui qui a été lu.
    """
    rendu: set[Section] = set()
    for sections in demandees:
        if sections is None:
            return frozenset(Section)
        rendu |= {Section(s) for s in sections if s in set(Section)}
    return frozenset(rendu)


@dataclass(frozen=True, slots=True)
class Difference:
    """Un champ changé : avant, après, dans les mots du porteur."""

    section: Section
    libelle: str
    avant: tuple[str, ...]
    apres: tuple[str, ...]


def differences(avant: Mapping[str, Any], apres: Mapping[str, Any], noms: Noms) -> tuple[Difference, ...]:
    """Ce qui a changé d'un contenu figé au suivant, dans l'ordre du formulaire.

    Choix du projet : qui a lu un dossier ne relit que ce qui a changé.
    """
    return tuple(
        Difference(
            c.section,
            c.libelle,
            textes_en_clair(c, avant.get(c.code), noms),
            textes_en_clair(c, apres.get(c.code), noms),
        )
        for c in CHAMPS
        if (avant.get(c.code) or None) != (apres.get(c.code) or None)
    )
