package observability

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// Receiver is whom alerts go to: Webhook or Email, or nobody, where they are shown only.
type Receiver struct {
	// Webhook is the https:// address that alerts are posted to, as Alertmanager's webhook
	// writes them.
	Webhook secret.Text
	Email   *Email
}

// Email is a mail server, and whom it is to deliver to.
type Email struct {
	To, From string
	Host     string
	Port     int
	TLS      string // starttls, implicit (at port 465) or none
	User     string // empty: nobody logs in
	Password secret.Text
	// Networks are those of the server (CIDR); the Internet when empty.
	Networks []string
}

func (r Receiver) check() error {
	if r.Webhook != "" && r.Email != nil {
		return errors.New("observability.ObservabilityArgs: Receiver is a webhook and an address: it must be one of them")
	}
	if e := r.Email; e != nil {
		return kube.Check("observability.ObservabilityArgs", map[string]any{
			"Receiver.Email.To": e.To, "Receiver.Email.From": e.From, "Receiver.Email.Host": e.Host, "Receiver.Email.TLS": e.TLS,
		})
	}
	if parsed, err := url.Parse(string(r.Webhook)); r.Webhook != "" && (err != nil || parsed.Scheme != "https" || parsed.Host == "") {
		return errors.New("observability.ObservabilityArgs: Receiver.Webhook is no https:// address")
	}
	return nil
}

// alertmanagerLabels are those of Alertmanager's pods, as its operator sets them.
func alertmanagerLabels() pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("alertmanager")}
}

// egress is where Alertmanager connects to; nil: nowhere.
func (r Receiver) egress() *kube.Allow {
	to := kube.Allow{Name: "to-receiver", Pods: alertmanagerLabels()}
	switch {
	case r.Email != nil:
		to.Peers, to.Ports = kube.Ranges(r.Email.Networks), []int{r.Email.Port}
	case r.Webhook != "":
		to.Peers, to.Ports = kube.Internet(), []int{r.webhookPort()}
	default:
		return nil
	}
	return &to
}

func (r Receiver) webhookPort() int {
	const https = 443
	parsed, err := url.Parse(string(r.Webhook))
	if err != nil {
		return https // it was checked
	}
	if port, err := strconv.Atoi(parsed.Port()); err == nil {
		return port
	}
	return https
}

// newAlerting creates Alertmanager's configuration, which has secrets.
func newAlerting(ctx *pulumi.Context, name string, receiver Receiver, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (secret.Immutable, error) {
	raw, err := json.Marshal(alerting(receiver)) // JSON is YAML
	if err != nil {
		return secret.Immutable{}, fmt.Errorf("configuration of Alertmanager: %w", err)
	}
	return secret.NewImmutable(ctx, name+"-alerting", "alerting", namespace, secret.Of(map[string]secret.Text{"alertmanager.yaml": secret.Text(raw)}), opts...)
}

// alerting is Alertmanager's configuration: what is for the next working day waits for its
// like, and is not said at all while somebody is called about the same.
func alerting(receiver Receiver) map[string]any {
	const people = "people"
	return map[string]any{
		"route": map[string]any{
			"receiver": people, "group_by": []any{"alertname", "service"},
			"group_wait": "15s", "group_interval": "5m", "repeat_interval": "4h",
			"routes": []any{map[string]any{
				"matchers": []any{`severity="ticket"`}, "group_wait": "5m", "repeat_interval": "24h",
			}},
		},
		"inhibit_rules": []any{map[string]any{
			"source_matchers": []any{`severity="page"`}, "target_matchers": []any{`severity="ticket"`}, "equal": []any{"alertname", "service"},
		}},
		"receivers": []any{receiver.configuration(people)},
	}
}

func (r Receiver) configuration(name string) map[string]any {
	configured := map[string]any{"name": name}
	if r.Webhook != "" {
		configured["webhook_configs"] = []any{map[string]any{"url": string(r.Webhook), "send_resolved": true}}
	}
	if e := r.Email; e != nil {
		email := map[string]any{
			"to": e.To, "from": e.From, "smarthost": fmt.Sprintf("%s:%d", e.Host, e.Port), "send_resolved": true,
			// At port 465 Alertmanager begins with TLS.
			"require_tls": e.TLS == "starttls",
		}
		if e.User != "" {
			email["auth_username"], email["auth_password"] = e.User, string(e.Password)
		}
		configured["email_configs"] = []any{email}
	}
	return configured
}
