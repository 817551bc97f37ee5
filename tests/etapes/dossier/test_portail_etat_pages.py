"""Le portail de l'État par ses pages : importer, rapprocher, défaire, confirmer ; droits, courses, réimport."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Champ, Demande, Dossier
from app.etapes.dossier.models.portail import ImportPortail, LignePortail
from app.etapes.dossier.rules.rapprochement import Suite
from app.etapes.dossier.service import rapprochement, vie
from app.infra.files import Televersement
from app.infra.identite import Identite
from app.infra.journal.models import JournalContenu, JournalEntree
from app.noyau.erreurs import ActeImpossible
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.aide_portail import NUMERO, en_csv, en_ods, en_xlsx, une_rangee
from tests.etapes.dossier.conftest import Decor
from tests.fichiers.aide_fichiers import un_docx
from tests.requetes import requetes

ADRESSE = "/portail-etat/ess-2027"


@dataclass
class Scene:
    """Un dossier déposé, la sous-préfecture connectée."""

    decor: Decor
    dossier: Dossier
    prefecture: TestClient
    agent: Identite

    def importer(self, contenu: bytes, nom: str = "export.xlsx", client: TestClient | None = None) -> Response:
        client = client or self.prefecture
        page = formulaire(client.get(ADRESSE), "/imports")
        return client.post(page.action, data=dict(page.champs), files={"tableau": (nom, contenu)})

    def rapprocher(self, numero: str = NUMERO, **valeurs: str) -> Response:
        page = formulaire(self.prefecture.get(f"{ADRESSE}/lignes/{numero}"), "/rapprochement")
        return page.remplir(**valeurs).envoyer(self.prefecture)

    def ligne(self, numero: str = NUMERO) -> LignePortail:
        requete = select(LignePortail).where(LignePortail.numero == numero)
        self.decor.session.rollback()
        return self.decor.session.scalars(requete.execution_options(populate_existing=True)).one()

    def numero_porte(self, dossier: Dossier | None = None) -> list[str | None]:
        """Les numéros du portail que portent les demandes du dossier : à l'État, puis aux autres."""
        self.decor.session.rollback()
        requete = select(Demande.numero_dauphin).where(Demande.dossier_id == (dossier or self.dossier).id)
        return list(self.decor.session.scalars(requete.order_by(Demande.ligne_id)))

    def autre_dossier(self, rang: int = 2, **change: Any) -> Dossier:
        organisation = f.une_organisation(self.decor.session, rang=rang)
        porteur = f.un_porteur(self.decor.session, organisation)
        dossier = f.un_dossier_complet(self.decor.session, self.decor.appel, organisation, porteur, **change)
        self.decor.session.commit()
        return dossier

    def actes(self) -> list[str]:
        self.decor.session.rollback()
        return list(self.decor.session.scalars(select(JournalEntree.acte).order_by(JournalEntree.rang)))


@pytest.fixture
def scene(decor: Decor) -> Scene:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    compte = f.un_compte(decor.session, Role.SOUS_PREFECTURE, contrat=decor.contrat, ligne="BOP147")
    decor.session.commit()
    return Scene(decor, dossier, decor.nouveau_client(compte), f.identite(decor.session, compte))


@pytest.mark.parametrize(
    ("contenu", "nom"),
    [
        (en_xlsx(une_rangee()), "export.xlsx"),
        (en_ods(une_rangee()), "export.ods"),
        (en_csv(une_rangee()), "export.csv"),
        (en_csv(une_rangee(), separateur="\t", codage="utf-8-sig"), "EXPORT.CSV"),
        (en_csv(une_rangee(), separateur=",", codage="cp1252"), "C:\\exports\\portail.csv"),
    ],
    ids=["xlsx", "ods", "csv", "tabulations", "cp1252"],
)
def test_un_tableau_s_importe_puis_se_rapproche(scene: Scene, contenu: bytes, nom: str) -> None:
    demandes = scene.decor.session.scalar(select(func.count()).select_from(Demande))
    assert scene.importer(contenu, nom).status_code == 303
    page = scene.prefecture.get(ADRESSE).text
    assert "CAFE DES PARENTS" in page
    assert "Probable" in page
    assert scene.rapprocher(choix=scene.dossier.numero or "").status_code == 303
    ligne = scene.ligne()
    assert (ligne.suite, ligne.dossier_id, ligne.exercice) == (Suite.RAPPROCHEE, scene.dossier.id, 2027)
    assert scene.numero_porte() == [NUMERO, None], "la demande à l'État seulement"
    assert scene.decor.session.scalar(select(func.count()).select_from(Demande)) == demandes
    assert scene.actes()[-2:] == ["dossier.numero_portail", "ligne_portail.rapprochee"]
    assert scene.decor.session.scalars(select(Champ.valeur).where(Champ.code == "numero_dauphin")).all() == [NUMERO]


