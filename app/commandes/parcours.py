"""`parcours` : écrit `docs/parcours.md` depuis les tables de transitions. Un essai vérifie qu'il est à jour."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from app.etapes.appel.rules import TRANSITIONS_APPEL, EtatAppel, TransitionAppel
from app.etapes.dossier.rules.etats import (
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    TRANSITIONS,
    TRANSITIONS_DEMANDE,
    EtatDemande,
    EtatDossier,
    Libelle,
    Transition,
    TransitionDemande,
)
from app.infra.config import RACINE
from app.noyau.roles import Role

FICHIER = RACINE / "docs" / "parcours.md"
Passe = Transition | TransitionDemande | TransitionAppel
ENTETE = """# Le parcours d'un dossier

Page engendrée par `python -m app parcours` depuis les tables de transitions (`app/etapes/dossier/rules/etats.py`,
`app/etapes/appel/rules.py`) : ne pas la modifier à la main. Les boutons, la garde et les routes de l'API sortent des
mêmes tables.
"""


def _diagramme(transitions: Sequence[Passe]) -> list[str]:
    lignes = ["```mermaid", "stateDiagram-v2"]
    for t in transitions:
        lignes += [f"    {etat.value} --> {t.vers.value} : {t.acte}" for etat in sorted(t.depuis, key=_rang(t))]
    return [*lignes, "```", ""]


def _rang(t: Passe) -> Callable[[object], int]:
    ordre: list[object] = list(type(t.vers))
    return ordre.index


def _roles(roles: Iterable[Role]) -> str:
    return ", ".join(sorted(r.libelle for r in roles))


def _actes(transitions: Sequence[Passe]) -> list[str]:
    lignes = ["| acte | libellé | depuis | vers | qui | motif exigé |", "|---|---|---|---|---|---|"]
    for t in transitions:
        depuis = ", ".join(e.value for e in sorted(t.depuis, key=_rang(t)))
        motif = "oui" if getattr(t, "motif", False) else ""
        lignes.append(f"| `{t.acte}` | {t.libelle} | {depuis} | {t.vers.value} | {_roles(t.roles)} | {motif} |")
    return [*lignes, ""]


def _etats(libelles: dict[EtatDossier, Libelle] | dict[EtatDemande, Libelle]) -> list[str]:
    lignes = ["| état | ce que lit le porteur | ce que lit l'agent |", "|---|---|---|"]
    lignes += [f"| `{etat.value}` | {texte.porteur} | {texte.agent} |" for etat, texte in libelles.items()]
    return [*lignes, ""]


def engendrer() -> str:
    """Le texte de la page."""
    parties = [
        ENTETE,
        "## Le dossier\n",
        *_diagramme(TRANSITIONS),
        *_etats(LIBELLES_DOSSIER),
        *_actes(TRANSITIONS),
        "## La demande (dossier × ligne de financement × année)\n",
        "Chaque ligne avance seule ; les cinq avancent en parallèle. Les rôles d'agent s'entendent sur la ligne.\n",
        *_diagramme(TRANSITIONS_DEMANDE),
        *_etats(LIBELLES_DEMANDE),
        *_actes(TRANSITIONS_DEMANDE),
        "## L'appel à initiatives\n",
        *_diagramme(TRANSITIONS_APPEL),
        "| état | libellé |",
        "|---|---|",
        *(f"| `{etat.value}` | {etat.libelle} |" for etat in EtatAppel),
        "",
        *_actes(TRANSITIONS_APPEL),
    ]
    return "\n".join(parties).rstrip() + "\n"


def ecrire() -> int:
    """Écrit la page ; rend 0."""
    FICHIER.write_text(engendrer(), encoding="utf-8")
    print(f"{FICHIER.relative_to(RACINE)} est à jour.")
    return 0


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """`parcours` n'accepte rien."""
    analyseur.set_defaults(agir=lambda _config, _lus: ecrire())
