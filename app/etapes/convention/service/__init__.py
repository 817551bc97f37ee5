"""Les actes de la décision : arrêter une ligne, décider, notifier, renoncer."""
