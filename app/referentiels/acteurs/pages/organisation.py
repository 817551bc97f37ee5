"""Pages : mes organisations ; en enregistrer une depuis son SIRET ; rejoindre celle qui l'est déjà."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import FormulaireDep, valider, valider_tout
from app.infra.sirene import Etablissement, EtatLecture, Lecture
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.identifiants import normaliser_siret
from app.noyau.periodes import a_paris
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.repository.comptes import list_siennes
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.rules.annuaire import est_de_droit_local, forme_devinee
from app.referentiels.acteurs.schemas import FormulaireOrganisation
from app.referentiels.acteurs.schemas.comptes import FormulaireAcces
from app.referentiels.acteurs.service import annuaire, confirmation, relais
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat

routeur = APIRouter()
ORGANISATION_CREEE = annoncer(
    "organisation-creee", "Votre organisation est enregistrée. Vous pouvez déposer un dossier."
)
ACCES_DEMANDE = annoncer(
    "acces-demande", "Votre demande est partie. La personne qui administre l’organisation vous répondra par courriel."
)
ADRESSEE = annoncer(
    "demande-adressee", "Votre demande est partie au chargé de mission. Sa réponse viendra par courriel."
)
CHAMPS_ORGANISATION = tuple(FormulaireOrganisation.model_fields)
FORMES = [(forme.value, forme.libelle) for forme in FormeOrganisation]
SIRET_FAUX = Faute("siret", "Ce SIRET n’existe pas : vérifiez ses 14 chiffres.", "siret_invalide")


@routeur.get("/organisations", name="organisations", dependencies=[Depends(exiger())])
def page_organisations(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les organisations de la personne, et ce qu'elle y fait."""
    roles: dict[int, list[str]] = {}
    for h in acteur.habilitations:
        if h.organisation_id is not None:
            roles.setdefault(h.organisation_id, []).append(h.role.libelle)
    contexte = {
        "organisations": repository.list_organisations(session, acteur.organisations()),
        "roles": roles,
        "attendues": list_siennes(session, acteur.compte_id),
    }
    return rendre(request, "acteurs/organisations.html", contexte)


@routeur.get("/organisations/nouvelle", name="organisation:nouvelle", dependencies=[Depends(exiger())])
def page_siret(request: Request) -> Response:
    """Première étape : le SIRET, seul."""
    return rendre(request, "acteurs/organisation_siret.html", {"saisie": {}})


