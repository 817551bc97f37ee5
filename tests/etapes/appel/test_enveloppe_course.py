"""La garde de l'enveloppe (architecture, décision 11) : jamais dépassée, même par 200 transactions à la fois."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base
from app.etapes.appel import service
from app.etapes.appel.models import Engagement, Enveloppe
from app.etapes.appel.rules import NatureEngagement, NatureEnveloppe
from app.etapes.dossier.models import Demande
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.identite import Identite
from app.infra.journal import ecriture
from app.noyau.euros import Euros
from tests.etapes.programmation.donnees import Decor, des_dossiers_deposes, un_decor
from tests.factories import MAINTENANT

TRANSACTIONS = 200
DE_FRONT = 50  # connexions ouvertes ensemble ; la grappe d'essai en admet 200
UN = Euros.de(1_000)
LIGNES = ("BOP147", "M2A", "MULHOUSE")
ACTEUR = Identite(0, "c-course", "Course (fictif)", "course@exemple.invalid")


@dataclass(frozen=True)
class Piste:
    """Un clone, sa fabrique au rôle iq_service, son décor validé, et une demande par dossier et par ligne."""

    fabrique: sessionmaker[Session]
    decor: Decor
    demandes: dict[str, list[int]]
    enveloppes: dict[str, int]

    def acte(self, ligne: str, rang: int, montant: Euros = UN) -> service.AEngager:
        """Ce que le dossier de ce rang engage sur cette ligne."""
        ligne_id = self.decor.contrat.lignes[ligne].id
        return service.AEngager(self.demandes[ligne][rang], ligne_id, self.decor.appel.annee, montant)

    def inserer(self, session: Session, ligne: str, rang: int, montant: Euros = UN) -> None:
        """Une écriture directe dans `engagement`, sans passer par le service."""
        session.add(
            Engagement(
                contrat_id=self.decor.contrat.id, enveloppe_id=self.enveloppes[ligne],
                demande_id=self.demandes[ligne][rang], annee=self.decor.appel.annee,
                nature=NatureEngagement.DECISION, montant=montant, acteur=ACTEUR.acteur, a=MAINTENANT,
            )
        )  # fmt: skip
        session.flush()

    def engager(self, session: Session, actes: Sequence[service.AEngager]) -> None:
        """Le même engagement, par le service."""
        service.engager(
            session, contrat_id=self.decor.contrat.id, actes=actes, nature=NatureEngagement.ARRETE, acteur=ACTEUR,
            maintenant=MAINTENANT,
        )  # fmt: skip

    def plafonner(self, **euros: int) -> None:
        """Fixe le montant des enveloppes."""
        with self.fabrique.begin() as session:
            for ligne, montant in euros.items():
                session.get_one(Enveloppe, self.enveloppes[ligne]).montant = Euros.de(montant)

    def etat(self, ligne: str) -> tuple[Euros, Euros, Euros, int]:
        """Montant, engagé tenu par le déclencheur, somme des écritures, nombre d'écritures."""
        with self.fabrique() as session:
            enveloppe = session.get_one(Enveloppe, self.enveloppes[ligne])
            ecritures = list(session.scalars(select(Engagement.montant).where(Engagement.enveloppe_id == enveloppe.id)))
            return enveloppe.montant, enveloppe.engage, Euros.somme(ecritures), len(ecritures)


def _poser(base: Base, dossiers: int) -> Iterator[Piste]:
    ecriture.installer()
    moteur = creer_moteur(base.url, taille=DE_FRONT)
    fabrique = creer_fabrique(moteur)
    with fabrique.begin() as session:
        decor = un_decor(session)
        des_dossiers_deposes(session, decor, dossiers, dict.fromkeys(LIGNES, 5_000))
        demandes = {
            code: list(session.scalars(select(Demande.id).where(Demande.ligne_id == ligne.id).order_by(Demande.id)))
            for code, ligne in decor.contrat.lignes.items()
        }
        par_ligne = {ligne.id: code for code, ligne in decor.contrat.lignes.items()}
        enveloppes = {par_ligne[e.ligne_id]: e.id for e in session.scalars(select(Enveloppe))}
    yield Piste(fabrique, decor, demandes, enveloppes)
    moteur.dispose()


@pytest.fixture
def piste(base_propre: Base) -> Iterator[Piste]:
    """Deux cents dossiers : de quoi courir."""
    yield from _poser(base_propre, TRANSACTIONS)


@pytest.fixture
def petite_piste(base_propre: Base) -> Iterator[Piste]:
    """Deux dossiers."""
    yield from _poser(base_propre, 2)


def courir(piste: Piste, agir: Callable[[Session, int], None], nombre: int = TRANSACTIONS) -> Counter[str]:
    """Lance `nombre` transactions réelles, les premières libérées ensemble ; compte les issues par nom."""
    depart = threading.Barrier(DE_FRONT)

    def une(rang: int) -> str:
        if rang < DE_FRONT:
            depart.wait(30)
        try:
            with piste.fabrique.begin() as session:
                agir(session, rang)
        except service.EnveloppeDepassee:
            return "refus du service"
        except IntegrityError as refus:
            return str(refus.orig.diag.constraint_name)  # type: ignore[union-attr]
        except OperationalError as panne:
            return type(panne.orig).__name__
        return "acceptee"

    with ThreadPoolExecutor(DE_FRONT) as fils:
        return Counter(fils.map(une, range(nombre)))


