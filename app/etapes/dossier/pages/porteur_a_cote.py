"""Ce qui manque à côté d'un dossier, avant son dépôt : à la fiche de l'organisation, dans les pièces exigées."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from app.etapes.dossier.pages.porteur_vues import DossierOuvert
from app.etapes.dossier.repository.a_cote import lire_a_cote
from app.etapes.dossier.rules.etats import Ton
from app.infra.gabarits import en_nombre
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.rules.fiche import Section
from app.referentiels.acteurs.service.fiche import manques_de
from app.referentiels.pieces.rules import attendues


class ACote(NamedTuple):
    """Les manques de la fiche (`Faute.champ` : « section.champ »), les pièces exigées encore à fournir."""

    fiche: tuple[Faute, ...]
    pieces: tuple[str, ...]
    exigees: int = 0

    @property
    def parts(self) -> list[tuple[Section, list[str]]]:
        """Les manques de la fiche, par section, dans l'ordre de la fiche."""
        par_section: dict[str, list[str]] = {}
        for faute in self.fiche:
            par_section.setdefault(faute.champ.partition(".")[0], []).append(faute.message)
        return [(section, par_section[section.value]) for section in Section if section.value in par_section]


def manques_a_cote(session: SessionDep, ouvert: DossierOuvert, maintenant: datetime) -> ACote:
    """Ce qui manque à la fiche, et les pièces que l'appel exige et que l'organisation n'a pas. Une requête.

    Choix du projet : on prévient, et on laisse déposer. Une pièce qui manque se réclame : l'administration dit
    lesquelles et fixe un délai (CRPA, art. L.114-5). Une date de dépôt perdue ne se rattrape pas.
    """
    organisation = ouvert.cadre.organisation
    jour = a_paris(maintenant).date()
    lu = lire_a_cote(session, organisation, ouvert.dossier.appel_id, jour, maintenant)
    a_fournir = tuple(
        libelle
        for code, libelle in lu.exigees
        if not all(any(a.repond(*presente) for presente in lu.presentes) for a in attendues(code, libelle))
    )
    return ACote(manques_de(lu.fiche, jour), a_fournir, len(lu.exigees))


def taches_a_cote(ouvert: DossierOuvert, manques: ACote) -> list[dict[str, Any]]:
    """Les deux lignes de la liste des tâches qui servent à tous les dossiers de l'organisation."""
    fiche, pieces = len(manques.fiche), len(manques.pieces)
    return [
        {
            "libelle": "La fiche de votre organisation",
            "mot": "À compléter" if fiche else "Complète",
            "etat": (Ton.ATTENTE if fiche else Ton.OUI).value,
            "aide": en_nombre(fiche, "réponse attendue", "réponses attendues")
            if fiche
            else "Écrite une fois pour tous vos dossiers.",
            "url": f"/organisations/{ouvert.cadre.organisation.code}",
        },
        {
            "libelle": "Les pièces",
            "mot": "À fournir" if pieces else "Fournies" if manques.exigees else "Facultatif",
            "etat": (Ton.ATTENTE if pieces else Ton.OUI if manques.exigees else Ton.NEUTRE).value,
            "aide": en_nombre(pieces, "pièce exigée à fournir", "pièces exigées à fournir")
            if pieces
            else "Celles de l’organisation, et celles de cette action."
            if manques.exigees
            else "L’appel n’en exige aucune. Vous pouvez en joindre.",
            "url": f"/dossiers/{ouvert.identifiant}/pieces",
        },
    ]
