"""Les trois rôles de la grappe, qui peut les prendre, et comment on se connecte.

Authentification `peer` : le noyau dit à PostgreSQL quel compte système est au bout de la socket, et `pg_ident.conf`
n’admet que le compte qui possède les données et root. Préférée à `trust` : même un dossier de socket ouvert par erreur
n’admettrait personne d’autre. En sens inverse, `requirepeer` fait vérifier au client que le serveur tourne sous ce
compte : un faux serveur posé dans /tmp n’aurait personne.
"""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.infra.postgres_embarque.lieux import Compte, Lieux

INTERNE = "postgres"
PROPRIETAIRE = "iq_proprietaire"
SERVICE = "iq_service"
BASE_INTERNE = "postgres"
PORT = 5432  # le nom du fichier de la socket, rien d’autre : aucune écoute sur le réseau
DELAI_CONNEXION = 5  # secondes

_SANS_ADMINISTRATION = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_ATTRIBUTS = {PROPRIETAIRE: f"{_SANS_ADMINISTRATION} CREATEDB", SERVICE: f"{_SANS_ADMINISTRATION} NOCREATEDB"}


def parametres(lieux: Lieux, compte: Compte, base: str, role: str) -> dict[str, str]:
    """Les paramètres de connexion, tous explicites : aucune variable PG… de l’environnement ne les change."""
    return {"host": str(lieux.socket), "port": str(PORT), "dbname": base, "user": role, "requirepeer": compte.nom}


def connecter(lieux: Lieux, compte: Compte, base: str = BASE_INTERNE, role: str = INTERNE) -> psycopg.Connection:
    """Une connexion hors transaction ; lève psycopg.OperationalError si la grappe ne répond pas."""
    return psycopg.connect(
        make_conninfo(**parametres(lieux, compte, base, role)), autocommit=True, connect_timeout=DELAI_CONNEXION
    )


def fichiers_d_acces(lieux: Lieux, compte: Compte) -> dict[str, str]:
    """Contenu de pg_hba.conf et pg_ident.conf, réécrits à chaque lancement."""
    correspondances = [
        f'iq "{systeme}" {role}\n'
        for systeme in dict.fromkeys((compte.nom, "root"))
        for role in (INTERNE, PROPRIETAIRE, SERVICE)
    ]
    return {
        str(lieux.grappe / "pg_hba.conf"): "local all all peer map=iq\n",
        str(lieux.grappe / "pg_ident.conf"): "".join(correspondances),
    }


def assurer_les_roles(connexion: psycopg.Connection) -> None:
    """Créer les rôles qui manquent et remettre leurs attributs ; `iq_service` n’entre que dans les bases créées ici."""
    presents = {ligne[0] for ligne in connexion.execute("SELECT rolname FROM pg_roles").fetchall()}
    for role, attributs in _ATTRIBUTS.items():
        verbe = "ALTER" if role in presents else "CREATE"
        connexion.execute(sql.SQL("{} ROLE {} {}").format(sql.SQL(verbe), sql.Identifier(role), sql.SQL(attributs)))
    proprietaire = sql.Identifier(PROPRIETAIRE)
    connexion.execute(sql.SQL("GRANT pg_signal_backend TO {}").format(proprietaire))
    connexion.execute(sql.SQL("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"))
    connexion.execute(sql.SQL("GRANT CONNECT ON DATABASE postgres TO {}").format(proprietaire))
