"""Pages de l'appel : la page publique, la conduite de la campagne (chargé de mission), les enveloppes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository, service
from app.etapes.appel.models import Appel
from app.etapes.appel.pages import saisies
from app.etapes.appel.rules import (
    ACTES_DE_CONDUITE,
    TRANSITIONS_APPEL,
    EtatAppel,
    NatureEnveloppe,
    Orientations,
    SilenceAvis,
)
from app.etapes.appel.schemas import (
    SaisieEnveloppe,
    deplacer,
    lire_preparation,
    saisie_d_orientations,
    saisie_de_phase,
    situer,
)
from app.etapes.contrat import repository as contenus
from app.infra.acces import PUBLIQUE, Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider_tout
from app.infra.gabarits import montant_saisi
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
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


def page_de_conduite(envoi: Envoi, code: str, saisie: dict[str, dict[str, str]] | None = None) -> Page:
    """La conduite de l'appel, après un acte refusé. `saisie` : ligne → ce qui était tapé."""
    appel = get_appel_conduit(envoi.session, code, envoi.acteur)
    return "appel/conduite.html", _contexte_conduite(envoi.session, appel, saisie or {})


@routeur.post("/campagne/{code}/actes/{acte}", name="campagne:acte", dependencies=[Depends(CONDUIT)])
def agir(envoi: EnvoiDep, code: str, acte: str) -> Response:
    """Ouvre, clôt, rouvre ou arrête l'appel."""
    get_appel_conduit(envoi.session, code, envoi.acteur)
    if acte not in FAIT:
        raise Introuvable("Cet acte n’existe pas.")
    with envoi.sinon(lambda: page_de_conduite(envoi, code)):
        service.passer(envoi.session, code, acte, **envoi.qui)
    return envoi.vers("campagne:appel", code=code, fait=FAIT[acte])


@routeur.post("/campagne/{code}/enveloppes/{ligne}", name="campagne:doter", dependencies=[Depends(CONDUIT)])
def doter(envoi: EnvoiDep, code: str, ligne: str) -> Response:
    """Fixe le montant d'une enveloppe."""
    with envoi.sinon(
        lambda: page_de_conduite(envoi, code, {ligne: envoi.saisie}), lambda f, vus: _de_la_ligne(f, ligne, vus)
    ):
        appel = get_appel_conduit(envoi.session, code, envoi.acteur)
        donnees = valider_tout(SaisieEnveloppe, envoi.formulaire.en_dict(), saisies.fautes_de_la_dotation)
        service.doter(
            envoi.session, contrat_id=appel.contrat_id, ligne=ligne, annee=appel.annee,
            montant=saisies.montant(donnees.montant), nature=donnees.nature, motif=donnees.motif, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("campagne:appel", code=code, fait=DOTEE)


def _de_la_ligne(faute: Faute, ligne: str, contexte: Mapping[str, Any]) -> Faute:
    """Au champ de sa ligne : la page a un formulaire par financeur, le résumé dit duquel il parle. Un refus porte sur
    le montant."""
    nom = next((lue.financeur for lue, _ in contexte["lignes"] if lue.code == ligne), ligne)
    message = f"{nom} : {faute.message[:1].lower()}{faute.message[1:]}"
    return Faute(f"{faute.champ or 'montant'}-{ligne}", message, faute.code)


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
        "grilles": [(v.version, v.nom) for v in grilles.list_versions(session, contrat.id)],
        "silences": [(regle.value, regle.libelle) for regle in SilenceAvis],
        "adresse": f"/campagne/{appel.code}/preparation" if appel else f"/campagne/contrats/{contrat.code}/appels",
        "fil": (("Campagne", "/campagne"), ("Préparer un appel", None)),
    }


@routeur.get("/campagne/contrats/{contrat}/appels/nouveau", name="campagne:nouveau", dependencies=[Depends(CONDUIT)])
def page_preparer(
    request: Request, session: SessionDep, acteur: Acteur, contrat: str, maintenant: Maintenant
) -> Response:
    """De quoi préparer un appel entier : phases, pièces, orientations."""
    trouve = _get_contrat_conduit(session, contrat, acteur)
    saisie = {"phases": [{"intitule": "Phase 1"}], "pieces": [], "seuil_court": "1 500"}
    return rendre(request, "appel/preparation.html", _contexte_neuf(session, trouve, maintenant, saisie))


def _contexte_neuf(
    session: SessionDep, contrat: Contrat, maintenant: datetime, saisie: dict[str, Any]
) -> dict[str, Any]:
    version = contrats.version_en_vigueur(session, contrat.id, a_paris(maintenant).date())
    return _contexte_preparation(session, contrat, version.id if version else None, saisie)


def _page_neuve(envoi: Envoi, contrat: str) -> Page:
    trouve = _get_contrat_conduit(envoi.session, contrat, envoi.acteur)
    contexte = _contexte_neuf(envoi.session, trouve, envoi.maintenant, lire_preparation(envoi.formulaire))
    return "appel/preparation.html", contexte


