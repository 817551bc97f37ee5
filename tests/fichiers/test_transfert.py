"""Un transfert coupé : une vraie socket, un vrai serveur, et rien d'enregistré."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from httpx2 import Client
from starlette.types import Message, Receive, Scope, Send

from app.infra.acces import TEMOIN
from app.infra.intergiciels import CLE_INTERBLOCAGE, RejouerInterblocage
from tests.factories import MAINTENANT
from tests.fichiers.aide_fichiers import un_pdf
from tests.fichiers.aide_pieces import Decor

BORNE = "-----------------------------essai"
DELAI = 10.0


class _SansSignaux(uvicorn.Server):
    """Dans un fil : les signaux restent à pytest."""

    def install_signal_handlers(self) -> None:
        """Rien."""


@pytest.fixture
def port(decor: Decor) -> Iterator[int]:
    """Le service sur une vraie prise."""
    prise = socket.create_server(("127.0.0.1", 0))
    serveur = _SansSignaux(uvicorn.Config(decor.service, log_level="critical", lifespan="off"))
    fil = threading.Thread(target=serveur.run, kwargs={"sockets": [prise]})
    fil.start()
    limite = time.monotonic() + DELAI
    while not serveur.started and time.monotonic() < limite:
        time.sleep(0.01)
    yield prise.getsockname()[1]
    serveur.should_exit = True
    fil.join(DELAI)
    prise.close()


def _corps(decor: Decor, octets: bytes, fin: str = f"\r\n--{BORNE}--\r\n") -> bytes:
    champs = "".join(
        f'--{BORNE}\r\nContent-Disposition: form-data; name="{nom}"\r\n\r\n{valeur}\r\n'
        for nom, valeur in (("_csrf", decor.jeton), ("nature", "statuts"))
    )
    fichier = f'--{BORNE}\r\nContent-Disposition: form-data; name="fichier"; filename="a.pdf"\r\n\r\n'
    return (champs + fichier).encode() + octets + fin.encode()


def _entetes(decor: Decor, *plus: str) -> bytes:
    temoin = decor.client.cookies[TEMOIN]
    lignes = (
        f"POST {decor.adresse} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {TEMOIN}={temoin}",
        f"X-Horloge: {MAINTENANT.isoformat()}", f"Content-Type: multipart/form-data; boundary={BORNE}",
        "Connection: close", *plus,
    )  # fmt: skip
    return ("\r\n".join(lignes) + "\r\n\r\n").encode()


def _recevoir(prise: socket.socket) -> bytes:
    prise.settimeout(DELAI)
    recu = b""
    while morceau := prise.recv(65536):
        recu += morceau
    return recu


def test_un_transfert_entier_par_la_prise_est_recu(decor: Decor, port: int) -> None:
    corps = _corps(decor, un_pdf())
    with socket.create_connection(("127.0.0.1", port)) as prise:
        prise.sendall(_entetes(decor, f"Content-Length: {len(corps)}") + corps)
        assert _recevoir(prise).startswith(b"HTTP/1.1 303")
    assert len(decor.pieces()) == 1


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_une_prise_coupee_au_milieu_n_enregistre_rien(decor: Decor, port: int, part: float) -> None:
    corps = _corps(decor, un_pdf(page=b"% " + b"x" * 3_000_000))
    with socket.create_connection(("127.0.0.1", port)) as prise:
        prise.sendall(_entetes(decor, f"Content-Length: {len(corps)}") + corps[: int(len(corps) * part)])
        time.sleep(0.2)
    time.sleep(0.5)
    assert (decor.fichiers(), decor.pieces(), decor.octets()) == ([], [], [])
    with Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/sante").status_code == 200, "le service répond encore"


# Starlette oublie de fermer ce fichier-là, qui n'est jamais dans le formulaire ; le ramasse-miettes s'en charge.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_un_corps_dit_fini_sans_sa_borne_de_fin_n_enregistre_rien(decor: Decor, port: int) -> None:
    """Le fichier est coupé, mais la requête est bien formée : envoi par morceaux terminé trop tôt."""
    corps = _corps(decor, un_pdf(page=b"% " + b"x" * 200_000), fin="")
    with socket.create_connection(("127.0.0.1", port)) as prise:
        prise.sendall(_entetes(decor, "Transfer-Encoding: chunked"))
        prise.sendall(f"{len(corps):x}\r\n".encode() + corps + b"\r\n0\r\n\r\n")
        assert _recevoir(prise).split(b" ", 2)[1] in {b"400", b"422"}
    assert (decor.fichiers(), decor.pieces(), decor.octets()) == ([], [], [])


@pytest.mark.parametrize(("media", "appels"), [("multipart/form-data; boundary=x", 1), ("text/plain", 2)])
def test_un_envoi_de_fichier_n_est_ni_garde_en_memoire_ni_rejoue(media: str, appels: int) -> None:
    vus: list[int] = []
    envoyes: list[Message] = []

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        vus.append(len((await receive())["body"]))
        if len(vus) == 1:
            scope.setdefault("state", {})[CLE_INTERBLOCAGE] = True
        await send({"type": "http.response.start", "status": 503 if len(vus) == 1 else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def send(message: Message) -> None:
        envoyes.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", media.encode())], "state": {}}
    asyncio.run(RejouerInterblocage(service)(scope, receive, send))
    assert (len(vus), envoyes[0]["status"]) == (appels, 503 if appels == 1 else 200)
