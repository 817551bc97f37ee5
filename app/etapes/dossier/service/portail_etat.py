"""Le numéro du portail de l'État, redonné par le porteur : la même demande n'est jamais comptée deux fois."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.repository.portail import get_ligne_du_dossier, list_demandes_d_etat, numero_deja_pris
from app.etapes.dossier.rules.numero_dauphin import ATTENDU, normaliser
from app.etapes.dossier.rules.rapprochement import conflit
from app.etapes.dossier.service.brouillon import ECRIT
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.rules import NatureAutorite


def lignes_d_etat(session: Session, dossier: Dossier) -> frozenset[str]:
    """Les codes des lignes de l'État de ce contrat."""
    connues = lignes.list_lignes(session, dossier.contrat_id)
    return frozenset(x.code for x in connues if x.nature_autorite is NatureAutorite.ETAT)


def demande_l_etat(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> bool:
    """Vrai si ce dossier sollicite l'État."""
    de_l_etat = lignes_d_etat(session, dossier)
    return any(d.get("ligne") in de_l_etat for d in contenu.get("demandes") or ())


def numero_connu(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> str:
    """Le numéro déjà donné, vide sinon."""
    if dossier.numero is None:
        return str(contenu.get("numero_dauphin") or "")
    return next((d.numero_dauphin for d in list_demandes_d_etat(session, dossier.id) if d.numero_dauphin), "")


def numeroter(session: Session, identifiant: str, *, numero: str, acteur: Identite, maintenant: datetime) -> Dossier:
    """Porte ce numéro sur les demandes à l'État (ou sur le brouillon). Vide : l'efface, avant le dépôt seulement.

    Lève ActeInterdit, ActeImpossible ou SaisieInvalide (forme, numéro déjà pris, dossier rapproché d'un autre).
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    if not roles_sur_dossier(acteur, dossier) & ECRIT:
        raise ActeInterdit("Vous pouvez lire ce dossier, pas le modifier.")
    lu = normaliser(numero) if numero.strip() else ""
    if lu is None or (not lu and dossier.numero is not None):
        raise SaisieInvalide([Faute("numero_dauphin", ATTENDU, "numero_illisible")])
    autre = numero_deja_pris(session, dossier, lu) if lu else None
    if autre is not None:
        phrase = f"Ce numéro est déjà celui de votre dossier {autre}. Un dossier du portail ne compte qu’une fois."
        raise SaisieInvalide([Faute("numero_dauphin", phrase, "numero_deja_pris")])
    ligne = get_ligne_du_dossier(session, dossier.id)
    if ligne is not None and conflit(ligne.numero, lu):
        phrase = (
            f"La sous-préfecture a rapproché ce dossier du numéro {ligne.numero}. S’il n’est pas le bon, dites-le "
            "dans les messages du dossier."
        )
        raise SaisieInvalide([Faute("numero_dauphin", phrase, "dossier_rapproche")])
    porter(session, dossier, lu, acteur=acteur, maintenant=maintenant)
    return dossier


def porter(session: Session, dossier: Dossier, numero: str, *, acteur: Identite, maintenant: datetime) -> None:
    """Porte ce numéro, déjà normalisé (vide : l'ôte), sur le brouillon et les demandes à l'État. Consigné.

    Qui le peut est vérifié par l'appelant. Lève ActeImpossible si le dossier déposé ne demande rien à l'État.
    """
    _ecrire_au_brouillon(session, dossier, numero, acteur, maintenant)
    _porter(session, dossier, numero, maintenant)
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.numero_portail",
        objet=dossier.numero or dossier.reference, acteur=acteur.acteur, maintenant=maintenant,
        apres={"numero_dauphin": numero},
    )  # fmt: skip


def _ecrire_au_brouillon(
    session: Session, dossier: Dossier, numero: str, acteur: Identite, maintenant: datetime
) -> None:
    """Un complément reporte ce que dit le brouillon : il dit donc toujours le dernier numéro."""
    champs = repository.list_champs(session, dossier.id, verrou=True)
    actuel = champs.get("numero_dauphin")
    if actuel is None:
        session.add(
            Champ(
                contrat_id=dossier.contrat_id, dossier_id=dossier.id, code="numero_dauphin", valeur=numero or None,
                version=1, par=acteur.acteur, a=maintenant,
            )
        )  # fmt: skip
        return
    actuel.valeur, actuel.version = numero or None, actuel.version + 1
    actuel.par, actuel.a = acteur.acteur, maintenant


def _porter(session: Session, dossier: Dossier, numero: str, maintenant: datetime) -> None:
    demandes = list_demandes_d_etat(session, dossier.id, verrou=True)
    if dossier.numero is not None and not demandes:
        raise ActeImpossible("Ce dossier ne demande rien à l’État : il n’a pas de numéro à porter.", code="sans_etat")
    for demande in demandes:
        demande.numero_dauphin, demande.modifiee_at = numero or None, maintenant
