"""Les gabarits : compilés au plus strict, sans style ni script en ligne, accessibles, en bon français."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, UndefinedError
from markupsafe import Markup

from app.infra import gabarits
from app.infra.gabarits import HTMX, STATIQUE, creer_environnement
from app.infra.lots import LOTS, adresses_statiques, lot
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros

RACINE = Path(__file__).resolve().parents[2]
GABARITS = RACINE / "templates"
PAGES = sorted(str(p.relative_to(GABARITS)) for p in GABARITS.rglob("*.html"))
ERREURS = sorted(p.name for p in (GABARITS / "erreurs").glob("[0-9]*.html"))
CONTEXTE: dict[str, Any] = {
    "navigation": [
        {"libelle": "Mes dossiers", "url": "/dossiers", "actif": True},
        {"libelle": "L’appel", "url": "/appel", "actif": False},
    ],
    "utilisateur": {"nom": "Porteur 017 (fictif)", "roles": [{"libelle": "Rédacteur"}]},
    "jeton_csrf": "jeton-de-test",
    "mode": "demonstration",
    "fil": [("Mes dossiers", "/dossiers"), ("Composants", None)],
}


class Lecteur(HTMLParser):
    """Relève les éléments, leurs attributs et les identifiants d'une page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def attributs(self, nom: str) -> list[str]:
        return [a[nom] or "" for _, a in self.elements if nom in a]

    def par_nom(self, nom: str) -> dict[str, str | None]:
        return next(a for _, a in self.elements if a.get("name") == nom)


@pytest.fixture(scope="module")
def env() -> Environment:
    return creer_environnement(GABARITS)


@pytest.fixture(scope="module")
def guide(env: Environment) -> str:
    return env.get_template("style_guide.html").render(CONTEXTE)


def rendre(env: Environment, source: str, **contexte: Any) -> str:
    """Rend un morceau de page qui emploie les composants."""
    importe = '{% import "composants/tout.html" as ui %}'
    return env.from_string(importe + source).render(contexte)


@pytest.mark.parametrize("page", PAGES)
def test_chaque_gabarit_compile(env: Environment, page: str) -> None:
    assert env.get_template(page).name == page


@pytest.mark.parametrize("page", PAGES)
def test_aucun_gabarit_ne_porte_style_ni_script_en_ligne(page: str) -> None:
    source = (GABARITS / page).read_text(encoding="utf-8")
    sans_commentaires = re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL)
    assert re.findall(r"\bstyle\s*=|<style|\son[a-z]+\s*=|javascript:", sans_commentaires, re.IGNORECASE) == []
    assert all("src=" in balise for balise in re.findall(r"<script[^>]*>", sans_commentaires))
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", sans_commentaires)


@pytest.mark.parametrize("page", PAGES)
def test_un_gabarit_reste_court(page: str) -> None:
    assert len((GABARITS / page).read_text(encoding="utf-8").splitlines()) <= 150


def test_une_variable_absente_leve_au_lieu_de_s_effacer(env: Environment) -> None:
    with pytest.raises(UndefinedError):
        rendre(env, "{{ absente }}")
    assert creer_environnement(GABARITS, strict=False).from_string("<{{ absente }}>").render() == "<>"


def test_la_page_des_composants_les_montre_tous(env: Environment) -> None:
    exportes = {nom for nom in vars(env.get_template("composants/tout.html").module) if not nom.startswith("_")}
    sources = "".join(
        p.read_text(encoding="utf-8") for p in [GABARITS / "style_guide.html", *GABARITS.glob("style_guide/*")]
    )
    assert exportes
    assert {nom for nom in exportes if f"ui.{nom}(" not in sources} == set()


def test_la_page_des_composants_a_des_identifiants_uniques_et_des_liens_internes_justes(guide: str) -> None:
    lecteur = Lecteur(guide)
    identifiants = lecteur.attributs("id")
    assert [i for i, n in Counter(identifiants).items() if n > 1] == []
    liens = ("for", "aria-describedby", "aria-labelledby")
    vises = {i for nom in liens for valeur in lecteur.attributs(nom) for i in valeur.split()}
    ancres = {h[1:] for h in lecteur.attributs("href") if h.startswith("#")}
    assert (vises | ancres) - set(identifiants) == set()


