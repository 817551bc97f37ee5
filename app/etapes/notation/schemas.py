"""Formulaires et JSON : ajustement d'un critère, faits établis, demandes de notice."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.etapes.notation.rules.travaux import Voie
from app.infra.forms import Entree

Code = Annotated[str, StringConstraints(max_length=60)]
Motif = Annotated[str, StringConstraints(max_length=2000)]


class SaisieAjustement(Entree):
    """Un critère ajusté. Sans `taux_pour_cent` : revenir à la valeur calculée. `rang` : celui de la note lue."""

    critere: Code
    taux_pour_cent: int | None = Field(None, ge=0, le=100)
    motif: Motif = ""
    rang: int | None = Field(None, ge=1)


class LectureDemandee(Entree):
    """À qui confier la seconde lecture : l'identifiant de la personne ; vide, à soi."""

    lecteur: Code = ""


class ReponseEntrante(Entree):
    """Ce qu'une seconde lecture retient d'un critère."""

    taux: int = Field(ge=0, le=100)
    motif: Motif = ""


class LectureRendue(Entree):
    """Une seconde lecture : code du critère → réponse."""

    criteres: dict[Code, ReponseEntrante] = Field(max_length=60)


class FaitEntrant(Entree):
    """Un fait établi par l'API. `valeur` : part « 17/20 », montant en centimes, liste de codes, oui ou non."""

    code: Code
    valeur: Any
    motif: Motif = ""


class FaitsEntrants(Entree):
    """Des faits établis ensemble."""

    faits: Annotated[list[FaitEntrant], Field(min_length=1, max_length=60)]


class VerificationEntrante(Entree):
    """Des faits déclarés à confirmer tels quels ; sans codes, tous ceux qui ne sont que déclarés."""

    codes: list[Code] = Field(default_factory=list, max_length=60)


class SaisieDemandeNotice(Entree):
    """Une demande de notice reçue autrement qu'en ligne."""

    voie: Voie = Field(title="Voie")
    recue_le: date = Field(title="Reçue le")


class SaisieRemiseNotice(Entree):
    """Le jour où la notice a été remise."""

    remise_le: date = Field(title="Remise le")


class EssaiEntrant(Entree):
    """L'appel sur lequel essayer une grille."""

    appel: Code
