"""L'organisation d'une page : celle de l'adresse, si la personne en est membre."""

from __future__ import annotations

from collections.abc import Iterable

from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.roles import Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Organisation


def tient(acteur: Identite, organisation: Organisation, roles: Iterable[Role]) -> bool:
    """Vrai si la personne tient l'un de ces rôles dans cette organisation."""
    return organisation.id in acteur.organisations(roles)


def l_organisation(
    session: SessionDep, acteur: Identite, code: str, *, roles: Iterable[Role] = (), refus: str = ""
) -> Organisation:
    """L'organisation de ce code. Lève Introuvable si l'on n'en est pas, ActeInterdit (`refus`) sans l'un des rôles."""
    trouvee = repository.get_organisation_par_code(session, code, acteur.organisations())
    if trouvee is None:
        raise Introuvable("Cette organisation n’existe pas, ou vous n’y avez pas accès.")
    voulus = frozenset(roles)
    if voulus and not tient(acteur, trouvee, voulus):
        raise ActeInterdit(refus, code="administrateur_requis")
    return trouvee


def fil(organisation: Organisation, *suite: str) -> tuple[tuple[str, str | None], ...]:
    """Le fil d'Ariane : mes organisations, celle-ci, la page."""
    racine = (("Mes organisations", "/organisations"), (organisation.nom, f"/organisations/{organisation.code}"))
    return (*racine, *((texte, None) for texte in suite))
