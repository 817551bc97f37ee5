"""La vie de la grappe embarquée : qui la lance, la rejoint, la reprend, l’arrête, ce que laisse un `kill -9`."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.infra.postgres_embarque import GrappeIndisponible, creer_base, grappe
from app.infra.postgres_embarque.serveur import LANCEUR
from tests.infra.aide_grappe import (
    COMPTE,
    EN_ROOT,
    MOI,
    Lance,
    Place,
    Processus,
    attendre,
    comptes_sur,
    dossier_ouvert,
    place_sans_droits,
    postgres_sur,
)


@pytest.fixture
def dossier() -> Iterator[Path]:
    with dossier_ouvert() as ouvert:
        yield ouvert


@pytest.fixture
def lance(dossier: Path) -> Iterator[Lance]:
    with Lance() as fabrique:
        yield fabrique


@pytest.fixture(scope="module")
def moule() -> Iterator[Path]:
    """Des données déjà créées (initdb prend une seconde), copiées par les essais qui n’éprouvent pas la création."""
    with dossier_ouvert() as ouvert:
        with grappe(ouvert / "pg17", dire=lambda _: None) as ouverte:
            creer_base(ouverte, "essai")
            with psycopg.connect(ouverte.conninfo("essai", "iq_proprietaire")) as connexion:
                connexion.execute("CREATE TABLE t (mot text)")
        yield ouvert / "pg17"


@pytest.fixture
def donnees(moule: Path, dossier: Path) -> Path:
    subprocess.run(["cp", "-a", str(moule), str(dossier / "pg17")], check=True)
    return dossier / "pg17"


def mots(donnees: Path) -> list[str]:
    with (
        grappe(donnees, dire=lambda _: None) as ouverte,
        psycopg.connect(ouverte.conninfo("essai", "postgres")) as connexion,
    ):
        return [ligne[0] for ligne in connexion.execute("SELECT mot FROM t ORDER BY mot").fetchall()]


def sans_liaison(dossier: Path) -> str:
    """Un lanceur qui oublie PR_SET_PDEATHSIG : la seule façon d’obtenir ici une grappe orpheline."""
    texte = LANCEUR.read_text(encoding="utf-8")
    assert texte.count("    lier_au_parent(libc") == 1
    variante = dossier / "lanceur_sans_liaison.py"
    variante.write_text(texte.replace("    lier_au_parent(libc", "    (lambda *_: None)(libc"), encoding="utf-8")
    return str(variante)


def orpheline(lance: Lance, donnees: Path, dossier: Path, **options: Any) -> Processus:
    processus = lance(donnees, lanceur=sans_liaison(dossier), **options).pret()
    processus.demander("sql INSERT INTO t VALUES ('avant')")
    processus.tuer()
    time.sleep(0.2)
    assert processus.faits["maitre"] in postgres_sur(dossier), "l’orpheline devait survivre à son parent"
    return processus


def test_une_grappe_neuve_est_creee_fermee_et_sans_ecoute_reseau(dossier: Path) -> None:
    (dossier / "neuf" / "grappe.neuf").mkdir(parents=True)
    (dossier / "neuf" / "grappe.neuf" / "moitie").write_text("création interrompue")
    journal = dossier / "postgres.log"
    with grappe(dossier / "neuf", journal=journal, dire=lambda _: None) as ouverte:
        assert ouverte.est_hote
        assert ouverte.version.startswith("17.")
        assert ouverte.dossier_socket.stat().st_mode & 0o777 == 0o700
        assert ouverte.donnees.stat().st_mode & 0o777 == 0o700
        assert len(str(ouverte.dossier_socket / ".s.PGSQL.5432")) < 100
        with psycopg.connect(ouverte.conninfo("postgres", "postgres")) as connexion:
            vus = {
                nom: connexion.execute(f"SHOW {nom}").fetchone() for nom in ("listen_addresses", "timezone", "fsync")
            }
            decalage = connexion.execute("SELECT extract(timezone FROM now())::int").fetchone()
            locale = connexion.execute(
                "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, lower('ÉTÉ') FROM pg_database"
                " WHERE datname = 'postgres'"
            ).fetchone()
        assert vus == {"listen_addresses": ("",), "timezone": ("GMT",), "fsync": ("on",)}
        assert decalage == (0,)
        assert locale == ("UTF8", "b", "C.UTF-8", "été")
        assert len(postgres_sur(dossier)) > 3
        maitre = int((ouverte.lieux.grappe / "postmaster.pid").read_text().split()[0])
        assert os.getsid(maitre) == maitre, "dans sa propre session : un signal au groupe du parent ne l’atteint pas"
        socket = ouverte.dossier_socket
    assert not postgres_sur(dossier)
    assert not socket.exists()
    assert not (dossier / "neuf" / "grappe" / "postmaster.pid").exists()
    assert not (dossier / "neuf" / "grappe.neuf").exists()
    assert "listening on Unix socket" in journal.read_text()


def test_les_reglages_d_essai_ne_protegent_pas_des_coupures(donnees: Path) -> None:
    with (
        grappe(donnees, durable=False, dire=lambda _: None) as ouverte,
        psycopg.connect(ouverte.conninfo("essai")) as connexion,
    ):
        for nom in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connexion.execute(f"SHOW {nom}").fetchone() == ("off",)


def test_root_descend_a_l_utilisateur_sans_droits_et_le_dit(donnees: Path) -> None:
    phrases: list[str] = []
    with grappe(donnees, dire=phrases.append) as ouverte:
        assert comptes_sur(donnees) == {COMPTE.pw_uid}
        assert ouverte.compte == MOI
    if EN_ROOT:
        assert COMPTE.pw_uid != 0
        assert any("« nobody »" in phrase for phrase in phrases)
    else:
        assert phrases == [], (
            "lancé sans root : personne à qui descendre, rien à dire (le cas root n’est pas éprouvé ici)"
        )


def test_un_utilisateur_sans_droits_lance_sa_grappe_et_root_la_rejoint(dossier: Path, lance: Lance) -> None:
    place = place_sans_droits_ou_soi(dossier)
    prive = dossier / "prive"
    prive.mkdir()
    os.chown(prive, COMPTE.pw_uid, COMPTE.pw_gid)
    hote = lance(prive / "pg17", place).pret()
    assert (hote.faits.get("hote"), hote.faits.get("compte")) == (True, COMPTE.pw_name), hote.faits
    assert hote.faits["phrases"] == []
    assert comptes_sur(dossier) == {COMPTE.pw_uid}
    assert (prive / "pg17").stat().st_uid == COMPTE.pw_uid
    hote.demander("sql INSERT INTO t VALUES ('sans droits')")
    invite = lance(prive / "pg17").pret()
    assert invite.faits["hote"] is False
    assert invite.demander("sql SELECT mot FROM t") == [["sans droits"]]
    invite.quitter()
    assert hote.demander("sql SELECT count(*) FROM t") == [[1]]
    hote.tuer()
    assert attendre(lambda: not postgres_sur(dossier)), "orpheline après kill -9 d’un hôte sans droits"


def place_sans_droits_ou_soi(dossier: Path) -> Place | None:
    """En root, l’utilisateur sans droits ; sinon soi-même, qui n’a déjà aucun droit."""
    if not EN_ROOT:
        return None
    (dossier / "python").mkdir()
    return place_sans_droits(dossier / "python")


def test_sigterm_au_groupe_laisse_les_ouvriers_ecrire_puis_arrete_la_base(donnees: Path, lance: Lance) -> None:
    serveur = lance(donnees, mode="servir").pret()
    with (
        grappe(donnees, dire=lambda _: None) as invite,
        psycopg.connect(invite.conninfo("essai", "postgres")) as connexion,
    ):
        connexion.autocommit = True
        compte = "SELECT count(*) FROM t WHERE mot = 'présent'"
        assert attendre(lambda: connexion.execute(compte).fetchone() == (2,)), "les deux ouvriers devaient travailler"
    os.killpg(serveur.popen.pid, signal.SIGTERM)
    assert serveur.popen.wait(10) == 0
    assert not postgres_sur(donnees), "PostgreSQL doit être arrêté avant que le parent se termine"
    assert mots(donnees) == ["dernier mot", "dernier mot", "présent", "présent"]


def test_sigterm_sans_traitement_arrete_aussi_la_base(donnees: Path, lance: Lance) -> None:
    processus = lance(donnees).pret()
    processus.demander("sql INSERT INTO t VALUES ('gardé')")
    os.killpg(processus.popen.pid, signal.SIGTERM)
    assert processus.popen.wait(10) == -signal.SIGTERM
    assert attendre(lambda: not postgres_sur(donnees))
    assert mots(donnees) == ["gardé"]


def test_kill_9_du_parent_arrete_la_base_et_garde_les_donnees(donnees: Path, lance: Lance) -> None:
    processus = lance(donnees).pret()
    processus.demander("sql INSERT INTO t VALUES ('gardé')")
    processus.tuer()
    suivant = lance(donnees).pret()  # sans attendre : l’arrêt de la précédente est peut-être en cours
    assert suivant.faits["hote"] is True
    assert suivant.demander("sql SELECT mot FROM t") == [["gardé"]]
    suivant.quitter()
    assert not postgres_sur(donnees)


def test_kill_9_de_tous_laisse_un_postmaster_pid_perime_qui_est_nettoye(donnees: Path, lance: Lance) -> None:
    processus = lance(donnees, lanceur=sans_liaison(donnees.parent)).pret()
    processus.demander("sql INSERT INTO t VALUES ('gardé')")
    processus.tuer()
    os.kill(processus.faits["maitre"], signal.SIGKILL)
    assert attendre(lambda: not postgres_sur(donnees))
    perime = donnees / "grappe" / "postmaster.pid"
    assert perime.exists()
    lignes = perime.read_text().splitlines()
    soi: dict[str, Any] = {"user": COMPTE.pw_uid, "group": COMPTE.pw_gid, "extra_groups": []} if EN_ROOT else {}
    dormeur = subprocess.Popen(["sleep", "60"], **soi)  # le numéro a été repris par un autre programme du même compte
    try:
        perime.write_text("\n".join([str(dormeur.pid), *lignes[1:]]) + "\n")
        phrases: list[str] = []
        with grappe(donnees, dire=phrases.append) as ouverte:
            assert ouverte.est_hote
        assert any("pas été arrêtée proprement" in phrase for phrase in phrases)
        assert dormeur.poll() is None, "un programme étranger ne doit jamais recevoir de signal"
    finally:
        dormeur.kill()
        dormeur.wait()
    assert mots(donnees) == ["gardé"]


def test_deux_commandes_a_la_fois_la_seconde_rejoint_et_n_arrete_pas(dossier: Path, lance: Lance) -> None:
    premiere, seconde = lance(dossier / "pg17"), lance(dossier / "pg17")  # dossier neuf : elles courent pour le créer
    processus = [premiere.pret(), seconde.pret()]
    assert sorted(p.faits["hote"] for p in processus) == [False, True]
    invite, hote = sorted(processus, key=lambda p: bool(p.faits["hote"]))
    assert invite.faits["maitre"] == hote.faits["maitre"]
    assert invite.faits["socket"] == hote.faits["socket"]
    invite.quitter()
    assert hote.demander("sql SELECT 1") == [[1]]
    assert hote.demander("hote") is True
    hote.quitter()
    assert not postgres_sur(dossier)


def test_un_invite_encore_la_prend_la_releve_au_meme_endroit(donnees: Path, lance: Lance) -> None:
    hote = lance(donnees).pret()
    invite = lance(donnees).pret()
    invite.demander("sql INSERT INTO t VALUES ('gardé')")
    hote.quitter()
    assert attendre(lambda: invite.demander("hote") is True)
    assert invite.demander("sql SELECT mot FROM t") == [["gardé"]]
    troisieme = lance(donnees).pret()
    assert (troisieme.faits["hote"], troisieme.faits["socket"]) == (False, hote.faits["socket"])
    invite.tuer()
    assert attendre(lambda: troisieme.demander("hote") is True), "relève aussi quand l’hôte est tué"
    assert troisieme.demander("sql SELECT mot FROM t") == [["gardé"]]
    troisieme.quitter()
    assert not postgres_sur(donnees)


def test_l_hote_qui_s_arrete_laisse_finir_une_commande_courte(donnees: Path, lance: Lance) -> None:
    hote = lance(donnees, attente=8).pret()
    invite = lance(donnees).pret()
    invite.envoyer("sql INSERT INTO t SELECT 'fini' FROM pg_sleep(1)")
    hote.envoyer("quitter")
    assert invite._lire() == {"reponse": None}
    assert hote.popen.poll() is None
    invite.quitter()
    assert hote.popen.wait(5) == 0
    assert mots(donnees) == ["fini"]


def test_une_orpheline_est_reprise_puis_arretee(donnees: Path, dossier: Path, lance: Lance) -> None:
    perdue = orpheline(lance, donnees, dossier)
    phrases: list[str] = []
    with grappe(donnees, dire=phrases.append) as ouverte:
        assert ouverte.est_hote
        maitre = (ouverte.lieux.grappe / "postmaster.pid").read_text().split()[0]
        assert int(maitre) == perdue.faits["maitre"], "elle devait être adoptée, pas relancée"
        with psycopg.connect(ouverte.conninfo("essai", "postgres")) as connexion:
            assert connexion.execute("SELECT mot FROM t").fetchall() == [("avant",)]
        invite = lance(donnees).pret()
        assert invite.faits["hote"] is False
        invite.quitter()
    assert any("laissée en marche" in phrase for phrase in phrases)
    assert not postgres_sur(dossier)


@pytest.mark.parametrize("ecart", ["ailleurs", "sans garantie"])
def test_une_orpheline_qui_ne_convient_pas_est_arretee_puis_relancee(
    ecart: str, donnees: Path, dossier: Path, lance: Lance
) -> None:
    options: dict[str, Any] = {"durable": False}
    if ecart == "ailleurs":
        (dossier / "s").mkdir()
        options = {"court": str(dossier / "s")}
    perdue = orpheline(lance, donnees, dossier, **options)
    with grappe(donnees, dire=lambda _: None) as ouverte:
        assert ouverte.est_hote
        assert perdue.faits["maitre"] not in postgres_sur(dossier)
        with psycopg.connect(ouverte.conninfo("essai", "postgres")) as connexion:
            assert connexion.execute("SELECT mot FROM t").fetchall() == [("avant",)]
            assert connexion.execute("SHOW fsync").fetchone() == ("on",)


def test_un_postgresql_tue_sous_l_hote_est_relance(donnees: Path) -> None:
    phrases: list[str] = []
    with grappe(donnees, dire=phrases.append) as ouverte:
        maitre = int((ouverte.lieux.grappe / "postmaster.pid").read_text().split()[0])
        os.kill(maitre, signal.SIGKILL)

        def relancee() -> bool:
            try:
                with psycopg.connect(ouverte.conninfo("essai")) as connexion:
                    return connexion.execute("SELECT 1").fetchone() == (1,)
            except psycopg.OperationalError:
                return False

        assert attendre(lambda: any("relancé" in phrase for phrase in phrases))
        assert attendre(relancee)
        assert maitre not in postgres_sur(donnees)


def test_la_mort_du_fil_qui_a_ouvert_la_grappe_ne_l_arrete_pas(donnees: Path) -> None:
    contexte = grappe(donnees, dire=lambda _: None)
    fil = threading.Thread(target=contexte.__enter__)
    fil.start()
    fil.join()
    try:
        time.sleep(0.5)
        assert postgres_sur(donnees), "PR_SET_PDEATHSIG suit le fil qui a créé le processus, pas le processus"
    finally:
        contexte.__exit__(None, None, None)
    assert not postgres_sur(donnees)


def test_un_enfant_ne_par_fork_ne_garde_pas_le_verrou_de_son_parent(donnees: Path, lance: Lance) -> None:
    hote = lance(donnees).pret()
    enfant = hote.demander("fork")
    hote.tuer()
    try:
        debut = time.monotonic()
        suivant = lance(donnees).pret()
        assert suivant.faits["hote"] is True
        assert time.monotonic() - debut < 5
        os.kill(enfant, 0)  # il vit encore : c’est bien malgré lui que le verrou était libre
        suivant.quitter()
    finally:
        os.kill(enfant, signal.SIGKILL)


def test_un_hote_muet_est_nomme_au_lieu_d_attendre_sans_fin(
    donnees: Path, lance: Lance, monkeypatch: pytest.MonkeyPatch
) -> None:
    hote = lance(donnees).pret()
    os.kill(hote.faits["maitre"], signal.SIGSTOP)
    try:
        monkeypatch.setattr("app.infra.postgres_embarque.gardien.DELAI_DEMARRAGE", -10.0)
        monkeypatch.setattr("app.infra.postgres_embarque.roles.DELAI_CONNEXION", 2)
        refus = pytest.raises(GrappeIndisponible, match=f"Le processus {hote.popen.pid} tient la base")
        with refus, grappe(donnees, dire=lambda _: None):
            pytest.fail("une grappe muette ne se rejoint pas")
    finally:
        os.kill(hote.faits["maitre"], signal.SIGCONT)
    hote.quitter()
