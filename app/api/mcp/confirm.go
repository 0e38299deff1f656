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

// A change is carried out in two steps: the first call tells what would be done
// and returns a confirmation; the same call with the confirmation does it. The
// confirmation holds for one person, one tool, the same arguments and ten
// minutes, and no server needs to remember it.
type confirmation struct {
	id      uuid.UUID // also the Idempotency-Key: confirmed twice, it is done once
	expires time.Time
}

const confirmationLife = 10 * time.Minute

var errConfirmation = errors.New("this confirmation is not for this call, or older than ten minutes: call without a confirmation, and show the person what it answers")

// issue makes a confirmation for a call.
func issue(key []byte, user, tool string, arguments any, now time.Time) (string, error) {
	c := confirmation{id: uuid.New(), expires: now.Add(confirmationLife)}
	sum, err := c.sum(key, user, tool, arguments)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(c.bytes(), sum...)), nil
}

// confirmed returns the id of a confirmation that was issued for this call.
func confirmed(key []byte, text, user, tool string, arguments any, now time.Time) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 16+8+sha256.Size {
		return uuid.Nil, errConfirmation
	}
	c := confirmation{id: uuid.UUID(raw[:16]), expires: time.Unix(int64(binary.BigEndian.Uint64(raw[16:24])), 0)}
	sum, err := c.sum(key, user, tool, arguments)
	if err != nil {
		return uuid.Nil, err
	}
	if !hmac.Equal(sum, raw[24:]) || now.After(c.expires) {
		return uuid.Nil, errConfirmation
	}
	return c.id, nil
}

func (c confirmation) bytes() []byte {
	return binary.BigEndian.AppendUint64(append([]byte{}, c.id[:]...), uint64(c.expires.Unix()))
}

func (c confirmation) sum(key []byte, user, tool string, arguments any) ([]byte, error) {
	content, err := json.Marshal([]any{user, tool, arguments})
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(c.bytes())
	mac.Write(content)
	return mac.Sum(nil), nil
}
