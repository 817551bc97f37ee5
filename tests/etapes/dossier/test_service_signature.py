"""Ce qui est signé est ce qui se dépose : la fiche avec le dossier ; un complément n'est signé de personne."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import brouillon, demande_ecrite, depot, echanges, recevabilite, signature
from app.infra import documents
from app.infra.files import Televersement, magasin_de
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible
from app.noyau.roles import Role
from app.referentiels.acteurs.rules.fiche import Compte, Section
from app.referentiels.acteurs.service import fiche
from app.referentiels.pieces import service as pieces
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_echanges import PDF_MINIMAL
from tests.requetes import requetes

IBAN, AUTRE_IBAN = "FR7630006000011234567890189", "FR1420041010050500013M02606"


def un_compte_bancaire(decor: Decor, iban: str) -> None:
    fiche.ajouter_compte(
        decor.session, decor.organisation, Compte("Association (fictif)", "Banque (fictif)", iban, "CEPAFRPP751"),
        acteur=decor.acteur, url_publique="http://x", maintenant=f.MAINTENANT,
    )  # fmt: skip


def representee(decor: Decor, nom: str, depuis: date) -> None:
    personne = {"fonction": "présidence", "prenom": "Une", "nom": nom, "telephone": "", "courriel": "x@exemple.fr"}
    fiche.enregistrer_representant(
        decor.session, decor.organisation, personne, depuis=depuis, acteur="c", maintenant=f.MAINTENANT
    )


def a_signer(decor: Decor, **remplacements: Any) -> Dossier:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER, **remplacements
    )
    decor.session.commit()
    return dossier


def signer(decor: Decor, dossier: Dossier) -> None:
    depot.signer(
        decor.session, dossier.reference, version_lue=dossier.version, acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    decor.session.commit()
    decor.session.expire_all()


def deposer(decor: Decor, dossier: Dossier, apres: timedelta = timedelta(hours=5)) -> Dossier:
    maintenant = f.MAINTENANT + apres
    return depot.deposer(
        decor.session, dossier.reference, version_lue=dossier.version, acteur=decor.acteur, maintenant=maintenant
    )


def en_pdf(decor: Decor, dossier: Dossier, rang: int) -> str:
    demande_ecrite.sceller_demande(decor.session, dossier.id, rang, maintenant=f.MAINTENANT)
    decor.session.commit()
    lien = repository.get_document(decor.session, dossier.id, demande_ecrite.nature(rang))
    assert lien is not None
    document = documents.lire(decor.session, lien.sha256)
    assert document is not None
    return " ".join(" ".join(p.extract_text() for p in PdfReader(BytesIO(document.contenu)).pages).split())


def test_une_fiche_changee_depuis_la_signature_se_relit_et_se_signe_de_nouveau(decor: Decor) -> None:
    un_compte_bancaire(decor, IBAN)
    dossier = a_signer(decor)
    signer(decor, dossier)
    adresse = f"/dossiers/{dossier.reference}/signature"
    lue = formulaire(decor.client.get(adresse), "/depot")
    un_compte_bancaire(decor, AUTRE_IBAN)
    decor.session.commit()
    avant = (dossier.version, repository.contenu(decor.session, dossier.id))
    prevenue = decor.client.get(adresse)
    assert "a changé depuis la signature" in prevenue.text
    assert "Déposer le dossier" not in prevenue.text
    refus = lue.envoyer(decor.client)
    assert refus.status_code == 409
    assert "le compte bancaire" in refus.text
    assert "signez de nouveau" in refus.text
    relu = f.relire(decor.session, dossier)
    assert (relu.signe_le, relu.signe_nom, relu.signe_empreintes) == (None, None, None), "la signature tombe"
    assert (relu.version, repository.contenu(decor.session, relu.id)) == avant, "rien d'autre ne change"
    assert (relu.etat, relu.numero) == (EtatDossier.A_SIGNER, None)
    assert formulaire(refus, "/signature").remplir(qualite="representant").envoyer(decor.client).status_code == 303, (
        "le formulaire de signature revient aussitôt"
    )
    assert formulaire(decor.client.get(adresse), "/depot").envoyer(decor.client).status_code == 303
    assert f.relire(decor.session, dossier).numero is not None


def test_par_l_api_comme_par_la_page_le_depot_est_refuse(decor: Decor) -> None:
    dossier = a_signer(decor)
    signer(decor, dossier)
    un_compte_bancaire(decor, IBAN)
    with pytest.raises(ActeImpossible) as refus:
        deposer(decor, dossier)
    assert refus.value.code == "fiche_changee"
    assert "compte bancaire" in refus.value.message
    assert signature.faire_tomber(decor.session, dossier.reference, acteur=decor.acteur, maintenant=f.MAINTENANT), (
        "la fiche a changé"
    )
    assert en_attente(decor.session)[-1].acte == "dossier.signature_tombee"
    assert not signature.faire_tomber(decor.session, dossier.reference, acteur=decor.acteur, maintenant=f.MAINTENANT), (
        "elle ne tombe qu'une fois"
    )


def test_le_temps_qui_passe_ne_change_pas_ce_qui_est_signe(decor: Decor) -> None:
    un_compte_bancaire(decor, IBAN)
    representee(decor, "Martin", date(2024, 1, 1))
    representee(decor, "Durand", date(2026, 11, 7))
    fiche.attester(
        decor.session, decor.organisation, acteur=decor.acteur, qualite="présidence", est_atteste=True,
        maintenant=f.MAINTENANT,
    )  # fmt: skip
    dossier = a_signer(decor)
    signer(decor, dossier)
    for jours in (0, 1, 30, 90, 400, 800):
        lue = signature.fiche_a_deposer(decor.session, dossier, 2027, f.MAINTENANT + timedelta(days=jours))
        assert signature.ce_qui_a_change(dossier, repository.contenu(decor.session, dossier.id), lue) == (), jours
        assert lue["representant"]["nom"] == "Martin", "la personne qui représentait le jour de la signature"
    decor.session.expire_all()
    deposer(decor, dossier, timedelta(days=1))
    assert dossier.numero is not None


def test_un_dossier_signe_avant_que_l_empreinte_existe_se_depose_comme_avant(decor: Decor) -> None:
    dossier = a_signer(decor)
    signer(decor, dossier)
    dossier.signe_empreintes = None
    un_compte_bancaire(decor, IBAN)
    deposer(decor, dossier)
    version = repository.get_version(decor.session, dossier.id)
    assert version is not None
    assert version.organisation is not None
    assert version.organisation["compte_bancaire"]["iban"] == IBAN


def test_un_complement_ne_se_dit_pas_signe(decor: Decor) -> None:
    dossier = a_signer(decor)
    signer(decor, dossier)
    deposer(decor, dossier)
    agent = f.identite(
        decor.session, f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    )  # fmt: skip
    numero = str(dossier.numero)
    recevabilite.demander_complement(
        decor.session, numero, objet="x", pourquoi="y", echeance_le=f.MAINTENANT + timedelta(days=10), acteur=agent,
        maintenant=f.MAINTENANT, ligne="M2A", sections=["projet"],
    )  # fmt: skip
    redactrice = f.identite(
        decor.session, f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    )  # fmt: skip
    trois_jours = f.MAINTENANT + timedelta(days=3)
    brouillon.enregistrer(
        decor.session, numero, {"titre": "Titre jamais signé"}, version_lue=dossier.version, acteur=redactrice,
        maintenant=trois_jours,
    )  # fmt: skip
    depot.completer(decor.session, numero, reponse="Voici.", acteur=redactrice, maintenant=trois_jours)
    decor.session.commit()
    premiere = repository.get_version(decor.session, dossier.id, 1)
    assert premiere is not None
    signe, complete = en_pdf(decor, dossier, 1), en_pdf(decor, dossier, 2)
    assert f"Signé le vendredi 6 novembre 2026 à 14 h 12 par {decor.acteur.nom} (représentant légal)" in signe
    assert "Titre jamais signé" in complete
    assert "Titre jamais signé" not in signe, "scellée après coup, la version 1 reste ce qu'elle était"
    assert f"Complété le lundi 9 novembre 2026 à 14 h 12 par {redactrice.nom} (rédacteur)" in complete
    assert "porte sur la version 1" in complete
    assert premiere.empreinte in complete.replace(" ", "")
    assert "Signé le" not in complete
    page = decor.client.get(f"/dossiers/{numero}/portail").text
    assert "Complété par" in page
    assert "Signé le" not in page, "la fiche à recopier ne le prétend pas non plus"


def test_les_pieces_se_figent_au_depot_et_un_remplacement_se_voit(decor: Decor) -> None:
    magasin = magasin_de(decor.service.state.config)
    dossier = a_signer(decor)

    def joindre(nature: Nature, nom: str, octets: bytes) -> None:
        piece = pieces.deposer(
            decor.session, magasin, decor.organisation, Televersement(nom, BytesIO(octets)), nature=nature,
            acteur=decor.acteur, maintenant=f.MAINTENANT,
        )  # fmt: skip
        fichier = decor.session.get_one(Fichier, piece.fichier_id)
        fichier.etat, fichier.analyse_at, fichier.analyse_par = EtatFichier.SAIN, f.MAINTENANT, "essai"
        decor.session.flush()

    joindre(Nature.RIB, "rib.pdf", PDF_MINIMAL)
    devis = Televersement("devis.pdf", BytesIO(PDF_MINIMAL.replace(b"\n", b"\n%devis\n", 1)))
    echanges.joindre(
        decor.session, dossier.reference, intitule="Devis", televersement=devis, magasin=magasin, acteur=decor.acteur,
        maintenant=f.MAINTENANT,
    )  # fmt: skip
    signer(decor, dossier)
    deposer(decor, dossier)
    joindre(Nature.RIB, "autre-rib.pdf", PDF_MINIMAL.replace(b"\n", b"\n%autre\n", 1))
    decor.session.commit()
    version = repository.get_version(decor.session, dossier.id)
    assert version is not None
    assert version.organisation is not None
    figees = version.organisation["pieces"]
    assert [(p["nature"], p["nom"]) for p in figees] == [("rib", "rib.pdf"), ("dossier", "devis.pdf")]
    assert figees[1]["etat"] == "recu", "l'antivirus ne l'a pas encore lu : il est déposé, et le dit"
    texte = en_pdf(decor, dossier, 1)
    assert "Pièces jointes" in texte
    assert all(p["nom"] in texte and p["sha256"][:12] in texte for p in figees)
    assert "autre-rib.pdf" not in texte


def test_la_relecture_montre_la_fiche_et_ce_qui_manque_en_huit_requetes(decor: Decor) -> None:
    un_compte_bancaire(decor, IBAN)
    representee(decor, "Martin", date(2024, 1, 1))
    decor.organisation.adresse = "1 rue de l’Essai"
    fiche.enregistrer_champs(
        decor.session, decor.organisation, Section.RESEAUX, {"reseaux": ["Réseau (fictif)"], "personnes_morales": []},
        acteur="c", maintenant=f.MAINTENANT,
    )  # fmt: skip
    dossier = a_signer(decor, duree="2")
    adresse = f"/dossiers/{dossier.reference}/signature"
    page = decor.client.get(adresse).text.replace("\u00a0", " ")
    for morceau in (str(decor.organisation.siret), "Représentant légal", "Martin", "FR76 3000 6000", "Siège"):
        assert morceau in page, morceau
    assert "Un financeur vous demandera ce qui suit" in page
    with requetes(decor.service) as vues:
        decor.client.get(adresse)
    assert len(vues) - 1 <= 8, vues
    redactrice = decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation))
    masquee = redactrice.get(adresse).text.replace("\u00a0", " ")
    assert "FR76 •••• 189" in masquee
    assert "3000 6000" not in masquee
