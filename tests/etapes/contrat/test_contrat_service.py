"""Charger un contrat : tout s'y retrouve, deux fois ne font rien de plus, rien de citable ne disparaît."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.etapes.contrat import repository, service
from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel
from app.etapes.contrat.rules.contenu import Chargement, ContenuContrat, Siege
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as grilles
from app.referentiels.grilles import service as service_grilles
from app.referentiels.instances.models import MembreInstance, ServiceConsulte
from app.referentiels.lignes import repository as lignes
from app.referentiels.territoires.models import Fiche, PrioriteFiche, Quartier, QuartierCommune
from seeds.chargement import CONTRATS, chargement_de, charger_contrat, charger_reference
from seeds.contrat import lire_contrat
from seeds.grilles import GRILLES, lire_grille
from seeds.lecture import ErreurDeDonnees
from tests.conftest import MAINTENANT

M2A = "m2a-2024-2030"
COLMAR = "colmar-exemple"
JOUR = date(2026, 11, 6)


@pytest.fixture(scope="module")
def m2a() -> Chargement:
    return chargement_de(lire_contrat(CONTRATS / M2A))


@pytest.fixture(scope="module")
def colmar() -> Chargement:
    return chargement_de(lire_contrat(CONTRATS / COLMAR))


def contrat_charge(session: Session, code: str) -> Contrat:
    contrat = contrats.get_contrat_par_code(session, code)
    assert contrat is not None
    return contrat


def contenu_lu(session: Session, code: str) -> ContenuContrat:
    contrat = contrat_charge(session, code)
    version = contrats.version_en_vigueur(session, contrat.id, MAINTENANT.date())
    assert version is not None
    session.expire_all()
    return repository.lire_contenu(session, contrat, version)


def compter(session: Session, modele: type, contrat_id: int) -> int:
    requete = sa.select(sa.func.count()).select_from(modele).where(modele.contrat_id == contrat_id)  # type: ignore[attr-defined]
    return session.scalar(requete) or 0


def test_ce_qui_est_lu_en_base_est_ce_qui_a_ete_charge(session: Session, m2a: Chargement, colmar: Chargement) -> None:
    for chargement in (m2a, colmar):
        service.charger(session, chargement, MAINTENANT)
        assert contenu_lu(session, chargement.contenu.code) == chargement.contenu


def test_le_contrat_reel_est_entier(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    assert dict(bilan.ajoutes) == {
        "commune": 3,
        "quartier": 7,
        "projet de quartier": 9,
        "priorité": 29,
        "ligne de financement": 5,
        "instance": 9,
        "siège": 16,
        "service consulté": 8,
        "enjeu": 4,
        "objectif": 12,
        "objectif opérationnel": 51,
        "rubrique": 10,
    }
    contenu = contenu_lu(session, M2A)
    assert sum(quartier.population or 0 for quartier in contenu.quartiers) == 49_000
    a_cheval = next(q for q in contenu.quartiers if q.code == "QN06807M")
    assert [commune.nom for commune in a_cheval.communes] == ["Illzach", "Mulhouse"]
    assert [p["annee"] for p in a_cheval.contenu["populations"]] == [2013, 2018, 2023]
    assert [f.code for f in contenu.fiches_de("QN06807M")] == ["JONQUILLES", "DROUOT"]


def test_chaque_element_garde_sa_source_et_ses_dates(session: Session, m2a: Chargement) -> None:
    service.charger(session, m2a, MAINTENANT)
    contenu = contenu_lu(session, M2A)
    for element in (*contenu.enjeux, *contenu.objectifs, *contenu.quartiers, *contenu.fiches, *contenu.lignes):
        assert element.contenu["source"]
        assert {"valide_du", "valide_au"} <= set(element.contenu)
    dispositif = contenu.enjeux[0].contenu["dispositifs"][1]
    assert (dispositif["valide_du"], dispositif["valide_au"]) == ("2022-01-01", "2026-12-31")
    action = contenu.objectifs[0].operationnels[0].contenu["sous_actions"][0]
    assert (action["code"], action["source"]) == ("E1.1.1.1", "437")


def test_les_codes_qu_un_dossier_peut_citer_comprennent_les_sous_actions(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    version = contrats.version_en_vigueur(session, bilan.contrat_id, MAINTENANT.date())
    assert version is not None
    objectifs, fins = repository.codes_d_objectifs(session, version.id)
    assert objectifs == {objectif.code for objectif in m2a.contenu.objectifs}
    assert len(fins) == 51 + 61
    assert {"E1.1.2", "E1.1.2.1"} <= fins
    assert "E1.1" not in fins


def test_la_version_preparee_n_a_pas_de_contenu(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    versions = contrats.list_versions(session, bilan.contrat_id)
    assert [(v.code, v.chargee_at is not None, bool(v.empreinte)) for v in versions] == [
        ("2024", True, True),
        ("2027", False, False),
    ]
    assert repository.get_edition(session, M2A, JOUR, "2027") is None
    assert repository.list_objectifs(session, versions[1].id) == []


def test_la_commission_a_dix_sieges_a_voix_et_une_presidence(session: Session, m2a: Chargement) -> None:
    service.charger(session, m2a, MAINTENANT)
    membres = [membre for code, membre in repository.list_sieges(session, M2A, JOUR) if code == "COMMISSION_ELUS"]
    assert sum(membre.a_voix for membre in membres) == 10
    assert [membre.qualite for membre in membres if membre.est_president] == [
        "Vice-président de m2A, politique de la ville"
    ]
    assert {membre.qualite for membre in membres if not membre.a_voix} >= {
        "ORIV",
        "Bureau politique de la ville de l’État",
    }


def test_charger_deux_fois_ne_touche_a_rien(session: Session, m2a: Chargement) -> None:
    premier = service.charger(session, m2a, MAINTENANT)
    actes = len(en_attente(session))
    second = service.charger(session, copy.deepcopy(m2a), MAINTENANT)
    assert second.deja_charge
    assert not second.ajoutes
    assert not second.modifies
    assert second.contrat_id == premier.contrat_id
    assert len(en_attente(session)) == actes


def test_une_correction_met_a_jour_par_code_sans_changer_de_cle(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    cles = sa.select(Objectif.code, Objectif.id).where(Objectif.contrat_id == bilan.contrat_id)
    avant = dict(session.execute(cles).all())
    corrige = avec_objectif(m2a, 0, lambda o: replace(o, intitule="Un cadre de vie agréable"))
    second = service.charger(session, corrige, MAINTENANT)
    assert dict(second.modifies) == {"objectif": 1}
    assert not second.ajoutes
    assert contenu_lu(session, M2A) == corrige.contenu
    assert dict(session.execute(cles).all()) == avant


def test_recharger_n_efface_ni_siret_ni_service_saisis(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    saisi = {"attribuant_siret": "98000000100014", "service_nom": "Mission (fictif)", "service_adresse": "1 rue",
             "service_telephone": "03 00 00 00 00", "service_courriel": "v@exemple.invalid"}  # fmt: skip
    etat = lignes.get_ligne(session, bilan.contrat_id, "BOP147")
    mulhouse = lignes.get_ligne(session, bilan.contrat_id, "MULHOUSE")
    assert etat is not None
    assert mulhouse is not None
    for ligne in (etat, mulhouse):
        for colonne, valeur in saisi.items():
            setattr(ligne, colonne, valeur)
    session.flush()
    corrigees = tuple(replace(ligne, intitule=f"{ligne.intitule} (corrigé)") for ligne in m2a.contenu.lignes)
    corrige = replace(m2a, contenu=replace(m2a.contenu, lignes=corrigees))
    assert dict(service.charger(session, corrige, MAINTENANT).modifies) == {"ligne de financement": 5}
    session.expire_all()
    assert etat.intitule.endswith("(corrigé)")
    assert {colonne: getattr(etat, colonne) for colonne in saisi} == saisi
    assert mulhouse.service_nom == "Mission (fictif)"
    assert mulhouse.attribuant_siret == "21680224900013", "le SIRET que le fichier donne l’emporte"


def test_un_siret_saisi_change_l_edition_servie_sans_recharger(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    avant = repository.get_edition(session, M2A, JOUR)
    ligne = lignes.get_ligne(session, bilan.contrat_id, "BOP147")
    assert avant is not None
    assert ligne is not None
    assert repository.get_edition(session, M2A, JOUR) is avant
    ligne.attribuant_siret = "98000000100014"
    session.flush()
    apres = repository.get_edition(session, M2A, JOUR)
    assert apres is not None
    assert apres.empreinte != avant.empreinte
    assert apres.contenu.lignes[0].siret == "98000000100014"


def avec_objectif(chargement: Chargement, rang: int, changer: Callable) -> Chargement:  # type: ignore[type-arg]
    """Le même chargement, un objectif du premier enjeu changé (ou retiré si `changer` rend None)."""
    enjeu = chargement.contenu.enjeux[0]
    objectifs = list(enjeu.objectifs)
    nouveau = changer(objectifs[rang])
    objectifs[rang : rang + 1] = [] if nouveau is None else [nouveau]
    enjeux = (replace(enjeu, objectifs=tuple(objectifs)), *chargement.contenu.enjeux[1:])
    return replace(chargement, contenu=replace(chargement.contenu, enjeux=enjeux))


def sans_sous_action(objectif):  # type: ignore[no-untyped-def]
    premier = objectif.operationnels[0]
    court = replace(premier, contenu={**premier.contenu, "sous_actions": premier.contenu["sous_actions"][1:]})
    return replace(objectif, operationnels=(court, *objectif.operationnels[1:]))


def sans_priorite(chargement: Chargement) -> Chargement:
    fiche = chargement.contenu.fiches[-1]
    courte = replace(fiche, contenu={**fiche.contenu, "priorites": fiche.priorites[:-1]})
    fiches = (*chargement.contenu.fiches[:-1], courte)
    return replace(chargement, contenu=replace(chargement.contenu, fiches=fiches))


@pytest.mark.parametrize(
    ("retirer", "manque"),
    [
        (lambda c: avec_objectif(c, 3, lambda _: None), "objectif E1.4"),
        (lambda c: avec_objectif(c, 0, lambda o: replace(o, operationnels=o.operationnels[:-1])), "E1.1.6"),
        (lambda c: avec_objectif(c, 0, sans_sous_action), "sous-action E1.1.1.1"),
        (
            lambda c: replace(c, contenu=replace(c.contenu, fiches=c.contenu.fiches[:-1])),
            "projet de quartier MARKSTEIN",
        ),
        (sans_priorite, "priorité MARKSTEIN n° 4"),
        (lambda c: replace(c, contenu=replace(c.contenu, lignes=c.contenu.lignes[1:])), "ligne de financement BOP147"),
    ],
    ids=["objectif", "operationnel", "sous-action", "fiche", "priorite", "ligne"],
)
def test_ce_qu_un_dossier_peut_citer_ne_disparait_pas(
    session: Session, m2a: Chargement, retirer: Callable[[Chargement], Chargement], manque: str
) -> None:
    service.charger(session, m2a, MAINTENANT)
    with pytest.raises(ActeImpossible) as refus, session.begin_nested():
        service.charger(session, retirer(m2a), MAINTENANT)
    assert refus.value.code == "contenu_disparu"
    assert manque in refus.value.message
    assert contenu_lu(session, M2A) == m2a.contenu


def test_un_quartier_change_de_communes(session: Session, m2a: Chargement) -> None:
    service.charger(session, m2a, MAINTENANT)
    quartiers = list(m2a.contenu.quartiers)
    rang = next(rang for rang, quartier in enumerate(quartiers) if quartier.code == "QN06809M")
    quartiers[rang] = replace(quartiers[rang], communes=quartiers[4].communes)
    autre = replace(m2a, contenu=replace(m2a.contenu, quartiers=tuple(quartiers), fiches=m2a.contenu.fiches))
    with session.begin_nested():
        service.charger(session, autre, MAINTENANT)
    lus = {
        (quartier.code, commune.nom)
        for quartier in repository._quartiers(session, contrat_charge(session, M2A).id)
        for commune in quartier.communes
    }
    assert ("QN06809M", "Illzach") in lus
    assert ("QN06809M", "Wittenheim") not in lus


def test_une_rubrique_retiree_s_efface(session: Session, m2a: Chargement) -> None:
    service.charger(session, m2a, MAINTENANT)
    rubriques = {code: valeur for code, valeur in m2a.contenu.rubriques.items() if code != "suivi"}
    service.charger(session, replace(m2a, contenu=replace(m2a.contenu, rubriques=rubriques)), MAINTENANT)
    assert "suivi" not in contenu_lu(session, M2A).rubriques


def test_la_presidence_change_de_siege(session: Session, colmar: Chargement) -> None:
    service.charger(session, colmar, MAINTENANT)
    premier, deuxieme, *autres = colmar.sieges
    autrement = (replace(premier, preside=False), replace(deuxieme, preside=True), *autres)
    service.charger(session, replace(colmar, sieges=autrement), MAINTENANT)
    presidents = [m.qualite for _, m in repository.list_sieges(session, COLMAR, JOUR) if m.est_president]
    assert presidents == [deuxieme.qualite]


def test_un_siege_et_un_service_ajoutes_a_la_main_restent(session: Session, colmar: Chargement) -> None:
    bilan = service.charger(session, colmar, MAINTENANT)
    instance = next(iter(repository.instances_par_code(session, bilan.contrat_id).values()))
    session.add(
        MembreInstance(
            contrat_id=bilan.contrat_id, instance_id=instance.id, qualite="Suppléant", rang=9, a_voix=False,
            debut=JOUR, fin=None,
        )
    )  # fmt: skip
    session.add(ServiceConsulte(contrat_id=bilan.contrat_id, code="ARS", nom="Agence de santé", nature="etat"))
    session.flush()
    sieges = (*colmar.sieges, Siege("COMMISSION", "Élu ajouté (fictif)", a_voix=True))
    service.charger(session, replace(colmar, sieges=sieges), MAINTENANT)
    assert {"Suppléant", "Élu ajouté (fictif)"} <= {m.qualite for _, m in repository.list_sieges(session, COLMAR, JOUR)}
    assert "ARS" in repository.services_par_code(session, bilan.contrat_id)


def test_une_nouvelle_version_laisse_l_ancienne_a_ses_dossiers(session: Session, m2a: Chargement) -> None:
    bilan = service.charger(session, m2a, MAINTENANT)
    reduit = avec_objectif(m2a, 3, lambda _: None)
    nouvelle = replace(m2a.versions[1], debut=date(2027, 1, 1))
    anciennes = replace(m2a.versions[0], fin=date(2026, 12, 31))
    en_2027 = replace(reduit, contenu=replace(reduit.contenu, version=nouvelle), versions=(anciennes, nouvelle))
    service.charger(session, en_2027, MAINTENANT)
    lues = {jour: repository.get_edition(session, M2A, jour) for jour in (date(2023, 1, 1), JOUR, date(2027, 1, 1))}
    versions = {jour: edition.contenu.version.code for jour, edition in lues.items() if edition}
    assert list(versions.values()) == ["2024", "2024", "2027"]
    objectifs = [len(edition.contenu.objectifs) for edition in lues.values() if edition]
    assert objectifs == [12, 12, 11]
    assert compter(session, Enjeu, bilan.contrat_id) == 8


def test_un_prefixe_ne_se_partage_ni_ne_change(session: Session, m2a: Chargement, colmar: Chargement) -> None:
    service.charger(session, m2a, MAINTENANT)
    with pytest.raises(ActeImpossible) as pris:
        service.charger(session, replace(colmar, prefixe="M2A"), MAINTENANT)
    assert (pris.value.code, M2A in pris.value.message) == ("prefixe_pris", True)
    with pytest.raises(ActeImpossible) as change:
        service.charger(session, replace(m2a, prefixe="MULHOUSE"), MAINTENANT)
    assert change.value.code == "prefixe_change"


def test_deux_contrats_ne_se_voient_pas(session: Session, m2a: Chargement, colmar: Chargement) -> None:
    bilans = [service.charger(session, chargement, MAINTENANT) for chargement in (m2a, colmar)]
    lus = [contenu_lu(session, bilan.code) for bilan in bilans]
    for genre in ("quartiers", "fiches", "communes"):
        codes = [{str(element) for element in getattr(lu, genre)} for lu in lus]
        assert not codes[0] & codes[1]
    assert [[ligne.code for ligne in lignes.list_lignes(session, b.contrat_id)] for b in bilans] == [
        ["BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"],
        ["BOP147", "CA"],
    ]
    # Les deux ont un E1.1 et un BOP147 : chacun le sien.
    assert lus[0].objectifs[0].code == lus[1].objectifs[0].code == "E1.1"
    assert lus[0].objectifs[0].intitule != lus[1].objectifs[0].intitule
    premiere, seconde = (lignes.get_ligne(session, b.contrat_id, "BOP147") for b in bilans)
    assert premiere is not None
    assert seconde is not None
    assert premiere.id != seconde.id


@pytest.mark.parametrize("genre", ["quartier_commune", "fiche", "priorite", "objectif", "operationnel"])
def test_la_base_refuse_un_lien_qui_traverse_deux_contrats(
    session: Session, m2a: Chargement, colmar: Chargement, genre: str
) -> None:
    ici = service.charger(session, m2a, MAINTENANT).contrat_id
    ailleurs = service.charger(session, colmar, MAINTENANT).contrat_id
    version = contrats.version_en_vigueur(session, ici, MAINTENANT.date())
    assert version is not None
    fiche_d_ailleurs = session.scalars(sa.select(Fiche).where(Fiche.contrat_id == ailleurs)).first()
    objectif_d_ailleurs = session.scalars(sa.select(Objectif).where(Objectif.contrat_id == ailleurs)).first()
    quartier = session.scalars(sa.select(Quartier).where(Quartier.contrat_id == ici)).first()
    assert fiche_d_ailleurs is not None
    assert objectif_d_ailleurs is not None
    assert quartier is not None
    commun = {"contrat_id": ici, "code": "X", "rang": 99}
    intrus = {
        "quartier_commune": QuartierCommune(
            contrat_id=ici, quartier_id=quartier.id, commune_id=fiche_d_ailleurs.commune_id
        ),
        "fiche": Fiche(
            **commun, version_id=version.id, quartier_id=quartier.id, commune_id=fiche_d_ailleurs.commune_id, nom="X",
            contenu={},
        ),
        "priorite": PrioriteFiche(
            contrat_id=ici, fiche_id=fiche_d_ailleurs.id, rang=99, intitule="X", texte="", source="1"
        ),
        "objectif": Objectif(
            **commun, version_id=version.id, enjeu_id=objectif_d_ailleurs.enjeu_id, intitule="X", contenu={}
        ),
        "operationnel": ObjectifOperationnel(
            **commun, version_id=version.id, objectif_id=objectif_d_ailleurs.id, intitule="X", source="1", contenu={}
        ),
    }[genre]  # fmt: skip
    session.add(intrus)
    with pytest.raises(IntegrityError, match="fk_"):
        session.flush()
    session.rollback()


def test_chaque_contrat_livre_arrive_avec_sa_grille(session: Session) -> None:
    bilans, lues = charger_reference(session, MAINTENANT)
    assert [bilan.code for bilan in bilans] == [COLMAR, M2A]
    assert lues == [(COLMAR, "2027.0", True), (M2A, "2027.0", True)]
    gardees = [grilles.list_grilles(session, bilan.contrat_id) for bilan in bilans]
    assert [[grille.version for grille in siennes] for siennes in gardees] == [["2027.0"], ["2027.0"]]
    assert gardees[0][0].empreinte != gardees[1][0].empreinte
    encore, relues = charger_reference(session, MAINTENANT)
    assert all(bilan.deja_charge for bilan in encore)
    assert relues == [(COLMAR, "2027.0", False), (M2A, "2027.0", False)]


def test_une_grille_enregistree_ne_change_plus(session: Session) -> None:
    bilans, _ = charger_reference(session, MAINTENANT)
    grille = lire_grille(GRILLES / "grille-2027.yaml")
    with pytest.raises(ActeImpossible) as refus:
        service_grilles.enregistrer(session, bilans[1].contrat_id, replace(grille, intitule="Autre"), MAINTENANT)
    assert refus.value.code == "grille_figee"


def test_un_dossier_absent_se_refuse_sans_rien_ecrire(session: Session, tmp_path: Path) -> None:
    with pytest.raises(ErreurDeDonnees):
        charger_contrat(session, tmp_path / "absent", MAINTENANT)
    assert contrats.list_contrats(session) == []
