"""Actes : se connecter, se déconnecter, créer ou révoquer un jeton, créer une organisation, habiliter."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.infra import sirene
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, SaisieInvalide
from app.noyau.identifiants import normaliser_rna, normaliser_siret
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import (
    Compte,
    EchecConnexion,
    HabilitationCompte,
    Inscription,
    JetonApi,
    LienAcces,
    Organisation,
    SessionWeb,
)
from app.referentiels.acteurs.rules import (
    IdentiteOrganisation,
    est_un_courriel,
    verifier_identite,
    verifier_mot_de_passe,
)

ESSAIS_ADMIS = 8
FENETRE_ESSAIS = timedelta(minutes=15)
GARDE_LIEN = timedelta(days=30)
GARDE_SESSION = timedelta(days=1)  # le temps qu'un formulaire envoyé trop tard retrouve à qui il est
LONGUEUR_AGENT = 300
DUREE_JETON_MAX = timedelta(days=366)
PREFIXE_JETON = "iq_"


class TropDEssais(ActeImpossible):
    """Trop d'échecs récents sur cette adresse."""

    code = "trop_d_essais"


@cache
def _hacheur() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _empreinte_leurre() -> str:
    return _hacheur().hash(secrets.token_urlsafe(16))


def hacher(mot_de_passe: str) -> str:
    """Empreinte argon2 d'un mot de passe."""
    return _hacheur().hash(mot_de_passe)


def est_le_bon(mot_de_passe: str, empreinte: str) -> bool:
    """Vrai si ce mot de passe est celui de cette empreinte ; une empreinte illisible n'en ouvre aucun."""
    try:
        return _hacheur().verify(mot_de_passe, empreinte)
    except UnknownHashError:
        return False


def refuser_trop_d_essais(session: Session, courriel: str, machine: datetime) -> None:
    """Lève TropDEssais si cette adresse a trop d'échecs récents."""
    if repository.compter_echecs(session, _cle_d_essai(courriel), machine - FENETRE_ESSAIS) >= ESSAIS_ADMIS:
        raise TropDEssais("Trop d’essais pour cette adresse. Réessayez dans un quart d’heure.")


def empreinte_secret(secret: str) -> bytes:
    """Empreinte d'un témoin ou d'un jeton : la base ne garde jamais le secret lui-même."""
    return hashlib.sha256(secret.encode()).digest()


def _cle_d_essai(courriel: str) -> bytes:
    return hashlib.sha256(courriel.strip().lower().encode()).digest()


def creer_compte(
    session: Session,
    *,
    courriel: str,
    nom_affiche: str,
    mot_de_passe: str,
    maintenant: datetime,
    est_demonstration: bool = False,
    empreinte: str | None = None,
    acteur: str | None = None,
) -> Compte:
    """Crée un compte. Lève SaisieInvalide (adresse, mot de passe, adresse déjà prise).

    `empreinte` : celle du mot de passe, déjà calculée (les comptes de démonstration partagent le leur).
    `acteur` : qui ouvre ce compte, si ce n'est pas la personne elle-même.
    """
    adresse = courriel.strip().lower()
    fautes = list(verifier_mot_de_passe(mot_de_passe, adresse))
    if not est_un_courriel(adresse):
        fautes.append(Faute("courriel", "Écrivez une adresse de la forme nom@exemple.fr.", "courriel_invalide"))
    elif repository.courriel_est_pris(session, adresse):
        fautes.append(Faute("courriel", "Cette adresse a déjà un compte.", "courriel_pris"))
    if fautes:
        raise SaisieInvalide(fautes)
    compte = Compte(
        acteur=f"c-{secrets.token_hex(6)}",
        courriel=adresse,
        nom_affiche=nom_affiche,
        mot_de_passe=empreinte or hacher(mot_de_passe),
        est_demonstration=est_demonstration,
        cree_at=maintenant,
    )
    session.add(compte)
    session.flush()
    consigner(
        session, contrat_id=None, acte="compte.cree", objet=compte.acteur, acteur=acteur or compte.acteur,
        maintenant=maintenant,
    )  # fmt: skip
    return compte


