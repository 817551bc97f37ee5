"""Pages du porteur : une étape du formulaire, relue, enregistrée, refusée ou en conflit. Sans JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel.repository import list_pieces
from app.etapes.dossier.models import SaisieEnAttente
from app.etapes.dossier.pages.porteur_etape_vue import (
    CHAMPS_D_ETAT,
    PAR_CODE,
    Envoi,
    conseils,
    contexte_etape,
    rangees,
    section_nommee,
)
from app.etapes.dossier.pages.porteur_financement import demande_l_etat
from app.etapes.dossier.pages.porteur_formulaire import (
    VERSION,
    champs_intacts,
    lire_section,
    saisie_recue,
    sans_la_rangee,
    versions_recues,
)
from app.etapes.dossier.pages.porteur_reste import quitter_l_etape, reste_a_corriger
from app.etapes.dossier.pages.porteur_vues import DossierOuvert, ouvrir
from app.etapes.dossier.repository.edition import list_en_attente
from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.champs import champs_de
from app.etapes.dossier.rules.clair import contenu_en_clair, textes_en_clair
from app.etapes.dossier.rules.formes import Champ, Forme, Section
from app.etapes.dossier.service import brouillon, edition
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.forms import Formulaire, FormulaireDep
from app.infra.identite import Identite
from app.infra.web import (
    ReponseRefusee,
    SessionDep,
    annoncer,
    rediriger,
    refuser,
    rendre,
    transaction_a_part,
)
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide, VersionPerimee
from app.noyau.euros import ZERO
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
ENREGISTRE = annoncer("etape-enregistree", "C’est enregistré.")
A_ENVOYER = annoncer("etape-completee", "C’est enregistré. Il reste à envoyer votre réponse au complément.")
POUR_L_ETAT = annoncer("etape-etat", "C’est enregistré. Vous sollicitez l’État : complétez aussi ce qu’il demande.")
POUR_LES_ANNEES = annoncer("etape-annees", "C’est enregistré. Dites aussi ce que vous demandez les années d’après.")
SANS_OBJET = annoncer("etape-sans-objet", "Cette étape ne concerne pas votre dossier, ou n’est pas rouverte.")
LECTEUR = annoncer("etape-lecteur", "Votre rôle permet de lire ce dossier, pas d’y écrire.")
FIGE = annoncer("dossier-fige", "Ce dossier ne se modifie plus dans cet état.")
REMONTRE = ("annees", "ajouter:", "retirer:")
"""Les boutons qui rendent la page sans rien enregistrer."""


@routeur.get(
    "/dossiers/{identifiant}/etapes/{section}", name="dossier:etape", dependencies=[Depends(exiger(*ROLES_PORTEUR))]
)
def page_etape(request: Request, session: SessionDep, acteur: Acteur, identifiant: str, section: str) -> Response:
    """Une étape du formulaire, tenue par qui l'ouvre ; si quelqu'un la tient déjà, ce qui y est enregistré."""
    etape = section_nommee(section)
    ouvert = ouvrir(session, identifiant, acteur)
    if not ouvert.peut_ecrire or etape not in ouvert.sections or etape not in ouvert.ouvertes:
        fait = SANS_OBJET if ouvert.peut_ecrire else FIGE if ouvert.roles & brouillon.ECRIT else LECTEUR
        return rediriger(request, "dossier:voir", identifiant=ouvert.identifiant, fait=fait)
    referentiel = ouvert.referentiel
    tenue = edition.tenir(session, ouvert.dossier, etape, acteur=acteur, machine=heure_machine())
    if tenue is not None:
        lues = [s for s in contenu_en_clair(ouvert.contenu, referentiel) if s.section is etape]
        contexte = {"titre": etape.libelle, "ouvert": ouvert, "etape": etape, "tenue": tenue, "sections": lues}
        return rendre(request, "dossier/etape_tenue.html", contexte)
    attentes = list_en_attente(session, ouvert.dossier.id, acteur.acteur)
    envoi, fautes = _ce_qui_attend(ouvert, champs_de(etape), attentes, referentiel)
    fautes += tuple(
        f
        for f in ouvert.fautes_montrees(etape, avec_les_manques=False)
        if f.champ.partition(".")[0] not in envoi.saisies
    )
    contexte = contexte_etape(ouvert, etape, referentiel, envoi, fautes) | _pieces(session, ouvert, etape)
    contexte["en_attente"] = [PAR_CODE[code].libelle for code in envoi.saisies]
    contexte |= conseils(session, ouvert, etape)
    return rendre(request, "dossier/etape.html", contexte | reste_a_corriger(request, ouvert))


def _ce_qui_attend(
    ouvert: DossierOuvert, champs: Sequence[Champ], attentes: dict[str, SaisieEnAttente], referentiel: Referentiel
) -> tuple[Envoi, tuple[Faute, ...]]:
    """Ce que cette personne a tapé sans l'enregistrer, et ce qui l'empêche. Un champ changé depuis le dit."""
    siens = [c for c in champs if c.code in attentes]
    envoi = Envoi({c.code: attentes[c.code].saisie for c in siens}, {c.code: attentes[c.code].version for c in siens})
    _, fautes = lire_section(siens, envoi.saisies, referentiel.domaines)
    fautifs = {f.champ.partition(".")[0] for f in fautes}
    phrase = "Quelqu’un a changé cette réponse pendant que vous écriviez. Enregistrez pour comparer les deux textes."
    depasses = tuple(
        Faute(c.code, phrase, "version_perimee")
        for c in siens
        if c.code not in fautifs and envoi.versions[c.code] != ouvert.version_de(c.code)
    )
    return envoi, (*fautes, *depasses)


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
    """Enregistre l'étape et mène à la suivante ; ajouter ou retirer une ligne rend la page sans rien enregistrer."""
    etape = section_nommee(section)
    ouvert = ouvrir(session, identifiant, acteur)
    referentiel = ouvert.referentiel
    versions = versions_recues(formulaire)
    champs = [c for c in champs_de(etape) if c.code in versions]
    acte = formulaire.get("acte")
    envoi = Envoi({c.code: saisie_recue(c, formulaire) for c in champs}, versions)
    valeurs, fautes = lire_section(champs, envoi.saisies, referentiel.domaines)
    changes = {c for c, v in valeurs.items() if v != ouvert.contenu.get(c)}
    _exiger_modifiable(request, ouvert, envoi, changes | {f.champ.partition(".")[0] for f in fautes}, acteur)
    if acte.startswith(REMONTRE):
        return _remontrer(request, ouvert, etape, referentiel, envoi, acte)
    try:
        if fautes:
            raise SaisieInvalide(list(fautes))
        depasses = {c for c in champs_intacts(formulaire, valeurs) if versions[c] != ouvert.version_de(c)}
        gardes = {
            c: v for c, v in valeurs.items() if formulaire.get(f"choix.{c}") != "enregistre" and c not in depasses
        }
        edition.oublier(session, ouvert.dossier, valeurs.keys() - gardes.keys(), acteur)
        brouillon.enregistrer(
            session, ouvert.identifiant, gardes, versions=versions, acteur=acteur, maintenant=maintenant
        )
    except SaisieInvalide as erreur:
        _garder(request, ouvert, envoi, {f.champ.partition(".")[0] for f in erreur.fautes}, acteur)
        contexte = contexte_etape(ouvert, etape, referentiel, envoi, erreur.fautes) | _pieces(session, ouvert, etape)
        refuser(request, "dossier/etape.html", contexte, erreur.fautes)
    except VersionPerimee as erreur:
        _garder(request, ouvert, envoi, erreur.conflits, acteur)
        raise ReponseRefusee(_conflit(request, ouvert, etape, referentiel, formulaire, erreur)) from None
    edition.lacher(session, ouvert.dossier, etape, acteur=acteur)
    garde = ouvert.avec(gardes)
    if acte != "quitter" and _manque_des_annees(ouvert, garde):
        return rediriger(
                request, "dossier:etape", identifiant=ouvert.identifiant, section=etape.value, fait=POUR_LES_ANNEES,
                ancre="champ-demandes",
            )  # fmt: skip
    return _suite(request, garde, etape, referentiel, envoi, acte)


