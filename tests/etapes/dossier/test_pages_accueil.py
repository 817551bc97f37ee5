"""L'accueil d'un agent : ce qui l'attend vraiment, sur ses lignes, dans l'appel où il y a du travail."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from app.etapes.appel import repository as appels
from app.etapes.commission.models import EtatSeance, PointSeance, Seance
from app.etapes.consultation.models import Rencontre
from app.etapes.consultation.rules import EtatRencontre
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service import depot, recevabilite
from app.etapes.dossier.service.acces import fermer_au_compte
from app.etapes.programmation.models import NatureProposition, Proposition
from app.infra.heure import heure_machine
from app.noyau.euros import Euros
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.models import HabilitationCompte, LienAcces
from app.referentiels.instances.models import Instance, MembreInstance
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_pages_instructeur import demande, mettre, un_agent, un_depose
from tests.requetes import requetes


def la_corbeille(page: str) -> str:
    """Ce qui suit « Compléments reçus » dans la page."""
    return page.split("Compléments reçus")[1][:200]


def test_un_complement_recu_n_attend_que_les_lignes_qu_il_concerne(decor: Decor) -> None:
    dossier = un_depose(decor)
    instructeur = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    sur_m2a, sur_mulhouse = un_agent(decor), un_agent(decor, ligne="MULHOUSE")
    recevabilite.demander_complement(
        decor.session, dossier.numero or "", objet="Le devis", pourquoi="Le coût.", ligne="M2A",
        echeance_le=f.MAINTENANT + timedelta(days=9), maintenant=f.MAINTENANT,
        acteur=f.identite(decor.session, instructeur),
    )  # fmt: skip
    depot.completer(
        decor.session, dossier.numero or "", reponse="Le voici.", acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    decor.session.commit()
    assert ">1<" in la_corbeille(sur_m2a.get("/accueil").text)
    assert ">0<" in la_corbeille(sur_mulhouse.get("/accueil").text)
    mettre(decor, dossier, EtatDemande.PROPOSEE, "M2A")
    assert ">0<" in la_corbeille(sur_m2a.get("/accueil").text), "l'examen est passé : rien n'attend plus"


def test_une_autorite_lit_ce_qu_elle_doit_arbitrer_et_rien_d_autre(decor: Decor) -> None:
    dossier = un_depose(decor)
    elu, d_ailleurs = un_agent(decor, Role.ELU_LIGNE), un_agent(decor, Role.ELU_LIGNE, "MULHOUSE")
    assert "Rien ne vous attend" in elu.get("/accueil").text
    mettre(decor, dossier, EtatDemande.PROPOSEE, "M2A")
    assert "1 montant à arbitrer" in elu.get("/accueil").text
    assert "Rien ne vous attend" in d_ailleurs.get("/accueil").text


def test_une_demande_votee_attend_les_services_de_sa_ligne(decor: Decor) -> None:
    dossier, agent = un_depose(decor), un_agent(decor)
    mettre(decor, dossier, EtatDemande.VALIDEE, "M2A")
    assert "1 demande votée à arrêter ou à décider" in agent.get("/accueil").text
    with requetes(decor.service) as vues:
        agent.get("/accueil")
    assert len(vues) <= 8


def test_l_appel_de_travail_est_celui_ou_l_on_a_depose(decor: Decor) -> None:
    un_depose(decor)
    vide = f.un_appel(decor.session, decor.contrat, code="ess-2028", annee=2028)
    liste = appels.list_appels(decor.session, [decor.contrat.id])
    assert liste[0].id == vide.id
    travail = appels.appel_de_travail(liste)
    assert travail is not None
    assert travail.code == "ess-2027"
    assert appels.appel_de_travail([vide]) is vide
    assert appels.appel_de_travail([]) is None


def en_clair(page: str) -> str:
    """Le texte d'une page, blancs ordinaires réunis."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def proposer(decor: Decor, dossier: Dossier, montant: int, *, n1: int | None = None, ligne: str = "M2A") -> None:
    """Une demande proposée, comme la programmation la laisse."""
    visee = demande(decor, dossier, ligne)
    visee.etat = EtatDemande.PROPOSEE
    visee.montant_accorde_n1 = None if n1 is None else Euros.de(n1)
    decor.session.add(
        Proposition(
            contrat_id=decor.contrat.id, demande_id=visee.id, rang=1, nature=NatureProposition.PROPOSE,
            montant=Euros.de(montant), motif="Essai.", acteur="c-essai", a=f.MAINTENANT,
        )
    )  # fmt: skip
    decor.session.commit()


