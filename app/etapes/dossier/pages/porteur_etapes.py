"""Pages du porteur : une étape du formulaire, relue, enregistrée, refusée ou en conflit. Sans JavaScript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel.repository import list_pieces
from app.etapes.dossier.pages.porteur_financement import (
    annees_montrees,
    demande_l_etat,
    lignes_demandees,
    lire_duree,
    replacer_les_fautes,
)
from app.etapes.dossier.pages.porteur_formulaire import (
    VERSION,
    ChampVu,
    Rangee,
    Saisie,
    lire_section,
    saisie_enregistree,
    saisie_recue,
    versions_recues,
    voir,
)
from app.etapes.dossier.pages.porteur_lecture import avertissement_du_lieu, textes_en_clair
from app.etapes.dossier.pages.porteur_reste import quitter_l_etape, reste_a_corriger
from app.etapes.dossier.pages.porteur_vues import DossierOuvert, ouvrir
from app.etapes.dossier.repository.referentiel import Referentiel, get_referentiel
from app.etapes.dossier.rules.champs import CHAMPS, Champ, Forme, Section, champs_de
from app.etapes.dossier.rules.depot import FIGES_AU_DEPOT
from app.etapes.dossier.service import brouillon, reprise
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import Formulaire, FormulaireDep
from app.infra.web import ReponseRefusee, SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
ENREGISTRE = annoncer("etape-enregistree", "C’est enregistré.")
POUR_L_ETAT = annoncer("etape-etat", "C’est enregistré. Vous sollicitez l’État : complétez aussi ce qu’il demande.")
FIGE = annoncer("dossier-fige", "Ce dossier ne se modifie plus dans cet état.")
CHAMPS_D_ETAT = ("theme_p147", "numero_dauphin")
PROPRES_AU_FINANCEMENT = frozenset({"demandes", "precedents"})
ETAPES = tuple(Section)
PAR_CODE = {c.code: c for c in CHAMPS}


@dataclass(frozen=True)
class Envoi:
    """Ce qu'un formulaire a envoyé : textes et versions lues. Vide à la première lecture."""

    saisies: Mapping[str, Saisie] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    ajouter: str = ""


def _section(nom: str) -> Section:
    try:
        return Section(nom)
    except ValueError:
        raise Introuvable("Cette étape n’existe pas.") from None


@routeur.get(
    "/dossiers/{identifiant}/etapes/{section}", name="dossier:etape", dependencies=[Depends(exiger(*ROLES_PORTEUR))]
)
def page_etape(request: Request, session: SessionDep, acteur: Acteur, identifiant: str, section: str) -> Response:
    """Une étape du formulaire."""
    etape = _section(section)
    ouvert = ouvrir(session, identifiant, acteur)
    if not ouvert.peut_ecrire:
        return rediriger(request, "dossier:voir", identifiant=ouvert.identifiant, fait=FIGE)
    referentiel = get_referentiel(session, ouvert.dossier.contrat_id, ouvert.dossier.version_id)
    fautes = ouvert.fautes_montrees(etape, avec_les_manques=False)
    contexte = contexte_etape(ouvert, etape, referentiel, Envoi(), fautes) | _pieces(session, ouvert, etape)
    return rendre(request, "dossier/etape.html", contexte | reste_a_corriger(request, ouvert))


def _pieces(session: SessionDep, ouvert: DossierOuvert, etape: Section) -> dict[str, Any]:
    """À l'étape des attestations : les pièces que l'appel demande à la forme de ce porteur."""
    if etape is not Section.ATTESTATIONS:
        return {}
    return {"pieces": list_pieces(session, ouvert.dossier.appel_id, ouvert.cadre.organisation.forme)}


