"""Les courriels : rangés dans la transaction du métier, remis après coup par une tâche, en SMTP ou dans un dossier."""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment
from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.infra import jobs
from app.infra.config import RACINE, Config
from app.infra.db import Base, parmi
from app.infra.db import cle as cle_primaire
from app.infra.gabarits import creer_environnement
from app.infra.jobs import Atelier, Essais
from app.infra.traces import tracer
from app.noyau.erreurs import ErreurMetier

DOSSIER_GABARITS = RACINE / "templates"
DOSSIER_COURRIELS = "courriels"
DELAI_SMTP = 20.0  # secondes
PORT_TLS_DIRECT = 465
LONGUEUR_OBJET = 200
LONGUEUR_ERREUR = 500
ESSAIS = Essais(nombre=10, premiere_attente=timedelta(seconds=30), attente_maximale=timedelta(hours=2))
MACHINE_LOCALE = frozenset({"localhost", "127.0.0.1", "::1"})
_CONTROLES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
trace = tracer("iq.courriels")


class EtatCourriel(StrEnum):
    """Où en est un courriel ; « echoue » : refusé pour de bon, ou tous les essais épuisés."""

    A_ENVOYER = "a_envoyer"
    ENVOYE = "envoye"
    ECHOUE = "echoue"


class Courriel(Base):
    """Un courriel rangé. `cle`, unique quand elle est donnée, empêche d'écrire deux fois la même chose."""

    __tablename__ = "courriel"
    __table_args__ = (
        parmi("etat", EtatCourriel),
        CheckConstraint("(etat = 'envoye') = (envoye_at IS NOT NULL)", name="envoye"),
        CheckConstraint("essais >= 0", name="essais"),
        CheckConstraint("objet !~ '[[:cntrl:]]' AND destinataire !~ '[[:cntrl:]]'", name="entetes"),
        Index("ix_courriel_etat_cree_at", "etat", "cree_at"),
    )

    id: Mapped[int] = cle_primaire()
    destinataire: Mapped[str]
    objet: Mapped[str]
    corps: Mapped[str]
    cle: Mapped[str | None] = mapped_column(unique=True)
    etat: Mapped[EtatCourriel] = mapped_column(default=EtatCourriel.A_ENVOYER)
    cree_at: Mapped[datetime]
    envoye_at: Mapped[datetime | None]
    essais: Mapped[int] = mapped_column(default=0)
    derniere_erreur: Mapped[str | None]


class AdresseRefusee(ErreurMetier):
    """L'adresse n'en est pas une, ou en cache plusieurs."""

    code = "adresse_refusee"


class RemiseRefusee(ErreurMetier):
    """Le serveur de courriel refuse ce message pour de bon : inutile de recommencer."""

    code = "remise_refusee"


class Messagerie(Protocol):
    """Ce qui remet un message. Lève RemiseRefusee si c'est définitif, toute autre erreur si l'on peut réessayer."""

    def remettre(self, message: EmailMessage) -> None: ...


class Smtp:
    """Remise par un serveur SMTP : TLS d'emblée sur le port 465, sinon STARTTLS quand il est demandé."""

    def __init__(self, config: Config, contexte_tls: ssl.SSLContext | None = None) -> None:
        if config.smtp_hote is None:
            raise ValueError("IQ_SMTP_HOTE manque.")
        if config.smtp_utilisateur and not config.smtp_tls and config.smtp_hote not in MACHINE_LOCALE:
            raise ValueError("IQ_SMTP_TLS est obligatoire : le mot de passe partirait en clair.")
        self._config = config
        self._hote = config.smtp_hote
        self._tls = (contexte_tls or ssl.create_default_context()) if config.smtp_tls else None

    @contextmanager
    def _connexion(self) -> Iterator[smtplib.SMTP]:
        port = self._config.smtp_port
        if self._tls is not None and port == PORT_TLS_DIRECT:
            serveur: smtplib.SMTP = smtplib.SMTP_SSL(self._hote, port, timeout=DELAI_SMTP, context=self._tls)
        else:
            serveur = smtplib.SMTP(self._hote, port, timeout=DELAI_SMTP)
        with serveur:
            if self._tls is not None and port != PORT_TLS_DIRECT:
                serveur.starttls(context=self._tls)
            secret = self._config.smtp_mot_de_passe
            if self._config.smtp_utilisateur and secret is not None:
                serveur.login(self._config.smtp_utilisateur, secret.get_secret_value())
            yield serveur

    def remettre(self, message: EmailMessage) -> None:
        """Ouvre une connexion, remet, ferme. Un refus 5xx de l'adresse ou du contenu est définitif."""
        try:
            with self._connexion() as serveur:
                serveur.send_message(message)
        except smtplib.SMTPRecipientsRefused as refus:
            codes = [code for code, _ in refus.recipients.values()]
            if all(code >= 500 for code in codes):
                raise RemiseRefusee(f"Le serveur refuse le destinataire ({codes[0]}).") from refus
            raise
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as refus:
            if refus.smtp_code >= 500:
                raise RemiseRefusee(f"Le serveur refuse le message ({refus.smtp_code}).") from refus
            raise


