"""Les pièces d'une organisation, de l'envoi à la lecture : par les pages, comme une personne."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.infra.config import Analyse
from app.infra.files import magasin_de
from app.infra.journal.models import JournalEntree
from app.infra.mail import Courriel
from app.noyau.roles import Role
from app.referentiels.acteurs.models import HabilitationCompte
from app.referentiels.pieces import repository, service, tasks
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests.factories import MAINTENANT, identite, un_compte, un_contrat, une_organisation
from tests.fichiers.aide_fichiers import un_docx, un_pdf, une_image, une_image_infectee
from tests.fichiers.aide_pieces import Decor, un_envoi
from tests.fichiers.test_controle import MAUVAIS
from tests.requetes import requetes


def test_une_piece_attend_l_antivirus_puis_se_telecharge(decor: Decor, clamd: str) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    octets = un_pdf(page=b"% " + b"x" * 2_000_000)
    assert (
        decor.deposer(octets, "Statuts signés ; 2024.pdf").headers["location"] == f"{decor.adresse}?fait=piece-deposee"
    )
    (fichier,) = decor.fichiers()
    assert decor.octets() == [fichier.sha256]
    assert "En cours d’analyse" in decor.client.get(decor.adresse).text
    attente = decor.client.get(f"/fichiers/{fichier.code}")
    assert (attente.status_code, "n’a pas encore vérifié" in attente.text) == (409, True)
    decor.analyser()
    page = decor.client.get(decor.adresse)
    assert ("Valable" in page.text, "En cours d’analyse" in page.text) == (True, False)
    recu = decor.client.get(f"/fichiers/{fichier.code}")
    assert (recu.status_code, recu.content == octets) == (200, True)
    assert recu.headers["content-type"] == "application/pdf"
    assert recu.headers["content-length"] == str(len(octets))
    assert recu.headers["x-content-type-options"] == "nosniff"
    assert recu.headers["cache-control"] == "private, no-store"
    assert recu.headers["content-disposition"] == (
        "attachment; filename=\"Statuts signes  2024.pdf\"; filename*=UTF-8''Statuts%20sign%C3%A9s%20%3B%202024.pdf"
    )
    assert decor.fichiers()[0].analyse_par.startswith("ClamAV")


@pytest.mark.parametrize(
    "cas", ["0 octet", "11 Mo", "pdf suivi d’un zip", "pdf chiffré", "bombe zip", "macro Word", "png géant"]
)
def test_un_mauvais_fichier_ne_laisse_rien_et_la_saisie_revient(decor: Decor, cas: str) -> None:
    octets, nom, _ = MAUVAIS[cas]
    refus = decor.deposer(octets, nom, datee_du="2026-05-04")
    assert refus.status_code == 422
    assert "puis recommencez." in refus.text
    assert 'href="#champ-fichier"' in refus.text, "le résumé mène au champ"
    assert 'value="2026-05-04"' in refus.text
    assert (decor.fichiers(), decor.pieces(), decor.octets()) == ([], [], [])


def test_sans_fichier_la_page_le_dit(decor: Decor) -> None:
    corps = {"_csrf": decor.jeton, "nature": "statuts"}
    for envoi in ({"data": corps}, {"data": corps, "files": {"fichier": ("", b"", "application/octet-stream")}}):
        refus = decor.client.post(decor.adresse, **envoi)
        assert (refus.status_code, "Choisissez un fichier" in refus.text) == (422, True)


def test_treize_megas_sont_refuses_et_la_saisie_revient(decor: Decor) -> None:
    refus = decor.deposer(b"a" * (13 * 1024 * 1024), datee_du="2026-05-04")
    assert (refus.status_code, "pèse 13,0 Mo" in refus.text) == (422, True)
    assert 'value="2026-05-04"' in refus.text
    assert (decor.fichiers(), decor.octets()) == ([], [])


def test_plus_de_trente_deux_megas_sont_refuses_sans_etre_lus(decor: Decor) -> None:
    refus = decor.deposer(b"a" * (33 * 1024 * 1024))
    assert (refus.status_code, "10 Mo par fichier" in refus.text) == (413, True)
    assert (decor.fichiers(), decor.octets()) == ([], [])


def test_un_chemin_dans_le_nom_ne_reste_pas_et_ne_sert_jamais_de_chemin(decor: Decor) -> None:
    decor.deposer(nom="../../../etc/statuts\u202e.pdf")
    (fichier,) = decor.fichiers()
    assert fichier.nom == "statuts .pdf"
    assert decor.octets() == [fichier.sha256]


def test_un_fichier_infecte_n_est_lu_par_personne_et_son_auteur_le_sait(decor: Decor, clamd: str) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    assert decor.deposer(une_image_infectee(), "photo.png", nature="rib").status_code == 303
    (fichier,) = decor.fichiers()
    decor.analyser()
    (ecarte,) = decor.fichiers()
    assert (ecarte.etat, "Eicar" in (ecarte.motif or "")) == (EtatFichier.INFECTE, True)
    (tache,) = decor.en_file("fichier.supprimer")
    tasks.supprimer(decor.atelier, maintenant=MAINTENANT, sha256=tache["sha256"])
    assert decor.octets() == []
    lu = decor.client.get(f"/fichiers/{fichier.code}")
    assert (lu.status_code, "a refusé ce fichier" in lu.text) == (409, True)
    page = decor.client.get(decor.adresse).text
    assert "programme malveillant" in page
    assert f"/fichiers/{fichier.code}" not in page
    courriel = decor.session.scalars(select(Courriel)).one()
    assert (courriel.destinataire, "photo.png" in courriel.objet) == (decor.redacteur.courriel, True)
    assert "programme malveillant" in courriel.corps
    actes = decor.session.scalars(select(JournalEntree.acte).order_by(JournalEntree.rang)).all()
    assert actes == ["piece.deposee", "fichier.ecarte"]


def test_une_piece_infectee_laisse_en_place_celle_d_avant(decor: Decor, clamd: str) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    decor.deposer(une_image(), "bon.png", nature="rib")
    decor.analyser()
    decor.deposer(une_image_infectee(), "mauvais.png", nature="rib")
    decor.analyser()
    ((piece, fichier),) = repository.list_pieces_valables(decor.session, decor.organisation.id, MAINTENANT.date())
    assert (piece.nature, fichier.nom) == (Nature.RIB, "bon.png")
    page = decor.client.get(decor.adresse).text
    assert "n’a pas été gardé" in page
    decor.deposer(une_image(taille=(50, 50)), "neuf.png", nature="rib")
    decor.analyser()
    assert [p.remplace_id for p in decor.pieces()] == [None, 1, 2]
    ((_, fichier),) = repository.list_pieces_valables(decor.session, decor.organisation.id, MAINTENANT.date())
    assert fichier.nom == "neuf.png"


def test_l_antivirus_absent_fait_attendre_puis_tout_reprend_a_son_retour(decor: Decor, clamd: str) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd="/nulle/part/clamd.ctl")
    decor.deposer()
    decor.deposer(une_image(), "rib.png", nature="rib")
    decor.analyser()
    tasks.reprendre(decor.atelier, maintenant=MAINTENANT)
    assert [(f.etat, f.essais, bool(f.derniere_erreur)) for f in decor.fichiers()] == [(EtatFichier.RECU, 2, True)] * 2
    assert decor.client.get(f"/fichiers/{decor.fichiers()[0].code}").status_code == 409
    decor.session.execute(text("DELETE FROM procrastinate_jobs"))  # la file se perd : rien n'est perdu
    decor.session.commit()
    decor.configurer(clamd=clamd)
    tasks.reprendre(decor.atelier, maintenant=MAINTENANT)
    repris = decor.en_file("fichier.analyser")
    assert [t["fichier_id"] for t in repris] == [f.id for f in decor.fichiers()]
    tasks.reprendre(decor.atelier, maintenant=MAINTENANT)
    assert len(decor.en_file("fichier.analyser")) == 2, "une seule analyse en file par fichier"
    for tache in repris:
        tasks.analyser(decor.atelier, maintenant=MAINTENANT, fichier_id=tache["fichier_id"])
    assert [f.etat for f in decor.fichiers()] == [EtatFichier.SAIN] * 2
    tasks.reprendre(decor.atelier, maintenant=MAINTENANT)


def test_la_page_d_attente_dit_ce_qui_attend_et_si_l_antivirus_repond(decor: Decor, clamd: str) -> None:
    decor.deposer()
    charge = un_compte(decor.session, Role.CHARGE_MISSION, contrat=un_contrat(decor.session))
    decor.entrer(charge)
    decor.configurer(antivirus=Analyse.CLAMD, clamd="/nulle/part/clamd.ctl")
    decor.analyser()
    with requetes(decor.service) as vues:
        page = decor.client.get("/fichiers-en-attente").text
    assert len(vues) <= 3
    assert "L’antivirus ne répond pas" in page
    assert "1" in page
    decor.configurer(antivirus=Analyse.AUCUN)
    assert "ne reconnaît que la signature d’essai" in decor.client.get("/fichiers-en-attente").text
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    assert "L’antivirus répond" in decor.client.get("/fichiers-en-attente").text
    decor.analyser()
    assert "Dernier essai" not in decor.client.get("/fichiers-en-attente").text


def test_une_piece_se_remplace_et_l_histoire_reste(decor: Decor) -> None:
    decor.deposer(nature="comptes_annuels", datee_du="2024-12-31")
    decor.deposer(un_docx(), "comptes.docx", nature="comptes_annuels", datee_du="2025-12-31")
    decor.analyser()
    page = decor.client.get(decor.adresse).text
    assert page.index("comptes.docx") < page.index("Pièces remplacées") < page.index("statuts.pdf")
    valables = repository.list_pieces_valables(decor.session, decor.organisation.id, date(2026, 11, 6))
    assert [f.nom for _, f in valables] == ["comptes.docx"]
    assert repository.list_pieces_valables(decor.session, decor.organisation.id, date(2027, 7, 1)) == []


def test_le_meme_envoi_deux_fois_n_en_fait_qu_un(decor: Decor) -> None:
    assert [decor.deposer().status_code for _ in range(2)] == [303, 303]
    assert (len(decor.pieces()), len(decor.fichiers())) == (1, 1)
    decor.deposer(datee_du="2026-01-05")
    assert len(decor.pieces()) == 2


def test_un_double_clic_simultane_n_en_fait_qu_un(decor: Decor) -> None:
    acteur = identite(decor.session, decor.redacteur)
    depart = threading.Barrier(2)

    def deposer() -> None:
        with decor.service.state.fabrique.begin() as session:
            depart.wait(5)
            service.deposer(
                session, magasin_de(decor.config), decor.organisation, un_envoi(un_pdf()), nature=Nature.STATUTS,
                acteur=acteur, maintenant=MAINTENANT,
            )  # fmt: skip

    fils = [threading.Thread(target=deposer) for _ in range(2)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert (len(decor.pieces()), len(decor.fichiers())) == (1, 1)


def test_un_envoi_attend_la_fin_d_un_retrait_du_meme_contenu(decor: Decor) -> None:
    """Le verrou du contenu : ranger pendant qu'un autre retire laisserait une rangée sans octets."""
    acteur = identite(decor.session, decor.redacteur)
    octets, magasin = un_pdf(), magasin_de(decor.config)
    sha256 = hashlib.sha256(octets).hexdigest()
    magasin.ranger(sha256, io.BytesIO(octets))
    fini = threading.Event()

    def recevoir() -> None:
        with decor.service.state.fabrique.begin() as session:
            service.recevoir(session, magasin, un_envoi(octets), acteur=acteur, maintenant=MAINTENANT)
        fini.set()

    with decor.service.state.fabrique.begin() as session:
        assert service.retirer_si_libre(session, magasin, sha256)
        fil = threading.Thread(target=recevoir)
        fil.start()
        assert not fini.wait(0.5), "l’envoi attend"
    fil.join(20)
    assert decor.octets() == [sha256]
    assert [f.sha256 for f in decor.fichiers()] == [sha256]