def _remontrer(
    request: Request, ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, acte: str
) -> Response:
    """La page telle que tapée, avec une rangée de plus ou de moins, ou d'autres années."""
    geste, _, reste = acte.partition(":")
    code, _, rang = reste.partition(":")
    if geste == "ajouter":
        envoi = replace(envoi, ajouter=code)
    elif geste == "retirer" and code in envoi.saisies:
        envoi = replace(envoi, saisies={**envoi.saisies, code: sans_la_rangee(envoi.saisies[code], rang)})
    contexte = contexte_etape(ouvert, etape, referentiel, envoi, ()) | {"a_enregistrer": code}
    return rendre(request, "dossier/etape.html", contexte)


def _exiger_modifiable(
    request: Request, ouvert: DossierOuvert, envoi: Envoi, changes: Iterable[str], acteur: Identite
) -> None:
    """Envoyé à la signature pendant qu'on écrivait : ce qui est tapé est gardé, et dit. Lève ActeImpossible."""
    try:
        brouillon.exiger_modifiable(acteur, ouvert.dossier)
    except ActeImpossible as refus:
        _garder(request, ouvert, envoi, changes, acteur)
        phrase = "Ce que vous avez tapé est gardé : vous le retrouverez à cette étape si la rédaction reprend."
        raise ActeImpossible(f"{refus.message} {phrase}", code=refus.code) from None


