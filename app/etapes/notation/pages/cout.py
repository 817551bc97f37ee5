"""Pages : le coût par bénéficiaire d'un dossier face aux dossiers comparables."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import service
from app.etapes.notation.pages.vues import dire
from app.etapes.notation.repository import distribution as lectures
from app.etapes.notation.repository.distribution import COUTS_MAX, CoutComparable
from app.etapes.notation.rules import ecrire_decimal, faits_depuis_donnees
from app.etapes.notation.rules.cout import ReglesDeCout, Situation, dresser_axe, regles_de_cout, situer
from app.infra.acces import Acteur, exiger
from app.infra.identite import Identite
from app.infra.web import SessionDep, rendre
from app.noyau.euros import Euros, arrondir
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
VOISINS = 10


@routeur.get("/dossiers/{numero}/cout", name="notation:cout", dependencies=[Depends(LIT)])
def page_cout(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """Où se place le dossier, sur un axe ; ou pourquoi il n'y a rien à comparer."""
    dossier = service.lire_dossier(session, numero, acteur)
    contexte = _contexte(session, dossier, acteur) | {
        "dossier": dossier,
        "instruit": acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id),
        "fil": (
            ("Dossiers", "/instruction"),
            (dossier.titre, f"/instruction/{dossier.numero}"),
            ("Notes", f"/dossiers/{dossier.numero}/notes"),
            ("Coût par personne", None),
        ),
    }
    return rendre(request, "notation/cout.html", contexte)


def _contexte(session: SessionDep, dossier: Dossier, acteur: Identite) -> dict[str, Any]:
    releve = lectures.get_dernier_releve(session, dossier.id)
    if releve is None:
        return {"situation": None}
    appel = appels.get_appel(session, dossier.appel_id)
    regles = _regles(grilles.lire(session, appel.grille_id))
    faits = faits_depuis_donnees(releve.faits)
    situation = situer(faits, regles)
    contexte: dict[str, Any] = {
        "appel": appel,
        "situation": situation,
        "regles": regles,
        "type_action": dire("type_action", faits.fait("type_action")),
        "charges": dire("charges_total", faits.fait("charges_total")),
        "personnes": dire("beneficiaires", faits.fait("beneficiaires")),
        "euros": en_euros,
        "decimal": ecrire_decimal,
    }
    if situation.pourquoi is None and situation.cout is not None and situation.mediane is not None:
        autres = lectures.list_couts(session, dossier, situation.type_action, acteur)
        contexte |= _comparaison(situation, situation.cout, situation.mediane, regles, autres)
    return contexte


def _regles(grille: Grille) -> ReglesDeCout | None:
    """Les règles de la première ligne qui compare les coûts ; None si aucune ne le fait."""
    trouvees = (regles_de_cout(grille, ligne.code) for ligne in grille.lignes)
    return next((regles for regles in trouvees if regles is not None), None)


def _comparaison(
    situation: Situation,
    cout: Fraction,
    mediane: Fraction,
    regles: ReglesDeCout | None,
    autres: list[CoutComparable],
) -> dict[str, Any]:
    axe = dresser_axe(cout, mediane, [autre.cout for autre in autres])
    moins_chers = [autre for autre in autres if autre.cout < cout]
    rang = len(moins_chers)
    return {
        "axe": axe,
        "autres": autres[:COUTS_MAX],
        "est_coupe": len(autres) > COUTS_MAX,
        "moins_chers": rang,
        "voisins": autres[max(rang - VOISINS, 0) : rang + VOISINS],
        "rapport": ecrire_decimal(situation.rapport, 2) if situation.rapport is not None else "",
        "seuils": [(seuil, seuil * mediane) for seuil in regles.seuils] if regles is not None else [],
    }


def en_euros(centimes: Fraction) -> Euros:
    """Des centimes exacts, au centime le plus proche."""
    return Euros(int(arrondir(centimes, 0)))
