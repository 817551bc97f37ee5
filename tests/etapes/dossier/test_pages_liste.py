"""La liste des dossiers : le filtre actif se dit, le total annoncé est celui listé, les financeurs ont un nom."""

from __future__ import annotations

import re

import pytest

from app.espaces.instructeur.pages import restriction
from app.espaces.instructeur.repository import Choix
from app.etapes.dossier.repository.recherche import Filtres
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_pages_accueil import en_clair, liens
from tests.etapes.dossier.test_pages_instructeur import mettre, un_agent, un_depose
from tests.requetes import requetes

CHOIX = Choix(
    quartiers=[("QN1", "Drouot")],
    objectifs=[("E1.2", "E1.2 L’emploi")],
    noms_quartiers={"QN1": "Drouot"},
    noms_objectifs={"E1.2": "L’emploi"},
    financeurs={"MULHOUSE": "Ville de Mulhouse", "BOP147": "État"},
)


@pytest.mark.parametrize(
    ("filtres", "phrase"),
    [
        (Filtres(appel="ess-2027"), ""),
        (Filtres(ligne="MULHOUSE"), "qui ont une demande auprès de la Ville de Mulhouse"),
        (
            Filtres(ligne="BOP147", etat_demande=EtatDemande.OUVERTE),
            "qui ont une demande « À vérifier » auprès de l’État",
        ),
        (Filtres(etat_demande=EtatDemande.PROPOSEE), "qui ont une demande « Proposée »"),
        (Filtres(etat=EtatDossier.DEPOSE, quartier="QN1"), "dont l’état est « Déposé », du quartier Drouot"),
        (Filtres(objectif="E1.2", q=" vélo "), "de l’objectif E1.2, qui répondent à « vélo »"),
        (Filtres(ligne="INCONNUE"), "qui ont une demande auprès d’INCONNUE"),
    ],
)
def test_chaque_filtre_se_dit_en_phrase(filtres: Filtres, phrase: str) -> None:
    assert restriction(filtres, CHOIX) == phrase


def numeros_listes(page: str) -> set[str]:
    """Les dossiers qu'une page liste."""
    return set(re.findall(r'href="/instruction/([A-Z0-9-]+)"', page))


def test_un_filtre_de_ligne_et_d_etat_se_voit_et_se_retire(decor: Decor) -> None:
    vu, autre = un_depose(decor), un_depose(decor)
    mettre(decor, autre, EtatDemande.EN_INSTRUCTION, "M2A")
    agent = un_agent(decor)
    page = agent.get("/instruction?appel=ess-2027&ligne=M2A&etat_demande=ouverte").text
    assert (
        "1 dossier sous ce filtre : les dossiers qui ont une demande « À vérifier » auprès de m2A. Tout voir"
        in en_clair(page)
    )
    assert "/instruction?appel=ess-2027" in liens(page)
    assert '<option value="M2A" selected>m2A</option>' in page, "le formulaire garde le filtre"
    assert '<option value="ouverte" selected>À vérifier</option>' in page
    assert numeros_listes(page) == {vu.numero}
    assert "sous ce filtre" not in en_clair(agent.get("/instruction?appel=ess-2027").text)


def test_le_total_annonce_est_celui_de_la_liste(decor: Decor) -> None:
    deposes = [un_depose(decor) for _ in range(3)]
    deposes[0].etat = EtatDossier.A_COMPLETER
    decor.session.commit()
    page = un_agent(decor).get("/instruction?appel=ess-2027&etat=depose").text
    assert numeros_listes(page) == {d.numero for d in deposes[1:]}
    dit = en_clair(page)
    assert "2 dossiers sous ce filtre : les dossiers dont l’état est « Déposé »" in dit
    assert "2 affichés sur 2" in dit
    assert "Par état : tous : 3 · Déposé : 2 · Complément attendu : 1" in dit


def test_le_fragment_dit_aussi_le_filtre(decor: Decor) -> None:
    un_depose(decor)
    fragment = un_agent(decor).get("/instruction?appel=ess-2027&etat=clos", headers={"HX-Request": "true"}).text
    assert "0 dossier sous ce filtre : les dossiers dont l’état est « Clos »" in en_clair(fragment)
    assert "<form" not in fragment


def test_une_page_d_instruction_nomme_le_financeur_pas_son_code(decor: Decor) -> None:
    dossier, etat = un_depose(decor), un_agent(decor, Role.SOUS_PREFECTURE, "BOP147")
    liste = en_clair(etat.get("/instruction?appel=ess-2027").text)
    assert "État À vérifier m2A À vérifier" in liste
    detail = en_clair(etat.get(f"/instruction/{dossier.numero}?ligne=BOP147&annee=2027&acte=examen").text)
    assert "Examiner la recevabilité — État 2027" in detail
    assert "État — BOP 147" in detail, "le choix de la ligne d'un complément"
    for page in (liste, detail):
        assert not re.search(r"\b(?:M2A|BOP147|MULHOUSE)\b", page)


def test_la_liste_tient_en_huit_requetes(decor: Decor) -> None:
    un_depose(decor)
    compte = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    agent = decor.nouveau_client(compte)
    agent.get("/instruction")
    for chemin in ("/instruction?ligne=M2A&etat=depose", "/instruction?complement=recus"):
        with requetes(decor.service) as vues:
            assert agent.get(chemin).status_code == 200
        assert len(vues) <= 8, "\n".join(vues)


def test_la_programmation_d_ensemble_nomme_les_financeurs(decor: Decor) -> None:
    un_depose(decor)
    page = un_agent(decor, Role.EQUIPE_PROJET, None).get("/appels/ess-2027/programmation").text
    entetes = [en_clair(e).strip() for e in re.findall(r'<th scope="col".*?</th>', page, re.S)]
    assert entetes[-5:] == ["Dossier", "État", "m2A", "Ville de Mulhouse", "Total"]
    assert "Ouvrir la ligne : Ville de Mulhouse" in en_clair(page)
