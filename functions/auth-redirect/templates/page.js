"use strict";
(() => {
  const { address, again } = document.body.dataset;
  if (address !== undefined && (location.search !== address || location.hash)) {
    history.replaceState(null, "", location.pathname + address);
  }
  if (again !== undefined) {
    setTimeout(() => location.reload(), Number(again) * 1000);
  }

  // A browser may keep the page as it is and bring it back with its Back button: without the token, and only to load it again.
  addEventListener("pagehide", () => document.getElementById("token")?.replaceChildren());
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.reload();
    }
  });

  const said = document.getElementById("said");
  const say = (text) => {
    said.textContent = "";
    setTimeout(() => { said.textContent = text; }, 50);
  };

  const select = (element) => {
    for (let around = element.closest("details"); around; around = around.parentElement.closest("details")) {
      around.open = true;
    }
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = [...button.childNodes];
    let timer;
    const show = (text) => {
      button.replaceChildren(text);
      clearTimeout(timer);
      timer = setTimeout(() => {
        button.classList.remove("done");
        button.replaceChildren(...label);
      }, 2500);
    };
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent.trim());
        button.classList.add("done");
        show("Copied");
        say(button.dataset.what + " copied.");
      } catch {
        select(source);
        if (matchMedia("(pointer: coarse)").matches) {
          show("Selected");
          say("It is selected. Choose Copy.");
        } else {
          show("Press Ctrl+C or ⌘C");
          say("It is selected. Copy it with Control C, or Command C.");
        }
      }
    });
    button.hidden = false;
  }

  const find = document.getElementById("find");
  if (find) {
    const rows = [...document.querySelectorAll("#accounts > li")]
      .map((row) => [row, row.querySelector(".who").textContent.toLowerCase()]);
    let timer;
    find.addEventListener("input", () => {
      const wanted = find.value.trim().toLowerCase();
      let left = 0;
      for (const [row, text] of rows) {
        row.hidden = !text.includes(wanted);
        left += row.hidden ? 0 : 1;
      }
      document.getElementById("none").hidden = left > 0;
      clearTimeout(timer);
      timer = setTimeout(() => say(left + " of " + rows.length + " accounts."), 500);
    });
    find.parentElement.hidden = false;
  }
})();
