"""Le numéro du portail de l'État : une seule porte, et un dossier du portail n'est jamais compté deux fois."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.models.portail import ImportPortail, LignePortail
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.rapprochement import Suite
from app.etapes.dossier.service import brouillon, depot, portail_etat, rapprochement, recevabilite, references
from app.infra.identite import Identite
from app.infra.journal.models import JournalEntree
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor

NUMERO = "DA00012345"


def un_depose(decor: Decor, **remplacements: object) -> Dossier:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur, **remplacements)
    decor.session.commit()
    return dossier


def un_brouillon(decor: Decor, **remplacements: object) -> Dossier:
    contenu = f.contenu_complet(2027, theme_p147="1", **remplacements)
    dossier = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu=contenu)
    decor.session.commit()
    return dossier


def portes(decor: Decor, dossier: Dossier) -> set[str | None]:
    decor.session.rollback()
    decor.session.expire_all()
    return {
        d.numero_dauphin for d, x in repository.list_demandes(decor.session, [dossier.id]) if x.code == "BOP147"
    }  # fmt: skip


def rapprocher(decor: Decor, dossier: Dossier, numero: str) -> None:
    """Ce que la sous-préfecture a dit : ce dossier du portail est celui-là."""
    fait = ImportPortail(
        contrat_id=dossier.contrat_id, appel_id=dossier.appel_id, nom="tableau.csv", sha256="0" * 64, lues=1,
        nouvelles=1, changees=0, ecartees=[], par="c", a=f.MAINTENANT,
    )  # fmt: skip
    decor.session.add(fait)
    decor.session.flush()
    decor.session.add(
        LignePortail(
            contrat_id=dossier.contrat_id, appel_id=dossier.appel_id, import_id=fait.id, rang=1, numero=numero,
            intitule="", demandeur="", siret="", thematique="", statut="", suite=Suite.RAPPROCHEE,
            dossier_id=dossier.id, tranchee_par="c", tranchee_at=f.MAINTENANT,
        )
    )  # fmt: skip
    decor.session.commit()


def a_completer(decor: Decor, dossier: Dossier) -> None:
    agent = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    recevabilite.demander_complement(
        decor.session, str(dossier.numero), objet="x", pourquoi="y", echeance_le=f.MAINTENANT + timedelta(days=10),
        acteur=f.identite(decor.session, agent), maintenant=f.MAINTENANT, ligne="M2A", sections=["financement"],
    )  # fmt: skip
    decor.session.commit()


def a_l_etape(decor: Decor, dossier: Dossier, numero: str) -> tuple[int, str]:
    adresse = f"/dossiers/{dossier.numero or dossier.reference}/etapes/financement"
    page = formulaire(decor.client.get(adresse), "/etapes/financement").remplir(numero_dauphin=numero)
    reponse = page.envoyer(decor.client, "enregistrer")
    return reponse.status_code, reponse.text.replace("\u00a0", " ")


def sous_prefecture(decor: Decor) -> Identite:
    compte = f.un_compte(decor.session, Role.SOUS_PREFECTURE, contrat=decor.contrat, ligne="BOP147")
    return f.identite(decor.session, compte)


def referencer(decor: Decor, agent: Identite, dossier: Dossier, numero: str) -> None:
    references.porter(
        decor.session, str(dossier.numero), ligne="BOP147", annee=2027, theme_p147="1", numero_dauphin=numero,
        engagement_juridique="", acteur=agent, maintenant=f.MAINTENANT,
    )  # fmt: skip
    decor.session.commit()


def code_du_refus(refus: pytest.ExceptionInfo[SaisieInvalide]) -> list[tuple[str, str]]:
    return [(x.champ, x.code) for x in refus.value.fautes]


def test_l_etape_financement_normalise_et_refuse_le_numero_d_un_autre_dossier(decor: Decor) -> None:
    premier, second = un_brouillon(decor), un_brouillon(decor)
    assert a_l_etape(decor, premier, "da 0001 2345")[0] == 303
    assert repository.contenu(decor.session, premier.id)["numero_dauphin"] == NUMERO
    statut, dit = a_l_etape(decor, second, "00012345")
    assert statut == 422
    assert f"déjà celui de votre dossier {premier.reference}" in dit
    assert a_l_etape(decor, second, "douze")[0] == 422
    assert a_l_etape(decor, second, f"{NUMERO}-2")[0] == 303, "une autre action du même dossier du portail"
    assert a_l_etape(decor, premier, "")[0] == 303, "un brouillon peut l'effacer"
    decor.session.rollback()
    assert "numero_dauphin" not in repository.contenu(decor.session, premier.id)


def test_un_numero_garde_sous_une_autre_forme_est_le_meme(decor: Decor) -> None:
    depose = un_depose(decor)
    decor.session.execute(
        text("UPDATE demande SET numero_dauphin = '0001 2345' WHERE dossier_id = :d"), {"d": depose.id}
    )
    decor.session.commit()
    assert a_l_etape(decor, un_brouillon(decor), NUMERO)[0] == 422


def test_un_complement_ne_prend_pas_le_numero_d_un_autre(decor: Decor) -> None:
    premier, autre = un_depose(decor, numero_dauphin=NUMERO), un_depose(decor, numero_dauphin="DA00099999")
    a_completer(decor, premier)
    assert a_l_etape(decor, premier, "DA00099999")[0] == 422
    statut, dit = a_l_etape(decor, premier, "")
    assert (statut, "ne s’efface plus" in dit) == (422, True)
    assert a_l_etape(decor, premier, "DA00055555")[0] == 303
    depot.completer(
        decor.session, str(premier.numero), reponse="r", acteur=decor.acteur,
        maintenant=f.MAINTENANT + timedelta(hours=1),
    )  # fmt: skip
    decor.session.commit()
    assert (portes(decor, premier), portes(decor, autre)) == ({"DA00055555"}, {"DA00099999"})


def test_un_complement_ne_contredit_pas_un_rapprochement(decor: Decor) -> None:
    dossier = un_depose(decor, numero_dauphin=NUMERO)
    rapprocher(decor, dossier, f"{NUMERO}-2")
    a_completer(decor, dossier)
    statut, dit = a_l_etape(decor, dossier, "DA00077777")
    assert statut == 422
    assert f"rapproché ce dossier du numéro {NUMERO}-2" in dit
    assert "messages" in dit
    assert a_l_etape(decor, dossier, f"{NUMERO}-2")[0] == 303, "l'action, dite en plus"


def test_un_numero_pris_entre_temps_arrete_le_complement(decor: Decor) -> None:
    """Écrit avant, contredit après : le complément le redit au lieu de l'écraser."""
    dossier = un_depose(decor, numero_dauphin=NUMERO)
    a_completer(decor, dossier)
    assert a_l_etape(decor, dossier, "DA00055555")[0] == 303
    rapprocher(decor, dossier, NUMERO)
    with pytest.raises(SaisieInvalide) as refus:
        depot.completer(
            decor.session, str(dossier.numero), reponse="r", acteur=decor.acteur, maintenant=f.MAINTENANT
        )  # fmt: skip
    assert code_du_refus(refus) == [("numero_dauphin", "dossier_rapproche")]
    assert portes(decor, dossier) == {NUMERO}


