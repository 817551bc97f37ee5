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
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider_tout
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.periodes import a_paris
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.acteurs.rules import est_un_courriel, portees_du_role, roles_donnables, verifier_periode
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


def _cibles(session: SessionDep, lieu: Lieu, portee: Portee) -> list[str]:
    return [code for code, _ in instances.list_cibles(session, lieu.contrat.id).get(portee, [])]


def _fautes_du_role(
    session: SessionDep, lieu: Lieu, donnees: FormulaireHabilitation, maintenant: Maintenant
) -> list[Faute]:
    """Tout ce que l'habilitation demandée a de faux, d'un coup."""
    fautes = []
    sur = donnees.sur()
    if donnees.role is None:
        fautes.append(Faute("role", "Choisissez un rôle.", "role_absent"))
    if sur is None:
        fautes.append(Faute("portee", "Choisissez sur quoi porte le rôle.", "portee_inconnue"))
    elif donnees.role is not None:
        cibles = _cibles(session, lieu, sur[0])
        fautes += habilitations.verifier_portee(donnees.role, *sur, cibles, lieu.donnables)
    aujourd_hui = a_paris(maintenant).date()
    return [*fautes, *verifier_periode(donnees.debut or aujourd_hui, donnees.fin, aujourd_hui)]


def _fautes_du_compte(
    session: SessionDep, lieu: Lieu, donnees: FormulaireCompte, maintenant: Maintenant
) -> list[Faute]:
    """Celles de l'habilitation, de l'adresse et du nom."""
    fautes = []
    if not est_un_courriel(donnees.courriel.lower()):
        phrase = "Écrivez une adresse électronique de la forme nom@exemple.fr."
        fautes.append(Faute("courriel", phrase, "courriel_invalide"))
    if not donnees.nom_affiche and acteurs.get_compte_par_courriel(session, donnees.courriel) is None:
        fautes.append(Faute("nom_affiche", "Écrivez le nom de la personne.", "nom_absent"))
    return [*fautes, *_fautes_du_role(session, lieu, donnees, maintenant)]


def _donner(envoi: Envoi, lieu: Lieu, compte: Compte, donnees: FormulaireHabilitation) -> None:
    sur = donnees.sur()
    if sur is not None and donnees.role is not None:  # `_fautes_du_role` a refusé leur absence
        habilitations.donner(
            envoi.session, compte=compte, role=donnees.role, portee=sur[0], cible=sur[1],
            cibles=_cibles(envoi.session, lieu, sur[0]), acteur=envoi.acteur.acteur, donnables=lieu.donnables,
            maintenant=envoi.maintenant, contrat_id=lieu.contrat.id, debut=donnees.debut, fin=donnees.fin,
        )  # fmt: skip


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
def creer_compte(envoi: EnvoiDep, lieu: LieuDep) -> Response:
    """Ouvre le compte (ou retrouve celui de l'adresse) et l'habilite dans ce contrat."""
    session = envoi.session
    with envoi.sinon(lambda: ("espaces/comptes/nouveau.html", _contexte_nouveau(session, lieu, envoi.saisie))):
        donnees = valider_tout(
            FormulaireCompte,
            envoi.formulaire.en_dict(),
            lambda d: _fautes_du_compte(session, lieu, d, envoi.maintenant),
        )
        compte, est_nouveau = liens.ouvrir_compte(
            session, courriel=donnees.courriel, nom_affiche=donnees.nom_affiche, acteur=envoi.acteur.acteur,
            machine=heure_machine(), maintenant=envoi.maintenant,
        )  # fmt: skip
        _donner(envoi, lieu, compte, donnees)
    fait = COMPTE_CREE if est_nouveau else HABILITE
    return envoi.vers("comptes:personne", fait=fait, contrat=lieu.contrat.code, personne=compte.acteur)


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


def _page_personne(envoi: Envoi, lieu: Lieu, personne: str) -> Page:
    compte = _compte(envoi.session, lieu, personne)
    contexte = _contexte_personne(envoi.session, lieu, compte, envoi.maintenant, envoi.saisie)
    return "espaces/comptes/personne.html", contexte


