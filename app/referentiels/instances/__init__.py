"""Instances : celles du contrat, leur composition ; les services consultés.

Entre : le contrat chargé, puis ce que le chargé de mission tient à jour. Sort : qui siège, qui est convoqué.
Source : contrat, Partie 4 § 1 ; Partie 3 § 2.
"""
