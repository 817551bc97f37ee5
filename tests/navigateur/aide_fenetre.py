"""Une fenêtre de Chromium qui juge chaque page : axe, titre, débordement, console, statuts, hôte."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from app.infra.acces import TEMOIN
from app.infra.clock import ENTETE_HORLOGE
from tests.lieu import deja_juges

TELEPHONE = (375, 812)
BUREAU = (1280, 900)
CAPTURES = Path(__file__).resolve().parents[2] / "captures"
DELAI = 20_000  # millisecondes
COINS = tuple((taille, scripts) for taille in (TELEPHONE, BUREAU) for scripts in (True, False))
AXE = Axe().axe_script
CONTRASTE = "color-contrast"
REGLES_AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {CONTRASTE: {"enabled": False}},  # à part, sur les seules encres jamais vues : `_contrastes`
    "resultTypes": ["violations"],
}
REGLES_CONTRASTE = {"runOnly": {"type": "rule", "values": [CONTRASTE]}, "resultTypes": ["violations"]}
# Ce qui dépend de la mise en page, donc de la largeur, même quand les deux largeurs montrent les mêmes éléments.
REGLES_LARGEUR = {
    "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
# L'encre de chaque texte visible : couleur, fonds empilés, opacité, taille, graisse ; le contraste ne tient qu'à eux.
_ENCRES = """() => {
  const porte = (e) => /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName)
    || [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  const fonds = new Map([[null, ""]]);
  const fond = (e) => {
    if (!fonds.has(e)) {
      const s = getComputedStyle(e), couleur = s.backgroundColor, opaque = /^rgb\\(/.test(couleur);
      const dessous = opaque && s.backgroundImage === "none" && s.opacity === "1" ? "" : fond(e.parentElement);
      fonds.set(e, `${couleur} ${s.backgroundImage} ${s.opacity} / ${dessous}`);
    }
    return fonds.get(e);
  };
  window.encres = [...document.body.querySelectorAll("*")].filter((e) => porte(e) && e.checkVisibility());
  return window.encres.map((e) => {
    const s = getComputedStyle(e);
    return [s.color, s.fontSize, s.fontWeight, s.textShadow, fond(e)].join(" | ");
  });
}"""
# Ce qui se voit dans la page, puis autour d'elle (en-tête, menus, pied : presque partout les mêmes).
_VISIBLES = """() => {
  const vus = (e) => [...e.querySelectorAll("*")].map((n) => Number(n.checkVisibility())).join("");
  const [page, autour] = [[], []];
  for (const e of document.body.children) (e.matches("main") || e.querySelector("main") ? page : autour).push(e);
  return [page.map(vus).join(" "), autour.map(vus).join(" "), autour.map((e) => e.outerHTML).join("")];
}"""
_LANCER = "regles => axe.run(regles).then((r) => r.violations)"
_LANCER_SUR = """([rangs, regles]) => axe.run({include: rangs.map((n) => window.encres[n])}, regles)
  .then((r) => r.violations)"""
# Chromium redit ainsi le statut d'une réponse : c'est la réponse elle-même que la fenêtre juge.
_STATUT_REDIT = re.compile(r"^Failed to load resource: the server responded with a status of 4\d\d")
_NOSCRIPT = re.compile(r"<(/?)noscript>")
_SCRIPTS = re.compile(r"<script [^>]*></script>")
_MOTS = re.compile(r">[^<>]*[^<>\s][^<>]*<")
_VALEURS = re.compile(r' (?:value|href|action|content|data-[\w-]+)="[^"]+"')
_VUS: set[object] = set()


def premiere_fois(objet: object) -> bool:
    """Vrai la première fois de tout le lancement : les deux processus d'essai ne jugent pas deux fois la même page."""
    if objet in _VUS:
        return False
    _VUS.add(objet)
    try:
        (deja_juges() / sha256(repr(objet).encode()).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def aux_coins(*coins: tuple[tuple[int, int], bool]) -> pytest.MarkDecorator:
    """Joue un parcours à ces coins (taille, scripts) ; aux quatre avec IQ_COINS=tous (`make endurance`).

    Choix du projet : deux coins opposés voient les deux tailles et les deux façons, en deux fois moins de temps.
    """
    joues = COINS if os.environ.get("IQ_COINS") == "tous" else coins
    noms = [f"{taille[0]}, {'avec' if scripts else 'sans'} scripts" for taille, scripts in joues]
    return pytest.mark.parametrize(("taille", "scripts"), joues, ids=noms)


def lu(element: Locator) -> str:
    """Le texte visible, les espaces insécables de la typographie française rendues ordinaires."""
    return element.inner_text().replace("\u00a0", " ").replace("\u202f", " ")


@dataclass
class Fenetre:
    """Une page du navigateur et tout ce qui s'y est mal passé depuis son ouverture."""

    page: Page
    adresse: str
    miroir: Page | None
    largeur: int
    ennuis: list[str] = field(default_factory=list)
    refus_attendus: list[int] = field(default_factory=list)
    pages_jugees: list[str] = field(default_factory=list)

    @property
    def a_javascript(self) -> bool:
        """Faux quand les scripts sont éteints : axe passe alors sur une copie de la page."""
        return self.miroir is None

    def ecouter(self) -> None:
        """Note ce qui ne doit jamais arriver ; `finir` le dira."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda erreur: self.ennuis.append(f"script : {erreur}"))
        self.page.on("request", self._requete)
        self.page.on("requestfailed", self._echec)
        self.page.on("response", self._reponse)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _STATUT_REDIT.match(message.text):
            self.ennuis.append(f"console ({message.type}) : {message.text}")

    def _requete(self, requete: Request) -> None:
        if not requete.url.startswith((self.adresse + "/", "data:", "blob:")):
            self.ennuis.append(f"requête hors du service : {requete.url}")

    def _echec(self, requete: Request) -> None:
        if requete.resource_type == "fetch" and requete.failure == "net::ERR_ABORTED":
            return  # le direct relisait la page qu'on vient de quitter
        self.ennuis.append(f"requête sans réponse : {requete.url} ({requete.failure})")

    def _reponse(self, reponse: Response) -> None:
        if reponse.status < 400:
            return
        if reponse.status in self.refus_attendus:
            self.refus_attendus.remove(reponse.status)
        else:
            self.ennuis.append(f"statut {reponse.status} : {reponse.request.method} {reponse.url}")

    # --- agir -------------------------------------------------------------------------------------------------------

    def aller(self, chemin: str, *, axe: bool = True) -> None:
        """Ouvre une adresse du service et juge la page."""
        self.page.goto(self.adresse + chemin)
        self.juger(axe=axe)

    def redimensionner(self, taille: tuple[int, int]) -> None:
        """Change la largeur de la fenêtre sans recharger la page."""
        self.largeur = taille[0]
        self.page.set_viewport_size({"width": taille[0], "height": taille[1]})

    def bouton(self, nom: str) -> Locator:
        """Le bouton de ce nom exact, le dernier de la page : le premier d’un formulaire sert à la touche Entrée."""
        return self.page.get_by_role("button", name=nom, exact=True).last

    def lien(self, nom: str) -> Locator:
        """Le premier lien de ce nom."""
        return self.page.locator("main").get_by_role("link", name=nom).first

    def suivre(self, cible: Locator, *, refus: int | None = None) -> None:
        """Clique, attend la page suivante, la juge. `refus` : le statut d'erreur attendu."""
        if refus is not None:
            self.refus_attendus.append(refus)
        with self.page.expect_navigation():
            cible.click()
        self.juger()
        assert not self.refus_attendus, f"aucune réponse {self.refus_attendus} à {self.page.url}"

    def ecrire(self, nom: str, texte: str) -> None:
        """Va dans le champ de ce nom (« champ-<nom> ») au pointeur, efface et écrit (la frappe : `test_clavier`)."""
        champ = self.page.locator(f'[id="champ-{nom}"]')
        champ.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(texte)
        assert champ.input_value() == texte

    def ecrire_date(self, nom: str, annee: int, mois: int, jour: int) -> None:
        """Tape une date chiffre à chiffre. Chromium range jour et mois selon sa langue : l’ordre français d’abord."""
        champ = self.page.locator(f'[id="champ-{nom}"]')
        attendu = f"{annee}-{mois:02d}-{jour:02d}"
        for premier, second in ((jour, mois), (mois, jour)):
            champ.focus()
            self.page.keyboard.type(f"{premier:02d}{second:02d}{annee}")
            if champ.input_value() == attendu:
                return
            champ.blur()
        raise AssertionError(f"{nom} : « {champ.input_value()} » au lieu de {attendu}")

    def choisir(self, nom: str, libelle: str) -> None:
        """Choisit dans une liste par son libellé."""
        self.page.locator(f'select[name="{nom}"]').select_option(label=libelle)

    def cocher(self, nom: str, valeur: str) -> None:
        """Coche en cliquant le libellé ; déplie d'abord ce qui le cache."""
        case = self.page.locator(f'input[name="{nom}"][value="{valeur}"]:not([type="hidden"])').first
        repli = self.page.locator("details", has=case)
        if repli.count() and repli.first.get_attribute("open") is None:
            repli.first.locator("summary").first.click()
        self.page.locator(f'label[for="{case.get_attribute("id")}"]').click()
        assert case.is_checked()

    # --- juger ------------------------------------------------------------------------------------------------------

    def juger(self, *, axe: bool = True) -> None:
        """La page est lisible par tous : un titre, un seul h1, rien qui déborde, aucune violation d'axe."""
        self.finir()
        chemin = self.page.url.removeprefix(self.adresse)
        titre, h1 = self.page.title(), self.page.locator("h1")
        assert titre.endswith(" — Initiatives Quartiers"), f"{chemin} : titre « {titre} »"
        assert h1.count() == 1, f"{chemin} : {h1.count()} h1"
        self._verifier_la_largeur(chemin)
        regles = self._regles() if axe else None
        violations = [_dire(v) for v in self._axe(regles)] if regles is not None else []
        assert not violations, f"{chemin}\n" + "\n".join(violations)
        self.pages_jugees.append(chemin)

    def _regles(self) -> dict[str, Any] | None:
        """Les règles d'axe à passer sur cette page ; None si tout y est déjà jugé.

        Axe ne dépend pas des mots : ce qui est bâti comme une page déjà vue à cette largeur (mêmes balises, classes,
        noms et `noscript` visibles) est jugé. Vue à l'autre largeur avec les mêmes éléments visibles, seule la mise en
        page reste à juger. Choix du projet : axe prend la moitié de ces essais.
        """
        contenu = self.page.content()
        structure = _batie(contenu)
        avec_script = self.a_javascript or "<noscript" not in contenu
        ici = (self.largeur, avec_script, structure)
        if not premiere_fois(ici):
            return None
        dedans, dehors, entoure = self.page.evaluate(_VISIBLES)
        neuve = premiere_fois((dedans, avec_script, structure))
        entouree = premiere_fois((dehors, avec_script, _batie(entoure)))
        return REGLES_AXE if neuve or entouree else REGLES_LARGEUR

    def _verifier_la_largeur(self, chemin: str) -> None:
        trop = self.page.evaluate(
            """() => {
              const large = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= large) return [];
              const dehors = [...document.querySelectorAll("body *")]
                .filter((e) => e.getBoundingClientRect().right > large + 1 && !e.closest(".hors-vue"))
                .sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right);
              return ["la page", ...dehors.map((e) => e.outerHTML.slice(0, 120)).slice(0, 3)];
            }"""
        )
        assert not trop, f"{chemin} déborde à {self.largeur} px : {trop}"

    def _axe(self, regles: dict[str, Any]) -> list[dict[str, Any]]:
        """Axe sur la page ; scripts éteints, sur sa copie dans une fenêtre qui en a (axe attend des minuteries)."""
        page = self.page
        if self.miroir is not None:
            self._copier(self.miroir)
            page = self.miroir
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE)
        violations: list[dict[str, Any]] = page.evaluate(_LANCER, regles)
        return violations + self._contrastes(page)

    def _contrastes(self, page: Page) -> list[dict[str, Any]]:
        """Le contraste des textes dont l'encre n'a pas encore été jugée. Choix du projet : c'est le plus long d'axe."""
        neuves: dict[str, int] = {}
        for rang, encre in enumerate(page.evaluate(_ENCRES)):
            if encre not in neuves and premiere_fois(encre):
                neuves[encre] = rang
        violations: list[dict[str, Any]] = []
        if neuves:
            violations = page.evaluate(_LANCER_SUR, [sorted(neuves.values()), REGLES_CONTRASTE])
        return violations

    def _copier(self, miroir: Page) -> None:
        """Montre dans l'autre fenêtre la page telle qu'on la voit sans scripts, `noscript` compris ; axe y reste."""
        if not miroir.url.startswith(self.adresse):
            adresse = f"{self.adresse}/miroir"
            miroir.route(adresse, lambda route: route.fulfill(status=200, content_type="text/html", body=""))
            miroir.goto(adresse)
        miroir.set_content(_SCRIPTS.sub("", _NOSCRIPT.sub(r"<\1div>", self.page.content())))

    def resume(self) -> Locator:
        """Le résumé d'erreurs ; le titre le dit ; le focus y est, sauf si l'adresse mène à un champ ou sans scripts."""
        resume = self.page.locator(".resume-erreurs")
        assert resume.is_visible()
        assert self.page.title().startswith("Erreur\u00a0: ")
        if self.a_javascript and "#" not in self.page.url:
            assert resume.evaluate("e => e === document.activeElement")
        return resume

    def capturer(self, nom: str) -> None:
        """Avec IQ_CAPTURES, garde l'image de la page entière dans captures/ (ignoré de git)."""
        if "IQ_CAPTURES" not in os.environ:
            return
        CAPTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=CAPTURES / f"{nom}-{self.largeur}.png", full_page=True)

    def finir(self) -> None:
        """Échoue si quoi que ce soit s'est mal passé jusqu'ici."""
        assert not self.ennuis, "\n".join(self.ennuis)


