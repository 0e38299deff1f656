package exporter_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/exporter"
)

// cluster answers with what it is given.
type cluster struct {
	groups   []admin.Group
	replicas []admin.Replicas
	err      error
	closed   int
}

func (c *cluster) Progress() ([]admin.Group, error)    { return c.groups, c.err }
func (c *cluster) Replicas() ([]admin.Replicas, error) { return c.replicas, c.err }
func (c *cluster) Close() error                        { c.closed++; return nil }

func scrape(t *testing.T, e *exporter.Exporter, path string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestALookIsTold(t *testing.T) {
	kafka := &cluster{
		groups: []admin.Group{{Name: "banking", Members: 2, Partitions: []admin.PartitionLag{
			{Topic: "finance.transaction.created", Partition: 0, Committed: 12, Next: 12},
			{Topic: "finance.transaction.created", Partition: 1, Committed: 33, Next: 40, Waiting: 7},
		}}},
		replicas: []admin.Replicas{{Topic: "ai.insight.generated", Partition: 3, Wanted: 3, InSync: 2}, {Topic: "__consumer_offsets", Wanted: 3, InSync: 3}},
	}
	e := exporter.New(func(context.Context) (exporter.Kafka, error) { return kafka, nil }, quiet())
	status, body := scrape(t, e, "/metrics")
	require.Equal(t, http.StatusOK, status)
	for _, line := range []string{
		`kafka_consumergroup_members{consumergroup="banking"} 2`,
		`kafka_consumergroup_lag{consumergroup="banking",partition="0",topic="finance.transaction.created"} 0`,
		`kafka_consumergroup_lag{consumergroup="banking",partition="1",topic="finance.transaction.created"} 7`,
		`kafka_consumergroup_current_offset{consumergroup="banking",partition="1",topic="finance.transaction.created"} 33`,
		`kafka_topic_partition_replicas{partition="3",topic="ai.insight.generated"} 3`,
		`kafka_topic_partition_in_sync_replica{partition="3",topic="ai.insight.generated"} 2`,
		`kafka_topic_partition_under_replicated_partition{partition="3",topic="ai.insight.generated"} 1`,
		`kafka_topic_partition_under_replicated_partition{partition="0",topic="__consumer_offsets"} 0`,
	} {
		require.Contains(t, body, line+"\n")
	}
	e.Close()
	require.Equal(t, 1, kafka.closed)
}

func TestAClusterThatDoesNotAnswerHasNoFigures(t *testing.T) {
	failing := &cluster{err: errors.New("broker 2 is away")}
	opened := 0
	e := exporter.New(func(context.Context) (exporter.Kafka, error) {
		if opened++; opened == 1 {
			return failing, nil
		}
		return &cluster{}, nil
	}, quiet())
	status, body := scrape(t, e, "/metrics")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "broker 2 is away")
	require.Equal(t, 1, failing.closed, "the next look connects anew")
	status, _ = scrape(t, e, "/healthz")
	require.Equal(t, http.StatusOK, status, "a restart would mend nothing")
	status, _ = scrape(t, e, "/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 2, opened)
}

func TestALookThatHangsHoldsUpNoOther(t *testing.T) {
	release := make(chan struct{})
	e := exporter.New(func(context.Context) (exporter.Kafka, error) { <-release; return &cluster{}, nil }, quiet())
	ask := func() (int, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		answer := httptest.NewRecorder()
		e.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
		return answer.Code, answer.Body.String()
	}
	status, body := ask()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "no answer within")
	status, body = ask()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "the look before is not over")
	close(release)
	e.Close()
}
