"""Pages : les notes d'un dossier, ses faits, sa notice, le classement d'une ligne et ses vues, les règles publiques."""

from app.etapes.notation.pages import (
    classement,
    cloture,
    comparer,
    cout,
    distribution,
    faits,
    grilles,
    grilles_brouillon,
    grilles_essai,
    lectures,
    notes,
    notice,
    passages,
    poids,
    regles,
)
from app.infra.web import reunir

routeur = reunir(
    notes.routeur,
    lectures.routeur,
    faits.routeur,
    classement.routeur,
    cloture.routeur,
    distribution.routeur,
    poids.routeur,
    comparer.routeur,
    cout.routeur,
    passages.routeur,
    regles.routeur,
    notice.routeur,
    grilles.routeur,
    grilles_brouillon.routeur,
    grilles_essai.routeur,
)
