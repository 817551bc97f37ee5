"""Les actes de l'instructeur sur un dossier : examiner, reprendre, compléter, clore, références de l'État."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.espaces.instructeur.pages import contexte_dossier
from app.espaces.instructeur.schemas import SaisieActe, SaisieComplement, SaisieExamen, SaisieReferences
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.rules.recevabilite import POINTS
from app.etapes.dossier.service import recevabilite, references, vie
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider
from app.infra.web import SessionDep, annoncer, rediriger, refuser
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, SaisieInvalide
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


@dataclass(frozen=True, slots=True)
class Envoi:
    """Un formulaire envoyé sur un dossier : qui, quand, quoi."""

    request: Request
    session: SessionDep
    acteur: Acteur
    numero: str
    formulaire: FormulaireDep
    maintenant: Maintenant

    def agir(self, acte: Callable[[], object], saisie: Mapping[str, Any], fait: str) -> Response:
        """Accomplit l'acte et revient au dossier ; une faute (422) ou un refus (409) rend sa page, saisie gardée."""
        try:
            acte()
        except SaisieInvalide as erreur:
            self._refuser(saisie, erreur.fautes, 422)
        except ActeImpossible as erreur:
            self._refuser(saisie, (Faute("", erreur.message, erreur.code),), 409)
        return rediriger(self.request, "instruction:dossier", numero=self.numero, fait=fait)

    def _refuser(self, saisie: Mapping[str, Any], fautes: tuple[Faute, ...], statut: int) -> NoReturn:
        dossier = dossiers.get_dossier(self.session, self.numero, self.acteur)
        contexte = contexte_dossier(self.session, self.acteur, dossier, self.maintenant, dict(saisie))
        refuser(self.request, "espaces/instructeur/dossier.html", contexte, fautes, statut=statut)

    def saisie(self, ligne: str, annee: int, acte: str) -> dict[str, Any]:
        """Ce que le formulaire d'une demande avait reçu, pour le remontrer."""
        noms = (*SaisieExamen.model_fields, *SaisieReferences.model_fields)
        recus = {nom: self.formulaire.get(nom) for nom in noms if nom != "points"}
        return {**recus, "ligne": ligne, "annee": annee, "acte": acte, "points": self.formulaire.liste("points")}


EnvoiDep = Annotated[Envoi, Depends()]


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/examen",
    name="instruction:examiner",
    dependencies=[Depends(INSTRUIT)],
)
def examiner(envoi: EnvoiDep, ligne: str, annee: int) -> Response:
    """Conclut la recevabilité d'une demande."""

    def acte() -> None:
        donnees = valider(SaisieExamen, envoi.formulaire.en_dict(listes=("points",)))
        points = {p.code: p.code in donnees.points for p in POINTS} | dict.fromkeys(donnees.points, True)
        recevabilite.examiner(
            envoi.session, envoi.numero, ligne=ligne, annee=annee, conclusion=donnees.conclusion, motif=donnees.motif,
            points=points, oriente_vers=donnees.oriente_vers, acteur=envoi.acteur, maintenant=envoi.maintenant,
        )  # fmt: skip

    return envoi.agir(acte, envoi.saisie(ligne, annee, "examen"), EXAMINE)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/actes/{acte}",
    name="instruction:reprendre",
    dependencies=[Depends(REPREND)],
)
def reprendre(envoi: EnvoiDep, ligne: str, annee: int, acte: str) -> Response:
    """Rouvre l'examen, reprend une demande ajournée, ou met fin à une demande restée en attente."""
    if acte not in recevabilite.REPRISES:
        raise Introuvable("Cet acte n’existe pas.")

    def accomplir() -> None:
        donnees = valider(SaisieActe, envoi.formulaire.en_dict())
        recevabilite.REPRISES[acte](
            envoi.session, envoi.numero, ligne=ligne, annee=annee, motif=donnees.motif, acteur=envoi.acteur,
            maintenant=envoi.maintenant,
        )  # fmt: skip

    return envoi.agir(accomplir, envoi.saisie(ligne, annee, acte), REPRIS)


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/references",
    name="instruction:references",
    dependencies=[Depends(DE_L_ETAT)],
)
def porter_references(envoi: EnvoiDep, ligne: str, annee: int) -> Response:
    """Porte le thème du programme 147, le numéro Dauphin et l'engagement juridique d'une demande à l'État."""

    def acte() -> None:
        donnees = valider(SaisieReferences, envoi.formulaire.en_dict())
        references.porter(
            envoi.session, envoi.numero, ligne=ligne, annee=annee, **donnees.model_dump(), acteur=envoi.acteur,
            maintenant=envoi.maintenant,
        )  # fmt: skip

    return envoi.agir(acte, envoi.saisie(ligne, annee, "references"), REFERENCES)


@routeur.post("/instruction/{numero}/complements", name="instruction:complement", dependencies=[Depends(INSTRUIT)])
def demander_complement(envoi: EnvoiDep) -> Response:
    """Demande un complément au porteur, pour une ligne ou pour tout le dossier."""

    def acte() -> None:
        donnees = valider(SaisieComplement, envoi.formulaire.en_dict())
        recevabilite.demander_complement(
            envoi.session, envoi.numero, objet=donnees.objet, pourquoi=donnees.pourquoi, ligne=donnees.ligne,
            echeance_le=_lendemain(donnees), acteur=envoi.acteur, maintenant=envoi.maintenant,
        )  # fmt: skip

    saisie = {"complement": {nom: envoi.formulaire.get(nom) for nom in SaisieComplement.model_fields}}
    return envoi.agir(acte, saisie, COMPLEMENT)


def _lendemain(donnees: SaisieComplement) -> datetime:
    """Le jour de l'échéance est compris, heure de Paris."""
    return datetime.combine(donnees.echeance + timedelta(days=1), time(), PARIS)


@routeur.post("/instruction/{numero}/cloture", name="instruction:clore", dependencies=[Depends(CLOT)])
def clore(request: Request, session: SessionDep, acteur: Acteur, numero: str, maintenant: Maintenant) -> Response:
    """Clôt un dossier dont chaque demande est arrivée à son terme."""
    vie.clore(session, numero, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "instruction:dossier", numero=numero, fait=CLOS)
