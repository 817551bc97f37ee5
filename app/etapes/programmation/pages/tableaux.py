"""Pages de lecture : choisir un appel, croiser les lignes, travailler une ligne."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier.repository import LIT_TOUT_LE_CONTRAT
from app.etapes.dossier.repository.phases import get_reserve
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE, EtatDemande
from app.etapes.programmation.pages.communs import LIT, EtatDeListe, adresse, appel_en_vue, lire_etat
from app.etapes.programmation.repository import croisement, soldes, tableau
from app.etapes.programmation.repository.montants import HORS_PROGRAMMATION
from app.etapes.programmation.repository.soldes import SoldeDeLigne
from app.etapes.programmation.repository.tableau import Avancement
from app.etapes.programmation.service import actes_ouverts, peut_simuler
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.curseur import Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_AGENT

routeur = APIRouter()
AVANCEMENTS = (
    (Avancement.SANS_MONTANT.value, "Sans montant"),
    (Avancement.AVEC_MONTANT.value, "Avec un montant"),
    (Avancement.ARBITRE.value, "Arbitrées"),
)
AVANCEMENTS_CROISES = AVANCEMENTS[:2]
ETATS = tuple((e.value, LIBELLES_DEMANDE[e].agent) for e in EtatDemande)
# Libellé, clé de tri, colonne de chiffres.
COLONNES = (
    ("Dossier", "numero", False),
    ("Note", "note", True),
    ("Demandé", "demande", True),
    ("L’an dernier", "n1", True),
    ("Proposé", "propose", True),
    ("Arbitré", "arbitre", True),
)


@routeur.get("/programmation", name="programmation", dependencies=[Depends(LIT)])
def page_choix(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Le choix de l'appel ; s'il n'y en a qu'un, on y va."""
    liste = appels.list_appels(session, acteur.contrats(ROLES_AGENT))
    if len(liste) == 1:
        return RedirectResponse(f"/appels/{liste[0].code}/programmation", status_code=303)
    return rendre(request, "programmation/choix.html", {"appels": liste, "classe_page": "dense"})


