"""Fabriques d'essai : des objets qui se lisent, valeurs fixes, jamais de hasard.

Un contrat minimal (2 communes, 2 quartiers, 2 fiches, 3 lignes, 3 objectifs), un appel ouvert, une organisation, des
comptes. `un_dossier_complet` passe par les actes du service, jusqu'à l'état voulu.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

import app.taches  # noqa: F401 - `differer` n'accepte que les tâches déclarées
from app.etapes.appel.models import Appel, Enveloppe, Phase
from app.etapes.appel.rules import EtatAppel, NatureEnveloppe, SilenceAvis
from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import brouillon, depot
from app.infra.acces import TEMOIN
from app.infra.clock import heure_machine
from app.infra.identite import Identite
from app.infra.secret import deriver
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte, HabilitationCompte, Organisation
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.service import empreinte_secret, ouvrir_session_de
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules import Grille, empreinte, grille_vers_donnees
from app.referentiels.instances.models import ServiceConsulte
from app.referentiels.instances.rules import NatureService
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ActeCommission, NatureAutorite
from app.referentiels.territoires.models import Commune, Fiche, PrioriteFiche, Quartier, QuartierCommune

MAINTENANT = datetime(2026, 11, 6, 13, 12, tzinfo=UTC)
OUVERTURE = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
CLOTURE = datetime(2026, 12, 11, 17, 0, tzinfo=UTC)
COMMISSION = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)
DEBUT_HABILITATION = datetime(2020, 1, 1, tzinfo=UTC)
MOT_DE_PASSE_INUTILISABLE = "!"
SEUIL_COURT = Euros.de(3_000)
MONTANT_ENVELOPPE = Euros.de(100_000)


@dataclass(frozen=True, slots=True)
class UnContrat:
    """Le contrat minimal et ce qu'il contient, par code."""

    contrat: Contrat
    version: VersionContrat
    grille: GrilleEnregistree
    communes: dict[str, Commune]
    quartiers: dict[str, Quartier]
    fiches: dict[str, Fiche]
    lignes: dict[str, LigneFinancement]
    services: dict[str, ServiceConsulte]

    @property
    def id(self) -> int:
        """La clé du contrat."""
        return self.contrat.id


def _garder(session: Session, *objets: Any) -> None:
    session.add_all(objets)
    session.flush()


def un_contrat(
    session: Session,
    *,
    code: str = "essai-2024-2030",
    prefixe: str = "ESS",
    grille: Grille | None = None,
) -> UnContrat:
    """2 fiches (COTEAUX à Mulhouse, MARKSTEIN à Wittenheim), 3 lignes (BOP147, M2A, MULHOUSE), 3 objectifs."""
    contrat = Contrat(
        code=code, prefixe=prefixe, intitule="Contrat de ville d’essai (fictif)", epci_nom="Agglomération d’essai",
        epci_siren="200066009", debut=date(2024, 1, 1), fin=date(2030, 12, 31),
    )  # fmt: skip
    _garder(session, contrat)
    version = VersionContrat(
        contrat_id=contrat.id, code="2024", intitule="Version initiale", en_vigueur_le=date(2024, 4, 1), fin_le=None,
        empreinte="0" * 64, chargee_at=DEBUT_HABILITATION,
    )  # fmt: skip
    grille_gardee = GrilleEnregistree(
        contrat_id=contrat.id, version=grille.version if grille else "2027",
        contenu=grille_vers_donnees(grille) if grille else {}, empreinte=empreinte(grille) if grille else "0" * 64,
        cree_at=DEBUT_HABILITATION,
    )  # fmt: skip
    services = {
        "DDETSPP": ServiceConsulte(
            contrat_id=contrat.id, code="DDETSPP", nom="Direction de l’emploi", nature=NatureService.ETAT
        )
    }
    _garder(session, version, grille_gardee, *services.values())
    communes, quartiers, fiches = _territoires(session, contrat.id, version.id)
    lignes = _lignes(session, contrat.id, communes)
    _objectifs(session, contrat.id, version.id)
    return UnContrat(contrat, version, grille_gardee, communes, quartiers, fiches, lignes, services)


