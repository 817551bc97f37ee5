"""Arrêter chaque ligne, enregistrer l'acte de chaque autorité, notifier ; une renonciation."""

from __future__ import annotations

from datetime import date
from typing import Any

from app.commandes.campagne import preparation
from app.commandes.campagne.scene import INSTRUCTION, LIGNES, Scene
from app.commandes.campagne.transparence import demander_les_notices

# La nature de l’acte (décision, délibération) se lit sur la ligne : la référence n’en dit que le numéro.
ACTES = {
    "BOP147": "n° {annee}-147 (fictif)",
    "M2A": "n° {annee}-12 (fictif)",
    "MULHOUSE": "n° {annee}-31 (fictif)",
    "ILLZACH": "n° {annee}-08 (fictif)",
    "WITTENHEIM": "n° {annee}-15 (fictif)",
}


def decider(scene: Scene) -> int:
    """Les cinq lignes, chacune à sa date, par ses propres gens ; rend combien de notices sont ensuite demandées."""
    scene.au(scene.calendrier.commission)
    scene.avancer(days=10)
    preparation.doter(scene, "notifiee", "Enveloppe notifiée")
    for rang, ligne in enumerate(LIGNES):
        scene.au(scene.calendrier.decision)
        scene.avancer(days=14 * rang)
        acte_le = scene.api.horloge.date()
        scene.post(f"/api/v1/appels/{scene.appel}/lignes/{ligne}/arreter", INSTRUCTION[ligne])
        _decider_la_ligne(scene, ligne, acte_le)
        scene.avancer(days=7)
        scene.post(f"/api/v1/appels/{scene.appel}/lignes/{ligne}/notifier", INSTRUCTION[ligne])
    _renoncer(scene)
    scene.au(scene.calendrier.fin)
    scene.post(f"/api/v1/appels/{scene.appel}/arreter", "charge")
    return demander_les_notices(scene)


def _rangees(scene: Scene, ligne: str) -> list[dict[str, Any]]:
    jeton = scene.jetons.de(INSTRUCTION[ligne])
    chemin = f"/api/v1/appels/{scene.appel}/lignes/{ligne}/decisions?taille=200"
    rendu: list[dict[str, Any]] = []
    suivant = ""
    while True:
        page = scene.api.get(chemin + (f"&apres={suivant}" if suivant else ""), jeton)
        rendu.extend(page["elements"])
        suivant = page["suivant"] or ""
        if not suivant:
            return rendu


def _decider_la_ligne(scene: Scene, ligne: str, acte_le: date) -> None:
    """Attribue ce qui est voté (un peu moins une fois), refuse le reste ; ajournés et réserves attendent."""
    acte = {"reference_acte": ACTES[ligne].format(annee=scene.annee), "acte_le": acte_le.isoformat()}
    moins = True
    for r in _rangees(scene, ligne):
        if r["annee"] != scene.annee or r["etat"] not in {"validee", "avis_rendu"}:
            continue
        chemin = f"/api/v1/dossiers/{r['dossier']}/lignes/{ligne}"
        vote = int(r["vote_centimes"] or 0)
        if not vote:
            motif = {"motif": "Crédits épuisés au vu du classement des demandes (fictif)."}
            scene.post(f"{chemin}/refuser", INSTRUCTION[ligne], acte | motif)
        elif moins and vote > 100_000 and ligne == "MULHOUSE":
            corps = {
                "montant_centimes": vote - 50_000,
                "motif": "Une séance de moins, en accord avec le porteur (fictif).",
            }
            scene.post(f"{chemin}/attribuer", INSTRUCTION[ligne], acte | corps)
            moins = False
        else:
            scene.post(f"{chemin}/attribuer", INSTRUCTION[ligne], acte | {"montant_centimes": vote})


def _renoncer(scene: Scene) -> None:
    """Un porteur renonce à une subvention communale déjà notifiée."""
    for r in _rangees(scene, "WITTENHEIM"):
        if r["etat"] == "notifiee":
            joue = next(d for d in scene.dossiers if d.numero == r["dossier"])
            motif = {"motif": "Le partenaire s’est retiré (fictif)."}
            chemin = f"/api/v1/dossiers/{r['dossier']}/lignes/WITTENHEIM/renoncer"
            scene.post(chemin, f"porteur-{joue.deduit.porteur:03d}", motif)
            return
