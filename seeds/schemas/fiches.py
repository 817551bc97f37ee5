"""fiches/*.yaml et fiches-presentation.yaml : les projets de quartier, une fiche par fichier, ordre du document."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from seeds.schemas.commun import Code, Element, ElementSource, LignesSource, Texte
from seeds.schemas.contrat import CodeQuartier, Insee

CodeFiche = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
CodeVise = Annotated[str, StringConstraints(pattern=r"^[A-Z]\d?(?:\.\d+)*$")]
Rang = Annotated[int, Field(ge=1)]

_NOMBRE = re.compile(r"^(-?\d[\d ]*(?:,\d+)?) ?(?:%|€)?$")
_FEMMES = re.compile(r"^femmes : (.+)$")


class Rubrique(StrEnum):
    """Le groupe où le document range un chiffre."""

    REVENU_PRECARITE = "revenu_precarite"
    POPULATION = "population"
    EDUCATION_EMPLOI = "education_emploi"
    CHIFFRES_CLES = "chiffres_cles"


class Niveau(StrEnum):
    """Le territoire qu'un chiffre mesure : le quartier prioritaire entier, ou la fiche seule."""

    QPV = "qpv"
    FICHE = "fiche"


class Famille(StrEnum):
    """Ce qu'un acteur ou un lieu est pour le quartier."""

    PILOTAGE = "pilotage"
    PARTICIPATION = "participation"
    EQUIPEMENT = "equipement"
    MEDIATION = "mediation"
    EMPLOI = "emploi"
    INSTITUTION = "institution"
    ASSOCIATION = "association"
    BAILLEUR = "bailleur"


class GenreDispositif(StrEnum):
    """Ce que la rubrique « dispositifs » mêle : des dispositifs, des projets, des lieux."""

    DISPOSITIF = "dispositif"
    PROJET = "projet"
    LIEU = "lieu"


class Paragraphe(ElementSource):
    """Un paragraphe du document. `reserve` : ce qu'il faut savoir avant de le lire, écrit par le projet."""

    texte: Texte
    reserve: Texte | None = None


class ChiffreCle(ElementSource):
    """Un chiffre tel qu'imprimé (« 1 202 € », « nombreuses ») ; sans valeur, le libellé est un constat."""

    rubrique: Rubrique
    libelle: Texte
    valeur: Texte | None = None
    precision: Texte | None = None
    niveau: Niveau = Niveau.QPV

    @property
    def nombre(self) -> Decimal | None:
        """La valeur en nombre, dans son unité (43 pour « 43% ») ; None pour « nombreuses »."""
        return _nombre(self.valeur)

    @property
    def nombre_femmes(self) -> Decimal | None:
        """Le même chiffre pour les femmes, quand le document le donne."""
        trouve = _FEMMES.match(self.precision or "")
        return _nombre(trouve[1]) if trouve else None


class Acteur(ElementSource):
    """Un acteur ou un lieu ressource, jamais une personne. `nom_complet` développe un sigle."""

    famille: Famille
    nom: Texte
    nom_complet: Texte | None = None


class DispositifFiche(ElementSource):
    """Un dispositif en cours ; le même code d'une fiche à l'autre, quelle que soit la graphie."""

    code: CodeFiche
    nature: GenreDispositif
    nom: Texte


class LienContrat(ElementSource):
    """L'enjeu ou l'objectif auquel le document rattache une priorité, avec ses mots."""

    code: CodeVise
    mots: Texte


class PrioriteFiche(ElementSource):
    """Une priorité du projet de quartier. Sans texte (perdu dans le document), `reserve` dit pourquoi."""

    rang: Rang
    intitule: Texte
    texte: Texte | None = None
    sous_points: tuple[Texte, ...] = ()
    liens: tuple[LienContrat, ...] = ()
    reserve: Texte | None = None

    @model_validator(mode="after")
    def _texte_ou_reserve(self) -> Self:
        if self.texte is None and self.reserve is None:
            raise ValueError("une priorité sans « texte » a une « reserve » qui dit pourquoi")
        return self


class AnnoncePriorites(ElementSource):
    """Le nombre de priorités que la fiche annonce."""

    texte: Annotated[Texte, StringConstraints(pattern=r"^\d+ priorités pour \d{4}-\d{4}$")]

    @property
    def nombre(self) -> int:
        """Le nombre annoncé ; `priorites` peut en porter un autre, une anomalie le dit alors."""
        return int(self.texte.split()[0])


class FicheQuartier(ElementSource):
    """fiches/NN-nom.yaml : un projet de quartier ; plusieurs fiches peuvent se partager un quartier prioritaire."""

    code: CodeFiche
    nom: Texte
    titre: Paragraphe
    commune: Insee
    quartier: CodeQuartier
    rang: Rang
    presentation: Annotated[tuple[Paragraphe, ...], Field(min_length=1)]
    entete_donnees: Paragraphe | None = None
    chiffres: tuple[ChiffreCle, ...] = ()
    acteurs: tuple[Acteur, ...] = ()
    dispositifs: tuple[DispositifFiche, ...] = ()
    perception: Paragraphe | None = None
    annonce: AnnoncePriorites | None = None
    priorites: Annotated[tuple[PrioriteFiche, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _priorites_en_ordre(self) -> Self:
        rangs = [priorite.rang for priorite in self.priorites]
        if rangs != list(range(1, len(rangs) + 1)):
            raise ValueError(f"les priorités de {self.code} sont à numéroter de 1 à {len(rangs)}, dans l’ordre")
        return self

    @model_validator(mode="after")
    def _sans_doublon(self) -> Self:
        for nom, cles in (
            ("chiffre", [(chiffre.rubrique, chiffre.libelle) for chiffre in self.chiffres]),
            ("dispositif", [dispositif.code for dispositif in self.dispositifs]),
            ("acteur", [(acteur.famille, acteur.nom) for acteur in self.acteurs]),
        ):
            if len(set(cles)) != len(cles):
                raise ValueError(f"la fiche {self.code} porte deux fois le même {nom}")
        return self


class Colonne(ElementSource):
    """Une des colonnes d'une fiche, et ce qu'elle contient."""

    rang: Rang
    contenu: Annotated[tuple[Paragraphe, ...], Field(min_length=1)]


class FicheAnnoncee(ElementSource):
    """Une fiche dans la liste qui les annonce."""

    code: CodeFiche
    nom: Texte


class CommuneAnnoncee(ElementSource):
    """Une commune dans la liste des fiches."""

    commune: Insee
    nom: Texte
    fiches: Annotated[tuple[FicheAnnoncee, ...], Field(min_length=1)]


class FichierPresentationFiches(Element):
    """fiches-presentation.yaml : comment se lit une fiche, d'où viennent ses données, quelles fiches existent."""

    code: Code
    titre: Texte
    source: LignesSource
    introduction: Paragraphe
    mise_en_page: Paragraphe
    colonnes: Annotated[tuple[Colonne, ...], Field(min_length=1)]
    avertissement: Paragraphe
    donnees: Annotated[tuple[Paragraphe, ...], Field(min_length=1)]
    decoupage: Paragraphe
    ordre: Paragraphe
    communes: Annotated[tuple[CommuneAnnoncee, ...], Field(min_length=1)]


def _nombre(texte: str | None) -> Decimal | None:
    trouve = _NOMBRE.match(texte or "")
    return Decimal(trouve[1].replace(" ", "").replace(",", ".")) if trouve else None