def _territoires(
    session: Session, contrat_id: int, version_id: int
) -> tuple[dict[str, Commune], dict[str, Quartier], dict[str, Fiche]]:
    mulhouse = Commune(contrat_id=contrat_id, insee="68224", nom="Mulhouse")
    wittenheim = Commune(contrat_id=contrat_id, insee="68376", nom="Wittenheim")
    coteaux = Quartier(contrat_id=contrat_id, code="QN06804M", nom="Les Coteaux", rang=1, population=8600, contenu={})
    markstein = Quartier(
        contrat_id=contrat_id, code="QN06808M", nom="Markstein - La Forêt", rang=2, population=2100, contenu={}
    )
    _garder(session, mulhouse, wittenheim, coteaux, markstein)
    _garder(
        session,
        QuartierCommune(contrat_id=contrat_id, quartier_id=coteaux.id, commune_id=mulhouse.id),
        QuartierCommune(contrat_id=contrat_id, quartier_id=markstein.id, commune_id=wittenheim.id),
    )
    fiches = {}
    for rang, (code, nom, quartier, commune) in enumerate(
        (("COTEAUX", "Coteaux", coteaux, mulhouse), ("MARKSTEIN", "Markstein", markstein, wittenheim)), 1
    ):
        fiches[code] = Fiche(
            contrat_id=contrat_id, version_id=version_id, quartier_id=quartier.id, commune_id=commune.id, code=code,
            nom=nom, rang=rang, contenu={
                "priorites": [
                    {"rang": rang, "intitule": f"Priorité {rang} de {nom}", "texte": "Texte de la priorité (fictif).",
                     "sous_points": [], "source": "1"}
                    for rang in (1, 2)
                ],
            },
        )  # fmt: skip
    _garder(session, *fiches.values())
    _garder(
        session,
        *(
            PrioriteFiche(
                contrat_id=contrat_id, fiche_id=fiche.id, rang=rang, intitule=f"Priorité {rang} de {fiche.nom}",
                texte="Texte de la priorité (fictif).", source="essai",
            )
            for fiche in fiches.values()
            for rang in (1, 2)
        ),
    )  # fmt: skip
    return (
        {c.insee: c for c in (mulhouse, wittenheim)},
        {q.code: q for q in (coteaux, markstein)},
        fiches,
    )


def _lignes(session: Session, contrat_id: int, communes: Mapping[str, Commune]) -> dict[str, LigneFinancement]:
    donnees = (
        ("BOP147", "État", "BOP 147", NatureAutorite.ETAT, ActeCommission.AVIS, "décision du préfet", None),
        ("M2A", "m2A", "Crédits de l’agglomération", NatureAutorite.EPCI, ActeCommission.VALIDE, "délibération", None),
        ("MULHOUSE", "Ville de Mulhouse", "Crédits de la ville", NatureAutorite.COMMUNE, ActeCommission.AVIS,
         "délibération", "68224"),
    )  # fmt: skip
    lignes = {
        code: LigneFinancement(
            contrat_id=contrat_id, code=code, rang=rang, financeur=financeur, intitule=intitule,
            nature_autorite=nature, acte_commission=acte, acte_decision=decision, attribuant_nom=financeur,
            attribuant_siret=None, commune_id=communes[commune].id if commune else None, contenu={},
        )
        for rang, (code, financeur, intitule, nature, acte, decision, commune) in enumerate(donnees, 1)
    }  # fmt: skip
    _garder(session, *lignes.values())
    return lignes


def _objectifs(session: Session, contrat_id: int, version_id: int) -> None:
    enjeu = Enjeu(
        contrat_id=contrat_id, version_id=version_id, code="E1", rang=1, nature="strategique",
        intitule="Vivre dans un quartier apaisé", contenu={},
    )  # fmt: skip
    _garder(session, enjeu)
    objectifs = [
        Objectif(
            contrat_id=contrat_id, version_id=version_id, enjeu_id=enjeu.id, code=code, rang=rang, intitule=intitule,
            contenu={
                "source": "1", "enjeux": {"texte": "", "source": "1"}, "pistes": [], "reperes": [], "definitions": [],
            },
        )
        for rang, (code, intitule) in enumerate(
            (("E1.1", "Des espaces publics de qualité"), ("E1.2", "Des rencontres"), ("E2.2", "L’emploi")), 1
        )
    ]  # fmt: skip
    _garder(session, *objectifs)
    _garder(
        session,
        *(
            ObjectifOperationnel(
                contrat_id=contrat_id, version_id=version_id, objectif_id=objectif.id, code=f"{objectif.code}.1",
                rang=1, intitule=f"Premier objectif de {objectif.code}", source="essai",
                contenu={"sous_actions": [
                    {"code": f"{objectif.code}.1.1", "intitule": "Une sous-action", "details": [], "source": "1"}
                ]},
            )
            for objectif in objectifs
        ),
    )  # fmt: skip


