"""`make bench`, suite : la notation en mémoire, puis un appel entier renoté par la base, en rapport à une boucle nue.

Toutes les notes changent : le pire cas. La boucle nue lit les mêmes rangées et en réécrit de pareilles, lot après lot,
à tour de rôle avec le service : ce que fait la machine à côté pèse sur les deux. `--dossiers` : une autre taille ;
`--sans-fichier` : docs/mesures-notation.md n'est pas réécrit.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from pydantic_core import from_json
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.etapes.appel import repository as appels
from app.etapes.notation import repository, service
from app.etapes.notation.repository.lot import COLONNES_NOTE, COLONNES_RELEVE
from app.etapes.notation.rules import TYPES_ACTION, Note, noter_lignes
from app.etapes.notation.service.notes import TAILLE_LOT, par_dossier
from app.infra import postgres_embarque as pg
from app.infra.config import RACINE
from app.infra.copie import copier
from app.infra.db import connexion_du_pilote
from app.infra.heure import heure_machine
from app.infra.journal import ecriture
from app.referentiels.grilles import service as grilles
from tests.charge import montage
from tests.charge.processus import memoire

FICHIER = RACINE / "docs" / "mesures-notation.md"
EN_MEMOIRE, PAR_SECONDE, FOIS, REQUETES, CROISSANCE = 20_000, 1_500, 3.0, 15, 1.1
ECHANTILLON, TOURS = 2_000, 5
MO = 1_000_000


@dataclass(slots=True)
class Mesures:
    """Ce qu'une exécution a vu. Durées en secondes, mémoire en octets."""

    dossiers: int = 0
    notes: int = 0
    en_memoire: float = 0.0
    service: float = 0.0
    nue: float = 0.0
    requetes: list[int] = field(default_factory=list)
    memoires: list[int] = field(default_factory=list)


def en_memoire(session: Session, appel_id: int) -> float:
    """Vraies notes par seconde (dossier × ligne demandée), un cœur, sans base : la meilleure de quelques passes.

    Un hors champ ne compte pas : il ne coûte presque rien.
    """
    lot = repository.list_lot(session, appel_id, taille=ECHANTILLON)
    groupes = par_dossier(repository.list_a_noter(session, lot))
    faits = repository.faits_du_dossier(session, groupes)
    a_noter = [(faits[cle], [element.ligne for element in elements]) for cle, elements in groupes.items()]
    grille = grilles.lire(session, appels.get_appel(session, appel_id).grille_id)
    vus = []
    for _ in range(TOURS):
        nombre, depart = 0, time.perf_counter()
        for siens, lignes in a_noter:
            resultats = noter_lignes(grille, siens, lignes=lignes)
            nombre += sum([isinstance(resultat, Note) for resultat in resultats.values()])
        vus.append(nombre / (time.perf_counter() - depart))
    return max(vus)


def tout_fait_bouger(session: Session, appel_id: int) -> None:
    """Un type d'action pour chacun, et des médianes figées : chaque note change."""
    session.execute(
        text(
            "INSERT INTO fait_externe (contrat_id, dossier_id, code, valeur, source, constate_le) "
            "SELECT contrat_id, id, 'type_action', '\"lien_social\"', 'banc', now() FROM dossier "
            "WHERE appel_id = :appel AND numero IS NOT NULL"
        ),
        {"appel": appel_id},
    )
    medianes = {code: {"effectif": 20, "valeur": "12500"} for code, _ in TYPES_ACTION}
    session.execute(
        text("UPDATE appel SET medianes = CAST(:medianes AS jsonb) WHERE id = :appel"),
        {"medianes": json.dumps(medianes), "appel": appel_id},
    )


# --- la boucle nue --------------------------------------------------------------------------------------------------

