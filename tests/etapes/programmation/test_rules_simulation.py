"""La simulation, cas par cas : ce qu'elle choisit, ce qui serre, ce qui se contredit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pytest
from highspy import HighsModelStatus

from app.etapes.programmation.rules import (
    DemandeASimuler,
    DossierASimuler,
    EnveloppeASimuler,
    Etat,
    Limites,
    Modele,
    MoteurHighs,
    NatureVerrou,
    Probleme,
    Reponse,
    Scenario,
    SolveurEnDefaut,
    Statut,
    Verrou,
    contraintes,
    domaines,
    optimiser,
    poser,
    verifier,
)
from app.etapes.programmation.rules.modele import Rangee
from app.etapes.programmation.rules.moteur import lire_etat
from app.noyau.erreurs import SaisieInvalide
from app.noyau.euros import ZERO, Euros

EXACTEMENT = Limites(ecart=Fraction(0))
DOIT, NE_DOIT_PAS, EXACT, AU_MOINS = NatureVerrou


def une_demande(dossier: str, ligne: str, montant: int, note: int = 50, plancher: int = 0) -> DemandeASimuler:
    return DemandeASimuler(dossier, ligne, Euros.de(montant), Fraction(note), Fraction(note), Euros.de(plancher))


def un_dossier(code: str, viabilite: int = 0, cout: int = 1_000_000, **autres: Euros | Fraction) -> DossierASimuler:
    return DossierASimuler(code, Euros.de(cout), Euros.de(viabilite), **autres)  # type: ignore[arg-type]


def un_probleme(
    demandes: Iterable[DemandeASimuler],
    enveloppes: dict[str, int],
    dossiers: Iterable[DossierASimuler] = (),
    verrous: Iterable[Verrou] = (),
) -> Probleme:
    liste = tuple(demandes)
    connus = {d.code: d for d in dossiers}
    return Probleme(
        liste,
        tuple(connus.get(code) or un_dossier(code) for code in sorted({d.dossier for d in liste} | set(connus))),
        tuple(EnveloppeASimuler(ligne, Euros.de(montant)) for ligne, montant in enveloppes.items()),
        tuple(verrous),
    )


def un_verrou(dossier: str, ligne: str | None, nature: NatureVerrou, montant: int | None = None) -> Verrou:
    return Verrou(dossier, ligne, nature, None if montant is None else Euros.de(montant))


def lus(scenario: Scenario) -> dict[str, int]:
    return {f"{m.dossier}/{m.ligne}": m.montant.centimes // 100 for m in scenario.montants}


TROIS = (une_demande("A", "M", 5_000, 80), une_demande("B", "M", 5_000, 60), une_demande("C", "M", 5_000, 40))


@pytest.mark.parametrize(
    ("cas", "probleme", "attendu"),
    [
        ("tout tient", un_probleme(TROIS, {"M": 20_000}), {"A/M": 5_000, "B/M": 5_000, "C/M": 5_000}),
        ("les mieux notés d'abord", un_probleme(TROIS, {"M": 10_000}), {"A/M": 5_000, "B/M": 5_000, "C/M": 0}),
        ("le dernier en partie", un_probleme(TROIS, {"M": 11_000}), {"A/M": 5_000, "B/M": 5_000, "C/M": 1_000}),
        ("enveloppe vide", un_probleme(TROIS, {"M": 0}), {"A/M": 0, "B/M": 0, "C/M": 0}),
        (
            "le plancher de la ligne : le mieux noté cède pour que l'autre existe",
            un_probleme([TROIS[0], une_demande("B", "M", 5_000, 60, plancher=3_000)], {"M": 7_000}),
            {"A/M": 4_000, "B/M": 3_000},
        ),
        (
            "la viabilité, toutes lignes confondues",
            un_probleme(
                (une_demande("A", "M", 4_000, 90), une_demande("A", "E", 4_000, 90), une_demande("B", "M", 4_000, 10)),
                {"M": 4_000, "E": 1_000}, [un_dossier("A", viabilite=6_000)],
            ),
            {"A/M": 0, "A/E": 0, "B/M": 4_000},
        ),
        (
            "la viabilité atteinte avec ce qui est déjà acquis",
            un_probleme(
                (une_demande("A", "M", 4_000, 90), une_demande("A", "E", 4_000, 90), une_demande("B", "M", 4_000, 10)),
                {"M": 4_000, "E": 1_000}, [un_dossier("A", viabilite=6_000, acquis=Euros.de(1_000))],
            ),
            {"A/M": 4_000, "A/E": 1_000, "B/M": 0},
        ),
        (
            "le taux maximal de financement public",
            un_probleme(
                [une_demande("A", "M", 8_000)], {"M": 20_000},
                [un_dossier("A", cout=10_000, autres_publics=Euros.de(2_000), taux_public_maximal=Fraction(4, 5))],
            ),
            {"A/M": 6_000},
        ),
        (
            "le plancher de la ligne : rien plutôt que trop peu",
            un_probleme([TROIS[0], une_demande("B", "M", 5_000, 60, plancher=3_000)], {"M": 5_500}),
            {"A/M": 5_000, "B/M": 0},
        ),
        (
            "le taux compte aussi ce qui est déjà acquis des lignes",
            un_probleme(
                [une_demande("A", "M", 8_000)], {"M": 20_000},
                [un_dossier("A", cout=10_000, acquis=Euros.de(3_000), taux_public_maximal=Fraction(4, 5))],
            ),
            {"A/M": 5_000},
        ),
        ("une demande hors du pas", un_probleme([une_demande("A", "M", 3_250)], {"M": 9_000}), {"A/M": 3_250}),
        ("la même, quand elle ne tient pas", un_probleme([une_demande("A", "M", 3_250)], {"M": 3_240}), {"A/M": 3_200}),
        ("une demande plus petite que le pas", un_probleme([une_demande("A", "M", 80)], {"M": 9_000}), {"A/M": 80}),
        ("une note nulle ne tire rien", un_probleme([une_demande("A", "M", 80, note=0)], {"M": 0}), {"A/M": 0}),
        ("aucune demande", un_probleme([], {"M": 9_000}), {}),
        ("verrou : ne doit pas", un_probleme(TROIS, {"M": 5_000}, verrous=[un_verrou("A", "M", NE_DOIT_PAS)]),
         {"A/M": 0, "B/M": 5_000, "C/M": 0}),
        ("verrou : doit", un_probleme(TROIS, {"M": 5_000}, verrous=[un_verrou("C", "M", DOIT)]),
         {"A/M": 4_900, "B/M": 0, "C/M": 100}),
        ("verrou : exact, hors du pas", un_probleme(TROIS, {"M": 5_000}, verrous=[un_verrou("C", "M", EXACT, 1_234)]),
         {"A/M": 3_700, "B/M": 0, "C/M": 1_234}),
        ("verrou : exact, sur le pas", un_probleme(TROIS, {"M": 5_000}, verrous=[un_verrou("C", "M", EXACT, 1_200)]),
         {"A/M": 3_800, "B/M": 0, "C/M": 1_200}),
        ("verrou : au moins", un_probleme(TROIS, {"M": 5_000}, verrous=[un_verrou("C", "M", AU_MOINS, 2_050)]),
         {"A/M": 2_900, "B/M": 0, "C/M": 2_100}),
        (
            "verrou : au moins, sur tout le dossier",
            un_probleme(
                (une_demande("A", "M", 4_000, 90), une_demande("B", "M", 4_000, 10), une_demande("B", "E", 1_000, 10)),
                {"M": 4_000, "E": 1_000}, verrous=[un_verrou("B", None, AU_MOINS, 3_000)],
            ),
            {"A/M": 2_000, "B/M": 2_000, "B/E": 1_000},
        ),
        (
            "verrou : doit, sur tout le dossier",
            un_probleme(
                (une_demande("A", "M", 4_000, 90), une_demande("B", "M", 4_000, 10)), {"M": 4_000},
                [un_dossier("B", viabilite=1_500)], [un_verrou("B", None, DOIT)],
            ),
            {"A/M": 2_500, "B/M": 1_500},
        ),
        (
            "verrou : ne doit pas, sur tout le dossier",
            un_probleme(
                (une_demande("A", "M", 400, 90), une_demande("A", "E", 400, 90)), {"M": 400, "E": 400},
                verrous=[un_verrou("A", None, NE_DOIT_PAS)],
            ),
            {"A/M": 0, "A/E": 0},
        ),
    ],
)  # fmt: skip
def test_ce_que_la_simulation_choisit(cas: str, probleme: Probleme, attendu: dict[str, int]) -> None:
    scenario = optimiser(probleme, EXACTEMENT)
    assert (scenario.statut, lus(scenario)) == (Statut.OPTIMAL, attendu), cas
    assert scenario.ecart == 0
    assert scenario.conflit == ()
    assert scenario.reproductible


def test_l_objectif_est_exact_et_publie() -> None:
    scenario = optimiser(un_probleme(TROIS, {"M": 11_000}), EXACTEMENT)
    assert scenario.objectif == scenario.borne == 80 * 5_000 + 60 * 5_000 + 40 * 1_000
    assert isinstance(scenario.objectif, Fraction)


def test_ce_qui_est_deja_engage_est_deduit_de_l_enveloppe() -> None:
    enveloppe = EnveloppeASimuler("M", Euros.de(8_000), engage=Euros.de(3_000))
    scenario = optimiser(replace(un_probleme(TROIS, {"M": 0}), enveloppes=(enveloppe,)), EXACTEMENT)
    assert lus(scenario) == {"A/M": 5_000, "B/M": 0, "C/M": 0}
    assert scenario.soldes["M"].reste == ZERO


def test_une_enveloppe_deja_depassee_ne_recoit_rien_et_le_dit() -> None:
    enveloppe = EnveloppeASimuler("M", Euros.de(2_000), engage=Euros.de(3_000))
    scenario = optimiser(replace(un_probleme(TROIS, {"M": 0}), enveloppes=(enveloppe,)), EXACTEMENT)
    assert set(lus(scenario).values()) == {0}
    assert scenario.soldes["M"].reste == Euros.de(-1_000)
    assert [(s.dossier, s.ligne, s.message) for s in scenario.signalements] == [
        (None, "M", "L’enveloppe est déjà dépassée de 1\u202f000\u00a0€ : rien n’y est proposé.")
    ]


def test_une_note_en_intervalle_compte_pour_sa_borne_basse_et_se_signale() -> None:
    incertain = DemandeASimuler("A", "M", Euros.de(5_000), Fraction(30), Fraction(95))
    scenario = optimiser(un_probleme([incertain, une_demande("B", "M", 5_000, 50)], {"M": 5_000}), EXACTEMENT)
    assert lus(scenario) == {"A/M": 0, "B/M": 5_000}
    assert [(s.dossier, s.ligne) for s in scenario.signalements] == [("A", "M")]


def test_un_seuil_de_viabilite_hors_d_atteinte_se_signale() -> None:
    probleme = un_probleme([une_demande("A", "M", 5_000)], {"M": 9_000}, [un_dossier("A", viabilite=5_001)])
    (signalement,) = optimiser(probleme, EXACTEMENT).signalements
    assert (signalement.dossier, signalement.ligne) == ("A", None)
    assert "hors d’atteinte : au plus 5\u202f000\u00a0€" in signalement.message


@pytest.mark.parametrize(
    ("probleme", "serrent"),
    [
        (un_probleme(TROIS, {"M": 20_000}), []),
        (un_probleme(TROIS, {"M": 10_000}), ["Enveloppe M : 10\u202f000\u00a0€ disponibles sur 10\u202f000\u00a0€."]),
        (
            un_probleme(
                TROIS, {"M": 20_000}, verrous=[un_verrou("A", "M", NE_DOIT_PAS), un_verrou("B", "M", EXACT, 900)]
            ),
            [
                "Verrou : le dossier A ne doit pas être financé sur M.",
                "Verrou : le dossier B reçoit exactement 900\u00a0€ sur M.",
            ],
        ),
        (
            un_probleme(TROIS[:2], {"M": 9_000}, [un_dossier("B", viabilite=4_000)]),
            [
                "Dossier B : pas de financement sous 4\u202f000\u00a0€ toutes lignes confondues.",
                "Enveloppe M : 9\u202f000\u00a0€ disponibles sur 9\u202f000\u00a0€.",
            ],
        ),
        (
            un_probleme(TROIS[:1], {"M": 9_000}, [un_dossier("A", cout=5_000, taux_public_maximal=Fraction(4, 5))]),
            [
                "Dossier A : au plus 4\u202f000\u00a0€ des lignes, pour ne pas dépasser 80\u00a0% "
                "de financement public sur 5\u202f000\u00a0€."
            ],
        ),
    ],
)  # fmt: skip
def test_ce_qui_serre(probleme: Probleme, serrent: list[str]) -> None:
    assert list(optimiser(probleme, EXACTEMENT).serrent) == serrent


@pytest.mark.parametrize(
    ("cas", "probleme", "conflit"),
    [
        (
            "deux volontés contraires",
            un_probleme(TROIS, {"M": 20_000}, verrous=[un_verrou("A", "M", DOIT), un_verrou("A", "M", NE_DOIT_PAS)]),
            [
                "Verrou : le dossier A doit être financé (au moins 100\u00a0€) sur M.",
                "Verrou : le dossier A ne doit pas être financé sur M.",
            ],
        ),
        (
            "des verrous plus grands que l'enveloppe ; C n'y est pour rien",
            un_probleme(
                TROIS, {"M": 6_000},
                verrous=[
                    un_verrou("A", "M", EXACT, 4_000), un_verrou("B", "M", AU_MOINS, 3_000),
                    un_verrou("C", "M", NE_DOIT_PAS),
                ],
            ),
            [
                "Verrou : le dossier A reçoit exactement 4\u202f000\u00a0€ sur M.",
                "Verrou : le dossier B reçoit au moins 3\u202f000\u00a0€ sur M.",
                "Enveloppe M : 6\u202f000\u00a0€ disponibles sur 6\u202f000\u00a0€.",
            ],
        ),
        (
            "un dossier imposé que le taux public empêche d'être viable",
            un_probleme(
                TROIS, {"M": 20_000},
                [un_dossier("A", viabilite=4_500, cout=5_000, taux_public_maximal=Fraction(4, 5))],
                [un_verrou("A", None, DOIT)],
            ),
            [
                "Verrou : le dossier A doit être financé (au moins 100\u00a0€) toutes lignes confondues.",
                "Dossier A : pas de financement sous 4\u202f500\u00a0€ toutes lignes confondues.",
                "Dossier A : au plus 4\u202f000\u00a0€ des lignes, pour ne pas dépasser 80\u00a0% "
                "de financement public sur 5\u202f000\u00a0€.",
            ],
        ),
        (
            "seuls les nombres entiers rendent impossible : la relaxation, elle, passe",
            un_probleme([une_demande("A", "M", 5_000)], {"M": 60}, verrous=[un_verrou("A", "M", AU_MOINS, 50)]),
            [
                "Verrou : le dossier A reçoit au moins 50\u00a0€ sur M.",
                "Enveloppe M : 60\u00a0€ disponibles sur 60\u00a0€.",
            ],
        ),
    ],
)  # fmt: skip
def test_ce_qui_se_contredit(cas: str, probleme: Probleme, conflit: list[str]) -> None:
    scenario = optimiser(probleme)
    assert scenario.statut is Statut.IMPOSSIBLE, cas
    assert sorted(scenario.conflit) == sorted(conflit), cas
    assert (scenario.montants, scenario.objectif, scenario.borne, scenario.ecart) == ((), None, None, None)
    assert scenario.serrent == ()


@pytest.mark.parametrize(
    ("changement", "message"),
    [
        ({"pas": ZERO}, "pas des montants est positif"),
        ({"dossiers": (un_dossier("A"), un_dossier("A"))}, "dossier A est donné deux fois"),
        ({"enveloppes": (EnveloppeASimuler("M", ZERO), EnveloppeASimuler("M", ZERO))}, "a deux enveloppes"),
        ({"enveloppes": (EnveloppeASimuler("M", Euros(-1)),)}, "enveloppe M a un montant négatif"),
        ({"dossiers": (un_dossier("A", viabilite=-1),)}, "dossier A a un montant négatif"),
        ({"dossiers": (un_dossier("A", taux_public_maximal=Fraction(3, 2)),)}, "hors de 0 à 100"),
        ({"dossiers": ()}, "dossier inconnu"),
        ({"enveloppes": ()}, "ligne inconnue"),
        ({"demandes": (une_demande("A", "M", 1), une_demande("A", "M", 2))}, "est donnée deux fois"),
        ({"demandes": (une_demande("A", "M", 0),)}, "le montant demandé est positif"),
        ({"demandes": (une_demande("A", "M", 10, plancher=11),)}, "le plancher va de zéro"),
        ({"demandes": (une_demande("A", "M", 10, note=101),)}, "la note va de 0 à 100"),
        ({"verrous": (un_verrou("A", "M", EXACT),)}, "portent un montant positif"),
        ({"verrous": (un_verrou("A", "M", AU_MOINS, 0),)}, "portent un montant positif"),
        ({"verrous": (un_verrou("A", "M", DOIT, 5),)}, "portent un montant positif"),
        ({"verrous": (un_verrou("X", None, DOIT),)}, "aucune demande de ce dossier"),
        ({"verrous": (un_verrou("A", None, EXACT, 5),)}, "ligne par ligne"),
        ({"verrous": (un_verrou("A", "E", DOIT),)}, "aucune demande sur la ligne E"),
        ({"verrous": (un_verrou("A", "M", EXACT, 11),)}, "dépassent les 10\u00a0€ demandés"),
    ],
)
def test_un_probleme_incoherent_est_refuse(changement: dict[str, object], message: str) -> None:
    base = un_probleme([une_demande("A", "M", 10)], {"M": 100})
    with pytest.raises(SaisieInvalide) as refus:
        replace(base, **changement)  # type: ignore[arg-type]
    assert any(message in faute.message for faute in refus.value.fautes)


def test_verifier_dit_ce_qu_une_saisie_ne_respecte_pas() -> None:
    probleme = un_probleme(TROIS, {"M": 6_000}, [un_dossier("C", viabilite=500)])
    saisie = {
        ("A", "M"): Euros.de(4_950),
        ("B", "M"): Euros.de(1_000),
        ("C", "M"): Euros.de(400),
        ("Z", "M"): Euros.de(1),
    }
    assert verifier(probleme, saisie) == (
        "Dossier A sur M : 4\u202f950\u00a0€ n’est pas un montant possible.",
        "Dossier Z sur M : 1\u00a0€ n’est pas un montant possible.",
        "Dossier C : pas de financement sous 500\u00a0€ toutes lignes confondues.",
        "Enveloppe M : 6\u202f000\u00a0€ disponibles sur 6\u202f000\u00a0€.",
    )
    assert verifier(probleme, {("A", "M"): Euros.de(5_000)}) == ()


def test_un_dossier_sans_demande_ne_pose_aucune_contrainte() -> None:
    probleme = un_probleme([], {"M": 100}, [un_dossier("A", viabilite=10)])
    assert [c.cle for c in contraintes(probleme)] == ["enveloppe:M"]


def test_le_plus_petit_montant_d_un_domaine() -> None:
    probleme = un_probleme([une_demande("A", "M", 80), une_demande("B", "M", 900, plancher=250)], {"M": 0})
    lu = domaines(probleme)
    assert (lu["A", "M"].plus_petit, lu["B", "M"].plus_petit) == (Euros.de(80), Euros.de(300))


# --- Le moteur et ses pannes ------------------------------------------------------------------------------------------


def test_le_resultat_dit_la_version_du_solveur() -> None:
    assert optimiser(un_probleme(TROIS, {"M": 100})).solveur.startswith("HiGHS 1.")


class MoteurFeint:
    """Un solveur qui rend ce qu'on lui dit, puis se sert du vrai."""

    version = "feint"

    def __init__(self, *reponses: Reponse, piste: tuple[str, ...] | None = None) -> None:
        self.reponses = list(reponses)
        self.piste = piste

    def resoudre(self, modele: Modele, limites: Limites) -> Reponse:
        return self.reponses.pop(0) if self.reponses else MoteurHighs().resoudre(modele, limites)

    def conflit(self, modele: Modele) -> tuple[str, ...] | None:  # noqa: ARG002 — la forme du Protocol
        return self.piste


