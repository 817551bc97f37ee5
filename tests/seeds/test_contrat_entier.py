"""Un contrat entier : ses fichiers s'accordent, un dossier fautif dit fichier, ligne et raison."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seeds.contrat import ContratLu, lire_contrat
from seeds.lecture import ErreurDeDonnees
from tests.seeds.fidelite import DOSSIER_M2A, ecarts, lire_document, textes_cites

COLMAR = DOSSIER_M2A.parent / "colmar-exemple"


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    """Une copie du petit contrat, à abîmer."""
    return Path(shutil.copytree(COLMAR, tmp_path / "colmar"))


def _changer(dossier: Path, nom: str, avant: str, apres: str) -> None:
    chemin = dossier / nom
    texte = chemin.read_text(encoding="utf-8")
    assert avant in texte
    chemin.write_text(texte.replace(avant, apres, 1), encoding="utf-8")


def _fautes(dossier: Path) -> list[str]:
    with pytest.raises(ErreurDeDonnees) as leve:
        lire_contrat(dossier)
    return [f"{faute.fichier}, ligne {faute.ligne} : {faute.raison}" for faute in (leve.value, *leve.value.autres)]


def test_le_contrat_m2a_est_lu_en_entier() -> None:
    lu = lire_contrat(DOSSIER_M2A)
    assert lu.code == "m2a-2024-2030"
    assert (len(lu.quartiers.quartiers), len(lu.fiches), len(lu.lignes), len(lu.feuilles_de_route)) == (7, 9, 5, 4)
    assert (len(lu.instances.instances), lu.population) == (9, 49_000)
    assert lu.dispositifs_etat is not None
    assert sum(len(theme.dispositifs) for theme in lu.dispositifs_etat.themes) == 17
    assert lu.engagements is not None
    assert lu.suivi is not None
    assert {anomalie.code[:4] for anomalie in lu.anomalies} == {"A-P1", "A-P2", "A-P3"}


def test_les_fiches_se_rangent_par_quartier() -> None:
    lu = lire_contrat(DOSSIER_M2A)
    par_quartier = {q.nom: [fiche.code for fiche in lu.fiches_de(q)] for q in lu.quartiers.quartiers}
    assert par_quartier["Péricentre"] == ["BRIAND", "D8"]
    assert par_quartier["Drouot-Jonquilles"] == ["JONQUILLES", "DROUOT"]
    assert sum(map(len, par_quartier.values())) == 9


def test_le_petit_contrat_est_minimal_complet_et_tout_entier_fictif() -> None:
    lu = lire_contrat(COLMAR)
    assert (len(lu.enjeux), len(lu.objectifs), len(lu.quartiers.quartiers)) == (2, 3, 2)
    assert (len(lu.fiches), len(lu.lignes), len(lu.instances.instances)) == (2, 2, 1)
    assert [q.code for q in lu.quartiers.quartiers] == ["QN06801M", "QN06802M"]
    assert lu.contrat.est_fictif
    assert (lu.suivi, lu.engagements, lu.dispositifs_etat, lu.feuilles_de_route) == (None, None, None, ())
    longs = [t.texte for t in textes_cites((lu.enjeux, lu.fiches, lu.lignes, lu.instances)) if " " in t.texte]
    assert longs
    reels = {"Les personnes âgées", "Les jeunes de 16 à 25 ans", "Colmar Agglomération", "L'agglomération et l'État"}
    assert [texte for texte in longs if "(fictif)" not in texte and texte not in reels] == []


def test_le_petit_contrat_est_fidele_a_son_document() -> None:
    lu = lire_contrat(COLMAR)
    sauf = {"voir", "communes", "commune", "quartier", "siren", "note", "objectifs", "nature", "sigle", "insee", "nom"}
    modeles = (lu.enjeux, lu.quartiers, lu.fiches, lu.lignes, lu.instances)
    assert ecarts(modeles, lire_document(COLMAR), lu.anomalies, sauf=sauf) == []


def test_deux_contrats_ne_se_confondent_pas() -> None:
    grand, petit = lire_contrat(DOSSIER_M2A), lire_contrat(COLMAR)
    assert grand.code != petit.code
    assert grand.contrat.prefixe_dossier != petit.contrat.prefixe_dossier
    assert not {q.code for q in grand.quartiers.quartiers} & {q.code for q in petit.quartiers.quartiers}


def test_l_empreinte_ne_change_qu_avec_les_donnees(dossier: Path) -> None:
    avant = lire_contrat(dossier).empreinte
    assert avant == lire_contrat(COLMAR).empreinte
    (dossier / "lisez-moi.txt").write_text("rien", encoding="utf-8")
    assert lire_contrat(dossier).empreinte == avant
    _changer(dossier, "enjeux.yaml", "Trouver sa voie", "Trouver sa place")
    assert lire_contrat(dossier).empreinte != avant


# Le fichier abîmé, ce qui est remplacé, par quoi, ce que porte la ligne à citer, la raison attendue.
CONTRAT, ENJEUX, QUARTIERS, LIGNES = "contrat.yaml", "enjeux.yaml", "quartiers.yaml", "lignes.yaml"
FICHE_1, FICHE_2 = "fiches/01-saint-vincent.yaml", "fiches/02-europe.yaml"
FAUTES = [
    (CONTRAT, "fin: 2030-12-31", "fin: 31/12/2030", "fin: 31", "« 31/12/2030 » n’est pas une date (AAAA-MM-JJ)"),
    (CONTRAT, "fin: 2030", "fin: 2023", "code: colmar-exemple", "la « fin » du contrat vient après son « debut »"),
    (CONTRAT, '"246800726"', '"246800727"', 'siren: "246800727"', "« 246800727 » n’est pas un SIREN"),
    (CONTRAT, 'insee: "68066"', 'insee: "680"', 'insee: "680"', "« 680 » n’a pas la forme attendue pour « insee »"),
    (
        CONTRAT,
        'nature: commune, code: "68066"',
        'nature: commune, code: "68224"',
        'code: "68224"',
        "« 68224 » n’est ni l’intercommunalité ni une commune du contrat",
    ),
    (CONTRAT, "en_vigueur", "preparee", '- code: "2024"', "une version préparée dit sa « precedente »"),
    (CONTRAT, "    debut: 2024-01-01\n", "", '- code: "2024"', "une version en vigueur a un « debut »"),
    (
        CONTRAT,
        "    etat: en_vigueur",
        "    etat: preparee\n    precedente: 2020",
        "code: colmar-exemple",
        "aucune version n’est en vigueur",
    ),
    (
        CONTRAT,
        "    etat: en_vigueur",
        "    etat: en_vigueur\n    precedente: 2020",
        "precedente",
        "« 2020 » n’est pas connu (version)",
    ),
    (
        CONTRAT,
        "  - code: avertissement",
        "  - {code: avertissement, titre: A (fictif), source: 1, texte: A (fictif)}\n  - code:  avertissement",
        "- code:  avertissement",
        "le code « avertissement » est déjà pris (section)",
    ),
    (ENJEUX, "- code: E1.2\n", "- code:  E1.1\n", "- code:  E1.1", "le code « E1.1 » est déjà pris (objectif)"),
    (ENJEUX, "code: E1.2.1", "code: E1.2.9", "E1.2.9", "« E1.2.9 » devrait être « E1.2.1 »"),
    (ENJEUX, "code: E2.1\n", "code: E2.4\n", "code: E2.4", "« E2.4 » devrait être « E2.1 »"),
    (ENJEUX, "code: E1.1.1.2", "code: E1.1.1.3", "E1.1.1.3", "« E1.1.1.3 » devrait être « E1.1.1.2 »"),
    (ENJEUX, "voir: [E1.2]", "voir: [E1.2, E9.9]", "E9.9", "« E9.9 » n’est pas connu (objectif)"),
    (ENJEUX, 'source: "28"', 'source: "280"', '"280"', "« 280 » dépasse le document (51 lignes)"),
    (
        ENJEUX,
        "portee: cite",
        "portee: vise",
        "vise",
        "« vise » n’est pas permis pour « portee »",
    ),
    (QUARTIERS, '["68066"]', '["68224"]', '["68224"]', "« 68224 » n’est pas connu (commune)"),
    (QUARTIERS, "QN06801M", "QX06801M", "QX06801M", "« QX06801M » n’a pas la forme attendue pour « code »"),
    (
        QUARTIERS,
        "habitants: 10000",
        "habitants: 10001",
        "habitants: 10001",
        "les quartiers font 10000 habitants en 2023, pas 10001",
    ),
    (
        QUARTIERS,
        "habitants: 2100, ",
        "",
        "- code: QN06801M",
        "le quartier « QN06801M » n’a pas de population sur le périmètre actuel",
    ),
    (
        QUARTIERS,
        ', habitants: 2100, perimetre: "2024", source: "7", note: Nombre inventé (fictif).',
        ', perimetre: "2024", source:  "7"',
        'source:  "7"',
        "une population sans chiffre dit pourquoi dans « note »",
    ),
    (FICHE_1, "quartier: QN06801M", "quartier: QN06803M", "QN06803M", "« QN06803M » n’est pas connu (quartier)"),
    (
        FICHE_2,
        "code: EUROPE",
        "code: SAINT_VINCENT",
        "SAINT_VINCENT",
        "le code « SAINT_VINCENT » est déjà pris",
    ),
    (FICHE_2, "rang: 2\nsource", "rang: 3\nsource", "rang: 3", "cette fiche est la n° 2 du dossier, pas la n° 3"),
    (LIGNES, "[E2.1]", "[E2.7]", "[E2.7]", "« E2.7 » n’est pas connu (objectif)"),
    (
        LIGNES,
        "  acte_commission: valide",
        "  feuille_de_route: CA\n  acte_commission: valide",
        "feuille_de_route",
        "« CA » n’est pas connu (feuille de route)",
    ),
    (LIGNES, "- code: CA", "- code:  BOP147", "- code:  BOP147", "le code « BOP147 » est déjà pris (ligne)"),
    (
        "instances.yaml",
        "echelle: contrat",
        "echelle: pays",
        "echelle: pays",
        "« pays » n’est pas permis",
    ),
    ("anomalies/partie-1.yaml", "lacune", "oubli", "oubli", "« oubli » n’est pas permis pour « nature »"),
]


@pytest.mark.parametrize(("nom", "avant", "apres", "repere", "raison"), FAUTES)
def test_un_fichier_fautif_dit_fichier_ligne_et_raison(
    dossier: Path, nom: str, avant: str, apres: str, repere: str, raison: str
) -> None:
    _changer(dossier, nom, avant, apres)
    lignes = (dossier / nom).read_text(encoding="utf-8").split("\n")
    ligne = next(numero for numero, texte in enumerate(lignes, start=1) if repere in texte)
    fautes = _fautes(dossier)
    assert any(faute.startswith(f"{nom}, ligne {ligne} : {raison}") for faute in fautes), fautes


def test_une_fiche_d_une_commune_hors_de_son_quartier_est_refusee(dossier: Path) -> None:
    _changer(dossier, "contrat.yaml", "communes:\n", 'communes:\n  - {insee: "68154", nom: Illzach, source: "4"}\n')
    _changer(dossier, "fiches/01-saint-vincent.yaml", 'commune: "68066"', 'commune: "68154"')
    assert _fautes(dossier) == [
        "fiches/01-saint-vincent.yaml, ligne 6 : « 68154 » n’est pas une commune du quartier « QN06801M »"
    ]


def test_toutes_les_incoherences_sont_dites_a_la_fois(dossier: Path) -> None:
    _changer(dossier, "enjeux.yaml", "voir: [E1.2]", "voir: [E8.1, E9.1]")
    _changer(dossier, "quartiers.yaml", "habitants: 10000", "habitants: 1")
    assert len(_fautes(dossier)) == 3


@pytest.mark.parametrize("nom", ["contrat.yaml", "enjeux.yaml", "quartiers.yaml", "lignes.yaml", "instances.yaml"])
def test_un_fichier_obligatoire_absent_se_dit(dossier: Path, nom: str) -> None:
    (dossier / nom).unlink()
    assert _fautes(dossier) == [f"{nom}, ligne 1 : le fichier manque"]


@pytest.mark.parametrize("nom", ["ligne.yaml", "enjeux.yml", "anomalies/partie.yml", "autres/notes.yaml"])
def test_un_fichier_inattendu_est_refuse_plutot_qu_ignore(dossier: Path, nom: str) -> None:
    (dossier / nom).parent.mkdir(exist_ok=True)
    (dossier / nom).write_text("a: 1\n", encoding="utf-8")
    assert _fautes(dossier) == [f"{nom}, ligne 1 : ce fichier n’est pas prévu dans un contrat"]


def test_un_dossier_absent_se_dit(tmp_path: Path) -> None:
    with pytest.raises(ErreurDeDonnees, match="le dossier du contrat manque"):
        lire_contrat(tmp_path / "rien")


def test_sans_document_les_lignes_citees_ne_se_verifient_pas(dossier: Path) -> None:
    (dossier / "document.txt").unlink()
    _changer(dossier, "enjeux.yaml", 'source: "28"', 'source: "280"')
    assert isinstance(lire_contrat(dossier), ContratLu)


def _suivi_de_m2a(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DOSSIER_M2A, tmp_path / "m2a"))


def test_la_duree_du_suivi_est_celle_du_contrat(tmp_path: Path) -> None:
    dossier = _suivi_de_m2a(tmp_path)
    _changer(dossier, "contrat.yaml", "fin: 2030-12-31", "fin: 2029-12-31")
    assert any("la durée du suivi n’est pas celle de contrat.yaml" in faute for faute in _fautes(dossier))


def test_l_actualisation_annoncee_a_sa_version(tmp_path: Path) -> None:
    dossier = _suivi_de_m2a(tmp_path)
    _changer(dossier, "contrat.yaml", "annee: 2027", "annee: 2028")
    assert any("aucune version de contrat.yaml n’est de 2027" in faute for faute in _fautes(dossier))


def test_une_sous_action_visee_existe(tmp_path: Path) -> None:
    dossier = _suivi_de_m2a(tmp_path)
    _changer(dossier, "lignes.yaml", "E1.1.2.1", "E1.1.2.9")
    assert any("« E1.1.2.9 » n’est pas connu (sous-action)" in faute for faute in _fautes(dossier))
