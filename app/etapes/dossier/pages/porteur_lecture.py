"""Le contenu d'un dossier en clair : relire avant de signer, lire un contenu figé, comparer deux textes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.etapes.dossier.pages.porteur_formulaire import intitule_montre
from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.champs import Champ, Colonne, Forme, FormeColonne, Section, champs_de
from app.etapes.dossier.rules.depot import lieu_hors_fiches, lignes_hors_champ
from app.infra.gabarits import nombre
from app.noyau.euros import Euros
from app.noyau.periodes import date_longue

VIDE = "—"


@dataclass(frozen=True, slots=True)
class TableLue:
    """Une table en clair. `nombres` : rangs des colonnes de chiffres."""

    entetes: tuple[str, ...]
    lignes: tuple[tuple[str, ...], ...]
    nombres: tuple[int, ...]
    total: Euros | None


@dataclass(frozen=True, slots=True)
class ChampLu:
    """Un champ en clair : des textes, ou une table."""

    code: str
    libelle: str
    textes: tuple[str, ...]
    table: TableLue | None = None


@dataclass(frozen=True, slots=True)
class SectionLue:
    """Une étape relue."""

    section: Section
    champs: tuple[ChampLu, ...]


def avertissement_du_lieu(contenu: Mapping[str, Any], referentiel: Referentiel) -> str:
    """Une phrase si l'action se tient dans une commune dont aucun projet de quartier n'est visé ; n'empêche rien."""
    codes = lieu_hors_fiches(contenu, referentiel.communes_des_fiches(contenu.get("fiches") or ()))
    if not codes:
        return ""
    noms = ", ".join(referentiel.intitule("communes", code) for code in codes)
    return f"L’action se tient à {noms}, où ne se trouve aucun des projets de quartier choisis. Est-ce bien voulu ?"


@dataclass(frozen=True, slots=True)
class LigneRelue:
    """Une ligne sollicitée : ce qu'on lui demande en tout, et pourquoi elle sera hors champ (vide si elle étudiera)."""

    intitule: str
    montant: Euros
    hors_champ: str


def lignes_relues(contenu: Mapping[str, Any], referentiel: Referentiel) -> tuple[LigneRelue, ...]:
    """Chaque ligne sollicitée, dans l'ordre du contrat, jugée comme elle le sera au dépôt."""
    demandes = contenu.get("demandes") or []
    communes = referentiel.communes_des_fiches(contenu.get("fiches") or ())
    motifs = lignes_hors_champ(referentiel.lignes, communes)
    return tuple(
        LigneRelue(
            ligne.intitule,
            Euros.somme(Euros(int(d.get("montant", 0))) for d in demandes if d.get("ligne") == ligne.code),
            motifs.get(ligne.code, ""),
        )
        for ligne in referentiel.lignes
        if any(d.get("ligne") == ligne.code for d in demandes)
    )


def contenu_en_clair(contenu: Mapping[str, Any], referentiel: Referentiel) -> tuple[SectionLue, ...]:
    """Tout ce qui est rempli, dans l'ordre du formulaire."""
    return tuple(
        SectionLue(
            section,
            tuple(
                champ_en_clair(champ, contenu[champ.code], referentiel)
                for champ in champs_de(section)
                if contenu.get(champ.code) not in (None, "", [])
            ),
        )
        for section in Section
    )


def champ_en_clair(champ: Champ, valeur: object, referentiel: Referentiel) -> ChampLu:
    """Un champ en clair."""
    if champ.forme is Forme.TABLE and isinstance(valeur, list):
        return ChampLu(champ.code, champ.libelle, (), _table(champ, valeur, referentiel))
    return ChampLu(champ.code, champ.libelle, textes_en_clair(champ, valeur, referentiel))


def textes_en_clair(champ: Champ, valeur: object, referentiel: Referentiel) -> tuple[str, ...]:
    """Une valeur en textes ; une table donne une ligne par rangée."""
    if valeur in (None, "", []):
        return (VIDE,)
    if isinstance(valeur, list):
        if champ.forme is Forme.TABLE:
            return tuple(" · ".join(t for t in ligne if t != VIDE) for ligne in _lignes(champ, valeur, referentiel))
        return tuple(_code(champ, str(v), referentiel) for v in valeur)
    return (_texte(champ, valeur, referentiel),)


def _texte(champ: Champ, valeur: object, referentiel: Referentiel) -> str:
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    if champ.forme is Forme.CODE:
        return _code(champ, str(valeur), referentiel)
    if champ.forme is Forme.DATE:
        return date_longue(date.fromisoformat(str(valeur)))
    return nombre(valeur) if isinstance(valeur, int) else str(valeur)


def _code(champ: Champ, code: str, referentiel: Referentiel) -> str:
    if champ.options:
        return dict(champ.options).get(code, code)
    entree = next((e for e in referentiel.liste(champ.domaine) if e.code == code), None)
    return code if entree is None else intitule_montre(champ.domaine, entree)


def _table(champ: Champ, rangees: list[dict[str, Any]], referentiel: Referentiel) -> TableLue:
    nombres = tuple(
        rang
        for rang, c in enumerate(champ.colonnes)
        if c.forme is FormeColonne.MONTANT or (c.forme is FormeColonne.ENTIER and c.code != "annee")
    )
    total = Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees)
    entetes = tuple(c.libelle for c in champ.colonnes)
    a_total = any(c.code == "montant" for c in champ.colonnes)
    return TableLue(entetes, _lignes(champ, rangees, referentiel), nombres, total if a_total else None)


def _lignes(champ: Champ, rangees: list[dict[str, Any]], referentiel: Referentiel) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_cellule(c, r.get(c.code), referentiel) for c in champ.colonnes) for r in rangees)


def _cellule(colonne: Colonne, valeur: object, referentiel: Referentiel) -> str:
    if valeur is None:
        return VIDE
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    if isinstance(valeur, int):
        if colonne.forme is FormeColonne.MONTANT:
            return str(Euros(valeur))
        return str(valeur) if colonne.code == "annee" else nombre(valeur)
    if colonne.code == "ligne":
        return referentiel.intitule("lignes", str(valeur))
    return dict(colonne.options).get(str(valeur), str(valeur))
