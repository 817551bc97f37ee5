"""La demande mise en forme : dans l'ordre du Cerfa 12156*06, et dans celui du portail de l'État."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.etapes.dossier.rules import tableau_budget
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import champ, champs_de
from app.etapes.dossier.rules.clair import Noms, TableLue, table_en_clair, textes_en_clair
from app.etapes.dossier.rules.formes import Champ, Forme, Section
from app.noyau.euros import Euros
from app.noyau.periodes import date_longue, instant_long

NON_DIT = "Non renseigné"
CERFA = "Cerfa n° 12156*06 — Demande de subvention, formulaire unique"
REPRESENTANT, MANDATAIRE = "representant", "mandataire"
QUALITES = (
    (REPRESENTANT, "Je suis le représentant légal de l’organisation"),
    (MANDATAIRE, "J’ai reçu pouvoir du représentant légal pour signer"),
)
_EN_QUALITE = {REPRESENTANT: "représentant légal", MANDATAIRE: "mandataire, avec pouvoir"}
FORMES = {
    "association": "Association", "fondation": "Fondation", "bailleur_prive": "Bailleur social de droit privé",
    "bailleur_public": "Bailleur social public", "etablissement_public": "Établissement public",
    "collectivite": "Collectivité", "entreprise_ess": "Entreprise de l’économie sociale",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tableau:
    """Un tableau d'une rubrique. `nombres` : rangs (dès 0) des colonnes de chiffres."""

    titre: str
    entetes: tuple[str, ...]
    lignes: tuple[tuple[str, ...], ...]
    nombres: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rubrique:
    """Une rubrique : des questions et leurs réponses courtes, des textes, des tableaux."""

    titre: str
    paires: tuple[tuple[str, str], ...] = ()
    textes: tuple[tuple[str, str], ...] = ()
    tableaux: tuple[Tableau, ...] = ()


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

    @property
    def duree(self) -> int:
        """Un, deux ou trois ans."""
        return int(self.contenu.get("duree") or 1)


def _part(source: Mapping[str, Any] | None, **libelles: str) -> tuple[tuple[str, str], ...]:
    """(libellé, texte) des clés remplies, dans l'ordre donné."""
    return tuple((mot, _dire(source[cle])) for cle, mot in libelles.items() if source and source.get(cle) not in VIDES)


VIDES: tuple[object, ...] = (None, "", [])


def _dire(valeur: object) -> str:
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    texte = str(valeur)
    try:
        return date_longue(date.fromisoformat(texte)) if len(texte) == 10 else texte
    except ValueError:
        return texte


def _reponses(d: DemandeEcrite, codes: Iterable[str]) -> Rubrique:
    """Les champs de ces codes, chacun à sa place : court, long ou tableau. Un champ vide ne s'imprime pas."""
    paires, textes, tableaux = [], [], []
    for code in codes:
        trouve, valeur = champ(code), d.contenu.get(code)
        if trouve is None or valeur in VIDES:
            continue
        if trouve.forme is Forme.TABLE:
            tableaux.append(_tableau(trouve, table_en_clair(trouve, valeur, d.noms)))
        elif trouve.forme is Forme.LONG:
            textes.append((trouve.libelle, str(valeur)))
        else:
            paires.append((trouve.libelle, " ; ".join(textes_en_clair(trouve, valeur, d.noms))))
    return Rubrique("", tuple(paires), tuple(textes), tuple(tableaux))


def _tableau(c: Champ, lu: TableLue) -> Tableau:
    return Tableau(c.libelle, lu.entetes, lu.lignes, lu.nombres)


def _codes(*sections: Section, sauf: Iterable[str] = ()) -> list[str]:
    exclus = set(sauf)
    return [c.code for section in sections for c in champs_de(section) if c.code not in exclus]


def frequence(contenu: Mapping[str, Any], renouvelle: str) -> str:
    """« Première demande » ou « Renouvellement (ou poursuite) » : la suite d'un dossier en est un.

    Source : Cerfa 12156*06, en-tête (« Fréquence »).
    """
    est_suite = bool(renouvelle) or contenu.get("frequence") == "renouvellement"
    return "Renouvellement (ou poursuite)" if est_suite else "Première demande"


def _entete(d: DemandeEcrite) -> Rubrique:
    objet = "Fonctionnement" if d.contenu.get("objet_demande") == "fonctionnement" else "Projet(s), action(s)"
    forme = "En nature" if d.contenu.get("nature_aide") == "nature" else "En numéraire"
    return Rubrique(
        "La demande",
        (
            ("Forme", forme),
            ("Fréquence", frequence(d.contenu, d.renouvelle)),
            ("Objet", objet),
            ("Période", "Annuelle ou ponctuelle" if d.duree == 1 else f"Pluriannuelle ({d.duree} ans)"),
            ("Politique de la ville", "Oui"),
            ("Appel", d.appel),
            ("Contrat de ville", d.contrat),
            *((("Dossier renouvelé", d.renouvelle),) if d.renouvelle else ()),
        ),
        tableaux=(_demandes(d),),
    )


