"""Sauvegarder et restaurer : aller-retour à l'identique, archive contrôlée avant tout, rien à moitié fait."""

from __future__ import annotations

import io
import json
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.__main__ import principal
from app.commandes import copie_base, etat_base, restauration
from app.commandes.archive import ArchiveInvalide, deballer
from app.commandes.base import NOM_BASE, Base, base_de, base_ouverte, fabrique_de, grappe_ouverte
from app.commandes.copie_base import CopieImpossible
from app.commandes.etat_base import connexion, ecart
from app.commandes.restauration import RestaurationRefusee, restaurer
from app.commandes.sauvegarde import laisses_de_cote, sauvegarder
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode
from app.infra.documents import sceller
from app.infra.journal.ancres import ancrer, ancrer_le_jour, cle_du_journal, mention_ancre
from app.noyau.erreurs import ErreurMetier
from app.noyau.roles import Role
from tests import factories
from tests.conftest import un_clone
from tests.infra.aide_grappe import dossier_ouvert
from tests.infra.journal.aide_journal import remplir

MAINTENANT = datetime(2026, 11, 6, 13, 12, tzinfo=UTC)
Photo = dict[str, Any]


def photographier(url: str) -> Photo:
    """Toutes les lignes de toutes les tables, l'état des séquences, les droits et les déclencheurs."""
    with connexion(url, figee=True) as base:
        lignes: Photo = {
            table: sorted(base.scalars(text(f'SELECT t::text FROM "{table}" t')))  # noqa: S608
            for table in etat_base.tables(base)
        }
        sequences = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        etat = etat_base.etat(base)
        return lignes | {
            "sequences": [tuple(ligne) for ligne in base.execute(text(sequences))],
            "droits": etat.droits,
            "declencheurs": etat.declencheurs,
        }


def peupler(base: Base, donnees: Path) -> None:
    """Un dossier déposé et tout ce qu'il entraîne, un PDF scellé et ancré, une ancre du jour, des actes après elle."""
    with fabrique_de(base) as fabrique:
        with fabrique.begin() as session:
            contrat = factories.un_contrat(session)
            organisation = factories.une_organisation(session)
            porteur = factories.un_porteur(session, organisation, Role.REDACTEUR, Role.SIGNATAIRE)
            factories.un_dossier_complet(session, factories.un_appel(session, contrat), organisation, porteur)
        with fabrique.begin() as session:
            mention = mention_ancre(session, contrat.id)
            pdf = sceller(
                session, f"%PDF {mention}\0é".encode(), media="application/pdf", nom="a.pdf", maintenant=MAINTENANT
            )
            ancrer(session, contrat.id, f"pdf:{pdf}", MAINTENANT)
        with fabrique.begin() as session:
            ancrer_le_jour(session, donnees / "ancres", cle_du_journal(donnees), MAINTENANT)
        remplir(fabrique, 2, contrat.id)
        remplir(fabrique, 1, None)
        with fabrique.begin() as session:
            session.execute(text("DELETE FROM journal_contenu WHERE rang = 1"))


def configurer(donnees: Path, base: Base | None = None) -> Config:
    urls = {"DATABASE_URL": base.url, "DATABASE_URL_PROPRIETAIRE": base.url_proprietaire} if base is not None else {}
    donnees.mkdir(parents=True, exist_ok=True)
    return Config(mode=Mode.ESSAI, donnees=donnees, _env_file=None, **urls)


@dataclass(frozen=True)
class Modele:
    """Une base peuplée, ses données, sa sauvegarde : faites une fois, recopiées par chaque essai."""

    base: Base
    config: Config
    archive: Path


@pytest.fixture(scope="module")
def modele(grappe: pg.Grappe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Modele]:
    """Chez un PostgreSQL qui n'est pas à nous."""
    dossier = tmp_path_factory.mktemp("modele")
    with un_clone(grappe) as base:
        config = configurer(dossier / "donnees", base)
        peupler(base, config.donnees)
        archive = sauvegarder(config, dossier / "copie.tar", avec_cles=False, maintenant=MAINTENANT)
        yield Modele(base, config, archive)


@pytest.fixture
def base_peuplee(grappe: pg.Grappe, modele: Modele) -> Iterator[Base]:
    """Un clone de la base peuplée."""
    with un_clone(grappe, modele.base.nom) as base:
        yield base


