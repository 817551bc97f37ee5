"""Noter : un dossier, un lot, un appel entier. Une note s'ajoute, jamais ne se réécrit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.notation import repository
from app.etapes.notation.repository import AjustementCourant, ANoter, EnVigueur, NoteLue, NoteNeuve, ReleveNeuf
from app.etapes.notation.rules import (
    FaitsDossier,
    HorsChamp,
    Note,
    Resultat,
    ajuster_en_taux,
    bornes_vers_texte,
    criteres_vers_json,
    empreinte_de_note,
    empreinte_des_faits,
    faits_depuis_donnees,
    faits_vers_json,
    noter_lignes,
    priorites_vers_json,
    rejouer,
)
from app.infra.journal.ecriture import consigner
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille

SERVICE = "service"
TAILLE_LOT = 1_000


@dataclass(frozen=True, slots=True)
class Bilan:
    """Ce qu'une notation a fait : dossiers lus, notes ajoutées, inchangées, lignes hors champ, clé du dernier."""

    dossiers: int = 0
    ajoutees: int = 0
    inchangees: int = 0
    hors_champ: int = 0
    dernier: int | None = None

    def __add__(self, autre: Bilan) -> Bilan:
        return Bilan(
            self.dossiers + autre.dossiers,
            self.ajoutees + autre.ajoutees,
            self.inchangees + autre.inchangees,
            self.hors_champ + autre.hors_champ,
            autre.dernier,
        )


def relire(session: Session, lue: NoteLue) -> Note:
    """Une note gardée, rejouée avec ses faits, sa grille, ses priorités et ses ajustements. Lève NoteIrrejouable."""
    note = lue.note
    grille = grilles.lire(session, note.grille_id, lue.empreinte_grille)
    return rejouer(grille, lue.ligne, faits_depuis_donnees(lue.faits), note.criteres, note.priorites)


def noter_dossier(session: Session, dossier_id: int, *, acteur: str, maintenant: datetime) -> Bilan:
    """Note toutes les lignes ouvertes d'un dossier. Rejouable : n'ajoute une note que si elle diffère."""
    return noter_lot(session, [dossier_id], acteur=acteur, maintenant=maintenant)


def noter_appel(
    session: Session, appel: Appel, *, acteur: str, maintenant: datetime, apres: int = 0, taille: int = TAILLE_LOT
) -> Bilan | None:
    """Note les dossiers d'un appel qui suivent la clé `apres`, par lot ; None quand il n'en reste plus.

    À rappeler avec `bilan.dernier`, une transaction par lot : la mémoire et les verrous restent bornés.
    """
    lot = repository.list_lot(session, appel.id, apres=apres, taille=taille)
    return noter_lot(session, lot, acteur=acteur, maintenant=maintenant) if lot else None


def noter_lot(session: Session, dossier_ids: Sequence[int], *, acteur: str, maintenant: datetime) -> Bilan:
    """Note un lot de dossiers, verrouillés. Un nombre borné de requêtes, quel que soit le lot."""
    repository.verrouiller(session, dossier_ids)
    a_noter = repository.list_a_noter(session, dossier_ids)
    compte: Counter[str] = Counter()
    neuves = list(_changees(session, a_noter, _calculer(session, a_noter), compte))
    releves = _releves(session, neuves)
    notes = [_neuve(vue, releves[vue.a_noter.dossier_id].id) for vue in neuves]
    a_ecrire = [releve for releve in releves.values() if isinstance(releve, ReleveNeuf)]
    repository.ecrire(session, a_ecrire, notes, acteur=acteur, maintenant=maintenant)
    _consigner(session, notes, acteur, maintenant)
    return Bilan(dossiers=len(dossier_ids), dernier=dossier_ids[-1], **compte)


@dataclass(frozen=True, slots=True)
class _Vue:
    """Une note qui diffère de celle en vigueur : elle sera écrite."""

    a_noter: ANoter
    note: Note
    rang: int
    faits: str
    empreinte_faits: str
    criteres: str
    priorites: str
    empreinte: str


def _calculer(session: Session, a_noter: Sequence[ANoter]) -> Iterator[tuple[ANoter, Resultat]]:
    """La note de chaque demande, ajustements compris ; les lignes d'un même dossier à la suite."""
    faits = repository.faits_du_dossier(session, dict.fromkeys(element.dossier_id for element in a_noter))
    ajustements = repository.ajustements_courants(session, [element.demande_id for element in a_noter])
    lues: dict[int, Grille] = {}
    for dossier_id, elements in par_dossier(a_noter).items():
        grille_id = elements[0].grille_id
        grille = lues.get(grille_id) or lues.setdefault(grille_id, grilles.lire(session, grille_id))
        yield from noter_elements(grille, elements, faits[dossier_id], ajustements)


