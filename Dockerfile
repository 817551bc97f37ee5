# Une image pour le web et pour les tâches. Construire : docker build -t initiatives-quartiers .
FROM node:20-slim AS statique
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /service
RUN useradd --system --uid 10001 --home-dir /service service && mkdir -p /donnees && chown service /donnees
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY app app
COPY migrations migrations
COPY templates templates
COPY seeds seeds
COPY --from=statique /src/node_modules/htmx.org/dist/htmx.min.js app/static/tiers/htmx.min.js
USER service
ENV IQ_DONNEES=/donnees
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/sante', timeout=4)"]
CMD ["uvicorn", "app.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--no-server-header"]
