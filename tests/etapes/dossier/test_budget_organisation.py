"""Le budget d'une grande organisation : au-delà de dix millions par ligne, il s'écrit, se dépose et s'imprime."""

from __future__ import annotations

from app.etapes.dossier import repository
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import brouillon
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_service_signature import deposer, en_pdf, signer

SALAIRES = 41_200_000_050  # centimes


def test_une_fondation_ecrit_depose_et_imprime_son_budget(decor: Decor) -> None:
    dossier = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027)
    )
    decor.session.commit()
    etape = f"/dossiers/{dossier.reference}/etapes/organisation"
    page = formulaire(decor.client.get(etape), "/etapes/organisation")
    page.remplir(
        asso_charges__0__compte="64", asso_charges__0__montant="412 000 000,50", asso_produits__0__compte="74",
        asso_produits__0__montant="411 990 000,50",
    )  # fmt: skip
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    relue = decor.client.get(etape).text.replace("\u202f", " ").replace("\u00a0", " ")
    assert "412 000 000,50 €" in relue, "le total se montre aussi"
    page.remplir(asso_charges__0__montant="1 000 000 001")
    refus = page.envoyer(decor.client, "enregistrer")
    assert refus.status_code == 422
    assert "dépasse un milliard d’euros" in refus.text
    decor.session.rollback()
    decor.session.expire_all()
    brouillon.envoyer_en_signature(decor.session, dossier.reference, acteur=decor.acteur, maintenant=f.MAINTENANT)
    signer(decor, dossier)
    deposer(decor, dossier)
    decor.session.commit()
    version = repository.get_version(decor.session, dossier.id)
    assert version is not None
    assert version.contenu["asso_charges"][0]["montant"] == SALAIRES
    assert dossier.etat is EtatDossier.DEPOSE
    imprime = en_pdf(decor, dossier, 1).replace("\u202f", " ").replace("\u00a0", " ")
    assert "412 000 000,50 €" in imprime
