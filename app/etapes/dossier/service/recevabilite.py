"""La recevabilité, ligne par ligne : examiner, demander un complément, vérifier ou corriger un fait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import ControleRecevabilite, Demande, DemandeComplement, Dossier, FaitConstate
from app.etapes.dossier.rules.etats import AVANT_DECISION, transition_demande
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.recevabilite import verifier_champ, verifier_points
from app.etapes.dossier.service.complements import hors_champ_de
from app.etapes.dossier.service.vie import passer_demande, passer_dossier, verifier_passage_demande
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.roles import Role

CONCLUSIONS = {
    "recevable": "declarer_recevable",
    "irrecevable": "declarer_irrecevable",
    "hors_champ": "declarer_hors_champ",
    "orientee": "orienter",
}
# Ce qui arrive aux années suivantes d'une CPO quand sa première année est reprise.
SUITES = {"rouvrir": "rouvrir", "declarer_caduque": "ecarter_suite"}
EXAMINE = frozenset({Role.INSTRUCTEUR, Role.SOUS_PREFECTURE})
COMPLEMENT_MAX = timedelta(days=92)  # choix du projet : au-delà, mieux vaut conclure et laisser redéposer


def examiner(
    session: Session,
    identifiant: str,
    *,
    ligne: str,
    annee: int,
    conclusion: str,
    points: Mapping[str, bool],
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    oriente_vers: str = "",
) -> Demande:
    """Conclut l'examen de recevabilité d'une demande. Lève SaisieInvalide (conclusion, points, motif, orientation)."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    demande = repository.get_demande(session, dossier, ligne, annee, verrou=True)
    if conclusion not in CONCLUSIONS:
        raise SaisieInvalide([Faute("conclusion", "Choisissez une conclusion.", "conclusion_inconnue")])
    verifier_passage_demande(dossier, demande, CONCLUSIONS[conclusion], ligne=ligne, acteur=acteur)
    recevable = conclusion == "recevable"
    motif_hors_champ = _hors_champ(session, dossier, ligne) if recevable else None
    fautes = [*verifier_points(points, recevable=recevable), *verifier_champ(motif_hors_champ, recevable=recevable)]
    if transition_demande(CONCLUSIONS[conclusion]).motif and not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige"))
    if conclusion == "orientee" and not oriente_vers.strip():
        phrase = "Dites vers quoi la demande est orientée (autre ligne, droit commun, autre dispositif)."
        fautes.append(Faute("oriente_vers", phrase, "orientation_exigee"))
    if fautes:
        raise SaisieInvalide(fautes)
    passer_demande(
        session, dossier, demande, CONCLUSIONS[conclusion], ligne=ligne, acteur=acteur, maintenant=maintenant,
        motif=motif,
    )  # fmt: skip
    session.add(
        ControleRecevabilite(
            contrat_id=dossier.contrat_id,
            demande_id=demande.id,
            points=dict(points),
            conclusion=conclusion,
            motif=motif.strip(),
            oriente_vers=oriente_vers.strip(),
            acteur=acteur.acteur,
            a=maintenant,
        )
    )
    if conclusion == "recevable":
        _faire_noter(session, dossier, maintenant)
    else:
        _faire_suivre(session, dossier, demande, CONCLUSIONS[conclusion], ligne, acteur, maintenant, motif)
    return demande


def _hors_champ(session: Session, dossier: Dossier, ligne: str) -> str | None:
    """Pourquoi cette ligne ne concerne pas le dernier contenu figé de ce dossier ; None si elle le concerne."""
    fige = repository.get_version(session, dossier.id)
    return hors_champ_de(session, dossier, fige.contenu if fige is not None else {}).get(ligne)


def _faire_suivre(
    session: Session,
    dossier: Dossier,
    premiere: Demande,
    acte: str,
    ligne: str,
    acteur: Identite,
    maintenant: datetime,
    motif: str,
) -> None:
    """Les années suivantes d'une CPO suivent la première : écartée ou rouverte, elle les emmène (ADR 0008)."""
    for suivante in repository.list_annees_suivantes(session, premiere):
        if suivante.etat in transition_demande(acte).depuis:
            passer_demande(
                session, dossier, suivante, acte, ligne=ligne, acteur=acteur, maintenant=maintenant,
                motif=f"Comme {premiere.annee} : {motif.strip()}",
            )  # fmt: skip


def _reprendre(
    session: Session,
    identifiant: str,
    acte: str,
    *,
    ligne: str,
    annee: int,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
) -> Demande:
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    demande = repository.get_demande(session, dossier, ligne, annee, verrou=True)
    passer_demande(session, dossier, demande, acte, ligne=ligne, acteur=acteur, maintenant=maintenant, motif=motif)
    if acte in SUITES:
        _faire_suivre(session, dossier, demande, SUITES[acte], ligne, acteur, maintenant, motif)
    return demande


def rouvrir(
    session: Session, identifiant: str, *, ligne: str, annee: int, motif: str, acteur: Identite, maintenant: datetime
) -> Demande:
    """Rouvre l'examen d'une demande écartée (irrecevable, hors champ, orientée)."""
    return _reprendre(
        session, identifiant, "rouvrir", ligne=ligne, annee=annee, motif=motif, acteur=acteur, maintenant=maintenant
    )


