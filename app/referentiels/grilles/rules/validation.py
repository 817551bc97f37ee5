"""Juger une grille : tout ce qui la rendrait injuste, ambiguë ou inapplicable, et à quel endroit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules.brouillon import VERSION
from app.referentiels.grilles.rules.catalogue import CATALOGUE
from app.referentiels.grilles.rules.description import montrer_nombre, nommer, unite_de
from app.referentiels.grilles.rules.faits import Declarant, TypeFait
from app.referentiels.grilles.rules.implication import entraine, se_contredit, seuils_exiges
from app.referentiels.grilles.rules.lecture import faits_lus, lexique
from app.referentiels.grilles.rules.modele import (
    AuMoins,
    AuPlus,
    Bareme,
    Compte,
    Condition,
    Critere,
    Definition,
    Est,
    Grille,
    LigneGrille,
    Mesure,
    MoinsDe,
    Nombre,
    Palier,
    Parmi,
    Rapport,
    SansObjet,
    Toujours,
    Tous,
    UnDe,
    Unite,
    Vrai,
)
from app.referentiels.grilles.rules.phrases import Forme, Renvoi, morceaux

Chemin = tuple[str | int, ...]
_SOMME = 100
_SEUIL = (AuMoins, AuPlus, MoinsDe)
_MONTE = "au moins"
_SENS: dict[type[AuMoins | AuPlus | MoinsDe], str] = {AuMoins: _MONTE, AuPlus: "au plus", MoinsDe: "moins de"}
# « EGA et LAN n’y sont jamais » (sans objet) : conception/notation.md, « Principe ».
TOUJOURS_TRANSVERSAUX = ("EGA", "LAN")
# Le seul fait du porteur qui rende un critère sans objet : le montant d’un petit dossier, pour le coût (COU).
_FAIT_DU_PORTEUR_ADMIS = "charges_total"
_DECIMALES_MAXI = 1  # un seul arrondi, à une décimale au plus : c’est ce que la base garde


def valider(grille: Grille) -> list[Faute]:
    """Les fautes de la grille, dans l'ordre où on les lit ; vide si elle est applicable.

    Choix du projet : issue 4, « refused at load with place and reason ».
    """
    return _Juge(grille).fautes()


class _Juge:
    """Une lecture de la grille ; les fautes s'accumulent."""

    def __init__(self, grille: Grille) -> None:
        self._grille = grille
        self._noms = lexique(grille)
        self._lignes = {ligne.code for ligne in grille.lignes}
        self._criteres = {critere.code for critere in grille.criteres}
        self._fautes: list[Faute] = []
        self._tournent = False

    def fautes(self) -> list[Faute]:
        """Tout lire."""
        grille = self._grille
        if VERSION.fullmatch(grille.version) is None:
            self._dire(
                ("version",), "le numéro s’écrit avec des lettres, des chiffres, « . », « - » ou « _ », 40 au plus"
            )
        if not 0 <= grille.arrondi.decimales <= _DECIMALES_MAXI:
            self._dire(("arrondi", "decimales"), f"le nombre de décimales va de 0 à {_DECIMALES_MAXI}")
        self._doublons("ensembles", [ensemble.nom for ensemble in grille.ensembles])
        self._doublons("mesures", [mesure.code for mesure in grille.mesures])
        self._doublons("definitions", [definition.code for definition in grille.definitions])
        self._doublons("lignes", [ligne.code for ligne in grille.lignes])
        self._doublons("criteres", [critere.code for critere in grille.criteres])
        for ensemble in grille.ensembles:
            if not ensemble.codes:
                self._dire(("ensembles", ensemble.nom), "l’ensemble est vide")
            for code, nombre in Counter(ensemble.codes).items():
                if nombre > 1:
                    self._dire(("ensembles", ensemble.nom), f"« {code} » est écrit {nombre} fois")
        for mesure in grille.mesures:
            self._mesure(mesure)
        for definition in grille.definitions:
            self._condition(definition.si, ("definitions", definition.code, "si"))
            if definition.code in _definitions_lues(definition.si, self._noms.definitions, frozenset()):
                self._tournent = True
                self._dire(("definitions", definition.code), "la définition se lit elle-même")
        for rang, ligne in enumerate(grille.lignes):
            self._ligne(ligne, ("lignes", rang))
        for rang, critere in enumerate(grille.criteres):
            self._critere(critere, ("criteres", rang))
        for rang, cas in enumerate(grille.sans_objet):
            self._sans_objet(cas, ("sans_objet", rang))
        return self._fautes

    def _dire(self, chemin: Chemin, message: str) -> None:
        self._fautes.append(Faute(".".join(map(str, chemin)), message, "grille_invalide"))

    def _doublons(self, liste: str, codes: list[str]) -> None:
        if not codes and liste in ("lignes", "criteres"):
            self._dire((liste,), "la liste est vide")
        for code, nombre in Counter(codes).items():
            if nombre > 1:
                self._dire((liste,), f"« {code} » est écrit {nombre} fois")

    # --- mesures ---

    def _mesure(self, mesure: Mesure) -> None:
        chemin: Chemin = ("mesures", mesure.code)
        if mesure.code in CATALOGUE:
            self._dire(chemin, "la mesure porte le nom d’un fait")
        if self._tourne_en_rond(mesure.code, ()):
            self._dire(chemin, "la mesure se lit elle-même")
        match mesure.operation:
            case Rapport(numerateur, denominateur):
                for cote, termes in (("numerateur", numerateur), ("denominateur", denominateur)):
                    if not termes:
                        self._dire((*chemin, cote), "la somme est vide")
                    for terme in termes:
                        self._nombre(terme.de, (*chemin, cote))
                        if terme.coefficient <= 0:
                            self._dire((*chemin, cote), f"le coefficient de « {terme.de} » n’est pas positif")
            case Compte(parmi):
                if not parmi or len(set(parmi)) != len(parmi):
                    self._dire(chemin, "le compte est vide ou compte deux fois le même fait")
                for code in parmi:
                    self._fait(code, {TypeFait.BOOLEEN}, chemin)
            case Nombre(de, ensemble):
                self._fait(de, {TypeFait.CODES}, chemin)
                self._ensemble(ensemble, chemin)
            case couverture:
                self._fait(couverture.de, {TypeFait.CODES}, chemin)
                self._fait(couverture.par, {TypeFait.CODES}, chemin)
                self._ensemble(couverture.ensemble, chemin)

    def _tourne_en_rond(self, code: str, vues: tuple[str, ...]) -> bool:
        if code in vues:
            return code == vues[0]
        mesure = self._noms.mesures.get(code)
        if mesure is None or not isinstance(mesure.operation, Rapport):
            return False
        termes = (*mesure.operation.numerateur, *mesure.operation.denominateur)
        return any(self._tourne_en_rond(terme.de, (*vues, code)) for terme in termes)

    def _fait(self, code: str, types: set[TypeFait], chemin: Chemin) -> None:
        definition = CATALOGUE.get(code)
        if definition is None:
            self._dire(chemin, f"fait inconnu : « {code} »")
        elif definition.type not in types:
            self._dire(chemin, f"le fait « {code} » est de type {definition.type.value}")

    def _nombre(self, code: str, chemin: Chemin) -> None:
        if code not in self._noms.mesures:
            self._fait(code, {forme for forme in TypeFait if forme.est_un_nombre}, chemin)

    def _ensemble(self, nom: str | None, chemin: Chemin) -> None:
        if nom is not None and nom not in self._noms.ensembles:
            self._dire(chemin, f"ensemble inconnu : « {nom} »")

    # --- conditions ---

    def _condition(self, condition: Condition, chemin: Chemin) -> None:
        match condition:
            case Toujours():
                self._dire(chemin, "« toujours » ne vaut que pour le dernier palier, seul")
            case Vrai(de):
                self._fait(de, {TypeFait.BOOLEEN}, chemin)
            case Parmi():
                self._parmi(condition, chemin)
            case Est(definition):
                if definition not in self._noms.definitions:
                    self._dire(chemin, f"définition inconnue : « {definition} »")
            case AuMoins(de, valeur) | AuPlus(de, valeur) | MoinsDe(de, valeur):
                self._nombre(de, chemin)
                self._seuil(de, valeur, chemin)
            case _:
                if not condition.conditions:
                    self._dire(chemin, "la liste de conditions est vide")
                for rang, sous_condition in enumerate(condition.conditions):
                    self._condition(sous_condition, (*chemin, "tous" if isinstance(condition, Tous) else "un_de", rang))

    def _seuil(self, de: str, valeur: Fraction, chemin: Chemin) -> None:
        """Le seuil se lit dans l'unité de ce qu'il borne."""
        definition, mesure = CATALOGUE.get(de), self._noms.mesures.get(de)
        if valeur < 0:
            self._dire(chemin, "le seuil est négatif")
        elif definition is None and mesure is None:
            return
        elif unite_de(de, self._noms) is Unite.PART and valeur > 1:
            self._dire(chemin, f"le seuil est une part, de 0 à 100 % : {montrer_nombre(de, valeur, self._noms)}")
        elif (mesure is None or isinstance(mesure.operation, Compte | Nombre)) and valeur.denominator != 1:
            if definition is None or definition.type is not TypeFait.FRACTION:
                self._dire(chemin, f"« {de} » se compte : le seuil est un nombre entier (en centimes, pour un montant)")
        elif mesure is not None and isinstance(mesure.operation, Compte) and valeur > len(mesure.operation.parmi):
            self._dire(chemin, f"« {de} » ne compte que {len(mesure.operation.parmi)} faits")

    def _parmi(self, condition: Parmi, chemin: Chemin) -> None:
        self._fait(condition.de, {TypeFait.CODE, TypeFait.CODES}, chemin)
        self._ensemble(condition.ensemble, chemin)
        if bool(condition.codes) == (condition.ensemble is not None):
            self._dire(chemin, "attend des codes ou un ensemble, l’un des deux")
        definition = CATALOGUE.get(condition.de)
        admis = {code for code, _ in definition.valeurs} if definition is not None else set()
        inconnus = sorted(set(condition.codes) - admis) if admis else []
        if inconnus:
            self._dire(chemin, f"le fait « {condition.de} » n’admet pas : {', '.join(inconnus)}")

    def _phrase(self, motif: str, chemin: Chemin) -> None:
        try:
            renvois = [morceau for morceau in morceaux(motif) if isinstance(morceau, Renvoi)]
        except ValueError as erreur:
            self._dire(chemin, str(erreur))
            return
        for renvoi in renvois:
            mesure = self._noms.mesures.get(renvoi.code)
            if mesure is None and renvoi.code not in CATALOGUE:
                self._dire(chemin, f"la phrase cite un fait ou une mesure inconnue : « {renvoi.code} »")
            elif renvoi.forme is Forme.STATUT and mesure is not None:
                self._dire(chemin, f"« {renvoi.code} » est une mesure : elle n’a pas de statut")
            elif renvoi.forme is Forme.LISTE and (mesure is None or not isinstance(mesure.operation, Compte)):
                self._dire(chemin, f"« {renvoi.code} » n’est pas un compte : il n’a pas de liste")

    # --- lignes ---

    def _ligne(self, ligne: LigneGrille, chemin: Chemin) -> None:
        poids = dict(ligne.poids)
        for code in sorted(self._criteres ^ set(poids)):
            manque = code in self._criteres
            self._dire((*chemin, "poids"), f"« {code} » {'n’a pas de poids' if manque else 'n’est pas un critère'}")
        for code, valeur in sorted(poids.items()):
            if not 0 <= valeur <= _SOMME:
                self._dire((*chemin, "poids", code), f"le poids va de 0 à {_SOMME}")
        somme = sum(poids.values())
        if somme != _SOMME:
            self._dire((*chemin, "poids"), f"la somme des poids de {ligne.code} est {somme}, pas {_SOMME}")
        retirables = {cas.critere for cas in self._grille.sans_objet}
        if all(code in retirables for code, valeur in poids.items() if valeur):
            self._dire((*chemin, "poids"), f"tous les critères de {ligne.code} peuvent être sans objet")
        if ligne.champ is not None:
            self._condition(ligne.champ.si, (*chemin, "champ", "si"))
            self._phrase(ligne.champ.motif, (*chemin, "champ", "motif"))

    # --- critères ---

    def _critere(self, critere: Critere, chemin: Chemin) -> None:
        couvertes = Counter(ligne for bareme in critere.baremes for ligne in bareme.lignes)
        for ligne in sorted(set(couvertes) - self._lignes):
            self._dire((*chemin, "baremes"), f"ligne inconnue : « {ligne} »")
        for definition in self._grille.lignes:
            poids, nombre = dict(definition.poids).get(critere.code, 0), couvertes[definition.code]
            if nombre > 1 or (poids and not nombre):
                manque = "plusieurs barèmes" if nombre else "aucun barème"
                self._dire((*chemin, "baremes"), f"{critere.code} a {manque} pour {definition.code}")
        if critere.code in TOUJOURS_TRANSVERSAUX and not critere.est_transversal:
            raison = f"« {critere.code} » est un enjeu transversal du contrat : il compte toujours"
            self._dire((*chemin, "est_transversal"), raison)
        for rang, bareme in enumerate(critere.baremes):
            self._bareme(bareme, (*chemin, "baremes", rang))

    def _bareme(self, bareme: Bareme, chemin: Chemin) -> None:
        if not bareme.paliers or not isinstance(bareme.paliers[-1].si, Toujours):
            self._dire((*chemin, "paliers"), "il y a un trou : le dernier palier est « toujours »")
        precedent = _SOMME
        for rang, palier in enumerate(bareme.paliers):
            lieu: Chemin = (*chemin, "paliers", rang)
            if not 0 <= palier.taux <= precedent:
                self._dire((*lieu, "taux"), "les taux vont de 100 à 0 et ne remontent pas")
            precedent = palier.taux
            est_le_dernier = rang == len(bareme.paliers) - 1
            if not (est_le_dernier and isinstance(palier.si, Toujours)):
                self._condition(palier.si, (*lieu, "si"))
            self._atteint(bareme.paliers, rang, (*lieu, "si"))
            self._phrase(palier.motif, (*lieu, "motif"))
        self._sens(bareme.paliers, chemin)

    def _sens(self, paliers: tuple[Palier, ...], chemin: Chemin) -> None:
        """Un barème lit un nombre dans un seul sens : « au moins » ou « au plus », sinon ses paliers se croisent.

        Choix du projet : issue 4, « overlapping or gapped tiers refused ».
        """
        if self._tournent:
            return
        premiers: dict[str, tuple[str, int]] = {}
        for rang, palier in enumerate(paliers):
            for seuil in seuils_exiges(palier.si, self._noms):
                if seuil.de not in self._noms.mesures and seuil.de not in CATALOGUE:
                    continue  # déjà dit
                ici = _SENS[type(seuil)]
                la, premier = premiers.setdefault(seuil.de, (ici, rang))
                if (ici == _MONTE) is not (la == _MONTE):
                    nom = nommer(seuil.de, self._noms)
                    raison = (
                        f"« {nom} » se lit « {ici} » ici et « {la} » au palier {premier + 1} : "
                        "des paliers dans les deux sens se chevauchent ou laissent un trou"
                    )
                    self._dire((*chemin, "paliers", rang, "si"), raison)

    def _atteint(self, paliers: tuple[Palier, ...], rang: int, chemin: Chemin) -> None:
        """Dit pourquoi ce palier ne serait jamais atteint."""
        condition, plus_haut = paliers[rang].si, [palier.si for palier in paliers[:rang]]
        if condition in plus_haut:
            self._dire(chemin, "ce palier répète un palier plus haut : il n’est jamais atteint")
        elif self._tournent:
            return
        elif se_contredit(condition, self._noms):
            self._dire(chemin, "ces conditions se contredisent : ce palier n’est jamais atteint")
        elif not isinstance(condition, Toujours) and any(entraine(condition, haut, self._noms) for haut in plus_haut):
            raison = "les seuils se chevauchent" if isinstance(condition, _SEUIL) else "un palier plus haut l’englobe"
            self._dire(chemin, f"{raison} : ce palier n’est jamais atteint")

    def _sans_objet(self, cas: SansObjet, chemin: Chemin) -> None:
        critere = next((critere for critere in self._grille.criteres if critere.code == cas.critere), None)
        if critere is None:
            self._dire((*chemin, "critere"), f"« {cas.critere} » n’est pas un critère")
        elif critere.est_transversal or critere.code in TOUJOURS_TRANSVERSAUX:
            self._dire((*chemin, "critere"), f"« {cas.critere} » est transversal : il n’est jamais sans objet")
        self._condition(cas.si, (*chemin, "si"))
        self._phrase(cas.motif, (*chemin, "motif"))
        if self._fautes or critere is None:
            return  # un nom inconnu ou un cycle : les faits lus ne se calculent pas
        self._choix_du_porteur(cas, critere, (*chemin, "si"))

    def _choix_du_porteur(self, cas: SansObjet, critere: Critere, chemin: Chemin) -> None:
        """Un critère ne sort pas du barème par ce que le porteur déclare, sauf le montant que ce critère note.

        Source : conception/notation.md, « liste fermée de la grille (COU, PLU), jamais un choix du porteur ».
        """
        notes = {
            code for bareme in critere.baremes for palier in bareme.paliers for code in faits_lus(palier.si, self._noms)
        }
        for code in faits_lus(cas.si, self._noms):
            if CATALOGUE[code].declarant is not Declarant.PORTEUR:
                continue
            if code != _FAIT_DU_PORTEUR_ADMIS:
                self._dire(chemin, f"« {code} » est un choix du porteur : il ne rend rien sans objet")
            elif code not in notes:
                self._dire(chemin, f"« {code} » est un choix du porteur, et « {critere.code} » ne le note pas")


def _definitions_lues(
    condition: Condition, definitions: Mapping[str, Definition], vues: frozenset[str]
) -> frozenset[str]:
    """Toutes les définitions qu'une condition atteint, cycles compris."""
    match condition:
        case Tous(conditions) | UnDe(conditions):
            for sous_condition in conditions:
                vues |= _definitions_lues(sous_condition, definitions, vues)
        case Est(code) if code in definitions and code not in vues:
            vues |= _definitions_lues(definitions[code].si, definitions, vues | {code})
        case _:
            pass
    return vues
