"""La campagne de démonstration, par HTTP, du dépôt à la notification : jouée une fois, puis suivie dossier par dossier.

Chaque issue a son dossier, suivi de bout en bout ; chaque contrôle du bilan est falsifié une fois.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, aliased, sessionmaker

from app.commandes.base import Base
from app.commandes.campagne import bilan, commande, controle
from app.commandes.campagne.client import Api
from app.commandes.campagne.jeu import (
    ESSAI,
    Campagne,
    charger_le_decor,
    jouer,
    ouvrir_l_essai,
    service_de_la_campagne,
)
from app.commandes.campagne.scene import Scene, a_paris
from app.etapes.appel.models import Engagement
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.appel.rules import NatureEngagement
from app.etapes.commission.models import PointSeance, ResultatPoint
from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.repository import list_demandes_du_dossier
from app.etapes.convention.service import lettre
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.programmation.models import Proposition
from app.infra import documents
from app.infra import postgres_embarque as pg
from app.infra.config import Mode
from app.infra.db import creer_moteur
from app.infra.mail import Courriel
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION
from app.referentiels.acteurs.models import Compte, HabilitationCompte
from app.referentiels.lignes.models import LigneFinancement
from seeds.demo.derivation import cle_de_l_action, dossiers_deduits, enveloppe, lire_actions
from tests.conftest import un_clone, une_config
from tests.etapes.notation.recalcul import verifier
from tests.factories import siret_fictif

NOMBRE = 44
SIRET_D_ESSAI = siret_fictif(999)
ISSUES = {
    "notifiee", "refus_notifie", "irrecevable", "orientee", "hors_champ", "ajournee", "reserve", "retiree", "renoncee",
    "tranche_reservee",
}  # fmt: skip
APRES = a_paris(2027, 9, 20)


# -- ce qui se déduit des données réelles


def test_les_dossiers_deduits_sont_les_memes_a_chaque_fois() -> None:
    premiers, seconds = dossiers_deduits(2025, 2027, 60), dossiers_deduits(2025, 2027, 60)
    assert premiers == seconds
    assert len(premiers) > 100
    demande = sum(d.demande("BOP147") for d in premiers)
    assert 1.35 < demande / enveloppe(premiers, "BOP147") < 1.45


@pytest.mark.parametrize(
    "extrait", ["test ton sport", "hiver actif", "cosmosport à colmar", "ce bourtzwiller", "ce colmar", "multi-action"]
)
def test_ce_qui_n_est_pas_un_projet_du_contrat_est_exclu(extrait: str) -> None:
    titres = [a.titre.casefold() for annee in (2024, 2025) for a in lire_actions(annee)]
    assert titres
    assert not [t for t in titres if extrait in t]


def test_une_part_des_dossiers_se_renouvelle_par_le_meme_porteur() -> None:
    avant = {cle_de_l_action(d.action.titre): d for d in dossiers_deduits(2024, 2026, 60, 36)}
    suites = [d for d in dossiers_deduits(2025, 2027, 60) if cle_de_l_action(d.action.titre) in avant]
    assert len({cle_de_l_action(d.action.titre) for d in suites}) >= 12
    assert all(avant[cle_de_l_action(d.action.titre)].porteur == d.porteur for d in suites)


def test_les_centimes_partages_entre_quartiers_ne_se_perdent_pas() -> None:
    parts = bilan.parts_egales(bilan.Euros(1_000_001), ["Q1", "Q2", "Q3"])
    assert [p.centimes for p in parts.values()] == [333_334, 333_334, 333_333]
    assert bilan.parts_egales(bilan.Euros(5), []) == {bilan.SANS_QUARTIER: bilan.Euros(5)}


# -- une campagne, jouée une fois pour le module


@dataclass
class Jouee:
    """La campagne jouée, le service encore debout, de quoi lire la base."""

    base: Base
    scene: Scene
    fabrique: sessionmaker[Session]
    adresse: str
    dits: list[str]

    @contextmanager
    def api(self) -> Iterator[Api]:
        api = Api(self.adresse, APRES)
        try:
            yield api
        finally:
            api.fermer()

    def jeton_du_porteur(self, numero: str) -> str:
        joue = next(d for d in self.scene.dossiers if d.numero == numero)
        return self.scene.jetons.de(f"porteur-{joue.deduit.porteur:03d}")

    def vu_du_porteur(self, numero: str) -> dict[str, Any]:
        with self.api() as api:
            return api.get(f"/api/v1/dossiers/{numero}", self.jeton_du_porteur(numero))

    def agir(self, chemin: str, qui: str, corps: dict[str, Any] | None = None) -> dict[str, Any]:
        with self.api() as api:
            return api.post(chemin, self.scene.jetons.de(qui), corps)


@pytest.fixture(scope="module")
def jouee(grappe: pg.Grappe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jouee]:
    config = une_config(tmp_path_factory.mktemp("campagne")).model_copy(update={"mode": Mode.DEMONSTRATION})
    dits: list[str] = []
    with un_clone(grappe) as base, service_de_la_campagne(config, base) as plateau:
        charger_le_decor(plateau.fabrique)
        with plateau.fabrique.begin() as session:  # ce que le chargé de mission saisit à l'écran des autorités
            session.execute(
                update(LigneFinancement).where(LigneFinancement.code == "M2A").values(attribuant_siret=SIRET_D_ESSAI)
            )
        scene = jouer(plateau, Campagne(2027, 2025, NOMBRE), dits.append)
        ouvrir_l_essai(plateau, dossiers=5)
        ouvrir_l_essai(plateau, dossiers=5)
        yield Jouee(base, scene, plateau.fabrique, plateau.adresse, dits)


@pytest.fixture
def lue(jouee: Jouee) -> Iterator[Session]:
    with jouee.fabrique() as session:
        yield session


@dataclass
class Suivie:
    """Une demande choisie pour son issue, et de quoi la suivre."""

    session: Session
    demande: Demande
    dossier: Dossier
    ligne: LigneFinancement

    @property
    def numero(self) -> str:
        assert self.dossier.numero
        return self.dossier.numero

    def actes(self) -> list[str]:
        """Les actes qu'elle a traversés, dans l'ordre."""
        requete = select(Passage.acte).where(Passage.demande_id == self.demande.id).order_by(Passage.id)
        return list(self.session.scalars(requete))

    def decision(self) -> Decision | None:
        return self.session.scalar(select(Decision).where(Decision.demande_id == self.demande.id))

    def notification(self) -> Notification | None:
        return self.session.scalar(
            select(Notification).where(
                Notification.dossier_id == self.dossier.id, Notification.ligne_id == self.ligne.id
            )
        )

    def engage(self) -> int:
        requete = select(Engagement.montant).where(Engagement.demande_id == self.demande.id)
        return sum(m.centimes for m in self.session.scalars(requete))

    def lettre_scellee(self) -> bytes:
        notification = self.notification()
        assert notification is not None
        assert notification.document_sha256 is not None
        document = documents.lire(self.session, notification.document_sha256)
        assert document is not None
        return document.contenu

    def ecrit(self) -> dict[str, Any]:
        """Ce que dit la lettre."""
        notification = self.notification()
        assert notification is not None
        lues = list_demandes_du_dossier(self.session, self.dossier.id, self.ligne.id)
        return lettre.donnees(self.session, notification, lues)


def suivre(session: Session, etat: EtatDemande, *conditions: Any) -> Suivie:
    """La première demande dans cet état ; l'essai échoue s'il n'y en a pas."""
    requete = (
        select(Demande, Dossier, LigneFinancement)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.etat == etat, *conditions)
        .order_by(Demande.id)
    )
    trouvee = session.execute(requete).first()
    assert trouvee is not None, f"aucune demande « {etat.value} »"
    return Suivie(session, *trouvee)


