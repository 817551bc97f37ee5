"""Un point en séance : le dossier en grand, les voix, l'amendement, l'ajournement, la réserve."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.commission.pages.communs import LIT, TIENT, cadre, lire_bulletins, points_deportes
from app.etapes.commission.repository import PointLu, Salle
from app.etapes.commission.rules import Sens, deportes_du_point
from app.etapes.commission.schemas import AjournementEntrant, ProclamationEntrante, ReserveEntrante, VotesEntrants
from app.etapes.commission.service import votes
from app.etapes.consultation.repository import avis_courants
from app.etapes.dossier.models import Dossier
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.direct import rendre_en_direct
from app.infra.envoi import Envoi, EnvoiDep, Page, renommer
from app.infra.forms import Formulaire, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer
from app.noyau.erreurs import ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros, MontantIllisible

routeur = APIRouter()
PROCLAME = annoncer("point-proclame", "Le résultat est proclamé.")
ENREGISTRE = annoncer("voix-enregistrees", "Les voix sont enregistrées. Proclamez quand tout le monde a voté.")
REJETE = annoncer("amendement-rejete", "L’amendement est rejeté : le point reste à voter au montant soumis.")
TONS_AVIS = {"favorable": "oui", "favorable_avec_reserve": "attente", "reserve": "attente", "defavorable": "non"}
SENS = [(Sens.POUR.value, "Pour", "P"), (Sens.CONTRE.value, "Contre", "C"), (Sens.ABSTENTION.value, "Abstention", "A")]


def _voisins(points: list[PointLu], rang: int) -> dict[str, int | None]:
    rangs = [p.point.rang for p in points]
    ouverts = [p.point.rang for p in points if p.resultat is None and not p.est_retiree]
    return {
        "precedent": max((r for r in rangs if r < rang), default=None),
        "suivant": min((r for r in rangs if r > rang), default=None),
        "prochain_ouvert": min((r for r in ouverts if r > rang), default=min(ouverts, default=None)),
    }


def _avis(session: Session, dossier: Dossier) -> list[tuple[str, int, str]]:
    """Les avis des services, comptés : libellé, nombre, forme."""
    degres = Counter(a.avis.degre for a in avis_courants(session, [dossier.id]).get(dossier.id, ()))
    return [(d.libelle, n, TONS_AVIS.get(d.value, "neutre")) for d, n in degres.items()]


def _votants(session: Session, salle: Salle, lu: PointLu, deportes: frozenset[str], instant: datetime) -> list[Any]:
    """Les voix possibles, dans l'ordre des sièges : (rang, qualité, porteur, sens déjà enregistré)."""
    donnees = {v.membre: v.sens.value for v in repository.votes_de(session, lu.point.id)}
    return [
        (code, salle.qualite(code), salle.qualite(porteur), donnees.get(code, ""))
        for code, porteur in salle.votants(instant, deportes).items()
    ]


def _contexte(
    session: Session, seance: Seance, rang: int, acteur: Identite, maintenant: datetime, saisie: dict[str, str]
) -> dict[str, Any]:
    points = list(repository.list_points(session, seance.id))
    lu = next((p for p in points if p.point.rang == rang), None)
    if lu is None:
        raise Introuvable("Ce point n’est pas à l’ordre du jour.")
    salle = repository.lire_salle(session, seance)
    deports = repository.deports_de(session, seance.id)
    if rang in points_deportes(salle, deports, acteur):
        raise ActeInterdit("Vous vous êtes déporté de ce dossier : ni travaux préparatoires, ni débat, ni vote.")
    deportes = deportes_du_point(deports, str(rang))
    freres = [p for p in points if p.dossier.id == lu.dossier.id]
    ouvert = seance.etat is EtatSeance.OUVERTE and lu.resultat is None and not lu.est_retiree
    return cadre(seance, "votes", acteur, f"Point {rang}") | _voisins(points, rang) | {
        "lu": lu,
        "freres": freres,
        "notes": repository.notes_de(session, [p.demande.id for p in freres]),
        "avis": _avis(session, lu.dossier),
        "quartiers": repository.noms_des_quartiers(session, seance.contrat_id, lu.dossier.quartiers),
        "nombre": len(points),
        "ouvert": ouvert,
        "montrer_quorum": lu.resultat is None and seance.etat is not EtatSeance.CLOSE,
        "quorum": salle.quorum(maintenant, deportes),
        "pouvoirs": len(salle.pouvoirs(maintenant, deportes)[0]),
        "votants": _votants(session, salle, lu, deportes, maintenant) if lu.resultat is None else [],
        "preside": salle.qualite(salle.president(deportes)),
        "deportes": [salle.qualite(c) for c in sorted(deportes, key=int)],
        "sieges": [(m.code, m.libelle) for m in salle.membres if m.a_voix and m.code not in deportes],
        "soldes": repository.soldes_de_seance(session, seance),
        "sens": SENS,
        "saisie": saisie,
        "classe_page": "projection",
    }  # fmt: skip


