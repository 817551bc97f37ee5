"""La notice explicative : la composer, la demander, la remettre, la sceller. Ligne par ligne, après la décision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import DocumentDossier, Dossier
from app.etapes.dossier.repository.notifies import RIEN, list_notifies
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande
from app.etapes.notation.models import DemandeNotice
from app.etapes.notation.repository import list_lectures, notes_courantes
from app.etapes.notation.repository.notices import NATURE, demandes_et_scellee, list_demandes_notice
from app.etapes.notation.rules.notice import (
    LigneEnAttente,
    LigneExpliquee,
    Notice,
    Raison,
    est_communicable,
    expliquer,
)
from app.etapes.notation.rules.notice_donnees import notice_vers_donnees
from app.etapes.notation.rules.transparence import adresse_des_regles
from app.etapes.notation.rules.travaux import Voie
from app.etapes.notation.service.lecture import LIT_LES_NOTES, LigneVue, lignes_vues
from app.etapes.notation.service.noms import cite_des_textes, noms_des_codes
from app.etapes.notation.service.notes import SERVICE
from app.infra import documents, pdf
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ancres import ancrer, mention_ancre
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.periodes import PARIS, a_paris, date_longue, instant_long
from app.noyau.roles import Role
from app.referentiels.contrats.repository import get_contrat
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import texte_canonique

ENREGISTRE = frozenset({Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.CHARGE_MISSION})
"""Qui note une demande reçue par courrier ou au guichet, et sa remise."""
RESERVE = "La notice explicative se lit par l’association, et par les personnes qui instruisent ou qui siègent."
TROP_TOT = (
    "Aucun financeur ne vous a encore notifié sa décision. Avant, la note est un document préparatoire : elle ne se "
    "communique pas."
)


@dataclass(frozen=True, slots=True)
class NoticeOuverte:
    """Une notice, ses demandes, sa dernière version scellée. `est_du_porteur` : lue par l'association."""

    dossier: Dossier
    notice: Notice
    demandes: Sequence[DemandeNotice]
    scellee: DocumentDossier | None
    est_du_porteur: bool

    @property
    def est_remise(self) -> bool:
        """Vrai si l'association l'a demandée et reçue une fois : elle lui reste ouverte."""
        return any(demande.remise_le is not None for demande in self.demandes)

    @property
    def en_attente(self) -> tuple[DemandeNotice, ...]:
        """Les demandes reçues autrement qu'en ligne, pas encore servies."""
        return tuple(demande for demande in self.demandes if demande.remise_le is None)


def ouvrir(session: Session, numero: str, acteur: Identite) -> NoticeOuverte:
    """La notice d'un dossier : celle de l'association (lignes notifiées), ou l'aperçu entier des agents.

    Lève Introuvable, ActeInterdit, NoteIrrejouable. Une personne de l'association n'a jamais l'aperçu.
    """
    dossier = dossiers.get_dossier(session, numero, acteur)
    est_du_porteur = dossier.organisation_id in acteur.organisations()
    if not est_du_porteur and not acteur.tient(*LIT_LES_NOTES, contrat_id=dossier.contrat_id):
        raise ActeInterdit(RESERVE)
    if dossier.numero is None:
        raise Introuvable("Ce dossier n’est pas déposé : il n’a pas de note.")
    notice = composer(session, dossier) if est_du_porteur else apercu(session, dossier, acteur)
    demandes, scellee = demandes_et_scellee(session, dossier.id)
    return NoticeOuverte(dossier, notice, demandes, scellee, est_du_porteur)


def exiger_remise(ouverte: NoticeOuverte) -> None:
    """Lève ActeImpossible si l'association ne l'a pas encore demandée, ou si rien ne se communique encore."""
    if not ouverte.est_du_porteur:
        return
    if not ouverte.notice.lignes:
        raise ActeImpossible(TROP_TOT, code="decision_a_notifier")
    if not ouverte.est_remise:
        raise ActeImpossible("Demandez d’abord votre notice : elle est prête.", code="notice_a_demander")


