package strimzi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const storePasswordLength = 12

// certificates are a cluster's, as they lie in its Secrets.
type certificates struct {
	cluster, clients *authority
	operator         pair
	generations      generations
	userOperator     string // fingerprint of the user operator's certificate
}

// secrets reads and writes a cluster's certificates. It reads past the cache: an
// authority that the cache does not show yet must not be made a second time.
type secrets struct {
	client client.Client
	live   client.Reader
	apply  *applier
	now    func() time.Time
}

func (s *secrets) reconcile(ctx context.Context, m *model) (*certificates, error) {
	cluster, err := s.authority(ctx, m, "cluster-ca", m.clusterCA(), m.clusterCACert(), m.kafka.Spec.ClusterCa)
	if err != nil {
		return nil, err
	}
	clients, err := s.authority(ctx, m, "clients-ca", m.clientsCA(), m.clientsCACert(), m.kafka.Spec.ClientsCa)
	if err != nil {
		return nil, err
	}
	bundle := s.secret(m, m.trustBundle(), m.labels(applicationName, "trust-bundle", "trust-bundle", clusterOperatorName),
		map[string][]byte{clusterCAKey: cluster.cert, clientsCAKey: clients.cert}, nil)
	if err := s.apply.apply(ctx, bundle); err != nil {
		return nil, err
	}

	validity, renewal := days(m.kafka.Spec.ClusterCa)
	issue := func(secret, key string, labels map[string]string, r request) (pair, error) {
		r.days = validity
		return s.issued(ctx, m, cluster, secret, key, labels, r, renewal)
	}
	out := &certificates{
		cluster: cluster.authority, clients: clients.authority,
		generations: generations{
			clusterCACert: strconv.Itoa(cluster.certGeneration),
			clusterCAKey:  strconv.Itoa(cluster.keyGeneration),
			clientsCACert: strconv.Itoa(clients.certGeneration),
			serverCert:    map[string]string{}, configuration: map[string]string{},
		},
	}
	out.operator, err = issue(m.operatorCerts(), clusterOperatorKey, m.certificateLabels(), request{commonName: clusterOperatorCommonName})
	if err != nil {
		return nil, err
	}
	for _, n := range m.nodes() {
		p, err := issue(n.pod, n.pod, m.kafkaLabels(), request{commonName: m.names.kafka(), dns: m.hosts(n)})
		if err != nil {
			return nil, err
		}
		out.generations.serverCert[n.pod] = fingerprint(p.cert)
	}
	if m.hasUserOperator() {
		p, err := issue(m.userCerts(), entityCertKey, m.entityLabels("entity-user-operator"), request{commonName: m.userOperator()})
		if err != nil {
			return nil, err
		}
		out.userOperator = fingerprint(p.cert)
	}
	return out, nil
}

// hosts are the names under which clients and other nodes reach a node.
func (m *model) hosts(n node) []string {
	var hosts []string
	for _, service := range []string{m.bootstrap(), m.names.brokers()} {
		hosts = append(hosts, service, service+"."+m.namespace, m.names.service(service), m.names.service(service)+".cluster.local")
	}
	return append(hosts, m.podHost(n.pod), m.podHost(n.pod)+".cluster.local")
}

type keptAuthority struct {
	*authority
	certGeneration, keyGeneration int
}

