"""`charge` remplit une base sans tricher ; la liste et le détail y répondent en peu de requêtes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.__main__ import construire
from app.commandes.base import Base
from app.commandes.charge import Bilan, charger, remplir
from app.commandes.charge.rangees import etat_du_dossier, reference_de
from app.commandes.charge.socle import CODE_APPEL, BaseOccupee, poser
from app.etapes.dossier.rules.etats import EtatDossier
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode
from app.infra.copie import texte
from app.infra.db import creer_moteur
from app.infra.heure import heure_machine
from app.infra.journal import ecriture
from app.infra.journal.chaine import canonique
from app.noyau.erreurs import ActeImpossible
from app.noyau.identifiants import est_un_numero_de_dossier
from tests.charge import notation, scenes
from tests.charge.compteur import Compteur, compteur
from tests.charge.scenes import Scene
from tests.conftest import un_clone

DOSSIERS = 60
REQUETES_PAR_PAGE = 8


@pytest.fixture(scope="module")
def reglages(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Configuration d'essai de ce module."""
    return Config(
        mode=Mode.ESSAI,
        donnees=tmp_path_factory.mktemp("donnees"),
        secret=SecretStr("secret-d-essai-de-plus-de-32-octets!"),
        _env_file=None,
    )


@pytest.fixture(scope="module")
def chargee(grappe: pg.Grappe) -> Iterator[tuple[Base, Bilan]]:
    """Une base remplie une fois pour ce module."""
    with un_clone(grappe) as base:
        yield base, remplir(base, DOSSIERS)


@pytest.fixture(scope="module")
def moteur_charge(chargee: tuple[Base, Bilan]) -> Iterator[Engine]:
    """Un moteur sur la base remplie."""
    moteur = creer_moteur(chargee[0].url)
    yield moteur
    moteur.dispose()


@pytest.fixture(scope="module")
def scene(chargee: tuple[Base, Bilan], reglages: Config) -> Scene:
    """Un instructeur et un porteur connectés, deux dossiers signés."""
    return scenes.preparer(chargee[0], reglages, depots=2)


@pytest.fixture(scope="module")
def compte(chargee: tuple[Base, Bilan], reglages: Config) -> Iterator[Compteur]:
    """Le service sur la base remplie, chaque ordre SQL compté."""
    with compteur(chargee[0], reglages) as ouvert:
        yield ouvert


def un(moteur: Engine, ordre: str, **valeurs: object) -> int:
    with moteur.connect() as connexion:
        return int(connexion.execute(text(ordre), valeurs).scalar_one())


def test_le_compte_y_est(chargee: tuple[Base, Bilan], moteur_charge: Engine) -> None:
    assert (chargee[1].total, chargee[1].ajoutes) == (DOSSIERS, DOSSIERS)
    assert un(moteur_charge, "SELECT count(*) FROM dossier WHERE cree_par = 'charge'") == DOSSIERS
    deposes = un(moteur_charge, "SELECT count(*) FROM dossier WHERE cree_par = 'charge' AND numero IS NOT NULL")
    assert 0 < deposes < DOSSIERS, "il faut aussi quelques brouillons"
    assert un(moteur_charge, "SELECT count(DISTINCT etat) FROM demande") >= 5
    demandes = un(moteur_charge, "SELECT count(*) FROM demande")
    assert demandes >= 1.5 * deposes
    assert un(moteur_charge, "SELECT count(*) FROM note") >= demandes // 4
    assert un(moteur_charge, "SELECT count(DISTINCT demande_id) FROM proposition") >= demandes // 5


