"""Actes : demander un compte, le confirmer, changer son nom ou son mot de passe.

Ni la réponse ni son temps ne disent si une adresse a déjà un compte : le même travail est fait dans les deux cas, et le
courriel seul, reçu par la personne, le lui apprend.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.infra import jobs
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, EchecConnexion, Inscription
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.rules.comptes import LONGUEUR_NOM, verifier_choix, verifier_inscription
from app.referentiels.acteurs.service import sessions

DUREE = timedelta(days=2)
FENETRE_ENVOIS = timedelta(hours=1)
ENVOIS_PAR_ADRESSE = 3
DEMANDES_PAR_POSTE = 40
REFUSE = "Ce lien a déjà servi, ou n’est plus valable. Connectez-vous, ou recommencez la création de votre compte."


class InscriptionRefusee(Introuvable):
    """L'inscription n'existe pas, a servi ou a expiré. `cle` : celle des essais à compter."""

    code = "inscription_refusee"

    def __init__(self, cle: bytes | None = None) -> None:
        super().__init__(REFUSE)
        self.cle = cle


def cle_du_poste(poste: str) -> bytes:
    """La clé sous laquelle se comptent les demandes venues d'un même poste (l'adresse elle-même n'est pas gardée)."""
    return hashlib.sha256(b"inscription\x1f" + poste.encode()).digest()


def _cle_d_essai(code: str) -> bytes:
    return hashlib.sha256(b"confirmation\x1f" + code.encode()).digest()


def demander(
    session: Session, *, nom_affiche: str, courriel: str, mot_de_passe: str, confirmation: str, poste: str,
    machine: datetime,
) -> None:  # fmt: skip
    """Range la demande d'un compte et met le courriel en file. Lève SaisieInvalide, TropDEssais."""
    adresse = courriel.strip().lower()
    fautes = verifier_inscription(nom_affiche, adresse, mot_de_passe, confirmation)
    if fautes:
        raise SaisieInvalide(list(fautes))
    cle = cle_du_poste(poste)
    if repository.compter_echecs(session, cle, machine - service.FENETRE_ESSAIS) >= DEMANDES_PAR_POSTE:
        raise service.TropDEssais("Trop de comptes demandés d’ici. Réessayez dans un quart d’heure.")
    session.add(EchecConnexion(cle=cle, a=machine))
    inscription = Inscription(
        code=secrets.token_hex(6), courriel=adresse, nom_affiche=nom_affiche.strip(),
        mot_de_passe=service.hacher(mot_de_passe), cree_at=machine, expire_at=machine + DUREE,
    )  # fmt: skip
    session.add(inscription)
    session.flush()
    jobs.differer(session, "acteurs.envoyer_inscription", inscription_id=inscription.id)


def lire(session: Session, brut: str, machine: datetime, *, verrou: bool = False) -> Inscription:
    """L'inscription que désigne « code.secret ». Lève InscriptionRefusee, TropDEssais après huit mauvais essais."""
    code, _, secret = brut.partition(".")
    trouvee = lectures.get_inscription(session, code, verrou=verrou) if code.isalnum() and code.isascii() else None
    if trouvee is None:
        raise InscriptionRefusee
    cle = _cle_d_essai(code)
    if repository.compter_echecs(session, cle, machine - service.FENETRE_ESSAIS) >= service.ESSAIS_ADMIS:
        raise service.TropDEssais("Trop d’essais pour ce lien. Réessayez dans un quart d’heure.")
    if trouvee.empreinte is None or not hmac.compare_digest(trouvee.empreinte, service.empreinte_secret(secret)):
        raise InscriptionRefusee(cle)
    if trouvee.utilise_at is not None or trouvee.expire_at <= machine:
        raise InscriptionRefusee
    return trouvee


def confirmer(
    session: Session, inscription: Inscription, *, mot_de_passe: str, machine: datetime, maintenant: datetime
) -> Compte:
    """Crée le compte, actif. Lève SaisieInvalide (mot de passe d'un autre), InscriptionRefusee (adresse prise depuis).

    Le mot de passe est redemandé : qui a seulement la boîte ne confirme pas le compte qu'un autre lui a préparé.
    """
    if not service.est_le_bon(mot_de_passe, inscription.mot_de_passe):
        phrase = "Ce n’est pas le mot de passe choisi à la création. Oublié ? Recommencez la création du compte."
        raise SaisieInvalide([Faute("mot_de_passe", phrase, "mot_de_passe_different")])
    if repository.courriel_est_pris(session, inscription.courriel):
        raise InscriptionRefusee
    compte = service.creer_compte(
        session, courriel=inscription.courriel, nom_affiche=inscription.nom_affiche, mot_de_passe=mot_de_passe,
        empreinte=inscription.mot_de_passe, maintenant=maintenant,
    )  # fmt: skip
    inscription.utilise_at = machine
    return compte


def consigner_echec(session: Session, code: str, machine: datetime) -> None:
    """Compte un mauvais secret ou un mauvais mot de passe ; s'appelle dans une transaction à part."""
    session.add(EchecConnexion(cle=_cle_d_essai(code), a=machine))


def _sien(session: Session, acteur: Identite) -> Compte:
    compte = repository.get_compte_actif(session, acteur.compte_id, verrou=True)
    if compte is None:
        raise Introuvable("Ce compte n’existe plus.")
    return compte


def changer_de_nom(session: Session, acteur: Identite, nom_affiche: str, *, maintenant: datetime) -> None:
    """Change le nom que les autres lisent. Lève SaisieInvalide."""
    nom = nom_affiche.strip()
    if not nom or len(nom) > LONGUEUR_NOM:
        raise SaisieInvalide([Faute("nom_affiche", "Écrivez votre nom.", "nom_absent")])
    compte = _sien(session, acteur)
    compte.nom_affiche = nom
    consigner(
        session, contrat_id=None, acte="compte.nom_change", objet=compte.acteur, acteur=compte.acteur,
        maintenant=maintenant,
    )  # fmt: skip


def changer_de_mot_de_passe(
    session: Session, acteur: Identite, *, actuel: str, nouveau: str, confirmation: str, machine: datetime,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Remplace le mot de passe et ferme les autres sessions. Lève SaisieInvalide ou TropDEssais."""
    compte = _sien(session, acteur)
    service.refuser_trop_d_essais(session, compte.courriel, machine)
    if not service.est_le_bon(actuel, compte.mot_de_passe):
        phrase = "Ce n’est pas votre mot de passe actuel."
        raise SaisieInvalide([Faute("actuel", phrase, "identifiants_refuses")])
    fautes = verifier_choix(nouveau, confirmation, compte.courriel)
    if fautes:
        raise SaisieInvalide(list(fautes))
    compte.mot_de_passe = service.hacher(nouveau)
    sessions.fermer_toutes(session, compte.id, machine, sauf=acteur.empreinte_session)
    consigner(
        session, contrat_id=None, acte="compte.mot_de_passe_choisi", objet=compte.acteur, acteur=compte.acteur,
        maintenant=maintenant,
    )  # fmt: skip
