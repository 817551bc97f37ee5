"""Le catalogue des faits. Un code n'en sort jamais et ne change pas de type : d'anciennes notes s'y rejouent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.referentiels.grilles.rules.faits import Declarant, DefinitionFait, TypeFait

_BOOLEEN, _CODE, _CODES = TypeFait.BOOLEEN, TypeFait.CODE, TypeFait.CODES
_INSTRUCTEUR, _SERVICE = Declarant.INSTRUCTEUR, Declarant.SERVICE

_DEGRES = (
    ("aucun", "aucune participation"),
    ("information", "information"),
    ("consultation", "consultation"),
    ("concertation", "concertation"),
    ("co_decision", "co-décision"),
    ("initiative", "initiative d’habitants"),
)
_PHASES = (
    ("difficultes", "identification des difficultés"),
    ("analyse", "analyse préalable"),
    ("elaboration", "élaboration"),
    ("suivi", "suivi et évaluation"),
)
_BILANS = (
    ("accepte", "accepté"),
    ("hors_delai", "rendu hors délai"),
    ("refuse", "refusé"),
    ("absent", "non rendu"),
)

_OBJECTIFS = (
    DefinitionFait("objectif_principal", "objectif principal", _CODE),
    DefinitionFait("objectifs_secondaires", "objectifs secondaires", _CODES),
    DefinitionFait("objectifs_operationnels", "objectifs opérationnels ou sous-actions", _CODES),
    DefinitionFait("pistes_transversales", "pistes retenues pour l’égalité ou la langue", _CODES),
    DefinitionFait("actions_feuille_de_route", "actions des feuilles de route", _CODES),
    DefinitionFait("orientation_nationale", "réponse à une orientation nationale de l’année", _BOOLEEN),
    DefinitionFait("appel_sans_orientation_nationale", "appel sans orientation nationale", _BOOLEEN, Declarant.APPEL),
    DefinitionFait("visee_professionnelle", "visée professionnelle", _BOOLEEN),
    DefinitionFait("public_enfants_jeunes", "public d’enfants ou de jeunes", _BOOLEEN),
)
_TERRITOIRE = (
    DefinitionFait("fiches_visees", "projets de quartier visés", _CODES),
    DefinitionFait("priorites_fiche", "priorités de fiche retenues", _CODES),
    DefinitionFait("besoins_fiche", "fiches dont un besoin est repris", _CODES),
    DefinitionFait("communes_touchees", "communes touchées", _CODES),
    DefinitionFait("competence_m2a_etablie", "compétence de m2A établie", _BOOLEEN, _INSTRUCTEUR),
    DefinitionFait("beneficiaires", "nombre de bénéficiaires prévus", TypeFait.ENTIER, unite="personnes"),
    DefinitionFait("part_qpv", "part de bénéficiaires habitant un QPV", TypeFait.FRACTION, unite="part"),
)
_TRANSVERSAL = (
    DefinitionFait("diagnostic_sexue", "diagnostic sexué", _BOOLEEN),
    DefinitionFait("amenagement_concret", "aménagement concret", _BOOLEEN),
    DefinitionFait("indicateur_sexue", "indicateur sexué", _BOOLEEN),
    DefinitionFait("action_de_rattrapage", "action de rattrapage", _BOOLEEN),
    DefinitionFait("atelier_sociolinguistique", "atelier sociolinguistique", _BOOLEEN),
    DefinitionFait("asl_assiduite", "taux d’assiduité au bilan", _BOOLEEN),
    DefinitionFait("asl_demi_niveaux", "progressions par demi-niveau au bilan", _BOOLEEN),
    DefinitionFait("asl_sorties_positives", "sorties positives au bilan", _BOOLEEN),
    DefinitionFait("asl_plateforme", "participation à la plateforme départementale", _BOOLEEN),
    DefinitionFait("frein_linguistique_leve", "frein linguistique levé par un moyen précis", _BOOLEEN),
)
_CONDITIONS = (
    DefinitionFait("participation_degre", "degré de participation des habitants", _CODE, valeurs=_DEGRES),
    DefinitionFait("participation_phases", "phases où les habitants prennent part", _CODES, valeurs=_PHASES),
    DefinitionFait("partenaire_confirme", "partenaire confirmé", _BOOLEEN),
    DefinitionFait("aller_vers_hors_les_murs", "aller vers, hors les murs", _BOOLEEN),
    DefinitionFait("cooperation_depuis_le_demarrage", "coopération dès le démarrage", _BOOLEEN),
)
_MOYENS = (
    DefinitionFait("charges_total", "coût de l’action, hors bénévolat", TypeFait.MONTANT, unite="euros"),
    DefinitionFait("produits_acquis", "produits acquis hors des lignes", TypeFait.MONTANT, unite="euros"),
    DefinitionFait("produits_sollicites", "produits sollicités hors des lignes", TypeFait.MONTANT, unite="euros"),
    DefinitionFait("benevolat_valorise", "bénévolat valorisé", TypeFait.MONTANT, unite="euros"),
    DefinitionFait("etp_porteur", "salariés du porteur", TypeFait.FRACTION, unite="ETP"),
    DefinitionFait("deux_indicateurs_avec_cible", "deux indicateurs avec cible", _BOOLEEN),
    DefinitionFait("mode_de_mesure", "mode de mesure", _BOOLEEN),
    DefinitionFait("calendrier", "calendrier", _BOOLEEN),
    DefinitionFait("moyens_identifies", "moyens identifiés", _BOOLEEN),
    DefinitionFait("type_action", "type d’action", _CODE, _INSTRUCTEUR),
    DefinitionFait("comparables", "nombre de dossiers comparables", TypeFait.ENTIER, _SERVICE, "dossiers"),
    DefinitionFait("mediane_cout", "coût médian par bénéficiaire", TypeFait.FRACTION, _SERVICE, "centimes"),
)
_CONTINUITE = (
    DefinitionFait("premiere_demande", "première demande de l’action", _BOOLEEN, _SERVICE),
    DefinitionFait("bilan_precedent", "bilan précédent", _CODE, _SERVICE, valeurs=_BILANS),
    DefinitionFait("cibles_atteintes", "part des cibles atteintes", TypeFait.FRACTION, _SERVICE, "part"),
)

CATALOGUE: Mapping[str, DefinitionFait] = MappingProxyType(
    {
        definition.code: definition
        for definition in (*_OBJECTIFS, *_TERRITOIRE, *_TRANSVERSAL, *_CONDITIONS, *_MOYENS, *_CONTINUITE)
    }
)
