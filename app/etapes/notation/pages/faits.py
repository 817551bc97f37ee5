"""Pages : les faits d'un dossier, à vérifier, à corriger ou à établir. Réservées aux personnes qui instruisent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository, service
from app.etapes.notation.pages.noms import DES_TEXTES, DOMAINES, cite_des_textes, noms_des_codes
from app.etapes.notation.pages.vues import SANS_NOM, Noms, capitale, dire, ton_du_statut
from app.etapes.notation.repository import ConstatAgent, Releve
from app.etapes.notation.rules import (
    CORRESPONDANCES,
    ecrire_decimal,
    est_etabli_par_agent,
    lire_saisie,
    valeurs_admises,
)
from app.etapes.notation.rules.saisie import FIGES
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, DefinitionFait, Fait, Statut, TypeFait, Valeur, lire_nombre

routeur = APIRouter()
INSTRUIT = exiger(*EXAMINE)
VERIFIES = annoncer("faits-verifies", "Les faits sont vérifiés. La note se recalcule.")
ETABLI = annoncer("fait-etabli", "Le fait est enregistré. La note se recalcule.")
GROUPES: tuple[tuple[str, str], ...] = (
    ("Objectifs", "objectif_principal"),
    ("Quartiers et public", "fiches_visees"),
    ("Égalité et langue", "diagnostic_sexue"),
    ("Habitants et acteurs", "participation_degre"),
    ("Budget, moyens et coût", "charges_total"),
    ("Continuité", "premiere_demande"),
)
_REGLES = {correspondance.fait: correspondance.regle for correspondance in CORRESPONDANCES}


@dataclass(frozen=True, slots=True)
class FaitVu:
    """Un fait, sa valeur, son statut, qui l'a établi. `declare` : ce que le porteur avait dit, si c'est corrigé."""

    code: str
    libelle: str
    valeur: str
    statut: str
    ton: str
    declare: str
    constat: ConstatAgent | None
    se_verifie: bool
    s_etablit: bool


def _dossier(session: SessionDep, numero: str, acteur: Identite) -> Dossier:
    dossier = dossiers.get_dossier(session, numero, acteur)
    if not acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id):
        raise ActeInterdit("Les faits d’un dossier se vérifient par les personnes qui l’instruisent.")
    return dossier


def groupes_de_faits() -> list[tuple[str, list[DefinitionFait]]]:
    """Le catalogue, coupé en groupes dans son ordre."""
    titres = {premier: titre for titre, premier in GROUPES}
    groupes: list[tuple[str, list[DefinitionFait]]] = []
    for code, definition in CATALOGUE.items():
        if code in titres:
            groupes.append((titres[code], []))
        groupes[-1][1].append(definition)
    return groupes


def _vu(definition: DefinitionFait, releve: Releve, noms: Noms) -> FaitVu:
    fait, declare = releve.faits.fait(definition.code), releve.declares.fait(definition.code)
    corrige = fait is not None and fait.statut is Statut.CORRIGE
    fige = definition.code in FIGES
    return FaitVu(
        code=definition.code,
        libelle=definition.libelle,
        valeur=dire(definition.code, fait, noms),
        statut=(("à la clôture" if fige else "manquant") if fait is None else fait.statut.libelle),
        ton="neutre" if fige and fait is None else ton_du_statut(None if fait is None else fait.statut),
        declare=dire(definition.code, declare, noms) if corrige else "",
        constat=releve.constats.get(definition.code)
        if fait is not None and fait.statut is not Statut.DECLARE
        else None,
        se_verifie=fait is not None and fait.statut is Statut.DECLARE,
        s_etablit=est_etabli_par_agent(definition),
    )


def _contexte(session: SessionDep, dossier: Dossier) -> dict[str, Any]:
    releve = repository.releves(session, [dossier.id])[dossier.id]
    noms = noms_des_codes(session, dossier, textes=cite_des_textes(releve.faits))
    groupes = [(titre, [_vu(d, releve, noms) for d in definitions]) for titre, definitions in groupes_de_faits()]
    vus = [fait for _, faits in groupes for fait in faits]
    return {
        "dossier": dossier,
        "groupes": groupes,
        "capitale": capitale,
        "a_verifier": sum(fait.se_verifie for fait in vus),
        "manquants": [fait for fait in vus if fait.statut == "manquant" and fait.s_etablit],
        "type_action": releve.faits.fait("type_action") is not None,
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            ("Faits", None),
        ),
    }


@routeur.get("/dossiers/{numero}/faits", name="notation:faits", dependencies=[Depends(INSTRUIT)])
def page_faits(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """Tous les faits du dossier et leur statut."""
    return rendre(request, "notation/faits.html", _contexte(session, _dossier(session, numero, acteur)))


def _page(envoi: Envoi, numero: str) -> Page:
    return "notation/faits.html", _contexte(envoi.session, _dossier(envoi.session, numero, envoi.acteur))


@routeur.post("/dossiers/{numero}/faits", name="notation:verifier", dependencies=[Depends(INSTRUIT)])
def verifier(envoi: EnvoiDep, numero: str) -> Response:
    """Confirme tels quels les faits cochés, ou tous ceux d'un groupe."""
    codes = envoi.formulaire.liste("codes")
    if titre := envoi.formulaire.get("groupe"):
        codes = [d.code for nom, definitions in groupes_de_faits() if nom == titre for d in definitions]
    with envoi.sinon(lambda: _page(envoi, numero)):
        service.verifier_faits(envoi.session, numero, codes, **envoi.qui)
    return envoi.vers("notation:faits", numero=numero, fait=VERIFIES)


