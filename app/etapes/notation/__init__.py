"""Notation : une note explicable par ligne de financement, à partir des faits du dossier.

Entre : les faits figés d'un dossier (déclarés, vérifiés, corrigés), la grille épinglée à l'appel, les médianes figées à
la clôture de la recevabilité. Sort : pour chaque ligne ouverte, des lignes motivées et un total sur 100, ou un
intervalle si un fait manque ; hors champ, pas de note. Tout se rejoue à l'identique des années après.
Agissent : le service (calcule) ; l'instructeur (vérifie, corrige, ajuste avec motif) ; personne d'autre ne note.
Le calcul aide, il ne décide pas : la commission délibère, chaque financeur décide.
Source : CRPA, art. L.311-3-1, R.311-3-1-1 et R.311-3-1-2 ; conception/notation.md (grille : choix du projet).
"""
