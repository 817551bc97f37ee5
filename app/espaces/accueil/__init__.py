"""L'accueil de chaque public : la première phrase dit ce qui attend la personne."""
