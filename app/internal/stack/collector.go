package stack

import (
	"context"
	"encoding/hex"
	"net"
	"sync"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Span is a span as it arrived at the collector.
type Span struct {
	*otlp.Span
	Service string // its resource's service.name; a service's sidecar has the service's
	Scope   string // what made it
}

// Trace is the id of its trace.
func (s Span) Trace() string { return hex.EncodeToString(s.TraceId) }

// Sidecars tells whether a sidecar made it.
func (s Span) Sidecars() bool { return s.Scope == "dapr-diagnostics" }

// mostSpans bounds what a collector keeps.
const mostSpans = 200_000

// Collector takes the spans of all services and sidecars.
type Collector struct {
	collect.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []Span
}

// Export takes spans.
func (c *Collector) Export(_ context.Context, request *collect.ExportTraceServiceRequest) (*collect.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range request.ResourceSpans {
		service := ""
		for _, attribute := range of.Resource.GetAttributes() {
			if attribute.Key == "service.name" {
				service = attribute.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				if len(c.spans) < mostSpans {
					c.spans = append(c.spans, Span{span, service, scope.Scope.GetName()})
				}
			}
		}
	}
	return &collect.ExportTraceServiceResponse{}, nil
}

// Spans lists what arrived so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// addCollector starts a collector. It is no program of its own: nobody kills it.
func (s *Stack) addCollector() error {
	listener, err := net.Listen("tcp", s.at("collector"))
	if err != nil {
		return err
	}
	s.Collector = &Collector{}
	server := grpc.NewServer()
	collect.RegisterTraceServiceServer(server, s.Collector)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			s.t.Errorf("the collector: %v", err)
		}
	})
	return nil
}

// traced are the settings by which a service exports every trace, soon.
func (s *Stack) traced() []string {
	if s.Collector == nil {
		return nil
	}
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + s.at("collector"), "OTEL_BSP_SCHEDULE_DELAY=200",
		"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=1",
	}
}

// sidecarsTracing is what sidecars do of traces.
func (s *Stack) sidecarsTracing() map[string]any {
	tracing := map[string]any{"samplingRate": "1"}
	if s.Collector != nil {
		tracing["otel"] = map[string]any{"endpointAddress": s.at("collector"), "isSecure": false, "protocol": "grpc"}
	}
	return tracing
}
