package strimzi

import (
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"software.sslmate.com/src/go-pkcs12"
)

func TestUsers(t *testing.T) {
	admin := newFakeAdmin()
	admin.passwords["left-over"] = "its resource was deleted while nobody looked"
	admin.passwords["SomebodyElse"] = "no name that a resource could have"
	b := newBench(t, userOperatorInPod(admin), connectTo(admin))
	interval := int64(3000)
	kafka := b.decode(splitDocuments(observedKafka)[1]).(*kafkav1.Kafka)
	kafka.Spec.EntityOperator.UserOperator.ReconciliationIntervalMs = &interval
	kafka.Namespace = b.namespace
	b.create(splitDocuments(observedKafka)[0])
	require.NoError(t, b.api.Create(t.Context(), kafka))
	b.awaitKafka("events", "Ready", "", time.Minute)

	password := func(user string) (p string) {
		admin.locked(func() { p = admin.passwords[user] })
		return p
	}
	await := func(t *testing.T, what string, check func() bool) {
		t.Helper()
		b.in(t).eventually(20*time.Second, what, func() error {
			if !check() {
				return errors.New("not yet")
			}
			return nil
		})
	}

	t.Run("a user without a resource is removed", func(t *testing.T) {
		await(t, "left-over should go", func() bool { return password("left-over") == "" })
		require.NotEmpty(t, password("SomebodyElse"))
	})
	t.Run("a password is made, and kept", func(t *testing.T) {
		b := b.in(t)
		b.create(userDocument("backend", topicRule))
		b.awaitUser("backend", "Ready", "", 20*time.Second)
		made := password("backend")
		require.Len(t, made, userPasswordLength)
		change(b, &kafkav1.KafkaUser{}, "backend", func(u *kafkav1.KafkaUser) {
			u.Spec.Authorization.Acls[0].Operations = []kafkav1.AclOperation{"Read"}
			u.Spec.Quotas = &kafkav1.KafkaUserQuotas{ProducerByteRate: ptr(int32(1024))}
		})
		b.awaitUser("backend", "Ready", "", 20*time.Second)
		require.Equal(t, made, password("backend"))
		admin.locked(func() {
			require.Equal(t, []ACL{{
				Type: sarama.AclResourceTopic, Name: "finance.", Pattern: sarama.AclPatternPrefixed, Host: "*",
				Operation: sarama.AclOperationRead, Allow: sarama.AclPermissionAllow,
			}}, admin.acls["User:backend"])
			require.Equal(t, map[string]float64{"producer_byte_rate": 1024}, admin.quotas["backend"])
		})
	})
	t.Run("a Secret that is deleted is made again", func(t *testing.T) {
		b := b.in(t)
		old := password("backend")
		require.NoError(t, b.api.Delete(t.Context(), &corev1.Secret{ObjectMeta: objectMeta(b.namespace, "backend")}))
		await(t, "a new Secret with a new password", func() bool {
			var secret corev1.Secret
			return b.get(&secret, "backend") == nil && password("backend") == string(secret.Data["password"]) && password("backend") != old
		})
	})
	t.Run("a password is taken from a Secret, and follows it", func(t *testing.T) {
		b := b.in(t)
		b.create(`
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: analytics, labels: {strimzi.io/cluster: events}}
spec:
  authentication:
    type: scram-sha-512
    password: {valueFrom: {secretKeyRef: {name: analytics-kafka, key: password}}}
`)
		user := b.awaitUser("analytics", "NotReady", "InvalidResourceException", 20*time.Second)
		require.Contains(t, user.Status.Conditions[0].Message, "Secret analytics-kafka with the key password")
		given := &corev1.Secret{ObjectMeta: objectMeta(b.namespace, "analytics-kafka"), StringData: map[string]string{"password": "given-1"}}
		require.NoError(t, b.api.Create(t.Context(), given))
		b.awaitUser("analytics", "Ready", "", 20*time.Second)
		require.Equal(t, "given-1", password("analytics"))
		change(b, &corev1.Secret{}, "analytics-kafka", func(s *corev1.Secret) { s.Data["password"] = []byte("given-2") })
		await(t, "the new password", func() bool { return password("analytics") == "given-2" })
		var secret corev1.Secret
		require.NoError(t, b.get(&secret, "analytics"))
		require.Equal(t, "given-2", string(secret.Data["password"]))
	})
	t.Run("a user of certificates has one of the clients' authority", func(t *testing.T) {
		b := b.in(t)
		b.create(`
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: certified, labels: {strimzi.io/cluster: events}}
spec:
  authentication: {type: tls}
  authorization: {type: simple, acls: [{resource: {type: cluster}, operations: [Describe]}]}
`)
		user := b.awaitUser("certified", "Ready", "", 20*time.Second)
		require.Equal(t, "CN=certified", user.Status.Username)
		var secret, ca corev1.Secret
		require.NoError(t, b.get(&secret, "certified"))
		require.NoError(t, b.get(&ca, "events-clients-ca-cert"))
		cert, err := parseCertificate(secret.Data["user.crt"])
		require.NoError(t, err)
		require.Equal(t, "CN=certified", cert.Subject.String())
		roots := x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(ca.Data["ca.crt"]))
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		require.NoError(t, err)
		_, _, err = pkcs12.Decode(secret.Data["user.p12"], string(secret.Data["user.password"]))
		require.NoError(t, err)
		admin.locked(func() {
			require.Equal(t, "kafka-cluster", admin.acls["User:CN=certified"][0].Name)
			require.NotContains(t, admin.passwords, "certified")
		})
	})
	t.Run("a user that is deleted is gone from Kafka", func(t *testing.T) {
		b := b.in(t)
		require.NoError(t, b.api.Delete(t.Context(), &kafkav1.KafkaUser{ObjectMeta: objectMeta(b.namespace, "backend")}))
		await(t, "backend should go", func() bool {
			var rules []ACL
			admin.locked(func() { rules = admin.acls["User:backend"] })
			return password("backend") == "" && len(rules) == 0
		})
		await(t, "its Secret should go", func() bool { return apierrors.IsNotFound(b.get(&corev1.Secret{}, "backend")) })
	})
	t.Run("rules in a cluster without authorization are refused", func(t *testing.T) {
		b := b.in(t)
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.Kafka.Authorization = nil })
		b.awaitKafka("events", "Ready", "", time.Minute)
		b.eventually(20*time.Second, "certified should be refused", func() error {
			var user kafkav1.KafkaUser
			if err := b.get(&user, "certified"); err != nil {
				return err
			}
			return hasCondition(user.Status.Conditions, "NotReady", "InvalidResourceException")
		})
	})
}

