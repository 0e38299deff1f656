package validate

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/client"
)

// site is what the web does, as far as a validation looks at it. A fault is something that it
// does otherwise.
func site(t *testing.T, fault string) *run {
	t.Helper()
	var sent atomic.Value // the description of the transaction
	sent.Store("")
	const form = `<form method="post" action="/login">`
	const nav = `<a href="/transactions">`
	mux := http.NewServeMux()
	cookie := func(w http.ResponseWriter, value string, age int) {
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-session", Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: fault != "a cookie for plain HTTP",
		})
	}
	person := func(page func(w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie("__Host-session"); err != nil {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			page(w, r)
		}
	}
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, form) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("password") != "secret" || r.Header.Get("Sec-Fetch-Site") != "same-origin" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		cookie(w, "sealed", 0)
		w.Header().Set("Location", "/dashboard")
		w.WriteHeader(http.StatusSeeOther)
	})
	mux.HandleFunc("GET /dashboard", person(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, nav) }))
	mux.HandleFunc("GET /signup", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `<form action="/signup">`) })
	mux.HandleFunc("POST /signup", func(w http.ResponseWriter, _ *http.Request) {
		cookie(w, "sealed", 0)
		_, _ = fmt.Fprint(w, `<form action="/welcome">`)
	})
	mux.HandleFunc("POST /welcome", person(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, nav) }))
	mux.HandleFunc("POST /budgets", person(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "€100.00") }))
	mux.HandleFunc("POST /transactions", person(func(w http.ResponseWriter, r *http.Request) {
		if fault != "the transaction is not in the list" {
			sent.Store(r.PostFormValue("description"))
		}
		http.Redirect(w, r, "/transactions", http.StatusSeeOther)
	}))
	mux.HandleFunc("GET /transactions", person(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, sent.Load(), `<select name="wallet"><option value="01a21e4d-5b20-7c4c-aaa1-cd094c92131d">`)
	}))
	mux.HandleFunc("GET /live", person(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprint(w, "retry: 3000\n\n")
		_ = http.NewResponseController(w).Flush()
		for sent.Load() == "" && r.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if fault != "no alert appears" {
			_, _ = fmt.Fprint(w, "data: <div class=\"toast\">\ndata: <strong lang=\"en\">It&#39;s nearly used up</strong>\n\n")
		}
	}))
	mux.HandleFunc("GET /alerts", person(func(w http.ResponseWriter, _ *http.Request) {
		if fault != "the alert is not in the list" {
			_, _ = fmt.Fprint(w, "It&#39;s nearly used up")
		}
	}))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if fault != "the session goes on after the log-out" {
			cookie(w, "", -1)
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Strict-Transport-Security", "max-age=63072000")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		switch fault {
		case "HSTS twice":
			w.Header().Add("Strict-Transport-Security", "max-age=31536000")
		case "scripts in pages":
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'")
		case "an error":
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	user, err := client.New(server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), nil)
	require.NoError(t, err)
	return &run{Options: Options{Web: server.URL, Email: "ada@example.org"}, api: user, login: "ada@example.org", password: "secret", month: "2026-11"}
}

func TestThePagesAreVisited(t *testing.T) {
	for fault, wants := range map[string]string{
		"":                                      "",
		"an error":                              "GET /login is answered with 502 Bad Gateway",
		"HSTS twice":                            "GET /login says 2 times that browsers are to insist on TLS",
		"scripts in pages":                      "which does not begin from nothing",
		"a cookie for plain HTTP":               "sets the cookie __Host-session, which scripts, other sites or connections without TLS could get",
		"the transaction is not in the list":    "POST /transactions leads to /transactions, where",
		"the alert is not in the list":          "GET /alerts leads to /alerts, where",
		"no alert appears":                      "the live connection has ended before the alert appeared",
		"the session goes on after the log-out": "after the log-out: GET /dashboard leads to /dashboard, where",
	} {
		t.Run(fault, func(t *testing.T) {
			r := site(t, fault)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var result Result
			err := r.web(ctx, &result)
			if wants != "" {
				require.ErrorContains(t, err, wants)
				require.Empty(t, result.Web)
				return
			}
			require.NoError(t, err)
			require.Contains(t, result.Web, "8 pages from log-in to log-out")
		})
	}
	var result Result
	r := site(t, "")
	r.Email = ""
	require.NoError(t, r.web(t.Context(), &result))
	require.Contains(t, result.Web, "9 pages from sign-up to log-out", "an address that nobody can confirm")
	r = site(t, "")
	r.password = "wrong"
	require.ErrorContains(t, r.web(t.Context(), &Result{}), "POST /login is answered with 403 Forbidden")
}
