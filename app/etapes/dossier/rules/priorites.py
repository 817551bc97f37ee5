"""Le rang que le porteur donne à ses propres actions, dans un appel."""

from __future__ import annotations

from collections.abc import Mapping

from app.noyau.erreurs import Faute

RANG_MAX = 99


def lire_rangs(textes: Mapping[str, str]) -> tuple[dict[str, int | None], tuple[Faute, ...]]:
    """Référence → rang (None si la case est vide), et les fautes. Deux actions n'ont pas le même rang.

    Choix du projet : conception/produit.md (« la priorité que le porteur donne à ses propres dossiers »).
    """
    rangs: dict[str, int | None] = {}
    fautes = []
    for reference, texte in textes.items():
        nu = texte.strip()
        if not nu:
            rangs[reference] = None
        elif nu.isascii() and nu.isdigit() and 1 <= int(nu[:4]) <= RANG_MAX and len(nu) < 4:
            rangs[reference] = int(nu)
        else:
            phrase = f"Écrivez un rang : 1 pour la plus importante ({RANG_MAX} au plus)."
            fautes.append(Faute(f"rang.{reference}", phrase, "rang_illisible"))
    vus: dict[int, str] = {}
    for reference, rang in rangs.items():
        if rang is not None and rang in vus:
            fautes.append(Faute(f"rang.{reference}", f"Le rang {rang} est déjà donné.", "rang_double"))
        elif rang is not None:
            vus[rang] = reference
    return rangs, tuple(fautes)
