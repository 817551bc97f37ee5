"""Avant de déposer : ce qui manque à la fiche de l'organisation et dans les pièces exigées, dit sans rien empêcher."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.etapes.appel.models import PieceExigee
from app.etapes.dossier.pages.porteur_a_cote import manques_a_cote
from app.etapes.dossier.pages.porteur_vues import ouvrir
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import depot
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules.fiche import Compte, Moyens, Section
from app.referentiels.acteurs.service import fiche
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests import factories as f
from tests.etapes.dossier.aide_pieces_dossier import donner, exiger_pieces
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes

JOUR = f.MAINTENANT.date()


def remplir_la_fiche(decor: Decor) -> None:
    qui = {"acteur": decor.acteur.acteur, "maintenant": f.MAINTENANT}
    session, organisation = decor.session, decor.organisation
    siege = {"adresse": "1 rue de l’Essai", "code_postal": "68100", "commune": "Mulhouse"}
    fiche.enregistrer_champs(session, organisation, Section.ADRESSES, siege, **qui)
    representant = {"fonction": "Présidence", "prenom": "Prénom", "nom": "Nom (fictif)", "telephone": "0389000000"}
    fiche.enregistrer_representant(session, organisation, {**representant, "courriel": ""}, **qui)
    relations = {"est_reconnue_utilite": False, "utilite_jo_le": None, "est_assujettie": False, "agrements": []}
    aides = {"a_aides_minimis": False, "aides_minimis": ""}
    fiche.enregistrer_champs(session, organisation, Section.ADMINISTRATION, relations | aides, **qui)
    fiche.enregistrer_moyens(session, organisation, JOUR.year - 1, Moyens(5, 0, 1, 0, 100, 0, 40), **qui)
    compte = Compte("Association (fictif)", "Banque", "FR7630006000011234567890189", "AGRIFRPP")
    fiche.ajouter_compte(session, organisation, compte, acteur=decor.acteur, url_publique="", maintenant=f.MAINTENANT)
    fiche.attester(
        session, organisation, acteur=decor.acteur, qualite="Présidence", est_atteste=True, maintenant=f.MAINTENANT
    )
    session.commit()


def test_la_liste_des_taches_dit_le_vrai_etat_de_la_fiche_et_des_pieces(decor: Decor) -> None:
    exiger_pieces(decor)
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    adresse = f"/dossiers/{dossier.reference}"
    combien = len(fiche.manques(decor.session, decor.organisation, f.MAINTENANT))
    page = decor.client.get(adresse).text.replace("\xa0", " ").replace("\u202f", " ")
    assert combien > 3
    assert f"{combien} réponses attendues" in page
    assert "3 pièces exigées à fournir" in page
    remplir_la_fiche(decor)
    for nature in (Nature.STATUTS, Nature.LISTE_DIRIGEANTS, Nature.RIB):
        donner(decor, nature)
    page = decor.client.get(adresse).text.replace("\xa0", " ").replace("\u202f", " ")
    assert "Complète" in page
    assert "1 pièce exigée à fournir" in page
    donner(decor, Nature.AUTRE, intitule="Attestation d’assurance", etat=EtatFichier.RECU)
    with requetes(decor.service) as vues:
        page = decor.client.get(adresse).text
    assert "Fournies" in page, "une pièce en cours d'analyse est déposée ; la facultative ne compte pas"
    assert len(vues) <= 8, "\n".join(vues)


def test_la_lecture_en_une_requete_dit_les_memes_manques_que_la_fiche(decor: Decor) -> None:
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    autre = f.une_organisation(decor.session, rang=2)
    f.un_porteur(decor.session, autre)

    def comparer(maintenant: datetime = f.MAINTENANT) -> int:
        decor.session.expire_all()
        ouvert = ouvrir(decor.session, dossier.reference, decor.acteur)
        dits = manques_a_cote(decor.session, ouvert, maintenant).fiche
        assert dits == fiche.manques(decor.session, decor.organisation, maintenant)
        return len(dits)

    vide = comparer()
    remplir_la_fiche(decor)
    assert comparer() == 0 < vide
    assert comparer(f.MAINTENANT + timedelta(days=365)) == 1, "les moyens de l'année d'après"
    qui = {"acteur": decor.acteur.acteur, "maintenant": f.MAINTENANT}
    suivant = {"fonction": "", "prenom": "", "nom": "", "telephone": "", "courriel": ""}
    compte = lectures.list_comptes_bancaires(decor.session, decor.organisation.id)[0]
    fiche.retirer_compte(decor.session, decor.organisation, compte.id, **qui)
    fiche.enregistrer_representant(
        decor.session, decor.organisation, suivant | {"fonction": "Présidence", "prenom": "P", "nom": "N"},
        depuis=JOUR + timedelta(days=9), **qui,
    )  # fmt: skip
    assert comparer() == 1, "le compte retiré ; la personne à venir ne remplace pas encore"
    assert comparer(f.MAINTENANT + timedelta(days=10)) == 2, "plus de téléphone ni de courriel"


def test_une_piece_perimee_ou_refusee_reste_a_fournir(decor: Decor) -> None:
    exiger_pieces(decor)
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    donner(decor, Nature.STATUTS)
    donner(decor, Nature.LISTE_DIRIGEANTS, datee_du=date(2024, 1, 5))
    donner(decor, Nature.RIB, etat=EtatFichier.INFECTE)
    donner(decor, Nature.AUTRE, intitule="Autre chose (fictif)")
    ouvert = ouvrir(decor.session, dossier.reference, decor.acteur)
    attendu = ("Statuts et liste des dirigeants", "RIB", "Attestation d’assurance")
    with requetes(decor.service) as vues:
        manques = manques_a_cote(decor.session, ouvert, f.MAINTENANT)
    assert (manques.pieces, len(vues)) == (attendu, 1)


def test_un_budget_date_d_avance_est_fourni(decor: Decor) -> None:
    """Un appel d'automne demande le budget de l'année qui vient : il vaut à partir du 1er janvier."""
    piece = PieceExigee(
        contrat_id=decor.contrat.id, appel_id=decor.appel.id, code="budget", forme="*", source="",
        libelle="Budget prévisionnel de l’organisation", est_obligatoire=True,
    )  # fmt: skip
    decor.session.add(piece)
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    ouvert = ouvrir(decor.session, dossier.reference, decor.acteur)
    assert manques_a_cote(decor.session, ouvert, f.MAINTENANT).pieces == (piece.libelle,)
    donner(decor, Nature.BUDGET_PREVISIONNEL, datee_du=date(2027, 1, 1))
    assert manques_a_cote(decor.session, ouvert, f.MAINTENANT).pieces == ()
    assert "À fournir" not in decor.client.get(f"/dossiers/{dossier.reference}/pieces").text


def test_le_fragment_de_la_relecture_previent_et_laisse_deposer(decor: Decor) -> None:
    exiger_pieces(decor)
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    decor.session.commit()
    ouvert = ouvrir(decor.session, dossier.reference, decor.acteur)
    a_cote = manques_a_cote(decor.session, ouvert, f.MAINTENANT)
    assert [section for section, _ in a_cote.parts] == [
        s for s in Section if any(x.champ.startswith(s.value) for x in a_cote.fiche)
    ]
    source = '{% import "composants/tout.html" as ui %}{% include "dossier/_a_cote.html" %}'
    rendu = decor.service.state.gabarits.from_string(source).render(ouvert=ouvert, a_cote=a_cote)
    assert "déposer sans attendre" in rendu
    assert f'href="/organisations/{decor.organisation.code}#section-banque"' in rendu
    assert f'À fournir : <a href="/dossiers/{dossier.reference}/pieces">RIB</a>' in rendu.replace("\xa0", " ")
    version = dossier.version
    for acte in (depot.signer, depot.deposer):
        acte(decor.session, dossier.reference, version_lue=version, acteur=decor.acteur, maintenant=f.MAINTENANT)
    assert dossier.etat is EtatDossier.DEPOSE
