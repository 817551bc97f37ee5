"""Les étapes qu'un dossier a, et ce qui en compte : une étape retirée ne se juge pas et ne se fige pas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.etapes.dossier.rules.champs import CHAMPS
from app.etapes.dossier.rules.formes import Section


def sections_du_dossier(duree: int, *, association: bool) -> tuple[Section, ...]:
    """Les étapes que ce dossier a : les années suivantes d'une CPO, le budget d'une association ou d'une fondation.

    Source : reference/domaine.md § 1.2 (5) ; conception/produit.md n° 6.
    """
    ecartees = {Section.ANNEES} if duree < 2 else set()
    if not association:
        ecartees.add(Section.ORGANISATION)
    return tuple(section for section in Section if section not in ecartees)


def contenu_utile(contenu: Mapping[str, Any], *, association: bool) -> dict[str, Any]:
    """Le contenu sans les réponses d'une étape que ce dossier n'a pas, ou plus : elles reviennent avec leur étape.

    Choix du projet : raccourcir une demande ne laisse rien à mender là où l'on ne peut plus aller, et n'efface rien.
    """
    siennes = set(sections_du_dossier(int(contenu.get("duree") or 1), association=association))
    ecartes = {c.code for c in CHAMPS if c.section not in siennes}
    return {code: valeur for code, valeur in contenu.items() if code not in ecartes}
