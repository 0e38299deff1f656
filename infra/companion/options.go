package companion

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
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
	Password pulumi.StringInput // secret
}

// Push are web push's keys (VAPID, RFC 8292), base64url.
type Push struct {
	Contact    string // whom a push service may write to: mailto: or https:
	PublicKey  string
	PrivateKey pulumi.StringInput // secret
}

// OIDC is an identity provider.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret pulumi.StringInput // secret
}

// Conversation is Dapr's component for a language model.
type Conversation struct {
	Kind     string             // conversation.openai, conversation.anthropic, ...
	Metadata map[string]string  // the component's, without the key
	Key      pulumi.StringInput // secret; nil: the model needs none
}

// The components that options bring, and the secret that holds what is theirs.
const (
	conversation  = "conversation"
	optionsSecret = "options"
)

// components are those that the options bring.
func (o Options) components() []sidecar.Resource {
	var all []sidecar.Resource
	if c := o.Conversation; c != nil {
		var metadata []any
		for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
			metadata = append(metadata, sidecar.Entry(name, c.Metadata[name]))
		}
		if c.Key != nil {
			metadata = append(metadata, sidecar.Reference("key", optionsSecret, "conversationKey"))
		}
		all = append(all, sidecar.Component(conversation, c.Kind, metadata, event.Analytics, event.Banking, event.Investment))
	}
	return all
}

// secrets is the content of the options' Secret; empty: there is none.
func (o Options) secrets() pulumi.StringMap {
	content := pulumi.StringMap{}
	if o.Mail != nil && o.Mail.Password != nil {
		content["mailPassword"] = o.Mail.Password
	}
	if o.Push != nil {
		content["pushPrivateKey"] = o.Push.PrivateKey
	}
	if o.OIDC != nil {
		content["oidcClientSecret"] = o.OIDC.ClientSecret
	}
	if o.Conversation != nil && o.Conversation.Key != nil {
		content["conversationKey"] = o.Conversation.Key
	}
	return content
}

// set adds what the options change of a service. url is where people find the
// application.
func (o Options) set(service, url string, w *workload.WorkloadArgs) {
	from := func(key string) workload.Secret { return workload.Secret{Name: optionsSecret, Key: key} }
	switch service {
	case event.Backend:
		w.Env["APPLICATION_URL"] = pulumi.String(url)
		if o.Mail != nil {
			w.Env["MAIL_ENABLED"] = pulumi.String("true") // it asks notification for e-mails
		}
		if o.OIDC != nil {
			w.Env["OIDC_ISSUER"], w.Env["OIDC_CLIENT_ID"] = pulumi.String(o.OIDC.Issuer), pulumi.String(o.OIDC.ClientID)
			w.Env["OIDC_REDIRECT_URL"] = pulumi.String(url + "/api/v1/auth/oidc/callback")
			w.Secrets["OIDC_CLIENT_SECRET"] = from("oidcClientSecret")
		}
		if o.Push != nil {
			w.Env["VAPID_PUBLIC_KEY"] = pulumi.String(o.Push.PublicKey)
		}
	case event.Notification:
		w.Env["APPLICATION_URL"] = pulumi.String(url)
		if m := o.Mail; m != nil {
			w.Env["MAIL_HOST"], w.Env["MAIL_PORT"] = pulumi.String(m.Host), pulumi.String(strconv.Itoa(m.Port))
			w.Env["MAIL_TLS"], w.Env["MAIL_FROM"] = pulumi.String(m.TLS), pulumi.String(m.From)
			if m.User != "" {
				w.Env["MAIL_USER"] = pulumi.String(m.User)
				w.Secrets["MAIL_PASSWORD"] = from("mailPassword")
			}
		}
		if o.Push != nil {
			w.Env["VAPID_PUBLIC_KEY"], w.Env["VAPID_CONTACT"] = pulumi.String(o.Push.PublicKey), pulumi.String(o.Push.Contact)
			w.Secrets["VAPID_PRIVATE_KEY"] = from("pushPrivateKey")
		}
	case event.Analytics, event.Banking, event.Investment:
		if o.Conversation != nil {
			w.Env["CONVERSATION_COMPONENT"] = pulumi.String(conversation)
			if o.Conversation.Key != nil {
				w.SidecarSecrets = append(w.SidecarSecrets, optionsSecret)
			}
		}
	}
}
