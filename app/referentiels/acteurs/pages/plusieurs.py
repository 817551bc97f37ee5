"""La fiche écrite à plusieurs : ce que la page montrait, ce qui a changé depuis, les deux textes côte à côte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel

from app.infra.envoi import Envoi
from app.infra.gabarits import date_courte
from app.noyau.erreurs import VersionPerimee
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.pages.lieu import fil
from app.referentiels.acteurs.pages.sections import en_saisie
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.fiche import Section, annee_des_moyens
from app.referentiels.acteurs.rules.fusion import Conflit, Reponse, code_de, fusionner, version, versions
from app.referentiels.acteurs.schemas import fiche as schemas

VERSION = "v."
CHOIX = "choix."
# Le compte bancaire et l'attestation s'ajoutent, ils ne se réécrivent pas : rien à y comparer.
REECRITES: dict[Section, type[BaseModel]] = {
    Section.IDENTITE: schemas.FormulaireIdentite,
    Section.ADRESSES: schemas.FormulaireAdresses,
    Section.REPRESENTANT: schemas.FormulaireRepresentant,
    Section.CONTACT: schemas.FormulaireContact,
    Section.ADMINISTRATION: schemas.FormulaireRelations,
    Section.RESEAUX: schemas.FormulaireReseaux,
    Section.MOYENS: schemas.FormulaireMoyens,
}
_MOTS = {"oui": "Oui", "non": "Non", **{f.value: f.libelle for f in FormeOrganisation}}
_CLAIRS = frozenset({"forme", "est_reconnue_utilite", "est_assujettie", "a_aides_minimis"})


def _textes(section: Section, saisie: dict[str, Any]) -> dict[str, str]:
    """Ce que la section montre, champ par champ, en texte."""
    return {nom: str(saisie.get(nom, "")) for nom in REECRITES[section].model_fields}


def versions_montrees(section: Section, saisie: dict[str, Any], *, est_relu: bool) -> dict[str, str]:
    """Réponse → version que la page porte. Refusée, elle garde celles de sa première lecture."""
    if section not in REECRITES:
        return {}
    if est_relu:
        return versions(_textes(section, saisie))
    return {nom.removeprefix(VERSION): str(lue) for nom, lue in saisie.items() if nom.startswith(VERSION)}


def _lues(envoi: Envoi, section: Section) -> dict[str, str]:
    """Les versions reçues. Une autre année que celle de la page : la page n'en montrait rien."""
    lues = versions_montrees(section, dict(envoi.saisie), est_relu=False)
    annee = version({"annee": envoi.formulaire.get("annee").strip()})
    if section is Section.MOYENS and lues.get("annee") not in {None, annee}:
        return {code: annee if code == "annee" else "" for code in lues}
    return lues


def fusionner_la_saisie(
    envoi: Envoi, organisation: Organisation, section: Section, conflits: list[Conflit]
) -> dict[str, Any]:
    """Le formulaire à enregistrer : ce que la personne a changé, le reste tel qu'il est en base, verrouillé.

    Remplit `conflits` et lève VersionPerimee s'il faut choisir.
    """
    if section not in REECRITES:
        return envoi.formulaire.en_dict()
    lectures.verrouiller(envoi.session, organisation.id)
    jour = a_paris(envoi.maintenant).date()
    lue = lectures.lire(envoi.session, organisation, jour, envoi.maintenant)
    tapee = envoi.formulaire.get("annee").strip()
    annee = int(tapee) if tapee.isascii() and tapee.isdigit() and len(tapee) == 4 else annee_des_moyens(jour)
    saisis, choix = {}, {}
    for nom in envoi.formulaire.noms():
        if nom.startswith(CHOIX):
            choix[nom.removeprefix(CHOIX)] = envoi.formulaire.get(nom)
        elif not nom.startswith(VERSION):
            saisis[nom] = envoi.formulaire.get(nom)
    fusion = fusionner(saisis, _textes(section, en_saisie(section, lue, annee)), _lues(envoi, section), choix)
    if fusion.conflits:
        conflits.extend(fusion.conflits)
        raise VersionPerimee("Quelqu’un a enregistré cette section avant vous.")
    return dict(fusion.champs)


def contexte(envoi: Envoi, organisation: Organisation, section: Section, conflits: Sequence[Conflit]) -> dict[str, Any]:
    """La page qui montre les deux textes ; toute la saisie repart avec elle."""
    lues = _lues(envoi, section) | {c.code: c.version for c in conflits}
    rechoisis = {CHOIX + c.code for c in conflits}
    caches = [
        (nom, envoi.formulaire.get(nom))
        for nom in envoi.formulaire.noms()
        if not nom.startswith(VERSION) and nom not in rechoisis
    ]
    return {
        "organisation": organisation,
        "section": section,
        "conflits": [
            {
                "code": c.code,
                "libelle": _libelle(section, c.code),
                "enregistre": _en_clair(c.code, c.enregistre),
                "saisi": _en_clair(c.code, c.saisi),
            }
            for c in conflits
        ],
        "caches": caches,
        "versions": lues,
        "fil": fil(organisation, section.libelle),
    }


def _libelle(section: Section, code: str) -> str:
    champ = REECRITES[section].model_fields.get(code)
    return "Agréments" if champ is None or code_de(code) != code else champ.title or code


def _en_clair(code: str, reponse: Reponse) -> list[str]:
    """Ce qu'une personne reconnaît d'une réponse, ligne à ligne."""
    if code == "agrements":
        rangs = sorted({nom.rpartition("_")[2] for nom in reponse})
        rangees = [[reponse.get(f"agrement_{cle}_{r}", "") for cle in ("type", "par", "date")] for r in rangs]
        return [", ".join(_date(t) for t in rangee if t) for rangee in rangees] or ["Rien"]
    texte = reponse.get(code, "")
    if code in _CLAIRS:
        texte = _MOTS.get(texte, texte)
    return (_date(texte) if code.endswith("_le") else texte).splitlines() or ["Rien"]


def _date(texte: str) -> str:
    try:
        return date_courte(date.fromisoformat(texte))
    except ValueError:
        return texte
