"""Ce que chaque section de la fiche montre, et ce que son formulaire propose d'avance."""

from __future__ import annotations

from typing import Any

from app.infra.gabarits import date_courte, date_longue
from app.referentiels.acteurs.models import MoyensHumains
from app.referentiels.acteurs.repository.fiche import FicheLue
from app.referentiels.acteurs.rules.fiche import Section, en_etpt, grouper_iban, masquer_iban

VIDE = "Non renseigné"
Paires = list[tuple[str, str]]
_MOYENS = (
    ("benevoles", "Bénévoles"),
    ("volontaires", "Volontaires"),
    ("salaries", "Salariés"),
    ("emplois_aides", "Dont emplois aidés"),
    ("mis_a_disposition", "Mis à disposition"),
    ("adherents", "Adhérents"),
)


def _ou_vide(texte: str | None) -> str:
    return texte or VIDE


def _oui_non(valeur: bool | None) -> str:
    return VIDE if valeur is None else "Oui" if valeur else "Non"


def _adresse(*morceaux: str) -> str:
    voie, code, commune = morceaux[:3]
    return ", ".join(m for m in (voie, f"{code} {commune}".strip(), *morceaux[3:]) if m)


def _personne(personne: Any, prefixe: str = "") -> Paires:
    """Prénom, nom, fonction et de quoi joindre ; une ligne si rien n'est écrit."""
    lu = {c: getattr(personne, prefixe + c, "") for c in ("prenom", "nom", "fonction", "telephone", "courriel")}
    nom = f"{lu['prenom']} {lu['nom']}".strip()
    termes = (("Nom", nom), ("Fonction", lu["fonction"]), ("Téléphone", lu["telephone"]), ("Courriel", lu["courriel"]))
    return [(terme, valeur) for terme, valeur in termes if valeur]


def _identite(lue: FicheLue) -> Paires:
    o = lue.organisation
    rendu = [("Nom", f"{o.nom} ({o.sigle})" if o.sigle else o.nom), ("Forme", o.forme.libelle), ("SIRET", o.siret)]
    if o.registre_tribunal:
        quoi = f"Tribunal de {o.registre_tribunal}, volume {o.registre_volume}, folio {o.registre_folio}"
        rendu.append(("Registre des associations", f"{quoi}, le {date_longue(o.registre_inscrit_le)}"))
    if o.rna:
        rendu.append(("Numéro RNA", o.rna))
    if o.recepisse:
        rendu.append(("Récépissé de déclaration", o.recepisse))
    if lue.fiche is not None and lue.fiche.site_web:
        rendu.append(("Site", lue.fiche.site_web))
    return rendu


def _adresses(lue: FicheLue) -> Paires:
    o, fiche = lue.organisation, lue.fiche
    deleguee = fiche.commune_deleguee if fiche is not None else ""
    rendu = [("Siège", _ou_vide(_adresse(o.adresse, o.code_postal, o.commune, deleguee)))]
    if fiche is not None and fiche.correspondance_adresse:
        ailleurs = (fiche.correspondance_adresse, fiche.correspondance_code_postal, fiche.correspondance_commune)
        rendu.append(("Correspondance", _adresse(*ailleurs)))
    return [*rendu, ("Courriel", _ou_vide(o.courriel)), ("Téléphone", _ou_vide(o.telephone))]


def _representant(lue: FicheLue) -> Paires:
    rendu = _personne(lue.representant) or [("Nom", VIDE)]
    if lue.prochain is not None:
        suivant = f"{lue.prochain.prenom} {lue.prochain.nom}, {lue.prochain.fonction}"
        rendu.append((f"À partir du {date_courte(lue.prochain.depuis)}", suivant))
    return rendu


def _contact(lue: FicheLue) -> Paires:
    return _personne(lue.fiche, "contact_") or [("Personne", "Le représentant légal")]


def _administration(lue: FicheLue) -> Paires:
    f = lue.fiche
    if f is None:
        return [("Agréments", VIDE), ("Reconnue d’utilité publique", VIDE), ("Impôts commerciaux", VIDE)]
    agrements = [f"{a['type']}, par {a['par']}, le {date_courte(a['date'])}" for a in f.agrements]
    utilite = _oui_non(f.est_reconnue_utilite)
    if f.utilite_jo_le is not None:
        utilite += f", Journal officiel du {date_longue(f.utilite_jo_le)}"
    minimis = _oui_non(f.a_aides_minimis)
    return [
        ("Agréments", " ; ".join(agrements) or "Aucun"),
        ("Reconnue d’utilité publique", utilite),
        ("Assujettie aux impôts commerciaux", _oui_non(f.est_assujettie)),
        ("Aides de minimis", f"{minimis} : {f.aides_minimis}" if f.a_aides_minimis else minimis),
    ]


