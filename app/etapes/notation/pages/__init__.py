"""Pages : les notes d'un dossier, ses faits, le classement d'une ligne, les règles publiques."""

from fastapi import APIRouter

from app.etapes.notation.pages import classement, faits, notes, regles

routeur = APIRouter()
for _partie in (notes, faits, classement, regles):
    routeur.include_router(_partie.routeur)
