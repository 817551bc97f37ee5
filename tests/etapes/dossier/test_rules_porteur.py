"""Ce que le porteur lit : l'état des étapes, le suivi, l'accusé ; la reprise d'un dossier ; la recherche."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.etapes.dossier.rules.accuse import DemandeRecue, accuser, suspension
from app.etapes.dossier.rules.comptes import (
    CHARGES,
    PRODUITS,
    est_subvention_publique,
    est_volontaire,
    groupes,
    options,
    poste_de,
)
from app.etapes.dossier.rules.edition import TENUE, est_tenue
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande, Ton
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.lecture import Domaines
from app.etapes.dossier.rules.parcours import sections_du_dossier
from app.etapes.dossier.rules.recherche import requete_de_recherche, texte_de_recherche
from app.etapes.dossier.rules.reprise import DemandePassee, valeurs_reprises
from app.etapes.dossier.rules.sections import (
    EtatSection,
    est_facultative,
    etats_des_sections,
    pas_a_pas,
)
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros


def test_une_etape_dit_ce_qui_presse_le_plus() -> None:
    fautes = [
        Faute("titre", "À remplir", "champ_manquant"),
        Faute("fin", "La fin vient après le début.", "dates_inversees"),
        Faute("calendrier", "À remplir", "champ_manquant"),
    ]
    contenu = {"fiches": ["COTEAUX"], "lieu": "Ici", "beneficiaires": 12, "a_jour": False}
    etats = etats_des_sections(contenu, fautes, {"lieu"})
    assert etats[Section.PROJET] is EtatSection.A_FINIR
    assert etats[Section.DEROULEMENT] is EtatSection.A_CORRIGER
    assert etats[Section.TERRITOIRE] is EtatSection.A_REVOIR
    assert etats[Section.PUBLIC] is EtatSection.COMPLET
    assert etats[Section.HABITANTS] is EtatSection.FACULTATIF
    assert etats[Section.ATTESTATIONS] is EtatSection.FACULTATIF
    assert {e.libelle for e in EtatSection} == {"Complet", "À finir", "À corriger", "À revoir", "Facultatif"}
    assert EtatSection.A_CORRIGER.ton is Ton.ATTENTE


@pytest.mark.parametrize("etat", EtatDemande)
def test_chaque_etat_a_son_suivi_et_une_seule_etape_en_cours(etat: EtatDemande) -> None:
    pas = pas_a_pas(etat)
    assert pas[0].ton is Ton.OUI
    en_cours = [p for p in pas if p.ton in {Ton.INFO, Ton.ATTENTE}]
    decidees = {EtatDemande.DECIDEE, EtatDemande.REFUSEE, EtatDemande.TRANCHE_DECIDEE}
    assert len(en_cours) == (1 if etat in AVANT_DECISION | decidees else 0)


def test_le_suivi_ne_montre_ni_l_arbitrage_ni_le_sens_du_vote() -> None:
    commission = {pas_a_pas(e) for e in (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)}
    decision = {
        pas_a_pas(e)
        for e in (
            EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU, EtatDemande.DECIDEE, EtatDemande.REFUSEE,
            EtatDemande.TRANCHE_DECIDEE,
        )
    }  # fmt: skip
    assert len(commission) == 1
    assert pas_a_pas(EtatDemande.PROPOSEE)[3].ton is Ton.INFO
    assert len(decision) == 1
    assert pas_a_pas(EtatDemande.RESERVE)[-1].detail == "Sur liste de réserve"


def _recue(etat: EtatDemande = EtatDemande.OUVERTE) -> DemandeRecue:
    return DemandeRecue("M2A", "m2A", "m2A", "délibération", etat, Euros.de(5000), None)


def test_l_accuse_dit_le_jour_du_rejet_et_du_dernier_recours() -> None:
    (accuse,) = accuser(date(2026, 11, 6), [_recue()], [], porteur_prive=True)
    assert (accuse.rejet_le, accuse.recours_jusqu_au) == (date(2027, 1, 6), date(2027, 3, 6))
    assert accuse.est_saisie
    assert accuse.issue == ""


def test_une_demande_finie_dit_son_issue_et_plus_ce_que_vaut_le_silence() -> None:
    (refusee,) = accuser(date(2026, 11, 6), [_recue(EtatDemande.REFUS_NOTIFIE)], [], porteur_prive=True)
    (secrete,) = accuser(date(2026, 11, 6), [_recue(EtatDemande.REFUSEE)], [], porteur_prive=True)
    assert (refusee.issue, secrete.issue) == ("Demande refusée", "")


def test_un_complement_suspend_le_delai_pour_le_temps_imparti() -> None:
    demandee, echeance = date(2026, 11, 10), date(2026, 11, 24)
    attendu = accuser(date(2026, 11, 6), [_recue()], [suspension(demandee, echeance, None)], porteur_prive=True)
    vite = accuser(
        date(2026, 11, 6), [_recue()], [suspension(demandee, echeance, date(2026, 11, 14))], porteur_prive=True
    )
    tard = accuser(
        date(2026, 11, 6), [_recue()], [suspension(demandee, echeance, date(2026, 12, 20))], porteur_prive=True
    )
    assert attendu[0].rejet_le == date(2027, 1, 20)
    assert vite[0].rejet_le == date(2027, 1, 10)
    assert tard[0].rejet_le == attendu[0].rejet_le


def test_le_complement_d_une_ligne_ne_repousse_pas_le_silence_des_autres() -> None:
    etat = replace(_recue(), ligne="BOP147")
    de_m2a = suspension(date(2026, 11, 10), date(2026, 11, 24), None, "M2A")
    m2a, bop = accuser(date(2026, 11, 6), [_recue(), etat], [de_m2a], porteur_prive=True)
    assert (m2a.rejet_le, bop.rejet_le) == (date(2027, 1, 20), date(2027, 1, 6))
    de_tous = suspension(date(2026, 11, 10), date(2026, 11, 24), None)
    assert {a.rejet_le for a in accuser(date(2026, 11, 6), [_recue(), etat], [de_tous], porteur_prive=True)} == {
        date(2027, 1, 20)
    }


def test_le_silence_ne_vaut_rejet_ni_pour_un_porteur_public_ni_hors_champ() -> None:
    (public,) = accuser(date(2026, 11, 6), [_recue()], [], porteur_prive=False)
    (hors_champ,) = accuser(date(2026, 11, 6), [_recue(EtatDemande.HORS_CHAMP)], [], porteur_prive=True)
    assert (public.est_saisie, public.rejet_le) == (True, None)
    assert (hors_champ.est_saisie, hors_champ.rejet_le, hors_champ.recours_jusqu_au) == (False, None, None)


def test_repartir_d_un_dossier_recopie_les_textes_et_fait_des_montants_la_colonne_n_1() -> None:
    domaines = Domaines(
        {"objectifs": frozenset({"E1.2"}), "fiches": frozenset({"COTEAUX"}), "lignes": frozenset({"M2A"})}
    )
    contenu = {
        "titre": "Café des parents",
        "objectif_principal": "E9.9",
        "objectifs_secondaires": ["E1.2", "E9.9"],
        "fiches": ["COTEAUX", "DISPARUE"],
        "debut": "2026-01-15",
        "demandes": [{"ligne": "M2A", "annee": 2026, "montant": 1}],
        "a_jour": True,
        "numero_dauphin": "DA001",
    }
    passees = [
        DemandePassee("M2A", 2026, Euros.de(4000)),
        DemandePassee("M2A", 2025, Euros.de(9999)),
        DemandePassee("DISPARUE", 2026, Euros.de(1)),
    ]
    assert valeurs_reprises(contenu, "M2A-2026-0012", passees, 2027, domaines) == {
        "titre": "Café des parents",
        "objectifs_secondaires": ["E1.2"],
        "fiches": ["COTEAUX"],
        "precedents": [{"ligne": "M2A", "demande": 400_000}],
        "renouvelle": "M2A-2026-0012",
    }
    assert "precedents" not in valeurs_reprises(contenu, "M2A-2026-0012", [], 2027, domaines)


def test_on_cherche_sans_accent_ni_casse_et_par_le_debut_des_mots() -> None:
    assert texte_de_recherche("M2A-2027-0093", "L’Œuvre d’été", "CSC") == "m2a 2027 0093 l oeuvre d ete csc"
    assert requete_de_recherche("  Été & (caf:*) ! ") == "ete:* & caf:*"
    assert requete_de_recherche("&|!") == ""
    assert requete_de_recherche("a " * 40).count("&") == 11


def test_les_etapes_d_un_dossier_suivent_sa_duree_et_son_porteur() -> None:
    assert Section.ANNEES not in sections_du_dossier(1, association=True)
    assert Section.ANNEES in sections_du_dossier(2, association=True)
    assert Section.ORGANISATION not in sections_du_dossier(3, association=False)
    assert len(sections_du_dossier(3, association=True)) == len(Section)


def test_le_chemin_court_rend_des_etapes_facultatives() -> None:
    facultatives = {s for s in Section if est_facultative(s, court=True, association=True)}
    assert {Section.EGALITE, Section.MOYENS, Section.HABITANTS, Section.ORGANISATION} == facultatives
    assert {s for s in Section if est_facultative(s, court=False, association=True)} == {Section.EGALITE}
    assert est_facultative(Section.ORGANISATION, court=False, association=False)


def test_chaque_etape_a_son_groupe() -> None:
    assert [*dict.fromkeys(s.partie for s in Section)] == ["L’action", "Sa réalisation", "L’argent", "Pour finir"]


def test_une_etape_est_tenue_dix_minutes() -> None:
    vue = datetime(2026, 11, 6, 9, 0, tzinfo=UTC)
    assert est_tenue("c-1", vue, "c-2", vue + TENUE - timedelta(seconds=1))
    assert not est_tenue("c-1", vue, "c-2", vue + TENUE)
    assert not est_tenue("c-1", vue, "c-1", vue)


@pytest.mark.parametrize(
    ("compte", "poste", "publique", "volontaire"),
    [
        ("601", "60", False, False),
        ("60", "60", False, False),
        ("74orgasoc", "74", True, False),
        ("74", "74", True, False),
        ("74aidespriv", "74", False, False),
        ("864", "86", False, True),
        ("870", "87", False, True),
        ("65", "65", False, False),
        ("65x", "65", False, False),
        ("IND", "CHARGINDIRECT", False, False),
        ("PROPRES", "RESSPROPRES", False, False),
        ("inconnu", "inconnu", False, False),
    ],
)
def test_un_compte_dit_son_poste(compte: str, poste: str, publique: bool, volontaire: bool) -> None:
    assert (poste_de(compte), est_subvention_publique(compte), est_volontaire(compte)) == (poste, publique, volontaire)


def test_les_options_d_un_budget_se_rangent_sous_leur_poste() -> None:
    titres = dict(groupes(CHARGES))
    assert titres["60 Achats"][0] == ("60", "60 Achats")
    assert ("601", "601 Achats matières et fournitures") in titres["60 Achats"]
    assert [o for _, liste in groupes(PRODUITS) for o in liste] == list(options(PRODUITS))
