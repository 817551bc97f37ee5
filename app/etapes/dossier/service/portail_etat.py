"""Le numéro du portail de l'État, redonné par le porteur : la même demande n'est jamais comptée deux fois."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.repository.portail import (
    get_ligne_du_dossier,
    get_porteur_du_numero,
    list_brouillons_portant,
    list_demandes_d_etat,
    verrouiller_numero,
)
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.numero_dauphin import ATTENDU, normaliser
from app.etapes.dossier.rules.rapprochement import conflit
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.rules import NatureAutorite

CODE = "numero_dauphin"
ECRIVENT = ROLES_PORTEUR - {Role.LECTEUR_PORTEUR}


def demande_l_etat(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> bool:
    """Vrai si ce dossier sollicite l'État."""
    connues = lignes.list_lignes(session, dossier.contrat_id)
    de_l_etat = {x.code for x in connues if x.nature_autorite is NatureAutorite.ETAT}
    return any(d.get("ligne") in de_l_etat for d in contenu.get("demandes") or ())


def numero_connu(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> str:
    """Le numéro déjà donné, vide sinon."""
    if dossier.numero is None:
        return str(contenu.get("numero_dauphin") or "")
    return next((d.numero_dauphin for d in list_demandes_d_etat(session, dossier.id) if d.numero_dauphin), "")


def lire_numero(texte: str) -> str:
    """Le numéro tel qu'on le garde, vide si rien n'est donné. Lève SaisieInvalide s'il est illisible."""
    lu = normaliser(texte) if texte.strip() else ""
    if lu is None:
        raise SaisieInvalide([Faute(CODE, ATTENDU, "numero_illisible")])
    return lu


def exiger_admis(session: Session, dossier: Dossier, numero: str, *, par_un_agent: bool = False) -> None:
    """Refuse un numéro, déjà normalisé, qu'un autre dossier porte ou que contredit un rapprochement.

    Le numéro est tenu jusqu'à la fin de la transaction : ce qui est vérifié ici le reste. `par_un_agent` : voir
    `exiger_seul`. Lève SaisieInvalide.
    """
    exiger_seul(session, dossier, numero, par_un_agent=par_un_agent)
    ligne = get_ligne_du_dossier(session, dossier.id) if dossier.numero is not None else None
    if ligne is not None and (not numero or conflit(ligne.numero, numero)):
        phrase = (
            f"La sous-préfecture a rapproché ce dossier du numéro {ligne.numero}. S’il n’est pas le bon, dites-le "
            "dans les messages du dossier : elle défera d’abord ce rapprochement."
        )
        raise SaisieInvalide([Faute(CODE, phrase, "dossier_rapproche")])


def porteur_depose(session: Session, dossier: Dossier, numero: str) -> Dossier | None:
    """Le dossier déposé, autre que celui-là, qui porte ce numéro ; le numéro est tenu, comme par `exiger_seul`."""
    verrouiller_numero(session, dossier.contrat_id, numero)
    return get_porteur_du_numero(session, dossier, numero, deposes=True)


def exiger_seul(session: Session, dossier: Dossier, numero: str, *, par_un_agent: bool = False) -> None:
    """Refuse un numéro qu'un autre dossier porte, et tient ce numéro. Vide : rien à vérifier. Lève SaisieInvalide.

    `par_un_agent` : les brouillons, qu'il ne voit pas, ne comptent pas ; la phrase s'adresse à lui.
    """
    if not numero:
        return
    if par_un_agent:
        autre = porteur_depose(session, dossier, numero)
    else:
        verrouiller_numero(session, dossier.contrat_id, numero)
        autre = get_porteur_du_numero(session, dossier, numero)
    if autre is None:
        return
    if par_un_agent:
        phrase = f"Le dossier {autre.numero} porte déjà {numero} : corrigez d’abord son numéro."
    elif autre.organisation_id == dossier.organisation_id:
        phrase = (
            f"Ce numéro est déjà celui de votre dossier {autre.numero or autre.reference}. Un dossier du portail ne "
            "compte qu’une fois : vérifiez lequel des deux l’a reçu, et ôtez-le de l’autre."
        )
    else:
        phrase = (
            "Ce numéro est déjà celui d’un dossier d’une autre organisation. Relisez-le sur le portail ; "
            "s’il est bien le vôtre, dites-le à la sous-préfecture."
        )
    raise SaisieInvalide([Faute(CODE, phrase, "numero_deja_pris")])


def numeroter(session: Session, identifiant: str, *, numero: str, acteur: Identite, maintenant: datetime) -> Dossier:
    """Porte ce numéro sur les demandes à l'État (ou sur le brouillon). Vide : l'efface, avant le dépôt seulement.

    Lève ActeInterdit, ActeImpossible ou SaisieInvalide (forme, numéro déjà pris, dossier rapproché d'un autre).
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    if not roles_sur_dossier(acteur, dossier) & ECRIVENT:
        raise ActeInterdit("Vous pouvez lire ce dossier, pas le modifier.")
    if dossier.etat is EtatDossier.RETIRE:
        raise ActeImpossible("Ce dossier est retiré : il n’attend plus de numéro.", code="etat_contraire")
    lu = lire_numero(numero)
    if not lu and dossier.numero is not None:
        raise SaisieInvalide([Faute(CODE, ATTENDU, "numero_illisible")])
    exiger_admis(session, dossier, lu)
    porter(session, dossier, lu, acteur=acteur, maintenant=maintenant)
    return dossier


def au_brouillon(session: Session, dossier: Dossier, texte: str) -> str | None:
    """Le numéro donné dans le formulaire, tel qu'il s'enregistre ; les mêmes refus que `numeroter`."""
    lu = lire_numero(texte)
    if not lu and dossier.numero is not None and numero_connu(session, dossier, {}):
        phrase = "Ce numéro ne s’efface plus après le dépôt. S’il est faux, écrivez ici le bon."
        raise SaisieInvalide([Faute(CODE, phrase, "numero_efface")])
    exiger_admis(session, dossier, lu)
    return lu or None


def au_depot(session: Session, dossier: Dossier, contenu: Mapping[str, Any]) -> str | None:
    """Le numéro qu'un dépôt ou un complément porte sur les demandes à l'État ; None s'il n'en dit pas.

    Lève SaisieInvalide si, depuis qu'il a été écrit, un autre dossier l'a pris ou un rapprochement le contredit.
    """
    lu = lire_numero(str(contenu.get(CODE) or ""))
    if lu:
        exiger_admis(session, dossier, lu)
    return lu or None


def porter(
    session: Session, dossier: Dossier, numero: str, *, acteur: Identite, maintenant: datetime,
    par_un_agent: bool = False,
) -> None:  # fmt: skip
    """Porte ce numéro, déjà normalisé (vide : l'ôte), sur le brouillon et les demandes à l'État. Consigné.

    Qui le peut, et le rapprochement, sont vérifiés par l'appelant. `par_un_agent` : un brouillon de l'organisation qui
    dit ce numéro ne l'arrête pas, il le perd. Lève ActeImpossible si le dossier déposé ne demande rien à l'État,
    SaisieInvalide si un autre dossier porte ce numéro.
    """
    exiger_seul(session, dossier, numero, par_un_agent=par_un_agent)
    if par_un_agent and numero:
        _oter_aux_brouillons(session, dossier, numero, acteur, maintenant)
    _ecrire_au_brouillon(session, dossier, numero, acteur, maintenant)
    _porter(session, dossier, numero, maintenant)
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.numero_portail",
        objet=dossier.numero or dossier.reference, acteur=acteur.acteur, maintenant=maintenant,
        apres={"numero_dauphin": numero},
    )  # fmt: skip


def _oter_aux_brouillons(
    session: Session, dossier: Dossier, numero: str, acteur: Identite, maintenant: datetime
) -> None:
    """Un agent a dit de quel dossier est ce numéro : les brouillons de l'organisation ne le disent plus. Consigné."""
    for autre in list_brouillons_portant(session, dossier, numero):
        _ecrire_au_brouillon(session, autre, "", acteur, maintenant)
        consigner(
            session, contrat_id=autre.contrat_id, acte="dossier.numero_portail", objet=autre.reference,
            acteur=acteur.acteur, maintenant=maintenant, avant={"numero_dauphin": numero},
            apres={"numero_dauphin": "", "porte_par": dossier.numero},
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
