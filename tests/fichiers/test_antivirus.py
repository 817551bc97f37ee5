"""L'antivirus : un vrai clamd dit sain ou infecté ; absent ou muet, il est indisponible, jamais « sain »."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra.antivirus import EICAR, Absent, Clamd, Console, Etat, antivirus_de
from app.infra.config import Analyse, Config, Mode
from tests.conftest import une_config
from tests.fichiers.aide_clamd import SECONDE_MENACE
from tests.fichiers.aide_fichiers import un_docx, une_image, une_image_infectee


def test_un_vrai_clamd_reconnait_une_menace_et_laisse_passer_le_reste(clamd: str) -> None:
    antivirus = Clamd(clamd)
    assert antivirus.joindre().etat is Etat.SAIN
    assert antivirus.nom.startswith("ClamAV ")
    assert antivirus.analyser([une_image()]).etat is Etat.SAIN
    assert antivirus.analyser([]).etat is Etat.SAIN
    vu = antivirus.analyser([une_image_infectee()])
    assert (vu.etat, "Eicar-Essai" in vu.raison) == (Etat.INFECTE, True)
    assert "Menace-Essai" in antivirus.analyser([b"avant ", SECONDE_MENACE, b" apres"]).raison


def test_une_menace_cachee_dans_un_document_compresse_est_trouvee(clamd: str) -> None:
    octets = un_docx({"docProps/custom.xml": b"<a>" + b" " * 5000 + EICAR + b"</a>"})
    assert EICAR not in octets
    assert Clamd(clamd).analyser([octets]).etat is Etat.INFECTE


def test_un_fichier_en_petits_morceaux_est_le_meme(clamd: str) -> None:
    octets = une_image_infectee()
    assert Clamd(clamd).analyser(octets[i : i + 7] for i in range(0, len(octets), 7)).etat is Etat.INFECTE


def test_un_fichier_plus_gros_que_la_limite_de_clamd_n_est_pas_dit_sain(clamd: str) -> None:
    vu = Clamd(clamd).analyser(b"a" * 1_000_000 for _ in range(20))
    assert vu.etat is Etat.INDISPONIBLE
    assert vu.raison


@pytest.mark.parametrize("adresse", ["/nulle/part/clamd.ctl", "127.0.0.1:1", "n’importe quoi", ""])
def test_un_clamd_absent_est_indisponible(adresse: str) -> None:
    antivirus = Clamd(adresse, delai=0.5)
    assert antivirus.joindre().etat is Etat.INDISPONIBLE
    assert antivirus.analyser([b"bonjour"]).etat is Etat.INDISPONIBLE
    assert antivirus.nom == "ClamAV"


@contextmanager
def _faux_clamd(repondre: Callable[[socket.socket], None]) -> Iterator[str]:
    """Écoute en TCP et répond une fois n'importe quoi."""
    with socket.create_server(("127.0.0.1", 0)) as ecoute:

        def servir() -> None:
            prise, _ = ecoute.accept()
            with prise:
                repondre(prise)

        fil = threading.Thread(target=servir)
        fil.start()
        yield f"127.0.0.1:{ecoute.getsockname()[1]}"
        fil.join(5)


def _lire_puis(reponse: bytes) -> Callable[[socket.socket], None]:
    def agir(prise: socket.socket) -> None:
        while b"\0\0\0\0" not in prise.recv(65536):
            pass
        prise.sendall(reponse)

    return agir


@pytest.mark.parametrize(
    ("reponse", "etat"),
    [
        (b"stream: OK\0", Etat.SAIN),
        (b"stream: Truc FOUND\0", Etat.INFECTE),
        (b"INSTREAM size limit exceeded. ERROR\0", Etat.INDISPONIBLE),
        (b"stream: OK mais non\0", Etat.INDISPONIBLE),
        (b"OK\0", Etat.INDISPONIBLE),
        (b"\xff\xfe\0", Etat.INDISPONIBLE),
        (b"", Etat.INDISPONIBLE),
    ],
)
def test_seule_la_reponse_exacte_dit_sain_en_tcp(reponse: bytes, etat: Etat) -> None:
    with _faux_clamd(_lire_puis(reponse)) as adresse:
        assert Clamd(adresse, delai=2).analyser([b"bonjour"]).etat is etat


def test_un_clamd_muet_est_indisponible_apres_le_delai() -> None:
    pret = threading.Event()
    with _faux_clamd(lambda _: pret.wait(3) and None) as adresse:
        assert Clamd(adresse, delai=0.2).analyser([b"bonjour"]).etat is Etat.INDISPONIBLE
        pret.set()


def test_sans_antivirus_la_demonstration_reconnait_eicar_meme_coupe_en_deux() -> None:
    console = Console()
    assert (console.joindre().etat, "EICAR" in console.joindre().raison) == (Etat.SAIN, True)
    assert console.analyser([b"bonjour", b"", b"encore"]).etat is Etat.SAIN
    for coupe in (1, 30, len(EICAR) - 1):
        assert console.analyser([b"x" * 90 + EICAR[:coupe], EICAR[coupe:] + b"y"]).etat is Etat.INFECTE


def test_en_production_sans_antivirus_rien_n_est_jamais_sain(tmp_path: Path) -> None:
    production = Config(mode=Mode.PRODUCTION, donnees=tmp_path, _env_file=None)
    antivirus = antivirus_de(production)
    assert isinstance(antivirus, Absent)
    assert {antivirus.joindre().etat, antivirus.analyser([b"a"]).etat} == {Etat.INDISPONIBLE}
    assert isinstance(antivirus_de(une_config(tmp_path)), Console)
    voulu = production.model_copy(update={"antivirus": Analyse.CLAMD, "clamd": "clamav:3310"})
    assert isinstance(antivirus_de(voulu), Clamd)
