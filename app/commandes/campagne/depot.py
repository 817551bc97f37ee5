"""Déposer : chaque dossier est créé, rempli, envoyé en signature, signé, déposé, par son porteur."""

from __future__ import annotations

from typing import Any

from app.commandes.campagne.scene import DossierJoue, Scene
from app.etapes.dossier.rules.champs import CHAMPS
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.reprise import NON_RECOPIES

RETIRE_TOUS_LES = 41
REPRIS = sorted({c.code for c in CHAMPS if c.section is not Section.ATTESTATIONS} - NON_RECOPIES)


def deposer_tout(scene: Scene, organisations: dict[int, str]) -> int:
    """Dépose tous les dossiers entre l'ouverture et la clôture ; quelques-uns sont retirés. Rend le nombre déposé."""
    scene.au(scene.calendrier.depot)
    for d in scene.dossiers:
        deposer(scene, d, organisations[d.deduit.porteur])
        scene.avancer(minutes=37)
    for d in scene.dossiers:
        if d.deduit.rang % RETIRE_TOUS_LES == 0:
            motif = {"motif": "Le projet est reporté à l’année suivante (fictif)."}
            scene.post(f"/api/v1/dossiers/{d.numero}/retirer", _porteur(d), motif)
            d.retire = True
    return len(scene.deposes())


def _porteur(d: DossierJoue) -> str:
    return f"porteur-{d.deduit.porteur:03d}"


def deposer(scene: Scene, d: DossierJoue, organisation: str) -> None:
    """Crée, remplit, envoie en signature, signe et dépose un dossier."""
    qui = _porteur(d)
    corps: dict[str, Any] = {"appel": scene.appel, "organisation": organisation, "champs": d.deduit.contenu}
    if d.renouvelle:  # le porteur revoit tout ce qui est repris : ce qu'il ne garde pas s'efface
        corps["champs"] = dict.fromkeys(REPRIS) | d.deduit.contenu
        corps["renouvelle"] = d.renouvelle
    cree = scene.post("/api/v1/dossiers", qui, corps)
    chemin = f"/api/v1/dossiers/{cree['reference']}"
    if d.renouvelle:
        _dire_le_depense(scene, qui, chemin, cree)
    version = scene.post(f"{chemin}/envoyer_en_signature", qui)["version"]
    scene.avancer(minutes=3)
    version = scene.post(f"{chemin}/signer", qui, {"version": version})["version"]
    depose = scene.api.appeler(
        "POST",
        f"{chemin}/deposer",
        scene.jetons.de(qui),
        {"version": version},
        {"Idempotency-Key": f"{scene.appel}-{d.deduit.rang}"},
    )
    d.numero = str(depose["numero"])
    d.ouvertes = {
        x["ligne"] for x in depose["demandes"] if x["annee"] == scene.annee and x["etat"] not in {"hors_champ"}
    }


def _dire_le_depense(scene: Scene, qui: str, chemin: str, cree: dict[str, Any]) -> None:
    """L'an dernier : demandé et accordé sont connus du service ; le porteur dit ce qu'il a dépensé (fictif)."""
    precedents = [dict(r) for r in cree["champs"].get("precedents") or []]
    for rang, rangee in enumerate(precedents):
        rangee["depense"] = int(rangee.get("accorde") or 0) * (100 - rang % 3 * 4) // 100 // 100 * 100
    corps = {"champs": {"precedents": precedents}}
    scene.api.appeler("PATCH", chemin, scene.jetons.de(qui), corps, {"If-Match": f'"{cree["version"]}"'})
