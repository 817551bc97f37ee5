"""Le journal : une chaîne par contrat, actes seulement, écrite en dernier avant COMMIT (décision 12)."""
