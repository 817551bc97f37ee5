"""Les points de l'ordre du jour : nature de l'acte, vote en bloc, issue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.etapes.commission.rules.membres import Deport
from app.etapes.commission.rules.scrutin import Quorum, Resultat
from app.noyau.euros import Euros


class NatureActe(StrEnum):
    """Ce que vaut le vote de la commission sur une ligne.

    Source : contrat de ville m2A 2024-2030, l. 1691-1694 ; reference/domaine.md, J29.
    """

    VALIDE = "valide"
    AVIS = "avis"

    @property
    def phrase(self) -> str:
        """La tournure du procès-verbal."""
        return _PHRASES[self]


_PHRASES = {NatureActe.VALIDE: "La commission valide", NatureActe.AVIS: "La commission donne un avis"}


def nature_de_l_acte(ligne: str, lignes_validees: Collection[str]) -> NatureActe:
    """Valide pour les lignes de l'instance (m2A), avis pour les autres. `lignes_validees` vient des données du contrat.

    Source : contrat de ville m2A 2024-2030, l. 1691 ; reference/domaine.md, J29.
    """
    return NatureActe.VALIDE if ligne in lignes_validees else NatureActe.AVIS


class TypeIssue(StrEnum):
    """Ce que la commission fait d'une demande.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier ».
    """

    RETENU = "retenu"
    AMENDE = "amende"
    REFUSE = "refuse"
    AJOURNE = "ajourne"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Issue:
    """L'issue proposée ou décidée. Montant : retenu et amendé (obligatoire), réserve (facultatif) ; rang : réserve.

    Lève ValueError si ce qui doit y être manque, ou si ce qui ne doit pas y être s'y trouve.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier » et point 13 (liste de réserve).
    """

    type: TypeIssue
    montant: Euros | None = None
    rang: int | None = None
    motif: str = ""

    def __post_init__(self) -> None:
        finance = self.type in {TypeIssue.RETENU, TypeIssue.AMENDE}
        en_reserve = self.type is TypeIssue.RESERVE
        if finance and self.montant is None:
            raise ValueError("Une issue qui finance porte son montant.")
        if not finance and not en_reserve and self.montant is not None:
            raise ValueError("Un refus ou un ajournement ne porte pas de montant.")
        if self.montant is not None and self.montant.centimes <= 0:
            raise ValueError("Un montant retenu est positif.")
        if en_reserve != (self.rang is not None):
            raise ValueError("Une réserve porte son rang, et elle seule.")
        if self.rang is not None and self.rang < 1:
            raise ValueError("Le premier rang de réserve est 1.")


@dataclass(frozen=True, slots=True)
class Point:
    """Une demande (dossier × ligne) à l'ordre du jour, avec ce qui est proposé.

    Choix du projet : conception/architecture.md, décision 5.
    """

    code: str
    dossier: str
    ligne: str
    proposition: Issue


@dataclass(frozen=True, slots=True)
class Disjonction:
    """Un point sorti d'un bloc, et pourquoi.

    Source : CGCT, art. L.2131-11 (le membre intéressé ne prend part ni au débat ni au vote).
    """

    point: str
    motif: str


@dataclass(frozen=True, slots=True)
class Bloc:
    """Les points votés ensemble, et ceux qui seront votés un par un, dans l'ordre du jour.

    Choix du projet : vote par bloc d'une même nature d'acte ; issue 6, « Sitting ».
    """

    nature: NatureActe
    ensemble: tuple[Point, ...]
    disjoints: tuple[Disjonction, ...]


def former_les_blocs(
    points: Sequence[Point],
    lignes_validees: Collection[str],
    *,
    deports: Iterable[Deport] = (),
    demandes: Collection[str] = (),
    amendes: Collection[str] = (),
) -> tuple[Bloc, ...]:
    """Un bloc par nature d'acte, « valide » d'abord. En sortent : déports, amendements, demandes de vote séparé.

    `demandes` et `amendes` sont des codes de points.

    Source : CGCT, art. L.2131-11 ; reference/domaine.md, J21, J29.
    """
    retires = {d.point for d in deports}
    motifs = (
        (retires, "Un membre s’est déporté sur ce point."),
        (amendes, "Un amendement est déposé sur ce point."),
        (demandes, "Un membre demande un vote séparé."),
    )
    blocs = []
    for nature in NatureActe:
        du_bloc = [p for p in points if nature_de_l_acte(p.ligne, lignes_validees) is nature]
        sortis = {p.code: motif for p in du_bloc for codes, motif in reversed(motifs) if p.code in codes}
        ensemble = tuple(p for p in du_bloc if p.code not in sortis)
        disjoints = tuple(Disjonction(p.code, sortis[p.code]) for p in du_bloc if p.code in sortis)
        if du_bloc:
            blocs.append(Bloc(nature, ensemble, disjoints))
    return tuple(blocs)


def amender(proposition: Issue, amendements: Sequence[tuple[Euros, Resultat]]) -> Issue:
    """La proposition après le vote des amendements, mis aux voix avant elle : le premier adopté fait tomber les autres.

    Règle locale : règlement de la commission ; issue 6, « amendments voted before the item ».
    """
    for montant, vote in amendements:
        if vote.adopte:
            return replace(proposition, type=TypeIssue.AMENDE, montant=montant, rang=None, motif=vote.motif)
    return proposition


def issue_du_point(proposition: Issue, presence: Quorum, vote: Resultat | None) -> Issue | None:
    """L'issue d'un point. Sans quorum : ajourné. Adopté : la proposition. Financement ou réserve non adoptés : refusé.

    None quand rien n'est décidé : pas encore de vote, refus ou ajournement repoussé par le vote. Le point reste ouvert.

    Source : CGCT, art. L.2121-17 et L.2121-20 ; choix du projet pour le point resté ouvert.
    """
    if not presence.atteint:
        return Issue(TypeIssue.AJOURNE, motif=presence.motif)
    if vote is None:
        return None
    if vote.adopte:
        return replace(proposition, motif=proposition.motif or vote.motif)
    if proposition.type in {TypeIssue.REFUSE, TypeIssue.AJOURNE}:
        return None
    return Issue(TypeIssue.REFUSE, motif=vote.motif)


def issues_du_bloc(bloc: Bloc, presence: Quorum, vote: Resultat) -> Mapping[str, Issue | None]:
    """L'issue de chaque point voté ensemble ; les points disjoints n'y sont pas.

    Choix du projet : un vote en bloc vaut pour chaque point, comme s'il avait été seul.
    """
    return {point.code: issue_du_point(point.proposition, presence, vote) for point in bloc.ensemble}
