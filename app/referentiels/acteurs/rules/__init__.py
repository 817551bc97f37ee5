"""Formes d'organisation, registre local, mots de passe, portées et fin des habilitations : règles pures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.identifiants import normaliser_rna, normaliser_siret
from app.noyau.periodes import PARIS
from app.noyau.roles import ROLES_PORTEUR, Portee, Role

LONGUEUR_MOT_DE_PASSE = 12
ROLES_ADMINISTRATEURS = frozenset({Role.ADMINISTRATEUR, Role.ADMINISTRATEUR_PORTEUR})
_TERRAIN = (Portee.QUARTIER, Portee.COMMUNE)
_SIEGE = (Portee.CONTRAT, Portee.INSTANCE)
_PORTEES: dict[Role, tuple[Portee, ...]] = {
    Role.INSTRUCTEUR: (Portee.LIGNE,),
    Role.ELU_LIGNE: (Portee.LIGNE,),
    Role.SOUS_PREFECTURE: (Portee.CONTRAT, Portee.LIGNE),
    Role.REFERENT_SERVICE: (Portee.SERVICE,),
    Role.BINOME_QUARTIER: _TERRAIN,
    Role.DELEGUE_PREFET: _TERRAIN,
    Role.CONSEIL_HABITANTS: _TERRAIN,
    Role.EQUIPE_PROJET: (Portee.CONTRAT,),
    Role.MEMBRE_COMMISSION: _SIEGE,
    Role.PRESIDENT_COMMISSION: _SIEGE,
    Role.CHARGE_MISSION: (Portee.CONTRAT,),
    Role.ADMINISTRATEUR: (Portee.CONTRAT,),
}
_COURRIEL = re.compile(r"^[!#$%&'*+/=?^_`{|}~.\w-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$", re.ASCII | re.IGNORECASE)


class FormeOrganisation(StrEnum):
    """Ce qu'est un porteur : la forme décide des pièces exigées et de la convention obligatoire."""

    ASSOCIATION = "association"
    FONDATION = "fondation"
    BAILLEUR_PRIVE = "bailleur_prive"
    BAILLEUR_PUBLIC = "bailleur_public"
    ETABLISSEMENT_PUBLIC = "etablissement_public"
    COLLECTIVITE = "collectivite"
    ENTREPRISE_ESS = "entreprise_ess"

    @property
    def libelle(self) -> str:
        """Le nom montré à l'écran."""
        return _FORMES[self]

    @property
    def est_privee(self) -> bool:
        """Vrai pour un organisme de droit privé (convention obligatoire au-delà du seuil)."""
        return self not in {
            FormeOrganisation.BAILLEUR_PUBLIC,
            FormeOrganisation.ETABLISSEMENT_PUBLIC,
            FormeOrganisation.COLLECTIVITE,
        }


_FORMES = {
    FormeOrganisation.ASSOCIATION: "Association",
    FormeOrganisation.FONDATION: "Fondation",
    FormeOrganisation.BAILLEUR_PRIVE: "Bailleur social de droit privé",
    FormeOrganisation.BAILLEUR_PUBLIC: "Bailleur social public",
    FormeOrganisation.ETABLISSEMENT_PUBLIC: "Établissement public",
    FormeOrganisation.COLLECTIVITE: "Collectivité",
    FormeOrganisation.ENTREPRISE_ESS: "Entreprise de l’économie sociale",
}


@dataclass(frozen=True, slots=True)
class IdentiteOrganisation:
    """Ce qui identifie une organisation, tel que saisi."""

    nom: str
    forme: FormeOrganisation
    siret: str
    rna: str = ""
    recepisse: str = ""
    registre_tribunal: str = ""
    registre_volume: str = ""
    registre_folio: str = ""
    registre_inscrit_le: date | None = None


def verifier_identite(identite: IdentiteOrganisation, aujourd_hui: date) -> tuple[Faute, ...]:
    """Fautes de l'identité. SIRET exigé ; RNA, récépissé ou registre local (tribunal, volume, folio, date).

    Source : reference/domaine.md § 1.6 et J10 ; code civil local, art. 21 à 79 ; Cerfa 12156*06, rubrique 1.2
    (numéro RNA, ou récépissé de la préfecture).
    """
    fautes = []
    if not identite.nom.strip():
        fautes.append(Faute("nom", "Donnez le nom de l’organisation."))
    if normaliser_siret(identite.siret) is None:
        fautes.append(Faute("siret", "Ce SIRET n’existe pas : vérifiez ses 14 chiffres.", "siret_invalide"))
    if identite.rna and normaliser_rna(identite.rna) is None:
        fautes.append(Faute("rna", "Un numéro RNA commence par W, suivi de neuf chiffres.", "rna_invalide"))
    fautes.extend(_verifier_registre(identite, aujourd_hui))
    return tuple(fautes)


_REGISTRE = {
    "registre_tribunal": "le tribunal", "registre_volume": "le volume", "registre_folio": "le folio",
    "registre_inscrit_le": "la date",
}  # fmt: skip


