"""Le procès-verbal : ce qui s'est dit par règles et par nombres, scellé une fois la séance close."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel.repository import get_appel
from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, ResultatPoint, Seance
from app.etapes.commission.repository import PointLu, Salle
from app.etapes.commission.rules import NatureActe, TypeIssue, en_clair
from app.infra.documents import sceller as sceller_document
from app.infra.journal.ancres import ancrer, mention_ancre
from app.infra.pdf import compiler
from app.noyau.euros import Euros
from app.noyau.periodes import instant_long
from app.referentiels.contrats.repository import get_contrat
from app.referentiels.instances.models import Instance

PHRASES = {
    TypeIssue.RETENU: "retenu",
    TypeIssue.AMENDE: "retenu, montant amendé",
    TypeIssue.REFUSE: "non retenu",
    TypeIssue.AJOURNE: "ajourné",
    TypeIssue.RESERVE: "inscrit sur la liste de réserve",
}
PREPARE = (
    "La commission prépare les décisions : son vote ne crée pas de droit. Seule la décision de chaque autorité, "
    "notifiée par elle, engage."
)


def sceller(session: Session, seance_id: int, *, maintenant: datetime) -> str | None:
    """Compile, scelle et ancre le procès-verbal d'une séance close ; rend son empreinte, None s'il l'est déjà."""
    seance = session.get_one(Seance, seance_id, with_for_update={"key_share": True})
    if seance.etat is not EtatSeance.CLOSE or repository.document_du_pv(session, seance) is not None:
        return None
    contenu = compiler(
        "proces_verbal", {**donnees(session, seance), "mention": mention_ancre(session, seance.contrat_id)}
    )
    empreinte = sceller_document(
        session, contenu, media="application/pdf", nom=repository.nom_du_pv(seance), maintenant=maintenant
    )
    ancrer(session, seance.contrat_id, f"pdf:{empreinte}", maintenant)
    return empreinte


def donnees(session: Session, seance: Seance) -> dict[str, Any]:
    """Ce que dit le procès-verbal ; les mêmes faits nourrissent la page et le PDF. Des qualités, jamais des noms."""
    salle = repository.lire_salle(session, seance)
    points = repository.list_points(session, seance.id)
    deports = repository.deports_de(session, seance.id)
    instance = session.get_one(Instance, seance.instance_id)
    return {
        "titre": "Procès-verbal de séance",
        "surtitre": get_contrat(session, seance.contrat_id).intitule,
        "reference": seance.code,
        "instant": seance.close_le,
        "instance": instance.nom,
        "appel": get_appel(session, seance.appel_id).intitule,
        "date": instant_long(seance.prevue_le),
        "lieu": seance.lieu,
        "ouverture": instant_long(seance.ouverte_le) if seance.ouverte_le else "",
        "cloture": instant_long(seance.close_le) if seance.close_le else "",
        "convocation": instant_long(seance.convoquee_le) if seance.convoquee_le else "",
        "reglement": f"{salle.regles.nom} ({salle.regles.source})",
        "regles": " ".join(en_clair(salle.regles)),
        "avertissement": PREPARE,
        "preside": salle.qualite(salle.president()),
        "presents": [m.libelle for m in salle.membres if m.a_voix and m.code in salle.presents],
        "assistent": [m.libelle for m in salle.membres if not m.a_voix and m.code in salle.presents],
        "absents": _absents(salle),
        "pouvoirs": [[salle.qualite(p.mandant), salle.qualite(p.mandataire)] for p in salle.procurations],
        "deports": [[f"point {d.point}", salle.qualite(d.membre), d.motif] for d in deports],
        "blocs": _blocs(points, salle),
        "totaux": _totaux(points),
        "reportes": [_intitule(p) for p in points if p.resultat is None],
    }


def _absents(salle: Salle) -> list[str]:
    representes = {p.mandant for p in salle.procurations}
    return [m.libelle for m in salle.membres if m.a_voix and m.code not in salle.presents | representes]


def _intitule(lu: PointLu) -> str:
    return f"{lu.point.rang}. {lu.dossier.titre} ({lu.dossier.numero}), {lu.organisation.nom}"


def _blocs(points: Sequence[PointLu], salle: Salle) -> list[dict[str, Any]]:
    blocs: dict[str, dict[str, Any]] = {}
    for lu in points:
        if lu.resultat is None:
            continue
        bloc = blocs.setdefault(
            lu.point.bloc,
            {
                "nom": lu.point.bloc.replace(lu.ligne.code, lu.ligne.financeur, 1),
                "nature": f"{lu.nature.phrase}{'' if lu.nature is NatureActe.AVIS else ' la programmation'}.",
                "points": [],
            },
        )
        bloc["points"].append(_point(lu, lu.resultat, salle))
    return list(blocs.values())


def _point(lu: PointLu, resultat: ResultatPoint, salle: Salle) -> dict[str, Any]:
    issue, decompte = TypeIssue(resultat.issue), resultat.decompte
    suite = f" au rang {resultat.rang_reserve}" if issue is TypeIssue.RESERVE else ""
    return {
        "intitule": _intitule(lu),
        "titre": f"{lu.point.rang}. {lu.dossier.titre}",
        "precision": f"{lu.dossier.numero}, {lu.organisation.nom}",
        "demande": str(lu.demande.montant_demande),
        "soumis": str(lu.point.montant_soumis),
        "issue": PHRASES[issue] + suite,
        "montant": str(resultat.montant) if resultat.montant else "—",
        "vote": lu.phrase_du_vote,
        "preside": decompte["preside"],
        "deports": ", ".join(salle.qualite(str(m)) for m in decompte["deports"]),
        "sans_part": " ; ".join(decompte.get("sans_part", ())),
        "motif": "" if resultat.motif in {decompte["phrase"], decompte["quorum"]} else resultat.motif,
    }


def _totaux(points: Sequence[PointLu]) -> list[list[str]]:
    totaux: dict[str, tuple[int, Euros, Euros]] = {}
    for lu in points:
        if lu.resultat is not None:
            combien, soumis, vote = totaux.get(lu.ligne.financeur, (0, Euros(0), Euros(0)))
            retenu = 1 if lu.resultat.montant else 0
            cumul = (combien + retenu, soumis + lu.point.montant_soumis, vote + lu.resultat.montant)
            totaux[lu.ligne.financeur] = cumul
    return [[nom, str(combien), str(soumis), str(vote)] for nom, (combien, soumis, vote) in totaux.items()]
