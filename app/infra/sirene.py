"""L'annuaire des entreprises : un SIRET donne un nom, une forme, une adresse. En ligne, ou une liste de démonstration.

Une réponse se garde un jour en base ; plus vieille, elle sert encore si l'annuaire ne répond pas, et on le dit.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.infra.config import Annuaire as Choix
from app.infra.config import Config
from app.infra.db import Base
from app.infra.traces import tracer

DELAI = 3.0  # secondes, reprise comprise
DELAI_CONNEXION = 1.5
TAILLE_MAX = 256 * 1024
FRAICHEUR = timedelta(hours=24)
GARDE = timedelta(days=90)
_NON_DIFFUSES = ("[NON-DIFFUSIBLE]", "[ND]")  # l'annuaire, puis l'ancienne écriture de l'INSEE
_LONGUEUR = 200
_PARTS = ("siege", "complements", "matching_etablissements")
trace = tracer("iq.annuaire")


class AnnuaireIndisponible(Exception):
    """L'annuaire n'a pas répondu, ou sa réponse ne se lit pas."""


class EtatLecture(StrEnum):
    """Ce que l'annuaire a dit d'un SIRET."""

    TROUVE = "trouve"
    INCONNU = "inconnu"
    INDISPONIBLE = "indisponible"


@dataclass(frozen=True, slots=True)
class Etablissement:
    """Un établissement de l'annuaire. `nature_juridique` : la catégorie de l'INSEE, quatre chiffres."""

    siret: str
    nom: str
    sigle: str = ""
    nature_juridique: str = ""
    adresse: str = ""
    code_postal: str = ""
    commune: str = ""
    rna: str = ""
    est_ferme: bool = False


@dataclass(frozen=True, slots=True)
class Lecture:
    """La réponse à montrer. `est_perimee` : lue il y a plus d'un jour, faute de réponse aujourd'hui."""

    etat: EtatLecture
    etablissement: Etablissement | None = None
    lue_at: datetime | None = None
    est_perimee: bool = False


class Annuaire(Protocol):
    """Ce qui connaît les établissements. None : SIRET inconnu. Lève AnnuaireIndisponible."""

    def chercher(self, siret: str) -> Etablissement | None: ...


class AnnuaireCache(Base):
    """La dernière réponse de l'annuaire pour un SIRET ; vide : il ne le connaissait pas."""

    __tablename__ = "annuaire_cache"
    __table_args__ = (CheckConstraint("siret ~ '^[0-9]{14}$'", name="siret"),)

    siret: Mapped[str] = mapped_column(primary_key=True)
    reponse: Mapped[dict[str, Any] | None]
    lue_at: Mapped[datetime] = mapped_column(index=True)


def _texte(valeur: object) -> str:
    """Un texte court sur une ligne ; vide si l'annuaire ne le diffuse pas."""
    texte = " ".join(valeur.split()) if isinstance(valeur, str) else ""
    return "" if any(masque in texte for masque in _NON_DIFFUSES) else texte[:_LONGUEUR]


def _voie(etablissement: dict[str, Any], code_postal: str, commune: str) -> str:
    """L'adresse sans le code postal ni la commune, que l'annuaire répète à la fin."""
    fin = re.escape(f"{code_postal} {commune}".strip())
    return re.sub(rf"\s*{fin}\s*$", "", _texte(etablissement.get("adresse")), flags=re.IGNORECASE)