@routeur.post(
    "/dossiers/{identifiant}/etapes/{section}",
    name="dossier:enregistrer",
    dependencies=[Depends(exiger(*ROLES_PORTEUR))],
)
def enregistrer_etape(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
    section: str,
) -> Response:
    """Enregistre l'étape et mène à la suivante ; « Ajouter une ligne » rend la page sans rien enregistrer."""
    etape = _section(section)
    ouvert = ouvrir(session, identifiant, acteur)
    brouillon.exiger_modifiable(acteur, ouvert.dossier)
    referentiel = get_referentiel(session, ouvert.dossier.contrat_id, ouvert.dossier.version_id)
    versions = versions_recues(formulaire)
    champs = [c for c in champs_de(etape) if c.code in versions]
    acte = formulaire.get("acte")
    envoi = Envoi({c.code: saisie_recue(c, formulaire) for c in champs}, versions, acte.removeprefix("ajouter:"))
    if acte == "annees" or acte.startswith("ajouter:"):
        return rendre(request, "dossier/etape.html", contexte_etape(ouvert, etape, referentiel, envoi, ()))
    valeurs, fautes = lire_section(champs, envoi.saisies, referentiel.domaines)
    if fautes:
        contexte = contexte_etape(ouvert, etape, referentiel, envoi, fautes) | _pieces(session, ouvert, etape)
        refuser(request, "dossier/etape.html", contexte, fautes)
    gardes = {c: v for c, v in valeurs.items() if formulaire.get(f"choix.{c}") != "enregistre"}
    try:
        brouillon.enregistrer(
            session, ouvert.identifiant, gardes, versions=versions, acteur=acteur, maintenant=maintenant
        )
    except SaisieInvalide as erreur:
        contexte = contexte_etape(ouvert, etape, referentiel, envoi, erreur.fautes) | _pieces(session, ouvert, etape)
        refuser(request, "dossier/etape.html", contexte, erreur.fautes)
    except VersionPerimee as erreur:
        raise ReponseRefusee(_conflit(request, ouvert, etape, referentiel, formulaire, erreur)) from None
    return _suite(request, ouvert, etape, referentiel, envoi, acte)


def _suite(
    request: Request, ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, acte: str
) -> Response:
    if _manque_l_etat(ouvert, referentiel, envoi):
        return rediriger(
                request, "dossier:etape", identifiant=ouvert.identifiant, section=etape.value, fait=POUR_L_ETAT,
                ancre=f"champ-{CHAMPS_D_ETAT[0]}",
            )  # fmt: skip
    rang = ETAPES.index(etape) + 1
    if acte == "quitter" or rang == len(ETAPES):
        return quitter_l_etape(request, "dossier:voir", etape, identifiant=ouvert.identifiant, fait=ENREGISTRE)
    suivante = ETAPES[rang].value
    return quitter_l_etape(
        request, "dossier:etape", etape, identifiant=ouvert.identifiant, section=suivante, fait=ENREGISTRE
    )


def _manque_l_etat(ouvert: DossierOuvert, referentiel: Referentiel, envoi: Envoi) -> bool:
    """Vrai si l'État vient d'être sollicité : ses champs n'étaient pas encore dans le formulaire."""
    montres = CHAMPS_D_ETAT[0] in envoi.versions or bool(ouvert.contenu.get(CHAMPS_D_ETAT[0]))
    return not montres and demande_l_etat(referentiel, _rangees(envoi.saisies.get("demandes", [])))


def _rangees(saisie: Saisie) -> list[Rangee]:
    return [r for r in saisie if isinstance(r, dict)]


def contexte_etape(
    ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, fautes: tuple[Faute, ...]
) -> dict[str, Any]:
    """Tout ce que le gabarit d'une étape attend."""
    financement = _financement(ouvert, referentiel, envoi) if etape is Section.FINANCEMENT else None
    if financement is not None and not envoi.versions:
        fautes = replacer_les_fautes(fautes, ouvert.contenu.get("demandes") or [], financement["lignes"])
    vus = _champs_vus(ouvert, etape, referentiel, envoi, financement)
    fautifs = {f.champ.split(".")[0] for f in fautes}
    replies = [v for v in vus if v.facultatif and v.code not in CHAMPS_D_ETAT] if ouvert.est_court else []
    rang = ETAPES.index(etape)
    return {
        "titre": etape.libelle,
        "ouvert": ouvert,
        "etape": etape,
        "rang": rang + 1,
        "total": len(ETAPES),
        "precedente": ETAPES[rang - 1] if rang else None,
        "suivante": ETAPES[rang + 1] if rang + 1 < len(ETAPES) else None,
        "champs": [v for v in vus if v not in replies],
        "replies": replies,
        "deplier": any(v.est_rempli or v.code in fautifs for v in replies),
        "financement": financement,
        "avertissement": avertissement_du_lieu(ouvert.contenu, referentiel) if etape is Section.TERRITOIRE else "",
        "erreurs": fautes,
        "noms": {v.code: v.champ.libelle for v in vus},
    }


def _saisie(ouvert: DossierOuvert, envoi: Envoi, code: str) -> Saisie:
    if code in envoi.saisies:
        return envoi.saisies[code]
    return saisie_enregistree(PAR_CODE[code], ouvert.contenu.get(code))


