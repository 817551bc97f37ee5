"""Lectures de la programmation : le tableau d'une ligne, le croisement, les soldes, les scénarios."""
