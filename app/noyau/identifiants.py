"""Numéros et codes : SIRET, RNA, numéro public d'un dossier."""

from __future__ import annotations

import re

from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret

_RNA = re.compile(r"^W[0-9][0-9A-Z]\d{7}$")
_BLANCS = re.compile(r"[\s\u00a0\u202f.]")
_NUMERO = re.compile(r"^[A-Z0-9]+-\d{4}-\d{4,}$")
SIREN_LA_POSTE = "356000000"


def normaliser_siret(texte: str) -> str | None:
    """Quatorze chiffres si la clé est juste, sinon None. La Poste : somme des chiffres multiple de cinq admise.

    Source : reference/domaine.md § 8 ; INSEE, clé de Luhn.
    """
    chiffres = _BLANCS.sub("", texte)
    if len(chiffres) == 14 and chiffres.isascii() and chiffres.isdigit() and chiffres.startswith(SIREN_LA_POSTE):
        return chiffres if sum(map(int, chiffres)) % 5 == 0 or siret.is_valid(chiffres) else None
    try:
        return str(siret.validate(chiffres))
    except ValidationError:
        return None


def normaliser_siren(texte: str) -> str | None:
    """Neuf chiffres si la clé est juste, sinon None.

    Source : INSEE, clé de Luhn.
    """
    try:
        return str(siren.validate(_BLANCS.sub("", texte)))
    except ValidationError:
        return None


def normaliser_rna(texte: str) -> str | None:
    """W suivi de neuf caractères, sinon None. Le RNA est facultatif : une association d'Alsace-Moselle n'en a pas.

    Source : reference/domaine.md § 8.
    """
    candidat = _BLANCS.sub("", texte).upper()
    return candidat if _RNA.match(candidat) else None


def numero_de_dossier(prefixe: str, annee: int, rang: int) -> str:
    """« M2A-2027-0093 » : préfixe du contrat, année de l'appel, rang attribué au dépôt.

    Choix du projet : architecture, décision 10.
    """
    if rang < 1:
        raise ValueError("Le premier rang est 1.")
    return f"{prefixe}-{annee}-{rang:04d}"


def est_un_numero_de_dossier(texte: str) -> bool:
    """Vrai si le texte a la forme d'un numéro public.

    Choix du projet : architecture, décision 10.
    """
    return _NUMERO.match(texte) is not None
