"""Ce que plusieurs parcours partagent : se connecter, lire un courriel, joindre un fichier, un dossier qui a vécu."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service import brouillon, depot, echanges, recevabilite
from app.infra.files import magasin_de
from app.infra.mail import DOSSIER_COURRIELS
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.pieces import service as pieces
from app.referentiels.pieces.rules import Nature
from tests.factories import (
    CLOTURE,
    MAINTENANT,
    OUVERTURE,
    contenu_complet,
    identite,
    un_appel,
    un_brouillon,
    un_compte,
    un_dossier_complet,
    une_organisation,
)
from tests.fichiers.aide_fichiers import un_pdf
from tests.fichiers.aide_pieces import un_envoi
from tests.navigateur.aide_fenetre import Fenetre
from tests.navigateur.aide_scene import Scene

CONTINUER = "Enregistrer et continuer"
QUITTER = "Enregistrer et quitter"
LENDEMAIN = MAINTENANT + timedelta(days=1)
JOURS_PLUS_TARD = MAINTENANT + timedelta(days=4)
AN_DERNIER = timedelta(days=365)
_LIEN = re.compile(r"https?://[^\s/]+(/\S+)")


@dataclass(frozen=True, slots=True)
class Porteuse:
    """Une association et deux personnes qui y rédigent ; la première signe aussi."""

    organisation: Organisation
    tete: Compte
    suite: Compte


def une_porteuse(scene: Scene) -> Porteuse:
    """Une association neuve."""
    with scene.fabrique.begin() as session:
        organisation = une_organisation(session, rang=next(scene.rangs))
        tete = un_compte(session, Role.REDACTEUR, Role.SIGNATAIRE, organisation=organisation, nom="Bénévole A")
        suite = un_compte(session, Role.REDACTEUR, organisation=organisation, nom="Bénévole B")
    return Porteuse(organisation, tete, suite)


def un_projet(scene: Scene, porteuse: Porteuse, **remplacements: Any) -> str:
    """Un brouillon où tout est rempli ; None retire un champ. Rend sa référence."""
    contenu: Mapping[str, Any] = contenu_complet(2027, **remplacements)
    with scene.fabrique.begin() as session:
        acteur = identite(session, porteuse.tete)
        return un_brouillon(session, scene.appel, porteuse.organisation, acteur, contenu=contenu).reference


def un_depose(scene: Scene, porteuse: Porteuse, **remplacements: Any) -> str:
    """Un dossier déposé ; rend son numéro."""
    with scene.fabrique.begin() as session:
        acteur = identite(session, porteuse.tete)
        return str(un_dossier_complet(session, scene.appel, porteuse.organisation, acteur, **remplacements).numero)


def un_depose_l_an_dernier(scene: Scene, porteuse: Porteuse) -> str:
    """Un dossier déposé à l'appel d'avant, clos depuis ; rend son numéro."""
    with scene.fabrique.begin() as session:
        passe = session.query(Appel).filter_by(code="m2a-2026").one_or_none() or un_appel(
            session, scene.contrat, annee=2026, code="m2a-2026", ouverture_le=OUVERTURE - AN_DERNIER,
            cloture_le=CLOTURE - AN_DERNIER,
        )  # fmt: skip
        passe.etat = EtatAppel.OUVERT
        dossier = un_dossier_complet(
            session, passe, porteuse.organisation, identite(session, porteuse.tete), maintenant=MAINTENANT - AN_DERNIER
        )
        passe.etat = EtatAppel.CLOS  # un seul appel reste ouvert au dépôt pour les autres essais
        return str(dossier.numero)


def un_dossier_qui_a_vecu(scene: Scene, porteuse: Porteuse) -> str:
    """Déposé, complété, des messages des deux côtés, un fichier joint, une autre action à classer. Rend son numéro."""
    numero = un_depose(scene, porteuse)
    un_projet(scene, porteuse, titre="Jardin des voisins")
    magasin = magasin_de(scene.config)
    with scene.fabrique.begin() as session:
        pieces.deposer(
            session, magasin, porteuse.organisation, un_envoi(un_pdf(page=b"% statuts")), nature=Nature.STATUTS,
            intitule="", datee_du=None, jusqu_au=None, acteur=identite(session, porteuse.tete), maintenant=MAINTENANT,
        )  # fmt: skip
        tete, agent = identite(session, porteuse.tete), identite(session, scene.comptes["M2A"])
        recevabilite.demander_complement(
            session, numero, objet="Le nombre de personnes (fictif)", pourquoi="Il paraît trop grand.",
            echeance_le=MAINTENANT + timedelta(days=20), sections=["public"], ligne="M2A", acteur=agent,
            maintenant=LENDEMAIN,
        )  # fmt: skip
        version = session.query(Dossier).filter_by(numero=numero).one().version
        brouillon.enregistrer(
            session, numero, {"beneficiaires": 55, "public": "Des parents du quartier (fictif)."}, version_lue=version,
            acteur=tete, maintenant=LENDEMAIN,
        )  # fmt: skip
        echanges.joindre(
            session, numero, intitule="Devis de l’animatrice", televersement=un_envoi(un_pdf(), "devis.pdf"),
            magasin=magasin, acteur=tete, maintenant=LENDEMAIN,
        )  # fmt: skip
        depot.completer(session, numero, reponse="C’est corrigé.", acteur=tete, maintenant=LENDEMAIN)
        for acteur, texte, fichier in (
            (agent, "Merci. Avez-vous le programme du trimestre ?", ""),
            (tete, "Le voici.\nIl peut encore bouger.", "programme.pdf"),
        ):
            envoi = un_envoi(un_pdf(page=b"% programme"), fichier) if fichier else None
            echanges.ecrire(
                session, numero, texte=texte, televersement=envoi, magasin=magasin, acteur=acteur,
                maintenant=LENDEMAIN,
            )  # fmt: skip
    return numero


def lien_recu(scene: Scene, destinataire: str) -> str:
    """Fait partir les courriels, et rend le chemin du premier lien du seul courriel reçu à cette adresse."""
    scene.faire_les_taches()
    messages = [
        message_from_bytes(fichier.read_bytes(), policy=default)
        for fichier in (scene.config.donnees / DOSSIER_COURRIELS).glob("*.eml")
    ]
    (recu,) = [m for m in messages if m["To"] == destinataire]
    corps = recu.get_body(("plain",))
    assert corps is not None
    trouve = _LIEN.search(corps.get_content())
    assert trouve is not None, corps.get_content()
    return trouve[1]


def choisir_un_fichier(f: Fenetre, nom: str, octets: bytes | None = None) -> None:
    """Choisit un vrai fichier dans le champ « Le fichier »."""
    fichier = {"name": nom, "mimeType": "application/octet-stream", "buffer": octets or un_pdf()}
    f.page.locator("#champ-fichier").set_input_files(files=[fichier])  # type: ignore[list-item]


def remplir(f: Fenetre, champs: Mapping[str, str]) -> None:
    """Écrit chaque réponse dans son champ."""
    for nom, texte in champs.items():
        f.ecrire(nom, texte)


def cocher_tout(f: Fenetre, cases: Sequence[tuple[str, str]]) -> None:
    """Coche chaque case (nom, valeur)."""
    for nom, valeur in cases:
        f.cocher(nom, valeur)


def signer_et_deposer(f: Fenetre, dossier: str) -> str:
    """De la relecture à l'accusé ; rend le numéro du dossier."""
    f.aller(f"{dossier}/signature")
    f.suivre(f.bouton("Envoyer à la signature"))
    f.cocher("qualite", "representant")
    f.suivre(f.bouton("Signer le dossier"))
    f.suivre(f.bouton("Déposer le dossier"))
    trouve = re.search(r"/dossiers/([^/]+)/accuse\?fait=dossier-depose$", f.page.url)
    assert trouve is not None, f.page.url
    return trouve[1]
