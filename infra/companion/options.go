package companion

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/infra/workload"
)

// Options are what an installation may do without; nil: it does.
type Options struct {
	Mail         *Mail
	Push         *Push
	OIDC         *OIDC
	Conversation *Conversation
}

// Mail is the SMTP server that e-mails are given to.
type Mail struct {
	Host string
	Port int
	TLS  string // starttls, implicit or none
	From string
	// The log-in; none with TLS none.
	User     string
	Password secret.Text
}

// Push are web push's keys (VAPID, RFC 8292), base64url.
type Push struct {
	Contact    string // whom a push service may write to: mailto: or https:
	PublicKey  string
	PrivateKey secret.Text
}

// OIDC is an identity provider.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret secret.Text
}

// Conversation is Dapr's component for a language model.
type Conversation struct {
	Kind     string            // conversation.openai, conversation.anthropic, ...
	Metadata map[string]string // the component's, without the key
	Key      secret.Text       // empty: the model needs none
}

// conversation is the component's name.
const conversation = "conversation"

// The options' secrets, by their keys.
const (
	mailPassword     = "mailPassword"
	pushPrivateKey   = "pushPrivateKey"
	oidcClientSecret = "oidcClientSecret"
	conversationKey  = "conversationKey"
)

// components are those that the options bring.
func (o Options) components(secrets *secrets) []sidecar.Resource {
	var all []sidecar.Resource
	if c := o.Conversation; c != nil {
		var metadata []any
		for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
			metadata = append(metadata, sidecar.Entry(name, c.Metadata[name]))
		}
		if c.Key != "" {
			metadata = append(metadata, sidecar.Reference("key", secrets.named(optionSecret(conversationKey)), conversationKey))
		}
		all = append(all, sidecar.Component(conversation, c.Kind, metadata, event.Analytics, event.Banking, event.Investment))
	}
	return all
}

// secrets are those of the options, by their keys.
func (o Options) secrets() map[string]secret.Text {
	content := map[string]secret.Text{}
	if o.Mail != nil && o.Mail.Password != "" {
		content[mailPassword] = o.Mail.Password
	}
	if o.Push != nil {
		content[pushPrivateKey] = o.Push.PrivateKey
	}
	if o.OIDC != nil {
		content[oidcClientSecret] = o.OIDC.ClientSecret
	}
	if o.Conversation != nil && o.Conversation.Key != "" {
		content[conversationKey] = o.Conversation.Key
	}
	return content
}

// set adds what the options change of a service. url is where people find the
// application.
func (o Options) set(service, url string, secrets *secrets, w *workload.WorkloadArgs) {
	from := func(key string) workload.Secret {
		return workload.Secret{Name: secrets.named(optionSecret(key)), Key: key}
	}
	switch service {
	case event.Backend:
		w.Env["APPLICATION_URL"] = pulumi.String(url)
		if o.Mail != nil {
			w.Env["MAIL_ENABLED"] = pulumi.String("true") // it asks notification for e-mails
		}
		if o.OIDC != nil {
			w.Env["OIDC_ISSUER"], w.Env["OIDC_CLIENT_ID"] = pulumi.String(o.OIDC.Issuer), pulumi.String(o.OIDC.ClientID)
			w.Env["OIDC_REDIRECT_URL"] = pulumi.String(url + "/api/v1/auth/oidc/callback")
			w.Secrets["OIDC_CLIENT_SECRET"] = from(oidcClientSecret)
		}
		if o.Push != nil {
			w.Env["VAPID_PUBLIC_KEY"] = pulumi.String(o.Push.PublicKey)
		}
	case event.MCP:
		w.Env["APPLICATION_URL"] = pulumi.String(url) // which assistants' tokens name
	case event.Notification:
		w.Env["APPLICATION_URL"] = pulumi.String(url)
		if m := o.Mail; m != nil {
			w.Env["MAIL_HOST"], w.Env["MAIL_PORT"] = pulumi.String(m.Host), pulumi.String(strconv.Itoa(m.Port))
			w.Env["MAIL_TLS"], w.Env["MAIL_FROM"] = pulumi.String(m.TLS), pulumi.String(m.From)
			if m.User != "" {
				w.Env["MAIL_USER"] = pulumi.String(m.User)
				w.Secrets["MAIL_PASSWORD"] = from(mailPassword)
			}
		}
		if o.Push != nil {
			w.Env["VAPID_PUBLIC_KEY"], w.Env["VAPID_CONTACT"] = pulumi.String(o.Push.PublicKey), pulumi.String(o.Push.Contact)
			w.Secrets["VAPID_PRIVATE_KEY"] = from(pushPrivateKey)
		}
	case event.Analytics, event.Banking, event.Investment:
		if o.Conversation != nil {
			w.Env["CONVERSATION_COMPONENT"] = pulumi.String(conversation)
			if o.Conversation.Key != "" {
				w.SidecarSecrets = append(w.SidecarSecrets, secrets.output(optionSecret(conversationKey)))
			}
		}
	}
}
