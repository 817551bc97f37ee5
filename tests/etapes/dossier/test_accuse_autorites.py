"""L'accusé de réception dit quel service joindre : ses coordonnées, ou à quelle autorité s'adresser."""

from __future__ import annotations

import io
from datetime import date

from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.accuse import DemandeRecue, accuser
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service.accuse import accuser_reception
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ServiceAJoindre
from tests import factories as f
from tests.etapes.dossier.conftest import Decor

SERVICE = ServiceAJoindre(
    "Mission ville (fictif)", "1 rue d’Essai\n99000 Ville d’essai", "03 00 00 00 00", "ville@exemple.invalid"
)
PHRASE = "ne sont pas renseignées ici : joignez directement l’État, en donnant le numéro de votre dossier."


def _recue(attribuant: str, service: ServiceAJoindre | None) -> DemandeRecue:
    return DemandeRecue("L", attribuant, attribuant, "délibération", EtatDemande.OUVERTE, Euros.de(5), service)


def _depose(decor: Decor) -> Dossier:
    ligne = decor.session.get_one(LigneFinancement, decor.contrat.lignes["M2A"].id)
    ligne.service_nom, ligne.service_adresse = SERVICE.nom, SERVICE.adresse
    ligne.service_telephone, ligne.service_courriel = SERVICE.telephone, SERVICE.courriel
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return dossier


def _pdf(session: Session, decor: Decor, dossier: Dossier) -> str:
    accuser_reception(session, dossier.id, url_publique="http://essai.invalid", maintenant=f.MAINTENANT)
    session.commit()
    octets = decor.client.get(f"/dossiers/{dossier.numero}/accuse.pdf").content
    texte = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(octets)).pages)
    return " ".join(texte.split())


def test_une_autorite_renseignee_donne_son_service_une_autre_son_nom() -> None:
    recues = [_recue("m2A", SERVICE), _recue("Ville de Mulhouse", None), _recue("État", None)]
    m2a, ville, etat = accuser(date(2026, 11, 6), recues, [], porteur_prive=True)
    assert m2a.joindre == SERVICE.lignes
    assert "joignez directement la Ville de Mulhouse," in ville.joindre[0]
    assert PHRASE in etat.joindre[0]
    assert len(ville.joindre) == len(etat.joindre) == 1


def test_la_page_de_l_accuse_donne_les_coordonnees(decor: Decor) -> None:
    texte = decor.client.get(f"/dossiers/{_depose(decor).numero}/accuse").text
    texte = texte.replace("\u00a0", " ").replace("\u202f", " ")
    for morceau in SERVICE.lignes:
        assert morceau in texte
    assert texte.count(PHRASE) == 1, "l’État n’est pas renseigné, et lui seul"


def test_l_accuse_scelle_donne_les_coordonnees(decor: Decor) -> None:
    texte = _pdf(decor.session, decor, _depose(decor)).replace("\u00a0", " ").replace("\u202f", " ")
    for morceau in SERVICE.lignes:
        assert morceau in texte, texte
    assert "joignez directement l’État" in texte


def test_une_fois_la_reponse_donnee_la_page_ne_parle_plus_du_silence(decor: Decor) -> None:
    dossier = _depose(decor)
    adresse = f"/dossiers/{dossier.numero}/accuse"
    avant = decor.client.get(adresse).text
    assert ("Demande refusée." in avant, "Ce qui se passe ensuite" in avant) == (False, True)
    for demande in decor.session.scalars(select(Demande).where(Demande.dossier_id == dossier.id)):
        demande.etat = EtatDemande.REFUS_NOTIFIE
    decor.session.commit()
    page = decor.client.get(adresse).text
    assert page.count("Demande refusée.") == 2
    for plus_vrai in ("Le silence vaut refus le", "silence vaut refus</h2>", "Ce qui se passe ensuite"):
        assert plus_vrai not in page
