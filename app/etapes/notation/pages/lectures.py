"""Pages : demander une seconde lecture, la rendre sans voir la note, la retirer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import service
from app.etapes.notation.pages.noms import cite_des_textes, noms_des_codes
from app.etapes.notation.pages.vues import capitale, fait_lu
from app.etapes.notation.rules import Note, Question
from app.etapes.notation.rules.lectures import MOTIF_MAX, SANS_AVIS
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeInterdit

routeur = APIRouter()
INSTRUIT = exiger(*EXAMINE)
DEMANDEE = annoncer("lecture-demandee", "La seconde lecture est demandée. Cette personne ne verra la note qu’après.")
PRISE = annoncer("lecture-prise", "La lecture vous est confiée : la note vous est cachée jusqu’à ce que vous rendiez.")
RENDUE = annoncer("lecture-rendue", "Votre lecture est enregistrée. Voici la note, et ce qui diffère.")
RETIREE = annoncer("lecture-retiree", "La seconde lecture n’est plus demandée.")


def _contexte(session: SessionDep, acteur: Identite, numero: str, ligne: str, saisie: dict[str, str]) -> dict[str, Any]:
    dossier, note, posees = service.lire_questions(session, numero, ligne, acteur=acteur)
    return {
        "dossier": dossier,
        "ligne": ligne,
        "libelle": note.libelle,
        "posees": _posees(session, dossier, note, posees),
        "saisie": saisie,
        "capitale": capitale,
        "motif_max": MOTIF_MAX,
        "sans_avis": SANS_AVIS,
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            ("Notes", f"/dossiers/{dossier.numero}/notes"),
            (f"Seconde lecture, {note.libelle}", None),
        ),
    }


def _posees(session: SessionDep, dossier: Dossier, note: Note, posees: Any) -> list[tuple[Question, Any]]:
    """Chaque question et les faits qu'elle lit, sans rien de ce que la grille en a tiré."""
    noms = noms_des_codes(session, dossier, textes=cite_des_textes(note.faits))
    return [
        (question, [fait_lu(code, fait, noms) for code, fait in note.ligne_note(question.code).faits_utilises])
        for question in posees
    ]


@routeur.get("/dossiers/{numero}/notes/{ligne}/lecture", name="notation:lecture", dependencies=[Depends(INSTRUIT)])
def page_lecture(request: Request, session: SessionDep, acteur: Acteur, numero: str, ligne: str) -> Response:
    """Les faits et les paliers de chaque critère, sans la note ni les ajustements."""
    return rendre(request, "notation/lecture.html", _contexte(session, acteur, numero, ligne, {}))


def _page(envoi: Envoi, numero: str, ligne: str) -> Page:
    return "notation/lecture.html", _contexte(envoi.session, envoi.acteur, numero, ligne, envoi.saisie)


@routeur.post("/dossiers/{numero}/notes/{ligne}/lecture", name="notation:rendre", dependencies=[Depends(INSTRUIT)])
def rendre_lecture(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Rend sa lecture : elle ne change plus, et la note se montre."""
    saisie = envoi.saisie
    with envoi.sinon(lambda: _page(envoi, numero, ligne)):
        service.rendre_lecture(
            envoi.session, numero, ligne, taux=_du_prefixe(saisie, "taux-"), motifs=_du_prefixe(saisie, "motif-"),
            **envoi.qui,
        )  # fmt: skip
    return envoi.vers("notation:fiche", numero=numero, ligne=ligne, fait=RENDUE)


def _du_prefixe(saisie: dict[str, str], prefixe: str) -> dict[str, str]:
    return {nom.removeprefix(prefixe): valeur for nom, valeur in saisie.items() if nom.startswith(prefixe)}


def _contexte_demande(
    session: SessionDep, acteur: Identite, numero: str, ligne: str, maintenant: datetime
) -> dict[str, Any]:
    dossier = service.lire_dossier(session, numero, acteur)
    vue = service.ligne_vue(session, dossier, ligne, acteur.acteur)
    if not service.peut_ajuster(acteur, dossier, ligne):
        raise ActeInterdit(f"La seconde lecture revient aux personnes qui instruisent la ligne {ligne}.")
    possibles = service.lecteurs_possibles(session, dossier, vue.demande, ligne, maintenant)
    return {
        "dossier": dossier,
        "vue": vue,
        "moi": acteur.acteur,
        "options": [(c.acteur, f"{c.nom_affiche}{' (vous)' if c.acteur == acteur.acteur else ''}") for c in possibles],
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            (f"Note {vue.libelle}", f"/dossiers/{dossier.numero}/notes/{ligne}"),
            ("Seconde lecture", None),
        ),
    }


@routeur.get("/dossiers/{numero}/notes/{ligne}/lectures", name="notation:lectures", dependencies=[Depends(INSTRUIT)])
def page_lectures(
    request: Request, session: SessionDep, acteur: Acteur, numero: str, ligne: str, maintenant: Maintenant
) -> Response:
    """Les secondes lectures d'une note, et de quoi en demander une."""
    contexte = _contexte_demande(session, acteur, numero, ligne, maintenant)
    return rendre(request, "notation/lectures.html", contexte)


def _page_demande(envoi: Envoi, numero: str, ligne: str) -> Page:
    contexte = _contexte_demande(envoi.session, envoi.acteur, numero, ligne, envoi.maintenant)
    return "notation/lectures.html", contexte


@routeur.post(
    "/dossiers/{numero}/notes/{ligne}/lectures", name="notation:demander_lecture", dependencies=[Depends(INSTRUIT)]
)
def demander(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Confie la lecture à quelqu'un, ou la prend pour soi : on va alors droit à la page de lecture."""
    lecteur = envoi.formulaire.get("lecteur")
    with envoi.sinon(lambda: _page_demande(envoi, numero, ligne)):
        service.demander_lecture(envoi.session, numero, ligne, lecteur=lecteur, **envoi.qui)
    if lecteur == envoi.acteur.acteur:
        return envoi.vers("notation:lecture", numero=numero, ligne=ligne, fait=PRISE)
    return envoi.vers("notation:lectures", numero=numero, ligne=ligne, fait=DEMANDEE)


@routeur.post(
    "/dossiers/{numero}/notes/{ligne}/lectures/retrait",
    name="notation:retirer_lecture",
    dependencies=[Depends(INSTRUIT)],
)
def retirer(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Retire une lecture qui n'est pas rendue."""
    with envoi.sinon(lambda: _page_demande(envoi, numero, ligne)):
        service.retirer_lecture(envoi.session, numero, ligne, lecteur=envoi.formulaire.get("lecteur"), **envoi.qui)
    return envoi.vers("notation:lectures", numero=numero, ligne=ligne, fait=RETIREE)
