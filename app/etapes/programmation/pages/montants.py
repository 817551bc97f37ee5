"""Pages d'écriture : proposer ou arbitrer le montant d'une demande, depuis le tableau de sa ligne."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.rules.etats import transition_demande
from app.etapes.programmation import service
from app.etapes.programmation.pages.communs import ANNEE_MAX, ANNEE_MIN, adresse, lire_etat
from app.etapes.programmation.pages.tableaux import contexte_ligne
from app.etapes.programmation.schemas import SaisieMontant
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import Formulaire, FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import ReponseRefusee, SessionDep, annoncer, rendre
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
def proposer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
    numero: str,
    ligne: str,
    annee: Annee,
) -> Response:
    """L'instructeur propose un montant."""
    envoi = _Envoi(request, session, acteur, formulaire, numero, ligne, annee)
    return envoi.enregistrer("proposer", maintenant)


@routeur.post(
    "/dossiers/{numero}/lignes/{ligne}/{annee}/arbitrage",
    name="demande:arbitrer",
    dependencies=[Depends(exiger(*transition_demande("arbitrer").roles))],
)
def arbitrer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
    numero: str,
    ligne: str,
    annee: Annee,
) -> Response:
    """L'autorité de la ligne arbitre le montant."""
    envoi = _Envoi(request, session, acteur, formulaire, numero, ligne, annee)
    return envoi.enregistrer("arbitrer", maintenant)


def chemin_local(retour: str, defaut: str) -> str:
    """Une adresse de ce site, sans ancre ni message ; `defaut` si elle mène ailleurs."""
    parties = urlsplit(retour)
    est_locale = retour.startswith("/") and not retour.startswith(("//", "/\\")) and not parties.netloc
    if not est_locale:
        return defaut
    return adresse(parties.path, **{n: v for n, v in parse_qsl(parties.query) if n != "fait"})


class _Envoi:
    """Un montant envoyé : qui, sur quelle demande, depuis quelle page."""

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        acteur: Identite,
        formulaire: Formulaire,
        numero: str,
        ligne: str,
        annee: int,
    ) -> None:
        self.request, self.session, self.acteur, self.formulaire = request, session, acteur, formulaire
        self.numero, self.ligne, self.annee = numero, ligne, annee

    def enregistrer(self, acte: str, maintenant: Maintenant) -> Response:
        """Enregistre et revient au tableau, sur la rangée ; un refus rend le tableau, la saisie et la faute."""
        recus = self.formulaire.en_dict()
        try:
            donnees = valider(SaisieMontant, {n: v for n, v in recus.items() if n in SaisieMontant.model_fields})
            service.ACTES[acte](
                self.session, self.numero, ligne=self.ligne, annee=self.annee, montant=donnees.montant,
                motif=donnees.motif, acteur=self.acteur, maintenant=maintenant, rang_lu=donnees.rang,
            )  # fmt: skip
        except SaisieInvalide as refus:
            self._remontrer(list(refus.fautes), 422, maintenant)
        except VersionPerimee as refus:
            self._remontrer([Faute("montant", refus.message, refus.code)], 412, maintenant)
        dossier = dossiers.get_dossier(self.session, self.numero, self.acteur)
        code = appels.get_appel(self.session, dossier.appel_id).code
        retour = chemin_local(self.formulaire.get("retour"), f"/appels/{code}/programmation/{self.ligne}")
        suite = "&" if "?" in retour else "?"
        return RedirectResponse(f"{retour}{suite}fait={FAITS[acte]}#d-{self.numero}", status_code=303)

    def _remontrer(self, fautes: list[Faute], statut: int, maintenant: datetime) -> NoReturn:
        """Rend le tableau d'où vient l'envoi, la saisie telle quelle et la faute à côté de son champ."""
        dossier = dossiers.get_dossier(self.session, self.numero, self.acteur)
        demande = dossiers.get_demande(self.session, dossier, self.ligne, self.annee)
        appel = appels.get_appel(self.session, dossier.appel_id)
        motif = self.formulaire.get("motif")
        if not motif.strip() and all(f.champ != "motif" for f in fautes):
            fautes.append(Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige"))
        parties = urlsplit(chemin_local(self.formulaire.get("retour"), ""))
        du_tableau = parties.path == f"/appels/{appel.code}/programmation/{self.ligne}"
        etat = lire_etat(dict(parse_qsl(parties.query)) if du_tableau else {"annee": str(self.annee)}, appel.annee)
        contexte: dict[str, Any] = contexte_ligne(
            self.session, self.acteur, appel, self.ligne, etat, maintenant, garder=demande.id
        )
        contexte["saisies"] = {self.numero: {"montant": self.formulaire.get("montant"), "motif": motif}}
        contexte["erreurs"] = tuple(
            Faute(f"{f.champ}-{self.numero}" if f.champ in {"montant", "motif"} else "", f.message, f.code)
            for f in fautes
        )
        raise ReponseRefusee(rendre(self.request, "programmation/ligne.html", contexte, statut=statut))