@routeur.post("/campagne/contrats/{contrat}/appels", name="campagne:preparer", dependencies=[Depends(CONDUIT)])
def preparer(envoi: EnvoiDep, contrat: str) -> Response:
    """Prépare un appel, avec la grille choisie ou la dernière ; ou remontre la page avec une phase de plus."""
    if envoi.formulaire.get("geste") == AJOUTER_PHASE:
        return _avec_une_phase(envoi, _page_neuve(envoi, contrat))
    with envoi.sinon(lambda: _page_neuve(envoi, contrat), _situee):
        trouve = _get_contrat_conduit(envoi.session, contrat, envoi.acteur)
        version = contrats.version_en_vigueur(envoi.session, trouve.id, a_paris(envoi.maintenant).date())
        derniere = next(iter(grilles.list_grilles(envoi.session, trouve.id)), None)
        if version is None or derniere is None:
            raise SaisieInvalide(
                [Faute("", "Chargez d’abord une version du contrat et une grille.", "rien_a_epingler")]
            )
        donnees = saisies.lire(envoi.session, trouve, version.id, lire_preparation(envoi.formulaire), est_neuf=True)
        grille = saisies.grille_voulue(envoi.session, trouve.id, donnees.grille) or derniere
        appel = service.preparer(
            envoi.session, contrat=trouve, version=version, grille=grille, code=donnees.code,
            annee=donnees.annee or 0, **envoi.qui, **saisies.voulu(donnees),
        )  # fmt: skip
    return envoi.vers("campagne:appel", code=appel.code, fait=PREPARE)


def _situee(faute: Faute, contexte: Mapping[str, Any]) -> Faute:
    return situer(faute, {ligne.code: ligne.financeur for ligne in contexte["lignes"]})


def _avec_une_phase(envoi: Envoi, page: Page) -> Response:
    """La même page, une phase vide de plus. Rien n'est écrit."""
    gabarit, contexte = page
    phases = contexte["saisie"]["phases"]
    neuve = {"intitule": f"Phase {len(phases) + 1}"}
    saisie = contexte["saisie"] | {"phases": [*phases, neuve]}
    return rendre(envoi.request, gabarit, {**contexte, "saisie": saisie})


def _saisie_de(session: SessionDep, appel: Appel) -> dict[str, Any]:
    return {
        "code": appel.code,
        "annee": str(appel.annee),
        "intitule": appel.intitule,
        "seuil_court": montant_saisi(appel.seuil_court),
        "silence_avis": appel.silence_avis.value,
        "grille": grilles.get_grille(session, appel.grille_id).version,
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


def _page_refaite(envoi: Envoi, code: str) -> Page:
    appel = get_appel_conduit(envoi.session, code, envoi.acteur)
    contrat = contrats.get_contrat(envoi.session, appel.contrat_id)
    contexte = _contexte_preparation(envoi.session, contrat, appel.version_id, _recue(envoi, appel), appel)
    return _gabarit(appel), contexte


def _recue(envoi: Envoi, appel: Appel) -> dict[str, Any]:
    """La saisie ; un appel refait garde son code et son année."""
    return lire_preparation(envoi.formulaire) | {"code": appel.code, "annee": str(appel.annee)}


@routeur.post("/campagne/{code}/preparation", name="campagne:modifier", dependencies=[Depends(CONDUIT)])
def modifier(envoi: EnvoiDep, code: str) -> Response:
    """Refait l'appel en préparation ; s'il est ouvert, déplace des dates à venir, avec motif."""
    appel = get_appel_conduit(envoi.session, code, envoi.acteur)
    if envoi.formulaire.get("geste") == AJOUTER_PHASE and appel.etat is EtatAppel.PREPARE:
        return _avec_une_phase(envoi, _page_refaite(envoi, code))
    with envoi.sinon(lambda: _page_refaite(envoi, code), _situee):
        if appel.etat is EtatAppel.PREPARE:
            contrat = contrats.get_contrat(envoi.session, appel.contrat_id)
            donnees = saisies.lire(envoi.session, contrat, appel.version_id, _recue(envoi, appel), est_neuf=False)
            grille = saisies.grille_voulue(envoi.session, contrat.id, donnees.grille)
            service.modifier(envoi.session, code, grille=grille, **envoi.qui, **saisies.voulu(donnees))
        else:
            _deplacer(envoi, appel)
    return envoi.vers("campagne:appel", code=code, fait=MODIFIE)


def _deplacer(envoi: Envoi, appel: Appel) -> None:
    saisie, motif = _recue(envoi, appel), envoi.formulaire.get("motif")
    phases = [repository.annonce(phase) for phase in repository.list_phases(envoi.session, appel.id)]
    if len(phases) != len(saisie["phases"]):
        raise SaisieInvalide([Faute("", "Un appel ouvert garde ses phases.", "phase_absente")])
    try:
        neuves = deplacer(phases, saisie["phases"])
    except SaisieInvalide as erreur:
        sans_motif = [] if motif.strip() else [Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige")]
        raise SaisieInvalide([*erreur.fautes, *sans_motif]) from None
    service.deplacer_dates(envoi.session, appel.code, neuves, motif=motif, **envoi.qui)