def test_une_piece_bientot_perimee_est_a_renouveler(decor: Decor) -> None:
    decor.deposer(nature="liste_dirigeants", datee_du="2025-11-20")
    decor.analyser()
    assert "À renouveler" in decor.client.get(decor.adresse).text
    decor.entrer(decor.redacteur, MAINTENANT + timedelta(days=30))
    assert "Périmée" in decor.client.get(decor.adresse).text


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"nature": "inconnue"}, "choisissez une réponse"),
        ({"nature": ""}, "Remplissez"),
        ({"nature": "autre"}, "Dites ce qu’est cette pièce"),
        ({"datee_du": "2027-01-01"}, "dans le futur"),
        ({"jusqu_au": "2020-01-01"}, "avant la date"),
        ({"datee_du": "hier"}, "date"),
    ],
)
def test_une_saisie_fausse_revient_sans_rien_garder(decor: Decor, champs: dict[str, str], phrase: str) -> None:
    refus = decor.deposer(**champs)
    assert (refus.status_code, phrase in refus.text) == (422, True)
    assert (decor.fichiers(), decor.octets()) == ([], [])


def test_une_autre_piece_a_son_intitule(decor: Decor) -> None:
    decor.deposer(nature="autre", intitule="Bail du local (fictif)")
    decor.deposer(nature="autre", intitule="Assurance (fictif)")
    assert [p.remplace_id for p in decor.pieces()] == [None, None]
    assert "Bail du local (fictif)" in decor.client.get(decor.adresse).text


