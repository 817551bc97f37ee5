"""Lit un classeur dans un processus à part, à mémoire et temps bornés. Lancé par son chemin : n'importe rien d'`app`.

Une case en XFD1048576, dans un classeur de cinq ko, fait réserver dix Go à la bibliothèque et tue qui la lit (mesuré).
Entrée : les octets du classeur. Sortie : du JSON, une liste de feuilles ; un nombre est une liste d'un texte.
"""

from __future__ import annotations

import io
import json
import math
import resource
import sys
from datetime import date

LIGNES_MAX = 20_000
COLONNES_MAX = 300
CELLULES_MAX = 1_000_000
TEXTE_MAX = 30_000_000  # caractères, toutes cases réunies
FEUILLES_MAX = 20
MEMOIRE_MAX = 1 << 30
SECONDES_MAX = 20
DEMESURE = 3
ILLISIBLE = 4


class Demesure(Exception):
    """Plus de feuilles, de cases ou de texte qu'un tableau du portail n'en a."""


def _simple(valeur: object) -> str | list[str]:
    match valeur:
        case bool():
            return "oui" if valeur else "non"
        case int():
            return [str(valeur)]
        case float():
            return [repr(valeur)] if math.isfinite(valeur) else ""
        case str():
            return valeur
        case date():
            return valeur.isoformat()
        case _:
            return str(valeur)


def lire(contenu: bytes) -> list[list[list[str | list[str]]]]:
    """Les feuilles, depuis la première case. Lève Demesure, ou l'erreur de la bibliothèque."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 -- après les bornes du processus

    classeur = CalamineWorkbook.from_filelike(io.BytesIO(contenu))
    if len(classeur.sheet_names) > FEUILLES_MAX:
        raise Demesure
    feuilles = []
    cases = texte = 0
    for rang in range(len(classeur.sheet_names)):
        feuille = classeur.get_sheet_by_index(rang)
        if feuille.total_height > LIGNES_MAX or feuille.total_width > COLONNES_MAX:
            raise Demesure
        cases += feuille.total_height * feuille.total_width
        if cases > CELLULES_MAX:
            raise Demesure
        lue = [[_simple(v) for v in rangee] for rangee in feuille.to_python(skip_empty_area=False)]
        texte += sum(len(v) for rangee in lue for v in rangee if isinstance(v, str))
        if texte > TEXTE_MAX:
            raise Demesure
        feuilles.append(lue)
    return feuilles


def main() -> int:
    """0 et le JSON, DEMESURE ou ILLISIBLE ; tué par le système s'il dépasse ses bornes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMOIRE_MAX, MEMOIRE_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDES_MAX, SECONDES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        feuilles = lire(sys.stdin.buffer.read())
    except (Demesure, MemoryError):
        return DEMESURE
    except BaseException:  # une panique de la bibliothèque (Rust) n’est pas une Exception
        return ILLISIBLE
    sys.stdout.write(json.dumps(feuilles))
    return 0


if __name__ == "__main__":
    sys.exit(main())
