"""Ce qui est signé : une empreinte par partie, reprise au dépôt ; ce qui se fige à côté du contenu."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository.jointes import list_jointes
from app.etapes.dossier.rules.attestation import HORS_SIGNATURE, parties_changees
from app.etapes.dossier.rules.etats import EtatDossier, transition
from app.etapes.dossier.rules.parcours import contenu_utile
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.journal.chaine import canonique
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.noyau.periodes import a_paris
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.repository.fiche import fins_de_signature
from app.referentiels.acteurs.rules.comptes import signature_tient
from app.referentiels.acteurs.rules.fiche import ENGAGEES
from app.referentiels.acteurs.service.fiche import instantane

PARTI = "la personne qui a signé, qui n’est plus signataire"


def empreintes(contenu: Mapping[str, Any], organisation: Mapping[str, Any]) -> dict[str, str]:
    """Partie → son empreinte : les réponses du dossier, puis chaque part de la fiche."""
    reponses = {code: valeur for code, valeur in contenu.items() if code not in HORS_SIGNATURE}
    parties = {"contenu": reponses, **{cle: _sans_fuseau(part) for cle, part in organisation.items()}}
    return {nom: hashlib.sha256(canonique(partie)).hexdigest() for nom, partie in parties.items()}


def empreinte_de_la_fiche(organisation: Mapping[str, Any]) -> str:
    """Une seule empreinte pour toute la fiche : la page relue la renvoie, et la signature exige que ce soit la même."""
    return hashlib.sha256(canonique({cle: _sans_fuseau(part) for cle, part in organisation.items()})).hexdigest()


def contenu_a_signer(session: Session, dossier: Dossier) -> dict[str, Any]:
    """Les réponses des étapes que ce dossier a : ce qui se signe, se dépose et se fige."""
    organisation = session.get_one(Organisation, dossier.organisation_id)
    annee = appels.get_appel(session, dossier.appel_id).annee
    contenu = repository.contenu(session, dossier.id)
    return contenu_utile(contenu, annee=annee, association=organisation.forme in ENGAGEES)


def _sans_fuseau(part: Any) -> Any:
    """Le même instant s'écrit pareil, qu'il vienne d'être posé ou qu'il soit relu de la base."""
    if not isinstance(part, Mapping) or "atteste_at" not in part:
        return part
    return {**part, "atteste_at": datetime.fromisoformat(part["atteste_at"]).astimezone(UTC).isoformat()}


def fiche_a_deposer(session: Session, dossier: Dossier, annee: int, maintenant: datetime) -> dict[str, Any]:
    """La fiche que le dépôt fige : au jour de la signature. Une date qui passe n'y change donc rien.

    Un dossier signé avant que la signature ne garde ses empreintes se dépose avec la fiche du jour, comme avant.
    """
    signee = dossier.signe_empreintes is not None and dossier.signe_le is not None
    return instantane(session, dossier.organisation_id, annee, (signee and dossier.signe_le) or maintenant)


def ce_qui_a_change(dossier: Dossier, contenu: Mapping[str, Any], organisation: Mapping[str, Any]) -> tuple[str, ...]:
    """Les parties signées qui ne sont plus les mêmes, en mots ; vide si tout est comme à la signature."""
    if dossier.signe_empreintes is None:
        return ()
    return parties_changees(dossier.signe_empreintes, empreintes(contenu, organisation))


def ce_qui_la_defait(
    session: Session, dossier: Dossier, maintenant: datetime, fiche: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Ce qui empêche de déposer un dossier signé, en mots ; vide si la signature tient. Rien à lire sans signature.

    `fiche` : celle du dépôt (`fiche_a_deposer`), si l'appelant l'a déjà lue.
    """
    if dossier.etat is not EtatDossier.A_SIGNER or dossier.signe_version != dossier.version:
        return ()
    if fiche is None:
        annee = appels.get_appel(session, dossier.appel_id).annee
        fiche = fiche_a_deposer(session, dossier, annee, maintenant)
    changees = ce_qui_a_change(dossier, contenu_a_signer(session, dossier), fiche)
    return (*changees, PARTI) if signataire_parti(session, dossier, maintenant) else changees


def oublier(dossier: Dossier) -> None:
    """La signature tombe ; rien d'autre ne change."""
    dossier.signe_le = dossier.signe_par = dossier.signe_version = None
    dossier.signe_nom = dossier.signe_qualite = dossier.signe_empreintes = None


def signataire_parti(session: Session, dossier: Dossier, maintenant: datetime) -> bool:
    """Vrai si la personne qui a signé n'est plus signataire : rôle clos par une contestation ou un retrait.

    Un relais, ou un mandat qui finit au jour dit, ne défait pas ce qu'elle a signé (voir `signature_tient`).
    """
    if dossier.signe_le is None or dossier.signe_par is None:
        return False
    fins = fins_de_signature(session, dossier.organisation_id, dossier.signe_par)
    return not signature_tient(fins, maintenant)


def exiger_signataire_actuel(session: Session, dossier: Dossier, maintenant: datetime) -> None:
    """Au dépôt : qui a signé doit pouvoir encore signer, même si qui dépose est signataire. Lève ActeImpossible."""
    if signataire_parti(session, dossier, maintenant):
        raise ActeImpossible(
            "La personne qui avait signé n’est plus signataire : signez à nouveau.", code="signataire_parti"
        )


def faire_tomber(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime) -> bool:
    """Ôte une signature donnée sur une fiche qui a changé, ou par qui n'est plus signataire ; rend si elle est tombée.

    Sans effet sur un dossier déposé, ou dont rien n'a changé, ou pour qui ne pourrait pas déposer. Consigné.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    permis = roles_sur_dossier(acteur, dossier) & transition("deposer").roles
    if dossier.etat is not EtatDossier.A_SIGNER or not permis:
        return False
    defaite_par = ce_qui_la_defait(session, dossier, maintenant)
    if not defaite_par:
        return False
    oublier(dossier)
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.signature_tombee", objet=dossier.reference,
        acteur=acteur.acteur, maintenant=maintenant, apres={"change": list(defaite_par)},
    )  # fmt: skip
    return True


def a_cote(session: Session, dossier: Dossier, maintenant: datetime, complete_par: Identite | None) -> dict[str, Any]:
    """Ce qui se fige avec la fiche : les pièces valables à cet instant ; d'un complément, qui l'a envoyé."""
    fige: dict[str, Any] = {"pieces": list_jointes(session, dossier, a_paris(maintenant).date())}
    if complete_par is not None:
        roles = roles_sur_dossier(complete_par, dossier) & transition("completer").roles
        dits = [r.libelle.lower() for r in Role if r in roles]
        fige["complete_par"] = {"nom": complete_par.nom, "role": ", ".join(dits)}
    return fige
