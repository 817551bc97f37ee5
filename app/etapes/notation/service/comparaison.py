"""Comparer une autre grille à celle de l'appel, sans rien écrire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.notation import repository
from app.etapes.notation.rules import EffetLigne, mesurer_effet, noter
from app.etapes.notation.rules.effet import Bornes, bornes
from app.etapes.notation.service.notes import TAILLE_LOT, ajuste
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille


def comparer_grille(session: Session, appel: Appel, autre: Grille) -> tuple[EffetLigne, ...]:
    """Ce qu'une autre grille changerait sur un appel entier, ajustements compris. N'écrit rien."""
    epinglee = grilles.lire(session, appel.grille_id)
    communes = [ligne.code for ligne in epinglee.lignes if ligne.code in {autre_l.code for autre_l in autre.lignes}]
    return mesurer_effet(_couples(session, appel, epinglee, autre, communes))


def _couples(
    session: Session, appel: Appel, epinglee: Grille, autre: Grille, lignes: Sequence[str]
) -> Iterator[tuple[str, str, Bornes | None, Bornes | None]]:
    apres = 0
    while lot := repository.list_lot(session, appel.id, apres=apres, taille=TAILLE_LOT):
        a_noter = [element for element in repository.list_a_noter(session, lot) if element.ligne in lignes]
        ajustements = repository.ajustements_courants(session, [element.demande.id for element in a_noter])
        faits = repository.faits_du_dossier(session, lot)
        numeros = repository.numeros(session, lot)
        for element in a_noter:
            siens, portes = faits[element.demande.dossier_id], ajustements.get(element.demande.id, ())
            avant, apres_ = (
                bornes(
                    ajuste(
                        noter(grille, element.ligne, siens, priorites=element.priorites),
                        portes,
                    )
                )
                for grille in (epinglee, autre)
            )
            yield element.ligne, numeros[element.demande.dossier_id], avant, apres_
        apres = lot[-1]
