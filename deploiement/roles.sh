#!/usr/bin/env bash
# Premier démarrage de PostgreSQL : les deux rôles et la base. iq_proprietaire migre, iq_service sert.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U postgres -v service="$IQ_MDP_SERVICE" -v proprietaire="$IQ_MDP_PROPRIETAIRE" <<'SQL'
CREATE ROLE iq_proprietaire LOGIN PASSWORD :'proprietaire';
CREATE ROLE iq_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'service';
CREATE DATABASE initiatives OWNER iq_proprietaire;
\connect initiatives
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO iq_proprietaire;
GRANT USAGE ON SCHEMA public TO iq_service;
SQL
