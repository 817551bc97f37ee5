"""Les décisions, ligne par ligne : à arrêter, à décider, à notifier ; arrêter, importer un lot, notifier tout."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.pages.conduite import page_de_conduite
from app.etapes.convention import repository
from app.etapes.convention.repository import Compte, Etape
from app.etapes.convention.rules import empechements_de_l_arrete
from app.etapes.convention.schemas import SaisieLot
from app.etapes.convention.service import decision, notification
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.convention.service.gardes import decide_sur
from app.etapes.dossier.rules.attente import EnAttente
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE, EtatDemande
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.lignes.repository import list_lignes

routeur = APIRouter()
LIT = exiger(*repository.LISENT)
DECIDE = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
CONDUIT = exiger(Role.CHARGE_MISSION)
APPEL_ARRETE = annoncer("appel-arreter", "C’est fait : la programmation de l’appel est arrêtée.")
ARRETEE = annoncer("ligne-arretee", "La programmation de la ligne est arrêtée : ce qui est voté est engagé.")
LOT_ENREGISTRE = annoncer("lot-enregistre", "Les décisions du lot sont enregistrées.")
NOTIFIEES = annoncer("lettres-parties", "Les lettres partent : chaque porteur est prévenu par courriel.")
LIBELLES = {
    Etape.A_VOTER: "À voter",
    Etape.A_DECIDER: "À décider",
    Etape.A_NOTIFIER: "À notifier",
    Etape.NOTIFIEE: "Notifiées",
}
REFUSENT = (EtatDemande.REFUSEE, EtatDemande.REFUS_NOTIFIE)


def _par_etape(comptes: Iterable[Compte]) -> dict[str, dict[str, Any]]:
    """Étape → nombre, voté, décidé, refusé."""
    rendu: dict[str, dict[str, Any]] = {
        e.value: {"nombre": 0, "vote": Euros(0), "decide": Euros(0), "refus": 0} for e in Etape
    }
    for c in comptes:
        case = rendu[repository.etape_de(c.etat).value]
        case["nombre"] += c.nombre
        case["vote"] += c.vote
        case["decide"] += c.decide
        case["refus"] += c.nombre if c.etat in REFUSENT else 0
    return rendu


@routeur.get("/decisions", name="decisions", dependencies=[Depends(LIT)])
def page_decisions(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Chaque ligne de chaque appel : ce qui reste à arrêter, à décider, à notifier."""
    lus = appels.list_appels(session, acteur.contrats(repository.LISENT))
    comptes = repository.compter(session, [a.id for a in lus], acteur)
    arretes = repository.list_arretes(session, [a.id for a in lus])
    lignes = {contrat: list_lignes(session, contrat) for contrat in dict.fromkeys(a.contrat_id for a in lus)}
    blocs = []
    for appel in lus:
        rangees = []
        for ligne in lignes[appel.contrat_id]:
            siens = [c for c in comptes if (c.appel_id, c.ligne_id) == (appel.id, ligne.id)]
            ses_arretes = [a for a in arretes if (a.acte.appel_id, a.acte.ligne_id) == (appel.id, ligne.id)]
            dernier = max((a.rang for a in ses_arretes), default=0)
            rangees.append(
                {
                    "ligne": ligne,
                    "arretes": ses_arretes,
                    "etapes": _par_etape(siens),
                    "a_arreter": _par_etape(c for c in siens if c.phase > dernier)[Etape.A_DECIDER.value],
                    "sienne": decide_sur(acteur, appel.contrat_id, ligne.code),
                }
            )
        blocs.append({"appel": appel, "rangees": rangees})
    return rendre(request, "convention/decisions.html", {"blocs": blocs, "fil": (("Décisions", None),)})


def _contexte_ligne(
    session: Session,
    appel_code: str,
    ligne_code: str,
    acteur: Identite,
    maintenant: datetime,
    *,
    etape: Etape | None = None,
    apres: str = "",
    saisie: dict[str, str] | None = None,
) -> dict[str, Any]:
    appel, ligne = repository.get_appel_et_ligne(session, appel_code, ligne_code, acteur)
    arretes, enveloppe = repository.list_arretes_et_enveloppe(session, appel, ligne.id)
    dernier = max((a.rang for a in arretes), default=0)
    comptes = [c for c in repository.compter(session, [appel.id], acteur) if c.ligne_id == ligne.id]
    etat = repository.etat_de_la_ligne(session, appel, ligne, dernier, enveloppe, maintenant)
    return {
        "appel": appel,
        "ligne": ligne,
        "arretes": arretes,
        "enveloppe": enveloppe,
        "etapes": _par_etape(comptes),
        "decidables": _par_etape(c for c in comptes if c.phase <= dernier)[Etape.A_DECIDER.value]["nombre"],
        "libelles_etapes": [(e.value, libelle) for e, libelle in LIBELLES.items()],
        "etape": etape.value if etape is not None else "",
        "etat": etat,
        "empechements": empechements_de_l_arrete(etat, maintenant),
        "attente": EnAttente.de(etat.jamais_proposees),
        "page": repository.page_de_la_ligne(session, appel, ligne.id, acteur, etape=etape, jeton=apres),
        "libelles": LIBELLES_DEMANDE,
        "peut_decider": decide_sur(acteur, appel.contrat_id, ligne.code),
        "adresse": f"/appels/{appel.code}/decisions/{ligne.code}",
        "saisie": saisie or {},
        "controle": None,
        "maintenant": maintenant,
        "fil": (("Décisions", "/decisions"), (f"{ligne.financeur}, {appel.intitule}", None)),
    }


