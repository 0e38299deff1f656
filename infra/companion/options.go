package companion

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/workload"
	"github.com/wealth-companion/companion/stacks"
)

// Options are what an installation may do without; nil: it does.
type Options struct {
	Mail         *stacks.Mail
	Push         *stacks.Push
	OIDC         *stacks.OIDC
	Conversation *stacks.Conversation
	// Secrets are theirs, by the configuration's keys.
	Secrets map[string]pulumi.StringInput
	// PushKey is the public one of the secret pushPrivateKey.
	PushKey string
}

// The components that options bring, and the secret that holds what is theirs.
const (
	mailBinding   = "mail"
	conversation  = "conversation"
	optionsSecret = "options"
)

// components are those that the options bring.
func (o Options) components() []sidecar.Resource {
	var all []sidecar.Resource
	if m := o.Mail; m != nil {
		all = append(all, sidecar.Component(mailBinding, "bindings.smtp", []any{
			sidecar.Entry("host", m.Host),
			sidecar.Entry("port", strconv.Itoa(m.Port)),
			sidecar.Entry("user", m.User),
			sidecar.Reference("password", optionsSecret, "mailPassword"),
			sidecar.Entry("emailFrom", m.From),
		}, event.Notification))
	}
	if c := o.Conversation; c != nil {
		var metadata []any
		for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
			metadata = append(metadata, sidecar.Entry(name, c.Metadata[name]))
		}
		if o.Secrets["conversationKey"] != nil {
			metadata = append(metadata, sidecar.Reference("key", optionsSecret, "conversationKey"))
		}
		all = append(all, sidecar.Component(conversation, c.Kind, metadata, event.Analytics, event.Banking, event.Investment))
	}
	return all
}

// secrets is what the secret of the options holds; empty: there is none.
func (o Options) secrets() pulumi.StringMap {
	content := pulumi.StringMap{}
	for key, value := range o.Secrets {
		content[key] = value
	}
	return content
}

// set adds what the options change of a service. url is where people find the
// application.
func (o Options) set(service, url string, its *workload.Args) {
	from := func(key string) workload.Secret { return workload.Secret{Name: optionsSecret, Key: key} }
	switch service {
	case event.Backend:
		if o.OIDC != nil {
			its.Env["OIDC_ISSUER"], its.Env["OIDC_CLIENT_ID"] = o.OIDC.Issuer, o.OIDC.ClientID
			its.Env["OIDC_REDIRECT_URL"] = url + "/api/v1/auth/oidc/callback"
			its.Secrets["OIDC_CLIENT_SECRET"] = from("oidcClientSecret")
		}
		if o.Push != nil {
			its.Env["VAPID_PUBLIC_KEY"] = o.PushKey
		}
	case event.Notification:
		its.Env["APPLICATION_URL"] = url
		if o.Mail != nil {
			its.Env["MAIL_BINDING"] = mailBinding
			its.SidecarSecrets = append(its.SidecarSecrets, optionsSecret)
		}
		if o.Push != nil {
			its.Env["VAPID_PUBLIC_KEY"], its.Env["VAPID_CONTACT"] = o.PushKey, o.Push.Contact
			its.Secrets["VAPID_PRIVATE_KEY"] = from("pushPrivateKey")
		}
	case event.Analytics, event.Banking, event.Investment:
		if o.Conversation != nil {
			its.Env["CONVERSATION_COMPONENT"] = conversation
			if o.Secrets["conversationKey"] != nil {
				its.SidecarSecrets = append(its.SidecarSecrets, optionsSecret)
			}
		}
	}
}
