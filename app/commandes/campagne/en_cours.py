"""L'appel d'essai : ouvert toute l'année, avec des dossiers en pleine instruction, à essayer aujourd'hui."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.commandes.campagne import depot, instruction, relecture
from app.commandes.campagne.acteurs import PORTEURS, Jetons
from app.commandes.campagne.client import Api
from app.commandes.campagne.scene import CONTRAT, LIGNES, DossierJoue, Scene
from seeds.demo.derivation import dossiers_deduits

CODE, ANNEE, ANNEE_REELLE, DOSSIERS = "m2a-2028-essai", 2028, 2023, 24
ENVELOPPE = 10_000_000
PAS_EXAMINES_TOUS_LES = 4


def ouvrir(
    adresse: str,
    jetons: Jetons,
    grille: str,
    dotees: set[str],
    maintenant: datetime,
    dossiers: int = DOSSIERS,
    *,
    existe: bool,
) -> Scene:
    """Prépare l'appel s'il n'existe pas, dote ses lignes, l'ouvre. Rend la scène, avec ses dossiers à déposer."""
    deduits = dossiers_deduits(ANNEE_REELLE, ANNEE, PORTEURS, dossiers)
    scene = Scene(Api(adresse, maintenant), jetons, ANNEE, {}, [DossierJoue(d) for d in deduits], code=CODE)
    phase = {
        "intitule": "Phase ouverte (fictif)",
        "ouverture_le": (maintenant - timedelta(days=30)).isoformat(),
        "cloture_le": (maintenant + timedelta(days=335)).isoformat(),
    }
    corps = {
        "contrat": CONTRAT, "grille": grille, "code": CODE, "annee": ANNEE, "phases": [phase],
        "intitule": "Appel 2028 (fictif, pour essayer)", "seuil_court_centimes": 150_000,
        "orientations": {"textes": ["Cet appel sert à essayer le service (fictif)."], "simulation": True},
    }  # fmt: skip
    if not existe:
        scene.post("/api/v1/appels", "charge", corps)
    for ligne in (ligne for ligne in LIGNES if ligne not in dotees):
        corps = {
            "ligne": ligne, "annee": ANNEE, "montant_centimes": ENVELOPPE, "nature": "previsionnelle",
            "motif": "Enveloppe d’essai (fictif)", "est_fictive": True,
        }  # fmt: skip
        scene.post(f"/api/v1/appels/{CODE}/enveloppes", "charge", corps)
    scene.post(f"/api/v1/appels/{CODE}/ouvrir", "charge")
    return scene


def deposer(scene: Scene, organisations: dict[int, str], maintenant: datetime) -> None:
    """Dépose les dossiers depuis trois semaines, puis en examine trois sur quatre."""
    scene.au(maintenant - timedelta(days=20))
    for d in scene.dossiers:
        depot.deposer(scene, d, organisations[d.deduit.porteur])
        scene.avancer(hours=9)
    scene.au(maintenant - timedelta(days=8))
    for d in scene.deposes():
        if d.deduit.rang % PAS_EXAMINES_TOUS_LES:
            for ligne in sorted(d.ouvertes):
                instruction.conclure(scene, d, ligne)
            instruction.ouvrir_les_annees_suivantes(scene, d)
            instruction.etablir_les_faits(scene, d)
        else:
            d.ouvertes.clear()


def relire(scene: Scene, maintenant: datetime) -> None:
    """Des ajustements, des secondes lectures rendues ; la dernière est attendue : elle s'essaie."""
    scene.au(maintenant - timedelta(days=4))
    relecture.relire(scene)
    relecture.confier(scene)
