package rules

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// noHardCodedSecrets is principle 6: no hard-coded secrets.
var noHardCodedSecrets = []Rule{
	{
		Name:        "no-plain-secrets",
		Principle:   NoHardCodedSecrets,
		Description: "Secrets are in Kubernetes Secrets and are referred to, never written into anything else.",
		Remedy:      "put it into a Secret, and refer to it (valueFrom.secretKeyRef, secretKeyRef, existingSecret)",
		resource:    plainSecrets,
	},
	{
		Name:        "secrets-kept-secret",
		Principle:   NoHardCodedSecrets,
		Description: "What a Secret holds is secret to Pulumi too: otherwise it is in the stack's state and on the screen, in the clear.",
		Remedy:      "take it from the stack's configuration (pulumi config set --secret), or wrap it by pulumi.ToSecret",
		resource:    unsealedSecrets,
	},
}

// plainSecrets looks at every value that a resource has, for the secrets' names and for
// what only secrets look like.
func plainSecrets(r Resource) []Violation {
	if strings.HasSuffix(r.Type, ":CustomResourceDefinition") {
		return nil
	}
	var f found
	scan := func(path []string, value any, sealed bool) bool {
		switch value := value.(type) {
		case map[string]any:
			if isSecretObject(r, path, value) {
				return false // the other rule's
			}
			name, given := text(value["name"]), text(value["value"])
			bare := isComponent(r) && name != ""
			if given != "" && (secretName(name) || bare && isBareKey(name)) && literal(given) && (!sealed || !keepsSealed(r)) {
				f.add("the secret %s is written as a value (%s)", name, strings.Join(path, "."))
				return false
			}
		case string:
			if sealed && keepsSealed(r) || len(path) == 0 || isReference(path) {
				return true
			}
			if what := secretIn(path, value); what != "" {
				f.add("%s (%s)", what, strings.Join(path, "."))
			}
		case []any:
			// --password x
			for i := 0; i+1 < len(value); i++ {
				option, next := text(value[i]), text(value[i+1])
				if strings.HasPrefix(option, "-") && !strings.Contains(option, "=") && secretName(strings.TrimLeft(option, "-")) && literal(next) && !strings.HasPrefix(next, "-") {
					f.add("the secret %s is written as an argument (%s)", option, strings.Join(path, "."))
				}
			}
		}
		return true
	}
	walkSealed(nil, r.Properties, false, scan)
	for _, text := range r.written {
		walkSealed([]string{"text"}, text.document, text.sealed, scan)
	}
	return f
}

// walkSealed is walk, which also tells whether Pulumi keeps a value secret.
func walkSealed(path []string, value any, sealed bool, visit func(path []string, value any, sealed bool) bool) {
	if s, is := value.(Sealed); is {
		walkSealed(path, s.Value, true, visit)
		return
	}
	if !visit(path, value, sealed) {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(value) {
			walkSealed(append(slices.Clip(path), key), value[key], sealed, visit)
		}
	case []any:
		for i, entry := range value {
			walkSealed(append(slices.Clip(path), strconv.Itoa(i)), entry, sealed, visit)
		}
	}
}

// keepsSealed tells that what Pulumi keeps secret stays secret in the resource: in
// providers, in other clouds' resources, and in a release, which Helm keeps in a Secret.
// In other Kubernetes objects whoever may read them reads it.
func keepsSealed(r Resource) bool { return !r.isKubernetes() || r.isRelease() }

func isComponent(r Resource) bool {
	return slices.ContainsFunc(r.objects, func(o object) bool { return o.kind == "Component" })
}

// isSecretObject tells that a map is a Kubernetes Secret.
func isSecretObject(r Resource, path []string, value map[string]any) bool {
	if len(path) == 0 {
		return len(r.objects) > 0 && !r.objects[0].nested && r.objects[0].kind == "Secret"
	}
	return text(value["kind"]) == "Secret" && text(value["apiVersion"]) == "v1"
}

// unsealedSecrets looks at the content of Secrets.
func unsealedSecrets(r Resource) []Violation {
	var f found
	for _, o := range r.objects {
		if o.kind != "Secret" {
			continue
		}
		for _, part := range []string{"data", "stringData"} {
			content := o.fields[part]
			if _, sealed := content.(Sealed); sealed || unknown(content) {
				continue
			}
			inside := fields(content)
			for _, key := range sortedKeys(inside) {
				value, plain := inside[key].(string)
				if !plain || value == "" || isPublic(value) {
					continue
				}
				f.add("%s.%s is in the clear", part, key)
			}
		}
	}
	return f
}

// isPublic tells that a value is a certificate, which everybody may see.
func isPublic(value string) bool {
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err == nil && len(raw) > 0 {
		value = string(raw)
	}
	value = strings.TrimSpace(value)
	return strings.HasPrefix(value, "-----BEGIN CERTIFICATE-----") && !strings.Contains(value, "PRIVATE KEY")
}

// secretIn says which secret a text holds: by the key that it is at, by what it looks
// like, or by an assignment in it.
func secretIn(path []string, value string) string {
	key := path[len(path)-1]
	if secretName(key) && literal(value) && !isNumber(key) {
		return "the secret " + key + " is written as a value"
	}
	if slices.Contains(path, "binaryData") {
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err == nil {
			value = string(raw)
		}
	}
	if secretText.MatchString(value) {
		return "it holds what only secrets look like"
	}
	for _, match := range assignment.FindAllStringSubmatch(value, -1) {
		if secretName(match[1]) && literal(match[2]) {
			return "it sets the secret " + match[1]
		}
	}
	return ""
}