def vue(jouee: Jouee, suivie: Suivie) -> dict[str, Any]:
    """Cette demande, telle que son porteur la lit par l'API."""
    demandes = jouee.vu_du_porteur(suivie.numero)["demandes"]
    return next(d for d in demandes if (d["ligne"], d["annee"]) == (suivie.ligne.code, suivie.demande.annee))


def test_la_campagne_entiere_concorde(jouee: Jouee, lue: Session) -> None:
    assert jouee.dits[0].startswith(f"Campagne 2027 : {NOMBRE} dossiers")
    dresse = bilan.dresser(lue, "m2a-2027")
    assert controle.discordances(lue, dresse) == []
    assert commande.conclure(lue, ["m2a-2027"]) == 0
    # Les états traversés : un autre essai de ce module peut avoir repris une demande ajournée.
    atteints = set(lue.scalars(select(Passage.vers).where(Passage.demande_id.is_not(None)).distinct()))
    assert atteints >= ISSUES, ISSUES - atteints
    assert "Bilan de l’appel m2a-2027" in bilan.ecrire(dresse)
    assert get_appel_par_code(lue, ESSAI) is not None
    assert set(lue.scalars(select(Courriel.etat))) == {"envoye"}


# -- une issue, un dossier, de bout en bout


@pytest.mark.parametrize(("ligne", "vote", "publie"), [("BOP147", "rendre_avis", False), ("M2A", "valider", True)])
def test_retenu_jusqu_a_sa_lettre_et_aux_donnees_ouvertes(
    jouee: Jouee, lue: Session, ligne: str, vote: str, publie: bool
) -> None:
    """m2A a donné son SIRET à la préparation, l'État non : rien de lui ne se publie."""
    suivie = suivre(lue, EtatDemande.NOTIFIEE, LigneFinancement.code == ligne)
    assert suivie.actes() == ["declarer_recevable", "proposer", "arbitrer", vote, "attribuer", "notifier"]
    decision = suivie.decision()
    assert decision is not None
    assert suivie.engage() >= decision.montant.centimes > 0
    assert suivie.lettre_scellee().startswith(b"%PDF")
    assert suivie.ecrit()["montant"] == str(decision.montant)
    assert vue(jouee, suivie)["libelle"] == "Subvention accordée"
    lignes = csv.DictReader(io.StringIO(_telecharger(jouee, "/donnees/subventions.csv")))
    siennes = [
        r for r in lignes if (r["objet"], r["nomAttribuant"]) == (suivie.dossier.titre, suivie.ligne.attribuant_nom)
    ]
    attendues = [(SIRET_D_ESSAI, decision.montant.centimes / 100)] if publie else []
    assert [(r["idAttribuant"], float(r["montant"])) for r in siennes] == attendues


