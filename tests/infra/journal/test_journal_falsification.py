"""Qui tient la base et désarme les gardes se trahit : chaque falsification est trouvée, ou dite non couverte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.commandes.journal import rapport_de_base
from app.infra.journal.chaine import Entree
from app.infra.journal.verification import Ancre
from app.noyau.erreurs import ErreurMetier
from tests.infra.journal.aide_journal import ancre_de, entrees_de, fautes, relire, remplir, superutilisateur

Fabrique = sessionmaker[Session]
NOMBRE = 8


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[Fabrique]:
    with fabrique_de(base_propre) as fabrique:
        remplir(fabrique, NOMBRE)
        remplir(fabrique, 2, None)
        yield fabrique


def ancres(fabrique: Fabrique, *rangs: int) -> list[Ancre]:
    return [ancre_de(entree) for entree in entrees_de(fabrique) if entree.chaine == 1 and entree.rang in rangs]


FALSIFICATIONS = {
    "un acte": ("UPDATE journal_entree SET acte = 'dossier.retire' WHERE chaine = 1 AND rang = 3", ("modifiee", 3)),
    "un acteur": ("UPDATE journal_entree SET acteur = 'c-autre' WHERE chaine = 1 AND rang = 1", ("modifiee", 1)),
    "un instant": (
        "UPDATE journal_entree SET instant = instant - interval '1 microsecond' WHERE chaine = 1 AND rang = 8",
        ("modifiee", 8),
    ),
    "une empreinte": (
        "UPDATE journal_entree SET empreinte_apres = sha256('x') WHERE chaine = 1 AND rang = 5",
        ("modifiee", 5),
    ),
    "deux rangs echanges": (
        "UPDATE journal_entree SET rang = rang + 100 WHERE chaine = 1 AND rang IN (3, 6);"
        "UPDATE journal_entree SET rang = 109 - rang WHERE chaine = 1 AND rang > 100",
        ("deplacee", 3),
    ),
    "une entree passee dans une autre chaine": (
        "UPDATE journal_entree SET chaine = 0, rang = 3 WHERE chaine = 1 AND rang = 8",
        ("modifiee", 3),
    ),
    "un retrait au milieu": (
        "DELETE FROM journal_contenu WHERE chaine = 1 AND rang = 4;"
        "DELETE FROM journal_entree WHERE chaine = 1 AND rang = 4",
        ("retiree", 4),
    ),
    "le retrait de la premiere": (
        "DELETE FROM journal_contenu WHERE chaine = 1 AND rang = 1;"
        "DELETE FROM journal_entree WHERE chaine = 1 AND rang = 1",
        ("retiree", 1),
    ),
    "un retrait au milieu, la suite renumerotee": (
        "DELETE FROM journal_contenu WHERE chaine = 1 AND rang >= 4;"
        "DELETE FROM journal_entree WHERE chaine = 1 AND rang = 4;"
        "UPDATE journal_entree SET rang = rang + 100 WHERE chaine = 1 AND rang > 4;"
        "UPDATE journal_entree SET rang = rang - 101 WHERE chaine = 1 AND rang > 100",
        ("deplacee", 4),
    ),
    "une insertion": (
        "UPDATE journal_entree SET rang = rang + 100 WHERE chaine = 1 AND rang >= 4;"
        "UPDATE journal_entree SET rang = rang - 99 WHERE chaine = 1 AND rang > 100;"
        "INSERT INTO journal_entree SELECT 1, 4, instant, acte, objet, acteur, empreinte_avant, empreinte_apres,"
        " precedente, sha256('y') FROM journal_entree WHERE chaine = 1 AND rang = 3",
        ("modifiee", 4),
    ),
    "un contenu": (
        'UPDATE journal_contenu SET apres = \'{"etat": "retire"}\' WHERE chaine = 1 AND rang = 2',
        ("contenu", 2),
    ),
    "un sel": ("UPDATE journal_contenu SET sel = 'autre' WHERE chaine = 1 AND rang = 2", ("contenu", 2)),
    "deux contenus echanges": (
        "UPDATE journal_contenu SET rang = -rang WHERE chaine = 1 AND rang IN (2, 3);"
        "UPDATE journal_contenu SET rang = 5 + rang WHERE chaine = 1 AND rang < 0",
        ("contenu", 3),
    ),
    "la queue, contenus oublies": ("DELETE FROM journal_entree WHERE chaine = 1 AND rang > 6", ("retiree", 7)),
}


@pytest.mark.parametrize("quoi", FALSIFICATIONS)
def test_une_falsification_est_trouvee_sans_aucune_ancre(base_propre: Base, fabrique: Fabrique, quoi: str) -> None:
    assert relire(fabrique).est_sain
    ordres, attendue = FALSIFICATIONS[quoi]
    with superutilisateur(base_propre) as connexion:
        for ordre in ordres.split(";"):
            assert connexion.execute(ordre).rowcount > 0
    assert attendue in fautes(relire(fabrique))


def _couper_la_queue(connexion: psycopg.Connection) -> None:
    connexion.execute("DELETE FROM journal_contenu WHERE chaine = 1 AND rang > 5")
    connexion.execute("DELETE FROM journal_entree WHERE chaine = 1 AND rang > 5")


def test_la_queue_retiree_est_trouvee_sous_une_ancre(base_propre: Base, fabrique: Fabrique) -> None:
    gardees = ancres(fabrique, 7)
    with superutilisateur(base_propre) as connexion:
        _couper_la_queue(connexion)
    rapport = relire(fabrique, gardees)
    assert [a.phrase for a in rapport.anomalies] == [
        "Les entrées 6 à 7 manquent à la fin : l’ancre « jour:2026-11-06 » garde l’entrée 7."
    ]


def test_la_queue_retiree_sans_ancre_ne_se_voit_pas_et_c_est_dit_d_avance(
    base_propre: Base, fabrique: Fabrique
) -> None:
    gardees = ancres(fabrique, 3)
    couverte = next(etat for etat in relire(fabrique, gardees).chaines if etat.chaine == 1).couverture
    assert (couverte.non_couvertes, couverte.depuis) == (5, entrees_de(fabrique)[5].instant)
    with superutilisateur(base_propre) as connexion:
        _couper_la_queue(connexion)
    rapport = relire(fabrique, gardees)
    assert rapport.est_sain
    assert next(etat for etat in rapport.chaines if etat.chaine == 1).couverture.non_couvertes == 2


def _recalculer(connexion: psycopg.Connection, entrees: list[Entree], rang: int) -> None:
    """Réécrit l'acteur d'une entrée et toute la suite de sa chaîne, proprement : sans clé, rien n'y manque."""
    precedente = entrees[rang - 1].precedente
    for entree in entrees[rang - 1 :]:
        neuve = replace(entree, precedente=precedente, acteur="c-faux" if entree.rang == rang else entree.acteur)
        precedente = neuve.empreinte_au_rang(neuve.rang)
        connexion.execute(
            "UPDATE journal_entree SET acteur = %s, precedente = %s, empreinte = %s WHERE chaine = 1 AND rang = %s",
            [neuve.acteur, neuve.precedente, precedente, neuve.rang],
        )