def _verifier_registre(identite: IdentiteOrganisation, aujourd_hui: date) -> list[Faute]:
    registre = {
        "registre_tribunal": identite.registre_tribunal,
        "registre_volume": identite.registre_volume,
        "registre_folio": identite.registre_folio,
        "registre_inscrit_le": identite.registre_inscrit_le,
    }
    donnes = [nom for nom, valeur in registre.items() if valeur]
    fautes = []
    if donnes and len(donnes) < len(registre):
        fautes += [
            Faute(nom, f"Donnez aussi {mot} de l’inscription au registre.", "registre_incomplet")
            for nom, mot in _REGISTRE.items()
            if nom not in donnes
        ]
    if identite.registre_inscrit_le is not None and identite.registre_inscrit_le > aujourd_hui:
        fautes.append(Faute("registre_inscrit_le", "Cette date est dans l’avenir.", "date_future"))
    if identite.forme is FormeOrganisation.ASSOCIATION and not (identite.rna or identite.recepisse or donnes):
        phrase = "Donnez le numéro RNA, ou l’inscription au registre des associations d’Alsace-Moselle."
        fautes.append(Faute("rna", phrase, "rna_ou_registre"))
    return fautes


def verifier_mot_de_passe(mot_de_passe: str, courriel: str) -> tuple[Faute, ...]:
    """Douze caractères au moins, et pas l'adresse elle-même.

    Choix du projet : recommandation de l'ANSSI et de la CNIL (longueur plutôt que composition).
    """
    if len(mot_de_passe) < LONGUEUR_MOT_DE_PASSE:
        return (Faute("mot_de_passe", f"Choisissez au moins {LONGUEUR_MOT_DE_PASSE} caractères.", "trop_court"),)
    if mot_de_passe.casefold() == courriel.casefold():
        return (Faute("mot_de_passe", "Choisissez autre chose que votre adresse.", "trop_simple"),)
    return ()


def est_un_courriel(texte: str) -> bool:
    """Vrai si le texte a la forme d'une adresse.

    Choix du projet : seule la réception d'un message prouve une adresse.
    """
    return _COURRIEL.match(texte) is not None


def portees_du_role(role: Role) -> tuple[Portee, ...]:
    """Ce sur quoi ce rôle peut porter : une autre portée ne donnerait aucun droit, ou trop.

    Choix du projet : architecture, décision 14 ; un instructeur et un élu tiennent une ligne, un référent un service.
    """
    return (Portee.ORGANISATION,) if role in ROLES_PORTEUR else _PORTEES[role]


def roles_donnables(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Rôles du contrat que peut donner (ou clore) une personne qui y tient `roles`, dans l'ordre du noyau.

    L'administrateur technique les donne tous ; le chargé de mission, tous sauf celui d'administrateur technique.
    Choix du projet : personne ne donne un rôle plus étendu que le sien.
    """
    tenus = frozenset(roles)
    du_contrat = tuple(role for role in Role if role not in ROLES_PORTEUR)
    if Role.ADMINISTRATEUR in tenus:
        return du_contrat
    if Role.CHARGE_MISSION in tenus:
        return tuple(role for role in du_contrat if role is not Role.ADMINISTRATEUR)
    return ()


def verifier_periode(debut: date, fin: date | None, aujourd_hui: date) -> tuple[Faute, ...]:
    """Le dernier jour compte ; il ne précède ni le premier, ni aujourd'hui.

    Choix du projet : une habilitation passée ne se donne pas après coup.
    """
    if fin is not None and fin < debut:
        return (Faute("fin", "Le dernier jour vient avant le premier.", "fin_avant_debut"),)
    if fin is not None and fin < aujourd_hui:
        return (Faute("fin", "Ce dernier jour est déjà passé.", "fin_passee"),)
    return ()


def debut_de_jour(jour: date) -> datetime:
    """Minuit à Paris, le premier instant de ce jour.

    Choix du projet : architecture, décision 13.
    """
    return datetime.combine(jour, time(), tzinfo=PARIS)


def fin_de_jour(jour: date) -> datetime:
    """L'instant qui suit le dernier de ce jour, à Paris : la borne de fin d'une habilitation n'en fait pas partie.

    Choix du projet : architecture, décision 13.
    """
    return debut_de_jour(jour + timedelta(days=1))


def laisse_sans_administrateur(role: Role, *, est_soi: bool, siens: int, autres: int) -> bool:
    """Vrai si retirer ce rôle laissait le lieu sans administrateur, ou si quelqu'un se retirait le sien.

    `siens` : ce qui resterait à la personne du même rôle au même endroit ; `autres` : ce qui resterait en tout.
    Choix du projet : il faut toujours un administrateur pour en nommer un autre, et c'est un autre qui le retire.
    """
    return role in ROLES_ADMINISTRATEURS and (autres == 0 or (est_soi and siens == 0))