# --- un fait --------------------------------------------------------------------------------------------------------


def _definition(code: str) -> DefinitionFait:
    definition = CATALOGUE.get(code)
    if definition is None or not est_etabli_par_agent(definition):
        raise Introuvable("Ce fait n’existe pas, ou ne s’établit pas ici.")
    return definition


def _saisie(fait: Fait | None) -> str | list[str]:
    """La valeur d'un fait, telle qu'on la taperait."""
    match fait.valeur if fait is not None else None:
        case None:
            return ""
        case bool(oui):
            return "oui" if oui else "non"
        case frozenset(codes):
            return sorted(codes)
        case Euros() as montant:
            return str(montant).removesuffix("\u00a0€")
        case Fraction() as part:
            return ecrire_part(part)
        case autre:
            return str(autre)


def ecrire_part(part: Fraction) -> str:
    """« 93,75 % » si l'écriture est exacte, sinon la fraction : ce qui se relit à l'identique."""
    ecrite = f"{ecrire_decimal(part * 100)} %"
    return ecrite if part <= 1 and lire_nombre(ecrite) == part else str(part)


def _contexte_fait(
    session: SessionDep, dossier: Dossier, definition: DefinitionFait, saisie: dict[str, Any] | None
) -> dict[str, Any]:
    releve = repository.releves(session, [dossier.id])[dossier.id]
    fait = releve.faits.fait(definition.code)
    textes = definition.code in DES_TEXTES
    noms = noms_des_codes(session, dossier, textes=textes) if definition.code in DOMAINES or textes else SANS_NOM
    options = list(valeurs_admises(definition)) or list(noms.get(definition.code, {}).items())
    if isinstance(choisis := _saisie(fait), list):
        connus = {code for code, _ in options}
        options += [(code, code) for code in choisis if code not in connus]
    return {
        "dossier": dossier,
        "definition": definition,
        "capitale": capitale,
        "fait": _vu(definition, releve, noms),
        "regle": _REGLES.get(definition.code, ""),
        "a_declare": releve.declares.fait(definition.code) is not None,
        "options": options,
        "saisie": saisie or {"valeur": choisis, "motif": ""},
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            ("Faits", f"/dossiers/{dossier.numero}/faits"),
            (capitale(definition.libelle), None),
        ),
    }


@routeur.get("/dossiers/{numero}/faits/{code}", name="notation:fait", dependencies=[Depends(INSTRUIT)])
def page_fait(request: Request, session: SessionDep, acteur: Acteur, numero: str, code: str) -> Response:
    """Un fait : sa valeur, et de quoi la corriger ou l'établir."""
    dossier = _dossier(session, numero, acteur)
    return rendre(request, "notation/fait.html", _contexte_fait(session, dossier, _definition(code), None))


def _page_fait(envoi: Envoi, numero: str, code: str) -> Page:
    dossier, definition, recu = _dossier(envoi.session, numero, envoi.acteur), _definition(code), envoi.formulaire
    tapes = recu.liste("valeur") if definition.type is TypeFait.CODES else recu.get("valeur")
    saisie = {"valeur": tapes, "motif": recu.get("motif")}
    return "notation/fait.html", _contexte_fait(envoi.session, dossier, definition, saisie)


def _valeur(code: str, textes: list[str]) -> Valeur:
    try:
        return lire_saisie(code, textes)
    except ValueError as erreur:
        raise SaisieInvalide([Faute("valeur", str(erreur), "valeur_refusee")]) from erreur


@routeur.post("/dossiers/{numero}/faits/{code}", name="notation:etablir", dependencies=[Depends(INSTRUIT)])
def etablir(envoi: EnvoiDep, numero: str, code: str) -> Response:
    """Établit un fait : vérifié si la valeur est celle déclarée ou s'il manquait, sinon corrigé avec motif."""
    _definition(code)
    with envoi.sinon(lambda: _page_fait(envoi, numero, code)):
        valeur = _valeur(code, envoi.formulaire.liste("valeur"))
        service.etablir_fait(envoi.session, numero, code, valeur, motif=envoi.formulaire.get("motif"), **envoi.qui)
    return envoi.vers("notation:faits", numero=numero, fait=ETABLI)