def test_une_solution_qui_ne_tient_pas_au_centime_n_est_jamais_rendue() -> None:
    probleme = un_probleme(TROIS, {"M": 1_000})
    tout = tuple(poser(probleme).modele.hauts)
    with pytest.raises(SolveurEnDefaut, match="ne tient pas au centime : Enveloppe M"):
        optimiser(probleme, moteur=MoteurFeint(Reponse(Etat.OPTIMAL, tout, Fraction(1), 1)))


@pytest.mark.parametrize(
    ("etat", "borne", "statut", "ecart", "reproductible"),
    [
        (Etat.LIMITE, 800, Statut.INTERROMPU, Fraction(0), True),
        (Etat.HORLOGE, 801, Statut.INTERROMPU, Fraction(125, 100_000), False),
        (Etat.OPTIMAL, 799, Statut.OPTIMAL, Fraction(0), True),  # bruit des flottants : jamais sous la solution
        (Etat.LIMITE, None, Statut.INTERROMPU, None, True),
    ],
)
def test_l_ecart_est_prouve_ou_absent(
    etat: Etat, borne: int | None, statut: Statut, ecart: Fraction | None, reproductible: bool
) -> None:
    probleme = un_probleme([une_demande("A", "M", 1_000, 80)], {"M": 1_000})
    vraie = MoteurHighs().resoudre(poser(probleme).modele, EXACTEMENT)
    feinte = Reponse(etat, vraie.valeurs, None if borne is None else Fraction(borne), 7)
    scenario = optimiser(probleme, moteur=MoteurFeint(feinte))
    assert (scenario.statut, scenario.ecart, scenario.reproductible) == (statut, ecart, reproductible)
    assert (scenario.objectif, scenario.noeuds, scenario.solveur) == (Fraction(80_000), 7, "feint")


