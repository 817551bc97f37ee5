"""Les règles de vote sont des paramètres : quorum, majorité, pouvoirs, scrutins, seconde convocation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from app.noyau.sources import CHOIX_DU_PROJET, Source

MOITIE = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReglesDeVote:
    """Le règlement d'une instance. Parts de 0 exclu à 1 compris ; les valeurs par défaut sont celles du droit commun.

    Lève ValueError si une part ou un nombre est hors bornes.

    Source : CGCT, art. L.2121-17, L.2121-20 et L.2121-21 ; reference/domaine.md, J17 à J19.
    """

    nom: str
    source: Source
    # Quorum : plus de la moitié des membres en exercice, présents en personne.
    quorum_exige: bool = True
    quorum_part: Fraction = MOITIE
    quorum_strict: bool = True
    quorum_compte_les_pouvoirs: bool = False
    quorum_sans_les_deportes: bool = True
    quorum_leve_si_moitie_interessee: bool = False
    # Majorité des suffrages exprimés : ni abstention, ni blanc, ni nul.
    majorite_part: Fraction = MOITIE
    majorite_stricte: bool = True
    voix_preponderante: bool = True
    # Pouvoirs.
    pouvoirs_par_porteur: int = 1
    pouvoir_seances_consecutives: int = 3
    pouvoir_ecrit: bool = True
    # Scrutins demandés par une part des membres présents.
    scrutin_public_part: Fraction = Fraction(1, 4)
    scrutin_secret_part: Fraction = Fraction(1, 3)
    # Seconde convocation, sans condition de quorum.
    seconde_jours_francs: int = 3
    seconde_rappel_exige: bool = False

    def __post_init__(self) -> None:
        for part in (self.quorum_part, self.majorite_part, self.scrutin_public_part, self.scrutin_secret_part):
            if not 0 < part <= 1:
                raise ValueError("Une part de membres ou de suffrages va de 0 exclu à 1 compris.")
        if min(self.pouvoirs_par_porteur, self.pouvoir_seances_consecutives, self.seconde_jours_francs) < 0:
            raise ValueError("Un nombre de pouvoirs, de séances ou de jours n'est jamais négatif.")


DROIT_COMMUN = ReglesDeVote(
    nom="droit commun des assemblées",
    source=Source("CGCT", "art. L.2121-17, L.2121-20, L.2121-21 ; m2A par L.5211-1"),
)

# Seconde convocation sans délai propre mais rappelant la règle ; quorum levé quand la moitié est intéressée.
DROIT_LOCAL = ReglesDeVote(
    nom="droit local d’Alsace-Moselle",
    source=Source("CGCT", "art. L.2541-1 à L.2541-4, L.2541-17"),
    quorum_leve_si_moitie_interessee=True,
    seconde_jours_francs=0,
    seconde_rappel_exige=True,
)

# La commission n'est soumise à ces textes par aucune loi : elle en reprend les valeurs, et peut les changer (J17, J29).
COMMISSION_DES_ELUS = ReglesDeVote(nom="règlement de la commission des élus", source=CHOIX_DU_PROJET)


def accorder(combien: int, singulier: str, pluriel: str | None = None) -> str:
    """« 1 membre », « 2 membres » : en français, zéro est singulier.

    Choix du projet : conventions, « Langue et noms ».
    """
    return f"{combien} {singulier if combien < 2 else pluriel or singulier + 's'}"