def une_seance(decor: Decor, dossier: Dossier, *, titre: str = "Commission des élus") -> Seance:
    """Une séance préparée, un point à l'ordre du jour."""
    instance = Instance(
        contrat_id=decor.contrat.id, code="COM", rang=1, nom=titre, pilotage="", frequence="", composition="", role="",
        source="",
    )  # fmt: skip
    decor.session.add(instance)
    decor.session.flush()
    seance = Seance(
        contrat_id=decor.contrat.id, appel_id=decor.appel.id, instance_id=instance.id, code="ess-2027-s1",
        prevue_le=f.COMMISSION, lieu="Hôtel d’agglomération", etat=EtatSeance.PREPAREE, regles={}, convoquee_le=None,
        ouverte_le=None, close_le=None, cree_par="c-essai", cree_at=f.MAINTENANT,
    )  # fmt: skip
    decor.session.add(seance)
    decor.session.flush()
    decor.session.add(
        PointSeance(
            contrat_id=decor.contrat.id, seance_id=seance.id, demande_id=demande_id(decor, dossier), rang=1,
            montant_soumis=Euros.de(3_000),
        )
    )  # fmt: skip
    decor.session.commit()
    return seance


def demande_id(decor: Decor, dossier: Dossier, ligne: str = "M2A") -> int:
    """La clé de la demande de ce dossier à cette ligne, sans rien annuler."""
    requete = select(Demande.id).where(
        Demande.dossier_id == dossier.id, Demande.ligne_id == decor.contrat.lignes[ligne].id
    )
    return decor.session.scalars(requete).one()


def liens(page: str) -> list[str]:
    """Les adresses d'une page."""
    return [html.unescape(a) for a in re.findall(r'href="([^"]+)"', page)]


def test_l_annee_suivante_d_une_cpo_n_attend_personne(decor: Decor) -> None:
    """Elle se réserve avec la première (ADR 0008) : ni corbeille, ni liste, ni tableau du chargé de mission."""
    dossier = un_depose(decor)
    premiere = demande(decor, dossier, "M2A")
    premiere.etat = EtatDemande.RESERVE
    ligne = decor.contrat.lignes["M2A"]
    decor.session.add(
        Demande(
            contrat_id=decor.contrat.id, dossier_id=dossier.id, ligne_id=ligne.id, annee=2028,
            etat=EtatDemande.EN_INSTRUCTION, montant_demande=Euros.de(3_000), modifiee_at=f.MAINTENANT,
        )
    )  # fmt: skip
    decor.session.commit()
    agent = un_agent(decor, Role.INSTRUCTEUR, "M2A")
    assert "à proposer" not in en_clair(agent.get("/accueil").text).partition("Ma corbeille")[0]
    liste = "/instruction?appel=ess-2027&ligne=M2A&etat_demande=en_instruction"
    assert str(dossier.numero) not in agent.get(liste).text
    assert liste not in liens(un_agent(decor, Role.CHARGE_MISSION, None).get("/accueil").text)
    premiere.etat = EtatDemande.EN_INSTRUCTION
    decor.session.commit()
    assert "1 montant à proposer" in en_clair(agent.get("/accueil").text)
    assert str(dossier.numero) in agent.get(liste).text


def test_la_corbeille_nomme_le_financeur_et_chaque_tuile_ouvre_ce_qu_elle_compte(decor: Decor) -> None:
    un_depose(decor)
    agent = un_agent(decor, ligne="MULHOUSE")
    page = agent.get("/accueil").text
    assert "Ma corbeille — Ville de Mulhouse" in en_clair(page)
    assert "MULHOUSE" not in en_clair(page)
    for tas in ("recus", "attendus"):
        assert f"/instruction?appel=ess-2027&complement={tas}" in liens(page)


def test_la_tuile_des_complements_ouvre_exactement_ces_dossiers(decor: Decor) -> None:
    complete, attendu, autre = un_depose(decor), un_depose(decor), un_depose(decor)
    instructeur = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    acteur, agent = f.identite(decor.session, instructeur), decor.nouveau_client(instructeur)
    for dossier, objet in ((complete, "Le devis"), (complete, "Le RIB"), (attendu, "Le bilan")):
        recevabilite.demander_complement(
            decor.session, dossier.numero or "", objet=objet, pourquoi="Il manque.", ligne="M2A",
            echeance_le=f.MAINTENANT + timedelta(days=9), maintenant=f.MAINTENANT, acteur=acteur,
        )  # fmt: skip
    depot.completer(
        decor.session, complete.numero or "", reponse="Voici.", acteur=decor.acteur, maintenant=f.MAINTENANT
    )
    decor.session.commit()
    accueil = agent.get("/accueil").text
    assert ">1<" in la_corbeille(accueil), "deux compléments d'un même dossier : un dossier"
    recus = agent.get("/instruction?appel=ess-2027&complement=recus").text
    assert [n for n in (complete, attendu, autre) if f"/instruction/{n.numero}" in recus] == [complete]
    assert "1 dossier sous ce filtre : les dossiers dont un complément est arrivé" in en_clair(recus)
    attendus = agent.get("/instruction?appel=ess-2027&complement=attendus").text
    assert [n for n in (complete, attendu, autre) if f"/instruction/{n.numero}" in attendus] == [attendu]
    ailleurs = un_agent(decor, ligne="MULHOUSE").get("/instruction?appel=ess-2027&complement=recus").text
    assert "Rien dans ce tas" in ailleurs


