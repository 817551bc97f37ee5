"""Noter : des faits figés et une grille entrent, une note motivée sort. Même entrée, même note, au bit près."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from app.etapes.notation.rules.evaluation import Contexte, Juger, contexte, juge
from app.etapes.notation.rules.faits import FaitsDossier
from app.etapes.notation.rules.medianes import Medianes, avec_medianes
from app.etapes.notation.rules.motifs import Rediger, redacteur
from app.etapes.notation.rules.note import (
    BaremePret,
    EtatLigne,
    HorsChamp,
    Jugement,
    LigneNote,
    Note,
    PalierPret,
    Resultat,
    SortiePrete,
    totaliser,
)
from app.etapes.notation.rules.orientations import Priorites, Rangs, orienter
from app.noyau.erreurs import Introuvable
from app.noyau.sources import Source
from app.referentiels.grilles.rules import (
    Bareme,
    Critere,
    Grille,
    GrilleInvalide,
    Lexique,
    LigneGrille,
    Renvoi,
    empreinte,
    faits_de,
    faits_lus,
    lexique,
    morceaux,
    valider,
)

AUCUNE_PRIORITE: Priorites = MappingProxyType({})


class LigneInconnue(Introuvable):
    """La grille ne note pas cette ligne de financement.

    Choix du projet : architecture, décision 4.
    """

    code = "ligne_inconnue"


def noter(
    grille: Grille,
    ligne: str,
    faits: FaitsDossier,
    medianes: Medianes | None = None,
    priorites: Priorites = AUCUNE_PRIORITE,
) -> Resultat:
    """La note du dossier pour une ligne, ou HorsChamp. `faits` de la note : ceux du dossier, médianes figées dedans.

    Sans `medianes`, celles que les faits portent déjà servent (rejeu) ; s'ils n'en portent pas, elles manquent.
    `priorites` : celles que l'appel donne à des lignes ; le critère OBJ les lit à la place de celles de la grille.
    Lève LigneInconnue, GrilleInvalide.
    Source : conception/notation.md ; reference/donnees/grille-depart.yaml.
    """
    return noter_lignes(grille, faits, medianes, (ligne,), priorites)[ligne]


def noter_lignes(
    grille: Grille,
    faits: FaitsDossier,
    medianes: Medianes | None = None,
    lignes: Iterable[str] | None = None,
    priorites: Priorites = AUCUNE_PRIORITE,
) -> dict[str, Resultat]:
    """La note du dossier pour plusieurs lignes (toutes celles de la grille si elles ne sont pas dites).

    Lève LigneInconnue, GrilleInvalide.
    Source : conception/notation.md, « une note par ligne de financement ».
    """
    pretes = _preparer(grille, tuple(sorted(priorites.items())))
    releve = _Releve(faits if medianes is None else avec_medianes(faits, medianes))
    resultats: dict[str, Resultat] = {}
    for code in pretes if lignes is None else lignes:
        if code not in pretes:
            raise LigneInconnue(f"La grille {grille.version} ne note pas la ligne « {code} ».")
        resultats[code] = _noter(pretes[code], releve)
    return resultats


# --- préparer la grille, une fois ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ChampPret:
    juger: Juger
    rediger: Rediger
    source: Source


@dataclass(frozen=True, slots=True)
class _LignePrete:
    code: str
    libelle: str
    version: str
    empreinte: str
    decimales: int
    champ: _ChampPret | None
    criteres: tuple[tuple[BaremePret, int], ...]
    priorites: Rangs


@lru_cache(maxsize=64)
def _preparer(epinglee: Grille, priorites: tuple[tuple[str, Rangs], ...]) -> Mapping[str, _LignePrete]:
    """La grille orientée par l'appel, prête. L'empreinte reste celle de la grille épinglée."""
    grille = orienter(epinglee, dict(priorites))
    fautes = valider(grille)
    if fautes:
        raise GrilleInvalide(fautes)
    noms, marque = lexique(grille), empreinte(epinglee)
    baremes = {
        (critere.code, ligne): pret
        for critere in grille.criteres
        for bareme in critere.baremes
        for pret in (_bareme(grille, critere, bareme, noms),)
        for ligne in bareme.lignes
    }
    return {
        ligne.code: _LignePrete(
            code=ligne.code,
            libelle=ligne.libelle,
            version=grille.version,
            empreinte=marque,
            decimales=grille.arrondi.decimales,
            champ=_champ(ligne, noms),
            criteres=tuple(
                (baremes[critere.code, ligne.code], poids)
                for critere in grille.criteres
                if (poids := dict(ligne.poids)[critere.code])
            ),
            priorites=dict(priorites).get(ligne.code, ()),
        )
        for ligne in grille.lignes
    }


def _champ(ligne: LigneGrille, noms: Lexique) -> _ChampPret | None:
    if ligne.champ is None:
        return None
    return _ChampPret(juge(ligne.champ.si, noms), redacteur(ligne.champ.motif, noms), ligne.champ.source)


def _bareme(grille: Grille, critere: Critere, bareme: Bareme, noms: Lexique) -> BaremePret:
    sorties = [cas for cas in grille.sans_objet if cas.critere == critere.code]
    paliers = tuple(PalierPret(p.taux, juge(p.si, noms), redacteur(p.motif, noms)) for p in bareme.paliers)
    pretes = tuple(SortiePrete(juge(cas.si, noms), redacteur(cas.motif, noms), cas.source) for cas in sorties)
    conditions = [palier.si for palier in bareme.paliers] + [cas.si for cas in sorties]
    motifs = [palier.motif for palier in bareme.paliers] + [cas.motif for cas in sorties]
    renvois = [morceau.code for motif in motifs for morceau in morceaux(motif) if isinstance(morceau, Renvoi)]
    lus = dict.fromkeys(code for condition in conditions for code in faits_lus(condition, noms))
    cites = dict.fromkeys(code for renvoi in renvois for code in faits_de(renvoi, noms))
    return BaremePret(
        code=critere.code,
        libelle=critere.libelle,
        source=bareme.source,
        paliers=paliers,
        sorties=pretes,
        lus=tuple(lus),
        cites=tuple(code for code in cites if code not in lus),
    )


# --- noter un dossier ---------------------------------------------------------------------------------------------


class _Releve:
    """Un dossier en cours de lecture : un barème que plusieurs lignes partagent ne se juge qu'une fois."""

    def __init__(self, faits: FaitsDossier) -> None:
        self.faits = faits
        self.contexte = contexte(faits)
        self._jugements: dict[int, Jugement] = {}

    def juger(self, bareme: BaremePret) -> Jugement:
        """Le jugement de ce barème (le même objet d'une ligne à l'autre : son identité suffit)."""
        jugement = self._jugements.get(id(bareme))
        if jugement is None:
            jugement = self._jugements[id(bareme)] = _juger(bareme, self.contexte)
        return jugement


