"""Les scénarios gardés, et les faits qu'une simulation lit : demandes ouvertes, notes, enveloppes, budgets figés."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, and_, cast, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Engagement, Enveloppe
from app.etapes.contrat.models import Objectif
from app.etapes.dossier.models import Demande, Dossier, DossierVersion
from app.etapes.dossier.repository.phases import get_reserve
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.comptes import est_subvention_publique
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.models import ScenarioEnregistre
from app.etapes.programmation.repository.montants import (
    de_l_appel,
    derniere_proposition,
    est_engagee,
    note_courante,
    rang_du_numero,
)
from app.etapes.programmation.rules import DemandeASimuler, DossierASimuler, EnveloppeASimuler, Probleme
from app.etapes.programmation.rules.figer import Attendus, Repere
from app.etapes.programmation.rules.reglages import Reglages
from app.infra.curseur import TAILLE, Ordre, Page, paginer
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import ZERO, Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune, Quartier, QuartierCommune

SIMULABLES = frozenset({EtatDemande.EN_INSTRUCTION, EtatDemande.PROPOSEE, EtatDemande.ARBITREE})
# Votées, pas encore engagées : leur montant n'est plus à répartir.
VOTEES = frozenset({EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU})
NOTE_INCONNUE = (Fraction(0), Fraction(100))
_CHAMPS_LUS = ("budget_charges", "budget_produits", "communes")


@dataclass(frozen=True, slots=True)
class Donnees:
    """Ce qu'une simulation reçoit, et les repères qui serviront à mesurer l'équité."""

    probleme: Probleme
    reperes: Mapping[str, Repere]
    attendus: Attendus


def charger(session: Session, appel: Appel, reglages: Reglages) -> Donnees:
    """Le problème d'un appel, lu en base. Sept requêtes. Lève SaisieInvalide si un réglage ne tient pas."""
    demandes = _demandes(session, appel)
    numeros = {d.dossier for d in demandes}
    inconnus = sorted(set(reglages.viabilite) - numeros)
    if inconnus:
        phrase = f"Aucune demande à simuler pour {', '.join(inconnus)} : retirez son seuil de viabilité."
        raise SaisieInvalide([Faute("viabilite", phrase, "dossier_inconnu")])
    acquis = _acquis(session, appel)
    dossiers, reperes = [], {}
    for numero, porteur, quartiers, objectif, contenu in _dossiers(session, appel, numeros):
        publics = (r for r in contenu.get("budget_produits") or () if est_subvention_publique(str(r.get("compte"))))
        reperes[numero] = Repere(porteur, tuple(quartiers), objectif, tuple(contenu.get("communes") or ()))
        dossiers.append(
            DossierASimuler(
                code=numero,
                cout_total=lire_budget(contenu, appel.annee).charges,
                viabilite=reglages.viabilite.get(numero, ZERO),
                acquis=acquis.get(numero, ZERO),
                autres_publics=Euros.somme(Euros(int(r.get("montant", 0))) for r in publics),
            )
        )
    probleme = Probleme(
        demandes=tuple(demandes), dossiers=tuple(dossiers), enveloppes=tuple(_enveloppes(session, appel)),
        verrous=reglages.verrous, pas=reglages.pas,
    )  # fmt: skip
    return Donnees(probleme, reperes, attendus(session, appel))


def _demandes(session: Session, appel: Appel) -> list[DemandeASimuler]:
    note = note_courante()
    requete = (
        select(Dossier.numero, LigneFinancement.code, Demande.montant_demande, note.c.minimum, note.c.maximum)
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(note, true())
        .where(de_l_appel(appel.id, appel.annee), Demande.etat.in_(SIMULABLES), ~est_engagee())
        .order_by(Demande.id)
    )
    return [
        DemandeASimuler(numero, ligne, montant, *(NOTE_INCONNUE if bas is None else (Fraction(bas), Fraction(haut))))
        for numero, ligne, montant, bas, haut in session.execute(requete)
    ]


def _dossiers(
    session: Session, appel: Appel, numeros: Iterable[str]
) -> list[tuple[str, str, list[str], str, dict[str, Any]]]:
    """Numéro, porteur, quartiers, objectif et les seuls champs utiles du dernier contenu figé."""
    champs = [part for nom in _CHAMPS_LUS for part in (nom, DossierVersion.contenu[nom])]
    fige = (
        select(func.jsonb_build_object(*champs, type_=JSONB).label("contenu"))
        .where(DossierVersion.dossier_id == Dossier.id)
        .order_by(DossierVersion.rang.desc())
        .limit(1)
        .lateral("fige")
    )
    requete = (
        select(Dossier.numero, Organisation.code, Dossier.quartiers, Dossier.objectif, fige.c.contenu)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .outerjoin(fige, true())
        .where(Dossier.appel_id == appel.id, Dossier.numero.is_not(None))
        .order_by(Dossier.id)
    )
    voulus = frozenset(numeros)
    return [
        (numero, porteur, quartiers, objectif, contenu or {})
        for numero, porteur, quartiers, objectif, contenu in session.execute(requete)
        if numero in voulus
    ]


