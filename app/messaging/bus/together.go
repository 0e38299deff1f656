package bus

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// together is a request with several events of one partition, in their order. Each
// is answered by itself; the sidecar delivers those that failed again, and nothing
// behind them meanwhile. So that a key's events keep their order, what comes after
// one that failed must fail too.
type together struct {
	failed map[string]bool // keys; guarded by the batcher's mutex
	// inLine is closed once all of its events wait for their batch, or need none.
	inLine chan struct{}
}

// theirs is a request of the sidecar's for several events.
type theirs struct {
	Entries []struct {
		ID    string          `json:"entryId"`
		Event json.RawMessage `json:"event"`
	} `json:"entries"`
}

// Answers for an event among several.
const (
	taken = "SUCCESS"
	again = "RETRY"
)

type entryStatus struct {
	ID     string `json:"entryId"`
	Status string `json:"status"`
}

// errTooLarge: what the sidecar would ask of the memory.
var errTooLarge = errors.New("the events together are too large")

// receiveTogether answers deliveries of several events of a topic. Each takes the way
// of one that comes alone, up to the batch, where they keep their order.
func (r *Receiver) receiveTogether(topic string, deliver step) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		its, err := readTogether(request)
		if err != nil {
			r.Outcome(topic, Postponed)
			r.Log.WarnContext(request.Context(), "events did not arrive", "topic", topic, "error", err)
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
			return
		}
		statuses := make([]entryStatus, len(its.Entries))
		of := &together{failed: map[string]bool{}, inLine: make(chan struct{})}
		var all sync.WaitGroup
		for i, entry := range its.Entries {
			statuses[i] = entryStatus{entry.ID, again}
			d := decode(topic, entry.Event)
			d.of = of
			inLine := make(chan struct{})
			d.inLine = sync.OnceFunc(func() { close(inLine) })
			all.Go(func() {
				defer d.inLine() // it may be refused on the way
				if _, err := deliver(fromSidecar(request), d); err == nil {
					statuses[i].Status = taken
				}
			})
			<-inLine
		}
		close(of.inLine)
		all.Wait()
		answer(w, http.StatusOK, map[string][]entryStatus{"statuses": statuses})
	}
}

func readTogether(request *http.Request) (its theirs, err error) {
	const most = sidecar.MaxTogether * maxEvent
	raw, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, most))
	if err != nil {
		return its, errors.Join(errTooLarge, err)
	}
	return its, json.Unmarshal(raw, &its)
}
