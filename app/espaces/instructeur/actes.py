"""Les actes de l'instructeur sur un dossier : examiner, reprendre, compléter, clore, références de l'État."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.espaces.instructeur.pages import contexte_dossier
from app.espaces.instructeur.schemas import SaisieActe, SaisieComplement, SaisieExamen, SaisieReferences
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.rules.recevabilite import POINTS
from app.etapes.dossier.service import recevabilite, references, vie
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import Formulaire, FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser
from app.noyau.erreurs import Introuvable, SaisieInvalide
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
REPRISES: dict[str, Callable[..., object]] = {
    "rouvrir": recevabilite.rouvrir,
    "reprendre_examen": recevabilite.reprendre_examen,
    "declarer_caduque": recevabilite.declarer_caduque,
}
PAGE = "espaces/instructeur/dossier.html"


def _agir(
    request: Request,
    session: SessionDep,
    acteur: Identite,
    numero: str,
    saisie: dict[str, Any],
    acte: Callable[[], object],
    fait: str,
) -> Response:
    """Accomplit l'acte ; une faute rend la page du dossier, saisie gardée."""
    try:
        acte()
    except SaisieInvalide as erreur:
        dossier = dossiers.get_dossier(session, numero, acteur)
        refuser(request, PAGE, contexte_dossier(session, acteur, dossier, saisie), erreur.fautes)
    return rediriger(request, "instruction:dossier", numero=numero, fait=fait)


def _demande(ligne: str, annee: int, acte: str, formulaire: Formulaire) -> dict[str, Any]:
    saisie = {
        nom: formulaire.get(nom) for nom in ("conclusion", "motif", "oriente_vers", *SaisieReferences.model_fields)
    }
    return {**saisie, "ligne": ligne, "annee": annee, "acte": acte, "points": formulaire.liste("points")}


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/examen",
    name="instruction:examiner",
    dependencies=[Depends(INSTRUIT)],
)
def examiner(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    ligne: str,
    annee: int,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Conclut la recevabilité d'une demande."""

    def acte() -> None:
        donnees = valider(SaisieExamen, formulaire.en_dict(listes=("points",)))
        points = {p.code: p.code in donnees.points for p in POINTS} | dict.fromkeys(donnees.points, True)
        recevabilite.examiner(
            session, numero, ligne=ligne, annee=annee, conclusion=donnees.conclusion, motif=donnees.motif,
            points=points, oriente_vers=donnees.oriente_vers, acteur=acteur, maintenant=maintenant,
        )  # fmt: skip

    return _agir(request, session, acteur, numero, _demande(ligne, annee, "examen", formulaire), acte, EXAMINE)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/actes/{acte}",
    name="instruction:reprendre",
    dependencies=[Depends(REPREND)],
)
def reprendre(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    ligne: str,
    annee: int,
    acte: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Rouvre l'examen, reprend une demande ajournée, ou met fin à une demande restée en attente."""
    if acte not in REPRISES:
        raise Introuvable("Cet acte n’existe pas.")

    def accomplir() -> None:
        donnees = valider(SaisieActe, formulaire.en_dict())
        REPRISES[acte](
            session, numero, ligne=ligne, annee=annee, motif=donnees.motif, acteur=acteur, maintenant=maintenant
        )

    return _agir(request, session, acteur, numero, _demande(ligne, annee, acte, formulaire), accomplir, REPRIS)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/references",
    name="instruction:references",
    dependencies=[Depends(DE_L_ETAT)],
)
def porter_references(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    ligne: str,
    annee: int,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Porte le thème du programme 147, le numéro Dauphin et l'engagement juridique d'une demande à l'État."""

    def acte() -> None:
        donnees = valider(SaisieReferences, formulaire.en_dict())
        references.porter(
            session, numero, ligne=ligne, annee=annee, theme_p147=donnees.theme_p147,
            numero_dauphin=donnees.numero_dauphin, engagement_juridique=donnees.engagement_juridique, acteur=acteur,
            maintenant=maintenant,
        )  # fmt: skip

    return _agir(request, session, acteur, numero, _demande(ligne, annee, "references", formulaire), acte, REFERENCES)


@routeur.post("/instruction/{numero}/complements", name="instruction:complement", dependencies=[Depends(INSTRUIT)])
def demander_complement(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Demande un complément au porteur, pour une ligne ou pour tout le dossier."""

    def acte() -> None:
        donnees = valider(SaisieComplement, formulaire.en_dict())
        recevabilite.demander_complement(
            session, numero, objet=donnees.objet, pourquoi=donnees.pourquoi, ligne=donnees.ligne,
            echeance_le=_lendemain(donnees), acteur=acteur, maintenant=maintenant,
        )  # fmt: skip

    saisie = {"complement": {nom: formulaire.get(nom) for nom in SaisieComplement.model_fields}}
    return _agir(request, session, acteur, numero, saisie, acte, COMPLEMENT)


def _lendemain(donnees: SaisieComplement) -> datetime:
    """Le jour de l'échéance est compris, heure de Paris."""
    return datetime.combine(donnees.echeance + timedelta(days=1), time(), PARIS)


@routeur.post("/instruction/{numero}/cloture", name="instruction:clore", dependencies=[Depends(CLOT)])
def clore(request: Request, session: SessionDep, acteur: Acteur, numero: str, maintenant: Maintenant) -> Response:
    """Clôt un dossier dont chaque demande est arrivée à son terme."""
    vie.clore(session, numero, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "instruction:dossier", numero=numero, fait=CLOS)
