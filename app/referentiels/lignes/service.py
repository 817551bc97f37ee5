"""Acte : renseigner une autorité, c'est-à-dire son SIRET et le service à joindre."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.noyau.identifiants import normaliser_siret
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ServiceAJoindre, normaliser_telephone, verifier_autorite

COLONNES = ("attribuant_siret", "service_nom", "service_adresse", "service_telephone", "service_courriel")


def renseigner(
    session: Session,
    ligne: LigneFinancement,
    *,
    siret: str,
    joindre: ServiceAJoindre,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    """Remplace le SIRET et le service de l'autorité d'une ligne ; vide : non renseigné. Rien de changé, rien d'écrit.

    L'appelant tient le verrou de la ligne. Lève ActeInterdit ou SaisieInvalide.
    """
    if not acteur.tient(Role.CHARGE_MISSION, contrat_id=ligne.contrat_id):
        raise ActeInterdit("Seul le chargé de mission du contrat renseigne ses autorités.")
    fautes = verifier_autorite(siret, joindre)
    if fautes:
        raise SaisieInvalide(list(fautes))
    voulu = {
        "attribuant_siret": normaliser_siret(siret),
        "service_nom": joindre.nom or None,
        "service_adresse": joindre.adresse or None,
        "service_telephone": normaliser_telephone(joindre.telephone),
        "service_courriel": joindre.courriel or None,
    }
    avant = {colonne: getattr(ligne, colonne) for colonne in COLONNES}
    if voulu == avant:
        return
    for colonne, valeur in voulu.items():
        setattr(ligne, colonne, valeur)
    session.flush()
    consigner(
        session, contrat_id=ligne.contrat_id, acte="autorite.renseignee", objet=ligne.code, acteur=acteur.acteur,
        maintenant=maintenant, avant=avant, apres=voulu,
    )  # fmt: skip
