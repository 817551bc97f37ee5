"""La session n'est plus celle du formulaire (finie, fermée ou rouverte dans un autre onglet) : la saisie revient."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape

import pytest
from httpx2 import Response
from sqlalchemy import select, update

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.infra.heure import heure_machine
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, SessionWeb
from app.referentiels.acteurs.service import hacher
from tests import factories as f
from tests.etapes.dossier.aide_pages import Formulaire, formulaire, formulaires
from tests.etapes.dossier.conftest import Decor
from tests.fichiers.aide_fichiers import un_pdf

MOT_DE_PASSE = "une phrase assez longue"
EMPREINTE = hacher(MOT_DE_PASSE)
TAPE = "Un texte tapé pendant tout ce temps (fictif)."
ENVOYER = "Envoyer ce que vous avez tapé"
D_ICI = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Ouverte:
    """Une page ouverte et remplie : ce qu'elle enverrait, et où relire ce qui en est enregistré."""

    page: Formulaire
    relue: str
    decor: Decor

    def enregistre(self) -> bool:
        """Vrai si le texte est enregistré (une saisie seulement gardée n'est pas relue ici)."""
        return TAPE in unescape(self.decor.client.get(self.relue).text)


def _etape(decor: Decor) -> Ouverte:
    dossier = un_brouillon(decor)
    adresse = f"/dossiers/{dossier.reference}/etapes/projet"
    page = formulaire(decor.client.get(adresse), "/etapes/projet").remplir(besoin=TAPE, acte="enregistrer")
    return Ouverte(page, adresse, decor)


def _fiche(decor: Decor) -> Ouverte:
    adresse = f"/organisations/{decor.organisation.code}/fiche/reseaux"
    page = formulaire(decor.client.get(adresse), "/fiche/reseaux").remplir(reseaux=TAPE)
    return Ouverte(page, adresse, decor)


def _message(decor: Decor) -> Ouverte:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    adresse = f"/dossiers/{dossier.numero}/messages"
    return Ouverte(formulaire(decor.client.get(adresse), "/messages").remplir(texte=TAPE), adresse, decor)


def un_brouillon(decor: Decor) -> Dossier:
    dossier = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027)
    )
    decor.session.commit()
    return dossier


@pytest.fixture(params=[_etape, _fiche, _message], ids=["étape", "fiche", "message"])
def ouverte(decor: Decor, request: pytest.FixtureRequest) -> Ouverte:
    ouvrir: Callable[[Decor], Ouverte] = request.param
    decor.compte.mot_de_passe = EMPREINTE
    decor.session.commit()
    return ouvrir(decor)


def reconnecter(decor: Decor, compte: Compte | None = None) -> None:
    """Dans un autre onglet du même navigateur : le témoin change, la page reste ouverte."""
    f.connecter(decor.client, decor.session, compte or decor.compte, maintenant=f.MAINTENANT)


def finir(decor: Decor) -> None:
    """Le temps a passé."""
    decor.session.execute(update(SessionWeb).values(expire_at=heure_machine() - timedelta(minutes=1)))
    decor.session.commit()


def se_deconnecter(decor: Decor) -> None:
    """Dans un autre onglet : la session est effacée et le témoin retiré."""
    autre_onglet = formulaire(decor.client.get("/organisations"), "/deconnexion")
    assert "Max-Age=0" in autre_onglet.envoyer(decor.client).headers["set-cookie"]
    decor.client.cookies.clear()  # posé sans domaine par l'essai : le client ne sait pas l'ôter lui-même


def entrer(decor: Decor, refus: Response, compte: Compte | None = None) -> Response:
    """Le formulaire de connexion de la page, rempli et envoyé."""
    page = formulaire(refus, "/connexion").remplir(
        courriel=(compte or decor.compte).courriel, mot_de_passe=MOT_DE_PASSE
    )
    return page.envoyer(decor.client)


def envoyer(decor: Decor, page: Formulaire, **entetes: str) -> Response:
    return decor.client.post(page.action, data=_multiple(page.champs), headers=D_ICI | entetes)


