//go:build integration

package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tagOf is the ETag in a form of a page.
func tagOf(t *testing.T, page, action string) string {
	t.Helper()
	return strings.ReplaceAll(between(t, between(t, page, `action="`+action+`"`, "</form>"), `name="etag" value="`, `">`), "&#34;", `"`)
}

func TestSettingsAreChanged(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	page := b.get("/settings").must(t, 200).body
	require.Contains(t, page, b.email)
	name := form{"name": "Ada L.", "etag": tagOf(t, page, "/settings/name")}
	b.post("/settings/name", name).leads(t, "/settings?saved")
	require.Contains(t, b.get("/settings?saved").body, `value="Ada L."`)
	require.Equal(t, "Ada L.", b.opened(t).Name)
	require.Contains(t, b.post("/settings/name", name).must(t, 412).body, "changed elsewhere", "of somebody who saw it before")

	told := form{"email": "yes", "digest": "daily", "quietFrom": "22:00", "quietUntil": "07:00", "zone": "Asia/Tokyo", "budget_warning": "yes", "etag": tagOf(t, page, "/settings/notifications")}
	b.post("/settings/notifications", told).leads(t, "/settings?saved")
	require.Equal(t, "Asia/Tokyo", b.opened(t).Zone)
	var kept struct {
		Timezone, Digest, QuietFrom string
		Channels, MutedTypes        []string
	}
	w.call(b.opened(t).Access, http.MethodGet, "/preferences", nil, &kept)
	require.Equal(t, "Asia/Tokyo", kept.Timezone)
	require.Equal(t, "daily", kept.Digest)
	require.Equal(t, "22:00", kept.QuietFrom)
	require.ElementsMatch(t, []string{"in_app", "email"}, kept.Channels)
	require.ElementsMatch(t, []string{"spending_pattern", "savings_tip", "investment_suggestion"}, kept.MutedTypes)

	told["etag"] = tagOf(t, b.get("/settings").body, "/settings/notifications")
	for field, change := range map[string]form{"zone": {"zone": "Nowhere/None"}, "quietUntil": {"quietUntil": ""}} {
		wrong := form{}
		for key, value := range told {
			wrong[key] = value
		}
		for key, value := range change {
			wrong[key] = value
		}
		require.Contains(t, b.post("/settings/notifications", wrong).must(t, 422).body, `id="`+field+`-problem"`)
	}
}

func TestAPasswordIsChanged(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	require.Contains(t, b.post("/settings/password", form{"old": b.password, "new": "short"}).must(t, 422).body, `id="new-problem"`)
	wrong := b.post("/settings/password", form{"old": "not this one", "new": "another good one"})
	require.Contains(t, wrong.body, `id="old-problem"`)
	require.NotContains(t, wrong.body, "another good one", "what was typed is typed again")
	b.post("/settings/password", form{"old": b.password, "new": "another good one"}).leads(t, "/settings?password")
	b.get("/settings?password").must(t, 200)
	other := w.browser()
	other.post("/login", form{"email": b.email, "password": b.password}).must(t, 401)
	other.post("/login", form{"email": b.email, "password": "another good one"}).leads(t, "/dashboard")
}

func TestAPersonTakesTheirDataAndGoes(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	stranger := w.browser()
	stranger.joins("Bob", "Bob's own")
	got := b.get("/settings/export").must(t, 200)
	require.Contains(t, got.header.Get("Content-Disposition"), "attachment")
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &all))
	require.Contains(t, got.body, b.email)
	require.NotContains(t, got.body, "Bob")

	require.Contains(t, b.post("/settings/delete", form{"password": "not this one"}).body, `id="password-problem"`)
	b.get("/dashboard").must(t, 200)
	b.post("/settings/delete", form{"password": b.password}).leads(t, "/login?deleted")
	require.Contains(t, b.get("/login?deleted").body, "Your account is deleted.")
	b.get("/dashboard").must(t, 303)
	stranger.get("/dashboard").must(t, 200)
}

func TestEverywhereIsLoggedOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	b.post("/settings/logout-all", nil).leads(t, "/login?out")
	b.get("/settings").leads(t, "/login?next=%2Fsettings")
}

// What is said of a forgotten password must not tell who has an account.
func TestAForgottenPassword(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.joins("Ada", "Main")
	stranger := w.browser()
	require.Contains(t, stranger.get("/login").body, `href="/forgot"`)
	known, unknown := stranger.post("/forgot", form{"email": b.email}), stranger.post("/forgot", form{"email": "nobody@example.org"})
	require.Contains(t, known.must(t, 404).body, "sends no e-mail", "there is no mail server here")
	require.Equal(t, known.status, unknown.status)
	require.Equal(t, strings.ReplaceAll(known.body, b.email, ""), strings.ReplaceAll(unknown.body, "nobody@example.org", ""))
	require.Contains(t, b.post("/settings/confirm", nil).must(t, 404).body, "sends no e-mail")
	require.Contains(t, stranger.post("/forgot", form{"email": "no address"}).must(t, 422).body, `id="email-problem"`)
}

func TestManifest(t *testing.T) {
	w := newWorld(t)
	got := w.browser().get("/manifest.webmanifest").must(t, 200)
	require.Equal(t, "application/manifest+json", got.header.Get("Content-Type"))
	var manifest struct {
		StartURL string `json:"start_url"`
		Icons    []struct{ Src string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &manifest))
	require.Equal(t, "/dashboard", manifest.StartURL)
	w.browser().get(manifest.Icons[0].Src).must(t, 200)
}