def _reseaux(lue: FicheLue) -> Paires:
    f = lue.fiche
    return [
        ("Réseaux, unions, fédérations", (", ".join(f.reseaux) if f is not None else "") or "Aucun"),
        ("Personnes morales adhérentes", (", ".join(f.personnes_morales) if f is not None else "") or "Aucune"),
    ]


def _en_ligne(moyens: MoyensHumains) -> str:
    parts = [f"{libelle.lower()} {getattr(moyens, nom)}" for nom, libelle in _MOYENS]
    parts.insert(4, f"ETPT {en_etpt(moyens.etpt_centiemes)}")
    return ", ".join(parts)


def _moyens(lue: FicheLue) -> Paires:
    return [(f"Au 31 décembre {m.annee}", _en_ligne(m)) for m in lue.moyens] or [("Au 31 décembre dernier", VIDE)]


def _banque(lue: FicheLue, *, montre_iban: bool) -> Paires:
    c = lue.compte
    if c is None:
        return [("Compte", VIDE)]
    iban = grouper_iban(c.iban) if montre_iban else masquer_iban(c.iban)
    return [("Titulaire", c.titulaire), ("Banque", c.banque), ("IBAN", iban)] + (
        [("BIC", c.bic)] if montre_iban else []
    )


def _engagement(lue: FicheLue) -> Paires:
    e = lue.engagement
    if e is None:
        return [("Attesté", "Pas encore")]
    return [("Attesté par", f"{e.nom}, {e.qualite}"), ("Le", date_longue(e.atteste_at))]


_MONTRER = {
    Section.IDENTITE: _identite,
    Section.ADRESSES: _adresses,
    Section.REPRESENTANT: _representant,
    Section.CONTACT: _contact,
    Section.ADMINISTRATION: _administration,
    Section.RESEAUX: _reseaux,
    Section.MOYENS: _moyens,
    Section.ENGAGEMENT: _engagement,
}


def paires(section: Section, lue: FicheLue, *, montre_iban: bool) -> Paires:
    """Les lignes d'une section. L'IBAN n'est entier que pour qui administre ou signe."""
    if section is Section.BANQUE:
        return _banque(lue, montre_iban=montre_iban)
    return _MONTRER[section](lue)


def _oui_ou_non(valeur: bool | None) -> str:
    return "" if valeur is None else "oui" if valeur else "non"


def en_saisie(section: Section, lue: FicheLue, annee: int) -> dict[str, Any]:
    """Ce que le formulaire de la section montre d'avance. Jamais un IBAN : on en ajoute un, on ne le récrit pas."""
    fiche = lue.fiche
    if section is Section.REPRESENTANT:
        return _attributs(lue.representant, ("fonction", "prenom", "nom", "telephone", "courriel"))
    if section is Section.MOYENS:
        moyens = next((m for m in lue.moyens if m.annee == annee), None)
        noms = tuple(nom for nom, _ in _MOYENS)
        etpt = en_etpt(moyens.etpt_centiemes) if moyens is not None else ""
        return _attributs(moyens, noms) | {"annee": str(annee), "etpt": etpt}
    if section in {Section.BANQUE, Section.ENGAGEMENT}:
        return {"qualite": lue.organisation.fonction_representant} if section is Section.ENGAGEMENT else {}
    champs = _attributs(fiche, tuple(_DE_LA_FICHE)) | _attributs(lue.organisation, _DE_L_ORGANISATION)
    if fiche is not None:
        champs["reseaux"] = "\n".join(fiche.reseaux)
        champs["personnes_morales"] = "\n".join(fiche.personnes_morales)
        for nom in ("est_reconnue_utilite", "est_assujettie", "a_aides_minimis"):
            champs[nom] = _oui_ou_non(getattr(fiche, nom))
        for rang, agrement in enumerate(fiche.agrements):
            champs |= {f"agrement_{cle}_{rang}": agrement[cle] for cle in ("type", "par", "date")}
    return champs


_DE_LA_FICHE = (
    "site_web", "commune_deleguee", "correspondance_adresse", "correspondance_code_postal", "correspondance_commune",
    "contact_prenom", "contact_nom", "contact_fonction", "contact_telephone", "contact_courriel", "utilite_jo_le",
    "aides_minimis",
)  # fmt: skip
_DE_L_ORGANISATION = (
    "nom", "sigle", "forme", "rna", "recepisse", "registre_tribunal", "registre_volume", "registre_folio",
    "registre_inscrit_le", "adresse", "code_postal", "commune", "courriel", "telephone",
)  # fmt: skip


def _attributs(objet: object, noms: tuple[str, ...]) -> dict[str, Any]:
    """Les valeurs d'un objet, vides s'il manque."""
    return {nom: "" if (valeur := getattr(objet, nom, None)) is None else valeur for nom in noms}