// authority makes a certificate authority once, and renews its certificate.
func (s *secrets) authority(ctx context.Context, m *model, name, keySecret, certSecret string, spec *kafkav1.CertificateAuthority) (*keptAuthority, error) {
	keys, err := s.read(ctx, m.namespace, keySecret)
	if err != nil {
		return nil, err
	}
	certs, err := s.read(ctx, m.namespace, certSecret)
	if err != nil {
		return nil, err
	}
	kept := &keptAuthority{
		certGeneration: generation(certs, annotationCACertGen),
		keyGeneration:  generation(keys, annotationCAKeyGen),
	}
	validity, renewal := days(spec)
	key := keys.Data["ca.key"]
	found := pair{cert: certs.Data["ca.crt"], key: key}
	switch {
	case len(key) == 0:
		// Brokers that know an earlier authority learn of this one by a roll, so
		// the generations must go on, not begin again.
		if len(found.cert) > 0 {
			kept.certGeneration++
			kept.keyGeneration++
		}
		kept.authority, err = newAuthority(name, validity, nil, s.now())
	case len(found.cert) == 0:
		kept.certGeneration++
		kept.authority, err = newAuthority(name, validity, key, s.now())
	default:
		kept.authority, err = parseAuthority(found)
		if err != nil {
			return nil, fmt.Errorf("Secrets %s and %s: %w", keySecret, certSecret, err)
		}
		if due(kept.certificate, renewal, s.now()) || certs.Annotations[annotationForceRenew] == "true" {
			kept.certGeneration++
			kept.authority, err = newAuthority(name, validity, key, s.now())
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.keepAuthority(ctx, m, kept, keySecret, certSecret, certs); err != nil {
		return nil, err
	}
	return kept, nil
}

func (s *secrets) keepAuthority(ctx context.Context, m *model, kept *keptAuthority, keySecret, certSecret string, old *corev1.Secret) error {
	pemOf := kept.authority.pair
	// The key is written first: a certificate without its key would be lost, a
	// key without its certificate gets one.
	key := s.secret(m, keySecret, m.certificateLabels(), map[string][]byte{"ca.key": pemOf.key},
		map[string]string{annotationCAKeyGen: strconv.Itoa(kept.keyGeneration)})
	if err := s.apply.apply(ctx, key); err != nil {
		return err
	}
	password := string(old.Data["ca.password"])
	store := old.Data["ca.p12"]
	if string(old.Data["ca.crt"]) != string(pemOf.cert) || password == "" || len(store) == 0 {
		var err error
		if password == "" {
			if password, err = newPassword(storePasswordLength); err != nil {
				return err
			}
		}
		if store, err = trustStore(pemOf.cert, password); err != nil {
			return err
		}
	}
	cert := s.secret(m, certSecret, m.certificateLabels(),
		map[string][]byte{"ca.crt": pemOf.cert, "ca.p12": store, "ca.password": []byte(password)},
		map[string]string{annotationCACertGen: strconv.Itoa(kept.certGeneration)})
	if t := m.template().ClusterCaCert; t != nil && certSecret == m.clusterCACert() {
		cert.Labels = merged(templateLabels(t), cert.Labels)
		cert.Annotations = merged(templateAnnotations(t), cert.Annotations)
	}
	if err := s.apply.apply(ctx, cert); err != nil {
		return err
	}
	if _, ordered := old.Annotations[annotationForceRenew]; !ordered {
		return nil
	}
	// The order is done; left in place it would be carried out again and again.
	undo := client.RawPatch("application/merge-patch+json",
		fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, annotationForceRenew))
	if err := s.client.Patch(ctx, cert, undo); err != nil {
		return fmt.Errorf("Secret %s: %w", certSecret, err)
	}
	return nil
}

// issued keeps a certificate in a Secret, and renews it when it must be.
func (s *secrets) issued(ctx context.Context, m *model, ca *keptAuthority, name, key string, labels map[string]string, r request, renewal int32) (pair, error) {
	old, err := s.read(ctx, m.namespace, name)
	if err != nil {
		return pair{}, err
	}
	p := pair{cert: old.Data[key+".crt"], key: old.Data[key+".key"]}
	if ca.stale(p, r, renewal, s.now()) != "" {
		if p, err = ca.issue(r, s.now()); err != nil {
			return pair{}, err
		}
	}
	secret := s.secret(m, name, labels, map[string][]byte{key + ".crt": p.cert, key + ".key": p.key},
		map[string]string{annotationClusterCACert: strconv.Itoa(ca.certGeneration)})
	return p, s.apply.apply(ctx, secret)
}

func (s *secrets) secret(m *model, name string, labels map[string]string, data map[string][]byte, annotations map[string]string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: m.meta(name, labels), Type: corev1.SecretTypeOpaque, Data: data}
	secret.Annotations = annotations
	return secret
}

// read gives an empty Secret for one that is not there.
func (s *secrets) read(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := s.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return &secret, nil
}

// sweep removes what belonged to nodes that are gone.
func (s *secrets) sweep(ctx context.Context, m *model) error {
	var pods []string
	for _, n := range m.nodes() {
		pods = append(pods, n.pod)
	}
	mine := []client.ListOption{client.InNamespace(m.namespace), client.MatchingLabels{labelCluster: m.cluster, labelName: m.names.kafka()}}
	var lists = []client.ObjectList{&corev1.SecretList{}, &corev1.ConfigMapList{}}
	for _, list := range lists {
		if err := s.client.List(ctx, list, mine...); err != nil {
			return fmt.Errorf("list what the nodes had: %w", err)
		}
	}
	var gone []client.Object
	for i := range lists[0].(*corev1.SecretList).Items {
		gone = append(gone, &lists[0].(*corev1.SecretList).Items[i])
	}
	for i := range lists[1].(*corev1.ConfigMapList).Items {
		gone = append(gone, &lists[1].(*corev1.ConfigMapList).Items[i])
	}
	gone = slices.DeleteFunc(gone, func(o client.Object) bool { return slices.Contains(pods, o.GetName()) })
	for _, object := range gone {
		if err := s.client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", object.GetName(), err)
		}
	}
	return nil
}

func generation(object metav1.Object, annotation string) int {
	n, err := strconv.Atoi(object.GetAnnotations()[annotation])
	if err != nil {
		return 0
	}
	return n
}
