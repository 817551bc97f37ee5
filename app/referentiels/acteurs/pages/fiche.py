"""Pages : la fiche d'une organisation, lue par ses membres, écrite section par section."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider_tout
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.pages import plusieurs
from app.referentiels.acteurs.pages.lieu import fil, l_organisation, tient
from app.referentiels.acteurs.pages.sections import VIDE, en_saisie, paires
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules import FormeOrganisation, verifier_identite
from app.referentiels.acteurs.rules.annuaire import est_de_droit_local
from app.referentiels.acteurs.rules.fiche import (
    Section,
    annee_des_moyens,
    masquer_iban,
    section_de,
    sections_de,
    verifier_compte,
    verifier_representant,
)
from app.referentiels.acteurs.rules.fusion import Conflit
from app.referentiels.acteurs.schemas import fiche as schemas
from app.referentiels.acteurs.service import fiche as service

routeur = APIRouter()
MEMBRE = exiger(*ROLES_PORTEUR)
ENREGISTREE = annoncer("fiche-enregistree", "C’est enregistré. La fiche sert à tous vos dossiers.")
ATTESTE = annoncer("engagement-atteste", "C’est attesté. La date et votre nom sont gardés.")
COMPTE_AJOUTE = annoncer(
    "compte-bancaire-ajoute", "Le compte est enregistré. Un courriel le dit à qui administre ou signe."
)
COMPTE_RETIRE = annoncer("compte-bancaire-retire", "Le compte est retiré de la fiche.")
FORMES = [(forme.value, forme.libelle) for forme in FormeOrganisation]
REFUS = {
    service.ECRIVENT: "Seuls un administrateur et un rédacteur de cette organisation écrivent sa fiche.",
    service.TIENNENT_LE_COMPTE: "Seuls un administrateur et un signataire de cette organisation peuvent le faire.",
}
Enregistrer = Callable[[Envoi, Organisation, Any], None]


def _section(code: str, organisation: Organisation) -> Section:
    try:
        section = Section(code)
    except ValueError:
        section = None
    if section is None or section not in sections_de(organisation.forme):
        raise Introuvable("Cette section n’existe pas dans la fiche de cette organisation.")
    return section


@routeur.get("/organisations/{organisation}", name="organisation:fiche", dependencies=[Depends(MEMBRE)])
def page_fiche(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, maintenant: Maintenant
) -> Response:
    """Toute la fiche, ce qui lui manque, et qui peut écrire quoi."""
    trouvee = l_organisation(session, acteur, organisation)
    aujourd_hui = a_paris(maintenant).date()
    lue = lectures.lire(session, trouvee, aujourd_hui, maintenant)
    manques: dict[Section, list[str]] = {}
    for faute in service.manques_de(lue, aujourd_hui):
        manques.setdefault(section_de(faute), []).append(faute.message)
    montre = tient(acteur, trouvee, service.TIENNENT_LE_COMPTE)
    parts = [
        {
            "section": section,
            "paires": paires(section, lue, montre_iban=montre),
            "ecrit": tient(acteur, trouvee, service.qui_ecrit(section)),
            "manques": manques.get(section, []),
        }
        for section in sections_de(trouvee.forme)
    ]
    contexte = {
        "organisation": trouvee, "parts": parts, "combien": sum(map(len, manques.values())), "vide": VIDE,
        "lue": lue, "administre": tient(acteur, trouvee, {Role.ADMINISTRATEUR_PORTEUR}),
        "est_administree": bool(repository.compter_administrateurs(session, trouvee.siret, maintenant)),
        "fil": (("Mes organisations", "/organisations"), (trouvee.nom, None)),
    }  # fmt: skip
    return rendre(request, "acteurs/fiche.html", contexte)


def _contexte(
    session: SessionDep, acteur: Identite, organisation: Organisation, section: Section, maintenant: datetime,
    saisie: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    aujourd_hui = a_paris(maintenant).date()
    lue = lectures.lire(session, organisation, aujourd_hui, maintenant)
    derniere = annee_des_moyens(aujourd_hui)
    rendu = en_saisie(section, lue, derniere) if saisie is None else saisie
    remplis = [r for r in range(schemas.AGREMENTS_MAX) if rendu.get(f"agrement_type_{r}")]
    return {
        "organisation": organisation, "section": section, "saisie": rendu,
        "versions": plusieurs.versions_montrees(section, rendu, est_relu=saisie is None),
        "ecrit": tient(acteur, organisation, service.qui_ecrit(section)), "formes": FORMES, "lue": lue,
        "droit_local": est_de_droit_local(organisation.code_postal) or bool(organisation.registre_tribunal),
        "annees": [(str(a), f"31 décembre {a}") for a in range(derniere, derniere - 4, -1)],
        "rangees": range(min(max(remplis, default=-1) + 3, schemas.AGREMENTS_MAX)),
        "comptes": [(c, masquer_iban(c.iban)) for c in lue.comptes],
        "fil": fil(organisation, section.libelle),
    }  # fmt: skip


@routeur.get("/organisations/{organisation}/fiche/{section}", name="organisation:section",
             dependencies=[Depends(MEMBRE)])  # fmt: skip
def page_section(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, section: str, maintenant: Maintenant
) -> Response:
    """Une section à écrire, pour qui en a le droit."""
    trouvee = l_organisation(session, acteur, organisation)
    voulue = _section(section, trouvee)
    _exiger(session, acteur, organisation, voulue)
    return rendre(request, "acteurs/fiche_section.html", _contexte(session, acteur, trouvee, voulue, maintenant))


def _exiger(session: SessionDep, acteur: Identite, code: str, section: Section) -> None:
    roles = service.qui_ecrit(section)
    l_organisation(session, acteur, code, roles=roles, refus=REFUS[roles])


@routeur.post("/organisations/{organisation}/fiche/{section}", name="organisation:ecrire",
              dependencies=[Depends(MEMBRE)])  # fmt: skip
def ecrire(envoi: EnvoiDep, organisation: str, section: str) -> Response:
    """Enregistre une section ; refusée, elle revient telle que saisie."""
    trouvee = l_organisation(envoi.session, envoi.acteur, organisation)
    voulue = _section(section, trouvee)
    _exiger(envoi.session, envoi.acteur, organisation, voulue)

    conflits: list[Conflit] = []

    def page() -> Page:
        if conflits:
            return "acteurs/fiche_conflit.html", plusieurs.contexte(envoi, trouvee, voulue, conflits)
        contexte = _contexte(envoi.session, envoi.acteur, trouvee, voulue, envoi.maintenant, dict(envoi.saisie))
        return "acteurs/fiche_section.html", contexte

    with envoi.sinon(page):
        _ECRIRE[voulue](envoi, trouvee, plusieurs.fusionner_la_saisie(envoi, trouvee, voulue, conflits))
    fait = {Section.BANQUE: COMPTE_AJOUTE, Section.ENGAGEMENT: ATTESTE}.get(voulue, ENREGISTREE)
    return envoi.vers("organisation:fiche", organisation=organisation, fait=fait)


@routeur.post("/organisations/{organisation}/comptes/{compte_id}/retrait", name="organisation:retirer_compte",
              dependencies=[Depends(exiger(Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE))])  # fmt: skip
def retirer_un_compte(envoi: EnvoiDep, organisation: str, compte_id: int) -> Response:
    """Retire un compte bancaire."""
    l_organisation(envoi.session, envoi.acteur, organisation)
    _exiger(envoi.session, envoi.acteur, organisation, Section.BANQUE)
    trouvee = l_organisation(envoi.session, envoi.acteur, organisation)
    service.retirer_compte(envoi.session, trouvee, compte_id, acteur=envoi.acteur.acteur, maintenant=envoi.maintenant)
    return envoi.vers("organisation:fiche", organisation=organisation, fait=COMPTE_RETIRE)


def _identite(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
    jour = a_paris(envoi.maintenant).date()

    def fautes(lu: schemas.FormulaireIdentite) -> list[Faute]:
        sans = [Faute("forme", "Choisissez la forme de votre organisation.", "forme_absente")] if not lu.forme else []
        return [*sans, *verifier_identite(lu.identite(organisation.siret), jour)]

    lu = valider_tout(schemas.FormulaireIdentite, brut, fautes)
    service.enregistrer_identite(
        envoi.session, organisation, lu.identite(organisation.siret), sigle=lu.sigle, site_web=lu.site_web,
        acteur=envoi.acteur.acteur, maintenant=envoi.maintenant,
    )  # fmt: skip


def _champs(section: Section, schema: type[Any]) -> Enregistrer:
    """L'enregistrement d'une section de champs simples."""

    def enregistrer(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
        lu = valider_tout(schema, brut, lambda _: ())
        valeurs = lu.valeurs() if hasattr(lu, "valeurs") else lu.model_dump()
        service.enregistrer_champs(
            envoi.session, organisation, section, valeurs, acteur=envoi.acteur.acteur, maintenant=envoi.maintenant
        )

    return enregistrer


def _representant(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
    lu = valider_tout(schemas.FormulaireRepresentant, brut, lambda r: verifier_representant(r.model_dump()))
    service.enregistrer_representant(
        envoi.session, organisation, lu.model_dump(), acteur=envoi.acteur.acteur, maintenant=envoi.maintenant
    )


def _moyens(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
    lu = valider_tout(schemas.FormulaireMoyens, brut, lambda m: m.verifier())
    service.enregistrer_moyens(
        envoi.session, organisation, lu.annee or 0, lu.moyens(), acteur=envoi.acteur.acteur, maintenant=envoi.maintenant
    )


def _banque(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
    lu = valider_tout(schemas.FormulaireBanque, brut, lambda b: verifier_compte(b.compte()))
    service.ajouter_compte(
        envoi.session, organisation, lu.compte(), url_publique=envoi.request.app.state.config.url_publique, **envoi.qui
    )


def _engagement(envoi: Envoi, organisation: Organisation, brut: dict[str, Any]) -> None:
    lu = valider_tout(schemas.FormulaireEngagement, brut, lambda _: ())
    service.attester(envoi.session, organisation, qualite=lu.qualite, est_atteste=lu.atteste == "oui", **envoi.qui)


_ECRIRE: dict[Section, Enregistrer] = {
    Section.IDENTITE: _identite,
    Section.ADRESSES: _champs(Section.ADRESSES, schemas.FormulaireAdresses),
    Section.REPRESENTANT: _representant,
    Section.CONTACT: _champs(Section.CONTACT, schemas.FormulaireContact),
    Section.ADMINISTRATION: _champs(Section.ADMINISTRATION, schemas.FormulaireRelations),
    Section.RESEAUX: _champs(Section.RESEAUX, schemas.FormulaireReseaux),
    Section.MOYENS: _moyens,
    Section.BANQUE: _banque,
    Section.ENGAGEMENT: _engagement,
}
