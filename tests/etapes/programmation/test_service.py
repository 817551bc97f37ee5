"""Proposer, arbitrer, demander une simulation : la garde, la trace, les refus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.etapes.appel.models import Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.repository import get_demande
from app.etapes.dossier.repository.phases import get_reserve
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.programmation import service
from app.etapes.programmation.models import EtatScenario, NatureProposition, Proposition
from app.etapes.programmation.repository import croisement, scenarios, soldes, tableau
from app.etapes.programmation.repository.tableau import Avancement, Filtre
from app.etapes.programmation.rules import NatureVerrou, Verrou, optimiser
from app.etapes.programmation.rules.reglages import Reglages, reglages_de
from app.infra.curseur import Curseur, ecrire, lire
from app.infra.identite import Identite
from app.infra.journal.ecriture import en_attente
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.euros import ZERO, Euros
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from tests.etapes.programmation.donnees import Decor, des_dossiers_deposes, un_decor, un_dossier_depose, une_note
from tests.factories import MAINTENANT, identite, un_appel, un_compte, un_contrat, une_organisation


@pytest.fixture
def decor(session: Session) -> Decor:
    return un_decor(session)


def proposer(session: Session, dossier: Dossier, acteur: Identite, montant: int, **autres: Any) -> Proposition:
    return _fixer(session, "proposer", dossier, acteur, montant, autres)


def arbitrer(session: Session, dossier: Dossier, acteur: Identite, montant: int, **autres: Any) -> Proposition:
    return _fixer(session, "arbitrer", dossier, acteur, montant, autres)


def _fixer(
    session: Session, acte: str, dossier: Dossier, acteur: Identite, montant: int, autres: dict[str, Any]
) -> Proposition:
    valeurs: dict[str, Any] = {"ligne": "M2A", "annee": 2027, "motif": "Action utile au quartier (fictif)."} | autres
    assert dossier.numero is not None
    return service.ACTES[acte](
        session, dossier.numero, montant=Euros.de(montant), acteur=acteur, maintenant=MAINTENANT, **valeurs
    )


def la_demande(session: Session, dossier: Dossier, ligne: str = "M2A") -> Demande:
    return get_demande(session, dossier, ligne, 2027)


def les_propositions(session: Session) -> list[tuple[int, NatureProposition, Euros]]:
    requete = select(Proposition.rang, Proposition.nature, Proposition.montant).order_by(Proposition.id)
    return [(rang, nature, montant) for rang, nature, montant in session.execute(requete)]


# --- proposer, arbitrer ---------------------------------------------------------------------------------------------


def test_une_proposition_s_ajoute_passe_l_etat_et_se_consigne(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    proposition = proposer(session, dossier, decor.qui(session, "instructeur_m2a"), 3_000)
    assert (proposition.rang, proposition.nature, proposition.montant) == (
        1,
        NatureProposition.PROPOSE,
        Euros.de(3_000),
    )
    assert la_demande(session, dossier).etat is EtatDemande.PROPOSEE
    passage = session.scalars(select(Passage)).one()
    assert (passage.acte, passage.de, passage.vers) == ("proposer", "en_instruction", "proposee")
    actes = {a.acte: a for a in en_attente(session)}
    assert actes["proposition.ajoutee"].objet == "ESS-2027-0001/M2A/2027"
    assert actes["proposition.ajoutee"].apres == {"rang": 1, "nature": "propose", "montant_centimes": 300_000}
    assert "demande.proposer" in actes


def test_rien_ne_s_ecrase_proposer_arbitrer_reproposer(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    instructeur, elu = decor.qui(session, "instructeur_m2a"), decor.qui(session, "elu_m2a")
    proposer(session, dossier, instructeur, 3_000)
    arbitrer(session, dossier, elu, 2_500)
    assert la_demande(session, dossier).etat is EtatDemande.ARBITREE
    arbitrer(session, dossier, elu, 2_600)
    proposer(session, dossier, instructeur, 4_000)
    assert les_propositions(session) == [
        (1, NatureProposition.PROPOSE, Euros.de(3_000)),
        (2, NatureProposition.ARBITRE, Euros.de(2_500)),
        (3, NatureProposition.ARBITRE, Euros.de(2_600)),
        (4, NatureProposition.PROPOSE, Euros.de(4_000)),
    ]
    assert la_demande(session, dossier).etat is EtatDemande.PROPOSEE


@pytest.mark.parametrize("montant", [0, 5_000])
def test_zero_et_le_demande_entier_sont_admis(session: Session, decor: Decor, montant: int) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    assert proposer(session, dossier, decor.qui(session, "instructeur_m2a"), montant).montant == Euros.de(montant)


@pytest.mark.parametrize(
    ("montant", "motif", "codes"),
    [
        (5_001, "Un motif.", ["montant_au_dessus_de_la_demande"]),
        (-1, "Un motif.", ["montant_negatif"]),
        (1_000, "   ", ["motif_exige"]),
        (9_000, "", ["montant_au_dessus_de_la_demande", "motif_exige"]),
        (1_000, "x" * 2_001, ["motif_trop_long"]),
    ],
)
def test_une_saisie_fautive_dit_tout_et_n_ecrit_rien(
    session: Session, decor: Decor, montant: int, motif: str, codes: list[str]
) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    with pytest.raises(SaisieInvalide) as refus:
        proposer(session, dossier, decor.qui(session, "instructeur_m2a"), montant, motif=motif)
    assert [faute.code for faute in refus.value.fautes] == codes
    session.flush()
    assert les_propositions(session) == []
    assert la_demande(session, dossier).etat is EtatDemande.EN_INSTRUCTION
    assert en_attente(session) == ()


@pytest.mark.parametrize("qui", ["elu_m2a", "sous_prefecture", "equipe", "charge"])
def test_seul_l_instructeur_de_la_ligne_propose(session: Session, decor: Decor, qui: str) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    with pytest.raises(ActeInterdit):
        proposer(session, dossier, decor.qui(session, qui), 9_999)


@pytest.mark.parametrize("qui", ["instructeur_m2a", "sous_prefecture", "equipe", "charge"])
def test_seule_l_autorite_de_la_ligne_arbitre(session: Session, decor: Decor, qui: str) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000}, etat=EtatDemande.PROPOSEE)
    with pytest.raises(ActeInterdit):
        arbitrer(session, dossier, decor.qui(session, qui), 1_000)


def test_on_n_arbitre_pas_ce_qui_n_est_pas_propose(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    with pytest.raises(ActeImpossible, match="En instruction"):
        arbitrer(session, dossier, decor.qui(session, "elu_m2a"), 1_000)


@pytest.mark.parametrize(
    "etat", [EtatDemande.OUVERTE, EtatDemande.HORS_CHAMP, EtatDemande.VALIDEE, EtatDemande.DECIDEE, EtatDemande.RETIREE]
)
def test_on_ne_propose_ni_avant_la_recevabilite_ni_apres_le_vote(
    session: Session, decor: Decor, etat: EtatDemande
) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000}, etat=etat)
    with pytest.raises(ActeImpossible):
        proposer(session, dossier, decor.qui(session, "instructeur_m2a"), 99_999)
    assert les_propositions(session) == []


def test_un_complement_attendu_n_empeche_pas_de_proposer(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000}, etat_dossier=EtatDossier.A_COMPLETER)
    proposer(session, dossier, decor.qui(session, "instructeur_m2a"), 1_000)
    assert la_demande(session, dossier).etat is EtatDemande.PROPOSEE


def test_une_ligne_ou_une_annee_non_demandee_est_introuvable(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    instructeur = decor.qui(session, "instructeur_m2a")
    for autres in ({"ligne": "BOP147"}, {"annee": 2028}, {"ligne": "INCONNUE"}):
        with pytest.raises(Introuvable):
            proposer(session, dossier, instructeur, 1_000, **autres)


def test_le_dossier_d_un_autre_contrat_est_introuvable(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    ailleurs = un_contrat(session, code="autre-2024-2030", prefixe="AUT")
    etranger = identite(session, un_compte(session, Role.INSTRUCTEUR, contrat=ailleurs, ligne="M2A"))
    with pytest.raises(Introuvable):
        proposer(session, dossier, etranger, 1_000)


def test_proposer_sur_une_proposition_perimee_est_refuse(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    instructeur = decor.qui(session, "instructeur_m2a")
    proposer(session, dossier, instructeur, 1_000, rang_lu=0)
    with pytest.raises(VersionPerimee, match="entre-temps : le montant est maintenant 1"):
        proposer(session, dossier, instructeur, 2_000, rang_lu=0)
    proposer(session, dossier, instructeur, 2_000, rang_lu=1)
    assert len(les_propositions(session)) == 2


# --- soldes ---------------------------------------------------------------------------------------------------------


def le_solde(session: Session, decor: Decor, qui: str = "equipe", ligne: str = "M2A") -> soldes.SoldeDeLigne:
    liste = soldes.list_soldes(session, decor.qui(session, qui), decor.appel, 2027)
    assert [s.ligne.code for s in liste] == ["BOP147", "M2A", "MULHOUSE"]
    return next(s for s in liste if s.ligne.code == ligne)


def test_le_solde_compte_le_dernier_montant_des_demandes_non_engagees(session: Session, decor: Decor) -> None:
    instructeur, elu = decor.qui(session, "instructeur_m2a"), decor.qui(session, "elu_m2a")
    un, deux, trois = (un_dossier_depose(session, decor, r, {"M2A": 60_000}) for r in (1, 2, 3))
    proposer(session, un, instructeur, 50_000)
    arbitrer(session, un, elu, 40_000)
    proposer(session, deux, instructeur, 30_000)
    etat = le_solde(session, decor)
    assert (etat.nombre, etat.demande, etat.sans_montant) == (3, Euros.de(180_000), 1)
    assert (etat.solde.enveloppe, etat.solde.engage, etat.solde.propose) == (Euros.de(100_000), ZERO, Euros.de(70_000))
    proposer(session, trois, instructeur, 60_000)
    assert le_solde(session, decor).solde.reste == Euros.de(-30_000)
    engager(session, decor, la_demande(session, un), 40_000)
    etat = le_solde(session, decor)
    assert (etat.solde.engage, etat.solde.propose, etat.solde.reste) == (
        Euros.de(40_000), Euros.de(90_000), Euros.de(-30_000),
    )  # fmt: skip


def engager(session: Session, decor: Decor, demande: Demande, euros: int) -> None:
    session.execute(
        text(
            "INSERT INTO engagement (contrat_id, enveloppe_id, demande_id, annee, nature, montant_centimes, acteur, a) "
            "SELECT :c, e.id, :d, 2027, 'decision', :m, 'c-essai', now() FROM enveloppe e "
            "WHERE e.ligne_id = :l AND e.annee = 2027"
        ),
        {"c": decor.contrat.id, "d": demande.id, "m": euros * 100, "l": demande.ligne_id},
    )
    session.expire_all()


def test_une_demande_retiree_ne_compte_plus(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    proposer(session, dossier, decor.qui(session, "instructeur_m2a"), 5_000)
    la_demande(session, dossier).etat = EtatDemande.RETIREE
    session.flush()
    etat = le_solde(session, decor)
    assert (etat.nombre, etat.solde.propose) == (0, ZERO)


def test_chacun_ne_compte_que_ce_qu_il_voit(session: Session, decor: Decor) -> None:
    instructeur = decor.qui(session, "instructeur_m2a")
    ici = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    ailleurs = un_dossier_depose(session, decor, 2, {"M2A": 7_000}, quartiers=["QN06808M"])
    for dossier in (ici, ailleurs):
        proposer(session, dossier, instructeur, 2_000)
    assert le_solde(session, decor, "binome").solde.propose == Euros.de(2_000)
    binome = decor.qui(session, "binome")
    assert [v.numero for v in tableau.list_demandes(session, binome, decor.appel, 2027).elements] == [ici.numero]
    assert tableau.totaux(session, binome, decor.appel, 2027).demande == Euros.de(5_000)
    assert croisement.totaux(session, binome, decor.appel, 2027, Filtre()).dossiers == 1


def test_une_annee_suivante_se_compte_dans_son_appel(session: Session, decor: Decor) -> None:
    """L'an 2 d'une CPO d'un autre appel tient sur l'enveloppe de l'année ; ce n'est pas une demande de celui-ci."""
    un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    suivant = un_dossier_depose(session, decor, 2, {"M2A": 7_000})
    passe = un_appel(session, decor.contrat, annee=2026, code="ess-2026", etat=EtatAppel.ARRETE)
    suivant.appel_id = passe.id
    session.flush()
    etat = le_solde(session, decor)
    assert (etat.nombre, etat.demande) == (1, Euros.de(5_000))
    engager(session, decor, la_demande(session, suivant), 7_000)
    assert le_solde(session, decor).solde.engage == Euros.de(7_000)


def test_une_ligne_sans_enveloppe_se_dit(session: Session, decor: Decor) -> None:
    liste = soldes.list_soldes(session, decor.qui(session, "equipe"), decor.appel, 2029)
    assert all(s.enveloppe is None and s.solde.enveloppe == ZERO for s in liste)


# --- tableau --------------------------------------------------------------------------------------------------------


def test_une_rangee_montre_n_moins_1_note_et_autres_financeurs(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(
        session, decor, 1, {"M2A": 5_000, "BOP147": 8_000}, n1=3_000, notes={"M2A": ("61.5", "70.0")}
    )
    une_note(session, decor, la_demande(session, dossier), "64.0", "64.0", rang=2)
    proposer(session, dossier, decor.qui(session, "sous_prefecture"), 6_000, ligne="BOP147")
    proposer(session, dossier, decor.qui(session, "instructeur_m2a"), 4_000)
    arbitrer(session, dossier, decor.qui(session, "elu_m2a"), 3_500)
    ligne_id = decor.contrat.lignes["M2A"].id
    (vue,) = tableau.list_demandes(session, decor.qui(session, "equipe"), decor.appel, 2027, ligne_id=ligne_id).elements
    assert (vue.demande, vue.propose, vue.arbitre) == (Euros.de(5_000), Euros.de(4_000), Euros.de(3_500))
    assert (vue.demande_n1, vue.accorde_n1, vue.depense_n1) == (Euros.de(3_500), Euros.de(3_000), Euros.de(2_900))
    assert (str(vue.note_basse), str(vue.note_haute), vue.rang) == ("64.0", "64.0", 2)
    assert [(c.ligne, c.montant) for c in vue.autres] == [("BOP147", Euros.de(6_000))]


def test_un_arbitrage_suivi_d_une_proposition_n_est_plus_le_dernier_mot(session: Session, decor: Decor) -> None:
    dossier = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    instructeur = decor.qui(session, "instructeur_m2a")
    proposer(session, dossier, instructeur, 4_000)
    arbitrer(session, dossier, decor.qui(session, "elu_m2a"), 3_500)
    proposer(session, dossier, instructeur, 4_500)
    (vue,) = tableau.list_demandes(session, instructeur, decor.appel, 2027).elements
    assert (vue.propose, vue.arbitre, vue.retenu) == (Euros.de(4_500), None, Euros.de(4_500))


@pytest.mark.parametrize(
    ("filtre", "attendus"),
    [
        (Filtre(), [1, 2, 3]),
        (Filtre(q="caf"), [2]),
        (Filtre(q="ESS-2027-0003"), [3]),
        (Filtre(q="3"), [3]),
        (Filtre(q="café quartier"), [2]),
        (Filtre(q="' | !& :*"), []),
        (Filtre(etat=EtatDemande.HORS_CHAMP), [4]),
        (Filtre(avancement=Avancement.SANS_MONTANT), [2, 3]),
        (Filtre(avancement=Avancement.AVEC_MONTANT), [1]),
        (Filtre(avancement=Avancement.ARBITRE), []),
    ],
)
def test_le_filtre_garde_ce_qu_il_dit(session: Session, decor: Decor, filtre: Filtre, attendus: list[int]) -> None:
    un = un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    un_dossier_depose(session, decor, 2, {"M2A": 6_000}, titre="Café du quartier")
    un_dossier_depose(session, decor, 3, {"M2A": 7_000})
    un_dossier_depose(session, decor, 4, {"M2A": 8_000}, etat=EtatDemande.HORS_CHAMP)
    instructeur = decor.qui(session, "instructeur_m2a")
    proposer(session, un, instructeur, 1_000)
    page = tableau.list_demandes(session, instructeur, decor.appel, 2027, filtre=filtre)
    assert [int(v.numero[-4:]) for v in page.elements] == attendus
    assert tableau.totaux(session, instructeur, decor.appel, 2027, filtre=filtre).nombre == len(attendus)


@pytest.mark.parametrize("tri", ["numero", "-numero", "porteur", "-note", "demande", "-propose", "arbitre", "n1"])
def test_les_pages_se_suivent_sans_trou_ni_doublon_et_se_remontent(session: Session, decor: Decor, tri: str) -> None:
    porteurs = [decor.organisation, une_organisation(session, rang=2, nom="École des Coteaux (fictif)")]
    for rang in range(1, 12):
        un_dossier_depose(
            session, decor, rang, {"M2A": 1_000 * (rang % 3 + 1)}, organisation=porteurs[rang % 2],
            notes={"M2A": (f"{rang % 4}0.5", "90.0")} if rang % 5 else None, n1=1_000 * (rang % 2) or None,
        )  # fmt: skip
    acteur = decor.qui(session, "instructeur_m2a")
    entiere = tableau.list_demandes(session, acteur, decor.appel, 2027, tri=tri, taille=200)
    attendus = [v.numero for v in entiere.elements]
    assert len(attendus) == 11
    assert (entiere.precedent, entiere.suivant) == (None, None)
    aller, jeton, pages = [], "", []
    while True:
        page = tableau.list_demandes(session, acteur, decor.appel, 2027, tri=tri, jeton=jeton, taille=4)
        aller += [v.numero for v in page.elements]
        pages.append(page)
        if page.suivant is None:
            break
        jeton = page.suivant
    assert aller == attendus
    assert pages[0].precedent is None
    retour = tableau.list_demandes(
        session, acteur, decor.appel, 2027, tri=tri, jeton=pages[-1].precedent or "", taille=4
    )
    assert [v.numero for v in retour.elements] == [v.numero for v in pages[-2].elements]
    assert retour.suivant is not None


def test_un_jeton_d_un_autre_tri_ou_trafique_est_refuse() -> None:
    bon = Curseur("note", 615, 12, recule=False)
    assert lire(ecrire(bon), "note") == bon
    faux = [
        "abc", "é", "", ecrire(Curseur("demande", 1, 1, recule=False)), ecrire(Curseur("note", 2**64, 1, recule=False)),
        ecrire(Curseur("note", 1, 2**70, recule=False)), ecrire(Curseur("note", "a\x00", 1, recule=False)),
    ]  # fmt: skip
    for jeton in faux:
        with pytest.raises(SaisieInvalide):
            lire(jeton, "note")


def test_le_croisement_met_les_lignes_cote_a_cote(session: Session, decor: Decor) -> None:
    un = un_dossier_depose(session, decor, 1, {"M2A": 5_000, "BOP147": 8_000})
    un_dossier_depose(session, decor, 2, {"MULHOUSE": 2_000})
    un_dossier_depose(session, decor, 3, {"M2A": 2_000}, etat=EtatDemande.IRRECEVABLE)
    proposer(session, un, decor.qui(session, "instructeur_m2a"), 4_000)
    equipe = decor.qui(session, "equipe")
    page = croisement.list_dossiers(session, equipe, decor.appel, 2027, Filtre())
    assert [(d.numero, d.demande, d.retenu) for d in page.elements] == [
        ("ESS-2027-0001", Euros.de(13_000), Euros.de(4_000)), ("ESS-2027-0002", Euros.de(2_000), None),
    ]  # fmt: skip
    assert set(page.elements[0].cellules) == {"M2A", "BOP147"}
    pied = croisement.totaux(session, equipe, decor.appel, 2027, Filtre())
    assert (pied.dossiers, pied.demande, pied.retenu) == (2, Euros.de(15_000), Euros.de(4_000))
    sans = Filtre(avancement=Avancement.SANS_MONTANT)
    assert [d.numero for d in croisement.list_dossiers(session, equipe, decor.appel, 2027, sans).elements] == [
        "ESS-2027-0002"
    ]


# --- simulation -----------------------------------------------------------------------------------------------------


def demander(
    session: Session, decor: Decor, qui: str = "equipe", reglages: Reglages | None = None, **autres: str
) -> Any:
    valeurs = {"intitule": "Sans verrou", "motif": "Voir large."} | autres
    return service.demander_scenario(
        session, decor.appel.code, reglages=reglages or Reglages(), acteur=decor.qui(session, qui),
        maintenant=MAINTENANT, **valeurs,
    )  # fmt: skip


@pytest.mark.parametrize("qui", ["equipe", "charge"])
def test_une_simulation_demandee_attend_en_file(session: Session, decor: Decor, qui: str) -> None:
    un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    scenario = demander(session, decor, qui)
    assert (scenario.code, scenario.etat, scenario.resultat) == ("ess-2027-s1", EtatScenario.DEMANDE, None)
    nom, arguments = session.execute(text("SELECT task_name, args FROM procrastinate_jobs")).one()
    assert (nom, arguments["scenario_id"]) == ("programmation.calculer_scenario", scenario.id)
    assert demander(session, decor).code == "ess-2027-s2"
    assert "scenario.demande" in {a.acte for a in en_attente(session)}


@pytest.mark.parametrize("qui", ["instructeur_m2a", "elu_m2a", "sous_prefecture", "binome"])
def test_la_simulation_est_reservee(session: Session, decor: Decor, qui: str) -> None:
    with pytest.raises(ActeInterdit):
        demander(session, decor, qui)


@pytest.mark.parametrize("orientations", [{}, {"simulation": False}, {"simulation": "oui"}])
def test_la_simulation_est_eteinte_par_defaut(session: Session, orientations: dict[str, Any]) -> None:
    decor = un_decor(session, orientations=orientations)
    with pytest.raises(ActeImpossible) as refus:
        demander(session, decor)
    assert refus.value.code == "simulation_eteinte"
    assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_une_simulation_sans_nom_ni_motif_ou_d_un_appel_inconnu_est_refusee(session: Session, decor: Decor) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        demander(session, decor, intitule=" ", motif="")
    assert [f.champ for f in refus.value.fautes] == ["intitule", "motif"]
    with pytest.raises(Introuvable):
        service.demander_scenario(
            session, "nulle-part", intitule="a", motif="b", reglages=Reglages(), acteur=decor.qui(session, "equipe"),
            maintenant=MAINTENANT,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("reglages", "champ"),
    [
        (Reglages(verrous=(Verrou("ESS-2027-0099", "M2A", NatureVerrou.DOIT),)), "verrous"),
        (Reglages(verrous=(Verrou("ESS-2027-0001", "M2A", NatureVerrou.EXACT, Euros.de(6_000)),)), "verrous"),
        (Reglages(viabilite={"ESS-2027-0099": Euros.de(1_000)}), "viabilite"),
        (Reglages(pas=ZERO), "pas"),
    ],
)
def test_un_reglage_qui_ne_tient_pas_se_dit_tout_de_suite(
    session: Session, decor: Decor, reglages: Reglages, champ: str
) -> None:
    un_dossier_depose(session, decor, 1, {"M2A": 5_000})
    with pytest.raises(SaisieInvalide) as refus:
        demander(session, decor, reglages=reglages)
    assert {f.champ for f in refus.value.fautes} == {champ}


def test_le_probleme_lit_les_notes_les_enveloppes_et_les_budgets(session: Session, decor: Decor) -> None:
    un = un_dossier_depose(session, decor, 1, {"M2A": 5_000, "BOP147": 3_000}, notes={"M2A": ("61.5", "70.0")})
    vote = un_dossier_depose(session, decor, 2, {"M2A": 7_000})
    un_dossier_depose(session, decor, 3, {"M2A": 4_000}, etat=EtatDemande.HORS_CHAMP)
    engage = un_dossier_depose(session, decor, 4, {"M2A": 9_000, "BOP147": 1_000})
    proposer(session, vote, decor.qui(session, "instructeur_m2a"), 6_000)
    la_demande(session, vote).etat = EtatDemande.VALIDEE
    la_demande(session, engage).etat = EtatDemande.DECIDEE
    session.flush()
    engager(session, decor, la_demande(session, engage), 2_000)
    donnees = scenarios.charger(session, decor.appel, Reglages(viabilite={"ESS-2027-0001": Euros.de(2_500)}))
    probleme = donnees.probleme
    assert [(d.dossier, d.ligne, d.demande, str(d.note_basse), str(d.note_haute)) for d in probleme.demandes] == [
        ("ESS-2027-0001", "BOP147", Euros.de(3_000), "0", "100"),
        ("ESS-2027-0001", "M2A", Euros.de(5_000), "123/2", "70"),
        ("ESS-2027-0004", "BOP147", Euros.de(1_000), "0", "100"),
    ]
    premier, dernier = probleme.dossiers
    assert (premier.cout_total, premier.viabilite, premier.autres_publics) == (
        Euros.de(12_000), Euros.de(2_500), Euros.de(4_000),
    )  # fmt: skip
    assert dernier.acquis == Euros.de(2_000)
    assert {e.ligne: (e.montant, e.engage) for e in probleme.enveloppes} == {
        "BOP147": (Euros.de(100_000), ZERO), "M2A": (Euros.de(100_000), Euros.de(8_000)),
        "MULHOUSE": (Euros.de(100_000), ZERO),
    }  # fmt: skip
    assert donnees.reperes[un.numero or ""].quartiers == ("QN06804M",)
    assert donnees.attendus.quartiers == ("QN06804M", "QN06808M")
    assert donnees.attendus.communes == ("68224", "68376")


def test_la_simulation_ne_distribue_pas_la_part_des_phases_suivantes(session: Session, decor: Decor) -> None:
    suivante = Phase(
        contrat_id=decor.contrat.id, appel_id=decor.appel.id, rang=2, intitule="Fêtes", part_reservee_milliemes=250,
        ouverture_le=decor.phase.cloture_le, cloture_le=decor.phase.cloture_le + timedelta(days=90),
    )  # fmt: skip
    session.add(suivante)
    un_dossier_depose(session, decor, 1, {"M2A": 80_000}, notes={"M2A": ("70.0", "70.0")})
    probleme = scenarios.charger(session, decor.appel, Reglages()).probleme
    assert {e.montant for e in probleme.enveloppes} == {Euros.de(75_000)}
    distribue = Euros.somme(m.montant for m in optimiser(probleme).montants)
    assert distribue <= Euros.de(75_000)
    tard = un_dossier_depose(session, decor, 2, {"M2A": 5_000})
    tard.phase_id = suivante.id
    session.flush()
    assert get_reserve(session, decor.appel).sur(Euros.de(100_000)) == Euros.de(25_000)


def test_une_ligne_sans_enveloppe_ne_finance_rien(session: Session, decor: Decor) -> None:
    m2a = decor.contrat.lignes["M2A"]
    decor.contrat.lignes["NEUVE"] = LigneFinancement(
        contrat_id=decor.contrat.id, code="NEUVE", rang=9, financeur="Nouveau financeur", intitule="Crédits neufs",
        nature_autorite=m2a.nature_autorite, acte_commission=m2a.acte_commission, acte_decision="délibération",
        attribuant_nom="Nouveau financeur", attribuant_siret=None, commune_id=None, contenu={},
    )  # fmt: skip
    session.add(decor.contrat.lignes["NEUVE"])
    session.flush()
    un_dossier_depose(session, decor, 1, {"NEUVE": 5_000}, notes={"NEUVE": ("50.0", "50.0")})
    scenario = optimiser(scenarios.charger(session, decor.appel, Reglages()).probleme)
    assert [m.montant for m in scenario.montants] == [ZERO]


def test_un_calcul_range_ne_change_plus(session: Session, decor: Decor) -> None:
    un_dossier_depose(session, decor, 1, {"M2A": 5_000}, notes={"M2A": ("50.0", "50.0")})
    scenario = demander(session, decor)
    donnees = service.preparer_calcul(session, scenario.id)
    assert donnees is not None
    service.ranger_calcul(session, scenario.id, donnees, optimiser(donnees.probleme), maintenant=MAINTENANT)
    fige = scenario.resultat
    assert scenario.etat is EtatScenario.CALCULE
    assert fige["montants"][0]["montant_centimes"] == 500_000
    assert fige["equite"]["quartiers"][0] == {"repere": "QN06804M", "montant_centimes": 500_000, "dossiers": 1}
    assert service.preparer_calcul(session, scenario.id) is None
    service.ranger_echec(session, scenario.id, "Trop tard.", maintenant=MAINTENANT)
    assert scenario.resultat == fige
    assert service.preparer_calcul(session, 0) is None


def test_des_reglages_se_relisent_a_l_identique() -> None:
    reglages = Reglages(
        Euros.de(500),
        (Verrou("A", None, NatureVerrou.DOIT), Verrou("B", "M2A", NatureVerrou.EXACT, Euros.de(1_000))),
        {"B": Euros.de(2_000)},
    )
    assert reglages_de(reglages.en_donnees()) == reglages


def test_mille_demandes_se_totalisent_en_une_requete(session: Session, decor: Decor) -> None:
    des_dossiers_deposes(session, decor, 300, {"M2A": 1_000, "BOP147": 2_000})
    pied = tableau.totaux(session, decor.qui(session, "equipe"), decor.appel, 2027)
    assert (pied.nombre, pied.demande) == (600, Euros.de(900_000))
    assert session.scalar(select(func.count()).select_from(Demande)) == 600
