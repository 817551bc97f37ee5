"""Le contenu d'un dossier en clair : relire avant de signer, lire un contenu figé, comparer deux textes, imprimer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from app.etapes.dossier.rules.champs import champs_de
from app.etapes.dossier.rules.formes import Champ, Colonne, Forme, FormeColonne, Section
from app.noyau.euros import ESPACE_MILLIERS, Euros
from app.noyau.periodes import date_longue

VIDE = "—"


class Entree(Protocol):
    """Un code citable et son nom ; `precision` : la commune d'une fiche."""

    @property
    def code(self) -> str: ...
    @property
    def intitule(self) -> str: ...
    @property
    def precision(self) -> str: ...


class Noms(Protocol):
    """Les noms des codes d'une version du contrat, par domaine (objectifs, fiches, quartiers, lignes…)."""

    def liste(self, domaine: str) -> Sequence[Entree]: ...


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


def intitule_montre(domaine: str, entree: Entree) -> str:
    """« E1.2 Des rencontres », « Coteaux (Mulhouse) », ou l'intitulé seul.

    Choix du projet : un code d'objectif se retient ; un quartier se distingue par sa commune.
    """
    if domaine in {"objectifs", "operationnels"}:
        return f"{entree.code} {entree.intitule}"
    return f"{entree.intitule} ({entree.precision})" if domaine == "fiches" else entree.intitule


def _nom(noms: Noms, domaine: str, code: str) -> str:
    trouvee = next((e for e in noms.liste(domaine) if e.code == code), None)
    return code if trouvee is None else intitule_montre(domaine, trouvee)


def _nombre(valeur: int) -> str:
    return f"{valeur:,}".replace(",", ESPACE_MILLIERS)


def centiemes(valeur: int) -> str:
    """« 1,5 » pour 150 centièmes.

    Choix du projet : un temps de travail (ETPT) se garde en centièmes entiers.
    """
    entier, reste = divmod(valeur, 100)
    return f"{entier},{reste:02d}".rstrip("0").rstrip(",")


def contenu_en_clair(contenu: Mapping[str, Any], noms: Noms) -> tuple[SectionLue, ...]:
    """Tout ce qui est rempli, dans l'ordre du formulaire.

    Choix du projet : chacun lit le dossier dans les mots du formulaire.
    """
    return tuple(
        SectionLue(
            section,
            tuple(
                champ_en_clair(champ, contenu[champ.code], noms)
                for champ in champs_de(section)
                if _se_dit(champ.code, contenu.get(champ.code))
            ),
        )
        for section in Section
    )


def _se_dit(code: str, valeur: object) -> bool:
    """Vrai si la réponse se montre. L'engagement non coché se tait : la fiche dit s'il est attesté, ou rien ne part."""
    return valeur not in (None, "", []) and not (code == "cer" and valeur is False)


def champ_en_clair(champ: Champ, valeur: object, noms: Noms) -> ChampLu:
    """Un champ en clair.

    Choix du projet : chacun lit le dossier dans les mots du formulaire.
    """
    if champ.forme is Forme.TABLE:
        return ChampLu(champ.code, champ.libelle, (), table_en_clair(champ, valeur, noms))
    return ChampLu(champ.code, champ.libelle, textes_en_clair(champ, valeur, noms))


def textes_en_clair(champ: Champ, valeur: object, noms: Noms) -> tuple[str, ...]:
    """Une valeur en textes ; une table donne une ligne par rangée.

    Choix du projet : deux textes se comparent comme ils se lisent.
    """
    if valeur in (None, "", []):
        return (VIDE,)
    if isinstance(valeur, list):
        if champ.forme is Forme.TABLE:
            return tuple(" · ".join(t for t in ligne if t != VIDE) for ligne in _lignes(champ, valeur, noms))
        return tuple(_code(champ, str(v), noms) for v in valeur)
    return (_texte(champ, valeur, noms),)


def _texte(champ: Champ, valeur: object, noms: Noms) -> str:
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    if champ.forme is Forme.CODE:
        return _code(champ, str(valeur), noms)
    if champ.forme is Forme.DATE:
        return date_longue(date.fromisoformat(str(valeur)))
    if champ.forme is Forme.CENTIEMES and isinstance(valeur, int):
        return centiemes(valeur)
    return _nombre(valeur) if isinstance(valeur, int) else str(valeur)


def _code(champ: Champ, code: str, noms: Noms) -> str:
    return dict(champ.options).get(code, code) if champ.options else _nom(noms, champ.domaine, code)


def table_en_clair(champ: Champ, rangees: Any, noms: Noms) -> TableLue:
    """Une table en clair, et son total si elle a des montants.

    Choix du projet : à l'écran, au PDF et au tableur, une table se lit avec les mêmes mots et le même total.
    """
    nombres = tuple(
        rang
        for rang, c in enumerate(champ.colonnes)
        if c.forme in {FormeColonne.MONTANT, FormeColonne.CENTIEMES}
        or (c.forme is FormeColonne.ENTIER and c.code != "annee")
    )
    total = Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees)
    entetes = tuple(c.libelle for c in champ.colonnes)
    a_total = any(c.code == "montant" for c in champ.colonnes)
    return TableLue(entetes, _lignes(champ, rangees, noms), nombres, total if a_total else None)


def _lignes(champ: Champ, rangees: list[dict[str, Any]], noms: Noms) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_cellule(c, r.get(c.code), noms) for c in champ.colonnes) for r in rangees)


def _cellule(colonne: Colonne, valeur: object, noms: Noms) -> str:
    if valeur is None:
        return VIDE
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    if isinstance(valeur, int):
        return _cellule_de_nombre(colonne, valeur)
    if colonne.domaine:
        return _nom(noms, colonne.domaine, str(valeur))
    return dict(colonne.options).get(colonne.actuel(str(valeur)), str(valeur))


def _cellule_de_nombre(colonne: Colonne, valeur: int) -> str:
    if colonne.forme is FormeColonne.MONTANT:
        return str(Euros(valeur))
    if colonne.forme is FormeColonne.CENTIEMES:
        return centiemes(valeur)
    return str(valeur) if colonne.code == "annee" else _nombre(valeur)
