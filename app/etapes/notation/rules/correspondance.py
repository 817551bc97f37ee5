"""Du dossier aux faits : une ligne par fait, ce qu'elle lit et pourquoi. Puis ce que l'administration a établi."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.dossier.rules.budget import Budget, lire_budget
from app.etapes.dossier.rules.champs import champ
from app.etapes.notation.rules.faits import PARTAGES, FaitsDossier, FaitsInvalides
from app.etapes.notation.rules.medianes import Medianes, faits_de_la_mediane
from app.etapes.notation.rules.saisie import valeur_depuis_json
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Declarant, Fait, Statut, TypeFait, Valeur

Contenu = Mapping[str, Any]
COMPTE_BENEVOLAT = "870"
_DECLARE, _VERIFIE = Statut.DECLARE, Statut.VERIFIE
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


class Lecture:
    """Un contenu figé et son cadre, en cours de lecture : le budget ne se lit qu'une fois.

    Choix du projet : issue 4, « scoring is pure and fast ».
    """

    __slots__ = ("_budget", "cadre", "contenu")

    def __init__(self, contenu: Contenu, cadre: Cadre) -> None:
        self.contenu = contenu
        self.cadre = cadre
        self._budget: Budget | None = None

    @property
    def budget(self) -> Budget:
        """Les totaux du budget de l'action."""
        if self._budget is None:
            self._budget = lire_budget(self.contenu, self.cadre.annee)
        return self._budget


Lire = Callable[[Lecture], Valeur | None]


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
    def lire(lu: Lecture) -> bool | None:
        if code in lu.contenu:
            return lu.contenu[code] is True
        return None if lu.cadre.est_chemin_court else False

    return lire


def _code(code: str) -> Lire:
    return lambda lu: lu.contenu.get(code) or None


def _codes(code: str) -> Callable[[Lecture], frozenset[str] | None]:
    trouve = champ(code)
    est_facultatif = trouve is not None and not trouve.exige

    def lire(lu: Lecture) -> frozenset[str] | None:
        valeurs = lu.contenu.get(code)
        if valeurs:
            return frozenset(valeurs)
        return frozenset() if est_facultatif and not lu.cadre.est_chemin_court else None

    return lire


def _texte(code: str) -> Lire:
    return lambda lu: True if str(lu.contenu.get(code) or "").strip() else None


_operationnels, _retenues = _codes("objectifs_operationnels"), _codes("priorites")


def _sans_pistes(lu: Lecture) -> frozenset[str] | None:
    codes = _operationnels(lu)
    return None if codes is None else frozenset([c for c in codes if not _PISTE.search(c)])


def _pistes(lu: Lecture) -> frozenset[str] | None:
    return frozenset([c for c in lu.contenu.get("objectifs_operationnels") or () if _PISTE.search(c)]) or None


def _priorites(lu: Lecture) -> frozenset[str] | None:
    codes = _retenues(lu)
    return None if codes is None else frozenset([c.replace(":", ".") for c in codes])


def _beneficiaires(lu: Lecture) -> int | None:
    return lu.contenu.get("beneficiaires")


def _part_qpv(lu: Lecture) -> Fraction | None:
    total, en_qpv = lu.contenu.get("beneficiaires"), lu.contenu.get("beneficiaires_qpv")
    return Fraction(en_qpv, total) if total and en_qpv is not None else None


def _partenaire(lu: Lecture) -> bool | None:
    rangees = lu.contenu.get("partenaires") or ()
    if not rangees and lu.cadre.est_chemin_court:
        return None
    return any(rangee.get("confirme") is True for rangee in rangees)


def _montant(nom: str) -> Lire:
    return lambda lu: getattr(lu.budget, nom) if lu.contenu.get("budget_charges") else None


def _benevolat(lu: Lecture) -> Euros | None:
    if not lu.contenu.get("budget_charges"):
        return None
    rangees = lu.contenu.get("ressources_volontaires") or ()
    return Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees if r.get("compte") == COMPTE_BENEVOLAT)


def _etp(lu: Lecture) -> Fraction | None:
    centiemes = lu.cadre.salaries_etp_centiemes
    return None if centiemes is None else Fraction(centiemes, 100)


def _indicateurs(colonne: str, nombre: int) -> Lire:
    def lire(lu: Lecture) -> bool | None:
        rangees = lu.contenu.get("indicateurs")
        if not rangees:
            return None
        return sum(bool(str(rangee.get(colonne) or "").strip()) for rangee in rangees) >= nombre

    return lire


