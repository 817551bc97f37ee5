"""Les rangées d'un dossier fabriqué : son état, ses demandes, son histoire, ses notes. Le rang décide de tout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.commandes.charge.copie import Table
from app.commandes.charge.patrons import DAUPHIN, LIGNE_D_ETAT, TITRE, NotePreparee, Patron
from app.commandes.charge.socle import ANNEE, ORGANISATIONS, OUVERTURE, Porteur, Socle
from app.etapes.dossier.rules.budget import DemandeSaisie
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.rules.recherche import texte_de_recherche
from app.etapes.dossier.service.brouillon import ALPHABET
from app.etapes.programmation.models import NatureProposition
from app.infra.copie import Cellule, rangee, texte
from app.noyau.identifiants import numero_de_dossier

FABRIQUE = "charge"  # qui a créé ces dossiers : c'est ainsi qu'on les compte
PART_NOTEE = 70
PAS = timedelta(minutes=1)
EXAMEN, PROPOSITION, ARBITRAGE = timedelta(days=2), timedelta(days=5), timedelta(days=9)
POINTS = json.dumps(dict.fromkeys(("organisation", "objectif", "territoire", "budget", "bilan"), True))
MOTIFS = {
    EtatDemande.IRRECEVABLE: "Le bilan de l’an dernier n’est pas rendu (fictif).",
    EtatDemande.ORIENTEE: "Cette action relève d’un autre dispositif (fictif).",
}
CONCLUSIONS = {
    EtatDemande.IRRECEVABLE: ("irrecevable", "declarer_irrecevable"),
    EtatDemande.ORIENTEE: ("orientee", "orienter"),
}
# (part pour cent cumulée, état) : une campagne en pleine instruction, avant la commission.
ETATS_DEMANDE = (
    (24, EtatDemande.OUVERTE), (28, EtatDemande.IRRECEVABLE), (31, EtatDemande.ORIENTEE),
    (55, EtatDemande.EN_INSTRUCTION), (82, EtatDemande.PROPOSEE), (100, EtatDemande.ARBITREE),
)  # fmt: skip
ETATS_DOSSIER = (
    (3, EtatDossier.BROUILLON), (4, EtatDossier.A_SIGNER), (6, EtatDossier.RETIRE), (9, EtatDossier.CLOS),
    (14, EtatDossier.A_COMPLETER), (100, EtatDossier.DEPOSE),
)  # fmt: skip
_D = EtatDossier


def tirage(rang: int, usage: str, modulo: int) -> int:
    """Un nombre stable tiré du rang : deux charges de même taille sont identiques."""
    return int.from_bytes(hashlib.blake2b(f"{usage}:{rang}".encode(), digest_size=4).digest(), "big") % modulo


def reference_de(rang: int) -> str:
    """La référence de brouillon de ce rang, dans l'alphabet des références."""
    lettres, reste = [], rang
    for _ in range(8):
        reste, chiffre = divmod(reste, len(ALPHABET))
        lettres.append(ALPHABET[chiffre])
    return "B-" + "".join(reversed(lettres))


def etat_du_dossier(rang: int) -> EtatDossier:
    """L'état de ce rang."""
    part = tirage(rang, "dossier", 100)
    return next(etat for borne, etat in ETATS_DOSSIER if part < borne)


def est_depose(etat: EtatDossier) -> bool:
    """Vrai si le dossier a un numéro (un dossier retiré l'a été après son dépôt)."""
    return etat not in {_D.BROUILLON, _D.A_SIGNER}


@dataclass(slots=True)
class Lot:
    """Les rangées d'un lot de dossiers, par table."""

    tables: dict[Table, list[str]] = field(default_factory=lambda: {table: [] for table in Table})

    def ajouter(self, table: Table, *cellules: Cellule) -> None:
        """Ajoute une rangée."""
        self.tables[table].append(rangee(*cellules))


