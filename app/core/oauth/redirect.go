package oauth

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// MaxRedirect is how many characters a redirect URI has at most.
const MaxRedirect = 500

// errRedirect says what redirect URIs are.
var errRedirect = errors.New("a redirect URI is an https address, or http on this computer (127.0.0.1, [::1] or localhost), without a user, a fragment or spaces, of at most 500 characters")

// parseRedirect reads a redirect URI that browsers and this program take for the same: what
// either might read otherwise (backslashes, controls, spaces) is refused.
func parseRedirect(text string) (*url.URL, error) {
	if len(text) > MaxRedirect || strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("\\\"<>^`{|}#", r)
	}) {
		return nil, errRedirect
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(u.Host, "%*,;@") || !strings.HasPrefix(text, u.Scheme+"://"+u.Host) {
		return nil, errRedirect
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errRedirect
		}
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return nil, errRedirect
	}
	return u, nil
}

// Loopback tells whether a host is the computer itself.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Zone() == "" && address.IsLoopback()
}

// CheckRedirect tells what is wrong with a redirect URI that somebody registers.
func CheckRedirect(text string) error {
	_, err := parseRedirect(text)
	return err
}

// SameRedirect tells whether a redirect URI is the one that was registered: character by
// character, but for the port of one on this computer, which programs get anew each time they
// start (RFC 8252, 7.3).
func SameRedirect(registered, asked string) bool {
	a, err := parseRedirect(registered)
	if err != nil {
		return false
	}
	b, err := parseRedirect(asked)
	if err != nil {
		return false
	}
	if registered == asked {
		return true
	}
	if a.Scheme != "http" || b.Scheme != "http" { // only addresses on this computer have it
		return false
	}
	return a.Hostname() == b.Hostname() && strings.TrimPrefix(registered, "http://"+a.Host) == strings.TrimPrefix(asked, "http://"+b.Host)
}

// Host is where a redirect URI leads: a host with its port, for people to read.
func Host(redirect string) string {
	u, err := parseRedirect(redirect)
	if err != nil {
		return ""
	}
	return u.Host
}

// OnThisDevice tells whether a redirect URI leads to a program on the person's own computer.
func OnThisDevice(redirect string) bool {
	u, err := parseRedirect(redirect)
	return err == nil && Loopback(u.Hostname())
}

// Answer is a redirect URI with the answer to a request in its query.
func Answer(redirect string, answer url.Values) (string, error) {
	u, err := parseRedirect(redirect)
	if err != nil {
		return "", err
	}
	query := answer.Encode()
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	return u.String(), nil
}
