"""Pages : les rencontres, leur lot, la pile d'un référent, l'avis."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.consultation import repository, service
from app.etapes.consultation.models import Rencontre
from app.etapes.consultation.rules import AVERTISSEMENT, Degre, synthese
from app.etapes.consultation.schemas import SaisieAvis, SaisieRencontre
from app.etapes.dossier import repository as dossiers
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.direct import rendre_en_direct
from app.infra.forms import Formulaire, FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros, MontantIllisible
from app.noyau.periodes import PARIS
from app.noyau.roles import ROLES_AGENT, Role
from app.referentiels.instances import repository as instances

routeur = APIRouter()
LIT = exiger(*ROLES_AGENT, Role.REFERENT_SERVICE)
CONVOQUE = exiger(Role.SOUS_PREFECTURE)
DONNE_AVIS = exiger(Role.REFERENT_SERVICE, Role.SOUS_PREFECTURE)
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


@routeur.post("/appels/{code}/rencontres/nouvelle", name="rencontre:preparer", dependencies=[Depends(CONVOQUE)])
def preparer(
    request: Request, session: SessionDep, acteur: Acteur, code: str, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Prépare la rencontre."""
    appel = _appel(session, code, acteur)
    try:
        donnees = valider(SaisieRencontre, formulaire.en_dict(listes=("numeros", "services")))
        prevue_le = donnees.prevue_le if donnees.prevue_le.tzinfo else donnees.prevue_le.replace(tzinfo=PARIS)
        rencontre = service.preparer_rencontre(
            session, appel=appel, acteur=acteur, maintenant=maintenant,
            **donnees.model_dump(exclude={"prevue_le"}), prevue_le=prevue_le,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        saisie: dict[str, Any] = {n: formulaire.get(n) for n in ("intitule", "prevue_le", "lieu", "autorite")}
        saisie |= {n: formulaire.liste(n) for n in ("numeros", "services")}
        contexte = _contexte_nouvelle(session, appel, acteur, saisie)
        refuser(request, "consultation/nouvelle.html", contexte, erreur.fautes)
    return rediriger(request, "rencontre", code=rencontre.code, fait=PREPAREE)


@routeur.get("/rencontres/{code}", name="rencontre", dependencies=[Depends(LIT)])
def page_rencontre(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Une rencontre : le lot, les services, les avis rendus et ceux qui manquent."""
    rencontre = repository.get_rencontre(session, code, acteur)
    return rendre_en_direct(
        request, session, rencontre.contrat_id, "consultation/rencontre.html",
        lambda: _contexte_rencontre(session, rencontre, acteur),
    )  # fmt: skip


def _contexte_rencontre(session: SessionDep, rencontre: Rencontre, acteur: Identite) -> dict[str, Any]:
    lot = repository.list_lot(session, rencontre.id, acteur)
    courants = repository.avis_courants(session, [d.dossier.id for d in lot])
    services = repository.list_services_convoques(session, rencontre.id)
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
            }
        )
    return {
        "rencontre": rencontre,
        "services": services,
        "lot": lignes,
        "miens": repository.services_de(acteur, rencontre.contrat_id),
        "conduit": acteur.tient(Role.SOUS_PREFECTURE, contrat_id=rencontre.contrat_id),
        "fil": (("Rencontres", "/rencontres"), (rencontre.intitule, None)),
    }


@routeur.post("/rencontres/{code}/convocation", name="rencontre:convoquer", dependencies=[Depends(CONVOQUE)])
def convoquer(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """Convoque les services."""
    service.convoquer(session, code, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "rencontre", code=code, fait=CONVOQUEE)


@routeur.post("/rencontres/{code}/tenue", name="rencontre:tenir", dependencies=[Depends(CONVOQUE)])
def tenir(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """Marque la rencontre comme tenue."""
    service.tenir(session, code, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "rencontre", code=code, fait=TENUE)


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


@routeur.post("/rencontres/{code}/dossiers/{numero}/avis", name="avis:emettre", dependencies=[Depends(DONNE_AVIS)])
def emettre_avis(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    numero: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Enregistre l'avis d'un service."""
    rencontre = repository.get_rencontre(session, code, acteur)
    try:
        donnees, montant = _lire_avis(formulaire)
        service.emettre_avis(
            session, numero=numero, service=donnees.service, degre=donnees.degre, motif=donnees.motif,
            rencontre=rencontre, droit_commun_dispositif=donnees.droit_commun_dispositif,
            droit_commun_montant=montant, acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        saisie = {nom: formulaire.get(nom) for nom in SaisieAvis.model_fields}
        contexte = _contexte_avis(session, rencontre, numero, acteur, saisie)
        refuser(request, "consultation/dossier.html", contexte, erreur.fautes)
    return rediriger(request, "rencontre", code=code, fait=AVIS_RENDU)


def _lire_avis(formulaire: Formulaire) -> tuple[SaisieAvis, Euros | None]:
    donnees = valider(SaisieAvis, formulaire.en_dict())
    if not donnees.droit_commun_montant:
        return donnees, None
    try:
        montant = Euros.lire(donnees.droit_commun_montant)
    except MontantIllisible:
        montant = Euros(-1)
    if montant.centimes < 0:
        faute = Faute("droit_commun_montant", "Écrivez un montant en euros, par exemple 1 250.", "montant_illisible")
        raise SaisieInvalide([faute])
    return donnees, montant
