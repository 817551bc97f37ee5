"""« L'an dernier » d'un dossier renouvelé : une étape d'après écrit l'accordé ici ; il se relit, sans se changer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier, FaitExterne
from app.etapes.dossier.repository.precedents import list_passees
from app.etapes.dossier.rules.lecture import Valeur
from app.etapes.dossier.rules.reprise import avec_le_connu, code_accorde, montants_connus
from app.etapes.dossier.rules.suivi import code_lettre_lue
from app.noyau.erreurs import SaisieInvalide
from app.noyau.euros import Euros


def constater_accorde(
    session: Session, dossier: Dossier, *, ligne: str, annee: int, montant: Euros, source: str, le: date
) -> FaitExterne:
    """Écrit ce qu'une autorité a accordé, une fois notifié (zéro : refus ou renonciation). Le dernier écrit compte."""
    fait = FaitExterne(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code_accorde(ligne, annee),
        valeur=montant.centimes, source=source, constate_le=le,
    )  # fmt: skip
    session.add(fait)
    return fait


def constater_lecture(session: Session, dossier: Dossier, *, ligne: str, le: date) -> FaitExterne:
    """Écrit que le porteur a ouvert la lettre de cette ligne : ses pages cessent de l'annoncer."""
    fait = FaitExterne(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code_lettre_lue(ligne), valeur=True,
        source="ouverture par le porteur", constate_le=le,
    )  # fmt: skip
    session.add(fait)
    return fait


def connus(session: Session, dossier: Dossier, annee: int) -> dict[str, dict[str, int]]:
    """Ligne → montants de l'an dernier (« demande », « accorde ») que le service connaît, par le dossier renouvelé."""
    if dossier.renouvelle_id is None:
        return {}
    return montants_connus(list_passees(session, dossier.renouvelle_id), annee)


def completer(session: Session, dossier: Dossier, annee: int, valeurs: Mapping[str, Valeur]) -> Mapping[str, Valeur]:
    """Les valeurs à enregistrer, « l'an dernier » complété par ce que le service connaît.

    Lève SaisieInvalide (`montant_connu`) si un montant connu est contredit.
    """
    if "precedents" not in valeurs or dossier.renouvelle_id is None:
        return valeurs
    saisis: Any = valeurs["precedents"]
    rangees, fautes = avec_le_connu(saisis or [], connus(session, dossier, annee))
    if fautes:
        raise SaisieInvalide(list(fautes))
    return {**valeurs, "precedents": rangees or None}
