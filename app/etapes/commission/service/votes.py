"""Voter, amender, ajourner, mettre en réserve, proclamer : point par point ou en bloc."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, ResultatPoint, Seance, VoteMembre
from app.etapes.commission.repository import PointLu, Salle
from app.etapes.commission.rules import (
    Issue,
    NatureActe,
    Resultat,
    TypeIssue,
    Voix,
    decompter,
    deportes_du_point,
    former_les_blocs,
    issue_du_point,
    issues_du_bloc,
    resultat,
    voix_du_president,
)
from app.etapes.commission.rules import amender as amender_proposition
from app.etapes.commission.service.gardes import exiger_non_proclame, point_lu, seance_tenue
from app.etapes.commission.service.voix import Bulletins, Scene, a_compter, lire, sans_part
from app.etapes.dossier.service.vie import passer_demande
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide
from app.noyau.euros import Euros


@dataclass(frozen=True, slots=True)
class VoteEnBloc:
    """Ce qu'un vote en bloc a donné : les points proclamés, ceux restés ouverts, ceux à voter un par un."""

    proclames: tuple[int, ...]
    ouverts: tuple[int, ...]
    disjoints: tuple[tuple[int, str], ...]


def _scene(
    session: Session, seance: Seance, lu: PointLu, salle: Salle, acteur: Identite, maintenant: datetime
) -> Scene:
    deports = repository.deports_de(session, seance.id, rangs=[lu.point.rang])
    deportes = deportes_du_point(deports, str(lu.point.rang))
    return Scene(seance, lu, salle, deportes, salle.quorum(maintenant, deportes), maintenant, acteur)


def _entrer(session: Session, code: str, rang: int, acteur: Identite, maintenant: datetime) -> Scene:
    """Verrouille dossier, demande puis séance, et rend le point en discussion."""
    vue = repository.get_seance(session, code, acteur)
    repository.verrouiller_demandes(session, [point_lu(session, vue, rang).demande.id])
    seance = seance_tenue(session, code, acteur, EtatSeance.OUVERTE)
    lu = point_lu(session, seance, rang)
    exiger_non_proclame(lu)
    return _scene(session, seance, lu, repository.lire_salle(session, seance), acteur, maintenant)


def _juger(scene: Scene, voix: Sequence[Voix]) -> Resultat:
    president = voix_du_president(voix, scene.salle.president(scene.deportes))
    return resultat(decompter(voix), scene.salle.regles, president=president)


def _enregistrer(session: Session, scenes: Sequence[Scene], voix: Sequence[Voix]) -> None:
    """Range les voix de ces points ; elles remplacent celles d'avant tant que rien n'est proclamé."""
    points = [s.lu.point.id for s in scenes]
    session.execute(delete(VoteMembre).where(VoteMembre.point_id.in_(points)))
    session.add_all(
        VoteMembre(
            contrat_id=s.seance.contrat_id, point_id=s.lu.point.id, membre_id=s.salle.sieges[v.membre].id,
            sens=v.sens.value, acteur=s.acteur.acteur, a=s.maintenant,
        )
        for s in scenes
        for v in voix
    )  # fmt: skip
    session.flush()


def voter(
    session: Session, code: str, rang: int, bulletins: Bulletins, *, acteur: Identite, maintenant: datetime
) -> Resultat:
    """Enregistre les voix d'un point sans le proclamer, et rend ce qu'elles donneraient."""
    scene = _entrer(session, code, rang, acteur, maintenant)
    voix = lire(scene, bulletins)
    _enregistrer(session, [scene], voix)
    consigner(
        session, contrat_id=scene.seance.contrat_id, acte="point.vote", objet=f"{code}/{rang}", acteur=acteur.acteur,
        maintenant=maintenant, apres={v.membre: v.sens.value for v in voix},
    )  # fmt: skip
    return _juger(scene, voix)


def proclamer(
    session: Session,
    code: str,
    rang: int,
    *,
    acteur: Identite,
    maintenant: datetime,
    bulletins: Bulletins | None = None,
    partiel: bool = False,
    proposition: Issue | None = None,
) -> ResultatPoint:
    """Proclame le résultat d'un point, une fois pour toutes, et fait avancer sa demande. Sans quorum : ajourné.

    `bulletins` absents : les voix déjà enregistrées ; `partiel` : qui n'a pas voté n'y prend pas part. `proposition`
    absente : ce qui est soumis (retenir le montant, ou ne pas financer s'il est nul). Lève ActeImpossible
    (`point_reste_ouvert`) quand rien n'est décidé, SaisieInvalide (`voix_manquantes`) s'il manque des voix.
    """
    scene = _entrer(session, code, rang, acteur, maintenant)
    voix: Sequence[Voix] = ()
    if scene.quorum.atteint:
        if bulletins is None:
            bulletins = {int(v.membre): v.sens for v in repository.votes_de(session, scene.lu.point.id)}
        voix = a_compter(scene, bulletins, partiel=partiel)
        _enregistrer(session, [scene], voix)
    return _conclure(session, scene, proposition or scene.lu.fait().proposition, voix)