class Fabrique:
    """Écrit les rangées d'un dossier : son rang dit son patron, sa déclinaison, son porteur, son état."""

    def __init__(self, socle: Socle, patrons: Sequence[Patron], lot: Lot) -> None:
        self.socle = socle
        self.patrons = patrons
        self.lot = lot
        self.contrat_id = socle.contrat.id

    def demandes_de(self, rang: int) -> int:
        """Combien de demandes ce rang ouvre."""
        return len(self._patron(rang).demandes) if est_depose(etat_du_dossier(rang)) else 0

    def _patron(self, rang: int) -> Patron:
        return self.patrons[(rang - 1) % len(self.patrons)]

    def _porteur(self, rang: int, patron: Patron) -> Porteur:
        """Un pas de cinq garde au porteur le même effectif salarié : la note du patron reste juste."""
        declinaison = (rang - 1) // len(self.patrons)
        return self.socle.porteurs[(patron.porteur - 1 + 5 * declinaison) % ORGANISATIONS]

    def ecrire(self, rang: int, dossier_id: int, premiere_demande: int, compteur: int, releve: int) -> None:
        """Ajoute au lot toutes les rangées de ce dossier.

        `compteur` : le rang de son numéro s'il est déposé ; `releve` : la clé de son relevé de faits.
        """
        patron, etat = self._patron(rang), etat_du_dossier(rang)
        dossier = DossierFabrique(
            rang=rang,
            cle=dossier_id,
            etat=etat,
            patron=patron,
            porteur=self._porteur(rang, patron),
            titre=_titre(patron, (rang - 1) // len(self.patrons)),
            dauphin=f"DA9{rang:07d}",
            depose_le=OUVERTURE + rang * PAS,
            numero=numero_de_dossier(self.socle.contrat.prefixe, ANNEE, compteur) if est_depose(etat) else None,
            releve=releve,
        )
        self._dossier(dossier)
        self._champs(dossier)
        if dossier.numero is not None:
            contenu = dossier.contenu()
            self.lot.ajouter(
                Table.VERSION, self.contrat_id, dossier.cle, 1, contenu,
                hashlib.sha256(contenu.encode()).hexdigest(), dossier.depose_le,
            )  # fmt: skip
            self._histoire(dossier)
            self._releve(dossier)
            for n, demande in enumerate(patron.demandes):
                self._demande(dossier, premiere_demande + n, demande)

    def _dossier(self, d: DossierFabrique) -> None:
        signe = None if d.etat is _D.BROUILLON else d.depose_le
        resume, porteur = d.patron.resume, d.porteur
        self.lot.ajouter(
            Table.DOSSIER, d.cle, self.contrat_id, self.socle.appel.id, self.socle.phase.id,
            self.socle.appel.version_id, porteur.organisation_id, reference_de(d.rang), d.numero, d.etat.value, 2,
            d.titre, resume.objectif, resume.quartiers, resume.fiches, resume.montant_demande.centimes,
            resume.duree_annees, d.patron.est_chemin_court, True,
            texte_de_recherche(d.numero or "", d.titre, porteur.nom), signe, porteur.acteur if signe else None,
            2 if signe else None, d.depose_le if d.numero else None,
            d.depose_le - timedelta(days=1), FABRIQUE, d.depose_le,
        )  # fmt: skip

    def _champs(self, d: DossierFabrique) -> None:
        debut, fin = f"{self.contrat_id}\t{d.cle}\t", f"\t1\t{d.porteur.acteur}\t{d.depose_le.isoformat()}\n"
        champs = d.patron.champs
        if d.etat is _D.BROUILLON:  # à moitié rempli, mais titré
            champs = [(code, valeur) for code, valeur in champs if code == "titre" or tirage(d.rang, code, 2)]
        self.lot.tables[Table.CHAMP].extend(
            f"{debut}{code}\t{texte(d.decline(valeur)) if valeur[1:3] == '@@' else valeur}{fin}"
            for code, valeur in champs
        )

    def _passage(
        self, d: DossierFabrique, acte: str, de: str, vers: str, acteur: str, a: datetime, motif: str = "",
        demande: int | None = None,
    ) -> None:  # fmt: skip
        self.lot.ajouter(Table.PASSAGE, self.contrat_id, d.cle, demande, acte, de, vers, motif, acteur, a)

    def _histoire(self, d: DossierFabrique) -> None:
        porteur, a = d.porteur.acteur, d.depose_le
        self._passage(d, "envoyer_en_signature", _D.BROUILLON, _D.A_SIGNER, porteur, a)
        self._passage(d, "signer", _D.A_SIGNER, _D.A_SIGNER, porteur, a)
        self._passage(d, "deposer", _D.A_SIGNER, _D.DEPOSE, porteur, a)
        if d.etat is _D.RETIRE:
            self._passage(d, "retirer", _D.DEPOSE, d.etat, porteur, a + EXAMEN, "L’action n’aura pas lieu (fictif).")
        elif d.etat is _D.CLOS:
            self._passage(d, "clore", _D.DEPOSE, d.etat, self.socle.secretaire, a + PROPOSITION)
        elif d.etat is _D.A_COMPLETER:
            objet = "Le budget détaillé (fictif)"
            instruit = self.socle.lignes[d.patron.demandes[0].ligne].instruit
            self._passage(d, "demander_complement", _D.DEPOSE, d.etat, instruit, a + EXAMEN, objet)
            self.lot.ajouter(
                Table.COMPLEMENT, self.contrat_id, d.cle, objet, "Deux lignes sont à préciser (fictif).",
                a + EXAMEN + timedelta(days=15), a + EXAMEN, instruit, "",
            )  # fmt: skip

    def _etat_de(self, d: DossierFabrique, demande: DemandeSaisie) -> EtatDemande:
        if demande.ligne in d.patron.hors_champ:
            return EtatDemande.HORS_CHAMP
        if d.etat is _D.RETIRE:
            return EtatDemande.RETIREE
        part = tirage(d.rang, f"demande-{demande.ligne}", 100)
        if d.etat is _D.CLOS:
            return EtatDemande.IRRECEVABLE if part < 60 else EtatDemande.ORIENTEE
        return next(etat for borne, etat in ETATS_DEMANDE if part < borne)

    def _demande(self, d: DossierFabrique, cle: int, demande: DemandeSaisie) -> None:
        ligne, etat = self.socle.lignes[demande.ligne], self._etat_de(d, demande)
        est_d_etat = demande.ligne == LIGNE_D_ETAT
        self.lot.ajouter(
            Table.DEMANDE, cle, self.contrat_id, d.cle, ligne.id, demande.annee, etat.value, demande.montant.centimes,
            d.patron.theme_p147 if est_d_etat else None, d.dauphin if est_d_etat else None, d.depose_le,
        )  # fmt: skip
        if etat is EtatDemande.HORS_CHAMP:
            motif = d.patron.hors_champ[demande.ligne]
            self._passage(d, "constater_hors_champ", "", etat, d.porteur.acteur, d.depose_le, motif, cle)
        elif etat is EtatDemande.RETIREE:
            motif, a = "L’action n’aura pas lieu (fictif).", d.depose_le + EXAMEN
            self._passage(d, "retirer", EtatDemande.OUVERTE, etat, d.porteur.acteur, a, motif, cle)
        elif etat is not EtatDemande.OUVERTE:
            self._examen(d, cle, etat, ligne.instruit)
        if etat in {EtatDemande.PROPOSEE, EtatDemande.ARBITREE}:
            self._propositions(d, cle, demande, etat)
        note = d.patron.notes.get(demande.ligne) if demande.annee == ANNEE else None
        a_noter = etat not in {EtatDemande.HORS_CHAMP, EtatDemande.RETIREE}
        if note is not None and a_noter and tirage(d.rang, f"note-{demande.ligne}", 100) < PART_NOTEE:
            self._note(d, cle, note)

    def _examen(self, d: DossierFabrique, cle: int, etat: EtatDemande, instruit: str) -> None:
        conclusion, acte = CONCLUSIONS.get(etat, ("recevable", "declarer_recevable"))
        vers = etat if etat in CONCLUSIONS else EtatDemande.EN_INSTRUCTION
        motif, a = MOTIFS.get(etat, ""), d.depose_le + EXAMEN
        oriente = "Droit commun" if etat is EtatDemande.ORIENTEE else ""
        self._passage(d, acte, EtatDemande.OUVERTE, vers, instruit, a, motif, cle)
        self.lot.ajouter(Table.CONTROLE, self.contrat_id, cle, POINTS, conclusion, motif, oriente, instruit, a)

    def _propositions(self, d: DossierFabrique, cle: int, demande: DemandeSaisie, etat: EtatDemande) -> None:
        ligne = self.socle.lignes[demande.ligne]
        part = 50 + tirage(d.rang, f"part-{demande.ligne}", 51)
        montant = max(10_000, demande.montant.centimes * part // 100 // 10_000 * 10_000)
        motif, a = f"{part} % de la demande, selon la note et l’enveloppe (fictif).", d.depose_le + PROPOSITION
        vers = EtatDemande.PROPOSEE
        self._passage(d, "proposer", EtatDemande.EN_INSTRUCTION, vers, ligne.instruit, a, motif, cle)
        nature = NatureProposition.PROPOSE.value
        self.lot.ajouter(Table.PROPOSITION, self.contrat_id, cle, 1, nature, montant, motif, ligne.instruit, a)
        if etat is EtatDemande.ARBITREE:
            motif, a = "Arbitré comme proposé (fictif).", d.depose_le + ARBITRAGE
            self._passage(d, "arbitrer", vers, etat, ligne.arbitre, a, motif, cle)
            nature = NatureProposition.ARBITRE.value
            self.lot.ajouter(Table.PROPOSITION, self.contrat_id, cle, 2, nature, montant, motif, ligne.arbitre, a)

    def _releve(self, d: DossierFabrique) -> None:
        self.lot.tables[Table.RELEVE].append(
            f"{d.releve}\t{self.contrat_id}\t{d.cle}\t1\t{d.patron.faits}\t{d.patron.empreinte_faits}\t"
            f"{(d.depose_le + EXAMEN).isoformat()}\n"
        )

    def _note(self, d: DossierFabrique, cle: int, note: NotePreparee) -> None:
        self.lot.tables[Table.NOTE].append(
            f"{self.contrat_id}\t{cle}\t{self.socle.appel.grille_id}\t{d.releve}\t1\t{note.criteres}\t[]\t"
            f"{note.minimum}\t{note.maximum}\t{texte(note.est_provisoire)}\t{note.empreinte}\tservice\t"
            f"{(d.depose_le + EXAMEN).isoformat()}\n"
        )


@dataclass(frozen=True, slots=True)
class DossierFabrique:
    """Ce qui distingue un dossier de son patron."""

    rang: int
    cle: int
    etat: EtatDossier
    patron: Patron
    porteur: Porteur
    titre: str
    dauphin: str
    depose_le: datetime
    numero: str | None
    releve: int

    def decline(self, json_du_patron: str) -> str:
        """Le JSON du patron, titre et numéro Dauphin à leur place (aucun échappement de COPY n'est fait ici)."""
        titre = json.dumps(self.titre, ensure_ascii=False)[1:-1]
        return json_du_patron.replace(TITRE, titre).replace(DAUPHIN, self.dauphin)

    def contenu(self) -> str:
        """Le contenu figé, JSON canonique."""
        return self.decline(self.patron.canonique)


def _titre(patron: Patron, declinaison: int) -> str:
    """Le titre réel ; au-delà de la première fois, la déclinaison est dite."""
    return patron.titre[:120] if declinaison == 0 else f"{patron.titre[:100]} — groupe {declinaison + 1}"
