"""La notice explicative d'un dossier : de la note rejouée à ce qu'on en dit à l'association, calcul déroulé. Pur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import product

from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.rules.faits import fait_vers_donnees
from app.etapes.notation.rules.noms import Noms, dire
from app.etapes.notation.rules.note import LigneNote, Note
from app.etapes.notation.rules.notice_baremes import PalierExplique, Terme, baremes_de
from app.etapes.notation.rules.transparence import est_du_formulaire, origine
from app.noyau.euros import ESPACE_UNITE, arrondir
from app.referentiels.grilles.rules import CATALOGUE, Fait, Grille, Statut, ecrire_arrondi, ecrire_decimal

_DIRES = frozenset({EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE, EtatDemande.TRANCHE_RESERVEE})
_MEDIANE = "mediane_cout"
_CHIFFRES = 3


class Raison(StrEnum):
    """Pourquoi une ligne n'a pas de notice : décision à venir, demande sortie de l'étude, jamais notée ; pour un agent,
    seconde lecture à rendre d'abord.

    Source : CRPA, art. L.311-2 (un document préparatoire n'est communicable qu'après la décision qu'il prépare).
    """

    A_NOTIFIER = "decision_a_notifier"
    SORTIE = "demande_sortie"
    SANS_NOTE = "sans_note"
    A_LIRE = "seconde_lecture_due"


def est_communicable(etat: EtatDemande, *, est_dit: bool) -> bool:
    """Vrai si l'autorité de cette ligne a dit sa décision au porteur. `est_dit` : l'accordé lui a été annoncé.

    Source : CRPA, art. L.311-2 ; choix du projet : ligne par ligne, chaque autorité décide seule (ADR 0021).
    """
    return etat in _DIRES or (est_dit and etat in (EtatDemande.RENONCEE, EtatDemande.CADUQUE))


@dataclass(frozen=True, slots=True)
class Donnee:
    """Une donnée traitée : sa valeur écrite, ce qu'elle vaut (`etat` : déclaré, vérifié…), d'où elle vient.

    `correction` : la raison écrite de qui l'a corrigée, sans son nom. `exacte` : la valeur gardée, en JSON (codes,
    fraction) ; None si elle manque.
    Source : CRPA, art. R.311-3-1-2, 2° (données traitées et leurs sources).
    """

    code: str
    libelle: str
    valeur: str
    etat: str
    source: str
    correction: str = ""
    exacte: object = None


@dataclass(frozen=True, slots=True)
class Bornes:
    """Un nombre, au moins et au plus ; égaux quand il est connu.

    Choix du projet : conception/notation.md, « Une donnée manquante donne un intervalle ».
    """

    bas: Fraction
    haut: Fraction

    def ecrire(self, unite: str = "") -> str:
        """« 16 », « 4,8 à 9,6 », avec l'unité à la fin."""
        bornes = " à ".join(dict.fromkeys((_ecrire(self.bas), _ecrire(self.haut))))
        return f"{bornes}{ESPACE_UNITE}{unite}" if unite else bornes


@dataclass(frozen=True, slots=True)
class CritereExplique:
    """Un critère appliqué à la situation : points possibles, part obtenue (%), points, et ce qui a servi.

    `part` et `points` : ce qui compte ; `part_de_la_grille` : ce que donnait la grille, si une personne a retenu autre
    chose, pour la raison `ajustement`. `donnees` : codes des données lues. `paliers` : le barème, et ce qu'il en est.
    Source : CRPA, art. R.311-3-1-2, 3° (paramètres et pondération appliqués à la situation).
    """

    code: str
    libelle: str
    explication: str
    source: str
    possibles: int
    poids_effectif: Fraction
    part: Bornes
    points: Bornes
    compte: bool
    peut_sortir: bool
    donnees: tuple[str, ...]
    paliers: tuple[PalierExplique, ...]
    part_de_la_grille: Bornes | None = None
    ajustement: str = ""

    @property
    def etat(self) -> str:
        """« obtenu », « sans_objet », « ajuste » ou « a_preciser »."""
        if not self.compte:
            return "sans_objet"
        if self.part_de_la_grille is not None:
            return "ajuste"
        return "obtenu" if self.points.bas == self.points.haut and not self.peut_sortir else "a_preciser"

    @property
    def poids_ecrit(self) -> str:
        """Le poids effectif, à une décimale : « 20,6 »."""
        return ecrire_decimal(self.poids_effectif, 1)

    @property
    def calcul(self) -> str:
        """« 20 points possibles × 80 % = 16 points »."""
        if not self.compte:
            return f"Sans objet : ses {_points(self.possibles)} possibles ne comptent pas."
        phrase = _multiplication(self.possibles, self.part, self.points)
        if self.peut_sortir:
            return f"{phrase}, ou sans objet"
        if self.part_de_la_grille is None:
            return phrase
        grille = self.part_de_la_grille
        donnes = Bornes(self.possibles * grille.bas / 100, self.possibles * grille.haut / 100)
        donnait = _multiplication(self.possibles, grille, donnes)
        return f"{phrase}. La grille donnait {donnait}."