def _telecharger(jouee: Jouee, chemin: str) -> str:
    connexion = HTTPConnection(urlsplit(jouee.adresse).netloc, timeout=30)
    connexion.request("GET", chemin)
    reponse = connexion.getresponse()
    corps = reponse.read().decode("utf-8-sig")
    connexion.close()
    assert reponse.status == 200
    return corps


def test_irrecevable_s_arrete_a_l_examen_avec_son_motif(jouee: Jouee, lue: Session) -> None:
    suivie = suivre(lue, EtatDemande.IRRECEVABLE)
    assert suivie.actes() == ["declarer_irrecevable"]
    motif = lue.scalar(select(Passage.motif).where(Passage.demande_id == suivie.demande.id))
    assert motif == "Le bilan de l’an dernier n’est pas rendu (fictif)."
    assert lue.scalar(select(Proposition.id).where(Proposition.demande_id == suivie.demande.id)) is None
    assert suivie.decision() is None
    assert suivie.engage() == 0
    assert vue(jouee, suivie)["libelle"] == "Non recevable"


def test_hors_champ_sur_une_ligne_pendant_que_les_autres_avancent(jouee: Jouee, lue: Session) -> None:
    autre = aliased(Demande)
    avance = select(autre.id).where(
        autre.dossier_id == Dossier.id, autre.etat.in_([EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE])
    )
    suivie = suivre(lue, EtatDemande.HORS_CHAMP, avance.exists())
    assert suivie.actes() == ["constater_hors_champ"]
    vues = {d["ligne"]: d["etat"] for d in jouee.vu_du_porteur(suivie.numero)["demandes"] if d["annee"] == 2027}
    assert vues.pop(suivie.ligne.code) == "hors_champ"
    assert vues
    assert "hors_champ" not in vues.values()
    assert set(vues.values()) & {"notifiee", "refus_notifie"}


