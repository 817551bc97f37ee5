"""Les champs du dossier : code stable, étape, forme, et ce qui est exigé au dépôt (chemin court ou complet)."""

from __future__ import annotations

from app.etapes.dossier.rules import comptes
from app.etapes.dossier.rules.formes import Champ, Colonne, Forme, FormeColonne, Section

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
IDENTIFIE_PAR = (
    ("organisation", "Notre organisation"),
    ("habitants", "Des habitants, des usagers"),
    ("partenaires", "Des partenaires de terrain"),
    ("services_publics", "Des services publics"),
    ("contrat", "Le contrat de ville ou le projet de quartier"),
)
OBJETS = (("action", "Un projet ou une action"), ("fonctionnement", "Le fonctionnement de l’organisation"))
FREQUENCES = (("premiere", "C’est une première demande"), ("renouvellement", "C’est un renouvellement"))
NATURES = (("numeraire", "Une somme d’argent"), ("nature", "Une aide en nature (local, matériel, personnel)"))
CATEGORIES_MOYENS = (
    ("benevoles", "Bénévoles participant activement"), ("cdi", "Salariés en CDI"), ("cdd", "Salariés en CDD"),
    ("aides", "dont emplois aidés"), ("volontaires", "Volontaires (service civique…)"),
)  # fmt: skip
CONTRATS = (("cdi", "CDI"), ("cdd", "CDD"), ("aide", "Emploi aidé"), ("alternance", "Alternance"), ("autre", "Autre"))
STRUCTURES = (
    ("association", "Association"), ("entreprise", "Entreprise"), ("independant", "Indépendant"),
    ("public", "Organisme public"),
)  # fmt: skip
SIEG = (
    ("inferieur", "500 000 € ou moins sur trois exercices"),
    ("superieur", "Plus de 500 000 € sur trois exercices"),
)
# Source : ANCT, nomenclature du programme 147 depuis 2024 (reference/domaine.md, § 7 ; 6.4 : données ANCT 2025).
GROUPES_P147 = (
    ("1 Éducation", (
        ("1", "1 Éducation"), ("1.1", "1.1 Programme de réussite éducative (PRE)"),
        ("1.2", "1.2 Soutien à la scolarité"), ("1.3", "1.3 Cités éducatives"),
        ("1.4", "1.4 Persévérance scolaire et accès à des études supérieures"),
    )),
    ("2 Accès aux droits", (
        ("2", "2 Accès aux droits"), ("2.1", "2.1 Santé"), ("2.2", "2.2 Soutien à la parentalité"),
        ("2.3", "2.3 Citoyenneté"), ("2.4", "2.4 Prévention et lutte contre les discriminations"),
    )),
    ("3 Cadre de vie, sociabilité et transitions", (
        ("3", "3 Cadre de vie, sociabilité et transitions"), ("3.1", "3.1 Cadre de vie"),
        ("3.2", "3.2 Tranquillité et sûreté publique"), ("3.3", "3.3 Médiation sociale"), ("3.4", "3.4 Transitions"),
    )),
    ("4 Jeunesse, culture, sports, loisirs", (
        ("4", "4 Jeunesse, culture, sports, loisirs"), ("4.1", "4.1 Jeunesse"),
        ("4.2", "4.2 Culture et expression artistique"), ("4.3", "4.3 Sports"), ("4.4", "4.4 Vacances et loisirs"),
    )),
    ("5 Emploi et développement économique", (
        ("5", "5 Emploi et développement économique"), ("5.1", "5.1 Emploi"), ("5.2", "5.2 Cités de l’emploi"),
        ("5.3", "5.3 Engagement des entreprises (PAQTE)"), ("5.4", "5.4 Attractivité et développement économique"),
        ("5.5", "5.5 Entrepreneuriat Quartiers 2030"),
    )),
    ("6 Soutien aux acteurs", (
        ("6", "6 Soutien aux acteurs"), ("6.1", "6.1 Soutien à l’initiative associative"),
        ("6.2", "6.2 Participation des habitants"), ("6.3", "6.3 Pilotage, ingénierie, ressources et évaluations"),
        ("6.4", "6.4 Structures mutualisatrices"),
    )),
)  # fmt: skip
THEMES_P147 = tuple(option for _, groupe in GROUPES_P147 for option in groupe)
STATUTS_PRODUIT = (("acquis", "Acquis"), ("sollicite", "Sollicité"))
DUREES = (
    ("1", "Un an"),
    ("2", "Convention pluriannuelle d’objectifs (CPO) de 2 ans"),
    ("3", "Convention pluriannuelle d’objectifs (CPO) de 3 ans"),
)

