"""Les comptes, les organisations et les jetons de la démonstration. Idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.campagne import fiches
from app.infra.heure import heure_machine
from app.infra.identite import Habilitation, Identite
from app.noyau.erreurs import ErreurMetier
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.acteurs.rules import FormeOrganisation, IdentiteOrganisation
from app.referentiels.contrats.models import Contrat
from app.referentiels.instances import repository as instances
from app.referentiels.instances.models import MembreInstance
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes import service as autorites
from app.referentiels.lignes.rules import ServiceAJoindre
from seeds.schemas.demo import CompteDemo, FichierComptes, FichierServices

DEBUT = datetime(2024, 1, 1, tzinfo=UTC)
PORTEURS = 60
PREMIER_PORTEUR = 1
COMPTES_DEMO = "seeds/demo/comptes.yaml"
SERVICES_DEMO = "seeds/demo/services.yaml"


@dataclass(frozen=True, slots=True)
class Jetons:
    """Les jetons d'API des acteurs de la campagne, par adresse."""

    par_courriel: dict[str, str]

    def de(self, nom: str) -> str:
        """Le jeton de nom@demo.invalid."""
        return self.par_courriel[f"{nom}@demo.invalid"]


def cle_luhn(chiffres: str) -> int:
    """Le chiffre qui complète un numéro selon Luhn."""
    somme = 0
    for position, chiffre in enumerate(reversed(chiffres)):
        valeur = int(chiffre) * (2 if position % 2 == 0 else 1)
        somme += valeur - 9 if valeur > 9 else valeur
    return -somme % 10


def siret_fictif(rang: int) -> str:
    """Un SIRET de clé juste dont le SIREN commence par 98, série non attribuée : il est fictif."""
    siren = f"98{rang:06d}"
    siren += str(cle_luhn(siren))
    return siren + "0001" + str(cle_luhn(siren + "0001"))


def une_organisation(session: Session, rang: int) -> Organisation:
    """L'association fictive de ce rang, créée si elle manque."""
    siret = siret_fictif(rang)
    connue = repository.get_organisation_par_siret(session, siret)
    if connue is not None:
        return connue
    identite = IdentiteOrganisation(
        nom=f"Association porteuse {rang:03d} (fictif)", forme=FormeOrganisation.ASSOCIATION, siret=siret,
        registre_tribunal="Mulhouse", registre_volume=f"{rang % 90 + 1}", registre_folio=f"{rang}",
        registre_inscrit_le=date(1990 + rang % 30, 1 + rang % 12, 1 + rang % 28),
    )  # fmt: skip
    coordonnees = {
        "commune": ("Mulhouse", "Illzach", "Wittenheim")[rang % 3],
        "courriel": f"porteur-{rang:03d}@demo.invalid",
        "fonction_representant": "Présidence",
        "salaries_etp_centiemes": fiches.ETPT[rang % 5],
    }
    organisation = service.creer_organisation(
        session,
        identite,
        acteur="demonstration",
        maintenant=DEBUT,
        coordonnees=coordonnees,
        est_fictif=True,
        est_confirmee=True,
    )
    fiches.remplir(session, organisation, rang)
    return organisation


@cache
def _empreinte(mot_de_passe: str) -> str:
    """Calculée une fois : quatre-vingts comptes de démonstration ont le même mot de passe, publié."""
    return service.hacher(mot_de_passe)


def _un_compte(session: Session, courriel: str, nom: str, mot_de_passe: str, *, montre: bool) -> tuple[Compte, bool]:
    connu = repository.get_compte_par_courriel(session, courriel)
    if connu is not None:
        return connu, False
    compte = service.creer_compte(
        session, courriel=courriel, nom_affiche=nom, mot_de_passe=mot_de_passe, maintenant=DEBUT,
        est_demonstration=montre, empreinte=_empreinte(mot_de_passe),
    )  # fmt: skip
    return compte, True


def _habiliter(
    session: Session, compte: Compte, demo: CompteDemo, contrat: Contrat, organisation: Organisation
) -> None:
    for role in demo.roles:
        a_l_organisation = role.nature is Portee.ORGANISATION
        service.habiliter(
            session, compte=compte, role=role.role, portee=role.nature, cible=role.cible, acteur="demonstration",
            maintenant=DEBUT, contrat_id=None if a_l_organisation else contrat.id,
            organisation_id=organisation.id if a_l_organisation else None,
        )  # fmt: skip


