"""Le tableau des mesures, ses cibles, ce qui est tenu et manqué ; à l'écran et dans docs/mesures.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.infra.config import RACINE
from tests.charge.client import Mesure
from tests.charge.processus import Memoire

FICHIER = RACINE / "docs" / "mesures.md"
CROISSANCE, REQUETES, MEMOIRE, DEMARRAGE = 1.3, 8, 130, 2.0
MO = 1_000_000
TENU, MANQUE = "tenu", "manqué"


@dataclass(frozen=True, slots=True)
class Page:
    """Une page mesurée. `rapport` : cible du rapport au plancher, absente s'il n'a pas d'équivalent."""

    code: str
    nom: str
    rapport: float | None = None
    est_lue: bool = True


@dataclass(slots=True)
class Resultats:
    """Tout ce qu'une exécution a vu. Clés des mesures : (page, dossiers, « service » ou « plancher »)."""

    petit: int
    grand: int
    machine: dict[str, str]
    mesures: dict[tuple[str, int, str], Mesure] = field(default_factory=dict)
    requetes: dict[tuple[str, int], int] = field(default_factory=dict)
    memoires: dict[tuple[int, str], list[Memoire]] = field(default_factory=dict)
    demarrages: list[float] = field(default_factory=list)
    fabrications: dict[int, float] = field(default_factory=dict)

    def mesure(self, page: str, dossiers: int, cible: str = "service") -> Mesure:
        """La mesure d'une page."""
        return self.mesures[page, dossiers, cible]

    def rapport(self, page: str, dossiers: int) -> float:
        """p50 du service sur p50 du plancher."""
        return self.mesure(page, dossiers).centile(50) / self.mesure(page, dossiers, "plancher").centile(50)

    def croissance(self, page: str) -> float:
        """p50 de la grande base sur p50 de la petite."""
        return self.mesure(page, self.grand).centile(50) / self.mesure(page, self.petit).centile(50)

    def croissance_processeur(self, page: str) -> float:
        """Processeur par page, grande base sur petite : moins sensible à ce que fait la machine à côté."""
        return self.mesure(page, self.grand).par_page / self.mesure(page, self.petit).par_page


def _verdict(valeur: float, cible: float) -> str:
    return TENU if valeur <= cible else MANQUE


def _decimal(valeur: float, decimales: int = 1) -> str:
    return f"{valeur:.{decimales}f}".replace(".", ",")


def _milliers(valeur: int) -> str:
    return f"{valeur:,}".replace(",", " ")


def _tableau(entetes: Sequence[str], rangees: Iterable[Sequence[str]]) -> list[str]:
    """Un tableau Markdown, colonnes alignées pour se lire aussi à l'écran."""
    lignes = [list(entetes), *map(list, rangees)]
    largeurs = [max(len(ligne[n]) for ligne in lignes) for n in range(len(entetes))]
    rendu = ["| " + " | ".join(c.ljust(largeurs[n]) for n, c in enumerate(ligne)) + " |" for ligne in lignes]
    rendu.insert(1, "|" + "|".join("-" * (largeur + 2) for largeur in largeurs) + "|")
    return rendu


def _vu(pages: Sequence[Page], r: Resultats) -> list[str]:
    rangees = []
    for page in pages:
        for dossiers in (r.petit, r.grand):
            for cible in ("plancher", "service"):
                mesure = r.mesures.get((page.code, dossiers, cible))
                if mesure is None:
                    continue
                requetes = r.requetes.get((page.code, dossiers)) if cible == "service" else None
                rangees.append(
                    (
                        page.nom, _milliers(dossiers), cible, _decimal(mesure.centile(50)),
                        _decimal(mesure.centile(95)), _decimal(mesure.par_seconde), _decimal(mesure.par_page),
                        str(requetes) if requetes else "—", _milliers(mesure.octets_par_page),
                        str(len(mesure.latences)),
                    )
                )  # fmt: skip
    entetes = ("Page", "Dossiers", "Qui", "p50 (ms)", "p95 (ms)", "par s", "processeur (ms)", "SQL", "octets", "appels")
    return _tableau(entetes, rangees)


