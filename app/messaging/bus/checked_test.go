package bus

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNotOfThisVersionIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, new, reason string }{
		"a later type":            {`"type":"transaction.created"`, `"type":"transaction.created.v2"`, "no topic carries"},
		"a type of another topic": {`"type":"transaction.created"`, `"type":"user.deleted"`, "schema"},
		"a schema of its own":     {`"specversion"`, `"dataschema":"/schemas/transaction.created/2","specversion"`, "version"},
		"a later specversion":     {`"specversion":"1.0"`, `"specversion":"2.0"`, "envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, answers(errDefect))
			_, raw := encoded(t)
			changed := bytes.Replace(raw, []byte(c.old), []byte(c.new), 1)
			require.NotEqual(t, string(raw), string(changed))
			require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, changed))
			require.Equal(t, []string{Refused}, b.outcomes)
			require.Contains(t, b.letters[0].Reason, c.reason)
		})
	}
}
