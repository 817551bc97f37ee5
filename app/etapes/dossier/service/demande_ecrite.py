"""La demande mise en forme : scellée en PDF au format du Cerfa, ou exportée pour le portail de l'État."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import DocumentDossier, Dossier, DossierVersion
from app.etapes.dossier.repository.referentiel import Cadre, Referentiel, get_cadre, get_referentiel_garde
from app.etapes.dossier.rules.attestation import EMPREINTE_COURTE, Completee, phrase_de_signature
from app.etapes.dossier.rules.formulaire_unique import CERFA, DemandeEcrite, cerfa
from app.etapes.dossier.rules.rubriques import Rubrique, a_plat
from app.etapes.dossier.service.signature import contenu_a_signer
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra import documents, pdf
from app.infra.identite import Identite
from app.infra.journal.ancres import ancrer, mention_ancre
from app.infra.tableur import Colonne, Genre, ecrire_xlsx
from app.noyau.erreurs import ActeInterdit
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs.rules.fiche import masquer_iban
from app.referentiels.acteurs.service.fiche import TIENNENT_LE_COMPTE, instantane

DEMANDE = "demande"
COLONNES = (
    Colonne("Rubrique"), Colonne("Sens"), Colonne("Code"), Colonne("Libellé", Genre.LONG),
    Colonne("Réponse", Genre.LONG), Colonne("Montant", Genre.MONTANT),
)  # fmt: skip
INSTRUISENT = frozenset({Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION})
LISENT_LE_DOCUMENT = ROLES_PORTEUR | INSTRUISENT
"""Qui lit la demande écrite, personnes comprises. Choix du projet (RGPD, art. 5)."""
LISENT_LE_BANCAIRE = TIENNENT_LE_COMPTE | INSTRUISENT
"""Qui lit l'IBAN entier : qui tient le compte, qui instruit. Choix du projet (ADR 0018)."""


def exiger_lecture_entiere(acteur: Identite, dossier: Dossier) -> None:
    """Refuse le document à qui lit le dossier sans l'instruire. Lève ActeInterdit."""
    if not roles_sur_dossier(acteur, dossier) & LISENT_LE_DOCUMENT:
        raise ActeInterdit(
            "Ce document porte des coordonnées bancaires et personnelles : il est à qui dépose ou instruit le dossier."
        )


def lit_le_bancaire(acteur: Identite, dossier: Dossier) -> bool:
    """Vrai si cette personne lit l'IBAN entier de ce dossier."""
    return bool(roles_sur_dossier(acteur, dossier) & LISENT_LE_BANCAIRE)


def masquer(organisation: Mapping[str, Any]) -> dict[str, Any]:
    """La fiche figée, IBAN masqué : de quoi reconnaître le compte, pas de quoi s'en servir."""
    compte = organisation.get("compte_bancaire")
    if not compte or not compte.get("iban"):
        return dict(organisation)
    return {**organisation, "compte_bancaire": {**compte, "iban": masquer_iban(compte["iban"])}}


def ecrire(
    session: Session,
    dossier: Dossier,
    cadre: Cadre,
    contenu: Mapping[str, Any],
    organisation: Mapping[str, Any],
    noms: Referentiel,
    completee: Completee | None = None,
) -> DemandeEcrite:
    """Tout ce qui s'imprime d'un dossier. Une requête, s'il en renouvelle un autre."""
    renouvelle = session.get(Dossier, dossier.renouvelle_id) if dossier.renouvelle_id is not None else None
    return DemandeEcrite(
        numero=dossier.numero or dossier.reference,
        appel=cadre.appel.intitule,
        contrat=cadre.contrat.intitule,
        annee=cadre.appel.annee,
        contenu=contenu,
        organisation=organisation,
        noms=noms,
        financeurs={e.code: e.intitule for e in noms.liste("lignes")},
        renouvelle=(renouvelle.numero or "") if renouvelle is not None else "",
        signe_le=dossier.signe_le,
        qualite=dossier.signe_qualite or "",
        signataire=dossier.signe_nom or "",
        completee=completee,
    )