def _conclure(session: Session, scene: Scene, proposition: Issue, voix: Sequence[Voix]) -> ResultatPoint:
    vote = _juger(scene, voix) if voix else None
    issue = issue_du_point(proposition, scene.quorum, vote)
    if issue is None:
        phrase = f"Rien n’est décidé ({vote.motif if vote else 'aucune voix'}) : le point reste ouvert."
        raise ActeImpossible(phrase, code="point_reste_ouvert")
    return _ecrire(session, scene, issue, proposition, voix, vote)


def amender(
    session: Session,
    code: str,
    rang: int,
    *,
    montant: Euros,
    motif: str,
    bulletins: Bulletins,
    acteur: Identite,
    maintenant: datetime,
    partiel: bool = False,
) -> ResultatPoint | None:
    """Met aux voix un autre montant, avant le point. Adopté : le point est proclamé amendé. Rejeté : il reste ouvert.

    Un amendement rejeté est consigné au journal, sans trace au point.
    """
    scene = _entrer(session, code, rang, acteur, maintenant)
    fautes = []
    if montant.centimes <= 0 or montant > scene.lu.demande.montant_demande:
        plafond = scene.lu.demande.montant_demande
        fautes.append(Faute("montant", f"Écrivez un montant de 0,01 € à {plafond}.", "montant_hors_bornes"))
    elif montant == scene.lu.point.montant_soumis:
        fautes.append(Faute("montant", "C’est déjà le montant soumis au vote.", "montant_inchange"))
    if not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi le montant change.", "motif_exige"))
    if fautes:
        raise SaisieInvalide(fautes)
    voix = a_compter(scene, bulletins, partiel=partiel)
    vote = _juger(scene, voix)
    proposition = amender_proposition(scene.lu.fait().proposition, [(montant, vote)])
    if proposition.type is not TypeIssue.AMENDE:
        consigner(
            session, contrat_id=scene.seance.contrat_id, acte="point.amendement_rejete", objet=f"{code}/{rang}",
            acteur=acteur.acteur, maintenant=maintenant,
            apres={"montant_centimes": montant.centimes, "motif": motif.strip(), "vote": vote.motif},
        )  # fmt: skip
        return None
    _enregistrer(session, [scene], voix)
    return _conclure(session, scene, replace(proposition, motif=f"{motif.strip()} — {vote.motif}"), voix)


def ajourner(
    session: Session,
    code: str,
    rang: int,
    *,
    motif: str,
    bulletins: Bulletins,
    acteur: Identite,
    maintenant: datetime,
    partiel: bool = False,
) -> ResultatPoint:
    """Met aux voix l'ajournement d'un point. Lève SaisieInvalide sans motif, ActeImpossible s'il est rejeté."""
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Dites ce qui manque pour décider.", "motif_exige")])
    return proclamer(
        session, code, rang, acteur=acteur, maintenant=maintenant, bulletins=bulletins, partiel=partiel,
        proposition=Issue(TypeIssue.AJOURNE, motif=motif.strip()),
    )  # fmt: skip


def mettre_en_reserve(
    session: Session,
    code: str,
    rang: int,
    *,
    bulletins: Bulletins,
    acteur: Identite,
    maintenant: datetime,
    rang_reserve: int | None = None,
    motif: str = "",
    partiel: bool = False,
) -> ResultatPoint:
    """Met aux voix l'inscription sur la liste de réserve de la ligne ; sans rang donné, à la suite."""
    scene = _entrer(session, code, rang, acteur, maintenant)
    cle = (scene.seance.appel_id, scene.lu.ligne.id)
    place = rang_reserve if rang_reserve is not None else repository.prochain_rang_de_reserve(session, *cle)
    if place < 1 or place in repository.rangs_de_reserve(session, *cle):
        phrase = f"Le rang {place} de la liste de réserve n’est pas libre sur cette ligne."
        raise SaisieInvalide([Faute("rang_reserve", phrase, "rang_pris")])
    return proclamer(
        session, code, rang, acteur=acteur, maintenant=maintenant, bulletins=bulletins, partiel=partiel,
        proposition=Issue(TypeIssue.RESERVE, rang=place, motif=motif.strip()),
    )  # fmt: skip


