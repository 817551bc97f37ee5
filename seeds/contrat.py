"""Lire un contrat entier : tous les fichiers de son dossier, validés un à un puis les uns avec les autres."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from app.referentiels.grilles.rules import Grille
from app.referentiels.grilles.rules.codes import CodesConnus
from seeds.coherence import codes_cites_par_les_grilles, verifier
from seeds.grilles import lire_grille
from seeds.lecture import ErreurDeDonnees, Lecture, lire
from seeds.schemas.commun import Anomalie
from seeds.schemas.contrat import EtatVersion, FichierContrat, FichierQuartiers, Quartier, VersionContrat
from seeds.schemas.enjeux import Enjeu, FichierEnjeux, Objectif, ObjectifOperationnel, SousAction
from seeds.schemas.fiches import FicheQuartier, FichierPresentationFiches
from seeds.schemas.gouvernance import FichierInstances, FichierSuivi
from seeds.schemas.partenariat import FeuilleDeRoute, FichierDispositifsEtat, FichierEngagements, LigneFinancement
from seeds.schemas.reglages import FichierReglages
from seeds.schemas.suggestions import FichierSuggestions

T = TypeVar("T")
DOCUMENT = "document.txt"
_GRILLES = "grilles"
_SOUS_DOSSIERS = {"fiches", "anomalies", _GRILLES}
_FICHIERS = {
    "contrat.yaml",
    "enjeux.yaml",
    "quartiers.yaml",
    "lignes.yaml",
    "instances.yaml",
    "fiches-presentation.yaml",
    "feuilles-de-route.yaml",
    "dispositifs-etat.yaml",
    "engagements.yaml",
    "suivi.yaml",
    "reglages.yaml",
    "suggestions.yaml",
}


@dataclass(frozen=True)
class ContratLu:
    """Un contrat lu, valide et cohérent. Les listes sont dans l'ordre du document.

    `empreinte` (SHA-256, hexadécimal) change dès qu'un fichier de données change :
    un chargement déjà fait se reconnaît. Les grilles n'y comptent pas : chacune a la sienne.
    """

    dossier: Path
    empreinte: str
    contrat: FichierContrat
    enjeux: tuple[Enjeu, ...]
    quartiers: FichierQuartiers
    fiches: tuple[FicheQuartier, ...]
    lignes: tuple[LigneFinancement, ...]
    instances: FichierInstances
    presentation_fiches: FichierPresentationFiches | None = None
    feuilles_de_route: tuple[FeuilleDeRoute, ...] = ()
    dispositifs_etat: FichierDispositifsEtat | None = None
    engagements: FichierEngagements | None = None
    suivi: FichierSuivi | None = None
    reglages: FichierReglages | None = None
    suggestions: FichierSuggestions | None = None
    anomalies: tuple[Anomalie, ...] = ()
    grilles: tuple[Grille, ...] = ()

    @property
    def code(self) -> str:
        """Le code du contrat, unique dans l'instance."""
        return self.contrat.code

    @property
    def version_en_vigueur(self) -> VersionContrat:
        """La dernière version en vigueur ; le contenu lu est le sien."""
        return [version for version in self.contrat.versions if version.etat is EtatVersion.EN_VIGUEUR][-1]

    @property
    def objectifs(self) -> tuple[Objectif, ...]:
        """Tous les objectifs, enjeu après enjeu."""
        return tuple(objectif for enjeu in self.enjeux for objectif in enjeu.objectifs)

    @property
    def objectifs_operationnels(self) -> tuple[ObjectifOperationnel, ...]:
        """Tous les objectifs opérationnels, objectif après objectif."""
        return tuple(operationnel for objectif in self.objectifs for operationnel in objectif.objectifs_operationnels)

    @property
    def sous_actions(self) -> tuple[SousAction, ...]:
        """Toutes les sous-actions, dans l'ordre."""
        return tuple(action for operationnel in self.objectifs_operationnels for action in operationnel.sous_actions)

    @property
    def population(self) -> int:
        """Les habitants de tous les quartiers prioritaires, sur leurs périmètres actuels."""
        return sum(quartier.population for quartier in self.quartiers.quartiers)

    def fiches_de(self, quartier: Quartier) -> tuple[FicheQuartier, ...]:
        """Les projets de quartier qui portent sur ce quartier prioritaire."""
        return tuple(fiche for fiche in self.fiches if fiche.quartier == quartier.code)


