"""Les champs du dossier : code stable, section, forme, et ce qui est exigé au dépôt (chemin court ou complet)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Section(StrEnum):
    """Une étape du formulaire, dans l'ordre où on la remplit."""

    PROJET = "projet"
    TERRITOIRE = "territoire"
    PUBLIC = "public"
    DEROULEMENT = "deroulement"
    HABITANTS = "habitants"
    BUDGET = "budget"
    FINANCEMENT = "financement"
    ATTESTATIONS = "attestations"

    @property
    def libelle(self) -> str:
        """Le titre de l'étape à l'écran."""
        return _TITRES[self]


_TITRES = {
    Section.PROJET: "Votre projet",
    Section.TERRITOIRE: "Les quartiers",
    Section.PUBLIC: "Le public",
    Section.DEROULEMENT: "Le déroulement",
    Section.HABITANTS: "Habitants et partenaires",
    Section.BUDGET: "Le budget",
    Section.FINANCEMENT: "Ce que vous demandez",
    Section.ATTESTATIONS: "Les attestations",
}


class Forme(StrEnum):
    """La forme de la valeur gardée (JSON)."""

    TEXTE = "texte"
    LONG = "long"
    ENTIER = "entier"
    DATE = "date"
    CODE = "code"
    CODES = "codes"
    OUI = "oui"
    TABLE = "table"


class FormeColonne(StrEnum):
    """La forme d'une colonne de table."""

    TEXTE = "texte"
    ENTIER = "entier"
    MONTANT = "montant"
    CODE = "code"
    OUI = "oui"


@dataclass(frozen=True, slots=True)
class Colonne:
    """Une colonne d'un champ-table. `cle` : exigée dès qu'une case de la rangée l'est ; `positif` : zéro refusé."""

    code: str
    libelle: str
    forme: FormeColonne
    cle: bool = False
    positif: bool = False
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Champ:
    """Un champ. `exige` au dépôt, `exige_court` aussi sur le chemin court ; `domaine` : la liste dont vient le code."""

    code: str
    section: Section
    libelle: str
    forme: Forme
    aide: str = ""
    exige: bool = True
    exige_court: bool = True
    maximum: int = 0
    domaine: str = ""
    options: tuple[tuple[str, str], ...] = ()
    colonnes: tuple[Colonne, ...] = ()


AGES = (("0_5", "0 à 5 ans"), ("6_11", "6 à 11 ans"), ("12_17", "12 à 17 ans"), ("18_25", "18 à 25 ans"),
        ("26_64", "26 à 64 ans"), ("65", "65 ans et plus"))  # fmt: skip
DEGRES = (
    ("aucun", "Ils n’y prennent pas part"),
    ("information", "Ils sont informés"),
    ("consultation", "Ils sont consultés"),
    ("concertation", "Ils sont associés aux choix (concertation)"),
    ("co_decision", "Ils décident avec nous (co-décision)"),
    ("initiative", "L’action vient d’eux (initiative d’habitants)"),
)
PHASES = (
    ("difficultes", "Identifier les difficultés"),
    ("analyse", "Analyser les causes"),
    ("elaboration", "Construire l’action"),
    ("suivi", "Suivre et évaluer"),
)
COMPTES_CHARGES = (
    ("60", "60 Achats"), ("61", "61 Services extérieurs"), ("62", "62 Autres services extérieurs"),
    ("63", "63 Impôts et taxes"), ("64", "64 Charges de personnel"), ("65", "65 Autres charges de gestion"),
    ("66", "66 Charges financières"), ("67", "67 Charges exceptionnelles"), ("68", "68 Dotations"),
    ("69", "69 Impôt sur les bénéfices"), ("IND", "Charges indirectes affectées à l’action"),
)  # fmt: skip
COMPTES_PRODUITS = (
    ("70", "70 Ventes, prestations"), ("73", "73 Dotations et tarification"), ("74", "74 Autres subventions"),
    ("75", "75 Cotisations, dons, autres"), ("76", "76 Produits financiers"), ("77", "77 Produits exceptionnels"),
    ("78", "78 Reports de ressources"), ("79", "79 Transferts de charges"), ("PROPRES", "Ressources propres affectées"),
)  # fmt: skip
EMPLOIS_VOLONTAIRES = (
    ("860", "860 Secours en nature"), ("861", "861 Mise à disposition gratuite"), ("862", "862 Prestations"),
    ("864", "864 Personnel bénévole"),
)  # fmt: skip
RESSOURCES_VOLONTAIRES = (
    ("870", "870 Bénévolat"), ("871", "871 Prestations en nature"), ("875", "875 Dons en nature"),
)  # fmt: skip
# Source : ANCT, nomenclature des thèmes du programme 147 depuis 2024 (reference/domaine.md).
THEMES_P147 = (
    ("1", "1 Éducation"),
    ("2", "2 Accès aux droits"),
    ("3", "3 Cadre de vie, sociabilité et transitions"),
    ("4", "4 Jeunesse, culture, sports, loisirs"),
    ("5", "5 Emploi et développement économique"),
    ("6", "6 Soutien aux acteurs"),
)
STATUTS_PRODUIT = (("acquis", "Acquis"), ("sollicite", "Sollicité"))
DUREES = (
    ("1", "Un an"),
    ("2", "Convention pluriannuelle d’objectifs (CPO) de 2 ans"),
    ("3", "Convention pluriannuelle d’objectifs (CPO) de 3 ans"),
)