def voter_bloc(
    session: Session,
    code: str,
    bloc: str,
    *,
    bulletins: Bulletins,
    acteur: Identite,
    maintenant: datetime,
    sauf: Collection[int] = (),
    partiel: bool = False,
) -> VoteEnBloc:
    """Vote et proclame ensemble les points d'un bloc, sauf ceux dont un membre s'est déporté ou demande à part.

    `sauf` : rangs à voter séparément, à la demande d'un membre. Lève ActeImpossible s'il n'y a rien à voter ensemble.
    """
    vue = repository.get_seance(session, code, acteur)
    repository.verrouiller_demandes(session, [p.demande.id for p in _a_voter(session, vue, bloc)])
    seance = seance_tenue(session, code, acteur, EtatSeance.OUVERTE)
    points = {str(p.point.rang): p for p in _a_voter(session, seance, bloc)}
    validees = {p.ligne.code for p in points.values() if p.nature is NatureActe.VALIDE}
    blocs = former_les_blocs(
        [p.fait() for p in points.values()], validees, deports=repository.deports_de(session, seance.id),
        demandes={str(r) for r in sauf},
    )  # fmt: skip
    disjoints = tuple((int(d.point), d.motif) for b in blocs for d in b.disjoints)
    salle = repository.lire_salle(session, seance)
    proclames: list[int] = []
    ouverts: list[int] = []
    for forme in (b for b in blocs if b.ensemble):
        quorum = salle.quorum(maintenant)
        scenes = {
            p.code: Scene(seance, points[p.code], salle, frozenset(), quorum, maintenant, acteur)
            for p in forme.ensemble
        }
        voix = a_compter(next(iter(scenes.values())), bulletins, partiel=partiel)
        vote = _juger(next(iter(scenes.values())), voix)
        issues = issues_du_bloc(forme, quorum, vote)
        _enregistrer(session, [s for c, s in scenes.items() if issues[c] is not None], voix)
        for numero, issue in issues.items():
            if issue is None:
                ouverts.append(int(numero))
            else:
                scene = scenes[numero]
                _ecrire(session, scene, issue, scene.lu.fait().proposition, voix, vote)
                proclames.append(int(numero))
    if not proclames and not ouverts:
        raise ActeImpossible("Aucun point de ce bloc ne peut se voter ensemble.", code="bloc_vide")
    return VoteEnBloc(tuple(proclames), tuple(ouverts), disjoints)


def _a_voter(session: Session, seance: Seance, bloc: str) -> list[PointLu]:
    points = repository.list_points(session, seance.id)
    return [p for p in points if p.point.bloc == bloc and p.resultat is None and not p.est_retiree]


_ACTES = {
    TypeIssue.REFUSE: "rendre_avis",
    TypeIssue.AJOURNE: "ajourner",
    TypeIssue.RESERVE: "mettre_en_reserve",
}


def _acte(issue: Issue, nature: NatureActe) -> str:
    """L'acte sur la demande. Ne pas retenir ne « valide » rien : c'est un avis, la décision reste à l'autorité."""
    if issue.type in _ACTES:
        return _ACTES[issue.type]
    return "valider" if nature is NatureActe.VALIDE else "rendre_avis"


def _ecrire(
    session: Session, scene: Scene, issue: Issue, proposition: Issue, voix: Sequence[Voix], vote: Resultat | None
) -> ResultatPoint:
    lu, finance = scene.lu, issue.type in {TypeIssue.RETENU, TypeIssue.AMENDE}
    proclame = ResultatPoint(
        contrat_id=scene.seance.contrat_id, point_id=lu.point.id, issue=issue.type.value,
        montant=(issue.montant or Euros(0)) if finance else Euros(0), rang_reserve=issue.rang,
        decompte=_decompte(scene, proposition, voix, vote), motif=issue.motif, acteur=scene.acteur.acteur,
        a=scene.maintenant,
    )  # fmt: skip
    session.add(proclame)
    passer_demande(
        session, lu.dossier, lu.demande, _acte(issue, lu.nature), ligne=lu.ligne.code, acteur=scene.acteur,
        maintenant=scene.maintenant, motif=issue.motif,
    )  # fmt: skip
    session.flush()
    consigner(
        session, contrat_id=scene.seance.contrat_id, acte="point.proclame",
        objet=f"{scene.seance.code}/{lu.point.rang}", acteur=scene.acteur.acteur, maintenant=scene.maintenant,
        apres={"issue": issue.type.value, "montant_centimes": proclame.montant.centimes, "motif": issue.motif},
    )  # fmt: skip
    return proclame


def _decompte(scene: Scene, proposition: Issue, voix: Sequence[Voix], vote: Resultat | None) -> dict[str, Any]:
    """Tout ce que le procès-verbal doit pouvoir redire sans relire les tables de présence, qui changent en séance."""
    salle = scene.salle
    return {
        "quorum": scene.quorum.motif,
        "quorum_atteint": scene.quorum.atteint,
        "presents": sorted(map(int, salle.presents)),
        "preside": salle.qualite(salle.president(scene.deportes)),
        "deports": sorted(map(int, scene.deportes)),
        "pouvoirs": [[int(v.membre), int(v.mandataire)] for v in voix if v.mandataire is not None],
        "voix": {v.membre: v.sens.value for v in voix},
        "sans_part": sans_part(scene, voix) if voix else [],
        "pour": vote.pour if vote else 0,
        "contre": vote.contre if vote else 0,
        "abstentions": vote.abstentions if vote else 0,
        "phrase": vote.motif if vote else "",
        "soumis": {
            "type": proposition.type.value,
            "montant_centimes": scene.lu.point.montant_soumis.centimes,
        },
    }
