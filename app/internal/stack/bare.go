package stack

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// Bulk is how many events a sidecar delivers together and how long it waits for them,
// in milliseconds; zero: each alone.
type Bulk struct{ Most, Wait int }

// Bare starts a sidecar of an application that is handler: it takes part as a consumer
// of its own in the events of the topics that it subscribes to, with none of the services' work.
// The sidecar reads further resources as well.
func (s *Stack) Bare(name string, topics sidecar.Topics, bulk Bulk, handler http.Handler, further ...sidecar.Resource) {
	s.t.Helper()
	own := []sidecar.Resource{sidecar.Kafka(name, s.at("network to "+Kafka), sidecar.Anonymous(), topics)}
	for _, topic := range topics.Subscribes {
		subscription := sidecar.Subscription(name, event.Topic{Name: topic})
		if bulk.Most > 0 {
			spec := maps.Clone(subscription.Fields["spec"].(map[string]any))
			spec["bulkSubscribe"] = map[string]any{"enabled": true, "maxMessagesCount": bulk.Most, "maxAwaitDurationMs": bulk.Wait}
			subscription.Fields["spec"] = spec
		}
		own = append(own, subscription)
	}
	own = append(own, further...)
	app := httptest.NewServer(handler)
	s.t.Cleanup(app.Close)
	_, port, err := net.SplitHostPort(app.Listener.Addr().String())
	s.must(err)
	number, err := strconv.Atoi(port)
	s.must(err)
	s.is(name+" events", number)
	resources, err := s.writeResources(name, own)
	s.must(err)
	s.addSidecar(name, resources)
	s.must(s.processes[Sidecar(name)].start(context.WithoutCancel(s.t.Context())))
}