def test_200_ecritures_directes_ne_depassent_pas_une_enveloppe(piste: Piste) -> None:
    piste.plafonner(M2A=100_000)
    issues = courir(piste, lambda session, rang: piste.inserer(session, "M2A", rang))
    assert issues == {"acceptee": 100, "ck_enveloppe_depassee": 100}
    assert piste.etat("M2A") == (Euros.de(100_000), Euros.de(100_000), Euros.de(100_000), 100)


def test_200_engagements_par_le_service_ne_depassent_pas_une_enveloppe(piste: Piste) -> None:
    piste.plafonner(M2A=100_500)
    issues = courir(piste, lambda session, rang: piste.engager(session, [piste.acte("M2A", rang)]))
    assert issues == {"acceptee": 100, "refus du service": 100}
    assert piste.etat("M2A") == (Euros.de(100_500), Euros.de(100_000), Euros.de(100_000), 100)


def test_le_service_et_l_ecriture_directe_courent_ensemble(piste: Piste) -> None:
    piste.plafonner(M2A=77_000)

    def agir(session: Session, rang: int) -> None:
        if rang % 2:
            piste.inserer(session, "M2A", rang)
        else:
            piste.engager(session, [piste.acte("M2A", rang)])

    issues = courir(piste, agir)
    assert issues["acceptee"] == 77
    assert issues["refus du service"] + issues["ck_enveloppe_depassee"] == 123
    assert piste.etat("M2A")[1:] == (Euros.de(77_000), Euros.de(77_000), 77)


def test_plusieurs_enveloppes_par_acte_donnees_dans_tous_les_ordres_sans_interblocage(piste: Piste) -> None:
    piste.plafonner(BOP147=60_000, M2A=80_000, MULHOUSE=70_000)

    def agir(session: Session, rang: int) -> None:
        tournees = [LIGNES[(rang + n) % 3] for n in range(3)]
        lignes = tournees if rang % 2 else tournees[::-1]
        piste.engager(session, [piste.acte(ligne, rang) for ligne in lignes])

    issues = courir(piste, agir)
    assert issues == {"acceptee": 60, "refus du service": 140}
    for ligne in LIGNES:
        assert piste.etat(ligne)[1:] == (Euros.de(60_000), Euros.de(60_000), 60)


def test_des_actes_melanges_tiennent_toutes_les_enveloppes_et_ne_refusent_rien_a_tort(piste: Piste) -> None:
    piste.plafonner(BOP147=90_000, M2A=110_000, MULHOUSE=50_000)
    refuses: list[list[service.AEngager]] = []
    verrou = threading.Lock()

    def agir(session: Session, rang: int) -> None:
        lignes = [ligne for n, ligne in enumerate(LIGNES) if (rang % 7 + 1) >> n & 1]
        actes = [
            piste.acte(ligne, rang, Euros.de(500 + 250 * (rang % 5))) for ligne in lignes[:: 1 if rang % 2 else -1]
        ]
        try:
            piste.engager(session, actes)
        except service.EnveloppeDepassee:
            with verrou:
                refuses.append(actes)
            raise

    issues = courir(piste, agir)
    assert set(issues) == {"acceptee", "refus du service"}, "aucun interblocage"
    restes = {}
    for ligne in LIGNES:
        montant, engage, somme, _ = piste.etat(ligne)
        assert engage == somme <= montant
        restes[piste.decor.contrat.lignes[ligne].id] = montant - engage
    assert refuses
    for actes in refuses:
        assert any(acte.montant > restes[acte.ligne_id] for acte in actes), "ce refus était de trop"
    with piste.fabrique() as session:
        refusees = {acte.demande_id for actes in refuses for acte in actes}
        ecrites = set(session.scalars(select(Engagement.demande_id)))
    assert not refusees & ecrites, "un acte refusé n'engage rien, même sur l'enveloppe qui suffisait"


def test_200_actes_directs_tries_sur_plusieurs_enveloppes(piste: Piste) -> None:
    piste.plafonner(BOP147=40_000, M2A=200_000, MULHOUSE=200_000)
    tries = sorted(LIGNES, key=lambda ligne: piste.enveloppes[ligne])

    def agir(session: Session, rang: int) -> None:
        for ligne in tries:
            piste.inserer(session, ligne, rang)

    assert courir(piste, agir) == {"acceptee": 40, "ck_enveloppe_depassee": 160}
    for ligne in LIGNES:
        assert piste.etat(ligne)[1:] == (Euros.de(40_000), Euros.de(40_000), 40)


