"""Technique : base, web, fichiers, tâches, courriel. Ne connaît rien du métier."""
