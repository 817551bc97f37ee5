"""Pages du porteur : mes dossiers et ce qui m'attend, un nouveau dossier, mes organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, DemandeComplement, Dossier
from app.etapes.dossier.pages.porteur_suivi import (
    MOTIFS_DITS,
    TERMES,
    LigneSuivie,
    de_l_annee,
    ensuite,
    lignes_suivies,
    mot_d_etat,
    motifs_dus,
    portail_a_faire,
)
from app.etapes.dossier.repository.echanges import compter_non_lus
from app.etapes.dossier.repository.notifies import RIEN, Notifies, list_motifs, list_notifies
from app.etapes.dossier.repository.referentiel import (
    Cadre,
    list_avec_cadre,
    list_phases_ouvertes,
    phases_suivantes,
)
from app.etapes.dossier.rules.depot import section_de, verifier_depot
from app.etapes.dossier.rules.echanges import Cote
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.suivi import jusqu_au
from app.etapes.dossier.schemas import FormulaireNouveau
from app.etapes.dossier.service import brouillon
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.gabarits import en_nombre, instant_long
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.models import LigneFinancement

routeur = APIRouter()
BROUILLON_CREE = annoncer("brouillon-cree", "Le dossier est ouvert. Remplissez les étapes dans l’ordre de votre choix.")
NOMBRES = ("Rien ne", "Une chose", "Deux choses", "Trois choses", "Quatre choses", "Cinq choses", "Six choses")


@dataclass(frozen=True, slots=True)
class LigneListe:
    """Un dossier dans le tableau du porteur."""

    dossier: Dossier
    cadre: Cadre
    identifiant: str
    titre: str
    mot: str
    ton: str
    ensuite: str
    ensuite_le: datetime | None
    lignes: Sequence[LigneSuivie]


Demandees = Mapping[int, Sequence[tuple[Demande, LigneFinancement]]]


@routeur.get("/dossiers", name="dossier:liste", dependencies=[Depends(exiger())])
def page_dossiers(request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant) -> Response:
    """Ce qui attend la personne, puis ses dossiers, par appel. Qui en lit sans en porter a sa propre liste."""
    if not acteur.organisations() and acteur.tient(*ROLES_AGENT, *ROLES_LECTURE, *ROLES_COMMISSION):
        return RedirectResponse("/instruction", status_code=303)
    lus = _a_la_phase_du_jour(session, list_avec_cadre(session, acteur), maintenant)
    ids = [d.id for d, _ in lus]
    demandes: dict[int, list[tuple[Demande, LigneFinancement]]] = {}
    for demande, ligne in repository.list_demandes(session, ids):
        demandes.setdefault(demande.dossier_id, []).append((demande, ligne))
    suivies = _suivies(session, acteur, lus, demandes, maintenant)
    complements = {c.dossier_id: c for c in reversed(repository.list_complements_attendus(session, ids))}
    a_faire = [
        *_decisions_a_lire(lus, suivies),
        *_messages_a_lire(session, acteur, lus),
        *_a_deposer_a_l_etat(lus, demandes),
        *_a_faire(session, acteur, lus, complements, maintenant),
    ]
    compte = len(a_faire)
    phases = list_phases_ouvertes(session, maintenant)
    contexte = {
        "annees": _par_annee(lus, demandes, suivies, complements, maintenant),
        "a_faire": a_faire,
        "attente": NOMBRES[compte] if compte < len(NOMBRES) else f"{compte} choses",
        "a_classer": _a_classer(lus),
        "phases": phases,
        "organisations": acteur.organisations(),
        "redige": bool(acteur.organisations(brouillon.ECRIT)),
        "deposes": [d for d, _ in lus if d.numero is not None],
        "a_renouveler": _a_renouveler(acteur, lus, [appel for appel, _, _ in phases]),
    }
    return rendre(request, "dossier/liste.html", contexte)


def _a_la_phase_du_jour(
    session: SessionDep, lus: Sequence[tuple[Dossier, Cadre]], maintenant: datetime
) -> list[tuple[Dossier, Cadre]]:
    """Un dossier pas encore déposé dont la phase est finie se dépose à la suivante. Une requête au plus."""
    tard = {d.id for d, c in lus if d.numero is None and c.phase_finie(maintenant)}
    suivantes = phases_suivantes(session, {c.appel.id for d, c in lus if d.id in tard}, maintenant)
    return [(d, replace(c, phase=suivantes.get(c.appel.id, c.phase)) if d.id in tard else c) for d, c in lus]


def _a_classer(lus: Sequence[tuple[Dossier, Cadre]]) -> list[tuple[Organisation, Appel]]:
    """Les (organisation, appel) où plusieurs actions attendent leur rang."""
    vus: dict[tuple[int, int], list[Cadre]] = {}
    for dossier, cadre in lus:
        if dossier.etat is not EtatDossier.RETIRE:
            vus.setdefault((cadre.organisation.id, cadre.appel.id), []).append(cadre)
    return [(cadres[0].organisation, cadres[0].appel) for cadres in vus.values() if len(cadres) > 1]


def _a_renouveler(
    acteur: Identite, lus: Sequence[tuple[Dossier, Cadre]], ouverts: Sequence[Appel]
) -> list[tuple[Dossier, Organisation, Appel]]:
    """Les dossiers d'une année d'avant qu'un appel ouvert du même contrat peut reprendre, et que rien n'y reprend."""
    repris = {(d.renouvelle_id, d.appel_id) for d, _ in lus if d.etat is not EtatDossier.RETIRE}
    ecrites = acteur.organisations(brouillon.ECRIT)
    return [
        (dossier, cadre.organisation, appel)
        for dossier, cadre in lus
        for appel in {a.id: a for a in ouverts}.values()
        if dossier.numero is not None
        and dossier.organisation_id in ecrites
        and appel.contrat_id == dossier.contrat_id
        and cadre.appel.annee < appel.annee
        and (dossier.id, appel.id) not in repris
    ]


def _par_annee(
    lus: Sequence[tuple[Dossier, Cadre]],
    demandes: Demandees,
    suivies: Mapping[int, Sequence[LigneSuivie]],
    complements: Mapping[int, DemandeComplement],
    maintenant: datetime,
) -> dict[int, list[LigneListe]]:
    rendu: dict[int, list[LigneListe]] = {}
    for dossier, cadre in lus:
        etats = de_l_annee((d for d, _ in demandes.get(dossier.id, ())), cadre.appel.annee)
        mot, ton = mot_d_etat(dossier, etats)
        phrase, instant = ensuite(dossier, cadre, etats, complements.get(dossier.id), maintenant)
        rendu.setdefault(cadre.appel.annee, []).append(
            LigneListe(
                dossier=dossier, cadre=cadre, identifiant=dossier.numero or dossier.reference,
                titre=dossier.titre or "Sans titre", mot=mot, ton=ton, ensuite=phrase, ensuite_le=instant,
                lignes=suivies.get(dossier.id, ()),
            )
        )  # fmt: skip
    return rendu


def _suivies(
    session: SessionDep,
    acteur: Identite,
    lus: Sequence[tuple[Dossier, Cadre]],
    demandes: Demandees,
    maintenant: datetime,
) -> dict[int, Sequence[LigneSuivie]]:
    """Dossier → ses lignes suivies ; l'accordé et les motifs ne se lisent que si quelque chose est dit au porteur."""
    toutes = [d for rangees in demandes.values() for d, _ in rangees]
    notifies: dict[int, Notifies] = list_notifies(session, {d.dossier_id for d in toutes if d.etat in TERMES})
    dites = [d for d in toutes if d.etat in MOTIFS_DITS]
    motifs = motifs_dus(dites, list_motifs(session, [d.id for d in dites]))
    return {
        dossier.id: lignes_suivies(
            dossier, cadre.appel.annee, demandes.get(dossier.id, ()), motifs, notifies.get(dossier.id, RIEN),
            roles_sur_dossier(acteur, dossier), a_paris(maintenant).date(),
        )
        for dossier, cadre in lus
    }  # fmt: skip


