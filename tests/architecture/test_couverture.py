"""Ce que la couverture suit : les seules règles, prouvées par leurs essais sans base (ADR 0012)."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from coverage import Coverage

SUIT_TOUT = "IQ_COUVERTURE" in os.environ


def test_un_essai_qui_n_est_pas_d_une_regle_ne_paie_aucun_suivi() -> None:
    """Deux mesures tournent dans un processus de xdist : en laisser une doublait le temps de toute la suite."""
    traces: list[Any] = []
    fil = threading.Thread(target=lambda: traces.append(sys.gettrace()))
    fil.start()
    fil.join()
    suiveurs = [t for t in (sys.gettrace(), *traces) if type(t).__module__.startswith("coverage")]
    assert SUIT_TOUT or (Coverage.current(), suiveurs) == (None, [])
