"""Arrêter une ligne, phase par phase, puis l'appel : ce qui l'empêche. Pur."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.noyau.euros import Euros
from app.noyau.periodes import instant_long


@dataclass(frozen=True, slots=True)
class Empechement:
    """Une raison de ne pas faire un acte maintenant : sa phrase, son code stable.

    Choix du projet : un refus porte toujours son motif.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EtatDeLaLigne:
    """Une ligne avant son arrêté : numéros encore à voter, numéros dont un complément est attendu, montants votés.

    `sans_reponse` : ceux dont le complément n'est pas venu dans son délai, qui ne bloquent plus ; `reserve` : ce que
    gardent les phases suivantes ; `cloture` : la fin du dépôt de la phase à arrêter (None s'il ne se dépose plus rien),
    `rang` le sien, `phase` son nom (vide si l'appel n'en a qu'une) ; `jamais_proposees` : les numéros de cette phase
    que nul n'a proposés. Une demande déposée dans une phase suivante n'y compte pas.

    Choix du projet : conception/architecture.md, décision 11.
    """

    deja_arretee: bool
    a_voter: tuple[str, ...]
    en_complement: tuple[str, ...]
    nombre_vote: int
    vote: Euros
    reste: Euros
    reserve: Euros
    cloture: datetime | None = None
    sans_reponse: tuple[str, ...] = ()
    rang: int = 1
    phase: str = ""
    jamais_proposees: tuple[str, ...] = ()


def phase_a_arreter(rangs: Iterable[int], dernier: int) -> int | None:
    """Le rang de la phase à arrêter : le plus petit des demandes en cours (`rangs`) après celui déjà arrêté (zéro :
    aucun) ; None si rien n'attend un arrêté.

    Source : issue 2, « phases, each with its calendar… and reserved share » ; « programmation arrêtée line by line ».
    """
    return min((rang for rang in rangs if rang > dernier), default=None)


@dataclass(frozen=True, slots=True)
class Votee:
    """Une demande votée : le rang de sa phase, le montant retenu (None : rien), ce qui est tenu pour elle.

    Choix du projet : une ligne s'arrête phase par phase.
    """

    phase: int
    vote: Euros | None
    engage: Euros

    def attend(self, rang: int, dernier: int) -> bool:
        """Vrai si l'arrêté de la phase `rang` porte sur elle, après celui de la phase `dernier`.

        Une demande d'une phase déjà arrêtée, votée depuis et pas encore engagée, part avec l'arrêté suivant.
        Choix du projet : conception/architecture.md, décision 11.
        """
        tardive = self.vote is not None and not self.engage
        return self.phase <= rang and not self.engage and (self.phase > dernier or tardive)


@dataclass(frozen=True, slots=True)
class AvancementDeLaLigne:
    """Une ligne quand on arrête la programmation de l'appel : arrêtée une fois ou non, demandes encore à voter ou à
    décider dans les phases qui n'ont pas leur arrêté.

    Choix du projet : conception/architecture.md, décision 11.
    """

    financeur: str
    est_arretee: bool
    a_arreter: int


def empechements_de_l_appel(lignes: Sequence[AvancementDeLaLigne]) -> tuple[Empechement, ...]:
    """Ce qui empêche d'arrêter la programmation d'un appel ; vide si rien.

    Une ligne que personne n'a demandée, ou dont tout est sorti avant le vote, n'a rien à arrêter.
    Choix du projet : issue 2, « programmation arrêtée line by line » : l'appel ne l'est qu'après toutes ses lignes.
    """
    if not any(ligne.est_arretee for ligne in lignes):
        return (Empechement("aucune_ligne_arretee", "Aucune ligne n’est encore arrêtée."),)
    attendues = [ligne.financeur for ligne in lignes if ligne.a_arreter]
    if attendues:
        return (Empechement("lignes_a_arreter", f"Lignes encore à arrêter : {', '.join(attendues)}."),)
    return ()


def _liste(numeros: Sequence[str], maximum: int = 5) -> str:
    suite = f" et {len(numeros) - maximum} de plus" if len(numeros) > maximum else ""
    return ", ".join(numeros[:maximum]) + suite


def empechements_de_l_arrete(ligne: EtatDeLaLigne, maintenant: datetime) -> tuple[Empechement, ...]:
    """Ce qui empêche d'arrêter la programmation d'une ligne à cet instant ; vide si rien.

    Choix du projet : conception/architecture.md, décision 11 (le solde négatif empêche d'arrêter la ligne) ;
    conception/produit.md (« une demande de complément bloque la décision, pas la lecture ») ; elle la bloque jusqu'à
    son échéance, pas au-delà.
    """
    manque = ligne.vote - ligne.reste
    entame = ligne.vote - (ligne.reste - ligne.reserve)
    cas = (
        (ligne.deja_arretee, "ligne_arretee", "La programmation de cette ligne est déjà arrêtée."),
        (bool(ligne.a_voter), "demandes_a_voter", f"Encore à voter : {_liste(ligne.a_voter)}."),
        (bool(ligne.en_complement), "complement_attendu", f"Complément attendu : {_liste(ligne.en_complement)}."),
        (
            not ligne.nombre_vote and not ligne.deja_arretee,
            "rien_a_arreter",
            "La commission n’a encore rien voté sur cette ligne.",
        ),
        (
            manque.centimes > 0,
            "enveloppe_depassee",
            f"{ligne.vote} sont votés, il reste {ligne.reste} : il manque {manque}. Rien n’a été engagé.",
        ),
        (
            entame.centimes > 0 >= manque.centimes,
            "part_reservee",
            f"{ligne.reserve} sont réservés à la phase suivante : {ligne.vote} votés en entameraient {entame}. "
            "Rien n’a été engagé.",
        ),
    )
    empechements = tuple(Empechement(code, message) for est_vrai, code, message in cas if est_vrai)
    if ligne.deja_arretee or ligne.cloture is None or maintenant >= ligne.cloture:
        return empechements
    phrase = f"Le dépôt est ouvert jusqu’au {instant_long(ligne.cloture)} : la ligne s’arrête après la clôture."
    return (Empechement("depot_ouvert", phrase), *empechements)
