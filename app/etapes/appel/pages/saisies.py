"""Ce que les formulaires de la campagne ont de faux, dit d'un coup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.etapes.appel import service
from app.etapes.appel.rules import verifier_dotation
from app.etapes.appel.schemas import SaisieEnveloppe, SaisiePreparation, donnees_de_preparation
from app.infra.forms import valider_tout
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros, MontantIllisible
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as grilles
from app.referentiels.grilles.models import GrilleEnregistree


def montant(texte: str) -> Euros:
    """Un montant déjà vérifié. Lève MontantIllisible."""
    return Euros.lire(texte)


def _montant_ou_rien(texte: str) -> Euros | None:
    try:
        return Euros.lire(texte)
    except MontantIllisible:
        return None


def fautes_de_la_dotation(donnees: SaisieEnveloppe) -> list[Faute]:
    """Un montant illisible et un motif absent se disent ensemble."""
    return verifier_dotation(_montant_ou_rien(donnees.montant), donnees.motif)


def voulu(donnees: SaisiePreparation) -> dict[str, Any]:
    """Pour le service : ce qu'un appel neuf et un appel refait ont en commun."""
    return {
        "intitule": donnees.intitule,
        "phases": [phase.phase() for phase in donnees.phases],
        "pieces": [piece.piece() for piece in donnees.pieces],
        "seuil_court": montant(donnees.seuil_court),
        "silence_avis": donnees.silence_avis,
        "orientations": donnees.orientations.orientations(),
    }


def grille_voulue(session: SessionDep, contrat_id: int, version: str) -> GrilleEnregistree | None:
    """La grille choisie, déjà vérifiée ; aucune si rien n'est choisi."""
    return grilles.get_grille_par_version(session, contrat_id, version) if version else None


def lire(
    session: SessionDep, contrat: Contrat, version_id: int, saisie: Mapping[str, Any], *, est_neuf: bool
) -> SaisiePreparation:
    """La préparation tapée, vérifiée en entier. `est_neuf` : code et année sont à juger. Lève SaisieInvalide."""

    def verifier(donnees: SaisiePreparation) -> list[Faute]:
        fautes = []
        if not donnees.code:
            fautes.append(Faute("code", "Donnez un code à l’appel.", "code_absent"))
        if donnees.annee is None:
            fautes.append(Faute("annee", "Dites quelle année l’appel finance.", "annee_absente"))
        if not donnees.intitule:
            fautes.append(Faute("intitule", "Donnez un intitulé à l’appel.", "intitule_absent"))
        if _montant_ou_rien(donnees.seuil_court) is None:
            phrase = "Écrivez le seuil du chemin court en euros, par exemple 1 500."
            fautes.append(Faute("seuil_court", phrase, "montant_illisible"))
        grille = grilles.get_grille_par_version(session, contrat.id, donnees.grille) if donnees.grille else None
        if donnees.grille and grille is None:
            fautes.append(Faute("grille", "Choisissez une grille de ce contrat.", "grille_inconnue"))
        return fautes + service.verifier_preparation(
            session, contrat, version_id, grille=grille,
            phases=[phase.phase() for phase in donnees.phases], pieces=[piece.piece() for piece in donnees.pieces],
            orientations=donnees.orientations.orientations(), code=donnees.code if est_neuf else "",
            annee=donnees.annee if est_neuf else None,
        )  # fmt: skip

    return valider_tout(SaisiePreparation, donnees_de_preparation(saisie), verifier)
