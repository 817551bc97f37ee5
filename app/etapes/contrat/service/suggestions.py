"""Proposer des objectifs à un porteur : le modèle et le contrat se lisent à la première demande, puis se gardent.

Une demande : une requête (deux avec `version_id`), aucun appel au dehors, rien d'écrit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from app.etapes.contrat import repository
from app.etapes.contrat.repository import Edition
from app.etapes.contrat.rules.suggestions import NOMBRE_PAR_DEFAUT
from app.noyau.erreurs import Introuvable
from app.referentiels.contrats.models import VersionContrat

if TYPE_CHECKING:
    from app.etapes.contrat.rules.suggestions.classement import Conseiller, Suggestions
    from app.etapes.contrat.rules.suggestions.modele import Modele

MODELE = Path(__file__).resolve().parents[1] / "donnees" / "codes_p147.modele"
CONSEILLERS_GARDES = 4
_ABSENT = "Ce contrat n’existe pas, ou cette version n’a pas encore de contenu."
_conseillers: OrderedDict[tuple[str, str, str], Conseiller] = OrderedDict()
_verrou = Lock()


def suggerer(
    session: Session,
    contrat: str,
    texte: str,
    jour: date,
    *,
    nombre: int = NOMBRE_PAR_DEFAUT,
    fiches: Iterable[str] = (),
    version_id: int | None = None,
) -> Suggestions:
    """Objectifs, objectifs opérationnels et priorités de quartier que ce texte (titre, résumé) évoque, avec motifs.

    `contrat` : son code ; `version_id` : la version d'un dossier, sinon celle en vigueur ce jour ; `fiches` : codes des
    projets de quartier, sinon tous. Vide quand le texte ne dit rien de connu. Lève Introuvable.
    """
    from app.etapes.contrat.rules.suggestions import classement  # noqa: PLC0415 - rien au démarrage

    edition = repository.get_edition(session, contrat, jour, _code_de_version(session, version_id))
    if edition is None:
        raise Introuvable(_ABSENT)
    return classement.suggerer(_conseiller(edition), texte, nombre, fiches)


def _code_de_version(session: Session, version_id: int | None) -> str | None:
    if version_id is None:
        return None
    version = session.get(VersionContrat, version_id)
    if version is None:
        raise Introuvable(_ABSENT)
    return version.code


@cache
def modele() -> Modele:
    """Le modèle national, lu une fois par processus."""
    from app.etapes.contrat.rules.suggestions.modele import lire  # noqa: PLC0415 - rien au démarrage

    return lire(MODELE.read_bytes())


def oublier() -> None:
    """Vide ce que le processus garde."""
    with _verrou:
        _conseillers.clear()


def _conseiller(edition: Edition) -> Conseiller:
    from app.etapes.contrat.rules.suggestions import classement  # noqa: PLC0415 - rien au démarrage

    cle = (edition.contenu.code, edition.contenu.version.code, edition.empreinte)
    with _verrou:
        if cle not in _conseillers:
            _conseillers[cle] = classement.preparer(edition.contenu, modele())
            while len(_conseillers) > CONSEILLERS_GARDES:
                _conseillers.popitem(last=False)
        _conseillers.move_to_end(cle)
        return _conseillers[cle]
