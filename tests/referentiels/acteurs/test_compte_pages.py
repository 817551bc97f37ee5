"""Se créer un compte, le confirmer, en changer le nom et le mot de passe, tenir ses sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.acces import TEMOIN
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier
from app.referentiels.acteurs.models import Compte, Inscription, SessionWeb
from app.referentiels.acteurs.service import (
    empreinte_secret,
    est_le_bon,
    hacher,
    inscriptions,
    purger_sessions,
    sessions,
)
from app.referentiels.acteurs.tasks import envoyer_inscription
from tests.client import ClientDirect
from tests.etapes.dossier.aide_pages import formulaire, formulaires
from tests.factories import siret_fictif, un_compte
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes
from tests.requetes import requetes

PAGE = "/compte/nouveau"
ADRESSE = "nouvelle@exemple.fr"
AUTRE = "une autre phrase assez longue"
EN_FILE = text("SELECT args FROM procrastinate_jobs WHERE task_name = 'acteurs.envoyer_inscription' ORDER BY id")
LIEN = re.compile(r"/compte/confirmation/(\w+\.[\w-]+)")


@dataclass
class Decor:
    """Un service, un navigateur sans session, la boîte aux lettres."""

    session: Session
    client: TestClient
    service: FastAPI

    def demander(self, courriel: str = ADRESSE, mot_de_passe: str = MOT_DE_PASSE, **plus: str) -> Response:
        """Remplit et envoie le formulaire d'un compte."""
        saisie = {"nom_affiche": "Camille", "courriel": courriel, "mot_de_passe": mot_de_passe,
                  "confirmation": mot_de_passe, **plus}  # fmt: skip
        return formulaire(self.client.get(PAGE), PAGE).remplir(**saisie).envoyer(self.client)

    def poster(self) -> list[tuple[str, str, str]]:
        """Fait les envois en file comme le worker ; rend (destinataire, objet, lien) de chaque courriel."""
        self.session.rollback()
        dossier = self.service.state.config.donnees / mail.DOSSIER_COURRIELS
        connus = set(dossier.glob("*.eml")) if dossier.exists() else set()
        en_file = [args for (args,) in self.session.execute(EN_FILE)]
        self.session.execute(text("DELETE FROM procrastinate_jobs"))
        self.session.commit()
        for arguments in en_file:
            atelier = Atelier(self.service.state.config, self.service.state.fabrique)
            for _ in range(2):  # rejouée, la tâche n'écrit pas deux fois
                envoyer_inscription(atelier, maintenant=heure_machine(), **arguments)
        rendu = []
        for fichier in sorted(set(dossier.glob("*.eml")) - connus) if dossier.exists() else ():
            message = message_from_bytes(fichier.read_bytes(), policy=default)
            lien = LIEN.search(str(message.get_body().get_content()))  # type: ignore[union-attr]
            rendu.append((str(message["To"]), str(message["Subject"]), lien[1] if lien else ""))
        return rendu

    def confirmer(self, lien: str, mot_de_passe: str = MOT_DE_PASSE) -> Response:
        """Suit le lien reçu et redonne le mot de passe."""
        adresse = f"/compte/confirmation/{lien}"
        page = formulaire(self.client.get(adresse), adresse)
        return page.remplir(mot_de_passe=mot_de_passe).envoyer(self.client)

    def comptes(self) -> list[str]:
        """Les adresses des comptes."""
        self.session.rollback()
        return list(self.session.scalars(select(Compte.courriel).order_by(Compte.id)))

    def connecter(self, compte: Compte, agent: str = "", client: TestClient | None = None) -> TestClient:
        """Se connecte par le formulaire."""
        navigateur = client or self.client
        navigateur.headers["User-Agent"] = agent
        donnees = {"courriel": compte.courriel, "mot_de_passe": MOT_DE_PASSE}
        assert navigateur.post("/connexion", data=donnees).status_code == 303
        return navigateur


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    with service.state.fabrique() as session:
        yield Decor(session, client, service)


@pytest.fixture
def compte(decor: Decor) -> Compte:
    """Une personne qui a son mot de passe."""
    rendu = un_compte(decor.session, nom="Camille")
    rendu.mot_de_passe = hacher(MOT_DE_PASSE)
    decor.session.commit()
    return rendu


