"""Ce que le porteur suit après le dépôt : chaque ligne, l'accordé, la lettre, la suite, l'histoire. Mise en forme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.etapes.dossier.models import Demande, DemandeComplement, Dossier, Passage
from app.etapes.dossier.repository.notifies import Notifies
from app.etapes.dossier.repository.referentiel import Cadre
from app.etapes.dossier.rules.etats import (
    AVANT_DECISION,
    LIBELLES_DEMANDE,
    LIBELLES_DOSSIER,
    EtatDemande,
    EtatDossier,
    Public,
    avancement,
    transition_demande,
)
from app.etapes.dossier.rules.sections import Pas, pas_a_pas
from app.etapes.dossier.rules.suivi import NOTIFIEES, annee_dite, est_nouvelle, jusqu_au, phrase_de_la_suite
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite

ACTES_DITS = {
    "envoyer_en_signature": "Envoyé à la signature",
    "reprendre": "Rédaction reprise",
    "signer": "Signé",
    "deposer": "Déposé",
    "demander_complement": "Complément demandé",
    "completer": "Complément envoyé",
    "retirer": "Retiré",
    "abandonner": "Abandonné",
    "clore": "Terminé",
}
TERMES = NOTIFIEES | {EtatDemande.RENONCEE, EtatDemande.CADUQUE}
"""Les états où quelque chose a pu être notifié."""
MOTIFS_DITS: Mapping[EtatDemande, frozenset[str]] = {
    EtatDemande.IRRECEVABLE: frozenset({"declarer_irrecevable"}),
    EtatDemande.HORS_CHAMP: frozenset({"declarer_hors_champ", "constater_hors_champ"}),
    EtatDemande.ORIENTEE: frozenset({"orienter"}),
    EtatDemande.REFUS_NOTIFIE: frozenset({"refuser"}),
    EtatDemande.TRANCHE_RESERVEE: frozenset({"notifier_tranche"}),
    EtatDemande.CADUQUE: frozenset({"ecarter_tranche", "declarer_caduque"}),
}
"""État montré → actes dont le motif est dû au porteur. Le motif d'un refus ne se lit qu'une fois notifié."""
AIDES = {EtatDemande.AJOURNEE: "La commission y reviendra à une prochaine séance. Vous n’avez rien à faire."}


@dataclass(frozen=True, slots=True)
class LigneSuivie:
    """Le suivi d'une ligne demandée, vu du porteur. `lettre` : son adresse, vide tant que rien n'est notifié."""

    financeur: str
    annee: str
    montant: Euros
    accorde: Euros | None
    mot: str
    ton: str
    pas: tuple[Pas, ...]
    motif: str
    aide: str
    lettre: str
    peut_renoncer: bool
    est_nouvelle: bool

    @property
    def nom(self) -> str:
        """« État, 2028 (2e année) »."""
        return f"{self.financeur}, {self.annee}"


def lignes_suivies(
    dossier: Dossier,
    premiere_annee: int,
    demandes: Sequence[tuple[Demande, LigneFinancement]],
    motifs: Mapping[int, str],
    notifies: Notifies,
    roles: frozenset[Role],
    aujourd_hui: date,
) -> list[LigneSuivie]:
    """Où en est chaque ligne. `motifs` : ceux qui sont dus au porteur, par demande."""
    plusieurs = _plusieurs(demandes)
    rendu = []
    for demande, ligne in demandes:
        etat = demande.etat
        accorde = notifies.accorde(ligne.code, demande.annee)
        lue = notifies.est_lue(ligne.code)
        rendu.append(
            LigneSuivie(
                financeur=ligne.financeur,
                annee=annee_dite(demande.annee, premiere_annee, plusieurs=plusieurs),
                montant=demande.montant_demande,
                accorde=accorde.montant if accorde is not None and etat is EtatDemande.NOTIFIEE else None,
                mot=LIBELLES_DEMANDE[etat].porteur,
                ton=LIBELLES_DEMANDE[etat].ton,
                pas=pas_a_pas(etat),
                motif=motifs.get(demande.id, ""),
                aide=AIDES.get(etat, ""),
                lettre=_lettre(dossier, ligne, etat, lue=lue),
                peut_renoncer=etat is EtatDemande.NOTIFIEE and bool(roles & transition_demande("renoncer").roles),
                est_nouvelle=etat in NOTIFIEES
                and accorde is not None
                and est_nouvelle(accorde.le, aujourd_hui, lue=lue),
            )
        )
    return rendu


def portail_a_faire(demandes: Iterable[tuple[Demande, LigneFinancement]]) -> bool:
    """Vrai si une demande à l'État attend encore son numéro : elle se dépose aussi sur la plateforme de l'État."""
    return any(
        ligne.nature_autorite is NatureAutorite.ETAT
        and not demande.numero_dauphin
        and demande.etat in AVANT_DECISION
        and demande.etat is not EtatDemande.HORS_CHAMP
        for demande, ligne in demandes
    )


def _plusieurs(demandes: Iterable[tuple[Demande, LigneFinancement]]) -> bool:
    return len({d.annee for d, _ in demandes}) > 1


def _lettre(dossier: Dossier, ligne: LigneFinancement, etat: EtatDemande, *, lue: bool) -> str:
    # On renonce depuis la lettre : une renonciation sans lecture date d'avant la notification, il n'y a pas de lettre.
    if etat in NOTIFIEES or (lue and etat in {EtatDemande.RENONCEE, EtatDemande.CADUQUE}):
        return f"/dossiers/{dossier.numero}/notifications/{ligne.code}"
    return ""


def motifs_dus(demandes: Iterable[Demande], passages: Iterable[Passage]) -> dict[int, str]:
    """Demande → le dernier motif de son état, s'il est dû au porteur."""
    dits = {d.id: MOTIFS_DITS.get(d.etat, frozenset()) for d in demandes}
    return {
        p.demande_id: p.motif for p in passages if p.demande_id is not None and p.acte in dits.get(p.demande_id, ())
    }


