"""Ce que le porteur lit de la suite : règles du suivi, dates de l'action, retrait, abandon, ce qui reste à corriger."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.etapes.appel.pages.conduite import DITS
from app.etapes.appel.rules import ACTES_DE_CONDUITE
from app.etapes.dossier import repository
from app.etapes.dossier.models import Passage
from app.etapes.dossier.pages.porteur_suivi import histoire, motifs_dus
from app.etapes.dossier.rules.depot import lieu_hors_fiches
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier, acte_de_retrait
from app.etapes.dossier.rules.suivi import (
    SUITES,
    Suite,
    annee_dite,
    est_nouvelle,
    jusqu_au,
    phrase_de_la_suite,
    suite_du_dossier,
)
from app.etapes.dossier.service import brouillon, depot
from app.noyau.periodes import PARIS
from app.noyau.roles import Role
from app.referentiels.lignes.rules import en_phrase
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_pages_porteur import etape, un_brouillon, un_dossier
from tests.etapes.dossier.test_rules_depot import codes, contenu

E = EtatDemande
COMMISSION = datetime(2027, 4, 8, 18, tzinfo=PARIS)
AVANT, APRES = COMMISSION - timedelta(days=1), COMMISSION + timedelta(days=1)
ENGAGE, REDIGE = frozenset({Role.SIGNATAIRE}), frozenset({Role.REDACTEUR})


def test_chaque_etat_a_sa_suite_et_la_moins_avancee_commande() -> None:
    assert set(SUITES) == set(EtatDemande)
    assert suite_du_dossier([E.NOTIFIEE, E.OUVERTE, E.VALIDEE]) is Suite.A_VERIFIER
    assert suite_du_dossier([E.NOTIFIEE, E.HORS_CHAMP]) is Suite.NOTIFIE
    assert suite_du_dossier([]) is Suite.TERMINE


@pytest.mark.parametrize(
    ("etats", "quand", "phrase"),
    [
        ([E.OUVERTE], AVANT, ("Vérification par les financeurs, puis commission des élus le", COMMISSION)),
        ([E.OUVERTE], APRES, ("Vérification par les financeurs", None)),
        ([E.PROPOSEE], AVANT, ("Commission des élus le", COMMISSION)),
        ([E.AJOURNEE], APRES, ("Commission des élus : la prochaine date n’est pas encore fixée", None)),
        ([E.VALIDEE, E.DECIDEE], AVANT, ("Décision de chaque financeur", None)),
        ([E.NOTIFIEE, E.AVIS_RENDU], AVANT, ("Décision des autres financeurs", None)),
        ([E.NOTIFIEE, E.REFUS_NOTIFIE], AVANT, ("Décisions rendues : vos lettres sont là", None)),
        ([E.IRRECEVABLE, E.RENONCEE], AVANT, ("Rien de plus n’est attendu", None)),
    ],
)
def test_la_suite_se_deduit_des_demandes(
    etats: list[EtatDemande], quand: datetime, phrase: tuple[str, datetime | None]
) -> None:
    assert phrase_de_la_suite(etats, COMMISSION, quand) == phrase


def test_une_annee_se_dit_avec_son_rang_quand_il_y_en_a_plusieurs() -> None:
    assert annee_dite(2027, 2027, plusieurs=False) == "2027"
    assert annee_dite(2027, 2027, plusieurs=True) == "2027 (1re année)"
    assert annee_dite(2028, 2027, plusieurs=True) == "2028 (2e année)"
    assert annee_dite(2026, 2027, plusieurs=True) == "2026"


def test_une_echeance_a_minuit_se_dit_par_son_dernier_jour() -> None:
    assert jusqu_au(datetime(2026, 12, 16, tzinfo=PARIS)) == "jusqu’au mardi 15 décembre 2026 inclus"
    assert jusqu_au(datetime(2026, 12, 16, 17, tzinfo=PARIS)) == "jusqu’au mercredi 16 décembre 2026 à 17 h 00"


def test_une_decision_s_annonce_un_mois_ou_jusqu_a_sa_lecture() -> None:
    jour = date(2027, 5, 20)
    assert est_nouvelle(jour, jour + timedelta(days=29), lue=False)
    assert not est_nouvelle(jour, jour + timedelta(days=30), lue=False)
    assert not est_nouvelle(jour, jour, lue=True)


@pytest.mark.parametrize(
    ("change", "attendu"),
    [
        ({"debut": "2026-08-31"}, ("debut", "debut_hors_annees")),
        ({"debut": "2028-01-01", "fin": "2028-02-01"}, ("debut", "debut_hors_annees")),
        ({"fin": "2028-07-01"}, ("fin", "fin_hors_annees")),
    ],
)
def test_une_action_hors_de_l_annee_financee_ne_se_depose_pas(change: dict[str, Any], attendu: tuple[str, str]) -> None:
    assert codes(**change) == [attendu]


def test_une_action_suit_l_annee_scolaire_ou_plusieurs_annees() -> None:
    assert codes(debut="2026-09-01", fin="2028-06-30") == []
    demandes = [*contenu()["demandes"], {"ligne": "M2A", "annee": 2028, "montant": 300_000}]
    assert codes(duree="2", demandes=demandes, debut="2028-12-31", fin="2029-06-30") == []


def test_le_lieu_hors_des_fiches_se_signale_sans_empecher() -> None:
    assert lieu_hors_fiches({"communes": ["68154", "68224"]}, {"68224"}) == ("68154",)
    assert lieu_hors_fiches({"communes": ["68154"]}, ()) == ()
    assert codes(communes=["68154"]) == []


@pytest.mark.parametrize(
    ("nom", "attendus"),
    [
        ("État", ("L’État", "l’État", "de l’État")),
        ("L'État", ("L’État", "l’État", "de l’État")),
        ("Ville de Mulhouse", ("La Ville de Mulhouse", "la Ville de Mulhouse", "de la Ville de Mulhouse")),
        ("Agglomération du Sud", ("L’Agglomération du Sud", "l’Agglomération du Sud", "de l’Agglomération du Sud")),
        ("Département du Haut-Rhin", ("Le Département du Haut-Rhin", "le Département du Haut-Rhin",
                                      "du Département du Haut-Rhin")),
        ("m2A", ("m2A", "m2A", "de m2A")),
        ("Illzach", ("Illzach", "Illzach", "d’Illzach")),
        ("Le Creusot", ("Le Creusot", "Le Creusot", "de Le Creusot")),
    ],
)  # fmt: skip
def test_une_autorite_se_nomme_en_francais(nom: str, attendus: tuple[str, str, str]) -> None:
    dit = en_phrase(nom)
    assert (dit.titre, dit.sujet, dit.de) == attendus


@pytest.mark.parametrize(
    ("etat", "roles", "demandes", "est_auteur", "a_ete_signe", "acte"),
    [
        (EtatDossier.DEPOSE, ENGAGE, [E.OUVERTE], False, True, "retirer"),
        (EtatDossier.DEPOSE, ENGAGE, [E.OUVERTE, E.NOTIFIEE], False, True, None),
        (EtatDossier.DEPOSE, ENGAGE, [E.OUVERTE, E.REFUSEE], False, True, None),
        (EtatDossier.DEPOSE, ENGAGE, [E.IRRECEVABLE], False, True, None),
        (EtatDossier.DEPOSE, REDIGE, [E.OUVERTE], True, True, None),
        (EtatDossier.BROUILLON, ENGAGE, [], False, True, "retirer"),
        (EtatDossier.BROUILLON, REDIGE, [], True, False, "abandonner"),
        (EtatDossier.BROUILLON, REDIGE, [], False, False, None),
        (EtatDossier.BROUILLON, REDIGE, [], True, True, None),
        (EtatDossier.A_SIGNER, REDIGE, [], True, False, None),
        (EtatDossier.CLOS, ENGAGE, [E.NOTIFIEE], False, True, None),
    ],
)
def test_le_retrait_ne_s_offre_qu_a_qui_peut(
    etat: EtatDossier, roles: frozenset[Role], demandes: list[EtatDemande], est_auteur: bool, a_ete_signe: bool,
    acte: str | None,
) -> None:  # fmt: skip
    trouve = acte_de_retrait(etat, roles, demandes, est_auteur=est_auteur, a_ete_signe=a_ete_signe)
    assert (trouve.acte if trouve is not None else None) == acte


def test_une_redactrice_abandonne_son_brouillon_jamais_signe(decor: Decor) -> None:
    redactrice = f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    sienne = f.identite(decor.session, redactrice)
    sien = f.un_brouillon(decor.session, decor.appel, decor.organisation, sienne, contenu=f.contenu_complet())
    signe = f.un_brouillon(decor.session, decor.appel, decor.organisation, sienne, contenu=f.contenu_complet())
    brouillon.envoyer_en_signature(decor.session, signe.reference, acteur=sienne, maintenant=f.MAINTENANT)
    depot.signer(
        decor.session, signe.reference, version_lue=signe.version, acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    brouillon.reprendre(decor.session, signe.reference, acteur=sienne, maintenant=f.MAINTENANT)
    d_un_autre = un_brouillon(decor)
    client = decor.nouveau_client(redactrice)
    for ferme in (signe, d_un_autre):
        assert "/retrait" not in client.get(f"/dossiers/{ferme.reference}").text
        assert client.get(f"/dossiers/{ferme.reference}/retrait").status_code == 403
    assert "Abandonner ce brouillon" in client.get(f"/dossiers/{sien.reference}").text
    page = formulaire(client.get(f"/dossiers/{sien.reference}/retrait"), "/retrait")
    assert page.envoyer(client).status_code == 422
    assert page.remplir(motif="Doublon").envoyer(client).status_code == 303
    decor.session.expire_all()
    assert f.relire(decor.session, sien).etat is EtatDossier.RETIRE


def test_un_dossier_depose_ne_se_retire_pas_par_qui_redige(decor: Decor) -> None:
    depose = un_dossier(decor)
    client = decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation))
    assert "/retrait" not in client.get(f"/dossiers/{depose.numero}").text
    assert client.get(f"/dossiers/{depose.numero}/retrait").status_code == 403
    assert "Retirer le dossier" in decor.client.get(f"/dossiers/{depose.numero}").text


def test_une_etape_encore_fautive_se_rappelle_sur_la_page_suivante(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = formulaire(etape(decor, dossier, "deroulement"), "/etapes/deroulement").remplir(debut="2029-01-15", fin="")
    reponse = page.envoyer(decor.client, "enregistrer")
    assert reponse.status_code == 303
    arrivee = decor.client.get(reponse.headers["location"]).text.replace("\u00a0", " ")
    assert "C’est enregistré. Il reste 2 points à corriger à l’étape « Le déroulement »" in arrivee
    assert f'href="/dossiers/{dossier.reference}/etapes/deroulement">Revenir' in arrivee
    page = formulaire(etape(decor, dossier, "deroulement"), "/etapes/deroulement")
    corrige = page.remplir(debut="2027-01-15", fin="2027-12-15").envoyer(decor.client, "quitter")
    arrivee = decor.client.get(corrige.headers["location"]).text
    assert "C’est enregistré." in arrivee
    assert "Il reste" not in arrivee
    assert decor.client.get(f"/dossiers/{dossier.reference}?reste=inconnue").status_code == 200


def test_un_lieu_hors_des_quartiers_vises_avertit_sans_bloquer(decor: Decor) -> None:
    dossier = un_brouillon(decor, communes=["68154"])
    for suite in ("etapes/territoire", "signature"):
        page = decor.client.get(f"/dossiers/{dossier.reference}/{suite}").text
        assert "où ne se trouve aucun des projets de quartier choisis" in page
    ici = un_brouillon(decor)
    assert "où ne se trouve aucun" not in decor.client.get(f"/dossiers/{ici.reference}/signature").text


def test_l_histoire_dit_l_annee_et_le_motif_d_un_refus_une_fois_notifie(decor: Decor) -> None:
    depose = un_dossier(
        decor, duree="2",
        demandes=[{"ligne": "M2A", "annee": 2027, "montant": 500_000}, {"ligne": "M2A", "annee": 2028, "montant": 1}],
        budget_produits=[{"compte": "74", "libelle": "CAF", "montant": 700_000, "statut": "sollicite"}],
    )  # fmt: skip
    page = decor.client.get(f"/dossiers/{depose.numero}").text
    assert "m2A, 2027 (1re année)" in page
    assert "m2A, 2028 (2e année)" in page
    demandes = repository.list_demandes(decor.session, [depose.id])
    premiere = demandes[0][0]
    refus = [
        Passage(demande_id=premiere.id, acte="refuser", de="validee", vers="refusee", motif="Crédits", a=f.MAINTENANT),
        Passage(
            demande_id=premiere.id, acte="notifier_refus", de="refusee", vers="refus_notifie", motif="", a=f.MAINTENANT
        ),
    ]
    faits = [(x.phrase, x.detail) for x in histoire(refus, demandes, 2027)]
    assert faits == [("m2A, 2027 (1re année) : demande refusée", "Crédits")]
    premiere.etat = E.REFUSEE
    assert motifs_dus([premiere], refus) == {}
    premiere.etat = E.REFUS_NOTIFIE
    assert motifs_dus([premiere], refus) == {premiere.id: "Crédits"}
    decor.session.rollback()


def test_une_organisation_donne_des_coordonnees_joignables(decor: Decor) -> None:
    page = formulaire(
        decor.client.get(f"/organisations/nouvelle/identite?siret={f.siret_fictif(77)}"), "/organisations/nouvelle"
    ).remplir(
        nom="Une commune (fictif)", forme="collectivite", siret=f.siret_fictif(77), courriel="nom@exemple",
        code_postal="6810", telephone="03 89",
    )  # fmt: skip
    refus = page.envoyer(decor.client)
    assert refus.status_code == 422
    for phrase in ("nom@exemple.fr", "le code postal en cinq chiffres", "le téléphone en dix chiffres"):
        assert phrase in refus.text
    cree = page.remplir(courriel="nom@exemple.fr", code_postal="68100", telephone="+33 3 89.00-00 00").envoyer(
        decor.client
    )
    assert cree.status_code == 303, cree.text
    arrivee = decor.client.get(cree.headers["location"])
    assert "Votre organisation est enregistrée" in arrivee.text
    assert "Une commune (fictif)" in arrivee.text


def test_un_acte_de_conduite_se_dit_par_l_etat_atteint() -> None:
    assert set(DITS) == {t.acte for t in ACTES_DE_CONDUITE}
    assert DITS["clore"].startswith("L’appel est clos")
