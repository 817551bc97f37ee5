"""Les ancres : la tête imprimée sur un PDF, le fichier signé du jour, ce qui ne se vérifie pas."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.infra.journal import ancres as ancrage
from app.infra.journal.ancres import JournalRompu, ancrer, ancrer_le_jour, lire_ancres, mention_ancre
from app.infra.journal.lecture import ancres_en_base
from app.noyau.erreurs import ErreurMetier
from tests.infra.journal.aide_journal import (
    INSTANT,
    deposer,
    entrees_de,
    fautes,
    relire,
    remplir,
    superutilisateur,
)

Fabrique = sessionmaker[Session]
PDF = f"pdf:{'ab' * 32}"


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[Fabrique]:
    with fabrique_de(base_propre) as fabrique:
        yield fabrique


def _publique(donnees: Path) -> set[bytes]:
    return {ancrage.lire_cle_publique(cle) for cle in ancrage.cles_publiques(donnees)}


def test_la_mention_d_un_pdf_dit_la_tete_d_avant_l_acte_en_cours(fabrique: Fabrique) -> None:
    remplir(fabrique, 3)
    with fabrique.begin() as session:
        deposer(session, 4)
        mention = mention_ancre(session, 1)
        ancrer(session, 1, PDF, INSTANT)
    troisieme = entrees_de(fabrique)[2]
    assert mention == f"Journal : entrée 3, empreinte {troisieme.empreinte.hex()}"
    etat = relire(fabrique).chaines[0]
    assert (etat.entrees, etat.couverture.non_couvertes) == (4, 1)
    assert etat.couverture.ancre is not None
    assert etat.couverture.ancre.support == PDF
    assert etat.hors_base.non_couvertes == 4


def test_l_ancre_garde_la_tete_imprimee_meme_si_le_journal_avance_entre_temps(fabrique: Fabrique) -> None:
    remplir(fabrique, 1)
    with fabrique.begin() as session:
        mention = mention_ancre(session, 1)
        remplir(fabrique, 2)
        tete = ancrer(session, 1, PDF, INSTANT)
        assert mention_ancre(session, 1) == mention
    assert tete.rang == 1
    with fabrique() as session:
        assert [ancre.rang for ancre in ancres_en_base(session)] == [1]
        assert mention_ancre(session, 1) != mention


def test_une_chaine_vide_n_a_rien_a_ancrer(fabrique: Fabrique) -> None:
    with fabrique.begin() as session:
        assert mention_ancre(session, None) == "Journal : aucune entrée avant ce document"
        assert ancrer(session, 0, PDF, INSTANT).rang == 0
    with fabrique() as session:
        assert ancres_en_base(session) == []


def test_un_support_inconnu_est_refuse(session: Session) -> None:
    with pytest.raises(ValueError, match="support"):
        ancrer(session, 1, "papier", INSTANT)


def test_la_cle_privee_est_fermee_creee_une_fois_et_la_publique_ecrite_a_cote(tmp_path: Path) -> None:
    cle = ancrage.cle_du_journal(tmp_path / "neuf")
    privee = tmp_path / "neuf" / "cle-journal"
    assert stat.S_IMODE(privee.stat().st_mode) == 0o600
    assert ancrage.cle_du_journal(tmp_path / "neuf").private_bytes_raw() == cle.private_bytes_raw()
    assert ancrage.lire_cle_publique(tmp_path / "neuf" / "cle-journal.pub") == cle.public_key().public_bytes_raw()


def test_une_cle_changee_garde_la_publique_d_avant(tmp_path: Path) -> None:
    avant = ancrage.cle_du_journal(tmp_path).public_key().public_bytes_raw()
    (tmp_path / "cle-journal").unlink()
    apres = ancrage.cle_du_journal(tmp_path).public_key().public_bytes_raw()
    assert _publique(tmp_path) == {avant, apres}
    assert (tmp_path / f"cle-journal-{avant.hex()[:8]}.pub").exists()


@pytest.mark.parametrize("contenu", ["", "zz", "ab" * 31])
def test_une_cle_publique_illisible_est_dite(tmp_path: Path, contenu: str) -> None:
    (tmp_path / "cle.pub").write_text(contenu)
    with pytest.raises(ErreurMetier, match="clé publique"):
        ancrage.lire_cle_publique(tmp_path / "cle.pub")


def _ancrer(fabrique: Fabrique, donnees: Path, jours: int = 0) -> Path:
    with fabrique.begin() as session:
        return ancrer_le_jour(
            session, donnees / "ancres", ancrage.cle_du_journal(donnees), INSTANT + timedelta(days=jours)
        )


def test_le_fichier_du_jour_garde_toutes_les_tetes_et_se_verifie_hors_ligne(fabrique: Fabrique, tmp_path: Path) -> None:
    remplir(fabrique, 3)
    remplir(fabrique, 2, None)
    chemin = _ancrer(fabrique, tmp_path)
    assert chemin == tmp_path / "ancres" / "2026-11-06.json"
    lues, anomalies = lire_ancres(tmp_path / "ancres", _publique(tmp_path))
    assert anomalies == []
    assert [(a.chaine, a.rang, a.support, a.hors_base) for a in lues] == [
        (0, 2, "jour:2026-11-06", True),
        (1, 3, "jour:2026-11-06", True),
    ]
    remplir(fabrique, 1)
    etat = relire(fabrique, lues).chaines[1]
    assert (etat.couverture.non_couvertes, etat.hors_base.non_couvertes) == (1, 1)


def test_le_jour_est_celui_de_paris(fabrique: Fabrique, tmp_path: Path) -> None:
    cle = ancrage.cle_du_journal(tmp_path)
    with fabrique.begin() as session:
        minuit_et_demi = INSTANT.replace(hour=23, minute=30)
        assert ancrer_le_jour(session, tmp_path, cle, minuit_et_demi).name == "2026-11-07.json"


def test_ancrer_deux_fois_le_meme_jour_garde_le_plus_recent(fabrique: Fabrique, tmp_path: Path) -> None:
    remplir(fabrique, 1)
    assert _ancrer(fabrique, tmp_path) == _ancrer(fabrique, tmp_path)
    remplir(fabrique, 1)
    _ancrer(fabrique, tmp_path)
    lues, _ = lire_ancres(tmp_path / "ancres", _publique(tmp_path))
    assert [ancre.rang for ancre in lues] == [2]
    with fabrique() as session:
        assert [ancre.rang for ancre in ancres_en_base(session)] == [1, 2]


@pytest.mark.parametrize("faute", ["rang", "signature", "cle", "nom", "illisible"])
def test_un_fichier_d_ancres_change_ne_compte_plus(fabrique: Fabrique, tmp_path: Path, faute: str) -> None:
    remplir(fabrique, 2)
    chemin = _ancrer(fabrique, tmp_path)
    cles = _publique(tmp_path)
    lu = json.loads(chemin.read_text())
    if faute == "rang":
        lu["tetes"][0]["rang"] = 1
    elif faute == "signature":
        lu["signature"] = "00" * 64
    elif faute == "cle":
        cles = {bytes(32)}
    chemin.write_text("[" if faute == "illisible" else json.dumps(lu))
    if faute == "nom":
        chemin.rename(chemin.with_name("2026-11-07.json"))
    lues, anomalies = lire_ancres(tmp_path / "ancres", cles)
    assert lues == []
    assert [anomalie.nature.value for anomalie in anomalies] == ["ancre"]


def test_une_chaine_reecrite_n_est_plus_ancree(base_propre: Base, fabrique: Fabrique, tmp_path: Path) -> None:
    remplir(fabrique, 2)
    premier = _ancrer(fabrique, tmp_path)
    with superutilisateur(base_propre) as connexion:
        connexion.execute("DELETE FROM journal_contenu")
        connexion.execute("DELETE FROM journal_entree WHERE rang = 2")
    with pytest.raises(JournalRompu, match=r"2026-11-06\.json"):
        _ancrer(fabrique, tmp_path, jours=1)
    assert list((tmp_path / "ancres").iterdir()) == [premier]
    lues, _ = lire_ancres(tmp_path / "ancres", _publique(tmp_path))
    assert fautes(relire(fabrique, lues)) == {("retiree", 2)}


def test_le_role_de_service_suffit_a_ancrer_mais_pas_a_reecrire_une_ancre(fabrique: Fabrique, tmp_path: Path) -> None:
    remplir(fabrique, 1)
    _ancrer(fabrique, tmp_path)
    with fabrique() as session, pytest.raises(Exception, match="permission denied"):
        session.execute(text("DELETE FROM journal_ancre"))
