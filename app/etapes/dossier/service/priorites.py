"""Classer ses actions : le porteur dit laquelle compte le plus, jusqu'à la clôture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import priorites
from app.etapes.dossier.rules.priorites import lire_rangs
from app.etapes.dossier.service.brouillon import ECRIT
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, SaisieInvalide
from app.referentiels.acteurs.models import Organisation


def classer(
    session: Session, appel: Appel, organisation: Organisation, textes: Mapping[str, str], *, est_ouvert: bool,
    acteur: Identite, maintenant: datetime,
) -> Sequence[Dossier]:  # fmt: skip
    """Donne leur rang aux dossiers de `textes` (référence → rang tapé).

    Lève ActeInterdit, ActeImpossible (appel_clos) ou SaisieInvalide (rang illisible, double).
    """
    if organisation.id not in acteur.organisations(ECRIT):
        raise ActeInterdit("Vous ne rédigez pas pour cette organisation.")
    if not est_ouvert:
        raise ActeImpossible("L’appel est clos : l’ordre de vos actions ne change plus.", code="appel_clos")
    siens = priorites.list_de_l_appel(session, appel.id, organisation.id, verrou=True)
    rangs, fautes = lire_rangs({d.reference: textes.get(d.reference, "") for d in siens})
    if fautes:
        raise SaisieInvalide(list(fautes))
    for dossier in siens:
        dossier.rang_porteur = rangs[dossier.reference]
    consigner(
        session, contrat_id=appel.contrat_id, acte="dossiers.classes", objet=f"{appel.code}/{organisation.code}",
        acteur=acteur.acteur, maintenant=maintenant,
        apres={d.numero or d.reference: d.rang_porteur for d in siens},
    )  # fmt: skip
    return siens
