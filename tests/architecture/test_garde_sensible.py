"""Aucune donnée nominative de bénéficiaire n'entre dans une note : ni nom, ni origine, ni sexe d'une personne.

Les critères d'égalité et de langue lisent des moyens déclarés (diagnostic, aménagement, atelier), jamais des personnes.
Chaque liste est fermée : l'allonger est une décision, à prendre en connaissance de cause (ADR 0021).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import pytest

from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import CHAMPS, champ
from app.etapes.dossier.rules.formes import Forme
from app.etapes.notation.rules import CORRESPONDANCES, Cadre, faits_du_contenu
from app.etapes.notation.rules.correspondance import Lecture
from app.etapes.notation.rules.saisie import valeurs_admises
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, TypeFait, faits_lus, lexique
from tests.etapes.notation.lecture_cas import la_grille
from tests.factories import contenu_complet

FAITS = {
    "objectif_principal", "objectifs_secondaires", "objectifs_operationnels", "pistes_transversales",
    "actions_feuille_de_route", "orientation_nationale", "appel_sans_orientation_nationale", "visee_professionnelle",
    "public_enfants_jeunes", "fiches_visees", "priorites_fiche", "besoins_fiche", "communes_touchees",
    "competence_m2a_etablie", "beneficiaires", "part_qpv", "diagnostic_sexue", "amenagement_concret",
    "indicateur_sexue", "action_de_rattrapage", "atelier_sociolinguistique", "asl_assiduite", "asl_demi_niveaux",
    "asl_sorties_positives", "asl_plateforme", "frein_linguistique_leve", "participation_degre",
    "participation_phases", "partenaire_confirme", "aller_vers_hors_les_murs", "cooperation_depuis_le_demarrage",
    "charges_total", "produits_acquis", "produits_sollicites", "benevolat_valorise", "etp_porteur",
    "deux_indicateurs_avec_cible", "mode_de_mesure", "calendrier", "moyens_identifies", "type_action", "comparables",
    "mediane_cout", "premiere_demande", "bilan_precedent", "cibles_atteintes",
}  # fmt: skip
CHAMPS_LUS = {
    "objectif_principal", "objectifs_secondaires", "objectifs_operationnels", "orientation_nationale",
    "visee_professionnelle", "public_enfants_jeunes", "fiches", "priorites", "besoins_fiche", "communes",
    "beneficiaires", "beneficiaires_qpv", "diagnostic_sexue", "amenagement_concret", "indicateur_sexue",
    "action_de_rattrapage", "atelier_sociolinguistique", "frein_linguistique_leve", "participation_degre",
    "participation_phases", "partenaires", "aller_vers", "cooperation_demarrage", "budget_charges", "budget_produits",
    "ressources_volontaires", "indicateurs", "calendrier", "moyens", "renouvelle", "precedents",
}  # fmt: skip
LANGUE_ET_EGALITE = {
    "EGA": {"action_de_rattrapage", "diagnostic_sexue", "amenagement_concret", "indicateur_sexue"},
    "LAN": {
        "objectif_principal", "atelier_sociolinguistique", "frein_linguistique_leve", "asl_assiduite",
        "asl_demi_niveaux", "asl_sorties_positives", "asl_plateforme",
    },
}  # fmt: skip
TEXTES_SANS_CONTENU = {"calendrier", "moyens"}
"""Deux textes libres dont la note sait seulement s'ils sont remplis."""
PERSONNES = re.compile(
    r"\b(nom|prenom|sexe|genre|origine|nationalite|ethni\w*|race|religion|croyance|naissance|age|sante|handicap|"
    r"identite|courriel|telephone|adresse|femmes|hommes|filles|garcons|etranger\w*|immigre\w*)\b"
)


def plat(texte: str) -> str:
    """Sans accent, sans « _ » : « âge » se lit « age »."""
    decompose = unicodedata.normalize("NFKD", texte.casefold())
    return "".join(c for c in decompose if not unicodedata.combining(c)).replace("_", " ")


def test_le_catalogue_des_faits_est_une_liste_fermee() -> None:
    assert set(CATALOGUE) == FAITS


