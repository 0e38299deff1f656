package notification

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// postOffice is a mail server that keeps what it accepts, or refuses as it is told.
type postOffice struct {
	mu           sync.Mutex
	received     []received
	logIns       int
	refuseLogIn  error
	refuseSender error
	refuseTo     error
	refuseData   error
	lockedIn     bool // accepts mail after a log-in only
}

type received struct {
	to     string
	header netmail.Header
	parts  map[string]string // by type
}

type connection struct {
	office *postOffice
	to     string
	user   bool
}

func (c *connection) Mail(string, *smtp.MailOptions) error {
	if c.office.lockedIn && !c.user {
		return smtp.ErrAuthRequired
	}
	return c.office.refuseSender
}

func (c *connection) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return c.office.refuseTo
}
func (c *connection) Reset()                   {}
func (c *connection) Logout() error            { return nil }
func (c *connection) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *connection) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c.office.mu.Lock()
		defer c.office.mu.Unlock()
		c.office.logIns++
		if c.office.refuseLogIn != nil {
			return c.office.refuseLogIn
		}
		if user != "companion" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		c.user = true
		return nil
	}), nil
}

func (c *connection) Data(content io.Reader) error {
	message, err := netmail.ReadMessage(content)
	if err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return errors.Join(err, errors.New(kind))
	}
	parts := map[string]string{}
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		parts[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	if c.office.refuseData != nil {
		return c.office.refuseData
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.received = append(c.office.received, received{c.to, message.Header, parts})
	return nil
}

// open starts the server and returns the settings to reach it, with a log-in except
// without TLS.
func (o *postOffice) open(t *testing.T, policy TLSPolicy) *SMTP {
	t.Helper()
	certificate, roots := selfSigned(t)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &connection{office: o}, nil }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	s := &SMTP{Host: "127.0.0.1", Port: port, TLS: policy, From: "alerts@example.org", RootCAs: roots}
	switch policy {
	case StartTLS:
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	case ImplicitTLS:
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	if policy != NoTLS {
		s.User, s.Password, o.lockedIn = "companion", "secret", true
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// selfSigned is a certificate for 127.0.0.1, and the authority to trust for it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

var ada = event.PreferencesChanged{Email: "ada@example.org", Name: "Ada <b>", UnsubscribeURL: "https://app.example.org:8443/u?t=1&x=2"}

// send sends notes and returns the error.
func send(t *testing.T, m *Mail, to event.PreferencesChanged, notes ...Note) error {
	t.Helper()
	_, err := m.Send(t.Context(), uuid.NewSHA1(uuid.Nil, []byte(notes[0].Title)), to, notes)
	return err
}

func TestAnEmailIsWhatMailReadersExpect(t *testing.T) {
	var office postOffice
	m := &Mail{Server: office.open(t, StartTLS)}
	require.NoError(t, send(t, m, ada, Note{"90%\r\nBcc: all@example.org \u202eused", "1 < 2"}))
	require.NoError(t, send(t, m, ada, Note{"90%\r\nBcc: all@example.org \u202eused", "1 < 2"}))
	got, again := office.received[0], office.received[1]
	require.Equal(t, `"Wealth Companion" <alerts@example.org>`, got.header.Get("From"))
	require.Equal(t, "<ada@example.org>", got.header.Get("To"))
	require.Empty(t, got.header.Get("Bcc"), "what a person wrote is no header")
	subject, err := new(mime.WordDecoder).DecodeHeader(got.header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "90% Bcc: all@example.org used", subject)
	require.Regexp(t, `^<[0-9a-f-]{36}@example\.org>$`, got.header.Get("Message-ID"))
	require.Equal(t, got.header.Get("Message-ID"), again.header.Get("Message-ID"), "another attempt is the same message")
	date, err := got.header.Date()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), date, time.Minute)
	require.Equal(t, "auto-generated", got.header.Get("Auto-Submitted"))
	require.Equal(t, "<https://app.example.org:8443/u?t=1&x=2>", got.header.Get("List-Unsubscribe"))
	require.Equal(t, "List-Unsubscribe=One-Click", got.header.Get("List-Unsubscribe-Post"))
	require.Contains(t, got.parts["text/html"], "1 &lt; 2", "what a person wrote is no markup")
	require.Contains(t, got.parts["text/html"], "Ada &lt;b&gt;")
	require.NotContains(t, got.parts["text/html"], "Open Wealth Companion", "there are no pages to lead to")
	require.Contains(t, got.parts["text/plain"], "1 < 2")
	require.Contains(t, got.parts["text/plain"], "\nhttps://app.example.org:8443/u?t=1&x=2")

	m.URL = "https://app.example.org:8443"
	require.NoError(t, send(t, m, ada, Note{"one", ""}, Note{"two", ""}))
	require.Equal(t, "2 alerts about your money", office.received[2].header.Get("Subject"))
	require.NotEqual(t, got.header.Get("Message-ID"), office.received[2].header.Get("Message-ID"))
	require.Contains(t, office.received[2].parts["text/plain"], "Open Wealth Companion:\nhttps://app.example.org:8443")
	require.NoError(t, send(t, m, ada, slices.Repeat([]Note{{"n", ""}}, mostNotes+3)...))
	require.Contains(t, office.received[3].parts["text/plain"], "3 more are in the application.")
}

func TestOnlyAnHTTPSAddressIsOfferedToUnsubscribe(t *testing.T) {
	for address, want := range map[string]bool{
		"https://app.example.org/u?t=1": true, "http://app.example.org/u": false, "": false, "https:///u": false,
		"https://app.example.org/>\r\nBcc: x": false, "https://app.example.org/>,<mailto:x@example.org": false, "javascript:alert(1)": false,
	} {
		require.Equal(t, want, oneClick(address), address)
	}
}

func TestALetterSaysTheSameInBothForms(t *testing.T) {
	var office postOffice
	m := &Mail{Server: office.open(t, ImplicitTLS)}
	id := uuid.New()
	letter := event.MailRequested{Email: "ada@example.org", Kind: event.MailConfirmAddress, Link: "https://app.example.org/c#1.A"}
	require.NoError(t, m.SendLetter(t.Context(), id, letter))
	got := office.received[0]
	require.Equal(t, "<"+id.String()+"@example.org>", got.header.Get("Message-ID"))
	require.Empty(t, got.header.Get("List-Unsubscribe"), "nobody subscribed")
	require.Contains(t, got.parts["text/plain"], "Confirm the address:\nhttps://app.example.org/c#1.A\n")
	require.Contains(t, got.parts["text/html"], `<a href="https://app.example.org/c#1.A">Confirm the address</a>`)
	require.ErrorIs(t, m.SendLetter(t.Context(), id, event.MailRequested{Kind: "greeting"}), ErrPermanent)
}

func TestWhatTheServerRefusesForGoodIsGivenUp(t *testing.T) {
	const gone = "<ada@example.org>: nobody of that name, see https://mail.example.org/why?to=ada"
	refusal := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: gone}
	}
	for name, c := range map[string]struct {
		refuse    func(*postOffice)
		permanent bool
		reason    string
	}{
		"a recipient who does not exist":                 {func(o *postOffice) { o.refuseTo = refusal(550) }, true, "550"},
		"a recipient for the moment":                     {func(o *postOffice) { o.refuseTo = refusal(451) }, false, "451"},
		"the content":                                    {func(o *postOffice) { o.refuseData = refusal(554) }, true, "554"},
		"the content for the moment":                     {func(o *postOffice) { o.refuseData = refusal(452) }, false, "452"},
		"the sender, which is this installation's fault": {func(o *postOffice) { o.refuseSender = refusal(550) }, false, "550"},
		"the log-in, which is this installation's fault": {func(o *postOffice) { o.refuseLogIn = refusal(535) }, false, "535"},
		"whoever has not logged in":                      {func(o *postOffice) { o.lockedIn = true }, false, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			var office postOffice
			policy := StartTLS
			if name == "whoever has not logged in" {
				policy = NoTLS
			}
			m := &Mail{Server: office.open(t, policy)}
			c.refuse(&office)
			err := send(t, m, ada, Note{"a", "b"})
			require.ErrorContains(t, err, c.reason)
			require.Equal(t, c.permanent, errors.Is(err, ErrPermanent), err.Error())
			require.NotContains(t, err.Error(), "ada", "what a server repeats reaches logs")
			require.NotContains(t, err.Error(), "mail.example.org/why")
			require.Empty(t, office.received)
		})
	}
	m := &Mail{Server: (&postOffice{}).open(t, NoTLS)}
	for _, address := range []string{"", "no address", "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org"} {
		require.ErrorIs(t, send(t, m, event.PreferencesChanged{Email: address}, Note{"a", "b"}), ErrPermanent, address)
	}
}

