package stack

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is an e-mail as it arrived.
type Mail struct {
	From, To, Subject      string
	Body, Text             string // as HTML and as plain text
	MessageID, Unsubscribe string // headers
}

// Mailbox takes every e-mail, whoever it is for.
type Mailbox struct {
	mu    sync.Mutex
	mails []Mail
}

// To lists what came for an address.
func (m *Mailbox) To(address string) []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	var its []Mail
	for _, one := range m.mails {
		if one.To == address {
			its = append(its, one)
		}
	}
	return its
}

// addMail starts a mail server. It is no program of its own: nobody kills it.
func (s *Stack) addMail() error {
	listener, err := net.Listen("tcp", s.at("mail"))
	if err != nil {
		return err
	}
	s.Mailbox = &Mailbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: s.Mailbox}, nil }))
	server.Domain, server.MaxMessageBytes = "companion.invalid", 1<<20
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			s.t.Errorf("the mail server: %v", err)
		}
	})
	return nil
}

// delivery is one connection to the mail server.
type delivery struct {
	box *Mailbox
	to  []string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

// Data takes one e-mail for each recipient.
func (d *delivery) Data(from io.Reader) error {
	message, err := mail.ReadMessage(from)
	if err != nil {
		return err
	}
	sender, err := mail.ParseAddress(message.Header.Get("From"))
	if err != nil {
		return err
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	parts, err := bodiesOf(message)
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	for _, to := range d.to {
		d.box.mails = append(d.box.mails, Mail{
			From: sender.Address, To: to, Subject: subject, Body: parts["text/html"], Text: parts["text/plain"],
			MessageID: message.Header.Get("Message-ID"), Unsubscribe: message.Header.Get("List-Unsubscribe"),
		})
	}
	return nil
}

// bodiesOf are the forms of an e-mail, by type.
func bodiesOf(message *mail.Message) (map[string]string, error) {
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if kind != "multipart/alternative" {
		return nil, fmt.Errorf("an e-mail is %s: one with both a text and an HTML part is expected", kind)
	}
	found := map[string]string{}
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		found[kind] = string(text)
	}
}

func (d *delivery) Reset() { d.to = nil }

func (d *delivery) Logout() error { return nil }