def test_le_bilan_dit_chaque_liste(scene: Scene) -> None:
    sans = scene.autre_dossier(titre="Atelier vélo")
    scene.importer(
        en_xlsx(
            une_rangee(), une_rangee("DA00000077", "SUBVENTIONS MULTI-ACTIONS DU PROGRAMME 147"),
            une_rangee("DA00000088", "FETE DE LA MUSIQUE", siret="", demandeur="VILLE"), [""] * 9,
            une_rangee("DA00000089", "L''ACCES AU DROIT", siret="", demandeur="CIDFF"),
        )
    )  # fmt: skip
    assert scene.rapprocher("DA00000088", choix="aucun").status_code == 303
    ecartees = scene.prefecture.get(f"{ADRESSE}?tas=ecartees").text
    assert "Multi-actions" in ecartees
    assert "Ligne vide" in ecartees
    assert "FETE DE LA MUSIQUE" in scene.prefecture.get(f"{ADRESSE}?tas=portail_seul").text
    sans_numero = scene.prefecture.get(f"{ADRESSE}?tas=sans_numero").text
    assert sans.numero is not None
    assert sans.numero in sans_numero
    assert scene.dossier.numero in sans_numero, "proposé n'est pas rapproché"
    a_rapprocher = scene.prefecture.get(f"{ADRESSE}?tas=inconnu").text
    assert "L&#39;&#39;ACCES AU DROIT" in a_rapprocher
    assert "Aucun candidat" in a_rapprocher
    assert "FETE DE LA MUSIQUE" not in a_rapprocher
    scene.rapprocher(choix=scene.dossier.numero or "")
    assert scene.dossier.numero in scene.prefecture.get(f"{ADRESSE}?tas=rapprochees").text
    assert scene.dossier.numero not in scene.prefecture.get(f"{ADRESSE}?tas=sans_numero").text
    assert scene.prefecture.get(f"{ADRESSE}?page=3").status_code == 200
    assert scene.prefecture.get("/portail-etat").headers["location"] == ADRESSE
    f.un_appel(scene.decor.session, scene.decor.contrat, annee=2026)
    scene.decor.session.commit()
    assert 'href="/portail-etat/ess-2026"' in scene.prefecture.get(ADRESSE).text


def test_reimporter_met_a_jour_sans_dupliquer_ni_perdre(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee(), une_rangee("DA00000088", "FETE")))
    scene.rapprocher(choix=scene.dossier.numero or "")
    scene.importer(en_xlsx(une_rangee(), une_rangee("DA00000088", "FETE")))
    dernier = scene.decor.session.scalars(select(ImportPortail).order_by(ImportPortail.id.desc())).first()
    assert dernier is not None
    assert (dernier.lues, dernier.nouvelles, dernier.changees) == (2, 0, 0)
    scene.importer(en_xlsx(une_rangee(statut="Votée", vote=2500), une_rangee("DA00000099-1", "NEUVE")))
    ligne = scene.ligne()
    assert (ligne.statut, str(ligne.montant_vote), ligne.dossier_id) == ("Votée", "2\u202f500\u00a0€", scene.dossier.id)
    numeros = scene.decor.session.scalars(select(LignePortail.numero).order_by(LignePortail.numero)).all()
    assert numeros == ["DA00000088", "DA00000099-1", NUMERO]
    assert "absente du dernier tableau" in scene.prefecture.get(ADRESSE).text
    contenu: Any = scene.decor.session.scalars(select(JournalContenu).order_by(JournalContenu.rang.desc())).first()
    assert contenu.apres["nouvelles"] == ["DA00000099-1"]
    assert contenu.apres["changees"] == {NUMERO: {"statut": ["Transmise", "Votée"], "montant_vote": [None, 250_000]}}