def _multiple(paires: list[tuple[str, str]]) -> dict[str, list[str]]:
    rendu: dict[str, list[str]] = {}
    for nom, valeur in paires:
        rendu.setdefault(nom, []).append(valeur)
    return rendu


def lue(reponse: Response) -> str:
    """Le texte de la page, espaces insécables lus comme des espaces."""
    nue = unescape(re.sub(r"<[^>]+>", " ", reponse.text))
    return " ".join(nue.replace("\u00a0", " ").replace("\u202f", " ").split())


def test_reconnecte_dans_un_autre_onglet_on_relit_et_on_envoie_d_un_clic(decor: Decor, ouverte: Ouverte) -> None:
    reconnecter(decor)
    refus = envoyer(decor, ouverte.page)
    assert refus.status_code == 403
    assert TAPE in lue(refus)
    assert ENVOYER in lue(refus)
    assert f"Vous êtes connecté en tant que {decor.compte.nom_affiche}." in lue(refus)
    assert not ouverte.enregistre(), "rien ne part sans un clic"
    assert formulaire(refus, ouverte.page.action).envoyer(decor.client).status_code == 303
    assert ouverte.enregistre()


@pytest.mark.parametrize("cesser", [finir, se_deconnecter])
def test_session_finie_ou_fermee_ailleurs_la_connexion_rend_la_saisie(
    decor: Decor, ouverte: Ouverte, cesser: Callable[[Decor], None]
) -> None:
    cesser(decor)
    refus = envoyer(decor, ouverte.page)
    assert refus.status_code == 401
    assert TAPE not in refus.text, "chiffrée : rien ne se lit sans se connecter"
    retrouvee = entrer(decor, refus)
    assert TAPE in lue(retrouvee)
    assert not ouverte.enregistre()
    assert formulaire(retrouvee, ouverte.page.action).envoyer(decor.client).status_code == 303
    assert ouverte.enregistre()


@pytest.mark.parametrize("entete", [{"Origin": "https://ailleurs.invalid"}, {"Sec-Fetch-Site": "cross-site"}])
def test_un_autre_site_n_obtient_ni_page_a_cliquer_ni_jeton(
    decor: Decor, ouverte: Ouverte, entete: dict[str, str]
) -> None:
    reconnecter(decor)
    for accepte in ("text/html", "application/json"):
        refus = envoyer(decor, ouverte.page, Accept=accepte, **entete)
        assert refus.status_code == 403
        assert "autre site" in refus.text
        assert TAPE not in refus.text
        assert not [x for x in formulaires(refus) if x.action == ouverte.page.action]
    decor.client.cookies.clear()
    sans_temoin = envoyer(decor, ouverte.page, **entete)
    assert (sans_temoin.status_code, sans_temoin.headers["location"]) == (303, "/connexion?retour=/")


def test_un_autre_compte_est_prevenu_et_le_premier_retrouve_sa_saisie(decor: Decor, ouverte: Ouverte) -> None:
    """Le second n'a même pas le rôle : son refus ne mange pas ce que le premier tapait."""
    autre = f.un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    reconnecter(decor, autre)
    refus = envoyer(decor, ouverte.page)
    assert refus.status_code == 403
    assert "Vous aviez tapé ceci avec un autre compte" in lue(refus)
    assert f"Vous êtes connecté en tant que {autre.nom_affiche}" in lue(refus)
    retrouvee = entrer(decor, refus)
    assert "avec un autre compte" not in lue(retrouvee)
    assert formulaire(retrouvee, ouverte.page.action).envoyer(decor.client).status_code == 303
    assert ouverte.enregistre()


def test_deconnecte_ailleurs_un_autre_compte_ne_voit_pas_la_saisie(decor: Decor) -> None:
    autre = f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    autre.mot_de_passe = EMPREINTE
    decor.session.commit()
    page = _fiche(decor).page
    se_deconnecter(decor)
    entree = entrer(decor, envoyer(decor, page), autre)
    assert (entree.status_code, entree.headers["location"]) == (303, "/accueil")


