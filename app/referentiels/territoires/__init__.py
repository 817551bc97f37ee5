"""Territoires : communes, quartiers prioritaires (QPV), fiches « projet de quartier ».

Entre : le contrat chargé. Sort : les lieux visés par un dossier. Une fiche découpe un quartier, par commune.
Source : décret n° 2023-1314 du 28 décembre 2023 ; contrat, Partie 2.
"""
