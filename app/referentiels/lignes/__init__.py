"""Lignes de financement : qui finance, sur quels crédits. Des données : ajouter un financeur ne touche pas au code.

Entre : le contrat chargé. Sort : les lignes qu'un dossier sollicite (BOP147, M2A, MULHOUSE, ILLZACH, WITTENHEIM).
Source : contrat, Partie 3 ; architecture, décision 4.
"""