def _demandes(d: DemandeEcrite) -> Tableau:
    lignes = tuple(
        (d.financeurs.get(str(r["ligne"]), str(r["ligne"])), str(r["annee"]), str(Euros(int(r["montant"]))))
        for r in d.contenu.get("demandes") or ()
    )
    return Tableau("Ce qui est demandé", ("Administration", "Année", "Montant"), lignes, (2,))


def identite(organisation: Mapping[str, Any]) -> Rubrique:
    """Rubrique 1 : qui demande. Le registre d'Alsace-Moselle y tient la place du RNA.

    Source : Cerfa 12156*06, rubrique 1 ; reference/domaine.md § 1.6.
    """
    qui = dict(organisation.get("identite") or {})
    if "forme" in qui:
        qui["forme"] = FORMES.get(qui["forme"], qui["forme"])
    registre = {f"registre_{cle}": v for cle, v in (qui.get("registre") or {}).items()}
    noms = {
        "nom": "Nom", "sigle": "Sigle", "forme": "Forme", "siret": "SIRET", "rna": "Numéro RNA",
        "registre_tribunal": "Registre des associations : tribunal", "registre_volume": "Volume",
        "registre_folio": "Folio", "registre_inscrit_le": "Inscrite le", "site_web": "Site internet",
    }  # fmt: skip
    lieu = {"adresse": "Siège", "code_postal": "Code postal", "commune": "Commune",
            "commune_deleguee": "Commune déléguée", "courriel": "Courriel", "telephone": "Téléphone"}  # fmt: skip
    personne = {"nom": "Nom", "prenom": "Prénom", "fonction": "Fonction", "telephone": "Téléphone",
                "courriel": "Courriel"}  # fmt: skip
    paires = (
        *_part(qui | registre, **noms),
        *_part(organisation.get("siege"), **lieu),
        *_nommer("Correspondance", _part(organisation.get("correspondance"), adresse="adresse",
                 code_postal="code postal", commune="commune")),
        *_nommer("Représentant légal", _part(organisation.get("representant"), **personne)),
        *_nommer("Personne chargée de la demande", _part(organisation.get("personne_chargee"), **personne)),
    )  # fmt: skip
    return Rubrique("1. Identité", paires)


