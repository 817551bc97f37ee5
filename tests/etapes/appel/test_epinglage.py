"""La grille d'un appel se choisit tant qu'il est en préparation ; après, le service et la base la gardent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.etapes.appel import service
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.noyau.erreurs import ActeImpossible, ActeInterdit, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.repository import get_grille_par_version
from tests.factories import MAINTENANT, UnContrat, identite, un_appel, un_compte, un_contrat
from tests.referentiels.grilles.decor import Donnees, trois_lignes, une_grille


def une_autre(session: Session, contrat: UnContrat, version: str = "2028.0", **champs: Any) -> GrilleEnregistree:
    """Une autre version, dans ce contrat."""

    def changer(donnees: Donnees) -> None:
        donnees.update(version=version, **champs)

    grilles.enregistrer(session, contrat.id, une_grille(changer), MAINTENANT)
    trouvee = get_grille_par_version(session, contrat.id, version)
    assert trouvee is not None
    return trouvee


def test_un_appel_en_preparation_prend_une_autre_grille(session: Session) -> None:
    contrat = un_contrat(session, grille=trois_lignes())
    appel = un_appel(session, contrat, etat=EtatAppel.PREPARE)
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    autre = une_autre(session, contrat)
    for _ in range(2):
        service.epingler(session, appel.code, autre, acteur=charge, maintenant=MAINTENANT)
        assert appel.grille_id == autre.id


def test_un_appel_ouvert_garde_sa_grille_le_service_et_la_base_le_disent(session: Session) -> None:
    contrat = un_contrat(session, grille=trois_lignes())
    appel = un_appel(session, contrat)
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    autre = une_autre(session, contrat)
    with pytest.raises(ActeImpossible, match="ne change plus"):
        service.epingler(session, appel.code, autre, acteur=charge, maintenant=MAINTENANT)
    with pytest.raises(IntegrityError, match="ne change plus"), session.begin_nested():
        session.execute(update(Appel).where(Appel.id == appel.id).values(grille_id=autre.id))


def test_on_n_epingle_ni_la_grille_d_un_autre_contrat_ni_sans_en_avoir_la_charge(session: Session) -> None:
    contrat = un_contrat(session, grille=trois_lignes())
    appel = un_appel(session, contrat, etat=EtatAppel.PREPARE)
    voisin = un_contrat(session, code="voisin-2024-2030", prefixe="VOI", grille=trois_lignes())
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    etranger = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=voisin))
    with pytest.raises(ActeImpossible, match="autre contrat"):
        service.epingler(session, appel.code, voisin.grille, acteur=charge, maintenant=MAINTENANT)
    with pytest.raises(ActeInterdit):
        service.epingler(session, appel.code, contrat.grille, acteur=etranger, maintenant=MAINTENANT)


def test_des_priorites_demandent_le_critere_qu_elles_remplacent(session: Session) -> None:
    contrat = un_contrat(session, grille=trois_lignes())
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    appel = un_appel(session, contrat, etat=EtatAppel.PREPARE, orientations={"priorites": {"M2A": [["E1.2"]]}})
    sans = [c for c in une_autre(session, contrat, "2029.0").contenu["criteres"] if c["code"] != "OBJ"]
    autre = une_autre(session, contrat, criteres=sans)
    with pytest.raises(SaisieInvalide) as refus:
        service.epingler(session, appel.code, autre, acteur=charge, maintenant=MAINTENANT)
    assert [(f.champ, f.code) for f in refus.value.fautes] == [("grille", "critere_utilise")]
