package observer

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/agent/phrasing"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// Settings are how an agent goes about it.
type Settings struct {
	// Interval is how long after a review the next one comes. REVIEW_INTERVAL
	Interval time.Duration
	// Settle is how long after a change a review comes sooner: time for what
	// belongs together to arrive. REVIEW_SETTLE
	Settle time.Duration
	// Conversation is Dapr's component of a language model; "": none.
	// CONVERSATION_COMPONENT
	Conversation string
}

// Load reads the settings and tells of everything that is wrong at once.
func Load(getenv func(string) string) (Settings, error) {
	s := Settings{Interval: 24 * time.Hour, Settle: 10 * time.Minute, Conversation: getenv("CONVERSATION_COMPONENT")}
	var wrong []error
	for key, target := range map[string]*time.Duration{"REVIEW_INTERVAL": &s.Interval, "REVIEW_SETTLE": &s.Settle} {
		text := getenv(key)
		if text == "" {
			continue
		}
		given, err := time.ParseDuration(text)
		if err != nil || given < time.Second {
			wrong = append(wrong, fmt.Errorf("%s is %q: it is a duration of a second at least, such as 24h", key, text))
			continue
		}
		*target = given
	}
	return s, errors.Join(wrong...)
}

// New makes an observer by the settings of the environment. What it observes is
// for the agent to say.
func New(pool *pgxpool.Pool, log *slog.Logger, getenv func(string) string) (*Observer, error) {
	settings, err := Load(getenv)
	if err != nil {
		return nil, err
	}
	o := &Observer{Pool: pool, Log: log, Settings: settings}
	if settings.Conversation != "" {
		model := bus.Conversation{Name: settings.Conversation, Client: bus.Invoker()}
		o.Phrase = phrasing.Phraser{Converse: model.Converse}.Phrase
	}
	return o, nil
}

// tick is how often it is looked whose turn it is.
func (s Settings) tick() time.Duration {
	return min(max(min(s.Interval, s.Settle)/4, 250*time.Millisecond), 15*time.Second)
}
