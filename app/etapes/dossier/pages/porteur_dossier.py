"""Pages d'un dossier : la liste des tâches avant le dépôt, le suivi après."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier import repository
from app.etapes.dossier.models import DemandeComplement
from app.etapes.dossier.pages.porteur_a_cote import manques_a_cote, taches_a_cote
from app.etapes.dossier.pages.porteur_reste import reste_a_corriger
from app.etapes.dossier.pages.porteur_suivi import (
    TERMES,
    de_l_annee,
    ensuite,
    histoire,
    lignes_suivies,
    mot_d_etat,
    motifs_dus,
    portail_a_faire,
)
from app.etapes.dossier.pages.porteur_vues import DossierOuvert
from app.etapes.dossier.repository.notifies import RIEN, list_notifies
from app.etapes.dossier.repository.referentiel import a_la_phase_du_jour, get_cadre
from app.etapes.dossier.rules.etats import EtatDossier, Ton
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.sections import EtatSection
from app.etapes.dossier.rules.suivi import jusqu_au
from app.etapes.dossier.service import signature
from app.etapes.dossier.service.accuse import ACCUSE
from app.etapes.dossier.service.vie import retrait_de
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.gabarits import en_nombre
from app.infra.web import SessionDep, rediriger, rendre
from app.noyau.periodes import a_paris

routeur = APIRouter()
FACULTATIVES = "Facultatif pour une petite demande"


@routeur.get("/dossiers/{identifiant}", name="dossier:voir", dependencies=[Depends(exiger())])
def page_dossier(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Le dossier pour son porteur ; les autres personnes qui peuvent le lire vont à sa page d'instruction."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    if dossier.organisation_id not in acteur.organisations():
        return rediriger(request, "instruction:dossier", numero=dossier.numero)
    champs = repository.list_champs(session, dossier.id)
    cadre = get_cadre(session, dossier)
    if dossier.numero is None:
        cadre = a_la_phase_du_jour(session, cadre, maintenant)
    ouvert = DossierOuvert(session, dossier, cadre, champs, acteur)
    contexte = contexte_dossier(session, ouvert, maintenant)
    return rendre(request, "dossier/dossier.html", contexte | reste_a_corriger(request, ouvert))


def contexte_dossier(session: SessionDep, ouvert: DossierOuvert, maintenant: datetime) -> dict[str, Any]:
    """Tout ce que la page du porteur attend."""
    dossier, annee = ouvert.dossier, ouvert.cadre.appel.annee
    est_depose = dossier.numero is not None
    demandes = repository.list_demandes(session, [dossier.id]) if est_depose else ()
    passages = repository.list_passages(session, dossier.id)
    complements = repository.list_complements(session, dossier.id) if est_depose else ()
    attendus = [c for c in complements if c.recue_le is None]
    siennes = [d for d, _ in demandes]
    etats = de_l_annee(siennes, annee)
    mot, ton = mot_d_etat(dossier, etats)
    changees = signature.ce_qui_la_defait(session, dossier, maintenant)
    if changees:
        mot, ton = "À signer de nouveau", Ton.ATTENTE
    phrase, instant = ensuite(dossier, ouvert.cadre, etats, prochain(attendus), maintenant)
    a_lire = [dossier.id] if any(d.etat in TERMES for d in siennes) else []
    notifies = list_notifies(session, a_lire).get(dossier.id, RIEN)
    return {
        "titre": ouvert.titre,
        "ouvert": ouvert,
        "mot": mot,
        "ton": ton,
        "ensuite": phrase,
        "ensuite_le": instant,
        "parties": parties(ouvert, maintenant) if ouvert.peut_ecrire or not est_depose else [],
        "etat_sollicite": any(
            r["ligne"] in ouvert.referentiel.lignes_d_etat for r in ouvert.contenu.get("demandes") or ()
        ),
        "version_completee": repository.dernier_rang(session, dossier.id) if len(attendus) < len(complements) else 0,
        "changees": changees,
        "portail_a_faire": portail_a_faire(demandes),
        "numero_d_etat": next((d.numero_dauphin for d in siennes if d.numero_dauphin), None)
        or ouvert.contenu.get("numero_dauphin"),
        "est_clos": ouvert.cadre.depot_clos(maintenant),
        "lignes": lignes_suivies(
            dossier, annee, demandes, motifs_dus(siennes, passages), notifies, ouvert.roles, a_paris(maintenant).date()
        ),
        "histoire": histoire(passages, demandes, annee),
        "retrait": retrait_de(session, dossier, siennes, ouvert.acteur),
        "attendus": [(c, jusqu_au(c.echeance_le)) for c in attendus],
        "financeurs": {ligne.id: ligne.financeur for _, ligne in demandes},
        "accuse_pret": est_depose and repository.get_document(session, dossier.id, ACCUSE) is not None,
        "maintenant": maintenant,
        "saisie": {},
    }


def prochain(complements: list[DemandeComplement]) -> DemandeComplement | None:
    """Le complément attendu le plus tôt."""
    return min(complements, key=lambda c: c.echeance_le, default=None)


def parties(ouvert: DossierOuvert, maintenant: datetime) -> list[tuple[str, list[dict[str, Any]]]]:
    """(titre, étapes), dans l'ordre ; sur le chemin court, les étapes où rien n'est exigé viennent à part."""
    rendu: dict[str, list[dict[str, Any]]] = {}
    facultatives = []
    for section, tache in zip(ouvert.sections, taches(ouvert), strict=True):
        if section not in ouvert.ouvertes:
            continue
        if ouvert.est_court and ouvert.est_facultative(section):
            facultatives.append(tache)
        else:
            rendu.setdefault(section.partie, []).append(tache)
    if ouvert.dossier.etat is EtatDossier.BROUILLON:
        manques = manques_a_cote(ouvert.session, ouvert, maintenant)
        rendu.setdefault(Section.ATTESTATIONS.partie, []).extend(taches_a_cote(ouvert, manques))
    return [*rendu.items(), *([(FACULTATIVES, facultatives)] if facultatives else [])]


def taches(ouvert: DossierOuvert) -> list[dict[str, Any]]:
    """Les étapes du formulaire et ce qu'il y reste à faire."""
    rendu: list[dict[str, Any]] = []
    for section in ouvert.sections:
        etat = ouvert.etats[section]
        fautes = ouvert.fautes_de(section)
        aide = ""
        if etat is EtatSection.A_CORRIGER:
            aide = fautes[0].message if len(fautes) == 1 else en_nombre(len(fautes), "point à voir", "points à voir")
        elif etat is EtatSection.A_REVOIR:
            aide = "Repris du dossier précédent : relisez, puis enregistrez."
        elif fautes:
            aide = en_nombre(len(fautes), "réponse attendue", "réponses attendues")
        rendu.append({"libelle": section.libelle, "mot": etat.libelle, "etat": etat.ton.value, "aide": aide})
        if ouvert.peut_ecrire and section in ouvert.ouvertes:
            rendu[-1]["url"] = f"/dossiers/{ouvert.identifiant}/etapes/{section.value}"
    return rendu
