"""Signer et déposer : le contenu se fige, le numéro s'attribue, chaque ligne demandée s'ouvre. Puis compléter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import depot_possible
from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, DepotIdempotent, Dossier, DossierVersion, Passage
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.depot import fautes_du_complement, verifier_depot
from app.etapes.dossier.rules.etats import DEPOSES, EtatDemande, EtatDossier, transition
from app.etapes.dossier.rules.formulaire_unique import QUALITES, REPRESENTANT
from app.etapes.dossier.rules.numero_dauphin import normaliser
from app.etapes.dossier.service import portail_etat, signature
from app.etapes.dossier.service.brouillon import cadre, sections_ouvertes
from app.etapes.dossier.service.complements import ACTE, hors_champ_de, rejuger
from app.etapes.dossier.service.resume import resumer
from app.etapes.dossier.service.vie import passer_dossier, roles_sur_dossier, verifier_passage
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.chaine import canonique
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide, VersionPerimee
from app.noyau.euros import Euros
from app.noyau.identifiants import numero_de_dossier
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.service.fiche import instantane
from app.referentiels.contrats import repository as contrats
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.rules import NatureAutorite

PERIMEE = "Le dossier a changé depuis que vous l’avez lu. Relisez-le, puis recommencez."


def _exiger_version(dossier: Dossier, version_lue: int) -> None:
    if dossier.version != version_lue:
        raise VersionPerimee(PERIMEE, {"version": (dossier.version, version_lue)})


def signer(
    session: Session, identifiant: str, *, version_lue: int, fiche_lue: str | None = None,
    qualite: str = REPRESENTANT, acteur: Identite, maintenant: datetime,
) -> Dossier:  # fmt: skip
    """Le représentant légal (ou son mandataire) signe la version qu'il a lue, et la fiche de l'organisation.

    `fiche_lue` : l'empreinte de la fiche qu'on lui a montrée. Lève VersionPerimee si la version ou la fiche a changé.
    """
    if qualite not in dict(QUALITES):
        raise SaisieInvalide([Faute("qualite", "Dites en quelle qualité vous signez.", "qualite_absente")])
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    if Role.SIGNATAIRE not in roles_sur_dossier(acteur, dossier):
        raise ActeInterdit("Seule la personne signataire de l’organisation peut signer.")
    _exiger_version(dossier, version_lue)
    passer_dossier(session, dossier, "signer", acteur=acteur, maintenant=maintenant)
    annee = appels.get_appel(session, dossier.appel_id).annee
    fiche = instantane(session, dossier.organisation_id, annee, maintenant)
    montree = signature.empreinte_de_la_fiche(fiche)
    if fiche_lue is not None and fiche_lue != montree:
        raise VersionPerimee(PERIMEE, {"fiche": (montree, fiche_lue)})
    dossier.signe_empreintes = signature.empreintes(signature.contenu_a_signer(session, dossier), fiche)
    dossier.signe_le, dossier.signe_par, dossier.signe_version = maintenant, acteur.acteur, dossier.version
    dossier.signe_nom, dossier.signe_qualite = acteur.nom, qualite
    return dossier


def deposer(
    session: Session,
    identifiant: str,
    *,
    version_lue: int,
    acteur: Identite,
    maintenant: datetime,
    cle: str | None = None,
) -> Dossier:
    """Dépose un dossier signé, avec la fiche signée. Un second dépôt rend le même dossier, déjà numéroté.

    Lève ActeInterdit, ActeImpossible (`signature_manquante`, `signataire_parti`, `fiche_changee`, `appel_clos`…),
    VersionPerimee ou SaisieInvalide.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    if not roles_sur_dossier(acteur, dossier) & transition("deposer").roles:
        raise ActeInterdit("Seule l’organisation dépose son dossier.")
    if cle is not None and (deja := repository.get_depot_idempotent(session, cle, acteur.acteur)) is not None:
        if deja.dossier_id != dossier.id:
            raise ActeImpossible("Cette clé a déjà servi à un autre dépôt.", code="cle_deja_utilisee")
        return dossier
    if dossier.etat in DEPOSES:
        return dossier
    _exiger_deposable(dossier, version_lue)
    signature.exiger_signataire_actuel(session, dossier, maintenant)
    # Relu sous verrou même s'il est déjà en mémoire : un compteur périmé donnerait deux fois le même numéro.
    appel = session.get_one(Appel, dossier.appel_id, with_for_update={"key_share": True}, populate_existing=True)
    dossier.phase_id = _phase_du_depot(session, dossier, appel, maintenant)
    contenu = signature.contenu_a_signer(session, dossier)
    organisation = session.get_one(Organisation, dossier.organisation_id)
    fiche = signature.fiche_a_deposer(session, dossier, appel.annee, maintenant)
    _exiger_deposable_tel_quel(session, dossier, appel, organisation, contenu, fiche)
    appel.compteur += 1
    prefixe = contrats.get_contrat(session, dossier.contrat_id).prefixe
    dossier.numero = numero_de_dossier(prefixe, appel.annee, appel.compteur)
    dossier.depose_le = maintenant
    passer_dossier(session, dossier, "deposer", acteur=acteur, maintenant=maintenant)
    resumer(dossier, contenu, organisation, appel.annee)
    fiche |= signature.a_cote(session, dossier, maintenant, None)
    _figer(session, dossier, contenu, fiche, acteur, maintenant)
    _ouvrir_demandes(session, dossier, appel, contenu, acteur, maintenant)
    if cle is not None:
        session.add(
            DepotIdempotent(
                contrat_id=dossier.contrat_id, cle=cle, acteur=acteur.acteur, dossier_id=dossier.id, a=maintenant
            )
        )
    differer(session, "dossier.accuser_reception", maintenant=maintenant, dossier_id=dossier.id)
    return dossier


