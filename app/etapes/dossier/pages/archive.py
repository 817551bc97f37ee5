"""Tout télécharger : les documents scellés, la demande en tableur, les fichiers joints, les messages."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import echanges as lectures
from app.etapes.dossier.rules.formulaire_unique import portail
from app.etapes.dossier.service.demande_ecrite import ecrire_la_derniere, en_tableur, exiger_lecture_entiere
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.files import FichierAbsent, Magasin, magasin_de
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.pieces.rules import EtatFichier

routeur = APIRouter()


@routeur.get("/dossiers/{identifiant}/tout.zip", name="dossier:archive", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def tout_telecharger(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Le dossier entier, à garder : il ne dépend plus du service."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    if dossier.organisation_id not in acteur.organisations() or dossier.numero is None:
        raise Introuvable("Il n’y a encore rien à télécharger : ce dossier n’est pas déposé.")
    exiger_lecture_entiere(acteur, dossier)
    tampon = BytesIO()
    with ZipFile(tampon, "w", ZIP_DEFLATED) as archive:
        for lien in repository.list_documents(session, dossier.id):
            document = documents.lire(session, lien.sha256)
            if document is not None:
                archive.writestr(document.nom, document.contenu)
        archive.writestr(f"demande-{dossier.numero}.xlsx", _tableur(session, dossier, maintenant))
        _ajouter_fichiers(session, archive, dossier, magasin_de(request.app.state.config))
        archive.writestr("messages.txt", _messages(session, dossier))
    entetes = {
        "Content-Disposition": f'attachment; filename="dossier-{dossier.numero}.zip"',
        "Cache-Control": "private, no-store",
    }
    return Response(tampon.getvalue(), media_type="application/zip", headers=entetes)


def _tableur(session: SessionDep, dossier: Dossier, maintenant: Maintenant) -> bytes:
    return en_tableur(portail(ecrire_la_derniere(session, dossier, maintenant)))


def _ajouter_fichiers(session: SessionDep, archive: ZipFile, dossier: Dossier, magasin: Magasin) -> None:
    """Les fichiers sains, sous un nom sans chemin ; deux fichiers de même nom se distinguent par leur rang."""
    for rang, (_, fichier) in enumerate(lectures.list_fichiers(session, dossier.id), start=1):
        if fichier.etat is not EtatFichier.SAIN:
            continue
        try:
            octets = b"".join(magasin.lire(fichier.sha256))
        except FichierAbsent:
            continue
        archive.writestr(f"fichiers/{rang:02d}-{fichier.nom}", octets)


def _messages(session: SessionDep, dossier: Dossier) -> str:
    return "\n\n".join(
        f"{instant_long(m.a)} — {m.nom} ({m.cote.value})\n{m.texte}"
        for m in lectures.list_messages(session, dossier.id)
    )
