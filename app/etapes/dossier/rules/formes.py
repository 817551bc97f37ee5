"""La forme d'un champ du dossier : étape, forme de la valeur, colonnes d'une table, ce qui est exigé au dépôt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Options = tuple[tuple[str, str], ...]


class Section(StrEnum):
    """Une étape du formulaire, dans l'ordre où on la remplit."""

    PROJET = "projet"
    OBJECTIFS = "objectifs"
    TERRITOIRE = "territoire"
    PUBLIC = "public"
    EGALITE = "egalite"
    DEROULEMENT = "deroulement"
    MOYENS = "moyens"
    HABITANTS = "habitants"
    BUDGET = "budget"
    FINANCEMENT = "financement"
    ANNEES = "annees"
    ORGANISATION = "organisation"
    ATTESTATIONS = "attestations"

    @property
    def libelle(self) -> str:
        """Le titre de l'étape à l'écran."""
        return _TITRES[self]

    @property
    def partie(self) -> str:
        """Le groupe d'étapes où elle se range dans la liste des tâches."""
        return _PARTIES[self]


_TITRES = {
    Section.PROJET: "Votre projet",
    Section.OBJECTIFS: "Les objectifs du contrat",
    Section.TERRITOIRE: "Les quartiers",
    Section.PUBLIC: "Le public",
    Section.EGALITE: "L’accès de toutes et tous",
    Section.DEROULEMENT: "Le déroulement",
    Section.MOYENS: "Les moyens",
    Section.HABITANTS: "Habitants et partenaires",
    Section.BUDGET: "Le budget de l’action",
    Section.FINANCEMENT: "Ce que vous demandez",
    Section.ANNEES: "Les années suivantes",
    Section.ORGANISATION: "Le budget de l’organisation",
    Section.ATTESTATIONS: "Les attestations",
}
_ACTION, _FAIRE, _ARGENT, _FIN = "L’action", "Sa réalisation", "L’argent", "Pour finir"
_PARTIES = {
    Section.PROJET: _ACTION,
    Section.OBJECTIFS: _ACTION,
    Section.TERRITOIRE: _ACTION,
    Section.PUBLIC: _ACTION,
    Section.EGALITE: _ACTION,
    Section.DEROULEMENT: _FAIRE,
    Section.MOYENS: _FAIRE,
    Section.HABITANTS: _FAIRE,
    Section.BUDGET: _ARGENT,
    Section.FINANCEMENT: _ARGENT,
    Section.ANNEES: _ARGENT,
    Section.ORGANISATION: _FIN,
    Section.ATTESTATIONS: _FIN,
}


class Forme(StrEnum):
    """La forme de la valeur gardée (JSON). CENTIEMES : un nombre à deux décimales, en centièmes entiers (ETPT)."""

    TEXTE = "texte"
    LONG = "long"
    ENTIER = "entier"
    CENTIEMES = "centiemes"
    DATE = "date"
    CODE = "code"
    CODES = "codes"
    OUI = "oui"
    TABLE = "table"


class FormeColonne(StrEnum):
    """La forme d'une colonne de table. CENTIEMES : un nombre à deux décimales, gardé en centièmes entiers (ETPT)."""

    TEXTE = "texte"
    ENTIER = "entier"
    CENTIEMES = "centiemes"
    MONTANT = "montant"
    CODE = "code"
    OUI = "oui"


@dataclass(frozen=True, slots=True)
class Colonne:
    """Une colonne d'un champ-table.

    `cle` : exigée dès qu'une case de la rangée l'est ; `positif` : zéro refusé ; `domaine` : la liste du contrat dont
    vient le code ; `groupes` : les options rangées sous des titres, pour le choix ; `anciens` : codes d'avant, encore
    lus → ceux d'aujourd'hui.
    """

    code: str
    libelle: str
    forme: FormeColonne
    cle: bool = False
    positif: bool = False
    options: Options = ()
    groupes: tuple[tuple[str, Options], ...] = ()
    domaine: str = ""
    anciens: Options = ()

    def actuel(self, code: str) -> str:
        """Le code d'aujourd'hui d'un code d'avant ; lui-même sinon.

        Choix du projet : un contenu d'avant reste lisible et modifiable.
        """
        return dict(self.anciens).get(code, code)


@dataclass(frozen=True, slots=True)
class Champ:
    """Un champ.

    `exige` au dépôt, `exige_court` aussi sur le chemin court, `associations` : d'une association ou d'une fondation
    seulement. `domaine` : la liste du contrat dont vient le code. `fixe` : la colonne qui donne une rangée par valeur.
    `replie` : fermé à l'écran tant qu'il est vide (rarement utile). `propose` : la réponse cochée d'avance, que la
    personne enregistre en validant l'étape. `groupes` : les options d'un code, rangées sous des titres, à choisir
    dans une liste.
    """

    code: str
    section: Section
    libelle: str
    forme: Forme
    aide: str = ""
    exige: bool = True
    exige_court: bool = True
    associations: bool = False
    maximum: int = 0
    domaine: str = ""
    options: Options = ()
    groupes: tuple[tuple[str, Options], ...] = ()
    colonnes: tuple[Colonne, ...] = ()
    fixe: str = ""
    unite: str = ""
    replie: bool = False
    propose: str = ""