_P, _O, _T, _PU, _E = Section.PROJET, Section.OBJECTIFS, Section.TERRITOIRE, Section.PUBLIC, Section.EGALITE
_D, _M, _H, _B = Section.DEROULEMENT, Section.MOYENS, Section.HABITANTS, Section.BUDGET
_F, _S, _ORG, _A = Section.FINANCEMENT, Section.ANNEES, Section.ORGANISATION, Section.ATTESTATIONS
_MONTANT, _TEXTE, _CODE = FormeColonne.MONTANT, FormeColonne.TEXTE, FormeColonne.CODE
_STATUT = Colonne("statut", "Statut", _CODE, options=STATUTS_PRODUIT)


_POSTES_PAR_SENS = tuple(
    (titre, comptes.postes_seuls(postes)) for titre, postes in (
        ("Dépenses", comptes.CHARGES), ("Autres recettes", comptes.PRODUITS),
        ("Contributions volontaires", (*comptes.EMPLOIS_VOLONTAIRES, *comptes.RESSOURCES_VOLONTAIRES)),
    )
)  # fmt: skip


def _lignes(*postes: comptes.Poste) -> tuple[Colonne, ...]:
    return (
        Colonne("compte", "Compte", _CODE, cle=True, options=comptes.options(postes), groupes=comptes.groupes(postes),
                anciens=comptes.ANCIENS),
        Colonne("libelle", "Précision", _TEXTE),
        Colonne("montant", "Montant", _MONTANT, cle=True),
    )  # fmt: skip


def _facultatif(code: str, section: Section, libelle: str, aide: str = "", forme: Forme = Forme.OUI) -> Champ:
    return Champ(code, section, libelle, forme, aide, exige=False, exige_court=False)


