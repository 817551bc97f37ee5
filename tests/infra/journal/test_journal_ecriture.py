"""Le journal s'écrit en dernier, avec la transaction ou pas du tout ; personne ne le réécrit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.infra import postgres_embarque as pg
from app.infra.journal.ecriture import ESPACE_VERROU, consigner, en_attente, tete
from app.infra.journal.models import JournalContenu
from app.referentiels.acteurs.models import Compte
from tests.infra.journal.aide_journal import INSTANT, deposer, entrees_de, relire, remplir

Fabrique = sessionmaker[Session]


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[Fabrique]:
    with fabrique_de(base_propre) as fabrique:
        yield fabrique


def un_compte(nom: str) -> Compte:
    return Compte(acteur=nom, courriel=f"{nom}@exemple.fr", nom_affiche=nom, mot_de_passe="!", cree_at=INSTANT)


def rangs(fabrique: Fabrique) -> list[tuple[int, int, str]]:
    return [(e.chaine, e.rang, e.objet[-4:]) for e in entrees_de(fabrique)]


def moteur_de(fabrique: Fabrique) -> Engine:
    moteur: Any = fabrique.kw["bind"]
    return moteur  # type: ignore[no-any-return]


def verrous_du_journal(fabrique: Fabrique) -> list[int]:
    requete = text(
        "SELECT objid::int FROM pg_locks WHERE locktype = 'advisory' AND classid = :e AND granted ORDER BY 1"
    )
    with fabrique() as session:
        return list(session.scalars(requete, {"e": ESPACE_VERROU}))


def test_la_chaine_s_ecrit_en_dernier_apres_toute_ecriture_du_metier(fabrique: Fabrique) -> None:
    ordres: list[str] = []

    def noter(_c: Any, _k: Any, ordre: str, *_reste: Any) -> None:
        ordres.append(ordre)

    event.listen(moteur_de(fabrique), "before_cursor_execute", noter)
    with fabrique.begin() as session:
        deposer(session, 1)
        session.add(un_compte("c-tard"))
    debuts = [" ".join(ordre.split()[:3]) for ordre in ordres]
    place = debuts.index("INSERT INTO compte")
    assert debuts[place + 1] == "SET CONSTRAINTS ALL"
    assert "pg_advisory_xact_lock" in ordres[place + 2]
    assert debuts[place + 3].startswith("SELECT journal_entree")
    assert debuts[place + 4 :] == ["INSERT INTO journal_entree", "INSERT INTO journal_contenu"]


def test_le_verrou_du_journal_ne_se_prend_pas_avant_le_commit(fabrique: Fabrique) -> None:
    with fabrique() as lente, fabrique() as rapide:
        deposer(lente, 1)
        lente.add(un_compte("c-lente"))
        lente.flush()
        assert verrous_du_journal(fabrique) == []
        deposer(rapide, 2)
        rapide.commit()
        lente.commit()
    assert rangs(fabrique) == [(1, 1, "0002"), (1, 2, "0001")]


def test_plusieurs_chaines_se_verrouillent_dans_l_ordre_de_leur_numero(fabrique: Fabrique) -> None:
    prises: list[int] = []

    def noter(_c: Any, _k: Any, ordre: str, parametres: Any, *_reste: Any) -> None:
        if "pg_advisory_xact_lock" in ordre:
            prises.append(parametres["chaine"])

    event.listen(moteur_de(fabrique), "before_cursor_execute", noter)
    with fabrique.begin() as session:
        for numero, contrat in enumerate([9, None, 3, 9], start=1):
            deposer(session, numero, contrat)
    assert prises == [0, 3, 9]
    assert rangs(fabrique) == [(0, 1, "0002"), (3, 1, "0003"), (9, 1, "0001"), (9, 2, "0004")]
    assert relire(fabrique).est_sain


def test_des_transactions_concurrentes_s_enchainent_sans_trou(fabrique: Fabrique) -> None:
    depart, echecs = Barrier(6), []

    def agir(numero: int) -> None:
        try:
            depart.wait(10)
            for tour in range(8):
                with fabrique.begin() as session:
                    # L'ordre de consignation change d'un fil à l'autre : seul le tri évite l'interblocage.
                    for contrat in (1, 2) if numero % 2 else (2, 1):
                        deposer(session, numero * 100 + tour, contrat)
        except Exception as erreur:
            echecs.append(erreur)

    fils = [Thread(target=agir, args=(numero,)) for numero in range(6)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join()
    assert echecs == []
    assert [(c, r) for c, r, _ in rangs(fabrique)] == [(c, r) for c in (1, 2) for r in range(1, 49)]
    assert relire(fabrique).est_sain


def test_un_rollback_n_ecrit_rien_et_ne_laisse_rien_pour_la_suite(fabrique: Fabrique) -> None:
    with fabrique() as session:
        deposer(session, 1)
        session.rollback()
        assert en_attente(session) == ()
        deposer(session, 2)
        session.commit()
    assert rangs(fabrique) == [(1, 1, "0002")]


@pytest.mark.parametrize("avant_toute_requete", [True, False])
def test_une_session_fermee_puis_reprise_n_ecrit_pas_les_actes_d_avant(
    fabrique: Fabrique, avant_toute_requete: bool
) -> None:
    session = fabrique()
    if not avant_toute_requete:
        session.execute(text("SELECT 1"))
    deposer(session, 1)
    session.close()
    deposer(session, 2)
    session.commit()
    session.close()
    assert rangs(fabrique) == [(1, 1, "0002")]


def test_un_point_de_sauvegarde_annule_retire_ses_actes_et_eux_seuls(fabrique: Fabrique) -> None:
    with fabrique.begin() as session:
        deposer(session, 1)
        point = session.begin_nested()
        deposer(session, 2)
        point.rollback()
        with session.begin_nested():
            deposer(session, 3)
        deposer(session, 4)
    assert rangs(fabrique) == [(1, 1, "0001"), (1, 2, "0003"), (1, 3, "0004")]


def test_un_point_de_sauvegarde_n_ecrit_pas_la_chaine_quand_il_se_relache(fabrique: Fabrique) -> None:
    with fabrique() as session:
        with session.begin_nested():
            deposer(session, 1)
        assert len(en_attente(session)) == 1
        assert tete(session, 1).rang == 0
        session.rollback()
    assert rangs(fabrique) == []


def test_un_point_de_sauvegarde_annule_emporte_ceux_qu_il_contient(fabrique: Fabrique) -> None:
    with fabrique.begin() as session:
        deposer(session, 1)
        dehors = session.begin_nested()
        deposer(session, 2)
        with session.begin_nested():
            deposer(session, 3)
        session.begin_nested()
        deposer(session, 4)
        dehors.rollback()
        deposer(session, 5)
    assert rangs(fabrique) == [(1, 1, "0001"), (1, 2, "0005")]


def test_un_point_de_sauvegarde_ferme_sans_bruit_retire_aussi_ses_actes(fabrique: Fabrique) -> None:
    with fabrique.begin() as session:
        point = session.begin_nested()
        deposer(session, 1)
        point.close()
        deposer(session, 2)
    assert rangs(fabrique) == [(1, 1, "0002")]


def test_une_contrainte_refusee_dans_un_point_de_sauvegarde_retire_ses_actes(fabrique: Fabrique) -> None:
    with fabrique.begin() as session:
        session.add(un_compte("c-double"))
        session.flush()
        point = session.begin_nested()
        deposer(session, 1)
        session.add(un_compte("c-double"))
        with pytest.raises(IntegrityError):
            session.flush()
        point.rollback()
        deposer(session, 2)
    assert rangs(fabrique) == [(1, 1, "0002")]


def test_un_commit_qui_echoue_n_ecrit_rien_et_la_session_resert(fabrique: Fabrique) -> None:
    remplir(fabrique, 1)
    with fabrique() as session:
        deposer(session, 2)
        session.add(un_compte("c-double"))
        session.add(un_compte("c-double"))
        with pytest.raises(IntegrityError):
            session.commit()
        session.rollback()
        assert en_attente(session) == ()
        deposer(session, 3)
        session.commit()
    assert rangs(fabrique) == [(1, 1, "0001"), (1, 2, "0003")]


def test_un_journal_qui_ne_s_ecrit_pas_empeche_le_commit_et_le_suivant(fabrique: Fabrique) -> None:
    with fabrique() as bloquante, fabrique() as session:
        bloquante.execute(text("SELECT pg_advisory_xact_lock(:e, 1)"), {"e": ESPACE_VERROU})
        session.execute(text("SET LOCAL lock_timeout = '50ms'"))
        session.add(un_compte("c-perdu"))
        deposer(session, 1)
        for _ in range(2):  # sans annuler, insister ne valide pas l'acte sans son entrée
            with pytest.raises(DBAPIError):
                session.commit()
        session.rollback()
        assert session.scalar(select(Compte).where(Compte.acteur == "c-perdu")) is None
    assert rangs(fabrique) == []


def test_l_instant_revient_a_la_microseconde_et_l_empreinte_avec_lui(fabrique: Fabrique) -> None:
    instants = [
        datetime(2026, 3, 29, 1, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
    ]
    with fabrique.begin() as session:
        for instant in instants:
            consigner(session, contrat_id=1, acte="a.b", objet="o", acteur="c", maintenant=instant)
    assert [entree.instant for entree in entrees_de(fabrique)] == instants
    assert relire(fabrique).est_sain


def test_un_contenu_revient_de_la_base_avec_la_meme_empreinte(fabrique: Fabrique) -> None:
    contenu = {"é": ["\u2028", 'a\\b"c', "😀", 10**30, -1, True, None], "10": 1, "9": 2, "B": {}, "a": []}
    with fabrique.begin() as session:
        consigner(
            session, contrat_id=1, acte="a.b", objet="o", acteur="c", maintenant=INSTANT, avant=contenu, apres=None
        )
    assert relire(fabrique).est_sain
    with fabrique() as session:
        assert session.scalar(select(JournalContenu)).avant == contenu  # type: ignore[union-attr]


def test_changer_l_objet_consigne_apres_coup_ne_change_pas_ce_qui_s_ecrit(fabrique: Fabrique) -> None:
    apres = {"etat": "depose"}
    with fabrique.begin() as session:
        consigner(session, contrat_id=1, acte="a.b", objet="o", acteur="c", maintenant=INSTANT, apres=apres)
        apres["etat"] = "retire"
    with fabrique() as session:
        assert session.scalars(select(JournalContenu.apres)).all() == [{"etat": "depose"}]


@pytest.mark.parametrize(
    "champs",
    [
        {"maintenant": INSTANT.replace(tzinfo=None)},
        {"acte": ""},
        {"objet": "a\0b"},
        {"apres": {"montant": 1.5}},
        {"avant": INSTANT},
    ],
)
def test_un_acte_mal_forme_est_refuse_a_la_consignation(fabrique: Fabrique, champs: dict[str, Any]) -> None:
    bien: dict[str, Any] = {"acte": "a.b", "objet": "o", "acteur": "c", "maintenant": INSTANT}
    with fabrique() as session, pytest.raises((ValueError, TypeError)):
        consigner(session, contrat_id=1, **(bien | champs))


def test_sans_journal_branche_consigner_refuse_au_lieu_de_perdre_l_acte(
    fabrique: Fabrique, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.infra.journal.ecriture.event.contains", lambda *_: False)
    with fabrique() as session, pytest.raises(RuntimeError, match="installer"):
        deposer(session, 1)


REECRITURES = [
    "UPDATE journal_entree SET acteur = 'c-autre'",
    "UPDATE journal_entree SET rang = rang + 10",
    "DELETE FROM journal_entree",
    "TRUNCATE journal_entree, journal_contenu",
    "UPDATE journal_contenu SET apres = '1'",
    "TRUNCATE journal_contenu",
    "UPDATE journal_ancre SET rang = 9",
    "DELETE FROM journal_ancre",
    "TRUNCATE journal_ancre",
]


def _semer(fabrique: Fabrique) -> None:
    remplir(fabrique, 2)
    with fabrique.begin() as session:
        ligne = {"e": bytes(32), "a": INSTANT}
        session.execute(text("INSERT INTO journal_ancre VALUES (1, 1, 'jour:2026-11-06', :e, :a)"), ligne)


@pytest.mark.parametrize("ordre", REECRITURES)
def test_le_role_de_service_n_a_pas_le_droit_de_reecrire_le_journal(fabrique: Fabrique, ordre: str) -> None:
    _semer(fabrique)
    with fabrique() as session, pytest.raises(DBAPIError) as refus:
        session.execute(text(ordre))
    assert isinstance(refus.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("replique", [False, True])
@pytest.mark.parametrize("ordre", REECRITURES)
def test_le_declencheur_refuse_meme_au_proprietaire_et_au_superutilisateur(
    base_propre: Base, fabrique: Fabrique, ordre: str, replique: bool
) -> None:
    _semer(fabrique)
    assert base_propre.grappe is not None
    for role in ("postgres",) if replique else (pg.PROPRIETAIRE, "postgres"):
        with psycopg.connect(base_propre.grappe.conninfo(base_propre.nom, role)) as connexion:
            if replique:
                connexion.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="ne se réécrit pas"):
                connexion.execute(ordre)
    assert len(entrees_de(fabrique)) == 2


def test_le_service_efface_un_contenu_et_la_chaine_reste_saine(fabrique: Fabrique) -> None:
    remplir(fabrique, 3)
    with fabrique.begin() as session:
        session.execute(text("DELETE FROM journal_contenu WHERE rang = 2"))
    rapport = relire(fabrique)
    assert rapport.est_sain
    assert rapport.chaines[0].effaces == 1


def test_la_session_d_essai_chaine_aussi_ce_qu_elle_valide(session: Session) -> None:
    avant = tete(session, 77).rang
    deposer(session, 1, 77)
    session.commit()
    assert tete(session, 77).rang == avant + 1


def test_un_moteur_sans_reglages_relit_les_memes_instants(base_propre: Base, fabrique: Fabrique) -> None:
    remplir(fabrique, 1)
    autre = create_engine(base_propre.url, connect_args={"options": "-c timezone=GMT"})
    assert relire(sessionmaker(autre)).est_sain
    autre.dispose()
