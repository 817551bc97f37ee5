"""Pages : les membres d'une organisation ; inviter, annuler une invitation, retirer un rôle."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.forms import FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Compte, HabilitationCompte, Organisation
from app.referentiels.acteurs.pages.lieu import fil, l_organisation
from app.referentiels.acteurs.repository import comptes as demandes
from app.referentiels.acteurs.rules.comptes import NatureDemande
from app.referentiels.acteurs.schemas import FormulaireInvitation
from app.referentiels.acteurs.schemas.comptes import FormulaireSuiteAcces
from app.referentiels.acteurs.service import habilitations, liens, relais

routeur = APIRouter()
FAITS = {
    liens.Suite.HABILITE: annoncer("membre-habilite", "C’est fait : cette personne a accès. Un courriel le lui dit."),
    liens.Suite.INVITE: annoncer("membre-invite", "L’invitation part par courriel. Elle vaut sept jours."),
}
DESINVITE = annoncer("membre-desinvite", "L’invitation est annulée : son lien ne sert plus.")
RETIRE = annoncer("membre-retire", "Ce rôle est retiré.")
ECARTEE = annoncer("demande-ecartee", "La demande est écartée : cette personne n’a accès à rien.")
ROLES = [
    (Role.REDACTEUR.value, "Rédacteur : écrit les dossiers"),
    (Role.SIGNATAIRE.value, "Signataire : signe et dépose, pour le représentant légal"),
    (Role.LECTEUR_PORTEUR.value, "Lecteur : voit tout, ne change rien"),
    (Role.ADMINISTRATEUR_PORTEUR.value, "Administrateur : écrit les dossiers, invite et retire des personnes"),
]
ADMINISTRE = exiger(Role.ADMINISTRATEUR_PORTEUR)


def _organisation(session: SessionDep, acteur: Identite, code: str, *, administre: bool = False) -> Organisation:
    """L'organisation de ce code. Lève Introuvable si l'on n'en est pas, ActeInterdit si l'on n'administre pas."""
    roles = {Role.ADMINISTRATEUR_PORTEUR} if administre else frozenset[Role]()
    refus = "Seul un administrateur de cette organisation peut le faire."
    return l_organisation(session, acteur, code, roles=roles, refus=refus)


def _contexte(
    session: SessionDep, acteur: Identite, organisation: Organisation, maintenant: Maintenant, saisie: dict[str, str]
) -> dict[str, Any]:
    administre = organisation.id in acteur.organisations({Role.ADMINISTRATEUR_PORTEUR})
    invitations = repository.list_liens_vifs(session, heure_machine(), organisation_id=organisation.id)
    membres = repository.list_membres(session, organisation.id, maintenant)
    connus = {compte.id for _, compte in membres}
    posees = demandes.list_demandes(session, NatureDemande.ACCES, organisation_id=organisation.id) if administre else ()
    return {
        "organisation": organisation,
        "membres": membres,
        "demandes": [(demande, compte) for demande, _, compte in posees if compte.id not in connus],
        "peut_signer": any(t.role is Role.SIGNATAIRE and t.debut <= maintenant for t, _ in membres),
        "invitations": invitations if administre else (),
        "administre": administre,
        "roles": ROLES,
        "saisie": saisie,
        "maintenant": maintenant,
        "fil": fil(organisation, "Membres"),
    }


