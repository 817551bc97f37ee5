"""Instruire : compléments, recevabilité ligne par ligne."""

from __future__ import annotations

from datetime import timedelta

from app.commandes.campagne.scene import INSTRUCTION, DossierJoue, Scene
from app.etapes.dossier.rules.recevabilite import tous_verifies

TYPES = {
    "E1.1": "cadre_de_vie",
    "E1.2": "lien_social",
    "E1.3": "tranquillite",
    "E1.4": "mobilite",
    "E2.1": "sante",
    "E2.2": "emploi",
    "E2.3": "education",
    "E2.4": "culture",
    "T.1": "acces_aux_droits",
    "T.2": "langue",
}
POINTS = tous_verifies()
COMPLEMENT_TOUS_LES = 13
IRRECEVABLE_TOUS_LES = 29
ORIENTEE_TOUS_LES = 37


def instruire(scene: Scene) -> None:
    """Demande des compléments, puis conclut l'examen de chaque demande ouverte de l'année et des suivantes."""
    scene.au(scene.calendrier.instruction)
    for d in scene.deposes():
        if d.deduit.rang % COMPLEMENT_TOUS_LES == 4:
            _completer(scene, d)
    scene.au(scene.calendrier.instruction)
    scene.avancer(days=7)
    for d in scene.deposes():
        for ligne in sorted(d.ouvertes):
            conclure(scene, d, ligne)
    for d in scene.deposes():
        ouvrir_les_annees_suivantes(scene, d)
        etablir_les_faits(scene, d)
    scene.post(f"/api/v1/appels/{scene.appel}/clore", "charge")
    scene.post(f"/api/v1/appels/{scene.appel}/clore_recevabilite", "charge")


def _completer(scene: Scene, d: DossierJoue) -> None:
    corps = {
        "objet": "Préciser le nombre de séances (fictif)",
        "pourquoi": "Le coût par bénéficiaire ne peut pas être établi sans lui (fictif).",
        "echeance_le": (scene.api.horloge + timedelta(days=5)).isoformat(),
    }
    scene.post(f"/api/v1/dossiers/{d.numero}/demander_complement", "sous-prefecture", corps)
    scene.avancer(hours=20)
    reponse = {"reponse": "Trente séances d’octobre à juin (fictif)."}
    scene.post(f"/api/v1/dossiers/{d.numero}/completer", f"porteur-{d.deduit.porteur:03d}", reponse)


def conclure(scene: Scene, d: DossierJoue, ligne: str) -> None:
    """Conclut l'examen d'une demande : recevable le plus souvent."""
    chemin = f"/api/v1/dossiers/{d.numero}/lignes/{ligne}"
    qui = INSTRUCTION[ligne]
    if d.deduit.rang % IRRECEVABLE_TOUS_LES == 7:
        motif = "Le bilan de l’an dernier n’est pas rendu (fictif)."
        scene.post(f"{chemin}/declarer_irrecevable", qui, {"motif": motif})
        d.ouvertes.discard(ligne)
    elif d.deduit.rang % ORIENTEE_TOUS_LES == 9 and ligne != "BOP147":
        corps = {"motif": "Relève du droit commun de la ville (fictif).", "oriente_vers": "Droit commun"}
        scene.post(f"{chemin}/orienter", qui, corps)
        d.ouvertes.discard(ligne)
    else:
        scene.post(f"{chemin}/declarer_recevable", qui, {"points": POINTS})


def _annees(d: DossierJoue) -> list[int]:
    """Les années que demande un dossier, la première d'abord."""
    return sorted({int(x["annee"]) for x in d.deduit.contenu["demandes"]})


def ouvrir_les_annees_suivantes(scene: Scene, d: DossierJoue) -> None:
    """Une CPO : les années suivantes suivent la conclusion de la première."""
    for annee in _annees(d)[1:]:
        for ligne in sorted(d.ouvertes):
            chemin = f"/api/v1/dossiers/{d.numero}/lignes/{ligne}/declarer_recevable"
            scene.post(chemin, INSTRUCTION[ligne], {"annee": annee, "points": POINTS})


def etablir_les_faits(scene: Scene, d: DossierJoue) -> None:
    """Le type d'action est établi ; les faits de quatre dossiers sur cinq sont vérifiés, les autres déclarés."""
    faits: list[dict[str, object]] = [{"code": "type_action", "valeur": TYPES.get(d.deduit.objectif, "lien_social")}]
    if "M2A" in d.ouvertes:
        faits.append({"code": "competence_m2a_etablie", "valeur": d.deduit.objectif == "E2.2"})
    if d.deduit.rang % 5:
        faits += _faits_de_l_instruction(d)
    scene.post(f"/api/v1/dossiers/{d.numero}/faits", "sous-prefecture", {"faits": faits})
    if d.deduit.rang % 5:
        scene.post(f"/api/v1/dossiers/{d.numero}/faits/verifier", "sous-prefecture", {"codes": []})


def _faits_de_l_instruction(d: DossierJoue) -> list[dict[str, object]]:
    """Ce que le formulaire ne demande pas : pistes, feuilles de route, bilan de l'an dernier (tous fictifs)."""
    faits: list[dict[str, object]] = []
    if d.deduit.objectif in {"T.1", "T.2"}:
        faits.append({"code": "pistes_transversales", "valeur": []})
    if d.ouvertes & {"ILLZACH", "WITTENHEIM"}:
        faits.append({"code": "actions_feuille_de_route", "valeur": []})
    if d.renouvelle or d.deduit.contenu.get("precedents"):
        faits.append({"code": "bilan_precedent", "valeur": "accepte"})
        faits.append({"code": "cibles_atteintes", "valeur": "3/4" if d.deduit.rang % 2 else "1/2"})
    return faits
