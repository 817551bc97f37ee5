"""Les ancres : la tête d'une chaîne recopiée hors de la base, sur un PDF scellé ou dans le fichier signé du jour.

L'acte en cours n'est pas encore chaîné quand son PDF s'imprime (le journal s'écrit en dernier) : l'ancre d'un PDF
couvre la tête d'avant lui, jamais l'acte qu'il constate. L'ancre suivante, ou celle du jour, couvre cet acte à son
tour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from app.infra.atomique import ecrire_entier
from app.infra.journal.chaine import Tete, canonique
from app.infra.journal.ecriture import ESPACE_VERROU, tete_annoncee
from app.infra.journal.models import CHAINE_INSTANCE, JournalAncre, JournalEntree
from app.infra.journal.verification import Ancre, Anomalie, Nature
from app.infra.secret import lire_ou_creer
from app.noyau.erreurs import ErreurMetier
from app.noyau.periodes import a_paris

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CLE_PRIVEE = "cle-journal"
CLE_PUBLIQUE = "cle-journal.pub"
DOSSIER_ANCRES = "ancres"
FORME = 1
_SUPPORT = re.compile(r"pdf:[0-9a-f]{64}|jour:\d{4}-\d{2}-\d{2}")
_EN_TETE_SIGNE = b"iq-ancres-1\n"


class JournalRompu(ErreurMetier):
    """Une ancre déjà signée contredit le journal : une nouvelle ancre entérinerait la réécriture."""

    code = "journal_rompu"


def mention_ancre(session: Session, contrat_id: int | None) -> str:
    """Ce qu'un PDF imprime AVANT d'être scellé : la tête d'avant l'acte en cours (voir le module).

    La tête est lue une fois par transaction : `ancrer`, appelé ensuite, garde exactement celle qui est imprimée.
    """
    tete = tete_annoncee(session, CHAINE_INSTANCE if contrat_id is None else contrat_id)
    if tete.rang == 0:
        return "Journal : aucune entrée avant ce document"
    return f"Journal : entrée {tete.rang}, empreinte {tete.empreinte.hex()}"


def ancrer(session: Session, chaine: int, support: str, maintenant: datetime) -> Tete:
    """Garde la tête de la chaîne sous ce support (« pdf:<sha256> », « jour:2026-11-22 ») et la rend.

    C'est celle de `mention_ancre` si elle a été demandée dans cette transaction. Rien à garder d'une chaîne vide.
    """
    if not _SUPPORT.fullmatch(support):
        raise ValueError(f"Ce support d’ancre est inconnu : {support}")
    tete = tete_annoncee(session, chaine)
    if tete.rang:
        _garder(session, chaine, tete, support, maintenant)
    return tete


def _garder(session: Session, chaine: int, tete: Tete, support: str, maintenant: datetime) -> None:
    session.execute(
        insert(JournalAncre)
        .values(chaine=chaine, rang=tete.rang, support=support, empreinte=tete.empreinte, a=maintenant)
        .on_conflict_do_nothing()
    )


def tetes(session: Session) -> dict[int, Tete]:
    """La tête de chaque chaîne qui a au moins une entrée."""
    requete = (
        select(JournalEntree.chaine, JournalEntree.rang, JournalEntree.empreinte)
        .ext(distinct_on(JournalEntree.chaine))
        .order_by(JournalEntree.chaine, JournalEntree.rang.desc())
    )
    return {ligne.chaine: Tete(ligne.rang, ligne.empreinte) for ligne in session.execute(requete)}


def cle_du_journal(donnees: Path) -> Ed25519PrivateKey:
    """La clé privée de <donnees>/cle-journal (0600), créée la première fois ; la clé publique est écrite à côté.

    Une clé publique d'avant (clé changée, restauration) est gardée sous « cle-journal-<début>.pub » : les fichiers
    qu'elle a signés se vérifient toujours.
    """
    # La cryptographie ne se charge qu'ici et à la vérification : un ouvrier web ne signe rien (six mégaoctets).
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    cle = Ed25519PrivateKey.from_private_bytes(lire_ou_creer(donnees / CLE_PRIVEE))
    publique = cle.public_key().public_bytes_raw().hex()
    fichier = donnees / CLE_PUBLIQUE
    ancienne = fichier.read_text(encoding="ascii").strip() if fichier.exists() else publique
    if ancienne != publique:
        fichier.replace(donnees / f"cle-journal-{ancienne[:8]}.pub")
    if not fichier.exists():
        with ecrire_entier(fichier, droits=0o644, remplacer=True) as sortie:
            sortie.write(f"{publique}\n".encode())
    return cle


def cles_publiques(donnees: Path) -> list[Path]:
    """Les clés publiques gardées dans ce dossier, celles d'avant comprises."""
    return sorted(donnees.glob("cle-journal*.pub"))