def _nommer(prefixe: str, paires: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{prefixe} : {mot.lower()}", texte) for mot, texte in paires)


def _relations(organisation: Mapping[str, Any]) -> Rubrique:
    relations = organisation.get("relations") or {}
    agrements = tuple(
        (str(a.get("type", "")), str(a.get("par", "")), _dire(a.get("date", "")))
        for a in relations.get("agrements") or ()
    )
    tableaux = (Tableau("Agréments", ("Type", "Attribué par", "Le"), agrements),) if agrements else ()
    return Rubrique(
        "2. Relations avec l’administration",
        _part(
            relations, est_reconnue_utilite="Reconnue d’utilité publique", utilite_jo_le="Publiée au Journal officiel",
            est_assujettie="Assujettie aux impôts commerciaux", a_aides_minimis="Aides de minimis reçues",
            aides_minimis="Lesquelles",
        ),
        tableaux=tableaux,
    )  # fmt: skip


def _reseaux(organisation: Mapping[str, Any]) -> Rubrique:
    return Rubrique(
        "3. Relations avec d’autres associations",
        (
            ("Réseaux, unions, fédérations", _liste(organisation.get("reseaux"))),
            ("Personnes morales adhérentes", _liste(organisation.get("personnes_morales"))),
        ),
    )


def _liste(valeurs: Any) -> str:
    return " ; ".join(_nom_de(v) for v in valeurs or ()) or NON_DIT


def _nom_de(valeur: Any) -> str:
    return str(valeur.get("nom", "")) if isinstance(valeur, Mapping) else str(valeur)


def _moyens(organisation: Mapping[str, Any]) -> Rubrique:
    moyens = dict(organisation.get("moyens_humains") or {})
    if isinstance(moyens.get("etpt_centiemes"), int):
        moyens["etpt"] = f"{moyens['etpt_centiemes'] / 100:g}".replace(".", ",")
    titre = f"4. Moyens humains au 31 décembre {moyens['annee']}" if moyens else "4. Moyens humains"
    return Rubrique(
        titre,
        _part(
            moyens, benevoles="Bénévoles", volontaires="Volontaires", salaries="Salariés",
            emplois_aides="dont emplois aidés", etpt="Salariés en équivalent temps plein (ETPT)",
            mis_a_disposition="Personnels mis à disposition", adherents="Adhérents",
        )
        or (("Moyens humains", NON_DIT),),
    )  # fmt: skip


def _budget_organisation(d: DemandeEcrite) -> Rubrique:
    lignes = tableau_budget.de_l_organisation(d.contenu)
    exercice = _part(d.contenu, exercice_debut="Exercice du", exercice_fin="au")
    tableaux = (Tableau("Budget prévisionnel", tableau_budget.ENTETES, lignes, (1, 3)),) if lignes else ()
    return Rubrique("5. Budget de l’organisation", exercice or (("Budget", NON_DIT),), tableaux=tableaux)


def _budget_action(d: DemandeEcrite) -> Rubrique:
    budget = lire_budget(d.contenu, d.annee)
    lignes = tableau_budget.de_l_action(d.contenu, d.annee, d.financeurs)
    part = budget.part_demandee
    phrase = (
        f"La subvention sollicitée de {budget.demande_annee}, objet de la présente demande, représente "
        f"{round(part * 100) if part is not None else 0} % du total des produits du projet."
    )
    suites = _reponses(d, ["annees_suivantes"])
    return Rubrique(
        "7. Budget du projet",
        (("Part demandée", phrase),),
        tableaux=(Tableau(f"Budget {d.annee}", tableau_budget.ENTETES, lignes, (1, 3)), *suites.tableaux),
    )


def _projet(d: DemandeEcrite) -> tuple[Rubrique, ...]:
    objet = _reponses(d, _codes(Section.PROJET, sauf=("objet_demande", "frequence", "nature_aide")))
    lieu = _reponses(d, _codes(Section.OBJECTIFS, Section.TERRITOIRE))
    public = _reponses(d, _codes(Section.PUBLIC, Section.EGALITE))
    faire = _reponses(d, _codes(Section.DEROULEMENT, Section.MOYENS, Section.HABITANTS))
    return (
        _titrer("6. Projet", objet),
        _titrer("6. Projet : objectifs et territoire", lieu),
        _titrer("6. Projet : bénéficiaires", public),
        _titrer("6. Projet : réalisation, moyens, évaluation", faire),
    )


def _titrer(titre: str, r: Rubrique) -> Rubrique:
    return Rubrique(titre, r.paires, r.textes, r.tableaux)


def _attestation(d: DemandeEcrite) -> Rubrique:
    cochees = tuple((c.libelle, "Oui") for c in champs_de(Section.ATTESTATIONS) if d.contenu.get(c.code) is True)
    compte = _part(
        d.organisation.get("compte_bancaire"), titulaire="Titulaire du compte", banque="Banque", iban="IBAN", bic="BIC"
    )
    signature = (
        ("Signé le", instant_long(d.signe_le) if d.signe_le is not None else NON_DIT),
        ("Par", d.signataire or NON_DIT),
        ("En qualité de", _EN_QUALITE.get(d.qualite, NON_DIT)),
    )
    autres = _reponses(d, ["aides_publiques"]).paires
    return Rubrique("8. Attestations, versement et signature", (*cochees, *autres, *compte, *signature))


def cerfa(d: DemandeEcrite) -> tuple[Rubrique, ...]:
    """La demande, dans l'ordre du formulaire unique.

    Source : Cerfa 12156*06 ; décret n° 2016-1971, art. 1er ; reference/domaine.md § 1.1 à 1.4.
    """
    return (
        _entete(d), identite(d.organisation), _relations(d.organisation), _reseaux(d.organisation),
        _moyens(d.organisation), _budget_organisation(d), *_projet(d), _budget_action(d), _attestation(d),
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
        _titrer("Votre tiers : identité et représentants", tiers),
        _titrer("Votre tiers : relations, réseaux, moyens", _fondre(
            _relations(d.organisation), _reseaux(d.organisation), _moyens(d.organisation)
        )),
        *(_titrer(nom, r) for nom, r in zip(noms, dossier, strict=True)),
        _titrer("Votre dossier : plan de financement", _budget_action(d)),
        Rubrique("Votre dossier : montants demandés", tableaux=(_demandes(d),)),
        _titrer("Budget prévisionnel de l’organisme", _budget_organisation(d)),
        _titrer("Récapitulatif et attestation", _attestation(d)),
    )  # fmt: skip


def _fondre(*rubriques: Rubrique) -> Rubrique:
    return Rubrique(
        "",
        tuple(p for r in rubriques for p in r.paires),
        tuple(t for r in rubriques for t in r.textes),
        tuple(t for r in rubriques for t in r.tableaux),
    )


def a_plat(rubriques: Iterable[Rubrique]) -> tuple[tuple[str, str, str], ...]:
    """(rubrique, question, réponse) : la même chose en tableur, une réponse par ligne.

    Source : reference/domaine.md § 2.4 (« prévoir import/export tableur »).
    """
    lignes: list[tuple[str, str, str]] = []
    for r in rubriques:
        lignes += [(r.titre, question, reponse) for question, reponse in (*r.paires, *r.textes)]
        for t in r.tableaux:
            lignes += [(r.titre, t.titre, " | ".join(texte for texte in ligne if texte)) for ligne in t.lignes]
    return tuple(lignes)
