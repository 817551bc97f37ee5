"""Les neuf fiches « projet de quartier » du contrat m2A : complètes, fidèles, dans l'ordre, défauts déclarés."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from seeds.lecture import ErreurDeDonnees, lire
from seeds.schemas.commun import Anomalie, ElementSource, LignesSource, NatureAnomalie
from seeds.schemas.fiches import ChiffreCle, Famille, FicheQuartier, FichierPresentationFiches, Niveau, Rubrique
from tests.seeds.fidelite import DOSSIER_M2A, TexteCite, ecarts, lire_document, normaliser, textes_cites

DEBUT, FIN = 819, 1467
ECRITS_PAR_LE_PROJET = {"commune", "quartier", "reserve", "nom_complet"}
PRIORITES = {
    "JONQUILLES": 4,
    "BOURTZWILLER": 3,
    "BRUSTLEIN": 2,
    "COTEAUX": 4,
    "DROUOT": 3,
    "FONDERIE": 3,
    "BRIAND": 3,
    "D8": 3,
    "MARKSTEIN": 4,
}
RATTACHEMENTS = {
    "JONQUILLES": ("68154", "QN06807M"),
    "BOURTZWILLER": ("68224", "QN06804M"),
    "BRUSTLEIN": ("68224", "QN06808M"),
    "COTEAUX": ("68224", "QN06803M"),
    "DROUOT": ("68224", "QN06807M"),
    "FONDERIE": ("68224", "QN06806M"),
    "BRIAND": ("68224", "QN06805M"),
    "D8": ("68224", "QN06805M"),
    "MARKSTEIN": ("68376", "QN06809M"),
}
# Lignes qui ne disent rien de plus que la structure du fichier : titres de section, de commune, de rubrique.
TITRES_ADMIS = {
    "2. Fiches projet de chacun des quartiers prioritaires",
    "ILLZACH",
    "MULHOUSE",
    "WITTENHEIM",
    "ACTEURS ET LIEUX RESSOURCES",
    "DISPOSITIFS",
    "PERCEPTION DES HABITANTS",
}
MOTS_DE_LIAISON = {"d", "de", "et"}
RUBRIQUES = {"REVENU/PRECARITE", "REVENU/PRECARITÉ", "REVENU/PRÉCARITÉ", "POPULATION", "EDUCATION/EMPLOI"}
# Ce qu'une anomalie écarte : « nombreuses » à Brustlein, 28 700 deux fois, le texte de Fonderie copié de Drouot.
MOTS_ECARTES = {987: {"nombreuses"}, 1276: {"28", "700"}, 1338: {"28", "700"}}
LIGNES_ECARTEES = {1248}


@cache
def les_fiches() -> tuple[FicheQuartier, ...]:
    chemins = sorted((DOSSIER_M2A / "fiches").glob("*.yaml"))
    return tuple(lire(chemin, FicheQuartier, racine=DOSSIER_M2A).contenu for chemin in chemins)


@cache
def la_presentation() -> FichierPresentationFiches:
    return lire(DOSSIER_M2A / "fiches-presentation.yaml", FichierPresentationFiches).contenu


@cache
def les_anomalies() -> tuple[Anomalie, ...]:
    return lire(DOSSIER_M2A / "anomalies" / "partie-2.yaml", tuple[Anomalie, ...]).contenu


@cache
def les_corrections() -> tuple[Anomalie, ...]:
    """Les anomalies qui changent le texte ; « tel quel » n'en est pas une."""
    return tuple(anomalie for anomalie in les_anomalies() if not anomalie.charge.startswith("tel quel"))


@cache
def le_document() -> tuple[str, ...]:
    return lire_document()


def la_fiche(code: str) -> FicheQuartier:
    return next(fiche for fiche in les_fiches() if fiche.code == code)


def les_lignes(source: LignesSource) -> set[int]:
    return {ligne for premiere, derniere in source.plages for ligne in range(premiere, derniere + 1)}


def les_elements(modele: object) -> Iterator[ElementSource]:
    """Tous les éléments sourcés sous un modèle, lui compris."""
    if isinstance(modele, ElementSource):
        yield modele
    if isinstance(modele, BaseModel):
        for champ in type(modele).model_fields:
            yield from les_elements(getattr(modele, champ))
    elif isinstance(modele, tuple):
        for enfant in modele:
            yield from les_elements(enfant)


