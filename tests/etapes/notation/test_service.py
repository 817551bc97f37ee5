"""Les actes : noter sans réécrire, rejouer, corriger un fait, ajuster, clore la recevabilité, comparer une grille."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier, FaitConstate, FaitExterne
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service import depot, recevabilite
from app.etapes.notation import repository, service
from app.etapes.notation.models import Ajustement, NoteEnregistree
from app.etapes.notation.repository.classement import Comptes, Filtres
from app.etapes.notation.rules import (
    NoteIrrejouable,
    criteres_vers_json,
    empreinte_de_note,
    empreinte_des_faits,
    faits_vers_json,
    total_des_gardes,
)
from app.infra.identite import Identite
from app.infra.jobs import noms_enregistres
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.grilles.rules import Fait, Statut, texte_canonique
from app.referentiels.lignes.models import LigneFinancement
from tests.etapes.notation.aide_dossier import (
    PLUS_TARD,
    Scene,
    declarer_recevable,
    un_dossier,
    une_scene,
)
from tests.etapes.notation.lecture_cas import la_grille
from tests.factories import MAINTENANT, identite, un_compte, un_contrat


@pytest.fixture
def scene(session: Session) -> Scene:
    return une_scene(session)


def noter(session: Session, dossier: Dossier) -> service.Bilan:
    return service.noter_dossier(session, dossier.id, acteur=service.SERVICE, maintenant=PLUS_TARD)


def notes(session: Session, dossier: Dossier, ligne: str = "M2A") -> Sequence[NoteEnregistree]:
    requete = (
        select(NoteEnregistree)
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier.id, LigneFinancement.code == ligne)
        .order_by(NoteEnregistree.rang)
    )
    return session.scalars(requete).all()


def taches(session: Session, nom: str) -> int:
    requete = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :nom")
    compte: int = session.execute(requete, {"nom": nom}).scalar_one()
    return compte


def etablir(session: Session, scene: Scene, dossier: Dossier, code: str, valeur: object, motif: str = "") -> Statut:
    statut = service.etablir_fait(
        session,
        str(dossier.numero),
        code,
        valeur,
        motif=motif,
        acteur=scene.agent(session),
        maintenant=MAINTENANT,  # type: ignore[arg-type]
    )
    session.flush()
    return statut


# --- noter ----------------------------------------------------------------------------------------------------------


def test_un_dossier_recoit_une_note_par_ligne_ouverte(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    assert noter(session, dossier) == service.Bilan(dossiers=1, ajoutees=2, dernier=dossier.id)
    (note,) = notes(session, dossier)
    assert (note.rang, note.acteur, note.a) == (1, "service", PLUS_TARD)
    assert note.est_provisoire
    assert note.minimum < note.maximum
    (changement,) = service.list_changements(session, note.demande_id)
    assert changement.phrase.startswith("Première note m2A : entre ")
    assert {"type_action", "competence_m2a_etablie"} <= set(changement.note.faits_a_demander)
    assert len(notes(session, dossier, "BOP147")) == 1
    assert not notes(session, dossier, "MULHOUSE")


def test_renoter_sans_changement_n_ajoute_rien(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    avant = notes(session, dossier)[0].empreinte
    assert noter(session, dossier) == service.Bilan(dossiers=1, inchangees=2, dernier=dossier.id)
    assert [n.empreinte for n in notes(session, dossier)] == [avant]


def test_une_note_gardee_se_rejoue_au_bit_pres(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    etablir(session, scene, dossier, "beneficiaires", 50, "Feuille de présence de l’an dernier.")
    service.noter_dossier(session, dossier.id, acteur="x", maintenant=PLUS_TARD)
    service.ajuster(
        session, str(dossier.numero), "M2A", critere="LAN", taux_pour_cent=60, motif="Interprète prévu.",
        acteur=scene.agent(session), maintenant=PLUS_TARD,
    )  # fmt: skip
    session.expire_all()
    rangs = notes(session, dossier)
    assert [n.rang for n in rangs] == [1, 2, 3]
    for changement in service.list_changements(session, rangs[0].demande_id):
        gardee, rejouee = changement.lue, changement.note
        assert texte_canonique(gardee.note.criteres) == criteres_vers_json(rejouee)
        assert (gardee.note.minimum, gardee.note.maximum) == rejouee.intervalle
        assert total_des_gardes(gardee.note.criteres) == (rejouee.minimum, rejouee.maximum)
        faits = faits_vers_json(rejouee.faits)
        assert texte_canonique(gardee.faits) == faits
        assert gardee.note.empreinte == empreinte_de_note(
            criteres_vers_json(rejouee), empreinte_des_faits(faits), rejouee.empreinte_grille, "[]"
        )


def test_une_note_dont_les_points_ne_se_rejouent_pas_ne_se_montre_pas(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    (note,) = notes(session, dossier)
    lue = repository.notes_courantes(session, [note.demande_id])[note.demande_id]
    session.expunge(note)
    note.criteres = [critere | {"taux": [100, 100]} for critere in note.criteres]
    with pytest.raises(NoteIrrejouable, match="à l’identique"):
        service.relire(session, lue)


def test_corriger_un_fait_ajoute_une_note_et_la_phrase_de_ce_qui_change(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    statut = etablir(session, scene, dossier, "part_qpv", Fraction(1, 2), "Trente sur soixante, d’après la liste.")
    assert statut is Statut.CORRIGE
    noter(session, dossier)
    premiere, seconde = notes(session, dossier)
    assert seconde.rang == 2
    apres, avant = service.list_changements(session, premiere.demande_id)
    assert "Public des quartiers prioritaires passe de 12 sur 12 à 8,4 sur 12" in apres.phrase
    assert apres.lue.faits["part_qpv"]["statut"] == "corrige"
    assert avant.lue.faits["part_qpv"] == {"statut": "declare", "valeur": {"fraction": "3/4"}}
    assert seconde.releve_id != premiere.releve_id
    assert seconde.releve_id == notes(session, dossier, "BOP147")[1].releve_id


def test_une_ligne_hors_champ_n_a_pas_de_note(session: Session, scene: Scene) -> None:
    demandes = [{"ligne": ligne, "annee": 2027, "montant": 400_000} for ligne in ("M2A", "MULHOUSE")]
    dossier = un_dossier(
        session, scene, fiches=["MARKSTEIN"], quartiers_beneficiaires=["QN06808M"], communes=["68376"],
        demandes=demandes,
    )  # fmt: skip
    assert noter(session, dossier) == service.Bilan(dossiers=1, ajoutees=1, dernier=dossier.id)
    assert not notes(session, dossier, "MULHOUSE")


def test_la_grille_dit_hors_champ_et_la_demande_ouverte_n_a_pas_de_note(session: Session, scene: Scene) -> None:
    demandes = [{"ligne": ligne, "annee": 2027, "montant": 400_000} for ligne in ("M2A", "MULHOUSE")]
    dossier = un_dossier(session, scene, demandes=demandes)
    etablir(session, scene, dossier, "fiches_visees", frozenset({"MARKSTEIN"}), "L’action se passe à Wittenheim.")
    assert noter(session, dossier) == service.Bilan(dossiers=1, ajoutees=1, hors_champ=1, dernier=dossier.id)


@pytest.mark.parametrize("etat", [EtatDemande.IRRECEVABLE, EtatDemande.DECIDEE, EtatDemande.RETIREE])
def test_une_demande_qui_n_est_plus_etudiee_ne_se_note_plus(session: Session, scene: Scene, etat: EtatDemande) -> None:
    dossier = un_dossier(session, scene)
    for demande in session.scalars(select(Demande).where(Demande.dossier_id == dossier.id)):
        demande.etat = etat
    session.flush()
    assert noter(session, dossier) == service.Bilan(dossiers=1, dernier=dossier.id)


def test_les_autres_annees_d_une_cpo_n_ont_pas_de_note_a_elles(session: Session, scene: Scene) -> None:
    demandes = [{"ligne": "M2A", "annee": annee, "montant": 400_000} for annee in (2027, 2028)]
    dossier = un_dossier(session, scene, duree="2", demandes=[*demandes], budget_produits=[
        {"compte": "74", "montant": 800_000, "statut": "acquis"},
    ])  # fmt: skip
    noter(session, dossier)
    requete = select(Demande.annee).join(NoteEnregistree, NoteEnregistree.demande_id == Demande.id)
    assert session.scalars(requete.where(Demande.dossier_id == dossier.id)).all() == [2027]


def test_la_grille_d_un_appel_ouvert_ne_change_plus(session: Session, scene: Scene) -> None:
    autre = replace(la_grille(), version="2027.1")
    grilles.enregistrer(session, scene.contrat.id, autre, MAINTENANT)
    trouvee = next(g for g in grilles.repository.list_grilles(session, scene.contrat.id) if g.version == "2027.1")
    scene.appel.grille_id = trouvee.id
    with pytest.raises(DBAPIError, match="ne change plus"):
        session.flush()


def test_une_grille_enregistree_ne_se_reecrit_pas(session: Session, scene: Scene) -> None:
    scene.contrat.grille.version = "2099"
    with pytest.raises(DBAPIError, match="permission denied"):
        session.flush()


def test_une_grille_alteree_ne_note_plus_rien(scene: Scene) -> None:
    contenu = scene.contrat.grille.contenu | {"intitule": "Une autre grille"}
    alteree = GrilleEnregistree(version="2027.0", contenu=contenu, empreinte="1" * 64)
    with pytest.raises(grilles.GrilleIllisible, match="altérée"):
        grilles.grille_de(alteree)
    alteree.contenu = {}
    with pytest.raises(grilles.GrilleIllisible, match="ne se lit pas"):
        grilles.grille_de(alteree)


def test_la_base_refuse_de_reecrire_ou_d_effacer_une_note(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    for requete in ("UPDATE note SET acteur = 'autre'", "DELETE FROM note", "UPDATE ajustement SET acteur = 'autre'"):
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(text(requete))


# --- l'appel entier -------------------------------------------------------------------------------------------------


def test_noter_un_appel_avance_par_lots_et_finit(session: Session, scene: Scene) -> None:
    dossiers = [un_dossier(session, scene) for _ in range(3)]
    premier = service.noter_appel(session, scene.appel, acteur="x", maintenant=PLUS_TARD, taille=2)
    assert premier == service.Bilan(dossiers=2, ajoutees=4, dernier=dossiers[1].id)
    assert premier is not None
    second = service.noter_appel(session, scene.appel, acteur="x", maintenant=PLUS_TARD, apres=dossiers[1].id)
    assert second == service.Bilan(dossiers=1, ajoutees=2, dernier=dossiers[2].id)
    assert service.noter_appel(session, scene.appel, acteur="x", maintenant=PLUS_TARD, apres=dossiers[2].id) is None


def test_noter_un_lot_coute_un_nombre_borne_de_requetes(session: Session, scene: Scene) -> None:
    compte = [0]

    def compter(*_: object) -> None:
        compte[0] += 1

    couts = []
    for nombre in (1, 6):
        for _ in range(nombre):
            un_dossier(session, scene)
        session.expire_all()
        connexion = session.connection()
        event.listen(connexion, "before_cursor_execute", compter)
        compte[0] = 0
        service.noter_appel(session, scene.appel, acteur="x", maintenant=PLUS_TARD)
        couts.append(compte[0])
        event.remove(connexion, "before_cursor_execute", compter)
    assert couts[1] <= couts[0] + 8, couts


# --- les faits ------------------------------------------------------------------------------------------------------


def test_les_faits_se_lisent_dans_l_ordre_contenu_externe_agent(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    scene.organisation.salaries_etp_centiemes = 250
    session.add(
        FaitExterne(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, code="bilan_precedent", valeur="accepte",
            source="suivi", constate_le=date(2026, 12, 1),
        )
    )  # fmt: skip
    session.flush()
    etablir(session, scene, dossier, "type_action", "lien_social")
    faits = repository.faits_du_dossier(session, [dossier.id])[dossier.id]
    assert faits.fait("etp_porteur") == Fait(Fraction(5, 2))
    assert faits.fait("bilan_precedent") == Fait("accepte", Statut.VERIFIE)
    assert faits.fait("type_action") == Fait("lien_social", Statut.VERIFIE)
    assert faits.fait("charges_total") == Fait(Euros.de(12_000))


def test_les_orientations_nationales_de_l_appel_sont_lues(session: Session) -> None:
    scene = une_scene(session, orientations={"nationales": ["Lutte contre l’isolement"]})
    dossier = un_dossier(session, scene)
    faits = repository.faits_du_dossier(session, [dossier.id])[dossier.id]
    assert faits.fait("appel_sans_orientation_nationale") == Fait(False, Statut.VERIFIE)


def test_confirmer_une_valeur_declaree_la_verifie_la_changer_exige_un_motif(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    assert etablir(session, scene, dossier, "beneficiaires", 60) is Statut.VERIFIE
    with pytest.raises(SaisieInvalide) as refus:
        etablir(session, scene, dossier, "beneficiaires", 50)
    assert [(f.champ, f.code) for f in refus.value.fautes] == [("motif", "motif_exige")]
    assert etablir(session, scene, dossier, "beneficiaires", 50, "Salle de cinquante places.") is Statut.CORRIGE


@pytest.mark.parametrize(
    ("code", "valeur", "faute"),
    [
        ("mediane_cout", Fraction(1), "fait_inconnu"),
        ("appel_sans_orientation_nationale", True, "fait_inconnu"),
        ("fantaisie", True, "fait_inconnu"),
        ("type_action", "jonglage", "fait_invalide"),
        ("beneficiaires", True, "fait_invalide"),
        ("participation_phases", frozenset({"jamais"}), "fait_invalide"),
    ],
)
def test_un_fait_inconnu_fige_ou_mal_forme_est_refuse(
    session: Session, scene: Scene, code: str, valeur: object, faute: str
) -> None:
    dossier = un_dossier(session, scene)
    with pytest.raises(SaisieInvalide) as refus:
        etablir(session, scene, dossier, code, valeur)
    assert [f.code for f in refus.value.fautes] == [faute]
    assert session.scalar(select(func.count()).select_from(FaitConstate)) == 0


def test_verifier_plusieurs_faits_les_rend_tous_verifies_d_un_coup(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    agent = scene.agent(session)
    faits = repository.faits_du_dossier(session, [dossier.id])[dossier.id]
    nombre = service.verifier_faits(
        session, str(dossier.numero), list(faits.faits), acteur=agent, maintenant=MAINTENANT
    )
    session.flush()
    assert nombre == sum(f.statut is Statut.DECLARE for f in faits.faits.values())
    noter(session, dossier)
    assert not notes(session, dossier)[0].est_provisoire
    with pytest.raises(SaisieInvalide, match="erreurs"):
        service.verifier_faits(session, str(dossier.numero), ["beneficiaires"], acteur=agent, maintenant=MAINTENANT)


def test_seules_les_personnes_qui_instruisent_etablissent_les_faits(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    lecteur = identite(session, un_compte(session, Role.EQUIPE_PROJET, contrat=scene.contrat))
    numero = str(dossier.numero)
    with pytest.raises(ActeInterdit):
        service.etablir_fait(session, numero, "beneficiaires", 60, motif="", acteur=lecteur, maintenant=MAINTENANT)
    with pytest.raises(ActeInterdit):
        service.verifier_faits(session, numero, ["beneficiaires"], acteur=lecteur, maintenant=MAINTENANT)
    with pytest.raises(ActeInterdit):
        service.faire_noter(session, numero, acteur=scene.porteur, maintenant=MAINTENANT)


# --- ce qui fait noter ----------------------------------------------------------------------------------------------


def test_declarer_recevable_et_etablir_un_fait_mettent_une_seule_notation_en_file(
    session: Session, scene: Scene
) -> None:
    dossier = un_dossier(session, scene)
    assert taches(session, "notation.noter_dossier") == 0
    declarer_recevable(session, scene, dossier)
    etablir(session, scene, dossier, "type_action", "emploi")
    service.faire_noter(session, str(dossier.numero), acteur=scene.agent(session), maintenant=MAINTENANT)
    assert taches(session, "notation.noter_dossier") == 1


def test_declarer_irrecevable_ne_fait_rien_noter(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    recevabilite.examiner(
        session, str(dossier.numero), ligne="M2A", annee=2027, conclusion="irrecevable", points={},
        motif="Hors délai.", acteur=scene.agent(session), maintenant=MAINTENANT,
    )  # fmt: skip
    assert taches(session, "notation.noter_dossier") == 0


def test_un_complement_envoye_fait_renoter(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    recevabilite.demander_complement(
        session, str(dossier.numero), objet="Budget", pourquoi="Une recette manque.", echeance_le=PLUS_TARD,
        acteur=scene.agent(session), maintenant=MAINTENANT,
    )  # fmt: skip
    depot.completer(session, str(dossier.numero), reponse="Voici.", acteur=scene.porteur, maintenant=MAINTENANT)
    assert taches(session, "notation.noter_dossier") == 1


def test_les_taches_de_notation_sont_enregistrees() -> None:
    assert {"notation.noter_dossier", "notation.noter_appel"} <= noms_enregistres()


# --- ajuster --------------------------------------------------------------------------------------------------------


def ajuster(
    session: Session,
    scene: Scene,
    dossier: Dossier,
    *,
    critere: str = "LAN",
    taux: int | None = 60,
    motif: str = "Interprète prévu, vu au téléphone.",
    acteur: Identite | None = None,
) -> repository.NoteLue:
    return service.ajuster(
        session, str(dossier.numero), "M2A", critere=critere, taux_pour_cent=taux, motif=motif,
        acteur=acteur or scene.agent(session), maintenant=PLUS_TARD,
    )  # fmt: skip


def test_un_ajustement_s_ajoute_a_cote_de_la_valeur_calculee(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    note = ajuster(session, scene, dossier)
    ligne = service.relire(session, note).ligne_note("LAN")
    assert note.note.rang == 2
    assert (ligne.points, ligne.points_calcules) == (3, 0)
    assert ligne.ajustement is not None
    assert ligne.ajustement.auteur == scene.instructeur.acteur
    apres, _ = service.list_changements(session, note.note.demande_id)
    assert "Maîtrise de la langue passe de 0 sur 5 à 3 sur 5 (ajusté)" in apres.phrase
    assert "ajustement" not in notes(session, dossier)[0].criteres[4]


def test_un_ajustement_survit_a_une_nouvelle_notation(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    ajuster(session, scene, dossier)
    etablir(session, scene, dossier, "beneficiaires", 60)
    noter(session, dossier)
    courante = notes(session, dossier)[-1]
    assert courante.rang == 3
    assert next(c for c in courante.criteres if c["code"] == "LAN")["ajustement"]["points"] == "3"


def test_revenir_au_calcul_s_ajoute_aussi(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    ajuster(session, scene, dossier)
    note = ajuster(session, scene, dossier, taux=None, motif="L’interprète s’est désisté.")
    assert note.note.rang == 3
    assert note.note.empreinte == notes(session, dossier)[0].empreinte
    assert session.scalar(select(func.count()).select_from(Ajustement)) == 2


@pytest.mark.parametrize(
    ("critere", "taux", "motif", "champ"),
    [("LAN", 60, "  ", "motif"), ("LAN", 101, "x", "taux_pour_cent"), ("PLU", 10, "x", "critere"),
     ("XXX", 10, "x", "critere")],
)  # fmt: skip
def test_un_ajustement_fautif_est_refuse(
    session: Session, scene: Scene, critere: str, taux: int, motif: str, champ: str
) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    with pytest.raises(SaisieInvalide) as refus:
        ajuster(session, scene, dossier, critere=critere, taux=taux, motif=motif)
    assert [f.champ for f in refus.value.fautes] == [champ]
    assert len(notes(session, dossier)) == 1


def test_seul_l_instructeur_de_la_ligne_ajuste(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    voisin = identite(session, un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="MULHOUSE"))
    with pytest.raises(ActeInterdit, match="ligne M2A"):
        ajuster(session, scene, dossier, acteur=voisin)


def test_on_n_ajuste_pas_une_note_qui_n_existe_pas(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    with pytest.raises(ActeImpossible, match="pas de note"):
        ajuster(session, scene, dossier)


# --- clore la recevabilité ------------------------------------------------------------------------------------------


def test_clore_fige_les_medianes_des_dossiers_recevables_et_fait_renoter(session: Session, scene: Scene) -> None:
    recevable = un_dossier(session, scene)
    autre = un_dossier(session, scene)
    for dossier in (recevable, autre):
        etablir(session, scene, dossier, "type_action", "lien_social")
    declarer_recevable(session, scene, recevable)
    chargee = identite(session, scene.charge)
    appel = service.clore_recevabilite(session, scene.appel.code, acteur=chargee, maintenant=PLUS_TARD)
    assert appel.medianes == {"lien_social": {"effectif": 1, "valeur": "20000"}}
    assert taches(session, "notation.noter_appel") == 1
    faits = repository.faits_du_dossier(session, [recevable.id])[recevable.id]
    assert faits.fait("comparables") == Fait(1, Statut.VERIFIE)
    noter(session, recevable)
    cou = next(critere for critere in notes(session, recevable)[0].criteres if critere["code"] == "COU")
    assert cou["etat"] == "sans_objet"
    with pytest.raises(ActeImpossible, match="déjà close"):
        service.clore_recevabilite(session, scene.appel.code, acteur=chargee, maintenant=PLUS_TARD)


def test_seul_le_charge_de_mission_clot_la_recevabilite(session: Session, scene: Scene) -> None:
    with pytest.raises(ActeInterdit):
        service.clore_recevabilite(session, scene.appel.code, acteur=scene.agent(session), maintenant=PLUS_TARD)
    with pytest.raises(Introuvable):
        service.clore_recevabilite(session, "nulle-part", acteur=identite(session, scene.charge), maintenant=PLUS_TARD)


# --- comparer une grille --------------------------------------------------------------------------------------------


def test_comparer_une_grille_dit_qui_bouge_et_n_ecrit_rien(session: Session, scene: Scene) -> None:
    fort, faible = un_dossier(session, scene), un_dossier(session, scene, beneficiaires_qpv=10)
    ligne = next(ligne for ligne in la_grille().lignes if ligne.code == "M2A")
    echange = {"QPV": 0, "LAN": 17}
    poids = tuple((code, echange.get(code, valeur)) for code, valeur in ligne.poids)
    lignes = tuple(replace(autre, poids=poids) if autre.code == "M2A" else autre for autre in la_grille().lignes)
    effets = {e.ligne: e for e in service.comparer_grille(session, scene.appel, replace(la_grille(), lignes=lignes))}
    m2a = effets["M2A"]
    assert m2a.bougent[0].dossier == fort.numero
    assert m2a.bougent[0].ecart < 0
    assert [(p.dossier, p.rang_avant, p.rang_apres) for p in m2a.placements] == [
        (fort.numero, 1, 1),
        (faible.numero, 2, 1),
    ]
    assert effets["BOP147"].bougent == ()
    assert session.scalar(select(func.count()).select_from(NoteEnregistree)) == 0


# --- classement -----------------------------------------------------------------------------------------------------


def test_le_classement_va_de_la_plus_haute_note_basse_a_la_plus_basse(session: Session, scene: Scene) -> None:
    faible, fort = un_dossier(session, scene, beneficiaires_qpv=10), un_dossier(session, scene)
    for dossier in (faible, fort):
        noter(session, dossier)
    ligne = scene.contrat.lignes["M2A"]
    agent = scene.agent(session)
    page = repository.page_classement(session, scene.appel, ligne, agent, taille=1)
    assert [(e.rang, e.dossier.numero) for e in page.elements] == [(1, fort.numero)]
    suite = repository.page_classement(session, scene.appel, ligne, agent, taille=1, jeton=str(page.suivant))
    assert [(e.rang, e.dossier.numero) for e in suite.elements] == [(2, faible.numero)]
    assert suite.suivant is None
    assert repository.compter_a_noter(session, scene.appel, ligne.id, agent) == Comptes(2, 0, 0)


def test_le_classement_se_filtre_sans_changer_les_rangs(session: Session, scene: Scene) -> None:
    fort = un_dossier(session, scene)
    faible = un_dossier(
        session, scene, fiches=["MARKSTEIN"], quartiers_beneficiaires=["QN06808M"], beneficiaires_qpv=10,
        objectif_principal="E1.1",
    )  # fmt: skip
    for dossier in (fort, faible):
        noter(session, dossier)
    ligne, agent = scene.contrat.lignes["M2A"], scene.agent(session)
    for filtre in (Filtres(quartier="QN06808M"), Filtres(objectif="E1.1")):
        page = repository.page_classement(session, scene.appel, ligne, agent, filtre)
        rangs = {e.dossier.numero: e.rang for e in page.elements}
        assert list(rangs) == [faible.numero]
    tous = repository.page_classement(session, scene.appel, ligne, agent)
    assert {e.dossier.numero: e.rang for e in tous.elements}[faible.numero] == rangs[faible.numero]


def test_une_note_a_une_decimale_se_classe_et_cent_aussi(session: Session, scene: Scene) -> None:
    for bas, haut in (("99.9", "100"), ("100", "100"), ("99.9", "99.9")):
        dossier = un_dossier(session, scene)
        noter(session, dossier)
        note = notes(session, dossier)[0]
        repris = ("contrat_id", "demande_id", "grille_id", "releve_id", "criteres", "priorites", "empreinte")
        commun = {nom: getattr(note, nom) for nom in repris}
        session.add(
            NoteEnregistree(
                **commun, rang=2, minimum=Decimal(bas), maximum=Decimal(haut), est_provisoire=False,
                acteur="x", a=PLUS_TARD,
            )
        )  # fmt: skip
    session.flush()
    page = repository.page_classement(session, scene.appel, scene.contrat.lignes["M2A"], scene.agent(session))
    assert [(e.rang, e.minimum, e.maximum) for e in page.elements] == [
        (1, Decimal("100.0"), Decimal("100.0")),
        (2, Decimal("99.9"), Decimal("100.0")),
        (3, Decimal("99.9"), Decimal("99.9")),
    ]


def test_deux_contrats_ne_se_voient_pas(session: Session, scene: Scene) -> None:
    dossier = un_dossier(session, scene)
    noter(session, dossier)
    voisine = une_scene_voisine(session)
    page = repository.page_classement(session, scene.appel, scene.contrat.lignes["M2A"], voisine)
    assert page.elements == ()


def une_scene_voisine(session: Session) -> Identite:
    contrat = un_contrat(session, code="voisin-2024-2030", prefixe="VOI", grille=la_grille())
    return identite(session, un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"))
