"""API de la commission : séances, présences, déports, votes, résultats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends

from app.etapes.appel.repository import get_appel_par_code
from app.etapes.commission import repository
from app.etapes.commission.models import ResultatPoint, Seance
from app.etapes.commission.repository import PointLu
from app.etapes.commission.schemas import (
    AjournementEntrant,
    AmendementEntrant,
    BlocEntrant,
    DateEntrante,
    DeportEntrant,
    OuvertureEntrante,
    PresencesEntrantes,
    ProclamationEntrante,
    ReserveEntrante,
    SeanceEntrante,
    VotesEntrants,
)
from app.etapes.commission.service import preparation, presences, votes
from app.etapes.commission.service.gardes import point_lu
from app.etapes.commission.service.presences import PresenceDite
from app.etapes.dossier.repository import get_dossier
from app.etapes.dossier.rules.etats import TRANSITIONS_DEMANDE, TransitionDemande
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_COMMISSION, Role

routeur = APIRouter(prefix="/api/v1", tags=["commission"])
LIT = Depends(exiger(*repository.LISENT))
TIENT = Depends(exiger(Role.CHARGE_MISSION))
SE_DEPORTE = Depends(exiger(*ROLES_COMMISSION, Role.CHARGE_MISSION))
Objet = dict[str, Any]


def _iso(instant: Any) -> str | None:
    return instant.isoformat() if instant is not None else None


def _montrer(seance: Seance) -> Objet:
    return {
        "code": seance.code,
        "etat": seance.etat.value,
        "prevue_le": _iso(seance.prevue_le),
        "lieu": seance.lieu,
        "convoquee_le": _iso(seance.convoquee_le),
        "ouverte_le": _iso(seance.ouverte_le),
        "close_le": _iso(seance.close_le),
        "regles": seance.regles,
    }


def _montrer_resultat(resultat: ResultatPoint) -> Objet:
    return {
        "issue": resultat.issue,
        "montant_centimes": resultat.montant.centimes,
        "rang_reserve": resultat.rang_reserve,
        "motif": resultat.motif,
        "decompte": resultat.decompte,
    }


def _montrer_point(lu: PointLu) -> Objet:
    return {
        "rang": lu.point.rang,
        "bloc": lu.point.bloc,
        "dossier": lu.dossier.numero,
        "titre": lu.dossier.titre,
        "ligne": lu.ligne.code,
        "nature": lu.nature.value,
        "demande_centimes": lu.demande.montant_demande.centimes,
        "soumis_centimes": lu.point.montant_soumis.centimes,
        "resultat": _montrer_resultat(lu.resultat) if lu.resultat is not None else None,
    }


def _caches(session: SessionDep, seance: Seance, acteur: Identite) -> frozenset[str]:
    """Les rangs des points dont la personne s'est déportée : ils ne lui sont pas montrés."""
    siens = {str(s.rang) for s in repository.sieges_de(repository.list_membres(session, seance), acteur)}
    deports = repository.deports_de(session, seance.id)
    return frozenset(d.point for d in deports if d.membre in siens)


@routeur.get("/appels/{code}/seances", name="api:seances", dependencies=[LIT])
def list_seances(session: SessionDep, acteur: Acteur, code: str) -> Objet:
    """Les séances d'un appel, de la plus récente à la plus ancienne."""
    appel = get_appel_par_code(session, code)
    if appel is None or appel.contrat_id not in acteur.contrats(repository.LISENT):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return {"elements": [_montrer(s) for s in repository.list_seances(session, acteur, appel.id)], "suivant": None}


