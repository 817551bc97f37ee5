"""Les règles de vote réglables : ce qu'elles changent à un vote, au quorum, aux pouvoirs ; leurs refus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import Seance, StatutPresence
from app.etapes.commission.rules import (
    COMMISSION_DES_ELUS,
    DROIT_LOCAL,
    Decompte,
    MajoriteExigee,
    Membre,
    Procuration,
    QuorumExige,
    Reglages,
    ReglesDeVote,
    Scrutin,
    Sens,
    Sort,
    controler_procurations,
    en_clair,
    quorum,
    regler,
    resultat,
    trop_de_pouvoirs,
)
from app.etapes.commission.service import preparation, presences, proces_verbal, votes
from app.etapes.commission.service.presences import PresenceDite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, SaisieInvalide
from tests.etapes.commission.aide_seance import (
    EN_SEANCE,
    JOUR_J,
    Campagne,
    tous_presents,
    une_campagne,
    une_seance,
)
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import connecter

POUR, CONTRE = Sens.POUR, Sens.CONTRE
PARTAGE = {1: POUR, 2: POUR, 3: CONTRE, 4: CONTRE}
NEUF = tuple(Membre(f"e{n}", f"Élu {n}", a_voix=True, preside=n == 1, rang=n) for n in range(1, 10))
MOITIE_SUFFIT = Reglages(majorite=MajoriteExigee.MOITIE)
SANS_QUORUM = Reglages(quorum=QuorumExige.AUCUN)
PRESENT, A_DEUX = PresenceDite(StatutPresence.PRESENT), PresenceDite(StatutPresence.REPRESENTE, 2)


def regle(reglages: Reglages) -> ReglesDeVote:
    return regler(COMMISSION_DES_ELUS, reglages)


# -- les règles, sans base


def test_sans_rien_changer_le_reglement_reste_celui_de_la_commission() -> None:
    assert regle(Reglages()) == COMMISSION_DES_ELUS
    assert Reglages().changes() == ()
    assert Reglages(pouvoirs_par_porteur=0, quorum=QuorumExige.TIERS).changes() == ("quorum", "pouvoirs_par_porteur")


@pytest.mark.parametrize(
    ("exige", "presents", "atteint", "requis"),
    [
        (QuorumExige.PLUS_DE_LA_MOITIE, 4, False, 5),
        (QuorumExige.TIERS, 3, True, 3),
        (QuorumExige.TIERS, 2, False, 3),
        (QuorumExige.AUCUN, 1, True, 0),
        (QuorumExige.AUCUN, 0, False, 1),
    ],
)
def test_le_quorum_regle(exige: QuorumExige, presents: int, atteint: bool, requis: int) -> None:
    lu = quorum(NEUF, {m.code for m in NEUF[:presents]}, regle(Reglages(quorum=exige)))
    assert (lu.atteint, lu.requis) == (atteint, requis)


def test_les_pouvoirs_comptes_font_le_quorum_et_le_motif_le_dit() -> None:
    pouvoirs = [Procuration("e9", "e1", donnee_le=JOUR_J)]
    presents = {m.code for m in NEUF[:4]}
    assert not quorum(NEUF, presents, regle(Reglages()), pouvoirs=pouvoirs).atteint
    lu = quorum(NEUF, presents, regle(Reglages(pouvoirs_dans_le_quorum=True)), pouvoirs=pouvoirs)
    assert lu.atteint
    assert "5 membres présents ou représentés sur 9 en exercice" in lu.motif


@pytest.mark.parametrize(("combien", "admis"), [(0, 0), (1, 1), (2, 2), (3, 3)])
def test_le_nombre_de_pouvoirs_par_porteur(combien: int, admis: int) -> None:
    donnes = [Procuration(f"e{n}", "e1", donnee_le=JOUR_J) for n in (6, 7, 8, 9)]
    regles = regle(Reglages(pouvoirs_par_porteur=combien))
    valides, refus = controler_procurations(donnes, NEUF, {"e1"}, regles, instant=EN_SEANCE)
    assert len(valides) == admis
    assert {r.motif for r in refus} == {trop_de_pouvoirs(regles)}


@pytest.mark.parametrize("combien", [-1, 4])
def test_un_nombre_de_pouvoirs_hors_bornes_est_refuse(combien: int) -> None:
    with pytest.raises(ValueError, match="de 0 à 3"):
        Reglages(pouvoirs_par_porteur=combien)


@pytest.mark.parametrize("scrutin", list(Scrutin))
def test_la_moitie_suffit_adopte_un_partage(scrutin: Scrutin) -> None:
    lu = resultat(Decompte(4, 4, 1), regle(MOITIE_SUFFIT), scrutin=scrutin, president=CONTRE)
    assert lu.sort is Sort.ADOPTE
    assert lu.motif.endswith("adopté, au nombre exact qu’il fallait (8 suffrages exprimés).")
    assert resultat(Decompte(3, 4, 1), regle(MOITIE_SUFFIT)).sort is Sort.REJETE


@pytest.mark.parametrize(
    ("regles", "dit"),
    [
        (COMMISSION_DES_ELUS, "plus de la moitié des membres en exercice"),
        (COMMISSION_DES_ELUS, "Les pouvoirs ne comptent pas dans le quorum."),
        (COMMISSION_DES_ELUS, "la voix du président de séance est prépondérante."),
        (regle(Reglages(quorum=QuorumExige.TIERS)), "Quorum : le tiers au moins des membres en exercice."),
        (regle(Reglages(pouvoirs_dans_le_quorum=True)), "Les pouvoirs comptent dans le quorum."),
        (regle(SANS_QUORUM), "Aucun quorum n’est exigé."),
        (regle(Reglages(pouvoirs_par_porteur=2)), "Un membre porte au plus 2 pouvoirs."),
        (regle(Reglages(pouvoirs_par_porteur=0)), "Aucun pouvoir n’est admis."),
        (regle(MOITIE_SUFFIT), "la moitié au moins des suffrages exprimés ; en cas de partage, la proposition est ado"),
        (regle(Reglages(voix_preponderante=False)), "en cas de partage, la proposition n’est pas adoptée."),
        (DROIT_LOCAL, "Pas de quorum quand la moitié des membres est intéressée."),
        (replace(COMMISSION_DES_ELUS, majorite_part=Fraction(2, 3)), "Majorité : plus de 2/3 des suffrages exprimés."),
    ],
)
def test_un_reglement_se_dit_en_clair(regles: ReglesDeVote, dit: str) -> None:
    assert dit in " ".join(en_clair(regles))


# -- la séance


@pytest.fixture
def campagne(session: Session) -> Campagne:
    return une_campagne(session, dossiers=1)


def ouvrir(
    session: Session, campagne: Campagne, reglages: Reglages, presents: Mapping[int, PresenceDite], jeu: str = ""
) -> Seance:
    seance = une_seance(session, campagne)
    presences.noter(session, seance.code, presents, acteur=campagne.charge, maintenant=JOUR_J)
    return preparation.ouvrir(
        session, seance.code, acteur=campagne.charge, maintenant=JOUR_J, reglages=reglages,
        jeu=jeu or repository.JEU_REGLABLE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reglages", "issue"),
    [
        (Reglages(), "retenu"),  # le président a voté pour : sa voix départage
        (Reglages(voix_preponderante=False), "refuse"),
        (Reglages(voix_preponderante=False, majorite=MajoriteExigee.MOITIE), "retenu"),
    ],
)
def test_le_meme_partage_change_d_issue_avec_le_reglage(
    session: Session, campagne: Campagne, reglages: Reglages, issue: str
) -> None:
    seance = ouvrir(session, campagne, reglages, tous_presents(4))
    session.flush()
    session.refresh(seance)
    lu = votes.proclamer(
        session, seance.code, 1, bulletins=PARTAGE, acteur=campagne.charge, maintenant=EN_SEANCE
    )  # fmt: skip
    assert lu.issue == issue
    assert repository.lire_regles(seance.regles) == regle(reglages)
    ouverture = next(a for a in en_attente(session) if a.acte == "seance.ouverte")
    assert ouverture.apres == {"regles": seance.regles}
    assert " ".join(en_clair(regle(reglages))) == proces_verbal.donnees(session, seance)["regles"]


@pytest.mark.parametrize(("exige", "vote"), [(QuorumExige.PLUS_DE_LA_MOITIE, False), (QuorumExige.TIERS, True)])
def test_deux_presents_sur_cinq_votent_si_le_tiers_suffit(
    session: Session, campagne: Campagne, exige: QuorumExige, vote: bool
) -> None:
    seance = ouvrir(session, campagne, Reglages(quorum=exige), tous_presents(2))
    if vote:
        assert votes.voter(session, seance.code, 1, POUR, acteur=campagne.charge, maintenant=EN_SEANCE).adopte
        return
    with pytest.raises(ActeImpossible) as refus:
        votes.voter(session, seance.code, 1, POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert refus.value.code == "quorum_non_atteint"


def test_deux_pouvoirs_par_porteur_se_notent_et_votent(session: Session, campagne: Campagne) -> None:
    reglages = Reglages(pouvoirs_par_porteur=2, pouvoirs_dans_le_quorum=True)
    seance = ouvrir(session, campagne, reglages, tous_presents(2))
    salle = {1: PRESENT, 2: PRESENT, 3: A_DEUX, 4: A_DEUX}
    presences.noter(session, seance.code, salle, acteur=campagne.charge, maintenant=JOUR_J)
    lu = votes.voter(session, seance.code, 1, POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    assert lu.pour == 4
    with pytest.raises(SaisieInvalide) as refus:
        presences.noter(session, seance.code, {**salle, 5: A_DEUX}, acteur=campagne.charge, maintenant=JOUR_J)
    assert [(f.champ, f.message) for f in refus.value.fautes] == [
        ("siege-5", "Un membre ne porte pas plus de 2 pouvoirs.")
    ]


def test_un_pouvoir_deja_note_empeche_d_ouvrir_sans_pouvoir(session: Session, campagne: Campagne) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        ouvrir(session, campagne, Reglages(pouvoirs_par_porteur=0), {1: PRESENT, 2: PRESENT, 3: A_DEUX})
    assert [(f.champ, f.code) for f in refus.value.fautes] == [("pouvoirs_par_porteur", "pouvoirs_deja_notes")]
    assert "1 pouvoir est noté" in refus.value.fautes[0].message


def test_un_reglement_tenu_de_la_loi_ne_se_regle_pas(session: Session, campagne: Campagne) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        ouvrir(session, campagne, replace(MOITIE_SUFFIT, voix_preponderante=False), tous_presents(), "droit_commun")
    assert [f.champ for f in refus.value.fautes] == ["majorite", "voix_preponderante"]


# -- la page et l'API


def test_la_page_regle_refuse_a_cote_du_champ_et_garde_la_saisie(client: TestClient, ecriture: Session) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = une_seance(ecriture, campagne)
    connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    base = f"/seances/{seance.code}"
    page = formulaire(client.get(base), f"{base}/ouverture")
    assert [page.valeur(n) for n in ("quorum", "pouvoirs_par_porteur", "majorite", "voix_preponderante")] == [
        "plus_de_la_moitie", "1", "plus_de_la_moitie", "true",
    ]  # fmt: skip
    trop = page.remplir(quorum="tiers", pouvoirs_par_porteur="4").envoyer(client)
    assert trop.status_code == 422
    assert 'id="erreur-pouvoirs_par_porteur"' in trop.text
    assert "La valeur doit être au plus 3." in trop.text
    remontree = formulaire(trop, f"{base}/ouverture")
    assert remontree.valeur("quorum") == "tiers"
    autre = page.remplir(pouvoirs_par_porteur="2", regles="droit_local").envoyer(client)
    assert (autre.status_code, 'id="erreur-quorum"' in autre.text) == (422, True)
    assert formulaire(autre, f"{base}/ouverture").valeur("regles") == "droit_local"
    fait = page.remplir(regles="commission_des_elus", voix_preponderante="false").envoyer(client)
    assert fait.status_code == 303
    presents = client.get(f"{base}/presences").text
    assert "Quorum : le tiers au moins des membres en exercice." in presents.replace("\u00a0", " ")
    assert "un membre en porte 2 au plus" in presents
    assert "la proposition n’est pas adoptée" in client.get(f"{base}/proces-verbal").text


def test_l_api_regle_et_refuse(client: TestClient, ecriture: Session) -> None:
    campagne = une_campagne(ecriture, dossiers=1)
    seance = une_seance(ecriture, campagne)
    jeton = connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    client.headers["X-CSRF-Token"] = jeton
    adresse = f"/api/v1/seances/{seance.code}/ouvrir"
    assert client.post(adresse, json={"quorum": "le quart"}).status_code == 422
    refus = client.post(adresse, json={"regles": "droit_commun", "majorite": "moitie"})
    assert (refus.status_code, "reglement_non_reglable" in refus.text) == (422, True)
    lues = client.post(adresse, json={"quorum": "aucun", "pouvoirs_par_porteur": 3}).json()["regles"]
    assert (lues["jeu"], lues["quorum_exige"], lues["pouvoirs_par_porteur"]) == ("commission_des_elus", False, 3)
