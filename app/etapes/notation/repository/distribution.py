"""Ce qui se lit d'une ligne entière : la répartition des notes, les critères gardés, les coûts comparables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, Integer, Subquery, cast, exists, func, select, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.models import ReleveFaits
from app.etapes.notation.repository.classement import classees, lisibles, notes_de_la_ligne
from app.etapes.notation.repository.lot import SORTIES
from app.etapes.notation.rules.distribution import LARGEUR, Compte
from app.etapes.notation.rules.note import EtatLigne
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Organisation

NOTES_MAX = 2_000
COUTS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class NotesGroupees:
    """(tranche de la note basse, de la note haute, combien), et les quartiles de la note la plus basse possible."""

    tranches: Sequence[tuple[int, int, int]]
    nombre: int
    quartiles: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class NoteGardee:
    """De quoi refaire une note sans la rejouer. `en_vue` : cette personne peut lire cette note."""

    demande_id: int
    numero: str
    titre: str
    organisation: str
    est_fictif: bool
    criteres: Sequence[Mapping[str, Any]]
    en_vue: bool


@dataclass(frozen=True, slots=True)
class CoutComparable:
    """Le coût d'un dossier du même type d'action, en centimes par personne."""

    numero: str
    titre: str
    est_fictif: bool
    cout: Fraction


def grouper_notes(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> NotesGroupees:
    """Les notes courantes d'une ligne par tranche de dix points, parmi les dossiers en vue. Deux requêtes."""
    notes = _en_vue(appel, ligne_id, acteur)
    tranches = [cast(func.floor(borne / LARGEUR), Integer) for borne in (notes.c.minimum, notes.c.maximum)]
    par_tranche = select(tranches[0], tranches[1], func.count()).group_by(*tranches).order_by(*tranches)
    groupes = session.execute(par_tranche).all()
    quarts = func.percentile_disc([0.25, 0.5, 0.75]).within_group(notes.c.minimum.asc())
    quartiles = session.execute(select(quarts)).scalar_one() if groupes else ()
    return NotesGroupees(
        [(bas, haut, nombre) for bas, haut, nombre in groupes], sum(n for *_, n in groupes), quartiles or ()
    )


def compter_par_palier(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> list[Compte]:
    """Combien de notes courantes par critère et par taux, parmi les dossiers en vue. Une requête."""
    notes = _en_vue(appel, ligne_id, acteur)
    critere = func.jsonb_array_elements(notes.c.criteres).table_valued("value").render_derived("critere")
    valeur = cast(critere.c.value, JSONB)
    colonnes = (
        valeur["code"].astext,
        cast(valeur["poids"], Integer),
        cast(valeur["taux"][0], Integer),
        cast(valeur["taux"][1], Integer),
        func.coalesce(valeur["etat"].astext, EtatLigne.NOTE.value),
    )
    requete = select(*colonnes, func.count()).select_from(notes).join(critere, true())
    rangs = [text(str(rang)) for rang in range(1, len(colonnes) + 1)]
    return [
        Compte(code, poids, bas, haut, EtatLigne(etat), nombre)
        for code, poids, bas, haut, etat, nombre in session.execute(requete.group_by(*rangs).order_by(*rangs))
    ]


def _en_vue(appel: Appel, ligne_id: int, acteur: Identite) -> Subquery:
    notes = notes_de_la_ligne(appel, ligne_id)
    return (
        select(notes.c.minimum, notes.c.maximum, notes.c.criteres)
        .join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(lisibles(acteur))
        .subquery("en_vue")
    )


def list_notes_gardees(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> list[NoteGardee]:
    """Les critères gardés de chaque demande de la ligne, la mieux classée d'abord, NOTES_MAX + 1 au plus. Une requête.

    Tous les dossiers, pour que les rangs soient ceux du classement ; `en_vue` dit lesquels se montrent.
    """
    notes = classees(appel, ligne_id)
    requete = (
        select(Demande.id, Dossier.numero, Dossier.titre, Organisation.nom, Dossier.est_fictif, notes.c.criteres)
        .add_columns(lisibles(acteur).label("en_vue"))
        .join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .order_by(notes.c.cle.desc(), Demande.id.desc())
        .limit(NOTES_MAX + 1)
    )
    return [NoteGardee(*rangee) for rangee in session.execute(requete)]


def get_dernier_releve(session: Session, dossier_id: int) -> ReleveFaits | None:
    """Les faits figés à la dernière notation d'un dossier. Une requête."""
    requete = select(ReleveFaits).where(ReleveFaits.dossier_id == dossier_id)
    return session.scalars(requete.order_by(ReleveFaits.rang.desc()).limit(1)).first()


def list_couts(session: Session, dossier: Dossier, type_action: str, acteur: Identite) -> list[CoutComparable]:
    """Le coût des autres dossiers recevables de même type, dans le même appel et en vue, croissant. Une requête.

    D'après leurs derniers faits notés ; COUTS_MAX + 1 au plus.
    """
    releve = (
        select(ReleveFaits.faits)
        .where(ReleveFaits.dossier_id == Dossier.id)
        .order_by(ReleveFaits.rang.desc())
        .limit(1)
        .lateral("releve")
    )
    faits = releve.c.faits
    charges = cast(faits["charges_total"]["valeur"]["centimes"], BigInteger)
    personnes = cast(faits["beneficiaires"]["valeur"], BigInteger)
    instruite = Demande.etat.not_in([*SORTIES, EtatDemande.OUVERTE])
    requete = (
        select(Dossier.numero, Dossier.titre, Dossier.est_fictif, charges, personnes)
        .join(releve, true())
        .where(
            Dossier.appel_id == dossier.appel_id,
            Dossier.id != dossier.id,
            faits["type_action"]["valeur"].astext == type_action,
            charges.is_not(None),
            personnes > 0,
            exists().where(Demande.dossier_id == Dossier.id, instruite),
            dossiers.visibles(acteur),
        )
        .order_by(charges / personnes, Dossier.id)
        .limit(COUTS_MAX + 1)
    )
    return [CoutComparable(str(n), t, f, Fraction(c, p)) for n, t, f, c, p in session.execute(requete)]