def noter_elements(
    grille: Grille,
    elements: Sequence[ANoter],
    faits: FaitsDossier,
    ajustements: Mapping[int, Iterable[AjustementCourant]],
) -> Iterator[tuple[ANoter, Resultat]]:
    """Les notes d'un dossier, ajustées, pour les lignes que la grille note."""
    notees = {ligne.code for ligne in grille.lignes}
    retenus = [element for element in elements if element.ligne in notees]
    if not retenus:
        return
    resultats = noter_lignes(
        grille, faits, lignes=[element.ligne for element in retenus], priorites=retenus[0].priorites
    )
    for element in retenus:
        yield element, _ajuste(resultats[element.ligne], ajustements.get(element.demande_id, ()))


def _ajuste(resultat: Resultat, ajustements: Iterable[AjustementCourant]) -> Resultat:
    if isinstance(resultat, HorsChamp) or not ajustements:
        return resultat
    portes = ((a.critere, a.taux, a.motif, a.acteur) for a in ajustements if a.taux is not None)
    return ajuster_en_taux(resultat, portes)


def par_dossier(a_noter: Iterable[ANoter]) -> dict[int, list[ANoter]]:
    """Les demandes à noter, groupées par dossier, dans leur ordre."""
    groupes: dict[int, list[ANoter]] = {}
    for element in a_noter:
        groupes.setdefault(element.dossier_id, []).append(element)
    return groupes


def _changees(
    session: Session,
    a_noter: Sequence[ANoter],
    resultats: Iterable[tuple[ANoter, Resultat]],
    compte: Counter[str],
) -> Iterator[_Vue]:
    """Les notes qui diffèrent de celles en vigueur. Compte les autres."""
    en_vigueur = repository.notes_en_vigueur(session, [element.demande_id for element in a_noter])
    lus: tuple[int, str, str] = (0, "", "")  # le dossier, ses faits en JSON, leur empreinte : une fois par dossier
    for element, resultat in resultats:
        if isinstance(resultat, HorsChamp):
            compte["hors_champ"] += 1
            continue
        if lus[0] != element.dossier_id:
            json = faits_vers_json(resultat.faits)
            lus = (element.dossier_id, json, empreinte_des_faits(json))
        criteres, priorites = criteres_vers_json(resultat), priorites_vers_json(resultat.priorites)
        empreinte = empreinte_de_note(criteres, lus[2], resultat.empreinte_grille, priorites)
        courante = en_vigueur.get(element.demande_id)
        if courante is not None and courante.empreinte == empreinte:
            compte["inchangees"] += 1
            continue
        compte["ajoutees"] += 1
        rang = 1 if courante is None else courante.rang + 1
        yield _Vue(element, resultat, rang, lus[1], lus[2], criteres, priorites, empreinte)


def _releves(session: Session, neuves: Sequence[_Vue]) -> dict[int, EnVigueur | ReleveNeuf]:
    """Le relevé de faits de chaque dossier à écrire : celui en vigueur s'il dit la même chose, sinon un neuf."""
    vues = {vue.a_noter.dossier_id: vue for vue in neuves}
    en_vigueur = repository.releves_en_vigueur(session, list(vues))
    rendu: dict[int, EnVigueur | ReleveNeuf] = {
        dossier_id: releve
        for dossier_id, releve in en_vigueur.items()
        if releve.empreinte == vues[dossier_id].empreinte_faits
    }
    manquants = [dossier_id for dossier_id in vues if dossier_id not in rendu]
    for dossier_id, cle in zip(manquants, repository.reserver_releves(session, len(manquants)), strict=True):
        vue, dernier = vues[dossier_id], en_vigueur.get(dossier_id)
        rang = 1 if dernier is None else dernier.rang + 1
        rendu[dossier_id] = ReleveNeuf(cle, vue.a_noter.contrat_id, dossier_id, rang, vue.faits, vue.empreinte_faits)
    return rendu


def _neuve(vue: _Vue, releve_id: int) -> NoteNeuve:
    minimum, maximum = bornes_vers_texte(vue.note)
    return NoteNeuve(
        vue.a_noter, releve_id, vue.rang, vue.criteres, vue.priorites, minimum, maximum, vue.note.est_provisoire,
        vue.empreinte,
    )  # fmt: skip


def _consigner(session: Session, notes: Sequence[NoteNeuve], acteur: str, maintenant: datetime) -> None:
    """Une entrée pour le lot : combien de notes, et l'empreinte de toutes ; pour un dossier seul, ses notes."""
    par_contrat: dict[int, list[NoteNeuve]] = {}
    for note in notes:
        par_contrat.setdefault(note.a_noter.contrat_id, []).append(note)
    for contrat_id, siennes in par_contrat.items():
        cles = {note.a_noter.dossier_id for note in siennes}
        apres: dict[str, object] = {
            "dossiers": len(cles),
            "notes": len(siennes),
            "empreinte": hashlib.sha256("".join(note.empreinte for note in siennes).encode()).hexdigest(),
        }
        objet = ""
        if len(cles) == 1:
            objet = next(iter(repository.numeros(session, cles).values()), "")
            apres["lignes"] = {n.a_noter.ligne: [n.rang, n.minimum, n.maximum] for n in siennes}
        consigner(
            session, contrat_id=contrat_id, acte="dossier.note" if objet else "appel.note", objet=objet,
            acteur=acteur, maintenant=maintenant, apres=apres,
        )  # fmt: skip
