"""Des titres et montants réels du BOP 147 à des dossiers entiers, déduits sans hasard."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FICHIER = Path(__file__).resolve().parents[1] / "reference" / "bop147_m2a_2016_2025.csv"
HORS_PROJET = re.compile(
    r"multi-?actions|cit[eé] ?[eé]ducative|ing[eé]nierie|chefferie|vvv|ville[- ]vie[- ]vacances"
    r"|r[eé]ussite [eé]ducative|quartiers? d.?(?:[eé]t[eé]|automne)|quartier [eé]t[eé]|quartiers? (?:4|quatre) saisons"
    r"|parcours individualis|classes passerelles|[eé]quipe (?:de )?pr[eé]vention|\bcem[ns]\b|^(?:ce|qe)\b"
    r"|accompagnement des conseils|[aà] colmar\b",
    re.IGNORECASE,
)
OBJECTIFS: tuple[tuple[str, str], ...] = (
    (r"asl|socio-? ?linguist|linguistique|fran[cç]ais|\bfli\b|lexique|primo", "T.2"),
    (r"filles?\b|femmes?", "T.1"),
    (
        r"emploi|apprentissage|cr[eé]ation d'entreprise|clauses|citeslab|orient|vocation|tremplin|dynamob|num[eé]rique",
        "E2.2",
    ),
    (
        r"scolarit[eé]|clas\b|scolaire|parent|famille|r[eé]ussite|brevet|[eé]l[eé]mentaires|coll[eè]ge|lecture|biblioth",
        "E2.3",
    ),
    (r"sant[eé]|sport|go[uû]t|cuisine|nourrir|alimentation|sucres|bien [eê]tre|bouger", "E2.1"),
    (r"citoyen|pr[eé]vention|responsabilisation|nouvel an|happy|fin d'ann[eé]e|sapeurs|respect", "E1.3"),
    (r"nature|jardin|cadre|chemins|consom", "E1.1"),
    (r"mobilit|v[eé]lo|roulez", "E1.4"),
    (r"s[eé]jour|[eé]vasion|spectacle|culture|montagne|jura|albanie|demos|d[eé]mos|voyage", "E2.4"),
    (r"habitants", "C.1"),
    (r"dynamique partenariale|collectif", "C.2"),
)
FICHES: tuple[tuple[str, str, str, str], ...] = (
    (r"coteaux", "COTEAUX", "QN06803M", "68224"),
    (r"bourtzwiller|mulhouse nord", "BOURTZWILLER", "QN06804M", "68224"),
    (r"brustlein", "BRUSTLEIN", "QN06808M", "68224"),
    (r"jonquilles|illzach", "JONQUILLES", "QN06807M", "68154"),
    (r"drouot", "DROUOT", "QN06807M", "68224"),
    (r"wittenheim|markstein|cosmo", "MARKSTEIN", "QN06809M", "68376"),
    (r"fonderie", "FONDERIE", "QN06806M", "68224"),
    (r"mulhouse sud|briand|lavoisier", "BRIAND", "QN06805M", "68224"),
    (r"wolf|wagner|vauban|neppert|p[eé]ricentre", "D8", "QN06805M", "68224"),
)
LIGNE_DE_COMMUNE = {"68224": "MULHOUSE", "68154": "ILLZACH", "68376": "WITTENHEIM"}
DEGRES = ("information", "consultation", "concertation", "co_decision", "initiative")


# Ce qui, dans un titre, ne dit rien de l'action : le lieu, la structure, le mot-outil.
MOTS_VIDES = re.compile(
    r"aa?i?|aux?|avec|ce|coreal|csc|dans|d|de|des|du|en|et|illzach|l|la|les?|m2a|mulhouse|par|pour|sur|une?|ville"
    r"|wittenheim"
)


@cache
def cle_de_l_action(titre: str) -> str:
    """Ce qui reste d'un titre sans année, lieu ni mot-outil : la même clé deux années de suite, la même action."""
    nu = unicodedata.normalize("NFKD", titre.casefold())
    lettres = "".join(c for c in nu if not unicodedata.combining(c))
    return " ".join(sorted({m for m in re.findall(r"[a-z][a-z0-9]+", lettres) if not MOTS_VIDES.fullmatch(m)}))


@dataclass(frozen=True, slots=True)
class Action:
    """Une action réelle : son année, son titre, le montant que l'État lui a attribué (centimes)."""

    annee: int
    titre: str
    montant: int


