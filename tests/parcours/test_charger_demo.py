"""`charger demo` : une campagne finie ne se rejoue pas, une campagne interrompue se dit et sort en code 1."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.commandes.base import Base, base_de, fabrique_de
from app.commandes.campagne import commande
from app.commandes.campagne.commande import avancee, charger_demo
from app.commandes.campagne.jeu import CAMPAGNES, ESSAI
from app.etapes.appel.rules import EtatAppel
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode
from app.referentiels.contrats.models import Contrat
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


def test_un_premier_chargement_interrompu_recommence_et_ne_sert_rien_de_moitie(
    grappe: pg.Grappe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nom = f"demo_{uuid4().hex[:10]}"
    joues: list[str] = []

    def jouer_sur(_config: Config, base: Base, _campagnes: object) -> int:
        joues.append(base.nom)
        with fabrique_de(base) as fabrique, fabrique.begin() as session:
            un_contrat(session)  # un second passage sur la même base heurterait l'unicité du code
        if len(joues) == 1:
            raise KeyboardInterrupt
        return 1 if len(joues) == 2 else 0

    monkeypatch.setattr(commande, "NOM_BASE", nom)
    monkeypatch.setattr(commande, "CHANTIER", f"{nom}_chantier")
    monkeypatch.setattr(commande, "grappe_ouverte", lambda _: nullcontext(grappe))
    monkeypatch.setattr(commande, "_jouer_sur", jouer_sur)
    config = Config(mode=Mode.DEMONSTRATION, donnees=tmp_path, secret=une_config(tmp_path).secret, _env_file=None)
    try:
        with pytest.raises(KeyboardInterrupt):
            charger_demo(config, Namespace())
        assert charger_demo(config, Namespace()) == 1, "une campagne qui ne concorde pas"
        assert not pg.base_existe(grappe, nom)
        assert charger_demo(config, Namespace()) == 0
        assert (pg.base_existe(grappe, nom), pg.base_existe(grappe, f"{nom}_chantier")) == (True, False)
        assert joues == [f"{nom}_chantier"] * 3
        with fabrique_de(base_de(grappe, nom)) as fabrique, fabrique() as session:
            assert session.scalar(select(func.count()).select_from(Contrat)) == 1
    finally:
        pg.supprimer_base(grappe, nom)
        pg.supprimer_base(grappe, f"{nom}_chantier")
