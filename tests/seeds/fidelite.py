"""La fidélité au document : chaque texte chargé se retrouve dans les lignes qu'il cite, ou une anomalie le dit.

Emploi : `assert ecarts(modele, document, anomalies, sauf={"commune"}) == []`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from seeds.schemas.commun import Anomalie, ElementSource, LignesSource

DOSSIER_M2A = Path(__file__).parents[2] / "seeds" / "contrats" / "m2a-2024-2030"
CHAMPS_TECHNIQUES = frozenset({"code", "source"})

_PUCE = re.compile(r"^\s*(?:[-•◦]\s+)?(?:[⇒→➢]\s*)?(?:\.\s+)?")
_LIEN = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_EXPOSANT = re.compile(r"\^\{([^}]*)\}")
_NOTES = re.compile("[¹²³⁴⁵⁶⁷⁸⁹⁰]+")


@dataclass(frozen=True)
class TexteCite:
    """Un texte chargé, où il se trouve dans les données, les lignes du document qu'il cite."""

    chemin: str
    texte: str
    source: LignesSource


def lire_document(dossier: Path = DOSSIER_M2A) -> tuple[str, ...]:
    """Les lignes du document ; la ligne n est à l'indice n − 1."""
    return tuple((dossier / "document.txt").read_text(encoding="utf-8").split("\n"))


def normaliser(texte: str) -> str:
    """Ôte ce qui n'est que mise en forme : puces, `**`, liens, exposants, numéros de notes, blancs répétés."""
    lignes = [_PUCE.sub("", ligne, count=1) for ligne in texte.split("\n")]
    nu = _LIEN.sub(r"\1", _EXPOSANT.sub(r"\1", " ".join(lignes)))
    nu = _NOTES.sub("", nu.replace("*", ""))
    return " ".join(nu.split())


def textes_cites(
    modele: object, *, sauf: Collection[str] = (), chemin: str = "", source: LignesSource | None = None
) -> Iterator[TexteCite]:
    """Tous les textes du modèle, hors codes, énumérations et champs `sauf` ; l'enfant sans source hérite du parent."""
    if isinstance(modele, Enum | LignesSource):
        return
    if isinstance(modele, str):
        if source is not None:
            yield TexteCite(chemin, modele, source)
        return
    if isinstance(modele, BaseModel):
        source = modele.source if isinstance(modele, ElementSource) else source
        nom = getattr(modele, "code", None)
        prefixe = f"{chemin}[{nom}]" if nom else chemin
        for champ in type(modele).model_fields:
            if champ not in CHAMPS_TECHNIQUES and champ not in sauf:
                yield from textes_cites(getattr(modele, champ), sauf=sauf, chemin=f"{prefixe}.{champ}", source=source)
    elif isinstance(modele, Iterable):
        for rang, enfant in enumerate(modele):
            yield from textes_cites(enfant, sauf=sauf, chemin=f"{chemin}[{rang}]", source=source)


def passages(document: Sequence[str], source: LignesSource) -> tuple[str, ...]:
    """Les plages citées, normalisées une à une, puis mises bout à bout s'il y en a plusieurs."""
    morceaux = [normaliser("\n".join(document[premiere - 1 : derniere])) for premiere, derniere in source.plages]
    return (*morceaux, " ".join(morceaux)) if len(morceaux) > 1 else tuple(morceaux)


def est_fidele(cite: TexteCite, document: Sequence[str], anomalies: Iterable[Anomalie]) -> bool:
    """Vrai si le texte est dans ses lignes (à la casse près), telles quelles ou corrigées par leurs anomalies."""
    attendu = normaliser(cite.texte).casefold()
    lieux = tuple(lieu.casefold() for lieu in passages(document, cite.source))
    if any(attendu in lieu for lieu in lieux):
        return True
    locales = [anomalie for anomalie in anomalies if _se_touchent(anomalie.source, cite.source)]
    if any(attendu == normaliser(anomalie.charge).casefold() for anomalie in locales):
        return True
    return any(attendu in _corriger(lieu, locales) for lieu in lieux)


def ecarts(
    modele: object, document: Sequence[str], anomalies: Sequence[Anomalie], *, sauf: Collection[str] = ()
) -> list[str]:
    """Les textes qui ne sont pas dans leurs lignes : « chemin (l. 12-15) : texte ». Vide si tout est fidèle."""
    return [
        f"{cite.chemin} (l. {cite.source}) : {cite.texte}"
        for cite in textes_cites(modele, sauf=sauf)
        if not est_fidele(cite, document, anomalies)
    ]


def _corriger(lieu: str, anomalies: Iterable[Anomalie]) -> str:
    for anomalie in anomalies:
        if anomalie.charge.startswith("tel quel"):
            continue
        lieu = lieu.replace(normaliser(anomalie.dit).casefold(), normaliser(anomalie.charge).casefold())
    return lieu


def _se_touchent(a: LignesSource, b: LignesSource) -> bool:
    return any(d1 <= f2 and d2 <= f1 for d1, f1 in a.plages for d2, f2 in b.plages)
