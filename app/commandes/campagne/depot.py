"""Déposer : chaque dossier est créé, rempli, envoyé en signature, signé, déposé, par son porteur."""

from __future__ import annotations

from app.commandes.campagne.scene import DossierJoue, Scene

RETIRE_TOUS_LES = 41


def deposer_tout(scene: Scene, organisations: dict[int, str]) -> int:
    """Dépose tous les dossiers entre l'ouverture et la clôture ; quelques-uns sont retirés. Rend le nombre déposé."""
    scene.au(scene.calendrier.depot)
    for d in scene.dossiers:
        _deposer(scene, d, organisations[d.deduit.porteur])
        scene.avancer(minutes=37)
    for d in scene.dossiers:
        if d.deduit.rang % RETIRE_TOUS_LES == 0:
            motif = {"motif": "Le projet est reporté à l’année suivante (fictif)."}
            scene.post(f"/api/v1/dossiers/{d.numero}/retirer", _porteur(d), motif)
            d.retire = True
    return len(scene.deposes())


def _porteur(d: DossierJoue) -> str:
    return f"porteur-{d.deduit.porteur:03d}"


def _deposer(scene: Scene, d: DossierJoue, organisation: str) -> None:
    qui = _porteur(d)
    cree = scene.post(
        "/api/v1/dossiers", qui, {"appel": scene.appel, "organisation": organisation, "champs": d.deduit.contenu}
    )
    chemin = f"/api/v1/dossiers/{cree['reference']}"
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
