"""Les demandes que personne n'a examinées ou proposées quand une ligne, puis l'appel, s'arrêtent. Pur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.noyau.erreurs import Faute

CODE = "demandes_non_examinees"
NUMEROS_MAX = 10


@dataclass(frozen=True, slots=True)
class EnAttente:
    """Combien de demandes de la première année n'ont jamais été proposées ; leurs premiers numéros, s'ils sont lus."""

    nombre: int
    numeros: tuple[str, ...]

    @classmethod
    def de(cls, numeros: Sequence[str]) -> EnAttente:
        """Celles de ces numéros."""
        return cls(len(numeros), tuple(numeros[:NUMEROS_MAX]))

    @property
    def phrase(self) -> str:
        """« 2 demandes n’ont pas été examinées ou proposées (M2A-2027-0001, M2A-2027-0004) »."""
        plus = self.nombre - len(self.numeros)
        liste = ", ".join(self.numeros) + (f" et {plus} de plus" if plus else "")
        lesquelles = f" ({liste})" if self.numeros else ""
        if self.nombre == 1:
            return f"1 demande n’a pas été examinée ou proposée{lesquelles}"
        return f"{self.nombre} demandes n’ont pas été examinées ou proposées{lesquelles}"

    @property
    def a_cocher(self) -> str:
        """Ce que reconnaît la personne qui arrête une ligne où des demandes attendent encore.

        Choix du projet : l'autorité décide d'arrêter, mais jamais en silence.
        """
        if self.nombre == 1:
            fait = "1 demande n’a pas été examinée ou proposée : elle reste pour la phase suivante ou sera écartée."
        else:
            fait = (
                f"{self.nombre} demandes n’ont pas été examinées ou proposées : elles restent pour la phase suivante "
                "ou seront écartées une à une."
            )
        return f"J’ai vu que {fait}"


RIEN = EnAttente(0, ())


def verifier_arrete(attente: EnAttente, *, confirme: bool) -> tuple[Faute, ...]:
    """Arrêter une ligne où des demandes attendent se confirme.

    Choix du projet : l'autorité décide d'arrêter, mais jamais en silence.
    """
    if confirme or not attente.nombre:
        return ()
    return (Faute("confirme", f"{attente.phrase}. Confirmez que vous arrêtez la ligne sans attendre.", CODE),)


def empechement_de_l_appel(attente: EnAttente) -> str | None:
    """Pourquoi l'appel ne s'arrête pas encore ; None si rien n'attend.

    Choix du projet : chaque demande reçue a une issue avant la fin de l'appel.
    """
    if not attente.nombre:
        return None
    comment = "les examiner et les proposer, les écarter (irrecevable, hors champ, orientée) ou les reporter"
    return f"{attente.phrase}. Avant d’arrêter l’appel : {comment}."