func TestACLsOf(t *testing.T) {
	rule := func(kind kafkav1.AclRuleResourceType, name string, operations ...kafkav1.AclOperation) kafkav1.AclRule {
		return kafkav1.AclRule{Resource: &kafkav1.AclRuleResource{Type: kind, Name: name}, Operations: operations}
	}
	for sentence, c := range map[string]struct {
		rule kafkav1.AclRule
		want string
	}{
		"no resource":          {kafkav1.AclRule{Operations: []kafkav1.AclOperation{"Read"}}, "has no resource"},
		"no operation":         {rule("topic", "a"), "has no operations"},
		"an unknown operation": {rule("topic", "a", "Sing"), `operation "Sing" is not known`},
		"an unknown resource":  {rule("table", "a", "Read"), `resource type "table" is not known`},
		"no name":              {rule("group", "", "Read"), "a group has no name"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := aclsOf(&kafkav1.KafkaUserAuthorization{Type: "simple", Acls: []kafkav1.AclRule{c.rule}})
			require.ErrorAs(t, err, &invalid{})
			require.ErrorContains(t, err, c.want)
		})
	}
	all := []kafkav1.AclOperation{
		"Read", "Write", "Create", "Delete", "Alter", "Describe", "ClusterAction", "AlterConfigs", "DescribeConfigs", "IdempotentWrite", "All",
	}
	acls, err := aclsOf(&kafkav1.KafkaUserAuthorization{Type: "simple", Acls: []kafkav1.AclRule{rule("topic", "a", all...)}})
	require.NoError(t, err)
	seen := map[sarama.AclOperation]bool{}
	for _, acl := range acls {
		seen[acl.Operation] = true
	}
	require.Len(t, seen, len(all), fmt.Sprint(seen))
}
