"""Mesurer les suggestions sur des titres annotés : make mesure-suggestions [CSV=chemin].

Un fichier ne sert qu'à mesurer : colonnes titre, objectif_attendu et, facultatives, objectif_aussi_acceptable et lot.
Sans chemin : les titres de mise au point, avec le modèle du service ; puis les titres annotés à part, lot par lot, avec
un modèle qui n'en a vu aucun. Code de sortie 1 si le fichier est illisible.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.etapes.contrat.rules.suggestions import LONGUEUR_MAXIMUM
from app.etapes.contrat.service.suggestions import modele
from seeds.chargement import CONTRATS, chargement_de
from seeds.contrat import lire_contrat

if TYPE_CHECKING:
    from app.etapes.contrat.rules.contenu import ContenuContrat
    from app.etapes.contrat.rules.suggestions.classement import Conseiller

REFERENCE = Path(__file__).resolve().parents[2] / "seeds/reference"
CSV = REFERENCE / "titres_vers_objectif_mise_au_point.csv"
ANNOTES = REFERENCE / "titres_annotes_a_part.csv"
SANS_ANNOTES = Path(__file__).resolve().parent / "suggestions_sans_annotes.modele"
CONTRAT = CONTRATS / "m2a-2024-2030"
COLONNES = {"titre", "objectif_attendu"}
ERREURS_MONTREES = 200
LONGS = 50  # textes de la longueur maximale, pour la latence


class CsvIllisible(Exception):
    """Le fichier n'est pas un CSV de titres annotés ; le message dit pourquoi."""


@dataclass(frozen=True)
class Titre:
    """Un titre annoté et les objectifs qu'on accepte."""

    texte: str
    attendu: str
    acceptes: frozenset[str]
    lot: str = ""


@dataclass(frozen=True)
class Essai:
    """Ce qui a été proposé pour un titre, en combien de secondes."""

    titre: Titre
    proposes: tuple[str, ...]
    duree: float

    @property
    def premier(self) -> bool:
        """Le premier objectif proposé est accepté."""
        return bool(self.proposes) and self.proposes[0] in self.titre.acceptes

    @property
    def premier_attendu(self) -> bool:
        """Le premier objectif proposé est celui qu'on attendait, sans compter l'autre étiquette acceptable."""
        return self.proposes[:1] == (self.titre.attendu,)

    @property
    def parmi_trois(self) -> bool:
        """Un des trois premiers est accepté."""
        return not self.titre.acceptes.isdisjoint(self.proposes[:3])


def lire_titres(chemin: Path, objectifs: Iterable[str]) -> list[Titre]:
    """Les titres annotés. Lève CsvIllisible."""
    try:
        with chemin.open(encoding="utf-8-sig", newline="") as fichier:
            lignes = list(csv.DictReader(fichier))
    except (OSError, UnicodeDecodeError, csv.Error) as erreur:
        raise CsvIllisible(f"{chemin} ne se lit pas : {erreur}") from erreur
    if not lignes or not set(lignes[0]) >= COLONNES:
        raise CsvIllisible(f"{chemin} : il faut des lignes et les colonnes {', '.join(sorted(COLONNES))}.")
    connus = set(objectifs)
    titres = []
    for rang, ligne in enumerate(lignes, start=2):
        attendu = (ligne["objectif_attendu"] or "").strip()
        if attendu not in connus:
            raise CsvIllisible(f"{chemin}, ligne {rang} : « {attendu} » n’est pas un objectif du contrat.")
        aussi = (ligne.get("objectif_aussi_acceptable") or "").strip()
        titres.append(Titre(ligne["titre"] or "", attendu, frozenset({attendu, aussi} - {""}), ligne.get("lot") or ""))
    return titres


@cache
def contenu_mesure() -> ContenuContrat:
    """Le contrat mesuré, lu une fois."""
    return chargement_de(lire_contrat(CONTRAT)).contenu


def conseiller_de(fichier: Path | None = None) -> Conseiller:
    """Le conseiller du contrat mesuré, sans base ; avec le modèle du service, ou celui de `fichier`."""
    from app.etapes.contrat.rules.suggestions.classement import preparer  # noqa: PLC0415 - sa mémoire se mesure
    from app.etapes.contrat.rules.suggestions.modele import lire  # noqa: PLC0415 - idem

    appris = lire(fichier.read_bytes()) if fichier else modele()
    return preparer(contenu_mesure(), appris)


def essayer(conseiller: Conseiller, titres: Iterable[Titre]) -> list[Essai]:
    """Propose pour chaque titre ; la durée est le temps de processeur : une machine partagée ne la fausse pas."""
    from app.etapes.contrat.rules.suggestions.classement import suggerer  # noqa: PLC0415 - idem

    essais = []
    for titre in titres:
        debut = time.thread_time()
        proposes = suggerer(conseiller, titre.texte).objectifs
        essais.append(Essai(titre, tuple(p.code for p in proposes), time.thread_time() - debut))
    return essais


