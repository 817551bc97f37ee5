"""La fiche des organisations de la démonstration : complète, plausible, inventée."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TypedDict

from sqlalchemy.orm import Session
from stdnum import iban

from app.infra.identite import Identite
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.rules.fiche import Compte, Moyens, Section
from app.referentiels.acteurs.service import fiche

ECRITE = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
ACTEUR = Identite(0, "demonstration", "Présidence (fictif)", "")
ETPT = (0, 50, 100, 250, 600)
CODES_POSTAUX = {"Mulhouse": "68100", "Illzach": "68110", "Wittenheim": "68270"}
BANQUE, GUICHET = "99999", "00001"  # aucun établissement n'a ce code : l'IBAN est juste, le compte n'existe pas


class Qui(TypedDict):
    """Qui écrit, et quand."""

    acteur: str
    maintenant: datetime


def iban_fictif(rang: int) -> str:
    """Un IBAN français de clés justes, d'une banque qui n'existe pas."""
    numero = f"{rang:011d}"
    cle = 97 - (89 * int(BANQUE) + 15 * int(GUICHET) + 3 * int(numero)) % 97
    bban = f"{BANQUE}{GUICHET}{numero}{cle:02d}"
    return f"FR{iban.calc_check_digits('FR00' + bban)}{bban}"


def moyens_fictifs(rang: int, etpt_centiemes: int) -> Moyens:
    """Des moyens humains cohérents : pas plus d'ETPT que de salariés, les emplois aidés parmi eux."""
    salaries = -(-etpt_centiemes // 75)
    return Moyens(
        benevoles=8 + rang % 23, volontaires=rang % 3, salaries=salaries, emplois_aides=min(salaries, rang % 2),
        etpt_centiemes=etpt_centiemes, mis_a_disposition=0, adherents=30 + 7 * (rang % 19),
    )  # fmt: skip


def remplir(session: Session, organisation: Organisation, rang: int) -> None:
    """Écrit chaque section de la fiche d'une organisation qui vient d'être créée."""
    qui = Qui(acteur=ACTEUR.acteur, maintenant=ECRITE)
    commune = organisation.commune
    adresse = {"adresse": f"{rang} rue Inventée (fictif)", "code_postal": CODES_POSTAUX[commune], "commune": commune}
    fiche.enregistrer_champs(session, organisation, Section.ADRESSES, adresse, **qui)
    representant = {
        "fonction": "Présidence", "prenom": "Personne", "nom": f"Fictive {rang:03d}", "telephone": "",
        "courriel": f"porteur-{rang:03d}@demo.invalid",
    }  # fmt: skip
    fiche.enregistrer_representant(session, organisation, representant, depuis=date(2024, 1, 1), **qui)
    relations = {
        "est_reconnue_utilite": False, "utilite_jo_le": None, "est_assujettie": False, "a_aides_minimis": False,
        "aides_minimis": "", "agrements": _agrements(rang),
    }  # fmt: skip
    fiche.enregistrer_champs(session, organisation, Section.ADMINISTRATION, relations, **qui)
    reseaux = {"reseaux": ["Fédération inventée (fictif)"] if rang % 4 == 0 else [], "personnes_morales": []}
    fiche.enregistrer_champs(session, organisation, Section.RESEAUX, reseaux, **qui)
    for annee in (2024, 2025):
        fiche.enregistrer_moyens(session, organisation, annee, moyens_fictifs(rang, ETPT[rang % 5]), **qui)
    compte = Compte(
        titulaire=organisation.nom, banque="Banque inventée (fictif)", iban=iban_fictif(rang), bic="FICTFRPP"
    )
    fiche.ajouter_compte(session, organisation, compte, acteur=ACTEUR, url_publique="", maintenant=ECRITE)
    fiche.attester(session, organisation, acteur=ACTEUR, qualite="Présidence", est_atteste=True, maintenant=ECRITE)


def _agrements(rang: int) -> list[dict[str, str]]:
    """Une organisation sur trois a un agrément."""
    if rang % 3:
        return []
    return [{"type": "Jeunesse et éducation populaire", "par": "Préfecture (fictif)", "date": "2019-05-14"}]
