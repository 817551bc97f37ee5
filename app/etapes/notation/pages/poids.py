"""Pages : explorer les poids d'une ligne. Rien ne s'écrit : tout est dans l'adresse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.notation import service
from app.etapes.notation.pages.communs import (
    EDITE_LES_GRILLES,
    ONGLETS,
    CritereDeLigne,
    appel_en_vue,
    criteres_de_la_ligne,
    ligne_choisie,
)
from app.etapes.notation.repository import distribution as lectures
from app.etapes.notation.repository.distribution import NOTES_MAX, NoteGardee
from app.etapes.notation.rules import ecrire_decimal
from app.etapes.notation.rules.effet import DIXIEMES, Bornes, Placement
from app.etapes.notation.rules.poids import MARGE_MAX, TETE, Parts, explorer, lire_poids, marges, parts_gardees
from app.infra.acces import Acteur, exiger
from app.infra.web import SessionDep, rendre
from app.referentiels.contrats import repository as contrats
from app.referentiels.grilles import service as grilles

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
MONTRES = 30


@dataclass(frozen=True, slots=True)
class DossierDeplace:
    """Un dossier en vue, avant et après."""

    note: NoteGardee
    placement: Placement


@routeur.get("/appels/{code}/poids/{ligne}", name="notation:poids", dependencies=[Depends(LIT)])
def page_poids(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    plus: Annotated[str, Query(max_length=60)] = "",
    moins: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Le formulaire des poids et leur effet : qui change de rang, de combien. N'écrit rien."""
    appel = appel_en_vue(session, code, acteur)
    choisie, toutes = ligne_choisie(session, appel, ligne)
    criteres = criteres_de_la_ligne(grilles.lire(session, appel.grille_id), ligne)
    depart = {critere.code: critere.poids for critere in criteres}
    saisie = {c: request.query_params[c][:20] for c in depart if c in request.query_params}
    poids, fautes = lire_poids(saisie, depart, plus=plus, moins=moins)
    gardees = lectures.list_notes_gardees(session, appel, choisie.id, acteur)
    contexte = {
        "appel": appel,
        "ligne": choisie,
        "lignes": toutes,
        "onglets": ONGLETS,
        "criteres": criteres,
        "saisie": {c: str(poids.get(c, saisie.get(c, valeur))) for c, valeur in depart.items()},
        "somme": sum(poids.values()),
        "erreurs": fautes,
        "change": not fautes and poids != depart,
        "est_coupe": len(gardees) > NOTES_MAX,
        "notes_max": NOTES_MAX,
        "tete": TETE,
        "editeur": _editeur(session, acteur, appel.contrat_id),
        "decimal": ecrire_decimal,
        "fil": (
            ("Dossiers", f"/instruction?appel={code}"),
            ("Classement", f"/appels/{code}/classement/{ligne}"),
            ("Explorer les poids", None),
        ),
    }
    effet = {"effet": None} if fautes or not gardees else _effet(gardees[:NOTES_MAX], criteres, poids)
    return rendre(request, "notation/poids.html", contexte | effet, statut=422 if fautes else 200)


def _editeur(session: SessionDep, acteur: Acteur, contrat_id: int) -> str:
    """L'adresse des grilles du contrat, pour qui en prépare ; vide sinon."""
    if not acteur.tient(*EDITE_LES_GRILLES, contrat_id=contrat_id):
        return ""
    return f"/contrats/{contrats.get_contrat(session, contrat_id).code}/grilles"


def _effet(gardees: list[NoteGardee], criteres: tuple[CritereDeLigne, ...], poids: Mapping[str, int]) -> dict[str, Any]:
    depart = {critere.code: critere.poids for critere in criteres}
    notes: dict[str, Parts] = {
        str(g.demande_id): tuple(p for p in parts_gardees(g.criteres) if p.code in depart) for g in gardees
    }
    effet = explorer(notes, depart, poids)
    par_cle = {str(g.demande_id): g for g in gardees}
    deplaces = [DossierDeplace(par_cle[p.dossier], p) for p in effet.placements]
    en_vue = [d for d in deplaces if d.note.en_vue]
    bougent = [d for d in en_vue if d.placement.change_de_rang or d.placement.bouge]
    premiers = sorted(
        (d for d in en_vue if d.placement.rang_apres is not None and d.placement.rang_apres <= TETE),
        key=lambda d: (d.placement.rang_apres or 0, d.note.numero),
    )
    return {
        "effet": effet,
        "bougent": bougent[:MONTRES],
        "bougent_total": len(bougent),
        "premiers": premiers[: 2 * TETE],
        "entrent": sum(_est_en_tete(d.placement.rang_apres) > _est_en_tete(d.placement.rang_avant) for d in deplaces),
        "marges": {marge.code: marge for marge in marges(notes.values(), poids)},
        "marge_max": MARGE_MAX,
        "ecrire": ecrire_bornes,
    }


def _est_en_tete(rang: int | None) -> bool:
    return rang is not None and rang <= TETE


def ecrire_bornes(bornes: Bornes | None) -> str:
    """« 78,5 », « 60,2 à 71,4 », « — » si plus aucun critère ne pèse."""
    if bornes is None:
        return "—"
    return " à ".join(dict.fromkeys(f"{b // DIXIEMES},{b % DIXIEMES}".removesuffix(",0") for b in bornes))