def test_une_action_dite_au_second_tableau_garde_le_rapprochement(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee("DA00012345")))
    scene.rapprocher("DA00012345", choix=scene.dossier.numero or "")
    scene.importer(en_xlsx(une_rangee()))
    assert scene.ligne().dossier_id == scene.dossier.id
    scene.importer(en_xlsx(une_rangee("DA00012345")))
    assert scene.ligne().suite is Suite.RAPPROCHEE, "l'action dite une fois reste dite"


def test_un_conflit_de_numeros_est_dit_puis_tranche(scene: Scene) -> None:
    page = formulaire(scene.decor.client.get(f"/dossiers/{scene.dossier.numero}/portail"), "/portail")
    page.remplir(numero_dauphin="DA00099999").envoyer(scene.decor.client)
    scene.importer(en_xlsx(une_rangee()))
    assert "Ce dossier porte un autre numéro du portail" in scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}").text
    refus = scene.rapprocher(choix=scene.dossier.numero or "")
    assert refus.status_code == 422
    assert "porte déjà le numéro DA00099999" in refus.text
    assert 'id="erreur-remplacer"' in refus.text
    assert scene.numero_porte() == ["DA00099999", None]
    rendu = formulaire(refus, "/rapprochement")
    assert rendu.valeur("choix") == scene.dossier.numero
    assert rendu.remplir(remplacer="oui").envoyer(scene.prefecture).status_code == 303
    assert scene.numero_porte() == [NUMERO, None]
    annulation = formulaire(scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}"), "/annulation")
    muet = annulation.remplir(motif=" ").envoyer(scene.prefecture)
    assert muet.status_code == 422
    assert "Dites pourquoi" in muet.text
    assert formulaire(muet, "/annulation").remplir(motif="Erreur de ligne").envoyer(scene.prefecture).status_code == 303
    assert scene.numero_porte() == ["DA00099999", None], "le numéro d'avant revient"
    assert scene.ligne().suite is Suite.A_RAPPROCHER
    assert scene.actes()[-1] == "ligne_portail.rouverte"


def test_une_fois_rapproche_le_porteur_ne_change_plus_le_numero_sans_le_dire(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee()))
    scene.rapprocher(choix=scene.dossier.numero or "")
    page = formulaire(scene.decor.client.get(f"/dossiers/{scene.dossier.numero}/portail"), "/portail")
    assert page.valeur("numero_dauphin") == NUMERO
    refus = page.remplir(numero_dauphin="DA00099999").envoyer(scene.decor.client)
    assert refus.status_code == 422
    assert "La sous-préfecture a rapproché ce dossier du numéro DA00012345-1" in refus.text
    assert scene.numero_porte() == [NUMERO, None]
    assert page.remplir(numero_dauphin="DA00012345").envoyer(scene.decor.client).status_code == 303
    assert "Porte un autre numéro" not in scene.prefecture.get(f"{ADRESSE}?tas=rapprochees").text
    autre = update(Demande).where(Demande.dossier_id == scene.dossier.id).values(numero_dauphin="DA00099999")
    scene.decor.session.execute(autre)
    scene.decor.session.commit()
    assert "Porte un autre numéro" in scene.prefecture.get(f"{ADRESSE}?tas=rapprochees").text


