"""Publication : ce que tout le monde peut lire, produit par la décision elle-même.

Entre : des décisions notifiées. Sort : les données essentielles (SCDL 2.1.1), les règles de l'appel.
Agissent : personne ; le public lit.
Source : loi n° 2000-321 du 12 avril 2000, art. 10 ; décret n° 2017-779 ; CRPA, art. L.312-1-3.
"""
