"""Le passage de relais : une signature finit, une autre commence, il en reste toujours une ; deux relais à la fois."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.infra.heure import heure_machine
from app.infra.journal.models import JournalContenu
from app.noyau.erreurs import ActeImpossible, ErreurMetier
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, HabilitationCompte, LienAcces, Organisation, RepresentantLegal
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules import fin_de_jour
from app.referentiels.acteurs.service import fiche, relais
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import MAINTENANT, un_compte
from tests.referentiels.acteurs.decor import REPRESENTANT, Decor
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes, poster_les_liens

SUITE = {"prenom": "Dominique", "nom": "Nouveau", "fonction": "Présidence", "courriel": "suite@exemple.fr"}
FIN = date(2026, 11, 30)


def page_relais(decor: Decor) -> Any:
    return formulaire(decor.client.get(f"{decor.adresse}/relais"), "/relais")


def signature(decor: Decor, compte: Compte) -> HabilitationCompte:
    decor.relire()
    requete = select(HabilitationCompte).where(
        HabilitationCompte.compte_id == compte.id, HabilitationCompte.role == Role.SIGNATAIRE
    )
    return decor.session.scalars(requete).one()


def test_le_signataire_partant_transmet_a_une_personne_sans_compte(decor: Decor) -> None:
    decor.entrer(Role.REDACTEUR)
    decor.ecrire("representant", **REPRESENTANT)
    ancien = decor.membres[Role.SIGNATAIRE]
    decor.entrer(Role.SIGNATAIRE)
    reponse = page_relais(decor).remplir(**SUITE, fin_le=FIN.isoformat()).envoyer(decor.client)
    assert (reponse.status_code, reponse.headers["location"]) == (
        303, f"{decor.adresse}/membres?fait=signature-transmise",
    )  # fmt: skip
    assert signature(decor, ancien).fin == fin_de_jour(FIN), "le dernier jour compte"
    assert [r.nom for r in lectures.list_representants(decor.session, decor.organisation.id)] == ["Fictif", "Nouveau"]
    lue = lectures.lire(decor.session, decor.organisation, FIN, MAINTENANT)
    assert lue.representant is not None
    assert (lue.representant.nom, lue.prochain.nom if lue.prochain else "") == ("Fictif", "Nouveau")
    lendemain = lectures.lire(decor.session, decor.organisation, FIN + timedelta(days=1), fin_de_jour(FIN))
    assert lendemain.representant is not None
    assert (lendemain.representant.nom, lendemain.a_un_signataire) == ("Nouveau", False)
    assert "signature.transmise" in actes(decor.session)
    lien_cree = decor.session.scalars(select(LienAcces)).one()
    ecrits = str([(c.avant, c.apres) for c in decor.session.scalars(select(JournalContenu))])
    assert (f"'successeur': '{lien_cree.code}'" in ecrits, "@" in ecrits) == (True, False), "aucune adresse au journal"
    assert (ancien.courriel, f"{decor.organisation.nom} : votre signature est transmise") in decor.courriels()
    decor.client.headers["X-Horloge"] = fin_de_jour(FIN).isoformat()
    decor.entrer(Role.LECTEUR_PORTEUR)
    decor.client.headers["X-Horloge"] = fin_de_jour(FIN).isoformat()
    assert "Plus personne ne peut signer" in decor.client.get(decor.adresse).text
    assert "Plus personne ne peut signer" in decor.client.get(f"{decor.adresse}/membres").text
    lien = poster_les_liens(decor.service)["suite@exemple.fr"]
    decor.client.cookies.clear()
    page = formulaire(decor.client.get(f"/acces/{lien}"), lien)
    accepte = page.remplir(nom_affiche="Dominique", mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE)
    assert accepte.envoyer(decor.client).status_code == 303
    assert "Plus personne ne peut signer" not in decor.client.get(decor.adresse).text


def test_l_administrateur_transmet_la_signature_d_un_autre_a_un_membre(decor: Decor) -> None:
    redacteur, ancien = decor.membres[Role.REDACTEUR], decor.membres[Role.SIGNATAIRE]
    decor.entrer(Role.ADMINISTRATEUR_PORTEUR)
    saisie = {**SUITE, "courriel": redacteur.courriel, "fin_le": MAINTENANT.date().isoformat()}
    assert page_relais(decor).remplir(**saisie).envoyer(decor.client).status_code == 303
    assert signature(decor, redacteur).fin is None
    assert signature(decor, ancien).fin == fin_de_jour(MAINTENANT.date())
    assert decor.session.scalars(select(LienAcces)).all() == [], "déjà membre : pas d’invitation"


def test_un_relais_refuse_revient_rempli_et_ne_change_rien(decor: Decor) -> None:
    decor.entrer(Role.SIGNATAIRE)
    refus = (
        page_relais(decor).remplir(**{**SUITE, "courriel": "x", "nom": ""}, fin_le="2026-11-05").envoyer(decor.client)
    )
    assert refus.status_code == 422
    for champ in ("courriel", "nom", "fin_le"):
        assert f'<a href="#champ-{champ}">' in refus.text
    assert formulaire(refus, "/relais").valeur("prenom") == "Dominique"
    assert signature(decor, decor.membres[Role.SIGNATAIRE]).fin is None
    assert decor.session.scalars(select(RepresentantLegal)).all() == []


@pytest.mark.parametrize("role", [Role.REDACTEUR, Role.LECTEUR_PORTEUR])
def test_qui_ne_signe_ni_n_administre_ne_transmet_rien(decor: Decor, role: Role) -> None:
    decor.entrer(role)
    assert decor.client.get(f"{decor.adresse}/relais").status_code == 403


def test_un_signataire_ne_transmet_pas_la_signature_d_un_autre(decor: Decor) -> None:
    autre = un_compte(decor.session, Role.SIGNATAIRE, organisation=decor.organisation)
    decor.session.commit()
    decor.entrer(Role.SIGNATAIRE)
    page = page_relais(decor)
    assert page.valeur("partant") == decor.membres[Role.SIGNATAIRE].courriel
    envoi = page.remplir(partant=autre.courriel, **SUITE, fin_le=FIN.isoformat()).envoyer(decor.client)
    assert (envoi.status_code, signature(decor, autre).fin) == (403, None)


def test_une_signature_transmise_ne_se_transmet_plus(decor: Decor) -> None:
    decor.entrer(Role.SIGNATAIRE)
    page = page_relais(decor).remplir(**SUITE, fin_le=FIN.isoformat())
    assert page.envoyer(decor.client).status_code == 303
    encore = page.remplir(courriel="second@exemple.fr").envoyer(decor.client)
    assert (encore.status_code, "déjà transmise" in encore.text) == (409, True)
    assert "Aucune signature à transmettre" in decor.client.get(f"{decor.adresse}/relais").text


def test_de_deux_relais_a_la_fois_un_seul_passe(decor: Decor) -> None:
    """Deux administrateurs transmettent la même signature à deux personnes au même instant."""
    depart = threading.Barrier(2)
    issues: list[str] = []

    def transmettre(rang: int) -> None:
        with decor.service.state.fabrique() as session:
            organisation = session.get_one(Organisation, organisation_id)
            depart.wait(10)
            try:
                relais.transmettre(
                    session, organisation, partant=partant,
                    successeur={**SUITE, "courriel": f"suite{rang}@exemple.fr"}, fin_le=FIN,
                    acteur=administrateur, url_publique="http://x", machine=heure_machine(), maintenant=MAINTENANT,
                )  # fmt: skip
                session.commit()
                issues.append("fait")
            except ErreurMetier as refus:
                issues.append(refus.code)

    administrateur = decor.qui(Role.ADMINISTRATEUR_PORTEUR)
    organisation_id, partant = decor.organisation.id, decor.membres[Role.SIGNATAIRE].courriel
    decor.session.rollback()
    fils = [threading.Thread(target=transmettre, args=(rang,)) for rang in range(2)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert sorted(issues) == ["deja_transmise", "fait"]
    decor.relire()
    assert len(decor.session.scalars(select(LienAcces)).all()) == 1
    assert len(decor.session.scalars(select(RepresentantLegal)).all()) == 1
    assert actes(decor.session).count("signature.transmise") == 1


def test_un_relais_qui_change_d_avis_remplace_le_representant_a_venir(decor: Decor) -> None:
    autre = un_compte(decor.session, Role.SIGNATAIRE, organisation=decor.organisation)
    decor.session.commit()
    qui = {"acteur": "c-x", "maintenant": MAINTENANT}
    fiche.enregistrer_representant(decor.session, decor.organisation, {**REPRESENTANT, "telephone": ""}, **qui)
    for compte, nom in ((decor.membres[Role.SIGNATAIRE], "Premier"), (autre, "Second")):
        relais.transmettre(
            decor.session, decor.organisation, partant=compte.courriel,
            successeur={**SUITE, "nom": nom, "courriel": f"{nom.lower()}@exemple.fr"}, fin_le=FIN,
            acteur=decor.qui(Role.ADMINISTRATEUR_PORTEUR), url_publique="http://x", machine=heure_machine(),
            maintenant=MAINTENANT,
        )  # fmt: skip
    gardes = lectures.list_representants(decor.session, decor.organisation.id)
    assert [r.nom for r in gardes] == ["Fictif", "Second"]
    with pytest.raises(ActeImpossible):
        relais.demander_l_acces(
            decor.session, decor.organisation, acteur=decor.qui(Role.LECTEUR_PORTEUR), url_publique="http://x",
            maintenant=MAINTENANT,
        )  # fmt: skip
