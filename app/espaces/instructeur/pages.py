"""Pages de l'instruction : la liste, un dossier, la recevabilité, la demande de complément."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.espaces.instructeur import repository
from app.espaces.instructeur.schemas import SaisieComplement, SaisieExamen
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.consultation import repository as consultation
from app.etapes.consultation.rules import synthese
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import recherche
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import Section, champs_de
from app.etapes.dossier.rules.etats import (
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    EtatDemande,
    EtatDossier,
    actes_possibles_demande,
)
from app.etapes.dossier.service import recevabilite
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Introuvable, SaisieInvalide
from app.noyau.periodes import PARIS
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, Portee, Role

E = TypeVar("E", EtatDossier, EtatDemande)
routeur = APIRouter()
LIT = exiger(*ROLES_AGENT, *ROLES_COMMISSION, *ROLES_LECTURE)
INSTRUIT = exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
POINTS = (
    ("organisation", "L’organisation existe, est à jour et a souscrit le contrat d’engagement républicain"),
    ("objectif", "L’action répond à un objectif du contrat"),
    ("territoire", "Elle s’adresse aux habitants d’un quartier prioritaire"),
    ("budget", "Le budget est équilibré et le cofinancement crédible"),
    ("bilan", "Le bilan de l’an dernier est rendu, s’il y en avait un"),
)
CONCLUSIONS = [
    ("recevable", "Recevable"),
    ("irrecevable", "Irrecevable"),
    ("hors_champ", "Hors champ de cette ligne"),
    ("orientee", "À orienter ailleurs"),
]
EXAMINE = annoncer("examen-enregistre", "L’examen est enregistré.")
COMPLEMENT = annoncer("complement-demande", "Le complément est demandé : le porteur est prévenu par courriel.")


def _parmi(enumeration: type[E], texte: str) -> E | None:
    return next((membre for membre in enumeration if membre.value == texte), None)


def _appel_courant(session: SessionDep, acteur: Identite, code: str) -> tuple[Appel, list[Appel]]:
    contrats = acteur.contrats(ROLES_AGENT | ROLES_COMMISSION | ROLES_LECTURE)
    liste = list(appels.list_appels(session, contrats))
    choisi = next((a for a in liste if a.code == code), None) if code else next(iter(liste), None)
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
    apres: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """La liste des dossiers : filtres, recherche, comptes par état, note et état par ligne."""
    courant, tous = _appel_courant(session, acteur, appel)
    filtres = recherche.Filtres(
        appel=courant.code,
        etat=_parmi(EtatDossier, etat),
        ligne=ligne,
        etat_demande=_parmi(EtatDemande, etat_demande),
        quartier=quartier,
        objectif=objectif,
        q=q,
    )
    trouves = recherche.rechercher(session, acteur, filtres, apres)
    comptes = recherche.compter_par_etat(session, acteur, filtres)
    listes = repository.choix(session, courant)
    parametres = {
        "appel": courant.code, "etat": etat, "ligne": ligne, "etat_demande": etat_demande, "quartier": quartier,
        "objectif": objectif, "q": q,
    }  # fmt: skip
    contexte = {
        "appel": courant,
        "appels": tous,
        "trouves": trouves,
        "demandes": repository.demandes_lues(session, [t.dossier.id for t in trouves.elements], courant.annee),
        "comptes": [(e, LIBELLES_DOSSIER[e], comptes[e]) for e in EtatDossier if comptes.get(e)],
        "total": sum(comptes.values()),
        "choix": listes,
        "etats": [(e.value, LIBELLES_DOSSIER[e].agent) for e in EtatDossier if e is not EtatDossier.BROUILLON],
        "libelles": LIBELLES_DEMANDE,
        "libelles_dossier": LIBELLES_DOSSIER,
        "parametres": parametres,
        "par_etat": {e: _adresse(parametres, etat=e.value) for e in EtatDossier},
        "suivant": _adresse(parametres, apres=trouves.suivant) if trouves.suivant else None,
        "debut": _adresse(parametres) if apres else None,
    }
    gabarit = "espaces/instructeur/_liste.html" if "hx-request" in request.headers else "espaces/instructeur/liste.html"
    return rendre(request, gabarit, contexte, entetes={"Vary": "HX-Request"})


def _adresse(parametres: Mapping[str, str], **change: str) -> str:
    """L'adresse de la liste, filtres gardés, sauf ceux qu'on change."""
    return "/instruction?" + urlencode({cle: v for cle, v in (dict(parametres) | change).items() if v})


def _contexte_dossier(
    session: SessionDep, acteur: Identite, dossier: Dossier, saisie: dict[str, Any]
) -> dict[str, Any]:
    cadre = repository.cadre_lu(session, dossier)
    contenu, appel = cadre.contenu, cadre.appel
    lues = repository.demandes_lues(session, [dossier.id]).get(dossier.id, ())
    avis = consultation.avis_courants(session, [dossier.id]).get(dossier.id, ())
    actes = {d.id: actes_possibles_demande(d.etat, acteur.roles_sur_ligne(dossier.contrat_id, d.code)) for d in lues}
    return {
        "dossier": dossier,
        "appel": appel,
        "porteur": cadre.porteur,
        "contenu": contenu,
        "sections": [(s, [c for c in champs_de(s) if contenu.get(c.code) not in (None, "", [])]) for s in Section],
        "budget": lire_budget(contenu, appel.annee),
        "demandes": lues,
        "actes": {cle: [t for t in valeurs if t.etape == "dossier"] for cle, valeurs in actes.items()},
        "avis": avis,
        "synthese": synthese(a.avis.degre for a in avis),
        "complements": dossiers.list_complements(session, dossier.id),
        "passages": dossiers.list_passages(session, dossier.id),
        "libelles": LIBELLES_DEMANDE,
        "libelle": LIBELLES_DOSSIER[dossier.etat],
        "points": POINTS,
        "conclusions": CONCLUSIONS,
        "instruit": bool(acteur.cibles(Portee.LIGNE, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)),
        "saisie": saisie,
        "fil": (("Dossiers", f"/instruction?appel={appel.code}"), (dossier.titre, None)),
    }


@routeur.get("/instruction/{numero}", name="instruction:dossier", dependencies=[Depends(LIT)])
def page_dossier(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """Un dossier déposé et tout ce que les étapes en disent."""
    dossier = dossiers.get_dossier(session, numero, acteur)
    return rendre(request, "espaces/instructeur/dossier.html", _contexte_dossier(session, acteur, dossier, {}))


@routeur.post(
    "/instruction/{numero}/lignes/{ligne}/{annee}/examen",
    name="instruction:examiner",
    dependencies=[Depends(INSTRUIT)],
)
def examiner(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    ligne: str,
    annee: int,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Conclut la recevabilité d'une demande."""
    try:
        donnees = valider(SaisieExamen, formulaire.en_dict(listes=("points",)))
        recevabilite.examiner(
            session, numero, ligne=ligne, annee=annee, conclusion=donnees.conclusion, motif=donnees.motif,
            points={code: code in donnees.points for code, _ in POINTS}, oriente_vers=donnees.oriente_vers,
            acteur=acteur, maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        dossier = dossiers.get_dossier(session, numero, acteur)
        saisie = {
            "ligne": ligne, "annee": annee, "conclusion": formulaire.get("conclusion"),
            "motif": formulaire.get("motif"), "oriente_vers": formulaire.get("oriente_vers"),
            "points": formulaire.liste("points"),
        }  # fmt: skip
        contexte = _contexte_dossier(session, acteur, dossier, saisie)
        refuser(request, "espaces/instructeur/dossier.html", contexte, erreur.fautes)
    return rediriger(request, "instruction:dossier", numero=numero, fait=EXAMINE)


@routeur.post("/instruction/{numero}/complements", name="instruction:complement", dependencies=[Depends(INSTRUIT)])
def demander_complement(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    formulaire: FormulaireDep,
    maintenant: Maintenant,
) -> Response:
    """Demande un complément au porteur."""
    try:
        donnees = valider(SaisieComplement, formulaire.en_dict())
        lendemain = datetime.combine(donnees.echeance + timedelta(days=1), time(), PARIS)
        recevabilite.demander_complement(
            session, numero, objet=donnees.objet, pourquoi=donnees.pourquoi, echeance_le=lendemain, acteur=acteur,
            maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        dossier = dossiers.get_dossier(session, numero, acteur)
        saisie = {nom: formulaire.get(nom) for nom in SaisieComplement.model_fields}
        contexte = _contexte_dossier(session, acteur, dossier, {"complement": saisie})
        refuser(request, "espaces/instructeur/dossier.html", contexte, erreur.fautes)
    return rediriger(request, "instruction:dossier", numero=numero, fait=COMPLEMENT)