func TestNothingIsSentWithoutTheTLSThatIsDemanded(t *testing.T) {
	for name, c := range map[string]struct {
		offers, demands TLSPolicy
		trust           bool
	}{
		"a server, or somebody in between, that offers no STARTTLS": {NoTLS, StartTLS, true},
		"a certificate of another authority":                        {StartTLS, StartTLS, false},
		"a certificate of another authority, TLS from the start":    {ImplicitTLS, ImplicitTLS, false},
	} {
		t.Run(name, func(t *testing.T) {
			var office postOffice
			server := office.open(t, c.offers)
			server.TLS, server.User, server.Password = c.demands, "companion", "secret"
			if !c.trust {
				server.RootCAs = x509.NewCertPool()
			}
			err := send(t, &Mail{Server: server}, ada, Note{"a", "b"})
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrPermanent, "its operators can mend it")
			require.Empty(t, office.received)
			require.Zero(t, office.logIns, "the password is not shown")
		})
	}
}

// dead accepts connections; respond is what it does with each.
func dead(t *testing.T, respond func(net.Conn)) *SMTP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go respond(conn)
		}
	}()
	return &SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: NoTLS, From: "alerts@example.org"}
}

func TestAServerThatSaysNothingIsGivenUpInTime(t *testing.T) {
	for name, respond := range map[string]func(net.Conn){
		"no greeting": func(net.Conn) {},
		"no end of a greeting": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "2"); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		},
		"no answer to a command": func(c net.Conn) { _, _ = io.WriteString(c, "220 test\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), sendTimeout)
			defer cancel()
			server := dead(t, respond)
			server.Timeout = 500 * time.Millisecond
			_, err := (&Mail{Server: server}).Send(ctx, uuid.Nil, ada, []Note{{"a", "b"}})
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrPermanent)
			require.Less(t, time.Since(began), sendTimeout/2)
		})
	}
}

