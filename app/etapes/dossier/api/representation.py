"""Un dossier en JSON : ce que chacun en lit ; les réponses documentées."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import JsonValue

from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository.recherche import DossierTrouve
from app.etapes.dossier.repository.referentiel import Cadre, get_cadre
from app.etapes.dossier.rules.complement import etat_du_complement
from app.etapes.dossier.rules.depot import verifier_depot
from app.etapes.dossier.rules.etats import (
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    EtatDemande,
    EtatDossier,
    Public,
    actes_possibles,
)
from app.etapes.dossier.schemas import (
    ComplementLu,
    DemandeLue,
    DossierLu,
    FauteLue,
    OrganisationLue,
    Probleme,
)
from app.etapes.dossier.service import brouillon
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

PROBLEME: dict[str, Any] = {"model": Probleme, "content": {"application/problem+json": {}}}
LECTURES: dict[int | str, dict[str, Any]] = {
    401: {**PROBLEME, "description": "Connexion requise"},
    404: {**PROBLEME, "description": "Introuvable, ou hors de vue"},
    422: {**PROBLEME, "description": "Saisie à corriger"},
}
ECRITURES: dict[int | str, dict[str, Any]] = {
    **LECTURES,
    400: {**PROBLEME, "description": "JSON illisible"},
    403: {**PROBLEME, "description": "Acte interdit à cette personne"},
    409: {**PROBLEME, "description": "Acte impossible à ce moment ou dans cet état"},
    413: {**PROBLEME, "description": "Envoi trop lourd"},
}
VERSIONNEES: dict[int | str, dict[str, Any]] = {
    **ECRITURES,
    412: {**PROBLEME, "description": "Le dossier a changé : `conflits` dit quels champs"},
}
ETATS_DU_PORTEUR = {
    EtatDemande.PROPOSEE: EtatDemande.EN_INSTRUCTION.value,
    EtatDemande.ARBITREE: EtatDemande.EN_INSTRUCTION.value,
    EtatDemande.VALIDEE: "decision_a_venir",
    EtatDemande.AVIS_RENDU: "decision_a_venir",
    EtatDemande.DECIDEE: "decision_a_venir",
    EtatDemande.REFUSEE: "decision_a_venir",
    EtatDemande.TRANCHE_DECIDEE: "decision_a_venir",
}
"""Ni proposition, ni arbitrage, ni vote, ni décision ne se lisent avant la notification."""
SANS_NUL = r"^[^\x00]*$"


def _organisation(organisation: Organisation) -> OrganisationLue:
    return OrganisationLue(code=organisation.code, nom=organisation.nom, siret=organisation.siret)


def resumer_dossier(
    dossier: Dossier | DossierTrouve, organisation: OrganisationLue, appel: str, public: Public
) -> dict[str, Any]:
    return {
        "numero": dossier.numero,
        "reference": dossier.reference,
        "appel": appel,
        "organisation": organisation,
        "titre": dossier.titre,
        "etat": dossier.etat.value,
        "libelle": LIBELLES_DOSSIER[dossier.etat].pour(public),
        "objectif": dossier.objectif,
        "quartiers": dossier.quartiers,
        "montant_demande": dossier.montant_demande.centimes,
        "duree_annees": dossier.duree_annees,
        "depose_le": dossier.depose_le,
        "est_fictif": dossier.est_fictif,
    }


def public_de(acteur: Identite, dossier: Dossier | DossierTrouve) -> Public:
    return Public.PORTEUR if dossier.organisation_id in acteur.organisations() else Public.AGENT


def montrer_demande(demande: Demande, ligne: LigneFinancement, public: Public) -> DemandeLue:
    def centimes(nom: str) -> int | None:
        montant = getattr(demande, nom)
        return None if montant is None else int(montant.centimes)

    etat = demande.etat.value
    if public is Public.PORTEUR:
        etat = ETATS_DU_PORTEUR.get(demande.etat, etat)
    return DemandeLue(
        ligne=ligne.code,
        financeur=ligne.financeur,
        annee=demande.annee,
        etat=etat,
        libelle=LIBELLES_DEMANDE[demande.etat].pour(public),
        montant_demande=demande.montant_demande.centimes,
        montant_demande_n1=centimes("montant_demande_n1"),
        montant_accorde_n1=centimes("montant_accorde_n1"),
        montant_depense_n1=centimes("montant_depense_n1"),
        theme_p147=demande.theme_p147,
        numero_dauphin=demande.numero_dauphin,
        engagement_juridique=demande.engagement_juridique,
    )


def _contenu(session: SessionDep, dossier: Dossier, public: Public) -> Mapping[str, JsonValue]:
    if public is Public.PORTEUR:
        return repository.contenu(session, dossier.id)
    version = repository.get_version(session, dossier.id)
    return version.contenu if version is not None else {}


def _manques(session: SessionDep, dossier: Dossier, cadre: Cadre, contenu: Mapping[str, Any]) -> list[FauteLue]:
    if dossier.etat not in {EtatDossier.BROUILLON, EtatDossier.A_COMPLETER}:
        return []
    connu = brouillon.cadre(session, dossier, cadre.appel, cadre.organisation, cer_connu=cadre.cer_connu)
    fautes = verifier_depot(contenu, connu)
    return [FauteLue(champ=f.champ, message=f.message, code=f.code) for f in fautes]


def montrer(
    session: SessionDep, acteur: Identite, dossier: Dossier, reponse: Response, maintenant: datetime
) -> DossierLu:
    """Le dossier entier et son ETag. Six requêtes au plus."""
    session.flush()
    public = public_de(acteur, dossier)
    cadre = get_cadre(session, dossier)
    contenu = _contenu(session, dossier, public)
    renouvelle = session.get(Dossier, dossier.renouvelle_id) if dossier.renouvelle_id is not None else None
    reponse.headers["ETag"] = f'"{dossier.version}"'
    return DossierLu(
        **resumer_dossier(dossier, _organisation(cadre.organisation), cadre.appel.code, public),
        version=dossier.version,
        renouvelle=renouvelle.numero if renouvelle is not None else None,
        rang_porteur=dossier.rang_porteur,
        signe_le=dossier.signe_le,
        champs=dict(contenu),
        demandes=[montrer_demande(d, ligne, public) for d, ligne in repository.list_demandes(session, [dossier.id])],
        complements=[
            ComplementLu(
                etat=etat_du_complement(c.echeance_le, c.recue_le, maintenant), objet=c.objet,
                pourquoi=c.pourquoi, echeance_le=c.echeance_le, demandee_le=c.demandee_le,
                recue_le=c.recue_le, reponse=c.reponse,
            )
            for c in repository.list_complements(session, dossier.id)
        ],
        manques=_manques(session, dossier, cadre, contenu) if public is Public.PORTEUR else [],
        actes=[t.acte for t in actes_possibles(dossier.etat, roles_sur_dossier(acteur, dossier))],
    )  # fmt: skip
