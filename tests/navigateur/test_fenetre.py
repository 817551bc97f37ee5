"""La fenêtre d'essai voit ce qu'elle prétend voir : chaque page fautive, servie exprès, fait échouer."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

from app.infra.intergiciels import CSP
from tests.factories import MAINTENANT
from tests.navigateur.aide_fenetre import TELEPHONE, Fenetre
from tests.navigateur.conftest import Ouvrir

pytestmark = pytest.mark.navigateur
PAGE = (
    '<!doctype html><html lang="fr"><head><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>Essai — Initiatives Quartiers</title></head><body><main><h1>Essai</h1>{}</main></body></html>"
)
FAUTES = (
    ("<p style='color:black'>Un style en ligne.</p>", "Content Security Policy", True),
    ("<p style='color:black'>Un style en ligne.</p>", "Content Security Policy", False),
    ("<script>1</script>", "Content Security Policy", True),
    ("<img alt='' src='http://ailleurs.invalid/x.png'>", "requête hors du service : http://ailleurs.invalid/x", True),
    ("<input name='sans_libelle'>", "Form elements must have labels", True),
    ("<noscript><input name='sans_libelle'></noscript>", "Form elements must have labels", False),
    ("<p><font color='#cccccc'>Un texte pâle.</font></p>", "minimum color contrast", True),
    ("<p><font color='#bbbbbb'>Un texte pâle.</font></p>", "minimum color contrast", False),
    ("<h1>Un second titre</h1>", "2 h1", True),
    (f"<p>{'débordement' * 40}</p>", "déborde à 375 px", True),
    ("<img alt='' src='/static/absente.png'>", "statut 404", True),
)


def servir(f: Fenetre, corps: str, statut: int = 200) -> None:
    """Fait répondre cette page à l'adresse /fautive."""

    def repondre(route: Route) -> None:
        entetes = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CSP}
        route.fulfill(status=statut, headers=entetes, body=PAGE.format(corps))

    f.page.route(f.adresse + "/fautive", repondre)


@pytest.mark.parametrize("scripts", [True, False], ids=["avec les scripts", "sans scripts"])
def test_chaque_page_fautive_fait_echouer(ouvrir: Ouvrir, scripts: bool) -> None:
    with ouvrir(TELEPHONE, MAINTENANT, scripts=scripts) as f:
        for corps, phrase, avec_scripts in FAUTES:
            if avec_scripts is scripts:
                servir(f, corps)
                with pytest.raises(AssertionError, match=phrase):
                    lire(f, axe=corps.startswith(("<input", "<noscript", "<p><font")))
                f.page.unroute(f.adresse + "/fautive")
                f.ennuis.clear()


def lire(f: Fenetre, *, axe: bool) -> None:
    """Ouvre la page fautive, et attend ce que le navigateur n'en dit qu'après l'avoir montrée."""
    f.aller("/fautive", axe=axe)
    f.page.wait_for_load_state("networkidle")
    f.finir()


@pytest.mark.parametrize("scripts", [True, False], ids=["avec les scripts", "sans scripts"])
def test_une_page_juste_passe(ouvrir: Ouvrir, scripts: bool) -> None:
    with ouvrir(TELEPHONE, MAINTENANT, scripts=scripts) as f:
        servir(f, "<p>Rien à redire.</p>")
        f.aller("/fautive")


def test_un_texte_pale_se_voit_meme_replie_sur_une_page_deja_jugee(ouvrir: Ouvrir) -> None:
    """Le contraste ne se rejuge pas pour un style déjà vu ; un texte caché n'est pas « vu »."""
    pale = "<details{}><summary>Plus</summary><p><font color='#aaaaaa'>Un texte pâle.</font></p></details>"
    with ouvrir(TELEPHONE, MAINTENANT) as f:
        servir(f, pale.format(""))
        f.aller("/fautive")
        f.page.unroute(f.adresse + "/fautive")
        servir(f, pale.format(" open"))
        with pytest.raises(AssertionError, match="minimum color contrast"):
            f.aller("/fautive")


def test_une_erreur_du_service_fait_echouer(ouvrir: Ouvrir) -> None:
    def lire() -> None:
        with ouvrir(TELEPHONE, MAINTENANT) as f:
            servir(f, "", statut=500)
            f.aller("/fautive")

    with pytest.raises(AssertionError, match="statut 500"):
        lire()


def test_un_refus_attendu_qui_ne_vient_pas_fait_echouer(ouvrir: Ouvrir) -> None:
    with ouvrir(TELEPHONE, MAINTENANT) as f:
        f.aller("/connexion")
        with pytest.raises(AssertionError, match="aucune réponse"):
            f.suivre(f.page.get_by_role("link", name="Initiatives Quartiers"), refus=422)