@dataclass(frozen=True, slots=True)
class Calcul:
    """Le total dans un cas : ce qu'on additionne, les points possibles, la note exacte. `sans` : critères mis à part.

    Source : reference/donnees/grille-depart.yaml, « arrondi ».
    """

    sans: tuple[str, ...]
    termes: tuple[Bornes, ...]
    possibles: int
    decimales: int

    @property
    def points(self) -> Bornes:
        """Les points obtenus."""
        return Bornes(
            sum((terme.bas for terme in self.termes), Fraction(0)),
            sum((terme.haut for terme in self.termes), Fraction(0)),
        )

    @property
    def total(self) -> Bornes:
        """La note sur 100, sans arrondi."""
        return Bornes(self.points.bas * 100 / self.possibles, self.points.haut * 100 / self.possibles)

    @property
    def arrondi(self) -> tuple[Decimal, Decimal]:
        """La note, arrondie une fois, au moins et au plus."""
        return arrondir(self.total.bas, self.decimales), arrondir(self.total.haut, self.decimales)

    @property
    def phrases(self) -> tuple[str, ...]:
        """L'addition puis la division, au plus bas et, s'il diffère, au plus haut."""
        bas = self._derouler([terme.bas for terme in self.termes])
        return bas if self.points.bas == self.points.haut else bas + self._derouler([t.haut for t in self.termes])

    def _derouler(self, termes: Sequence[Fraction]) -> tuple[str, str]:
        """« 24 + 4 + … = 76,1 points obtenus », « 76,1 ÷ 97 points possibles × 100 = 78,453…, arrondi à 78,5 »."""
        points = sum(termes, Fraction(0))
        total = points * 100 / self.possibles
        rendu, exact = ecrire_arrondi(arrondir(total, self.decimales)), _tronquer(total)
        suite = rendu if exact == rendu else f"{exact}, arrondi à {rendu}"
        return (
            f"{' + '.join(_ecrire(terme) for terme in termes)} = {_ecrire(points)} points obtenus",
            f"{_ecrire(points)} ÷ {self.possibles} points possibles × 100 = {suite} sur 100",
        )


@dataclass(frozen=True, slots=True)
class LigneExpliquee:
    """La note d'une ligne, expliquée en entier. `priorites` : celles de l'appel, à la place de celles de la grille.

    `termes` : les mots que les paliers emploient.

    Source : CRPA, art. R.311-3-1-2.
    """

    code: str
    libelle: str
    calculee_le: datetime
    version_grille: str
    empreinte_grille: str
    decimales: int
    criteres: tuple[CritereExplique, ...]
    donnees: tuple[Donnee, ...]
    calculs: tuple[Calcul, ...]
    termes: tuple[Terme, ...]
    priorites: tuple[tuple[str, ...], ...] = ()

    @property
    def note(self) -> tuple[Decimal, Decimal]:
        """La note sur 100, au moins et au plus ; les mêmes nombres quand rien ne manque."""
        arrondis = [calcul.arrondi for calcul in self.calculs]
        return min(bas for bas, _ in arrondis), max(haut for _, haut in arrondis)

    @property
    def note_ecrite(self) -> str:
        """« 78,5 », ou « entre 60,2 et 71,4 »."""
        bas, haut = map(ecrire_arrondi, self.note)
        return bas if bas == haut else f"entre {bas} et {haut}"


@dataclass(frozen=True, slots=True)
class LigneEnAttente:
    """Une ligne sans notice, et pourquoi, en une phrase.

    Source : CRPA, art. L.311-2.
    """

    code: str
    libelle: str
    raison: Raison
    phrase: str


@dataclass(frozen=True, slots=True)
class Notice:
    """La notice d'un dossier. `est_apercu` : lue par un agent, toutes les lignes notées y sont, notifiées ou non.

    `regles` : le chemin des règles de son appel.

    Source : CRPA, art. L.311-3-1 et R.311-3-1-2.
    """

    numero: str
    titre: str
    regles: str
    est_apercu: bool
    lignes: tuple[LigneExpliquee, ...]
    en_attente: tuple[LigneEnAttente, ...]


def expliquer(note: Note, grille: Grille, *, libelle: str, calculee_le: datetime, noms: Noms) -> LigneExpliquee:
    """Une note rejouée, expliquée : données et sources, critères, paliers, calculs. Ni nom d'agent, ni autre dossier.

    `grille` : celle de la note.

    Source : CRPA, art. R.311-3-1-2 ; choix du projet : ce qui se communique, ADR 0021.
    """
    baremes = baremes_de(grille, note, noms)
    criteres = tuple(_critere(ligne, baremes.paliers[ligne.code], noms) for ligne in note.lignes)
    return LigneExpliquee(
        code=note.ligne,
        libelle=libelle,
        calculee_le=calculee_le,
        version_grille=note.version_grille,
        empreinte_grille=note.empreinte_grille,
        decimales=note.decimales,
        criteres=criteres,
        donnees=tuple(_donnees(note, noms)),
        calculs=tuple(_calculs(criteres, note.decimales)),
        termes=baremes.termes,
        priorites=note.priorites,
    )