def juger(pages: Sequence[Page], r: Resultats) -> list[tuple[str, str, str, str]]:
    """(mesure, vu, cible, « tenu » ou « manqué »)."""
    rendu = []
    for page in pages:
        if page.rapport is not None:
            for dossiers in (r.petit, r.grand):
                vu = r.rapport(page.code, dossiers)
                nom = f"{page.nom} : rapport au plancher, {_milliers(dossiers)} dossiers"
                rendu.append((nom, f"{_decimal(vu)} ×", f"≤ {_decimal(page.rapport, 0)} ×", _verdict(vu, page.rapport)))
    for page in pages:
        vu = r.croissance(page.code)
        detail = f"{_decimal(vu, 2)} (processeur : {_decimal(r.croissance_processeur(page.code), 2)})"
        nom = f"{page.nom} : croissance {_milliers(r.petit)} → {_milliers(r.grand)}"
        rendu.append((nom, detail, f"≤ {_decimal(CROISSANCE)}", _verdict(vu, CROISSANCE)))
    for page in pages:
        if page.est_lue:
            requetes = max(r.requetes[page.code, n] for n in (r.petit, r.grand))
            rendu.append((f"{page.nom} : appels SQL", str(requetes), f"≤ {REQUETES}", _verdict(requetes, REQUETES)))
    occupees = [m for (_, cible), tailles in r.memoires.items() if cible == "service" for m in tailles]
    memoire, part = max(m.residente for m in occupees) / MO, max(m.part for m in occupees) / MO
    vu = f"{memoire:.0f} Mo (sa part : {part:.0f} Mo)"
    rendu.append(("Mémoire d’un ouvrier (la plus grande)", vu, f"≤ {MEMOIRE} Mo", _verdict(memoire, MEMOIRE)))
    mediane = sorted(r.demarrages)[len(r.demarrages) // 2]
    essais = ", ".join(_decimal(d) for d in r.demarrages)
    rendu.append((f"Première réponse après le lancement (essais : {essais} s)", f"{_decimal(mediane)} s",
                  f"≤ {_decimal(DEMARRAGE, 0)} s", _verdict(mediane, DEMARRAGE)))  # fmt: skip
    return rendu


def _lecture(pages: Sequence[Page], r: Resultats) -> list[str]:
    """Ce que les tableaux ne disent pas d'eux-mêmes."""
    ecritures = " ; ".join(
        f"{page.nom.lower()} : {max(r.requetes[page.code, n] for n in (r.petit, r.grand))}"
        for page in pages
        if not page.est_lue
    )
    return [
        "- Le plancher rend les mêmes données dans une page nue : ni mise en page, ni navigation, ni formulaires, ni",
        "  session, ni droits, ni en-têtes de sécurité. Le rapport mesure tout cela ensemble.",
        "- La cible de huit appels SQL vaut pour une page lue. Une écriture en fait davantage (verrous, versions,",
        f"  journal, tâche mise en file) : {ecritures}.",
        "- Les comptes par état s’arrêtent à mille, au service comme au plancher ; ceux de l’accueil, à trois cents :",
        "  un compte exact relirait tous les dossiers. Sous un filtre de quartier ou une recherche, tout ce qui répond",
        "  est relu : ces deux pages grandissent avec le nombre de réponses.",
        "- Le service et le plancher de chaque base tournent ensemble et passent à tour de rôle, avec le client, sur",
        "  les mêmes cœurs : une machine occupée à autre chose allonge les temps et le lancement, moins les rapports.",
        "- Première réponse : un processus lit le code puis se dédouble ; cette lecture est presque tout le temps.",
        "",
    ]


def composer(pages: Sequence[Page], r: Resultats) -> str:
    """Le rapport entier, en Markdown."""
    jugements = juger(pages, r)
    tenus = sum(verdict == TENU for *_, verdict in jugements)
    fabrication = ", ".join(f"{_milliers(n)} en {s:.0f} s" for n, s in r.fabrications.items() if s)
    lignes = [
        "# Mesures",
        "",
        "Écrit par `make bench` : ne pas modifier à la main. Le plancher est `tests/charge/plancher.py` (ASGI nu, SQL",
        "écrit à la main, gabarit compilé), lancé dans la même exécution, sur la même base, par le même uvicorn. Huit",
        "connexions, deux ouvriers ; « processeur » : temps consommé par page, service et base réunis.",
        "",
        *(f"- {nom} : {valeur}" for nom, valeur in r.machine.items()),
        *([f"- fabrication des dossiers : {fabrication}"] if fabrication else []),
        "",
        f"## Cibles : {tenus} tenues sur {len(jugements)}",
        "",
        *_tableau(("Mesure", "Vu", "Cible", "Verdict"), jugements),
        "",
        "## Ce qui a été vu",
        "",
        *_vu(pages, r),
        "",
        "## Mémoire par ouvrier",
        "",
        "Résidente (ce qui est partagé compte en entier pour chacun), puis sa part (divisé entre ceux qui partagent).",
        "",
        *_tableau(
            ("Dossiers", "Qui", "Mo résidents", "Mo, sa part"),
            [
                (
                    _milliers(n),
                    cible,
                    ", ".join(f"{t.residente / MO:.0f}" for t in tailles),
                    ", ".join(f"{t.part / MO:.0f}" for t in tailles),
                )
                for (n, cible), tailles in sorted(r.memoires.items())
            ],
        ),
        "",
        "## Lire ces chiffres",
        "",
        *_lecture(pages, r),
        "",
    ]
    return "\n".join(lignes)


def ecrire(texte: str, fichier: Path = FICHIER) -> None:
    """Range le rapport."""
    fichier.write_text(texte, encoding="utf-8")
