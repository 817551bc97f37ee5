"""Préparer et ouvrir l'appel, doter les enveloppes."""

from __future__ import annotations

from app.commandes.campagne.scene import CONTRAT, LIGNES, Calendrier, Scene, a_paris

PIECES = (
    ("statuts", "association", "Statuts et liste des dirigeants", "décret n° 2016-1971"),
    (
        "registre",
        "association",
        "Extrait du registre des associations (Alsace-Moselle) ou récépissé",
        "code civil local",
    ),
    ("comptes", "*", "Comptes approuvés du dernier exercice", "décret n° 2016-1971"),
    ("rib", "*", "Relevé d’identité bancaire", "Cerfa 12156*06"),
    ("salaries", "*", "Tableau des salariés, sans donnée personnelle", "annexe de l’appel m2A 2021"),
    ("prestataires", "*", "Tableau des prestataires extérieurs", "annexe de l’appel m2A 2021"),
)
ORIENTATIONS = (
    "Priorité aux jeunes de 12 à 25 ans (fictif).",
    "Égalité entre les femmes et les hommes dans chaque action (contrat, enjeu transversal).",
)


def ouvrir_l_appel(scene: Scene, grille: str, intitule: str) -> None:
    """Prépare l'appel, dote ses enveloppes (celles d'une CPO aussi), l'ouvre."""
    dates = Calendrier(scene.annee)
    scene.au(a_paris(scene.annee - 1, 9, 15))
    phase = {
        "intitule": "Phase 1",
        "ouverture_le": dates.ouverture.isoformat(),
        "cloture_le": dates.cloture.isoformat(),
        "consultation_du": dates.rencontre.isoformat(),
        "consultation_au": dates.arbitrage.isoformat(),
        "commission_le": dates.commission.isoformat(),
        "notification_le": dates.notification.isoformat(),
        "bilans_le": a_paris(scene.annee + 1, 6, 30).isoformat(),
    }
    seconde = {
        "intitule": "Phase 2 — fêtes de fin d’année (fictif)",
        "ouverture_le": a_paris(scene.annee, 6, 1).isoformat(),
        "cloture_le": a_paris(scene.annee, 9, 10, 18).isoformat(),
        "part_reservee_milliemes": 30,
    }
    scene.post(
        "/api/v1/appels",
        "charge",
        {
            "contrat": CONTRAT,
            "grille": grille,
            "code": scene.appel,
            "annee": scene.annee,
            "intitule": intitule,
            "phases": [phase, seconde],
            "pieces": [{"code": c, "forme": f, "libelle": libelle, "source": s} for c, f, libelle, s in PIECES],
            "seuil_court_centimes": 150_000,
            "orientations": {"textes": list(ORIENTATIONS), "nationales": ["jeunesse"], "simulation": True},
        },
    )
    doter(scene, "previsionnelle", "Enveloppe annoncée avec l’appel")
    for annee in (scene.annee + 1, scene.annee + 2):
        doter(scene, "previsionnelle", "Enveloppe prévue pour les années suivantes des CPO", annee)
    scene.au(dates.ouverture)
    scene.post(f"/api/v1/appels/{scene.appel}/ouvrir", "charge")


def doter(scene: Scene, nature: str, motif: str, annee: int | None = None) -> None:
    """Fixe les enveloppes de l'année. Une année suivante (CPO) reçoit le même montant, prévisionnel et fictif."""
    for ligne in LIGNES:
        est_reelle = ligne == "BOP147" and annee is None
        corps = {
            "ligne": ligne,
            "annee": annee or scene.annee,
            "montant_centimes": scene.enveloppes[ligne] // 100 * 100,
            "nature": nature,
            "motif": motif if est_reelle else f"{motif} (fictif)",
            "est_fictive": not est_reelle,
        }
        scene.post(f"/api/v1/appels/{scene.appel}/enveloppes", "charge", corps)
