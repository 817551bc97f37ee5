"""Les noms que disent les codes d'un fait, pour les pages."""

from __future__ import annotations

from app.etapes.notation.service.noms import (
    COURT,
    DES_TEXTES,
    DOMAINES,
    actions_des_feuilles,
    cite_des_textes,
    noms_des_codes,
)

__all__ = ["COURT", "DES_TEXTES", "DOMAINES", "actions_des_feuilles", "cite_des_textes", "noms_des_codes"]
