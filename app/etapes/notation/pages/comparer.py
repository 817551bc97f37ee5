"""Pages : deux dossiers côte à côte, sur une ligne."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.notation import repository, service
from app.etapes.notation.pages.communs import ONGLETS, appel_en_vue, ligne_choisie
from app.etapes.notation.pages.noms import cite_des_textes, noms_des_codes
from app.etapes.notation.pages.vues import CritereVu, Noms, criteres_vus, dire, fourchette, plage
from app.etapes.notation.repository.classement import DossierCompare, dossiers_par_numero
from app.etapes.notation.rules import LigneNote, ecrire_arrondi, ecrire_decimal
from app.etapes.notation.rules.face_a_face import CritereCompare, FaitCompare, comparer_deux
from app.etapes.notation.service import LigneVue
from app.etapes.notation.service.lecture import lignes_vues
from app.infra.acces import Acteur, exiger
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.referentiels.grilles.rules import CATALOGUE, Fait
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
INCONNU = "Aucun dossier de cet appel, parmi ceux que vous pouvez lire, ne porte ce numéro."
Numero = Annotated[str, Query(max_length=60)]


@dataclass(frozen=True, slots=True)
class Cote:
    """Un des deux dossiers : sa demande à la ligne, notée ou non."""

    dossier: Dossier
    organisation: str
    vue: LigneVue


@dataclass(frozen=True, slots=True)
class FaitFace:
    """Un fait des deux côtés, comme on l'écrit."""

    libelle: str
    a: str
    b: str
    differe: bool


@dataclass(frozen=True, slots=True)
class CritereFace:
    """Un critère des deux côtés. `ecart` : points sur 100 de a moins b, écrit ; `sens` : -1, 0 ou 1."""

    libelle: str
    a: CritereVu | None
    b: CritereVu | None
    ecart: str
    sens: int
    ajustements: tuple[str, str]
    differents: tuple[FaitFace, ...]
    memes: tuple[FaitFace, ...]


@routeur.get("/appels/{code}/comparer", name="notation:comparer", dependencies=[Depends(LIT)])
def page_comparer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: Annotated[str, Query(max_length=60)] = "",
    a: Numero = "",
    b: Numero = "",
    d: Annotated[list[str], Query(max_length=60)] = [],  # noqa: B006 -- lu, jamais changé
) -> Response:
    """Deux dossiers d'un appel, critère par critère ; sans eux, de quoi les choisir. `d` : les cases cochées."""
    appel = appel_en_vue(session, code, acteur)
    if len(d) == 2:
        choix = urlencode({"ligne": ligne, "a": d[0], "b": d[1]})
        return RedirectResponse(f"/appels/{code}/comparer?{choix}", status_code=303)
    saisie = {"ligne": ligne, "a": a.strip().upper(), "b": b.strip().upper()}
    fautes = _fautes(saisie, coches=d)
    if fautes or not saisie["a"]:
        return _choisir(request, session, appel, saisie, fautes)
    trouves = dossiers_par_numero(session, appel.id, [saisie["a"], saisie["b"]], acteur)
    if len(trouves) < 2:
        raise Introuvable(INCONNU)
    deux = [trouves[saisie[cote]] for cote in ("a", "b")]
    vues = _vues(session, deux)
    communes = [vue for vue in vues[deux[0].dossier.id].values() if vue.code in vues[deux[1].dossier.id]]
    sans = [str(c.dossier.numero) for c in deux if ligne not in vues[c.dossier.id]]
    if sans:
        ligne_choisie(session, appel, ligne)
        phrase = f"{' et '.join(sans)} ne demande{'nt' if len(sans) > 1 else ''} rien à cette ligne."
        return _choisir(request, session, appel, saisie, (Faute("ligne", phrase, "ligne_non_demandee"),), communes)
    cotes = [Cote(c.dossier, c.organisation, vues[c.dossier.id][ligne]) for c in deux]
    return rendre(request, "notation/comparer.html", _contexte(session, appel, cotes, communes))


def _fautes(saisie: Mapping[str, str], *, coches: Sequence[str]) -> tuple[Faute, ...]:
    if coches:
        return (Faute("a", "Cochez deux dossiers, ni plus ni moins, ou donnez leurs numéros.", "deux_dossiers"),)
    if not saisie["a"] and not saisie["b"]:
        return ()
    fautes = [Faute(c, "Donnez le numéro de ce dossier.", "numero_manquant") for c in ("a", "b") if not saisie[c]]
    if not saisie["ligne"]:
        fautes.append(Faute("ligne", "Choisissez la ligne de financement.", "ligne_manquante"))
    if not fautes and saisie["a"] == saisie["b"]:
        fautes.append(Faute("b", "C’est deux fois le même dossier : donnez-en un autre.", "meme_dossier"))
    return tuple(fautes)


