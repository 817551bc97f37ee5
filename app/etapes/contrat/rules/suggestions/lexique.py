"""Le lexique d'un contrat : les termes qui disent un objectif, du plus parlant au simple indice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.etapes.contrat.rules.suggestions.mots import Mot, mots

_TETE = 3
_COURT = 3
SUITE = "*"


class Niveau(StrEnum):
    """Ce que vaut un terme : il nomme l'objectif, le dit, l'évoque, ou n'en est qu'un indice.

    Choix du projet : ADR 0014.
    """

    DEDIE = "dedies"
    FORT = "forts"
    NET = "nets"
    INDICE = "indices"


VALEURS: Mapping[Niveau, float] = {Niveau.DEDIE: 3.0, Niveau.FORT: 1.0, Niveau.NET: 0.5, Niveau.INDICE: 0.3}


@dataclass(frozen=True, slots=True)
class Terme:
    """Un terme d'un objectif : ses mots pliés, au singulier ; « mobil* » vaut pour tout mot qui commence ainsi.

    Choix du projet : ADR 0014.
    """

    objectif: str
    niveau: Niveau
    mots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trouve:
    """Un terme trouvé dans un texte, entre `debut` et `fin`. Choix du projet : ADR 0014."""

    terme: Terme
    debut: int
    fin: int


@dataclass(frozen=True, slots=True)
class Lexique:
    """Les termes, rangés par leur premier mot : entier, ou ses premières lettres s'il finit par `SUITE`.

    Choix du projet : ADR 0014.
    """

    entiers: Mapping[str, tuple[Terme, ...]]
    debuts: Mapping[str, tuple[Terme, ...]]

    def chercher(self, lus: Sequence[Mot]) -> tuple[Trouve, ...]:
        """Les termes d'un texte découpé, par objectif et par place ; d'un mot pris par deux termes, le plus fort.

        Choix du projet : ADR 0014.
        """
        formes = [singulier(mot.plie) for mot in lus]
        trouves = [
            Trouve(terme, lus[rang].debut, lus[rang + len(terme.mots) - 1].fin)
            for rang, forme in enumerate(formes)
            for terme in self._commencant_par(forme)
            if len(terme.mots) == 1 or _sont_la(terme.mots[1:], formes[rang + 1 : rang + len(terme.mots)])
        ]
        return _sans_chevauchement(trouves)

    def _commencant_par(self, forme: str) -> Iterator[Terme]:
        yield from self.entiers.get(forme, ())
        for terme in self.debuts.get(forme[:_TETE], ()):
            if forme.startswith(terme.mots[0][:-1]):
                yield terme


def singulier(mot: str) -> str:
    """Le mot sans sa marque de pluriel. Choix du projet : un lexique s'écrit au singulier ou au pluriel."""
    return mot[:-1] if len(mot) > _COURT and mot[-1] in "sx" else mot


def lire_terme(objectif: str, niveau: Niveau, ecrit: str) -> Terme:
    """« Fonds de participation », « auto école », « mobil* » : un terme du fichier. Choix du projet : ADR 0014."""
    lus: Sequence[Mot] = mots(ecrit)
    formes = []
    for mot in lus:
        est_debut = ecrit[mot.fin : mot.fin + 1] == SUITE
        formes.append(mot.plie + SUITE if est_debut else singulier(mot.plie))
    return Terme(objectif, niveau, tuple(formes))


def indexer(termes: Iterable[Terme]) -> Lexique:
    """Un lexique prêt à chercher. Choix du projet : ADR 0014."""
    entiers: dict[str, list[Terme]] = {}
    debuts: dict[str, list[Terme]] = {}
    for terme in termes:
        premier = terme.mots[0]
        if premier.endswith(SUITE):
            debuts.setdefault(premier[:_TETE], []).append(terme)
        else:
            entiers.setdefault(premier, []).append(terme)
    return Lexique(
        {mot: tuple(ceux) for mot, ceux in entiers.items()}, {tete: tuple(ceux) for tete, ceux in debuts.items()}
    )


def _sont_la(voulus: tuple[str, ...], formes: list[str]) -> bool:
    return len(voulus) == len(formes) and all(
        forme.startswith(voulu[:-1]) if voulu.endswith(SUITE) else forme == voulu
        for voulu, forme in zip(voulus, formes, strict=True)
    )


def _sans_chevauchement(trouves: Iterable[Trouve]) -> tuple[Trouve, ...]:
    """Le terme le plus fort d'abord, puis le plus long ; un bout de texte ne compte qu'une fois par objectif."""
    gardes: list[Trouve] = []
    prises: dict[str, list[tuple[int, int]]] = {}
    for trouve in sorted(trouves, key=lambda t: (-VALEURS[t.terme.niveau], t.debut - t.fin, t.debut, t.terme.mots)):
        siennes = prises.setdefault(trouve.terme.objectif, [])
        if all(trouve.fin <= debut or fin <= trouve.debut for debut, fin in siennes):
            siennes.append((trouve.debut, trouve.fin))
            gardes.append(trouve)
    return tuple(gardes)
