"""Natures d'autorité, portée de l'acte de la commission, nom d'une autorité dans une phrase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NatureAutorite(StrEnum):
    """Qui décide : l'État, l'agglomération ou une commune."""

    ETAT = "etat"
    EPCI = "epci"
    COMMUNE = "commune"


class ActeCommission(StrEnum):
    """Ce que vaut le vote de la commission sur cette ligne. Source : contrat, l. 1691-1694."""

    VALIDE = "valide"
    AVIS = "avis"


_FEMININS = frozenset(
    {
        "agglomération", "caisse", "collectivité", "commune", "communauté", "métropole", "préfecture", "région",
        "sous-préfecture", "ville",
    }
)  # fmt: skip
_MASCULINS = frozenset({"conseil", "département", "fonds", "ministère", "syndicat"})
_ELIDES = frozenset({"agence", "état", "eurométropole"})
_COMMUNS = _FEMININS | _MASCULINS | _ELIDES
_VOYELLES = frozenset("aàâeéèêëiîïoôuùû")


@dataclass(frozen=True, slots=True)
class NomEnPhrase:
    """Le nom d'une autorité dans une phrase : « l’État », « de l’État » ; `titre` : en tête, « L’État »."""

    sujet: str
    de: str

    @property
    def titre(self) -> str:
        """Le sujet en tête de phrase ; un sigle garde sa forme (« m2A »)."""
        premiere = self.sujet[:1]
        suivante = self.sujet[1:2]
        return self.sujet if suivante.isdigit() else premiere.upper() + self.sujet[1:]


def en_phrase(nom: str) -> NomEnPhrase:
    """« État » → l’État, de l’État ; « Ville de Mulhouse » → la Ville de Mulhouse ; « m2A » → m2A, de m2A.

    Un article déjà écrit (« L'État ») est repris ; un nom propre n'en reçoit pas et s'élide (« d’Alsace »).
    Choix du projet : on écrit le nom d'un financeur nu dans les fichiers du contrat, la phrase l'accorde.
    """
    nu = nom.strip().replace("'", "’")
    for article in ("l’", "la ", "le "):
        reste = nu[len(article) :]
        if nu.lower().startswith(article) and reste.split(" ")[0].lower() in _COMMUNS:
            nu = reste
    premier = nu.split(" ")[0].lower()
    if premier in _ELIDES:
        return NomEnPhrase(f"l’{nu}", f"de l’{nu}")
    if premier in _FEMININS:
        article = "l’" if premier[:1] in _VOYELLES else "la "
        return NomEnPhrase(f"{article}{nu}", f"de {article}{nu}")
    if premier in _MASCULINS:
        return NomEnPhrase(f"le {nu}", f"du {nu}")
    return NomEnPhrase(nu, f"d’{nu}" if nu[:1].lower() in _VOYELLES else f"de {nu}")