def test_defaire_ote_le_numero_que_le_rapprochement_avait_porte(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee()))
    scene.rapprocher(choix="autre", dossier=f" {(scene.dossier.numero or '').lower()} ")
    page = formulaire(scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}"), "/annulation")
    page.remplir(motif="Erreur").envoyer(scene.prefecture)
    assert scene.numero_porte() == [None, None]
    refait = page.envoyer(scene.prefecture)
    assert refait.status_code == 409
    assert "vient de changer" in refait.text


@pytest.mark.parametrize(
    ("choix", "dossier", "champ", "dit"),
    [
        ("", "", "choix", "Remplissez « Notre dossier »"),
        ("autre", "", "dossier", "Donnez le numéro"),
        ("autre", "ESS-2027-9999", "dossier", "n’est celui d’aucun dossier"),
        ("ESS-2027-9999", "", "dossier", "n’est celui d’aucun dossier"),
        ("autre", "sans_etat", "dossier", "ne demande rien à l’État"),
        ("autre", "retire", "dossier", "est retiré"),
        ("autre", "autre_appel", "dossier", "n’est celui d’aucun dossier de cet appel"),
        ("autre", "numero_pris", "choix", "porte déjà DA00012345-1"),
    ],
)
def test_un_mauvais_choix_se_dit_a_cote_du_champ(scene: Scene, choix: str, dossier: str, champ: str, dit: str) -> None:
    scene.importer(en_xlsx(une_rangee()))
    refus = scene.rapprocher(choix=choix, dossier=_preparer(scene, dossier))
    assert refus.status_code == 422
    assert dit in refus.text.replace("\u00a0", " ")
    assert f'id="erreur-{champ}"' in refus.text
    assert scene.ligne().suite is Suite.A_RAPPROCHER


def _preparer(scene: Scene, quoi: str) -> str:
    """Met en place ce cas et rend le numéro à donner."""
    session = scene.decor.session
    if quoi == "sans_etat":
        return str(scene.autre_dossier(demandes=[{"ligne": "M2A", "annee": 2027, "montant": 800_000}]).numero)
    if quoi == "retire":
        retire = f.un_dossier_complet(session, scene.decor.appel, scene.decor.organisation, scene.decor.acteur)
        vie.retirer(session, str(retire.numero), motif="x", acteur=scene.decor.acteur, maintenant=f.MAINTENANT)
        session.commit()
        return str(retire.numero)
    if quoi == "autre_appel":
        appel = f.un_appel(session, scene.decor.contrat, annee=2028, code="ess-2028")
        autre = f.un_dossier_complet(session, appel, scene.decor.organisation, scene.decor.acteur)
        session.commit()
        return str(autre.numero)
    if quoi == "numero_pris":
        pris = scene.autre_dossier()
        session.execute(update(Demande).where(Demande.dossier_id == pris.id).values(numero_dauphin=NUMERO))
        session.commit()
        return str(scene.dossier.numero)
    return quoi


def test_un_dossier_ou_une_ligne_deja_rapproches_ne_le_sont_pas_deux_fois(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee(), une_rangee("DA00000088", "CAFE DES PARENTS")))
    libre = formulaire(scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}"), "/rapprochement")
    scene.rapprocher("DA00000088", choix=scene.dossier.numero or "")
    assert scene.dossier.numero not in scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}").text, "plus proposé"
    refus = libre.remplir(choix=scene.dossier.numero or "").envoyer(scene.prefecture)
    assert refus.status_code == 409
    assert "est déjà rapproché de DA00000088" in refus.text
    scene.rapprocher(choix="aucun")
    for choix in (scene.dossier.numero or "", "aucun"):
        assert libre.remplir(choix=choix).envoyer(scene.prefecture).status_code == 409


def test_la_base_refuse_deux_lignes_pour_un_dossier_ou_un_numero(scene: Scene) -> None:
    scene.importer(en_xlsx(une_rangee(), une_rangee("DA00000088", "FETE")))
    scene.rapprocher(choix=scene.dossier.numero or "")
    session = scene.decor.session
    changements: tuple[Mapping[str, Any], ...] = (
        {"suite": Suite.RAPPROCHEE, "dossier_id": scene.dossier.id}, {"numero": NUMERO}, {"suite": Suite.RAPPROCHEE}
    )  # fmt: skip
    for valeurs in changements:
        with pytest.raises(IntegrityError):
            session.execute(update(LignePortail).where(LignePortail.numero == "DA00000088").values(**valeurs))
        session.rollback()