@routeur.get("/organisations/{organisation}/membres", name="membres", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def page_membres(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, maintenant: Maintenant
) -> Response:
    """Qui agit pour l'organisation ; pour son administrateur, inviter et retirer."""
    trouvee = _organisation(session, acteur, organisation)
    return rendre(request, "acteurs/membres.html", _contexte(session, acteur, trouvee, maintenant, {}))


@routeur.post("/organisations/{organisation}/membres", name="membres:inviter", dependencies=[Depends(ADMINISTRE)])
def inviter(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Invite une personne par courriel, avec un rôle."""
    trouvee = _organisation(session, acteur, organisation, administre=True)
    try:
        donnees = valider(FormulaireInvitation, formulaire.en_dict())
        invitation = liens.inviter(
            session, trouvee, courriel=donnees.courriel, role=donnees.role, acteur=acteur.acteur,
            url_publique=request.app.state.config.url_publique, machine=heure_machine(), maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        saisie = {nom: formulaire.get(nom) for nom in ("courriel", "role")}
        contexte = _contexte(session, acteur, trouvee, maintenant, saisie)
        refuser(request, "acteurs/membres.html", contexte, erreur.fautes)
    return rediriger(request, "membres", fait=FAITS[invitation.suite], organisation=trouvee.code)


@routeur.post(
    "/organisations/{organisation}/invitations/{lien}/annulation",
    name="membres:desinviter",
    dependencies=[Depends(ADMINISTRE)],
)
def desinviter(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, lien: str, maintenant: Maintenant
) -> Response:
    """Annule une invitation en attente."""
    trouvee = _organisation(session, acteur, organisation, administre=True)
    liens.annuler(session, trouvee, lien, acteur=acteur.acteur, machine=heure_machine(), maintenant=maintenant)
    return rediriger(request, "membres", fait=DESINVITE, organisation=trouvee.code)


def _tenue(session: SessionDep, organisation: Organisation, cle: int) -> tuple[HabilitationCompte, Compte]:
    tenue = repository.get_tenue(session, cle, organisation_id=organisation.id)
    if tenue is None:
        raise Introuvable("Cette personne ne tient pas ce rôle dans l’organisation.")
    return tenue


def _contexte_retrait(
    acteur: Identite, organisation: Organisation, tenue: tuple[HabilitationCompte, Compte]
) -> dict[str, Any]:
    habilitation, compte = tenue
    membres = f"/organisations/{organisation.code}/membres"
    return {
        "organisation": organisation,
        "tenue": habilitation,
        "compte": compte,
        "est_soi": compte.acteur == acteur.acteur,
        "fil": (*fil(organisation), ("Membres", membres), ("Retirer un rôle", None)),
    }


@routeur.get(
    "/organisations/{organisation}/membres/{habilitation_id}/retrait",
    name="membres:page_retirer",
    dependencies=[Depends(ADMINISTRE)],
)
def page_retirer(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, habilitation_id: int
) -> Response:
    """Confirmer qu'on retire un rôle."""
    trouvee = _organisation(session, acteur, organisation, administre=True)
    tenue = _tenue(session, trouvee, habilitation_id)
    return rendre(request, "acteurs/membre_retrait.html", _contexte_retrait(acteur, trouvee, tenue))


@routeur.post(
    "/organisations/{organisation}/membres/{habilitation_id}/retrait",
    name="membres:retirer",
    dependencies=[Depends(ADMINISTRE)],
)
def retirer(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, habilitation_id: int,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Retire un rôle à une personne de l'organisation."""
    trouvee = _organisation(session, acteur, organisation, administre=True)
    tenue = _tenue(session, trouvee, habilitation_id)
    try:
        habilitations.clore(session, *tenue, acteur=acteur.acteur, donnables=ROLES_PORTEUR, maintenant=maintenant)
    except habilitations.SansAdministrateur as refus:
        contexte = _contexte_retrait(acteur, trouvee, tenue)
        refuser(request, "acteurs/membre_retrait.html", contexte, (Faute("", refus.message, refus.code),), statut=403)
    return rediriger(request, "membres", fait=RETIRE, organisation=trouvee.code)


@routeur.post(
    "/organisations/{organisation}/demandes/{lien}/suite", name="membres:repondre", dependencies=[Depends(ADMINISTRE)]
)
def repondre(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, lien: str, formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:  # fmt: skip
    """Donne un rôle à qui demande l'accès, ou écarte sa demande."""
    trouvee = _organisation(session, acteur, organisation, administre=True)
    demande = demandes.get_demande(session, lien, NatureDemande.ACCES, organisation_id=trouvee.id)
    if demande is None:
        raise Introuvable("Cette demande n’existe pas.")
    donnees = valider(FormulaireSuiteAcces, formulaire.en_dict())
    relais.repondre_a_l_acces(
        session, trouvee, demande, role=donnees.role, acteur=acteur.acteur,
        url_publique=request.app.state.config.url_publique, maintenant=maintenant,
    )  # fmt: skip
    fait = FAITS[liens.Suite.HABILITE] if donnees.role else ECARTEE
    return rediriger(request, "membres", fait=fait, organisation=trouvee.code)