CHAMPS: tuple[Champ, ...] = (
    Champ("titre", _P, "Titre de l’action", Forme.TEXTE, "Court et parlant : c’est lui qui sera publié.", maximum=120),
    Champ("besoin", _P, "À quel besoin répond-elle ?", Forme.LONG, "Qui l’a constaté, et comment ?", maximum=4000),
    Champ("besoin_identifie_par", _P, "Qui a identifié ce besoin ?", Forme.CODES, exige_court=False,
          options=IDENTIFIE_PAR),
    Champ("but", _P, "Quels sont vos objectifs ?", Forme.LONG, "Un à trois, que l’on pourra vérifier : « permettre à "
          "vingt parents de… ».", exige_court=False, maximum=3000),
    Champ("description", _P, "Que ferez-vous concrètement ?", Forme.LONG, maximum=8000),
    Champ("informations", _P, "Autre chose à nous dire ?", Forme.LONG, exige=False, exige_court=False, maximum=3000,
          replie=True),
    Champ("objet_demande", _P, "La subvention finance", Forme.CODE, exige=False, exige_court=False, options=OBJETS,
          replie=True),
    Champ("frequence", _P, "Première demande ?", Forme.CODE, exige=False, exige_court=False, options=FREQUENCES,
          replie=True),
    Champ("nature_aide", _P, "Vous demandez", Forme.CODE, exige=False, exige_court=False, options=NATURES,
          replie=True),
    Champ("objectif_principal", _O, "Objectif principal du contrat", Forme.CODE, domaine="objectifs"),
    Champ("objectifs_secondaires", _O, "Autres objectifs", Forme.CODES, "Deux au plus.", exige=False,
          exige_court=False, maximum=2, domaine="objectifs"),
    Champ("objectifs_operationnels", _O, "Objectifs opérationnels", Forme.CODES,
          "Ceux du contrat auxquels l’action répond.", exige=False, exige_court=False, domaine="operationnels"),
    _facultatif("orientation_nationale", _O, "L’action répond à une orientation nationale de l’année"),
    _facultatif("visee_professionnelle", _O, "L’action prépare à un emploi ou à un métier"),
    Champ("fiches", _T, "Projets de quartier visés", Forme.CODES, domaine="fiches"),
    Champ("priorites", _T, "Priorités de ces projets de quartier", Forme.CODES, exige=False, exige_court=False,
          domaine="priorites"),
    Champ("besoins_fiche", _T, "Projets dont l’action reprend un besoin sans priorité", Forme.CODES, exige=False,
          exige_court=False, domaine="fiches"),
    Champ("quartiers_beneficiaires", _T, "Où habitent les bénéficiaires ?", Forme.CODES, domaine="quartiers"),
    Champ("lieu", _T, "Où se passe l’action ?", Forme.TEXTE, "Une adresse, un équipement, un espace public.",
          maximum=300),
    Champ("communes", _T, "Communes où l’action se déroule", Forme.CODES, domaine="communes"),
    Champ("public", _PU, "Qui sont ces personnes ?", Forme.LONG, "Leur situation, ce qui les réunit. Aucun nom, aucune "
          "origine.", exige_court=False, maximum=3000),
    Champ("beneficiaires", _PU, "Nombre de personnes attendues", Forme.ENTIER, maximum=1_000_000, unite="personnes"),
    Champ("beneficiaires_qpv", _PU, "dont habitant un quartier prioritaire", Forme.ENTIER, maximum=1_000_000,
          unite="personnes"),
    Champ("beneficiaires_femmes", _PU, "dont femmes et filles", Forme.ENTIER, maximum=1_000_000, unite="personnes"),
    Champ("ages", _PU, "Âges", Forme.TABLE, exige=False, exige_court=False, fixe="tranche", colonnes=(
        Colonne("tranche", "Tranche d’âge", _CODE, cle=True, options=AGES),
        Colonne("nombre", "Nombre", FormeColonne.ENTIER, cle=True),
    )),
    Champ("public_quartiers", _PU, "Personnes attendues par quartier", Forme.TABLE, exige=False, exige_court=False,
          fixe="quartier", domaine="quartiers", colonnes=(
              Colonne("quartier", "Quartier", _CODE, cle=True, domaine="quartiers"),
              Colonne("nombre", "Nombre", FormeColonne.ENTIER, cle=True),
          ), replie=True),
    _facultatif("public_enfants_jeunes", _PU, "L’action s’adresse d’abord aux enfants ou aux jeunes"),
    _facultatif("diagnostic_sexue", _E, "Un constat chiffré distingue les femmes et les hommes"),
    _facultatif("amenagement_concret", _E, "Un aménagement facilite la venue des femmes (horaires, garde, lieu)"),
    _facultatif("indicateur_sexue", _E, "Un indicateur compte séparément les femmes et les hommes"),
    _facultatif("action_de_rattrapage", _E, "L’action vise à corriger une inégalité entre femmes et hommes"),
    _facultatif("frein_linguistique_leve", _E, "Un moyen précis aide les personnes qui parlent peu français"),
    _facultatif("atelier_sociolinguistique", _E, "L’action est un atelier sociolinguistique (ASL)"),
    Champ("debut", _D, "Début", Forme.DATE),
    Champ("fin", _D, "Fin", Forme.DATE),
    Champ("calendrier", _D, "Les grandes étapes", Forme.LONG, exige_court=False, maximum=3000),
    Champ("indicateurs", _D, "Comment saurez-vous que l’action a réussi ?", Forme.TABLE,
          "Un indicateur, sa cible, la façon de le mesurer.", exige_court=False, colonnes=(
              Colonne("libelle", "Indicateur", _TEXTE, cle=True),
              Colonne("cible", "Cible", _TEXTE),
              Colonne("mesure", "Comment le mesurer ?", _TEXTE),
          )),
    Champ("moyens", _M, "Les moyens humains et matériels", Forme.LONG, exige_court=False, maximum=3000),
    Champ("moyens_humains", _M, "Les personnes qui feront l’action", Forme.TABLE, "ETPT : équivalent temps plein "
          "travaillé. Une personne à mi-temps toute l’année compte 0,5.", exige=False, exige_court=False,
          fixe="categorie", colonnes=(
              Colonne("categorie", "Catégorie", _CODE, cle=True, options=CATEGORIES_MOYENS),
              Colonne("nombre", "Nombre", FormeColonne.ENTIER, cle=True),
              Colonne("etpt", "ETPT", FormeColonne.CENTIEMES),
          )),
    _facultatif("recrutement", _M, "Un recrutement est prévu pour l’action"),
    _facultatif("recrutement_etpt", _M, "Si oui, combien d’équivalents temps plein (ETPT) ?", "Une personne à "
                "mi-temps toute l’année compte 0,5.", Forme.CENTIEMES),
    Champ("salaries", _M, "Salariés affectés à l’action", Forme.TABLE, "Un poste par ligne, sans nom de personne.",
          exige=False, exige_court=False, colonnes=(
              Colonne("poste", "Poste occupé", _TEXTE, cle=True),
              Colonne("contrat", "Contrat", _CODE, options=CONTRATS),
              Colonne("etpt", "Temps sur l’action (ETPT)", FormeColonne.CENTIEMES),
              Colonne("montant", "Coût pour l’action", _MONTANT),
          ), replie=True),
    Champ("prestataires", _M, "Prestataires extérieurs", Forme.TABLE, "Une prestation par ligne, sans nom de personne.",
          exige=False, exige_court=False, colonnes=(
              Colonne("prestation", "Prestation", _TEXTE, cle=True),
              Colonne("structure", "Qui la fait", _CODE, options=STRUCTURES),
              Colonne("heures", "Heures", FormeColonne.ENTIER),
              Colonne("montant", "Coût", _MONTANT),
          ), replie=True),
    Champ("participation_degre", _H, "Quelle place pour les habitants ?", Forme.CODE, exige_court=False,
          options=DEGRES),
    Champ("participation_phases", _H, "À quels moments ?", Forme.CODES, exige=False, exige_court=False,
          options=PHASES),
    Champ("participation", _H, "Comment, concrètement ?", Forme.LONG, exige=False, exige_court=False, maximum=3000),
    Champ("partenaires", _H, "Partenaires", Forme.TABLE, exige=False, exige_court=False, colonnes=(
        Colonne("nom", "Organisme", _TEXTE, cle=True),
        Colonne("apport", "Ce qu’il apporte", _TEXTE),
        Colonne("confirme", "Confirmé", FormeColonne.OUI),
    )),
    _facultatif("aller_vers", _H, "L’action va vers les gens, hors des murs"),
    _facultatif("cooperation_demarrage", _H, "Les partenaires ont construit l’action avec nous"),
    Champ("budget_charges", _B, "Dépenses", Forme.TABLE, colonnes=_lignes(*comptes.CHARGES)),
    Champ("budget_produits", _B, "Autres recettes", Forme.TABLE,
          "Sans les financeurs du contrat : leurs montants viennent de l’étape suivante. Une subvention dit si elle "
          "est acquise ou sollicitée.", exige=False, exige_court=False, colonnes=(
              *_lignes(*comptes.PRODUITS),
              _STATUT,
          )),
    Champ("emplois_volontaires", _B, "Contributions volontaires : emplois (86)", Forme.TABLE,
          "Ce qui n’est pas payé : bénévolat, prêt de salle, dons. Mêmes totaux en emplois et en ressources.",
          exige=False, exige_court=False, colonnes=_lignes(*comptes.EMPLOIS_VOLONTAIRES), replie=True),
    Champ("ressources_volontaires", _B, "Contributions volontaires : ressources (87)", Forme.TABLE, exige=False,
          exige_court=False, colonnes=_lignes(*comptes.RESSOURCES_VOLONTAIRES), replie=True),
    Champ("duree", _F, "Durée de la demande", Forme.CODE, options=DUREES, propose="1"),
    Champ("demandes", _F, "Montants demandés", Forme.TABLE, colonnes=(
        Colonne("ligne", "Financeur", _CODE, cle=True, domaine="lignes"),
        Colonne("annee", "Année", FormeColonne.ENTIER, cle=True),
        Colonne("montant", "Montant demandé", _MONTANT, cle=True, positif=True),
    )),
    Champ("precedents", _F, "L’an dernier", Forme.TABLE, exige=False, exige_court=False, colonnes=(
        Colonne("ligne", "Financeur", _CODE, cle=True, domaine="lignes"),
        Colonne("demande", "Demandé", _MONTANT),
        Colonne("accorde", "Accordé", _MONTANT),
        Colonne("depense", "Dépensé", _MONTANT),
    )),
    Champ("renouvelle", _F, "Dossier de l’an dernier que celui-ci renouvelle", Forme.TEXTE, exige=False,
          exige_court=False, maximum=40),
    Champ("theme_p147", _F, "Thème du programme 147 (État)", Forme.CODE, exige=False, exige_court=False,
          options=THEMES_P147, groupes=GROUPES_P147),
    Champ("numero_dauphin", _F, "Numéro Dauphin", Forme.TEXTE, exige=False, exige_court=False, maximum=30),
    Champ("annees_suivantes", _S, "Ce que vous ferez, année par année", Forme.TABLE, "Les recettes comprennent ce que "
          "vous demandez aux financeurs du contrat cette année-là : le service l’ajoute.", exige=False,
          exige_court=False, fixe="annee", colonnes=(
              Colonne("annee", "Année", FormeColonne.ENTIER, cle=True),
              Colonne("actions", "Ce qui sera fait", _TEXTE, cle=True),
              Colonne("charges", "Dépenses", _MONTANT, cle=True, positif=True),
              Colonne("produits", "Autres recettes", _MONTANT),
          )),
    Champ("annees_budget", _S, "Le détail de ces budgets, par poste", Forme.TABLE, "Si vous le connaissez déjà : les "
          "dépenses et les autres recettes de chaque année, poste par poste. Une subvention dit si elle est acquise ou "
          "sollicitée.", exige=False, exige_court=False, replie=True, colonnes=(
              Colonne("annee", "Année", FormeColonne.ENTIER, cle=True),
              Colonne("compte", "Poste", _CODE, cle=True, groupes=_POSTES_PAR_SENS,
                      options=tuple(o for _, postes in _POSTES_PAR_SENS for o in postes)),
              Colonne("libelle", "Précision", _TEXTE),
              Colonne("montant", "Montant", _MONTANT, cle=True),
              _STATUT,
          )),
    Champ("exercice_debut", _ORG, "Début de l’exercice", Forme.DATE, exige_court=False, associations=True),
    Champ("exercice_fin", _ORG, "Fin de l’exercice", Forme.DATE, exige_court=False, associations=True),
    Champ("asso_charges", _ORG, "Dépenses de l’organisation", Forme.TABLE, "Toute l’activité de l’année, action "
          "comprise.", exige_court=False, associations=True,
          colonnes=_lignes(*comptes.CHARGES_ORGANISATION, *comptes.EMPLOIS_VOLONTAIRES)),
    Champ("asso_produits", _ORG, "Recettes de l’organisation", Forme.TABLE, "Subventions demandées comprises.",
          exige_court=False, associations=True,
          colonnes=_lignes(*comptes.PRODUITS_ORGANISATION, *comptes.RESSOURCES_VOLONTAIRES)),
    Champ("a_jour", _A, "L’organisation est à jour de ses obligations administratives, comptables, sociales et "
          "fiscales", Forme.OUI),
    Champ("sincere", _A, "Les informations sont exactes et sincères, y compris les demandes aux autres financeurs et "
          "l’approbation du budget par les instances statutaires", Forme.OUI),
    Champ("cer", _A, "L’organisation a souscrit le contrat d’engagement républicain", Forme.OUI, "Inutile de cocher si "
          "la fiche de l’organisation l’atteste, ou si elle est reconnue d’utilité publique ou agréée.",
          associations=True),
    Champ("charte", _A, "L’organisation respecte la charte des engagements réciproques entre l’État, les "
          "collectivités et le mouvement associatif", Forme.OUI, associations=True),
    Champ("aides_publiques", _A, "Aides publiques reçues, toutes administrations", Forme.CODE, "Au-delà de 500 000 € "
          "sur trois exercices, l’Union européenne demande des règles particulières.", exige_court=False,
          options=SIEG),
    Champ("fait_a", _A, "Demande faite à", Forme.TEXTE, "La ville où vous signez. Laissez vide si c’est celle du "
          "siège : elle sera écrite.", exige=False, exige_court=False, maximum=80),
)  # fmt: skip

_PAR_CODE = {champ.code: champ for champ in CHAMPS}


def champ(code: str) -> Champ | None:
    """Le champ de ce code, ou None.

    Source : reference/domaine.md § 1.3 (Cerfa 12156*06) et § 2.3.
    """
    return _PAR_CODE.get(code)


_PAR_SECTION = {section: tuple(c for c in CHAMPS if c.section is section) for section in Section}


def champs_de(section: Section) -> tuple[Champ, ...]:
    """Les champs d'une étape, dans l'ordre.

    Choix du projet : conception/maquette/formulaire.html (étapes courtes).
    """
    return _PAR_SECTION[section]
