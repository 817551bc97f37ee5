"""Signer, déposer, compléter, retirer, clore : ce qui se fige, ce qui s'ouvre, ce qui est refusé."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, Dossier, DossierVersion
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.service import brouillon, depot, recevabilite, vie
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, SaisieInvalide, VersionPerimee
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from tests import factories as f
from tests.factories import MAINTENANT


@dataclass
class Cas:
    session: Session
    contrat: f.UnContrat
    appel: Appel
    organisation: Organisation
    porteur: Identite
    instructeur: Identite

    def dossier(self, etat: EtatDossier = EtatDossier.A_SIGNER, **remplacements: Any) -> Dossier:
        return f.un_dossier_complet(
            self.session, self.appel, self.organisation, self.porteur, etat=etat, **remplacements
        )

    def signer(self, dossier: Dossier, version: int | None = None) -> None:
        lue = dossier.version if version is None else version
        depot.signer(self.session, dossier.reference, version_lue=lue, acteur=self.porteur, maintenant=MAINTENANT)

    def deposer(self, dossier: Dossier, *, cle: str | None = None, **options: Any) -> Dossier:
        arguments: dict[str, Any] = {
            "version_lue": dossier.version,
            "acteur": self.porteur,
            "maintenant": MAINTENANT,
        } | options
        return depot.deposer(self.session, dossier.reference, cle=cle, **arguments)

    def etats(self, dossier: Dossier) -> dict[str, EtatDemande]:
        return {ligne.code: d.etat for d, ligne in repository.list_demandes(self.session, [dossier.id])}

    def demander_un_complement(self, dossier: Dossier) -> None:
        recevabilite.demander_complement(
            self.session, dossier.numero or "", objet="Le budget", pourquoi="Il manque un poste.",
            echeance_le=MAINTENANT + timedelta(days=10), acteur=self.instructeur, maintenant=MAINTENANT,
        )  # fmt: skip


@pytest.fixture
def cas(session: Session) -> Cas:
    contrat = f.un_contrat(session)
    organisation = f.une_organisation(session)
    instructeur = f.un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A")
    return Cas(
        session, contrat, f.un_appel(session, contrat), organisation, f.un_porteur(session, organisation),
        f.identite(session, instructeur),
    )  # fmt: skip


def test_deposer_numerote_fige_ouvre_les_lignes_et_consigne(cas: Cas) -> None:
    dossier = cas.dossier(precedents=[{"ligne": "M2A", "demande": 100, "accorde": 50}], theme_p147="5")
    cas.signer(dossier)
    cas.deposer(dossier)
    assert (dossier.etat, dossier.numero, dossier.depose_le) == (EtatDossier.DEPOSE, "ESS-2027-0001", MAINTENANT)
    version = repository.get_version(cas.session, dossier.id)
    assert version is not None
    assert version.contenu == repository.contenu(cas.session, dossier.id)
    demandes = {ligne.code: d for d, ligne in repository.list_demandes(cas.session, [dossier.id])}
    assert {c: (d.etat, d.montant_demande) for c, d in demandes.items()} == {
        "BOP147": (EtatDemande.OUVERTE, Euros.de(3000)),
        "M2A": (EtatDemande.OUVERTE, Euros.de(5000)),
    }
    assert (demandes["M2A"].montant_demande_n1, demandes["M2A"].montant_accorde_n1) == (Euros(100), Euros(50))
    assert (demandes["BOP147"].theme_p147, demandes["M2A"].theme_p147) == ("5", None)
    actes = [a.acte for a in en_attente(cas.session)]
    assert actes[-2:] == ["dossier.deposer", "dossier.fige"]
    en_file = text("SELECT task_name FROM procrastinate_jobs")
    assert cas.session.scalars(en_file).all() == ["dossier.sceller_demande", "dossier.accuser_reception"]


def test_les_numeros_se_suivent_meme_si_l_appel_est_deja_en_memoire(cas: Cas) -> None:
    numeros = [cas.dossier(EtatDossier.DEPOSE).numero for _ in range(3)]
    assert numeros == ["ESS-2027-0001", "ESS-2027-0002", "ESS-2027-0003"]
    cas.session.execute(text("UPDATE appel SET compteur = 41"))
    assert cas.dossier(EtatDossier.DEPOSE).numero == "ESS-2027-0042"


def test_une_ligne_communale_hors_de_ses_fiches_est_hors_champ_avec_son_motif(cas: Cas) -> None:
    dossier = cas.dossier(
        EtatDossier.DEPOSE, fiches=["MARKSTEIN"],
        demandes=[
            {"ligne": "M2A", "annee": 2027, "montant": 500_000},
            {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
        ],
    )  # fmt: skip
    assert cas.etats(dossier) == {"M2A": EtatDemande.OUVERTE, "MULHOUSE": EtatDemande.HORS_CHAMP}
    passage = next(p for p in repository.list_passages(cas.session, dossier.id) if p.demande_id is not None)
    assert passage.acte == "constater_hors_champ"
    assert "Ville de Mulhouse" in passage.motif


def test_l_appel_clot_a_la_minute(cas: Cas) -> None:
    a_temps, trop_tard = cas.dossier(), cas.dossier()
    for dossier in (a_temps, trop_tard):
        cas.signer(dossier)
    cas.deposer(a_temps, maintenant=f.CLOTURE - timedelta(microseconds=1))
    with pytest.raises(ActeImpossible) as refus:
        cas.deposer(trop_tard, maintenant=f.CLOTURE)
    assert refus.value.code == "appel_clos"
    assert "18 h 00" in refus.value.message
    assert (trop_tard.etat, trop_tard.numero) == (EtatDossier.A_SIGNER, None)


def test_un_second_depot_rend_le_meme_dossier(cas: Cas) -> None:
    dossier = cas.dossier()
    cas.signer(dossier)
    version = dossier.version
    premier = cas.deposer(dossier, cle="clé-1")
    assert cas.deposer(dossier, cle="clé-1", version_lue=version) is premier
    assert cas.deposer(dossier, version_lue=0) is premier
    assert cas.session.scalar(select(func.count()).select_from(DossierVersion)) == 1
    assert cas.session.scalar(select(func.count()).select_from(Demande)) == 2
    autre = cas.dossier()
    cas.signer(autre)
    with pytest.raises(ActeImpossible) as refus:
        cas.deposer(autre, cle="clé-1")
    assert refus.value.code == "cle_deja_utilisee"


def test_un_dossier_non_signe_ne_se_depose_pas(cas: Cas) -> None:
    for dossier in (cas.dossier(EtatDossier.BROUILLON), cas.dossier()):
        with pytest.raises(ActeImpossible) as refus:
            cas.deposer(dossier)
        assert refus.value.code == "signature_manquante"
        assert dossier.numero is None


def test_seul_le_signataire_signe_et_seule_l_organisation_depose(cas: Cas) -> None:
    dossier = cas.dossier()
    redacteur = f.un_porteur(cas.session, cas.organisation, Role.REDACTEUR)
    with pytest.raises(ActeInterdit):
        depot.signer(
            cas.session, dossier.reference, version_lue=dossier.version, acteur=redacteur, maintenant=MAINTENANT
        )
    cas.signer(dossier)
    lecteur = f.un_porteur(cas.session, cas.organisation, Role.LECTEUR_PORTEUR)
    with pytest.raises(ActeInterdit):
        cas.deposer(dossier, acteur=lecteur)
    cas.deposer(dossier, acteur=redacteur)
    with pytest.raises(ActeInterdit):
        depot.deposer(
            cas.session, dossier.numero or "", version_lue=dossier.version, acteur=cas.instructeur,
            maintenant=MAINTENANT,
        )  # fmt: skip


def test_signer_et_deposer_exigent_la_version_lue(cas: Cas) -> None:
    dossier = cas.dossier()
    with pytest.raises(VersionPerimee):
        cas.signer(dossier, version=dossier.version - 1)
    cas.signer(dossier)
    with pytest.raises(VersionPerimee):
        cas.deposer(dossier, version_lue=dossier.version - 1)
    assert dossier.numero is None


def test_une_signature_ne_vaut_que_pour_la_version_signee(cas: Cas) -> None:
    dossier = cas.dossier()
    cas.signer(dossier)
    dossier.version += 1
    with pytest.raises(ActeImpossible) as refus:
        cas.deposer(dossier)
    assert refus.value.code == "signature_manquante"


def test_reprendre_fait_tomber_la_signature(cas: Cas) -> None:
    dossier = cas.dossier()
    cas.signer(dossier)
    brouillon.reprendre(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT)
    brouillon.envoyer_en_signature(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT)
    with pytest.raises(ActeImpossible) as refus:
        cas.deposer(dossier)
    assert refus.value.code == "signature_manquante"


def test_un_complement_rouvre_la_saisie_sans_toucher_a_ce_qui_est_demande(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    cas.demander_un_complement(dossier)
    assert dossier.etat is EtatDossier.A_COMPLETER

    def enregistrer(**valeurs: Any) -> None:
        brouillon.enregistrer(
            cas.session, dossier.numero or "", valeurs, version_lue=dossier.version, acteur=cas.porteur,
            maintenant=MAINTENANT,
        )  # fmt: skip

    enregistrer(titre="Nouveau titre", numero_dauphin="DA00012345")
    assert dossier.titre == "Café des parents", "les agents lisent le contenu figé tant que rien n'est envoyé"
    with pytest.raises(SaisieInvalide) as refus:
        enregistrer(demandes=[{"ligne": "M2A", "annee": 2027, "montant": 800_000}], duree="2")
    assert {x.code for x in refus.value.fautes} == {"fige_au_depot"}
    depot.completer(cas.session, dossier.numero or "", reponse="Voici.", acteur=cas.porteur, maintenant=MAINTENANT)
    assert (dossier.etat, dossier.titre) == (EtatDossier.DEPOSE, "Nouveau titre")
    version = repository.get_version(cas.session, dossier.id)
    assert version is not None
    assert (version.rang, version.contenu["titre"]) == (2, "Nouveau titre")
    (complement,) = repository.list_complements(cas.session, dossier.id)
    assert (complement.reponse, complement.recue_le) == ("Voici.", MAINTENANT)
    dauphin = {ligne.code: d.numero_dauphin for d, ligne in repository.list_demandes(cas.session, [dossier.id])}
    assert dauphin == {"BOP147": "DA00012345", "M2A": None}


def test_un_complement_incomplet_ou_muet_ne_part_pas(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    cas.demander_un_complement(dossier)
    commun: dict[str, Any] = {"acteur": cas.porteur, "maintenant": MAINTENANT}
    with pytest.raises(SaisieInvalide) as refus:
        depot.completer(cas.session, dossier.numero or "", reponse=" ", **commun)
    assert refus.value.fautes[0].champ == "motif"
    brouillon.enregistrer(cas.session, dossier.numero or "", {"besoin": None}, versions={"besoin": 1}, **commun)
    with pytest.raises(SaisieInvalide) as refus:
        depot.completer(cas.session, dossier.numero or "", reponse="Voici.", **commun)
    assert refus.value.fautes[0].champ == "besoin"
    assert dossier.etat is EtatDossier.A_COMPLETER


def test_retirer_un_dossier_depose_retire_ses_demandes_en_cours(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    vie.retirer(cas.session, dossier.numero or "", acteur=cas.porteur, maintenant=MAINTENANT, motif="Abandon.")
    assert set(cas.etats(dossier).values()) == {EtatDemande.RETIREE}
    with pytest.raises(ActeImpossible) as refus:
        cas.deposer(dossier)
    assert refus.value.code == "etat_contraire"


def test_un_dossier_dont_une_subvention_est_accordee_ne_se_retire_pas(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    demande, _ = repository.list_demandes(cas.session, [dossier.id])[0]
    demande.etat = EtatDemande.NOTIFIEE
    with pytest.raises(ActeImpossible):
        vie.retirer(cas.session, dossier.numero or "", acteur=cas.porteur, maintenant=MAINTENANT, motif="Abandon.")


def test_on_ne_clot_que_si_chaque_demande_est_arrivee_a_son_terme(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    charge = f.identite(cas.session, f.un_compte(cas.session, Role.CHARGE_MISSION, contrat=cas.contrat))
    with pytest.raises(ActeImpossible) as refus:
        vie.clore(cas.session, dossier.numero or "", acteur=charge, maintenant=MAINTENANT)
    assert refus.value.code == "demandes_en_cours"
    for demande, _ in repository.list_demandes(cas.session, [dossier.id]):
        demande.etat = EtatDemande.NOTIFIEE
    dossier.etat = EtatDossier.DEPOSE
    vie.clore(cas.session, dossier.numero or "", acteur=charge, maintenant=MAINTENANT)
    assert dossier.etat is EtatDossier.CLOS


def test_une_demande_ecartee_se_rouvre_avec_un_motif(cas: Cas) -> None:
    dossier = cas.dossier(EtatDossier.DEPOSE)
    commun: dict[str, Any] = {"ligne": "M2A", "annee": 2027, "acteur": cas.instructeur, "maintenant": MAINTENANT}
    recevabilite.examiner(
        cas.session, dossier.numero or "", conclusion="irrecevable", points={}, motif="Hors délai.", **commun
    )
    assert cas.etats(dossier)["M2A"] is EtatDemande.IRRECEVABLE
    recevabilite.rouvrir(cas.session, dossier.numero or "", motif="Erreur de lecture.", **commun)
    assert cas.etats(dossier)["M2A"] is EtatDemande.OUVERTE
    for acte in (recevabilite.reprendre_examen, recevabilite.declarer_caduque):
        with pytest.raises((ActeImpossible, ActeInterdit)):
            acte(cas.session, dossier.numero or "", motif="x", **commun)


def test_vingt_depots_simultanes_ont_vingt_numeros(service: FastAPI) -> None:
    fabrique: Callable[[], Session] = service.state.fabrique
    with fabrique() as session:
        contrat = f.un_contrat(session)
        appel = f.un_appel(session, contrat)
        organisation = f.une_organisation(session)
        porteur = f.un_porteur(session, organisation)
        references = []
        for _ in range(20):
            dossier = f.un_dossier_complet(session, appel, organisation, porteur, etat=EtatDossier.A_SIGNER)
            depot.signer(session, dossier.reference, version_lue=dossier.version, acteur=porteur, maintenant=MAINTENANT)
            references.append((dossier.reference, dossier.version))
        session.commit()

    def deposer(couple: tuple[str, int]) -> str | None:
        with fabrique() as a_soi:
            depose = depot.deposer(a_soi, couple[0], version_lue=couple[1], acteur=porteur, maintenant=MAINTENANT)
            a_soi.commit()
            return depose.numero

    with ThreadPoolExecutor(8) as fils:
        numeros = list(fils.map(deposer, references + references))
    assert sorted({n for n in numeros if n}) == [f"ESS-2027-{rang:04d}" for rang in range(1, 21)]
