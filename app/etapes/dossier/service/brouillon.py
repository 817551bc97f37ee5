"""Le brouillon : créer (ou repartir d'un dossier), enregistrer par compare-et-échange, envoyer en signature."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import depot_possible
from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.repository import edition
from app.etapes.dossier.repository.precedents import list_passees
from app.etapes.dossier.repository.referentiel import est_cer_connu, get_cadre, get_referentiel
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import champ
from app.etapes.dossier.rules.depot import FIGES_AU_DEPOT, CadreDepot, est_chemin_court, verifier_depot
from app.etapes.dossier.rules.echanges import sections_rouvertes
from app.etapes.dossier.rules.etats import MODIFIABLES, EtatDossier
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.lecture import Domaines, Valeur
from app.etapes.dossier.rules.reprise import valeurs_reprises
from app.etapes.dossier.service import portail_etat, reprise, signature
from app.etapes.dossier.service.resume import RESUMES, resumer
from app.etapes.dossier.service.vie import passer_dossier, roles_sur_dossier
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.rules.fiche import ENGAGEES
from app.referentiels.contrats import repository as contrats
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.models import LigneFinancement

ECRIT = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE})
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def nouvelle_reference() -> str:
    """Référence d'un brouillon : sans rang ni lettre ambiguë, elle ne dit rien du nombre de dossiers."""
    return "B-" + "".join(secrets.choice(ALPHABET) for _ in range(8))


def creer_brouillon(
    session: Session,
    *,
    acteur: Identite,
    appel: Appel,
    organisation: Organisation,
    maintenant: datetime,
    renouvelle: Dossier | None = None,
) -> Dossier:
    """Ouvre un brouillon dans la phase ouverte de l'appel, au besoin rempli d'après un dossier déposé, à revoir.

    Lève ActeInterdit, ActeImpossible (appel_clos) ou SaisieInvalide (dossier à renouveler).
    """
    if organisation.id not in acteur.organisations(ECRIT):
        raise ActeInterdit("Vous ne rédigez pas pour cette organisation.")
    if renouvelle is not None:
        _exiger_renouvelable(session, renouvelle, appel, organisation)
    refus = ActeImpossible("Cet appel n’a pas de phase ouverte.", code="appel_clos")
    for phase in appels.list_phases(session, appel.id):
        verdict = depot_possible(appel.etat, appels.intervalle(phase), maintenant)
        if verdict.possible:
            break
        refus = ActeImpossible(verdict.motif, code=verdict.code)
    else:
        raise refus
    dossier = Dossier(
        contrat_id=appel.contrat_id,
        appel_id=appel.id,
        phase_id=phase.id,
        version_id=appel.version_id,
        organisation_id=organisation.id,
        reference=nouvelle_reference(),
        etat=EtatDossier.BROUILLON,
        renouvelle_id=renouvelle.id if renouvelle is not None else None,
        est_fictif=organisation.est_fictif,
        cree_at=maintenant,
        cree_par=acteur.acteur,
        modifie_at=maintenant,
    )
    session.add(dossier)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="dossier.cree", objet=dossier.reference, acteur=acteur.acteur,
        maintenant=maintenant, apres={"appel": appel.code, "organisation": organisation.code},
    )  # fmt: skip
    if renouvelle is not None:
        _recopier(session, renouvelle, dossier, appel, organisation, acteur, maintenant)
    return dossier


def _est_renouvelable(source: Dossier, contrat_id: int, organisation_id: int) -> bool:
    return source.numero is not None and (source.contrat_id, source.organisation_id) == (contrat_id, organisation_id)


def _exiger_renouvelable(session: Session, source: Dossier, appel: Appel, organisation: Organisation) -> None:
    phrase = ""
    if not _est_renouvelable(source, appel.contrat_id, organisation.id):
        phrase = "Choisissez un dossier déjà déposé par cette organisation, dans ce contrat."
    elif appels.get_appel(session, source.appel_id).annee >= appel.annee:
        phrase = f"Un renouvellement suit un dossier d’une année passée : choisissez-en un d’avant {appel.annee}."
    if phrase:
        raise SaisieInvalide([Faute("renouvelle", phrase, "renouvellement_impossible")])


