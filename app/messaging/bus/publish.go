// Package bus is how services reach one another: through Dapr's sidecar, which
// hides the broker behind it. No other package knows Dapr.
package bus

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dapr/go-sdk/client"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// Publisher publishes events through the sidecar.
type Publisher struct {
	dapr   client.Client
	pubsub string
}

// publishTimeout bounds one attempt; the outbox makes more.
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
	connection, err := grpc.NewClient(net.JoinHostPort("127.0.0.1", port), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(again), grpc.WithPerRPCCredentials(rpcToken(os.Getenv(sidecar.APIToken))),
		grpc.WithUnaryInterceptor((&bulkMethod{}).intercept),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(otel.GetTracerProvider()), otelgrpc.WithPropagators(propagation.TraceContext{}))))
	if err != nil {
		return nil, fmt.Errorf("the sidecar's address: %w", err)
	}
	return &Publisher{dapr: client.NewClientWithConnection(connection), pubsub: pubsub}, nil
}

// Publish sends an event, already in its envelope, to a topic; events of one key
// stay in order when each is sent after the one before was taken. nil means that
// the broker has it. The error is a *RefusedError when the broker will never take it.
func (p *Publisher) Publish(ctx context.Context, topic, key string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	err := p.dapr.PublishEvent(ctx, p.pubsub, topic, payload,
		client.PublishEventWithContentType(event.ContentType),
		client.PublishEventWithMetadata(map[string]string{partitionKey: key}),
		// As it is: the sidecar would decode it, replace its trace by the relay's, and
		// encode it again.
		client.PublishEventWithRawPayload())
	return classify(err)
}

// partitionKey is the metadata that the Kafka component makes the message's key of.
const partitionKey = "partitionKey"

// Message is an event in its envelope, and the key that it is in order with.
type Message struct {
	Key     string
	Payload []byte
}

// PublishAll sends events to a topic in one request. nil means that the broker has
// all of them. After an error the broker may have any of them: the sidecar does not
// tell which. So that events of one key stay in order, there must be only one of
// each key.
func (p *Publisher) PublishAll(ctx context.Context, topic string, messages []Message) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	entries := make([]any, len(messages))
	for i, m := range messages {
		entries[i] = client.PublishEventsEvent{
			EntryID: strconv.Itoa(i), Data: m.Payload, ContentType: event.ContentType,
			// An entry without metadata of its own would have none, not the request's.
			Metadata: map[string]string{partitionKey: m.Key},
		}
	}
	sent := p.dapr.PublishEvents(ctx, p.pubsub, topic, entries, client.PublishEventsWithRawPayload())
	return classify(sent.Error)
}

// bulkMethod has the SDK publish in bulk by the method that the sidecar has. Before
// 1.17 sidecars know the method by its older name only, which the SDK falls back to
// when the newer one is not implemented. They do not say so, however: they take a
// method that is none of theirs for one of an application's, and miss its id.
type bulkMethod struct{ older atomic.Bool }

const (
	newerBulkMethod = "/dapr.proto.runtime.v1.Dapr/BulkPublishEvent"
	takenForAnApps  = "required metadata dapr-callee-app-id"
)

func (b *bulkMethod) intercept(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if method != newerBulkMethod {
		return invoke(ctx, method, request, reply, connection, options...)
	}
	if b.older.Load() {
		return errOlder
	}
	err := invoke(ctx, method, request, reply, connection, options...)
	if err != nil && strings.Contains(err.Error(), takenForAnApps) {
		b.older.Store(true)
		return errOlder
	}
	return err
}

var errOlder = status.Error(codes.Unimplemented, "the sidecar has this method by its older name")

// DeadLetter publishes an event on its topic's dead letters, with how it came there.
func (p *Publisher) DeadLetter(ctx context.Context, key string, payload []byte, died event.Death) error {
	return p.Publish(ctx, event.DeadLetter(died.Topic), key, letter(payload, died))
}

// Close lets go of the sidecar.
func (p *Publisher) Close() { p.dapr.Close() }