def composer(session: Session, dossier: Dossier) -> Notice:
    """La notice de l'association : ses lignes notifiées. Six requêtes au plus, deux de plus avec de longs textes."""
    vues = _vues(session, dossier)
    dites = _dites(session, dossier, vues)
    ouvertes = [vue for vue in vues if est_communicable(vue.demande.etat, est_dit=vue.code in dites)]
    return _notice(session, dossier, vues, ouvertes, est_apercu=False)


def apercu(session: Session, dossier: Dossier, acteur: Identite) -> Notice:
    """L'aperçu d'un agent : toutes les lignes notées, sauf celle dont il doit d'abord une seconde lecture."""
    vues = _vues(session, dossier, acteur.acteur)
    return _notice(session, dossier, vues, vues, est_apercu=True)


def _vues(session: Session, dossier: Dossier, lecteur: str = "") -> tuple[LigneVue, ...]:
    demandes = dossiers.list_demandes(session, [dossier.id])
    cles = [demande.id for demande, _ in demandes]
    a_decider = [demande.id for demande, _ in demandes if demande.etat in AVANT_DECISION] if lecteur else []
    lectures = list_lectures(session, a_decider) if a_decider else {}
    return lignes_vues(session, demandes, notes_courantes(session, cles), (), lectures, lecteur)


def _notice(
    session: Session, dossier: Dossier, vues: Sequence[LigneVue], ouvertes: Sequence[LigneVue], *, est_apercu: bool
) -> Notice:
    montrees = [vue for vue in ouvertes if vue.note is not None]
    return Notice(
        numero=dossier.numero or "",
        titre=dossier.titre,
        regles=adresse_des_regles(session.get_one(Appel, dossier.appel_id).code),
        est_apercu=est_apercu,
        lignes=_expliquees(session, dossier, montrees),
        en_attente=tuple(_en_attente(vue, vue in ouvertes) for vue in vues if vue not in montrees),
    )


def _dites(session: Session, dossier: Dossier, vues: Sequence[LigneVue]) -> frozenset[str]:
    """Les lignes finies sans état « notifié » (renoncée, caduque) dont l'accordé a pourtant été dit au porteur."""
    finies = [vue for vue in vues if vue.demande.etat in (EtatDemande.RENONCEE, EtatDemande.CADUQUE)]
    notifies = list_notifies(session, [dossier.id] if finies else []).get(dossier.id, RIEN)
    return frozenset(vue.code for vue in finies if notifies.accorde(vue.code, vue.demande.annee) is not None)


def _expliquees(session: Session, dossier: Dossier, vues: Sequence[LigneVue]) -> tuple[LigneExpliquee, ...]:
    if not vues:
        return ()
    textes = any(vue.note is not None and cite_des_textes(vue.note.faits) for vue in vues)
    noms = noms_des_codes(session, dossier, textes=textes)
    return tuple(
        expliquer(
            vue.note, grilles.lire(session, vue.lue.note.grille_id, vue.lue.empreinte_grille), libelle=vue.libelle,
            calculee_le=vue.lue.note.a, noms=noms,
        )
        for vue in vues
        if vue.note is not None and vue.lue is not None
    )  # fmt: skip


def _en_attente(vue: LigneVue, est_ouverte: bool) -> LigneEnAttente:
    if vue.est_hors_jeu:
        phrase = "Cette demande n’a pas été étudiée sur cette ligne : elle n’a pas de note, ce qui n’est pas zéro."
        return LigneEnAttente(vue.code, vue.libelle, Raison.SORTIE, phrase)
    if vue.a_lire:
        phrase = "Vous devez d’abord rendre votre seconde lecture : la note ne se montre pas avant."
        return LigneEnAttente(vue.code, vue.libelle, Raison.A_LIRE, phrase)
    if est_ouverte:
        return LigneEnAttente(vue.code, vue.libelle, Raison.SANS_NOTE, "Aucune note n’a servi à cette décision.")
    phrase = "Sa notice s’ouvrira quand ce financeur vous aura notifié sa décision. Avant, elle ne se communique pas."
    return LigneEnAttente(vue.code, vue.libelle, Raison.A_NOTIFIER, phrase)


# --- demander, remettre ---------------------------------------------------------------------------------------------


