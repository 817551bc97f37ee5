"""Les courriels : rangés avec l'acte, remis une fois, par un vrai serveur SMTP ou dans un dossier."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jinja2 import UndefinedError
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from app.commandes.base import Base
from app.commandes.worker import vider_la_file
from app.infra import mail
from app.infra.config import Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.jobs import Atelier, Bilan
from app.infra.mail import AdresseRefusee, Console, Courriel, EtatCourriel, Smtp, envoyer
from tests.infra.aide_grappe import attendre

MIDI = datetime(2026, 11, 6, 12, tzinfo=UTC)
GABARIT = """Dossier {{ numero }} : {{ titre }}

Bonjour,

« {{ titre }} » est déposé : {{ montant | euros }}.
{% if suite %}
{{ suite }}
{% endif %}
"""
CONTEXTE = {"numero": "M2A-2027-0093", "titre": "Café d’été", "montant": 1250000, "suite": ""}


@pytest.fixture(autouse=True)
def gabarits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dossier = tmp_path / "templates" / "courriels"
    dossier.mkdir(parents=True)
    (dossier / "accuse.txt").write_text(GABARIT, encoding="utf-8")
    monkeypatch.setattr(mail, "DOSSIER_GABARITS", dossier.parent)


class Boite:
    """Ce que reçoit le serveur SMTP d'essai ; `refuser` rend les codes d'erreur à opposer."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.destinataires: list[list[str]] = []
        self.refus_adresse = ""
        self.refus_contenu = ""
        self.apres_reception: Callable[[], None] = lambda: None

    async def handle_RCPT(self, _serveur: Any, _session: Any, enveloppe: Any, adresse: str, _options: Any) -> str:  # noqa: N802
        if self.refus_adresse:
            return self.refus_adresse
        enveloppe.rcpt_tos.append(adresse)
        return "250 OK"

    async def handle_DATA(self, _serveur: Any, _session: Any, enveloppe: Any) -> str:  # noqa: N802
        if self.refus_contenu:
            return self.refus_contenu
        message = message_from_bytes(enveloppe.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.destinataires.append(list(enveloppe.rcpt_tos))
        self.apres_reception()
        return "250 OK"


def _port_libre() -> int:
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        return int(prise.getsockname()[1])


@pytest.fixture
def boite() -> Boite:
    return Boite()


@pytest.fixture
def serveur(boite: Boite) -> Iterator[Controller]:
    controleur = Controller(boite, hostname="127.0.0.1", port=_port_libre())
    controleur.start()
    yield controleur
    controleur.stop()


@pytest.fixture
def moteur_jetable(base_propre: Base) -> Iterator[Engine]:
    moteur = creer_moteur(base_propre.url)
    yield moteur
    moteur.dispose()


class Poste:
    """Une base jetable et une configuration de courriel."""

    def __init__(self, base: Base, moteur: Engine, config: Config) -> None:
        self.base, self.config, self.fabrique = base, config, creer_fabrique(moteur)

    def ecrire(self, destinataire: str = "asso@exemple.fr", **plus: Any) -> int | None:
        with self.fabrique.begin() as session:
            return envoyer(session, destinataire, "accuse", CONTEXTE, maintenant=MIDI, **plus)

    def vider(self) -> Bilan:
        return vider_la_file(self.config, self.base.url)

    def lire(self) -> list[Courriel]:
        with self.fabrique() as session:
            return list(session.scalars(select(Courriel).order_by(Courriel.id)))

    def reveiller(self) -> None:
        with self.fabrique.begin() as session:
            session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL, status = 'todo'"))


@pytest.fixture
def poste(base_propre: Base, moteur_jetable: Engine, config_essai: Config, serveur: Controller) -> Poste:
    config = config_essai.model_copy(update={"smtp_hote": "127.0.0.1", "smtp_port": serveur.port})
    return Poste(base_propre, moteur_jetable, config)


def test_un_courriel_part_apres_l_acte_et_dit_ce_qu_il_faut(poste: Poste, boite: Boite) -> None:
    poste.ecrire()
    assert boite.messages == []
    assert poste.vider().erreurs == []
    [message] = boite.messages
    assert boite.destinataires == [["asso@exemple.fr"]]
    assert message["Subject"] == "Dossier M2A-2027-0093\u00a0: Café d’été"
    assert message["To"] == "asso@exemple.fr"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == MIDI
    corps = message.get_content().replace("\r\n", "\n")
    assert corps == "Bonjour,\n\n«\u00a0Café d’été\u00a0» est déposé\u00a0: 12\u202f500\u00a0€.\n"
    [courriel] = poste.lire()
    assert (courriel.etat, courriel.essais, courriel.derniere_erreur) == (EtatCourriel.ENVOYE, 1, None)
    assert courriel.envoye_at is not None


def test_une_transaction_annulee_n_envoie_rien(poste: Poste, boite: Boite) -> None:
    with poste.fabrique() as session:
        envoyer(session, "asso@exemple.fr", "accuse", CONTEXTE, maintenant=MIDI)
        session.rollback()
    assert poste.vider().faites == 0
    assert (poste.lire(), boite.messages) == ([], [])


def test_une_cle_empeche_d_ecrire_deux_fois(poste: Poste, boite: Boite) -> None:
    assert poste.ecrire(cle="accuse:93") is not None
    assert poste.ecrire(cle="accuse:93") is None
    assert poste.ecrire() is not None
    poste.vider()
    assert len(boite.messages) == 2


def test_une_tache_rejouee_ne_renvoie_pas_un_courriel_confirme(poste: Poste, boite: Boite) -> None:
    poste.ecrire()
    poste.vider()
    poste.reveiller()
    assert poste.vider().faites == 1
    assert len(boite.messages) == 1


def test_mort_entre_la_remise_et_la_confirmation_le_message_repart_avec_le_meme_identifiant(
    poste: Poste, boite: Boite, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mort(BaseException):
        pass

    def mourir(*_: Any) -> None:
        raise Mort

    numero = poste.ecrire()
    atelier = Atelier(poste.config, poste.fabrique)
    with monkeypatch.context() as patch:
        patch.setattr(mail, "_conclure", mourir)
        with pytest.raises(Mort):
            mail.remettre_courriel(atelier, maintenant=MIDI, courriel_id=numero)
    assert poste.lire()[0].etat is EtatCourriel.A_ENVOYER
    poste.vider()
    premier, second = boite.messages
    assert premier["Message-ID"] == second["Message-ID"]
    assert premier.as_bytes() == second.as_bytes()
    assert (poste.lire()[0].etat, poste.lire()[0].essais) == (EtatCourriel.ENVOYE, 2)


def test_aucune_transaction_n_est_ouverte_pendant_la_remise(poste: Poste, boite: Boite, moteur: Engine) -> None:
    ouvertes: list[int] = []
    requete = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :base AND state LIKE 'idle in transaction%'")

    def regarder() -> None:
        with moteur.connect() as connexion:
            ouvertes.append(connexion.scalar(requete, {"base": poste.base.nom}))

    boite.apres_reception = regarder
    poste.ecrire()
    poste.vider()
    assert ouvertes == [0]


def test_un_refus_definitif_echoue_sans_nouvel_essai(poste: Poste, boite: Boite) -> None:
    boite.refus_adresse = "550 boite inconnue"
    poste.ecrire()
    [erreur] = poste.vider().erreurs
    assert "RemiseRefusee" in erreur
    [courriel] = poste.lire()
    assert courriel.etat is EtatCourriel.ECHOUE
    assert "550" in (courriel.derniere_erreur or "")
    with poste.fabrique() as session:
        assert session.scalar(text("SELECT status::text FROM procrastinate_jobs")) == "failed"


@pytest.mark.parametrize("ou", ["refus_adresse", "refus_contenu"])
def test_un_refus_passager_se_rejoue(poste: Poste, boite: Boite, ou: str) -> None:
    setattr(boite, ou, "451 plus tard")
    poste.ecrire()
    assert poste.vider().echecs == 1
    assert poste.lire()[0].etat is EtatCourriel.A_ENVOYER
    setattr(boite, ou, "")
    poste.reveiller()
    assert poste.vider().erreurs == []
    assert (len(boite.messages), poste.lire()[0].etat) == (1, EtatCourriel.ENVOYE)


def test_un_contenu_refuse_pour_de_bon_echoue(poste: Poste, boite: Boite) -> None:
    boite.refus_contenu = "554 non"
    poste.ecrire()
    poste.vider()
    assert poste.lire()[0].etat is EtatCourriel.ECHOUE


def test_un_serveur_absent_laisse_le_courriel_a_envoyer_jusqu_au_dernier_essai(
    base_propre: Base, moteur_jetable: Engine, config_essai: Config
) -> None:
    config = config_essai.model_copy(update={"smtp_hote": "127.0.0.1", "smtp_port": _port_libre()})
    poste = Poste(base_propre, moteur_jetable, config)
    poste.ecrire()
    poste.vider()
    [courriel] = poste.lire()
    assert (courriel.etat, courriel.essais) == (EtatCourriel.A_ENVOYER, 1)
    assert "ConnectionRefusedError" in (courriel.derniere_erreur or "")
    with poste.fabrique.begin() as session:
        session.execute(text("UPDATE courriel SET essais = :n"), {"n": mail.ESSAIS.nombre - 1})
    poste.reveiller()
    poste.vider()
    assert poste.lire()[0].etat is EtatCourriel.ECHOUE


@pytest.mark.parametrize(
    "piege", ["Été\nBcc: espion@exemple.fr", "Été\r\nBcc: espion@exemple.fr\r\n\r\nCorps", "Été\u2028Bcc: x\x00"]
)
def test_un_titre_piege_n_ajoute_ni_en_tete_ni_destinataire(poste: Poste, boite: Boite, piege: str) -> None:
    with poste.fabrique.begin() as session:
        contexte = {**CONTEXTE, "titre": piege.replace("\x00", ""), "suite": "Cc: b@exemple.fr"}
        envoyer(session, "asso@exemple.fr", "accuse", contexte, maintenant=MIDI)
    assert poste.vider().erreurs == []
    [message] = boite.messages
    assert boite.destinataires == [["asso@exemple.fr"]]
    assert (message["Bcc"], message["Cc"]) == (None, None)
    assert message["Subject"].startswith("Dossier M2A-2027-0093\u00a0: Été Bcc: ")
    assert "Cc: b@exemple.fr" in message.get_content()


def test_un_objet_ne_garde_aucun_caractere_de_commande_et_reste_court() -> None:
    objet, corps = mail.rendre("accuse", {**CONTEXTE, "titre": "a\x00\t\x85b" + "x" * 500})
    assert objet.startswith("Dossier M2A-2027-0093\u00a0: a bxxx")
    assert len(objet) == mail.LONGUEUR_OBJET
    assert corps.startswith("Bonjour,")


def test_un_gabarit_auquel_il_manque_une_valeur_est_refuse(session: Session) -> None:
    with pytest.raises(UndefinedError, match="suite"):
        envoyer(session, "a@exemple.fr", "accuse", {k: v for k, v in CONTEXTE.items() if k != "suite"}, maintenant=MIDI)


@pytest.mark.parametrize(
    "adresse",
    [
        "",
        "a",
        "a@b",
        "@exemple.fr",
        "a@exemple.fr, b@exemple.fr",
        "a@exemple.fr\nBcc: b@exemple.fr",
        "Nom <a@exemple.fr>",
        "é@exemple.fr",
        "a@exemple.fr>",
        "a\x00@exemple.fr",
    ],
)
def test_une_adresse_douteuse_est_refusee_avant_d_ecrire(session: Session, adresse: str) -> None:
    with pytest.raises(AdresseRefusee):
        envoyer(session, adresse, "accuse", CONTEXTE, maintenant=MIDI)
    assert session.scalar(select(func.count()).select_from(Courriel)) == 0


def test_une_adresse_entouree_de_blancs_est_acceptee_sans_eux(session: Session) -> None:
    assert envoyer(session, " a@exemple.fr\r\n", "accuse", CONTEXTE, maintenant=MIDI) is not None
    assert session.scalar(select(Courriel.destinataire)) == "a@exemple.fr"


def test_la_base_refuse_un_objet_sur_deux_lignes(session: Session) -> None:
    session.add(Courriel(destinataire="a@exemple.fr", objet="a\nBcc: b", corps="", cree_at=MIDI))
    with pytest.raises(IntegrityError, match="ck_courriel_entetes"):
        session.flush()
    session.rollback()


def test_sans_serveur_le_courriel_est_ecrit_dans_un_fichier_ferme(
    base_propre: Base, moteur_jetable: Engine, config_essai: Config
) -> None:
    poste = Poste(base_propre, moteur_jetable, config_essai)
    poste.ecrire()
    with capture_logs() as evenements:
        assert poste.vider().erreurs == []
    dossier = config_essai.donnees / "courriels"
    [fichier] = dossier.iterdir()
    assert fichier.suffix == ".eml"
    assert (dossier.stat().st_mode & 0o777, fichier.stat().st_mode & 0o777) == (0o700, 0o600)
    message = message_from_bytes(fichier.read_bytes(), policy=default)
    assert message["To"] == "asso@exemple.fr"
    [ligne] = [evenement for evenement in evenements if evenement["event"] == "courriel écrit"]
    assert ligne["fichier"] == str(fichier)
    assert "asso@exemple.fr" not in str(evenements)


def test_la_console_ecrit_deux_fois_le_meme_fichier(tmp_path: Path) -> None:
    courriel = Courriel(id=7, destinataire="a@exemple.fr", objet="o", corps="c\n", cree_at=MIDI)
    message = mail.composer(courriel, "de@exemple.fr")
    for _ in range(2):
        Console(tmp_path / "c").remettre(message)
    assert len(list((tmp_path / "c").iterdir())) == 1


def test_un_mot_de_passe_ne_part_jamais_en_clair(config_essai: Config) -> None:
    ailleurs = {"smtp_hote": "relais.exemple.fr", "smtp_utilisateur": "u", "smtp_mot_de_passe": SecretStr("p")}
    with pytest.raises(ValueError, match="IQ_SMTP_TLS"):
        Smtp(config_essai.model_copy(update=ailleurs))
    assert Smtp(config_essai.model_copy(update={**ailleurs, "smtp_tls": True}))
    with pytest.raises(ValueError, match="IQ_SMTP_HOTE"):
        Smtp(config_essai)


def _certificat(dossier: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(contexte du serveur, contexte du client qui lui fait confiance)."""
    cle = ec.generate_private_key(ec.SECP256R1())
    nom = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    debut = datetime.now(UTC) - timedelta(hours=1)
    certificat = (
        x509.CertificateBuilder()
        .subject_name(nom)
        .issuer_name(nom)
        .public_key(cle.public_key())
        .serial_number(1)
        .not_valid_before(debut)
        .not_valid_after(debut + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(cle, hashes.SHA256())
    )
    public, prive = dossier / "certificat.pem", dossier / "cle.pem"
    public.write_bytes(certificat.public_bytes(serialization.Encoding.PEM))
    prive.write_bytes(
        cle.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    cote_serveur = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cote_serveur.load_cert_chain(public, prive)
    return cote_serveur, ssl.create_default_context(cafile=str(public))


def test_starttls_verifie_le_serveur_et_s_identifie(boite: Boite, config_essai: Config, tmp_path: Path) -> None:
    cote_serveur, cote_client = _certificat(tmp_path)
    connus: list[bytes] = []

    def identifier(_serveur: Any, _session: Any, _enveloppe: Any, _methode: str, donnees: Any) -> AuthResult:
        connus.append(donnees.login)
        return AuthResult(success=donnees.password == b"secret")

    controleur = Controller(
        boite,
        hostname="127.0.0.1",
        port=_port_libre(),
        tls_context=cote_serveur,
        require_starttls=True,
        auth_required=True,
        authenticator=identifier,
    )
    controleur.start()
    try:
        config = config_essai.model_copy(
            update={
                "smtp_hote": "localhost",
                "smtp_port": controleur.port,
                "smtp_tls": True,
                "smtp_utilisateur": "iq",
                "smtp_mot_de_passe": SecretStr("secret"),
            }
        )
        courriel = Courriel(id=1, destinataire="a@exemple.fr", objet="o", corps="c\n", cree_at=MIDI)
        message = mail.composer(courriel, config.courriel_expediteur)
        with pytest.raises(ssl.SSLCertVerificationError):
            Smtp(config).remettre(message)
        assert boite.messages == []
        Smtp(config, cote_client).remettre(message)
        assert attendre(lambda: len(boite.messages) == 1)
        assert connus == [b"iq"]
    finally:
        controleur.stop()
