"""Qui instruit un dossier trouve les pièces que l'appel demande, leur état, et ce qui a bougé depuis le dépôt."""

from __future__ import annotations

import re
from datetime import date, timedelta
from io import BytesIO

import pytest
from fastapi.testclient import TestClient

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.recevabilite import CODES
from app.etapes.dossier.service import echanges
from app.infra.files import Televersement, magasin_de
from app.noyau.roles import Role
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests import factories as f
from tests.etapes.dossier.aide_pieces_dossier import donner, exiger_pieces, fichier_de
from tests.etapes.dossier.conftest import Decor
from tests.fichiers.aide_fichiers import un_pdf
from tests.requetes import requetes

APRES = f.MAINTENANT + timedelta(days=2)


def un_agent(decor: Decor, role: Role = Role.SOUS_PREFECTURE, **portee: str) -> TestClient:
    return decor.nouveau_client(f.un_compte(decor.session, role, contrat=decor.contrat, **portee))


def un_depose(decor: Decor) -> Dossier:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return dossier


def lignes(agent: TestClient, dossier: Dossier, titre: str = "Les pièces que l’appel demande") -> list[str]:
    """Les lignes du tableau qui suit ce titre, balises retirées."""
    page = agent.get(f"/instruction/{dossier.numero}")
    assert page.status_code == 200
    suite = re.split(r"<h[23]", page.text.replace("\xa0", " ").split(f">{titre}</h", 1)[1])[0]
    corps = suite.split("<tbody>", 1)[1].split("</tbody>", 1)[0] if "<tbody>" in suite else ""
    return [" ".join(re.sub(r"<[^>]+>", " ", x).split()) for x in corps.split("</tr>")[:-1]]


def test_chaque_piece_demandee_dit_si_elle_est_fournie_et_jusqu_a_quand_elle_vaut(decor: Decor) -> None:
    exiger_pieces(decor)
    statuts = donner(decor, Nature.STATUTS, datee_du=date(2020, 3, 1))
    rib = donner(decor, Nature.RIB, etat=EtatFichier.RECU)
    dirigeants = donner(decor, Nature.LISTE_DIRIGEANTS, datee_du=date(2024, 1, 5))
    dossier, agent = un_depose(decor), un_agent(decor, ligne="BOP147")
    lues = lignes(agent, dossier)
    debuts = [
        ("Statuts et liste des dirigeants Statuts signés Exigée statuts.pdf", "Valable"),
        ("Statuts et liste des dirigeants Liste des dirigeants Exigée liste_dirigeants.pdf", "Périmée"),
        ("Statuts et liste des dirigeants Liste des dirigeants Exigée —", "À fournir"),
        ("RIB Relevé d’identité bancaire Exigée rib.pdf", "En cours d’analyse"),
        ("Attestation d’assurance Exigée —", "À fournir"),
        ("Rapport d’activité Facultative —", "Non fournie"),
    ]
    assert len(lues) == len(debuts), lues
    for ligne, (debut, etat) in zip(lues, debuts, strict=True):
        assert ligne.startswith(debut), ligne
        assert ligne.endswith(etat), ligne
    assert "1er mars 2020 la suivante" in lues[0], "datée du, valable jusqu'à"
    texte = agent.get(f"/instruction/{dossier.numero}").text.replace("\xa0", " ")
    assert "2 pièces exigées restent à fournir" in texte
    assert f'href="/fichiers/{fichier_de(decor, statuts).code}"' in texte
    assert f'href="/fichiers/{fichier_de(decor, dirigeants).code}"' in texte
    assert f'href="/fichiers/{fichier_de(decor, rib).code}"' not in texte, "personne ne lit avant l'antivirus"
    assert agent.get(f"/fichiers/{fichier_de(decor, statuts).code}").status_code == 200


