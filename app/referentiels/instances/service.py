"""Acte : relier un siège d'instance au compte qui l'occupe, ou le libérer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import Faute, SaisieInvalide
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.instances import repository
from app.referentiels.instances.models import MembreInstance


def asseoir(
    session: Session, siege: MembreInstance, compte: Compte | None, *, acteur: str, maintenant: datetime
) -> None:
    """Donne le siège à ce compte, ou le libère (None). Une personne n'occupe qu'un siège par instance.

    Lève SaisieInvalide si le compte ne tient aucun rôle dans le contrat, ou siège déjà dans cette instance.
    """
    if compte is not None:
        if not acteurs.tient_un_role(session, compte.id, siege.contrat_id, maintenant):
            phrase = "Cette personne ne tient aucun rôle dans ce contrat : donnez-lui d’abord une habilitation."
            raise SaisieInvalide([Faute("courriel", phrase, "sans_habilitation")])
        ailleurs = repository.autre_siege(session, siege, compte.id)
        if ailleurs is not None:
            phrase = f"Cette personne occupe déjà un siège de cette instance : {ailleurs}."
            raise SaisieInvalide([Faute("courriel", phrase, "siege_deja_occupe")])
    avant = siege.compte_id
    if avant == (compte.id if compte is not None else None):
        return
    sortant = session.get(Compte, avant) if avant is not None else None
    siege.compte_id = compte.id if compte is not None else None
    session.flush()
    consigner(
        session, contrat_id=siege.contrat_id, acte="siege.libere" if compte is None else "siege.attribue",
        objet=siege.qualite, acteur=acteur, maintenant=maintenant,
        avant={"compte": sortant.acteur if sortant is not None else None},
        apres={"compte": compte.acteur if compte is not None else None},
    )  # fmt: skip
