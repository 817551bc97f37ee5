"""L'enregistrement au fil de la saisie, et l'étape tenue : ce que la page demande d'elle-même (JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from app.etapes.dossier.models import EditionSection
from app.etapes.dossier.pages.porteur_etape_vue import PAR_CODE, section_nommee
from app.etapes.dossier.pages.porteur_formulaire import Saisie, lire_section, saisie_recue, total_tape, versions_recues
from app.etapes.dossier.pages.porteur_vues import DossierOuvert, ouvrir
from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.champs import champs_de
from app.etapes.dossier.rules.clair import textes_en_clair
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.lecture import Valeur
from app.etapes.dossier.service import brouillon, edition
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.forms import FormulaireDep
from app.infra.gabarits import heure_courte
from app.infra.web import SessionDep, annoncer, rediriger
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide, VersionPerimee
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
ABANDONNE = annoncer("saisie-abandonnee", "Voici ce qui est enregistré.")
AVEC_EQUILIBRE = frozenset({Section.BUDGET, Section.FINANCEMENT, Section.ANNEES})


@dataclass
class Bilan:
    """Ce qu'un enregistrement au fil de la saisie a fait de chaque champ."""

    fautes: list[Faute] = field(default_factory=list)
    conflits: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def ecartes(self) -> set[str]:
        """Les champs qui ne sont pas enregistrés."""
        return {f.champ.partition(".")[0] for f in self.fautes} | self.conflits.keys()


@routeur.post(
    "/dossiers/{identifiant}/etapes/{section}/champs",
    name="dossier:enregistrer_champs",
    dependencies=[Depends(exiger(*ROLES_PORTEUR))],
)
def enregistrer_champs(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
    section: str,
) -> Response:
    """Enregistre ce qui peut l'être ; ce qui est refusé ou en retard est gardé pour son auteur, et dit."""
    etape = section_nommee(section)
    ouvert = ouvrir(session, identifiant, acteur)
    referentiel = ouvert.referentiel
    versions = versions_recues(formulaire)
    champs = [c for c in champs_de(etape) if c.code in versions]
    saisies: dict[str, Saisie] = {c.code: saisie_recue(c, formulaire) for c in champs}
    machine = heure_machine()
    try:
        brouillon.exiger_modifiable(acteur, ouvert.dossier)
    except ActeImpossible as refus:  # envoyé à la signature pendant qu'on écrivait : rien ne se perd
        a_garder = {c: (saisie, versions[c]) for c, saisie in saisies.items()}
        edition.garder(session, ouvert.dossier, a_garder, acteur=acteur, machine=machine)
        return JSONResponse({"detail": refus.message, "code": refus.code, "garde": True}, status_code=409)
    valeurs, fautes = lire_section(champs, saisies, referentiel.domaines)
    bilan = Bilan(list(fautes))
    _enregistrer(session, ouvert, valeurs, versions, bilan, acteur, maintenant)
    edition.garder(
        session, ouvert.dossier, {c: (saisies[c], versions[c]) for c in bilan.ecartes}, acteur=acteur, machine=machine
    )
    tenue = edition.tenir(session, ouvert.dossier, etape, acteur=acteur, machine=machine)
    relu = ouvert.relu()
    return JSONResponse(
        {
            "versions": {c: relu.version_de(c) for c in saisies.keys() - bilan.ecartes},
            "fautes": [{"champ": f.champ, "message": f.message} for f in bilan.fautes],
            "conflits": _conflits(bilan, referentiel),
            "tenue_par": _nom(tenue),
            "heure": heure_courte(machine),
            "totaux": _totaux(saisies),
            "equilibre": _equilibre(request, relu) if etape in AVEC_EQUILIBRE else None,
        }
    )


def _enregistrer(
    session: SessionDep,
    ouvert: DossierOuvert,
    valeurs: Mapping[str, Valeur],
    versions: Mapping[str, int],
    bilan: Bilan,
    acteur: Acteur,
    maintenant: Maintenant,
) -> None:
    """Chaque refus écarte ses champs ; le reste recommence, jusqu'à ce que tout passe."""
    while True:
        restent = {c: v for c, v in valeurs.items() if c not in bilan.ecartes}
        try:
            if restent:
                brouillon.enregistrer(
                    session, ouvert.identifiant, restent, versions=versions, acteur=acteur, maintenant=maintenant
                )
        except SaisieInvalide as erreur:
            bilan.fautes += erreur.fautes
        except VersionPerimee as erreur:
            bilan.conflits |= erreur.conflits
        else:
            return


def _conflits(bilan: Bilan, referentiel: Referentiel) -> dict[str, Sequence[str]]:
    """Champ → le texte que quelqu'un d'autre a enregistré."""
    return {
        code: textes_en_clair(PAR_CODE[code], enregistre, referentiel)
        for code, (enregistre, _) in bilan.conflits.items()
    }


def _totaux(saisies: Mapping[str, Saisie]) -> dict[str, str]:
    """Table de montants → son total tel que tapé."""
    totaux = {code: total_tape(PAR_CODE[code], saisie) for code, saisie in saisies.items()}
    return {code: str(total) for code, total in totaux.items() if total is not None}


def _equilibre(request: Request, ouvert: DossierOuvert) -> str:
    gabarit = request.app.state.gabarits.get_template("dossier/_equilibre_seul.html")
    return str(gabarit.render({"ouvert": ouvert}))


def _nom(tenue: EditionSection | None) -> str | None:
    return None if tenue is None else tenue.nom


@routeur.post(
    "/dossiers/{identifiant}/etapes/{section}/tenue",
    name="dossier:tenir",
    dependencies=[Depends(exiger(*ROLES_PORTEUR))],
)
def tenir(
    request: Request, session: SessionDep, acteur: Acteur, formulaire: FormulaireDep, identifiant: str, section: str
) -> Response:
    """« prendre » la main, la « lacher » en partant, « abandonner » sa saisie, ou dire qu'on y est encore."""
    etape = section_nommee(section)
    ouvert = ouvrir(session, identifiant, acteur)
    brouillon.exiger_modifiable(acteur, ouvert.dossier)
    acte = formulaire.get("acte")
    if acte == "lacher":
        edition.lacher(session, ouvert.dossier, etape, acteur=acteur)
        return Response(status_code=204)
    if acte == "abandonner":
        edition.oublier(session, ouvert.dossier, [c.code for c in champs_de(etape)], acteur)
        return rediriger(request, "dossier:etape", identifiant=ouvert.identifiant, section=etape.value, fait=ABANDONNE)
    de_force = acte == "prendre"
    tenue = edition.tenir(session, ouvert.dossier, etape, acteur=acteur, machine=heure_machine(), de_force=de_force)
    if de_force:
        return rediriger(request, "dossier:etape", identifiant=ouvert.identifiant, section=etape.value)
    return JSONResponse({"tenue_par": _nom(tenue)})