def test_le_charge_de_mission_lit_ou_en_est_son_appel(decor: Decor) -> None:
    un, deux = un_depose(decor), un_depose(decor)
    proposer(decor, un, 4_000)
    mettre(decor, deux, EtatDemande.EN_INSTRUCTION, "M2A")
    charge = un_agent(decor, Role.CHARGE_MISSION, None)
    with requetes(decor.service) as vues:
        page = charge.get("/accueil").text
    assert len(vues) <= 8, "\n".join(vues)
    dit = en_clair(page)
    assert "on peut déposer jusqu’au vendredi 11 décembre 2026" in dit
    assert "Dossiers déposés 2" in dit
    assert "Préparer une séance de la commission" in dit
    assert "2 lignes ne sont pas encore arrêtées : État, m2A." in dit
    for ligne, etat, attendu in (("M2A", "proposee", un), ("M2A", "en_instruction", deux)):
        adresse = f"/instruction?appel=ess-2027&ligne={ligne}&etat_demande={etat}"
        assert adresse in liens(page)
        liste = charge.get(adresse).text
        assert [d for d in (un, deux) if f"/instruction/{d.numero}" in liste] == [attendu]


def test_le_charge_de_mission_lit_sa_prochaine_rencontre_et_sa_prochaine_seance(decor: Decor) -> None:
    dossier = un_depose(decor)
    proposer(decor, dossier, 4_000)
    une_seance(decor, dossier)
    for code, jour in (("r1", 30), ("r2", 10)):
        decor.session.add(
            Rencontre(
                contrat_id=decor.contrat.id, appel_id=decor.appel.id, code=code, intitule=f"Rencontre {code}",
                prevue_le=f.MAINTENANT + timedelta(days=jour), lieu="Sous-préfecture", autorite="Le sous-préfet",
                etat=EtatRencontre.CONVOQUEE, cree_par="c-essai", cree_at=f.MAINTENANT,
            )
        )  # fmt: skip
    decor.session.commit()
    page = un_agent(decor, Role.CHARGE_MISSION, None).get("/accueil").text
    assert "Prochaine rencontre : Rencontre r2 , lundi 16 novembre 2026" in en_clair(page)
    assert "Prochaine séance : mardi 9 mars 2027" in en_clair(page)
    assert "Convoquer la commission" in page
    assert "/seances/ess-2027-s1" in liens(page)


def test_l_equipe_projet_lit_chaque_ligne_sous_son_enveloppe(decor: Decor) -> None:
    dossier = un_depose(decor)
    proposer(decor, dossier, 4_000)
    equipe = un_agent(decor, Role.EQUIPE_PROJET, None)
    with requetes(decor.service) as vues:
        page = equipe.get("/accueil").text
    assert len(vues) <= 8, "\n".join(vues)
    rangee = en_clair(re.findall(r"<tr>\s*<th scope=\"row\"><a [^>]*>m2A</a>.*?</tr>", page, re.S)[0])
    assert rangee.strip() == "m2A 1 demande 5 000 € 100 000 € prévisionnelle 0 € 4 000 € 96 000 €"
    assert {"/appels/ess-2027/programmation", "/appels/ess-2027/scenarios"} <= set(liens(page))


def test_accueil_et_programmation_disent_le_meme_reste_du_meme_mot(decor: Decor) -> None:
    dossier = un_depose(decor)
    proposer(decor, dossier, 4_000)
    elu = un_agent(decor, Role.ELU_LIGNE)
    for chemin in ("/accueil", "/appels/ess-2027/programmation/M2A", "/appels/ess-2027/programmation"):
        dit = en_clair(elu.get(chemin).text)
        assert "Reste après propositions 96 000 €" in dit, chemin
        assert not re.search(r"Reste(?! après propositions)", dit), chemin


