"""Ce qui change d'une version de grille à une autre, dit en français, thème par thème."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TypeVar

from app.referentiels.grilles.rules.description import decrire, decrire_operation, phrase_publique
from app.referentiels.grilles.rules.lecture import Lexique, lexique
from app.referentiels.grilles.rules.modele import Bareme, Champ, Critere, Grille, LigneGrille, Palier, SansObjet

T = TypeVar("T")


class Theme(StrEnum):
    """De quoi parle une différence, dans l'ordre où on les lit.

    Choix du projet : issue 4, « versions compared ».
    """

    GRILLE = "La grille"
    LIGNES = "Les lignes de financement"
    POIDS = "Les poids"
    CRITERES = "Les critères"
    PALIERS = "Les paliers"
    SANS_OBJET = "Ce qui est sans objet"
    OUVERTURES = "Ce qui ouvre une ligne"
    ENSEMBLES = "Les listes de codes"
    MESURES = "Les mesures et les définitions"


@dataclass(frozen=True, slots=True)
class Difference:
    """Une chose changée : de quoi, quoi, avant, après. None : elle n'y était pas, ou n'y est plus.

    Choix du projet : issue 4, « versions compared ».
    """

    theme: Theme
    objet: str
    quoi: str
    avant: str | None
    apres: str | None

    @property
    def phrase(self) -> str:
        """La différence en une phrase."""
        if self.avant is None:
            return f"Ajout — {self.objet}, {self.quoi} : {self.apres}"
        if self.apres is None:
            return f"Retrait — {self.objet}, {self.quoi} : {self.avant}"
        return f"{self.objet}, {self.quoi} : {self.avant} devient {self.apres}"


def differences(avant: Grille, apres: Grille) -> tuple[Difference, ...]:
    """Tout ce qui change de `avant` à `apres`, dans l'ordre des thèmes ; vide si seul le numéro de version change.

    Choix du projet : issue 4, « versions compared ».
    """
    comparaison = _Comparaison(avant, apres)
    trouvees = (
        *comparaison.grille(),
        *comparaison.lignes(),
        *comparaison.poids(),
        *comparaison.criteres(),
        *comparaison.paliers(),
        *comparaison.sans_objet(),
        *comparaison.ouvertures(),
        *comparaison.ensembles(),
        *comparaison.mesures(),
    )
    return tuple(dict.fromkeys(trouvees))


def criteres_retires(avant: Grille, apres: Grille) -> tuple[Critere, ...]:
    """Les critères que la nouvelle version n'a plus.

    Choix du projet : issue 4, « a criterion removed while used ».
    """
    gardes = {critere.code for critere in apres.criteres}
    return tuple(critere for critere in avant.criteres if critere.code not in gardes)


class _Comparaison:
    """Deux grilles et leurs lexiques ; une méthode par thème."""

    def __init__(self, avant: Grille, apres: Grille) -> None:
        self._avant, self._apres = avant, apres
        self._noms_avant, self._noms_apres = lexique(avant), lexique(apres)
        self._libelles = {ligne.code: ligne.libelle for ligne in (*avant.lignes, *apres.lignes)}

    def grille(self) -> Iterator[Difference]:
        yield from _change(Theme.GRILLE, "Grille", "intitulé", self._avant.intitule, self._apres.intitule)
        avant, apres = (str(grille.arrondi.decimales) for grille in (self._avant, self._apres))
        yield from _change(Theme.GRILLE, "Grille", "décimales du total", avant, apres)

    def lignes(self) -> Iterator[Difference]:
        for code, (avant, apres) in _paires(_lignes(self._avant), _lignes(self._apres)).items():
            dites = (None if ligne is None else ligne.libelle for ligne in (avant, apres))
            yield from _change(Theme.LIGNES, f"Ligne {code}", "libellé" if avant and apres else "ligne", *dites)

    def poids(self) -> Iterator[Difference]:
        noms = _libelles_des_criteres(self._avant) | _libelles_des_criteres(self._apres)
        for code, (avant, apres) in _paires(_lignes(self._avant), _lignes(self._apres)).items():
            if avant is None or apres is None:
                continue
            anciens, nouveaux = dict(avant.poids), dict(apres.poids)
            for critere, nom in noms.items():
                bas, haut = anciens.get(critere, 0), nouveaux.get(critere, 0)
                yield from _change(Theme.POIDS, nom, f"poids {self._libelles[code]}", str(bas), str(haut))

    def criteres(self) -> Iterator[Difference]:
        for code, (avant, apres) in _paires(_criteres(self._avant), _criteres(self._apres)).items():
            nom = f"Critère {code}"
            if avant is None or apres is None:
                dits = (None if critere is None else critere.libelle for critere in (avant, apres))
                yield from _change(Theme.CRITERES, nom, "critère", *dits)
                continue
            yield from _change(Theme.CRITERES, nom, "libellé", avant.libelle, apres.libelle)
            yield from _change(Theme.CRITERES, apres.libelle, "source", str(avant.source), str(apres.source))
            dits = ("compte toujours" if critere.est_transversal else "ordinaire" for critere in (avant, apres))
            yield from _change(Theme.CRITERES, apres.libelle, "enjeu transversal", *dits)

    def paliers(self) -> Iterator[Difference]:
        """Ligne par ligne, puis réunies quand le même changement vaut pour plusieurs."""
        for code, (avant, apres) in _paires(_criteres(self._avant), _criteres(self._apres)).items():
            if avant is None or apres is None:
                continue
            lignes: defaultdict[tuple[str, str | None, str | None], list[str]] = defaultdict(list)
            for ligne, (ancien, nouveau) in _paires(_baremes(avant), _baremes(apres)).items():
                for change in self._bareme(ancien, nouveau):
                    lignes[change].append(self._libelles.get(ligne, ligne))
            for (quoi, bas, haut), pour in lignes.items():
                yield Difference(Theme.PALIERS, f"{apres.libelle or code} ({', '.join(pour)})", quoi, bas, haut)

    def sans_objet(self) -> Iterator[Difference]:
        noms = _libelles_des_criteres(self._avant) | _libelles_des_criteres(self._apres)
        avant = {(c.critere, self._cas(c, self._noms_avant)): None for c in self._avant.sans_objet}
        apres = {(c.critere, self._cas(c, self._noms_apres)): None for c in self._apres.sans_objet}
        for critere, cas in avant:
            if (critere, cas) not in apres:
                yield Difference(Theme.SANS_OBJET, noms.get(critere, critere), "cas sans objet", cas, None)
        for critere, cas in apres:
            if (critere, cas) not in avant:
                yield Difference(Theme.SANS_OBJET, noms.get(critere, critere), "cas sans objet", None, cas)

    def ouvertures(self) -> Iterator[Difference]:
        for code, (avant, apres) in _paires(_lignes(self._avant), _lignes(self._apres)).items():
            if avant is None or apres is None:
                continue
            dites = (
                "ouverte à tous les dossiers" if ligne.champ is None else self._cas(ligne.champ, noms)
                for ligne, noms in ((avant, self._noms_avant), (apres, self._noms_apres))
            )
            yield from _change(Theme.OUVERTURES, self._libelles[code], "ouverture", *dites)

    def ensembles(self) -> Iterator[Difference]:
        ancien = {e.nom: ", ".join(e.codes) for e in self._avant.ensembles}
        nouveau = {e.nom: ", ".join(e.codes) for e in self._apres.ensembles}
        for nom, (avant, apres) in _paires(ancien, nouveau).items():
            yield from _change(Theme.ENSEMBLES, nom, "codes", avant, apres)
        sources = ({e.nom: str(e.source) for e in grille.ensembles} for grille in (self._avant, self._apres))
        for nom, (avant, apres) in _paires(*sources).items():
            if avant is not None and apres is not None:
                yield from _change(Theme.ENSEMBLES, nom, "source", avant, apres)

    def mesures(self) -> Iterator[Difference]:
        ancien, nouveau = (
            {m.code: f"{m.libelle} = {decrire_operation(m.operation, noms)}" for m in grille.mesures}
            | {d.code: f"{d.libelle} = {decrire(d.si, noms)}" for d in grille.definitions}
            for grille, noms in ((self._avant, self._noms_avant), (self._apres, self._noms_apres))
        )
        for code, (avant, apres) in _paires(ancien, nouveau).items():
            yield from _change(Theme.MESURES, code, "définition", avant, apres)

    def _bareme(self, avant: Bareme | None, apres: Bareme | None) -> Iterator[tuple[str, str | None, str | None]]:
        if avant is not None and apres is not None and avant.source != apres.source:
            yield "source", str(avant.source), str(apres.source)
        anciens, nouveaux = (() if bareme is None else bareme.paliers for bareme in (avant, apres))
        appariees = SequenceMatcher(None, [p.si for p in anciens], [p.si for p in nouveaux], autojunk=False)
        for _, debut, fin, debut_neuf, fin_neuf in appariees.get_opcodes():
            yield from self._paliers(anciens[debut:fin], nouveaux[debut_neuf:fin_neuf])

    def _paliers(
        self, avant: Sequence[Palier], apres: Sequence[Palier]
    ) -> Iterator[tuple[str, str | None, str | None]]:
        for rang in range(max(len(avant), len(apres))):
            ancien = avant[rang] if rang < len(avant) else None
            nouveau = apres[rang] if rang < len(apres) else None
            dits = (_palier(ancien, self._noms_avant), _palier(nouveau, self._noms_apres))
            if dits[0] != dits[1]:
                yield "palier", *dits
            if ancien is not None and nouveau is not None and ancien.motif != nouveau.motif:
                avant_dite = phrase_publique(ancien.motif, self._noms_avant)
                yield "phrase", avant_dite, phrase_publique(nouveau.motif, self._noms_apres)

    def _cas(self, cas: SansObjet | Champ, noms: Lexique) -> str:
        return f"{decrire(cas.si, noms)} — « {phrase_publique(cas.motif, noms)} » ({cas.source})"


def _palier(palier: Palier | None, noms: Lexique) -> str | None:
    return None if palier is None else f"{palier.taux}\u00a0% — {decrire(palier.si, noms)}"


def _change(theme: Theme, objet: str, quoi: str, avant: str | None, apres: str | None) -> Iterable[Difference]:
    return () if avant == apres else (Difference(theme, objet, quoi, avant, apres),)


def _paires(avant: Mapping[str, T], apres: Mapping[str, T]) -> dict[str, tuple[T | None, T | None]]:
    return {code: (avant.get(code), apres.get(code)) for code in dict.fromkeys((*avant, *apres))}


def _lignes(grille: Grille) -> dict[str, LigneGrille]:
    return {ligne.code: ligne for ligne in grille.lignes}


def _criteres(grille: Grille) -> dict[str, Critere]:
    return {critere.code: critere for critere in grille.criteres}


def _baremes(critere: Critere) -> dict[str, Bareme]:
    return {ligne: bareme for bareme in critere.baremes for ligne in bareme.lignes}


def _libelles_des_criteres(grille: Grille) -> dict[str, str]:
    return {critere.code: critere.libelle for critere in grille.criteres}
