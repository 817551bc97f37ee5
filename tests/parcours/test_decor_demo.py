"""Le décor de la démonstration : chaque ligne a son service à joindre, fictif et dit tel."""

from __future__ import annotations

from sqlalchemy import select

from app.commandes.base import Base, fabrique_de
from app.commandes.campagne.jeu import charger_le_decor
from app.commandes.charge.patrons import actions_reelles
from app.etapes.dossier.rules.numero_dauphin import normaliser
from app.referentiels.lignes.models import LigneFinancement
from seeds.demo.derivation import deduire


def test_un_numero_du_portail_ne_sert_qu_une_fois_d_une_annee_a_l_autre() -> None:
    actions = actions_reelles()[:60]
    contenus = [deduire(r, a, n, 40).contenu for n in (2026, 2027) for r, a in enumerate(actions, start=1)]
    numeros = [c["numero_dauphin"] for c in contenus if "numero_dauphin" in c]
    assert len(numeros) > 20
    assert len(set(numeros)) == len(numeros)
    assert all(normaliser(n) == n for n in numeros)


def test_chaque_ligne_de_la_demonstration_a_un_service_fictif_et_pas_de_faux_siret(base_propre: Base) -> None:
    with fabrique_de(base_propre) as fabrique:
        for _ in range(2):
            charger_le_decor(fabrique)
        with fabrique() as session:
            lignes = {li.code: li for li in session.scalars(select(LigneFinancement)) if li.service is not None}
    assert set(lignes) == {"BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"}
    for ligne in lignes.values():
        assert ligne.service is not None
        assert "(fictif)" in ligne.service.nom
        assert "fictive" in ligne.service.adresse
        assert ligne.service.telephone.replace(" ", "").startswith("035301")
        assert ligne.service.courriel.endswith("@demo.invalid")
    assert {code for code, li in lignes.items() if li.attribuant_siret} == {"MULHOUSE"}, "le seul SIRET du contrat"