def demander(session: Session, numero: str, *, acteur: Identite, maintenant: datetime) -> DemandeNotice:
    """L'association demande sa notice en ligne : elle lui est remise au même instant. Rejouable : une seule demande.

    Lève Introuvable, ActeInterdit, ActeImpossible (`decision_a_notifier`).
    """
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    if dossier.organisation_id not in acteur.organisations():
        raise ActeInterdit("La notice se demande en ligne par l’association qui a déposé le dossier.")
    if not composer(session, dossier).lignes:
        raise ActeImpossible(TROP_TOT, code="decision_a_notifier")
    connues = list_demandes_notice(session, dossier.id)
    deja = next((demande for demande in connues if demande.voie is Voie.EN_LIGNE), None)
    if deja is not None:
        return deja
    demande = DemandeNotice(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, voie=Voie.EN_LIGNE, demandee_par=acteur.acteur,
        demandee_le=maintenant, remise_par=SERVICE, remise_le=maintenant,
    )  # fmt: skip
    _enregistrer(session, dossier, demande, acteur, maintenant)
    return demande


def enregistrer(
    session: Session, numero: str, *, voie: Voie, recue_le: date | None, acteur: Identite, maintenant: datetime
) -> DemandeNotice:
    """Un agent note une demande reçue par courrier ou au guichet ; elle attend sa remise. Rejouable le même jour.

    Lève Introuvable, ActeInterdit, SaisieInvalide (voie, recue_le).
    """
    dossier = _dossier_de_l_agent(session, numero, acteur)
    fautes = []
    if voie is Voie.EN_LIGNE:
        fautes.append(Faute("voie", "Choisissez courrier ou guichet.", "voie_inconnue"))
    if (faute := _faute_de_jour("recue_le", recue_le, dossier.depose_le, maintenant)) is not None:
        fautes.append(faute)
    if fautes or recue_le is None:
        raise SaisieInvalide(fautes)
    le = _a_ce_jour(recue_le, maintenant, apres=dossier.depose_le)
    for connue in list_demandes_notice(session, dossier.id):
        if connue.voie is voie and a_paris(connue.demandee_le).date() == recue_le:
            return connue
    demande = DemandeNotice(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, voie=voie, demandee_par=acteur.acteur, demandee_le=le,
        remise_par=None, remise_le=None,
    )  # fmt: skip
    _enregistrer(session, dossier, demande, acteur, maintenant)
    return demande


def remettre(
    session: Session, numero: str, *, remise_le: date | None, acteur: Identite, maintenant: datetime
) -> Sequence[DemandeNotice]:
    """Un agent note que la notice a été remise : toutes les demandes qui attendaient le sont. Rend celles-là.

    Lève ActeImpossible (`rien_a_remettre`, `decision_a_notifier`), SaisieInvalide (remise_le).
    """
    dossier = _dossier_de_l_agent(session, numero, acteur)
    attendues = [d for d in list_demandes_notice(session, dossier.id, verrou=True) if d.remise_le is None]
    if not attendues:
        raise ActeImpossible("Aucune demande de notice n’attend sa remise.", code="rien_a_remettre")
    if not composer(session, dossier).lignes:
        phrase = "Aucune décision n’est encore notifiée : la notice ne se communique pas avant."
        raise ActeImpossible(phrase, code="decision_a_notifier")
    derniere = max(demande.demandee_le for demande in attendues)
    if (faute := _faute_de_jour("remise_le", remise_le, derniere, maintenant)) is not None or remise_le is None:
        raise SaisieInvalide([faute] if faute is not None else [])
    for demande in attendues:
        demande.remise_le = _a_ce_jour(remise_le, maintenant, apres=demande.demandee_le)
        demande.remise_par = acteur.acteur
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="notice.remise", objet=str(dossier.numero), acteur=acteur.acteur,
        maintenant=maintenant, apres={"demandes": len(attendues), "remise_le": remise_le.isoformat()},
    )  # fmt: skip
    return attendues


