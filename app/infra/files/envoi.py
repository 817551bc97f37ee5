"""Un fichier envoyé par un formulaire : le trouver, ou dire qu'il manque."""

from __future__ import annotations

from app.infra.files import Televersement
from app.infra.forms import Formulaire
from app.noyau.erreurs import Faute, SaisieInvalide


def televersement_de(formulaire: Formulaire, champ: str) -> Televersement:
    """Le fichier de ce champ ; il s'efface avec la requête. Lève SaisieInvalide si aucun n'a été choisi."""
    recu = formulaire.fichiers.get(champ)
    if recu is None or not recu.filename:
        raise SaisieInvalide([Faute(champ, "Choisissez un fichier sur votre appareil.", "fichier_absent")])
    return Televersement(recu.filename, recu.file)
