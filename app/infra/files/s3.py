"""Le magasin dans un bac compatible S3, par obstore. Importé seulement quand la configuration le demande."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.infra.config import Config
from app.infra.files import (
    FORME_CLE,
    FichierAbsent,
    MagasinIndisponible,
    Range,
    morceaux_verifies,
    verifier_cle,
)

if TYPE_CHECKING:
    from obstore.store import S3Config

PREFIXE = "fichiers"
DELAI = timedelta(seconds=20)
ESSAIS = 3
LU_D_UN_COUP = 1 << 20


@contextmanager
def _joint(*, objet_attendu: bool = True) -> Iterator[None]:
    """Une panne du serveur (muet, refus, bac inconnu) devient MagasinIndisponible ; l'absence d'un objet reste dite."""
    try:
        yield
    except FileNotFoundError as erreur:
        if objet_attendu:
            raise
        raise MagasinIndisponible("bac inconnu") from erreur
    except (BaseError, OSError) as erreur:
        raise MagasinIndisponible(type(erreur).__name__) from erreur


class Bac:
    """Un objet par contenu, sous fichiers/ab/cd/<sha256>. Une écriture S3 est atomique : entière ou absente."""

    def __init__(self, bac: S3Store) -> None:
        self._bac = bac

    @staticmethod
    def _cle(sha256: str) -> str:
        cle = verifier_cle(sha256)
        return f"{PREFIXE}/{cle[:2]}/{cle[2:4]}/{cle}"

    def ranger(self, sha256: str, flux: BinaryIO) -> None:
        """Écrit l'objet s'il n'est pas déjà là. Lève EmpreinteDifferente avant d'avoir rien envoyé.

        Dix mégaoctets au plus : l'objet part d'un seul envoi, que le serveur garde ou refuse en entier.
        """
        if self._existe(sha256):
            return
        contenu = b"".join(morceaux_verifies(sha256, flux))
        with _joint(objet_attendu=False):
            obstore.put(self._bac, self._cle(sha256), contenu, use_multipart=False)

    def _existe(self, sha256: str) -> bool:
        try:
            with _joint():
                obstore.head(self._bac, self._cle(sha256))
        except FileNotFoundError:
            return False
        return True

    def lire(self, sha256: str) -> Iterator[bytes]:
        """Les octets, par morceaux. Lève FichierAbsent dès l'appel."""
        try:
            with _joint():
                trouve = obstore.get(self._bac, self._cle(sha256))
        except FileNotFoundError:
            raise FichierAbsent(sha256) from None
        return (bytes(morceau) for morceau in trouve.stream(min_chunk_size=LU_D_UN_COUP))

    def supprimer(self, sha256: str) -> None:
        """Retire l'objet ; absent, ne fait rien."""
        try:
            with _joint():
                obstore.delete(self._bac, self._cle(sha256))
        except FileNotFoundError:
            return

    def lister(self) -> Iterator[Range]:
        """Les objets rangés."""
        for page in obstore.list(self._bac, prefix=PREFIXE, chunk_size=500):
            for objet in page:
                nom = objet["path"].rpartition("/")[2]
                if FORME_CLE.fullmatch(nom):
                    yield Range(nom, objet["size"], objet["last_modified"])

    def balayer(self, avant: datetime) -> int:  # noqa: ARG002
        """Rien : un envoi S3 interrompu ne laisse pas d'objet."""
        return 0


def bac_de(config: Config) -> Bac:
    """Le bac que dit la configuration (IQ_S3_*). Un seul client par processus."""
    secret = config.s3_secret.get_secret_value() if config.s3_secret is not None else ""
    return Bac(_client(config.s3_bac, config.s3_region, config.s3_adresse, config.s3_cle or "", secret))


@lru_cache(maxsize=4)
def _client(bac: str, region: str, adresse: str | None, cle: str, secret: str) -> S3Store:
    reglages: S3Config = {"access_key_id": cle, "secret_access_key": secret, "region": region}
    if adresse is not None:
        reglages["endpoint"] = adresse
    return S3Store(
        bac,
        config=reglages,
        client_options={"allow_http": adresse is not None and adresse.startswith("http://"), "timeout": DELAI},
        retry_config={"max_retries": ESSAIS, "retry_timeout": DELAI},
        virtual_hosted_style_request=False,
    )
