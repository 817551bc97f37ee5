"""Pages : télécharger un fichier ; pour l'administrateur, ceux qui attendent l'antivirus."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from app.espaces.pieces import repository
from app.infra.acces import Acteur, exiger
from app.infra.antivirus import Etat, antivirus_de
from app.infra.files import FichierAbsent, magasin_de
from app.infra.traces import tracer
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import ActeImpossible, Introuvable
from app.noyau.roles import Role
from app.referentiels.pieces import repository as pieces
from app.referentiels.pieces.rules import EtatFichier

routeur = APIRouter()
trace = tracer("iq.fichiers")
INCONNU = "Ce fichier n’existe pas, ou vous n’y avez pas accès."
PAS_LISIBLE = {
    EtatFichier.RECU: "L’antivirus n’a pas encore vérifié ce fichier : personne ne peut le lire. Réessayez dans "
    "quelques minutes.",
    EtatFichier.INFECTE: "L’antivirus a refusé ce fichier : il a été supprimé.",
    EtatFichier.REFUSE: "Ce fichier s’est abîmé : il a été supprimé.",
}


def disposition(nom: str) -> str:
    """L'en-tête Content-Disposition d'un nom : ASCII pour les vieux outils, puis le vrai nom (RFC 6266)."""
    decompose = unicodedata.normalize("NFKD", nom)
    ascii_ = "".join(c for c in decompose if " " <= c <= "~" and c not in '"\\%;').strip() or "fichier"
    return f"attachment; filename=\"{ascii_}\"; filename*=UTF-8''{quote(nom, safe='')}"


@routeur.get("/fichiers/{fichier}", name="fichier", dependencies=[Depends(exiger())])
def telecharger(request: Request, session: SessionDep, acteur: Acteur, fichier: str) -> Response:
    """Le fichier, en flux, à enregistrer. Pas à vous : introuvable ; pas encore sain : impossible, même à l'auteur."""
    trouve = repository.get_fichier_lisible(session, acteur, fichier)
    if trouve is None:
        raise Introuvable(INCONNU)
    if trouve.etat is not EtatFichier.SAIN:
        raise ActeImpossible(PAS_LISIBLE[trouve.etat], code=f"fichier_{trouve.etat.value}")
    try:
        morceaux = magasin_de(request.app.state.config).lire(trouve.sha256)
    except FichierAbsent:
        trace.error("octets absents du magasin", fichier=trouve.code)
        raise Introuvable(INCONNU) from None
    entetes = {
        "Content-Disposition": disposition(trouve.nom),
        "Content-Length": str(trouve.taille),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(morceaux, media_type=trouve.media, headers=entetes)


@routeur.get(
    "/fichiers-en-attente",
    name="fichiers:attente",
    dependencies=[Depends(exiger(Role.ADMINISTRATEUR, Role.CHARGE_MISSION))],
)
def page_attente(request: Request, session: SessionDep) -> Response:
    """Combien de fichiers attendent l'antivirus, depuis quand, et s'il répond en ce moment."""
    antivirus = antivirus_de(request.app.state.config)
    joint = antivirus.joindre()
    contexte = {
        "attente": pieces.get_attente(session),
        "joignable": joint.etat is not Etat.INDISPONIBLE,
        "raison": joint.raison,
        "antivirus": antivirus.nom,
        "fil": (),
    }
    return rendre(request, "espaces/pieces/attente.html", contexte)
