"""L'annuaire : le vrai client contre un petit serveur HTTP, le local, et ce que la base garde."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.infra import sirene
from app.infra.config import Annuaire, Config, Mode
from app.infra.heure import heure_machine
from app.infra.sirene import (
    AnnuaireCache,
    AnnuaireEnLigne,
    AnnuaireIndisponible,
    AnnuaireLocal,
    Etablissement,
    EtatLecture,
    annuaire_de,
    consulter,
)
from app.noyau.identifiants import normaliser_siret

SIRET = "97000001400013"
ASSOCIATION = {
    "results": [
        {
            "siren": "970000014",
            "nom_complet": "LES JARDINS FICTIFS (JF)",
            "nom_raison_sociale": "LES JARDINS FICTIFS",
            "sigle": "JF",
            "nature_juridique": "9260",
            "siege": {
                "siret": SIRET, "adresse": "4 RUE INVENTEE 68200 MULHOUSE", "code_postal": "68200",
                "libelle_commune": "MULHOUSE", "etat_administratif": "A",
            },
            "matching_etablissements": [
                {"siret": "97000001400021", "adresse": "9 QUAI FICTIF 68100 MULHOUSE", "code_postal": "68100",
                 "libelle_commune": "MULHOUSE", "etat_administratif": "F"},
            ],
            "complements": {"est_association": True, "identifiant_association": "W681000001"},
        }
    ],
    "total_results": 1,
}  # fmt: skip
Repondre = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Serveur:
    """Un serveur local ; chaque requête prend la réponse suivante, la dernière se répète."""

    url: str
    reponses: list[Repondre] = field(default_factory=list)
    recues: list[str] = field(default_factory=list)


@pytest.fixture
def serveur() -> Iterator[Serveur]:
    class Poignee(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            decor.recues.append(self.path)
            suivante = decor.reponses.pop(0) if len(decor.reponses) > 1 else decor.reponses[0]
            try:
                suivante(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Rien à l'écran."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Poignee)
    http.daemon_threads = True
    decor = Serveur(f"http://127.0.0.1:{http.server_address[1]}")
    fil = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    fil.start()
    yield decor
    http.shutdown()
    fil.join()
    http.server_close()


def corps(contenu: bytes | dict[str, Any], statut: int = 200, **entetes: str) -> Repondre:
    octets = contenu if isinstance(contenu, bytes) else json.dumps(contenu).encode()

    def repondre(poignee: BaseHTTPRequestHandler) -> None:
        poignee.send_response(statut)
        for nom, valeur in entetes.items():
            poignee.send_header(nom, valeur)
        poignee.send_header("Content-Length", str(len(octets)))
        poignee.end_headers()
        poignee.wfile.write(octets)

    return repondre


def lent(poignee: BaseHTTPRequestHandler) -> None:
    time.sleep(1.0)
    corps(ASSOCIATION)(poignee)


def goutte_a_goutte(poignee: BaseHTTPRequestHandler) -> None:
    poignee.send_response(200)
    poignee.end_headers()
    for _ in range(40):
        poignee.wfile.write(b" ")
        poignee.wfile.flush()
        time.sleep(0.05)


def enorme(poignee: BaseHTTPRequestHandler) -> None:
    poignee.send_response(200)
    poignee.end_headers()
    for _ in range(200):
        poignee.wfile.write(b'{"results": [' + b" " * 65536)


def client(serveur: Serveur, delai: float = 2.0) -> AnnuaireEnLigne:
    return AnnuaireEnLigne(serveur.url, delai=delai)


def test_une_association_donne_nom_forme_adresse_et_rna(serveur: Serveur) -> None:
    serveur.reponses = [corps(ASSOCIATION)]
    assert client(serveur).chercher(SIRET) == Etablissement(
        siret=SIRET, nom="LES JARDINS FICTIFS", sigle="JF", nature_juridique="9260", adresse="4 RUE INVENTEE",
        code_postal="68200", commune="MULHOUSE", rna="W681000001", est_ferme=False,
    )  # fmt: skip
    demande = urlsplit(serveur.recues[0])
    assert (demande.path, parse_qs(demande.query)["q"]) == ("/search", [SIRET])


def test_un_etablissement_secondaire_ferme_se_dit(serveur: Serveur) -> None:
    serveur.reponses = [corps(ASSOCIATION)]
    trouve = client(serveur).chercher("97000001400021")
    assert trouve is not None
    assert (trouve.est_ferme, trouve.adresse, trouve.code_postal) == (True, "9 QUAI FICTIF", "68100")


@pytest.mark.parametrize("resultats", [[], ASSOCIATION["results"], [{"siege": None}]])
def test_un_siret_absent_de_la_reponse_est_inconnu(serveur: Serveur, resultats: list[Any]) -> None:
    serveur.reponses = [corps({"results": resultats})]
    assert client(serveur).chercher("97000002200016") is None


@pytest.mark.parametrize("masque", ["[NON-DIFFUSIBLE]", "[ND]"])
def test_ce_que_l_annuaire_ne_diffuse_pas_reste_vide(serveur: Serveur, masque: str) -> None:
    siege = {"siret": SIRET, "adresse": f"{masque} 68100 {masque}", "code_postal": masque}
    cache = {"nom_complet": masque, "sigle": masque, "siege": siege}
    serveur.reponses = [corps({"results": [cache]})]
    assert client(serveur).chercher(SIRET) == Etablissement(siret=SIRET, nom="")


@pytest.mark.parametrize(
    ("reponse", "appels"),
    [
        (corps(b'{"results": [{"siege":'), 1),
        (corps(b"\xff\xfe<html>"), 1),
        (corps(b"[" * 200_000), 1),
        (corps(b"[1, 2]"), 1),
        (corps({"results": "rien"}), 1),
        (corps({"results": ["rien"]}), 1),
        (corps({"erreur": "trop de requetes"}, statut=429), 1),
        (corps({"erreur": "mal formee"}, statut=400), 1),
        (corps(b"", statut=302, Location="http://127.0.0.1:9/ailleurs"), 1),
        (corps(b"panne", statut=500), 2),
        (corps(b"panne", statut=503), 2),
        (enorme, 1),
    ],
    ids=["coupee", "html", "profonde", "liste", "texte", "textes", "429", "400", "redirection", "500", "503", "enorme"],
)
def test_une_mauvaise_reponse_est_indisponible(serveur: Serveur, reponse: Repondre, appels: int) -> None:
    serveur.reponses = [reponse]
    with pytest.raises(AnnuaireIndisponible):
        client(serveur).chercher(SIRET)
    assert len(serveur.recues) == appels, "une seule reprise, et seulement pour une panne passagère"


def test_une_panne_passagere_se_reprend_une_fois(serveur: Serveur) -> None:
    serveur.reponses = [corps(b"panne", statut=502), corps(ASSOCIATION)]
    assert client(serveur).chercher(SIRET) is not None
    assert len(serveur.recues) == 2


@pytest.mark.parametrize("reponse", [lent, goutte_a_goutte])
def test_le_delai_vaut_pour_tout_reprise_comprise(serveur: Serveur, reponse: Repondre) -> None:
    serveur.reponses = [reponse]
    debut = time.monotonic()
    with pytest.raises(AnnuaireIndisponible):
        client(serveur, delai=0.4).chercher(SIRET)
    assert time.monotonic() - debut < 0.9


def test_un_annuaire_injoignable_est_indisponible() -> None:
    with socket.socket() as libre:
        libre.bind(("127.0.0.1", 0))
        port = libre.getsockname()[1]
    with pytest.raises(AnnuaireIndisponible):
        AnnuaireEnLigne(f"http://127.0.0.1:{port}", delai=0.5).chercher(SIRET)


def test_la_configuration_choisit_l_annuaire() -> None:
    def choisi(**plus: Any) -> type[object]:
        return type(annuaire_de(Config(_env_file=None, **plus)))

    assert choisi(mode=Mode.PRODUCTION) is AnnuaireEnLigne
    assert choisi(mode=Mode.DEMONSTRATION) is choisi(mode=Mode.ESSAI) is AnnuaireLocal
    assert choisi(mode=Mode.ESSAI, annuaire=Annuaire.API) is AnnuaireEnLigne
    assert choisi(mode=Mode.PRODUCTION, annuaire=Annuaire.LOCAL) is AnnuaireLocal


def test_l_annuaire_local_n_a_que_des_siret_justes_et_des_noms_marques() -> None:
    for connu in (sirene.MULHOUSE, *sirene.FICTIFS):
        assert normaliser_siret(connu.siret) == connu.siret
        assert connu is sirene.MULHOUSE or "FICTIF" in connu.nom
        assert AnnuaireLocal().chercher(connu.siret) is connu
    assert AnnuaireLocal().chercher("97000009700019") is None


class Compteur:
    """Un annuaire qui compte ses appels, et peut tomber en panne."""

    def __init__(self, session: Session, trouve: Etablissement | None) -> None:
        self.session, self.trouve, self.appels, self.en_panne = session, trouve, 0, False

    def chercher(self, siret: str) -> Etablissement | None:
        """Ce qu'on lui a dit de répondre ; jamais pendant une transaction."""
        self.appels += 1
        assert siret == SIRET
        assert not self.session.in_transaction(), "aucune transaction n’attend le réseau"
        if self.en_panne:
            raise AnnuaireIndisponible("panne")
        return self.trouve


