"""Les deux automates : le dossier, et la demande (dossier × ligne × année). Les boutons, la garde, les routes et
`docs/parcours.md` sortent de ces tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.noyau.roles import Role


class Public(StrEnum):
    """À qui l'on parle : chaque état a un libellé par public."""

    PORTEUR = "porteur"
    AGENT = "agent"


class Ton(StrEnum):
    """La forme de l'étiquette d'un état (jamais la couleur seule)."""

    ATTENTE = "attente"
    OUI = "oui"
    NON = "non"
    NEUTRE = "neutre"
    INFO = "info"


class EtatDossier(StrEnum):
    """Vie du dossier. Source : conception/produit.md, « Le parcours d'un dossier »."""

    BROUILLON = "brouillon"
    A_SIGNER = "a_signer"
    DEPOSE = "depose"
    A_COMPLETER = "a_completer"
    CLOS = "clos"
    RETIRE = "retire"


class EtatDemande(StrEnum):
    """Vie d'une demande : chaque ligne avance seule. Source : conception/produit.md, « Le parcours d'un dossier »."""

    OUVERTE = "ouverte"
    HORS_CHAMP = "hors_champ"
    IRRECEVABLE = "irrecevable"
    ORIENTEE = "orientee"
    EN_INSTRUCTION = "en_instruction"
    PROPOSEE = "proposee"
    ARBITREE = "arbitree"
    VALIDEE = "validee"
    AVIS_RENDU = "avis_rendu"
    AJOURNEE = "ajournee"
    RESERVE = "reserve"
    DECIDEE = "decidee"
    REFUSEE = "refusee"
    NOTIFIEE = "notifiee"
    REFUS_NOTIFIE = "refus_notifie"
    RENONCEE = "renoncee"
    CADUQUE = "caduque"
    RETIREE = "retiree"
    TRANCHE_DECIDEE = "tranche_decidee"
    TRANCHE_RESERVEE = "tranche_reservee"


@dataclass(frozen=True, slots=True)
class Libelle:
    """Ce que voit le porteur, ce que voit l'agent, et la forme de l'étiquette."""

    porteur: str
    agent: str
    ton: Ton

    def pour(self, public: Public) -> str:
        """Le libellé de ce public.

        Choix du projet : conception/produit.md (« chaque état a un libellé pour le porteur, un autre pour l'agent »).
        """
        return self.porteur if public is Public.PORTEUR else self.agent


LIBELLES_DOSSIER: dict[EtatDossier, Libelle] = {
    EtatDossier.BROUILLON: Libelle("Brouillon", "Brouillon", Ton.NEUTRE),
    EtatDossier.A_SIGNER: Libelle("À signer", "À signer", Ton.ATTENTE),
    EtatDossier.DEPOSE: Libelle("Déposé", "Déposé", Ton.INFO),
    EtatDossier.A_COMPLETER: Libelle("À compléter", "Complément attendu", Ton.ATTENTE),
    EtatDossier.CLOS: Libelle("Terminé", "Clos", Ton.NEUTRE),
    EtatDossier.RETIRE: Libelle("Retiré", "Retiré par le porteur", Ton.NEUTRE),
}
LIBELLES_DEMANDE: dict[EtatDemande, Libelle] = {
    EtatDemande.OUVERTE: Libelle("Reçu", "À vérifier", Ton.ATTENTE),
    EtatDemande.HORS_CHAMP: Libelle("Ne concerne pas ce financeur", "Hors champ", Ton.NEUTRE),
    EtatDemande.IRRECEVABLE: Libelle("Non recevable", "Irrecevable", Ton.NON),
    EtatDemande.ORIENTEE: Libelle("Orienté ailleurs", "Orientée", Ton.NEUTRE),
    EtatDemande.EN_INSTRUCTION: Libelle("En cours d’étude", "En instruction", Ton.INFO),
    EtatDemande.PROPOSEE: Libelle("En cours d’étude", "Proposée", Ton.INFO),
    EtatDemande.ARBITREE: Libelle("En cours d’étude", "Arbitrée", Ton.INFO),
    EtatDemande.VALIDEE: Libelle("Décision à venir", "Validée par la commission", Ton.INFO),
    EtatDemande.AVIS_RENDU: Libelle("Décision à venir", "Avis de la commission rendu", Ton.INFO),
    EtatDemande.AJOURNEE: Libelle("Reporté à une prochaine séance", "Ajournée", Ton.ATTENTE),
    EtatDemande.RESERVE: Libelle("Sur liste de réserve", "Réserve", Ton.ATTENTE),
    EtatDemande.DECIDEE: Libelle("Décision à venir", "Attribuée, à notifier", Ton.OUI),
    EtatDemande.REFUSEE: Libelle("Décision à venir", "Refusée, à notifier", Ton.NON),
    EtatDemande.NOTIFIEE: Libelle("Subvention accordée", "Attribuée et notifiée", Ton.OUI),
    EtatDemande.REFUS_NOTIFIE: Libelle("Demande refusée", "Refus notifié", Ton.NON),
    EtatDemande.RENONCEE: Libelle("Vous avez renoncé", "Renoncée", Ton.NEUTRE),
    EtatDemande.CADUQUE: Libelle("Sans suite", "Caduque", Ton.NEUTRE),
    EtatDemande.RETIREE: Libelle("Retiré", "Retirée", Ton.NEUTRE),
    EtatDemande.TRANCHE_DECIDEE: Libelle("Décision à venir", "Année suivante, à notifier", Ton.INFO),
    EtatDemande.TRANCHE_RESERVEE: Libelle(
        "Réservé, sous condition du bilan et du vote des crédits",
        "Réservée, sous condition du bilan et du vote des crédits",
        Ton.OUI,
    ),
}

