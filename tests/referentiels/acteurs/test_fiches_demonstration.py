"""Les organisations de la démonstration ont une fiche complète, inventée, et le disent."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.commandes.campagne import acteurs
from app.commandes.campagne.fiches import ETPT, iban_fictif, moyens_fictifs
from app.referentiels.acteurs.rules.fiche import normaliser_iban, section_de, verifier_moyens
from app.referentiels.acteurs.service import fiche
from tests.factories import MAINTENANT


def test_une_fiche_de_demonstration_n_a_a_dire_que_son_signataire(session: Session) -> None:
    for rang in range(1, 6):
        organisation = acteurs.une_organisation(session, rang)
        assert acteurs.une_organisation(session, rang) is organisation, "idempotent"
        manques = fiche.manques(session, organisation, MAINTENANT)
        assert [(section_de(f).value, "signer" in f.message) for f in manques] == [("representant", True)]
        rendu = fiche.instantane(session, organisation.id, 2026, MAINTENANT)
        assert "fictif" in rendu["siege"]["adresse"]
        assert rendu["moyens_humains"]["etpt_centiemes"] == ETPT[rang % 5] == organisation.salaries_etp_centiemes


def test_les_nombres_inventes_sont_coherents() -> None:
    for rang in range(1, acteurs.PORTEURS + 1):
        assert normaliser_iban(iban_fictif(rang)) == iban_fictif(rang)
        for etpt in ETPT:
            assert verifier_moyens(moyens_fictifs(rang, etpt)) == ()
