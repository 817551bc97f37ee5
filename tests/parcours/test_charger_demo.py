"""`charger demo` : une campagne finie ne se rejoue pas, une campagne interrompue se dit et sort en code 1."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.commandes.base import Base, fabrique_de
from app.commandes.campagne.commande import avancee, charger_demo
from app.commandes.campagne.jeu import CAMPAGNES, ESSAI
from app.etapes.appel.rules import EtatAppel
from app.infra.config import Config, Mode
from tests.conftest import une_config
from tests.factories import un_appel, un_contrat


def _appels(session: Session, **etats: EtatAppel) -> None:
    contrat = un_contrat(session)
    for rang, (code, etat) in enumerate(etats.items()):
        un_appel(session, contrat, annee=2026 + rang, code=code.replace("_", "-"), etat=etat)


def test_une_base_neuve_a_tout_a_jouer(session: Session) -> None:
    ou = avancee(session)
    assert (ou.a_jouer, ou.a_moitie, ou.essai_manque, ou.est_finie) == (CAMPAGNES, (), True, False)


@pytest.mark.parametrize("etat", [EtatAppel.PREPARE, EtatAppel.OUVERT, EtatAppel.CLOS])
def test_une_campagne_pas_arretee_est_a_moitie_jouee(session: Session, etat: EtatAppel) -> None:
    _appels(session, m2a_2026=EtatAppel.ARRETE, m2a_2027=etat)
    ou = avancee(session)
    assert (ou.a_jouer, ou.a_moitie) == ((), ("m2a-2027",))
    assert not ou.est_finie


def test_une_demonstration_entiere_est_finie_seulement_avec_son_appel_d_essai(session: Session) -> None:
    _appels(session, m2a_2026=EtatAppel.ARRETE, m2a_2027=EtatAppel.ARRETE)
    assert not avancee(session).est_finie
    contrat = un_contrat(session, code="autre-2024-2030", prefixe="AUT")
    un_appel(session, contrat, annee=2028, code=ESSAI, etat=EtatAppel.OUVERT)
    assert avancee(session).est_finie


def test_charger_demo_refuse_une_campagne_interrompue(
    base_propre: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = {"DATABASE_URL": base_propre.url, "DATABASE_URL_PROPRIETAIRE": base_propre.url_proprietaire}
    config = Config(
        mode=Mode.DEMONSTRATION, donnees=tmp_path, secret=une_config(tmp_path).secret, _env_file=None, **urls
    )
    with fabrique_de(base_propre) as fabrique, fabrique.begin() as session:
        _appels(session, m2a_2026=EtatAppel.OUVERT)
    assert charger_demo(config, Namespace()) == 1
    dit = capsys.readouterr()
    assert "m2a-2026 est à moitié jouée" in dit.err
    assert str(tmp_path) in dit.err
    assert "déjà chargée" not in dit.out
