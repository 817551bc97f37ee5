"""Recevoir un fichier, déposer une pièce, conclure une analyse. Les octets vont au magasin avant COMMIT."""

from __future__ import annotations

import mmap
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy.orm import Session

from app.infra import jobs, mail
from app.infra.antivirus import LONGUEUR_RAISON
from app.infra.files import Magasin, Televersement, mesurer
from app.infra.files.controle import Controle, controler, nettoyer_nom, verifier_taille
from app.infra.files.refus import FichierRefuse, Octets
from app.infra.heure import heure_machine
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.pieces import repository
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.rules import PIECES_MAX, EtatFichier, Nature, validite, verifier_dates

EN_MEMOIRE = 1 << 20


def recevoir(
    session: Session, magasin: Magasin, televersement: Televersement, *, acteur: Identite, maintenant: datetime,
    champ: str = "fichier",
) -> Fichier:  # fmt: skip
    """Contrôle le contenu, range les octets, inscrit le fichier « reçu » et met son analyse en file.

    Lève SaisieInvalide : la faute est sur `champ`, sa phrase dit comment réparer. Une transaction annulée laisse des
    octets sans rangée, que `fichier.ramasser` retire ; jamais une rangée sans octets.
    """
    try:
        controle = _controler(televersement)
    except FichierRefuse as refus:
        raise SaisieInvalide([Faute(champ, refus.message, refus.code)]) from refus
    sha256, taille = mesurer(televersement.flux)
    repository.verrouiller_contenu(session, sha256)
    magasin.ranger(sha256, televersement.flux)
    fichier = Fichier(
        code=f"f-{secrets.token_hex(10)}", sha256=sha256, nom=controle.nom, media=controle.genre.media, taille=taille,
        etat=EtatFichier.RECU, motif=None, analyse_at=None, analyse_par=None, essais=0, essaye_at=None,
        derniere_erreur=None, par=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(fichier)
    session.flush()
    jobs.differer(
        session, "fichier.analyser", cle_unique=cle_analyse(fichier.id), maintenant=maintenant, fichier_id=fichier.id
    )
    return fichier


def cle_analyse(fichier_id: int) -> str:
    """La clé d'attente d'une analyse : une seule en file par fichier."""
    return f"fichier.analyser:{fichier_id}"


def _controler(televersement: Televersement) -> Controle:
    """Le nom et la taille d'abord : un fichier trop lourd n'est pas lu."""
    nettoyer_nom(televersement.nom)
    taille = televersement.flux.seek(0, 2)
    verifier_taille(taille)
    with _projeter(televersement, taille) as octets:
        return controler(octets, televersement.nom)


@contextmanager
def _projeter(televersement: Televersement, taille: int) -> Iterator[Octets]:
    """Les octets du fichier : projetés s'il est sur le disque, lus s'il est petit ou seulement en mémoire."""
    flux = televersement.flux
    flux.seek(0)
    try:
        descripteur = flux.fileno() if taille > EN_MEMOIRE else None
    except OSError:
        descripteur = None
    if descripteur is None:
        yield flux.read()
        return
    flux.flush()
    with mmap.mmap(descripteur, 0, access=mmap.ACCESS_READ) as projection:
        yield projection


def deposer(
    session: Session, magasin: Magasin, organisation: Organisation, televersement: Televersement, *, nature: Nature,
    intitule: str = "", datee_du: date | None = None, jusqu_au: date | None = None, acteur: Identite,
    maintenant: datetime,
) -> Piece:  # fmt: skip
    """Dépose une pièce de l'organisation ; celle d'avant reste dans l'histoire. Lève SaisieInvalide.

    Le même fichier, à la même nature et aux mêmes dates, déposé deux fois de suite n'en fait qu'une (double clic).
    """
    jour = a_paris(maintenant).date()
    datee_du = datee_du or jour
    intitule = intitule.strip() if nature is Nature.AUTRE else ""
    fautes = verifier_dates(nature, datee_du, jusqu_au, jour)
    if nature is Nature.AUTRE and not intitule:
        fautes.append(Faute("intitule", "Dites ce qu’est cette pièce.", "intitule_absent"))
    if fautes:
        raise SaisieInvalide(fautes)
    vaut = validite(nature, datee_du, jusqu_au)
    repository.verrouiller_organisation(session, organisation.id)
    derniere = repository.get_derniere(session, organisation.id, nature, intitule)
    if derniere is not None and _est_la_meme(derniere, televersement, vaut.du, vaut.au):
        return derniere[0]
    if repository.compter_pieces(session, organisation.id) >= PIECES_MAX:
        phrase = (
            f"Votre organisation a déjà {PIECES_MAX} pièces, anciennes comprises : on n’en ajoute plus ici. "
            "Joignez ce fichier au dossier qu’il concerne, ou écrivez au service qui l’étudie."
        )
        raise SaisieInvalide([Faute("fichier", phrase, "trop_de_pieces")])
    fichier = recevoir(session, magasin, televersement, acteur=acteur, maintenant=maintenant)
    piece = Piece(
        code=f"p-{secrets.token_hex(6)}", organisation_id=organisation.id, nature=nature, intitule=intitule,
        fichier_id=fichier.id, valable_du=vaut.du, valable_au=vaut.au,
        remplace_id=derniere[0].id if derniere is not None else None, par=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(piece)
    session.flush()
    consigner(
        session, contrat_id=None, acte="piece.deposee", objet=organisation.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"nature": nature.value, "piece": piece.code, "sha256": fichier.sha256},
    )  # fmt: skip
    return piece


def _est_la_meme(derniere: repository.PieceEtFichier, televersement: Televersement, du: date, au: date | None) -> bool:
    piece, fichier = derniere
    if fichier.etat not in {EtatFichier.RECU, EtatFichier.SAIN} or (piece.valable_du, piece.valable_au) != (du, au):
        return False
    return televersement.flux.seek(0, 2) == fichier.taille and mesurer(televersement.flux)[0] == fichier.sha256


def noter_essai(session: Session, fichier_id: int, erreur: str) -> None:
    """L'antivirus n'a rien dit : le fichier attend toujours, et l'on sait pourquoi."""
    fichier = repository.get_en_attente(session, fichier_id)
    if fichier is not None:
        fichier.essais += 1
        fichier.essaye_at, fichier.derniere_erreur = heure_machine(), erreur[:LONGUEUR_RAISON]


def declarer_sain(session: Session, fichier_id: int, *, par: str, maintenant: datetime) -> None:
    """Le fichier devient lisible. Rejouable : déjà conclu, ne fait rien."""
    fichier = repository.get_en_attente(session, fichier_id)
    if fichier is not None:
        fichier.essais += 1
        fichier.essaye_at, fichier.derniere_erreur = heure_machine(), None
        fichier.etat, fichier.analyse_at, fichier.analyse_par = EtatFichier.SAIN, maintenant, par


def ecarter(
    session: Session, fichier_id: int, etat: EtatFichier, motif: str, *, par: str, url_publique: str,
    maintenant: datetime,
) -> None:  # fmt: skip
    """Écarte ce fichier, prévient son auteur, fait retirer les octets. Rejouable.

    Une infection vaut pour tous les fichiers qui ont ces octets, même déjà lus ; des octets perdus ou altérés ne
    valent que pour ceux qui attendaient.
    """
    sha256 = repository.get_contenu(session, fichier_id)
    if sha256 is None:
        return
    repository.verrouiller_contenu(session, sha256)
    for fichier in repository.list_meme_contenu(session, sha256):
        if fichier.etat is not EtatFichier.RECU and etat is not EtatFichier.INFECTE:
            continue
        fichier.essais += 1
        fichier.essaye_at, fichier.derniere_erreur = heure_machine(), None
        fichier.etat, fichier.motif, fichier.analyse_at, fichier.analyse_par = etat, motif, maintenant, par
        consigner(
            session, contrat_id=None, acte="fichier.ecarte", objet=fichier.code, acteur="service",
            maintenant=maintenant, apres={"etat": etat.value, "motif": motif},
        )  # fmt: skip
        auteur = repository.get_auteur(session, fichier)
        contexte = {"nom": fichier.nom, "infecte": etat is EtatFichier.INFECTE, "url": url_publique}
        if auteur is not None:
            cle = f"fichier:{fichier.code}"
            mail.prevenir(session, [auteur], "fichier_ecarte", contexte, cle=cle, maintenant=maintenant)
    jobs.differer(session, "fichier.supprimer", sha256=sha256)


def essai_general(session: Session, erreur: str) -> None:
    """L'antivirus ne répond pas : tous ceux qui attendent ont été essayés, d'un seul coup."""
    repository.noter_essai_general(session, erreur[:LONGUEUR_RAISON], heure_machine())


def reprendre(session: Session, maximum: int) -> int:
    """Remet en file l'analyse de ceux qui attendent, les plus anciens d'abord ; rend combien."""
    attendent = repository.list_en_attente(session, maximum)
    for fichier_id in attendent:
        jobs.differer(session, "fichier.analyser", cle_unique=cle_analyse(fichier_id), fichier_id=fichier_id)
    return len(attendent)


def retirer_si_libre(session: Session, magasin: Magasin, sha256: str) -> bool:
    """Retire ces octets si plus aucune rangée ne les tient ; le verrou attend un envoi du même contenu en cours."""
    repository.verrouiller_contenu(session, sha256)
    if repository.list_tenus(session, [sha256]):
        return False
    magasin.supprimer(sha256)
    return True