@pytest.fixture
def ailleurs(base_peuplee: Base, modele: Modele, tmp_path: Path) -> Config:
    """Une base peuplée, à changer."""
    shutil.copytree(modele.config.donnees, tmp_path / "donnees")
    return configurer(tmp_path / "donnees", base_peuplee)


@pytest.fixture
def archive(modele: Modele, tmp_path: Path) -> Path:
    """Sa sauvegarde, à abîmer ou à restaurer."""
    return Path(shutil.copy2(modele.archive, tmp_path / "copie.tar"))


@pytest.fixture(scope="module")
def copie_embarquee(embarque: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Une sauvegarde de la grappe embarquée, à ne pas changer."""
    dossier = tmp_path_factory.mktemp("copie")
    return sauvegarder(embarque, dossier / "copie.tar", avec_cles=False, maintenant=MAINTENANT)


@pytest.fixture
def copie(copie_embarquee: Path, tmp_path: Path) -> Path:
    """La même, à abîmer."""
    return Path(shutil.copy(copie_embarquee, tmp_path / "a-abimer.tar"))


@pytest.fixture(scope="module")
def embarque() -> Iterator[Config]:
    """Une base peuplée dans une grappe embarquée à nous, tenue ouverte le temps du module."""
    with dossier_ouvert() as dossier:
        config = configurer(dossier / "donnees")
        with base_ouverte(config) as base:
            peupler(base, config.donnees)
            yield config


def deposer_encore(base: Base) -> None:
    with fabrique_de(base) as fabrique:
        remplir(fabrique, 1)


def test_l_archive_dit_ce_qu_elle_contient_et_son_auteur_seul_la_lit(archive: Path, modele: Modele) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as tar:
        noms = tar.getnames()
        manifeste = json.loads(tar.extractfile("manifeste.json").read())  # type: ignore[union-attr]
    assert noms == ["manifeste.json", "base.dump", "donnees/ancres/2026-11-06.json", "donnees/cle-journal.pub"]
    assert sorted(manifeste["fichiers"]) == sorted(noms[1:])
    assert manifeste["base"]["lignes"]["dossier"] == 1
    assert {tete["chaine"] for tete in manifeste["base"]["tetes"]} == {0, 1}
    assert len(list(modele.archive.parent.glob(".*"))) == 0


def test_les_cles_privees_ne_partent_que_si_on_les_demande(ailleurs: Config, archive: Path, tmp_path: Path) -> None:
    (ailleurs.donnees / "courriels").mkdir()
    assert laisses_de_cote(ailleurs.donnees, avec_cles=False) == ["cle-journal", "courriels"]
    complete = sauvegarder(ailleurs, tmp_path / "cles.tar", avec_cles=True, maintenant=MAINTENANT)
    with tarfile.open(complete) as tar:
        assert "donnees/cle-journal" in tar.getnames()
    assert laisses_de_cote(ailleurs.donnees, avec_cles=True) == ["courriels"]


def test_une_sauvegarde_n_en_remplace_pas_une_autre(ailleurs: Config, archive: Path) -> None:
    avant = archive.read_bytes()
    with pytest.raises(ErreurMetier, match="existe déjà"):
        sauvegarder(ailleurs, archive, avec_cles=False, maintenant=MAINTENANT)
    assert archive.read_bytes() == avant


def test_un_lieu_ou_l_on_n_ecrit_pas_se_dit_en_clair(ailleurs: Config, archive: Path) -> None:
    with pytest.raises(ErreurMetier, match="ne s’écrit pas"):
        sauvegarder(ailleurs, archive / "dedans.tar", avec_cles=False, maintenant=MAINTENANT)


def test_une_sauvegarde_dans_un_dossier_prend_un_nom_date(ailleurs: Config, tmp_path: Path) -> None:
    chemin = sauvegarder(ailleurs, tmp_path, avec_cles=False, maintenant=MAINTENANT)
    assert chemin == tmp_path / "initiatives-quartiers-20261106T131200Z.tar"


def test_une_copie_qui_echoue_ne_laisse_aucun_fichier(
    ailleurs: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copie_base.pg, "outil", lambda _nom: Path("/bin/false"))
    with pytest.raises(CopieImpossible, match="pg_dump a échoué"):
        sauvegarder(ailleurs, tmp_path / "rate" / "copie.tar", avec_cles=False, maintenant=MAINTENANT)
    assert list((tmp_path / "rate").iterdir()) == []


def test_le_mot_de_passe_ne_va_pas_sur_la_ligne_de_commande() -> None:
    conninfo, environnement = copie_base._appel("postgresql+psycopg://iq:s%40cret@bd:5433/iq?sslmode=require")
    assert environnement["PGPASSWORD"] == "s@cret"
    assert "cret" not in conninfo
    assert psycopg.conninfo.conninfo_to_dict(conninfo) == {
        "host": "bd", "port": "5433", "user": "iq", "dbname": "iq", "sslmode": "require",
    }  # fmt: skip


def test_un_aller_retour_sur_place_rend_la_base_a_l_identique(
    ailleurs: Config, archive: Path, base_peuplee: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = photographier(base_peuplee.url_proprietaire)
    assert photo["dossier"]
    assert photo["journal_ancre"]
    deposer_encore(base_peuplee)
    with connexion(base_peuplee.url_proprietaire) as base:
        base.execute(text("CREATE TABLE en_trop (a int)"))
        base.commit()
    assert restaurer(ailleurs, archive, remplacer=True, maintenant=MAINTENANT) == 0
    assert photographier(base_peuplee.url_proprietaire) == photo
    assert "ne sont couvertes par aucune ancre" in capsys.readouterr().out
    deposer_encore(base_peuplee)


def test_la_ligne_de_commande_sauvegarde_refuse_puis_restaure(
    ailleurs: Config, base_peuplee: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", base_peuplee.url)
    monkeypatch.setenv("DATABASE_URL_PROPRIETAIRE", base_peuplee.url_proprietaire)
    monkeypatch.setenv("IQ_DONNEES", str(ailleurs.donnees))
    assert principal(["sauvegarder", f"{tmp_path}/copies/"]) == 0
    dit = capsys.readouterr().out
    (vers,) = map(str, (tmp_path / "copies").glob("initiatives-quartiers-*.tar"))
    assert f"Sauvegarde écrite : {vers}" in dit
    assert "Laissés de côté" in dit
    assert "cle-journal" in dit
    assert principal(["restaurer", vers]) == 1
    assert "ajoutez --remplacer" in capsys.readouterr().err
    assert principal(["restaurer", vers, "--remplacer"]) == 0


def test_apres_restauration_le_journal_reste_hors_d_atteinte(
    ailleurs: Config, archive: Path, base_peuplee: Base
) -> None:
    restaurer(ailleurs, archive, remplacer=True, maintenant=MAINTENANT)
    ordres = ("UPDATE journal_entree SET acteur = 'x'", "DELETE FROM journal_entree", "TRUNCATE journal_contenu")
    for ordre in ordres:
        with connexion(base_peuplee.url) as base, pytest.raises(Exception, match="permission denied"):
            base.execute(text(ordre))
        with connexion(base_peuplee.url_proprietaire) as base, pytest.raises(Exception, match="ne se réécrit pas"):
            base.execute(text(ordre))


def test_une_base_peuplee_n_est_pas_remplacee_sans_le_dire(ailleurs: Config, archive: Path, base_peuplee: Base) -> None:
    photo = photographier(base_peuplee.url_proprietaire)
    with pytest.raises(RestaurationRefusee, match="--remplacer"):
        restaurer(ailleurs, archive, remplacer=False, maintenant=MAINTENANT)
    assert photographier(base_peuplee.url_proprietaire) == photo


def _refaire(archive: Path, changer: Callable[[dict[str, bytes]], None]) -> None:
    with tarfile.open(archive) as tar:
        pieces = {membre.name: tar.extractfile(membre).read() for membre in tar}  # type: ignore[union-attr]
    changer(pieces)
    with tarfile.open(archive, "w") as tar:
        for nom, contenu in pieces.items():
            entete = tarfile.TarInfo(nom)
            entete.size = len(contenu)
            tar.addfile(entete, io.BytesIO(contenu))


def _manifeste(**champs: Any) -> Callable[[dict[str, bytes]], None]:
    def changer(pieces: dict[str, bytes]) -> None:
        manifeste = json.loads(pieces["manifeste.json"])
        for nom, valeur in champs.items():
            cible = manifeste["base"] if nom in manifeste["base"] else manifeste
            cible[nom] = valeur(cible[nom]) if callable(valeur) else valeur
        pieces["manifeste.json"] = json.dumps(manifeste).encode()

    return changer


def _octet(pieces: dict[str, bytes]) -> None:
    octets = bytearray(pieces["base.dump"])
    octets[len(octets) // 2] ^= 1
    pieces["base.dump"] = bytes(octets)


ABIMEES: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "un octet change": (_octet, "abîmée"),
    "une piece manque": (lambda pieces: pieces.pop("donnees/cle-journal.pub"), "incomplète"),
    "la base manque": (lambda pieces: pieces.pop("base.dump"), "incomplète"),
    "une piece en trop": (lambda pieces: pieces.update({"donnees/secret": b"x"}), "en trop"),
    "sans manifeste": (lambda pieces: pieces.pop("manifeste.json"), "manifeste manque"),
    "manifeste illisible": (lambda pieces: pieces.update({"manifeste.json": b"{}"}), "illisible"),
    "forme inconnue": (_manifeste(forme=99), "forme 99"),
    "migration a venir": (_manifeste(migration="9999"), "version plus récente"),
    "chemin qui sort": (_manifeste(fichiers=lambda f: f | {"../x": {"sha256": "", "octets": 0}}), "n’est pas admis"),
}


@pytest.mark.parametrize("quoi", ABIMEES)
def test_une_archive_abimee_est_refusee_avant_de_toucher_a_quoi_que_ce_soit(
    archive: Path, tmp_path: Path, quoi: str
) -> None:
    """La base est injoignable : le refus vient de l'archive seule."""
    changer, phrase = ABIMEES[quoi]
    _refaire(archive, changer)
    injoignable = "postgresql+psycopg://personne@/rien?host=/nulle-part"
    config = Config(mode=Mode.ESSAI, donnees=tmp_path / "donnees", _env_file=None, DATABASE_URL=injoignable)
    with pytest.raises(ErreurMetier, match=phrase):
        restaurer(config, archive, remplacer=True, maintenant=MAINTENANT)
    assert list(config.donnees.iterdir()) == []


@pytest.mark.parametrize("octets", [b"", b"pas un tar", None])
def test_un_fichier_qui_n_est_pas_une_archive_est_refuse(archive: Path, tmp_path: Path, octets: bytes | None) -> None:
    entiers = archive.read_bytes()
    archive.write_bytes(entiers[: len(entiers) // 2] if octets is None else octets)
    with pytest.raises(ArchiveInvalide):
        deballer(archive, tmp_path / "atelier")


@pytest.mark.parametrize("genre", ["un lien en double", "un lien a la place"])
def test_un_lien_dans_l_archive_est_refuse(archive: Path, tmp_path: Path, genre: str) -> None:
    lien = tarfile.TarInfo("base.dump")
    lien.type, lien.linkname = tarfile.SYMTYPE, "/etc/passwd"
    if genre == "un lien en double":
        with tarfile.open(archive, "a") as tar:
            tar.addfile(lien)
    else:
        with tarfile.open(archive) as tar:
            manifeste = tar.extractfile("manifeste.json").read()  # type: ignore[union-attr]
        entete = tarfile.TarInfo("manifeste.json")
        entete.size = len(manifeste)
        with tarfile.open(archive, "w") as tar:
            tar.addfile(entete, io.BytesIO(manifeste))
            tar.addfile(lien)
    with pytest.raises(ArchiveInvalide, match="en trop" if "double" in genre else "simple fichier"):
        deballer(archive, tmp_path / "atelier")


def _couper_le_dump(pieces: dict[str, bytes]) -> None:
    pieces["base.dump"] = pieces["base.dump"][:-2000]
    manifeste = json.loads(pieces["manifeste.json"])
    piece = {"sha256": sha256(pieces["base.dump"]).hexdigest(), "octets": len(pieces["base.dump"])}
    manifeste["fichiers"]["base.dump"] = piece
    pieces["manifeste.json"] = json.dumps(manifeste).encode()


DIFFERENCES: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "dump coupe": (_couper_le_dump, "a échoué"),
    "tetes": (_manifeste(tetes=[]), "têtes"),
    "lignes": (_manifeste(lignes=lambda lignes: lignes | {"dossier": 2}), "table dossier"),
    "droits": (_manifeste(droits=lambda droits: [*droits, "dossier TRUNCATE f"]), "droits"),
    "declencheurs": (_manifeste(declencheurs=lambda gardes: gardes[1:]), "déclencheurs"),
}


def test_sur_place_un_echec_ou_une_difference_rend_la_base_d_avant(
    ailleurs: Config, archive: Path, base_peuplee: Base
) -> None:
    photo = photographier(base_peuplee.url_proprietaire)
    intacte = archive.read_bytes()
    for changer, phrase in DIFFERENCES.values():
        archive.write_bytes(intacte)
        _refaire(archive, changer)
        with pytest.raises(CopieImpossible, match=phrase):
            restaurer(ailleurs, archive, remplacer=True, maintenant=MAINTENANT)
    assert photographier(base_peuplee.url_proprietaire) == photo
    assert (ailleurs.donnees / "ancres" / "2026-11-06.json").exists()


def test_les_ancres_plus_recentes_que_la_sauvegarde_sont_mises_de_cote(
    ailleurs: Config, archive: Path, base_peuplee: Base
) -> None:
    with fabrique_de(base_peuplee) as fabrique, fabrique.begin() as session:
        demain = MAINTENANT + timedelta(days=1)
        ancrer_le_jour(session, ailleurs.donnees / "ancres", cle_du_journal(ailleurs.donnees), demain)
    assert restaurer(ailleurs, archive, remplacer=True, maintenant=MAINTENANT) == 0
    assert [f.name for f in (ailleurs.donnees / "ancres").iterdir()] == ["2026-11-06.json"]
    assert (ailleurs.donnees / "ancres.avant-20261106t131200" / "2026-11-07.json").exists()


def test_sur_une_machine_neuve_les_anciennes_ancres_se_verifient_avec_la_cle_publique_restauree(
    archive: Path, base_peuplee: Base, ailleurs: Config, tmp_path: Path
) -> None:
    neuve = configurer(tmp_path / "neuve", base_peuplee)
    publique = (ailleurs.donnees / "cle-journal.pub").read_text()
    cle_du_journal(neuve.donnees)
    assert restaurer(neuve, archive, remplacer=True, maintenant=MAINTENANT) == 0
    assert (neuve.donnees / f"cle-journal-{publique[:8]}.pub").read_text() == publique
    assert (neuve.donnees / "cle-journal.pub").read_text() != publique


def test_les_cles_restaurees_reprennent_leur_place_et_les_autres_sont_gardees(
    ailleurs: Config, base_peuplee: Base, tmp_path: Path
) -> None:
    complete = sauvegarder(ailleurs, tmp_path / "cles.tar", avec_cles=True, maintenant=MAINTENANT)
    neuve = configurer(tmp_path / "neuve", base_peuplee)
    cle_du_journal(neuve.donnees)
    remplacee = (neuve.donnees / "cle-journal").read_bytes()
    assert restaurer(neuve, complete, remplacer=True, maintenant=MAINTENANT) == 0
    privee = neuve.donnees / "cle-journal"
    assert privee.read_bytes() == (ailleurs.donnees / "cle-journal").read_bytes()
    assert stat.S_IMODE(privee.stat().st_mode) == 0o600
    assert (neuve.donnees / "cle-journal.avant-20261106t131200").read_bytes() == remplacee
    assert len(list(neuve.donnees.glob("cle-journal*.pub"))) == 2


def test_un_journal_deja_falsifie_se_restaure_tel_quel_et_le_dit(
    ailleurs: Config, base_peuplee: Base, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert base_peuplee.grappe is not None
    with psycopg.connect(base_peuplee.grappe.conninfo(base_peuplee.nom, "postgres")) as base:
        base.execute("ALTER TABLE journal_entree DISABLE TRIGGER ajout_seul")
        base.execute("UPDATE journal_entree SET acteur = 'c-x' WHERE chaine = 0 AND rang = 1")
        base.execute("ALTER TABLE journal_entree ENABLE ALWAYS TRIGGER ajout_seul")
    copie = sauvegarder(ailleurs, tmp_path / "falsifiee.tar", avec_cles=False, maintenant=MAINTENANT)
    assert restaurer(ailleurs, copie, remplacer=True, maintenant=MAINTENANT) == 1
    assert "Chaîne 0 (instance) : L’entrée 1 a été modifiée." in capsys.readouterr().out


def test_une_grappe_embarquee_n_echange_pas_une_base_qui_differe_du_manifeste(embarque: Config, copie: Path) -> None:
    changer, phrase = DIFFERENCES["droits"]
    _refaire(copie, changer)
    with grappe_ouverte(embarque) as grappe:
        url = grappe.url(NOM_BASE, pg.PROPRIETAIRE)
        photo = photographier(url)
        with pytest.raises(CopieImpossible, match=phrase):
            restaurer(embarque, copie, remplacer=True, maintenant=MAINTENANT)
        assert photographier(url) == photo
        assert not pg.base_existe(grappe, restauration.NEUVE)


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({}, None),
        ({"tetes": ()}, "têtes"),
        ({"lignes": {"dossier": 2}}, "la table dossier a 1 lignes au lieu de 2"),
        ({"lignes": {"inconnue": 1}}, "la table inconnue a 0 lignes au lieu de 1"),
        ({"declencheurs": ("autre",)}, "déclencheurs"),
        ({"droits": ("autre",)}, "droits"),
    ],
)
def test_un_ecart_se_dit_en_clair(archive: Path, tmp_path: Path, champs: dict[str, Any], phrase: str | None) -> None:
    etat = deballer(archive, tmp_path / "atelier").base
    trouve = ecart(etat.model_copy(update=champs), etat)
    assert trouve is None if phrase is None else phrase in str(trouve)


@pytest.mark.parametrize("repos", ["vu d'avance", "vu au dernier moment"])
def test_une_grappe_embarquee_qui_sert_encore_n_est_pas_echangee(
    embarque: Config, copie: Path, monkeypatch: pytest.MonkeyPatch, repos: str
) -> None:
    monkeypatch.setattr(restauration, "DELAI_REPOS", 0.2)
    if repos == "vu au dernier moment":
        monkeypatch.setattr(restauration, "_exiger_le_repos", lambda _grappe: None)
    with grappe_ouverte(embarque) as grappe, connexion(grappe.url(NOM_BASE)) as occupe:
        occupe.execute(text("SELECT 1"))
        photo = photographier(grappe.url(NOM_BASE, pg.PROPRIETAIRE))
        with pytest.raises(RestaurationRefusee, match="arrêtez le service"):
            restaurer(embarque, copie, remplacer=True, maintenant=MAINTENANT)
        assert photographier(grappe.url(NOM_BASE, pg.PROPRIETAIRE)) == photo
        assert not pg.base_existe(grappe, restauration.NEUVE)


def test_une_grappe_embarquee_echange_les_bases_et_garde_celle_d_avant(embarque: Config, copie: Path) -> None:
    with grappe_ouverte(embarque) as grappe:
        url = grappe.url(NOM_BASE, pg.PROPRIETAIRE)
        photo = photographier(url)
        deposer_encore(base_de(grappe, NOM_BASE))
        plus = photographier(url)
        assert plus != photo
        with pytest.raises(RestaurationRefusee, match="--remplacer"):
            restaurer(embarque, copie, remplacer=False, maintenant=MAINTENANT)
        assert restaurer(embarque, copie, remplacer=True, maintenant=MAINTENANT) == 0
        assert photographier(url) == photo
        avant = f"{NOM_BASE}_avant_20261106t131200"
        assert photographier(grappe.url(avant, pg.PROPRIETAIRE)) == plus
        assert len(list(embarque.donnees.glob("cle-journal*.pub"))) == 1
        demain = MAINTENANT + timedelta(days=1)
        assert restaurer(embarque, copie, remplacer=True, garder=False, maintenant=demain) == 0
        assert not pg.base_existe(grappe, avant)
        assert not pg.base_existe(grappe, f"{NOM_BASE}_avant_20261107t131200")
        assert photographier(url) == photo


def test_une_grappe_neuve_recoit_la_sauvegarde_sans_rien_demander(embarque: Config, copie: Path) -> None:
    with grappe_ouverte(embarque) as grappe:
        photo = photographier(grappe.url(NOM_BASE, pg.PROPRIETAIRE))
        for preparer in (lambda: None, lambda: pg.creer_base(grappe, NOM_BASE)):
            pg.supprimer_base(grappe, NOM_BASE)
            preparer()
            assert restaurer(embarque, copie, remplacer=False, maintenant=MAINTENANT) == 0
            assert photographier(grappe.url(NOM_BASE, pg.PROPRIETAIRE)) == photo
            assert not pg.base_existe(grappe, f"{NOM_BASE}_avant_20261106t131200")
