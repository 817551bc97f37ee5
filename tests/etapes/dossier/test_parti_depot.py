from __future__ import annotations

from datetime import timedelta

from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_signataire_parti import retirer, signe_par_une_autre


def test_par_la_page(decor: Decor) -> None:
    dossier, autre = signe_par_une_autre(decor)
    adresse = f"/dossiers/{dossier.reference}/signature"
    lue = formulaire(decor.client.get(adresse), "/depot")
    retirer(decor, autre)
    decor.client.headers["X-Horloge"] = (f.MAINTENANT + timedelta(hours=2)).isoformat()
    refus = lue.envoyer(decor.client)
    assert refus.status_code == 409
    assert "n’est plus signataire : signez à nouveau" in refus.text.replace("\u00a0", " ").replace("\u202f", " ")
    relu = f.relire(decor.session, dossier)
    assert (relu.signe_le, relu.numero) == (None, None)
    assert formulaire(refus, "/signature").remplir(qualite="representant").envoyer(decor.client).status_code == 303
    assert formulaire(decor.client.get(adresse), "/depot").envoyer(decor.client).status_code == 303
