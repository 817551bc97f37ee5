"""Les présences, les pouvoirs et les déports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import Deport, EtatSeance, Presence, Seance, StatutPresence
from app.etapes.commission.rules import ReglesDeVote, trop_de_pouvoirs
from app.etapes.commission.service.gardes import (
    exiger_etat,
    exiger_non_proclame,
    exiger_secretaire,
    point_lu,
    seance_tenue,
)
from app.etapes.dossier.service.acces import fermer_au_compte
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.referentiels.instances.models import MembreInstance


@dataclass(frozen=True, slots=True)
class PresenceDite:
    """Ce que le secrétariat note d'un siège ; `mandataire` : rang du siège qui porte son pouvoir écrit."""

    statut: StatutPresence
    mandataire: int | None = None


def _fautes(
    sieges: Mapping[int, MembreInstance], dites: Mapping[int, PresenceDite], regles: ReglesDeVote
) -> list[Faute]:
    fautes = []
    portes: Counter[int] = Counter()
    for rang, dite in dites.items():
        champ = f"siege-{rang}"
        if rang not in sieges:
            fautes.append(Faute("", f"Le siège {rang} n’existe pas à la date de la séance.", "siege_inconnu"))
            continue
        if dite.statut is not StatutPresence.REPRESENTE:
            continue
        mandataire = sieges.get(dite.mandataire or 0)
        if mandataire is None or mandataire.rang == rang:
            fautes.append(Faute(champ, "Dites quel autre membre porte ce pouvoir.", "mandataire_absent"))
        elif not sieges[rang].a_voix or not mandataire.a_voix:
            fautes.append(Faute(champ, "Un pouvoir se donne entre membres qui ont une voix.", "pouvoir_sans_voix"))
        elif dites.get(mandataire.rang, PresenceDite(StatutPresence.ABSENT)).statut is not StatutPresence.PRESENT:
            fautes.append(Faute(champ, "Le porteur du pouvoir doit être présent.", "mandataire_non_present"))
        elif portes[mandataire.rang] >= regles.pouvoirs_par_porteur:
            fautes.append(Faute(champ, trop_de_pouvoirs(regles), "pouvoir_deja_porte"))
        else:
            portes[mandataire.rang] += 1
    return fautes


def noter(
    session: Session,
    code: str,
    dites: Mapping[int, PresenceDite],
    *,
    acteur: Identite,
    maintenant: datetime,
) -> Seance:
    """Note qui est là et qui porte le pouvoir de qui, par rang de siège ; un siège non nommé est absent.

    Un pouvoir est écrit ; combien un membre en porte, le règlement de la séance le dit : un seul, sauf réglage à
    l'ouverture (règle du projet, d'après CGCT, art. L.2121-20). Lève SaisieInvalide.
    """
    seance = seance_tenue(session, code, acteur, EtatSeance.PREPAREE, EtatSeance.OUVERTE)
    sieges = {s.rang: s for s in repository.list_membres(session, seance)}
    fautes = _fautes(sieges, dites, repository.lire_regles(seance.regles))
    if fautes:
        raise SaisieInvalide(fautes)
    notees = repository.get_presences(session, seance.id)
    for rang, siege in sieges.items():
        dite = dites.get(rang, PresenceDite(StatutPresence.ABSENT))
        mandataire = (
            sieges[dite.mandataire].id if dite.statut is StatutPresence.REPRESENTE and dite.mandataire else None
        )
        existante = notees.get(siege.id)
        if existante is None:
            existante = Presence(contrat_id=seance.contrat_id, seance_id=seance.id, membre_id=siege.id)
            session.add(existante)
        existante.statut, existante.mandataire_id, existante.a = dite.statut, mandataire, maintenant
    session.flush()
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.presences", objet=code, acteur=acteur.acteur,
        maintenant=maintenant,
        apres={
            "presents": [r for r in sorted(dites) if dites[r].statut is StatutPresence.PRESENT],
            "pouvoirs": [[r, d.mandataire] for r, d in sorted(dites.items()) if d.mandataire is not None],
        },
    )  # fmt: skip
    return seance


def deporter(
    session: Session,
    code: str,
    rang: int,
    *,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    siege: int | None = None,
) -> tuple[int, ...]:
    """Un membre se retire de ce dossier : ni travaux préparatoires, ni débat, ni vote, ni pouvoir.

    Il vaut pour tous les points du même dossier dans la séance (rangs rendus), et lui ferme le dossier. Le membre le
    déclare lui-même (`siege` absent) ; le secrétariat peut l'enregistrer pour lui.
    Source : CGCT, art. L.2131-11 ; reference/domaine.md, J21 à J23.
    """
    vue = repository.get_seance(session, code, acteur)
    dossier_id = point_lu(session, vue, rang).dossier.id
    seance = repository.get_seance(session, code, acteur, verrou=True)
    exiger_etat(seance, EtatSeance.PREPAREE, EtatSeance.OUVERTE)
    membre = _siege_qui_se_deporte(session, seance, siege, acteur)
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Dites le lien qui vous fait vous retirer.", "motif_exige")])
    du_dossier = [p for p in repository.list_points(session, seance.id) if p.dossier.id == dossier_id]
    exiger_non_proclame(next(p for p in du_dossier if p.point.rang == rang))
    deja = {d.point for d in repository.deports_de(session, seance.id) if d.membre == str(membre.rang)}
    retires = [p for p in du_dossier if p.resultat is None and str(p.point.rang) not in deja]
    if not retires:
        raise ActeImpossible("Ce déport est déjà enregistré.", code="deport_deja_enregistre")
    session.add_all(
        Deport(
            contrat_id=seance.contrat_id, point_id=p.point.id, membre_id=membre.id, motif=motif.strip(),
            acteur=acteur.acteur, a=maintenant,
        )
        for p in retires
    )  # fmt: skip
    if membre.compte_id is not None:
        raison = f"Déport à la séance {code}"
        fermer_au_compte(session, retires[0].dossier, membre.compte_id, motif=raison, maintenant=maintenant)
    session.flush()
    rangs = tuple(p.point.rang for p in retires)
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.deport", objet=f"{code}/{rang}", acteur=acteur.acteur,
        maintenant=maintenant, apres={"siege": membre.rang, "points": list(rangs), "motif": motif.strip()},
    )  # fmt: skip
    return rangs


def _siege_qui_se_deporte(session: Session, seance: Seance, siege: int | None, acteur: Identite) -> MembreInstance:
    membres = repository.list_membres(session, seance)
    siens = repository.sieges_de(membres, acteur)
    if siege is None:
        if not siens:
            raise ActeInterdit("Un membre de la commission se déporte lui-même.")
        return siens[0]
    trouve = next((m for m in membres if m.rang == siege), None)
    if trouve is None:
        raise SaisieInvalide([Faute("siege", "Choisissez un membre de la commission.", "siege_inconnu")])
    if trouve not in siens:
        exiger_secretaire(acteur, seance.contrat_id)
    return trouve