def test_sans_tri_deux_actes_croises_s_interbloquent_et_un_rejeu_ensuite_passe(petite_piste: Piste) -> None:
    """Ce que le tri évite : le même essai, les enveloppes prises en sens contraire. PostgreSQL en sacrifie un."""
    rendez_vous, passe = threading.Barrier(2), threading.Event()
    pannes: list[type[BaseException | None]] = []

    def croise(rang: int, premiere: str, seconde: str) -> int:
        for essai in (1, 2):
            try:
                with petite_piste.fabrique.begin() as session:
                    petite_piste.inserer(session, premiere, rang)
                    if essai == 1:
                        rendez_vous.wait(10)
                    petite_piste.inserer(session, seconde, rang)
            except OperationalError as panne:
                pannes.append(type(panne.orig))
                passe.wait(10)
                continue
            passe.set()
            return essai
        return 0

    with ThreadPoolExecutor(2) as fils:
        essais = list(fils.map(croise, (0, 1), ("M2A", "BOP147"), ("BOP147", "M2A")))
    assert sorted(essais) == [1, 2]
    assert pannes == [psycopg.errors.DeadlockDetected]
    for ligne in ("M2A", "BOP147"):
        assert petite_piste.etat(ligne)[1:] == (Euros.de(2_000), Euros.de(2_000), 2)


def test_le_role_de_service_ne_peut_pas_ecrire_l_engage(petite_piste: Piste) -> None:
    for requete in (
        "UPDATE enveloppe SET engage_centimes = 0",
        "UPDATE engagement SET montant_centimes = 1",
        "DELETE FROM engagement",
        "TRUNCATE engagement",
        "DELETE FROM enveloppe",
        "ALTER TABLE engagement DISABLE TRIGGER engager",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(ProgrammingError) as refus, petite_piste.fabrique.begin() as session:
            session.execute(text(requete))
        assert isinstance(refus.value.orig, psycopg.errors.InsufficientPrivilege), requete


@pytest.mark.parametrize("engage", [1, 5_000_000])
def test_une_enveloppe_nait_sans_rien_d_engage(petite_piste: Piste, engage: int) -> None:
    with petite_piste.fabrique() as session:
        session.add(
            Enveloppe(
                contrat_id=petite_piste.decor.contrat.id, ligne_id=petite_piste.decor.contrat.lignes["M2A"].id,
                annee=2029, nature=NatureEnveloppe.NOTIFIEE, montant=Euros.de(100_000), engage=Euros(engage),
            )
        )  # fmt: skip
        with pytest.raises(IntegrityError, match="naît sans rien d'engagé"):
            session.flush()


def test_une_enveloppe_ne_descend_pas_sous_ce_qui_est_engage(petite_piste: Piste) -> None:
    with petite_piste.fabrique.begin() as session:
        petite_piste.engager(session, [petite_piste.acte("M2A", 0, Euros.de(3_000))])
    with pytest.raises(IntegrityError, match="ck_enveloppe_depassee"):
        petite_piste.plafonner(M2A=2_999)
    petite_piste.plafonner(M2A=3_000)
    assert petite_piste.etat("M2A")[:2] == (Euros.de(3_000), Euros.de(3_000))


@pytest.mark.parametrize(
    ("enveloppe", "annee"),
    [("BOP147", 2027), ("M2A", 2028), ("BOP147", 2028)],
    ids=["autre ligne", "autre année", "autre ligne et autre année"],
)
def test_un_engagement_d_une_autre_ligne_ou_d_une_autre_annee_est_refuse(
    petite_piste: Piste, enveloppe: str, annee: int
) -> None:
    engagement = Engagement(
        contrat_id=petite_piste.decor.contrat.id, enveloppe_id=petite_piste.enveloppes[enveloppe],
        demande_id=petite_piste.demandes["M2A"][0], annee=annee, nature=NatureEngagement.DECISION, montant=UN,
        acteur=ACTEUR.acteur, a=MAINTENANT,
    )  # fmt: skip
    with petite_piste.fabrique() as session:
        session.add(engagement)
        with pytest.raises(DBAPIError, match="ne vise pas l'enveloppe"):
            session.flush()
    assert petite_piste.etat(enveloppe)[1:] == (Euros(0), Euros(0), 0)


def test_une_demande_ne_s_engage_qu_une_fois_par_annee(petite_piste: Piste) -> None:
    issues = courir(petite_piste, lambda session, _rang: petite_piste.inserer(session, "M2A", 0), DE_FRONT)
    assert issues == {"acceptee": 1, "uq_engagement_demande_annee": DE_FRONT - 1}
    assert petite_piste.etat("M2A")[1:] == (UN, UN, 1)


def test_engager_sans_enveloppe_est_refuse(petite_piste: Piste) -> None:
    sans = service.AEngager(petite_piste.demandes["M2A"][0], petite_piste.decor.contrat.lignes["M2A"].id, 2028, UN)
    with pytest.raises(service.EnveloppeDepassee, match="Aucune enveloppe"), petite_piste.fabrique.begin() as session:
        petite_piste.engager(session, [petite_piste.acte("BOP147", 0), sans])
    assert petite_piste.etat("BOP147")[3] == 0
