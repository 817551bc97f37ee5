"""Une personne connectée et ce qu'elle peut faire. Aucune dépendance au web : les services s'en servent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from app.noyau.roles import ROLES_PORTEUR, Portee, Role


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
    """Une personne connectée et ce qu'elle peut faire à `instant` (celui du métier ; None : maintenant).

    `session_vue_at` : le dernier usage noté de sa session, à l'heure de la machine ; None sans session.
    """

    compte_id: int
    acteur: str
    nom: str
    courriel: str
    habilitations: tuple[Habilitation, ...] = ()
    par_jeton: bool = False
    empreinte_session: bytes = field(default=b"", repr=False)
    instant: datetime | None = field(default=None, compare=False)
    session_vue_at: datetime | None = field(default=None, compare=False, repr=False)

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
