"""Les fichiers reçus sont dans la sauvegarde, et reviennent vérifiés."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.commandes.base import Base, fabrique_de
from app.commandes.restauration import RestaurationRefusee, restaurer
from app.commandes.sauvegarde import laisses_de_cote, prendre, sauvegarder
from app.infra.config import Config, Mode, Rangement
from app.infra.files import magasin_de
from app.referentiels.pieces import service
from tests.factories import MAINTENANT, identite, un_compte
from tests.fichiers.aide_fichiers import un_pdf, une_image
from tests.fichiers.aide_pieces import un_envoi


@dataclass(frozen=True)
class Lieu:
    """Une base à soi, ses données, deux fichiers reçus."""

    config: Config
    cles: tuple[str, ...]

    def place(self, rang: int) -> Path:
        """Où est le fichier de ce rang."""
        cle = self.cles[rang]
        return self.config.donnees / "fichiers" / cle[:2] / cle[2:4] / cle


@pytest.fixture
def lieu(base_jetable: Base, tmp_path: Path) -> Lieu:
    donnees = tmp_path / "donnees"
    donnees.mkdir()
    urls = {"DATABASE_URL": base_jetable.url, "DATABASE_URL_PROPRIETAIRE": base_jetable.url_proprietaire}
    config = Config(mode=Mode.ESSAI, donnees=donnees, _env_file=None, **urls)
    with fabrique_de(base_jetable) as fabrique, fabrique.begin() as session:
        acteur = identite(session, un_compte(session))
        recus = [
            service.recevoir(session, magasin_de(config), un_envoi(octets, nom), acteur=acteur, maintenant=MAINTENANT)
            for octets, nom in ((un_pdf(), "statuts.pdf"), (une_image(), "rib.png"))
        ]
    return Lieu(config, tuple(f.sha256 for f in recus))


def _sauver(lieu: Lieu) -> Path:
    vers = lieu.config.donnees.parent / "copie.tar"
    return sauvegarder(lieu.config, vers, avec_cles=False, maintenant=MAINTENANT)


def _remettre(lieu: Lieu, archive: Path) -> int:
    return restaurer(lieu.config, archive, remplacer=True, maintenant=MAINTENANT)


def test_les_fichiers_partent_et_reviennent_a_l_identique(lieu: Lieu) -> None:
    avant = [lieu.place(rang).read_bytes() for rang in (0, 1)]
    archive = _sauver(lieu)
    with tarfile.open(archive) as tar:
        recus = [nom for nom in tar.getnames() if nom.startswith("donnees/fichiers/")]
    assert sorted(Path(nom).name for nom in recus) == sorted(lieu.cles)
    assert "fichiers" not in laisses_de_cote(lieu.config.donnees, avec_cles=False)
    shutil.rmtree(lieu.config.donnees / "fichiers")
    assert _remettre(lieu, archive) == 0
    assert [lieu.place(rang).read_bytes() for rang in (0, 1)] == avant
    assert lieu.place(0).stat().st_mode & 0o777 == 0o600
    assert _remettre(lieu, archive) == 0, "remise par-dessus les mêmes"
    assert [hashlib.sha256(octets).hexdigest() for octets in avant] == list(lieu.cles)


def test_un_fichier_recu_apres_la_sauvegarde_n_est_pas_efface_par_le_retour(lieu: Lieu) -> None:
    archive = _sauver(lieu)
    octets = un_pdf(page=b"% plus tard")
    magasin_de(lieu.config).ranger(hashlib.sha256(octets).hexdigest(), io.BytesIO(octets))
    assert _remettre(lieu, archive) == 0
    assert len(list(magasin_de(lieu.config).lister())) == 3


def test_un_fichier_abime_sur_le_disque_se_dit_et_son_absence_aussi(
    lieu: Lieu, capsys: pytest.CaptureFixture[str]
) -> None:
    lieu.place(1).write_bytes(b"abime")
    archive = _sauver(lieu)
    assert "n’a plus l’empreinte de son nom" in capsys.readouterr().err
    shutil.rmtree(lieu.config.donnees / "fichiers")
    assert _remettre(lieu, archive) == 1
    assert "1 fichier(s) reçu(s) n’ont pas leurs octets" in capsys.readouterr().err
    assert lieu.place(0).exists()


def test_une_archive_dont_un_fichier_porte_un_autre_nom_est_refusee_avant_tout(lieu: Lieu) -> None:
    archive = _sauver(lieu)
    with tarfile.open(archive) as tar:
        pieces = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    manifeste = json.loads(pieces["manifeste.json"])
    bon = next(nom for nom in pieces if nom.endswith(lieu.cles[0]))
    faux = bon.replace(lieu.cles[0], "0" * 64)
    manifeste["fichiers"][faux] = manifeste["fichiers"].pop(bon)
    pieces[faux] = pieces.pop(bon)
    pieces["manifeste.json"] = json.dumps(manifeste).encode()
    with tarfile.open(archive, "w") as tar:
        for nom, contenu in pieces.items():
            entete = tarfile.TarInfo(nom)
            entete.size = len(contenu)
            tar.addfile(entete, io.BytesIO(contenu))
    shutil.rmtree(lieu.config.donnees / "fichiers")
    with pytest.raises(RestaurationRefusee, match="empreinte de son nom"):
        _remettre(lieu, archive)
    assert not (lieu.config.donnees / "fichiers").exists()


def test_un_fichier_retire_pendant_la_sauvegarde_n_y_est_pas(tmp_path: Path) -> None:
    assert not prendre(tmp_path / "parti", tmp_path / "copie" / "parti")
    (tmp_path / "la").write_bytes(b"x")
    assert prendre(tmp_path / "la", tmp_path / "copie" / "la")
    assert (tmp_path / "copie" / "la").read_bytes() == b"x"


def test_dans_un_bac_s3_la_sauvegarde_laisse_les_fichiers_au_bac(lieu: Lieu) -> None:
    reglages = {"fichiers": Rangement.S3, "s3_cle": "cle", "s3_secret": SecretStr("secret")}
    s3 = Lieu(lieu.config.model_copy(update=reglages), lieu.cles)
    with tarfile.open(_sauver(s3)) as tar:
        assert [nom for nom in tar.getnames() if "fichiers/" in nom] == []
