"""Ce que montre une étape du formulaire : ses champs, son financement, ce qui est facultatif."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.etapes.contrat.rules.textes import dire_source
from app.etapes.contrat.service import suggestions
from app.etapes.dossier.pages.porteur_financement import (
    annees_montrees,
    annees_possibles,
    demande_l_etat,
    lignes_demandees,
    lire_duree,
    replacer_les_fautes,
)
from app.etapes.dossier.pages.porteur_formulaire import (
    ChampVu,
    Rangee,
    Saisie,
    saisie_enregistree,
    version_lue,
    voir,
)
from app.etapes.dossier.pages.porteur_lecture import avertissement_du_lieu
from app.etapes.dossier.pages.porteur_vues import DossierOuvert
from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.champs import CHAMPS, champs_de
from app.etapes.dossier.rules.depot import FIGES_AU_DEPOT
from app.etapes.dossier.rules.formes import Champ, Section
from app.etapes.dossier.service import reprise
from app.infra.clock import heure_machine
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.periodes import a_paris

CHAMPS_D_ETAT = ("theme_p147", "numero_dauphin")
PROPRES_AU_FINANCEMENT = frozenset({"demandes", "precedents"})
PAR_CODE = {c.code: c for c in CHAMPS}


@dataclass(frozen=True)
class Envoi:
    """Ce qu'un formulaire a envoyé, ou ce qui attend : textes et versions lues. Vide à la première lecture.

    `ajouter` : la table à qui donner une rangée vide de plus.
    """

    saisies: Mapping[str, Saisie] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    ajouter: str = ""


def section_nommee(nom: str) -> Section:
    """L'étape de ce nom. Lève Introuvable."""
    try:
        return Section(nom)
    except ValueError:
        raise Introuvable("Cette étape n’existe pas.") from None


def conseils(session: SessionDep, ouvert: DossierOuvert, etape: Section) -> dict[str, Any]:
    """Les objectifs (ou les priorités de quartier) que le titre et la description évoquent, et pourquoi."""
    if etape not in {Section.OBJECTIFS, Section.TERRITOIRE}:
        return {}
    texte = "\n".join(str(ouvert.contenu.get(code) or "") for code in ("titre", "but", "description", "besoin")).strip()
    try:
        trouves = suggestions.suggerer(
            session, ouvert.cadre.contrat.code, texte, a_paris(heure_machine()).date(),
            fiches=ouvert.contenu.get("fiches") or (), version_id=ouvert.dossier.version_id,
        )  # fmt: skip
    except Introuvable:  # un contrat sans contenu chargé n'évoque rien
        return {}
    rangs = {e.code: rang for rang, e in enumerate(ouvert.referentiel.liste("objectifs"), start=1)}
    choix = {code: "champ-objectif_principal" + (f"-{rang}" if rang > 1 else "") for code, rang in rangs.items()}
    return {"conseils": trouves, "dire_source": dire_source, "choix": choix}


def rangees(saisie: Saisie) -> list[Rangee]:
    return [r for r in saisie if isinstance(r, dict)]


def contexte_etape(
    ouvert: DossierOuvert, etape: Section, referentiel: Referentiel, envoi: Envoi, fautes: tuple[Faute, ...]
) -> dict[str, Any]:
    """Tout ce que le gabarit d'une étape attend."""
    financement = _financement(ouvert, referentiel, envoi) if etape is Section.FINANCEMENT else None
    if financement is not None and "demandes" not in envoi.saisies:
        fautes = replacer_les_fautes(fautes, ouvert.contenu.get("demandes") or [], financement["lignes"])
    vus = _champs_vus(ouvert, etape, referentiel, envoi, financement)
    fautifs = {f.champ.split(".")[0] for f in fautes}
    replies = [v for v in vus if v.facultatif and v.code not in CHAMPS_D_ETAT] if ouvert.est_court else []
    precedente, suivante = ouvert.autour(etape)
    suivies = ouvert.suivies(etape)
    en_plus = ouvert.est_court and ouvert.est_facultative(etape)
    return {
        "titre": etape.libelle,
        "ouvert": ouvert,
        "etape": etape,
        "place": "étape facultative" if en_plus else f"étape {suivies.index(etape) + 1} sur {len(suivies)}",
        "precedente": precedente,
        "suivante": suivante,
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
    demandes = rangees(_saisie(ouvert, envoi, "demandes"))
    duree = _saisie(ouvert, envoi, "duree")
    premiere = ouvert.cadre.appel.annee
    annees = annees_montrees(premiere, lire_duree(str(duree[-1]) if duree else ""), demandes)
    est_fige = ouvert.dossier.numero is not None
    possibles = annees if est_fige else annees_possibles(annees, ouvert.cadre.contrat.fin.year)
    fiches: Sequence[str] = ouvert.contenu.get("fiches") or ()
    precedents = rangees(_saisie(ouvert, envoi, "precedents"))
    enregistres = {c: e.version for c, e in ouvert.champs.items()}
    return {
        "annees": annees,
        "lignes": lignes_demandees(referentiel, annees, possibles, demandes, precedents, fiches, _connus(ouvert)),
        "sans_fiche": not fiches,
        "etat_demande": demande_l_etat(referentiel, demandes),
        "est_fige": est_fige,
        "versions": {
            c: version_lue(envoi.versions.get(c, enregistres.get(c, 0)), ouvert.contenu.get(c))
            for c in sorted(PROPRES_AU_FINANCEMENT)
        },
    }


def _connus(ouvert: DossierOuvert) -> dict[str, Rangee]:
    """Ligne → les textes de l'an dernier que le service connaît déjà."""
    connus = reprise.connus(ouvert.session, ouvert.dossier, ouvert.cadre.appel.annee)
    precedents = [{"ligne": ligne, **montants} for ligne, montants in connus.items()]
    textes = rangees(saisie_enregistree(PAR_CODE["precedents"], precedents))
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
        "quartiers": [str(code) for code in _saisie(ouvert, envoi, "quartiers_beneficiaires")],
    }
    premiere = ouvert.cadre.appel.annee
    annees = range(premiere + 1, premiere + int(ouvert.contenu.get("duree") or 1))
    return [
        voir(
            c,
            ouvert.champs.get(c.code),
            envoi.saisies.get(c.code),
            referentiel,
            facultatif=not ouvert.est_exige(c) and c.code != "annees_suivantes",
            version=envoi.versions.get(c.code),
            en_plus=1 if envoi.ajouter == c.code else 0,
            choisis=choisis,
            annees=annees,
        )
        for c in champs_de(etape)
        if _se_montre(c, ouvert, financement)
    ]


def _se_montre(c: Champ, ouvert: DossierOuvert, financement: Mapping[str, Any] | None) -> bool:
    if c.code in PROPRES_AU_FINANCEMENT or (ouvert.dossier.numero is not None and c.code in FIGES_AU_DEPOT):
        return False
    if c.code in CHAMPS_D_ETAT:
        return financement is not None and (financement["etat_demande"] or bool(ouvert.contenu.get(c.code)))
    if c.code == "public_quartiers" and len(ouvert.contenu.get("quartiers_beneficiaires") or ()) < 2:
        return bool(ouvert.contenu.get(c.code))
    return ouvert.cer_exige or not c.associations
