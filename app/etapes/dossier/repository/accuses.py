"""Les faits d'un accusé de réception : ce qui est demandé à chaque autorité, les suspensions du délai."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import list_complements, list_demandes
from app.etapes.dossier.repository.referentiel import Cadre
from app.etapes.dossier.rules.accuse import AccuseAutorite, DemandeRecue, accuser, suspension
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris


def list_accuses(session: Session, dossier: Dossier, cadre: Cadre) -> tuple[AccuseAutorite, ...]:
    """L'accusé de chaque autorité saisie, dans l'ordre des lignes ; vide avant le dépôt. Deux requêtes."""
    if dossier.depose_le is None:
        return ()
    recues: dict[str, DemandeRecue] = {}
    codes: dict[int | None, str] = {None: ""}
    for demande, ligne in list_demandes(session, [dossier.id]):
        codes[ligne.id] = ligne.code
        deja = recues.get(ligne.code)
        recues[ligne.code] = DemandeRecue(
            ligne=ligne.code,
            financeur=ligne.financeur,
            attribuant=ligne.attribuant_nom,
            acte_decision=ligne.acte_decision,
            etat=deja.etat if deja is not None else demande.etat,
            montant=(deja.montant if deja is not None else Euros(0)) + demande.montant_demande,
            service=ligne.service,
        )
    suspensions = [
        suspension(
            a_paris(c.demandee_le).date(),
            a_paris(c.echeance_le).date(),
            a_paris(c.recue_le).date() if c.recue_le is not None else None,
            codes[c.ligne_id],
        )
        for c in list_complements(session, dossier.id)
    ]
    return accuser(
        a_paris(dossier.depose_le).date(),
        recues.values(),
        suspensions,
        porteur_prive=cadre.organisation.forme.est_privee,
    )
