"""Les noms que disent les codes d'un fait : communes, quartiers, objectifs, priorités du contrat du dossier."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.etapes.contrat import repository as contenus
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository.referentiel import Referentiel, get_referentiel
from app.etapes.notation.rules import FaitsDossier
from app.etapes.notation.rules.noms import Noms

DOMAINES = {
    "objectif_principal": "objectifs",
    "objectifs_secondaires": "objectifs",
    "objectifs_operationnels": "operationnels",
    "fiches_visees": "fiches",
    "besoins_fiche": "fiches",
    "priorites_fiche": "priorites",
    "communes_touchees": "communes",
}
DES_TEXTES = frozenset({"pistes_transversales", "actions_feuille_de_route"})
COURT = 140


def cite_des_textes(faits: FaitsDossier) -> bool:
    """Vrai si un fait cite une piste de travail ou une action d'une feuille de route."""
    return any(faits.fait(code) is not None for code in DES_TEXTES)


def noms_des_codes(session: Session, dossier: Dossier, *, textes: bool) -> Noms:
    """Fait → code → nom, pour ce que ce dossier peut citer. Une requête ; deux de plus avec les longs `textes`."""
    referentiel = get_referentiel(session, dossier.contrat_id, dossier.version_id)
    noms = {fait: _du_domaine(referentiel, domaine) for fait, domaine in DOMAINES.items()}
    if textes:
        version = dossier.version_id
        noms["pistes_transversales"] = {
            piste["code"]: f"{piste['code']} {piste['intitule']}"
            for objectif in contenus.list_objectifs(session, version)
            for piste in objectif.contenu.get("pistes") or ()
        }
        noms["actions_feuille_de_route"] = dict(actions_des_feuilles(session, version))
    return noms


def _du_domaine(referentiel: Referentiel, domaine: str) -> dict[str, str]:
    fiches = {entree.code: entree.intitule for entree in referentiel.liste("fiches")}
    noms = {}
    for entree in referentiel.liste(domaine):
        match domaine:
            case "objectifs":
                noms[entree.code] = f"Objectif {entree.code} {entree.intitule}"
            case "operationnels":
                noms[entree.code] = f"{entree.code} {entree.intitule}"
            case "fiches":
                noms[entree.code] = f"{entree.intitule} ({entree.precision})"
            case "priorites":
                fiche, _, rang = entree.code.partition(":")
                noms[f"{fiche}.{rang}"] = f"{fiches.get(fiche, fiche)}, priorité {rang} : {entree.intitule}"
            case _:
                noms[entree.code] = entree.intitule
    return noms


def actions_des_feuilles(session: Session, version_id: int) -> list[tuple[str, str]]:
    """(code, texte abrégé) de chaque action des feuilles de route. Une requête."""
    rubriques = contenus.list_rubriques(session, version_id)
    feuilles = next((r.contenu for r in rubriques if r.code == "feuilles_de_route"), {})
    return [
        (f"{feuille['code']}.{action['code']}", f"{feuille['intitule']} : {str(action.get('texte', ''))[:COURT]}")
        for feuille in feuilles.get("elements", ())
        for rangee in feuille.get("rangees", ())
        for axe in rangee.get("axes", ())
        for action in axe.get("actions", ())
    ]