def _decisions_a_lire(
    lus: Sequence[tuple[Dossier, Cadre]], suivies: Mapping[int, Sequence[LigneSuivie]]
) -> list[dict[str, Any]]:
    """Une tâche par lettre notifiée et pas encore ouverte : elle passe avant le reste."""
    return [
        {
            "titre": f"Une décision vient d’arriver : {ligne.nom}",
            "detail": f"« {dossier.titre} » : {ligne.mot.lower()}{f', {ligne.accorde}' if ligne.accorde else ''}.",
            "libelle": "Lire la lettre",
            "url": ligne.lettre,
        }
        for dossier, _ in lus
        for ligne in suivies[dossier.id]
        if ligne.est_nouvelle
    ]


def _a_deposer_a_l_etat(lus: Sequence[tuple[Dossier, Cadre]], demandes: Demandees) -> list[dict[str, Any]]:
    """Une tâche par dossier déposé ici dont la part de l'État n'a pas encore son numéro de l'autre plateforme."""
    return [
        {
            "titre": f"Déposer « {dossier.titre} » aussi sur la plateforme de l’État",
            "detail": "L’État l’exige pour sa part. Vos réponses sont prêtes à recopier ; revenez donner le numéro.",
            "libelle": "Recopier",
            "url": f"/dossiers/{dossier.numero}/portail",
        }
        for dossier, _ in lus
        if portail_a_faire(demandes.get(dossier.id, ()))
    ]


