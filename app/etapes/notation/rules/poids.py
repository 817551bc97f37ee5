"""Explorer les poids : ce qu'un autre poids changerait au classement, d'après les critères gardés. N'écrit rien."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.effet import DIXIEMES, Bornes, EffetLigne, mesurer_effet
from app.etapes.notation.rules.note import EtatLigne
from app.noyau.erreurs import Faute

POIDS_MAX = 100
TETE = 10
MARGE_MAX = 10
Poids = Mapping[str, int]


Taux = int | Fraction


@dataclass(frozen=True, slots=True)
class Part:
    """Ce qu'un dossier obtient d'un critère, en part de son poids (%) ; `peut_sortir` : il sera peut-être sans objet.

    Choix du projet : conception/notation.md, « Une donnée manquante donne un intervalle ».
    """

    code: str
    bas: Taux
    haut: Taux
    peut_sortir: bool = False


Parts = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Marge:
    """De combien de points un poids peut baisser ou monter, un à un, sans changer l'ordre des premiers.

    `bute_en_bas` : jusqu'à zéro ; `bute_en_haut` : aussi loin qu'on a cherché (MARGE_MAX).
    Choix du projet : issue 4, « weight explorer (what changes if this weight moves) ».
    """

    code: str
    poids: int
    baisse: int
    hausse: int

    @property
    def bute_en_bas(self) -> bool:
        """Vrai si rien ne change aussi bas qu'on a cherché."""
        return self.baisse == min(self.poids, MARGE_MAX)

    @property
    def bute_en_haut(self) -> bool:
        """Vrai si rien ne change aussi haut qu'on a cherché."""
        return self.hausse == min(POIDS_MAX - self.poids, MARGE_MAX)


def parts_gardees(criteres: Iterable[Mapping[str, Any]]) -> Parts:
    """Les parts d'une note gardée : sans objet n'y est pas, un ajustement compte pour la part qu'il retient.

    Source : conception/notation.md, « Sans objet sort du barème » ; « L'instructeur peut ajuster un critère ».
    """
    return tuple(_part(critere) for critere in criteres if critere.get("etat") != EtatLigne.SANS_OBJET)


def _part(critere: Mapping[str, Any]) -> Part:
    code, poids = critere["code"], int(critere["poids"])
    if "ajustement" in critere:
        retenue = Fraction(critere["ajustement"]["points"]) * 100 / poids if poids else Fraction(0)
        taux = retenue.numerator if retenue.denominator == 1 else retenue
        return Part(code, taux, taux)
    bas, haut = critere["taux"]
    return Part(code, bas, haut, bool(critere.get("peut_sortir")))


def total_pondere(parts: Parts, poids: Poids) -> tuple[Fraction, Fraction] | None:
    """La note sur 100, au moins et au plus, avec ces poids ; None si plus aucun critère ne pèse pour ce dossier.

    Seuls les rapports entre poids comptent : 10 et 20 donnent la même note que 20 et 40.
    Source : conception/notation.md, « Sans objet sort du barème », « Une donnée manquante donne un intervalle ».
    """
    bas = _au_moins(parts, poids)
    return None if bas is None else (Fraction(*bas), Fraction(*(_au_plus(parts, poids) or bas)))


def _au_moins(parts: Parts, poids: Poids) -> tuple[Taux, int] | None:
    return _moyenne([(p.bas, poids[p.code], p.peut_sortir) for p in parts], au_plus=False)


def _au_plus(parts: Parts, poids: Poids) -> tuple[Taux, int] | None:
    return _moyenne([(p.haut, poids[p.code], p.peut_sortir) for p in parts], au_plus=True)


def _moyenne(parts: Iterable[tuple[Taux, int, bool]], *, au_plus: bool) -> tuple[Taux, int] | None:
    """(somme pondérée, poids) de la plus basse (haute) moyenne possible ; None si rien ne pèse.

    Un critère qui peut sortir n'est compté que s'il tire la moyenne du bon côté : les plus bas (hauts) d'abord.
    """
    points: Taux = 0
    pese = 0
    incertaines = []
    for taux, poids, peut_sortir in parts:
        if peut_sortir:
            incertaines.append((taux, poids))
        else:
            points += taux * poids
            pese += poids
    for taux, poids in sorted(incertaines, reverse=au_plus):
        if pese == 0 or (taux * pese > points if au_plus else taux * pese < points):
            points += taux * poids
            pese += poids
    return (points, pese) if pese else None


def explorer(notes: Mapping[str, Parts], avant: Poids, apres: Poids, *, ligne: str = "") -> EffetLigne:
    """Chaque dossier sous ces deux jeux de poids : sa note, son rang. Le plus gros changement de rang d'abord.

    Les rangs sont ceux du classement : la note la plus basse possible, puis la plus haute, à une décimale.
    Choix du projet : issue 4, « weight explorer (what changes if this weight moves) ».
    """
    effets = mesurer_effet(
        (ligne, dossier, _en_dixiemes(parts, avant), _en_dixiemes(parts, apres)) for dossier, parts in notes.items()
    )
    placements = effets[0].placements if effets else ()
    return EffetLigne(ligne, tuple(sorted(placements, key=lambda p: (-abs(p.places), -abs(p.ecart)))))


def _en_dixiemes(parts: Parts, poids: Poids) -> Bornes | None:
    bas = _au_moins(parts, poids)
    return None if bas is None else (_dixiemes(*bas), _dixiemes(*(_au_plus(parts, poids) or bas)))


