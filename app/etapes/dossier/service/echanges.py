"""Écrire au porteur ou aux services, joindre un fichier, rappeler ce qui approche."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.etapes.dossier.repository import echanges
from app.etapes.dossier.rules.echanges import (
    RAPPELS_COMPLEMENT,
    RAPPELS_DEPOT,
    Cote,
    rappel_du,
    verifier_message,
)
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.suivi import jusqu_au
from app.etapes.dossier.service.brouillon import ECRIT
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra import mail
from app.infra.files import Magasin, Televersement
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.periodes import instant_long
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.lignes import repository as lignes
from app.referentiels.pieces import service as pieces

INSTRUIT = frozenset({Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION})
FICHIERS_MAX = 40
"""Par dossier et par côté : le porteur ne prend pas la place des services, ni eux la sienne. Choix du projet."""


def cote_de(acteur: Identite, dossier: Dossier) -> Cote:
    """Le côté de cette personne. Lève ActeInterdit à qui lit le dossier sans le porter ni l'instruire."""
    roles = roles_sur_dossier(acteur, dossier)
    if dossier.organisation_id in acteur.organisations():
        return Cote.PORTEUR
    if roles & INSTRUIT:
        return Cote.AGENT
    raise ActeInterdit("Les messages sont entre le porteur et les services qui instruisent son dossier.")


def _exiger_ecriture(acteur: Identite, dossier: Dossier, cote: Cote) -> None:
    if cote is Cote.PORTEUR and not roles_sur_dossier(acteur, dossier) & ECRIT:
        raise ActeInterdit("Vous lisez les dossiers de cette organisation, sans écrire pour elle.")
    if dossier.etat is EtatDossier.RETIRE:
        raise ActeImpossible("Ce dossier est retiré : on n’y écrit plus.", code="dossier_retire")


def ecrire(
    session: Session, identifiant: str, *, texte: str, televersement: Televersement | None, magasin: Magasin,
    acteur: Identite, maintenant: datetime,
) -> Message:  # fmt: skip
    """Envoie un message, au besoin avec un fichier ; l'autre côté est prévenu par courriel.

    Lève ActeInterdit, ActeImpossible (dossier retiré, pas déposé) ou SaisieInvalide (texte, fichier). Un fichier
    verrouille le dossier : deux envois simultanés ne passent pas la borne.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=televersement is not None)
    cote = cote_de(acteur, dossier)
    _exiger_ecriture(acteur, dossier, cote)
    if dossier.numero is None:
        raise ActeImpossible("Un message s’échange une fois le dossier déposé.", code="pas_depose")
    fautes = list(verifier_message(texte, avec_fichier=televersement is not None))
    if televersement is not None:
        fautes += _trop_de_fichiers(session, dossier, cote)
    if fautes:
        raise SaisieInvalide(fautes)
    message = Message(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, cote=cote, auteur=acteur.acteur, nom=acteur.nom,
        texte=texte.strip(), a=maintenant,
    )  # fmt: skip
    session.add(message)
    session.flush()
    if televersement is not None:
        _attacher(session, dossier, televersement, magasin, message.id, "Joint à un message", acteur, maintenant)
    echanges.marquer_lus(session, dossier, acteur.acteur, message.id)
    consigner(
        session, contrat_id=dossier.contrat_id, acte="message.envoye", objet=dossier.numero, acteur=acteur.acteur,
        maintenant=maintenant, apres={"cote": cote.value, "message": message.id},
    )  # fmt: skip
    differer(session, "dossier.annoncer_message", maintenant=maintenant, message_id=message.id)
    return message


def joindre(
    session: Session, identifiant: str, *, intitule: str, televersement: Televersement, magasin: Magasin,
    acteur: Identite, maintenant: datetime,
) -> FichierDossier:  # fmt: skip
    """Joint un fichier propre à ce dossier (devis, tableau…). Lève ActeInterdit, ActeImpossible ou SaisieInvalide."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    if not roles_sur_dossier(acteur, dossier) & ECRIT:
        raise ActeInterdit("Vous pouvez lire ce dossier, pas y joindre de fichier.")
    _exiger_ecriture(acteur, dossier, Cote.PORTEUR)
    if not intitule.strip():
        raise SaisieInvalide([Faute("intitule", "Dites ce que c’est : devis, tableau, programme…", "intitule_absent")])
    if fautes := _trop_de_fichiers(session, dossier, Cote.PORTEUR):
        raise SaisieInvalide(fautes)
    return _attacher(session, dossier, televersement, magasin, None, intitule.strip(), acteur, maintenant)


