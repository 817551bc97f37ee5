"""Formes d'organisation, registre local, mots de passe : règles pures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.identifiants import normaliser_rna, normaliser_siret

LONGUEUR_MOT_DE_PASSE = 12
_COURRIEL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")


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
    registre_tribunal: str = ""
    registre_volume: str = ""
    registre_folio: str = ""
    registre_inscrit_le: date | None = None


def verifier_identite(identite: IdentiteOrganisation, aujourd_hui: date) -> tuple[Faute, ...]:
    """Fautes de l'identité. SIRET exigé ; RNA ou registre local (tribunal, volume, folio, date), les deux admis.

    Source : reference/domaine.md § 1.6 et J10 ; code civil local, art. 21 à 79.
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
        manquants = [nom for nom in registre if nom not in donnes]
        fautes += [Faute(nom, "Complétez l’inscription au registre local.", "registre_incomplet") for nom in manquants]
    if identite.registre_inscrit_le is not None and identite.registre_inscrit_le > aujourd_hui:
        fautes.append(Faute("registre_inscrit_le", "Cette date est dans l’avenir.", "date_future"))
    if identite.forme is FormeOrganisation.ASSOCIATION and not identite.rna and not donnes:
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
