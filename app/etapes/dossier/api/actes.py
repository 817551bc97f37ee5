"""Routes : un acte par transition, engendrées des tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository
from app.etapes.dossier.api.representation import (
    ECRITURES,
    SANS_NUL,
    VERSIONNEES,
    montrer,
    montrer_demande,
    public_de,
)
from app.etapes.dossier.models import Demande
from app.etapes.dossier.rules.etats import (
    TRANSITIONS,
    TRANSITIONS_DEMANDE,
    Transition,
    TransitionDemande,
)
from app.etapes.dossier.schemas import (
    CorpsComplement,
    CorpsExamen,
    CorpsLigne,
    CorpsMotif,
    CorpsReponse,
    CorpsSignature,
    CorpsSimple,
    CorpsVersion,
    DemandeLue,
    DossierLu,
)
from app.etapes.dossier.service import brouillon, depot, recevabilite, vie
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.identite import Identite
from app.infra.web import SessionDep

routeur = APIRouter(prefix="/api/v1", tags=["dossiers"])
Agir = Callable[[SessionDep, str, Any, Identite, datetime, str | None], object]


def _demander_complement(
    session: SessionDep, numero: str, corps: CorpsComplement, acteur: Identite, maintenant: datetime, _: str | None
) -> object:
    return recevabilite.demander_complement(
        session, numero, objet=corps.objet, pourquoi=corps.pourquoi, echeance_le=corps.echeance_le, ligne=corps.ligne,
        sections=corps.sections, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip


ACTES: dict[str, tuple[type, Agir]] = {
    "envoyer_en_signature": (
        CorpsSimple,
        lambda s, n, _c, a, m, _k: brouillon.envoyer_en_signature(s, n, acteur=a, maintenant=m),
    ),
    "reprendre": (CorpsSimple, lambda s, n, _c, a, m, _k: brouillon.reprendre(s, n, acteur=a, maintenant=m)),
    "signer": (
        CorpsSignature,
        lambda s, n, c, a, m, _k: depot.signer(s, n, version_lue=c.version, qualite=c.qualite, acteur=a, maintenant=m),
    ),
    "deposer": (
        CorpsVersion,
        lambda s, n, c, a, m, k: depot.deposer(s, n, version_lue=c.version, acteur=a, maintenant=m, cle=k),
    ),
    "demander_complement": (CorpsComplement, _demander_complement),
    "completer": (
        CorpsReponse,
        lambda s, n, c, a, m, _k: depot.completer(s, n, reponse=c.reponse, acteur=a, maintenant=m),
    ),
    "retirer": (CorpsMotif, lambda s, n, c, a, m, _k: vie.retirer(s, n, motif=c.motif, acteur=a, maintenant=m)),
    "abandonner": (CorpsMotif, lambda s, n, c, a, m, _k: vie.retirer(s, n, motif=c.motif, acteur=a, maintenant=m)),
    "clore": (CorpsSimple, lambda s, n, _c, a, m, _k: vie.clore(s, n, acteur=a, maintenant=m)),
}


def _ajouter_acte(t: Transition) -> None:
    schema, agir = ACTES[t.acte]

    def accomplir(
        session: SessionDep,
        acteur: Acteur,
        maintenant: Maintenant,
        numero: str,
        corps: Any,
        reponse: Response,
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=SANS_NUL)] = None,
    ) -> DossierLu:
        agir(session, numero, corps, acteur, maintenant, idempotency_key)
        return montrer(session, acteur, repository.get_dossier(session, numero, acteur), reponse, maintenant)

    accomplir.__annotations__["corps"] = schema
    routeur.add_api_route(
        f"/dossiers/{{numero}}/{t.acte}", accomplir, methods=["POST"], name=f"api:dossier:{t.acte}",
        summary=t.libelle, operation_id=f"dossier_{t.acte}", responses=VERSIONNEES,
        dependencies=[Depends(exiger(*t.roles))],
    )  # fmt: skip


_CONCLUSIONS = {acte: conclusion for conclusion, acte in recevabilite.CONCLUSIONS.items()}


def _annee(session: SessionDep, numero: str, corps: CorpsLigne, acteur: Identite) -> int:
    dossier = repository.get_dossier(session, numero, acteur)
    return corps.annee if corps.annee is not None else appels.get_appel(session, dossier.appel_id).annee


def _ajouter_acte_ligne(t: TransitionDemande) -> None:
    def examiner(
        session: SessionDep, acteur: Acteur, maintenant: Maintenant, numero: str, code: str, corps: CorpsExamen
    ) -> DemandeLue:
        demande = recevabilite.examiner(
            session, numero, ligne=code, annee=_annee(session, numero, corps, acteur),
            conclusion=_CONCLUSIONS[t.acte], points=corps.points, motif=corps.motif, acteur=acteur,
            maintenant=maintenant, oriente_vers=corps.oriente_vers,
        )  # fmt: skip
        return _montrer_demande(session, acteur, numero, demande)

    def accomplir(
        session: SessionDep, acteur: Acteur, maintenant: Maintenant, numero: str, code: str, corps: CorpsLigne
    ) -> DemandeLue:
        demande = recevabilite.REPRISES[t.acte](
            session, numero, ligne=code, annee=_annee(session, numero, corps, acteur), motif=corps.motif,
            acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
        return _montrer_demande(session, acteur, numero, demande)

    routeur.add_api_route(
        f"/dossiers/{{numero}}/lignes/{{code}}/{t.acte}", examiner if t.acte in _CONCLUSIONS else accomplir,
        methods=["POST"], name=f"api:demande:{t.acte}", summary=t.libelle, operation_id=f"demande_{t.acte}",
        responses=ECRITURES, dependencies=[Depends(exiger(*t.roles))],
    )  # fmt: skip


def _montrer_demande(session: SessionDep, acteur: Identite, numero: str, demande: Demande) -> DemandeLue:
    session.flush()
    dossier = repository.get_dossier(session, numero, acteur)
    return next(
        montrer_demande(d, ligne, public_de(acteur, dossier))
        for d, ligne in repository.list_demandes(session, [dossier.id])
        if d.id == demande.id
    )


for _t in TRANSITIONS:
    if _t.etape == "dossier":
        _ajouter_acte(_t)
for _d in TRANSITIONS_DEMANDE:
    if _d.etape == "dossier":
        _ajouter_acte_ligne(_d)
