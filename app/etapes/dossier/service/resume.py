"""Le résumé d'un dossier (titre, objectif, quartiers, montant, recherche) : ce que lisent les listes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.recherche import texte_de_recherche
from app.referentiels.acteurs.models import Organisation

RESUMES = frozenset({"titre", "objectif_principal", "quartiers_beneficiaires", "fiches", "demandes", "duree"})


def resumer(dossier: Dossier, contenu: Mapping[str, Any], organisation: Organisation, annee: int) -> None:
    """Tient les colonnes de résumé : à chaque enregistrement d'un brouillon, au dépôt, à chaque complément."""
    budget = lire_budget(contenu, annee)
    dossier.titre = str(contenu.get("titre", ""))
    dossier.objectif = str(contenu.get("objectif_principal", ""))
    dossier.quartiers = sorted(contenu.get("quartiers_beneficiaires") or ())
    dossier.fiches = sorted(contenu.get("fiches") or ())
    dossier.montant_demande = budget.demande_annee
    dossier.duree_annees = int(contenu.get("duree") or 1)
    dossier.recherche = texte_de_recherche(dossier.numero or "", dossier.titre, organisation.nom, organisation.sigle)
