"""L'issue expliquée : ligne par ligne après sa notification, une place en tranches, rien des autres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Engagement, Enveloppe
from app.etapes.appel.rules import NatureEngagement
from app.etapes.consultation.models import Avis
from app.etapes.consultation.rules import Degre
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra.db import creer_fabrique
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.notation.aide_dossier import Scene, un_dossier, une_scene
from tests.etapes.notation.aide_notice import (
    ENSUITE,
    NOM_D_AGENT,
    NOTIFIEE_LE,
    RAISON,
    ajuster,
    la_demande,
    notifier,
    un_dossier_note,
)
from tests.factories import connecter, un_brouillon, un_compte, un_porteur, une_organisation
from tests.requetes import requetes

REQUETES_MAX = 8
MOTIF_INTERNE = "Dossier fragile, à surveiller (interne)"


@dataclass
class Salle:
    """Un dossier noté et ajusté par m2A, d'autres dossiers notés sur la même ligne."""

    client: TestClient
    session: Session
    scene: Scene
    dossier: Dossier
    porteur: Compte
    autres: list[Dossier] = field(default_factory=list)

    @property
    def page(self) -> str:
        return f"/dossiers/{self.dossier.numero}/issue"

    def entrer(self, compte: Compte | None = None) -> Salle:
        connecter(self.client, self.session, compte or self.porteur, maintenant=ENSUITE)
        return self

    def lire(self, chemin: str = "") -> str:
        reponse = self.client.get(chemin or self.page)
        assert reponse.status_code == 200, reponse.text[:800]
        return reponse.text.replace("\u00a0", " ").replace("\u202f", " ")

    def avec_d_autres(self, nombre: int, beneficiaires_qpv: int = 10) -> Salle:
        """D'autres dossiers, d'autres organisations, moins de public des quartiers."""
        for rang in range(nombre):
            organisation = une_organisation(self.session, rang=50 + len(self.autres) + rang)
            scene = Scene(
                self.scene.contrat, self.scene.appel, organisation, un_porteur(self.session, organisation),
                self.scene.instructeur, self.scene.charge,
            )  # fmt: skip
            self.autres.append(
                un_dossier_note(
                    self.session, scene, titre=f"Secret de voisin {rang}", beneficiaires_qpv=beneficiaires_qpv
                )
            )
        self.session.commit()
        return self


@pytest.fixture
def salle(moteur_propre: Engine, client: TestClient) -> Iterator[Salle]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        dossier = un_dossier_note(session, scene)
        ajuster(session, scene, dossier)
        porteur = un_compte(session, Role.LECTEUR_PORTEUR, organisation=scene.organisation)
        session.commit()
        yield Salle(client, session, scene, dossier, porteur)


def test_avant_toute_notification_rien_n_est_dit(salle: Salle) -> None:
    demande, _ = la_demande(salle.session, salle.dossier, "M2A")
    demande.etat = EtatDemande.DECIDEE
    salle.session.commit()
    texte = salle.entrer().lire()
    assert "Aucune décision n’est encore notifiée" in texte
    assert "Vos points" not in texte
    assert "m2A" not in texte[texte.index("<main") :]


def test_une_ligne_notifiee_est_expliquee_et_l_autre_attend(salle: Salle) -> None:
    notifier(salle.session, salle.dossier, "M2A", 2_000)
    salle.session.commit()
    texte = salle.entrer().lire()
    assert 'href="/appels/ess-2027/regles"' in texte, "les règles de son appel"
    assert 'href="/appels/ess-2027/regles#codes"' in texte
    for dit in (
        "2 000 €", "5 000 €", "une partie de ce que vous demandiez", "Vos points :", "sur 100",
        "Moins de huit dossiers", "Ce qui renforcerait la prochaine demande",
        "État : pas encore de décision notifiée", "Ils préparent encore une décision", "Lire la lettre",
        "une personne de l’instruction", RAISON,
    ):  # fmt: skip
        assert dit in texte, dit
    assert texte.count("Vos points :") == 1
    assert NOM_D_AGENT not in texte


def test_la_place_se_dit_en_tranche_sans_rien_des_autres(salle: Salle) -> None:
    salle.avec_d_autres(8)
    for autre in salle.autres[:3]:
        notifier(salle.session, autre, "M2A", 1_000)
    notifier(salle.session, salle.dossier, "M2A")
    salle.session.commit()
    texte = salle.entrer().lire()
    assert "Dans le premier quart des 9 dossiers étudiés" in texte
    assert "la note la plus basse est entre " in texte
    assert "Ni les crédits ni la note n’expliquent seuls" in texte
    principal = texte[texte.index("<main") : texte.index("</main>")]
    assert "Secret de voisin" not in principal
    assert not any(str(autre.numero) in principal for autre in salle.autres)


def test_sous_le_seuil_se_dit_quand_tous_les_retenus_sont_mieux_notes(salle: Salle) -> None:
    salle.avec_d_autres(8, beneficiaires_qpv=60)
    ajuster(salle.session, salle.scene, salle.dossier, "OBJ", 0)
    ajuster(salle.session, salle.scene, salle.dossier, "QPV", 0)
    for autre in salle.autres[:3]:
        notifier(salle.session, autre, "M2A", 1_000)
    notifier(salle.session, salle.dossier, "M2A")
    salle.session.commit()
    texte = salle.entrer().lire()
    assert "plus basse que celle de tous les dossiers retenus" in texte
    assert "Dans le dernier quart des 9 dossiers étudiés" in texte


