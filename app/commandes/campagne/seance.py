"""La séance de la commission : présences, un pouvoir, un déport, quelques points à part, le reste voté par blocs."""

from __future__ import annotations

from typing import Any

from app.commandes.campagne.client import EchecApi
from app.commandes.campagne.scene import Scene

SECRETAIRE = "charge"
RESERVES = 2
POUR = {"unanimite": "pour"}


def voter(scene: Scene) -> None:
    """Crée, convoque, ouvre, vote tout et clôt la séance."""
    dates = scene.calendrier
    scene.au(dates.arbitrage)
    scene.avancer(days=14)
    corps = {"prevue_le": dates.commission.isoformat(), "lieu": "Hôtel d’agglomération, Mulhouse"}
    seance = scene.post(f"/api/v1/appels/{scene.appel}/seances", SECRETAIRE, corps)
    chemin = f"/api/v1/seances/{seance['code']}"
    scene.post(f"{chemin}/convoquer", SECRETAIRE)
    scene.au(dates.commission)
    scene.post(f"{chemin}/ouvrir", SECRETAIRE)
    salle = _noter_les_presences(scene, chemin, seance["membres"])
    _voter_a_part(scene, chemin, salle)
    _voter_les_blocs(scene, chemin)
    scene.avancer(hours=3)
    scene.post(f"{chemin}/clore", SECRETAIRE)


def _noter_les_presences(scene: Scene, chemin: str, membres: list[dict[str, Any]]) -> dict[str, Any]:
    """Tous présents, sauf un membre à voix qui a donné pouvoir et un qui est absent."""
    votants = [m["siege"] for m in membres if m["a_voix"] and not m["preside"]]
    presences: list[dict[str, Any]] = [{"siege": m["siege"], "statut": "present"} for m in membres]
    if len(votants) >= 4:
        represente, mandataire, absent = votants[-1], votants[0], votants[-2]
        presences = [p for p in presences if p["siege"] not in {represente, absent}]
        presences.append({"siege": represente, "statut": "represente", "mandataire": mandataire})
    jeton = scene.jetons.de(SECRETAIRE)
    return scene.api.appeler("PUT", f"{chemin}/presences", jeton, {"presences": presences})


def _voter_a_part(scene: Scene, chemin: str, salle: dict[str, Any]) -> None:
    """Des réserves (crédits épuisés), un ajournement, un amendement, un vote partagé, un déport."""
    points = salle["points"]
    ecartes = [p["rang"] for p in points if not p["soumis_centimes"]]
    retenus = [p for p in points if p["soumis_centimes"]]
    for rang in ecartes[:RESERVES]:
        corps = POUR | {"motif": "À financer si des crédits reviennent (fictif)."}
        scene.post(f"{chemin}/points/{rang}/mettre-en-reserve", SECRETAIRE, corps)
    if len(retenus) < 12:
        return
    ajourne, amende, partage, deporte = (retenus[n] for n in (2, 5, 7, 9))
    corps = POUR | {"motif": "Le partenariat reste à confirmer (fictif)."}
    scene.post(f"{chemin}/points/{ajourne['rang']}/ajourner", SECRETAIRE, corps)
    montant = max(10_000, amende["soumis_centimes"] - 20_000)
    corps = POUR | {"montant_centimes": montant, "motif": "Rapporté au nombre de séances (fictif)."}
    scene.post(f"{chemin}/points/{amende['rang']}/amender", SECRETAIRE, corps)
    presents = [m for m in salle["membres"] if m["a_voix"] and m["present"]]
    voix = {str(m["siege"]): "pour" if n else "contre" for n, m in enumerate(presents)}
    scene.post(f"{chemin}/points/{partage['rang']}/votes", SECRETAIRE, {"voix": voix, "partiel": True})
    siege = next(m["siege"] for m in presents if not m["preside"])
    corps = {"siege": siege, "motif": "Siège au conseil de l’association (fictif)."}
    scene.post(f"{chemin}/points/{deporte['rang']}/deports", SECRETAIRE, corps)


def _voter_les_blocs(scene: Scene, chemin: str) -> None:
    """Le reste : chaque bloc à l'unanimité, puis les points disjoints un par un."""
    detail = scene.api.get(chemin, scene.jetons.de(SECRETAIRE))
    blocs = list(dict.fromkeys(p["bloc"] for p in detail["points"] if p["resultat"] is None))
    for bloc in blocs:
        try:
            scene.post(f"{chemin}/blocs/voter", SECRETAIRE, POUR | {"bloc": bloc})
        except EchecApi as refus:
            if refus.statut != 409:  # un bloc réduit à un point disjoint se vote point par point
                raise
    detail = scene.api.get(chemin, scene.jetons.de(SECRETAIRE))
    for point in detail["points"]:
        if point["resultat"] is None:
            scene.post(f"{chemin}/points/{point['rang']}/votes", SECRETAIRE, POUR)
