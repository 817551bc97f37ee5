"""Proposer puis arbitrer : par ordre de note, jusqu'à l'enveloppe ; les derniers vont en réserve ou sont écartés."""

from __future__ import annotations

from typing import Any

from app.commandes.campagne.scene import ARBITRAGE, INSTRUCTION, LIGNES, Scene

PAS = 10_000
PART_RETENUE = (5, 7)
PART_PHASE_1 = 82  # pour cent de l'enveloppe ; le reste attend la phase 2 (fictif)


def _rangees(scene: Scene, ligne: str) -> list[dict[str, Any]]:
    """Les demandes d'une ligne, toutes les pages."""
    jeton = scene.jetons.de(INSTRUCTION[ligne])
    chemin = f"/api/v1/appels/{scene.appel}/programmation?ligne={ligne}&taille=200"
    rendu, suivant = [], ""
    while True:
        page = scene.api.get(chemin + (f"&apres={suivant}" if suivant else ""), jeton)
        rendu.extend(page["elements"])
        suivant = page.get("suivant") or ""
        if not suivant:
            return rendu


def _ordre(rangee: dict[str, Any]) -> tuple[float, str]:
    note = rangee["note"]
    return (-float(note["minimum"]) if note else 0.0, str(rangee["dossier"]))


def arbitrer_tout(scene: Scene) -> dict[str, int]:
    """Propose et arbitre chaque ligne par ses propres gens ; rend le total arbitré par ligne (centimes)."""
    scene.au(scene.calendrier.arbitrage)
    reels = {d.numero: d.deduit.action.montant for d in scene.dossiers}
    totaux = {}
    for ligne in LIGNES:
        reste = scene.enveloppes[ligne] * PART_PHASE_1 // 100 // 100 * 100 - scene.deja_engage.get(ligne, 0)
        totaux[ligne] = 0
        eligibles = [r for r in _rangees(scene, ligne) if r["annee"] == scene.annee and r["etat"] == "en_instruction"]
        for rangee in sorted(eligibles, key=_ordre):
            numero, demande = str(rangee["dossier"]), int(rangee["demande_centimes"])
            cible = reels[numero] if ligne == "BOP147" else demande * PART_RETENUE[0] // PART_RETENUE[1] // PAS * PAS
            montant = cible if 0 < cible <= reste else 0
            reste -= montant
            totaux[ligne] += montant
            _poser(scene, numero, ligne, montant)
    return totaux


def _poser(scene: Scene, numero: str, ligne: str, montant: int) -> None:
    motif = "Au vu de la note et des avis (fictif)." if montant else "Crédits épuisés au vu du classement (fictif)."
    corps = {"annee": scene.annee, "montant_centimes": montant, "motif": motif}
    chemin = f"/api/v1/dossiers/{numero}/lignes/{ligne}"
    scene.post(f"{chemin}/proposer", INSTRUCTION[ligne], corps)
    scene.post(f"{chemin}/arbitrer", ARBITRAGE[ligne], corps)
