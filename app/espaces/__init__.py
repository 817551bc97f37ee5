"""Espaces : les écrans de lecture qui joignent les étapes, un par public."""
