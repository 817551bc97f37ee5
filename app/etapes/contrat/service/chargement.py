"""Charger un contrat : ranger tout son contenu, sans rien perdre de ce qu'un dossier peut citer.

Une version garde ce qu'elle dit ; quartiers, communes, lignes et instances, que les versions se partagent, suivent la
dernière et ne s'effacent jamais.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.etapes.contrat import repository
from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel, RubriqueContrat
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules.disparus import Disparu, disparus, phrase, sous_actions
from app.etapes.contrat.service import versions
from app.infra.db import Base
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.referentiels.contrats import repository as contrats
from app.referentiels.instances.models import Instance, MembreInstance, ServiceConsulte
from app.referentiels.instances.rules import NatureService
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ActeCommission, NatureAutorite
from app.referentiels.territoires.models import Commune, Fiche, PrioriteFiche, Quartier, QuartierCommune

M = TypeVar("M", bound=Base)
K = TypeVar("K", bound=Hashable)
Valeurs = dict[str, Any]
ACTEUR = "ligne-de-commande"


@dataclass(frozen=True, slots=True)
class Bilan:
    """Ce qu'un chargement a fait. `deja_charge` : même empreinte, rien n'a été touché."""

    contrat_id: int
    code: str
    version: str
    deja_charge: bool = False
    ajoutes: Mapping[str, int] = field(default_factory=dict)
    modifies: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Rangement:
    """Un chargement en cours : où il écrit, ce qu'il a fait, ce qui manque.

    `cites` : par genre partagé entre les versions, les codes que celle-ci disait déjà. `est_courante` : aucune version
    chargée ne lui succède ; sinon elle ne change rien à ce qui se partage.
    """

    session: Session
    contrat_id: int
    version_id: int
    debut: date
    est_courante: bool
    cites: Mapping[str, frozenset[str]]
    ajoutes: Counter[str] = field(default_factory=Counter)
    modifies: Counter[str] = field(default_factory=Counter)
    manquants: list[Disparu] = field(default_factory=list)

    def accorder(
        self, genre: str, modele: type[M], existants: Mapping[K, M], voulus: Mapping[K, Valeurs], **fixes: Any
    ) -> dict[K, M]:
        """Crée ou met à jour chaque élément par sa clé ; note ceux qui manquent. Écrit avant de rendre."""
        charges = self.cites.get(genre, [str(cle) for cle in existants])
        self.manquants += disparus(genre, charges, [str(cle) for cle in voulus])
        est_tenu = genre in self.cites and not self.est_courante
        rendu: dict[K, M] = {}
        for cle, valeurs in voulus.items():
            element = existants.get(cle)
            if element is None:
                element = modele(contrat_id=self.contrat_id, **fixes, **valeurs)
                self.session.add(element)
                self.ajoutes[genre] += 1
            elif changes := {n: v for n, v in valeurs.items() if not est_tenu and getattr(element, n) != v}:
                for nom, valeur in changes.items():
                    setattr(element, nom, valeur)
                self.modifies[genre] += 1
            rendu[cle] = element
        self.session.flush()
        return rendu


def charger(session: Session, chargement: faits.Chargement, maintenant: datetime) -> Bilan:
    """Range un contrat dans sa version en vigueur. La même empreinte ne touche à rien.

    Lève ActeImpossible : préfixe déjà pris (`prefixe_pris`), préfixe changé (`prefixe_change`), ou élément disparu
    qu'un dossier peut citer (`contenu_disparu`).
    """
    repository.verrouiller_chargement(session)
    contenu = chargement.contenu
    contrat = versions.trouver_contrat(session, chargement)
    connues = {version.code: version for version in contrats.list_versions(session, contrat.id)}
    code, empreinte = contenu.version.code, faits.empreinte(chargement)
    if code in connues and connues[code].empreinte == empreinte:
        return Bilan(contrat.id, contenu.code, code, deja_charge=True)
    versions.figer_les_anciennes(session, contrat, connues.values())
    debut = contenu.version.debut or contenu.debut
    courante = versions.est_courante(connues.values(), code, debut)
    version = versions.ranger_versions(session, contrat.id, chargement, connues, est_courante=courante)
    rangement = _Rangement(
        session, contrat.id, version.id, debut, courante, versions.codes_deja_dits(session, version.id)
    )
    if courante:
        for nom, valeur in versions.identite(contenu).items():
            setattr(contrat, nom, valeur)
    communes = _territoires(rangement, chargement)
    _lignes(rangement, contenu, communes)
    _instances(rangement, chargement)
    _enjeux(rangement, contenu)
    _rubriques(rangement, contenu)
    versions.ranger_etat(session, version, versions.etat_de(chargement))
    if rangement.manquants:
        raison = phrase(rangement.manquants, contenu.code, version.code)
        raise ActeImpossible(raison, code="contenu_disparu")
    version.empreinte, version.chargee_at = empreinte, maintenant
    bilan = Bilan(contrat.id, contenu.code, version.code, False, rangement.ajoutes, rangement.modifies)
    consigner(
        session, contrat_id=contrat.id, acte="contrat.charge", objet=f"{contenu.code}/{version.code}", acteur=ACTEUR,
        maintenant=maintenant, apres={"empreinte": empreinte},
    )  # fmt: skip
    return bilan


def _territoires(r: _Rangement, chargement: faits.Chargement) -> dict[str, Commune]:
    contenu = chargement.contenu
    communes = r.accorder(
        "commune",
        Commune,
        repository.communes_par_code(r.session, r.contrat_id),
        {c.insee: {"insee": c.insee, "nom": c.nom} for c in chargement.communes},
    )
    quartiers = r.accorder(
        "quartier",
        Quartier,
        repository.quartiers_par_code(r.session, r.contrat_id),
        {
            q.code: {"code": q.code, "nom": q.nom, "rang": rang, "population": q.population, "contenu": q.contenu}
            for rang, q in enumerate(contenu.quartiers, start=1)
        },
    )
    _quartiers_communes(r, contenu, quartiers, communes)
    fiches = r.accorder(
        "projet de quartier",
        Fiche,
        repository.fiches_par_code(r.session, r.version_id),
        {
            f.code: {
                "quartier_id": quartiers[f.quartier].id,
                "commune_id": communes[f.commune.insee].id,
                "code": f.code,
                "nom": f.nom,
                "rang": rang,
                "contenu": f.contenu,
            }
            for rang, f in enumerate(contenu.fiches, start=1)
        },
        version_id=r.version_id,
    )
    _priorites(r, contenu, fiches)
    return communes


def _quartiers_communes(
    r: _Rangement, contenu: faits.ContenuContrat, quartiers: Mapping[str, Quartier], communes: Mapping[str, Commune]
) -> None:
    """Les communes des quartiers de cette version, sans identité propre : le lien se remplace."""
    siens = {quartier.id for quartier in quartiers.values()}
    liens = repository.liens_quartier_commune(r.session, r.contrat_id)
    existants = {cle: lien for cle, lien in liens.items() if cle[0] in siens}
    voulus = {(quartiers[q.code].id, communes[c.insee].id) for q in contenu.quartiers for c in q.communes}
    if not r.est_courante:
        deja = {quartier_id for quartier_id, _ in existants}
        voulus = set(existants) | {cle for cle in voulus if cle[0] not in deja}
    for cle in sorted(set(existants) - voulus):
        r.session.delete(existants[cle])
    for quartier_id, commune_id in sorted(voulus - set(existants)):
        r.session.add(QuartierCommune(contrat_id=r.contrat_id, quartier_id=quartier_id, commune_id=commune_id))
    r.session.flush()


def _priorites(r: _Rangement, contenu: faits.ContenuContrat, fiches: Mapping[str, Fiche]) -> None:
    r.accorder(
        "priorité",
        PrioriteFiche,
        repository.priorites_par_code(r.session, r.version_id),
        {
            f"{f.code} n° {p['rang']}": {
                "fiche_id": fiches[f.code].id,
                "rang": p["rang"],
                "intitule": p["intitule"],
                "texte": p["texte"] or "",
                "source": p["source"],
            }
            for f in contenu.fiches
            for p in f.priorites
        },
    )


def _lignes(r: _Rangement, contenu: faits.ContenuContrat, communes: Mapping[str, Commune]) -> None:
    """Les lignes du contrat. Un SIRET que le fichier ne donne pas et un service à joindre : ce qui est saisi reste."""
    r.accorder(
        "ligne de financement",
        LigneFinancement,
        repository.lignes_par_code(r.session, r.contrat_id),
        {
            ligne.code: {
                "code": ligne.code,
                "rang": rang,
                "financeur": ligne.financeur,
                "intitule": ligne.intitule,
                "nature_autorite": NatureAutorite(ligne.nature_autorite),
                "acte_commission": ActeCommission(ligne.acte_commission),
                "acte_decision": ligne.acte_decision,
                "attribuant_nom": ligne.financeur,
                **({"attribuant_siret": ligne.siret} if ligne.siret is not None else {}),
                "commune_id": communes[ligne.commune].id if ligne.commune else None,
                "contenu": ligne.contenu,
            }
            for rang, ligne in enumerate(contenu.lignes, start=1)
        },
    )


def _instances(r: _Rangement, chargement: faits.Chargement) -> None:
    """Les instances du contrat, les sièges et services de départ ; ce que le chargé de mission a ajouté reste."""
    voulues = {
        i["code"]: {
            "code": i["code"],
            "rang": rang,
            "nom": i["nom"],
            "pilotage": i["pilotage"] or "",
            "frequence": i["frequence"] or "",
            "composition": i["composition"],
            "role": i["role"],
            "source": i["source"],
        }
        for rang, i in enumerate(chargement.contenu.rubriques[faits.GOUVERNANCE]["instances"], start=1)
    }
    existantes = repository.instances_par_code(r.session, r.contrat_id)
    instances = r.accorder("instance", Instance, existantes, voulues)
    if not r.est_courante:
        return
    _sieges(r, chargement, instances)
    services = repository.services_par_code(r.session, r.contrat_id)
    souhaites: dict[str, Valeurs] = {
        s.code: {"code": s.code, "nom": s.nom, "nature": NatureService(s.nature)} for s in chargement.services
    }
    gardes = {code: service for code, service in services.items() if code in souhaites}
    r.accorder("service consulté", ServiceConsulte, gardes, souhaites)


def _sieges(r: _Rangement, chargement: faits.Chargement, instances: Mapping[str, Instance]) -> None:
    existants = repository.membres_par_qualite(r.session, r.contrat_id)
    rangs: Counter[str] = Counter()
    voulus: dict[tuple[int, str], Valeurs] = {}
    for siege in chargement.sieges:
        rangs[siege.instance] += 1
        instance_id = instances[siege.instance].id
        voulus[instance_id, siege.qualite] = {
            "instance_id": instance_id,
            "qualite": siege.qualite,
            "rang": rangs[siege.instance],
            "a_voix": siege.a_voix,
            "est_president": siege.preside,
            "debut": r.debut,
        }
    gardes = {cle: membre for cle, membre in existants.items() if cle in voulus}
    for cle, membre in gardes.items():
        # Une présidence change de siège en deux temps : la base n'en admet jamais deux.
        membre.est_president = membre.est_president and voulus[cle]["est_president"]
    r.session.flush()
    r.accorder("siège", MembreInstance, gardes, voulus, fin=None)


def _enjeux(r: _Rangement, contenu: faits.ContenuContrat) -> None:
    enjeux = r.accorder(
        "enjeu",
        Enjeu,
        {e.code: e for e in repository.list_enjeux(r.session, r.version_id)},
        {
            e.code: {"code": e.code, "rang": rang, "nature": e.nature, "intitule": e.intitule, "contenu": e.contenu}
            for rang, e in enumerate(contenu.enjeux, start=1)
        },
        version_id=r.version_id,
    )
    parents = {o.code: enjeux[e.code].id for e in contenu.enjeux for o in e.objectifs}
    objectifs = r.accorder(
        "objectif",
        Objectif,
        {o.code: o for o in repository.list_objectifs(r.session, r.version_id)},
        {
            o.code: {
                "enjeu_id": parents[o.code],
                "code": o.code,
                "rang": rang,
                "intitule": o.intitule,
                "contenu": o.contenu,
            }
            for rang, o in enumerate(contenu.objectifs, start=1)
        },
        version_id=r.version_id,
    )
    _operationnels(r, contenu, objectifs)


def _operationnels(r: _Rangement, contenu: faits.ContenuContrat, objectifs: Mapping[str, Objectif]) -> None:
    charges = {o.code: o for o in repository.list_operationnels(r.session, r.version_id)}
    voulus = [(parent.code, o) for parent in contenu.objectifs for o in parent.operationnels]
    r.manquants += disparus(
        "sous-action",
        sous_actions({code: o.contenu for code, o in charges.items()}),
        sous_actions({o.code: o.contenu for _, o in voulus}),
    )
    r.accorder(
        "objectif opérationnel",
        ObjectifOperationnel,
        charges,
        {
            o.code: {
                "objectif_id": objectifs[parent].id,
                "code": o.code,
                "rang": rang,
                "intitule": o.intitule,
                "source": o.source,
                "contenu": o.contenu,
            }
            for rang, (parent, o) in enumerate(voulus, start=1)
        },
        version_id=r.version_id,
    )


def _rubriques(r: _Rangement, contenu: faits.ContenuContrat) -> None:
    """Personne ne cite une rubrique : celle qui disparaît s'efface."""
    existantes = {rubrique.code: rubrique for rubrique in repository.list_rubriques(r.session, r.version_id)}
    for code in sorted(set(existantes) - set(contenu.rubriques)):
        r.session.delete(existantes.pop(code))
    r.accorder(
        "rubrique",
        RubriqueContrat,
        existantes,
        {code: {"code": code, "contenu": valeur} for code, valeur in contenu.rubriques.items()},
        version_id=r.version_id,
    )
