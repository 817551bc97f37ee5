"""`make bench` : les pages à 1 000 puis 50 000 dossiers, en rapport à un plancher lancé dans la même exécution.

Quatre services tournent ensemble (service et plancher, petite et grande base) et passent à tour de rôle : ce que fait
la machine à côté pèse sur tous. `--petit`, `--grand` : autres tailles ; `--garder` : les bases resservent ;
`--sans-fichier` : docs/mesures.md n'est pas réécrit.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from app.commandes.base import Base
from app.infra import postgres_embarque as pg
from app.infra.config import Config
from app.infra.heure import heure_machine
from tests.charge import montage, scenes
from tests.charge.client import CONNEXIONS, Mesure, Suite, mesurer
from tests.charge.compteur import compteur
from tests.charge.montage import Lance
from tests.charge.processus import memoire, processeur
from tests.charge.rapport import Page, Resultats, composer, ecrire
from tests.charge.scenes import Scene

TOURS, DEMARRAGES = 3, 3
APPELS, SECONDES = 400, 2.0
PAGES = (
    Page("liste", "Liste de l’instructeur", 4),
    Page("filtree", "Liste filtrée (état, quartier)", 6),
    Page("recherche", "Recherche plein texte", 6),
    Page("detail", "Page d’un dossier", 4),
    Page("accueil", "Accueil (comptes par état)"),
    Page("etape", "Étape de formulaire enregistrée", est_lue=False),
    Page("depot", "Dépôt", est_lue=False),
)


@dataclass(slots=True)
class Banc:
    """Une base, son service, son plancher, ce qu'on y joue : page → (cible, suite d'appels)."""

    dossiers: int
    base: Base
    scene: Scene
    service: Lance
    plancher: Lance
    suites: dict[tuple[str, str], Suite] = field(default_factory=dict)

    def lance(self, cible: str) -> Lance:
        """Celui qu'on mesure."""
        return self.service if cible == "service" else self.plancher


def dire(phrase: str) -> None:
    """Une ligne à l'écran."""
    sys.stdout.write(f"{phrase}\n")
    sys.stdout.flush()


def _suites(banc: Banc) -> dict[tuple[str, str], Suite]:
    scene, vrai, nu = banc.scene, banc.service.adresse, banc.plancher.adresse
    chemins = {"liste": scenes.LISTE, "filtree": scenes.FILTREE, "recherche": scenes.RECHERCHE, "accueil": "/accueil"}
    nus = {"liste": "/liste", "filtree": "/liste?etat=depose&quartier=QN06803M", "recherche": "/liste?q=wittenheim"}
    suites = {(code, "service"): scenes.page(vrai, chemin, scene.instructeur) for code, chemin in chemins.items()}
    suites |= {(code, "plancher"): scenes.page(nu, chemin) for code, chemin in nus.items()}
    lus = [f"/instruction/{numero}" for numero in scene.numeros]
    suites["detail", "service"] = scenes.details(vrai, lus, scene.instructeur)
    suites["detail", "plancher"] = scenes.details(nu, [f"/detail/{numero}" for numero in scene.numeros])
    suites["etape", "service"] = scenes.etape(vrai, scene)
    suites["depot", "service"] = scenes.depots(vrai, scene)
    return suites


def _une_serie(banc: Banc, page: Page, cible: str, nombre: int, secondes: float) -> Mesure:
    lance = banc.lance(cible)
    pids = [*lance.ouvriers, *montage.processus_de_la_base(banc.base)]
    avant = processeur(pids)
    mesure = mesurer(lance.adresse, lance.ouvriers, banc.suites[page.code, cible], nombre=nombre, secondes=secondes)
    mesure.processeur = processeur(pids) - avant
    return mesure


def mesurer_les_pages(bancs: list[Banc], resultats: Resultats) -> None:
    """Chaque page : un tour à blanc, puis TOURS tours où chacun passe."""
    for page in PAGES:
        passants = [(b, c) for b in bancs for c in ("plancher", "service") if (page.code, c) in b.suites]
        nombre = scenes.DEPOTS // TOURS if page.code == "depot" else APPELS
        if page.est_lue:
            for banc, cible in passants:
                _une_serie(banc, page, cible, 4 * CONNEXIONS, 10)
        for _ in range(TOURS):
            for banc, cible in passants:
                mesure = _une_serie(banc, page, cible, nombre, SECONDES if page.code != "depot" else 30)
                resultats.mesures.setdefault((page.code, banc.dossiers, cible), Mesure()).ajouter(mesure)
        vus = (
            f"{c} {b.dossiers} : {resultats.mesure(page.code, b.dossiers, c).centile(50):.1f} ms" for b, c in passants
        )
        dire(f"{page.nom} — p50 — {' ; '.join(vus)}")


