"""La même clé d'idempotence, donnée au même instant à deux dossiers : l'un se dépose, l'autre est refusé en clair."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service import depot
from app.noyau.erreurs import ActeImpossible
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_service_signature import a_signer, signer


def test_la_meme_cle_sur_deux_dossiers_au_meme_instant(decor: Decor) -> None:
    dossiers = [a_signer(decor), a_signer(decor)]
    for dossier in dossiers:
        signer(decor, dossier)
    depart = threading.Barrier(2)

    def aller(lu: tuple[str, int]) -> str:
        with Session(decor.service.state.moteur) as session:
            depart.wait(10)
            try:
                rendu: Dossier = depot.deposer(
                    session, lu[0], version_lue=lu[1], acteur=decor.acteur, maintenant=f.MAINTENANT, cle="clé-1"
                )
                session.commit()
            except ActeImpossible as refus:
                return refus.code
            return rendu.numero or ""

    with ThreadPoolExecutor(2) as fils:
        rendus = sorted(fils.map(aller, [(d.reference, d.version) for d in dossiers]))
    assert rendus == ["ESS-2027-0001", "cle_deja_utilisee"]
