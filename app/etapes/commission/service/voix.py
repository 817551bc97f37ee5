"""Les voix d'un point : qui peut voter, ce qui est exprimé, ce qui manque."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.etapes.commission.models import Seance
from app.etapes.commission.repository import PointLu, Salle
from app.etapes.commission.rules import Quorum, Sens, Voix, accorder, controler_voix
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide

ADMIS = (Sens.POUR, Sens.CONTRE, Sens.ABSTENTION)
Bulletins = Mapping[int, Sens] | Sens
"""Les voix par rang de siège ; un seul sens : l'unanimité de celles et ceux qui peuvent voter."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Un point mis en discussion : la salle, ceux qui s'en sont retirés, le quorum à cet instant."""

    seance: Seance
    lu: PointLu
    salle: Salle
    deportes: frozenset[str]
    quorum: Quorum
    maintenant: datetime
    acteur: Identite

    @property
    def votants(self) -> dict[str, str | None]:
        """Siège → porteur de sa voix."""
        return self.salle.votants(self.maintenant, self.deportes)


def lire(scene: Scene, bulletins: Bulletins) -> list[Voix]:
    """Les voix à compter. Lève SaisieInvalide : qui ne peut pas voter, et pourquoi ; ActeImpossible sans quorum."""
    if not scene.quorum.atteint:
        raise ActeImpossible(scene.quorum.motif, code="quorum_non_atteint")
    votants = scene.votants
    if isinstance(bulletins, Sens):
        bulletins = {int(code): bulletins for code in votants}
    if not bulletins:
        raise SaisieInvalide([Faute("", "Aucune voix n’est exprimée.", "aucune_voix")])
    if any(sens not in ADMIS for sens in bulletins.values()):
        raise SaisieInvalide([Faute("", "Une voix est pour, contre ou abstention.", "sens_inconnu")])
    voix = [Voix(str(rang), sens, votants.get(str(rang))) for rang, sens in sorted(bulletins.items())]
    pouvoirs, ecartes = scene.salle.pouvoirs(scene.maintenant, scene.deportes)
    refus = controler_voix(
        voix, scene.salle.membres, scene.salle.presents, deportes=scene.deportes, pouvoirs=pouvoirs
    )  # fmt: skip
    if refus:
        # Le motif le plus utile : pourquoi son pouvoir ne sert pas, sinon pourquoi sa voix est refusée.
        pourquoi = {r.membre: r.motif for r in refus} | {r.membre: r.motif for r in ecartes}
        raise SaisieInvalide([_faute_de_voix(scene, r.membre, pourquoi[r.membre]) for r in refus])
    return voix


def a_compter(scene: Scene, bulletins: Bulletins, *, partiel: bool) -> list[Voix]:
    """Les voix d'un vote qu'on conclut : toutes, sauf si l'on dit que les autres n'y prennent pas part.

    Choix du projet : une voix oubliée ne se proclame pas.
    """
    voix = lire(scene, bulletins)
    manquent = sans_part(scene, voix)
    if manquent and not partiel:
        combien = accorder(len(manquent), "voix manque", "voix manquent")
        phrase = (
            f"{combien} : {' ; '.join(manquent)}. Cochez-les, ou dites que ces membres ne prennent pas part au vote."
        )
        raise SaisieInvalide([Faute("partiel", phrase, "voix_manquantes")])
    return voix


def sans_part(scene: Scene, voix: Sequence[Voix]) -> list[str]:
    """Les qualités des membres qui pouvaient voter et ne l'ont pas fait."""
    exprimees = {v.membre for v in voix}
    return [scene.salle.qualite(siege) for siege in scene.votants if siege not in exprimees]


def _faute_de_voix(scene: Scene, membre: str, motif: str) -> Faute:
    return Faute(f"voix-{membre}", f"{scene.salle.qualite(membre) or membre} : {motif}", "voix_refusee")
