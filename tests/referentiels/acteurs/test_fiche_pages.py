"""La fiche d'une organisation : chaque section s'écrit, se refuse, se relit ; qui voit et écrit quoi ; l'instantané."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.infra.journal.models import JournalContenu
from app.noyau.erreurs import ActeImpossible, Introuvable, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.acteurs.models import CompteBancaire, EngagementRepublicain, Organisation, RepresentantLegal
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.fiche import Moyens, Section, section_de
from app.referentiels.acteurs.service import fiche
from tests.etapes.dossier.aide_pages import formulaire, formulaires
from tests.factories import MAINTENANT, un_compte, une_organisation
from tests.referentiels.acteurs.decor import BANQUE, IBAN, REPRESENTANT, Decor
from tests.requetes import requetes

MOYENS = {
    "annee": "2025", "benevoles": "12", "volontaires": "1", "salaries": "3", "emplois_aides": "1", "etpt": "2,5",
    "mis_a_disposition": "0", "adherents": "80",
}  # fmt: skip
ADRESSES = {
    "adresse": "1 rue Fictive", "code_postal": "68100", "commune": "Mulhouse", "telephone": "03 89 00 00 00",
    "correspondance_adresse": "BP 12", "correspondance_code_postal": "68200", "correspondance_commune": "Mulhouse",
}  # fmt: skip
RELATIONS = {
    "est_reconnue_utilite": "oui", "utilite_jo_le": "1998-05-04", "est_assujettie": "non", "a_aides_minimis": "oui",
    "aides_minimis": "Ville, 2024, 500 €", "agrement_type_0": "Jeunesse et éducation populaire",
    "agrement_par_0": "Préfecture (fictif)", "agrement_date_0": "2024-01-09",
}  # fmt: skip
SECTIONS: dict[str, tuple[Role, dict[str, str], tuple[str, ...]]] = {
    "identite": (Role.REDACTEUR, {"nom": "Nouveau nom (fictif)", "sigle": "NN", "site_web": "www.exemple.fr"},
                 ("Nouveau nom (fictif) (NN)", "https://www.exemple.fr")),
    "adresses": (Role.REDACTEUR, ADRESSES, ("1 rue Fictive, 68100 Mulhouse", "BP 12, 68200 Mulhouse")),
    "representant": (Role.REDACTEUR, REPRESENTANT, ("Camille Fictif", "presidence@exemple.fr")),
    "contact": (Role.REDACTEUR, {"contact_prenom": "Dominique", "contact_nom": "Inventé"}, ("Dominique Inventé",)),
    "administration": (Role.REDACTEUR, RELATIONS,
                       ("Jeunesse et éducation populaire, par Préfecture (fictif)", "Journal officiel du", "500 €")),
    "reseaux": (Role.REDACTEUR, {"reseaux": "Fédération A\n\n Union B ", "personnes_morales": "Commune C"},
                ("Fédération A, Union B", "Commune C")),
    "moyens": (Role.REDACTEUR, MOYENS, ("Au 31 décembre 2025", "ETPT 2,5", "bénévoles 12")),
    "banque": (Role.SIGNATAIRE, BANQUE, ("FR76 3000 6000 0112 3456 7890 189", "Banque fictive")),
    "engagement": (Role.SIGNATAIRE, {"qualite": "Présidence", "atteste": "oui"}, ("Présidence", "6 novembre 2026")),
}  # fmt: skip


def texte(decor: Decor) -> str:
    """La fiche, espaces insécables lus comme des espaces, sans les jetons (ils changent à chaque page)."""
    page = decor.client.get(decor.adresse).text.replace("\u00a0", " ").replace("\u202f", " ")
    return re.sub(r'name="_csrf" value="\w*"', "", page)


@pytest.mark.parametrize("section", SECTIONS)
def test_une_section_s_enregistre_et_se_relit(decor: Decor, section: str) -> None:
    role, saisie, lus = SECTIONS[section]
    decor.entrer(role)
    reponse = decor.ecrire(section, **saisie)
    assert (reponse.status_code, reponse.headers.get("location", "").split("?")[0]) == (303, decor.adresse)
    page = texte(decor)
    for morceau in lus:
        assert morceau in page
    if section not in {"banque", "engagement"}:
        rendu = formulaire(decor.client.get(f"{decor.adresse}/fiche/{section}"), section)
        for nom in saisie:
            assert rendu.valeur(nom), nom


REFUS: tuple[tuple[str, Role, dict[str, str], str], ...] = (
    ("identite", Role.REDACTEUR, {"nom": ""}, "nom"),
    ("identite", Role.REDACTEUR, {"site_web": "pas un site"}, "site_web"),
    ("identite", Role.REDACTEUR, {"registre_volume": ""}, "registre_volume"),
    ("adresses", Role.REDACTEUR, {**ADRESSES, "code_postal": "681"}, "code_postal"),
    ("representant", Role.REDACTEUR, {**REPRESENTANT, "nom": ""}, "nom"),
    ("representant", Role.REDACTEUR, {**REPRESENTANT, "courriel": "a@"}, "courriel"),
    ("contact", Role.REDACTEUR, {"contact_telephone": "12"}, "contact_telephone"),
    ("administration", Role.REDACTEUR, {**RELATIONS, "utilite_jo_le": ""}, "utilite_jo_le"),
    ("administration", Role.REDACTEUR, {**RELATIONS, "agrement_par_0": ""}, "agrement_par_0"),
    ("administration", Role.REDACTEUR, {**RELATIONS, "est_assujettie": "peut-être"}, "est_assujettie"),
    ("reseaux", Role.REDACTEUR, {"reseaux": "A\n" * 31}, "reseaux"),
    ("moyens", Role.REDACTEUR, {**MOYENS, "benevoles": ""}, "benevoles"),
    ("moyens", Role.REDACTEUR, {**MOYENS, "etpt": "trois"}, "etpt"),
    ("moyens", Role.REDACTEUR, {**MOYENS, "emplois_aides": "9"}, "emplois_aides"),
    ("moyens", Role.REDACTEUR, {**MOYENS, "annee": "2026"}, "annee"),
    ("moyens", Role.REDACTEUR, {**MOYENS, "annee": "2021"}, "annee"),
    ("banque", Role.SIGNATAIRE, {**BANQUE, "iban": "FR00 1234"}, "iban"),
    ("banque", Role.SIGNATAIRE, {**BANQUE, "bic": "XX"}, "bic"),
    ("engagement", Role.SIGNATAIRE, {"qualite": "", "atteste": "oui"}, "qualite"),
    ("engagement", Role.SIGNATAIRE, {"qualite": "Présidence"}, "atteste"),
)


@pytest.mark.parametrize(("section", "role", "saisie", "fautif"), REFUS)
def test_une_section_refusee_revient_avec_sa_saisie(
    decor: Decor, section: str, role: Role, saisie: dict[str, str], fautif: str
) -> None:
    decor.entrer(role)
    avant = texte(decor)
    refus = decor.ecrire(section, **saisie)
    assert refus.status_code == 422, refus.headers
    assert f'<a href="#champ-{fautif}">' in refus.text
    assert f'id="champ-{fautif}"' in refus.text
    assert f'id="erreur-{fautif}"' in refus.text
    rendu = formulaire(refus, section)
    for nom, valeur in saisie.items():
        if nom not in {"est_assujettie", "annee"}:  # une option forgée n'est pas dans la liste
            assert (rendu.valeur(nom) or "").strip() == valeur.strip(), nom
    assert texte(decor) == avant, "rien n’est écrit"


@pytest.mark.parametrize(
    ("role", "section", "statut"),
    [
        (Role.LECTEUR_PORTEUR, "identite", 403),
        (Role.LECTEUR_PORTEUR, "banque", 403),
        (Role.SIGNATAIRE, "identite", 403),
        (Role.REDACTEUR, "banque", 403),
        (Role.REDACTEUR, "engagement", 403),
        (Role.REDACTEUR, "inconnue", 404),
        (Role.ADMINISTRATEUR_PORTEUR, "banque", 200),
        (Role.ADMINISTRATEUR_PORTEUR, "identite", 200),
    ],
)
def test_chacun_n_ecrit_que_ce_qui_lui_revient(decor: Decor, role: Role, section: str, statut: int) -> None:
    decor.entrer(role)
    fiche_lue = decor.client.get(decor.adresse)
    assert fiche_lue.status_code == 200
    chemin = f"{decor.adresse}/fiche/{section}"
    assert decor.client.get(chemin).status_code == statut
    assert (f'href="{chemin}"' in fiche_lue.text) is (statut == 200)
    if statut != 200:
        jeton = formulaire(fiche_lue, "/deconnexion").valeur("_csrf")
        assert decor.client.post(chemin, data={"_csrf": jeton, "nom": "Volé"}).status_code == statut


def test_qui_est_d_ailleurs_ne_trouve_rien(decor: Decor) -> None:
    ailleurs = une_organisation(decor.session, rang=2)
    etranger = un_compte(decor.session, Role.ADMINISTRATEUR_PORTEUR, organisation=ailleurs)
    decor.session.commit()
    decor.entrer(etranger)
    jeton = formulaire(decor.client.get(f"/organisations/{ailleurs.code}"), "/deconnexion").valeur("_csrf")
    for chemin in ("", "/fiche/identite", "/fiche/banque", "/relais", "/membres"):
        assert decor.client.get(decor.adresse + chemin).status_code == 404, chemin
    for chemin in ("/fiche/identite", "/fiche/banque", "/relais", "/comptes/1/retrait", "/demandes/x/suite"):
        envoi = decor.client.post(decor.adresse + chemin, data={"_csrf": jeton, **BANQUE})
        assert envoi.status_code == 404, chemin


def test_une_commune_n_a_pas_d_engagement_a_attester(decor: Decor) -> None:
    decor.organisation.forme = FormeOrganisation.COLLECTIVITE
    decor.session.commit()
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    assert decor.client.get(f"{decor.adresse}/fiche/engagement").status_code == 404
    assert "engagement républicain" not in texte(decor)
    with pytest.raises(ActeImpossible):
        fiche.attester(
            decor.session, decor.organisation, acteur=decor.qui(Role.SIGNATAIRE), qualite="Maire", est_atteste=True,
            maintenant=MAINTENANT,
        )  # fmt: skip


def test_l_iban_n_est_entier_que_pour_qui_administre_ou_signe(decor: Decor) -> None:
    decor.entrer(Role.SIGNATAIRE)
    assert decor.ecrire("banque", **BANQUE).status_code == 303
    entier = "FR76 3000 6000 0112 3456 7890 189"
    for role in (Role.SIGNATAIRE, Role.ADMINISTRATEUR_PORTEUR):
        decor.entrer(role)
        assert entier in texte(decor), role
    for role in (Role.REDACTEUR, Role.LECTEUR_PORTEUR):
        decor.entrer(role)
        page = texte(decor)
        assert "FR76 •••• 189" in page
        assert entier not in page, role
        assert "3000" not in page, role
    decor.relire()
    journal = json.dumps([[c.avant, c.apres] for c in decor.session.scalars(select(JournalContenu))], default=str)
    assert '"section": "banque"' in journal, "l’acte, lui, y est"
    assert IBAN not in journal
    assert "30006000" not in journal
    assert "Camille" not in journal
    prevenus = {d for d, objet in decor.courriels() if "compte bancaire" in objet}
    assert prevenus == {decor.membres[r].courriel for r in (Role.SIGNATAIRE, Role.ADMINISTRATEUR_PORTEUR)}
    corps = decor.session.execute(text("SELECT string_agg(corps, ' ') FROM courriel")).scalar_one()
    assert "3000" not in corps


def test_le_dernier_compte_ajoute_sert_et_se_retire(decor: Decor) -> None:
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    decor.ecrire("banque", **BANQUE)
    assert "Ce compte est déjà enregistré" in decor.ecrire("banque", **BANQUE).text
    second = {**BANQUE, "iban": "FR14 2004 1010 0505 0001 3M02 606", "banque": "Autre banque"}
    assert decor.ecrire("banque", **second).status_code == 303
    assert "Autre banque" in texte(decor)
    page = decor.client.get(f"{decor.adresse}/fiche/banque")
    assert IBAN not in page.text.replace(" ", "")
    retrait = next(f for f in formulaires(page) if f.action.endswith("/retrait"))
    assert retrait.envoyer(decor.client).status_code == 303
    assert retrait.envoyer(decor.client).status_code == 404, "retiré une fois, il n’est plus là"
    apres = texte(decor)
    assert "Autre banque" not in apres
    assert "Banque fictive" in apres
    decor.relire()
    assert len(decor.session.scalars(select(CompteBancaire)).all()) == 2, "gardé, retiré"


def test_une_attestation_s_ajoute_et_ne_se_recrit_pas(decor: Decor) -> None:
    decor.entrer(Role.SIGNATAIRE)
    for qualite in ("Présidence", "Mandat"):
        assert decor.ecrire("engagement", qualite=qualite, atteste="oui").status_code == 303
    decor.relire()
    gardees = decor.session.scalars(select(EngagementRepublicain).order_by(EngagementRepublicain.id)).all()
    assert [e.qualite for e in gardees] == ["Présidence", "Mandat"]
    for ordre in ("UPDATE engagement_republicain SET qualite = 'x'", "DELETE FROM engagement_republicain"):
        with pytest.raises(DBAPIError):
            decor.session.execute(text(ordre))
        decor.session.rollback()


def test_la_fiche_tient_en_dix_requetes(decor: Decor) -> None:
    for section in ("representant", "moyens"):
        decor.entrer(SECTIONS[section][0])
        decor.ecrire(section, **SECTIONS[section][1])
    for chemin in (decor.adresse, f"{decor.adresse}/fiche/identite"):
        with requetes(decor.service) as vues:
            assert decor.client.get(chemin).status_code == 200
        assert len(vues) <= 10, vues


def test_l_instantane_dit_tout_ce_que_la_demande_demande_et_ce_qui_manque_s_epuise(decor: Decor) -> None:
    manques = fiche.manques(decor.session, decor.organisation, MAINTENANT)
    assert {section_de(f) for f in manques} == {
        Section.ADRESSES, Section.REPRESENTANT, Section.ADMINISTRATION, Section.MOYENS, Section.BANQUE,
        Section.ENGAGEMENT,
    }  # fmt: skip
    vide = fiche.instantane(decor.session, decor.organisation.id, 2026, MAINTENANT)
    assert vide["compte_bancaire"] is None
    assert vide["representant"] is None
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    for section, (role, saisie, _) in SECTIONS.items():
        decor.entrer(role)
        assert decor.ecrire(section, **saisie).status_code == 303, section
    decor.relire()
    assert fiche.manques(decor.session, decor.organisation, MAINTENANT) == ()
    assert "Rien ne manque" in texte(decor)
    rendu = fiche.instantane(decor.session, decor.organisation.id, 2026, MAINTENANT)
    json.dumps(rendu)
    assert rendu["identite"]["nom"] == "Nouveau nom (fictif)"
    assert rendu["identite"]["registre"]["folio"] == "1"
    assert rendu["siege"]["commune"] == "Mulhouse"
    assert rendu["correspondance"]["adresse"] == "BP 12"
    assert rendu["representant"] == {**REPRESENTANT, "telephone": ""}
    assert rendu["personne_chargee"]["nom"] == "Inventé"
    assert rendu["relations"]["utilite_jo_le"] == "1998-05-04"
    assert rendu["relations"]["agrements"][0]["date"] == "2024-01-09"
    assert rendu["reseaux"] == ["Fédération A", "Union B"]
    assert (rendu["moyens_humains"]["annee"], rendu["moyens_humains"]["etpt_centiemes"]) == (2025, 250)
    assert rendu["engagement_republicain"]["qualite"] == "Présidence"
    assert rendu["compte_bancaire"]["iban"] == IBAN
    assert IBAN not in json.dumps({cle: v for cle, v in rendu.items() if cle != "compte_bancaire"})
    for annee, connus in ((2025, None), (2027, 2025), (2028, 2025)):
        moyens = fiche.instantane(decor.session, decor.organisation.id, annee, MAINTENANT)["moyens_humains"]
        assert (moyens and moyens["annee"]) == connus, annee
    decor.relire()
    assert decor.session.get_one(Organisation, decor.organisation.id).salaries_etp_centiemes == 250
    with pytest.raises(Introuvable):
        fiche.instantane(decor.session, 999_999, 2026, MAINTENANT)


def test_corriger_le_representant_ne_garde_pas_l_ancien(decor: Decor) -> None:
    decor.entrer(Role.REDACTEUR)
    for nom in ("Premier", "Second"):
        assert decor.ecrire("representant", **{**REPRESENTANT, "nom": nom}).status_code == 303
    decor.relire()
    assert [r.nom for r in decor.session.scalars(select(RepresentantLegal))] == ["Second"]


def test_un_champ_d_une_autre_section_est_refuse(decor: Decor) -> None:
    qui = {"acteur": "c-x", "maintenant": MAINTENANT}
    with pytest.raises(KeyError):
        fiche.enregistrer_champs(decor.session, decor.organisation, Section.CONTACT, {"siret": "1"}, **qui)
    with pytest.raises(SaisieInvalide):
        fiche.enregistrer_moyens(
            decor.session, decor.organisation, 2025, Moyens(0, 0, 0, 1, 0, 0, 0), acteur="c-x", maintenant=MAINTENANT
        )
