"""Les règles de la commission, en tableaux qu'un secrétaire de séance sait lire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.commission.rules import (
    COMMISSION_DES_ELUS,
    DROIT_COMMUN,
    DROIT_LOCAL,
    Convocation,
    Decompte,
    Decoupage,
    Deport,
    Issue,
    Membre,
    NatureActe,
    Participation,
    Point,
    Presence,
    Procuration,
    Quorum,
    Resultat,
    Scrutin,
    Sens,
    Sort,
    TypeIssue,
    Voix,
    amender,
    avec_voix,
    controler_procurations,
    controler_voix,
    decompter,
    decoupage_des_blocs,
    deportes_du_point,
    former_les_blocs,
    issue_du_point,
    issues_du_bloc,
    nature_de_l_acte,
    nom_du_bloc,
    participations,
    presents_a,
    presents_requis,
    president_de_seance,
    quorum,
    resultat,
    scrutin_du_point,
    seconde_convocation_valable,
    voix_du_president,
)
from app.noyau.euros import Euros

SOIR = datetime(2027, 3, 9, 18, 0, tzinfo=UTC)
SANS_POUVOIR_ECRIT = replace(DROIT_COMMUN, pouvoir_ecrit=False)
DEUX_TIERS = replace(DROIT_COMMUN, majorite_part=Fraction(2, 3), majorite_stricte=False)
PLUS_DES_DEUX_TIERS = replace(DROIT_COMMUN, majorite_part=Fraction(2, 3))
SANS_VOIX_PREPONDERANTE = replace(DROIT_COMMUN, voix_preponderante=False)
POUVOIRS_COMPTES = replace(DROIT_COMMUN, quorum_compte_les_pouvoirs=True)
DEPORTES_GARDES = replace(DROIT_COMMUN, quorum_sans_les_deportes=False)
DEUX_POUVOIRS = replace(DROIT_COMMUN, pouvoirs_par_porteur=2)
TIERS = replace(DROIT_COMMUN, quorum_part=Fraction(1, 3), quorum_strict=False)


def des_membres(nombre: int, sans_voix: int = 0) -> list[Membre]:
    """Des élus « e1 », « e2 »… (e1 préside), puis des services « s1 »… sans voix."""
    elus = [Membre(f"e{i}", f"Élu {i}", a_voix=True, preside=i == 1, rang=i) for i in range(1, nombre + 1)]
    return elus + [Membre(f"s{i}", f"Service {i}", a_voix=False) for i in range(1, sans_voix + 1)]


def les(nombre: int) -> frozenset[str]:
    return frozenset(f"e{i}" for i in range(1, nombre + 1))


def un_pouvoir(mandant: str, mandataire: str, **autres: object) -> Procuration:
    faits: dict[str, object] = {"donnee_le": SOIR - timedelta(days=1), **autres}
    return Procuration(mandant, mandataire, **faits)  # type: ignore[arg-type]


# --- Quorum -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("en_exercice", "regles", "requis"),
    [
        (10, DROIT_COMMUN, 6), (9, DROIT_COMMUN, 5), (1, DROIT_COMMUN, 1), (2, DROIT_COMMUN, 2), (0, DROIT_COMMUN, 1),
        (55, DROIT_LOCAL, 28), (10, COMMISSION_DES_ELUS, 6), (9, TIERS, 3), (10, TIERS, 4), (0, TIERS, 1),
    ],
)  # fmt: skip
def test_le_nombre_de_presents_requis(en_exercice: int, regles: object, requis: int) -> None:
    assert presents_requis(en_exercice, regles) == requis  # type: ignore[arg-type]


PREMIERE = None
DANS_LES_TEMPS = Convocation(date(2027, 3, 1), date(2027, 3, 5))
TROP_TOT = Convocation(date(2027, 3, 1), date(2027, 3, 4))
RAPPELEE = Convocation(date(2027, 3, 1), date(2027, 3, 2), rappelle_la_regle=True)


@pytest.mark.parametrize(
    ("cas", "membres", "presents", "deportes", "pouvoirs", "seconde", "regles", "atteint", "requis"),
    [
        ("5 présents sur 10", 10, 5, [], 0, PREMIERE, DROIT_COMMUN, False, 6),
        ("6 présents sur 10", 10, 6, [], 0, PREMIERE, DROIT_COMMUN, True, 6),
        ("5 présents sur 9", 9, 5, [], 0, PREMIERE, DROIT_COMMUN, True, 5),
        ("4 présents sur 9", 9, 4, [], 0, PREMIERE, DROIT_COMMUN, False, 5),
        ("personne", 9, 0, [], 0, PREMIERE, DROIT_COMMUN, False, 5),
        ("5 présents et 1 pouvoir sur 10 : il ne compte pas", 10, 5, [], 1, PREMIERE, DROIT_COMMUN, False, 6),
        ("5 présents et 1 pouvoir, règlement qui le compte", 10, 5, [], 1, PREMIERE, POUVOIRS_COMPTES, True, 6),
        ("un déporté présent sort des deux comptes", 10, 6, ["e6"], 0, PREMIERE, DROIT_COMMUN, True, 5),
        ("un déporté absent sort des membres en exercice", 10, 5, ["e10"], 0, PREMIERE, DROIT_COMMUN, True, 5),
        ("déporté gardé dans le nombre de membres", 10, 6, ["e6"], 0, PREMIERE, DEPORTES_GARDES, False, 6),
        ("tous déportés : personne ne délibère", 2, 2, ["e1", "e2"], 0, PREMIERE, DROIT_COMMUN, False, 1),
        ("un déporté sans voix ne change rien", 10, 6, ["s1"], 0, PREMIERE, DROIT_COMMUN, True, 6),
        ("seconde convocation après trois jours francs", 10, 1, [], 0, DANS_LES_TEMPS, DROIT_COMMUN, True, 0),
        ("seconde convocation trop proche", 10, 5, [], 0, TROP_TOT, DROIT_COMMUN, False, 6),
        ("seconde convocation trop proche, mais quorum", 10, 6, [], 0, TROP_TOT, DROIT_COMMUN, True, 6),
        ("seconde convocation, salle vide", 10, 0, [], 0, DANS_LES_TEMPS, DROIT_COMMUN, False, 6),
        ("droit local : le lendemain, règle rappelée", 10, 2, [], 0, RAPPELEE, DROIT_LOCAL, True, 0),
        ("droit local : règle non rappelée", 10, 2, [], 0, DANS_LES_TEMPS, DROIT_LOCAL, False, 6),
        ("droit local : moitié intéressée", 4, 3, ["e1", "e4"], 0, PREMIERE, DROIT_LOCAL, True, 0),
        ("droit local : moins de la moitié intéressée", 5, 2, ["e4", "e5"], 0, PREMIERE, DROIT_LOCAL, True, 2),
        ("droit commun : moitié intéressée, sur le reste", 4, 1, ["e3", "e4"], 0, PREMIERE, DROIT_COMMUN, False, 2),
    ],
)  # fmt: skip
def test_le_quorum(
    cas: str, membres: int, presents: int, deportes: list[str], pouvoirs: int, seconde: Convocation | None,
    regles: object, atteint: bool, requis: int,
) -> None:  # fmt: skip
    portes = [un_pouvoir("e9", "e1")] * pouvoirs
    salle = les(presents) | {"s1", "s2"}  # les services assistent, ils ne comptent jamais
    lu = quorum(
        des_membres(membres, sans_voix=2), salle, regles,  # type: ignore[arg-type]
        deportes=deportes, pouvoirs=portes, seconde=seconde,
    )  # fmt: skip
    assert (lu.atteint, lu.requis) == (atteint, requis), cas


def test_le_motif_du_quorum_se_lit_au_proces_verbal() -> None:
    lu = quorum(des_membres(10), les(5), DROIT_COMMUN)
    assert lu == Quorum(False, 5, 6, 10, "Quorum non atteint : 5 membres présents sur 10 en exercice, il en faut 6.")
    assert quorum(des_membres(1), les(1), DROIT_COMMUN).motif.startswith("Quorum atteint : 1 membre présent sur 1")
    tardive = quorum(des_membres(10), les(5), DROIT_COMMUN, seconde=TROP_TOT).motif
    assert tardive.endswith("La seconde convocation laisse moins de 3 jours francs.")
    dispense = quorum(des_membres(10), les(2), DROIT_LOCAL, seconde=RAPPELEE).motif
    assert dispense == (
        "Seconde convocation pour le même objet : pas de condition de quorum ; 2 membres présents sur 10 en exercice."
    )


@pytest.mark.parametrize(
    ("envoi", "seance", "rappel", "regles", "motif"),
    [
        (date(2027, 3, 1), date(2027, 3, 5), False, DROIT_COMMUN, None),  # lundi, puis vendredi : CE 142691
        (date(2027, 3, 1), date(2027, 3, 4), False, DROIT_COMMUN, "moins de 3 jours francs"),
        (date(2027, 3, 1), date(2027, 3, 2), True, DROIT_LOCAL, None),
        (date(2027, 3, 1), date(2027, 3, 1), True, DROIT_LOCAL, "la veille"),
        (date(2027, 3, 1), date(2027, 3, 9), False, DROIT_LOCAL, "ne rappelle pas"),
    ],
)
def test_la_seconde_convocation(envoi: date, seance: date, rappel: bool, regles: object, motif: str | None) -> None:
    lu = seconde_convocation_valable(Convocation(envoi, seance, rappel), regles)  # type: ignore[arg-type]
    assert lu is None if motif is None else motif in str(lu)


# --- Présence et présidence -------------------------------------------------------------------------------------------


def test_on_est_present_de_l_arrivee_comprise_au_depart_exclu() -> None:
    depart = SOIR + timedelta(hours=1)
    presences = [Presence("e1", SOIR, depart), Presence("e2", SOIR + timedelta(minutes=10))]
    assert presents_a(presences, SOIR - timedelta(seconds=1)) == frozenset()
    assert presents_a(presences, SOIR) == {"e1"}
    assert presents_a(presences, SOIR + timedelta(minutes=10)) == {"e1", "e2"}
    assert presents_a(presences, depart) == {"e2"}


@pytest.mark.parametrize(
    ("presents", "deportes", "president"),
    [
        (les(3), [], "e1"),
        ({"e2", "e3"}, [], "e2"),
        (les(3), ["e1"], "e2"),
        (les(3), ["e1", "e2"], "e3"),
        ({"s1"}, [], None),
    ],
)
def test_la_presidence_de_seance(presents: frozenset[str], deportes: list[str], president: str | None) -> None:
    assert president_de_seance(des_membres(3, sans_voix=1), presents, deportes) == president


def test_le_president_preside_quel_que_soit_son_rang() -> None:
    membres = [Membre("a", "A", a_voix=True, rang=1), Membre("b", "B", a_voix=True, preside=True, rang=9)]
    assert president_de_seance(membres, {"a", "b"}) == "b"


def test_ce_que_chacun_peut_faire_sur_un_point() -> None:
    elu, service = des_membres(1, sans_voix=1)
    assert participations(elu, deporte=False) == frozenset(Participation)
    assert participations(service, deporte=False) == {Participation.LIRE, Participation.DEBATTRE}
    assert participations(elu, deporte=True) == frozenset()
    assert participations(service, deporte=True) == frozenset()


def test_seuls_les_titulaires_d_une_voix_sont_en_exercice() -> None:
    assert avec_voix(des_membres(2, sans_voix=3)) == {"e1", "e2"}


def test_un_deport_ne_vaut_que_pour_son_point() -> None:
    deports = [Deport("e1", "p1", "Administrateur de l’association"), Deport("e2", "p2", "Conjoint salarié")]
    assert deportes_du_point(deports, "p1") == {"e1"}
    assert deportes_du_point(deports, "p3") == frozenset()


# --- Pouvoirs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cas", "pouvoir", "deportes", "regles", "motif"),
    [
        ("ordinaire", un_pouvoir("e9", "e1"), [], DROIT_COMMUN, None),
        ("oral", un_pouvoir("e9", "e1", ecrite=False), [], DROIT_COMMUN, "par écrit"),
        ("oral, règlement qui l'admet", un_pouvoir("e9", "e1", ecrite=False), [], SANS_POUVOIR_ECRIT, None),
        ("à venir", un_pouvoir("e9", "e1", donnee_le=SOIR + timedelta(hours=1)), [], DROIT_COMMUN, "pas encore"),
        ("révoqué", un_pouvoir("e9", "e1", revoquee_le=SOIR), [], DROIT_COMMUN, "révoqué"),
        ("révoqué plus tard", un_pouvoir("e9", "e1", revoquee_le=SOIR + timedelta(hours=1)), [], DROIT_COMMUN, None),
        ("troisième séance", un_pouvoir("e9", "e1", seances=3), [], DROIT_COMMUN, None),
        ("quatrième séance", un_pouvoir("e9", "e1", seances=4), [], DROIT_COMMUN, "plus de 3 séances de suite"),
        ("quatrième, malade", un_pouvoir("e9", "e1", seances=4, maladie_constatee=True), [], DROIT_COMMUN, None),
        ("à soi-même", un_pouvoir("e1", "e1"), [], DROIT_COMMUN, "soi-même"),
        ("d'un service", un_pouvoir("s1", "e1"), [], DROIT_COMMUN, "peut donner pouvoir"),
        ("à un service", un_pouvoir("e9", "s1"), [], DROIT_COMMUN, "peut porter un pouvoir"),
        ("d'un inconnu", un_pouvoir("x", "e1"), [], DROIT_COMMUN, "peut donner pouvoir"),
        ("d'un présent", un_pouvoir("e2", "e1"), [], DROIT_COMMUN, "vote lui-même"),
        ("à un absent", un_pouvoir("e9", "e8"), [], DROIT_COMMUN, "absent"),
        ("mandant déporté", un_pouvoir("e9", "e1"), ["e9"], DROIT_COMMUN, "ne donne pas pouvoir"),
        ("porteur déporté", un_pouvoir("e9", "e1"), ["e1"], DROIT_COMMUN, "ne porte pas de pouvoir"),
    ],
)  # fmt: skip
def test_un_pouvoir(cas: str, pouvoir: Procuration, deportes: list[str], regles: object, motif: str | None) -> None:
    valides, refus = controler_procurations(
        [pouvoir], des_membres(10, sans_voix=1), les(6) | {"s1"}, regles,  # type: ignore[arg-type]
        instant=SOIR, deportes=deportes,
    )  # fmt: skip
    if motif is None:
        assert (valides, refus) == ((pouvoir,), ()), cas
    else:
        assert valides == (), cas
        assert refus[0].membre == pouvoir.mandant
        assert motif in refus[0].motif, cas


def test_deux_pouvoirs_au_meme_elu_le_second_est_refuse() -> None:
    premier = un_pouvoir("e9", "e1")
    second = un_pouvoir("e8", "e1", donnee_le=SOIR - timedelta(hours=1))
    membres = des_membres(10)
    valides, refus = controler_procurations([second, premier], membres, les(6), DROIT_COMMUN, instant=SOIR)
    assert valides == (premier,)
    assert [(r.membre, r.motif) for r in refus] == [("e8", "Un membre ne porte pas plus de 1 pouvoir.")]
    assert controler_procurations([second, premier], membres, les(6), DEUX_POUVOIRS, instant=SOIR)[1] == ()


def test_un_pouvoir_ne_se_donne_pas_deux_fois_sans_revoquer_le_premier() -> None:
    premier = un_pouvoir("e9", "e1")
    second = un_pouvoir("e9", "e2", donnee_le=SOIR - timedelta(hours=1))
    _, refus = controler_procurations([premier, second], des_membres(10), les(6), DROIT_COMMUN, instant=SOIR)
    assert [r.motif for r in refus] == ["Ce membre a déjà donné pouvoir : il faut d’abord révoquer le premier."]
    revoque = replace(premier, revoquee_le=SOIR - timedelta(hours=2))
    valides, _ = controler_procurations([revoque, second], des_membres(10), les(6), DROIT_COMMUN, instant=SOIR)
    assert valides == (second,)


# --- Scrutin et voix --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("presents", "public", "secret", "scrutin"),
    [
        (12, 0, 0, Scrutin.ORDINAIRE), (12, 2, 0, Scrutin.ORDINAIRE), (12, 3, 0, Scrutin.PUBLIC),
        (12, 0, 3, Scrutin.ORDINAIRE), (12, 0, 4, Scrutin.SECRET), (12, 6, 4, Scrutin.SECRET),
        (12, 3, 3, Scrutin.PUBLIC), (0, 0, 0, Scrutin.ORDINAIRE),
    ],
)  # fmt: skip
def test_le_scrutin_demande_par_une_part_des_presents(
    presents: int, public: int, secret: int, scrutin: Scrutin
) -> None:
    assert scrutin_du_point(presents, public, secret, DROIT_COMMUN) is scrutin


@pytest.mark.parametrize(
    ("voix", "motif"),
    [
        ([Voix("e1", Sens.POUR), Voix("e9", Sens.CONTRE, "e1")], None),
        ([Voix("x", Sens.POUR)], "n’est pas membre"),
        ([Voix("s1", Sens.POUR)], "sans voix"),
        ([Voix("e3", Sens.POUR)], "déporté"),
        ([Voix("e8", Sens.POUR)], "absent"),
        ([Voix("e8", Sens.POUR, "e1")], "Aucun pouvoir valable"),
        ([Voix("e9", Sens.POUR, "e2")], "Aucun pouvoir valable"),
        ([Voix("e1", Sens.POUR), Voix("e1", Sens.CONTRE)], "plus d’une fois"),
    ],
)
def test_le_controle_des_voix(voix: Sequence[Voix], motif: str | None) -> None:
    refus = controler_voix(
        voix, des_membres(10, sans_voix=1), les(6) | {"s1"}, deportes=["e3"], pouvoirs=[un_pouvoir("e9", "e1")]
    )
    assert refus == () if motif is None else all(motif in r.motif for r in refus) and len(refus) > 0


def test_le_decompte_et_la_voix_du_president() -> None:
    voix = [Voix(f"e{i}", sens) for i, sens in enumerate([*Sens, Sens.POUR, Sens.ABSTENTION], start=1)]
    assert decompter(voix) == Decompte(pour=2, contre=1, abstentions=2, blancs=1, nuls=1)
    assert voix_du_president(voix, "e2") is Sens.CONTRE
    assert voix_du_president(voix, "e99") is None
    assert voix_du_president(voix, None) is None


@pytest.mark.parametrize(
    ("pour", "contre", "abstentions", "scrutin", "president", "regles", "sort"),
    [
        (4, 4, 2, Scrutin.ORDINAIRE, Sens.POUR, DROIT_COMMUN, Sort.ADOPTE),
        (4, 4, 2, Scrutin.PUBLIC, Sens.POUR, COMMISSION_DES_ELUS, Sort.ADOPTE),
        (4, 4, 2, Scrutin.PUBLIC, Sens.CONTRE, DROIT_COMMUN, Sort.REJETE),
        (4, 4, 2, Scrutin.SECRET, Sens.POUR, DROIT_COMMUN, Sort.REJETE),
        (4, 4, 2, Scrutin.PUBLIC, Sens.ABSTENTION, DROIT_COMMUN, Sort.PARTAGE),
        (4, 4, 2, Scrutin.PUBLIC, None, DROIT_COMMUN, Sort.PARTAGE),
        (4, 4, 2, Scrutin.PUBLIC, Sens.POUR, SANS_VOIX_PREPONDERANTE, Sort.PARTAGE),
        (3, 2, 20, Scrutin.ORDINAIRE, None, DROIT_COMMUN, Sort.ADOPTE),
        (2, 3, 20, Scrutin.ORDINAIRE, Sens.POUR, DROIT_COMMUN, Sort.REJETE),
        (0, 0, 9, Scrutin.ORDINAIRE, Sens.ABSTENTION, DROIT_COMMUN, Sort.SANS_SUFFRAGE),
        (1, 0, 9, Scrutin.ORDINAIRE, None, DROIT_COMMUN, Sort.ADOPTE),
        (4, 2, 0, Scrutin.ORDINAIRE, None, DEUX_TIERS, Sort.ADOPTE),
        (4, 2, 0, Scrutin.ORDINAIRE, None, PLUS_DES_DEUX_TIERS, Sort.REJETE),
        (5, 3, 0, Scrutin.ORDINAIRE, Sens.POUR, DEUX_TIERS, Sort.REJETE),
        (4, 4, 0, Scrutin.ORDINAIRE, Sens.POUR, DEUX_TIERS, Sort.REJETE),
    ],
)  # fmt: skip
def test_le_resultat(
    pour: int, contre: int, abstentions: int, scrutin: Scrutin, president: Sens | None, regles: object, sort: Sort
) -> None:
    lu = resultat(Decompte(pour, contre, abstentions), regles, scrutin=scrutin, president=president)  # type: ignore[arg-type]
    assert lu.sort is sort
    assert lu.adopte is (sort is Sort.ADOPTE)
    assert lu.exprimes == pour + contre


def test_blancs_et_nuls_ne_sont_pas_des_suffrages_exprimes() -> None:
    lu = resultat(Decompte(pour=2, contre=1, abstentions=0, blancs=3, nuls=1), DROIT_COMMUN)
    assert lu.sort is Sort.ADOPTE
    assert lu.motif == "2 pour, 1 contre, 0 abstention, 3 blancs, 1 nul : adopté (3 suffrages exprimés)."


def test_le_motif_dit_le_partage() -> None:
    lu = resultat(Decompte(4, 4, 2), DROIT_COMMUN, scrutin=Scrutin.SECRET, president=Sens.POUR)
    assert lu.motif == (
        "4 pour, 4 contre, 2 abstentions : partage des voix au scrutin secret, la proposition est rejetée."
    )


@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.sampled_from(Scrutin), st.sampled_from([*Sens, None])
)
def test_une_abstention_ne_change_jamais_le_sort(
    pour: int, contre: int, abstentions: int, scrutin: Scrutin, president: Sens | None
) -> None:
    sans = resultat(Decompte(pour, contre, 0), DROIT_COMMUN, scrutin=scrutin, president=president)
    avec = resultat(Decompte(pour, contre, abstentions), DROIT_COMMUN, scrutin=scrutin, president=president)
    assert sans.sort is avec.sort


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_un_present_de_plus_ne_fait_jamais_perdre_le_quorum(membres: int, presents: int, deportes: int) -> None:
    retires = {f"e{i}" for i in range(1, min(deportes, membres) + 1)}
    avant = quorum(des_membres(membres), les(presents), DROIT_COMMUN, deportes=retires)
    apres = quorum(des_membres(membres), les(presents + 1), DROIT_COMMUN, deportes=retires)
    assert apres.atteint or not avant.atteint


def test_des_nombres_impossibles_sont_refuses() -> None:
    with pytest.raises(ValueError, match="jamais négatif"):
        Decompte(pour=-1)
    with pytest.raises(ValueError, match="de 0 exclu à 1 compris"):
        replace(DROIT_COMMUN, quorum_part=Fraction(0))
    with pytest.raises(ValueError, match="jamais négatif"):
        replace(DROIT_COMMUN, pouvoirs_par_porteur=-1)


# --- Points, blocs, issues --------------------------------------------------------------------------------------------

RETENU = Issue(TypeIssue.RETENU, Euros.de(5_000))
QUORUM = Quorum(True, 6, 6, 10, "Quorum atteint.")
SANS_QUORUM = Quorum(False, 5, 6, 10, "Quorum non atteint.")
ADOPTE = resultat(Decompte(6, 0, 0), DROIT_COMMUN)
REJETE = resultat(Decompte(1, 5, 0), DROIT_COMMUN)
PARTAGE = resultat(Decompte(3, 3, 0), DROIT_COMMUN)


@pytest.mark.parametrize(
    ("ligne", "nature"),
    [("M2A", "valide"), ("BOP147", "avis"), ("MULHOUSE", "avis"), ("ILLZACH", "avis"), ("WITTENHEIM", "avis")],
)
def test_la_nature_de_l_acte_est_un_parametre_de_la_ligne(ligne: str, nature: str) -> None:
    lu = nature_de_l_acte(ligne, {"M2A"})
    assert lu.value == nature
    assert lu.phrase == ("La commission valide" if nature == "valide" else "La commission donne un avis")


@pytest.mark.parametrize(
    ("faits", "motif"),
    [
        ({"type": TypeIssue.RETENU}, "porte son montant"),
        ({"type": TypeIssue.AMENDE}, "porte son montant"),
        ({"type": TypeIssue.REFUSE, "montant": Euros.de(1)}, "ne porte pas de montant"),
        ({"type": TypeIssue.AJOURNE, "montant": Euros.de(1)}, "ne porte pas de montant"),
        ({"type": TypeIssue.RETENU, "montant": Euros(0)}, "positif"),
        ({"type": TypeIssue.RESERVE}, "porte son rang"),
        ({"type": TypeIssue.RETENU, "montant": Euros.de(1), "rang": 1}, "elle seule"),
        ({"type": TypeIssue.RESERVE, "rang": 0}, "premier rang"),
    ],
)
def test_une_issue_incoherente_est_refusee(faits: dict[str, object], motif: str) -> None:
    with pytest.raises(ValueError, match=motif):
        Issue(**faits)  # type: ignore[arg-type]


RESERVE = Issue(TypeIssue.RESERVE, Euros.de(2_000), rang=2)
REFUS = Issue(TypeIssue.REFUSE, motif="Hors des priorités")
AJOURNEMENT = Issue(TypeIssue.AJOURNE, motif="Budget à revoir")


@pytest.mark.parametrize(
    ("proposition", "presence", "vote", "attendu"),
    [
        (RETENU, QUORUM, ADOPTE, (TypeIssue.RETENU, Euros.de(5_000), None)),
        (RETENU, QUORUM, REJETE, (TypeIssue.REFUSE, None, None)),
        (RETENU, QUORUM, PARTAGE, (TypeIssue.REFUSE, None, None)),
        (RETENU, SANS_QUORUM, None, (TypeIssue.AJOURNE, None, None)),
        (RETENU, SANS_QUORUM, ADOPTE, (TypeIssue.AJOURNE, None, None)),
        (RETENU, QUORUM, None, None),
        (RESERVE, QUORUM, ADOPTE, (TypeIssue.RESERVE, Euros.de(2_000), 2)),
        (RESERVE, QUORUM, REJETE, (TypeIssue.REFUSE, None, None)),
        (REFUS, QUORUM, ADOPTE, (TypeIssue.REFUSE, None, None)),
        (REFUS, QUORUM, REJETE, None),
        (AJOURNEMENT, QUORUM, ADOPTE, (TypeIssue.AJOURNE, None, None)),
        (AJOURNEMENT, QUORUM, REJETE, None),
    ],
)  # fmt: skip
def test_l_issue_d_un_point(proposition: Issue, presence: Quorum, vote: Resultat | None, attendu: object) -> None:
    lu = issue_du_point(proposition, presence, vote)
    assert (None if lu is None else (lu.type, lu.montant, lu.rang)) == attendu


def test_le_motif_de_la_proposition_passe_avant_celui_du_vote() -> None:
    refus = issue_du_point(REFUS, QUORUM, ADOPTE)
    retenu = issue_du_point(RETENU, QUORUM, ADOPTE)
    assert refus is not None
    assert retenu is not None
    assert refus.motif == "Hors des priorités"
    assert retenu.motif == "6 pour, 0 contre, 0 abstention : adopté (6 suffrages exprimés)."


def test_le_premier_amendement_adopte_fait_tomber_les_autres() -> None:
    lu = amender(RETENU, [(Euros.de(9_000), REJETE), (Euros.de(4_000), ADOPTE), (Euros.de(3_000), ADOPTE)])
    assert (lu.type, lu.montant) == (TypeIssue.AMENDE, Euros.de(4_000))
    assert amender(RETENU, [(Euros.de(9_000), REJETE)]) == RETENU
    assert amender(RESERVE, [(Euros.de(1_000), ADOPTE)]).rang is None


def un_point(code: str, ligne: str = "M2A") -> Point:
    return Point(code, f"M2A-2027-{code}", ligne, RETENU)


def test_un_point_ou_quelqu_un_se_deporte_sort_du_bloc() -> None:
    points = [un_point("p1"), un_point("p2"), un_point("p3"), un_point("p4"), un_point("p5", "MULHOUSE")]
    valide, avis = former_les_blocs(
        points, {"M2A"}, deports=[Deport("e1", "p2", "Trésorier")], demandes={"p2", "p3"}, amendes={"p4"}
    )
    assert (valide.nature, avis.nature) == (NatureActe.VALIDE, NatureActe.AVIS)
    assert [p.code for p in valide.ensemble] == ["p1"]
    assert [(d.point, d.motif) for d in valide.disjoints] == [
        ("p2", "Un membre s’est déporté sur ce point."),
        ("p3", "Un membre demande un vote séparé."),
        ("p4", "Un amendement est déposé sur ce point."),
    ]
    assert [p.code for p in avis.ensemble] == ["p5"]


def test_sans_point_d_une_nature_il_n_y_a_pas_de_bloc() -> None:
    assert [b.nature for b in former_les_blocs([un_point("p1", "BOP147")], {"M2A"})] == [NatureActe.AVIS]


def test_un_vote_en_bloc_vaut_pour_chaque_point_sauf_les_disjoints() -> None:
    (bloc,) = former_les_blocs([un_point("p1"), un_point("p2"), un_point("p3")], {"M2A"}, demandes={"p2"})
    issues = issues_du_bloc(bloc, QUORUM, ADOPTE)
    assert {code: issue and issue.type for code, issue in issues.items()} == {
        "p1": TypeIssue.RETENU,
        "p3": TypeIssue.RETENU,
    }


@pytest.mark.parametrize(
    ("decoupage", "objectif", "attendu"),
    [
        (Decoupage.LIGNE, "E2.2 Emploi", "M2A"),
        (Decoupage.OBJECTIF, "E2.2 Emploi", "M2A · E2.2 Emploi"),
        (Decoupage.OBJECTIF, "", "M2A"),
    ],
)
def test_un_bloc_ne_porte_que_sur_une_ligne(decoupage: Decoupage, objectif: str, attendu: str) -> None:
    assert nom_du_bloc(decoupage, "M2A", objectif) == attendu


def test_un_ordre_du_jour_refait_garde_son_decoupage() -> None:
    assert decoupage_des_blocs(frozenset({"M2A", "BOP147"})) is Decoupage.LIGNE
    assert decoupage_des_blocs(frozenset({"M2A", "M2A · E2.2"})) is Decoupage.OBJECTIF
    assert decoupage_des_blocs(frozenset()) is Decoupage.OBJECTIF
