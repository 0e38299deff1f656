// Package strimzi stands in for Strimzi's cluster operator 1.2.0 and its user
// operator in the rehearsal, where the real ones cannot be had. Under the real
// custom resource definitions it makes of Kafka, KafkaNodePool and KafkaUser the
// objects that the real operators were observed to make: the same names, labels,
// ports, keys, annotations and statuses. The Kafka it starts is Apache Kafka.
//
// What it does less than the real one:
//
//   - Kinds: Kafka, KafkaNodePool, KafkaUser and StrimziPodSet. KafkaTopic,
//     KafkaConnect, KafkaBridge, KafkaMirrorMaker2 and KafkaRebalance are never
//     reconciled. Cruise Control, the Kafka Exporter and a topic operator make a
//     Kafka resource invalid instead of being left out silently.
//   - Listeners: type internal; authentication none, scram-sha-512 or tls; no
//     listener certificates of one's own. Authorization: none or simple.
//   - Kafka versions: those that the operator's image map names, which in the
//     rehearsal is 4.3.1 alone. The metadata version is that of the version and
//     is never raised on a cluster that runs.
//   - Certificates: keys are ECDSA P-256 (Strimzi: RSA). The operator always makes
//     the certificate authorities itself and renews their certificates under the
//     same key, before they expire or on strimzi.io/force-renew; it never replaces
//     a key. There are no maintenance windows.
//   - Brokers read their certificates from mounted Secrets by Kafka's directory
//     provider, not from the API server, so the pods need no role of their own.
//   - Pods declare port 8443 of the Kafka agent, but there is no agent: nothing
//     listens. Readiness asks the broker itself whether the quorum has unfenced it.
//   - Rolling: one pod at a time, pods that are not ready first and the active
//     controller last; each only while no partition is under-replicated. Every
//     change of configuration rolls, none is applied to a running broker.
//   - Controllers cannot be added or removed, and a broker that still holds
//     partitions is not removed: the pool keeps its size and the Kafka resource a
//     warning. Volumes cannot be added to a pool or resized.
//   - No metrics of Kafka (metricsConfig), no JMX, no rack awareness, no tiered
//     storage, no quotas plugin: asked for, they make a resource invalid. Logging
//     is inline only.
//   - Of templates, pod (metadata, scheduling, security, grace period, volumes),
//     container (environment, security, mounts), service, claim and budget count.
//   - The launcher in the Kafka image gives a small heap, the serial collector and
//     a small log cleaner buffer where the resource says nothing.
//   - The entity operator's pod runs the user operator only: the topic operator is
//     left out since nothing here makes KafkaTopics.
package strimzi
