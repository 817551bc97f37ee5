"""Actes : confirmer une organisation, contester qui la tient, trancher. Voir l'ADR 0019."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide, VersionPerimee
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, DemandeAcces, Organisation
from app.referentiels.acteurs.repository import Tenue
from app.referentiels.acteurs.repository import confirmation as tenues
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules.comptes import NatureDemande, SuiteContestation, SuiteDemande
from app.referentiels.acteurs.service import fiche, habilitations, liens, relais
from app.referentiels.contrats.models import Contrat

TIENNENT = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE})


def _refuser_partie(session: Session, organisation: Organisation, acteur: Identite, maintenant: datetime) -> None:
    membres = repository.list_comptes_habilites(session, organisation.id, ROLES_PORTEUR, maintenant)
    if any(compte.id == acteur.compte_id for compte in membres):
        raise ActeInterdit(
            "Vous êtes membre de cette organisation : un autre chargé de mission décidera.", code="partie"
        )


def _marquer(organisation: Organisation, acteur: Identite, maintenant: datetime) -> None:
    organisation.confirmee_at, organisation.confirmee_par = maintenant, acteur.acteur


def empreinte_des_tenants(tenants: Iterable[Tenue]) -> str:
    """Ce que la page montre de qui tient l'organisation, et en quoi : la confirmation exige que ce soit le même."""
    dits = sorted(f"{compte.acteur} {tenue.role.value} {tenue.id}" for tenue, compte in tenants)
    return hashlib.sha256("\n".join(dits).encode()).hexdigest()


def confirmer(
    session: Session, organisation: Organisation, contrat: Contrat, *, tenants_lus: str, acteur: Identite,
    url_publique: str, maintenant: datetime,
) -> None:  # fmt: skip
    """Le chargé de mission a vérifié que ceux qui tiennent l'organisation la représentent. Un courriel le leur dit.

    `tenants_lus` : l'empreinte de ceux que sa page montrait. Lève ActeImpossible (déjà confirmée), ActeInterdit (il en
    est membre), VersionPerimee (d'autres la tiennent).
    """
    lue = lectures.verrouiller(session, organisation.id)
    if lue.confirmee_at is not None:
        raise ActeImpossible("Cette organisation est déjà confirmée.", code="deja_confirmee")
    _refuser_partie(session, lue, acteur, maintenant)
    montrables = tenues.tenues_de(session, [lue.id], maintenant)
    if tenants_lus != empreinte_des_tenants(montrables.get(lue.id, ())):
        phrase = f"Ceux qui tiennent {lue.nom} ont changé depuis que vous avez lu cette page : relisez-la."
        raise VersionPerimee(phrase)
    _marquer(lue, acteur, maintenant)
    tenants = repository.list_comptes_habilites(session, lue.id, TIENNENT, maintenant)
    consigner(
        session, contrat_id=contrat.id, acte="organisation.confirmee", objet=lue.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"siret": lue.siret, "tenue_par": sorted(compte.acteur for compte in tenants)},
    )  # fmt: skip
    contexte = {"organisation": lue.nom, "url": f"{url_publique}/organisations/{lue.code}"}
    mail.prevenir(
        session, tenants, "organisation_confirmee", contexte, cle=f"confirmee:{lue.code}", maintenant=maintenant
    )


