"""Programmation : proposer, arbitrer, puis arrêter ce que chaque ligne finance, sous son enveloppe.

Entre : des demandes recevables, notées et consultées, et l'enveloppe de chaque ligne. Sort : un montant proposé
puis arbitré par demande, des scénarios figés, et une ligne arrêtée quand son autorité a décidé.
Agissent : l'instructeur (propose), l'élu de la ligne ou le sous-préfet (arbitre), l'équipe projet (croise, simule).
La simulation n'est qu'une aide : éteinte par défaut, elle ne décide de rien et n'engage rien.
Source : contrat de ville m2A 2024-2030, Partie 3 et Partie 4 § 1 à 3 ; conception/architecture.md, décisions 5 et 11.
"""