def test_deux_organisations_ne_deposent_pas_le_meme_numero(decor: Decor) -> None:
    voisine = f.une_organisation(decor.session, rang=2)
    porteur = f.un_porteur(decor.session, voisine)
    leur = f.un_dossier_complet(
        decor.session, decor.appel, voisine, porteur, etat=EtatDossier.A_SIGNER, numero_dauphin=NUMERO
    )
    decor.session.commit()
    un_depose(decor, numero_dauphin=NUMERO)
    version = leur.version
    depot.signer(decor.session, leur.reference, version_lue=version, acteur=porteur, maintenant=f.MAINTENANT)
    with pytest.raises(SaisieInvalide) as refus:
        depot.deposer(decor.session, leur.reference, version_lue=version, acteur=porteur, maintenant=f.MAINTENANT)
    assert code_du_refus(refus) == [("numero_dauphin", "numero_deja_pris")]
    assert "ESS-2027" not in refus.value.fautes[0].message, "rien n'est dit du dossier de l'autre"


def test_la_sous_prefecture_passe_par_la_meme_porte(decor: Decor) -> None:
    agent, premier, second = sous_prefecture(decor), un_depose(decor), un_depose(decor)
    referencer(decor, agent, premier, "da 00012345")
    assert portes(decor, premier) == {NUMERO}
    assert repository.contenu(decor.session, premier.id)["numero_dauphin"] == NUMERO, "un complément ne l'écrasera pas"
    for numero, code in (("00012345", "numero_deja_pris"), ("douze", "numero_illisible")):
        with pytest.raises(SaisieInvalide) as refus:
            referencer(decor, agent, second, numero)
        assert code_du_refus(refus) == [("numero_dauphin", code)]
        decor.session.rollback()
    rapprocher(decor, premier, NUMERO)
    for numero in ("DA00077777", ""):
        with pytest.raises(SaisieInvalide) as refus:
            referencer(decor, agent, premier, numero)
        assert code_du_refus(refus) == [("numero_dauphin", "dossier_rapproche")]
        decor.session.rollback()
    referencer(decor, agent, premier, NUMERO)
    referencer(decor, agent, second, f"{NUMERO}-2")
    assert portes(decor, second) == {f"{NUMERO}-2"}


