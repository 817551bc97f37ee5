"""La configuration, lue de l'environnement (préfixe IQ_) et de DATABASE_URL."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

RACINE = Path(__file__).resolve().parents[2]


class Mode(StrEnum):
    """Production, démonstration (comptes montrés, X-Horloge admis en local) ou essai (tests)."""

    PRODUCTION = "production"
    DEMONSTRATION = "demonstration"
    ESSAI = "essai"


class Rangement(StrEnum):
    """Où sont les octets des fichiers reçus."""

    DISQUE = "disque"
    S3 = "s3"


class Analyse(StrEnum):
    """Qui regarde les fichiers reçus. « aucun » : en production rien ne devient lisible, ailleurs seul EICAR l'est."""

    CLAMD = "clamd"
    AUCUN = "aucun"


class Annuaire(StrEnum):
    """D'où viennent nom et adresse d'une organisation : l'annuaire public, ou un fichier de démonstration."""

    API = "api"
    LOCAL = "local"


class Config(BaseSettings):
    """Tout ce qui change d'une installation à l'autre."""

    model_config = SettingsConfigDict(
        env_prefix="IQ_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    mode: Mode = Mode.PRODUCTION
    database_url: str | None = Field(None, validation_alias=AliasChoices("DATABASE_URL", "IQ_DATABASE_URL"))
    database_url_proprietaire: str | None = Field(
        None, validation_alias=AliasChoices("DATABASE_URL_PROPRIETAIRE", "IQ_DATABASE_URL_PROPRIETAIRE")
    )
    donnees: Path = RACINE / ".data"
    secret: SecretStr | None = None
    url_publique: str = "http://127.0.0.1:8000"
    portail_etat_url: str | None = None
    contact: str | None = None
    taille_max_corps: int = 12 * 1024 * 1024
    taille_max_envoi: int = 32 * 1024 * 1024
    session_heures: int = Field(168, ge=1)
    session_max_jours: int = Field(30, ge=1)
    annuaire: Annuaire | None = None
    annuaire_url: str = "https://recherche-entreprises.api.gouv.fr"
    oubli_lien_minutes: int = Field(60, ge=1)
    oubli_attente_minutes: int = Field(5, ge=0)
    smtp_hote: str | None = None
    smtp_port: int = 25
    smtp_utilisateur: str | None = None
    smtp_mot_de_passe: SecretStr | None = None
    smtp_tls: bool = False
    courriel_expediteur: str = "ne-pas-repondre@initiatives-quartiers.invalid"
    fichiers: Rangement = Rangement.DISQUE
    s3_adresse: str | None = None
    s3_bac: str = "initiatives"
    s3_region: str = "us-east-1"
    s3_cle: str | None = None
    s3_secret: SecretStr | None = None
    antivirus: Analyse = Analyse.AUCUN
    clamd: str = "/run/clamav/clamd.ctl"

    @model_validator(mode="after")
    def _exiger_un_secret(self) -> Self:
        if self.mode is Mode.PRODUCTION and self.secret is not None and len(self.secret.get_secret_value()) < 32:
            raise ValueError("IQ_SECRET doit compter au moins 32 caractères.")
        return self

    @model_validator(mode="after")
    def _exiger_un_bac_complet(self) -> Self:
        if self.fichiers is Rangement.S3 and (self.s3_cle is None or self.s3_secret is None):
            raise ValueError("IQ_FICHIERS=s3 demande IQ_S3_CLE et IQ_S3_SECRET.")
        return self

    @cached_property
    def annuaire_choisi(self) -> Annuaire:
        """L'annuaire dit par IQ_ANNUAIRE ; sinon le public en production, celui de démonstration ailleurs."""
        if self.annuaire is not None:
            return self.annuaire
        return Annuaire.API if self.est_production else Annuaire.LOCAL

    @cached_property
    def est_production(self) -> bool:
        """Vrai hors démonstration et essai : l'heure, les comptes et les témoins y sont durcis."""
        return self.mode is Mode.PRODUCTION

    @cached_property
    def est_https(self) -> bool:
        """Vrai quand le service est publié en HTTPS : le témoin de session est alors `__Host-` et `Secure`."""
        return self.url_publique.startswith("https://")
