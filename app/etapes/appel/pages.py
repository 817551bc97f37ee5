"""Pages de l'appel : la page publique, la conduite de la campagne (chargé de mission), les enveloppes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository, service
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import TRANSITIONS_APPEL, EtatAppel, NatureEnveloppe, PhaseAnnoncee
from app.etapes.appel.schemas import SaisieAppel, SaisieEnveloppe
from app.infra.acces import PUBLIQUE, Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros, MontantIllisible
from app.noyau.periodes import PARIS, a_paris
from app.noyau.roles import Role
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.contrats import repository as contrats
from app.referentiels.grilles import repository as grilles
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
CONDUIT = exiger(Role.CHARGE_MISSION)
TONS = {EtatAppel.PREPARE: "neutre", EtatAppel.OUVERT: "oui", EtatAppel.CLOS: "attente", EtatAppel.ARRETE: "info"}
FORMES = {"*": "Tous les porteurs"} | {f.value: f.libelle for f in FormeOrganisation}
NATURES = [
    (NatureEnveloppe.PREVISIONNELLE.value, "Prévisionnelle"),
    (NatureEnveloppe.NOTIFIEE.value, "Notifiée"),
]
FAIT = {t.acte: annoncer(f"appel-{t.acte}", f"C’est fait : {t.libelle.lower()}.") for t in TRANSITIONS_APPEL}
DOTEE = annoncer("enveloppe-dotee", "L’enveloppe est à jour.")
PREPARE = annoncer("appel-prepare", "L’appel est préparé. Donnez ses enveloppes, puis ouvrez-le.")


@routeur.get("/appel", name="appel_en_cours", dependencies=[Depends(PUBLIQUE)])
def page_appel_en_cours(request: Request, session: SessionDep) -> Response:
    """L'appel ouvert ; s'il y en a plusieurs ou aucun, la liste."""
    ouverts = repository.list_appels_ouverts(session)
    if len(ouverts) == 1:
        return RedirectResponse(f"/appels/{ouverts[0].code}", status_code=303)
    appels = [a for a in repository.list_appels(session) if a.etat is not EtatAppel.PREPARE]
    return rendre(request, "appel/liste.html", {"ouverts": ouverts, "appels": appels, "tons": TONS})


def _get_appel_public(session: SessionDep, code: str) -> Appel:
    appel = repository.get_appel_par_code(session, code)
    if appel is None or appel.etat is EtatAppel.PREPARE:
        raise Introuvable("Cet appel n’existe pas, ou n’est pas encore publié.")
    return appel


@routeur.get("/appels/{code}", name="appel", dependencies=[Depends(PUBLIQUE)])
def page_appel(request: Request, session: SessionDep, code: str, maintenant: Maintenant) -> Response:
    """Un appel : jusqu'à quand, pour qui, quelles pièces, quels crédits."""
    appel = _get_appel_public(session, code)
    contexte = {
        "appel": appel,
        "contrat": contrats.get_contrat(session, appel.contrat_id),
        "phases": repository.list_phases(session, appel.id),
        "pieces": [(p, FORMES.get(p.forme, p.forme)) for p in repository.list_pieces(session, appel.id)],
        "enveloppes": repository.list_enveloppes(session, appel.contrat_id, appel.annee),
        "ton": TONS[appel.etat],
        "maintenant": maintenant,
        "fil": (("L’appel en cours", "/appel"), (appel.intitule, None)),
    }
    return rendre(request, "appel/appel.html", contexte)


