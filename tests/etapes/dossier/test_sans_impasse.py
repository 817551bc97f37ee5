"""Rien n'est exigé là où l'on ne peut plus aller : durée raccourcie, forme corrigée, complément, numéro tardif."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.etapes.dossier import repository
from app.etapes.dossier.rules.depot import fautes_du_complement
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.parcours import contenu_utile
from app.etapes.dossier.service import depot, portail_etat, recevabilite
from app.noyau.erreurs import ActeImpossible, Faute, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.fiche import Compte
from app.referentiels.acteurs.service import fiche
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor

IBANS = ("FR7630006000011234567890189", "FR7610107001011234567890129")
TITRE = Faute("titre", "À remplir", "champ_manquant")
STATUT = Faute("budget_produits.0.statut", "Dites-le", "statut_manquant")
FIGEE = Faute("demandes", "Demandez aussi", "annee_sans_demande")


@pytest.mark.parametrize(
    ("avant", "apres", "rouvertes", "opposees"),
    [
        ((STATUT,), (STATUT,), {Section.PROJET}, ()),
        ((STATUT,), (STATUT,), {Section.BUDGET}, (STATUT,)),
        ((), (STATUT,), {Section.PROJET}, (STATUT,)),
        ((FIGEE,), (FIGEE,), {Section.FINANCEMENT}, ()),
        ((), (FIGEE, TITRE), set(Section), (FIGEE, TITRE)),
    ],
    ids=["d’avant, fermée", "d’avant, rouverte", "née du complément", "figée au dépôt", "nées du complément"],
)
def test_un_complement_ne_doit_que_ce_qui_est_a_sa_main(
    avant: tuple[Faute, ...], apres: tuple[Faute, ...], rouvertes: set[Section], opposees: tuple[Faute, ...]
) -> None:
    assert fautes_du_complement(avant, apres, rouvertes) == opposees


def test_une_etape_retiree_ne_compte_plus_et_revient() -> None:
    contenu = f.contenu_complet(2027, duree="3")
    assert [r["annee"] for r in contenu_utile(contenu, annee=2027, association=True)["annees_suivantes"]] == [
        2028,
        2029,
    ]
    deux_ans = contenu_utile(contenu | {"duree": "2"}, annee=2027, association=True)
    assert [r["annee"] for r in deux_ans["annees_suivantes"]] == [2028]
    un_an = contenu_utile(contenu | {"duree": "1"}, annee=2027, association=True)
    assert "annees_suivantes" not in un_an
    assert "asso_charges" in un_an
    assert "asso_charges" not in contenu_utile(contenu, annee=2027, association=False)


def test_une_convention_ramenee_a_un_an_se_depose(decor: Decor) -> None:
    dossier = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027, duree="2")
    )
    decor.session.commit()
    adresse = f"/dossiers/{dossier.reference}"
    page = formulaire(decor.client.get(f"{adresse}/etapes/financement"), "/etapes/financement")
    rangs = [n.removesuffix(".annee") for n, v in page.champs if n.startswith("demandes.") and v == "2028"]
    page.remplir(duree="1", **{f"{rang}.montant": "" for rang in rangs})
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    assert formulaire(decor.client.get(f"{adresse}/signature"), "/envoi").envoyer(decor.client).status_code == 303
    dossier = f.relire(decor.session, dossier)
    depot.signer(
        decor.session, dossier.reference, version_lue=dossier.version, acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    depose = depot.deposer(
        decor.session, dossier.reference, version_lue=dossier.version, acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    figee = repository.get_version(decor.session, depose.id)
    assert figee is not None
    assert "annees_suivantes" not in figee.contenu


def test_une_forme_corrigee_apres_le_depot_n_empeche_pas_de_completer(decor: Decor) -> None:
    decor.session.get_one(Organisation, decor.organisation.id).forme = FormeOrganisation.COLLECTIVITE
    rien = dict.fromkeys(("asso_charges", "asso_produits", "exercice_debut", "exercice_fin", "charte", "cer"))
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur, **rien)
    agent = f.identite(decor.session, f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A"))
    recevabilite.demander_complement(
        decor.session, str(dossier.numero), objet="Le calendrier", pourquoi="Il manque.", sections=["projet"],
        echeance_le=f.MAINTENANT + timedelta(days=10), acteur=agent, maintenant=f.MAINTENANT, ligne="M2A",
    )  # fmt: skip
    decor.session.get_one(Organisation, decor.organisation.id).forme = FormeOrganisation.ASSOCIATION
    decor.session.commit()
    page = formulaire(decor.client.get(f"/dossiers/{dossier.numero}"), "/complement")
    assert page.remplir(reponse="Voilà").envoyer(decor.client).status_code == 303
    assert f.relire(decor.session, dossier).etat is EtatDossier.DEPOSE


def un_iban(decor: Decor, iban: str) -> None:
    fiche.ajouter_compte(
        decor.session, decor.organisation, Compte("Association (fictif)", "Banque (fictif)", iban, "CEPAFRPP751"),
        acteur=decor.acteur, url_publique="http://x", maintenant=f.MAINTENANT,
    )  # fmt: skip
    decor.session.commit()


def test_on_ne_signe_que_la_fiche_qu_on_a_lue(decor: Decor) -> None:
    un_iban(decor, IBANS[0])
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    decor.session.commit()
    adresse = f"/dossiers/{dossier.reference}/signature"
    lue = formulaire(decor.client.get(adresse), "/signature").remplir(qualite="representant")
    un_iban(decor, IBANS[1])
    refus = lue.envoyer(decor.client)
    assert (refus.status_code, "avec la fiche de l’organisation" in refus.text) == (412, True)
    assert f.relire(decor.session, dossier).signe_le is None
    relue = formulaire(refus, "/signature").remplir(qualite="representant")
    assert relue.envoyer(decor.client).status_code == 303
    assert f.relire(decor.session, dossier).signe_le is not None


def test_signer_avec_une_autre_empreinte_de_fiche_se_refuse(decor: Decor) -> None:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    with pytest.raises(VersionPerimee):
        depot.signer(
            decor.session, dossier.reference, version_lue=dossier.version, fiche_lue="0" * 64, acteur=decor.acteur,
            maintenant=f.MAINTENANT,
        )  # fmt: skip


def test_donner_le_numero_de_l_etat_apres_la_signature_ne_la_defait_pas(decor: Decor) -> None:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    session, qui = decor.session, {"acteur": decor.acteur, "maintenant": f.MAINTENANT}
    depot.signer(session, dossier.reference, version_lue=dossier.version, **qui)  # type: ignore[arg-type]
    portail_etat.numeroter(session, dossier.reference, numero="DA00012345", **qui)  # type: ignore[arg-type]
    depose = depot.deposer(session, dossier.reference, version_lue=dossier.version, **qui)  # type: ignore[arg-type]
    numeros = {
        d.numero_dauphin for d, ligne in repository.list_demandes(session, [depose.id]) if ligne.code == "BOP147"
    }
    assert numeros == {"DA00012345"}


def test_un_dossier_retire_n_attend_plus_de_numero(decor: Decor) -> None:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    dossier.etat = EtatDossier.RETIRE
    decor.session.flush()
    with pytest.raises(ActeImpossible, match="retiré"):
        portail_etat.numeroter(
            decor.session, str(dossier.numero), numero="DA00012345", acteur=decor.acteur, maintenant=f.MAINTENANT
        )