def _messages_a_lire(
    session: SessionDep, acteur: Identite, lus: Sequence[tuple[Dossier, Cadre]]
) -> list[dict[str, Any]]:
    """Une tâche par dossier où un service a écrit."""
    deposes = [d for d, _ in lus if d.numero is not None]
    non_lus = compter_non_lus(session, [d.id for d in deposes], acteur.acteur, Cote.AGENT) if deposes else {}
    return [
        {
            "titre": f"{en_nombre(non_lus[d.id], 'message', 'messages')} au sujet de « {d.titre} »",
            "detail": "Un service vous a écrit.",
            "libelle": "Lire",
            "url": f"/dossiers/{d.numero}/messages",
        }
        for d in deposes
        if d.id in non_lus
    ]


def _a_faire(
    session: SessionDep,
    acteur: Identite,
    lus: Sequence[tuple[Dossier, Cadre]],
    complements: Mapping[int, DemandeComplement],
    maintenant: datetime,
) -> list[dict[str, Any]]:
    """Le plus pressé d'abord : compléments, puis signatures et dépôts, puis brouillons."""
    brouillons = [d.id for d, _ in lus if d.etat is EtatDossier.BROUILLON]
    contenus = repository.contenus(session, brouillons) if brouillons else {}
    par_contrat = {c: lignes.list_lignes(session, c) for c in {d.contrat_id for d, _ in lus if d.id in contenus}}
    taches: list[tuple[int, datetime, dict[str, Any]]] = []
    for dossier, cadre in lus:
        roles = roles_sur_dossier(acteur, dossier)
        if not roles & brouillon.ECRIT:
            continue
        cloture = cadre.phase.cloture_le
        titre = f"« {dossier.titre} »" if dossier.titre else f"le dossier {dossier.reference}, sans titre"
        if dossier.etat is EtatDossier.A_COMPLETER and dossier.id in complements:
            complement = complements[dossier.id]
            taches.append((0, complement.echeance_le, _tache_complement(dossier, titre, complement)))
        elif cadre.depot_clos(maintenant):
            continue
        elif dossier.etat is EtatDossier.A_SIGNER:
            taches.append((1, cloture, _tache_signature(dossier, titre, roles, cloture)))
        elif dossier.etat is EtatDossier.BROUILLON:
            taches.append(
                (
                    2,
                    cloture,
                    _tache_brouillon(
                        session, dossier, cadre, titre, contenus[dossier.id], par_contrat[dossier.contrat_id]
                    ),
                )
            )
    return [tache for _, _, tache in sorted(taches, key=lambda t: t[:2])]


def _tache_complement(dossier: Dossier, titre: str, complement: DemandeComplement) -> dict[str, Any]:
    detail = f"{complement.objet} Réponse attendue {jusqu_au(complement.echeance_le)}."
    url = f"/dossiers/{dossier.numero}"
    return {"titre": f"Compléter {titre}", "detail": detail, "libelle": "Compléter", "url": url, "urgent": True}


def _tache_signature(dossier: Dossier, titre: str, roles: frozenset[Role], cloture: datetime) -> dict[str, Any]:
    url = f"/dossiers/{dossier.reference}/signature"
    limite = f"Dépôt possible jusqu’au {instant_long(cloture)}."
    if dossier.signe_le is not None and dossier.signe_version == dossier.version:
        return {"titre": f"Déposer {titre}", "detail": f"Il est signé. {limite}", "libelle": "Déposer", "url": url}
    if Role.SIGNATAIRE in roles:
        return {"titre": f"Signer {titre}", "detail": f"Tout est rempli. {limite}", "libelle": "Relire", "url": url}
    detail = f"La personne signataire de votre organisation doit se connecter et signer. {limite}"
    return {"titre": f"Faire signer {titre}", "detail": detail, "libelle": "Voir", "url": url}


def _tache_brouillon(
    session: SessionDep,
    dossier: Dossier,
    cadre: Cadre,
    titre: str,
    contenu: Mapping[str, Any],
    connues: Sequence[LigneFinancement],
) -> dict[str, Any]:
    cadre_depot = brouillon.cadre(session, dossier, cadre.appel, cadre.organisation, connues, cer_connu=cadre.cer_connu)
    sections = {section_de(f) for f in verifier_depot(contenu, cadre_depot)}
    reste = f"{en_nombre(len(sections), 'étape', 'étapes')} à finir" if sections else "Tout est rempli"
    detail = f"{reste}. Dépôt possible jusqu’au {instant_long(cadre.phase.cloture_le)}."
    return {
        "titre": f"Finir {titre}",
        "detail": detail,
        "libelle": "Continuer",
        "url": f"/dossiers/{dossier.reference}",
    }