def test_sans_solution_rien_n_est_propose() -> None:
    scenario = optimiser(un_probleme(TROIS, {"M": 100}), moteur=MoteurFeint(Reponse(Etat.LIMITE, None, Fraction(9), 3)))
    assert (scenario.statut, scenario.montants, scenario.objectif, scenario.ecart) == (
        Statut.SANS_SOLUTION, (), None, None,
    )  # fmt: skip
    assert scenario.borne == 9 * 100  # une unité vaut ici cent euros


def test_un_objectif_nul_sous_une_borne_positive_n_a_pas_d_ecart() -> None:
    probleme = un_probleme([une_demande("A", "M", 1_000, 80)], {"M": 1_000})
    nulle = Reponse(Etat.LIMITE, (0,) * len(poser(probleme).modele.hauts), Fraction(800), 0)
    assert optimiser(probleme, moteur=MoteurFeint(nulle)).ecart is None


def test_une_mauvaise_piste_du_solveur_ne_fausse_pas_le_conflit() -> None:
    probleme = un_probleme(TROIS, {"M": 0}, verrous=[un_verrou("A", "M", DOIT)])
    impossible = Reponse(Etat.IMPOSSIBLE, None, None, 0)
    scenario = optimiser(probleme, moteur=MoteurFeint(impossible, piste=("enveloppe:M",)))
    assert sorted(scenario.conflit) == sorted(optimiser(probleme).conflit)
    assert len(scenario.conflit) == 2


