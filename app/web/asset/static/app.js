// What the pages gain where JavaScript runs. Everything works without it, but for what arrives live.
(() => {
	"use strict";
	// The browser knows the person's time zone; the form that sets it says so.
	for (const field of document.querySelectorAll("[data-time-zone]")) {
		if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
	}
	// A form is sent once, however often its button is pressed.
	document.addEventListener("submit", (event) => {
		const form = event.target;
		if (form.dataset.sent) { event.preventDefault(); return; }
		if (form.method === "post" && !form.hasAttribute("hx-post")) form.dataset.sent = "yes";
	});
	addEventListener("pageshow", () => {
		for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
	});
	// A toast goes when the person says so.
	document.addEventListener("click", (event) => {
		event.target.closest("[data-close]")?.closest(".toast")?.remove();
	});
})();
