"""Le porteur trouve sa décision depuis ses dossiers : accordé, refus motivé, lettre, renoncer ; l'annonce s'éteint."""

from __future__ import annotations

from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.convention.service import decision, lettre, notification
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from tests.etapes.commission.aide_seance import Campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, refuse
from tests.etapes.convention.test_pages import Connexion, entrer, numero, votee
from tests.factories import connecter, un_compte

__all__ = ["entrer", "votee"]


def _decider(ecriture: Session, votee: Campagne) -> None:
    """M2A accorde 3 500 € au premier dossier et refuse le second ; les deux lettres partent."""
    arreter(ecriture, votee, "M2A")
    m2a = de_la_ligne(ecriture, votee, "M2A")
    for rang, dite in enumerate((accorde(3_500, "Budget réduit"), refuse())):
        decision.decider(ecriture, numero(votee, rang), "M2A", dite, acteur=m2a, maintenant=APRES)
    ecriture.commit()


def _notifier(ecriture: Session, votee: Campagne) -> None:
    m2a = de_la_ligne(ecriture, votee, "M2A")
    for rang in (0, 1):
        notification.notifier(ecriture, numero(votee, rang), "M2A", acteur=m2a, maintenant=APRES)
    ecriture.commit()


def _du_porteur(ecriture: Session, votee: Campagne, rang: int) -> Compte:
    return ecriture.get_one(Compte, votee.porteurs[rang].compte_id)


def _texte(client: TestClient, chemin: str) -> str:
    return client.get(chemin).text.replace("\u00a0", " ").replace("\u202f", " ")


def test_le_porteur_trouve_l_accorde_et_sa_lettre(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    _decider(ecriture, votee)
    client = entrer(_du_porteur(ecriture, votee, 0)).client
    fiche, lettre_m2a = f"/dossiers/{numero(votee)}", f"/dossiers/{numero(votee)}/notifications/M2A"
    for page in (_texte(client, "/dossiers"), _texte(client, fiche)):
        assert "3 500 €" not in page, "l'accordé ne se lit pas avant la notification"
        assert "Décision de chaque financeur" in page
        assert "Commission des élus le" not in page
        assert "/retrait" not in page
    _notifier(ecriture, votee)
    liste = _texte(client, "/dossiers")
    assert "Une décision vient d’arriver : m2A, 2027" in liste
    for page in (liste, _texte(client, fiche)):
        assert "3 500 €" in page
        assert f'href="{lettre_m2a}"' in page
        assert f'href="{lettre_m2a}#renoncer"' in page
        assert "Décision des autres financeurs" in page
    assert "le dossier ne se retire plus" in _texte(client, fiche)
    assert client.get(f"{fiche}/retrait").status_code == 409
    page = _texte(client, lettre_m2a)
    assert "m2A vous attribue" in page
    assert "Décision de m2A" in page
    assert "décision notifiée le" in page
    assert 'id="renoncer"' in page
    assert "Une décision vient d’arriver" not in _texte(client, "/dossiers")
    assert f'href="{lettre_m2a}"' in _texte(client, "/dossiers")


def test_un_refus_se_lit_avec_son_motif_et_ne_se_renonce_pas(
    ecriture: Session, votee: Campagne, entrer: Connexion
) -> None:
    _decider(ecriture, votee)
    client = entrer(_du_porteur(ecriture, votee, 1)).client
    chemin = f"/dossiers/{numero(votee, 1)}"
    assert "Crédits épuisés" not in _texte(client, "/dossiers") + _texte(client, chemin)
    _notifier(ecriture, votee)
    for page in (_texte(client, "/dossiers"), _texte(client, chemin)):
        assert "Crédits épuisés" in page
        assert f'href="{chemin}/notifications/M2A"' in page
        assert "#renoncer" not in page
    client.headers["X-Horloge"] = (APRES + timedelta(days=29)).isoformat()
    assert "Une décision vient d’arriver" in _texte(client, "/dossiers")
    client.headers["X-Horloge"] = (APRES + timedelta(days=31)).isoformat()
    assert "Une décision vient d’arriver" not in _texte(client, "/dossiers")


def test_qui_redige_lit_la_lettre_sans_pouvoir_renoncer(ecriture: Session, votee: Campagne, client: TestClient) -> None:
    _decider(ecriture, votee)
    _notifier(ecriture, votee)
    organisation = ecriture.get_one(Organisation, votee.dossiers[0].organisation_id)
    connecter(client, ecriture, un_compte(ecriture, Role.REDACTEUR, organisation=organisation), maintenant=APRES)
    page = _texte(client, f"/dossiers/{numero(votee)}")
    assert "Lire la lettre" in page
    assert "#renoncer" not in page


def test_la_lettre_nomme_l_etat_en_francais(ecriture: Session, votee: Campagne) -> None:
    arreter(ecriture, votee, "BOP147")
    etat = de_la_ligne(ecriture, votee, "BOP147")
    decision.decider(ecriture, numero(votee), "BOP147", accorde(2_000, "Budget réduit"), acteur=etat, maintenant=APRES)
    partie = notification.notifier(ecriture, numero(votee), "BOP147", acteur=etat, maintenant=APRES)
    _, lues = notification.ouvrir(ecriture, numero(votee), "BOP147", acteur=votee.porteurs[0], maintenant=APRES)
    dite = lettre.donnees(ecriture, partie, lues)
    assert (dite["attribuant_sujet"], dite["attribuant_de"]) == ("L’État", "de l’État")
    assert lettre.sceller_et_envoyer(ecriture, partie.id, url_publique="http://x", maintenant=APRES)
