"""Lire la valeur d'un fait : depuis le JSON gardé ou reçu, depuis ce qu'un agent tape ; l'écrire en JSON."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.faits import fait_vers_donnees
from app.noyau.euros import Euros, MontantIllisible
from app.referentiels.grilles.rules import (
    CATALOGUE,
    Declarant,
    DefinitionFait,
    Fait,
    Statut,
    TypeFait,
    Valeur,
    lire_nombre,
)

TYPES_ACTION: tuple[tuple[str, str], ...] = (
    ("emploi", "Emploi, insertion, création d’activité"),
    ("education", "Éducation, réussite scolaire"),
    ("parentalite", "Parentalité, petite enfance"),
    ("langue", "Apprentissage du français"),
    ("culture", "Culture"),
    ("sport", "Sport"),
    ("sante", "Santé, alimentation"),
    ("lien_social", "Rencontres, fêtes, lien social"),
    ("cadre_de_vie", "Espaces publics, cadre de vie"),
    ("tranquillite", "Tranquillité, prévention"),
    ("mobilite", "Mobilité"),
    ("acces_aux_droits", "Accès aux droits, égalité"),
)
FIGES = frozenset({"comparables", "mediane_cout"})
_TROP_LONG = 60
_TROP_GRAND = 10_000_000


def est_etabli_par_agent(definition: DefinitionFait) -> bool:
    """Vrai si un agent peut vérifier ou corriger ce fait : ni ceux de l'appel, ni ceux figés à la clôture.

    Choix du projet : issue 4, « frozen when recevabilité closes ».
    """
    return definition.declarant is not Declarant.APPEL and definition.code not in FIGES


def valeurs_admises(definition: DefinitionFait) -> tuple[tuple[str, str], ...]:
    """Les réponses possibles (code, libellé) quand la liste est fermée ; vide sinon.

    Choix du projet : les médianes se comparent par type d'action, la liste en est donc fermée.
    """
    return TYPES_ACTION if definition.code == "type_action" else definition.valeurs


def valeur_depuis_json(code: str, brute: Any) -> Valeur | None:
    """La valeur d'un fait gardée ou reçue en JSON ; None si le fait est inconnu ou la valeur n'a pas sa forme.

    Une part s'écrit « 17/20 » ou {"fraction": "17/20"}, un montant en centimes ou {"centimes": 1200}.
    Choix du projet : un fait illisible manque, il n'arrête pas les autres (conception/notation.md).
    """
    definition = CATALOGUE.get(code)
    if definition is None:
        return None
    try:
        valeur = _du_type(definition.type, brute)
    except (ValueError, TypeError, KeyError):
        return None
    return valeur if valeur is not None and definition.faute(Fait(valeur, Statut.VERIFIE)) is None else None


def valeur_vers_json(valeur: Valeur) -> Any:
    """La forme JSON d'une valeur, celle que valeur_depuis_json relit.

    Choix du projet : architecture, décision 7 (jamais de flottant).
    """
    return fait_vers_donnees(Fait(valeur, Statut.VERIFIE))["valeur"]


def lire_saisie(code: str, textes: Sequence[str]) -> Valeur:
    """La valeur tapée ou cochée par un agent. Lève ValueError avec une phrase, KeyError si le fait est inconnu.

    Choix du projet : conception/notation.md, « vérifié ou corrigé ».
    """
    definition = CATALOGUE[code]
    epures = [texte.strip() for texte in textes if texte.strip()]
    if definition.type is not TypeFait.CODES and not epures:
        raise ValueError("Donnez une réponse.")
    if any(len(texte) > _TROP_LONG for texte in epures):
        raise ValueError("Cette réponse est trop longue.")
    valeur = _depuis_textes(definition, epures)
    admises = {admise for admise, _ in valeurs_admises(definition)}
    choisies = valeur if isinstance(valeur, frozenset) else {valeur}
    if admises and not choisies <= admises:
        raise ValueError("Cette réponse n’est pas dans la liste.")
    return valeur


def _du_type(forme: TypeFait, brute: Any) -> Valeur | None:
    match forme, brute:
        case (TypeFait.BOOLEEN, bool()) | (TypeFait.CODE, str()):
            pass
        case _, bool():
            return None
        case TypeFait.FRACTION, {"fraction": str(texte)} | str(texte):
            return lire_nombre(texte)
        case TypeFait.FRACTION, int(nombre):
            return Fraction(nombre)
        case TypeFait.MONTANT, {"centimes": int(centimes)} | int(centimes):
            return Euros(centimes)
        case TypeFait.CODES, {"codes": list(codes)} | list(codes):
            return frozenset(codes)
    return brute if isinstance(brute, bool | int | str) else None


def _depuis_textes(definition: DefinitionFait, textes: Sequence[str]) -> Valeur:
    match definition.type:
        case TypeFait.CODES:
            return frozenset(textes)
        case TypeFait.CODE:
            return textes[-1]
        case TypeFait.BOOLEEN:
            return _oui_non(textes[-1])
        case TypeFait.ENTIER:
            return _entier(textes[-1])
        case TypeFait.MONTANT:
            return _montant(textes[-1])
        case _:
            return _part(textes[-1]) if definition.unite == "part" else _nombre(textes[-1])


def _oui_non(texte: str) -> bool:
    if texte not in ("oui", "non"):
        raise ValueError("Répondez par oui ou par non.")
    return texte == "oui"


def _entier(texte: str) -> int:
    epure = "".join(texte.split())
    if not (epure.isascii() and epure.isdigit()):
        raise ValueError("Écrivez un nombre entier.")
    nombre = int(epure)
    if nombre > _TROP_GRAND:
        raise ValueError("Ce nombre est trop grand : vérifiez-le.")
    return nombre


def _montant(texte: str) -> Euros:
    try:
        montant = Euros.lire(texte)
    except MontantIllisible:
        raise ValueError("Écrivez un montant en euros, par exemple 1 250 ou 1 250,50.") from None
    if montant.centimes < 0:
        raise ValueError("Un montant ne peut pas être négatif.")
    return montant


def _part(texte: str) -> Fraction:
    part = _nombre(texte)
    if part > 1:
        raise ValueError("Une part va de 0 à 100 % : écrivez par exemple 85 % ou 17/20.")
    return part


def _nombre(texte: str) -> Fraction:
    try:
        return lire_nombre(texte)
    except ValueError:
        raise ValueError("Écrivez un nombre ou une part, par exemple 1,5 ou 85 %.") from None
