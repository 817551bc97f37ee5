"""Ce que les pages des grilles montrent : le contrat et le brouillon en vue, les poids, les différences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.effet import DIXIEMES, Bornes, Placement
from app.infra.gabarits import note
from app.noyau.erreurs import Faute
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles.rules import Grille, ecrire_decimal
from app.referentiels.grilles.rules.brouillon import EtatBrouillon
from app.referentiels.grilles.rules.differences import Difference, Theme, differences
from app.referentiels.grilles.rules.edition import champ_du_poids, somme_saisie
from app.referentiels.grilles.rules.endroits import endroit
from app.referentiels.grilles.rules.poids import poids_effectifs

TONS = {
    EtatBrouillon.EN_PREPARATION: "attente",
    EtatBrouillon.ADOPTE: "oui",
    EtatBrouillon.ABANDONNE: "neutre",
}


@dataclass(frozen=True, slots=True)
class Poids:
    """Un poids du tableau. `avant` : ce qu'il était, s'il a changé ; `nom` : son champ, s'il se tape."""

    texte: str
    avant: str = ""
    nom: str = ""


@dataclass(frozen=True, slots=True)
class RangeePoids:
    """Les poids d'un critère, ligne par ligne."""

    code: str
    libelle: str
    poids: tuple[Poids, ...]


def fil(contrat: Contrat, *suite: tuple[str, str | None]) -> tuple[tuple[str, str | None], ...]:
    """Le fil d'Ariane des pages de grilles."""
    racine = (("Grilles de notation", f"/contrats/{contrat.code}/grilles" if suite else None),)
    return (*racine, *suite)


def adresse_du_brouillon(contrat: Contrat, version: str) -> str:
    """L'adresse de la page d'un brouillon."""
    return f"/contrats/{contrat.code}/grilles/brouillons/{version}"


# --- poids ----------------------------------------------------------------------------------------------------------


def colonnes_des_lignes(grille: Grille) -> list[dict[str, Any]]:
    """Une colonne par ligne de financement."""
    return [{"libelle": "Critère"}, *({"libelle": ligne.libelle, "nombre": True} for ligne in grille.lignes)]


def rangees_effectives(grille: Grille, sortis: Sequence[str]) -> list[RangeePoids]:
    """Les poids de la grille ; avec des critères sortis, ce que pèsent les autres, à côté du poids écrit."""
    effectifs = {ligne.code: poids_effectifs(ligne, sortis) for ligne in grille.lignes}
    rangees = []
    for critere in grille.criteres:
        poids = []
        for ligne in grille.lignes:
            ecrit = str(dict(ligne.poids).get(critere.code, 0))
            effectif = effectifs[ligne.code].get(critere.code)
            texte = "sans objet" if effectif is None else ecrire_decimal(effectif, 1)
            poids.append(Poids(texte, ecrit if texte != ecrit else ""))
        rangees.append(RangeePoids(critere.code, critere.libelle, tuple(poids)))
    return rangees


def rangees_saisies(origine: Grille, grille: Grille, saisie: Mapping[str, str]) -> list[RangeePoids]:
    """Les poids tapés, critère par critère, et ce qu'ils étaient dans l'origine s'ils ont changé."""
    avant = {ligne.code: dict(ligne.poids) for ligne in origine.lignes}
    rangees = []
    for critere in grille.criteres:
        poids = []
        for ligne in grille.lignes:
            nom = champ_du_poids(ligne.code, critere.code)
            ancien = str(avant.get(ligne.code, {}).get(critere.code, 0))
            tape = saisie.get(nom, "0")
            poids.append(Poids(tape, ancien if tape.strip() != ancien else "", nom))
        rangees.append(RangeePoids(critere.code, critere.libelle, tuple(poids)))
    return rangees


def sommes(grille: Grille, saisie: Mapping[str, str]) -> list[tuple[str, str, int | None]]:
    """(ligne, libellé, somme des poids tapés)."""
    return [(ligne.code, ligne.libelle, somme_saisie(ligne.code, saisie)) for ligne in grille.lignes]