def taux(essais: Sequence[Essai]) -> tuple[float, float]:
    """Parts de titres bien servis : premier proposé, parmi les trois."""
    return sum(e.premier for e in essais) / len(essais), sum(e.parmi_trois for e in essais) / len(essais)


def latence_des_longs(conseiller: Conseiller, titres: Sequence[Titre]) -> float:
    """La médiane, en secondes, pour des textes de la longueur maximale faits de ces titres mis bout à bout."""
    un = ". ".join(titre.texte for titre in titres) + ". "
    tout = un * (1 + (LONGS + 1) * LONGUEUR_MAXIMUM // len(un))
    debuts = range(0, LONGS * LONGUEUR_MAXIMUM, LONGUEUR_MAXIMUM)
    essais = essayer(conseiller, [Titre(tout[d : d + LONGUEUR_MAXIMUM], "", frozenset()) for d in debuts])
    return statistics.median(essai.duree for essai in essais)


def _residente() -> float:
    """Mémoire résidente du processus, en Mo."""
    pages = Path("/proc/self/status").read_text(encoding="ascii").split("VmRSS:")[1].split()[0]
    return int(pages) / 1024


def _rapport(essais: Sequence[Essai], longs: float, memoire: float) -> Iterable[str]:
    yield from _resultats(essais)
    yield f"latence d’un texte de {LONGUEUR_MAXIMUM} caractères : médiane {longs * 1000:.1f} ms"
    yield f"mémoire ajoutée : {memoire:.1f} Mo (bibliothèques, modèle, contrat préparé)"
    yield from _fautes(essais)


def _resultats(essais: Sequence[Essai]) -> Iterable[str]:
    premier, trois = taux(essais)
    attendu = sum(e.premier_attendu for e in essais) / len(essais)
    durees = sorted(e.duree * 1000 for e in essais)
    mediane, lente = statistics.median(durees), durees[int(0.95 * (len(durees) - 1))]
    yield f"titres : {len(essais)}"
    yield f"top-1 : {premier:.1%}   top-3 : {trois:.1%}   sans proposition : {sum(not e.proposes for e in essais)}"
    yield f"latence (temps de processeur) : médiane {mediane:.1f} ms, p95 {lente:.1f} ms"
    yield f"top-1 sans l’autre étiquette acceptable : {attendu:.1%}"
    yield "objectif  titres  top-1  top-3  proposé en premier"
    premiers = Counter(e.proposes[0] for e in essais if e.proposes)
    for code in sorted({e.titre.attendu for e in essais} | set(premiers)):
        siens = [e for e in essais if e.titre.attendu == code]
        parts = "     —      —" if not siens else "  ".join(f"{part:5.0%}" for part in taux(siens))
        yield f"{code:<8}  {len(siens):>6}  {parts}  {premiers[code]:>6}"


def _fautes(essais: Sequence[Essai]) -> Iterable[str]:
    yield "erreurs (attendu, proposés, titre) :"
    for e in [e for e in essais if not e.premier][:ERREURS_MONTREES]:
        loin = "  " if e.parmi_trois else "! "
        yield f"  {loin}{e.titre.attendu:<5} {' '.join(e.proposes) or '—':<15} {e.titre.texte}"


def principal(arguments: Sequence[str]) -> int:
    """Affiche la mesure ; 1 si le fichier est illisible."""
    contenu = contenu_mesure()
    try:
        titres = lire_titres(Path(arguments[0]) if arguments else CSV, (o.code for o in contenu.objectifs))
    except CsvIllisible as erreur:
        sys.stderr.write(f"{erreur}\n")
        return 1
    avant = _residente()
    conseiller = conseiller_de()
    essayer(conseiller, titres[:50])  # les caches se remplissent : on mesure un service en marche
    memoire = _residente() - avant
    longs = latence_des_longs(conseiller, titres)
    lignes = [*_rapport(essayer(conseiller, titres), longs, memoire)]
    if not arguments:
        lignes += _annotes_a_part(o.code for o in contenu.objectifs)
    sys.stdout.writelines(f"{ligne}\n" for ligne in lignes)
    return 0


def _annotes_a_part(objectifs: Iterable[str]) -> Iterable[str]:
    essais = essayer(conseiller_de(SANS_ANNOTES), lire_titres(ANNOTES, objectifs))
    for lot in sorted({e.titre.lot for e in essais}):
        yield ""
        yield f"titres annotés à part, lot « {lot} », modèle appris sans eux"
        yield from _resultats([e for e in essais if e.titre.lot == lot])


if __name__ == "__main__":
    raise SystemExit(principal(sys.argv[1:]))
