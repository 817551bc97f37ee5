"""Page : mon compte ; changer son nom, son mot de passe, fermer ses sessions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import heure_machine
from app.infra.envoi import EnvoiDep, Page, renommer
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, rendre, transaction_a_part
from app.noyau.erreurs import SaisieInvalide
from app.referentiels.acteurs import service
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.rules.comptes import appareil
from app.referentiels.acteurs.schemas.comptes import FormulaireMotDePasse, FormulaireNom
from app.referentiels.acteurs.service import inscriptions, sessions

routeur = APIRouter()
NOM_CHANGE = annoncer("nom-change", "Votre nom est changé.")
MOT_DE_PASSE_CHANGE = annoncer(
    "mot-de-passe-change", "Votre mot de passe est changé. Vos autres sessions sont fermées."
)
SESSION_FERMEE = annoncer("session-fermee", "La session est fermée : cet appareil devra se reconnecter.")
SESSIONS_FERMEES = annoncer("sessions-fermees", "Toutes vos autres sessions sont fermées.")


def _contexte(session: SessionDep, acteur: Identite, saisie: dict[str, str]) -> dict[str, Any]:
    ouvertes = lectures.list_sessions(session, acteur.compte_id, heure_machine())
    return {
        "courriel": acteur.courriel,
        "saisie": {"nom_affiche": acteur.nom, **saisie},
        "sessions": [
            {
                "code": sessions.code_public(s.empreinte), "appareil": appareil(s.agent), "vue_at": s.vue_at,
                "cree_at": s.cree_at, "est_celle_ci": s.empreinte == acteur.empreinte_session,
            }
            for s in ouvertes
        ],
    }  # fmt: skip


@routeur.get("/compte", name="compte", dependencies=[Depends(exiger())])
def page_compte(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Son nom, son mot de passe, ses sessions, ses jetons."""
    return rendre(request, "acteurs/compte.html", _contexte(session, acteur, {}))


@routeur.post("/compte/nom", name="compte:nom", dependencies=[Depends(exiger())])
def changer_de_nom(envoi: EnvoiDep) -> Response:
    """Change le nom affiché."""

    def page() -> Page:
        return "acteurs/compte.html", _contexte(envoi.session, envoi.acteur, envoi.saisie)

    with envoi.sinon(page):
        donnees = valider(FormulaireNom, envoi.formulaire.en_dict())
        inscriptions.changer_de_nom(envoi.session, envoi.acteur, donnees.nom_affiche, maintenant=envoi.maintenant)
    return envoi.vers("compte", fait=NOM_CHANGE)


@routeur.post("/compte/mot-de-passe", name="compte:mot_de_passe", dependencies=[Depends(exiger())])
def changer_de_mot_de_passe(envoi: EnvoiDep) -> Response:
    """Change le mot de passe ; un mauvais mot de passe actuel compte comme un échec de connexion."""
    machine = heure_machine()

    def page() -> Page:
        return "acteurs/compte.html", _contexte(envoi.session, envoi.acteur, {})

    with envoi.sinon(page, renommer(mot_de_passe="nouveau")):
        donnees = valider(FormulaireMotDePasse, envoi.formulaire.en_dict())
        try:
            inscriptions.changer_de_mot_de_passe(
                envoi.session, envoi.acteur, actuel=donnees.actuel, nouveau=donnees.nouveau,
                confirmation=donnees.confirmation, machine=machine, maintenant=envoi.maintenant,
            )  # fmt: skip
        except SaisieInvalide as erreur:
            if any(f.code == "identifiants_refuses" for f in erreur.fautes):
                with transaction_a_part(envoi.request) as a_part:
                    service.consigner_echec(a_part, envoi.acteur.courriel, machine)
            raise
    return envoi.vers("compte", fait=MOT_DE_PASSE_CHANGE)


@routeur.post("/compte/sessions/{lien}/fermeture", name="compte:fermer_session", dependencies=[Depends(exiger())])
def fermer_une_session(request: Request, session: SessionDep, acteur: Acteur, lien: str) -> Response:
    """Ferme une de ses sessions ; la sienne mène à la connexion."""
    sessions.fermer(session, acteur.compte_id, lien, machine=heure_machine())
    return rediriger(request, "compte", fait=SESSION_FERMEE)


@routeur.post("/compte/sessions/fermeture", name="compte:fermer_sessions", dependencies=[Depends(exiger())])
def fermer_les_autres(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Ferme toutes ses sessions, sauf celle-ci."""
    sessions.fermer_toutes(session, acteur.compte_id, heure_machine(), sauf=acteur.empreinte_session)
    return rediriger(request, "compte", fait=SESSIONS_FERMEES)
