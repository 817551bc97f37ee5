// Agrément de la séance : P, C et A cochent une voix, seulement quand le focus est dans le tableau des voix (WCAG 2.1.4).
"use strict";

const TOUCHES = new Set(["P", "C", "A"]);

function cocher(rangee, touche) {
  const choix = rangee.querySelector(`[data-touche="${touche}"]`);
  if (choix) choix.checked = true;
  return choix;
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-touches-aide]").forEach((aide) => { aide.hidden = false; });
});

document.addEventListener("keydown", (evenement) => {
  const touche = evenement.key.toUpperCase();
  const rangee = evenement.target.closest("[data-voix]");
  if (!rangee || !TOUCHES.has(touche) || evenement.ctrlKey || evenement.metaKey || evenement.altKey) return;
  evenement.preventDefault();
  const rangees = evenement.shiftKey ? [...rangee.parentElement.querySelectorAll("[data-voix]")] : [rangee];
  const choix = rangees.map((r) => cocher(r, touche));
  const suivante = evenement.shiftKey ? null : rangee.nextElementSibling;
  const cible = suivante ? suivante.querySelector("input:checked") || suivante.querySelector("input") : choix.at(-1);
  if (cible) cible.focus();
});
