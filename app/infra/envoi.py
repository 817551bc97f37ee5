"""Un formulaire envoyé : qui, quand, quoi. Il s'accomplit, ou sa page revient avec ses fautes et sa saisie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, TypedDict

from fastapi import Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep
from app.infra.identite import Identite
from app.infra.web import SessionDep, rediriger, refuser
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide, VersionPerimee

Page = tuple[str, Mapping[str, Any]]
"""Un gabarit et ce qu'il montre."""

Situer = Callable[[Faute, Mapping[str, Any]], Faute]
"""Une faute du service, ce que la page montre → la même, au champ de la page."""


def telle_quelle(faute: Faute, _: Mapping[str, Any]) -> Faute:
    """La page et le service nomment leurs champs pareil."""
    return faute


def renommer(**champs: str) -> Situer:
    """Nom d'un champ pour le service = son nom dans la page ; les autres sont gardés."""
    return lambda faute, _: replace(faute, champ=champs.get(faute.champ, faute.champ))


class Qui(TypedDict):
    """Ce que tout acte du métier demande : qui agit, et l'instant."""

    acteur: Identite
    maintenant: datetime


@dataclass(frozen=True, slots=True)
class Envoi:
    """Un formulaire envoyé par une personne connectée."""

    request: Request
    session: SessionDep
    acteur: Acteur
    formulaire: FormulaireDep
    maintenant: Maintenant

    @property
    def qui(self) -> Qui:
        """À donner aux services : `**envoi.qui`."""
        return Qui(acteur=self.acteur, maintenant=self.maintenant)

    @property
    def saisie(self) -> dict[str, str]:
        """Tout ce qui a été tapé, pour le remontrer."""
        return {nom: self.formulaire.get(nom) for nom in self.formulaire.noms()}

    @contextmanager
    def sinon(self, page: Callable[[], Page], situer: Situer = telle_quelle) -> Iterator[None]:
        """Accomplit ce qui est dedans ; une faute (422), un refus (409 ou 412) annule tout et rend `page`.

        `page` est lue après l'annulation : elle relit ce qu'elle montre. `situer` place chaque faute dans la page.
        """
        try:
            yield
        except SaisieInvalide as erreur:
            fautes, statut = erreur.fautes, 422
        except VersionPerimee as erreur:
            fautes, statut = (Faute("", erreur.message, erreur.code),), 412
        except ActeImpossible as erreur:
            fautes, statut = (Faute("", erreur.message, erreur.code),), 409
        else:
            return
        self.session.rollback()
        gabarit, contexte = page()
        refuser(self.request, gabarit, contexte, tuple(situer(f, contexte) for f in fautes), statut=statut)

    def vers(self, route: str, fait: str, **parametres: Any) -> Response:
        """303 vers cette page, qui dira ce qui est fait."""
        return rediriger(self.request, route, fait=fait, **parametres)


EnvoiDep = Annotated[Envoi, Depends()]
