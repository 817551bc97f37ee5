"""Ce qui entoure les dossiers fabriqués : contrat réel, grille, appel, enveloppes, organisations, comptes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.campagne.acteurs import DEBUT, siret_fictif
from app.etapes.appel import repository as appels
from app.etapes.appel import service as service_appel
from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import NatureEnveloppe, PhaseAnnoncee
from app.etapes.dossier.rules.depot import LigneOuverte
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible
from app.noyau.euros import Euros
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs import service as service_acteurs
from app.referentiels.acteurs.models import Compte, HabilitationCompte, Organisation
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as grilles
from app.referentiels.lignes import repository as lignes
from seeds import chargement
from seeds.demo import derivation
from seeds.lecture import lire
from seeds.schemas.demo import FichierComptes

CONTRAT = "m2a-2024-2030"
ANNEE = 2027
CODE_APPEL = f"m2a-{ANNEE}"
INTITULE = f"Appel à initiatives {ANNEE} — charge (fictif)"
OUVERTURE = datetime(2026, 9, 15, 6, tzinfo=UTC)
CLOTURE = datetime(2026, 12, 18, 17, tzinfo=UTC)
COMMISSION = datetime(2027, 3, 9, 8, tzinfo=UTC)
SEUIL_COURT = Euros.de(3_000)
ENVELOPPE = Euros.de(2_000_000_000)
ORGANISATIONS = 200
SIRET_DEPART = 900_000  # loin de ceux de la démonstration
ETP_CENTIEMES = (0, 50, 100, 250, 600)
COMPTES = derivation.FICHIER.parents[1] / "demo" / "comptes.yaml"
INSTRUCTEURS: Mapping[str, str] = {
    "BOP147": "sous-prefecture", "M2A": "instruction-m2a", "MULHOUSE": "instruction-mulhouse",
    "ILLZACH": "instruction-illzach", "WITTENHEIM": "instruction-wittenheim",
}  # fmt: skip
ARBITRES: Mapping[str, str] = {
    "BOP147": "sous-prefet", "M2A": "vp-m2a", "MULHOUSE": "elu-mulhouse", "ILLZACH": "elu-illzach",
    "WITTENHEIM": "elu-wittenheim",
}  # fmt: skip


class BaseOccupee(ActeImpossible):
    """La base a déjà un appel de ce nom, qui n'est pas fabriqué."""

    code = "base_occupee"


@dataclass(frozen=True, slots=True)
class Porteur:
    """Une organisation fabriquée et la personne qui écrit et signe pour elle."""

    organisation_id: int
    nom: str
    acteur: str


@dataclass(frozen=True, slots=True)
class LigneServie:
    """Une ligne, qui l'instruit et qui l'arbitre (acteurs opaques)."""

    id: int
    ouverte: LigneOuverte
    instruit: str
    arbitre: str


@dataclass(frozen=True, slots=True)
class Socle:
    """Les clés dont les rangées ont besoin."""

    contrat: Contrat
    appel: Appel
    phase: Phase
    lignes: Mapping[str, LigneServie]
    porteurs: Sequence[Porteur]
    secretaire: str


def poser(session: Session, maintenant: datetime) -> Socle:
    """Pose ou retrouve le socle. Idempotent. Lève BaseOccupee si l'appel existe et n'est pas celui de la charge."""
    appel = appels.get_appel_par_code(session, CODE_APPEL)
    if appel is None:
        appel = _poser_a_neuf(session, maintenant)
    elif appel.intitule != INTITULE:
        raise BaseOccupee(f"Cette base a déjà l’appel {CODE_APPEL} : donnez une base à part (--base NOM).")
    return Socle(
        contrat=contrats.get_contrat(session, appel.contrat_id),
        appel=appel,
        phase=appels.list_phases(session, appel.id)[0],
        lignes=_lignes(session, appel.contrat_id),
        porteurs=_porteurs(session),
        secretaire=_compte(session, "charge").acteur,
    )


def _poser_a_neuf(session: Session, maintenant: datetime) -> Appel:
    chargement.charger_reference(session, maintenant)
    contrat = contrats.get_contrat_par_code(session, CONTRAT)
    if contrat is None:  # pragma: no cover - charger_reference vient de le ranger
        raise LookupError(CONTRAT)
    fichier = lire(COMPTES, FichierComptes).contenu
    # Un seul mot de passe, une seule empreinte : la calculer deux cents fois ne mesurerait rien.
    empreinte = service_acteurs.hacher(fichier.mot_de_passe)
    _creer_agents(session, contrat, fichier, empreinte)
    _creer_porteurs(session, empreinte)
    return _ouvrir_l_appel(session, contrat)


