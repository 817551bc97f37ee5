"""Ce que l'API publie d'un contrat : les noms d'interface.md, toujours là ; le reste du document, quand il y en a."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules import suggestions as bornes
from app.etapes.contrat.rules.contenu import Json
from app.infra.forms import Entree

if TYPE_CHECKING:
    from app.etapes.contrat.rules.suggestions.classement import Motif, Suggestions


class Publie(BaseModel):
    """Un élément publié. Les champs déclarés sont stables ; les autres viennent du document, jamais vides."""

    model_config = ConfigDict(extra="allow", frozen=True)


class SousActionPubliee(Publie):
    """Une sous-action d'un objectif opérationnel."""

    code: str
    intitule: str
    source: str


class OperationnelPublie(Publie):
    """Un objectif opérationnel."""

    code: str
    intitule: str
    sous_actions: list[SousActionPubliee]
    notes: list[str]
    source: str


class ObjectifPublie(Publie):
    """Un objectif."""

    code: str
    intitule: str
    objectifs_operationnels: list[OperationnelPublie]
    source: str


class EnjeuPublie(Publie):
    """Un enjeu. `type` : strategique, transversal ou condition."""

    code: str
    intitule: str
    type: str
    objectifs: list[ObjectifPublie]


class PrioritePubliee(Publie):
    """Une priorité d'un projet de quartier ; `reserve` dit pourquoi un texte est vide ou douteux."""

    rang: int
    intitule: str
    texte: str
    source: str


class FichePubliee(Publie):
    """Un projet de quartier. `commune` : son nom."""

    code: str
    nom: str
    commune: str
    priorites: list[PrioritePubliee]


class QuartierPublie(Publie):
    """Un quartier prioritaire. `communes` : leurs noms ; `population` : la dernière connue."""

    code: str
    nom: str
    communes: list[str]
    population: int | None
    fiches: list[FichePubliee]


class InstancePubliee(Publie):
    """Une instance ; un texte est vide quand le document ne le dit pas."""

    code: str
    nom: str
    pilotage: str
    frequence: str
    composition: str


class LignePubliee(Publie):
    """Une ligne de financement."""

    code: str
    financeur: str
    intitule: str


class AnomaliePubliee(Publie):
    """Un défaut du document : ce qu'il dit, ce qui est chargé à la place, pourquoi."""

    code: str
    nature: str
    dit: str
    charge: str
    pourquoi: str
    source: str


class CommunePubliee(Publie):
    """Une commune du contrat."""

    insee: str
    nom: str


class ContratPublie(Publie):
    """Un contrat de ville, dans une version. Sans dates propres, un élément vaut pour toute la version."""

    code: str
    intitule: str
    debut: date
    fin: date
    version: dict[str, Any]
    communes: list[CommunePubliee]
    enjeux: list[EnjeuPublie]
    quartiers: list[QuartierPublie]
    instances: list[InstancePubliee]
    lignes: list[LignePubliee]
    anomalies: list[AnomaliePubliee]


def sans_vide(valeur: Any) -> Any:
    """La même valeur sans ce qui n'est pas dit : None, texte, liste ou objet vides, à toute profondeur."""
    if isinstance(valeur, dict):
        nets = {nom: sans_vide(element) for nom, element in valeur.items()}
        return {nom: element for nom, element in nets.items() if element not in (None, "", [], {})}
    return [sans_vide(element) for element in valeur] if isinstance(valeur, list) else valeur


def contrat_publie(contenu: faits.ContenuContrat) -> ContratPublie:
    """Le contrat entier, dans la forme stable de l'API."""
    rubriques = {code: contenu.rubriques.get(code, {}) for code in _RUBRIQUES}
    presentation = sans_vide(contenu.rubriques.get(faits.PRESENTATION, {}))
    gouvernance = contenu.rubriques.get(faits.GOUVERNANCE, {})
    version = contenu.version
    return ContratPublie.model_validate(
        {
            **presentation,
            **sans_vide({nom: valeur for nom, valeur in rubriques.items() if nom != faits.QUARTIERS}),
            "code": contenu.code,
            "intitule": contenu.intitule,
            "debut": contenu.debut,
            "fin": contenu.fin,
            "version": sans_vide(
                {"code": version.code, "intitule": version.intitule, "debut": version.debut, "fin": version.fin}
            ),
            "communes": [{"insee": commune.insee, "nom": commune.nom} for commune in contenu.communes],
            "enjeux": [_enjeu(enjeu) for enjeu in contenu.enjeux],
            "quartiers": [_quartier(quartier, contenu) for quartier in contenu.quartiers],
            "population": sans_vide(rubriques[faits.QUARTIERS]),
            "instances": [_instance(instance) for instance in gouvernance.get("instances", [])],
            "gouvernance": sans_vide({nom: v for nom, v in gouvernance.items() if nom != "instances"}),
            "lignes": [_ligne(ligne) for ligne in contenu.lignes],
            "feuilles_de_route": sans_vide(contenu.elements(faits.FEUILLES_DE_ROUTE)),
            "anomalies": sans_vide(contenu.elements(faits.ANOMALIES)),
        }
    )


_RUBRIQUES = (faits.QUARTIERS, faits.FICHES, faits.DISPOSITIFS_ETAT, faits.ENGAGEMENTS, faits.SUIVI)


