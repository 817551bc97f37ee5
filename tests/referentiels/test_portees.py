"""Ce que voit une habilitation : une commune entière, un accès ouvert ou fermé jusqu'à un instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import AccesDossier, Dossier
from app.etapes.dossier.repository import visibles
from app.infra.identite import Habilitation, Identite
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.models import Compte, HabilitationCompte
from app.referentiels.instances.models import Instance, MembreInstance
from tests.factories import (
    DEBUT_HABILITATION,
    MAINTENANT,
    UnContrat,
    identite,
    un_appel,
    un_compte,
    un_contrat,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)

DEMAIN = MAINTENANT + timedelta(days=1)


@dataclass
class Scene:
    """Un dossier aux Coteaux (Mulhouse), un autre au Markstein (Wittenheim)."""

    session: Session
    contrat: UnContrat
    coteaux: Dossier
    markstein: Dossier

    def vus(self, acteur: Identite) -> set[str | None]:
        """Les numéros en vue."""
        return set(self.session.scalars(select(Dossier.numero).where(visibles(acteur))))

    def acces(self, sens: str, jusqu_a: datetime | None, **cle: int) -> None:
        """Un accès au dossier des Coteaux."""
        self.session.add(
            AccesDossier(
                contrat_id=self.contrat.id, dossier_id=self.coteaux.id, sens=sens, motif="essai", depuis=MAINTENANT,
                jusqu_a=jusqu_a, **cle,
            )
        )  # fmt: skip
        self.session.flush()


@pytest.fixture
def scene(session: Session) -> Scene:
    contrat = un_contrat(session)
    appel, organisation = un_appel(session, contrat), une_organisation(session)
    porteur = un_porteur(session, organisation)
    coteaux = un_dossier_complet(session, appel, organisation, porteur)
    markstein = un_dossier_complet(
        session, appel, organisation, porteur, fiches=["MARKSTEIN"], quartiers_beneficiaires=["QN06808M"],
        communes=["68376"],
    )  # fmt: skip
    return Scene(session, contrat, coteaux, markstein)


def un_delegue(scene: Scene, commune: str, contrat: UnContrat | None = None) -> Compte:
    compte = un_compte(scene.session)
    scene.session.add(
        HabilitationCompte(
            compte_id=compte.id, contrat_id=(contrat or scene.contrat).id, organisation_id=None,
            role=Role.DELEGUE_PREFET, portee=Portee.COMMUNE, cible=commune, debut=DEBUT_HABILITATION, fin=None,
        )
    )  # fmt: skip
    scene.session.flush()
    return compte


def test_une_commune_donne_a_lire_les_dossiers_de_ses_quartiers(scene: Scene) -> None:
    assert scene.vus(identite(scene.session, un_delegue(scene, "68224"))) == {scene.coteaux.numero}
    assert scene.vus(identite(scene.session, un_delegue(scene, "68376"))) == {scene.markstein.numero}
    assert scene.vus(identite(scene.session, un_delegue(scene, "68154"))) == set()


def test_la_meme_commune_d_un_autre_contrat_ne_donne_rien(scene: Scene) -> None:
    ailleurs = un_contrat(scene.session, code="autre-2024-2030", prefixe="AUT")
    assert scene.vus(identite(scene.session, un_delegue(scene, "68224", ailleurs))) == set()


@pytest.mark.parametrize(
    ("jusqu_a", "quand", "vu"),
    [(None, MAINTENANT, False), (DEMAIN, MAINTENANT, False), (DEMAIN, DEMAIN, True), (MAINTENANT, MAINTENANT, True)],
)
def test_un_acces_ferme_ferme_jusqu_a_son_terme(
    scene: Scene, jusqu_a: datetime | None, quand: datetime, vu: bool
) -> None:
    compte = un_compte(scene.session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A")
    scene.acces("ferme", jusqu_a, compte_id=compte.id)
    assert (scene.coteaux.numero in scene.vus(identite(scene.session, compte, quand))) is vu


@pytest.mark.parametrize(
    ("jusqu_a", "quand", "vu"),
    [(None, MAINTENANT, True), (DEMAIN, MAINTENANT, True), (DEMAIN, DEMAIN, False), (MAINTENANT, MAINTENANT, False)],
)
def test_un_acces_ouvert_expire_a_son_terme(scene: Scene, jusqu_a: datetime | None, quand: datetime, vu: bool) -> None:
    compte = un_compte(scene.session, Role.REFERENT_SERVICE, contrat=scene.contrat, service="DDETSPP")
    scene.acces("ouvre", jusqu_a, service_id=scene.contrat.services["DDETSPP"].id)
    assert (scene.coteaux.numero in scene.vus(identite(scene.session, compte, quand))) is vu


def test_sans_instant_dit_l_horloge_de_la_base_juge(scene: Scene) -> None:
    compte = un_compte(scene.session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A")
    lue = identite(scene.session, compte)
    sans_instant = Identite(lue.compte_id, lue.acteur, lue.nom, lue.courriel, lue.habilitations)
    scene.acces("ferme", MAINTENANT - timedelta(days=3650), compte_id=compte.id)
    assert scene.coteaux.numero in scene.vus(sans_instant)
    scene.acces("ferme", MAINTENANT + timedelta(days=3650), compte_id=compte.id)
    assert scene.coteaux.numero not in scene.vus(sans_instant)


def test_une_instance_ne_lit_que_ce_qui_lui_est_ouvert_sauf_celle_qui_vote(scene: Scene) -> None:
    """Architecture, décision 14 : la portée « instance »."""
    cles = {"pilotage": "", "frequence": "", "composition": "", "role": "", "source": "essai"}
    commission, comite = (
        Instance(contrat_id=scene.contrat.id, code=code, rang=rang, nom=code, **cles)
        for rang, code in ((90, "commission-qui-vote"), (91, "comite"))
    )
    scene.session.add_all([commission, comite])
    scene.session.flush()
    scene.session.add(
        MembreInstance(
            contrat_id=scene.contrat.id, instance_id=commission.id, rang=1, qualite="Présidence", a_voix=True,
            est_president=True, debut=DEBUT_HABILITATION.date(),
        )
    )  # fmt: skip
    lue = identite(scene.session, un_compte(scene.session))

    def membre(instance: str) -> Identite:
        tenue = Habilitation(Role.MEMBRE_COMMISSION, Portee.INSTANCE, scene.contrat.id, instance)
        return replace(lue, habilitations=(tenue,))

    assert scene.vus(membre("commission-qui-vote")) == {scene.coteaux.numero, scene.markstein.numero}
    assert scene.vus(membre("comite")) == set()
    scene.acces("ouvre", None, instance_id=comite.id)
    assert scene.vus(membre("comite")) == {scene.coteaux.numero}