def _acquis(session: Session, appel: Appel) -> dict[str, Euros]:
    """Déjà engagé par dossier pour l'année : compte pour la viabilité et le taux de financement public."""
    requete = (
        select(Dossier.numero, func.sum(cast(Engagement.montant, BigInteger)))
        .join(Demande, Demande.id == Engagement.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(de_l_appel(appel.id, appel.annee), Engagement.annee == appel.annee)
        .group_by(Dossier.numero)
    )
    return {numero: Euros(int(total)) for numero, total in session.execute(requete) if numero is not None}


def _enveloppes(session: Session, appel: Appel) -> list[EnveloppeASimuler]:
    """Une par ligne du contrat, vide si rien n'est ouvert, moins la part gardée pour les phases suivantes.

    L'engagé comprend ce qui est voté, pas encore engagé.
    """
    courante = derniere_proposition()
    votees = (
        select(Demande.ligne_id, func.sum(courante.c.montant).label("total"))
        .outerjoin(courante, true())
        .where(
            Demande.contrat_id == appel.contrat_id, Demande.annee == appel.annee, Demande.etat.in_(VOTEES),
            ~est_engagee(),
        )
        .group_by(Demande.ligne_id)
        .subquery("votees")
    )  # fmt: skip
    requete = (
        select(LigneFinancement.code, Enveloppe.montant, Enveloppe.engage, votees.c.total)
        .outerjoin(Enveloppe, and_(Enveloppe.ligne_id == LigneFinancement.id, Enveloppe.annee == appel.annee))
        .outerjoin(votees, votees.c.ligne_id == LigneFinancement.id)
        .where(LigneFinancement.contrat_id == appel.contrat_id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    reserve = get_reserve(session, appel)
    return [
        EnveloppeASimuler(
            code,
            (montant or ZERO) - reserve.sur(montant or ZERO),
            (engage or ZERO) + Euros(int(vote or 0)),
        )
        for code, montant, engage, vote in session.execute(requete)
    ]


def attendus(session: Session, appel: Appel) -> Attendus:
    """Les quartiers, objectifs et communes qui doivent paraître même sans un euro. Trois requêtes."""
    quartiers = select(Quartier.code).where(Quartier.contrat_id == appel.contrat_id).order_by(Quartier.rang)
    objectifs = select(Objectif.code).where(Objectif.version_id == appel.version_id).order_by(Objectif.rang)
    communes = (
        select(Commune.insee)
        .where(Commune.contrat_id == appel.contrat_id)
        .where(Commune.id.in_(select(QuartierCommune.commune_id)))
        .order_by(Commune.insee)
    )
    return Attendus(*(tuple(session.scalars(r)) for r in (quartiers, objectifs, communes)))


@dataclass(frozen=True, slots=True)
class Noms:
    """Les noms des repères, la population des quartiers (la seule connue), les financeurs dans l'ordre des lignes."""

    lignes: Mapping[str, str]
    quartiers: Mapping[str, str]
    population: Mapping[str, int]
    objectifs: Mapping[str, str]
    communes: Mapping[str, str]


def lire_noms(session: Session, appel: Appel) -> Noms:
    """Code → nom montré. Quatre requêtes."""
    quartiers = session.execute(
        select(Quartier.code, Quartier.nom, Quartier.population).where(Quartier.contrat_id == appel.contrat_id)
    ).all()
    objectifs = select(Objectif.code, Objectif.intitule).where(Objectif.version_id == appel.version_id)
    communes = select(Commune.insee, Commune.nom).where(Commune.contrat_id == appel.contrat_id)
    lignes = select(LigneFinancement.code, LigneFinancement.financeur).where(
        LigneFinancement.contrat_id == appel.contrat_id
    )
    return Noms(
        lignes=dict(session.execute(lignes.order_by(LigneFinancement.rang, LigneFinancement.id)).all()),
        quartiers={code: nom for code, nom, _ in quartiers},
        population={code: habitants for code, _, habitants in quartiers if habitants is not None},
        objectifs=dict(session.execute(objectifs).all()),
        communes=dict(session.execute(communes).all()),
    )


def get_scenario(session: Session, code: str, contrats: Iterable[int]) -> ScenarioEnregistre | None:
    """Le scénario de ce code, dans ces contrats."""
    requete = select(ScenarioEnregistre).where(
        ScenarioEnregistre.code == code, ScenarioEnregistre.contrat_id.in_(sorted(contrats))
    )
    return session.scalar(requete)


def get_scenario_par_id(session: Session, scenario_id: int, *, verrou: bool = False) -> ScenarioEnregistre | None:
    """Le scénario de cette clé ; avec `verrou`, pour y ranger son résultat."""
    requete = select(ScenarioEnregistre).where(ScenarioEnregistre.id == scenario_id)
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(requete)


def compter_scenarios(session: Session, appel_id: int) -> int:
    """Combien de simulations cet appel a déjà demandées."""
    return session.scalar(select(func.count()).where(ScenarioEnregistre.appel_id == appel_id)) or 0


def list_scenarios(
    session: Session, appel: Appel, *, jeton: str = "", taille: int = TAILLE
) -> Page[ScenarioEnregistre]:
    """Les scénarios d'un appel, du plus récent au plus ancien."""
    requete: Any = select(ScenarioEnregistre).where(ScenarioEnregistre.appel_id == appel.id)
    ordre = Ordre("recent", ScenarioEnregistre.id, ScenarioEnregistre.id, descendant=True)
    page = paginer(session, requete, ordre, jeton, taille)
    return Page(tuple(r.ScenarioEnregistre for r in page.elements), page.precedent, page.suivant)


@dataclass(frozen=True, slots=True)
class DossierNomme:
    """De quoi nommer un dossier dans un scénario."""

    titre: str
    porteur: str


def nommer_dossiers(session: Session, condition: Any, numeros: Sequence[str]) -> dict[str, DossierNomme]:
    """Numéro → titre et porteur, pour les dossiers en vue (`condition` : `visibles(acteur)`)."""
    requete = (
        select(Dossier.numero, Dossier.titre, Organisation.nom)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(Dossier.numero.in_(list(numeros)), condition)
        .order_by(rang_du_numero())
    )
    return {numero: DossierNomme(titre, nom) for numero, titre, nom in session.execute(requete) if numero is not None}