def _enjeu(enjeu: faits.Enjeu) -> Json:
    tete = {"code": enjeu.code, "intitule": enjeu.intitule, "type": enjeu.nature}
    return {**sans_vide(enjeu.contenu), **tete, "objectifs": [_objectif(objectif) for objectif in enjeu.objectifs]}


def _objectif(objectif: faits.Objectif) -> Json:
    operationnels = [
        {
            **sans_vide(o.contenu),
            "code": o.code,
            "intitule": o.intitule,
            "source": o.source,
            "sous_actions": sans_vide(o.contenu["sous_actions"]),
            "notes": o.contenu["notes"],
        }
        for o in objectif.operationnels
    ]
    tete = {"code": objectif.code, "intitule": objectif.intitule}
    return {**sans_vide(objectif.contenu), **tete, "objectifs_operationnels": operationnels}


def _quartier(quartier: faits.Quartier, contenu: faits.ContenuContrat) -> Json:
    return {
        **sans_vide(quartier.contenu),
        "code": quartier.code,
        "nom": quartier.nom,
        "communes": [commune.nom for commune in quartier.communes],
        "population": quartier.population,
        "fiches": [_fiche(fiche) for fiche in contenu.fiches_de(quartier.code)],
    }


def _fiche(fiche: faits.Fiche) -> Json:
    priorites = [{**sans_vide(priorite), "texte": priorite["texte"] or ""} for priorite in fiche.priorites]
    tete = {"code": fiche.code, "nom": fiche.nom, "commune": fiche.commune.nom}
    return {**sans_vide(fiche.contenu), **tete, "priorites": priorites}


def _instance(instance: Json) -> Json:
    toujours = {nom: instance[nom] or "" for nom in ("pilotage", "frequence", "composition")}
    return {**sans_vide(instance), **toujours}


def _ligne(ligne: faits.Ligne) -> Json:
    colonnes = {
        "code": ligne.code,
        "financeur": ligne.financeur,
        "intitule": ligne.intitule,
        "nature_autorite": ligne.nature_autorite,
        "acte_commission": ligne.acte_commission,
        "acte_decision": ligne.acte_decision,
        "siret": ligne.siret,
        "commune": ligne.commune,
    }
    propre: Json = sans_vide({**ligne.contenu, **colonnes})
    return propre


# --- suggestions ----------------------------------------------------------------------------------------------------


class DemandeSuggestions(Entree):
    """Ce qu'un porteur écrit de son action : son titre, puis son résumé, à la ligne."""

    texte: Annotated[str, Field(title="Texte", min_length=1, max_length=bornes.LONGUEUR_MAXIMUM)]
    nombre: Annotated[int, Field(title="Nombre", ge=1, le=bornes.NOMBRE_MAXIMUM)] = bornes.NOMBRE_PAR_DEFAUT
    fiches: Annotated[
        tuple[str, ...],
        Field(title="Projets de quartier", max_length=50, description="Codes des projets de quartier ; sinon tous."),
    ] = ()


class MotifPublie(BaseModel):
    """Pourquoi. `genre` : termes (vocabulaire de l'objectif), passage (du contrat) ou titres (actions financées)."""

    genre: str
    texte: str
    mots: list[str]
    passage: str = ""
    source: str = ""


class OperationnelSuggere(BaseModel):
    """Un objectif opérationnel proposé."""

    code: str
    intitule: str
    motifs: list[MotifPublie]


class PrioriteSuggeree(BaseModel):
    """Une priorité d'un projet de quartier, proposée avec l'objectif dont elle parle."""

    fiche: str
    nom: str
    commune: str
    rang: int
    intitule: str
    motifs: list[MotifPublie]


class ObjectifSuggere(BaseModel):
    """Un objectif proposé. `score` ne compare que les objectifs d'un même texte."""

    code: str
    intitule: str
    motifs: list[MotifPublie]
    score: float
    objectifs_operationnels: list[OperationnelSuggere]
    priorites: list[PrioriteSuggeree]


def suggestions_publiees(suggestions: Suggestions) -> list[ObjectifSuggere]:
    """Les objectifs proposés, le plus proche d'abord ; chaque priorité sous le premier objectif dont elle parle."""
    return [
        ObjectifSuggere(
            code=objectif.code,
            intitule=objectif.intitule,
            motifs=_motifs(objectif.motifs),
            score=objectif.score,
            objectifs_operationnels=[
                OperationnelSuggere(code=o.code, intitule=o.intitule, motifs=_motifs(o.motifs))
                for o in objectif.operationnels
            ],
            priorites=[
                PrioriteSuggeree(
                    fiche=p.fiche,
                    nom=p.nom,
                    commune=p.commune,
                    rang=p.rang,
                    intitule=p.intitule,
                    motifs=_motifs(p.motifs),
                )
                for p in suggestions.priorites
                if p.objectifs[:1] == (objectif.code,)
            ],
        )
        for objectif in suggestions.objectifs
    ]


def _motifs(motifs: tuple[Motif, ...]) -> list[MotifPublie]:
    return [
        MotifPublie(genre=m.genre.value, texte=m.texte, mots=list(m.mots), passage=m.passage, source=m.source)
        for m in motifs
    ]