def test_la_chaine_recalculee_est_trouvee_par_une_ancre_et_par_elle_seule(
    base_propre: Base, fabrique: Fabrique
) -> None:
    gardees = ancres(fabrique, 2, 6)
    entrees = [entree for entree in entrees_de(fabrique) if entree.chaine == 1]
    with superutilisateur(base_propre) as connexion:
        _recalculer(connexion, entrees, 4)
    assert relire(fabrique).est_sain
    assert fautes(relire(fabrique, gardees)) == {("reecrite", 6)}


def test_recalculer_la_chaine_et_les_ancres_de_la_base_ne_trompe_pas_une_ancre_gardee_ailleurs(
    base_propre: Base, fabrique: Fabrique
) -> None:
    dehors = ancres(fabrique, NOMBRE)
    entrees = [entree for entree in entrees_de(fabrique) if entree.chaine == 1]
    with fabrique.begin() as session:
        champs = {"e": entrees[-1].empreinte, "a": entrees[-1].instant}
        session.execute(text("INSERT INTO journal_ancre VALUES (1, 8, 'jour:2026-11-06', :e, :a)"), champs)
    with superutilisateur(base_propre) as connexion:
        _recalculer(connexion, entrees, 1)
    assert fautes(relire(fabrique)) == {("reecrite", 8)}
    with superutilisateur(base_propre) as connexion:
        connexion.execute(
            "UPDATE journal_ancre a SET empreinte = e.empreinte FROM journal_entree e WHERE e.chaine = 1 AND e.rang = 8"
        )
    assert relire(fabrique).est_sain
    assert fautes(relire(fabrique, dehors)) == {("reecrite", 8)}


def test_une_chaine_videe_entierement_est_trouvee_sous_une_ancre(base_propre: Base, fabrique: Fabrique) -> None:
    gardees = ancres(fabrique, 2)
    with superutilisateur(base_propre) as connexion:
        connexion.execute("DELETE FROM journal_contenu WHERE chaine = 1")
        connexion.execute("DELETE FROM journal_entree WHERE chaine = 1")
    assert relire(fabrique).est_sain
    assert fautes(relire(fabrique, gardees)) == {("retiree", 1)}


def test_un_instant_hors_du_calendrier_se_dit_en_clair(base_propre: Base, fabrique: Fabrique) -> None:
    with superutilisateur(base_propre) as connexion:
        connexion.execute("UPDATE journal_entree SET instant = 'infinity' WHERE chaine = 1 AND rang = 2")
    with pytest.raises(ErreurMetier, match="ANOMALIE"):
        rapport_de_base(fabrique, [], [])
