package mcp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
)

// confirmation is what a change waits for: signed, so that no server needs to
// remember it. It holds for one person, one of their sessions, one tool, the same
// arguments, what was said would change, and ten minutes.
type confirmation struct {
	way    way
	id     uuid.UUID // also the Idempotency-Key: confirmed twice, it is done once
	issued time.Time // to the second; what happens "now" happens then
	said   [sha256.Size]byte
}

// way is how a person is asked.
type way byte

const (
	elicited way = 'e' // by their application: the model has no say
	relayed  way = 'r' // by the model, where the application cannot ask
)

// purpose is what a confirmation is bound to and does not hold itself.
type purpose struct {
	user, session, tool string
	arguments           any
}

const (
	confirmationLife   = 10 * time.Minute
	confirmationLength = 1 + 16 + 8 + sha256.Size
)

var errConfirmation = errors.New("this confirmation is not for this call, or older than ten minutes: call without a confirmation, and show the person what it answers")

// issue makes a confirmation of a change that was described by said.
func issue(key []byte, its purpose, by way, said string, now time.Time) (string, error) {
	c := confirmation{way: by, id: uuid.New(), issued: now.UTC().Truncate(time.Second), said: sha256.Sum256([]byte(said))}
	sum, err := c.sum(key, its)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(c.bytes(), sum...)), nil
}

// confirmed reads a confirmation that was issued for this purpose. Whether the
// change is still what was said, the caller must compare.
func confirmed(key []byte, text string, its purpose, by way, now time.Time) (confirmation, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != confirmationLength+sha256.Size {
		return confirmation{}, errConfirmation
	}
	c := confirmation{
		way: way(raw[0]), id: uuid.UUID(raw[1:17]), issued: time.Unix(int64(binary.BigEndian.Uint64(raw[17:25])), 0).UTC(),
		said: [sha256.Size]byte(raw[25:confirmationLength]),
	}
	sum, err := c.sum(key, its)
	if err != nil {
		return confirmation{}, err
	}
	if !hmac.Equal(sum, raw[confirmationLength:]) || c.way != by || now.After(c.issued.Add(confirmationLife)) {
		return confirmation{}, errConfirmation
	}
	return c, nil
}

// of tells whether the confirmation is of a change that is described so.
func (c confirmation) of(said string) bool { return c.said == sha256.Sum256([]byte(said)) }

func (c confirmation) bytes() []byte {
	raw := append([]byte{byte(c.way)}, c.id[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(c.issued.Unix()))
	return append(raw, c.said[:]...)
}

func (c confirmation) sum(key []byte, its purpose) ([]byte, error) {
	content, err := json.Marshal([]any{its.user, its.session, its.tool, its.arguments})
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(c.bytes())
	mac.Write(content)
	return mac.Sum(nil), nil
}
