"""Charger un contrat : ranger tout son contenu, sans rien perdre de ce qu'un dossier peut citer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.etapes.contrat import repository
from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel, RubriqueContrat
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules.disparus import Disparu, disparus, phrase, sous_actions
from app.infra.db import Base
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat, VersionContrat
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
    """Un chargement en cours : où il écrit, ce qu'il a fait, ce qui manque."""

    session: Session
    contrat_id: int
    version_id: int
    debut: Any
    ajoutes: Counter[str] = field(default_factory=Counter)
    modifies: Counter[str] = field(default_factory=Counter)
    manquants: list[Disparu] = field(default_factory=list)

    def accorder(
        self, genre: str, modele: type[M], existants: Mapping[K, M], voulus: Mapping[K, Valeurs], **fixes: Any
    ) -> dict[K, M]:
        """Crée ou met à jour chaque élément par sa clé ; note ceux qui manquent. Écrit avant de rendre."""
        self.manquants += disparus(genre, [str(cle) for cle in existants], [str(cle) for cle in voulus])
        rendu: dict[K, M] = {}
        for cle, valeurs in voulus.items():
            element = existants.get(cle)
            if element is None:
                element = modele(contrat_id=self.contrat_id, **fixes, **valeurs)
                self.session.add(element)
                self.ajoutes[genre] += 1
            elif changes := {nom: v for nom, v in valeurs.items() if getattr(element, nom) != v}:
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
    contrat = _contrat(session, chargement)
    versions = _versions(session, contrat.id, chargement)
    version = versions[contenu.version.code]
    empreinte = faits.empreinte(chargement)
    if version.empreinte == empreinte:
        return Bilan(contrat.id, contenu.code, version.code, deja_charge=True)
    rangement = _Rangement(session, contrat.id, version.id, contenu.version.debut or contenu.debut)
    communes = _territoires(rangement, chargement)
    _lignes(rangement, contenu, communes)
    _instances(rangement, chargement)
    _enjeux(rangement, contenu)
    _rubriques(rangement, contenu)
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


def _contrat(session: Session, chargement: faits.Chargement) -> Contrat:
    contenu = chargement.contenu
    valeurs = {
        "intitule": contenu.intitule,
        "epci_nom": contenu.epci_nom,
        "epci_siren": contenu.epci_siren,
        "debut": contenu.debut,
        "fin": contenu.fin,
    }
    contrat = contrats.get_contrat_par_code(session, contenu.code)
    if contrat is not None and contrat.prefixe != chargement.prefixe:
        raison = f"Le préfixe des numéros de dossier de {contenu.code} est {contrat.prefixe} : il ne change plus."
        raise ActeImpossible(raison, code="prefixe_change")
    if contrat is None:
        pris = next((c.code for c in contrats.list_contrats(session) if c.prefixe == chargement.prefixe), None)
        if pris is not None:
            raison = f"Le préfixe {chargement.prefixe} est déjà celui du contrat {pris}."
            raise ActeImpossible(raison, code="prefixe_pris")
        contrat = Contrat(code=contenu.code, prefixe=chargement.prefixe, **valeurs)
        session.add(contrat)
    for nom, valeur in valeurs.items():
        setattr(contrat, nom, valeur)
    session.flush()
    return contrat


def _versions(session: Session, contrat_id: int, chargement: faits.Chargement) -> dict[str, VersionContrat]:
    """Toutes les versions annoncées ; une version préparée n'a ni date ni contenu."""
    connues = {version.code: version for version in contrats.list_versions(session, contrat_id)}
    for voulue in chargement.versions:
        version = connues.get(voulue.code)
        if version is None:
            version = VersionContrat(contrat_id=contrat_id, code=voulue.code, empreinte="", chargee_at=None)
            connues[voulue.code] = version
            session.add(version)
        version.intitule, version.en_vigueur_le, version.fin_le = voulue.intitule, voulue.debut, voulue.fin
    session.flush()
    return connues


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
    """Les communes d'un quartier, sans identité propre : le lien se remplace."""
    existants = repository.liens_quartier_commune(r.session, r.contrat_id)
    voulus = {(quartiers[q.code].id, communes[c.insee].id) for q in contenu.quartiers for c in q.communes}
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
