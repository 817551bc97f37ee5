"""Une grille écrite en YAML. La forme est jugée ici, le fond par `rules.validation`."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.referentiels.grilles.rules import ModeArrondi, Unite, lire_nombre

OUI_NON = {"oui": True, "non": False}


def _nombre(texte: str) -> str:
    lire_nombre(texte)
    return texte


def _oui_non(valeur: object) -> object:
    if isinstance(valeur, str):
        if valeur not in OUI_NON:
            raise ValueError(f"« {valeur} » n’est ni « oui » ni « non »")
        return OUI_NON[valeur]
    return valeur


Texte = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
OuiNon = Annotated[bool, BeforeValidator(_oui_non)]
Nombre = Annotated[str, AfterValidator(_nombre)]
Codes = Annotated[tuple[Code, ...], Field(min_length=1)]


class Element(BaseModel):
    """Un ensemble de champs figé ; un champ inconnu est une faute."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _un_seul(element: Element, *noms: str) -> None:
    if sum(getattr(element, nom) is not None for nom in noms) != 1:
        raise ValueError(f"attend un seul champ parmi : {', '.join(noms)}")


class SourceCitee(Element):
    """Un texte, par son nom court (voir `textes`), et l’endroit du texte."""

    texte: Code
    endroit: Texte | None = None


class ArrondiDonne(Element):
    """L’arrondi du total d’une ligne."""

    decimales: int
    mode: ModeArrondi


class EnsembleDonne(Element):
    """Des codes qui vont ensemble."""

    codes: Codes
    source: SourceCitee


class TermeDonne(Element):
    """Un fait ou une mesure, et son coefficient (1 sans rien)."""

    de: Code
    coefficient: Nombre | None = None


class RapportDonne(Element):
    """Une somme rapportée à une autre."""

    numerateur: Annotated[tuple[TermeDonne, ...], Field(min_length=1)]
    denominateur: Annotated[tuple[TermeDonne, ...], Field(min_length=1)]


class NombreDonne(Element):
    """Combien de codes dans un fait."""

    de: Code
    ensemble: Code | None = None


class CouvertureDonnee(Element):
    """Part des codes de `de` qui ont un descendant dans `par`."""

    de: Code
    par: Code
    ensemble: Code | None = None


class MesureDonnee(Element):
    """Un nombre nommé : une seule opération."""

    libelle: Texte
    unite: Unite
    rapport: RapportDonne | None = None
    compte: Codes | None = None
    nombre: NombreDonne | None = None
    couverture: CouvertureDonnee | None = None

    @model_validator(mode="after")
    def _une_operation(self) -> Self:
        _un_seul(self, "rapport", "compte", "nombre", "couverture")
        return self


class SeuilDonne(Element):
    """Un fait ou une mesure comparée à un nombre."""

    de: Code
    valeur: Nombre


class ParmiDonne(Element):
    """Un fait dont un code est dans la liste ou dans l’ensemble."""

    de: Code
    codes: Codes | None = None
    ensemble: Code | None = None

    @model_validator(mode="after")
    def _liste_ou_ensemble(self) -> Self:
        _un_seul(self, "codes", "ensemble")
        return self


class ConditionDonnee(Element):
    """Une condition : un seul opérateur, d’une liste fermée."""

    toujours: OuiNon | None = None
    vrai: Code | None = None
    est: Code | None = None
    parmi: ParmiDonne | None = None
    au_moins: SeuilDonne | None = None
    au_plus: SeuilDonne | None = None
    moins_de: SeuilDonne | None = None
    tous: Annotated[tuple[ConditionDonnee, ...], Field(min_length=1)] | None = None
    un_de: Annotated[tuple[ConditionDonnee, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _un_operateur(self) -> Self:
        _un_seul(self, *type(self).model_fields)
        return self


class DefinitionDonnee(Element):
    """Une condition nommée."""

    libelle: Texte
    si: ConditionDonnee


class CasDonne(Element):
    """Une condition, la phrase qui la dit, sa source."""

    si: ConditionDonnee
    motif: Texte
    source: SourceCitee


class SansObjetDonne(CasDonne):
    """Ce qui fait sortir un critère du barème."""

    critere: Code


class LigneDonnee(Element):
    """Les poids d’une ligne de financement ; sans `champ`, elle est ouverte à tous les dossiers."""

    code: Code
    libelle: Texte
    poids: dict[Code, int]
    champ: CasDonne | None = None


class PalierDonne(Element):
    """Un taux, ce qui l’obtient, la phrase qui le motive."""

    taux: int
    si: ConditionDonnee
    motif: Texte


class BaremeDonne(Element):
    """Les paliers d’un critère pour des lignes."""

    lignes: Codes
    source: SourceCitee
    paliers: Annotated[tuple[PalierDonne, ...], Field(min_length=1)]


class CritereDonne(Element):
    """Un critère et ses barèmes."""

    code: Code
    libelle: Texte
    source: SourceCitee
    est_transversal: OuiNon = False
    baremes: Annotated[tuple[BaremeDonne, ...], Field(min_length=1)]


class FichierGrille(Element):
    """Une grille. `textes` : les noms courts des textes cités."""

    version: Texte
    intitule: Texte
    arrondi: ArrondiDonne
    textes: dict[Code, Texte]
    ensembles: dict[Code, EnsembleDonne]
    mesures: dict[Code, MesureDonnee]
    definitions: dict[Code, DefinitionDonnee]
    lignes: Annotated[tuple[LigneDonnee, ...], Field(min_length=1)]
    criteres: Annotated[tuple[CritereDonne, ...], Field(min_length=1)]
    sans_objet: tuple[SansObjetDonne, ...] = ()

    def en_donnees(self) -> dict[str, Any]:
        """La forme que lit `grille_depuis_donnees` : noms courts remplacés par les textes. Lève KeyError."""
        donnees = self.model_dump(mode="json", exclude_none=True, exclude={"textes"})
        remplacees: dict[str, Any] = _citer(donnees, self.textes)
        return remplacees


def _citer(valeur: Any, textes: dict[str, str]) -> Any:
    if isinstance(valeur, list):
        return [_citer(element, textes) for element in valeur]
    if not isinstance(valeur, dict):
        return valeur
    return {
        cle: {**contenu, "texte": textes[contenu["texte"]]} if cle == "source" else _citer(contenu, textes)
        for cle, contenu in valeur.items()
    }
