"""Compter les requêtes SQL d'une page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from sqlalchemy import event


@contextmanager
def requetes(service: FastAPI) -> Iterator[list[str]]:
    """Les instructions SQL envoyées pendant le bloc (hors ouverture de connexion et fin de transaction)."""
    vues: list[str] = []

    def noter(_c: object, _cur: object, instruction: str, *_reste: object) -> None:
        vues.append(instruction)

    moteur = service.state.moteur
    event.listen(moteur, "before_cursor_execute", noter)
    try:
        yield vues
    finally:
        event.remove(moteur, "before_cursor_execute", noter)
