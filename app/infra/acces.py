"""Qui peut appeler une route. Chaque route porte une `Exigence` ; un test les compte et les appelle toutes.

Ne connaît que des identifiants : `main` fournit la fonction qui charge l'identité (décision 14).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from app.infra import csrf, envoi_garde
from app.infra.clock import Maintenant
from app.infra.csrf import CHAMP, FormulaireBrut, JetonPerime, origine_etrangere
from app.infra.envoi_garde import EnvoiGarde
from app.infra.identite import Habilitation, Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import ActeInterdit, ErreurMetier
from app.noyau.roles import Role

__all__ = [
    "PUBLIQUE",
    "TEMOIN",
    "TEMOIN_SUR",
    "Acteur",
    "ConnexionRequise",
    "Exigence",
    "Habilitation",
    "Identite",
    "Visiteur",
    "exiger",
]

TEMOIN = "iq_session"
TEMOIN_SUR = "__Host-iq_session"


class ConnexionRequise(ErreurMetier):
    """Personne n'est connecté : 303 vers la connexion, ou 401 sous /api/."""

    code = "connexion_requise"

    def __init__(self, message: str, *, envoi: EnvoiGarde | None = None) -> None:
        super().__init__(message)
        self.envoi = envoi


ChargeurIdentite = Callable[[Session, Request, datetime], Identite | None]


@dataclass(frozen=True)
class Exigence:
    """La condition d'entrée d'une route. `publique` : tout le monde ; `roles` vide : toute personne connectée."""

    roles: frozenset[Role] = frozenset()
    publique: bool = False

    def __call__(
        self, request: Request, session: SessionDep, maintenant: Maintenant, formulaire: FormulaireBrut
    ) -> Identite | None:
        """Charge l'identité, vérifie le jeton de formulaire puis le rôle. Lève ConnexionRequise ou ActeInterdit.

        Le jeton d'abord : qui a changé de compte dans un autre onglet retrouve ce qu'il tapait avant d'être refusé.
        """
        chargeur: ChargeurIdentite = request.app.state.charger_identite
        identite = chargeur(session, request, maintenant)
        request.state.identite = identite
        if identite is None:
            if not self.publique:
                envoi = _envoi_sans_session(request, session, formulaire)
                raise ConnexionRequise("Connectez-vous pour continuer.", envoi=envoi)
            return None
        if not identite.par_jeton:
            try:
                csrf.verifier(request, formulaire, identite.empreinte_session)
            except JetonPerime as perime:
                perime.envoi = _envoi_d_avant(request, formulaire, identite)
                raise
        if not self.publique and self.roles and not identite.roles & self.roles:
            attendus = ", ".join(sorted(r.libelle for r in self.roles))
            raise ActeInterdit(f"Cette page est réservée à : {attendus}.", code="role_requis")
        return identite


def _envoi_sans_session(request: Request, session: Session, formulaire: FormData | None) -> EnvoiGarde | None:
    """Ce qu'envoyait une personne dont la session vient de finir ; None si l'on ne sait pas qui c'était.

    Déconnectée dans un autre onglet, elle n'a plus de témoin : le formulaire dit encore pour qui il a été fait.
    """
    if formulaire is None or origine_etrangere(request):
        return None
    marque = csrf.marque_recue(formulaire)
    if not marque:
        compte_id: int | None = request.app.state.compte_d_avant(session, request)
        marque = csrf.marque(request, compte_id) if compte_id is not None else None
    envoi = _envoi(request, formulaire, marque) if marque else None
    return envoi if envoi is not None and not envoi.est_vide else None


def _envoi_d_avant(request: Request, formulaire: FormData | None, identite: Identite) -> EnvoiGarde | None:
    """Ce que portait un formulaire d'avant cette session ; celui d'une connexion déjà faite rend ce qu'il gardait."""
    if formulaire is None:
        return None
    garde = formulaire.get("garde")
    if isinstance(garde, str) and garde:
        rendu = envoi_garde.rendre(request.app.state.secret, garde)
        if rendu is not None and rendu.marque == csrf.marque(request, identite.compte_id):
            return rendu
    return _envoi(request, formulaire, csrf.marque_recue(formulaire) or "")


def _envoi(request: Request, formulaire: FormData, marque: str) -> EnvoiGarde:
    chemin = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    omis = {CHAMP} | envoi_garde.SECRETS
    champs = [(nom, v) for nom, v in formulaire.multi_items() if isinstance(v, str) and nom not in omis]
    fichiers = [(nom, v.filename) for nom, v in formulaire.multi_items() if not isinstance(v, str) and v.filename]
    return EnvoiGarde(marque, chemin, champs, fichiers)


def exiger(*roles: Role) -> Exigence:
    """Une personne connectée qui tient l'un de ces rôles ; sans rôle, toute personne connectée."""
    return Exigence(roles=frozenset(roles))


PUBLIQUE = Exigence(publique=True)


async def get_identite(request: Request) -> Identite:
    """L'identité chargée par l'exigence de la route. Lève ConnexionRequise si personne n'est connecté."""
    identite: Identite | None = getattr(request.state, "identite", None)
    if identite is None:
        raise ConnexionRequise("Connectez-vous pour continuer.")
    return identite


async def get_visiteur(request: Request) -> Identite | None:
    """L'identité, ou None pour un visiteur."""
    return getattr(request.state, "identite", None)


Acteur = Annotated[Identite, Depends(get_identite)]
Visiteur = Annotated[Identite | None, Depends(get_visiteur)]
