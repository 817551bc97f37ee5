"""Avant de rien remplir : peut-on demander, à qui, par quel chemin, et à qui en parler d'abord."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.etapes.dossier.rules.depot import LigneOuverte, hors_champ
from app.noyau.euros import ZERO, Euros
from app.referentiels.lignes.rules import NatureAutorite

COMMUNES_POUR_L_AGGLOMERATION = 2
_PILOTES = ("chef", "référent", "délégué")


class Statut(StrEnum):
    """Ce qu'est la structure qui voudrait demander."""

    ASSOCIATION = "association"
    NON_INSCRITE = "non_inscrite"
    FONDATION = "fondation"
    BAILLEUR = "bailleur"
    PUBLIC = "public"
    ESS = "ess"
    AUTRE = "autre"

    @property
    def libelle(self) -> str:
        """La réponse montrée."""
        return _LIBELLES[self][0]

    @property
    def empeche(self) -> str:
        """Pourquoi elle ne peut pas demander, et quoi faire ; vide si elle peut."""
        return _LIBELLES[self][1]


_LIBELLES = {
    Statut.ASSOCIATION: ("Une association inscrite (au registre du tribunal, ou déclarée en préfecture)", ""),
    Statut.NON_INSCRITE: (
        "Une association qui n’est pas encore inscrite, un groupe d’habitants",
        "Une subvention se verse à une structure inscrite. Inscrivez l’association au registre du tribunal (sept "
        "membres au moins), ou faites porter l’action par une association ou un centre social du quartier.",
    ),
    Statut.FONDATION: ("Une fondation", ""),
    Statut.BAILLEUR: ("Un bailleur social", ""),
    Statut.PUBLIC: ("Un établissement public, une école, une collectivité", ""),
    Statut.ESS: ("Une entreprise de l’économie sociale et solidaire", ""),
    Statut.AUTRE: (
        "Une personne, une autre entreprise",
        "Ces crédits vont à des structures à but non lucratif ou d’utilité sociale. Une association du quartier peut "
        "porter votre idée ; pour créer une activité, les services du développement économique vous aideront.",
    ),
}


@dataclass(frozen=True, slots=True)
class Piste:
    """Un financeur possible : ouvert ou non, et pourquoi."""

    code: str
    intitule: str
    ouverte: bool
    raison: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """La réponse aux trois questions. `empeche` : pourquoi on ne peut pas demander ici, vide sinon."""

    empeche: str
    pistes: tuple[Piste, ...] = ()
    est_court: bool = False

    @property
    def peut(self) -> bool:
        """Vrai si au moins un financeur est ouvert."""
        return not self.empeche


def juger(
    statut: Statut,
    communes_des_fiches: Collection[str],
    montant: Euros,
    lignes: Iterable[tuple[LigneOuverte, NatureAutorite]],
    seuil_court: Euros,
) -> Verdict:
    """Le verdict ; `communes_des_fiches` : communes (INSEE) des projets de quartier visés, aucune si l'on est ailleurs.

    Source : contrat, Partie 3 § 1 (crédits de m2A), l. 1741-1748 ; reference/domaine.md § 1.6 (association non
    inscrite), § 2.1 (m2A : plusieurs communes) et § 2.3 (BOP 147 : quartiers prioritaires).
    """
    if statut.empeche:
        return Verdict(statut.empeche)
    if not communes_des_fiches:
        return Verdict(
            "Ces crédits financent des actions pour les habitants des quartiers prioritaires. Pour une action "
            "ailleurs, voyez les aides habituelles de votre commune, de l’agglomération ou du Département."
        )
    pistes = tuple(_piste(ligne, nature, communes_des_fiches) for ligne, nature in lignes)
    return Verdict("", pistes, ZERO < montant <= seuil_court)


def _piste(ligne: LigneOuverte, nature: NatureAutorite, communes: Collection[str]) -> Piste:
    motif = hors_champ(ligne, communes)
    if motif is not None:
        return Piste(ligne.code, ligne.intitule, False, "Ne finance que les projets de quartier de sa commune.")
    if nature is NatureAutorite.ETAT:
        raison = "Finance toutes les priorités du contrat, dans les quartiers prioritaires."
    elif nature is NatureAutorite.COMMUNE:
        raison = "Un projet de quartier visé est de cette commune."
    elif len(set(communes)) >= COMMUNES_POUR_L_AGGLOMERATION:
        raison = "Votre action touche plusieurs communes."
    else:
        raison = "Surtout pour les actions de plusieurs communes, et d’abord celles de sa priorité ci-dessous."
    return Piste(ligne.code, ligne.intitule, True, raison)


def premier_rang(contenu: Mapping[str, Any]) -> str:
    """La priorité de premier rang qu'une ligne déclare dans le contrat ; vide si elle n'en a pas.

    Source : contrat, Partie 3 § 1 et 2.
    """
    priorites = sorted(contenu.get("priorites") or (), key=lambda p: int(p["rang"]))
    return str(priorites[0]["intitule"]) if priorites else ""


def a_qui_parler(contenu: Mapping[str, Any]) -> tuple[str, ...]:
    """Les fonctions que la fiche d'un projet de quartier nomme pour le suivre : chef de projet, référent, délégué.

    Source : contrat, Partie 2 (« pilotage » de chaque fiche) et l. 1703-1705.
    """
    acteurs: Sequence[Mapping[str, Any]] = contenu.get("acteurs") or ()
    return tuple(
        str(a["nom"])
        for a in acteurs
        if a.get("famille") == "pilotage" and any(mot in str(a["nom"]).casefold() for mot in _PILOTES)
    )