def test_de_l_accueil_a_un_compte_confirme(decor: Decor) -> None:
    for page in ("/", "/connexion"):
        assert f'href="{PAGE}"' in decor.client.get(page).text
    reponse = decor.demander()
    assert reponse.headers["location"] == "/connexion?fait=compte-demande"
    assert decor.comptes() == [], "rien n’existe avant la confirmation"
    assert decor.client.post("/connexion", data={"courriel": ADRESSE, "mot_de_passe": MOT_DE_PASSE}).status_code == 422
    [(destinataire, objet, lien)] = decor.poster()
    assert (destinataire, objet) == (ADRESSE, "Confirmez votre adresse")
    page = decor.client.get(f"/compte/confirmation/{lien}")
    assert (page.status_code, decor.comptes()) == (200, []), "lire le lien ne confirme rien"
    assert decor.confirmer(lien).headers["location"] == "/accueil"
    assert decor.comptes() == [ADRESSE]
    assert "Camille" in decor.client.get("/accueil").text
    assert decor.client.get(PAGE).headers["location"] == "/compte"
    decor.client.cookies.clear()
    assert decor.client.get(f"/compte/confirmation/{lien}").status_code == 404, "une seule fois"
    assert decor.client.post("/connexion", data={"courriel": ADRESSE, "mot_de_passe": MOT_DE_PASSE}).status_code == 303


def test_la_reponse_ne_dit_pas_si_l_adresse_a_un_compte(decor: Decor, compte: Compte) -> None:
    connue, inconnue = decor.demander(compte.courriel.upper()), decor.demander()
    for reponse in (connue, inconnue):
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/connexion?fait=compte-demande")
    assert {k for k, _ in connue.headers.items()} == {k for k, _ in inconnue.headers.items()}
    decor.session.rollback()
    ranges = decor.session.scalars(select(Inscription).order_by(Inscription.id)).all()
    assert all(i.mot_de_passe.startswith("$argon2") for i in ranges), "le même travail dans les deux cas"
    assert [(d, o, bool(lien)) for d, o, lien in decor.poster()] == [
        (compte.courriel, "Vous avez déjà un compte", False), (ADRESSE, "Confirmez votre adresse", True),
    ]  # fmt: skip
    decor.session.expire_all()
    assert est_le_bon(MOT_DE_PASSE, decor.session.get_one(Compte, compte.id).mot_de_passe), "rien n’a changé"


@pytest.mark.parametrize(
    ("plus", "fautif"),
    [
        ({"nom_affiche": ""}, "nom_affiche"),
        ({"courriel": "x"}, "courriel"),
        ({"mot_de_passe": "court", "confirmation": "court"}, "mot_de_passe"),
        ({"confirmation": "autre"}, "confirmation"),
    ],
)
def test_une_demande_fautive_revient_sans_les_mots_de_passe(decor: Decor, plus: dict[str, str], fautif: str) -> None:
    saisie = {"courriel": ADRESSE, "mot_de_passe": MOT_DE_PASSE, **plus}
    refus = decor.demander(saisie.pop("courriel"), saisie.pop("mot_de_passe"), **saisie)
    assert (refus.status_code, f'<a href="#champ-{fautif}">' in refus.text) == (422, True)
    assert MOT_DE_PASSE not in refus.text
    decor.session.rollback()
    assert decor.session.scalars(select(Inscription)).all() == []


def test_qui_n_a_que_la_boite_ne_confirme_pas_le_compte_d_un_autre(decor: Decor) -> None:
    """Quelqu'un demande un compte au nom d'une autre, avec un mot de passe à lui : elle ne l'active pas d'un clic."""
    decor.demander(mot_de_passe=AUTRE)
    [(_, _, lien)] = decor.poster()
    refus = decor.confirmer(lien, MOT_DE_PASSE)
    assert (refus.status_code, '<a href="#champ-mot_de_passe">' in refus.text) == (422, True)
    assert decor.comptes() == []
    statuts = [decor.confirmer(lien, MOT_DE_PASSE).status_code for _ in range(7)]
    assert statuts == [422] * 7
    assert decor.client.get(f"/compte/confirmation/{lien}").status_code == 409, "huit essais, pas plus"
    decor.demander()
    [(_, _, sien)] = decor.poster()
    assert decor.confirmer(sien).status_code == 303, "la sienne marche"
    decor.session.execute(text("DELETE FROM echec_connexion"))
    decor.session.commit()
    decor.client.cookies.clear()
    assert decor.confirmer(lien, AUTRE).status_code == 404, "l’adresse a maintenant un compte"
    assert decor.comptes() == [ADRESSE]


