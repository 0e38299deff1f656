package web

import (
	"encoding/json"
	"net/http"

	"github.com/wealth-companion/companion/app/web/asset"
)

// manifest lets people put the web among the applications of their device.
func (s *Server) manifest(w http.ResponseWriter, _ *http.Request, v *visit) error {
	raw, err := json.Marshal(map[string]any{
		"id": "/", "name": v.locale.Text.Product, "short_name": "Wealth", "description": v.locale.Text.Tagline, "lang": v.locale.Tag,
		"start_url": "/dashboard", "scope": "/", "display": "standalone", "background_color": "#f5f4ef", "theme_color": "#0a6450",
		"icons":     []any{map[string]any{"src": asset.URL("mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}},
		"shortcuts": []any{map[string]any{"name": v.locale.Text.NewTransaction, "url": "/transactions"}},
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	_, _ = w.Write(raw) // fails only when the browser has gone
	return nil
}
