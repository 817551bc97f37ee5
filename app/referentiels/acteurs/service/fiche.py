"""Actes : écrire une section de la fiche, changer de compte bancaire, attester ; ce qui manque, l'instantané."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, SaisieInvalide
from app.noyau.identifiants import normaliser_rna
from app.noyau.periodes import a_paris
from app.noyau.roles import Role
from app.referentiels.acteurs import repository
from app.referentiels.acteurs.models import (
    CompteBancaire,
    EngagementRepublicain,
    FicheOrganisation,
    MoyensHumains,
    Organisation,
    RepresentantLegal,
)
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules import IdentiteOrganisation, verifier_identite
from app.referentiels.acteurs.rules.fiche import (
    ENGAGEES,
    Compte,
    FaitsFiche,
    Moyens,
    Section,
    annee_des_moyens,
    engagement_repute,
    normaliser_iban,
    verifier_compte,
    verifier_fiche,
    verifier_moyens,
    verifier_relations,
    verifier_representant,
)

JSON = Any
MOYENS_RECENTS = 2  # années
ECRIVENT = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR})
TIENNENT_LE_COMPTE = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE})
_DE_L_ORGANISATION = frozenset({"sigle", "adresse", "code_postal", "commune", "courriel", "telephone"})
_DE_LA_FICHE = {
    Section.ADRESSES: (
        "commune_deleguee", "correspondance_adresse", "correspondance_code_postal", "correspondance_commune",
    ),
    Section.CONTACT: ("contact_prenom", "contact_nom", "contact_fonction", "contact_telephone", "contact_courriel"),
    Section.ADMINISTRATION: (
        "est_reconnue_utilite", "utilite_jo_le", "est_assujettie", "a_aides_minimis", "aides_minimis", "agrements",
    ),
    Section.RESEAUX: ("reseaux", "personnes_morales"),
    Section.IDENTITE: ("site_web",),
}  # fmt: skip
MOYENS = ("benevoles", "volontaires", "salaries", "emplois_aides", "etpt_centiemes", "mis_a_disposition", "adherents")


def qui_ecrit(section: Section) -> frozenset[Role]:
    """Les rôles qui écrivent cette section : le compte bancaire et l'engagement sont à qui administre ou signe."""
    return TIENNENT_LE_COMPTE if section in {Section.BANQUE, Section.ENGAGEMENT} else ECRIVENT


def _fiche(session: Session, organisation: Organisation, acteur: str, maintenant: datetime) -> FicheOrganisation:
    """La rangée de la fiche, créée au premier besoin, après le verrou de l'organisation."""
    lectures.verrouiller(session, organisation.id)
    fiche = lectures.get_fiche(session, organisation.id)
    if fiche is None:
        fiche = FicheOrganisation(
            organisation_id=organisation.id, modifie_at=maintenant, modifie_par=acteur, agrements=[], reseaux=[],
            personnes_morales=[],
        )  # fmt: skip
        session.add(fiche)
    fiche.modifie_at, fiche.modifie_par = maintenant, acteur
    return fiche


def _consigner(session: Session, organisation: Organisation, section: Section, acteur: str, maintenant: datetime,
               **apres: JSON) -> None:  # fmt: skip
    """L'acte et la section, jamais ce qu'elle contient : ce sont des données personnelles ou bancaires."""
    consigner(
        session, contrat_id=None, acte="organisation.fiche_modifiee", objet=organisation.code, acteur=acteur,
        maintenant=maintenant, apres={"section": section.value, **apres},
    )  # fmt: skip


def enregistrer_identite(
    session: Session, organisation: Organisation, identite: IdentiteOrganisation, *, sigle: str, site_web: str,
    acteur: str, maintenant: datetime,
) -> None:  # fmt: skip
    """Corrige nom, forme et registre ; le SIRET ne change pas. Lève SaisieInvalide."""
    fautes = verifier_identite(identite, a_paris(maintenant).date())
    if fautes:
        raise SaisieInvalide(list(fautes))
    avant = {"nom": organisation.nom, "forme": organisation.forme.value, "rna": organisation.rna}
    fiche = _fiche(session, organisation, acteur, maintenant)
    fiche.site_web = site_web
    organisation.nom, organisation.sigle, organisation.forme = identite.nom.strip(), sigle, identite.forme
    organisation.rna = normaliser_rna(identite.rna) if identite.rna else None
    organisation.recepisse = identite.recepisse.strip()
    organisation.registre_tribunal = identite.registre_tribunal or None
    organisation.registre_volume = identite.registre_volume or None
    organisation.registre_folio = identite.registre_folio or None
    organisation.registre_inscrit_le = identite.registre_inscrit_le
    session.flush()
    consigner(
        session, contrat_id=None, acte="organisation.fiche_modifiee", objet=organisation.code, acteur=acteur,
        maintenant=maintenant, avant=avant, apres={
            "section": Section.IDENTITE.value, "nom": organisation.nom, "forme": organisation.forme.value,
            "rna": organisation.rna,
        },
    )  # fmt: skip