_P, _T, _PU, _D = Section.PROJET, Section.TERRITOIRE, Section.PUBLIC, Section.DEROULEMENT
_H, _B, _F, _A = Section.HABITANTS, Section.BUDGET, Section.FINANCEMENT, Section.ATTESTATIONS
_MONTANT = FormeColonne.MONTANT


def _poste(comptes: tuple[tuple[str, str], ...]) -> tuple[Colonne, ...]:
    return (
        Colonne("compte", "Compte", FormeColonne.CODE, cle=True, options=comptes),
        Colonne("libelle", "Précision", FormeColonne.TEXTE),
        Colonne("montant", "Montant", _MONTANT, cle=True),
    )


CHAMPS: tuple[Champ, ...] = (
    Champ("titre", _P, "Titre de l’action", Forme.TEXTE, "Court et parlant : c’est lui qui sera publié.", maximum=120),
    Champ("besoin", _P, "À quel besoin répond-elle ?", Forme.LONG, "Qui l’a constaté, et comment ?", maximum=4000),
    Champ("description", _P, "Que ferez-vous concrètement ?", Forme.LONG, maximum=8000),
    Champ("objectif_principal", _P, "Objectif principal du contrat", Forme.CODE, domaine="objectifs"),
    Champ("objectifs_secondaires", _P, "Autres objectifs", Forme.CODES, "Deux au plus.", exige=False,
          exige_court=False, maximum=2, domaine="objectifs"),
    Champ("objectifs_operationnels", _P, "Objectifs opérationnels", Forme.CODES,
          "Ceux du contrat auxquels l’action répond.", exige=False, exige_court=False, domaine="operationnels"),
    Champ("orientation_nationale", _P, "L’action répond à une orientation nationale de l’année", Forme.OUI,
          exige=False, exige_court=False),
    Champ("visee_professionnelle", _P, "L’action prépare à un emploi ou à un métier", Forme.OUI, exige=False,
          exige_court=False),
    Champ("fiches", _T, "Projets de quartier visés", Forme.CODES, domaine="fiches"),
    Champ("priorites", _T, "Priorités de ces projets de quartier", Forme.CODES, exige=False, exige_court=False,
          domaine="priorites"),
    Champ("besoins_fiche", _T, "Projets dont l’action reprend un besoin sans priorité", Forme.CODES, exige=False,
          exige_court=False, domaine="fiches"),
    Champ("quartiers_beneficiaires", _T, "Où habitent les bénéficiaires ?", Forme.CODES, domaine="quartiers"),
    Champ("lieu", _T, "Où se passe l’action ?", Forme.TEXTE, "Une adresse, un équipement, un espace public.",
          maximum=300),
    Champ("communes", _T, "Communes où l’action se déroule", Forme.CODES, domaine="communes"),
    Champ("beneficiaires", _PU, "Nombre de personnes attendues", Forme.ENTIER, maximum=1_000_000),
    Champ("beneficiaires_qpv", _PU, "dont habitant un quartier prioritaire", Forme.ENTIER, maximum=1_000_000),
    Champ("beneficiaires_femmes", _PU, "dont femmes et filles", Forme.ENTIER, maximum=1_000_000),
    Champ("ages", _PU, "Âges", Forme.TABLE, exige=False, exige_court=False, colonnes=(
        Colonne("tranche", "Tranche d’âge", FormeColonne.CODE, cle=True, options=AGES),
        Colonne("nombre", "Nombre", FormeColonne.ENTIER, cle=True),
    )),
    Champ("public_enfants_jeunes", _PU, "L’action s’adresse d’abord aux enfants ou aux jeunes", Forme.OUI,
          exige=False, exige_court=False),
    Champ("diagnostic_sexue", _PU, "Un constat chiffré distingue les femmes et les hommes", Forme.OUI, exige=False,
          exige_court=False),
    Champ("amenagement_concret", _PU, "Un aménagement facilite la venue des femmes (horaires, garde, lieu)", Forme.OUI,
          exige=False, exige_court=False),
    Champ("indicateur_sexue", _PU, "Un indicateur compte séparément les femmes et les hommes", Forme.OUI,
          exige=False, exige_court=False),
    Champ("action_de_rattrapage", _PU, "L’action vise à corriger une inégalité entre femmes et hommes", Forme.OUI,
          exige=False, exige_court=False),
    Champ("frein_linguistique_leve", _PU, "Un moyen précis aide les personnes qui parlent peu français", Forme.OUI,
          exige=False, exige_court=False),
    Champ("atelier_sociolinguistique", _PU, "L’action est un atelier sociolinguistique (ASL)", Forme.OUI,
          exige=False, exige_court=False),
    Champ("debut", _D, "Début", Forme.DATE),
    Champ("fin", _D, "Fin", Forme.DATE),
    Champ("calendrier", _D, "Les grandes étapes", Forme.LONG, exige_court=False, maximum=3000),
    Champ("moyens", _D, "Les moyens humains et matériels", Forme.LONG, exige_court=False, maximum=3000),
    Champ("indicateurs", _D, "Comment saurez-vous que l’action a réussi ?", Forme.TABLE,
          "Un indicateur, sa cible, la façon de le mesurer.", exige_court=False, colonnes=(
              Colonne("libelle", "Indicateur", FormeColonne.TEXTE, cle=True),
              Colonne("cible", "Cible", FormeColonne.TEXTE),
              Colonne("mesure", "Comment le mesurer ?", FormeColonne.TEXTE),
          )),
    Champ("participation_degre", _H, "Quelle place pour les habitants ?", Forme.CODE, exige_court=False,
          options=DEGRES),
    Champ("participation_phases", _H, "À quels moments ?", Forme.CODES, exige=False, exige_court=False,
          options=PHASES),
    Champ("participation", _H, "Comment, concrètement ?", Forme.LONG, exige=False, exige_court=False, maximum=3000),
    Champ("partenaires", _H, "Partenaires", Forme.TABLE, exige=False, exige_court=False, colonnes=(
        Colonne("nom", "Organisme", FormeColonne.TEXTE, cle=True),
        Colonne("apport", "Ce qu’il apporte", FormeColonne.TEXTE),
        Colonne("confirme", "Confirmé", FormeColonne.OUI),
    )),
    Champ("aller_vers", _H, "L’action va vers les gens, hors des murs", Forme.OUI, exige=False, exige_court=False),
    Champ("cooperation_demarrage", _H, "Les partenaires ont construit l’action avec nous", Forme.OUI, exige=False,
          exige_court=False),
    Champ("budget_charges", _B, "Dépenses", Forme.TABLE, colonnes=_poste(COMPTES_CHARGES)),
    Champ("budget_produits", _B, "Autres recettes", Forme.TABLE,
          "Sans les financeurs du contrat : leurs montants viennent de l’étape suivante.", exige=False,
          exige_court=False, colonnes=(
              *_poste(COMPTES_PRODUITS),
              Colonne("statut", "Statut", FormeColonne.CODE, options=STATUTS_PRODUIT),
          )),
    Champ("emplois_volontaires", _B, "Contributions volontaires : emplois (86)", Forme.TABLE, exige=False,
          exige_court=False, colonnes=_poste(EMPLOIS_VOLONTAIRES)),
    Champ("ressources_volontaires", _B, "Contributions volontaires : ressources (87)", Forme.TABLE, exige=False,
          exige_court=False, colonnes=_poste(RESSOURCES_VOLONTAIRES)),
    Champ("duree", _F, "Durée de la demande", Forme.CODE, options=DUREES),
    Champ("demandes", _F, "Montants demandés", Forme.TABLE, colonnes=(
        Colonne("ligne", "Financeur", FormeColonne.CODE, cle=True),
        Colonne("annee", "Année", FormeColonne.ENTIER, cle=True),
        Colonne("montant", "Montant demandé", _MONTANT, cle=True, positif=True),
    )),
    Champ("precedents", _F, "L’an dernier", Forme.TABLE, exige=False, exige_court=False, colonnes=(
        Colonne("ligne", "Financeur", FormeColonne.CODE, cle=True),
        Colonne("demande", "Demandé", _MONTANT),
        Colonne("accorde", "Accordé", _MONTANT),
        Colonne("depense", "Dépensé", _MONTANT),
    )),
    Champ("renouvelle", _F, "Dossier de l’an dernier que celui-ci renouvelle", Forme.TEXTE, exige=False,
          exige_court=False, maximum=40),
    Champ("theme_p147", _F, "Thème du programme 147 (État)", Forme.CODE, exige=False, exige_court=False,
          options=THEMES_P147),
    Champ("numero_dauphin", _F, "Numéro Dauphin", Forme.TEXTE, exige=False, exige_court=False, maximum=30),
    Champ("a_jour", _A, "L’organisation est à jour de ses obligations administratives, comptables, sociales et "
          "fiscales", Forme.OUI),
    Champ("sincere", _A, "Les informations sont exactes et sincères, y compris les demandes aux autres financeurs",
          Forme.OUI),
    Champ("cer", _A, "L’organisation a souscrit le contrat d’engagement républicain", Forme.OUI, exige=False,
          exige_court=False),
)  # fmt: skip

_PAR_CODE = {champ.code: champ for champ in CHAMPS}


def champ(code: str) -> Champ | None:
    """Le champ de ce code, ou None.

    Source : reference/domaine.md § 1.3 (Cerfa 12156*06) et § 2.3.
    """
    return _PAR_CODE.get(code)


def champs_de(section: Section) -> tuple[Champ, ...]:
    """Les champs d'une étape, dans l'ordre.

    Choix du projet : conception/maquette/formulaire.html (étapes courtes).
    """
    return tuple(c for c in CHAMPS if c.section is section)
