package stack

import (
	"context"
	"fmt"
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
// of its own in a topic's events, with none of the services' work. The returned port is
// that of the sidecar's gRPC API.
func (s *Stack) Bare(name, topic string, bulk Bulk, handler http.Handler) (grpcPort int) {
	s.t.Helper()
	subscription := sidecar.Subscription(name, event.Topic{Name: topic})
	if bulk.Most > 0 {
		spec := maps.Clone(subscription.Fields["spec"].(map[string]any))
		spec["bulkSubscribe"] = map[string]any{"enabled": true, "maxMessagesCount": bulk.Most, "maxAwaitDurationMs": bulk.Wait}
		subscription.Fields["spec"] = spec
	}
	app := httptest.NewServer(handler)
	s.t.Cleanup(app.Close)
	_, port, err := net.SplitHostPort(app.Listener.Addr().String())
	s.must(err)
	number, err := strconv.Atoi(port)
	s.must(err)
	s.ports[name+" events"] = number
	resources, err := s.writeResources(name, []sidecar.Resource{
		sidecar.Kafka(name, s.at("network to "+Kafka), sidecar.Anonymous()), subscription,
	})
	s.must(err)
	s.addSidecar(name, resources)
	s.must(s.processes[Sidecar(name)].start(context.WithoutCancel(s.t.Context())))
	return s.port(fmt.Sprintf("%s sidecar grpc", name))
}
