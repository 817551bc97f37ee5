"""Tables : organisation et sa fiche, compte, habilitation, sessions, jetons, liens, inscriptions, demandes d’accès."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, cle, parmi
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.comptes import NatureDemande, SuiteDemande


class Organisation(Base):
    """Un porteur, commun à tous les contrats. Le RNA est facultatif : le droit local a son registre.

    Enregistrée par une personne, elle est à confirmer : un chargé de mission vérifie qui la tient (ADR 0019).
    """

    __tablename__ = "organisation"
    __table_args__ = (
        parmi("forme", FormeOrganisation),
        CheckConstraint("siret ~ '^[0-9]{14}$'", name="siret"),
        CheckConstraint(
            "num_nonnulls(registre_tribunal, registre_volume, registre_folio, registre_inscrit_le) IN (0, 4)",
            name="registre_complet",
        ),
        CheckConstraint("num_nonnulls(confirmee_at, confirmee_par) IN (0, 2)", name="confirmation"),
        Index("ix_organisation_a_confirmer", "cree_at", postgresql_where=text("confirmee_at IS NULL")),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    nom: Mapped[str]
    sigle: Mapped[str] = mapped_column(default="")
    forme: Mapped[FormeOrganisation]
    siret: Mapped[str] = mapped_column(unique=True)
    rna: Mapped[str | None]
    recepisse: Mapped[str] = mapped_column(default="")
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
    confirmee_at: Mapped[datetime | None]
    confirmee_par: Mapped[str | None]

    @property
    def est_a_confirmer(self) -> bool:
        """Vrai tant qu'aucun chargé de mission n'a vérifié qui la tient ; rien n'est fermé pour autant."""
        return self.confirmee_at is None


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
    """Session côté serveur : seule l'empreinte du témoin est gardée ; elle se révoque.

    `expire_at` recule à l'usage, jamais au-delà de `limite_at`. `agent` : ce que le navigateur dit de lui.
    """

    __tablename__ = "session_web"
    __table_args__ = (CheckConstraint("expire_at <= limite_at", name="limite"),)

    empreinte: Mapped[bytes] = mapped_column(primary_key=True)
    compte_id: Mapped[int] = mapped_column(ForeignKey("compte.id"), index=True)
    cree_at: Mapped[datetime]
    vue_at: Mapped[datetime]
    expire_at: Mapped[datetime] = mapped_column(index=True)
    limite_at: Mapped[datetime]
    agent: Mapped[str] = mapped_column(default="")


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


