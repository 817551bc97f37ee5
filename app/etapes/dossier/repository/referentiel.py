"""Ce qu'un dossier peut citer (objectifs, fiches, quartiers, lignes…) et son cadre : deux requêtes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, String, cast, exists, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.contrat.models import Objectif, ObjectifOperationnel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.depot import LigneOuverte
from app.etapes.dossier.rules.lecture import Domaines
from app.infra.identite import Identite
from app.referentiels.acteurs.models import EngagementRepublicain, FicheOrganisation, Organisation
from app.referentiels.acteurs.rules.fiche import engagement_repute
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite
from app.referentiels.territoires.models import Commune, Fiche, PrioriteFiche, Quartier

REFERENTIELS_GARDES = 32


@dataclass(frozen=True, slots=True)
class Cadre:
    """Ce qui entoure un dossier : son appel, sa phase, son organisation, son contrat ; l'empreinte de sa version.

    `cer_connu` : la fiche de l'organisation atteste déjà l'engagement républicain, ou il est réputé souscrit.
    """

    appel: Appel
    phase: Phase
    organisation: Organisation
    contrat: Contrat
    empreinte: str = ""
    cer_connu: bool = False

    def depot_clos(self, maintenant: datetime) -> bool:
        """Vrai si rien ne se dépose en ce moment : hors de la phase, ou l'appel n'est pas (ou plus) ouvert."""
        ouverte = self.phase.ouverture_le <= maintenant < self.phase.cloture_le
        return self.appel.etat is not EtatAppel.OUVERT or not ouverte

    def phase_finie(self, maintenant: datetime) -> bool:
        """Vrai si l'appel est ouvert et la phase finie : un dossier commencé se dépose à la phase suivante."""
        return self.appel.etat is EtatAppel.OUVERT and maintenant >= self.phase.cloture_le

    def reprend_le(self, maintenant: datetime) -> datetime | None:
        """Quand le dépôt reprendra, si une phase de cet appel s'ouvre plus tard."""
        a_venir = self.appel.etat is EtatAppel.OUVERT and maintenant < self.phase.ouverture_le
        return self.phase.ouverture_le if a_venir else None


@dataclass(frozen=True, slots=True)
class Entree:
    """Un code citable. `parent` : l'objectif, la fiche ou la commune dont il relève ; `precision` : nature, commune."""

    code: str
    intitule: str
    parent: str
    precision: str


@dataclass(frozen=True, slots=True)
class Referentiel:
    """Les codes d'une version du contrat, par domaine, dans l'ordre du document."""

    entrees: Mapping[str, Sequence[Entree]]

    def liste(self, domaine: str) -> Sequence[Entree]:
        """Les entrées d'un domaine."""
        return self.entrees.get(domaine, ())

    def intitule(self, domaine: str, code: str) -> str:
        """L'intitulé d'un code, ou le code s'il n'est plus connu."""
        return next((e.intitule for e in self.liste(domaine) if e.code == code), code)

    @property
    def domaines(self) -> Domaines:
        """Les codes admis à la saisie."""
        return Domaines({nom: frozenset(e.code for e in entrees) for nom, entrees in self.entrees.items()})

    @property
    def lignes_d_etat(self) -> frozenset[str]:
        """Les lignes de l'État : elles demandent le thème P147 et le numéro Dauphin."""
        return frozenset(e.code for e in self.liste("lignes") if e.precision == NatureAutorite.ETAT)

    @property
    def lignes(self) -> tuple[LigneOuverte, ...]:
        """Les lignes du contrat ; `commune_insee` d'une ligne communale."""
        return tuple(LigneOuverte(e.code, e.intitule, e.parent or None) for e in self.liste("lignes"))

    def communes_des_fiches(self, codes: Sequence[str]) -> frozenset[str]:
        """Les communes (INSEE) des fiches citées."""
        return frozenset(e.parent for e in self.liste("fiches") if e.code in codes)