def _phase_du_depot(session: Session, dossier: Dossier, appel: Appel, maintenant: datetime) -> int:
    """La phase ouverte : celle du brouillon, sinon une suivante (rien n'est à retaper). Lève ActeImpossible."""
    premier = depot_possible(appel.etat, appels.intervalle(appels.get_phase(session, dossier.phase_id)), maintenant)
    if premier.possible:
        return dossier.phase_id
    for phase in appels.list_phases(session, appel.id):
        if depot_possible(appel.etat, appels.intervalle(phase), maintenant).possible:
            return phase.id
    raise ActeImpossible(premier.motif, code=premier.code)


def _exiger_deposable(dossier: Dossier, version_lue: int) -> None:
    if dossier.etat is EtatDossier.RETIRE:
        raise ActeImpossible("Ce dossier est retiré : il ne se dépose plus.", code="etat_contraire")
    _exiger_version(dossier, version_lue)
    if dossier.signe_le is None or dossier.signe_version != dossier.version:
        raise ActeImpossible(
            "Ce dossier n’est pas signé : faites-le signer avant de déposer.", code="signature_manquante"
        )


def _exiger_deposable_tel_quel(
    session: Session,
    dossier: Dossier,
    appel: Appel,
    organisation: Organisation,
    contenu: Mapping[str, Any],
    fiche: Mapping[str, Any],
) -> None:
    """Rien ne manque, la fiche est celle qui a été signée, le numéro du portail est libre."""
    fautes = verifier_depot(contenu, cadre(session, dossier, appel, organisation))
    if fautes:
        raise SaisieInvalide(list(fautes), "Il manque encore quelque chose à ce dossier.")
    changees = signature.ce_qui_a_change(dossier, contenu, fiche)
    if changees:
        raise ActeImpossible(
            f"Ce qui a été signé a changé depuis : {', '.join(changees)}. La signature ne "
            "tient plus : relisez et signez de nouveau, puis déposez.",
            code="fiche_changee",
        )
    portail_etat.au_depot(session, dossier, contenu)


def _figer(
    session: Session,
    dossier: Dossier,
    contenu: Mapping[str, Any],
    organisation: Mapping[str, Any],
    acteur: Identite,
    maintenant: datetime,
) -> DossierVersion:
    """Ajoute le contenu figé suivant, et la fiche du porteur : JSON canonique, empreinte consignée, PDF à sceller."""
    version = DossierVersion(
        contrat_id=dossier.contrat_id,
        dossier_id=dossier.id,
        rang=repository.dernier_rang(session, dossier.id) + 1,
        contenu=dict(contenu),
        organisation=dict(organisation),
        empreinte=hashlib.sha256(canonique({"contenu": dict(contenu), "organisation": dict(organisation)})).hexdigest(),
        a=maintenant,
    )
    session.add(version)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.fige", objet=dossier.numero or "",
        acteur=acteur.acteur, maintenant=maintenant, apres={"rang": version.rang, "empreinte": version.empreinte},
    )  # fmt: skip
    differer(session, "dossier.sceller_demande", maintenant=maintenant, dossier_id=dossier.id, rang=version.rang)
    return version


