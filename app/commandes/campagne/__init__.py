"""La campagne de démonstration : jouée par l'API HTTP, du dépôt à la notification, puis vérifiée."""
