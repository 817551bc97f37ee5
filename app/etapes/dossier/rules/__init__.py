"""Règles pures du dossier : automates, champs, budget, dépôt, recevabilité."""
