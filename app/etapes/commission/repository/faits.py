"""Des tables aux faits que jugent les règles : règlement, salle, déports, voix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.etapes.commission.models import Deport, PointSeance, Presence, Seance, StatutPresence, VoteMembre
from app.etapes.commission.repository.seances import siege_occupe
from app.etapes.commission.rules import (
    COMMISSION_DES_ELUS,
    DROIT_COMMUN,
    DROIT_LOCAL,
    Membre,
    Procuration,
    Quorum,
    Refus,
    Reglages,
    ReglesDeVote,
    Sens,
    Voix,
    controler_procurations,
    president_de_seance,
    quorum,
    regler,
)
from app.etapes.commission.rules import Deport as FaitDeport
from app.noyau.sources import Source
from app.referentiels.instances.models import MembreInstance

JEU_REGLABLE = "commission_des_elus"
JEUX_DE_REGLES: Mapping[str, ReglesDeVote] = {
    JEU_REGLABLE: COMMISSION_DES_ELUS,
    "droit_commun": DROIT_COMMUN,
    "droit_local": DROIT_LOCAL,
}


def regles_en_json(jeu: str, reglages: Reglages | None = None) -> dict[str, Any]:
    """Le règlement figé à l'ouverture, valeur par valeur : rejouable même si le jeu change. Lève KeyError.

    `reglages` : les valeurs de la séance, pour le jeu qui se règle ; sans elles, le jeu tel quel.
    """
    regles = JEUX_DE_REGLES[jeu]
    if reglages is not None:
        regles = regler(regles, reglages)
    valeurs = {c.name: getattr(regles, c.name) for c in fields(regles) if c.name != "source"}
    source = {"texte": regles.source.texte, "endroit": regles.source.endroit}
    fige = {nom: str(v) if isinstance(v, Fraction) else v for nom, v in valeurs.items()}
    return {"jeu": jeu, "source": source, **fige}


def lire_regles(contenu: Mapping[str, Any]) -> ReglesDeVote:
    """Le règlement d'une séance : figé s'il l'est, sinon celui du jeu choisi."""
    if "nom" not in contenu:
        return JEUX_DE_REGLES[contenu["jeu"]]
    parts = {c.name for c in fields(ReglesDeVote) if c.type == "Fraction"}
    valeurs: dict[str, Any] = {
        nom: Fraction(valeur) if nom in parts else valeur
        for nom, valeur in contenu.items()
        if nom not in {"jeu", "source"}
    }
    return ReglesDeVote(source=Source(**contenu["source"]), **valeurs)


@dataclass(frozen=True, slots=True)
class Salle:
    """Qui siège, qui est là, qui porte le pouvoir de qui. Un membre est nommé par le rang de son siège."""

    regles: ReglesDeVote
    sieges: Mapping[str, MembreInstance]
    membres: tuple[Membre, ...]
    presents: frozenset[str]
    procurations: tuple[Procuration, ...]

    def pouvoirs(
        self, instant: datetime, deportes: Iterable[str] = ()
    ) -> tuple[tuple[Procuration, ...], tuple[Refus, ...]]:
        """Les pouvoirs qui servent sur un point, et ceux qui n'y servent pas."""
        return controler_procurations(
            self.procurations, self.membres, self.presents, self.regles, instant=instant,
            deportes=frozenset(deportes),
        )  # fmt: skip

    def quorum(self, instant: datetime, deportes: Iterable[str] = ()) -> Quorum:
        """Le quorum d'un point."""
        retires = frozenset(deportes)
        pouvoirs, _ = self.pouvoirs(instant, retires)
        return quorum(self.membres, self.presents, self.regles, deportes=retires, pouvoirs=pouvoirs)

    def president(self, deportes: Iterable[str] = ()) -> str | None:
        """Le rang du siège qui préside ce point."""
        return president_de_seance(self.membres, self.presents, frozenset(deportes))

    def votants(self, instant: datetime, deportes: Iterable[str] = ()) -> dict[str, str | None]:
        """Siège qui peut voter sur ce point → siège qui porte sa voix (None : lui-même), dans l'ordre des sièges."""
        retires = frozenset(deportes)
        portes = {p.mandant: p.mandataire for p in self.pouvoirs(instant, retires)[0]}
        rendu: dict[str, str | None] = {}
        for membre in self.membres:
            if membre.a_voix and membre.code in self.presents and membre.code not in retires:
                rendu[membre.code] = None
            elif membre.code in portes:
                rendu[membre.code] = portes[membre.code]
        return rendu

    def qualite(self, code: str | None) -> str:
        """La qualité d'un siège ; vide si personne."""
        return self.sieges[code].qualite if code is not None and code in self.sieges else ""


def lire_salle(session: Session, seance: Seance) -> Salle:
    """La salle telle qu'elle est notée maintenant. Une requête."""
    notee = and_(Presence.membre_id == MembreInstance.id, Presence.seance_id == seance.id)
    requete = select(MembreInstance, Presence).outerjoin(Presence, notee).where(siege_occupe(seance))
    lignes = session.execute(requete.order_by(MembreInstance.rang, MembreInstance.id)).all()
    code = {s.id: str(s.rang) for s, _ in lignes}
    notees = [(p, code[s.id]) for s, p in lignes if p is not None]
    return Salle(
        regles=lire_regles(seance.regles),
        sieges={code[s.id]: s for s, _ in lignes},
        membres=tuple(Membre(code[s.id], s.qualite, s.a_voix, preside=s.est_president, rang=s.rang) for s, _ in lignes),
        presents=frozenset(c for p, c in notees if p.statut is StatutPresence.PRESENT),
        procurations=tuple(
            Procuration(c, code[p.mandataire_id], donnee_le=p.a)
            for p, c in notees
            if p.statut is StatutPresence.REPRESENTE and p.mandataire_id in code
        ),
    )


def deports_de(session: Session, seance_id: int, *, rangs: Iterable[int] | None = None) -> Sequence[FaitDeport]:
    """Les déports d'une séance (de ces points), par point puis siège : rang du siège, rang du point, motif."""
    requete = (
        select(MembreInstance.rang, PointSeance.rang, Deport.motif)
        .join(PointSeance, PointSeance.id == Deport.point_id)
        .join(MembreInstance, MembreInstance.id == Deport.membre_id)
        .where(PointSeance.seance_id == seance_id)
        .order_by(PointSeance.rang, MembreInstance.rang)
    )
    if rangs is not None:
        requete = requete.where(PointSeance.rang.in_(list(rangs)))
    return [FaitDeport(str(m), str(p), motif) for m, p, motif in session.execute(requete)]


def votes_de(session: Session, point_id: int) -> Sequence[Voix]:
    """Les voix enregistrées sur un point, par siège."""
    requete = (
        select(MembreInstance.rang, VoteMembre.sens)
        .join(MembreInstance, MembreInstance.id == VoteMembre.membre_id)
        .where(VoteMembre.point_id == point_id)
        .order_by(MembreInstance.rang)
    )
    return [Voix(str(rang), Sens(sens)) for rang, sens in session.execute(requete)]


def list_deports_enregistres(session: Session, seance_id: int) -> Sequence[tuple[int, Deport]]:
    """Les déports d'une séance tels qu'ils sont rangés, avec la demande de leur point."""
    requete = (
        select(PointSeance.demande_id, Deport)
        .join(Deport, Deport.point_id == PointSeance.id)
        .where(PointSeance.seance_id == seance_id)
        .order_by(PointSeance.rang, Deport.membre_id)
    )
    return [(d, deport) for d, deport in session.execute(requete)]
