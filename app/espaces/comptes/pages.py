"""Pages : les comptes d'un contrat, pour son administrateur et son chargé de mission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.espaces.comptes.schemas import FormulaireCompte, FormulaireHabilitation, FormulaireSiege
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.forms import Formulaire, FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.acteurs.rules import portees_du_role, roles_donnables
from app.referentiels.acteurs.service import habilitations, liens
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.instances import repository as instances
from app.referentiels.instances import service as sieges

routeur = APIRouter()
GERE = exiger(Role.CHARGE_MISSION, Role.ADMINISTRATEUR)
COMPTES_MAX = 100
COMPTE_CREE = annoncer("compte-cree", "Le compte est créé. Un courriel part avec le lien de première connexion.")
HABILITE = annoncer("habilitation-donnee", "L’habilitation est donnée.")
CLOSE = annoncer("habilitation-close", "L’habilitation est close.")
LIEN_ENVOYE = annoncer("lien-envoye", "Un nouveau lien part par courriel ; les liens d’avant ne servent plus.")
SIEGE_CHANGE = annoncer("siege-change", "Le siège est à jour.")
GROUPES = {
    Portee.LIGNE: "Une ligne de financement",
    Portee.COMMUNE: "Une commune",
    Portee.QUARTIER: "Un quartier",
    Portee.SERVICE: "Un service",
    Portee.INSTANCE: "Une instance",
}


@dataclass(frozen=True, slots=True)
class Lieu:
    """Le contrat dont on gère les comptes, et les rôles que la personne peut y donner."""

    contrat: Contrat
    donnables: tuple[Role, ...]


def _contrats_geres(acteur: Identite) -> frozenset[int]:
    return acteur.contrats({Role.CHARGE_MISSION, Role.ADMINISTRATEUR})


def _lieu(session: SessionDep, acteur: Acteur, contrat: str) -> Lieu:
    """Le contrat de ce code, si la personne en gère les comptes. Lève Introuvable."""
    trouve = contrats.get_contrat_par_code(session, contrat)
    if trouve is None or trouve.id not in _contrats_geres(acteur):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’en gérez pas les comptes.")
    tenus = frozenset(h.role for h in acteur.habilitations if h.contrat_id == trouve.id)
    return Lieu(trouve, roles_donnables(tenus))


LieuDep = Annotated[Lieu, Depends(_lieu)]


def _compte(session: SessionDep, lieu: Lieu, personne: str) -> Compte:
    compte = acteurs.get_compte_du_contrat(session, personne, lieu.contrat.id)
    if compte is None:
        raise Introuvable("Cette personne ne tient aucun rôle dans ce contrat.")
    return compte


def _fil(lieu: Lieu, *suite: str) -> tuple[tuple[str, str | None], ...]:
    racine = (("Comptes", f"/comptes/{lieu.contrat.code}"),)
    return (*racine, *((texte, None) for texte in suite))


def _choix(session: SessionDep, lieu: Lieu) -> dict[str, Any]:
    """Les rôles qu'on peut donner et ce sur quoi ils portent, pour le formulaire et pour dire une habilitation."""
    cibles = instances.list_cibles(session, lieu.contrat.id)
    groupes = {"Le contrat": [("contrat", "Tout le contrat")]}
    for portee, titre in GROUPES.items():
        if portee in cibles:
            groupes[titre] = [(f"{portee.value}:{code}", nom) for code, nom in cibles[portee]]
    return {
        "roles": [(r.value, f"{r.libelle} : {_sur_quoi(r)}") for r in lieu.donnables],
        "portees": groupes,
        "noms": {cle: nom for groupe in groupes.values() for cle, nom in groupe},
        "donnables": frozenset(lieu.donnables),
        "contrat": lieu.contrat,
    }


def _sur_quoi(role: Role) -> str:
    return " ou ".join(habilitations.NOMS_PORTEES[p] for p in portees_du_role(role))


def _donner(
    session: SessionDep, lieu: Lieu, acteur: Identite, compte: Compte, donnees: FormulaireHabilitation,
    maintenant: Maintenant,
) -> None:  # fmt: skip
    portee, cible = donnees.sur()
    cibles = instances.list_cibles(session, lieu.contrat.id).get(portee, [])
    habilitations.donner(
        session, compte=compte, role=donnees.role, portee=portee, cible=cible, cibles=[code for code, _ in cibles],
        acteur=acteur.acteur, donnables=lieu.donnables, maintenant=maintenant, contrat_id=lieu.contrat.id,
        debut=donnees.debut, fin=donnees.fin,
    )  # fmt: skip


