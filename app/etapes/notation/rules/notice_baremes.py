"""Les paramètres d'une note : ce que demandait chaque palier, celui que le dossier remplit, les mots employés. Pur."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.etapes.notation.rules.evaluation import Juger, contexte
from app.etapes.notation.rules.noms import Noms
from app.etapes.notation.rules.note import LigneNote, Note
from app.etapes.notation.rules.orientations import orienter
from app.referentiels.grilles.rules import (
    CODES_ECRITS,
    AuMoins,
    AuPlus,
    Condition,
    Couverture,
    Est,
    Grille,
    Lexique,
    Mesure,
    MoinsDe,
    Nombre,
    Palier,
    Parmi,
    Rapport,
    Tous,
    UnDe,
    decrire,
    lexique,
    nom_lisible,
)
from app.referentiels.grilles.rules.description import decrire_operation


class EtatPalier(StrEnum):
    """Ce que le dossier fait d'un palier, lu de haut en bas : la lecture s'arrête au premier rempli.

    Source : CRPA, art. R.311-3-1-2, 3° (paramètres appliqués à la situation).
    """

    REMPLI = "rempli"
    POSSIBLE = "possible"
    NON_REMPLI = "non_rempli"
    NON_LU = "non_lu"

    @property
    def dit(self) -> str:
        """En mots."""
        return _DITS[self]


_DITS = {
    EtatPalier.REMPLI: "rempli",
    EtatPalier.POSSIBLE: "possible, selon la donnée qui manque",
    EtatPalier.NON_REMPLI: "non rempli",
    EtatPalier.NON_LU: "pas lu",
}


@dataclass(frozen=True, slots=True)
class PalierExplique:
    """Un palier : la part du poids (en %), ce qu'il demande, ce que le dossier en fait. `part` None : sans objet.

    Source : CRPA, art. R.311-3-1-2, 3° (paramètres de traitement et leur pondération).
    """

    part: int | None
    condition: str
    etat: EtatPalier

    @property
    def vaut(self) -> str:
        """« 80 % », « sans objet »."""
        return "sans objet" if self.part is None else f"{self.part} %"


@dataclass(frozen=True, slots=True)
class Terme:
    """Un mot d'une condition, et son sens : une liste, une mesure, une définition, un code du contrat.

    `codes` : ceux d'une liste, pour la refaire.
    Source : CRPA, art. R.311-3-1-2, 3°.
    """

    nom: str
    sens: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Baremes:
    """Les paliers de chaque critère (les cas de sans objet d'abord, lus d'abord), et les mots qu'ils emploient.

    Source : CRPA, art. R.311-3-1-2, 3°.
    """

    paliers: dict[str, tuple[PalierExplique, ...]]
    termes: tuple[Terme, ...]


def baremes_de(grille: Grille, note: Note, noms: Noms) -> Baremes:
    """Les barèmes de la ligne notée. `grille` : celle de la note, sans les priorités de l'appel, remises ici.

    Source : CRPA, art. R.311-3-1-2, 3° (paramètres et pondération appliqués à la situation).
    """
    orientee = orienter(grille, {note.ligne: note.priorites})
    lexique_lu = lexique(orientee)
    lus = {
        critere.code: bareme.paliers
        for critere in orientee.criteres
        for bareme in critere.baremes
        if note.ligne in bareme.lignes
    }
    paliers: dict[str, tuple[PalierExplique, ...]] = {}
    conditions: list[Condition] = []
    for ligne in note.lignes:
        sorties = [cas.si for cas in orientee.sans_objet if cas.critere == ligne.code]
        paliers[ligne.code] = tuple(_paliers(ligne, sorties, lus[ligne.code], lexique_lu))
        conditions += [*sorties, *(palier.si for palier in lus[ligne.code])]
    glossaire = _Glossaire(lexique_lu, {code: nom for domaine in noms.values() for code, nom in domaine.items()})
    termes = {terme.nom: terme for condition in conditions for terme in glossaire.termes(condition)}
    return Baremes(paliers, tuple(termes.values()))


def _paliers(
    ligne: LigneNote, sorties: Sequence[Condition], paliers: Sequence[Palier], noms: Lexique
) -> Iterator[PalierExplique]:
    rang = ligne.jugement.rang
    cas = _etats(ligne, [sortie.juger for sortie in ligne.bareme.sorties], None if ligne.compte else rang)
    for condition, etat in zip(sorties, cas, strict=True):
        yield PalierExplique(None, decrire(condition, noms), etat)
    lus = list(_etats(ligne, [palier.juger for palier in ligne.bareme.paliers], rang)) if ligne.compte else ()
    for palier, etat in zip(paliers, lus or [EtatPalier.NON_LU] * len(paliers), strict=True):
        yield PalierExplique(palier.taux, decrire(palier.si, noms), etat)


def _etats(ligne: LigneNote, juges: Iterable[Juger], retenu: int | None) -> Iterator[EtatPalier]:
    """De haut en bas ; passé le premier rempli, rien n'est lu. `retenu` : celui de la note, None si elle hésite."""
    lecture, est_arretee = contexte(ligne.faits), False
    for rang, juger in enumerate(juges):
        reponse = None if est_arretee else juger(lecture)
        if est_arretee:
            yield EtatPalier.NON_LU
        elif rang == retenu:
            yield EtatPalier.REMPLI
        else:
            yield EtatPalier.NON_REMPLI if reponse is False else EtatPalier.POSSIBLE
        est_arretee = est_arretee or reponse is True


