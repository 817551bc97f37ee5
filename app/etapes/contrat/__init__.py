"""Contrat : enjeux, objectifs, objectifs opérationnels, et tout ce que le document dit d'utile.

Entre : un dossier de `seeds/contrats`, validé. Sort : les codes qu'un dossier cite, la page publique, l'API.
Agissent : le chargé de mission (charge une version) ; le public (lit, cherche).
Source : contrat, Partie 1 ; loi n° 2014-173 du 21 février 2014, art. 6.
"""
