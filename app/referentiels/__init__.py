"""Référentiels : qui et où, utilisés par toutes les étapes."""
