"""Ce que le porteur voit d'un dossier : étapes, totaux, suivi, histoire. Mise en forme seulement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Demande, DemandeComplement, Dossier, Passage
from app.etapes.dossier.repository.referentiel import Cadre, get_cadre
from app.etapes.dossier.rules.budget import Budget, lire_budget
from app.etapes.dossier.rules.champs import Section
from app.etapes.dossier.rules.depot import est_chemin_court, section_de, verifier_depot
from app.etapes.dossier.rules.etats import (
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    MODIFIABLES,
    EtatDemande,
    EtatDossier,
    Public,
    Transition,
    actes_possibles,
    avancement,
)
from app.etapes.dossier.rules.sections import EtatSection, Pas, etats_des_sections, pas_a_pas
from app.etapes.dossier.service import brouillon
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement

ACTES_DITS = {
    "envoyer_en_signature": "Envoyé à la signature",
    "reprendre": "Rédaction reprise",
    "signer": "Signé",
    "deposer": "Déposé",
    "demander_complement": "Complément demandé",
    "completer": "Complément envoyé",
    "retirer": "Retiré",
    "clore": "Terminé",
}
MOTIFS_DITS = frozenset(
    {
        "declarer_irrecevable", "declarer_hors_champ", "constater_hors_champ", "orienter", "notifier_refus",
        "notifier_tranche", "ecarter_tranche",
    }
)  # fmt: skip


@dataclass(frozen=True)
class DossierOuvert:
    """Un dossier et ce qu'il faut pour le montrer à son porteur."""

    session: SessionDep
    dossier: Dossier
    cadre: Cadre
    champs: Mapping[str, Champ]
    acteur: Identite

    @property
    def identifiant(self) -> str:
        """Le numéro public, ou la référence d'un brouillon."""
        return self.dossier.numero or self.dossier.reference

    @property
    def titre(self) -> str:
        """Le titre de l'action, ou ce qui en tient lieu."""
        return str(self.contenu.get("titre") or self.dossier.titre or "Dossier sans titre")

    @cached_property
    def contenu(self) -> dict[str, Any]:
        """Code de champ → valeur."""
        return {code: c.valeur for code, c in self.champs.items() if c.valeur is not None}

    @cached_property
    def fautes(self) -> tuple[Faute, ...]:
        """Tout ce qui empêche de déposer."""
        cadre = brouillon.cadre(self.session, self.dossier, self.cadre.appel, self.cadre.organisation)
        return verifier_depot(self.contenu, cadre)

    @cached_property
    def budget(self) -> Budget:
        """Les totaux."""
        return lire_budget(self.contenu, self.cadre.appel.annee)

    @property
    def est_court(self) -> bool:
        """Vrai sur le chemin court."""
        return est_chemin_court(self.budget, self.cadre.appel.seuil_court)

    @property
    def cer_exige(self) -> bool:
        """Vrai si l'organisation doit avoir souscrit le contrat d'engagement républicain."""
        return self.cadre.organisation.forme in brouillon.SOUMIS_AU_CER

    @cached_property
    def etats(self) -> dict[Section, EtatSection]:
        """L'état de chaque étape du formulaire."""
        a_revoir = {code for code, c in self.champs.items() if c.version == 0}
        return etats_des_sections(self.contenu, self.fautes, a_revoir)

    @property
    def roles(self) -> frozenset[Role]:
        """Les rôles de la personne sur ce dossier."""
        return roles_sur_dossier(self.acteur, self.dossier)

    @property
    def peut_ecrire(self) -> bool:
        """Vrai si la personne peut encore modifier le dossier."""
        return bool(self.roles & brouillon.ECRIT) and self.dossier.etat in MODIFIABLES

    @property
    def actes(self) -> dict[str, Transition]:
        """Les actes possibles, par nom."""
        return {t.acte: t for t in actes_possibles(self.dossier.etat, self.roles)}

    @property
    def est_signe(self) -> bool:
        """Vrai si la version actuelle est signée."""
        return self.dossier.signe_le is not None and self.dossier.signe_version == self.dossier.version

    def fautes_de(self, section: Section) -> tuple[Faute, ...]:
        """Ce qui manque dans une étape."""
        return tuple(f for f in self.fautes if section_de(f) is section)