def test_la_page_des_pieces_coute_trois_requetes(decor: Decor) -> None:
    decor.deposer()
    decor.deposer(une_image(), "rib.png", nature="rib")
    with requetes(decor.service) as vues:
        assert decor.client.get(decor.adresse).status_code == 200
    assert len(vues) <= 4, vues


def test_un_lecteur_lit_et_ne_depose_pas(decor: Decor) -> None:
    decor.deposer()
    decor.analyser()
    lecteur = un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    decor.entrer(lecteur)
    page = decor.client.get(decor.adresse).text
    assert ("Télécharger" in page, "Déposer une pièce" in page, "Remplacer<" in page) == (True, False, False)
    assert decor.deposer().status_code == 403
    assert decor.client.get(f"/fichiers/{decor.fichiers()[0].code}").status_code == 200


def test_un_lecteur_ici_redacteur_ailleurs_ne_depose_pas_ici(decor: Decor) -> None:
    double = un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    ailleurs = une_organisation(decor.session, rang=2)
    autre = un_compte(decor.session, Role.REDACTEUR, organisation=ailleurs)
    tenue = decor.session.scalars(select(HabilitationCompte).where(HabilitationCompte.compte_id == autre.id)).one()
    tenue.compte_id = double.id
    decor.entrer(double)
    refus = decor.deposer()
    assert (refus.status_code, "sans en déposer" in refus.text) == (403, True)
    assert decor.fichiers() == []


