"""Les actes de l'instructeur par les pages : examiner, reprendre, compléter, clore, références de l'État."""

from __future__ import annotations

from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.etapes.appel.models import Phase
from app.etapes.dossier.models import ControleRecevabilite, Demande, DemandeComplement, Dossier
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.rules.recevabilite import CODES, POINTS
from app.etapes.dossier.service import depot
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes

TOUS = sorted(CODES)


def un_depose(decor: Decor) -> Dossier:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    return dossier


def un_agent(decor: Decor, role: Role = Role.INSTRUCTEUR, ligne: str | None = "M2A") -> TestClient:
    return decor.nouveau_client(f.un_compte(decor.session, role, contrat=decor.contrat, ligne=ligne))


def demande(decor: Decor, dossier: Dossier, ligne: str = "M2A") -> Demande:
    decor.session.rollback()
    requete = select(Demande).join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
    requete = requete.where(Demande.dossier_id == dossier.id, LigneFinancement.code == ligne)
    return decor.session.scalars(requete.execution_options(populate_existing=True)).one()


def mettre(decor: Decor, dossier: Dossier, etat: EtatDemande, ligne: str | None = None) -> None:
    """Place les demandes du dossier dans un état qu'une autre étape produit."""
    requete = update(Demande).where(Demande.dossier_id == dossier.id).values(etat=etat)
    if ligne is not None:
        requete = requete.where(Demande.id == demande(decor, dossier, ligne).id)
    decor.session.execute(requete)
    decor.session.commit()


def adresse(dossier: Dossier, acte: str, ligne: str = "M2A") -> str:
    return f"/instruction/{dossier.numero}?ligne={ligne}&annee=2027&acte={acte}"


def test_recevable_exige_chaque_point_et_garde_ce_qui_est_saisi(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(adresse(dossier, "examen")), "/examen")
    refus = page.remplir(points=TOUS[:2], conclusion="recevable", motif="Vu au téléphone.").envoyer(agent)
    assert refus.status_code == 422
    manquant = next(p.libelle for p in POINTS if p.code not in TOUS[:2])
    assert manquant.split(",")[0] in refus.text
    rendu = formulaire(refus, "/examen")
    assert (sorted(rendu.valeurs("points")), rendu.valeur("motif")) == (TOUS[:2], "Vu au téléphone.")
    assert demande(decor, dossier).etat is EtatDemande.OUVERTE
    fait = rendu.remplir(points=TOUS).envoyer(agent)
    assert fait.status_code == 303
    assert demande(decor, dossier).etat is EtatDemande.EN_INSTRUCTION
    controle = decor.session.scalars(select(ControleRecevabilite)).one()
    assert controle.points == dict.fromkeys(TOUS, True)
    assert "dernier examen\u00a0: recevable" in agent.get(f"/instruction/{dossier.numero}").text


def test_une_demande_ecartee_dit_vers_quoi_et_se_rouvre(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(adresse(dossier, "examen")), "/examen")
    sans = page.remplir(conclusion="orientee", motif="Relève du droit commun.").envoyer(agent)
    assert sans.status_code == 422
    assert "Dites vers quoi" in sans.text
    formulaire(sans, "/examen").remplir(oriente_vers="Fonds local sport").envoyer(agent)
    lue = agent.get(f"/instruction/{dossier.numero}").text
    assert "vers Fonds local sport" in lue
    assert "Relève du droit commun." in lue
    rouvrir = formulaire(agent.get(adresse(dossier, "rouvrir")), "/actes/rouvrir")
    muet = rouvrir.remplir(motif="").envoyer(agent)
    assert muet.status_code == 422
    assert demande(decor, dossier).etat is EtatDemande.ORIENTEE
    formulaire(muet, "/actes/rouvrir").remplir(motif="Le service sport a répondu non.").envoyer(agent)
    assert demande(decor, dossier).etat is EtatDemande.OUVERTE


