"""Charger : les fichiers lus deviennent les faits de l'application, puis le service de l'étape les range."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.etapes.contrat import service
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.service import Bilan
from app.referentiels.grilles import service as grilles
from seeds.contrat import ContratLu, lire_contrat
from seeds.schemas import contrat as schema
from seeds.schemas import enjeux, fiches, partenariat

CONTRATS = Path(__file__).parent / "contrats"
_COLONNES_LIGNE = (
    *("code", "financeur", "intitule", "type_autorite", "acte_commission"),
    *("acte_decision", "siret", "commune"),
)


GrilleChargee = tuple[str, str, bool]


def charger_contrat(session: Session, dossier: Path, maintenant: datetime) -> Bilan:
    """Lit, valide et range un contrat et ses grilles. Lève ErreurDeDonnees (rien n'est écrit) ou un refus."""
    return charger_dossiers(session, [dossier], maintenant)[0][0]


def charger_reference(session: Session, maintenant: datetime) -> tuple[list[Bilan], list[GrilleChargee]]:
    """Tous les contrats livrés et leurs grilles : bilans, puis (contrat, version de grille, ajoutée)."""
    return charger_dossiers(session, [d for d in sorted(CONTRATS.iterdir()) if d.is_dir()], maintenant)


def charger_dossiers(
    session: Session, dossiers: Sequence[Path], maintenant: datetime
) -> tuple[list[Bilan], list[GrilleChargee]]:
    """Ces contrats et leurs grilles : bilans, puis (contrat, version de grille, ajoutée).

    Tout est lu et jugé avant la première écriture. Lève ErreurDeDonnees ou un refus du service.
    """
    lus = [lire_contrat(dossier) for dossier in dossiers]
    bilans = [service.charger(session, chargement_de(lu), maintenant) for lu in lus]
    return bilans, [
        (bilan.code, grille.version, grilles.enregistrer(session, bilan.contrat_id, grille, maintenant))
        for lu, bilan in zip(lus, bilans, strict=True)
        for grille in lu.grilles
    ]


def chargement_de(lu: ContratLu) -> faits.Chargement:
    """Les faits d'un contrat lu, prêts à ranger."""
    versions = _versions(lu.contrat.versions)
    contenu = faits.ContenuContrat(
        code=lu.code,
        intitule=lu.contrat.intitule,
        epci_nom=lu.contrat.epci.nom,
        epci_siren=lu.contrat.epci.siren,
        debut=lu.contrat.debut,
        fin=lu.contrat.fin,
        version=next(version for version in versions if version.code == lu.version_en_vigueur.code),
        enjeux=tuple(_enjeu(enjeu) for enjeu in lu.enjeux),
        quartiers=tuple(_quartier(quartier, lu) for quartier in lu.quartiers.quartiers),
        fiches=tuple(_fiche(fiche, lu) for fiche in lu.fiches),
        lignes=tuple(_ligne(ligne) for ligne in lu.lignes),
        rubriques=_rubriques(lu),
    )
    reglages = lu.reglages
    return faits.Chargement(
        prefixe=lu.contrat.prefixe_dossier,
        contenu=contenu,
        versions=versions,
        communes=tuple(faits.Commune(commune.insee, commune.nom) for commune in lu.contrat.communes),
        sieges=tuple(
            faits.Siege(groupe.instance, siege.qualite, siege.a_voix, siege.preside)
            for groupe in (reglages.instances if reglages else ())
            for siege in groupe.sieges
        ),
        services=tuple(
            faits.ServiceInitial(element.code, element.nom, element.nature.value)
            for element in (reglages.services if reglages else ())
        ),
    )


def _json(element: BaseModel, *sauf: str) -> dict[str, Any]:
    """Les champs de l'élément, en JSON, source et dates de validité comprises."""
    return element.model_dump(mode="json", exclude=set(sauf))


def _versions(versions: Sequence[schema.VersionContrat]) -> tuple[faits.Version, ...]:
    """Une version s'arrête la veille de la suivante, sauf date dite."""
    rendu = []
    for rang, version in enumerate(versions):
        suite = next((v.debut for v in versions[rang + 1 :] if v.debut is not None), None)
        veille = suite - timedelta(days=1) if suite is not None else None
        rendu.append(faits.Version(version.code, version.intitule, version.debut, version.valide_au or veille))
    return tuple(rendu)


def _enjeu(enjeu: enjeux.Enjeu) -> faits.Enjeu:
    return faits.Enjeu(
        code=enjeu.code,
        nature=enjeu.type.value,
        intitule=enjeu.intitule,
        contenu=_json(enjeu, "code", "type", "intitule", "objectifs"),
        objectifs=tuple(_objectif(objectif) for objectif in enjeu.objectifs),
    )


def _objectif(objectif: enjeux.Objectif) -> faits.Objectif:
    return faits.Objectif(
        code=objectif.code,
        intitule=objectif.intitule,
        contenu=_json(objectif, "code", "intitule", "objectifs_operationnels"),
        operationnels=tuple(
            faits.Operationnel(o.code, o.intitule, str(o.source), _json(o, "code", "intitule", "source"))
            for o in objectif.objectifs_operationnels
        ),
    )


def _commune(insee: str, lu: ContratLu) -> faits.Commune:
    return next(faits.Commune(c.insee, c.nom) for c in lu.contrat.communes if c.insee == insee)


def _quartier(quartier: schema.Quartier, lu: ContratLu) -> faits.Quartier:
    indicateurs = [
        {**_json(indicateur, "valeurs"), **_json(valeur, "quartier", "commune", "ensemble")}
        for indicateur in lu.quartiers.indicateurs
        for valeur in indicateur.valeurs
        if valeur.quartier == quartier.code
    ]
    return faits.Quartier(
        code=quartier.code,
        nom=quartier.nom,
        population=quartier.population,
        communes=faits.par_nom(_commune(insee, lu) for insee in quartier.communes),
        contenu={**_json(quartier, "code", "nom", "communes"), "indicateurs": indicateurs},
    )


def _fiche(fiche: fiches.FicheQuartier, lu: ContratLu) -> faits.Fiche:
    return faits.Fiche(
        code=fiche.code,
        nom=fiche.nom,
        commune=_commune(fiche.commune, lu),
        quartier=fiche.quartier,
        contenu=_json(fiche, "code", "nom", "commune", "quartier", "rang"),
    )


def _ligne(ligne: partenariat.LigneFinancement) -> faits.Ligne:
    return faits.Ligne(
        code=ligne.code,
        financeur=ligne.financeur,
        intitule=ligne.intitule,
        nature_autorite=ligne.type_autorite.value,
        acte_commission=ligne.acte_commission.value,
        acte_decision=ligne.acte_decision,
        siret=ligne.siret,
        commune=ligne.commune,
        contenu=_json(ligne, *_COLONNES_LIGNE),
    )


def _rubriques(lu: ContratLu) -> dict[str, dict[str, Any]]:
    presentation = _json(lu.contrat, "code", "prefixe_dossier", "intitule", "debut", "fin")
    facultatives = {
        faits.FICHES: lu.presentation_fiches,
        faits.DISPOSITIFS_ETAT: lu.dispositifs_etat,
        faits.ENGAGEMENTS: lu.engagements,
        faits.SUIVI: lu.suivi,
        faits.SUGGESTIONS: lu.suggestions,
    }
    return {
        faits.PRESENTATION: presentation,
        faits.QUARTIERS: _json(lu.quartiers, "quartiers"),
        faits.GOUVERNANCE: _json(lu.instances),
        faits.FEUILLES_DE_ROUTE: {"elements": [_json(feuille) for feuille in lu.feuilles_de_route]},
        faits.ANOMALIES: {"elements": [_json(anomalie) for anomalie in lu.anomalies]},
        **{code: _json(fichier) for code, fichier in facultatives.items() if fichier is not None},
    }
