"""La nomenclature budgétaire du formulaire unique : postes 60 à 87 et leurs lignes, codes du portail de l'État."""

from __future__ import annotations

from dataclasses import dataclass

from app.etapes.dossier.rules.formes import Options

VOLONTAIRES = ("86", "87")
SUBVENTIONS = "74"


@dataclass(frozen=True, slots=True)
class Poste:
    """Un poste (« 60 Achats ») et ses lignes, aux codes du portail. Un montant se donne au poste, sans détail, ou à
    l'une de ses lignes ; un poste d'une seule ligne n'offre qu'elle."""

    code: str
    libelle: str
    lignes: Options

    @property
    def options(self) -> Options:
        """Le poste lui-même, puis ses lignes ; d'un poste d'une seule ligne, elle seule."""
        if len(self.lignes) > 1:
            return ((self.code, self.intitule), *self.lignes)
        return tuple(
            (code, self.intitule if mot == self.libelle else f"{self.intitule} : {mot}") for code, mot in self.lignes
        )

    @property
    def intitule(self) -> str:
        """« 60 Achats » ; un poste sans numéro garde son nom."""
        return f"{self.code} {self.libelle}" if self.code.isdigit() else self.libelle

    def mot(self, compte: str) -> str:
        """Ce qu'une ligne dit de plus que son poste ; rien pour le poste, ou une ligne de même nom.

        Source : reference/domaine.md § 1.4.
        """
        mot = dict(self.lignes).get(code_actuel(compte), "")
        return "" if mot == self.libelle else mot


def _poste(code: str, libelle: str, *lignes: tuple[str, str]) -> Poste:
    """Sans ligne donnée, la seule est celle du portail : « 65x », du même nom que le poste."""
    return Poste(
        code, libelle, tuple((c, f"{c} {mot}" if c.isdigit() else mot) for c, mot in lignes or ((f"{code}x", libelle),))
    )


# Source : seeds/reference/nomenclature_budget_dauphin.json (codes du portail de l'État) ; reference/domaine.md § 1.4.
_CHARGES = (
    _poste("60", "Achats", ("604", "Prestations de services"), ("601", "Achats matières et fournitures"),
           ("60x", "Autres fournitures")),
    _poste("61", "Services extérieurs", ("613", "Locations"), ("615", "Entretien et réparation"), ("616", "Assurance"),
           ("618", "Documentation")),
    _poste("62", "Autres services extérieurs", ("622", "Rémunérations intermédiaires et honoraires"),
           ("623", "Publicité, publication"), ("625", "Déplacements, missions"), ("62x", "Services bancaires, autres")),
    _poste("63", "Impôts et taxes", ("631", "Impôts et taxes sur rémunération"), ("635", "Autres impôts et taxes")),
    _poste("64", "Charges de personnel", ("641", "Rémunération des personnels"), ("645", "Charges sociales"),
           ("647", "Autres charges de personnel")),
    _poste("65", "Autres charges de gestion courante"),
    _poste("66", "Charges financières"),
    _poste("67", "Charges exceptionnelles"),
    _poste("68", "Dotation aux amortissements"),
    _poste("69", "Impôt sur les bénéfices (IS) ; Participation des salariés"),
)  # fmt: skip
_EXCEDENT = ("excprev", "Excédent prévisionnel (bénéfice)")
CHARGES = (
    *_CHARGES,
    _poste("CHARGINDIRECT", "Charges indirectes", ("chgfixe", "Charges fixes de fonctionnement"),
           ("fraisfin", "Frais financiers"), ("autchgindirect", "Autres charges indirectes"), _EXCEDENT),
)  # fmt: skip
CHARGES_ORGANISATION = (*_CHARGES, Poste("CHARGINDIRECT", _EXCEDENT[1], (_EXCEDENT,)))
"""L'organisation entière n'affecte rien à une action : de ses charges indirectes ne reste que l'excédent prévu."""
_VENTES = (
    _poste("70", "Vente de produits finis, de marchandises, prestations de services"),
    _poste("73", "Dotations et produits de tarification"),
)
_COURANTS = (
    _poste("75", "Autres produits de gestion courante", ("756", "Cotisations"), ("758", "Dons manuels - Mécénat"),
           ("750", "Autres produits de gestion courante")),
    _poste("76", "Produits financiers"),
    _poste("77", "Produits exceptionnels"),
    _poste("78", "Reprises sur amortissements et provisions", ("78x", "789 - Report de ressources affectées et non "
           "utilisées sur des exercices antérieurs")),
    _poste("79", "Transfert de charges"),
)  # fmt: skip
_AUTRES_FINANCEURS = (
    ("74orgasoc", "Organismes sociaux (CAF, etc. détailler)"), ("74fe", "Fonds européens (FSE, FEDER, etc.)"),
    ("74agenceserv", "Agence de services et de paiement (emplois aidés)"), ("74x", "Autres établissements publics"),
    ("74aidespriv", "Aides privées (fondation)"),
)  # fmt: skip
PRODUITS = (
    *_VENTES,
    _poste(SUBVENTIONS, "Subventions d’exploitation", ("74etat", "État : autre ministère, direction ou service"),
           ("74reg", "Région(s)"), ("74dep", "Département(s), Collectivité européenne d’Alsace"),
           ("74epci", "Autre communauté de communes ou d’agglomération"), ("74com", "Autre commune"),
           *_AUTRES_FINANCEURS),
    *_COURANTS,
    _poste("RESSPROPRES", "Ressources propres affectées au projet",
           ("insufprevisionnel", "Autofinancement (insuffisance prévisionnelle)")),
)  # fmt: skip
"""Les recettes de l'action, hors ce que le dossier demande aux lignes du contrat : d'où « autre commune »."""
PRODUITS_ORGANISATION = (
    *_VENTES,
    _poste(SUBVENTIONS, "Subventions d’exploitation",
           ("74etat", "État : ministère(s), directions ou services déconcentrés sollicités"),
           ("74reg", "Région(s)"), ("74dep", "Département(s)"),
           ("74epci", "Communautés de communes ou d’agglomérations"), ("74com", "Commune(s)"), *_AUTRES_FINANCEURS),
    *_COURANTS,
    Poste("RESSPROPRES", "Insuffisance prévisionnelle (déficit)",
          (("insufprevisionnel", "Insuffisance prévisionnelle (déficit)"),)),
)  # fmt: skip
"""Celles de l'organisation entière : les subventions demandées dans ce dossier y sont, avec toutes les autres."""
EMPLOIS_VOLONTAIRES = (
    _poste("86", "Emplois des contributions volontaires en nature", ("860", "Secours en nature"),
           ("861", "Mise à disposition gratuite de biens et services"), ("862", "Prestations"),
           ("864", "Personnel bénévole")),
)  # fmt: skip
RESSOURCES_VOLONTAIRES = (
    _poste("87", "Contributions volontaires en nature", ("870", "Bénévolat"), ("871", "Prestations en nature"),
           ("875", "Dons en nature")),
)  # fmt: skip
ANCIENS: Options = (
    *((p.code, p.lignes[0][0]) for p in (*CHARGES, *PRODUITS) if len(p.lignes) == 1),
    ("IND", "CHARGINDIRECT"),
    ("PROPRES", "insufprevisionnel"),
)
"""Codes d'avant → codes du portail : un poste d'une seule ligne se gardait à son numéro (« 65 » pour « 65x »)."""
_ACTUELS = dict(ANCIENS)
_PRIVEES = frozenset({"74aidespriv"})
_DE_L_AUTORITE = {"etat": "74etat", "epci": "74epci", "commune": "74com"}
_POSTE_DE = {
    code: poste.code
    for postes in (CHARGES, PRODUITS, EMPLOIS_VOLONTAIRES, RESSOURCES_VOLONTAIRES)
    for poste in postes
    for code in (poste.code, *dict(poste.lignes))
}


