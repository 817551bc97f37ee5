"""Le plancher : de l'ASGI nu, du SQL écrit à la main, un gabarit compilé. La même liste, le même détail, rien d'autre.

Lancé par uvicorn ; la base se donne par PLANCHER_BASE (conninfo de psycopg).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psycopg
from jinja2 import Environment, FileSystemLoader
from psycopg.rows import dict_row

from app.etapes.dossier.rules.champs import CHAMPS

ANNEE, CODE, TAILLE = 2027, "m2a-2027", 50
BUDGETS = ("budget_charges", "demandes", "budget_produits", "ressources_volontaires")
Envoi = Callable[[dict[str, Any]], Awaitable[None]]

PAGE = """
SELECT d.id, d.numero, d.titre, d.etat, d.objectif, d.quartiers, d.montant_demande_centimes AS montant,
       d.duree_annees, o.nom
FROM dossier d JOIN organisation o ON o.id = d.organisation_id
WHERE d.appel_id = %(appel)s AND d.numero IS NOT NULL {filtres} {etat}
ORDER BY d.depose_le DESC, d.id DESC LIMIT 51"""
# Les mêmes comptes que le service : arrêtés à mille et un par état.
COMPTES = """
SELECT e.etat, c.n FROM unnest(ARRAY['depose', 'a_completer', 'clos', 'retire']) AS e(etat)
CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
    SELECT 1 FROM dossier d
    WHERE d.appel_id = %(appel)s AND d.numero IS NOT NULL AND d.etat = e.etat {filtres} LIMIT 1001) b) c"""
DEMANDES = """
SELECT m.dossier_id, m.annee, m.etat, m.montant_demande_centimes AS demande, m.montant_accorde_n1_centimes AS n1,
       l.code, l.intitule, n.minimum, n.maximum, n.est_provisoire, p.montant_centimes AS montant
FROM demande m JOIN ligne_financement l ON l.id = m.ligne_id
LEFT JOIN LATERAL (SELECT minimum, maximum, est_provisoire FROM note WHERE demande_id = m.id
                   ORDER BY rang DESC LIMIT 1) n ON true
LEFT JOIN LATERAL (SELECT montant_centimes FROM proposition WHERE demande_id = m.id
                   ORDER BY rang DESC LIMIT 1) p ON true
WHERE m.dossier_id = ANY(%(dossiers)s) {annee} ORDER BY m.dossier_id, m.annee, l.rang, m.id"""
DETAIL = """
SELECT d.id, d.numero, d.titre, d.etat, d.depose_le, o.nom, v.contenu
FROM dossier d JOIN organisation o ON o.id = d.organisation_id
JOIN LATERAL (SELECT contenu FROM dossier_version WHERE dossier_id = d.id ORDER BY rang DESC LIMIT 1) v ON true
WHERE d.numero = %(numero)s"""
PASSAGES = "SELECT acte, motif, a FROM passage WHERE dossier_id = %(id)s ORDER BY id"
COMPLEMENTS = (
    "SELECT objet, echeance_le, recue_le, reponse FROM demande_complement WHERE dossier_id = %(id)s ORDER BY id"
)
AVIS = """
SELECT degre, count(*) AS n FROM (SELECT DISTINCT ON (service_id) degre FROM avis WHERE dossier_id = %(id)s
                                  ORDER BY service_id, rang DESC) a GROUP BY degre"""
FILTRES = {
    "quartier": "AND d.quartiers @> ARRAY[%(quartier)s]",
    "q": "AND d.recherche_vecteur @@ to_tsquery('simple', %(q)s || ':*')",
}


class Plancher:
    """Une connexion par processus, ouverte à la première requête."""

    def __init__(self) -> None:
        self.base = psycopg.connect(os.environ["PLANCHER_BASE"], autocommit=True, row_factory=dict_row)
        gabarits = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, auto_reload=False)
        self.gabarits = {nom: gabarits.get_template(f"plancher_{nom}.html") for nom in ("liste", "detail")}
        appel = self.lire("SELECT id, contrat_id, version_id FROM appel WHERE code = %(code)s", {"code": CODE})[0]
        self.appel = appel["id"]
        self.champs = {c.code: c for c in CHAMPS}
        self.quartiers = self._noms("SELECT code, nom FROM quartier WHERE contrat_id = %(contrat_id)s", appel)
        self.objectifs = self._noms(
            "SELECT code, intitule AS nom FROM objectif WHERE version_id = %(version_id)s", appel
        )

    def lire(self, ordre: str, valeurs: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self.base.execute(ordre, valeurs).fetchall()

    def _noms(self, ordre: str, appel: Mapping[str, Any]) -> dict[str, str]:
        return {r["code"]: r["nom"] for r in self.lire(ordre, appel)}

    def liste(self, choix: Mapping[str, str]) -> str:
        filtres = " ".join(clause for nom, clause in FILTRES.items() if nom in choix)
        etat = "AND d.etat = %(etat)s" if "etat" in choix else ""
        valeurs = {"appel": self.appel, **choix}
        page = self.lire(PAGE.format(filtres=filtres, etat=etat), valeurs)
        cles = {"dossiers": [d["id"] for d in page[:TAILLE]], "annee": ANNEE}
        demandes: dict[int, list[dict[str, Any]]] = {}
        for demande in self.lire(DEMANDES.format(annee="AND m.annee = %(annee)s"), cles):
            demandes.setdefault(demande["dossier_id"], []).append(demande)
        comptes = self.lire(COMPTES.format(filtres=filtres), valeurs)
        return self.gabarits["liste"].render(
            page=page[:TAILLE], suite=len(page) > TAILLE, demandes=demandes, comptes=comptes, choix=choix,
            quartiers=self.quartiers, objectifs=self.objectifs,
        )  # fmt: skip

    def detail(self, numero: str) -> str:
        dossier = self.lire(DETAIL, {"numero": numero})[0]
        demandes = self.lire(DEMANDES.format(annee=""), {"dossiers": [dossier["id"]]})
        suites = {nom: self.lire(ordre, dossier) for nom, ordre in
                  (("passages", PASSAGES), ("complements", COMPLEMENTS), ("avis", AVIS))}  # fmt: skip
        contenu = dossier["contenu"]
        budget = {nom: sum(p["montant"] for p in contenu.get(nom, ())) for nom in BUDGETS}
        return self.gabarits["detail"].render(d=dossier, demandes=demandes, champs=self.champs, budget=budget, **suites)


_ouvert: list[Plancher] = []


async def application(scope: dict[str, Any], _recevoir: object, envoyer: Envoi) -> None:
    """« /liste?etat=&quartier=&q= » et « /detail/NUMERO »."""
    if scope["type"] != "http":
        return
    if not _ouvert:
        _ouvert.append(Plancher())
    chemin = scope["path"]
    if chemin == "/liste":
        page = _ouvert[0].liste({nom: v[0] for nom, v in parse_qs(scope["query_string"].decode()).items()})
    else:
        page = _ouvert[0].detail(chemin.removeprefix("/detail/"))
    corps = page.encode()
    entetes = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(corps)).encode())]
    await envoyer({"type": "http.response.start", "status": 200, "headers": entetes})
    await envoyer({"type": "http.response.body", "body": corps})
