"""Le champ des lignes : lesquelles un dossier ne concerne pas ; ce qu'un complément y change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import champ
from app.etapes.dossier.rules.depot import lignes_hors_champ
from app.etapes.dossier.service.vie import passer_demande
from app.infra.identite import Identite

ACTE = "constater_hors_champ"


def hors_champ_de(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> dict[str, str]:
    """Code de ligne → pourquoi ce contenu ne la concerne pas. Deux requêtes."""
    communes = champ.communes_des_fiches(session, dossier.version_id, contenu.get("fiches") or ())
    return lignes_hors_champ(champ.list_lignes_ouvertes(session, dossier.contrat_id), communes)


def rejuger(
    session: Session, dossier: Dossier, contenu: Mapping[str, Any], *, acteur: Identite, maintenant: datetime
) -> None:
    """Après un complément : une demande que personne n'a encore proposée suit le champ de sa ligne, comme au dépôt."""
    motifs = hors_champ_de(session, dossier, contenu)
    if not motifs:
        return
    for demande, ligne in champ.verrouiller_jamais_proposees(session, dossier.id):
        if ligne in motifs:
            passer_demande(
                session, dossier, demande, ACTE, ligne=ligne, acteur=acteur, maintenant=maintenant,
                motif=motifs[ligne],
            )  # fmt: skip
