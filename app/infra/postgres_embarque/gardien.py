"""Le fil qui tient la grappe : hôte s’il obtient le verrou, invité sinon, et relève quand l’hôte s’en va."""

import os
import threading
import time

from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.lieux import Compte, Lieux
from app.infra.postgres_embarque.serveur import DELAI_DEMARRAGE, Reglages, Serveur
from app.infra.postgres_embarque.verrou import Verrou

RELANCES_PAR_MINUTE = 5
PAS = 0.1  # secondes entre deux regards


class Gardien(threading.Thread):
    """Un fil dédié : PR_SET_PDEATHSIG suit le FIL qui a créé le processus, il doit donc vivre autant que PostgreSQL.

    Deux verrous. `hote.verrou`, exclusif : celui qui le tient lance, surveille et arrête PostgreSQL. `presence.verrou`,
    partagé par les invités : l’hôte qui finit l’attend quelques secondes, pour laisser une commande courte se terminer,
    puis arrête en mode rapide. Un invité encore là prend aussitôt la relève, au même endroit : ses connexions en cours
    tombent, les suivantes passent. De même si l’hôte est tué, ou si PostgreSQL meurt sous lui.
    """

    def __init__(self, lieux: Lieux, compte: Compte, reglages: Reglages, attente_invites: float) -> None:
        super().__init__(name="gardien-postgresql", daemon=True)
        self._lieux = lieux
        self._reglages = reglages
        self._attente_invites = attente_invites
        self._serveur = Serveur(lieux, compte, reglages)
        self._hote = Verrou(lieux.donnees / "hote.verrou", compte)
        self._presence = Verrou(lieux.donnees / "presence.verrou", compte)
        self._pret = threading.Event()
        self._fin = threading.Event()
        self._erreur: Exception | None = None
        self._version = ""
        self._relances: list[float] = []
        self._processus = os.getpid()
        self._responsable = False  # tient le verrou d’hôte, donc arrêtera ce qui tourne
        self.est_hote = False  # responsable, et la grappe répond

    def attendre(self) -> str:
        """Attendre que la grappe réponde ; rend sa version ou lève ce qui l’a empêchée."""
        self._pret.wait()
        if self._erreur is not None:
            raise self._erreur
        return self._version

    def terminer(self) -> None:
        """L’hôte arrête PostgreSQL, l’invité s’efface ; sans effet dans un enfant né par fork."""
        if os.getpid() == self._processus:
            self._fin.set()
            self.join()

    def run(self) -> None:
        """Entrer, veiller jusqu’à `terminer`, sortir ; toujours dans ce fil."""
        try:
            self._entrer()
            self._pret.set()
            self._veiller()
        except Exception as erreur:
            self._erreur = erreur
            if self._pret.is_set():
                self._reglages.dire(f"La base embarquée est perdue : {erreur}")
        finally:
            self._sortir()
            self._pret.set()

    def _entrer(self) -> None:
        """Devenir hôte, ou invité d’une grappe qui répond et dont l’hôte n’est pas en train de partir."""
        limite = time.monotonic() + DELAI_DEMARRAGE + 10
        while not self._fin.is_set():
            if self._hote.essayer():
                self._devenir_hote()
                return
            if self._presence.essayer(partage=True) and (version := self._serveur.version()):
                self._version = version
                return
            if time.monotonic() > limite:
                raise GrappeIndisponible(
                    f"Le processus {self._hote.signature()} tient la base de {self._lieux.donnees} mais elle ne répond "
                    "pas : arrêtez-le, puis relancez."
                )
            time.sleep(0.03)

    def _devenir_hote(self) -> None:
        self._presence.relacher()
        self._responsable = True
        self._hote.signer()
        self._serveur.demarrer()
        self.est_hote = True
        self._version = self._serveur.version() or self._version

    def _veiller(self) -> None:
        while not self._fin.wait(PAS):
            if self.est_hote:
                if not self._serveur.vit():
                    self._relancer()
            elif self._hote.essayer():
                self._reglages.dire("Le processus qui tenait la base s’est arrêté : celui-ci prend la relève.")
                self._devenir_hote()

    def _relancer(self) -> None:
        """Relancer un PostgreSQL mort sous nos pieds, sans s’acharner."""
        instant = time.monotonic()
        self._relances = [passe for passe in self._relances if instant - passe < 60] + [instant]
        if len(self._relances) > RELANCES_PAR_MINUTE:
            raise GrappeIndisponible(f"PostgreSQL s’arrête sans cesse : lisez son journal dans {self._lieux.donnees}.")
        self._reglages.dire("PostgreSQL s’est arrêté de lui-même : il est relancé.")
        self._serveur.demarrer()

    def _sortir(self) -> None:
        """Rendre les verrous en dernier, une fois PostgreSQL arrêté."""
        try:
            if self._responsable:
                self._attendre_les_invites()
                self._serveur.arreter()
        finally:
            self.est_hote = self._responsable = False
            self._presence.relacher()
            self._hote.relacher()

    def _attendre_les_invites(self) -> None:
        limite = time.monotonic() + self._attente_invites
        annonce = False
        while not self._presence.essayer() and time.monotonic() < limite:
            if not annonce:
                self._reglages.dire(
                    f"D’autres commandes utilisent la base : attente, {self._attente_invites:g} s au plus."
                )
                annonce = True
            time.sleep(0.05)
