"""Espace des fichiers : les télécharger par un accès vérifié, voir ceux qui attendent l'antivirus."""
