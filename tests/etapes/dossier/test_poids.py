"""Le poids d'une page du porteur sur un téléphone : moins de 60 ko transférés, deux fichiers à côté d'elle."""

from __future__ import annotations

import re

from httpx2 import Response

from app.etapes.dossier.rules.formes import Section
from tests import factories as f
from tests.etapes.dossier.conftest import Decor

POIDS_MAX = 60_000
FICHIERS = re.compile(r'<(?:link rel="stylesheet"|script)[^>]+?(?:href|src)="([^"]+)"')


def poids(reponse: Response) -> int:
    """Les octets transférés, compressés."""
    assert reponse.status_code == 200, reponse.url
    assert reponse.headers["content-encoding"] == "gzip", reponse.url
    return int(reponse.headers["content-length"])


def test_une_page_du_porteur_pese_moins_de_soixante_ko(decor: Decor) -> None:
    brouillon = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027, duree="3")
    )
    depose = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    decor.client.headers["Accept-Encoding"] = "gzip"
    adresses = ["/dossiers", "/dossiers/nouveau", f"/appels/{decor.appel.code}/eligibilite"]
    adresses += [f"/dossiers/{brouillon.reference}/etapes/{s.value}" for s in Section]
    adresses += [f"/dossiers/{brouillon.reference}{suite}" for suite in ("", "/signature", "/pieces", "/portail")]
    adresses += [f"/dossiers/{depose.numero}{suite}" for suite in ("", "/signature", "/accuse", "/messages")]
    fichiers = {}
    for adresse in adresses:
        page = decor.client.get(adresse)
        demandes = FICHIERS.findall(page.text)
        assert len(demandes) <= 2, (adresse, demandes)
        for fichier in demandes:
            fichiers.setdefault(fichier, poids(decor.client.get(fichier)))
        total = poids(page) + sum(fichiers[x] for x in demandes)
        assert total < POIDS_MAX, (adresse, total)


def test_le_jeton_d_un_formulaire_change_a_chaque_page_et_vaut_toujours(decor: Decor) -> None:
    jetons = {re.search(r'name="_csrf" value="([0-9a-f]+)"', decor.client.get("/dossiers").text)[1] for _ in range(3)}  # type: ignore[index]
    assert len(jetons) == 3
    for jeton in jetons:
        assert decor.client.post("/dossiers/nouveau", data={"_csrf": jeton}).status_code == 422
    abime = next(iter(jetons))
    for faux in (abime[:-1] + ("0" if abime[-1] != "0" else "1"), "", "zz", abime[:64]):
        assert decor.client.post("/dossiers/nouveau", data={"_csrf": faux}).status_code == 403
