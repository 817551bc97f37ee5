"""Pages de l'instruction : la liste, un dossier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.espaces.instructeur import repository
from app.espaces.instructeur.pieces import pieces_du_dossier
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.consultation import repository as consultation
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import recherche
from app.etapes.dossier.repository.referentiel import get_referentiel_garde
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import THEMES_P147
from app.etapes.dossier.rules.clair import contenu_en_clair
from app.etapes.dossier.rules.complement import etat_du_complement
from app.etapes.dossier.rules.etats import (
    AVANT_DECISION,
    FINALES,
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    TRANSITIONS,
    TRANSITIONS_DEMANDE,
    EtatDemande,
    EtatDossier,
    actes_possibles_demande,
)
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.recevabilite import POINTS
from app.etapes.dossier.service.echanges import INSTRUIT as ECHANGENT
from app.etapes.dossier.service.recevabilite import EXAMINE, REPRISES
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.etapes.notation.service import LIT_LES_NOTES
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.db import COMPTE_MAX
from app.infra.identite import Identite
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, Portee, Role
from app.referentiels.lignes.rules import en_phrase

E = TypeVar("E", EtatDossier, EtatDemande, repository.Complement)
routeur = APIRouter()
LIT = exiger(*ROLES_AGENT, *ROLES_COMMISSION, *ROLES_LECTURE)
CONCLUSIONS = (
    ("declarer_recevable", "recevable", "Recevable"),
    ("declarer_irrecevable", "irrecevable", "Irrecevable"),
    ("declarer_hors_champ", "hors_champ", "Hors champ de cette ligne"),
    ("orienter", "orientee", "À orienter ailleurs"),
)
DITS_COMPLEMENT = {
    repository.Complement.RECUS: "dont un complément est arrivé, sur vos lignes encore à l’étude",
    repository.Complement.ATTENDUS: "dont un complément est attendu, sur vos lignes encore à l’étude",
}
LIBELLES_ACTES = {t.acte: t.libelle for t in TRANSITIONS} | {t.acte: t.libelle for t in TRANSITIONS_DEMANDE}


def _parmi(enumeration: type[E], texte: str) -> E | None:
    return next((membre for membre in enumeration if membre.value == texte), None)


def _appel_courant(session: SessionDep, acteur: Identite, code: str) -> tuple[Appel, list[Appel]]:
    contrats = acteur.contrats(ROLES_AGENT | ROLES_COMMISSION | ROLES_LECTURE)
    liste = list(appels.list_appels(session, contrats))
    choisi = next((a for a in liste if a.code == code), None) if code else appels.appel_de_travail(liste)
    if choisi is None:
        raise Introuvable("Aucun appel n’est ouvert à votre lecture.")
    return choisi, liste


@routeur.get("/instruction", name="instruction", dependencies=[Depends(LIT)])
def page_liste(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    appel: Annotated[str, Query()] = "",
    etat: Annotated[str, Query()] = "",
    ligne: Annotated[str, Query()] = "",
    etat_demande: Annotated[str, Query()] = "",
    quartier: Annotated[str, Query()] = "",
    objectif: Annotated[str, Query()] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    complement: Annotated[str, Query(max_length=20)] = "",
    apres: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """La liste des dossiers : filtres, recherche, comptes par état, note et état par ligne."""
    courant, tous = _appel_courant(session, acteur, appel)
    listes = repository.choix(session, courant)
    filtres = recherche.Filtres(
        appel=courant.code, etat=_parmi(EtatDossier, etat), ligne=ligne, etat_demande=_parmi(EtatDemande, etat_demande),
        quartier=quartier, objectif=objectif, q=q,
    )  # fmt: skip
    tas = _parmi(repository.Complement, complement)
    if tas is not None:
        trouve = _complements(session, acteur, courant, tas, listes)
    else:
        trouve = _trouves(session, acteur, filtres, apres) | {"restriction": restriction(filtres, listes)}
    parametres = {
        "appel": courant.code, "etat": etat, "ligne": ligne, "etat_demande": etat_demande, "quartier": quartier,
        "objectif": objectif, "q": q,
    }  # fmt: skip
    suivant = trouve["trouves"].suivant
    contexte = trouve | {
        "appel": courant,
        "appels": tous,
        "demandes": repository.demandes_lues(
            session, [t.id for t in trouve["trouves"].elements], courant.annee, lecteur=acteur.acteur
        ),
        "choix": listes,
        "lit_les_notes": acteur.tient(*LIT_LES_NOTES, contrat_id=courant.contrat_id),
        "etats": [(e.value, LIBELLES_DOSSIER[e].agent) for e in EtatDossier if e is not EtatDossier.BROUILLON],
        "etats_demande": [(e.value, LIBELLES_DEMANDE[e].agent) for e in EtatDemande],
        "libelles": LIBELLES_DEMANDE,
        "libelles_dossier": LIBELLES_DOSSIER,
        "parametres": parametres,
        "tas": tas,
        "etat_choisi": filtres.etat,
        "par_etat": {e: _adresse(parametres, etat=e.value) for e in EtatDossier},
        "tous_etats": _adresse(parametres, etat=""),
        "suivant": _adresse(parametres, apres=suivant) if suivant else None,
        "debut": _adresse(parametres) if apres else None,
    }
    gabarit = "espaces/instructeur/_liste.html" if "hx-request" in request.headers else "espaces/instructeur/liste.html"
    return rendre(request, gabarit, contexte, entetes={"Vary": "HX-Request"})


def _trouves(session: SessionDep, acteur: Identite, filtres: recherche.Filtres, apres: str) -> dict[str, Any]:
    """Une page de la liste. `total` compte les mêmes dossiers qu'elle ; `ensemble`, ceux de tous les états."""
    comptes = recherche.compter_par_etat(session, acteur, filtres)
    retenus = comptes.values() if filtres.etat is None else (comptes.get(filtres.etat, 0),)
    return {
        "trouves": recherche.rechercher(session, acteur, filtres, apres),
        "comptes": [(e, LIBELLES_DOSSIER[e], comptes[e]) for e in EtatDossier if comptes.get(e)],
        "total": sum(min(n, COMPTE_MAX) for n in retenus),
        "plus_de": any(n > COMPTE_MAX for n in retenus),
        "ensemble": sum(min(n, COMPTE_MAX) for n in comptes.values()),
        "ensemble_plus_de": any(n > COMPTE_MAX for n in comptes.values()),
    }


