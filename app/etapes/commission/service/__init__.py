"""Les actes de la commission : préparer et tenir la séance, noter les présences, voter, proclamer."""
