"""La procédure : un dossier traverse les étapes toujours dans le même sens."""
