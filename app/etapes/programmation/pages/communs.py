"""Ce que partagent les pages : l'appel en vue, l'état d'une liste dans l'adresse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.repository.tableau import TRI_PAR_DEFAUT, TRIS, Avancement, Filtre
from app.infra.acces import exiger
from app.infra.forms import TexteIllisible, nettoyer
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_AGENT, Role

LIT = exiger(*ROLES_AGENT)
ANNEE_MIN, ANNEE_MAX = 2000, 2100


def appel_en_vue(session: SessionDep, code: str, acteur: Identite, roles: Iterable[Role] = ROLES_AGENT) -> Appel:
    """L'appel de ce code dans un contrat où la personne tient l'un de ces rôles. Lève Introuvable."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None or appel.contrat_id not in acteur.contrats(roles):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def adresse(chemin: str, **parametres: Any) -> str:
    """Une adresse et ses paramètres ; les vides tombent."""
    gardes = {nom: valeur for nom, valeur in parametres.items() if valeur not in {None, ""}}
    return f"{chemin}?{urlencode(gardes)}" if gardes else chemin


@dataclass(frozen=True, slots=True)
class EtatDeListe:
    """Ce que dit l'adresse d'une liste : filtre, tri, page, année. Un paramètre inconnu ne compte pas."""

    filtre: Filtre
    tri: str
    jeton: str
    annee: int

    def parametres(self, **changes: Any) -> dict[str, Any]:
        """Les paramètres d'une adresse qui rouvre cette liste, avec ces changements (autre page : `apres`)."""
        f = self.filtre
        lus = {
            "q": f.q,
            "etat": f.etat.value if f.etat is not None else "",
            "avancement": f.avancement.value if f.avancement is not None else "",
            "tri": self.tri if self.tri != TRI_PAR_DEFAUT else "",
            "apres": self.jeton,
            "annee": self.annee,
        }
        return {**lus, **changes}

    def voisine(self, chemin: str, jeton: str | None) -> str | None:
        """L'adresse d'une page voisine, ou None au bord."""
        return None if jeton is None else adresse(chemin, **self.parametres(apres=jeton))


def _texte(valeur: str) -> str:
    try:
        return nettoyer(valeur).strip()[:200]
    except TexteIllisible:
        return ""


def lire_etat(parametres: Mapping[str, str], annee: int) -> EtatDeListe:
    """L'état d'une liste d'après l'adresse ; `annee` : celle de l'appel, par défaut."""
    lus = {nom: _texte(valeur) for nom, valeur in parametres.items()}
    etat, avancement, tri = lus.get("etat", ""), lus.get("avancement", ""), lus.get("tri", "")
    voulue = lus.get("annee", "")
    est_annee = voulue.isascii() and voulue.isdigit() and ANNEE_MIN <= int(voulue[:9]) <= ANNEE_MAX
    return EtatDeListe(
        filtre=Filtre(
            q=lus.get("q", ""),
            etat=EtatDemande(etat) if etat in set(EtatDemande) else None,
            avancement=Avancement(avancement) if avancement in set(Avancement) else None,
        ),
        tri=tri if tri.removeprefix("-") in TRIS else TRI_PAR_DEFAUT,
        jeton=parametres.get("apres", ""),
        annee=int(voulue) if est_annee else annee,
    )
