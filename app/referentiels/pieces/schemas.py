"""Le formulaire d'une pièce."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from app.infra.forms import Entree
from app.referentiels.pieces.rules import LONGUEUR_INTITULE, Nature


class FormulairePiece(Entree):
    """Ce qu'est la pièce et ses dates ; le fichier voyage à côté."""

    nature: Nature = Field(title="Ce que c’est")
    intitule: str = Field("", title="Intitulé", max_length=LONGUEUR_INTITULE)
    datee_du: date | None = Field(None, title="Date de la pièce")
    jusqu_au: date | None = Field(None, title="Valable jusqu’au")
