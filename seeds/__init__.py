"""Les données livrées avec le service : contrats, références, démonstration. Lit, valide, dit fichier et ligne."""
