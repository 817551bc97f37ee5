"""Noyau : les types et les règles que tout le monde partage. Pur, sans entrée ni sortie."""
