"""Les rôles et les portées d'une habilitation."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Ce qu'une personne vient faire. Un même compte peut en tenir plusieurs.

    Source : conception/produit.md, « Les publics ».
    """

    ADMINISTRATEUR_PORTEUR = "administrateur_porteur"
    REDACTEUR = "redacteur"
    SIGNATAIRE = "signataire"
    LECTEUR_PORTEUR = "lecteur_porteur"
    INSTRUCTEUR = "instructeur"
    BINOME_QUARTIER = "binome_quartier"
    SOUS_PREFECTURE = "sous_prefecture"
    REFERENT_SERVICE = "referent_service"
    DELEGUE_PREFET = "delegue_prefet"
    CONSEIL_HABITANTS = "conseil_habitants"
    ELU_LIGNE = "elu_ligne"
    EQUIPE_PROJET = "equipe_projet"
    MEMBRE_COMMISSION = "membre_commission"
    PRESIDENT_COMMISSION = "president_commission"
    CHARGE_MISSION = "charge_mission"
    ADMINISTRATEUR = "administrateur"

    @property
    def libelle(self) -> str:
        """Le nom montré à l'écran."""
        return _LIBELLES[self]


class Portee(StrEnum):
    """Ce sur quoi porte une habilitation.

    Source : conception/architecture.md, décision 14.
    """

    CONTRAT = "contrat"
    LIGNE = "ligne"
    COMMUNE = "commune"
    QUARTIER = "quartier"
    SERVICE = "service"
    INSTANCE = "instance"
    ORGANISATION = "organisation"


_LIBELLES: dict[Role, str] = {
    Role.ADMINISTRATEUR_PORTEUR: "Administrateur de l’organisation",
    Role.REDACTEUR: "Rédacteur",
    Role.SIGNATAIRE: "Signataire",
    Role.LECTEUR_PORTEUR: "Lecteur",
    Role.INSTRUCTEUR: "Instructeur",
    Role.BINOME_QUARTIER: "Chef de projet de quartier",
    Role.SOUS_PREFECTURE: "Sous-préfecture",
    Role.REFERENT_SERVICE: "Référent d’un service",
    Role.DELEGUE_PREFET: "Délégué du préfet",
    Role.CONSEIL_HABITANTS: "Conseil d’habitants",
    Role.ELU_LIGNE: "Autorité d’une ligne",
    Role.EQUIPE_PROJET: "Équipe projet",
    Role.MEMBRE_COMMISSION: "Membre de la commission des élus",
    Role.PRESIDENT_COMMISSION: "Présidence de la commission des élus",
    Role.CHARGE_MISSION: "Chargé de mission",
    Role.ADMINISTRATEUR: "Administrateur technique",
}

ROLES_PORTEUR = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE, Role.LECTEUR_PORTEUR})
ROLES_AGENT = frozenset(
    {
        Role.INSTRUCTEUR,
        Role.SOUS_PREFECTURE,
        Role.ELU_LIGNE,
        Role.EQUIPE_PROJET,
        Role.CHARGE_MISSION,
        Role.BINOME_QUARTIER,
    }
)
ROLES_LECTURE = frozenset({Role.REFERENT_SERVICE, Role.DELEGUE_PREFET, Role.CONSEIL_HABITANTS})
ROLES_COMMISSION = frozenset({Role.MEMBRE_COMMISSION, Role.PRESIDENT_COMMISSION})
