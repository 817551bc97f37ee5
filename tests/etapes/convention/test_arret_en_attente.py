"""Rien ne s'arrête en silence : des demandes jamais proposées se confirment (ligne) ou retiennent (appel)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.appel.models import Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.convention.models import ArreteLigne
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.dossier.repository.attente import get_attente
from app.etapes.dossier.repository.phases import reste_une_phase
from app.etapes.dossier.rules.attente import (
    CODE,
    RIEN,
    EnAttente,
    empechement_de_l_appel,
    verifier_arrete,
)
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, SaisieInvalide
from tests.etapes.commission.aide_seance import Campagne, la_demande, une_campagne
from tests.etapes.convention.aide_decision import APRES, compte_de_ligne, de_la_ligne, voter_tout
from tests.factories import CLOTURE, connecter

SANS_M2A = {"BOP147": 2_500}


def une_votee(session: Session) -> Campagne:
    """Le premier dossier est voté partout ; le second attend encore sur la ligne M2A."""
    campagne = une_campagne(session, propose=({"BOP147": 2_500, "M2A": 4_000}, SANS_M2A))
    voter_tout(session, campagne)
    return campagne


def arreter(session: Session, campagne: Campagne, ligne: str = "M2A", *, confirme: bool = False) -> ArreteLigne:
    return arreter_ligne(
        session,
        campagne.appel.code,
        ligne,
        acteur=de_la_ligne(session, campagne, ligne),
        maintenant=APRES,
        confirme=confirme,
    )


@pytest.mark.parametrize("etat", [EtatDemande.OUVERTE, EtatDemande.EN_INSTRUCTION])
def test_une_ligne_ou_des_demandes_attendent_s_arrete_sur_confirmation(session: Session, etat: EtatDemande) -> None:
    campagne = une_votee(session)
    la_demande(session, campagne.dossiers[1], "M2A").etat = etat
    session.flush()
    with pytest.raises(SaisieInvalide) as refus:
        arreter(session, campagne)
    assert (refus.value.code, [(x.champ, x.code) for x in refus.value.fautes]) == (CODE, [("confirme", CODE)])
    assert str(campagne.dossiers[1].numero) in refus.value.message
    assert str(campagne.dossiers[0].numero) not in refus.value.message
    assert arreter(session, campagne, confirme=True).nombre == 1
    trace = next(a for a in en_attente(session) if a.acte == "ligne.arretee")
    assert isinstance(trace.apres, dict)
    assert trace.apres["jamais_proposees"] == 1


def test_une_ligne_ou_rien_n_attend_s_arrete_sans_confirmation(session: Session) -> None:
    assert arreter(session, une_votee(session), "BOP147").nombre == 2


def test_une_annee_suivante_n_attend_rien(session: Session) -> None:
    campagne = une_votee(session)
    la_demande(session, campagne.dossiers[1], "M2A").annee = 2028
    session.flush()
    assert arreter(session, campagne).nombre == 1


def test_l_appel_attend_une_issue_pour_chaque_demande(session: Session) -> None:
    campagne = une_votee(session)
    arreter(session, campagne, confirme=True)
    arreter(session, campagne, "BOP147")
    campagne.appel.etat, campagne.appel.recevabilite_close_le = EtatAppel.CLOS, APRES
    session.flush()
    with pytest.raises(ActeImpossible) as refus:
        arreter_appel(session, campagne.appel.code, acteur=campagne.charge, maintenant=APRES)
    assert refus.value.code == CODE
    assert str(campagne.dossiers[1].numero) in refus.value.message
    assert "les écarter" in refus.value.message
    la_demande(session, campagne.dossiers[1], "M2A").etat = EtatDemande.IRRECEVABLE
    session.flush()
    arrete = arreter_appel(session, campagne.appel.code, acteur=campagne.charge, maintenant=APRES)
    assert arrete.etat is EtatAppel.ARRETE


def test_une_phase_a_venir_retient_l_appel(session: Session) -> None:
    campagne = une_votee(session)
    assert not reste_une_phase(session, campagne.appel, CLOTURE - timedelta(days=1))
    fetes = Phase(
        contrat_id=campagne.appel.contrat_id, appel_id=campagne.appel.id, rang=2, intitule="Fêtes",
        ouverture_le=APRES + timedelta(days=90), cloture_le=APRES + timedelta(days=180),
    )  # fmt: skip
    session.add(fetes)
    arreter(session, campagne, confirme=True)
    arreter(session, campagne, "BOP147")
    campagne.appel.etat, campagne.appel.recevabilite_close_le = EtatAppel.CLOS, APRES
    session.flush()
    for jour, code in ((APRES, "phase_a_venir"), (fetes.cloture_le, CODE)):
        with pytest.raises(ActeImpossible) as refus:
            arreter_appel(session, campagne.appel.code, acteur=campagne.charge, maintenant=jour)
        assert refus.value.code == code
    assert campagne.appel.etat is EtatAppel.CLOS
    assert not reste_une_phase(session, campagne.appel, fetes.cloture_le)


def test_dix_numeros_au_plus_et_le_compte_entier(session: Session) -> None:
    campagne = une_campagne(session, dossiers=12, propose=({},) * 12)
    attente = get_attente(session, campagne.appel, campagne.contrat.lignes["M2A"].id)
    assert attente == EnAttente.de([str(d.numero) for d in campagne.dossiers])
    assert (attente.nombre, len(attente.numeros)) == (12, 10)
    assert "et 2 de plus" in attente.phrase
    assert get_attente(session, campagne.appel).nombre == 24
    assert get_attente(session, campagne.appel, campagne.contrat.lignes["MULHOUSE"].id) == RIEN


def test_les_phrases_s_accordent() -> None:
    une, deux = EnAttente.de(["A-1"]), EnAttente.de(["A-1", "A-2"])
    assert une.a_cocher.startswith("J’ai vu que 1 demande n’a pas été examinée")
    assert deux.a_cocher.startswith("J’ai vu que 2 demandes n’ont pas été examinées ou proposées : elles restent")
    assert EnAttente(2, ()).phrase == "2 demandes n’ont pas été examinées ou proposées"
    assert verifier_arrete(deux, confirme=True) == verifier_arrete(RIEN, confirme=False) == ()
    assert empechement_de_l_appel(RIEN) is None
    assert (empechement_de_l_appel(une) or "").startswith("1 demande n’a pas été examinée ou proposée (A-1).")


def test_la_page_montre_une_case_et_l_api_le_code(ecriture: Session, client: TestClient) -> None:
    campagne = une_votee(ecriture)
    ecriture.commit()
    jeton = connecter(client, ecriture, compte_de_ligne(ecriture, campagne, "M2A"), maintenant=APRES)
    adresse = f"/appels/{campagne.appel.code}/decisions/M2A"
    page = client.get(adresse).text
    assert "J’ai vu que 1 demande n’a pas été examinée ou proposée" in page
    assert str(campagne.dossiers[1].numero) in page
    refus = client.post(f"{adresse}/arrete", data={"_csrf": jeton})
    assert refus.status_code == 422
    assert 'href="#champ-confirme"' in refus.text
    assert f"({campagne.dossiers[1].numero})" in refus.text
    par_api = client.post(f"/api/v1/appels/{campagne.appel.code}/lignes/M2A/arreter", headers={"X-CSRF-Token": jeton})
    assert (par_api.status_code, par_api.json()["code"]) == (422, CODE)
    assert str(campagne.dossiers[1].numero) in par_api.json()["detail"]
    assert client.post(f"{adresse}/arrete", data={"_csrf": jeton, "confirme": "oui"}).status_code == 303
    assert "J’ai vu que" not in client.get(adresse).text


def test_l_api_arrete_sur_confirmation(ecriture: Session, client: TestClient) -> None:
    campagne = une_votee(ecriture)
    ecriture.commit()
    jeton = connecter(client, ecriture, compte_de_ligne(ecriture, campagne, "M2A"), maintenant=APRES)
    chemin, entetes = f"/api/v1/appels/{campagne.appel.code}/lignes/M2A/arreter", {"X-CSRF-Token": jeton}
    assert client.post(chemin, json={}, headers=entetes).status_code == 422
    assert client.post(chemin, json={"confirme": "peut-être"}, headers=entetes).status_code == 422
    fait = client.post(chemin, json={"confirme": True}, headers=entetes)
    assert (fait.status_code, fait.json()["nombre"]) == (200, 1)