// What fails after the server has accepted a message is no reason to send it again.
func TestAnAcceptedMessageIsSentThoughTheServerFailsAfterwards(t *testing.T) {
	server := dead(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "220 test\r\n")
		buffer := make([]byte, 4096)
		for inside := false; ; {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			switch said := string(buffer[:n]); {
			case inside && strings.HasSuffix(said, "\r\n.\r\n"):
				_, _ = io.WriteString(c, "250 accepted\r\n")
				return
			case inside:
			case strings.HasPrefix(said, "DATA"):
				inside = true
				_, _ = io.WriteString(c, "354 go on\r\n")
			default:
				_, _ = io.WriteString(c, "250 ok\r\n")
			}
		}
	})
	require.NoError(t, send(t, &Mail{Server: server}, ada, Note{"a", "b"}))
}

func TestSettingsOfMail(t *testing.T) {
	read := func(settings map[string]string) (*SMTP, error) {
		return SMTPFromEnvironment(func(key string) string { return settings[key] })
	}
	none, err := read(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	good := map[string]string{"MAIL_HOST": "smtp.example.org", "MAIL_PORT": "587", "MAIL_FROM": "a@example.org", "MAIL_USER": "u", "MAIL_PASSWORD": "p"}
	s, err := read(good)
	require.NoError(t, err)
	require.Equal(t, &SMTP{Host: "smtp.example.org", Port: 587, TLS: StartTLS, User: "u", Password: "p", From: "a@example.org"}, s)
	for name, c := range map[string]struct {
		set  map[string]string
		says string
	}{
		"a port in words":            {map[string]string{"MAIL_PORT": "smtp"}, "MAIL_PORT"},
		"no port":                    {map[string]string{"MAIL_PORT": strconv.Itoa(0)}, "MAIL_PORT"},
		"no sender":                  {map[string]string{"MAIL_FROM": "nobody"}, "MAIL_FROM"},
		"a sender with a name":       {map[string]string{"MAIL_FROM": "A <a@example.org>"}, "MAIL_FROM"},
		"no password":                {map[string]string{"MAIL_PASSWORD": ""}, "MAIL_PASSWORD"},
		"no user":                    {map[string]string{"MAIL_USER": ""}, "MAIL_USER"},
		"TLS if the server likes":    {map[string]string{"MAIL_TLS": "opportunistic"}, "MAIL_TLS"},
		"a password without any TLS": {map[string]string{"MAIL_TLS": "none"}, "MAIL_PASSWORD"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := maps.Clone(good)
			maps.Copy(bad, c.set)
			_, err := read(bad)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\"p\"", "a password belongs in no log")
		})
	}
}
