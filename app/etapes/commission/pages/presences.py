"""Les présences et les pouvoirs d'une séance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance, StatutPresence
from app.etapes.commission.pages.communs import LIT, TIENT, cadre
from app.etapes.commission.rules import en_clair
from app.etapes.commission.service import presences
from app.etapes.commission.service.presences import PresenceDite
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.direct import rendre_en_direct
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import Formulaire
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer

routeur = APIRouter()
NOTEES = annoncer("presences-notees", "Les présences sont notées.")
POUVOIR = "pouvoir-"


def _contexte(
    session: Session, seance: Seance, acteur: Identite, maintenant: datetime, saisie: dict[str, str] | None = None
) -> dict[str, Any]:
    salle = repository.lire_salle(session, seance)
    portes = {p.mandant: f"{POUVOIR}{p.mandataire}" for p in salle.procurations}
    notes = {m.code: "present" if m.code in salle.presents else portes.get(m.code, "absent") for m in salle.membres}
    return cadre(seance, "presences", acteur, "Présences") | {
        "membres": salle.membres,
        "notes": saisie if saisie is not None else notes,
        "pouvoirs": [(salle.qualite(p.mandant), salle.qualite(p.mandataire)) for p in salle.procurations],
        "quorum": salle.quorum(maintenant),
        "preside": salle.qualite(salle.president()),
        "reglement": salle.regles,
        "regles_en_clair": en_clair(salle.regles),
        "modifiable": seance.etat is not EtatSeance.CLOSE,
    }


@routeur.get("/seances/{code}/presences", name="seance:presences", dependencies=[Depends(LIT)])
def page_presences(
    request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant
) -> Response:
    """Qui est là, qui porte le pouvoir de qui, le quorum."""
    seance = repository.get_seance(session, code, acteur)
    return rendre_en_direct(
        request, session, seance.contrat_id, "commission/presences.html",
        lambda: _contexte(session, seance, acteur, maintenant),
    )  # fmt: skip


def _lire(formulaire: Formulaire) -> dict[int, PresenceDite]:
    """Champs « siege-3 » : present, absent, ou « pouvoir-5 » (le siège 5 porte le pouvoir). Le reste est passé."""
    dites: dict[int, PresenceDite] = {}
    for nom in formulaire.noms():
        rang, valeur = nom.removeprefix("siege-"), formulaire.get(nom)
        if not nom.startswith("siege-") or not rang.isdecimal():
            continue
        porteur = valeur.removeprefix(POUVOIR)
        if valeur.startswith(POUVOIR):
            mandataire = int(porteur) if porteur.isdecimal() else None
            dites[int(rang)] = PresenceDite(StatutPresence.REPRESENTE, mandataire)
        elif valeur == StatutPresence.PRESENT.value:
            dites[int(rang)] = PresenceDite(StatutPresence.PRESENT)
    return dites


def _page(envoi: Envoi, code: str) -> Page:
    seance = repository.get_seance(envoi.session, code, envoi.acteur)
    saisie = {nom.removeprefix("siege-"): valeur for nom, valeur in envoi.saisie.items()}
    return "commission/presences.html", _contexte(envoi.session, seance, envoi.acteur, envoi.maintenant, saisie)


@routeur.post("/seances/{code}/presences", name="seance:noter_presences", dependencies=[Depends(TIENT)])
def noter(envoi: EnvoiDep, code: str) -> Response:
    """Note les présences et les pouvoirs."""
    with envoi.sinon(lambda: _page(envoi, code)):
        presences.noter(envoi.session, code, _lire(envoi.formulaire), **envoi.qui)
    return envoi.vers("seance:presences", code=code, fait=NOTEES)
