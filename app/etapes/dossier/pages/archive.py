"""Tout télécharger : les documents scellés, la demande en tableur, les fichiers joints, les pièces, les messages."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Depends, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from app.etapes.appel.repository import list_pieces as pieces_de_l_appel
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
from app.noyau.periodes import a_paris, instant_long
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs.models import Organisation
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.repository import list_pieces_valables
from app.referentiels.pieces.rules import EtatFichier, attendues

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
        magasin = magasin_de(request.app.state.config)
        joints = [(x.nom, x) for _, x in lectures.list_fichiers(session, dossier.id)]
        _ajouter_fichiers(archive, magasin, "fichiers", joints)
        _ajouter_fichiers(archive, magasin, "pieces", _pieces_demandees(session, dossier, maintenant))
        _ajouter_messages(session, archive, dossier)
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


def _pieces_demandees(session: SessionDep, dossier: Dossier, maintenant: Maintenant) -> list[tuple[str, Fichier]]:
    """Les pièces de l'organisation, valables ce jour-là, que l'appel demande : (nom, fichier)."""
    organisation = session.get_one(Organisation, dossier.organisation_id)
    voulues = [
        attendue
        for piece in pieces_de_l_appel(session, dossier.appel_id, organisation.forme)
        for attendue in attendues(piece.code, piece.libelle)
    ]
    valables = [
        (piece, fichier)
        for piece, fichier in list_pieces_valables(session, organisation.id, a_paris(maintenant).date())
        if any(attendue.repond(piece.nature, piece.intitule) for attendue in voulues)
    ]
    return [(f"{piece.nature.value}-{fichier.nom}", fichier) for piece, fichier in valables]


def _ajouter_fichiers(
    archive: ZipFile, magasin: Magasin, ranges_sous: str, fichiers: Sequence[tuple[str, Fichier]]
) -> None:
    """Les fichiers sains, sous un nom sans chemin ; deux fichiers de même nom se distinguent par leur rang."""
    for rang, (dit, fichier) in enumerate(fichiers, start=1):
        if fichier.etat is not EtatFichier.SAIN:
            continue
        nom = f"{ranges_sous}/{rang:02d}-{dit}"
        try:
            octets = magasin.lire(fichier.sha256)
        except FichierAbsent:  # dit, plutôt que tu : qui relit l'archive sait ce qui manque
            archive.writestr(f"{nom} — introuvable.txt", "Ce fichier n’a pas pu être relu. Signalez-le au service.")
            continue
        with archive.open(nom, "w") as entree:
            for morceau in octets:
                entree.write(morceau)


def _ajouter_messages(session: SessionDep, archive: ZipFile, dossier: Dossier) -> None:
    """Tous les messages, du plus ancien au plus récent, écrits à mesure qu'ils se lisent."""
    with archive.open("messages.txt", "w") as entree:
        for rang, m in enumerate(lectures.lire_messages(session, dossier.id)):
            separation = "\n\n" if rang else ""
            entree.write(f"{separation}{instant_long(m.a)} — {m.nom} ({m.cote.value})\n{m.texte}".encode())