def _premiere_demande(lu: Lecture) -> bool:
    precedents = lu.contenu.get("precedents") or ()
    deja = any(rangee.get(colonne) for rangee in precedents for colonne in ("demande", "accorde", "depense"))
    return not (lu.cadre.renouvelle or lu.contenu.get("renouvelle") or deja)


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
        lambda lu: not lu.cadre.orientations_nationales,
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
    return FaitsDossier.etablis(_du_contenu(contenu, cadre))


def faits_a_noter(
    contenu: Contenu,
    cadre: Cadre,
    externes: Iterable[Constat] = (),
    constats: Iterable[Constat] = (),
    medianes: Medianes | None = None,
) -> FaitsDossier:
    """Les faits à noter : le contenu, ce que les étapes d'après ont appris, ce que les agents ont établi, les médianes.

    Chacun l'emporte sur le précédent. Sans `medianes` (recevabilité ouverte), le coût ne se compare pas encore.
    Source : conception/notation.md, colonne « faits » ; reference/donnees/grille-depart.yaml, critère COU.
    """
    faits = _du_contenu(contenu, cadre)
    faits.update(_des_externes(externes))
    faits.update(_des_constats(faits, constats))
    faits.pop("comparables", None)
    faits.pop("mediane_cout", None)
    if medianes is not None:
        faits.update(faits_de_la_mediane(faits.get("type_action"), medianes))
    return FaitsDossier.etablis(faits)


def avec_externes(faits: FaitsDossier, externes: Iterable[Constat]) -> FaitsDossier:
    """Les faits, ceux appris des étapes d'après ajoutés, vérifiés d'emblée. Un fait hors du catalogue est laissé.

    Choix du projet : architecture, « un fait remonte par écriture, jamais par lecture ».
    """
    return faits.avec(**_des_externes(externes))


def avec_constats(faits: FaitsDossier, constats: Iterable[Constat]) -> FaitsDossier:
    """Les faits, ceux que les agents ont vérifiés ou corrigés à leur place ; le dernier par code l'emporte.

    Une vérification ne vaut que pour la valeur vérifiée : si le porteur l'a changée depuis (complément), le fait
    redevient déclaré. Une correction tient jusqu'à la suivante.
    Source : conception/notation.md, « Un fait est déclaré, vérifié ou corrigé (motif) ».
    """
    return faits.avec(**_des_constats(faits.faits, constats))


_LECTURES = tuple(
    (c.fait, c.lire, _DECLARE if definition.declarant is Declarant.PORTEUR else _VERIFIE, definition)
    for c in CORRESPONDANCES
    for definition in (CATALOGUE[c.fait],)
)


def _du_contenu(contenu: Contenu, cadre: Cadre) -> dict[str, Fait]:
    """Les faits du contenu, chacun vérifié dans sa forme. Lève FaitsInvalides : le dépôt ne l'aurait pas admis."""
    lecture = Lecture(contenu, cadre)
    faits: dict[str, Fait] = {}
    for code, lire, statut, definition in _LECTURES:
        valeur = lire(lecture)
        if valeur is None:
            continue
        if isinstance(valeur, bool) and definition.type is TypeFait.BOOLEEN:
            faits[code] = PARTAGES[valeur, statut]
            continue
        fait = faits[code] = Fait(valeur, statut)
        if (raison := definition.faute(fait)) is not None:
            raise FaitsInvalides([Faute(code, raison, "fait_invalide")], raison)
    return faits


def _des_externes(externes: Iterable[Constat]) -> dict[str, Fait]:
    lus = ((externe.code, valeur_depuis_json(externe.code, externe.valeur)) for externe in externes)
    return {code: Fait(valeur, _VERIFIE) for code, valeur in lus if valeur is not None}


def _des_constats(faits: Mapping[str, Fait], constats: Iterable[Constat]) -> dict[str, Fait]:
    retenus: dict[str, Fait] = {}
    for constat in constats:
        valeur = valeur_depuis_json(constat.code, constat.valeur)
        if valeur is None:
            continue
        retenus.pop(constat.code, None)
        declare = faits.get(constat.code)
        perime = constat.statut is _VERIFIE and declare is not None and declare.valeur != valeur
        if not perime:
            motif = constat.motif if constat.statut is Statut.CORRIGE else ""
            retenus[constat.code] = Fait(valeur, constat.statut, motif)
    return retenus
