"""Compte créé soi-même, sessions glissantes, passage de relais : règles pures."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.rules import debut_de_jour, est_un_courriel, verifier_mot_de_passe

PAS_DE_RENOUVELLEMENT = timedelta(hours=1)
LONGUEUR_NOM = 200
_NAVIGATEURS = (
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Edge", re.compile(r"Edg(e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Chrome", re.compile(r"Chrom(e|ium)/|CriOS/")),
    ("Safari", re.compile(r"Safari/")),
)
_SYSTEMES = (
    ("iPhone", re.compile(r"iPhone")),
    ("iPad", re.compile(r"iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("Mac", re.compile(r"Macintosh|Mac OS X")),
    ("Linux", re.compile(r"Linux|X11")),
)


class NatureDemande(StrEnum):
    """Ce qu'on demande : rejoindre une organisation, l'administrer quand plus personne ne le fait, ou la reprendre."""

    ACCES = "acces"
    ADMINISTRATION = "administration"
    CONTESTATION = "contestation"


class SuiteDemande(StrEnum):
    """Ce qu'on y a répondu."""

    ACCEPTEE = "acceptee"
    REFUSEE = "refusee"


class SuiteContestation(StrEnum):
    """Ce que le chargé de mission répond à qui réclame une organisation. Choix du projet : ADR 0019."""

    CLORE = "clore"
    AJOUTER = "ajouter"
    REFUSEE = "refusee"


def appareil(agent: str) -> str:
    """« Firefox sur Windows » : ce qu'une personne reconnaît de l'agent d'un navigateur.

    Choix du projet : le nom et la machine suffisent à se reconnaître ; ni version, ni adresse.
    """
    navigateur = next((nom for nom, motif in _NAVIGATEURS if motif.search(agent)), "")
    systeme = next((nom for nom, motif in _SYSTEMES if motif.search(agent)), "")
    if navigateur and systeme:
        return f"{navigateur} sur {systeme}"
    return navigateur or systeme or "Appareil inconnu"


def est_a_renouveler(vue_at: datetime, machine: datetime) -> bool:
    """Vrai si la session a servi sans que son expiration recule depuis une heure.

    Choix du projet : au plus une écriture par heure et par session.
    """
    return machine - vue_at >= PAS_DE_RENOUVELLEMENT


def nouvelle_expiration(machine: datetime, duree: timedelta, limite: datetime) -> datetime:
    """L'instant où une session utilisée maintenant finira, si elle ne sert plus : jamais après sa limite.

    Choix du projet : architecture, sessions longues à renouvellement silencieux, bornées.
    """
    return min(machine + duree, limite)


def verifier_inscription(nom: str, courriel: str, mot_de_passe: str, confirmation: str) -> tuple[Faute, ...]:
    """Ce que la demande d'un compte a de faux, d'un coup. Ne dit jamais si l'adresse a déjà un compte.

    Choix du projet : une réponse identique pour tous empêche de deviner qui a un compte.
    """
    fautes = []
    if not nom.strip():
        fautes.append(Faute("nom_affiche", "Écrivez votre nom.", "nom_absent"))
    if not est_un_courriel(courriel) or not courriel.isascii():
        fautes.append(Faute("courriel", "Écrivez une adresse de la forme nom@exemple.fr.", "courriel_invalide"))
    return (*fautes, *verifier_choix(mot_de_passe, confirmation, courriel))


def verifier_choix(mot_de_passe: str, confirmation: str, courriel: str) -> tuple[Faute, ...]:
    """Un mot de passe choisi, écrit deux fois.

    Choix du projet : recommandation de l'ANSSI et de la CNIL (longueur plutôt que composition).
    """
    fautes = verifier_mot_de_passe(mot_de_passe, courriel)
    if mot_de_passe != confirmation:
        return (*fautes, Faute("confirmation", "Les deux mots de passe diffèrent.", "confirmation_differe"))
    return fautes


def signature_tient(fins: Iterable[datetime | None], maintenant: datetime) -> bool:
    """Vrai si ce qu'une personne a signé tient encore ; `fins` : la fin de chacun de ses mandats (None : sans fin).

    Choix du projet : une fin dite d'avance (relais, mandat borné) tombe à minuit, heure de Paris, et ne défait rien ;
    un rôle clos par une contestation ou un retrait l'est à l'instant de l'acte, et sa signature tombe. Le dernier
    mandat décide.
    """
    mandats = list(fins)
    if not mandats:
        return False
    if None in mandats:
        return True
    fin = max(f for f in mandats if f is not None)
    return fin > maintenant or fin == debut_de_jour(a_paris(fin).date())


def verifier_relais(
    *, courriel: str, prenom: str, nom: str, fonction: str, fin_le: date | None, aujourd_hui: date,
    partant: str, partants: Collection[str],
) -> tuple[Faute, ...]:  # fmt: skip
    """Ce que le passage de relais a de faux. `partants` : les adresses des signataires qu'on peut remplacer.

    Règle locale : la signature passe d'une personne à une autre, au plus tard dans un an ; le dernier jour compte.
    """
    fautes = []
    if partant not in partants:
        fautes.append(Faute("partant", "Choisissez la personne qui cesse de signer.", "partant_inconnu"))
    if not est_un_courriel(courriel) or not courriel.isascii():
        fautes.append(Faute("courriel", "Écrivez une adresse de la forme nom@exemple.fr.", "courriel_invalide"))
    elif courriel.lower() == partant.lower():
        phrase = "Donnez l’adresse de la personne qui prend la suite : celle-ci est celle de la personne qui part."
        fautes.append(Faute("courriel", phrase, "meme_personne"))
    for champ, valeur, phrase in (
        ("prenom", prenom, "Écrivez le prénom de la personne qui prend la suite."),
        ("nom", nom, "Écrivez le nom de la personne qui prend la suite."),
        ("fonction", fonction, "Écrivez sa fonction, par exemple : présidence."),
    ):
        if not valeur.strip():
            fautes.append(Faute(champ, phrase, f"{champ}_absent"))
    if fin_le is None:
        fautes.append(Faute("fin_le", "Donnez le dernier jour de la personne qui part.", "fin_absente"))
    elif fin_le < aujourd_hui:
        fautes.append(Faute("fin_le", "Ce dernier jour est déjà passé.", "fin_passee"))
    elif fin_le > aujourd_hui + timedelta(days=366):
        fautes.append(Faute("fin_le", "Donnez un jour dans l’année qui vient.", "fin_lointaine"))
    return tuple(fautes)
