// Agrément seulement : chaque page fonctionne sans ce fichier.
"use strict";

// Le résumé d’erreurs (ou ce qui porte data-focus) reçoit le focus dès qu’il arrive.
function porterLeFocus(racine) {
  const cible = racine.querySelector("[data-focus]");
  if (cible) cible.focus();
}

// Caractères restants d’un texte long ; la limite elle-même est vérifiée par le service.
function compter(champ) {
  const sortie = document.querySelector(`[data-compteur-de="${CSS.escape(champ.id)}"]`);
  if (!sortie) return;
  const reste = Number(champ.dataset.compteur) - [...champ.value].length;
  const valeur = Math.abs(reste).toLocaleString("fr-FR");
  const mot = Math.abs(reste) > 1 ? "caractères" : "caractère";
  sortie.textContent = reste < 0 ? `${valeur} ${mot} de trop` : `${valeur} ${mot} encore possibles`;
  if (reste === 1) sortie.textContent = "1 caractère encore possible";
  sortie.classList.toggle("compteur-depasse", reste < 0);
}

// data-retenir : un texte pas encore envoyé survit à un détour par une autre page, dans cet onglet seulement.
const cleDe = (champ) => `${location.pathname}#${champ.name}`;
function rendreLeTexte(champ) {
  if (!champ.value) champ.value = sessionStorage.getItem(cleDe(champ)) || "";
}
document.addEventListener("submit", (evenement) => {
  evenement.target.querySelectorAll("[data-retenir]").forEach((champ) => sessionStorage.removeItem(cleDe(champ)));
  if ((evenement.target.getAttribute("action") || "").endsWith("/deconnexion")) sessionStorage.clear();
});

// data-une-fois : un double clic n’envoie qu’une fois ; revenir à la page permet de recommencer.
document.addEventListener("submit", (evenement) => {
  if (!evenement.target.matches("[data-une-fois]")) return;
  if (evenement.target.dataset.parti) evenement.preventDefault();
  evenement.target.dataset.parti = "oui";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-parti]").forEach((f) => delete f.dataset.parti));

function preparer(racine) {
  porterLeFocus(racine);
  racine.querySelectorAll("[data-retenir]").forEach(rendreLeTexte);
  racine.querySelectorAll("[data-compteur]").forEach(compter);
}

document.addEventListener("DOMContentLoaded", () => preparer(document));
document.addEventListener("htmx:load", (evenement) => {
  if (evenement.target !== document.body) preparer(evenement.target);
});
document.addEventListener("input", (evenement) => {
  if (evenement.target.matches("[data-compteur]")) compter(evenement.target);
  if (evenement.target.matches("[data-retenir]")) sessionStorage.setItem(cleDe(evenement.target), evenement.target.value);
});

// data-confirme ouvre le dialogue au lieu de suivre le lien ; data-ferme le ferme.
document.addEventListener("click", (evenement) => {
  const declencheur = evenement.target.closest("[data-confirme]");
  const dialogue = declencheur && document.getElementById(declencheur.dataset.confirme);
  const simple = !(evenement.ctrlKey || evenement.metaKey || evenement.shiftKey);
  if (dialogue && simple && typeof dialogue.showModal === "function") {
    evenement.preventDefault();
    dialogue.showModal();
  }
  if (evenement.target.closest("[data-ferme]")) evenement.target.closest("dialog").close();
});

// Échap replie le menu du téléphone et rend le focus à son bouton.
document.addEventListener("keydown", (evenement) => {
  if (evenement.key !== "Escape") return;
  const menu = document.querySelector("header details[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Le papier montre les tableaux repliés, puis l’écran redevient comme avant.
const deplies = new Set();
addEventListener("beforeprint", () => {
  document.querySelectorAll("details.jumeau:not([open])").forEach((d) => { d.open = true; deplies.add(d); });
});
addEventListener("afterprint", () => {
  deplies.forEach((d) => { d.open = false; });
  deplies.clear();
});
