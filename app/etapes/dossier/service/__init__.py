"""Actes du dossier : un module par moment (brouillon, dépôt, vie, recevabilité). Jamais de COMMIT ici."""
