"""Ajuster un critère, avec motif, à côté de la valeur calculée."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository
from app.etapes.notation.models import Ajustement
from app.etapes.notation.repository import NoteLue
from app.etapes.notation.service.notes import noter_dossier
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide, VersionPerimee


def peut_ajuster(acteur: Identite, dossier: Dossier, ligne: str) -> bool:
    """Vrai pour les personnes qui instruisent cette ligne."""
    return bool(acteur.roles_sur_ligne(dossier.contrat_id, ligne) & EXAMINE)


def ajuster(
    session: Session,
    numero: str,
    ligne: str,
    *,
    critere: str,
    taux_pour_cent: int | None,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    rang: int | None = None,
) -> NoteLue:
    """Ajuste un critère (part de son poids, en %) à côté de la valeur calculée ; None rétablit le calcul.

    Ajoute l'ajustement, puis la note de rang suivant ; la rend, ou la courante si rien ne bouge. `rang` : celui de la
    note que la personne avait sous les yeux. Lève ActeInterdit, ActeImpossible, SaisieInvalide ou VersionPerimee.
    """
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    demande = dossiers.get_demande(session, dossier, ligne, appels.get_appel(session, dossier.appel_id).annee)
    if not peut_ajuster(acteur, dossier, ligne):
        raise ActeInterdit(f"Ajuster une note revient aux personnes qui instruisent la ligne {ligne}.")
    due = repository.get_lecture(session, demande.id, acteur.acteur)
    if due is not None and due.rendue_le is None:
        raise ActeImpossible("Rendez d’abord la seconde lecture qui vous est demandée.", code="lecture_due")
    courante = repository.notes_courantes(session, [demande.id]).get(demande.id)
    if courante is None or demande.etat not in AVANT_DECISION:
        raise ActeImpossible("Cette ligne n’a pas de note qui s’ajuste à ce moment.", code="note_absente")
    if rang is not None and rang != courante.note.rang:
        raise VersionPerimee("Cette note a changé depuis que vous l’avez ouverte : relisez-la avant d’ajuster.")
    _verifier_ajustement(courante, critere, taux_pour_cent, motif)
    session.add(
        Ajustement(
            contrat_id=dossier.contrat_id, demande_id=demande.id, critere=critere, taux_pour_cent=taux_pour_cent,
            motif=motif.strip(), acteur=acteur.acteur, a=maintenant,
        )
    )  # fmt: skip
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="note.ajustee", objet=f"{dossier.numero}/{ligne}/{critere}",
        acteur=acteur.acteur, maintenant=maintenant, apres={"taux_pour_cent": taux_pour_cent, "motif": motif.strip()},
    )  # fmt: skip
    noter_dossier(session, dossier.id, acteur=acteur.acteur, maintenant=maintenant)
    return repository.notes_courantes(session, [demande.id])[demande.id]


def _verifier_ajustement(courante: NoteLue, critere: str, taux: int | None, motif: str) -> None:
    fautes = []
    comptent = {critere["code"] for critere in courante.note.criteres if critere.get("etat") != "sans_objet"}
    if critere not in comptent:
        fautes.append(Faute("critere", "Choisissez un critère qui compte dans cette note.", "critere_inconnu"))
    if taux is not None and not 0 <= taux <= 100:
        fautes.append(Faute("taux_pour_cent", "Écrivez une part du poids, de 0 à 100.", "hors_echelle"))
    if not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige"))
    if fautes:
        raise SaisieInvalide(fautes)
