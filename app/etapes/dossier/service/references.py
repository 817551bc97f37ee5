"""Les références de l'État sur une demande : thème du programme 147, numéro Dauphin, engagement juridique."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.champs import THEMES_P147
from app.etapes.dossier.rules.numero_dauphin import lisible
from app.etapes.dossier.service import portail_etat
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.rules import NatureAutorite

SANS_ETAT = "Ces références n’existent que sur une ligne de l’État."


def porter(
    session: Session,
    identifiant: str,
    *,
    ligne: str,
    annee: int,
    theme_p147: str,
    numero_dauphin: str,
    engagement_juridique: str,
    acteur: Identite,
    maintenant: datetime,
) -> Demande:
    """Porte les trois références d'une demande ; un texte vide efface. Le numéro est celui du dossier. Consigné.

    Lève ActeInterdit (hors sous-préfecture), ActeImpossible (`ligne_sans_etat`) ou SaisieInvalide (thème inconnu,
    numéro illisible, déjà pris, contraire à un rapprochement).
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    demande = repository.get_demande(session, dossier, ligne, annee, verrou=True)
    if Role.SOUS_PREFECTURE not in acteur.roles_sur_ligne(dossier.contrat_id, ligne):
        raise ActeInterdit("Les références de l’État reviennent à la sous-préfecture.")
    lue = lignes.get_ligne(session, dossier.contrat_id, ligne)
    if lue is None or lue.nature_autorite is not NatureAutorite.ETAT:
        raise ActeImpossible(SANS_ETAT, code="ligne_sans_etat")
    if theme_p147 and theme_p147 not in dict(THEMES_P147):
        raise SaisieInvalide([Faute("theme_p147", "Choisissez un thème de la liste.", "theme_inconnu")])
    avant = [demande.theme_p147, demande.numero_dauphin, demande.engagement_juridique]
    if numero_dauphin.strip() != (demande.numero_dauphin or ""):
        _porter_le_numero(session, dossier, demande, numero_dauphin, acteur, maintenant)
    demande.theme_p147 = theme_p147 or None
    demande.engagement_juridique = engagement_juridique or None
    demande.modifiee_at = maintenant
    apres = [demande.theme_p147, demande.numero_dauphin, demande.engagement_juridique]
    if apres != avant:
        noms = ("theme_p147", "numero_dauphin", "engagement_juridique")
        consigner(
            session, contrat_id=dossier.contrat_id, acte="demande.references", objet=f"{dossier.numero}/{ligne}",
            acteur=acteur.acteur, maintenant=maintenant, apres=dict(zip(noms, apres, strict=True)),
        )  # fmt: skip
    return demande


def _porter_le_numero(
    session: Session, dossier: Dossier, demande: Demande, texte: str, acteur: Identite, maintenant: datetime
) -> None:
    numero = portail_etat.lire_numero(texte)
    if numero != lisible(demande.numero_dauphin):
        portail_etat.exiger_admis(session, dossier, numero, par_un_agent=True)
    portail_etat.porter(session, dossier, numero, acteur=acteur, maintenant=maintenant, par_un_agent=True)