def ouvrir_session(
    session: Session, *, courriel: str, mot_de_passe: str, machine: datetime, duree: timedelta,
    maximum: timedelta | None = None, agent: str = "",
) -> tuple[str, Compte]:  # fmt: skip
    """Vérifie le mot de passe et ouvre une session ; rend le témoin. Lève SaisieInvalide ou TropDEssais."""
    refuser_trop_d_essais(session, courriel, machine)
    compte = repository.get_compte_par_courriel(session, courriel)
    valable, nouvelle = _hacheur().verify_and_update(
        mot_de_passe, compte.mot_de_passe if compte is not None else _empreinte_leurre()
    )
    if compte is None or not valable:
        phrase = "L’adresse ou le mot de passe ne correspond pas."
        raise SaisieInvalide([Faute("courriel", phrase, "identifiants_refuses")], phrase)
    if nouvelle is not None:
        compte.mot_de_passe = nouvelle
    temoin = ouvrir_session_de(session, compte, machine=machine, duree=duree, maximum=maximum, agent=agent)
    return temoin, compte


def ouvrir_session_de(
    session: Session, compte: Compte, *, machine: datetime, duree: timedelta, maximum: timedelta | None = None,
    agent: str = "",
) -> str:  # fmt: skip
    """Ouvre une session pour ce compte et rend le témoin (le seul moment où il est connu).

    Elle finit après `duree` sans servir, et de toute façon après `maximum` (la même durée si rien n'est dit).
    """
    temoin = secrets.token_urlsafe(32)
    limite = max(maximum or duree, duree)
    session.add(
        SessionWeb(
            empreinte=empreinte_secret(temoin), compte_id=compte.id, cree_at=machine, vue_at=machine,
            expire_at=machine + duree, limite_at=machine + limite, agent=agent[:LONGUEUR_AGENT],
        )
    )  # fmt: skip
    return temoin


def consigner_echec(session: Session, courriel: str, machine: datetime) -> None:
    """Garde la trace d'un échec de connexion ; s'appelle dans une transaction à part."""
    session.execute(delete(EchecConnexion).where(EchecConnexion.a < machine - 4 * FENETRE_ESSAIS))
    session.add(EchecConnexion(cle=_cle_d_essai(courriel), a=machine))


def purger_sessions(session: Session, machine: datetime) -> None:
    """Efface sessions finies hier, vieux échecs, inscriptions sans suite et liens finis depuis un mois. Rejouable."""
    session.execute(delete(SessionWeb).where(SessionWeb.expire_at <= machine - GARDE_SESSION))
    session.execute(delete(LienAcces).where(LienAcces.expire_at <= machine - GARDE_LIEN))
    session.execute(delete(Inscription).where(Inscription.expire_at <= machine))
    sirene.purger(session, machine)
    session.execute(delete(EchecConnexion).where(EchecConnexion.a < machine - 4 * FENETRE_ESSAIS))


def fermer_session(session: Session, empreinte: bytes) -> None:
    """Révoque la session."""
    session.execute(delete(SessionWeb).where(SessionWeb.empreinte == empreinte))


def creer_jeton(
    session: Session, *, acteur: Identite, intitule: str, jours: int, machine: datetime
) -> tuple[str, JetonApi]:
    """Crée un jeton d'API aux droits de son auteur ; le rend en clair, une seule fois. Lève SaisieInvalide."""
    fautes = []
    if not intitule.strip():
        fautes.append(Faute("intitule", "Dites à quoi sert ce jeton."))
    if not 1 <= jours <= DUREE_JETON_MAX.days:
        fautes.append(Faute("jours", f"Choisissez une durée de 1 à {DUREE_JETON_MAX.days} jours."))
    if fautes:
        raise SaisieInvalide(fautes)
    secret = PREFIXE_JETON + secrets.token_urlsafe(32)
    jeton = JetonApi(
        compte_id=acteur.compte_id,
        intitule=intitule.strip(),
        debut_visible=secret[:8],
        empreinte=empreinte_secret(secret),
        cree_at=machine,
        expire_at=machine + timedelta(days=jours),
    )
    session.add(jeton)
    consigner(
        session, contrat_id=None, acte="jeton.cree", objet=acteur.acteur, acteur=acteur.acteur, maintenant=machine,
        apres={"intitule": jeton.intitule, "debut": jeton.debut_visible},
    )  # fmt: skip
    return secret, jeton


