"""La rencontre : préparée par la sous-préfecture, lue et nourrie par les services convoqués."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.consultation import repository, service, tasks
from app.etapes.consultation.models import Avis, Rencontre
from app.etapes.consultation.rules import Degre, EtatRencontre
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.infra.mail import Courriel
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from tests.etapes.consultation.aide_service import un_service
from tests.factories import (
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


@dataclass(frozen=True)
class Scene:
    contrat: UnContrat
    appel: Appel
    dossier: Dossier
    sous_prefecture: Identite
    referent: Identite


@pytest.fixture
def scene(session: Session) -> Scene:
    contrat = un_contrat(session)
    appel = un_appel(session, contrat)
    organisation = une_organisation(session)
    dossier = un_dossier_complet(session, appel, organisation, un_porteur(session, organisation))
    sous_prefecture = identite(session, un_compte(session, Role.SOUS_PREFECTURE, contrat=contrat))
    referent = identite(session, un_compte(session, Role.REFERENT_SERVICE, contrat=contrat, service="DDETSPP"))
    return Scene(contrat, appel, dossier, sous_prefecture, referent)


def preparer(session: Session, scene: Scene, **change: object) -> Rencontre:
    valeurs: dict[str, object] = {
        "intitule": "Insertion et emploi", "prevue_le": DEMAIN, "lieu": "Sous-préfecture", "autorite": "",
        "numeros": [scene.dossier.numero], "services": ["DDETSPP"], "acteur": scene.sous_prefecture,
    }  # fmt: skip
    return service.preparer_rencontre(session, appel=scene.appel, maintenant=MAINTENANT, **(valeurs | change))  # type: ignore[arg-type]


def test_un_service_ne_lit_un_dossier_qu_une_fois_convoque(session: Session, scene: Scene) -> None:
    numero = str(scene.dossier.numero)
    with pytest.raises(Introuvable):
        dossiers.get_dossier(session, numero, scene.referent)
    rencontre = preparer(session, scene)
    assert dossiers.get_dossier(session, numero, scene.referent).id == scene.dossier.id
    assert [r.code for r in repository.list_rencontres(session, scene.referent)] == [rencontre.code]
    assert "rencontre.preparee" in {a.acte for a in en_attente(session)}


def test_un_service_non_convoque_ne_voit_rien(session: Session, scene: Scene) -> None:
    rencontre = preparer(session, scene)
    un_service(session, scene.contrat, "ARS")
    autre = identite(session, un_compte(session, Role.REFERENT_SERVICE, contrat=scene.contrat, service="ARS"))
    assert repository.list_rencontres(session, autre) == []
    for lire in (
        lambda: repository.get_rencontre(session, rencontre.code, autre),
        lambda: dossiers.get_dossier(session, str(scene.dossier.numero), autre),
    ):
        with pytest.raises(Introuvable):
            lire()
    seconde = preparer(session, scene, services=["ARS"])
    assert [r.code for r in repository.list_rencontres(session, autre)] == [seconde.code], "c'est bien la convocation"
    assert repository.get_rencontre(session, seconde.code, autre).id == seconde.id


def test_seule_la_sous_prefecture_convoque(session: Session, scene: Scene) -> None:
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=scene.contrat))
    with pytest.raises(ActeInterdit):
        preparer(session, scene, acteur=charge)


@pytest.mark.parametrize(
    ("change", "champ"),
    [
        ({"intitule": " "}, "intitule"),
        ({"lieu": ""}, "lieu"),
        ({"prevue_le": MAINTENANT}, "prevue_le"),
        ({"numeros": []}, "numeros"),
        ({"numeros": ["ESS-2027-9999"]}, "numeros"),
        ({"services": ["INCONNU"]}, "services"),
    ],
)
def test_une_rencontre_mal_remplie_est_refusee(
    session: Session, scene: Scene, change: dict[str, object], champ: str
) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        preparer(session, scene, **change)
    assert champ in {f.champ for f in refus.value.fautes}


def test_l_avis_attend_la_convocation(session: Session, scene: Scene) -> None:
    rencontre = preparer(session, scene)
    numero = str(scene.dossier.numero)
    avis = {
        "numero": numero, "service": "DDETSPP", "degre": Degre.FAVORABLE, "motif": "", "rencontre": rencontre,
        "maintenant": MAINTENANT,
    }  # fmt: skip
    with pytest.raises(ActeImpossible):
        service.emettre_avis(session, acteur=scene.referent, **avis)  # type: ignore[arg-type]
    service.convoquer(session, rencontre.code, acteur=scene.sous_prefecture, maintenant=MAINTENANT)
    rendu = service.emettre_avis(session, acteur=scene.referent, **avis)  # type: ignore[arg-type]
    assert rendu.rang == 1
    with pytest.raises(ActeImpossible):
        service.convoquer(session, rencontre.code, acteur=scene.sous_prefecture, maintenant=MAINTENANT)
    with pytest.raises(ActeImpossible) as refus:
        service.tenir(session, rencontre.code, acteur=scene.sous_prefecture, maintenant=MAINTENANT)
    assert refus.value.code == "rencontre_a_venir"
    service.tenir(session, rencontre.code, acteur=scene.sous_prefecture, maintenant=DEMAIN)
    assert rencontre.etat is EtatRencontre.TENUE


def test_un_avis_remplace_reste_garde(session: Session, scene: Scene) -> None:
    preparer(session, scene)
    numero = str(scene.dossier.numero)
    for degre, motif in ((Degre.RESERVE, "Public à préciser."), (Degre.FAVORABLE, "")):
        service.emettre_avis(
            session, numero=numero, service="DDETSPP", degre=degre, motif=motif, acteur=scene.referent,
            maintenant=MAINTENANT, droit_commun_dispositif="Cités éducatives", droit_commun_montant=Euros.de(500),
        )  # fmt: skip
    courants = repository.avis_courants(session, [scene.dossier.id])[scene.dossier.id]
    assert [(a.avis.rang, a.avis.degre) for a in courants] == [(2, Degre.FAVORABLE)]
    assert repository.dernier_rang(session, scene.dossier.id, courants[0].service.id) == 2


def test_on_ne_rend_pas_l_avis_d_un_autre_service(session: Session, scene: Scene) -> None:
    preparer(session, scene)
    numero = str(scene.dossier.numero)
    un_service(session, scene.contrat, "ARS")
    commun = {"numero": numero, "degre": Degre.FAVORABLE, "motif": "", "maintenant": MAINTENANT}
    with pytest.raises(ActeInterdit):
        service.emettre_avis(session, service="ARS", acteur=scene.referent, **commun)  # type: ignore[arg-type]
    with pytest.raises(ActeInterdit):
        service.emettre_avis(session, service="DDETSPP", acteur=scene.sous_prefecture, **commun)  # type: ignore[arg-type]
    with pytest.raises(SaisieInvalide):
        service.emettre_avis(
            session, service="DDETSPP", acteur=scene.referent, **commun | {"degre": Degre.DEFAVORABLE}  # type: ignore[arg-type]
        )  # fmt: skip


def test_la_convocation_ecrit_une_fois_a_chaque_referent(session: Session, scene: Scene) -> None:
    rencontre = preparer(session, scene)
    for _ in range(2):
        tasks.convoquer(session, maintenant=MAINTENANT, rencontre_id=rencontre.id)
    courriels = session.scalars(select(Courriel).where(Courriel.objet.startswith("Convocation"))).all()
    assert [c.destinataire for c in courriels] == [scene.referent.courriel]
    assert "Insertion et emploi" in courriels[0].objet


# -- l'avis rendu en rencontre


def rendre(session: Session, scene: Scene, rencontre: Rencontre | None, **change: object) -> Avis:
    """L'avis de la DDETSPP, saisi par la sous-préfecture en rencontre."""
    valeurs: dict[str, object] = {
        "numero": scene.dossier.numero, "service": "DDETSPP", "degre": Degre.FAVORABLE, "motif": "",
        "acteur": scene.sous_prefecture, "rencontre": rencontre, "maintenant": MAINTENANT,
    }  # fmt: skip
    return service.emettre_avis(session, **(valeurs | change))  # type: ignore[arg-type]


