"""Données d'essai de la programmation : des dossiers déposés et leurs demandes, posés directement en base."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.repository import list_phases
from app.etapes.dossier.models import Demande, Dossier, DossierVersion
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.notation.models import NoteEnregistree, ReleveFaits
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from tests.factories import (
    MAINTENANT,
    UnContrat,
    contenu_complet,
    identite,
    un_appel,
    un_compte,
    un_contrat,
    une_organisation,
)

SIMULATION = {"simulation": True}
REQUETES_AU_PLUS = 8


@dataclass(frozen=True, slots=True)
class Decor:
    """Un contrat, un appel dont la simulation est allumée, une organisation, un compte par rôle de la programmation."""

    contrat: UnContrat
    appel: Appel
    phase: Phase
    organisation: Organisation
    comptes: Mapping[str, Compte]

    def qui(self, session: Session, nom: str) -> Identite:
        """L'identité d'un de ces comptes."""
        return identite(session, self.comptes[nom])


def un_decor(session: Session, *, orientations: Mapping[str, Any] | None = None, **options: Any) -> Decor:
    """Le décor, non validé."""
    contrat = un_contrat(session)
    appel = un_appel(session, contrat, orientations=SIMULATION if orientations is None else orientations, **options)
    comptes = {
        "instructeur_m2a": un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"),
        "elu_m2a": un_compte(session, Role.ELU_LIGNE, contrat=contrat, ligne="M2A"),
        "sous_prefecture": un_compte(session, Role.SOUS_PREFECTURE, contrat=contrat, ligne="BOP147"),
        "equipe": un_compte(session, Role.EQUIPE_PROJET, contrat=contrat),
        "charge": un_compte(session, Role.CHARGE_MISSION, contrat=contrat),
        "binome": un_compte(session, Role.BINOME_QUARTIER, contrat=contrat, quartier="QN06804M"),
    }
    return Decor(contrat, appel, list_phases(session, appel.id)[0], une_organisation(session), comptes)


def un_dossier_depose(
    session: Session,
    decor: Decor,
    rang: int,
    demandes: Mapping[str, int],
    *,
    etat: EtatDemande = EtatDemande.EN_INSTRUCTION,
    etat_dossier: EtatDossier = EtatDossier.DEPOSE,
    titre: str | None = None,
    organisation: Organisation | None = None,
    quartiers: Sequence[str] = ("QN06804M",),
    annee: int | None = None,
    notes: Mapping[str, tuple[str, str]] | None = None,
    n1: int | None = None,
) -> Dossier:
    """Un dossier déposé, son contenu figé et une demande par ligne (`demandes` : ligne → euros)."""
    appel = decor.appel
    dossier = _dossier(decor, rang, organisation or decor.organisation, titre, quartiers, demandes, etat_dossier)
    session.add(dossier)
    session.flush()
    session.add(_contenu_fige(dossier, appel.annee))
    for ligne, euros in demandes.items():
        demande = _demande(decor, dossier, ligne, euros, etat, annee or appel.annee, n1)
        session.add(demande)
        session.flush()
        if notes and ligne in notes:
            une_note(session, decor, demande, *notes[ligne])
    return dossier


def des_dossiers_deposes(session: Session, decor: Decor, nombre: int, demandes: Mapping[str, int]) -> list[Dossier]:
    """Beaucoup de dossiers pareils, numérotés à partir de 1, écrits d'un coup."""
    depose, chez_coteaux = EtatDossier.DEPOSE, ("QN06804M",)
    rangs = range(1, nombre + 1)
    dossiers = [_dossier(decor, r, decor.organisation, None, chez_coteaux, demandes, depose) for r in rangs]
    session.add_all(dossiers)
    session.flush()
    instruite, annee = EtatDemande.EN_INSTRUCTION, decor.appel.annee
    session.add_all(_contenu_fige(d, annee) for d in dossiers)
    for dossier in dossiers:
        session.add_all(_demande(decor, dossier, c, m, instruite, annee, None) for c, m in demandes.items())
    session.flush()
    return dossiers


def _dossier(
    decor: Decor,
    rang: int,
    porteur: Organisation,
    titre: str | None,
    quartiers: Sequence[str],
    demandes: Mapping[str, int],
    etat: EtatDossier,
) -> Dossier:
    appel = decor.appel
    titre = titre or f"Action {rang} (fictif)"
    numero = f"ESS-{appel.annee}-{rang:04d}"
    return Dossier(
        contrat_id=appel.contrat_id, appel_id=appel.id, phase_id=decor.phase.id, version_id=appel.version_id,
        organisation_id=porteur.id, reference=f"B-{appel.annee}{rang:05d}", numero=numero, etat=etat,
        titre=titre, objectif="E1.2", quartiers=list(quartiers), fiches=["COTEAUX"],
        montant_demande=Euros.somme(Euros.de(m) for m in demandes.values()), est_fictif=True,
        recherche=f"{numero} {titre} {porteur.nom} {porteur.sigle}", depose_le=MAINTENANT, cree_at=MAINTENANT,
        cree_par="c-essai", modifie_at=MAINTENANT, renouvelle_id=None, signe_le=None, signe_par=None,
        signe_version=None,
    )  # fmt: skip


def _contenu_fige(dossier: Dossier, annee: int) -> DossierVersion:
    contenu = contenu_complet(annee, titre=dossier.titre, quartiers_beneficiaires=list(dossier.quartiers))
    return DossierVersion(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, rang=1, contenu=contenu, empreinte="0" * 64, a=MAINTENANT
    )


def _demande(
    decor: Decor, dossier: Dossier, ligne: str, euros: int, etat: EtatDemande, annee: int, n1: int | None
) -> Demande:
    return Demande(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, ligne_id=decor.contrat.lignes[ligne].id, annee=annee,
        etat=etat, montant_demande=Euros.de(euros), montant_demande_n1=None if n1 is None else Euros.de(n1 + 500),
        montant_accorde_n1=None if n1 is None else Euros.de(n1),
        montant_depense_n1=None if n1 is None else Euros.de(n1 - 100), theme_p147=None, numero_dauphin=None,
        engagement_juridique=None, modifiee_at=MAINTENANT,
    )  # fmt: skip


def une_note(session: Session, decor: Decor, demande: Demande, bas: str, haut: str, rang: int = 1) -> None:
    """Une note gardée, entre deux bornes."""
    releve = ReleveFaits(
        contrat_id=decor.contrat.id, dossier_id=demande.dossier_id, faits={}, empreinte="0" * 64, a=MAINTENANT,
        rang=session.scalar(select(func.count()).where(ReleveFaits.dossier_id == demande.dossier_id)) + 1,
    )  # fmt: skip
    session.add(releve)
    session.flush()
    session.add(
        NoteEnregistree(
            contrat_id=decor.contrat.id, demande_id=demande.id, grille_id=decor.contrat.grille.id,
            releve_id=releve.id, rang=rang, criteres=[], priorites=[], minimum=Decimal(bas), maximum=Decimal(haut),
            est_provisoire=bas != haut, empreinte="0" * 64, acteur="c-essai", a=MAINTENANT,
        )
    )  # fmt: skip
    session.flush()


def texte(html: str) -> str:
    """Le texte d'une page, sans balise, les blancs réunis."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
