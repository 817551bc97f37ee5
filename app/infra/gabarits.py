"""Les gabarits : l'environnement Jinja, ses filtres français, les adresses de fichiers à empreinte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from app.infra.db import COMPTE_MAX
from app.infra.lots import adresses_statiques
from app.noyau import euros as argent
from app.noyau import periodes
from app.noyau.erreurs import Faute
from app.noyau.euros import ESPACE_MILLIERS, ESPACE_UNITE, Euros

STATIQUE = Path(__file__).resolve().parent.parent / "static"
HTMX = "tiers/htmx.min.js"
INCONNU = "—"
MOIS_COURTS = (
    "janv.", "févr.", "mars", "avr.", "mai", "juin",
    "juill.", "août", "sept.", "oct.", "nov.", "déc.",
)  # fmt: skip

# Le texte fixe d'un gabarit est coupé aux expressions : un blanc en tête suit alors une valeur affichée.
_DEBUT = r"(?:\A|(?<=\S))[ \u00a0\u202f]+"
_FINE = re.compile(_DEBUT + r"(?=[;!?])")
_INSECABLE = re.compile(_DEBUT + r"(?=[:»€%])")
_MILLIERS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_HEURE = re.compile(r"(?<=\d) h(?: (?=\d)|(?!\w))")
_OUVRANT = re.compile(r"«[ \u00a0\u202f]+")
_JOUR_ISO = re.compile(r"\d{4}-\d{2}-\d{2}\Z")

Jour = date | datetime | str
Quantite = Euros | int | Decimal | Fraction


@lru_cache(maxsize=2048, typed=True)  # les mêmes libellés reviennent à chaque ligne ; typed : Markup reste Markup
def typo(texte: str) -> str:
    """Espaces insécables : avant « ; : ! ? » € % », dans les guillemets, les milliers et les heures.

    Ne change que des espaces déjà là, jamais une lettre.
    """
    rendu = _OUVRANT.sub("«\u00a0", _INSECABLE.sub("\u00a0", _FINE.sub("\u202f", texte)))
    rendu = _HEURE.sub(lambda heure: heure[0].replace(" ", "\u00a0"), _MILLIERS.sub("\u202f", rendu))
    return Markup(rendu) if isinstance(texte, Markup) else rendu  # noqa: S704 - seuls des blancs ont changé


@lru_cache(maxsize=4096)
def euros(montant: Euros | int | None) -> str:
    """« 12 345,67 € » pour des Euros ou des centimes entiers ; tiret cadratin si inconnu."""
    if montant is None:
        return INCONNU
    return str(montant if isinstance(montant, Euros) else Euros(montant))


def montant_saisi(valeur: Euros | str | None) -> str:
    """La valeur d'un champ de montant : « 12 345,67 » sans symbole ; un texte saisi revient tel quel."""
    if valeur is None:
        return ""
    return valeur if isinstance(valeur, str) else str(valeur).removesuffix(f"{ESPACE_UNITE}€")


def pourcentage(part: Fraction | Decimal | int | None, decimales: int = 0) -> str:
    """« 47 % » pour une part entre 0 et 1."""
    return argent.pourcentage(None if part is None else Fraction(part), decimales).replace("-", "−")


def nombre(valeur: int | Decimal | None) -> str:
    """« 28 700 », « 1 234,5 » : milliers insécables, virgule décimale."""
    if valeur is None:
        return INCONNU
    return f"{valeur:,}".replace(",", ESPACE_MILLIERS).replace(".", ",").replace("-", "−")


def compte(valeur: int, maximum: int = COMPTE_MAX) -> str:
    """« 173 » ; « plus de 1 000 » pour un compte arrêté à sa borne (`infra.db.compter`)."""
    return f"plus de {nombre(maximum)}" if valeur > maximum else nombre(valeur)


@lru_cache(maxsize=2048)  # une note a une décimale : mille et une valeurs au plus
def note(valeur: Fraction | Decimal | int | None) -> str:
    """« 78,5 », « 88 » : une décimale au plus, jamais « 88,0 »."""
    if valeur is None:
        return INCONNU
    return nombre(argent.arrondir(Fraction(valeur))).removesuffix(",0")


def accord(compte: int, singulier: str, pluriel: str) -> str:
    """Le mot seul, accordé : pluriel à partir de deux."""
    return pluriel if abs(compte) >= 2 else singulier


def en_nombre(compte: int, singulier: str, pluriel: str) -> str:
    """« 1 dossier », « 12 dossiers », « 0 dossier »."""
    return f"{nombre(compte)}{ESPACE_UNITE}{accord(compte, singulier, pluriel)}"


def _jour(valeur: Jour) -> date:
    """La date dite : un instant est lu à l'heure de Paris, un texte est au format ISO."""
    if isinstance(valeur, str):
        valeur = datetime.fromisoformat(valeur) if "T" in valeur else date.fromisoformat(valeur)
    return periodes.a_paris(valeur).date() if isinstance(valeur, datetime) else valeur


def date_longue(valeur: Jour | None) -> str:
    """« vendredi 4 décembre 2026 »."""
    return INCONNU if valeur is None else periodes.date_longue(_jour(valeur))


