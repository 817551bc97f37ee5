"""L'instructeur : sa corbeille, la liste des dossiers, un dossier et tout ce que les étapes en disent."""