def test_l_horloge_arrete_et_le_dit() -> None:
    demandes = [
        une_demande(f"D{i}", f"L{j}", 1_000 + 137 * i % 900, 1 + (i * 7 + j) % 99) for i in range(60) for j in range(5)
    ]
    dossiers = [un_dossier(f"D{i}", viabilite=3_000) for i in range(60)]
    probleme = un_probleme(demandes, {f"L{j}": 31_000 for j in range(5)}, dossiers)
    assert not optimiser(probleme, Limites(secondes=0)).reproductible


def test_une_limite_en_noeuds_se_reproduit() -> None:
    demandes = [une_demande(f"D{i}", "L", 997 + i, 50 + i % 3, plancher=997 + i) for i in range(40)]
    probleme = un_probleme(demandes, {"L": 11_111})
    court = Limites(noeuds=1, ecart=Fraction(0))
    assert optimiser(probleme, court) == optimiser(probleme, court)
    assert optimiser(probleme, court).statut in {Statut.INTERROMPU, Statut.SANS_SOLUTION}


def test_un_modele_que_le_solveur_refuse_est_une_panne_dite() -> None:
    colonne_absente = Modele((1,), (True,), (Fraction(1),), (Rangee(None, ((5, 1),), maximum=1),))
    with pytest.raises(SolveurEnDefaut, match="a refusé le modèle"):
        MoteurHighs().resoudre(colonne_absente, EXACTEMENT)
    with pytest.raises(SolveurEnDefaut, match="état imprévu : kMemoryLimit"):
        lire_etat(HighsModelStatus.kMemoryLimit)
