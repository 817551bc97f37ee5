"""Comment le contrat vit : instances, participation, financements, suivi, signataires, évaluation passée."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seeds.schemas.commun import Code, Element, ElementSource, Jour, Texte
from seeds.schemas.partenariat import CodeInsee, NonVide, Passage, Rang, Textes

# --- instances.yaml : FichierInstances ---------------------------------------------------------------------------


class FamilleInstance(StrEnum):
    """Les trois familles du document."""

    PILOTAGE_POLITIQUE = "pilotage_politique"
    INGENIERIE = "ingenierie"
    MOBILISATION = "mobilisation"


class Echelle(StrEnum):
    """Le territoire d’une instance."""

    CONTRAT = "contrat"
    COMMUNE = "commune"
    QUARTIER = "quartier"


class Pilote(ElementSource):
    """Un des trois pilotes du contrat et ses rôles."""

    code: Code
    nom: Texte
    roles: Annotated[Textes, NonVide]


class Instance(ElementSource):
    """Une instance du contrat. `pilotage` et `frequence` manquent quand le document ne les dit pas.

    `reunions_mini` et `reunions_maxi` : par an, bornes comprises.
    """

    code: Code
    nom: Texte
    famille: FamilleInstance
    echelle: Echelle
    role: Texte
    precisions: Textes = ()
    pilotage: Texte | None = None
    frequence: Texte | None = None
    reunions_mini: Rang | None = None
    reunions_maxi: Rang | None = None
    composition: Texte
    membres: Textes = ()

    @model_validator(mode="after")
    def _reunions_en_ordre(self) -> Self:
        mini, maxi = self.reunions_mini, self.reunions_maxi
        if (mini is None) != (maxi is None) or (mini is not None and maxi is not None and maxi < mini):
            raise ValueError(
                f"l’instance {self.code} : « reunions_mini » et « reunions_maxi » vont ensemble et en ordre"
            )
        return self


class Fonction(ElementSource):
    """Une personne en poste, qui anime sans être une instance."""

    code: Code
    nom: Texte
    role: Texte


class ModaliteParticipation(ElementSource):
    """Une façon pour les habitants de prendre part. Sans commune : partout."""

    code: Code
    nom: Texte
    communes: tuple[CodeInsee, ...] = ()
    textes: Annotated[Textes, NonVide]


class FichierInstances(Element):
    """Pilotage, animation et participation citoyenne."""

    introduction: tuple[Passage, ...] = ()
    pilotes: tuple[Pilote, ...]
    instances: Annotated[tuple[Instance, ...], NonVide]
    fonctions: tuple[Fonction, ...] = ()
    participation: tuple[ModaliteParticipation, ...] = ()


# --- suivi.yaml : FichierSuivi -----------------------------------------------------------------------------------


class Duree(ElementSource):
    """Premier et dernier jour du contrat, compris."""

    debut: Jour
    fin: Jour
    annees: Rang
    texte: Texte


class SourceFinancement(ElementSource):
    """Une façon de payer les actions du contrat."""

    code: Code
    intitule: Texte
    textes: Annotated[Textes, NonVide]


class RegleCpo(ElementSource):
    """Durées en années, bornes comprises ; part entre 0 et 1 des conventions de l’État."""

    duree_mini: Rang
    duree_maxi: Rang
    part_minimale_etat: Annotated[Decimal, Field(gt=0, le=1)]


class FamilleIndicateurs(ElementSource):
    """Une famille d’indicateurs du protocole de suivi."""

    code: Code
    intitule: Texte


class Actualisation(ElementSource):
    """L’année où le contrat change de version."""

    annee: Annotated[int, Field(ge=2000, le=2100)]
    texte: Texte


class Signataire(ElementSource):
    """Une institution signataire et la fonction de qui signe. Jamais un nom de personne."""

    institution: Texte
    fonction: Texte


class GroupePistes(ElementSource):
    """Des pistes ; `intitule` quand le document les regroupe."""

    intitule: Texte | None = None
    pistes: Annotated[Textes, NonVide]


class RegistreEvaluation(ElementSource):
    """Une question évaluative : ce que le contrat d’avant a apporté, ce qui persiste, les pistes."""

    code: Code
    intitule: Texte
    question: Texte
    apports: Annotated[Textes, NonVide]
    problematiques: Annotated[Textes, NonVide]
    pistes: Annotated[tuple[GroupePistes, ...], NonVide]


class Evaluation(Element):
    """La synthèse de l’évaluation du contrat précédent."""

    introduction: tuple[Passage, ...]
    contexte: tuple[Passage, ...]
    consequences: tuple[Passage, ...]
    registres: Annotated[tuple[RegistreEvaluation, ...], NonVide]
    gouvernance: tuple[Passage, ...]


class FichierSuivi(Element):
    """Durée, financements, suivi, signataires, évaluation du contrat précédent."""

    duree: Duree
    actualisation: Actualisation
    protocole: tuple[Passage, ...]
    indicateurs: Annotated[tuple[FamilleIndicateurs, ...], NonVide]
    cpo: RegleCpo
    financements: Annotated[tuple[SourceFinancement, ...], NonVide]
    signataires: Annotated[tuple[Signataire, ...], NonVide]
    mentions: tuple[Passage, ...] = ()
    evaluation: Evaluation
