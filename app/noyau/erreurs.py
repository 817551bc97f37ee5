"""Les refus du métier : une phrase en français, un code stable, le champ fautif s'il y en a un."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faute:
    """Un champ et ce qu'il faut y changer. `champ` vide : la faute porte sur l'ensemble."""

    champ: str
    message: str
    code: str = "invalide"


class ErreurMetier(Exception):
    """Un refus du métier. `code` ne change jamais : des outils extérieurs s'y fient."""

    code = "refus"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class SaisieInvalide(ErreurMetier):
    """Une ou plusieurs fautes de saisie ; rien n'est écrit, la saisie revient (422)."""

    code = "saisie_invalide"

    def __init__(self, fautes: list[Faute], message: str = "La saisie contient des erreurs.") -> None:
        super().__init__(message)
        self.fautes = tuple(fautes)


class Introuvable(ErreurMetier):
    """L'objet n'existe pas, ou l'acteur n'a pas à savoir qu'il existe (404)."""

    code = "introuvable"


class ActeInterdit(ErreurMetier):
    """L'objet est en vue, mais l'acte n'est pas permis à cette personne (403)."""

    code = "acte_interdit"


class ActeImpossible(ErreurMetier):
    """L'acte n'est pas possible à ce moment ou dans cet état (409)."""

    code = "acte_impossible"


class VersionPerimee(ErreurMetier):
    """Quelqu'un d'autre a enregistré entre-temps (412). `conflits` : champ → (valeur enregistrée, valeur saisie)."""

    code = "version_perimee"

    def __init__(self, message: str, conflits: dict[str, tuple[object, object]] | None = None) -> None:
        super().__init__(message)
        self.conflits = conflits or {}
