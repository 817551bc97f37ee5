"""La navigation principale : ce que chaque public trouve en haut de page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.infra.identite import Identite
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, ROLES_PORTEUR, Role


@dataclass(frozen=True, slots=True)
class Lien:
    """Une entrée de la navigation."""

    libelle: str
    url: str
    actif: bool = False


_MEMES_LIEUX = re.compile(r"^/(contrat)s(?=/|$)|^/(appel)s/[^/]+$")
_LIEUX = (
    (re.compile(r"^/appels/[^/]+/(?:programmation|scenarios)\b|^/scenarios(?=/|$)"), ("/programmation",)),
    (re.compile(r"^/appels/[^/]+/decisions\b"), ("/decisions",)),
    (re.compile(r"^/appels/[^/]+/rencontres\b"), ("/rencontres",)),
    (re.compile(r"^/appels/[^/]+/(?:classement|renotation|distribution|poids|comparer|notices)\b"), ("/instruction",)),
    (re.compile(r"^/contrats/[^/]+/grilles\b"), ("/campagne", "/instruction")),
    (re.compile(r"^/dossiers(?=/|$)"), ("/dossiers", "/instruction")),
    (re.compile(r"^/organisations/[^/]+/priorites\b"), ("/dossiers",)),
)
_PUBLIC = (("L’appel en cours", "/appel"), ("Le contrat de ville", "/contrat"))


def entrees(identite: Identite | None) -> tuple[tuple[str, str], ...]:
    """Les entrées (libellé, adresse) de cette personne, dans l'ordre de son travail."""
    if identite is None:
        return _PUBLIC
    roles = identite.roles
    liste: list[tuple[str, str]] = [("Accueil", "/accueil")]
    if roles & ROLES_PORTEUR:
        liste += [("Mes dossiers", "/dossiers"), ("Mon organisation", "/organisations")]
    if roles & (ROLES_AGENT | ROLES_LECTURE):
        liste.append(("Dossiers", "/instruction"))
    if roles & (ROLES_AGENT | {Role.REFERENT_SERVICE}):
        liste.append(("Rencontres", "/rencontres"))
    if roles & ROLES_AGENT:
        liste.append(("Programmation", "/programmation"))
    if roles & (ROLES_COMMISSION | {Role.CHARGE_MISSION, Role.EQUIPE_PROJET}):
        liste.append(("Commission", "/seances"))
    if roles & {Role.CHARGE_MISSION, Role.SOUS_PREFECTURE, Role.INSTRUCTEUR, Role.ELU_LIGNE}:
        liste.append(("Décisions", "/decisions"))
    if roles & {Role.SOUS_PREFECTURE, Role.CHARGE_MISSION}:
        liste.append(("Portail de l’État", "/portail-etat"))
    if Role.CHARGE_MISSION in roles:
        liste.append(("Campagne", "/campagne"))
    if roles & {Role.CHARGE_MISSION, Role.ADMINISTRATEUR}:
        liste += [("Comptes", "/comptes"), ("Fichiers", "/fichiers-en-attente")]
    return (*liste, *_PUBLIC)


def navigation(identite: Identite | None, chemin: str) -> tuple[Lien, ...]:
    """Les liens, celui de la page courante marqué : l'étape où mène ce chemin, sinon son plus long préfixe."""
    liste = entrees(identite)
    courant = _courant([url for _, url in liste], chemin)
    return tuple(Lien(libelle, url, url == courant) for libelle, url in liste)


def _courant(adresses: list[str], chemin: str) -> str:
    for forme, lieux in _LIEUX:
        if forme.match(chemin):
            return next((url for url in lieux if url in adresses), "")
    lieu = _MEMES_LIEUX.sub(r"/\1\2", chemin)
    return max((url for url in adresses if lieu == url or lieu.startswith(url + "/")), key=len, default="")
