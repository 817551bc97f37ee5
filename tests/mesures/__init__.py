"""Ce qui se mesure hors des essais : entraîner le modèle des suggestions, le mesurer sur des titres annotés."""
