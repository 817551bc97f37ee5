"""Formulaires : connexion, jeton d'API, organisation, membre invité, mot de passe choisi."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.infra.envoi_garde import TAILLE_MAX
from app.infra.forms import Entree
from app.noyau.roles import Role
from app.referentiels.acteurs.rules import FormeOrganisation, IdentiteOrganisation

Court = Annotated[str, StringConstraints(max_length=200)]


class FormulaireConnexion(Entree):
    """Adresse et mot de passe."""

    courriel: Court
    mot_de_passe: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
    retour: Annotated[str, StringConstraints(max_length=2000)] = ""
    garde: Annotated[str, StringConstraints(max_length=TAILLE_MAX)] = ""


class FormulaireJeton(Entree):
    """Un jeton d'API à créer."""

    intitule: Court
    jours: int = 90


class FormulaireOrganisation(Entree):
    """L'identité d'une organisation. Le RNA est facultatif en Alsace-Moselle."""

    nom: Court
    forme: FormeOrganisation
    siret: Court
    rna: Court = ""
    registre_tribunal: Court = ""
    registre_volume: Court = ""
    registre_folio: Court = ""
    registre_inscrit_le: date | None = None
    adresse: Court = ""
    code_postal: Annotated[str, StringConstraints(max_length=10)] = ""
    commune: Court = ""
    courriel: Court = ""
    telephone: Annotated[str, StringConstraints(max_length=30)] = ""
    fonction_representant: Court = ""
    salaries_etp_centiemes: int | None = Field(None, ge=0, le=1_000_000)

    def identite(self) -> IdentiteOrganisation:
        """La part qui identifie."""
        return IdentiteOrganisation(
            nom=self.nom,
            forme=self.forme,
            siret=self.siret,
            rna=self.rna,
            registre_tribunal=self.registre_tribunal,
            registre_volume=self.registre_volume,
            registre_folio=self.registre_folio,
            registre_inscrit_le=self.registre_inscrit_le,
        )

    def coordonnees(self) -> dict[str, str | int | None]:
        """La part qui permet de joindre."""
        return self.model_dump(
            include={
                "adresse", "code_postal", "commune", "courriel", "telephone", "fonction_representant",
                "salaries_etp_centiemes",
            }
        )  # fmt: skip


class FormulaireInvitation(Entree):
    """Une personne à inviter dans l'organisation, et ce qu'elle y fera."""

    courriel: Court
    role: Role


class FormulairePremiereConnexion(Entree):
    """Le mot de passe choisi, écrit deux fois ; le nom est demandé à qui n'a pas encore de compte."""

    nom_affiche: Court = ""
    mot_de_passe: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
    confirmation: Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
