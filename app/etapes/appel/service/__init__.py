"""Actes de l'appel : préparer, ouvrir, clore ; doter une enveloppe ; engager et libérer (les seules écritures)."""

from app.etapes.appel.service.conduite import (
    clore_recevabilite,
    deplacer_dates,
    epingler,
    exiger_passage,
    modifier,
    passer,
    preparer,
    verifier_preparation,
)
from app.etapes.appel.service.enveloppes import AEngager, EnveloppeDepassee, doter, engager, liberer

__all__ = [
    "AEngager",
    "EnveloppeDepassee",
    "clore_recevabilite",
    "deplacer_dates",
    "doter",
    "engager",
    "epingler",
    "exiger_passage",
    "liberer",
    "modifier",
    "passer",
    "preparer",
    "verifier_preparation",
]
