"""Ce que le porteur relit avant de signer : sa fiche, un lieu inattendu, des lignes qui seront hors champ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.attestation import dire_le_cer
from app.etapes.dossier.rules.depot import lieu_hors_fiches, lignes_hors_champ
from app.etapes.dossier.rules.fiche_ecrite import identite
from app.etapes.dossier.rules.rubriques import part
from app.noyau.euros import Euros
from app.referentiels.acteurs.rules.fiche import grouper_iban, masquer_iban


def avertissement_du_lieu(contenu: Mapping[str, Any], referentiel: Referentiel) -> str:
    """Une phrase si l'action se tient dans une commune dont aucun projet de quartier n'est visé ; n'empêche rien."""
    codes = lieu_hors_fiches(contenu, referentiel.communes_des_fiches(contenu.get("fiches") or ()))
    if not codes:
        return ""
    noms = ", ".join(referentiel.intitule("communes", code) for code in codes)
    return f"L’action se tient à {noms}, où ne se trouve aucun des projets de quartier choisis. Est-ce bien voulu ?"


@dataclass(frozen=True, slots=True)
class LigneRelue:
    """Une ligne sollicitée : ce qu'on lui demande en tout, et pourquoi elle sera hors champ (vide si elle étudiera)."""

    intitule: str
    montant: Euros
    hors_champ: str


def lignes_relues(contenu: Mapping[str, Any], referentiel: Referentiel) -> tuple[LigneRelue, ...]:
    """Chaque ligne sollicitée, dans l'ordre du contrat, jugée comme elle le sera au dépôt."""
    demandes = contenu.get("demandes") or []
    communes = referentiel.communes_des_fiches(contenu.get("fiches") or ())
    motifs = lignes_hors_champ(referentiel.lignes, communes)
    return tuple(
        LigneRelue(
            ligne.intitule,
            Euros.somme(Euros(int(d.get("montant", 0))) for d in demandes if d.get("ligne") == ligne.code),
            motifs.get(ligne.code, ""),
        )
        for ligne in referentiel.lignes
        if any(d.get("ligne") == ligne.code for d in demandes)
    )


def fiche_relue(organisation: Mapping[str, Any], *, entiere: bool) -> tuple[tuple[str, str], ...]:
    """L'identité, le représentant, l'engagement et le compte qui seront signés. `entiere` : l'IBAN en entier."""
    compte = dict(organisation.get("compte_bancaire") or {})
    if compte.get("iban"):
        compte["iban"] = grouper_iban(compte["iban"]) if entiere else masquer_iban(compte["iban"])
    banque = part(compte, titulaire="Titulaire du compte", banque="Banque", iban="IBAN", bic="BIC")
    return (
        *identite(organisation).paires,
        *dire_le_cer(organisation),
        *(banque or (("Compte bancaire", "Aucun compte dans la fiche"),)),
    )
