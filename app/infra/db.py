"""La base : moteur, types, socle des tables. PostgreSQL seulement."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from select import POLLIN, poll
from typing import Any, ClassVar

import psycopg
from pydantic_core import from_json
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    ScalarSelect,
    Select,
    Text,
    TypeDecorator,
    UniqueConstraint,
    any_,
    create_engine,
    event,
    func,
    literal,
    select,
)
from sqlalchemy import Enum as EnumSQL
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column, sessionmaker
from sqlalchemy.orm import Session as Session  # noqa: PLC0414 -- les pages la nomment sans dépendre de SQLAlchemy
from sqlalchemy.schema import Identity

from app.noyau.euros import Euros

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
COMPTE_MAX = 1000
REGLAGES = " ".join(
    f"-c {reglage}"
    for reglage in (
        "lock_timeout=5000",
        "statement_timeout=30000",
        "idle_in_transaction_session_timeout=60000",
        "timezone=UTC",
    )
)


def _valeurs(enumeration: type[StrEnum]) -> list[str]:
    return [membre.value for membre in enumeration]


class TypeEuros(TypeDecorator[Euros]):
    """`Euros` côté Python, centimes entiers (bigint) côté base."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Euros | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else value.centimes

    def process_result_value(self, value: Any, dialect: Dialect) -> Euros | None:  # noqa: ARG002
        return None if value is None else Euros(int(value))


class Base(DeclarativeBase):
    """Socle des tables. Clés `bigint`, jamais montrées (décision 10)."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar = {
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        date: Date,
        bytes: LargeBinary,
        Euros: TypeEuros,
        StrEnum: EnumSQL(StrEnum, native_enum=False, create_constraint=False, length=40, values_callable=_valeurs),
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
    }


def cle() -> Any:
    """Clé primaire `bigint` tirée par la base."""
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


def _serialiser(valeur: object) -> str:
    return json.dumps(valeur, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def creer_moteur(url: str, *, taille: int = 5) -> Engine:
    """Moteur réglé : délais de verrou et d'instruction, JSON canonique, connexions vérifiées (décision 3)."""
    moteur = create_engine(
        url,
        pool_size=taille,
        max_overflow=5,
        pool_recycle=1800,
        json_serializer=_serialiser,
        json_deserializer=from_json,
        connect_args={"options": REGLAGES},
        hide_parameters=True,
    )
    event.listen(moteur, "checkout", _refuser_une_connexion_rompue)
    return moteur


def _refuser_une_connexion_rompue(connexion: Any, *_: object) -> None:
    """Au repos, PostgreSQL ne dit rien : s'il y a quelque chose à lire, il est parti, et le bassin en ouvre une autre.

    Le même service que `pool_pre_ping` sans son aller-retour (0,3 ms de chaque page, mesuré). Lève DisconnectionError.
    """
    guet = poll()
    guet.register(connexion.fileno(), POLLIN)
    if guet.poll(0):
        raise DisconnectionError("PostgreSQL a fermé cette connexion.")


def creer_fabrique(moteur: Engine) -> sessionmaker[Session]:
    """Fabrique de sessions : rien n'expire après COMMIT, rien ne se charge en cachette."""
    return sessionmaker(moteur, expire_on_commit=False, autoflush=True)


def compter(requete: Select[*tuple[Any, ...]], maximum: int = COMPTE_MAX) -> ScalarSelect[int]:
    """Combien de rangées, au plus `maximum` + 1 : « plus de mille » se lit aussi vite dans une grande base.

    À écrire dans la liste des colonnes d'un SELECT ; la page montre la valeur par le filtre `compte`.
    """
    return select(func.count()).select_from(requete.limit(maximum + 1).subquery()).scalar_subquery()


class DansContrat:
    """Table d'un contrat : `contrat_id` partout, `(contrat_id, id)` unique pour les liens composés (décision 10)."""

    contrat_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contrat.id"))


def unique_du_contrat(table: str) -> UniqueConstraint:
    """La clé que visent les liens composés."""
    return UniqueConstraint("contrat_id", "id", name=f"uq_{table}_contrat")


def lien(local: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Lien composé : la base refuse qu'il traverse deux contrats."""
    return ForeignKeyConstraint(["contrat_id", local], [f"{table}.contrat_id", f"{table}.id"], ondelete=ondelete)


def parmi(colonne: str, valeurs: type[StrEnum], nom: str | None = None) -> CheckConstraint:
    """CHECK : la colonne prend une valeur de l'énumération."""
    liste = ", ".join(f"'{v.value}'" for v in valeurs)
    return CheckConstraint(f"{colonne} IN ({liste})", name=nom or colonne)


def parmi_cles(colonne: ColumnElement[int] | InstrumentedAttribute[int], cles: Iterable[int]) -> ColumnElement[bool]:
    """`colonne = ANY(tableau)` : un seul paramètre, quel que soit le nombre de clés (un IN les écrit une par une)."""
    return colonne == any_(literal(list(cles), ARRAY(BigInteger)))


def connexion_du_pilote(session: Session) -> psycopg.Connection:
    """La connexion psycopg de cette session, dans sa transaction : pour COPY. Ce qui attend est d'abord envoyé."""
    session.flush()
    pilote = session.connection().connection.driver_connection
    if not isinstance(pilote, psycopg.Connection):  # pragma: no cover - PostgreSQL seulement
        raise TypeError(type(pilote))
    return pilote
