"""Les décisions, ligne par ligne : à arrêter, à décider, à notifier ; arrêter, importer un lot, notifier tout."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.convention import repository
from app.etapes.convention.repository import Compte, Etape
from app.etapes.convention.rules import empechements_de_l_arrete
from app.etapes.convention.schemas import SaisieLot
from app.etapes.convention.service import decision, notification
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.convention.service.gardes import arrete_sur, decide_sur
from app.etapes.dossier.repository.attente import get_attente
from app.etapes.dossier.rules.attente import EnAttente
from app.etapes.dossier.rules.etats import JAMAIS_PROPOSEES, LIBELLES_DEMANDE, EtatDemande
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.forms import FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.lignes.repository import list_lignes

routeur = APIRouter()
LIT = exiger(*repository.LISENT)
DECIDE = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
ARRETE = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION)
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
    arretees = {(a.appel_id, a.ligne_id): a for a in repository.list_arretes(session, [a.id for a in lus])}
    lignes = {contrat: list_lignes(session, contrat) for contrat in dict.fromkeys(a.contrat_id for a in lus)}
    blocs = []
    for appel in lus:
        siens = [c for c in comptes if c.appel_id == appel.id]
        rangees = [
            {
                "ligne": ligne,
                "arrete": arretees.get((appel.id, ligne.id)),
                "etapes": _par_etape(c for c in siens if c.ligne_id == ligne.id),
                "sienne": decide_sur(acteur, appel.contrat_id, ligne.code),
            }
            for ligne in lignes[appel.contrat_id]
        ]
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
    arrete, enveloppe = repository.get_arrete_et_enveloppe(session, appel, ligne.id)
    comptes = [c for c in repository.compter(session, [appel.id], acteur) if c.ligne_id == ligne.id]
    etat = None
    if arrete is None:
        etat = repository.etat_de_la_ligne(session, appel, ligne, arrete, enveloppe, maintenant)
    return {
        "appel": appel,
        "ligne": ligne,
        "arrete": arrete,
        "enveloppe": enveloppe,
        "etapes": _par_etape(comptes),
        "libelles_etapes": [(e.value, libelle) for e, libelle in LIBELLES.items()],
        "etape": etape.value if etape is not None else "",
        "etat": etat,
        "empechements": empechements_de_l_arrete(etat) if etat is not None else (),
        "attente": EnAttente(sum(c.nombre for c in comptes if c.etat in JAMAIS_PROPOSEES), ()),
        "page": repository.page_de_la_ligne(session, appel, ligne.id, acteur, etape=etape, jeton=apres),
        "libelles": LIBELLES_DEMANDE,
        "peut_arreter": arrete_sur(acteur, appel.contrat_id, ligne.code),
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
def arreter_la_programmation(
    request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant
) -> Response:
    """Arrête la programmation de l'appel, une fois ses lignes arrêtées."""
    arreter_appel(session, code, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "campagne:appel", code=code, fait=APPEL_ARRETE)


@routeur.post("/appels/{code}/decisions/{ligne}/arrete", name="decisions:arreter", dependencies=[Depends(ARRETE)])
def arreter(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Arrête la programmation de la ligne : tout ce qui est voté est engagé, ou rien."""
    confirme = formulaire.get("confirme") == "oui"
    try:
        arreter_ligne(session, code, ligne, acteur=acteur, maintenant=maintenant, confirme=confirme)
    except SaisieInvalide as erreur:
        contexte = _contexte_ligne(session, code, ligne, acteur, maintenant)
        contexte["attente"] = get_attente(session, contexte["appel"], contexte["ligne"].id)
        refuser(request, "convention/ligne.html", contexte, erreur.fautes)
    return rediriger(request, "decisions:ligne", code=code, ligne=ligne, fait=ARRETEE)


@routeur.post("/appels/{code}/decisions/{ligne}/lot", name="decisions:lot", dependencies=[Depends(DECIDE)])
def importer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Contrôle un collage et montre ce qu'il ferait ; l'enregistre quand on le confirme."""
    saisie = {nom: formulaire.get(nom) for nom in ("lot", "reference_acte", "acte_le")}
    try:
        donnees = valider(SaisieLot, {n: v for n, v in saisie.items() if v.strip()})
        lot = _appliquer(session, code, ligne, donnees, acteur, maintenant, formulaire.get("acte") == "enregistrer")
    except SaisieInvalide as erreur:
        contexte = _contexte_ligne(session, code, ligne, acteur, maintenant, saisie=saisie)
        refuser(request, "convention/ligne.html", contexte, erreur.fautes)
    if formulaire.get("acte") == "enregistrer":
        return rediriger(request, "decisions:ligne", code=code, ligne=ligne, fait=LOT_ENREGISTRE)
    contexte = _contexte_ligne(session, code, ligne, acteur, maintenant, saisie=saisie) | {"controle": lot}
    return rendre(request, "convention/ligne.html", contexte)


def _appliquer(
    session: Session,
    code: str,
    ligne: str,
    donnees: SaisieLot,
    acteur: Identite,
    maintenant: datetime,
    pour_de_vrai: bool,
) -> decision.LotControle:
    lot = decision.decider_lot(
        session, code, ligne, texte=donnees.lot, reference_acte=donnees.reference_acte, acte_le=donnees.acte_le,
        acteur=acteur, maintenant=maintenant, pour_de_vrai=pour_de_vrai,
    )  # fmt: skip
    if lot.fautes:
        raise SaisieInvalide(list(lot.fautes))
    return lot


@routeur.post(
    "/appels/{code}/decisions/{ligne}/notification", name="decisions:notifier", dependencies=[Depends(DECIDE)]
)
def notifier_tout(
    request: Request, session: SessionDep, acteur: Acteur, code: str, ligne: str, maintenant: Maintenant
) -> Response:
    """Notifie tout ce qui est décidé et ne l'est pas encore sur la ligne."""
    notification.notifier_ligne(session, code, ligne, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "decisions:ligne", code=code, ligne=ligne, fait=NOTIFIEES)
