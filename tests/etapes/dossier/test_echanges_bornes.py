"""Les bornes des échanges : fichiers par côté, messages anciens, tout télécharger, pièces encore en analyse."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.etapes.dossier.repository import echanges as lectures
from app.etapes.dossier.rules.echanges import Cote
from app.etapes.dossier.service import echanges
from app.infra.files import Televersement, magasin_de
from app.infra.identite import Identite
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.aide_pieces_dossier import donner, exiger_pieces
from tests.etapes.dossier.conftest import Decor
from tests.fichiers.aide_fichiers import un_pdf
from tests.requetes import requetes

PDF = un_pdf()


@pytest.fixture
def depose(decor: Decor) -> Dossier:
    cree = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return cree


@pytest.fixture
def instructeur(decor: Decor) -> Identite:
    compte = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    decor.session.commit()
    return f.identite(decor.session, compte)


def envoyer(decor: Decor, dossier: Dossier, acteur: Identite, session: object = None) -> None:
    echanges.ecrire(
        session or decor.session, dossier.numero or "", texte="Voici.",  # type: ignore[arg-type]
        televersement=Televersement("devis.pdf", BytesIO(PDF)), magasin=magasin_de(decor.service.state.config),
        acteur=acteur, maintenant=f.MAINTENANT,
    )  # fmt: skip


def joindre(decor: Decor, dossier: Dossier) -> None:
    echanges.joindre(
        decor.session, dossier.numero or "", intitule="Devis", televersement=Televersement("devis.pdf", BytesIO(PDF)),
        magasin=magasin_de(decor.service.state.config), acteur=decor.acteur, maintenant=f.MAINTENANT,
    )  # fmt: skip


def test_chaque_cote_a_sa_borne_messages_compris(
    decor: Decor, depose: Dossier, instructeur: Identite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echanges, "FICHIERS_MAX", 3)
    joindre(decor, depose)
    for _ in range(2):
        envoyer(decor, depose, decor.acteur)
    for essai in (lambda: envoyer(decor, depose, decor.acteur), lambda: joindre(decor, depose)):
        with pytest.raises(SaisieInvalide) as refus:
            essai()
        assert [(x.champ, x.code) for x in refus.value.fautes] == [("fichier", "trop_de_fichiers")]
    for _ in range(3):
        envoyer(decor, depose, instructeur)
    with pytest.raises(SaisieInvalide):
        envoyer(decor, depose, instructeur)
    comptes = [lectures.compter_fichiers(decor.session, depose.id, cote) for cote in Cote]
    assert comptes == [3, 3]
    decor.session.commit()
    page = formulaire(decor.client.get(f"/dossiers/{depose.numero}/pieces"), "/pieces")
    corps = {"_csrf": page.valeur("_csrf") or "", "intitule": "Programme"}
    refuse = decor.client.post(
        f"/dossiers/{depose.numero}/pieces", data=corps, files={"fichier": ("a.pdf", PDF, "application/pdf")}
    )
    assert refuse.status_code == 422
    assert "Vous avez déjà joint 3 fichiers" in refuse.text.replace("\xa0", " ")
    assert 'href="#champ-fichier"' in refuse.text
    assert 'value="Programme"' in refuse.text


def test_deux_envois_simultanes_ne_passent_pas_la_borne(
    decor: Decor, depose: Dossier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echanges, "FICHIERS_MAX", 1)
    depart, refus = threading.Barrier(2), []

    def aller() -> None:
        try:
            with decor.service.state.fabrique.begin() as session:
                depart.wait(5)
                envoyer(decor, depose, decor.acteur, session)
        except SaisieInvalide as erreur:
            refus.append(erreur)

    fils = [threading.Thread(target=aller) for _ in range(2)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    decor.session.rollback()
    assert (len(refus), decor.session.scalar(select(func.count()).select_from(FichierDossier))) == (1, 1)


def ecrire_beaucoup(decor: Decor, dossier: Dossier, combien: int) -> None:
    for rang in range(combien):
        decor.session.add(
            Message(
                contrat_id=dossier.contrat_id, dossier_id=dossier.id, cote=Cote.AGENT, auteur="essai", nom="Un service",
                texte=f"[message {rang}]", a=f.MAINTENANT + timedelta(minutes=rang),
            )
        )  # fmt: skip
        decor.session.flush()
    decor.session.commit()


def test_les_messages_anciens_restent_a_portee(decor: Decor, depose: Dossier) -> None:
    ecrire_beaucoup(decor, depose, 2 * lectures.MESSAGES_MONTRES + 5)
    adresse = f"/dossiers/{depose.numero}/messages"
    page = decor.client.get(adresse).text
    assert "message au sujet de" not in decor.client.get("/dossiers").text.replace("\xa0", " "), "tout est lu"
    vus: list[str] = []
    for _ in range(3):
        lus = [x.split("]")[0] for x in page.split("[message ")[1:]]
        vus = lus + vus
        suite = page.split(f'href="{adresse}?apres=')
        plus_ancien = next((x.split('"')[0] for x in suite[1:] if "Messages plus anciens" in x[:200]), "")
        if plus_ancien:
            decor.client.get(f"{adresse}?apres={plus_ancien}")
            with requetes(decor.service) as faites:
                page = decor.client.get(f"{adresse}?apres={plus_ancien}").text
            assert len(faites) - 1 <= 8, faites
            assert "Messages plus récents" in page
    assert vus == [str(rang) for rang in range(2 * lectures.MESSAGES_MONTRES + 5)]
    assert "Messages plus anciens" not in page
    assert decor.client.get(f"{adresse}?apres=faux").status_code == 422


def test_tout_telecharger_prend_chaque_message_et_les_pieces_que_l_appel_demande(decor: Decor, depose: Dossier) -> None:
    exiger_pieces(decor)
    ecrire_beaucoup(decor, depose, 2 * lectures.MESSAGES_MONTRES + 5)
    donner(decor, Nature.RIB, nom="ancien.pdf")
    donner(decor, Nature.RIB, nom="neuf.pdf")
    donner(decor, Nature.STATUTS, etat=EtatFichier.RECU)
    donner(decor, Nature.AVIS_SIRENE)
    donner(decor, Nature.AUTRE, intitule="Attestation d’assurance", nom="assurance.pdf")
    recu = decor.client.get(f"/dossiers/{depose.numero}/tout.zip")
    with ZipFile(BytesIO(recu.content)) as archive:
        pieces = [nom for nom in archive.namelist() if nom.startswith("pieces/")]
        assert pieces == ["pieces/01-autre-assurance.pdf", "pieces/02-rib-neuf.pdf"]
        assert archive.read("pieces/02-rib-neuf.pdf").startswith(b"%PDF")
        texte = archive.read("messages.txt").decode()
    assert [x.split("]")[0] for x in texte.split("[message ")[1:]] == [
        str(rang) for rang in range(2 * lectures.MESSAGES_MONTRES + 5)
    ]


def test_une_piece_en_cours_d_analyse_n_est_plus_a_fournir(decor: Decor, depose: Dossier) -> None:
    exiger_pieces(decor)
    adresse = f"/dossiers/{depose.numero}/pieces"
    assert decor.client.get(adresse).text.count("À fournir") == 3
    donner(decor, Nature.RIB, etat=EtatFichier.RECU)
    page = decor.client.get(adresse).text
    assert (page.count("À fournir"), page.count("En cours d’analyse"), page.count("Non fournie")) == (2, 1, 1)
