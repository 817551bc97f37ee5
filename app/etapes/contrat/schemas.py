"""Ce que l'API publie d'un contrat : les noms d'interface.md, toujours là ; le reste du document, quand il y en a."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules.contenu import Json


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