def test_refuse_avec_sa_lettre_motivee(jouee: Jouee, lue: Session) -> None:
    suivie = suivre(lue, EtatDemande.REFUS_NOTIFIE)
    assert suivie.actes()[-2:] == ["refuser", "notifier_refus"]
    decision = suivie.decision()
    assert decision is not None
    assert decision.motif == "Crédits épuisés au vu du classement des demandes (fictif)."
    ecrit = suivie.ecrit()
    assert ecrit["titre"] == "Notification de refus"
    assert [d["motif"] for d in ecrit["decisions"]] == [decision.motif]
    assert suivie.lettre_scellee().startswith(b"%PDF")
    assert suivie.engage() == 0
    assert vue(jouee, suivie)["libelle"] == "Demande refusée"


def test_ajourne_attend_sans_decision_et_se_reprend(jouee: Jouee, lue: Session) -> None:
    suivie = suivre(lue, EtatDemande.AJOURNEE)
    assert suivie.actes()[-1] == "ajourner"
    issue = lue.execute(
        select(ResultatPoint.issue, ResultatPoint.motif)
        .join(PointSeance, PointSeance.id == ResultatPoint.point_id)
        .where(PointSeance.demande_id == suivie.demande.id)
    ).one()
    assert issue.issue == "ajourne"
    assert (suivie.decision(), suivie.engage()) == (None, 0)
    assert vue(jouee, suivie)["libelle"] == "Reporté à une prochaine séance"
    instructeur = "sous-prefecture" if suivie.ligne.code == "BOP147" else f"instruction-{suivie.ligne.code.lower()}"
    chemin = f"/api/v1/dossiers/{suivie.numero}/lignes/{suivie.ligne.code}/reprendre_examen"
    reprise = jouee.agir(chemin, instructeur, {"motif": "Le partenariat est confirmé (fictif)."})
    assert reprise["etat"] == "en_instruction"


def test_retire_sort_de_la_procedure(jouee: Jouee, lue: Session) -> None:
    dossier = lue.scalars(select(Dossier).where(Dossier.etat == EtatDossier.RETIRE).order_by(Dossier.id)).first()
    assert dossier is not None
    etats = set(lue.scalars(select(Demande.etat).where(Demande.dossier_id == dossier.id)))
    assert etats <= {EtatDemande.RETIREE, EtatDemande.HORS_CHAMP}
    assert EtatDemande.RETIREE in etats
    assert lue.scalar(select(PointSeance.id).join(Demande).where(Demande.dossier_id == dossier.id)) is None
    assert dossier.numero is not None
    assert jouee.vu_du_porteur(dossier.numero)["libelle"] == "Retiré"


def test_cpo_reserve_2028_sous_condition_puis_se_clot(jouee: Jouee, lue: Session) -> None:
    suivie = suivre(lue, EtatDemande.TRANCHE_RESERVEE, Demande.annee == 2028, ~_en_cours())
    assert suivie.actes()[-2:] == ["decider_tranche", "notifier_tranche"]
    reservation = lue.scalars(select(Engagement).where(Engagement.demande_id == suivie.demande.id)).one()
    assert (reservation.nature, reservation.annee) == (NatureEngagement.RESERVATION_CPO, 2028)
    assert any(s.startswith(str(reservation.montant)) for s in suivie.ecrit()["suites"])
    assert vue(jouee, suivie)["libelle"] == "Réservé, sous condition du bilan et du vote des crédits"
    clos = jouee.agir(f"/api/v1/dossiers/{suivie.numero}/clore", "charge")
    assert clos["etat"] == "clos"