def test_la_page_des_composants_ne_montre_ni_none_ni_style(guide: str) -> None:
    assert "None" not in guide
    assert Lecteur(guide).attributs("style") == []


def test_chaque_graphique_porte_titre_description_et_tableau(guide: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", guide, re.DOTALL)
    assert len(figures) >= 5
    for figure in figures:
        assert "<title" in figure
        assert "<desc" in figure
        assert "<table" in figure


def test_chaque_saisie_a_son_libelle(guide: str) -> None:
    lecteur = Lecteur(guide)
    saisies = [
        a["id"] for t, a in lecteur.elements if t in {"input", "select", "textarea"} and a.get("type") != "hidden"
    ]
    assert len(saisies) > 15
    assert set(saisies) <= set(lecteur.attributs("for"))


@pytest.mark.parametrize("page", ERREURS)
def test_une_page_d_erreur_s_affiche_sans_rien_savoir(env: Environment, page: str) -> None:
    rendu = env.get_template(f"erreurs/{page}").render()
    assert "Comment réparer" in rendu
    assert '<html lang="fr">' in rendu
    assert re.search(r'<a class="bouton[^"]*" href="/', rendu)


def test_les_pages_d_erreur_attendues_existent() -> None:
    assert {p.removesuffix(".html") for p in ERREURS} >= {"401", "403", "404", "409", "412", "422", "500", "503"}


def test_une_page_d_erreur_dit_la_raison_et_le_code(env: Environment) -> None:
    rendu = env.get_template("erreurs/409.html").render(detail="L’appel est clos.", code="appel_clos")
    assert "L’appel est clos." in rendu
    assert "<code>appel_clos</code>" in rendu
    conflits = {"titre": {"enregistre": "Café", "saisi": "Thé <b>"}}
    perimee = env.get_template("erreurs/412.html").render(conflits=conflits)
    assert "Café" in perimee
    assert "Thé &lt;b&gt;" in perimee


def test_le_cadre_dit_ou_l_on_est_et_qui_est_connecte(guide: str) -> None:
    assert "<title>Composants — Initiatives Quartiers</title>" in guide
    assert '<a href="/dossiers" aria-current="page">Mes dossiers</a>' in guide
    assert "Porteur 017 (fictif)" in guide
    sorties = re.findall(r'<form[^>]*action="/deconnexion" method="post">\s*<input[^>]*>', guide)
    assert sorties
    assert all('name="_csrf" value="jeton-de-test"' in sortie for sortie in sorties)
    assert guide.index('href="#contenu"') < guide.index("<header")


def test_le_titre_annonce_les_erreurs(env: Environment) -> None:
    rendu = env.get_template("base.html").render(titre="Budget", erreurs=(Faute("x", "Écrivez un nombre."),))
    assert "<title>Erreur : Budget — Initiatives Quartiers</title>" in rendu.replace("\u00a0", " ")


def test_un_visiteur_voit_se_connecter_et_pas_le_bandeau(env: Environment) -> None:
    rendu = env.get_template("base.html").render(titre="Accueil", mode="production")
    assert "Se connecter" in rendu
    assert "/deconnexion" not in rendu
    assert "Mode démonstration" not in rendu
    assert "Mode démonstration" in env.get_template("base.html").render(titre="Accueil", mode="demonstration")


def test_la_page_fonctionne_sans_htmx(env: Environment, tmp_path: Path) -> None:
    assert "htmx" not in env.get_template("base.html").render(titre="Accueil")
    sans = env.get_template("composants/_htmx.html").render(htmx_present=False)
    assert "htmx.min.js" not in sans
    reglage = json.loads(re.search(r"name=\"htmx-config\" content='([^']+)'", sans)[1])  # type: ignore[index]
    assert reglage["allowEval"] is False
    assert reglage["includeIndicatorStyles"] is False
    assert {"code": "422", "swap": True} in reglage["responseHandling"]
    assert creer_environnement(GABARITS, statique=tmp_path).globals["htmx_present"] is False
    (tmp_path / HTMX).parent.mkdir()
    (tmp_path / HTMX).write_text("1")
    assert creer_environnement(GABARITS, statique=tmp_path).globals["htmx_present"] is True


def test_une_saisie_fautive_revient_telle_quelle_et_reliee_a_sa_faute(env: Environment) -> None:
    fautes = (Faute("montant", "Écrivez un montant."), Faute("fin", "Cette date n’existe pas."))
    source = """{{ ui.resume_erreurs(e) }}{{ ui.champ_montant("montant", "Montant", "douze <", e, "Aide.") }}
      {{ ui.champ_date("fin", "Fin", "31/02/2027", e) }}{{ ui.champ_texte("titre", "Titre", "Café", e) }}"""
    lecteur = Lecteur(rendre(env, source, e=fautes))
    montant, fin, titre = (lecteur.par_nom(n) for n in ("montant", "fin", "titre"))
    assert montant["value"] == "douze <"
    assert montant["aria-invalid"] == "true"
    assert montant["aria-describedby"] == "aide-montant erreur-montant suffixe-montant"
    assert (fin["type"], fin["value"]) == ("text", "31/02/2027")
    assert "aria-invalid" not in titre
    assert lecteur.attributs("href") == ["#champ-montant", "#champ-fin"]
    assert {"champ-montant", "champ-fin"} <= set(lecteur.attributs("id"))


def test_un_groupe_fautif_se_joint_par_sa_premiere_reponse(env: Environment) -> None:
    source = '{{ ui.champ_radios("duree", "Durée", 3, e, options=[("1", "Un an"), ("3", "Trois ans")]) }}'
    lecteur = Lecteur(rendre(env, source, e=[{"champ": "duree", "message": "Choisissez."}]))
    radios = [a for t, a in lecteur.elements if t == "input"]
    assert [r["id"] for r in radios] == ["champ-duree", "champ-duree-2"]
    assert ["checked" in r for r in radios] == [False, True]
    groupe = next(a for t, a in lecteur.elements if t == "fieldset")
    assert (groupe["role"], groupe["aria-describedby"], groupe["aria-invalid"]) == (
        "radiogroup",
        "erreur-duree",
        "true",
    )


def test_une_date_juste_garde_le_champ_de_date(env: Environment) -> None:
    lecteur = Lecteur(rendre(env, '{{ ui.champ_date("debut", "Début", jour) }}', jour=date(2027, 3, 9)))
    assert (lecteur.par_nom("debut")["type"], lecteur.par_nom("debut")["value"]) == ("date", "2027-03-09")


def test_un_choix_retient_la_reponse_dans_son_groupe(env: Environment) -> None:
    groupes = {"Mulhouse": [("d", "Drouot")], "Illzach": [("j", "Jonquilles")]}
    rendu = rendre(env, '{{ ui.champ_choix("q", "Quartier", "j", options=o, invite="Choisir") }}', o=groupes)
    assert re.findall(r'value="(\w+)" selected', rendu) == ["j"]
    assert re.findall(r'optgroup label="(\w+)"', rendu) == ["Mulhouse", "Illzach"]


def test_un_formulaire_post_porte_son_jeton_et_un_get_non(env: Environment) -> None:
    post = rendre(env, '{% call ui.formulaire("/x", "jeton") %}a{% endcall %}')
    assert '<input type="hidden" name="_csrf" value="jeton">' in post
    assert "_csrf" not in rendre(env, '{% call ui.formulaire("/x", methode="get") %}a{% endcall %}')
    assert "_csrf" not in rendre(env, '{{ ui.filtre("/x") }}')


def test_une_enveloppe_depassee_le_dit(env: Environment) -> None:
    source = '{{ ui.jauge_enveloppe("j", "Illzach", Euros(100_00), Euros(90_00), Euros(20_00)) }}'
    rendu = rendre(env, source.replace("Euros(", "e("), e=Euros)
    assert "Dépassé de 10\u00a0€" in rendu
    assert 'width="81.82%"' in rendu
    assert "Reste" in rendre(env, '{{ ui.jauge_enveloppe("j", "Illzach", 10000, 9000) }}')


def test_un_texte_saisi_ne_devient_pas_du_html(env: Environment) -> None:
    rendu = rendre(
        env, '{{ ui.alerte(t) }}{{ ui.etat(t, "oui") }}{{ ui.barres("b", t, [{"libelle": t, "valeur": 1}]) }}', t="<i>"
    )
    assert "<i>" not in rendu
    assert "&lt;i&gt;" in rendu


@pytest.mark.parametrize(
    ("brut", "attendu"),
    [
        ("Où en est-il ?", "Où en est-il\u202f?"),
        ("« Café » : 12 € ; 5 % !", "«\u00a0Café\u00a0»\u00a0: 12\u00a0€\u202f; 5\u00a0%\u202f!"),
        ("à 23 h 59, ou 18 h", "à 23\u00a0h\u00a059, ou 18\u00a0h"),
        ("3 362 471 € en 2026", "3\u202f362\u202f471\u00a0€ en 2026"),
        ("https://exemple.fr/?a=b;c 12:30", "https://exemple.fr/?a=b;c 12:30"),
        ("2 heures, 12 habitants", "2 heures, 12 habitants"),
    ],
)
def test_typo_pose_les_espaces_insecables(brut: str, attendu: str) -> None:
    assert gabarits.typo(brut) == attendu
    assert gabarits.typo(attendu) == attendu


def test_typo_garde_ce_qui_est_du_html_et_ce_qui_ne_l_est_pas() -> None:
    assert isinstance(gabarits.typo(Markup("<b>Quoi ?</b>")), Markup)
    assert not isinstance(gabarits.typo("<b>Quoi ?</b>"), Markup)


def test_le_texte_fixe_d_un_gabarit_est_mis_en_typographie_mais_pas_ses_donnees(env: Environment) -> None:
    assert rendre(env, "<p>{{ nom }} : quoi ?</p>", nom="a : b") == "<p>a : b\u00a0: quoi\u202f?</p>"


@pytest.mark.parametrize(
    ("rendu", "attendu"),
    [
        (gabarits.euros(Euros(12_345_67)), "12\u202f345,67\u00a0€"),
        (gabarits.euros(-100_00), "−100\u00a0€"),
        (gabarits.euros(None), "—"),
        (gabarits.montant_saisi(Euros(2_400_00)), "2\u202f400"),
        (gabarits.montant_saisi("douze"), "douze"),
        (gabarits.montant_saisi(None), ""),
        (gabarits.pourcentage(Fraction(-33, 200)), "−17\u00a0%"),
        (gabarits.pourcentage(Decimal("0.475"), 1), "47,5\u00a0%"),
        (gabarits.pourcentage(None), "—"),
        (gabarits.nombre(28_700), "28\u202f700"),
        (gabarits.nombre(Decimal("-1234.5")), "−1\u202f234,5"),
        (gabarits.nombre(None), "—"),
        (gabarits.compte(1000), "1\u202f000"),
        (gabarits.compte(1001), "plus de 1\u202f000"),
        (gabarits.compte(101, 100), "plus de 100"),
        (gabarits.note(Fraction(157, 2)), "78,5"),
        (gabarits.note(Decimal("88.04")), "88"),
        (gabarits.note(None), "—"),
        (gabarits.accord(1, "complet", "complets"), "complet"),
        (gabarits.en_nombre(0, "dossier", "dossiers"), "0\u00a0dossier"),
        (gabarits.en_nombre(2, "dossier", "dossiers"), "2\u00a0dossiers"),
        (gabarits.date_longue(date(2027, 3, 1)), "lundi 1er mars 2027"),
        (gabarits.date_longue(None), "—"),
        (gabarits.date_courte("2026-12-04"), "4\u00a0déc.\u00a02026"),
        (gabarits.date_courte(date(2027, 2, 1)), "1er\u00a0févr.\u00a02027"),
        (gabarits.date_courte(None), "—"),
        (gabarits.date_longue(datetime(2026, 12, 4, 23, 30, tzinfo=UTC)), "samedi 5 décembre 2026"),
        (gabarits.date_longue("2026-12-04T23:30:00+00:00"), "samedi 5 décembre 2026"),
        (gabarits.instant_long("2026-12-04T22:59:00+00:00"), "vendredi 4 décembre 2026 à 23\u00a0h\u00a059"),
        (gabarits.instant_long(None), "—"),
        (gabarits.date_saisie(None), ""),
        (gabarits.iso(date(2026, 12, 4)), "2026-12-04"),
        (gabarits.affiche(1200, "euros"), "12\u00a0€"),
        (gabarits.proportion(Euros(1), Euros(3)), "33.33%"),
        (gabarits.proportion(5, 2), "100%"),
        (gabarits.proportion(-5, 2), "0%"),
        (gabarits.proportion(5, 0), "0%"),
    ],
)
def test_les_filtres_ecrivent_a_la_francaise(rendu: str, attendu: str) -> None:
    assert rendu == attendu


def test_une_part_sans_total_est_inconnue() -> None:
    assert gabarits.part_de(Euros(1), Euros(4)) == Fraction(1, 4)
    assert gabarits.part_de(1, 0) is None


def test_une_unite_inconnue_leve(env: Environment) -> None:
    with pytest.raises(KeyError):
        gabarits.affiche(1, "francs")


def test_l_adresse_d_un_fichier_suit_son_contenu(tmp_path: Path) -> None:
    fichier = tmp_path / "a.css"
    fichier.write_text("a{}")
    premiere = adresses_statiques(tmp_path)("a.css")
    fichier.write_text("b{}")
    seconde = adresses_statiques(tmp_path)("a.css")
    assert re.fullmatch(r"/static/a\.css\?v=[0-9a-f]{10}", premiere)
    assert premiere != seconde
    with pytest.raises(FileNotFoundError):
        adresses_statiques(tmp_path)("absent.css")


def test_l_empreinte_se_calcule_une_fois(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    url = adresses_statiques(tmp_path)
    avant = url("a.css")
    (tmp_path / "a.css").unlink()
    assert url("a.css") == avant


def test_une_page_du_porteur_ne_demande_que_deux_fichiers(env: Environment) -> None:
    page = env.get_template("base.html").render(titre="Accueil")
    assert re.findall(r'<(?:link rel="stylesheet"|script)[^>]+"(/static/[^"?]+)', page) == [
        "/static/iq.css", "/static/iq.js",
    ]  # fmt: skip
    for nom, (_, _, fichiers) in LOTS.items():
        octets = lot(STATIQUE, nom)
        assert all((STATIQUE / f).read_bytes().strip() in octets for f in fichiers)


def test_les_feuilles_ne_chargent_rien_du_dehors() -> None:
    feuilles = sorted(STATIQUE.glob("css/*.css"))
    assert len(feuilles) >= 6
    for feuille in feuilles:
        assert not re.search(r"url\(|@import|https?://", feuille.read_text(encoding="utf-8")), feuille.name


def _luminance(couleur: str) -> float:
    canaux = [int(couleur[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    lineaires = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in canaux]
    return 0.2126 * lineaires[0] + 0.7152 * lineaires[1] + 0.0722 * lineaires[2]


def contraste(a: str, b: str) -> float:
    clair, sombre = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (clair + 0.05) / (sombre + 0.05)


TEXTES = [
    *((texte, fond) for texte in ("encre", "encre-2", "encre-3", "bleu") for fond in ("fond", "papier", "papier-2")),
    *((f"{c}", f"{c}-pale") for c in ("vert", "ambre", "rouge", "bleu", "framboise")),
    ("encre-2", "bleu-pale"), ("encre-2", "vert-pale"), ("encre-2", "ambre-pale"), ("encre-2", "rouge-pale"),
    ("encre-2", "framboise-pale"), ("framboise-fonce", "framboise-pale"), ("framboise", "fond"), ("rouge", "fond"),
    ("fond", "bleu"), ("fond", "bleu-fonce"), ("fond", "rouge"), ("fond", "rouge-fonce"), ("fond", "vert"),
]  # fmt: skip


@pytest.mark.parametrize(("texte", "fond", "seuil"), [*((t, f, 4.5) for t, f in TEXTES), ("filet-fort", "fond", 3.0)])
def test_les_couleurs_gardent_un_contraste_suffisant(texte: str, fond: str, seuil: float) -> None:
    jetons = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", (STATIQUE / "css/jetons.css").read_text(encoding="utf-8")))
    assert contraste(jetons[texte], jetons[fond]) >= seuil


def test_le_verrou_npm_ne_porte_ni_adresse_ni_autre_paquet_que_htmx() -> None:
    texte = (RACINE / "package-lock.json").read_text(encoding="utf-8")
    assert "http" not in texte
    paquets = json.loads(texte)["packages"]
    assert set(paquets) == {"", "node_modules/htmx.org"}
    assert paquets["node_modules/htmx.org"]["version"].startswith("2.")


def test_un_chargeur_de_remplacement_voit_les_memes_filtres() -> None:
    env = creer_environnement(GABARITS)
    env.loader = DictLoader({"a.html": "{{ 2 | pluriel('dossier', 'dossiers') }}"})
    assert env.get_template("a.html").render() == "2\u00a0dossiers"
