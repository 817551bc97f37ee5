"""Formulaires et JSON : appel, phase, enveloppe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints, field_validator

from app.etapes.appel.rules import (
    NatureEnveloppe,
    Orientations,
    PhaseAnnoncee,
    PieceAnnoncee,
    SilenceAvis,
    code_de_piece,
)
from app.infra.forms import Entree, Formulaire, valider
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.periodes import PARIS, instant_a_ecrire
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.lignes.rules import ServiceAJoindre

Court = Annotated[str, StringConstraints(max_length=200)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class PhaseEntrante(Entree):
    """Une phase : instants avec leur fuseau ; clôture exclue."""

    intitule: Court
    ouverture_le: AwareDatetime
    cloture_le: AwareDatetime
    consultation_du: AwareDatetime | None = None
    consultation_au: AwareDatetime | None = None
    commission_le: AwareDatetime | None = None
    notification_le: AwareDatetime | None = None
    bilans_le: AwareDatetime | None = None
    part_reservee_milliemes: int = Field(0, ge=0, le=1000)

    def phase(self) -> PhaseAnnoncee:
        """Pour le service."""
        return PhaseAnnoncee(**self.model_dump())


class PieceEntrante(Entree):
    """Une pièce demandée. `forme` : « * » ou une forme d'organisation."""

    code: Court
    forme: Literal["*"] | FormeOrganisation = "*"
    libelle: Court
    est_obligatoire: bool = True
    source: Court = ""

    def piece(self) -> PieceAnnoncee:
        """Pour le service."""
        return PieceAnnoncee(**self.model_dump())


class OrientationsEntrantes(Entree):
    """Les orientations de l'année. `priorites` : ligne → objectifs, du premier rang au dernier."""

    textes: list[Phrase] = Field(default_factory=list)
    priorites: dict[Court, list[list[Court]]] = Field(default_factory=dict)
    nationales: list[Phrase] = Field(default_factory=list)
    simulation: bool = False

    def orientations(self) -> Orientations:
        """Pour le service."""
        return Orientations.depuis(self.model_dump())


class AppelEntrant(Entree):
    """Un appel à préparer."""

    contrat: Court
    grille: Court
    code: Code
    annee: int
    intitule: Annotated[Court, Field(min_length=1)]
    phases: list[PhaseEntrante]
    pieces: list[PieceEntrante] = Field(default_factory=list)
    seuil_court_centimes: int = Field(0, ge=0)
    silence_avis: SilenceAvis = SilenceAvis.SANS_REPONSE
    orientations: OrientationsEntrantes = OrientationsEntrantes()


class DateEntrante(Entree):
    """Une date à déplacer : le rang de sa phase, son nom, l'instant voulu."""

    phase: int = Field(ge=1)
    date: Literal[
        "ouverture_le", "cloture_le", "consultation_du", "consultation_au", "commission_le", "notification_le",
        "bilans_le",
    ]  # fmt: skip
    le: AwareDatetime


class DatesEntrantes(Entree):
    """Des dates à déplacer, et pourquoi."""

    dates: list[DateEntrante] = Field(min_length=1)
    motif: Court

    def appliquer(self, phases: Sequence[PhaseAnnoncee]) -> list[PhaseAnnoncee]:
        """Ces phases, leurs dates changées. Lève SaisieInvalide si une phase n'existe pas."""
        neuves = list(phases)
        for rang, voulue in enumerate(self.dates):
            if voulue.phase > len(neuves):
                raise SaisieInvalide([Faute(f"dates.{rang}.phase", "Cet appel n’a pas cette phase.", "phase_absente")])
            change: dict[str, Any] = {voulue.date: voulue.le}
            neuves[voulue.phase - 1] = replace(neuves[voulue.phase - 1], **change)
        return neuves


class EnveloppeEntrante(Entree):
    """Le montant d'une enveloppe, en centimes."""

    ligne: Court
    annee: int
    montant_centimes: int = Field(ge=0, le=100_000_000_000)
    nature: NatureEnveloppe
    motif: Court
    est_fictive: bool = False


class SaisieEnveloppe(Entree):
    """Le montant d'une enveloppe, tel que tapé."""

    montant: Court = Field("", title="Montant")
    nature: NatureEnveloppe = Field(NatureEnveloppe.PREVISIONNELLE, title="Nature")
    motif: Court = Field("", title="Motif")


class SaisieAutorite(Entree):
    """Les coordonnées d'une autorité, telles que tapées ; vide : non renseigné."""

    siret: Court = Field("", title="SIRET de l’autorité")
    nom: Court = Field("", title="Nom du service")
    adresse: Annotated[str, StringConstraints(max_length=500)] = Field("", title="Adresse postale")
    telephone: Court = Field("", title="Téléphone")
    courriel: Court = Field("", title="Courriel")

    def joindre(self) -> ServiceAJoindre:
        """Pour le service."""
        return ServiceAJoindre(self.nom, self.adresse, self.telephone, self.courriel)


