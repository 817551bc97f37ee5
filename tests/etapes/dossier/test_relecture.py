"""Ce que dit la page avant la signature, ligne par ligne ; ce qu'un formulaire d'instruction refusé dit d'un coup."""

from __future__ import annotations

from app.etapes.dossier.rules.etats import EtatDossier
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_pages_instructeur import adresse, un_agent, un_depose


def test_la_relecture_dit_la_ligne_qui_sera_hors_champ(decor: Decor) -> None:
    contenu = f.contenu_complet(decor.appel.annee) | {
        "fiches": ["MARKSTEIN"],
        "demandes": [
            {"ligne": "M2A", "annee": 2027, "montant": 500_000},
            {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
        ],
    }
    brouillon = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu=contenu)
    decor.session.commit()
    page = decor.client.get(f"/dossiers/{brouillon.reference}/signature").text.replace("\u00a0", " ")
    assert "1 demande sera déclarée hors champ au dépôt" in page
    assert page.count("Sera hors champ") == 1
    assert page.count("Sera étudiée") == 1
    mulhouse = page.split("Sera hors champ")[0].rsplit("<tr>", 1)[1]
    assert "Mulhouse" in mulhouse
    assert "3\u202f000" in mulhouse
    depose = un_depose(decor)
    assert "Qui étudiera votre demande" not in decor.client.get(f"/dossiers/{depose.numero}/signature").text
    assert brouillon.etat is EtatDossier.BROUILLON


def test_un_complement_dit_toutes_ses_fautes_chacune_menant_a_son_champ(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(f"/instruction/{dossier.numero}"), "/complements")
    refus = page.remplir(objet="", pourquoi="", echeance="").envoyer(agent)
    assert refus.status_code == 422
    for champ in ("objet", "pourquoi", "echeance"):
        assert f'href="#champ-{champ}"' in refus.text, champ
        assert f'id="champ-{champ}"' in refus.text, champ
        assert f'id="erreur-{champ}"' in refus.text, champ
    passee = page.remplir(objet="", pourquoi="Le coût n’est pas établi.", echeance="2026-11-01").envoyer(agent)
    assert 'href="#champ-objet"' in passee.text
    assert 'href="#champ-echeance"' in passee.text
    assert formulaire(passee, "/complements").valeur("pourquoi") == "Le coût n’est pas établi."
    lointaine = page.remplir(objet="Devis", pourquoi="Coût", echeance="9999-12-31").envoyer(agent)
    assert lointaine.status_code == 422
    assert 'href="#champ-echeance"' in lointaine.text


def test_un_examen_dit_toutes_ses_fautes(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(adresse(dossier, "examen")), "/examen")
    sans = page.envoyer(agent)
    assert sans.status_code == 422
    assert 'href="#champ-conclusion"' in sans.text
    refus = page.remplir(conclusion="orientee").envoyer(agent)
    assert 'href="#champ-oriente_vers"' in refus.text
    assert 'href="#champ-motif"' in refus.text
    assert "Points vérifiés <span" not in refus.text, "exigés pour déclarer recevable : pas dits facultatifs"


def test_le_complement_nomme_la_commune_de_chaque_ligne(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = agent.get(f"/instruction/{dossier.numero}").text
    assert '<option value="M2A">m2A — ' in page