def les_feuilles() -> Iterator[ElementSource]:
    """Les éléments des fiches et de leur présentation, sans les fiches elles-mêmes (qui citent toutes leurs lignes)."""
    for fiche in les_fiches():
        yield from (element for element in les_elements(fiche) if element is not fiche)
    yield from les_elements(la_presentation())


def les_chiffres(fiche: FicheQuartier) -> Mapping[str, ChiffreCle]:
    return {chiffre.libelle: chiffre for chiffre in fiche.chiffres}


def le_chiffre(fiche: FicheQuartier, debut: str) -> ChiffreCle:
    return next(chiffre for chiffre in fiche.chiffres if chiffre.libelle.startswith(debut))


def test_les_neuf_fiches_sont_dans_l_ordre_du_document_et_nommees_par_leur_rang() -> None:
    assert [fiche.code for fiche in les_fiches()] == list(PRIORITES)
    noms = [chemin.name for chemin in sorted((DOSSIER_M2A / "fiches").iterdir())]
    assert noms == [f"{fiche.rang:02d}-{fiche.code.lower()}.yaml" for fiche in les_fiches()]
    assert [fiche.rang for fiche in les_fiches()] == list(range(1, 10))


def test_la_liste_du_document_annonce_les_memes_fiches_dans_le_meme_ordre() -> None:
    annoncees = [
        (fiche.code, fiche.nom, commune.commune) for commune in la_presentation().communes for fiche in commune.fiches
    ]
    assert annoncees == [(fiche.code, fiche.nom, fiche.commune) for fiche in les_fiches()]


@pytest.mark.parametrize(("code", "nombre"), PRIORITES.items())
def test_chaque_fiche_porte_toutes_ses_priorites(code: str, nombre: int) -> None:
    assert len(la_fiche(code).priorites) == nombre


@pytest.mark.parametrize("code", PRIORITES)
def test_une_annonce_qui_ne_tombe_pas_juste_est_declaree(code: str) -> None:
    fiche = la_fiche(code)
    assert fiche.annonce is not None
    declaree = any(
        anomalie.nature is NatureAnomalie.CONTRADICTION and anomalie.dit == fiche.annonce.texte
        for anomalie in les_anomalies()
        if les_lignes(fiche.annonce.source) <= les_lignes(anomalie.source)
    )
    assert (fiche.annonce.nombre != len(fiche.priorites)) is declaree
    assert declaree is (code == "MARKSTEIN")


@pytest.mark.parametrize(("code", "attendu"), RATTACHEMENTS.items())
def test_chaque_fiche_a_sa_commune_et_son_quartier_prioritaire(code: str, attendu: tuple[str, str]) -> None:
    fiche = la_fiche(code)
    assert (fiche.commune, fiche.quartier) == attendu


def test_les_habitants_des_sept_quartiers_font_49_000() -> None:
    par_quartier: dict[str, set[Decimal | None]] = {}
    for fiche in les_fiches():
        habitants = les_chiffres(fiche)["habitants"]
        assert habitants.niveau is Niveau.QPV
        par_quartier.setdefault(fiche.quartier, set()).add(habitants.nombre)
    assert len(par_quartier) == 7
    assert all(len(nombres) == 1 for nombres in par_quartier.values())
    assert sum((nombre or Decimal(0)) for nombres in par_quartier.values() for nombre in nombres) == 49_000


@pytest.mark.parametrize("code", PRIORITES)
def test_le_nombre_de_bailleurs_est_celui_des_bailleurs_nommes(code: str) -> None:
    fiche = la_fiche(code)
    nommes = [acteur for acteur in fiche.acteurs if acteur.famille is Famille.BAILLEUR]
    assert le_chiffre(fiche, "bailleurs").nombre == len(nommes)


@pytest.mark.parametrize("code", PRIORITES)
def test_chaque_fiche_dit_son_pilotage_ses_habitants_ses_equipements_et_ses_dispositifs(code: str) -> None:
    fiche = la_fiche(code)
    assert {Famille.PILOTAGE, Famille.PARTICIPATION, Famille.EQUIPEMENT} <= {acteur.famille for acteur in fiche.acteurs}
    assert fiche.dispositifs
    assert fiche.perception is not None
    assert {chiffre.rubrique for chiffre in fiche.chiffres} == set(Rubrique)


