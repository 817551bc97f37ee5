"""Préparer une séance, son ordre du jour ; la convoquer, l'ouvrir, la clore."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.repository import get_appel, get_appel_par_code
from app.etapes.commission import repository
from app.etapes.commission.models import Deport, EtatSeance, PointSeance, Seance
from app.etapes.commission.rules import Decoupage, Reglages, decoupage_des_blocs, nom_du_bloc
from app.etapes.commission.rules.regles import accorder
from app.etapes.commission.service.gardes import exiger_secretaire, seance_tenue
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Faute, Introuvable, SaisieInvalide
from app.noyau.periodes import a_paris, instant_long


def creer(
    session: Session,
    *,
    appel_code: str,
    prevue_le: datetime | None,
    lieu: str,
    acteur: Identite,
    maintenant: datetime,
    decoupage: Decoupage = Decoupage.OBJECTIF,
) -> Seance:
    """Crée une séance et son ordre du jour. Lève Introuvable, ActeInterdit, SaisieInvalide ou ActeImpossible."""
    appel = get_appel_par_code(session, appel_code, verrou=True)
    if appel is None or appel.contrat_id not in acteur.contrats(repository.LISENT):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    exiger_secretaire(acteur, appel.contrat_id)
    commission = repository.get_commission(session, appel.contrat_id)
    if commission is None:
        phrase = "Aucune instance de ce contrat n’a de siège de président : chargez la composition de la commission."
        raise ActeImpossible(phrase, code="commission_absente")
    prevue_le = _date_et_lieu(prevue_le, lieu, maintenant)
    seance = Seance(
        contrat_id=appel.contrat_id, appel_id=appel.id, instance_id=commission.id,
        code=f"{appel.code}-s{repository.compter_seances(session, appel.id) + 1}", prevue_le=prevue_le,
        lieu=lieu.strip(), etat=EtatSeance.PREPAREE, regles={"jeu": "commission_des_elus"}, cree_par=acteur.acteur,
        cree_at=maintenant,
    )  # fmt: skip
    session.add(seance)
    session.flush()
    nombre = _inscrire(session, seance, decoupage)
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.preparee", objet=seance.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"points": nombre, "prevue_le": prevue_le.isoformat()},
    )  # fmt: skip
    return seance


def _date_et_lieu(prevue_le: datetime | None, lieu: str, maintenant: datetime) -> datetime:
    """La date, si elle est à venir et le lieu dit. Lève SaisieInvalide, toutes les fautes d'un coup."""
    fautes = []
    if prevue_le is None:
        fautes.append(Faute("prevue_le", "Donnez la date et l’heure de la séance.", "date_absente"))
    elif prevue_le <= maintenant:
        fautes.append(Faute("prevue_le", "Choisissez pour la séance une date à venir.", "date_passee"))
    if not lieu.strip():
        fautes.append(Faute("lieu", "Dites où se tient la séance, ou donnez le lien.", "lieu_absent"))
    if fautes or prevue_le is None:
        raise SaisieInvalide(fautes)
    return prevue_le


def deplacer(
    session: Session, code: str, *, prevue_le: datetime | None, lieu: str, acteur: Identite, maintenant: datetime
) -> Seance:
    """Change la date ou le lieu d'une séance en préparation. Déjà convoquée, elle est à convoquer de nouveau.

    Lève SaisieInvalide ; ActeImpossible si la séance est ouverte ou close.
    """
    seance = seance_tenue(session, code, acteur, EtatSeance.PREPAREE)
    avant = {"prevue_le": seance.prevue_le.isoformat(), "lieu": seance.lieu}
    seance.prevue_le = _date_et_lieu(prevue_le, lieu, maintenant)
    seance.lieu, seance.convoquee_le = lieu.strip(), None
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.deplacee", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant=avant, apres={"prevue_le": seance.prevue_le.isoformat(), "lieu": seance.lieu},
    )  # fmt: skip
    return seance


def _inscrire(session: Session, seance: Seance, decoupage: Decoupage) -> int:
    """Refait l'ordre du jour en entier ; les déports déjà déclarés suivent leur dossier."""
    appel = get_appel(session, seance.appel_id)
    anciens = repository.list_deports_enregistres(session, seance.id)
    deports = [(demande_id, d.membre_id, d.motif, d.acteur, d.a) for demande_id, d in anciens]
    points = [p.point for p in repository.list_points(session, seance.id)]
    for objets in ([d for _, d in anciens], points):
        for objet in objets:
            session.delete(objet)
        session.flush()
    votables = repository.list_votables(session, appel, seance_id=seance.id)
    nouveaux: dict[int, PointSeance] = {}
    for rang, v in enumerate(votables, start=1):
        bloc = nom_du_bloc(decoupage, v.ligne.code, v.objectif)
        nouveaux[v.demande.id] = PointSeance(
            contrat_id=seance.contrat_id, seance_id=seance.id, demande_id=v.demande.id, rang=rang, bloc=bloc,
            montant_soumis=v.montant,
        )  # fmt: skip
    session.add_all(nouveaux.values())
    session.flush()
    session.add_all(
        Deport(
            contrat_id=seance.contrat_id, point_id=nouveaux[demande_id].id, membre_id=membre_id, motif=motif,
            acteur=acteur, a=a,
        )
        for demande_id, membre_id, motif, acteur, a in deports
        if demande_id in nouveaux
    )  # fmt: skip
    session.flush()
    return len(nouveaux)


