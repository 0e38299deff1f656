package web

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// reportsPath is where browsers tell what the policy has kept them from.
const reportsPath = "/reports"

// policy lets pages load what this service serves, and nothing else. There is no script and no
// style in a page itself, so it needs no exception.
var policy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'", "connect-src 'self'", "manifest-src 'self'",
	"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	"report-uri " + reportsPath, "report-to csp",
}, "; ")

// headers are what every answer has; pages are somebody's own and kept by nobody, which assets
// say otherwise. That browsers insist on TLS is for whoever ends TLS to say: the edge.
var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"Reporting-Endpoints":          `csp="` + reportsPath + `"`,
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "same-origin",
	"Permissions-Policy":           "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// maxReport bounds a report, in bytes.
const maxReport = 16 << 10

// report logs which rule of the policy was broken, once a second at most, for anybody can send
// reports. What else one tells (addresses, pieces of pages) may be somebody's own, so it is not logged.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	last, now := s.reported.Load(), time.Now().Unix()
	if rules := rulesOf(raw); len(rules) > 0 && now > last && s.reported.CompareAndSwap(last, now) {
		s.Log.WarnContext(r.Context(), "a browser reports a violation of the content security policy", "rules", rules)
	}
	w.WriteHeader(http.StatusNoContent)
}

// rulesOf are the rules that a report names: of the Reporting API, or of the header report-uri.
func rulesOf(raw []byte) (rules []string) {
	var older struct {
		Report struct {
			Directive string `json:"effective-directive"`
		} `json:"csp-report"`
	}
	if json.Unmarshal(raw, &older) == nil {
		return append(rules, known(older.Report.Directive))
	}
	var all []struct {
		Body struct {
			Directive string `json:"effectiveDirective"`
		} `json:"body"`
	}
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	for _, one := range all[:min(len(all), 10)] {
		rules = append(rules, known(one.Body.Directive))
	}
	return rules
}

// known keeps what a caller made up out of the log.
func known(directive string) string {
	for _, prefix := range []string{"script-src", "style-src", "img-src", "font-src", "connect-src", "form-action", "frame-ancestors", "base-uri", "default-src", "manifest-src", "media-src", "object-src", "frame-src", "worker-src"} {
		if strings.HasPrefix(directive, prefix) {
			return prefix
		}
	}
	return "other"
}
