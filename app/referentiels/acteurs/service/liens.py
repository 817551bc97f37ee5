"""Actes : ouvrir un compte, inviter un co-auteur, oublier son mot de passe, suivre un lien à usage unique."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.infra import jobs, mail
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, EchecConnexion, JetonApi, LienAcces, Organisation
from app.referentiels.acteurs.rules import est_un_courriel, verifier_mot_de_passe
from app.referentiels.acteurs.service import habilitations, sessions

DUREE_LIEN = timedelta(days=7)
INVITATIONS_MAX = 20
LIEN_REFUSE = (
    "Ce lien a déjà servi, ou n’est plus valable. Demandez-en un nouveau : par « Mot de passe oublié », ou à la "
    "personne qui vous l’a envoyé."
)


class Suite(StrEnum):
    """Ce que devient une invitation : qui est déjà membre est habilité tout de suite, les autres reçoivent un lien."""

    HABILITE = "habilite"
    INVITE = "invite"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Ce qu'une invitation est devenue. `reference` : l'acteur habilité, sinon le code du lien ; jamais une adresse."""

    suite: Suite
    reference: str


class LienRefuse(Introuvable):
    """Le lien n'existe pas, a servi, a expiré ou ne porte pas le bon secret. `cle` : celle des essais à compter."""

    code = "lien_refuse"

    def __init__(self, cle: bytes | None = None) -> None:
        super().__init__(LIEN_REFUSE)
        self.cle = cle


def _cle_d_essai(code: str) -> bytes:
    return hashlib.sha256(b"lien\x1f" + code.encode()).digest()


def _creer(
    session: Session, *, courriel: str, acteur: str, machine: datetime, compte_id: int | None = None,
    organisation_id: int | None = None, role: Role | None = None, duree: timedelta = DUREE_LIEN,
) -> LienAcces:  # fmt: skip
    """Range un lien, annule les précédents du même objet et met son envoi en file."""
    for ancien in repository.list_liens_vifs(session, machine, organisation_id=organisation_id, compte_id=compte_id):
        if (ancien.courriel, ancien.role) == (courriel, role):
            ancien.annule_at = machine
    lien = LienAcces(
        code=secrets.token_hex(6), courriel=courriel, compte_id=compte_id, organisation_id=organisation_id, role=role,
        cree_par=acteur, cree_at=machine, expire_at=machine + duree,
    )  # fmt: skip
    session.add(lien)
    session.flush()
    jobs.differer(session, "acteurs.envoyer_lien", lien_id=lien.id)
    return lien


def ouvrir_compte(
    session: Session, *, courriel: str, nom_affiche: str, acteur: str, machine: datetime, maintenant: datetime
) -> tuple[Compte, bool]:
    """Le compte de cette adresse, et vrai s'il vient d'être créé : la personne reçoit alors son premier lien.

    Lève SaisieInvalide. Tant que le lien n'a pas servi, aucun mot de passe n'ouvre ce compte.
    """
    connu = repository.get_compte_par_courriel(session, courriel)
    if connu is not None:
        return connu, False
    if not nom_affiche.strip():
        raise SaisieInvalide([Faute("nom_affiche", "Écrivez le nom de la personne.", "nom_absent")])
    compte = service.creer_compte(
        session, courriel=courriel, nom_affiche=nom_affiche.strip(), mot_de_passe=secrets.token_urlsafe(32),
        maintenant=maintenant, acteur=acteur,
    )  # fmt: skip
    _creer(session, courriel=compte.courriel, acteur=acteur, machine=machine, compte_id=compte.id)
    return compte, True