LUES = (
    "SELECT d.id, d.appel_id, d.est_chemin_court, d.renouvelle_id, o.salaries_etp_centiemes FROM dossier d "
    "JOIN organisation o ON o.id = d.organisation_id WHERE d.id = ANY(%s) ORDER BY d.id FOR NO KEY UPDATE OF d",
    "SELECT DISTINCT ON (dossier_id) dossier_id, contenu FROM dossier_version WHERE dossier_id = ANY(%s) "
    "ORDER BY dossier_id, rang DESC",
    "SELECT DISTINCT ON (dossier_id, code) dossier_id, code, valeur FROM fait_externe WHERE dossier_id = ANY(%s) "
    "ORDER BY dossier_id, code, id DESC",
    "SELECT DISTINCT ON (dossier_id, code) dossier_id, code, valeur, statut, motif FROM fait_constate "
    "WHERE dossier_id = ANY(%s) ORDER BY dossier_id, code, id DESC",
    "SELECT d.id, d.dossier_id, d.contrat_id, l.code FROM demande d JOIN ligne_financement l ON l.id = d.ligne_id "
    "WHERE d.dossier_id = ANY(%s) ORDER BY d.dossier_id, l.rang, d.id",
    "SELECT DISTINCT ON (a.demande_id, a.critere) a.* FROM ajustement a JOIN demande d ON d.id = a.demande_id "
    "WHERE d.dossier_id = ANY(%s) ORDER BY a.demande_id, a.critere, a.id DESC",
)
A_RECOPIER = (
    (
        "releve_faits", COLONNES_RELEVE,
        "SELECT DISTINCT ON (dossier_id) nextval(pg_get_serial_sequence('releve_faits', 'id')), contrat_id, "
        "dossier_id, rang + 1, faits::text, empreinte, a::text FROM releve_faits WHERE dossier_id = ANY(%s) "
        "ORDER BY dossier_id, rang DESC",
    ),
    (
        "note", COLONNES_NOTE,
        "SELECT DISTINCT ON (n.demande_id) n.contrat_id, n.demande_id, n.grille_id, n.releve_id, n.rang + 1, "
        "n.criteres::text, n.priorites::text, n.minimum, n.maximum, n.est_provisoire, n.empreinte, n.acteur, n.a::text "
        "FROM note n JOIN demande d ON d.id = n.demande_id WHERE d.dossier_id = ANY(%s) "
        "ORDER BY n.demande_id, n.rang DESC",
    ),
)  # fmt: skip


def _cellule(valeur: Any) -> str:
    if isinstance(valeur, bool):
        return "t" if valeur else "f"
    return str(valeur).replace("\\", "\\\\")


def recopier(connexion: psycopg.Connection, lot: list[int]) -> None:
    """Lit ce que lit le service pour ce lot, et réécrit un relevé par dossier et une note par demande notée."""
    for requete in LUES:
        connexion.execute(requete, [lot]).fetchall()
    for table, colonnes, requete in A_RECOPIER:
        rangees = connexion.execute(requete, [lot]).fetchall()
        copier(connexion, table, colonnes, ("\t".join(map(_cellule, r)) + "\n" for r in rangees))


# --- mesurer --------------------------------------------------------------------------------------------------------


@contextmanager
def _requetes(connexion: Connection) -> Iterator[list[int]]:
    compte = [0]

    def compter(*_: object) -> None:
        compte[0] += 1

    event.listen(connexion, "before_cursor_execute", compter)
    yield compte
    event.remove(connexion, "before_cursor_execute", compter)


def _chrono(agir: Callable[[], object]) -> float:
    depart = time.perf_counter()
    agir()
    return time.perf_counter() - depart


def renoter(fabrique: sessionmaker[Session], appel_id: int, mesures: Mesures) -> None:
    """L'appel entier, lot par lot : le service note, puis la boucle nue recopie ce même lot."""
    apres = 0
    while True:
        with fabrique() as session:
            lot = list(repository.list_lot(session, appel_id, apres=apres, taille=TAILLE_LOT))
        if not lot:
            return
        mesures.service += _chrono(lambda: _un_lot(fabrique, appel_id, apres, mesures))  # noqa: B023 — appelé ici même
        mesures.nue += _chrono(lambda: _nu(fabrique, lot))  # noqa: B023 — appelé ici même
        mesures.memoires.append(memoire(os.getpid()).residente)
        apres = lot[-1]


def _un_lot(fabrique: sessionmaker[Session], appel_id: int, apres: int, mesures: Mesures) -> None:
    with fabrique.begin() as session, _requetes(session.connection()) as compte:
        appel = appels.get_appel(session, appel_id)
        bilan = service.noter_appel(session, appel, acteur="banc", maintenant=heure_machine(), apres=apres)
        mesures.requetes.append(compte[0])
    if bilan is None or bilan.inchangees or not bilan.ajoutees:
        raise RuntimeError(f"Toutes les notes devaient changer : {bilan}.")
    mesures.dossiers += bilan.dossiers
    mesures.notes += bilan.ajoutees


def _nu(fabrique: sessionmaker[Session], lot: list[int]) -> None:
    with fabrique.begin() as session:
        connexion = connexion_du_pilote(session)
        psycopg.types.json.set_json_loads(from_json, connexion)  # la même lecture de JSON que le service
        recopier(connexion, lot)


