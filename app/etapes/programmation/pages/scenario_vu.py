"""Ce que montre la page d'un scénario : le JSON figé redevient des montants, des parts et des noms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.programmation.pages.communs import adresse
from app.etapes.programmation.repository.scenarios import DossierNomme, Noms
from app.etapes.programmation.rules import Solde
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
    signalements: tuple[dict[str, Any], ...]
    quartiers: tuple[PartVue, ...]
    objectifs: tuple[PartVue, ...]
    communes: tuple[PartVue, ...]
    concentration: dict[str, Fraction] | None
    reproductible: bool
    noeuds: int


def voir(
    resultat: Mapping[str, Any], noms: Mapping[str, DossierNomme], reperes: Noms, parametres: Mapping[str, str]
) -> ScenarioVu:
    """`noms` : les dossiers en vue seulement ; les autres montants ne se montrent pas."""
    tous = [_montant(m, noms[m["dossier"]]) for m in resultat["montants"] if m["dossier"] in noms]
    lignes = tuple(sorted({m.ligne for m in tous}))
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
        ligne=ligne,
        nombre=len(gardes),
        financees=sum(1 for m in gardes if m.montant),
        total=Euros.somme(m.montant or ZERO for m in gardes),
        demande=Euros.somme(m.demande for m in gardes),
        precedent=adresse("", ligne=ligne, depuis=str(avant)) if depuis else None,
        suivant=adresse("", ligne=ligne, depuis=str(apres)) if apres < len(gardes) else None,
        soldes=tuple((code, _solde(s)) for code, s in resultat["soldes"].items()),
        ecart=_fraction(resultat["ecart"]),
        serrent=tuple(resultat["serrent"]),
        conflit=tuple(resultat["conflit"]),
        signalements=tuple(s for s in resultat["signalements"] if s["dossier"] is None or s["dossier"] in noms),
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


def _concentration(donnees: Mapping[str, Any] | None) -> dict[str, Fraction] | None:
    return None if donnees is None else {nom: Fraction(valeur) for nom, valeur in donnees.items()}