def _en_cours() -> Any:
    """Vrai si une demande du dossier attend encore (réserve, ajournement)."""
    autre = aliased(Demande)
    attend = autre.etat.in_([EtatDemande.AJOURNEE, EtatDemande.RESERVE, EtatDemande.EN_INSTRUCTION])
    return select(autre.id).where(autre.dossier_id == Dossier.id, attend).exists()


# -- la notice, refaite à la main du seul JSON


def test_chaque_note_de_la_demonstration_se_refait_a_la_main_du_seul_json(jouee: Jouee, lue: Session) -> None:
    numeros = lue.scalars(select(Dossier.numero).where(Dossier.numero.is_not(None)).order_by(Dossier.id)).all()
    assert len(numeros) >= NOMBRE
    with jouee.api() as api:
        charge = jouee.scene.jetons.de("charge")
        notices = [api.get(f"/api/v1/dossiers/{numero}/notice", charge) for numero in numeros]
    assert sum(verifier(notice) for notice in notices) > NOMBRE
    assert {critere["etat"] for n in notices for ligne in n["lignes"] for critere in ligne["criteres"]} >= {
        "obtenu", "sans_objet",
    }  # fmt: skip


def test_l_association_lit_sa_notice_ligne_par_ligne_sans_nom_d_agent(jouee: Jouee, lue: Session) -> None:
    suivie = suivre(lue, EtatDemande.NOTIFIEE, LigneFinancement.code == "M2A")
    chemin, jeton = f"/api/v1/dossiers/{suivie.numero}/notice", jouee.jeton_du_porteur(suivie.numero)
    with jouee.api() as api:
        avant = api.get("/api/v1/appels/m2a-2027/notices")
        remise = api.post(chemin, jeton)
        assert api.get(chemin, jeton) == remise
        assert api.post(chemin, jeton) == remise, "une demande suffit"
        comptes = api.get("/api/v1/appels/m2a-2027/notices")
    assert "M2A" in {ligne["ligne"] for ligne in remise["lignes"]}
    assert verifier(remise) == len(remise["lignes"])
    assert comptes["demandees"] - avant["demandees"] == comptes["remises"] - avant["remises"] <= 1
    assert (avant["demandees"], avant["remises"]) == (6, 5), "la campagne en demande six, dont une par courrier"
    agents = lue.scalars(
        select(Compte.nom_affiche).join(HabilitationCompte, HabilitationCompte.compte_id == Compte.id)
        .where(HabilitationCompte.role.in_(ROLES_AGENT | ROLES_COMMISSION))
    ).all()  # fmt: skip
    assert agents
    assert not [nom for nom in agents if nom in str(remise)]


# -- chaque contrôle du bilan sait échouer


def _ordre(ordre: str, table: str = "") -> Callable[[Session, bilan.Bilan], bilan.Bilan]:
    """Fausse la base : les gardes de la table sont levées, l'ordre passe, le bilan est redressé."""

    def fausser(session: Session, _: bilan.Bilan) -> bilan.Bilan:
        if table:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        rangees = session.execute(text(ordre)).rowcount  # type: ignore[attr-defined]
        assert rangees > 0, "l'ordre ne fausse rien"
        session.expire_all()
        return bilan.dresser(session, "m2a-2027")

    return fausser


def _fausse(champ: str) -> Callable[[Session, bilan.Bilan], bilan.Bilan]:
    """Fausse un chiffre du bilan lui-même."""

    def fausser(_: Session, lu: bilan.Bilan) -> bilan.Bilan:
        if champ == "engage":
            lu.lignes["M2A"].engage = lu.lignes["M2A"].enveloppe + bilan.Euros(1)
        elif champ == "dossiers":
            lu.dossiers = {"retire": 1}
        else:
            parts = getattr(lu, champ)
            parts.pop(next(iter(parts)))
        return lu

    return fausser


