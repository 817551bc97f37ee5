"""Établir les faits d'un dossier : vérifier ce qui est déclaré, corriger avec motif, établir ce qui manque."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service.recevabilite import EXAMINE, constater_fait
from app.etapes.notation import repository
from app.etapes.notation.rules import est_etabli_par_agent, valeur_vers_json, valeurs_admises
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.noyau.erreurs import ActeInterdit, Faute, SaisieInvalide
from app.referentiels.grilles.rules import CATALOGUE, Declarant, Fait, Statut, Valeur


def _exiger_examen(acteur: Identite, dossier: Dossier) -> None:
    if not acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id):
        raise ActeInterdit("Seules les personnes qui instruisent vérifient un fait.")


def etablir_fait(
    session: Session, numero: str, code: str, valeur: Valeur, *, motif: str, acteur: Identite, maintenant: datetime
) -> Statut:
    """Un agent établit un fait : vérifié si la valeur est celle déclarée ou s'il manquait, sinon corrigé (motif exigé).

    Lève ActeInterdit ou SaisieInvalide.
    """
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    _exiger_examen(acteur, dossier)
    definition = CATALOGUE.get(code)
    if definition is None or not est_etabli_par_agent(definition):
        raise SaisieInvalide([Faute("code", "Ce fait ne s’établit pas ici.", "fait_inconnu")])
    admises = {admise for admise, _ in valeurs_admises(definition)}
    hors_liste = bool(admises) and not (valeur if isinstance(valeur, frozenset) else {valeur}) <= admises
    if hors_liste or (raison := definition.faute(Fait(valeur, Statut.VERIFIE))) is not None:
        phrase = "Cette réponse n’est pas dans la liste." if hors_liste else str(raison)
        raise SaisieInvalide([Faute("valeur", phrase, "fait_invalide")])
    declare = repository.releves(session, [dossier.id])[dossier.id].declares.fait(code)
    statut = Statut.VERIFIE if declare is None or declare.valeur == valeur else Statut.CORRIGE
    constater_fait(
        session, dossier, code=code, valeur=valeur_vers_json(valeur), statut=statut.value,
        motif=motif, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return statut


def verifier_faits(
    session: Session, numero: str, codes: Iterable[str], *, acteur: Identite, maintenant: datetime
) -> int:
    """Un agent confirme tels quels des faits déclarés ; rend combien. Un fait déjà établi ou absent est laissé."""
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    _exiger_examen(acteur, dossier)
    releve = repository.releves(session, [dossier.id])[dossier.id]
    a_verifier = [
        (code, fait)
        for code in dict.fromkeys(codes)
        if (fait := releve.faits.fait(code)) is not None
        and fait.statut is Statut.DECLARE
        and CATALOGUE[code].declarant is Declarant.PORTEUR
    ]
    if not a_verifier:
        raise SaisieInvalide([Faute("codes", "Cochez au moins un fait déclaré.", "rien_a_verifier")])
    for code, fait in a_verifier:
        constater_fait(
            session, dossier, code=code, valeur=valeur_vers_json(fait.valeur), statut=Statut.VERIFIE.value, motif="",
            acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
    return len(a_verifier)


def faire_noter(session: Session, numero: str, *, acteur: Identite, maintenant: datetime) -> None:
    """Met en file la notation d'un dossier, à la demande d'une personne qui l'instruit."""
    dossier = dossiers.get_dossier(session, numero, acteur)
    _exiger_examen(acteur, dossier)
    cle = f"notation.noter_dossier/{dossier.id}"
    differer(session, "notation.noter_dossier", maintenant=maintenant, cle_unique=cle, dossier_id=dossier.id)