@dataclass(frozen=True, slots=True)
class _Glossaire:
    """De quoi dire les mots d'une condition : ceux de la grille, et les codes du contrat par leur nom."""

    lexique: Lexique
    connus: dict[str, str]

    def termes(self, condition: Condition) -> Iterator[Terme]:
        """Les mots d'une condition, chacun suivi de ceux dont il dépend."""
        match condition:
            case Tous(conditions) | UnDe(conditions):
                for une in conditions:
                    yield from self.termes(une)
            case Est(definition):
                definie = self.lexique.definitions[definition]
                yield Terme(definie.libelle, decrire(definie.si, self.lexique))
                yield from self.termes(definie.si)
            case Parmi(_, codes, ensemble):
                yield from self._codes(codes) if ensemble is None else self._liste(ensemble)
            case AuMoins(de) | AuPlus(de) | MoinsDe(de) if de in self.lexique.mesures:
                yield from self._mesure(self.lexique.mesures[de])

    def _mesure(self, mesure: Mesure) -> Iterator[Terme]:
        yield Terme(mesure.libelle, decrire_operation(mesure.operation, self.lexique))
        match mesure.operation:
            case Rapport(numerateur, denominateur):
                for terme in (*numerateur, *denominateur):
                    if terme.de in self.lexique.mesures:
                        yield from self._mesure(self.lexique.mesures[terme.de])
            case Nombre(ensemble=str(ensemble)) | Couverture(ensemble=str(ensemble)):
                yield from self._liste(ensemble)

    def _liste(self, ensemble: str) -> Iterator[Terme]:
        codes = self.lexique.ensembles[ensemble].codes
        yield Terme(f"liste « {nom_lisible(ensemble)} »", ", ".join(map(self._abreger, codes)), tuple(codes))
        if len(codes) <= CODES_ECRITS:
            yield from self._codes(codes)

    def _codes(self, codes: Iterable[str]) -> Iterator[Terme]:
        for code in codes:
            if code in self.connus:
                yield Terme(code, self.connus[code])

    def _abreger(self, code: str) -> str:
        """Le nom, ou le code si le nom le redit (« Objectif E2.2 Insertion »)."""
        nom = self.connus.get(code, code)
        return code if code in nom else nom
