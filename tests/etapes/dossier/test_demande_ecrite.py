"""La demande scellée en PDF, la fiche à recopier, le numéro du portail de l'État."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import demande_ecrite
from app.infra import documents
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes


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
    assert rangees[0] == ["Rubrique", "Question", "Réponse"]
    questions = {r[1]: r[2] for r in rangees[1:]}
    assert questions["Titre de l’action"] == "Café des parents"
    page = decor.client.get(f"/dossiers/{depose.numero}/portail").text
    assert "Café des parents" in page
    assert all(str(question) in page for question in questions if question)


def test_la_page_a_recopier_tient_en_huit_requetes(decor: Decor, depose: Dossier) -> None:
    decor.client.get(f"/dossiers/{depose.numero}/portail")
    with requetes(decor.service) as vues:
        assert decor.client.get(f"/dossiers/{depose.numero}/portail").status_code == 200
    assert len(vues) - 1 <= 8, vues


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