// isReference tells that a path leads to a reference to a secret, or to where it is put.
func isReference(path []string) bool {
	return slices.ContainsFunc(path, func(step string) bool {
		lower := strings.ToLower(step)
		if lower == asksSidecar || lower == asksService { // the name of a Secret
			return true
		}
		if lower == "existingsecret" || lower == "configsecret" { // the same, in the values of charts
			return true
		}
		return strings.HasSuffix(lower, "ref") || strings.HasSuffix(lower, "refs") || lower == "valuefrom" || lower == "secretname" || lower == "certificaterefs"
	})
}

var (
	// A URL with a password in it, a private key, and the tokens of well-known services.
	secretText = regexp.MustCompile(`://[^/\s:@]*:[^/\s@$%{<]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bdop_v1_[0-9a-f]{16,}|\bsk_live_\w{8,}|\bsk-[A-Za-z0-9_-]{20,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+`)
	// password: x, --password=x, PASSWORD="x".
	assignment = regexp.MustCompile(`(?m)(?:^|[\s,;{"'(?&-])([A-Za-z][\w.-]*)["']?\s*[:=]\s*["']?([^\s"',;}&]+)`)
)

// Words by which the name of a value tells that it is a secret, and last words by which
// it tells that it is something about one.
var (
	secretWords = []string{
		"password", "passwords", "passwd", "pass", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "credential", "credentials", "creds",
		"apikey", "accesskey", "secretkey", "privatekey", "signingkey", "clientkey", "masterkey", "dsn", "seed", "htpasswd", "jwt",
	}
	aboutWords = []string{
		"name", "names", "ref", "refs", "path", "paths", "file", "files", "dir", "folder", "mount", "ttl", "type", "types", "kind", "policy", "expiry", "expires", "expiration",
		"duration", "lifetime", "age", "days", "hours", "minutes", "seconds", "enabled", "disabled", "store", "stores", "count", "size", "length", "namespace", "namespaces",
		"version", "algorithm", "interval", "timeout", "audience", "audiences", "issuer", "class", "endpoint", "endpoints", "header", "headers", "provider", "mode",
		"format", "prefix", "suffix", "annotations", "labels", "rotation", "renewal", "method", "url", "uri", "field", "selector", "backend", "limit", "usage", "mechanism", "description",
	}
	// What a key opens nothing of.
	openKeys = []string{
		"partition", "public", "topology", "sort", "routing", "primary", "foreign", "label", "hash", "cache", "idempotency", "object", "message", "event", "group", "record", "map", "index", "config", "registry", "tls", "ca", "metadata", "data", "annotation", "host", "path", "node", "zone",
	}
)

// secretName tells by its name that a value is a secret: DB_PASS, stripeKey, TOKEN_2,
// AWS_ACCESS_KEY_ID, database-url.
func secretName(name string) bool {
	w := words(name)
	for len(w) > 0 && isNumber(w[len(w)-1]) {
		w = w[:len(w)-1]
	}
	if len(w) == 0 {
		return false
	}
	all, last := strings.Join(w, " "), w[len(w)-1]
	for _, whole := range []string{"access key", "secret key", "connection string", "database url", "db url", "postgres url", "redis url", "database uri", "mongo uri", "dsn"} {
		if strings.HasSuffix(all, whole) || strings.Contains(all, "access key id") {
			return true
		}
	}
	if slices.Contains(aboutWords, last) {
		return false
	}
	if last == "key" || last == "keys" {
		return len(w) > 1 && !slices.Contains(openKeys, w[len(w)-2])
	}
	return slices.ContainsFunc(w, func(word string) bool { return slices.Contains(secretWords, word) })
}

// isBareKey tells of the settings of Dapr's components that are called key.
func isBareKey(name string) bool { return strings.EqualFold(name, "key") }

// literal tells that a value is written out: neither empty nor a switch, nor a place for
// another value.
func literal(value string) bool {
	value = strings.TrimSpace(value)
	switch strings.ToLower(value) {
	case "", "true", "false", "null", "nil", "none", "~", "|", ">", "|-":
		return false
	}
	return !strings.ContainsAny(value[:1], "$%{<")
}

// words takes a name apart: at capitals, digits, dashes, dots and underscores.
func words(name string) []string {
	var all []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			all = append(all, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	letters := []rune(name)
	for i, letter := range letters {
		switch {
		case !unicode.IsLetter(letter) && !unicode.IsDigit(letter):
			end()
			continue
		case i > 0 && unicode.IsUpper(letter) && (unicode.IsLower(letters[i-1]) || unicode.IsDigit(letters[i-1])),
			i > 0 && i+1 < len(letters) && unicode.IsUpper(letter) && unicode.IsUpper(letters[i-1]) && unicode.IsLower(letters[i+1]),
			i > 0 && unicode.IsDigit(letter) != unicode.IsDigit(letters[i-1]):
			end()
		}
		word.WriteRune(letter)
	}
	end()
	return all
}

func sortedKeys(value any) []string { return slices.Sorted(maps.Keys(fields(value))) }