def _ouvrir_demandes(
    session: Session,
    dossier: Dossier,
    appel: Appel,
    contenu: Mapping[str, Any],
    acteur: Identite,
    maintenant: datetime,
) -> None:
    par_code = {ligne.code: ligne for ligne in lignes.list_lignes(session, dossier.contrat_id)}
    motifs = hors_champ_de(session, dossier, contenu)
    precedents = {r["ligne"]: r for r in contenu.get("precedents") or ()}
    for saisie in lire_budget(contenu, appel.annee).demandes:
        ligne = par_code[saisie.ligne]
        motif = motifs.get(ligne.code)
        n1 = precedents.get(saisie.ligne, {}) if saisie.annee == appel.annee else {}
        etat = ligne.nature_autorite is NatureAutorite.ETAT
        demande = Demande(
            contrat_id=dossier.contrat_id,
            dossier_id=dossier.id,
            ligne_id=ligne.id,
            annee=saisie.annee,
            etat=EtatDemande.OUVERTE if motif is None else EtatDemande.HORS_CHAMP,
            montant_demande=saisie.montant,
            montant_demande_n1=_montant(n1.get("demande")),
            montant_accorde_n1=_montant(n1.get("accorde")),
            montant_depense_n1=_montant(n1.get("depense")),
            theme_p147=(contenu.get("theme_p147") or None) if etat else None,
            numero_dauphin=normaliser(str(contenu.get("numero_dauphin") or "")) if etat else None,
            modifiee_at=maintenant,
        )
        session.add(demande)
        session.flush()
        if motif is not None:
            session.add(
                Passage(
                    contrat_id=dossier.contrat_id, dossier_id=dossier.id, demande_id=demande.id,
                    acte=ACTE, de="", vers=demande.etat.value, motif=motif, acteur=acteur.acteur,
                    a=maintenant,
                )
            )  # fmt: skip


def _montant(centimes: object) -> Euros | None:
    return Euros(centimes) if isinstance(centimes, int) else None


def completer(session: Session, identifiant: str, *, reponse: str, acteur: Identite, maintenant: datetime) -> Dossier:
    """Le porteur envoie le complément attendu : un nouveau contenu est figé, les demandes de complément sont closes.

    Qui l'envoie ne signe pas : la signature porte toujours sur la première version.
    Une ligne communale dont plus aucune fiche visée n'est de sa commune est mise hors champ d'office.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    verifier_passage(dossier, "completer", acteur=acteur, motif=reponse)
    appel = appels.get_appel(session, dossier.appel_id)
    organisation = session.get_one(Organisation, dossier.organisation_id)
    contenu = signature.contenu_a_signer(session, dossier)
    fautes = _fautes_du_complement(session, dossier, appel, organisation, contenu)
    if fautes:
        raise SaisieInvalide(list(fautes), "Le dossier complété n’est pas encore prêt.")
    passer_dossier(session, dossier, "completer", acteur=acteur, maintenant=maintenant, motif=reponse)
    for complement in repository.list_complements(session, dossier.id, verrou=True):
        if complement.recue_le is None:
            complement.recue_le, complement.reponse = maintenant, reponse.strip()
    resumer(dossier, contenu, organisation, appel.annee)
    fiche = instantane(session, dossier.organisation_id, appel.annee, maintenant)
    fiche |= signature.a_cote(session, dossier, maintenant, acteur)
    _figer(session, dossier, contenu, fiche, acteur, maintenant)
    _reporter_dauphin(session, dossier, contenu)
    rejuger(session, dossier, contenu, acteur=acteur, maintenant=maintenant)
    dossier.version += 1
    differer(
        session, "notation.noter_dossier", maintenant=maintenant, cle_unique=f"notation.noter_dossier/{dossier.id}",
        dossier_id=dossier.id,
    )  # fmt: skip
    return dossier


def _fautes_du_complement(
    session: Session, dossier: Dossier, appel: Appel, organisation: Organisation, contenu: Mapping[str, Any]
) -> tuple[Faute, ...]:
    """Ce que le porteur peut et doit mender : rien de ce qu'on ne lui a pas rouvert."""
    juge = cadre(session, dossier, appel, organisation)
    figee = repository.get_version(session, dossier.id)
    avant = verifier_depot(figee.contenu, juge) if figee is not None else ()
    return fautes_du_complement(avant, verifier_depot(contenu, juge), sections_ouvertes(session, dossier))


def _reporter_dauphin(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> None:
    """Le thème et le numéro Dauphin arrivent souvent après le dépôt : les demandes à l'État les reçoivent."""
    numero = portail_etat.au_depot(session, dossier, contenu)
    for demande, ligne in repository.list_demandes(session, [dossier.id]):
        if ligne.nature_autorite is NatureAutorite.ETAT:
            demande.theme_p147 = contenu.get("theme_p147") or demande.theme_p147
            demande.numero_dauphin = numero or demande.numero_dauphin
