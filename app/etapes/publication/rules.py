"""Les données essentielles d'une subvention, au schéma SCDL 2.1.1 : seize colonnes, dans cet ordre. Pur."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from app.noyau.euros import Euros
from app.noyau.identifiants import normaliser_siret

COLONNES = (
    "nomAttribuant",
    "idAttribuant",
    "dateConvention",
    "referenceDecision",
    "nomBeneficiaire",
    "idBeneficiaire",
    "rnaBeneficiaire",
    "objet",
    "montant",
    "nature",
    "conditionsVersement",
    "datesPeriodeVersement",
    "idRAE",
    "notificationUE",
    "pourcentageSubvention",
    "dispositifAide",
)
LONGUEUR_OBJET = 256
_RNA = re.compile(r"^W\d{9}$")
_BLANCS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Subvention:
    """Une décision attribuée et notifiée. `versee_avant` : dernier jour du délai de versement.

    Source : loi n° 2000-321 du 12 avril 2000, art. 10 ; décret n° 2017-779 du 5 mai 2017.
    """

    attribuant: str
    attribuant_siret: str | None
    decidee_le: date
    reference: str
    beneficiaire: str
    beneficiaire_siret: str
    beneficiaire_rna: str | None
    objet: str
    montant: Euros
    notifiee_le: date
    versement_jours: int


def est_publiable(subvention: Subvention) -> bool:
    """Vrai si l'attribuant et le bénéficiaire ont un SIRET de clé juste : le schéma refuse la ligne sinon.

    Source : schéma SCDL « Subventions » 2.1.1, contrôles french-siret-value et one-of-required.
    """
    attribuant = normaliser_siret(subvention.attribuant_siret or "")
    return attribuant is not None and normaliser_siret(subvention.beneficiaire_siret) is not None


def _une_ligne(texte: str) -> str:
    return _BLANCS.sub(" ", texte).strip()


def ligne_scdl(subvention: Subvention) -> tuple[str, ...]:
    """Les seize valeurs : point décimal, dates ISO, oui ou non, période séparée par une barre oblique.

    La date de convention est celle de l'acte d'attribution quand aucune convention n'est exigée ; le versement, dont
    la date précise n'est pas connue, est une période : de la notification à la fin du délai de versement.

    Source : schéma SCDL « Subventions » 2.1.1 ; loi n° 2021-875 du 1er juillet 2021, art. 1er.
    """
    limite = subvention.notifiee_le + timedelta(days=subvention.versement_jours)
    rna = subvention.beneficiaire_rna or ""
    return (
        _une_ligne(subvention.attribuant),
        subvention.attribuant_siret or "",
        subvention.decidee_le.isoformat(),
        _une_ligne(subvention.reference),
        _une_ligne(subvention.beneficiaire),
        subvention.beneficiaire_siret,
        rna if _RNA.match(rna) else "",
        _une_ligne(subvention.objet)[:LONGUEUR_OBJET].strip(),
        str(subvention.montant.en_decimal()),
        "aide en numéraire",
        "unique",
        f"{subvention.notifiee_le.isoformat()}/{limite.isoformat()}",
        "",
        "non",
        "1.00",
        "",
    )