def courir(scene: Scene, *actes: Callable[[Session], object]) -> list[str]:
    """Chaque acte dans sa transaction, tous au même instant ; « fait », ou pourquoi ce ne l'est pas."""
    depart = Barrier(len(actes))

    def jouer(acte: Callable[[Session], object]) -> str:
        with scene.decor.service.state.fabrique() as session:
            depart.wait(10)
            try:
                acte(session)
                session.commit()
            except ActeImpossible as erreur:
                return erreur.message
            return "fait"

    with ThreadPoolExecutor(len(actes)) as fils:
        return sorted(fils.map(jouer, actes), key="fait".__ne__)


def test_deux_personnes_au_meme_instant_une_seule_gagne_et_l_autre_lit_pourquoi(scene: Scene) -> None:
    autre = scene.autre_dossier()
    scene.importer(en_xlsx(une_rangee(), une_rangee("DA00000088", "FETE")))
    qui: dict[str, Any] = {"acteur": scene.agent, "maintenant": f.MAINTENANT}

    def rapprocher(numero: str, dossier: Dossier) -> Callable[[Session], object]:
        return lambda s: rapprochement.rapprocher(s, "ess-2027", numero, dossier=str(dossier.numero), **qui)

    suites = courir(scene, rapprocher(NUMERO, scene.dossier), rapprocher(NUMERO, autre))
    assert suites[0] == "fait"
    assert "vient d’être rapprochée d’un dossier par une autre personne" in suites[1]
    gagnant = scene.dossier if scene.ligne().dossier_id == scene.dossier.id else autre
    perdant = autre if gagnant is scene.dossier else scene.dossier
    assert (scene.numero_porte(gagnant)[0], scene.numero_porte(perdant)[0]) == (NUMERO, None)
    rapprochement.defaire(scene.decor.session, "ess-2027", NUMERO, motif="essai", **qui)
    scene.decor.session.commit()
    suites = courir(scene, rapprocher(NUMERO, gagnant), rapprocher("DA00000088", gagnant))
    assert suites[0] == "fait"
    assert "est déjà rapproché de" in suites[1]


def test_deux_imports_au_meme_instant_ne_dupliquent_rien(scene: Scene) -> None:
    contenu = en_csv(une_rangee(), une_rangee("DA00000088", "FETE"))

    def importer(session: Session) -> object:
        recu = Televersement("export.csv", io.BytesIO(contenu))
        qui: dict[str, Any] = {"acteur": scene.agent, "maintenant": f.MAINTENANT}
        return rapprochement.importer(session, "ess-2027", televersement=recu, **qui)

    assert courir(scene, *[importer] * 6) == ["fait"] * 6
    assert scene.decor.session.scalar(select(func.count()).select_from(LignePortail)) == 2


def test_les_certains_se_confirment_d_un_coup_et_par_une_personne(scene: Scene) -> None:
    session = scene.decor.session
    autre, douteux = scene.autre_dossier(), scene.autre_dossier(rang=3)
    for dossier, numero in ((scene.dossier, NUMERO), (autre, "DA00000088"), (douteux, "DA00000099")):
        etat = select(Demande.id).where(Demande.dossier_id == dossier.id).order_by(Demande.ligne_id).limit(1)
        session.execute(update(Demande).where(Demande.id.in_(etat)).values(numero_dauphin=numero))
    session.commit()
    scene.importer(
        en_xlsx(
            une_rangee(), une_rangee("DA00000088-2", siret="", demandeur=""),
            une_rangee("DA00000099-1", siret=""), une_rangee("DA00000099-2", siret=""),
        )
    )  # fmt: skip
    assert scene.ligne().suite is Suite.A_RAPPROCHER, "même certain, rien ne se rapproche tout seul"
    page = scene.prefecture.get(ADRESSE)
    assert "2 rapprochements certains" in page.text.replace("\u00a0", " ")
    bouton = formulaire(page, "/certains")
    assert bouton.envoyer(scene.prefecture).status_code == 303
    assert scene.ligne().dossier_id == scene.dossier.id
    assert scene.ligne("DA00000088-2").dossier_id == autre.id
    assert scene.numero_porte(autre)[0] == "DA00000088-2", "l'action se précise"
    assert scene.ligne("DA00000099-1").suite is Suite.A_RAPPROCHER
    encore = bouton.envoyer(scene.prefecture)
    assert encore.status_code == 409
    assert "Plus rien n’est certain" in encore.text


