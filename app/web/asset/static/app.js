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
	// What was asked for in place and failed is told; a live connection comes again by itself.
	const failed = (event) => {
		const toasts = document.getElementById("toasts");
		if (!toasts || event.target === toasts || event.target.id === "unread") return;
		const toast = document.createElement("div");
		toast.className = "toast";
		toast.setAttribute("role", "alert");
		const text = toast.appendChild(document.createElement("strong"));
		text.textContent = toasts.dataset.failed;
		const end = toast.appendChild(document.createElement("div"));
		end.className = "toast-end";
		const close = end.appendChild(document.createElement("button"));
		close.type = "button";
		close.className = "plain small";
		close.dataset.close = "";
		close.textContent = toasts.dataset.closeWord;
		toasts.prepend(toast);
	};
	document.addEventListener("htmx:response:error", failed);
	document.addEventListener("htmx:error", failed);
	// A toast goes when the person says so.
	document.addEventListener("click", (event) => {
		event.target.closest("[data-close]")?.closest(".toast")?.remove();
	});
})();