def get_cadre(session: Session, dossier: Dossier) -> Cadre:
    """Le cadre d'un dossier. Une requête."""
    requete = (
        select(Appel, Phase, Organisation, Contrat, VersionContrat.empreinte, *_ENGAGEMENT)
        .select_from(Dossier)
        .join(Appel, Appel.id == Dossier.appel_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(Contrat, Contrat.id == Dossier.contrat_id)
        .join(VersionContrat, VersionContrat.id == Dossier.version_id)
        .outerjoin(FicheOrganisation, FicheOrganisation.organisation_id == Organisation.id)
        .where(Dossier.id == dossier.id)
    )
    appel, phase, organisation, contrat, empreinte, *engagement = session.execute(requete).one()
    return Cadre(appel, phase, organisation, contrat, empreinte, _cer_connu(engagement))


_ENGAGEMENT = (
    FicheOrganisation.est_reconnue_utilite,
    FicheOrganisation.agrements,
    exists().where(EngagementRepublicain.organisation_id == Organisation.id).label("est_atteste"),
)


def _cer_connu(engagement: Sequence[Any]) -> bool:
    reconnue, agrements, est_atteste = engagement
    return bool(est_atteste) or engagement_repute(est_reconnue_utilite=reconnue, agrements=len(agrements or ()))


def est_cer_connu(session: Session, organisation: Organisation) -> bool:
    """Ce que `Cadre.cer_connu` dit, pour une organisation. Une requête."""
    requete = (
        select(*_ENGAGEMENT)
        .select_from(Organisation)
        .outerjoin(FicheOrganisation, FicheOrganisation.organisation_id == Organisation.id)
        .where(Organisation.id == organisation.id)
    )
    return _cer_connu(session.execute(requete).one())


def a_la_phase_du_jour(session: Session, cadre: Cadre, maintenant: datetime) -> Cadre:
    """Le cadre d'un dossier pas encore déposé : sa phase finie, il se dépose à la suivante. Une requête au plus."""
    if not cadre.phase_finie(maintenant):
        return cadre
    suivante = phases_suivantes(session, [cadre.appel.id], maintenant).get(cadre.appel.id)
    return cadre if suivante is None else replace(cadre, phase=suivante)


def phases_suivantes(session: Session, appel_ids: Collection[int], maintenant: datetime) -> Mapping[int, Phase]:
    """Appel → sa première phase qui n'est pas finie. Une requête, aucune sans appel."""
    if not appel_ids:
        return {}
    requete = (
        select(Phase)
        .where(Phase.appel_id.in_(appel_ids), Phase.cloture_le > maintenant)
        .order_by(Phase.ouverture_le.desc(), Phase.id.desc())
    )
    return {phase.appel_id: phase for phase in session.scalars(requete)}


def list_avec_cadre(session: Session, acteur: Identite, limite: int = 200) -> Sequence[tuple[Dossier, Cadre]]:
    """Les dossiers des organisations de l'acteur et leur cadre, du plus récent au plus ancien. Une requête."""
    requete = (
        select(Dossier, Appel, Phase, Organisation, Contrat, *_ENGAGEMENT)
        .join(Appel, Appel.id == Dossier.appel_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(Contrat, Contrat.id == Dossier.contrat_id)
        .outerjoin(FicheOrganisation, FicheOrganisation.organisation_id == Organisation.id)
        .where(Dossier.organisation_id.in_(acteur.organisations()), visibles(acteur))
        .order_by(Appel.annee.desc(), Dossier.cree_at.desc(), Dossier.id.desc())
        .limit(limite)
    )
    return [
        (d, Cadre(a, p, o, c, cer_connu=_cer_connu(engagement)))
        for d, a, p, o, c, *engagement in session.execute(requete)
    ]


def list_phases_ouvertes(session: Session, maintenant: datetime) -> Sequence[tuple[Appel, Phase, Contrat]]:
    """Les phases où l'on peut déposer à cet instant, par appel. Une requête."""
    requete = (
        select(Appel, Phase, Contrat)
        .join(Phase, Phase.appel_id == Appel.id)
        .join(Contrat, Contrat.id == Appel.contrat_id)
        .where(Appel.etat == EtatAppel.OUVERT, Phase.ouverture_le <= maintenant, Phase.cloture_le > maintenant)
        .order_by(Appel.annee.desc(), Appel.id, Phase.rang)
    )
    return [(a, p, c) for a, p, c in session.execute(requete)]


_GARDES: WeakKeyDictionary[Engine, dict[tuple[int, int, str], Referentiel]] = WeakKeyDictionary()


def get_referentiel_garde(session: Session, contrat_id: int, version_id: int, empreinte: str) -> Referentiel:
    """Le même, gardé tant que l'empreinte de la version ne change pas. Une requête la première fois."""
    gardes = _GARDES.setdefault(session.get_bind().engine, {})
    cle = (contrat_id, version_id, empreinte)
    if cle not in gardes:
        if len(gardes) >= REFERENTIELS_GARDES:
            gardes.clear()
        gardes[cle] = get_referentiel(session, contrat_id, version_id)
    return gardes[cle]


def get_referentiel(session: Session, contrat_id: int, version_id: int) -> Referentiel:
    """Tout ce qu'un dossier de cette version peut citer. Une requête."""
    vide, zero = literal("", String), literal(0)
    op, action = ObjectifOperationnel, func.jsonb_array_elements(
        func.coalesce(ObjectifOperationnel.contenu["sous_actions"], literal([], JSONB))
    ).table_valued("value", with_ordinality="rang").render_derived(name="action")  # fmt: skip
    sous_action = cast(action.c.value, JSONB)
    requetes = (
        select(literal("objectifs"), Objectif.code, Objectif.intitule, vide, vide, Objectif.rang, zero, zero).where(
            Objectif.version_id == version_id
        ),
        select(literal("operationnels"), op.code, op.intitule, Objectif.code, vide, Objectif.rang, op.rang, zero)
        .join(Objectif, Objectif.id == op.objectif_id)
        .where(op.version_id == version_id),
        select(
            literal("operationnels"), sous_action["code"].astext, sous_action["intitule"].astext, Objectif.code,
            op.code, Objectif.rang, op.rang, action.c.rang,
        )
        .select_from(op)
        .join(Objectif, Objectif.id == op.objectif_id)
        .join(action, literal(True))
        .where(op.version_id == version_id),
        select(literal("fiches"), Fiche.code, Fiche.nom, Commune.insee, Commune.nom, Fiche.rang, zero, zero)
        .join(Commune, Commune.id == Fiche.commune_id)
        .where(Fiche.version_id == version_id),
        select(
            literal("priorites"), Fiche.code + ":" + cast(PrioriteFiche.rang, String), PrioriteFiche.intitule,
            Fiche.code, vide, Fiche.rang, PrioriteFiche.rang, zero,
        )
        .join(Fiche, Fiche.id == PrioriteFiche.fiche_id)
        .where(Fiche.version_id == version_id),
        select(literal("quartiers"), Quartier.code, Quartier.nom, vide, vide, Quartier.rang, zero, zero)
        .where(Quartier.id.in_(select(Fiche.quartier_id).where(Fiche.version_id == version_id))),
        select(literal("communes"), Commune.insee, Commune.nom, vide, vide, zero, zero, zero)
        .where(Commune.id.in_(select(Fiche.commune_id).where(Fiche.version_id == version_id))),
        select(
            literal("lignes"), LigneFinancement.code, LigneFinancement.financeur + " — " + LigneFinancement.intitule,
            func.coalesce(Commune.insee, vide), cast(LigneFinancement.nature_autorite, String),
            LigneFinancement.rang, zero, zero,
        )
        .outerjoin(Commune, Commune.id == LigneFinancement.commune_id)
        .where(LigneFinancement.contrat_id == contrat_id),
    )  # fmt: skip
    entrees: dict[str, list[Entree]] = {}
    lues = session.execute(union_all(*requetes)).all()
    for domaine, code, intitule, parent, precision, *_ in sorted(lues, key=lambda r: (*r[5:8], r[2], r[1])):
        entrees.setdefault(domaine, []).append(Entree(code, intitule, parent, precision))
    return Referentiel(entrees)
