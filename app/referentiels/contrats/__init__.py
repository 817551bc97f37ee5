"""Contrats : le locataire. Un contrat de ville, ses dates, ses versions.

Entre : un dossier de `seeds/contrats`. Sort : le `contrat_id` que porte tout le reste.
Agissent : le chargé de mission, par la ligne de commande.
Source : loi n° 2014-173 du 21 février 2014, art. 6.
"""