@routeur.get("/appels/{code}/decisions/{ligne}", name="decisions:ligne", dependencies=[Depends(LIT)])
def page_ligne(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    maintenant: Maintenant,
    etape: Annotated[str, Query()] = "",
    apres: Annotated[str, Query()] = "",
) -> Response:
    """Une ligne, du vote à la notification."""
    choisie = Etape(etape) if etape in {e.value for e in LIBELLES} else None
    contexte = _contexte_ligne(session, code, ligne, acteur, maintenant, etape=choisie, apres=apres)
    return rendre(request, "convention/ligne.html", contexte)


@routeur.post("/campagne/{code}/arreter", name="decisions:arreter_appel", dependencies=[Depends(CONDUIT)])
def arreter_la_programmation(envoi: EnvoiDep, code: str) -> Response:
    """Arrête la programmation de l'appel, une fois ses lignes arrêtées."""
    with envoi.sinon(lambda: page_de_conduite(envoi, code)):
        arreter_appel(envoi.session, code, **envoi.qui)
    return envoi.vers("campagne:appel", code=code, fait=APPEL_ARRETE)


def _page(envoi: Envoi, code: str, ligne: str) -> Page:
    saisie = {nom: envoi.formulaire.get(nom) for nom in SaisieLot.model_fields}
    contexte = _contexte_ligne(envoi.session, code, ligne, envoi.acteur, envoi.maintenant, saisie=saisie)
    return "convention/ligne.html", contexte


@routeur.post("/appels/{code}/decisions/{ligne}/arrete", name="decisions:arreter", dependencies=[Depends(DECIDE)])
def arreter(envoi: EnvoiDep, code: str, ligne: str) -> Response:
    """Arrête la programmation de la ligne : tout ce qui est voté est engagé, ou rien."""
    with envoi.sinon(lambda: _page(envoi, code, ligne)):
        arreter_ligne(envoi.session, code, ligne, confirme=envoi.formulaire.get("confirme") == "oui", **envoi.qui)
    return envoi.vers("decisions:ligne", code=code, ligne=ligne, fait=ARRETEE)


@routeur.post("/appels/{code}/decisions/{ligne}/lot", name="decisions:lot", dependencies=[Depends(DECIDE)])
def importer(envoi: EnvoiDep, code: str, ligne: str) -> Response:
    """Contrôle un collage et montre ce qu'il ferait ; l'enregistre quand on le confirme."""
    pour_de_vrai = envoi.formulaire.get("acte") == "enregistrer"
    with envoi.sinon(lambda: _page(envoi, code, ligne)):
        lot = _appliquer(envoi, code, ligne, pour_de_vrai=pour_de_vrai)
    if pour_de_vrai:
        return envoi.vers("decisions:ligne", code=code, ligne=ligne, fait=LOT_ENREGISTRE)
    gabarit, contexte = _page(envoi, code, ligne)
    return rendre(envoi.request, gabarit, {**contexte, "controle": lot})


def _appliquer(envoi: Envoi, code: str, ligne: str, *, pour_de_vrai: bool) -> decision.LotControle:
    recus = envoi.formulaire.en_dict()
    donnees = valider(SaisieLot, {n: v for n, v in recus.items() if n in SaisieLot.model_fields})
    lot = decision.decider_lot(
        envoi.session, code, ligne, texte=donnees.lot, reference_acte=donnees.reference_acte, acte_le=donnees.acte_le,
        pour_de_vrai=pour_de_vrai, **envoi.qui,
    )  # fmt: skip
    if lot.fautes:
        raise SaisieInvalide(list(lot.fautes))
    return lot


@routeur.post(
    "/appels/{code}/decisions/{ligne}/notification", name="decisions:notifier", dependencies=[Depends(DECIDE)]
)
def notifier_tout(envoi: EnvoiDep, code: str, ligne: str) -> Response:
    """Notifie tout ce qui est décidé et ne l'est pas encore sur la ligne."""
    with envoi.sinon(lambda: _page(envoi, code, ligne)):
        notification.notifier_ligne(envoi.session, code, ligne, **envoi.qui)
    return envoi.vers("decisions:ligne", code=code, ligne=ligne, fait=NOTIFIEES)
