"""La campagne de démonstration : titres et montants réels, tout le reste déduit et marqué fictif."""
