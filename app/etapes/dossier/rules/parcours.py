"""Les étapes qu'un dossier a, et ce qui en compte : une étape retirée ne se juge pas et ne se fige pas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.etapes.dossier.rules.champs import CHAMPS
from app.etapes.dossier.rules.formes import Section

PAR_ANNEE = frozenset({"annees_suivantes", "annees_budget"})


def sections_du_dossier(duree: int, *, association: bool) -> tuple[Section, ...]:
    """Les étapes que ce dossier a : les années suivantes d'une CPO, le budget d'une association ou d'une fondation.

    Source : reference/domaine.md § 1.2 (5) ; conception/produit.md n° 6.
    """
    ecartees = {Section.ANNEES} if duree < 2 else set()
    if not association:
        ecartees.add(Section.ORGANISATION)
    return tuple(section for section in Section if section not in ecartees)


def contenu_utile(contenu: Mapping[str, Any], *, association: bool, annee: int | None = None) -> dict[str, Any]:
    """Le contenu sans les réponses d'une étape, ou d'une année d'après, que ce dossier n'a pas, ou plus.

    `annee` : celle de l'appel ; sans elle, chaque année garde son rang (une faute se dit à sa rangée).
    Ce qui est écarté reste au brouillon, et revient si la durée (ou la forme) revient.
    Choix du projet : raccourcir une demande ne laisse rien à mender là où l'on ne peut plus aller, et n'efface rien.
    """
    duree = int(contenu.get("duree") or 1)
    siennes = set(sections_du_dossier(duree, association=association))
    ecartes = {c.code for c in CHAMPS if c.section not in siennes}
    utile = {code: valeur for code, valeur in contenu.items() if code not in ecartes}
    if annee is not None:
        for code in PAR_ANNEE & utile.keys():
            utile[code] = [r for r in utile[code] if r.get("annee", annee) < annee + duree]
    return utile