@pytest.mark.parametrize(("une", "autre"), [("JONQUILLES", "DROUOT"), ("BRIAND", "D8")])
def test_deux_fiches_d_un_meme_quartier_portent_les_memes_taux(une: str, autre: str) -> None:
    taux = [
        {libelle: chiffre.valeur for libelle, chiffre in les_chiffres(la_fiche(code)).items() if _est_un_taux(chiffre)}
        for code in (une, autre)
    ]
    assert taux[0] == taux[1]
    assert len(taux[0]) == 12


def _est_un_taux(chiffre: ChiffreCle) -> bool:
    return chiffre.rubrique is not Rubrique.CHIFFRES_CLES


def test_les_taux_ont_le_meme_libelle_dans_toutes_les_fiches_chiffrees() -> None:
    libelles = {
        fiche.code: {chiffre.libelle for chiffre in fiche.chiffres if _est_un_taux(chiffre)} for fiche in les_fiches()
    }
    complets = [libelles[code] for code in PRIORITES if code not in ("FONDERIE", "BRUSTLEIN")]
    assert all(libelle == complets[0] for libelle in complets)
    assert complets[0] - libelles["BRUSTLEIN"] == {"16-25 ans non scolarisés et sans emploi"}
    assert not libelles["FONDERIE"] & complets[0]


def test_la_troisieme_priorite_de_fonderie_n_a_pas_le_texte_de_drouot() -> None:
    sans_texte = [(f.code, p.rang) for f in les_fiches() for p in f.priorites if p.texte is None]
    assert sans_texte == [("FONDERIE", 3)]
    priorite = la_fiche("FONDERIE").priorites[2]
    assert priorite.intitule.startswith("Développer l'insertion des jeunes")
    assert priorite.reserve is not None
    assert le_document()[1248 - 1] == le_document()[1169 - 1]


def test_la_perception_recopiee_de_briand_est_montree_avec_une_reserve() -> None:
    reservees = [fiche.code for fiche in les_fiches() if fiche.perception and fiche.perception.reserve]
    assert reservees == ["BRUSTLEIN"]
    assert le_document()[1004 - 1] == le_document()[1298 - 1]


def test_le_texte_commun_de_markstein_vaut_pour_ses_deux_premieres_priorites() -> None:
    premiere, deuxieme, *_ = la_fiche("MARKSTEIN").priorites
    assert premiere.texte == deuxieme.texte
    assert premiere.intitule != deuxieme.intitule
    assert premiere.reserve == deuxieme.reserve is not None


def test_les_points_enumeres_par_le_texte_sont_detailles() -> None:
    for fiche in les_fiches():
        for priorite in fiche.priorites:
            points = f"{priorite.intitule} {priorite.texte or ''}".count(" ; ")
            assert len(priorite.sous_points) == (points + 1 if points else 0), (fiche.code, priorite.rang)


def test_le_renouvellement_urbain_d_illzach_finit_en_2027() -> None:
    (dispositif,) = la_fiche("JONQUILLES").dispositifs
    assert (dispositif.code, dispositif.valide_au) == ("NPNRU", date(2027, 12, 31))


def test_un_dispositif_garde_son_code_d_une_fiche_a_l_autre() -> None:
    par_code: dict[str, set[str]] = {}
    for fiche in les_fiches():
        for dispositif in fiche.dispositifs:
            par_code.setdefault(dispositif.code, set()).add(fiche.code)
    assert par_code["CITE_EMPLOI"] == set(PRIORITES) - {"JONQUILLES", "MARKSTEIN"}
    assert par_code["CITE_EDUCATIVE"] == {"BOURTZWILLER", "COTEAUX", "BRIAND", "D8"}
    assert par_code["PRE"] == set(PRIORITES) - {"JONQUILLES"}
    assert par_code["NPNRU"] == {"JONQUILLES", "COTEAUX", "DROUOT"}


def test_les_liens_disent_l_enjeu_des_tableaux_et_l_objectif_nomme_par_la_priorite() -> None:
    liens = {(f.code, p.rang): [lien.code for lien in p.liens] for f in les_fiches() for p in f.priorites if p.liens}
    assert liens == {
        ("JONQUILLES", 1): ["E1"],
        ("JONQUILLES", 2): ["E1"],
        ("JONQUILLES", 3): ["E2"],
        ("JONQUILLES", 4): ["E2"],
        ("BRUSTLEIN", 1): ["E2.1"],
        ("COTEAUX", 2): ["E2.1"],
        ("COTEAUX", 3): ["E2.1"],
        ("COTEAUX", 4): ["E2"],
        ("D8", 3): ["E2.1"],
        ("MARKSTEIN", 1): ["E1"],
        ("MARKSTEIN", 2): ["E1"],
        ("MARKSTEIN", 3): ["E1"],
        ("MARKSTEIN", 4): ["E2"],
    }


