"""La fiche de l'organisation telle que la demande l'imprime : rubriques 1 à 4 du formulaire unique."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.etapes.dossier.rules.clair import centiemes
from app.etapes.dossier.rules.rubriques import NON_DIT, Rubrique, Tableau, dire, part

FORMES = {
    "association": "Association", "fondation": "Fondation", "bailleur_prive": "Bailleur social de droit privé",
    "bailleur_public": "Bailleur social public", "etablissement_public": "Établissement public",
    "collectivite": "Collectivité", "entreprise_ess": "Entreprise de l’économie sociale",
}  # fmt: skip


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
        *part(qui | registre, **noms),
        *part(organisation.get("siege"), **lieu),
        *_nommer("Correspondance", part(organisation.get("correspondance"), adresse="adresse",
                 code_postal="code postal", commune="commune")),
        *_nommer("Représentant légal", part(organisation.get("representant"), **personne)),
        *_nommer("Personne chargée de la demande", part(organisation.get("personne_chargee"), **personne)),
    )  # fmt: skip
    return Rubrique("1. Identité", paires)


def _nommer(prefixe: str, paires: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{prefixe} : {mot.lower()}", texte) for mot, texte in paires)


def relations(organisation: Mapping[str, Any]) -> Rubrique:
    """Rubrique 2 : agréments, utilité publique, impôts commerciaux, aides de minimis.

    Source : Cerfa 12156*06, rubrique 2 ; décret n° 2016-1971, art. 1er.
    """
    dites = organisation.get("relations") or {}
    agrements = tuple(
        (str(a.get("type", "")), str(a.get("par", "")), dire(a.get("date", ""))) for a in dites.get("agrements") or ()
    )
    tableaux = (Tableau("Agréments", ("Type", "Attribué par", "Le"), agrements),) if agrements else ()
    return Rubrique(
        "2. Relations avec l’administration",
        part(
            dites, est_reconnue_utilite="Reconnue d’utilité publique", utilite_jo_le="Publiée au Journal officiel",
            est_assujettie="Assujettie aux impôts commerciaux", a_aides_minimis="Aides de minimis reçues",
            aides_minimis="Lesquelles",
        ),
        tableaux=tableaux,
    )  # fmt: skip


def reseaux(organisation: Mapping[str, Any]) -> Rubrique:
    """Rubrique 3 : réseaux, fédérations, personnes morales adhérentes.

    Source : Cerfa 12156*06, rubrique 3 ; décret n° 2016-1971, art. 1er.
    """
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


def moyens(organisation: Mapping[str, Any]) -> Rubrique:
    """Rubrique 4 : bénévoles, salariés, adhérents au 31 décembre de l'an dernier.

    Source : Cerfa 12156*06, rubrique 4 ; décret n° 2016-1971, art. 1er.
    """
    nombres = dict(organisation.get("moyens_humains") or {})
    if isinstance(nombres.get("etpt_centiemes"), int):
        nombres["etpt"] = centiemes(nombres["etpt_centiemes"])
    titre = f"4. Moyens humains au 31 décembre {nombres['annee']}" if nombres else "4. Moyens humains"
    return Rubrique(
        titre,
        part(
            nombres, benevoles="Bénévoles", volontaires="Volontaires", salaries="Salariés",
            emplois_aides="dont emplois aidés", etpt="Salariés en équivalent temps plein (ETPT)",
            mis_a_disposition="Personnels mis à disposition", adherents="Adhérents",
        )
        or (("Moyens humains", NON_DIT),),
    )  # fmt: skip