def _recopier(
    session: Session,
    source: Dossier,
    dossier: Dossier,
    appel: Appel,
    organisation: Organisation,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    """Les champs repris portent la version 0 : « à revoir » tant que leur étape n'est pas enregistrée."""
    fige = repository.get_version(session, source.id)
    passees = list_passees(session, source.id)
    valeurs = valeurs_reprises(
        fige.contenu if fige is not None else {}, source.numero or "", passees, appel.annee, domaines(session, dossier)
    )
    for code, valeur in valeurs.items():
        session.add(
            Champ(
                contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code, valeur=valeur, version=0,
                par=acteur.acteur, a=maintenant,
            )
        )  # fmt: skip
    resumer(dossier, valeurs, organisation, appel.annee)
    session.flush()


def domaines(session: Session, dossier: Dossier) -> Domaines:
    """Les codes qu'un dossier peut citer : ceux de sa version du contrat."""
    return get_referentiel(session, dossier.contrat_id, dossier.version_id).domaines


def exiger_modifiable(acteur: Identite, dossier: Dossier) -> None:
    """Refuse d'écrire dans un dossier qui n'est pas le sien, ou qui ne se modifie plus."""
    if not roles_sur_dossier(acteur, dossier) & ECRIT:
        raise ActeInterdit("Vous pouvez lire ce dossier, pas le modifier.")
    if dossier.etat not in MODIFIABLES:
        phrase = "Ce dossier ne se modifie plus. Pour corriger un dossier à signer, reprenez d’abord la rédaction."
        raise ActeImpossible(phrase, code="dossier_fige")


def enregistrer(
    session: Session,
    identifiant: str,
    valeurs: Mapping[str, Valeur],
    *,
    acteur: Identite,
    maintenant: datetime,
    versions: Mapping[str, int] | None = None,
    version_lue: int | None = None,
) -> Dossier:
    """Enregistre des champs par compare-et-échange ; un champ inchangé ne compte pas.

    `version_lue` : la version du dossier entier (API) ; sinon `versions[code]`, celle de chaque champ lu (0 : jamais
    rempli, ou repris et jamais relu). Si quelque chose a bougé, rien n'est écrit et VersionPerimee porte, par champ,
    (valeur enregistrée, valeur saisie). Lève aussi ActeInterdit, ActeImpossible ou SaisieInvalide.
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    exiger_modifiable(acteur, dossier)
    champs = repository.list_champs(session, dossier.id, verrou=True)
    valeurs = _avec_le_numero(session, dossier, champs, _avec_l_an_dernier(session, dossier, valeurs))
    changes = {code: valeur for code, valeur in valeurs.items() if _valeur(champs, code) != valeur}
    relus = {code for code in valeurs if code in champs and champs[code].version == 0}
    _exiger_admis(session, dossier, valeurs, changes)
    _exiger_lues(dossier, champs, changes, versions or {}, version_lue)
    if "renouvelle" in changes:
        dossier.renouvelle_id = _dossier_renouvele(session, dossier, changes["renouvelle"], acteur)
    edition.oublier(session, dossier.id, acteur.acteur, valeurs)
    for code in changes.keys() | relus:
        _ecrire(session, dossier, champs, code, valeurs[code], acteur, maintenant)
    if changes:
        dossier.version += 1
    if changes or relus:
        dossier.modifie_at = maintenant
    if dossier.etat is EtatDossier.BROUILLON and changes.keys() & RESUMES:
        cadre_du_dossier = get_cadre(session, dossier)
        contenu = {code: c.valeur for code, c in champs.items() if c.valeur is not None}
        resumer(dossier, contenu, cadre_du_dossier.organisation, cadre_du_dossier.appel.annee)
    return dossier


def _dossier_renouvele(session: Session, dossier: Dossier, numero: Valeur, acteur: Identite) -> int | None:
    """La clé du dossier que celui-ci renouvelle ; rien si le champ est vidé. Lève SaisieInvalide."""
    if not numero:
        return None
    try:
        source = repository.get_dossier(session, str(numero), acteur)
    except Introuvable:
        source = None
    if source is None or not _est_renouvelable(source, dossier.contrat_id, dossier.organisation_id):
        phrase = "Votre organisation n’a déposé aucun dossier de ce numéro dans ce contrat. Sinon, laissez vide."
        raise SaisieInvalide([Faute("renouvelle", phrase, "renouvellement_impossible")])
    appel = appels.get_appel(session, dossier.appel_id)
    _exiger_renouvelable(session, source, appel, session.get_one(Organisation, dossier.organisation_id))
    return source.id


def _avec_l_an_dernier(session: Session, dossier: Dossier, valeurs: Mapping[str, Valeur]) -> Mapping[str, Valeur]:
    if dossier.renouvelle_id is None or "precedents" not in valeurs:
        return valeurs
    return reprise.completer(session, dossier, appels.get_appel(session, dossier.appel_id).annee, valeurs)


def _avec_le_numero(
    session: Session, dossier: Dossier, champs: Mapping[str, Champ], valeurs: Mapping[str, Valeur]
) -> Mapping[str, Valeur]:
    """Un numéro du portail qui change passe par la même porte que partout. Lève SaisieInvalide."""
    code = portail_etat.CODE
    if code not in valeurs or valeurs[code] == _valeur(champs, code):
        return valeurs
    return {**valeurs, code: portail_etat.au_brouillon(session, dossier, str(valeurs[code] or ""))}


def _valeur(champs: Mapping[str, Champ], code: str) -> Any:
    return champs[code].valeur if code in champs else None


def _exiger_admis(
    session: Session, dossier: Dossier, valeurs: Mapping[str, Valeur], changes: Mapping[str, Valeur]
) -> None:
    fautes = [Faute(code, "Ce champ n’existe pas.", "champ_inconnu") for code in valeurs if champ(code) is None]
    if dossier.numero is not None:
        phrase = "Ce qui est demandé est figé depuis le dépôt : il ne se change plus."
        fautes += [Faute(code, phrase, "fige_au_depot") for code in sorted(changes.keys() & FIGES_AU_DEPOT)]
    if dossier.etat is EtatDossier.A_COMPLETER:
        rouvertes = sections_ouvertes(session, dossier)
        phrase = "Cette étape n’est pas rouverte : le complément demandé ne la concerne pas."
        fautes += [
            Faute(code, phrase, "etape_fermee")
            for code in sorted(changes)
            if (c := champ(code)) is not None and c.section not in rouvertes
        ]
    if fautes:
        raise SaisieInvalide(fautes)


def sections_ouvertes(session: Session, dossier: Dossier) -> frozenset[Section]:
    """Les étapes que le porteur peut changer : toutes en brouillon, celles que visent les compléments ensuite."""
    if dossier.etat is not EtatDossier.A_COMPLETER:
        return frozenset(Section)
    attendus = repository.list_complements_attendus(session, [dossier.id])
    return sections_rouvertes(c.sections for c in attendus)


def _exiger_lues(
    dossier: Dossier,
    champs: Mapping[str, Champ],
    changes: Mapping[str, Valeur],
    versions: Mapping[str, int],
    version_lue: int | None,
) -> None:
    if version_lue is not None:
        perimes = list(changes)
        if version_lue == dossier.version:
            return
    else:
        perimes = [c for c in changes if versions.get(c, 0) != (champs[c].version if c in champs else 0)]
        if not perimes:
            return
    phrase = "Quelqu’un d’autre a enregistré entre-temps. Rien n’est perdu : choisissez, puis enregistrez."
    raise VersionPerimee(phrase, {code: (_valeur(champs, code), changes[code]) for code in perimes})


def _ecrire(
    session: Session,
    dossier: Dossier,
    champs: dict[str, Champ],
    code: str,
    valeur: Valeur,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    actuel = champs.get(code)
    if actuel is None:
        champs[code] = Champ(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code, valeur=valeur, version=1,
            par=acteur.acteur, a=maintenant,
        )  # fmt: skip
        session.add(champs[code])
        return
    actuel.valeur, actuel.version = valeur, actuel.version + 1
    actuel.par, actuel.a = acteur.acteur, maintenant


def cadre(
    session: Session,
    dossier: Dossier,
    appel: Appel,
    organisation: Organisation,
    connues: Sequence[LigneFinancement] | None = None,
    *,
    cer_connu: bool | None = None,
) -> CadreDepot:
    """Le cadre du dépôt de ce dossier. Les noms des financeurs (`connues`) ne se lisent que pour plusieurs années.

    `cer_connu` : ce qu'en dit le cadre déjà lu (`Cadre.cer_connu`) ; sinon, une requête pour une association.
    """
    contrat = contrats.get_contrat(session, dossier.contrat_id)
    if connues is None:
        connues = lignes.list_lignes(session, dossier.contrat_id) if dossier.duree_annees > 1 else ()
    cer_exige = organisation.forme in ENGAGEES
    if cer_connu is None:
        cer_connu = cer_exige and est_cer_connu(session, organisation)
    return CadreDepot(
        annee=appel.annee,
        derniere_annee=contrat.fin.year,
        seuil_court=appel.seuil_court,
        cer_exige=cer_exige,
        cer_connu=cer_connu,
        fin_contrat=contrat.fin,
        financeurs={ligne.code: ligne.financeur for ligne in connues},
    )


def manques(session: Session, dossier: Dossier, appel: Appel, organisation: Organisation) -> tuple[Faute, ...]:
    """Tout ce qui manque pour déposer."""
    contenu = repository.contenu(session, dossier.id)
    return verifier_depot(contenu, cadre(session, dossier, appel, organisation))


def envoyer_en_signature(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime) -> Dossier:
    """Envoie un dossier complet à la signature. Lève SaisieInvalide avec tout ce qui manque."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    appel = appels.get_appel(session, dossier.appel_id)
    organisation = session.get_one(Organisation, dossier.organisation_id)
    contenu: dict[str, Any] = repository.contenu(session, dossier.id)
    fautes = verifier_depot(contenu, cadre(session, dossier, appel, organisation))
    if fautes:
        raise SaisieInvalide(list(fautes), "Il manque encore quelque chose à ce dossier.")
    passer_dossier(session, dossier, "envoyer_en_signature", acteur=acteur, maintenant=maintenant)
    dossier.est_chemin_court = est_chemin_court(lire_budget(contenu, appel.annee), appel.seuil_court)
    dossier.version += 1
    return dossier


def reprendre(session: Session, identifiant: str, *, acteur: Identite, maintenant: datetime) -> Dossier:
    """Revient à la rédaction ; une signature déjà donnée tombe."""
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    passer_dossier(session, dossier, "reprendre", acteur=acteur, maintenant=maintenant)
    signature.oublier(dossier)
    dossier.version += 1
    return dossier
