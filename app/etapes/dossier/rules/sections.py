"""Où en est chaque étape du formulaire, et ce que le porteur suit pas à pas après le dépôt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.etapes.dossier.rules.champs import champs_de
from app.etapes.dossier.rules.depot import est_exige, section_de
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE, EtatDemande, Ton
from app.etapes.dossier.rules.formes import Section
from app.noyau.erreurs import Faute

A_REMPLIR = frozenset({"champ_manquant", "attestation_manquante", "budget_vide", "rien_demande"})


class EtatSection(StrEnum):
    """Ce que dit la liste des tâches. Choix du projet : conception/maquette/formulaire.html."""

    COMPLET = "complet"
    A_FINIR = "a_finir"
    A_CORRIGER = "a_corriger"
    A_REVOIR = "a_revoir"
    FACULTATIF = "facultatif"

    @property
    def libelle(self) -> str:
        """Le mot montré."""
        return _MOTS[self][0]

    @property
    def ton(self) -> Ton:
        """La forme de l'étiquette."""
        return _MOTS[self][1]


_MOTS = {
    EtatSection.COMPLET: ("Complet", Ton.OUI),
    EtatSection.A_FINIR: ("À finir", Ton.NEUTRE),
    EtatSection.A_CORRIGER: ("À corriger", Ton.ATTENTE),
    EtatSection.A_REVOIR: ("À revoir", Ton.ATTENTE),
    EtatSection.FACULTATIF: ("Facultatif", Ton.NEUTRE),
}


def est_facultative(section: Section, *, court: bool, association: bool) -> bool:
    """Vrai si rien n'y est exigé : le chemin court passe ces étapes, on peut y revenir.

    Choix du projet : conception/produit.md (« chemin court »).
    """
    if section is Section.ANNEES:
        return False
    return not any(est_exige(c, court=court, association=association) for c in champs_de(section))


def etats_des_sections(
    contenu: Mapping[str, Any], fautes: Iterable[Faute], a_revoir: Collection[str]
) -> dict[Section, EtatSection]:
    """L'état de chaque étape : une valeur fausse passe avant un manque, un manque avant une relecture.

    `a_revoir` : codes des champs repris d'un autre dossier et jamais relus.
    Choix du projet : conception/produit.md (« ce qu'on attend de moi »).
    """
    par_section: dict[Section, list[Faute]] = {section: [] for section in Section}
    for faute in fautes:
        par_section[section_de(faute)].append(faute)
    return {section: _etat(section, contenu, trouvees, a_revoir) for section, trouvees in par_section.items()}


def _etat(section: Section, contenu: Mapping[str, Any], fautes: list[Faute], a_revoir: Collection[str]) -> EtatSection:
    if any(f.code not in A_REMPLIR for f in fautes):
        return EtatSection.A_CORRIGER
    if fautes:
        return EtatSection.A_FINIR
    codes = [c.code for c in champs_de(section)]
    if any(code in a_revoir for code in codes):
        return EtatSection.A_REVOIR
    if not any(contenu.get(code) not in (None, False, "", []) for code in codes):
        return EtatSection.FACULTATIF
    return EtatSection.COMPLET


@dataclass(frozen=True, slots=True)
class Pas:
    """Une étape du suivi d'une demande, vue du porteur."""

    libelle: str
    ton: Ton
    detail: str = ""


PAS = (
    "Dossier reçu",
    "Vérification de la recevabilité",
    "Étude du dossier, avis des services",
    "Passage devant la commission des élus",
    "Décision de l’autorité et notification",
)
_RANG_EN_COURS = {
    EtatDemande.OUVERTE: 1,
    EtatDemande.EN_INSTRUCTION: 2,
    EtatDemande.PROPOSEE: 3,
    EtatDemande.ARBITREE: 3,
    EtatDemande.AJOURNEE: 3,
    EtatDemande.VALIDEE: 4,
    EtatDemande.AVIS_RENDU: 4,
    EtatDemande.RESERVE: 4,
    EtatDemande.DECIDEE: 4,
    EtatDemande.REFUSEE: 4,
    EtatDemande.TRANCHE_DECIDEE: 4,
}
_RANG_FINAL = {
    EtatDemande.HORS_CHAMP: 1,
    EtatDemande.IRRECEVABLE: 1,
    EtatDemande.ORIENTEE: 1,
    EtatDemande.NOTIFIEE: 4,
    EtatDemande.REFUS_NOTIFIE: 4,
    EtatDemande.RENONCEE: 4,
    EtatDemande.CADUQUE: 4,
    EtatDemande.RETIREE: 1,
    EtatDemande.TRANCHE_RESERVEE: 4,
}
_DITS = frozenset({EtatDemande.AJOURNEE, EtatDemande.RESERVE})


def pas_a_pas(etat: EtatDemande) -> tuple[Pas, ...]:
    """Le chemin d'une demande : ce qui est fait, ce qui est en cours, ce qui vient. Le sens du vote n'y paraît pas.

    Une issue est atteinte, jamais « à venir ».
    Source : reference/domaine.md, J29 (la commission prépare : son vote ne s'annonce pas aux porteurs).
    """
    libelle = LIBELLES_DEMANDE[etat]
    if etat in _RANG_FINAL:
        rang = _RANG_FINAL[etat]
        faits = [Pas(nom, Ton.OUI) for nom in PAS[:rang]]
        return (*faits, Pas(libelle.porteur, Ton.OUI if libelle.ton is Ton.NEUTRE else libelle.ton))
    rang = _RANG_EN_COURS[etat]
    ton = Ton.ATTENTE if etat in _DITS else Ton.INFO
    en_cours = Pas(PAS[rang], ton, libelle.porteur if etat in _DITS else "")
    return (*(Pas(nom, Ton.OUI) for nom in PAS[:rang]), en_cours, *(Pas(nom, Ton.NEUTRE) for nom in PAS[rang + 1 :]))
