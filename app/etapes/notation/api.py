"""API : notes, faits et notice d'un dossier, ajustement, grille publique d'un appel, clôture de la recevabilité."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.etapes.appel import repository as appels
from app.etapes.appel.rules import Orientations
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository, service
from app.etapes.notation.models import DemandeNotice
from app.etapes.notation.repository import NoteLue, travaux
from app.etapes.notation.repository.notices import compter_notices
from app.etapes.notation.rules import Note, faits_vers_donnees, note_vers_donnees, valeur_depuis_json
from app.etapes.notation.rules.notice_donnees import notice_vers_donnees
from app.etapes.notation.schemas import (
    EssaiEntrant,
    FaitsEntrants,
    LectureDemandee,
    LectureRendue,
    SaisieAjustement,
    SaisieDemandeNotice,
    SaisieRemiseNotice,
    VerificationEntrante,
)
from app.etapes.notation.service import notice as notices
from app.infra.acces import PUBLIQUE, Acteur, Visiteur, exiger
from app.infra.clock import Maintenant
from app.infra.web import SessionDep
from app.noyau.erreurs import ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.grilles import repository as grilles
from app.referentiels.grilles.rules.differences import differences

routeur = APIRouter(prefix="/api/v1", tags=["notation"])
LIT = exiger(*service.LIT_LES_NOTES)
INSTRUIT = exiger(*EXAMINE)
CONDUIT = exiger(Role.CHARGE_MISSION)


def _montrer(lue: NoteLue, note: Note) -> dict[str, Any]:
    return {
        "rang": lue.note.rang,
        "calculee_le": lue.note.a.isoformat(),
        "empreinte": lue.note.empreinte,
        **note_vers_donnees(note),
        "faits_a_demander": list(note.faits_a_demander),
    }


@routeur.get("/dossiers/{numero}/notes", name="api:notes", dependencies=[Depends(LIT)])
def list_notes(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """Une entrée par ligne : la note et ses lignes motivées, ou pourquoi il n'y en a pas."""
    dossier = service.lire_dossier(session, numero, acteur)
    elements = []
    for vue in service.list_lignes_vues(session, dossier, acteur.acteur):
        element: dict[str, Any] = {"ligne": vue.code, "annee": vue.demande.annee, "etat": vue.demande.etat.value}
        if vue.lue is not None and vue.note is not None:
            element["note"] = _montrer(vue.lue, vue.note)
        elif vue.a_lire:
            element["motif"] = "Une seconde lecture vous est demandée : la note se montre quand vous l’avez rendue."
        elif vue.motif:
            element["motif"] = vue.motif
        elements.append(element)
    return {"dossier": dossier.numero, "elements": elements, "suivant": None}


