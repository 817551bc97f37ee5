"""Deux blocs de l'accueil, lus puis rangés : la campagne du chargé de mission, les dossiers d'un quartier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.espaces.accueil import repository
from app.espaces.accueil.repository import LigneSuivie
from app.espaces.accueil.suites import Depot, SeanceEnVue, Situation, Suite, depot_a_dire, suites
from app.espaces.instructeur.repository import choix
from app.etapes.appel.models import Appel
from app.etapes.commission.models import Seance
from app.etapes.dossier.repository import LIT_SON_QUARTIER, recherche
from app.etapes.dossier.repository.recherche import DossierTrouve, Filtres
from app.etapes.dossier.rules.etats import JAMAIS_PROPOSEES, LIBELLES_DOSSIER, EtatDemande, EtatDossier, Libelle
from app.etapes.programmation.repository.soldes import SoldeDeLigne
from app.infra.db import COMPTE_MAX
from app.infra.identite import Identite
from app.noyau.roles import Portee

RECENTS = 5
VOTABLES = (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)


@dataclass(frozen=True, slots=True)
class CompteParEtat:
    """Combien de dossiers dans un état, arrêté à COMPTE_MAX + 1."""

    etat: EtatDossier
    libelle: Libelle
    nombre: int


def _par_etat(comptes: Mapping[EtatDossier, int]) -> list[CompteParEtat]:
    return [CompteParEtat(e, LIBELLES_DOSSIER[e], comptes[e]) for e in EtatDossier if comptes.get(e)]


@dataclass(frozen=True, slots=True)
class Campagne:
    """Où en est l'appel : son dépôt, ses dossiers, ses lignes, ce qu'il y a à faire."""

    depot: Depot | None
    par_etat: Sequence[CompteParEtat]
    lignes: Sequence[LigneSuivie]
    suites: Sequence[Suite]

    @property
    def deposes(self) -> int:
        """Dossiers déposés, retirés compris : ils ont un numéro."""
        return sum(c.nombre for c in self.par_etat)

    @property
    def pas_arretees(self) -> Sequence[LigneSuivie]:
        """Les lignes où quelque chose attend encore un arrêté."""
        return [ligne for ligne in self.lignes if ligne.attend_un_arrete]


def campagne(
    session: Session, acteur: Identite, appel: Appel, soldes: Sequence[SoldeDeLigne], seance: Seance | None,
    maintenant: datetime,
) -> Campagne:  # fmt: skip
    """L'appel vu par qui le conduit. Trois requêtes."""
    conduite = repository.conduite(session, appel)
    depots = [Depot(*phase) for phase in conduite.phases]
    lignes = repository.lignes_suivies(session, acteur, appel)
    encore = [e for ligne in lignes for e in ligne.dossiers if e in (*JAMAIS_PROPOSEES, *VOTABLES)]
    situation = Situation(
        appel=appel.code,
        etat=appel.etat,
        depots=depots,
        maintenant=maintenant,
        sans_enveloppe=[s.ligne.financeur for s in soldes if s.enveloppe is None],
        votables=sum(ligne.dossiers.get(etat, 0) for ligne in lignes for etat in VOTABLES),
        seance=SeanceEnVue(seance.code, seance.prevue_le, seance.convoquee_le is not None) if seance else None,
        a_arreter=[ligne.financeur for ligne in lignes if ligne.est_a_arreter],
        reste_a_voir=bool(encore) or all(ligne.arretee_le is None for ligne in lignes),
        contrat=conduite.contrat,
        organisations=conduite.a_confirmer,
        reclamees=conduite.reclamees,
    )
    par_etat = _par_etat(recherche.compter_par_etat(session, acteur, Filtres(appel=appel.code)))
    return Campagne(depot_a_dire(depots, maintenant), par_etat, lignes, suites(situation))


@dataclass(frozen=True, slots=True)
class Terrain:
    """Les dossiers des quartiers d'une personne : combien, et les derniers déposés. `ou` finit une phrase."""

    ou: str
    quartiers: Sequence[tuple[str, str]]
    noms: Mapping[str, str]
    par_etat: Sequence[CompteParEtat]
    recents: Sequence[DossierTrouve]

    @property
    def total(self) -> int:
        """Dossiers en vue dans l'appel."""
        return min(sum(c.nombre for c in self.par_etat), COMPTE_MAX + 1)


def terrain(session: Session, acteur: Identite, appel: Appel) -> Terrain:
    """Ce qui concerne les quartiers de la personne. Trois requêtes, six la première fois."""
    filtres = Filtres(appel=appel.code)
    listes = choix(session, appel)
    codes = acteur.cibles(Portee.QUARTIER, *LIT_SON_QUARTIER, contrat_id=appel.contrat_id)
    quartiers = [(code, nom) for code, nom in listes.quartiers if code in codes]
    ou = f"le quartier {quartiers[0][1]}" if len(quartiers) == 1 else "vos quartiers"
    return Terrain(
        ou=ou,
        quartiers=quartiers,
        noms=listes.noms_quartiers,
        par_etat=_par_etat(recherche.compter_par_etat(session, acteur, filtres)),
        recents=recherche.rechercher(session, acteur, filtres, taille=RECENTS).elements,
    )
