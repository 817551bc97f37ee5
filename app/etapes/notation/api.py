"""API : notes et faits d'un dossier, ajustement, grille publique d'un appel, clôture de la recevabilité."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from app.etapes.appel.rules import Orientations
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository, service
from app.etapes.notation.repository import NoteLue
from app.etapes.notation.rules import Note, faits_vers_donnees, note_vers_donnees, valeur_depuis_json
from app.etapes.notation.schemas import FaitsEntrants, SaisieAjustement, VerificationEntrante
from app.infra.acces import PUBLIQUE, Acteur, Visiteur, exiger
from app.infra.clock import Maintenant
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.grilles import repository as grilles

routeur = APIRouter(prefix="/api/v1", tags=["notation"])
LIT = exiger(*service.LIT_LES_NOTES)
INSTRUIT = exiger(*EXAMINE)


def _montrer(lue: NoteLue, note: Note) -> dict[str, Any]:
    return {
        "rang": lue.note.rang,
        "calculee_le": lue.note.a.isoformat(),
        "empreinte": lue.note.empreinte,
        **note_vers_donnees(note),
    }


@routeur.get("/dossiers/{numero}/notes", name="api:notes", dependencies=[Depends(LIT)])
def list_notes(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """Une entrée par ligne : la note et ses lignes motivées, ou pourquoi il n'y en a pas."""
    dossier = service.lire_dossier(session, numero, acteur)
    elements = []
    for vue in service.list_lignes_vues(session, dossier):
        element: dict[str, Any] = {"ligne": vue.code, "annee": vue.demande.annee, "etat": vue.demande.etat.value}
        if vue.lue is not None and vue.note is not None:
            element["note"] = _montrer(vue.lue, vue.note)
        elif vue.motif:
            element["motif"] = vue.motif
        elements.append(element)
    return {"dossier": dossier.numero, "elements": elements, "suivant": None}


@routeur.get("/dossiers/{numero}/faits", name="api:faits", dependencies=[Depends(INSTRUIT)])
def list_faits(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """Les faits à noter : valeur et statut ; un fait absent manque."""
    dossier = service.lire_dossier(session, numero, acteur)
    return {
        "dossier": dossier.numero,
        "faits": faits_vers_donnees(repository.faits_du_dossier(session, [dossier.id])[dossier.id]),
    }


@routeur.post("/dossiers/{numero}/faits", name="api:etablir_faits", dependencies=[Depends(INSTRUIT)])
def etablir_faits(
    session: SessionDep, acteur: Acteur, numero: str, entree: FaitsEntrants, maintenant: Maintenant
) -> dict[str, Any]:
    """Établit des faits : vérifiés, ou corrigés avec motif. Tous ou aucun."""
    statuts = {}
    for rang, fait in enumerate(entree.faits):
        valeur = valeur_depuis_json(fait.code, fait.valeur)
        if valeur is None:
            raise SaisieInvalide(
                [Faute(f"faits.{rang}", "Fait inconnu, ou valeur qui n’a pas sa forme.", "fait_invalide")]
            )
        statuts[fait.code] = service.etablir_fait(
            session, numero, fait.code, valeur, motif=fait.motif, acteur=acteur, maintenant=maintenant
        ).value
    return {"dossier": numero, "faits": statuts}


@routeur.post("/dossiers/{numero}/faits/verifier", name="api:verifier_faits", dependencies=[Depends(INSTRUIT)])
def verifier_faits(
    session: SessionDep, acteur: Acteur, numero: str, entree: VerificationEntrante, maintenant: Maintenant
) -> dict[str, Any]:
    """Confirme tels quels des faits déclarés ; sans codes, tous."""
    codes = entree.codes
    if not codes:
        dossier = service.lire_dossier(session, numero, acteur)
        codes = list(repository.faits_du_dossier(session, [dossier.id])[dossier.id].faits)
    verifies = service.verifier_faits(session, numero, codes, acteur=acteur, maintenant=maintenant)
    return {"dossier": numero, "verifies": verifies}


@routeur.post(
    "/dossiers/{numero}/notes/{ligne}/ajuster", name="api:ajuster", status_code=201, dependencies=[Depends(INSTRUIT)]
)
def ajuster(
    session: SessionDep, acteur: Acteur, numero: str, ligne: str, entree: SaisieAjustement, maintenant: Maintenant
) -> dict[str, Any]:
    """Ajuste un critère, avec motif ; rend la note de rang suivant."""
    lue = service.ajuster(
        session, numero, ligne, critere=entree.critere, taux_pour_cent=entree.taux_pour_cent, motif=entree.motif,
        acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return {"dossier": numero, "ligne": ligne, "note": _montrer(lue, service.relire(session, lue))}


@routeur.get("/appels/{code}/grille", name="api:grille", dependencies=[Depends(PUBLIQUE)])
def lire_grille(session: SessionDep, visiteur: Visiteur, code: str) -> dict[str, Any]:
    """La grille épinglée à l'appel : version, empreinte, contenu ; les priorités de l'appel, ligne par ligne."""
    appel = service.get_appel_publie(session, code, visiteur)
    grille = grilles.get_grille(session, appel.grille_id)
    priorites = Orientations.depuis(appel.orientations).en_donnees().get("priorites", {})
    return {
        "appel": appel.code,
        "version": grille.version,
        "empreinte": grille.empreinte,
        "priorites": priorites,
        "grille": grille.contenu,
    }


@routeur.post(
    "/appels/{code}/clore_recevabilite",
    name="api:clore_recevabilite",
    dependencies=[Depends(exiger(Role.CHARGE_MISSION))],
)
def clore_recevabilite(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> dict[str, Any]:
    """Fige les coûts médians et fait renoter l'appel."""
    appel = service.clore_recevabilite(session, code, acteur=acteur, maintenant=maintenant)
    return {"appel": appel.code, "recevabilite_close_le": maintenant.isoformat(), "medianes": appel.medianes}
