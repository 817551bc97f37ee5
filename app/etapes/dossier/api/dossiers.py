"""Routes : créer, chercher, lire, changer un dossier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import JsonValue

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository
from app.etapes.dossier.api.representation import (
    ECRITURES,
    LECTURES,
    PROBLEME,
    SANS_NUL,
    VERSIONNEES,
    montrer,
    public_de,
    resumer_dossier,
)
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import recherche
from app.etapes.dossier.repository.referentiel import get_referentiel
from app.etapes.dossier.rules.champs import champ
from app.etapes.dossier.rules.etats import (
    EtatDemande,
    EtatDossier,
)
from app.etapes.dossier.rules.lecture import Valeur, lire_json
from app.etapes.dossier.schemas import (
    DossierLu,
    DossierResume,
    Modification,
    NouveauDossier,
    OrganisationLue,
    PageDossiers,
)
from app.etapes.dossier.service import brouillon
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.errors import probleme
from app.infra.identite import Identite
from app.infra.web import ReponseRefusee, SessionDep
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs import repository as acteurs

_ETAG = re.compile(r'"(\d{1,9})"')
Filtre = Annotated[str, Query(max_length=60, pattern=SANS_NUL)]
routeur = APIRouter(prefix="/api/v1", tags=["dossiers"])


def _lire_champs(session: SessionDep, dossier: Dossier, champs: Mapping[str, JsonValue]) -> dict[str, Valeur]:
    """Les valeurs, jugées par les mêmes règles que les formulaires. Lève SaisieInvalide avec toutes les fautes."""
    domaines = get_referentiel(session, dossier.contrat_id, dossier.version_id).domaines
    valeurs: dict[str, Valeur] = {}
    fautes: list[Faute] = []
    for code, brut in champs.items():
        connu = champ(code)
        if connu is None:
            fautes.append(Faute(code, "Ce champ n’existe pas.", "champ_inconnu"))
            continue
        valeurs[code], trouvees = lire_json(connu, brut, domaines)
        fautes.extend(trouvees)
    if fautes:
        raise SaisieInvalide(fautes)
    return valeurs


@routeur.post(
    "/dossiers", name="api:dossier:creer", status_code=201, responses=ECRITURES,
    dependencies=[Depends(exiger(*ROLES_PORTEUR))],
)  # fmt: skip
def creer(
    session: SessionDep, acteur: Acteur, maintenant: Maintenant, corps: NouveauDossier, reponse: Response
) -> DossierLu:
    """Ouvre un brouillon, au besoin rempli. `ETag` porte sa version."""
    appel = appels.get_appel_par_code(session, corps.appel)
    if appel is None:
        raise SaisieInvalide([Faute("appel", "Cet appel n’existe pas.", "appel_inconnu")])
    permises = acteur.organisations(brouillon.ECRIT)
    organisation = acteurs.get_organisation_par_code(session, corps.organisation, permises)
    if organisation is None:
        raise SaisieInvalide([Faute("organisation", "Choisissez une de vos organisations.", "organisation_inconnue")])
    source = repository.get_dossier(session, corps.renouvelle, acteur) if corps.renouvelle else None
    dossier = brouillon.creer_brouillon(
        session, acteur=acteur, appel=appel, organisation=organisation, maintenant=maintenant, renouvelle=source
    )
    if corps.champs:
        valeurs = _lire_champs(session, dossier, corps.champs)
        brouillon.enregistrer(
            session, dossier.reference, valeurs, version_lue=dossier.version, acteur=acteur, maintenant=maintenant
        )
    reponse.headers["Location"] = f"/api/v1/dossiers/{dossier.reference}"
    return montrer(session, acteur, dossier, reponse, maintenant)


@routeur.get("/dossiers", name="api:dossiers", responses=LECTURES, dependencies=[Depends(exiger())])
def chercher(
    session: SessionDep,
    acteur: Acteur,
    appel: Filtre = "",
    etat: EtatDossier | None = None,
    ligne: Filtre = "",
    etat_demande: EtatDemande | None = None,
    quartier: Filtre = "",
    objectif: Filtre = "",
    q: Annotated[str, Query(max_length=200, description="Mots du titre, du porteur ou du numéro")] = "",
    apres: Annotated[str, Query(max_length=60, description="Le jeton `suivant` de la page d’avant")] = "",
    taille: Annotated[int, Query(ge=1, le=recherche.TAILLE_MAX)] = recherche.TAILLE,
) -> PageDossiers:
    """Les dossiers en vue, dernier déposé d'abord."""
    filtres = recherche.Filtres(
        appel=appel, etat=etat, ligne=ligne, etat_demande=etat_demande, quartier=quartier, objectif=objectif, q=q
    )
    trouves = recherche.rechercher(session, acteur, filtres, apres, taille)
    return PageDossiers(elements=[_resume(acteur, t) for t in trouves.elements], suivant=trouves.suivant)


def _resume(acteur: Identite, trouve: recherche.DossierTrouve) -> DossierResume:
    organisation = OrganisationLue(code=trouve.organisation, nom=trouve.organisation_nom, siret=trouve.siret)
    return DossierResume(**resumer_dossier(trouve, organisation, trouve.appel, public_de(acteur, trouve)))


@routeur.get("/dossiers/{numero}", name="api:dossier", responses=LECTURES, dependencies=[Depends(exiger())])
def lire(session: SessionDep, acteur: Acteur, numero: str, maintenant: Maintenant, reponse: Response) -> DossierLu:
    """Un dossier ; `ETag` porte sa version."""
    return montrer(session, acteur, repository.get_dossier(session, numero, acteur), reponse, maintenant)


def lire_if_match(if_match: str | None) -> int:
    """La version que porte If-Match. Lève ReponseRefusee (428) s'il manque ou ne porte pas de version."""
    trouve = _ETAG.fullmatch(if_match.strip()) if if_match is not None else None
    if trouve is None:
        detail = 'Donnez dans If-Match la version lue, telle que l’en-tête ETag la rend, par exemple "3".'
        raise ReponseRefusee(probleme(428, "version_attendue", detail))
    return int(trouve[1])


@routeur.patch(
    "/dossiers/{numero}", name="api:dossier:enregistrer", dependencies=[Depends(exiger(*ROLES_PORTEUR))],
    responses={**VERSIONNEES, 428: {**PROBLEME, "description": "If-Match est exigé"}},
)  # fmt: skip
def modifier(
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    numero: str,
    corps: Modification,
    reponse: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> DossierLu:
    """Change des champs du brouillon, si la version lue est toujours la bonne."""
    dossier = repository.get_dossier(session, numero, acteur)
    version = lire_if_match(if_match)
    valeurs = _lire_champs(session, dossier, corps.champs)
    brouillon.enregistrer(session, numero, valeurs, version_lue=version, acteur=acteur, maintenant=maintenant)
    return montrer(session, acteur, dossier, reponse, maintenant)
