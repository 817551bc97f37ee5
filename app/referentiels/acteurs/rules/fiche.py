"""La fiche d'une organisation : ses sections, ce qu'elles refusent, ce qui manque à une demande. Règles pures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from stdnum import bic as code_bic
from stdnum import iban as numero_iban
from stdnum.exceptions import ValidationError

from app.noyau.erreurs import Faute
from app.referentiels.acteurs.rules import FormeOrganisation

_ETPT = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]{1,2}))?")
ENGAGEES = frozenset({FormeOrganisation.ASSOCIATION, FormeOrganisation.FONDATION})


class Section(StrEnum):
    """Une part courte de la fiche, qui s'enregistre seule."""

    IDENTITE = "identite"
    ADRESSES = "adresses"
    REPRESENTANT = "representant"
    CONTACT = "contact"
    ADMINISTRATION = "administration"
    RESEAUX = "reseaux"
    MOYENS = "moyens"
    BANQUE = "banque"
    ENGAGEMENT = "engagement"

    @property
    def libelle(self) -> str:
        """Le titre montré à l'écran."""
        return _LIBELLES[self]


_LIBELLES = {
    Section.IDENTITE: "Identité et registre",
    Section.ADRESSES: "Adresses",
    Section.REPRESENTANT: "Représentant légal",
    Section.CONTACT: "Personne chargée de la demande",
    Section.ADMINISTRATION: "Relations avec l’administration",
    Section.RESEAUX: "Réseaux et adhérents",
    Section.MOYENS: "Moyens humains",
    Section.BANQUE: "Compte bancaire",
    Section.ENGAGEMENT: "Contrat d’engagement républicain",
}


@dataclass(frozen=True, slots=True)
class Moyens:
    """Les personnes d'une organisation au 31 décembre d'une année ; ETPT en centièmes."""

    benevoles: int
    volontaires: int
    salaries: int
    emplois_aides: int
    etpt_centiemes: int
    mis_a_disposition: int
    adherents: int


@dataclass(frozen=True, slots=True)
class Compte:
    """Un compte bancaire tel que saisi."""

    titulaire: str
    banque: str
    iban: str
    bic: str


@dataclass(frozen=True, slots=True)
class FaitsFiche:
    """Ce qu'il faut savoir d'une fiche pour dire ce qui lui manque. Les textes vides manquent."""

    forme: FormeOrganisation
    a_un_registre: bool
    siege: Mapping[str, str]
    representant: Mapping[str, str]
    relations: Mapping[str, bool | None] = field(default_factory=dict)
    a_des_moyens: bool = False
    a_un_compte: bool = False
    est_engagee: bool = False
    est_agreee: bool = False
    a_un_signataire: bool = False


def sections_de(forme: FormeOrganisation) -> tuple[Section, ...]:
    """Les sections de la fiche d'une organisation de cette forme, dans l'ordre.

    Source : Cerfa 12156*06, rubriques 1 à 4 et 7 ; J34 (engagement républicain : associations et fondations).
    """
    return tuple(s for s in Section if s is not Section.ENGAGEMENT or forme in ENGAGEES)


def engagement_repute(*, est_reconnue_utilite: bool | None, agrements: int) -> bool:
    """Vrai si l'engagement républicain est réputé satisfait : l'attester reste permis, rien ne l'exige.

    Source : loi n° 2000-321 du 12 avril 2000, art. 10-1 (reconnue d'utilité publique ou agréée) ; domaine.md, J34.
    """
    return bool(est_reconnue_utilite) or agrements > 0


def annee_des_moyens(aujourd_hui: date) -> int:
    """L'année dont le 31 décembre est le dernier passé.

    Source : Cerfa 12156*06, rubrique 4 (moyens humains au 31 décembre de l'année écoulée).
    """
    return aujourd_hui.year - 1


def centiemes(texte: str) -> int | None:
    """« 2,5 » → 250 ; None si ce n'est pas un nombre d'ETPT à deux décimales au plus.

    Source : Cerfa 12156*06, rubrique 4 (équivalents temps plein travaillés).
    """
    trouve = _ETPT.fullmatch(texte.strip())
    if trouve is None:
        return None
    return int(trouve[1]) * 100 + int((trouve[2] or "0").ljust(2, "0"))


def en_etpt(valeur: int) -> str:
    """250 → « 2,5 ».

    Source : Cerfa 12156*06, rubrique 4.
    """
    entier, reste = divmod(valeur, 100)
    return f"{entier},{reste:02d}".rstrip("0") if reste else str(entier)