@dataclass(frozen=True, slots=True)
class Fait:
    """Une entrée de l'histoire du dossier."""

    a: datetime
    phrase: str
    detail: str


def histoire(
    passages: Iterable[Passage], demandes: Sequence[tuple[Demande, LigneFinancement]], premiere_annee: int
) -> list[Fait]:
    """L'histoire vue du porteur : ce qui change pour lui, sans les étapes internes."""
    plusieurs = _plusieurs(demandes)
    noms = {
        d.id: f"{ligne.financeur}, {annee_dite(d.annee, premiere_annee, plusieurs=plusieurs)}" for d, ligne in demandes
    }
    faits, refus = [], {}
    for p in passages:
        if p.demande_id is None:
            faits.append(Fait(p.a, ACTES_DITS.get(p.acte, p.acte), p.motif))
            continue
        if p.acte == "refuser":
            refus[p.demande_id] = p.motif
        avant = LIBELLES_DEMANDE[EtatDemande(p.de)].porteur if p.de else ""
        apres = EtatDemande(p.vers)
        dit = LIBELLES_DEMANDE[apres].porteur
        if avant != dit and p.acte != "retirer":
            detail = p.motif if p.acte in MOTIFS_DITS.get(apres, ()) else ""
            if apres is EtatDemande.REFUS_NOTIFIE:
                detail = refus.get(p.demande_id, "")
            faits.append(Fait(p.a, f"{noms.get(p.demande_id, '')} : {dit.lower()}", detail))
    return faits


def de_l_annee(demandes: Iterable[Demande], annee: int) -> list[EtatDemande]:
    """Les états des demandes de l'année de l'appel : une année suivante attend la décision de la première."""
    return [d.etat for d in demandes if d.annee == annee]


def mot_d_etat(dossier: Dossier, etats: Sequence[EtatDemande]) -> tuple[str, str]:
    """(mot, forme) : l'état tardif se déduit des demandes."""
    libelle = LIBELLES_DOSSIER[dossier.etat]
    if dossier.etat is EtatDossier.A_SIGNER and dossier.signe_version == dossier.version:
        return "Signé, à déposer", libelle.ton
    if dossier.etat is EtatDossier.DEPOSE and etats:
        concernes = [etat for etat in etats if etat is not EtatDemande.HORS_CHAMP]
        return avancement(concernes or etats, Public.PORTEUR), libelle.ton
    return libelle.porteur, libelle.ton


def ensuite(
    dossier: Dossier,
    cadre: Cadre,
    etats: Sequence[EtatDemande],
    complement: DemandeComplement | None,
    maintenant: datetime,
) -> tuple[str, datetime | None]:
    """(phrase, instant) : ce qui vient pour ce dossier. `etats` : ceux des demandes de l'année de l'appel."""
    match dossier.etat:
        case EtatDossier.BROUILLON | EtatDossier.A_SIGNER:
            if cadre.depot_clos(maintenant):
                if (reprise := cadre.reprend_le(maintenant)) is not None:
                    return "Le dépôt reprend le", reprise
                return "L’appel est clos : ce dossier ne peut plus être déposé.", None
            return "Dépôt possible jusqu’au", cadre.phase.cloture_le
        case EtatDossier.A_COMPLETER if complement is not None:
            return f"Votre réponse {jusqu_au(complement.echeance_le)}", None
        case EtatDossier.DEPOSE:
            return phrase_de_la_suite(etats, cadre.phase.commission_le, maintenant)
        case _:
            return "", None
