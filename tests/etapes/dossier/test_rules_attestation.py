"""Ce que la demande écrite dit de sa signature, de son complément, et de ce qui a changé depuis."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.etapes.dossier.rules.attestation import (
    Completee,
    Signature,
    dire_la_signature,
    dire_le_cer,
    parties_changees,
    phrase_de_signature,
)

LE = datetime(2026, 11, 6, 13, 12, tzinfo=UTC)
SIGNATURE = Signature(LE, "Présidence (fictif)", "représentant légal")
COMPLETEE = Completee(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), "Rédaction (fictif)", "rédacteur", "ab12cd34ef56")


def test_une_premiere_version_dit_qui_l_a_signee() -> None:
    assert dict(dire_la_signature(SIGNATURE, None)) == {
        "Signé le": "vendredi 6 novembre 2026 à 14 h 12", "Par": "Présidence (fictif)",
        "En qualité de": "représentant légal",
    }  # fmt: skip
    phrase = phrase_de_signature(SIGNATURE, None)
    assert phrase == "Signé le vendredi 6 novembre 2026 à 14 h 12 par Présidence (fictif) (représentant légal)."


def test_un_complement_dit_qui_l_a_envoye_et_que_la_signature_n_y_porte_pas() -> None:
    dit = dict(dire_la_signature(SIGNATURE, COMPLETEE))
    assert dit["Complété par"] == "Rédaction (fictif) (rédacteur)"
    assert dit["Signature"].endswith("porte sur la version 1, pas sur ce complément.")
    assert dit["Empreinte de la version signée"] == "ab12cd34ef56"
    phrase = phrase_de_signature(SIGNATURE, COMPLETEE)
    assert phrase.startswith("Complété le vendredi 20 novembre 2026 à 10 h 00 par Rédaction (fictif) (rédacteur) ;")
    assert phrase.endswith("la version 1 (empreinte ab12cd34ef56).")


def test_ce_qui_n_est_pas_su_se_dit() -> None:
    inconnue, sans_nom = Signature(None, "", ""), Completee(LE, "", "", "")
    assert set(dict(dire_la_signature(inconnue, None)).values()) == {"Non renseigné"}
    dit = dict(dire_la_signature(inconnue, sans_nom))
    assert "Complété par" not in dit
    assert dit["Empreinte de la version signée"] == "Non renseigné"
    assert "(empreinte non renseigné)" in phrase_de_signature(inconnue, sans_nom)


@pytest.mark.parametrize(
    ("fiche", "dit"),
    [
        ({"engagement_republicain": {"atteste_at": LE.isoformat(), "nom": "X", "qualite": "Présidence"}},
         "Attesté le vendredi 6 novembre 2026 par X (Présidence), dans sa fiche"),
        ({"identite": {"forme": "association"}, "relations": {"est_reconnue_utilite": True}},
         "Réputé souscrit : organisation reconnue d’utilité publique ou agréée"),
        ({"identite": {"forme": "fondation"}, "relations": {"agrements": [{"type": "jeunesse"}]}},
         "Réputé souscrit : organisation reconnue d’utilité publique ou agréée"),
        ({"identite": {"forme": "collectivite"}, "relations": {"est_reconnue_utilite": True}}, None),
        ({"identite": {"forme": "association"}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_l_engagement_republicain_se_dit_d_apres_la_fiche(fiche: dict[str, object], dit: str | None) -> None:
    assert [reponse for _, reponse in dire_le_cer(fiche)] == ([] if dit is None else [dit])


def test_ce_qui_a_change_se_nomme_et_ce_qui_s_ajoute_ne_compte_pas() -> None:
    signees = {"contenu": "1", "compte_bancaire": "2", "inconnue": "3"}
    assert parties_changees(signees, signees | {"reseaux": "9"}) == ()
    changees = parties_changees(signees, {"contenu": "1", "compte_bancaire": "8"})
    assert changees == ("le compte bancaire", "inconnue")