class Inscription(Base):
    """Un compte demandé, pas encore confirmé : rien n'existe tant que la personne n'a pas suivi son courriel.

    Plusieurs peuvent attendre pour une adresse : chacune a son secret et son mot de passe, la première confirmée gagne.
    """

    __tablename__ = "inscription"
    __table_args__ = (
        CheckConstraint("courriel = lower(courriel)", name="courriel_minuscule"),
        CheckConstraint("empreinte IS NULL OR octet_length(empreinte) = 32", name="empreinte"),
        CheckConstraint("envoye_at IS NULL OR empreinte IS NOT NULL", name="envoye"),
        CheckConstraint("expire_at > cree_at", name="dates"),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    empreinte: Mapped[bytes | None]
    courriel: Mapped[str] = mapped_column(index=True)
    nom_affiche: Mapped[str]
    mot_de_passe: Mapped[str]
    cree_at: Mapped[datetime]
    expire_at: Mapped[datetime]
    envoye_at: Mapped[datetime | None]
    utilise_at: Mapped[datetime | None]
    derniere_erreur: Mapped[str | None]


class DemandeAcces(Base):
    """Une personne demande à rejoindre une organisation, à l'administrer, ou dit que d'autres la tiennent à tort."""

    __tablename__ = "demande_acces"
    __table_args__ = (
        parmi("nature", NatureDemande),
        parmi("suite", SuiteDemande),
        CheckConstraint("(nature = 'acces') = (contrat_id IS NULL)", name="contrat"),
        CheckConstraint("num_nonnulls(suite, suite_at, suite_par) IN (0, 3)", name="suite_complete"),
        Index(
            "uq_demande_acces_en_attente",
            "compte_id",
            "organisation_id",
            "nature",
            unique=True,
            postgresql_where=text("suite IS NULL"),
        ),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    nature: Mapped[NatureDemande]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    compte_id: Mapped[int] = mapped_column(ForeignKey("compte.id"))
    contrat_id: Mapped[int | None] = mapped_column(ForeignKey("contrat.id"), index=True)
    motif: Mapped[str] = mapped_column(default="")
    cree_at: Mapped[datetime]
    suite: Mapped[SuiteDemande | None]
    suite_motif: Mapped[str] = mapped_column(default="")
    suite_at: Mapped[datetime | None]
    suite_par: Mapped[str | None]


class FicheOrganisation(Base):
    """Ce que le formulaire de demande veut savoir de l'organisation, écrit une fois pour tous ses dossiers."""

    __tablename__ = "fiche_organisation"
    __table_args__ = (
        CheckConstraint("utilite_jo_le IS NULL OR est_reconnue_utilite", name="utilite"),
        CheckConstraint("jsonb_typeof(agrements) = 'array'", name="agrements"),
        CheckConstraint("jsonb_typeof(reseaux) = 'array'", name="reseaux"),
        CheckConstraint("jsonb_typeof(personnes_morales) = 'array'", name="personnes_morales"),
    )

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True, autoincrement=False)
    site_web: Mapped[str] = mapped_column(default="")
    commune_deleguee: Mapped[str] = mapped_column(default="")
    correspondance_adresse: Mapped[str] = mapped_column(default="")
    correspondance_code_postal: Mapped[str] = mapped_column(default="")
    correspondance_commune: Mapped[str] = mapped_column(default="")
    contact_prenom: Mapped[str] = mapped_column(default="")
    contact_nom: Mapped[str] = mapped_column(default="")
    contact_fonction: Mapped[str] = mapped_column(default="")
    contact_telephone: Mapped[str] = mapped_column(default="")
    contact_courriel: Mapped[str] = mapped_column(default="")
    est_reconnue_utilite: Mapped[bool | None]
    utilite_jo_le: Mapped[date | None]
    est_assujettie: Mapped[bool | None]
    a_aides_minimis: Mapped[bool | None]
    aides_minimis: Mapped[str] = mapped_column(default="")
    agrements: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    reseaux: Mapped[list[str]] = mapped_column(JSONB, default=list)
    personnes_morales: Mapped[list[str]] = mapped_column(JSONB, default=list)
    modifie_at: Mapped[datetime]
    modifie_par: Mapped[str]


class RepresentantLegal(Base):
    """Qui représente l'organisation à partir d'un jour ; le dernier jour commencé fait foi. Le passé s'efface."""

    __tablename__ = "representant_legal"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True, autoincrement=False)
    depuis: Mapped[date] = mapped_column(primary_key=True)
    fonction: Mapped[str]
    prenom: Mapped[str]
    nom: Mapped[str]
    telephone: Mapped[str] = mapped_column(default="")
    courriel: Mapped[str] = mapped_column(default="")


class MoyensHumains(Base):
    """Les personnes de l'organisation au 31 décembre d'une année. ETPT en centièmes."""

    __tablename__ = "moyens_humains"
    __table_args__ = (
        CheckConstraint("annee BETWEEN 2000 AND 2100", name="annee"),
        CheckConstraint(
            "least(benevoles, volontaires, salaries, emplois_aides, etpt_centiemes, mis_a_disposition, adherents) >= 0",
            name="positifs",
        ),
        CheckConstraint("emplois_aides <= salaries", name="emplois_aides"),
    )

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True, autoincrement=False)
    annee: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    benevoles: Mapped[int]
    volontaires: Mapped[int]
    salaries: Mapped[int]
    emplois_aides: Mapped[int]
    etpt_centiemes: Mapped[int]
    mis_a_disposition: Mapped[int]
    adherents: Mapped[int]


class CompteBancaire(Base):
    """Un compte où verser. Celui qui sert est le dernier ajouté et non retiré ; l'IBAN n'entre jamais au journal."""

    __tablename__ = "compte_bancaire"
    __table_args__ = (
        CheckConstraint("iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$'", name="iban"),
        CheckConstraint("bic ~ '^[A-Z0-9]{8}([A-Z0-9]{3})?$'", name="bic"),
        Index(
            "uq_compte_bancaire_iban",
            "organisation_id",
            "iban",
            unique=True,
            postgresql_where=text("retire_at IS NULL"),
        ),
    )

    id: Mapped[int] = cle()
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    titulaire: Mapped[str]
    banque: Mapped[str]
    iban: Mapped[str]
    bic: Mapped[str]
    cree_at: Mapped[datetime]
    cree_par: Mapped[str]
    retire_at: Mapped[datetime | None]


class EngagementRepublicain(Base):
    """Le contrat d'engagement républicain attesté : par qui, quand. Ajouté, jamais réécrit."""

    __tablename__ = "engagement_republicain"

    id: Mapped[int] = cle()
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    acteur: Mapped[str]
    nom: Mapped[str]
    qualite: Mapped[str]
    atteste_at: Mapped[datetime]
