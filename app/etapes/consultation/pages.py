"""Pages : les rencontres, leur lot, la pile d'un référent, l'avis."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.consultation import repository, service
from app.etapes.consultation.models import Rencontre
from app.etapes.consultation.rules import AVERTISSEMENT, Degre, synthese, verifier_avis
from app.etapes.consultation.schemas import SaisieAvis, SaisieRencontre
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository.referentiel import get_referentiel
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.direct import rendre_en_direct
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider_tout
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.euros import Euros, MontantIllisible
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_AGENT, Role
from app.referentiels.instances import repository as instances

routeur = APIRouter()
LIT = exiger(*ROLES_AGENT, Role.REFERENT_SERVICE)
CONVOQUE = exiger(Role.SOUS_PREFECTURE)
DONNE_AVIS = exiger(Role.REFERENT_SERVICE, Role.SOUS_PREFECTURE)
LISTES = ("numeros", "services")
DEGRES = [(d.value, d.libelle) for d in Degre]
TONS = {
    Degre.FAVORABLE: "oui",
    Degre.FAVORABLE_AVEC_RESERVE: "attente",
    Degre.RESERVE: "attente",
    Degre.DEFAVORABLE: "non",
    Degre.HORS_CHAMP: "neutre",
}
PREPAREE = annoncer("rencontre-preparee", "La rencontre est prête. Convoquez les services quand vous voulez.")
CONVOQUEE = annoncer("rencontre-convoquee", "Les convocations partent aux référents des services.")
TENUE = annoncer("rencontre-tenue", "La rencontre est marquée comme tenue.")
AVIS_RENDU = annoncer("avis-rendu", "L’avis est enregistré.")


@routeur.get("/rencontres", name="rencontres", dependencies=[Depends(LIT)])
def page_rencontres(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les rencontres de la personne, par date."""
    peut_preparer = acteur.tient(Role.SOUS_PREFECTURE)
    contexte = {
        "rencontres": repository.list_rencontres(session, acteur),
        "appels": appels.list_appels(session, acteur.contrats({Role.SOUS_PREFECTURE})) if peut_preparer else (),
    }
    return rendre(request, "consultation/rencontres.html", contexte)