def reprendre_examen(
    session: Session, identifiant: str, *, ligne: str, annee: int, motif: str, acteur: Identite, maintenant: datetime
) -> Demande:
    """Reprend l'examen d'une demande ajournée par la commission."""
    return _reprendre(
        session, identifiant, "reprendre_examen", ligne=ligne, annee=annee, motif=motif, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip


def declarer_caduque(
    session: Session, identifiant: str, *, ligne: str, annee: int, motif: str, acteur: Identite, maintenant: datetime
) -> Demande:
    """Met fin à une demande restée en réserve ou ajournée."""
    return _reprendre(
        session, identifiant, "declarer_caduque", ligne=ligne, annee=annee, motif=motif, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip


# Les actes qui reprennent une demande, par nom : l'API et les pages en sortent.
REPRISES: Mapping[str, Callable[..., Demande]] = {
    "rouvrir": rouvrir,
    "reprendre_examen": reprendre_examen,
    "declarer_caduque": declarer_caduque,
}


def demander_complement(
    session: Session,
    identifiant: str,
    *,
    objet: str,
    pourquoi: str,
    echeance_le: datetime,
    acteur: Identite,
    maintenant: datetime,
    ligne: str = "",
    sections: Collection[str] | None = None,
) -> DemandeComplement:
    """Demande un complément : quoi, pourquoi, jusqu'à quand. Bloque la décision, pas la lecture.

    `sections` : les étapes que le porteur pourra corriger ; None : toutes ; vide : aucune, il répond et joint.

    `ligne` : code du financeur qui le demande, et lui seul est alors suspendu ; vide : toutes les lignes du dossier.
    Lève ActeInterdit (autre ligne que la sienne), ActeImpossible (tout est déjà décidé) ou SaisieInvalide.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    fautes = []
    visees = [(d, li) for d, li in repository.list_demandes(session, [dossier.id]) if ligne in ("", li.code)]
    ligne_id = visees[0][1].id if ligne and visees else None
    if ligne and ligne_id is None:
        fautes.append(Faute("ligne", "Ce dossier ne demande rien à cette ligne.", "ligne_inconnue"))
    elif not any(acteur.roles_sur_ligne(dossier.contrat_id, li.code) & EXAMINE for _, li in visees):
        raise ActeInterdit("Le complément revient aux personnes qui instruisent une ligne demandée par ce dossier.")
    if visees and not any(d.etat in AVANT_DECISION for d, _ in visees):
        raise ActeImpossible("Tout est déjà décidé : un complément n’y changerait rien.", code="deja_decide")
    fautes += verifier_complement(objet, pourquoi, echeance_le, maintenant)
    if sections is not None and set(sections) - set(Section):
        fautes.append(Faute("sections", "Choisissez des étapes de la liste.", "etape_inconnue"))
    if fautes:
        raise SaisieInvalide(fautes)
    passer_dossier(session, dossier, "demander_complement", acteur=acteur, maintenant=maintenant, motif=objet)
    complement = DemandeComplement(
        contrat_id=dossier.contrat_id,
        dossier_id=dossier.id,
        ligne_id=ligne_id,
        objet=objet.strip(),
        pourquoi=pourquoi.strip(),
        echeance_le=echeance_le,
        demandee_le=maintenant,
        demandee_par=acteur.acteur,
        sections=None if sections is None else [s.value for s in Section if s in sections],
    )
    session.add(complement)
    session.flush()
    differer(session, "dossier.annoncer_complement", maintenant=maintenant, complement_id=complement.id)
    return complement


def verifier_complement(objet: str, pourquoi: str, echeance_le: datetime | None, maintenant: datetime) -> list[Faute]:
    """Ce qui manque à une demande de complément, tout d'un coup. `echeance_le` None : pas encore choisie."""
    fautes = []
    if not objet.strip():
        fautes.append(Faute("objet", "Dites ce qui est attendu.", "objet_exige"))
    if not pourquoi.strip():
        fautes.append(Faute("pourquoi", "Dites pourquoi c’est nécessaire.", "pourquoi_exige"))
    if echeance_le is None or echeance_le <= maintenant:
        fautes.append(Faute("echeance_le", "Choisissez une échéance à venir.", "echeance_passee"))
    elif echeance_le > maintenant + COMPLEMENT_MAX:
        phrase = f"Choisissez une échéance dans les {COMPLEMENT_MAX.days} jours : d’ici là, rien ne se décide."
        fautes.append(Faute("echeance_le", phrase, "echeance_lointaine"))
    return fautes


def constater_fait(
    session: Session,
    dossier: Dossier,
    *,
    code: str,
    valeur: Any,
    statut: str,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
) -> FaitConstate:
    """Un agent vérifie un fait du dossier, ou le corrige avec un motif. Lève ActeInterdit ou SaisieInvalide."""
    if not acteur.tient(*EXAMINE, contrat_id=dossier.contrat_id):
        raise ActeInterdit("Seules les personnes qui instruisent vérifient un fait.")
    if statut == "corrige" and not motif.strip():
        raise SaisieInvalide([Faute("motif", "Dites pourquoi ce fait est corrigé.", "motif_exige")])
    fait = FaitConstate(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code, valeur=valeur, statut=statut,
        motif=motif.strip(), acteur=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(fait)
    consigner(
        session, contrat_id=dossier.contrat_id, acte=f"fait.{statut}", objet=f"{dossier.numero}/{code}",
        acteur=acteur.acteur, maintenant=maintenant, apres={"valeur": valeur, "motif": motif.strip()},
    )  # fmt: skip
    _faire_noter(session, dossier, maintenant)
    return fait


def _faire_noter(session: Session, dossier: Dossier, maintenant: datetime) -> None:
    """Une notation attend déjà ce dossier : elle suffit."""
    cle = f"notation.noter_dossier/{dossier.id}"
    differer(session, "notation.noter_dossier", maintenant=maintenant, cle_unique=cle, dossier_id=dossier.id)
