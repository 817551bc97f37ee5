"""La ligne de commande : une commande par module. Seul endroit, avec `__main__`, qui lit `seeds`."""
