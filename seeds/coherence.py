"""Les vérifications croisées d'un contrat : codes uniques, renvois connus, numérotation, totaux, lignes citées."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app.infra.texte_yaml import Chemin
from app.referentiels.grilles.rules.codes import CodesConnus, codes_connus
from seeds.lecture import ErreurDeDonnees, Lecture
from seeds.schemas import contrat, enjeux, fiches, gouvernance, partenariat, reglages, suggestions
from seeds.schemas.commun import Anomalie, Element, ElementSource

E = TypeVar("E", bound=Element)

# Ce que nomme un code. Deux éléments d'un même genre n'ont jamais le même code dans un contrat.
_GENRES: dict[type[Element], str] = {
    contrat.VersionContrat: "version",
    contrat.Section: "section",
    contrat.Quartier: "quartier",
    contrat.Indicateur: "indicateur",
    enjeux.Enjeu: "enjeu",
    enjeux.Objectif: "objectif",
    enjeux.ObjectifOperationnel: "objectif opérationnel",
    enjeux.SousAction: "sous-action",
    enjeux.Piste: "piste",
    enjeux.Repere: "repère",
    enjeux.DispositifPrioritaire: "dispositif prioritaire",
    fiches.FicheQuartier: "fiche",
    partenariat.LigneFinancement: "ligne",
    partenariat.FeuilleDeRoute: "feuille de route",
    partenariat.AxeFeuille: "axe",
    partenariat.ActionFeuille: "action",
    partenariat.ThemeEtat: "thème de l’État",
    partenariat.DispositifEtat: "dispositif de l’État",
    partenariat.Partenaire: "partenaire",
    partenariat.Engagement: "engagement",
    partenariat.Annexe: "annexe",
    gouvernance.Pilote: "pilote",
    gouvernance.Instance: "instance",
    gouvernance.Fonction: "fonction",
    gouvernance.ModaliteParticipation: "modalité de participation",
    gouvernance.SourceFinancement: "financement",
    gouvernance.FamilleIndicateurs: "famille d’indicateurs",
    gouvernance.RegistreEvaluation: "registre d’évaluation",
    reglages.ServiceConsulte: "service consulté",
    Anomalie: "anomalie",
}

_OBJECTIFS = {"objectifs": "objectif", "objectifs_operationnels": "objectif opérationnel"}
# Les champs qui renvoient ailleurs, et les genres (« a|b ») où leur code doit exister.
_RENVOIS: dict[type[Element], dict[str, str]] = {
    contrat.VersionContrat: {"precedente": "version"},
    contrat.Quartier: {"communes": "commune"},
    contrat.Indicateur: {"theme": "section"},
    contrat.ValeurIndicateur: {"quartier": "quartier", "commune": "commune"},
    enjeux.Objectif: {"voir": "objectif"},
    fiches.FicheQuartier: {"quartier": "quartier", "commune": "commune"},
    fiches.LienContrat: {"code": "enjeu|objectif|objectif opérationnel"},
    fiches.CommuneAnnoncee: {"commune": "commune"},
    fiches.FicheAnnoncee: {"code": "fiche"},
    partenariat.LigneFinancement: {"commune": "commune", "feuille_de_route": "feuille de route"},
    partenariat.Priorite: {"axe": "axe", "sous_actions": "sous-action", **_OBJECTIFS},
    partenariat.Condition: {"code": "objectif|objectif opérationnel"},
    partenariat.FeuilleDeRoute: {"ligne": "ligne", "fiches": "fiche"},
    partenariat.Rangee: {"rattachement": "enjeu|objectif"},
    partenariat.ObjectifCite: {"objectif": "objectif"},
    partenariat.AxeFeuille: _OBJECTIFS,
    partenariat.ActionFeuille: _OBJECTIFS,
    partenariat.DispositifEtat: {"communes": "commune", **_OBJECTIFS},
    partenariat.ConsultationServices: {"ligne": "ligne"},
    partenariat.Engagement: {"partenaire": "partenaire", **_OBJECTIFS},
    gouvernance.ModaliteParticipation: {"communes": "commune"},
    reglages.SiegesInstance: {"instance": "instance"},
    suggestions.ReperesObjectif: {"code": "objectif"},
}


@dataclass(frozen=True)
class _Place:
    """Un élément, et où il est écrit."""

    lecture: Lecture[Any]
    chemin: Chemin
    element: Element

    def faute(self, raison: str, *champ: str | int) -> ErreurDeDonnees:
        return self.lecture.faute((*self.chemin, *champ), raison)


def verifier(lectures: Sequence[Lecture[Any]], lignes_du_document: int | None) -> None:
    """Lève la première faute de cohérence, avec les autres dans `autres`. Sans document, les lignes citées passent."""
    places = [place for lecture in lectures for place in _parcourir(lecture, (), lecture.contenu)]
    controles: tuple[Callable[[Sequence[_Place]], Iterable[ErreurDeDonnees]], ...] = (
        _codes_en_double,
        _renvois_inconnus,
        _numerotation,
        _territoires,
        _totaux,
        _fiches,
        _durees,
    )
    fautes = [faute for controle in controles for faute in controle(places)]
    if lignes_du_document is not None:
        fautes += _lignes_hors_document(places, lignes_du_document)
    if fautes:
        premiere = fautes[0]
        raise ErreurDeDonnees(premiere.fichier, premiere.ligne, premiere.raison, tuple(fautes[1:]))


def codes_cites_par_les_grilles(lectures: Sequence[Lecture[Any]]) -> CodesConnus:
    """Fait → les codes du contrat lu qu'une grille peut citer."""
    places = [place for lecture in lectures for place in _parcourir(lecture, (), lecture.contenu)]
    par_genre: dict[str, set[str]] = {}
    for place in places:
        if (nomme := _nomme(place.element)) is not None:
            par_genre.setdefault(nomme[0], set()).add(nomme[1])
    des_feuilles = {feuille.code: _actions(feuille) for _, feuille in _de(places, partenariat.FeuilleDeRoute)}
    return codes_connus(
        objectifs=par_genre.get("objectif", ()),
        operationnels=par_genre.get("objectif opérationnel", set()) | par_genre.get("sous-action", set()),
        pistes=par_genre.get("piste", ()),
        actions=[*des_feuilles, *(f"{code}.{action}" for code, actions in des_feuilles.items() for action in actions)],
        fiches=par_genre.get("fiche", ()),
        priorites=[f"{f.code}.{p.rang}" for _, f in _de(places, fiches.FicheQuartier) for p in f.priorites],
        communes=par_genre.get("commune", ()),
    )


