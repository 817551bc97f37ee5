"""Actes de la consultation : préparer une rencontre, convoquer, tenir, rendre un avis."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.consultation import repository
from app.etapes.consultation.models import Avis, Rencontre, RencontreDossier, RencontreService
from app.etapes.consultation.rules import Degre, EtatRencontre, verifier_avis
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.service.acces import ouvrir_au_service
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris, instant_long
from app.noyau.roles import Role
from app.referentiels.instances import repository as instances
from app.referentiels.instances.models import ServiceConsulte


def _exiger_sous_prefecture(acteur: Identite, contrat_id: int) -> None:
    if not acteur.tient(Role.SOUS_PREFECTURE, contrat_id=contrat_id):
        raise ActeInterdit("Les rencontres des services sont convoquées par la sous-préfecture.")


def preparer_rencontre(
    session: Session,
    *,
    appel: Appel,
    intitule: str,
    prevue_le: datetime | None,
    lieu: str,
    autorite: str,
    numeros: Sequence[str],
    services: Sequence[str],
    acteur: Identite,
    maintenant: datetime,
) -> Rencontre:
    """Prépare une rencontre avec son lot et ses services. Lève ActeInterdit ou SaisieInvalide (toutes les fautes).

    Source : contrat, l. 1590-1592 (à l'initiative et sous la responsabilité du sous-préfet).
    """
    _exiger_sous_prefecture(acteur, appel.contrat_id)
    fautes = verifier_rencontre(
        session, appel, intitule=intitule, prevue_le=prevue_le, lieu=lieu, numeros=numeros, services=services,
        maintenant=maintenant,
    )  # fmt: skip
    if fautes or prevue_le is None:
        raise SaisieInvalide(fautes)
    lot = repository.list_dossiers_par_numero(session, appel.id, numeros)
    convoques = instances.list_services_par_code(session, appel.contrat_id, services)
    rencontre = Rencontre(
        contrat_id=appel.contrat_id, appel_id=appel.id, code=f"r-{secrets.token_hex(4)}", intitule=intitule.strip(),
        prevue_le=prevue_le, lieu=lieu.strip(), autorite=autorite.strip() or "Le sous-préfet de l’arrondissement",
        etat=EtatRencontre.PREPAREE, cree_par=acteur.acteur, cree_at=maintenant,
    )  # fmt: skip
    session.add(rencontre)
    session.flush()
    cles = {"contrat_id": appel.contrat_id, "rencontre_id": rencontre.id}
    session.add_all(RencontreDossier(**cles, dossier_id=d.id, rang=rang) for rang, d in enumerate(lot, start=1))
    session.add_all(RencontreService(**cles, service_id=s.id) for s in convoques)
    for service in convoques:
        ouvrir_au_service(
            session, lot, service.id, motif=f"Lot de la rencontre {rencontre.code}", maintenant=maintenant
        )
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="rencontre.preparee", objet=rencontre.code, acteur=acteur.acteur,
        maintenant=maintenant, apres={"dossiers": [d.numero for d in lot], "services": [s.code for s in convoques]},
    )  # fmt: skip
    return rencontre


def verifier_rencontre(
    session: Session,
    appel: Appel,
    *,
    intitule: str,
    prevue_le: datetime | None,
    lieu: str,
    numeros: Sequence[str],
    services: Sequence[str],
    maintenant: datetime,
) -> list[Faute]:
    """Tout ce qui manque à une rencontre, d'un coup. Deux requêtes."""
    lot = repository.list_dossiers_par_numero(session, appel.id, numeros)
    convoques = instances.list_services_par_code(session, appel.contrat_id, services)
    fautes = []
    if not intitule.strip():
        fautes.append(Faute("intitule", "Donnez un intitulé à la rencontre."))
    if prevue_le is None:
        fautes.append(Faute("prevue_le", "Donnez la date et l’heure de la rencontre.", "date_absente"))
    elif prevue_le <= maintenant:
        fautes.append(Faute("prevue_le", "Choisissez une date à venir.", "date_passee"))
    if not lieu.strip():
        fautes.append(Faute("lieu", "Dites où se tient la rencontre, ou donnez le lien."))
    if not convoques or len(convoques) != len(set(services)):
        fautes.append(Faute("services", "Choisissez au moins un service du contrat.", "services_invalides"))
    if not lot or len(lot) != len(set(numeros)):
        fautes.append(Faute("numeros", "Choisissez au moins un dossier déposé de cet appel.", "lot_invalide"))
    return fautes


def convoquer(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Rencontre:
    """Envoie les convocations. Lève ActeInterdit, ActeImpossible, Introuvable."""
    rencontre = _passer(session, code, EtatRencontre.PREPAREE, EtatRencontre.CONVOQUEE, acteur, maintenant)
    differer(session, "consultation.convoquer", rencontre_id=rencontre.id, maintenant=maintenant)
    return rencontre


def tenir(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Rencontre:
    """Note que la rencontre s'est tenue. Lève ActeImpossible avant son jour (`rencontre_a_venir`)."""
    prevue_le = repository.get_rencontre(session, code, acteur).prevue_le
    if a_paris(maintenant).date() < a_paris(prevue_le).date():
        phrase = f"La rencontre est prévue le {instant_long(prevue_le)} : elle se note tenue ce jour-là, pas avant."
        raise ActeImpossible(phrase, code="rencontre_a_venir")
    return _passer(session, code, EtatRencontre.CONVOQUEE, EtatRencontre.TENUE, acteur, maintenant)


def _passer(
    session: Session,
    code: str,
    depuis: EtatRencontre,
    vers: EtatRencontre,
    acteur: Identite,
    maintenant: datetime,
) -> Rencontre:
    rencontre = repository.get_rencontre(session, code, acteur, verrou=True)
    _exiger_sous_prefecture(acteur, rencontre.contrat_id)
    if rencontre.etat is not depuis:
        phrase = f"Cette rencontre est « {rencontre.etat.libelle.lower()} »."
        raise ActeImpossible(phrase, code="etat_contraire")
    rencontre.etat = vers
    consigner(
        session, contrat_id=rencontre.contrat_id, acte=f"rencontre.{vers.value}", objet=code, acteur=acteur.acteur,
        maintenant=maintenant, avant={"etat": depuis.value}, apres={"etat": vers.value},
    )  # fmt: skip
    return rencontre


def _service_appele(session: Session, contrat_id: int, code: str, rencontre: Rencontre | None) -> ServiceConsulte:
    """Le service qui rend l'avis ; en rencontre, l'un de ceux qu'elle a convoqués."""
    if rencontre is None:
        trouve = repository.get_service(session, contrat_id, code)
        if trouve is None:
            raise ActeInterdit("Un avis est rendu par le référent désigné du service.")
        return trouve
    if rencontre.etat is EtatRencontre.PREPAREE:
        raise ActeImpossible("Cette rencontre n’est pas encore convoquée.", code="etat_contraire")
    convoques = {s.code: s for s in repository.list_services_convoques(session, rencontre.id)}
    if code not in convoques:
        phrase = "Choisissez un service convoqué à cette rencontre."
        raise SaisieInvalide([Faute("service", phrase, "service_non_convoque")])
    return convoques[code]


def emettre_avis(
    session: Session,
    *,
    numero: str,
    service: str,
    degre: Degre,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    rencontre: Rencontre | None = None,
    droit_commun_dispositif: str = "",
    droit_commun_montant: Euros | None = None,
) -> Avis:
    """Un référent rend l'avis de son service ; la sous-préfecture peut le saisir en rencontre. Ajouté, jamais réécrit.

    Un avis rendu en rencontre porte sur un dossier de son lot, au nom d'un service qu'elle convoque. Lève Introuvable
    (hors du lot), ActeInterdit, ActeImpossible (rencontre non convoquée, plus rien à décider) ou SaisieInvalide.
    """
    dossier = dossiers.get_dossier(session, numero, acteur, verrou=True)
    if rencontre is not None:
        repository.exiger_au_lot(session, rencontre, dossier)
    referent = service in repository.services_de(acteur, dossier.contrat_id)
    saisi_en_rencontre = rencontre is not None and acteur.tient(Role.SOUS_PREFECTURE, contrat_id=dossier.contrat_id)
    if not (referent or saisi_en_rencontre):
        raise ActeInterdit("Un avis est rendu par le référent désigné du service.")
    if not repository.attend_une_decision(session, dossier.id):
        phrase = "Plus aucune demande de ce dossier n’attend de décision : un avis n’aurait plus d’objet."
        raise ActeImpossible(phrase, code="deja_decide")
    trouve = _service_appele(session, dossier.contrat_id, service, rencontre)
    fautes = verifier_avis(degre, motif)
    if fautes:
        raise SaisieInvalide(list(fautes))
    avis = Avis(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, service_id=trouve.id,
        rencontre_id=rencontre.id if rencontre is not None else None,
        rang=repository.dernier_rang(session, dossier.id, trouve.id) + 1, degre=degre, motif=motif.strip(),
        droit_commun_dispositif=droit_commun_dispositif.strip(), droit_commun_montant=droit_commun_montant,
        acteur=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(avis)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="avis.emis", objet=f"{dossier.numero}/{service}",
        acteur=acteur.acteur, maintenant=maintenant, apres={"degre": degre.value, "rang": avis.rang},
    )  # fmt: skip
    return avis
