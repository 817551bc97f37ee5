"""Le fichier des données essentielles, tel qu'il se télécharge."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from app.etapes.publication.rules import COLONNES

LIGNES_PAR_MORCEAU = 200


def scdl_en_flux(lignes: Iterable[tuple[str, ...]]) -> Iterator[bytes]:
    """CSV UTF-8 sans BOM, virgule, fins de ligne CRLF (RFC 4180) : ce qu'attend le schéma."""
    tampon = StringIO(newline="")
    redacteur = csv.writer(tampon, lineterminator="\r\n")
    redacteur.writerow(COLONNES)
    for rang, ligne in enumerate(lignes, start=1):
        redacteur.writerow(ligne)
        if rang % LIGNES_PAR_MORCEAU == 0:
            yield tampon.getvalue().encode()
            tampon.seek(0)
            tampon.truncate()
    yield tampon.getvalue().encode()
