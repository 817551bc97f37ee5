"""Relire : des critères ajustés avec motif, des secondes lectures qui concordent ou non."""

from __future__ import annotations

from typing import Any

from app.commandes.campagne.scene import DossierJoue, Scene

LIGNE, PREMIER, SECOND = "MULHOUSE", "instruction-mulhouse", "relecture-mulhouse"
AJUSTEE_TOUS_LES = 7
RELUE_TOUS_LES = 4


def relire(scene: Scene) -> tuple[int, int]:
    """Ajuste quelques critères et fait relire quelques dossiers de Mulhouse ; rend combien de l'un et de l'autre."""
    ajustees = relues = 0
    scene.avancer(days=3)
    for d in scene.deposes():
        note = _note(scene, d) if LIGNE in d.ouvertes else None
        if note is None:
            continue
        if d.deduit.rang % AJUSTEE_TOUS_LES == 3:
            corps = {
                "critere": "LAN", "taux_pour_cent": 60,
                "motif": "Un interprète bénévole est prévu à chaque séance, vu au téléphone (fictif).",
            }  # fmt: skip
            scene.post(f"/api/v1/dossiers/{d.numero}/notes/{LIGNE}/ajuster", PREMIER, corps)
            ajustees += 1
        if d.deduit.rang % RELUE_TOUS_LES == 1:
            _faire_relire(scene, d, note)
            relues += 1
    return ajustees, relues


def _note(scene: Scene, d: DossierJoue) -> dict[str, Any] | None:
    elements = scene.api.get(f"/api/v1/dossiers/{d.numero}/notes", scene.jetons.de(PREMIER))["elements"]
    return next((e["note"] for e in elements if e["ligne"] == LIGNE and "note" in e), None)


def _faire_relire(scene: Scene, d: DossierJoue, note: dict[str, Any]) -> None:
    """La seconde personne retient les mêmes paliers, sauf la participation des habitants une fois sur deux."""
    chemin = f"/api/v1/dossiers/{d.numero}/notes/{LIGNE}"
    scene.post(f"{chemin}/lectures", SECOND)
    criteres: dict[str, dict[str, Any]] = {
        ligne["code"]: {"taux": ligne["taux"][0]} for ligne in note["lignes"] if ligne["etat"] != "sans_objet"
    }
    if d.deduit.rang % 2:
        criteres["HAB"] = {"taux": 15, "motif": "Les habitants sont informés, pas consultés (fictif)."}
    scene.post(f"{chemin}/lecture", SECOND, {"criteres": criteres})


def confier(scene: Scene) -> None:
    """La première personne confie à la seconde un dossier que celle-ci n'a pas encore lu, s'il y en a un."""
    for d in scene.deposes():
        if LIGNE in d.ouvertes and d.deduit.rang % RELUE_TOUS_LES != 1 and _note(scene, d) is not None:
            chemin = f"/api/v1/dossiers/{d.numero}/notes/{LIGNE}"
            for compte in scene.api.get(f"{chemin}/lecteurs", scene.jetons.de(PREMIER))["elements"][:1]:
                scene.post(f"{chemin}/lectures", PREMIER, {"lecteur": compte["lecteur"]})
            return