@pytest.fixture
def convoquee(session: Session, scene: Scene) -> Rencontre:
    un_service(session, scene.contrat, "ARS")
    rencontre = preparer(session, scene)
    return service.convoquer(session, rencontre.code, acteur=scene.sous_prefecture, maintenant=MAINTENANT)


def test_un_dossier_hors_du_lot_n_a_pas_d_avis_en_rencontre(
    session: Session, scene: Scene, convoquee: Rencontre
) -> None:
    organisation = une_organisation(session, rang=2)
    autre = un_dossier_complet(session, scene.appel, organisation, un_porteur(session, organisation))
    with pytest.raises(Introuvable):
        rendre(session, scene, convoquee, numero=autre.numero)
    assert repository.avis_courants(session, [autre.id]) == {}
    assert rendre(session, scene, convoquee).rencontre_id == convoquee.id


@pytest.mark.parametrize("code", ["ARS", "INCONNU"])
def test_un_service_non_convoque_ne_rend_pas_d_avis_en_rencontre(
    session: Session, scene: Scene, convoquee: Rencontre, code: str
) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        rendre(session, scene, convoquee, service=code)
    assert [(f.champ, f.code) for f in refus.value.fautes] == [("service", "service_non_convoque")]


def test_le_referent_d_un_autre_service_ne_rend_pas_d_avis_en_rencontre(
    session: Session, scene: Scene, convoquee: Rencontre
) -> None:
    preparer(session, scene, services=["ARS"])  # l'ARS lit le dossier, mais n'est pas de cette rencontre-ci
    ars = identite(session, un_compte(session, Role.REFERENT_SERVICE, contrat=scene.contrat, service="ARS"))
    with pytest.raises(SaisieInvalide) as refus:
        rendre(session, scene, convoquee, service="ARS", acteur=ars)
    assert [f.champ for f in refus.value.fautes] == ["service"]
    assert rendre(session, scene, None, service="ARS", acteur=ars).rencontre_id is None, "hors rencontre, il le peut"


def test_un_avis_se_rend_encore_apres_la_rencontre_tenue(session: Session, scene: Scene, convoquee: Rencontre) -> None:
    service.tenir(session, convoquee.code, acteur=scene.sous_prefecture, maintenant=DEMAIN)
    assert rendre(session, scene, convoquee).rang == 1


def test_un_avis_n_a_plus_d_objet_une_fois_chaque_ligne_decidee(
    session: Session, scene: Scene, convoquee: Rencontre
) -> None:
    (premiere, *autres) = [d for d, _ in dossiers.list_demandes(session, [scene.dossier.id])]
    for demande in autres:
        demande.etat = EtatDemande.REFUSEE
    session.flush()
    assert rendre(session, scene, convoquee).rang == 1, "une ligne attend encore"
    premiere.etat = EtatDemande.DECIDEE
    session.flush()
    for rencontre, acteur in ((convoquee, scene.sous_prefecture), (None, scene.referent)):
        with pytest.raises(ActeImpossible) as refus:
            rendre(session, scene, rencontre, acteur=acteur)
        assert refus.value.code == "deja_decide"
