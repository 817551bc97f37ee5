"""Actes : passer le relais de la signature, demander à rejoindre ou à administrer une organisation, y répondre."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, DemandeAcces, Organisation
from app.referentiels.acteurs.repository import comptes as demandes
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules import fin_de_jour
from app.referentiels.acteurs.rules.comptes import NatureDemande, SuiteDemande, verifier_relais
from app.referentiels.acteurs.service import fiche, habilitations, liens
from app.referentiels.contrats.models import Contrat

DEMANDES_PAR_JOUR = 5
LONGUEUR_MOTIF = 2000


def transmettre(
    session: Session, organisation: Organisation, *, partant: str, successeur: Mapping[str, str], fin_le: date | None,
    acteur: Identite, url_publique: str, machine: datetime, maintenant: datetime,
) -> None:  # fmt: skip
    """Passe la signature d'une personne à une autre : invitation, fin de l'une, représentant légal à jour.

    `partant` : l'adresse de qui cesse de signer, à la fin du jour `fin_le` ; `successeur` : courriel, prenom, nom,
    fonction, telephone. L'autre signe dès qu'elle a rejoint l'organisation : entre les deux, quelqu'un peut signer.
    Lève SaisieInvalide, ActeInterdit (signature d'un autre), ActeImpossible (déjà transmise).
    """
    lectures.verrouiller(session, organisation.id)
    sien = partant.strip().lower()
    tenues = lectures.list_signataires_sans_fin(session, organisation.id, maintenant)
    partants = {compte.courriel for _, compte in tenues}
    courriel = successeur.get("courriel", "").strip().lower()
    if organisation.id not in acteur.organisations({Role.ADMINISTRATEUR_PORTEUR}) and sien != acteur.courriel:
        raise ActeInterdit("Vous ne pouvez transmettre que votre propre signature.", code="administrateur_requis")
    if sien not in partants and sien in _signataires(session, organisation, maintenant):
        raise ActeImpossible("Cette signature est déjà transmise.", code="deja_transmise")
    fautes = verifier_relais(
        courriel=courriel, prenom=successeur.get("prenom", ""), nom=successeur.get("nom", ""),
        fonction=successeur.get("fonction", ""), fin_le=fin_le, aujourd_hui=a_paris(maintenant).date(), partant=sien,
        partants=partants,
    )  # fmt: skip
    if fautes or fin_le is None:
        raise SaisieInvalide(list(fautes))
    suivant = next((compte.acteur for _, compte in tenues if compte.courriel == courriel), "")
    if not suivant:
        suivant = liens.inviter(
            session, organisation, courriel=courriel, role=Role.SIGNATAIRE, acteur=acteur.acteur,
            url_publique=url_publique, machine=machine, maintenant=maintenant,
        ).reference  # fmt: skip
    anciens = [(tenue, compte) for tenue, compte in tenues if compte.courriel == sien]
    for tenue, _ in anciens:
        tenue.fin = fin_de_jour(fin_le)
    nouveau = {champ: successeur.get(champ, "").strip() for champ in ("prenom", "nom", "fonction", "telephone")}
    fiche.enregistrer_representant(
        session, organisation, {**nouveau, "courriel": courriel},
        depuis=fin_le + timedelta(days=1), acteur=acteur.acteur, maintenant=maintenant,
    )  # fmt: skip
    consigner(
        session, contrat_id=None, acte="signature.transmise", objet=organisation.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={
            "partant": anciens[0][1].acteur, "dernier_jour": fin_le.isoformat(), "successeur": suivant,
        },
    )  # fmt: skip
    contexte = {"organisation": organisation.nom, "fin_le": fin_le, "url": f"{url_publique}/organisations"}
    cle = f"relais:{organisation.code}:{anciens[0][0].id}"
    mail.prevenir(
        session, [compte for _, compte in anciens], "signature_transmise", contexte, cle=cle, maintenant=maintenant
    )


def _signataires(session: Session, organisation: Organisation, maintenant: datetime) -> set[str]:
    tenants = repository.list_comptes_habilites(session, organisation.id, {Role.SIGNATAIRE}, maintenant)
    return {compte.courriel for compte in tenants}


def ranger(
    session: Session, organisation: Organisation, nature: NatureDemande, *, acteur: Identite, contrat_id: int | None,
    motif: str, maintenant: datetime,
) -> DemandeAcces | None:  # fmt: skip
    """La demande, rangée et consignée ; None si la même attend déjà. Lève TropDEssais."""
    lectures.verrouiller(session, organisation.id)
    if demandes.get_demande_en_attente(session, acteur.compte_id, organisation.id, nature) is not None:
        return None
    if demandes.compter_demandes(session, acteur.compte_id, maintenant - timedelta(days=1)) >= DEMANDES_PAR_JOUR:
        raise service.TropDEssais("Trop de demandes aujourd’hui. Réessayez demain.")
    demande = DemandeAcces(
        code=secrets.token_hex(6), nature=nature, organisation_id=organisation.id, compte_id=acteur.compte_id,
        contrat_id=contrat_id, motif=motif, cree_at=maintenant, suite=None, suite_at=None, suite_par=None,
    )  # fmt: skip
    session.add(demande)
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte=f"{nature.value}.demande", objet=organisation.code, acteur=acteur.acteur,
        maintenant=maintenant,
    )  # fmt: skip
    return demande


def demander_l_acces(
    session: Session, organisation: Organisation, *, acteur: Identite, url_publique: str, maintenant: datetime
) -> None:
    """Demande une invitation à qui administre l'organisation. La redemander ne renvoie rien.

    Lève ActeImpossible : déjà membre, ou plus d'administrateur.
    """
    if organisation.id in acteur.organisations():
        raise ActeImpossible("Vous êtes déjà membre de cette organisation.", code="deja_membre")
    administrateurs = repository.list_comptes_habilites(
        session, organisation.id, {Role.ADMINISTRATEUR_PORTEUR}, maintenant
    )
    if not administrateurs:
        raise ActeImpossible("Plus personne n’administre cette organisation.", code="sans_administrateur")
    demande = ranger(
        session, organisation, NatureDemande.ACCES, acteur=acteur, contrat_id=None, motif="", maintenant=maintenant
    )
    if demande is None:
        return
    contexte = {
        "organisation": organisation.nom, "nom": acteur.nom, "courriel": acteur.courriel,
        "url": f"{url_publique}/organisations/{organisation.code}/membres",
    }  # fmt: skip
    mail.prevenir(
        session, administrateurs, "acces_demande", contexte, cle=f"demande:{demande.code}", maintenant=maintenant
    )


def demander_l_administration(
    session: Session, organisation: Organisation, contrat: Contrat, *, motif: str, acteur: Identite, url_publique: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Demande au chargé de mission de nommer un administrateur. Lève SaisieInvalide, ActeImpossible."""
    if repository.compter_administrateurs(session, organisation.siret, maintenant):
        raise ActeImpossible("Quelqu’un administre cette organisation : demandez-lui l’accès.", code="administree")
    adresser_au_charge(
        session, organisation, contrat, NatureDemande.ADMINISTRATION, motif=motif, courriel="administration_demandee",
        sans_motif="Dites pourquoi personne n’administre plus, et à quel titre vous le demandez.",
        acteur=acteur, url_publique=url_publique, maintenant=maintenant,
    )  # fmt: skip


def adresser_au_charge(
    session: Session, organisation: Organisation, contrat: Contrat, nature: NatureDemande, *, motif: str, courriel: str,
    sans_motif: str, acteur: Identite, url_publique: str, maintenant: datetime,
) -> None:  # fmt: skip
    """Range une demande motivée et la dit aux chargés de mission du contrat. La redire ne renvoie rien.

    `courriel` : son gabarit ; `sans_motif` : la phrase s'il manque. Lève SaisieInvalide, TropDEssais.
    """
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", sans_motif, "motif_absent")])
    demande = ranger(
        session, organisation, nature, acteur=acteur, contrat_id=contrat.id, motif=motif.strip()[:LONGUEUR_MOTIF],
        maintenant=maintenant,
    )  # fmt: skip
    if demande is None:
        return
    charges = repository.list_comptes_du_contrat(
        session, contrat.id, Role.CHARGE_MISSION, Portee.CONTRAT, "", maintenant
    )
    contexte = {
        "organisation": organisation.nom, "nom": acteur.nom, "courriel": acteur.courriel, "motif": demande.motif,
        "url": f"{url_publique}/comptes/{contrat.code}/organisations?demande={demande.code}",
    }  # fmt: skip
    mail.prevenir(session, charges, courriel, contexte, cle=f"demande:{demande.code}", maintenant=maintenant)


def conclure(demande: DemandeAcces, suite: SuiteDemande, motif: str, acteur: str, maintenant: datetime) -> None:
    """Range la réponse. Lève ActeImpossible s'il y en a déjà une."""
    if demande.suite is not None:
        raise ActeImpossible("Une réponse a déjà été donnée à cette demande.", code="deja_repondue")
    demande.suite, demande.suite_motif, demande.suite_at, demande.suite_par = suite, motif, maintenant, acteur


def repondre_a_l_acces(
    session: Session, organisation: Organisation, demande: DemandeAcces, *, role: Role | None, acteur: str,
    url_publique: str, maintenant: datetime,
) -> None:  # fmt: skip
    """L'administrateur donne un rôle à qui le demande, ou écarte la demande (`role` absent). Lève ActeImpossible."""
    compte = session.get_one(Compte, demande.compte_id)
    conclure(demande, SuiteDemande.ACCEPTEE if role else SuiteDemande.REFUSEE, "", acteur, maintenant)
    if role is not None:
        liens.ouvrir_acces(
            session, organisation, compte, role=role, acteur=acteur, url_publique=url_publique, maintenant=maintenant
        )
        return
    consigner(
        session, contrat_id=None, acte="acces.refuse", objet=organisation.code, acteur=acteur, maintenant=maintenant,
        avant={"demandeur": compte.acteur},
    )  # fmt: skip


def repondre_a_l_administration(
    session: Session, demande: DemandeAcces, *, est_acceptee: bool, motif: str, acteur: str, url_publique: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Le chargé de mission nomme la personne administratrice, ou refuse en disant pourquoi. Les membres le savent.

    Lève SaisieInvalide (motif), ActeImpossible (déjà répondue, ou quelqu'un administre de nouveau).
    """
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Écrivez ce qui fonde votre réponse.", "motif_absent")])
    organisation = lectures.verrouiller(session, demande.organisation_id)
    compte = session.get_one(Compte, demande.compte_id)
    suite = SuiteDemande.ACCEPTEE if est_acceptee else SuiteDemande.REFUSEE
    conclure(demande, suite, motif.strip()[:LONGUEUR_MOTIF], acteur, maintenant)
    membres = repository.list_comptes_habilites(session, organisation.id, ROLES_PORTEUR, maintenant)
    if est_acceptee:
        if repository.compter_administrateurs(session, organisation.siret, maintenant):
            raise ActeImpossible("Quelqu’un administre de nouveau cette organisation.", code="administree")
        habilitations.donner(
            session, compte=compte, role=Role.ADMINISTRATEUR_PORTEUR, portee=Portee.ORGANISATION, acteur=acteur,
            donnables=ROLES_PORTEUR, maintenant=maintenant, organisation_id=organisation.id,
        )  # fmt: skip
    consigner(
        session, contrat_id=demande.contrat_id, acte=f"administration.{suite.value}", objet=organisation.code,
        acteur=acteur, maintenant=maintenant, apres={"demandeur": compte.acteur, "motif": demande.suite_motif},
    )  # fmt: skip
    contexte = {
        "organisation": organisation.nom, "nom": compte.nom_affiche, "est_acceptee": est_acceptee,
        "motif": demande.suite_motif, "url": f"{url_publique}/organisations",
    }  # fmt: skip
    cle = f"suite:{demande.code}"
    mail.prevenir(session, [compte], "administration_repondue", contexte, cle=cle, maintenant=maintenant)
    if est_acceptee:
        autres = [m for m in membres if m.id != compte.id]
        mail.prevenir(session, autres, "administrateur_nomme", contexte, cle=cle, maintenant=maintenant)