@dataclass(frozen=True, slots=True)
class DossierDeduit:
    """Un dossier de démonstration : l'action réelle, le porteur fictif (rang), le contenu, les lignes sollicitées."""

    rang: int
    action: Action
    porteur: int
    contenu: dict[str, Any]
    lignes: tuple[str, ...]

    @property
    def objectif(self) -> str:
        """L'objectif principal."""
        return str(self.contenu["objectif_principal"])

    def demande(self, ligne: str) -> int:
        """Montant demandé à une ligne la première année, en centimes."""
        annee = min(int(d["annee"]) for d in self.contenu["demandes"])
        return sum(d["montant"] for d in self.contenu["demandes"] if d["ligne"] == ligne and d["annee"] == annee)


def lire_actions(annee: int, fichier: Path = FICHIER) -> list[Action]:
    """Les actions d'une année qui sont des projets, une fois chacune, dans l'ordre du fichier."""
    with fichier.open(encoding="utf-8", newline="") as lu:
        lignes = [r for r in csv.DictReader(lu) if int(r["annee"]) == annee]
    actions, vues = [], set()
    for r in lignes:
        titre = " ".join(r["titre"].split())
        montant = round(float(r["montant_attribue_eur"])) * 100
        if HORS_PROJET.search(titre) or (titre.casefold(), montant) in vues:
            continue
        vues.add((titre.casefold(), montant))
        actions.append(Action(annee, titre, montant))
    return actions


def _tirage(titre: str, usage: str, modulo: int) -> int:
    """Un nombre stable tiré du titre : le hasard n'a pas sa place dans une démonstration rejouable."""
    graine = f"{usage}:{cle_de_l_action(titre) or titre}"  # une action reconduite garde ses traits
    return int.from_bytes(hashlib.sha256(graine.encode()).digest()[:4], "big") % modulo


def _objectif(titre: str) -> str:
    bas = titre.casefold()
    trouve = next((code for motif, code in OBJECTIFS if re.search(motif, bas)), None)
    return trouve or ("E1.2", "E2.4", "E1.1", "E2.3")[_tirage(titre, "objectif", 4)]


def _fiches(titre: str) -> list[tuple[str, str, str]]:
    bas = titre.casefold()
    trouvees = [(fiche, qpv, commune) for motif, fiche, qpv, commune in FICHES if re.search(motif, bas)]
    if trouvees:
        return trouvees
    premiere = FICHES[_tirage(titre, "fiche", len(FICHES))][1:]
    if _tirage(titre, "deux", 4):
        return [premiere]
    seconde = FICHES[_tirage(titre, "seconde", len(FICHES))][1:]
    return [premiere] if seconde == premiere else [premiere, seconde]


def _centaine(montant: int) -> int:
    """Arrondi à la centaine d'euros, jamais zéro."""
    return max(10_000, round(montant / 10_000) * 10_000)


def _lignes(titre: str, objectif: str, communes: Iterable[str]) -> list[str]:
    lignes = ["BOP147"]
    if objectif == "E2.2" or _tirage(titre, "m2a", 5) == 0:
        lignes.append("M2A")
    for commune in dict.fromkeys(communes):
        if commune != "68224" or _tirage(titre, "ville", 5) < 3:
            lignes.append(LIGNE_DE_COMMUNE[commune])
    if "ILLZACH" not in lignes and _tirage(titre, "egare", 40) == 0:
        lignes.append("ILLZACH")  # demande égarée : hors champ de cette ligne
    return lignes


