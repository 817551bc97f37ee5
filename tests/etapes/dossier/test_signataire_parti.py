"""Une signature tombe quand le rôle de qui l'a donnée est retiré ; un relais régulier n'y change rien."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service import depot, signature
from app.infra.heure import heure_machine
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.service import habilitations, relais
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_service_signature import a_signer
from tests.requetes import requetes

DEMAIN = f.MAINTENANT + timedelta(days=1)


def signe_par_une_autre(decor: Decor) -> tuple[Dossier, Identite]:
    autre = f.un_compte(decor.session, Role.SIGNATAIRE, organisation=decor.organisation, nom="Autre signataire")
    dossier, qui = a_signer(decor), f.identite(decor.session, autre)
    depot.signer(
        decor.session, dossier.reference, version_lue=dossier.version, acteur=qui, maintenant=f.MAINTENANT
    )  # fmt: skip
    decor.session.commit()
    return dossier, qui


def retirer(decor: Decor, qui: Identite, maintenant: datetime = f.MAINTENANT + timedelta(hours=1)) -> None:
    for tenue, compte in acteurs.list_membres(decor.session, decor.organisation.id, f.MAINTENANT):
        if compte.id == qui.compte_id:
            habilitations.clore(
                decor.session, tenue, compte, acteur="c", donnables=ROLES_PORTEUR, maintenant=maintenant
            )  # fmt: skip
    decor.session.commit()


def test_la_signature_de_qui_n_est_plus_signataire_ne_se_depose_pas(decor: Decor) -> None:
    dossier, autre = signe_par_une_autre(decor)
    signature.exiger_signataire_actuel(decor.session, dossier, DEMAIN)
    assert not signature.faire_tomber(decor.session, dossier.reference, acteur=decor.acteur, maintenant=DEMAIN)
    retirer(decor, autre)
    with pytest.raises(ActeImpossible, match="n’est plus signataire : signez à nouveau") as refus:
        signature.exiger_signataire_actuel(decor.session, dossier, DEMAIN)
    assert refus.value.code == "signataire_parti"
    assert signature.faire_tomber(decor.session, dossier.reference, acteur=decor.acteur, maintenant=DEMAIN)
    consigne = en_attente(decor.session)[-1]
    assert (consigne.acte, consigne.apres) == ("dossier.signature_tombee", {"change": [signature.PARTI]})
    assert dossier.signe_le is None


def transmettre(decor: Decor, autre: Identite, fin_le: date) -> None:
    """Un relais de la signature, prévu à ce jour."""
    relais.transmettre(
        decor.session, decor.organisation, partant=autre.courriel, fin_le=fin_le,
        successeur={"courriel": decor.acteur.courriel, "prenom": "Une", "nom": "Fictive", "fonction": "Présidence"},
        acteur=autre, url_publique="http://x", machine=heure_machine(), maintenant=f.MAINTENANT + timedelta(hours=1),
    )  # fmt: skip


def test_un_relais_regulier_garde_la_signature_donnee(decor: Decor) -> None:
    dossier, autre = signe_par_une_autre(decor)
    transmettre(decor, autre, date(2026, 11, 10))
    decor.session.commit()
    for jours in (1, 4, 5, 30):
        assert not signature.signataire_parti(decor.session, dossier, f.MAINTENANT + timedelta(days=jours)), jours


def test_un_relais_prevu_puis_un_retrait_defait_la_signature(decor: Decor) -> None:
    dossier, autre = signe_par_une_autre(decor)
    transmettre(decor, autre, date(2026, 11, 20))
    retirer(decor, autre, DEMAIN)
    assert signature.signataire_parti(decor.session, dossier, DEMAIN)


def test_savoir_si_la_signature_tient_coute_une_lecture(decor: Decor) -> None:
    dossier, _ = signe_par_une_autre(decor)
    decor.session.refresh(dossier)
    with requetes(decor.service) as vues:
        signature.exiger_signataire_actuel(decor.session, dossier, DEMAIN)
    assert len(vues) == 1, vues


def test_la_page_le_dit_d_avance_et_le_depot_se_refuse(decor: Decor) -> None:
    dossier, autre = signe_par_une_autre(decor)
    adresse = f"/dossiers/{dossier.reference}"
    lue = formulaire(decor.client.get(f"{adresse}/signature"), "/depot")
    retirer(decor, autre)
    decor.client.headers["X-Horloge"] = (f.MAINTENANT + timedelta(hours=2)).isoformat()
    for page in (adresse, f"{adresse}/signature"):
        dit = decor.client.get(page).text
        assert signature.PARTI in dit, page
        assert "Déposer le dossier" not in dit, page
    assert "À signer de nouveau" in decor.client.get(adresse).text
    refus = lue.envoyer(decor.client)
    assert refus.status_code == 409
    assert "n’est plus signataire : signez à nouveau" in refus.text.replace("\u00a0", " ").replace("\u202f", " ")
    relu = f.relire(decor.session, dossier)
    assert (relu.signe_le, relu.numero) == (None, None)
    assert formulaire(refus, "/signature").remplir(qualite="representant").envoyer(decor.client).status_code == 303
    depot = formulaire(decor.client.get(f"{adresse}/signature"), "/depot")
    assert depot.envoyer(decor.client).status_code == 303
