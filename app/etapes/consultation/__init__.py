"""Consultation : les services de l'État lisent ensemble, en rencontre ; chacun rend un avis gradué et motivé.

Entre : des dossiers déposés, un lot. Sort : un avis par service et par dossier, communicable après la décision.
Agissent : la sous-préfecture (convoque), les référents désignés (rendent l'avis).
Source : contrat, Partie 3 § 2 (l. 1576-1592) ; CRPA, art. L.311-1 et L.311-6.
"""
