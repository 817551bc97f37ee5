"""Actes : donner une habilitation, la clore. Chaque acte est consigné au journal de son contrat."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.periodes import a_paris
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, HabilitationCompte
from app.referentiels.acteurs.rules import (
    debut_de_jour,
    fin_de_jour,
    laisse_sans_administrateur,
    portees_du_role,
    verifier_periode,
)
from app.referentiels.acteurs.service import habiliter

NOMS_PORTEES = {
    Portee.CONTRAT: "tout le contrat",
    Portee.LIGNE: "une ligne de financement",
    Portee.COMMUNE: "une commune",
    Portee.QUARTIER: "un quartier",
    Portee.SERVICE: "un service",
    Portee.INSTANCE: "une instance",
    Portee.ORGANISATION: "une organisation",
}
RESTE_AU_MOINS = timedelta(days=1)  # qui part demain ne reste pas ; et deux retraits croisés n'ont pas la même heure


class SansAdministrateur(ActeInterdit):
    """Retirer ce rôle laisserait le lieu sans personne pour en nommer un autre."""

    code = "dernier_administrateur"


def donner(
    session: Session,
    *,
    compte: Compte,
    role: Role,
    portee: Portee,
    acteur: str,
    donnables: Collection[Role],
    maintenant: datetime,
    contrat_id: int | None = None,
    cible: str = "",
    cibles: Iterable[str] = (),
    organisation_id: int | None = None,
    debut: date | None = None,
    fin: date | None = None,
) -> HabilitationCompte:
    """Donne un rôle sur une portée, du premier au dernier jour compris. Lève SaisieInvalide.

    `donnables` : les rôles que peut donner l'acteur ; `cibles` : les codes admis pour cette portée.
    """
    aujourd_hui = a_paris(maintenant).date()
    premier = debut or aujourd_hui
    fautes = [
        *verifier_portee(role, portee, cible, frozenset(cibles), donnables),
        *verifier_periode(premier, fin, aujourd_hui),
    ]
    depuis = maintenant if premier == aujourd_hui else debut_de_jour(premier)
    jusque = None if fin is None else fin_de_jour(fin)
    if not fautes and repository.est_deja_habilite(
        session, compte.id, role, portee, contrat_id, cible, organisation_id, depuis, jusque
    ):
        fautes.append(Faute("role", "Cette personne tient déjà ce rôle à cet endroit.", "deja_habilite"))
    if fautes:
        raise SaisieInvalide(fautes)
    return habiliter(
        session, compte=compte, role=role, portee=portee, acteur=acteur, maintenant=maintenant, contrat_id=contrat_id,
        cible=cible, organisation_id=organisation_id, debut=depuis, fin=jusque,
    )  # fmt: skip


def verifier_portee(
    role: Role, portee: Portee, cible: str, cibles: Collection[str], donnables: Collection[Role]
) -> list[Faute]:
    """Ce que le rôle et sa portée ont de faux, vide si rien. `cibles`, `donnables` : comme pour `donner`."""
    if role not in donnables:
        return [Faute("role", "Vous ne pouvez pas donner ce rôle.", "role_non_donnable")]
    admises = portees_du_role(role)
    if portee not in admises:
        attendu = " ou ".join(NOMS_PORTEES[p] for p in admises)
        return [Faute("portee", f"Ce rôle porte sur {attendu}.", "portee_refusee")]
    if portee not in {Portee.CONTRAT, Portee.ORGANISATION} and cible not in cibles:
        return [Faute("portee", "Choisissez une réponse de la liste.", "cible_inconnue")]
    return []


def clore(
    session: Session,
    habilitation: HabilitationCompte,
    compte: Compte,
    *,
    acteur: str,
    donnables: Collection[Role],
    maintenant: datetime,
) -> None:
    """Clôt une habilitation maintenant ; celle qui n'a pas commencé est effacée.

    Lève ActeInterdit (rôle que l'acteur ne peut pas donner, dernier administrateur) ou ActeImpossible (déjà close).
    """
    if habilitation.role not in donnables:
        raise ActeInterdit("Vous ne pouvez pas retirer ce rôle.", code="role_non_donnable")
    demain = maintenant + RESTE_AU_MOINS
    autres = [
        h
        for h in repository.list_meme_role(session, habilitation, maintenant)
        if h.id != habilitation.id and (h.fin is None or h.fin > demain)
    ]
    if habilitation.fin is not None and habilitation.fin <= maintenant:
        raise ActeImpossible("Cette habilitation est déjà close.", code="deja_close")
    commencee = habilitation.debut < maintenant
    siens = sum(h.compte_id == compte.id for h in autres)
    if commencee and laisse_sans_administrateur(
        habilitation.role, est_soi=compte.acteur == acteur, siens=siens, autres=len(autres)
    ):
        raise SansAdministrateur(
            "Il faut toujours un administrateur : nommez-en un autre d’abord, c’est lui qui retirera celui-ci."
        )
    consigner(
        session, contrat_id=habilitation.contrat_id, acte="habilitation.close", objet=compte.acteur, acteur=acteur,
        maintenant=maintenant, avant={
            "role": habilitation.role.value, "portee": habilitation.portee.value, "cible": habilitation.cible,
            "organisation": repository.code_organisation(session, habilitation.organisation_id),
        },
    )  # fmt: skip
    if commencee:
        habilitation.fin = maintenant
    else:
        session.delete(habilitation)
    session.flush()
