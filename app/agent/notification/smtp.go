package notification

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// TLSPolicy says how a connection to the mail server is encrypted.
type TLSPolicy string

// The policies. None is opportunistic: an attacker in between would turn that into none.
const (
	StartTLS    TLSPolicy = "starttls" // the connection is upgraded before anything else is sent, or given up
	ImplicitTLS TLSPolicy = "implicit" // TLS from the first byte, usually at port 465
	NoTLS       TLSPolicy = "none"     // no encryption and no log-in, for a server on the same machine
)

// SMTP is the mail server of a provider (RFC 6409), which sends on what it accepts.
type SMTP struct {
	Host           string
	Port           int
	TLS            TLSPolicy
	User, Password string
	From           string         // the address that e-mails come from
	RootCAs        *x509.CertPool // of the server's certificate; nil: the system's
	// Timeout bounds connecting, and then again sending; 0: half of what a delivery has.
	Timeout time.Duration
}

// SMTPFromEnvironment reads MAIL_HOST, MAIL_PORT, MAIL_TLS (starttls if empty),
// MAIL_USER, MAIL_PASSWORD and MAIL_FROM. It returns nil when MAIL_HOST is empty: the
// installation sends no e-mail. The error names every setting that is wrong.
func SMTPFromEnvironment(getenv func(string) string) (*SMTP, error) {
	s := &SMTP{
		Host: getenv("MAIL_HOST"), TLS: TLSPolicy(getenv("MAIL_TLS")),
		User: getenv("MAIL_USER"), Password: getenv("MAIL_PASSWORD"), From: getenv("MAIL_FROM"),
	}
	if s.Host == "" {
		return nil, nil
	}
	var wrong []error
	port, err := strconv.ParseUint(getenv("MAIL_PORT"), 10, 16)
	if err != nil || port == 0 {
		wrong = append(wrong, fmt.Errorf("MAIL_PORT is %q: set it to the server's port, such as 587", getenv("MAIL_PORT")))
	}
	s.Port = int(port)
	if address, err := netmail.ParseAddress(s.From); err != nil || address.Address != s.From {
		wrong = append(wrong, fmt.Errorf("MAIL_FROM is %q: set it to the address that e-mails come from, such as alerts@example.com", s.From))
	}
	switch s.TLS {
	case "":
		s.TLS = StartTLS
	case StartTLS, ImplicitTLS, NoTLS:
	default:
		wrong = append(wrong, fmt.Errorf("MAIL_TLS is %q: set it to starttls, implicit or none", s.TLS))
	}
	if s.TLS == NoTLS && (s.User != "" || s.Password != "") {
		wrong = append(wrong, errors.New("MAIL_USER and MAIL_PASSWORD are set though MAIL_TLS is none: they are not sent without encryption, unset them or use starttls"))
	}
	if s.TLS != NoTLS && (s.User == "" || s.Password == "") {
		wrong = append(wrong, errors.New("MAIL_USER or MAIL_PASSWORD is not set: only a server without encryption (MAIL_TLS=none) is used without a log-in"))
	}
	return s, errors.Join(wrong...)
}

// outgoing is an e-mail to one person, in two forms with the same content.
type outgoing struct {
	id          string // the same whenever this message is attempted again
	to          string
	subject     string
	text, html  string
	unsubscribe string // ends e-mail by a POST (RFC 8058); "": no such address
}

// client returns a client for one message.
func (s *SMTP) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(cmp.Or(s.Timeout, sendTimeout/2)), mail.WithHELO(s.domain())}
	switch s.TLS {
	case NoTLS:
		return mail.NewClient(s.Host, append(options, mail.WithTLSPolicy(mail.NoTLS))...)
	case ImplicitTLS:
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	return mail.NewClient(s.Host, append(options,
		mail.WithTLSConfig(&tls.Config{ServerName: s.Host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}),
		mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password))...)
}

// domain is the part of the sender's address after the @.
func (s *SMTP) domain() string { return s.From[strings.LastIndexByte(s.From, '@')+1:] }

// sender is the name that people see an e-mail come from.
const sender = "Wealth Companion"

// compose builds the message; the error says what cannot be written in an e-mail.
func (s *SMTP) compose(m outgoing) (*mail.Msg, error) {
	composed := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := composed.FromFormat(sender, s.From); err != nil {
		return nil, errors.New("MAIL_FROM is not an address")
	}
	if err := composed.To(m.to); err != nil {
		return nil, fmt.Errorf("the recipient's address is not one that e-mail can be sent to: %w", ErrPermanent)
	}
	composed.Subject(line(m.subject))
	composed.SetDateWithValue(time.Now())
	composed.SetMessageIDWithValue(m.id + "@" + s.domain())
	// Programs are not to answer, such as with an absence notice (RFC 3834).
	composed.SetGenHeader("Auto-Submitted", "auto-generated")
	if oneClick(m.unsubscribe) {
		composed.SetGenHeader(mail.HeaderListUnsubscribe, "<"+m.unsubscribe+">")
		composed.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	composed.SetBodyString(mail.TypeTextPlain, m.text)
	composed.AddAlternativeString(mail.TypeTextHTML, m.html)
	return composed, nil
}

// oneClick reports whether an address may stand in List-Unsubscribe: RFC 8058 demands
// HTTPS, and nothing in it may end the header's <...>.
func oneClick(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "https" && parsed.Host != "" && !strings.ContainsAny(address, "<> \r\n")
}

// send hands a message over, within sendTimeout. ErrPermanent: the server refused this
// message or its recipient for good (5xx). Everything else may succeed later: a server
// that is not reached, is busy (4xx), or does not let this installation in, which its
// operators can mend. The error holds neither addresses nor links.
func (s *SMTP) send(ctx context.Context, m outgoing) error {
	composed, err := s.compose(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return fmt.Errorf("the settings of the mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, composed)
	if err == nil || composed.IsDelivered() {
		return nil // what fails after the server has accepted the message changes nothing
	}
	return refusal(err)
}

// refusal tells what a failure to send means for the message.
func refusal(err error) error {
	var network net.Error
	var refused *mail.SendError
	words := redact(err.Error())
	switch {
	case errors.As(err, &refused) && ofTheMessage(refused.Reason) && refused.ErrorCode() >= 500:
		return fmt.Errorf("the mail server refuses the message: %s: %w", words, ErrPermanent)
	case errors.As(err, &network):
		return fmt.Errorf("the mail server is not reached: %s", words)
	default:
		return fmt.Errorf("the mail server does not accept the message yet: %s", words)
	}
}

// ofTheMessage tells the steps at which a server refuses one message or its recipient
// from those at which it refuses everything of this installation.
func ofTheMessage(step mail.SendErrReason) bool {
	return step == mail.ErrSMTPRcptTo || step == mail.ErrSMTPData || step == mail.ErrSMTPDataClose
}

var (
	addresses = regexp.MustCompile(`[^\s<>,;:"']+@[^\s<>,;"']+`)
	links     = regexp.MustCompile(`(?i)https?://[^\s<>"']+`)
)

// longestReason is how many bytes of a server's words are kept.
const longestReason = 300

// redact leaves out addresses and links, which servers like to repeat.
func redact(words string) string {
	words = addresses.ReplaceAllString(links.ReplaceAllString(words, "(link)"), "(address)")
	if len(words) > longestReason {
		words = strings.ToValidUTF8(words[:longestReason], "") + "..."
	}
	return words
}