def test_aucun_fait_n_est_un_texte_libre() -> None:
    assert {definition.type for definition in CATALOGUE.values()} <= set(TypeFait)
    assert {forme.value for forme in TypeFait} == {"booleen", "entier", "fraction", "montant", "code", "codes"}
    du_contrat = {
        "objectif_principal", "objectifs_secondaires", "objectifs_operationnels", "pistes_transversales",
        "actions_feuille_de_route", "fiches_visees", "priorites_fiche", "besoins_fiche", "communes_touchees",
    }  # fmt: skip
    ouverts = {
        code
        for code, definition in CATALOGUE.items()
        if definition.type in (TypeFait.CODE, TypeFait.CODES) and not valeurs_admises(definition)
    }
    assert ouverts == du_contrat, "un code vient d'une liste fermée, ou du contrat de ville"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_aucun_fait_ne_parle_d_une_personne(code: str) -> None:
    definition = CATALOGUE[code]
    textes = [code, definition.libelle, *(libelle for _, libelle in definition.valeurs)]
    assert [texte for texte in textes if PERSONNES.search(plat(texte))] == []


def test_l_essai_voit_un_fait_interdit() -> None:
    for interdit in ("sexe des bénéficiaires", "pays d’origine", "nom du bénéficiaire", "âge moyen", "part_femmes"):
        assert PERSONNES.search(plat(interdit)), interdit


def test_les_champs_lus_sont_une_liste_fermee() -> None:
    assert {code for correspondance in CORRESPONDANCES for code in correspondance.champs} == CHAMPS_LUS
    assert {correspondance.fait for correspondance in CORRESPONDANCES} <= FAITS


def test_les_textes_libres_lus_ne_comptent_que_par_leur_presence() -> None:
    libres = {
        code for code in CHAMPS_LUS if (trouve := champ(code)) is not None and trouve.forme in (Forme.TEXTE, Forme.LONG)
    }
    assert libres <= TEXTES_SANS_CONTENU | {"renouvelle"}


class Temoin(dict[str, object]):
    """Un contenu qui retient ce qu'on lui demande."""

    def __init__(self, contenu: Mapping[str, object]) -> None:
        super().__init__(contenu)
        self.lus: set[str] = set()

    def __getitem__(self, cle: str) -> object:
        self.lus.add(cle)
        return super().__getitem__(cle)

    def __contains__(self, cle: object) -> bool:
        self.lus.add(str(cle))
        return super().__contains__(cle)

    def get(self, cle: str, defaut: object = None) -> object:  # type: ignore[override]
        self.lus.add(cle)
        return super().get(cle, defaut)


def test_chaque_fait_ne_lit_que_les_champs_qu_il_annonce() -> None:
    """Par l'usage : ce que chaque lecture demande vraiment au contenu. Un montant lit tout le budget, rien d'autre."""
    du_budget = Temoin(contenu_complet(2027))
    lire_budget(du_budget, 2027)
    for correspondance in CORRESPONDANCES:
        temoin = Temoin(contenu_complet(2027))
        valeur = correspondance.lire(Lecture(temoin, Cadre(2027)))
        admis = set(correspondance.champs)
        if isinstance(valeur, Euros):
            admis |= du_budget.lus | {"budget_charges"}
        assert temoin.lus <= admis, (correspondance.fait, temoin.lus - admis)
    assert not any(PERSONNES.search(plat(code)) for code in du_budget.lus)


def test_changer_les_personnes_ne_change_aucun_fait() -> None:
    """Le public dit par sexe et par âge, les noms, les textes : rien de cela ne change une note."""
    lus = {code for correspondance in CORRESPONDANCES for code in correspondance.champs}
    avant = faits_du_contenu(contenu_complet(2027), Cadre(2027))
    autres = {
        c.code: "Autre chose (fictif)." for c in CHAMPS if c.forme in (Forme.TEXTE, Forme.LONG) and c.code not in lus
    }
    apres = faits_du_contenu(contenu_complet(2027) | autres | {"beneficiaires_femmes": 0}, Cadre(2027))
    assert avant == apres


@pytest.mark.parametrize("critere", ["EGA", "LAN"])
def test_l_egalite_et_la_langue_lisent_des_moyens_declares(critere: str) -> None:
    grille = la_grille()
    noms = lexique(grille)
    trouve = next(c for c in grille.criteres if c.code == critere)
    lus = {code for bareme in trouve.baremes for palier in bareme.paliers for code in faits_lus(palier.si, noms)}
    assert lus <= LANGUE_ET_EGALITE[critere]
