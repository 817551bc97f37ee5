"""Le bilan d'une campagne : par ligne, enjeu, quartier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.convention.models import Decision
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.noyau.erreurs import Introuvable
from app.noyau.euros import ZERO, Euros
from app.referentiels.lignes.models import LigneFinancement

SANS_QUARTIER = "sans quartier"


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


def parts_egales(montant: Euros, quartiers: Sequence[str]) -> dict[str, Euros]:
    """Un montant partagé entre les quartiers d'un dossier ; les centimes qui restent vont aux premiers."""
    entiere, reste = divmod(montant.centimes, len(quartiers) or 1)
    return {q: Euros(entiere + (rang < reste)) for rang, q in enumerate(quartiers or [SANS_QUARTIER])}


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
        for quartier, part in parts_egales(decide, quartiers).items():
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
