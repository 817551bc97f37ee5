"""HiGHS, le solveur : le seul module du projet qui l'importe. Un fil, graine fixe, limite en nœuds."""

from __future__ import annotations

from fractions import Fraction

import highspy

from app.etapes.programmation.rules.modele import Etat, Limites, Modele, Reponse, SolveurEnDefaut

GRAINE = 2027
IIS_IRREDUCTIBLE = 4

_ETATS = {
    highspy.HighsModelStatus.kOptimal: Etat.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Etat.IMPOSSIBLE,
    # Toutes les colonnes sont bornées : « non borné ou impossible » veut dire impossible.
    highspy.HighsModelStatus.kUnboundedOrInfeasible: Etat.IMPOSSIBLE,
    highspy.HighsModelStatus.kTimeLimit: Etat.HORLOGE,
    highspy.HighsModelStatus.kSolutionLimit: Etat.LIMITE,
}


class MoteurHighs:
    """HiGHS par highspy. Deux résolutions du même modèle avec les mêmes limites en nœuds rendent la même réponse.

    Choix du projet : conception/conventions.md, « Outils » (highspy ≥ 1.15).
    """

    @property
    def version(self) -> str:
        """« HiGHS 1.15.1 (04024d7) »."""
        solveur = _silencieux()
        return f"HiGHS {solveur.version()} ({solveur.githash()})"

    def resoudre(self, modele: Modele, limites: Limites) -> Reponse:
        """Résout ; lève SolveurEnDefaut si HiGHS refuse le modèle ou rend un état imprévu."""
        if not modele.hauts:
            return Reponse(Etat.OPTIMAL, (), Fraction(0), 0)
        solveur = _silencieux()
        solveur.setOptionValue("mip_rel_gap", float(limites.ecart))
        solveur.setOptionValue("mip_max_nodes", limites.noeuds)
        if limites.secondes is not None:
            solveur.setOptionValue("time_limit", float(limites.secondes))
        _confier(solveur, _vers_highs(modele))
        solveur.run()
        etat = lire_etat(solveur.getModelStatus())
        info = solveur.getInfo()
        trouvee = etat is not Etat.IMPOSSIBLE and info.primal_solution_status == highspy.kSolutionStatusFeasible
        valeurs = tuple(round(v) for v in solveur.getSolution().col_value) if trouvee else None
        borne = Fraction(info.mip_dual_bound) if abs(info.mip_dual_bound) < highspy.kHighsInf else None
        return Reponse(etat, valeurs, borne, max(info.mip_node_count, 0))

    def conflit(self, modele: Modele) -> tuple[str, ...] | None:
        """Les contraintes d'un conflit irréductible de la relaxation linéaire ; None si la relaxation est possible.

        HiGHS ne cherche que sur la relaxation : si seuls les entiers rendent le problème impossible, il se tait.
        """
        solveur = _silencieux()
        solveur.setOptionValue("iis_strategy", IIS_IRREDUCTIBLE)
        lp = _vers_highs(modele)
        lp.integrality_ = []
        _confier(solveur, lp)
        solveur.run()
        _, iis = solveur.getIis()
        cles = {modele.rangees[rang].cle for rang in iis.row_index_} if iis.valid_ else set()
        return tuple(sorted(cle for cle in cles if cle is not None)) or None


def lire_etat(statut: highspy.HighsModelStatus) -> Etat:
    """L'état en français ; lève SolveurEnDefaut pour un état que la simulation n'attend pas (mémoire, erreur interne).

    Choix du projet : une simulation douteuse n'est jamais montrée.
    """
    if statut not in _ETATS:
        raise SolveurEnDefaut(f"HiGHS a rendu un état imprévu : {statut.name}.")
    return _ETATS[statut]


def _confier(solveur: highspy.Highs, lp: highspy.HighsLp) -> None:
    # Lancer HiGHS sur un modèle qu'il a refusé fait tomber le processus.
    if solveur.passModel(lp) == highspy.HighsStatus.kError:
        raise SolveurEnDefaut("HiGHS a refusé le modèle.")


def _silencieux() -> highspy.Highs:
    solveur = highspy.Highs()  # type: ignore[no-untyped-call]
    solveur.silent()
    solveur.setOptionValue("threads", 1)
    solveur.setOptionValue("parallel", "off")
    solveur.setOptionValue("random_seed", GRAINE)
    # Mesuré (200 et 500 dossiers × 5 lignes) : un tiers du temps en moins, le même écart demandé est atteint.
    solveur.setOptionValue("mip_heuristic_run_root_reduced_cost", False)
    return solveur


def _vers_highs(modele: Modele) -> highspy.HighsLp:
    """Le modèle au format de HiGHS. Les flottants restent ici : tous les coefficients sont entiers, sauf l'objectif."""
    lp = highspy.HighsLp()
    lp.num_col_ = len(modele.hauts)
    lp.num_row_ = len(modele.rangees)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = [float(points) for points in modele.objectif]
    lp.col_lower_ = [0.0] * len(modele.hauts)
    lp.col_upper_ = [float(haut) for haut in modele.hauts]
    lp.integrality_ = [
        highspy.HighsVarType.kInteger if entiere else highspy.HighsVarType.kContinuous for entiere in modele.entieres
    ]
    lp.row_lower_ = [-highspy.kHighsInf if r.minimum is None else float(r.minimum) for r in modele.rangees]
    lp.row_upper_ = [highspy.kHighsInf if r.maximum is None else float(r.maximum) for r in modele.rangees]
    debuts: list[int] = [0]
    indices: list[int] = []
    valeurs: list[float] = []
    for rangee in modele.rangees:
        indices.extend(colonne for colonne, _ in rangee.termes)
        valeurs.extend(float(facteur) for _, facteur in rangee.termes)
        debuts.append(len(indices))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = debuts
    lp.a_matrix_.index_ = indices
    lp.a_matrix_.value_ = valeurs
    return lp
