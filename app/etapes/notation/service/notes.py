"""Noter : une demande, un dossier, un lot, un appel entier. Une note s'ajoute, jamais ne se réécrit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Dossier
from app.etapes.notation import repository
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import AjustementCourant, ANoter
from app.etapes.notation.rules import (
    FaitsDossier,
    HorsChamp,
    Note,
    Resultat,
    a_garder,
    ajuster_en_taux,
    comparer,
    ecrire_arrondi,
    faits_vers_donnees,
    noter_lignes,
    rejouer,
)
from app.infra.journal.ecriture import consigner
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille

SERVICE = "service"
TAILLE_LOT = 200


@dataclass(frozen=True, slots=True)
class Bilan:
    """Ce qu'une notation a fait : notes ajoutées, inchangées, lignes hors champ. `dernier` : clé du dernier dossier."""

    ajoutees: int = 0
    inchangees: int = 0
    hors_champ: int = 0
    dernier: int | None = None

    def __add__(self, autre: Bilan) -> Bilan:
        return Bilan(
            self.ajoutees + autre.ajoutees,
            self.inchangees + autre.inchangees,
            self.hors_champ + autre.hors_champ,
            autre.dernier,
        )


def noter_demande(
    session: Session,
    a_noter: ANoter,
    resultat: Resultat,
    courante: NoteEnregistree | None,
    *,
    acteur: str,
    maintenant: datetime,
) -> NoteEnregistree | None:
    """Ajoute la note de rang suivant ; None si la ligne est hors champ, ou si rien n'a changé depuis la courante."""
    if isinstance(resultat, HorsChamp):
        return None
    faits, garde = faits_vers_donnees(resultat.faits), a_garder(resultat)
    if courante is not None and courante.faits == faits and courante.resultat == garde:
        return None
    minimum, maximum = resultat.intervalle
    note = NoteEnregistree(
        contrat_id=a_noter.demande.contrat_id,
        demande_id=a_noter.demande.id,
        grille_id=a_noter.grille_id,
        rang=1 if courante is None else courante.rang + 1,
        faits=faits,
        resultat=garde,
        minimum=minimum,
        maximum=maximum,
        est_provisoire=resultat.est_provisoire,
        motif=_motif(session, a_noter.ligne, resultat, courante),
        acteur=acteur,
        a=maintenant,
    )
    session.add(note)
    return note


def _motif(session: Session, ligne: str, resultat: Note, courante: NoteEnregistree | None) -> str:
    if courante is not None:
        return comparer(relire(session, ligne, courante), resultat)
    bas, haut = resultat.intervalle
    if bas == haut:
        return f"Première note {resultat.libelle} : {ecrire_arrondi(bas)} sur 100."
    return f"Première note {resultat.libelle} : entre {ecrire_arrondi(bas)} et {ecrire_arrondi(haut)} sur 100."


def relire(session: Session, ligne: str, note: NoteEnregistree) -> Resultat:
    """Une note gardée, rejouée avec ses faits, sa grille et ses ajustements."""
    return rejouer(grilles.lire(session, note.grille_id), ligne, note.faits, note.resultat)


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
    demande_ids = [n.demande.id for n in a_noter]
    courantes = repository.notes_courantes(session, demande_ids)
    ajustements = repository.ajustements_courants(session, demande_ids)
    faits = repository.faits_du_dossier(session, dossier_ids)
    compte: Counter[str] = Counter()
    notes: list[tuple[ANoter, NoteEnregistree]] = []
    for element, resultat in _calculer(session, a_noter, faits, ajustements):
        note = noter_demande(
            session, element, resultat, courantes.get(element.demande.id), acteur=acteur, maintenant=maintenant
        )
        if note is not None:
            notes.append((element, note))
        compte["hors_champ" if isinstance(resultat, HorsChamp) else "inchangees" if note is None else "ajoutees"] += 1
    session.flush()
    _consigner(session, notes, acteur, maintenant)
    return Bilan(**compte, dernier=dossier_ids[-1])


def _calculer(
    session: Session,
    a_noter: Iterable[ANoter],
    faits: dict[int, FaitsDossier],
    ajustements: dict[int, list[AjustementCourant]],
) -> Iterator[tuple[ANoter, Resultat]]:
    par_dossier: dict[tuple[int, int], list[ANoter]] = {}
    for element in a_noter:
        par_dossier.setdefault((element.demande.dossier_id, element.grille_id), []).append(element)
    lues: dict[int, Grille] = {}
    for (dossier_id, grille_id), elements in par_dossier.items():
        grille = lues.get(grille_id) or lues.setdefault(grille_id, grilles.lire(session, grille_id))
        notees = {ligne.code for ligne in grille.lignes}
        lignes = [element.ligne for element in elements if element.ligne in notees]
        resultats = noter_lignes(grille, faits[dossier_id], lignes=lignes, priorites=elements[0].priorites)
        for element in elements:
            if element.ligne in resultats:
                resultat = resultats[element.ligne]
                yield element, ajuste(resultat, ajustements.get(element.demande.id, ()))


def ajuste(resultat: Resultat, ajustements: Iterable[AjustementCourant]) -> Resultat:
    if isinstance(resultat, HorsChamp):
        return resultat
    return ajuster_en_taux(
        resultat, ((a.critere, a.taux, a.motif, a.acteur) for a in ajustements if a.taux is not None)
    )


def _consigner(
    session: Session, notes: Sequence[tuple[ANoter, NoteEnregistree]], acteur: str, maintenant: datetime
) -> None:
    """Une entrée par dossier : ce que chaque ligne vaut désormais."""
    par_dossier: dict[int, dict[str, Any]] = {}
    for element, note in notes:
        bornes_note = [str(note.minimum), str(note.maximum)]
        par_dossier.setdefault(element.demande.dossier_id, {})[element.ligne] = [note.rang, *bornes_note]
    for dossier_id, apres in par_dossier.items():
        dossier = session.get_one(Dossier, dossier_id)
        consigner(
            session, contrat_id=dossier.contrat_id, acte="dossier.note", objet=dossier.numero or dossier.reference,
            acteur=acteur, maintenant=maintenant, apres=apres,
        )  # fmt: skip
