"""Tout télécharger : les documents scellés, la demande en tableur, les fichiers joints, les messages."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Depends, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import echanges as lectures
from app.etapes.dossier.rules.formulaire_unique import portail
from app.etapes.dossier.service.demande_ecrite import ecrire_la_derniere, en_tableur, exiger_lecture_entiere
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.files import MORCEAU, FichierAbsent, Magasin, magasin_de
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.pieces.rules import EtatFichier

routeur = APIRouter()
EN_MEMOIRE = 4 * 1024 * 1024  # octets ; au-delà, l'archive s'écrit sur le disque


@routeur.get("/dossiers/{identifiant}/tout.zip", name="dossier:archive", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def tout_telecharger(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Le dossier entier, à garder : il ne dépend plus du service."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    if dossier.organisation_id not in acteur.organisations() or dossier.numero is None:
        raise Introuvable("Il n’y a encore rien à télécharger : ce dossier n’est pas déposé.")
    exiger_lecture_entiere(acteur, dossier)
    tampon = SpooledTemporaryFile(max_size=EN_MEMOIRE)  # noqa: SIM115 -- fermé une fois envoyé
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
        "Content-Length": str(tampon.tell()),
        "Cache-Control": "private, no-store",
    }
    tampon.seek(0)
    morceaux = iter(lambda: tampon.read(MORCEAU), b"")
    return StreamingResponse(
        morceaux, media_type="application/zip", headers=entetes, background=BackgroundTask(tampon.close)
    )


def _tableur(session: SessionDep, dossier: Dossier, maintenant: Maintenant) -> bytes:
    return en_tableur(portail(ecrire_la_derniere(session, dossier, maintenant)))


def _ajouter_fichiers(session: SessionDep, archive: ZipFile, dossier: Dossier, magasin: Magasin) -> None:
    """Les fichiers sains, sous un nom sans chemin ; deux fichiers de même nom se distinguent par leur rang."""
    for rang, (_, fichier) in enumerate(lectures.list_fichiers(session, dossier.id), start=1):
        if fichier.etat is not EtatFichier.SAIN:
            continue
        nom = f"fichiers/{rang:02d}-{fichier.nom}"
        try:
            octets = magasin.lire(fichier.sha256)
        except FichierAbsent:  # dit, plutôt que tu : qui relit l'archive sait ce qui manque
            archive.writestr(f"{nom} — introuvable.txt", "Ce fichier n’a pas pu être relu. Signalez-le au service.")
            continue
        with archive.open(nom, "w") as entree:
            for morceau in octets:
                entree.write(morceau)


def _messages(session: SessionDep, dossier: Dossier) -> str:
    return "\n\n".join(
        f"{instant_long(m.a)} — {m.nom} ({m.cote.value})\n{m.texte}"
        for m in lectures.list_messages(session, dossier.id)
    )
