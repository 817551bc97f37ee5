"""Comparer une autre grille à celle de l'appel, sans rien écrire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.notation import repository
from app.etapes.notation.rules import EffetLigne, mesurer_effet
from app.etapes.notation.rules.effet import Bornes, bornes
from app.etapes.notation.service.notes import TAILLE_LOT, noter_elements, par_dossier
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille

Couple = tuple[str, str, Bornes | None, Bornes | None]


@dataclass(frozen=True, slots=True)
class LotCompare:
    """Un lot comparé : combien de dossiers, la clé du dernier, et (ligne, numéro, avant, après) par demande notée."""

    dossiers: int
    dernier: int
    couples: list[Couple]


@dataclass(frozen=True, slots=True)
class LignesEcartees:
    """Les lignes qu'une seule des deux grilles note : elles ne se comparent pas. Codes, dans l'ordre de leur grille."""

    absentes: tuple[str, ...]
    ajoutees: tuple[str, ...]

    def en_donnees(self) -> dict[str, list[str]]:
        """En JSON : `lignes_absentes` de l'autre grille, `lignes_ajoutees` par elle."""
        return {"lignes_absentes": list(self.absentes), "lignes_ajoutees": list(self.ajoutees)}


def lignes_ecartees(session: Session, appel: Appel, autre: Grille) -> LignesEcartees:
    """Ce que la comparaison laisse de côté : une ligne de l'appel absente de l'autre grille, une ligne en plus."""
    avant = [ligne.code for ligne in grilles.lire(session, appel.grille_id).lignes]
    apres = [ligne.code for ligne in autre.lignes]
    return LignesEcartees(
        tuple(code for code in avant if code not in apres), tuple(code for code in apres if code not in avant)
    )


def comparer_grille(session: Session, appel: Appel, autre: Grille) -> tuple[EffetLigne, ...]:
    """Ce qu'une autre grille changerait sur un appel entier, ajustements compris. N'écrit rien."""
    couples: list[Couple] = []
    apres = 0
    while lot := comparer_lot(session, appel, autre, apres=apres):
        couples += lot.couples
        apres = lot.dernier
    return mesurer_effet(couples)


def comparer_lot(
    session: Session, appel: Appel, autre: Grille, *, apres: int, taille: int = TAILLE_LOT
) -> LotCompare | None:
    """Le lot de dossiers qui suit la clé `apres`, noté avec les deux grilles ; None quand il n'en reste plus.

    Ne garde que les numéros et les bornes : la mémoire ne croît que de ce que l'effet montrera.
    """
    lot = repository.list_lot(session, appel.id, apres=apres, taille=taille)
    if not lot:
        return None
    epinglee = grilles.lire(session, appel.grille_id)
    communes = {ligne.code for ligne in epinglee.lignes} & {ligne.code for ligne in autre.lignes}
    return LotCompare(len(lot), lot[-1], list(_couples(session, lot, epinglee, autre, communes)))


def _couples(
    session: Session, lot: Sequence[int], epinglee: Grille, autre: Grille, communes: set[str]
) -> Iterator[Couple]:
    a_noter = [element for element in repository.list_a_noter(session, lot, decidees=True) if element.ligne in communes]
    ajustements = repository.ajustements_courants(session, [element.demande_id for element in a_noter])
    faits, numeros = repository.faits_du_dossier(session, lot), repository.numeros(session, lot)
    for dossier_id, elements in par_dossier(a_noter).items():
        avant, apres = (
            {e.ligne: bornes(r) for e, r in noter_elements(grille, elements, faits[dossier_id], ajustements)}
            for grille in (epinglee, autre)
        )
        for element in elements:
            yield element.ligne, numeros[dossier_id], avant[element.ligne], apres[element.ligne]
