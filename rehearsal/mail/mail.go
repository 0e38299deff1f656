// Package mail is the mail server of the rehearsal, where production has a
// provider's: it takes every e-mail, whoever it is for, and keeps it as a file.
// Nothing is sent on.
package mail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// What one connection may do.
const (
	longest    = 1 << 20 // bytes of an e-mail
	recipients = 50
	patience   = 30 * time.Second
)

// NewServer is a server that keeps e-mails in a folder.
func NewServer(dir string) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{dir: dir}, nil }))
	server.Domain = "mail.rehearsal.invalid"
	server.MaxMessageBytes, server.MaxRecipients = longest, recipients
	server.ReadTimeout, server.WriteTimeout = patience, patience
	return server
}

// Serve takes e-mails until the server is closed.
func Serve(server *smtp.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, smtp.ErrServerClosed) {
		return err
	}
	return nil
}

// session is one connection.
type session struct {
	dir string
	to  []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data keeps the e-mail as it came, below the recipients that the connection
// named: headers may say others.
func (s *session) Data(content io.Reader) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	partial, err := os.CreateTemp(s.dir, ".arriving-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(partial.Name()) }() // it is gone when it arrived
	_, err = fmt.Fprintf(partial, "%s: %s\r\n", envelope, strings.Join(s.to, ", "))
	if err == nil {
		_, err = io.Copy(partial, content)
	}
	if err = errors.Join(err, partial.Close()); err != nil {
		return err
	}
	// The names sort by time of arrival; the rest of the temporary name keeps them apart.
	name := time.Now().UTC().Format("20060102T150405.000000000") + strings.TrimPrefix(filepath.Base(partial.Name()), ".arriving") + extension
	return os.Rename(partial.Name(), filepath.Join(s.dir, name))
}

func (s *session) Reset() { s.to = nil }

func (s *session) Logout() error { return nil }

const (
	envelope  = "X-Envelope-To"
	extension = ".eml"
)

// Mail is an e-mail that arrived.
type Mail struct {
	To, From, Subject      string
	MessageID, Unsubscribe string            // headers
	Parts                  map[string]string // what it says, by type; one part is "" if it names no type
	File                   string
	At                     time.Time // UTC
}

// List returns the e-mails in a folder, the oldest first.
func List(dir string) ([]Mail, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Mail
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != extension {
			continue
		}
		one, err := read(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Mail) int { return strings.Compare(a.File, b.File) })
	return all, nil
}

func read(path string) (Mail, error) {
	file, err := os.Open(path)
	if err != nil {
		return Mail{}, err
	}
	defer func() { _ = file.Close() }()
	message, err := mail.ReadMessage(file)
	if err != nil {
		return Mail{}, fmt.Errorf("%s: %w", path, err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return Mail{}, fmt.Errorf("%s: %w", path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return Mail{}, err
	}
	parts, err := partsOf(message)
	if err != nil {
		return Mail{}, fmt.Errorf("%s: %w", path, err)
	}
	return Mail{
		To: message.Header.Get(envelope), From: message.Header.Get("From"), Subject: subject,
		MessageID: message.Header.Get("Message-ID"), Unsubscribe: message.Header.Get("List-Unsubscribe"),
		Parts: parts, File: path, At: info.ModTime().UTC(),
	}, nil
}

// partsOf are the parts of an e-mail by type, decoded; an e-mail that is not in parts is one.
func partsOf(message *mail.Message) (map[string]string, error) {
	kind, params, _ := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "multipart/") {
		text, err := io.ReadAll(message.Body)
		return map[string]string{kind: string(text)}, err
	}
	parts := map[string]string{}
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		parts[kind] = string(text)
	}
}
