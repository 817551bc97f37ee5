"""L'accusé de réception : par autorité, le jour où le silence vaut rejet et le dernier jour du recours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from app.etapes.dossier.rules.depot import rejet_implicite_le
from app.etapes.dossier.rules.etats import FINALES, LIBELLES_DEMANDE, EtatDemande
from app.noyau.euros import Euros
from app.noyau.periodes import ajouter_mois
from app.noyau.sources import Parametre, Source
from app.referentiels.lignes.rules import ServiceAJoindre, en_phrase

DELAI_RECOURS = Parametre(
    nom="délai du recours contentieux, en mois",
    source=Source("code de justice administrative", "art. R.421-1 et R.421-2"),
    valeurs={date(2017, 1, 1): 2},
)
VOIES_DE_RECOURS = (
    "Un recours gracieux devant l’autorité qui décide, sans formalité.",
    "Un recours devant le tribunal administratif dont relève cette autorité, par courrier ou sur telerecours.fr.",
)
"""Source : CRPA, art. L.411-2 ; code de justice administrative, art. R.312-1 et R.414-2."""


@dataclass(frozen=True, slots=True)
class DemandeRecue:
    """Ce qu'un accusé doit savoir d'une ligne demandée. `montant` : toutes années. `service` : None si vide."""

    ligne: str
    financeur: str
    attribuant: str
    acte_decision: str
    etat: EtatDemande
    montant: Euros
    service: ServiceAJoindre | None


@dataclass(frozen=True, slots=True)
class AccuseAutorite:
    """La part d'une autorité dans l'accusé. `rejet_le` absent : le silence n'y vaut pas rejet."""

    demande: DemandeRecue
    est_saisie: bool
    rejet_le: date | None
    recours_jusqu_au: date | None

    @property
    def issue(self) -> str:
        """Comment la demande a fini (« Subvention accordée »), ou vide : le silence n'y vaut alors plus rien.

        Source : CRPA, art. L.231-4 ; reference/domaine.md, J13 (une décision expresse remplace le refus par silence).
        """
        etat = self.demande.etat
        return LIBELLES_DEMANDE[etat].porteur if etat in FINALES else ""

    @property
    def joindre(self) -> tuple[str, ...]:
        """Le service à joindre, ligne à ligne ; s'il n'est pas renseigné, une phrase qui dit à qui s'adresser.

        Source : CRPA, art. R.112-5, 2°.
        """
        if self.demande.service is not None:
            return self.demande.service.lignes
        autorite = en_phrase(self.demande.attribuant).sujet
        return (
            "Les coordonnées du service chargé du dossier ne sont pas renseignées ici : joignez directement "
            f"{autorite}, en donnant le numéro de votre dossier.",
        )


@dataclass(frozen=True, slots=True)
class Suspension:
    """Un complément demandé : de ce jour au jour où la suspension prend fin ; `ligne` vide : toutes les lignes."""

    debut: date
    fin: date
    ligne: str = ""


def suspension(demandee: date, echeance: date, recue: date | None, ligne: str = "") -> Suspension:
    """Le délai est suspendu pour le temps imparti ; la réponse, si elle arrive plus tôt, met fin à la suspension.

    Source : CRPA, art. L.114-5, 3e alinéa.
    """
    return Suspension(demandee, min(echeance, recue) if recue is not None else echeance, ligne)


def accuser(
    depose: date, demandes: Iterable[DemandeRecue], suspensions: Iterable[Suspension], *, porteur_prive: bool
) -> tuple[AccuseAutorite, ...]:
    """Un accusé par autorité, dans l'ordre des lignes. Une ligne hors champ n'est pas saisie.

    Le silence ne vaut pas rejet entre administrations : un porteur public n'a pas de date. Le complément d'une ligne ne
    suspend que le délai de son autorité.
    Source : CRPA, art. L.112-6, R.112-5 et L.231-4 ; reference/domaine.md, J31.
    """
    connues = list(suspensions)
    rendu = []
    for demande in demandes:
        siennes = [(s.debut, s.fin) for s in connues if s.ligne in ("", demande.ligne)]
        rejet = rejet_implicite_le(depose, siennes)
        saisie = demande.etat is not EtatDemande.HORS_CHAMP
        date_rejet = rejet if saisie and porteur_prive else None
        recours = ajouter_mois(date_rejet, DELAI_RECOURS.au(date_rejet)) if date_rejet is not None else None
        rendu.append(AccuseAutorite(demande, saisie, date_rejet, recours))
    return tuple(rendu)
