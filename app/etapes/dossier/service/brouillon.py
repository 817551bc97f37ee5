"""Le brouillon : créer, enregistrer champ par champ (compare-et-échange), envoyer en signature, reprendre."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import depot_possible
from app.etapes.contrat import repository as contenus
from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.rules.budget import lire_budget
from app.etapes.dossier.rules.champs import champ
from app.etapes.dossier.rules.depot import CadreDepot, est_chemin_court, verifier_depot
from app.etapes.dossier.rules.etats import MODIFIABLES, EtatDossier
from app.etapes.dossier.rules.lecture import Domaines, Valeur
from app.etapes.dossier.service.vie import passer_dossier, roles_sur_dossier
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, SaisieInvalide, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.contrats import repository as contrats
from app.referentiels.lignes import repository as lignes

ECRIT = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE})
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
SOUMIS_AU_CER = frozenset({FormeOrganisation.ASSOCIATION, FormeOrganisation.FONDATION})


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
    """Ouvre un brouillon dans la phase ouverte de l'appel. Lève ActeInterdit ou ActeImpossible (appel_clos)."""
    if organisation.id not in acteur.organisations(ECRIT):
        raise ActeInterdit("Vous ne rédigez pas pour cette organisation.")
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
    return dossier


def domaines(session: Session, dossier: Dossier) -> Domaines:
    """Les codes qu'un dossier peut citer : ceux de sa version du contrat."""
    fiches = repository.list_fiches(session, dossier.version_id)
    objectifs, operationnels = contenus.codes_d_objectifs(session, dossier.version_id)
    return Domaines(
        {
            "objectifs": objectifs,
            "operationnels": operationnels,
            "fiches": frozenset(f.code for f, _, _ in fiches),
            "communes": frozenset(c.insee for _, c, _ in fiches),
            "quartiers": frozenset(q.code for _, _, q in fiches),
            "priorites": frozenset(
                f"{code}:{p.rang}" for p, code in repository.list_priorites(session, dossier.version_id)
            ),
            "lignes": frozenset(ligne.code for ligne in lignes.list_lignes(session, dossier.contrat_id)),
        }
    )


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
    versions: Mapping[str, int],
    acteur: Identite,
    maintenant: datetime,
) -> Dossier:
    """Enregistre des champs par compare-et-échange : `versions[code]` est la version lue (0 : jamais rempli).

    Un champ inchangé ne compte pas. Si un champ a bougé entre-temps, rien n'est écrit et VersionPerimee porte, par
    champ, (valeur enregistrée, valeur saisie).
    """
    dossier = repository.get_dossier(session, identifiant, acteur, verrou=True)
    exiger_modifiable(acteur, dossier)
    inconnus = [code for code in valeurs if champ(code) is None]
    if inconnus:
        raise SaisieInvalide([Faute(code, "Ce champ n’existe pas.", "champ_inconnu") for code in inconnus])
    champs = repository.list_champs(session, dossier.id, verrou=True)
    conflits: dict[str, tuple[object, object]] = {}
    a_ecrire: dict[str, Valeur] = {}
    for code, valeur in valeurs.items():
        actuel = champs.get(code)
        if (actuel.valeur if actuel else None) == valeur:
            continue
        if versions.get(code, 0) != (actuel.version if actuel else 0):
            conflits[code] = (actuel.valeur if actuel else None, valeur)
        a_ecrire[code] = valeur
    if conflits:
        phrase = "Quelqu’un d’autre a enregistré entre-temps. Rien n’est perdu : choisissez, puis enregistrez."
        raise VersionPerimee(phrase, conflits)
    for code, valeur in a_ecrire.items():
        _ecrire(session, dossier, champs.get(code), code, valeur, acteur, maintenant)
    if a_ecrire:
        dossier.version += 1
        dossier.modifie_at = maintenant
        if isinstance(titre := a_ecrire.get("titre", dossier.titre), str):
            dossier.titre = titre
    return dossier


def _ecrire(
    session: Session,
    dossier: Dossier,
    actuel: Champ | None,
    code: str,
    valeur: Valeur,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    if actuel is None:
        session.add(
            Champ(
                contrat_id=dossier.contrat_id, dossier_id=dossier.id, code=code, valeur=valeur, version=1,
                par=acteur.acteur, a=maintenant,
            )
        )  # fmt: skip
        return
    actuel.valeur, actuel.version = valeur, actuel.version + 1
    actuel.par, actuel.a = acteur.acteur, maintenant


def cadre(session: Session, dossier: Dossier, appel: Appel, organisation: Organisation) -> CadreDepot:
    """Le cadre du dépôt de ce dossier."""
    contrat = contrats.get_contrat(session, dossier.contrat_id)
    return CadreDepot(
        annee=appel.annee,
        derniere_annee=contrat.fin.year,
        seuil_court=appel.seuil_court,
        cer_exige=organisation.forme in SOUMIS_AU_CER,
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
    dossier.signe_le = dossier.signe_par = dossier.signe_version = None
    dossier.version += 1
    return dossier
