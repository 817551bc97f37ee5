"""Ce que le service dit de son calcul, écrit une fois : la mention, la finalité, la part prise, les opérations."""

from __future__ import annotations

from app.etapes.dossier.rules.champs import champ
from app.etapes.notation.rules.correspondance import CORRESPONDANCES
from app.referentiels.grilles.rules import CATALOGUE, Declarant, Grille, faits_lus, lexique

_CHAMPS = {correspondance.fait: correspondance.champs for correspondance in CORRESPONDANCES}

FINALITE = (
    "Ce calcul sert à comparer, financeur par financeur, les demandes d’un même appel, avec des critères fixés avant "
    "qu’il ouvre et publics dès qu’il ouvre."
)
DEGRE = (
    "Le calcul donne une note sur 100 par financeur. Cette note est une aide parmi d’autres : elle ne fixe ni "
    "l’accord, ni le refus, ni le montant. Aucune décision n’est prise sans qu’une personne ait étudié la demande."
)
CONTRIBUTIONS: tuple[str, ...] = (
    "Les personnes qui étudient la demande lisent la note, critère par critère, avec le dossier, avant de proposer un "
    "montant. Elles peuvent retenir d’autres points, en disant pourquoi.",
    "La note range la liste des demandes de chaque financeur.",
    "Les élus de la commission la voient en séance, avec les avis des services.",
    "Si l’appel l’a prévu, l’équipe projet peut s’en servir pour essayer des répartitions de crédits : un essai "
    "n’engage personne.",
    "Chaque financeur décide ensuite, par son propre acte. Il peut s’écarter de la note.",
)
"""Le mode de contribution. Source : CRPA, art. R.311-3-1-2, 1°."""
OPERATIONS: tuple[str, ...] = (
    "Lire dans le dossier des cases, des nombres et des choix, tels que déclarés, vérifiés ou corrigés. Aucun "
    "programme ne juge un texte.",
    "Pour chaque critère, chercher de haut en bas le premier palier rempli : il donne une part, de 0 à 100 %.",
    "Multiplier cette part par les points possibles du critère pour ce financeur : ce sont les points obtenus.",
    "Mettre de côté les critères sans objet, points obtenus et points possibles.",
    "Prendre, s’il y en a, les points qu’une personne a retenus à la place de ceux de la grille.",
    "Additionner les points obtenus, diviser par le total des points possibles, multiplier par 100, arrondir une fois "
    ": une décimale, la moitié vers le haut.",
    "Si une donnée manque, faire ce calcul au plus bas et au plus haut : la note est alors un intervalle.",
)
"""Les opérations effectuées. Source : CRPA, art. R.311-3-1-2, 4°."""

_MENTION = (
    "Cette décision a été préparée avec l’aide d’un traitement algorithmique : à partir des réponses du dossier, il "
    "calcule une note sur 100 pour chaque financeur, afin de comparer les demandes d’un même appel. Des personnes ont "
    "étudié la demande et décidé. Vous avez le droit d’obtenir la communication des règles de ce traitement et des "
    "principales caractéristiques de sa mise en œuvre pour votre dossier (code des relations entre le public et "
    "l’administration, art. L. 311-3-1). Les règles de cet appel sont publiques ({regles}). Pour "
    "recevoir votre notice explicative, demandez-la à la page « Notice » de votre dossier, ou écrivez à l’autorité qui"
    " a décidé. En cas de refus, ou sans réponse au bout d’un mois, vous avez deux mois pour saisir la Commission "
    "d’accès aux documents administratifs (CADA, cada.fr), avant tout recours devant le juge sur ce point."
)


def adresse_des_regles(appel: str) -> str:
    """Le chemin des règles de notation de cet appel (son code), dans le service.

    Source : CRPA, art. L.312-1-3 (publication des règles).
    """
    return f"/appels/{appel}/regles"


def mention(regles: str) -> str:
    """La mention que porte chaque document de décision qu'une note a préparée. Le seul texte, ici.

    `regles` : l'adresse des règles de l'appel du dossier.
    Source : CRPA, art. L.311-3-1, R.311-3-1-1 (finalité, droit, exercice, CADA), R.311-12, R.311-13, R.343-1, L.342-1.
    """
    return _MENTION.format(regles=regles)


DECLARANTS: dict[Declarant, str] = {
    Declarant.PORTEUR: "votre demande",
    Declarant.INSTRUCTEUR: "établi par une personne de l’instruction",
    Declarant.SERVICE: "connu du service",
    Declarant.APPEL: "l’appel à initiatives",
}
SOURCES_DITES: dict[str, str] = {
    "etp_porteur": "la fiche de votre organisation",
    "comparables": "calculé sur les demandes recevables de l’appel, figé à la fin de la recevabilité",
    "mediane_cout": "calculé sur les demandes recevables de l’appel, figé à la fin de la recevabilité",
    "pistes_transversales": "relevé dans votre demande par une personne de l’instruction",
    "premiere_demande": "votre demande (dossier repris, montants de l’an dernier)",
    "bilan_precedent": "votre bilan de l’année précédente",
    "cibles_atteintes": "votre bilan de l’année précédente",
}
"""Les faits dont la source ne se déduit ni d'un champ du formulaire ni de qui les apporte."""


def origine(code: str) -> str:
    """D'où vient une donnée, en mots : le champ de la demande, la fiche, l'instruction, le service, l'appel.

    Source : CRPA, art. R.311-3-1-2, 2° (données traitées et leurs sources).
    """
    if code in SOURCES_DITES:
        return SOURCES_DITES[code]
    declarant = CATALOGUE[code].declarant
    if declarant is not Declarant.PORTEUR:
        return DECLARANTS[declarant]
    libelles = [trouve.libelle for nom in _CHAMPS.get(code, ()) if (trouve := champ(nom)) is not None]
    if not libelles:  # le formulaire ne le demande pas : seule l'instruction a pu l'établir
        return DECLARANTS[Declarant.INSTRUCTEUR]
    return f"{DECLARANTS[declarant]} : {', '.join(f'« {libelle} »' for libelle in libelles)}"


def est_du_formulaire(code: str) -> bool:
    """Vrai si le porteur l'écrit dans un champ de sa demande : seul un tel fait se conseille, ou se vérifie.

    Source : CRPA, art. R.311-3-1-2, 2° (données traitées et leurs sources).
    """
    est_du_porteur = CATALOGUE[code].declarant is Declarant.PORTEUR
    return est_du_porteur and bool(_CHAMPS.get(code)) and code not in SOURCES_DITES


def donnees_lues(grille: Grille) -> tuple[tuple[str, str], ...]:
    """(nom, origine) de chaque donnée que lit la grille, dans l'ordre où elle les lit.

    Source : CRPA, art. L.312-1-3 et R.311-3-1-2, 2°.
    """
    noms = lexique(grille)
    conditions = [palier.si for critere in grille.criteres for bareme in critere.baremes for palier in bareme.paliers]
    conditions += [cas.si for cas in grille.sans_objet]
    conditions += [ligne.champ.si for ligne in grille.lignes if ligne.champ is not None]
    codes = dict.fromkeys(code for condition in conditions for code in faits_lus(condition, noms))
    return tuple((CATALOGUE[code].libelle, origine(code)) for code in codes)