def test_les_memes_octets_chez_deux_organisations_ne_se_retirent_pas_trop_tot(decor: Decor, clamd: str) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    decor.deposer()
    decor.analyser()
    sha256 = decor.fichiers()[0].sha256
    tasks.supprimer(decor.atelier, maintenant=MAINTENANT, sha256=sha256)
    assert decor.octets() == [sha256], "une rangée saine le tient"


def test_une_infection_apprise_plus_tard_ferme_aussi_ce_qui_etait_lu(decor: Decor, clamd: str) -> None:
    decor.deposer(une_image_infectee(), "photo.png", nature="rib")
    (premier,) = decor.fichiers()
    service.declarer_sain(decor.session, premier.id, par="essai", maintenant=MAINTENANT)
    decor.session.commit()
    assert decor.client.get(f"/fichiers/{premier.code}").status_code == 200
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd)
    decor.deposer(une_image_infectee(), "copie.png", nature="rib", datee_du="2026-01-01")
    decor.analyser()
    assert [f.etat for f in decor.fichiers()] == [EtatFichier.INFECTE] * 2
    assert decor.client.get(f"/fichiers/{premier.code}").status_code == 409
    assert decor.session.scalar(select(func.count()).select_from(Courriel)) == 2


@pytest.mark.parametrize("quoi", ["perdu", "altéré"])
def test_des_octets_perdus_ou_alteres_ne_sont_jamais_dits_sains(decor: Decor, quoi: str) -> None:
    decor.deposer()
    (place,) = [f for f in (decor.config.donnees / "fichiers").rglob("*") if f.is_file()]
    place.unlink() if quoi == "perdu" else place.write_bytes(un_pdf() + b" ")
    decor.analyser()
    (fichier,) = decor.fichiers()
    assert (fichier.etat, "plus ceux" in (fichier.motif or "")) == (EtatFichier.REFUSE, True)
    assert "fichier abîmé" in decor.client.get(decor.adresse).text