@routeur.get("/appels/{code}/programmation", name="programmation:ensemble", dependencies=[Depends(LIT)])
def page_ensemble(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Une carte par ligne, puis le croisement : un dossier par rangée, une ligne par colonne."""
    appel = appel_en_vue(session, code, acteur)
    etat = lire_etat(request.query_params, appel.annee)
    chemin = f"/appels/{code}/programmation"
    page = croisement.list_dossiers(session, acteur, appel, etat.annee, etat.filtre, jeton=etat.jeton)
    contexte = {
        **_cadre(appel, etat, chemin, acteur),
        "reserve": get_reserve(session, appel) if etat.annee == appel.annee else None,
        "soldes": soldes.list_soldes(session, acteur, appel, etat.annee),
        "page": page,
        "totaux": croisement.totaux(session, acteur, appel, etat.annee, etat.filtre),
        "pages": _voisines(etat, chemin, page),
        "choix": (_choix_avancement(etat, AVANCEMENTS_CROISES),),
        "libelles": LIBELLES_DEMANDE,
        "hors_programmation": HORS_PROGRAMMATION,
        "fil": (("Programmation", "/programmation"), (appel.intitule, None)),
    }
    return rendre(request, "programmation/ensemble.html", contexte)


@routeur.get("/appels/{code}/programmation/{ligne}", name="programmation:ligne", dependencies=[Depends(LIT)])
def page_ligne(
    request: Request, session: SessionDep, acteur: Acteur, code: str, ligne: str, maintenant: Maintenant
) -> Response:
    """Le tableau d'une ligne : chaque demande, et la saisie de son montant pour qui y est habilité."""
    appel = appel_en_vue(session, code, acteur)
    etat = lire_etat(request.query_params, appel.annee)
    contexte = contexte_ligne(session, acteur, appel, ligne, etat, maintenant)
    return rendre(request, "programmation/ligne.html", contexte)


def contexte_ligne(
    session: SessionDep,
    acteur: Identite,
    appel: Appel,
    ligne: str,
    etat: EtatDeListe,
    maintenant: datetime,
    garder: int | None = None,
) -> dict[str, Any]:
    """Ce que montre le tableau d'une ligne. `garder` : une demande à montrer même si la page ne la contient pas."""
    les_soldes = soldes.list_soldes(session, acteur, appel, etat.annee)
    solde = next((s for s in les_soldes if s.ligne.code == ligne), None)
    if solde is None:
        raise Introuvable("Cette ligne de financement n’existe pas.")
    chemin = f"/appels/{appel.code}/programmation/{ligne}"
    commun: dict[str, Any] = {"ligne_id": solde.ligne.id, "filtre": etat.filtre}
    page = tableau.list_demandes(session, acteur, appel, etat.annee, tri=etat.tri, jeton=etat.jeton, **commun)
    vues = list(page.elements)
    if garder is not None and all(v.demande_id != garder for v in vues):
        vue = tableau.get_demande_vue(session, acteur, garder)
        vues = [vue, *vues] if vue is not None else vues
    actes = {v.numero: actes_ouverts(acteur, appel.contrat_id, ligne, v.etat) for v in vues}
    annees = tableau.list_annees(session, acteur, appel, solde.ligne.id)
    return {
        **_cadre(appel, etat, chemin, acteur),
        "reserve": get_reserve(session, appel) if etat.annee == appel.annee else None,
        "solde": solde,
        "lignes": [s.ligne for s in les_soldes],
        "vues": vues,
        "totaux": tableau.totaux(session, acteur, appel, etat.annee, **commun),
        "pages": _voisines(etat, chemin, page),
        "colonnes": _colonnes(etat, chemin),
        "actes": actes,
        "annees": [(a, adresse(chemin, annee=a)) for a in sorted({appel.annee, *annees})],
        "choix": (
            _choix_avancement(etat, AVANCEMENTS),
            {
                "nom": "etat", "libelle": "État", "options": ETATS, "invite": "Tous ceux à programmer",
                "valeur": etat.filtre.etat.value if etat.filtre.etat is not None else "",
            },
        ),
        "libelles": LIBELLES_DEMANDE,
        "hors_programmation": HORS_PROGRAMMATION,
        "retour": adresse(chemin, **etat.parametres()),
        "saisies": {},
        "maintenant": maintenant,
        "erreurs": (),
        "fil": (
            ("Programmation", "/programmation"),
            (appel.intitule, f"/appels/{appel.code}/programmation"),
            (_nom(solde), None),
        ),
    }  # fmt: skip


def _nom(solde: SoldeDeLigne) -> str:
    return f"{solde.ligne.financeur} — {solde.ligne.intitule}"


def _cadre(appel: Appel, etat: EtatDeListe, chemin: str, acteur: Identite) -> dict[str, Any]:
    return {
        "appel": appel,
        "etat": etat,
        "annee": etat.annee,
        "chemin_liste": chemin,
        "est_filtree": etat.filtre != type(etat.filtre)(),
        "lit_tout": acteur.tient(*LIT_TOUT_LE_CONTRAT, contrat_id=appel.contrat_id),
        "peut_simuler": peut_simuler(acteur, appel.contrat_id),
        "classe_page": "dense",
    }


def _voisines(etat: EtatDeListe, chemin: str, page: Page[Any]) -> tuple[str | None, str | None]:
    return etat.voisine(chemin, page.precedent), etat.voisine(chemin, page.suivant)


def _choix_avancement(etat: EtatDeListe, options: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    avancement = etat.filtre.avancement
    valeur = avancement.value if avancement is not None else ""
    return {"nom": "avancement", "libelle": "Montant", "options": options, "valeur": valeur}


def _colonnes(etat: EtatDeListe, chemin: str) -> list[dict[str, Any]]:
    rendues: list[dict[str, Any]] = []
    for libelle, cle, nombre in COLONNES:
        actif = etat.tri.removeprefix("-") == cle
        descend = etat.tri.startswith("-")
        suivant = cle if (actif and descend) or (not actif and not nombre) else f"-{cle}"
        colonne = {
            "libelle": libelle, "nombre": nombre, "tri": adresse(chemin, **etat.parametres(tri=suivant, apres="")),
        }  # fmt: skip
        if actif:
            colonne["sens"] = "descendant" if descend else "ascendant"
        rendues.append(colonne)
    return [*rendues, {"libelle": "Autres financeurs"}]
