"""Pièces : les fichiers reçus, et les pièces permanentes d'une organisation, reprises d'année en année.

Entre : un fichier envoyé par un membre de l'organisation. Sort : une pièce datée, lisible une fois analysée, que
chaque dossier reprend. Agissent : les membres de l'organisation pour déposer, l'exécutant de tâches pour analyser.
Source : reference/domaine.md § 1.7 ; architecture, décision 16 ; ADR 0015.
"""
