"""Les pièces d'un dossier pour qui l'instruit : celles que l'appel demande, puis les autres fichiers joints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Row, Select, Text, cast, literal, null, select, union_all
from sqlalchemy.orm import Session

from app.etapes.appel.models import PieceExigee
from app.etapes.appel.rules import TOUS
from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.pages import ETATS
from app.referentiels.pieces.rules import (
    ECARTES,
    PIECES_MAX,
    Attendue,
    EtatFichier,
    EtatValidite,
    Nature,
    Validite,
    attendues,
    etat_validite,
)

TIENNENT_LIEU = frozenset({EtatFichier.RECU, *EtatValidite}) - {EtatValidite.PERIMEE}
"""Une pièce dans l'un de ces états n'est plus à fournir ; un budget se date d'avance."""


@dataclass(frozen=True, slots=True)
class FichierLu:
    """Un fichier, d'où il vient et quand. `mention` : ce qu'il est par rapport au dépôt, s'il y a à le dire."""

    code: str
    nom: str
    intitule: str
    etat: EtatFichier | EtatValidite
    a: datetime
    mention: str = ""
    du: date | None = None
    au: date | None = None
    message_id: int | None = None
    cote: str = ""

    @property
    def se_lit(self) -> bool:
        """Vrai si l'antivirus l'a dit sain."""
        return isinstance(self.etat, EtatValidite) or self.etat is EtatFichier.SAIN

    @property
    def dit(self) -> tuple[str, str]:
        """Son état : un mot et une forme."""
        return ("Lisible", "oui") if self.etat is EtatFichier.SAIN else ETATS[self.etat]


@dataclass(frozen=True, slots=True)
class LigneDePiece:
    """Une ligne du tableau : ce que l'appel demande, et le fichier qui y répond ; sans fichier, il est à fournir."""

    exigee: str
    attendue: str
    est_obligatoire: bool
    fichier: FichierLu | None


@dataclass(frozen=True, slots=True)
class PiecesDuDossier:
    """Le tableau des pièces demandées, et les fichiers joints au dossier ou à ses messages."""

    demandees: Sequence[LigneDePiece]
    joints: Sequence[FichierLu]

    @property
    def manquent(self) -> int:
        """Combien de pièces exigées restent à fournir."""
        return len({x.exigee for x in self.demandees if x.est_obligatoire and x.fichier is None})


_Rangee = Row[*tuple[Any, ...]]
_RIEN, _SANS_DATE, _SANS_CLE = cast(null(), Text), cast(null(), Date), cast(null(), BigInteger)


def _requete(dossier: Dossier) -> Select[*tuple[Any, ...]]:
    """Pièces exigées, pièces de l'organisation (les plus récentes d'abord), fichiers joints : d'un seul aller."""
    forme = select(Organisation.forme).where(Organisation.id == dossier.organisation_id).scalar_subquery()
    exigees = (
        select(literal("exigee").label("sorte"), PieceExigee.id.label("rang"), PieceExigee.code.label("code"))
        .add_columns(PieceExigee.libelle.label("nom"), _RIEN.label("etat"), _RIEN.label("nature"))
        .add_columns(_RIEN.label("intitule"), _SANS_DATE.label("du"), _SANS_DATE.label("au"))
        .add_columns(cast(null(), DateTime(timezone=True)).label("a"), _SANS_CLE.label("message_id"))
        .add_columns(PieceExigee.est_obligatoire.label("est_obligatoire"))
        .where(PieceExigee.appel_id == dossier.appel_id)
        .where(PieceExigee.forme.in_((TOUS, forme)))
    )
    pieces = (
        select(
            literal("piece").label("sorte"),
            (-Piece.id).label("rang"),
            Fichier.code,
            Fichier.nom,
            cast(Fichier.etat, Text),
        )
        .add_columns(cast(Piece.nature, Text), Piece.intitule, Piece.valable_du, Piece.valable_au, Piece.a)
        .add_columns(_SANS_CLE.label("message_id"), cast(null(), Boolean).label("est_obligatoire"))
        .join(Fichier, Fichier.id == Piece.fichier_id)
        .where(Piece.organisation_id == dossier.organisation_id)
        .order_by(Piece.id.desc())
        .limit(PIECES_MAX)
    )
    joints = (
        select(literal("joint"), FichierDossier.fichier_id, Fichier.code, Fichier.nom, cast(Fichier.etat, Text))
        .add_columns(cast(Message.cote, Text), FichierDossier.intitule, _SANS_DATE, _SANS_DATE, FichierDossier.a)
        .add_columns(FichierDossier.message_id, cast(null(), Boolean))
        .join(Fichier, Fichier.id == FichierDossier.fichier_id)
        .outerjoin(Message, Message.id == FichierDossier.message_id)
        .where(FichierDossier.dossier_id == dossier.id)
    )
    toutes = union_all(exigees, pieces.subquery().select(), joints).subquery()
    return select(toutes).order_by(toutes.c.sorte, toutes.c.rang)


