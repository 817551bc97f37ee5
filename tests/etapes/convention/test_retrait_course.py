"""Des retraits et des arrêtés en même temps : rien d'engagé pour un dossier retiré, rien de perdu pour les autres."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Engagement, Enveloppe, Liberation
from app.etapes.convention.service.arret import arreter_ligne
from app.etapes.dossier.models import Demande
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service import vie
from app.infra.db import creer_fabrique
from app.infra.identite import Identite
from app.noyau.euros import Euros
from tests.etapes.commission.aide_seance import Campagne, une_campagne
from tests.etapes.convention.aide_decision import APRES, de_la_ligne, voter_tout

DOSSIERS, RETIRES, LIGNES = 8, 5, ("M2A", "BOP147")
ECART = 0.04  # seconde


def _somme(session: Session, colonne: object, *conditions: object) -> int:
    lue = session.scalar(select(func.coalesce(func.sum(colonne), 0)).where(*conditions))  # type: ignore[arg-type]
    return lue.centimes if isinstance(lue, Euros) else int(lue or 0)


def _retirer(numero: str, qui: Identite, session: Session) -> None:
    vie.retirer(session, numero, acteur=qui, maintenant=APRES, motif="Abandon.")


def _arreter(campagne: Campagne, ligne: str, qui: Identite, session: Session) -> None:
    arreter_ligne(session, campagne.appel.code, ligne, acteur=qui, maintenant=APRES)


@pytest.mark.parametrize("tour", range(2))
def test_un_retrait_et_un_arrete_simultanes_ne_laissent_rien_d_engage_pour_un_retire(
    ecriture: Session, moteur_propre: Engine, tour: int
) -> None:
    campagne = une_campagne(ecriture, dossiers=DOSSIERS, propose=({"M2A": 4_000, "BOP147": 2_500},) * DOSSIERS)
    voter_tout(ecriture, campagne)
    autorites = [(ligne, de_la_ligne(ecriture, campagne, ligne)) for ligne in LIGNES]
    ecriture.commit()
    fabrique = creer_fabrique(moteur_propre)
    gestes: list[Callable[[Session], object]] = [
        partial(_retirer, str(dossier.numero), qui)
        for dossier, qui in list(zip(campagne.dossiers, campagne.porteurs, strict=True))[:RETIRES]
    ]
    gestes[tour + 1 : tour + 1] = [partial(_arreter, campagne, ligne, qui) for ligne, qui in autorites]
    depart = threading.Barrier(len(gestes))

    def agir(rang: int, geste: Callable[[Session], object]) -> None:
        depart.wait(30)
        time.sleep(ECART * rang)  # avant, pendant et après les arrêtés
        with fabrique.begin() as session:
            geste(session)

    with ThreadPoolExecutor(len(gestes)) as fils:
        list(fils.map(agir, range(len(gestes)), gestes))  # une exception, un interblocage remontent ici
    ecriture.expire_all()
    retirees = ecriture.scalars(select(Demande.id).where(Demande.etat == EtatDemande.RETIREE)).all()
    assert len(retirees) == RETIRES * len(LIGNES)
    garde = _somme(ecriture, Engagement.montant, Engagement.demande_id.in_(retirees))
    assert garde == _somme(ecriture, Liberation.montant, Liberation.demande_id.in_(retirees))
    restants = DOSSIERS - RETIRES
    for ligne, vote in (("M2A", 4_000), ("BOP147", 2_500)):
        enveloppe = ecriture.scalars(
            select(Enveloppe).where(
                Enveloppe.ligne_id == campagne.contrat.lignes[ligne].id, Enveloppe.annee == campagne.appel.annee
            )
        ).one()
        assert enveloppe.engage == Euros.de(vote * restants), ligne
