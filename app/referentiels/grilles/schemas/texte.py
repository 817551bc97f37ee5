"""Une grille en texte YAML, et retour : de quoi tout changer à la main, chaque faute dite à sa ligne."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from app.infra.texte_yaml import Chemin, TexteRefuse, composer, ligne_de, valider_donnees
from app.noyau.erreurs import Faute, SaisieInvalide
from app.referentiels.grilles.rules import (
    Grille,
    GrilleInvalide,
    grille_depuis_donnees,
    grille_vers_donnees,
    lexique,
    lire_nombre,
    unite_de,
    valider,
)
from app.referentiels.grilles.rules.codes import CodesConnus, fautes_des_codes
from app.referentiels.grilles.rules.edition import ecrire_seuil
from app.referentiels.grilles.rules.endroits import endroit
from app.referentiels.grilles.rules.usages import fautes_des_lignes
from app.referentiels.grilles.schemas.fichier import FichierGrille

TAILLE_MAXIMALE = 200_000
_LARGEUR = 120
_EXTRAIT = 60


@dataclass(frozen=True, slots=True)
class LigneFautive:
    """Une faute d'un texte de grille : sa ligne et ce qui y est écrit, où elle est dans la grille, pourquoi."""

    ligne: int
    endroit: str
    raison: str
    extrait: str = ""

    def __str__(self) -> str:
        return f"{self.endroit} : {self.raison}" if self.endroit else self.raison


class GrilleRefusee(SaisieInvalide):
    """Un texte qui n'est pas une grille applicable. `lignes` : toutes les fautes, dans l'ordre du texte."""

    code = "grille_invalide"

    def __init__(self, texte: str, fautes: Iterable[LigneFautive]) -> None:
        ecrites = texte.splitlines() or [""]
        self.lignes = tuple(
            replace(faute, extrait=_extrait(ecrites[min(faute.ligne, len(ecrites)) - 1]))
            for faute in sorted(fautes, key=lambda faute: faute.ligne)
        )
        dites = [Faute("texte", f"Ligne {f.ligne}, « {f.extrait} » : {f}", "grille_invalide") for f in self.lignes]
        super().__init__(dites, "La grille est refusée.")


def _extrait(ligne: str) -> str:
    propre = ligne.strip()
    return propre if len(propre) <= _EXTRAIT else propre[:_EXTRAIT].rstrip() + "…"


def lire_grille(texte: str, *, lignes: Container[str] | None = None, codes: CodesConnus | None = None) -> Grille:
    """La grille de ce texte, valide et applicable. Lève GrilleRefusee.

    `lignes`, `codes` : ceux du contrat, s'il est connu.
    """
    if len(texte) > TAILLE_MAXIMALE:
        raise GrilleRefusee(texte, [LigneFautive(1, "", f"le texte dépasse {TAILLE_MAXIMALE} caractères")])
    try:
        brutes, places = composer(texte)
        fichier = valider_donnees(brutes, places, FichierGrille)
    except TexteRefuse as refus:
        raise GrilleRefusee(texte, (LigneFautive(faute.ligne, "", faute.raison) for faute in refus.fautes)) from refus
    try:
        donnees = fichier.en_donnees()
        grille = grille_depuis_donnees(donnees)
    except KeyError as erreur:
        ligne = ligne_de(places, ("textes",))
        raise GrilleRefusee(texte, [LigneFautive(ligne, "", f"texte inconnu : {erreur.args[0]}")]) from erreur
    except GrilleInvalide as erreur:
        raise GrilleRefusee(texte, _placees(erreur.fautes, donnees, places)) from erreur
    fautes = valider(grille)
    if not fautes and lignes is not None:
        fautes = fautes_des_lignes(grille, lignes)
    if not fautes and codes is not None:
        fautes = fautes_des_codes(grille, codes)
    if fautes:
        raise GrilleRefusee(texte, _placees(fautes, donnees, places))
    return grille


def _placees(fautes: Iterable[Faute], donnees: Mapping[str, Any], places: Mapping[Chemin, int]) -> list[LigneFautive]:
    return [
        LigneFautive(ligne_de(places, _chemin(faute.champ)), endroit(donnees, faute.champ), faute.message)
        for faute in fautes
    ]


def _chemin(champ: str) -> Chemin:
    return tuple(int(pas) if pas.isdigit() else pas for pas in champ.split("."))


# --- écrire ---------------------------------------------------------------------------------------------------------


def ecrire_grille(grille: Grille) -> str:
    """Le texte YAML de la grille, que `lire_grille` relit à l'identique. Les textes cités ont un nom court."""
    donnees = grille_vers_donnees(grille)
    rangs = {critere.code: rang for rang, critere in enumerate(grille.criteres)}
    for ligne in donnees["lignes"]:
        ligne["poids"] = dict(sorted(ligne["poids"].items(), key=lambda poids: rangs.get(poids[0], len(rangs))))
    noms = _noms_courts(donnees)
    lisibles = _lisible(donnees, noms, grille)
    parties = {
        **{cle: lisibles[cle] for cle in ("version", "intitule", "arrondi")},
        "textes": {nom: texte for texte, nom in noms.items()},
        **{cle: lisibles[cle] for cle in lisibles if cle not in ("version", "intitule", "arrondi")},
    }
    return "\n".join(_bloc(cle, valeur) for cle, valeur in parties.items())


def _bloc(cle: str, valeur: Any) -> str:
    """Une partie de la grille ; un ensemble sans rien d'imbriqué tient entre accolades."""
    ecrit: str = yaml.safe_dump(
        {cle: valeur}, allow_unicode=True, sort_keys=False, default_flow_style=None, width=_LARGEUR
    )
    return ecrit if isinstance(valeur, dict | list) else ecrit.strip().removeprefix("{").removesuffix("}") + "\n"


def _lisible(valeur: Any, noms: Mapping[str, str], grille: Grille) -> Any:
    """Les sources par leur nom court, les seuils dans leur unité, « oui » plutôt que « true »."""
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    if isinstance(valeur, list):
        return [_lisible(element, noms, grille) for element in valeur]
    if not isinstance(valeur, dict):
        return valeur
    rendu = {cle: _lisible(contenu, noms, grille) for cle, contenu in valeur.items()}
    if isinstance(valeur.get("source"), dict):
        rendu["source"] = {**valeur["source"], "texte": noms[valeur["source"]["texte"]]}
    if set(valeur) == {"de", "valeur"}:
        rendu["valeur"] = ecrire_seuil(lire_nombre(valeur["valeur"]), unite_de(valeur["de"], lexique(grille)))
    return rendu


def _noms_courts(donnees: Mapping[str, Any]) -> dict[str, str]:
    """Texte cité → nom court : son premier mot, numéroté si plusieurs textes commencent pareil."""
    noms: dict[str, str] = {}
    for texte in dict.fromkeys(_textes_cites(donnees)):
        sans_accent = unicodedata.normalize("NFKD", texte.lower()).encode("ascii", "ignore").decode()
        mots = re.findall(r"[a-z0-9]+", sans_accent) or ["texte"]
        rang, nom = 1, mots[0]
        while nom in noms.values():
            rang += 1
            nom = f"{mots[0]}-{rang}"
        noms[texte] = nom
    return noms


def _textes_cites(valeur: Any) -> Iterable[str]:
    if isinstance(valeur, dict):
        for cle, contenu in valeur.items():
            if cle == "source" and isinstance(contenu, dict):
                yield contenu["texte"]
            else:
                yield from _textes_cites(contenu)
    elif isinstance(valeur, list):
        for element in valeur:
            yield from _textes_cites(element)