def un_contrat_charge(session: Session, code: str) -> UnContrat:
    """Un contrat réel déjà chargé (`seeds.chargement`), sous la même forme que le contrat minimal."""
    contrat = session.scalars(select(Contrat).where(Contrat.code == code)).one()
    version = session.scalars(
        select(VersionContrat).where(VersionContrat.contrat_id == contrat.id, VersionContrat.chargee_at.is_not(None))
    ).one()
    grille = session.scalar(select(GrilleEnregistree).where(GrilleEnregistree.contrat_id == contrat.id))
    if grille is None:
        grille = GrilleEnregistree(
            contrat_id=contrat.id, version="essai", contenu={}, empreinte="0" * 64, cree_at=DEBUT_HABILITATION
        )
        _garder(session, grille)

    def tous(modele: Any) -> dict[str, Any]:
        lus = session.scalars(select(modele).where(modele.contrat_id == contrat.id).order_by(modele.id))
        return {getattr(objet, "code", None) or objet.insee: objet for objet in lus}

    communes, quartiers, fiches = tous(Commune), tous(Quartier), tous(Fiche)
    lignes, services = tous(LigneFinancement), tous(ServiceConsulte)
    return UnContrat(contrat, version, grille, communes, quartiers, fiches, lignes, services)


def un_appel(
    session: Session,
    contrat: UnContrat,
    *,
    annee: int = 2027,
    code: str | None = None,
    etat: EtatAppel = EtatAppel.OUVERT,
    ouverture_le: datetime = OUVERTURE,
    cloture_le: datetime = CLOTURE,
    seuil_court: Euros = SEUIL_COURT,
    enveloppe: Euros = MONTANT_ENVELOPPE,
    orientations: Mapping[str, Any] | None = None,
) -> Appel:
    """Un appel ouvert, une phase, une enveloppe de 100 000 € par ligne pour l'année."""
    appel = Appel(
        contrat_id=contrat.id, version_id=contrat.version.id, grille_id=contrat.grille.id,
        code=code or f"{contrat.contrat.prefixe.lower()}-{annee}", annee=annee, intitule=f"Appel {annee}", etat=etat,
        seuil_court=seuil_court, silence_avis=SilenceAvis.SANS_REPONSE, orientations=dict(orientations or {}),
        recevabilite_close_le=None, medianes=None, cree_at=ouverture_le,
    )  # fmt: skip
    _garder(session, appel)
    phase = Phase(
        contrat_id=contrat.id, appel_id=appel.id, rang=1, intitule="Phase 1", ouverture_le=ouverture_le,
        cloture_le=cloture_le, consultation_du=None, consultation_au=None, commission_le=COMMISSION,
        notification_le=None, bilans_le=None,
    )  # fmt: skip
    enveloppes = [
        Enveloppe(
            contrat_id=contrat.id, ligne_id=ligne.id, annee=annee, nature=NatureEnveloppe.PREVISIONNELLE,
            montant=enveloppe, engage=Euros(0), est_fictive=True,
        )
        for ligne in contrat.lignes.values()
    ]  # fmt: skip
    _garder(session, phase, *enveloppes)
    return appel


def siret_fictif(rang: int) -> str:
    """Un SIRET de clé juste (Luhn), d'un SIREN fictif en 99."""
    corps = f"99{rang:06d}"
    siren = corps + str(_cle_luhn(corps))
    return siren + "0001" + str(_cle_luhn(siren + "0001"))


def _cle_luhn(chiffres: str) -> int:
    somme = 0
    for position, chiffre in enumerate(reversed(chiffres)):
        valeur = int(chiffre) * (2 if position % 2 == 0 else 1)
        somme += valeur - 9 if valeur > 9 else valeur
    return -somme % 10


def une_organisation(
    session: Session,
    *,
    rang: int = 1,
    nom: str | None = None,
    forme: FormeOrganisation = FormeOrganisation.ASSOCIATION,
) -> Organisation:
    """Une association de droit local, fictive ; un `rang` différent en fait une autre."""
    organisation = Organisation(
        code=f"o-essai{rang:03d}", nom=nom or f"Association porteuse {rang:03d} (fictif)", sigle=f"AP{rang:03d}",
        forme=forme, siret=siret_fictif(rang), rna=None, registre_tribunal="Mulhouse", registre_volume="12",
        registre_folio=str(rang), registre_inscrit_le=date(1998, 5, 4), est_fictif=True, salaries_etp_centiemes=None,
        cree_at=DEBUT_HABILITATION, confirmee_at=DEBUT_HABILITATION, confirmee_par="essai",
    )  # fmt: skip
    _garder(session, organisation)
    return organisation


_RANG_COMPTE = count(1)