DEPOSES = frozenset({EtatDossier.DEPOSE, EtatDossier.A_COMPLETER, EtatDossier.CLOS})
MODIFIABLES = frozenset({EtatDossier.BROUILLON, EtatDossier.A_COMPLETER})
AVANT_DECISION = frozenset(
    {
        EtatDemande.OUVERTE,
        EtatDemande.EN_INSTRUCTION,
        EtatDemande.PROPOSEE,
        EtatDemande.ARBITREE,
        EtatDemande.VALIDEE,
        EtatDemande.AVIS_RENDU,
        EtatDemande.AJOURNEE,
        EtatDemande.RESERVE,
    }
)
FINALES = frozenset(
    {
        EtatDemande.HORS_CHAMP,
        EtatDemande.IRRECEVABLE,
        EtatDemande.ORIENTEE,
        EtatDemande.NOTIFIEE,
        EtatDemande.REFUS_NOTIFIE,
        EtatDemande.RENONCEE,
        EtatDemande.CADUQUE,
        EtatDemande.RETIREE,
        EtatDemande.TRANCHE_RESERVEE,
    }
)

DECIDEES = frozenset(
    {
        EtatDemande.DECIDEE,
        EtatDemande.REFUSEE,
        EtatDemande.NOTIFIEE,
        EtatDemande.TRANCHE_DECIDEE,
        EtatDemande.TRANCHE_RESERVEE,
    }
)
"""Une autorité a décidé. L'attribution et le refus encore secrets comptent pareil : rien ne se devine."""

PORTEUR_ECRIT = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE})
PORTEUR_ENGAGE = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE})
INSTRUIT = frozenset({Role.INSTRUCTEUR, Role.SOUS_PREFECTURE})
ARBITRE = frozenset({Role.ELU_LIGNE})
SECRETAIRE = frozenset({Role.CHARGE_MISSION})
DECIDE = frozenset({Role.SOUS_PREFECTURE, Role.INSTRUCTEUR})


@dataclass(frozen=True, slots=True)
class Transition:
    """Un acte : d'où, vers où, par qui. `etape` : le paquet qui l'accomplit. `motif` : une phrase est exigée."""

    acte: str
    depuis: frozenset[EtatDossier]
    vers: EtatDossier
    roles: frozenset[Role]
    libelle: str
    motif: bool = False
    etape: str = "dossier"


@dataclass(frozen=True, slots=True)
class TransitionDemande:
    """Un acte sur une demande. Les rôles d'agent s'entendent sur la ligne de la demande."""

    acte: str
    depuis: frozenset[EtatDemande]
    vers: EtatDemande
    roles: frozenset[Role]
    libelle: str
    motif: bool = False
    etape: str = "dossier"


_D, _L = EtatDossier, EtatDemande
_VOTABLES = frozenset({_L.PROPOSEE, _L.ARBITREE})
_VOTES = frozenset({_L.VALIDEE, _L.AVIS_RENDU, _L.RESERVE})
_ANNEES_SUIVANTES = frozenset({_L.OUVERTE, _L.EN_INSTRUCTION, _L.PROPOSEE, _L.ARBITREE})
JAMAIS_PROPOSEES = frozenset({_L.OUVERTE, _L.EN_INSTRUCTION})
"""Personne n'a encore proposé de montant. Choix du projet : ce qu'on n'a pas examiné ne se perd pas en silence."""