def pieces_du_dossier(session: Session, dossier: Dossier, maintenant: datetime) -> PiecesDuDossier:
    """Ce que l'appel demande et ce que l'organisation a, ce jour-là ; ce qui a bougé depuis le dépôt. Une requête."""
    par_sorte: dict[str, list[_Rangee]] = {"exigee": [], "piece": [], "joint": []}
    for rangee in session.execute(_requete(dossier)):
        par_sorte[rangee.sorte].append(rangee)
    depot, jour = dossier.depose_le, a_paris(maintenant).date()
    pieces = [_lue(r, jour) for r in par_sorte["piece"]]
    demandees = []
    for r in par_sorte["exigee"]:
        voulues = attendues(r.code, r.nom)
        for voulue in voulues:
            dite = voulue.libelle if len(voulues) > 1 else ""
            fichiers = list(_repondent(pieces, voulue, depot))
            demandees += [LigneDePiece(r.nom, dite, r.est_obligatoire, x) for x in fichiers]
            if not any(x.etat in TIENNENT_LIEU for x in fichiers):
                demandees.append(LigneDePiece(r.nom, dite, r.est_obligatoire, None))
    return PiecesDuDossier(demandees, [_joint(r, depot) for r in par_sorte["joint"]])


@dataclass(frozen=True, slots=True)
class _PieceLue:
    nature: Nature
    intitule: str
    fichier: FichierLu
    est_ecartee: bool


def _lue(r: _Rangee, jour: date) -> _PieceLue:
    recu, nature = EtatFichier(r.etat), Nature(r.nature)
    etat = etat_validite(Validite(r.du, r.au), jour) if recu is EtatFichier.SAIN else recu
    lu = FichierLu(r.code, r.nom, r.intitule or nature.libelle, etat, r.a, du=r.du, au=r.au)
    return _PieceLue(nature, r.intitule, lu, recu in ECARTES)


def _repondent(pieces: Sequence[_PieceLue], voulue: Attendue, depot: datetime | None) -> Iterator[FichierLu]:
    """La dernière déposée, la dernière valable, et celle qui était en place au dépôt, si elles diffèrent."""
    siennes = [p for p in pieces if voulue.repond(p.nature, p.intitule)]
    au_depot = next((p for p in siennes if depot is not None and p.fichier.a <= depot and not p.est_ecartee), None)
    valable = next((p for p in siennes if p.fichier.etat in TIENNENT_LIEU and p.fichier.se_lit), None)
    gardees = [p for p in siennes if p in (siennes[0], valable, au_depot)]
    for p in gardees:
        mention = ""
        if depot is not None and p.fichier.a > depot:
            mention = "Déposée après le dépôt du dossier"
            mention += ", remplace celle d’alors" if au_depot is not None and not p.est_ecartee else ""
        elif p is au_depot and any(autre.fichier.a > p.fichier.a and not autre.est_ecartee for autre in gardees):
            mention = "En place au dépôt du dossier, remplacée depuis"
        yield _avec(p.fichier, mention)


def _avec(lu: FichierLu, mention: str) -> FichierLu:
    return FichierLu(lu.code, lu.nom, lu.intitule, lu.etat, lu.a, mention, lu.du, lu.au)


def _joint(r: _Rangee, depot: datetime | None) -> FichierLu:
    mention = "Joint après le dépôt du dossier" if depot is not None and r.a > depot else ""
    cote = r.nature or "porteur"
    return FichierLu(r.code, r.nom, r.intitule, EtatFichier(r.etat), r.a, mention, message_id=r.message_id, cote=cote)