@routeur.get("/dossiers/nouveau", name="dossier:nouveau", dependencies=[Depends(exiger())])
def page_nouveau(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    depuis: Annotated[str, Query(max_length=60)] = "",
    appel: Annotated[str, Query(max_length=60)] = "",
    fiches: Annotated[tuple[str, ...], Query(max_length=20)] = (),
) -> Response:
    """Choisir l'appel, l'organisation, et au besoin le dossier dont on repart ; les quartiers déjà dits suivent."""
    saisie = {"renouvelle": depuis, "appel": appel, "fiches": fiches}
    contexte = _contexte_nouveau(session, acteur, maintenant) | {"saisie": saisie}
    return rendre(request, "dossier/nouveau.html", contexte)


def _contexte_nouveau(session: SessionDep, acteur: Identite, maintenant: datetime) -> dict[str, Any]:
    phases = {a.code: (a, p, c) for a, p, c in reversed(list_phases_ouvertes(session, maintenant))}
    organisations = acteurs.list_organisations(session, acteur.organisations(brouillon.ECRIT))
    derniere = max((a.annee for a, _, _ in phases.values()), default=0)
    lus = [(d, c.appel.annee) for d, c in list_avec_cadre(session, acteur)]
    repris = {d.renouvelle_id for d, _ in lus if d.etat is not EtatDossier.RETIRE}
    deposes = [d for d, annee in lus if d.numero is not None and d.id not in repris and annee < derniere]
    return {
        "phases": list(reversed(phases.values())),
        "organisations": organisations,
        "lit_seulement": bool(acteur.organisations()) and not organisations,
        "renouvelables": [(d.numero, f"{d.titre} ({d.numero})") for d in deposes],
    }


def _page_nouveau(envoi: Envoi) -> Page:
    contexte = _contexte_nouveau(envoi.session, envoi.acteur, envoi.maintenant)
    return "dossier/nouveau.html", contexte | {"saisie": envoi.saisie}


@routeur.post("/dossiers/nouveau", name="dossier:creer", dependencies=[Depends(exiger())])
def creer(envoi: EnvoiDep) -> Response:
    """Ouvre un brouillon."""
    with envoi.sinon(lambda: _page_nouveau(envoi)):
        recu = {nom: texte for nom, texte in envoi.formulaire.en_dict().items() if nom != "fiches"}
        dossier = _creer(envoi, valider(FormulaireNouveau, recu))
        _reprendre_les_quartiers(envoi, dossier, envoi.formulaire.liste("fiches"))
    return envoi.vers("dossier:voir", identifiant=dossier.reference, fait=BROUILLON_CREE)


def _reprendre_les_quartiers(envoi: Envoi, dossier: Dossier, fiches: Sequence[str]) -> None:
    """Ce que « Puis-je demander ? » a déjà demandé ne se redit pas ; un code inconnu ne compte pas."""
    if not fiches or dossier.renouvelle_id is not None:
        return
    domaines = brouillon.domaines(envoi.session, dossier)
    if retenus := [code for code in dict.fromkeys(fiches) if domaines.admet("fiches", code)]:
        brouillon.enregistrer(envoi.session, dossier.reference, {"fiches": retenus}, **envoi.qui)


def _creer(envoi: Envoi, donnees: FormulaireNouveau) -> Dossier:
    session, acteur = envoi.session, envoi.acteur
    ouvertes = {a.code: a for a, _, _ in list_phases_ouvertes(session, envoi.maintenant)}
    appel = ouvertes.get(donnees.appel)
    if appel is None:
        raise ActeImpossible("Cet appel n’est pas ouvert : on ne peut pas y commencer de dossier.", code="appel_clos")
    permises = acteur.organisations(brouillon.ECRIT)
    organisation = acteurs.get_organisation_par_code(session, donnees.organisation, permises)
    if organisation is None:
        raise SaisieInvalide([Faute("organisation", "Choisissez une de vos organisations.", "organisation_inconnue")])
    source = repository.get_dossier(session, donnees.renouvelle, acteur) if donnees.renouvelle else None
    return brouillon.creer_brouillon(session, appel=appel, organisation=organisation, renouvelle=source, **envoi.qui)
