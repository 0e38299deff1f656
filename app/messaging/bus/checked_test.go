package bus

import (
	"bytes"
	"encoding/json"
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

// Nobody is woken for what somebody sent to see it refused; that it says so harms no event that
// is within its contract.
func TestADrillIsADeadLetterOfItsOwnKind(t *testing.T) {
	e, _ := encoded(t)
	e.Drill = true
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	b := newBench(t, answers(nil))
	require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, raw))
	poisoned := bytes.Replace(raw, []byte(`"amount":"1.00"`), []byte(`"amount":"a lot"`), 1)
	require.NotEqual(t, string(raw), string(poisoned))
	require.Equal(t, http.StatusOK, b.deliver("/events/"+topic, poisoned))
	require.Equal(t, []string{Handled, Drill}, b.outcomes)
	require.Len(t, b.letters, 1)
}
