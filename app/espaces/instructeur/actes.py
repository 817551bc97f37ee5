"""Les actes de l'instructeur sur un dossier : examiner, reprendre, compléter, clore, références de l'État."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.espaces.instructeur.pages import contexte_dossier
from app.espaces.instructeur.schemas import SaisieActe, SaisieComplement, SaisieExamen, SaisieReferences
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.rules.recevabilite import POINTS
from app.etapes.dossier.service import recevabilite, references, vie
from app.infra.acces import exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider, valider_tout
from app.infra.web import annoncer
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.periodes import PARIS
from app.noyau.roles import Role

routeur = APIRouter()
INSTRUIT = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
REPREND = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION)
CLOT = exiger(Role.CHARGE_MISSION)
DE_L_ETAT = exiger(Role.SOUS_PREFECTURE)
EXAMINE = annoncer("examen-enregistre", "L’examen est enregistré.")
COMPLEMENT = annoncer("complement-demande", "Le complément est demandé : le porteur est prévenu par courriel.")
REPRIS = annoncer("acte-enregistre", "C’est enregistré : la demande a changé d’état.")
CLOS = annoncer("dossier-clos", "Le dossier est clos.")
REFERENCES = annoncer("references-enregistrees", "Les références de l’État sont enregistrées.")


def _page(envoi: Envoi, numero: str, saisie: dict[str, Any]) -> Page:
    dossier = dossiers.get_dossier(envoi.session, numero, envoi.acteur)
    contexte = contexte_dossier(envoi.session, envoi.acteur, dossier, envoi.maintenant, saisie)
    return "espaces/instructeur/dossier.html", contexte


def _page_de_la_demande(envoi: Envoi, numero: str, ligne: str, annee: int, acte: str) -> Page:
    """Le formulaire de cet acte rouvert, ce qu'il avait reçu remontré."""
    points = envoi.formulaire.liste("points")
    saisie = {**envoi.saisie, "ligne": ligne, "annee": annee, "acte": acte, "points": points}
    return _page(envoi, numero, saisie)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/examen",
    name="instruction:examiner",
    dependencies=[Depends(INSTRUIT)],
)
def examiner(envoi: EnvoiDep, numero: str, ligne: str, annee: int) -> Response:
    """Conclut la recevabilité d'une demande."""
    with envoi.sinon(lambda: _page_de_la_demande(envoi, numero, ligne, annee, "examen")):
        donnees = valider(SaisieExamen, envoi.formulaire.en_dict(listes=("points",)))
        points = {p.code: p.code in donnees.points for p in POINTS} | dict.fromkeys(donnees.points, True)
        recevabilite.examiner(
            envoi.session, numero, ligne=ligne, annee=annee, conclusion=donnees.conclusion, motif=donnees.motif,
            points=points, oriente_vers=donnees.oriente_vers, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("instruction:dossier", numero=numero, fait=EXAMINE)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/actes/{acte}",
    name="instruction:reprendre",
    dependencies=[Depends(REPREND)],
)
def reprendre(envoi: EnvoiDep, numero: str, ligne: str, annee: int, acte: str) -> Response:
    """Rouvre l'examen, reprend une demande ajournée, ou met fin à une demande restée en attente."""
    if acte not in recevabilite.REPRISES:
        raise Introuvable("Cet acte n’existe pas.")
    with envoi.sinon(lambda: _page_de_la_demande(envoi, numero, ligne, annee, acte)):
        motif = valider(SaisieActe, envoi.formulaire.en_dict()).motif
        recevabilite.REPRISES[acte](envoi.session, numero, ligne=ligne, annee=annee, motif=motif, **envoi.qui)
    return envoi.vers("instruction:dossier", numero=numero, fait=REPRIS)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/references",
    name="instruction:references",
    dependencies=[Depends(DE_L_ETAT)],
)
def porter_references(envoi: EnvoiDep, numero: str, ligne: str, annee: int) -> Response:
    """Porte le thème du programme 147, le numéro Dauphin et l'engagement juridique d'une demande à l'État."""
    with envoi.sinon(lambda: _page_de_la_demande(envoi, numero, ligne, annee, "references")):
        donnees = valider(SaisieReferences, envoi.formulaire.en_dict())
        references.porter(envoi.session, numero, ligne=ligne, annee=annee, **donnees.model_dump(), **envoi.qui)
    return envoi.vers("instruction:dossier", numero=numero, fait=REFERENCES)


@routeur.post("/instruction/{numero}/complements", name="instruction:complement", dependencies=[Depends(INSTRUIT)])
def demander_complement(envoi: EnvoiDep, numero: str) -> Response:
    """Demande un complément au porteur, pour une ligne ou pour tout le dossier."""

    def verifier(donnees: SaisieComplement) -> list[Faute]:
        dites = recevabilite.verifier_complement(donnees.objet, donnees.pourquoi, _lendemain(donnees), envoi.maintenant)
        return [Faute("echeance", f.message, f.code) if f.champ == "echeance_le" else f for f in dites]

    with envoi.sinon(lambda: _page(envoi, numero, {"complement": _saisie_du_complement(envoi)})):
        donnees = valider_tout(SaisieComplement, envoi.formulaire.en_dict(listes=("sections",)), verifier)
        if (echeance_le := _lendemain(donnees)) is not None:  # `verifier` a refusé une échéance absente
            recevabilite.demander_complement(
                envoi.session, numero, objet=donnees.objet, pourquoi=donnees.pourquoi, ligne=donnees.ligne,
                echeance_le=echeance_le, sections=donnees.sections, **envoi.qui,
            )  # fmt: skip
    return envoi.vers("instruction:dossier", numero=numero, fait=COMPLEMENT)


def _saisie_du_complement(envoi: Envoi) -> dict[str, Any]:
    return {**envoi.saisie, "sections": envoi.formulaire.liste("sections")}


def _lendemain(donnees: SaisieComplement) -> datetime | None:
    """Le jour de l'échéance est compris, heure de Paris ; None s'il n'est pas choisi."""
    if donnees.echeance is None:
        return None
    return datetime.combine(donnees.echeance + timedelta(days=1), time(), PARIS)


@routeur.post("/instruction/{numero}/cloture", name="instruction:clore", dependencies=[Depends(CLOT)])
def clore(envoi: EnvoiDep, numero: str) -> Response:
    """Clôt un dossier dont chaque demande est arrivée à son terme."""
    with envoi.sinon(lambda: _page(envoi, numero, {})):
        vie.clore(envoi.session, numero, **envoi.qui)
    return envoi.vers("instruction:dossier", numero=numero, fait=CLOS)
