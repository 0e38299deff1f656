// Package phrasing has a language model say in its own words what an agent found.
// The model gets the facts and the template's text, and may not add to them: an
// answer with a number that is not among them is refused, and the template used.
package phrasing

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Converse gives a model its orders and a text, and returns what it says.
type Converse func(ctx context.Context, orders, text string) (string, error)

// Phraser finds words.
type Phraser struct {
	Converse Converse
	// Timeout bounds one conversation; 0: five seconds.
	Timeout time.Duration
}

const usualTimeout = 5 * time.Second

// MaxMessage is how many characters a message may have.
const MaxMessage = 500

const orders = `You rewrite one message of a personal finance application so that it is friendly and clear.
Use only the facts given. Do not add, change, round or work out any number, date or name. Do not give advice that the message does not give.
Write plain English in one paragraph of at most 400 characters. No greeting, no markup, no links. Answer with the message and nothing else.`

// Phrase returns the message in the model's words; an error says why it must be
// said as it is: the model was away, too slow, or its answer was refused.
func (p Phraser) Phrase(ctx context.Context, message string, facts map[string]string) (string, error) {
	timeout := p.Timeout
	if timeout == 0 {
		timeout = usualTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var text strings.Builder
	text.WriteString("Message: " + message + "\nFacts:\n")
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		text.WriteString("- " + name + ": " + facts[name] + "\n")
	}
	answer, err := p.Converse(ctx, orders, text.String())
	if err != nil {
		return "", err
	}
	answer = strings.Join(strings.Fields(answer), " ")
	if err := Check(answer, message, facts); err != nil {
		return "", refused{err, facts}
	}
	return answer, nil
}

// refused is why a model's answer is refused. Its text repeats words and figures of
// the person's; what logs show of it does not.
type refused struct {
	why   error
	facts map[string]string
}

func (r refused) Error() string { return "the model's answer is refused: " + r.why.Error() }
func (r refused) Unwrap() error { return r.why }

var quotedOrNumber = regexp.MustCompile(`"(?:[^"\\\\]|\\\\.)*"|[0-9][0-9.,]*`)

// LogValue leaves out the facts, quoted words and numbers.
func (r refused) LogValue() slog.Value {
	text := r.Error()
	values := slices.SortedFunc(maps.Values(r.facts), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, value := range values {
		if value != "" {
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(value)).ReplaceAllString(text, "(fact)")
		}
	}
	return slog.StringValue(quotedOrNumber.ReplaceAllString(text, "(value)"))
}
