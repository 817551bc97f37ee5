"""Ce que l'annuaire des entreprises laisse deviner d'une organisation : règles pures."""

from __future__ import annotations

from app.referentiels.acteurs.rules import FormeOrganisation

DROIT_LOCAL = "9260"
DEPARTEMENTS_DROIT_LOCAL = ("57", "67", "68")
# Du plus précis au plus large : le premier préfixe qui convient décide.
_FORMES = (
    ("93", FormeOrganisation.FONDATION),
    ("92", FormeOrganisation.ASSOCIATION),
    ("72", FormeOrganisation.COLLECTIVITE),
    ("734", FormeOrganisation.COLLECTIVITE),
    ("7", FormeOrganisation.ETABLISSEMENT_PUBLIC),
    ("41", FormeOrganisation.ETABLISSEMENT_PUBLIC),
    ("5546", FormeOrganisation.BAILLEUR_PRIVE),
    ("5646", FormeOrganisation.BAILLEUR_PRIVE),
    ("5547", FormeOrganisation.BAILLEUR_PRIVE),
    ("5647", FormeOrganisation.BAILLEUR_PRIVE),
    ("51", FormeOrganisation.ENTREPRISE_ESS),
    ("5443", FormeOrganisation.ENTREPRISE_ESS),
    ("5458", FormeOrganisation.ENTREPRISE_ESS),
    ("5543", FormeOrganisation.ENTREPRISE_ESS),
    ("5558", FormeOrganisation.ENTREPRISE_ESS),
    ("5643", FormeOrganisation.ENTREPRISE_ESS),
    ("5658", FormeOrganisation.ENTREPRISE_ESS),
    ("82", FormeOrganisation.ENTREPRISE_ESS),
)


def forme_devinee(nature_juridique: str) -> FormeOrganisation | None:
    """La forme que laisse deviner la catégorie juridique ; None si elle n'en dit rien. La personne la corrige.

    Source : INSEE, catégories juridiques (92 associations dont 9260 de droit local, 93 fondations, 72 collectivités,
    73 établissements publics, 41 établissements publics industriels, 54 à 56 et 51 coopératives, 82 mutuelles).
    """
    if len(nature_juridique) != 4 or not nature_juridique.isdigit():
        return None
    return next((forme for debut, forme in _FORMES if nature_juridique.startswith(debut)), None)


def est_public(forme: FormeOrganisation, nature_juridique: str = "") -> bool:
    """Vrai pour une commune, un établissement ou un bailleur public, d'après ce qui est dit ou ce que dit l'annuaire.

    Source : INSEE, catégories juridiques (7 : personne morale de droit public ; 41 : établissement public industriel).
    """
    return not forme.est_privee or nature_juridique.startswith(("7", "41"))


def est_de_droit_local(code_postal: str, nature_juridique: str = "") -> bool:
    """Vrai si le registre des associations d'Alsace-Moselle est à proposer d'abord.

    Source : reference/domaine.md § 1.6 ; INSEE, catégorie juridique 9260 (association de droit local).
    Choix du projet : sans code postal encore, l'association est tenue pour d'ici, en Alsace-Moselle.
    """
    return nature_juridique == DROIT_LOCAL or not code_postal or code_postal[:2] in DEPARTEMENTS_DROIT_LOCAL
