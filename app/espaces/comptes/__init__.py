"""Les comptes d'un contrat : qui y tient quel rôle, sur quoi, jusqu'à quand ; qui occupe quel siège."""