def verifier_moyens(moyens: Moyens) -> tuple[Faute, ...]:
    """Ce que des moyens humains ont d'incohérent.

    Source : Cerfa 12156*06, rubrique 4 : les emplois aidés et les ETPT sont comptés parmi les salariés.
    """
    fautes = []
    if moyens.emplois_aides > moyens.salaries:
        phrase = "Les emplois aidés comptent parmi les salariés : ils ne peuvent pas être plus nombreux."
        fautes.append(Faute("emplois_aides", phrase, "aides_trop_nombreux"))
    if moyens.etpt_centiemes > moyens.salaries * 100:
        phrase = "Un salarié compte au plus pour un équivalent temps plein : vérifiez les deux nombres."
        fautes.append(Faute("etpt", phrase, "etpt_trop_grand"))
    return tuple(fautes)


def normaliser_iban(texte: str) -> str | None:
    """L'IBAN sans espace ni tiret, en capitales, si sa clé est juste ; sinon None.

    Source : domaine.md § 8 ; norme ISO 13616 (clé modulo 97, longueur propre à chaque pays).
    """
    try:
        return str(numero_iban.validate(texte.strip().upper(), check_country=True))
    except ValidationError:
        return None


def masquer_iban(iban: str) -> str:
    """« FR76 •••• 189 » : de quoi reconnaître son compte, pas de quoi s'en servir.

    Choix du projet : l'IBAN entier n'est montré qu'à qui administre ou signe.
    """
    return f"{iban[:4]} •••• {iban[-3:]}"


def grouper_iban(iban: str) -> str:
    """L'IBAN par groupes de quatre, comme sur un relevé.

    Source : norme ISO 13616, forme imprimée.
    """
    return " ".join(iban[rang : rang + 4] for rang in range(0, len(iban), 4))


def verifier_compte(compte: Compte) -> tuple[Faute, ...]:
    """Ce qu'un compte bancaire a de faux, d'un coup.

    Source : Cerfa 12156*06, rubrique 7 (titulaire, banque, IBAN, BIC) ; normes ISO 13616 et ISO 9362.
    """
    fautes = []
    if not compte.titulaire.strip():
        fautes.append(Faute("titulaire", "Écrivez le titulaire du compte, comme sur le relevé.", "titulaire_absent"))
    if not compte.banque.strip():
        fautes.append(Faute("banque", "Écrivez le nom de la banque.", "banque_absente"))
    if normaliser_iban(compte.iban) is None:
        phrase = "Cet IBAN n’existe pas : recopiez-le du relevé d’identité bancaire (27 caractères en France)."
        fautes.append(Faute("iban", phrase, "iban_invalide"))
    if not code_bic.is_valid(compte.bic):
        phrase = "Ce BIC n’existe pas : 8 ou 11 caractères, sur le relevé d’identité bancaire."
        fautes.append(Faute("bic", phrase, "bic_invalide"))
    return tuple(fautes)


def verifier_representant(valeurs: Mapping[str, str]) -> tuple[Faute, ...]:
    """Fonction, prénom et nom sont dus.

    Source : Cerfa 12156*06, rubrique 1.7.
    """
    phrases = {
        "fonction": "Écrivez sa fonction, par exemple : présidence.",
        "prenom": "Écrivez son prénom.",
        "nom": "Écrivez son nom.",
    }
    return tuple(Faute(c, phrase, f"{c}_absent") for c, phrase in phrases.items() if not valeurs.get(c, "").strip())


def verifier_relations(
    *, est_reconnue_utilite: bool | None, utilite_jo_le: date | None, agrements: Sequence[Mapping[str, str]],
    a_aides_minimis: bool | None, aides_minimis: str, aujourd_hui: date,
) -> tuple[Faute, ...]:  # fmt: skip
    """Ce que les relations avec l'administration ont d'incomplet.

    Source : Cerfa 12156*06, rubrique 2 (agréments : type, attribué par, date ; utilité publique et date du JO).
    """
    fautes = []
    if est_reconnue_utilite and utilite_jo_le is None:
        fautes.append(Faute("utilite_jo_le", "Donnez la date de parution au Journal officiel.", "jo_absent"))
    if not est_reconnue_utilite and utilite_jo_le is not None:
        phrase = "Cette date ne vaut que pour une association reconnue d’utilité publique."
        fautes.append(Faute("utilite_jo_le", phrase, "jo_sans_utilite"))
    if utilite_jo_le is not None and utilite_jo_le > aujourd_hui:
        fautes.append(Faute("utilite_jo_le", "Cette date est dans l’avenir.", "date_future"))
    if a_aides_minimis and not aides_minimis.strip():
        phrase = "Dites lesquelles : qui les a versées, en quelle année, pour quel montant."
        fautes.append(Faute("aides_minimis", phrase, "minimis_absentes"))
    for rang, agrement in enumerate(agrements):
        fautes += _verifier_agrement(rang, agrement, aujourd_hui)
    return tuple(fautes)