def _saisie(formulaire: Formulaire, schema: type[FormulaireHabilitation | FormulaireSiege]) -> dict[str, str]:
    return {nom: formulaire.get(nom) for nom in schema.model_fields}


@routeur.get("/comptes", name="comptes:contrats", dependencies=[Depends(GERE)])
def page_contrats(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Le contrat dont gérer les comptes ; un seul : droit à ses comptes."""
    geres = _contrats_geres(acteur)
    liste = [c for c in contrats.list_contrats(session) if c.id in geres]
    if len(liste) == 1:
        return rediriger(request, "comptes", contrat=liste[0].code)
    return rendre(request, "espaces/comptes/contrats.html", {"contrats": liste})


@routeur.get("/comptes/{contrat}", name="comptes", dependencies=[Depends(GERE)])
def page_comptes(
    request: Request, session: SessionDep, lieu: LieuDep, maintenant: Maintenant, q: Annotated[str, Query()] = ""
) -> Response:
    """Qui tient quel rôle dans ce contrat."""
    tenues = acteurs.list_habilitations_du_contrat(
        session, lieu.contrat.id, maintenant, q=q.strip()[:100], maximum=COMPTES_MAX
    )
    personnes: dict[int, tuple[Compte, list[Any]]] = {}
    for habilitation, compte in tenues:
        personnes.setdefault(compte.id, (compte, []))[1].append(habilitation)
    contexte = _choix(session, lieu) | {
        "personnes": list(personnes.values()),
        "q": q,
        "maximum": COMPTES_MAX,
        "maintenant": maintenant,
        "fil": _fil(lieu),
    }
    return rendre(request, "espaces/comptes/liste.html", contexte)


def _contexte_nouveau(session: SessionDep, lieu: Lieu, saisie: Mapping[str, str]) -> dict[str, Any]:
    return _choix(session, lieu) | {"saisie": saisie, "fil": _fil(lieu, "Ouvrir un compte")}


@routeur.get("/comptes/{contrat}/nouveau", name="comptes:nouveau", dependencies=[Depends(GERE)])
def page_nouveau(request: Request, session: SessionDep, lieu: LieuDep) -> Response:
    """Le formulaire d'un compte et de sa première habilitation."""
    return rendre(request, "espaces/comptes/nouveau.html", _contexte_nouveau(session, lieu, {}))


@routeur.post("/comptes/{contrat}/nouveau", name="comptes:creer", dependencies=[Depends(GERE)])
def creer_compte(
    request: Request, session: SessionDep, acteur: Acteur, lieu: LieuDep, formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Ouvre le compte (ou retrouve celui de l'adresse) et l'habilite dans ce contrat."""
    try:
        donnees = valider(FormulaireCompte, formulaire.en_dict())
        compte, est_nouveau = liens.ouvrir_compte(
            session, courriel=donnees.courriel, nom_affiche=donnees.nom_affiche, acteur=acteur.acteur,
            machine=heure_machine(), maintenant=maintenant,
        )  # fmt: skip
        _donner(session, lieu, acteur, compte, donnees, maintenant)
    except SaisieInvalide as erreur:
        contexte = _contexte_nouveau(session, lieu, _saisie(formulaire, FormulaireCompte))
        refuser(request, "espaces/comptes/nouveau.html", contexte, erreur.fautes)
    fait = COMPTE_CREE if est_nouveau else HABILITE
    return rediriger(request, "comptes:personne", fait=fait, contrat=lieu.contrat.code, personne=compte.acteur)


def _contexte_personne(
    session: SessionDep, lieu: Lieu, compte: Compte, maintenant: Maintenant, saisie: Mapping[str, str]
) -> dict[str, Any]:
    en_attente = acteurs.list_liens_vifs(session, heure_machine(), compte_id=compte.id)
    return _choix(session, lieu) | {
        "compte": compte,
        "habilitations": acteurs.list_habilitations(session, compte.id, lieu.contrat.id),
        "lien": next(iter(en_attente), None),
        "maintenant": maintenant,
        "saisie": saisie,
        "fil": _fil(lieu, compte.nom_affiche),
    }


@routeur.get("/comptes/{contrat}/personnes/{personne}", name="comptes:personne", dependencies=[Depends(GERE)])
def page_personne(
    request: Request, session: SessionDep, lieu: LieuDep, personne: str, maintenant: Maintenant
) -> Response:
    """Les habilitations d'une personne dans ce contrat."""
    contexte = _contexte_personne(session, lieu, _compte(session, lieu, personne), maintenant, {})
    return rendre(request, "espaces/comptes/personne.html", contexte)


@routeur.post(
    "/comptes/{contrat}/personnes/{personne}/habilitations", name="comptes:habiliter", dependencies=[Depends(GERE)]
)
def habiliter(
    request: Request, session: SessionDep, acteur: Acteur, lieu: LieuDep, personne: str, formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Donne une habilitation de plus."""
    compte = _compte(session, lieu, personne)
    try:
        donnees = valider(FormulaireHabilitation, formulaire.en_dict())
        _donner(session, lieu, acteur, compte, donnees, maintenant)
    except SaisieInvalide as erreur:
        saisie = _saisie(formulaire, FormulaireHabilitation)
        contexte = _contexte_personne(session, lieu, compte, maintenant, saisie)
        refuser(request, "espaces/comptes/personne.html", contexte, erreur.fautes)
    return rediriger(request, "comptes:personne", fait=HABILITE, contrat=lieu.contrat.code, personne=compte.acteur)


@routeur.post(
    "/comptes/{contrat}/personnes/{personne}/habilitations/{habilitation_id}/cloture",
    name="comptes:clore",
    dependencies=[Depends(GERE)],
)
def clore(
    request: Request, session: SessionDep, acteur: Acteur, lieu: LieuDep, personne: str, habilitation_id: int,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Clôt une habilitation maintenant."""
    compte = _compte(session, lieu, personne)
    tenue = acteurs.get_tenue(session, habilitation_id, contrat_id=lieu.contrat.id)
    if tenue is None or tenue[1].id != compte.id:
        raise Introuvable("Cette habilitation n’existe pas.")
    habilitations.clore(session, *tenue, acteur=acteur.acteur, donnables=lieu.donnables, maintenant=maintenant)
    return rediriger(request, "comptes", fait=CLOSE, contrat=lieu.contrat.code)


@routeur.post("/comptes/{contrat}/personnes/{personne}/lien", name="comptes:lien", dependencies=[Depends(GERE)])
def renvoyer_le_lien(
    request: Request, session: SessionDep, acteur: Acteur, lieu: LieuDep, personne: str, maintenant: Maintenant
) -> Response:
    """Envoie à la personne, à son adresse, un nouveau lien pour choisir son mot de passe."""
    compte = _compte(session, lieu, personne)
    liens.renvoyer(
        session, compte, acteur=acteur.acteur, contrat_id=lieu.contrat.id, machine=heure_machine(),
        maintenant=maintenant,
    )  # fmt: skip
    return rediriger(request, "comptes:personne", fait=LIEN_ENVOYE, contrat=lieu.contrat.code, personne=compte.acteur)


def _contexte_sieges(session: SessionDep, lieu: Lieu, saisie: Mapping[str, str]) -> dict[str, Any]:
    liste = instances.list_sieges(session, lieu.contrat.id)
    groupes: dict[str, list[tuple[int, str]]] = {}
    for siege, instance, _ in liste:
        groupes.setdefault(instance.nom, []).append((siege.id, siege.qualite))
    return {
        "contrat": lieu.contrat,
        "sieges": liste,
        "groupes": groupes,
        "saisie": saisie,
        "fil": _fil(lieu, "Sièges"),
    }


@routeur.get("/comptes/{contrat}/sieges", name="comptes:sieges", dependencies=[Depends(GERE)])
def page_sieges(request: Request, session: SessionDep, lieu: LieuDep) -> Response:
    """Les sièges des instances et qui les occupe."""
    return rendre(request, "espaces/comptes/sieges.html", _contexte_sieges(session, lieu, {}))


@routeur.post("/comptes/{contrat}/sieges", name="comptes:asseoir", dependencies=[Depends(GERE)])
def asseoir(
    request: Request, session: SessionDep, acteur: Acteur, lieu: LieuDep, formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Relie un siège à un compte, ou le libère."""
    try:
        donnees = valider(FormulaireSiege, formulaire.en_dict())
        siege = instances.get_siege(session, lieu.contrat.id, donnees.siege)
        compte = acteurs.get_compte_par_courriel(session, donnees.courriel) if donnees.courriel else None
        if siege is None:
            raise SaisieInvalide([Faute("siege", "Choisissez une réponse de la liste.", "siege_inconnu")])
        if donnees.courriel and compte is None:
            phrase = "Aucun compte à cette adresse : ouvrez-le d’abord."
            raise SaisieInvalide([Faute("courriel", phrase, "compte_inconnu")])
        sieges.asseoir(session, siege, compte, acteur=acteur.acteur, maintenant=maintenant)
    except SaisieInvalide as erreur:
        contexte = _contexte_sieges(session, lieu, _saisie(formulaire, FormulaireSiege))
        refuser(request, "espaces/comptes/sieges.html", contexte, erreur.fautes)
    return rediriger(request, "comptes:sieges", fait=SIEGE_CHANGE, contrat=lieu.contrat.code)
