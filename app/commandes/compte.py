"""`compte` : ouvrir un compte, l'habiliter, clore une habilitation, attribuer un siège, lister, sans le web."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.base import base_ouverte, fabrique_de
from app.infra.config import Config
from app.infra.heure import heure_machine
from app.noyau.erreurs import ErreurMetier, Introuvable, SaisieInvalide
from app.noyau.identifiants import normaliser_siret
from app.noyau.periodes import a_paris
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, HabilitationCompte, Organisation
from app.referentiels.acteurs.service import habilitations
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.instances import repository as instances
from app.referentiels.instances import service as sieges

ACTEUR = "ligne-de-commande"
PORTEES = (Portee.LIGNE, Portee.COMMUNE, Portee.QUARTIER, Portee.SERVICE, Portee.INSTANCE)
Acte = Callable[[Session, argparse.Namespace], list[str]]


def _compte(session: Session, courriel: str) -> Compte:
    compte = repository.get_compte_par_courriel(session, courriel)
    if compte is None:
        raise Introuvable(f"Aucun compte à l’adresse « {courriel} ».")
    return compte


def _contrat(session: Session, code: str) -> Contrat:
    contrat = contrats.get_contrat_par_code(session, code)
    if contrat is None:
        raise Introuvable(f"Le contrat « {code} » n’existe pas.")
    return contrat


def _organisation(session: Session, siret: str) -> Organisation:
    organisation = repository.get_organisation_par_siret(session, normaliser_siret(siret) or "")
    if organisation is None:
        raise Introuvable(f"Aucune organisation au SIRET « {siret} ».")
    return organisation


def _lieu(session: Session, lus: argparse.Namespace) -> tuple[Contrat | None, Organisation | None, Portee, str]:
    """(contrat, organisation, portée, code) que désignent les options. Lève Introuvable."""
    if lus.organisation is not None:
        return None, _organisation(session, lus.organisation), Portee.ORGANISATION, ""
    contrat = _contrat(session, lus.contrat)
    for portee in PORTEES:
        code = getattr(lus, portee.value)
        if code is not None:
            return contrat, None, portee, code
    return contrat, None, Portee.CONTRAT, ""


def creer(session: Session, lus: argparse.Namespace) -> list[str]:
    """Crée un compte ; le mot de passe est lu sur l'entrée, ou tiré au sort et dit une fois."""
    lu = sys.stdin.readline().rstrip("\r\n") if lus.lire_mot_de_passe else ""
    mot_de_passe = lu if lus.lire_mot_de_passe else secrets.token_urlsafe(15)
    compte = service.creer_compte(
        session, courriel=lus.courriel, nom_affiche=lus.nom, mot_de_passe=mot_de_passe, maintenant=heure_machine(),
        acteur=ACTEUR,
    )  # fmt: skip
    phrases = [f"Compte créé : {compte.courriel}."]
    if not lus.lire_mot_de_passe:
        phrases.append(f"Mot de passe, montré cette seule fois : {mot_de_passe}")
    return phrases


def habiliter(session: Session, lus: argparse.Namespace) -> list[str]:
    """Donne un rôle sur une portée."""
    contrat, organisation, portee, code = _lieu(session, lus)
    cibles = instances.list_cibles(session, contrat.id).get(portee, []) if contrat is not None else []
    compte = _compte(session, lus.courriel)
    habilitations.donner(
        session, compte=compte, role=lus.role, portee=portee, cible=code, cibles=[c for c, _ in cibles],
        acteur=ACTEUR, donnables=tuple(Role), maintenant=heure_machine(),
        contrat_id=contrat.id if contrat is not None else None,
        organisation_id=organisation.id if organisation is not None else None, debut=lus.debut, fin=lus.fin,
    )  # fmt: skip
    return [f"{compte.courriel} : {lus.role.libelle}, habilitation donnée."]


def retirer(session: Session, lus: argparse.Namespace) -> list[str]:
    """Clôt l'habilitation que tient ce compte à cet endroit."""
    contrat, organisation, portee, code = _lieu(session, lus)
    compte, maintenant = _compte(session, lus.courriel), heure_machine()
    h = HabilitationCompte
    requete = select(h).where(
        h.compte_id == compte.id, h.role == lus.role, h.portee == portee, h.cible == code,
        h.contrat_id.is_not_distinct_from(contrat.id if contrat is not None else None),
        h.organisation_id.is_not_distinct_from(organisation.id if organisation is not None else None),
    )  # fmt: skip
    vives = [t for t in session.scalars(requete.order_by(h.id)) if t.fin is None or t.fin > maintenant]
    if not vives:
        raise Introuvable(f"{compte.courriel} ne tient pas ce rôle à cet endroit.")
    for tenue in vives:
        habilitations.clore(session, tenue, compte, acteur=ACTEUR, donnables=tuple(Role), maintenant=maintenant)
    return [f"{compte.courriel} : {lus.role.libelle}, habilitation close."]