def renvoyer(
    session: Session, compte: Compte, *, acteur: str, contrat_id: int | None, machine: datetime, maintenant: datetime
) -> None:
    """Envoie au compte un nouveau lien pour choisir son mot de passe ; les liens d'avant ne valent plus rien."""
    _creer(session, courriel=compte.courriel, acteur=acteur, machine=machine, compte_id=compte.id)
    consigner(
        session, contrat_id=contrat_id, acte="compte.lien_envoye", objet=compte.acteur, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip


def est_un_oubli(lien: LienAcces, compte: Compte | None) -> bool:
    """Vrai si la personne s'est elle-même demandé ce lien : elle a déjà un compte, et vient d'en oublier la clé."""
    return compte is not None and lien.cree_par == compte.acteur


def demander(session: Session, courriel: str) -> None:
    """Met en file ce qu'il faut faire d'un mot de passe oublié.

    Le même travail est fait que l'adresse ait un compte ou non : ni la réponse, ni son temps ne disent si elle en a un.
    La file ne garde pas l'adresse.
    """
    compte = repository.get_compte_par_courriel(session, courriel)
    cle = hashlib.sha256(b"oubli\x1f" + courriel.strip().lower().encode()).hexdigest()
    jobs.differer(
        session, "acteurs.mot_de_passe_oublie", cle_unique=f"acteurs.oubli.{cle}",
        compte_id=compte.id if compte is not None else 0,
    )  # fmt: skip


def repondre_a_l_oubli(
    session: Session, compte_id: int, *, duree: timedelta, attente: timedelta, machine: datetime, maintenant: datetime
) -> bool:
    """Envoie au compte un lien pour choisir un nouveau mot de passe ; vrai s'il part. Ceux d'avant ne valent plus rien.

    Rien ne part pour un compte inconnu ou désactivé, ni si un lien est déjà parti il y a moins que `attente`.
    """
    compte = repository.get_compte_actif(session, compte_id, verrou=True)
    if compte is None or repository.a_un_lien_depuis(session, compte.id, machine - attente):
        return False
    _creer(
        session, courriel=compte.courriel, acteur=compte.acteur, machine=machine, compte_id=compte.id, duree=duree
    )  # fmt: skip
    consigner(
        session, contrat_id=None, acte="compte.mot_de_passe_oublie", objet=compte.acteur, acteur="service",
        maintenant=maintenant,
    )  # fmt: skip
    return True


def inviter(
    session: Session, organisation: Organisation, *, courriel: str, role: Role, acteur: str, url_publique: str,
    machine: datetime, maintenant: datetime,
) -> Invitation:  # fmt: skip
    """Invite une personne dans une organisation : elle y entre en suivant le lien de son courriel. Lève SaisieInvalide.

    Qu'elle ait déjà un compte ou non, la réponse est la même : inviter ne sert pas à savoir qui en a un. Seul un membre
    (que l'on voit déjà) reçoit son nouveau rôle sur-le-champ. Choix du projet.
    """
    adresse = courriel.strip().lower()
    if role not in ROLES_PORTEUR:
        raise SaisieInvalide([Faute("role", "Choisissez une réponse de la liste.", "role_non_donnable")])
    if not est_un_courriel(adresse) or not adresse.isascii():
        raise SaisieInvalide(
            [Faute("courriel", "Écrivez une adresse de la forme nom@exemple.fr.", "courriel_invalide")]
        )
    membres = (compte for _, compte in repository.list_membres(session, organisation.id, maintenant))
    membre = next((compte for compte in membres if compte.courriel == adresse), None)
    if membre is not None:
        ouvrir_acces(
            session, organisation, membre, role=role, acteur=acteur, url_publique=url_publique, maintenant=maintenant
        )
        return Invitation(Suite.HABILITE, membre.acteur)
    if len(repository.list_liens_vifs(session, machine, organisation_id=organisation.id)) >= INVITATIONS_MAX:
        phrase = f"{INVITATIONS_MAX} invitations attendent déjà une réponse : annulez-en une d’abord."
        raise SaisieInvalide([Faute("courriel", phrase, "trop_d_invitations")])
    lien = _creer(session, courriel=adresse, acteur=acteur, machine=machine, organisation_id=organisation.id, role=role)
    consigner(
        session, contrat_id=None, acte="membre.invite", objet=organisation.code, acteur=acteur, maintenant=maintenant,
        apres={"lien": lien.code, "role": role.value},
    )  # fmt: skip
    return Invitation(Suite.INVITE, lien.code)


def ouvrir_acces(
    session: Session, organisation: Organisation, compte: Compte, *, role: Role, acteur: str, url_publique: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Donne tout de suite un rôle à un membre, ou à qui l'a demandé ; un courriel le lui dit. Lève SaisieInvalide."""
    habilitations.donner(
        session, compte=compte, role=role, portee=Portee.ORGANISATION, acteur=acteur, donnables=ROLES_PORTEUR,
        maintenant=maintenant, organisation_id=organisation.id,
    )  # fmt: skip
    contexte = {"organisation": organisation.nom, "role": role.libelle, "url": f"{url_publique}/dossiers"}
    mail.envoyer(session, compte.courriel, "acces_ouvert", contexte, maintenant=maintenant)


def annuler(
    session: Session, organisation: Organisation, code: str, *, acteur: str, machine: datetime, maintenant: datetime
) -> None:
    """Annule une invitation de cette organisation. Lève Introuvable si elle n'attend plus rien."""
    lien = repository.get_lien(session, code, verrou=True)
    if lien is None or lien.organisation_id != organisation.id or not _est_vif(lien, machine):
        raise Introuvable("Cette invitation n’attend plus de réponse.")
    _annuler(session, organisation, lien, acteur=acteur, machine=machine, maintenant=maintenant)


def annuler_toutes(
    session: Session, organisation: Organisation, *, acteur: str, machine: datetime, maintenant: datetime
) -> None:
    """Annule les invitations de cette organisation qui attendent encore : celles d'un administrateur écarté."""
    for lien in repository.list_liens_vifs(session, machine, organisation_id=organisation.id, verrou=True):
        _annuler(session, organisation, lien, acteur=acteur, machine=machine, maintenant=maintenant)


def _annuler(
    session: Session, organisation: Organisation, lien: LienAcces, *, acteur: str, machine: datetime,
    maintenant: datetime,
) -> None:  # fmt: skip
    lien.annule_at = machine
    consigner(
        session, contrat_id=None, acte="membre.desinvite", objet=organisation.code, acteur=acteur,
        maintenant=maintenant, avant={"lien": lien.code, "role": lien.role.value if lien.role else None},
    )  # fmt: skip


def _est_vif(lien: LienAcces, machine: datetime) -> bool:
    return lien.utilise_at is None and lien.annule_at is None and lien.expire_at > machine


def lire(session: Session, brut: str, machine: datetime, *, verrou: bool = False) -> LienAcces:
    """Le lien vif que désigne « code.secret ». Lève LienRefuse, ou TropDEssais après huit mauvais secrets."""
    code, _, secret = brut.partition(".")
    lien = repository.get_lien(session, code, verrou=verrou) if code.isalnum() and code.isascii() else None
    if lien is None:
        raise LienRefuse
    cle = _cle_d_essai(code)
    if repository.compter_echecs(session, cle, machine - service.FENETRE_ESSAIS) >= service.ESSAIS_ADMIS:
        raise service.TropDEssais("Trop d’essais pour ce lien. Réessayez dans un quart d’heure.")
    if lien.empreinte is None or not hmac.compare_digest(lien.empreinte, service.empreinte_secret(secret)):
        raise LienRefuse(cle)
    if not _est_vif(lien, machine):
        raise LienRefuse
    return lien


def consigner_echec(session: Session, cle: bytes, machine: datetime) -> None:
    """Garde la trace d'un mauvais secret ; s'appelle dans une transaction à part."""
    session.add(EchecConnexion(cle=cle, a=machine))


def suivre(
    session: Session, lien: LienAcces, *, nom_affiche: str, mot_de_passe: str, confirmation: str, machine: datetime,
    maintenant: datetime,
) -> Compte:  # fmt: skip
    """Enregistre le mot de passe choisi, crée le compte s'il manque, habilite l'invité. Lève SaisieInvalide.

    Le lien ne sert plus ; les sessions déjà ouvertes du compte et ses jetons d'API sont révoqués : qui a perdu son mot
    de passe ne sait pas ce qu'un autre en a fait. Choix du projet.
    """
    fautes = list(verifier_mot_de_passe(mot_de_passe, lien.courriel))
    if mot_de_passe != confirmation:
        fautes.append(Faute("confirmation", "Les deux mots de passe diffèrent.", "confirmation_differe"))
    if lien.compte_id is None and not nom_affiche.strip():
        fautes.append(Faute("nom_affiche", "Écrivez votre nom.", "nom_absent"))
    if fautes:
        raise SaisieInvalide(fautes)
    if lien.compte_id is None:
        compte = service.creer_compte(
            session, courriel=lien.courriel, nom_affiche=nom_affiche.strip(), mot_de_passe=mot_de_passe,
            maintenant=maintenant,
        )  # fmt: skip
    else:
        compte = session.get_one(Compte, lien.compte_id)
        compte.mot_de_passe = service.hacher(mot_de_passe)
        sessions.fermer_toutes(session, compte.id, machine)
        vifs = update(JetonApi).where(JetonApi.compte_id == compte.id, JetonApi.revoque_at.is_(None))
        revoques = session.scalars(vifs.values(revoque_at=machine).returning(JetonApi.debut_visible)).all()
        consigner(
            session, contrat_id=None, acte="compte.mot_de_passe_choisi", objet=compte.acteur, acteur=compte.acteur,
            maintenant=maintenant, apres={"jetons_revoques": sorted(revoques)},
        )  # fmt: skip
    accepter(session, lien, compte, machine=machine, maintenant=maintenant)
    return compte


def accepter(session: Session, lien: LienAcces, compte: Compte, *, machine: datetime, maintenant: datetime) -> None:
    """Le lien a servi ; une invitation habilite le compte, s'il ne tenait pas déjà ce rôle."""
    lien.utilise_at = machine
    if lien.organisation_id is None or lien.role is None:
        return
    tenue = repository.est_deja_habilite(
        session, compte.id, lien.role, Portee.ORGANISATION, None, "", lien.organisation_id, maintenant, None
    )
    if not tenue:
        habilitations.donner(
            session, compte=compte, role=lien.role, portee=Portee.ORGANISATION, acteur=lien.cree_par,
            donnables=ROLES_PORTEUR, maintenant=maintenant, organisation_id=lien.organisation_id,
        )  # fmt: skip