def _dixiemes(points: Taux, pese: int) -> int:
    """Arrondi au dixième, demi vers le haut, sans quitter les entiers."""
    return int((2 * DIXIEMES * points + pese) // (2 * pese))


# --- lire ce qui est demandé -----------------------------------------------------------------------------------------


def lire_poids(
    saisie: Mapping[str, str], depart: Poids, *, plus: str = "", moins: str = ""
) -> tuple[dict[str, int], tuple[Faute, ...]]:
    """Les poids demandés, ceux de départ sinon, un point de plus ou de moins ; et les fautes, champ par champ.

    Une somme différente de 100 n'est pas une faute : les notes sont ramenées sur 100, et la page le dit.
    Choix du projet : un simulateur se laisse essayer ; la grille, elle, fait 100 pile.
    """
    lus: dict[str, int] = {}
    fautes: list[Faute] = []
    for code, poids in depart.items():
        texte = saisie.get(code, str(poids)).strip()
        if not (texte.isascii() and texte.isdigit()) or int(texte[:4]) > POIDS_MAX:
            fautes.append(Faute(code, "Écrivez un nombre entier de points, de 0 à 100.", "poids_refuse"))
            continue
        pas = (code == plus) - (code == moins)
        lus[code] = min(max(int(texte[:4]) + pas, 0), POIDS_MAX)
    if not fautes and not any(lus.values()):
        fautes.append(Faute(next(iter(depart), ""), "Donnez un poids à un critère au moins.", "poids_nuls"))
    return lus, tuple(fautes)


# --- jusqu'où un poids peut bouger -----------------------------------------------------------------------------------


def marges(notes: Iterable[Parts], poids: Poids) -> tuple[Marge, ...]:
    """La marge de chaque critère : de combien son poids bouge sans que l'ordre des dix premiers change.

    Ordre : la note la plus basse possible, exacte ; deux dossiers à égalité se départagent sans que ce soit un
    changement. Chaque pas d'un point est essayé, jusqu'à MARGE_MAX.
    Choix du projet : issue 4, « weight explorer (what changes if this weight moves) ».
    """
    pesees = [(Fraction(*bas), _Pesee(parts, *bas)) for parts in notes if (bas := _au_moins(parts, poids)) is not None]
    groupes = _groupes(sorted(pesees, key=lambda pesee: -pesee[0]))
    return tuple(
        Marge(
            code, valeur,
            baisse=_tient(groupes, poids, code, -1, min(valeur, MARGE_MAX)),
            hausse=_tient(groupes, poids, code, 1, min(POIDS_MAX - valeur, MARGE_MAX)),
        )
        for code, valeur in poids.items()
    )  # fmt: skip


class _Pesee:
    """Une note pesée une fois : changer un seul poids n'y change qu'un terme (dix fois plus vite, mesuré)."""

    __slots__ = ("parts", "pese", "points", "taux")

    def __init__(self, parts: Parts, points: Taux, pese: int) -> None:
        self.parts, self.points, self.pese = parts, points, pese
        # Un critère incertain à zéro compte toujours dans la note la plus basse ; au-dessus, il faut tout repeser.
        a_repeser = any(p.peut_sortir and p.bas for p in parts)
        self.taux = None if a_repeser else {p.code: p.bas for p in parts}

    def avec(self, poids: Poids, code: str, pas: int) -> tuple[Taux, int]:
        """(somme pondérée, poids) de la note la plus basse, ce poids changé de `pas` ; (0, 1) si rien ne pèse."""
        if self.taux is None:
            return _au_moins(self.parts, {**poids, code: poids[code] + pas}) or (0, 1)
        taux = self.taux.get(code)
        if taux is None:
            return self.points, self.pese
        pese = self.pese + pas
        return (self.points + pas * taux, pese) if pese else (0, 1)


def _groupes(tries: Sequence[tuple[Fraction, _Pesee]]) -> list[list[_Pesee]]:
    """Les premiers, par groupes d'égalité, puis un dernier groupe : tous ceux qui sont derrière eux."""
    groupes: list[list[_Pesee]] = []
    precedente: Fraction | None = None
    for rang, (note, pesee) in enumerate(tries):
        if note == precedente:
            if rang < TETE:
                groupes[-1].append(pesee)
            continue
        if rang >= TETE:
            return [*groupes, [p for _, p in tries[rang:]]]
        groupes.append([pesee])
        precedente = note
    return groupes


def _tient(groupes: list[list[_Pesee]], poids: Poids, code: str, sens: int, maximum: int) -> int:
    """Combien de pas, un à un, laissent chaque groupe devant le suivant."""
    for pas in range(1, maximum + 1):
        if not _dans_l_ordre(groupes, poids, code, sens * pas):
            return pas - 1
    return maximum


def _dans_l_ordre(groupes: list[list[_Pesee]], poids: Poids, code: str, pas: int) -> bool:
    """Vrai si personne ne passe devant le groupe d'avant ; les produits en croix restent des entiers."""
    plancher: tuple[Taux, int] | None = None
    for groupe in groupes:
        suivant: tuple[Taux, int] | None = None
        for pesee in groupe:
            points, pese = pesee.avec(poids, code, pas)
            if plancher is not None and points * plancher[1] > plancher[0] * pese:
                return False
            if suivant is None or points * suivant[1] < suivant[0] * pese:
                suivant = points, pese
        plancher = suivant
    return True
