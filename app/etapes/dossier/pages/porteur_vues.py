"""Ce que le porteur voit d'un dossier : étapes, totaux, fautes, actes. Mise en forme seulement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from app.etapes.dossier import repository
from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.repository.referentiel import (
    Cadre,
    Referentiel,
    a_la_phase_du_jour,
    get_cadre,
    get_referentiel_garde,
)
from app.etapes.dossier.rules.budget import Budget, lire_budget
from app.etapes.dossier.rules.budgets_annexes import AnneeSuivante, lire_annees
from app.etapes.dossier.rules.depot import est_chemin_court, est_exige, section_de, verifier_depot
from app.etapes.dossier.rules.etats import MODIFIABLES, Transition, actes_possibles
from app.etapes.dossier.rules.formes import Champ as ChampDuDossier
from app.etapes.dossier.rules.formes import Section
from app.etapes.dossier.rules.parcours import contenu_utile, sections_du_dossier
from app.etapes.dossier.rules.sections import (
    A_REMPLIR,
    EtatSection,
    est_facultative,
    etats_des_sections,
)
from app.etapes.dossier.service import brouillon
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute
from app.noyau.euros import ZERO
from app.noyau.roles import Role
from app.referentiels.acteurs.rules.fiche import ENGAGEES

TUES_AVANT_LES_DEMANDES = frozenset({"budget_desequilibre"})


@dataclass(frozen=True)
class DossierOuvert:
    """Un dossier et ce qu'il faut pour le montrer à son porteur. `change` : valeurs qui viennent de s'enregistrer."""

    session: SessionDep
    dossier: Dossier
    cadre: Cadre
    champs: Mapping[str, Champ]
    acteur: Identite
    change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identifiant(self) -> str:
        """Le numéro public, ou la référence d'un brouillon."""
        return self.dossier.numero or self.dossier.reference

    @property
    def titre(self) -> str:
        """Le titre de l'action, ou ce qui en tient lieu."""
        return str(self.contenu.get("titre") or self.dossier.titre or "Dossier sans titre")

    @cached_property
    def contenu(self) -> dict[str, Any]:
        """Code de champ → valeur."""
        enregistre = {code: c.valeur for code, c in self.champs.items()} | dict(self.change)
        return {code: valeur for code, valeur in enregistre.items() if valeur is not None}

    @property
    def utile(self) -> dict[str, Any]:
        """Le contenu des seules étapes que ce dossier a : ce qui se relit, se signe et se dépose."""
        return contenu_utile(self.contenu, annee=self.cadre.appel.annee, association=self.cer_exige)

    @cached_property
    def referentiel(self) -> Referentiel:
        """Ce que ce dossier peut citer, gardé par processus tant que sa version ne change pas."""
        d = self.dossier
        return get_referentiel_garde(self.session, d.contrat_id, d.version_id, self.cadre.empreinte)

    def version_de(self, code: str) -> int:
        """La version enregistrée d'un champ, 0 s'il n'a jamais été rempli."""
        return self.champs[code].version if code in self.champs else 0

    def avec(self, valeurs: Mapping[str, Any]) -> DossierOuvert:
        """Le même, ces valeurs enregistrées."""
        return replace(self, change=valeurs)

    def relu(self) -> DossierOuvert:
        """Le même, relu après un enregistrement. Une requête."""
        return replace(self, champs=repository.list_champs(self.session, self.dossier.id))

    @cached_property
    def fautes(self) -> tuple[Faute, ...]:
        """Tout ce qui empêche de déposer."""
        cadre = brouillon.cadre(
            self.session, self.dossier, self.cadre.appel, self.cadre.organisation, cer_connu=self.cadre.cer_connu
        )
        return verifier_depot(self.contenu, cadre)

    @cached_property
    def budget(self) -> Budget:
        """Les totaux."""
        return lire_budget(self.contenu, self.cadre.appel.annee)

    @property
    def suites(self) -> tuple[AnneeSuivante, ...]:
        """Chaque année d'après de la durée demandée, remplie ou non."""
        budget = self.budget
        lues = {a.annee: a for a in lire_annees(self.contenu, budget)}
        annees = range(budget.annee + 1, budget.annee + int(self.contenu.get("duree") or 1))
        return tuple(lues.get(a) or AnneeSuivante(a, "", ZERO, ZERO, budget.demande_en(a)) for a in annees)

    @property
    def est_court(self) -> bool:
        """Vrai sur le chemin court."""
        return est_chemin_court(self.budget, self.cadre.appel.seuil_court)

    @property
    def cer_exige(self) -> bool:
        """Vrai si l'organisation doit avoir souscrit le contrat d'engagement républicain."""
        return self.cadre.organisation.forme in ENGAGEES

    @cached_property
    def etats(self) -> dict[Section, EtatSection]:
        """L'état de chaque étape du formulaire."""
        a_revoir = {code for code, c in self.champs.items() if c.version == 0}
        return etats_des_sections(self.contenu, self.fautes, a_revoir)

    @cached_property
    def ouvertes(self) -> frozenset[Section]:
        """Les étapes qui se modifient : toutes en brouillon, celles que vise un complément ensuite."""
        return brouillon.sections_ouvertes(self.session, self.dossier)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Les étapes que ce dossier a, dans l'ordre."""
        return sections_du_dossier(int(self.contenu.get("duree") or 1), association=self.cer_exige)

    def est_facultative(self, section: Section) -> bool:
        """Vrai si rien n'est exigé à cette étape."""
        return est_facultative(section, court=self.est_court, association=self.cer_exige)

    def est_exige(self, champ: ChampDuDossier) -> bool:
        """Vrai si ce champ est exigé au dépôt de ce dossier."""
        return est_exige(champ, court=self.est_court, association=self.cer_exige)

    def suivies(self, section: Section) -> list[Section]:
        """Les étapes que l'on enchaîne en passant par celle-ci : modifiables, et exigées si c'est court."""
        return [
            s
            for s in self.sections
            if s is section or (s in self.ouvertes and not (self.est_court and self.est_facultative(s)))
        ]

    def autour(self, section: Section) -> tuple[Section | None, Section | None]:
        """(étape d'avant, étape d'après) parmi celles que l'on enchaîne."""
        suivies = self.suivies(section)
        rang = suivies.index(section)
        return suivies[rang - 1] if rang else None, suivies[rang + 1] if rang + 1 < len(suivies) else None

    @property
    def roles(self) -> frozenset[Role]:
        """Les rôles de la personne sur ce dossier."""
        return roles_sur_dossier(self.acteur, self.dossier)

    @property
    def peut_ecrire(self) -> bool:
        """Vrai si la personne peut encore modifier le dossier."""
        return bool(self.roles & brouillon.ECRIT) and self.dossier.etat in MODIFIABLES

    @property
    def actes(self) -> dict[str, Transition]:
        """Les actes possibles, par nom."""
        return {t.acte: t for t in actes_possibles(self.dossier.etat, self.roles)}

    @property
    def est_signe(self) -> bool:
        """Vrai si la version actuelle est signée."""
        return self.dossier.signe_le is not None and self.dossier.signe_version == self.dossier.version

    def fautes_montrees(self, section: Section, *, avec_les_manques: bool) -> tuple[Faute, ...]:
        """Ce qu'une étape dit de fautif : l'équilibre du budget se tait tant que rien n'est demandé."""
        tues = frozenset() if self.budget.demandes else TUES_AVANT_LES_DEMANDES
        tues |= frozenset() if avec_les_manques else A_REMPLIR
        return tuple(f for f in self.fautes_de(section) if f.code not in tues)

    def fautes_de(self, section: Section) -> tuple[Faute, ...]:
        """Ce qui manque dans une étape."""
        return tuple(f for f in self.fautes if section_de(f) is section)


def ouvrir(
    session: SessionDep, identifiant: str, acteur: Identite, maintenant: datetime | None = None
) -> DossierOuvert:
    """Le dossier, son cadre (avec `maintenant`, à la phase où il se déposera), ses champs. Lève Introuvable.

    Trois requêtes, quatre si la phase du brouillon est finie.
    """
    dossier = repository.get_dossier(session, identifiant, acteur)
    cadre = get_cadre(session, dossier)
    if maintenant is not None and dossier.numero is None:
        cadre = a_la_phase_du_jour(session, cadre, maintenant)
    return DossierOuvert(session, dossier, cadre, repository.list_champs(session, dossier.id), acteur)
