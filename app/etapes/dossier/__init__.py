"""Dossier : la demande, du brouillon à la recevabilité. Possède les deux automates (Dossier, Demande).

Entre : une organisation, un appel ouvert. Sort : un contenu figé, une demande par ligne et par année.
Agissent : rédacteurs et signataire (porteur) ; instructeurs de chaque ligne (recevabilité, compléments).
Source : décret n° 2016-1971 ; CRPA, art. L.112-11, L.114-5, L.231-4 ; architecture, décisions 5 et 15.
"""