def _dossier_de_l_agent(session: Session, numero: str, acteur: Identite) -> Dossier:
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    if not acteur.tient(*ENREGISTRE, contrat_id=dossier.contrat_id):
        raise ActeInterdit(
            "Une demande de notice s’enregistre par les personnes qui instruisent ou conduisent l’appel."
        )
    if dossier.depose_le is None:
        raise Introuvable("Ce dossier n’est pas déposé : il n’a pas de note.")
    return dossier


def _faute_de_jour(nom: str, jour: date | None, depuis: datetime | None, maintenant: datetime) -> Faute | None:
    """Un jour passé ou présent, pas avant ce qui le précède."""
    if jour is None:
        return Faute(nom, "Donnez une date.", "date_absente")
    if jour > a_paris(maintenant).date():
        return Faute(nom, "Cette date est dans l’avenir.", "date_future")
    if depuis is not None and jour < a_paris(depuis).date():
        return Faute(nom, f"Pas avant le {date_longue(a_paris(depuis).date())}.", "date_trop_tot")
    return None


def _a_ce_jour(jour: date, maintenant: datetime, *, apres: datetime | None) -> datetime:
    """Un instant de ce jour : maintenant si c'est aujourd'hui, sinon midi ; jamais avant `apres`."""
    instant = maintenant if jour == a_paris(maintenant).date() else datetime.combine(jour, time(12), PARIS)
    return max(instant, apres) if apres is not None else instant


def _enregistrer(
    session: Session, dossier: Dossier, demande: DemandeNotice, acteur: Identite, maintenant: datetime
) -> None:
    session.add(demande)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="notice.demandee", objet=str(dossier.numero),
        acteur=acteur.acteur, maintenant=maintenant,
        apres={"voie": demande.voie.value, "est_remise": demande.remise_le is not None},
    )  # fmt: skip
    _faire_sceller(session, dossier.id, maintenant)


# --- sceller --------------------------------------------------------------------------------------------------------


def completer(session: Session, dossier_id: int, *, maintenant: datetime) -> None:
    """Une décision de plus est notifiée : si la notice a été demandée, son PDF se refait. À appeler en la notifiant."""
    if list_demandes_notice(session, dossier_id):
        _faire_sceller(session, dossier_id, maintenant)


def _faire_sceller(session: Session, dossier_id: int, maintenant: datetime) -> None:
    cle = f"notation.sceller_notice/{dossier_id}"
    differer(session, "notation.sceller_notice", maintenant=maintenant, cle_unique=cle, dossier_id=dossier_id)


def sceller(session: Session, dossier_id: int, *, maintenant: datetime) -> bool:
    """Scelle la notice de l'association en PDF et l'ancre. Faux si elle n'a rien à dire ou rien de nouveau."""
    dossier = session.get_one(Dossier, dossier_id, with_for_update={"key_share": True})
    notice = composer(session, dossier)
    if not notice.lignes:
        return False
    donnees = notice_vers_donnees(notice)
    nature = NATURE + hashlib.sha256(texte_canonique(donnees).encode()).hexdigest()
    if dossiers.get_document(session, dossier.id, nature) is not None:
        return False
    octets = pdf.compiler("notice", _imprimer(session, dossier, notice, maintenant))
    nom = f"notice-{dossier.numero}-{a_paris(maintenant):%Y-%m-%d}.pdf"
    empreinte = documents.sceller(session, octets, media="application/pdf", nom=nom, maintenant=maintenant)
    ancrer(session, dossier.contrat_id, f"pdf:{empreinte}", maintenant)
    session.add(
        DocumentDossier(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, nature=nature, sha256=empreinte, a=maintenant
        )
    )
    return True


def _imprimer(session: Session, dossier: Dossier, notice: Notice, maintenant: datetime) -> dict[str, object]:
    donnees = notice_vers_donnees(notice)
    for ligne in donnees["lignes"]:
        ligne["calculee_le"] = instant_long(datetime.fromisoformat(ligne["calculee_le"]))
    return {
        **donnees,
        "titre": "Notice explicative",
        "surtitre": get_contrat(session, dossier.contrat_id).intitule,
        "reference": f"Dossier n° {dossier.numero}",
        "action": dossier.titre,
        "le": date_longue(a_paris(maintenant).date()),
        "instant": maintenant,
        "mention": mention_ancre(session, dossier.contrat_id),
    }