def _choisir(
    request: Request,
    session: SessionDep,
    appel: Appel,
    saisie: Mapping[str, str],
    fautes: tuple[Faute, ...],
    communes: Sequence[LigneVue] = (),
) -> Response:
    contexte = {
        "appel": appel,
        "lignes": lignes.list_lignes(session, appel.contrat_id),
        "saisie": saisie,
        "erreurs": fautes,
        "communes": communes,
        "fil": (("Dossiers", f"/instruction?appel={appel.code}"), ("Comparer deux dossiers", None)),
    }
    return rendre(request, "notation/comparer_choix.html", contexte, statut=422 if fautes else 200)


def _vues(session: SessionDep, deux: Sequence[DossierCompare]) -> dict[int, dict[str, LigneVue]]:
    """Dossier → ligne → sa vue. Deux requêtes pour les deux dossiers."""
    demandes = dossiers.list_demandes(session, [compare.dossier.id for compare in deux])
    notes = repository.notes_courantes(session, [demande.id for demande, _ in demandes])
    vues: dict[int, dict[str, LigneVue]] = {}
    for compare in deux:
        siennes = [rangee for rangee in demandes if rangee[0].dossier_id == compare.dossier.id]
        montrees = {cle: lue for cle, lue in notes.items() if cle not in compare.a_lire}
        vues[compare.dossier.id] = {
            vue.code: replace(vue, a_lire=vue.demande.id in compare.a_lire)
            for vue in lignes_vues(session, siennes, montrees, ())
        }
    return vues


def _contexte(session: SessionDep, appel: Appel, cotes: Sequence[Cote], communes: Sequence[LigneVue]) -> dict[str, Any]:
    vue = cotes[0].vue
    contexte: dict[str, Any] = {
        "appel": appel,
        "ligne": vue,
        "onglets": ONGLETS,
        "cotes": cotes,
        "communes": communes,
        "plage": plage,
        "fourchette": fourchette,
        "faces": (),
        "fil": (
            ("Dossiers", f"/instruction?appel={appel.code}"),
            ("Classement", f"/appels/{appel.code}/classement/{vue.code}"),
            ("Comparer deux dossiers", None),
        ),
    }
    a, b = (cote.vue.note for cote in cotes)
    if a is None or b is None:
        return contexte
    textes = cite_des_textes(a.faits) or cite_des_textes(b.faits)
    noms = noms_des_codes(session, cotes[0].dossier, textes=textes)
    vus = [{critere.code: critere for critere in criteres_vus(note, (), noms)} for note in (a, b)]
    faces = tuple(
        _face(critere, vus[0].get(critere.code), vus[1].get(critere.code), noms) for critere in comparer_deux(a, b)
    )
    return contexte | {"faces": faces, "ecart": _ecart_total(a.total, b.total)}


def _ecart_total(a: Decimal | None, b: Decimal | None) -> str:
    """L'écart des deux notes, écrit ; vide si l'une n'est pas sûre."""
    return "" if a is None or b is None else ecrire_arrondi(abs(a - b))


def _face(critere: CritereCompare, a: CritereVu | None, b: CritereVu | None, noms: Noms) -> CritereFace:
    ecart = critere.ecart
    faits = [_fait(fait, noms) for fait in critere.faits]
    return CritereFace(
        libelle=critere.libelle,
        a=a,
        b=b,
        ecart="" if ecart is None else ecrire_decimal(abs(ecart), 1),
        sens=0 if ecart is None else (ecart > 0) - (ecart < 0),
        ajustements=(_ajustement(critere.a), _ajustement(critere.b)),
        differents=tuple(fait for fait in faits if fait.differe),
        memes=tuple(fait for fait in faits if not fait.differe),
    )


def _ajustement(ligne: LigneNote | None) -> str:
    return ligne.ajustement.motif if ligne is not None and ligne.ajustement is not None else ""


def _fait(fait: FaitCompare, noms: Noms) -> FaitFace:
    a, b = (_dire(fait.code, cote, noms) for cote in (fait.a, fait.b))
    return FaitFace(CATALOGUE[fait.code].libelle, a, b, fait.differe)


def _dire(code: str, fait: Fait | None, noms: Noms) -> str:
    if fait is None:
        return "manquant"
    return f"{dire(code, fait, noms)} ({fait.statut.libelle})"
