"""Parties 3 et 4, signataires et annexes du contrat m2A : complètes, fidèles, dans l'ordre, défauts déclarés."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from seeds.lecture import ErreurDeDonnees, lire
from seeds.schemas.commun import Anomalie, ElementSource, LignesSource, NatureAnomalie
from seeds.schemas.contrat import FichierContrat
from seeds.schemas.enjeux import FichierEnjeux
from seeds.schemas.fiches import FicheQuartier
from seeds.schemas.gouvernance import FichierInstances, FichierSuivi, Instance
from seeds.schemas.partenariat import (
    ActeCommission,
    AxeFeuille,
    Engagement,
    FeuilleDeRoute,
    FichierDispositifsEtat,
    FichierEngagements,
    LigneFinancement,
    Origine,
    Priorite,
    StatutAnnexe,
    StatutEngagement,
    TypeAutorite,
    TypeMoyen,
)
from tests.seeds.fidelite import DOSSIER_M2A, TexteCite, ecarts, lire_document, normaliser, textes_cites

DEBUT, FIN = 1468, 2205
FORMES: Mapping[str, Any] = {
    "lignes.yaml": tuple[LigneFinancement, ...],
    "feuilles-de-route.yaml": tuple[FeuilleDeRoute, ...],
    "instances.yaml": FichierInstances,
    "dispositifs-etat.yaml": FichierDispositifsEtat,
    "engagements.yaml": FichierEngagements,
    "suivi.yaml": FichierSuivi,
}
# Codes et mots du projet : rien à retrouver dans le document.
RENVOIS = frozenset(
    {"objectifs", "objectifs_operationnels", "sous_actions", "objectif", "rattachement", "axe", "ligne", "fiches"}
    | {"feuille_de_route", "partenaire", "commune", "communes", "siren", "siret"}
)
ECRITS_PAR_LE_PROJET: Mapping[str, frozenset[str]] = {
    "lignes.yaml": RENVOIS | {"acte_decision"},
    "dispositifs-etat.yaml": RENVOIS | {"nom"},
    "engagements.yaml": RENVOIS | {"theme"},
    "suivi.yaml": RENVOIS | {"institution"},
}
LIGNES_ADMISES = {
    "titre de partie ou de section": {1468, 1474, 1594, 1650, 1656, 1723, 1743, 1779, 1789, 1791},
    "sous-titre, porté par une famille ou une liste": {1660, 1680, 1696, 1711},
    "nom de personne": {1793, 1795, 1801, 1803, 1805},
    "couverture des annexes": {1818, 1820, 1822, 1823, 1824, 1826, 1827, 1828, 1830, 1836},
    "titre d'annexe sans contenu propre": {1840, 1850, 2009, 2141},
}
# Rangés par rang, par partenaire ou par numéro d'annexe plutôt que par ligne du document.
ORDRE_PROPRE = {"priorites", "engagements", "partenaires", "annexes"}
TOUS_LES_OBJECTIFS = {"E1.1", "E1.2", "E1.3", "E1.4", "E2.1", "E2.2", "E2.3", "E2.4", "T.1", "T.2", "C.1", "C.2"}


@cache
def document() -> tuple[str, ...]:
    return lire_document()


@cache
def anomalies() -> tuple[Anomalie, ...]:
    return lire(DOSSIER_M2A / "anomalies" / "partie-3.yaml", tuple[Anomalie, ...]).contenu


@cache
def fichier(nom: str) -> Any:
    return lire(DOSSIER_M2A / nom, FORMES[nom]).contenu


def lignes() -> dict[str, LigneFinancement]:
    return {ligne.code: ligne for ligne in fichier("lignes.yaml")}


def feuilles() -> dict[str, FeuilleDeRoute]:
    return {feuille.code: feuille for feuille in fichier("feuilles-de-route.yaml")}


def axes(feuille: FeuilleDeRoute) -> list[AxeFeuille]:
    return [axe for rangee in feuille.rangees for axe in rangee.axes]


def engagements(partenaire: str) -> list[Engagement]:
    return [un for un in fichier("engagements.yaml").engagements if un.partenaire == partenaire]


def elements(modele: object) -> Iterator[BaseModel]:
    if isinstance(modele, BaseModel):
        yield modele
        for champ in type(modele).model_fields:
            yield from elements(getattr(modele, champ))
    elif isinstance(modele, tuple):
        for enfant in modele:
            yield from elements(enfant)


def tous_les_textes() -> list[TexteCite]:
    return [cite for nom in FORMES for cite in textes_cites(fichier(nom), sauf=ECRITS_PAR_LE_PROJET.get(nom, RENVOIS))]


def codes(modele: object) -> list[str]:
    return [element.code for element in elements(modele) if hasattr(element, "code")]


# --- lignes de financement ---


def test_les_cinq_lignes_dans_l_ordre_avec_leur_autorite() -> None:
    assert [(ligne.code, ligne.type_autorite, ligne.commune) for ligne in fichier("lignes.yaml")] == [
        ("BOP147", TypeAutorite.ETAT, None),
        ("M2A", TypeAutorite.EPCI, None),
        ("MULHOUSE", TypeAutorite.COMMUNE, "68224"),
        ("ILLZACH", TypeAutorite.COMMUNE, "68154"),
        ("WITTENHEIM", TypeAutorite.COMMUNE, "68376"),
    ]
    assert {ligne.acte_decision for ligne in lignes().values()} == {
        "décision du préfet",
        "délibération du conseil d’agglomération",
        "délibération du conseil municipal",
    }
    assert lignes()["M2A"].siren == "200066009"
    assert lignes()["MULHOUSE"].siret == "21680224900013"


def test_la_commission_valide_la_ligne_m2a_et_donne_un_avis_sur_les_autres() -> None:
    assert [code for code, ligne in lignes().items() if ligne.acte_commission is ActeCommission.VALIDE] == ["M2A"]


def test_l_etat_retient_les_douze_objectifs_au_meme_rang() -> None:
    (priorite,) = lignes()["BOP147"].priorites
    assert set(priorite.objectifs) == TOUS_LES_OBJECTIFS


def test_les_quatre_rangs_de_m2a_couvrent_les_douze_objectifs() -> None:
    premiere, seconde, troisieme, derniere = lignes()["M2A"].priorites
    assert premiere.objectifs == ("E2.2",)
    assert seconde.objectifs == ("E1.3",)
    assert seconde.objectifs_operationnels == ("E1.1.5", "E1.1.6", "E2.1.1", "E2.1.3", "E2.1.4")
    assert seconde.sous_actions == ("E1.1.2.1",)
    assert [condition.code for condition in seconde.conditions] == ["T.2"]
    assert set(derniere.objectifs) == {"E1.2", "E2.4"}
    assert {premiere.origine, seconde.origine} == {Origine.DECLAREE}
    assert {troisieme.origine, derniere.origine} == {Origine.DEDUITE}
    cites = [code for priorite in lignes()["M2A"].priorites for code in priorite.objectifs]
    assert set(cites) == TOUS_LES_OBJECTIFS
    assert len(cites) == len(set(cites))


@pytest.mark.parametrize(("code", "nombre"), [("MULHOUSE", 5), ("ILLZACH", 7), ("WITTENHEIM", 6)])
def test_les_priorites_d_une_ville_sont_les_axes_de_sa_feuille_de_route(code: str, nombre: int) -> None:
    priorites = lignes()[code].priorites
    attendus = axes(feuilles()[code])
    assert len(priorites) == len(attendus) == nombre
    for priorite, axe in zip(priorites, attendus, strict=True):
        assert (priorite.rang, priorite.axe, priorite.intitule) == (1, axe.code, axe.intitule)
        assert list(priorite.textes) == [texte for action in axe.actions for texte in (action.texte, *action.details)]
        repris = {operationnel.rsplit(".", 1)[0] for operationnel in priorite.objectifs_operationnels}
        assert set(priorite.objectifs) | repris == set(axe.objectifs)


# --- feuilles de route ---


def test_les_quatre_feuilles_de_route_et_leurs_tableaux_complets() -> None:
    comptes = {
        code: ([len(rangee.axes) for rangee in feuille.rangees], sum(len(axe.actions) for axe in axes(feuille)))
        for code, feuille in feuilles().items()
    }
    assert comptes == {
        "M2A": ([4, 6, 1, 1, 2], 28),
        "ILLZACH": ([2, 2, 1, 1, 1], 22),
        "MULHOUSE": ([1, 4], 12),
        "WITTENHEIM": ([1, 2, 1, 1, 1], 24),
    }
    assert [len(feuille.ambitions) for feuille in feuilles().values()] == [0, 4, 4, 4]
    assert {code: feuille.ligne for code, feuille in feuilles().items()} == {code: code for code in feuilles()}


def test_le_rang_copie_de_wittenheim_n_est_pas_charge_pour_mulhouse() -> None:
    textes = " ".join(cite.texte for cite in textes_cites(feuilles()["MULHOUSE"], sauf=RENVOIS))
    assert "copropriétés" not in textes
    assert "mixité urbaine" not in textes
    assert axes(feuilles()["MULHOUSE"])[0].intitule == "Bien Vivre Ensemble"
    assert "copropriétés de La Forêt" in axes(feuilles()["WITTENHEIM"])[0].actions[0].texte
    assert [anomalie.source for anomalie in anomalies() if anomalie.nature is NatureAnomalie.COPIE] == ["1539"]


def test_chaque_collectivite_engage_son_droit_commun_et_des_credits_specifiques() -> None:
    for feuille in feuilles().values():
        types = {moyen.type for moyen in feuille.moyens}
        assert {TypeMoyen.DROIT_COMMUN, TypeMoyen.CREDITS_SPECIFIQUES} <= types


def test_un_projet_politique_qui_finit_en_2026_le_dit() -> None:
    finissants = {code: {ambition.valide_au for ambition in feuilles()[code].ambitions} for code in feuilles()}
    assert finissants["ILLZACH"] == finissants["MULHOUSE"] == {date(2026, 12, 31)}
    assert finissants["WITTENHEIM"] == {None}


# --- instances et participation ---


def test_neuf_instances_dans_l_ordre_du_document() -> None:
    instances = fichier("instances.yaml").instances
    assert [(une.code, une.reunions_mini, une.reunions_maxi) for une in instances] == [
        ("COPIL_RESTREINT", 1, 1),
        ("COPIL_ELARGI", None, None),
        ("COMMISSION_ELUS", 5, 10),
        ("EQUIPE_PROJET", 5, 10),
        ("EQUIPE_MULHOUSE", None, None),
        ("REFERENTS_VILLES", None, None),
        ("DELEGUES_PREFET", None, None),
        ("RENCONTRES_ACTEURS", 1, 1),
        ("ANIMATION_TERRITORIALE", 3, 5),
    ]
    sans_pilote = [une.code for une in instances if une.pilotage is None or une.frequence is None]
    assert sans_pilote == ["EQUIPE_MULHOUSE", "REFERENTS_VILLES", "DELEGUES_PREFET"]
    assert [fonction.code for fonction in fichier("instances.yaml").fonctions] == ["CHARGE_MISSION"]


def test_la_frequence_chiffree_est_celle_du_texte() -> None:
    for instance in fichier("instances.yaml").instances:
        nombres = [int(nombre) for nombre in re.findall(r"\d+", instance.frequence or "")]
        attendus = [] if instance.reunions_mini is None else [instance.reunions_mini, instance.reunions_maxi]
        assert attendus == (nombres * 2 if len(nombres) == 1 else nombres), instance.code


def test_la_commission_des_elus_compte_des_services_et_le_vice_president_la_conduit() -> None:
    commission: Instance = fichier("instances.yaml").instances[2]
    assert commission.pilotage == "VP politique de la ville m2A"
    assert commission.membres[-2:] == ("Bureau politique de la ville Etat", "ORIV")
    assert len(commission.membres) == 5


def test_conseils_citoyens_a_illzach_et_wittenheim_conseils_des_habitants_a_mulhouse() -> None:
    communes = {modalite.code: modalite.communes for modalite in fichier("instances.yaml").participation}
    assert communes["CONSEIL_CITOYEN"] == ("68154", "68376")
    assert communes["CONSEIL_HABITANTS"] == ("68224",)
    assert len(communes) == 7


# --- État ---


def test_dix_sept_dispositifs_de_l_etat_par_theme() -> None:
    themes = fichier("dispositifs-etat.yaml").themes
    assert [(theme.code, len(theme.dispositifs)) for theme in themes] == [
        ("EDUCATION", 6),
        ("SECURITE", 6),
        ("CADRE_DE_VIE", 2),
        ("EMPLOI", 3),
    ]
    assert sum(len(theme.dispositifs) for theme in themes) == 17


def test_les_services_sont_consultes_sur_la_ligne_de_l_etat() -> None:
    consultation = fichier("dispositifs-etat.yaml").consultation
    assert consultation.ligne == "BOP147"
    assert consultation.responsable == "sous-préfet de Mulhouse"


# --- engagements et annexes ---


def test_les_engagements_par_partenaire_et_par_statut() -> None:
    comptes = Counter((un.partenaire, un.statut.value) for un in fichier("engagements.yaml").engagements)
    assert comptes == {
        ("M2A", "engage"): 21,
        ("M2A", "sous_reserve"): 4,
        ("ETAT", "a_venir"): 1,
        ("CAF", "engage"): 9,
        ("REGION", "sous_reserve"): 2,
        ("REGION", "engage"): 1,
        ("CEA", "sous_reserve"): 1,
        ("CEA", "a_venir"): 1,
        ("AUTRES", "engage"): 1,
        ("AUTRES", "a_venir"): 1,
        ("BPIFRANCE", "sous_reserve"): 13,
        ("AREAL", "sous_reserve"): 11,
    }


def test_la_reserve_de_bpifrance_couvre_tous_ses_engagements() -> None:
    assert {un.reserve for un in engagements("BPIFRANCE")} == {
        "Sous réserve des crédits disponibles et de l'accord des comités d'engagement compétents"
    }


def test_un_engagement_adosse_a_un_cadre_qui_finit_avant_2030_porte_sa_fin() -> None:
    finissants = Counter(un.valide_au for un in fichier("engagements.yaml").engagements if un.valide_au)
    assert finissants == {date(2026, 12, 31): 7, date(2027, 12, 31): 2}


def test_les_annexes_annoncees_et_absentes_sont_a_venir() -> None:
    annexes = fichier("engagements.yaml").annexes
    assert len(annexes) == 10
    a_venir = [annexe.code for annexe in annexes if annexe.statut is StatutAnnexe.A_VENIR]
    assert a_venir == ["ANNEXE-2.2", "ANNEXE-2.4", "ANNEXE-3.3", "ANNEXE-TFPB", "ANNEXE-CITES"]
    attendus = {un.code for un in fichier("engagements.yaml").engagements if un.statut is StatutEngagement.A_VENIR}
    assert attendus == {"ETAT-1", "CEA-2", "AUTRES-2"}


# --- suivi ---


def test_sept_ans_actualises_en_2027_comme_le_dit_le_contrat() -> None:
    suivi = fichier("suivi.yaml")
    contrat = lire(DOSSIER_M2A / "contrat.yaml", FichierContrat).contenu
    assert (
        (suivi.duree.debut, suivi.duree.fin) == (contrat.debut, contrat.fin) == (date(2024, 1, 1), date(2030, 12, 31))
    )
    assert suivi.duree.annees == suivi.duree.fin.year - suivi.duree.debut.year + 1 == 7
    assert suivi.actualisation.annee == 2027
    assert str(suivi.actualisation.annee) in {version.code for version in contrat.versions}


def test_les_conventions_pluriannuelles_et_les_indicateurs() -> None:
    suivi = fichier("suivi.yaml")
    assert (suivi.cpo.duree_mini, suivi.cpo.duree_maxi, suivi.cpo.part_minimale_etat) == (2, 3, Decimal("0.50"))
    assert [famille.code for famille in suivi.indicateurs] == ["CONTEXTE", "REALISATION", "IMPACT"]
    assert [source.code for source in suivi.financements] == [
        "CREDITS_SPECIFIQUES",
        "APPEL_ANNUEL",
        "CPO",
        "TFPB",
        "ADULTE_RELAIS",
        "AUTRES_CREDITS",
    ]


def test_cinq_signataires_sans_nom_de_personne() -> None:
    assert [signataire.fonction for signataire in fichier("suivi.yaml").signataires] == [
        "Préfet du Haut-Rhin",
        "Président de m2A",
        "Maire d'Illzach",
        "Maire de Mulhouse",
        "Maire de Wittenheim",
    ]
    noms = [document()[numero - 1].split()[-1] for numero in LIGNES_ADMISES["nom de personne"]]
    assert len(noms) == 5
    for chemin in (*(DOSSIER_M2A / nom for nom in FORMES), DOSSIER_M2A / "anomalies" / "partie-3.yaml"):
        texte = chemin.read_text(encoding="utf-8").casefold()
        assert not [nom for nom in noms if nom.casefold() in texte], chemin.name


def test_la_synthese_de_l_evaluation_a_quatre_registres() -> None:
    registres = fichier("suivi.yaml").evaluation.registres
    comptes = [
        (une.code, len(une.apports), len(une.problematiques), sum(len(groupe.pistes) for groupe in une.pistes))
        for une in registres
    ]
    assert comptes == [
        ("OPPORTUNITES", 7, 4, 9),
        ("PERCEPTION", 4, 5, 5),
        ("SOLIDARITE", 4, 4, 4),
        ("PARTICIPATION", 3, 3, 4),
    ]


# --- ensemble ---


@pytest.mark.parametrize("nom", FORMES)
def test_chaque_texte_se_retrouve_dans_les_lignes_citees(nom: str) -> None:
    contenu = fichier(nom)
    if nom == "lignes.yaml":  # l'intitulé d'une priorité déduite est du projet ; « État » prend ici son accent
        deduites = [une for ligne in contenu for une in ligne.priorites if une.origine is Origine.DEDUITE]
        assert len(deduites) == 2
        contenu = tuple(_sans_deduites(ligne) for ligne in contenu)
    assert ecarts(contenu, document(), anomalies(), sauf=ECRITS_PAR_LE_PROJET.get(nom, RENVOIS)) == []


def _sans_deduites(ligne: LigneFinancement) -> LigneFinancement:
    declarees: tuple[Priorite, ...] = tuple(une for une in ligne.priorites if une.origine is Origine.DECLAREE)
    return ligne.model_copy(update={"priorites": declarees})


def test_un_texte_change_est_vu() -> None:
    ligne = fichier("lignes.yaml")[2]
    faussee = ligne.model_copy(update={"financeur": "Ville de Colmar"})
    assert len(ecarts(faussee, document(), anomalies(), sauf=ECRITS_PAR_LE_PROJET["lignes.yaml"])) == 1


def test_les_sources_couvrent_la_partie_sauf_des_lignes_dites() -> None:
    couvertes = {n for cite in tous_les_textes() for d, f in cite.source.plages for n in range(d, f + 1)}
    pleines = {numero for numero in range(DEBUT, FIN + 1) if document()[numero - 1].strip()}
    admises = set().union(*LIGNES_ADMISES.values())
    assert pleines - couvertes == admises
    assert len(pleines & couvertes) / len(pleines) >= Decimal("0.90")


def test_les_textes_charges_reprennent_95_pour_cent_des_lettres_de_la_partie() -> None:
    par_ligne: dict[int, set[str]] = {}
    for cite in tous_les_textes():
        for debut, fin in cite.source.plages:
            for numero in range(debut, fin + 1):
                par_ligne.setdefault(numero, set()).add(normaliser(cite.texte).casefold())
    total = reste = 0
    for numero in range(DEBUT, FIN + 1):
        ligne = normaliser(re.sub(r"<[^>]+>|⇒|•", " ", document()[numero - 1])).casefold()
        total += len(_lettres(ligne))
        reste += len(_lettres(_non_repris(ligne, numero, par_ligne.get(numero, set()))))
    assert total > 60_000
    assert reste / total <= Decimal("0.06")


def _non_repris(ligne: str, numero: int, textes: set[str]) -> str:
    for anomalie in anomalies():
        if any(debut <= numero <= fin for debut, fin in anomalie.source.plages):
            ligne = ligne.replace(normaliser(anomalie.dit).casefold(), normaliser(anomalie.charge).casefold())
    for texte in sorted(textes, key=len, reverse=True):
        ligne = ligne.replace(texte, " ")
        if len(_lettres(ligne)) > 15 and " ".join(ligne.split()) in texte:  # le texte court sur plusieurs lignes
            return ""
    return ligne


def _lettres(texte: str) -> str:
    return re.sub(r"[\W_]", "", texte)


@pytest.mark.parametrize("nom", FORMES)
def test_les_elements_suivent_l_ordre_du_document(nom: str) -> None:
    for element in elements(fichier(nom)):
        for champ in type(element).model_fields:
            enfants = getattr(element, champ)
            debuts = [] if champ in ORDRE_PROPRE else [source.plages[0][0] for source in _sources(enfants)]
            assert debuts == sorted(debuts), f"{nom}, {champ} : {debuts}"


def _sources(enfants: object) -> list[LignesSource]:
    if not isinstance(enfants, tuple):
        return []
    return [enfant.source for enfant in enfants if isinstance(enfant, ElementSource)]


@pytest.mark.parametrize("nom", FORMES)
def test_les_codes_d_un_fichier_sont_uniques(nom: str) -> None:
    contenu = fichier(nom)
    propres = codes(contenu) if nom != "lignes.yaml" else [ligne.code for ligne in contenu]
    assert len(propres) == len(set(propres))


def test_les_renvois_menent_a_des_objectifs_et_des_fiches_connus() -> None:
    connus = set(codes(lire(DOSSIER_M2A / "enjeux.yaml", FichierEnjeux).contenu))
    assert connus >= TOUS_LES_OBJECTIFS
    for nom in FORMES:
        for element in elements(fichier(nom)):
            for champ in ("objectifs", "objectifs_operationnels", "sous_actions"):
                assert set(getattr(element, champ, ())) <= connus, f"{nom}, {element}"
            assert {getattr(element, "rattachement", "E1"), getattr(element, "objectif", "E1")} <= connus
    fiches = {lire(chemin, FicheQuartier).contenu.code for chemin in (DOSSIER_M2A / "fiches").glob("*.yaml")}
    assert sorted(code for feuille in feuilles().values() for code in feuille.fiches) == sorted(fiches)


def test_un_objectif_operationnel_va_avec_son_objectif() -> None:
    for nom in ("feuilles-de-route.yaml", "dispositifs-etat.yaml", "engagements.yaml"):
        for element in elements(fichier(nom)):
            parents = {code.rsplit(".", 1)[0] for code in getattr(element, "objectifs_operationnels", ())}
            assert parents <= set(getattr(element, "objectifs", ())), f"{nom}, {element}"


# --- anomalies ---


def test_les_anomalies_sont_numerotees_dans_l_ordre_et_touchent_la_partie() -> None:
    assert [anomalie.code for anomalie in anomalies()] == [f"A-P3-{n:03d}" for n in range(1, len(anomalies()) + 1)]
    for anomalie in anomalies():
        assert any(debut <= FIN and fin >= DEBUT for debut, fin in anomalie.source.plages), anomalie.code
    assert len(anomalies()) >= 25
    assert {anomalie.nature for anomalie in anomalies()} == set(NatureAnomalie)


def test_une_correction_remplace_vraiment_ce_que_dit_le_document() -> None:
    corrections = 0
    for anomalie in anomalies():
        plages = anomalie.source.plages
        lieu = normaliser(" ".join(document()[n - 1] for debut, fin in plages for n in range(debut, fin + 1)))
        if normaliser(anomalie.dit) not in lieu:
            continue
        corrections += 1
        voisins = [cite.texte for cite in tous_les_textes() if _se_touchent(cite.source, anomalie.source)]
        assert any(anomalie.charge in texte for texte in voisins), anomalie.code
    assert corrections >= 40


def _se_touchent(a: LignesSource, b: LignesSource) -> bool:
    return any(d1 <= f2 and d2 <= f1 for d1, f1 in a.plages for d2, f2 in b.plages)


# --- refus ---


LIGNE = {
    "code": "X",
    "financeur": "X",
    "intitule": "X",
    "type_autorite": "etat",
    "acte_decision": "X",
    "acte_commission": "avis",
    "source": "1",
    "priorites": [{"rang": "1", "intitule": "X", "source": "1"}],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commune": "68224"}, "code INSEE d’une ligne communale"),
        ({"type_autorite": "commune"}, "code INSEE d’une ligne communale"),
        ({"priorites": [{"rang": "2", "intitule": "X", "source": "1"}]}, "sans trou"),
        ({"priorites": []}, "au moins un élément"),
    ],
)
def test_une_ligne_incoherente_est_refusee(change: dict[str, object], message: str) -> None:
    assert LigneFinancement.model_validate(LIGNE).code == "X"
    with pytest.raises(ValidationError, match=message):
        LigneFinancement.model_validate(LIGNE | change)


ENGAGEMENT = {"code": "X", "partenaire": "P", "theme": "X", "statut": "engage", "texte": "X", "source": "1"}


def test_une_reserve_va_avec_le_statut_sous_reserve_et_lui_seul() -> None:
    assert Engagement.model_validate(ENGAGEMENT).reserve is None
    for change in ({"statut": "sous_reserve"}, {"reserve": "si"}):
        with pytest.raises(ValidationError, match="lui seul"):
            Engagement.model_validate(ENGAGEMENT | change)


def test_un_partenaire_inconnu_est_refuse() -> None:
    partenaire = {"code": "Q", "nom": "Q", "source": "1"}
    with pytest.raises(ValidationError, match="partenaire inconnu : P"):
        FichierEngagements.model_validate({"partenaires": [partenaire], "engagements": [ENGAGEMENT]})


@pytest.mark.parametrize("change", [{"reunions_mini": 5}, {"reunions_mini": 5, "reunions_maxi": 3}])
def test_des_reunions_en_desordre_sont_refusees(change: dict[str, object]) -> None:
    instance = {
        "code": "X",
        "nom": "X",
        "famille": "mobilisation",
        "echelle": "contrat",
        "role": "X",
        "composition": "X",
    }
    assert (
        Instance.model_validate(instance | {"source": "1", "reunions_mini": 3, "reunions_maxi": 5}).reunions_maxi == 5
    )
    with pytest.raises(ValidationError, match="en ordre"):
        Instance.model_validate(instance | {"source": "1"} | change)


def test_un_fichier_faux_dit_le_fichier_la_ligne_et_la_raison(tmp_path: Path) -> None:
    bon = (DOSSIER_M2A / "lignes.yaml").read_text(encoding="utf-8")
    faux = bon.replace("type_autorite: epci", "type_autorite: syndicat")
    ligne = faux[: faux.index("type_autorite: syndicat")].count("\n") + 1
    (tmp_path / "lignes.yaml").write_text(faux, encoding="utf-8")
    with pytest.raises(ErreurDeDonnees, match=rf"^lignes\.yaml, ligne {ligne} : « syndicat » n’est pas permis"):
        lire(tmp_path / "lignes.yaml", FORMES["lignes.yaml"])