def contester(
    session: Session, organisation: Organisation, contrat: Contrat, *, motif: str, acteur: Identite, url_publique: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Dit au chargé de mission que d'autres tiennent l'organisation à tort. Le redire ne renvoie rien.

    Lève SaisieInvalide (motif), ActeImpossible (la personne l'administre déjà), TropDEssais.
    """
    if organisation.id in acteur.organisations({Role.ADMINISTRATEUR_PORTEUR}):
        raise ActeImpossible("Vous administrez déjà cette organisation.", code="deja_membre")
    relais.adresser_au_charge(
        session, organisation, contrat, NatureDemande.CONTESTATION, motif=motif, courriel="organisation_contestee",
        sans_motif="Dites à quel titre cette organisation est la vôtre, et ce qui le prouve.",
        acteur=acteur, url_publique=url_publique, maintenant=maintenant,
    )  # fmt: skip


def trancher(
    session: Session, demande: DemandeAcces, *, suite: SuiteContestation, motif: str, acteur: Identite,
    url_publique: str, machine: datetime, maintenant: datetime,
) -> None:  # fmt: skip
    """Refuse, ou rend l'organisation à qui la réclame ; les deux côtés reçoivent le motif par courriel.

    Accordée, elle est confirmée du même coup. Lève SaisieInvalide (motif), ActeImpossible (déjà tranchée),
    ActeInterdit (le chargé de mission en est membre, ou la réclame).
    """
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Écrivez ce qui fonde votre réponse.", "motif_absent")])
    organisation = lectures.verrouiller(session, demande.organisation_id)
    _refuser_partie(session, organisation, acteur, maintenant)
    compte = session.get_one(Compte, demande.compte_id)
    if compte.id == acteur.compte_id:
        raise ActeInterdit("Vous réclamez cette organisation : un autre chargé de mission décidera.", code="partie")
    retenue = SuiteDemande.REFUSEE if suite is SuiteContestation.REFUSEE else SuiteDemande.ACCEPTEE
    relais.conclure(demande, retenue, motif.strip()[: relais.LONGUEUR_MOTIF], acteur.acteur, maintenant)
    membres = repository.list_comptes_habilites(session, organisation.id, ROLES_PORTEUR, maintenant)
    if suite is not SuiteContestation.REFUSEE:
        _nommer(session, organisation, compte, acteur=acteur.acteur, maintenant=maintenant)
        _marquer(organisation, acteur, maintenant)
    retires, en_reste = 0, True
    if suite is SuiteContestation.CLORE:
        # Les liens d'abord : qui en suit un en ce moment est attendu, puis écarté avec les autres.
        liens.annuler_toutes(session, organisation, acteur=acteur.acteur, machine=machine, maintenant=maintenant)
        ecartes = _ecarter_les_autres(session, organisation, compte, acteur=acteur.acteur, maintenant=maintenant)
        retires, en_reste = fiche.retirer_comptes_de(
            session, organisation, ecartes, acteur=acteur.acteur, maintenant=maintenant
        )
    consigner(
        session, contrat_id=demande.contrat_id, acte=f"contestation.{retenue.value}", objet=organisation.code,
        acteur=acteur.acteur, maintenant=maintenant, apres={
            "demandeur": compte.acteur, "motif": demande.suite_motif, "suite": suite.value,
            "tenue_par": sorted(m.acteur for m in membres), "comptes_bancaires_retires": retires,
        },
    )  # fmt: skip
    contexte = {
        "organisation": organisation.nom, "nom": compte.nom_affiche, "suite": suite.value,
        "motif": demande.suite_motif, "url": f"{url_publique}/organisations", "comptes_retires": retires,
        "sans_compte": not en_reste,
    }  # fmt: skip
    cle = f"suite:{demande.code}"
    mail.prevenir(session, [compte], "contestation_repondue", contexte, cle=cle, maintenant=maintenant)
    autres = [m for m in membres if m.id != compte.id]
    mail.prevenir(session, autres, "contestation_tranchee", contexte, cle=cle, maintenant=maintenant)


def _nommer(session: Session, organisation: Organisation, compte: Compte, *, acteur: str, maintenant: datetime) -> None:
    """La personne administre, si ce n'est pas déjà le cas (un administrateur a pu l'inviter entre-temps)."""
    role, portee = Role.ADMINISTRATEUR_PORTEUR, Portee.ORGANISATION
    deja = repository.est_deja_habilite(session, compte.id, role, portee, None, "", organisation.id, maintenant, None)
    if not deja:
        habilitations.donner(
            session, compte=compte, role=role, portee=portee, acteur=acteur, donnables=ROLES_PORTEUR,
            maintenant=maintenant, organisation_id=organisation.id,
        )  # fmt: skip


def _ecarter_les_autres(
    session: Session, organisation: Organisation, garde: Compte, *, acteur: str, maintenant: datetime
) -> set[str]:
    """Clôt ce que tient chaque autre personne, et rend qui."""
    ecartes = set()
    for tenue, compte in repository.list_membres(session, organisation.id, maintenant):
        if compte.id != garde.id:
            habilitations.clore(session, tenue, compte, acteur=acteur, donnables=ROLES_PORTEUR, maintenant=maintenant)
            ecartes.add(compte.acteur)
    return ecartes
