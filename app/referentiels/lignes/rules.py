"""Natures d'autorité, portée de l'acte de la commission, nom d'une autorité dans une phrase, service à joindre."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.identifiants import normaliser_siret
from app.referentiels.acteurs.rules import est_un_courriel


class NatureAutorite(StrEnum):
    """Qui décide : l'État, l'agglomération ou une commune."""

    ETAT = "etat"
    EPCI = "epci"
    COMMUNE = "commune"


class ActeCommission(StrEnum):
    """Ce que vaut le vote de la commission sur cette ligne. Source : contrat, l. 1691-1694."""

    VALIDE = "valide"
    AVIS = "avis"


_FEMININS = frozenset(
    {
        "agglomération", "caisse", "collectivité", "commune", "communauté", "métropole", "préfecture", "région",
        "sous-préfecture", "ville",
    }
)  # fmt: skip
_MASCULINS = frozenset({"conseil", "département", "fonds", "ministère", "syndicat"})
_ELIDES = frozenset({"agence", "état", "eurométropole"})
_COMMUNS = _FEMININS | _MASCULINS | _ELIDES
_VOYELLES = frozenset("aàâeéèêëiîïoôuùû")


@dataclass(frozen=True, slots=True)
class NomEnPhrase:
    """Le nom d'une autorité dans une phrase : « l’État », « de l’État » ; `titre` : en tête, « L’État »."""

    sujet: str
    de: str

    @property
    def titre(self) -> str:
        """Le sujet en tête de phrase ; un sigle garde sa forme (« m2A »)."""
        premiere = self.sujet[:1]
        suivante = self.sujet[1:2]
        return self.sujet if suivante.isdigit() else premiere.upper() + self.sujet[1:]


def en_phrase(nom: str) -> NomEnPhrase:
    """« État » → l’État, de l’État ; « Ville de Mulhouse » → la Ville de Mulhouse ; « m2A » → m2A, de m2A.

    Un article déjà écrit (« L'État ») est repris ; un nom propre n'en reçoit pas et s'élide (« d’Alsace »).
    Choix du projet : on écrit le nom d'un financeur nu dans les fichiers du contrat, la phrase l'accorde.
    """
    nu = nom.strip().replace("'", "’")
    for article in ("l’", "la ", "le "):
        reste = nu[len(article) :]
        if nu.lower().startswith(article) and reste.split(" ")[0].lower() in _COMMUNS:
            nu = reste
    premier = nu.split(" ")[0].lower()
    if premier in _ELIDES:
        return NomEnPhrase(f"l’{nu}", f"de l’{nu}")
    if premier in _FEMININS:
        article = "l’" if premier[:1] in _VOYELLES else "la "
        return NomEnPhrase(f"{article}{nu}", f"de {article}{nu}")
    if premier in _MASCULINS:
        return NomEnPhrase(f"le {nu}", f"du {nu}")
    return NomEnPhrase(nu, f"d’{nu}" if nu[:1].lower() in _VOYELLES else f"de {nu}")


@dataclass(frozen=True, slots=True)
class ServiceAJoindre:
    """Le service d'une autorité, chargé des dossiers. Vide partout : rien n'est renseigné.

    Source : CRPA, art. R.112-5, 2°.
    """

    nom: str
    adresse: str
    telephone: str
    courriel: str = ""

    @property
    def est_vide(self) -> bool:
        """Vrai si aucun champ n'est rempli."""
        return not (self.nom or self.adresse or self.telephone or self.courriel)

    @property
    def lignes(self) -> tuple[str, ...]:
        """Comme sur une enveloppe, puis le téléphone et le courriel."""
        adresse = [ligne.strip() for ligne in self.adresse.splitlines() if ligne.strip()]
        return tuple(filter(None, (self.nom, *adresse, f"Tél. {self.telephone}", self.courriel)))


_SEPARATEURS = re.compile(r"[\s.\-/()]")
_TELEPHONE = re.compile(r"^(?:0|\+330?|00330?)([1-9]\d{8})$")
_COURT = re.compile(r"^3\d{3}$")


def normaliser_telephone(texte: str) -> str | None:
    """« 03 89 00 00 00 » si c'est un numéro français à dix chiffres, ou un numéro court en 3, sinon None.

    Source : Arcep, plan national de numérotation.
    """
    chiffres = _SEPARATEURS.sub("", texte)
    if not chiffres.isascii():
        return None
    if _COURT.match(chiffres):
        return chiffres
    trouve = _TELEPHONE.match(chiffres)
    if trouve is None:
        return None
    numero = f"0{trouve[1]}"
    return " ".join(numero[i : i + 2] for i in range(0, 10, 2))


def verifier_autorite(siret: str, service: ServiceAJoindre) -> tuple[Faute, ...]:
    """Fautes des coordonnées d'une autorité. Tout est facultatif, mais un service se dit en entier ou pas du tout.

    Source : CRPA, art. R.112-5, 2° (désignation, adresse postale et, le cas échéant, électronique, téléphone).
    """
    fautes = []
    if siret and normaliser_siret(siret) is None:
        fautes.append(Faute("siret", "Ce SIRET n’existe pas : vérifiez ses 14 chiffres.", "siret_invalide"))
    if service.est_vide:
        return tuple(fautes)
    if not service.nom:
        fautes.append(Faute("nom", "Donnez le nom du service.", "service_incomplet"))
    if not service.adresse:
        fautes.append(Faute("adresse", "Donnez l’adresse postale du service.", "service_incomplet"))
    if not service.telephone:
        fautes.append(Faute("telephone", "Donnez le téléphone du service.", "service_incomplet"))
    elif normaliser_telephone(service.telephone) is None:
        phrase = "Écrivez un numéro de téléphone français : dix chiffres."
        fautes.append(Faute("telephone", phrase, "telephone_invalide"))
    if service.courriel and not est_un_courriel(service.courriel):
        phrase = "Écrivez une adresse complète, par exemple service@exemple.fr."
        fautes.append(Faute("courriel", phrase, "courriel_invalide"))
    return tuple(fautes)
