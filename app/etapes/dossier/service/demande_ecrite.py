"""La demande mise en forme : scellée en PDF au format du Cerfa, ou exportée pour le portail de l'État."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import DocumentDossier, Dossier
from app.etapes.dossier.repository.referentiel import Cadre, Referentiel, get_cadre, get_referentiel_garde
from app.etapes.dossier.rules.formulaire_unique import CERFA, DemandeEcrite, Rubrique, a_plat, cerfa
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra import documents, pdf
from app.infra.identite import Identite
from app.infra.journal.ancres import ancrer, mention_ancre
from app.infra.tableur import Colonne, Genre, ecrire_xlsx
from app.noyau.erreurs import ActeInterdit
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs.service.fiche import instantane
from app.referentiels.lignes import repository as lignes

DEMANDE = "demande"
COLONNES = (Colonne("Rubrique"), Colonne("Question", Genre.LONG), Colonne("Réponse", Genre.LONG))
LISENT_LE_BANCAIRE = ROLES_PORTEUR | {Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION}
"""Qui lit la demande entière, coordonnées bancaires et personnes comprises. Choix du projet (RGPD, art. 5)."""


def exiger_lecture_entiere(acteur: Identite, dossier: Dossier) -> None:
    """Refuse le document à qui lit le dossier sans l'instruire. Lève ActeInterdit."""
    if not roles_sur_dossier(acteur, dossier) & LISENT_LE_BANCAIRE:
        raise ActeInterdit(
            "Ce document porte des coordonnées bancaires et personnelles : il est à qui dépose ou instruit le dossier."
        )


def ecrire(
    session: Session,
    dossier: Dossier,
    cadre: Cadre,
    contenu: Mapping[str, Any],
    organisation: Mapping[str, Any],
    noms: Referentiel,
) -> DemandeEcrite:
    """Tout ce qui s'imprime d'un dossier."""
    renouvelle = session.get(Dossier, dossier.renouvelle_id) if dossier.renouvelle_id is not None else None
    connues = lignes.list_lignes(session, dossier.contrat_id)
    return DemandeEcrite(
        numero=dossier.numero or dossier.reference,
        appel=cadre.appel.intitule,
        contrat=cadre.contrat.intitule,
        annee=cadre.appel.annee,
        contenu=contenu,
        organisation=organisation,
        noms=noms,
        financeurs={x.code: f"{x.financeur} — {x.intitule}" for x in connues},
        renouvelle=(renouvelle.numero or "") if renouvelle is not None else "",
        signe_le=dossier.signe_le,
        qualite=dossier.signe_qualite or "",
        signataire=dossier.signe_nom or "",
    )


def ecrire_la_derniere(session: Session, dossier: Dossier, maintenant: datetime) -> DemandeEcrite:
    """Le dernier contenu figé ; avant le dépôt, le brouillon et la fiche tels qu'ils sont."""
    cadre = get_cadre(session, dossier)
    noms = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    version = repository.get_version(session, dossier.id)
    if version is not None:
        return ecrire(session, dossier, cadre, version.contenu, version.organisation or {}, noms)
    fiche = instantane(session, dossier.organisation_id, cadre.appel.annee, maintenant)
    return ecrire(session, dossier, cadre, repository.contenu(session, dossier.id), fiche, noms)


def sceller_demande(session: Session, dossier_id: int, rang: int, *, maintenant: datetime) -> None:
    """Scelle le PDF d'un contenu figé et ancre le journal. Rejouable : le même contenu donne le même document."""
    dossier = session.get_one(Dossier, dossier_id, with_for_update={"key_share": True})
    version = repository.get_version(session, dossier.id, rang)
    if version is None or repository.get_document(session, dossier.id, nature(rang)) is not None:
        return
    cadre = get_cadre(session, dossier)
    noms = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    ecrite = ecrire(session, dossier, cadre, version.contenu, version.organisation or {}, noms)
    octets = pdf.compiler(
        "demande",
        {
            "titre": "Demande de subvention",
            "surtitre": CERFA,
            "reference": f"Dossier n° {dossier.numero}" + (f", complété (version {rang})" if rang > 1 else ""),
            "mention": mention_ancre(session, dossier.contrat_id),
            "instant": version.a,
            "action": dossier.titre,
            "organisation": cadre.organisation.nom,
            "fige_le": instant_long(version.a),
            "empreinte": version.empreinte,
            "rubriques": imprimer(cerfa(ecrite)),
        },
    )
    suffixe = f"-v{rang}" if rang > 1 else ""
    empreinte = documents.sceller(
        session, octets, media="application/pdf", nom=f"demande-{dossier.numero}{suffixe}.pdf", maintenant=maintenant
    )
    ancrer(session, dossier.contrat_id, f"pdf:{empreinte}", maintenant)
    session.add(
        DocumentDossier(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, nature=nature(rang), sha256=empreinte, a=maintenant
        )
    )


def nature(rang: int) -> str:
    """La nature du document d'un contenu figé : « demande:1 »."""
    return f"{DEMANDE}:{rang}"


def en_tableur(rubriques: Iterable[Rubrique]) -> bytes:
    """Les rubriques en classeur : une réponse par ligne."""
    fichier = BytesIO()
    ecrire_xlsx(fichier, COLONNES, a_plat(rubriques), feuille="À recopier")
    return fichier.getvalue()


def imprimer(rubriques: Iterable[Rubrique]) -> list[dict[str, Any]]:
    """Les rubriques qui disent quelque chose, prêtes pour le gabarit."""
    return [asdict(r) for r in rubriques if r.paires or r.textes or r.tableaux]
