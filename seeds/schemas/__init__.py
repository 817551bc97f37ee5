"""Les formes attendues des fichiers de données, validées par Pydantic."""
