"""Formulaires : connexion, jeton d'API, organisation, membre invité, mot de passe choisi."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from app.infra.envoi_garde import TAILLE_MAX
from app.infra.forms import Entree
from app.noyau.erreurs import Faute
from app.noyau.roles import Role
from app.referentiels.acteurs.rules import (
    FormeOrganisation,
    IdentiteOrganisation,
    est_un_courriel,
    verifier_identite,
)

_CODE_POSTAL = re.compile(r"[0-9]{5}")
_TELEPHONE = re.compile(r"0[1-9][0-9]{8}|\+[1-9][0-9]{7,14}")
_SEPARATEURS = re.compile(r"[\s.()-]")

Court = Annotated[str, StringConstraints(max_length=200)]


def courriel_lisible(texte: str) -> str:
    """L'adresse, si elle en a la forme ou si elle est vide. Lève ValueError."""
    if texte and not est_un_courriel(texte):
        raise ValueError("Écrivez une adresse électronique de la forme nom@exemple.fr.")
    return texte


def code_postal_lisible(texte: str) -> str:
    """Le code postal, en cinq chiffres ou vide. Lève ValueError."""
    if texte and _CODE_POSTAL.fullmatch(texte) is None:
        raise ValueError("Écrivez le code postal en cinq chiffres, par exemple 68100.")
    return texte


def telephone_lisible(texte: str) -> str:
    """Le téléphone, lisible ou vide. Lève ValueError."""
    if texte and _TELEPHONE.fullmatch(_SEPARATEURS.sub("", texte)) is None:
        raise ValueError(
            "Écrivez le téléphone en dix chiffres, par exemple 03 89 00 00 00, ou un numéro qui commence par +."
        )
    return texte


class FormulaireConnexion(Entree):
    """Adresse et mot de passe."""

    courriel: Court = Field(title="Adresse électronique")
    mot_de_passe: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
    retour: Annotated[str, StringConstraints(max_length=2000)] = ""
    garde: Annotated[str, StringConstraints(max_length=TAILLE_MAX)] = ""


class FormulaireOubli(Entree):
    """L'adresse du compte dont le mot de passe est oublié."""

    courriel: Annotated[str, StringConstraints(max_length=200), AfterValidator(courriel_lisible)]


class FormulaireJeton(Entree):
    """Un jeton d'API à créer."""

    intitule: Court = Field(title="À quoi sert-il ?")
    jours: int = Field(90, title="Durée")


class FormulaireOrganisation(Entree):
    """L'identité d'une organisation ; ce qui manque se dit avec le reste. Le RNA est facultatif en Alsace-Moselle."""

    nom: Court = Field("", title="Nom de l’organisation")
    forme: FormeOrganisation | None = Field(None, title="Forme")
    siret: Court = Field("", title="SIRET")
    rna: Court = Field("", title="Numéro RNA")
    recepisse: Court = Field("", title="Récépissé de déclaration")
    registre_tribunal: Court = Field("", title="Tribunal du registre")
    registre_volume: Court = Field("", title="Volume")
    registre_folio: Court = Field("", title="Folio")
    registre_inscrit_le: date | None = Field(None, title="Date d’inscription")
    sigle: Court = Field("", title="Sigle")
    adresse: Court = Field("", title="Adresse")
    code_postal: Annotated[str, StringConstraints(max_length=10), AfterValidator(code_postal_lisible)] = ""
    commune: Court = Field("", title="Commune")
    courriel: Annotated[str, StringConstraints(max_length=200), AfterValidator(courriel_lisible)] = ""
    telephone: Annotated[str, StringConstraints(max_length=30), AfterValidator(telephone_lisible)] = ""
    fonction_representant: Court = Field("", title="Fonction du représentant légal")
    salaries_etp_centiemes: int | None = Field(None, ge=0, le=1_000_000)

    def identite(self) -> IdentiteOrganisation:
        """La part qui identifie. Sans forme choisie : celle qui n'exige rien de plus (`verifier` la réclame)."""
        return IdentiteOrganisation(
            nom=self.nom,
            forme=self.forme or FormeOrganisation.COLLECTIVITE,
            siret=self.siret,
            rna=self.rna,
            recepisse=self.recepisse,
            registre_tribunal=self.registre_tribunal,
            registre_volume=self.registre_volume,
            registre_folio=self.registre_folio,
            registre_inscrit_le=self.registre_inscrit_le,
        )

    def verifier(self, aujourd_hui: date) -> list[Faute]:
        """Ce que l'identité a de faux, forme comprise."""
        sans_forme = [Faute("forme", "Choisissez la forme de votre organisation.", "forme_absente")]
        return [*(sans_forme if self.forme is None else []), *verifier_identite(self.identite(), aujourd_hui)]

    def coordonnees(self) -> dict[str, str | int | None]:
        """La part qui permet de joindre."""
        return self.model_dump(
            include={
                "sigle", "adresse", "code_postal", "commune", "courriel", "telephone", "fonction_representant",
                "salaries_etp_centiemes",
            }
        )  # fmt: skip


class FormulaireInvitation(Entree):
    """Une personne à inviter dans l'organisation, et ce qu'elle y fera."""

    courriel: Court = Field(title="Son adresse électronique")
    role: Role = Field(title="Ce que cette personne fera")


class FormulairePremiereConnexion(Entree):
    """Le mot de passe choisi, écrit deux fois ; le nom est demandé à qui n'a pas encore de compte."""

    nom_affiche: Court = Field("", title="Votre nom")
    mot_de_passe: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
    confirmation: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
