"""Les PDF : un gabarit typst, des données JSON, toujours les mêmes octets. PDF/A-2a et PDF/UA-1, police Inter."""

from __future__ import annotations

import json
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg

from app.infra.config import RACINE
from app.noyau.euros import Euros

DOSSIER = RACINE / "templates" / "documents"
INCONNU = "□"
_GARDES = frozenset("\n\t")
_ECARTES = frozenset({"Cc", "Co", "Cs", "Cn"})


class PoliceIllisible(ValueError):
    """La police n'a pas de table de couverture lisible."""


def _plages(cmap: bytes) -> Iterator[range]:
    """Les plages de caractères d'une table `cmap` (formats 4 et 12). Lève PoliceIllisible."""
    (nombre,) = struct.unpack_from(">H", cmap, 2)
    lues = False
    for rang in range(nombre):
        _, _, debut = struct.unpack_from(">HHI", cmap, 4 + 8 * rang)
        (forme,) = struct.unpack_from(">H", cmap, debut)
        if forme == 12:
            (groupes,) = struct.unpack_from(">I", cmap, debut + 12)
            for groupe in range(groupes):
                premier, dernier = struct.unpack_from(">II", cmap, debut + 16 + 12 * groupe)
                yield range(premier, dernier + 1)
            lues = True
        elif forme == 4:
            (deux_segments,) = struct.unpack_from(">H", cmap, debut + 6)
            fins = struct.unpack_from(f">{deux_segments // 2}H", cmap, debut + 14)
            debuts = struct.unpack_from(f">{deux_segments // 2}H", cmap, debut + 16 + deux_segments)
            yield from (range(p, d + 1) for p, d in zip(debuts, fins, strict=True) if p != 0xFFFF)
            lues = True
    if not lues:
        raise PoliceIllisible("Aucune table de couverture au format 4 ou 12.")


def couverture_de(police: bytes) -> frozenset[int]:
    """Les points de code qu'une police OpenType sait dessiner. Lève PoliceIllisible."""
    (nombre,) = struct.unpack_from(">H", police, 4)
    for rang in range(nombre):
        nom, _, debut, taille = struct.unpack_from(">4sIII", police, 12 + 16 * rang)
        if nom == b"cmap":
            plages = _plages(police[debut : debut + taille])
            return frozenset(point for plage in plages for point in plage)
    raise PoliceIllisible("Aucune table « cmap ».")


@cache
def _polices() -> tuple[Path, Path]:
    return Path(fontpkg.path("inter")), Path(fontpkg.path("inter", style="italic"))


@cache
def couverture() -> frozenset[int]:
    """Les points de code que le romain et l'italique d'Inter savent dessiner."""
    romain, italique = (couverture_de(police.read_bytes()) for police in _polices())
    return romain & italique


def imprimable(texte: str) -> str:
    """Le texte, ses caractères absents de la police remplacés par « □ » ; la donnée d'origine n'est pas touchée.

    PDF/A refuse un caractère absent des polices : un seul ferait échouer tout le document.
    """
    connus = couverture()
    return "".join(
        c if c in _GARDES or (ord(c) in connus and unicodedata.category(c) not in _ECARTES) else INCONNU
        for c in unicodedata.normalize("NFC", texte)
    )


def _preparer(valeur: object) -> Any:
    if isinstance(valeur, str):
        return imprimable(valeur)
    if isinstance(valeur, Mapping):
        return {str(cle): _preparer(contenu) for cle, contenu in valeur.items()}
    if isinstance(valeur, list | tuple):
        return [_preparer(element) for element in valeur]
    if isinstance(valeur, Euros):
        return imprimable(str(valeur))
    if isinstance(valeur, date):
        return valeur.isoformat()
    if valeur is None or isinstance(valeur, bool | int):
        return valeur
    raise TypeError(f"Un document n’imprime pas de {type(valeur).__name__} : l’écrire en texte.")


def compiler(gabarit: str, donnees: Mapping[str, Any]) -> bytes:
    """Le PDF de `templates/documents/<gabarit>.typ`. Mêmes données, mêmes octets.

    `donnees["instant"]` (datetime) date le document. Textes, entiers, booléens, Euros, dates, listes et objets
    seulement ; lève TypeError pour le reste, RuntimeError (typst) si le gabarit est faux.
    """
    import typst  # noqa: PLC0415 -- le worker seul s'en sert : chaque ouvrier web y gagne sept mégaoctets

    instant = donnees.get("instant")
    horodatage = int(instant.timestamp()) if isinstance(instant, datetime) else 0
    return bytes(
        typst.compile(
            str(DOSSIER / f"{gabarit}.typ"),
            root=str(DOSSIER),
            font_paths=[str(police.parent) for police in _polices()],
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"donnees": json.dumps(_preparer(donnees), ensure_ascii=False, sort_keys=True)},
            pdf_standards=["a-2a", "ua-1"],
            timestamp=horodatage,
        )
    )
