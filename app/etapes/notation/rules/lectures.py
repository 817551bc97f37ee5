"""La seconde lecture : une personne juge chaque critère sans voir ni le calcul ni les ajustements. Rien ne change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.etapes.notation.rules.note import LigneNote, Note
from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules import Grille, decrire, lexique

MOTIF_MAX = 1000
SANS_AVIS = "sans_avis"  # « je ne peux pas juger » : le critère reste sans réponse


@dataclass(frozen=True, slots=True)
class Question:
    """Ce que la seconde lecture demande d'un critère. `options` : (part du poids en %, ce qui l'obtient).

    Choix du projet : issue 4, « second reader's independent view ».
    """

    code: str
    libelle: str
    maximum: int
    options: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Reponse:
    """La part du poids (en %) qu'une seconde lecture donne à un critère, et pourquoi (facultatif).

    Choix du projet : issue 4, « second reader's independent view ».
    """

    taux: int
    motif: str = ""


@dataclass(frozen=True, slots=True)
class Lecture:
    """Une lecture rendue : qui, et une réponse par critère.

    Choix du projet : issue 4, « second reader's independent view ».
    """

    par: str
    reponses: Mapping[str, Reponse]


@dataclass(frozen=True, slots=True)
class Regard:
    """Un critère sous plusieurs regards. `calcule`, `retenu` : taux au moins et au plus, en % ; None : sans objet.

    Choix du projet : issue 4, « instructors who disagree see it ».
    """

    code: str
    libelle: str
    maximum: int
    calcule: tuple[Fraction, Fraction]
    retenu: tuple[Fraction, Fraction]
    reponses: tuple[tuple[str, Reponse | None], ...]

    @property
    def diverge(self) -> bool:
        """Vrai si une lecture sort de ce que la note retient, ou si deux lectures diffèrent."""
        donnees = {reponse.taux for _, reponse in self.reponses if reponse is not None}
        bas, haut = self.retenu
        return len(donnees) > 1 or any(not bas <= taux <= haut for taux in donnees)


def questions(grille: Grille, note: Note) -> tuple[Question, ...]:
    """Les critères qui comptent dans cette note, et leurs paliers ; une même part dite une fois. `grille` : orientée.

    Choix du projet : issue 4, « second reader's independent view ».
    """
    noms = lexique(grille)
    baremes = {
        critere.code: bareme for critere in grille.criteres for bareme in critere.baremes if note.ligne in bareme.lignes
    }
    rendues = []
    for ligne in note.lignes:
        if ligne.compte:
            parts: dict[int, list[str]] = {}
            for palier in baremes[ligne.code].paliers:
                parts.setdefault(palier.taux, []).append(decrire(palier.si, noms))
            options = tuple((taux, " ; ou ".join(phrases)) for taux, phrases in parts.items())
            rendues.append(Question(ligne.code, ligne.libelle, ligne.maximum, options))
    return tuple(rendues)


def lire_reponses(
    posees: Sequence[Question], taux: Mapping[str, str], motifs: Mapping[str, str]
) -> tuple[dict[str, Reponse], tuple[Faute, ...]]:
    """Les réponses tapées, et une faute par critère sans réponse ou hors de la liste.

    Choix du projet : issue 4, « second reader's independent view ».
    """
    reponses: dict[str, Reponse] = {}
    fautes: list[Faute] = []
    for question in posees:
        admis = {str(part): part for part, _ in question.options}
        choisi, motif = taux.get(question.code, ""), motifs.get(question.code, "").strip()
        if choisi == SANS_AVIS:
            continue
        if choisi not in admis:
            fautes.append(
                Faute(f"taux-{question.code}", f"Dites ce que vous retenez pour « {question.libelle} ».", "taux_exige")
            )
        elif len(motif) > MOTIF_MAX:
            fautes.append(Faute(f"motif-{question.code}", f"{MOTIF_MAX} caractères au plus.", "motif_long"))
        else:
            reponses[question.code] = Reponse(admis[choisi], motif)
    return reponses, tuple(fautes)


def regards(note: Note, lectures: Sequence[Lecture]) -> tuple[Regard, ...]:
    """Chaque critère qui compte : ce que la grille calcule, ce que la note retient, ce que chaque lecture donne.

    Choix du projet : issue 4, « instructors who disagree see it ».
    """
    return tuple(
        Regard(
            ligne.code,
            ligne.libelle,
            ligne.maximum,
            (Fraction(ligne.taux_minimum), Fraction(ligne.taux_maximum)),
            (_taux(ligne, ligne.points_minimum), _taux(ligne, ligne.points_maximum)),
            tuple((lecture.par, lecture.reponses.get(ligne.code)) for lecture in lectures),
        )
        for ligne in note.lignes
        if ligne.compte
    )


def total_selon(note: Note, lecture: Lecture) -> Fraction | None:
    """Le total sur 100 si les taux de cette lecture valaient ; None si elle ne répond pas à tout ce qui compte.

    Choix du projet : issue 4, « total always reconstructible ».
    """
    comptent = [ligne for ligne in note.lignes if ligne.compte]
    if any(ligne.code not in lecture.reponses for ligne in comptent):
        return None
    points = sum(lecture.reponses[ligne.code].taux * ligne.maximum for ligne in comptent)
    return Fraction(points, sum(ligne.maximum for ligne in comptent))


def _taux(ligne: LigneNote, points: Fraction) -> Fraction:
    return points * 100 / ligne.maximum
