"""Tâches de fond : effacer les sessions expirées, envoyer les liens à usage unique et les comptes à confirmer."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier, chaque_jour, tache, tache_longue
from app.infra.mail import Courriel
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, Inscription, LienAcces
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.service import inscriptions, liens


@tache("acteurs.purger_sessions", cadence=chaque_jour(3, 20))
def purger_sessions(session: Session, *, maintenant: datetime) -> None:
    """Chaque nuit."""
    service.purger_sessions(session, maintenant)


@tache_longue("acteurs.mot_de_passe_oublie")
def mot_de_passe_oublie(atelier: Atelier, *, maintenant: datetime, compte_id: int) -> None:
    """Range le lien demandé et met son envoi en file. Rejouable : un second essai trouve le lien du premier."""
    config = atelier.config
    with atelier.transaction() as session:
        liens.repondre_a_l_oubli(
            session, compte_id, duree=timedelta(minutes=config.oubli_lien_minutes),
            attente=timedelta(minutes=config.oubli_attente_minutes), machine=heure_machine(), maintenant=maintenant,
        )  # fmt: skip


@tache_longue("acteurs.envoyer_lien", essais=mail.ESSAIS)
def envoyer_lien(atelier: Atelier, *, maintenant: datetime, lien_id: int) -> None:
    """Tirer le secret et garder son empreinte (transaction), remettre le courriel, le confirmer (transaction).

    Le secret n'est écrit nulle part : ni en base, ni dans la file. Un nouvel essai en tire un autre, et le premier
    ne vaut plus rien.
    """
    machine = heure_machine()
    courriel = _preparer(atelier, lien_id, machine, maintenant)
    if courriel is None:
        return
    try:
        mail.messagerie_de(atelier.config).remettre(mail.composer(courriel, atelier.config.courriel_expediteur))
    except Exception as erreur:
        with atelier.transaction() as session:
            phrase = f"{type(erreur).__name__} : {erreur}"[: mail.LONGUEUR_ERREUR]
            session.get_one(LienAcces, lien_id).derniere_erreur = phrase
        raise
    with atelier.transaction() as session:
        lien = session.get_one(LienAcces, lien_id)
        lien.envoye_at, lien.derniere_erreur = machine, None


def _preparer(atelier: Atelier, lien_id: int, machine: datetime, maintenant: datetime) -> Courriel | None:
    """Le courriel du lien, secret compris, jamais rangé en base. None si le lien n'attend plus d'être envoyé."""
    with atelier.transaction() as session:
        lien = session.get(LienAcces, lien_id, with_for_update=True)
        if lien is None or lien.annule_at is not None or lien.utilise_at is not None or lien.envoye_at is not None:
            return None
        compte = session.get(Compte, lien.compte_id) if lien.compte_id else None
        if compte is not None and not compte.est_actif:
            return None
        oubli = liens.est_un_oubli(lien, compte)
        minutes = atelier.config.oubli_lien_minutes
        secret = secrets.token_urlsafe(32)
        lien.empreinte = service.empreinte_secret(secret)
        lien.expire_at = machine + (timedelta(minutes=minutes) if oubli else liens.DUREE_LIEN)
        organisation = repository.get_organisation(session, lien.organisation_id) if lien.organisation_id else None
        contexte = {
            "url": f"{atelier.config.url_publique}/acces/{lien.code}.{secret}",
            "jours": liens.DUREE_LIEN.days,
            "minutes": minutes,
            "organisation": organisation.nom if organisation is not None else "",
            "role": lien.role.libelle if lien.role is not None else "",
        }
        gabarit = "mot_de_passe_oublie" if oubli else "invitation" if organisation is not None else "premiere_connexion"
        objet, corps = mail.rendre(gabarit, contexte)
        return Courriel(id=lien.id, destinataire=lien.courriel, objet=objet, corps=corps, cree_at=maintenant)


@tache_longue("acteurs.envoyer_inscription", essais=mail.ESSAIS)
def envoyer_inscription(atelier: Atelier, *, maintenant: datetime, inscription_id: int) -> None:
    """Écrit à qui demande un compte : le lien qui le confirme, ou qu'il en a déjà un. Comme `envoyer_lien`."""
    machine = heure_machine()
    courriel = _preparer_inscription(atelier, inscription_id, machine, maintenant)
    if courriel is None:
        return
    try:
        mail.messagerie_de(atelier.config).remettre(mail.composer(courriel, atelier.config.courriel_expediteur))
    except Exception as erreur:
        with atelier.transaction() as session:
            phrase = f"{type(erreur).__name__} : {erreur}"[: mail.LONGUEUR_ERREUR]
            session.get_one(Inscription, inscription_id).derniere_erreur = phrase
        raise
    with atelier.transaction() as session:
        inscription = session.get_one(Inscription, inscription_id)
        inscription.envoye_at, inscription.derniere_erreur = machine, None


def _preparer_inscription(
    atelier: Atelier, inscription_id: int, machine: datetime, maintenant: datetime
) -> Courriel | None:
    """Le courriel, secret compris, jamais rangé en base. None : déjà parti, ou trop de courriels à cette adresse."""
    with atelier.transaction() as session:
        inscription = session.get(Inscription, inscription_id, with_for_update=True)
        if inscription is None or inscription.utilise_at is not None or inscription.envoye_at is not None:
            return None
        depuis = machine - inscriptions.FENETRE_ENVOIS
        if lectures.compter_envois(session, inscription.courriel, depuis) >= inscriptions.ENVOIS_PAR_ADRESSE:
            return None
        secret = secrets.token_urlsafe(32)
        inscription.empreinte = service.empreinte_secret(secret)
        inscription.expire_at = machine + inscriptions.DUREE
        adresse = atelier.config.url_publique
        if repository.courriel_est_pris(session, inscription.courriel):
            objet, corps = mail.rendre("compte_existant", {"url": adresse})
        else:
            url = f"{adresse}/compte/confirmation/{inscription.code}.{secret}"
            heures = int(inscriptions.DUREE.total_seconds()) // 3600
            objet, corps = mail.rendre("compte_a_confirmer", {"url": url, "heures": heures})
        return Courriel(
            id=inscription.id, destinataire=inscription.courriel, objet=objet, corps=corps, cree_at=maintenant
        )