def _financement(ouvert: DossierOuvert, referentiel: Referentiel, envoi: Envoi) -> dict[str, Any]:
    demandes = _rangees(_saisie(ouvert, envoi, "demandes"))
    duree = _saisie(ouvert, envoi, "duree")
    premiere = ouvert.cadre.appel.annee
    annees = annees_montrees(premiere, lire_duree(str(duree[-1]) if duree else ""), demandes)
    fiches: Sequence[str] = ouvert.contenu.get("fiches") or ()
    precedents = _rangees(_saisie(ouvert, envoi, "precedents"))
    enregistres = {c: e.version for c, e in ouvert.champs.items()}
    return {
        "annees": annees,
        "lignes": lignes_demandees(referentiel, annees, demandes, precedents, fiches, _connus(ouvert)),
        "sans_fiche": not fiches,
        "etat_demande": demande_l_etat(referentiel, demandes),
        "est_fige": ouvert.dossier.numero is not None,
        "versions": {c: envoi.versions.get(c, enregistres.get(c, 0)) for c in sorted(PROPRES_AU_FINANCEMENT)},
    }


def _connus(ouvert: DossierOuvert) -> dict[str, Rangee]:
    """Ligne → les textes de l'an dernier que le service connaît déjà."""
    connus = reprise.connus(ouvert.session, ouvert.dossier, ouvert.cadre.appel.annee)
    rangees = [{"ligne": ligne, **montants} for ligne, montants in connus.items()]
    textes = _rangees(saisie_enregistree(PAR_CODE["precedents"], rangees))
    return {t["ligne"]: {c: t[c] for c in connus[t["ligne"]]} for t in textes}


def _champs_vus(
    ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, financement: Mapping[str, Any] | None
) -> list[ChampVu]:
    choisis = {
        "objectifs": [
            *map(str, _saisie(ouvert, envoi, "objectif_principal")),
            *map(str, _saisie(ouvert, envoi, "objectifs_secondaires")),
        ],
        "fiches": [str(code) for code in _saisie(ouvert, envoi, "fiches")],
    }
    return [
        voir(
            c,
            ouvert.champs.get(c.code),
            envoi.saisies.get(c.code),
            referentiel,
            facultatif=not _est_exige(c, ouvert),
            version=envoi.versions.get(c.code),
            en_plus=1 if envoi.ajouter == c.code else 0,
            choisis=choisis,
        )
        for c in champs_de(etape)
        if _se_montre(c, ouvert, financement)
    ]


def _se_montre(c: Champ, ouvert: DossierOuvert, financement: Mapping[str, Any] | None) -> bool:
    if c.code in PROPRES_AU_FINANCEMENT or (ouvert.dossier.numero is not None and c.code in FIGES_AU_DEPOT):
        return False
    if c.code in CHAMPS_D_ETAT:
        return financement is not None and (financement["etat_demande"] or bool(ouvert.contenu.get(c.code)))
    return c.code != "cer" or ouvert.cer_exige


def _est_exige(c: Champ, ouvert: DossierOuvert) -> bool:
    if c.code == "cer":
        return ouvert.cer_exige
    return c.exige_court if ouvert.est_court else c.exige


def _conflit(
    request: Request,
    ouvert: DossierOuvert,
    etape: Section,
    referentiel: Referentiel,
    formulaire: Formulaire,
    erreur: VersionPerimee,
) -> Response:
    """Les deux textes côte à côte ; le formulaire repart entier, avec la version qu'on vient de montrer."""
    conflits = []
    for code, (enregistre, saisi) in erreur.conflits.items():
        trouve = PAR_CODE[code]
        conflits.append(
            {
                "code": code,
                "libelle": trouve.libelle,
                "est_long": trouve.forme is Forme.LONG,
                "enregistre": textes_en_clair(trouve, enregistre, referentiel),
                "saisi": textes_en_clair(trouve, saisi, referentiel),
                "version": ouvert.champs[code].version if code in ouvert.champs else 0,
            }
        )
    remplaces = {VERSION + c for c in erreur.conflits} | {"choix." + c for c in erreur.conflits}
    caches = [(nom, valeur) for nom in formulaire.noms() if nom not in remplaces for valeur in formulaire.liste(nom)]
    contexte = {
        "titre": "Deux textes pour la même réponse",
        "ouvert": ouvert,
        "etape": etape,
        "conflits": conflits,
        "caches": caches,
    }
    return rendre(request, "dossier/conflit.html", contexte, statut=412)
