"""Doter une enveloppe ; engager et libérer (les seules écritures)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository
from app.etapes.appel.models import Engagement, Enveloppe, Liberation, MouvementEnveloppe
from app.etapes.appel.rules import (
    NatureEngagement,
    NatureEnveloppe,
    fautes_de_l_annee,
    peut_engager,
    verifier_dotation,
)
from app.etapes.appel.service.conduite import exiger_charge
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.contrats import repository as contrats
from app.referentiels.lignes import repository as lignes


class EnveloppeDepassee(ActeImpossible):
    """L'enveloppe ne suffit pas : rien n'est engagé."""

    code = "enveloppe_depassee"


@dataclass(frozen=True, slots=True)
class AEngager:
    """Un engagement à écrire : la demande, sa ligne, son année, son montant."""

    demande_id: int
    ligne_id: int
    annee: int
    montant: Euros


def doter(
    session: Session,
    *,
    contrat_id: int,
    ligne: str,
    annee: int,
    montant: Euros,
    nature: NatureEnveloppe,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    est_fictive: bool = False,
) -> Enveloppe:
    """Fixe le montant d'une enveloppe (prévisionnelle, puis notifiée). Jamais sous ce qui est déjà engagé.

    Lève ActeInterdit, SaisieInvalide ou EnveloppeDepassee.
    """
    exiger_charge(acteur, contrat_id)
    trouvee = lignes.get_ligne(session, contrat_id, ligne)
    if trouvee is None:
        raise SaisieInvalide([Faute("ligne", "Cette ligne n’existe pas.", "ligne_inconnue")])
    contrat = contrats.get_contrat(session, contrat_id)
    fautes = verifier_dotation(montant, motif) + fautes_de_l_annee(annee, contrat.debut.year, contrat.fin.year)
    if fautes:
        raise SaisieInvalide(fautes)
    existantes = repository.verrouiller_enveloppes(session, contrat_id, [(trouvee.id, annee)])
    avant = existantes[0].montant.centimes if existantes else None
    if existantes:
        enveloppe = existantes[0]
        if montant < enveloppe.engage:
            phrase = f"{enveloppe.engage} sont déjà engagés : l’enveloppe ne peut pas descendre sous ce montant."
            raise EnveloppeDepassee(phrase)
        enveloppe.montant, enveloppe.nature = montant, nature
    else:
        enveloppe = Enveloppe(
            contrat_id=contrat_id, ligne_id=trouvee.id, annee=annee, nature=nature, montant=montant,
            est_fictive=est_fictive,
        )  # fmt: skip
        session.add(enveloppe)
    session.flush()
    session.add(
        MouvementEnveloppe(
            contrat_id=contrat_id, enveloppe_id=enveloppe.id, nature=nature, montant=montant, motif=motif.strip(),
            acteur=acteur.acteur, a=maintenant,
        )
    )  # fmt: skip
    consigner(
        session, contrat_id=contrat_id, acte="enveloppe.dotee", objet=f"{ligne}/{annee}", acteur=acteur.acteur,
        maintenant=maintenant, avant=avant,
        apres={"montant_centimes": montant.centimes, "nature": nature.value, "motif": motif.strip()},
    )  # fmt: skip
    return enveloppe


def engager(
    session: Session,
    *,
    contrat_id: int,
    actes: Sequence[AEngager],
    nature: NatureEngagement,
    acteur: Identite,
    maintenant: datetime,
) -> Euros:
    """Engage des montants, tous ou aucun. Verrouille d'abord les enveloppes, triées ; la base juge en dernier.

    Rend le total engagé. Lève EnveloppeDepassee, qui dit ce qui manque. L'appelant consigne son acte.
    Ordre des verrous : enveloppes, puis dossiers, séance, journal (architecture, décision 11) : appeler ceci avant
    de verrouiller un dossier.
    """
    enveloppes = {
        (e.ligne_id, e.annee): e
        for e in repository.verrouiller_enveloppes(session, contrat_id, [(a.ligne_id, a.annee) for a in actes])
    }
    par_enveloppe: dict[tuple[int, int], Euros] = {}
    for acte in actes:
        cle = (acte.ligne_id, acte.annee)
        par_enveloppe[cle] = par_enveloppe.get(cle, Euros(0)) + acte.montant
    for cle, total in par_enveloppe.items():
        enveloppe = enveloppes.get(cle)
        if enveloppe is None:
            raise EnveloppeDepassee(f"Aucune enveloppe n’est ouverte pour {cle[1]} sur cette ligne.")
        if not peut_engager(enveloppe.montant, enveloppe.engage, total):
            reste = enveloppe.montant - enveloppe.engage
            phrase = f"Il reste {reste} sur l’enveloppe {cle[1]} ; {total} sont à engager. Rien n’a été engagé."
            raise EnveloppeDepassee(phrase)
    for acte in actes:
        session.add(
            Engagement(
                contrat_id=contrat_id, enveloppe_id=enveloppes[acte.ligne_id, acte.annee].id,
                demande_id=acte.demande_id, annee=acte.annee, nature=nature, montant=acte.montant,
                acteur=acteur.acteur, a=maintenant,
            )
        )  # fmt: skip
    session.flush()
    for enveloppe in enveloppes.values():
        session.expire(enveloppe, ["engage"])
    return Euros.somme(par_enveloppe.values())


def liberer(
    session: Session,
    enveloppe: Enveloppe,
    demande_id: int,
    montant: Euros,
    *,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    """Rend à une enveloppe, déjà verrouillée, ce qu'une demande y avait engagé ; la base refuse de rendre plus.

    Une écriture ajoutée, avec son motif (ADR 0004). L'appelant consigne son acte.
    """
    session.add(
        Liberation(
            contrat_id=enveloppe.contrat_id, enveloppe_id=enveloppe.id, demande_id=demande_id, annee=enveloppe.annee,
            montant=montant, motif=motif, acteur=acteur.acteur, a=maintenant,
        )
    )  # fmt: skip
    session.flush()
    session.expire(enveloppe, ["engage"])
