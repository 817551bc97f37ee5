"""Le numéro que donne le portail de l'État (Dauphin) : « DA00012345 », avec ou sans rang d'action."""

from __future__ import annotations

import re

_MOTIF = re.compile(r"(?:DA)?(?P<dossier>\d{8})(?:-(?P<action>\d{1,3}))?", re.ASCII | re.IGNORECASE)
ATTENDU = "Recopiez le numéro donné par le portail : DA suivi de huit chiffres, par exemple DA00012345."


def normaliser(texte: str) -> str | None:
    """« DA00012345 » ou « DA00012345-2 » ; None si ce n'en est pas un. Espaces et minuscules admis.

    Source : reference/domaine.md § 2.4 (`referenceAdministrative`, motif `(?:DA)?(\\d{8})(?:-\\d*)?`).
    """
    trouve = _MOTIF.fullmatch("".join(texte.split()).rstrip("-"))
    if trouve is None:
        return None
    action = f"-{int(trouve['action'])}" if trouve["action"] and int(trouve["action"]) else ""
    return f"DA{trouve['dossier']}{action}"


def lisible(porte: str | None) -> str:
    """Le numéro que porte une demande : normalisé s'il se lit, tel quel sinon (repris d'ailleurs), vide s'il manque.

    Règle locale : un numéro saisi autrement reste le même numéro.
    """
    texte = porte or ""
    return normaliser(texte) or texte


def dossier_de(numero: str) -> str:
    """Le numéro du dossier, sans le rang de l'action : « DA00012345-2 » → « DA00012345 ».

    Source : reference/domaine.md § 2.4 (un dossier, plusieurs actions).
    """
    return numero.split("-", maxsplit=1)[0]
