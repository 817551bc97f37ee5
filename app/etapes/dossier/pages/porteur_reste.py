"""Après « Enregistrer » : ce qui reste à corriger à l'étape qu'on quitte, dit sur la page où l'on arrive."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.etapes.dossier.pages.porteur_vues import DossierOuvert
from app.etapes.dossier.rules.formes import Section
from app.infra.web import rediriger

PARAMETRE = "reste"


def quitter_l_etape(request: Request, nom: str, etape: Section, *, fait: str, **parametres: str) -> Response:
    """303 vers la page suivante, qui dira ce qui reste à corriger à l'étape quittée."""
    reponse = rediriger(request, nom, fait=fait, **parametres)
    reponse.headers["location"] += f"&{PARAMETRE}={etape.value}"
    return reponse


def reste_a_corriger(request: Request, ouvert: DossierOuvert) -> dict[str, Any]:
    """L'étape quittée, ses fautes, son adresse à la place de « C'est enregistré » ; rien si elle est juste."""
    nom = request.query_params.get(PARAMETRE, "")
    if nom not in set(Section) or not ouvert.peut_ecrire:
        return {}
    etape = Section(nom)
    fautes = ouvert.fautes_montrees(etape, avec_les_manques=True)
    if not fautes:
        return {}
    adresse = f"/dossiers/{ouvert.identifiant}/etapes/{etape.value}"
    return {"message": None, "reste": {"etape": etape, "nombre": len(fautes), "adresse": adresse}}
