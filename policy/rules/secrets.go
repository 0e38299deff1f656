package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// noPlainSecrets is principle 6: no hard-coded secrets.
var noPlainSecrets = Rule{
	Name:        "no-plain-secrets",
	Description: "Secrets are in Kubernetes Secrets and are referred to, never written into pods, components or config maps.",
	Check: func(r Resource) []string {
		switch kind(r) {
		case "ConfigMap":
			return configMap(r)
		case "Component":
			return component(r)
		}
		var found []string
		for _, container := range containers(podSpec(r)) {
			for _, variable := range each(container["env"]) {
				name, value := text(variable["name"]), text(variable["value"])
				if value != "" && (secretName(name) || secretValue(value)) {
					found = append(found, fmt.Sprintf("container %q has the secret %s in its environment: take it from a Secret by valueFrom.secretKeyRef",
						text(container["name"]), name))
				}
			}
			for _, argument := range slices.Concat(list(container["command"]), list(container["args"])) {
				if secretValue(argument) {
					found = append(found, fmt.Sprintf("container %q has a secret in its arguments: pass it by the environment, from a Secret", text(container["name"])))
				}
			}
		}
		return found
	},
}

var (
	// As a last word or before it: DATABASE_PASSWORD, authSigningKey, apiToken.
	secretWord = regexp.MustCompile(`(?i)(password|passwd|secret|token|(api|signing|private|access|secret|encryption)_?-?key|credentials?|database_?url|connection_?string)$`)
	// A URL with a password in it, or a private key.
	secretText = regexp.MustCompile(`://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----`)
)

func secretName(name string) bool   { return secretWord.MatchString(name) }
func secretValue(value string) bool { return secretText.MatchString(value) }

func configMap(r Resource) []string {
	data, _ := r.Properties["data"].(map[string]any)
	var found []string
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if value := text(data[key]); value != "" && (secretName(key) || secretValue(value)) {
			found = append(found, fmt.Sprintf("the config map has the secret %q: put it into a Secret", key))
		}
	}
	return found
}

// component looks at a Dapr component's settings.
func component(r Resource) []string {
	var found []string
	for _, setting := range each(at(r.Properties, "spec", "metadata")) {
		name, value := text(setting["name"]), text(setting["value"])
		if value != "" && (secretName(name) || secretValue(value)) {
			found = append(found, fmt.Sprintf("the component has the secret %q as a value: refer to it by secretKeyRef", name))
		}
	}
	return found
}

func list(value any) []string {
	entries, _ := value.([]any)
	var found []string
	for _, entry := range entries {
		found = append(found, strings.TrimSpace(text(entry)))
	}
	return found
}