def test_ce_qui_est_depose_ou_remplace_apres_le_depot_se_dit(decor: Decor) -> None:
    exiger_pieces(decor)
    donner(decor, Nature.RIB, nom="ancien.pdf")
    dossier, agent = un_depose(decor), un_agent(decor, ligne="BOP147")
    assert not any("après le dépôt" in x or "remplacée" in x for x in lignes(agent, dossier))
    donner(decor, Nature.RIB, nom="neuf.pdf", le=APRES)
    donner(decor, Nature.STATUTS, le=APRES)
    lues = lignes(agent, dossier)
    (neuf,) = [x for x in lues if "neuf.pdf" in x]
    (ancien,) = [x for x in lues if "ancien.pdf" in x]
    (statuts,) = [x for x in lues if "statuts.pdf" in x]
    assert "Déposée après le dépôt du dossier, remplace celle d’alors" in neuf
    assert "En place au dépôt du dossier, remplacée depuis" in ancien
    assert "Déposée après le dépôt du dossier" in statuts
    assert "remplace" not in statuts
    donner(decor, Nature.RIB, nom="virus.pdf", le=APRES, etat=EtatFichier.INFECTE)
    refusee = [x for x in lignes(agent, dossier) if "virus.pdf" in x]
    assert refusee
    assert "programme malveillant" in refusee[0]
    assert any("neuf.pdf" in x and "Valable" in x for x in lignes(agent, dossier)), "celle d'avant compte toujours"


def test_les_fichiers_joints_au_dossier_suivent(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor, ligne="BOP147")
    assert lignes(agent, dossier, "Autres fichiers joints au dossier") == []
    magasin = magasin_de(decor.service.state.config)
    commun = {"magasin": magasin, "acteur": decor.acteur}
    numero = dossier.numero or ""
    envoi = Televersement("devis.pdf", BytesIO(un_pdf()))
    echanges.joindre(decor.session, numero, intitule="Devis", televersement=envoi, maintenant=APRES, **commun)
    envoi = Televersement("plan.pdf", BytesIO(un_pdf(page=b"% plan")))
    message = echanges.ecrire(decor.session, numero, texte="Le plan.", televersement=envoi, maintenant=APRES, **commun)
    decor.session.commit()
    devis, plan = lignes(agent, dossier, "Autres fichiers joints au dossier")
    assert devis.startswith("Devis devis.pdf")
    assert "Joint après le dépôt du dossier le porteur" in devis
    assert "le porteur, dans un message" in plan
    assert f"/dossiers/{numero}/messages#message-{message.id}" in agent.get(f"/instruction/{numero}").text


@pytest.mark.parametrize(
    ("role", "portee"),
    [
        (Role.CONSEIL_HABITANTS, {"quartier": "QN06804M"}),
        (Role.DELEGUE_PREFET, {"quartier": "QN06804M"}),
        (Role.MEMBRE_COMMISSION, {}),
        (Role.ELU_LIGNE, {"ligne": "M2A"}),
    ],
)
def test_qui_lit_sans_instruire_ne_voit_pas_les_pieces(decor: Decor, role: Role, portee: dict[str, str]) -> None:
    exiger_pieces(decor)
    rib = donner(decor, Nature.RIB)
    dossier = un_depose(decor)
    page = un_agent(decor, role, **portee).get(f"/instruction/{dossier.numero}")
    assert page.status_code == 200
    assert "Les pièces que l’appel demande" not in page.text
    assert fichier_de(decor, rib).code not in page.text


def test_la_page_tient_en_huit_requetes_quel_que_soit_le_nombre_de_pieces(decor: Decor) -> None:
    exiger_pieces(decor)
    dossier, agent = un_depose(decor), un_agent(decor, ligne="BOP147")
    for rang in range(12):
        donner(decor, Nature.RIB, nom=f"rib{rang}.pdf", le=APRES)
    agent.get(f"/instruction/{dossier.numero}")
    with requetes(decor.service) as vues:
        lues = lignes(agent, dossier)
    assert len(vues) <= 8, "\n".join(vues)
    assert sum("rib" in x for x in lues) == 1, "la dernière seulement : aucune n'était là au dépôt"


def test_verifier_les_pieces_est_un_point_de_la_recevabilite() -> None:
    assert "pieces" in CODES
