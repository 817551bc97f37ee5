"""La seconde lecture : indépendante, rendue une fois, montrée à côté de la note."""

from __future__ import annotations

from fractions import Fraction

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation import repository, service
from app.etapes.notation.models import SecondeLecture
from app.etapes.notation.rules import (
    Ajustement,
    Lecture,
    Note,
    Reponse,
    appliquer_ajustements,
    lire_reponses,
    noter,
    questions,
    regards,
    total_selon,
)
from app.etapes.notation.rules.lectures import MOTIF_MAX, SANS_AVIS
from app.etapes.notation.service.lectures import annoncer_lecture
from app.etapes.programmation.repository import tableau
from app.infra.identite import Identite
from app.infra.mail import Courriel
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, un_dossier, une_scene
from tests.etapes.notation.lecture_cas import des_faits, la_grille
from tests.factories import identite, un_compte

# --- les règles -----------------------------------------------------------------------------------------------------


def une_note(ligne: str = "M2A", **faits: object) -> Note:
    note = noter(la_grille(), ligne, des_faits(**faits))
    assert isinstance(note, Note)
    return note


def test_une_question_par_critere_qui_compte_et_une_option_par_part() -> None:
    posees = {question.code: question for question in questions(la_grille(), une_note())}
    assert "COU" not in posees, "sans objet : il ne se lit pas"
    assert [part for part, _ in posees["EGA"].options] == [100, 60, 30, 0]
    assert posees["EGA"].options[0][1] == "action de rattrapage ; ou faits d’égalité : au moins 3"
    assert posees["EGA"].options[-1][1] == "dans tous les autres cas"
    assert posees["INT"].maximum == 12
    assert "INT" not in {question.code for question in questions(la_grille(), une_note("BOP147"))}


def test_chaque_critere_attend_une_reponse_de_la_liste() -> None:
    posees = questions(la_grille(), une_note())[:3]
    codes = [question.code for question in posees]
    reponses, fautes = lire_reponses(
        posees, {codes[0]: "100", codes[1]: "41", codes[2]: "0"}, {codes[0]: " vu ", codes[2]: "x" * (MOTIF_MAX + 1)}
    )
    assert reponses == {codes[0]: Reponse(100, "vu")}
    assert [(faute.champ, faute.code) for faute in fautes] == [
        (f"taux-{codes[1]}", "taux_exige"),
        (f"motif-{codes[2]}", "motif_long"),
    ]
    assert lire_reponses(posees[:1], {codes[0]: SANS_AVIS}, {}) == ({}, ()), "ne pas pouvoir juger est une réponse"


def test_un_regard_diverge_s_il_sort_de_ce_que_la_note_retient() -> None:
    note = appliquer_ajustements(une_note(), [Ajustement("LAN", Fraction(3), "interprète", "agent-1")])
    meme = {
        ligne.code: Reponse(int(ligne.points * 100 / ligne.maximum))
        for ligne in note.lignes
        if ligne.points is not None
    }
    par_code = {regard.code: regard for regard in regards(note, [Lecture("Camille", meme)])}
    assert not any(regard.diverge for regard in par_code.values())
    assert par_code["LAN"].calcule == (0, 0)
    assert par_code["LAN"].retenu == (60, 60)
    autre = regards(note, [Lecture("Camille", meme), Lecture("Dominique", {**meme, "LAN": Reponse(0, "non prévu")})])
    assert [regard.code for regard in autre if regard.diverge] == ["LAN"]
    assert next(r for r in autre if r.code == "LAN").reponses[1] == ("Dominique", Reponse(0, "non prévu"))


def test_deux_lectures_opposees_dans_un_intervalle_divergent() -> None:
    note = noter(la_grille(), "M2A", des_faits().sans("part_qpv"))
    assert isinstance(note, Note)
    seule = regards(note, [Lecture("a", {"QPV": Reponse(70)})])
    assert not any(regard.diverge for regard in seule)
    deux = regards(note, [Lecture("a", {"QPV": Reponse(70)}), Lecture("b", {"QPV": Reponse(35)})])
    assert [regard.code for regard in deux if regard.diverge] == ["QPV"]
    assert deux[0].reponses == (("a", None), ("b", None))


def test_le_total_selon_une_lecture_se_refait_ou_manque() -> None:
    note = une_note()
    pleine = Lecture("a", {ligne.code: Reponse(100) for ligne in note.lignes})
    assert total_selon(note, pleine) == 100
    moitie = Lecture("a", {ligne.code: Reponse(0 if ligne.code == "OBJ" else 100) for ligne in note.lignes})
    assert total_selon(note, moitie) == Fraction(7300, 97)
    assert total_selon(note, Lecture("a", {"OBJ": Reponse(100)})) is None


