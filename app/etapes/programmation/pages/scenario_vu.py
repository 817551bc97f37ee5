"""Ce que montre la page d'un scénario : le JSON figé redevient des montants, des parts et des noms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.programmation.pages.communs import adresse
from app.etapes.programmation.repository.scenarios import DossierNomme, Noms
from app.etapes.programmation.rules import Concentration, Solde
from app.noyau.euros import ZERO, Euros

PAR_PAGE = 100
STATUTS = {
    "optimal": "Le meilleur scénario sous ces contraintes.",
    "interrompu": "Un bon scénario ; le calcul s’est arrêté avant de prouver qu’il n’y a pas mieux.",
    "sans_solution": "Le calcul s’est arrêté sans trouver de scénario. Desserrez un réglage, puis recommencez.",
    "impossible": "Aucun scénario ne tient : ces réglages se contredisent.",
}


@dataclass(frozen=True, slots=True)
class MontantVu:
    """Une demande dans le scénario. `montant` None : pas de solution ; zéro : non financée."""

    numero: str
    titre: str
    porteur: str
    ligne: str
    note_basse: Fraction
    note_haute: Fraction
    demande: Euros
    montant: Euros | None


@dataclass(frozen=True, slots=True)
class PartVue:
    """Ce qui revient à un quartier, un objectif ou une commune."""

    libelle: str
    montant: Euros
    dossiers: int
    habitants: int | None = None

    @property
    def par_habitant(self) -> Euros | None:
        """Euros par habitant, au centime le plus proche ; None si la population est inconnue."""
        return Euros(round(Fraction(self.montant.centimes, self.habitants))) if self.habitants else None


@dataclass(frozen=True, slots=True)
class ScenarioVu:
    """Tout ce que la page affiche."""

    phrase: str
    trouve: bool
    montants: tuple[MontantVu, ...]
    lignes: tuple[str, ...]
    financeurs: Mapping[str, str]
    ligne: str
    nombre: int
    financees: int
    total: Euros
    demande: Euros
    precedent: str | None
    suivant: str | None
    soldes: tuple[tuple[str, Solde], ...]
    ecart: Fraction | None
    serrent: tuple[str, ...]
    conflit: tuple[str, ...]
    signalements: tuple[tuple[str, tuple[str, ...]], ...]
    quartiers: tuple[PartVue, ...]
    objectifs: tuple[PartVue, ...]
    communes: tuple[PartVue, ...]
    concentration: Concentration | None
    reproductible: bool
    noeuds: int


def voir(
    resultat: Mapping[str, Any], noms: Mapping[str, DossierNomme], reperes: Noms, parametres: Mapping[str, str]
) -> ScenarioVu:
    """`noms` : les dossiers en vue seulement ; les autres montants ne se montrent pas."""
    tous = [_montant(m, noms[m["dossier"]]) for m in resultat["montants"] if m["dossier"] in noms]
    lignes = tuple(code for code in reperes.lignes if any(m.ligne == code for m in tous))
    ligne = parametres.get("ligne", "") if parametres.get("ligne") in lignes else ""
    gardes = [m for m in tous if not ligne or m.ligne == ligne]
    depuis = _entier(parametres.get("depuis", ""))
    avant, apres = max(depuis - PAR_PAGE, 0), depuis + PAR_PAGE
    equite = resultat["equite"]
    return ScenarioVu(
        phrase=STATUTS[resultat["statut"]],
        trouve=resultat["objectif"] is not None,
        montants=tuple(gardes[depuis:apres]),
        lignes=lignes,
        financeurs=reperes.lignes,
        ligne=ligne,
        nombre=len(gardes),
        financees=sum(1 for m in gardes if m.montant),
        total=Euros.somme(m.montant or ZERO for m in gardes),
        demande=Euros.somme(m.demande for m in gardes),
        precedent=adresse("", ligne=ligne, depuis=str(avant)) if depuis else None,
        suivant=adresse("", ligne=ligne, depuis=str(apres)) if apres < len(gardes) else None,
        soldes=tuple(
            (s["ligne"], _solde(s)) for s in sorted(resultat["soldes"], key=_rang_dans(tuple(reperes.lignes)))
        ),
        ecart=_fraction(resultat["ecart"]),
        serrent=tuple(sorted(resultat["serrent"], key=lambda p: not p.startswith("Enveloppe"))),  # d'abord les lignes
        conflit=tuple(resultat["conflit"]),
        signalements=_signalements(resultat["signalements"], noms),
        quartiers=_parts(equite["quartiers"], reperes.quartiers, reperes.population),
        objectifs=_parts(equite["objectifs"], {c: f"{c} {nom}" for c, nom in reperes.objectifs.items()}),
        communes=_parts(equite["communes"], reperes.communes),
        concentration=_concentration(equite["concentration"]),
        reproductible=resultat["reproductible"],
        noeuds=resultat["noeuds"],
    )


def _montant(m: Mapping[str, Any], nomme: DossierNomme) -> MontantVu:
    return MontantVu(
        m["dossier"], nomme.titre, nomme.porteur, m["ligne"], Fraction(m["note_basse"]), Fraction(m["note_haute"]),
        Euros(m["demande_centimes"]), None if m["montant_centimes"] is None else Euros(m["montant_centimes"]),
    )  # fmt: skip


def _rang_dans(lignes: Sequence[str]) -> Callable[[Mapping[str, Any]], int]:
    rangs = {code: rang for rang, code in enumerate(lignes)}
    return lambda solde: rangs.get(solde["ligne"], len(rangs))


def _signalements(
    signalements: Iterable[Mapping[str, Any]], noms: Mapping[str, DossierNomme]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Un message dit une fois, suivi de tout ce qu'il concerne."""
    groupes: dict[str, list[str]] = {}
    for s in signalements:
        if s["dossier"] is None or s["dossier"] in noms:
            cible = " ".join(partie for partie in (s["dossier"], s["ligne"]) if partie)
            groupes.setdefault(s["message"], []).append(cible)
    return tuple((message, tuple(cibles)) for message, cibles in groupes.items())


def _entier(texte: str) -> int:
    return int(texte) if texte.isascii() and texte.isdigit() and len(texte) < 7 else 0


def _fraction(texte: str | None) -> Fraction | None:
    return None if texte is None else Fraction(texte)


def _solde(s: Mapping[str, int]) -> Solde:
    return Solde(Euros(s["enveloppe_centimes"]), Euros(s["engage_centimes"]), Euros(s["propose_centimes"]))


def _parts(
    parts: list[dict[str, Any]], noms: Mapping[str, str], population: Mapping[str, int] | None = None
) -> tuple[PartVue, ...]:
    vues = [
        PartVue(
            noms.get(p["repere"], "Sans repère" if p["repere"] == "—" else p["repere"]), Euros(p["montant_centimes"]),
            p["dossiers"], (population or {}).get(p["repere"]),
        )
        for p in parts
    ]  # fmt: skip
    return tuple(sorted(vues, key=lambda p: (-p.montant.centimes, p.libelle)))


def _concentration(donnees: Mapping[str, Any] | None) -> Concentration | None:
    if donnees is None:
        return None
    parts = {nom: Fraction(donnees[nom]) for nom in ("premier", "cinq_premiers", "indice")}
    return Concentration(porteurs=donnees["porteurs"], **parts)
