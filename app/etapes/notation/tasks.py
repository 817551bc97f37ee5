"""Tâches : noter un dossier, renoter un appel, sceller une notice. Rejouables : rien ne s'ajoute qui ne diffère."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.notation import service
from app.etapes.notation.service import lectures, notice
from app.etapes.notation.service.comparaison import Couple
from app.infra.jobs import Atelier, tache, tache_longue
from app.noyau.erreurs import ErreurMetier


@tache("notation.noter_dossier")
def noter_dossier(session: Session, *, maintenant: datetime, dossier_id: int) -> None:
    """Après un examen, un fait établi, un complément."""
    service.noter_dossier(session, dossier_id, acteur=service.SERVICE, maintenant=maintenant)


@tache_longue("notation.noter_appel")
def noter_appel(atelier: Atelier, *, maintenant: datetime, appel_id: int) -> None:
    """Renote un appel : une transaction par lot, reprise sans dommage où qu'elle s'arrête."""
    apres: int | None = 0
    try:
        while apres is not None:
            with atelier.transaction() as session:
                apres = service.avancer_renotation(session, appel_id, apres=apres, maintenant=maintenant)
    except ErreurMetier as refus:
        with atelier.transaction() as session:
            service.interrompre_renotation(session, appel_id, refus.message, maintenant=maintenant)
        raise


@tache_longue("notation.essayer_grille")
def essayer_grille(atelier: Atelier, *, maintenant: datetime, travail_id: int) -> None:
    """Note un appel avec une grille essayée, sans écrire de note ; recommence du début si le worker meurt."""
    try:
        with atelier.transaction() as session:
            grille = service.commencer_essai(session, travail_id, maintenant=maintenant)
        if grille is None:
            return
        couples: list[Couple] = []
        apres: int | None = 0
        while apres is not None:
            with atelier.transaction() as session:
                apres, lot = service.avancer_essai(session, travail_id, grille, apres=apres)
            couples += lot
        with atelier.transaction() as session:
            service.ranger_essai(session, travail_id, grille, couples, maintenant=maintenant)
    except ErreurMetier as refus:
        with atelier.transaction() as session:
            service.interrompre_essai(session, travail_id, refus.message, maintenant=maintenant)
        raise


@tache_longue("notation.sceller_notice")
def sceller_notice(atelier: Atelier, *, maintenant: datetime, dossier_id: int) -> None:
    """Après une demande de notice, ou une décision de plus ; rejouable : la même notice ne se scelle pas deux fois."""
    with atelier.transaction() as session:
        notice.sceller(session, dossier_id, maintenant=maintenant)


@tache_longue("notation.annoncer_lecture")
def annoncer_lecture(atelier: Atelier, *, maintenant: datetime, lecture_id: int) -> None:
    """Après une demande de seconde lecture : qui doit lire est prévenu."""
    with atelier.transaction() as session:
        lectures.annoncer_lecture(session, lecture_id, url_publique=atelier.config.url_publique, maintenant=maintenant)
