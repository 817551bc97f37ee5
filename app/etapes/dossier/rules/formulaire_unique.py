"""La demande mise en forme : dans l'ordre du Cerfa 12156*06, et dans celui du portail de l'État."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from app.etapes.dossier.rules import tableau_budget
from app.etapes.dossier.rules.attestation import Completee, Signature, dire_la_signature, dire_le_cer
from app.etapes.dossier.rules.budget import Budget, lire_budget
from app.etapes.dossier.rules.budgets_annexes import lire_annees
from app.etapes.dossier.rules.champs import champ, champs_de
from app.etapes.dossier.rules.clair import VIDE, Noms, table_en_clair, textes_en_clair
from app.etapes.dossier.rules.comptes import compte_de_l_autorite
from app.etapes.dossier.rules.fiche_ecrite import identite, moyens, relations, reseaux
from app.etapes.dossier.rules.formes import Champ, Forme, FormeColonne, Section
from app.etapes.dossier.rules.rubriques import (
    NON_DIT,
    VIDES,
    Rubrique,
    Tableau,
    fondre,
    ligne_dite,
    part,
    titrer,
)
from app.etapes.dossier.rules.tableau_budget import RECETTE, BudgetEcrit, LigneBudget
from app.noyau.euros import ZERO, Euros
from app.noyau.periodes import ajouter_mois

CERFA = "Cerfa n° 12156*06 — Demande de subvention, formulaire unique"
REPRESENTANT, MANDATAIRE = "representant", "mandataire"
QUALITES = (
    (REPRESENTANT, "Je suis le représentant légal de l’organisation"),
    (MANDATAIRE, "J’ai reçu pouvoir du représentant légal pour signer"),
)
_EN_QUALITE = {REPRESENTANT: "représentant légal", MANDATAIRE: "mandataire, avec pouvoir"}


@dataclass(frozen=True, slots=True)
class DemandeEcrite:
    """Tout ce qui s'imprime d'une demande. `organisation` : l'instantané figé avec elle ({} s'il n'y en a pas)."""

    numero: str
    appel: str
    contrat: str
    annee: int
    contenu: Mapping[str, Any]
    organisation: Mapping[str, Any]
    noms: Noms
    financeurs: Mapping[str, str]
    renouvelle: str = ""
    signe_le: datetime | None = None
    qualite: str = ""
    signataire: str = ""
    completee: Completee | None = None

    @property
    def signature(self) -> Signature:
        """Qui a signé, quand, en quelle qualité."""
        return Signature(self.signe_le, self.signataire, _EN_QUALITE.get(self.qualite, ""))

    @property
    def duree(self) -> int:
        """Un, deux ou trois ans."""
        return int(self.contenu.get("duree") or 1)

    @property
    def budget(self) -> Budget:
        """Les totaux de la première année, et tout ce qui est demandé."""
        return lire_budget(self.contenu, self.annee)

    @property
    def comptes(self) -> dict[str, str]:
        """Code de ligne → son compte du poste 74 (État, communauté, commune)."""
        return {x.code: compte_de_l_autorite(x.precision) for x in self.noms.liste("lignes")}


def _reponses(d: DemandeEcrite, codes: Iterable[str]) -> Rubrique:
    """Les champs de ces codes, chacun à sa place : court, long ou tableau. Un champ vide ne s'imprime pas."""
    paires, textes, tableaux = [], [], []
    for code in codes:
        trouve, valeur = champ(code), d.contenu.get(code)
        if trouve is None or valeur in VIDES:
            continue
        if trouve.forme is Forme.TABLE:
            tableaux.append(_tableau(trouve, valeur, d.noms))
        elif trouve.forme is Forme.LONG:
            textes.append((trouve.libelle, str(valeur)))
        else:
            paires.append((trouve.libelle, " ; ".join(textes_en_clair(trouve, valeur, d.noms))))
    return Rubrique("", tuple(paires), tuple(textes), tuple(tableaux))


