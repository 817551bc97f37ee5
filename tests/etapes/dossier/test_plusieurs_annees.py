"""Une demande de plusieurs années, par les actes du service : le contrat et les financeurs sont ceux de la base."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.noyau.erreurs import SaisieInvalide
from tests import factories as f

PREMIERE = [{"ligne": "M2A", "annee": 2027, "montant": 500_000}, {"ligne": "BOP147", "annee": 2027, "montant": 300_000}]


def fautes(session: Session, contrat: f.UnContrat, **change: Any) -> list[tuple[str, str, str]]:
    organisation = f.une_organisation(session)
    porteur = f.un_porteur(session, organisation)
    with pytest.raises(SaisieInvalide) as refus:
        f.un_dossier_complet(session, f.un_appel(session, contrat), organisation, porteur, **change)
    return [(x.champ, x.code, x.message) for x in refus.value.fautes]


def test_une_seconde_annee_sans_premiere_nomme_le_financeur(session: Session) -> None:
    suite = {"ligne": "MULHOUSE", "annee": 2028, "montant": 300_000}
    trouvees = fautes(session, f.un_contrat(session), duree="2", fin="2028-12-15", demandes=[*PREMIERE, suite])
    phrase = "Demandez d’abord à Ville de Mulhouse pour 2027 : une année suivante se réserve avec la première."
    assert trouvees == [("demandes.2.ligne", "suite_sans_premiere", phrase)]


def test_le_dernier_jour_est_celui_du_contrat(session: Session) -> None:
    contrat = f.un_contrat(session)
    contrat.contrat.fin = date(2027, 10, 31)
    session.flush()
    trouvees = fautes(session, contrat, fin="2027-11-01", demandes=PREMIERE)
    assert [(champ, code) for champ, code, _ in trouvees] == [("fin", "fin_hors_annees")]
    assert "31 octobre 2027, dernier jour du contrat" in trouvees[0][2]