def un_compte(
    session: Session,
    *roles: Role,
    contrat: UnContrat | None = None,
    organisation: Organisation | None = None,
    ligne: str | None = None,
    quartier: str | None = None,
    service: str | None = None,
    nom: str | None = None,
) -> Compte:
    """Un compte et ses habilitations. La portée suit ce qui est donné (ligne, quartier, service, sinon contrat).

    Les rôles de porteur exigent `organisation`, les autres `contrat`. Le mot de passe ne sert pas : voir `connecter`.
    """
    rang = next(_RANG_COMPTE)
    libelle = nom or " et ".join(r.libelle for r in roles) or "Personne sans rôle"
    compte = Compte(
        acteur=f"c-essai{rang:05d}", courriel=f"essai{rang:05d}@exemple.invalid", nom_affiche=f"{libelle} (fictif)",
        mot_de_passe=MOT_DE_PASSE_INUTILISABLE, est_actif=True, est_demonstration=False, cree_at=DEBUT_HABILITATION,
    )  # fmt: skip
    _garder(session, compte)
    for role in roles:
        _garder(session, _habilitation(compte, role, contrat, organisation, ligne, quartier, service))
    return compte


def _habilitation(
    compte: Compte,
    role: Role,
    contrat: UnContrat | None,
    organisation: Organisation | None,
    ligne: str | None,
    quartier: str | None,
    service: str | None,
) -> HabilitationCompte:
    commun: dict[str, Any] = {"compte_id": compte.id, "role": role, "debut": DEBUT_HABILITATION, "fin": None}
    if role in ROLES_PORTEUR:
        assert organisation is not None, f"{role} exige une organisation"
        return HabilitationCompte(
            **commun, portee=Portee.ORGANISATION, organisation_id=organisation.id, contrat_id=None, cible=""
        )
    assert contrat is not None, f"{role} exige un contrat"
    portee, cible = Portee.CONTRAT, ""
    for candidate, valeur in ((Portee.LIGNE, ligne), (Portee.QUARTIER, quartier), (Portee.SERVICE, service)):
        if valeur is not None:
            portee, cible = candidate, valeur
    return HabilitationCompte(**commun, portee=portee, organisation_id=None, contrat_id=contrat.id, cible=cible)


def identite(session: Session, compte: Compte, maintenant: datetime = MAINTENANT) -> Identite:
    """L'identité d'un compte, telle que le service la charge."""
    trouvee = acteurs.identite_de_compte(session, compte.id, maintenant)
    assert trouvee is not None
    return trouvee


def un_porteur(session: Session, organisation: Organisation, *roles: Role) -> Identite:
    """Une personne de l'organisation ; sans rôle donné, elle rédige et signe."""
    compte = un_compte(session, *(roles or (Role.REDACTEUR, Role.SIGNATAIRE)), organisation=organisation)
    return identite(session, compte)


def contenu_complet(annee: int = 2027, **remplacements: Any) -> dict[str, Any]:
    """Un contenu de dossier prêt à déposer : 12 000 € de dépenses, 8 000 € demandés à m2A et au BOP 147."""
    contenu: dict[str, Any] = {
        "titre": "Café des parents",
        "besoin": "Les parents du quartier disent leur isolement (fictif).",
        "besoin_identifie_par": ["organisation", "habitants"],
        "but": "Que trente parents se rencontrent chaque semaine (fictif).",
        "public": "Des parents du quartier, souvent seuls (fictif).",
        "description": "Un café hebdomadaire animé par des parents (fictif).",
        "objectif_principal": "E1.2",
        "fiches": ["COTEAUX"],
        "quartiers_beneficiaires": ["QN06804M"],
        "lieu": "Centre social des Coteaux",
        "communes": ["68224"],
        "beneficiaires": 60,
        "beneficiaires_qpv": 45,
        "beneficiaires_femmes": 40,
        "debut": f"{annee}-01-15",
        "fin": f"{annee}-12-15",
        "calendrier": "Une séance par semaine, hors vacances scolaires.",
        "moyens": "Une animatrice à mi-temps, une salle prêtée.",
        "indicateurs": [{"libelle": "Parents réguliers", "cible": "30", "mesure": "Feuille de présence"}],
        "participation_degre": "concertation",
        "budget_charges": [
            {"compte": "60", "montant": 200_000},
            {"compte": "64", "libelle": "Animatrice", "montant": 1_000_000},
        ],
        "budget_produits": [{"compte": "74", "libelle": "CAF", "montant": 400_000, "statut": "sollicite"}],
        "duree": "1",
        "demandes": [
            {"ligne": "BOP147", "annee": annee, "montant": 300_000},
            {"ligne": "M2A", "annee": annee, "montant": 500_000},
        ],
        "a_jour": True,
        "sincere": True,
        "cer": True,
        "exercice_debut": f"{annee}-01-01",
        "exercice_fin": f"{annee}-12-31",
        "asso_charges": [{"compte": "64", "montant": 4_000_000}],
        "asso_produits": [{"compte": "74", "montant": 3_000_000}, {"compte": "756", "montant": 1_000_000}],
        "charte": True,
        "aides_publiques": "inferieur",
    }
    rendu = {cle: valeur for cle, valeur in (contenu | remplacements).items() if valeur is not None}
    if "demandes" not in remplacements:  # la même chose chaque année de la durée
        annees = range(annee, annee + int(rendu.get("duree", 1)))
        rendu["demandes"] = [{**d, "annee": n} for n in annees for d in contenu["demandes"]]
    if "annees_suivantes" not in remplacements:
        rendu |= annees_suivantes(rendu, annee)
    return rendu


