"""Formulaires de l'instruction : recevabilité, complément."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.infra.forms import Entree

Long = Annotated[str, StringConstraints(max_length=4000)]
Court = Annotated[str, StringConstraints(max_length=200)]
DERNIER_JOUR = date(2100, 12, 31)  # l'échéance se garde au lendemain : l'an 9999 n'en a pas


class SaisieExamen(Entree):
    """La conclusion de l'examen d'une demande ; le service dit ce qu'elle exige."""

    points: list[Court] = Field(default_factory=list, title="Points vérifiés")
    conclusion: Court = Field("", title="Conclusion")
    motif: Long = Field("", title="Motif")
    oriente_vers: Court = Field("", title="Orienter vers")


class SaisieActe(Entree):
    """Un acte qui demande un motif (l'acte dit s'il est exigé)."""

    motif: Long = Field("", title="Motif")


class SaisieReferences(Entree):
    """Les références de l'État ; un champ vide efface."""

    theme_p147: Court = Field("", title="Thème du programme 147")
    numero_dauphin: Annotated[str, StringConstraints(max_length=30)] = Field("", title="Numéro Dauphin")
    engagement_juridique: Annotated[str, StringConstraints(max_length=30)] = Field(
        "", title="Engagement juridique (Chorus)"
    )


class SaisieComplement(Entree):
    """Ce qui est attendu du porteur, pourquoi, jusqu'à quel jour (compris, heure de Paris) ; `ligne` vide : toutes."""

    ligne: Court = Field("", title="Pour quelle ligne ?")
    objet: Court = Field("", title="Ce qui est attendu")
    pourquoi: Long = Field("", title="Pourquoi ?")
    echeance: Annotated[date | None, Field(le=DERNIER_JOUR)] = Field(None, title="Jusqu’au")
    sections: list[Court] = Field(default_factory=list, title="Étapes à rouvrir")