TRANSITIONS: tuple[Transition, ...] = (
    Transition("envoyer_en_signature", frozenset({_D.BROUILLON}), _D.A_SIGNER, PORTEUR_ECRIT, "Envoyer à la signature"),
    Transition("reprendre", frozenset({_D.A_SIGNER}), _D.BROUILLON, PORTEUR_ECRIT, "Revenir à la rédaction"),
    Transition("signer", frozenset({_D.A_SIGNER}), _D.A_SIGNER, frozenset({Role.SIGNATAIRE}), "Signer"),
    Transition("deposer", frozenset({_D.A_SIGNER}), _D.DEPOSE, PORTEUR_ECRIT, "Déposer"),
    Transition(
        "demander_complement", frozenset({_D.DEPOSE, _D.A_COMPLETER}), _D.A_COMPLETER, INSTRUIT,
        "Demander un complément", motif=True,
    ),
    Transition("completer", frozenset({_D.A_COMPLETER}), _D.DEPOSE, PORTEUR_ECRIT, "Envoyer le complément", motif=True),
    Transition(
        "retirer", frozenset({_D.BROUILLON, _D.A_SIGNER, _D.DEPOSE, _D.A_COMPLETER}), _D.RETIRE, PORTEUR_ENGAGE,
        "Retirer le dossier", motif=True,
    ),
    Transition(
        "abandonner", frozenset({_D.BROUILLON}), _D.RETIRE, frozenset({Role.REDACTEUR}), "Abandonner ce brouillon",
        motif=True,
    ),
    Transition("clore", frozenset({_D.DEPOSE, _D.A_COMPLETER}), _D.CLOS, SECRETAIRE, "Clore le dossier"),
)  # fmt: skip

TRANSITIONS_DEMANDE: tuple[TransitionDemande, ...] = (
    TransitionDemande("declarer_recevable", frozenset({_L.OUVERTE}), _L.EN_INSTRUCTION, INSTRUIT, "Déclarer recevable"),
    TransitionDemande(
        "declarer_irrecevable", JAMAIS_PROPOSEES, _L.IRRECEVABLE, INSTRUIT,
        "Déclarer irrecevable", motif=True,
    ),
    TransitionDemande(
        "declarer_hors_champ", JAMAIS_PROPOSEES, _L.HORS_CHAMP, INSTRUIT,
        "Déclarer hors champ", motif=True,
    ),
    TransitionDemande(
        "orienter", JAMAIS_PROPOSEES, _L.ORIENTEE, INSTRUIT, "Orienter ailleurs", motif=True
    ),
    TransitionDemande(
        "constater_hors_champ", JAMAIS_PROPOSEES, _L.HORS_CHAMP, PORTEUR_ECRIT,
        "Constater hors champ (aucune fiche de la commune)", motif=True, etape="suite",
    ),
    TransitionDemande(
        "rouvrir", frozenset({_L.IRRECEVABLE, _L.HORS_CHAMP, _L.ORIENTEE}), _L.OUVERTE, INSTRUIT,
        "Rouvrir l’examen", motif=True,
    ),
    TransitionDemande(
        "proposer", frozenset({_L.EN_INSTRUCTION, _L.PROPOSEE, _L.ARBITREE}), _L.PROPOSEE, INSTRUIT,
        "Proposer un montant", motif=True, etape="programmation",
    ),
    TransitionDemande(
        "arbitrer", _VOTABLES, _L.ARBITREE, ARBITRE, "Arbitrer le montant", motif=True, etape="programmation"
    ),
    TransitionDemande("valider", _VOTABLES, _L.VALIDEE, SECRETAIRE, "Valider (vote)", etape="commission"),
    TransitionDemande("rendre_avis", _VOTABLES, _L.AVIS_RENDU, SECRETAIRE, "Rendre un avis (vote)", etape="commission"),
    TransitionDemande("ajourner", _VOTABLES, _L.AJOURNEE, SECRETAIRE, "Ajourner (vote)", etape="commission"),
    TransitionDemande("mettre_en_reserve", _VOTABLES, _L.RESERVE, SECRETAIRE, "Réserver (vote)", etape="commission"),
    TransitionDemande(
        "reprendre_examen", frozenset({_L.AJOURNEE}), _L.EN_INSTRUCTION, INSTRUIT, "Reprendre l’examen", motif=True
    ),
    TransitionDemande("attribuer", _VOTES, _L.DECIDEE, DECIDE, "Enregistrer l’attribution", etape="convention"),
    TransitionDemande("refuser", _VOTES, _L.REFUSEE, DECIDE, "Enregistrer le refus", motif=True, etape="convention"),
    TransitionDemande("notifier", frozenset({_L.DECIDEE}), _L.NOTIFIEE, DECIDE, "Notifier", etape="convention"),
    TransitionDemande(
        "notifier_refus", frozenset({_L.REFUSEE}), _L.REFUS_NOTIFIE, DECIDE, "Notifier le refus", etape="convention"
    ),
    TransitionDemande(
        "renoncer", frozenset({_L.DECIDEE, _L.NOTIFIEE, _L.TRANCHE_DECIDEE, _L.TRANCHE_RESERVEE}), _L.RENONCEE,
        PORTEUR_ENGAGE, "Renoncer", motif=True, etape="convention",
    ),
    TransitionDemande(
        "decider_tranche", _ANNEES_SUIVANTES, _L.TRANCHE_DECIDEE, DECIDE, "Décider d’une année suivante (CPO)",
        motif=True, etape="convention",
    ),
    TransitionDemande(
        "notifier_tranche", frozenset({_L.TRANCHE_DECIDEE}), _L.TRANCHE_RESERVEE, DECIDE,
        "Notifier une année réservée (CPO)", motif=True, etape="convention",
    ),
    TransitionDemande(
        "ecarter_tranche", frozenset({_L.TRANCHE_DECIDEE}), _L.CADUQUE, DECIDE, "Notifier une année non réservée (CPO)",
        motif=True, etape="convention",
    ),
    TransitionDemande(
        "declarer_caduque", frozenset({_L.RESERVE, _L.AJOURNEE}), _L.CADUQUE, SECRETAIRE, "Déclarer caduque", motif=True
    ),
    TransitionDemande(
        "ecarter_suite", _ANNEES_SUIVANTES, _L.CADUQUE, SECRETAIRE, "Écarter avec la première année (CPO)", motif=True,
        etape="suite",
    ),
)  # fmt: skip

