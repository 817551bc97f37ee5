"""L'antivirus : sain, infecté ou indisponible. clamd par sa socket, ou rien (démonstration : EICAR seulement).

Le protocole tient en peu de lignes (ADR 0015) : « zINSTREAM », des morceaux précédés de leur taille, une taille nulle.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.infra.config import Analyse, Config

DELAI = 30.0  # secondes, pour chaque attente de clamd
DELAI_PING = 1.0
MORCEAU = 64 * 1024
REPONSE_MAX = 4096
LONGUEUR_RAISON = 200
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_INFECTE = re.compile(r"^stream: (.+) FOUND$")


class Etat(StrEnum):
    """Ce que l'antivirus a répondu."""

    SAIN = "sain"
    INFECTE = "infecte"
    INDISPONIBLE = "indisponible"


@dataclass(frozen=True, slots=True)
class Verdict:
    """La réponse. `raison` : le nom de la menace, ou pourquoi l'antivirus n'a rien dit."""

    etat: Etat
    raison: str = ""


class Antivirus(Protocol):
    """Ce qui regarde des octets. Ne lève jamais pour dire « indisponible » : c'est une réponse."""

    @property
    def nom(self) -> str:
        """Qui a analysé : « ClamAV 1.4.6/27500/… »."""
        ...

    def analyser(self, morceaux: Iterable[bytes]) -> Verdict:
        """Le verdict sur ces octets."""
        ...

    def joindre(self) -> Verdict:
        """Sain s'il répond, indisponible sinon."""
        ...


class _Injoignable(Exception):
    """clamd ne répond pas, ou répond autre chose."""


class Clamd:
    """clamd, par socket unix (« /run/clamav/clamd.ctl ») ou TCP (« clamav:3310 »)."""

    def __init__(self, adresse: str, delai: float = DELAI) -> None:
        self._adresse = adresse
        self._delai = delai

    @property
    def nom(self) -> str:
        """La version du moteur et de sa base, telle que clamd la dit."""
        try:
            return self._demander(b"VERSION", self._delai)
        except _Injoignable:
            return "ClamAV"

    def joindre(self) -> Verdict:
        """PING."""
        try:
            reponse = self._demander(b"PING", DELAI_PING)
        except _Injoignable as erreur:
            return Verdict(Etat.INDISPONIBLE, str(erreur))
        return Verdict(Etat.SAIN) if reponse == "PONG" else Verdict(Etat.INDISPONIBLE, f"Réponse : {reponse}")

    def analyser(self, morceaux: Iterable[bytes]) -> Verdict:
        """INSTREAM. Tout ce qui n'est ni « OK » ni « FOUND » (limite dépassée, moteur en faute) est indisponible."""
        try:
            reponse = self._demander(b"INSTREAM", self._delai, _encadrer(morceaux))
        except _Injoignable as erreur:
            return Verdict(Etat.INDISPONIBLE, str(erreur))
        if reponse == "stream: OK":
            return Verdict(Etat.SAIN)
        trouve = _INFECTE.match(reponse)
        if trouve is not None:
            return Verdict(Etat.INFECTE, trouve[1][:LONGUEUR_RAISON])
        return Verdict(Etat.INDISPONIBLE, f"clamd répond : {reponse}"[:LONGUEUR_RAISON])

    def _demander(self, ordre: bytes, delai: float, corps: Iterable[bytes] = ()) -> str:
        try:
            with self._ouvrir(delai) as prise:
                prise.sendall(b"z" + ordre + b"\0")
                try:
                    for morceau in corps:
                        prise.sendall(morceau)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # clamd a déjà répondu (limite de taille) : sa réponse est encore à lire
                return _lire(prise)
        except OSError as erreur:
            raise _Injoignable(f"clamd ne répond pas ({erreur.strerror or erreur}).") from erreur

    def _ouvrir(self, delai: float) -> socket.socket:
        if self._adresse.startswith("/"):
            prise = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            prise.settimeout(delai)
            try:
                prise.connect(self._adresse)
            except OSError:
                prise.close()
                raise
            return prise
        hote, _, port = self._adresse.rpartition(":")
        if not hote or not port.isdigit():
            raise _Injoignable("IQ_CLAMD s’écrit « /chemin/de/la/socket » ou « hôte:port ».")
        return socket.create_connection((hote, int(port)), timeout=delai)


def _encadrer(morceaux: Iterable[bytes]) -> Iterator[bytes]:
    for entier in morceaux:
        for debut in range(0, len(entier), MORCEAU):
            morceau = entier[debut : debut + MORCEAU]
            yield struct.pack(">I", len(morceau)) + morceau
    yield struct.pack(">I", 0)


def _lire(prise: socket.socket) -> str:
    recu = b""
    while b"\0" not in recu and len(recu) < REPONSE_MAX:
        morceau = prise.recv(REPONSE_MAX)
        if not morceau:
            break
        recu += morceau
    if not recu:
        raise _Injoignable("clamd a fermé sans répondre.")
    return recu.partition(b"\0")[0].decode("utf-8", "replace").strip()


class Console:
    """Sans antivirus, pour la démonstration et les essais : ne reconnaît que la signature d'essai EICAR."""

    nom = "Sans antivirus (démonstration)"
    RAISON = "Aucun antivirus ici : la démonstration ne reconnaît que la signature d’essai EICAR."

    def joindre(self) -> Verdict:
        """Toujours là ; dit ce qu'elle est."""
        return Verdict(Etat.SAIN, self.RAISON)

    def analyser(self, morceaux: Iterable[bytes]) -> Verdict:
        """Infecté si la signature EICAR est dans les octets, même à cheval sur deux morceaux."""
        reste = b""
        for morceau in morceaux:
            vu = reste + morceau
            if EICAR in vu:
                return Verdict(Etat.INFECTE, "Eicar-Test-Signature")
            reste = vu[-len(EICAR) :]
        return Verdict(Etat.SAIN)


class Absent:
    """Aucun antivirus configuré en production : tout attend, rien n'est jamais dit sain."""

    nom = "Aucun antivirus"
    RAISON = "Aucun antivirus n’est configuré (IQ_ANTIVIRUS=clamd, IQ_CLAMD)."

    def joindre(self) -> Verdict:
        """Jamais là."""
        return Verdict(Etat.INDISPONIBLE, self.RAISON)

    def analyser(self, morceaux: Iterable[bytes]) -> Verdict:  # noqa: ARG002
        """Jamais de verdict."""
        return self.joindre()


def antivirus_de(config: Config) -> Antivirus:
    """clamd s'il est configuré ; sinon la console de démonstration, ou rien en production."""
    if config.antivirus is Analyse.CLAMD:
        return Clamd(config.clamd)
    return Absent() if config.est_production else Console()
