"""Un envoi reçu après la fin d'une session : chiffré, lié à son compte, rendu à la personne une fois reconnectée.

Reconnectée ailleurs avant d'envoyer, elle le relit aussitôt. Rien n'est gardé au serveur ; rien n'est rejoué sans un
clic (conventions, « Un POST après expiration »).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.infra.secret import deriver

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

DUREE = 24 * 3600  # secondes
TAILLE_MAX = 400_000  # caractères du texte chiffré
CLAIR_MAX = 1_000_000  # caractères avant compression
SECRETS = frozenset({"mot_de_passe", "actuel", "nouveau", "confirmation"})
"""Les champs d'un mot de passe : ni gardés, ni remontrés."""
TECHNIQUES = frozenset({"acte", "version", "cle", "garde", "retour"})
VERSION = "v."


@dataclass(frozen=True, slots=True)
class EnvoiGarde:
    """Qui envoyait (`csrf.marque` ; vide : on ne sait pas), où, les champs dans l'ordre, sans jeton ni mot de passe.

    `fichiers` : le champ et le nom de chacun. Leur contenu ne revient pas : la personne les redonne.
    """

    marque: str
    chemin: str
    champs: Sequence[tuple[str, str]]
    fichiers: Sequence[tuple[str, str]] = ()

    @property
    def est_vide(self) -> bool:
        """Vrai si rien n'a été tapé ni choisi : un bouton seul, qu'il suffit de recliquer."""
        return not (self.textes or self.courtes or self.fichiers)

    @property
    def textes(self) -> list[str]:
        """Ce qui a été tapé en plusieurs mots."""
        return [v for v in self._tapes if " " in v or "\n" in v]

    @property
    def courtes(self) -> list[str]:
        """Les réponses d'un mot, les nombres et les choix, une fois chacun."""
        return list(dict.fromkeys(v for v in self._tapes if " " not in v and "\n" not in v))

    @property
    def _tapes(self) -> list[str]:
        montres = (v.strip() for nom, v in self.champs if nom not in TECHNIQUES and not nom.startswith(VERSION))
        return [v for v in montres if v]

    @property
    def fichiers_par_champ(self) -> dict[str, list[str]]:
        """Champ → les noms des fichiers à y redonner."""
        rendu: dict[str, list[str]] = {}
        for champ, nom in self.fichiers:
            rendu.setdefault(champ, []).append(nom)
        return rendu


def garder(secret: bytes, envoi: EnvoiGarde) -> str:
    """Le texte chiffré à mettre dans le formulaire de connexion ; vide si l'envoi est trop gros."""
    if sum(len(nom) + len(valeur) for nom, valeur in envoi.champs) > CLAIR_MAX:
        return ""
    clair = json.dumps([envoi.marque, envoi.chemin, list(envoi.champs), list(envoi.fichiers)]).encode()
    texte: str = _chiffreur(secret).encrypt(zlib.compress(clair)).decode()
    return texte if len(texte) <= TAILLE_MAX else ""


def rendre(secret: bytes, texte: str) -> EnvoiGarde | None:
    """L'envoi gardé, ou None s'il est abîmé, trop vieux ou d'un autre service."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 -- voir _chiffreur

    if not texte or len(texte) > TAILLE_MAX:
        return None
    try:
        clair = zlib.decompress(_chiffreur(secret).decrypt(texte.encode(), ttl=DUREE))
        marque, chemin, champs, fichiers = json.loads(clair)
    except (InvalidToken, ValueError):  # ValueError : illisible, ou gardé par une version d'avant
        return None
    return EnvoiGarde(
        marque, chemin, [(nom, valeur) for nom, valeur in champs], [(champ, nom) for champ, nom in fichiers]
    )


def _chiffreur(secret: bytes) -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415 -- six mégaoctets, pour une session finie seulement

    return Fernet(base64.urlsafe_b64encode(deriver(secret, "envoi-garde")))
