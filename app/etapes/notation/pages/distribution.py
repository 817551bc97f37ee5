"""Pages : la répartition des notes d'une ligne, et ce que chaque critère départage."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.notation import service
from app.etapes.notation.pages.communs import ONGLETS, appel_en_vue, criteres_de_la_ligne, ligne_choisie
from app.etapes.notation.repository import distribution as lectures
from app.etapes.notation.rules import ecrire_arrondi, ecrire_decimal
from app.etapes.notation.rules.distribution import Repartition, Verdict, histogramme, repartir
from app.infra.acces import Acteur, exiger
from app.infra.web import SessionDep, rendre
from app.referentiels.grilles import service as grilles

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
BANDES = ("100 %", "50 à 99 %", "1 à 49 %", "0 %", "Indécis", "Sans objet")
VERDICTS = {
    Verdict.DEPARTAGE: ("Départage", "oui"),
    Verdict.ENTRE_DEUX: ("Départage un peu", "neutre"),
    Verdict.SATURE: ("Sature", "attente"),
    Verdict.VIDE: ("Rien à départager", "neutre"),
}


@routeur.get("/appels/{code}/distribution/{ligne}", name="notation:distribution", dependencies=[Depends(LIT)])
def page_distribution(request: Request, session: SessionDep, acteur: Acteur, code: str, ligne: str) -> Response:
    """L'histogramme des notes, et la part de chaque palier par critère."""
    appel = appel_en_vue(session, code, acteur)
    choisie, toutes = ligne_choisie(session, appel, ligne)
    criteres = criteres_de_la_ligne(grilles.lire(session, appel.grille_id), ligne)
    notes = lectures.grouper_notes(session, appel, choisie.id, acteur)
    comptes = lectures.compter_par_palier(session, appel, choisie.id, acteur)
    libelles = {critere.code: critere.libelle for critere in criteres}
    contexte = {
        "appel": appel,
        "ligne": choisie,
        "lignes": toutes,
        "onglets": ONGLETS,
        "nombre": notes.nombre,
        "quartiles": [ecrire_arrondi(quartile) for quartile in notes.quartiles],
        "tranches": histogramme(notes.tranches),
        "repartitions": repartir(comptes, [critere.code for critere in criteres]),
        "libelles": libelles,
        "bandes": BANDES,
        "en_bandes": en_bandes,
        "verdicts": VERDICTS,
        "decimal": ecrire_decimal,
        "fil": (
            ("Dossiers", f"/instruction?appel={code}"),
            ("Classement", f"/appels/{code}/classement/{ligne}"),
            ("Répartition des notes", None),
        ),
    }
    return rendre(request, "notation/distribution.html", contexte)


def en_bandes(repartition: Repartition) -> list[int]:
    """Combien de dossiers dans chacune des bandes du graphique."""
    return [
        repartition.entre(100, 100), repartition.entre(50, 99), repartition.entre(1, 49), repartition.entre(0, 0),
        repartition.indecis, repartition.sans_objet,
    ]  # fmt: skip