def _critere(ligne: LigneNote, paliers: tuple[PalierExplique, ...], noms: Noms) -> CritereExplique:
    explique = CritereExplique(
        code=ligne.code,
        libelle=ligne.libelle,
        explication=ligne.motif_avec(noms),
        source=str(ligne.source),
        possibles=ligne.maximum,
        poids_effectif=ligne.poids_effectif,
        part=_parts(ligne.taux_minimum, ligne.taux_maximum),
        points=Bornes(ligne.points_minimum, ligne.points_maximum),
        compte=ligne.compte,
        peut_sortir=ligne.est_incertaine,
        donnees=_codes_lus(ligne),
        paliers=paliers,
    )
    if ligne.ajustement is None:
        return explique
    retenue = ligne.ajustement.points * 100 / ligne.maximum
    return replace(
        explique,
        part=Bornes(retenue, retenue),
        part_de_la_grille=explique.part,
        ajustement=ligne.ajustement.motif,
    )


def _parts(bas: int, haut: int) -> Bornes:
    return Bornes(Fraction(bas), Fraction(haut))


def _codes_lus(ligne: LigneNote) -> tuple[str, ...]:
    """Les données d'un critère. Hors du total, le coût médian n'a pas servi : il en dirait trop d'autres dossiers."""
    codes = (code for code, _ in ligne.faits_utilises)
    return tuple(code for code in codes if ligne.compte or code != _MEDIANE)


def _donnees(note: Note, noms: Noms) -> Iterator[Donnee]:
    codes = dict.fromkeys(code for ligne in note.lignes for code in _codes_lus(ligne))
    for code in codes:
        fait = note.faits.fait(code)
        yield Donnee(
            code=code,
            libelle=CATALOGUE[code].libelle,
            valeur=dire(code, fait, noms),
            etat="manquant" if fait is None else fait.statut.libelle,
            source=_source(code, fait),
            correction=fait.motif if fait is not None else "",
            exacte=None if fait is None else fait_vers_donnees(fait)["valeur"],
        )


def _source(code: str, fait: Fait | None) -> str:
    """D'où vient une donnée, et ce que l'instruction en a fait."""
    if fait is None:
        return f"attendu de : {origine(code)}"
    if fait.statut is Statut.CORRIGE:
        return f"{origine(code)} ; corrigé par une personne de l’instruction"
    a_ete_relu = fait.statut is Statut.VERIFIE and est_du_formulaire(code)
    return f"{origine(code)} ; vérifié par une personne de l’instruction" if a_ete_relu else origine(code)


def _calculs(criteres: Sequence[CritereExplique], decimales: int) -> Iterator[Calcul]:
    """Le total, dans chaque cas : un critère dont on ne sait pas s'il est sans objet compte, ou non."""
    comptes = [critere for critere in criteres if critere.compte]
    incertains = [critere for critere in comptes if critere.peut_sortir]
    for choix in product((True, False), repeat=len(incertains)):
        ecartes = {critere.code for critere, garde in zip(incertains, choix, strict=True) if not garde}
        retenus = [critere for critere in comptes if critere.code not in ecartes]
        sans = tuple(critere.libelle for critere in incertains if critere.code in ecartes)
        possibles = sum(critere.possibles for critere in retenus)
        yield Calcul(sans, tuple(critere.points for critere in retenus), possibles, decimales)


# --- écrire ---------------------------------------------------------------------------------------------------------


def _ecrire(nombre: Fraction) -> str:
    return ecrire_decimal(nombre)


def _points(nombre: int) -> str:
    return f"{nombre}{ESPACE_UNITE}point{'s' if nombre > 1 else ''}"


def _multiplication(possibles: int, part: Bornes, points: Bornes) -> str:
    pluriel = "s" if points.haut >= 2 else ""
    accord = "s" if possibles > 1 else ""
    return f"{_points(possibles)} possible{accord} × {part.ecrire('%')} = {points.ecrire(f'point{pluriel}')}"


def _tronquer(total: Fraction) -> str:
    """Le nombre exact s'il a trois décimales au plus ; sinon ses trois premières, et « … »."""
    milliemes = total * 10**_CHIFFRES
    entier = milliemes.numerator // milliemes.denominator
    ecrit = ecrire_decimal(Fraction(entier, 10**_CHIFFRES), _CHIFFRES)
    if milliemes.denominator == 1:
        return ecrit
    avant, _, apres = ecrit.partition(",")
    return f"{avant},{apres.ljust(_CHIFFRES, '0')}…"
