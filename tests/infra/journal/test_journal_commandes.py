"""`journal verifier | exporter | ancrer` : en base, hors ligne, codes de sortie, fichiers abîmés."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.__main__ import principal
from app.commandes.base import Base, fabrique_de
from app.infra import postgres_embarque as pg
from tests.infra.journal.aide_journal import entrees_de, remplir, superutilisateur

Fabrique = sessionmaker[Session]
Lancer = Callable[..., tuple[int, str]]


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[Fabrique]:
    with fabrique_de(base_propre) as fabrique:
        remplir(fabrique, 4)
        remplir(fabrique, 2, None)
        yield fabrique


@pytest.fixture
def donnees(tmp_path: Path) -> Path:
    return tmp_path / "donnees"


@pytest.fixture
def lancer(
    base_propre: Base, donnees: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Lancer:
    """Lance une commande sur la base jetable ; rend son code et tout ce qu'elle a dit."""
    monkeypatch.setenv("DATABASE_URL", base_propre.url)
    monkeypatch.setenv("DATABASE_URL_PROPRIETAIRE", base_propre.url_proprietaire)
    monkeypatch.setenv("IQ_DONNEES", str(donnees))

    def appeler(*arguments: object) -> tuple[int, str]:
        code = principal([str(argument) for argument in arguments])
        dit = capsys.readouterr()
        return code, dit.out + dit.err

    return appeler


@pytest.fixture
def export(lancer: Lancer, fabrique: Fabrique, tmp_path: Path) -> Path:
    """Le journal exporté, une ancre signée comprise (entrée 4), deux actes non ancrés après elle."""
    assert lancer("journal", "ancrer")[0] == 0
    remplir(fabrique, 2)
    with fabrique.begin() as session:
        session.execute(text("DELETE FROM journal_contenu WHERE chaine = 1 AND rang = 2"))
    fichier = tmp_path / "journal.jsonl"
    assert lancer("journal", "exporter", fichier) == (0, f"8 entrées écrites dans {fichier}.\n")
    return fichier


def test_un_journal_sain_rend_zero_et_dit_ce_qu_aucune_ancre_ne_couvre(lancer: Lancer, fabrique: Fabrique) -> None:
    code, dit = lancer("journal", "verifier")
    assert code == 0
    assert "Chaîne 0 (instance) : 2 entrées." in dit
    assert dit.count("Aucune de ses entrées") == 2
    assert "Aucune ancre gardée hors de la base n’a été donnée" in dit


def test_un_journal_ancre_puis_allonge_dit_sa_queue(lancer: Lancer, fabrique: Fabrique) -> None:
    code, dit = lancer("journal", "ancrer")
    assert code == 0
    assert "Têtes du journal signées" in dit
    remplir(fabrique, 3)
    code, dit = lancer("journal", "verifier")
    assert code == 0
    assert "Les 3 dernières entrées, depuis le vendredi 6 novembre 2026 à 14 h 13, ne sont couvertes par aucune" in dit


def test_un_journal_falsifie_rend_un_et_nomme_l_entree(lancer: Lancer, fabrique: Fabrique, base_propre: Base) -> None:
    with superutilisateur(base_propre) as connexion:
        connexion.execute("UPDATE journal_entree SET acteur = 'c-x' WHERE chaine = 1 AND rang = 2")
    code, dit = lancer("journal", "verifier")
    assert code == 1
    assert "ANOMALIE. Chaîne 1 : L’entrée 2 a été modifiée." in dit


def test_les_ancres_signees_du_dossier_de_donnees_servent_sans_qu_on_les_demande(
    lancer: Lancer, fabrique: Fabrique, base_propre: Base
) -> None:
    lancer("journal", "ancrer")
    with superutilisateur(base_propre) as connexion:
        connexion.execute("DELETE FROM journal_ancre WHERE chaine = 1")
        connexion.execute("DELETE FROM journal_contenu WHERE chaine = 1 AND rang > 2")
        connexion.execute("DELETE FROM journal_entree WHERE chaine = 1 AND rang > 2")
    code, dit = lancer("journal", "verifier")
    assert code == 1
    assert "Les entrées 3 à 4 manquent à la fin : l’ancre « jour:" in dit


