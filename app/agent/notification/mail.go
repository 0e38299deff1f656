package notification

import (
	"bytes"
	"context"
	"fmt"
	"html/template"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// Mail sends e-mails through a Dapr binding (bindings.smtp or one like it).
type Mail struct {
	Binding bus.Binding
	// URL is the application's, which an e-mail leads back to.
	URL string
}

var letter = template.Must(template.New("letter").Parse(`<p>Hello{{with .Name}} {{.}}{{end}},</p>
{{range .Notes}}<p><strong>{{.Title}}</strong><br>{{.Text}}</p>
{{end}}<p><a href="{{.URL}}">Open Wealth Companion</a></p>
<p><small>You get this because e-mail is switched on in your settings, where you can switch it off.</small></p>
`))

// Send sends one e-mail with all notes.
func (m *Mail) Send(ctx context.Context, to event.PreferencesChanged, notes []Note) error {
	if to.Email == "" {
		return fmt.Errorf("no address is known: %w", ErrPermanent)
	}
	var body bytes.Buffer
	if err := letter.Execute(&body, map[string]any{"Name": to.Name, "Notes": notes, "URL": m.URL}); err != nil {
		return err
	}
	subject := notes[0].Title
	if len(notes) > 1 {
		subject = fmt.Sprintf("%d news about your money", len(notes))
	}
	return m.Binding.Create(ctx, body.String(), map[string]string{"emailTo": to.Email, "subject": subject})
}
