"""Qui tient une étape, et ce que chacun a tapé sans l'avoir encore enregistré."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier, EditionSection, SaisieEnAttente
from app.etapes.dossier.rules.edition import TENUE


def prendre(
    session: Session,
    dossier: Dossier,
    section: str,
    acteur: str,
    nom: str,
    machine: datetime,
    *,
    de_force: bool = False,
) -> EditionSection:
    """Prend l'étape si elle est libre, à moi, ou `de_force` ; rend qui la tient. Une ou deux requêtes."""
    valeurs = {"acteur": acteur, "nom": nom, "depuis": machine, "vue_at": machine}
    e = EditionSection
    requete = insert(e).values(contrat_id=dossier.contrat_id, dossier_id=dossier.id, section=section, **valeurs)
    depuis = case((e.acteur == acteur, e.depuis), else_=machine)
    requete = requete.on_conflict_do_update(
        index_elements=["dossier_id", "section"],
        set_=valeurs | {"depuis": depuis},
        where=None if de_force else (e.acteur == acteur) | (e.vue_at <= machine - TENUE),
    )
    prise: EditionSection | None = session.scalar(requete.returning(e), execution_options={"populate_existing": True})
    if prise is not None:
        return prise
    return session.scalars(
        select(e).where(e.dossier_id == dossier.id, e.section == section).execution_options(populate_existing=True)
    ).one()


def lacher(session: Session, dossier_id: int, section: str, acteur: str) -> None:
    """Libère l'étape, si elle est à cette personne."""
    e = EditionSection
    session.execute(delete(e).where(e.dossier_id == dossier_id, e.section == section, e.acteur == acteur))


def list_tenues(session: Session, dossier_id: int, machine: datetime) -> dict[str, EditionSection]:
    """Étape → qui la tient à cet instant."""
    e = EditionSection
    requete = select(e).where(e.dossier_id == dossier_id, e.vue_at > machine - TENUE).order_by(e.section)
    return {tenue.section: tenue for tenue in session.scalars(requete)}


def list_en_attente(session: Session, dossier_id: int, acteur: str) -> dict[str, SaisieEnAttente]:
    """Champ → ce que cette personne y a tapé sans l'enregistrer."""
    s = SaisieEnAttente
    requete = select(s).where(s.dossier_id == dossier_id, s.acteur == acteur).order_by(s.code)
    return {saisie.code: saisie for saisie in session.scalars(requete)}


def oublier(session: Session, dossier_id: int, acteur: str, codes: Iterable[str]) -> None:
    """Efface ce qui était en attente : c'est enregistré, ou la personne y renonce."""
    s = SaisieEnAttente
    session.execute(delete(s).where(s.dossier_id == dossier_id, s.acteur == acteur, s.code.in_(list(codes))))


def garder(
    session: Session, dossier: Dossier, acteur: str, saisies: dict[str, tuple[object, int]], machine: datetime
) -> None:
    """Garde ce qui est tapé : champ → (saisie, version lue). La dernière saisie remplace la précédente."""
    if not saisies:
        return
    s = SaisieEnAttente
    requete = insert(s).values(
        [
            {
                "contrat_id": dossier.contrat_id, "dossier_id": dossier.id, "code": code, "acteur": acteur,
                "saisie": saisie, "version": version, "a": machine,
            }
            for code, (saisie, version) in sorted(saisies.items())
        ]
    )  # fmt: skip
    session.execute(
        requete.on_conflict_do_update(
            index_elements=["dossier_id", "code", "acteur"],
            set_={"saisie": requete.excluded.saisie, "version": requete.excluded.version, "a": requete.excluded.a},
        )
    )
