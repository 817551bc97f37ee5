// Le direct : la page est relue toutes les deux secondes ; ses zones marquées suivent. Sans ce fichier, un lien l’actualise.
"use strict";

const CADENCE = 2000;
const PERTE = 10000;

function depliables(zone) {
  return [...zone.querySelectorAll("details")];
}

// Remplace les zones qui ont changé, sauf celle où la personne travaille ; ce qu’elle a déplié le reste.
function suivre(neuve, vues) {
  let change = false;
  vues.forEach((vue, zone) => {
    const autre = neuve.getElementById(zone.id);
    if (!autre || autre.innerHTML === vue || zone.contains(document.activeElement)) return;
    vues.set(zone, autre.innerHTML);
    const ouverts = depliables(zone).map((d) => d.open);
    zone.replaceChildren(...autre.childNodes);
    depliables(zone).forEach((d, rang) => { d.open = ouverts[rang] || d.open; });
    change = true;
  });
  return change;
}

function heure() {
  return new Date().toLocaleTimeString("fr-FR", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

document.addEventListener("DOMContentLoaded", () => {
  const temoin = document.querySelector("[data-direct]");
  if (!temoin) return;
  const dire = (phrase) => { temoin.textContent = phrase; temoin.hidden = false; };
  const adresse = location.pathname;
  const vues = new Map([...document.querySelectorAll("[data-direct-zone]")].map((zone) => [zone, zone.innerHTML]));
  let empreinte = temoin.dataset.direct;
  let derniere = Date.now();
  let perdue = false;

  async function relire() {
    const reponse = await fetch(adresse, { headers: { "If-None-Match": empreinte }, cache: "no-store" });
    if (reponse.redirected || (reponse.status >= 400 && reponse.status < 500)) return location.reload();
    if (reponse.status !== 304 && !reponse.ok) throw new Error(String(reponse.status));
    if (reponse.ok) {
      empreinte = reponse.headers.get("ETag") || empreinte;
      const page = new DOMParser().parseFromString(await reponse.text(), "text/html");
      if (suivre(page, vues)) dire(`Mis à jour à ${heure()}.`);
    }
    if (perdue) dire(`Connexion retrouvée à ${heure()}.`);
    perdue = false;
    derniere = Date.now();
    return undefined;
  }

  async function tour() {
    try {
      if (!document.hidden) await relire();
    } catch {
      if (!perdue && Date.now() - derniere > PERTE) {
        perdue = true;
        dire("Connexion perdue : cette page ne suit plus la séance. Elle reprendra d’elle-même.");
      }
    }
    setTimeout(tour, CADENCE);
  }
  setTimeout(tour, CADENCE);
});