def _actions(feuille: partenariat.FeuilleDeRoute) -> list[str]:
    return [action.code for rangee in feuille.rangees for axe in rangee.axes for action in axe.actions]


def _parcourir(lecture: Lecture[Any], chemin: Chemin, objet: object) -> Iterator[_Place]:
    if isinstance(objet, Element):
        yield _Place(lecture, chemin, objet)
        for champ in type(objet).model_fields:
            yield from _parcourir(lecture, (*chemin, champ), getattr(objet, champ))
    elif isinstance(objet, tuple):
        for rang, enfant in enumerate(objet):
            yield from _parcourir(lecture, (*chemin, rang), enfant)


def _de(places: Iterable[_Place], genre: type[E]) -> Iterator[tuple[_Place, E]]:
    for place in places:
        if isinstance(place.element, genre):
            yield place, place.element


def _nomme(element: Element) -> tuple[str, str] | None:
    """Le genre et le code de l'élément, s'il a un code qui le désigne dans tout le contrat."""
    if isinstance(element, contrat.Commune):
        return "commune", element.insee
    genre = _GENRES.get(type(element))
    return (genre, str(vars(element)["code"])) if genre else None


def _codes_en_double(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    vus: set[tuple[str, str]] = set()
    for place in places:
        nomme = _nomme(place.element)
        if nomme is None:
            continue
        if nomme in vus:
            champ = "insee" if isinstance(place.element, contrat.Commune) else "code"
            yield place.faute(f"le code « {nomme[1]} » est déjà pris ({nomme[0]})", champ)
        vus.add(nomme)


def _renvois_inconnus(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    connus = {nomme for place in places if (nomme := _nomme(place.element)) is not None}
    for place in places:
        for champ, genres in _RENVOIS.get(type(place.element), {}).items():
            for suite, code in _codes_du_champ(getattr(place.element, champ)):
                if not any((genre, code) in connus for genre in genres.split("|")):
                    attendu = " ou ".join(genres.split("|"))
                    yield place.faute(f"« {code} » n’est pas connu ({attendu})", champ, *suite)


def _codes_du_champ(valeur: str | tuple[str, ...] | None) -> list[tuple[tuple[int, ...], str]]:
    if valeur is None:
        return []
    return [((), valeur)] if isinstance(valeur, str) else [((rang,), code) for rang, code in enumerate(valeur)]


def _numerotation(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    for place, enjeu in _de(places, enjeux.Enjeu):
        for rang, objectif in enumerate(enjeu.objectifs):
            attendu = f"{enjeu.code}.{rang + 1}"
            if objectif.code != attendu:
                yield place.faute(f"« {objectif.code} » devrait être « {attendu} »", "objectifs", rang, "code")
    for place, parent in _de(places, enjeux.Objectif):
        yield from _suite(place, parent.code, parent.objectifs_operationnels, "objectifs_operationnels")
    for place, parent_op in _de(places, enjeux.ObjectifOperationnel):
        yield from _suite(place, parent_op.code, parent_op.sous_actions, "sous_actions")


def _suite(
    place: _Place,
    parent: str,
    enfants: Sequence[enjeux.ObjectifOperationnel | enjeux.SousAction],
    champ: str,
) -> Iterator[ErreurDeDonnees]:
    for rang, enfant in enumerate(enfants):
        attendu = f"{parent}.{rang + 1}"
        if enfant.code != attendu:
            yield place.faute(f"« {enfant.code} » devrait être « {attendu} »", champ, rang, "code")


def _territoires(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    for place, fichier in _de(places, contrat.FichierContrat):
        communes = {commune.insee for commune in fichier.communes}
        for rang, territoire in enumerate(fichier.territoires_signataires):
            est_epci = territoire.nature is contrat.NatureTerritoire.EPCI
            if territoire.code not in ({fichier.epci.siren} if est_epci else communes):
                raison = f"« {territoire.code} » n’est ni l’intercommunalité ni une commune du contrat"
                yield place.faute(raison, "territoires_signataires", rang, "code")


def _totaux(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    for place, fichier in _de(places, contrat.FichierQuartiers):
        sommes: Counter[int] = Counter()
        for quartier in fichier.quartiers:
            for population in quartier.populations:
                sommes[population.annee] += population.habitants or 0
        for rang, total in enumerate(fichier.totaux):
            if sommes[total.annee] != total.habitants:
                raison = f"les quartiers font {sommes[total.annee]} habitants en {total.annee}, pas {total.habitants}"
                yield place.faute(raison, "totaux", rang, "habitants")


def _fiches(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    quartiers = {quartier.code: quartier for _, quartier in _de(places, contrat.Quartier)}
    lues = list(_de(places, fiches.FicheQuartier))
    for place, fiche in lues:
        quartier = quartiers.get(fiche.quartier)
        if quartier is not None and fiche.commune not in quartier.communes:
            yield place.faute(f"« {fiche.commune} » n’est pas une commune du quartier « {quartier.code} »", "commune")
    for attendu, (place, fiche) in enumerate(lues, start=1):
        if fiche.rang != attendu:
            yield place.faute(f"cette fiche est la n° {attendu} du dossier, pas la n° {fiche.rang}", "rang")


def _durees(places: Sequence[_Place]) -> Iterator[ErreurDeDonnees]:
    for _, fichier in _de(places, contrat.FichierContrat):
        for place, duree in _de(places, gouvernance.Duree):
            if (duree.debut, duree.fin) != (fichier.debut, fichier.fin):
                yield place.faute("la durée du suivi n’est pas celle de contrat.yaml", "debut")
        annees = {version.annee for version in fichier.versions}
        for place, actualisation in _de(places, gouvernance.Actualisation):
            if actualisation.annee not in annees:
                yield place.faute(f"aucune version de contrat.yaml n’est de {actualisation.annee}", "annee")


def _lignes_hors_document(places: Iterable[_Place], nombre: int) -> Iterator[ErreurDeDonnees]:
    for place, element in _de(places, ElementSource):
        if any(derniere > nombre for _, derniere in element.source.plages):
            yield place.faute(f"« {element.source} » dépasse le document ({nombre} lignes)", "source")