def enregistrer_champs(
    session: Session, organisation: Organisation, section: Section, valeurs: Mapping[str, JSON], *, acteur: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Écrit une section de champs simples : adresses, personne chargée de la demande, administration, réseaux.

    Lève SaisieInvalide ; un champ d'une autre section est refusé (KeyError).
    """
    if section is Section.ADMINISTRATION:
        fautes = verifier_relations(
            est_reconnue_utilite=valeurs["est_reconnue_utilite"], utilite_jo_le=valeurs["utilite_jo_le"],
            agrements=valeurs["agrements"], a_aides_minimis=valeurs["a_aides_minimis"],
            aides_minimis=valeurs["aides_minimis"], aujourd_hui=a_paris(maintenant).date(),
        )  # fmt: skip
        if fautes:
            raise SaisieInvalide(list(fautes))
    fiche = _fiche(session, organisation, acteur, maintenant)
    for nom, valeur in valeurs.items():
        if section is Section.ADRESSES and nom in _DE_L_ORGANISATION:
            setattr(organisation, nom, valeur)
        elif nom in _DE_LA_FICHE[section]:
            setattr(fiche, nom, valeur)
        else:
            raise KeyError(nom)
    session.flush()
    _consigner(session, organisation, section, acteur, maintenant)


def enregistrer_representant(
    session: Session, organisation: Organisation, valeurs: Mapping[str, str], *, depuis: date | None = None,
    acteur: str, maintenant: datetime,
) -> None:  # fmt: skip
    """Écrit qui représente l'organisation, à partir d'un jour (aujourd'hui par défaut). Lève SaisieInvalide.

    Sans jour dit, celui en cours se corrige. Ceux d'avant s'effacent : on ne garde personne sans raison.
    """
    fautes = verifier_representant(valeurs)
    if fautes:
        raise SaisieInvalide(list(fautes))
    lectures.verrouiller(session, organisation.id)
    aujourd_hui = a_paris(maintenant).date()
    gardes = lectures.list_representants(session, organisation.id)
    en_cours = next((r for r in reversed(gardes) if r.depuis <= aujourd_hui), None)
    jour = depuis or (en_cours.depuis if en_cours is not None else aujourd_hui)
    for ancien in gardes:
        if (ancien is not en_cours) if jour > aujourd_hui else (ancien.depuis <= aujourd_hui):
            session.delete(ancien)
    session.flush()
    session.add(RepresentantLegal(organisation_id=organisation.id, depuis=jour, **valeurs))
    if jour <= aujourd_hui:
        organisation.fonction_representant = valeurs["fonction"]
    session.flush()
    _consigner(session, organisation, Section.REPRESENTANT, acteur, maintenant, depuis=jour.isoformat())


def enregistrer_moyens(
    session: Session, organisation: Organisation, annee: int, moyens: Moyens, *, acteur: str, maintenant: datetime
) -> None:
    """Écrit les moyens humains d'une année ; les ETPT de la dernière servent à la notation. Lève SaisieInvalide."""
    fautes = list(verifier_moyens(moyens))
    derniere = annee_des_moyens(a_paris(maintenant).date())
    if not derniere - 3 <= annee <= derniere:
        fautes.append(Faute("annee", f"Choisissez une année de {derniere - 3} à {derniere}.", "annee_refusee"))
    if fautes:
        raise SaisieInvalide(fautes)
    lectures.verrouiller(session, organisation.id)
    garde = lectures.get_moyens(session, organisation.id, annee)
    if garde is None:
        garde = MoyensHumains(organisation_id=organisation.id, annee=annee)
        session.add(garde)
    for nom in MOYENS:
        setattr(garde, nom, getattr(moyens, nom))
    if annee == derniere:
        organisation.salaries_etp_centiemes = moyens.etpt_centiemes
    session.flush()
    _consigner(session, organisation, Section.MOYENS, acteur, maintenant, annee=annee)


def ajouter_compte(
    session: Session, organisation: Organisation, compte: Compte, *, acteur: Identite, url_publique: str,
    maintenant: datetime,
) -> CompteBancaire:  # fmt: skip
    """Ajoute un compte, qui sert désormais ; le dit à qui administre ou signe. Lève SaisieInvalide.

    Un compte changé à l'insu de l'organisation est la fraude la plus courante : d'où le courriel. Choix du projet.
    """
    fautes = list(verifier_compte(compte))
    iban = normaliser_iban(compte.iban) or ""
    lectures.verrouiller(session, organisation.id)
    if any(c.iban == iban for c in lectures.list_comptes_bancaires(session, organisation.id)):
        fautes.append(Faute("iban", "Ce compte est déjà enregistré.", "iban_connu"))
    if fautes:
        raise SaisieInvalide(fautes)
    garde = CompteBancaire(
        organisation_id=organisation.id, titulaire=compte.titulaire.strip(), banque=compte.banque.strip(), iban=iban,
        bic=compte.bic.strip().upper().replace(" ", ""), cree_at=maintenant, cree_par=acteur.acteur, retire_at=None,
    )  # fmt: skip
    session.add(garde)
    session.flush()
    _consigner(session, organisation, Section.BANQUE, acteur.acteur, maintenant, acte="ajout", compte=garde.id)
    a_prevenir = repository.list_comptes_habilites(session, organisation.id, TIENNENT_LE_COMPTE, maintenant)
    mail.prevenir(
        session, a_prevenir, "compte_bancaire_change",
        {"organisation": organisation.nom, "url": f"{url_publique}/organisations/{organisation.code}/fiche/banque"},
        cle=f"compte_bancaire:{garde.id}", maintenant=maintenant,
    )  # fmt: skip
    return garde


def retirer_compte(
    session: Session, organisation: Organisation, compte_id: int, *, acteur: str, maintenant: datetime
) -> None:
    """Retire un compte de la fiche. Lève Introuvable."""
    lectures.verrouiller(session, organisation.id)
    garde = next((c for c in lectures.list_comptes_bancaires(session, organisation.id) if c.id == compte_id), None)
    if garde is None:
        raise Introuvable("Ce compte n’est pas, ou n’est plus, celui de l’organisation.")
    garde.retire_at = maintenant
    _consigner(session, organisation, Section.BANQUE, acteur, maintenant, acte="retrait", compte=garde.id)


def retirer_comptes_de(
    session: Session, organisation: Organisation, auteurs: Collection[str], *, acteur: str, maintenant: datetime
) -> tuple[int, bool]:
    """Retire les comptes en usage que ces personnes ont ajoutés ; rend combien, et s'il en reste un. Consigné."""
    lectures.verrouiller(session, organisation.id)
    en_usage = lectures.list_comptes_bancaires(session, organisation.id)
    leurs = [c for c in en_usage if c.cree_par in auteurs]
    for compte in leurs:
        compte.retire_at = maintenant
        _consigner(session, organisation, Section.BANQUE, acteur, maintenant, acte="retrait", compte=compte.id)
    session.flush()
    return len(leurs), len(leurs) < len(en_usage)


def attester(
    session: Session, organisation: Organisation, *, acteur: Identite, qualite: str, est_atteste: bool,
    maintenant: datetime,
) -> EngagementRepublicain:  # fmt: skip
    """Atteste le contrat d'engagement républicain de l'organisation. Lève SaisieInvalide, ActeImpossible."""
    if organisation.forme not in ENGAGEES:
        raise ActeImpossible("Ce contrat ne concerne que les associations et les fondations.", code="sans_objet")
    fautes = []
    if not est_atteste:
        fautes.append(Faute("atteste", "Cochez la case pour attester.", "non_atteste"))
    if not qualite.strip():
        fautes.append(Faute("qualite", "Écrivez à quel titre vous attestez, par exemple : présidence.", "sans_qualite"))
    if fautes:
        raise SaisieInvalide(fautes)
    attestation = EngagementRepublicain(
        organisation_id=organisation.id, acteur=acteur.acteur, nom=acteur.nom, qualite=qualite.strip(),
        atteste_at=maintenant,
    )  # fmt: skip
    session.add(attestation)
    session.flush()
    consigner(
        session, contrat_id=None, acte="engagement_republicain.atteste", objet=organisation.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"qualite": attestation.qualite},
    )  # fmt: skip
    return attestation


def _representant(lue: lectures.FicheLue) -> dict[str, str]:
    r = lue.representant
    champs = ("fonction", "prenom", "nom", "telephone", "courriel")
    return {champ: getattr(r, champ) if r is not None else "" for champ in champs}


def manques_de(lue: lectures.FicheLue, aujourd_hui: date) -> tuple[Faute, ...]:
    """Ce qui manque à une fiche déjà lue."""
    o, fiche = lue.organisation, lue.fiche
    reconnue = fiche.est_reconnue_utilite if fiche is not None else None
    faits = FaitsFiche(
        forme=o.forme,
        a_un_registre=bool(o.rna or o.recepisse or o.registre_tribunal),
        siege={"adresse": o.adresse, "code_postal": o.code_postal, "commune": o.commune},
        representant=_representant(lue),
        relations={
            "est_reconnue_utilite": reconnue,
            "est_assujettie": fiche.est_assujettie if fiche is not None else None,
        },
        a_des_moyens=any(m.annee == annee_des_moyens(aujourd_hui) for m in lue.moyens),
        a_un_compte=lue.compte is not None,
        est_engagee=lue.engagement is not None,
        est_agreee=engagement_repute(
            est_reconnue_utilite=reconnue, agrements=len(fiche.agrements) if fiche is not None else 0
        ),
        a_un_signataire=lue.a_un_signataire,
    )
    return verifier_fiche(faits)


def manques(session: Session, organisation: Organisation, maintenant: datetime) -> tuple[Faute, ...]:
    """Ce qui manque à la fiche pour une demande complète ; `Faute.champ` dit la section (« section.champ »)."""
    aujourd_hui = a_paris(maintenant).date()
    return manques_de(lectures.lire(session, organisation, aujourd_hui, maintenant), aujourd_hui)


def _jour(valeur: date | None) -> str | None:
    return valeur.isoformat() if valeur is not None else None


def instantane(session: Session, organisation_id: int, annee: int, maintenant: datetime) -> dict[str, JSON]:
    """Tout ce que le Cerfa 12156*06 demande de l'organisation (rubriques 1 à 4 et 7), à figer avec un dossier.

    `annee` : celle de l'action. Les moyens humains sont ceux du dernier 31 décembre passé avant elle, ou de celui
    d'avant ; None s'ils sont plus vieux. L'IBAN entier n'est que sous
    `compte_bancaire`, clé à part qu'un export public retire. Lève Introuvable.
    """
    organisation = repository.get_organisation(session, organisation_id)
    if organisation is None:
        raise Introuvable("Cette organisation n’existe pas.")
    lue = lectures.lire(session, organisation, a_paris(maintenant).date(), maintenant)
    fiche, compte, engagement = lue.fiche, lue.compte, lue.engagement
    limite = min(annee, annee_des_moyens(a_paris(maintenant).date()) + 1)
    moyens = next((m for m in lue.moyens if limite - MOYENS_RECENTS <= m.annee < limite), None)
    return {
        "identite": _identite(organisation, fiche),
        "siege": {
            "adresse": organisation.adresse, "code_postal": organisation.code_postal, "commune": organisation.commune,
            "commune_deleguee": fiche.commune_deleguee if fiche else "", "courriel": organisation.courriel,
            "telephone": organisation.telephone,
        },
        "correspondance": _part(fiche, "correspondance_", ("adresse", "code_postal", "commune")),
        "representant": _representant(lue) if lue.representant else None,
        "personne_chargee": _part(fiche, "contact_", ("prenom", "nom", "fonction", "telephone", "courriel")),
        "relations": {
            "agrements": list(fiche.agrements) if fiche else [],
            "est_reconnue_utilite": fiche.est_reconnue_utilite if fiche else None,
            "utilite_jo_le": _jour(fiche.utilite_jo_le) if fiche else None,
            "est_assujettie": fiche.est_assujettie if fiche else None,
            "a_aides_minimis": fiche.a_aides_minimis if fiche else None,
            "aides_minimis": fiche.aides_minimis if fiche else "",
        },
        "reseaux": list(fiche.reseaux) if fiche else [],
        "personnes_morales": list(fiche.personnes_morales) if fiche else [],
        "moyens_humains": {"annee": moyens.annee, **{n: getattr(moyens, n) for n in MOYENS}} if moyens else None,
        "engagement_republicain": {
            "nom": engagement.nom, "qualite": engagement.qualite, "atteste_at": engagement.atteste_at.isoformat(),
        } if engagement else None,
        "compte_bancaire": {
            "titulaire": compte.titulaire, "banque": compte.banque, "iban": compte.iban, "bic": compte.bic,
        } if compte else None,
    }  # fmt: skip


def _identite(organisation: Organisation, fiche: FicheOrganisation | None) -> dict[str, JSON]:
    o = organisation
    registre = {
        "tribunal": o.registre_tribunal, "volume": o.registre_volume, "folio": o.registre_folio,
        "inscrit_le": _jour(o.registre_inscrit_le),
    }  # fmt: skip
    return {
        "nom": o.nom, "sigle": o.sigle, "forme": o.forme.value, "siret": o.siret, "rna": o.rna,
        **({"recepisse": o.recepisse} if o.recepisse else {}),
        "registre": registre if o.registre_tribunal else None, "site_web": fiche.site_web if fiche else "",
        "est_fictif": o.est_fictif,
    }  # fmt: skip


def _part(fiche: FicheOrganisation | None, prefixe: str, noms: tuple[str, ...]) -> dict[str, str] | None:
    """Les champs de ce préfixe ; None si rien n'est écrit."""
    valeurs = {nom: getattr(fiche, prefixe + nom) if fiche is not None else "" for nom in noms}
    return valeurs if any(valeurs.values()) else None
