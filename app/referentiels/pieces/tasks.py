"""Tâches de fond : analyser un fichier, reprendre ceux qui attendent, retirer des octets, ramasser les restes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from app.infra.antivirus import Etat, Verdict, antivirus_de
from app.infra.files import FichierAbsent, Magasin, magasin_de
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier, chaque_jour, tache_longue, toutes_les
from app.infra.traces import tracer
from app.referentiels.pieces import repository, service
from app.referentiels.pieces.rules import EtatFichier

AGE_D_UN_RESTE = timedelta(days=1)
REPRISES = 200
LOT = 500
PERDU = "Les octets de ce fichier ne sont plus ceux qui ont été envoyés."
trace = tracer("iq.fichiers")


class _Relus:
    """Les octets du magasin, et leur empreinte à mesure qu'ils passent."""

    def __init__(self, magasin: Magasin, sha256: str) -> None:
        self._morceaux = magasin.lire(sha256)
        self._attendue, self._empreinte = sha256, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for morceau in self._morceaux:
            self._empreinte.update(morceau)
            yield morceau

    def sont_intacts(self) -> bool:
        """Vrai si tout a été lu, et que c'est bien ce qui avait été envoyé."""
        return self._empreinte.hexdigest() == self._attendue


@tache_longue("fichier.analyser")
def analyser(atelier: Atelier, *, maintenant: datetime, fichier_id: int) -> None:
    """Lire (transaction), analyser (aucune transaction ouverte), conclure (transaction). Rejouable à chaque pas.

    Antivirus absent : l'essai se note et le fichier attend ; `fichier.reprendre` le reprendra.
    """
    with atelier.transaction() as session:
        sha256 = repository.get_contenu(session, fichier_id)
    if sha256 is None:
        return
    antivirus = antivirus_de(atelier.config)
    try:
        relus = _Relus(magasin_de(atelier.config), sha256)
        verdict = antivirus.analyser(relus)
    except FichierAbsent:
        _ecarter(atelier, fichier_id, EtatFichier.REFUSE, PERDU, antivirus.nom, maintenant)
        return
    except Exception as erreur:
        with atelier.transaction() as session:
            service.noter_essai(session, fichier_id, f"Le magasin ne se lit pas : {type(erreur).__name__}.")
        raise
    trace.info("fichier analysé", fichier=fichier_id, etat=verdict.etat.value)
    _conclure(atelier, fichier_id, verdict, antivirus.nom, maintenant, intacts=relus.sont_intacts())


def _conclure(
    atelier: Atelier, fichier_id: int, verdict: Verdict, par: str, maintenant: datetime, *, intacts: bool
) -> None:
    if verdict.etat is Etat.INDISPONIBLE:
        with atelier.transaction() as session:
            service.noter_essai(session, fichier_id, verdict.raison)
    elif verdict.etat is Etat.INFECTE:
        _ecarter(atelier, fichier_id, EtatFichier.INFECTE, verdict.raison, par, maintenant)
    elif not intacts:
        _ecarter(atelier, fichier_id, EtatFichier.REFUSE, PERDU, par, maintenant)
    else:
        with atelier.transaction() as session:
            service.declarer_sain(session, fichier_id, par=par, maintenant=maintenant)


def _ecarter(atelier: Atelier, fichier_id: int, etat: EtatFichier, motif: str, par: str, maintenant: datetime) -> None:
    with atelier.transaction() as session:
        service.ecarter(
            session, fichier_id, etat, motif, par=par, url_publique=atelier.config.url_publique, maintenant=maintenant
        )


@tache_longue("fichier.reprendre", cadence=toutes_les(timedelta(minutes=2)))
def reprendre(atelier: Atelier, *, maintenant: datetime) -> None:  # noqa: ARG001
    """Toutes les deux minutes : si l'antivirus répond, remet en file ceux qui attendent ; sinon note l'essai."""
    with atelier.transaction() as session:
        if not repository.list_en_attente(session, 1):
            return
    vu = antivirus_de(atelier.config).joindre()
    with atelier.transaction() as session:
        if vu.etat is Etat.INDISPONIBLE:
            trace.warning("antivirus injoignable, des fichiers attendent", raison=vu.raison)
            service.essai_general(session, vu.raison)
        else:
            service.reprendre(session, REPRISES)


@tache_longue("fichier.supprimer")
def supprimer(atelier: Atelier, *, maintenant: datetime, sha256: str) -> None:  # noqa: ARG001
    """Après COMMIT : retire des octets que plus aucune rangée ne tient."""
    magasin = magasin_de(atelier.config)
    with atelier.transaction() as session:
        service.retirer_si_libre(session, magasin, sha256)


@tache_longue("fichier.ramasser", cadence=chaque_jour(3, 40))
def ramasser(atelier: Atelier, *, maintenant: datetime) -> None:  # noqa: ARG001
    """Chaque nuit : retire les octets sans rangée depuis plus d'un jour (transaction annulée), à l'heure machine."""
    magasin, avant = magasin_de(atelier.config), heure_machine() - AGE_D_UN_RESTE
    retires = magasin.balayer(avant)
    vieux = [range_.sha256 for range_ in magasin.lister() if range_.modifie_at < avant]
    for debut in range(0, len(vieux), LOT):
        lot = vieux[debut : debut + LOT]
        with atelier.transaction() as session:
            tenus = repository.list_tenus(session, lot)
        for sha256 in (cle for cle in lot if cle not in tenus):
            with atelier.transaction() as session:
                retires += service.retirer_si_libre(session, magasin, sha256)
    if retires:
        trace.info("restes ramassés", nombre=retires)
