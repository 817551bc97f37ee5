"""Une image reçue : JPEG ou PNG entière, de taille bornée, sans rien d'autre collé derrière."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib

from app.infra.files.refus import FichierRefuse, Octets, ouvrir

PIXELS_MAX = 80_000_000  # un grand appareil photo ; Pillow s'inquiète à partir de 89 millions
COTE_MAX = 30_000
RESTE_JPEG = 64  # octets de remplissage admis après la fin
SANS_LONGUEUR = frozenset({0x01, *range(0xD0, 0xD8)})
TAILLES_JPEG = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_MARQUE = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
_RECOMMENCEZ = "Ouvrez-la sur votre appareil, enregistrez-la à nouveau (ou faites-en un PDF), puis recommencez."


def verifier(contenu: Octets, code: str) -> None:
    """Lève FichierRefuse. Laisse passer les erreurs de lecture : l'appelant dit « illisible »."""
    largeur, hauteur, fin = _lire_png(contenu) if code == "png" else _lire_jpeg(contenu)
    if largeur * hauteur > PIXELS_MAX or max(largeur, hauteur) > COTE_MAX:
        raise FichierRefuse(
            "image_geante",
            f"Cette image est trop grande ({largeur} × {hauteur} points, {PIXELS_MAX // 1_000_000} millions au plus). "
            "Réduisez-la, ou enregistrez-la en PDF, puis recommencez.",
        )
    if largeur == 0 or hauteur == 0:
        _tronquee()
    _verifier_le_reste(contenu, fin, code)
    _decoder(contenu, code)


def _tronquee() -> None:
    raise FichierRefuse("image_tronquee", f"Cette image est incomplète : sa fin manque. {_RECOMMENCEZ}")


def _verifier_le_reste(contenu: Octets, fin: int, code: str) -> None:
    """Les téléphones collent derrière une photo son relief ou une courte vidéo : admis, rien d'autre."""
    reste = contenu[fin:]
    admis = not reste.strip(b"\x00\r\n ") and len(reste) <= RESTE_JPEG
    if code == "jpeg" and not admis:
        admis = (
            reste.startswith(b"\xff\xd8\xff")
            or reste[4:8] == b"ftyp"
            or reste.endswith(b"SEFT")
            or len(reste) <= RESTE_JPEG
        )
    if not admis or b"%PDF-" in contenu[:1024] or b"%PDF-" in reste or zipfile.is_zipfile(ouvrir(contenu)):
        raise FichierRefuse("polyglotte", f"Cette image contient aussi autre chose qu’une image. {_RECOMMENCEZ}")


def _lire_png(contenu: Octets) -> tuple[int, int, int]:
    """(largeur, hauteur, fin). Chaque morceau est entier et sa somme de contrôle juste."""
    ou, largeur, hauteur = 8, 0, 0
    while True:
        entete = contenu[ou : ou + 8]
        if len(entete) < 8:
            _tronquee()
        longueur, genre = struct.unpack(">I4s", entete)
        corps = contenu[ou + 8 : ou + 12 + longueur]
        if len(corps) < longueur + 4:
            _tronquee()
        if zlib.crc32(corps[:-4], zlib.crc32(genre)) != struct.unpack(">I", corps[-4:])[0]:
            _tronquee()
        if genre == b"IHDR":
            largeur, hauteur = struct.unpack(">II", corps[:8])
        ou += 12 + longueur
        if genre == b"IEND":
            return largeur, hauteur, ou


def _lire_jpeg(contenu: Octets) -> tuple[int, int, int]:
    """(largeur, hauteur, fin) : suit les marques jusqu'à celle de la fin, sans décoder."""
    ou, largeur, hauteur = 2, 0, 0
    while True:
        trouve = _MARQUE.search(contenu, ou)
        if trouve is None:
            _tronquee()
            raise AssertionError
        marque, ou = trouve[0][-1], trouve.end()
        if marque == 0xD9:
            return largeur, hauteur, ou
        if marque in SANS_LONGUEUR:
            continue
        entete = contenu[ou : ou + 7]
        if len(entete) < 7:
            _tronquee()
        if marque in TAILLES_JPEG:
            hauteur, largeur = struct.unpack(">HH", entete[3:7])
        ou += max(2, struct.unpack(">H", entete[:2])[0])


def _decoder(contenu: Octets, code: str) -> None:
    """Pillow la relit : en entier pour un PNG (sommes), au huitième pour un JPEG (jamais géante en mémoire)."""
    from PIL import Image  # noqa: PLC0415 -- longue à importer, ne sert qu'ici

    with Image.open(ouvrir(contenu), formats=[code.upper()]) as image:
        if code == "png":
            image.verify()
        else:
            image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
            image.load()
