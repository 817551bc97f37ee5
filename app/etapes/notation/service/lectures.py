"""La seconde lecture : la demander, la rendre, la retirer. Elle ne change pas la note : elle montre un désaccord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.etapes.dossier.service.recevabilite import EXAMINE
from app.etapes.notation import repository
from app.etapes.notation.models import SecondeLecture
from app.etapes.notation.repository import NoteLue
from app.etapes.notation.rules import Note, Question, lire_reponses, orienter, questions
from app.etapes.notation.service.ajustements import peut_ajuster
from app.etapes.notation.service.notes import relire
from app.infra import mail
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Portee
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles import service as grilles


def _charger(
    session: Session, numero: str, ligne: str, acteur: Identite, *, verrou: bool = True
) -> tuple[Dossier, Demande, NoteLue]:
    """Le dossier verrouillé, la demande et sa note. Lève Introuvable, ActeInterdit, ActeImpossible."""
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=verrou)
    demande = dossiers.get_demande(session, dossier, ligne, appels.get_appel(session, dossier.appel_id).annee)
    if not peut_ajuster(acteur, dossier, ligne):
        raise ActeInterdit(f"La seconde lecture revient aux personnes qui instruisent la ligne {ligne}.")
    lue = repository.notes_courantes(session, [demande.id]).get(demande.id)
    if lue is None or demande.etat not in AVANT_DECISION:
        raise ActeImpossible("Cette ligne n’a pas de note qui se lise à ce moment.", code="note_absente")
    return dossier, demande, lue


def lecteurs_possibles(
    session: Session, dossier: Dossier, demande: Demande, ligne: str, maintenant: datetime
) -> list[Compte]:
    """Les personnes qui instruisent cette ligne, n'ont rien ajusté sur cette demande et ne l'ont pas encore à lire."""
    pris = repository.ont_ajuste(session, demande.id)
    pris |= {vue.lecture.acteur for vue in repository.list_lectures(session, [demande.id]).get(demande.id, ())}
    trouves = {
        compte.id: compte
        for role in sorted(EXAMINE)
        for compte in acteurs.list_comptes_du_contrat(
            session, dossier.contrat_id, role, Portee.LIGNE, ligne, maintenant
        )
    }
    return [compte for compte in trouves.values() if compte.acteur not in pris]


def demander_lecture(
    session: Session, numero: str, ligne: str, *, lecteur: str, acteur: Identite, maintenant: datetime
) -> SecondeLecture:
    """Confie une seconde lecture à une personne qui instruit la ligne (`lecteur` : son identifiant, soi compris).

    Lève ActeInterdit, ActeImpossible ou SaisieInvalide.
    """
    dossier, demande, _ = _charger(session, numero, ligne, acteur)
    possibles = {compte.acteur for compte in lecteurs_possibles(session, dossier, demande, ligne, maintenant)}
    if lecteur not in possibles:
        phrase = "Choisissez une personne qui instruit cette ligne, n’a rien ajusté et ne l’a pas déjà à lire."
        raise SaisieInvalide([Faute("lecteur", phrase, "lecteur_refuse")])
    lecture = SecondeLecture(
        contrat_id=dossier.contrat_id, demande_id=demande.id, acteur=lecteur, demandee_par=acteur.acteur,
        demandee_le=maintenant,
    )  # fmt: skip
    session.add(lecture)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="note.lecture_demandee", objet=f"{dossier.numero}/{ligne}",
        acteur=acteur.acteur, maintenant=maintenant, apres={"lecteur": lecteur},
    )  # fmt: skip
    if lecteur != acteur.acteur:
        differer(session, "notation.annoncer_lecture", maintenant=maintenant, lecture_id=lecture.id)
    return lecture


def annoncer_lecture(session: Session, lecture_id: int, *, url_publique: str, maintenant: datetime) -> None:
    """Prévient qui doit lire, si la lecture est encore attendue. Rejouable."""
    attendue = repository.get_lecture_a_annoncer(session, lecture_id)
    if attendue is None:
        return
    compte, demandeur, dossier, ligne = attendue
    chemin = f"/dossiers/{dossier.numero}/notes/{ligne.code}/lecture"
    contexte = {
        "numero": dossier.numero, "titre": dossier.titre, "de": demandeur.nom_affiche, "ligne": ligne.financeur,
        "url": url_publique.rstrip("/") + chemin,
    }  # fmt: skip
    mail.prevenir(session, [compte], "lecture_demandee", contexte, cle=f"lecture:{lecture_id}", maintenant=maintenant)


def lire_questions(
    session: Session, numero: str, ligne: str, *, acteur: Identite
) -> tuple[Dossier, Note, Sequence[Question]]:
    """Ce que la seconde lecture demande à cette personne, et la note dont elle ne verra que les faits.

    Lève Introuvable si rien ne lui est demandé, ActeImpossible si sa lecture est rendue.
    """
    dossier, demande, lue = _charger(session, numero, ligne, acteur, verrou=False)
    _a_rendre(session, demande, acteur)
    return dossier, *_posees(session, lue)


def _a_rendre(session: Session, demande: Demande, acteur: Identite, *, verrou: bool = False) -> SecondeLecture:
    lecture = repository.get_lecture(session, demande.id, acteur.acteur, verrou=verrou)
    if lecture is None:
        raise Introuvable("Aucune seconde lecture ne vous est demandée ici.")
    if lecture.rendue_le is not None:
        raise ActeImpossible("Vous avez déjà rendu cette lecture : elle ne change plus.", code="lecture_rendue")
    return lecture


def _posees(session: Session, lue: NoteLue) -> tuple[Note, Sequence[Question]]:
    note = relire(session, lue)
    grille = grilles.lire(session, lue.note.grille_id, lue.empreinte_grille)
    return note, questions(orienter(grille, {lue.ligne: note.priorites}), note)


def rendre_lecture(
    session: Session,
    numero: str,
    ligne: str,
    *,
    taux: Mapping[str, str],
    motifs: Mapping[str, str],
    acteur: Identite,
    maintenant: datetime,
) -> SecondeLecture:
    """Rend sa lecture, critère par critère, une fois pour toutes. Lève Introuvable, ActeImpossible, SaisieInvalide."""
    dossier, demande, lue = _charger(session, numero, ligne, acteur)
    lecture = _a_rendre(session, demande, acteur, verrou=True)
    reponses, fautes = lire_reponses(_posees(session, lue)[1], taux, motifs)
    if fautes:
        raise SaisieInvalide(list(fautes))
    lecture.criteres = {code: {"taux": r.taux, "motif": r.motif} for code, r in reponses.items()}
    lecture.rendue_le = maintenant
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="note.lecture_rendue", objet=f"{dossier.numero}/{ligne}",
        acteur=acteur.acteur, maintenant=maintenant, apres=lecture.criteres,
    )  # fmt: skip
    return lecture


def retirer_lecture(
    session: Session, numero: str, ligne: str, *, lecteur: str, acteur: Identite, maintenant: datetime
) -> None:
    """Retire une lecture demandée et pas encore rendue. Lève Introuvable, ActeImpossible."""
    dossier, demande, _ = _charger(session, numero, ligne, acteur)
    lecture = repository.get_lecture(session, demande.id, lecteur, verrou=True)
    if lecture is None:
        raise Introuvable("Cette lecture n’est pas, ou n’est plus, demandée.")
    if lecture.rendue_le is not None:
        raise ActeImpossible("Cette lecture est rendue : elle ne se retire plus.", code="lecture_rendue")
    if acteur.acteur not in {lecture.acteur, lecture.demandee_par}:
        raise ActeInterdit("Une lecture se retire par qui l’a demandée ou par qui doit la rendre.")
    session.delete(lecture)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="note.lecture_retiree", objet=f"{dossier.numero}/{ligne}",
        acteur=acteur.acteur, maintenant=maintenant, avant={"lecteur": lecteur},
    )  # fmt: skip