def lire_contrat(dossier: Path) -> ContratLu:
    """Lit et vérifie tout le dossier d'un contrat. Lève ErreurDeDonnees : rien n'est rendu à moitié.

    Facultatifs : fiches-presentation, feuilles-de-route, dispositifs-etat, engagements, suivi, reglages,
    suggestions, anomalies/, grilles/, document.txt.
    """
    _refuser_les_inconnus(dossier)
    lecteur = _Lecteur(dossier)
    lu = ContratLu(
        dossier=dossier,
        empreinte=_empreinte(dossier),
        contrat=lecteur.un("contrat.yaml", FichierContrat),
        enjeux=lecteur.un("enjeux.yaml", FichierEnjeux).enjeux,
        quartiers=lecteur.un("quartiers.yaml", FichierQuartiers),
        fiches=tuple(lecteur.un(nom, FicheQuartier) for nom in _noms(dossier, "fiches")),
        lignes=lecteur.un("lignes.yaml", tuple[LigneFinancement, ...]),
        instances=lecteur.un("instances.yaml", FichierInstances),
        presentation_fiches=lecteur.peut_etre("fiches-presentation.yaml", FichierPresentationFiches),
        feuilles_de_route=lecteur.peut_etre("feuilles-de-route.yaml", tuple[FeuilleDeRoute, ...]) or (),
        dispositifs_etat=lecteur.peut_etre("dispositifs-etat.yaml", FichierDispositifsEtat),
        engagements=lecteur.peut_etre("engagements.yaml", FichierEngagements),
        suivi=lecteur.peut_etre("suivi.yaml", FichierSuivi),
        reglages=lecteur.peut_etre("reglages.yaml", FichierReglages),
        suggestions=lecteur.peut_etre("suggestions.yaml", FichierSuggestions),
        anomalies=tuple(
            anomalie for nom in _noms(dossier, "anomalies") for anomalie in lecteur.un(nom, tuple[Anomalie, ...])
        ),
    )
    verifier(lecteur.lectures, _nombre_de_lignes(dossier))
    codes = codes_cites_par_les_grilles(lecteur.lectures)
    return replace(lu, grilles=_grilles(dossier, {ligne.code for ligne in lu.lignes}, codes))


def _grilles(dossier: Path, lignes: set[str], codes: CodesConnus) -> tuple[Grille, ...]:
    lues: dict[str, Grille] = {}
    for nom in _noms(dossier, _GRILLES):
        grille = lire_grille(dossier / nom, racine=dossier, lignes=lignes, codes=codes)
        if grille.version in lues:
            raise ErreurDeDonnees(nom, 1, f"une autre grille du contrat porte déjà la version « {grille.version} »")
        lues[grille.version] = grille
    return tuple(lues.values())


@dataclass
class _Lecteur:
    """Garde chaque lecture, pour que les vérifications croisées disent fichier et ligne."""

    dossier: Path
    lectures: list[Lecture[Any]] = field(default_factory=list)

    def un(self, nom: str, forme: type[T]) -> T:
        lecture = lire(self.dossier / nom, forme, racine=self.dossier)
        self.lectures.append(lecture)
        return lecture.contenu

    def peut_etre(self, nom: str, forme: type[T]) -> T | None:
        return self.un(nom, forme) if (self.dossier / nom).exists() else None


def _noms(dossier: Path, sous_dossier: str) -> list[str]:
    return sorted(chemin.relative_to(dossier).as_posix() for chemin in (dossier / sous_dossier).glob("*.yaml"))


def _refuser_les_inconnus(dossier: Path) -> None:
    if not dossier.is_dir():
        raise ErreurDeDonnees(str(dossier), 1, "le dossier du contrat manque")
    for chemin in sorted(dossier.rglob("*")):
        nom = chemin.relative_to(dossier)
        a_part = len(nom.parts) == 2 and nom.parts[0] in _SOUS_DOSSIERS and nom.suffix == ".yaml"
        if chemin.is_file() and nom.suffix in {".yaml", ".yml"} and not a_part and nom.as_posix() not in _FICHIERS:
            raise ErreurDeDonnees(nom.as_posix(), 1, "ce fichier n’est pas prévu dans un contrat")


def _empreinte(dossier: Path) -> str:
    resume = hashlib.sha256()
    for chemin in sorted(dossier.rglob("*.yaml")):
        if chemin.parent == dossier / _GRILLES:
            continue
        contenu = chemin.read_bytes()
        resume.update(f"{chemin.relative_to(dossier).as_posix()}\0{len(contenu)}\0".encode())
        resume.update(contenu)
    return resume.hexdigest()


def _nombre_de_lignes(dossier: Path) -> int | None:
    document = dossier / DOCUMENT
    return len(document.read_text(encoding="utf-8").split("\n")) if document.exists() else None