@routeur.get("/seances/{code}/points/{rang}", name="seance:point", dependencies=[Depends(LIT)])
def page_point(
    request: Request, session: SessionDep, acteur: Acteur, code: str, rang: int, maintenant: Maintenant
) -> Response:
    """Le point en discussion, en grand."""
    seance = repository.get_seance(session, code, acteur)
    return rendre_en_direct(
        request, session, seance.contrat_id, "commission/point.html",
        lambda: _contexte(session, seance, rang, acteur, maintenant, {}),
    )  # fmt: skip


def _page(envoi: Envoi, code: str, rang: int) -> Page:
    seance = repository.get_seance(envoi.session, code, envoi.acteur)
    return "commission/point.html", _contexte(envoi.session, seance, rang, envoi.acteur, envoi.maintenant, envoi.saisie)


@routeur.post("/seances/{code}/points/{rang}/vote", name="seance:voter", dependencies=[Depends(TIENT)])
def voter(envoi: EnvoiDep, code: str, rang: int) -> Response:
    """Enregistre les voix (`acte` = enregistrer) ou les enregistre et proclame le résultat."""
    enregistrer = envoi.formulaire.get("acte") == "enregistrer"
    with envoi.sinon(lambda: _page(envoi, code, rang)):
        if enregistrer:
            entree = valider(VotesEntrants, lire_bulletins(envoi.formulaire))
            votes.voter(envoi.session, code, rang, entree.bulletins(), **envoi.qui)
        else:
            donnees = valider(ProclamationEntrante, lire_bulletins(envoi.formulaire))
            votes.proclamer(
                envoi.session, code, rang, bulletins=donnees.bulletins_ou_rien(), partiel=donnees.partiel, **envoi.qui
            )
    return envoi.vers("seance:point", code=code, rang=rang, fait=ENREGISTRE if enregistrer else PROCLAME)


def _montant(formulaire: Formulaire) -> Euros:
    try:
        return Euros.lire(formulaire.get("montant"))
    except MontantIllisible:
        faute = Faute("montant", "Écrivez un montant, par exemple 5 000.", "montant_illisible")
        raise SaisieInvalide([faute]) from None


@routeur.post("/seances/{code}/points/{rang}/amendement", name="seance:amender", dependencies=[Depends(TIENT)])
def amender(envoi: EnvoiDep, code: str, rang: int) -> Response:
    """Met aux voix un autre montant."""
    with envoi.sinon(lambda: _page(envoi, code, rang), renommer(motif="motif_amendement")):
        bulletins = valider(VotesEntrants, lire_bulletins(envoi.formulaire)).bulletins()
        proclame = votes.amender(
            envoi.session, code, rang, montant=_montant(envoi.formulaire), bulletins=bulletins,
            motif=envoi.formulaire.get("motif_amendement"), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("seance:point", code=code, rang=rang, fait=PROCLAME if proclame else REJETE)


@routeur.post("/seances/{code}/points/{rang}/ajournement", name="seance:ajourner", dependencies=[Depends(TIENT)])
def ajourner(envoi: EnvoiDep, code: str, rang: int) -> Response:
    """Met aux voix l'ajournement."""
    with envoi.sinon(lambda: _page(envoi, code, rang), renommer(motif="motif_ajournement")):
        brut = {"motif": envoi.formulaire.get("motif_ajournement"), **lire_bulletins(envoi.formulaire)}
        entree = valider(AjournementEntrant, brut)
        votes.ajourner(envoi.session, code, rang, motif=entree.motif, bulletins=entree.bulletins(), **envoi.qui)
    return envoi.vers("seance:point", code=code, rang=rang, fait=PROCLAME)


@routeur.post("/seances/{code}/points/{rang}/reserve", name="seance:reserver", dependencies=[Depends(TIENT)])
def reserver(envoi: EnvoiDep, code: str, rang: int) -> Response:
    """Met aux voix l'inscription sur la liste de réserve."""
    with envoi.sinon(lambda: _page(envoi, code, rang), renommer(motif="motif_reserve")):
        place = envoi.formulaire.get("rang_reserve").strip()
        brut = {"motif": envoi.formulaire.get("motif_reserve"), **lire_bulletins(envoi.formulaire)}
        entree = valider(ReserveEntrante, brut | ({"rang_reserve": place} if place else {}))
        votes.mettre_en_reserve(
            envoi.session, code, rang, rang_reserve=entree.rang_reserve, motif=entree.motif,
            bulletins=entree.bulletins(), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("seance:point", code=code, rang=rang, fait=PROCLAME)