def test_un_mauvais_secret_se_compte_et_un_lien_perime_ne_sert_plus(decor: Decor) -> None:
    decor.demander()
    [(_, _, lien)] = decor.poster()
    code = lien.partition(".")[0]
    for faux in ("inconnu.x", "sans-point", "é.x", f"{code}."):
        assert decor.client.get(f"/compte/confirmation/{faux}").status_code == 404
    assert [decor.client.get(f"/compte/confirmation/{code}.faux").status_code for _ in range(8)] == [404] * 7 + [409]
    decor.session.execute(text("DELETE FROM echec_connexion"))
    decor.session.execute(
        update(Inscription).values(cree_at=heure_machine() - timedelta(days=3), expire_at=heure_machine())
    )
    decor.session.commit()
    assert decor.client.get(f"/compte/confirmation/{lien}").status_code == 404
    purger_sessions(decor.session, heure_machine())
    assert decor.session.scalars(select(Inscription)).all() == []


def test_les_demandes_se_freinent_par_adresse_et_par_poste(decor: Decor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inscriptions, "DEMANDES_PAR_POSTE", 5)
    for _ in range(5):
        assert decor.demander().status_code == 303
    assert len(decor.poster()) == inscriptions.ENVOIS_PAR_ADRESSE
    trop = decor.demander()
    assert (trop.status_code, "Trop de comptes demandés" in trop.text) == (409, True)
    decor.session.execute(text("UPDATE echec_connexion SET a = a - interval '16 minutes'"))
    decor.session.execute(text("UPDATE inscription SET envoye_at = envoye_at - interval '61 minutes'"))
    decor.session.commit()
    assert decor.demander().status_code == 303
    assert len(decor.poster()) == 1


def test_un_courriel_refuse_se_note_et_se_rejoue(decor: Decor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sourde:
        def remettre(self, _: object) -> None:
            raise OSError("la messagerie ne répond pas")

    decor.demander()
    monkeypatch.setattr(mail, "messagerie_de", lambda _: Sourde())
    with pytest.raises(OSError, match="ne répond pas"):
        decor.poster()
    decor.session.rollback()
    gardee = decor.session.scalars(select(Inscription)).one()
    assert (gardee.envoye_at, "ne répond pas" in (gardee.derniere_erreur or "")) == (None, True)
    monkeypatch.undo()
    atelier = Atelier(decor.service.state.config, decor.service.state.fabrique)
    envoyer_inscription(atelier, maintenant=heure_machine(), inscription_id=gardee.id)
    decor.session.rollback()
    decor.session.expire_all()
    assert decor.session.scalars(select(Inscription.envoye_at)).one() is not None


def test_un_formulaire_d_un_autre_site_est_refuse(decor: Decor) -> None:
    for adresse in (PAGE, "/compte/confirmation/x.y"):
        envoi = decor.client.post(adresse, data={"courriel": ADRESSE}, headers={"Origin": "https://ailleurs.fr"})
        assert envoi.status_code == 403


def test_changer_son_nom(decor: Decor, compte: Compte) -> None:
    decor.connecter(compte)
    page = formulaire(decor.client.get("/compte"), "/compte/nom")
    refus = page.remplir(nom_affiche=" ").envoyer(decor.client)
    assert (refus.status_code, '<a href="#champ-nom_affiche">' in refus.text) == (422, True)
    assert page.remplir(nom_affiche="Camille N.").envoyer(decor.client).status_code == 303
    assert 'value="Camille N."' in decor.client.get("/compte").text
    assert "compte.nom_change" in actes(decor.session)


def test_changer_son_mot_de_passe_ferme_les_autres_sessions(decor: Decor, compte: Compte) -> None:
    ailleurs = decor.connecter(compte, client=ClientDirect(decor.service))
    decor.connecter(compte)
    page = formulaire(decor.client.get("/compte"), "/compte/mot-de-passe")
    for saisie, fautif in (
        ({"actuel": "faux", "nouveau": AUTRE, "confirmation": AUTRE}, "actuel"),
        ({"actuel": MOT_DE_PASSE, "nouveau": "court", "confirmation": "court"}, "nouveau"),
        ({"actuel": MOT_DE_PASSE, "nouveau": AUTRE, "confirmation": "x"}, "confirmation"),
    ):
        refus = page.remplir(**saisie).envoyer(decor.client)
        assert (refus.status_code, f'<a href="#champ-{fautif}">' in refus.text) == (422, True), refus.text
        assert f'id="champ-{fautif}"' in refus.text
        assert AUTRE not in refus.text
    change = page.remplir(actuel=MOT_DE_PASSE, nouveau=AUTRE, confirmation=AUTRE).envoyer(decor.client)
    assert change.status_code == 303
    assert decor.client.get("/compte").status_code == 200
    assert ailleurs.get("/compte").headers["location"] == "/connexion?retour=/compte"
    for mot_de_passe, statut in ((MOT_DE_PASSE, 422), (AUTRE, 303)):
        donnees = {"courriel": compte.courriel, "mot_de_passe": mot_de_passe}
        assert ailleurs.post("/connexion", data=donnees).status_code == statut


def test_le_mot_de_passe_actuel_ne_se_devine_pas(decor: Decor, compte: Compte) -> None:
    decor.connecter(compte)
    page = formulaire(decor.client.get("/compte"), "/compte/mot-de-passe")
    page.remplir(actuel="faux", nouveau=AUTRE, confirmation=AUTRE)
    assert [page.envoyer(decor.client).status_code for _ in range(9)] == [422] * 8 + [409]


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:133.0) Gecko/20100101 Firefox/133.0"
ANDROID = "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36"


