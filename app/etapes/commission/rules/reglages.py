"""Ce qui se règle du règlement de la commission à l'ouverture d'une séance, et ce qu'un règlement dit en clair."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from fractions import Fraction

from app.etapes.commission.rules.regles import MOITIE, ReglesDeVote, accorder

TIERS = Fraction(1, 3)
POUVOIRS_MAX = 3
_PARTS = {MOITIE: "la moitié", TIERS: "le tiers"}


class QuorumExige(StrEnum):
    """Combien de membres en exercice il faut pour délibérer.

    Règle locale : « Voix, quorum, pouvoirs : règle du projet, réglable » (conception/produit.md).
    """

    PLUS_DE_LA_MOITIE = "plus_de_la_moitie"
    TIERS = "tiers"
    AUCUN = "aucun"


class MajoriteExigee(StrEnum):
    """Combien de suffrages exprimés il faut pour adopter.

    Règle locale : « Voix, quorum, pouvoirs : règle du projet, réglable » (conception/produit.md).
    """

    PLUS_DE_LA_MOITIE = "plus_de_la_moitie"
    MOITIE = "moitie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reglages:
    """Les cinq valeurs qu'une séance peut changer ; par défaut, celles du droit commun. Lève ValueError hors bornes.

    Règle locale : « Voix, quorum, pouvoirs : règle du projet, réglable » (conception/produit.md).
    """

    quorum: QuorumExige = QuorumExige.PLUS_DE_LA_MOITIE
    pouvoirs_dans_le_quorum: bool = False
    pouvoirs_par_porteur: int = 1
    majorite: MajoriteExigee = MajoriteExigee.PLUS_DE_LA_MOITIE
    voix_preponderante: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.pouvoirs_par_porteur <= POUVOIRS_MAX:
            raise ValueError(f"Un membre porte de 0 à {POUVOIRS_MAX} pouvoirs.")

    def changes(self) -> tuple[str, ...]:
        """Les noms des valeurs qui ne sont pas celles par défaut, dans l'ordre.

        Choix du projet : un règlement tenu de la loi ne se règle pas, et le refus nomme chaque valeur changée.
        """
        return tuple(c.name for c in fields(self) if getattr(self, c.name) != c.default)


def regler(regles: ReglesDeVote, reglages: Reglages) -> ReglesDeVote:
    """Le règlement, ces valeurs changées. « Le tiers » : un tiers au moins.

    Règle locale : « Voix, quorum, pouvoirs : règle du projet, réglable » (conception/produit.md).
    """
    au_tiers = reglages.quorum is QuorumExige.TIERS
    return replace(
        regles,
        quorum_exige=reglages.quorum is not QuorumExige.AUCUN,
        quorum_part=TIERS if au_tiers else MOITIE,
        quorum_strict=not au_tiers,
        quorum_compte_les_pouvoirs=reglages.pouvoirs_dans_le_quorum,
        pouvoirs_par_porteur=reglages.pouvoirs_par_porteur,
        majorite_part=MOITIE,
        majorite_stricte=reglages.majorite is MajoriteExigee.PLUS_DE_LA_MOITIE,
        voix_preponderante=reglages.voix_preponderante,
    )


def en_clair(regles: ReglesDeVote) -> tuple[str, ...]:
    """Les phrases qui disent ce règlement : quorum, pouvoirs, majorité, partage des voix.

    Choix du projet : qui vote sait sous quelles règles ; le procès-verbal les redit.
    """
    return (*_quorum_en_clair(regles), _pouvoirs_en_clair(regles), _majorite_en_clair(regles))


def _part(part: Fraction, *, stricte: bool) -> str:
    nom = _PARTS.get(part, str(part))
    return f"plus de {nom}" if stricte else f"{nom} au moins"


def _quorum_en_clair(regles: ReglesDeVote) -> tuple[str, ...]:
    if not regles.quorum_exige:
        return ("Aucun quorum n’est exigé.",)
    comptes = "comptent" if regles.quorum_compte_les_pouvoirs else "ne comptent pas"
    phrases = (
        f"Quorum : {_part(regles.quorum_part, stricte=regles.quorum_strict)} des membres en exercice.",
        f"Les pouvoirs {comptes} dans le quorum.",
    )
    if regles.quorum_leve_si_moitie_interessee:
        return (*phrases, "Pas de quorum quand la moitié des membres est intéressée.")
    return phrases


def _pouvoirs_en_clair(regles: ReglesDeVote) -> str:
    if not regles.pouvoirs_par_porteur:
        return "Aucun pouvoir n’est admis."
    return f"Un membre porte au plus {accorder(regles.pouvoirs_par_porteur, 'pouvoir')}."


def _majorite_en_clair(regles: ReglesDeVote) -> str:
    majorite = f"Majorité : {_part(regles.majorite_part, stricte=regles.majorite_stricte)} des suffrages exprimés"
    if regles.majorite_part != MOITIE:
        return f"{majorite}."
    if not regles.majorite_stricte:
        return f"{majorite} ; en cas de partage, la proposition est adoptée."
    if regles.voix_preponderante:
        return f"{majorite} ; en cas de partage, la voix du président de séance est prépondérante."
    return f"{majorite} ; en cas de partage, la proposition n’est pas adoptée."
