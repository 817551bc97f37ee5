"""Pages d'écriture : proposer ou arbitrer le montant d'une demande, depuis le tableau de sa ligne."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Depends, Path
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.rules.etats import transition_demande
from app.etapes.programmation import service
from app.etapes.programmation.pages.communs import ANNEE_MAX, ANNEE_MIN, adresse, lire_etat
from app.etapes.programmation.pages.tableaux import contexte_ligne
from app.etapes.programmation.schemas import SaisieMontant
from app.infra.acces import exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import Formulaire, valider
from app.infra.web import annoncer
from app.noyau.erreurs import Faute, SaisieInvalide, VersionPerimee

routeur = APIRouter()
PROPOSE = annoncer("montant-propose", "Le montant proposé est enregistré.")
ARBITRE = annoncer("montant-arbitre", "Le montant arbitré est enregistré.")
FAITS = {"proposer": PROPOSE, "arbitrer": ARBITRE}
Annee = Annotated[int, Path(ge=ANNEE_MIN, le=ANNEE_MAX)]


@routeur.post(
    "/dossiers/{numero}/lignes/{ligne}/{annee}/proposition",
    name="demande:proposer",
    dependencies=[Depends(exiger(*transition_demande("proposer").roles))],
)
def proposer(envoi: EnvoiDep, numero: str, ligne: str, annee: Annee) -> Response:
    """L'instructeur propose un montant."""
    return _enregistrer(envoi, "proposer", numero, ligne, annee)


@routeur.post(
    "/dossiers/{numero}/lignes/{ligne}/{annee}/arbitrage",
    name="demande:arbitrer",
    dependencies=[Depends(exiger(*transition_demande("arbitrer").roles))],
)
def arbitrer(envoi: EnvoiDep, numero: str, ligne: str, annee: Annee) -> Response:
    """L'autorité de la ligne arbitre le montant."""
    return _enregistrer(envoi, "arbitrer", numero, ligne, annee)


def chemin_local(retour: str, defaut: str) -> str:
    """Une adresse de ce site, sans ancre ni message ; `defaut` si elle mène ailleurs."""
    parties = urlsplit(retour)
    est_locale = retour.startswith("/") and not retour.startswith(("//", "/\\")) and not parties.netloc
    if not est_locale:
        return defaut
    return adresse(parties.path, **{n: v for n, v in parse_qsl(parties.query) if n != "fait"})


def _enregistrer(envoi: Envoi, acte: str, numero: str, ligne: str, annee: int) -> Response:
    """Enregistre et revient au tableau, sur la rangée ; un refus rend le tableau, la saisie et la faute."""
    with envoi.sinon(lambda: _tableau(envoi, numero, ligne, annee), lambda f, _: _de_la_rangee(f, numero)):
        donnees = _lire(envoi.formulaire)
        service.ACTES[acte](
            envoi.session, numero, ligne=ligne, annee=annee, montant=donnees.montant, motif=donnees.motif,
            rang_lu=donnees.rang, **envoi.qui,
        )  # fmt: skip
    dossier = dossiers.get_dossier(envoi.session, numero, envoi.acteur)
    code = appels.get_appel(envoi.session, dossier.appel_id).code
    retour = chemin_local(envoi.formulaire.get("retour"), f"/appels/{code}/programmation/{ligne}")
    suite = "&" if "?" in retour else "?"
    return RedirectResponse(f"{retour}{suite}fait={FAITS[acte]}#d-{numero}", status_code=303)


def _lire(formulaire: Formulaire) -> SaisieMontant:
    """Le montant et son motif. Lève SaisieInvalide, un motif absent avec le reste."""
    recus = formulaire.en_dict()
    try:
        return valider(SaisieMontant, {n: v for n, v in recus.items() if n in SaisieMontant.model_fields})
    except SaisieInvalide as refus:
        sans_motif = [] if "motif" in recus else [Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige")]
        raise SaisieInvalide([*refus.fautes, *sans_motif]) from None


def _de_la_rangee(faute: Faute, numero: str) -> Faute:
    """Au champ de sa rangée ; le montant, s'il a changé entre-temps."""
    champ = "montant" if faute.code == VersionPerimee.code else faute.champ
    return Faute(f"{champ}-{numero}" if champ in {"montant", "motif"} else "", faute.message, faute.code)


def _tableau(envoi: Envoi, numero: str, ligne: str, annee: int) -> Page:
    """Le tableau d'où vient l'envoi, la saisie telle quelle."""
    dossier = dossiers.get_dossier(envoi.session, numero, envoi.acteur)
    demande = dossiers.get_demande(envoi.session, dossier, ligne, annee)
    appel = appels.get_appel(envoi.session, dossier.appel_id)
    parties = urlsplit(chemin_local(envoi.formulaire.get("retour"), ""))
    du_tableau = parties.path == f"/appels/{appel.code}/programmation/{ligne}"
    etat = lire_etat(dict(parse_qsl(parties.query)) if du_tableau else {"annee": str(annee)}, appel.annee)
    contexte: dict[str, Any] = contexte_ligne(
        envoi.session, envoi.acteur, appel, ligne, etat, envoi.maintenant, garder=demande.id
    )
    tape = {nom: envoi.formulaire.get(nom) for nom in ("montant", "motif")}
    return "programmation/ligne.html", contexte | {"saisies": {numero: tape}}