def _tableau(c: Champ, valeur: Any, noms: Noms) -> Tableau:
    """La table d'un champ ; une table d'un seul montant par rangée le rend en nombre au tableur."""
    lu = table_en_clair(c, valeur, noms)
    chiffrees = [rang for rang, colonne in enumerate(c.colonnes) if colonne.forme is FormeColonne.MONTANT]
    montants: tuple[LigneBudget, ...] = ()
    if len(chiffrees) == 1:
        code = c.colonnes[chiffrees[0]].code
        montants = tuple(
            LigneBudget("", "", ligne_dite(c.libelle, lu.entetes, ligne, chiffrees), int(r.get(code, 0)))
            for r, ligne in zip(valeur, lu.lignes, strict=True)
        )
    return Tableau(c.libelle, lu.entetes, lu.lignes, lu.nombres, montants)


def _codes(*sections: Section, sauf: Iterable[str] = ()) -> list[str]:
    exclus = set(sauf)
    return [c.code for section in sections for c in champs_de(section) if c.code not in exclus]


def frequence(contenu: Mapping[str, Any], renouvelle: str) -> str:
    """« Première demande » ou « Renouvellement (ou poursuite) » : la suite d'un dossier en est un.

    Sans réponse, la première demande se déduit de l'absence de tout dossier ou montant de l'an dernier ; des montants
    sans dossier ne disent pas s'il s'agit de la même action.
    Source : Cerfa 12156*06, en-tête (« Fréquence »).
    """
    dite = contenu.get("frequence")
    if renouvelle or contenu.get("renouvelle") or dite == "renouvellement":
        return "Renouvellement (ou poursuite)"
    return NON_DIT if dite is None and contenu.get("precedents") else "Première demande"


_OBJETS = {"action": "Projet(s), action(s)", "fonctionnement": "Fonctionnement"}
_NATURES = {"numeraire": "En numéraire", "nature": "En nature"}


def _entete(d: DemandeEcrite) -> Rubrique:
    numero_etat = d.contenu.get("numero_dauphin")
    return Rubrique(
        "La demande",
        (
            ("Forme", _NATURES.get(str(d.contenu.get("nature_aide")), NON_DIT)),
            ("Fréquence", frequence(d.contenu, d.renouvelle)),
            ("Objet", _OBJETS.get(str(d.contenu.get("objet_demande")), NON_DIT)),
            ("Période", "Annuelle ou ponctuelle" if d.duree == 1 else f"Pluriannuelle ({d.duree} ans)"),
            ("Exercice", str(d.annee)),
            ("Politique de la ville", "Oui"),
            ("Appel", d.appel),
            ("Contrat de ville", d.contrat),
            *((("Dossier renouvelé", d.renouvelle),) if d.renouvelle else ()),
            *((("Numéro du portail de l’État", str(numero_etat)),) if numero_etat else ()),
        ),
        tableaux=(_demandes(d), *_precedents(d)),
    )


def _demandes(d: DemandeEcrite) -> Tableau:
    """Ce qui est demandé à chacun, chaque année, et sa part des produits de cette année-là."""
    rangees = d.contenu.get("demandes") or ()
    produits = {d.annee: d.budget.produits} | {a.annee: a.produits for a in lire_annees(d.contenu, d.budget)}
    lignes, montants = [], []
    for r in rangees:
        nom, annee, montant = (
            d.financeurs.get(str(r["ligne"]), str(r["ligne"])),
            int(r["annee"]),
            Euros(int(r["montant"])),
        )
        taux = montant.part_de(produits.get(annee, ZERO))
        lignes.append((nom, str(annee), str(montant), VIDE if taux is None else f"{round(taux * 100)} %"))
        montants.append(
            LigneBudget(RECETTE, d.comptes.get(str(r["ligne"]), "74"), f"{nom} ({annee})", montant.centimes)
        )
    entetes = ("Administration", "Année", "Montant", "Part du budget")
    return Tableau("Ce qui est demandé", entetes, tuple(lignes), (2, 3), tuple(montants))