def test_l_elu_lit_ce_qu_il_arbitre_et_l_ordre_du_jour(decor: Decor) -> None:
    dossier = un_depose(decor)
    proposer(decor, dossier, 4_000, n1=3_500)
    une_seance(decor, dossier)
    compte = f.un_compte(decor.session, Role.ELU_LIGNE, contrat=decor.contrat, ligne="M2A")
    decor.session.add(
        HabilitationCompte(
            compte_id=compte.id, role=Role.MEMBRE_COMMISSION, portee=Portee.CONTRAT, contrat_id=decor.contrat.id,
            cible="", debut=f.DEBUT_HABILITATION, fin=None, organisation_id=None,
        )
    )  # fmt: skip
    decor.session.commit()
    elu = decor.nouveau_client(compte)
    with requetes(decor.service) as vues:
        page = elu.get("/accueil").text
    assert len(vues) <= 8, "\n".join(vues)
    dit = en_clair(page)
    assert "À arbitrer — m2A" in dit
    assert f"Café des parents {dossier.numero} · " in dit
    assert "5 000 € 3 500 € 4 000 €" in dit, "demandé, accordé l'an dernier, proposé"
    assert "Ordre du jour : 1 point" in dit
    assert "3 000 €" in dit.split("Ordre du jour : 1 point")[1]
    assert "/appels/ess-2027/programmation/M2A?etat=proposee" in liens(page)


def test_un_elu_deporte_ne_lit_pas_le_dossier_dans_l_ordre_du_jour(decor: Decor) -> None:
    dossier = un_depose(decor)
    une_seance(decor, dossier)
    compte = f.un_compte(decor.session, Role.MEMBRE_COMMISSION, contrat=decor.contrat)
    fermer_au_compte(decor.session, dossier, compte.id, motif="Membre du bureau.", maintenant=f.MAINTENANT)
    decor.session.commit()
    page = decor.nouveau_client(compte).get("/accueil").text
    assert "Prochaine séance" in page
    assert "Café des parents" not in page


@pytest.mark.parametrize("role", [Role.CONSEIL_HABITANTS, Role.DELEGUE_PREFET, Role.BINOME_QUARTIER])
def test_le_terrain_lit_les_dossiers_de_son_quartier_et_eux_seuls(decor: Decor, role: Role) -> None:
    un_depose(decor)
    f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, titre="Ailleurs", fiches=["MARKSTEIN"],
        quartiers_beneficiaires=["QN06808M"],
    )  # fmt: skip
    compte = f.un_compte(decor.session, role, contrat=decor.contrat, quartier="QN06804M")
    decor.session.commit()
    client = decor.nouveau_client(compte)
    with requetes(decor.service) as vues:
        page = client.get("/accueil").text
    assert len(vues) <= 8, "\n".join(vues)
    dit = en_clair(page)
    assert "1 dossier concerne le quartier Les Coteaux." in dit
    assert f"Café des parents ESS-2027-0001 {decor.organisation.nom} Les Coteaux 6 nov. 2026" in dit
    assert "Ailleurs" not in dit
    assert "/instruction?appel=ess-2027" in liens(page)


def test_l_administrateur_compte_ses_comptes_et_les_acces_qui_n_ont_pas_servi(decor: Decor) -> None:
    presse, oublie, servi = (f.un_compte(decor.session, Role.EQUIPE_PROJET, contrat=decor.contrat) for _ in range(3))
    machine = heure_machine()
    for rang, (compte, fin, utilise) in enumerate(
        ((presse, 1, False), (oublie, -1, False), (servi, -2, False), (servi, -1, True))
    ):
        decor.session.add(
            LienAcces(
                code=f"lien{rang}", courriel=compte.courriel, compte_id=compte.id, cree_par="c-essai",
                cree_at=machine - timedelta(days=9), expire_at=machine + timedelta(days=fin),
                utilise_at=machine - timedelta(days=8) if utilise else None,
            )
        )  # fmt: skip
    une_seance(decor, un_depose(decor))
    instance = decor.session.scalars(select(Instance)).one()
    for rang, compte_id in enumerate((presse.id, None), 1):
        decor.session.add(
            MembreInstance(
                contrat_id=decor.contrat.id, instance_id=instance.id, compte_id=compte_id, qualite=f"Siège {rang}",
                rang=rang, a_voix=True, debut=date(2024, 1, 1),
            )
        )  # fmt: skip
    client = un_agent(decor, Role.ADMINISTRATEUR, None)
    with requetes(decor.service) as vues:
        page = client.get("/accueil").text
    assert len(vues) <= 8, "\n".join(vues)
    dit = en_clair(page)
    assert "Comptes 4 personnes" in dit
    assert "pas encore utilisés 1 " in dit
    assert "sans avoir servi 1 " in dit
    assert "Sièges sans compte 1 sur 2 sièges" in dit
    code = decor.contrat.contrat.code
    assert {f"/comptes/{code}", f"/comptes/{code}/sieges", f"/comptes/{code}/nouveau"} <= set(liens(page))


@pytest.mark.parametrize("role", [Role.CHARGE_MISSION, Role.REFERENT_SERVICE, Role.MEMBRE_COMMISSION])
def test_qui_lit_sans_porter_trouve_sa_liste_et_non_mes_dossiers(decor: Decor, role: Role) -> None:
    reponse = un_agent(decor, role, None).get("/dossiers")
    assert (reponse.status_code, reponse.headers["location"]) == (303, "/instruction")
