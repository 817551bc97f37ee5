"""Les pages du porteur, par un navigateur sans JavaScript : du brouillon à l'accusé, et tout ce qui se refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from httpx2 import Response

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.parcours import sections_du_dossier
from app.etapes.dossier.service import accuse, recevabilite
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire, formulaires
from tests.etapes.dossier.conftest import Decor

REQUETES_MAX = 8


def un_brouillon(decor: Decor, **remplacements: Any) -> Dossier:
    dossier = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(**remplacements)
    )
    decor.session.commit()
    return dossier


def un_dossier(decor: Decor, etat: EtatDossier = EtatDossier.DEPOSE, **remplacements: Any) -> Dossier:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=etat, **remplacements
    )
    decor.session.commit()
    return dossier


def etape(decor: Decor, dossier: Dossier, section: str) -> Response:
    return decor.client.get(f"/dossiers/{dossier.numero or dossier.reference}/etapes/{section}")


def contenu(decor: Decor, dossier: Dossier) -> dict[str, object]:
    decor.session.expire_all()
    rendu = repository.contenu(decor.session, dossier.id)
    decor.session.commit()
    return rendu


def test_d_un_dossier_vide_a_l_accuse_sans_javascript(decor: Decor) -> None:
    client = decor.client
    accueil = client.get("/dossiers")
    assert "Rien ne vous attend." in accueil.text
    page = client.get("/dossiers/nouveau")
    cree = formulaire(page, "/dossiers/nouveau").envoyer(client)
    assert cree.status_code == 303
    adresse = cree.headers["location"].split("?")[0]
    a_saisir: dict[str, dict[str, str | list[str]]] = {
        "projet": {"titre": "Café", "besoin": "Isolement", "besoin_identifie_par": ["habitants"],
                   "but": "Se voir", "description": "Café"},
        "objectifs": {"objectif_principal": "E1.2"},
        "territoire": {
            "fiches": ["COTEAUX"], "quartiers_beneficiaires": ["QN06804M"], "lieu": "CSC", "communes": ["68224"],
        },
        "public": {
            "public": "Des parents", "beneficiaires": "60", "beneficiaires_qpv": "45", "beneficiaires_femmes": "40",
        },
        "egalite": {"diagnostic_sexue": "oui"},
        "moyens": {"moyens": "Une animatrice", "moyens_humains__1__nombre": "1", "moyens_humains__1__etpt": "0,5"},
        "deroulement": {
            "debut": "2027-01-15", "fin": "2027-12-15", "calendrier": "Chaque semaine",
            "indicateurs__0__libelle": "Parents", "indicateurs__0__cible": "30",
        },
        "habitants": {"participation_degre": "concertation"},
        "budget": {
            "budget_charges__0__montant": "2 000", "budget_charges__2__montant": "10 000,00 €",
            "budget_produits__1__montant": "4000", "budget_produits__1__statut": "sollicite",
        },
        "financement": {"duree": "1", "demandes__0__montant": "3 000", "demandes__1__montant": "5 000"},
        "organisation": {
            "exercice_debut": "2027-01-01", "exercice_fin": "2027-12-31", "asso_charges__3__montant": "40 000",
            "asso_produits__1__montant": "40 000",
        },
        "attestations": {
            "a_jour": "oui", "sincere": "oui", "cer": "oui", "charte": "oui", "aides_publiques": "inferieur",
        },
    }  # fmt: skip
    for section, valeurs in a_saisir.items():
        page = client.get(f"{adresse}/etapes/{section}")
        assert page.status_code == 200, page.text
        reponse = formulaire(page, f"/etapes/{section}").remplir(**valeurs).envoyer(client, "enregistrer")
        assert reponse.status_code == 303, reponse.text
    taches = client.get(adresse)
    assert taches.text.count("Complet") >= len(Section) - 1, taches.text
    envoi = formulaire(client.get(f"{adresse}/signature"), "/envoi").envoyer(client)
    assert envoi.status_code == 303, envoi.text
    signature = (
        formulaire(client.get(f"{adresse}/signature"), "/signature").remplir(qualite="representant").envoyer(client)
    )
    assert signature.status_code == 303, signature.text
    relecture = client.get(f"{adresse}/signature")
    depot = formulaire(relecture, "/depot").envoyer(client)
    assert depot.headers["location"].startswith("/dossiers/ESS-2027-0001/accuse")
    accuse_recu = client.get(depot.headers["location"])
    for morceau in ("ESS-2027-0001", "6 novembre 2026 à 14", "6 janvier 2027", "6 mars 2027", "telerecours.fr"):
        assert morceau in accuse_recu.text.replace("\u00a0", " "), morceau
    encore = formulaire(relecture, "/depot").envoyer(client)
    assert encore.headers["location"].startswith("/dossiers/ESS-2027-0001/accuse")


def test_chaque_etape_se_relit_telle_qu_enregistree(decor: Decor) -> None:
    dossier = un_brouillon(decor, precedents=[{"ligne": "M2A", "demande": 100_050, "accorde": 0}])
    avant = contenu(decor, dossier)
    for section in sections_du_dossier(1, association=True):
        page = formulaire(etape(decor, dossier, section.value), f"/etapes/{section.value}")
        assert page.envoyer(decor.client, "enregistrer").status_code == 303, section
    apres = contenu(decor, dossier)
    assert {c: apres[c] for c in avant} == avant
    ajouts = {c: v for c, v in apres.items() if c not in avant}
    assert set(ajouts.values()) == {False}, "une case laissée vide devient « non », rien d'autre n'apparaît"


def test_les_pages_d_un_dossier_tiennent_en_huit_requetes(decor: Decor, requetes: Callable[[], int]) -> None:
    brouillon, depose = un_brouillon(decor, duree="2"), un_dossier(decor)
    for _ in range(3):
        un_brouillon(decor)
    chemins = ["/dossiers", "/dossiers/nouveau", "/organisations"]
    chemins += [f"/dossiers/{brouillon.reference}{suite}" for suite in ("", "/signature", "/retrait")]
    chemins += [f"/dossiers/{brouillon.reference}/etapes/{s.value}" for s in Section]
    chemins += [f"/dossiers/{depose.numero}{suite}" for suite in ("", "/signature", "/accuse")]
    decor.client.get(f"/dossiers/{brouillon.reference}/etapes/objectifs")  # le contrat se lit une fois par processus
    for chemin in chemins:
        requetes()
        assert decor.client.get(chemin).status_code == 200, chemin
        assert requetes() - 1 <= REQUETES_MAX, chemin


def test_un_enregistrement_tient_en_douze_requetes(decor: Decor, requetes: Callable[[], int]) -> None:
    page = formulaire(etape(decor, un_brouillon(decor), "projet"), "/etapes/projet").remplir(titre="Autre titre")
    requetes()
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    assert requetes() - 1 <= 12


REFUS: list[tuple[str, dict[str, str | list[str]], str]] = [
    ("financement", {"demandes__0__montant": "-5"}, "négatif"),
    ("financement", {"demandes__0__montant": "0"}, "dépasser zéro"),
    ("financement", {"demandes__0__montant": "beaucoup"}, "montant en euros"),
    ("financement", {"demandes__0__montant": "99 000 000"}, "dix millions"),
    ("financement", {"precedents__1__accorde": "x"}, "montant en euros"),
    ("objectifs", {"objectif_principal": "E9.9"}, "pas dans la liste"),
    ("objectifs", {"objectifs_secondaires": ["E1.1", "E1.2", "E2.2"]}, "2 au plus"),
    ("projet", {"titre": "x" * 121}, "au plus 120"),
    ("public", {"beneficiaires": "douze"}, "nombre entier"),
    ("public", {"ages__0__nombre": "-1"}, "nombre entier"),
    ("deroulement", {"debut": "31/02/2027"}, "Écrivez une date"),
    ("budget", {"budget_charges__0__montant": "1,234"}, "montant en euros"),
    ("budget", {"budget_charges__0__compte": ""}, "Remplissez cette case"),
]


def test_une_saisie_refusee_revient_telle_que_tapee_et_rien_n_est_ecrit(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    avant = contenu(decor, dossier)
    for section, saisie, morceau in REFUS:
        envoye = formulaire(etape(decor, dossier, section), f"/etapes/{section}").remplir(**saisie)
        reponse = envoye.envoyer(decor.client, "enregistrer")
        assert (reponse.status_code, morceau in reponse.text) == (422, True), (saisie, reponse.text)
        assert "resume-erreurs" in reponse.text
        if not any("__" in nom for nom in saisie):  # une rangée se situe par sa case
            assert re.search(r'<a href="#champ-\w+">«\s.+\s»\s:', reponse.text), saisie
        assert contenu(decor, dossier) == avant
        rendu = formulaire(reponse, f"/etapes/{section}")
        for nom, valeur in envoye.champs:
            # Une option forgée n'est pas dans la liste : rien ne peut la cocher. Le jeton change à chaque page.
            if nom not in {"objectif_principal", "_csrf"}:
                assert valeur in rendu.valeurs(nom), f"{nom} = {valeur!r} est perdu"
    forge = formulaire(etape(decor, dossier, "financement"), "/etapes/financement")
    assert forge.remplir(demandes__0__ligne="INCONNUE").envoyer(decor.client, "enregistrer").status_code == 422
    assert contenu(decor, dossier) == avant


def test_un_caractere_illisible_est_refuse(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    envoye = formulaire(etape(decor, dossier, "projet"), "/etapes/projet").remplir(titre="a\x00b")
    assert envoye.envoyer(decor.client, "enregistrer").status_code == 422
    abime = formulaire(etape(decor, dossier, "projet"), "/etapes/projet").remplir(v__titre="abc")
    assert abime.envoyer(decor.client, "enregistrer").status_code == 422


def test_ajouter_une_ligne_garde_la_saisie_et_n_enregistre_rien(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    avant = contenu(decor, dossier)
    envoye = formulaire(etape(decor, dossier, "budget"), "/etapes/budget").remplir(
        budget_charges__0__montant="pas fini", budget_charges__1__libelle="En cours"
    )
    reponse = envoye.envoyer(decor.client, "ajouter:budget_charges")
    assert reponse.status_code == 200
    rendu = formulaire(reponse, "/etapes/budget")
    assert rendu.valeur("budget_charges.0.montant") == "pas fini"
    assert rendu.valeur("budget_charges.1.libelle") == "En cours"
    assert rendu.valeur("budget_charges.2.montant") == ""
    assert contenu(decor, dossier) == avant


def test_la_touche_entree_enregistre(decor: Decor) -> None:
    page = formulaire(etape(decor, un_brouillon(decor), "budget"), "/etapes/budget")
    assert page.boutons[0][:2] == ("acte", "enregistrer")


def test_la_duree_choisie_ouvre_ses_annees_et_ce_qui_est_tape_ne_disparait_pas(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = formulaire(etape(decor, dossier, "financement"), "/etapes/financement")
    trois = formulaire(page.remplir(duree="3").envoyer(decor.client, "annees"), "/etapes/financement")
    annees = {n: v for n, v in trois.champs if n.endswith(".annee")}
    assert [annees[f"demandes.{rang}.annee"] for rang in (0, 2, 3, 5, 6, 8)] == [
        "2027", "2027", "2028", "2028", "2029", "2029",
    ]  # fmt: skip
    assert trois.valeur("demandes.1.montant") == "5\u202f000"
    deux = trois.remplir(duree="1", demandes__4__montant="1 000").envoyer(decor.client, "annees")
    assert formulaire(deux, "/etapes/financement").valeur("demandes.4.montant") == "1 000"


def test_l_etat_sollicite_demande_son_theme_et_lui_seul(decor: Decor) -> None:
    dossier = un_brouillon(decor, demandes=[{"ligne": "M2A", "annee": 2027, "montant": 800_000}])
    page = formulaire(etape(decor, dossier, "financement"), "/etapes/financement")
    assert page.valeur("v.theme_p147") is None
    reponse = page.remplir(demandes__0__montant="100").envoyer(decor.client, "enregistrer")
    assert reponse.headers["location"].endswith("/etapes/financement?fait=etape-etat#champ-theme_p147")
    assert formulaire(etape(decor, dossier, "financement"), "/etapes/financement").valeur("v.theme_p147") == "0"


def test_une_ligne_hors_champ_se_dit_tout_de_suite(decor: Decor) -> None:
    dossier = un_brouillon(decor, fiches=["MARKSTEIN"])
    page = etape(decor, dossier, "financement").text
    assert page.count("Hors champ") == 1
    assert "Hors champ" not in etape(decor, un_brouillon(decor), "financement").text


def test_un_conflit_montre_les_deux_textes_et_laisse_choisir(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    collegue = decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation))
    page = formulaire(etape(decor, dossier, "projet"), "/etapes/projet")
    adresse = f"/dossiers/{dossier.reference}/etapes/projet"
    tenue = collegue.get(adresse)
    assert "remplit cette étape depuis" in tenue.text
    assert not [x for x in formulaires(tenue) if x.action.endswith("/etapes/projet")], "tenue : rien à y taper"
    assert formulaire(tenue, "/tenue").envoyer(collegue).status_code == 303
    de_l_autre = formulaire(collegue.get(adresse), "/etapes/projet")
    de_l_autre.remplir(titre="Le texte de ma collègue").envoyer(collegue, "enregistrer")
    conflit = page.remplir(titre="Mon texte", besoin="Mon besoin").envoyer(decor.client, "enregistrer")
    assert conflit.status_code == 412
    assert "Le texte de ma collègue" in conflit.text
    assert "Mon texte" in conflit.text
    assert contenu(decor, dossier)["titre"] == "Le texte de ma collègue"
    choix = formulaire(conflit, "/etapes/projet")
    assert choix.remplir(choix__titre="enregistre").envoyer(decor.client).status_code == 303
    assert {c: contenu(decor, dossier)[c] for c in ("titre", "besoin")} == {
        "titre": "Le texte de ma collègue", "besoin": "Mon besoin",
    }  # fmt: skip
    assert choix.remplir(choix__titre="mien").envoyer(decor.client).status_code == 303
    assert contenu(decor, dossier)["titre"] == "Mon texte"


def test_sur_le_chemin_court_les_questions_facultatives_se_replient(decor: Decor) -> None:
    demandes = [{"ligne": "M2A", "annee": 2027, "montant": 300_000}]
    petit = un_brouillon(decor, demandes=demandes, participation_degre=None)
    page = etape(decor, petit, "habitants")
    assert "étape facultative" in page.text
    assert "étape 1 sur 8" in etape(decor, petit, "projet").text.replace("\u00a0", " ")
    assert "Facultatif : " in page.text.replace("\u00a0", " ")
    assert '<details class="repli repli-facultatif">' in page.text
    assert formulaire(page, "/etapes/habitants").envoyer(decor.client, "enregistrer").status_code == 303
    assert "aller_vers" not in contenu(decor, petit), "une case repliée et non cochée ne dit pas « non »"
    assert "Facultatif : " not in etape(decor, un_brouillon(decor), "habitants").text.replace("\u00a0", " ")


def test_un_budget_desequilibre_s_enregistre_mais_ne_se_signe_pas(decor: Decor) -> None:
    dossier = un_brouillon(decor, budget_produits=None)
    assert "Il manque" in etape(decor, dossier, "budget").text
    page = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/envoi")
    refus = page.envoyer(decor.client)
    assert refus.status_code == 422
    assert "Il manque 4\u202f000\u00a0€ de recettes" in refus.text
    assert f.relire(decor.session, dossier).etat is EtatDossier.BROUILLON


def test_signer_une_version_perimee_fait_relire(decor: Decor) -> None:
    dossier = un_dossier(decor, EtatDossier.A_SIGNER)
    ancienne = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/signature")
    ancienne.remplir(version=str(dossier.version - 1), qualite="representant")
    refus = ancienne.envoyer(decor.client)
    assert refus.status_code == 412
    assert "Le dossier a changé" in refus.text
    assert formulaire(refus, "/signature").valeur("version") == str(dossier.version)
    depot = decor.client.post(
        f"/dossiers/{dossier.reference}/depot",
        data={"_csrf": ancienne.valeur("_csrf") or "", "version": str(dossier.version)},
    )
    assert depot.status_code == 409
    assert "pas signé" in depot.text
    assert f.relire(decor.session, dossier).signe_le is None


def test_deposer_apres_la_cloture_est_refuse_avec_l_heure(decor: Decor) -> None:
    dossier = un_dossier(decor, EtatDossier.A_SIGNER)
    formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/signature").remplir(
        qualite="representant"
    ).envoyer(decor.client)
    depot = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/depot")
    decor.client.headers["X-Horloge"] = f.CLOTURE.isoformat()
    refus = depot.envoyer(decor.client)
    assert refus.status_code == 409
    assert "clos depuis le vendredi 11 décembre 2026 à 18" in refus.text.replace("\u00a0", " ")
    assert f.relire(decor.session, dossier).numero is None
    assert "clos" in decor.client.get(f"/dossiers/{dossier.reference}").text
    assert "Aucun appel" in decor.client.get("/dossiers/nouveau").text


def test_reprendre_puis_retirer(decor: Decor) -> None:
    dossier = un_dossier(decor, EtatDossier.A_SIGNER)
    adresse = f"/dossiers/{dossier.reference}"
    assert decor.client.get(f"{adresse}/etapes/projet").headers["location"].startswith(adresse + "?fait=dossier-fige")
    assert formulaire(decor.client.get(adresse), "/reprise").envoyer(decor.client).status_code == 303
    page = formulaire(decor.client.get(f"{adresse}/retrait"), "/retrait")
    assert page.envoyer(decor.client).status_code == 422
    assert page.remplir(motif="Projet abandonné.").envoyer(decor.client).status_code == 303
    assert f.relire(decor.session, dossier).etat is EtatDossier.RETIRE
    assert "retiré" in decor.client.get(adresse).text


def test_le_complement_dit_quoi_pourquoi_jusqu_a_quand_et_se_rend(decor: Decor) -> None:
    dossier = un_dossier(decor)
    instructeur = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    recevabilite.demander_complement(
        decor.session, dossier.numero or "", objet="Le budget détaillé.", pourquoi="Le poste 64 est flou.",
        echeance_le=f.MAINTENANT + timedelta(days=10), acteur=f.identite(decor.session, instructeur),
        maintenant=f.MAINTENANT, ligne="M2A",
    )  # fmt: skip
    decor.session.commit()
    assert "Compléter « Café des parents »" in decor.client.get("/dossiers").text.replace("\u00a0", " ")
    adresse = f"/dossiers/{dossier.numero}"
    page = decor.client.get(adresse)
    for morceau in ("Le budget détaillé.", "Le poste 64 est flou.", "lundi 16 novembre 2026", "m2A attend"):
        assert morceau in page.text, morceau
    financement = etape(decor, dossier, "financement")
    assert "figé depuis le dépôt" in financement.text
    assert formulaire(financement, "/etapes/financement").valeur("demandes.0.montant") is None
    reponse = formulaire(page, "/complement")
    muet = reponse.envoyer(decor.client)
    assert muet.status_code == 422
    etape_projet = formulaire(etape(decor, dossier, "projet"), "/etapes/projet").remplir(besoin="")
    assert etape_projet.envoyer(decor.client, "enregistrer").status_code == 303
    incomplet = reponse.remplir(reponse="Ma réponse tapée").envoyer(decor.client)
    assert incomplet.status_code == 422
    assert formulaire(incomplet, "/complement").valeur("reponse") == "Ma réponse tapée"
    assert f.relire(decor.session, dossier).etat is EtatDossier.A_COMPLETER
    etape_projet = formulaire(etape(decor, dossier, "projet"), "/etapes/projet").remplir(besoin="Précisé")
    etape_projet.envoyer(decor.client, "enregistrer")
    assert reponse.envoyer(decor.client).status_code == 303
    assert f.relire(decor.session, dossier).etat is EtatDossier.DEPOSE


def test_l_accuse_en_pdf_est_en_preparation_puis_scelle(decor: Decor) -> None:
    dossier = un_dossier(decor)
    attente = decor.client.get(f"/dossiers/{dossier.numero}/accuse.pdf")
    assert attente.status_code == 404
    assert "en préparation" in attente.text
    accuse.accuser_reception(decor.session, dossier.id, url_publique="http://essai.invalid", maintenant=f.MAINTENANT)
    decor.session.commit()
    pdf = decor.client.get(f"/dossiers/{dossier.numero}/accuse.pdf")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert "accuse.pdf" in decor.client.get(f"/dossiers/{dossier.numero}/accuse").text


def test_un_brouillon_n_a_pas_d_accuse(decor: Decor) -> None:
    assert decor.client.get(f"/dossiers/{un_brouillon(decor).reference}/accuse").status_code == 404


def test_chacun_chez_soi(decor: Decor) -> None:
    brouillon, depose = un_brouillon(decor), un_dossier(decor)
    autre = f.une_organisation(decor.session, rang=2)
    etranger = decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=autre))
    agent = decor.nouveau_client(f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A"))
    lecteur = decor.nouveau_client(f.un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation))
    for dossier in (brouillon, depose):
        adresse = f"/dossiers/{dossier.numero or dossier.reference}"
        for suite in ("", "/etapes/projet", "/signature", "/retrait", "/accuse", "/accuse.pdf"):
            assert etranger.get(adresse + suite).status_code == 404, suite
    assert agent.get(f"/dossiers/{brouillon.reference}").status_code == 404
    mene = agent.get(f"/dossiers/{depose.numero}")
    assert (mene.status_code, mene.headers["location"]) == (303, f"/instruction/{depose.numero}")
    lecture = agent.get(f"/instruction/{depose.numero}")
    assert lecture.status_code == 200
    assert "À vérifier" in lecture.text
    assert agent.get(f"/dossiers/{depose.numero}/etapes/projet").status_code == 403
    assert lecteur.get(f"/dossiers/{brouillon.reference}/etapes/projet").status_code == 303
    tout_nu = decor.nouveau_client(f.un_compte(decor.session))
    assert "Enregistrer mon organisation" in tout_nu.get("/dossiers").text
    assert "Enregistrer mon organisation" in tout_nu.get("/dossiers/nouveau").text
    anonyme = decor.nouveau_client(f.un_compte(decor.session))
    anonyme.cookies.clear()
    assert anonyme.get("/dossiers").status_code == 303


def test_repartir_d_un_dossier_marque_les_etapes_a_revoir(decor: Decor) -> None:
    un_an = timedelta(days=365)
    ancien = f.un_appel(
        decor.session, decor.contrat, annee=2026, ouverture_le=f.OUVERTURE - un_an, cloture_le=f.CLOTURE - un_an
    )
    depose = f.un_dossier_complet(
        decor.session, ancien, decor.organisation, decor.acteur, maintenant=f.MAINTENANT - un_an
    )
    du_meme_appel = un_dossier(decor)
    assert str(du_meme_appel.numero) not in decor.client.get("/dossiers/nouveau").text, "il ne se renouvelle pas encore"
    page = formulaire(decor.client.get(f"/dossiers/nouveau?depuis={depose.numero}"), "/dossiers/nouveau")
    assert page.valeur("renouvelle") == depose.numero
    adresse = page.envoyer(decor.client).headers["location"].split("?")[0]
    assert decor.client.get(adresse).text.count("À revoir") == 6
    projet = decor.client.get(f"{adresse}/etapes/projet")
    assert "Repris du dossier précédent." in projet.text
    assert formulaire(projet, "/etapes/projet").envoyer(decor.client, "enregistrer").status_code == 303
    assert decor.client.get(adresse).text.count("À revoir") == 5
    assert "Repris du dossier précédent." not in decor.client.get(f"{adresse}/etapes/projet").text


def test_un_nouveau_dossier_exige_un_appel_et_une_organisation(decor: Decor) -> None:
    f.une_organisation(decor.session, rang=2)
    decor.session.commit()
    page = formulaire(decor.client.get("/dossiers/nouveau"), "/dossiers/nouveau")
    page.champs = [(n, v) for n, v in page.champs if n != "appel"]
    refus = page.envoyer(decor.client)
    assert refus.status_code == 422
    assert formulaire(refus, "/dossiers/nouveau").valeur("organisation") == decor.organisation.code
    d_ailleurs = page.remplir(appel="ess-2027", organisation="o-essai002").envoyer(decor.client)
    assert d_ailleurs.status_code == 422
    assert page.remplir(appel="inconnu", organisation=decor.organisation.code).envoyer(decor.client).status_code == 409


def test_aucun_formulaire_ne_part_sans_jeton(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = decor.client.get(f"/dossiers/{dossier.reference}/etapes/projet")
    assert all(x.valeur("_csrf") for x in formulaires(page))
    sans = formulaire(page, "/etapes/projet").remplir(_csrf="faux", titre="Volé")
    assert sans.envoyer(decor.client, "enregistrer").status_code == 403
    assert contenu(decor, dossier)["titre"] == "Café des parents"


def test_un_siret_faux_est_refuse_et_la_saisie_revient(decor: Decor) -> None:
    page = formulaire(
        decor.client.get(f"/organisations/nouvelle/identite?siret={f.siret_fictif(77)}"), "/organisations/nouvelle"
    )
    saisie = {"nom": "Une association (fictif)", "forme": "association", "siret": "123 456 789 00012"}
    refus = page.remplir(**saisie).envoyer(decor.client)
    assert refus.status_code == 422
    assert "Ce SIRET n’existe pas" in refus.text
    rendu = formulaire(refus, "/organisations/nouvelle")
    assert {nom: rendu.valeur(nom) for nom in saisie} == saisie
    assert "Une association (fictif)" not in decor.client.get("/organisations").text


def test_un_envoi_trop_lourd_n_ecrit_rien(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    avant = contenu(decor, dossier)
    page = formulaire(etape(decor, dossier, "projet"), "/etapes/projet").remplir(description="x" * 13_000_000)
    assert page.envoyer(decor.client, "enregistrer").status_code == 413
    assert contenu(decor, dossier) == avant
