"""Ce que les partenaires mobilisent : lignes de financement, feuilles de route, dispositifs de l’État, engagements."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from seeds.schemas.commun import Code, Element, ElementSource, Texte

CodeInsee = Annotated[str, StringConstraints(pattern=r"^\d[0-9AB]\d{3}$")]
Siren = Annotated[str, StringConstraints(pattern=r"^\d{9}$")]
Siret = Annotated[str, StringConstraints(pattern=r"^\d{14}$")]
Rang = Annotated[int, Field(ge=1)]
Textes = tuple[Texte, ...]
Codes = tuple[Code, ...]


def _non_vide(elements: tuple[object, ...]) -> tuple[object, ...]:
    # Après coup, et non par une longueur minimale : un élément fautif ne fait pas dire aussi que la liste est vide.
    if not elements:
        raise ValueError("la liste est vide : il y faut au moins un élément")
    return elements


NonVide = AfterValidator(_non_vide)


class Passage(ElementSource):
    """Un paragraphe du document, tel quel."""

    texte: Texte


# --- lignes.yaml : tuple[LigneFinancement, ...] ------------------------------------------------------------------


class TypeAutorite(StrEnum):
    """Qui décide de la ligne."""

    ETAT = "etat"
    EPCI = "epci"
    COMMUNE = "commune"


class ActeCommission(StrEnum):
    """Ce que fait la commission des élus sur la ligne : elle valide la programmation, ou donne un avis."""

    VALIDE = "valide"
    AVIS = "avis"


class Origine(StrEnum):
    """Une priorité que le document déclare, ou que son texte implique (l’intitulé est alors du projet)."""

    DECLAREE = "declaree"
    DEDUITE = "deduite"


class Condition(ElementSource):
    """L’objectif `code` ne compte que sous cette condition."""

    code: Code
    condition: Texte


class Priorite(ElementSource):
    """Une priorité d’une ligne. `rang` est un niveau : deux priorités de même rang se valent, l’ordre est du document.

    `objectifs` : retenus en entier ; `objectifs_operationnels` et `sous_actions` : eux seuls, pas le reste de leur
    objectif. Un objectif cité à deux rangs garde le meilleur.
    """

    rang: Rang
    intitule: Texte
    origine: Origine = Origine.DECLAREE
    axe: Code | None = None
    textes: Textes = ()
    objectifs: Codes = ()
    objectifs_operationnels: Codes = ()
    sous_actions: Codes = ()
    conditions: tuple[Condition, ...] = ()


class LigneFinancement(ElementSource):
    """Une ligne de financement du contrat. `commune` : code INSEE, pour une ligne communale seulement."""

    code: Code
    financeur: Texte
    intitule: Texte
    type_autorite: TypeAutorite
    commune: CodeInsee | None = None
    siren: Siren | None = None
    siret: Siret | None = None
    acte_decision: Texte
    acte_commission: ActeCommission
    feuille_de_route: Code | None = None
    priorites: Annotated[tuple[Priorite, ...], NonVide]

    @model_validator(mode="after")
    def _commune_si_communale(self) -> Self:
        if (self.type_autorite is TypeAutorite.COMMUNE) != (self.commune is not None):
            raise ValueError(
                f"la ligne {self.code} : « commune » est le code INSEE d’une ligne communale, et d’elle seule"
            )
        return self

    @model_validator(mode="after")
    def _rangs_sans_trou(self) -> Self:
        rangs = [priorite.rang for priorite in self.priorites]
        if rangs != sorted(rangs) or set(rangs) != set(range(1, rangs[-1] + 1)):
            raise ValueError(f"la ligne {self.code} : les rangs de priorité vont de 1 en 1, dans l’ordre, sans trou")
        return self


# --- feuilles-de-route.yaml : tuple[FeuilleDeRoute, ...] ---------------------------------------------------------


class TypeMoyen(StrEnum):
    """De quoi une collectivité paie sa feuille de route."""

    DROIT_COMMUN = "droit_commun"
    CREDITS_SPECIFIQUES = "credits_specifiques"
    PERSONNELS = "personnels"
    EQUIPEMENTS = "equipements"


class Moyen(ElementSource):
    """Un moyen que la collectivité engage."""

    type: TypeMoyen
    texte: Texte


class ActionFeuille(ElementSource):
    """Une action (ou orientation) d’un axe. Sans objectif à elle, ceux de son axe valent."""

    code: Code
    texte: Texte
    details: Textes = ()
    objectifs: Codes = ()
    objectifs_operationnels: Codes = ()


class AxeFeuille(ElementSource):
    """Un axe de la colonne de la collectivité. `ambition` : ce qui le coiffe dans le projet de territoire.

    `objectifs` : ceux auxquels l’axe répond ; `objectifs_operationnels` les précise quand le texte le permet.
    """

    code: Code
    ambition: Texte | None = None
    intitule: Texte
    chapeau: Texte | None = None
    actions: tuple[ActionFeuille, ...] = ()
    remarques: Textes = ()
    objectifs: Annotated[Codes, NonVide]
    objectifs_operationnels: Codes = ()


class ObjectifCite(Element):
    """Un objectif du contrat tel que le tableau le nomme."""

    objectif: Code
    intitule: Texte


class Rangee(ElementSource):
    """Un rang du tableau : l’axe du contrat à gauche, les axes de la collectivité à droite."""

    rattachement: Code
    axe_contrat: Texte
    objectifs_cites: tuple[ObjectifCite, ...] = ()
    axes: Annotated[tuple[AxeFeuille, ...], NonVide]


class FeuilleDeRoute(ElementSource):
    """La feuille de route d’une collectivité. `ligne` : la ligne de financement qu’elle oriente."""

    code: Code
    collectivite: Texte
    intitule: Texte
    ligne: Code
    fiches: Codes = ()
    presentation: tuple[Passage, ...] = ()
    ambitions: tuple[Passage, ...] = ()
    colonnes: tuple[Texte, Texte]
    rangees: Annotated[tuple[Rangee, ...], NonVide]
    moyens: Annotated[tuple[Moyen, ...], NonVide]


# --- dispositifs-etat.yaml : FichierDispositifsEtat --------------------------------------------------------------


class DispositifEtat(ElementSource):
    """Un dispositif de l’État. `services` : ceux que le document nomme, dans ses mots."""

    code: Code
    nom: Texte
    description: Texte
    objectifs: Annotated[Codes, NonVide]
    objectifs_operationnels: Codes = ()
    services: Textes = ()
    communes: tuple[CodeInsee, ...] = ()


class ThemeEtat(ElementSource):
    """Un thème du tableau de l’État."""

    code: Code
    intitule: Texte
    dispositifs: Annotated[tuple[DispositifEtat, ...], NonVide]


class ConsultationServices(ElementSource):
    """La consultation des services de l’État sur les dossiers d’une ligne."""

    ligne: Code
    textes: Annotated[Textes, NonVide]
    referent: Texte
    cadre: Texte
    responsable: Texte


class FichierDispositifsEtat(Element):
    """Ce que l’État mobilise, et comment ses services sont consultés."""

    introduction: tuple[Passage, ...] = ()
    themes: Annotated[tuple[ThemeEtat, ...], NonVide]
    consultation: ConsultationServices
    moyens: tuple[Passage, ...] = ()


# --- engagements.yaml : FichierEngagements -----------------------------------------------------------------------


class StatutEngagement(StrEnum):
    """Ce que vaut un engagement à la signature."""

    ENGAGE = "engage"
    SOUS_RESERVE = "sous_reserve"
    A_VENIR = "a_venir"


class Partenaire(ElementSource):
    """Un partenaire et la façon dont il se présente."""

    code: Code
    nom: Texte
    presentation: Textes = ()


class Engagement(ElementSource):
    """Un engagement. `reserve` : la réserve dans les mots du document, exigée quand le statut est « sous_reserve »."""

    code: Code
    partenaire: Code
    theme: Texte
    statut: StatutEngagement
    reserve: Texte | None = None
    texte: Texte
    details: Textes = ()
    objectifs: Codes = ()
    objectifs_operationnels: Codes = ()

    @model_validator(mode="after")
    def _reserve_dite(self) -> Self:
        if (self.statut is StatutEngagement.SOUS_RESERVE) != (self.reserve is not None):
            raise ValueError(
                f"l’engagement {self.code} : « reserve » va avec le statut « sous_reserve », et avec lui seul"
            )
        return self


class StatutAnnexe(StrEnum):
    """Une annexe annoncée est là, ou attendue."""

    JOINTE = "jointe"
    A_VENIR = "a_venir"


class Annexe(ElementSource):
    """Une annexe annoncée. `mention` : ce que le document écrit à sa place."""

    code: Code
    intitule: Texte
    statut: StatutAnnexe
    mention: Texte | None = None


class FichierEngagements(Element):
    """Ce que les partenaires s’engagent à faire."""

    introduction: tuple[Passage, ...] = ()
    partenaires: Annotated[tuple[Partenaire, ...], NonVide]
    engagements: Annotated[tuple[Engagement, ...], NonVide]
    annexes: tuple[Annexe, ...] = ()

    @model_validator(mode="after")
    def _partenaires_connus(self) -> Self:
        connus = {partenaire.code for partenaire in self.partenaires}
        inconnus = sorted({engagement.partenaire for engagement in self.engagements} - connus)
        if inconnus:
            raise ValueError(f"partenaire inconnu : {', '.join(inconnus)}")
        return self
