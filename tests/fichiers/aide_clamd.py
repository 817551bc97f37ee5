"""Un vrai clamd sur une socket à soi, avec une base de deux signatures écrite à la main (rien à télécharger)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra.antivirus import EICAR, Clamd

DELAI = 20.0  # secondes
SECONDE_MENACE = b"menace-d-essai-du-projet-0001"


def chemin_de_clamd() -> str:
    """Le binaire. Échoue s'il manque : un essai d'antivirus ne se saute pas."""
    trouve = shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if trouve is None:
        pytest.fail("clamd manque : « make antivirus » (Debian : apt-get install clamav-daemon).")
    return trouve


@contextmanager
def clamd_lance(dossier: Path) -> Iterator[str]:
    """Lance clamd et rend son adresse. `dossier` est court : un chemin de socket a cent caractères au plus."""
    base = dossier / "base"
    base.mkdir(exist_ok=True)
    signatures = {"Eicar-Essai": EICAR, "Menace-Essai": SECONDE_MENACE}
    lignes = [f"{nom}:0:*:{octets.hex()}" for nom, octets in signatures.items()]
    (base / "essai.ndb").write_text("\n".join(lignes) + "\n", encoding="ascii")
    adresse = str(dossier / "clamd.sock")
    reglages = {
        "Foreground": "yes", "LocalSocket": adresse, "DatabaseDirectory": str(base), "MaxThreads": "2",
        "LogFile": str(dossier / "journal"), "StreamMaxLength": "12M",
    }  # fmt: skip
    (dossier / "clamd.conf").write_text("".join(f"{c} {v}\n" for c, v in reglages.items()), encoding="utf-8")
    with (dossier / "sortie").open("wb") as sortie:
        processus = subprocess.Popen(
            [chemin_de_clamd(), f"--config-file={dossier / 'clamd.conf'}"], stdout=sortie, stderr=subprocess.STDOUT
        )
    try:
        limite = time.monotonic() + DELAI
        while Clamd(adresse).joindre().raison:
            assert processus.poll() is None, (dossier / "sortie").read_text(encoding="utf-8")
            assert time.monotonic() < limite, "clamd ne répond pas"
            time.sleep(0.05)
        yield adresse
    finally:
        processus.terminate()
        processus.wait(10)


@contextmanager
def dossier_court() -> Iterator[Path]:
    """Un dossier au nom court, effacé ensuite."""
    with tempfile.TemporaryDirectory(prefix="iqav", dir="/tmp") as nom:
        yield Path(nom)