@routeur.post(
    "/comptes/{contrat}/personnes/{personne}/habilitations", name="comptes:habiliter", dependencies=[Depends(GERE)]
)
def habiliter(envoi: EnvoiDep, lieu: LieuDep, personne: str) -> Response:
    """Donne une habilitation de plus."""
    with envoi.sinon(lambda: _page_personne(envoi, lieu, personne)):
        compte = _compte(envoi.session, lieu, personne)
        donnees = valider_tout(
            FormulaireHabilitation,
            envoi.formulaire.en_dict(),
            lambda d: _fautes_du_role(envoi.session, lieu, d, envoi.maintenant),
        )
        _donner(envoi, lieu, compte, donnees)
    return envoi.vers("comptes:personne", fait=HABILITE, contrat=lieu.contrat.code, personne=compte.acteur)


@routeur.post(
    "/comptes/{contrat}/personnes/{personne}/habilitations/{habilitation_id}/cloture",
    name="comptes:clore",
    dependencies=[Depends(GERE)],
)
def clore(envoi: EnvoiDep, lieu: LieuDep, personne: str, habilitation_id: int) -> Response:
    """Clôt une habilitation maintenant."""
    with envoi.sinon(lambda: _page_personne(envoi, lieu, personne)):
        compte = _compte(envoi.session, lieu, personne)
        tenue = acteurs.get_tenue(envoi.session, habilitation_id, contrat_id=lieu.contrat.id)
        if tenue is None or tenue[1].id != compte.id:
            raise Introuvable("Cette habilitation n’existe pas.")
        habilitations.clore(
            envoi.session, *tenue, acteur=envoi.acteur.acteur, donnables=lieu.donnables, maintenant=envoi.maintenant
        )
    return envoi.vers("comptes", fait=CLOSE, contrat=lieu.contrat.code)


@routeur.post("/comptes/{contrat}/personnes/{personne}/lien", name="comptes:lien", dependencies=[Depends(GERE)])
def renvoyer_le_lien(envoi: EnvoiDep, lieu: LieuDep, personne: str) -> Response:
    """Envoie à la personne, à son adresse, un nouveau lien pour choisir son mot de passe."""
    compte = _compte(envoi.session, lieu, personne)
    liens.renvoyer(
        envoi.session, compte, acteur=envoi.acteur.acteur, contrat_id=lieu.contrat.id, machine=heure_machine(),
        maintenant=envoi.maintenant,
    )  # fmt: skip
    return envoi.vers("comptes:personne", fait=LIEN_ENVOYE, contrat=lieu.contrat.code, personne=compte.acteur)


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


def _fautes_du_siege(session: SessionDep, lieu: Lieu, donnees: FormulaireSiege) -> list[Faute]:
    fautes = []
    if instances.get_siege(session, lieu.contrat.id, donnees.siege or 0) is None:
        fautes.append(Faute("siege", "Choisissez un siège de la liste.", "siege_inconnu"))
    if donnees.courriel and acteurs.get_compte_par_courriel(session, donnees.courriel) is None:
        phrase = "Aucun compte à cette adresse : ouvrez-le d’abord."
        fautes.append(Faute("courriel", phrase, "compte_inconnu"))
    return fautes


@routeur.get("/comptes/{contrat}/sieges", name="comptes:sieges", dependencies=[Depends(GERE)])
def page_sieges(request: Request, session: SessionDep, lieu: LieuDep) -> Response:
    """Les sièges des instances et qui les occupe."""
    return rendre(request, "espaces/comptes/sieges.html", _contexte_sieges(session, lieu, {}))


@routeur.post("/comptes/{contrat}/sieges", name="comptes:asseoir", dependencies=[Depends(GERE)])
def asseoir(envoi: EnvoiDep, lieu: LieuDep) -> Response:
    """Relie un siège à un compte, ou le libère."""
    session, recus = envoi.session, envoi.formulaire.en_dict()
    with envoi.sinon(lambda: ("espaces/comptes/sieges.html", _contexte_sieges(session, lieu, envoi.saisie))):
        donnees = valider_tout(FormulaireSiege, recus, lambda d: _fautes_du_siege(session, lieu, d))
        siege = instances.get_siege(session, lieu.contrat.id, donnees.siege or 0)
        compte = acteurs.get_compte_par_courriel(session, donnees.courriel) if donnees.courriel else None
        if siege is not None:  # `_fautes_du_siege` a refusé un siège inconnu
            sieges.asseoir(session, siege, compte, acteur=envoi.acteur.acteur, maintenant=envoi.maintenant)
    return envoi.vers("comptes:sieges", fait=SIEGE_CHANGE, contrat=lieu.contrat.code)