@pytest.mark.parametrize(
    ("fausser", "extrait"),
    [
        (_fausse("engage"), "engagés pour"),
        (_fausse("par_enjeu"), "Décidé par enjeu"),
        (_fausse("par_quartier"), "Décidé par quartier"),
        (_fausse("dossiers"), "Aucun dossier déposé"),
        (_ordre("UPDATE decision SET montant_centimes = montant_centimes * 50 WHERE sens = 'attribuee'", "decision"),
         "décidés pour"),
        (_ordre("UPDATE demande SET montant_demande_centimes = montant_demande_centimes * 2 WHERE annee = 2027",
                "demande"), "environ 1,4 fois"),
        (_ordre("UPDATE enveloppe SET engage_centimes = engage_centimes - 100 WHERE annee = 2027 "
                "AND engage_centimes > 100", "enveloppe"), "tenus pour"),
        (_ordre("UPDATE enveloppe SET engage_centimes = engage_centimes - 100 WHERE annee = 2028 "
                "AND engage_centimes > 100", "enveloppe"), "2028 : "),
        (_ordre("UPDATE demande SET etat = 'retiree' WHERE etat = 'notifiee'", "demande"), "garde des crédits engagés"),
        (_ordre("UPDATE decision SET sens = 'refusee', montant_centimes = 0, motif = 'x' "
                "WHERE sens = 'attribuee'", "decision"), "avec une décision « refusee »"),
        (_ordre("DELETE FROM passage WHERE vers = 'reserve'", "passage"), "cette issue : reserve"),
        (_ordre("DELETE FROM decision", "decision"), "avec une décision « absente »"),
        (_ordre("UPDATE notification SET document_sha256 = NULL", "notification"), "sans lettre scellée"),
        (_ordre("UPDATE demande SET etat = 'caduque' WHERE etat = 'tranche_reservee'", "demande"), "mal réservée"),
        (_ordre("DELETE FROM dossier_version v USING dossier d WHERE d.id = v.dossier_id AND d.etat = 'retire'",
                "dossier_version"), "sans contenu figé"),
        (_ordre("UPDATE journal_entree SET objet = 'faux' WHERE rang = 7", "journal_entree"), "Journal : "),
        (_ordre("UPDATE journal_entree SET acte = 'faux' WHERE rang = 7", "journal_entree"), "Journal : "),
    ],
)  # fmt: skip
def test_chaque_controle_sait_echouer(
    jouee: Jouee, fausser: Callable[[Session, bilan.Bilan], bilan.Bilan], extrait: str
) -> None:
    """Relire tout le journal prend une demi-seconde : seuls les cas qui le faussent le relisent."""
    controles = [c for c in controle.CONTROLES if (c is controle.journal_sain) == (extrait == "Journal : ")]
    with _proprietaire(jouee) as session:
        fausse = fausser(session, bilan.dresser(session, "m2a-2027"))
        phrases = [phrase for un_controle in controles for phrase in un_controle(session, fausse)]
    assert any(extrait in phrase for phrase in phrases), phrases


@contextmanager
def _proprietaire(jouee: Jouee) -> Iterator[Session]:
    """Une session qui peut tout fausser, jamais validée."""
    moteur = creer_moteur(jouee.base.url_proprietaire)
    try:
        with Session(moteur) as session:
            yield session
            session.rollback()
    finally:
        moteur.dispose()


def test_une_discordance_sort_en_code_1(jouee: Jouee, capsys: pytest.CaptureFixture[str]) -> None:
    with _proprietaire(jouee) as session:
        _ordre("UPDATE notification SET document_sha256 = NULL", "notification")(
            session, bilan.Bilan.__new__(bilan.Bilan)
        )
        assert commande.conclure(session, ["m2a-2027"]) == 1
    assert "Discordance : m2a-2027 : " in capsys.readouterr().err