@pytest.mark.parametrize(
    ("ecart", "ordre"),
    [
        ("un dossier déposé sans contenu figé",
         "SELECT count(*) FROM dossier d WHERE numero IS NOT NULL AND cree_par = 'charge' "
         "AND NOT EXISTS (SELECT 1 FROM dossier_version v WHERE v.dossier_id = d.id)"),
        ("une demande sans passage vers son état",
         "SELECT count(*) FROM demande m WHERE etat <> 'ouverte' "
         "AND NOT EXISTS (SELECT 1 FROM passage p WHERE p.demande_id = m.id AND p.vers = m.etat)"),
        ("un dossier sans passage vers son état",
         "SELECT count(*) FROM dossier d WHERE numero IS NOT NULL AND cree_par = 'charge' "
         "AND NOT EXISTS (SELECT 1 FROM passage p WHERE p.dossier_id = d.id AND p.demande_id IS NULL "
         "AND p.vers = d.etat)"),
        ("une demande proposée sans proposition",
         "SELECT count(*) FROM demande m WHERE etat IN ('proposee', 'arbitree') "
         "AND NOT EXISTS (SELECT 1 FROM proposition p WHERE p.demande_id = m.id)"),
        ("une demande examinée sans contrôle",
         "SELECT count(*) FROM demande m WHERE etat NOT IN ('ouverte', 'hors_champ', 'retiree') "
         "AND NOT EXISTS (SELECT 1 FROM controle_recevabilite c WHERE c.demande_id = m.id)"),
        ("un complément attendu qui n'est pas demandé",
         "SELECT count(*) FROM dossier d WHERE etat = 'a_completer' "
         "AND NOT EXISTS (SELECT 1 FROM demande_complement c WHERE c.dossier_id = d.id)"),
        ("un montant demandé qui n'est pas la somme des demandes de l'année",
         "SELECT count(*) FROM dossier d WHERE numero IS NOT NULL AND cree_par = 'charge' "
         "AND montant_demande_centimes <> (SELECT sum(m.montant_demande_centimes) FROM demande m "
         "WHERE m.dossier_id = d.id AND m.annee = 2027)"),
        ("un compteur d'appel en avance ou en retard",
         "SELECT abs(compteur - (SELECT count(*) FROM dossier WHERE numero IS NOT NULL)) FROM appel "
         "WHERE code = 'm2a-2027'"),
    ],
)  # fmt: skip
def test_ce_qui_est_fabrique_concorde(moteur_charge: Engine, ecart: str, ordre: str) -> None:
    assert un(moteur_charge, ordre) == 0, ecart


def test_le_contenu_fige_porte_son_empreinte(moteur_charge: Engine) -> None:
    with moteur_charge.connect() as connexion:
        lus = connexion.execute(text("SELECT contenu, empreinte FROM dossier_version ORDER BY id LIMIT 20")).all()
    assert len(lus) == 20
    assert all(hashlib.sha256(canonique(contenu)).hexdigest() == empreinte for contenu, empreinte in lus)
    assert not any("@@" in json.dumps(contenu) for contenu, _ in lus)


def test_une_seconde_charge_n_ajoute_que_ce_qui_manque(grappe: pg.Grappe, moteur_charge: Engine) -> None:
    resumer = text(
        "SELECT string_agg(concat_ws('/', reference, numero, etat, titre, montant_demande_centimes), '|' ORDER BY id) "
        "FROM dossier WHERE cree_par = 'charge'"
    )
    with un_clone(grappe) as autre:
        assert remplir(autre, 20).ajoutes == 20
        assert remplir(autre, DOSSIERS).ajoutes == DOSSIERS - 20
        assert remplir(autre, DOSSIERS).ajoutes == 0
        moteur = creer_moteur(autre.url)
        with moteur.connect() as deux, moteur_charge.connect() as une:
            assert deux.execute(resumer).scalar_one() == une.execute(resumer).scalar_one()
        moteur.dispose()


def test_un_appel_qui_n_est_pas_fabrique_est_laisse(chargee: tuple[Base, Bilan], moteur_charge: Engine) -> None:
    ecriture.installer()
    with Session(moteur_charge) as session:
        session.execute(text("UPDATE appel SET intitule = 'Appel 2027' WHERE code = :code"), {"code": CODE_APPEL})
        with pytest.raises(BaseOccupee):
            poser(session, heure_machine())
        session.rollback()


@pytest.mark.parametrize(
    "chemin", [scenes.LISTE, scenes.FILTREE, scenes.RECHERCHE, "/accueil"], ids=["liste", "filtre", "mots", "accueil"]
)
def test_une_liste_repond_en_peu_de_requetes(compte: Compteur, scene: Scene, chemin: str) -> None:
    reponse = compte.appeler("GET", chemin, scene.instructeur.entetes)
    assert reponse.statut == 200
    assert 1 < len(reponse.ordres) <= REQUETES_PAR_PAGE, reponse.ordres