def date_courte(valeur: Jour | None) -> str:
    """« 4 déc. 2026 », insécable : elle tient dans une colonne."""
    if valeur is None:
        return INCONNU
    jour = _jour(valeur)
    quantieme = "1er" if jour.day == 1 else str(jour.day)
    return f"{quantieme}\u00a0{MOIS_COURTS[jour.month - 1]}\u00a0{jour.year}"


def instant_long(valeur: datetime | str | None) -> str:
    """« vendredi 4 décembre 2026 à 23 h 59 », à l'heure de Paris."""
    if valeur is None:
        return INCONNU
    instant = datetime.fromisoformat(valeur) if isinstance(valeur, str) else valeur
    return periodes.instant_long(instant).replace(" h ", "\u00a0h\u00a0")


def heure_courte(instant: datetime) -> str:
    """« 14 h 05 », insécable."""
    return periodes.heure_courte(instant).replace(" h ", "\u00a0h\u00a0")


def date_saisie(valeur: date | str | None) -> str:
    """La valeur d'un champ de date, au format ISO ; un texte saisi revient tel quel."""
    if valeur is None:
        return ""
    return valeur if isinstance(valeur, str) else valeur.isoformat()


def est_jour_iso(valeur: str) -> bool:
    """Vrai si un <input type=date> saura montrer cette valeur."""
    return _JOUR_ISO.match(valeur) is not None


def iso(valeur: Jour) -> str:
    """L'attribut `datetime` d'un élément <time>."""
    return valeur if isinstance(valeur, str) else valeur.isoformat()


def faute_de(erreurs: Iterable[Faute | Mapping[str, str]], champ: str) -> str:
    """Les messages d'un champ, réunis ; vide s'il n'a pas de faute. Admet les fautes d'un problème JSON."""
    paires = [(f["champ"], f["message"]) if isinstance(f, Mapping) else (f.champ, f.message) for f in erreurs]
    return " ".join(message for nom, message in paires if nom == champ)


_AFFICHAGES: dict[str, Callable[..., str]] = {
    "euros": euros,
    "nombre": nombre,
    "note": note,
    "part": pourcentage,
}


def affiche(valeur: Any, unite: str) -> str:
    """Une valeur de graphique selon son unité : euros, nombre, note ou part. Lève KeyError si l'unité est inconnue."""
    return _AFFICHAGES[unite](valeur)


def _exacte(valeur: Quantite) -> Fraction:
    return Fraction(valeur.centimes if isinstance(valeur, Euros) else valeur)


def part_de(valeur: Quantite, total: Quantite) -> Fraction | None:
    """La part exacte de `valeur` dans `total` ; None si le total est nul."""
    return _exacte(valeur) / _exacte(total) if _exacte(total) else None


def proportion(valeur: Quantite, total: Quantite) -> str:
    """« 43.21% » pour un attribut SVG : entre 0 et 100, zéro si le total n'est pas positif."""
    entier = _exacte(total)
    if entier <= 0:
        return "0%"
    part = min(max(_exacte(valeur) / entier, Fraction(0)), Fraction(1))
    return f"{argent.arrondir(part * 100, 2).normalize():f}%"


class TypographieFrancaise(Extension):
    """Applique `typo` au texte fixe des gabarits, une fois, à la compilation."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Réécrit les jetons de texte, laisse passer les autres."""
        for jeton in stream:
            yield Token(jeton.lineno, "data", typo(jeton.value)) if jeton.type == "data" else jeton


_FILTRES: tuple[Callable[..., Any], ...] = (
    typo,
    euros,
    montant_saisi,
    pourcentage,
    nombre,
    compte,
    note,
    accord,
    date_longue,
    date_courte,
    instant_long,
    heure_courte,
    date_saisie,
    iso,
    faute_de,
    affiche,
    part_de,
    proportion,
)


def nom_dans(code: str, noms: Mapping[str, str]) -> str:
    """Le nom d'un code, ou le code lui-même : `codes | map("nom_dans", noms)`."""
    return noms.get(code, code)


def est_fautif(erreurs: Iterable[Faute], code: str) -> bool:
    """Vrai si une faute est à ce champ, ou à l'une de ses cases (« champ.rang.colonne »)."""
    return any(faute.champ.partition(".")[0] == code for faute in erreurs)


def paire(objet: object, cle: str, libelle: str) -> tuple[Any, Any]:
    """(valeur, libellé) de deux attributs, pour une liste de choix : `appels | map("paire", "code", "intitule")`."""
    return getattr(objet, cle), getattr(objet, libelle)


def creer_environnement(dossier: Path, *, strict: bool = True, statique: Path = STATIQUE) -> Environment:
    """L'environnement Jinja du service. `strict` : une variable absente lève au lieu de s'afficher vide."""
    environnement = Environment(
        loader=FileSystemLoader(dossier),
        autoescape=True,
        undefined=StrictUndefined if strict else Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[TypographieFrancaise],
        auto_reload=False,  # un gabarit ne change pas sous un service lancé : pas de lecture du disque à chaque page
    )
    environnement.filters.update({filtre.__name__: filtre for filtre in _FILTRES})
    environnement.filters["pluriel"] = en_nombre
    environnement.filters["nom_dans"] = nom_dans
    environnement.filters["paire"] = paire
    environnement.filters["est_fautif"] = est_fautif
    environnement.tests["jour_iso"] = est_jour_iso
    environnement.globals["url_statique"] = adresses_statiques(statique)
    environnement.globals["htmx_present"] = (statique / HTMX).is_file()
    return environnement
