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
    lot = _lire_lot(session, dossier_ids)
    compte: Counter[str] = Counter()
    notes: list[NoteNeuve] = []
    repository.ecrire_releves(session, _calculer(lot, notes, compte), maintenant=maintenant)
    if notes:
        repository.ecrire_notes(session, notes, acteur=acteur, maintenant=maintenant)
        _consigner(session, notes, acteur, maintenant)
    return Bilan(dossiers=len(dossier_ids), dernier=dossier_ids[-1], **compte)


@dataclass(frozen=True, slots=True)
class _Lot:
    """Tout ce qu'un lot lit en base, avant de calculer."""

    elements: Mapping[int, Sequence[ANoter]]
    faits: Iterator[tuple[int, FaitsDossier]]
    ajustements: Mapping[int, Sequence[AjustementCourant]]
    notes: Mapping[int, EnVigueur]
    releves: Mapping[int, EnVigueur]
    cles: Iterator[int]
    grilles: Mapping[int, Grille]


def _lire_lot(session: Session, dossier_ids: Sequence[int]) -> _Lot:
    a_noter = repository.list_a_noter(session, dossier_ids)
    demandes = [element.demande_id for element in a_noter]
    elements = par_dossier(a_noter)
    return _Lot(
        elements=elements,
        faits=repository.lire_faits(session, elements),
        ajustements=repository.ajustements_courants(session, demandes),
        notes=repository.notes_en_vigueur(session, demandes),
        releves=repository.releves_en_vigueur(session, list(elements)),
        cles=repository.reserver_releves(session, len(elements)),
        grilles={cle: grilles.lire(session, cle) for cle in {element.grille_id for element in a_noter}},
    )


def _calculer(lot: _Lot, notes: list[NoteNeuve], compte: Counter[str]) -> Iterator[ReleveNeuf]:
    """Les relevés à écrire, un dossier après l'autre ; remplit `notes` de celles qui diffèrent, compte les autres."""
    for dossier_id, faits in lot.faits:
        elements, dernier = lot.elements[dossier_id], lot.releves.get(dossier_id)
        json = faits_vers_json(faits)
        marque, deja = empreinte_des_faits(json), len(notes)
        est_neuf = dernier is None or dernier.empreinte != marque
        releve_id = next(lot.cles) if dernier is None or est_neuf else dernier.id
        for element, resultat in noter_elements(lot.grilles[elements[0].grille_id], elements, faits, lot.ajustements):
            if isinstance(resultat, HorsChamp):
                compte["hors_champ"] += 1
                continue
            note = _neuve(element, resultat, marque, releve_id, lot.notes.get(element.demande_id))
            compte["inchangees" if note is None else "ajoutees"] += 1
            if note is not None:
                notes.append(note)
        if est_neuf and len(notes) > deja:
            rang = 1 if dernier is None else dernier.rang + 1
            yield ReleveNeuf(releve_id, elements[0].contrat_id, dossier_id, rang, json, marque)


def _neuve(element: ANoter, note: Note, marque: str, releve_id: int, courante: EnVigueur | None) -> NoteNeuve | None:
    """La note à écrire ; None si celle en vigueur dit la même chose."""
    criteres, priorites = criteres_vers_json(note), priorites_vers_json(note.priorites)
    empreinte = empreinte_de_note(criteres, marque, note.empreinte_grille, priorites)
    if courante is not None and courante.empreinte == empreinte:
        return None
    rang = 1 if courante is None else courante.rang + 1
    return NoteNeuve(
        element, releve_id, rang, criteres, priorites, *bornes_vers_texte(note), note.est_provisoire, empreinte
    )


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
