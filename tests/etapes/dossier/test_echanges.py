"""Messages, fichiers joints, rappels, étapes rouvertes par un complément et ce qu'il change, tout télécharger."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.etapes.dossier.repository import echanges as lectures
from app.etapes.dossier.rules.echanges import (
    RAPPELS_DEPOT,
    Cote,
    differences,
    rappel_du,
    sections_rouvertes,
    verifier_message,
)
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.service import brouillon, depot, echanges, recevabilite
from app.infra.mail import Courriel
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.rules import EtatFichier
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_rules_formulaire_unique import Noms
from tests.requetes import requetes

PDF_MINIMAL = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n164\n"
    b"%%EOF\n"
)


@pytest.mark.parametrize(
    ("texte", "fichier", "code"),
    [
        ("Bonjour", False, None),
        (" ", False, "message_vide"),
        ("", True, "message_vide"),
        ("x" * 4001, True, "message_trop_long"),
    ],
)
def test_un_message_dit_quelque_chose(texte: str, fichier: bool, code: str | None) -> None:
    assert [x.code for x in verifier_message(texte, avec_fichier=fichier)] == ([code] if code else [])


def test_un_rappel_est_du_deux_fois_et_jamais_apres() -> None:
    fin = f.MAINTENANT
    dus = [rappel_du(fin, fin - timedelta(days=j, minutes=-1), RAPPELS_DEPOT) for j in (9, 8, 7, 3, 2, 1)]
    assert dus == [None, None, 7, 7, 2, 2]
    assert rappel_du(fin, fin, RAPPELS_DEPOT) is None


def test_les_etapes_rouvertes_sont_la_reunion_de_ce_qui_est_vise() -> None:
    assert sections_rouvertes([["budget"], ["public", "inconnue"]]) == {Section.BUDGET, Section.PUBLIC}
    assert sections_rouvertes([[], []]) == frozenset()
    assert sections_rouvertes([["budget"], None]) == frozenset(Section)


def test_ce_qui_change_se_dit_champ_par_champ() -> None:
    avant = f.contenu_complet(2027)
    apres = avant | {"titre": "Café du soir", "aller_vers": True}
    dites = differences(avant, apres, Noms())
    assert [(d.libelle, d.avant, d.apres) for d in dites] == [
        ("Titre de l’action", ("Café des parents",), ("Café du soir",)),
        ("L’action va vers les gens, hors des murs", ("—",), ("Oui",)),
    ]
    assert differences(avant, avant | {"aller_vers": None}, Noms()) == ()


@pytest.fixture
def depose(decor: Decor) -> Dossier:
    cree = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return cree


@pytest.fixture
def agent(decor: Decor) -> TestClient:
    compte = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A", nom="Instruction m2A")
    return decor.nouveau_client(compte)


def ecrire(client: TestClient, dossier: Dossier, texte: str, octets: bytes | None = None) -> Response:
    adresse = f"/dossiers/{dossier.numero}/messages"
    jeton = formulaire(client.get(adresse), "/messages").valeur("_csrf") or ""
    fichiers = (
        {"fichier": ("devis.pdf", octets, "application/pdf")} if octets is not None else {"fichier": ("", b"", "")}
    )
    return client.post(adresse, data={"_csrf": jeton, "texte": texte}, files=fichiers)


def test_porteur_et_service_se_repondent(decor: Decor, depose: Dossier, agent: TestClient) -> None:
    assert ecrire(agent, depose, "Quel est l’horaire ?").status_code == 303
    accueil = decor.client.get("/dossiers").text
    assert "1 message au sujet de" in accueil.replace("\xa0", " ")
    page = decor.client.get(f"/dossiers/{depose.numero}/messages")
    assert "Quel est l’horaire ?" in page.text
    assert "message au sujet de" not in decor.client.get("/dossiers").text.replace("\xa0", " "), "lu"
    assert ecrire(decor.client, depose, "Le mardi soir.").status_code == 303
    lus = decor.session.scalars(select(Message).order_by(Message.id)).all()
    assert [(m.cote, m.texte) for m in lus] == [(Cote.AGENT, "Quel est l’horaire ?"), (Cote.PORTEUR, "Le mardi soir.")]
    assert "Le mardi soir." in agent.get(f"/dossiers/{depose.numero}/messages").text


def test_un_message_vide_revient_et_n_ecrit_rien(decor: Decor, depose: Dossier) -> None:
    refus = ecrire(decor.client, depose, "  ")
    assert refus.status_code == 422
    assert "Écrivez votre message" in refus.text
    assert decor.session.scalar(select(Message.id)) is None


def test_un_fichier_se_joint_et_ne_se_lit_qu_une_fois_sain(decor: Decor, depose: Dossier, agent: TestClient) -> None:
    assert ecrire(decor.client, depose, "Voici le devis.", PDF_MINIMAL).status_code == 303
    fichier = decor.session.scalars(select(Fichier)).one()
    assert agent.get(f"/fichiers/{fichier.code}").status_code == 409, "l'antivirus ne l'a pas vu"
    _declarer_sain(decor, fichier)
    lu = agent.get(f"/fichiers/{fichier.code}")
    assert (lu.status_code, lu.content) == (200, PDF_MINIMAL)
    habitants = decor.nouveau_client(
        f.un_compte(decor.session, Role.CONSEIL_HABITANTS, contrat=decor.contrat, quartier="QN06804M")
    )
    assert habitants.get(f"/fichiers/{fichier.code}").status_code == 404
    assert habitants.get(f"/dossiers/{depose.numero}/messages").status_code == 403


def _declarer_sain(decor: Decor, fichier: Fichier) -> None:
    fichier.etat, fichier.analyse_at, fichier.analyse_par = EtatFichier.SAIN, f.MAINTENANT, "essai"
    decor.session.commit()


def test_un_fichier_refuse_revient_avec_la_saisie(decor: Decor, depose: Dossier) -> None:
    refus = ecrire(decor.client, depose, "Voici un virus.", b"MZ\x90\x00" * 50)
    assert refus.status_code == 422
    assert "Voici un virus." in refus.text
    assert decor.session.scalar(select(Message.id)) is None
    assert decor.session.scalar(select(FichierDossier.fichier_id)) is None


def test_un_brouillon_n_a_pas_de_messages(decor: Decor) -> None:
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    page = decor.client.get(f"/dossiers/{dossier.reference}/messages")
    assert page.status_code == 200
    assert "une fois le dossier déposé" in page.text
    jeton = formulaire(decor.client.get("/dossiers"), "/deconnexion").valeur("_csrf") or ""
    assert (
        decor.client.post(f"/dossiers/{dossier.reference}/messages", data={"_csrf": jeton, "texte": "x"}).status_code
        == 409
    )


def test_l_autre_cote_est_prevenu_sans_le_texte(decor: Decor, depose: Dossier, agent: TestClient) -> None:
    ecrire(decor.client, depose, "Un secret.")
    message = decor.session.scalars(select(Message)).one()
    for _ in range(2):
        echanges.annoncer_message(decor.session, message.id, url_publique="https://exemple.fr", maintenant=f.MAINTENANT)
    courriels = decor.session.scalars(select(Courriel)).all()
    assert len(courriels) == 1, "l'instructeur de la ligne demandée, une fois"
    assert "Un secret" not in courriels[0].corps
    assert f"/dossiers/{depose.numero}/messages" in courriels[0].corps


def test_les_pages_d_echange_tiennent_en_huit_requetes(decor: Decor, depose: Dossier) -> None:
    for suite in ("messages", "pieces"):
        decor.client.get(f"/dossiers/{depose.numero}/{suite}")
        with requetes(decor.service) as vues:
            assert decor.client.get(f"/dossiers/{depose.numero}/{suite}").status_code == 200
        assert len(vues) - 1 <= 8, (suite, vues)


def test_une_piece_propre_au_dossier_se_joint(decor: Decor, depose: Dossier) -> None:
    adresse = f"/dossiers/{depose.numero}/pieces"
    jeton = formulaire(decor.client.get(adresse), "/pieces").valeur("_csrf") or ""
    envoi = {"fichier": ("devis.pdf", PDF_MINIMAL, "application/pdf")}
    refus = decor.client.post(adresse, data={"_csrf": jeton, "intitule": ""}, files=envoi)
    assert refus.status_code == 422
    assert decor.client.post(adresse, data={"_csrf": jeton, "intitule": "Devis"}, files=envoi).status_code == 303
    page = decor.client.get(adresse).text
    assert "Devis" in page
    assert "En cours d’analyse" in page


def demander(decor: Decor, dossier: Dossier, sections: list[str] | None, echeance: datetime | None = None) -> None:
    agent = f.identite(decor.session, f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A"))
    recevabilite.demander_complement(
        decor.session, dossier.numero or "", objet="Le calendrier", pourquoi="Il manque.",
        echeance_le=echeance or f.MAINTENANT + timedelta(days=10), acteur=agent, maintenant=f.MAINTENANT, ligne="M2A",
        sections=sections,
    )  # fmt: skip
    decor.session.commit()


def test_un_complement_ne_rouvre_que_ses_etapes(decor: Decor, depose: Dossier) -> None:
    demander(decor, depose, ["deroulement"])
    adresse = f"/dossiers/{depose.numero}"
    page = decor.client.get(adresse).text
    assert f'href="{adresse}/etapes/deroulement"' in page
    assert f'href="{adresse}/etapes/projet"' not in page
    assert decor.client.get(f"{adresse}/etapes/deroulement").status_code == 200
    assert decor.client.get(f"{adresse}/etapes/projet").headers["location"].startswith(f"{adresse}?fait=etape-sans")
    with pytest.raises(SaisieInvalide) as refus:
        brouillon.enregistrer(
            decor.session, depose.numero or "", {"titre": "Autre"}, versions={"titre": 1}, acteur=decor.acteur,
            maintenant=f.MAINTENANT,
        )  # fmt: skip
    assert [x.code for x in refus.value.fautes] == ["etape_fermee"]


def test_ce_qu_un_complement_a_change_se_lit_des_deux_cotes(decor: Decor, depose: Dossier, agent: TestClient) -> None:
    demander(decor, depose, ["deroulement"])
    commun = {"acteur": decor.acteur, "maintenant": f.MAINTENANT + timedelta(hours=1)}
    numero = depose.numero or ""
    brouillon.enregistrer(decor.session, numero, {"calendrier": "Le mardi"}, versions={"calendrier": 1}, **commun)
    depot.completer(decor.session, numero, reponse="Voici.", **commun)
    decor.session.commit()
    for client in (decor.client, agent):
        page = client.get(f"/dossiers/{numero}/versions/2")
        assert page.status_code == 200
        for texte in ("Les grandes étapes", "Une séance par semaine", "Le mardi"):
            assert texte in page.text, texte
    assert decor.client.get(f"/dossiers/{numero}/versions/1").status_code == 404
    assert f"/dossiers/{numero}/versions/2" in decor.client.get(f"/dossiers/{numero}").text
    assert f"/dossiers/{numero}/versions/2" in agent.get(f"/instruction/{numero}").text


def test_une_etape_inconnue_ne_se_rouvre_pas(decor: Decor, depose: Dossier) -> None:
    with pytest.raises(SaisieInvalide):
        demander(decor, depose, ["ailleurs"])


def test_les_rappels_partent_une_fois_avant_leur_echeance(decor: Decor, depose: Dossier) -> None:
    un_brouillon = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu={"titre": "Bientôt"}
    )
    demander(decor, depose, None, echeance=f.MAINTENANT + timedelta(days=4))
    phase = lectures.list_non_deposes(decor.session, f.MAINTENANT + timedelta(days=400), f.MAINTENANT)[0][1]
    for instant in (f.MAINTENANT, f.MAINTENANT, phase.cloture_le - timedelta(days=6), phase.cloture_le):
        echanges.rappeler(decor.session, url_publique="https://exemple.fr", maintenant=instant)
    objets = [c.objet.replace("\xa0", " ") for c in decor.session.scalars(select(Courriel).order_by(Courriel.id))]
    assert objets == [
        f"Rappel : un complément est attendu pour le dossier {depose.numero}",
        "Rappel : votre dossier « Bientôt » n’est pas encore déposé",
    ]
    assert un_brouillon.reference in decor.session.scalars(select(Courriel.corps)).all()[1]


def test_tout_se_telecharge_en_une_fois(decor: Decor, depose: Dossier) -> None:
    ecrire(decor.client, depose, "Voici le devis.", PDF_MINIMAL)
    _declarer_sain(decor, decor.session.scalars(select(Fichier)).one())
    recu = decor.client.get(f"/dossiers/{depose.numero}/tout.zip")
    assert recu.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(recu.content)) as archive:
        noms = sorted(archive.namelist())
        assert noms == [f"demande-{depose.numero}.xlsx", "fichiers/01-devis.pdf", "messages.txt"]
        assert archive.read("fichiers/01-devis.pdf") == PDF_MINIMAL
        assert "Voici le devis." in archive.read("messages.txt").decode()
        assert not any(Path(nom).is_absolute() or ".." in nom for nom in noms)
    autre = decor.nouveau_client(
        f.un_compte(decor.session, Role.REDACTEUR, organisation=f.une_organisation(decor.session, rang=2))
    )
    assert autre.get(f"/dossiers/{depose.numero}/tout.zip").status_code == 404
    assert repository.get_version(decor.session, depose.id) is not None