def ouvrir(session: SessionDep, identifiant: str, acteur: Identite) -> DossierOuvert:
    """Le dossier, son cadre, ses champs : trois requêtes. Lève Introuvable."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    return DossierOuvert(
        session, dossier, get_cadre(session, dossier), repository.list_champs(session, dossier.id), acteur
    )


@dataclass(frozen=True, slots=True)
class LigneSuivie:
    """Le suivi d'une ligne demandée, vu du porteur."""

    financeur: str
    annee: int
    montant: Euros
    mot: str
    ton: str
    pas: tuple[Pas, ...]
    motif: str


def lignes_suivies(
    demandes: Iterable[tuple[Demande, LigneFinancement]], passages: Sequence[Passage]
) -> list[LigneSuivie]:
    """Où en est chaque ligne ; le motif ne se montre que s'il est dû au porteur."""
    motifs = {p.demande_id: p.motif for p in passages if p.demande_id is not None and p.acte in MOTIFS_DITS}
    return [
        LigneSuivie(
            financeur=ligne.financeur,
            annee=demande.annee,
            montant=demande.montant_demande,
            mot=LIBELLES_DEMANDE[demande.etat].porteur,
            ton=LIBELLES_DEMANDE[demande.etat].ton,
            pas=pas_a_pas(demande.etat),
            motif=motifs.get(demande.id, ""),
        )
        for demande, ligne in demandes
    ]


@dataclass(frozen=True, slots=True)
class Fait:
    """Une entrée de l'histoire du dossier."""

    a: datetime
    phrase: str
    detail: str


def histoire(passages: Iterable[Passage], demandes: Iterable[tuple[Demande, LigneFinancement]]) -> list[Fait]:
    """L'histoire vue du porteur : ce qui change pour lui, sans les étapes internes."""
    financeurs = {d.id: ligne.financeur for d, ligne in demandes}
    faits = []
    for p in passages:
        if p.demande_id is None:
            faits.append(Fait(p.a, ACTES_DITS.get(p.acte, p.acte), p.motif))
            continue
        avant = LIBELLES_DEMANDE[EtatDemande(p.de)].porteur if p.de else ""
        apres = LIBELLES_DEMANDE[EtatDemande(p.vers)].porteur
        if avant != apres and p.acte != "retirer":
            detail = p.motif if p.acte in MOTIFS_DITS else ""
            faits.append(Fait(p.a, f"{financeurs.get(p.demande_id, '')} : {apres.lower()}", detail))
    return faits


def mot_d_etat(dossier: Dossier, demandes: Sequence[Demande]) -> tuple[str, str]:
    """(mot, forme) pour la liste : l'état tardif se déduit des demandes."""
    libelle = LIBELLES_DOSSIER[dossier.etat]
    if dossier.etat is EtatDossier.DEPOSE and demandes:
        etats = [d.etat for d in demandes]
        concernes = [etat for etat in etats if etat is not EtatDemande.HORS_CHAMP]
        return avancement(concernes or etats, Public.PORTEUR), libelle.ton
    return libelle.porteur, libelle.ton


def ensuite(
    dossier: Dossier, cadre: Cadre, complement: DemandeComplement | None, maintenant: datetime
) -> tuple[str, datetime | None]:
    """(phrase, instant) : ce qui vient pour ce dossier."""
    match dossier.etat:
        case EtatDossier.BROUILLON | EtatDossier.A_SIGNER:
            if maintenant >= cadre.phase.cloture_le:
                return "L’appel est clos : ce dossier ne peut plus être déposé.", None
            return "Dépôt possible jusqu’au", cadre.phase.cloture_le
        case EtatDossier.A_COMPLETER if complement is not None:
            return "Votre réponse avant le", complement.echeance_le
        case EtatDossier.DEPOSE if cadre.phase.commission_le is not None and cadre.phase.commission_le > maintenant:
            return "Commission des élus le", cadre.phase.commission_le
        case EtatDossier.DEPOSE:
            return "Décision de chaque financeur", None
        case _:
            return "", None
