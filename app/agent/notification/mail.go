package notification

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// Mail sends alerts as e-mails through a Dapr binding (bindings.smtp or one like
// it). Its limits are the binding's: a body in HTML only, and no headers of ours.
type Mail struct {
	Binding bus.Binding
	// URL is where people find the application's pages, with its port if it has
	// one; empty: it has none yet, and e-mails lead nowhere.
	URL string

	mu sync.Mutex
}

// create sends one e-mail, if its turn comes before ctx ends. One goes out at a
// time: the binding (1.16) keeps a request's recipient where another at the same
// moment puts its own, and would send one person's e-mail to another.
func (m *Mail) create(ctx context.Context, to, subject, body string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Binding.Create(ctx, body, map[string]string{"emailTo": to, "subject": line(subject)})
}

// mostNotes are how many notes an e-mail holds; of the others it gives the number.
const mostNotes = 50

// page is what an e-mail's templates say.
type page struct {
	Name        string
	Notes       []Note
	More        int // notes that are left out
	URL         string
	Unsubscribe string
}

var asHTML = template.Must(template.New("alert").Parse(`<p>Hello{{with .Name}} {{.}}{{end}},</p>
{{range .Notes}}<p><strong>{{.Title}}</strong><br>{{.Text}}</p>
{{end}}{{with .More}}<p>{{.}} more are in the application.</p>
{{end}}{{with .URL}}<p><a href="{{.}}">Open Wealth Companion</a></p>
{{end}}<p><small>You get this because e-mail is switched on in your settings, where you can switch it off.{{with .Unsubscribe}} Or <a href="{{.}}">unsubscribe</a> at once.{{end}}</small></p>
`))

// Send sends one e-mail with all notes.
func (m *Mail) Send(ctx context.Context, to event.PreferencesChanged, notes []Note) ([]event.PushSubscription, error) {
	if to.Email == "" {
		return nil, fmt.Errorf("no address is known: %w", ErrPermanent)
	}
	p := page{Name: to.Name, Notes: notes, URL: m.URL, Unsubscribe: to.UnsubscribeURL}
	if len(notes) > mostNotes {
		p.Notes, p.More = notes[:mostNotes], len(notes)-mostNotes
	}
	var body bytes.Buffer
	if err := asHTML.Execute(&body, p); err != nil {
		return nil, err
	}
	subject := notes[0].Title
	if len(notes) > 1 {
		subject = fmt.Sprintf("%d news about your money", len(notes))
	}
	return nil, m.create(ctx, to.Email, subject, body.String())
}

// line is a text as a header takes it: people's own words may hold line breaks.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
