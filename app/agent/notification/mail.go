package notification

import (
	"bytes"
	"context"
	"fmt"
	html "html/template"
	"strings"
	text "text/template"
	"unicode"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
)

// Mail sends alerts, and letters about accounts, as e-mails.
type Mail struct {
	Server *SMTP
	// URL is where people find the application's pages, with its port if it has
	// one; empty: it has none yet, and e-mails lead nowhere.
	URL string
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

// body is one content as HTML and as plain text.
type body struct {
	html *html.Template
	text *text.Template
}

// htmlPage surrounds an e-mail's content.
const htmlPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Wealth Companion</title></head><body>
{{template "content" .}}</body></html>
`

func newBody(asHTML, asText string) body {
	return body{
		html: html.Must(html.Must(html.New("page").Parse(htmlPage)).New("content").Parse(asHTML)),
		text: text.Must(text.New("text").Parse(asText)),
	}
}

// render writes both forms of an e-mail.
func (b body) render(data any) (asHTML, asText string, err error) {
	var rich, plain bytes.Buffer
	if err := b.html.ExecuteTemplate(&rich, "page", data); err != nil {
		return "", "", err
	}
	err = b.text.Execute(&plain, data)
	return rich.String(), plain.String(), err
}

var alertBody = newBody(`<p>Hello{{with .Name}} {{.}}{{end}},</p>
{{range .Notes}}<p><strong>{{.Title}}</strong><br>{{.Text}}</p>
{{end}}{{with .More}}<p>{{.}} more {{if eq . 1}}is{{else}}are{{end}} in the application.</p>
{{end}}{{with .URL}}<p><a href="{{.}}">Open Wealth Companion</a></p>
{{end}}<p><small>You get this because e-mail is switched on in your settings, where you can switch it off.{{with .Unsubscribe}} Or <a href="{{.}}">unsubscribe</a> at once.{{end}}</small></p>
`, `Hello{{with .Name}} {{.}}{{end}},
{{range .Notes}}
{{.Title}}
{{.Text}}
{{end}}{{with .More}}
{{.}} more {{if eq . 1}}is{{else}}are{{end}} in the application.
{{end}}{{with .URL}}
Open Wealth Companion:
{{.}}
{{end}}
You get this because e-mail is switched on in your settings, where you can switch it off.
{{with .Unsubscribe}}Or unsubscribe at once:
{{.}}
{{end}}`)

// Send sends one e-mail with all notes.
func (m *Mail) Send(ctx context.Context, id uuid.UUID, to event.PreferencesChanged, notes []Note) ([]event.PushSubscription, error) {
	if to.Email == "" {
		return nil, fmt.Errorf("no address is known: %w", ErrPermanent)
	}
	p := page{Name: line(to.Name), Notes: notes, URL: m.URL, Unsubscribe: to.UnsubscribeURL}
	if len(notes) > mostNotes {
		p.Notes, p.More = notes[:mostNotes], len(notes)-mostNotes
	}
	asHTML, asText, err := alertBody.render(p)
	if err != nil {
		return nil, err
	}
	subject := notes[0].Title
	if len(notes) > 1 {
		subject = fmt.Sprintf("%d alerts about your money", len(notes))
	}
	return nil, m.Server.send(ctx, outgoing{
		id: id.String(), to: to.Email, subject: subject, text: asText, html: asHTML, unsubscribe: to.UnsubscribeURL,
	})
}

// line is a text on one line, as headers need it: people's own words may hold line
// breaks and other control characters. Those that turn the direction of writing are
// left out, since they let a text read as something else.
func line(text string) string {
	return strings.Join(strings.FieldsFunc(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
