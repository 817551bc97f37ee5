"""Le bilan d'une campagne : par ligne, enjeu, quartier ; et tout ce qui ne concorderait pas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel, Engagement, Enveloppe
from app.etapes.convention.models import Decision, Liberation
from app.etapes.convention.rules import SensDecision
from app.etapes.dossier.models import Demande, Dossier, DossierVersion
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.infra.journal.models import JournalEntree
from app.noyau.erreurs import Introuvable
from app.noyau.euros import ZERO, Euros
from app.referentiels.lignes.models import LigneFinancement


@dataclass
class BilanLigne:
    """Une ligne : ce qu'elle avait, ce qu'on lui a demandé, ce qui est engagé et décidé."""

    enveloppe: Euros = ZERO
    engage: Euros = ZERO
    demande: Euros = ZERO
    decide: Euros = ZERO
    etats: Counter[str] = field(default_factory=Counter)


@dataclass
class Bilan:
    """Le bilan d'un appel."""

    appel: Appel
    lignes: dict[str, BilanLigne]
    par_enjeu: dict[str, Euros]
    par_quartier: dict[str, Euros]
    dossiers: Mapping[str, int]


def dresser(session: Session, code: str) -> Bilan:
    """Lit le bilan d'un appel. Lève Introuvable."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None:
        raise Introuvable(f"L’appel {code} n’existe pas.")
    lignes: dict[str, BilanLigne] = {}
    for enveloppe, ligne in appels.list_enveloppes(session, appel.contrat_id, appel.annee):
        lignes[ligne.code] = BilanLigne(enveloppe=enveloppe.montant, engage=enveloppe.engage)
    par_enjeu: dict[str, Euros] = {}
    par_quartier: dict[str, Euros] = {}
    requete = (
        select(Demande, LigneFinancement.code, Dossier.objectif, Dossier.quartiers, Decision.montant)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .where(Dossier.appel_id == appel.id, Demande.annee == appel.annee)
        .order_by(Demande.id)
    )
    for demande, ligne_code, objectif, quartiers, decide in session.execute(requete):
        bilan = lignes.setdefault(ligne_code, BilanLigne())
        bilan.demande += demande.montant_demande
        bilan.etats[demande.etat.value] += 1
        if decide is None or demande.etat is EtatDemande.RENONCEE:
            continue
        bilan.decide += decide
        enjeu = objectif.split(".")[0]
        par_enjeu[enjeu] = par_enjeu.get(enjeu, ZERO) + decide
        for quartier in quartiers:
            part = Euros(decide.centimes // len(quartiers))
            par_quartier[quartier] = par_quartier.get(quartier, ZERO) + part
    etats = session.execute(
        select(Dossier.etat, func.count()).where(Dossier.appel_id == appel.id).group_by(Dossier.etat)
    )
    return Bilan(appel, lignes, par_enjeu, par_quartier, {e.value: n for e, n in etats})


def ecrire(bilan: Bilan) -> str:
    """Le bilan en texte, lisible au terminal."""
    rendu = [f"Bilan de l’appel {bilan.appel.code}", f"  dossiers : {dict(sorted(bilan.dossiers.items()))}"]
    for code, b in bilan.lignes.items():
        rendu.append(
            f"  {code:<11} enveloppe {b.enveloppe}, demandé {b.demande}, engagé {b.engage}, décidé {b.decide} · "
            + ", ".join(f"{etat} {n}" for etat, n in sorted(b.etats.items()))
        )
    for titre, parts in (("enjeu", bilan.par_enjeu), ("quartier", bilan.par_quartier)):
        rendu.append(f"  par {titre} : " + ", ".join(f"{cle} {montant}" for cle, montant in sorted(parts.items())))
    return "\n".join(rendu)


def discordances(session: Session, bilan: Bilan) -> list[str]:
    """Ce qui ne concorde pas : enveloppe dépassée, engagements mal totalisés, décision seule, dossier non figé."""
    phrases = []
    for code, b in bilan.lignes.items():
        if b.engage > b.enveloppe:
            phrases.append(f"{code} : {b.engage} engagés pour {b.enveloppe}.")
        if b.decide > b.engage:
            phrases.append(f"{code} : {b.decide} décidés pour {b.engage} engagés.")
    phrases += _engagements(session, bilan)
    phrases += _decisions(session, bilan)
    non_figes = session.scalar(
        select(func.count())
        .select_from(Dossier)
        .outerjoin(DossierVersion, DossierVersion.dossier_id == Dossier.id)
        .where(Dossier.appel_id == bilan.appel.id, Dossier.numero.is_not(None), DossierVersion.id.is_(None))
    )
    if non_figes:
        phrases.append(f"{non_figes} dossier(s) déposés sans contenu figé.")
    attendus = session.scalar(select(func.count()).where(JournalEntree.chaine == bilan.appel.contrat_id)) or 0
    if attendus < sum(bilan.dossiers.values()):
        phrases.append("Le journal compte moins d’actes que de dossiers.")
    if not set(bilan.dossiers) & {EtatDossier.DEPOSE.value, EtatDossier.CLOS.value}:
        phrases.append("Aucun dossier déposé.")
    return phrases


def _engagements(session: Session, bilan: Bilan) -> list[str]:
    libere = func.coalesce(
        select(func.sum(Liberation.montant)).where(Liberation.enveloppe_id == Enveloppe.id).scalar_subquery(), 0
    )
    engage = func.coalesce(
        select(func.sum(Engagement.montant)).where(Engagement.enveloppe_id == Enveloppe.id).scalar_subquery(), 0
    )
    requete = select(Enveloppe, engage - libere).where(
        Enveloppe.contrat_id == bilan.appel.contrat_id, Enveloppe.annee == bilan.appel.annee
    )
    faux = []
    for enveloppe, somme in session.execute(requete):
        total = somme.centimes if isinstance(somme, Euros) else int(somme)
        if total != enveloppe.engage.centimes:
            faux.append(f"Enveloppe {enveloppe.id} : {enveloppe.engage} tenus pour {Euros(total)} écrits.")
    return faux


def _decisions(session: Session, bilan: Bilan) -> list[str]:
    attribuees = {EtatDemande.DECIDEE, EtatDemande.NOTIFIEE, EtatDemande.RENONCEE}
    requete = (
        select(Demande.etat, Decision.sens, func.count())
        .join(Decision, Decision.demande_id == Demande.id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(Dossier.appel_id == bilan.appel.id)
        .group_by(Demande.etat, Decision.sens)
    )
    return [
        f"{n} demande(s) « {etat.value} » avec une décision « {sens.value} »."
        for etat, sens, n in session.execute(requete)
        if (sens is SensDecision.ATTRIBUEE) != (etat in attribuees)
    ]
