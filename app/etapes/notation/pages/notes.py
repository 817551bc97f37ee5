"""Pages : les notes d'un dossier, la fiche d'une note, l'ajustement d'un critère."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository, service
from app.etapes.notation.pages.noms import cite_des_textes, noms_des_codes
from app.etapes.notation.pages.vues import capitale, criteres_vus, fourchette, plage, regards_portes, total_ecrit
from app.etapes.notation.schemas import SaisieAjustement
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
INSTRUIT = exiger(*EXAMINE)
AJUSTE = annoncer("note-ajustee", "L’ajustement est enregistré, à côté de la valeur calculée.")
RENOTE = annoncer("notes-demandees", "Les notes se recalculent : rechargez la page dans quelques secondes.")


@routeur.get("/dossiers/{numero}/notes", name="notation:dossier", dependencies=[Depends(LIT)])
def page_notes(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """Une carte par ligne : la note ou l'intervalle, provisoire ou non, hors champ."""
    dossier = service.lire_dossier(session, numero, acteur)
    contexte = {
        "dossier": dossier,
        "lignes": service.list_lignes_vues(session, dossier, acteur.acteur),
        "plage": plage,
        "instruit": acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id),
        "fil": (("Dossiers", "/instruction"), (dossier.titre, f"/instruction/{dossier.numero}"), ("Notes", None)),
    }
    return rendre(request, "notation/notes.html", contexte)


@routeur.post("/dossiers/{numero}/notes", name="notation:renoter", dependencies=[Depends(INSTRUIT)])
def renoter(envoi: EnvoiDep, numero: str) -> Response:
    """Met en file la notation du dossier."""
    service.faire_noter(envoi.session, numero, **envoi.qui)
    return envoi.vers("notation:dossier", numero=numero, fait=RENOTE)


@routeur.get("/dossiers/{numero}/notes/{ligne}", name="notation:fiche", dependencies=[Depends(LIT)])
def page_fiche(request: Request, session: SessionDep, acteur: Acteur, numero: str, ligne: str) -> Response:
    """La fiche d'une note : critère par critère, le total, l'histoire."""
    dossier = service.lire_dossier(session, numero, acteur)
    return rendre(request, "notation/fiche.html", _contexte_fiche(session, acteur, dossier, ligne, {}))


def _contexte_fiche(
    session: SessionDep, acteur: Identite, dossier: Dossier, ligne: str, saisie: dict[str, str]
) -> dict[str, Any]:
    lignes = service.list_lignes_vues(session, dossier, acteur.acteur)
    vue = next((v for v in lignes if v.code == ligne), None)
    if vue is None:
        raise Introuvable("Ce dossier ne demande rien à cette ligne.")
    contexte: dict[str, Any] = {
        "dossier": dossier,
        "vue": vue,
        "autres": [v for v in lignes if v.code != ligne],
        "fourchette": fourchette,
        "plage": plage,
        "instruit": acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id),
        "capitale": capitale,
        "ajuste": False,
        "saisie": saisie,
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            ("Notes", f"/dossiers/{dossier.numero}/notes"),
            (vue.libelle, None),
        ),
    }
    if vue.note is None:
        return contexte
    ajustements = repository.ajustements_courants(session, [vue.demande.id]).get(vue.demande.id, ())
    noms = noms_des_codes(session, dossier, textes=cite_des_textes(vue.note.faits))
    criteres = criteres_vus(vue.note, ajustements, noms)
    obtenus, possibles = total_ecrit(vue.note)
    return contexte | {
        "note": vue.note,
        "criteres": criteres,
        "obtenus": obtenus,
        "possibles": possibles,
        "changements": service.dire_les_changements(session, vue.histoire),
        "ajuste": service.peut_ajuster(acteur, dossier, ligne) and vue.demande.etat in AVANT_DECISION,
        **regards_portes(vue),
        "choix_criteres": [(c.code, f"{c.libelle} ({c.points} / {c.maximum})") for c in criteres if c.compte],
    }


def _page_fiche(envoi: Envoi, numero: str, ligne: str) -> Page:
    dossier = service.lire_dossier(envoi.session, numero, envoi.acteur)
    return "notation/fiche.html", _contexte_fiche(envoi.session, envoi.acteur, dossier, ligne, envoi.saisie)


@routeur.post("/dossiers/{numero}/notes/{ligne}/ajustements", name="notation:ajuster", dependencies=[Depends(INSTRUIT)])
def ajuster(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Ajuste un critère, avec motif."""
    with envoi.sinon(lambda: _page_fiche(envoi, numero, ligne)):
        donnees = valider(SaisieAjustement, envoi.formulaire.en_dict())
        service.ajuster(
            envoi.session, numero, ligne, critere=donnees.critere, taux_pour_cent=donnees.taux_pour_cent,
            motif=donnees.motif, rang=donnees.rang, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("notation:fiche", numero=numero, ligne=ligne, fait=AJUSTE)