def _batie(html: str) -> str:
    """L'empreinte de ce dont une page est bâtie, sans ses mots ni ses valeurs."""
    return sha256(_VALEURS.sub("", _MOTS.sub(">x<", html)).encode()).hexdigest()


def _dire(violation: dict[str, Any]) -> str:
    noeuds = "\n    ".join(n["html"][:200] + " | " + (n["failureSummary"] or "") for n in violation["nodes"][:3])
    return f"  {violation['id']} ({violation['impact']}) : {violation['help']}\n    {noeuds}"


def _contexte(
    navigateur: Browser, adresse: str, taille: tuple[int, int], horloge: str, temoin: str | None, *, scripts: bool
) -> BrowserContext:
    largeur, hauteur = taille
    contexte = navigateur.new_context(
        base_url=adresse,
        viewport={"width": largeur, "height": hauteur},
        locale="fr-FR",
        timezone_id="Europe/Paris",
        java_script_enabled=scripts,
        has_touch=taille == TELEPHONE,
        is_mobile=taille == TELEPHONE,
        reduced_motion="reduce",
        extra_http_headers={ENTETE_HORLOGE: horloge},
    )
    contexte.set_default_timeout(DELAI)
    if temoin is not None:
        contexte.add_cookies([{"name": TEMOIN, "value": temoin, "url": adresse, "httpOnly": True, "sameSite": "Lax"}])
    return contexte


@contextmanager
def une_fenetre(
    navigateur: Browser,
    adresse: str,
    taille: tuple[int, int],
    horloge: str,
    *,
    temoin: str | None = None,
    scripts: bool = True,
) -> Iterator[Fenetre]:
    """Une fenêtre neuve (son témoin, son horloge) ; à la sortie, échoue sur tout ce qui s'y est mal passé."""
    contexte = _contexte(navigateur, adresse, taille, horloge, temoin, scripts=scripts)
    copie = None if scripts else _contexte(navigateur, adresse, taille, horloge, None, scripts=True)
    try:
        miroir = copie.new_page() if copie is not None else None
        fenetre = Fenetre(contexte.new_page(), adresse, miroir, taille[0])
        fenetre.ecouter()
        yield fenetre
        fenetre.finir()
    finally:
        for ouvert in (contexte, copie):
            if ouvert is not None:
                ouvert.close()
