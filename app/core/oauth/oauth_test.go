package oauth

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScopes(t *testing.T) {
	for text, want := range map[string]Scope{"": Read, "read": Read, "read write": ReadWrite, "write read": ReadWrite, "write": ReadWrite, " read  read ": Read} {
		got, err := ParseScope(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"admin", "read admin", "READ", "read,write", "openid"} {
		_, err := ParseScope(text)
		require.Error(t, err, text)
	}
	require.True(t, Read.Within(ReadWrite) && Read.Within(Read) && ReadWrite.Within(ReadWrite))
	require.False(t, ReadWrite.Within(Read) || Scope("").Within(ReadWrite) || Scope("admin").Within(ReadWrite))
	require.True(t, ReadWrite.Changes())
	require.False(t, Read.Changes())
	require.Equal(t, Words(), ReadWrite.Words())
}

func TestRedirects(t *testing.T) {
	for _, good := range []string{
		"https://assistant.example.org/callback", "https://assistant.example.org:8443/a?b=c", "https://assistant.example.org",
		"http://127.0.0.1/callback", "http://127.0.0.1:53682/callback", "http://[::1]:53682/", "http://localhost:3000/oauth/callback", "https://localhost/x",
	} {
		require.NoError(t, CheckRedirect(good), good)
		require.True(t, SameRedirect(good, good), good)
	}
	for name, bad := range map[string]string{
		"nothing": "", "no scheme": "assistant.example.org/callback", "plain http": "http://assistant.example.org/callback", "a script": "javascript:alert(1)", "data": "data:text/html,x",
		"a program's own scheme": "cursor://callback", "a fragment": "https://a.example.org/#x", "an empty fragment": "https://a.example.org/#", "a user": "https://app@a.example.org/", "a password": "https://a:b@a.example.org/",
		"a backslash": `https://a.example.org\@b.example.org/`, "a space": "https://a.example.org/ x", "a line": "https://a.example.org/\nx", "a tab": "https://a.example.org/\tx", "no host": "https:///callback",
		"a port alone": "https://:443/", "port 0": "http://127.0.0.1:0/", "a port too large": "http://127.0.0.1:65536/", "no port behind the colon": "http://127.0.0.1:/", "not the computer itself": "http://127.0.0.1.example.org/", "another computer": "http://192.168.0.1/",
		"a zone": "http://[::1%25lo]/", "any host": "https://*.example.org/", "letters of other scripts": "https://аpple.example.org/", "upper case": "HTTPS://a.example.org/", "localhost in name only": "http://localhost.example.org/", "too long": "https://a.example.org/" + strings.Repeat("x", MaxRedirect),
	} {
		require.Error(t, CheckRedirect(bad), name)
		require.False(t, SameRedirect(bad, bad), name)
	}
}

func TestARedirectIsTheOneThatWasRegistered(t *testing.T) {
	for _, c := range []struct {
		registered, asked string
		same              bool
	}{
		{"http://127.0.0.1/callback", "http://127.0.0.1:53682/callback", true},
		{"http://127.0.0.1:1/callback", "http://127.0.0.1:2/callback", true},
		{"http://[::1]/callback", "http://[::1]:53682/callback", true},
		{"http://localhost/callback?x=1", "http://localhost:3000/callback?x=1", true},
		{"http://localhost/callback", "http://127.0.0.1/callback", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback/", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/other", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/callback?x=1", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1/call%62ack", false},
		{"http://127.0.0.1/callback", "https://127.0.0.1/callback", false},
		{"http://127.0.0.1/callback", "http://127.0.0.1@evil.example.org/callback", false},
		{"https://127.0.0.1:1/callback", "https://127.0.0.1:2/callback", false},
		{"https://a.example.org/callback", "https://a.example.org:443/callback", false},
		{"https://a.example.org/callback", "https://a.example.org/callback?next=x", false},
		{"https://a.example.org/callback", "https://a.example.org/callback/../x", false},
		{"https://a.example.org/callback", "https://A.example.org/callback", false},
		{"https://a.example.org/callback", "https://a.example.org.evil.example/callback", false},
		{"https://a.example.org/", "https://a.example.org", false},
	} {
		require.Equal(t, c.same, SameRedirect(c.registered, c.asked), "%s %s", c.registered, c.asked)
	}
}

func TestAnswersKeepWhatARedirectHas(t *testing.T) {
	got, err := Answer("https://a.example.org/cb?tenant=1", url.Values{"code": {"a b&c"}, "state": {"x=y#z"}})
	require.NoError(t, err)
	require.Equal(t, "https://a.example.org/cb?tenant=1&code=a+b%26c&state=x%3Dy%23z", got)
	_, err = Answer("javascript:alert(1)", url.Values{})
	require.Error(t, err)
	require.Equal(t, "a.example.org:8443", Host("https://a.example.org:8443/cb"))
	require.Empty(t, Host("cursor://x"))
	require.True(t, OnThisDevice("http://localhost:1/") && OnThisDevice("http://[::1]:1/"))
	require.False(t, OnThisDevice("https://a.example.org/"))
}

// The example of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestProofs(t *testing.T) {
	require.True(t, ValidChallenge(challenge))
	require.True(t, Verifies(verifier, challenge))
	for name, text := range map[string]string{
		"nothing": "", "short": challenge[1:], "long": challenge + "A", "padded": challenge + "=", "another alphabet": strings.Replace(challenge, "-", "+", 1),
		"bits left over": challenge[:42] + "N", "a line end": challenge[:10] + "\n" + challenge[10:],
	} {
		require.False(t, ValidChallenge(text), name)
	}
	for name, text := range map[string]string{"nothing": "", "another": strings.Repeat("a", 43), "the challenge itself": challenge, "short": verifier[1:], "long": strings.Repeat("a", 129)} {
		require.False(t, Verifies(text, challenge), name)
	}
}