def _noter(ligne: _LignePrete, releve: _Releve) -> Resultat:
    faits = releve.faits
    if ligne.champ is not None and ligne.champ.juger(releve.contexte) is False:
        motif = ligne.champ.rediger(faits)
        return HorsChamp(ligne.code, ligne.libelle, ligne.version, ligne.empreinte, motif, ligne.champ.source, faits)
    juges = [(bareme, poids, releve.juger(bareme)) for bareme, poids in ligne.criteres]
    poids_total = sum([poids for _, poids, jugement in juges if jugement.etat is not EtatLigne.SANS_OBJET])
    lignes = tuple([LigneNote(bareme, poids, jugement, faits, poids_total) for bareme, poids, jugement in juges])
    minimum, maximum = totaliser(lignes)
    return Note(
        ligne.code, ligne.libelle, ligne.version, ligne.empreinte, ligne.decimales, lignes, faits, minimum, maximum,
        ligne.priorites,
    )  # fmt: skip


def _juger(bareme: BaremePret, lecture: Contexte) -> Jugement:
    peut_sortir = False
    for rang, sortie in enumerate(bareme.sorties):
        reponse = sortie.juger(lecture)
        if reponse:
            return Jugement(EtatLigne.SANS_OBJET, 0, 0, rang)
        peut_sortir = peut_sortir or reponse is None
    rang, maximum = 0, 0
    # Le dernier palier est « toujours » (grille validée) : un palier certain arrête la lecture.
    while (reponse := bareme.paliers[rang].juger(lecture)) is not True:
        if reponse is None:
            maximum = max(maximum, bareme.paliers[rang].taux)
        rang += 1
    minimum = bareme.paliers[rang].taux
    if maximum <= minimum and not peut_sortir:
        return Jugement(EtatLigne.NOTE, minimum, minimum, rang)
    return Jugement(EtatLigne.MANQUANT, minimum, max(minimum, maximum), None, peut_sortir)