def a_rapprocher(decor: Decor, dossier: Dossier, numero: str = NUMERO) -> None:
    """La ligne du portail que tout désigne comme ce dossier."""
    rapprocher(decor, dossier, numero)
    ligne = decor.session.scalars(select(LignePortail)).one()
    o = decor.organisation
    ligne.intitule, ligne.demandeur, ligne.siret, ligne.exercice = dossier.titre, o.nom, o.siret, 2027
    ligne.suite, ligne.dossier_id, ligne.tranchee_par, ligne.tranchee_at = Suite.A_RAPPROCHER, None, None, None
    decor.session.commit()


@pytest.mark.parametrize("voie", ["une", "lot", "references"])
def test_un_brouillon_oublie_n_arrete_pas_l_agent_et_perd_le_numero(decor: Decor, voie: str) -> None:
    numero = f"{NUMERO}-1" if voie == "lot" else NUMERO
    agent, depose = sous_prefecture(decor), un_depose(decor, numero_dauphin=NUMERO if voie == "lot" else "")
    oublie = un_brouillon(decor, numero_dauphin=numero.lower().replace("da", "da "))
    autre = un_brouillon(decor, numero_dauphin="DA00077777")
    version = repository.list_champs(decor.session, oublie.id)["numero_dauphin"].version
    qui = {"acteur": agent, "maintenant": f.MAINTENANT}
    if voie == "references":
        referencer(decor, agent, depose, NUMERO)
    else:
        a_rapprocher(decor, depose, numero)
    if voie == "une":
        code = decor.appel.code
        rapprochement.rapprocher(decor.session, code, NUMERO, dossier=str(depose.numero), **qui)
    if voie == "lot":
        assert rapprochement.confirmer_certains(decor.session, decor.appel.code, **qui) == 1
    decor.session.commit()
    assert portes(decor, depose) == {numero}
    perdu = repository.list_champs(decor.session, oublie.id)["numero_dauphin"]
    assert (perdu.valeur, perdu.version) == (None, version + 1), "une page ouverte avant ne le remet pas sans le dire"
    assert repository.contenu(decor.session, autre.id)["numero_dauphin"] == "DA00077777"
    objets = decor.session.scalars(select(JournalEntree.objet).where(JournalEntree.acte == "dossier.numero_portail"))
    assert sorted(objets) == sorted([str(depose.numero), oublie.reference])


def test_un_dossier_depose_arrete_l_agent_avec_sa_phrase(decor: Decor) -> None:
    agent, premier, second = sous_prefecture(decor), un_depose(decor), un_depose(decor)
    referencer(decor, agent, premier, NUMERO)
    a_rapprocher(decor, second)
    qui = {"acteur": agent, "maintenant": f.MAINTENANT}
    with pytest.raises(SaisieInvalide) as refus:
        rapprochement.rapprocher(decor.session, decor.appel.code, NUMERO, dossier=str(second.numero), **qui)
    assert code_du_refus(refus) == [("choix", "numero_deja_pris")]
    with pytest.raises(SaisieInvalide) as refus:
        referencer(decor, agent, second, NUMERO)
    assert refus.value.fautes[0].message == (
        f"Le dossier {premier.numero} porte déjà {NUMERO} : corrigez d’abord son numéro."
    )


def test_deux_personnes_donnent_le_meme_numero_au_meme_instant(decor: Decor) -> None:
    dossiers = [un_depose(decor), un_brouillon(decor)]
    depart, rendus = threading.Barrier(2), []

    def par_la_page(session: Session) -> None:
        portail_etat.numeroter(
            session, str(dossiers[0].numero), numero=NUMERO, acteur=decor.acteur, maintenant=f.MAINTENANT
        )  # fmt: skip

    def par_l_etape(session: Session) -> None:
        brouillon.enregistrer(
            session, dossiers[1].reference, {"numero_dauphin": NUMERO}, acteur=decor.acteur, maintenant=f.MAINTENANT,
            version_lue=dossiers[1].version,
        )  # fmt: skip

    def aller(acte: object) -> None:
        with Session(decor.service.state.moteur) as session:
            depart.wait(10)
            try:
                acte(session)  # type: ignore[operator]
                session.execute(text("SELECT pg_sleep(0.3)"))  # l'autre vérifie pendant que rien n'est encore validé
                session.commit()
                rendus.append("fait")
            except SaisieInvalide as refus:
                rendus.append(refus.fautes[0].code)

    fils = [threading.Thread(target=aller, args=(acte,)) for acte in (par_la_page, par_l_etape)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(30)
    assert sorted(rendus) == ["fait", "numero_deja_pris"]
    ecrits = [
        NUMERO in portes(decor, dossiers[0]),
        "numero_dauphin" in repository.contenu(decor.session, dossiers[1].id),
    ]
    assert sorted(ecrits) == [False, True], "un seul des deux le porte"
