"""Qui peut appeler une route. Chaque route porte une `Exigence` ; un test les compte et les appelle toutes.

Ne connaît que des identifiants : `main` fournit la fonction qui charge l'identité (décision 14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.infra.clock import Maintenant
from app.infra.csrf import FormulaireBrut, verifier
from app.infra.web import SessionDep
from app.noyau.erreurs import ActeInterdit, ErreurMetier
from app.noyau.roles import ROLES_PORTEUR, Portee, Role

TEMOIN = "iq_session"
TEMOIN_SUR = "__Host-iq_session"


class ConnexionRequise(ErreurMetier):
    """Personne n'est connecté : 303 vers la connexion, ou 401 sous /api/."""

    code = "connexion_requise"


@dataclass(frozen=True, slots=True)
class Habilitation:
    """Un rôle, sur une portée, dans un contrat (ou une organisation, commune à tous les contrats)."""

    role: Role
    portee: Portee
    contrat_id: int | None
    cible: str = ""
    organisation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Identite:
    """Une personne connectée et ce qu'elle peut faire à cet instant."""

    compte_id: int
    acteur: str
    nom: str
    courriel: str
    habilitations: tuple[Habilitation, ...] = ()
    par_jeton: bool = False
    empreinte_session: bytes = field(default=b"", repr=False)

    @property
    def roles(self) -> frozenset[Role]:
        """Tous les rôles tenus, tous contrats confondus."""
        return frozenset(h.role for h in self.habilitations)

    def tient(self, *roles: Role, contrat_id: int | None = None) -> bool:
        """Vrai si l'un de ces rôles est tenu (dans ce contrat, s'il est donné)."""
        return any(
            h.role in roles and (contrat_id is None or h.contrat_id in {None, contrat_id}) for h in self.habilitations
        )

    def cibles(self, portee: Portee, *roles: Role, contrat_id: int | None = None) -> frozenset[str]:
        """Codes des lignes, communes, quartiers ou services sur lesquels portent ces rôles."""
        return frozenset(
            h.cible
            for h in self.habilitations
            if h.portee is portee
            and (not roles or h.role in roles)
            and (contrat_id is None or h.contrat_id == contrat_id)
        )

    def roles_sur_ligne(self, contrat_id: int, ligne: str) -> frozenset[Role]:
        """Rôles tenus sur une ligne de financement. Seul le secrétariat (chargé de mission) vaut pour toutes."""
        return frozenset(
            h.role
            for h in self.habilitations
            if h.contrat_id == contrat_id
            and (
                (h.portee is Portee.LIGNE and h.cible == ligne)
                or (h.portee is Portee.CONTRAT and h.role is Role.CHARGE_MISSION)
            )
        )

    def contrats(self, roles: Iterable[Role]) -> frozenset[int]:
        """Contrats où l'un de ces rôles est tenu."""
        voulus = frozenset(roles)
        return frozenset(h.contrat_id for h in self.habilitations if h.role in voulus and h.contrat_id is not None)

    def organisations(self, roles: Iterable[Role] = ROLES_PORTEUR) -> frozenset[int]:
        """Organisations au nom desquelles cette personne agit dans l'un de ces rôles."""
        voulus = frozenset(roles)
        return frozenset(
            h.organisation_id for h in self.habilitations if h.role in voulus and h.organisation_id is not None
        )


ChargeurIdentite = Callable[[Session, Request, datetime], Identite | None]


@dataclass(frozen=True)
class Exigence:
    """La condition d'entrée d'une route. `publique` : tout le monde ; `roles` vide : toute personne connectée."""

    roles: frozenset[Role] = frozenset()
    publique: bool = False

    def __call__(
        self, request: Request, session: SessionDep, maintenant: Maintenant, formulaire: FormulaireBrut
    ) -> Identite | None:
        """Charge l'identité, vérifie le rôle puis le jeton de formulaire. Lève ConnexionRequise ou ActeInterdit."""
        chargeur: ChargeurIdentite = request.app.state.charger_identite
        identite = chargeur(session, request, maintenant)
        request.state.identite = identite
        if identite is None:
            if not self.publique:
                raise ConnexionRequise("Connectez-vous pour continuer.")
            return None
        if not self.publique and self.roles and not identite.roles & self.roles:
            attendus = ", ".join(sorted(r.libelle for r in self.roles))
            raise ActeInterdit(f"Cette page est réservée à : {attendus}.", code="role_requis")
        if not identite.par_jeton:
            verifier(request, formulaire, identite.empreinte_session)
        return identite


def exiger(*roles: Role) -> Exigence:
    """Une personne connectée qui tient l'un de ces rôles ; sans rôle, toute personne connectée."""
    return Exigence(roles=frozenset(roles))


PUBLIQUE = Exigence(publique=True)


def get_identite(request: Request) -> Identite:
    """L'identité chargée par l'exigence de la route. Lève ConnexionRequise si personne n'est connecté."""
    identite: Identite | None = getattr(request.state, "identite", None)
    if identite is None:
        raise ConnexionRequise("Connectez-vous pour continuer.")
    return identite


def get_visiteur(request: Request) -> Identite | None:
    """L'identité, ou None pour un visiteur."""
    return getattr(request.state, "identite", None)


Acteur = Annotated[Identite, Depends(get_identite)]
Visiteur = Annotated[Identite | None, Depends(get_visiteur)]