# --- différences ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparaison:
    """Deux grilles comparées : les poids qui changent, en tableau ; le reste, thème par thème."""

    lignes: tuple[str, ...]
    poids: tuple[RangeePoids, ...]
    themes: tuple[tuple[str, tuple[Difference, ...]], ...]
    nombre: int


def comparer(avant: Grille, apres: Grille) -> Comparaison:
    """Ce qui change de l'une à l'autre."""
    trouvees = differences(avant, apres)
    themes = tuple(
        (theme.value, tuple(d for d in trouvees if d.theme is theme)) for theme in Theme if theme is not Theme.POIDS
    )
    changes = {d.objet for d in trouvees if d.theme is Theme.POIDS}
    return Comparaison(
        lignes=tuple(ligne.libelle for ligne in apres.lignes),
        poids=tuple(r for r in _poids_compares(avant, apres) if r.libelle in changes),
        themes=tuple((nom, siennes) for nom, siennes in themes if siennes),
        nombre=len(trouvees),
    )


def _poids_compares(avant: Grille, apres: Grille) -> list[RangeePoids]:
    anciens = {ligne.code: dict(ligne.poids) for ligne in avant.lignes}
    noms = {critere.code: critere.libelle for critere in (*avant.criteres, *apres.criteres)}
    rangees = []
    for code, nom in noms.items():
        poids = []
        for ligne in apres.lignes:
            neuf = dict(ligne.poids).get(code, 0)
            ancien = anciens.get(ligne.code, {}).get(code, 0)
            poids.append(Poids(str(neuf), str(ancien) if ancien != neuf else ""))
        rangees.append(RangeePoids(code, nom, tuple(poids)))
    return rangees


# --- effet d'un essai -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToucheVue:
    """Un dossier qu'une grille essayée fait bouger, prêt à montrer. `sens` : monte, descend, ou rien."""

    numero: str
    titre: str
    porteur: str
    avant: str
    apres: str
    ecart: str
    sens: str
    rang_avant: int | None
    rang_apres: int | None
    places: str


def touche_vue(placement: Placement, noms: Mapping[str, tuple[str, str]]) -> ToucheVue:
    """Un dossier touché, avec son titre et son porteur s'ils sont en vue."""
    titre, porteur = noms.get(placement.dossier, (placement.dossier, ""))
    return ToucheVue(
        numero=placement.dossier,
        titre=titre,
        porteur=porteur,
        avant=_bornes(placement.avant),
        apres=_bornes(placement.apres),
        ecart=_signe(placement.ecart, note(Fraction(abs(placement.ecart), DIXIEMES))),
        sens="monte" if placement.ecart > 0 else "descend" if placement.ecart < 0 else "",
        rang_avant=placement.rang_avant,
        rang_apres=placement.rang_apres,
        places=_signe(placement.places, str(abs(placement.places))),
    )


def _bornes(bornes: Bornes | None) -> str:
    if bornes is None:
        return "hors champ"
    bas, haut = (note(Fraction(borne, DIXIEMES)) for borne in bornes)
    return bas if bas == haut else f"{bas} à {haut}"


def _signe(valeur: int, ecrit: str) -> str:
    return "=" if not valeur else ("+" if valeur > 0 else "−") + ecrit


def dite(faute: Faute, champ: str, donnees: Mapping[str, Any]) -> Faute:
    """La faute de grille à ce champ de la page ; sans champ, elle dit où elle est."""
    if champ or not faute.champ or faute.code in {"version_perimee", "etat_contraire"}:
        return Faute(champ, f"{faute.message[:1].upper()}{faute.message[1:]}.".replace("..", "."), faute.code)
    lieu = endroit(donnees, faute.champ)
    return Faute("", f"{lieu[:1].upper()}{lieu[1:]} : {faute.message}.", faute.code)