@routeur.get("/dossiers/{numero}/faits", name="api:faits", dependencies=[Depends(INSTRUIT)])
def list_faits(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """Les faits à noter : valeur et statut ; un fait absent manque."""
    dossier = service.lire_dossier(session, numero, acteur)
    return {
        "dossier": dossier.numero,
        "faits": faits_vers_donnees(repository.faits_du_dossier(session, [dossier.id])[dossier.id]),
    }


@routeur.post("/dossiers/{numero}/faits", name="api:etablir_faits", dependencies=[Depends(INSTRUIT)])
def etablir_faits(
    session: SessionDep, acteur: Acteur, numero: str, entree: FaitsEntrants, maintenant: Maintenant
) -> dict[str, Any]:
    """Établit des faits : vérifiés, ou corrigés avec motif. Tous ou aucun."""
    statuts = {}
    for rang, fait in enumerate(entree.faits):
        valeur = valeur_depuis_json(fait.code, fait.valeur)
        if valeur is None:
            raise SaisieInvalide(
                [Faute(f"faits.{rang}", "Fait inconnu, ou valeur qui n’a pas sa forme.", "fait_invalide")]
            )
        statuts[fait.code] = service.etablir_fait(
            session, numero, fait.code, valeur, motif=fait.motif, acteur=acteur, maintenant=maintenant
        ).value
    return {"dossier": numero, "faits": statuts}


@routeur.post("/dossiers/{numero}/faits/verifier", name="api:verifier_faits", dependencies=[Depends(INSTRUIT)])
def verifier_faits(
    session: SessionDep, acteur: Acteur, numero: str, entree: VerificationEntrante, maintenant: Maintenant
) -> dict[str, Any]:
    """Confirme tels quels des faits déclarés ; sans codes, tous."""
    codes = entree.codes
    if not codes:
        dossier = service.lire_dossier(session, numero, acteur)
        codes = list(repository.faits_du_dossier(session, [dossier.id])[dossier.id].faits)
    verifies = service.verifier_faits(session, numero, codes, acteur=acteur, maintenant=maintenant)
    return {"dossier": numero, "verifies": verifies}


@routeur.post(
    "/dossiers/{numero}/notes/{ligne}/ajuster", name="api:ajuster", status_code=201, dependencies=[Depends(INSTRUIT)]
)
def ajuster(
    session: SessionDep, acteur: Acteur, numero: str, ligne: str, entree: SaisieAjustement, maintenant: Maintenant
) -> dict[str, Any]:
    """Ajuste un critère, avec motif ; rend la note de rang suivant."""
    lue = service.ajuster(
        session, numero, ligne, critere=entree.critere, taux_pour_cent=entree.taux_pour_cent, motif=entree.motif,
        acteur=acteur, maintenant=maintenant, rang=entree.rang,
    )  # fmt: skip
    return {"dossier": numero, "ligne": ligne, "note": _montrer(lue, service.relire(session, lue))}


@routeur.get("/appels/{code}/grille", name="api:grille", dependencies=[Depends(PUBLIQUE)])
def lire_grille(session: SessionDep, visiteur: Visiteur, code: str) -> dict[str, Any]:
    """La grille épinglée à l'appel : version, empreinte, contenu ; les priorités de l'appel, ligne par ligne."""
    appel = service.get_appel_publie(session, code, visiteur)
    grille = grilles.get_grille(session, appel.grille_id)
    priorites = Orientations.depuis(appel.orientations).en_donnees().get("priorites", {})
    return {
        "appel": appel.code,
        "version": grille.version,
        "empreinte": grille.empreinte,
        "priorites": priorites,
        "grille": grille.contenu,
    }


@routeur.post(
    "/appels/{code}/clore_recevabilite",
    name="api:clore_recevabilite",
    dependencies=[Depends(exiger(Role.CHARGE_MISSION))],
)
def clore_recevabilite(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> dict[str, Any]:
    """Fige les coûts médians et fait renoter l'appel."""
    appel = service.clore_recevabilite(session, code, acteur=acteur, maintenant=maintenant)
    return {"appel": appel.code, "recevabilite_close_le": maintenant.isoformat(), "medianes": appel.medianes}


# --- la seconde lecture -----------------------------------------------------------------------------------------------


@routeur.post(
    "/dossiers/{numero}/notes/{ligne}/lectures",
    name="api:demander_lecture",
    status_code=201,
    dependencies=[Depends(INSTRUIT)],
)
def demander_lecture(
    session: SessionDep, acteur: Acteur, numero: str, ligne: str, entree: LectureDemandee, maintenant: Maintenant
) -> dict[str, Any]:
    """Confie une seconde lecture à une personne qui instruit la ligne ; sans `lecteur`, à soi."""
    lecture = service.demander_lecture(
        session, numero, ligne, lecteur=entree.lecteur or acteur.acteur, acteur=acteur, maintenant=maintenant
    )
    return {"dossier": numero, "ligne": ligne, "lecteur": lecture.acteur}


@routeur.get("/dossiers/{numero}/notes/{ligne}/lecteurs", name="api:lecteurs", dependencies=[Depends(INSTRUIT)])
def list_lecteurs(
    session: SessionDep, acteur: Acteur, numero: str, ligne: str, maintenant: Maintenant
) -> dict[str, Any]:
    """Les personnes à qui une seconde lecture peut être confiée, soi excepté."""
    dossier = service.lire_dossier(session, numero, acteur)
    if not service.peut_ajuster(acteur, dossier, ligne):
        raise ActeInterdit(f"La seconde lecture revient aux personnes qui instruisent la ligne {ligne}.")
    vue = service.ligne_vue(session, dossier, ligne, acteur.acteur)
    possibles = service.lecteurs_possibles(session, dossier, vue.demande, ligne, maintenant)
    autres = [compte for compte in possibles if compte.acteur != acteur.acteur]
    return {"elements": [{"lecteur": c.acteur, "nom": c.nom_affiche} for c in autres], "suivant": None}


@routeur.post("/dossiers/{numero}/notes/{ligne}/lecture", name="api:rendre_lecture", dependencies=[Depends(INSTRUIT)])
def rendre_lecture(
    session: SessionDep, acteur: Acteur, numero: str, ligne: str, entree: LectureRendue, maintenant: Maintenant
) -> dict[str, Any]:
    """Rend sa lecture : une part du poids par critère qui compte."""
    lecture = service.rendre_lecture(
        session, numero, ligne, taux={code: str(r.taux) for code, r in entree.criteres.items()},
        motifs={code: r.motif for code, r in entree.criteres.items()}, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return {"dossier": numero, "ligne": ligne, "criteres": lecture.criteres}


# --- la notice explicative ------------------------------------------------------------------------------------------


@routeur.get("/dossiers/{numero}/notice", name="api:notice", dependencies=[Depends(exiger())])
def lire_notice(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """La notice explicative : pour l'association, les lignes notifiées, une fois demandée ; pour un agent, l'aperçu."""
    ouverte = notices.ouvrir(session, numero, acteur)
    notices.exiger_remise(ouverte)
    return notice_vers_donnees(ouverte.notice)


@routeur.post("/dossiers/{numero}/notice", name="api:notice:demander", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def demander_notice(session: SessionDep, acteur: Acteur, numero: str, maintenant: Maintenant) -> dict[str, Any]:
    """L'association demande sa notice : elle lui est remise dans la réponse, et reste à GET. Une demande suffit."""
    notices.demander(session, numero, acteur=acteur, maintenant=maintenant)
    return notice_vers_donnees(notices.ouvrir(session, numero, acteur).notice)


@routeur.post(
    "/dossiers/{numero}/notice/demandes",
    name="api:notice:enregistrer",
    status_code=201,
    dependencies=[Depends(exiger(*notices.ENREGISTRE))],
)
def enregistrer_demande(
    session: SessionDep, acteur: Acteur, numero: str, entree: SaisieDemandeNotice, maintenant: Maintenant
) -> dict[str, Any]:
    """Note une demande reçue par courrier ou au guichet."""
    demande = notices.enregistrer(
        session, numero, voie=entree.voie, recue_le=entree.recue_le, acteur=acteur, maintenant=maintenant
    )
    return _montrer_demande(demande)


@routeur.post(
    "/dossiers/{numero}/notice/remettre",
    name="api:notice:remettre",
    dependencies=[Depends(exiger(*notices.ENREGISTRE))],
)
def remettre_notice(
    session: SessionDep, acteur: Acteur, numero: str, entree: SaisieRemiseNotice, maintenant: Maintenant
) -> dict[str, Any]:
    """Note la remise des demandes qui attendaient."""
    remises = notices.remettre(session, numero, remise_le=entree.remise_le, acteur=acteur, maintenant=maintenant)
    return {"dossier": numero, "remises": [_montrer_demande(demande) for demande in remises]}


def _montrer_demande(demande: DemandeNotice) -> dict[str, Any]:
    return {
        "voie": demande.voie.value,
        "demandee_le": demande.demandee_le.isoformat(),
        "remise_le": demande.remise_le.isoformat() if demande.remise_le is not None else None,
    }


@routeur.get("/appels/{code}/notices", name="api:notices", dependencies=[Depends(PUBLIQUE)])
def compter_les_notices(session: SessionDep, visiteur: Visiteur, code: str) -> dict[str, Any]:
    """Les notices d'un appel, en nombres : demandées, remises, en attente, délai médian en jours."""
    appel = service.get_appel_publie(session, code, visiteur)
    compte = compter_notices(session, appel.id)
    plus_ancienne = compte.plus_ancienne
    return {
        "appel": appel.code,
        "demandees": compte.demandees,
        "remises": compte.remises,
        "en_attente": compte.en_attente,
        "plus_ancienne_en_attente": plus_ancienne.isoformat() if plus_ancienne is not None else None,
        "delai_median_jours": compte.delai_median_jours,
    }


# --- grilles : les versions d'un contrat, leurs différences, un essai -------------------------------------------------


@routeur.get("/contrats/{code}/grilles", name="api:grilles", dependencies=[Depends(LIT)])
def list_grilles(session: SessionDep, acteur: Acteur, code: str) -> dict[str, Any]:
    """Les versions de grille d'un contrat, de la plus récente à la plus ancienne, et les appels qui les épinglent."""
    contrat = service.contrat_en_vue(session, code, acteur)
    tous = appels.list_appels(session, [contrat.id])
    elements = [
        {
            "version": v.version,
            "intitule": v.intitule,
            "empreinte": v.empreinte,
            "adoptee_le": v.cree_at.isoformat(),
            "appels": [appel.code for appel in tous if appel.grille_id == v.id],
        }
        for v in grilles.list_versions(session, contrat.id)
    ]
    return {"elements": elements, "suivant": None}


@routeur.get("/contrats/{code}/grilles/comparaison", name="api:comparer_grilles", dependencies=[Depends(LIT)])
def comparer_grilles(session: SessionDep, acteur: Acteur, code: str, avant: str, apres: str) -> dict[str, Any]:
    """Tout ce qui change d'une version à l'autre, en phrases."""
    contrat = service.contrat_en_vue(session, code, acteur)
    ancienne, neuve = (service.grille_en_vue(session, contrat, version) for version in (avant, apres))
    changements = [
        {
            "theme": d.theme.value,
            "objet": d.objet,
            "quoi": d.quoi,
            "avant": d.avant,
            "apres": d.apres,
            "phrase": d.phrase,
        }
        for d in differences(ancienne, neuve)
    ]
    return {"avant": avant, "apres": apres, "differences": changements}


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/essais",
    name="api:essayer_grille",
    status_code=202,
    dependencies=[Depends(CONDUIT)],
)
def essayer_grille(
    session: SessionDep, acteur: Acteur, code: str, version: str, entree: EssaiEntrant, maintenant: Maintenant
) -> dict[str, Any]:
    """Essaie une grille en préparation sur un appel, en tâche de fond."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    essai = service.demander_essai(session, contrat.id, version, entree.appel, acteur=acteur, maintenant=maintenant)
    return {"grille": version, "appel": entree.appel, "empreinte": brouillon.empreinte, "etat": essai.etat.value}


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/essais/{appel}", name="api:essai", dependencies=[Depends(CONDUIT)]
)
def lire_essai(
    session: SessionDep,
    acteur: Acteur,
    code: str,
    version: str,
    appel: str,
    ligne: str = "",
    debut: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    taille: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> dict[str, Any]:
    """Où en est un essai, son effet par ligne ; avec `ligne`, les dossiers touchés (notes en dixièmes de point)."""
    _, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    essai = next(iter(travaux.list_essais(session, brouillon.id, appel)), None)
    if essai is None:
        raise Introuvable("Cette grille n’a pas été essayée sur cet appel.")
    rendu: dict[str, Any] = {
        "grille": version, "appel": appel, "empreinte": essai.empreinte, "etat": essai.etat.value,
        "total": essai.total, "faits": essai.faits, "resume": list(essai.resume),
    }  # fmt: skip
    rendu |= {"raison": essai.raison} if essai.raison else {"contre": essai.contre}
    rendu |= {"lignes_absentes": list(essai.lignes_absentes), "lignes_ajoutees": list(essai.lignes_ajoutees)}
    if ligne:
        touches = travaux.page_effet(session, essai.id, ligne, debut=debut, taille=taille)
        rendu["elements"] = [
            {
                "dossier": p.dossier, "avant": p.avant, "apres": p.apres, "ecart": p.ecart, "rang_avant": p.rang_avant,
                "rang_apres": p.rang_apres,
            }
            for p in touches
        ]  # fmt: skip
        rendu["suivant"] = debut + taille if len(touches) == taille else None
    return rendu