def test_la_liste_montre_cinquante_dossiers(compte: Compteur, scene: Scene) -> None:
    reponse = compte.appeler("GET", scenes.LISTE, scene.instructeur.entetes)
    assert reponse.texte.count('<th scope="row">') == 50


def test_la_page_d_un_dossier_repond_en_peu_de_requetes(compte: Compteur, scene: Scene) -> None:
    for rang, numero in enumerate(scene.numeros[:5]):
        reponse = compte.appeler("GET", f"/instruction/{numero}", scene.instructeur.entetes)
        assert reponse.statut == 200
        du_processus = 1 if rang == 0 else 0  # le référentiel du contrat : lu une fois, gardé ensuite
        assert 1 < len(reponse.ordres) <= REQUETES_PAR_PAGE + du_processus, reponse.ordres


def test_une_etape_s_enregistre_et_un_dossier_se_depose(compte: Compteur, scene: Scene, moteur_charge: Engine) -> None:
    dossier = scene.brouillons[0]
    chemin = f"/dossiers/{dossier.reference}/etapes/projet"
    for tour in range(2):
        corps = scenes.formulaire_etape(scene, dossier, tour)
        assert compte.appeler("POST", chemin, scene.porteur.entetes, corps).statut == 303
    lue = "SELECT c.version FROM champ c JOIN dossier d ON d.id = c.dossier_id WHERE d.reference = :r AND c.code = :c"
    assert un(moteur_charge, lue, r=dossier.reference, c="description") == 3
    signe = scene.signes[0]
    corps = scenes.formulaire_depot(scene, signe)
    reponse = compte.appeler("POST", f"/dossiers/{signe.reference}/depot", scene.porteur.entetes, corps)
    assert reponse.statut == 303
    etat = "SELECT count(*) FROM dossier WHERE reference = :reference AND etat = 'depose'"
    assert un(moteur_charge, etat, reference=signe.reference) == 1


def test_les_tirages_ne_doivent_rien_au_hasard() -> None:
    assert [reference_de(1), reference_de(50_000)] == ["B-22222223", "B-22223Q2X"]
    assert est_un_numero_de_dossier("M2A-2027-50000")
    etats = [etat_du_dossier(rang) for rang in range(1, 1001)]
    assert etats == [etat_du_dossier(rang) for rang in range(1, 1001)]
    assert etats.count(EtatDossier.DEPOSE) > 800
    assert set(etats) == set(EtatDossier)


@pytest.mark.parametrize(
    ("valeur", "attendu"),
    [(None, "\\N"), (True, "t"), (12, "12"), ("a\tb\nc\\d", "a\\tb\\nc\\\\d"), (["QN1", "QN2"], "{QN1,QN2}")],
)
def test_une_cellule_de_copy(valeur: object, attendu: str) -> None:
    assert texte(valeur) == attendu  # type: ignore[arg-type]


def test_la_charge_ne_touche_pas_une_base_donnee_par_son_adresse(reglages: Config) -> None:
    ailleurs = reglages.model_copy(update={"database_url": "postgresql+psycopg://ailleurs/base"})
    with pytest.raises(ActeImpossible, match="grappe embarquée"):
        charger(ailleurs, 10, "essai")


@pytest.mark.parametrize(
    "arguments", [["charge"], ["charge", "--dossiers", "0"], ["charge", "--dossiers", "10", "--base", "1-non"]]
)
def test_un_usage_faux_rend_deux(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as sortie:
        construire(arguments[0]).parse_args(arguments)
    assert sortie.value.code == 2
    assert "charge" in capsys.readouterr().err


def test_la_base_par_defaut_n_est_pas_celle_du_service() -> None:
    lus = construire("charge").parse_args(["charge", "--dossiers", "10"])
    assert lus.base == "initiatives_quartiers_charge"


def test_le_banc_de_la_notation_renote_tout_en_peu_de_requetes(chargee: tuple[Base, Bilan]) -> None:
    mesures = notation.mener(chargee[0])
    assert mesures.dossiers > 0
    assert mesures.notes >= mesures.dossiers
    assert max(mesures.requetes) <= notation.REQUETES
    assert len(notation.juger(mesures)) == 5
    assert "| Rapport à la boucle nue |" in notation.composer(mesures, ["essai"])
