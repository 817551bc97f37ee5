"""Formulaires des sections de la fiche d'une organisation. Chaque champ a un défaut : toutes les fautes d'un coup."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, create_model

from app.infra.forms import Entree
from app.noyau.erreurs import Faute
from app.referentiels.acteurs.rules import FormeOrganisation, IdentiteOrganisation
from app.referentiels.acteurs.rules.fiche import Compte, Moyens, centiemes
from app.referentiels.acteurs.schemas import Court, code_postal_lisible, courriel_lisible, telephone_lisible

AGREMENTS_MAX = 8
LIGNES_MAX = 30
Postal = Annotated[str, StringConstraints(max_length=10), AfterValidator(code_postal_lisible)]
Courriel = Annotated[str, StringConstraints(max_length=200), AfterValidator(courriel_lisible)]
Telephone = Annotated[str, StringConstraints(max_length=30), AfterValidator(telephone_lisible)]
Long = Annotated[str, StringConstraints(max_length=4000)]
Nombre = Annotated[int | None, Field(ge=0, le=1_000_000)]
OuiNon = Literal["oui", "non"]
_NOM_DE_SITE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def _site(texte: str) -> str:
    """Une adresse de site ; « exemple.fr » est admis, et devient https."""
    if not texte:
        return texte
    adresse = texte if "://" in texte else f"https://{texte}"
    morceaux = urlsplit(adresse)
    if morceaux.scheme not in {"http", "https"} or not _NOM_DE_SITE.fullmatch(morceaux.netloc):
        raise ValueError("Écrivez l’adresse du site, par exemple www.exemple.fr.")
    return adresse


def _lignes(texte: str) -> list[str]:
    return [ligne.strip() for ligne in texte.splitlines() if ligne.strip()]


def _une_par_ligne(texte: str) -> str:
    if len(_lignes(texte)) > LIGNES_MAX:
        raise ValueError(f"Écrivez au plus {LIGNES_MAX} noms, un par ligne.")
    return texte


def _oui_non(reponse: OuiNon | None) -> bool | None:
    return None if reponse is None else reponse == "oui"


class FormulaireIdentite(Entree):
    """Nom, forme, registre. Le SIRET n'en est pas : il ne change pas."""

    nom: Court = Field("", title="Nom de l’organisation")
    sigle: Court = Field("", title="Sigle")
    forme: FormeOrganisation | None = Field(None, title="Forme")
    registre_tribunal: Court = Field("", title="Tribunal du registre")
    registre_volume: Court = Field("", title="Volume")
    registre_folio: Court = Field("", title="Folio")
    registre_inscrit_le: date | None = Field(None, title="Date d’inscription")
    rna: Court = Field("", title="Numéro RNA")
    recepisse: Court = Field("", title="Récépissé de déclaration")
    site_web: Annotated[str, StringConstraints(max_length=200), AfterValidator(_site)] = Field(
        "", title="Site internet"
    )

    def identite(self, siret: str) -> IdentiteOrganisation:
        """L'identité saisie ; sans forme, celle qui n'exige rien de plus (la page la réclame)."""
        return IdentiteOrganisation(
            nom=self.nom, forme=self.forme or FormeOrganisation.COLLECTIVITE, siret=siret, rna=self.rna,
            recepisse=self.recepisse, registre_tribunal=self.registre_tribunal, registre_volume=self.registre_volume,
            registre_folio=self.registre_folio, registre_inscrit_le=self.registre_inscrit_le,
        )  # fmt: skip


class FormulaireAdresses(Entree):
    """Le siège, où écrire s'il est ailleurs, et comment joindre l'organisation."""

    adresse: Court = Field("", title="Adresse")
    code_postal: Postal = Field("", title="Code postal")
    commune: Court = Field("", title="Commune")
    commune_deleguee: Court = Field("", title="Commune déléguée")
    courriel: Courriel = Field("", title="Adresse électronique")
    telephone: Telephone = Field("", title="Téléphone")
    correspondance_adresse: Court = Field("", title="Adresse de correspondance")
    correspondance_code_postal: Postal = Field("", title="Code postal de correspondance")
    correspondance_commune: Court = Field("", title="Commune de correspondance")


class FormulaireRepresentant(Entree):
    """Le représentant légal : le moins de données possible."""

    fonction: Court = Field("", title="Fonction")
    prenom: Court = Field("", title="Prénom")
    nom: Court = Field("", title="Nom")
    telephone: Telephone = Field("", title="Téléphone")
    courriel: Courriel = Field("", title="Adresse électronique")


class FormulaireContact(Entree):
    """La personne chargée de la demande, si ce n'est pas le représentant légal."""

    contact_prenom: Court = Field("", title="Prénom")
    contact_nom: Court = Field("", title="Nom")
    contact_fonction: Court = Field("", title="Fonction")
    contact_telephone: Telephone = Field("", title="Téléphone")
    contact_courriel: Courriel = Field("", title="Adresse électronique")


