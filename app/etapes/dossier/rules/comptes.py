"""La nomenclature budgétaire du formulaire unique : postes 60 à 87 et leurs lignes, codes du portail de l'État."""

from __future__ import annotations

from dataclasses import dataclass

from app.etapes.dossier.rules.formes import Options

VOLONTAIRES = ("86", "87")


@dataclass(frozen=True, slots=True)
class Poste:
    """Un poste (« 60 Achats ») et ses lignes. Un montant se donne au poste, sans détail, ou à l'une de ses lignes."""

    code: str
    libelle: str
    lignes: Options

    @property
    def options(self) -> Options:
        """Le poste lui-même, puis ses lignes."""
        return ((self.code, self.intitule), *self.lignes)

    @property
    def intitule(self) -> str:
        """« 60 Achats » ; un poste sans numéro garde son nom."""
        return f"{self.code} {self.libelle}" if self.code.isdigit() else self.libelle


def _poste(code: str, libelle: str, *lignes: tuple[str, str]) -> Poste:
    return Poste(code, libelle, tuple((c, f"{c} {mot}" if c.isdigit() else mot) for c, mot in lignes))


# Source : reference/domaine.md § 1.4 (nomenclature confirmée du Cerfa 12156 et codes du portail de l'État).
CHARGES = (
    _poste("60", "Achats", ("601", "Achats de matières et fournitures"), ("604", "Prestations de services"),
           ("60x", "Autres fournitures")),
    _poste("61", "Services extérieurs", ("613", "Locations"), ("615", "Entretien et réparation"), ("616", "Assurance"),
           ("618", "Documentation")),
    _poste("62", "Autres services extérieurs", ("622", "Rémunérations d’intermédiaires et honoraires"),
           ("623", "Publicité, publication"), ("625", "Déplacements, missions"), ("62x", "Services bancaires, autres")),
    _poste("63", "Impôts et taxes", ("631", "Impôts et taxes sur rémunération"), ("635", "Autres impôts et taxes")),
    _poste("64", "Charges de personnel", ("641", "Rémunération des personnels"), ("645", "Charges sociales"),
           ("647", "Autres charges de personnel")),
    _poste("65", "Autres charges de gestion courante"),
    _poste("66", "Charges financières"),
    _poste("67", "Charges exceptionnelles"),
    _poste("68", "Dotations aux amortissements et provisions"),
    _poste("69", "Impôt sur les bénéfices, participation des salariés"),
    _poste("IND", "Charges indirectes affectées à l’action", ("chgfixe", "Charges fixes de fonctionnement"),
           ("fraisfin", "Frais financiers"), ("autchgindirect", "Autres charges indirectes"),
           ("excprev", "Excédent prévisionnel")),
)  # fmt: skip
PRODUITS = (
    _poste("70", "Ventes de produits, prestations de services"),
    _poste("73", "Dotations et produits de tarification"),
    _poste("74", "Autres subventions", ("74etat", "État : autre ministère, direction ou service"), ("74reg", "Région"),
           ("74dep", "Département, Collectivité européenne d’Alsace"), ("74epci", "Autre intercommunalité"),
           ("74com", "Autre commune"), ("74orgasoc", "Organisme social (CAF…)"), ("74fe", "Fonds européens"),
           ("74agenceserv", "Agence de services et de paiement (emplois aidés)"),
           ("74x", "Autre établissement public"), ("74aidespriv", "Aide privée (fondation…)")),
    _poste("75", "Autres produits de gestion courante", ("756", "Cotisations"), ("758", "Dons manuels, mécénat"),
           ("750", "Autres produits")),
    _poste("76", "Produits financiers"),
    _poste("77", "Produits exceptionnels"),
    _poste("78", "Reports de ressources non utilisées, reprises"),
    _poste("79", "Transferts de charges"),
    _poste("PROPRES", "Ressources propres affectées à l’action"),
)  # fmt: skip
EMPLOIS_VOLONTAIRES = (
    _poste("86", "Emplois des contributions volontaires", ("860", "Secours en nature"),
           ("861", "Mise à disposition gratuite de biens et services"), ("862", "Prestations"),
           ("864", "Personnel bénévole")),
)  # fmt: skip
RESSOURCES_VOLONTAIRES = (
    _poste("87", "Contributions volontaires en nature", ("870", "Bénévolat"), ("871", "Prestations en nature"),
           ("875", "Dons en nature")),
)  # fmt: skip
_PRIVEES = frozenset({"74aidespriv"})
_POSTE_DE = {
    code: poste.code
    for postes in (CHARGES, PRODUITS, EMPLOIS_VOLONTAIRES, RESSOURCES_VOLONTAIRES)
    for poste in postes
    for code, _ in poste.options
}


def options(postes: tuple[Poste, ...]) -> Options:
    """Toutes les lignes de ces postes, à la suite.

    Source : reference/domaine.md § 1.4.
    """
    return tuple(option for poste in postes for option in poste.options)


def groupes(postes: tuple[Poste, ...]) -> tuple[tuple[str, Options], ...]:
    """Les mêmes, sous le titre de leur poste ; un poste sans ligne n'a que lui.

    Source : reference/domaine.md § 1.4.
    """
    return tuple((poste.intitule, poste.options) for poste in postes)


def poste_de(compte: str) -> str:
    """Le poste d'une ligne (« 601 » → « 60 ») ; le compte lui-même s'il n'est pas de la nomenclature.

    Source : reference/domaine.md § 1.4.
    """
    return _POSTE_DE.get(compte, compte)


def est_subvention_publique(compte: str) -> bool:
    """Vrai pour une autre subvention d'une personne publique ; un poste 74 sans détail est compté public (prudence).

    Source : reference/domaine.md § 1.4 (74aidespriv : aides privées).
    """
    return poste_de(compte) == "74" and compte not in _PRIVEES


def est_volontaire(compte: str) -> bool:
    """Vrai pour une contribution volontaire en nature (86, 87), hors des totaux.

    Source : reference/domaine.md § 1.4, « Règles testables ».
    """
    return poste_de(compte) in VOLONTAIRES
