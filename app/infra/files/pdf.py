"""Un PDF reçu : entier, lisible, sans mot de passe, ni script, ni fichier joint, ni action d'ouverture."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Iterator
from typing import Any, NoReturn

from app.infra.files.refus import PDF_ET_RECOMMENCEZ, FichierRefuse, Octets, ouvrir

FIN = b"%%EOF"
RESTE_ADMIS = 16  # octets blancs après la fin
DUREE_MAX = 8.0  # secondes de lecture de la structure
PAGES_MAX = 2000
OBJETS_MAX = 200_000
_BRUTS = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia)(?=[\s/<\[(>])")
_INTERDITES = {
    "/JavaScript": "un script",
    "/JS": "un script",
    "/Launch": "une commande à lancer",
    "/EmbeddedFiles": "un fichier joint",
    "/EmbeddedFile": "un fichier joint",
    "/EF": "un fichier joint",
    "/RichMedia": "un contenu animé",
    "/AA": "une action automatique",
    "/XFA": "un formulaire dynamique",
}
_ACTIONS = {
    "/Launch": "une commande à lancer",
    "/JavaScript": "un script",
    "/GoToE": "un fichier joint",
    "/GoToR": "un renvoi vers un autre fichier",
    "/SubmitForm": "un envoi de formulaire",
    "/ImportData": "un import de données",
    "/Rendition": "un contenu animé",
    "/Movie": "un contenu animé",
    "/Sound": "un contenu animé",
}


def verifier(contenu: Octets) -> None:
    """Lève FichierRefuse. Laisse passer les erreurs de lecture : l'appelant dit « illisible »."""
    _verifier_la_fin(contenu)
    trouve = _BRUTS.search(contenu)
    if trouve is not None:
        _refuser(_INTERDITES.get(trouve[0].decode("ascii"), "un contenu actif"))
    _verifier_les_objets(contenu)


def _verifier_la_fin(contenu: Octets) -> None:
    fin = contenu.rfind(FIN)
    if fin < 0:
        raise FichierRefuse(
            "pdf_tronque",
            f"Ce PDF est incomplet : sa fin manque. Ouvrez-le sur votre appareil, {PDF_ET_RECOMMENCEZ}",
        )
    reste = contenu[fin + len(FIN) :]
    if len(reste) > RESTE_ADMIS or reste.strip(b"\r\n\t \x00\x1a") or zipfile.is_zipfile(ouvrir(contenu)):
        raise FichierRefuse(
            "polyglotte",
            f"Ce PDF contient autre chose après sa fin. Ouvrez-le sur votre appareil, {PDF_ET_RECOMMENCEZ}",
        )


def _refuser(quoi: str) -> NoReturn:
    raise FichierRefuse(
        "pdf_actif",
        f"Ce PDF contient {quoi} : il n’est pas accepté. Ouvrez-le, imprimez-le en PDF (« Imprimer », « Enregistrer au "
        "format PDF »), puis recommencez.",
    )


def _verifier_les_objets(contenu: Octets) -> None:
    from pypdf import PdfReader  # noqa: PLC0415 -- longue à importer, ne sert qu'ici

    lecteur = PdfReader(ouvrir(contenu), strict=False)
    if lecteur.is_encrypted:
        raise FichierRefuse(
            "pdf_protege",
            "Ce PDF est protégé par un mot de passe ou des restrictions. Ouvrez-le, imprimez-le en PDF (« Imprimer », "
            "« Enregistrer au format PDF »), puis recommencez.",
        )
    pages = len(lecteur.pages)
    if not 1 <= pages <= PAGES_MAX:
        raise FichierRefuse(
            "pdf_sans_page", f"Ce PDF n’a aucune page à lire, ou plus de {PAGES_MAX} : {PDF_ET_RECOMMENCEZ}"
        )
    limite = time.monotonic() + DUREE_MAX
    for rang, objet in enumerate(_objets(lecteur)):
        if rang > OBJETS_MAX or time.monotonic() > limite:
            raise FichierRefuse(
                "pdf_trop_complexe",
                "Ce PDF est trop compliqué à vérifier. Imprimez-le en PDF (« Imprimer », « Enregistrer en PDF »), "
                "puis recommencez.",
            )
        _verifier_un_dictionnaire(objet)


def _objets(lecteur: Any) -> Iterator[Any]:
    """Chaque dictionnaire atteint depuis la racine, une fois."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject  # noqa: PLC0415

    pile: list[Any] = [lecteur.trailer]
    vus: set[tuple[int, int]] = set()
    while pile:
        objet = pile.pop()
        if isinstance(objet, IndirectObject):
            cle = (objet.idnum, objet.generation)
            if cle in vus:
                continue
            vus.add(cle)
            objet = lecteur.get_object(objet)
        if isinstance(objet, DictionaryObject):
            yield objet
            pile.extend(dict.values(objet))
        elif isinstance(objet, ArrayObject):
            pile.extend(list.__iter__(objet))


def _verifier_un_dictionnaire(objet: Any) -> None:
    """Refuse ce qui agit seul : script, fichier joint, action à l'ouverture, action d'un genre qui sort du document."""
    for cle, quoi in _INTERDITES.items():
        if cle in objet:
            _refuser(quoi)
    genre = _valeur(objet, "/S")
    if isinstance(genre, str) and genre in _ACTIONS:
        _refuser(_ACTIONS[genre])
    ouverture = _valeur(objet, "/OpenAction")
    # Une destination (« ouvrir à la page 1 ») est un tableau : sans danger, et presque tous les PDF en ont une.
    if isinstance(ouverture, dict) and _valeur(ouverture, "/S") != "/GoTo":
        _refuser("une action d’ouverture")


def _valeur(objet: Any, cle: str) -> Any:
    """La valeur, même écrite ailleurs dans le fichier : un renvoi cacherait le nom d'une action."""
    lue = dict.get(objet, cle)
    return lue.get_object() if lue is not None else None
