"""Rapprocher les dossiers du portail de l'État des nôtres : importer, rapprocher, laisser, défaire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.models.portail import ImportPortail, LignePortail
from app.etapes.dossier.repository import portail
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.numero_dauphin import lisible
from app.etapes.dossier.rules.portail import CHAMP, LigneLue, TableauLu, lire
from app.etapes.dossier.rules.rapprochement import (
    Index,
    NotreDossier,
    Proposition,
    Suite,
    certains,
    conflit,
    indexer,
    porte_un_numero_connu,
    proposer,
    retrouver,
)
from app.etapes.dossier.service.portail_etat import porter, porteur_depose
from app.infra.files import Televersement
from app.infra.files.controle import nettoyer_nom, verifier_taille
from app.infra.files.refus import FichierRefuse
from app.infra.files.tableau import lire_tableau
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role

LIT = frozenset({Role.SOUS_PREFECTURE, Role.CHARGE_MISSION})
SUIVIS = ("intitule", "demandeur", "siret", "thematique", "statut", "exercice", "montant_sollicite", "montant_vote")


def get_appel_lisible(
    session: Session, code: str, acteur: Identite, *, tranche: bool = False, verrou: bool = False
) -> Appel:
    """L'appel de ce code, pour la sous-préfecture et le chargé de mission du contrat ; `tranche` : pour agir.

    Lève Introuvable (autre contrat, appel inconnu) ou ActeInterdit (lecture seulement).
    """
    appel = appels.get_appel_par_code(session, code, verrou=verrou)
    if appel is None or not acteur.tient(*LIT, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    if tranche and not peut_trancher(appel, acteur):
        raise ActeInterdit("Le rapprochement avec le portail de l’État revient à la sous-préfecture.")
    return appel


def peut_trancher(appel: Appel, acteur: Identite) -> bool:
    """Vrai pour la sous-préfecture de ce contrat."""
    return acteur.tient(Role.SOUS_PREFECTURE, contrat_id=appel.contrat_id)


def importer(
    session: Session, code: str, *, televersement: Televersement, acteur: Identite, maintenant: datetime
) -> ImportPortail:
    """Lit un tableau du portail : lignes nouvelles ajoutées, lignes connues mises à jour, rapprochements gardés.

    Rien n'est ajouté aux demandes. Lève SaisieInvalide : la faute est sur `tableau`.
    """
    get_appel_lisible(session, code, acteur, tranche=True)
    contenu, lu = _lire(televersement)
    appel = get_appel_lisible(session, code, acteur, tranche=True, verrou=True)  # deux imports attendent leur tour
    connues = {x.numero: x for x in portail.list_lignes_portail(session, appel.id, verrou=True)}
    memes = retrouver((x.numero for x in lu.lignes), connues)
    changees = {
        x.numero: dits for x in lu.lignes if x.numero in memes and (dits := _changements(connues[memes[x.numero]], x))
    }
    neuves = [x.numero for x in lu.lignes if x.numero not in memes]
    fait = ImportPortail(
        contrat_id=appel.contrat_id, appel_id=appel.id, nom=nettoyer_nom(televersement.nom),
        sha256=hashlib.sha256(contenu).hexdigest(), lues=len(lu.lignes), nouvelles=len(neuves), changees=len(changees),
        ecartees=[[x.rang, x.intitule, x.raison] for x in lu.ecartees], par=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(fait)
    session.flush()
    for lue in lu.lignes:
        connue = connues[memes[lue.numero]] if lue.numero in memes else _nouvelle(session, appel)
        _ecrire(connue, lue, fait)
    consigner(
        session, contrat_id=appel.contrat_id, acte="portail.importe", objet=appel.code, acteur=acteur.acteur,
        maintenant=maintenant,
        apres={"sha256": fait.sha256, "lues": fait.lues, "nouvelles": neuves, "changees": changees,
               "ecartees": len(lu.ecartees)},
    )  # fmt: skip
    return fait


def _lire(televersement: Televersement) -> tuple[bytes, TableauLu]:
    try:
        verifier_taille(televersement.flux.seek(0, 2))
        televersement.flux.seek(0)
        contenu = televersement.flux.read()
        lu = lire(lire_tableau(contenu, televersement.nom))
    except FichierRefuse as refus:
        raise SaisieInvalide([Faute(CHAMP, refus.message, refus.code)]) from refus
    if not lu.lignes:
        pourquoi = f" La première ligne écartée : {lu.ecartees[0].raison}." if lu.ecartees else ""
        raise SaisieInvalide([Faute(CHAMP, f"Ce tableau ne contient aucun dossier.{pourquoi}", "tableau_vide")])
    return contenu, lu


def _dit(valeur: object) -> object:
    return valeur.centimes if isinstance(valeur, Euros) else valeur


def _changements(connue: LignePortail, lue: LigneLue) -> dict[str, list[object]]:
    """Champ → [avant, après] : ce que ce tableau change à une ligne connue."""
    paires = {champ: [_dit(getattr(connue, champ)), _dit(getattr(lue, champ))] for champ in SUIVIS}
    return {champ: paire for champ, paire in paires.items() if paire[0] != paire[1]}


def _nouvelle(session: Session, appel: Appel) -> LignePortail:
    ligne = LignePortail(contrat_id=appel.contrat_id, appel_id=appel.id, suite=Suite.A_RAPPROCHER)
    session.add(ligne)
    return ligne


def _ecrire(ligne: LignePortail, lue: LigneLue, fait: ImportPortail) -> None:
    ligne.import_id = fait.id
    ligne.numero = max(ligne.numero or "", lue.numero, key=len)  # l'action dite une fois reste dite
    for champ in SUIVIS:
        setattr(ligne, champ, getattr(lue, champ))
    ligne.rang = lue.rang


def faits(ligne: LignePortail) -> LigneLue:
    """La ligne telle que les règles la lisent."""
    return LigneLue(rang=ligne.rang, numero=ligne.numero, **{champ: getattr(ligne, champ) for champ in SUIVIS})


def propositions(
    lignes: Iterable[LignePortail], nos: Mapping[int, NotreDossier], prises: Iterable[LignePortail]
) -> dict[str, tuple[Proposition, ...]]:
    """Numéro du portail → ce que l'on propose, parmi nos dossiers que `prises` n'ont pas déjà."""
    index = libres(nos, prises)
    return {ligne.numero: proposer(faits(ligne), index) for ligne in lignes}


def libres(nos: Mapping[int, NotreDossier], prises: Iterable[LignePortail]) -> Index:
    """Nos dossiers pas encore rapprochés, rangés."""
    pris = {ligne.dossier_id for ligne in prises}
    return indexer(d for cle, d in nos.items() if cle not in pris)


def rapprocher(
    session: Session,
    code: str,
    reference: str,
    *,
    dossier: str,
    remplacer: bool = False,
    acteur: Identite,
    maintenant: datetime,
) -> LignePortail:
    """Dit que ce dossier du portail est ce dossier-là, et porte son numéro sur nos demandes à l'État.

    `remplacer` : notre dossier porte un autre numéro, une personne choisit celui-ci. Lève SaisieInvalide (dossier
    inconnu, sans demande à l'État, numéro en conflit) ou ActeImpossible (déjà rapproché, d'un côté ou de l'autre).
    """
    appel = get_appel_lisible(session, code, acteur, tranche=True)
    notre = _get_notre(session, appel, dossier, acteur)
    ligne = portail.get_ligne_portail(session, appel.id, reference, verrou=True)
    _exiger_libre(session, ligne, notre)
    porte = _numero_porte(session, notre)
    if conflit(ligne.numero, porte) and not remplacer:
        phrase = (
            f"Le dossier {notre.numero} porte déjà le numéro {porte}. Vérifiez lequel est le bon ; pour garder "
            f"{ligne.numero}, cochez cette case et recommencez."
        )
        raise SaisieInvalide([Faute("remplacer", phrase, "numero_different")])
    autre = porteur_depose(session, notre, ligne.numero)
    if autre is not None:
        choix = "Choisissez-le, ou corrigez" if autre.appel_id == appel.id else "Corrigez"
        phrase = f"Le dossier {autre.numero} porte déjà {ligne.numero}. {choix} d’abord son numéro."
        raise SaisieInvalide([Faute("choix", phrase, "numero_deja_pris")])
    _lier(session, ligne, notre, porte, acteur, maintenant)
    return ligne


def _get_notre(session: Session, appel: Appel, numero: str, acteur: Identite) -> Dossier:
    try:
        dossier = repository.get_dossier(session, numero.strip().upper(), acteur, verrou=True)
    except Introuvable:
        dossier = None
    if dossier is None or dossier.appel_id != appel.id:
        phrase = "Ce numéro n’est celui d’aucun dossier de cet appel."
        raise SaisieInvalide([Faute("dossier", phrase, "dossier_inconnu")])
    if dossier.etat is EtatDossier.RETIRE or not portail.list_demandes_d_etat(session, dossier.id):
        phrase = f"Le dossier {dossier.numero} est retiré, ou ne demande rien à l’État : il n’est pas sur le portail."
        raise SaisieInvalide([Faute("dossier", phrase, "dossier_sans_etat")])
    return dossier


def _exiger_libre(session: Session, ligne: LignePortail, notre: Dossier) -> None:
    if ligne.suite is not Suite.A_RAPPROCHER:
        dit = "rapprochée d’un dossier" if ligne.suite is Suite.RAPPROCHEE else "laissée sur le portail"
        phrase = f"{ligne.numero} vient d’être {dit} par une autre personne. Relisez cette page avant de décider."
        raise ActeImpossible(phrase, code="ligne_deja_tranchee")
    autre = portail.get_ligne_du_dossier(session, notre.id)
    if autre is not None:
        phrase = f"Le dossier {notre.numero} est déjà rapproché de {autre.numero}. Défaites d’abord ce rapprochement."
        raise ActeImpossible(phrase, code="dossier_deja_rapproche")


def _numero_porte(session: Session, dossier: Dossier) -> str:
    demandes = portail.list_demandes_d_etat(session, dossier.id)
    return next((lisible(d.numero_dauphin) for d in demandes if d.numero_dauphin), "")


def _lier(
    session: Session, ligne: LignePortail, notre: Dossier, porte: str, acteur: Identite, maintenant: datetime
) -> None:
    ligne.suite, ligne.dossier_id, ligne.numero_avant = Suite.RAPPROCHEE, notre.id, porte
    ligne.tranchee_par, ligne.tranchee_at = acteur.acteur, maintenant
    session.flush()
    if porte != ligne.numero:
        porter(session, notre, ligne.numero, acteur=acteur, maintenant=maintenant, par_un_agent=True)
    _consigner(session, ligne, "ligne_portail.rapprochee", acteur, maintenant, dossier=notre.numero, numero_avant=porte)


def _consigner(
    session: Session, ligne: LignePortail, acte: str, acteur: Identite, maintenant: datetime, **apres: str | None
) -> None:
    consigner(
        session, contrat_id=ligne.contrat_id, acte=acte, objet=ligne.numero, acteur=acteur.acteur,
        maintenant=maintenant, apres=apres,
    )  # fmt: skip


def laisser(session: Session, code: str, reference: str, *, acteur: Identite, maintenant: datetime) -> LignePortail:
    """Dit qu'aucun de nos dossiers n'est celui-là : déposé seulement sur le portail. Lève ActeImpossible."""
    appel = get_appel_lisible(session, code, acteur, tranche=True)
    ligne = portail.get_ligne_portail(session, appel.id, reference, verrou=True)
    if ligne.suite is not Suite.A_RAPPROCHER:
        phrase = f"{ligne.numero} vient d’être traitée par une autre personne. Relisez cette page avant de décider."
        raise ActeImpossible(phrase, code="ligne_deja_tranchee")
    ligne.suite, ligne.tranchee_par, ligne.tranchee_at = Suite.PORTAIL_SEUL, acteur.acteur, maintenant
    _consigner(session, ligne, "ligne_portail.laissee", acteur, maintenant)
    return ligne


def defaire(
    session: Session, code: str, reference: str, *, motif: str, acteur: Identite, maintenant: datetime
) -> LignePortail:
    """Remet une ligne à rapprocher. Notre dossier reprend le numéro qu'il avait, s'il porte encore celui de la ligne.

    Lève SaisieInvalide (sans motif) ou ActeImpossible (la ligne n'est pas, ou plus, tranchée ainsi).
    """
    appel = get_appel_lisible(session, code, acteur, tranche=True)
    if not motif.strip():
        raise SaisieInvalide([Faute("motif", "Dites pourquoi, en une phrase.", "motif_absent")])
    vu = portail.get_ligne_portail(session, appel.id, reference).dossier_id
    dossiers = portail.verrouiller_dossiers(session, [vu] if vu is not None else [])
    ligne = portail.get_ligne_portail(session, appel.id, reference, verrou=True)
    if ligne.suite is Suite.A_RAPPROCHER or ligne.dossier_id != vu:
        phrase = f"{ligne.numero} vient de changer : relisez cette page avant de décider."
        raise ActeImpossible(phrase, code="ligne_changee")
    avant = ligne.numero_avant or ""
    for dossier in dossiers.values():
        if avant != ligne.numero and _numero_porte(session, dossier) == ligne.numero:
            porter(session, dossier, avant, acteur=acteur, maintenant=maintenant, par_un_agent=True)
    ligne.suite, ligne.dossier_id, ligne.numero_avant = Suite.A_RAPPROCHER, None, None
    ligne.tranchee_par, ligne.tranchee_at = acteur.acteur, maintenant
    numeros = ", ".join(d.numero or "" for d in dossiers.values())
    _consigner(session, ligne, "ligne_portail.rouverte", acteur, maintenant, dossier=numeros, motif=motif.strip())
    return ligne


def confirmer_certains(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> int:
    """Rapproche d'un coup chaque ligne qui n'a qu'un « certain », seul de son côté aussi ; rend combien.

    Lève ActeImpossible s'il n'y en a plus aucun (une autre personne vient de les confirmer).
    """
    appel = get_appel_lisible(session, code, acteur, tranche=True)
    lignes = portail.list_lignes_portail(session, appel.id)
    nos = portail.list_nos_dossiers(session, acteur, appel)
    surs = surs_de(lignes, nos)
    cles = {d.numero: cle for cle, d in nos.items()}
    dossiers = portail.verrouiller_dossiers(session, [cles[numero] for numero in surs.values()])
    # Relu sous les verrous : ce qui a changé depuis n'est plus certain.
    lignes = portail.list_lignes_portail(session, appel.id, verrou=True)
    nos = portail.list_nos_dossiers(session, acteur, appel)
    encore = surs_de(lignes, nos)
    faites = 0
    for ligne in lignes:
        numero = encore.get(ligne.numero)
        dossier = dossiers.get(cles.get(numero, 0)) if numero is not None else None
        if dossier is not None and porteur_depose(session, dossier, ligne.numero) is None:
            _lier(session, ligne, dossier, nos[dossier.id].numero_portail, acteur, maintenant)
            faites += 1
    if not faites:
        raise ActeImpossible("Plus rien n’est certain : relisez la page.", code="rien_de_certain")
    return faites


def surs_de(lignes: Iterable[LignePortail], nos: Mapping[int, NotreDossier]) -> dict[str, str]:
    """Numéro du portail → numéro de notre dossier, pour ce qui se confirme en lot."""
    toutes = list(lignes)
    index = libres(nos, toutes)
    candidates = [x for x in toutes if x.suite is Suite.A_RAPPROCHER and porte_un_numero_connu(x.numero, index)]
    return certains({x.numero: proposer(faits(x), index) for x in candidates})