def compter_les_requetes(bancs: list[Banc], reglages: Config, resultats: Resultats) -> None:
    """Les appels SQL de chaque page, dans ce processus ; un brouillon et un dossier signé de plus par base."""
    for banc in bancs:
        scene = scenes.preparer(banc.base, reglages, depots=1)
        with compteur(banc.base, reglages) as compte:
            lues = {"liste": scenes.LISTE, "filtree": scenes.FILTREE, "recherche": scenes.RECHERCHE,
                    "detail": f"/instruction/{scene.numeros[0]}", "accueil": "/accueil"}  # fmt: skip
            for code, chemin in lues.items():
                for _ in range(2):  # la seconde fois, ce qui se garde en mémoire y est
                    reponse = compte.appeler("GET", chemin, scene.instructeur.entetes)
                resultats.requetes[code, banc.dossiers] = len(reponse.ordres)
            brouillon, signe = scene.brouillons[0], scene.signes[0]
            envois = {
                "etape": (
                    f"/dossiers/{brouillon.reference}/etapes/projet",
                    scenes.formulaire_etape(scene, brouillon, 0),
                ),
                "depot": (f"/dossiers/{signe.reference}/depot", scenes.formulaire_depot(scene, signe)),
            }
            for code, (chemin, corps) in envois.items():
                reponse = compte.appeler("POST", chemin, scene.porteur.entetes, corps)
                resultats.requetes[code, banc.dossiers] = len(reponse.ordres)


def _machine() -> dict[str, str]:
    modele = next(
        (ligne.partition(":")[2].strip() for ligne in Path("/proc/cpuinfo").read_text().splitlines()
         if ligne.startswith("model name")), platform.processor(),
    )  # fmt: skip
    return {
        "date": heure_machine().strftime("%d/%m/%Y %H:%M UTC"),
        "machine": f"{modele}, {os.cpu_count()} cœurs, Linux {platform.release()}, Python {platform.python_version()}",
        "charge au départ (1, 5, 15 min)": ", ".join(f"{c:.1f}" for c in os.getloadavg()),
    }


def mener(petit: int, grand: int, *, garder: bool) -> Resultats:
    """Toute la mesure. Les bases sont supprimées à la fin, sauf `garder`."""
    reglages, resultats = montage.config(), Resultats(petit, grand, _machine())
    with montage.grappe() as grappe:
        bases = {}
        for dossiers in (petit, grand):
            dire(f"Base de {dossiers} dossiers…")
            bases[dossiers], resultats.fabrications[dossiers] = montage.base_remplie(grappe, dossiers, neuve=not garder)
        for rang in range(DEMARRAGES + 1):  # le premier lancement écrit le code compilé : il ne compte pas
            with montage.service(reglages, bases[petit]) as lance:
                resultats.demarrages += [lance.attente] if rang else []
        with ExitStack() as pile:
            bancs = [_monter(pile, reglages, dossiers, base) for dossiers, base in bases.items()]
            mesurer_les_pages(bancs, resultats)
            for banc in bancs:
                for cible in ("plancher", "service"):
                    tailles = [memoire(pid) for pid in banc.lance(cible).ouvriers]
                    resultats.memoires[banc.dossiers, cible] = tailles
            compter_les_requetes(bancs, reglages, resultats)
        if not garder:
            for base in bases.values():
                pg.supprimer_base(grappe, base.nom)
    resultats.machine["charge à la fin (1, 5, 15 min)"] = ", ".join(f"{c:.1f}" for c in os.getloadavg())
    return resultats


def _monter(pile: ExitStack, reglages: Config, dossiers: int, base: Base) -> Banc:
    scene = scenes.preparer(base, reglages)
    lance = pile.enter_context(montage.service(reglages, base))
    banc = Banc(dossiers, base, scene, lance, pile.enter_context(montage.plancher(base)))
    banc.suites = _suites(banc)
    return banc


def principal() -> int:
    """Mesure, imprime, écrit."""
    analyseur = argparse.ArgumentParser(prog="python -m tests.charge.bench", description=__doc__)
    analyseur.add_argument("--petit", type=int, default=1_000)
    analyseur.add_argument("--grand", type=int, default=50_000)
    analyseur.add_argument("--garder", action="store_true")
    analyseur.add_argument("--sans-fichier", action="store_true")
    lus = analyseur.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # tout ce qui est monté se démonte
    # Un code compilé gardé, comme sur une installation qui a déjà servi, sans rien écrire dans l'arbre.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(montage.DONNEES / "pyc")
    texte = composer(PAGES, mener(lus.petit, lus.grand, garder=lus.garder))
    dire("\n" + texte)
    if not lus.sans_fichier:
        ecrire(texte)
    return 0


if __name__ == "__main__":
    raise SystemExit(principal())