@pytest.mark.parametrize("code", PRIORITES)
def test_chaque_texte_se_retrouve_dans_les_lignes_citees(code: str) -> None:
    assert ecarts(la_fiche(code), le_document(), les_corrections(), sauf=ECRITS_PAR_LE_PROJET) == []


def test_la_presentation_des_fiches_se_retrouve_dans_les_lignes_citees() -> None:
    assert ecarts(la_presentation(), le_document(), les_corrections(), sauf=ECRITS_PAR_LE_PROJET) == []


def test_un_texte_change_ne_passe_pas_pour_fidele() -> None:
    fiche = la_fiche("D8")
    fausse = fiche.model_copy(update={"presentation": (fiche.presentation[0].model_copy(update={"texte": "inventé"}),)})
    assert len(ecarts(fausse, le_document(), les_corrections(), sauf=ECRITS_PAR_LE_PROJET)) == 1


def test_chaque_element_reste_dans_les_lignes_de_sa_fiche() -> None:
    for fiche in les_fiches():
        liens = {id(lien) for priorite in fiche.priorites for lien in priorite.liens}
        for element in les_elements(fiche):
            hors = {ligne for ligne in les_lignes(element.source) - les_lignes(fiche.source) if ligne != 212}
            assert not hors or id(element) in liens, (fiche.code, element.source)


def test_les_priorites_se_suivent_comme_dans_le_document() -> None:
    for fiche in les_fiches():
        premieres = [priorite.source.plages[0][0] for priorite in fiche.priorites]
        assert premieres == sorted(set(premieres))


def test_aucune_ligne_des_fiches_n_est_orpheline() -> None:
    utiles = {
        ligne
        for ligne in range(DEBUT, FIN + 1)
        if normaliser(le_document()[ligne - 1]) and normaliser(le_document()[ligne - 1]) not in TITRES_ADMIS
    }
    couvertes = {ligne for element in les_feuilles() for ligne in les_lignes(element.source)}
    orphelines = {ligne: le_document()[ligne - 1] for ligne in sorted(utiles - couvertes)}
    assert len(utiles) > 350
    assert len(utiles & couvertes) >= 0.95 * len(utiles), orphelines
    assert orphelines == {}


def test_aucun_mot_des_lignes_citees_n_est_perdu() -> None:
    charges: dict[int, set[str]] = {}
    for element in les_feuilles():
        mots = {mot for cite in textes_cites(element) if cite.source == element.source for mot in _mots(cite.texte)}
        for ligne in les_lignes(element.source):
            charges.setdefault(ligne, set()).update(mots)
    perdus = {ligne: _perdus(ligne, mots) for ligne, mots in charges.items() if DEBUT <= ligne <= FIN}
    assert {ligne: mots for ligne, mots in perdus.items() if mots and ligne not in LIGNES_ECARTEES} == {}
    assert all(perdus[ligne] for ligne in LIGNES_ECARTEES)


def _perdus(ligne: int, charges: set[str]) -> set[str]:
    texte = normaliser(le_document()[ligne - 1])
    for anomalie in les_corrections():
        if ligne in les_lignes(anomalie.source):
            texte = texte.replace(normaliser(anomalie.dit), normaliser(anomalie.charge))
    return _mots(texte) - charges - MOTS_DE_LIAISON - _mots(" ".join(RUBRIQUES)) - MOTS_ECARTES.get(ligne, set())


def _mots(texte: str) -> set[str]:
    return set(re.findall(r"\w+", texte))


def test_les_anomalies_sont_numerotees_dans_l_ordre_et_assez_nombreuses() -> None:
    assert [anomalie.code for anomalie in les_anomalies()] == [
        f"A-P2-{rang:03d}" for rang in range(1, len(les_anomalies()) + 1)
    ]
    assert {anomalie.nature for anomalie in les_anomalies()} == set(NatureAnomalie)
    assert len(les_anomalies()) >= 25


