package stack

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is an e-mail as it arrived.
type Mail struct {
	From, To, Subject, Body string
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
	subject, err := (&mime.WordDecoder{}).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	body := message.Body
	switch encoding := strings.ToLower(message.Header.Get("Content-Transfer-Encoding")); encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "", "7bit", "8bit":
	default:
		return fmt.Errorf("this mail server does not read %s", encoding)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	for _, to := range d.to {
		d.box.mails = append(d.box.mails, Mail{message.Header.Get("From"), to, subject, string(text)})
	}
	return nil
}

func (d *delivery) Reset() { d.to = nil }

func (d *delivery) Logout() error { return nil }