def lire_cle_publique(fichier: Path) -> bytes:
    """Les 32 octets d'une clé publique écrite en hexadécimal. Lève ErreurMetier."""
    try:
        octets = bytes.fromhex(fichier.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as erreur:
        raise ErreurMetier(f"{fichier} n’est pas une clé publique lisible.") from erreur
    if len(octets) != 32:
        raise ErreurMetier(f"{fichier} n’est pas une clé publique Ed25519 (64 chiffres hexadécimaux attendus).")
    return octets


def ancrer_le_jour(session: Session, dossier: Path, cle: Ed25519PrivateKey, maintenant: datetime) -> Path:
    """Écrit <dossier>/AAAA-MM-JJ.json (jour de Paris) : les têtes de toutes les chaînes, signées ; rend son chemin.

    Refait dans la journée, il est remplacé par un plus récent. Lève JournalRompu, sans rien écrire, si le dernier
    fichier signé par cette clé ne concorde plus avec la base. L'appelant valide la transaction.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(CAST(:espace AS integer), -1)"), {"espace": ESPACE_VERROU}
    )  # un seul ancrage à la fois : le plus récent des deux fichiers reste
    jour = a_paris(maintenant).date().isoformat()
    toutes = tetes(session)
    _exiger_la_concorde(session, dossier, cle.public_key().public_bytes_raw())
    for chaine, tete in toutes.items():
        _garder(session, chaine, tete, f"jour:{jour}", maintenant)
    corps: dict[str, object] = {
        "forme": FORME,
        "jour": jour,
        "instant": maintenant.astimezone(UTC).isoformat(timespec="microseconds"),
        "cle": cle.public_key().public_bytes_raw().hex(),
        "tetes": [
            {"chaine": chaine, "rang": tete.rang, "empreinte": tete.empreinte.hex()}
            for chaine, tete in sorted(toutes.items())
        ],
    }
    signe = {**corps, "signature": cle.sign(_EN_TETE_SIGNE + canonique(corps)).hex()}
    chemin = dossier / f"{jour}.json"
    with ecrire_entier(chemin, droits=0o644, remplacer=True) as sortie:
        sortie.write(json.dumps(signe, indent=2, sort_keys=True).encode() + b"\n")
    return chemin


def _exiger_la_concorde(session: Session, dossier: Path, publique: bytes) -> None:
    for fichier in sorted(dossier.glob("*.json"), reverse=True):
        with suppress(_Illisible):
            for ancre in _lire_fichier(fichier, [publique]):
                gardee = session.scalar(
                    select(JournalEntree.empreinte).where(
                        JournalEntree.chaine == ancre.chaine, JournalEntree.rang == ancre.rang
                    )
                )
                if gardee != ancre.empreinte:
                    raise JournalRompu(
                        f"Le journal ne concorde plus avec l’ancre signée {fichier.name} (chaîne {ancre.chaine}, "
                        f"entrée {ancre.rang}). Rien n’a été ancré : lancez « python -m app journal verifier »."
                    )
            return


class _Illisible(Exception):
    """Dit pourquoi un fichier d'ancres ne compte pas."""


def _lire_fichier(fichier: Path, cles: Collection[bytes]) -> Iterator[Ancre]:
    """Les ancres d'un fichier signé par l'une des clés. Lève _Illisible."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        lu = json.loads(fichier.read_bytes())
        signature, publique = bytes.fromhex(lu["signature"]), bytes.fromhex(lu["cle"])
        corps = {nom: valeur for nom, valeur in lu.items() if nom != "signature"}
        ancres = [
            Ancre(int(t["chaine"]), int(t["rang"]), bytes.fromhex(t["empreinte"]), f"jour:{lu['jour']}", hors_base=True)
            for t in lu["tetes"]
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as erreur:
        raise _Illisible("n’est pas un fichier d’ancres lisible") from erreur
    if publique not in cles:
        raise _Illisible("n’est pas signé par une clé donnée")
    try:
        Ed25519PublicKey.from_public_bytes(publique).verify(signature, _EN_TETE_SIGNE + canonique(corps))
    except (InvalidSignature, ValueError) as erreur:
        raise _Illisible("porte une signature fausse : il a été changé après coup") from erreur
    if lu["jour"] != fichier.stem or any(len(ancre.empreinte) != 32 for ancre in ancres):
        raise _Illisible("ne porte pas la date de son nom")
    return iter(ancres)


def lire_ancres(dossier: Path, cles: Collection[bytes]) -> tuple[list[Ancre], list[Anomalie]]:
    """Les ancres des fichiers AAAA-MM-JJ.json du dossier, et ceux qui ne se vérifient pas. Hors ligne."""
    ancres: list[Ancre] = []
    anomalies: list[Anomalie] = []
    for fichier in sorted(dossier.glob("*.json")):
        try:
            ancres.extend(_lire_fichier(fichier, cles))
        except _Illisible as erreur:
            anomalies.append(Anomalie(Nature.ANCRE, f"{fichier.name} {erreur}."))
    return ancres, anomalies
