"""Tables du dossier : dossier, champ, dossier_version, demande, passage, compléments, faits, accès, documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import SmallInteger, Text

from app.etapes.dossier.rules.echanges import Cote
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros

_DERNIER_DEPOSE = (text("depose_le DESC"), text("id DESC"))
_DEPOSES: dict[str, Any] = {"postgresql_where": text("numero IS NOT NULL")}


class Dossier(DansContrat, Base):
    """Un dossier. `reference` sert avant le dépôt, `numero` (attribué au dépôt) ensuite ; les deux restent valables.

    Les colonnes de résumé (titre, objectif, quartiers, montant, recherche) sont tenues au dépôt pour les listes.
    `signe_empreintes` : partie signée (le contenu, chaque partie de la fiche) → son empreinte ; absentes avant 0024.
    """

    __tablename__ = "dossier"
    __table_args__ = (
        unique_du_contrat("dossier"),
        lien("appel_id", "appel"),
        lien("phase_id", "phase"),
        lien("version_id", "version_contrat"),
        lien("renouvelle_id", "dossier"),
        parmi("etat", EtatDossier),
        CheckConstraint("(numero IS NULL) = (depose_le IS NULL)", name="numero_au_depot"),
        CheckConstraint("etat NOT IN ('depose', 'a_completer', 'clos') OR numero IS NOT NULL", name="depose_numerote"),
        CheckConstraint("duree_annees BETWEEN 1 AND 3", name="duree"),
        CheckConstraint("rang_porteur BETWEEN 1 AND 99", name="rang_porteur"),
        CheckConstraint("signe_qualite IN ('representant', 'mandataire')", name="signe_qualite"),
        # Partiels : les agents ne lisent que des dossiers déposés. Couvrants : les comptes par état s'y lisent seuls.
        Index("ix_dossier_liste", "appel_id", "etat", *_DERNIER_DEPOSE, postgresql_include=["contrat_id"], **_DEPOSES),
        Index("ix_dossier_depot", "appel_id", *_DERNIER_DEPOSE, **_DEPOSES),
        Index(
            "ix_dossier_objectif", "appel_id", "objectif", *_DERNIER_DEPOSE,
            postgresql_include=["contrat_id", "etat"], **_DEPOSES,
        ),
        Index("ix_dossier_recherche", "recherche_vecteur", postgresql_using="gin"),
        Index("ix_dossier_quartiers", "quartiers", postgresql_using="gin"),
    )  # fmt: skip

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    phase_id: Mapped[int]
    version_id: Mapped[int]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    reference: Mapped[str] = mapped_column(unique=True)
    numero: Mapped[str | None] = mapped_column(unique=True)
    etat: Mapped[EtatDossier]
    version: Mapped[int] = mapped_column(default=1)
    titre: Mapped[str] = mapped_column(default="")
    objectif: Mapped[str] = mapped_column(default="")
    quartiers: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    fiches: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    montant_demande: Mapped[Euros] = mapped_column("montant_demande_centimes", default=Euros(0))
    duree_annees: Mapped[int] = mapped_column(default=1)
    est_chemin_court: Mapped[bool] = mapped_column(default=False)
    est_fictif: Mapped[bool] = mapped_column(default=False)
    renouvelle_id: Mapped[int | None]
    rang_porteur: Mapped[int | None] = mapped_column(SmallInteger)
    recherche: Mapped[str] = mapped_column(default="")
    recherche_vecteur: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple'::regconfig, recherche)", persisted=True), deferred=True
    )
    signe_le: Mapped[datetime | None]
    signe_par: Mapped[str | None]
    signe_version: Mapped[int | None]
    signe_nom: Mapped[str | None]
    signe_qualite: Mapped[str | None]
    signe_empreintes: Mapped[dict[str, Any] | None]
    depose_le: Mapped[datetime | None]
    cree_at: Mapped[datetime]
    cree_par: Mapped[str]
    modifie_at: Mapped[datetime]


class Champ(DansContrat, Base):
    """Un champ du brouillon : compare-et-échange par `version` (décision 15)."""

    __tablename__ = "champ"
    __table_args__ = (lien("dossier_id", "dossier", ondelete="CASCADE"),)

    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    valeur: Mapped[Any] = mapped_column(JSONB)
    version: Mapped[int]
    par: Mapped[str]
    a: Mapped[datetime]


class EditionSection(DansContrat, Base):
    """Qui tient une étape du brouillon. Avertit seulement : la version de chaque champ reste le juge."""

    __tablename__ = "edition_section"
    __table_args__ = (
        lien("dossier_id", "dossier", ondelete="CASCADE"),
        CheckConstraint("vue_at >= depuis", name="dates"),
    )

    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    section: Mapped[str] = mapped_column(primary_key=True)
    acteur: Mapped[str]
    nom: Mapped[str]
    depuis: Mapped[datetime]
    vue_at: Mapped[datetime]


class SaisieEnAttente(DansContrat, Base):
    """Ce qu'une personne a tapé et qui ne s'enregistre pas encore (refusé, ou en retard) : revient à sa page.

    `version` : celle du champ qu'elle avait lue.
    """

    __tablename__ = "saisie_en_attente"
    __table_args__ = (lien("dossier_id", "dossier", ondelete="CASCADE"),)

    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    acteur: Mapped[str] = mapped_column(primary_key=True)
    saisie: Mapped[Any] = mapped_column(JSONB)
    version: Mapped[int]
    a: Mapped[datetime]


class DossierVersion(DansContrat, Base):
    """Le contenu figé au dépôt puis à chaque complément : JSON canonique et empreinte. Ajoutée, jamais réécrite.

    `organisation` : la fiche du porteur (absente avant la migration 0021), et sous `pieces` et `complete_par` les
    pièces valables à cet instant et qui a complété ; l'empreinte la couvre.
    """

    __tablename__ = "dossier_version"
    __table_args__ = (
        unique_du_contrat("dossier_version"),
        lien("dossier_id", "dossier"),
        UniqueConstraint("dossier_id", "rang", name="uq_dossier_version_rang"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    rang: Mapped[int]
    contenu: Mapped[dict[str, Any]]
    organisation: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    empreinte: Mapped[str]
    a: Mapped[datetime]


class Demande(DansContrat, Base):
    """Une demande : dossier × ligne × année. Elle avance seule. Le demandé est figé au dépôt."""

    __tablename__ = "demande"
    __table_args__ = (
        unique_du_contrat("demande"),
        lien("dossier_id", "dossier"),
        lien("ligne_id", "ligne_financement"),
        parmi("etat", EtatDemande),
        CheckConstraint("montant_demande_centimes > 0", name="montant_demande"),
        UniqueConstraint("dossier_id", "ligne_id", "annee", name="uq_demande_dossier_ligne_annee"),
        Index("ix_demande_ligne_etat", "ligne_id", "annee", "etat"),
        Index("ix_demande_etat", "ligne_id", "etat", postgresql_include=["dossier_id"]),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    ligne_id: Mapped[int]
    annee: Mapped[int]
    etat: Mapped[EtatDemande]
    montant_demande: Mapped[Euros] = mapped_column("montant_demande_centimes")
    montant_demande_n1: Mapped[Euros | None] = mapped_column("montant_demande_n1_centimes")
    montant_accorde_n1: Mapped[Euros | None] = mapped_column("montant_accorde_n1_centimes")
    montant_depense_n1: Mapped[Euros | None] = mapped_column("montant_depense_n1_centimes")
    theme_p147: Mapped[str | None]
    numero_dauphin: Mapped[str | None]
    engagement_juridique: Mapped[str | None]
    modifiee_at: Mapped[datetime]


class Passage(DansContrat, Base):
    """Un changement d'état, du dossier (`demande_id` absent) ou d'une demande : ajouté, jamais réécrit."""

    __tablename__ = "passage"
    __table_args__ = (lien("dossier_id", "dossier"), lien("demande_id", "demande"))

    id: Mapped[int] = cle()
    dossier_id: Mapped[int] = mapped_column(index=True)
    demande_id: Mapped[int | None]
    acte: Mapped[str]
    de: Mapped[str]
    vers: Mapped[str]
    motif: Mapped[str] = mapped_column(default="")
    acteur: Mapped[str]
    a: Mapped[datetime]


class AccesDossier(DansContrat, Base):
    """Une vue ouverte ou fermée sur un dossier (référent désigné, lot d'une rencontre, déport)."""

    __tablename__ = "acces_dossier"
    __table_args__ = (
        lien("dossier_id", "dossier"),
        CheckConstraint("sens IN ('ouvre', 'ferme')", name="sens"),
        CheckConstraint("num_nonnulls(compte_id, service_id, instance_id) = 1", name="cible"),
        lien("service_id", "service_consulte"),
        lien("instance_id", "instance"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int] = mapped_column(index=True)
    compte_id: Mapped[int | None] = mapped_column(ForeignKey("compte.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(index=True)
    instance_id: Mapped[int | None]
    sens: Mapped[str]
    motif: Mapped[str]
    depuis: Mapped[datetime]
    jusqu_a: Mapped[datetime | None]


class DemandeComplement(DansContrat, Base):
    """Une demande de complément : quoi, pourquoi, jusqu'à quand. Suspend le délai de rejet implicite.

    `sections` : les étapes qu'elle rouvre ; None : toutes ; vide : aucune (une réponse, des pièces).
    Source : CRPA, art. L.114-5.
    """

    __tablename__ = "demande_complement"
    __table_args__ = (lien("dossier_id", "dossier"), lien("ligne_id", "ligne_financement"))

    id: Mapped[int] = cle()
    dossier_id: Mapped[int] = mapped_column(index=True)
    ligne_id: Mapped[int | None]
    objet: Mapped[str]
    pourquoi: Mapped[str]
    echeance_le: Mapped[datetime]
    demandee_le: Mapped[datetime]
    demandee_par: Mapped[str]
    recue_le: Mapped[datetime | None]
    reponse: Mapped[str] = mapped_column(default="")
    sections: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class ControleRecevabilite(DansContrat, Base):
    """L'examen de recevabilité d'une demande : points vérifiés, conclusion. Ajouté, jamais réécrit."""

    __tablename__ = "controle_recevabilite"
    __table_args__ = (lien("demande_id", "demande"),)

    id: Mapped[int] = cle()
    demande_id: Mapped[int] = mapped_column(index=True)
    points: Mapped[dict[str, Any]]
    conclusion: Mapped[str]
    motif: Mapped[str]
    oriente_vers: Mapped[str] = mapped_column(default="")
    acteur: Mapped[str]
    a: Mapped[datetime]


class FaitConstate(DansContrat, Base):
    """Un fait du dossier vérifié ou corrigé (avec motif) par un agent. Ajouté, le dernier compte."""

    __tablename__ = "fait_constate"
    __table_args__ = (
        lien("dossier_id", "dossier"),
        CheckConstraint("statut IN ('verifie', 'corrige')", name="statut"),
        CheckConstraint("statut = 'verifie' OR motif <> ''", name="motif"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int] = mapped_column(index=True)
    code: Mapped[str]
    valeur: Mapped[Any] = mapped_column(JSONB)
    statut: Mapped[str]
    motif: Mapped[str] = mapped_column(default="")
    acteur: Mapped[str]
    a: Mapped[datetime]


class FaitExterne(DansContrat, Base):
    """Un fait appris par une étape d'après (bilan accepté, CPO en cours) et écrit ici. Ajouté, le dernier compte."""

    __tablename__ = "fait_externe"
    __table_args__ = (lien("dossier_id", "dossier"),)

    id: Mapped[int] = cle()
    dossier_id: Mapped[int] = mapped_column(index=True)
    code: Mapped[str]
    valeur: Mapped[Any] = mapped_column(JSONB)
    source: Mapped[str]
    constate_le: Mapped[date]


class DepotIdempotent(DansContrat, Base):
    """Clé d'idempotence d'un dépôt, écrite dans la même transaction que lui."""

    __tablename__ = "depot_idempotent"
    __table_args__ = (lien("dossier_id", "dossier"),)

    cle: Mapped[str] = mapped_column(primary_key=True)
    acteur: Mapped[str] = mapped_column(primary_key=True)
    dossier_id: Mapped[int]
    a: Mapped[datetime]


class DocumentDossier(DansContrat, Base):
    """Un document scellé d'un dossier (accusé de réception, lettre…). Ajouté, jamais réécrit."""

    __tablename__ = "document_dossier"
    __table_args__ = (
        lien("dossier_id", "dossier"),
        UniqueConstraint("dossier_id", "nature", "sha256", name="uq_document_dossier_nature"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    nature: Mapped[str]
    sha256: Mapped[str] = mapped_column(ForeignKey("document.sha256"))
    a: Mapped[datetime]


class Message(DansContrat, Base):
    """Un message entre le porteur et les services qui instruisent. Ajouté, jamais réécrit."""

    __tablename__ = "message"
    __table_args__ = (
        unique_du_contrat("message"),
        lien("dossier_id", "dossier"),
        parmi("cote", Cote),
        CheckConstraint("length(texte) BETWEEN 1 AND 4000", name="texte"),
        Index("ix_message_dossier_id", "dossier_id", "id"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    cote: Mapped[Cote]
    auteur: Mapped[str]
    nom: Mapped[str]
    texte: Mapped[str]
    a: Mapped[datetime]


class LectureMessages(DansContrat, Base):
    """Jusqu'où une personne a lu les messages d'un dossier."""

    __tablename__ = "lecture_messages"
    __table_args__ = (lien("dossier_id", "dossier"),)

    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    acteur: Mapped[str] = mapped_column(primary_key=True)
    dernier_id: Mapped[int]


class FichierDossier(DansContrat, Base):
    """Un fichier joint à un dossier, seul ou avec un message. Ajouté, jamais réécrit."""

    __tablename__ = "fichier_dossier"
    __table_args__ = (
        lien("dossier_id", "dossier"),
        lien("message_id", "message"),
        CheckConstraint("length(intitule) BETWEEN 1 AND 200", name="intitule"),
    )

    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    fichier_id: Mapped[int] = mapped_column(ForeignKey("fichier.id"), primary_key=True, index=True)
    message_id: Mapped[int | None]
    intitule: Mapped[str]
    par: Mapped[str]
    a: Mapped[datetime]