def code_actuel(compte: str) -> str:
    """Le code du portail d'un compte gardé sous son code d'avant ; lui-même sinon.

    Choix du projet : un brouillon ou un dossier d'avant reste lisible et modifiable tel quel.
    """
    return _ACTUELS.get(compte, compte)


def options(postes: tuple[Poste, ...]) -> Options:
    """Toutes les lignes de ces postes, à la suite.

    Source : reference/domaine.md § 1.4.
    """
    return tuple(option for poste in postes for option in poste.options)


def groupes(postes: tuple[Poste, ...]) -> tuple[tuple[str, Options], ...]:
    """Les mêmes, sous le titre de leur poste ; un poste d'une seule ligne n'a qu'elle.

    Source : reference/domaine.md § 1.4.
    """
    return tuple((poste.intitule, poste.options) for poste in postes)


def postes_seuls(postes: tuple[Poste, ...]) -> Options:
    """Les postes, sans leurs lignes : le budget d'une année suivante s'en tient là.

    Choix du projet : reference/domaine.md § 1.4, au niveau du poste ; à deux ou trois ans, la ligne se devine.
    """
    return tuple((poste.code, poste.intitule) for poste in postes)


def poste_de(compte: str) -> str:
    """Le poste d'une ligne (« 601 » → « 60 ») ; le compte lui-même s'il n'est pas de la nomenclature.

    Source : reference/domaine.md § 1.4.
    """
    return _POSTE_DE.get(code_actuel(compte), compte)


def compte_de_l_autorite(nature: str) -> str:
    """La ligne du poste 74 où compter ce qu'on demande à une autorité du contrat ; le poste si elle est inconnue.

    Source : reference/domaine.md § 1.4 (74etat, 74epci, 74com) et § 2.4 (« un statut par ligne de financeur »).
    """
    return _DE_L_AUTORITE.get(nature, SUBVENTIONS)


def est_subvention_publique(compte: str) -> bool:
    """Vrai pour une autre subvention d'une personne publique ; un poste 74 sans détail est compté public (prudence).

    Source : reference/domaine.md § 1.4 (74aidespriv : aides privées).
    """
    return poste_de(compte) == SUBVENTIONS and compte not in _PRIVEES


def est_volontaire(compte: str) -> bool:
    """Vrai pour une contribution volontaire en nature (86, 87), hors des totaux.

    Source : reference/domaine.md § 1.4, « Règles testables ».
    """
    return poste_de(compte) in VOLONTAIRES
