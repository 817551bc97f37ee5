"""La version qu'un chargement range : laquelle, ce qu'elle fige, ce qu'elle disait déjà."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.contrat import repository
from app.etapes.contrat.models import RubriqueContrat
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules.fige import FIGE, Etat, codes_cites, figer
from app.noyau.erreurs import ActeImpossible
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat, VersionContrat


def identite(contenu: faits.ContenuContrat) -> dict[str, Any]:
    """Ce qu'une version dit du contrat lui-même."""
    return {
        "intitule": contenu.intitule,
        "epci_nom": contenu.epci_nom,
        "epci_siren": contenu.epci_siren,
        "debut": contenu.debut,
        "fin": contenu.fin,
    }


def etat_de(chargement: faits.Chargement) -> Etat:
    """Ce que ces fichiers disent de ce que les versions se partagent."""
    contenu = chargement.contenu
    return Etat(**identite(contenu), communes=chargement.communes, quartiers=contenu.quartiers, lignes=contenu.lignes)


def trouver_contrat(session: Session, chargement: faits.Chargement) -> Contrat:
    """Le contrat de ces fichiers, créé s'il est nouveau. Lève ActeImpossible (`prefixe_pris`, `prefixe_change`)."""
    contenu = chargement.contenu
    contrat = contrats.get_contrat_par_code(session, contenu.code)
    if contrat is not None and contrat.prefixe != chargement.prefixe:
        raison = f"Le préfixe des numéros de dossier de {contenu.code} est {contrat.prefixe} : il ne change plus."
        raise ActeImpossible(raison, code="prefixe_change")
    if contrat is None:
        pris = next((c.code for c in contrats.list_contrats(session) if c.prefixe == chargement.prefixe), None)
        if pris is not None:
            raison = f"Le préfixe {chargement.prefixe} est déjà celui du contrat {pris}."
            raise ActeImpossible(raison, code="prefixe_pris")
        contrat = Contrat(code=contenu.code, prefixe=chargement.prefixe, **identite(contenu))
        session.add(contrat)
        session.flush()
    return contrat


def est_courante(connues: Iterable[VersionContrat], code: str, debut: date) -> bool:
    """Aucune version déjà chargée ne succède à celle-ci."""
    return not any(v.code != code and v.chargee_at and v.en_vigueur_le and v.en_vigueur_le > debut for v in connues)


def ranger_versions(
    session: Session,
    contrat_id: int,
    chargement: faits.Chargement,
    connues: dict[str, VersionContrat],
    *,
    est_courante: bool,
) -> VersionContrat:
    """La version chargée, et toutes celles annoncées ; une version préparée n'a ni date ni contenu.

    Les fichiers d'une version dépassée ne disent rien des suivantes, ni du jour où elle a fini.
    """
    chargee = chargement.contenu.version
    for voulue in chargement.versions if est_courante else (chargee,):
        version = connues.get(voulue.code)
        if version is None:
            version = VersionContrat(contrat_id=contrat_id, code=voulue.code, empreinte="", chargee_at=None)
            connues[voulue.code] = version
            session.add(version)
        version.intitule, version.en_vigueur_le = voulue.intitule, voulue.debut
        version.fin_le = voulue.fin if est_courante else voulue.fin or version.fin_le
    session.flush()
    return connues[chargee.code]


def figer_les_anciennes(session: Session, contrat: Contrat, versions: Iterable[VersionContrat]) -> None:
    """Les versions chargées avant que leur état ne se fige : celui des tables est encore le leur."""
    for version in versions:
        if version.chargee_at is not None and repository.get_rubrique(session, version.id, FIGE) is None:
            ranger_etat(session, version, repository.etat_courant(session, contrat))


def ranger_etat(session: Session, version: VersionContrat, etat: Etat) -> None:
    """Fige, avec la version, ce qu'elle dit de ce que les versions se partagent."""
    rubrique = repository.get_rubrique(session, version.id, FIGE)
    if rubrique is None:
        rubrique = RubriqueContrat(contrat_id=version.contrat_id, version_id=version.id, code=FIGE)
        session.add(rubrique)
    rubrique.contenu = figer(etat)
    session.flush()


def codes_deja_dits(session: Session, version_id: int) -> dict[str, frozenset[str]]:
    """Par genre partagé, les codes que cette version dit déjà ; rien pour une version neuve."""
    fige = repository.get_rubrique(session, version_id, FIGE)
    gouvernance = repository.get_rubrique(session, version_id, faits.GOUVERNANCE)
    return codes_cites(fige.contenu if fige else None, gouvernance.contenu if gouvernance else None)
