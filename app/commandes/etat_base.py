"""Ce qu'une base contient, en clair et en SQL : têtes du journal, nombre de lignes, droits, déclencheurs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.commandes.archive import EtatBase, TeteGardee
from app.infra import postgres_embarque as pg
from app.noyau.erreurs import ErreurMetier

_SERVICE = f"(SELECT oid FROM pg_roles WHERE rolname = '{pg.SERVICE}')"  # noqa: S608
_DROITS = f"""
SELECT format('%s %s %s', c.oid::regclass, a.privilege_type, a.is_grantable) AS droit
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = {_SERVICE}
UNION ALL
SELECT format('%s(%s) %s %s', c.oid::regclass, t.attname, a.privilege_type, a.is_grantable)
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = {_SERVICE}
UNION ALL
SELECT format('schéma %s %s', n.nspname, a.privilege_type)
FROM pg_namespace n, aclexplode(n.nspacl) a
WHERE n.nspname = 'public' AND a.grantee = {_SERVICE}
UNION ALL
SELECT format('défaut %s %s', d.defaclobjtype, a.privilege_type)
FROM pg_default_acl d, aclexplode(d.defaclacl) a
WHERE a.grantee = {_SERVICE}
"""  # noqa: S608
_DECLENCHEURS = """
SELECT format('%s %s %s %s', t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgfoid::regproc) AS garde
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
"""
_TETES = """
SELECT format('%s %s %s', chaine, rang, encode(empreinte, 'hex'))
FROM (SELECT DISTINCT ON (chaine) chaine, rang, empreinte FROM journal_entree ORDER BY chaine, rang DESC) t
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


@contextmanager
def connexion(url: str, *, figee: bool = False) -> Iterator[Connection]:
    """Une connexion d'administration ; `figee` : lecture seule, dans un instantané."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if figee else {}
    moteur = create_engine(url, poolclass=NullPool, execution_options=options)
    with moteur.connect() as ouverte:
        yield ouverte
    moteur.dispose()


def tables(base: Connection) -> list[str]:
    """Les tables de la base, par ordre alphabétique."""
    return list(base.scalars(text(_TABLES)))


def etat(base: Connection) -> EtatBase:
    """Ce que la base contient : têtes du journal, nombre de lignes, droits du rôle de service, déclencheurs."""
    lignes = {table: int(base.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0) for table in tables(base)}  # noqa: S608
    if "journal_entree" not in lignes or "alembic_version" not in lignes:
        raise ErreurMetier("Cette base n’est pas celle du service : lancez d’abord « python -m app migrer ».")
    tetes = sorted(
        (int(chaine), int(rang), empreinte)
        for chaine, rang, empreinte in (ligne.split() for ligne in base.scalars(text(_TETES)))
    )
    return EtatBase(
        postgresql=str(base.scalar(text("SHOW server_version"))),
        migration=str(base.scalar(text("SELECT version_num FROM alembic_version"))),
        tetes=tuple(TeteGardee(chaine=c, rang=r, empreinte=e) for c, r, e in tetes),
        lignes=lignes,
        droits=tuple(sorted(base.scalars(text(_DROITS)))),
        declencheurs=tuple(sorted(base.scalars(text(_DECLENCHEURS)))),
    )


def est_peuplee(base: Connection) -> bool:
    """Vrai si une table a une ligne, celles des tâches de fond et des migrations mises à part."""
    return any(
        base.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{table}")'))  # noqa: S608
        for table in tables(base)
        if table != "alembic_version" and not table.startswith("procrastinate_")
    )


def ecart(attendu: EtatBase, trouve: EtatBase) -> str | None:
    """La première différence entre deux états, en clair ; None s'ils sont les mêmes."""
    if attendu.tetes != trouve.tetes:
        return "le journal n’a pas les têtes de la sauvegarde"
    for table, nombre in attendu.lignes.items():
        if trouve.lignes.get(table) != nombre:
            return f"la table {table} a {trouve.lignes.get(table, 0)} lignes au lieu de {nombre}"
    if attendu.declencheurs != trouve.declencheurs:
        return "des déclencheurs manquent ou ne sont plus actifs"
    if attendu.droits != trouve.droits:
        return "les droits du rôle de service ne sont pas ceux de la sauvegarde"
    return None


def controle(attendu: EtatBase) -> str:
    """Un script qui échoue si la base n'est pas l'attendue : à jouer dans la transaction qui la remet."""
    tetes = [f"{tete.chaine} {tete.rang} {tete.empreinte}" for tete in attendu.tetes]
    conditions = [
        (_memes(_TETES, tetes), "le journal n’a pas les têtes de la sauvegarde"),
        (_memes(_DECLENCHEURS, attendu.declencheurs), "des déclencheurs manquent ou ne sont plus actifs"),
        (_memes(_DROITS, attendu.droits), "les droits du rôle de service ne sont pas ceux de la sauvegarde"),
    ]
    for table, nombre in attendu.lignes.items():
        compte = f'(SELECT count(*) FROM public."{table.replace(chr(34), chr(34) * 2)}") = {nombre}'  # noqa: S608
        conditions.append((compte, f"la table {table} n’est pas entière"))
    ordres = "\n".join(
        f"    IF ({condition}) IS NOT TRUE THEN RAISE EXCEPTION '%', {_citer(sinon)}; END IF;"
        for condition, sinon in conditions
    )
    return f"SET search_path = public;\nDO $controle$ BEGIN\n{ordres}\nEND $controle$;\n"


def _memes(requete: str, voulus: Sequence[str]) -> str:
    liste = f"ARRAY[{', '.join(map(_citer, voulus))}]::text[]"
    trouves = f"(SELECT coalesce(array_agg(x), '{{}}') FROM ({requete}) q(x))"  # noqa: S608
    return f"{trouves} @> {liste} AND {trouves} <@ {liste}"


def _citer(texte: str) -> str:
    return "'" + texte.replace("'", "''") + "'"