@routeur.get("/organisations/nouvelle/identite", name="organisation:identite", dependencies=[Depends(exiger())])
def page_identite(
    request: Request, session: SessionDep, acteur: Acteur, siret: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Seconde étape : relire ce que dit l'annuaire ; ou rejoindre l'organisation, si elle est déjà enregistrée."""
    normalise = normaliser_siret(siret)
    if normalise is None:
        refuser(request, "acteurs/organisation_siret.html", {"saisie": {"siret": siret}}, (SIRET_FAUX,))
    connue = repository.get_organisation_par_siret(session, normalise)
    if connue is not None:
        return rendre(request, "acteurs/organisation_connue.html", _contexte_connue(session, acteur, connue, {}))
    lecture = annuaire.consulter(session, request.app.state.annuaire, normalise, acteur=acteur, machine=heure_machine())
    return rendre(request, "acteurs/organisation.html", _contexte_lu(normalise, lecture))


def _contexte_connue(
    session: SessionDep, acteur: Acteur, organisation: Organisation, saisie: dict[str, str], *, conteste: bool = False
) -> dict[str, Any]:
    """`conteste` : le formulaire de contestation est ouvert."""
    return {
        "siret": organisation.siret,
        "code": organisation.code if organisation.id in acteur.organisations() else None,
        "administre": organisation.id in acteur.organisations({Role.ADMINISTRATEUR_PORTEUR}),
        "est_administree": bool(repository.compter_administrateurs(session, organisation.siret, heure_machine())),
        "contrats": [(c.code, c.intitule) for c in contrats.list_contrats(session)],
        "saisie": saisie,
        "conteste": conteste,
    }


def _contexte_lu(siret: str, lecture: Lecture) -> dict[str, Any]:
    lu = lecture.etablissement or Etablissement(siret=siret, nom="")
    forme = forme_devinee(lu.nature_juridique)
    saisie = {
        "siret": siret, "nom": lu.nom, "sigle": lu.sigle, "forme": forme.value if forme is not None else "",
        "rna": lu.rna, "adresse": lu.adresse, "code_postal": lu.code_postal, "commune": lu.commune,
    }  # fmt: skip
    return _contexte_saisi(saisie, lu.nature_juridique) | {
        "lecture": lecture,
        "indisponible": lecture.etat is EtatLecture.INDISPONIBLE,
        "inconnu": lecture.etat is EtatLecture.INCONNU,
        "ferme": lu.est_ferme,
    }


def _contexte_saisi(saisie: dict[str, str], nature_juridique: str = "") -> dict[str, Any]:
    return {
        "saisie": saisie, "formes": FORMES, "lecture": None, "indisponible": False, "inconnu": False, "ferme": False,
        "droit_local": est_de_droit_local(saisie.get("code_postal", ""), nature_juridique),
    }  # fmt: skip


@routeur.post("/organisations/nouvelle", name="organisation:creer", dependencies=[Depends(exiger())])
def creer_organisation(
    request: Request, session: SessionDep, acteur: Acteur, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Crée l'organisation ; la personne connectée en devient administratrice et signataire."""
    saisie = {nom: formulaire.get(nom) for nom in CHAMPS_ORGANISATION}
    try:
        donnees = valider_tout(
            FormulaireOrganisation, formulaire.en_dict(), lambda saisi: saisi.verifier(a_paris(maintenant).date())
        )
        organisation = service.creer_organisation(
            session, donnees.identite(), acteur=acteur.acteur, maintenant=maintenant, coordonnees=donnees.coordonnees()
        )
    except SaisieInvalide as erreur:
        refuser(request, "acteurs/organisation.html", _contexte_saisi(saisie), erreur.fautes)
    compte = repository.get_compte_par_courriel(session, acteur.courriel)
    if compte is not None:
        for role in (Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE):
            service.habiliter(
                session, compte=compte, role=role, portee=Portee.ORGANISATION, acteur=acteur.acteur,
                maintenant=maintenant, organisation_id=organisation.id,
            )  # fmt: skip
    return rediriger(request, "organisation:fiche", organisation=organisation.code, fait=ORGANISATION_CREEE)


def _connue(envoi: Envoi) -> tuple[FormulaireAcces, Organisation]:
    """L'organisation visée par une demande d'accès. Lève Introuvable."""
    donnees = valider(FormulaireAcces, envoi.formulaire.en_dict())
    organisation = repository.get_organisation_par_siret(envoi.session, normaliser_siret(donnees.siret) or "")
    if organisation is None:
        raise Introuvable("Cette organisation n’est pas enregistrée.")
    return donnees, organisation


def _contrat_choisi(envoi: Envoi, donnees: FormulaireAcces) -> Contrat:
    """Le contrat dont le chargé de mission répondra. Lève SaisieInvalide."""
    contrat = contrats.get_contrat_par_code(envoi.session, donnees.contrat)
    if contrat is None:
        raise SaisieInvalide([Faute("contrat", "Choisissez votre contrat de ville.", "contrat_inconnu")])
    return contrat


@routeur.post("/organisations/acces", name="organisation:demander_acces", dependencies=[Depends(exiger())])
def demander_l_acces(envoi: EnvoiDep) -> Response:
    """Écrit à qui administre l'organisation, sans dire qui c'est."""
    _, organisation = _connue(envoi)
    relais.demander_l_acces(
        envoi.session, organisation, url_publique=envoi.request.app.state.config.url_publique, **envoi.qui
    )
    return envoi.vers("organisations", fait=ACCES_DEMANDE)


@routeur.post("/organisations/administration", name="organisation:demander_administration",
              dependencies=[Depends(exiger())])  # fmt: skip
def demander_l_administration(envoi: EnvoiDep) -> Response:
    """Plus personne n'administre : demande au chargé de mission d'y remédier."""
    return _s_adresser_au_charge(envoi, relais.demander_l_administration)


@routeur.post("/organisations/contestation", name="organisation:contester", dependencies=[Depends(exiger())])
def contester(envoi: EnvoiDep) -> Response:
    """D'autres tiennent l'organisation à tort : demande au chargé de mission de trancher."""
    return _s_adresser_au_charge(envoi, confirmation.contester, conteste=True)


def _s_adresser_au_charge(envoi: Envoi, acte: Callable[..., None], *, conteste: bool = False) -> Response:
    donnees, organisation = _connue(envoi)

    def page() -> Page:
        contexte = _contexte_connue(envoi.session, envoi.acteur, organisation, envoi.saisie, conteste=conteste)
        return "acteurs/organisation_connue.html", contexte

    with envoi.sinon(page):
        contrat = _contrat_choisi(envoi, donnees)
        acte(
            envoi.session, organisation, contrat, motif=donnees.motif,
            url_publique=envoi.request.app.state.config.url_publique, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("organisations", fait=ADRESSEE)
