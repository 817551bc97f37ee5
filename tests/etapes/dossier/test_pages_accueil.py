"""L'accueil d'un agent : ce qui l'attend vraiment, sur ses lignes, dans l'appel où il y a du travail."""

from __future__ import annotations

from datetime import timedelta

from app.etapes.appel import repository as appels
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service import depot, recevabilite
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_pages_instructeur import mettre, un_agent, un_depose
from tests.requetes import requetes


def la_corbeille(page: str) -> str:
    """Ce qui suit « Compléments reçus » dans la page."""
    return page.split("Compléments reçus")[1][:200]


def test_un_complement_recu_n_attend_que_les_lignes_qu_il_concerne(decor: Decor) -> None:
    dossier = un_depose(decor)
    instructeur = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    sur_m2a, sur_mulhouse = un_agent(decor), un_agent(decor, ligne="MULHOUSE")
    recevabilite.demander_complement(
        decor.session, dossier.numero or "", objet="Le devis", pourquoi="Le coût.", ligne="M2A",
        echeance_le=f.MAINTENANT + timedelta(days=9), maintenant=f.MAINTENANT,
        acteur=f.identite(decor.session, instructeur),
    )  # fmt: skip
    depot.completer(
        decor.session, dossier.numero or "", reponse="Le voici.", acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    decor.session.commit()
    assert ">1<" in la_corbeille(sur_m2a.get("/accueil").text)
    assert ">0<" in la_corbeille(sur_mulhouse.get("/accueil").text)
    mettre(decor, dossier, EtatDemande.PROPOSEE, "M2A")
    assert ">0<" in la_corbeille(sur_m2a.get("/accueil").text), "l'examen est passé : rien n'attend plus"


def test_une_autorite_lit_ce_qu_elle_doit_arbitrer_et_rien_d_autre(decor: Decor) -> None:
    dossier = un_depose(decor)
    elu, d_ailleurs = un_agent(decor, Role.ELU_LIGNE), un_agent(decor, Role.ELU_LIGNE, "MULHOUSE")
    assert "Rien ne vous attend" in elu.get("/accueil").text
    mettre(decor, dossier, EtatDemande.PROPOSEE, "M2A")
    assert "1 montant à arbitrer" in elu.get("/accueil").text
    assert "Rien ne vous attend" in d_ailleurs.get("/accueil").text


def test_une_demande_votee_attend_les_services_de_sa_ligne(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    mettre(decor, dossier, EtatDemande.VALIDEE, "M2A")
    assert "1 demande votée à arrêter ou à décider" in agent.get("/accueil").text
    with requetes(decor.service) as vues:
        agent.get("/accueil")
    assert len(vues) <= 8


def test_l_appel_de_travail_est_celui_ou_l_on_a_depose(decor: Decor) -> None:
    un_depose(decor)
    vide = f.un_appel(decor.session, decor.contrat, code="ess-2028", annee=2028)
    liste = appels.list_appels(decor.session, [decor.contrat.id])
    assert liste[0].id == vide.id
    travail = appels.appel_de_travail(liste)
    assert travail is not None
    assert travail.code == "ess-2027"
    assert appels.appel_de_travail([vide]) is vide
    assert appels.appel_de_travail([]) is None
