"""Appel : l'appel à initiatives annuel, ses phases, ses enveloppes, sa grille épinglée.

Entre : une version du contrat, une grille, les montants annoncés. Sort : ce qu'un porteur peut déposer, jusqu'à quand.
Agissent : le chargé de mission (prépare, ouvre, clôt), l'équipe projet (orientations).
Source : contrat, l. 1752-1758 ; architecture, décisions 4 et 11.
"""