class _Relations(Entree):
    """Les relations avec l'administration, sans les agréments."""

    est_reconnue_utilite: OuiNon | None = Field(None, title="Reconnue d’utilité publique")
    utilite_jo_le: date | None = Field(None, title="Date du Journal officiel")
    est_assujettie: OuiNon | None = Field(None, title="Impôts commerciaux")
    a_aides_minimis: OuiNon | None = Field(None, title="Aides de minimis")
    aides_minimis: Long = Field("", title="Lesquelles")

    def agrements(self) -> list[dict[str, str]]:
        """Les agréments saisis, chacun avec ce qui en est dit ; une rangée vide n'en est pas un."""
        rangees = [
            {cle: getattr(self, f"agrement_{cle}_{rang}") for cle in ("type", "par", "date")}
            for rang in range(AGREMENTS_MAX)
        ]
        return [r for r in rangees if any(r.values())]

    def valeurs(self) -> dict[str, Any]:
        """Ce que garde la fiche."""
        return {
            "est_reconnue_utilite": _oui_non(self.est_reconnue_utilite), "utilite_jo_le": self.utilite_jo_le,
            "est_assujettie": _oui_non(self.est_assujettie), "a_aides_minimis": _oui_non(self.a_aides_minimis),
            "aides_minimis": self.aides_minimis, "agrements": self.agrements(),
        }  # fmt: skip


_AGREMENTS: dict[str, Any] = {
    f"agrement_{cle}_{rang}": (Court, "") for rang in range(AGREMENTS_MAX) for cle in ("type", "par", "date")
}
FormulaireRelations = create_model("FormulaireRelations", __base__=_Relations, **_AGREMENTS)


class FormulaireReseaux(Entree):
    """Réseaux et personnes morales adhérentes, un nom par ligne."""

    reseaux: Annotated[Long, AfterValidator(_une_par_ligne)] = Field("", title="Réseaux, unions, fédérations")
    personnes_morales: Annotated[Long, AfterValidator(_une_par_ligne)] = Field("", title="Personnes morales adhérentes")

    def valeurs(self) -> dict[str, Any]:
        """Ce que garde la fiche."""
        return {"reseaux": _lignes(self.reseaux), "personnes_morales": _lignes(self.personnes_morales)}


class FormulaireMoyens(Entree):
    """Les personnes de l'organisation au 31 décembre d'une année."""

    annee: int | None = Field(None, title="Année")
    benevoles: Nombre = Field(None, title="Bénévoles")
    volontaires: Nombre = Field(None, title="Volontaires")
    salaries: Nombre = Field(None, title="Salariés")
    emplois_aides: Nombre = Field(None, title="Dont emplois aidés")
    etpt: Court = Field("", title="Équivalents temps plein")
    mis_a_disposition: Nombre = Field(None, title="Personnes mises à disposition")
    adherents: Nombre = Field(None, title="Adhérents")

    def verifier(self) -> list[Faute]:
        """Chaque nombre se dit, même zéro."""
        fautes = [
            Faute(nom, f"« {champ.title} » : écrivez un nombre, 0 s’il n’y a personne.", "nombre_absent")
            for nom, champ in type(self).model_fields.items()
            if nom not in {"etpt", "annee"} and getattr(self, nom) is None
        ]
        if self.annee is None:
            fautes.append(Faute("annee", "Choisissez l’année.", "annee_absente"))
        if centiemes(self.etpt) is None:
            phrase = "Écrivez un nombre d’équivalents temps plein, par exemple 2,5 ; 0 s’il n’y a pas de salarié."
            fautes.append(Faute("etpt", phrase, "etpt_illisible"))
        return fautes

    def moyens(self) -> Moyens:
        """Les nombres lus."""
        noms = ("benevoles", "volontaires", "salaries", "emplois_aides", "mis_a_disposition", "adherents")
        return Moyens(**{nom: getattr(self, nom) or 0 for nom in noms}, etpt_centiemes=centiemes(self.etpt) or 0)


class FormulaireBanque(Entree):
    """Un compte bancaire à ajouter."""

    titulaire: Court = Field("", title="Titulaire du compte")
    banque: Court = Field("", title="Banque")
    iban: Annotated[str, StringConstraints(max_length=60)] = Field("", title="IBAN")
    bic: Annotated[str, StringConstraints(max_length=20)] = Field("", title="BIC")

    def compte(self) -> Compte:
        """Le compte saisi."""
        return Compte(titulaire=self.titulaire, banque=self.banque, iban=self.iban, bic=self.bic)


class FormulaireEngagement(Entree):
    """L'attestation du contrat d'engagement républicain."""

    qualite: Court = Field("", title="À quel titre")
    atteste: Literal["", "oui"] = ""
