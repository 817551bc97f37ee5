"""Pages : les notes d'un dossier, ses faits, le classement d'une ligne, les règles publiques."""

from app.etapes.notation.pages import classement, faits, notes, regles
from app.infra.web import reunir

routeur = reunir(notes.routeur, faits.routeur, classement.routeur, regles.routeur)
