"""Documents scellés : les octets d'un PDF, sous la clé de leur SHA-256. Ajoutés, jamais réécrits."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.infra.db import Base


class Document(Base):
    """Un document produit par le service (accusé, procès-verbal, lettre)."""

    __tablename__ = "document"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media: Mapped[str]
    nom: Mapped[str]
    contenu: Mapped[bytes]
    a: Mapped[datetime]


def sceller(session: Session, contenu: bytes, *, media: str, nom: str, maintenant: datetime) -> str:
    """Range les octets et rend leur SHA-256 ; le même document rangé deux fois n'en fait qu'un."""
    empreinte = hashlib.sha256(contenu).hexdigest()
    session.execute(
        insert(Document)
        .values(sha256=empreinte, media=media, nom=nom, contenu=contenu, a=maintenant)
        .on_conflict_do_nothing()
    )
    return empreinte


def lire(session: Session, sha256: str) -> Document | None:
    """Le document, ou None."""
    return session.scalar(select(Document).where(Document.sha256 == sha256))
