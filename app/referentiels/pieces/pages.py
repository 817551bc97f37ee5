"""Pages : les pièces d'une organisation ; en déposer une, en remplacer une."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import EnvoiDep, Page
from app.infra.files import Televersement, magasin_de
from app.infra.files.controle import ACCEPTE, TAILLE_MAX
from app.infra.files.envoi import televersement_de
from app.infra.forms import Formulaire, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Organisation
from app.referentiels.pieces import repository, service
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.rules import (
    ECARTES,
    LONGUEUR_INTITULE,
    REGLES,
    EtatFichier,
    EtatValidite,
    Nature,
    Validite,
    etat_validite,
)
from app.referentiels.pieces.schemas import FormulairePiece

routeur = APIRouter()
DEPOSENT = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE)
DEPOSEE = annoncer("piece-deposee", "La pièce est enregistrée. Elle sera lisible dès que l’antivirus l’aura vérifiée.")
ANCIENNES_MONTREES = 30
NATURES = [(n.value, n.libelle) for n in Nature]
ETATS: Mapping[EtatFichier | EtatValidite, tuple[str, str]] = {
    EtatFichier.RECU: ("En cours d’analyse", "attente"),
    EtatFichier.INFECTE: ("Refusée : programme malveillant", "non"),
    EtatFichier.REFUSE: ("Refusée : fichier abîmé", "non"),
    EtatValidite.VALABLE: ("Valable", "oui"),
    EtatValidite.A_RENOUVELER: ("À renouveler", "attente"),
    EtatValidite.PERIMEE: ("Périmée", "non"),
    EtatValidite.A_VENIR: ("Pas encore valable", "neutre"),
}


@dataclass(frozen=True, slots=True)
class PieceVue:
    """Une pièce telle que la page la montre : un mot et une forme disent son état."""

    piece: Piece
    fichier: Fichier
    mot: str
    forme: str

    @property
    def se_lit(self) -> bool:
        """Vrai si son fichier se télécharge."""
        return self.fichier.etat is EtatFichier.SAIN

    @property
    def nom(self) -> str:
        """Sa nature, ou son intitulé."""
        return self.piece.intitule or self.piece.nature.libelle


@dataclass(frozen=True, slots=True)
class Groupe:
    """Les pièces d'une nature (et d'un intitulé) : celle d'aujourd'hui d'abord, puis l'histoire."""

    actuelle: PieceVue
    anciennes: tuple[PieceVue, ...]

    @property
    def refusee_depuis(self) -> PieceVue | None:
        """La dernière déposée, si elle a été refusée et que celle d'avant reste en place."""
        plus_recente = self.anciennes[0] if self.anciennes else None
        if plus_recente is None or plus_recente.piece.id < self.actuelle.piece.id:
            return None
        return plus_recente


def voir(piece: Piece, fichier: Fichier, le: date) -> PieceVue:
    """Une pièce, à dire ce jour-là."""
    etat: EtatFichier | EtatValidite = fichier.etat
    if etat is EtatFichier.SAIN:
        etat = etat_validite(Validite(piece.valable_du, piece.valable_au), le)
    return PieceVue(piece, fichier, *ETATS[etat])


def grouper(pieces: Sequence[repository.PieceEtFichier], le: date) -> list[Groupe]:
    """Par nature, dans l'ordre des natures. L'actuelle est la dernière qui n'a pas été refusée, sinon la dernière."""
    rangs = {nature: rang for rang, nature in enumerate(Nature)}
    par_cle: dict[tuple[int, str], list[PieceVue]] = {}
    for piece, fichier in pieces:
        par_cle.setdefault((rangs[piece.nature], piece.intitule), []).append(voir(piece, fichier, le))
    groupes = []
    for _, vues in sorted(par_cle.items(), key=lambda paire: paire[0]):
        actuelle = next((v for v in vues if v.fichier.etat not in ECARTES), vues[0])
        groupes.append(Groupe(actuelle, tuple(v for v in vues if v is not actuelle)))
    return groupes


