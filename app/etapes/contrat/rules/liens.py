"""Ce qui se rattache à un objectif : lignes qui le financent d'abord, quartiers, dispositifs, engagements, axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.etapes.contrat.rules.contenu import (
    DISPOSITIFS_ETAT,
    ENGAGEMENTS,
    FEUILLES_DE_ROUTE,
    ContenuContrat,
    Fiche,
    Json,
    Ligne,
    Objectif,
)


@dataclass(frozen=True, slots=True)
class Priorite:
    """Le rang d'un objectif pour une ligne. `seulement` : codes retenus, si l'objectif ne l'est pas en entier.

    Source : contrat, Partie 3 § 1 et 2.
    """

    rang: int
    intitule: str
    seulement: tuple[str, ...]
    condition: str
    source: str


@dataclass(frozen=True, slots=True)
class PrioritesDeLigne:
    """Ce qu'une ligne dit d'un objectif, meilleur rang d'abord ; vide : elle ne le cite pas.

    Source : contrat, Partie 3 § 1 et 2.
    """

    ligne: Ligne
    priorites: tuple[Priorite, ...]


@dataclass(frozen=True, slots=True)
class AxeDeFeuille:
    """Un axe d'une feuille de route et ses actions pour un objectif. Source : contrat, Partie 3 § 1."""

    collectivite: str
    intitule: str
    actions: tuple[str, ...]
    source: str


def descend_de(code: str, parent: str) -> bool:
    """Vrai si `code` est `parent` ou l'un de ses descendants (E2.2.1 descend de E2.2, E2.20 non).

    Source : contrat, Partie 1 § 3 (numérotation dans l'ordre du texte).
    """
    return code == parent or code.startswith(f"{parent}.")


def priorites_des_lignes(contenu: ContenuContrat, objectif: str) -> tuple[PrioritesDeLigne, ...]:
    """Pour chaque ligne, ce qu'elle dit de cet objectif.

    Source : contrat, Partie 3 § 1 et 2.
    """
    return tuple(
        PrioritesDeLigne(ligne, tuple(sorted(_priorites(ligne, objectif), key=lambda p: (p.rang, p.condition != ""))))
        for ligne in contenu.lignes
    )


def _priorites(ligne: Ligne, objectif: str) -> Iterator[Priorite]:
    for priorite in ligne.contenu["priorites"]:
        rang, intitule, source = priorite["rang"], priorite["intitule"], priorite["source"]
        if objectif in priorite["objectifs"]:
            yield Priorite(rang, intitule, (), "", source)
        fins = [*priorite["objectifs_operationnels"], *priorite["sous_actions"]]
        if seulement := tuple(code for code in fins if descend_de(code, objectif)):
            yield Priorite(rang, intitule, seulement, "", source)
        for condition in priorite["conditions"]:
            if descend_de(condition["code"], objectif):
                yield Priorite(rang, intitule, (), condition["condition"], condition["source"])


def priorites_de_quartier(contenu: ContenuContrat, objectif: str) -> tuple[tuple[Fiche, Json], ...]:
    """Les priorités de quartier que le document rattache à cet objectif.

    Source : contrat, Partie 2.
    """
    return tuple(
        (fiche, priorite)
        for fiche in contenu.fiches
        for priorite in fiche.priorites
        if any(descend_de(lien["code"], objectif) for lien in priorite["liens"])
    )


def dispositifs_de_l_etat(contenu: ContenuContrat, objectif: str) -> tuple[Json, ...]:
    """Les dispositifs de l'État qui répondent à cet objectif.

    Source : contrat, Partie 3 § 2, l. 1582-1588.
    """
    themes = contenu.rubriques.get(DISPOSITIFS_ETAT, {}).get("themes", [])
    return _qui_repondent((dispositif for theme in themes for dispositif in theme["dispositifs"]), objectif)


def engagements(contenu: ContenuContrat, objectif: str) -> tuple[tuple[str, Json], ...]:
    """Les engagements des partenaires pour cet objectif, avec le nom du partenaire.

    Source : contrat, Partie 3 § 3.
    """
    rubrique = contenu.rubriques.get(ENGAGEMENTS, {"partenaires": [], "engagements": []})
    noms = {partenaire["code"]: partenaire["nom"] for partenaire in rubrique["partenaires"]}
    return tuple((noms[e["partenaire"]], e) for e in _qui_repondent(rubrique["engagements"], objectif))


def axes(contenu: ContenuContrat, objectif: str) -> tuple[AxeDeFeuille, ...]:
    """Les axes des feuilles de route qui servent cet objectif ; une action sans objectif à elle a ceux de son axe.

    Source : contrat, Partie 3 § 1.
    """
    rendu = []
    for feuille in contenu.elements(FEUILLES_DE_ROUTE):
        for rangee in feuille["rangees"]:
            for axe in rangee["axes"]:
                if objectif in axe["objectifs"]:
                    textes = tuple(
                        a["texte"] for a in axe["actions"] if objectif in (a["objectifs"] or axe["objectifs"])
                    )
                    rendu.append(AxeDeFeuille(feuille["collectivite"], axe["intitule"], textes, axe["source"]))
    return tuple(rendu)


def voisins(contenu: ContenuContrat, objectif: str) -> tuple[Objectif | None, Objectif | None]:
    """L'objectif d'avant et celui d'après, dans l'ordre du document.

    Source : contrat, Partie 1 § 3.
    """
    suite = (None, *contenu.objectifs, None)
    rang = next(rang for rang, o in enumerate(suite) if o is not None and o.code == objectif)
    return suite[rang - 1], suite[rang + 1]


def _qui_repondent(elements: Iterable[Json], objectif: str) -> tuple[Json, ...]:
    return tuple(e for e in elements if objectif in e["objectifs"])