@pytest.mark.parametrize(
    ("engages", "apres", "phrase"),
    [
        (100_000, False, "tous les crédits de ce financeur pour l’année étaient attribués"),
        (96_000, False, "les crédits encore libres de ce financeur ne couvraient pas votre demande"),
        (96_000, True, "Ni les crédits ni la note n’expliquent seuls"),
    ],
)
def test_les_credits_sont_ceux_du_jour_de_la_notification(salle: Salle, engages: int, apres: bool, phrase: str) -> None:
    """Ce qui s'engage après la notification n'explique pas la décision."""
    salle.avec_d_autres(1)
    autre, ligne = la_demande(salle.session, salle.autres[0], "M2A")
    requete = select(Enveloppe.id).where(Enveloppe.ligne_id == ligne.id, Enveloppe.annee == 2027)
    salle.session.add(
        Engagement(
            contrat_id=autre.contrat_id, enveloppe_id=salle.session.scalars(requete).one(), demande_id=autre.id,
            annee=2027, nature=NatureEngagement.ARRETE, montant=Euros.de(engages), acteur="c-x",
            a=NOTIFIEE_LE + timedelta(days=1 if apres else -1),
        )
    )  # fmt: skip
    notifier(salle.session, salle.dossier, "M2A")
    salle.session.commit()
    assert phrase in salle.entrer().lire()


def test_les_avis_se_resument_quand_tout_est_decide_et_jamais_leur_texte(salle: Salle) -> None:
    service = next(iter(salle.scene.contrat.services.values()))
    salle.session.add(
        Avis(
            contrat_id=salle.dossier.contrat_id, dossier_id=salle.dossier.id, service_id=service.id, rencontre_id=None,
            rang=1, degre=Degre.RESERVE, motif=MOTIF_INTERNE, droit_commun_dispositif="", droit_commun_montant=None,
            acteur="c-x", a=NOTIFIEE_LE,
        )
    )  # fmt: skip
    notifier(salle.session, salle.dossier, "M2A", 2_000)
    salle.session.commit()
    assert "Réservé" not in salle.entrer().lire(), "une autre décision se prépare encore"
    notifier(salle.session, salle.dossier, "BOP147")
    salle.session.commit()
    texte = salle.lire()
    assert "Réservé : 1 avis" in texte
    assert MOTIF_INTERNE not in texte
    assert service.nom not in texte


def test_une_decision_sans_note_le_dit(salle: Salle) -> None:
    sans_note = un_dossier(salle.session, salle.scene, titre="Deuxième action")
    notifier(salle.session, sans_note, "M2A", 5_000)
    salle.session.commit()
    texte = salle.entrer().lire(f"/dossiers/{sans_note.numero}/issue")
    assert "Aucune note n’a servi à cette décision." in texte
    assert "vous accorde tout ce que vous demandiez" in texte
    assert "Votre notice explicative" not in texte


def test_une_renonciation_se_dit(salle: Salle) -> None:
    notifier(salle.session, salle.dossier, "M2A", 5_000)
    la_demande(salle.session, salle.dossier, "M2A")[0].etat = EtatDemande.RENONCEE
    salle.session.commit()
    assert "Vous avez renoncé" in salle.entrer().lire()


def test_qui_la_lit(salle: Salle) -> None:
    notifier(salle.session, salle.dossier, "M2A", 2_000)
    salle.session.commit()
    assert "ce que l’association lit, et rien d’autre" in salle.entrer(salle.scene.instructeur).lire()
    habitants = un_compte(salle.session, Role.CONSEIL_HABITANTS, contrat=salle.scene.contrat, quartier="QN06804M")
    salle.entrer(habitants)
    assert salle.client.get(salle.page).status_code == 403
    ailleurs = une_organisation(salle.session, rang=90)
    salle.entrer(un_compte(salle.session, Role.REDACTEUR, organisation=ailleurs))
    assert salle.client.get(salle.page).status_code == 404
    brouillon = un_brouillon(salle.session, salle.scene.appel, salle.scene.organisation, salle.scene.porteur)
    salle.session.commit()
    salle.entrer()
    assert salle.client.get(f"/dossiers/{brouillon.reference}/issue").status_code == 404


def test_la_page_du_dossier_et_la_lettre_y_menent(salle: Salle) -> None:
    salle.entrer()
    dossier = f"/dossiers/{salle.dossier.numero}"
    assert f'href="{salle.page}"' not in salle.lire(dossier)
    notifier(salle.session, salle.dossier, "M2A", 2_000)
    salle.session.commit()
    assert f'href="{salle.page}#ligne-M2A"' in salle.lire(dossier)
    assert f'href="{salle.page}#ligne-M2A"' in salle.lire(f"{dossier}/notifications/M2A")


def test_la_page_coute_au_plus_huit_requetes(salle: Salle, service: FastAPI) -> None:
    salle.avec_d_autres(8)
    notifier(salle.session, salle.dossier, "M2A", 2_000)
    notifier(salle.session, salle.dossier, "BOP147")
    salle.session.commit()
    salle.entrer()
    with requetes(service) as vues:
        salle.lire()
    assert len(vues) <= REQUETES_MAX, "\n".join(v[-160:].replace("\n", " ") for v in vues)
