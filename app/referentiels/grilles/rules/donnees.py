"""Une grille en données JSON et retour, et son empreinte. La forme est unique : même grille, mêmes octets."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from app.noyau.sources import Source
from app.referentiels.grilles.rules.modele import (
    Arrondi,
    AuMoins,
    AuPlus,
    Bareme,
    Champ,
    Compte,
    Condition,
    Couverture,
    Critere,
    Definition,
    Ensemble,
    Est,
    Grille,
    LigneGrille,
    Mesure,
    ModeArrondi,
    MoinsDe,
    Nombre,
    Operation,
    Palier,
    Parmi,
    Rapport,
    SansObjet,
    Terme,
    Toujours,
    Tous,
    UnDe,
    Unite,
    Vrai,
)
from app.referentiels.grilles.rules.noeud import Donnees, Noeud
from app.referentiels.grilles.rules.nombres import ecrire_nombre, lire_nombre

_E = TypeVar("_E", bound=StrEnum)
_SEUILS: dict[str, type[AuMoins | AuPlus | MoinsDe]] = {"au_moins": AuMoins, "au_plus": AuPlus, "moins_de": MoinsDe}
_GROUPES: dict[str, type[Tous | UnDe]] = {"tous": Tous, "un_de": UnDe}
_CONDITIONS = frozenset({"toujours", "vrai", "parmi", "est", *_SEUILS, *_GROUPES})
_PARTIES = (
    *("version", "intitule", "arrondi"),
    *("ensembles", "mesures", "definitions"),
    *("lignes", "criteres", "sans_objet"),
)
_PROFONDEUR = 40  # une vingtaine de « tous » ou « un_de » l’un dans l’autre
_OPERATIONS = frozenset({"rapport", "compte", "nombre", "couverture"})


def grille_vers_donnees(grille: Grille) -> dict[str, Any]:
    """La grille en données JSON, fractions en texte (« 3/5 »), sans valeur par défaut.

    Choix du projet : architecture, décision 4.
    """
    return {
        "version": grille.version,
        "intitule": grille.intitule,
        "arrondi": {"decimales": grille.arrondi.decimales, "mode": grille.arrondi.mode.value},
        "ensembles": {e.nom: {"codes": list(e.codes), "source": _source(e.source)} for e in grille.ensembles},
        "mesures": {
            m.code: {"libelle": m.libelle, "unite": m.unite.value, **_operation(m.operation)} for m in grille.mesures
        },
        "definitions": {d.code: {"libelle": d.libelle, "si": _condition(d.si)} for d in grille.definitions},
        "lignes": [_ligne(ligne) for ligne in grille.lignes],
        "criteres": [_critere(critere) for critere in grille.criteres],
        "sans_objet": [{"critere": s.critere, **_cas(s)} for s in grille.sans_objet],
    }


def texte_canonique(donnees: object) -> str:
    """JSON sans espace, champs triés, accents en clair : la forme qui se hache et qui se compare octet par octet.

    Choix du projet : architecture, décision 15 (JSON canonique, empreinte).
    """
    return json.dumps(donnees, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def empreinte(grille: Grille) -> str:
    """SHA-256, en hexadécimal, de la forme canonique.

    Choix du projet : architecture, décision 4 (grilles versionnées, épinglées à l'appel).
    """
    return hashlib.sha256(texte_canonique(grille_vers_donnees(grille)).encode()).hexdigest()


def grille_depuis_donnees(donnees: Donnees) -> Grille:
    """L'inverse de grille_vers_donnees. Lève GrilleInvalide si la forme n'y est pas ; `valider` juge le fond.

    Choix du projet : issue 4, « refused at load with place and reason ».
    """
    racine = Noeud(donnees)
    racine.champs(
        "version", "intitule", "arrondi", "ensembles", "mesures", "definitions", "lignes", "criteres", "sans_objet"
    )
    return Grille(
        version=racine.champ("version").texte(),
        intitule=racine.champ("intitule").texte(),
        arrondi=_lire_arrondi(racine.champ("arrondi")),
        ensembles=tuple(_lire_ensemble(nom, noeud) for nom, noeud in racine.champ("ensembles").paires()),
        mesures=tuple(_lire_mesure(code, noeud) for code, noeud in racine.champ("mesures").paires()),
        definitions=tuple(_lire_definition(code, noeud) for code, noeud in racine.champ("definitions").paires()),
        lignes=tuple(_lire_ligne(noeud) for noeud in racine.champ("lignes").elements()),
        criteres=tuple(_lire_critere(noeud) for noeud in racine.champ("criteres").elements()),
        sans_objet=tuple(_lire_sans_objet(noeud) for noeud in racine.champ("sans_objet").elements()),
    )


# --- écrire -------------------------------------------------------------------------------------------------------


def _source(source: Source) -> dict[str, str]:
    return {"texte": source.texte, "endroit": source.endroit} if source.endroit else {"texte": source.texte}


def _cas(cas: SansObjet | Champ) -> dict[str, Any]:
    return {"si": _condition(cas.si), "motif": cas.motif, "source": _source(cas.source)}


def _ligne(ligne: LigneGrille) -> dict[str, Any]:
    champ = {"champ": _cas(ligne.champ)} if ligne.champ is not None else {}
    return {"code": ligne.code, "libelle": ligne.libelle, "poids": dict(ligne.poids), **champ}


def _critere(critere: Critere) -> dict[str, Any]:
    transversal = {"est_transversal": True} if critere.est_transversal else {}
    return {
        "code": critere.code,
        "libelle": critere.libelle,
        "source": _source(critere.source),
        **transversal,
        "baremes": [
            {
                "lignes": list(bareme.lignes),
                "source": _source(bareme.source),
                "paliers": [{"taux": p.taux, "si": _condition(p.si), "motif": p.motif} for p in bareme.paliers],
            }
            for bareme in critere.baremes
        ],
    }


def _ensemble_dit(ensemble: str | None) -> dict[str, str]:
    return {} if ensemble is None else {"ensemble": ensemble}


def _operation(operation: Operation) -> dict[str, Any]:
    match operation:
        case Rapport(numerateur, denominateur):
            return {"rapport": {"numerateur": _termes(numerateur), "denominateur": _termes(denominateur)}}
        case Compte(parmi):
            return {"compte": list(parmi)}
        case Nombre(de, ensemble):
            return {"nombre": {"de": de, **_ensemble_dit(ensemble)}}
        case _:
            return {"couverture": {"de": operation.de, "par": operation.par, **_ensemble_dit(operation.ensemble)}}


def _termes(termes: tuple[Terme, ...]) -> list[dict[str, str]]:
    return [
        {"de": terme.de} | ({} if terme.coefficient == 1 else {"coefficient": ecrire_nombre(terme.coefficient)})
        for terme in termes
    ]


def _condition(condition: Condition) -> dict[str, Any]:
    match condition:
        case Toujours():
            return {"toujours": True}
        case Vrai(de):
            return {"vrai": de}
        case Est(definition):
            return {"est": definition}
        case Parmi(de, codes, ensemble):
            return {"parmi": {"de": de} | ({"codes": list(codes)} if codes else {}) | _ensemble_dit(ensemble)}
        case Tous() | UnDe():
            nom = "tous" if isinstance(condition, Tous) else "un_de"
            return {nom: [_condition(c) for c in condition.conditions]}
        case _:
            nom = next(nom for nom, seuil in _SEUILS.items() if type(condition) is seuil)
            return {nom: {"de": condition.de, "valeur": ecrire_nombre(condition.valeur)}}


# --- lire ---------------------------------------------------------------------------------------------------------


def _lire_choix(noeud: Noeud, choix: type[_E]) -> _E:
    try:
        return choix(noeud.texte())
    except ValueError as erreur:
        raise noeud.faute(f"attend : {', '.join(valeur.value for valeur in choix)}") from erreur


def _lire_fraction(noeud: Noeud) -> Fraction:
    try:
        return lire_nombre(noeud.texte())
    except ValueError as erreur:
        raise noeud.faute(str(erreur)) from erreur


def _lire_facultatif(noeud: Noeud | None) -> str | None:
    return None if noeud is None else noeud.texte()


def _lire_arrondi(noeud: Noeud) -> Arrondi:
    noeud.champs("decimales", "mode")
    return Arrondi(noeud.champ("decimales").entier(), _lire_choix(noeud.champ("mode"), ModeArrondi))


def _lire_source(noeud: Noeud) -> Source:
    noeud.champs("texte", "endroit")
    return Source(noeud.champ("texte").texte(), _lire_facultatif(noeud.facultatif("endroit")) or "")


def _lire_ensemble(nom: str, noeud: Noeud) -> Ensemble:
    noeud.champs("codes", "source")
    return Ensemble(nom, noeud.champ("codes").textes(), _lire_source(noeud.champ("source")))


def _lire_mesure(code: str, noeud: Noeud) -> Mesure:
    noeud.champs("libelle", "unite", *_OPERATIONS)
    dites = sorted(nom for nom in _OPERATIONS if noeud.facultatif(nom) is not None)
    if len(dites) != 1:
        raise noeud.faute(f"attend une seule opération parmi : {', '.join(sorted(_OPERATIONS))}")
    operation = _lire_operation(dites[0], noeud.champ(dites[0]))
    return Mesure(code, noeud.champ("libelle").texte(), _lire_choix(noeud.champ("unite"), Unite), operation)


def _lire_definition(code: str, noeud: Noeud) -> Definition:
    noeud.champs("libelle", "si")
    return Definition(code, noeud.champ("libelle").texte(), _lire_condition(noeud.champ("si")))


def _lire_operation(nom: str, noeud: Noeud) -> Operation:
    if nom == "compte":
        return Compte(noeud.textes())
    if nom == "rapport":
        noeud.champs("numerateur", "denominateur")
        return Rapport(_lire_termes(noeud.champ("numerateur")), _lire_termes(noeud.champ("denominateur")))
    if nom == "nombre":
        noeud.champs("de", "ensemble")
        return Nombre(noeud.champ("de").texte(), _lire_facultatif(noeud.facultatif("ensemble")))
    noeud.champs("de", "par", "ensemble")
    de, par = noeud.champ("de").texte(), noeud.champ("par").texte()
    return Couverture(de, par, _lire_facultatif(noeud.facultatif("ensemble")))


def _lire_termes(noeud: Noeud) -> tuple[Terme, ...]:
    return tuple(_lire_terme(element) for element in noeud.elements())


def _lire_terme(noeud: Noeud) -> Terme:
    noeud.champs("de", "coefficient")
    coefficient = noeud.facultatif("coefficient")
    return Terme(noeud.champ("de").texte(), Fraction(1) if coefficient is None else _lire_fraction(coefficient))


def _lire_condition(noeud: Noeud) -> Condition:
    if noeud.chemin.count(".") > _PROFONDEUR:
        raise noeud.faute("les conditions sont trop imbriquées")
    nom, corps = noeud.seul_champ(_CONDITIONS)
    if nom == "toujours":
        if corps.valeur is not True:
            raise corps.faute("attend « true »")
        return Toujours()
    if nom == "vrai":
        return Vrai(corps.texte())
    if nom == "est":
        return Est(corps.texte())
    if nom in _GROUPES:
        return _GROUPES[nom](tuple(_lire_condition(element) for element in corps.elements()))
    if nom in _SEUILS:
        corps.champs("de", "valeur")
        return _SEUILS[nom](corps.champ("de").texte(), _lire_fraction(corps.champ("valeur")))
    corps.champs("de", "codes", "ensemble")
    codes = corps.facultatif("codes")
    ensemble = _lire_facultatif(corps.facultatif("ensemble"))
    return Parmi(corps.champ("de").texte(), codes.textes() if codes is not None else (), ensemble)


def _lire_ligne(noeud: Noeud) -> LigneGrille:
    noeud.champs("code", "libelle", "poids", "champ")
    poids = tuple((critere, valeur.entier()) for critere, valeur in noeud.champ("poids").paires())
    champ = noeud.facultatif("champ")
    return LigneGrille(
        noeud.champ("code").texte(), noeud.champ("libelle").texte(), poids, _lire_champ(champ) if champ else None
    )


def _lire_champ(noeud: Noeud) -> Champ:
    noeud.champs("si", "motif", "source")
    return Champ(_lire_condition(noeud.champ("si")), noeud.champ("motif").texte(), _lire_source(noeud.champ("source")))


def _lire_sans_objet(noeud: Noeud) -> SansObjet:
    noeud.champs("critere", "si", "motif", "source")
    return SansObjet(
        noeud.champ("critere").texte(),
        _lire_condition(noeud.champ("si")),
        noeud.champ("motif").texte(),
        _lire_source(noeud.champ("source")),
    )


def _lire_critere(noeud: Noeud) -> Critere:
    noeud.champs("code", "libelle", "source", "baremes", "est_transversal")
    transversal = noeud.facultatif("est_transversal")
    if transversal is not None and not isinstance(transversal.valeur, bool):
        raise transversal.faute("attend « true » ou « false »")
    return Critere(
        code=noeud.champ("code").texte(),
        libelle=noeud.champ("libelle").texte(),
        source=_lire_source(noeud.champ("source")),
        baremes=tuple(_lire_bareme(element) for element in noeud.champ("baremes").elements()),
        est_transversal=transversal is not None and bool(transversal.valeur),
    )


def _lire_bareme(noeud: Noeud) -> Bareme:
    noeud.champs("lignes", "source", "paliers")
    return Bareme(
        lignes=noeud.champ("lignes").textes(),
        source=_lire_source(noeud.champ("source")),
        paliers=tuple(_lire_palier(element) for element in noeud.champ("paliers").elements()),
    )


def _lire_palier(noeud: Noeud) -> Palier:
    noeud.champs("taux", "si", "motif")
    return Palier(noeud.champ("taux").entier(), _lire_condition(noeud.champ("si")), noeud.champ("motif").texte())
