// Agrément seulement : sans ce fichier, le formulaire part d’un bloc et la page revient.
"use strict";

const MEGA = 1024 * 1024;
const dire = (octets) => (octets / MEGA).toLocaleString("fr-FR", { maximumFractionDigits: 1 });

// Un envoi avec sa progression. La page rendue par le service est montrée telle quelle, fautes comprises.
function envoyer(formulaire, bloc) {
  const [barre, statut] = [bloc.querySelector("progress"), bloc.querySelector("[role=status]")];
  const boutons = formulaire.querySelectorAll("button[type=submit]");
  const requete = new XMLHttpRequest();
  let palier = -1;

  function finir(phrase) {
    boutons.forEach((b) => { b.disabled = false; });
    bloc.querySelector("[data-annuler]").hidden = true;
    statut.textContent = phrase;
  }

  requete.upload.addEventListener("progress", (e) => {
    if (!e.lengthComputable) return;
    const part = Math.floor((100 * e.loaded) / e.total);
    barre.value = part;
    // Une annonce par quart : un lecteur d’écran ne répète pas chaque point.
    if (Math.floor(part / 25) === palier) return;
    palier = Math.floor(part / 25);
    statut.textContent = part < 100 ? `${part} % envoyés (${dire(e.loaded)} sur ${dire(e.total)} Mo)` : "Envoyé. Vérification du fichier…";
  });
  requete.addEventListener("load", () => {
    if (requete.status >= 200 && requete.status < 300) {
      location.assign(requete.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(requete.responseText, "text/html");
    const contenu = page.querySelector("main");
    if (!contenu) { finir("Le service n’a pas répondu comme prévu. Rien n’est enregistré : recommencez."); return; }
    document.title = page.title;
    document.querySelector("main").replaceWith(contenu);
    preparerLesEnvois(contenu);
    (contenu.querySelector("[data-focus]") || contenu).focus();
  });
  requete.addEventListener("error", () => finir("La connexion a été coupée. Rien n’est enregistré : recommencez."));
  requete.addEventListener("abort", () => { barre.value = 0; finir("Envoi annulé. Rien n’est enregistré."); });
  bloc.querySelector("[data-annuler]").onclick = () => requete.abort();

  requete.open("POST", formulaire.action);
  bloc.hidden = false;
  bloc.querySelector("[data-annuler]").hidden = false;
  barre.hidden = false;
  statut.className = "";
  barre.value = 0;
  statut.textContent = "Envoi commencé.";
  const donnees = new FormData(formulaire);
  boutons.forEach((b) => { b.disabled = true; });
  requete.send(donnees);
}

// Trop lourd : dit avant d’envoyer quoi que ce soit.
function tropLourd(formulaire, bloc) {
  const champ = formulaire.querySelector("input[type=file]");
  const fichier = champ && champ.files[0];
  const limite = champ && Number(champ.dataset.tailleMax);
  if (!fichier || !limite || fichier.size <= limite) return false;
  const barre = bloc.querySelector("progress");
  const statut = bloc.querySelector("[role=status]");
  bloc.hidden = false;
  bloc.querySelector("[data-annuler]").hidden = true;
  barre.hidden = true;
  statut.className = "champ-erreur";
  champ.setAttribute("aria-invalid", "true");
  statut.textContent = `Erreur : ce fichier pèse ${dire(fichier.size)} Mo : ${dire(limite)} Mo au plus. Choisissez-en un plus léger.`;
  champ.focus();
  return true;
}

function preparerLesEnvois(racine) {
  racine.querySelectorAll("form[data-televersement]").forEach((formulaire) => {
    const bloc = formulaire.querySelector("[data-progression]");
    formulaire.addEventListener("submit", (evenement) => {
      const champ = formulaire.querySelector("input[type=file]");
      if (!bloc || !champ || champ.files.length === 0) return;
      evenement.preventDefault();
      if (!tropLourd(formulaire, bloc)) envoyer(formulaire, bloc);
    });
  });
}

document.addEventListener("DOMContentLoaded", () => preparerLesEnvois(document));
