"""Grilles : ce qu'une note regarde, ce que chaque fait rapporte, ligne par ligne. Des données, jamais du code.

Entre : un fichier de grille (ou un brouillon) et le catalogue des faits. Sort : une grille validée, versionnée, munie
de son empreinte, qu'un appel épingle et que rien ne change plus. `etapes/notation` l'applique, et rien d'autre.
Agissent : le chargé de mission (prépare, essaie, épingle) ; l'équipe projet puis la commission (adoptent).
Source : CRPA, art. L.311-3-1, R.311-3-1-1 et R.311-3-1-2 (règles et paramètres publics) ; les poids et les seuils
sont un choix du projet, conception/notation.md.
"""
