package strimzi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The resources of strimzi-observed.md.
const observedKafka = `
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: dual
  labels: {strimzi.io/cluster: events}
spec:
  replicas: 3
  roles: [controller, broker]
  storage:
    type: jbod
    volumes:
      - {id: 0, type: persistent-claim, size: 1Gi, deleteClaim: true, kraftMetadata: shared}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata:
  name: events
spec:
  kafka:
    version: 4.3.1
    listeners:
      - {name: tls, port: 9093, type: internal, tls: true, authentication: {type: scram-sha-512}}
    authorization: {type: simple}
    config:
      default.replication.factor: 3
      min.insync.replicas: 2
      auto.create.topics.enable: false
  entityOperator:
    userOperator: {}
`

func TestSmoke(t *testing.T) {
	admin := newFakeAdmin()
	b := newBench(t, atOnce, connectTo(admin))
	start := time.Now()
	b.create(observedKafka)
	kafka := b.awaitKafka("events", "Ready", "", 60*time.Second)
	t.Log(time.Since(start), kafka.Status)
	require.NotEmpty(t, b.kubelet.seen())
}
