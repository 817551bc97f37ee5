"""Le collage d'un lot de décisions : ses lignes, ses fautes. Pur."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.etapes.convention.rules.decision import SensDecision
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros, MontantIllisible


@dataclass(frozen=True, slots=True)
class LigneDeLot:
    """Une ligne collée : le numéro du dossier, le montant, le sens, le motif ; `rang` : sa place dans le collage.

    Choix du projet : conception/produit.md (« sans coller ni exporter dans l'ordre de son tableur »).
    """

    rang: int
    numero: str
    montant: Euros
    sens: SensDecision
    motif: str


_SENS = {
    "attribuee": SensDecision.ATTRIBUEE,
    "attribuée": SensDecision.ATTRIBUEE,
    "accordee": SensDecision.ATTRIBUEE,
    "accordée": SensDecision.ATTRIBUEE,
    "oui": SensDecision.ATTRIBUEE,
    "refusee": SensDecision.REFUSEE,
    "refusée": SensDecision.REFUSEE,
    "non": SensDecision.REFUSEE,
}


def _lire_ligne(rang: int, cellules: Sequence[str]) -> tuple[LigneDeLot | None, tuple[Faute, ...]]:
    numero, montant_lu, sens_lu, motif = (c.strip().strip('"') for c in [*cellules, "", "", ""][:4])
    fautes = []
    sens = _SENS.get(sens_lu.lower()) if sens_lu else SensDecision.ATTRIBUEE
    if sens is None:
        fautes.append(Faute("lot", f"Ligne {rang} : le sens est « attribuée » ou « refusée ».", "sens_illisible"))
    montant = Euros(0)
    if montant_lu or sens is SensDecision.ATTRIBUEE:
        try:
            montant = Euros.lire(montant_lu)
        except MontantIllisible:
            fautes.append(
                Faute("lot", f"Ligne {rang} : le montant « {montant_lu} » est illisible.", "montant_illisible")
            )
    if not numero:
        fautes.append(Faute("lot", f"Ligne {rang} : le numéro du dossier manque.", "numero_absent"))
    if fautes or sens is None:
        return None, tuple(fautes)
    return LigneDeLot(rang, numero.upper(), montant, sens, motif), ()


def lire_lot(texte: str) -> tuple[tuple[LigneDeLot, ...], tuple[Faute, ...]]:
    """Lit un collage « numéro;montant;sens;motif » (ou tabulations) : les lignes lues et les fautes, ligne par ligne.

    Une première ligne d'en-tête et les lignes vides sont passées. Sens vide : attribuée.

    Choix du projet : conception/produit.md (« sans coller ni exporter dans l'ordre de son tableur »).
    """
    separateur = "\t" if "\t" in texte else ";"
    lues: list[LigneDeLot] = []
    fautes: list[Faute] = []
    for rang, brute in enumerate(texte.splitlines(), start=1):
        if not brute.strip(f" {separateur}") or (rang == 1 and brute.strip().lower().startswith("num")):
            continue
        cellules = brute.split(separateur, 3)
        ligne, ses_fautes = _lire_ligne(rang, cellules)
        fautes.extend(ses_fautes)
        if ligne is not None:
            lues.append(ligne)
    fautes.extend(_doublons(lues))
    if not lues and not fautes:
        fautes.append(Faute("lot", "Collez au moins une ligne « numéro;montant;sens;motif ».", "lot_vide"))
    return tuple(lues), tuple(fautes)


def _doublons(lues: Collection[LigneDeLot]) -> list[Faute]:
    vus: dict[str, int] = {}
    fautes = []
    for ligne in lues:
        if ligne.numero in vus:
            phrase = f"Ligne {ligne.rang} : {ligne.numero} est déjà à la ligne {vus[ligne.numero]}."
            fautes.append(Faute("lot", phrase, "numero_en_double"))
        vus.setdefault(ligne.numero, ligne.rang)
    return fautes
