"""Un client HTTP/1.1 minimal : huit connexions gardées ouvertes, des latences, des octets. Seulement 127.0.0.1."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.charge.processus import repartition

CONNEXIONS = 8
DELAI = 60.0  # secondes ; au-delà, la mesure échoue plutôt que d'attendre


class ReponseInattendue(RuntimeError):
    """Le service a répondu autrement que prévu : la mesure ne vaudrait rien."""


@dataclass(slots=True)
class Mesure:
    """Ce qu'une série d'appels a donné. Latences en secondes."""

    latences: list[float] = field(default_factory=list)
    octets: int = 0
    duree: float = 0.0
    processeur: float = 0.0

    def ajouter(self, autre: Mesure) -> None:
        """Réunit deux séries de la même page."""
        self.latences += autre.latences
        self.octets += autre.octets
        self.duree += autre.duree
        self.processeur += autre.processeur

    def centile(self, part: int) -> float:
        """Le centile (0..100) des latences, en millisecondes."""
        triees = sorted(self.latences)
        return triees[min(len(triees) - 1, len(triees) * part // 100)] * 1000

    @property
    def par_seconde(self) -> float:
        """Réponses par seconde."""
        return len(self.latences) / self.duree

    @property
    def par_page(self) -> float:
        """Processeur consommé par page, service et base réunis, en millisecondes."""
        return self.processeur / len(self.latences) * 1000

    @property
    def octets_par_page(self) -> int:
        """Taille moyenne d'une réponse, en-têtes compris."""
        return self.octets // len(self.latences)


@dataclass(frozen=True, slots=True)
class Appel:
    """Une requête prête à partir, et le statut attendu."""

    brut: bytes
    statut: int = 200


def appel(
    adresse: str, methode: str, chemin: str, entetes: Mapping[str, str], corps: Mapping[str, str] | None = None
) -> Appel:
    """Une requête ; un formulaire attend une redirection (303)."""
    hote = urlsplit(adresse).netloc
    donnees = urlencode(corps).encode() if corps is not None else b""
    lignes = [f"{methode} {chemin} HTTP/1.1", f"Host: {hote}", *(f"{n}: {v}" for n, v in entetes.items())]
    if corps is not None:
        lignes += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(donnees)}"]
    return Appel("\r\n".join([*lignes, "", ""]).encode() + donnees, 200 if corps is None else 303)


# (rang de la connexion, rang de l'appel) → la requête, ou None quand il n'y en a plus.
Suite = Callable[[int, int], Appel | None]


class Connexion:
    """Une connexion gardée ouverte."""

    def __init__(self, lecteur: asyncio.StreamReader, ecrivain: asyncio.StreamWriter) -> None:
        self.lecteur = lecteur
        self.ecrivain = ecrivain

    @property
    def port(self) -> int:
        """Le port de ce côté-ci."""
        return int(self.ecrivain.get_extra_info("sockname")[1])

    async def appeler(self, demande: Appel) -> int:
        """Envoie, lit toute la réponse, rend sa taille. Lève ReponseInattendue."""
        self.ecrivain.write(demande.brut)
        tete = await self.lecteur.readuntil(b"\r\n\r\n")
        statut = int(tete[9:12])
        longueur = 0
        for ligne in tete.split(b"\r\n")[1:]:
            if ligne[:15].lower() == b"content-length:":
                longueur = int(ligne[15:])
        corps = await self.lecteur.readexactly(longueur) if longueur else b""
        if statut != demande.statut:
            debut = demande.brut.split(b"\r\n")[0].decode()
            raise ReponseInattendue(f"{debut} → {statut}, attendu {demande.statut} : {corps[:600].decode()}")
        return len(tete) + longueur

    def fermer(self) -> None:
        """Ferme."""
        self.ecrivain.close()


async def ouvrir(adresse: str, ouvriers: list[int], nombre: int = CONNEXIONS) -> list[Connexion]:
    """`nombre` connexions, autant sur chaque ouvrier : sans cela, le hasard de l'accueil ferait la mesure."""
    quota = nombre // len(ouvriers)
    retenues: dict[int, list[Connexion]] = {pid: [] for pid in ouvriers}
    for _ in range(40 * nombre):
        hote, port = urlsplit(adresse).hostname, urlsplit(adresse).port
        connexion = Connexion(*await asyncio.open_connection(hote, port, limit=2**20))
        pid = await repartition(port or 0, connexion.port, ouvriers)
        if pid is not None and len(retenues[pid]) < quota:
            retenues[pid].append(connexion)
        else:
            connexion.fermer()
        if all(len(liste) == quota for liste in retenues.values()):
            return [connexion for liste in retenues.values() for connexion in liste]
    raise ReponseInattendue("un ouvrier n’accepte aucune connexion")


async def _serie(connexions: list[Connexion], suite: Suite, nombre: int, secondes: float) -> Mesure:
    mesure = Mesure()
    limite = time.perf_counter() + secondes
    restants = iter(range(nombre))

    async def une(rang: int, connexion: Connexion) -> None:
        tour = 0
        while time.perf_counter() < limite and next(restants, None) is not None:
            demande = suite(rang, tour)
            if demande is None:
                return
            depart = time.perf_counter()
            taille = await connexion.appeler(demande)
            mesure.octets += taille
            mesure.latences.append(time.perf_counter() - depart)
            tour += 1

    depart = time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*(une(n, c) for n, c in enumerate(connexions))), DELAI)
    mesure.duree = time.perf_counter() - depart
    return mesure


def mesurer(adresse: str, ouvriers: list[int], suite: Suite, *, nombre: int, secondes: float) -> Mesure:
    """Une série bornée en nombre et en temps, à huit connexions."""

    async def mener() -> Mesure:
        connexions = await ouvrir(adresse, ouvriers)
        try:
            return await _serie(connexions, suite, nombre, secondes)
        finally:
            for connexion in connexions:
                connexion.fermer()

    return asyncio.run(mener())
