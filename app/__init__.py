"""Initiatives Quartiers : conduire l'appel à initiatives d'un contrat de ville."""

__version__ = "0.1.0"
