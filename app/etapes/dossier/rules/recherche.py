"""Chercher un dossier : texte normalisé à l'écriture, mots pris par leur début à la lecture."""

from __future__ import annotations

import re

from app.etapes.contrat.rules.recherche import plier

_MOT = re.compile(r"[^\W_]+")
MOTS_MAX = 12


def texte_de_recherche(*parties: str) -> str:
    """Ce que la base indexe : les mots, sans accent, ni casse, ni ponctuation (« M2A-2027-0093 » → « m2a 2027 0093 »).

    Choix du projet : on cherche comme on tape ; un tiret laissé ferait lire « -0093 » comme un nombre négatif.
    """
    return " ".join(_MOT.findall(plier(" ".join(parties))))


def requete_de_recherche(saisie: str) -> str:
    """La requête tsquery : tous les mots, chacun par son début ; vide si la saisie n'a aucun mot.

    Choix du projet : douze mots au plus.
    """
    return " & ".join(f"{mot}:*" for mot in _MOT.findall(plier(saisie))[:MOTS_MAX])
