"""enjeux.yaml : les enjeux, leurs objectifs, objectifs opérationnels et sous-actions, dans l'ordre du texte."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seeds.schemas.commun import Code, Element, ElementSource, Texte


class TypeEnjeu(StrEnum):
    """La place d'un enjeu dans le contrat."""

    STRATEGIQUE = "strategique"
    TRANSVERSAL = "transversal"
    CONDITION = "condition"


class PorteePublic(StrEnum):
    """Comment le document parle d'un public : il le désigne, ou il le nomme au détour d'une action."""

    CIBLE = "cible"
    CITE = "cite"


class NatureDispositif(StrEnum):
    """D'où viennent les moyens d'un dispositif."""

    DROIT_COMMUN = "droit_commun"
    POLITIQUE_DE_LA_VILLE = "politique_de_la_ville"


class TypeRepere(StrEnum):
    """Ce qu'un repère décrit dans une condition."""

    FORME = "forme"
    CONDITION = "condition"
    DEGRE = "degre"
    PHASE = "phase"
    MODALITE = "modalite"
    FREIN = "frein"


class Passage(ElementSource):
    """Un texte long : paragraphes et puces (« - ») séparés par un retour à la ligne."""

    texte: Texte


class DispositifPrioritaire(ElementSource):
    """Un dispositif « à mobiliser en premier lieu » pour un enjeu."""

    code: Code
    intitule: Texte
    nature: NatureDispositif | None = None


class Definition(ElementSource):
    """Un mot que le document définit."""

    terme: Texte
    texte: Texte


class Public(ElementSource):
    """Un public que le document désigne ou nomme pour un objectif."""

    intitule: Texte
    portee: PorteePublic


class SousAction(ElementSource):
    """Une puce sous un objectif opérationnel ; `details` : les puces qu'elle porte."""

    code: Code
    intitule: Texte
    details: tuple[Texte, ...] = ()


class ObjectifOperationnel(ElementSource):
    """Un objectif opérationnel, ses sous-actions et les remarques du texte (`notes`)."""

    code: Code
    intitule: Texte
    sous_actions: tuple[SousAction, ...] = ()
    notes: tuple[Texte, ...] = ()


class Piste(ElementSource):
    """Une piste de travail d'un objectif qui n'a pas d'objectif opérationnel."""

    code: Code
    intitule: Texte
    texte: Texte


class Repere(ElementSource):
    """Un degré, une phase, une forme… que la notation ou la page d'un objectif montre."""

    code: Code
    type: TypeRepere
    intitule: Texte


class Objectif(ElementSource):
    """Un des objectifs auxquels un dossier se rattache. `voir` : les objectifs auxquels le texte renvoie."""

    code: Code
    intitule: Texte
    enjeux: Passage
    publics: tuple[Public, ...] = ()
    objectifs_operationnels: tuple[ObjectifOperationnel, ...] = ()
    pistes: tuple[Piste, ...] = ()
    reperes: tuple[Repere, ...] = ()
    definitions: tuple[Definition, ...] = ()
    voir: tuple[Code, ...] = ()


class Enjeu(ElementSource):
    """Un enjeu stratégique ou transversal, ou l'ensemble des conditions."""

    code: Code
    type: TypeEnjeu
    intitule: Texte
    enjeux: Passage | None = None
    dispositifs: tuple[DispositifPrioritaire, ...] = ()
    definitions: tuple[Definition, ...] = ()
    objectifs: Annotated[tuple[Objectif, ...], Field(min_length=1)]


class FichierEnjeux(Element):
    """enjeux.yaml."""

    enjeux: Annotated[tuple[Enjeu, ...], Field(min_length=1)]
