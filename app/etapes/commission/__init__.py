"""Commission : la commission des élus délibère sur la programmation, ligne par ligne.

Entre : les montants arbitrés de chaque ligne, dossier par dossier. Sort : un vote par point
(retenu, amendé, refusé, ajourné, en réserve), consigné au procès-verbal.
Agissent : le président de séance, les membres qui ont voix, le chargé de mission (secrétaire). Les services, l'État et
l'ORIV assistent sans voter.
La commission valide la programmation de m2A et donne un avis sur les autres lignes. Son vote prépare : il ne crée pas
de droit et n'est pas annoncé aux porteurs ; seule la décision de chaque autorité clôt sa ligne.
Source : contrat de ville m2A 2024-2030, Partie 4 § 1 (l. 1691-1694) ; CGCT, art. L.2121-12 à L.2121-21, L.2131-11,
L.2541-1 à L.2541-17 ; reference/domaine.md, J17 à J23, J28, J29.
"""
