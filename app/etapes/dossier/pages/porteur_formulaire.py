"""Le formulaire d'une étape : valeur enregistrée ↔ texte montré, texte reçu → valeur ou faute."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.etapes.dossier.models import Champ as ChampEnregistre
from app.etapes.dossier.repository.referentiel import Entree, Referentiel
from app.etapes.dossier.rules.clair import centiemes, intitule_montre
from app.etapes.dossier.rules.formes import Champ, Colonne, Forme, FormeColonne, Options
from app.etapes.dossier.rules.lecture import Domaines, Valeur, lire_montant, lire_simple, lire_table, plafond
from app.infra.forms import Formulaire
from app.infra.gabarits import montant_saisi
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import ZERO, Euros

Rangee = dict[str, str]
Saisie = list[str] | list[Rangee]
PRESELECTION = {
    "budget_charges": ("60", "61", "62", "64"),
    "budget_produits": ("70x", "74", "75"),
    "asso_charges": ("60", "61", "62", "64"),
    "asso_produits": ("70x", "74", "75"),
    "emplois_volontaires": ("864",),
    "ressources_volontaires": ("870",),
}
PAR_ANNEE = {"annees_budget": ("60", "64", "74")}
"""Les postes offerts d'avance, une fois par année suivante."""
VIDES = {"indicateurs": 2, "partenaires": 2, "salaries": 1, "prestataires": 1}
VERSION = "v."
_CELLULE = re.compile(r"(?P<champ>[a-z_]+)\.(?P<rang>\d{1,3})\.(?P<colonne>[a-z_0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Groupe:
    """Des options sous un titre ; ouvert si l'une est choisie ou si son titre l'est."""

    libelle: str
    options: tuple[tuple[str, str], ...]
    ouvert: bool


@dataclass(frozen=True, slots=True)
class ChampVu:
    """Un champ prêt à montrer : textes, options, version lue ; `lu` : elle, et l'empreinte de ce qui est enregistré.

    `est_repris` : la réponse vient du dossier précédent, et personne ne l'a encore relue.
    """

    champ: Champ
    version: int
    facultatif: bool
    lu: str
    textes: tuple[str, ...] = ()
    rangees: tuple[Rangee, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    groupes: tuple[Groupe, ...] = ()
    fixes: Options = ()
    est_repris: bool = False

    @property
    def code(self) -> str:
        """Le code du champ."""
        return self.champ.code

    @property
    def texte(self) -> str:
        """Le texte d'un champ à une seule réponse."""
        return self.textes[-1] if self.textes else ""

    @property
    def total(self) -> Euros | None:
        """Le total des montants lisibles d'une table, tels que tapés ; None si la table n'en a pas."""
        return total_tape(self.champ, self.rangees)

    @property
    def est_rempli(self) -> bool:
        """Vrai si quelque chose y est saisi."""
        if self.champ.forme is Forme.TABLE:
            return any(texte for rangee in self.rangees for texte in _tapes(self.champ, rangee))
        return any(t.strip() and t != "non" for t in self.textes)


def _montant(champ: Champ, texte: str) -> Euros:
    try:
        return lire_montant(texte, plafond(champ))
    except ValueError:
        return ZERO


def _tapes(champ: Champ, rangee: Rangee) -> list[str]:
    """Les textes tapés d'une rangée ; les listes à choix et l'année, offertes d'avance, n'en sont pas."""
    tapees = (c for c in champ.colonnes if c.forme is not FormeColonne.CODE and c.code != "annee")
    return [rangee.get(c.code, "").strip() for c in tapees]


def _texte_simple(valeur: object) -> str:
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    return "" if valeur is None else str(valeur)


def _texte_cellule(colonne: Colonne, valeur: object) -> str:
    if colonne.forme is FormeColonne.MONTANT and isinstance(valeur, int):
        return montant_saisi(Euros(valeur))
    if colonne.forme is FormeColonne.CENTIEMES and isinstance(valeur, int):
        return centiemes(valeur)
    return colonne.actuel(_texte_simple(valeur))


def saisie_enregistree(champ: Champ, valeur: object) -> Saisie:
    """Les textes d'une valeur enregistrée."""
    if champ.forme is Forme.TABLE:
        rangees = valeur if isinstance(valeur, list) else []
        return [{c.code: _texte_cellule(c, r.get(c.code)) for c in champ.colonnes} for r in rangees]
    if isinstance(valeur, list):
        return [_texte_simple(v) for v in valeur]
    if champ.forme is Forme.CENTIEMES and isinstance(valeur, int):
        return [centiemes(valeur)]
    return [] if valeur is None else [_texte_simple(valeur)]


def saisie_recue(champ: Champ, formulaire: Formulaire) -> Saisie:
    """Les textes reçus pour un champ, dans l'ordre ; rien n'est jugé ici."""
    if champ.forme is not Forme.TABLE:
        return formulaire.liste(champ.code)
    rangees: dict[int, Rangee] = {}
    for nom in formulaire.noms():
        trouve = _CELLULE.match(nom)
        if trouve is not None and trouve["champ"] == champ.code:
            rangees.setdefault(int(trouve["rang"]), {})[trouve["colonne"]] = formulaire.get(nom)
    return [rangees[rang] for rang in sorted(rangees)]


def total_tape(champ: Champ, saisie: Sequence[Rangee] | Saisie) -> Euros | None:
    """Le total des montants lisibles d'une table, tels que tapés ; None si la table n'en a pas."""
    if not any(c.code == "montant" for c in champ.colonnes):
        return None
    return Euros.somme(_montant(champ, r.get("montant", "")) for r in saisie if isinstance(r, dict))


def sans_la_rangee(saisie: Saisie, rang: str) -> Saisie:
    """La même table, sans cette rangée (rang compté depuis zéro parmi les rangées reçues)."""
    retirees = {int(rang)} if rang.isascii() and rang.isdigit() else set()
    return [r for n, r in enumerate(saisie) if n not in retirees and isinstance(r, dict)]


def empreinte(valeur: object) -> str:
    """De quoi reconnaître une valeur enregistrée ; une case non cochée et une question sans réponse se valent."""
    vide = valeur is None or valeur is False or valeur in ("", [])
    return "" if vide else hashlib.sha256(json.dumps(valeur, sort_keys=True).encode()).hexdigest()[:12]


def version_lue(version: int, valeur: object) -> str:
    """Ce que la page dit avoir lu d'un champ : sa version, et l'empreinte de sa valeur ; « 0 » : jamais rempli."""
    vue = empreinte(valeur)
    return f"{version}-{vue}" if version or vue else "0"


def champs_intacts(formulaire: Formulaire, valeurs: Mapping[str, Valeur]) -> set[str]:
    """Les champs renvoyés tels que la page les a montrés : la personne n'y a pas touché."""
    return {c for c, valeur in valeurs.items() if _empreinte_lue(formulaire.get(VERSION + c)) == empreinte(valeur)}


def _empreinte_lue(lu: str) -> str | None:
    """L'empreinte de la valeur montrée ; None une fois le champ enregistré au fil de la saisie."""
    version, trait, vue = lu.partition("-")
    return vue if trait or version == "0" else None


def versions_recues(formulaire: Formulaire) -> dict[str, int]:
    """Champ → version lue. Seuls les champs qui portent leur version sont dans le formulaire. Lève SaisieInvalide."""
    versions = {}
    for nom in formulaire.noms():
        if nom.startswith(VERSION):
            texte = formulaire.get(nom).partition("-")[0]
            if not (texte.isascii() and texte.isdigit() and len(texte) < 10):
                raise SaisieInvalide([Faute("", "Le formulaire est abîmé : rouvrez la page.", "version_illisible")])
            versions[nom.removeprefix(VERSION)] = int(texte)
    return versions


def lire_section(
    champs: Iterable[Champ], saisies: Mapping[str, Saisie], domaines: Domaines
) -> tuple[dict[str, Valeur], tuple[Faute, ...]]:
    """Les valeurs des champs reçus, et toutes leurs fautes."""
    valeurs: dict[str, Valeur] = {}
    fautes: list[Faute] = []
    for champ in champs:
        if champ.code not in saisies:
            continue
        lues: Valeur
        if champ.forme is Forme.TABLE:
            lues, trouvees = lire_table(champ, [r for r in saisies[champ.code] if isinstance(r, dict)], domaines)
        else:
            lues, trouvees = lire_simple(champ, [t for t in saisies[champ.code] if isinstance(t, str)], domaines)
        valeurs[champ.code] = lues
        fautes.extend(trouvees)
    return valeurs, tuple(fautes)


def rangees_montrees(
    champ: Champ, saisies: Sequence[Rangee], en_plus: int, fixes: Options = (), annees: Sequence[int] = ()
) -> tuple[Rangee, ...]:
    """Les rangées remplies, puis des lignes vides (comptes d'usage si rien n'est saisi) ; `fixes` : une par valeur."""
    if champ.fixe:
        donnees = {r.get(champ.fixe, ""): r for r in saisies}
        return tuple(donnees.get(code, {champ.fixe: code}) for code, _ in fixes)
    rangees = list(saisies)
    if not rangees:
        rangees = [{"compte": compte} for compte in PRESELECTION.get(champ.code, ())]
        rangees += [{"annee": str(a), "compte": compte} for a in annees for compte in PAR_ANNEE.get(champ.code, ())]
    vides = max(en_plus, VIDES.get(champ.code, 0) - len(rangees), 0 if rangees else 1)
    return (*rangees, *({} for _ in range(vides)))


def voir(
    champ: Champ,
    enregistre: ChampEnregistre | None,
    saisie: Saisie | None,
    referentiel: Referentiel,
    *,
    facultatif: bool,
    version: int | None = None,
    en_plus: int = 0,
    choisis: Mapping[str, Sequence[str]] | None = None,
    annees: Sequence[int] = (),
) -> ChampVu:
    """Un champ à montrer : la saisie reçue si elle est donnée, sinon la valeur enregistrée."""
    lue = version if version is not None else (enregistre.version if enregistre is not None else 0)
    valeur = enregistre.valeur if enregistre else None
    propose = (champ.propose,) if champ.propose and enregistre is None else None
    textes = saisie if saisie is not None else (propose or saisie_enregistree(champ, valeur))
    est_repris = saisie is None and enregistre is not None and enregistre.version == 0
    vu = ChampVu(champ, lue, facultatif, version_lue(lue, valeur), est_repris=est_repris)
    if champ.forme is Forme.TABLE:
        fixes = _fixes(champ, referentiel, annees, choisis or {})
        lues = [r for r in textes if isinstance(r, dict)]
        return replace(vu, rangees=rangees_montrees(champ, lues, en_plus, fixes, annees), fixes=fixes)
    simples = tuple(t for t in textes if isinstance(t, str))
    options = champ.options or tuple(
        (e.code, intitule_montre(champ.domaine, e)) for e in referentiel.liste(champ.domaine)
    )
    groupes = _groupes(champ, simples, referentiel, choisis or {})
    return replace(vu, textes=simples, options=options, groupes=groupes)


def _fixes(
    champ: Champ, referentiel: Referentiel, annees: Sequence[int], choisis: Mapping[str, Sequence[str]]
) -> Options:
    """Les valeurs de la colonne fixe d'une table : ses options, les quartiers choisis, ou les années d'après."""
    colonne = next((c for c in champ.colonnes if c.code == champ.fixe), None)
    if colonne is None:
        return ()
    if colonne.domaine:
        retenus = choisis.get(colonne.domaine, ())
        return tuple((e.code, e.intitule) for e in referentiel.liste(colonne.domaine) if e.code in retenus)
    return colonne.options or tuple((str(annee), str(annee)) for annee in annees)


_PARENTS = {"operationnels": "objectifs", "priorites": "fiches"}


def _groupes(
    champ: Champ, textes: Sequence[str], referentiel: Referentiel, choisis: Mapping[str, Sequence[str]]
) -> tuple[Groupe, ...]:
    domaine = _PARENTS.get(champ.domaine)
    if domaine is None:
        return ()
    par_parent: dict[str, list[Entree]] = {}
    for entree in referentiel.liste(champ.domaine):
        par_parent.setdefault(entree.parent, []).append(entree)
    return tuple(
        Groupe(
            intitule_montre(domaine, parent),
            tuple((e.code, intitule_montre(champ.domaine, e)) for e in par_parent[parent.code]),
            parent.code in choisis.get(domaine, ()) or any(e.code in textes for e in par_parent[parent.code]),
        )
        for parent in referentiel.liste(domaine)
        if parent.code in par_parent
    )
