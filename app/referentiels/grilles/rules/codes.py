"""Les codes du contrat qu'une grille cite : ceux que le contrat n'a pas, et à quel endroit ils sont cités."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules.modele import (
    Condition,
    Couverture,
    Grille,
    Nombre,
    Parmi,
    Tous,
    UnDe,
)

CodesConnus = Mapping[str, Collection[str]]
_ACTIONS = "actions_feuille_de_route"
_NATURES = {
    "objectif_principal": "un objectif",
    "objectifs_secondaires": "un objectif",
    "objectifs_operationnels": "un objectif opérationnel ou une sous-action",
    "pistes_transversales": "une piste",
    _ACTIONS: "une action d’une feuille de route",
    "fiches_visees": "une fiche",
    "besoins_fiche": "une fiche",
    "priorites_fiche": "une priorité de fiche",
    "communes_touchees": "une commune",
}
Citation = tuple[str, str, tuple[str, ...]]  # le chemin, le fait lu, les codes cités


def codes_connus(
    *,
    objectifs: Iterable[str],
    operationnels: Iterable[str],
    pistes: Iterable[str],
    actions: Iterable[str],
    fiches: Iterable[str],
    priorites: Iterable[str],
    communes: Iterable[str],
) -> CodesConnus:
    """Fait → les codes du contrat qu'il peut porter. `priorites` : « BRIAND.1 » ; `actions` : « ILLZACH » et la suite.

    Source : conception/notation.md, « Codes ».
    """
    principaux, des_fiches = frozenset(objectifs), frozenset(fiches)
    return {
        "objectif_principal": principaux,
        "objectifs_secondaires": principaux,
        "objectifs_operationnels": frozenset(operationnels),
        "pistes_transversales": frozenset(pistes),
        _ACTIONS: frozenset(actions),
        "fiches_visees": des_fiches,
        "besoins_fiche": des_fiches,
        "priorites_fiche": frozenset(priorites),
        "communes_touchees": frozenset(communes),
    }


def fautes_des_codes(grille: Grille, connus: CodesConnus) -> list[Faute]:
    """Une faute par code cité qu'aucun dossier de ce contrat ne peut porter. La grille est supposée valide.

    Un code cité vaut s'il est du contrat, ou si un code du contrat en descend (« E2.2 », « T.1 » pour « T.1.P1 ») ;
    une action vaut aussi si elle descend d'une feuille de route (« ILLZACH.1 »). Une liste que rien ne lit se juge sur
    tous les codes du contrat.
    Choix du projet : issue 4, « unknown code refused at load with place and reason ».
    """
    fautes: dict[tuple[str, str], Faute] = {}
    lus: dict[str, list[str]] = {}
    for chemin, fait, codes in _citations(grille, lus):
        for code in codes:
            if fait in connus and not _est_connu(code, fait, connus[fait]):
                fautes.setdefault((chemin, code), _faute(chemin, code, f"n’est pas {_NATURES[fait]} du contrat"))
    for ensemble in grille.ensembles:
        chemin, faits = f"ensembles.{ensemble.nom}", lus.get(ensemble.nom)
        for code in ensemble.codes:
            for fait in faits or ():
                if fait in connus and not _est_connu(code, fait, connus[fait]):
                    fautes.setdefault((chemin, code), _faute(chemin, code, f"n’est pas {_NATURES[fait]} du contrat"))
            if faits is None and not any(_est_connu(code, fait, connus[fait]) for fait in connus):
                fautes[chemin, code] = _faute(chemin, code, "n’est pas un code du contrat")
    return list(fautes.values())


def _faute(chemin: str, code: str, raison: str) -> Faute:
    return Faute(chemin, f"code inconnu : « {code} » {raison}", "code_inconnu")


def _est_connu(code: str, fait: str, connus: Collection[str]) -> bool:
    return any(
        connu == code or connu.startswith(f"{code}.") or (fait == _ACTIONS and code.startswith(f"{connu}."))
        for connu in connus
    )


def _citations(grille: Grille, lus: dict[str, list[str]]) -> Iterator[Citation]:
    """Les codes écrits dans les conditions ; remplit `lus` : ensemble → les faits qui s'y lisent."""
    for mesure in grille.mesures:
        match mesure.operation:
            case Nombre(de, str(ensemble)):
                lus.setdefault(ensemble, []).append(de)
            case Couverture(de, par, str(ensemble)):
                lus.setdefault(ensemble, []).extend((de, par))
            case _:
                pass
    for chemin, condition in _conditions(grille):
        for lieu, parmi in _parmi(condition, chemin):
            if parmi.ensemble is not None:
                lus.setdefault(parmi.ensemble, []).append(parmi.de)
            yield lieu, parmi.de, parmi.codes


def _conditions(grille: Grille) -> Iterator[tuple[str, Condition]]:
    for definition in grille.definitions:
        yield f"definitions.{definition.code}.si", definition.si
    for rang, ligne in enumerate(grille.lignes):
        if ligne.champ is not None:
            yield f"lignes.{rang}.champ.si", ligne.champ.si
    for rang, critere in enumerate(grille.criteres):
        for rang_bareme, bareme in enumerate(critere.baremes):
            for rang_palier, palier in enumerate(bareme.paliers):
                yield f"criteres.{rang}.baremes.{rang_bareme}.paliers.{rang_palier}.si", palier.si
    for rang, cas in enumerate(grille.sans_objet):
        yield f"sans_objet.{rang}.si", cas.si


def _parmi(condition: Condition, chemin: str) -> Iterator[tuple[str, Parmi]]:
    if isinstance(condition, Parmi):
        yield chemin, condition
    elif isinstance(condition, Tous | UnDe):
        nom = "tous" if isinstance(condition, Tous) else "un_de"
        for rang, sous_condition in enumerate(condition.conditions):
            yield from _parmi(sous_condition, f"{chemin}.{nom}.{rang}")