def test_on_lit_ses_sessions_et_on_en_ferme_une(decor: Decor, compte: Compte) -> None:
    telephone = decor.connecter(compte, ANDROID, ClientDirect(decor.service))
    decor.connecter(compte, FIREFOX)
    with requetes(decor.service) as vues:
        page = decor.client.get("/compte")
    assert len(vues) <= 4
    assert "Firefox sur Windows" in page.text
    assert "Chrome sur Android" in page.text
    assert page.text.count("Cette session") == 1
    for fermeture in [f for f in formulaires(page) if f.action.endswith("/fermeture")]:
        assert compte.courriel not in fermeture.action
    rangee = page.text[page.text.index("Chrome sur Android") :]
    code = re.search(r"/compte/sessions/(\w+)/fermeture", rangee)
    assert code is not None
    fermer = formulaire(page, f"{code[1]}/fermeture")
    assert fermer.envoyer(decor.client).status_code == 303
    assert fermer.envoyer(decor.client).status_code == 404
    assert telephone.get("/compte").status_code == 303
    assert "Chrome sur Android" not in decor.client.get("/compte").text


def test_on_ferme_toutes_les_autres_mais_pas_celles_d_un_autre(decor: Decor, compte: Compte) -> None:
    voisin = un_compte(decor.session, nom="Voisin")
    voisin.mot_de_passe = hacher(MOT_DE_PASSE)
    decor.session.commit()
    chez_lui = decor.connecter(voisin, client=ClientDirect(decor.service))
    autres = [decor.connecter(compte, client=ClientDirect(decor.service)) for _ in range(2)]
    decor.connecter(compte)
    page = decor.client.get("/compte")
    sienne = next(s for s in decor.session.scalars(select(SessionWeb)) if s.compte_id == voisin.id)
    vole = formulaire(page, "/compte/nom")
    vole.action = f"/compte/sessions/{sessions.code_public(sienne.empreinte)}/fermeture"
    assert vole.envoyer(decor.client).status_code == 404
    assert formulaire(page, "/compte/sessions/fermeture").envoyer(decor.client).status_code == 303
    assert decor.client.get("/compte").status_code == 200
    assert [c.get("/compte").status_code for c in autres] == [303, 303]
    assert chez_lui.get("/compte").status_code == 200


