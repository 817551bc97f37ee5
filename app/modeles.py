"""Toutes les tables, réunies pour les migrations. Importer ce module suffit à remplir `Base.metadata`."""

from __future__ import annotations

from app.etapes.appel import models as appel
from app.etapes.commission import models as commission
from app.etapes.consultation import models as consultation
from app.etapes.contrat import models as contrat
from app.etapes.convention import models as convention
from app.etapes.dossier import models as dossier
from app.etapes.dossier.models import portail as portail_etat
from app.etapes.notation import models as notation
from app.etapes.programmation import models as programmation
from app.infra import documents, jobs, mail, sirene
from app.infra.db import Base
from app.infra.journal import models as journal
from app.referentiels.acteurs import models as acteurs
from app.referentiels.contrats import models as contrats
from app.referentiels.grilles import models as grilles
from app.referentiels.instances import models as instances
from app.referentiels.lignes import models as lignes
from app.referentiels.pieces import models as pieces
from app.referentiels.territoires import models as territoires

MODULES = (
    documents,
    jobs,
    mail,
    sirene,
    journal,
    contrats,
    acteurs,
    territoires,
    lignes,
    instances,
    pieces,
    grilles,
    contrat,
    appel,
    dossier,
    portail_etat,
    notation,
    consultation,
    programmation,
    commission,
    convention,
)
METADONNEES = Base.metadata
