"""Après les lettres : des associations demandent leur notice, une demande arrive par courrier ; une grille s'essaie."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.campagne.scene import Scene
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules import grille_depuis_donnees
from app.referentiels.grilles.rules.edition import lire_poids

NOTICES = 6
VERSION = "2028.0"
POIDS = {"poids.MULHOUSE.QUA": "15", "poids.MULHOUSE.LAN": "7", "poids.M2A.INT": "9", "poids.M2A.HAB": "9"}


def demander_les_notices(scene: Scene) -> int:
    """Les premiers dossiers notifiés demandent leur notice en ligne, le dernier par courrier ; rend combien."""
    scene.avancer(days=10)
    demandees = 0
    for d in scene.deposes():
        suivis = scene.api.get(f"/api/v1/dossiers/{d.numero}", scene.jetons.de(f"porteur-{d.deduit.porteur:03d}"))
        if not any(x["etat"] in {"notifiee", "refus_notifie"} for x in suivis["demandes"]):
            continue
        demandees += 1
        if demandees == NOTICES:
            corps = {"voie": "courrier", "recue_le": scene.api.horloge.date().isoformat()}
            scene.post(f"/api/v1/dossiers/{d.numero}/notice/demandes", "charge", corps)
            break
        scene.post(f"/api/v1/dossiers/{d.numero}/notice", f"porteur-{d.deduit.porteur:03d}")
    return demandees


def preparer_une_grille(session: Session, contrat_id: int, maintenant: datetime) -> None:
    """Une grille en préparation, quelques poids changés : à comparer, à essayer, à adopter ou non."""
    origine = session.scalars(
        select(GrilleEnregistree).where(GrilleEnregistree.contrat_id == contrat_id).order_by(GrilleEnregistree.id)
    ).first()
    if origine is None:
        raise Introuvable("Ce contrat n’a pas de grille.")
    qui = _charge(session, maintenant)
    brouillon = grilles.preparer(session, origine, version=VERSION, acteur=qui, maintenant=maintenant)
    donnees, _ = lire_poids(brouillon.contenu, POIDS)
    grille = grille_depuis_donnees(donnees)
    grilles.modifier(session, contrat_id, VERSION, grille, revision=1, acteur=qui, maintenant=maintenant)


def _charge(session: Session, maintenant: datetime) -> Identite:
    compte = session.scalars(select(Compte).where(Compte.courriel == "charge@demo.invalid")).one()
    identite = acteurs.identite_de_compte(session, compte.id, maintenant)
    if identite is None:
        raise Introuvable("Le compte du chargé de mission de la démonstration n’est pas habilité.")
    return identite