def asseoir(session: Session, lus: argparse.Namespace) -> list[str]:
    """Relie le siège de cette qualité au compte, ou le libère."""
    contrat = _contrat(session, lus.contrat)
    for siege, instance, _ in instances.list_sieges(session, contrat.id):
        if (instance.code, siege.qualite) == (lus.instance, lus.siege):
            compte = _compte(session, lus.courriel) if lus.courriel is not None else None
            sieges.asseoir(session, siege, compte, acteur=ACTEUR, maintenant=heure_machine())
            return [f"{instance.nom}, {siege.qualite} : {compte.courriel if compte is not None else 'siège libéré'}."]
    raise Introuvable(f"Aucun siège « {lus.siege} » dans l’instance « {lus.instance} » : voir « compte lister ».")


def lister(session: Session, lus: argparse.Namespace) -> list[str]:
    """Les habilitations en cours ou à venir d'un contrat, puis ses sièges."""
    contrat = _contrat(session, lus.contrat)
    phrases = [
        f"{compte.courriel}\t{tenue.role.value}\t{tenue.portee.value}{':' + tenue.cible if tenue.cible else ''}\t"
        f"{a_paris(tenue.debut):%Y-%m-%d}\t{f'{a_paris(tenue.fin):%Y-%m-%d %H:%M}' if tenue.fin else 'sans terme'}"
        for tenue, compte in repository.list_habilitations_du_contrat(session, contrat.id, heure_machine())
    ]
    phrases += [
        f"siège\t{instance.code}\t{siege.qualite}\t{compte.courriel if compte is not None else 'libre'}"
        for siege, instance, compte in instances.list_sieges(session, contrat.id)
    ]
    return phrases or ["Aucun compte habilité dans ce contrat, aucun siège."]


def _executer(acte: Acte) -> Callable[[Config, argparse.Namespace], int]:
    """Une transaction, validée si l'acte aboutit ; chaque faute de saisie est dite."""

    def agir(config: Config, lus: argparse.Namespace) -> int:
        try:
            with base_ouverte(config) as base, fabrique_de(base) as fabrique, fabrique.begin() as session:
                phrases = acte(session, lus)
        except SaisieInvalide as erreur:
            raise ErreurMetier("\n".join(f.message for f in erreur.fautes)) from erreur
        print("\n".join(phrases))
        return 0

    return agir


def _ajouter_le_lieu(analyseur: argparse.ArgumentParser) -> None:
    lieu = analyseur.add_mutually_exclusive_group(required=True)
    lieu.add_argument("--contrat", metavar="CODE", help="par exemple m2a-2024-2030")
    lieu.add_argument("--organisation", metavar="SIRET", help="pour les rôles d’un porteur")
    portee = analyseur.add_mutually_exclusive_group()
    for nature in PORTEES:
        portee.add_argument(f"--{nature.value}", metavar="CODE", help=habilitations.NOMS_PORTEES[nature])


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `compte` accepte : ses cinq actes."""
    actes = analyseur.add_subparsers(dest="acte", required=True, metavar="ACTE")
    p = actes.add_parser("creer", help="crée un compte ; sans option, le mot de passe est tiré au sort et dit une fois")
    p.add_argument("courriel")
    p.add_argument("--nom", required=True, help="le nom montré à l’écran")
    p.add_argument("--lire-mot-de-passe", action="store_true", help="lit le mot de passe sur l’entrée standard")
    p.set_defaults(agir=_executer(creer))
    for nom, acte, aide in (("habiliter", habiliter, "donne un rôle"), ("retirer", retirer, "clôt une habilitation")):
        p = actes.add_parser(nom, help=aide)
        p.add_argument("courriel")
        p.add_argument("role", type=Role, metavar="ROLE", help=", ".join(r.value for r in Role))
        _ajouter_le_lieu(p)
        if acte is habiliter:
            p.add_argument("--debut", type=date.fromisoformat, metavar="AAAA-MM-JJ", help="premier jour (aujourd’hui)")
            p.add_argument("--fin", type=date.fromisoformat, metavar="AAAA-MM-JJ", help="dernier jour, compris")
        p.set_defaults(agir=_executer(acte))
    p = actes.add_parser("asseoir", help="relie un siège d’instance à un compte ; sans adresse, le libère")
    p.add_argument("courriel", nargs="?")
    p.add_argument("--contrat", required=True, metavar="CODE")
    p.add_argument("--instance", required=True, metavar="CODE")
    p.add_argument(
        "--siege", required=True, metavar="QUALITE", help="la qualité, telle que « compte lister » la montre"
    )
    p.set_defaults(agir=_executer(asseoir))
    p = actes.add_parser("lister", help="les habilitations et les sièges d’un contrat")
    p.add_argument("--contrat", required=True, metavar="CODE")
    p.set_defaults(agir=_executer(lister))
