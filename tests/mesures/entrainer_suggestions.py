"""Entraîner le modèle national des suggestions : python -m tests.mesures.entrainer_suggestions.

Titres et codes du programme 147 (2016-2017) seulement ; jamais les titres de mise au point. Rejouable : mêmes fichiers.
Deux modèles : celui du service, et celui de la mesure indépendante, qui n'a vu aucun des titres annotés à part.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from app.etapes.contrat.rules.suggestions import modele as rules
from app.etapes.contrat.rules.suggestions.mots import mots, traits
from app.etapes.contrat.service.suggestions import MODELE
from tests.mesures.suggestions import ANNOTES, SANS_ANNOTES

RACINE = Path(__file__).resolve().parents[2]
TITRES = RACINE / "seeds/reference/bop147_titres_codes_2016_2017.csv.gz"
RARE = 2  # un trait vu dans moins de titres n'apprend rien
FORCE = 4.0  # de combien on laisse le modèle suivre des étiquettes bruitées (C de la régression)
TRES_RARE = 5  # un code moins vu n'est pas appris
# Les codes rares manquent : les titres de mise au point y ont été pris. On leur rend du poids (0 : aucun ; 1 : égaux).
REEQUILIBRE = 0.3


def titres(sans: frozenset[str] = frozenset()) -> list[tuple[str, str, str]]:
    """(titre, code, libellé du code), dans l'ordre du fichier ; sans ceux dont la forme nue est dans `sans`."""
    texte = gzip.decompress(TITRES.read_bytes()).decode("utf-8")
    return [
        (ligne["titre_nettoye"], ligne["code_p147"], ligne["libelle_p147"])
        for ligne in csv.DictReader(io.StringIO(texte))
        if sans.isdisjoint((nu(ligne["titre_brut"]), nu(ligne["titre_nettoye"])))
    ]


def nu(titre: str) -> str:
    """Le titre plié, sans chiffre ni ponctuation : deux éditions d'une même action n'en font qu'une."""
    return " ".join(mot.plie for mot in mots(titre) if mot.plie.isalpha())


def annotes_a_part() -> frozenset[str]:
    """Les formes nues des titres annotés à part."""
    with ANNOTES.open(encoding="utf-8", newline="") as fichier:
        return frozenset(nu(ligne["titre"]) for ligne in csv.DictReader(fichier))


def entrainer(exemples: list[tuple[str, str, str]]) -> rules.Modele:
    """Un modèle appris sur ces titres."""
    nombre = Counter(code for _, code, _ in exemples)
    gardes = [(traits(titre), code) for titre, code, _ in exemples if nombre[code] >= TRES_RARE]
    presences = Counter(trait for comptes, _ in gardes for trait in comptes)
    connus = sorted(trait for trait, n in presences.items() if n >= RARE)
    rangs = {trait: rang for rang, trait in enumerate(connus)}
    raretes = [round(math.log((1 + len(gardes)) / (1 + presences[trait])) + 1, 3) for trait in connus]
    lignes = [rules.valeurs(comptes, rangs, raretes) for comptes, _ in gardes]
    matrice = csr_matrix(
        (
            [valeur for ligne in lignes for valeur in ligne.values()],
            (
                [rang for rang, ligne in enumerate(lignes) for _ in ligne],
                [rangs[trait] for ligne in lignes for trait in ligne],
            ),
        ),
        shape=(len(lignes), len(connus)),
    )
    codes = np.array([code for _, code in gardes])
    poids = np.array([nombre[code] ** -REEQUILIBRE for _, code in gardes])
    with threadpool_limits(1):  # à plusieurs fils, l'ordre des sommes change les derniers chiffres
        regression = LogisticRegression(C=FORCE, max_iter=1_000, tol=1e-3).fit(
            matrice, codes, sample_weight=poids / poids.mean()
        )
    pas, octets = rules.quantifier(regression.coef_.T.tolist())
    libelles = {code: libelle for _, code, libelle in exemples}
    classes = tuple(str(code) for code in regression.classes_)
    return rules.Modele(
        codes=classes,
        libelles=tuple(libelles[code] for code in classes),
        frequences=tuple(round(nombre[code] / len(gardes), 6) for code in classes),
        origines=tuple(round(float(origine), 4) for origine in regression.intercept_),
        pas=pas,
        rangs=rangs,
        raretes=raretes,
        poids=octets,
    )


def principal() -> int:
    """Écrit les deux modèles et dit leur taille."""
    for sortie, sans in ((MODELE, frozenset[str]()), (SANS_ANNOTES, annotes_a_part())):
        exemples = titres(sans)
        contenu = rules.ecrire(entrainer(exemples))
        sortie.write_bytes(contenu)
        sys.stdout.write(f"{sortie} : {len(exemples)} titres, {len(contenu) / 1000:.0f} ko\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(principal())
