"""Pages : les faits d'un dossier, à vérifier, à corriger ou à établir. Réservées aux personnes qui instruisent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.contrat import repository as contenus
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository, service
from app.etapes.notation.pages.vues import capitale, dire, ton_du_statut
from app.etapes.notation.repository import ConstatAgent, Releve
from app.etapes.notation.rules import CORRESPONDANCES, est_etabli_par_agent, lire_saisie, valeurs_admises
from app.etapes.notation.rules.saisie import FIGES
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, DefinitionFait, Fait, Statut, TypeFait

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


def _vu(definition: DefinitionFait, releve: Releve) -> FaitVu:
    fait, declare = releve.faits.fait(definition.code), releve.declares.fait(definition.code)
    corrige = fait is not None and fait.statut is Statut.CORRIGE
    fige = definition.code in FIGES
    return FaitVu(
        code=definition.code,
        libelle=definition.libelle,
        valeur=dire(definition.code, fait),
        statut=(("à la clôture" if fige else "manquant") if fait is None else fait.statut.libelle),
        ton="neutre" if fige and fait is None else ton_du_statut(None if fait is None else fait.statut),
        declare=dire(definition.code, declare) if corrige else "",
        constat=releve.constats.get(definition.code)
        if fait is not None and fait.statut is not Statut.DECLARE
        else None,
        se_verifie=fait is not None and fait.statut is Statut.DECLARE,
        s_etablit=est_etabli_par_agent(definition),
    )


def _contexte(session: SessionDep, dossier: Dossier) -> dict[str, Any]:
    releve = repository.releves(session, [dossier.id])[dossier.id]
    groupes = [(titre, [_vu(d, releve) for d in definitions]) for titre, definitions in groupes_de_faits()]
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


@routeur.post("/dossiers/{numero}/faits", name="notation:verifier", dependencies=[Depends(INSTRUIT)])
def verifier(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Confirme tels quels les faits cochés, ou tous ceux d'un groupe."""
    dossier = _dossier(session, numero, acteur)
    codes = formulaire.liste("codes")
    if titre := formulaire.get("groupe"):
        codes = [d.code for nom, definitions in groupes_de_faits() if nom == titre for d in definitions]
    try:
        service.verifier_faits(session, numero, codes, acteur=acteur, maintenant=maintenant)
    except SaisieInvalide as erreur:
        refuser(request, "notation/faits.html", _contexte(session, dossier), erreur.fautes)
    return rediriger(request, "notation:faits", numero=numero, fait=VERIFIES)


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
            return str(part)
        case autre:
            return str(autre)


def _options(session: SessionDep, dossier: Dossier, definition: DefinitionFait) -> list[tuple[str, str]]:
    """Les réponses proposées (code, libellé) : la liste fermée du fait, sinon les codes du contrat."""
    admises = valeurs_admises(definition)
    if admises:
        return list(admises)
    version = dossier.version_id
    match definition.code:
        case "objectif_principal" | "objectifs_secondaires":
            return [(o.code, f"{o.code} {o.intitule}") for o in contenus.list_objectifs(session, version)]
        case "objectifs_operationnels":
            return [
                couple
                for o in contenus.list_operationnels(session, version)
                for couple in ((o.code, f"{o.code} {o.intitule}"), *_codes(o.contenu.get("sous_actions")))
            ]
        case "pistes_transversales":
            return [c for o in contenus.list_objectifs(session, version) for c in _codes(o.contenu.get("pistes"))]
        case "actions_feuille_de_route":
            return _actions(session, version)
        case _:
            return _territoires(session, version, definition.code)


def _codes(elements: list[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    return [(e["code"], f"{e['code']} {e.get('intitule') or e.get('texte') or ''}"[:160]) for e in elements or ()]


def _actions(session: SessionDep, version_id: int) -> list[tuple[str, str]]:
    feuilles = next(
        (r.contenu for r in contenus.list_rubriques(session, version_id) if r.code == "feuilles_de_route"), {}
    )
    return [
        (f"{feuille['code']}.{action['code']}", f"{feuille['code']} : {str(action.get('texte', ''))[:140]}")
        for feuille in feuilles.get("elements", ())
        for rangee in feuille.get("rangees", ())
        for axe in rangee.get("axes", ())
        for action in axe.get("actions", ())
    ]


def _territoires(session: SessionDep, version_id: int, code: str) -> list[tuple[str, str]]:
    if code == "priorites_fiche":
        priorites = dossiers.list_priorites(session, version_id)
        return [(f"{fiche}.{p.rang}", f"{fiche} n° {p.rang} : {p.intitule}") for p, fiche in priorites]
    fiches = dossiers.list_fiches(session, version_id)
    if code == "communes_touchees":
        return sorted({(commune.insee, commune.nom) for _, commune, _ in fiches}, key=lambda couple: couple[1])
    return [(fiche.code, fiche.nom) for fiche, _, _ in fiches] if code in ("fiches_visees", "besoins_fiche") else []


def _contexte_fait(
    session: SessionDep, dossier: Dossier, definition: DefinitionFait, saisie: dict[str, Any] | None
) -> dict[str, Any]:
    releve = repository.releves(session, [dossier.id])[dossier.id]
    fait = releve.faits.fait(definition.code)
    options = _options(session, dossier, definition) if definition.type in (TypeFait.CODE, TypeFait.CODES) else []
    if isinstance(choisis := _saisie(fait), list):
        connus = {code for code, _ in options}
        options += [(code, code) for code in choisis if code not in connus]
    return {
        "dossier": dossier,
        "definition": definition,
        "capitale": capitale,
        "fait": _vu(definition, releve),
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


@routeur.post("/dossiers/{numero}/faits/{code}", name="notation:etablir", dependencies=[Depends(INSTRUIT)])
def etablir(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    code: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Établit un fait : vérifié si la valeur est celle déclarée ou s'il manquait, sinon corrigé avec motif."""
    dossier, definition = _dossier(session, numero, acteur), _definition(code)
    textes, motif = formulaire.liste("valeur"), formulaire.get("motif")
    try:
        try:
            valeur = lire_saisie(code, textes)
        except ValueError as erreur:
            raise SaisieInvalide([Faute("valeur", str(erreur), "valeur_refusee")]) from erreur
        service.etablir_fait(session, numero, code, valeur, motif=motif, acteur=acteur, maintenant=maintenant)
    except SaisieInvalide as erreur:
        tapes = textes if definition.type is TypeFait.CODES else formulaire.get("valeur")
        contexte = _contexte_fait(session, dossier, definition, {"valeur": tapes, "motif": motif})
        refuser(request, "notation/fait.html", contexte, erreur.fautes)
    return rediriger(request, "notation:faits", numero=numero, fait=ETABLI)