def _creer_agents(session: Session, contrat: Contrat, fichier: FichierComptes, empreinte: str) -> None:
    """Les agents de la démonstration, un par rôle, au même mot de passe ; ceux qui existent déjà sont gardés."""
    for demo in fichier.comptes:
        roles = [role for role in demo.roles if role.nature is not Portee.ORGANISATION]
        if not roles or acteurs.get_compte_par_courriel(session, demo.courriel) is not None:
            continue
        compte = Compte(
            acteur=f"c-charge-{demo.courriel.partition('@')[0]}", courriel=demo.courriel, nom_affiche=demo.nom,
            mot_de_passe=empreinte, est_demonstration=True, cree_at=DEBUT,
        )  # fmt: skip
        session.add(compte)
        session.flush()
        session.add_all(
            HabilitationCompte(
                compte_id=compte.id, contrat_id=contrat.id, role=role.role, portee=role.nature, cible=role.cible,
                debut=DEBUT,
            )
            for role in roles
        )  # fmt: skip
    session.flush()


def _compte(session: Session, nom: str) -> Compte:
    compte = acteurs.get_compte_par_courriel(session, f"{nom}@demo.invalid")
    if compte is None:
        raise LookupError(f"Le compte {nom}@demo.invalid manque dans {COMPTES.name}.")
    return compte


def _ouvrir_l_appel(session: Session, contrat: Contrat) -> Appel:
    version = contrats.version_en_vigueur(session, contrat.id, OUVERTURE.date())
    grille = next(iter(grilles.list_grilles(session, contrat.id)), None)
    secretaire = acteurs.identite_de_compte(session, _compte(session, "charge").id, OUVERTURE)
    if version is None or grille is None or secretaire is None:  # pragma: no cover - rangés juste avant
        raise LookupError("contrat, grille ou compte absent")
    appel = service_appel.preparer(
        session, contrat=contrat, version=version, grille=grille, code=CODE_APPEL, annee=ANNEE, intitule=INTITULE,
        phases=[PhaseAnnoncee("Phase unique", OUVERTURE, CLOTURE, commission_le=COMMISSION)], acteur=secretaire,
        maintenant=OUVERTURE, seuil_court=SEUIL_COURT,
    )  # fmt: skip
    service_appel.passer(session, CODE_APPEL, "ouvrir", acteur=secretaire, maintenant=OUVERTURE)
    _doter(session, contrat, secretaire)
    return appel


def _doter(session: Session, contrat: Contrat, secretaire: Identite) -> None:
    for ligne in lignes.list_lignes(session, contrat.id):
        for annee in range(ANNEE, ANNEE + 3):
            service_appel.doter(
                session, contrat_id=contrat.id, ligne=ligne.code, annee=annee, montant=ENVELOPPE,
                nature=NatureEnveloppe.PREVISIONNELLE, motif="Enveloppe de mesure (fictif)", acteur=secretaire,
                maintenant=OUVERTURE, est_fictive=True,
            )  # fmt: skip


def _lignes(session: Session, contrat_id: int) -> dict[str, LigneServie]:
    communes = lignes.communes_des_lignes(session, contrat_id)
    return {
        ligne.code: LigneServie(
            ligne.id,
            LigneOuverte(ligne.code, ligne.intitule, communes.get(ligne.code)),
            _compte(session, INSTRUCTEURS[ligne.code]).acteur,
            _compte(session, ARBITRES[ligne.code]).acteur,
        )
        for ligne in lignes.list_lignes(session, contrat_id)
    }


def _porteurs(session: Session) -> list[Porteur]:
    """Les organisations fabriquées et leur signataire, dans l'ordre."""
    requete = (
        select(Organisation, Compte.acteur)
        .join(HabilitationCompte, HabilitationCompte.organisation_id == Organisation.id)
        .join(Compte, Compte.id == HabilitationCompte.compte_id)
        .where(Organisation.code.like("o-charge%"), HabilitationCompte.role == Role.SIGNATAIRE)
        .order_by(Organisation.code)
    )
    return [Porteur(o.id, o.nom, acteur) for o, acteur in session.execute(requete)]


def _creer_porteurs(session: Session, empreinte: str) -> None:
    couples = [_un_porteur(rang, empreinte) for rang in range(1, ORGANISATIONS + 1)]
    session.add_all(objet for couple in couples for objet in couple)
    session.flush()
    session.add_all(
        HabilitationCompte(
            compte_id=compte.id, role=role, portee=Portee.ORGANISATION, organisation_id=organisation.id, debut=DEBUT
        )
        for organisation, compte in couples
        for role in (Role.REDACTEUR, Role.SIGNATAIRE)
    )
    session.flush()


def _un_porteur(rang: int, empreinte: str) -> tuple[Organisation, Compte]:
    nom, courriel = f"Association de charge {rang:03d} (fictif)", f"charge-{rang:03d}@demo.invalid"
    organisation = Organisation(
        code=f"o-charge{rang:03d}", nom=nom, forme=FormeOrganisation.ASSOCIATION,
        siret=siret_fictif(SIRET_DEPART + rang), courriel=courriel, fonction_representant="Présidence",
        salaries_etp_centiemes=ETP_CENTIEMES[rang % len(ETP_CENTIEMES)], est_fictif=True, cree_at=DEBUT,
        confirmee_at=DEBUT, confirmee_par="charge",
    )  # fmt: skip
    compte = Compte(
        acteur=f"c-charge{rang:03d}", courriel=courriel, nom_affiche=f"Rédaction et signature · {nom}",
        mot_de_passe=empreinte, cree_at=DEBUT,
    )  # fmt: skip
    return organisation, compte
