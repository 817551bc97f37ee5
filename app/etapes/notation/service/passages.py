"""L'adresse publique d'un passage du contrat, dans la version qu'un appel ou un dossier cite."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from app.etapes.contrat import repository as contenus
from app.etapes.notation.rules.passages import lire_plage, ou_lire, passages_du_contrat
from app.noyau.erreurs import Introuvable
from app.referentiels.contrats import repository as contrats


def adresse_du_passage(session: Session, contrat_id: int, version_id: int, lignes: str, jour: date) -> str:
    """« /contrats/m2a-2024-2030/objectifs/E2.2?version=2024#E2.2.1 » ; l'entrée du contrat si rien n'y répond.

    Lève Introuvable si le contenu de cette version n'est pas en ligne.
    """
    contrat = contrats.get_contrat(session, contrat_id)
    version = next(v.code for v in contrats.list_versions(session, contrat.id) if v.id == version_id)
    edition = contenus.get_edition(session, contrat.code, jour, version)
    if edition is None:
        raise Introuvable("Le contenu de ce contrat n’est pas encore en ligne.")
    plage = lire_plage(lignes)
    adresse = ou_lire(plage, passages_du_contrat(edition.affichage)) if plage is not None else ""
    page, _, ancre = adresse.partition("#")
    return f"/contrats/{contrat.code}{page}?version={version}" + (f"#{ancre}" if ancre else "")