def _verifier_agrement(rang: int, agrement: Mapping[str, str], aujourd_hui: date) -> list[Faute]:
    fautes = [
        Faute(f"agrement_{champ}_{rang}", phrase, "agrement_incomplet")
        for champ, phrase in (
            ("type", "Écrivez de quel agrément il s’agit."),
            ("par", "Écrivez qui l’a attribué."),
            ("date", "Donnez sa date."),
        )
        if not agrement.get(champ)
    ]
    if agrement.get("date"):
        try:
            if date.fromisoformat(agrement["date"]) > aujourd_hui:
                fautes.append(Faute(f"agrement_date_{rang}", "Cette date est dans l’avenir.", "date_future"))
        except ValueError:
            phrase = "Écrivez une date, par exemple 2024-03-09."
            fautes.append(Faute(f"agrement_date_{rang}", phrase, "date_parsing"))
    return fautes


def _manque(section: Section, champ: str, phrase: str) -> Faute:
    return Faute(f"{section.value}.{champ}", phrase, "fiche_incomplete")


def verifier_fiche(faits: FaitsFiche) -> tuple[Faute, ...]:
    """Ce qui manque à la fiche pour une demande complète. `Faute.champ` : « section.champ ».

    Source : Cerfa 12156*06, rubriques 1, 2, 4 et 7 ; loi n° 2000-321, art. 10-1 ; domaine.md § 1.6 (RNA ou registre).
    """
    fautes = []
    if faits.forme is FormeOrganisation.ASSOCIATION and not faits.a_un_registre:
        phrase = "Donnez l’inscription au registre des associations, ou le numéro RNA."
        fautes.append(_manque(Section.IDENTITE, "registre_tribunal", phrase))
    for champ, phrase in (
        ("adresse", "Écrivez l’adresse du siège."),
        ("code_postal", "Écrivez le code postal du siège."),
        ("commune", "Écrivez la commune du siège."),
    ):
        if not faits.siege.get(champ):
            fautes.append(_manque(Section.ADRESSES, champ, phrase))
    if verifier_representant(faits.representant):
        phrase = "Dites qui représente légalement l’organisation : fonction, prénom, nom."
        fautes.append(_manque(Section.REPRESENTANT, "nom", phrase))
    elif not faits.representant.get("telephone") and not faits.representant.get("courriel"):
        phrase = "Donnez un téléphone ou une adresse électronique du représentant légal."
        fautes.append(_manque(Section.REPRESENTANT, "courriel", phrase))
    if faits.forme in ENGAGEES and (
        faits.relations.get("est_reconnue_utilite") is None or faits.relations.get("est_assujettie") is None
    ):
        phrase = "Dites si l’organisation est reconnue d’utilité publique, et si elle paie les impôts commerciaux."
        fautes.append(_manque(Section.ADMINISTRATION, "est_reconnue_utilite", phrase))
    return (*fautes, *_manques_du_versement(faits))


def _manques_du_versement(faits: FaitsFiche) -> list[Faute]:
    fautes = []
    if not faits.a_des_moyens:
        phrase = "Comptez les personnes de l’organisation au 31 décembre dernier."
        fautes.append(_manque(Section.MOYENS, "benevoles", phrase))
    if not faits.a_un_compte:
        phrase = "Donnez le compte bancaire où verser la subvention."
        fautes.append(_manque(Section.BANQUE, "iban", phrase))
    if faits.forme in ENGAGEES and not faits.est_engagee and not faits.est_agreee:
        phrase = "Attestez que l’organisation a souscrit le contrat d’engagement républicain."
        fautes.append(_manque(Section.ENGAGEMENT, "atteste", phrase))
    if not faits.a_un_signataire:
        phrase = "Plus personne ne peut signer pour l’organisation : transmettez la signature depuis « Membres »."
        fautes.append(_manque(Section.REPRESENTANT, "signataire", phrase))
    return fautes


def section_de(faute: Faute) -> Section:
    """La section où écrire ce qui manque.

    Choix du projet : `verifier_fiche` nomme chaque manque « section.champ ».
    """
    return Section(faute.champ.partition(".")[0])