def _decoupage_actuel(session: Session, seance: Seance) -> Decoupage:
    points = repository.list_points(session, seance.id)
    return decoupage_des_blocs(frozenset(p.point.bloc for p in points))


def actualiser(
    session: Session, code: str, *, acteur: Identite, maintenant: datetime, decoupage: Decoupage | None = None
) -> Seance:
    """Refait l'ordre du jour d'une séance en préparation : demandes nouvelles, montants d'aujourd'hui."""
    seance = seance_tenue(session, code, acteur, EtatSeance.PREPAREE)
    nombre = _inscrire(session, seance, decoupage or _decoupage_actuel(session, seance))
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.ordre_du_jour", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"points": nombre},
    )  # fmt: skip
    return seance


def convoquer(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Seance:
    """Envoie les convocations aux membres qui ont un compte ; une seconde fois, elles repartent."""
    seance = seance_tenue(session, code, acteur, EtatSeance.PREPAREE)
    if not repository.list_points(session, seance.id):
        raise ActeImpossible("L’ordre du jour est vide : rien à convoquer.", code="ordre_du_jour_vide")
    seance.convoquee_le = maintenant
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.convoquee", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"prevue_le": seance.prevue_le.isoformat()},
    )  # fmt: skip
    differer(session, "commission.convoquer", seance_id=seance.id, maintenant=maintenant)
    return seance


def _fautes_de_regles(jeu: str, reglages: Reglages) -> list[Faute]:
    """Un règlement inconnu, ou des réglages changés sous un règlement qui ne se règle pas."""
    if jeu not in repository.JEUX_DE_REGLES:
        return [Faute("regles", "Choisissez un règlement de la liste.", "regles_inconnues")]
    if jeu == repository.JEU_REGLABLE:
        return []
    nom = repository.JEUX_DE_REGLES[repository.JEU_REGLABLE].nom
    phrase = f"Seul le {nom} se règle : choisissez-le plus haut, ou remettez la valeur de départ."
    return [Faute(champ, phrase, "reglement_non_reglable") for champ in reglages.changes()]


def _fautes_de_pouvoirs(session: Session, seance: Seance, reglages: Reglages) -> list[Faute]:
    """Des pouvoirs déjà notés que les réglages n'admettraient plus."""
    notees = repository.get_presences(session, seance.id).values()
    portes = Counter(p.mandataire_id for p in notees if p.mandataire_id is not None)
    if max(portes.values(), default=0) <= reglages.pouvoirs_par_porteur:
        return []
    phrase = f"{accorder(portes.total(), 'pouvoir est noté', 'pouvoirs sont notés')} : corrigez d’abord les présences."
    return [Faute("pouvoirs_par_porteur", phrase, "pouvoirs_deja_notes")]


def ouvrir(
    session: Session,
    code: str,
    *,
    acteur: Identite,
    maintenant: datetime,
    jeu: str = repository.JEU_REGLABLE,
    reglages: Reglages = Reglages(),  # noqa: B008 -- Reglages est figé
) -> Seance:
    """Ouvre la séance : l'ordre du jour et ses montants sont repris une dernière fois, les règles de vote figées.

    `reglages` : les valeurs de cette séance, seulement sous le règlement de la commission. Lève SaisieInvalide.
    """
    seance = seance_tenue(session, code, acteur, EtatSeance.PREPAREE)
    fautes = _fautes_de_regles(jeu, reglages) or _fautes_de_pouvoirs(session, seance, reglages)
    if fautes:
        raise SaisieInvalide(fautes)
    if a_paris(maintenant).date() < a_paris(seance.prevue_le).date():
        phrase = f"La séance est prévue le {instant_long(seance.prevue_le)} : elle s’ouvre ce jour-là, pas avant."
        raise ActeImpossible(phrase, code="seance_a_venir")
    if not _inscrire(session, seance, _decoupage_actuel(session, seance)):
        raise ActeImpossible("L’ordre du jour est vide : rien à voter.", code="ordre_du_jour_vide")
    seance.regles = repository.regles_en_json(jeu, reglages if jeu == repository.JEU_REGLABLE else None)
    seance.etat, seance.ouverte_le = EtatSeance.OUVERTE, maintenant
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.ouverte", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"regles": seance.regles},
    )  # fmt: skip
    return seance


def clore(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Seance:
    """Clôt la séance et fait sceller son procès-verbal. Les points non proclamés iront à une autre séance."""
    seance = seance_tenue(session, code, acteur, EtatSeance.OUVERTE)
    points = repository.list_points(session, seance.id)
    proclames = sum(p.resultat is not None for p in points)
    seance.etat, seance.close_le = EtatSeance.CLOSE, maintenant
    consigner(
        session, contrat_id=seance.contrat_id, acte="seance.close", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"proclames": proclames, "reportes": len(points) - proclames},
    )  # fmt: skip
    differer(session, "commission.sceller_proces_verbal", seance_id=seance.id, maintenant=maintenant)
    return seance
