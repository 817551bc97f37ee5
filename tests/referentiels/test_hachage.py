"""Les mots de passe, tels que le service les garde : ailleurs, les essais les hachent au moindre coût."""

from __future__ import annotations

import pytest

from app.referentiels.acteurs import service
from tests.conftest import VRAI_HACHEUR


def test_un_mot_de_passe_se_garde_au_cout_recommande(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_hacheur", VRAI_HACHEUR)
    empreinte = service.hacher("une phrase assez longue")
    assert empreinte.startswith("$argon2id$v=19$m=65536,t=3,p=4$"), "64 Mio, trois passes"
    assert service.est_le_bon("une phrase assez longue", empreinte)
    assert not service.est_le_bon("une autre phrase assez longue", empreinte)


def test_les_autres_essais_hachent_vite_et_pareillement() -> None:
    empreinte = service.hacher("une phrase assez longue")
    assert empreinte.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert service.est_le_bon("une phrase assez longue", empreinte)