def test_une_transaction_annulee_laisse_des_octets_que_la_nuit_ramasse(decor: Decor) -> None:
    acteur = identite(decor.session, decor.redacteur)
    recu = service.recevoir(
        decor.session, magasin_de(decor.config), un_envoi(un_pdf()), acteur=acteur, maintenant=MAINTENANT
    )
    sha256 = recu.sha256
    decor.session.rollback()
    assert (decor.fichiers(), decor.octets()) == ([], [sha256])
    tasks.ramasser(decor.atelier, maintenant=MAINTENANT)
    assert decor.octets() == [sha256], "un envoi en cours a un jour devant lui"
    decor.deposer(une_image(), "rib.png", nature="rib")
    for fichier in (decor.config.donnees / "fichiers").rglob("*"):
        os.utime(fichier, (time.time() - 90_000,) * 2)
    tasks.ramasser(decor.atelier, maintenant=MAINTENANT)
    assert decor.octets() == [decor.fichiers()[0].sha256], "seul le reste s’en va"


@pytest.mark.parametrize(
    "ordre",
    [
        "UPDATE fichier SET sha256 = repeat('0', 64)",
        "UPDATE fichier SET nom = 'autre.pdf'",
        "UPDATE fichier SET etat = 'recu', analyse_at = NULL",
        "UPDATE fichier SET etat = 'refuse', motif = 'x'",
        "DELETE FROM fichier",
        "UPDATE piece SET valable_au = NULL",
        "DELETE FROM piece",
        "INSERT INTO piece SELECT * FROM piece",
    ],
)
def test_la_base_refuse_de_recrire_un_fichier_ou_une_piece(decor: Decor, ordre: str) -> None:
    decor.deposer()
    decor.analyser()
    with pytest.raises(DBAPIError):
        decor.session.execute(text(ordre))


def test_un_fichier_sain_ne_redevient_jamais_en_attente_meme_pour_le_proprietaire(decor: Decor) -> None:
    decor.deposer()
    decor.analyser()
    with pytest.raises(DBAPIError, match="arrière"):
        decor.session.execute(text("UPDATE fichier SET etat = 'refuse', motif = 'x'"))
    decor.session.rollback()
    decor.session.execute(text("UPDATE fichier SET etat = 'infecte', motif = 'x'"))
    decor.session.commit()
    assert decor.fichiers()[0].etat is EtatFichier.INFECTE
    assert decor.session.scalar(select(func.count()).select_from(Fichier)) == 1


def test_tout_marche_aussi_dans_un_bac_s3(decor: Decor, clamd: str, bac: dict[str, Any]) -> None:
    decor.configurer(antivirus=Analyse.CLAMD, clamd=clamd, **bac)
    octets = un_pdf(page=b"% " + b"y" * 3_000_000)
    decor.deposer(octets)
    decor.deposer(une_image_infectee(), "photo.png", nature="rib")
    magasin = magasin_de(decor.config)
    assert (len(list(magasin.lister())), decor.octets()) == (2, [])
    decor.analyser()
    sain, infecte = decor.fichiers()
    tasks.supprimer(decor.atelier, maintenant=MAINTENANT, sha256=infecte.sha256)
    assert [r.sha256 for r in magasin.lister()] == [sain.sha256]
    recu = decor.client.get(f"/fichiers/{sain.code}")
    assert (recu.status_code, recu.content == octets) == (200, True)
    magasin.supprimer(sain.sha256)
    assert decor.client.get(f"/fichiers/{sain.code}").status_code == 404


def test_un_bac_en_panne_se_dit_et_ne_laisse_rien(decor: Decor, bac: dict[str, Any]) -> None:
    decor.configurer(**bac | {"s3_bac": "jamais-cree"})
    refus = decor.deposer()
    assert (refus.status_code, "ne peuvent être ni reçus ni ouverts" in refus.text) == (503, True)
    assert (decor.fichiers(), decor.pieces()) == ([], [])
    decor.configurer(**bac)
    assert decor.deposer().status_code == 303
    magasin_de(decor.config).supprimer(decor.fichiers()[0].sha256)
