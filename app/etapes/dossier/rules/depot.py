"""Ce qui manque pour déposer, les lignes hors champ, le numéro, l'accusé : les règles du dépôt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.etapes.dossier.rules.budget import Budget, lire_budget, statuts_manquants, verifier_budget, verifier_demandes
from app.etapes.dossier.rules.budgets_annexes import verifier_annees, verifier_detail, verifier_organisation
from app.etapes.dossier.rules.champs import CHAMPS, champ
from app.etapes.dossier.rules.formes import Champ, Forme, Section
from app.etapes.dossier.rules.numero_dauphin import ATTENDU, normaliser
from app.etapes.dossier.rules.parcours import contenu_utile
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from app.noyau.periodes import ajouter_mois, date_longue
from app.noyau.sources import Parametre, Source

SILENCE_VAUT_REJET = Parametre(
    nom="délai du rejet implicite d’une demande à caractère financier, en mois",
    source=Source("code des relations entre le public et l’administration", "art. L.231-4, 3°"),
    valeurs={date(2014, 11, 12): 2},
)
FIGES_AU_DEPOT = frozenset({"demandes", "duree"})
"""Un complément ne change pas ce qui est demandé. Choix du projet : architecture, décision 5 (montants ajoutés)."""


@dataclass(frozen=True, slots=True)
class LigneOuverte:
    """Ce qu'il faut savoir d'une ligne pour dire si elle est ouverte à un dossier."""

    code: str
    intitule: str
    commune_insee: str | None


@dataclass(frozen=True, slots=True)
class CadreDepot:
    """Le cadre d'un dépôt : année de l'appel, fin du contrat, seuil du chemin court, porteur tenu au CER.

    `fin_contrat` : son dernier jour, le 31 décembre de `derniere_annee` s'il n'est pas donné. `financeurs` : code de
    ligne → nom, pour les phrases d'une demande de plusieurs années. `cer_connu` : la fiche du porteur l'atteste déjà,
    ou le contrat est réputé souscrit ; la case n'est plus exigée.
    """

    annee: int
    derniere_annee: int
    seuil_court: Euros
    cer_exige: bool
    fin_contrat: date | None = None
    financeurs: Mapping[str, str] = field(default_factory=dict)
    cer_connu: bool = False

    @property
    def dernier_jour(self) -> date:
        """Le dernier jour du contrat."""
        return self.fin_contrat or date(self.derniere_annee, 12, 31)


def est_chemin_court(budget: Budget, seuil: Euros) -> bool:
    """Vrai si le total demandé aux lignes ne dépasse pas le seuil de l'appel (borne comprise).

    Choix du projet : conception/produit.md (« sous un seuil réglable, un chemin court »).
    """
    return Euros(0) < budget.demande_total <= seuil


def _rempli(valeur: object) -> bool:
    return valeur is not None and valeur not in ("", [])


def est_exige(c: Champ, *, court: bool, association: bool) -> bool:
    """Vrai si ce champ doit être rempli au dépôt. `association` : le porteur est une association ou une fondation.

    Source : décret n° 2016-1971, art. 1er ; loi n° 2000-321, art. 10-1 (contrat d'engagement républicain).
    """
    return (c.exige_court if court else c.exige) and (association or not c.associations)


def champs_manquants(
    contenu: Mapping[str, Any], *, court: bool, cer_exige: bool, cer_connu: bool = False
) -> tuple[Faute, ...]:
    """Les champs exigés qui ne sont pas remplis, dans l'ordre du formulaire. Une attestation exigée doit être « oui ».

    Source : décret n° 2016-1971, art. 1er ; reference/domaine.md § 1.2, § 2.3 et J34 (engagement réputé souscrit).
    """
    fautes = []
    for c in CHAMPS:
        exige = est_exige(c, court=court, association=cer_exige) and not (cer_connu and c.code == "cer")
        valeur = contenu.get(c.code)
        if c.section is Section.ATTESTATIONS and c.forme is Forme.OUI:
            if exige and valeur is not True:
                fautes.append(Faute(c.code, f"Cochez : « {c.libelle} ».", "attestation_manquante"))
        elif exige and not _rempli(valeur):
            fautes.append(Faute(c.code, f"À remplir : {c.libelle}", "champ_manquant"))
    return tuple(fautes)


def annees_de_l_action(annee: int, derniere: int, fin_contrat: date) -> tuple[date, date, date]:
    """(premier début, dernier début, dernière fin) admis pour un dossier financé de `annee` à `derniere`.

    Une action peut suivre l'année scolaire : elle commence dès septembre d'avant, et finit six mois après l'année,
    jamais après le contrat.
    Source : contrat, l. 1756-1758 (terme au plus tard fin 2030).
    Choix du projet : une subvention annuelle paie l'action de son année (loi n° 2000-321, art. 10 : exercice).
    """
    return date(annee - 1, 9, 1), date(derniere, 12, 31), min(date(derniere + 1, 6, 30), fin_contrat)


def _hors_des_annees(debut: str | None, fin: str | None, cadre: CadreDepot, derniere: int) -> list[Faute]:
    annee = cadre.annee
    premier, dernier, terme = annees_de_l_action(annee, derniere, cadre.dernier_jour)
    fautes = []
    if debut and not premier <= date.fromisoformat(debut) <= dernier:
        phrase = (
            f"L’action commence entre le {date_longue(premier)} et le {date_longue(dernier)} : "
            f"l’aide demandée est celle de {annee if annee == derniere else f'{annee} à {derniere}'}."
        )
        fautes.append(Faute("debut", phrase, "debut_hors_annees"))
    if fin and date.fromisoformat(fin) > terme:
        dit = ", dernier jour du contrat" if terme == cadre.dernier_jour else ""
        phrase = f"L’action se termine au plus tard le {date_longue(terme)}{dit}."
        fautes.append(Faute("fin", phrase, "fin_hors_annees"))
    return fautes


def lieu_hors_fiches(contenu: Mapping[str, Any], communes_des_fiches: Collection[str]) -> tuple[str, ...]:
    """Les communes du lieu (INSEE) où aucun projet de quartier visé ne se trouve. N'empêche rien : on avertit.

    Choix du projet : une action peut se tenir à côté de son quartier ; une erreur de case se voit avant l'instruction.
    """
    if not communes_des_fiches:
        return ()
    return tuple(code for code in contenu.get("communes") or () if code not in communes_des_fiches)


def _coherence(contenu: Mapping[str, Any], cadre: CadreDepot, derniere: int) -> list[Faute]:
    fautes = []
    total = contenu.get("beneficiaires")
    if total is not None:
        if total == 0:
            fautes.append(Faute("beneficiaires", "Le nombre de personnes doit dépasser zéro.", "nombre_nul"))
        for code in ("beneficiaires_qpv", "beneficiaires_femmes"):
            valeur = contenu.get(code)
            if valeur is not None and valeur > total:
                phrase = f"Ce nombre dépasse le total annoncé ({total})."
                fautes.append(Faute(code, phrase, "part_trop_grande"))
        ages = sum(int(r.get("nombre", 0)) for r in contenu.get("ages") or ())
        if ages > total:
            phrase = f"Le détail par âge ({ages}) dépasse le total annoncé ({total})."
            fautes.append(Faute("ages", phrase, "ages_trop_grands"))
    debut, fin = contenu.get("debut"), contenu.get("fin")
    if debut and fin and fin < debut:
        fautes.append(Faute("fin", "La fin vient après le début.", "dates_inversees"))
    fautes.extend(_hors_des_annees(debut, fin, cadre, derniere))
    principal = contenu.get("objectif_principal")
    if principal and principal in (contenu.get("objectifs_secondaires") or ()):
        phrase = "L’objectif principal n’est pas aussi un autre objectif."
        fautes.append(Faute("objectifs_secondaires", phrase, "objectif_double"))
    return fautes


def _numero_illisible(contenu: Mapping[str, Any]) -> list[Faute]:
    numero = contenu.get("numero_dauphin")
    if not numero or normaliser(str(numero)) is not None:
        return []
    return [Faute("numero_dauphin", ATTENDU, "numero_illisible")]


def _priorites_hors_fiches(contenu: Mapping[str, Any]) -> list[Faute]:
    fiches = set(contenu.get("fiches") or ())
    egarees = [p for p in contenu.get("priorites") or () if p.split(":")[0] not in fiches]
    if not egarees:
        return []
    phrase = "Une priorité choisie est celle d’un projet de quartier que vous ne visez pas."
    return [Faute("priorites", phrase, "priorite_hors_fiche")]


def verifier_depot(contenu: Mapping[str, Any], cadre: CadreDepot) -> tuple[Faute, ...]:
    """Tout ce qui empêche de déposer, dans l'ordre du formulaire ; vide si le dossier est prêt.

    Source : reference/domaine.md § 1.2 à 1.4 ; décret n° 2016-1971.
    """
    contenu = contenu_utile(contenu, association=cadre.cer_exige)
    budget = lire_budget(contenu, cadre.annee)
    court = est_chemin_court(budget, cadre.seuil_court)
    fautes = list(champs_manquants(contenu, court=court, cer_exige=cadre.cer_exige, cer_connu=cadre.cer_connu))
    dits = {f.champ for f in fautes}
    duree = int(contenu.get("duree") or 1)
    suite = [
        *_coherence(contenu, cadre, cadre.annee + duree - 1),
        *_priorites_hors_fiches(contenu),
        *_numero_illisible(contenu),
        *verifier_budget(budget),
        *statuts_manquants(contenu, "budget_produits"),
        *verifier_demandes(budget, duree, cadre.derniere_annee, cadre.financeurs),
        *verifier_annees(contenu, budget, duree),
        *verifier_detail(contenu, budget, duree),
        *verifier_organisation(contenu),
    ]
    fautes.extend(f for f in suite if f.champ not in dits)
    ordre = {c.code: rang for rang, c in enumerate(CHAMPS)}
    return tuple(sorted(fautes, key=lambda f: ordre[f.champ.split(".")[0]]))


def fautes_du_complement(
    avant: Iterable[Faute], apres: Iterable[Faute], rouvertes: Collection[Section]
) -> tuple[Faute, ...]:
    """Ce qui empêche d'envoyer un complément : une faute d'une étape rouverte, ou que le complément a fait naître.

    Le reste n'est pas à la main du porteur : ce qui est figé au dépôt, une étape qu'on ne lui a pas rouverte, une règle
    venue après son dépôt. `avant` : les fautes de la dernière version figée, jugée par les mêmes règles.
    Choix du projet : CRPA, art. L.114-5 (l'administration demande ce qui manque) ; nul n'est tenu à l'impossible.
    """
    deja = {(f.champ, f.code) for f in avant}
    return tuple(
        f
        for f in apres
        if (f.champ, f.code) not in deja or (section_de(f) in rouvertes and f.champ.split(".")[0] not in FIGES_AU_DEPOT)
    )


def section_de(faute: Faute) -> Section:
    """L'étape du formulaire où mender cette faute. Lève KeyError si le champ n'existe pas.

    Choix du projet : le résumé des fautes mène à l'étape, puis au champ.
    """
    trouve = champ(faute.champ.split(".")[0])
    if trouve is None:
        raise KeyError(faute.champ)
    return trouve.section


def hors_champ(ligne: LigneOuverte, communes_des_fiches: Collection[str]) -> str | None:
    """Pourquoi cette ligne est hors champ pour ce dossier ; None si elle est ouverte.

    Une ligne communale n'est ouverte qu'aux dossiers qui visent une fiche de sa commune (la fiche, pas le QPV).
    Source : conception/notation.md, « Priorités par ligne » ; contrat, Partie 3 § 1.
    """
    if ligne.commune_insee is None or ligne.commune_insee in communes_des_fiches:
        return None
    return f"Aucun projet de quartier de cette commune n’est visé : {ligne.intitule} n’est pas concernée."


def lignes_hors_champ(lignes: Iterable[LigneOuverte], communes_des_fiches: Collection[str]) -> dict[str, str]:
    """Code de ligne hors champ → sa phrase. Juge le dépôt, la recevabilité et le complément.

    Source : conception/notation.md, « Priorités par ligne » ; contrat, Partie 3 § 1.
    """
    motifs = {ligne.code: hors_champ(ligne, communes_des_fiches) for ligne in lignes}
    return {code: motif for code, motif in motifs.items() if motif is not None}


def rejet_implicite_le(depose: date, suspensions: Iterable[tuple[date, date]]) -> date:
    """Jour où le silence vaut rejet : deux mois après le dépôt, plus les jours où un complément était attendu.

    Source : CRPA, art. L.231-4 (silence) et L.114-5 (la demande de complément suspend le délai).
    """
    echeance = ajouter_mois(depose, SILENCE_VAUT_REJET.au(depose))
    jours = {d for debut, fin in suspensions for d in range(debut.toordinal(), fin.toordinal())}
    return date.fromordinal(echeance.toordinal() + len(jours))
