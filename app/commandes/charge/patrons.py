"""Les patrons : chaque action réelle de 2016 à 2025 devient un contenu complet et ses notes, calculés une fois."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.commandes.charge.socle import ANNEE, ETP_CENTIEMES, ORGANISATIONS, SEUIL_COURT, Socle
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.budget import DemandeSaisie, lire_budget
from app.etapes.dossier.rules.depot import CadreDepot, est_chemin_court, hors_champ, verifier_depot
from app.etapes.dossier.service.resume import resumer
from app.etapes.notation.rules import (
    Cadre,
    FaitsDossier,
    Note,
    bornes_vers_texte,
    criteres_vers_json,
    empreinte_de_note,
    empreinte_des_faits,
    faits_a_noter,
    faits_vers_json,
    noter_lignes,
)
from app.infra.copie import texte
from app.infra.journal.chaine import canonique
from app.referentiels.acteurs.models import Organisation
from app.referentiels.grilles.rules import Grille
from seeds.demo.derivation import Action, deduire, lire_actions

ANNEES_REELLES = range(2016, 2026)
TITRE, DAUPHIN = "@@TITRE@@", "@@DAUPHIN@@"  # ce qui change d'une déclinaison à l'autre
LIGNE_D_ETAT = "BOP147"


@dataclass(frozen=True, slots=True)
class NotePreparee:
    """Une note calculée par le vrai moteur, prête à copier. L'empreinte couvre la grille et les faits du patron."""

    criteres: str
    empreinte: str
    minimum: str
    maximum: str
    est_provisoire: bool


@dataclass(frozen=True, slots=True)
class Patron:
    """Un dossier modèle : tout sauf ce qui change d'une déclinaison à l'autre (titre, numéro Dauphin, porteur)."""

    titre: str
    porteur: int
    canonique: str
    champs: Sequence[tuple[str, str]]
    resume: Dossier
    est_chemin_court: bool
    demandes: Sequence[DemandeSaisie]
    hors_champ: Mapping[str, str]
    theme_p147: str | None
    faits: str
    empreinte_faits: str
    notes: Mapping[str, NotePreparee]


def actions_reelles() -> list[Action]:
    """Les actions de toutes les années, une fois par titre, dans l'ordre du fichier."""
    vues: dict[str, Action] = {}
    for annee in ANNEES_REELLES:
        for action in lire_actions(annee):
            vues.setdefault(action.titre.casefold(), action)
    return list(vues.values())


def preparer(socle: Socle, grille: Grille, actions: Sequence[Action]) -> list[Patron]:
    """Un patron par action ; une action dont le contenu ne se déposerait pas est laissée."""
    cadre = CadreDepot(ANNEE, socle.contrat.fin.year, SEUIL_COURT, cer_exige=True)
    patrons = []
    for rang, action in enumerate(actions, start=1):
        deduit = deduire(rang, action, ANNEE, ORGANISATIONS)
        if verifier_depot(deduit.contenu, cadre):
            continue
        contenu: dict[str, Any] = deduit.contenu | {"titre": TITRE}
        if LIGNE_D_ETAT in deduit.lignes:
            contenu["numero_dauphin"] = DAUPHIN
        patrons.append(_patron(socle, grille, action.titre, deduit.porteur, contenu))
    return patrons


def _patron(socle: Socle, grille: Grille, titre: str, porteur: int, contenu: dict[str, Any]) -> Patron:
    budget = lire_budget(contenu, ANNEE)
    resume = Dossier()
    resumer(resume, contenu, Organisation(nom="", sigle=""), ANNEE)
    refus = {
        code: motif
        for code, servie in socle.lignes.items()
        if (motif := hors_champ(servie.ouverte, contenu["communes"])) is not None
    }
    court = est_chemin_court(budget, SEUIL_COURT)
    salaries = ETP_CENTIEMES[porteur % len(ETP_CENTIEMES)]
    faits = faits_a_noter(contenu, Cadre(ANNEE, court, False, salaries, False))
    faits_json = faits_vers_json(faits)
    return Patron(
        titre=titre,
        porteur=porteur,
        canonique=canonique(contenu).decode(),
        champs=[(code, texte(canonique(valeur).decode())) for code, valeur in sorted(contenu.items())],
        resume=resume,
        est_chemin_court=court,
        demandes=budget.demandes,
        hors_champ=refus,
        theme_p147=contenu.get("theme_p147"),
        faits=texte(faits_json),
        empreinte_faits=empreinte_des_faits(faits_json),
        notes=_notes(grille, faits, list(dict.fromkeys(demande.ligne for demande in budget.demandes))),
    )


def _notes(grille: Grille, faits: FaitsDossier, lignes: Sequence[str]) -> dict[str, NotePreparee]:
    marque = empreinte_des_faits(faits_vers_json(faits))
    notes = {}
    for code, resultat in noter_lignes(grille, faits, lignes=lignes).items():
        if isinstance(resultat, Note):
            minimum, maximum = bornes_vers_texte(resultat)
            criteres = criteres_vers_json(resultat)
            notes[code] = NotePreparee(
                criteres=texte(criteres),
                empreinte=empreinte_de_note(criteres, marque, resultat.empreinte_grille, "[]"),
                minimum=minimum,
                maximum=maximum,
                est_provisoire=resultat.est_provisoire,
            )
    return notes
