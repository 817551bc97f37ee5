"""L'ajustement humain d'un critère : avec un motif et un auteur, sans effacer la valeur calculée."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.etapes.notation.rules.note import Ajustement, EtatLigne, LigneNote, Note, totaliser
from app.noyau.erreurs import Faute, SaisieInvalide
from app.referentiels.grilles.rules import ecrire_decimal


class AjustementRefuse(SaisieInvalide):
    """Un ajustement sans motif, sans auteur, hors de l'échelle, ou sur un critère qui ne compte pas.

    Source : conception/notation.md, « L'instructeur peut ajuster un critère, avec motif ».
    """

    code = "ajustement_refuse"


def appliquer_ajustements(note: Note, ajustements: Iterable[Ajustement]) -> Note:
    """La note ajustée, total recalculé. Le dernier ajustement d'un critère l'emporte (on ajoute, on ne réécrit pas).

    Appliquée à une note déjà ajustée, garde les ajustements des autres critères. Lève AjustementRefuse.
    Source : conception/notation.md, « L'instructeur peut ajuster un critère, avec motif ».
    """
    donnes = list(ajustements)
    lignes = {ligne.code: ligne for ligne in note.lignes}
    fautes = [faute for ajustement in donnes if (faute := _faute(ajustement, lignes.get(ajustement.critere)))]
    if fautes:
        raise AjustementRefuse(fautes, " ".join(faute.message for faute in fautes))
    for ajustement in donnes:
        lignes[ajustement.critere] = lignes[ajustement.critere]._replace(ajustement=ajustement)
    minimum, maximum = totaliser(lignes.values())
    return replace(note, lignes=tuple(lignes.values()), minimum=minimum, maximum=maximum)


def _faute(ajustement: Ajustement, ligne: LigneNote | None) -> Faute | None:
    critere = ajustement.critere
    if ligne is None:
        return Faute(critere, f"« {critere} » n’est pas un critère de cette note.", "critere_inconnu")
    if ligne.etat is EtatLigne.SANS_OBJET:
        return Faute(critere, f"« {ligne.libelle} » est sans objet : il ne s’ajuste pas.", "critere_sans_objet")
    if not 0 <= ajustement.points <= ligne.maximum:
        points = ecrire_decimal(ajustement.points)
        return Faute(critere, f"« {ligne.libelle} » va de 0 à {ligne.maximum}, pas {points}.", "hors_echelle")
    if not ajustement.motif.strip():
        return Faute(critere, f"Dites pourquoi vous ajustez « {ligne.libelle} ».", "motif_absent")
    if not ajustement.auteur.strip():
        return Faute(critere, "Un ajustement porte le nom de son auteur.", "auteur_absent")
    return None
