"""La liste des dossiers : ce que chacun voit, filtres, recherche, pages, comptes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.etapes.contrat.models import ObjectifOperationnel
from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import recherche
from app.etapes.dossier.repository.recherche import Filtres, compter_par_etat, rechercher
from app.etapes.dossier.repository.referentiel import get_referentiel
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.service.acces import fermer_au_compte
from app.infra.identite import Identite
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Role
from tests import factories as f
from tests.factories import MAINTENANT


@dataclass
class Cas:
    session: Session
    contrat: f.UnContrat
    porteur: Identite
    instructeur: Identite
    deposes: list[Dossier]
    brouillon: Dossier

    def trouver(self, acteur: Identite | None = None, **filtres: object) -> list[str]:
        trouves = rechercher(self.session, acteur or self.instructeur, Filtres(**filtres))  # type: ignore[arg-type]
        return [t.identifiant for t in trouves.elements]


@pytest.fixture
def cas(session: Session) -> Cas:
    contrat = f.un_contrat(session)
    appel = f.un_appel(session, contrat)
    organisation = f.une_organisation(session, nom="Centre Élan (fictif)")
    porteur = f.un_porteur(session, organisation)
    deposes = [
        f.un_dossier_complet(
            session, appel, organisation, porteur, titre=titre, maintenant=MAINTENANT + timedelta(minutes=rang // 2),
            fiches=["MARKSTEIN"] if rang == 2 else ["COTEAUX"],
            quartiers_beneficiaires=["QN06808M"] if rang == 2 else ["QN06804M"],
            demandes=[{"ligne": "M2A" if rang else "MULHOUSE", "annee": 2027, "montant": 800_000}],
        )
        for rang, titre in enumerate(("Café d’été", "Atelier vélo", "Cafétéria", "Jardin"))
    ]  # fmt: skip
    brouillon = f.un_brouillon(session, appel, organisation, porteur, contenu={"titre": "Café à venir"})
    instructeur = f.un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A")
    return Cas(session, contrat, porteur, f.identite(session, instructeur), deposes, brouillon)


def numeros(*rangs: int) -> list[str]:
    return [f"ESS-2027-{rang:04d}" for rang in rangs]


def test_le_dernier_depose_vient_d_abord_et_un_brouillon_n_est_vu_que_de_son_organisation(cas: Cas) -> None:
    assert cas.trouver() == numeros(4, 3, 2, 1)
    assert cas.trouver(cas.porteur) == [cas.brouillon.reference, *numeros(4, 3, 2, 1)]
    etranger = f.un_porteur(cas.session, f.une_organisation(cas.session, rang=2))
    assert cas.trouver(etranger) == []
    d_un_autre_contrat = f.un_contrat(cas.session, code="autre", prefixe="AUT")
    compte = f.un_compte(cas.session, Role.INSTRUCTEUR, contrat=d_un_autre_contrat, ligne="M2A")
    assert cas.trouver(f.identite(cas.session, compte)) == []


@pytest.mark.parametrize(
    ("q", "trouves"),
    [
        ("cafe", (3, 1)),
        ("CAFÉ été", (1,)),
        ("ete", (1,)),
        ("centre elan", (4, 3, 2, 1)),
        ("ESS-2027-0002", (2,)),
        ("0002", (2,)),
        ("vélo jardin", ()),
        ("  ", (4, 3, 2, 1)),
        ("l'&|!:*", ()),
    ],
)
def test_la_recherche_ignore_accents_casse_et_ponctuation(cas: Cas, q: str, trouves: tuple[int, ...]) -> None:
    assert cas.trouver(q=q) == numeros(*trouves)


def test_les_filtres_se_cumulent(cas: Cas) -> None:
    assert cas.trouver(appel="ess-2027") == numeros(4, 3, 2, 1)
    assert cas.trouver(appel="inconnu") == []
    assert cas.trouver(ligne="MULHOUSE") == numeros(1)
    assert cas.trouver(quartier="QN06808M") == numeros(3)
    assert cas.trouver(objectif="E1.2", q="cafe", quartier="QN06804M") == numeros(1)
    assert cas.trouver(etat=EtatDossier.CLOS) == []
    assert cas.trouver(etat_demande=EtatDemande.OUVERTE, ligne="M2A") == numeros(4, 3, 2)
    assert cas.trouver(etat_demande=EtatDemande.HORS_CHAMP) == []


def test_les_pages_s_enchainent_sans_trou_ni_double(cas: Cas) -> None:
    vus: list[str] = []
    apres = ""
    for _ in range(10):
        page = rechercher(cas.session, cas.porteur, Filtres(), apres, taille=2)
        vus += [t.identifiant for t in page.elements]
        if page.suivant is None:
            break
        apres = page.suivant
    assert vus == [cas.brouillon.reference, *numeros(4, 3, 2, 1)]


def test_un_jeton_de_page_inconnu_se_refuse(cas: Cas) -> None:
    for apres in ("ESS-2027-9999", "n’importe quoi", cas.brouillon.reference):
        with pytest.raises(SaisieInvalide) as refus:
            rechercher(cas.session, cas.instructeur, Filtres(), apres)
        assert refus.value.fautes[0].code == "jeton_illisible"


def test_les_comptes_suivent_les_autres_filtres(cas: Cas) -> None:
    cas.deposes[0].etat = EtatDossier.A_COMPLETER
    comptes = compter_par_etat(cas.session, cas.instructeur, Filtres(etat=EtatDossier.DEPOSE))
    assert comptes == {EtatDossier.DEPOSE: 3, EtatDossier.A_COMPLETER: 1}
    assert compter_par_etat(cas.session, cas.instructeur, Filtres(q="cafe"))[EtatDossier.DEPOSE] == 1


@pytest.mark.parametrize("filtres", [Filtres(), Filtres(appel="ess-2027"), Filtres(quartier="QN06804M")])
def test_un_compte_par_etat_s_arrete_a_sa_borne(cas: Cas, filtres: Filtres, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compter_par_etat(cas.session, cas.instructeur, filtres)[EtatDossier.DEPOSE] >= 3
    monkeypatch.setattr(recherche, "COMPTE_MAX", 1)
    assert compter_par_etat(cas.session, cas.instructeur, filtres) == {EtatDossier.DEPOSE: 2}


def test_la_liste_coute_une_requete(cas: Cas) -> None:
    requetes: list[object] = []

    def noter(*arguments: object) -> None:
        requetes.append(arguments[2])

    connexion = cas.session.connection()
    event.listen(connexion, "before_cursor_execute", noter)
    cas.trouver(q="cafe", ligne="M2A", appel="ess-2027")
    event.remove(connexion, "before_cursor_execute", noter)
    assert len(requetes) == 1


def test_le_referentiel_d_un_contrat_tient_en_une_lecture(cas: Cas) -> None:
    referentiel = get_referentiel(cas.session, cas.contrat.id, cas.contrat.version.id)
    assert [e.code for e in referentiel.liste("objectifs")] == ["E1.1", "E1.2", "E2.2"]
    assert [e.code for e in referentiel.liste("operationnels")][:2] == ["E1.1.1", "E1.1.1.1"]
    assert next((e.code, e.parent) for e in referentiel.liste("priorites")) == ("COTEAUX:1", "COTEAUX")
    assert [(e.code, e.precision) for e in referentiel.liste("fiches")] == [
        ("COTEAUX", "Mulhouse"), ("MARKSTEIN", "Wittenheim"),
    ]  # fmt: skip
    assert referentiel.lignes_d_etat == {"BOP147"}
    assert [(ligne.code, ligne.commune_insee) for ligne in referentiel.lignes] == [
        ("BOP147", None), ("M2A", None), ("MULHOUSE", "68224"),
    ]  # fmt: skip
    assert referentiel.intitule("lignes", "DISPARUE") == "DISPARUE"
    assert referentiel.communes_des_fiches(["COTEAUX"]) == {"68224"}
    assert referentiel.domaines.admet("quartiers", "QN06804M")
    assert not referentiel.domaines.admet("communes", "67482")


def test_un_objectif_operationnel_sans_sous_action_se_lit(cas: Cas) -> None:
    objectif = cas.session.scalars(select(ObjectifOperationnel).where(ObjectifOperationnel.code == "E1.1.1")).one()
    objectif.contenu = {}
    cas.session.flush()
    codes = [
        e.code for e in get_referentiel(cas.session, cas.contrat.id, cas.contrat.version.id).liste("operationnels")
    ]
    assert codes == ["E1.1.1", "E1.2.1", "E1.2.1.1", "E2.2.1", "E2.2.1.1"]


def test_un_deport_ferme_la_vue_partout(cas: Cas) -> None:
    ferme = cas.deposes[0]
    fermer_au_compte(cas.session, ferme, cas.instructeur.compte_id, motif="Déport", maintenant=MAINTENANT)
    cas.session.flush()
    assert cas.trouver() == numeros(4, 3, 2)
    assert sum(compter_par_etat(cas.session, cas.instructeur, Filtres()).values()) == 3
    assert repository.get_dossier(cas.session, ferme.numero or "", cas.porteur) is ferme
