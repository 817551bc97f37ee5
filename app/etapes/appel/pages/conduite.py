"""Pages de l'appel : la page publique, la conduite de la campagne (chargé de mission), les enveloppes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository, service
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import (
    ACTES_DE_CONDUITE,
    TRANSITIONS_APPEL,
    EtatAppel,
    NatureEnveloppe,
    Orientations,
)
from app.etapes.appel.schemas import (
    SaisieEnveloppe,
    SaisiePreparation,
    deplacer,
    donnees_de_preparation,
    lire_preparation,
    saisie_d_orientations,
    saisie_de_phase,
)
from app.etapes.contrat import repository as contenus
from app.infra.acces import PUBLIQUE, Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider
from app.infra.gabarits import montant_saisi
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros, MontantIllisible
from app.noyau.periodes import a_paris
from app.noyau.roles import Role
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
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
DITS = {
    "ouvrir": "L’appel est ouvert : les porteurs peuvent déposer pendant ses phases.",
    "clore": "L’appel est clos : plus aucun dossier ne peut être déposé.",
    "rouvrir": "L’appel est rouvert : ses phases en cours acceptent de nouveau les dossiers.",
}
FAIT = {t.acte: annoncer(f"appel-{t.acte}", DITS[t.acte]) for t in ACTES_DE_CONDUITE}
DOTEE = annoncer("enveloppe-dotee", "L’enveloppe est à jour.")
MODIFIE = annoncer("appel-modifie", "Les changements sont enregistrés.")
AJOUTER_PHASE = "ajouter_phase"
PIECES_LIBRES = 3
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
        **_priorites(session, appel),
        "enveloppes": repository.list_enveloppes(session, appel.contrat_id, appel.annee),
        "ton": TONS[appel.etat],
        "maintenant": maintenant,
        "fil": (("L’appel en cours", "/appel"), (appel.intitule, None)),
    }
    return rendre(request, "appel/appel.html", contexte)


def _priorites(session: SessionDep, appel: Appel) -> dict[str, Any]:
    """Les priorités que l'appel donne à des lignes, dites en clair. Aucune requête s'il n'en donne pas."""
    priorites = Orientations.depuis(appel.orientations).priorites
    if not priorites:
        return {"priorites": ()}
    noms = {o.code: o.intitule for o in contenus.list_objectifs(session, appel.version_id)}
    return {
        "priorites": [
            (ligne, [[(code, noms.get(code, "")) for code in codes] for codes in priorites[ligne.code]])
            for ligne in lignes.list_lignes(session, appel.contrat_id)
            if ligne.code in priorites
        ]
    }