def mener(base: Base) -> Mesures:
    """Toute la mesure, sur une base remplie."""
    mesures = Mesures()
    ecriture.installer()
    gc.freeze()  # comme le worker au départ
    with fabrique_de(base) as fabrique:
        with fabrique() as session:
            appel_id = session.execute(text("SELECT max(appel_id) FROM dossier WHERE cree_par = 'charge'")).scalar_one()
            mesures.en_memoire = en_memoire(session, appel_id)
        with fabrique.begin() as session:
            tout_fait_bouger(session, appel_id)
        renoter(fabrique, appel_id, mesures)
    return mesures


# --- dire -----------------------------------------------------------------------------------------------------------


def _decimal(valeur: float, decimales: int = 1) -> str:
    return f"{valeur:,.{decimales}f}".replace(",", " ").replace(".", ",")


def juger(m: Mesures) -> list[tuple[str, str, str, bool]]:
    """(mesure, vu, cible, tenue)."""
    par_seconde, fois = m.dossiers / m.service, m.service / m.nue
    dixieme = m.memoires[len(m.memoires) // 10]
    croissance = m.memoires[-1] / dixieme
    return [
        ("Notes par seconde en mémoire, un cœur", _decimal(m.en_memoire, 0), f"≥ {EN_MEMOIRE:,}".replace(",", " "),
         m.en_memoire >= EN_MEMOIRE),
        ("Dossiers renotés par seconde, par la base", _decimal(par_seconde, 0), f"≥ {PAR_SECONDE:,}".replace(",", " "),
         par_seconde >= PAR_SECONDE),
        ("Rapport à la boucle nue", f"{_decimal(fois, 2)} ×", f"≤ {_decimal(FOIS, 0)} ×", fois <= FOIS),
        (f"Appels SQL par lot de {TAILLE_LOT}", str(max(m.requetes)), f"≤ {REQUETES}",
         max(m.requetes) <= REQUETES),
        ("Mémoire à la fin sur mémoire au dixième", f"{_decimal(croissance, 2)} ({m.memoires[-1] / MO:.0f} Mo)",
         f"≤ {_decimal(CROISSANCE)}", croissance <= CROISSANCE),
    ]  # fmt: skip


def composer(m: Mesures, machine: Iterable[str]) -> str:
    """Le rapport, en Markdown."""
    jugements = juger(m)
    return "\n".join(
        [
            "# Mesures de la notation",
            "",
            "Écrit par `make bench` : ne pas modifier à la main. La boucle nue lit les mêmes rangées et en réécrit de",
            "pareilles (un relevé par dossier, une note par demande), lot après lot, à tour de rôle avec le service,",
            "par le même pilote et le même COPY ; elle ne calcule rien. Toutes les notes changent : le pire cas.",
            "",
            *(f"- {ligne}" for ligne in machine),
            f"- {m.dossiers} dossiers renotés, {m.notes} notes ajoutées ; service : {_decimal(m.service)} s ; "
            f"boucle nue : {_decimal(m.nue)} s",
            "",
            "| Mesure | Vu | Cible | Verdict |",
            "|---|---|---|---|",
            *(
                f"| {nom} | {vu} | {cible} | {'tenu' if est_tenu else 'manqué'} |"
                for nom, vu, cible, est_tenu in jugements
            ),
            "",
        ]
    )


def principal() -> int:
    """Mesure, imprime, écrit. 1 si une cible est manquée."""
    analyseur = argparse.ArgumentParser(prog="python -m tests.charge.notation", description=__doc__)
    analyseur.add_argument("--dossiers", type=int, default=50_000)
    analyseur.add_argument("--sans-fichier", action="store_true")
    lus = analyseur.parse_args()
    depart = ", ".join(_decimal(charge) for charge in os.getloadavg())
    with montage.grappe() as grappe:
        base, _ = montage.base_remplie(grappe, lus.dossiers, neuve=True)
        try:
            mesures = mener(base)
        finally:
            pg.supprimer_base(grappe, base.nom)
    machine = [
        f"date : {heure_machine():%d/%m/%Y %H:%M} UTC",
        f"machine : {os.cpu_count()} cœurs, Python {sys.version.split()[0]} ; charge au départ : {depart}",
    ]
    texte = composer(mesures, machine)
    sys.stdout.write(texte + "\n")
    if not lus.sans_fichier:
        Path(FICHIER).write_text(texte, encoding="utf-8")
    return 0 if all(est_tenu for *_, est_tenu in juger(mesures)) else 1


if __name__ == "__main__":
    raise SystemExit(principal())
