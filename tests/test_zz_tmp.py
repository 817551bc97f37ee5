from tests import factories as f
from tests.etapes.dossier.aide_pages import *
from tests.etapes.dossier.conftest import *
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.champs import Section
import pytest, logging
def test_pages(decor, requetes):
    d=f.un_brouillon(decor.session,decor.appel,decor.organisation,decor.acteur,contenu=f.contenu_complet())
    d2=f.un_dossier_complet(decor.session,decor.appel,decor.organisation,decor.acteur)
    decor.session.commit()
    requetes()
    for u in ["/dossiers","/dossiers/nouveau","/organisations",f"/dossiers/{d.reference}",f"/dossiers/{d.reference}/signature",f"/dossiers/{d2.numero}",f"/dossiers/{d2.numero}/accuse",f"/dossiers/{d2.numero}/accuse.pdf",f"/dossiers/{d.reference}/retrait"]+[f"/dossiers/{d.reference}/etapes/{s.value}" for s in Section]+["/api/v1/dossiers",f"/api/v1/dossiers/{d2.numero}",f"/api/v1/dossiers/{d.reference}","/api/v1/dossiers?q=café&etat=depose&appel=ess-2027&ligne=M2A"]:
        r=decor.client.get(u)
        print(r.status_code, requetes()-1, u)
        pass
@pytest.fixture
def client(service):
    from fastapi.testclient import TestClient
    with TestClient(service, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client