def test_une_ancre_recopiee_d_un_pdf_se_verifie(lancer: Lancer, fabrique: Fabrique) -> None:
    empreinte = next(e.empreinte.hex() for e in entrees_de(fabrique) if (e.chaine, e.rang) == (1, 4))
    assert lancer("journal", "verifier", "--lue", f"1:4:{empreinte}")[0] == 0
    assert lancer("journal", "verifier", "--lue", f"1:4:{empreinte[:16]}")[0] == 0
    assert lancer("journal", "verifier", "--lue", f"1:5:{empreinte}")[0] == 1
    assert lancer("journal", "verifier", "--lue", f"1:3:{empreinte}")[0] == 1


@pytest.mark.parametrize("lue", ["1:4", "a:4:" + "ab" * 8, "1:4:" + "ab" * 7, "1:0:" + "ab" * 8, "1:4:zz"])
def test_une_ancre_mal_recopiee_est_une_erreur_d_usage(lancer: Lancer, lue: str) -> None:
    with pytest.raises(SystemExit) as sortie:
        lancer("journal", "verifier", "--lue", lue)
    assert sortie.value.code == 2


def test_un_export_se_relit_sans_base_avec_ancres_et_cle(
    lancer: Lancer, export: Path, donnees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://personne@/rien?host=/nulle-part")
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    cle = donnees / "cle-journal.pub"
    code, dit = lancer("journal", "verifier", "--depuis", export, "--ancres", donnees / "ancres", "--cle", cle)
    assert code == 0, dit
    assert "Chaîne 1 : 6 entrées, dont 1 au contenu effacé." in dit
    assert "Les 2 dernières entrées" in dit
    assert "hors de la base" in lancer("journal", "verifier", "--depuis", export)[1]


def test_un_export_porte_une_entree_par_ligne_et_sa_fin(export: Path) -> None:
    lignes = [json.loads(ligne) for ligne in export.read_text(encoding="utf-8").splitlines()]
    assert [ligne["type"] for ligne in lignes] == ["ancre"] * 2 + ["entree"] * 8 + ["fin"]
    assert [ligne["rang"] for ligne in lignes if "contenu" in ligne] == [1, 2, 1, 3, 4, 5, 6]


def test_un_export_n_en_remplace_pas_un_autre(lancer: Lancer, export: Path) -> None:
    avant = export.read_bytes()
    code, dit = lancer("journal", "exporter", export)
    assert (code, "existe déjà" in dit) == (1, True)
    assert export.read_bytes() == avant


def test_un_export_qui_ne_s_ecrit_pas_se_dit_en_clair(lancer: Lancer, export: Path) -> None:
    code, dit = lancer("journal", "exporter", export / "dedans.jsonl")
    assert (code, "ne s’écrit pas" in dit) == (1, True)


def test_un_export_sans_contenus_garde_la_chaine_verifiable(lancer: Lancer, fabrique: Fabrique, tmp_path: Path) -> None:
    fichier = tmp_path / "chaine.jsonl"
    assert lancer("journal", "exporter", fichier, "--sans-contenus")[0] == 0
    assert "depose" not in fichier.read_text().replace("dossier.depose", "")
    code, dit = lancer("journal", "verifier", "--depuis", fichier)
    assert code == 0
    assert "dont 4 au contenu effacé" in dit


def test_un_contenu_orphelin_se_voit_aussi_dans_l_export(
    lancer: Lancer, fabrique: Fabrique, base_propre: Base, tmp_path: Path
) -> None:
    with superutilisateur(base_propre) as connexion:
        connexion.execute("DELETE FROM journal_entree WHERE chaine = 1 AND rang = 4")
        connexion.execute("DELETE FROM journal_entree WHERE chaine = 0 AND rang = 2")
    fichier = tmp_path / "journal.jsonl"
    lancer("journal", "exporter", fichier)
    code, dit = lancer("journal", "verifier", "--depuis", fichier)
    assert code == 1
    assert "Chaîne 1 : Le contenu 4 est resté sans son entrée" in dit
    assert "Chaîne 0 (instance) : Le contenu 2 est resté sans son entrée" in dit
    assert "effacé" not in dit


Lignes = list[Any]


def _champ(numero: int, **champs: object) -> Callable[[Lignes], None]:
    return lambda lignes: lignes[numero].update(champs)


def _echanger(lignes: Lignes) -> None:
    lignes[5], lignes[7] = lignes[7], lignes[5]


# Lignes du fichier : 0 et 1 ancres, 2 et 3 chaîne 0, 4 à 9 chaîne 1 (rangs 1 à 6), 10 fin.
CHANGEMENTS: dict[str, Callable[[Lignes], object]] = {
    "acte": _champ(6, acte="dossier.retire"),
    "contenu": lambda lignes: lignes[6]["contenu"]["apres"].update(etat="retire"),
    "contenu illisible": _champ(6, contenu={"sel": 12}),
    "contenu que la base ne rend pas": lambda lignes: lignes[6]["contenu"].update(apres=1.5),
    "instant sans fuseau": _champ(6, instant="2026-11-06T13:12:00"),
    "surrogat": _champ(6, acteur="\ud800"),
    "rang": _champ(6, rang=True),
    "ligne retiree": lambda lignes: lignes.pop(6),
    "lignes echangees": _echanger,
    "ligne doublee": lambda lignes: lignes.insert(6, dict(lignes[6])),
    "fin coupee": lambda lignes: lignes.pop(),
    "queue coupee, fin gardee": lambda lignes: lignes.pop(9),
    "genre inconnu": _champ(4, type="autre"),
    "ancre illisible": _champ(0, empreinte=None),
    "pas un objet": lambda lignes: lignes.insert(5, [1]),
}


@pytest.mark.parametrize("quoi", CHANGEMENTS)
def test_un_export_change_est_trouve(lancer: Lancer, export: Path, quoi: str) -> None:
    lignes = [json.loads(ligne) for ligne in export.read_text(encoding="utf-8").splitlines()]
    assert lancer("journal", "verifier", "--depuis", export)[0] == 0
    CHANGEMENTS[quoi](lignes)
    export.write_text("".join(json.dumps(ligne) + "\n" for ligne in lignes), encoding="utf-8")
    code, dit = lancer("journal", "verifier", "--depuis", export)
    assert code == 1
    assert "ANOMALIE." in dit


def test_un_export_coupe_au_milieu_d_une_ligne_est_trouve(lancer: Lancer, export: Path) -> None:
    octets = export.read_bytes()
    export.write_bytes(octets[: len(octets) // 2])
    code, dit = lancer("journal", "verifier", "--depuis", export)
    assert code == 1
    assert "Le fichier est coupé" in dit


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (["--depuis", "/nulle-part"], "ne se lit pas"),
        (["--depuis", "/dev/null", "--ancres", "/nulle-part"], "n’existe pas"),
        (["--depuis", "/dev/null", "--ancres", "/"], "Donnez la clé publique"),
    ],
)
def test_un_fichier_manquant_se_dit_en_clair(lancer: Lancer, options: list[str], phrase: str) -> None:
    code, dit = lancer("journal", "verifier", *options)
    assert code == 1
    assert phrase in dit


def test_une_base_sans_journal_se_dit_en_clair(
    grappe: pg.Grappe, lancer: Lancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pg.creer_base(grappe, "essai_vide_journal")
    try:
        monkeypatch.setenv("DATABASE_URL", grappe.url("essai_vide_journal"))
        code, dit = lancer("journal", "verifier")
        assert code == 1
        assert "n’a pas de journal" in dit
    finally:
        pg.supprimer_base(grappe, "essai_vide_journal")
