"""Ce qu'un nouveau chargement ferait perdre : rien de ce qu'un dossier peut citer ne disparaît."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disparu:
    """Un élément déjà chargé et absent du nouveau contenu. Choix du projet : un dossier reste attaché à sa version."""

    genre: str
    code: str


def disparus(genre: str, charges: Collection[str], voulus: Collection[str]) -> tuple[Disparu, ...]:
    """Les éléments chargés que le nouveau contenu n'a plus, triés par code.

    Choix du projet : un dossier reste attaché à sa version du contrat.
    """
    return tuple(Disparu(genre, code) for code in sorted(set(charges) - set(voulus)))


def phrase(manquants: Collection[Disparu], contrat: str, version: str) -> str:
    """La phrase du refus, éléments groupés par genre.

    Choix du projet : une erreur dit comment la réparer.
    """
    groupes: dict[str, list[str]] = {}
    for manquant in manquants:
        groupes.setdefault(manquant.genre, []).append(manquant.code)
    liste = " ; ".join(f"{genre} {', '.join(codes)}" for genre, codes in groupes.items())
    return (
        f"Le contrat {contrat}, version {version}, est déjà chargé et des dossiers peuvent citer ce qui n’y est plus : "
        f"{liste}. Remettez ces éléments (avec une date « valide_au » s’ils ne valent plus), "
        "ou créez une version : ce que l’ancienne dit lui reste."
    )


def sous_actions(contenus: Mapping[str, dict[str, object]]) -> tuple[str, ...]:
    """Codes des sous-actions de ces contenus d'objectifs opérationnels.

    Source : contrat, Partie 1 § 3.
    """
    codes: list[str] = []
    for contenu in contenus.values():
        actions = contenu["sous_actions"]
        if isinstance(actions, list):
            codes += [str(action["code"]) for action in actions]
    return tuple(codes)
