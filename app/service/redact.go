package service

import (
	"log/slog"
	"regexp"
)

// What the texts of errors repeat of what somebody wrote, with what is logged in its place.
var confidential = []struct {
	pattern *regexp.Regexp
	instead string
}{
	// postgres://user:password@host
	{regexp.MustCompile(`://[^/\s@"']+@`), "://(credentials)@"},
	// What follows the host of an address: push endpoints, links with tokens, searches.
	{regexp.MustCompile(`(https?://[^/\s"'?#<>]+)[/?#][^\s"'<>]*`), "$1/(path)"},
	{regexp.MustCompile(`[^\s<>,;:"'()]+@[^\s<>,;:"'()]+`), "(address)"},
	{regexp.MustCompile(`(?i)\b(bearer|basic) [\w.~+/=-]{8,}`), "$1 (credentials)"},
	{regexp.MustCompile(`\beyJ[\w-]+\.[\w-]+\.[\w-]*`), "(token)"},
	// Bound values, by pgx, and values by database/sql's and decimal's conversions.
	{regexp.MustCompile(`(?s)unable to encode .* into (text|binary) format`), "unable to encode a value into $1 format"},
	{regexp.MustCompile(`(?s)(can't convert|error decoding string|cannot parse|strconv\.\w+: parsing) ("(?:[^"\\]|\\.)*"|'[^']*'|\S+)`), "$1 (value)"},
}

var (
	// dataException finds PostgreSQL's errors of the class whose messages repeat values.
	// The others name tables, columns and constraints.
	dataException = regexp.MustCompile(`\(SQLSTATE 22\w{3}\)`)
	quotedValues  = regexp.MustCompile(`(?s)".*"`)
)

// withoutConfidence is the text of an error without addresses, credentials and values.
func withoutConfidence(text string) string {
	if dataException.MatchString(text) {
		text = quotedValues.ReplaceAllString(text, `"(value)"`)
	}
	for _, one := range confidential {
		text = one.pattern.ReplaceAllString(text, one.instead)
	}
	return text
}

// redacted is an attribute as it is logged: of an error without what somebody wrote.
// Whoever makes an error of such texts leaves them out there; this keeps what libraries
// put into theirs.
func redacted(a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindAny:
		if err, is := a.Value.Any().(error); is {
			return slog.String(a.Key, withoutConfidence(err.Error()))
		}
	case slog.KindString: // of an error that says what the log gets (apperror.Because)
		if a.Key == "error" || a.Key == "reason" {
			return slog.String(a.Key, withoutConfidence(a.Value.String()))
		}
	}
	return a
}
