"""Proposer des objectifs : du texte d'un porteur aux objectifs du contrat, avec les mots et passages qui l'expliquent.

Seules les bornes vivent ici : le reste ne se lit qu'à la première demande.
"""

NOMBRE_PAR_DEFAUT = 3
NOMBRE_MAXIMUM = 12
LONGUEUR_MAXIMUM = 4_000
