"""Le contenu d'un contrat comme faits, ce qui se compare, se relie, se cherche et s'affiche. Pur."""
