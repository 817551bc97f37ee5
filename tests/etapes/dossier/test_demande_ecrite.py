"""La demande scellée en PDF, la fiche à recopier, le numéro du portail de l'État."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import demande_ecrite
from app.infra import documents
from app.noyau.roles import Role
from app.referentiels.acteurs.rules.fiche import Compte
from app.referentiels.acteurs.service import fiche
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes

IBAN, MASQUE = "FR7630006000011234567890189", "FR76 •••• 189"


@pytest.fixture
def depose(decor: Decor) -> Dossier:
    cree = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return cree


def sceller(decor: Decor, dossier: Dossier, rang: int = 1) -> bytes:
    demande_ecrite.sceller_demande(decor.session, dossier.id, rang, maintenant=f.MAINTENANT)
    decor.session.commit()
    lien = repository.get_document(decor.session, dossier.id, demande_ecrite.nature(rang))
    assert lien is not None
    document = documents.lire(decor.session, lien.sha256)
    assert document is not None
    return document.contenu


def texte_de(octets: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(octets)).pages).split())


def test_le_depot_fige_la_fiche_et_le_pdf_porte_son_empreinte(decor: Decor, depose: Dossier) -> None:
    version = repository.get_version(decor.session, depose.id)
    assert version is not None
    assert version.organisation is not None
    assert version.organisation["identite"]["siret"] == decor.organisation.siret
    texte = texte_de(sceller(decor, depose))
    for morceau in ("12156*06", "Café des parents", version.empreinte, "Mulhouse", "représentant légal"):
        assert morceau in texte, morceau


def test_le_pdf_declare_ses_normes_et_se_rescelle_a_l_identique(decor: Decor, depose: Dossier) -> None:
    octets = sceller(decor, depose)
    xmp = PdfReader(BytesIO(octets)).xmp_metadata
    assert xmp is not None
    brut = xmp.stream.get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in brut
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in brut
    assert "<pdfuaid:part>1</pdfuaid:part>" in brut
    assert sceller(decor, depose) == octets, "une seconde fois ne scelle rien de neuf"


def test_la_demande_se_telecharge_par_qui_depose_ou_instruit(decor: Decor, depose: Dossier) -> None:
    adresse = f"/dossiers/{depose.numero}/demande"
    assert decor.client.get(f"{adresse}.pdf").status_code == 404, "en préparation"
    sceller(decor, depose)
    page = decor.client.get(f"{adresse}.pdf")
    assert (page.status_code, page.headers["content-type"]) == (200, "application/pdf")
    habitants = decor.nouveau_client(
        f.un_compte(decor.session, Role.CONSEIL_HABITANTS, contrat=decor.contrat, quartier="QN06804M")
    )  # fmt: skip
    refus = habitants.get(f"{adresse}.pdf")
    assert refus.status_code == 403
    assert "bancaires" in refus.text
    assert habitants.get(f"{adresse}.xlsx").status_code == 403


def test_le_tableur_dit_la_meme_chose_que_la_page(decor: Decor, depose: Dossier) -> None:
    recu = decor.client.get(f"/dossiers/{depose.numero}/demande.xlsx")
    rangees = CalamineWorkbook.from_filelike(BytesIO(recu.content)).get_sheet_by_index(0).to_python()
    assert rangees[0] == ["Rubrique", "Sens", "Code", "Libellé", "Réponse", "Montant"]
    questions = {r[3]: r[4] for r in rangees[1:] if r[4]}
    assert questions["Titre de l’action"] == "Café des parents"
    budget = {(r[1], r[2]): r[5] for r in rangees[1:] if r[0] == "Votre dossier : plan de financement" and r[1]}
    assert budget == {
        ("dépense", "60"): 2000.0, ("dépense", "64"): 10_000.0, ("recette", "74etat"): 3000.0,
        ("recette", "74epci"): 5000.0, ("recette", "74"): 4000.0,
    }, "des nombres, chacun de son côté et à son compte"  # fmt: skip
    page = decor.client.get(f"/dossiers/{depose.numero}/portail").text
    assert "Café des parents" in page
    assert all(str(question) in page for question in questions if question)


@pytest.mark.parametrize("etat", [EtatDossier.BROUILLON, EtatDossier.A_SIGNER, EtatDossier.DEPOSE])
def test_la_page_a_recopier_tient_en_huit_requetes_et_le_tableur_en_dix(decor: Decor, etat: EtatDossier) -> None:
    un_an = timedelta(days=365)
    ancien = f.un_appel(
        decor.session, decor.contrat, annee=2026, ouverture_le=f.OUVERTURE - un_an, cloture_le=f.CLOTURE - un_an
    )
    source = f.un_dossier_complet(
        decor.session, ancien, decor.organisation, decor.acteur, maintenant=f.MAINTENANT - un_an
    )
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=etat, duree="2", renouvelle=source.numero,
        numero_dauphin="DA00012345",
    )  # fmt: skip
    un_iban(decor)
    decor.session.commit()
    for suite, maximum in (("portail", 8), ("demande.xlsx", 10)):
        adresse = f"/dossiers/{dossier.numero or dossier.reference}/{suite}"
        decor.client.get(adresse)
        with requetes(decor.service) as vues:
            assert decor.client.get(adresse).status_code == 200
        assert len(vues) - 1 <= maximum, (suite, vues)


def un_iban(decor: Decor) -> None:
    fiche.ajouter_compte(
        decor.session, decor.organisation, Compte("Association (fictif)", "Banque (fictif)", IBAN, "CEPAFRPP751"),
        acteur=decor.acteur, url_publique="http://x", maintenant=f.MAINTENANT,
    )  # fmt: skip


def reponses(client: TestClient, adresse: str) -> str:
    classeur = CalamineWorkbook.from_filelike(BytesIO(client.get(adresse).content))
    return str(classeur.get_sheet_by_index(0).to_python())


@pytest.mark.parametrize(
    ("role", "entier"),
    [
        (Role.ADMINISTRATEUR_PORTEUR, True),
        (Role.SIGNATAIRE, True),
        (Role.REDACTEUR, False),
        (Role.LECTEUR_PORTEUR, False),
    ],
)
def test_l_iban_n_est_entier_que_pour_qui_tient_le_compte(decor: Decor, role: Role, entier: bool) -> None:
    un_iban(decor)
    etats = (EtatDossier.BROUILLON, EtatDossier.DEPOSE)
    dossiers = [
        f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur, etat=e) for e in etats
    ]
    decor.session.commit()
    client = decor.nouveau_client(f.un_compte(decor.session, role, organisation=decor.organisation))
    for dossier in dossiers:
        adresse = f"/dossiers/{dossier.numero or dossier.reference}"
        for vu in (client.get(f"{adresse}/portail").text, reponses(client, f"{adresse}/demande.xlsx")):
            assert (IBAN in vu, MASQUE in vu) == (entier, not entier)


def test_qui_instruit_lit_l_iban_au_tableur_et_le_pdf_commun_comme_l_archive_le_masquent(decor: Decor) -> None:
    un_iban(decor)
    depose = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    texte = texte_de(sceller(decor, depose))
    assert MASQUE in texte
    assert IBAN not in texte.replace(" ", "")
    agent = decor.nouveau_client(f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A"))
    assert IBAN in reponses(agent, f"/dossiers/{depose.numero}/demande.xlsx")
    archive = ZipFile(BytesIO(decor.client.get(f"/dossiers/{depose.numero}/tout.zip").content))
    classeur = CalamineWorkbook.from_filelike(BytesIO(archive.read(f"demande-{depose.numero}.xlsx")))
    assert MASQUE in str(classeur.get_sheet_by_index(0).to_python())
    version = repository.get_version(decor.session, depose.id)
    assert version is not None
    assert version.organisation is not None
    assert version.organisation["compte_bancaire"]["iban"] == IBAN, "figé entier : c'est lui que l'empreinte couvre"


def test_l_engagement_republicain_de_la_fiche_s_imprime_avec_sa_date(decor: Decor) -> None:
    fiche.attester(
        decor.session, decor.organisation, acteur=decor.acteur, qualite="présidence", est_atteste=True,
        maintenant=f.MAINTENANT,
    )  # fmt: skip
    depose = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur, cer=None)
    decor.session.commit()
    assert f"Attesté le vendredi 6 novembre 2026 par {decor.acteur.nom} (présidence)" in texte_de(
        sceller(decor, depose)
    )


def numeros(decor: Decor, dossier: Dossier) -> dict[str, str | None]:
    decor.session.expire_all()
    return {ligne.code: d.numero_dauphin for d, ligne in repository.list_demandes(decor.session, [dossier.id])}


def donner(decor: Decor, dossier: Dossier, numero: str) -> int:
    adresse = f"/dossiers/{dossier.numero or dossier.reference}/portail"
    return (
        formulaire(decor.client.get(adresse), "/portail")
        .remplir(numero_dauphin=numero)
        .envoyer(decor.client)
        .status_code
    )


def test_le_numero_du_portail_se_redonne_apres_le_depot(decor: Decor, depose: Dossier) -> None:
    assert donner(decor, depose, "da 0001 2345") == 303
    assert numeros(decor, depose) == {"BOP147": "DA00012345", "M2A": None}
    assert donner(decor, depose, "douze") == 422
    assert donner(decor, depose, "") == 422
    assert numeros(decor, depose)["BOP147"] == "DA00012345"


def test_un_meme_numero_ne_compte_pas_deux_dossiers(decor: Decor, depose: Dossier) -> None:
    autre = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027)
    )
    decor.session.commit()
    assert donner(decor, depose, "DA00012345") == 303
    assert donner(decor, autre, "DA00012345") == 422
    assert donner(decor, autre, "DA00012345-2") == 303, "une autre action du même dossier du portail"
    assert repository.contenu(decor.session, autre.id)["numero_dauphin"] == "DA00012345-2"
    assert donner(decor, autre, "") == 303, "un brouillon peut l'effacer"


def test_sans_demande_a_l_etat_il_n_y_a_rien_a_numeroter(decor: Decor) -> None:
    demandes = [{"ligne": "M2A", "annee": 2027, "montant": 800_000}]
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.DEPOSE, demandes=demandes
    )
    decor.session.commit()
    page = decor.client.get(f"/dossiers/{dossier.numero}/portail")
    assert "rien à recopier" in page.text.replace("\xa0", " ")
    assert not [x for x in page.text.split("<form") if "numero_dauphin" in x]


def test_signer_exige_de_dire_en_quelle_qualite(decor: Decor) -> None:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    decor.session.commit()
    page = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/signature")
    refus = page.envoyer(decor.client)
    assert refus.status_code == 422
    assert "en quelle qualité" in refus.text
    assert page.remplir(qualite="mandataire").envoyer(decor.client).status_code == 303
    relu = f.relire(decor.session, dossier)
    assert (relu.signe_qualite, relu.signe_nom) == ("mandataire", decor.acteur.nom)