class Console:
    """Remise dans un dossier fermé, un fichier .eml par message : démonstration, essais, poste de développement."""

    def __init__(self, dossier: Path) -> None:
        self._dossier = dossier

    def remettre(self, message: EmailMessage) -> None:
        """Écrit le fichier d'un seul coup ; le même message remis deux fois donne le même fichier."""
        self._dossier.mkdir(mode=0o700, parents=True, exist_ok=True)
        nom = str(message["Message-ID"]).strip("<>").split("@")[0]
        provisoire = self._dossier / f".{nom}"
        provisoire.touch(mode=0o600)
        provisoire.write_bytes(message.as_bytes())
        fichier = provisoire.replace(self._dossier / f"{nom}.eml")
        trace.info("courriel écrit", fichier=str(fichier))


def messagerie_de(config: Config) -> Messagerie:
    """SMTP si IQ_SMTP_HOTE est donné, sinon le dossier `courriels` des données."""
    if config.smtp_hote is not None:
        return Smtp(config)
    return Console(config.donnees / DOSSIER_COURRIELS)


def _adresse(brute: str) -> str:
    """Une seule adresse, en ASCII, sans caractère de commande. Lève AdresseRefusee."""
    texte = brute.strip()
    try:
        adresse = Address(addr_spec=texte)
    except Exception as erreur:
        # La bibliothèque lève selon le défaut ValueError, IndexError ou ses propres erreurs d'analyse.
        raise AdresseRefusee("Cette adresse de courriel n’est pas lisible.") from erreur
    if not texte.isascii() or _CONTROLES.search(texte) or not adresse.username or "." not in adresse.domain:
        raise AdresseRefusee("Cette adresse de courriel n’est pas lisible.")
    return adresse.addr_spec


@cache
def _environnement(dossier: Path) -> Environment:
    return creer_environnement(dossier, strict=True).overlay(autoescape=False)


def rendre(gabarit: str, contexte: Mapping[str, Any]) -> tuple[str, str]:
    """(objet, corps) de `templates/courriels/<gabarit>.txt` : la première ligne est l'objet, le reste le corps.

    Les deux sont rendus à part : une valeur qui contient un saut de ligne reste dans sa partie.
    """
    source = (DOSSIER_GABARITS / "courriels" / f"{gabarit}.txt").read_text(encoding="utf-8")
    premiere, _, reste = source.partition("\n")
    environnement = _environnement(DOSSIER_GABARITS)
    objet = _CONTROLES.sub(" ", environnement.from_string(premiere).render(contexte)).strip()
    corps = environnement.from_string(reste.lstrip("\n")).render(contexte)
    return objet[:LONGUEUR_OBJET], corps.rstrip() + "\n"


def envoyer(
    session: Session,
    destinataire: str,
    gabarit: str,
    contexte: Mapping[str, Any],
    *,
    cle: str | None = None,
    maintenant: datetime,
) -> int | None:
    """Range le courriel et met son envoi en file, dans la transaction de `session` : un ROLLBACK n'envoie rien.

    Rend son numéro, None si un courriel de même `cle` existe déjà. Lève AdresseRefusee.
    """
    adresse = _adresse(destinataire)
    objet, corps = rendre(gabarit, contexte)
    valeurs = {"destinataire": adresse, "objet": objet, "corps": corps, "cle": cle, "cree_at": maintenant}
    requete = insert(Courriel).values(**valeurs).on_conflict_do_nothing(index_elements=["cle"]).returning(Courriel.id)
    numero = session.scalar(requete)
    if numero is not None:
        jobs.differer(session, "courriel.envoyer", courriel_id=numero)
    return numero