def test_deja_reconnecte_ailleurs_la_page_de_connexion_rend_ce_qu_elle_gardait(decor: Decor) -> None:
    decor.compte.mot_de_passe = EMPREINTE
    page = _fiche(decor).page
    finir(decor)
    refus = envoyer(decor, page)
    reconnecter(decor)
    retrouvee = entrer(decor, refus)
    assert retrouvee.status_code == 403
    assert TAPE in lue(retrouvee)
    assert formulaire(retrouvee, page.action).valeur("reseaux") == TAPE
    assert MOT_DE_PASSE not in retrouvee.text


def test_un_fichier_est_a_redonner_et_part_avec_le_message(decor: Decor) -> None:
    ouverte = _message(decor)
    reconnecter(decor)
    joint = {"fichier": ("devis.pdf", un_pdf(), "application/pdf")}
    refus = decor.client.post(ouverte.page.action, data=_multiple(ouverte.page.champs), files=joint, headers=D_ICI)
    assert refus.status_code == 403
    assert "À redonner : devis.pdf" in lue(refus)
    rendue = formulaire(refus, ouverte.page.action)
    corps = _multiple([(nom, v) for nom, v in rendue.champs if nom != "fichier"])
    assert decor.client.post(rendue.action, data=corps, files=joint).status_code == 303
    assert decor.session.scalars(select(Message.texte)).all() == [TAPE]
    assert decor.session.scalars(select(FichierDossier.intitule)).all()


def test_un_bouton_seul_n_est_pas_rejoue_et_un_mot_de_passe_n_est_pas_remontre(decor: Decor) -> None:
    compte = decor.client.get("/compte")
    sortie, change = formulaire(compte, "/deconnexion"), formulaire(compte, "/mot-de-passe")
    change.remplir(actuel=MOT_DE_PASSE, nouveau="une autre phrase assez longue", confirmation="rien à voir du tout")
    reconnecter(decor)
    for page in (sortie, change):
        refus = envoyer(decor, page)
        assert (refus.status_code, ENVOYER in refus.text) == (403, False)
        assert "phrase assez longue" not in refus.text


def au_fil(decor: Decor, dossier: Dossier, page: Formulaire, **entetes: str) -> Response:
    """Ce que la page envoie d'elle-même."""
    corps = [(nom, v) for nom, v in page.champs if nom in {"_csrf", "besoin", "v.besoin"}]
    adresse = f"/dossiers/{dossier.reference}/etapes/projet/champs"
    return decor.client.post(adresse, data=_multiple(corps), headers=D_ICI | {"Accept": "application/json"} | entetes)


def test_l_enregistrement_au_fil_repart_avec_un_jeton_neuf_pour_le_meme_compte(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/etapes/projet"), "/etapes/projet")
    page.remplir(besoin=TAPE)
    reconnecter(decor)
    refus = au_fil(decor, dossier, page)
    assert (refus.status_code, refus.json()["code"]) == (403, "jeton_perime")
    page.remplir(_csrf=refus.json()["jeton"])
    assert au_fil(decor, dossier, page).status_code == 200
    assert repository.contenu(decor.session, dossier.id)["besoin"] == TAPE
    se_deconnecter(decor)
    sans_session = au_fil(decor, dossier, page)
    assert (sans_session.status_code, sans_session.json()["code"]) == (401, "connexion_requise")


def test_l_enregistrement_au_fil_n_ecrit_pas_au_nom_d_un_autre_compte(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/etapes/projet"), "/etapes/projet")
    autre = f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    reconnecter(decor, autre)
    refus = au_fil(decor, dossier, page.remplir(besoin=TAPE))
    assert (refus.status_code, refus.json()["code"]) == (403, "jeton_perime")
    assert "jeton" not in refus.json()
    assert autre.nom_affiche in refus.json()["detail"]


def test_une_saisie_trop_longue_dit_comment_la_retrouver(decor: Decor) -> None:
    page = _fiche(decor).page.remplir(reseaux=["Fédération fictive. " * 20_000] * 3)
    finir(decor)
    refus = envoyer(decor, page)
    assert refus.status_code == 401
    assert "trop longue pour être gardée" in lue(refus)
    assert "Votre saisie est gardée" not in lue(refus)
    reconnecter(decor)
    assert ENVOYER in envoyer(decor, page).text
