"""Tables : organisation, compte, habilitation, session_web, jeton_api, echec_connexion, lien_acces."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, cle, parmi
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.rules import FormeOrganisation


class Organisation(Base):
    """Un porteur, commun à tous les contrats. Le RNA est facultatif : le droit local a son registre."""

    __tablename__ = "organisation"
    __table_args__ = (
        parmi("forme", FormeOrganisation),
        CheckConstraint("siret ~ '^[0-9]{14}$'", name="siret"),
        CheckConstraint(
            "num_nonnulls(registre_tribunal, registre_volume, registre_folio, registre_inscrit_le) IN (0, 4)",
            name="registre_complet",
        ),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    nom: Mapped[str]
    sigle: Mapped[str] = mapped_column(default="")
    forme: Mapped[FormeOrganisation]
    siret: Mapped[str] = mapped_column(unique=True)
    rna: Mapped[str | None]
    registre_tribunal: Mapped[str | None]
    registre_volume: Mapped[str | None]
    registre_folio: Mapped[str | None]
    registre_inscrit_le: Mapped[date | None]
    adresse: Mapped[str] = mapped_column(default="")
    code_postal: Mapped[str] = mapped_column(default="")
    commune: Mapped[str] = mapped_column(default="")
    courriel: Mapped[str] = mapped_column(default="")
    telephone: Mapped[str] = mapped_column(default="")
    fonction_representant: Mapped[str] = mapped_column(default="")
    salaries_etp_centiemes: Mapped[int | None]
    est_fictif: Mapped[bool] = mapped_column(default=False)
    cree_at: Mapped[datetime]


class Compte(Base):
    """Une personne qui se connecte. Le courriel est gardé en minuscules."""

    __tablename__ = "compte"
    __table_args__ = (CheckConstraint("courriel = lower(courriel)", name="courriel_minuscule"),)

    id: Mapped[int] = cle()
    acteur: Mapped[str] = mapped_column(unique=True)
    courriel: Mapped[str] = mapped_column(unique=True)
    nom_affiche: Mapped[str]
    mot_de_passe: Mapped[str]
    est_actif: Mapped[bool] = mapped_column(default=True)
    est_demonstration: Mapped[bool] = mapped_column(default=False)
    cree_at: Mapped[datetime]


class HabilitationCompte(Base):
    """(compte, contrat, rôle, portée, début, fin). Une organisation est commune aux contrats : contrat absent."""

    __tablename__ = "habilitation"
    __table_args__ = (
        parmi("role", Role),
        parmi("portee", Portee),
        CheckConstraint("(portee = 'organisation') = (organisation_id IS NOT NULL)", name="organisation"),
        CheckConstraint("(portee = 'organisation') = (contrat_id IS NULL)", name="contrat"),
        CheckConstraint("(portee IN ('organisation', 'contrat')) = (cible = '')", name="cible"),
        CheckConstraint("fin IS NULL OR fin > debut", name="dates"),
        UniqueConstraint(
            "compte_id",
            "role",
            "portee",
            "contrat_id",
            "organisation_id",
            "cible",
            "debut",
            name="uq_habilitation_cle",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = cle()
    compte_id: Mapped[int] = mapped_column(ForeignKey("compte.id"), index=True)
    contrat_id: Mapped[int | None] = mapped_column(ForeignKey("contrat.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Role]
    portee: Mapped[Portee]
    cible: Mapped[str] = mapped_column(default="")
    debut: Mapped[datetime]
    fin: Mapped[datetime | None]


class SessionWeb(Base):
    """Session côté serveur : seule l'empreinte du témoin est gardée ; elle se révoque."""

    __tablename__ = "session_web"

    empreinte: Mapped[bytes] = mapped_column(primary_key=True)
    compte_id: Mapped[int] = mapped_column(ForeignKey("compte.id"), index=True)
    cree_at: Mapped[datetime]
    expire_at: Mapped[datetime] = mapped_column(index=True)


class JetonApi(Base):
    """Jeton d'API : créé et révoqué par son auteur, haché, daté, borné à ses droits."""

    __tablename__ = "jeton_api"

    id: Mapped[int] = cle()
    compte_id: Mapped[int] = mapped_column(ForeignKey("compte.id"), index=True)
    intitule: Mapped[str]
    debut_visible: Mapped[str]
    empreinte: Mapped[bytes] = mapped_column(unique=True)
    cree_at: Mapped[datetime]
    expire_at: Mapped[datetime]
    revoque_at: Mapped[datetime | None]


class EchecConnexion(Base):
    """Un échec de connexion, par empreinte d'adresse : freine les essais répétés."""

    __tablename__ = "echec_connexion"
    __table_args__ = (Index("ix_echec_connexion_cle_a", "cle", text("a DESC")),)

    id: Mapped[int] = cle()
    cle: Mapped[bytes]
    a: Mapped[datetime]


class LienAcces(Base):
    """Un lien à usage unique, envoyé par courriel : première connexion d'un compte, ou invitation d'un co-auteur.

    La base garde l'empreinte du secret, jamais le secret : il est tiré au moment de l'envoi, et n'existe que dans le
    courriel. `code` nomme le lien et ne donne aucun droit.
    """

    __tablename__ = "lien_acces"
    __table_args__ = (
        parmi("role", Role),
        CheckConstraint("courriel = lower(courriel)", name="courriel_minuscule"),
        CheckConstraint("num_nonnulls(compte_id, organisation_id) = 1", name="objet"),
        CheckConstraint("(organisation_id IS NULL) = (role IS NULL)", name="invitation"),
        CheckConstraint("empreinte IS NULL OR octet_length(empreinte) = 32", name="empreinte"),
        CheckConstraint("envoye_at IS NULL OR empreinte IS NOT NULL", name="envoye"),
        CheckConstraint("expire_at > cree_at", name="dates"),
        CheckConstraint("num_nonnulls(utilise_at, annule_at) <= 1", name="fin"),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    empreinte: Mapped[bytes | None]
    courriel: Mapped[str] = mapped_column(index=True)
    compte_id: Mapped[int | None] = mapped_column(ForeignKey("compte.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Role | None]
    cree_par: Mapped[str]
    cree_at: Mapped[datetime]
    expire_at: Mapped[datetime]
    envoye_at: Mapped[datetime | None]
    utilise_at: Mapped[datetime | None]
    annule_at: Mapped[datetime | None]
    derniere_erreur: Mapped[str | None]