def _precedents(d: DemandeEcrite) -> tuple[Tableau, ...]:
    """Demandé, accordé, dépensé l'an dernier, par financeur ; rien s'il n'y a rien à dire."""
    rangees, trouve = d.contenu.get("precedents"), champ("precedents")
    if not rangees or trouve is None:
        return ()
    lu = table_en_clair(trouve, rangees, d.noms)
    titre = f"L’an dernier ({d.annee - 1})"
    montants = tuple(
        LigneBudget(
            "", d.comptes.get(str(r["ligne"]), ""), f"{titre} — {ligne[0]} : {c.libelle.lower()}", int(r[c.code])
        )
        for r, ligne in zip(rangees, lu.lignes, strict=True)
        for c in trouve.colonnes
        if c.forme is FormeColonne.MONTANT and c.code in r
    )
    return (Tableau(titre, lu.entetes, lu.lignes, lu.nombres, montants),)


def _budget_organisation(d: DemandeEcrite) -> Rubrique:
    ecrit = tableau_budget.de_l_organisation(d.contenu)
    exercice = part(d.contenu, exercice_debut="Exercice du", exercice_fin="au")
    tableaux = (_en_tableau("Budget prévisionnel", ecrit),) if ecrit.lignes else ()
    sinon = (("Exercice" if ecrit.lignes else "Budget", NON_DIT),)
    return Rubrique("5. Budget de l’organisation", exercice or sinon, tableaux=tableaux)


def _en_tableau(titre: str, ecrit: BudgetEcrit) -> Tableau:
    return Tableau(titre, tableau_budget.ENTETES, ecrit.lignes, (1, 3), ecrit.montants)


def _budget_action(d: DemandeEcrite) -> Rubrique:
    budget = d.budget
    taux = budget.part_demandee
    phrase = (
        f"La subvention sollicitée de {budget.demande_annee}, objet de la présente demande, représente "
        f"{round(taux * 100) if taux is not None else 0} % du total des produits du projet."
    )
    ecrit = tableau_budget.de_l_action(d.contenu, d.annee, d.financeurs, d.comptes)
    suites = lire_annees(d.contenu, budget)
    suivants = [
        _en_tableau(
            f"Budget {a.annee}",
            tableau_budget.d_une_annee_suivante(
                a, tableau_budget.subventions_demandees(d.contenu, a.annee, d.financeurs, d.comptes)
            ),
        )
        for a in suites
    ]
    return Rubrique(
        "7. Budget du projet",
        (("Part demandée", phrase),),
        tuple((f"Ce qui sera fait en {a.annee}", a.actions) for a in suites if a.actions),
        (_en_tableau(f"Budget {d.annee}", ecrit), *suivants),
    )


def duree_en_clair(debut: str | None, fin: str | None) -> str:
    """« 11 mois et 1 jour », « 2 jours » : du premier au dernier jour, compris ; vide si l'un manque ou s'il précède.

    Source : Cerfa 12156*06, rubrique 6 (« date ou période de réalisation ; durée »).
    """
    if not debut or not fin or fin < debut:
        return ""
    premier, lendemain = date.fromisoformat(debut), date.fromisoformat(fin) + timedelta(days=1)
    mois = (lendemain.year - premier.year) * 12 + lendemain.month - premier.month
    mois -= ajouter_mois(premier, mois) > lendemain
    jours = (lendemain - ajouter_mois(premier, mois)).days
    dits = (f"{mois} mois" if mois else "", f"{jours} jour{'s' if jours > 1 else ''}" if jours else "")
    return " et ".join(x for x in dits if x)