def test_une_session_fermee_ailleurs_pendant_une_saisie_ne_perd_rien(decor: Decor, compte: Compte) -> None:
    autre = decor.connecter(compte, FIREFOX, ClientDirect(decor.service))
    decor.connecter(compte, ANDROID)
    adresse = f"/organisations/nouvelle/identite?siret={siret_fictif(70)}"
    saisie = formulaire(decor.client.get(adresse), "/organisations/nouvelle").remplir(nom="Les Jardins du Drouot")
    formulaire(autre.get("/compte"), "/compte/sessions/fermeture").envoyer(autre)
    perdu = saisie.envoyer(decor.client)
    assert (perdu.status_code, "Votre saisie est gardée" in perdu.text) == (401, True)
    reprise = formulaire(perdu, "/connexion").remplir(courriel=compte.courriel, mot_de_passe=MOT_DE_PASSE)
    rendue = formulaire(reprise.envoyer(decor.client), "/organisations/nouvelle")
    assert rendue.valeur("nom") == "Les Jardins du Drouot"


def rangee(decor: Decor) -> SessionWeb:
    decor.session.rollback()
    decor.session.expire_all()
    return decor.session.scalars(select(SessionWeb)).one()


def vieillir(decor: Decor, duree: timedelta, *, limite: datetime | None = None) -> None:
    """Recule le dernier usage noté."""
    valeurs: dict[str, datetime] = {"vue_at": heure_machine() - duree}
    if limite is not None:
        valeurs |= {"limite_at": limite, "expire_at": limite}
    decor.session.execute(update(SessionWeb).values(**valeurs))
    decor.session.commit()


def test_une_session_glisse_a_l_usage_au_plus_une_fois_par_heure(decor: Decor, compte: Compte) -> None:
    config = decor.service.state.config
    decor.connecter(compte, FIREFOX)
    ouverte = rangee(decor)
    assert ouverte.limite_at - ouverte.cree_at == timedelta(days=config.session_max_jours)
    assert ouverte.expire_at - ouverte.cree_at == timedelta(hours=config.session_heures)
    avant = ouverte.expire_at
    vieillir(decor, timedelta(minutes=59))
    with requetes(decor.service) as vues:
        decor.client.get("/compte")
    assert [v for v in vues if v.startswith("UPDATE")] == []
    assert rangee(decor).expire_at == avant
    vieillir(decor, timedelta(minutes=61))
    with requetes(decor.service) as vues:
        for _ in range(3):
            decor.client.get("/compte")
    assert len([v for v in vues if v.startswith("UPDATE session_web")]) == 1
    apres = rangee(decor)
    assert apres.expire_at > avant
    assert apres.expire_at - apres.vue_at == timedelta(hours=config.session_heures)


def test_une_session_ne_glisse_pas_au_dela_de_sa_limite(decor: Decor, compte: Compte) -> None:
    decor.connecter(compte)
    limite = heure_machine() + timedelta(minutes=5)
    vieillir(decor, timedelta(hours=2), limite=limite)
    assert decor.client.get("/compte").status_code == 200
    assert rangee(decor).expire_at == limite
    vieillir(decor, timedelta(hours=2), limite=heure_machine() - timedelta(seconds=1))
    assert decor.client.get("/compte").status_code == 303, "une session finie ne se réveille pas"
    assert rangee(decor).expire_at < heure_machine()


def test_le_temoin_survit_a_la_session_et_sa_rangee_un_jour(decor: Decor, compte: Compte) -> None:
    """Un formulaire envoyé trop tard dit encore de qui il vient : le navigateur garde le témoin, la base la rangée."""
    donnees = {"courriel": compte.courriel, "mot_de_passe": MOT_DE_PASSE}
    reponse = decor.client.post("/connexion", data=donnees)
    duree = re.search(r"Max-Age=(\d+)", reponse.headers["set-cookie"])
    assert duree is not None
    assert int(duree[1]) == (decor.service.state.config.session_max_jours + 1) * 86_400
    machine = heure_machine()
    decor.session.execute(update(SessionWeb).values(expire_at=machine))
    purger_sessions(decor.session, machine + timedelta(hours=23))
    assert rangee(decor).empreinte == empreinte_secret(decor.client.cookies[TEMOIN])
    purger_sessions(decor.session, machine + timedelta(days=32))
    assert decor.session.scalars(select(SessionWeb)).all() == []
