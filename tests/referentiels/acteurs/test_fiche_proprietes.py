"""Quoi qu'on tape dans une section de la fiche, elle s'accepte ou se refuse avec ses fautes : jamais une panne."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.forms import valider_tout
from app.noyau.erreurs import Faute, SaisieInvalide
from app.referentiels.acteurs.rules import fiche, verifier_identite
from app.referentiels.acteurs.rules.comptes import appareil, verifier_inscription, verifier_relais
from app.referentiels.acteurs.schemas import comptes as formulaires_comptes
from app.referentiels.acteurs.schemas import fiche as formulaires
from tests.factories import MAINTENANT, siret_fictif

JOUR = MAINTENANT.date()
TEXTES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["", "0", "2,5", "oui", "non", "2026-02-30", "2024-01-09", "²", "٣٣", "FR76"]),
    st.text(alphabet="FR0123456789 ²٣", max_size=40),
)


def relations(lu: Any) -> Iterable[Faute]:
    valeurs = {cle: v for cle, v in lu.valeurs().items() if cle != "est_assujettie"}
    return fiche.verifier_relations(**valeurs, aujourd_hui=JOUR)


def moyens(lu: Any) -> Iterable[Faute]:
    return lu.verifier() or fiche.verifier_moyens(lu.moyens())


def relais(lu: Any) -> Iterable[Faute]:
    saisi = {cle: getattr(lu, cle) for cle in ("courriel", "prenom", "nom", "fonction", "fin_le", "partant")}
    return verifier_relais(**saisi, partants={"ancien@exemple.fr"}, aujourd_hui=JOUR)


def inscription(lu: Any) -> Iterable[Faute]:
    return verifier_inscription(lu.nom_affiche, lu.courriel, lu.mot_de_passe, lu.confirmation)


CAS: tuple[tuple[type[Any], Callable[[Any], Iterable[Faute]]], ...] = (
    (formulaires.FormulaireIdentite, lambda lu: verifier_identite(lu.identite(siret_fictif(1)), JOUR)),
    (formulaires.FormulaireAdresses, lambda _: ()),
    (formulaires.FormulaireRepresentant, lambda lu: fiche.verifier_representant(lu.model_dump())),
    (formulaires.FormulaireContact, lambda _: ()),
    (formulaires.FormulaireRelations, relations),
    (formulaires.FormulaireReseaux, lambda lu: [Faute("reseaux", "trop")] if len(lu.valeurs()["reseaux"]) > 30 else ()),
    (formulaires.FormulaireMoyens, moyens),
    (formulaires.FormulaireBanque, lambda lu: fiche.verifier_compte(lu.compte())),
    (formulaires.FormulaireEngagement, lambda _: ()),
    (formulaires_comptes.FormulaireRelais, relais),
    (formulaires_comptes.FormulaireInscription, inscription),
)


@pytest.mark.parametrize(("schema", "verifier"), CAS, ids=[c.__name__ for c, _ in CAS])
@given(donnees=st.data())
def test_une_section_s_accepte_ou_dit_ses_fautes(
    schema: type[Any], verifier: Callable[[Any], Iterable[Faute]], donnees: st.DataObject
) -> None:
    noms = list(schema.model_fields)
    saisie = {nom: t for nom in noms if (t := donnees.draw(TEXTES, label=nom)).strip()}
    fautes: tuple[Faute, ...] | None = None
    try:
        valider_tout(schema, saisie, verifier)
    except SaisieInvalide as refus:
        fautes = refus.fautes
    if fautes is not None:
        assert fautes
        assert all(f.message and f.champ.partition(".")[0] in noms for f in fautes)


@given(st.text(max_size=300))
def test_tout_agent_a_un_nom(agent: str) -> None:
    assert appareil(agent)


@given(st.text(max_size=60))
def test_un_iban_accepte_est_fait_de_lettres_et_de_chiffres(texte: str) -> None:
    iban = fiche.normaliser_iban(texte)
    assert iban is None or (iban.isascii() and iban.isalnum())
