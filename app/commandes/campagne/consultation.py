"""Les rencontres des services : trois lots, des avis gradués de chaque service convoqué."""

from __future__ import annotations

import hashlib

from app.commandes.campagne.scene import DossierJoue, Scene

THEMES = (
    ("Emploi, langue et accès aux droits", ("E2.2", "T.1", "T.2")),
    ("Éducation, parentalité et santé", ("E2.1", "E2.3", "E2.4")),
    ("Cadre de vie et tranquillité", ("E1.1", "E1.2", "E1.3", "E1.4", "C.1", "C.2")),
)
MOTIFS = {
    "favorable_avec_reserve": "Préciser le nombre de séances et le public visé (fictif).",
    "reserve": "Le lien avec le droit commun n’est pas établi (fictif).",
    "defavorable": "L’action existe déjà dans le quartier, portée par le droit commun (fictif).",
}


def _degre(numero: str, service: str) -> str:
    tirage = hashlib.sha256(f"{numero}:{service}".encode()).digest()[0] % 20
    if tirage < 11:
        return "favorable"
    if tirage < 15:
        return "favorable_avec_reserve"
    return ("reserve", "hors_champ", "hors_champ", "hors_champ", "defavorable")[tirage - 15]


def consulter(scene: Scene, services: list[str], par_rencontre: int = 3) -> int:
    """Prépare, convoque et tient une rencontre par thème ; rend le nombre d'avis rendus."""
    rendus = 0
    for rang, (intitule, objectifs) in enumerate(THEMES):
        lot = [d for d in scene.deposes() if d.deduit.objectif in objectifs and d.ouvertes]
        if not lot:
            continue
        convoques = [services[(rang + n) % len(services)] for n in range(min(par_rencontre, len(services)))]
        scene.au(scene.calendrier.instruction)
        scene.avancer(days=10 + rang)
        rencontre = _convoquer(scene, intitule, lot, convoques, rang)
        scene.au(scene.calendrier.rencontre)
        scene.avancer(days=rang)
        rendus += _rendre_les_avis(scene, rencontre, lot, convoques)
        scene.post(f"/api/v1/rencontres/{rencontre}/tenir", "sous-prefecture")
    return rendus


def _convoquer(scene: Scene, intitule: str, lot: list[DossierJoue], convoques: list[str], rang: int) -> str:
    corps = {
        "appel": scene.appel,
        "intitule": f"{intitule} {scene.annee}",
        "prevue_le": scene.calendrier.rencontre.replace(day=scene.calendrier.rencontre.day + rang).isoformat(),
        "lieu": "Sous-préfecture de Mulhouse",
        "numeros": [d.numero for d in lot],
        "services": sorted(set(convoques)),
    }
    code = str(scene.post("/api/v1/rencontres", "sous-prefecture", corps)["code"])
    scene.post(f"/api/v1/rencontres/{code}/convoquer", "sous-prefecture")
    return code


def _rendre_les_avis(scene: Scene, rencontre: str, lot: list[DossierJoue], convoques: list[str]) -> int:
    rendus = 0
    for d in lot:
        for service in sorted(set(convoques)):
            degre = _degre(d.numero, service)
            corps = {"service": service, "degre": degre, "motif": MOTIFS.get(degre, ""), "rencontre": rencontre}
            referent = f"referent-{service.lower().replace('_', '-')}"
            scene.post(f"/api/v1/dossiers/{d.numero}/avis", referent, corps)
            rendus += 1
    return rendus