def _appel(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(Role.SOUS_PREFECTURE, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def _contexte_nouvelle(session: SessionDep, appel: Appel, acteur: Identite, saisie: dict[str, Any]) -> dict[str, Any]:
    lot = repository.list_a_convoquer(session, appel.id, acteur)
    return {
        "appel": appel,
        "saisie": saisie,
        "choix_dossiers": [(d.numero, f"{d.numero} — {d.titre}") for d in lot],
        "choix_services": [(s.code, s.nom) for s in instances.list_services(session, appel.contrat_id)],
        "fil": (("Rencontres", "/rencontres"), ("Nouvelle rencontre", None)),
    }


@routeur.get("/appels/{code}/rencontres/nouvelle", name="rencontre:nouvelle", dependencies=[Depends(CONVOQUE)])
def page_nouvelle(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Le formulaire d'une rencontre."""
    appel = _appel(session, code, acteur)
    return rendre(request, "consultation/nouvelle.html", _contexte_nouvelle(session, appel, acteur, {}))


def _page_nouvelle(envoi: Envoi, code: str) -> Page:
    appel = _appel(envoi.session, code, envoi.acteur)
    saisie = envoi.saisie | {nom: envoi.formulaire.liste(nom) for nom in LISTES}
    return "consultation/nouvelle.html", _contexte_nouvelle(envoi.session, appel, envoi.acteur, saisie)


@routeur.post("/appels/{code}/rencontres/nouvelle", name="rencontre:preparer", dependencies=[Depends(CONVOQUE)])
def preparer(envoi: EnvoiDep, code: str) -> Response:
    """Prépare la rencontre."""
    appel = _appel(envoi.session, code, envoi.acteur)

    def verifier(donnees: SaisieRencontre) -> list[Faute]:
        dites = donnees.model_dump(exclude={"autorite"})
        return service.verifier_rencontre(envoi.session, appel, maintenant=envoi.maintenant, **dites)

    with envoi.sinon(lambda: _page_nouvelle(envoi, code)):
        donnees = valider_tout(SaisieRencontre, envoi.formulaire.en_dict(listes=LISTES), verifier)
        rencontre = service.preparer_rencontre(envoi.session, appel=appel, **donnees.model_dump(), **envoi.qui)
    return envoi.vers("rencontre", code=rencontre.code, fait=PREPAREE)


@routeur.get("/rencontres/{code}", name="rencontre", dependencies=[Depends(LIT)])
def page_rencontre(
    request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant
) -> Response:
    """Une rencontre : le lot, les services, les avis rendus et ceux qui manquent."""
    rencontre = repository.get_rencontre(session, code, acteur)
    return rendre_en_direct(
        request, session, rencontre.contrat_id, "consultation/rencontre.html",
        lambda: _contexte_rencontre(session, rencontre, acteur, maintenant),
    )  # fmt: skip


def _contexte_rencontre(
    session: SessionDep, rencontre: Rencontre, acteur: Identite, maintenant: datetime
) -> dict[str, Any]:
    lot = repository.list_lot(session, rencontre.id, acteur)
    courants = repository.avis_courants(session, [d.dossier.id for d in lot])
    services = repository.list_services_convoques(session, rencontre.id)
    regle = session.get_one(Appel, rencontre.appel_id).silence_avis
    fins = {p.id: p.consultation_au for p in appels.list_phases(session, rencontre.appel_id)}
    lignes = []
    for d in lot:
        avis = courants.get(d.dossier.id, ())
        rendus = {a.service.code for a in avis}
        lignes.append(
            {
                "dossier": d.dossier,
                "rang": d.rang,
                "synthese": [(g.libelle, n, TONS[g]) for g, n in synthese(a.avis.degre for a in avis)],
                "manquent": [s for s in services if s.code not in rendus],
                "silence": regle.dit(fins[d.dossier.phase_id], maintenant),
            }
        )
    return {
        "rencontre": rencontre,
        "services": services,
        "lot": lignes,
        "miens": repository.services_de(acteur, rencontre.contrat_id),
        "son_jour": a_paris(maintenant).date() >= a_paris(rencontre.prevue_le).date(),
        "conduit": acteur.tient(Role.SOUS_PREFECTURE, contrat_id=rencontre.contrat_id),
        "fil": (("Rencontres", "/rencontres"), (rencontre.intitule, None)),
    }


def _page_rencontre(envoi: Envoi, code: str) -> Page:
    rencontre = repository.get_rencontre(envoi.session, code, envoi.acteur)
    return "consultation/rencontre.html", _contexte_rencontre(envoi.session, rencontre, envoi.acteur, envoi.maintenant)


@routeur.post("/rencontres/{code}/convocation", name="rencontre:convoquer", dependencies=[Depends(CONVOQUE)])
def convoquer(envoi: EnvoiDep, code: str) -> Response:
    """Convoque les services."""
    with envoi.sinon(lambda: _page_rencontre(envoi, code)):
        service.convoquer(envoi.session, code, **envoi.qui)
    return envoi.vers("rencontre", code=code, fait=CONVOQUEE)


@routeur.post("/rencontres/{code}/tenue", name="rencontre:tenir", dependencies=[Depends(CONVOQUE)])
def tenir(envoi: EnvoiDep, code: str) -> Response:
    """Marque la rencontre comme tenue."""
    with envoi.sinon(lambda: _page_rencontre(envoi, code)):
        service.tenir(envoi.session, code, **envoi.qui)
    return envoi.vers("rencontre", code=code, fait=TENUE)


def _noms(session: SessionDep, dossier: Dossier) -> dict[str, Any]:
    """L'objectif et les quartiers d'un dossier, par leurs noms. Une requête."""
    referentiel = get_referentiel(session, dossier.contrat_id, dossier.version_id)
    objectif = referentiel.intitule("objectifs", dossier.objectif or "")
    return {
        "objectif": objectif if objectif == dossier.objectif else f"{dossier.objectif} {objectif}",
        "quartiers": ", ".join(referentiel.intitule("quartiers", q) for q in dossier.quartiers),
    }


def _contexte_avis(
    session: SessionDep, rencontre: Rencontre, numero: str, acteur: Identite, saisie: dict[str, str]
) -> dict[str, Any]:
    dossier = dossiers.get_dossier(session, numero, acteur)
    repository.exiger_au_lot(session, rencontre, dossier)
    version = dossiers.get_version(session, dossier.id)
    rendus = repository.avis_courants(session, [dossier.id]).get(dossier.id, ())
    miens = repository.services_de(acteur, dossier.contrat_id)
    conduit = acteur.tient(Role.SOUS_PREFECTURE, contrat_id=dossier.contrat_id)
    convoques = repository.list_services_convoques(session, rencontre.id)
    return {
        "rencontre": rencontre,
        "dossier": dossier,
        "contenu": version.contenu if version is not None else {},
        **_noms(session, dossier),
        "demandes": dossiers.list_demandes(session, [dossier.id]),
        "avis": [(a, TONS[a.avis.degre]) for a in rendus],
        "choix_services": [(s.code, s.nom) for s in convoques if conduit or s.code in miens],
        "attend_une_decision": repository.attend_une_decision(session, dossier.id),
        "degres": DEGRES,
        "avertissement": AVERTISSEMENT,
        "saisie": saisie,
        "fil": (
            ("Rencontres", "/rencontres"),
            (rencontre.intitule, f"/rencontres/{rencontre.code}"),
            (dossier.titre, None),
        ),
    }


@routeur.get("/rencontres/{code}/dossiers/{numero}", name="rencontre:dossier", dependencies=[Depends(LIT)])
def page_avis(request: Request, session: SessionDep, acteur: Acteur, code: str, numero: str) -> Response:
    """Un dossier du lot : sa fiche d'une page, les avis rendus, la saisie d'un avis."""
    rencontre = repository.get_rencontre(session, code, acteur)
    return rendre_en_direct(
        request, session, rencontre.contrat_id, "consultation/dossier.html",
        lambda: _contexte_avis(session, rencontre, numero, acteur, {}),
    )  # fmt: skip


def _page_avis(envoi: Envoi, code: str, numero: str) -> Page:
    rencontre = repository.get_rencontre(envoi.session, code, envoi.acteur)
    return "consultation/dossier.html", _contexte_avis(envoi.session, rencontre, numero, envoi.acteur, envoi.saisie)


@routeur.post("/rencontres/{code}/dossiers/{numero}/avis", name="avis:emettre", dependencies=[Depends(DONNE_AVIS)])
def emettre_avis(envoi: EnvoiDep, code: str, numero: str) -> Response:
    """Enregistre l'avis d'un service."""
    with envoi.sinon(lambda: _page_avis(envoi, code, numero)):
        rencontre = repository.get_rencontre(envoi.session, code, envoi.acteur)
        donnees = valider_tout(SaisieAvis, envoi.formulaire.en_dict(), _fautes_de_l_avis)
        if donnees.degre is not None:  # `_fautes_de_l_avis` a refusé un avis sans degré
            service.emettre_avis(
                envoi.session, numero=numero, service=donnees.service, degre=donnees.degre, motif=donnees.motif,
                rencontre=rencontre, droit_commun_dispositif=donnees.droit_commun_dispositif,
                droit_commun_montant=_montant(donnees.droit_commun_montant), **envoi.qui,
            )  # fmt: skip
    return envoi.vers("rencontre", code=code, fait=AVIS_RENDU)


def _fautes_de_l_avis(donnees: SaisieAvis) -> list[Faute]:
    """Tout ce qui manque à un avis, d'un coup."""
    fautes = []
    if not donnees.service:
        fautes.append(Faute("service", "Choisissez le service qui rend l’avis.", "service_absent"))
    if donnees.degre is None:
        fautes.append(Faute("degre", "Choisissez un avis.", "degre_absent"))
    else:
        fautes += verifier_avis(donnees.degre, donnees.motif)
    try:
        _montant(donnees.droit_commun_montant)
    except MontantIllisible:
        phrase = "Écrivez un montant en euros, par exemple 1 250."
        fautes.append(Faute("droit_commun_montant", phrase, "montant_illisible"))
    return fautes


def _montant(texte: str) -> Euros | None:
    """Un montant positif ou nul, ou rien. Lève MontantIllisible."""
    if not texte:
        return None
    montant = Euros.lire(texte)
    if montant.centimes < 0:
        raise MontantIllisible(texte)
    return montant