def revoquer_jeton(session: Session, *, acteur: Identite, jeton_id: int, machine: datetime) -> None:
    """Révoque un jeton de l'acteur. Lève Introuvable."""
    jeton = repository.get_jeton(session, acteur.compte_id, jeton_id)
    if jeton is None:
        raise Introuvable("Ce jeton n’existe pas.")
    if jeton.revoque_at is None:
        jeton.revoque_at = machine
        consigner(
            session, contrat_id=None, acte="jeton.revoque", objet=acteur.acteur, acteur=acteur.acteur,
            maintenant=machine, apres={"debut": jeton.debut_visible},
        )  # fmt: skip


def _a_qui_demander(session: Session, siret: str, maintenant: datetime) -> str:
    """À qui demander une invitation, sans dire qui : ni nom de personne, ni adresse."""
    if repository.compter_administrateurs(session, siret, maintenant):
        return (
            "Cette organisation est déjà enregistrée. Demandez une invitation à la personne qui l’administre : elle "
            "l’envoie depuis « Mon organisation », « Membres ». Votre présidence sait qui c’est. Si d’autres la "
            "tiennent à tort, dites-le au chargé de mission : revenez à la première étape et donnez ce SIRET."
        )
    return (
        "Cette organisation est déjà enregistrée, mais plus personne ne l’administre. Écrivez au chargé de mission du "
        "contrat de ville : il vous en fera ouvrir l’accès."
    )


def creer_organisation(
    session: Session,
    identite: IdentiteOrganisation,
    *,
    acteur: str,
    maintenant: datetime,
    coordonnees: Mapping[str, str | int | None] | None = None,
    est_fictif: bool = False,
    est_confirmee: bool = False,
) -> Organisation:
    """Crée une organisation, à confirmer sauf `est_confirmee`. Lève SaisieInvalide (identité, SIRET déjà connu)."""
    fautes = list(verifier_identite(identite, maintenant.date()))
    siret = normaliser_siret(identite.siret) or ""
    if siret and repository.get_organisation_par_siret(session, siret) is not None:
        fautes.append(Faute("siret", _a_qui_demander(session, siret, maintenant), "siret_connu"))
    if fautes:
        raise SaisieInvalide(fautes)
    organisation = Organisation(
        code=f"o-{secrets.token_hex(5)}",
        nom=identite.nom.strip(),
        forme=identite.forme,
        siret=siret,
        rna=normaliser_rna(identite.rna) if identite.rna else None,
        recepisse=identite.recepisse.strip(),
        registre_tribunal=identite.registre_tribunal or None,
        registre_volume=identite.registre_volume or None,
        registre_folio=identite.registre_folio or None,
        registre_inscrit_le=identite.registre_inscrit_le,
        est_fictif=est_fictif,
        cree_at=maintenant,
        confirmee_at=maintenant if est_confirmee else None,
        confirmee_par=acteur if est_confirmee else None,
        **(coordonnees or {}),
    )
    session.add(organisation)
    session.flush()
    consigner(
        session, contrat_id=None, acte="organisation.creee", objet=organisation.code, acteur=acteur,
        maintenant=maintenant, apres={"nom": organisation.nom, "siret": siret},
    )  # fmt: skip
    return organisation


def habiliter(
    session: Session,
    *,
    compte: Compte,
    role: Role,
    portee: Portee,
    acteur: str,
    maintenant: datetime,
    contrat_id: int | None = None,
    cible: str = "",
    organisation_id: int | None = None,
    debut: datetime | None = None,
    fin: datetime | None = None,
) -> HabilitationCompte:
    """Donne un rôle sur une portée. La base refuse une portée mal formée."""
    habilitation = HabilitationCompte(
        compte_id=compte.id,
        contrat_id=contrat_id,
        organisation_id=organisation_id,
        role=role,
        portee=portee,
        cible=cible,
        debut=debut or maintenant,
        fin=fin,
    )
    session.add(habilitation)
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="habilitation.donnee", objet=compte.acteur, acteur=acteur,
        maintenant=maintenant, apres={
            "role": role.value, "portee": portee.value, "cible": cible,
            "organisation": repository.code_organisation(session, organisation_id),
            "debut": habilitation.debut.isoformat(), "fin": fin.isoformat() if fin is not None else None,
        },
    )  # fmt: skip
    return habilitation
