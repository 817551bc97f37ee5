"""Une étape du dossier au clavier seul : lien d'évitement, ordre, focus visible, Entrée qui enregistre."""

from __future__ import annotations

import pytest

from tests.factories import MAINTENANT
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
# Ce qui tient le focus : son identifiant (à défaut son nom ou son texte), s'il se voit, et l'anneau qui le montre.
FOCUS = """() => {
  const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e);
  return {
    nom: e.id || e.name || e.textContent.trim(),
    visible: r.width > 1 && r.height > 1 && r.bottom > 0 && r.top < innerHeight && r.left >= 0 && r.right <= innerWidth,
    anneau: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
  };
}"""


def avancer(f: Fenetre, touche: str = "Tab") -> str:
    """Un pas de tabulation ; le focus se voit toujours. Rend ce qui le tient."""
    f.page.keyboard.press(touche)
    focus = f.page.evaluate(FOCUS)
    assert focus["visible"], f"le focus est hors de vue : {focus}"
    assert focus["anneau"], f"le focus ne se voit pas : {focus}"
    return str(focus["nom"])


def avancer_jusqu_a(f: Fenetre, nom: str, *, pas: int = 60) -> list[str]:
    """Tabule jusqu'à cet élément ; rend tout ce qui a été traversé."""
    vus: list[str] = []
    while not vus or vus[-1] != nom:
        assert len(vus) < pas, f"« {nom} » hors d'atteinte : {vus}"
        vus.append(avancer(f))
    return vus


def valider_par_entree(f: Fenetre, suivante: str) -> None:
    """Entrée enregistre l'étape et mène à la suivante."""
    with f.page.expect_navigation():
        f.page.keyboard.press("Enter")
    f.juger()
    assert f.page.url.split("?")[0].endswith(f"/etapes/{suivante}")


@pytest.mark.parametrize("taille", [TELEPHONE, BUREAU], ids=["375", "1280"])
def test_une_etape_se_remplit_au_clavier_seul(site: Site, ouvrir: Ouvrir, taille: tuple[int, int]) -> None:
    compte, reference = site.scene.un_brouillon()
    with ouvrir(taille, MAINTENANT, temoin=site.scene.temoin(compte)) as f:
        f.aller(f"/dossiers/{reference}/etapes/projet")
        assert avancer(f) == "Aller au contenu"
        f.page.keyboard.press("Enter")
        assert f.page.evaluate("document.activeElement.id") == "contenu"

        assert avancer_jusqu_a(f, "champ-titre")[-1] == "champ-titre"
        f.page.keyboard.type("Café des parents")
        assert avancer(f) == "champ-besoin"
        f.page.keyboard.type("Les parents disent leur isolement (fictif).")
        assert avancer(f) == "champ-besoin_identifie_par"
        f.page.keyboard.press("Space")
        assert f.page.locator("#champ-besoin_identifie_par").is_checked()
        assert avancer_jusqu_a(f, "champ-but")[:-1] == [f"champ-besoin_identifie_par-{n}" for n in range(2, 6)]
        f.page.keyboard.type("Que trente parents se rencontrent (fictif).")
        assert avancer(f) == "champ-description"
        f.page.keyboard.type("Un café hebdomadaire (fictif).")
        assert avancer(f, "Shift+Tab") == "champ-but"
        while (recule := avancer(f, "Shift+Tab")) != "champ-titre":
            assert recule.startswith("champ-besoin")

        valider_par_entree(f, "objectifs")
        avancer_jusqu_a(f, "champ-objectif_principal")
        f.page.keyboard.press("ArrowDown")
        choisi = f.page.locator('input[name="objectif_principal"]:checked').input_value()
        assert avancer(f).startswith("champ-objectifs_secondaires")
        assert avancer(f, "Shift+Tab").startswith("champ-objectif_principal")
        valider_par_entree(f, "territoire")
        f.aller(f"/dossiers/{reference}/etapes/projet")
        assert f.page.locator("#champ-titre").input_value() == "Café des parents"
        f.aller(f"/dossiers/{reference}/etapes/objectifs")
        assert f.page.locator('input[name="objectif_principal"]:checked').input_value() == choisi