def annees_suivantes(contenu: Mapping[str, Any], annee: int) -> dict[str, Any]:
    """Le budget équilibré de chaque année d'après, au même coût que la première ; rien pour un an."""
    charges = sum(r["montant"] for r in contenu.get("budget_charges", ()))
    annees = range(annee + 1, annee + int(contenu.get("duree", 1)))
    demande = {
        n: sum(d["montant"] for d in contenu.get("demandes", ()) if d["annee"] == n and "montant" in d) for n in annees
    }
    rangees = [
        {"annee": n, "actions": "La même chose (fictif).", "charges": max(charges, demande[n]),
         "produits": max(charges - demande[n], 0)}
        for n in annees
    ]  # fmt: skip
    return {"annees_suivantes": rangees} if rangees else {}


def un_brouillon(
    session: Session,
    appel: Appel,
    organisation: Organisation,
    acteur: Identite,
    *,
    contenu: Mapping[str, Any] | None = None,
    maintenant: datetime = MAINTENANT,
) -> Dossier:
    """Un brouillon et son contenu, par les actes du service."""
    dossier = brouillon.creer_brouillon(
        session, acteur=acteur, appel=appel, organisation=organisation, maintenant=maintenant
    )
    if contenu:
        brouillon.enregistrer(
            session, dossier.reference, dict(contenu), versions={}, acteur=acteur, maintenant=maintenant
        )
    session.flush()
    return dossier


def un_dossier_complet(
    session: Session,
    appel: Appel,
    organisation: Organisation,
    acteur: Identite,
    *,
    etat: EtatDossier = EtatDossier.DEPOSE,
    maintenant: datetime = MAINTENANT,
    **remplacements: Any,
) -> Dossier:
    """Un dossier prêt, mené jusqu'à `etat` (brouillon, à signer, déposé). `remplacements` : champs à changer.

    L'acteur doit rédiger et signer pour l'organisation (voir `un_porteur`).
    """
    contenu = contenu_complet(appel.annee, **remplacements)
    dossier = un_brouillon(session, appel, organisation, acteur, contenu=contenu, maintenant=maintenant)
    if etat is EtatDossier.BROUILLON:
        return dossier
    brouillon.envoyer_en_signature(session, dossier.reference, acteur=acteur, maintenant=maintenant)
    if etat is EtatDossier.A_SIGNER:
        return dossier
    version = dossier.version
    depot.signer(session, dossier.reference, version_lue=version, acteur=acteur, maintenant=maintenant)
    depot.deposer(session, dossier.reference, version_lue=version, acteur=acteur, maintenant=maintenant)
    session.flush()
    return dossier


def connecter(client: TestClient, session: Session, compte: Compte, *, maintenant: datetime | None = None) -> str:
    """Ouvre une session pour ce compte, pose le témoin, l'horloge et rend le jeton des formulaires. Valide.

    `session` est celle d'un clone (`base_propre`) : ce qu'elle a écrit est validé ici pour que le service le voie.
    """
    temoin = ouvrir_session_de(session, compte, machine=heure_machine(), duree=timedelta(hours=1))
    session.commit()
    client.cookies.set(TEMOIN, temoin)
    if maintenant is not None:
        client.headers["X-Horloge"] = maintenant.isoformat()
    service: FastAPI = client.app  # type: ignore[assignment]
    return deriver(service.state.secret, "csrf", empreinte_secret(temoin)).hex()


def relire(session: Session, dossier: Dossier) -> Dossier:
    """Le dossier tel qu'il est en base maintenant."""
    requete = select(Dossier).where(Dossier.id == dossier.id).execution_options(populate_existing=True)
    return session.scalars(requete).one()