def lire_reponse(siret: str, contenu: object) -> Etablissement | None:
    """L'établissement de ce SIRET dans une réponse. Lève AnnuaireIndisponible si elle a une autre forme."""
    resultats = contenu.get("results") if isinstance(contenu, dict) else None
    if not isinstance(resultats, list) or not all(isinstance(r, dict) for r in resultats):
        raise AnnuaireIndisponible("La réponse n’a pas la forme attendue.")
    for unite in resultats:
        complements = unite.get("complements")
        for candidat in (unite.get("siege"), *(unite.get("matching_etablissements") or ())):
            if not isinstance(candidat, dict) or candidat.get("siret") != siret:
                continue
            code_postal, commune = _texte(candidat.get("code_postal")), _texte(candidat.get("libelle_commune"))
            return Etablissement(
                siret=siret,
                nom=_texte(unite.get("nom_raison_sociale")) or _texte(unite.get("nom_complet")),
                sigle=_texte(unite.get("sigle")),
                nature_juridique=_texte(unite.get("nature_juridique")),
                adresse=_voie(candidat, code_postal, commune),
                code_postal=code_postal,
                commune=commune,
                rna=_texte(complements.get("identifiant_association")) if isinstance(complements, dict) else "",
                est_ferme=candidat.get("etat_administratif") == "F",
            )
    return None


class AnnuaireEnLigne:
    """recherche-entreprises.api.gouv.fr : trois secondes en tout, une reprise, rien de trop gros, rien d'ailleurs."""

    def __init__(self, url: str, *, delai: float = DELAI) -> None:
        self._url = url.rstrip("/")
        self._delai = delai

    def chercher(self, siret: str) -> Etablissement | None:
        """Interroge ; une panne passagère (réseau, 5xx) se reprend une fois s'il reste du temps."""
        import httpx2  # noqa: PLC0415 -- lourd, et seul l'enregistrement d'une organisation s'en sert

        fin = time.monotonic() + self._delai
        erreur: Exception | None = None
        for essai in range(2):
            reste = fin - time.monotonic()
            if reste <= 0:
                break
            try:
                return lire_reponse(siret, json.loads(self._lire(siret, fin)))
            except (httpx2.TransportError, _Passagere) as panne:
                trace.warning("annuaire muet", essai=essai + 1, erreur=type(panne).__name__)
                erreur = panne
            except (ValueError, RecursionError, httpx2.HTTPError, httpx2.InvalidURL) as panne:
                raise AnnuaireIndisponible("La réponse de l’annuaire ne se lit pas.") from panne
        raise AnnuaireIndisponible("L’annuaire ne répond pas.") from erreur

    def _lire(self, siret: str, fin: float) -> bytes:
        """Le corps de la réponse, lu au plus tard à `fin`."""
        import httpx2  # noqa: PLC0415 -- voir chercher

        reste = max(fin - time.monotonic(), 0.01)
        delais = httpx2.Timeout(reste, connect=min(DELAI_CONNEXION, reste))
        # Sans compression : ce qui est compté est ce qui est reçu, et chaque morceau se voit quand il arrive.
        entetes = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "initiatives-quartiers"}
        parametres = {"q": siret, "page": "1", "per_page": "5", "minimal": "true", "include": ",".join(_PARTS)}
        corps = bytearray()
        with (
            httpx2.Client(timeout=delais, follow_redirects=False) as client,
            client.stream("GET", f"{self._url}/search", params=parametres, headers=entetes) as reponse,
        ):
            if reponse.status_code >= 500:
                raise _Passagere(str(reponse.status_code))
            if reponse.status_code != 200:
                raise AnnuaireIndisponible(f"L’annuaire répond {reponse.status_code}.")
            for bloc in reponse.iter_raw():
                corps += bloc
                if len(corps) > TAILLE_MAX:
                    raise AnnuaireIndisponible("La réponse de l’annuaire est trop grosse.")
                if time.monotonic() > fin:
                    raise AnnuaireIndisponible("L’annuaire est trop lent.")
        return bytes(corps)


class _Passagere(Exception):
    """Une panne de l'annuaire qui mérite une reprise."""


