"""Le magasin : les mêmes essais sur le disque et sur un vrai serveur S3."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.infra.config import Config, Rangement
from app.infra.files import (
    EmpreinteDifferente,
    FichierAbsent,
    Magasin,
    MagasinIndisponible,
    magasin_de,
    mesurer,
    verifier_cle,
)
from app.infra.files.disque import Disque
from tests.conftest import une_config

CONTENU = b"un fichier (fictif) " * 60_000
CLE = hashlib.sha256(CONTENU).hexdigest()


@pytest.fixture(params=["disque", "s3"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Une configuration de chaque sorte."""
    disque = une_config(tmp_path)
    return disque if request.param == "disque" else disque.model_copy(update=request.getfixturevalue("bac"))


@pytest.fixture
def magasin(config: Config) -> Magasin:
    magasin = magasin_de(config)
    for reste in list(magasin.lister()):
        magasin.supprimer(reste.sha256)
    return magasin


def test_ce_qu_on_range_se_relit_se_liste_et_se_retire(magasin: Magasin) -> None:
    magasin.ranger(CLE, io.BytesIO(CONTENU))
    magasin.ranger(CLE, io.BytesIO(CONTENU))
    assert b"".join(magasin.lire(CLE)) == CONTENU
    (range_,) = magasin.lister()
    assert (range_.sha256, range_.octets) == (CLE, len(CONTENU))
    assert abs(range_.modifie_at - datetime.now(UTC)) < timedelta(minutes=1)
    magasin.supprimer(CLE)
    magasin.supprimer(CLE)
    assert list(magasin.lister()) == []
    with pytest.raises(FichierAbsent):
        magasin.lire(CLE)


def test_des_octets_qui_ne_sont_pas_ceux_de_la_cle_ne_laissent_rien(magasin: Magasin) -> None:
    with pytest.raises(EmpreinteDifferente):
        magasin.ranger(CLE, io.BytesIO(CONTENU[:-1]))
    assert list(magasin.lister()) == []


def test_un_bac_muet_inconnu_ou_un_disque_en_panne_se_disent(bac: dict[str, object], tmp_path: Path) -> None:
    config = une_config(tmp_path)
    (config.donnees / "fichiers").parent.mkdir(parents=True, exist_ok=True)
    (config.donnees / "fichiers").write_text("un fichier à la place du dossier")
    muet = config.model_copy(update=bac | {"s3_adresse": "http://127.0.0.1:9"})
    inconnu = config.model_copy(update=bac | {"s3_bac": "jamais-cree"})
    for panne in (config, muet, inconnu):
        with pytest.raises(MagasinIndisponible):
            magasin_de(panne).ranger(CLE, io.BytesIO(CONTENU))
    with pytest.raises(MagasinIndisponible):
        magasin_de(muet).lire(CLE)


class Coupe(io.BytesIO):
    """Un flux qui lâche au milieu."""

    def read(self, taille: int | None = -1) -> bytes:
        """Le premier morceau, puis plus rien ne répond."""
        if self.tell():
            raise ConnectionResetError
        return super().read(taille)


def test_un_flux_coupe_ne_laisse_rien(magasin: Magasin, config: Config) -> None:
    with pytest.raises(ConnectionResetError):
        magasin.ranger(CLE, Coupe(CONTENU))
    assert list(magasin.lister()) == []
    assert [f for f in config.donnees.rglob("*") if f.is_file()] == []


@pytest.mark.parametrize("cle", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_une_cle_qui_n_en_est_pas_une_ne_devient_jamais_un_chemin(magasin: Magasin, cle: str) -> None:
    for agir in (
        lambda: magasin.ranger(cle, io.BytesIO(b"")),
        lambda: magasin.lire(cle),
        lambda: magasin.supprimer(cle),
    ):
        with pytest.raises(ValueError, match="SHA-256"):
            agir()
    with pytest.raises(ValueError, match="SHA-256"):
        verifier_cle(cle)


def test_sur_le_disque_les_fichiers_sont_fermes_et_rien_n_a_deux_noms(tmp_path: Path) -> None:
    disque = Disque(tmp_path / "fichiers")
    disque.ranger(CLE, io.BytesIO(CONTENU))
    place = tmp_path / "fichiers" / CLE[:2] / CLE[2:4] / CLE
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert place.stat().st_nlink == 1
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == [place]


def test_une_ecriture_abandonnee_se_balaie_quand_elle_est_vieille(tmp_path: Path) -> None:
    disque = Disque(tmp_path)
    disque.ranger(CLE, io.BytesIO(CONTENU))
    reste = tmp_path / CLE[:2] / CLE[2:4] / f".{CLE}.abcd"
    reste.write_bytes(b"moitie")
    assert disque.balayer(datetime.now(UTC) - timedelta(days=1)) == 0
    os.utime(reste, (time.time() - 90_000,) * 2)
    assert disque.balayer(datetime.now(UTC) - timedelta(days=1)) == 1
    assert [r.sha256 for r in disque.lister()] == [CLE]


def test_mesurer_dit_empreinte_et_taille_et_remet_au_debut() -> None:
    flux = io.BytesIO(CONTENU)
    flux.seek(12)
    assert mesurer(flux) == (CLE, len(CONTENU))
    assert flux.tell() == 0


def test_s3_sans_ses_cles_se_refuse_au_demarrage(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="IQ_S3_CLE"):
        Config(donnees=tmp_path, fichiers=Rangement.S3, _env_file=None)