def _completee(session: Session, version: DossierVersion) -> Completee | None:
    """D'une version d'après la signature : qui l'a envoyée, et l'empreinte de celle qui est signée. Une requête."""
    if version.rang == 1:
        return None
    par = (version.organisation or {}).get("complete_par") or {}
    signee = repository.get_version(session, version.dossier_id, 1)
    return Completee(version.a, par.get("nom", ""), par.get("role", ""), signee.empreinte if signee is not None else "")


def ecrire_la_derniere(
    session: Session, dossier: Dossier, maintenant: datetime, lecteur: Identite | None = None
) -> DemandeEcrite:
    """Le dernier contenu figé ; avant le dépôt, le brouillon et la fiche tels qu'ils sont. Six requêtes au plus.

    L'IBAN n'est entier que si `lecteur` tient le compte ou instruit ; sans lecteur, masqué.
    """
    cadre = get_cadre(session, dossier)
    noms = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    version = repository.get_version(session, dossier.id) if dossier.numero is not None else None
    if version is not None:
        contenu, fiche, completee = version.contenu, version.organisation or {}, _completee(session, version)
    else:
        fiche = instantane(session, dossier.organisation_id, cadre.appel.annee, maintenant)
        contenu, completee = contenu_a_signer(session, dossier), None
    entiere = lecteur is not None and lit_le_bancaire(lecteur, dossier)
    return ecrire(session, dossier, cadre, contenu, fiche if entiere else masquer(fiche), noms, completee)


def sceller_demande(session: Session, dossier_id: int, rang: int, *, maintenant: datetime) -> None:
    """Scelle le PDF d'un contenu figé et ancre le journal. Rejouable : le même contenu donne le même document.

    Un seul document pour tous ses lecteurs : l'IBAN y est masqué.
    """
    dossier = session.get_one(Dossier, dossier_id, with_for_update={"key_share": True})
    version = repository.get_version(session, dossier.id, rang)
    if version is None or repository.get_document(session, dossier.id, nature(rang)) is not None:
        return
    cadre = get_cadre(session, dossier)
    noms = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    fige = version.organisation or {}
    ecrite = ecrire(session, dossier, cadre, version.contenu, masquer(fige), noms, _completee(session, version))
    octets = pdf.compiler(
        "demande",
        {
            "titre": "Demande de subvention",
            "surtitre": CERFA,
            "reference": f"Dossier n° {dossier.numero}" + (f", complété (version {rang})" if rang > 1 else ""),
            "mention": mention_ancre(session, dossier.contrat_id),
            "instant": version.a,
            "action": version.contenu.get("titre") or dossier.titre,
            "organisation": (fige.get("identite") or {}).get("nom") or cadre.organisation.nom,
            "fige_le": instant_long(version.a),
            "empreinte": version.empreinte,
            "signature": phrase_de_signature(ecrite.signature, ecrite.completee),
            "pieces": _pieces(fige),
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


def _pieces(fige: Mapping[str, Any]) -> list[tuple[str, str, str]] | None:
    """(intitulé, nom du fichier, empreinte courte) des pièces figées ; None si elles ne l'étaient pas encore."""
    if "pieces" not in fige:
        return None
    return [(p["intitule"], p["nom"], p["sha256"][:EMPREINTE_COURTE]) for p in fige["pieces"]]


def nature(rang: int) -> str:
    """La nature du document d'un contenu figé : « demande:1 »."""
    return f"{DEMANDE}:{rang}"


def en_tableur(rubriques: Iterable[Rubrique]) -> bytes:
    """Les rubriques en classeur : une réponse, ou un montant et son sens, par ligne."""
    fichier = BytesIO()
    ecrire_xlsx(fichier, COLONNES, a_plat(rubriques), feuille="À recopier")
    return fichier.getvalue()


def imprimer(rubriques: Iterable[Rubrique]) -> list[dict[str, Any]]:
    """Les rubriques qui disent quelque chose, prêtes pour le gabarit."""
    return [asdict(r) for r in rubriques if r.paires or r.textes or r.tableaux]