# --- la page de préparation -----------------------------------------------------------------------------------------

PRIORITES = "orientations.priorites."
CHAMPS_PHASE = (*(f.name for f in fields(PhaseAnnoncee) if f.name != "part_reservee_milliemes"), "part_reservee")
CHAMPS_SIMPLES = ("code", "annee", "intitule", "seuil_court", "silence_avis", "grille")
CHAMPS_PIECE = ("libelle", "forme", "source", "facultatif")
_CENT = Decimal(100)


class SaisiePhase(Entree):
    """Une phase telle que tapée : heure de Paris, part réservée en %."""

    intitule: Court
    ouverture_le: datetime
    cloture_le: datetime
    consultation_du: datetime | None = None
    consultation_au: datetime | None = None
    commission_le: datetime | None = None
    notification_le: datetime | None = None
    bilans_le: datetime | None = None
    part_reservee: Annotated[Decimal, Field(ge=0, le=_CENT, decimal_places=1)] = Decimal(0)

    @field_validator("part_reservee", mode="before")
    @classmethod
    def lire_la_virgule(cls, valeur: object) -> object:
        """« 2,5 » s'écrit aussi « 2.5 »."""
        return valeur.replace(",", ".").removesuffix("%").strip() if isinstance(valeur, str) else valeur

    def phase(self) -> PhaseAnnoncee:
        """Pour le service : les instants à l'heure de Paris."""
        lues = self.model_dump(exclude={"part_reservee"})
        valeurs: dict[str, Any] = {
            n: v.replace(tzinfo=PARIS) if isinstance(v, datetime) else v for n, v in lues.items()
        }
        return PhaseAnnoncee(**valeurs, part_reservee_milliemes=int(self.part_reservee * 10))


class SaisiePiece(Entree):
    """Une pièce telle que tapée : son code se déduit de son libellé."""

    libelle: Court
    forme: Literal["*"] | FormeOrganisation = "*"
    source: Court = ""
    facultatif: bool = False

    def piece(self) -> PieceAnnoncee:
        """Pour le service."""
        return PieceAnnoncee(code_de_piece(self.libelle), self.forme, self.libelle, not self.facultatif, self.source)


class SaisiePreparation(Entree):
    """Un appel à préparer, ou à refaire (`code` et `annee` ne changent alors plus).

    Tout a un défaut : ce qui manque se dit d'un coup (`valider_tout`).
    """

    code: Code = Field("", title="Code")
    annee: int | None = Field(None, title="Année financée")
    intitule: Court = Field("", title="Intitulé")
    seuil_court: Court = Field("0", title="Seuil du chemin court")
    silence_avis: SilenceAvis = Field(SilenceAvis.SANS_REPONSE, title="Silence d’un service")
    grille: Court = Field("", title="Grille de notation")
    phases: list[SaisiePhase] = Field(default_factory=list)
    pieces: list[SaisiePiece] = Field(default_factory=list)
    orientations: OrientationsEntrantes = OrientationsEntrantes()


Rangee = dict[str, str]


def rangees(formulaire: Formulaire, prefixe: str, champs: Sequence[str]) -> list[Rangee]:
    """Les rangées « prefixe.N.champ » d'un formulaire, celles où rien n'est écrit laissées de côté."""
    rangs = {int(nom.split(".")[1]) for nom in formulaire.noms() if re.fullmatch(rf"{prefixe}\.\d{{1,3}}\.\w+", nom)}
    lues = [{champ: formulaire.get(f"{prefixe}.{rang}.{champ}") for champ in champs} for rang in sorted(rangs)]
    return [r for r in lues if any(v.strip() for c, v in r.items() if c not in {"forme", "part_reservee"})]


def lire_preparation(formulaire: Formulaire) -> dict[str, Any]:
    """Les champs simples d'un formulaire de préparation, ses phases, ses pièces : ce que la page remontre tel quel."""
    simples = {nom: formulaire.get(nom) for nom in formulaire.noms() if not re.match(r"(phases|pieces)\.", nom)}
    return simples | {
        "phases": rangees(formulaire, "phases", CHAMPS_PHASE),
        "pieces": rangees(formulaire, "pieces", CHAMPS_PIECE),
    }


