"""Les pièces d'une organisation sont en nombre borné, et leur page aussi."""

from __future__ import annotations

import threading

import pytest

from app.infra.files import magasin_de
from app.noyau.erreurs import SaisieInvalide
from app.referentiels.pieces import pages, service
from app.referentiels.pieces.rules import PIECES_MAX, EtatFichier, Nature, attendues
from tests.factories import MAINTENANT, identite
from tests.fichiers.aide_fichiers import un_pdf
from tests.fichiers.aide_pieces import Decor, un_envoi
from tests.requetes import requetes


def test_une_organisation_ne_depasse_pas_sa_borne_remplacees_comprises(
    decor: Decor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PIECES_MAX == 200
    monkeypatch.setattr(service, "PIECES_MAX", 2)
    assert [decor.deposer(un_pdf(page=b"% 1")).status_code, decor.deposer(un_pdf(page=b"% 2")).status_code] == [303] * 2
    assert decor.deposer(un_pdf(page=b"% 2")).status_code == 303, "un double clic ne dépose rien de plus"
    refus = decor.deposer(un_pdf(page=b"% 3"), datee_du="2026-05-04")
    assert refus.status_code == 422
    assert "déjà 2 pièces, anciennes comprises" in refus.text.replace("\xa0", " ")
    assert 'href="#champ-fichier"' in refus.text
    assert 'value="2026-05-04"' in refus.text
    assert len(decor.pieces()) == len(decor.fichiers()) == 2


def test_une_piece_ecartee_ne_prend_pas_de_place(decor: Decor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PIECES_MAX", 1)
    for rang, etat in enumerate((EtatFichier.INFECTE, EtatFichier.REFUSE)):
        assert decor.deposer(un_pdf(page=f"% {rang}".encode())).status_code == 303, etat
        ecarte = decor.fichiers()[-1]
        ecarte.etat, ecarte.motif, ecarte.analyse_at, ecarte.analyse_par = etat, "essai", MAINTENANT, "essai"
        decor.session.commit()
    assert decor.deposer(un_pdf(page=b"% 2")).status_code == 303
    assert decor.deposer(un_pdf(page=b"% 3")).status_code == 422
    assert len(decor.pieces()) == 3


def test_deux_depots_simultanes_ne_passent_pas_la_borne(decor: Decor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PIECES_MAX", 1)
    acteur = identite(decor.session, decor.redacteur)
    depart, refus = threading.Barrier(2), []

    def deposer(nature: Nature) -> None:
        try:
            with decor.service.state.fabrique.begin() as session:
                depart.wait(5)
                service.deposer(
                    session, magasin_de(decor.config), decor.organisation, un_envoi(un_pdf(page=nature.value.encode())),
                    nature=nature, acteur=acteur, maintenant=MAINTENANT,
                )  # fmt: skip
        except SaisieInvalide as erreur:
            refus.append([x.code for x in erreur.fautes])

    fils = [threading.Thread(target=deposer, args=(nature,)) for nature in (Nature.STATUTS, Nature.RIB)]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(20)
    assert (refus, len(decor.pieces())) == ([["trop_de_pieces"]], 1)


def test_l_historique_est_replie_et_borne(decor: Decor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ANCIENNES_MONTREES", 2)
    for rang in range(5):
        decor.deposer(un_pdf(page=f"% {rang}".encode()), f"statuts-{rang}.pdf")
    page = decor.client.get(decor.adresse).text
    assert [f"statuts-{rang}.pdf" in page for rang in range(5)] == [False, False, True, True, True]
    assert '<details id="anciennes">' in page
    assert "?anciennes=toutes#anciennes" in page
    assert "Voir les 2 autres" in page.replace("\xa0", " ").replace("\u202f", " ")
    with requetes(decor.service) as vues:
        toutes = decor.client.get(f"{decor.adresse}?anciennes=toutes").text
    assert len(vues) <= 4
    assert all(f"statuts-{rang}.pdf" in toutes for rang in range(5))
    assert '<details id="anciennes" open>' in toutes


def test_une_piece_au_long_libelle_se_depose_sous_un_intitule_qui_la_reconnait() -> None:
    libelle = "Convention d’occupation des locaux signée par la collectivité " * 3
    (attendue,) = attendues("convention_locaux", libelle)
    nature, intitule = attendue.a_deposer
    assert len(intitule) <= 120
    assert attendue.repond(Nature(nature), intitule.strip())
    assert not attendue.repond(Nature.AUTRE, "Autre chose")
    assert not attendue.repond(Nature.RIB, intitule)