def _organisation(session: SessionDep, acteur: Identite, code: str, *, depose: bool = False) -> Organisation:
    """L'organisation de ce code. Lève Introuvable si l'on n'en est pas, ActeInterdit si l'on n'y écrit pas."""
    trouvee = acteurs.get_organisation_par_code(session, code, acteur.organisations())
    if trouvee is None:
        raise Introuvable("Cette organisation n’existe pas, ou vous n’y avez pas accès.")
    if depose and trouvee.id not in acteur.organisations(DEPOSENT):
        raise ActeInterdit("Vous lisez les pièces de cette organisation, sans en déposer.", code="lecture_seule")
    return trouvee


def _page(
    session: SessionDep, acteur: Identite, organisation: Organisation, maintenant: Maintenant,
    saisie: Mapping[str, str], *, entiere: bool = False,
) -> Page:  # fmt: skip
    """Les pièces en place et les dernières anciennes ; `entiere` : toutes les anciennes (PIECES_MAX au plus)."""
    groupes = grouper(repository.list_pieces(session, organisation.id), a_paris(maintenant).date())
    anciennes = [vue for groupe in groupes for vue in groupe.anciennes]
    anciennes.sort(key=lambda vue: vue.piece.id, reverse=True)
    montrees = anciennes if entiere else anciennes[:ANCIENNES_MONTREES]
    contexte: dict[str, Any] = {
        "organisation": organisation,
        "groupes": groupes,
        "anciennes": montrees,
        "autres_anciennes": len(anciennes) - len(montrees),
        "entiere": entiere,
        "depose": organisation.id in acteur.organisations(DEPOSENT),
        "natures": NATURES,
        "regles": [(REGLES[n], n) for n in Nature if n is not Nature.AUTRE],
        "saisie": saisie,
        "accepte": ACCEPTE,
        "taille_max": TAILLE_MAX,
        "fil": (("Mes organisations", "/organisations"), (organisation.nom, None)),
    }
    return "pieces/organisation.html", contexte


@routeur.get("/organisations/{organisation}/pieces", name="pieces", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def page_pieces(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, maintenant: Maintenant,
    nature: Annotated[str, Query(max_length=40)] = "",
    intitule: Annotated[str, Query(max_length=LONGUEUR_INTITULE)] = "",
    anciennes: Annotated[str, Query(max_length=10)] = "",
) -> Response:  # fmt: skip
    """Les pièces par nature, leur état et leur validité ; `nature` prépare le formulaire (« Remplacer »).

    `anciennes=toutes` : tout l'historique, déplié.
    """
    trouvee = _organisation(session, acteur, organisation)
    saisie = {"nature": nature, "intitule": intitule}
    gabarit, contexte = _page(session, acteur, trouvee, maintenant, saisie, entiere=anciennes == "toutes")
    return rendre(request, gabarit, contexte)


@routeur.post("/organisations/{organisation}/pieces", name="pieces:deposer", dependencies=[Depends(exiger(*DEPOSENT))])
def deposer_piece(envoi: EnvoiDep, organisation: str) -> Response:
    """Reçoit le fichier et enregistre la pièce ; celle d'avant passe dans l'histoire."""
    trouvee = _organisation(envoi.session, envoi.acteur, organisation, depose=True)
    page = partial(_page, envoi.session, envoi.acteur, trouvee, envoi.maintenant, envoi.saisie)
    with envoi.sinon(page):
        donnees, televersement = _lire(envoi.formulaire)
        service.deposer(
            envoi.session, magasin_de(envoi.request.app.state.config), trouvee, televersement, nature=donnees.nature,
            intitule=donnees.intitule, datee_du=donnees.datee_du, jusqu_au=donnees.jusqu_au, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("pieces", DEPOSEE, organisation=trouvee.code)


def _lire(formulaire: Formulaire) -> tuple[FormulairePiece, Televersement]:
    """Ce qui est saisi et le fichier choisi. Lève SaisieInvalide : ce qui manque des deux côtés se dit d'un coup."""
    fautes: list[Faute] = []
    try:
        televersement = televersement_de(formulaire, "fichier")
    except SaisieInvalide as sans_fichier:
        fautes += sans_fichier.fautes
    try:
        donnees = valider(FormulairePiece, formulaire.en_dict())
    except SaisieInvalide as saisie:
        fautes = [*saisie.fautes, *fautes]
    if fautes:
        raise SaisieInvalide(fautes)
    return donnees, televersement