def _projet(d: DemandeEcrite) -> tuple[Rubrique, ...]:
    objet = _reponses(d, _codes(Section.PROJET, sauf=("objet_demande", "frequence", "nature_aide")))
    lieu = _reponses(d, ["theme_p147", *_codes(Section.OBJECTIFS, Section.TERRITOIRE)])
    public = _reponses(d, _codes(Section.PUBLIC, Section.EGALITE))
    faire = _reponses(d, _codes(Section.DEROULEMENT, Section.MOYENS, Section.HABITANTS))
    duree = duree_en_clair(d.contenu.get("debut"), d.contenu.get("fin"))
    durees = (("Durée de l’action", duree),) if duree else ()
    return (
        titrer("6. Projet", objet),
        titrer("6. Projet : objectifs et territoire", lieu),
        titrer("6. Projet : bénéficiaires", public),
        titrer("6. Projet : réalisation, moyens, évaluation", replace(faire, paires=(*durees, *faire.paires))),
    )


RAPPEL = (
    "Toute subvention affectée à une dépense déterminée donne lieu à un compte rendu financier (Cerfa n° 15059), à "
    "remettre à chaque administration qui l’a versée dans les six mois suivant la fin de l’exercice pour lequel elle a "
    "été attribuée."
)
"""Source : loi n° 2000-321, art. 10 ; arrêté du 11 octobre 2006 ; Cerfa 12156*06, en-tête (« Rappel »)."""


def _attestation(d: DemandeEcrite) -> Rubrique:
    cochees = tuple((c.libelle, "Oui") for c in champs_de(Section.ATTESTATIONS) if d.contenu.get(c.code) is True)
    compte = part(
        d.organisation.get("compte_bancaire"), titulaire="Titulaire du compte", banque="Banque", iban="IBAN", bic="BIC"
    )
    siege = d.organisation.get("siege") or {}
    signature = (
        ("Fait à", str(d.contenu.get("fait_a") or siege.get("commune") or NON_DIT)),
        *dire_la_signature(d.signature, d.completee),
    )
    autres = _reponses(d, ["aides_publiques"]).paires
    return Rubrique(
        "8. Attestations, versement et signature",
        (*cochees, *dire_le_cer(d.organisation), *autres, *compte, *signature),
        (("Après la décision", RAPPEL),),
    )


def cerfa(d: DemandeEcrite) -> tuple[Rubrique, ...]:
    """La demande, dans l'ordre du formulaire unique.

    Source : Cerfa 12156*06 ; décret n° 2016-1971, art. 1er ; reference/domaine.md § 1.1 à 1.4.
    """
    return (
        _entete(d), identite(d.organisation), relations(d.organisation), reseaux(d.organisation),
        moyens(d.organisation), _budget_organisation(d), *_projet(d), _budget_action(d), _attestation(d),
    )  # fmt: skip


def portail(d: DemandeEcrite) -> tuple[Rubrique, ...]:
    """La demande, dans l'ordre où le portail de l'État (Dauphin) pose ses questions : à recopier.

    Source : reference/domaine.md § 2.4 (parcours : préambule, critères, votre tiers, votre dossier, récapitulatif).
    """
    numero = (("Référence à citer", d.numero),)
    entete = _entete(d)
    tiers = identite(d.organisation)
    dossier = _projet(d)
    noms = ("Votre dossier : intitulé, objectifs, description", "Votre dossier : rattachement et localisation",
            "Votre dossier : bénéficiaires", "Votre dossier : calendrier, moyens, évaluation")  # fmt: skip
    return (
        Rubrique("Préambule et critères", (*numero, *entete.paires)),
        titrer("Votre tiers : identité et représentants", tiers),
        titrer("Votre tiers : relations, réseaux, moyens", fondre(
            relations(d.organisation), reseaux(d.organisation), moyens(d.organisation)
        )),
        *(titrer(nom, r) for nom, r in zip(noms, dossier, strict=True)),
        titrer("Votre dossier : plan de financement", _budget_action(d)),
        Rubrique("Votre dossier : montants demandés, et ceux de l’an dernier", tableaux=entete.tableaux),
        titrer("Budget prévisionnel de l’organisme", _budget_organisation(d)),
        titrer("Récapitulatif et attestation", _attestation(d)),
    )  # fmt: skip
