"""Convention : ce que chaque autorité décide, par son propre acte ; puis sa notification.

Entre : une programmation votée. Sort : une ligne arrêtée (engagée), des décisions, des lettres de notification.
Agissent : les personnes de chaque autorité (enregistrent l'acte), le chargé de mission.
Source : loi n° 2000-321 du 12 avril 2000, art. 9-1 et 10 ; CGCT, art. L.2311-7 ; CRPA, art. L.242-1.
"""