def donnees_de_preparation(saisie: Mapping[str, Any]) -> dict[str, Any]:
    """La saisie remontrée, en données pour `SaisiePreparation`. Un champ vide est absent."""
    priorites = {
        nom.removeprefix(PRIORITES): [[c.strip() for c in rang.split(",") if c.strip()] for rang in texte.split(";")]
        for nom, texte in saisie.items()
        if nom.startswith(PRIORITES) and texte.strip()
    }
    return {
        **{n: saisie[n] for n in CHAMPS_SIMPLES if saisie.get(n, "").strip()},
        "phases": [{n: v for n, v in phase.items() if v.strip()} for phase in saisie["phases"]],
        "pieces": [
            {n: v for n, v in piece.items() if v.strip()} | {"facultatif": bool(piece["facultatif"])}
            for piece in saisie["pieces"]
        ],
        "orientations": {
            "textes": _lignes(saisie.get("orientations.textes", "")),
            "nationales": _lignes(saisie.get("orientations.nationales", "")),
            "simulation": bool(saisie.get("orientations.simulation")),
            "priorites": priorites,
        },
    }


def _lignes(texte: str) -> list[str]:
    return [ligne.strip() for ligne in texte.splitlines() if ligne.strip()]


def saisie_de_phase(phase: PhaseAnnoncee) -> Rangee:
    """Une phase gardée, comme on la retape."""
    dates = {
        champ: instant_a_ecrire(getattr(phase, champ))
        for champ in CHAMPS_PHASE
        if champ.endswith(("_le", "_du", "_au"))
    }
    part = f"{Decimal(phase.part_reservee_milliemes) / 10:f}".replace(".", ",")
    return {"intitule": phase.intitule, **dates, "part_reservee": part}


def saisie_d_orientations(orientations: Orientations) -> dict[str, str]:
    """Des orientations gardées, comme on les retape."""
    return {
        "orientations.textes": "\n".join(orientations.textes),
        "orientations.nationales": "\n".join(orientations.nationales),
        "orientations.simulation": "oui" if orientations.simulation else "",
        **{
            PRIORITES + ligne: " ; ".join(", ".join(codes) for codes in rangs)
            for ligne, rangs in orientations.priorites.items()
        },
    }


def deplacer(phases: Sequence[PhaseAnnoncee], saisies: Sequence[Mapping[str, str]]) -> list[PhaseAnnoncee]:
    """Ces phases, aux dates retapées ; une date laissée telle quelle garde ses secondes. Lève SaisieInvalide."""
    neuves = []
    fautes: list[Faute] = []
    for rang, (phase, saisie) in enumerate(zip(phases, saisies, strict=True)):
        gardee = saisie_de_phase(phase)
        tapees = {c: v for c, v in saisie.items() if v.strip()} | {"intitule": phase.intitule, "part_reservee": "0"}
        try:
            lue = valider(SaisiePhase, tapees).phase()
        except SaisieInvalide as erreur:
            fautes += [Faute(f"phases.{rang}.{f.champ}", f.message, f.code) for f in erreur.fautes]
            continue
        changees = {c: getattr(lue, c) for c in gardee if c.endswith(("_le", "_du", "_au")) and saisie[c] != gardee[c]}
        neuves.append(replace(phase, **changees))
    if fautes:
        raise SaisieInvalide(fautes)
    return neuves


LIBELLES_PHASE = {
    "intitule": "nom de la phase",
    "ouverture_le": "ouverture du dépôt",
    "cloture_le": "clôture du dépôt",
    "consultation_du": "début de la consultation des services",
    "consultation_au": "fin de la consultation des services",
    "commission_le": "commission des élus",
    "notification_le": "réponses aux porteurs",
    "bilans_le": "bilans à rendre",
    "part_reservee": "part réservée",
}
LIBELLES_PIECE = {"libelle": "libellé", "forme": "demandée à", "source": "texte qui la demande"}
_LIBELLES_ORIENTATIONS = {"textes": "Orientations montrées à tous", "nationales": "Orientations nationales"}


def situer(faute: Faute, financeurs: Mapping[str, str]) -> Faute:
    """La même faute, au champ que la page montre, et qui dit de quelle phase, pièce ou ligne elle parle.

    `financeurs` : code de ligne → nom.
    """
    famille, *suite = faute.champ.split(".")
    message = faute.message[:1].lower() + faute.message[1:]
    match famille, suite:
        case "phases", [rang, champ]:
            return replace(faute, message=f"Phase {int(rang) + 1}, {LIBELLES_PHASE[champ]} : {message}")
        case "pieces", [rang, champ]:
            return replace(faute, message=f"Pièce {int(rang) + 1}, {LIBELLES_PIECE.get(champ, champ)} : {message}")
        case "orientations", ["priorites", ligne, *_]:
            nom = financeurs.get(ligne, ligne)
            return replace(faute, champ=PRIORITES + ligne, message=f"Priorités, {nom} : {message}")
        case "orientations", [liste, *_] if liste in _LIBELLES_ORIENTATIONS:
            libelle = _LIBELLES_ORIENTATIONS[liste]
            return replace(faute, champ=f"orientations.{liste}", message=f"{libelle} : {message}")
    return faute
