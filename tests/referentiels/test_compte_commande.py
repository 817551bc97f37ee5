"""La commande `compte` : le premier administrateur d'une installation neuve, et ce qu'elle refuse."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.__main__ import principal
from app.commandes.base import Base, fabrique_de
from app.infra.heure import heure_machine
from app.noyau.roles import Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte
from app.referentiels.instances.models import MembreInstance
from tests.factories import un_compte, un_contrat, une_organisation
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes, des_sieges

QUI = "premier@exemple.fr"
CONTRAT = ("--contrat", "essai-2024-2030")
Commande = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[sessionmaker[Session]]:
    with fabrique_de(base_propre) as fabrique:
        with fabrique.begin() as session:
            des_sieges(session, un_contrat(session))
            une_organisation(session)
        yield fabrique


@pytest.fixture
def lancer(
    fabrique: sessionmaker[Session], base_propre: Base, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commande:  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", base_propre.url)
    monkeypatch.setenv("DATABASE_URL_PROPRIETAIRE", base_propre.url_proprietaire)
    monkeypatch.setenv("IQ_MODE", "essai")

    def lancer(*arguments: str, entree: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(entree))
        code = principal(["compte", *arguments])
        dit = capsys.readouterr()
        return code, dit.out, dit.err

    return lancer


def roles(fabrique: sessionmaker[Session]) -> list[tuple[str, str]]:
    with fabrique() as session:
        compte = repository.get_compte_par_courriel(session, QUI)
        identite = repository.identite_de_compte(session, compte.id, heure_machine()) if compte else None
        return [(h.role.value, h.cible) for h in identite.habilitations] if identite else []


def mot_de_passe_vaut(fabrique: sessionmaker[Session], mot_de_passe: str) -> bool:
    with fabrique() as session:
        compte = session.scalars(select(Compte).where(Compte.courriel == QUI)).one()
        return service._hacheur().verify(mot_de_passe, compte.mot_de_passe)


def test_une_installation_neuve_recoit_son_premier_administrateur(
    lancer: Commande, fabrique: sessionmaker[Session]
) -> None:
    code, dit, _ = lancer("creer", QUI, "--nom", "Premier (fictif)")
    assert code == 0
    assert mot_de_passe_vaut(fabrique, dit.strip().rsplit(" ", 1)[1])
    assert lancer("habiliter", QUI, "administrateur", *CONTRAT)[0] == 0
    assert lancer("habiliter", QUI, "instructeur", *CONTRAT, "--ligne", "M2A", "--fin", "2099-12-31")[0] == 0
    assert roles(fabrique) == [("administrateur", ""), ("instructeur", "M2A")]
    _, dit, _ = lancer("lister", *CONTRAT)
    assert f"{QUI}\tinstructeur\tligne:M2A\t" in dit
    assert "2100-01-01 00:00" in dit, "le dernier jour compte"
    assert "siège\tcommission\tPrésidence\tlibre" in dit
    with fabrique() as session:
        assert {"compte.cree", "habilitation.donnee"} <= set(actes(session))


def test_le_mot_de_passe_se_lit_sur_l_entree_et_ne_se_redit_pas(
    lancer: Commande, fabrique: sessionmaker[Session]
) -> None:
    code, dit, _ = lancer("creer", QUI, "--nom", "Premier", "--lire-mot-de-passe", entree=f"{MOT_DE_PASSE}\n")
    assert (code, MOT_DE_PASSE in dit) == (0, False)
    assert mot_de_passe_vaut(fabrique, MOT_DE_PASSE)


def test_une_organisation_sans_administrateur_en_retrouve_un(lancer: Commande, fabrique: sessionmaker[Session]) -> None:
    lancer("creer", QUI, "--nom", "Premier")
    with fabrique() as session:
        siret = repository.list_organisations(session, [1])[0].siret
    assert lancer("habiliter", QUI, "administrateur_porteur", "--organisation", siret)[0] == 0
    assert roles(fabrique) == [("administrateur_porteur", "")]


def test_retirer_clot_mais_laisse_toujours_un_administrateur(lancer: Commande, fabrique: sessionmaker[Session]) -> None:
    lancer("creer", QUI, "--nom", "Premier")
    lancer("habiliter", QUI, "administrateur", *CONTRAT)
    code, _, erreur = lancer("retirer", QUI, "administrateur", *CONTRAT)
    assert (code, "toujours un administrateur" in erreur) == (1, True)
    lancer("habiliter", QUI, "instructeur", *CONTRAT, "--ligne", "M2A")
    assert lancer("retirer", QUI, "instructeur", *CONTRAT, "--ligne", "M2A")[0] == 0
    assert roles(fabrique) == [("administrateur", "")]
    code, _, erreur = lancer("retirer", QUI, "instructeur", *CONTRAT, "--ligne", "M2A")
    assert (code, "ne tient pas ce rôle" in erreur) == (1, True)


def test_un_siege_s_attribue_et_se_libere(lancer: Commande, fabrique: sessionmaker[Session]) -> None:
    lancer("creer", QUI, "--nom", "Premier")
    ou = (*CONTRAT, "--instance", "commission", "--siege", "Présidence")
    code, _, erreur = lancer("asseoir", QUI, *ou)
    assert (code, "aucun rôle" in erreur) == (1, True)
    lancer("habiliter", QUI, "president_commission", *CONTRAT)
    assert lancer("asseoir", QUI, *ou)[0] == 0
    with fabrique() as session:
        assert session.scalar(select(MembreInstance.compte_id).where(MembreInstance.est_president)) is not None
    assert "siège libéré" in lancer("asseoir", *ou)[1]
    with fabrique() as session:
        assert session.scalar(select(MembreInstance.compte_id).where(MembreInstance.est_president)) is None
    assert lancer("asseoir", QUI, *CONTRAT, "--instance", "commission", "--siege", "Roi")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("creer", "sans-arobase", "--nom", "X"), "nom@exemple.fr"),
        (("creer", "deja@exemple.fr", "--nom", "X", "--lire-mot-de-passe"), "au moins 12 caractères"),
        (("habiliter", QUI, "instructeur", *CONTRAT), "Aucun compte"),
        (("habiliter", "deja@exemple.fr", "instructeur", *CONTRAT), "une ligne de financement"),
        (("habiliter", "deja@exemple.fr", "instructeur", *CONTRAT, "--ligne", "AILLEURS"), "réponse de la liste"),
        (("habiliter", "deja@exemple.fr", "charge_mission", "--contrat", "ailleurs"), "n’existe pas"),
        (("habiliter", "deja@exemple.fr", "redacteur", "--organisation", "123"), "Aucune organisation"),
        (("lister", "--contrat", "ailleurs"), "n’existe pas"),
    ],
)
def test_un_refus_sort_un_et_dit_pourquoi(
    lancer: Commande, fabrique: sessionmaker[Session], arguments: tuple[str, ...], phrase: str
) -> None:
    with fabrique.begin() as session:
        un_compte(session).courriel = "deja@exemple.fr"
    code, dit, erreur = lancer(*arguments)
    assert (code, dit) == (1, "")
    assert phrase in erreur


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("habiliter", QUI, "roi", *CONTRAT),
        ("habiliter", QUI, Role.INSTRUCTEUR.value),
        ("habiliter", QUI, "instructeur", *CONTRAT, "--ligne", "M2A", "--commune", "68224"),
        ("habiliter", QUI, "instructeur", *CONTRAT, "--fin", "demain"),
        ("creer", QUI),
    ],
)
def test_un_usage_faux_sort_deux(lancer: Commande, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as sortie:
        lancer(*arguments)
    assert sortie.value.code == 2
