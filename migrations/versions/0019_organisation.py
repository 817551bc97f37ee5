"""La fiche de l’organisation, les comptes créés soi-même, les sessions glissantes, les demandes d’accès, l’annuaire.

Révision : 0019
Précédente : 0018
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Les sessions déjà ouvertes gardent leur fin : elles ne glissent pas.
SESSIONS = """
ALTER TABLE session_web
    ADD COLUMN vue_at timestamptz,
    ADD COLUMN limite_at timestamptz,
    ADD COLUMN agent text;
UPDATE session_web SET vue_at = cree_at, limite_at = expire_at, agent = '';
ALTER TABLE session_web
    ALTER COLUMN vue_at SET NOT NULL,
    ALTER COLUMN limite_at SET NOT NULL,
    ALTER COLUMN agent SET NOT NULL,
    ADD CONSTRAINT ck_session_web_limite CHECK (expire_at <= limite_at);
"""
TABLES = """
CREATE TABLE annuaire_cache (
    siret text NOT NULL,
    reponse jsonb,
    lue_at timestamptz NOT NULL,
    CONSTRAINT pk_annuaire_cache PRIMARY KEY (siret),
    CONSTRAINT ck_annuaire_cache_siret CHECK (siret ~ '^[0-9]{14}$')
);
CREATE INDEX ix_annuaire_cache_lue_at ON annuaire_cache (lue_at);

CREATE TABLE inscription (
    id bigint GENERATED ALWAYS AS IDENTITY,
    code text NOT NULL,
    empreinte bytea,
    courriel text NOT NULL,
    nom_affiche text NOT NULL,
    mot_de_passe text NOT NULL,
    cree_at timestamptz NOT NULL,
    expire_at timestamptz NOT NULL,
    envoye_at timestamptz,
    utilise_at timestamptz,
    derniere_erreur text,
    CONSTRAINT pk_inscription PRIMARY KEY (id),
    CONSTRAINT uq_inscription_code UNIQUE (code),
    CONSTRAINT ck_inscription_courriel_minuscule CHECK (courriel = lower(courriel)),
    CONSTRAINT ck_inscription_empreinte CHECK (empreinte IS NULL OR octet_length(empreinte) = 32),
    CONSTRAINT ck_inscription_envoye CHECK (envoye_at IS NULL OR empreinte IS NOT NULL),
    CONSTRAINT ck_inscription_dates CHECK (expire_at > cree_at)
);
CREATE INDEX ix_inscription_courriel ON inscription (courriel);

CREATE TABLE demande_acces (
    id bigint GENERATED ALWAYS AS IDENTITY,
    code text NOT NULL,
    nature varchar(40) NOT NULL,
    organisation_id bigint NOT NULL,
    compte_id bigint NOT NULL,
    contrat_id bigint,
    motif text NOT NULL,
    cree_at timestamptz NOT NULL,
    suite varchar(40),
    suite_motif text NOT NULL,
    suite_at timestamptz,
    suite_par text,
    CONSTRAINT pk_demande_acces PRIMARY KEY (id),
    CONSTRAINT uq_demande_acces_code UNIQUE (code),
    CONSTRAINT fk_demande_acces_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT fk_demande_acces_compte_id FOREIGN KEY (compte_id) REFERENCES compte (id),
    CONSTRAINT fk_demande_acces_contrat_id FOREIGN KEY (contrat_id) REFERENCES contrat (id),
    CONSTRAINT ck_demande_acces_nature CHECK (nature IN ('acces', 'administration')),
    CONSTRAINT ck_demande_acces_suite CHECK (suite IN ('acceptee', 'refusee')),
    CONSTRAINT ck_demande_acces_contrat CHECK ((nature = 'administration') = (contrat_id IS NOT NULL)),
    CONSTRAINT ck_demande_acces_suite_complete CHECK (num_nonnulls(suite, suite_at, suite_par) IN (0, 3))
);
CREATE INDEX ix_demande_acces_organisation_id ON demande_acces (organisation_id);
CREATE INDEX ix_demande_acces_contrat_id ON demande_acces (contrat_id);
CREATE UNIQUE INDEX uq_demande_acces_en_attente ON demande_acces (compte_id, organisation_id, nature)
    WHERE suite IS NULL;