_PAR_ACTE = {t.acte: t for t in TRANSITIONS}
_PAR_ACTE_DEMANDE = {t.acte: t for t in TRANSITIONS_DEMANDE}


def transition(acte: str) -> Transition:
    """La transition du dossier qui porte ce nom. Lève KeyError.

    Choix du projet : architecture, décision 5.
    """
    return _PAR_ACTE[acte]


def transition_demande(acte: str) -> TransitionDemande:
    """La transition de la demande qui porte ce nom. Lève KeyError.

    Choix du projet : architecture, décision 5.
    """
    return _PAR_ACTE_DEMANDE[acte]


def actes_possibles(etat: EtatDossier, roles: frozenset[Role]) -> tuple[Transition, ...]:
    """Les actes qu'une personne tenant ces rôles peut faire sur un dossier dans cet état.

    Choix du projet : conception/exemples.md, motif 4.
    """
    return tuple(t for t in TRANSITIONS if etat in t.depuis and roles & t.roles)


def actes_possibles_demande(etat: EtatDemande, roles: frozenset[Role]) -> tuple[TransitionDemande, ...]:
    """Les actes qu'une personne tenant ces rôles sur la ligne peut faire sur une demande dans cet état.

    Choix du projet : conception/exemples.md, motif 4.
    """
    return tuple(t for t in TRANSITIONS_DEMANDE if etat in t.depuis and roles & t.roles)


def acte_de_retrait(
    etat: EtatDossier,
    roles: frozenset[Role],
    demandes: Iterable[EtatDemande],
    *,
    est_auteur: bool,
    a_ete_signe: bool,
) -> Transition | None:
    """L'acte par lequel cette personne peut sortir ce dossier, ou None.

    Qui engage l'organisation le retire tant que rien n'est décidé ; qui rédige abandonne un brouillon qu'il a ouvert
    et que personne n'a jamais signé. Dossier déposé : il faut qu'une demande soit encore en cours.
    Choix du projet : conception/produit.md, « Le parcours d'un dossier » ; architecture, décision 5.
    """
    possibles = {t.acte: t for t in actes_possibles(etat, roles)}
    en_cours = tuple(demandes)
    if "retirer" in possibles:
        ferme = DECIDEES.intersection(en_cours) or (en_cours and not AVANT_DECISION.intersection(en_cours))
        return None if ferme else possibles["retirer"]
    return possibles.get("abandonner") if est_auteur and not a_ete_signe else None


def avancement(etats: Iterable[EtatDemande], public: Public) -> str:
    """Une phrase courte déduite des demandes d'un dossier déposé : combien en sont où.

    Choix du projet : architecture, décision 5 (l'état tardif d'un dossier se déduit de ses demandes).
    """
    comptes: dict[str, int] = {}
    for etat in sorted(etats, key=list(EtatDemande).index):
        libelle = LIBELLES_DEMANDE[etat].pour(public)
        comptes[libelle] = comptes.get(libelle, 0) + 1
    if len(comptes) == 1:
        return next(iter(comptes))
    return " · ".join(f"{libelle} ×{n}" if n > 1 else libelle for libelle, n in comptes.items())