def _trop_de_fichiers(session: Session, dossier: Dossier, cote: Cote) -> list[Faute]:
    """Ce qui s'oppose à un fichier de plus de ce côté. Le dossier est verrouillé : le compte ne bouge pas."""
    if echanges.compter_fichiers(session, dossier.id, cote) < FICHIERS_MAX:
        return []
    dits = "Vous avez" if cote is Cote.PORTEUR else "Les services ont"
    phrase = f"{dits} déjà joint {FICHIERS_MAX} fichiers à ce dossier, c’est le maximum. Réunissez-en plusieurs en un."
    return [Faute("fichier", phrase, "trop_de_fichiers")]


def _attacher(
    session: Session, dossier: Dossier, televersement: Televersement, magasin: Magasin, message_id: int | None,
    intitule: str, acteur: Identite, maintenant: datetime,
) -> FichierDossier:  # fmt: skip
    fichier = pieces.recevoir(session, magasin, televersement, acteur=acteur, maintenant=maintenant)
    joint = FichierDossier(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, fichier_id=fichier.id, message_id=message_id,
        intitule=intitule[:200], par=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(joint)
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.fichier_joint", objet=dossier.numero or dossier.reference,
        acteur=acteur.acteur, maintenant=maintenant, apres={"fichier": fichier.code, "sha256": fichier.sha256},
    )  # fmt: skip
    return joint


def annoncer_message(session: Session, message_id: int, *, url_publique: str, maintenant: datetime) -> None:
    """Prévient l'autre côté qu'un message l'attend ; le courriel ne porte pas le texte. Rejouable."""
    message = echanges.get_message(session, message_id)
    dossier = session.get_one(Dossier, message.dossier_id)
    qui = (
        _du_porteur(session, dossier, maintenant)
        if message.cote is Cote.AGENT
        else _instruisent(session, dossier, maintenant)
    )
    contexte = {
        "numero": dossier.numero,
        "titre": dossier.titre,
        "de": message.nom,
        "url": f"{url_publique.rstrip('/')}/dossiers/{dossier.numero}/messages",
    }
    mail.prevenir(session, qui, "message_recu", contexte, cle=f"message:{message.id}", maintenant=maintenant)


def _du_porteur(session: Session, dossier: Dossier, maintenant: datetime) -> Iterable[Compte]:
    roles = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE)
    return acteurs.list_comptes_habilites(session, dossier.organisation_id, roles, maintenant)


def _instruisent(session: Session, dossier: Dossier, maintenant: datetime) -> list[Compte]:
    """Les instructeurs des lignes que ce dossier sollicite."""
    sollicitees = {ligne.code for _, ligne in repository.list_demandes(session, [dossier.id])}
    comptes: dict[int, Compte] = {}
    for ligne in lignes.list_lignes(session, dossier.contrat_id):
        if ligne.code not in sollicitees:
            continue
        for role in (Role.INSTRUCTEUR, Role.SOUS_PREFECTURE):
            for compte in acteurs.list_comptes_du_contrat(
                session, dossier.contrat_id, role, Portee.LIGNE, ligne.code, maintenant
            ):
                comptes[compte.id] = compte
    return list(comptes.values())


def rappeler(session: Session, *, url_publique: str, maintenant: datetime) -> None:
    """Rappelle les dépôts et les compléments qui approchent de leur échéance. Chaque rappel part une fois."""
    base = url_publique.rstrip("/")
    for dossier, phase in echanges.list_non_deposes(session, maintenant + max(RAPPELS_DEPOT), maintenant):
        jours = rappel_du(phase.cloture_le, maintenant, RAPPELS_DEPOT)
        contexte = {
            "titre": dossier.titre or "Dossier sans titre",
            "echeance": instant_long(phase.cloture_le),
            "reste": "le signer et le déposer" if dossier.etat is EtatDossier.A_SIGNER else "le finir et le déposer",
            "url": f"{base}/dossiers/{dossier.reference}",
        }
        _rappeler(
            session, dossier, "rappel_depot", contexte, f"rappel-depot:{dossier.id}:{phase.id}:{jours}", maintenant
        )
    attendus = echanges.list_complements_a_rappeler(session, maintenant + max(RAPPELS_COMPLEMENT), maintenant)
    for complement, dossier in attendus:
        jours = rappel_du(complement.echeance_le, maintenant, RAPPELS_COMPLEMENT)
        contexte = {
            "numero": dossier.numero or "",
            "titre": dossier.titre,
            "objet": complement.objet,
            "echeance": jusqu_au(complement.echeance_le),
            "url": f"{base}/dossiers/{dossier.numero}",
        }
        _rappeler(
            session, dossier, "rappel_complement", contexte, f"rappel-complement:{complement.id}:{jours}", maintenant
        )


def _rappeler(
    session: Session, dossier: Dossier, gabarit: str, contexte: dict[str, str], cle: str, maintenant: datetime
) -> None:
    mail.prevenir(session, _du_porteur(session, dossier, maintenant), gabarit, contexte, cle=cle, maintenant=maintenant)