def charger_comptes(session: Session, contrat: Contrat, fichier: FichierComptes) -> None:
    """Les comptes montrés, un par rôle ; un référent par service consulté ; les sièges de la commission."""
    premiere = une_organisation(session, PREMIER_PORTEUR)
    for demo in fichier.comptes:
        compte, nouveau = _un_compte(session, demo.courriel, demo.nom, fichier.mot_de_passe, montre=True)
        if nouveau:
            _habiliter(session, compte, demo, contrat, premiere)
    for rang, consulte in enumerate(instances.list_services(session, contrat.id)):
        courriel = f"referent-{consulte.code.lower().replace('_', '-')}@demo.invalid"
        nom = f"Référent · {consulte.nom} (fictif)"
        compte, nouveau = _un_compte(session, courriel, nom, fichier.mot_de_passe, montre=rang == 0)
        if nouveau:
            service.habiliter(
                session, compte=compte, role=Role.REFERENT_SERVICE, portee=Portee.SERVICE, cible=consulte.code,
                acteur="demonstration", maintenant=DEBUT, contrat_id=contrat.id,
            )  # fmt: skip
    _asseoir(session, contrat, fichier)


def _asseoir(session: Session, contrat: Contrat, fichier: FichierComptes) -> None:
    """Relie chaque élu de démonstration au siège de sa qualité. Lève ErreurMetier si le contrat n'a pas ce siège."""
    requete = select(MembreInstance).where(MembreInstance.contrat_id == contrat.id, MembreInstance.a_voix)
    sieges = {siege.qualite: siege for siege in session.scalars(requete)}
    for demo in fichier.comptes:
        if demo.siege is None:
            continue
        if demo.siege not in sieges:
            raise ErreurMetier(f"La commission n’a pas de siège « {demo.siege} » ({COMPTES_DEMO}).")
        compte = repository.get_compte_par_courriel(session, demo.courriel)
        sieges[demo.siege].compte_id = compte.id if compte is not None else None


def charger_services(session: Session, contrat: Contrat, fichier: FichierServices) -> None:
    """Le service à joindre de chaque ligne qui n'en a pas, comme l'écran des autorités le garde. Jamais de SIRET."""
    tout = Habilitation(Role.CHARGE_MISSION, Portee.CONTRAT, contrat.id)
    charge = Identite(0, "demonstration", "Démonstration", "", (tout,))
    for demo in fichier.services:
        ligne = lignes.get_ligne(session, contrat.id, demo.ligne, verrou=True)
        if ligne is None:
            raise ErreurMetier(f"Le contrat n’a pas de ligne « {demo.ligne} » ({SERVICES_DEMO}).")
        if ligne.service is None:
            autorites.renseigner(
                session, ligne, siret=ligne.attribuant_siret or "", acteur=charge, maintenant=DEBUT,
                joindre=ServiceAJoindre(demo.nom, demo.adresse, demo.telephone, demo.courriel),
            )  # fmt: skip


def charger_porteurs(session: Session, mot_de_passe: str) -> None:
    """Les associations fictives et une personne qui administre, rédige et signe pour chacune."""
    for rang in range(1, PORTEURS + 1):
        organisation = une_organisation(session, rang)
        courriel = f"porteur-{rang:03d}@demo.invalid"
        nom = f"Rédaction et signature · {organisation.nom}"
        compte, nouveau = _un_compte(session, courriel, nom, mot_de_passe, montre=False)
        if nouveau:
            for role in (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE):
                service.habiliter(
                    session, compte=compte, role=role, portee=Portee.ORGANISATION, acteur="demonstration",
                    maintenant=DEBUT, organisation_id=organisation.id,
                )  # fmt: skip


def jetons(session: Session) -> Jetons:
    """Un jeton d'un jour pour chaque compte de la démonstration."""
    machine = heure_machine()
    comptes = session.scalars(select(Compte).where(Compte.courriel.like("%@demo.invalid")).order_by(Compte.id))
    rendu = {}
    for compte in comptes:
        acteur = Identite(compte.id, compte.acteur, compte.nom_affiche, compte.courriel)
        secret, _ = service.creer_jeton(session, acteur=acteur, intitule="Campagne", jours=1, machine=machine)
        rendu[compte.courriel] = secret
    return Jetons(rendu)


def codes_des_organisations(session: Session) -> dict[int, str]:
    """Rang de porteur → code public de son organisation."""
    return {rang: une_organisation(session, rang).code for rang in range(1, PORTEURS + 1)}
