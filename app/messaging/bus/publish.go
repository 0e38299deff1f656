// Package bus is how services reach one another: through Dapr's sidecar, which
// hides the broker behind it. No other package knows Dapr.
package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/wealth-companion/companion/app/core/event"
)

// Publisher publishes events through the sidecar.
type Publisher struct {
	dapr   client.Client
	pubsub string
}

// publishTimeout bounds one try; the outbox tries again.
const publishTimeout = 10 * time.Second

// NewPublisher connects when first used: the sidecar may start after the service.
func NewPublisher(pubsub string) (*Publisher, error) {
	port := os.Getenv("DAPR_GRPC_PORT")
	if port == "" {
		port = "50001"
	}
	// The sidecar may be started again at any time, and is a few steps away: gRPC's
	// usual pause of up to two minutes would hold events up for nothing.
	again := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}, MinConnectTimeout: 5 * time.Second}
	connection, err := grpc.NewClient(net.JoinHostPort("127.0.0.1", port),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(again))
	if err != nil {
		return nil, fmt.Errorf("the sidecar's address: %w", err)
	}
	return &Publisher{dapr: client.NewClientWithConnection(connection), pubsub: pubsub}, nil
}

// Publish sends an event, already in its envelope, to a topic; events of one
// key stay in order. nil means that the broker has it.
func (p *Publisher) Publish(ctx context.Context, topic, key string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	// The sidecar writes the trace of its caller into the event. That is the
	// event's own: the relay publishes for many.
	var its struct {
		TraceParent string `json:"traceparent"`
	}
	if json.Unmarshal(payload, &its) == nil && its.TraceParent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", its.TraceParent)
	}
	return p.dapr.PublishEvent(ctx, p.pubsub, topic, payload,
		client.PublishEventWithContentType(event.ContentType),
		client.PublishEventWithMetadata(map[string]string{"partitionKey": key}))
}

// Close lets go of the sidecar.
func (p *Publisher) Close() { p.dapr.Close() }
