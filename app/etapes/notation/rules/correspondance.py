"""Du dossier aux faits : une ligne par fait, ce qu'elle lit et pourquoi. Puis ce que l'administration a établi."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import champ
from app.etapes.notation.rules.faits import FaitsDossier
from app.etapes.notation.rules.medianes import Medianes, avec_medianes
from app.etapes.notation.rules.saisie import valeur_depuis_json
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Declarant, Fait, Statut, Valeur

Contenu = Mapping[str, Any]
COMPTE_BENEVOLAT = "870"
_PISTE = re.compile(r"\.P\d+$")


@dataclass(frozen=True, slots=True)
class Cadre:
    """Ce que le contenu figé ne dit pas. `orientations_nationales` : l'appel en fixe au moins une.

    Choix du projet : architecture, « un fait remonte par écriture ».
    """

    annee: int
    est_chemin_court: bool = False
    renouvelle: bool = False
    salaries_etp_centiemes: int | None = None
    orientations_nationales: bool = False


@dataclass(frozen=True, slots=True)
class Constat:
    """Un fait établi après le dépôt : par un agent, ou appris d'une étape d'après. `valeur` : JSON.

    Source : conception/notation.md, « Un fait est déclaré, vérifié ou corrigé (motif) ».
    """

    code: str
    valeur: Any
    statut: Statut = Statut.VERIFIE
    motif: str = ""


Lire = Callable[[Contenu, Cadre], Valeur | None]


@dataclass(frozen=True, slots=True)
class Correspondance:
    """Un fait, les champs dont il vient, la règle en une phrase, et sa lecture (None : manquant).

    Choix du projet : conception/notation.md, colonne « faits ».
    """

    fait: str
    champs: tuple[str, ...]
    regle: str
    lire: Lire


def _oui(code: str) -> Lire:
    def lire(contenu: Contenu, cadre: Cadre) -> bool | None:
        if code in contenu:
            return contenu[code] is True
        return None if cadre.est_chemin_court else False

    return lire


def _code(code: str) -> Lire:
    return lambda contenu, _cadre: contenu.get(code) or None


def _codes(code: str) -> Lire:
    trouve = champ(code)
    est_facultatif = trouve is not None and not trouve.exige

    def lire(contenu: Contenu, cadre: Cadre) -> frozenset[str] | None:
        valeurs = frozenset(contenu.get(code) or ())
        if valeurs:
            return valeurs
        return frozenset() if est_facultatif and not cadre.est_chemin_court else None

    return lire


def _texte(code: str) -> Lire:
    return lambda contenu, _cadre: True if str(contenu.get(code) or "").strip() else None


def _sans_pistes(contenu: Contenu, cadre: Cadre) -> frozenset[str] | None:
    codes = _codes("objectifs_operationnels")(contenu, cadre)
    return None if codes is None else frozenset(c for c in codes if not _PISTE.search(c))  # type: ignore[union-attr]


def _pistes(contenu: Contenu, _cadre: Cadre) -> frozenset[str] | None:
    return frozenset(c for c in contenu.get("objectifs_operationnels") or () if _PISTE.search(c)) or None


def _priorites(contenu: Contenu, cadre: Cadre) -> frozenset[str] | None:
    codes = _codes("priorites")(contenu, cadre)
    return None if codes is None else frozenset(c.replace(":", ".") for c in codes)  # type: ignore[union-attr]


def _beneficiaires(contenu: Contenu, _cadre: Cadre) -> int | None:
    return contenu.get("beneficiaires")


def _part_qpv(contenu: Contenu, _cadre: Cadre) -> Fraction | None:
    total, en_qpv = contenu.get("beneficiaires"), contenu.get("beneficiaires_qpv")
    return Fraction(en_qpv, total) if total and en_qpv is not None else None


def _partenaire(contenu: Contenu, cadre: Cadre) -> bool | None:
    rangees = contenu.get("partenaires") or ()
    if not rangees and cadre.est_chemin_court:
        return None
    return any(rangee.get("confirme") is True for rangee in rangees)


def _montant(nom: str) -> Lire:
    def lire(contenu: Contenu, cadre: Cadre) -> Euros | None:
        return getattr(lire_budget(contenu, cadre.annee), nom) if contenu.get("budget_charges") else None

    return lire


def _benevolat(contenu: Contenu, _cadre: Cadre) -> Euros | None:
    if not contenu.get("budget_charges"):
        return None
    rangees = contenu.get("ressources_volontaires") or ()
    return Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees if r.get("compte") == COMPTE_BENEVOLAT)


def _etp(_contenu: Contenu, cadre: Cadre) -> Fraction | None:
    centiemes = cadre.salaries_etp_centiemes
    return None if centiemes is None else Fraction(centiemes, 100)


def _indicateurs(colonne: str, nombre: int) -> Lire:
    def lire(contenu: Contenu, _cadre: Cadre) -> bool | None:
        rangees = contenu.get("indicateurs")
        if not rangees:
            return None
        return sum(bool(str(rangee.get(colonne) or "").strip()) for rangee in rangees) >= nombre

    return lire


def _premiere_demande(contenu: Contenu, cadre: Cadre) -> bool:
    precedents = contenu.get("precedents") or ()
    deja = any(rangee.get(colonne) for rangee in precedents for colonne in ("demande", "accorde", "depense"))
    return not (cadre.renouvelle or contenu.get("renouvelle") or deja)


_CASE = "Coché : oui. Non coché : non, la question a été posée ; sur le chemin court elle ne l’est pas, il manque."
_LISTE = "Tel que choisi. Rien de choisi : aucun ; sur le chemin court la question n’est pas posée, il manque."
_EXIGE = "Tel que déclaré ; absent, il manque."


def _cases(*codes: str) -> tuple[Correspondance, ...]:
    return tuple(Correspondance(code, (code,), _CASE, _oui(code)) for code in codes)


CORRESPONDANCES: tuple[Correspondance, ...] = (
    Correspondance("objectif_principal", ("objectif_principal",), _EXIGE, _code("objectif_principal")),
    Correspondance("objectifs_secondaires", ("objectifs_secondaires",), _LISTE, _codes("objectifs_secondaires")),
    Correspondance(
        "objectifs_operationnels", ("objectifs_operationnels",), f"{_LISTE} Les pistes (T.1.P1) vont au fait suivant.",
        _sans_pistes,
    ),
    Correspondance(
        "pistes_transversales", ("objectifs_operationnels",),
        "Les codes de piste (T.1.P1) ; aucun : il manque, le formulaire ne les propose pas.", _pistes,
    ),
    *_cases("orientation_nationale"),
    Correspondance(
        "appel_sans_orientation_nationale", (), "Vrai si l’appel ne fixe aucune orientation nationale.",
        lambda _contenu, cadre: not cadre.orientations_nationales,
    ),
    *_cases("visee_professionnelle", "public_enfants_jeunes"),
    Correspondance("fiches_visees", ("fiches",), _EXIGE, _codes("fiches")),
    Correspondance(
        "priorites_fiche", ("priorites",), f"« DROUOT:1 » s’écrit « DROUOT.1 » dans la grille. {_LISTE}", _priorites
    ),
    Correspondance("besoins_fiche", ("besoins_fiche",), _LISTE, _codes("besoins_fiche")),
    Correspondance("communes_touchees", ("communes",), _EXIGE, _codes("communes")),
    Correspondance("beneficiaires", ("beneficiaires",), _EXIGE, _beneficiaires),
    Correspondance(
        "part_qpv", ("beneficiaires_qpv", "beneficiaires"),
        "Le rapport des deux ; manque si le total est nul ou absent.", _part_qpv,
    ),
    *_cases("diagnostic_sexue", "amenagement_concret", "indicateur_sexue", "action_de_rattrapage"),
    *_cases("atelier_sociolinguistique", "frein_linguistique_leve"),
    Correspondance("participation_degre", ("participation_degre",), _EXIGE, _code("participation_degre")),
    Correspondance("participation_phases", ("participation_phases",), _LISTE, _codes("participation_phases")),
    Correspondance(
        "partenaire_confirme", ("partenaires",),
        "Vrai si un partenaire au moins est confirmé ; leur nombre ne compte pas.", _partenaire,
    ),
    Correspondance("aller_vers_hors_les_murs", ("aller_vers",), _CASE, _oui("aller_vers")),
    Correspondance("cooperation_depuis_le_demarrage", ("cooperation_demarrage",), _CASE, _oui("cooperation_demarrage")),
    Correspondance(
        "charges_total", ("budget_charges",), "La somme des dépenses, hors contributions volontaires.",
        _montant("charges"),
    ),
    Correspondance(
        "produits_acquis", ("budget_produits",), "Les autres recettes acquises, hors des lignes du contrat.",
        _montant("produits_acquis"),
    ),
    Correspondance(
        "produits_sollicites", ("budget_produits",), "Les autres recettes qui ne sont pas acquises.",
        _montant("produits_sollicites"),
    ),
    Correspondance(
        "benevolat_valorise", ("ressources_volontaires",), "Le compte 870 seul : ni prestations ni dons en nature.",
        _benevolat,
    ),
    Correspondance("etp_porteur", (), "Les salariés de l’organisation, en équivalents temps plein.", _etp),
    Correspondance(
        "deux_indicateurs_avec_cible", ("indicateurs",), "Deux indicateurs au moins ont une cible.",
        _indicateurs("cible", 2),
    ),
    Correspondance(
        "mode_de_mesure", ("indicateurs",), "Un indicateur au moins dit comment il se mesure.",
        _indicateurs("mesure", 1),
    ),
    Correspondance("calendrier", ("calendrier",), "Rempli : oui ; absent, il manque.", _texte("calendrier")),
    Correspondance("moyens_identifies", ("moyens",), "Rempli : oui ; absent, il manque.", _texte("moyens")),
    Correspondance(
        "premiere_demande", ("renouvelle", "precedents"),
        "Vrai si le dossier n’en renouvelle aucun et ne dit aucun montant de l’an dernier.", _premiere_demande,
    ),
)  # fmt: skip


def faits_du_contenu(contenu: Contenu, cadre: Cadre) -> FaitsDossier:
    """Les faits du contenu figé. Ceux du porteur sont déclarés, ceux du service et de l'appel vérifiés d'emblée.

    Source : conception/notation.md, colonne « faits » ; règle des cases : choix du projet.
    """
    faits: dict[str, Fait] = {}
    for correspondance in CORRESPONDANCES:
        valeur = correspondance.lire(contenu, cadre)
        if valeur is not None:
            porteur = CATALOGUE[correspondance.fait].declarant is Declarant.PORTEUR
            faits[correspondance.fait] = Fait(valeur, Statut.DECLARE if porteur else Statut.VERIFIE)
    return FaitsDossier(faits)


def avec_externes(faits: FaitsDossier, externes: Iterable[Constat]) -> FaitsDossier:
    """Les faits, ceux appris des étapes d'après ajoutés, vérifiés d'emblée. Un fait hors du catalogue est laissé.

    Choix du projet : architecture, « un fait remonte par écriture, jamais par lecture ».
    """
    lus = {externe.code: valeur_depuis_json(externe.code, externe.valeur) for externe in externes}
    return faits.avec(**{code: Fait(valeur, Statut.VERIFIE) for code, valeur in lus.items() if valeur is not None})


def avec_constats(faits: FaitsDossier, constats: Iterable[Constat]) -> FaitsDossier:
    """Les faits, ceux que les agents ont vérifiés ou corrigés à leur place ; le dernier par code l'emporte.

    Une vérification ne vaut que pour la valeur vérifiée : si le porteur l'a changée depuis (complément), le fait
    redevient déclaré. Une correction tient jusqu'à la suivante.
    Source : conception/notation.md, « Un fait est déclaré, vérifié ou corrigé (motif) ».
    """
    retenus: dict[str, Fait] = {}
    for constat in constats:
        valeur = valeur_depuis_json(constat.code, constat.valeur)
        if valeur is None:
            continue
        retenus.pop(constat.code, None)
        declare = faits.fait(constat.code)
        perime = constat.statut is Statut.VERIFIE and declare is not None and declare.valeur != valeur
        if not perime:
            motif = constat.motif if constat.statut is Statut.CORRIGE else ""
            retenus[constat.code] = Fait(valeur, constat.statut, motif)
    return faits.avec(**retenus)


def figer(faits: FaitsDossier, medianes: Medianes | None) -> FaitsDossier:
    """Les faits à noter : munis des médianes de l'appel si la recevabilité est close, sans médiane sinon.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """
    return faits.sans("comparables", "mediane_cout") if medianes is None else avec_medianes(faits, medianes)
