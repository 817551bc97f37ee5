"""Un client HTTP minimal : une connexion gardée ouverte, du JSON, l'horloge du métier, des échecs qui parlent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from app.noyau.erreurs import ErreurMetier


class EchecApi(ErreurMetier):
    """Le service a répondu autrement que prévu."""

    code = "echec_api"

    def __init__(self, methode: str, chemin: str, statut: int, corps: Mapping[str, Any]) -> None:
        super().__init__(f"{methode} {chemin} → {statut} : {corps.get('detail', corps)} {corps.get('erreurs', '')}")
        self.statut = statut
        self.corps = corps


class Api:
    """Appelle le service, à l'instant `horloge` du métier."""

    def __init__(self, adresse: str, horloge: datetime) -> None:
        self._hote = urlsplit(adresse).netloc
        self._connexion = HTTPConnection(self._hote, timeout=60)
        self.horloge = horloge
        self.appels = 0

    def appeler(
        self,
        methode: str,
        chemin: str,
        jeton: str = "",
        corps: Mapping[str, Any] | None = None,
        entetes: Mapping[str, str] | None = None,
        attendu: int | None = None,
    ) -> dict[str, Any]:
        """La réponse JSON. Lève EchecApi si le statut n'est pas 2xx (ou celui attendu)."""
        envoi = {"X-Horloge": self.horloge.isoformat(), **(entetes or {})}
        if jeton:
            envoi["Authorization"] = f"Bearer {jeton}"
        if corps is not None:
            envoi["Content-Type"] = "application/json"
        brut = json.dumps(corps).encode() if corps is not None else None
        try:
            self._connexion.request(methode, chemin, brut, envoi)
            reponse = self._connexion.getresponse()
        except (HTTPException, ConnectionError):
            self._connexion.close()
            self._connexion.request(methode, chemin, brut, envoi)
            reponse = self._connexion.getresponse()
        contenu = reponse.read()
        self.appels += 1
        media = reponse.headers.get("content-type", "")
        lu: dict[str, Any] = json.loads(contenu) if "json" in media and contenu else {"texte": contenu.decode()}
        correct = reponse.status == attendu if attendu is not None else 200 <= reponse.status < 300
        if not correct:
            raise EchecApi(methode, chemin, reponse.status, lu)
        return lu

    def get(self, chemin: str, jeton: str = "") -> dict[str, Any]:
        """Lit."""
        return self.appeler("GET", chemin, jeton)

    def post(self, chemin: str, jeton: str, corps: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Agit."""
        return self.appeler("POST", chemin, jeton, corps or {})

    def fermer(self) -> None:
        """Ferme la connexion."""
        self._connexion.close()