def _demandes(action: Action, lignes: Sequence[str], annee: int, duree: int) -> list[dict[str, Any]]:
    demandes: list[dict[str, Any]] = []
    for ligne in lignes:
        part = 140 if ligne == "BOP147" else 25 + _tirage(action.titre, ligne, 30)
        montant = _centaine(action.montant * part // 100)
        demandes.extend({"ligne": ligne, "annee": annee + n, "montant": montant} for n in range(duree))
    return demandes


def _budget(action: Action, demande: int) -> dict[str, Any]:
    charges = _centaine(demande * (135 + _tirage(action.titre, "cout", 45)) // 100)
    autres = charges - demande
    personnel = charges * (45 + _tirage(action.titre, "personnel", 25)) // 100 // 10_000 * 10_000
    caf = autres * 6 // 10 // 100 * 100
    benevolat = _centaine(charges * _tirage(action.titre, "benevolat", 12) // 100)
    return {
        "budget_charges": [
            {"compte": "60", "libelle": "Achats (fictif)", "montant": charges - personnel},
            {"compte": "64", "libelle": "Personnel (fictif)", "montant": personnel},
        ],
        "budget_produits": [
            {"compte": "74", "libelle": "Caisse d’allocations familiales (fictif)", "montant": caf,
             "statut": ("acquis", "sollicite")[_tirage(action.titre, "caf", 2)]},
            {"compte": "75", "libelle": "Cotisations (fictif)", "montant": autres - caf, "statut": "acquis"},
        ],
        "emplois_volontaires": [{"compte": "864", "libelle": "Bénévoles (fictif)", "montant": benevolat}],
        "ressources_volontaires": [{"compte": "870", "libelle": "Bénévolat (fictif)", "montant": benevolat}],
    }  # fmt: skip


def _annees_suivantes(contenu: dict[str, Any], annee: int, duree: int) -> dict[str, Any]:
    charges = sum(r["montant"] for r in contenu["budget_charges"])
    rangees = []
    for suivante in range(annee + 1, annee + duree):
        demande = sum(d["montant"] for d in contenu["demandes"] if d["annee"] == suivante)
        rangees.append(
            {"annee": suivante, "actions": "Les mêmes séances, ouvertes à d’autres habitants (fictif).",
             "charges": charges, "produits": charges - demande}
        )  # fmt: skip
    return {"annees_suivantes": rangees}


def _organisation(contenu: dict[str, Any], annee: int) -> dict[str, Any]:
    """Le budget de la structure : quelques actions comme celle-ci."""
    total = 4 * sum(r["montant"] for r in contenu["budget_charges"])
    personnel = total * 6 // 10
    return {
        "exercice_debut": f"{annee}-01-01",
        "exercice_fin": f"{annee}-12-31",
        "asso_charges": [
            {"compte": "60", "libelle": "Achats (fictif)", "montant": total - personnel},
            {"compte": "64", "libelle": "Personnel (fictif)", "montant": personnel},
        ],
        "asso_produits": [
            {"compte": "74", "libelle": "Subventions (fictif)", "montant": total * 7 // 10},
            {"compte": "75", "libelle": "Cotisations (fictif)", "montant": total - total * 7 // 10},
        ],
    }


def _public(titre: str) -> dict[str, Any]:
    total = 20 + _tirage(titre, "public", 180)
    return {
        "beneficiaires": total,
        "beneficiaires_qpv": total * (30 + _tirage(titre, "qpv", 68)) // 100,
        "beneficiaires_femmes": total * (35 + _tirage(titre, "femmes", 40)) // 100,
        "ages": [{"tranche": "12_17", "nombre": total // 3}, {"tranche": "26_64", "nombre": total // 3}],
        "diagnostic_sexue": _tirage(titre, "diag", 2) == 0,
        "amenagement_concret": _tirage(titre, "amen", 3) == 0,
        "indicateur_sexue": _tirage(titre, "indic", 2) == 0,
        "action_de_rattrapage": bool(re.search(r"filles?\b|femmes?", titre.casefold())),
        "frein_linguistique_leve": _tirage(titre, "langue", 4) == 0,
    }


def deduire(rang: int, action: Action, annee: int, porteurs: int, *, annuelle: bool = False) -> DossierDeduit:
    """Le dossier d'une action pour l'appel d'une année. Tout ce qui n'est ni le titre ni le montant est fictif."""
    titre = action.titre[:120]
    objectif = _objectif(titre)
    fiches = _fiches(titre)
    communes = [commune for _, _, commune in fiches]
    lignes = _lignes(titre, objectif, communes)
    duree = 1 if annuelle or _tirage(titre, "cpo", 5) else 2 + _tirage(titre, "trois", 2)
    demandes = _demandes(action, lignes, annee, duree)
    premiere = sum(d["montant"] for d in demandes if d["annee"] == annee)
    asl = objectif == "T.2"
    contenu: dict[str, Any] = {
        "titre": titre,
        "besoin": "Le besoin a été constaté avec des habitants du quartier et des partenaires (fictif).",
        "besoin_identifie_par": ["organisation", "habitants", "partenaires"][: 1 + _tirage(titre, "constat", 3)],
        "but": "Rendre l’activité régulière et toucher de nouveaux habitants (fictif).",
        "public": "Des habitants du quartier, connus de la structure ou rencontrés dehors (fictif).",
        "description": "Des séances régulières, près des habitants, animées par l’équipe de la structure (fictif).",
        "objectif_principal": objectif,
        "orientation_nationale": _tirage(titre, "nationale", 3) == 0,
        "visee_professionnelle": "professionnelle" in titre.casefold() or objectif == "E2.2",
        "fiches": [fiche for fiche, _, _ in fiches],
        "priorites": [f"{fiche}:1" for fiche, _, _ in fiches if _tirage(titre, "prio" + fiche, 3)],
        "quartiers_beneficiaires": list(dict.fromkeys(qpv for _, qpv, _ in fiches)),
        "lieu": "Un équipement du quartier (fictif)",
        "communes": list(dict.fromkeys(communes)),
        "public_enfants_jeunes": bool(re.search(r"jeunes|ados|enfants|clas\b|scol", titre.casefold())),
        "atelier_sociolinguistique": asl,
        "debut": f"{annee}-01-15",
        "fin": f"{annee + duree - 1}-12-15",
        "calendrier": "Une séance par semaine hors vacances scolaires (fictif).",
        "moyens": "Une animation à temps partiel, une salle, du petit matériel (fictif).",
        "indicateurs": [
            {"libelle": "Personnes régulières (fictif)", "cible": "30", "mesure": "Feuilles de présence"},
            {"libelle": "Satisfaction (fictif)", "cible": "80 %", "mesure": "Questionnaire"},
        ][: 1 + _tirage(titre, "indicateurs", 2)],
        "participation_degre": DEGRES[_tirage(titre, "degre", len(DEGRES))],
        "participation_phases": ["difficultes", "elaboration", "suivi"][: _tirage(titre, "phases", 4)],
        "partenaires": [
            {"nom": "Centre social partenaire (fictif)", "apport": "Salle et relais",
             "confirme": _tirage(titre, "partenaire", 3) > 0},
        ],
        "aller_vers": _tirage(titre, "aller", 2) == 0,
        "cooperation_demarrage": _tirage(titre, "coop", 2) == 0,
        "duree": str(duree),
        "demandes": demandes,
        "a_jour": True,
        "sincere": True,
        "cer": True,
        "charte": True,
        "aides_publiques": "superieur" if _tirage(titre, "sieg", 8) == 0 else "inferieur",
        **_public(titre),
        **_budget(action, premiere),
    }  # fmt: skip
    contenu |= _annees_suivantes(contenu, annee, duree) | _organisation(contenu, annee)
    if "BOP147" in lignes:
        contenu["theme_p147"] = THEMES[objectif]
        contenu["numero_dauphin"] = f"DA{annee % 100:02d}{rang:06d}"  # l'année y est : il ne sert qu'une fois
    vide = {cle: v for cle, v in contenu.items() if v not in ([], "", None)}
    return DossierDeduit(rang, action, _tirage(titre, "porteur", porteurs) + 1, vide, tuple(lignes))


THEMES = {
    "E1.1": "3", "E1.2": "3", "E1.3": "3", "E1.4": "3", "E2.1": "2", "E2.2": "5", "E2.3": "1", "E2.4": "4",
    "T.1": "2", "T.2": "2", "C.1": "6", "C.2": "6",
}  # fmt: skip


def dossiers_deduits(
    annee_reelle: int, annee_appel: int, porteurs: int, limite: int | None = None
) -> list[DossierDeduit]:
    """Les dossiers d'un appel, déduits des actions réelles d'une année. Avec `limite`, un peu plus de la moitié sont
    des actions reconduites l'année d'après, demandées pour un an : une petite campagne a ainsi des suites."""
    actions, reconduites = lire_actions(annee_reelle), set()
    if limite is not None:
        suivantes = {cle_de_l_action(a.titre) for a in lire_actions(annee_reelle + 1)}
        suites = [a for a in actions if cle_de_l_action(a.titre) in suivantes][: limite * 5 // 9]
        reconduites = {cle_de_l_action(a.titre) for a in suites}
        autres = [a for a in actions if cle_de_l_action(a.titre) not in suivantes]
        actions = suites + autres[: limite - len(suites)]
    return [
        deduire(rang, action, annee_appel, porteurs, annuelle=cle_de_l_action(action.titre) in reconduites)
        for rang, action in enumerate(actions, start=1)
    ]


def enveloppe(dossiers: Iterable[DossierDeduit], ligne: str) -> int:
    """L'enveloppe d'une ligne, en centimes : le réel pour le BOP 147, sinon le demandé divisé par 1,4."""
    liste = [d for d in dossiers if ligne in d.lignes]
    if ligne == "BOP147":
        return sum(d.action.montant for d in liste)
    return sum(d.demande(ligne) for d in liste) * 10 // 14 // 10_000 * 10_000
