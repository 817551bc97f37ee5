"""Le public : ce qu'est l'appel, comment déposer, ce qui est financé."""