def _complements(
    session: SessionDep, acteur: Identite, appel: Appel, tas: repository.Complement, choix: repository.Choix
) -> dict[str, Any]:
    """Les dossiers d'un tas de la corbeille, sur les lignes que la personne instruit : ceux de la tuile."""
    lignes = acteur.cibles(Portee.LIGNE, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
    trouves, plus_de = repository.rechercher_complements(session, acteur, lignes, appel.id, tas)
    financeurs = ", ".join(choix.financeurs.get(code, code) for code in sorted(lignes))
    return {
        "trouves": trouves,
        "comptes": [],
        "total": len(trouves.elements),
        "plus_de": plus_de,
        "restriction": f"{DITS_COMPLEMENT[tas]} ({financeurs})" if financeurs else DITS_COMPLEMENT[tas],
    }


def restriction(filtres: recherche.Filtres, choix: repository.Choix) -> str:
    """Ce que les filtres retiennent, à lire après « sous ce filtre : les dossiers » ; vide sans filtre."""
    dits = []
    if filtres.ligne or filtres.etat_demande is not None:
        dits.append(_demande_dite(filtres, choix))
    if filtres.etat is not None:
        dits.append(f"dont l’état est « {LIBELLES_DOSSIER[filtres.etat].agent} »")
    if filtres.quartier:
        dits.append(f"du quartier {choix.noms_quartiers.get(filtres.quartier, filtres.quartier)}")
    if filtres.objectif:
        dits.append(f"de l’objectif {filtres.objectif}")
    if filtres.q.strip():
        dits.append(f"qui répondent à « {filtres.q.strip()} »")
    return ", ".join(dits)


def _demande_dite(filtres: recherche.Filtres, choix: repository.Choix) -> str:
    etat = f" « {LIBELLES_DEMANDE[filtres.etat_demande].agent} »" if filtres.etat_demande is not None else ""
    aupres = f" auprès {en_phrase(choix.financeurs.get(filtres.ligne, filtres.ligne)).de}" if filtres.ligne else ""
    return f"qui ont une demande{etat}{aupres}"


def _adresse(parametres: Mapping[str, str], **change: str) -> str:
    """L'adresse de la liste, filtres gardés, sauf ceux qu'on change."""
    return "/instruction?" + urlencode({cle: v for cle, v in (dict(parametres) | change).items() if v})


def contexte_dossier(
    session: SessionDep, acteur: Identite, dossier: Dossier, maintenant: datetime, saisie: dict[str, Any]
) -> dict[str, Any]:
    """Tout ce que la page d'un dossier attend. `saisie` : ce qu'un formulaire refusé avait reçu."""
    cadre = repository.cadre_lu(session, dossier)
    contenu = cadre.contenu
    referentiel = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    suivies = repository.demandes_suivies(session, dossier.id, acteur.acteur)
    lues = [lue for lue, _ in suivies]
    avis = consultation.avis_courants(session, [dossier.id]).get(dossier.id, ())
    instruit = bool(roles_sur_dossier(acteur, dossier) & ECHANGENT)
    actes = {d.id: actes_possibles_demande(d.etat, acteur.roles_sur_ligne(dossier.contrat_id, d.code)) for d in lues}
    return {
        "dossier": dossier,
        "porteur": cadre.porteur,
        "a_confirmer": cadre.a_confirmer,
        "sections": contenu_en_clair(contenu, referentiel),
        "budget": lire_budget(contenu, cadre.annee),
        "demandes": lues,
        "suivis": {lue.id: suivi for lue, suivi in suivies},
        "conclusions": {
            cle: [(code, mot) for acte, code, mot in CONCLUSIONS if acte in {t.acte for t in valeurs}]
            for cle, valeurs in actes.items()
        },
        "reprises": {cle: [t for t in valeurs if t.acte in REPRISES] for cle, valeurs in actes.items()},
        "portees": {d.id for d in lues if Role.SOUS_PREFECTURE in acteur.roles_sur_ligne(dossier.contrat_id, d.code)},
        "themes_p147": THEMES_P147,
        "avis": avis,
        "complements": [
            (c, etat_du_complement(c.echeance_le, c.recue_le, maintenant))
            for c in dossiers.list_complements(session, dossier.id)
        ],
        "passages": dossiers.list_passages(session, dossier.id),
        "libelles_actes": LIBELLES_ACTES,
        "libelles": LIBELLES_DEMANDE,
        "libelle": LIBELLES_DOSSIER[dossier.etat],
        "points": [(p.code, p.libelle) for p in POINTS],
        "instruit": bool(acteur.cibles(Portee.LIGNE, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)),
        "lignes_instruites": sorted(
            {
                (d.code, f"{d.financeur} — {d.intitule}")
                for d in lues
                if d.etat in AVANT_DECISION and acteur.roles_sur_ligne(dossier.contrat_id, d.code) & EXAMINE
            }
        ),
        "peut_clore": dossier.etat in {EtatDossier.DEPOSE, EtatDossier.A_COMPLETER}
        and all(d.etat in FINALES for d in lues)
        and acteur.tient(Role.CHARGE_MISSION, contrat_id=dossier.contrat_id),
        "etapes_formulaire": [(s.value, s.libelle) for s in Section],
        "echange": instruit,
        "pieces": pieces_du_dossier(session, dossier, maintenant) if instruit else None,
        "rang": cadre.rang,
        "saisie": saisie,
        "fil": (("Dossiers", f"/instruction?appel={cadre.appel}"), (dossier.titre, None)),
    }


@routeur.get("/instruction/{numero}", name="instruction:dossier", dependencies=[Depends(LIT)])
def page_dossier(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    maintenant: Maintenant,
    acte: Annotated[str, Query(max_length=60)] = "",
    ligne: Annotated[str, Query(max_length=60)] = "",
    annee: Annotated[int, Query(ge=0, le=9999)] = 0,
) -> Response:
    """Un dossier déposé et tout ce que les étapes en disent ; `acte`, `ligne`, `annee` : le formulaire à ouvrir."""
    dossier = dossiers.get_dossier(session, numero, acteur)
    saisie = {"acte": acte, "ligne": ligne, "annee": annee}
    contexte = contexte_dossier(session, acteur, dossier, maintenant, saisie)
    return rendre(request, "espaces/instructeur/dossier.html", contexte)