MULHOUSE = Etablissement(
    siret="21680224900013", nom="COMMUNE DE MULHOUSE", nature_juridique="7210", adresse="2 RUE PIERRE ET MARIE CURIE",
    code_postal="68100", commune="MULHOUSE",
)  # fmt: skip
# SIREN en 97, série que l'INSEE n'attribue pas : rien de réel ne peut porter ces numéros.
FICTIFS = (
    Etablissement(
        siret="97000001400013", nom="LES JARDINS PARTAGES DU CANAL (FICTIF)", sigle="JPC", nature_juridique="9260",
        adresse="4 RUE INVENTEE", code_postal="68200", commune="MULHOUSE",
    ),
    Etablissement(
        siret="97000002200016", nom="RADIO DES DEUX RIVES (FICTIF)", nature_juridique="9220", rna="W681999999",
        adresse="18 AVENUE IMAGINAIRE", code_postal="75020", commune="PARIS",
    ),
    Etablissement(
        siret="97000003000019", nom="FONDATION DES PETITS PAS (FICTIF)", nature_juridique="9300",
        adresse="1 PLACE FICTIVE", code_postal="68110", commune="ILLZACH",
    ),
    Etablissement(
        siret="97000004800011", nom="ASSOCIATION FERMEE (FICTIF)", nature_juridique="9260", adresse="7 RUE INVENTEE",
        code_postal="68270", commune="WITTENHEIM", est_ferme=True,
    ),
)  # fmt: skip


class AnnuaireLocal:
    """Une liste tenue en mémoire : démonstration et essais. Aucun réseau."""

    def __init__(self, *plus: Etablissement) -> None:
        self._connus = {e.siret: e for e in (MULHOUSE, *FICTIFS, *plus)}

    def chercher(self, siret: str) -> Etablissement | None:
        """L'établissement de ce SIRET, s'il est de la liste."""
        return self._connus.get(siret)


def annuaire_de(config: Config) -> Annuaire:
    """L'annuaire que la configuration choisit."""
    if config.annuaire_choisi is Choix.API:
        return AnnuaireEnLigne(config.annuaire_url)
    return AnnuaireLocal()


def consulter(session: Session, annuaire: Annuaire, siret: str, machine: datetime) -> Lecture:
    """Ce que l'annuaire dit de ce SIRET : la réponse d'aujourd'hui, sinon la dernière connue, sinon rien.

    À appeler avant d'écrire : la transaction (de lecture) finit avant de sortir, aucune n'attend le réseau.
    """
    rangee = session.execute(
        select(AnnuaireCache.reponse, AnnuaireCache.lue_at).where(AnnuaireCache.siret == siret)
    ).first()
    gardee = (rangee[0], rangee[1]) if rangee is not None else None
    if gardee is not None and machine - gardee[1] < FRAICHEUR:
        return _lecture(*gardee)
    session.rollback()
    try:
        trouve = annuaire.chercher(siret)
    except AnnuaireIndisponible as erreur:
        trace.warning("annuaire indisponible", erreur=str(erreur))
        if gardee is None:
            return Lecture(EtatLecture.INDISPONIBLE)
        return _lecture(*gardee, est_perimee=True)
    reponse = asdict(trouve) if trouve is not None else None
    ajout = insert(AnnuaireCache).values(siret=siret, reponse=reponse, lue_at=machine)
    session.execute(ajout.on_conflict_do_update(index_elements=["siret"], set_={"reponse": reponse, "lue_at": machine}))
    return _lecture(reponse, machine)


def _lecture(reponse: dict[str, Any] | None, lue_at: datetime, *, est_perimee: bool = False) -> Lecture:
    """Une réponse gardée, remise en forme."""
    if reponse is None:
        return Lecture(EtatLecture.INCONNU, None, lue_at, est_perimee)
    return Lecture(EtatLecture.TROUVE, Etablissement(**reponse), lue_at, est_perimee)


def purger(session: Session, machine: datetime) -> None:
    """Efface les réponses que personne n'a redemandées depuis trois mois. Rejouable."""
    session.execute(delete(AnnuaireCache).where(AnnuaireCache.lue_at < machine - GARDE))
