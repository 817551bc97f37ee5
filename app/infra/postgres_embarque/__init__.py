"""PostgreSQL embarqué : une grappe privée, par socket seulement, quand aucune base n’est donnée (décision 1)."""

from app.infra.postgres_embarque.bases import assurer_base, base_existe, cloner_base, creer_base, supprimer_base
from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.ouverture import Grappe, donnees_par_defaut, grappe, outil
from app.infra.postgres_embarque.roles import PROPRIETAIRE, SERVICE

__all__ = [
    "PROPRIETAIRE",
    "SERVICE",
    "Grappe",
    "GrappeIndisponible",
    "assurer_base",
    "base_existe",
    "cloner_base",
    "creer_base",
    "donnees_par_defaut",
    "grappe",
    "outil",
    "supprimer_base",
]
