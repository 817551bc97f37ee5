// L’enregistrement au fil de la saisie. Agrément seulement : le bouton « Enregistrer » fait la même chose sans lui.
"use strict";

(() => {
  const formulaire = document.querySelector("form[data-brouillon]");
  if (!formulaire) return;
  const etat = formulaire.querySelector("[data-etat-brouillon]");
  const action = formulaire.dataset.brouillon;
  const ATTENTE = 1200; // millisecondes sans frappe avant d’enregistrer
  const SIGNE_DE_VIE = 60000;
  const modifies = new Set(); // à enregistrer
  const partis = new Set(); // envoyés, sans réponse encore
  const SURVIT_AU_DEPART = 60000; // octets : au-delà, un envoi ne survit pas à la page
  let minuterie = 0;
  let envoi = null; // l’enregistrement en cours
  let reprises = 0;
  let part = false;
  let refuse = false;
  let finie = false; // la session : reconnectée dans un autre onglet, on réessaie au retour dans celui-ci

  const codeDe = (champ) => champ.name.split(".")[0];
  const versionDe = (code) => formulaire.elements.namedItem(`v.${code}`);
  const dire = (phrase, ton = "") => {
    if (etat.textContent !== phrase) etat.textContent = phrase;
    etat.className = `etat-brouillon ${ton}`;
  };

  function corps(codes) {
    const tout = new FormData(formulaire);
    const envoye = new URLSearchParams();
    for (const [nom, valeur] of tout) {
      const code = nom.startsWith("v.") ? nom.slice(2) : nom.split(".")[0];
      if (nom === "_csrf" || codes.has(code)) envoye.append(nom, valeur);
    }
    return envoye;
  }

  // Une phrase sous la question, à la place de la précédente ; le résumé d’erreurs reste à l’enregistrement complet.
  // `cible` : la case fautive d’un tableau (« charges.2.montant ») ; sans elle, la question entière.
  function montrer(code, phrase, cible = code) {
    formulaire.querySelectorAll(`[data-note-brouillon="${CSS.escape(code)}"]`).forEach((n) => n.remove());
    formulaire.querySelectorAll(`[data-fautif="${CSS.escape(code)}"]`).forEach((c) => {
      c.removeAttribute("aria-invalid");
      delete c.dataset.fautif;
    });
    if (!phrase) return;
    const trouve = document.getElementById(`champ-${cible}`) || document.getElementById(`champ-${code}`);
    if (trouve && cible !== code && trouve.matches("input, select, textarea")) {
      trouve.setAttribute("aria-invalid", "true");
      trouve.dataset.fautif = code;
    }
    const note = document.createElement("p");
    note.className = "note-brouillon";
    note.dataset.noteBrouillon = code;
    note.textContent = phrase;
    if (trouve && trouve.dataset.fautif) trouve.before(note); // les cases d’une rangée restent alignées par le bas
    else ((trouve && trouve.closest(".champ")) || formulaire).append(note);
  }

  function appliquer(recu, codes) {
    for (const [code, version] of Object.entries(recu.versions)) {
      const champ = versionDe(code);
      if (champ) champ.value = version;
      montrer(code, "");
    }
    for (const code of codes) {
      const faute = recu.fautes.find((f) => f.champ.split(".")[0] === code);
      if (faute) montrer(code, `Gardé, pas encore enregistré. ${faute.message}`, faute.champ);
      const autre = recu.conflits[code];
      if (autre) montrer(code, `Quelqu’un a enregistré : « ${autre.join(" ; ")} ». Votre texte est gardé : cliquez « Enregistrer et continuer » pour choisir.`);
    }
    for (const [code, total] of Object.entries(recu.totaux)) {
      const sortie = formulaire.querySelector(`[data-total="${CSS.escape(code)}"]`);
      if (sortie) sortie.textContent = total;
    }
    const equilibre = document.getElementById("equilibre");
    if (equilibre && recu.equilibre) equilibre.innerHTML = recu.equilibre;
    const ecartes = recu.fautes.length + Object.keys(recu.conflits).length;
    dire(ecartes ? `Une partie n’est pas enregistrée (${recu.heure}) : voir plus bas.` : `Enregistré à ${recu.heure}.`, ecartes ? "attention" : "");
    if (recu.tenue_par) dire(`${recu.tenue_par} a pris la main sur cette étape. Ce que vous tapez s’enregistre encore ; en cas de différence, les deux textes seront montrés.`, "attention");
  }

  function poster(codes) {
    const envoye = corps(codes);
    return fetch(`${action}/champs`, { method: "POST", body: envoye, keepalive: envoye.toString().length < SURVIT_AU_DEPART, redirect: "manual", headers: { Accept: "application/json" } });
  }

  // Reconnectée dans un autre onglet : le service donne un jeton neuf, l’envoi repart une fois avec lui.
  async function posterSousCetteSession(codes) {
    const reponse = await poster(codes);
    if (reponse.status !== 403) return reponse;
    const refus = await reponse.clone().json().catch(() => ({}));
    if (!refus.jeton) return reponse;
    document.querySelectorAll('input[name="_csrf"]').forEach((champ) => { champ.value = refus.jeton; });
    return poster(codes);
  }

  async function enregistrer() {
    clearTimeout(minuterie);
    if (envoi || modifies.size === 0) return envoi;
    const codes = new Set(modifies);
    modifies.clear();
    codes.forEach((c) => partis.add(c));
    dire("Enregistrement…");
    envoi = (async () => {
      try {
        const reponse = await posterSousCetteSession(codes);
        finie = false;
        if (reponse.type === "opaqueredirect" || reponse.status === 401) {
          codes.forEach((c) => modifies.add(c));
          dire("Votre session est finie. Cliquez « Enregistrer et continuer » : après connexion, tout ce que vous avez tapé revient.", "attention");
          finie = true;
          return;
        }
        if (reponse.status >= 400 && reponse.status < 500) {
          const refus = await reponse.json().catch(() => ({}));
          if (!refus.garde) codes.forEach((c) => modifies.add(c));
          const suite = refus.garde ? " Ce que vous avez tapé est gardé." : " Copiez votre texte, puis rechargez la page.";
          dire(`${refus.detail || "Le service refuse cet enregistrement."}${refus.code === "jeton_perime" ? "" : suite}`, "attention");
          refuse = true; // réessayer n’y changerait rien
          return;
        }
        if (!reponse.ok) throw new Error(String(reponse.status));
        appliquer(await reponse.json(), codes);
        reprises = 0;
      } catch (erreur) {
        codes.forEach((c) => modifies.add(c));
        reprises += 1;
        dire("Pas de réponse du service : ce que vous tapez reste dans la page, nouvel essai dans un instant.", "attention");
        minuterie = setTimeout(enregistrer, Math.min(30000, 2000 * 2 ** reprises));
      } finally {
        codes.forEach((c) => partis.delete(c));
        envoi = null;
      }
    })();
    await envoi;
    if (modifies.size && !part && !refuse && !finie && reprises === 0) minuterie = setTimeout(enregistrer, ATTENTE);
    return null;
  }

  function noter(evenement) {
    const champ = evenement.target;
    if (!champ.name || champ.name.startsWith("v.") || !versionDe(codeDe(champ))) return;
    modifies.add(codeDe(champ));
    clearTimeout(minuterie);
    minuterie = setTimeout(enregistrer, evenement.type === "change" ? 150 : ATTENTE);
  }
  formulaire.addEventListener("input", noter);
  formulaire.addEventListener("change", noter);

  // Un envoi du formulaire attend la fin de l’enregistrement en cours : sinon il porterait des versions dépassées.
  formulaire.addEventListener("submit", async (evenement) => {
    clearTimeout(minuterie);
    if (envoi) {
      evenement.preventDefault();
      const bouton = evenement.submitter;
      await envoi;
      clearTimeout(minuterie);
      formulaire.requestSubmit(bouton);
      return;
    }
    if (reprises > 0 || !navigator.onLine) { // envoyé hors réseau, le formulaire laisserait place à une page d’erreur
      evenement.preventDefault();
      const bouton = evenement.submitter;
      await enregistrer();
      if (reprises > 0 || !navigator.onLine) {
        dire("Pas de réseau : ce que vous tapez reste dans la page. Recommencez dans un instant.", "attention");
        clearTimeout(minuterie);
        minuterie = setTimeout(enregistrer, 2000); // on est là : le prochain essai n’attend pas
        return;
      }
      clearTimeout(minuterie);
      formulaire.requestSubmit(bouton);
      return;
    }
    part = true;
  });

  // La durée choisie montre les cases de ses années ; une case remplie ne se cache pas.
  function montrerLesAnnees() {
    const duree = Number(new FormData(formulaire).get("duree") || 1);
    formulaire.querySelectorAll("[data-annee]").forEach((cellule) => {
      const montant = cellule.querySelector('input[type="text"]');
      cellule.hidden = Number(cellule.dataset.annee) > duree && !montant.value.trim();
    });
  }
  formulaire.addEventListener("change", (evenement) => {
    if (evenement.target.name === "duree") montrerLesAnnees();
  });

  const donner = (acte) => new URLSearchParams([["_csrf", formulaire.elements.namedItem("_csrf").value], ["acte", acte]]);
  setInterval(() => {
    if (document.visibilityState === "visible") fetch(`${action}/tenue`, { method: "POST", body: donner("garder"), redirect: "manual" }).catch(() => {});
  }, SIGNE_DE_VIE);

  addEventListener("pagehide", () => {
    if (part || finie) return; // le formulaire entier est parti : un envoi de plus reprendrait l’étape qu’il vient de libérer
    if (modifies.size) navigator.sendBeacon(`${action}/champs`, corps(modifies));
    else navigator.sendBeacon(`${action}/tenue`, donner("lacher"));
  });
  addEventListener("beforeunload", (evenement) => {
    if ((modifies.size || partis.size) && !part) evenement.preventDefault();
  });

  addEventListener("focus", () => { if (finie) enregistrer(); });

  const code = formulaire.dataset.aEnregistrer;
  if (code && versionDe(code)) {
    modifies.add(code);
    enregistrer();
  }
})();