def test_qui_peut_lire_et_qui_peut_trancher(scene: Scene) -> None:
    decor = scene.decor
    scene.importer(en_xlsx(une_rangee()))
    agir = formulaire(scene.prefecture.get(f"{ADRESSE}/lignes/{NUMERO}"), "/rapprochement")
    assert decor.nouveau_client().get(ADRESSE).status_code == 303
    assert decor.client.get(ADRESSE).status_code == 403
    instructeur = decor.nouveau_client(f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A"))
    assert instructeur.get(f"{ADRESSE}/lignes/{NUMERO}").status_code == 403
    charge = decor.nouveau_client(f.un_compte(decor.session, Role.CHARGE_MISSION, contrat=decor.contrat))
    for chemin, action in ((ADRESSE, "/imports"), (f"{ADRESSE}/lignes/{NUMERO}", "/rapprochement")):
        lue = charge.get(chemin)
        assert lue.status_code == 200
        assert "CAFE DES PARENTS" in lue.text
        assert f'{action}"' not in lue.text
    jeton = formulaire(charge.get(ADRESSE), "/deconnexion").valeur("_csrf") or ""
    assert charge.post(agir.action, data={"_csrf": jeton, "choix": "aucun"}).status_code == 403
    ailleurs = f.un_contrat(decor.session, code="autre-2024-2030", prefixe="AUT")
    etranger = f.un_compte(decor.session, Role.SOUS_PREFECTURE, contrat=ailleurs, ligne="BOP147")
    client = decor.nouveau_client(etranger)
    assert client.get("/portail-etat").status_code == 404
    f.un_appel(decor.session, ailleurs)
    decor.session.commit()
    jeton = formulaire(client.get("/portail-etat/aut-2027"), "/deconnexion").valeur("_csrf") or ""
    for chemin in (ADRESSE, f"{ADRESSE}/lignes/{NUMERO}", "/portail-etat/inconnu", "/portail-etat/aut-2027/lignes/DA1"):
        assert client.get(chemin).status_code == 404, chemin
    for chemin in ("imports", "certains", f"lignes/{NUMERO}/rapprochement", f"lignes/{NUMERO}/annulation"):
        recu = client.post(f"{ADRESSE}/{chemin}", data={"_csrf": jeton, "choix": "aucun", "motif": "x"})
        assert recu.status_code == 404, chemin
    double = f.un_compte(decor.session, Role.SOUS_PREFECTURE, contrat=ailleurs, ligne="BOP147")
    decor.session.add(f.HabilitationCompte(
        compte_id=double.id, role=Role.CHARGE_MISSION, portee=f.Portee.CONTRAT, contrat_id=decor.contrat.id,
        organisation_id=None, cible="", debut=f.DEBUT_HABILITATION, fin=None,
    ))  # fmt: skip
    client = decor.nouveau_client(double)
    jeton = formulaire(client.get(ADRESSE), "/deconnexion").valeur("_csrf") or ""
    refus = client.post(f"{ADRESSE}/certains", data={"_csrf": jeton})
    assert refus.status_code == 403
    assert "revient à la sous-préfecture" in refus.text
    assert scene.ligne().suite is Suite.A_RAPPROCHER


def un_classeur_demesure() -> bytes:
    """Deux cases, aux deux bouts de la grille : dix Go pour qui la réserve."""
    tampon = io.BytesIO()
    with xlsxwriter.Workbook(tampon, {"in_memory": True}) as classeur:
        page = classeur.add_worksheet()
        page.write(0, 0, "x")
        page.write(1_048_575, 250, "y")
    return tampon.getvalue()


def une_bombe() -> bytes:
    """Un vrai classeur, où une pièce se gonfle mille fois."""
    tampon = io.BytesIO(en_xlsx(une_rangee()))
    with zipfile.ZipFile(tampon, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b" " * 30_000_000)
    return tampon.getvalue()


MULTI = une_rangee("DA00000077", "Subventions Multi-actions du programme 147")


@pytest.mark.parametrize(
    ("nom", "contenu", "dit"),
    [
        ("export.xlsm", en_xlsx(une_rangee()), "macros"),
        ("export.xlsx", un_docx(), "document Word"),
        ("export.docx", un_docx(), "Exportez le tableau du portail en xlsx"),
        ("export.xlsx", un_classeur_demesure(), "trop grand"),
        ("export.xlsx", une_bombe(), "démesuré"),
        ("export.xlsx", en_xlsx(une_rangee())[:-30], "xlsx sans macro"),
        ("export.xlsx", b"", "vide"),
        ("export.csv", en_xlsx(une_rangee()), "ce n’est pas un texte"),
        ("export.csv", b"\x81\x8d", "accents"),
        ("export.csv", b'a;"' + b"x" * 200_000, "ne se lit pas"),
        ("export.csv", b";" * 400, "trop grand"),
        ("export.csv", b"x" * (11 * 1024 * 1024), "10 Mo au plus"),
        ("export.csv", b"rien;du;tout", "Aucune ligne d’intitulés"),
        ("export.xlsx", en_xlsx(["x"] * 9, entete=("Intitulé", "Statut")), "Référence administrative"),
        ("export.xlsx", en_xlsx(MULTI), "Multi-actions"),
        ("export.xlsx", en_xlsx(), "aucun dossier"),
    ],
)
def test_un_fichier_refuse_dit_pourquoi_et_n_ecrit_rien(scene: Scene, nom: str, contenu: bytes, dit: str) -> None:
    refus = scene.importer(contenu, nom)
    assert refus.status_code == 422
    assert dit in refus.text.replace("\u00a0", " ").replace("\u202f", " ")
    assert 'id="erreur-tableau"' in refus.text
    assert scene.decor.session.scalar(select(func.count()).select_from(ImportPortail)) == 0


def test_sans_fichier_la_page_le_dit(scene: Scene) -> None:
    refus = scene.importer(b"", "")
    assert refus.status_code == 422
    assert "Choisissez un fichier" in refus.text


def test_les_pages_tiennent_en_huit_requetes(scene: Scene) -> None:
    scene.importer(en_xlsx(*(une_rangee(f"DA{n:08d}", f"ACTION {n}") for n in range(1, 121)), une_rangee()))
    scene.rapprocher(choix=scene.dossier.numero or "")
    tas = ("a_rapprocher", "rapprochees", "portail_seul", "ecartees", "sans_numero")
    chemins = [*(f"{ADRESSE}?tas={t}" for t in tas), f"{ADRESSE}/lignes/DA00000001", f"{ADRESSE}/lignes/{NUMERO}"]
    for chemin in chemins:
        with requetes(scene.decor.service) as vues:
            page = scene.prefecture.get(chemin)
        assert page.status_code == 200
        assert len(vues) <= 8, (chemin, len(vues), vues)
    premiere, derniere = (scene.prefecture.get(f"{ADRESSE}?page={n}").text for n in (0, 2))
    assert "page=1" in premiere
    assert "ACTION 50<" in premiere
    assert "ACTION 51<" not in premiere
    assert "ACTION 120<" in derniere
    assert "page=3" not in derniere


def test_la_sous_prefecture_trouve_la_page_dans_sa_navigation(scene: Scene) -> None:
    assert 'href="/portail-etat"' in scene.prefecture.get("/accueil").text
    assert 'href="/portail-etat"' not in scene.decor.client.get("/accueil").text