@routeur.get("/campagne", name="campagne", dependencies=[Depends(CONDUIT)])
def page_campagne(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les appels conduits par la personne, et de quoi en préparer un."""
    conduits = acteur.contrats({Role.CHARGE_MISSION})
    contexte = {
        "appels": repository.list_appels(session, conduits),
        "contrats": [contrats.get_contrat(session, c) for c in sorted(conduits)],
        "tons": TONS,
    }
    return rendre(request, "appel/campagne.html", contexte)


def get_appel_conduit(session: SessionDep, code: str, acteur: Identite) -> Appel:
    """L'appel de ce code, si la personne le conduit. Lève Introuvable."""
    appel = repository.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def _contexte_conduite(session: SessionDep, appel: Appel, saisie: dict[str, dict[str, str]]) -> dict[str, Any]:
    par_ligne = {ligne.code: e for e, ligne in repository.list_enveloppes(session, appel.contrat_id, appel.annee)}
    return {
        "appel": appel,
        "phases": repository.list_phases(session, appel.id),
        "modifiable": appel.etat in {EtatAppel.PREPARE, EtatAppel.OUVERT},
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
    appel = get_appel_conduit(session, code, acteur)
    return rendre(request, "appel/conduite.html", _contexte_conduite(session, appel, {}))


@routeur.post("/campagne/{code}/actes/{acte}", name="campagne:acte", dependencies=[Depends(CONDUIT)])
def agir(
    request: Request, session: SessionDep, acteur: Acteur, code: str, acte: str, maintenant: Maintenant
) -> Response:
    """Ouvre, clôt, rouvre ou arrête l'appel."""
    get_appel_conduit(session, code, acteur)
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
    appel = get_appel_conduit(session, code, acteur)
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


def _montant(texte: str, champ: str = "montant") -> Euros:
    try:
        return Euros.lire(texte)
    except MontantIllisible:
        phrase = "Écrivez un montant en euros, par exemple 120 000."
        raise SaisieInvalide([Faute(champ, phrase, "montant_illisible")]) from None


# --- préparer, refaire, déplacer des dates --------------------------------------------------------------------------


def _get_contrat_conduit(session: SessionDep, code: str, acteur: Identite) -> Contrat:
    contrat = contrats.get_contrat_par_code(session, code)
    if contrat is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=contrat.id):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’y avez pas accès.")
    return contrat


def _contexte_preparation(
    session: SessionDep, contrat: Contrat, version_id: int | None, saisie: dict[str, Any], appel: Appel | None = None
) -> dict[str, Any]:
    """La page de préparation : la saisie remontrée, trois rangées de pièces libres."""
    objectifs = contenus.list_objectifs(session, version_id) if version_id is not None else ()
    return {
        "contrat": contrat,
        "appel": appel,
        "saisie": saisie,
        "pieces": [*saisie["pieces"], *([{}] * PIECES_LIBRES)],
        "lignes": lignes.list_lignes(session, contrat.id),
        "objectifs": objectifs,
        "formes": list(FORMES.items()),
        "adresse": f"/campagne/{appel.code}/preparation" if appel else f"/campagne/contrats/{contrat.code}/appels",
        "fil": (("Campagne", "/campagne"), ("Préparer un appel", None)),
    }


@routeur.get("/campagne/contrats/{contrat}/appels/nouveau", name="campagne:nouveau", dependencies=[Depends(CONDUIT)])
def page_preparer(
    request: Request, session: SessionDep, acteur: Acteur, contrat: str, maintenant: Maintenant
) -> Response:
    """De quoi préparer un appel entier : phases, pièces, orientations."""
    trouve = _get_contrat_conduit(session, contrat, acteur)
    version = contrats.version_en_vigueur(session, trouve.id, a_paris(maintenant).date())
    saisie = {"phases": [{"intitule": "Phase 1"}], "pieces": [], "seuil_court": "1 500"}
    contexte = _contexte_preparation(session, trouve, version.id if version else None, saisie)
    return rendre(request, "appel/preparation.html", contexte)


@routeur.post("/campagne/contrats/{contrat}/appels", name="campagne:preparer", dependencies=[Depends(CONDUIT)])
def preparer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    contrat: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Prépare un appel, avec la dernière grille du contrat ; ou remontre la page avec une phase de plus."""
    trouve = _get_contrat_conduit(session, contrat, acteur)
    version = contrats.version_en_vigueur(session, trouve.id, a_paris(maintenant).date())
    grille = next(iter(grilles.list_grilles(session, trouve.id)), None)
    saisie = lire_preparation(formulaire)
    contexte = _contexte_preparation(session, trouve, version.id if version else None, saisie)
    if formulaire.get("geste") == AJOUTER_PHASE:
        return _avec_une_phase(request, contexte)
    try:
        if version is None or grille is None:
            raise SaisieInvalide(
                [Faute("", "Chargez d’abord une version du contrat et une grille.", "rien_a_epingler")]
            )
        donnees = valider(SaisiePreparation, donnees_de_preparation(saisie))
        appel = service.preparer(
            session, contrat=trouve, version=version, grille=grille, code=donnees.code, annee=donnees.annee,
            acteur=acteur, maintenant=maintenant, **_voulu(donnees),
        )  # fmt: skip
    except SaisieInvalide as erreur:
        refuser(request, "appel/preparation.html", contexte, erreur.fautes)
    return rediriger(request, "campagne:appel", code=appel.code, fait=PREPARE)


def _voulu(donnees: SaisiePreparation) -> dict[str, Any]:
    return {
        "intitule": donnees.intitule,
        "phases": [phase.phase() for phase in donnees.phases],
        "pieces": [piece.piece() for piece in donnees.pieces],
        "seuil_court": _montant(donnees.seuil_court, "seuil_court"),
        "orientations": donnees.orientations.orientations(),
    }


def _avec_une_phase(request: Request, contexte: dict[str, Any]) -> Response:
    """La même page, une phase vide de plus. Rien n'est écrit."""
    phases = contexte["saisie"]["phases"]
    neuve = {"intitule": f"Phase {len(phases) + 1}"}
    contexte["saisie"] = contexte["saisie"] | {"phases": [*phases, neuve]}
    return rendre(request, "appel/preparation.html", contexte)


def _saisie_de(session: SessionDep, appel: Appel) -> dict[str, Any]:
    return {
        "code": appel.code,
        "annee": str(appel.annee),
        "intitule": appel.intitule,
        "seuil_court": montant_saisi(appel.seuil_court),
        "phases": [saisie_de_phase(repository.annonce(p)) for p in repository.list_phases(session, appel.id)],
        "pieces": [
            {
                "libelle": p.libelle,
                "forme": p.forme,
                "source": p.source,
                "facultatif": "" if p.est_obligatoire else "oui",
            }
            for p in repository.list_pieces(session, appel.id)
        ],
        **saisie_d_orientations(Orientations.depuis(appel.orientations)),
    }


@routeur.get("/campagne/{code}/preparation", name="campagne:preparation", dependencies=[Depends(CONDUIT)])
def page_preparation(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Refaire un appel en préparation, ou déplacer les dates à venir d'un appel ouvert."""
    appel = get_appel_conduit(session, code, acteur)
    contrat = contrats.get_contrat(session, appel.contrat_id)
    contexte = _contexte_preparation(session, contrat, appel.version_id, _saisie_de(session, appel), appel)
    return rendre(request, _gabarit(appel), contexte)


def _gabarit(appel: Appel) -> str:
    return "appel/preparation.html" if appel.etat is EtatAppel.PREPARE else "appel/dates.html"


@routeur.post("/campagne/{code}/preparation", name="campagne:modifier", dependencies=[Depends(CONDUIT)])
def modifier(
    request: Request, session: SessionDep, acteur: Acteur, code: str, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Refait l'appel en préparation ; s'il est ouvert, déplace des dates à venir, avec motif."""
    appel = get_appel_conduit(session, code, acteur)
    contrat = contrats.get_contrat(session, appel.contrat_id)
    saisie = lire_preparation(formulaire) | {"code": appel.code, "annee": str(appel.annee)}
    contexte = _contexte_preparation(session, contrat, appel.version_id, saisie, appel)
    if formulaire.get("geste") == AJOUTER_PHASE and appel.etat is EtatAppel.PREPARE:
        return _avec_une_phase(request, contexte)
    try:
        if appel.etat is EtatAppel.PREPARE:
            voulu = _voulu(valider(SaisiePreparation, donnees_de_preparation(saisie)))
            service.modifier(session, code, acteur=acteur, maintenant=maintenant, **voulu)
        else:
            _deplacer(session, appel, saisie, formulaire.get("motif"), acteur, maintenant)
    except SaisieInvalide as erreur:
        refuser(request, _gabarit(appel), contexte, erreur.fautes)
    return rediriger(request, "campagne:appel", code=code, fait=MODIFIE)


def _deplacer(
    session: SessionDep, appel: Appel, saisie: dict[str, Any], motif: str, acteur: Identite, maintenant: datetime
) -> None:
    phases = [repository.annonce(phase) for phase in repository.list_phases(session, appel.id)]
    if len(phases) != len(saisie["phases"]):
        raise SaisieInvalide([Faute("", "Un appel ouvert garde ses phases.", "phase_absente")])
    neuves = deplacer(phases, saisie["phases"])
    service.deplacer_dates(session, appel.code, neuves, motif=motif, acteur=acteur, maintenant=maintenant)
