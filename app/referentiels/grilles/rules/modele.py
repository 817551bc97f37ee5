"""Une grille comme donnée : lignes et poids, ensembles, mesures, critères, paliers, conditions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.noyau.sources import Source


class Unite(StrEnum):
    """Comment une mesure s'écrit dans une phrase.

    Choix du projet : conception/notation.md, « Principe ».
    """

    PART = "part"
    CENTIMES = "centimes"
    FOIS = "fois"
    NOMBRE = "nombre"


class ModeArrondi(StrEnum):
    """Le seul arrondi admis, une fois, sur le total d'une ligne.

    Source : reference/donnees/grille-depart.yaml, « arrondi ».
    """

    DEMI_VERS_LE_HAUT = "demi_vers_le_haut"


@dataclass(frozen=True, slots=True)
class Arrondi:
    """Le nombre de décimales du total d'une ligne, et le mode.

    Source : reference/donnees/grille-depart.yaml, « arrondi ».
    """

    decimales: int = 1
    mode: ModeArrondi = ModeArrondi.DEMI_VERS_LE_HAUT


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Des codes qui vont ensemble. Un code y entre s'il est cité ou s'il descend d'un code cité (E2.2.1 sous E2.2).

    Choix du projet : conception/notation.md, « Priorités par ligne ».
    """

    nom: str
    codes: tuple[str, ...]
    source: Source


# --- mesures : des nombres tirés des faits ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terme:
    """Un fait ou une mesure, multiplié par un coefficient positif.

    Choix du projet : issue 4, « formula from a small closed set ».
    """

    de: str
    coefficient: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Rapport:
    """Une somme pondérée rapportée à une autre. Sans valeur si le dénominateur est nul : aucun seuil n'est atteint.

    Choix du projet : issue 4, « formula from a small closed set ».
    """

    numerateur: tuple[Terme, ...]
    denominateur: tuple[Terme, ...]


@dataclass(frozen=True, slots=True)
class Compte:
    """Combien de faits booléens sont vrais.

    Choix du projet : issue 4, « formula from a small closed set ».
    """

    parmi: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nombre:
    """Combien de codes dans un fait, ceux d'un ensemble seulement si l'ensemble est dit.

    Choix du projet : issue 4, « formula from a small closed set ».
    """

    de: str
    ensemble: str | None = None


@dataclass(frozen=True, slots=True)
class Couverture:
    """Part des codes de `de` qui ont au moins un descendant dans `par`. Sans valeur si `de` est vide.

    Source : conception/notation.md, critère QUA (jamais le nombre de priorités).
    """

    de: str
    par: str
    ensemble: str | None = None


Operation = Rapport | Compte | Nombre | Couverture


@dataclass(frozen=True, slots=True)
class Mesure:
    """Un nombre nommé, que plusieurs paliers et leurs phrases peuvent lire.

    Choix du projet : issue 4, « formula from a small closed set ».
    """

    code: str
    libelle: str
    unite: Unite
    operation: Operation


# --- conditions : opérateurs fermés, sans négation (un fait favorable ne peut pas faire baisser) -----------------


@dataclass(frozen=True, slots=True)
class Toujours:
    """Le dernier palier : il reçoit tout ce que les autres n'ont pas pris.

    Choix du projet : issue 4, « no code in data ».
    """


@dataclass(frozen=True, slots=True)
class Vrai:
    """Un fait booléen est vrai.

    Choix du projet : issue 4, « no code in data ».
    """

    de: str


@dataclass(frozen=True, slots=True)
class Parmi:
    """Le code (un au moins des codes) du fait est dans la liste ou dans l'ensemble.

    Choix du projet : issue 4, « no code in data ».
    """

    de: str
    codes: tuple[str, ...] = ()
    ensemble: str | None = None


@dataclass(frozen=True, slots=True)
class AuMoins:
    """Le nombre atteint le seuil (borne comprise).

    Choix du projet : issue 4, « no code in data ».
    """

    de: str
    valeur: Fraction


@dataclass(frozen=True, slots=True)
class AuPlus:
    """Le nombre ne dépasse pas le seuil (borne comprise).

    Choix du projet : issue 4, « no code in data ».
    """

    de: str
    valeur: Fraction


@dataclass(frozen=True, slots=True)
class MoinsDe:
    """Le nombre est sous le seuil (borne exclue).

    Choix du projet : issue 4, « no code in data ».
    """

    de: str
    valeur: Fraction


@dataclass(frozen=True, slots=True)
class Tous:
    """Toutes les conditions sont remplies.

    Choix du projet : issue 4, « no code in data ».
    """

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class UnDe:
    """Une condition au moins est remplie.

    Choix du projet : issue 4, « no code in data ».
    """

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Est:
    """Une définition de la grille est remplie.

    Choix du projet : issue 4, « no code in data ».
    """

    definition: str


Condition = Toujours | Vrai | Parmi | AuMoins | AuPlus | MoinsDe | Tous | UnDe | Est


@dataclass(frozen=True, slots=True)
class Definition:
    """Une condition nommée, que plusieurs paliers partagent.

    Choix du projet : issue 4, « no code in data ».
    """

    code: str
    libelle: str
    si: Condition


# --- critères, lignes, grille -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Palier:
    """Un taux du poids (0 à 100), ce qui l'obtient, et la phrase qui le motive ({fait}, {fait:statut}, {mesure:liste}).

    Source : reference/donnees/grille-depart.yaml, « taux ».
    """

    taux: int
    si: Condition
    motif: str


@dataclass(frozen=True, slots=True)
class Bareme:
    """Les paliers d'un critère pour une ou plusieurs lignes ; le premier palier rempli l'emporte.

    Source : reference/donnees/grille-depart.yaml, « criteres ».
    """

    lignes: tuple[str, ...]
    source: Source
    paliers: tuple[Palier, ...]


@dataclass(frozen=True, slots=True)
class Critere:
    """Un critère. Transversal : jamais sans objet.

    Source : conception/notation.md, tableau des critères.
    """

    code: str
    libelle: str
    source: Source
    baremes: tuple[Bareme, ...]
    est_transversal: bool = False


@dataclass(frozen=True, slots=True)
class SansObjet:
    """Ce qui fait sortir un critère du barème ; jamais un choix du porteur.

    Source : reference/donnees/grille-depart.yaml, « sans_objet ».
    """

    critere: str
    si: Condition
    motif: str
    source: Source


@dataclass(frozen=True, slots=True)
class Champ:
    """Ce qui ouvre une ligne à un dossier ; sinon il est hors champ, pour le motif dit, et n'a pas de note.

    Source : conception/notation.md, « Priorités par ligne ».
    """

    si: Condition
    motif: str
    source: Source


@dataclass(frozen=True, slots=True)
class LigneGrille:
    """Les poids d'une ligne de financement, un par critère, 100 en tout.

    Source : reference/donnees/grille-depart.yaml, « poids ».
    """

    code: str
    libelle: str
    poids: tuple[tuple[str, int], ...]
    champ: Champ | None = None


@dataclass(frozen=True)
class Grille:
    """Une version d'une grille. Deux grilles de même contenu sont égales ; l'empreinte le prouve.

    Source : conception/notation.md, « Grille de départ ».
    """

    version: str
    intitule: str
    arrondi: Arrondi
    ensembles: tuple[Ensemble, ...]
    mesures: tuple[Mesure, ...]
    definitions: tuple[Definition, ...]
    lignes: tuple[LigneGrille, ...]
    criteres: tuple[Critere, ...]
    sans_objet: tuple[SansObjet, ...]

    def __hash__(self) -> int:
        return hash(self.version)
