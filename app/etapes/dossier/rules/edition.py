"""Écrire à plusieurs : une étape ouverte par quelqu'un est tenue, le temps qu'il y travaille."""

from __future__ import annotations

from datetime import datetime, timedelta

TENUE = timedelta(minutes=10)


def est_tenue(par: str, vue_at: datetime, moi: str, maintenant: datetime) -> bool:
    """Vrai si quelqu'un d'autre tient l'étape : il y a donné signe de vie depuis moins de dix minutes.

    Choix du projet : sans JavaScript on ne sait pas qu'une page est fermée ; dix minutes valent une étape remplie.
    """
    return par != moi and maintenant < vue_at + TENUE
