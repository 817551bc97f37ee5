"""Un vrai processus qui ouvre une grappe, pour les essais : il dit où il en est sur sa sortie, obéit à son entrée.

Usage : `python processus_grappe.py DONNEES '{"mode": …}'`. Modes : `obeir` (SIGTERM par défaut : mort immédiate),
`servir` (deux ouvriers dans le même groupe ; SIGTERM les fait attendre avant de sortir), `ouvrier` (interne).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from app.infra.postgres_embarque import GrappeIndisponible, base_existe, creer_base, grappe, serveur
from app.infra.postgres_embarque import lieux as lieux_grappe

BASE = "essai"


def dire(**faits: Any) -> None:
    sys.stdout.write(json.dumps(faits) + "\n")
    sys.stdout.flush()


def obeir(ouverte: Any) -> None:
    """Une ligne lue, une ligne dite ; `quitter` ou la fin de l’entrée sortent du bloc `with`."""
    for ligne in sys.stdin:
        ordre, _, reste = ligne.strip().partition(" ")
        if ordre == "quitter":
            return
        if ordre == "hote":
            dire(reponse=ouverte.est_hote)
        elif ordre == "sql":
            with psycopg.connect(ouverte.conninfo(BASE, "iq_proprietaire"), autocommit=True) as connexion:
                curseur = connexion.execute(reste.encode())
                dire(reponse=curseur.fetchall() if curseur.description else None)
        elif ordre == "fork":
            enfant = os.fork()
            if enfant == 0:
                time.sleep(30)
                os._exit(0)
            dire(reponse=enfant)


def servir(ouverte: Any) -> None:
    """Comme la commande `servir` : les ouvriers finissent d’abord, la grappe ensuite."""
    arguments = [sys.executable, __file__, ouverte.conninfo(BASE, "iq_proprietaire"), json.dumps({"mode": "ouvrier"})]
    ouvriers = [subprocess.Popen(arguments) for _ in range(2)]

    def finir(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, finir)
    try:
        while True:
            time.sleep(1)
    finally:
        for processus in ouvriers:
            processus.wait()


def ouvrier(conninfo: str) -> None:
    """À SIGTERM, finit son travail (une demi-seconde) et l’écrit avant de partir."""

    def finir(*_: object) -> NoReturn:
        time.sleep(0.5)
        with psycopg.connect(conninfo) as connexion:
            connexion.execute("INSERT INTO t VALUES ('dernier mot')")
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, finir)
    with psycopg.connect(conninfo, autocommit=True) as connexion:
        connexion.execute("INSERT INTO t VALUES ('présent')")
    while True:
        time.sleep(1)


def main() -> None:
    cible, options = sys.argv[1], json.loads(sys.argv[2])
    if options["mode"] == "ouvrier":
        return ouvrier(cible)
    if "lanceur" in options:
        serveur.LANCEUR = Path(options["lanceur"])
    if "court" in options:
        lieux_grappe.TEMPORAIRE_COURT = Path(options["court"])
    phrases: list[str] = []
    try:
        with grappe(
            Path(cible),
            durable=options.get("durable", True),
            attente_invites=options.get("attente", 0.0),
            dire=phrases.append,
        ) as ouverte:
            if ouverte.est_hote and not base_existe(ouverte, BASE):
                creer_base(ouverte, BASE)
                with psycopg.connect(ouverte.conninfo(BASE, "iq_proprietaire"), autocommit=True) as connexion:
                    connexion.execute("CREATE TABLE t (mot text)")
            maitre = int((ouverte.lieux.grappe / "postmaster.pid").read_text().split()[0])
            faits = {"hote": ouverte.est_hote, "maitre": maitre, "compte": ouverte.compte.nom}
            dire(**faits, socket=str(ouverte.dossier_socket), donnees=str(ouverte.donnees), phrases=phrases)
            (servir if options["mode"] == "servir" else obeir)(ouverte)
    except GrappeIndisponible as refus:
        dire(refus=str(refus))
    return None


if __name__ == "__main__":
    main()
