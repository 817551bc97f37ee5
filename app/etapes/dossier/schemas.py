"""Schémas : formulaires du porteur, corps et réponses de l'API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from app.etapes.dossier.rules.complement import EtatComplement
from app.infra.forms import Entree

Code = Annotated[str, StringConstraints(max_length=60)]
Phrase = Annotated[str, StringConstraints(max_length=2000)]
Empreinte = Annotated[str, StringConstraints(max_length=64)]
Version = Annotated[int, Field(ge=0, le=2**31, description="La version du dossier qui a été lue")]


class FormulaireNouveau(Entree):
    """Un brouillon à créer."""

    appel: Code
    organisation: Code
    renouvelle: Code = ""


class FormulaireVersion(Entree):
    """Signer ou déposer : la version lue, une clé contre le double envoi."""

    version: Version
    cle: Code = ""


class FormulaireSignature(Entree):
    """Signer : la version lue, l'empreinte de la fiche relue avec elle, et en quelle qualité."""

    version: Version
    fiche: Empreinte = ""
    qualite: Code = ""


class FormulaireNumero(Entree):
    """Le numéro que le portail de l'État a donné."""

    numero_dauphin: Code = Field("", title="Numéro donné par le portail de l’État")


class FormulaireMessage(Entree):
    """Un message ; ce qu'il dit se juge avec son fichier."""

    texte: Annotated[str, StringConstraints(max_length=20_000)] = Field("", title="Votre message")


class FormulaireFichier(Entree):
    """Un fichier joint au dossier."""

    intitule: Annotated[str, StringConstraints(max_length=200)] = Field("", title="Ce que c’est")


class FormulaireMotif(Entree):
    """Retirer : pourquoi."""

    motif: Phrase = ""


class FormulaireRapprochement(Entree):
    """Quel de nos dossiers est celui du portail : un numéro proposé, « autre » (et `dossier`), ou « aucun »."""

    choix: Code = Field(title="Notre dossier")
    dossier: Code = Field("", title="Numéro de l’autre dossier")
    remplacer: Code = ""


class FormulaireReponse(Entree):
    """Répondre à une demande de complément."""

    reponse: Phrase = ""


class NouveauDossier(Entree):
    """Créer un brouillon."""

    appel: Code = Field(description="Code de l’appel, par exemple m2a-2027")
    organisation: Code = Field(description="Code de l’organisation")
    renouvelle: Code = Field("", description="Numéro du dossier à recopier")
    champs: dict[str, JsonValue] = Field(default_factory=dict, description="Valeurs natives, montants en centimes")


class Modification(Entree):
    """Changer des champs. Une valeur nulle efface."""

    champs: dict[str, JsonValue] = Field(description="Valeurs natives, montants en centimes")


class CorpsSimple(Entree):
    """Un acte qui n'attend rien."""


class CorpsVersion(Entree):
    """Un acte qui engage : la version lue."""

    version: Version


class CorpsSignature(CorpsVersion):
    """Signer : la version lue ; `qualite` : representant (par défaut) ou mandataire."""

    qualite: Code = "representant"


class CorpsMotif(Entree):
    """Un acte motivé."""

    motif: Phrase


class CorpsComplement(Entree):
    """Demander un complément. `ligne` : le financeur qui le demande."""

    objet: Phrase
    pourquoi: Phrase
    echeance_le: AwareDatetime
    ligne: Code = ""
    sections: list[Code] | None = Field(None, description="Étapes à rouvrir ; absent : toutes")


class CorpsReponse(Entree):
    """Répondre à une demande de complément."""

    reponse: Phrase


class CorpsLigne(Entree):
    """Un acte sur une demande ; `annee` absente : celle de l'appel."""

    annee: Annotated[int, Field(ge=2000, le=2100)] | None = None
    motif: Phrase = ""


class CorpsExamen(CorpsLigne):
    """Conclure un examen de recevabilité. `points` : ce qui a été vérifié."""

    points: dict[Code, bool] = Field(default_factory=dict)
    oriente_vers: Phrase = ""


class Sortie(BaseModel):
    """Socle des réponses : aucune valeur par défaut, tout est dit."""

    model_config = ConfigDict(frozen=True)


class OrganisationLue(Sortie):
    """Le porteur."""

    code: str
    nom: str
    siret: str


class DemandeLue(Sortie):
    """Une demande : une ligne, une année."""

    ligne: str
    financeur: str
    annee: int
    etat: str
    libelle: str
    montant_demande: int
    montant_demande_n1: int | None
    montant_accorde_n1: int | None
    montant_depense_n1: int | None
    theme_p147: str | None
    numero_dauphin: str | None
    engagement_juridique: str | None


class ComplementLu(Sortie):
    """Un complément demandé. `etat` : attendu, non_recu (le délai est passé), recu, recu_tard."""

    etat: EtatComplement
    objet: str
    pourquoi: str
    echeance_le: datetime
    demandee_le: datetime
    recue_le: datetime | None
    reponse: str


class FauteLue(Sortie):
    """Ce qui manque ou ne va pas."""

    champ: str
    message: str
    code: str


class DossierResume(Sortie):
    """Un dossier dans une liste. Montants en centimes."""

    numero: str | None
    reference: str
    appel: str
    organisation: OrganisationLue
    titre: str
    etat: str
    libelle: str
    objectif: str
    quartiers: list[str]
    montant_demande: int
    duree_annees: int
    depose_le: datetime | None
    est_fictif: bool


class DossierLu(DossierResume):
    """Un dossier entier. `champs` : le brouillon pour son porteur, le dernier contenu figé pour les autres."""

    version: int
    renouvelle: str | None
    rang_porteur: int | None
    signe_le: datetime | None
    champs: dict[str, JsonValue]
    demandes: list[DemandeLue]
    complements: list[ComplementLu]
    manques: list[FauteLue]
    actes: list[str]


class PageDossiers(Sortie):
    """Une page de dossiers."""

    elements: list[DossierResume]
    suivant: str | None


class Probleme(Sortie):
    """Un refus (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    erreurs: list[FauteLue] | None = None
    conflits: dict[str, dict[str, JsonValue]] | None = None