def test_une_demande_ajournee_revient_a_l_examen_par_la_page(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    mettre(decor, dossier, EtatDemande.AJOURNEE, "M2A")
    reprise = formulaire(agent.get(adresse(dossier, "reprendre_examen")), "/actes/reprendre_examen")
    assert reprise.remplir(motif="Budget précisé.").envoyer(agent).status_code == 303
    assert demande(decor, dossier).etat is EtatDemande.EN_INSTRUCTION


def test_le_charge_de_mission_met_fin_puis_clot(decor: Decor) -> None:
    dossier, charge = un_depose(decor), un_agent(decor, Role.CHARGE_MISSION, None)
    mettre(decor, dossier, EtatDemande.NOTIFIEE)
    mettre(decor, dossier, EtatDemande.RESERVE, "M2A")
    assert "Clore le dossier" not in charge.get(f"/instruction/{dossier.numero}").text
    fin = formulaire(charge.get(adresse(dossier, "declarer_caduque")), "/actes/declarer_caduque")
    assert fin.remplir(motif="Crédits épuisés.").envoyer(charge).status_code == 303
    assert formulaire(charge.get(f"/instruction/{dossier.numero}"), "/cloture").envoyer(charge).status_code == 303
    assert f.relire(decor.session, dossier).etat is EtatDossier.CLOS


def test_clore_trop_tot_se_refuse(decor: Decor) -> None:
    dossier, charge = un_depose(decor), un_agent(decor, Role.CHARGE_MISSION, None)
    jeton = formulaire(charge.get("/campagne"), "/deconnexion").valeur("_csrf")
    refus = charge.post(f"/instruction/{dossier.numero}/cloture", data={"_csrf": jeton or ""})
    assert refus.status_code == 409
    assert "ne sont pas arrivées à leur terme" in refus.text


def test_un_complement_vise_sa_ligne_et_elle_seule(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(f"/instruction/{dossier.numero}"), "/complements")
    saisie = {"objet": "Le devis", "pourquoi": "Le coût n’est pas établi.", "echeance": "2026-11-20"}
    refus = page.remplir(**saisie, ligne="BOP147").envoyer(agent)
    assert refus.status_code == 403
    passe = page.remplir(echeance="2026-11-01", ligne="M2A").envoyer(agent)
    assert passe.status_code == 422
    rendu = formulaire(passe, "/complements")
    assert (rendu.valeur("objet"), rendu.valeur("ligne")) == ("Le devis", "M2A")
    assert rendu.remplir(echeance="2026-11-20").envoyer(agent).status_code == 303
    complement = decor.session.scalars(select(DemandeComplement)).one()
    assert complement.ligne_id == decor.contrat.lignes["M2A"].id
    assert complement.echeance_le.isoformat() == "2026-11-20T23:00:00+00:00", "le 20 compris, heure de Paris"


def test_un_complement_ne_se_demande_plus_une_fois_tout_decide(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(f"/instruction/{dossier.numero}"), "/complements")
    mettre(decor, dossier, EtatDemande.NOTIFIEE)
    assert "Demander un complément" not in agent.get(f"/instruction/{dossier.numero}").text
    refus = page.remplir(objet="Le devis", pourquoi="Trop tard.", echeance="2026-11-20").envoyer(agent)
    assert refus.status_code == 409
    assert "Tout est déjà décidé" in refus.text
    assert decor.session.scalars(select(DemandeComplement)).all() == []


def test_la_sous_prefecture_porte_les_references_de_l_etat(decor: Decor) -> None:
    dossier, etat, agent = un_depose(decor), un_agent(decor, Role.SOUS_PREFECTURE, "BOP147"), un_agent(decor)
    assert "Références de l’État" not in agent.get(f"/instruction/{dossier.numero}").text
    page = formulaire(etat.get(adresse(dossier, "references", "BOP147")), "/references")
    refus = page.remplir(theme_p147="9", numero_dauphin="DA00012345", engagement_juridique="2105551234").envoyer(etat)
    assert refus.status_code == 422
    rendu = formulaire(refus, "/references")
    assert rendu.valeur("engagement_juridique") == "2105551234"
    assert rendu.remplir(theme_p147="5").envoyer(etat).status_code == 303
    lue = demande(decor, dossier, "BOP147")
    assert (lue.theme_p147, lue.numero_dauphin, lue.engagement_juridique) == ("5", "DA00012345", "2105551234")
    ailleurs = etat.post(
        f"/instruction/{dossier.numero}/lignes/M2A/2027/references", data={"_csrf": rendu.valeur("_csrf") or ""}
    )
    assert ailleurs.status_code == 403


def test_la_page_d_un_dossier_tient_en_huit_requetes(decor: Decor) -> None:
    dossier, etat = un_depose(decor), un_agent(decor, Role.SOUS_PREFECTURE, "BOP147")
    etat.get(f"/instruction/{dossier.numero}")
    with requetes(decor.service) as vues:
        assert etat.get(adresse(dossier, "examen", "BOP147")).status_code == 200
    assert len(vues) <= 8, "\n".join(vues)


def test_un_brouillon_de_la_premiere_phase_se_depose_dans_la_seconde(decor: Decor) -> None:
    seconde = Phase(
        contrat_id=decor.contrat.contrat.id, appel_id=decor.appel.id, rang=2, intitule="Phase 2",
        ouverture_le=f.CLOTURE, cloture_le=f.COMMISSION,
    )  # fmt: skip
    decor.session.add(seconde)
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=EtatDossier.A_SIGNER
    )
    version = dossier.version
    plus_tard = f.CLOTURE
    depot.signer(decor.session, dossier.reference, version_lue=version, acteur=decor.acteur, maintenant=plus_tard)
    depot.deposer(decor.session, dossier.reference, version_lue=version, acteur=decor.acteur, maintenant=plus_tard)
    assert (dossier.etat, dossier.phase_id) == (EtatDossier.DEPOSE, seconde.id)


def test_un_acte_impossible_se_dit_sans_perdre_la_saisie(decor: Decor) -> None:
    """Un complément est attendu : pas d'irrecevabilité avant son échéance, et le motif déjà écrit reste."""
    dossier, agent = un_depose(decor), un_agent(decor)
    page = formulaire(agent.get(adresse(dossier, "examen")), "/examen")
    demande_faite = formulaire(agent.get(f"/instruction/{dossier.numero}"), "/complements")
    demande_faite.remplir(objet="RIB", pourquoi="Le vôtre est illisible.", ligne="M2A", echeance="2026-12-01")
    assert demande_faite.envoyer(agent).status_code == 303
    refus = page.remplir(conclusion="irrecevable", motif="Le RIB manque.").envoyer(agent)
    assert refus.status_code == 409
    assert "complément" in refus.text
    assert formulaire(refus, "/examen").valeur("motif") == "Le RIB manque."
    assert demande(decor, dossier).etat is EtatDemande.OUVERTE
