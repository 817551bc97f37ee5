"""La base : moteur, types, socle des tables. PostgreSQL seulement."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
)
from sqlalchemy import Enum as EnumSQL
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
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
    return create_engine(
        url,
        pool_size=taille,
        max_overflow=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        json_serializer=_serialiser,
        connect_args={"options": REGLAGES},
        hide_parameters=True,
    )


def creer_fabrique(moteur: Engine) -> sessionmaker[Session]:
    """Fabrique de sessions : rien n'expire après COMMIT, rien ne se charge en cachette."""
    return sessionmaker(moteur, expire_on_commit=False, autoflush=True)


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
