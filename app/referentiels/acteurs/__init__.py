"""Acteurs : organisations, comptes, habilitations, sessions, jetons d'API.

Entre : une inscription ou une invitation. Sort : une identité et ce qu'elle peut faire à cet instant.
Agissent : chaque personne pour son compte, le chargé de mission pour les habilitations.
Source : architecture, décision 14 ; reference/domaine.md § 1.3 et § 1.6.
"""