def _garder(request: Request, ouvert: DossierOuvert, envoi: Envoi, codes: Iterable[str], acteur: Identite) -> None:
    """Ce qui est refusé survit à la page : la transaction de la requête est annulée, celle-ci non."""
    gardes = set(codes) & envoi.saisies.keys()
    with transaction_a_part(request) as a_part:
        edition.garder(
            a_part,
            ouvert.dossier,
            {c: (envoi.saisies[c], envoi.versions[c]) for c in gardes},
            acteur=acteur,
            machine=heure_machine(),
        )


def _suite(
    request: Request, ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, acte: str
) -> Response:
    if _manque_l_etat(ouvert, referentiel, envoi):
        return rediriger(
                request, "dossier:etape", identifiant=ouvert.identifiant, section=etape.value, fait=POUR_L_ETAT,
                ancre=f"champ-{CHAMPS_D_ETAT[0]}",
            )  # fmt: skip
    _, suivante = ouvert.autour(etape)
    if acte == "quitter" or suivante is None:
        fait = ENREGISTRE if ouvert.dossier.numero is None else A_ENVOYER
        return quitter_l_etape(request, "dossier:voir", etape, identifiant=ouvert.identifiant, fait=fait)
    return quitter_l_etape(
        request, "dossier:etape", etape, identifiant=ouvert.identifiant, section=suivante.value, fait=ENREGISTRE
    )


def _manque_des_annees(avant: DossierOuvert, apres: DossierOuvert) -> bool:
    """Vrai si la durée vient d'être allongée : sans scripts, les cases des années d'après n'étaient pas montrées."""
    allongee = int(apres.contenu.get("duree") or 1) > int(avant.contenu.get("duree") or 1)
    return allongee and any(suite.demande == ZERO for suite in apres.suites)


def _manque_l_etat(ouvert: DossierOuvert, referentiel: Referentiel, envoi: Envoi) -> bool:
    """Vrai si l'État vient d'être sollicité : ses champs n'étaient pas encore dans le formulaire."""
    montres = CHAMPS_D_ETAT[0] in envoi.versions or bool(ouvert.contenu.get(CHAMPS_D_ETAT[0]))
    return not montres and demande_l_etat(referentiel, rangees(envoi.saisies.get("demandes", [])))


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
                "version": ouvert.version_de(code),
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