CREATE TABLE fiche_organisation (
    organisation_id bigint NOT NULL,
    site_web text NOT NULL,
    commune_deleguee text NOT NULL,
    correspondance_adresse text NOT NULL,
    correspondance_code_postal text NOT NULL,
    correspondance_commune text NOT NULL,
    contact_prenom text NOT NULL,
    contact_nom text NOT NULL,
    contact_fonction text NOT NULL,
    contact_telephone text NOT NULL,
    contact_courriel text NOT NULL,
    est_reconnue_utilite boolean,
    utilite_jo_le date,
    est_assujettie boolean,
    a_aides_minimis boolean,
    aides_minimis text NOT NULL,
    agrements jsonb NOT NULL,
    reseaux jsonb NOT NULL,
    personnes_morales jsonb NOT NULL,
    modifie_at timestamptz NOT NULL,
    modifie_par text NOT NULL,
    CONSTRAINT pk_fiche_organisation PRIMARY KEY (organisation_id),
    CONSTRAINT fk_fiche_organisation_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT ck_fiche_organisation_utilite CHECK (utilite_jo_le IS NULL OR est_reconnue_utilite),
    CONSTRAINT ck_fiche_organisation_agrements CHECK (jsonb_typeof(agrements) = 'array'),
    CONSTRAINT ck_fiche_organisation_reseaux CHECK (jsonb_typeof(reseaux) = 'array'),
    CONSTRAINT ck_fiche_organisation_personnes_morales CHECK (jsonb_typeof(personnes_morales) = 'array')
);

CREATE TABLE representant_legal (
    organisation_id bigint NOT NULL,
    depuis date NOT NULL,
    fonction text NOT NULL,
    prenom text NOT NULL,
    nom text NOT NULL,
    telephone text NOT NULL,
    courriel text NOT NULL,
    CONSTRAINT pk_representant_legal PRIMARY KEY (organisation_id, depuis),
    CONSTRAINT fk_representant_legal_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);

CREATE TABLE moyens_humains (
    organisation_id bigint NOT NULL,
    annee bigint NOT NULL,
    benevoles bigint NOT NULL,
    volontaires bigint NOT NULL,
    salaries bigint NOT NULL,
    emplois_aides bigint NOT NULL,
    etpt_centiemes bigint NOT NULL,
    mis_a_disposition bigint NOT NULL,
    adherents bigint NOT NULL,
    CONSTRAINT pk_moyens_humains PRIMARY KEY (organisation_id, annee),
    CONSTRAINT fk_moyens_humains_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT ck_moyens_humains_annee CHECK (annee BETWEEN 2000 AND 2100),
    CONSTRAINT ck_moyens_humains_positifs CHECK (
        least(benevoles, volontaires, salaries, emplois_aides, etpt_centiemes, mis_a_disposition, adherents) >= 0
    ),
    CONSTRAINT ck_moyens_humains_emplois_aides CHECK (emplois_aides <= salaries)
);

CREATE TABLE compte_bancaire (
    id bigint GENERATED ALWAYS AS IDENTITY,
    organisation_id bigint NOT NULL,
    titulaire text NOT NULL,
    banque text NOT NULL,
    iban text NOT NULL,
    bic text NOT NULL,
    cree_at timestamptz NOT NULL,
    cree_par text NOT NULL,
    retire_at timestamptz,
    CONSTRAINT pk_compte_bancaire PRIMARY KEY (id),
    CONSTRAINT fk_compte_bancaire_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT ck_compte_bancaire_iban CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$'),
    CONSTRAINT ck_compte_bancaire_bic CHECK (bic ~ '^[A-Z0-9]{8}([A-Z0-9]{3})?$')
);
CREATE INDEX ix_compte_bancaire_organisation_id ON compte_bancaire (organisation_id);
CREATE UNIQUE INDEX uq_compte_bancaire_iban ON compte_bancaire (organisation_id, iban) WHERE retire_at IS NULL;

CREATE TABLE engagement_republicain (
    id bigint GENERATED ALWAYS AS IDENTITY,
    organisation_id bigint NOT NULL,
    acteur text NOT NULL,
    nom text NOT NULL,
    qualite text NOT NULL,
    atteste_at timestamptz NOT NULL,
    CONSTRAINT pk_engagement_republicain PRIMARY KEY (id),
    CONSTRAINT fk_engagement_republicain_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisation (id)
);
CREATE INDEX ix_engagement_republicain_organisation_id ON engagement_republicain (organisation_id);
CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON engagement_republicain
    FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON engagement_republicain
    FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
"""
DROITS = """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'iq_service') THEN
        REVOKE UPDATE, DELETE ON engagement_republicain FROM iq_service;
    END IF;
END $$;
"""
DESCENTE = """
DROP TABLE engagement_republicain, compte_bancaire, moyens_humains, representant_legal, fiche_organisation,
    demande_acces, inscription, annuaire_cache;
ALTER TABLE session_web
    DROP CONSTRAINT ck_session_web_limite, DROP COLUMN vue_at, DROP COLUMN limite_at, DROP COLUMN agent;
"""


def upgrade() -> None:
    op.execute(SESSIONS)
    op.execute(TABLES)
    op.execute(DROITS)


def downgrade() -> None:
    op.execute(DESCENTE)