class Destinataire(Protocol):
    """Qui reçoit : son code stable et son adresse."""

    acteur: Any
    courriel: Any


def prevenir(
    session: Session, qui: Iterable[Destinataire], gabarit: str, contexte: Mapping[str, Any], *, cle: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Le même courriel à chacun, une fois. Une adresse illisible se note, et n'empêche ni l'acte ni les autres."""
    for personne in qui:
        try:
            sienne = f"{cle}:{personne.acteur}"
            envoyer(session, personne.courriel, gabarit, contexte, cle=sienne, maintenant=maintenant)
        except AdresseRefusee:
            trace.warning("adresse illisible : courriel non envoyé", gabarit=gabarit, cle=cle)


def composer(courriel: Courriel, expediteur: str) -> EmailMessage:
    """Le message complet. Son Message-ID ne dépend que du courriel rangé : un second envoi porte le même."""
    message = EmailMessage(policy=SMTP)
    empreinte = hashlib.sha256(f"{courriel.cree_at.timestamp()}\n{courriel.destinataire}\n{courriel.objet}".encode())
    message["From"] = Address("Initiatives Quartiers", addr_spec=expediteur)
    message["To"] = Address(addr_spec=courriel.destinataire)
    message["Subject"] = courriel.objet
    message["Date"] = format_datetime(courriel.cree_at)
    message["Message-ID"] = f"<{courriel.id:08d}.{empreinte.hexdigest()[:16]}@{expediteur.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(courriel.corps, charset="utf-8", cte="quoted-printable")
    return message


def _marquer(atelier: Atelier, courriel_id: int) -> Courriel | None:
    """Compte un essai et rend le courriel ; None s'il n'est plus à envoyer."""
    with atelier.transaction() as session:
        requete = select(Courriel).where(Courriel.id == courriel_id, Courriel.etat == EtatCourriel.A_ENVOYER)
        courriel = session.scalar(requete.with_for_update(key_share=True))
        if courriel is not None:
            courriel.essais += 1
        return courriel


def _conclure(atelier: Atelier, courriel_id: int, etat: EtatCourriel, a: datetime, erreur: Exception | None) -> None:
    with atelier.transaction() as session:
        courriel = session.get_one(Courriel, courriel_id, with_for_update={"key_share": True})
        if courriel.etat is EtatCourriel.ENVOYE:
            return
        courriel.etat = etat
        courriel.envoye_at = a if etat is EtatCourriel.ENVOYE else None
        courriel.derniere_erreur = None if erreur is None else f"{type(erreur).__name__} : {erreur}"[:LONGUEUR_ERREUR]


@jobs.tache_longue("courriel.envoyer", essais=ESSAIS)
def remettre_courriel(atelier: Atelier, *, maintenant: datetime, courriel_id: int) -> None:
    """Marquer (transaction), remettre (aucune transaction ouverte), confirmer (transaction).

    Au moins une fois : si le processus meurt entre la remise et la confirmation, la tâche relancée remet le message
    une seconde fois, avec le même Message-ID, que les boîtes reconnaissent. Jamais l'inverse : un courriel dit
    « envoyé » a été accepté par le serveur. Un refus définitif, ou le dernier essai manqué, le dit « échoué ».
    """
    courriel = _marquer(atelier, courriel_id)
    if courriel is None:
        return
    try:
        messagerie_de(atelier.config).remettre(composer(courriel, atelier.config.courriel_expediteur))
    except Exception as erreur:
        est_fini = isinstance(erreur, RemiseRefusee) or courriel.essais >= ESSAIS.nombre
        etat = EtatCourriel.ECHOUE if est_fini else EtatCourriel.A_ENVOYER
        _conclure(atelier, courriel_id, etat, maintenant, erreur)
        raise
    _conclure(atelier, courriel_id, EtatCourriel.ENVOYE, maintenant, None)
    trace.info("courriel remis", courriel=courriel_id, essais=courriel.essais)
