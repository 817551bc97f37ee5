"""Les cas lisibles par un chef de projet : un essai par cas et par ligne de financement."""

from __future__ import annotations

import pytest

from app.etapes.notation.rules import EtatLigne, HorsChamp, LigneNote, Note, ecrire_arrondi, noter
from tests.etapes.notation.lecture_cas import CAS, Cas, faits_du_cas, la_grille, lire_cas, points

TOUS = lire_cas()
_BLANCS = str.maketrans({"\u00a0": " ", "\u202f": " "})


def noter_le_cas(cas: Cas) -> Note | HorsChamp:
    return noter(la_grille(), cas.ligne, faits_du_cas(cas))


@pytest.mark.parametrize("cas", [cas for cas in TOUS if cas.critere], ids=lambda cas: cas.nom)
def test_le_critere_obtient_le_taux_attendu(cas: Cas) -> None:
    note = noter_le_cas(cas)
    assert isinstance(note, Note)
    ligne = note.ligne_note(cas.critere or "")
    attendu = cas.attendu
    etat = attendu.get("etat", "manquant" if isinstance(attendu.get("taux"), list) else "note")
    assert ligne.etat is EtatLigne(etat)
    if "taux" in attendu:
        mini, maxi = attendu["taux"] if isinstance(attendu["taux"], list) else [attendu["taux"]] * 2
        assert (ligne.taux_minimum, ligne.taux_maximum) == (mini, maxi)
    if "motif" in attendu:
        assert attendu["motif"].translate(_BLANCS) in ligne.motif.translate(_BLANCS)
    assert bool(ligne.manquants) is (ligne.etat is EtatLigne.MANQUANT)


@pytest.mark.parametrize("cas", [cas for cas in TOUS if not cas.critere], ids=lambda cas: cas.nom)
def test_la_note_entiere_est_celle_attendue(cas: Cas) -> None:
    resultat = noter_le_cas(cas)
    attendu = cas.attendu
    if "hors_champ" in attendu:
        assert isinstance(resultat, HorsChamp)
        assert resultat.motif == attendu["hors_champ"]
        return
    assert isinstance(resultat, Note)
    assert resultat.total is not None
    assert ecrire_arrondi(resultat.total) == attendu["total"]
    assert resultat.points_possibles == attendu["possibles"]
    obtenus = {ligne.code: ligne.points for ligne in resultat.lignes if ligne.points is not None}
    assert {code: obtenus[code] for code in attendu["points"]} == {c: points(p) for c, p in attendu["points"].items()}
    sortis = [ligne.code for ligne in resultat.lignes if ligne.etat is EtatLigne.SANS_OBJET]
    assert sortis == attendu.get("sans_objet", [])


def test_chaque_palier_de_chaque_critere_est_atteint_sur_chaque_ligne() -> None:
    def atteint(ligne: LigneNote, code: str) -> tuple[str, str, object]:
        return (code, ligne.code, (ligne.etat.value, ligne.jugement.rang))

    attendus = set()
    for ligne in la_grille().lignes:
        poids = dict(ligne.poids)
        for critere in la_grille().criteres:
            for bareme in critere.baremes:
                if ligne.code in bareme.lignes and poids[critere.code]:
                    attendus |= {
                        (ligne.code, critere.code, ("note", rang))
                        for rang, palier in enumerate(bareme.paliers)
                        if (ligne.code, critere.code, palier.taux) not in JAMAIS
                    }
            sorties = [cas for cas in la_grille().sans_objet if cas.critere == critere.code]
            attendus |= {(ligne.code, critere.code, ("sans_objet", rang)) for rang in range(len(sorties))}
    atteints = set()
    for cas in TOUS:
        note = noter_le_cas(cas)
        if isinstance(note, Note):
            atteints |= {atteint(ligne, cas.ligne) for ligne in note.lignes}
    assert attendus - atteints == set()


# Une ligne communale sans fiche visée est hors champ : son palier « aucun projet de quartier » n'est jamais servi.
JAMAIS = {("MULHOUSE", "QUA", 0), ("ILLZACH", "QUA", 0), ("WITTENHEIM", "QUA", 0)}


def test_il_y_a_assez_de_cas_et_leurs_noms_ne_se_repetent_pas() -> None:
    noms = [cas.nom for cas in TOUS]
    assert len(noms) == len(set(noms))
    assert len({(cas.nom.split(" · ")[0], cas.attendu["quand"]) for cas in TOUS}) >= 100
    assert len(list(CAS.glob("*.toml"))) >= 14
