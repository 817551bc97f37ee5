"""Donner et clore, au service : dates, doublons, retraits croisés, purge des liens."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier
from app.infra.mail import RemiseRefusee
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs import repository, service, tasks
from app.referentiels.acteurs.models import HabilitationCompte, LienAcces
from app.referentiels.acteurs.service import habilitations, liens
from tests.conftest import une_config
from tests.factories import MAINTENANT, UnContrat, un_compte, un_contrat, une_organisation


@pytest.fixture
def contrat(session: Session) -> UnContrat:
    return un_contrat(session)


def donner(session: Session, contrat: UnContrat, compte: object, **change: object) -> HabilitationCompte:
    valeurs: dict[str, object] = {
        "role": Role.INSTRUCTEUR, "portee": Portee.LIGNE, "cible": "M2A", "cibles": ["M2A"], "acteur": "c-x",
        "donnables": tuple(Role), "maintenant": MAINTENANT, "contrat_id": contrat.id,
    }  # fmt: skip
    return habilitations.donner(session, compte=compte, **(valeurs | change))  # type: ignore[arg-type]


def test_deux_periodes_qui_se_touchent_ne_se_doublent_pas(session: Session, contrat: UnContrat) -> None:
    compte = un_compte(session)
    donner(session, contrat, compte, fin=date(2026, 12, 31))
    donner(session, contrat, compte, debut=date(2027, 1, 1), fin=date(2027, 6, 30))
    with pytest.raises(SaisieInvalide, match="erreurs") as refus:
        donner(session, contrat, compte, debut=date(2027, 6, 30))
    assert refus.value.fautes[0].code == "deja_habilite"
    donner(session, contrat, compte, debut=date(2027, 7, 1))


def test_une_habilitation_a_venir_s_efface_quand_on_la_clot(session: Session, contrat: UnContrat) -> None:
    compte = un_compte(session)
    tenue = donner(session, contrat, compte, debut=date(2027, 1, 1))
    habilitations.clore(session, tenue, compte, acteur="c-x", donnables=tuple(Role), maintenant=MAINTENANT)
    assert repository.list_habilitations(session, compte.id, contrat.id) == []


def test_on_ne_clot_que_ce_qu_on_pourrait_donner(session: Session, contrat: UnContrat) -> None:
    compte = un_compte(session)
    tenue = donner(session, contrat, compte)
    with pytest.raises(ActeInterdit, match="retirer ce rôle"):
        habilitations.clore(session, tenue, compte, acteur="c-x", donnables=(), maintenant=MAINTENANT)
    assert tenue.fin is None


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[sessionmaker[Session]]:
    with fabrique_de(base_propre) as fabrique:
        yield fabrique


def test_deux_administrateurs_qui_se_retirent_l_un_l_autre_n_y_arrivent_pas_tous_deux(
    fabrique: sessionmaker[Session],
) -> None:
    with fabrique.begin() as session:
        organisation = une_organisation(session)
        comptes = [un_compte(session, Role.ADMINISTRATEUR_PORTEUR, organisation=organisation) for _ in range(2)]
    depart = Barrier(2)

    def retirer(qui: int) -> bool:
        maintenant = heure_machine()
        try:
            with fabrique.begin() as session:
                cible = comptes[1 - qui]
                tenue = next(
                    t for t, c in repository.list_membres(session, organisation.id, maintenant) if c.id == cible.id
                )
                depart.wait(timeout=10)
                habilitations.clore(
                    session, tenue, cible, acteur=comptes[qui].acteur, donnables=ROLES_PORTEUR, maintenant=maintenant
                )
        except habilitations.SansAdministrateur:
            return False
        return True

    with ThreadPoolExecutor(2) as fils:
        assert sorted(fils.map(retirer, (0, 1))) == [False, True]
    with fabrique() as session:
        assert len(repository.list_membres(session, organisation.id, heure_machine())) == 1


def test_un_courriel_refuse_se_voit_et_un_nouvel_essai_change_le_secret(
    fabrique: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    machine = heure_machine()
    with fabrique.begin() as session:
        liens.ouvrir_compte(
            session, courriel="a@exemple.fr", nom_affiche="A", acteur="c-x", machine=machine, maintenant=machine
        )
    atelier = Atelier(une_config(tmp_path), fabrique)  # type: ignore[arg-type]

    class Sourde:
        def remettre(self, message: object) -> None:
            assert message
            raise RemiseRefusee("Le serveur refuse le destinataire (550).")

    def lien() -> LienAcces:
        with fabrique() as session:
            return session.scalars(select(LienAcces)).one()

    with monkeypatch.context() as m:
        m.setattr(tasks.mail, "messagerie_de", lambda _config: Sourde())
        with pytest.raises(RemiseRefusee):
            tasks.envoyer_lien(atelier, maintenant=machine, lien_id=lien().id)
    premier = lien()
    assert (premier.envoye_at, "550" in (premier.derniere_erreur or "")) == (None, True)
    tasks.envoyer_lien(atelier, maintenant=machine, lien_id=premier.id)
    second = lien()
    assert second.empreinte != premier.empreinte
    assert (second.envoye_at is not None, second.derniere_erreur) == (True, None)
    tasks.envoyer_lien(atelier, maintenant=machine, lien_id=premier.id)
    assert lien().empreinte == second.empreinte, "un lien envoyé ne se renvoie pas tout seul"


def test_les_liens_finis_depuis_un_mois_s_effacent(fabrique: sessionmaker[Session]) -> None:
    machine = heure_machine()
    with fabrique.begin() as session:
        for rang in range(2):
            liens.ouvrir_compte(
                session, courriel=f"p{rang}@exemple.fr", nom_affiche="P", acteur="c-x", machine=machine,
                maintenant=machine,
            )  # fmt: skip
        session.execute(
            text("UPDATE lien_acces SET cree_at = :a, expire_at = :b WHERE courriel = 'p0@exemple.fr'"),
            {"a": machine - timedelta(days=40), "b": machine - timedelta(days=31)},
        )
    with fabrique.begin() as session:
        service.purger_sessions(session, machine)
    with fabrique() as session:
        assert session.scalars(select(LienAcces.courriel)).all() == ["p1@exemple.fr"]