@routeur.get("/campagne", name="campagne", dependencies=[Depends(CONDUIT)])
def page_campagne(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les appels conduits par la personne, et de quoi en préparer un."""
    conduits = acteur.contrats({Role.CHARGE_MISSION})
    contexte = {
        "appels": repository.list_appels(session, conduits),
        "contrats": [contrats.get_contrat(session, c) for c in sorted(conduits)],
        "tons": TONS,
        "saisie": {},
    }
    return rendre(request, "appel/campagne.html", contexte)


def _get_appel_conduit(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = repository.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def _contexte_conduite(session: SessionDep, appel: Appel, saisie: dict[str, dict[str, str]]) -> dict[str, Any]:
    par_ligne = {ligne.code: e for e, ligne in repository.list_enveloppes(session, appel.contrat_id, appel.annee)}
    return {
        "appel": appel,
        "phases": repository.list_phases(session, appel.id),
        "actes": [t for t in TRANSITIONS_APPEL if appel.etat in t.depuis],
        "lignes": [(ligne, par_ligne.get(ligne.code)) for ligne in lignes.list_lignes(session, appel.contrat_id)],
        "natures": NATURES,
        "saisie": saisie,
        "ton": TONS[appel.etat],
        "fil": (("Campagne", "/campagne"), (appel.intitule, None)),
    }


@routeur.get("/campagne/{code}", name="campagne:appel", dependencies=[Depends(CONDUIT)])
def page_conduite(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """La conduite d'un appel : calendrier, actes, enveloppes."""
    appel = _get_appel_conduit(session, code, acteur)
    return rendre(request, "appel/conduite.html", _contexte_conduite(session, appel, {}))


@routeur.post("/campagne/{code}/actes/{acte}", name="campagne:acte", dependencies=[Depends(CONDUIT)])
def agir(
    request: Request, session: SessionDep, acteur: Acteur, code: str, acte: str, maintenant: Maintenant
) -> Response:
    """Ouvre, clôt, rouvre ou arrête l'appel."""
    _get_appel_conduit(session, code, acteur)
    if acte not in FAIT:
        raise Introuvable("Cet acte n’existe pas.")
    service.passer(session, code, acte, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "campagne:appel", code=code, fait=FAIT[acte])


@routeur.post("/campagne/{code}/enveloppes/{ligne}", name="campagne:doter", dependencies=[Depends(CONDUIT)])
def doter(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Fixe le montant d'une enveloppe."""
    appel = _get_appel_conduit(session, code, acteur)
    saisie = {nom: formulaire.get(nom) for nom in SaisieEnveloppe.model_fields}
    try:
        donnees = valider(SaisieEnveloppe, formulaire.en_dict())
        service.doter(
            session, contrat_id=appel.contrat_id, ligne=ligne, annee=appel.annee, montant=_montant(donnees.montant),
            nature=donnees.nature, motif=donnees.motif, acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        fautes = tuple(Faute(f"{f.champ}-{ligne}", f.message, f.code) for f in erreur.fautes)
        refuser(request, "appel/conduite.html", _contexte_conduite(session, appel, {ligne: saisie}), fautes)
    return rediriger(request, "campagne:appel", code=code, fait=DOTEE)


def _montant(texte: str) -> Euros:
    try:
        return Euros.lire(texte)
    except MontantIllisible:
        phrase = "Écrivez un montant en euros, par exemple 120 000."
        raise SaisieInvalide([Faute("montant", phrase, "montant_illisible")]) from None


@routeur.post("/campagne/contrats/{contrat}/appels", name="campagne:preparer", dependencies=[Depends(CONDUIT)])
def preparer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    contrat: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Prépare un appel d'une phase, avec la dernière grille du contrat."""
    trouve = contrats.get_contrat_par_code(session, contrat)
    if trouve is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=trouve.id):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’y avez pas accès.")
    saisie = {nom: formulaire.get(nom) for nom in SaisieAppel.model_fields}
    version = contrats.version_en_vigueur(session, trouve.id, a_paris(maintenant).date())
    grille = next(iter(grilles.list_grilles(session, trouve.id)), None)
    try:
        if version is None or grille is None:
            raise SaisieInvalide(
                [Faute("", "Chargez d’abord une version du contrat et une grille.", "rien_a_epingler")]
            )
        donnees = valider(SaisieAppel, formulaire.en_dict())
        commission = donnees.commission_le.replace(tzinfo=PARIS) if donnees.commission_le else None
        phase = PhaseAnnoncee(
            intitule="Phase 1", ouverture_le=donnees.ouverture_le.replace(tzinfo=PARIS),
            cloture_le=donnees.cloture_le.replace(tzinfo=PARIS), commission_le=commission,
        )  # fmt: skip
        appel = service.preparer(
            session, contrat=trouve, version=version, grille=grille, code=donnees.code, annee=donnees.annee,
            intitule=donnees.intitule, phases=[phase], seuil_court=_montant(donnees.seuil_court), acteur=acteur,
            maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        conduits = acteur.contrats({Role.CHARGE_MISSION})
        contexte = {
            "appels": repository.list_appels(session, conduits), "contrats": [trouve], "tons": TONS, "saisie": saisie,
        }  # fmt: skip
        refuser(request, "appel/campagne.html", contexte, _ramener(erreur.fautes))
    return rediriger(request, "campagne:appel", code=appel.code, fait=PREPARE)


def _ramener(fautes: tuple[Faute, ...]) -> tuple[Faute, ...]:
    """Une faute de phase désigne le champ de la page (« phases.0.cloture_le » → « cloture_le »)."""
    return tuple(Faute(f.champ.removeprefix("phases.0."), f.message, f.code) for f in fautes)
