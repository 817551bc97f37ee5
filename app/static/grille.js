// Agrément du tableau des poids : la somme de chaque ligne de financement suit ce qui est tapé.
"use strict";

function direLaSomme(somme, juste) {
  if (!Number.isInteger(somme)) return "illisible";
  if (somme === juste) return String(somme);
  return somme < juste ? `${somme}, il manque ${juste - somme}` : `${somme}, ${somme - juste} de trop`;
}

function sommer(code) {
  const cases = [...document.querySelectorAll(`[data-poids="${code}"]`)];
  const valeurs = cases.map((c) => (c.value.trim() === "" ? 0 : Number(c.value)));
  const sortie = document.querySelector(`[data-somme="${code}"]`);
  if (!sortie) return;
  const somme = valeurs.reduce((total, valeur) => total + valeur, 0);
  const juste = Number(sortie.dataset.juste);
  sortie.textContent = direLaSomme(somme, juste);
  sortie.classList.toggle("poids-somme-fausse", somme !== juste);
}

document.addEventListener("input", (evenement) => {
  const code = evenement.target.dataset.poids;
  if (code) sommer(code);
});
