"""La vie d'un brouillon : créer, enregistrer par compare-et-échange, envoyer, reprendre, retirer, reprendre."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier import repository
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import brouillon, vie
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.rules.fiche import Section
from app.referentiels.acteurs.service import fiche
from tests import factories as f
from tests.factories import MAINTENANT


@dataclass
class Cas:
    session: Session
    contrat: f.UnContrat
    appel: Appel
    organisation: Organisation
    porteur: Identite


@pytest.fixture
def cas(session: Session) -> Cas:
    contrat = f.un_contrat(session)
    organisation = f.une_organisation(session)
    return Cas(session, contrat, f.un_appel(session, contrat), organisation, f.un_porteur(session, organisation))


def enregistrer(cas: Cas, reference: str, valeurs: dict[str, Any], **versions: int) -> None:
    brouillon.enregistrer(
        cas.session, reference, valeurs, versions=versions, acteur=cas.porteur, maintenant=MAINTENANT
    )  # fmt: skip


def test_un_brouillon_s_ouvre_dans_la_phase_ouverte_et_se_consigne(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    assert dossier.etat is EtatDossier.BROUILLON
    assert dossier.numero is None
    assert dossier.version_id == cas.contrat.version.id
    assert [a.acte for a in en_attente(cas.session)] == ["dossier.cree"]


def test_un_brouillon_ne_s_ouvre_ni_avant_ni_apres_ni_dans_un_appel_clos(cas: Cas) -> None:
    for maintenant in (f.OUVERTURE - timedelta(minutes=1), f.CLOTURE):
        with pytest.raises(ActeImpossible):
            f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, maintenant=maintenant)
    cas.appel.etat = EtatAppel.CLOS
    with pytest.raises(ActeImpossible) as refus:
        f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    assert refus.value.code == "appel_clos"


def test_on_n_ouvre_pas_de_brouillon_pour_une_autre_organisation(cas: Cas) -> None:
    autre = f.une_organisation(cas.session, rang=2)
    with pytest.raises(ActeInterdit):
        f.un_brouillon(cas.session, cas.appel, autre, cas.porteur)
    lecteur = f.un_porteur(cas.session, cas.organisation, Role.LECTEUR_PORTEUR)
    with pytest.raises(ActeInterdit):
        f.un_brouillon(cas.session, cas.appel, cas.organisation, lecteur)


def test_enregistrer_tient_le_resume_et_la_version(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    demandes = [{"ligne": "M2A", "annee": 2027, "montant": 500_000}, {"ligne": "M2A", "annee": 2028, "montant": 1}]
    enregistrer(cas, dossier.reference, {"titre": "Café d’été", "demandes": demandes, "duree": "2"})
    assert (dossier.titre, dossier.montant_demande, dossier.duree_annees) == ("Café d’été", Euros.de(5000), 2)
    assert "cafe d ete" in dossier.recherche
    assert dossier.version == 2
    enregistrer(cas, dossier.reference, {"titre": "Café d’été"}, titre=1)
    assert dossier.version == 2, "un champ inchangé ne compte pas"


def test_deux_personnes_sur_des_champs_differents_ne_se_genent_pas(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, contenu={"titre": "A", "lieu": "B"})
    enregistrer(cas, dossier.reference, {"titre": "A2"}, titre=1)
    enregistrer(cas, dossier.reference, {"lieu": "B2"}, lieu=1)
    assert repository.contenu(cas.session, dossier.id) == {"titre": "A2", "lieu": "B2"}


def test_un_champ_qui_a_bouge_n_est_pas_ecrase(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, contenu={"titre": "A", "lieu": "B"})
    enregistrer(cas, dossier.reference, {"titre": "Le sien"}, titre=1)
    with pytest.raises(VersionPerimee) as refus:
        enregistrer(cas, dossier.reference, {"titre": "Le mien", "lieu": "B2"}, titre=1, lieu=1)
    assert refus.value.conflits == {"titre": ("Le sien", "Le mien")}
    assert repository.contenu(cas.session, dossier.id) == {"titre": "Le sien", "lieu": "B"}


def test_la_version_du_dossier_protege_aussi_l_api(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, contenu={"titre": "A"})
    commun: dict[str, Any] = {"acteur": cas.porteur, "maintenant": MAINTENANT}
    brouillon.enregistrer(cas.session, dossier.reference, {"lieu": "B"}, version_lue=2, **commun)
    with pytest.raises(VersionPerimee) as refus:
        brouillon.enregistrer(cas.session, dossier.reference, {"titre": "C"}, version_lue=2, **commun)
    assert refus.value.conflits == {"titre": ("A", "C")}


def test_un_champ_efface_disparait_et_un_champ_inconnu_est_refuse(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, contenu={"titre": "A"})
    enregistrer(cas, dossier.reference, {"titre": None}, titre=1)
    assert repository.contenu(cas.session, dossier.id) == {}
    with pytest.raises(SaisieInvalide) as refus:
        enregistrer(cas, dossier.reference, {"inconnu": "x"})
    assert refus.value.fautes[0].code == "champ_inconnu"


def test_un_lecteur_et_une_autre_organisation_n_ecrivent_pas(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    lecteur = f.un_porteur(cas.session, cas.organisation, Role.LECTEUR_PORTEUR)
    with pytest.raises(ActeInterdit):
        enregistrer(replace(cas, porteur=lecteur), dossier.reference, {"titre": "x"})
    etranger = f.un_porteur(cas.session, f.une_organisation(cas.session, rang=2))
    with pytest.raises(Introuvable):
        enregistrer(replace(cas, porteur=etranger), dossier.reference, {"titre": "x"})
    agent = f.identite(cas.session, f.un_compte(cas.session, Role.INSTRUCTEUR, contrat=cas.contrat, ligne="M2A"))
    with pytest.raises(Introuvable):
        repository.get_dossier(cas.session, dossier.reference, agent)


@pytest.mark.parametrize("identifiant", ["", "abc", "B-\x00", "x" * 50, "M2A-2027-0093' OR 1=1"])
def test_un_identifiant_mal_forme_est_introuvable(cas: Cas, identifiant: str) -> None:
    with pytest.raises(Introuvable):
        repository.get_dossier(cas.session, identifiant, cas.porteur)


def test_un_dossier_incomplet_ne_part_pas_a_la_signature(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur, contenu={"titre": "A"})
    with pytest.raises(SaisieInvalide) as refus:
        brouillon.envoyer_en_signature(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT)
    assert {"besoin", "budget_charges", "demandes", "cer"} <= {x.champ for x in refus.value.fautes}
    assert dossier.etat is EtatDossier.BROUILLON


def test_un_dossier_a_signer_ne_se_modifie_qu_apres_reprise(cas: Cas) -> None:
    dossier = f.un_dossier_complet(cas.session, cas.appel, cas.organisation, cas.porteur, etat=EtatDossier.A_SIGNER)
    with pytest.raises(ActeImpossible) as refus:
        enregistrer(cas, dossier.reference, {"titre": "x"}, titre=1)
    assert refus.value.code == "dossier_fige"
    brouillon.reprendre(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT)
    enregistrer(cas, dossier.reference, {"titre": "x"}, titre=1)
    assert (dossier.etat, dossier.titre) == (EtatDossier.BROUILLON, "x")


def test_le_chemin_court_se_decide_a_l_envoi(cas: Cas) -> None:
    petit = f.un_dossier_complet(
        cas.session, cas.appel, cas.organisation, cas.porteur, etat=EtatDossier.A_SIGNER, calendrier=None,
        moyens=None, indicateurs=None, participation_degre=None,
        demandes=[{"ligne": "M2A", "annee": 2027, "montant": 300_000}],
        budget_charges=[{"compte": "60", "montant": 700_000}],
    )  # fmt: skip
    grand = f.un_dossier_complet(cas.session, cas.appel, cas.organisation, cas.porteur, etat=EtatDossier.A_SIGNER)
    assert (petit.est_chemin_court, grand.est_chemin_court) == (True, False)


def test_retirer_un_brouillon_exige_un_motif_et_un_engagement(cas: Cas) -> None:
    dossier = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    with pytest.raises(SaisieInvalide):
        vie.retirer(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT, motif="  ")
    redacteur = f.un_porteur(cas.session, cas.organisation, Role.REDACTEUR)
    with pytest.raises(ActeInterdit):
        vie.retirer(cas.session, dossier.reference, acteur=redacteur, maintenant=MAINTENANT, motif="Projet abandonné.")
    vie.retirer(cas.session, dossier.reference, acteur=cas.porteur, maintenant=MAINTENANT, motif="Projet abandonné.")
    assert dossier.etat is EtatDossier.RETIRE
    passages = repository.list_passages(cas.session, dossier.id)
    assert (passages[-1].acte, passages[-1].motif) == ("retirer", "Projet abandonné.")


def test_un_dossier_repris_est_recopie_et_a_revoir(cas: Cas) -> None:
    ancien = f.un_appel(
        cas.session, cas.contrat, annee=2026, ouverture_le=f.OUVERTURE - timedelta(days=365),
        cloture_le=f.CLOTURE - timedelta(days=365),
    )  # fmt: skip
    avant = MAINTENANT - timedelta(days=365)
    source = f.un_dossier_complet(cas.session, ancien, cas.organisation, cas.porteur, maintenant=avant)
    neuf = brouillon.creer_brouillon(
        cas.session, acteur=cas.porteur, appel=cas.appel, organisation=cas.organisation, maintenant=MAINTENANT,
        renouvelle=source,
    )  # fmt: skip
    champs = repository.list_champs(cas.session, neuf.id)
    assert (neuf.titre, neuf.renouvelle_id) == ("Café des parents", source.id)
    assert champs["renouvelle"].valeur == source.numero
    assert champs["precedents"].valeur[0] == {"ligne": "BOP147", "demande": 300_000}
    assert not champs.keys() & {"debut", "demandes", "a_jour"}
    assert {c.version for c in champs.values()} == {0}
    enregistrer(cas, neuf.reference, {"titre": "Café des parents"})
    assert repository.list_champs(cas.session, neuf.id)["titre"].version == 1, "relu, même sans changement"


def test_on_ne_repart_que_d_un_dossier_depose_de_la_meme_organisation(cas: Cas) -> None:
    jamais_depose = f.un_brouillon(cas.session, cas.appel, cas.organisation, cas.porteur)
    autre = f.une_organisation(cas.session, rang=2)
    d_ailleurs = f.un_dossier_complet(cas.session, cas.appel, autre, f.un_porteur(cas.session, autre))
    for source in (jamais_depose, d_ailleurs):
        with pytest.raises(SaisieInvalide) as refus:
            brouillon.creer_brouillon(
                cas.session, acteur=cas.porteur, appel=cas.appel, organisation=cas.organisation, maintenant=MAINTENANT,
                renouvelle=source,
            )  # fmt: skip
        assert refus.value.fautes[0].code == "renouvellement_impossible"


def l_an_dernier(session: Session, contrat: f.UnContrat) -> Appel:
    return f.un_appel(
        session, contrat, annee=2026, ouverture_le=f.OUVERTURE - timedelta(days=365),
        cloture_le=f.CLOTURE - timedelta(days=365),
    )  # fmt: skip


def test_on_ne_renouvelle_pas_un_dossier_de_la_meme_annee(cas: Cas) -> None:
    source = f.un_dossier_complet(cas.session, cas.appel, cas.organisation, cas.porteur)
    with pytest.raises(SaisieInvalide) as refus:
        brouillon.creer_brouillon(
            cas.session, acteur=cas.porteur, appel=cas.appel, organisation=cas.organisation, maintenant=MAINTENANT,
            renouvelle=source,
        )  # fmt: skip
    assert "d’avant 2027" in refus.value.fautes[0].message


def test_une_organisation_engagee_n_a_pas_a_cocher_l_engagement_republicain(cas: Cas) -> None:
    dossier = f.un_brouillon(
        cas.session, cas.appel, cas.organisation, cas.porteur, contenu=f.contenu_complet(2027, cer=None)
    )

    def manque() -> list[str]:
        return [x.champ for x in brouillon.manques(cas.session, dossier, cas.appel, cas.organisation)]

    def dire(**valeurs: Any) -> None:
        relations = {"est_assujettie": False, "a_aides_minimis": False, "aides_minimis": ""} | valeurs
        fiche.enregistrer_champs(
            cas.session, cas.organisation, Section.ADMINISTRATION, relations, acteur="c", maintenant=MAINTENANT
        )

    agrement = {"type": "Jeunesse et éducation populaire", "par": "l’État", "date": "2020-01-01"}
    dire(est_reconnue_utilite=False, utilite_jo_le=None, agrements=[])
    assert manque() == ["cer"]
    dire(est_reconnue_utilite=True, utilite_jo_le=date(2000, 1, 1), agrements=[])
    assert manque() == []
    dire(est_reconnue_utilite=False, utilite_jo_le=None, agrements=[agrement])
    assert manque() == []
    dire(est_reconnue_utilite=False, utilite_jo_le=None, agrements=[])
    fiche.attester(
        cas.session, cas.organisation, acteur=cas.porteur, qualite="présidence", est_atteste=True, maintenant=MAINTENANT
    )
    assert manque() == []


def test_le_dossier_renouvele_est_un_vrai_dossier_de_l_organisation(session: Session) -> None:
    contrat = f.un_contrat(session)
    appel = f.un_appel(session, contrat)
    organisation, voisine = f.une_organisation(session), f.une_organisation(session, rang=2)
    porteur = f.un_porteur(session, organisation)
    ancien = l_an_dernier(session, contrat)
    source = f.un_dossier_complet(session, ancien, organisation, porteur, maintenant=f.MAINTENANT - timedelta(days=365))
    du_meme_appel = f.un_dossier_complet(session, appel, organisation, porteur)
    d_une_autre = f.un_dossier_complet(session, appel, voisine, f.un_porteur(session, voisine))
    dossier = f.un_brouillon(session, appel, organisation, porteur)

    def dire(numero: str | None) -> None:
        version = f.relire(session, dossier).version
        brouillon.enregistrer(
            session, dossier.reference, {"renouvelle": numero}, acteur=porteur, maintenant=f.MAINTENANT,
            version_lue=version,
        )  # fmt: skip

    for faux in ("XYZ", str(d_une_autre.numero), dossier.reference, str(du_meme_appel.numero)):
        with pytest.raises(SaisieInvalide) as refus:
            dire(faux)
        assert [(x.champ, x.code) for x in refus.value.fautes] == [("renouvelle", "renouvellement_impossible")]
    dire(source.numero)
    assert f.relire(session, dossier).renouvelle_id == source.id
    dire(None)
    assert f.relire(session, dossier).renouvelle_id is None
