"""Un navigateur sans JavaScript pour les essais : lit les formulaires d'une page, les remplit, les envoie."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from fastapi.testclient import TestClient
from httpx2 import Response


@dataclass
class Formulaire:
    """Un formulaire de la page : ce que le navigateur enverrait tel quel."""

    action: str
    champs: list[tuple[str, str]] = field(default_factory=list)
    boutons: list[tuple[str, str, str]] = field(default_factory=list)

    def valeur(self, nom: str) -> str | None:
        """La dernière valeur de ce champ."""
        return next((v for n, v in reversed(self.champs) if n == nom), None)

    def valeurs(self, nom: str) -> list[str]:
        """Toutes les valeurs de ce champ."""
        return [v for n, v in self.champs if n == nom]

    def remplir(self, **valeurs: str | list[str]) -> Formulaire:
        """Remplace (ou ajoute) des champs ; `__` dans un nom vaut un point."""
        for nom, valeur in valeurs.items():
            vrai = nom.replace("__", ".")
            neuves = valeur if isinstance(valeur, list) else [valeur]
            self.champs = [(n, v) for n, v in self.champs if n != vrai] + [(vrai, v) for v in neuves]
        return self

    def envoyer(self, client: TestClient, acte: str = "") -> Response:
        """Envoie par le bouton de cette valeur (le premier à défaut), ou sans bouton nommé."""
        champs = list(self.champs)
        if acte:
            nom = next(n for n, v, _ in self.boutons if v == acte)
            champs.append((nom, acte))
        elif self.boutons and self.boutons[0][0]:
            champs.append(self.boutons[0][:2])
        corps = urlencode(champs)
        return client.post(
            self.action, content=corps, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )  # fmt: skip


class _Lecteur(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.formulaires: list[Formulaire] = []
        self._dans: Formulaire | None = None
        self._zone: str | None = None
        self._texte = ""
        self._liste: str | None = None
        self._premiere: str | None = None
        self._choisie: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {nom: valeur or "" for nom, valeur in attrs}
        if tag == "form":
            self._dans = Formulaire(a.get("action", ""))
            self.formulaires.append(self._dans)
        if self._dans is None:
            return
        if tag == "input" and a.get("name") and a.get("type") not in {"submit", "button"}:
            if a.get("type") not in {"checkbox", "radio"} or "checked" in a:
                self._dans.champs.append((a["name"], a.get("value", "on" if a.get("type") == "checkbox" else "")))
        elif tag == "textarea":
            self._zone, self._texte = a["name"], ""
        elif tag == "select":
            self._liste, self._premiere, self._choisie = a["name"], None, None
        elif tag == "option" and self._liste is not None:
            if self._premiere is None:
                self._premiere = a.get("value", "")
            if "selected" in a:
                self._choisie = a.get("value", "")
        elif tag == "button" and a.get("type", "submit") == "submit":
            self._dans.boutons.append((a.get("name", ""), a.get("value", ""), a.get("formaction", "")))

    def handle_data(self, data: str) -> None:
        if self._zone is not None:
            self._texte += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._dans = None
        elif tag == "textarea" and self._zone is not None and self._dans is not None:
            self._dans.champs.append((self._zone, self._texte.removeprefix("\n")))
            self._zone = None
        elif tag == "select" and self._liste is not None and self._dans is not None:
            choisie = self._choisie if self._choisie is not None else self._premiere
            self._dans.champs.append((self._liste, choisie or ""))
            self._liste = None


def formulaires(reponse: Response) -> list[Formulaire]:
    """Les formulaires d'une page, dans l'ordre."""
    lecteur = _Lecteur()
    lecteur.feed(reponse.text)
    return lecteur.formulaires


def formulaire(reponse: Response, fin: str) -> Formulaire:
    """Le formulaire dont l'adresse finit ainsi."""
    return next(f for f in formulaires(reponse) if f.action.endswith(fin))