# --- les actes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(session: Session) -> Scene:
    return une_scene(session)


@pytest.fixture
def dossier(session: Session, scene: Scene) -> Dossier:
    depose = un_dossier(session, scene)
    service.noter_dossier(session, depose.id, acteur=service.SERVICE, maintenant=PLUS_TARD)
    return depose


@pytest.fixture
def second(session: Session, scene: Scene) -> Compte:
    return un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A")


def demander(
    session: Session, scene: Scene, dossier: Dossier, lecteur: str, qui: Identite | None = None
) -> SecondeLecture:
    return service.demander_lecture(
        session, str(dossier.numero), "M2A", lecteur=lecteur, acteur=qui or scene.agent(session), maintenant=PLUS_TARD
    )


def rendre(session: Session, dossier: Dossier, qui: Identite, **taux: str) -> SecondeLecture:
    _, _, posees = service.lire_questions(session, str(dossier.numero), "M2A", acteur=qui)
    tout = {question.code: str(question.options[0][0]) for question in posees} | taux
    return service.rendre_lecture(
        session,
        str(dossier.numero),
        "M2A",
        taux=tout,
        motifs={"LAN": "Rien d’écrit."},
        acteur=qui,
        maintenant=PLUS_TARD,
    )  # fmt: skip


def test_qui_doit_lire_ne_voit_la_note_qu_apres_avoir_rendu(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    lecteur = identite(session, second)
    demander(session, scene, dossier, second.acteur)
    cachee = service.ligne_vue(session, dossier, "M2A", second.acteur)
    assert (cachee.a_lire, cachee.note, cachee.lue) == (True, None, None)
    assert service.ligne_vue(session, dossier, "BOP147", second.acteur).note is not None, "l'autre ligne se lit"
    assert service.ligne_vue(session, dossier, "M2A", scene.instructeur.acteur).note is not None
    rendue = rendre(session, dossier, lecteur, LAN="0")
    assert rendue.criteres is not None
    assert rendue.criteres["LAN"] == {"taux": 0, "motif": "Rien d’écrit."}
    vue = service.ligne_vue(session, dossier, "M2A", second.acteur)
    assert vue.note is not None
    assert [v.par for v in vue.lectures] == [second.nom_affiche]
    note = repository.notes_courantes(session, [vue.demande.id])[vue.demande.id].note
    assert note.rang == 1, "une lecture ne change pas la note"


def test_une_lecture_rendue_ne_change_plus(session: Session, scene: Scene, dossier: Dossier, second: Compte) -> None:
    demander(session, scene, dossier, second.acteur)
    lecteur = identite(session, second)
    rendre(session, dossier, lecteur)
    with pytest.raises(ActeImpossible, match="ne change plus"):
        service.lire_questions(session, str(dossier.numero), "M2A", acteur=lecteur)
    with pytest.raises(ActeImpossible, match="ne se retire plus"):
        service.retirer_lecture(
            session, str(dossier.numero), "M2A", lecteur=second.acteur, acteur=lecteur, maintenant=PLUS_TARD
        )
    with pytest.raises(DBAPIError, match="ne change plus"), session.begin_nested():
        session.execute(text("UPDATE seconde_lecture SET criteres = '{}'"))


def test_qui_a_ajuste_ou_n_instruit_pas_la_ligne_ne_lit_pas(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    agent = scene.agent(session)
    service.ajuster(
        session, str(dossier.numero), "M2A", critere="LAN", taux_pour_cent=60, motif="Vu.", acteur=agent,
        maintenant=PLUS_TARD,
    )  # fmt: skip
    demande = session.scalars(select(Demande).where(Demande.dossier_id == dossier.id)).first()
    assert demande is not None
    ailleurs = un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="MULHOUSE")
    for refuse in (scene.instructeur.acteur, ailleurs.acteur, "inconnu", ""):
        with pytest.raises(SaisieInvalide) as refus:
            demander(session, scene, dossier, refuse)
        assert refus.value.fautes[0].champ == "lecteur"
    demander(session, scene, dossier, second.acteur)
    with pytest.raises(SaisieInvalide):
        demander(session, scene, dossier, second.acteur)
    with pytest.raises(ActeInterdit, match="instruisent la ligne M2A"):
        demander(session, scene, dossier, ailleurs.acteur, identite(session, ailleurs))


def test_une_lecture_se_retire_par_qui_l_a_demandee(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    tiers = identite(session, un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A"))
    demander(session, scene, dossier, second.acteur)
    retrait = {"lecteur": second.acteur, "maintenant": PLUS_TARD}
    with pytest.raises(ActeInterdit, match="par qui l’a demandée"):
        service.retirer_lecture(session, str(dossier.numero), "M2A", acteur=tiers, **retrait)  # type: ignore[arg-type]
    agent = scene.agent(session)
    service.retirer_lecture(session, str(dossier.numero), "M2A", acteur=agent, **retrait)  # type: ignore[arg-type]
    assert service.ligne_vue(session, dossier, "M2A", second.acteur).note is not None
    with pytest.raises(Introuvable, match="n’est pas, ou n’est plus"):
        service.retirer_lecture(session, str(dossier.numero), "M2A", acteur=agent, **retrait)  # type: ignore[arg-type]
    with pytest.raises(Introuvable, match="ne vous est demandée"):
        service.lire_questions(session, str(dossier.numero), "M2A", acteur=identite(session, second))


def test_une_reponse_qui_manque_est_dite_a_son_critere(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    demander(session, scene, dossier, second.acteur)
    with pytest.raises(SaisieInvalide) as refus:
        rendre(session, dossier, identite(session, second), LAN="")
    assert [faute.champ for faute in refus.value.fautes] == ["taux-LAN"]
    assert repository.list_lectures(session, [d.id for d in session.scalars(select(Demande))])


def test_qui_doit_une_lecture_n_ajuste_pas_avant_de_la_rendre(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    demander(session, scene, dossier, second.acteur)
    lecteur = identite(session, second)
    acte = {"critere": "LAN", "taux_pour_cent": 60, "motif": "Vu.", "acteur": lecteur, "maintenant": PLUS_TARD}
    with pytest.raises(ActeImpossible, match="Rendez d’abord"):
        service.ajuster(session, str(dossier.numero), "M2A", **acte)  # type: ignore[arg-type]
    rendre(session, dossier, lecteur)
    note = service.ajuster(session, str(dossier.numero), "M2A", **acte, rang=1)  # type: ignore[arg-type]
    assert note.note.rang == 2
    with pytest.raises(VersionPerimee, match="a changé depuis"):
        service.ajuster(session, str(dossier.numero), "M2A", **acte, rang=1)  # type: ignore[arg-type]


def test_la_programmation_ne_montre_pas_la_note_a_qui_doit_la_lire(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    lecteur, autre = identite(session, second), scene.agent(session)
    demande = service.ligne_vue(session, dossier, "M2A").demande
    demander(session, scene, dossier, second.acteur)

    def vue(acteur: Identite) -> object:
        rangee = tableau.get_demande_vue(session, acteur, demande.id)
        return rangee.note_basse if rangee is not None else "absente"

    assert vue(lecteur) is None
    assert vue(autre) is not None
    rendre(session, dossier, lecteur)
    assert vue(lecteur) == vue(autre)


def test_une_ligne_decidee_ou_sans_note_ne_se_lit_pas(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    vue = service.ligne_vue(session, dossier, "M2A")
    vue.demande.etat = EtatDemande.DECIDEE
    session.flush()
    with pytest.raises(ActeImpossible, match="pas de note"):
        demander(session, scene, dossier, second.acteur)
    with pytest.raises(Introuvable):
        service.ligne_vue(session, dossier, "WITTENHEIM")


def test_qui_doit_lire_est_prevenu_et_le_trouve_a_son_accueil(
    session: Session, scene: Scene, dossier: Dossier, second: Compte
) -> None:
    lecture = demander(session, scene, dossier, second.acteur)
    lecteur = identite(session, second)
    (due,) = repository.list_lectures_dues(session, lecteur)
    assert (due.numero, due.ligne) == (dossier.numero, "M2A")
    for _ in range(2):
        annoncer_lecture(session, lecture.id, url_publique="https://essai.test/", maintenant=PLUS_TARD)
    courriel = session.scalars(select(Courriel)).one()
    assert courriel.destinataire == second.courriel
    assert f"https://essai.test/dossiers/{dossier.numero}/notes/M2A/lecture" in courriel.corps
    rendre(session, dossier, lecteur)
    assert not repository.list_lectures_dues(session, lecteur)
    annoncer_lecture(session, 0, url_publique="https://essai.test", maintenant=PLUS_TARD)