def test_une_reponse_sert_un_jour_puis_se_relit_et_sert_encore_en_panne(ecriture: Session) -> None:
    connu = Etablissement(siret=SIRET, nom="Jardins")
    annuaire, machine = Compteur(ecriture, connu), heure_machine()
    premiere = consulter(ecriture, annuaire, SIRET, machine)
    ecriture.commit()
    assert (premiere.etat, premiere.etablissement, premiere.est_perimee) == (EtatLecture.TROUVE, connu, False)
    assert consulter(ecriture, annuaire, SIRET, machine + timedelta(hours=23)) == premiere
    assert annuaire.appels == 1
    annuaire.en_panne = True
    perimee = consulter(ecriture, annuaire, SIRET, machine + timedelta(hours=25))
    assert (perimee.etat, perimee.est_perimee, perimee.lue_at) == (EtatLecture.TROUVE, True, machine)
    annuaire.en_panne, annuaire.trouve = False, None
    inconnue = consulter(ecriture, annuaire, SIRET, machine + timedelta(hours=26))
    ecriture.commit()
    assert (inconnue.etat, inconnue.etablissement) == (EtatLecture.INCONNU, None)
    gardees = ecriture.execute(select(AnnuaireCache.siret, AnnuaireCache.reponse)).all()
    assert [tuple(g) for g in gardees] == [(SIRET, None)]


def test_une_panne_sans_rien_de_garde_est_indisponible(ecriture: Session) -> None:
    annuaire = Compteur(ecriture, None)
    annuaire.en_panne = True
    assert consulter(ecriture, annuaire, SIRET, heure_machine()).etat is EtatLecture.INDISPONIBLE


def test_ce_que_personne_ne_redemande_s_efface(ecriture: Session) -> None:
    machine = heure_machine()
    for siret, age in ((SIRET, 91), ("97000002200016", 89)):
        ecriture.add(AnnuaireCache(siret=siret, reponse=None, lue_at=machine - timedelta(days=age)))
    ecriture.flush()
    sirene.purger(ecriture, machine)
    assert ecriture.scalars(select(AnnuaireCache.siret)).all() == ["97000002200016"]