@routeur.post("/appels/{code}/seances", name="api:creer_seance", status_code=201, dependencies=[TIENT])
def creer(session: SessionDep, acteur: Acteur, code: str, entree: SeanceEntrante, maintenant: Maintenant) -> Objet:
    """Crée une séance et son ordre du jour."""
    seance = preparation.creer(
        session, appel_code=code, prevue_le=entree.prevue_le, lieu=entree.lieu, decoupage=entree.decoupage,
        acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return _detail(session, seance, acteur)


def _detail(session: SessionDep, seance: Seance, acteur: Identite) -> Objet:
    salle = repository.lire_salle(session, seance)
    caches = _caches(session, seance, acteur)
    portes = {p.mandant: int(p.mandataire) for p in salle.procurations}
    points = [p for p in repository.list_points(session, seance.id) if str(p.point.rang) not in caches]
    return _montrer(seance) | {
        "membres": [
            {
                "siege": int(m.code),
                "qualite": m.libelle,
                "a_voix": m.a_voix,
                "preside": m.preside,
                "present": m.code in salle.presents,
                "pouvoir_a": portes.get(m.code),
            }
            for m in salle.membres
        ],
        "points": [_montrer_point(p) for p in points],
    }


@routeur.get("/seances/{code}", name="api:seance", dependencies=[LIT])
def get_seance(session: SessionDep, acteur: Acteur, code: str) -> Objet:
    """Une séance, ses membres, ses points ; ceux dont on s'est déporté n'y sont pas."""
    return _detail(session, repository.get_seance(session, code, acteur), acteur)


def _route_simple(acte: Callable[..., Seance], nom: str) -> None:
    def agir(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Objet:
        return _detail(session, acte(session, code, acteur=acteur, maintenant=maintenant), acteur)

    agir.__name__, agir.__doc__ = f"{nom}_seance", acte.__doc__
    routeur.post(f"/seances/{{code}}/{nom}", name=f"api:seance:{nom}", dependencies=[TIENT])(agir)


_route_simple(preparation.actualiser, "actualiser")
_route_simple(preparation.convoquer, "convoquer")
_route_simple(preparation.clore, "clore")


@routeur.post("/seances/{code}/deplacer", name="api:seance:deplacer", dependencies=[TIENT])
def deplacer(session: SessionDep, acteur: Acteur, code: str, entree: DateEntrante, maintenant: Maintenant) -> Objet:
    """Change la date ou le lieu d'une séance en préparation ; elle est alors à convoquer de nouveau."""
    seance = preparation.deplacer(
        session, code, prevue_le=entree.prevue_le, lieu=entree.lieu, acteur=acteur, maintenant=maintenant
    )
    return _detail(session, seance, acteur)


@routeur.post("/seances/{code}/ouvrir", name="api:seance:ouvrir", dependencies=[TIENT])
def ouvrir(
    session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant, entree: OuvertureEntrante | None = None
) -> Objet:
    """Ouvre la séance sous le règlement choisi ; celui de la commission se règle."""
    choix = entree or OuvertureEntrante()
    seance = preparation.ouvrir(
        session, code, acteur=acteur, maintenant=maintenant, jeu=choix.regles, reglages=choix.reglages()
    )
    return _detail(session, seance, acteur)


@routeur.put("/seances/{code}/presences", name="api:seance:presences", dependencies=[TIENT])
def noter(session: SessionDep, acteur: Acteur, code: str, entree: PresencesEntrantes, maintenant: Maintenant) -> Objet:
    """Note toute la salle : un siège non nommé est absent."""
    dites = {p.siege: PresenceDite(p.statut, p.mandataire) for p in entree.presences}
    return _detail(session, presences.noter(session, code, dites, acteur=acteur, maintenant=maintenant), acteur)


@routeur.post("/seances/{code}/blocs/voter", name="api:seance:voter_bloc", dependencies=[TIENT])
def voter_bloc(session: SessionDep, acteur: Acteur, code: str, entree: BlocEntrant, maintenant: Maintenant) -> Objet:
    """Vote et proclame un bloc ; rend les points proclamés, restés ouverts, et ceux à voter un par un."""
    fait = votes.voter_bloc(
        session, code, entree.bloc, bulletins=entree.bulletins(), sauf=entree.sauf, partiel=entree.partiel,
        acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return {
        "proclames": list(fait.proclames),
        "ouverts": list(fait.ouverts),
        "disjoints": [{"rang": rang, "motif": motif} for rang, motif in fait.disjoints],
    }


@routeur.get("/seances/{code}/points/{rang}/votes", name="api:point:votes", dependencies=[LIT])
def get_votes(session: SessionDep, acteur: Acteur, code: str, rang: int) -> Objet:
    """Les voix enregistrées d'un point et son résultat."""
    seance = repository.get_seance(session, code, acteur)
    lu = point_lu(session, seance, rang)
    if str(rang) in _caches(session, seance, acteur):
        raise ActeInterdit("Vous vous êtes déporté de ce dossier.", code="deporte")
    voix = {v.membre: v.sens.value for v in repository.votes_de(session, lu.point.id)}
    return _montrer_point(lu) | {"voix": voix}


@routeur.post("/seances/{code}/points/{rang}/votes", name="api:point:voter", dependencies=[TIENT])
def voter(
    session: SessionDep, acteur: Acteur, code: str, rang: int, entree: VotesEntrants, maintenant: Maintenant
) -> Objet:
    """Enregistre les voix d'un point ; le proclame aussitôt, sauf `proclamer: false`."""
    commun: Objet = {"acteur": acteur, "maintenant": maintenant}
    if entree.proclamer:
        bulletins = entree.bulletins()
        resultat = votes.proclamer(session, code, rang, bulletins=bulletins, partiel=entree.partiel, **commun)
        return _montrer_resultat(resultat)
    compte = votes.voter(session, code, rang, entree.bulletins(), **commun)
    return {
        "sort": compte.sort.value, "pour": compte.pour, "contre": compte.contre, "abstentions": compte.abstentions,
        "motif": compte.motif,
    }  # fmt: skip


@routeur.post("/seances/{code}/points/{rang}/proclamer", name="api:point:proclamer", dependencies=[TIENT])
def proclamer(
    session: SessionDep,
    acteur: Acteur,
    code: str,
    rang: int,
    maintenant: Maintenant,
    entree: ProclamationEntrante | None = None,
) -> Objet:
    """Proclame un point, avec les voix données ou celles déjà enregistrées. Sans quorum : ajourné."""
    bulletins = entree.bulletins_ou_rien() if entree is not None else None
    resultat = votes.proclamer(
        session, code, rang, bulletins=bulletins, partiel=entree is not None and entree.partiel, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip
    return _montrer_resultat(resultat)


@routeur.post("/seances/{code}/points/{rang}/amender", name="api:point:amender", dependencies=[TIENT])
def amender(
    session: SessionDep, acteur: Acteur, code: str, rang: int, entree: AmendementEntrant, maintenant: Maintenant
) -> Objet:
    """Met aux voix un autre montant ; rejeté, le point reste ouvert (`resultat` nul)."""
    resultat = votes.amender(
        session, code, rang, montant=Euros(entree.montant_centimes), motif=entree.motif, bulletins=entree.bulletins(),
        partiel=entree.partiel, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return {"adopte": resultat is not None, "resultat": _montrer_resultat(resultat) if resultat is not None else None}


@routeur.post("/seances/{code}/points/{rang}/ajourner", name="api:point:ajourner", dependencies=[TIENT])
def ajourner(
    session: SessionDep, acteur: Acteur, code: str, rang: int, entree: AjournementEntrant, maintenant: Maintenant
) -> Objet:
    """Met aux voix l'ajournement d'un point."""
    resultat = votes.ajourner(
        session, code, rang, motif=entree.motif, bulletins=entree.bulletins(), partiel=entree.partiel, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip
    return _montrer_resultat(resultat)


@routeur.post("/seances/{code}/points/{rang}/mettre-en-reserve", name="api:point:reserver", dependencies=[TIENT])
def mettre_en_reserve(
    session: SessionDep, acteur: Acteur, code: str, rang: int, entree: ReserveEntrante, maintenant: Maintenant
) -> Objet:
    """Met aux voix l'inscription sur la liste de réserve."""
    resultat = votes.mettre_en_reserve(
        session, code, rang, rang_reserve=entree.rang_reserve, motif=entree.motif, bulletins=entree.bulletins(),
        partiel=entree.partiel, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return _montrer_resultat(resultat)


@routeur.post(
    "/seances/{code}/points/{rang}/deports", name="api:point:deporter", status_code=201, dependencies=[SE_DEPORTE]
)
def deporter(
    session: SessionDep, acteur: Acteur, code: str, rang: int, entree: DeportEntrant, maintenant: Maintenant
) -> Objet:
    """Enregistre un déport ; rend les rangs de tous les points du dossier."""
    rangs = presences.deporter(
        session, code, rang, motif=entree.motif, siege=entree.siege, acteur=acteur, maintenant=maintenant
    )
    return {"points": list(rangs)}


def _route_de_vote(t: TransitionDemande) -> None:
    def expliquer(session: SessionDep, acteur: Acteur, numero: str, code: str) -> None:
        get_dossier(session, numero, acteur)
        raise ActeImpossible(
            f"« {t.libelle} » ne se fait qu’en séance : POST /api/v1/seances/{{code}}/points/{{rang}}/votes, qui "
            f"proclame le point de ce dossier sur la ligne {code}.",
            code="vote_en_seance",
        )

    expliquer.__name__ = f"{t.acte}_demande"
    expliquer.__doc__ = f"{t.libelle} : toujours 409, le vote passe par le point de la séance."
    routeur.post(
        f"/dossiers/{{numero}}/lignes/{{code}}/{t.acte}", name=f"api:demande:{t.acte}", dependencies=[LIT]
    )(expliquer)  # fmt: skip


for _t in TRANSITIONS_DEMANDE:
    if _t.etape == "commission":
        _route_de_vote(_t)