def test_ce_que_dit_une_anomalie_est_dans_les_lignes_qu_elle_cite() -> None:
    absents = [
        (anomalie.code, extrait)
        for anomalie in les_anomalies()
        for extrait in anomalie.dit.split(" | ")
        if normaliser(extrait) not in _passage(anomalie.source)
    ]
    assert absents == []


def _passage(source: LignesSource) -> str:
    return normaliser("\n".join(le_document()[ligne - 1] for ligne in sorted(les_lignes(source))))


def test_chaque_mot_altere_et_chaque_coquille_est_corrige_ou_laisse_avec_sa_raison() -> None:
    textes = [(les_lignes(cite.source), normaliser(cite.texte)) for cite in _tous_les_textes()]
    fautes = []
    for anomalie in les_anomalies():
        if anomalie.nature not in (NatureAnomalie.COQUILLE, NatureAnomalie.MOT_ALTERE):
            continue
        attendu = anomalie.dit if anomalie.charge.startswith("tel quel") else anomalie.charge
        locaux = [texte for lignes, texte in textes if lignes & les_lignes(anomalie.source)]
        fautes += [] if any(normaliser(attendu) in texte for texte in locaux) else [(anomalie.code, attendu)]
    assert fautes == []


def _tous_les_textes() -> Sequence[TexteCite]:
    return [*textes_cites(les_fiches(), sauf=ECRITS_PAR_LE_PROJET), *textes_cites(la_presentation())]


@pytest.mark.parametrize(
    ("valeur", "precision", "nombre", "femmes"),
    [
        ("43%", "femmes : 37%", Decimal(43), Decimal(37)),
        ("1 202 €", None, Decimal(1202), None),
        ("1152,50 €", None, Decimal("1152.50"), None),
        ("-18%", None, Decimal(-18), None),
        ("28 700", None, Decimal(28700), None),
        ("nombreuses", "femmes : beaucoup", None, None),
        (None, "hommes : 12%", None, None),
    ],
)
def test_un_chiffre_imprime_se_lit_en_nombre(
    valeur: str | None, precision: str | None, nombre: Decimal | None, femmes: Decimal | None
) -> None:
    chiffre = ChiffreCle.model_validate(
        {"rubrique": "population", "libelle": "x", "valeur": valeur, "precision": precision, "source": "1"}
    )
    assert (chiffre.nombre, chiffre.nombre_femmes) == (nombre, femmes)


@pytest.mark.parametrize(
    ("change", "raison"),
    [
        ({"priorites": [{"rang": 1, "intitule": "x", "source": "1"}]}, "reserve"),
        ({"priorites": [{"rang": 2, "intitule": "x", "texte": "y", "source": "1"}]}, "numéroter de 1 à 1"),
        ({"priorites": []}, "at least 1 item"),
        ({"quartier": "QP068001"}, "pattern"),
        ({"annonce": {"texte": "Trois priorités", "source": "1"}}, "pattern"),
        ({"acteurs": [{"famille": "bailleur", "nom": "x", "source": "1"}] * 2}, "deux fois le même acteur"),
        ({"dispositifs": [{"code": "PRE", "nature": "projet", "nom": "x", "source": "1"}] * 2}, "même dispositif"),
        ({"chiffres": [{"rubrique": "population", "libelle": "x", "source": "1"}] * 2}, "deux fois le même chiffre"),
        ({"couleur": "bleu"}, "Extra inputs"),
    ],
)
def test_une_fiche_fautive_est_refusee_avec_sa_raison(change: dict[str, object], raison: str) -> None:
    fiche = la_fiche("D8").model_dump(mode="json", exclude_none=True)
    FicheQuartier.model_validate(fiche)
    with pytest.raises(ValidationError, match=raison):
        FicheQuartier.model_validate(fiche | change)


def test_une_faute_dans_un_fichier_de_fiche_dit_sa_ligne(tmp_path: Path) -> None:
    texte = (DOSSIER_M2A / "fiches" / "08-d8.yaml").read_text(encoding="utf-8")
    ligne = next(rang for rang, contenu in enumerate(texte.splitlines(), 1) if contenu.startswith("quartier:"))
    copie = tmp_path / "08-d8.yaml"
    copie.write_text(texte.replace("quartier: QN06805M", "quartier: QN0680"), encoding="utf-8")
    with pytest.raises(ErreurDeDonnees, match=f"08-d8.yaml, ligne {ligne} "):
        lire(copie, FicheQuartier)
